//! When the buffer of digests is emptied, and what becomes of what was in it.
//!
//! A report that enters the buffer asks for the *drain* of its window: a task with the window's name, which is due at its end. A
//! drain that found something asks for the one of the next window. One that found nothing is followed by a few more, at growing
//! distances, since what was pulled by an answer that was lost comes back when its lease ends.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::watch::Slot;

/// A window: how often the buffer is emptied, in seconds.
const WINDOW_S: i64 = 10;
/// The pauses before the drains that follow one which found nothing. The first three are longer together than [`LONGEST_LEASE`]. The
/// last two are for an outage: a pull without an answer looks like an empty buffer.
const TAIL: [TimeDelta; 5] = [
    TimeDelta::seconds(30),
    TimeDelta::seconds(60),
    TimeDelta::seconds(300),
    TimeDelta::hours(1),
    TimeDelta::days(1),
];
/// The pause after a drain that could not read the buffer.
const UNREADABLE: TimeDelta = TimeDelta::seconds(60);
/// How long a group waits that was not taken, when the outlet did not say, and at most.
const LEASE: Duration = Duration::from_secs(30);
const LONGEST_LEASE: Duration = Duration::from_secs(300);
/// How long a report is tried that no outlet takes: a day less than its subscription keeps it.
const MAX_TRIED: TimeDelta = TimeDelta::days(30);
/// How long a digest is posted again that the outlet answered with neither yes nor no; then it counts as delivered.
const UNCLEAR: TimeDelta = TimeDelta::hours(1);

/// The task of a drain: its slot, and when it is due.
pub type Drain = (Slot, DateTime<Utc>);

/// What a drain found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundInBuffer {
    /// Reports, of which all were taken, or some have to wait for so long.
    Reports(Option<Duration>),
    /// Nothing.
    Nothing,
    /// The buffer could not be read.
    Unreadable,
}

/// The drain of the window that `now` is in.
pub fn drain_of(now: DateTime<Utc>) -> Drain {
    let at = now.timestamp().div_euclid(WINDOW_S) * WINDOW_S;
    drain(at)
}

fn drain(at: i64) -> Drain {
    let end = DateTime::from_timestamp(at.saturating_add(WINDOW_S), 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    (Slot { of: Slot::DIGEST.to_owned(), at, number: 0 }, end)
}

/// The drains to ask for after the one of `slot`; never that one.
pub fn drains_after(slot: &Slot, found: FoundInBuffer, now: DateTime<Utc>) -> Vec<Drain> {
    // The window after this one at the earliest, whatever the clock says.
    let window = |time: DateTime<Utc>| {
        let (Slot { at, .. }, _) = drain_of(time);
        drain(at.max(slot.at.saturating_add(WINDOW_S)))
    };
    match found {
        FoundInBuffer::Reports(wait) => {
            let later = wait.map(|wait| window(now + TimeDelta::from_std(wait).unwrap_or_default()));
            let next = window(now);
            let later = later.filter(|(later, _)| *later != next.0);
            [Some(next), later].into_iter().flatten().collect()
        }
        FoundInBuffer::Unreadable => vec![window(now + UNREADABLE)],
        FoundInBuffer::Nothing => {
            let pause = usize::try_from(slot.number).ok().and_then(|number| TAIL.get(number));
            let next = |pause: &TimeDelta| (Slot { number: slot.number + 1, ..slot.clone() }, now + *pause);
            pause.map(next).into_iter().collect()
        }
    }
}

/// How long a group is left in the buffer that was not taken. `is_passing`: nobody has to correct anything.
pub fn lease_of(retry_after: Option<Duration>, is_passing: bool) -> Duration {
    match retry_after {
        // A lease is counted in whole seconds.
        Some(wait) => (wait + Duration::from_secs(1)).min(LONGEST_LEASE),
        None if is_passing => LEASE,
        None => LONGEST_LEASE,
    }
}

/// Whether a report that entered the buffer at `buffered`, and was not taken now either, is given up.
pub fn is_given_up(buffered: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - buffered > MAX_TRIED
}

/// Whether an outlet has answered with neither yes nor no since `first`, for so long that one more copy would do more harm than
/// good.
pub fn counts_as_delivered(first: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - first > UNCLEAR
}

/// Items that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<K, T> {
    /// What they have in common.
    pub key: K,
    /// They, each once.
    pub items: Vec<T>,
    /// Copies of them.
    pub copies: Vec<T>,
}

/// Groups `items` by their key, in the order in which they came; those with the same id are copies.
pub fn grouped<K: PartialEq, T>(items: impl IntoIterator<Item = (K, String, T)>) -> Vec<Group<K, T>> {
    let mut groups: Vec<Group<K, T>> = Vec::new();
    let mut seen = BTreeSet::new();
    for (key, id, item) in items {
        let is_new = seen.insert(id);
        let index = groups.iter().position(|group| group.key == key);
        let index = index.unwrap_or_else(|| {
            groups.push(Group { key, items: Vec::new(), copies: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(index) {
            if is_new { group.items.push(item) } else { group.copies.push(item) }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::arbitrary::time;
    use crate::testing::at;
    use proptest::prelude::*;

    fn slot(second: i64, number: u32) -> Slot {
        Slot { of: Slot::DIGEST.to_owned(), at: at(second).timestamp(), number }
    }

    #[test]
    fn all_reports_of_a_window_ask_for_one_drain_at_its_end() {
        for milliseconds in [0, 1, 9_999] {
            let now = at(20) + TimeDelta::milliseconds(milliseconds);
            assert_eq!(drain_of(now), (slot(20, 0), at(30)), "{milliseconds}");
        }
        assert_eq!(drain_of(at(30)), (slot(30, 0), at(40)));
    }

    #[test]
    fn a_drain_that_found_something_is_followed_by_the_one_of_the_next_window() {
        let after = |wait, now| drains_after(&slot(20, 0), FoundInBuffer::Reports(wait), at(now));
        assert_eq!(after(None, 31), [(slot(30, 0), at(40))]);
        // The clock is slow, or the task was early.
        assert_eq!(after(None, 25), [(slot(30, 0), at(40))]);
        assert_eq!(after(Some(Duration::from_secs(3)), 31), [(slot(30, 0), at(40))]);
        let two = [(slot(30, 0), at(40)), (slot(60, 0), at(70))];
        assert_eq!(after(Some(Duration::from_secs(30)), 31), two);
    }

    #[test]
    fn a_drain_that_found_nothing_is_followed_by_five_that_outlast_every_lease() {
        let (mut slot, mut now, mut pauses) = (slot(20, 0), at(30), Vec::new());
        while let [(next, due)] = drains_after(&slot, FoundInBuffer::Nothing, now).as_slice() {
            pauses.push((*due - now).num_seconds());
            (slot, now) = (next.clone(), *due);
        }
        assert_eq!((pauses.as_slice(), slot.number), ([30, 60, 300, 3_600, 86_400].as_slice(), 5));
        let longest = [lease_of(Some(Duration::from_secs(9_999)), true), lease_of(None, false)];
        assert!(
            longest.iter().all(|lease| i64::try_from(lease.as_secs()).unwrap() < pauses[..3].iter().sum())
        );
        // A drain of the tail that finds something begins a chain.
        let again = drains_after(&slot, FoundInBuffer::Reports(None), at(100_000));
        assert_eq!(again, [drain_of(at(100_000))]);
    }

    #[test]
    fn a_buffer_that_can_not_be_read_is_read_again_in_a_minute() {
        let after = drains_after(&slot(20, 2), FoundInBuffer::Unreadable, at(31));
        assert_eq!(after, [(slot(90, 0), at(100))]);
    }

    #[test]
    fn a_lease_lasts_as_long_as_the_outlet_asked_for() {
        let lease = |wait: Option<u64>, passing| lease_of(wait.map(Duration::from_secs), passing).as_secs();
        assert_eq!((lease(Some(7), true), lease(Some(86_400), true)), (8, 300));
        assert_eq!((lease(None, true), lease(None, false)), (30, 300));
    }

    #[test]
    fn reports_are_given_up_a_day_before_the_buffer_would_drop_them() {
        assert!(!is_given_up(at(0), at(30 * 86_400)) && is_given_up(at(0), at(30 * 86_400 + 1)));
        assert!(!counts_as_delivered(at(0), at(3_600)) && counts_as_delivered(at(0), at(3_601)));
    }

    #[test]
    fn copies_are_told_once_and_acknowledged_with_the_others() {
        let item = |key: &'static str, id: &str, item: u32| (key, id.to_owned(), item);
        let groups = grouped([item("a", "1", 1), item("b", "2", 2), item("a", "3", 3), item("a", "1", 4)]);
        let [a, b] = groups.as_slice() else { panic!("{groups:?}") };
        assert_eq!(
            (a.key, a.items.as_slice(), a.copies.as_slice()),
            ("a", [1, 3].as_slice(), [4].as_slice())
        );
        assert_eq!((b.key, b.items.as_slice(), b.copies.as_slice()), ("b", [2].as_slice(), [].as_slice()));
    }

    proptest! {
        /// That would end the chain in silence.
        #[test]
        fn no_drain_asks_for_itself(
            at in any::<i64>(), number in any::<u32>(), now in time(), wait in proptest::option::of(0_u64..1_000),
        ) {
            let slot = Slot { of: Slot::DIGEST.to_owned(), at, number };
            let reports = FoundInBuffer::Reports(wait.map(Duration::from_secs));
            for found in [reports, FoundInBuffer::Nothing, FoundInBuffer::Unreadable] {
                for (next, _) in drains_after(&slot, found, now) {
                    // No task is due behind the end of time.
                    prop_assert!(next != slot || at > 1 << 62, "{next:?}");
                }
            }
        }
    }
}
