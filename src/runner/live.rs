//! What people are told while an operation runs: the message that follows it, that it runs; and the report that it makes no
//! progress.
//!
//! None of it may delay or endanger the watch, so each call has little time, and one that fails is logged and left. Only the
//! warning of no progress is a report, asked for before the next step, which remembers that it was. The
//! order keeps copies of a delivery from spoiling it: a message is posted before the next step is scheduled, which
//! carries where it is, and taken back by the copy whose step another one had scheduled; everything else is told after
//! scheduling, by the copy that did.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Runner;
use crate::clock::Deadline;
use crate::decision::Decision;
use crate::google::Created;
use crate::outlets::{Call, Content, Part, Place, PostError, To};
use crate::prose::{Notice, notice, running, stall_report};
use crate::watch::{Check, Message, Notify, Outcome, Receipt, Report, Routing, Watch};

/// A `Date` is cut to whole seconds.
const DATE: Duration = Duration::from_secs(1);
/// How long no message is posted after a step could not be scheduled.
const REFUSED: TimeDelta = TimeDelta::minutes(1);
/// How many messages that can't be edited are remembered, each for the time until the next check of its watch.
const UNEDITABLE: usize = 1_000;

/// What a delivery tells in addition to taking its next step.
#[derive(Default)]
pub(super) struct Telling {
    /// The message that it just posted, which the next check carries.
    opened: Option<Receipt>,
    /// It is to tell that the operation runs, by a message that can't be edited.
    announces: bool,
}

impl Runner {
    /// Where and how a watch is reported. A watch in flight may ask for what the settings no longer allow: it gets their
    /// defaults instead.
    pub(super) fn routing(&self, watch: &Watch) -> Routing {
        let own = watch.routing.clone();
        let target = own.target.filter(|target| self.config.policy.permits_target(target));
        let mention = own.mention.filter(|mention| self.config.policy.permits_mention(mention));
        Routing { target, mention, ..own }.or(&self.config.routing)
    }

    /// The notice with the default mention in place of one that the settings no longer allow.
    pub(super) fn permitted(&self, notice: Notice) -> Notice {
        match &notice.mention {
            Some(mention) if !self.config.policy.permits_mention(mention) => {
                Notice { mention: self.config.routing.mention.clone(), ..notice }
            }
            _ => notice,
        }
    }

    /// The message that follows a watch, if it can be edited.
    pub(super) fn editable<'a>(&self, live: Option<&'a Receipt>) -> Option<&'a Receipt> {
        let permitted = |live: &Receipt| {
            self.outlet.target_of(live).is_some_and(|target| self.config.policy.permits_target(&target))
        };
        live.filter(|live| self.outlet.powers().edits && permitted(live))
    }

    /// Before the next step: posts the message that will follow the operation, and lets the next check carry it; and sees to
    /// it that people hear of an operation that makes no progress.
    pub(super) async fn open(
        &self,
        decision: &mut Decision,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Telling {
        let Decision::Check(next, due) = decision else { return Telling::default() };
        if next.last.is_none() {
            return Telling::default();
        }
        let routing = self.routing(&next.watch);
        if next.live.as_ref().is_some_and(|live| self.is_uneditable(live)) {
            next.announced = true;
        }
        if next.track.stalls(self.config.stall_after) && routing.notify != Some(Notify::Failure) {
            self.warn_of_stall(next, now, deadline).await;
        }
        let announces = matches!(routing.notify, Some(Notify::Live | Notify::StartAndEnd))
            && next.live.is_none()
            && !next.announced;
        if !announces {
            return Telling::default();
        }
        if !self.outlet.powers().edits {
            next.announced = true;
            return Telling { announces, ..Telling::default() };
        }
        let opened = self.post_first(next, *due, &routing, now, deadline).await;
        Telling { opened, announces: false }
    }

    /// Asks for the report that the operation makes no progress. Its task is named, so that copies ask for the same one; if
    /// it can't be created, the next check asks again.
    async fn warn_of_stall(&self, next: &mut Check, now: DateTime<Utc>, deadline: Deadline) {
        let report = Message::Report(Box::new(stall_report(next, now)));
        // The time of the next step is left to it.
        let created = tokio::time::timeout(deadline.for_call(), self.schedule(&report, None, deadline)).await;
        let failed = match created {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no response in time".to_owned(),
        };
        next.track.not_told();
        tracing::warn!("the stall warning is left to the next check: {failed}");
    }

    /// Posts the message that will follow the operation, unless this is a bad time for it.
    async fn post_first(
        &self,
        next: &mut Check,
        due: DateTime<Utc>,
        routing: &Routing,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Option<Receipt> {
        let call = Call { limit: deadline.for_opening()?, now: self.clock.now() };
        let target = routing.target.as_ref();
        if self.outlet.is_busy(Place::Target(target), call.now) || self.refused_lately(call.now) {
            return None;
        }
        let followed = routing.notify == Some(Notify::Live);
        let notice = running(next, due, followed, &self.context(now));
        let posted = self.outlet.post(To::Target(target), whole(&notice), call).await;
        // One that is there, or may be, is not posted again: without its place it could never be edited.
        next.announced = posted.as_ref().map_or_else(|error| error.ambiguous, Option::is_none);
        let opened = self.told("the live message could not be posted", posted).flatten();
        next.live.clone_from(&opened);
        opened
    }

    /// Whether an edit of `live` found that it can't be edited any more.
    fn is_uneditable(&self, live: &Receipt) -> bool {
        self.uneditable.lock().unwrap_or_else(PoisonError::into_inner).contains(live)
    }

    /// The edit came after the next step, which does not know: the step after it will.
    fn remember_uneditable(&self, live: &Receipt) {
        let mut uneditable = self.uneditable.lock().unwrap_or_else(PoisonError::into_inner);
        if uneditable.len() >= UNEDITABLE {
            uneditable.pop_front();
        }
        uneditable.push_back(live.clone());
    }

    /// Whether a step could not be scheduled a short while ago: while that lasts, each delivery would post a message and take
    /// it back.
    fn refused_lately(&self, now: DateTime<Utc>) -> bool {
        let last = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| (now - last).abs() < REFUSED)
    }

    /// After the next step, `message` at `due`, was scheduled, by this copy of the delivery or by another, or could not be.
    pub(super) async fn follow(
        &self,
        (message, due): (&Message, Option<DateTime<Utc>>),
        telling: Telling,
        created: Option<Created>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) {
        match (message, created) {
            (Message::Check(next), Some(Created::New | Created::Maybe)) => {
                self.tell_progress(next, due.unwrap_or(now), &telling, now, deadline).await;
            }
            (Message::Check(_), Some(Created::Already) | None) => {
                if created.is_none() {
                    *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
                }
                if let Some(opened) = &telling.opened {
                    let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
                    let retracted = self.outlet.retract(opened, call).await;
                    self.told("a duplicate live message could not be deleted", retracted);
                }
            }
            // The report of another copy may know another message: this one would run on for ever.
            (Message::Report(report), Some(Created::Already | Created::Maybe)) => {
                self.close(report, now, deadline).await;
            }
            _ => {}
        }
    }

    async fn tell_progress(
        &self,
        next: &Check,
        due: DateTime<Utc>,
        telling: &Telling,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) {
        // A message that follows it and is announced too can't be edited any more.
        let follows = self.routing(&next.watch).notify == Some(Notify::Live)
            && telling.opened.is_none()
            && !next.announced;
        let is_busy = |live: &Receipt| self.outlet.is_busy(Place::Message(live), self.clock.now());
        let live = self.editable(next.live.as_ref()).filter(|live| follows && !is_busy(live));
        let followed = live.is_some();
        let notice = || running(next, due, followed, &self.context(now));
        let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
        if let Some(live) = live {
            // After the edit of the next check, or of the end, it would undo that, for ever perhaps.
            let until_next = (due - now).to_std().unwrap_or_default();
            let limit = call.limit.min(until_next.saturating_sub(deadline.spent() + DATE));
            if !limit.is_zero() {
                let edited = self.outlet.edit(live, whole(&notice()), Call { limit, ..call }).await;
                if edited.as_ref().is_err_and(|error| error.fault.ends_edits()) {
                    self.remember_uneditable(live);
                }
                self.told("the live message could not be edited", edited);
            }
        } else if telling.announces {
            let posted = self.outlet.post(To::Target(None), whole(&notice()), call).await;
            self.told("the message that it is running could not be posted", posted);
        }
    }

    /// Makes the end of the message that follows the watch. A warning of no progress is no end.
    pub(super) async fn close(&self, report: &Report, now: DateTime<Utc>, deadline: Deadline) {
        if report.outcome == Outcome::Stalled {
            return;
        }
        if let Some(live) = self.editable(report.live.as_ref()) {
            let ended = self.permitted(notice(report, &self.context(now)));
            let content = Content { notice: &ended, part: Part::Edit, plain: false, end: None };
            let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
            let edited = self.outlet.edit(live, content, call).await;
            self.told("the live message could not be edited to show the end", edited);
        }
    }

    /// The result, or a line in the log.
    #[expect(clippy::unused_self, reason = "reads as what the runner does")]
    pub(super) fn told<T>(&self, what: &str, result: Result<T, PostError>) -> Option<T> {
        result.inspect_err(|error| tracing::warn!("{what}: {error}; action: {}", error.advice)).ok()
    }
}

/// All of a notice.
fn whole(notice: &Notice) -> Content<'_> {
    Content { notice, part: Part::Whole, plain: false, end: None }
}
