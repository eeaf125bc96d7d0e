//! How a run compares with the one before.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Success;

/// A run compared with the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// When the one before began.
    pub day: DateTime<Utc>,
    /// Entities now and then, when both are known.
    pub entities: Option<(u64, u64)>,
    /// Time taken now and then.
    pub took: (Duration, Duration),
}

impl Comparison {
    /// Compares `run` with `before`.
    pub fn of(run: &Success, before: &Success) -> Self {
        let took = |run: &Success| crate::services::shown_duration(run.start, run.end).unwrap_or_default();
        Self {
            day: before.start,
            entities: run.entities.zip(before.entities),
            took: (took(run), took(before)),
        }
    }

    /// By how many percent the entities are more (or fewer, below zero); none when that can't be said.
    pub fn percent(&self) -> Option<i64> {
        let (now, then) = self.entities.filter(|(_, then)| *then > 0)?;
        let change = (i128::from(now) - i128::from(then)) * 1_000 / i128::from(then);
        // To the nearest, away from zero at the half.
        i64::try_from((change + 5 * change.signum()) / 10).ok()
    }

    /// How much longer (true) or shorter it took; none when less than a second.
    pub fn difference(&self) -> Option<(bool, Duration)> {
        let (now, then) = self.took;
        Some((now > then, now.abs_diff(then))).filter(|(_, difference)| difference.as_secs() > 0)
    }

    /// Whether entities fell by more than half.
    pub fn has_halved(&self) -> bool {
        self.entities.is_some_and(|(now, then)| u128::from(now) * 2 < u128::from(then))
    }

    /// Whether it took more than three times as long.
    pub fn has_tripled(&self) -> bool {
        let (now, then) = self.took;
        !then.is_zero() && now > then.saturating_mul(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(now: u64, then: u64, took: u64, before: u64) -> Comparison {
        let took = (Duration::from_secs(took), Duration::from_secs(before));
        Comparison { day: DateTime::UNIX_EPOCH, entities: Some((now, then)), took }
    }

    #[test]
    fn percents_are_rounded_and_need_a_base() {
        let percent = |now, then| comparison(now, then, 1, 1).percent();
        assert_eq!(percent(112, 100), Some(12));
        assert_eq!(percent(1_004, 1_000), Some(0));
        assert_eq!(percent(1_005, 1_000), Some(1));
        assert_eq!(percent(995, 1_000), Some(-1));
        assert_eq!(percent(0, 10), Some(-100));
        assert_eq!(percent(5, 0), None);
        assert_eq!(percent(u64::MAX, 1), None);
    }

    #[test]
    fn it_warns_of_less_than_half_and_of_more_than_thrice() {
        let warns = |now, then, took, before| {
            let comparison = comparison(now, then, took, before);
            (comparison.has_halved(), comparison.has_tripled())
        };
        assert_eq!(warns(50, 100, 30, 10), (false, false));
        assert_eq!(warns(49, 100, 31, 10), (true, true));
        assert_eq!(warns(0, 1, 9, 0), (true, false));
        assert_eq!(warns(0, 0, 1, 1), (false, false));
    }

    #[test]
    fn a_difference_is_a_second_at_least() {
        let difference = |now: u64, then: u64| comparison(1, 1, now, then).difference();
        assert_eq!(difference(90, 60), Some((true, Duration::from_secs(30))));
        assert_eq!(difference(60, 90), Some((false, Duration::from_secs(30))));
        assert_eq!(difference(60, 60), None);
    }
}
