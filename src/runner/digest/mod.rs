//! Digests: when more reports go to one channel than people can read, ends wait in a buffer, which is a Pub/Sub topic with a pull
//! subscription, and a drain every few seconds tells all of them in one message.

mod buffer;
mod buffered;
mod drain;
mod flood;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use self::flood::{Floods, Place, place};
use crate::config::Config;
use crate::outlets::Outlet;
use crate::watch::{Report, Target};

/// How many reports are remembered that were told and could not be acknowledged.
const REMEMBERED: usize = 10_000;

/// What this instance knows of floods and of the buffer.
pub(super) struct Digester {
    config: Arc<Config>,
    floods: Floods,
    /// The last window whose drain this instance asked for.
    asked: Mutex<Option<i64>>,
    /// The ids of reports that were told and could not be acknowledged: they come again.
    told: Mutex<VecDeque<String>>,
    /// Since when an outlet has answered to digests for a target with neither yes nor no.
    unclear: Mutex<HashMap<Place, DateTime<Utc>>>,
}

impl Digester {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            floods: Floods::default(),
            asked: Mutex::default(),
            told: Mutex::default(),
            unclear: Mutex::default(),
        }
    }

    /// Whether `report` may wait for a digest: the end of a watch, to an outlet that people read. What was diverted, or stands
    /// for many that a limit refused, may not.
    pub(super) fn takes(&self, outlet: &dyn Outlet, report: &Report) -> bool {
        self.config.digests.as_ref().is_some_and(|digests| digests.above > 0)
            && outlet.powers().texts
            && report.outcome.is_end()
            && report.slot.is_none()
            && report.fallback_reason.is_none()
    }

    /// Counts a report to this target, and says whether this instance saw too many of them in the last minute: of those that
    /// [`Self::takes`], whose limit is not 0.
    pub(super) fn is_flood(&self, outlet: &dyn Outlet, target: Option<&Target>, now: DateTime<Utc>) -> bool {
        let digests = self.config.digests.as_ref();
        digests.is_some_and(|digests| self.floods.saw(outlet.id(), target, digests.above, now))
    }

    fn has_asked(&self, window: i64) -> bool {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) == Some(window)
    }

    fn remember_asked(&self, window: i64) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(window);
    }

    /// Since when this outlet has answered for this target as now: with neither yes nor no, or otherwise.
    fn unclear_since(
        &self,
        outlet: &'static str,
        target: Option<&Target>,
        is_unclear: bool,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let mut unclear = self.unclear.lock().unwrap_or_else(PoisonError::into_inner);
        let place = place(outlet, target);
        if is_unclear {
            return *unclear.entry(place).or_insert(now);
        }
        unclear.remove(&place);
        now
    }

    fn was_told(&self, report: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|told| told == report)
    }

    fn remember_told(&self, reports: impl IntoIterator<Item = String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(reports);
        while told.len() > REMEMBERED {
            told.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use crate::watch::Powers;

    fn digester() -> Digester {
        Digester::new(Arc::new(testing::config(Powers::default())))
    }

    #[test]
    fn the_last_window_that_was_asked_for_is_remembered() {
        let digester = digester();
        assert!(!digester.has_asked(10));
        digester.remember_asked(10);
        assert!(digester.has_asked(10) && !digester.has_asked(20));
        digester.remember_asked(20);
        assert!(digester.has_asked(20) && !digester.has_asked(10));
    }

    #[test]
    fn of_the_reports_that_were_told_the_last_are_remembered() {
        let digester = digester();
        let ids = |range: std::ops::Range<usize>| range.map(|number| number.to_string());
        assert!(!digester.was_told("0"));
        digester.remember_told(ids(0..REMEMBERED));
        assert!(digester.was_told("0") && digester.was_told("7") && !digester.was_told("x"));
        digester.remember_told(ids(REMEMBERED..REMEMBERED + 2));
        let told = ["0", "1", "2", "10001"].map(|id| digester.was_told(id));
        assert_eq!(told, [false, false, true, true]);
    }
}
