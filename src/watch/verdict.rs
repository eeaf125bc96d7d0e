//! What a watch has come to.

use super::{Outcome, Reason};
use crate::services::{ApiError, OperationInfo};

/// What a watch has come to, before it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// Why opwatch can't say more.
    pub reason: Option<Reason>,
    /// The error of the call that failed, apart from the operation's own.
    pub error: Option<ApiError>,
    /// What is known of the operation.
    pub facts: OperationInfo,
}

impl Verdict {
    /// A verdict without an error of a call.
    pub fn new(outcome: Outcome, reason: Option<Reason>, facts: OperationInfo) -> Self {
        Self { outcome, reason, error: None, facts }
    }

    /// The same with the error of the call that failed.
    #[must_use]
    pub fn with(self, error: ApiError) -> Self {
        Self { error: Some(error), ..self }
    }
}
