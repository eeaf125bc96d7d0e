//! The virtual clock: real UTC plus an offset that only grows, in whole milliseconds, which all times in messages have. So nothing
//! that happens later has an earlier time in a message.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use tokio::sync::watch;

/// A clock that can be moved forward, shared by all its clones.
#[derive(Clone, Debug)]
pub struct Time {
    offset: Arc<watch::Sender<TimeDelta>>,
}

impl Time {
    pub(super) fn new() -> Self {
        Self { offset: Arc::new(watch::Sender::new(TimeDelta::zero())) }
    }

    /// The virtual time.
    pub fn now(&self) -> DateTime<Utc> {
        shifted(*self.offset.borrow())
    }

    /// Moves the clock to `at`; a time that has passed changes nothing.
    pub fn advance_to(&self, at: DateTime<Utc>) {
        self.offset.send_if_modified(|offset| {
            let ahead = at - shifted(*offset);
            let forward = ahead > TimeDelta::zero();
            if forward {
                *offset += ahead;
            }
            forward
        });
    }

    /// Moves the clock forward by `by`.
    pub fn advance(&self, by: Duration) {
        self.advance_to(later(self.now(), by));
    }

    /// Notifies of each move of the clock, for tasks that sleep until a virtual time.
    pub(super) fn moves(&self) -> watch::Receiver<TimeDelta> {
        self.offset.subscribe()
    }
}

impl crate::clock::Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        Self::now(self)
    }
}

#[expect(clippy::disallowed_methods, reason = "the stand-ins' clock is made here")]
fn shifted(offset: TimeDelta) -> DateTime<Utc> {
    (Utc::now() + offset).trunc_subsecs(3)
}

/// `at + by`, or the end of time: a stuck operation may be given `Duration::MAX`.
pub(super) fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| at.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// RFC 3339 with `Z`, as Google writes it.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// IMF-fixdate, for the `Date` header.
pub(super) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let time = Time::new();
        let start = time.now();
        time.advance(Duration::from_secs(3600));
        time.advance_to(start);
        assert!(time.now() >= start + TimeDelta::hours(1));
    }

    #[test]
    fn an_endless_duration_ends_at_the_end_of_time() {
        assert_eq!(later(Time::new().now(), Duration::MAX), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn the_date_header_is_an_imf_fixdate() {
        let at = DateTime::from_timestamp(784_111_777, 0).unwrap();
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
