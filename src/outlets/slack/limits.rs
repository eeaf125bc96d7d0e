//! Until when Slack asked to wait, by what it limits: a method, and of posts one channel
//! (<https://docs.slack.dev/apis/web-api/rate-limits>). Nothing of that is sent before.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::answer;
use crate::outlets::PostError;
use crate::outlets::thinning::{Pace, Thinning};

/// How far apart what can be left out is sent after a `Retry-After`: at first half of what Slack takes (some 50 edits a minute),
/// since many watches under way would use that up, and their ends would wait.
const PACE: Pace = Pace { first: TimeDelta::milliseconds(2_400), calm: TimeDelta::minutes(5) };
const MAX_WAIT: TimeDelta = TimeDelta::days(1);

/// The waits that Slack asked for.
#[derive(Default)]
pub(super) struct RateLimits(Mutex<BTreeMap<String, Wait>>);

/// A time in which Slack asked for no calls.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// Its end, by this instance's clock.
    until: DateTime<Utc>,
    /// How far Slack's clock is ahead of this instance's.
    ahead: TimeDelta,
    thinning: Thinning,
}

impl RateLimits {
    /// Why not to make a call now that one of `limited` limits.
    pub(super) fn held_back(&self, limited: &[&str], now: DateTime<Utc>) -> Option<PostError> {
        let waits = self.waits();
        let under_way =
            limited.iter().filter_map(|limited| waits.get(*limited)).filter(|wait| wait.until > now);
        let longest = under_way.max_by_key(|wait| wait.until)?;
        let left = (longest.until - now).to_std().ok()?;
        Some(answer::held_back(left, now + longest.ahead))
    }

    /// Whether to send what can be left out now, and `limited` limits. If so, it counts as sent.
    pub(super) fn admits(&self, limited: &str, now: DateTime<Utc>) -> bool {
        self.waits().get_mut(limited).is_none_or(|wait| wait.thinning.admits(now))
    }

    /// Slack asked at `now`, `date` by its own clock, to wait so long with what `limited` limits.
    pub(super) fn keep(
        &self,
        limited: String,
        wait: Duration,
        date: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        let until = now + TimeDelta::from_std(wait).unwrap_or(MAX_WAIT).min(MAX_WAIT);
        let ahead = date.map_or(TimeDelta::zero(), |date| date - now);
        let mut waits = self.waits();
        waits.retain(|_, wait| !wait.thinning.is_over(now));
        let kept =
            waits.entry(limited).or_insert_with(|| Wait { until, ahead, thinning: Thinning::new(PACE) });
        kept.thinning.limited(now, until);
        // Concurrent calls may each be given a wait: the later end holds.
        (kept.until, kept.ahead) = (kept.until, kept.ahead).max((until, ahead));
    }

    fn waits(&self) -> MutexGuard<'_, BTreeMap<String, Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    /// What is over takes no room.
    #[test]
    fn a_wait_that_is_long_over_is_forgotten() {
        let limits = RateLimits::default();
        for channel in 0..100_i64 {
            limits.keep(format!("post C{channel}"), Duration::from_secs(1), None, at(1_000 * channel));
        }
        assert_eq!(limits.waits().len(), 1);
    }

    #[test]
    fn of_two_waits_the_longer_one_holds() {
        let (long, short) = ((60, at(300)), (5, at(7)));
        for order in [[long, short], [short, long]] {
            let limits = RateLimits::default();
            for (seconds, date) in order {
                limits.keep("post".to_owned(), Duration::from_secs(seconds), Some(date), at(0));
            }
            let held = limits.held_back(&["post"], at(20)).unwrap();
            assert_eq!((held.retry_after, held.date), (Some(Duration::from_secs(40)), Some(at(320))));
            assert!(limits.held_back(&["post"], at(59)).is_some());
            assert_eq!(limits.held_back(&["post"], at(60)), None);
        }
    }

    #[test]
    fn the_longest_wait_of_all_that_limit_a_call_holds_it_back() {
        let limits = RateLimits::default();
        for (limited, seconds) in [("a", 10), ("b", 30), ("c", 20)] {
            limits.keep(limited.to_owned(), Duration::from_secs(seconds), None, at(0));
        }
        let left = |limited: &[&str]| limits.held_back(limited, at(0)).and_then(|held| held.retry_after);
        assert_eq!(left(&["a", "b", "c"]), Some(Duration::from_secs(30)));
        assert_eq!(left(&["c", "a"]), Some(Duration::from_secs(20)));
        assert_eq!([left(&["d"]), left(&[])], [None, None]);
        assert_eq!(limits.held_back(&["a"], at(1)).unwrap().date, Some(at(1)), "this instance's clock");
    }

    #[test]
    fn no_wait_is_longer_than_a_day() {
        for seconds in [86_401, u64::MAX] {
            let limits = RateLimits::default();
            limits.keep("post".to_owned(), Duration::from_secs(seconds), None, at(0));
            let day = Duration::from_secs(86_400);
            assert_eq!(limits.held_back(&["post"], at(0)).unwrap().retry_after, Some(day));
        }
    }
}
