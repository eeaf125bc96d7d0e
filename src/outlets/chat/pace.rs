//! One write a second in a space, which all its apps share (<https://developers.google.com/workspace/chat/limits>): the end of a
//! watch is two, an edit and a reply. So each write of this instance waits for its second, and after a 429 for longer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::answer;
use crate::clock::Stopwatch;
use crate::outlets::thinning::{Pace as Distances, Thinning};
use crate::outlets::{Call, PostError};

/// Somewhat more than the second, since one request takes longer to arrive than another.
const WRITE: TimeDelta = TimeDelta::milliseconds(1_100);
/// The longest wait for a turn; then the write is tried again later.
const LONGEST: Duration = Duration::from_secs(3);
/// How far apart what can be left out is written after a 429: the other writes need their seconds.
const DISTANCES: Distances = Distances { first: TimeDelta::milliseconds(2_200), calm: TimeDelta::minutes(1) };
/// How long a space is remembered that is not written to.
const MEMORY: TimeDelta = TimeDelta::minutes(1);
const MAX_WAIT: TimeDelta = TimeDelta::days(1);

/// When spaces take the next write.
#[derive(Default)]
pub(super) struct Pace(Mutex<BTreeMap<String, Turn>>);

#[derive(Clone, Copy, Debug)]
struct Turn {
    /// When the next write may be made.
    next: DateTime<Utc>,
    thinning: Thinning,
}

impl Pace {
    /// Waits for the turn of a write to `space`; the call has what is left of its time then.
    ///
    /// # Errors
    /// When that is too far ahead.
    pub(super) async fn turn(&self, space: &str, call: Call) -> Result<Call, PostError> {
        let wait = self.take(space, call.now, LONGEST.min(call.limit / 2)).map_err(answer::held_back)?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(Call { limit: call.limit.saturating_sub(wait), now: later(call.now, wait) })
    }

    /// How long to wait for the next turn, which is taken then; or how long it would be.
    fn take(&self, space: &str, now: DateTime<Utc>, most: Duration) -> Result<Duration, Duration> {
        let mut turns = self.turns();
        turns.retain(|_, turn| now < turn.next + MEMORY || !turn.thinning.is_over(now));
        let new = || Turn { next: now, thinning: Thinning::new(DISTANCES) };
        let turn = turns.entry(space.to_owned()).or_insert_with(new);
        let wait = (turn.next - now).to_std().unwrap_or_default();
        if wait > most {
            return Err(wait);
        }
        turn.next = now.max(turn.next) + WRITE;
        Ok(wait)
    }

    /// What followed from a write that took so long since `call`, its wait included: it may have reached Chat only now.
    pub(super) fn written<T>(&self, space: &str, call: Call, took: Stopwatch, result: &Result<T, PostError>) {
        let now = later(call.now, Duration::from_millis(took.milliseconds()));
        let wait = result.as_ref().err().and_then(|error| error.retry_after);
        if let Some(turn) = self.turns().get_mut(space) {
            let wait = wait.and_then(|wait| TimeDelta::from_std(wait).ok()).map(|wait| wait.min(MAX_WAIT));
            turn.next = turn.next.max(now + wait.unwrap_or(WRITE));
            if wait.is_some() {
                turn.thinning.limited(call.now, turn.next);
            }
        }
    }

    /// Why not to write to `space` now.
    pub(super) fn resting(&self, space: &str, now: DateTime<Utc>) -> Option<PostError> {
        let wait = (self.turns().get(space)?.next - now).to_std().ok()?;
        (wait > LONGEST).then(|| answer::held_back(wait))
    }

    /// Whether to write what can be left out now: not while other writes wait for their turn. If so, it counts as written.
    pub(super) fn admits(&self, space: &str, now: DateTime<Utc>) -> bool {
        let mut turns = self.turns();
        turns.get_mut(space).is_none_or(|turn| turn.next <= now + WRITE && turn.thinning.admits(now))
    }

    fn turns(&self) -> MutexGuard<'_, BTreeMap<String, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(by).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    const A: &str = "spaces/A";

    fn call(second: i64) -> Call {
        Call { limit: Duration::from_secs(8), now: at(second) }
    }

    #[test]
    fn each_write_has_a_second_of_its_space() {
        let pace = Pace::default();
        let take = |space, second| {
            pace.take(space, at(second), LONGEST).map(|wait| wait.as_secs()).map_err(|wait| wait.as_secs())
        };
        let taken: Vec<_> = (0..6).map(|_| take(A, 0)).collect();
        assert_eq!(taken, [Ok(0), Ok(1), Ok(2), Err(3), Err(3), Err(3)]);
        assert_eq!(take("spaces/B", 0), Ok(0));
        assert!(!pace.admits(A, at(0)) && pace.resting(A, at(0)).is_some());
        assert!(pace.admits("spaces/B", at(0)) && pace.resting("spaces/B", at(0)).is_none());
        assert!(pace.admits(A, at(3)) && pace.resting(A, at(1)).is_none());
        assert_eq!(take(A, 10), Ok(0));
    }

    #[test]
    fn what_chat_asks_for_holds() {
        let pace = Pace::default();
        pace.take(A, at(0), LONGEST).unwrap();
        let refused: Result<(), PostError> = Err(answer::held_back(Duration::from_secs(30)));
        pace.written(A, call(0), Stopwatch::start(), &refused);
        let wait = pace.resting(A, at(10)).unwrap().retry_after.unwrap();
        assert!((20..21).contains(&wait.as_secs()), "{wait:?}");
        assert!(pace.resting(A, at(31)).is_none());
        let admits = |second| pace.admits(A, at(second));
        assert!(!admits(29) && admits(31) && !admits(33) && admits(34) && admits(92) && admits(92));
        // What is over takes no room.
        pace.take("spaces/B", at(1_000), LONGEST).unwrap();
        assert_eq!(pace.turns().len(), 1);
    }

    #[test]
    fn a_space_is_remembered_as_long_as_it_matters() {
        let pace = Pace::default();
        let known = |space, after: TimeDelta| {
            pace.take(space, at(0) + after, LONGEST).unwrap();
            pace.turns().len()
        };
        // Its next turn is 1.1 seconds later.
        pace.take(A, at(0), LONGEST).unwrap();
        assert_eq!(known("spaces/B", TimeDelta::milliseconds(61_099)), 2);
        assert_eq!(known("spaces/B", TimeDelta::milliseconds(61_100)), 1);
        // What is left of a limit is remembered for longer.
        let limited: Result<(), PostError> = Err(answer::held_back(Duration::from_secs(1)));
        for second in [100, 110] {
            let _ = pace.take(A, at(second), LONGEST);
            pace.written(A, call(second), Stopwatch::start(), &limited);
        }
        assert_eq!(known("spaces/B", TimeDelta::seconds(200)), 2);
        assert_eq!(known("spaces/B", TimeDelta::seconds(300)), 1);
    }

    #[test]
    fn a_turn_that_is_waited_for_holds_nothing_back() {
        let pace = Pace::default();
        for _ in 0..3 {
            pace.take(A, at(0), LONGEST).unwrap();
        }
        // The next turn is at 3.3 seconds.
        let resting = |after| pace.resting(A, at(0) + TimeDelta::milliseconds(after));
        assert_eq!(resting(299).and_then(|held| held.retry_after), Some(Duration::from_millis(3_001)));
        assert_eq!(resting(300), None);
        assert_eq!(pace.resting("spaces/B", at(0)), None);
        let wait = pace.take(A, at(0) + TimeDelta::milliseconds(300), LONGEST);
        assert_eq!(wait, Ok(LONGEST), "as long as a write waits at most");
        assert!(!pace.admits(A, at(3)), "its turn is more than a write away");
    }

    #[test]
    fn a_write_that_took_long_or_was_refused_moves_the_next_turn() {
        let pace = Pace::default();
        pace.take(A, at(0), LONGEST).unwrap();
        // It was made at second 5: its turn was waited for.
        pace.written(A, call(5), Stopwatch::start(), &Ok(()));
        let wait = pace.take(A, at(5), LONGEST).unwrap();
        assert!((1_100..1_600).contains(&wait.as_millis()), "{wait:?}");
        let refused: Result<(), PostError> = Err(answer::held_back(Duration::from_secs(1_000_000)));
        pace.written(A, call(0), Stopwatch::start(), &refused);
        let day = pace.resting(A, at(0)).unwrap().retry_after.unwrap();
        assert_eq!(day.as_secs(), 86_400, "no wait is longer");
        pace.written("spaces/B", call(0), Stopwatch::start(), &refused);
        assert_eq!(pace.resting("spaces/B", at(0)), None, "it had no turn");
    }

    #[tokio::test]
    async fn a_turn_is_waited_for() {
        let pace = Pace::default();
        let took = Stopwatch::start();
        pace.turn(A, call(0)).await.unwrap();
        let second = pace.turn(A, call(0)).await.unwrap();
        assert!(took.milliseconds() >= 1_100);
        assert_eq!((second.now, second.limit), (at(0) + WRITE, Duration::from_millis(6_900)));
        let short = Call { limit: Duration::from_secs(2), now: at(0) };
        let refused = pace.turn(A, short).await.unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_millis(2_200)));
        assert!(refused.fault == crate::outlets::Fault::Passing && !refused.ambiguous, "{refused:?}");
    }
}
