//! What follows a report that was not posted: the next try, or the last word on it.

use chrono::{DateTime, TimeDelta, Utc};

use super::Notifier;
use super::fallback::Dropped;
use crate::decision::{Decision, STALL_TRIES, UNCLEAR_RETRIES, report_delay, spread, unclear_delay};
use crate::outlets::{Fault, Outlet, PostError};
use crate::runner::{Action, DeliveryResult, Step};
use crate::watch::{Outcome, Report};

/// How often it is tried to edit the message that followed a watch, before its end is a message by itself.
pub(in crate::runner) const EDITS: u32 = 3;

/// Why a report was not posted.
pub(in crate::runner) struct NotPosted {
    /// What the outlet said.
    pub(in crate::runner) error: PostError,
    /// Whether that was said of an edit, of which nothing can be left out but its blocks.
    pub(in crate::runner) is_edit: bool,
    /// Whether what was refused mentions anyone.
    pub(in crate::runner) mentions: bool,
}

impl NotPosted {
    /// Whether the outlet said when it takes the message: nothing was posted, and nothing is wrong with it.
    pub(in crate::runner) fn is_rate_limit(&self) -> bool {
        let PostError { fault, ambiguous, retry_after, .. } = &self.error;
        *fault == Fault::Passing && !ambiguous && retry_after.is_some()
    }
}

impl Notifier {
    /// The step after a report was not posted: its next try, unless this was the last.
    pub(in crate::runner) fn not_posted(
        &self,
        outlet: &dyn Outlet,
        report: Report,
        not_posted: &NotPosted,
        call_milliseconds: u64,
        now: DateTime<Utc>,
    ) -> Step {
        // The dead letter keeps a report, but for a warning, which is out of date, for what its receiver wants no more of, and for
        // what a digest tells.
        let is_dropped =
            report.outcome == Outcome::Stalled || not_posted.error.fault == Fault::Closed || report.digested;
        let (report, dropped) = self.reduced(outlet, report, not_posted);
        let error = Some(said(&not_posted.error, dropped));
        let step = match again(report, not_posted, now) {
            Some(next) => Step::to(next, Action::PostAgain, now),
            None => Step::last(
                DeliveryResult { acknowledged: is_dropped, ..DeliveryResult::new(Action::GaveUp) },
                now,
            ),
        };
        let needs_attention = not_posted.error.permanent() || step.handled.decision == Action::GaveUp;
        let step = step.with_error(error).after_call(call_milliseconds);
        Step { handled: DeliveryResult { needs_attention, ..step.handled }, ..step }
    }
}

/// Whether the outlet has said neither yes nor no so often that one more copy would do more harm than good.
pub(in crate::runner) fn counts_as_delivered(report: &Report, not_posted: &NotPosted) -> bool {
    is_unclear(not_posted) && report.unclear >= UNCLEAR_RETRIES
}

fn is_unclear(not_posted: &NotPosted) -> bool {
    not_posted.error.fault == Fault::Unclear && !not_posted.is_edit
}

pub(in crate::runner) fn unclear(error: &PostError) -> DeliveryResult {
    let text = format!(
        "{error}; after {UNCLEAR_RETRIES} retries the report counts as delivered, though {} never returned ok; action: {}",
        error.outlet, error.advice
    );
    DeliveryResult { error: Some(text), needs_attention: true, ..DeliveryResult::new(Action::Posted) }
}

/// The error for the log, with what the next try leaves out and what a person must do.
pub(in crate::runner) fn said(error: &PostError, dropped: Option<Dropped>) -> String {
    let next = dropped.map(|dropped| format!("; next try {dropped}")).unwrap_or_default();
    format!("{error}{next}; action: {}", error.advice)
}

/// The next try, which counts from Slack's time where it answered: by a slow clock of ours all tries of a week would be
/// due at once. None after the last.
pub(in crate::runner) fn again(
    report: Report,
    not_posted: &NotPosted,
    now: DateTime<Utc>,
) -> Option<Decision> {
    let error = &not_posted.error;
    if error.fault == Fault::Closed || (report.outcome == Outcome::Stalled && report.tries >= STALL_TRIES) {
        return None;
    }
    let delay = report_delay(report.tries, error.retry_after)?;
    let unclear = is_unclear(not_posted);
    let delay = if unclear { unclear_delay(report.unclear, error.retry_after) } else { delay };
    let delay = spread(delay, &["report", &report.watch.id, &report.tries.to_string()]);
    let next = Report {
        tries: report.tries.saturating_add(1),
        unclear: report.unclear.saturating_add(u32::from(unclear)),
        claim_waits: 0,
        ..report
    };
    let at = error.date.unwrap_or(now) + TimeDelta::from_std(delay).unwrap_or_default();
    Some(Decision::ReportAgain(Box::new(next), at))
}
