//! Time as following sees it: what has passed while the machine was awake, and what a clock on the wall shows. They drift apart
//! when a laptop sleeps.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, Stopwatch};

/// A smaller jump of the wall clock is an adjustment.
const JUMP: TimeDelta = TimeDelta::seconds(10);

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Since following began, without the time that the machine slept.
    pub(super) awake: Duration,
    /// By the machine's clock.
    pub(super) wall: DateTime<Utc>,
}

impl Moment {
    /// The time awake since then.
    pub(super) fn since(self, awake: Duration) -> Duration {
        self.awake.saturating_sub(awake)
    }
}

/// The two clocks.
pub(super) struct Clocks<'a> {
    wall: &'a dyn Clock,
    watch: Stopwatch,
    start: DateTime<Utc>,
    /// How far the wall clock went ahead of the other one, when last seen.
    drift: TimeDelta,
    /// How many times as fast as the real one time goes.
    speed: u32,
}

impl<'a> Clocks<'a> {
    pub(super) fn start(wall: &'a dyn Clock, speed: u32) -> Self {
        Self { wall, watch: Stopwatch::start(), start: wall.now(), drift: TimeDelta::zero(), speed }
    }

    pub(super) fn now(&self) -> Moment {
        let awake = Duration::from_millis(self.watch.milliseconds()) * self.speed;
        Moment { awake, wall: self.wall.now() }
    }

    /// For how long the machine slept since this was last asked, or its clock was put forward.
    pub(super) fn slept(&mut self) -> Option<Duration> {
        let Moment { awake, wall } = self.now();
        let drift = (wall - self.start) - TimeDelta::from_std(awake).unwrap_or_default();
        let jump = drift - self.drift;
        self.drift = drift;
        (jump >= JUMP).then(|| jump.to_std().ok()).flatten()
    }
}
