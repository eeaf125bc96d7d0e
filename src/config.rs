//! What opwatch is set to: plain data, which `settings` reads and `runner` obeys.

use std::time::Duration;

use chrono_tz::Tz;

use crate::decision::Pace;
use crate::ledger::Ledger;
use crate::message::Defaults;
use crate::policy::Policy;
use crate::trust::Trust;
use crate::watch::{Locale, Routing};

/// What opwatch is set to.
#[derive(Clone, Debug)]
pub struct Config {
    /// `projects/P/topics/T`, which people publish to: in task names and in the lines that Slack shows.
    pub topic: String,
    /// Whose `state` counts, and the topic that next messages are published to.
    pub trust: Trust,
    /// The queue of checks and starts.
    pub check_queue: String,
    /// The queue of reports.
    pub report_queue: String,
    /// The queue of notices, and of reports about limits.
    pub notice_queue: String,
    /// The account that Cloud Tasks publishes as.
    pub service_account: String,
    /// What a message that doesn't say gets.
    pub defaults: Defaults,
    /// What may be touched.
    pub policy: Policy,
    /// The language of messages that don't say.
    pub locale: Locale,
    /// The zone of messages that don't say.
    pub zone: Tz,
    /// What to call a watch that doesn't say.
    pub title: Option<String>,
    /// Where and how watches that don't say are told of.
    pub routing: Routing,
    /// Checks without progress until people are told; 0 is never.
    pub stall_after: u32,
    /// Where history is kept; none keeps none.
    pub ledger: Option<Ledger>,
    /// Where reports wait when there are too many of them for a channel; none: they are always posted one by one.
    pub digests: Option<Digests>,
    /// Whether a signal is expected when an operation ends, so that checks are only the safety net.
    pub signals: bool,
}

/// How reports become digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// `projects/P/topics/T`, which buffers reports. Nobody else publishes to it.
    pub topic: String,
    /// `projects/P/subscriptions/S`, from which they are pulled.
    pub subscription: String,
    /// Reports to one channel in a minute above which ends are buffered; with 0 nothing is, and what is in the buffer is still
    /// posted.
    pub above: u32,
}

impl Config {
    /// How soon a next check is wanted when none may come before `wait` is over.
    pub fn pace(&self, wait: Duration) -> Pace {
        Pace { wait, least_s: self.policy.limits.min_interval, signals: self.signals, ..Pace::default() }
    }
}
