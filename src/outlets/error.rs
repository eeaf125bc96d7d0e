//! Why a message was not posted, whatever the outlet.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// What is the matter with a message that was not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The same call may succeed later.
    Passing,
    /// A 2xx that does not say that the message was taken, as a workflow or a proxy gives it: it may have been.
    Unclear,
    /// Something other than the outlet answered: a redirect, a proxy.
    Foreign,
    /// The outlet does not like the contents: plain text may pass.
    Content,
    /// The outlet does not allow this message to apps: without its mention it may pass, or to another target.
    Restricted,
    /// The target does not take it: another may.
    Target,
    /// The message to edit is not there any more.
    Gone,
    /// The message to edit is there and can't be edited any more.
    Uneditable,
    /// The receiver is gone for good and asks for no more messages.
    Closed,
    /// A person must correct the settings or the outlet's own configuration.
    Access,
    /// Refused for a reason that is not documented: a message with less in it may pass.
    Unknown,
}

impl Fault {
    /// Whether no edit of the message will succeed.
    pub fn ends_edits(self) -> bool {
        matches!(self, Self::Gone | Self::Uneditable)
    }
}

/// Why a message was not posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{outlet}: {text}")]
pub struct PostError {
    /// What people call the outlet.
    pub outlet: &'static str,
    /// What the outlet said or what happened.
    pub text: String,
    /// The outlet's word for it, such as `channel_not_found`; what else it said when that is no word; empty without an answer.
    /// To be shown: what follows from it is in `fault`.
    pub word: String,
    /// What is the matter.
    pub fault: Fault,
    /// The message may still have been posted.
    pub ambiguous: bool,
    /// How long the outlet asked to wait.
    pub retry_after: Option<Duration>,
    /// The time by the outlet's clock, from which the next try counts: a container's may be off.
    pub date: Option<DateTime<Utc>>,
    /// What a person must do, for the log.
    pub advice: &'static str,
}

impl PostError {
    /// One of which no more is known: it was not posted, and nothing was said of when to retry.
    pub(super) fn new(outlet: &'static str, fault: Fault, text: String, advice: &'static str) -> Self {
        let word = String::new();
        Self { outlet, text, word, fault, ambiguous: false, retry_after: None, date: None, advice }
    }

    /// An outlet was asked to edit or delete a message, which it can't.
    pub(super) fn uneditable(outlet: &'static str) -> Self {
        let text = "its messages can't be edited".to_owned();
        Self::new(outlet, Fault::Uneditable, text, "please report this as a bug")
    }

    /// Whether a person must correct something: a retry without changes is not known to help.
    pub fn permanent(&self) -> bool {
        self.fault != Fault::Passing
    }

    /// Whether the outlet, or what answers in its place, refused the call: nothing was posted.
    pub fn refused(&self) -> bool {
        !self.ambiguous && self.fault != Fault::Passing
    }

    /// Whether the same call may succeed later, as far as can be told.
    pub fn may_pass(&self) -> bool {
        matches!(self.fault, Fault::Passing | Fault::Unclear | Fault::Foreign | Fault::Unknown)
    }

    /// The same when the outlet had asked to wait before, as `retry_after` says: the longer wait counts.
    #[must_use]
    pub fn after_wait(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after: self.retry_after.max(retry_after), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_may_follow() {
        for (fault, ambiguous, permanent, refused, may_pass) in [
            (Fault::Passing, false, false, false, true),
            (Fault::Passing, true, false, false, true),
            (Fault::Unclear, true, true, false, true),
            (Fault::Foreign, false, true, true, true),
            (Fault::Unknown, false, true, true, true),
            (Fault::Access, false, true, true, false),
            (Fault::Access, true, true, false, false),
            (Fault::Content, false, true, true, false),
            (Fault::Gone, false, true, true, false),
        ] {
            let error = PostError { ambiguous, ..PostError::new("Slack", fault, String::new(), "") };
            let says = (error.permanent(), error.refused(), error.may_pass());
            assert_eq!(says, (permanent, refused, may_pass), "{fault:?}, ambiguous: {ambiguous}");
        }
        let ends = [Fault::Gone, Fault::Uneditable, Fault::Target, Fault::Passing].map(Fault::ends_edits);
        assert_eq!(ends, [true, true, false, false]);
        let error =
            PostError { word: "x".to_owned(), ..PostError::new("Slack", Fault::Access, "no".to_owned(), "") };
        assert_eq!(error.to_string(), "Slack: no");
    }

    #[test]
    fn of_two_waits_the_longer_one_counts() {
        let after = |own: Option<u64>, before: Option<u64>| {
            let error = PostError::new("Slack", Fault::Passing, String::new(), "");
            let error = PostError { retry_after: own.map(Duration::from_secs), ..error };
            error.after_wait(before.map(Duration::from_secs)).retry_after.map(|wait| wait.as_secs())
        };
        assert_eq!(
            [after(Some(1), Some(2)), after(Some(3), Some(2)), after(None, Some(2)), after(None, None)],
            [Some(2), Some(3), Some(2), None]
        );
    }
}
