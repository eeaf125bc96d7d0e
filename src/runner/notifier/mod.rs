//! Tells people: posts reports and messages of progress to the outlets, and knows which messages can't be edited any more.

mod digest;
mod fallback;
mod live;
mod post;
mod retry;

pub(super) use live::ProgressUpdate;
pub(super) use retry::{EDITS, NotPosted, again, counts_as_delivered, said, unclear};

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::Comparison;
use crate::outlets::{Outlet, Outlets, Place, PostError, addressed};
use crate::prose::{Context, Notice, compared_notice};
use crate::watch::{Check, Mention, Message, Notify, Outcome, Receipt, Report, Routing, Target, Watch};

/// Tells people.
pub(super) struct Notifier {
    config: Arc<Config>,
    outlets: Outlets,
    /// What an outlet that takes no addresses of messages and settings has instead, by its id.
    defaults: Vec<(&'static str, Routing)>,
    clock: Arc<dyn Clock>,
    /// Messages that follow a watch and can't be edited any more, until the next check of that watch says so by itself.
    uneditable: Mutex<VecDeque<Receipt>>,
}

impl Notifier {
    pub(super) fn new(config: Arc<Config>, outlets: Outlets, clock: Arc<dyn Clock>) -> Self {
        let others = outlets.all().filter(|outlet| !outlet.takes_addresses());
        let own = |outlet: &dyn Outlet| Routing {
            mention: outlet.mention().cloned(),
            ..config.routing.without_addresses()
        };
        let defaults = others.map(|outlet| (outlet.id(), own(outlet))).collect();
        Self { config, outlets, defaults, clock, uneditable: Mutex::default() }
    }

    /// The outlet that `report` goes to, if it is still set up.
    pub(super) fn outlet_of(&self, report: &Report) -> Option<&dyn Outlet> {
        self.outlets.find(report.outlet.as_deref())
    }

    /// The outlet that follows the watch.
    fn home(&self, watch: &Watch) -> Option<&dyn Outlet> {
        self.outlets.home(&watch.routing)
    }

    /// `report`, which has no outlet yet, as it goes to the one that follows its watch.
    pub(super) fn for_home(&self, report: &Report) -> Option<Report> {
        self.home(&report.watch).map(|outlet| addressed(report, outlet))
    }

    /// Whether its watch asked for it: one that asked to hear of failures only does not hear of a success. Where only programs
    /// listen, every end is wanted and nothing else.
    pub(super) fn is_wanted(&self, outlet: &dyn Outlet, report: &Report) -> bool {
        if !outlet.powers().texts {
            return report.outcome.is_end();
        }
        report.outcome != Outcome::Succeeded
            || report.live.is_some()
            || self.routing(outlet, &report.watch).notify != Some(Notify::Failure)
    }

    /// Why not to post `report` now: the outlet asked to wait with what it takes.
    pub(super) fn resting(&self, outlet: &dyn Outlet, report: &Report) -> Option<PostError> {
        let target = self.target(outlet, report);
        let followed = self.replied_to_by(outlet, report);
        let place = followed.map_or(Place::Target(target.as_ref()), Place::Message);
        outlet.resting(place, self.clock.now())
    }

    /// Where and how a watch is reported in `outlet`. A watch in flight may ask for what the settings no longer allow: it gets
    /// their defaults instead.
    fn routing(&self, outlet: &dyn Outlet, watch: &Watch) -> Routing {
        let defaults = self.defaults_of(outlet);
        if !outlet.takes_addresses() {
            return watch.routing.without_addresses().or(defaults);
        }
        let own = watch.routing.clone();
        let target = own.target.filter(|target| self.config.policy.permits_target(target));
        let mention = own.mention.filter(|mention| self.config.policy.permits_mention(mention));
        Routing { target, mention, ..own }.or(defaults)
    }

    /// What a watch that doesn't say has in `outlet`.
    fn defaults_of(&self, outlet: &dyn Outlet) -> &Routing {
        let own = self.defaults.iter().find(|(id, _)| *id == outlet.id());
        own.map_or(&self.config.routing, |(_, routing)| routing)
    }

    /// The notice with the outlet's default mention in place of one that the settings no longer allow, or that is written for
    /// another outlet.
    fn permitted(&self, outlet: &dyn Outlet, notice: Notice) -> Notice {
        let permits =
            |mention: &Mention| outlet.takes_addresses() && self.config.policy.permits_mention(mention);
        let mut mentions: Vec<Mention> = Vec::new();
        for mention in notice.mentions {
            let own = Some(mention).filter(permits);
            let permitted = own.or_else(|| self.defaults_of(outlet).mention.clone());
            mentions.extend(permitted.filter(|mention| !mentions.contains(mention)));
        }
        Notice { mentions, ..notice }
    }

    /// `message` without the message that follows its watch, if anyone can have named that and the settings don't allow its target.
    pub(super) fn without_foreign_live(&self, message: Message) -> Message {
        let is_foreign = |live: &Receipt| {
            self.outlets.writer(live).is_some_and(|outlet| !self.permits_target_of(outlet, live))
        };
        match message {
            Message::Check(check) if check.live.as_ref().is_some_and(is_foreign) => {
                // As one that can't be edited: another is not posted.
                Message::Check(Box::new(Check { live: None, announced: true, ..*check }))
            }
            Message::Report(report) if report.live.as_ref().is_some_and(is_foreign) => {
                Message::Report(Box::new(Report { live: None, ..*report }))
            }
            Message::Start(_) | Message::Check(_) | Message::Test(_) | Message::Report(_) => message,
        }
    }

    /// The message that follows a watch, and the outlet that posted it, if it can be edited: wherever it is, since it would say for
    /// ever that the operation runs.
    fn editable<'a>(&self, live: Option<&'a Receipt>) -> Option<(&dyn Outlet, &'a Receipt)> {
        let live = live?;
        let outlet = self.outlets.writer(live).filter(|outlet| outlet.powers().edits)?;
        Some((outlet, live))
    }

    /// Whether the settings allow new messages where `live` is.
    fn permits_target_of(&self, outlet: &dyn Outlet, live: &Receipt) -> bool {
        outlet.target_of(live).is_none_or(|target| self.config.policy.permits_target(&target))
    }

    /// The message that follows the watch of `report`, unless the report goes to another target.
    fn followed_by<'a>(&self, report: &'a Report) -> Option<&'a Receipt> {
        let (_, live) = self.editable(report.live.as_ref()).filter(|_| report.fallback_reason.is_none())?;
        Some(live)
    }

    /// As [`Self::followed_by`], if it may be replied to.
    fn replied_to_by<'a>(&self, outlet: &dyn Outlet, report: &'a Report) -> Option<&'a Receipt> {
        self.followed_by(report).filter(|live| self.permits_target_of(outlet, live))
    }

    fn target(&self, outlet: &dyn Outlet, report: &Report) -> Option<Target> {
        let default = || self.defaults_of(outlet).target.clone();
        if report.fallback_reason.is_some() { default() } else { self.routing(outlet, &report.watch).target }
    }

    fn words_of(&self, outlet: &dyn Outlet, report: &Report, comparison: Option<&Comparison>) -> Notice {
        let context = self.context(outlet, self.clock.now());
        let notice = self.permitted(outlet, compared_notice(report, comparison, &context));
        if report.no_mention { Notice { mentions: Vec::new(), ..notice } } else { notice }
    }

    /// What is the same for all messages of this moment in `outlet`.
    fn context<'a>(&'a self, outlet: &dyn Outlet, now: DateTime<Utc>) -> Context<'a> {
        Context {
            topic: Some(&self.config.topic),
            locale: self.config.locale,
            zone: self.config.zone,
            title: self.config.title.as_deref(),
            routing: Some(self.defaults_of(outlet)),
            now,
        }
    }
}

/// The result, or a line in the log.
fn logged<T>(what: &str, result: Result<T, PostError>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!("{what}: {error}; action: {}", error.advice)).ok()
}
