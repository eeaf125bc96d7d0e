//! The sentinel of a watch: a check behind its last one, which a signal reads while it waits, and which ends the watch if the
//! chain of its checks should ever be lost.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Schedule;
use super::pace::MAX_AHEAD;
use crate::watch::{Check, Purpose};

/// How long after the last check it is due, at least and at most: one interval in between.
const BEHIND: [TimeDelta; 2] = [TimeDelta::seconds(5), TimeDelta::minutes(2)];

/// The sentinel of the watch whose check `next` was scheduled for `due`, and when it is due.
///
/// Its number is that of the last check, so that a version without sentinels makes the last check too.
pub fn sentinel(next: &Check, due: DateTime<Utc>, now: DateTime<Utc>) -> (Check, DateTime<Utc>) {
    let schedule = next.schedule();
    let behind = schedule.last_gap().clamp(BEHIND[0], BEHIND[1]);
    // Of a watch whose time is over the last check comes now.
    let at = (schedule.last_due().max(due).max(now) + behind).min(now + MAX_AHEAD);
    let attempt = next.watch.max_checks.saturating_sub(1);
    (Check { attempt, purpose: Purpose::Sentinel, unreadable: false, ..next.clone() }, at)
}

/// The checks of which one waits while a signal's look at `now` shows the end: the next one, or the one after it where the check
/// before was late. All others have run.
pub fn chain_checks(check: &Check, now: DateTime<Utc>) -> impl Iterator<Item = Check> {
    let numbers = match check.schedule() {
        Schedule::Fixed(grid) => {
            let next = grid.after(now);
            next..next.saturating_add(2).min(check.watch.max_checks)
        }
        // Which rung is next depends on what was seen.
        Schedule::Ladder(_) => 0..0,
    };
    numbers.map(|attempt| Check { attempt, purpose: Purpose::Next, ..check.clone() })
}

/// The number for a check that is made outside the chain at `now`, so that a next check is the one that a copy of the chain's asks
/// for.
pub(super) fn number_at(check: &Check, now: DateTime<Utc>) -> u32 {
    match check.schedule() {
        Schedule::Fixed(grid) => grid.next(None, now, Duration::ZERO).attempt.saturating_sub(1),
        Schedule::Ladder(ladder) => ladder.at(now),
    }
}

/// The same check, but of a sentinel that comes before the last check a copy that joins the chain: a watch may be longer than a
/// task can wait, and people can run a task early.
pub(super) fn joining(check: &Check, now: DateTime<Utc>) -> Cow<'_, Check> {
    if check.purpose == Purpose::Sentinel && now < check.schedule().last_due() {
        return Cow::Owned(Check { attempt: number_at(check, now), purpose: Purpose::Next, ..check.clone() });
    }
    Cow::Borrowed(check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Operation, Service};
    use crate::testing::at;
    use crate::watch::Watch;

    fn check(interval_s: u32, max_checks: u32) -> Check {
        let watch = Watch { id: "7".to_owned(), interval_s, max_checks, ..Watch::default() };
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        Check { attempt: 1, ..Check::new(watch, operation, at(0)) }
    }

    #[test]
    fn the_sentinel_is_due_one_interval_behind_the_last_check() {
        let due = |interval, limit, next| {
            let (sentinel, due) = sentinel(&check(interval, limit), at(next), at(0));
            assert_eq!((sentinel.attempt, sentinel.purpose), (limit - 1, Purpose::Sentinel));
            (due - at(0)).num_seconds()
        };
        let (_, late) = sentinel(&check(60, 60), at(59 * 60), at(9_000));
        assert_eq!(late, at(9_000 + 60), "behind a last check that is made now");
        assert_eq!(due(60, 60, 60), 59 * 60 + 60);
        assert_eq!(due(1, 10, 1), 9 + 5, "at least 5 s");
        assert_eq!(due(3_600, 10, 3_600), 9 * 3_600 + 120, "at most two minutes");
        assert_eq!(due(60, 2, 500), 500 + 60, "behind a last check that comes late");
        assert_eq!(due(86_400, 10_000, 86_400), 29 * 86_400, "as far as a task can wait");
    }

    #[test]
    fn one_of_two_checks_waits() {
        let numbers =
            |now| chain_checks(&check(60, 10), at(now)).map(|check| check.attempt).collect::<Vec<_>>();
        assert_eq!(numbers(-5), [0, 1]);
        assert_eq!(numbers(60), [2, 3], "the one that is due now runs");
        assert_eq!(numbers(61), [2, 3]);
        assert_eq!(numbers(8 * 60 + 1), [9]);
        assert_eq!(numbers(9 * 60 + 1), Vec::<u32>::new());
    }

    #[test]
    fn a_sentinel_that_comes_early_joins_the_chain() {
        let (sentinel, due) = sentinel(&check(60, 10), at(60), at(0));
        assert_eq!(*joining(&sentinel, due), sentinel);
        let early = joining(&sentinel, at(150));
        assert_eq!((early.attempt, early.purpose), (2, Purpose::Next));
        let chain = check(60, 10);
        assert_eq!(*joining(&chain, at(0)), chain);
    }
}
