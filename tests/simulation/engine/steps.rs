//! How dense the checks of a watch are and how long it lasts, as docs/guarantees.md and docs/design.md promise it: at a fixed
//! interval, or on the ladder.

use super::plan::{Ms, SECOND};

/// When the checks of a watch may and must be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    Fixed { interval: Ms, limit: u32 },
    Ladder { until: Ms },
}

impl Default for Steps {
    fn default() -> Self {
        Self::Fixed { interval: 60 * SECOND, limit: 60 }
    }
}

/// √t in seconds, of a time in milliseconds and in milliseconds.
fn root(age: Ms) -> Ms {
    (age * 1_000).isqrt()
}

/// From the rung that is due at this age to the next.
fn step(age: Ms) -> Ms {
    root(age).max(10 * SECOND)
}

/// The rungs that are due before this age.
fn rungs(until: Ms) -> u64 {
    let first = Some(20 * SECOND).filter(|rung| *rung < until);
    std::iter::successors(first, |rung| Some(rung + step(*rung)).filter(|rung| *rung < until)).count() as u64
}

impl Steps {
    /// The most checks that a watch has without a copy and a signal.
    pub(crate) fn checks(self) -> u64 {
        match self {
            Self::Fixed { limit, .. } => limit.into(),
            // The first, then one for each rung, then the last.
            Self::Ladder { until } => rungs(until) + 2,
        }
    }

    /// The same of a watch that version 0.1 went on with: what it reads as the `limit`, whose numbers begin behind the last rung. A watch
    /// that it began from a start counts from 0.
    pub(crate) fn checks_by_old(self) -> u64 {
        match self {
            Self::Fixed { .. } => self.checks(),
            Self::Ladder { until } => {
                let interval = until.div_ceil(6_000).max(60 * SECOND);
                self.last() + until.div_ceil(interval) + 2
            }
        }
    }

    /// The number of the last check.
    pub(crate) fn last(self) -> u64 {
        match self {
            Self::Fixed { limit, .. } => u64::from(limit.saturating_sub(1)),
            Self::Ladder { until } => rungs(until),
        }
    }

    /// The time from a check at this age to the next, at most. A check is wanted 52 s or 20 √t ahead at most, and what is wanted
    /// is at most a step behind a rung.
    pub(crate) fn longest(self, age: Ms) -> Ms {
        match self {
            Self::Fixed { interval, .. } => interval,
            Self::Ladder { .. } => (52 * SECOND).max(20 * root(age)) + step(age),
        }
    }

    /// The same at least, where nothing is late: half of it where a check is.
    pub(crate) fn shortest(self, age: Ms) -> Ms {
        match self {
            Self::Fixed { interval, .. } => interval,
            // The step of the rung that is due before this age.
            Self::Ladder { .. } => step(age - age / 10),
        }
    }

    /// From its beginning to its last check, at most.
    pub(crate) fn lasts(self) -> Ms {
        match self {
            Self::Fixed { interval, limit } => interval * Ms::from(limit),
            Self::Ladder { until } => until,
        }
    }

    /// The same at least.
    pub(crate) fn lasts_at_least(self) -> Ms {
        match self {
            Self::Fixed { interval, limit } => interval * Ms::from(limit.saturating_sub(1)),
            Self::Ladder { until } => until,
        }
    }
}
