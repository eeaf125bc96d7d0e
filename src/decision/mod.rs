//! What follows from one look at an operation. Pure: no I/O, no clock, no logging.

mod grid;
mod retry;
mod start;

pub use grid::{Grid, Point, seconds};
pub use retry::{START_WINDOW, report_delay, start_delay};
pub use start::{
    adopt, after_failed_look_up, after_refusal, begin, give_up, key_of, labelled_body, may_start, try_again,
};

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::message::{Check, Message, Outcome, Reason, Report, Seen, Start, Test};
use crate::operation::{ApiError, Ending, Facts, Observation};

/// The one next step of a delivery: a message to publish, and when.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Check again.
    Check(Check, DateTime<Utc>),
    /// Try to start again.
    Start(Start, DateTime<Utc>),
    /// Tell people, now.
    Report(Box<Report>),
    /// Tell people later, since Slack did not take it.
    ReportAgain(Box<Report>, DateTime<Utc>),
    /// Send a test on its way.
    Test(Test),
}

impl Decision {
    /// The message to publish and when it is due; none is now.
    pub fn into_message(self) -> (Message, Option<DateTime<Utc>>) {
        match self {
            Self::Check(check, at) => (Message::Check(check), Some(at)),
            Self::Start(start, at) => (Message::Start(start), Some(at)),
            Self::Report(report) => (Message::Report(report), None),
            Self::ReportAgain(report, at) => (Message::Report(report), Some(at)),
            Self::Test(test) => (Message::Test(test), None),
        }
    }
}

/// Decides what follows from `observation`, made for `check` at `now`; no next check comes before `wait` is over.
///
/// `done` wins over the limit. An operation that can't be read is given up when two checks in a row say so, or
/// the last one does.
pub fn decide(check: &Check, observation: Observation, now: DateTime<Utc>, wait: Duration) -> Decision {
    let grid = Grid { first: check.first, interval: check.watch.interval, limit: check.watch.limit };
    let over = grid.is_over(check.attempt, now);
    let verdict = match observation {
        Observation::Ended(ending, facts) => ended(ending, facts),
        Observation::Running(facts) if over => Verdict::new(Outcome::Stopped, None, facts),
        Observation::Unreadable(error) if over || check.unreadable => cannot_read(check, error),
        Observation::Unavailable(error) if over => {
            Verdict::new(Outcome::CannotTell, Some(Reason::Unavailable), last_facts(check)).with(error)
        }
        Observation::Running(facts) => {
            let last = Some(Seen { at: now, facts });
            return next(Check { last, unreadable: false, ..check.clone() }, grid, now, wait);
        }
        Observation::Unreadable(_) => {
            return next(Check { unreadable: true, ..check.clone() }, grid, now, wait);
        }
        Observation::Unavailable(_) => {
            return next(Check { unreadable: false, ..check.clone() }, grid, now, wait);
        }
    };
    Decision::Report(Box::new(Report::of_check(check, verdict, now)))
}

fn next(check: Check, grid: Grid, now: DateTime<Utc>, wait: Duration) -> Decision {
    let point = grid.next(Some(check.attempt), now, wait);
    Decision::Check(Check { attempt: point.attempt, ..check }, point.at)
}

/// What a watch has come to, before it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// Why opwatch can't say more.
    pub reason: Option<Reason>,
    /// The error of the call that failed, apart from the operation's own.
    pub error: Option<ApiError>,
    /// What is known of the operation.
    pub facts: Facts,
}

impl Verdict {
    /// A verdict without an error of a call.
    pub fn new(outcome: Outcome, reason: Option<Reason>, facts: Facts) -> Self {
        Self { outcome, reason, error: None, facts }
    }

    /// The same with the error of the call that failed.
    #[must_use]
    pub fn with(self, error: ApiError) -> Self {
        Self { error: Some(error), ..self }
    }
}

fn ended(ending: Ending, facts: Facts) -> Verdict {
    match ending {
        Ending::Succeeded => Verdict::new(Outcome::Succeeded, None, facts),
        Ending::Failed => Verdict::new(Outcome::Failed, None, facts),
        Ending::Cancelled => Verdict::new(Outcome::Cancelled, None, facts),
        Ending::Unknown => Verdict::new(Outcome::CannotTell, Some(Reason::UnknownState), facts),
    }
}

fn cannot_read(check: &Check, error: ApiError) -> Verdict {
    let reason = match error.code {
        403 => Reason::Denied,
        404 => Reason::Gone,
        _ => Reason::Refused,
    };
    Verdict::new(Outcome::CannotTell, Some(reason), last_facts(check)).with(error)
}

fn last_facts(check: &Check) -> Facts {
    check.last.as_ref().map(|seen| seen.facts.clone()).unwrap_or_default()
}

/// The verdict on a watch that a setting no longer allows.
pub fn no_longer_allowed(check: &Check, setting: &str) -> Verdict {
    Verdict::new(
        Outcome::CannotTell,
        Some(Reason::NotAllowed { setting: setting.to_owned() }),
        last_facts(check),
    )
}
