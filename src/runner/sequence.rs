//! The order of a delivery's effects.
//!
//! It keeps the copies of a delivery from spoiling each other's messages: the message that follows an operation is posted before
//! the next step is scheduled, which carries where it is, and deleted by the copy whose step another copy had scheduled.
//! Everything else is told after scheduling, by the copy that scheduled.

use chrono::{DateTime, Utc};

use super::notifier::ProgressUpdate;
use super::{Action, DeliveryResult, Runner, Step};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::Decision;
use crate::google::Created;
use crate::prose::stall_report;
use crate::watch::{Check, Message, Purpose};

impl Runner {
    /// Takes the next step of `step` and records what was seen, at the same time: neither waits for the other.
    pub(super) async fn take(&self, step: Step, deadline: Deadline) -> DeliveryResult {
        let Step { next, begins, obsolete, handled, release, now } = step;
        let record = self.recorder.record_of(next.as_ref(), handled.error.is_some(), release);
        let Some(next) = next else {
            self.recorder.record(record, deadline).await;
            return handled;
        };
        let advanced = self.advance(next, begins, handled, now, deadline);
        let (handled, ()) = tokio::join!(advanced, self.recorder.record(record, deadline));
        if let Some(obsolete) = obsolete.filter(|_| handled.acknowledged) {
            Box::pin(self.sentinels.delete(obsolete, deadline)).await;
        }
        handled
    }

    /// Posts, schedules the one next step, then edits, or deletes what another copy posted first. A push is refused only when
    /// scheduling fails.
    async fn advance(
        &self,
        next: Decision,
        begins: bool,
        handled: DeliveryResult,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> DeliveryResult {
        let (next, telling) = self.before(next, now, deadline).await;
        let (message, at) = next.into_message();
        let watch = Stopwatch::start();
        let is_first = handled.decision == Action::Started;
        let created = self.scheduler.next(&message, at, is_first, deadline).await;
        let schedule_milliseconds = Some(watch.milliseconds());
        if let (Message::Check(check), Ok(created), true) = (&message, &created, begins) {
            let is_own = *created == Created::New;
            Box::pin(self.guard(check, is_own, at.unwrap_or(now), now, deadline)).await;
        }
        match (&message, &created) {
            (Message::Check(check), _) if check.purpose != Purpose::Next => {}
            (Message::Check(check), Ok(Created::New | Created::MaybeNew)) => {
                self.notifier.tell_progress(check, at.unwrap_or(now), telling, now, deadline).await;
            }
            (Message::Check(_), Ok(Created::AlreadyExists) | Err(_)) => {
                self.notifier.take_back(telling, deadline).await;
            }
            // The report of another copy may know another message: this one would run on for ever.
            (Message::Report(report), Ok(Created::AlreadyExists | Created::MaybeNew)) => {
                self.notifier.close(report, now, deadline).await;
            }
            (Message::Report(_), Ok(Created::New) | Err(_)) | (Message::Start(_) | Message::Test(_), _) => {}
        }
        let operation = message.operation_name().to_owned();
        let handled = DeliveryResult { operation, schedule_milliseconds, ..handled };
        match created {
            Ok(_) => {
                let error = handled.error.map(|error| with_next_try(error, &message, at));
                DeliveryResult { error, ..handled }
            }
            Err(error) => DeliveryResult {
                acknowledged: false,
                decision: Action::NotScheduled,
                needs_attention: handled.needs_attention || !error.is_transient(),
                error: Some(format!("the next step could not be scheduled: {error}")),
                ..handled
            },
        }
    }

    /// Creates the sentinel of a watch whose first check `next` is scheduled. A copy may have posted another message, which is
    /// taken back: a sentinel of which that is not known names none, and the chain completes the message.
    async fn guard(
        &self,
        next: &Check,
        is_own: bool,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) {
        if is_own {
            self.sentinels.create(next, due, now, deadline).await;
        } else {
            let next = Check { live: None, ..next.clone() };
            self.sentinels.create(&next, due, now, deadline).await;
        }
    }

    /// Before the next step: the message that will follow an operation, and the warning, below it if there is one, that the
    /// operation waits for a person or makes no progress. The next check remembers both.
    async fn before(
        &self,
        next: Decision,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> (Decision, ProgressUpdate) {
        let Decision::Check(check, due) = next else { return (next, ProgressUpdate::default()) };
        if check.last.is_none() || check.purpose != Purpose::Next {
            return (Decision::Check(check, due), ProgressUpdate::default());
        }
        let refused_lately = self.scheduler.refused_lately();
        let (mut check, telling) = self.notifier.open(check, due, refused_lately, now, deadline).await;
        if self.notifier.warns(&mut check) {
            self.warn(&mut check, now, deadline).await;
        }
        (Decision::Check(check, due), telling)
    }

    /// Asks for the report that the operation waits for a person or makes no progress. Its task is named, so that copies ask
    /// for the same one; if it can't be created, the next check asks again.
    async fn warn(&self, check: &mut Check, now: DateTime<Utc>, deadline: Deadline) {
        let report = stall_report(check, now);
        let waits = report.asks_a_person();
        let Some(report) = self.notifier.for_home(&report) else { return };
        let report = Message::Report(Box::new(report));
        // The time of the next step is left to it.
        let created = self.scheduler.schedule_within(deadline.for_call(), &report, deadline).await;
        if let Err(failed) = created {
            check.track.not_told(waits);
            let what = if waits { "note that it waits for someone" } else { "no-progress warning" };
            tracing::warn!("the {what} could not be scheduled, and the next check retries it: {failed}");
        }
    }
}

/// The error of a start that is tried again, with the time of the next try.
fn with_next_try(error: String, message: &Message, at: Option<DateTime<Utc>>) -> String {
    match (message, at) {
        (Message::Start(_), Some(at)) => {
            format!("{error}; next try at {}", at.format("%Y-%m-%dT%H:%M:%SZ"))
        }
        _ => error,
    }
}
