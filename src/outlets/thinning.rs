//! What can be left out, such as an edit that shows progress, after an outlet limited its rate: it is not stopped but made less
//! often. Ends and reports are never thinned out.

use chrono::{DateTime, TimeDelta, Utc};

/// The largest distance.
const MOST: TimeDelta = TimeDelta::minutes(5);

/// How far apart such calls are made, as far as this instance knows: twice as far after each further rate limit, half as far after
/// each time without one, and not apart at all in the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thinning {
    pace: Pace,
    /// The distance until `until`; zero before the first rate limit.
    distance: TimeDelta,
    /// The end of the last wait that the outlet asked for.
    until: DateTime<Utc>,
    /// When the last such call was made.
    last: DateTime<Utc>,
}

/// What suits an outlet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The distance after one rate limit, more than zero.
    pub(super) first: TimeDelta,
    /// The time without a rate limit after which the distance is halved, more than zero.
    pub(super) calm: TimeDelta,
}

impl Thinning {
    /// That of an outlet that has not limited anything.
    pub(super) fn new(pace: Pace) -> Self {
        let long_ago = DateTime::<Utc>::MIN_UTC;
        Self { pace, distance: TimeDelta::zero(), until: long_ago, last: long_ago }
    }

    /// The outlet limited a call made at `now`, and takes none until `until`. Calls that were under way at the same time are limited
    /// too, which does not count again.
    pub(super) fn limited(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) {
        if now >= self.until {
            self.distance = (self.distance(now) * 2).clamp(self.pace.first, MOST);
        }
        self.until = self.until.max(until);
    }

    /// How far apart such calls are at `now`.
    pub(super) fn distance(&self, now: DateTime<Utc>) -> TimeDelta {
        let calm = (now - self.until).num_milliseconds() / self.pace.calm.num_milliseconds().max(1);
        let halved = self.distance.num_milliseconds().checked_shr(u32::try_from(calm).unwrap_or_default());
        let distance = TimeDelta::milliseconds(halved.unwrap_or_default());
        if distance < self.pace.first { TimeDelta::zero() } else { distance }
    }

    /// Whether to make such a call at `now`. If so, it counts as made.
    pub(super) fn admits(&mut self, now: DateTime<Utc>) -> bool {
        let distance = self.distance(now);
        let admits = now >= self.until && (distance.is_zero() || now - self.last >= distance);
        if admits {
            self.last = now;
        }
        admits
    }

    /// Whether nothing is left of the last rate limit.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.until && self.distance(now).is_zero()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::at;

    const PACE: Pace = Pace { first: TimeDelta::seconds(2), calm: TimeDelta::minutes(5) };

    #[test]
    fn the_distance_doubles_with_each_limit_and_halves_without_one() {
        let mut thinning = Thinning::new(PACE);
        assert!(thinning.admits(at(0)) && thinning.admits(at(0)) && thinning.is_over(at(0)));
        let distance = |thinning: &Thinning, second| thinning.distance(at(second)).num_seconds();
        for (limited, distance_after) in [(0, 2), (60, 4), (120, 8), (180, 16), (240, 32)] {
            thinning.limited(at(limited), at(limited + 30));
            // A call that was under way at the same time.
            thinning.limited(at(limited + 1), at(limited + 20));
            assert_eq!(distance(&thinning, limited + 30), distance_after);
        }
        assert!(!thinning.admits(at(269)), "the outlet takes nothing before");
        assert!(thinning.admits(at(270)) && !thinning.admits(at(301)) && thinning.admits(at(302)));
        let calm: Vec<_> = (0..6).map(|times| distance(&thinning, 270 + 300 * times)).collect();
        assert_eq!(calm, [32, 16, 8, 4, 2, 0]);
        assert!(!thinning.is_over(at(269 + 1_500)) && thinning.is_over(at(270 + 1_500)));
        for second in 0..100 {
            thinning.limited(at(10_000 + 60 * second), at(10_001 + 60 * second));
        }
        assert_eq!(thinning.distance(at(16_000)), MOST);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Ask,
        Limited { seconds: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![4 => Just(Step::Ask), 1 => (0..90_i64).prop_map(|seconds| Step::Limited { seconds })]
    }

    proptest! {
        /// Two calls are never closer than the distance at the second one, no call is made within a wait, and one that comes
        /// after both is always made.
        #[test]
        fn calls_keep_their_distance(steps in prop::collection::vec((0..200_i64, step()), 0..200)) {
            let mut thinning = Thinning::new(PACE);
            let (mut second, mut last, mut until) = (0, None, 0);
            for (later, step) in steps {
                second += later;
                match step {
                    Step::Limited { seconds } => {
                        thinning.limited(at(second), at(second + seconds));
                        until = until.max(second + seconds);
                    }
                    Step::Ask => {
                        let distance = thinning.distance(at(second));
                        let due = last.map_or(at(until), |last| at(until).max(at(last) + distance));
                        let now = at(second);
                        prop_assert_eq!(thinning.admits(now), now >= due, "{} {}", now, due);
                        if now >= due {
                            last = Some(second);
                        }
                    }
                }
            }
            // Without another limit it is over within the time in which the largest distance is halved away.
            prop_assert!(thinning.is_over(at(second + 90 + 8 * 300)));
        }
    }
}
