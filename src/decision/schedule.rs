//! When the checks of a watch are due.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Grid;
use crate::watch::{Check, seconds};

/// Cloud Tasks schedules at most 30 days ahead; only a forged number or schedule reaches that.
pub(super) const MAX_AHEAD: TimeDelta = TimeDelta::days(29);

/// When the checks of one watch are due: the same for all copies of the watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// A fixed interval.
    Fixed(Grid),
}

/// A check to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its number.
    pub attempt: u32,
    /// When to deliver it.
    pub at: DateTime<Utc>,
}

/// How soon a next check is wanted, besides what its schedule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// No check comes before this is over, as a `Retry-After` asked.
    pub wait: Duration,
    /// The shortest time between two checks of a schedule without an interval, in seconds.
    pub least_s: u32,
    /// Whether a signal is expected when the operation ends, so that checks are only the safety net.
    pub signals: bool,
}

impl Check {
    /// The schedule of the watch that this check belongs to.
    pub fn schedule(&self) -> Schedule {
        Schedule::Fixed(Grid {
            first: self.first,
            interval_s: self.watch.interval_s,
            max_checks: self.watch.max_checks,
        })
    }
}

impl Schedule {
    /// When check `attempt` is due; one behind the last when the last is, or later.
    pub fn due(self, attempt: u32) -> DateTime<Utc> {
        match self {
            Self::Fixed(grid) => grid.due(attempt),
        }
    }

    /// When the last check is due.
    pub fn last_due(self) -> DateTime<Utc> {
        match self {
            Self::Fixed(grid) => grid.due(grid.last()),
        }
    }

    /// The time between the last two checks.
    pub fn last_gap(self) -> TimeDelta {
        match self {
            Self::Fixed(grid) => seconds(grid.interval_s),
        }
    }

    /// Whether a check delivered as number `attempt` at `now` is the last one.
    pub fn is_over(self, attempt: u32, now: DateTime<Utc>) -> bool {
        match self {
            Self::Fixed(grid) => grid.is_over(attempt, now),
        }
    }

    /// The check to ask for after check `after` (none: after a start) was made at `now`; never `after` itself.
    pub fn next(self, after: Option<u32>, now: DateTime<Utc>, pace: Pace) -> Point {
        match self {
            Self::Fixed(grid) => grid.next(after, now, pace.wait),
        }
    }
}
