//! A report enters the buffer: the drain is asked for that will tell it, then it is published, then its claim is marked as sent,
//! then the message that follows the watch is edited to its end.
//!
//! So a report that is in the buffer has its drain, whenever the service stops. Whatever fails before it is there leaves it as it
//! is without digests.

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Deadline, Stopwatch};
use crate::decision::digest::{Drain, drain_of};
use crate::google::CallError;
use crate::outlets::Outlet;
use crate::runner::recorder::Claimed;
use crate::runner::{Action, DeliveryResult, Runner, Step};
use crate::watch::{Message, Report};

/// How long publishing a report takes, mostly.
const PUBLISHING: TimeDelta = TimeDelta::seconds(1);
/// A drain that is farther ahead than this was asked for by a clock that is fast.
const FAR_AHEAD: TimeDelta = TimeDelta::seconds(20);

impl Runner {
    /// Puts `report` into the buffer, and says what follows; none when it is not there. `is_edited`: the message that follows the
    /// watch has its end already.
    pub(in crate::runner) async fn buffer(
        &self,
        outlet: &dyn Outlet,
        report: &Report,
        claimed: &Claimed,
        is_edited: bool,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Option<Step> {
        let digests = self.config.digests.as_ref()?;
        let watch = Stopwatch::start();
        // It is due while the report is published at the earliest; one that finds nothing is followed by others.
        let drain = drain_of(now + PUBLISHING);
        self.ask_for_drain(&drain, now, deadline).await.map_err(|error| not_buffered(&error)).ok()?;
        let data = Message::Report(Box::new(report.clone())).to_data();
        let published = self.google.publish_repeatable(&digests.topic, &data, deadline.for_call()).await;
        let googles_time = published.map_err(|error| not_buffered(&error)).ok()?;
        let milliseconds = watch.milliseconds();
        self.recorder.sent(report, claimed, deadline).await;
        if let Some(now) = googles_time.filter(|now| drain.1 - *now > FAR_AHEAD) {
            // This instance's clock is fast, so the drain is too late.
            let _ = self.ask_for_drain(&drain_of(now + PUBLISHING), now, deadline).await;
        }
        let edited = if is_edited { Ok(()) } else { self.notifier.edit_end(outlet, report, deadline).await };
        let step = match edited {
            Ok(()) => Step::last(DeliveryResult::new(Action::Buffered), now),
            Err(not_edited) => {
                let report = Report { digested: true, ..report.clone() };
                let step = self.notifier.not_posted(outlet, report, &not_edited, milliseconds, now);
                Step { handled: DeliveryResult { decision: Action::Buffered, ..step.handled }, ..step }
            }
        };
        Some(step.after_call(milliseconds))
    }

    /// The end of a report that is in the buffer: only the message that follows the watch is still to be edited.
    pub(in crate::runner) async fn edit(
        &self,
        outlet: &dyn Outlet,
        report: Report,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Step {
        let watch = Stopwatch::start();
        let edited = self.notifier.edit_end(outlet, &report, deadline).await;
        let milliseconds = watch.milliseconds();
        match edited {
            Ok(()) => Step::last(DeliveryResult::new(Action::Edited), now).after_call(milliseconds),
            Err(not_edited) => self.notifier.not_posted(outlet, report, &not_edited, milliseconds, now),
        }
    }

    /// Asks for a drain for a test, which `deploy/up` sends at its end: what a roll-back left in the buffer is told.
    pub(in crate::runner) async fn drain_leftovers(&self, deadline: Deadline) {
        if self.config.digests.is_none() {
            return;
        }
        let now = self.clock.now();
        if let Err(error) = self.ask_for_drain(&drain_of(now), now, deadline).await {
            tracing::warn!("a drain of the buffer of digests could not be scheduled for a test: {error}");
        }
    }

    /// Asks for the drain of a window, unless this instance did.
    async fn ask_for_drain(
        &self,
        drain: &Drain,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        if self.digests.has_asked(drain.0.at) {
            return Ok(());
        }
        self.schedule_drain(drain.clone(), now, deadline).await
    }

    /// Schedules a drain: a task that all instances give the same name.
    pub(super) async fn schedule_drain(
        &self,
        (slot, due): Drain,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let (window, is_of_window) = (slot.at, slot.number == 0);
        let claim = Message::Report(Box::new(Report::of_claim(slot, now)));
        self.scheduler.schedule(&claim, Some(due), deadline).await?;
        if is_of_window {
            self.digests.remember_asked(window);
        }
        Ok(())
    }
}

/// The line of a report that goes on as without digests.
fn not_buffered(error: &CallError) {
    let what = "a report could not be put into the buffer of digests, and is posted by itself";
    if error.is_transient() {
        tracing::warn!("{what}: {error}");
    } else {
        tracing::error!(reported = true, "{what}: {error}; action: check DIGEST_TOPIC and its grants");
    }
}
