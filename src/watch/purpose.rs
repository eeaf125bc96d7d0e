//! What a check is made for.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a check is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The watch's next check: the one after it follows.
    #[default]
    Next,
    /// The watch's sentinel: the check that ends it in case all others were lost.
    Sentinel,
    /// Another look for a signal that came before the operation showed as ended.
    Signal(SignalLook),
}

/// A look that a signal asks for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SignalLook {
    /// The time of the signal, which tells the looks of one signal from those of another.
    pub at: DateTime<Utc>,
    /// Its number, from 1.
    pub number: u32,
}

impl Purpose {
    /// The purpose that a message says. One that says both, which opwatch never writes, is a sentinel.
    pub(crate) fn of(sentinel: bool, signal: Option<SignalLook>) -> Self {
        match signal {
            _ if sentinel => Self::Sentinel,
            Some(look) => Self::Signal(look),
            None => Self::Next,
        }
    }

    /// The look that a signal asks for, if it is one.
    pub(crate) fn signal(self) -> Option<SignalLook> {
        match self {
            Self::Signal(look) => Some(look),
            Self::Next | Self::Sentinel => None,
        }
    }
}
