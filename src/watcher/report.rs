//! A report: put it into words, post it, and if that fails, post it again later.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Decided, Handled, Step, Watcher};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{Decision, report_delay};
use crate::message::Report;
use crate::notice::{Context, notice};
use crate::slack::{PostError, payload, plain_payload};

/// Clocks this close count as the same: a `Date` has no fraction.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

impl Watcher {
    pub(super) async fn report(&self, report: Report, deadline: Deadline) -> Handled {
        let watch = Stopwatch::start();
        let posted = self.post(&report, deadline).await;
        let call_milliseconds = Some(watch.milliseconds());
        let Err(error) = posted else {
            return Handled { call_milliseconds, ..Handled::new(Decided::Posted) };
        };
        let text = format!("{error}; to do: {}", error.advice());
        let handled = match self.again(report, &error) {
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
        if let Some(wait) = self.slack.quiet(now) {
            return Err(PostError::held_back(wait));
        }
        let context =
            Context { topic: Some(&self.setup.topic), locale: self.setup.locale, zone: self.setup.zone, now };
        let notice = notice(report, &context);
        let payload = if report.plain { plain_payload(&notice) } else { payload(&notice) };
        self.slack.post(&payload, deadline.for_call(), now).await
    }

    fn again(&self, report: Report, error: &PostError) -> Option<Decision> {
        let delay = report_delay(report.tries, error.retry_after)?;
        let next = Report {
            tries: report.tries.saturating_add(1),
            plain: report.plain || error.blocks_refused,
            ..report
        };
        // Slack's clock where ours is off: by a slow one all tries of a week would be due at once.
        let ours = self.clock.now();
        let is_off = |date: &DateTime<Utc>| (*date - ours).abs() > CLOCK_TOLERANCE;
        let now = error.date.filter(is_off).unwrap_or(ours);
        let at = now + TimeDelta::from_std(delay).unwrap_or_default();
        Some(Decision::ReportAgain(Box::new(next), at))
    }
}
