//! The ladder: rung n is due `r(n)` after the beginning of the watch, with r(0) = 20 s and r(n + 1) = r(n) + max(10 s, √r(n)).
//!
//! A schedule only says how far ahead the next check is wanted, and a rung near there is taken. All copies of a watch choose among
//! the same rungs, in whole milliseconds that are computed from integers alone, so that each version and each machine has the
//! same ones. The last check is due when the time of the watch is over.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::pace::MAX_AHEAD;
use super::{Pace, Point};

/// Rungs between two that are in the table.
const STRIDE: u32 = 32;
/// Enough for [`Ladder::MAX_S`].
const ANCHORS: usize = 98;
/// Every 32nd rung, so that none is more than 31 additions away.
static TABLE: [u32; ANCHORS] = table();
/// How far ahead a check is wanted when nothing is known, in milliseconds.
const BLIND: u64 = 52_000;
/// How far ahead it is wanted when signals are expected, in tenths of √t. Between 4 and 7 √t a skip is
/// four rungs, since skips are powers of two; a little above, it becomes eight in watches of hours. `examples/promptness` measures it.
const SIGNALLED: u64 = 71;
/// How far ahead it is wanted when progress shows how long the operation will still take, in percent of that time.
const PROGRESS: u64 = 36;
/// A grid for versions without ladders has no more points than this, so that its numbers stay below the highest `limit`.
const MAX_POINTS: u32 = 6_000;

/// When the checks of one watch are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// When the watch begins.
    pub from: DateTime<Utc>,
    /// How long it lasts, in seconds.
    pub until_s: u32,
}

/// The fixed grid by which a version without ladders continues a watch. Its numbers begin where those of the ladder end: the two
/// never ask for the same task name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Seconds between two checks.
    pub interval_s: u32,
    /// The number behind the last.
    pub max_checks: u32,
    /// The time from the point with number 0 to the beginning of the watch.
    pub lead: TimeDelta,
}

impl Ladder {
    /// How long a watch lasts by default: 24 h.
    pub const DEFAULT_S: u32 = 86_400;
    /// The shortest: 1 min.
    pub const MIN_S: u32 = 60;
    /// The longest: 28 days, so that Cloud Tasks can hold a task until after its end.
    pub const MAX_S: u32 = 28 * 86_400;

    /// The number of the last check of a watch that lasts this long.
    pub fn last_of(until_s: u32) -> u32 {
        rungs_before(u64::from(until_s) * 1_000)
    }

    /// The grid that covers the same time.
    pub fn fallback(until_s: u32) -> Fallback {
        let interval_s = until_s.div_ceil(MAX_POINTS).max(60);
        let numbers = Self::last_of(until_s).saturating_add(1);
        let lead = TimeDelta::seconds(i64::from(numbers) * i64::from(interval_s));
        let max_checks = numbers.saturating_add(until_s.div_ceil(interval_s)).saturating_add(1);
        Fallback { interval_s, max_checks, lead }
    }

    /// The number of the last check.
    pub fn last(self) -> u32 {
        Self::last_of(self.until_s)
    }

    /// When check `attempt` is due. A number behind the last is one of a version without ladders: its watch ends with the last.
    pub fn due(self, attempt: u32) -> DateTime<Utc> {
        let end = u64::from(self.until_s) * 1_000;
        let offset = if attempt >= self.last() { end } else { rung(attempt) };
        let offset = TimeDelta::milliseconds(i64::try_from(offset).unwrap_or(i64::MAX));
        self.from.checked_add_signed(offset).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether a check delivered as number `attempt` at `now` is the last one. Of a number of a version without ladders the time
    /// alone decides.
    pub fn is_over(self, attempt: u32, now: DateTime<Utc>) -> bool {
        attempt == self.last() || now >= self.due(self.last())
    }

    /// The number of the rung that was due last at `now`; 0 before the first.
    pub fn at(self, now: DateTime<Utc>) -> u32 {
        rungs_before(self.age(now).saturating_add(1)).saturating_sub(1).min(self.last())
    }

    /// How long the watch lasts at `now`, in milliseconds.
    fn age(self, now: DateTime<Utc>) -> u64 {
        u64::try_from((now - self.from).num_milliseconds()).unwrap_or(0)
    }

    /// The check to ask for after check `after` (none: after a start, or a person's message) was made at `now`; the last at most,
    /// and never `after` itself.
    ///
    /// A skip over several rungs leads to the last one within it whose number is a multiple of the largest power of two that is
    /// not more than the skip. So copies that want different things meet again on such numbers.
    pub fn next(self, after: Option<u32>, now: DateTime<Utc>, pace: Pace) -> Point {
        let last = self.last();
        let age = self.age(now);
        let passed = rungs_before(age.saturating_add(1)).checked_sub(1);
        let here = after.filter(|after| *after < last).max(passed);
        let base = here.map_or(0, rung);
        let half = u64::from(step(base)) / 2;
        let gap = half
            .max(milliseconds(pace.wait))
            .max(u64::from(pace.least_s) * 1_000 * u64::from(here.is_some()));
        let earliest =
            rungs_before(age.saturating_add(gap)).max(here.map_or(0, |here| here.saturating_add(1)));
        let attempt = match here {
            None => earliest,
            Some(here) => {
                let wanted =
                    rungs_before(base.saturating_add(wanted(base, pace))).max(here.saturating_add(1));
                let level = 1 << (wanted - here).ilog2();
                let chosen = wanted / level * level;
                if chosen >= earliest { chosen } else { earliest.next_multiple_of(level) }
            }
        };
        let attempt = attempt.min(last);
        Point { attempt, at: self.due(attempt).min(now + MAX_AHEAD) }
    }
}

/// How far ahead the next check of a watch of this age is wanted, both in milliseconds; 0 is the next rung.
fn wanted(age: u64, pace: Pace) -> u64 {
    let root = root(age);
    match pace.left {
        _ if pace.near_end => 0,
        Some(left) => (milliseconds(left) * PROGRESS / 100).clamp(root, root * 20),
        None if pace.signals => root * SIGNALLED / 10,
        None => BLIND,
    }
}

/// The square root of a number of seconds, both in milliseconds.
const fn root(milliseconds: u64) -> u64 {
    (milliseconds * 1_000).isqrt()
}

/// From a rung to the next, in milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "the root of a time is small")]
const fn step(rung: u64) -> u32 {
    let root = root(rung);
    if root > 10_000 { root as u32 } else { 10_000 }
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "it is computed at compile time"
)]
const fn table() -> [u32; ANCHORS] {
    let mut table = [0; ANCHORS];
    let (mut rung, mut n) = (20_000_u64, 0);
    while n < ANCHORS * STRIDE as usize {
        if n.is_multiple_of(STRIDE as usize) {
            table[n / STRIDE as usize] = rung as u32;
        }
        rung += step(rung) as u64;
        n += 1;
    }
    table
}

/// When rung `n` is due, in milliseconds after the beginning. One behind the table is as late as its last entry: no watch is that
/// long.
fn rung(n: u32) -> u64 {
    let anchor = TABLE.get((n / STRIDE) as usize).or(TABLE.last()).copied().unwrap_or_default();
    (0..n % STRIDE).fold(anchor.into(), |rung, _| rung + u64::from(step(rung)))
}

/// How many rungs are due before this many milliseconds: the number of the first that is not.
fn rungs_before(milliseconds: u64) -> u32 {
    let anchor = TABLE.partition_point(|rung| u64::from(*rung) < milliseconds).saturating_sub(1);
    let mut rung = TABLE.get(anchor).copied().unwrap_or_default().into();
    let mut n = u32::try_from(anchor).unwrap_or(0) * STRIDE;
    let behind = n + STRIDE;
    while rung < milliseconds && n < behind {
        rung += u64::from(step(rung));
        n += 1;
    }
    n
}

fn milliseconds(duration: Duration) -> u64 {
    // What waits longer waits for the end of the watch.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(u64::from(Ladder::MAX_S) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::LIMIT;
    use crate::testing::at;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    static DAY: LazyLock<Ladder> = LazyLock::new(|| Ladder { from: at(0), until_s: Ladder::DEFAULT_S });

    fn blind() -> Pace {
        Pace::default()
    }

    /// The numbers of the checks that follow on `after`, each made on time.
    fn chain(after: u32, pace: impl Fn(u32) -> Pace) -> Vec<u32> {
        std::iter::successors(Some(after), |n| {
            (*n < DAY.last()).then(|| DAY.next(Some(*n), DAY.due(*n), pace(*n)).attempt)
        })
        .skip(1)
        .collect()
    }

    /// They are in the names of tasks, together with the beginning: no version may have others.
    #[test]
    fn rungs_never_change() {
        let first: Vec<u64> = (0..12).map(rung).collect();
        let tens = [20, 30, 40, 50, 60, 70, 80, 90, 100, 110].map(|seconds| seconds * 1_000);
        assert_eq!(first, [&tens[..], &[120_488, 131_464]].concat());
        assert_eq!([100, 300, 577, 578].map(rung), [3_088_072, 24_122_111, 86_232_319, 86_525_972]);
        assert_eq!(
            (DAY.last(), Ladder::last_of(Ladder::MAX_S), Ladder::last_of(Ladder::MIN_S)),
            (578, 3_102, 4)
        );
        let mut sum = 20_000;
        for n in 0..=3_102 {
            assert_eq!((rung(n), rungs_before(sum), rungs_before(sum + 1)), (sum, n, n + 1));
            sum += u64::from(step(sum));
        }
        assert_eq!((rungs_before(0), DAY.due(578), DAY.due(9_999)), (0, at(86_400), at(86_400)));
    }

    #[test]
    fn a_check_is_wanted_as_far_ahead_as_is_known_of_the_end() {
        let next =
            |after, now: i64, pace| DAY.next(after, DAY.from + TimeDelta::milliseconds(now), pace).attempt;
        let left = |seconds| Pace { left: Some(Duration::from_secs(seconds)), ..blind() };
        let near = Pace { near_end: true, ..left(9_999) };
        let signals = Pace { signals: true, ..blind() };
        let waits = |seconds| Pace { wait: Duration::from_secs(seconds), ..blind() };
        let at_100 = i64::try_from(rung(100)).unwrap();
        assert_eq!(next(None, 100, blind()), 0, "just begun");
        assert_eq!(next(None, 19_000, blind()), 1, "rung 0 is too near");
        assert_eq!(next(Some(0), 20_100, blind()), 4, "five rungs ahead, down to a multiple of four");
        assert_eq!(next(Some(0), 19_000, blind()), 4, "by a slow clock");
        assert_eq!(next(Some(0), 26_000, near), 2, "too near the next");
        assert_eq!(next(Some(100), at_100, blind()), 101, "the steps are longer than 52 s");
        assert_eq!(next(Some(100), at_100, near), 101);
        assert_eq!(next(Some(100), at_100, signals), 104, "7.1 √3088 is 395 s: seven rungs, down to four");
        assert_eq!(next(Some(100), at_100, left(1_000)), 104, "0.4 of what is left, 400 s");
        assert_eq!(next(Some(100), at_100, left(99_999)), 112, "20 √3088 at most");
        assert_eq!(next(Some(100), at_100, left(10)), 101, "√3088 at least");
        assert_eq!(next(Some(100), at_100, Pace { least_s: 120, ..blind() }), 103, "MIN_INTERVAL");
        assert_eq!(next(Some(100), at_100, waits(600)), 111, "past Retry-After");
        assert_eq!(next(Some(100), at_100, waits(999_999)), 578, "the last one at most");
        assert_eq!(
            next(Some(3), 3_600_000, blind()),
            next(Some(100), 3_600_000, blind()),
            "joins the living chain"
        );
        assert_eq!(next(Some(2_000), at_100, blind()), 101, "the number of a version without ladders");
    }

    #[test]
    fn the_last_rung_and_whatever_comes_after_its_time_end_the_watch() {
        assert!(!DAY.is_over(577, at(86_399)) && DAY.is_over(577, at(86_400)));
        assert!(DAY.is_over(578, at(0)));
        assert!(!DAY.is_over(1_500, at(86_399)) && DAY.is_over(1_500, at(86_400)), "of an older version");
    }

    #[test]
    fn copies_that_want_different_things_meet_again() {
        let paces: [fn(u32) -> Pace; 4] = [
            |_| blind(),
            |_| Pace { signals: true, ..blind() },
            |_| Pace { near_end: true, ..blind() },
            |n| Pace { left: Some(Duration::from_secs(u64::from(n) * 37 % 20_000)), ..blind() },
        ];
        for from in 0..DAY.last() {
            let chains = paces.map(|pace| chain(from, pace));
            for other in &chains {
                let theirs: BTreeSet<&u32> = other.iter().collect();
                for mine in &chains {
                    let alone = mine.iter().take_while(|n| !theirs.contains(n)).count();
                    assert!(alone <= 24, "{alone} checks after {from}");
                }
            }
        }
    }

    #[test]
    fn a_version_without_ladders_uses_other_numbers_for_the_same_time() {
        for until_s in (Ladder::MIN_S..=Ladder::MAX_S).step_by(997) {
            let Fallback { interval_s, max_checks, lead } = Ladder::fallback(until_s);
            assert!(LIMIT.contains(&max_checks) && interval_s >= 60);
            let due = |n: u32| TimeDelta::seconds(i64::from(n) * i64::from(interval_s)) - lead;
            assert!(due(Ladder::last_of(until_s)) < TimeDelta::zero());
            let behind = due(max_checks - 1) - TimeDelta::seconds(until_s.into());
            assert!((0..i64::from(interval_s)).contains(&behind.num_seconds()), "{until_s}");
        }
    }

    proptest! {
        #[test]
        fn the_next_check_never_has_its_own_number_and_can_be_scheduled(
            until_s in Ladder::MIN_S..=Ladder::MAX_S, share in -0.1_f64..1.0, attempt in 0_u32..3_200, wait in 0_u64..90_000,
            left in proptest::option::of(0_u64..10_000_000), near_end in any::<bool>(), signals in any::<bool>(),
        ) {
            let ladder = Ladder { until_s, ..*DAY };
            #[expect(clippy::cast_possible_truncation, reason = "far below the limit")]
            let now = ladder.from + TimeDelta::milliseconds((f64::from(until_s) * 1_000.0 * share) as i64);
            if !ladder.is_over(attempt, now) {
                let (wait, left) = (Duration::from_secs(wait), left.map(Duration::from_secs));
                let next = ladder.next(Some(attempt), now, Pace { wait, signals, left, near_end, ..blind() });
                prop_assert!(next.attempt <= ladder.last() && next.attempt != attempt);
                prop_assert!(next.attempt > attempt || attempt > ladder.last());
                prop_assert_eq!(next.at, ladder.due(next.attempt).min(now + TimeDelta::days(29)));
                prop_assert!(next.at >= now + TimeDelta::from_std(wait).unwrap() || next.attempt == ladder.last());
            }
        }
    }
}
