//! What people are told while an operation runs: the message that follows it, and that it runs.
//!
//! None of it may delay or endanger the watch, so each call has little time, and one that fails is logged and left.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Notifier, logged};
use crate::clock::Deadline;
use crate::outlets::{About, Call, Content, Outlet, Part, Place, To};
use crate::prose::{Notice, notice, running};
use crate::watch::{Check, Notify, Outcome, Receipt, Report, Watch};

/// A `Date` is cut to whole seconds.
const DATE: Duration = Duration::from_secs(1);
/// How many messages that can't be edited are remembered, each for the time until the next check of its watch.
const UNEDITABLE: usize = 1_000;

/// What a delivery tells in addition to taking its next step.
#[derive(Default)]
pub(in crate::runner) struct ProgressUpdate {
    /// The message that it just posted, which the next check carries.
    opened: Option<Receipt>,
    /// It is to tell that the operation runs, by a message that can't be edited.
    announces: bool,
}

impl Notifier {
    /// Whether people are to hear now that the operation waits for one of them or makes no progress; the next check remembers
    /// that they were told.
    pub(in crate::runner) fn warns(&self, next: &mut Check) -> bool {
        let waits = next.last.as_ref().is_some_and(|seen| next.track.waits(&seen.facts));
        let is_told = |outlet: &dyn Outlet| self.routing(outlet, &next.watch).notify != Some(Notify::Failure);
        (waits || next.track.stalls(self.config.stall_after)) && self.home(&next.watch).is_some_and(is_told)
    }

    /// Whether a watch is followed by a message that is edited.
    pub(in crate::runner) fn follows(&self, watch: &Watch) -> bool {
        let is_followed = |outlet: &dyn Outlet| {
            let notify = self.routing(outlet, watch).notify;
            outlet.powers().edits && matches!(notify, Some(Notify::Live | Notify::StartAndEnd))
        };
        self.home(watch).is_some_and(is_followed)
    }

    /// Before the next step: posts the message that will follow the operation, unless this is a `bad_time` for it, and lets
    /// the next check carry it.
    pub(in crate::runner) async fn open(
        &self,
        mut next: Box<Check>,
        due: DateTime<Utc>,
        bad_time: bool,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> (Box<Check>, ProgressUpdate) {
        let Some(outlet) = self.home(&next.watch) else { return (next, ProgressUpdate::default()) };
        let notify = self.routing(outlet, &next.watch).notify;
        if next.live.as_ref().is_some_and(|live| self.is_uneditable(live)) {
            next.announced = true;
        }
        let announces = matches!(notify, Some(Notify::Live | Notify::StartAndEnd))
            && next.live.is_none()
            && !next.announced;
        if !announces {
            return (next, ProgressUpdate::default());
        }
        if !outlet.powers().edits {
            next.announced = true;
            return (next, ProgressUpdate { announces, ..ProgressUpdate::default() });
        }
        if !bad_time {
            self.post_first(outlet, &mut next, due, now, deadline).await;
        }
        let opened = next.live.clone();
        (next, ProgressUpdate { opened, announces: false })
    }

    /// Posts the message that will follow the operation, unless the outlet limited its rate or little time is left.
    async fn post_first(
        &self,
        outlet: &dyn Outlet,
        next: &mut Check,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) {
        let Some(limit) = deadline.for_opening() else { return };
        let call = Call { limit, now: self.clock.now() };
        let routing = self.routing(outlet, &next.watch);
        let target = routing.target.as_ref();
        if !outlet.admits(Place::Target(target), call.now) {
            return;
        }
        let followed = routing.notify == Some(Notify::Live);
        let notice = running(next, due, followed, &self.context(outlet, now));
        let content = self.whole(next, &notice);
        let posted = outlet.post(To::Target(target), content, call).await;
        // One that is there, or may be, is not posted again: without its place it could never be edited.
        next.announced = posted.as_ref().map_or_else(|error| error.ambiguous, Option::is_none);
        next.live = logged("the live message could not be posted", posted).flatten();
    }

    /// After the next step was scheduled by this copy of the delivery: what people are told of progress.
    pub(in crate::runner) async fn tell_progress(
        &self,
        next: &Check,
        due: DateTime<Utc>,
        telling: ProgressUpdate,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) {
        let Some(home) = self.home(&next.watch) else { return };
        // A message that follows it and is announced too can't be edited any more.
        let follows = self.routing(home, &next.watch).notify == Some(Notify::Live)
            && telling.opened.is_none()
            && !next.announced;
        let live = self.editable(next.live.as_ref()).filter(|_| follows);
        let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
        if let Some((outlet, live)) = live {
            // After the edit of the next check, or of the end, it would undo that, for ever perhaps.
            let until_next = (due - now).to_std().unwrap_or_default();
            let limit = call.limit.min(until_next.saturating_sub(deadline.spent() + DATE));
            if !limit.is_zero() && outlet.admits(Place::Message(live), call.now) {
                let notice = running(next, due, true, &self.context(outlet, now));
                let edited = outlet.edit(live, self.whole(next, &notice), Call { limit, ..call }).await;
                if edited.as_ref().is_err_and(|error| error.fault.ends_edits()) {
                    self.remember_uneditable(live);
                }
                logged("the live message could not be edited", edited);
            }
        } else if telling.announces {
            let notice = running(next, due, false, &self.context(home, now));
            let posted = home.post(To::Target(None), self.whole(next, &notice), call).await;
            logged("the message about the start could not be posted", posted);
        }
    }

    /// Deletes the message that this copy posted before another copy's step was found, or none could be scheduled.
    pub(in crate::runner) async fn take_back(&self, telling: ProgressUpdate, deadline: Deadline) {
        if let Some(opened) = &telling.opened
            && let Some(outlet) = self.outlets.writer(opened)
        {
            let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
            let retracted = outlet.retract(opened, call).await;
            logged("a duplicate live message could not be deleted", retracted);
        }
    }

    /// Makes the end of the message that follows the watch. A warning of no progress is no end.
    pub(in crate::runner) async fn close(&self, report: &Report, now: DateTime<Utc>, deadline: Deadline) {
        if report.outcome == Outcome::Stalled {
            return;
        }
        if let Some((outlet, live)) = self.editable(report.live.as_ref()) {
            let ended = self.permitted(outlet, notice(report, &self.context(outlet, now)));
            let about = About::report(&self.config.topic, report);
            let content = Content { notice: &ended, part: Part::Edit, plain: false, about };
            let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
            let edited = outlet.edit(live, content, call).await;
            logged("the live message could not be edited to show the end", edited);
        }
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

    /// All of a notice that tells of progress.
    fn whole<'a>(&'a self, next: &'a Check, notice: &'a Notice) -> Content<'a> {
        let about = About::progress(&self.config.topic, next);
        Content { notice, part: Part::Whole, plain: false, about }
    }
}
