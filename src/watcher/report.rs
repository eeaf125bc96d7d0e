//! A report: put it into words, post it, and if that fails, post it again later.

use chrono::{DateTime, TimeDelta, Utc};

use super::ledger::Permission;
use super::{Decided, Handled, Step, Watcher};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{Decision, report_delay};
use crate::ledger::Comparison;
use crate::message::Report;
use crate::notice::{Context, compared_notice};
use crate::slack::{PostError, payload, plain_payload};

impl Watcher {
    pub(super) async fn report(&self, report: Report, now: DateTime<Utc>, deadline: Deadline) -> Handled {
        // Without a post nothing needs a claim.
        if let Some(error) = self.slack.quiet(self.clock.now()) {
            return self.not_posted(report, error, Some(0), now, deadline).await;
        }
        let (permission, past) = self.ask(&report, deadline).await;
        let held = match permission {
            Permission::Free => None,
            Permission::Granted(held) => Some(held),
            Permission::Sent => return Handled::new(Decided::PostedBefore),
            Permission::Wait(left) => {
                let decision = self.wait(report, left);
                let (decided, error) = (Decided::Waits, None);
                return self.take(Step { decision, decided, error, call_milliseconds: None }, deadline).await;
            }
        };
        let watch = Stopwatch::start();
        let posted = self.post(&report, past.comparison().as_ref(), deadline).await;
        let call_milliseconds = Some(watch.milliseconds());
        match posted {
            Ok(()) => {
                self.sent(&report, held.as_ref(), &past, deadline).await;
                Handled { call_milliseconds, ..Handled::new(Decided::Posted) }
            }
            Err(error) => {
                // The next try is due in 10 s at the earliest, and waits for neither.
                let again = self.not_posted(report, error, call_milliseconds, now, deadline);
                tokio::join!(again, self.release(held.as_ref(), deadline)).0
            }
        }
    }

    /// Schedules the next try, unless this was the last.
    async fn not_posted(
        &self,
        report: Report,
        error: PostError,
        call_milliseconds: Option<u64>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Handled {
        let text = format!("{error}; to do: {}", error.advice());
        let handled = match again(report, &error, now) {
            Some(decision) => {
                let decided = Decided::PostAgain;
                self.take(Step { decision, decided, error: Some(text), call_milliseconds }, deadline).await
            }
            // The dead letter keeps it.
            None => Handled {
                acknowledged: false,
                error: Some(text),
                call_milliseconds,
                ..Handled::new(Decided::GaveUp)
            },
        };
        let needs_attention =
            handled.needs_attention || error.permanent || handled.decision == Decided::GaveUp;
        Handled { needs_attention, ..handled }
    }

    /// Posts `report`, beside the run before if there was one.
    pub(super) async fn post(
        &self,
        report: &Report,
        comparison: Option<&Comparison>,
        deadline: Deadline,
    ) -> Result<(), PostError> {
        let now = self.clock.now();
        if let Some(error) = self.slack.quiet(now) {
            return Err(error);
        }
        let context =
            Context { topic: Some(&self.setup.topic), locale: self.setup.locale, zone: self.setup.zone, now };
        let notice = compared_notice(report, comparison, &context);
        let payload = if report.plain { plain_payload(&notice) } else { payload(&notice) };
        self.slack.post(&payload, deadline.for_call(), now).await
    }
}

/// The next try, which counts from Slack's time where it answered: by a slow clock of ours all tries of a week would be
/// due at once. None after the last.
fn again(report: Report, error: &PostError, now: DateTime<Utc>) -> Option<Decision> {
    let delay = report_delay(report.tries, error.retry_after)?;
    let next = Report {
        tries: report.tries.saturating_add(1),
        waits: 0,
        plain: report.plain || error.blocks_refused,
        ..report
    };
    let at = error.date.unwrap_or(now) + TimeDelta::from_std(delay).unwrap_or_default();
    Some(Decision::ReportAgain(Box::new(next), at))
}
