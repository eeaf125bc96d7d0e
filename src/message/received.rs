//! What a message is read with: what Pub/Sub says of it, what holds where it says nothing, and its limits.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::decision::Ladder;
use crate::json;
use crate::services::Service;
use crate::trust::Origin;
use crate::watch::Addressing;

/// Seconds between two checks: a second to a day.
pub const INTERVAL: std::ops::RangeInclusive<u32> = 1..=86_400;
/// Checks of one watch.
pub const LIMIT: std::ops::RangeInclusive<u32> = 1..=10_000;

/// What a message that doesn't say gets.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The services that a name without one is held against: `SERVICES`.
    pub services: Vec<Service>,
    /// How long a watch with a ladder lasts, in seconds; none if checks have a fixed interval.
    pub until_s: Option<u32>,
    /// Seconds between two checks at a fixed interval.
    pub interval_s: u32,
    /// Checks at most.
    pub max_checks: u32,
    /// The time zone.
    pub zone: Tz,
    /// How targets, mentions and receipts are written.
    pub addressing: Addressing,
}

impl Defaults {
    /// A ladder of a day, or a check a minute for an hour, of the services that are watched by default, times in UTC.
    pub fn new(addressing: Addressing) -> Self {
        Self {
            services: Service::defaults(),
            until_s: Some(Ladder::DEFAULT_S),
            interval_s: 60,
            max_checks: 60,
            zone: Tz::UTC,
            addressing,
        }
    }

    /// When a watch that lasts `until_s`, or has a fixed interval if that is none, is checked: `until_s`, the seconds between two
    /// checks at a fixed interval, and the number of checks. Those of a ladder are what a version without ladders goes on with.
    pub fn schedule(&self, until_s: Option<u32>) -> (Option<u32>, u32, u32) {
        let older = until_s.map(Ladder::fallback);
        let (interval_s, max_checks) =
            older.map_or((self.interval_s, self.max_checks), |older| (older.interval_s, older.max_checks));
        (until_s, interval_s, max_checks)
    }

    /// The same with a check a minute for an hour.
    #[must_use]
    pub fn fixed(self) -> Self {
        Self { until_s: None, ..self }
    }
}

/// What Pub/Sub says of a message.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its id, unique within the topic.
    pub message_id: String,
    /// When it was published, by Google's clock.
    pub published: DateTime<Utc>,
    /// Who can have written it.
    pub origin: Origin,
}

/// Whether no notice may be sent about this unusable message: it is a report that opwatch sent to itself. On the public topic only
/// a notice counts as one, since the publisher of a forged report is to learn that it was refused: instances with different
/// settings must not go on sending each other notices about notices.
pub fn is_report(data: &[u8], origin: Origin) -> bool {
    let message = json::object(data).ok();
    let report = message.as_ref().and_then(|message| message.map.get("state")?.get("report"));
    match origin {
        Origin::Internal | Origin::Accepted => report.is_some(),
        Origin::Public => report.is_some_and(|report| report.get("notice").is_some()),
    }
}
