//! When to look again. Pure.

use std::time::Duration;

/// Without `--interval` the gap is this part of the operation's age, so that its end is noticed at most so much later.
const PART_OF_AGE: u32 = 20;
const LEAST: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_secs(60);
/// All operations together are read at most this often in a second.
const PER_SECOND: u32 = 10;
/// How long after the expected end to look.
const BEHIND_THE_END: Duration = Duration::from_secs(1);
/// The pause before an operation that can't be read is read once more, to make sure.
pub(super) const TO_MAKE_SURE: Duration = Duration::from_secs(5);

/// When operations are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// The fixed gap between two looks.
    pub(super) interval: Option<Duration>,
    /// How many operations are followed.
    pub(super) count: usize,
}

impl Schedule {
    /// The gap before the next look at an operation of this age that is expected to end in `left`.
    pub(super) fn gap(self, age: Duration, left: Option<Duration>) -> Duration {
        if let Some(interval) = self.interval {
            return interval;
        }
        let by_age = (age / PART_OF_AGE).clamp(LEAST, MOST);
        let by_end = left.map_or(MOST, |left| (left + BEHIND_THE_END).max(LEAST));
        by_age.min(by_end).max(self.least())
    }

    /// The gap after so many looks in a row got no answer.
    pub(super) fn after_failures(self, failures: u32) -> Duration {
        let doubling =
            LEAST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let doubling = doubling.min(MOST);
        self.interval.map_or(doubling.max(self.least()), |interval| interval.min(doubling))
    }

    fn least(self) -> Duration {
        Duration::from_secs(1) * u32::try_from(self.count).unwrap_or(u32::MAX) / PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(interval: Option<u64>, count: usize) -> Schedule {
        Schedule { interval: interval.map(Duration::from_secs), count }
    }

    #[test]
    fn the_gap_grows_with_the_age_and_shrinks_before_the_end() {
        let gap = |age, left: Option<u64>| {
            schedule(None, 1).gap(Duration::from_secs(age), left.map(Duration::from_secs)).as_secs()
        };
        assert_eq!([0, 40, 60, 600, 1_200, 86_400].map(|age| gap(age, None)), [2, 2, 3, 30, 60, 60]);
        assert_eq!((gap(1_200, Some(10)), gap(1_200, Some(0)), gap(1_200, Some(900))), (11, 2, 60));
        assert_eq!(schedule(Some(7), 1).gap(Duration::from_secs(86_400), Some(Duration::ZERO)).as_secs(), 7);
    }

    #[test]
    fn many_operations_share_ten_looks_a_second() {
        let gap = |count| schedule(None, count).gap(Duration::ZERO, None).as_secs();
        assert_eq!([1, 20, 100, 1_000].map(gap), [2, 2, 10, 100]);
    }

    #[test]
    fn without_an_answer_the_gap_doubles_up_to_a_minute() {
        let gaps = |interval| {
            [1, 2, 3, 6, 7, 99].map(|failures| schedule(interval, 1).after_failures(failures).as_secs())
        };
        assert_eq!(gaps(None), [2, 4, 8, 60, 60, 60]);
        assert_eq!(gaps(Some(5)), [2, 4, 5, 5, 5, 5]);
    }
}
