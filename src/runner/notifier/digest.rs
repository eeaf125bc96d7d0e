//! Posts the ends of several watches in one message, and makes the end of the message that follows one of them.

use super::{NotPosted, Notifier};
use crate::clock::Deadline;
use crate::outlets::{About, Call, Content, Outlet, Part, Place, PostError, To};
use crate::prose::{Digest, Notice, digest};
use crate::watch::{Report, Target};

impl Notifier {
    /// The outlet with this id, if it is still set up.
    pub(in crate::runner) fn outlet(&self, id: &str) -> Option<&dyn Outlet> {
        self.outlets.find(Some(id))
    }

    /// The target that `report` is posted to: that of the message that follows its watch, if there is one that may be replied to.
    pub(in crate::runner) fn place_of(&self, outlet: &dyn Outlet, report: &Report) -> Option<Target> {
        let live = self.replied_to_by(outlet, report).and_then(|live| outlet.target_of(live));
        live.or_else(|| self.target(outlet, report))
    }

    /// Why not to post to `target` now: the outlet asked to wait.
    pub(in crate::runner) fn resting_at(
        &self,
        outlet: &dyn Outlet,
        target: Option<&Target>,
    ) -> Option<PostError> {
        outlet.resting(Place::Target(target), self.clock.now())
    }

    /// Posts a digest of `reports`. `form` is one of them: where it goes, and what is left out.
    pub(in crate::runner) async fn post_digest(
        &self,
        outlet: &dyn Outlet,
        reports: &[&Report],
        form: &Report,
        id: &str,
        deadline: Deadline,
    ) -> Result<(), NotPosted> {
        let own = self.place_of(outlet, &Report { fallback_reason: None, ..form.clone() });
        let diverted = own.as_ref().zip(form.fallback_reason.as_deref());
        let told = Digest { reports, id, diverted };
        let notice = self.permitted(outlet, digest(&told, &self.context(outlet, self.clock.now())));
        let notice = if form.no_mention { Notice { mentions: Vec::new(), ..notice } } else { notice };
        let about = About::digest(&self.config.topic, id);
        let content = Content { notice: &notice, part: Part::Whole, plain: form.as_plain_text, about };
        let target = self.place_of(outlet, form);
        let call = Call { limit: deadline.for_call(), now: self.clock.now() };
        let posted = outlet.post(To::Target(target.as_ref()), content, call).await;
        let mentions = !notice.mentions.is_empty();
        posted.map(|_| ()).map_err(|error| NotPosted { error, is_edit: false, mentions })
    }

    /// Makes the end of the message that follows the watch of `report`, which is reported elsewhere.
    pub(in crate::runner) async fn edit_end(
        &self,
        outlet: &dyn Outlet,
        report: &Report,
        deadline: Deadline,
    ) -> Result<(), NotPosted> {
        let Some(live) = self.followed_by(report) else { return Ok(()) };
        let notice = self.words_of(outlet, report, None);
        let edited = self.edit_to_end(outlet, report, live, &notice, deadline).await;
        edited.map(|_| ()).map_err(|error| NotPosted { error, is_edit: true, mentions: false })
    }
}
