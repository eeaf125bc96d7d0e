//! How `opwatch wait` ends, as a shell sees it.

use std::process::ExitCode;

use crate::services::Ending;
use crate::watch::Outcome;

/// How following ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All succeeded.
    Succeeded,
    /// At least one failed.
    Failed,
    /// Else: how at least one ended can't be determined.
    CannotTell,
    /// Else: at least one was cancelled.
    Cancelled,
    /// `--timeout` was over before that.
    TimedOut,
    /// A person, or what runs the command, interrupted it.
    Interrupted,
}

impl Exit {
    /// The status of operations that ended so.
    pub(super) fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let exits = outcomes.into_iter().map(Self::of_one);
        exits.min_by_key(|exit| exit.rank()).unwrap_or(Self::Succeeded)
    }

    /// The exit status of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Cancelled => 2,
            Self::CannotTell => 3,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }

    fn of_one(outcome: Outcome) -> Self {
        match outcome.ending() {
            Ending::Succeeded => Self::Succeeded,
            Ending::Failed => Self::Failed,
            Ending::Cancelled => Self::Cancelled,
            Ending::Unknown => Self::CannotTell,
        }
    }

    /// Which of several counts: the one with the lowest.
    fn rank(self) -> u8 {
        match self {
            Self::Interrupted => 0,
            Self::TimedOut => 1,
            Self::Failed => 2,
            Self::CannotTell => 3,
            Self::Cancelled => 4,
            Self::Succeeded => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_before_what_is_not_known_and_that_before_a_cancellation() {
        use Outcome::{Cancelled, CannotTell, Failed, Succeeded};
        for (outcomes, code) in [
            (vec![], 0),
            (vec![Succeeded, Succeeded], 0),
            (vec![Succeeded, Cancelled], 2),
            (vec![Cancelled, CannotTell, Succeeded], 3),
            (vec![CannotTell, Failed, Cancelled], 1),
        ] {
            assert_eq!(Exit::of(outcomes.clone()).code(), code, "{outcomes:?}");
        }
        assert_eq!((Exit::TimedOut.code(), Exit::Interrupted.code()), (124, 130));
    }
}
