//! Follows operations to their end in a terminal: the core of a watch, with a sleep where the service has a task.
//!
//! [`follower`] and [`item`] decide, without I/O: what is looked at next, what a look comes to, and how following ends. [`log`]
//! says what is printed. [`run`] alone reads clocks, calls APIs and writes.

mod clocks;
mod exit;
mod follower;
mod item;
mod label;
mod log;
mod run;
mod say;
mod schedule;
mod signals;
mod stage;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use exit::Exit;
pub use run::{Means, follow};
pub use say::Wording;
pub use signals::{Interruptions, Signals};
pub use stage::{Printed, Stage};

/// When following ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// When all have ended.
    #[default]
    All,
    /// When the first has.
    Any,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Lines: one for each change, at most one a minute and operation.
    #[default]
    Log,
    /// The ends only.
    Quiet,
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
    /// What is printed.
    pub output: Output,
    /// The title of the operations.
    pub title: Option<String>,
    /// In which words.
    pub wording: Wording,
}
