//! When the checks of a watch are due.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Grid, Ladder, Pace, Point};
use crate::watch::{Check, Watch, seconds};

/// When the checks of one watch are due: the same for all copies of the watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// A fixed interval.
    Fixed(Grid),
    /// Rungs that are farther apart the longer the watch lasts.
    Ladder(Ladder),
}

impl Check {
    /// The schedule of the watch that this check belongs to.
    pub fn schedule(&self) -> Schedule {
        let Watch { until_s, interval_s, max_checks, .. } = self.watch;
        match until_s {
            Some(until_s) => Schedule::Ladder(Ladder { from: self.first, until_s }),
            None => Schedule::Fixed(Grid { first: self.first, interval_s, max_checks }),
        }
    }
}

impl Schedule {
    /// When check `attempt` is due; one behind the last when the last is, or later.
    pub fn due(self, attempt: u32) -> DateTime<Utc> {
        match self {
            Self::Fixed(grid) => grid.due(attempt),
            Self::Ladder(ladder) => ladder.due(attempt),
        }
    }

    /// When the last check is due.
    pub fn last_due(self) -> DateTime<Utc> {
        match self {
            Self::Fixed(grid) => grid.due(grid.last()),
            Self::Ladder(ladder) => ladder.due(ladder.last()),
        }
    }

    /// The time between the last two checks.
    pub fn last_gap(self) -> TimeDelta {
        match self {
            Self::Fixed(grid) => seconds(grid.interval_s),
            Self::Ladder(ladder) => ladder.due(ladder.last()) - ladder.due(ladder.last().saturating_sub(1)),
        }
    }

    /// Whether a check delivered as number `attempt` at `now` is the last one.
    pub fn is_over(self, attempt: u32, now: DateTime<Utc>) -> bool {
        match self {
            Self::Fixed(grid) => grid.is_over(attempt, now),
            Self::Ladder(ladder) => ladder.is_over(attempt, now),
        }
    }

    /// The check to ask for after check `after` (none: after a start) was made at `now`; never `after` itself.
    pub fn next(self, after: Option<u32>, now: DateTime<Utc>, pace: Pace) -> Point {
        match self {
            Self::Fixed(grid) => grid.next(after, now, pace.wait),
            Self::Ladder(ladder) => ladder.next(after, now, pace),
        }
    }
}
