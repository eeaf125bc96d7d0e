//! What this instance knows about the slots of the limits: a cache of which names of tasks are taken.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// The slots of each limit in its current period.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<String, Period>>);

#[derive(Default)]
struct Period {
    at: i64,
    /// The slots that this instance or another one has taken.
    taken: BTreeSet<u32>,
    /// Those who need no further slot.
    holders: HashSet<String>,
}

/// The next step to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// None: it has one.
    Held,
    /// Try to claim this one. It counts as taken from now on: by this holder, or by the one who claimed it before.
    Try(u32),
    /// All are taken.
    Full,
}

impl Slots {
    /// How `holder` gets one of the `most` slots of `of` in the period that began at `at`. All instances try the slots in the
    /// same order, so each soon learns what the others have claimed.
    pub(super) fn next(&self, of: &str, at: i64, most: u32, holder: &str) -> Next {
        self.with(of, at, |period| {
            if period.holders.contains(holder) {
                return Next::Held;
            }
            let free = (0..most).find(|number| !period.taken.contains(number));
            free.map_or(Next::Full, |number| {
                period.taken.insert(number);
                Next::Try(number)
            })
        })
    }

    /// Whether all of the `most` slots are known to be taken.
    pub(super) fn is_full(&self, of: &str, at: i64, most: u32) -> bool {
        self.with(of, at, |period| (0..most).all(|number| period.taken.contains(&number)))
    }

    /// Remembers that `holder` has a slot, or needs none.
    pub(super) fn hold(&self, of: &str, at: i64, holder: &str) {
        self.with(of, at, |period| period.holders.insert(holder.to_owned()));
    }

    fn with<T>(&self, of: &str, at: i64, then: impl FnOnce(&mut Period) -> T) -> T {
        let mut periods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let period = periods.entry(of.to_owned()).or_default();
        if period.at != at {
            *period = Period { at, ..Period::default() };
        }
        then(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_found_in_order_and_then_it_is_full() {
        let slots = Slots::default();
        for number in 0..7 {
            assert_eq!(slots.next("x", 0, 7, &number.to_string()), Next::Try(number));
        }
        assert_eq!(slots.next("x", 0, 7, "7"), Next::Full);
        assert!(slots.is_full("x", 0, 7) && !slots.is_full("x", 0, 8) && !slots.is_full("y", 0, 7));
        assert_eq!(slots.next("y", 0, 7, "8"), Next::Try(0), "another project");
        assert_eq!(slots.next("x", 3_600, 7, "8"), Next::Try(0), "another hour");
    }

    #[test]
    fn a_holder_gets_no_second_slot() {
        let slots = Slots::default();
        assert_eq!(slots.next("x", 0, 100, "a"), Next::Try(0));
        assert_eq!(slots.next("x", 0, 100, "a"), Next::Try(1), "not known to have the first");
        slots.hold("x", 0, "a");
        assert_eq!(slots.next("x", 0, 100, "a"), Next::Held);
        assert_eq!(slots.next("x", 3_600, 100, "a"), Next::Try(0));
    }

    /// The instance that receives the `number`th start.
    type Turn = fn(u32) -> u32;

    /// As `limits::MAX_CLAIMS`.
    const CALLS: u32 = 5;

    /// Whether `holder` passes at one of several instances that share the `taken` names.
    fn passes(instance: &Slots, taken: &mut BTreeSet<u32>, most: u32, holder: &str) -> bool {
        for _ in 0..CALLS {
            match instance.next("x", 0, most, holder) {
                Next::Held => return true,
                Next::Full => return false,
                Next::Try(number) if taken.insert(number) => {
                    instance.hold("x", 0, holder);
                    return true;
                }
                Next::Try(_) => {}
            }
        }
        true
    }

    #[test]
    fn one_instance_counts_exactly_and_one_that_joins_late_adds_a_fifth_at_most() {
        for most in [1, 2, 3, 10, 100, 250] {
            let mut taken = BTreeSet::new();
            let warm = Slots::default();
            let holders = |name: &'static str| (0..).map(move |number: u32| format!("{name}{number}"));
            let started =
                holders("a").take(2 * most as usize).filter(|id| passes(&warm, &mut taken, most, id));
            assert_eq!(started.count(), most as usize, "one instance");
            let late = Slots::default();
            let more =
                holders("b").take(2 * most as usize).filter(|id| passes(&late, &mut taken, most, id)).count();
            assert!(more <= most.div_ceil(CALLS) as usize, "{more} of {most}");
        }
    }

    /// In turn they count exactly. In a random order each that is behind adds a fifth at most.
    #[test]
    fn three_instances_learn_from_each_other() {
        let turns: [(Turn, u32); 2] =
            [(|number| number % 3, 0), (|number| (number.wrapping_mul(2_654_435_761) >> 16) % 3, 2)];
        for most in [20, 100, 250] {
            for (turn, fifths) in turns {
                let mut taken = BTreeSet::new();
                let instances = [Slots::default(), Slots::default(), Slots::default()];
                let mut started = 0;
                for number in 0..6 * most {
                    let instance = &instances[turn(number) as usize];
                    let passed = passes(instance, &mut taken, most, &number.to_string());
                    let used = taken.len();
                    assert!(passed || used == most as usize, "refused after {used} of {most}");
                    started += u32::from(passed);
                }
                assert!((most..=most + fifths * most / CALLS).contains(&started), "{started} of {most}");
            }
        }
    }
}
