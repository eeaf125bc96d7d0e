//! A report: put it into words, post it, and if that fails, post it again later.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Decided, Handled, Step, Watcher};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{Decision, report_delay};
use crate::message::Report;
use crate::notice::{Context, notice};
use crate::slack::{PostError, payload, plain_payload};

impl Watcher {
    pub(super) async fn report(&self, report: Report, now: DateTime<Utc>, deadline: Deadline) -> Handled {
        let watch = Stopwatch::start();
        let posted = self.post(&report, deadline).await;
        let call_milliseconds = Some(watch.milliseconds());
        let Err(error) = posted else {
            return Handled { call_milliseconds, ..Handled::new(Decided::Posted) };
        };
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

    pub(super) async fn post(&self, report: &Report, deadline: Deadline) -> Result<(), PostError> {
        let now = self.clock.now();
        if let Some(error) = self.slack.quiet(now) {
            return Err(error);
        }
        let context =
            Context { topic: Some(&self.setup.topic), locale: self.setup.locale, zone: self.setup.zone, now };
        let notice = notice(report, &context);
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
        plain: report.plain || error.blocks_refused,
        ..report
    };
    let at = error.date.unwrap_or(now) + TimeDelta::from_std(delay).unwrap_or_default();
    Some(Decision::ReportAgain(Box::new(next), at))
}
