//! Tells people: posts reports and messages of progress to the outlets, and knows which messages can't be edited any more.

mod fallback;
mod further;
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
use crate::outlets::{Outlet, Place, PostError};
use crate::prose::{Context, Notice, compared_notice};
use crate::watch::{Notify, Outcome, Receipt, Report, Routing, Target, Watch};

/// Tells people.
pub(super) struct Notifier {
    config: Arc<Config>,
    /// The one that follows watches.
    outlet: Arc<dyn Outlet>,
    /// Those that get the ends of watches too.
    further: Vec<Arc<dyn Outlet>>,
    clock: Arc<dyn Clock>,
    /// Messages that follow a watch and can't be edited any more, until the next check of that watch says so by itself.
    uneditable: Mutex<VecDeque<Receipt>>,
}

impl Notifier {
    pub(super) fn new(config: Arc<Config>, outlet: Arc<dyn Outlet>, clock: Arc<dyn Clock>) -> Self {
        Self { config, outlet, further: Vec::new(), clock, uneditable: Mutex::default() }
    }

    /// The same with these further outlets.
    pub(super) fn with_further(self, further: Vec<Arc<dyn Outlet>>) -> Self {
        Self { further, ..self }
    }

    /// Whether its watch asked for it: one that asked to hear of failures only does not hear of a success.
    pub(super) fn is_wanted(&self, report: &Report) -> bool {
        report.outcome != Outcome::Succeeded
            || report.live.is_some()
            || self.routing(&report.watch).notify != Some(Notify::Failure)
    }

    /// Why not to post `report` now: the outlet asked to wait with what it takes.
    pub(super) fn resting(&self, report: &Report) -> Option<PostError> {
        let target = self.target(report);
        let place = self.followed_by(report).map_or(Place::Target(target.as_ref()), Place::Message);
        self.outlet.resting(place, self.clock.now())
    }

    /// Where and how a watch is reported. A watch in flight may ask for what the settings no longer allow: it gets their
    /// defaults instead.
    fn routing(&self, watch: &Watch) -> Routing {
        let own = watch.routing.clone();
        let target = own.target.filter(|target| self.config.policy.permits_target(target));
        let mention = own.mention.filter(|mention| self.config.policy.permits_mention(mention));
        Routing { target, mention, ..own }.or(&self.config.routing)
    }

    /// The notice with the default mention in place of one that the settings no longer allow.
    fn permitted(&self, notice: Notice) -> Notice {
        match &notice.mention {
            Some(mention) if !self.config.policy.permits_mention(mention) => {
                Notice { mention: self.config.routing.mention.clone(), ..notice }
            }
            _ => notice,
        }
    }

    /// The message that follows a watch, if it can be edited.
    fn editable<'a>(&self, live: Option<&'a Receipt>) -> Option<&'a Receipt> {
        let permitted = |live: &Receipt| {
            self.outlet.target_of(live).is_some_and(|target| self.config.policy.permits_target(&target))
        };
        live.filter(|live| self.outlet.powers().edits && permitted(live))
    }

    /// The message that follows the watch of `report`, unless the report goes to another target.
    fn followed_by<'a>(&self, report: &'a Report) -> Option<&'a Receipt> {
        self.editable(report.live.as_ref()).filter(|_| report.fallback_reason.is_none())
    }

    fn target(&self, report: &Report) -> Option<Target> {
        let default = || self.config.routing.target.clone();
        if report.fallback_reason.is_some() { default() } else { self.routing(&report.watch).target }
    }

    fn words_of(&self, report: &Report, comparison: Option<&Comparison>) -> Notice {
        let notice = self.permitted(compared_notice(report, comparison, &self.context(self.clock.now())));
        let mention = notice.mention.clone().filter(|_| !report.no_mention);
        Notice { mention, ..notice }
    }

    /// What is the same for all messages of this moment.
    fn context(&self, now: DateTime<Utc>) -> Context<'_> {
        Context {
            topic: Some(&self.config.topic),
            locale: self.config.locale,
            zone: self.config.zone,
            title: self.config.title.as_deref(),
            routing: Some(&self.config.routing),
            now,
        }
    }
}

/// The result, or a line in the log.
fn logged<T>(what: &str, result: Result<T, PostError>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!("{what}: {error}; action: {}", error.advice)).ok()
}
