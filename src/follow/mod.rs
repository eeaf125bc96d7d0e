//! Follows operations to their end in a terminal: the core of a watch, with a sleep where the service has a task.
//!
//! `follower` and `item` decide, without I/O: what is looked at next, what a look comes to, and how following ends. `log`
//! says what is printed for good, `screen` what is drawn of those that run. `run` alone reads clocks, calls APIs and writes.

mod clocks;
mod exit;
mod follower;
mod item;
mod label;
mod leave;
mod log;
mod notifier;
mod run;
mod say;
mod schedule;
mod screen;
mod signals;
mod stage;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use exit::Exit;
pub use notifier::Notifier;
pub use run::{Means, follow};
pub use say::Wording;
pub use screen::Size;
pub use signals::{Interruptions, Signals};
pub use stage::{Drawn, Printed, Stage};

/// When following ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// When all have ended.
    #[default]
    All,
    /// When the first has.
    Any,
}

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// On a terminal: ends as lines, and below them what runs, drawn again and again.
    Screen,
    /// Lines: one for each change, at most one a minute and operation.
    #[default]
    Log,
    /// An event in JSON on each line, for each change.
    Json,
}

/// How operations are followed.
#[derive(Clone, Debug)]
pub struct Options {
    /// When following ends.
    pub until: Until,
    /// The fixed gap between two looks; without it, it grows with the age of the operation from 2 s to 60 s.
    pub interval: Option<Duration>,
    /// How long to follow, without the time that the machine sleeps.
    pub timeout: Option<Duration>,
    /// What is shown.
    pub output: Output,
    /// The ends only.
    pub quiet: bool,
    /// Whether an interruption asks to cancel what still runs.
    pub cancels: bool,
    /// The title of the operations.
    pub title: Option<String>,
    /// In which words.
    pub wording: Wording,
}
