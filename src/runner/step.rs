//! What one delivery comes to: the next step, and what the log says of this one. Nothing is scheduled before it is returned.

use chrono::{DateTime, Utc};

use super::handled::{Action, DeliveryResult};
use super::recorder::Lease;
use super::sentinels::Obsolete;
use crate::decision::Decision;

/// What one delivery comes to.
pub(super) struct Step {
    /// The next step, if there is one.
    pub(super) next: Option<Decision>,
    /// What the log says once the next step is scheduled.
    pub(super) handled: DeliveryResult,
    /// Whether it begins its watch, so that the first check is followed by the sentinel.
    pub(super) begins: bool,
    /// The tasks that are not needed once the watch's end is scheduled.
    pub(super) obsolete: Option<Obsolete>,
    /// The lease on a report that was not posted, to be released.
    pub(super) release: Option<Lease>,
    /// The time of what it is about: the response's that led to it, where there is one.
    pub(super) now: DateTime<Utc>,
}

impl Step {
    /// `next` follows.
    pub(super) fn to(next: Decision, decided: Action, now: DateTime<Utc>) -> Self {
        let handled = DeliveryResult::new(decided);
        Self { next: Some(next), begins: false, obsolete: None, handled, release: None, now }
    }

    /// Nothing follows.
    pub(super) fn last(handled: DeliveryResult, now: DateTime<Utc>) -> Self {
        Self { next: None, begins: false, obsolete: None, handled, release: None, now }
    }

    /// The same with what went wrong.
    #[must_use]
    pub(super) fn with_error(self, error: Option<String>) -> Self {
        Self { handled: DeliveryResult { error, ..self.handled }, ..self }
    }

    /// The same with the time that the call to the operations API or to Slack took.
    #[must_use]
    pub(super) fn after_call(self, milliseconds: u64) -> Self {
        Self { handled: DeliveryResult { call_milliseconds: Some(milliseconds), ..self.handled }, ..self }
    }
}
