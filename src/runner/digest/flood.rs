//! How many reports go to a target in a minute, as far as this instance sees.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::watch::Target;

const MINUTE: TimeDelta = TimeDelta::seconds(60);

/// An outlet's id, and a target in it.
pub(super) type Place = (&'static str, String);

pub(super) fn place(outlet: &'static str, target: Option<&Target>) -> Place {
    (outlet, target.map(ToString::to_string).unwrap_or_default())
}

/// The last reports to each target.
#[derive(Default)]
pub(super) struct Floods(Mutex<HashMap<Place, VecDeque<DateTime<Utc>>>>);

impl Floods {
    /// Counts a report, and says whether more than `above` were seen in the last minute, this one included.
    pub(super) fn saw(
        &self,
        outlet: &'static str,
        target: Option<&Target>,
        above: u32,
        now: DateTime<Utc>,
    ) -> bool {
        // A clock may be set back: the distance counts.
        let is_recent = |time: &DateTime<Utc>| (now - *time).abs() < MINUTE;
        let above = usize::try_from(above).unwrap_or(usize::MAX);
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, times| times.back().is_some_and(is_recent));
        let times = places.entry(place(outlet, target)).or_default();
        times.push_back(now);
        while times.len() > above.saturating_add(1) {
            times.pop_front();
        }
        times.len() > above && times.front().is_some_and(is_recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn ten_reports_in_a_minute_are_no_flood() {
        let floods = Floods::default();
        let saw = |second| floods.saw("slack", None, 10, at(second));
        assert!((0..10).all(|second| !saw(second)), "ten");
        assert!(saw(10) && saw(59), "the eleventh and the twelfth");
        // Of the last eleven the first came at second 2.
        assert!(!saw(62), "a minute later");
        assert!(saw(62), "at second 3");
    }

    #[test]
    fn each_target_of_each_outlet_counts_for_itself_and_takes_room_for_a_minute() {
        let floods = Floods::default();
        let [one, other] = ["C0ONE", "C0OTHER"].map(Target::new);
        for (outlet, target) in [("slack", Some(&one)), ("slack", Some(&other)), ("chat", None)] {
            assert!(!floods.saw(outlet, target, 1, at(0)), "{outlet} {target:?}");
        }
        assert!(floods.saw("slack", Some(&one), 1, at(1)));
        assert!(!floods.saw("slack", Some(&other), 1, at(90)));
        assert_eq!(floods.0.lock().unwrap().len(), 1);
    }
}
