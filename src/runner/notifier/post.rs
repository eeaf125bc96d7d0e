//! Posts a report: as the end of the message that follows the watch and a reply to it, or as a message by itself.

use std::time::Duration;

use super::{EDITS, NotPosted, Notifier, logged};
use crate::clock::Deadline;
use crate::ledger::Comparison;
use crate::outlets::{About, Call, Content, Fault, Outlet, Part, PostError, Reach, To};
use crate::prose::Notice;
use crate::watch::{Outcome, Receipt, Report};

/// What became of the message that follows a watch and of the reply below it.
enum InThread {
    Told,
    NotTold(NotPosted),
    /// The report is to be a message by itself; Slack may have asked the edit to wait.
    OwnMessage(Option<Duration>),
}

/// Whether the message that follows a watch shows its end.
pub(super) enum Edited {
    Yes,
    /// It is not there any more, or was deleted.
    Never,
}

impl Notifier {
    /// Tells `report`, with how it compares with the run before if there was one: makes the end of the message that follows the
    /// watch and replies to it, since an edit notifies no one; or posts a separate message.
    pub(in crate::runner) async fn post(
        &self,
        outlet: &dyn Outlet,
        report: &Report,
        comparison: Option<&Comparison>,
        deadline: Deadline,
    ) -> Result<(), NotPosted> {
        let notice = self.words_of(outlet, report, comparison);
        let asked_to_wait = match self.followed_by(report) {
            Some(live) => match self.post_in_thread(outlet, report, live, &notice, deadline).await {
                InThread::Told => return Ok(()),
                InThread::NotTold(not_posted) => return Err(not_posted),
                InThread::OwnMessage(asked_to_wait) => asked_to_wait,
            },
            None => None,
        };
        let target = self.target(outlet, report);
        let content = self.content(report, &notice, Part::Whole);
        let call = Call { limit: deadline.for_call(), now: self.clock.now() };
        let posted = outlet.post(To::Target(target.as_ref()), content, call).await;
        let mentions = !notice.mentions.is_empty();
        let not_posted =
            |error: PostError| NotPosted { error: error.after_wait(asked_to_wait), is_edit: false, mentions };
        posted.map(|_| ()).map_err(not_posted)
    }

    async fn post_in_thread(
        &self,
        outlet: &dyn Outlet,
        report: &Report,
        live: &Receipt,
        notice: &Notice,
        deadline: Deadline,
    ) -> InThread {
        let is_end = report.outcome != Outcome::Stalled;
        if is_end {
            match self.edit_to_end(outlet, report, live, notice, deadline).await {
                Ok(Edited::Yes) => {}
                Ok(Edited::Never) => return InThread::OwnMessage(None),
                // That something is wrong with the edit alone must not keep the end from people.
                Err(error) if error.may_pass() && report.tries >= EDITS => {
                    return InThread::OwnMessage(error.retry_after);
                }
                Err(error) => return InThread::NotTold(NotPosted { error, is_edit: true, mentions: false }),
            }
        }
        if self.replied_to_by(outlet, report).is_none() {
            return InThread::OwnMessage(None);
        }
        let reach = match (is_end, report.outcome.is_trouble()) {
            (false, _) => Reach::Thread,
            (true, false) => Reach::Mentioned,
            (true, true) => Reach::Everyone,
        };
        let mentions = !notice.mentions.is_empty();
        let content = self.content(report, notice, Part::Reply);
        let call = Call { limit: deadline.for_call(), now: self.clock.now() };
        match outlet.post(To::Reply { of: live, reach }, content, call).await {
            Ok(_) => InThread::Told,
            // A channel may take messages and no replies.
            Err(error) if takes_no_replies(&error, mentions, report.tries) => InThread::OwnMessage(None),
            Err(error) => InThread::NotTold(NotPosted { error, is_edit: false, mentions }),
        }
    }

    /// Makes the end of the message that follows the watch. One that is there and can't be edited any more would say for ever that it
    /// runs: it is deleted.
    pub(super) async fn edit_to_end(
        &self,
        outlet: &dyn Outlet,
        report: &Report,
        live: &Receipt,
        notice: &Notice,
        deadline: Deadline,
    ) -> Result<Edited, PostError> {
        let content = self.content(report, notice, Part::Edit);
        let call = Call { limit: deadline.for_call(), now: self.clock.now() };
        match outlet.edit(live, content, call).await {
            Ok(()) => Ok(Edited::Yes),
            Err(error) if error.fault.ends_edits() => {
                if error.fault != Fault::Gone {
                    let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
                    let retracted = outlet.retract(live, call).await;
                    logged("the old live message could not be deleted", retracted);
                }
                Ok(Edited::Never)
            }
            Err(error) => Err(error),
        }
    }

    /// `part` of what `report` says.
    fn content<'a>(&'a self, report: &'a Report, notice: &'a Notice, part: Part) -> Content<'a> {
        let about = About::report(&self.config.topic, report);
        Content { notice, part, plain: report.as_plain_text, about }
    }
}

/// Whether a message by itself may pass where a reply did not.
fn takes_no_replies(error: &PostError, mentions: bool, tries: u32) -> bool {
    match error.fault {
        Fault::Gone | Fault::Uneditable | Fault::Target => true,
        Fault::Restricted => !mentions,
        Fault::Unknown => tries >= EDITS,
        Fault::Passing | Fault::Unclear | Fault::Foreign | Fault::Content | Fault::Closed | Fault::Access => {
            false
        }
    }
}
