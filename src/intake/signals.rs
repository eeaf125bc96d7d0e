//! Pushes of `/events`: from a message to the signal that it is. One that can't be used is counted, and each kind of them is logged
//! once an hour at most; people never hear of it.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::delivery::Delivery;
use crate::policy::Policy;
use crate::signal::{self, Notification, Signal, Unusable};

/// Between two lines about the same kind of message that can't be used.
const QUIET: TimeDelta = TimeDelta::hours(1);

/// Reads signals.
pub struct Signals {
    policy: Policy,
    clock: Arc<dyn Clock>,
    /// For each of [`Unusable::ALL`].
    unusable: Mutex<[Count; Unusable::ALL.len()]>,
}

/// What was not logged yet of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    messages: u64,
    logged: Option<DateTime<Utc>>,
}

impl Signals {
    /// Reads signals about what `policy` allows.
    pub fn new(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self { policy, clock, unusable: Mutex::default() }
    }

    /// The signal that a message is; one that can't be used is counted.
    pub fn read(&self, delivery: &Delivery) -> Option<Signal> {
        let read = match &delivery.data {
            Ok(data) => {
                let published = delivery.published.unwrap_or_else(|| self.clock.now());
                signal::read(
                    &Notification { attributes: &delivery.attributes, data, published },
                    &self.policy,
                )
            }
            Err(_) => Err(Unusable::NotJson),
        };
        read.map_err(|unusable| self.refuse(unusable, &delivery.message_id)).ok()
    }

    /// Counts a message that can't be used. The first of its kind within an hour is logged, with the number of those that were not.
    pub fn refuse(&self, unusable: Unusable, message_id: &str) {
        let now = self.clock.now();
        let mut counts = self.unusable.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = Unusable::ALL.iter().zip(counts.iter_mut());
        for (_, count) in kinds.filter(|(kind, _)| **kind == unusable) {
            count.messages += 1;
            if count.logged.is_none_or(|logged| now - logged >= QUIET) {
                let messages = std::mem::take(&mut count.messages);
                count.logged = Some(now);
                tracing::info!(
                    decision = "signal-ignored",
                    message_id,
                    messages,
                    "ignored signal: {unusable}; further ones of this kind are counted, and the next line comes in an hour"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::delivery::NotBase64;
    use crate::signal::Phase;
    use crate::telemetry::tests::logged;
    use crate::testing;
    use crate::trust::Origin;
    use crate::watch::Powers;

    /// A clock that a test sets, in seconds.
    #[derive(Default)]
    struct Hands(AtomicI64);

    impl Clock for Hands {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(1_795_402_800 + self.0.load(Ordering::Relaxed), 0).unwrap()
        }
    }

    fn delivery(data: &[u8]) -> Delivery {
        Delivery {
            message_id: "7".to_owned(),
            published: None,
            attributes: BTreeMap::new(),
            data: Ok(data.to_vec()),
            origin: Origin::Public,
        }
    }

    #[test]
    fn a_kind_that_can_not_be_used_is_logged_once_an_hour_with_its_count() {
        let clock = Arc::new(Hands::default());
        let signals = Signals::new(testing::policy(Powers::default()), Arc::clone(&clock) as _);
        let lines = logged(|| {
            for second in [0, 1, 3_599, 3_600, 3_601] {
                clock.0.store(second, Ordering::Relaxed);
                assert_eq!(signals.read(&delivery(b"{}")), None);
            }
            assert_eq!(signals.read(&delivery(b"x")), None);
            let bad = Delivery { data: Err(NotBase64("%".to_owned())), ..delivery(b"") };
            assert_eq!(signals.read(&bad), None);
        });
        let said: Vec<_> = lines
            .iter()
            .map(|line| {
                let reason = line["message"].as_str().unwrap().split(';').next().unwrap().to_owned();
                (line["severity"].as_str().unwrap(), line["messages"].as_u64(), reason)
            })
            .collect();
        let unknown =
            "ignored signal: it is neither a log entry nor a notification that opwatch knows".to_owned();
        assert_eq!(
            said,
            [
                ("INFO", Some(1), unknown.clone()),
                ("INFO", Some(3), unknown),
                ("INFO", Some(1), "ignored signal: its data is not a JSON object".to_owned()),
            ]
        );
    }

    #[test]
    fn a_log_entry_is_a_signal() {
        let signals = Signals::new(testing::policy(Powers::default()), Arc::new(Hands::default()));
        let entry = include_bytes!("../../tests/data/signals/entries/derived-datastore-export-end.json");
        let signal = signals.read(&delivery(entry)).unwrap();
        assert_eq!((signal.phase, signal.operation.project()), (Phase::Ended, "my-project"));
    }
}
