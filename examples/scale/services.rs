//! What Cloud Tasks and Slack let through: the same for the model and for the real core.

use std::time::Duration;

use crate::model::{Ms, World};

/// Lets through so many a second, in order; the rest waits.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    gap: f64,
    free: f64,
}

impl Gate {
    pub(crate) fn new(a_second: f64) -> Self {
        Self { gap: 1e3 / a_second, free: 0.0 }
    }

    /// When what comes at `at` is let through.
    pub(crate) fn pass(&mut self, at: Ms) -> Ms {
        let passes = self.free.max(at as f64);
        self.free = passes + self.gap;
        passes as Ms
    }

    /// How long what comes at `at` would have to wait in whole seconds, as `Retry-After` says it; none: it is taken.
    pub(crate) fn refuse(&mut self, at: Ms) -> Option<Duration> {
        if self.free <= at as f64 {
            self.free = at as f64 + self.gap;
            return None;
        }
        Some(Duration::from_secs(((self.free - at as f64) / 1e3).ceil() as u64))
    }
}

/// All queues and channels.
pub(crate) struct Services {
    checks: Vec<Gate>,
    reports: Vec<Gate>,
    channels: Vec<Gate>,
}

impl Services {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            checks: vec![Gate::new(world.dispatches); world.queues],
            reports: if world.report_queue {
                vec![Gate::new(world.dispatches); world.queues]
            } else {
                Vec::new()
            },
            channels: vec![Gate::new(world.messages); world.channels],
        }
    }

    pub(crate) fn dispatch(&mut self, watch: usize, is_report: bool, due: Ms) -> Ms {
        let gates = if is_report && !self.reports.is_empty() { &mut self.reports } else { &mut self.checks };
        let count = gates.len();
        gates[watch % count].pass(due)
    }

    /// How long a message to this channel would have to wait; none: it is taken.
    pub(crate) fn post(&mut self, channel: usize, now: Ms) -> Option<Duration> {
        self.channels[channel].refuse(now)
    }
}
