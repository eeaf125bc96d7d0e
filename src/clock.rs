//! The one place that time comes from, so that tests and simulations can set it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// Wall-clock time. A container's clock may be off, so what matters is dated by Google's answers instead.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A time after which something holds for a while, by a clock that may be set back: the distance counts, so that a wrong time
/// holds no longer than twice as long.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    from: DateTime<Utc>,
    lasting: TimeDelta,
}

impl Span {
    /// What holds from now on for so long.
    pub fn new(from: DateTime<Utc>, lasting: TimeDelta) -> Self {
        Self { from, lasting }
    }

    /// Whether it still holds.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        (now - self.from).abs() < self.lasting
    }
}

/// How long one push may take in all: well below the subscription's ack deadline of 60 s.
pub const PUSH_LIMIT: Duration = Duration::from_secs(20);
/// How long one call may take.
pub const CALL_LIMIT: Duration = Duration::from_secs(8);
/// How long the ledger may take at a time: no watch needs it.
pub const LEDGER_LIMIT: Duration = Duration::from_secs(2);
/// How long telling people of progress may take at a time: no watch waits for it.
pub const TELLING_LIMIT: Duration = Duration::from_secs(3);
/// A message is not posted with less time left than this: a post that timed out may still have reached the outlet.
const OPENING_LEAST: Duration = Duration::from_secs(2);
/// The end of a push, kept for scheduling the next step: without that a watch would have to be redelivered.
pub const SCHEDULE_RESERVE: Duration = Duration::from_secs(5);

/// The end of one push's time, from which each call's limit follows.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// Begins a push's time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Self(Instant::now() + PUSH_LIMIT)
    }

    /// The limit of a call to an operations API or to Slack: never the last 5 s.
    pub fn for_call(self) -> Duration {
        self.left().saturating_sub(SCHEDULE_RESERVE).min(CALL_LIMIT)
    }

    /// The limit of a call to Slack on which nothing depends, once the next step is scheduled.
    pub fn for_telling(self) -> Duration {
        self.left().min(TELLING_LIMIT)
    }

    /// The same before the next step is scheduled: none when there is so little time that an answer might be lost.
    pub fn for_opening(self) -> Option<Duration> {
        Some(self.for_call().min(TELLING_LIMIT)).filter(|limit| *limit >= OPENING_LEAST)
    }

    /// The limit of what is kept or asked in the ledger.
    pub fn for_ledger(self) -> Duration {
        self.left().min(LEDGER_LIMIT)
    }

    /// The limit of scheduling the next step.
    pub fn for_schedule(self) -> Duration {
        self.left().min(CALL_LIMIT)
    }

    /// How long the push has taken so far.
    pub fn spent(self) -> Duration {
        PUSH_LIMIT.saturating_sub(self.left())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// A stopwatch for the log line.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Whole milliseconds since the start.
    pub fn milliseconds(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
