//! How soon a next check is wanted.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::services::OperationInfo;
use crate::watch::Check;

/// Cloud Tasks schedules at most 30 days ahead; only a forged number or schedule reaches that.
pub(super) const MAX_AHEAD: TimeDelta = TimeDelta::days(29);

/// A check to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its number.
    pub attempt: u32,
    /// When to deliver it.
    pub at: DateTime<Utc>,
}

/// How soon a next check is wanted, in addition to what its schedule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// No check comes before this is over, as a `Retry-After` asked.
    pub wait: Duration,
    /// The shortest time between two checks of a schedule without an interval, in seconds.
    pub least_s: u32,
    /// Whether a signal is expected when the operation ends, so that checks are only the safety net.
    pub signals: bool,
    /// How long the operation will still take, as its progress suggests.
    pub left: Option<Duration>,
    /// Whether the operation is about to end, as its progress or its last run suggests.
    pub near_end: bool,
}

/// Percent of the work below which an estimate is worth nothing.
const TOO_LITTLE: u8 = 3;
/// Percent of the work from which the end is near: finishing often has no counts.
const ALMOST_DONE: u8 = 97;
/// The share of the last run's time in which this one is likely to end, in percent.
const LIKELY: std::ops::RangeInclusive<i64> = 80..=130;

impl Pace {
    /// With what is known at `now` about the end of the operation that `check` looks at, running as `seen` shows, if it was seen.
    #[must_use]
    pub(super) fn of(self, check: &Check, seen: Option<&OperationInfo>, now: DateTime<Utc>) -> Self {
        let last = check.last.as_ref().and_then(|last| last.facts.start);
        let began = seen.and_then(|seen| seen.start).or(last).unwrap_or(check.first);
        let age = (now - began).num_milliseconds().max(0);
        let percent = seen.and_then(OperationInfo::percent).filter(|percent| *percent >= TOO_LITTLE);
        let left = percent.map(|percent| {
            let left = age.saturating_mul(i64::from(100 - percent.min(100))) / i64::from(percent);
            Duration::from_millis(left.unsigned_abs())
        });
        let usual = check.usual_s.filter(|usual| *usual > 0).map(|usual| age / 10 / i64::from(usual));
        let near_end = percent.is_some_and(|percent| percent >= ALMOST_DONE)
            || usual.is_some_and(|share| LIKELY.contains(&share));
        Self { left, near_end, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Operation, Progress, Service};
    use crate::testing::at;
    use crate::watch::Watch;

    /// What is known after 100 s of an operation that has done so many percent, when the last run took `usual_s`.
    fn after_100_s(percent: Option<u64>, usual_s: Option<u32>) -> (Option<u64>, bool) {
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        let check = Check { usual_s, ..Check::new(Watch::default(), operation, at(0)) };
        let overall = percent.map(|done| Progress { done, of: Some(100) });
        let seen = OperationInfo { start: Some(at(0)), overall, ..OperationInfo::default() };
        let pace = Pace::default().of(&check, Some(&seen), at(100));
        (pace.left.map(|left| left.as_secs()), pace.near_end)
    }

    #[test]
    fn the_end_is_where_progress_and_the_last_run_suggest() {
        assert_eq!(after_100_s(None, None), (None, false));
        assert_eq!(after_100_s(Some(20), None), (Some(400), false));
        assert_eq!(after_100_s(Some(50), None), (Some(100), false));
        assert_eq!(after_100_s(Some(96), None), (Some(4), false));
        assert_eq!(after_100_s(Some(97), None), (Some(3), true));
        for (usual_s, near_end) in
            [(0, false), (70, false), (77, true), (100, true), (125, true), (130, false)]
        {
            assert_eq!(after_100_s(None, Some(usual_s)), (None, near_end), "{usual_s}");
        }
    }
}
