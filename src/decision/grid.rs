//! Checks stand on a grid: check n is due at `first + n × interval`, for every copy of a watch alike.
//!
//! So a late copy joins the living chain, whose waiting task blocks its name, instead of beginning a second
//! chain at old numbers, and a wrong container clock costs at most skew / interval checks.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Point;
use super::pace::MAX_AHEAD;

/// When the checks of one watch are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// When check 0 is due.
    pub first: DateTime<Utc>,
    /// Seconds between two checks.
    pub interval_s: u32,
    /// Checks at most; at least 1.
    pub max_checks: u32,
}

impl Grid {
    /// The number of the last check.
    pub fn last(self) -> u32 {
        self.max_checks.saturating_sub(1)
    }

    /// Whether a check delivered as number `attempt` at `now` is the last one.
    pub fn is_over(self, attempt: u32, now: DateTime<Utc>) -> bool {
        attempt >= self.last() || now >= self.due(self.last())
    }

    /// The check to ask for after check `after` (none: after a start) was made at `now`: the first point that is
    /// at least half an interval and `wait` away, the last one at most, and never `after` itself.
    pub fn next(self, after: Option<u32>, now: DateTime<Utc>, wait: Duration) -> Point {
        let gap = (f64::from(self.interval_s) / 2.0).max(wait.as_secs_f64());
        let since_first = (now - self.first).as_seconds_f64() + gap;
        let points = (since_first / f64::from(self.interval_s.max(1))).ceil().max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let on_grid = (points as u32).min(self.last());
        let attempt = on_grid.max(after.map_or(0, |after| after.saturating_add(1)));
        Point { attempt, at: self.due(attempt).min(now + MAX_AHEAD) }
    }

    /// The number of the first check that is due after `now`.
    pub(super) fn after(self, now: DateTime<Utc>) -> u32 {
        let past = (now - self.first).num_milliseconds();
        let intervals = past.div_euclid(1_000 * i64::from(self.interval_s.max(1)));
        u32::try_from(intervals.saturating_add(1).max(0)).unwrap_or(u32::MAX)
    }

    /// When check `attempt` is due.
    pub fn due(self, attempt: u32) -> DateTime<Utc> {
        let offset =
            TimeDelta::try_seconds(i64::from(attempt) * i64::from(self.interval_s)).unwrap_or_default();
        self.first.checked_add_signed(offset).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;
    use proptest::prelude::*;

    fn grid(limit: u32) -> Grid {
        Grid { first: at(0), interval_s: 60, max_checks: limit }
    }

    #[test]
    fn the_next_check_is_the_first_point_half_an_interval_away() {
        let next = |after, now, wait| {
            let point = grid(60).next(after, at(now), Duration::from_secs(wait));
            (point.attempt, (point.at - at(0)).num_seconds())
        };
        assert_eq!(next(Some(0), 0, 0), (1, 60), "on time");
        assert_eq!(next(Some(0), 2, 0), (1, 60), "a little late");
        assert_eq!(next(Some(0), 30, 0), (1, 60), "exactly half an interval before the next");
        assert_eq!(next(Some(0), 31, 0), (2, 120), "too near the next");
        assert_eq!(next(Some(3), 3_000, 0), (51, 3_060), "hours late: joins the living chain");
        assert_eq!(next(Some(3), 20, 0), (4, 240), "a slow clock burns nothing");
        assert_eq!(next(Some(3), 180, 300), (8, 480), "past Retry-After");
        assert_eq!(next(Some(57), 57 * 60, 3_600), (59, 3_540), "the last one at most");
        assert_eq!(next(None, -60, 0), (0, 0), "just started");
        assert_eq!(next(None, 0, 0), (1, 60), "adopted a minute after its start");
        assert_eq!(next(None, 100_000, 0), (59, 3_540), "adopted after its time: the last, at once");
    }

    #[test]
    fn the_last_point_and_whatever_comes_after_it_end_the_watch() {
        assert!(!grid(60).is_over(58, at(58 * 60)));
        assert!(grid(60).is_over(59, at(59 * 60)));
        assert!(grid(60).is_over(3, at(59 * 60)));
        assert!(!grid(60).is_over(3, at(59 * 60 - 1)));
        assert!(grid(1).is_over(0, at(-100)));
    }

    proptest! {
        #[test]
        fn the_next_check_never_has_its_own_number_and_can_be_scheduled(
            interval in 1u32..86_400, limit in 1u32..10_000, progress in -0.1f64..1.0, attempt in 0u32..10_000,
            wait in 0u64..86_400,
        ) {
            let grid = Grid { first: at(0), interval_s: interval, max_checks: limit };
            #[expect(clippy::cast_possible_truncation, reason = "far below the limit")]
            let now = at((f64::from(interval) * f64::from(limit) * progress) as i64);
            if !grid.is_over(attempt, now) {
                let next = grid.next(Some(attempt), now, Duration::from_secs(wait));
                prop_assert!(next.attempt > attempt && next.attempt < limit);
                prop_assert!(next.at <= now + MAX_AHEAD);
            }
        }
    }
}
