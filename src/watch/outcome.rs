//! What a report tells, and why it can't tell more.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::services::Ending;
use crate::text;

/// What a report tells: how a watch ended ([`Outcome::is_end`]), how an operation goes, or something about opwatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Done without an error.
    Succeeded,
    /// Done with an error.
    Failed,
    /// Cancelled: partial files are possible.
    Cancelled,
    /// It was never started.
    NotStarted,
    /// The limit is reached and it still runs.
    #[serde(rename = "stopped")]
    LimitReached,
    /// A message can't be used.
    Notice,
    /// A test message made the whole round.
    Test,
    /// Pub/Sub gave up on a message: its watch ends.
    Lost,
    /// Somebody asks whether messages arrive.
    Doctor,
    /// It runs: never passed on, but told by the check that sees it.
    Running,
    /// It runs and makes no progress: a warning, and no end.
    Stalled,
    /// Nobody can tell how it ended. Also the reading of an outcome that only a newer version knows.
    #[serde(other)]
    CannotTell,
}

impl Outcome {
    /// Its word in the ledger, which is its word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NotStarted => "notStarted",
            Self::LimitReached => "stopped",
            Self::Notice => "notice",
            Self::Test => "test",
            Self::Lost => "lost",
            Self::Doctor => "doctor",
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::CannotTell => "cannotTell",
        }
    }

    /// Whether a person should look at it.
    pub fn is_trouble(self) -> bool {
        match self {
            Self::Succeeded | Self::Test | Self::Doctor | Self::Running => false,
            Self::Failed
            | Self::Cancelled
            | Self::NotStarted
            | Self::LimitReached
            | Self::Notice
            | Self::Lost
            | Self::Stalled
            | Self::CannotTell => true,
        }
    }

    /// How the operation ended that a report with this outcome is about.
    pub fn ending(self) -> Ending {
        match self {
            Self::Succeeded => Ending::Succeeded,
            Self::Failed => Ending::Failed,
            Self::Cancelled => Ending::Cancelled,
            Self::NotStarted
            | Self::LimitReached
            | Self::Notice
            | Self::Test
            | Self::Lost
            | Self::Doctor
            | Self::Running
            | Self::Stalled
            | Self::CannotTell => Ending::Unknown,
        }
    }

    /// Whether it is the end of a watch.
    pub fn is_end(self) -> bool {
        matches!(self.kind(), Kind::Ended | Kind::Abandoned)
    }

    /// The kind in its task's name.
    pub fn kind(self) -> Kind {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => Kind::Ended,
            Self::NotStarted | Self::LimitReached | Self::CannotTell | Self::Lost => Kind::Abandoned,
            Self::Notice | Self::Test | Self::Doctor | Self::Running | Self::Stalled => Kind::Notice,
        }
    }
}

/// Why opwatch can't say more than it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Reason {
    /// The operation is not there (any more).
    Gone,
    /// The service did not know it at the first look.
    NotFound,
    /// It is gone after it was seen deleting something: together with that, most likely.
    Deleted,
    /// It may not be read.
    Denied,
    /// The API refused the call in another way.
    Refused,
    /// The API could not be reached or did not work.
    Unavailable,
    /// It is done in a state that opwatch does not know.
    UnknownState,
    /// A setting does not allow it (any more).
    NotAllowed {
        /// The setting.
        setting: String,
    },
    /// The kickoff came more than an hour after it was published.
    Late,
    /// Without permission to list operations a start could be a second one.
    ListDenied,
    /// The service refused to list operations for good, in another way.
    ListRefused,
    /// The kickoff's operation ended before this kickoff was published: nothing was started now.
    EndedBefore {
        /// How it ended.
        #[serde(default = "cannot_tell")]
        outcome: Outcome,
    },
    /// Pub/Sub gave up delivering a message.
    GivenUp {
        /// How often it was delivered, about.
        deliveries: u32,
    },
    /// A start was sent, its answer was lost, and whether it began can't be looked up.
    Unclear,
    /// Too many kickoffs in a period.
    Limit {
        /// The setting with the limit.
        setting: String,
        /// How many it allows.
        most: u32,
    },
    /// A newer version knows.
    #[serde(other)]
    Other,
}

impl Reason {
    /// Cuts its texts to their limits: for one that comes from a message.
    pub(crate) fn cut(self) -> Self {
        match self {
            Self::NotAllowed { setting } => Self::NotAllowed { setting: text::cut(&setting, 64) },
            Self::Limit { setting, most } => Self::Limit { setting: text::cut(&setting, 64), most },
            Self::Gone
            | Self::NotFound
            | Self::Deleted
            | Self::Denied
            | Self::Refused
            | Self::Unavailable
            | Self::UnknownState
            | Self::Late
            | Self::ListDenied
            | Self::ListRefused
            | Self::EndedBefore { .. }
            | Self::GivenUp { .. }
            | Self::Unclear
            | Self::Other => self,
        }
    }
}

fn cannot_tell() -> Outcome {
    Outcome::CannotTell
}
