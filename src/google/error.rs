//! Why a call did not succeed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::token::NoToken;
use crate::net::transport::{Answer, Failure};
use crate::services::{ApiError, Status, retry_delay};
use crate::text;

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no token: nothing was sent.
    #[error(transparent)]
    NoToken(#[from] NoToken),
    /// No answer came.
    #[error(transparent)]
    NoAnswer(#[from] Failure),
    /// The answer has a good status and can't be read: what was asked for may have happened.
    #[error("{error}")]
    Unreadable {
        /// What is wrong with it.
        error: ApiError,
        /// The server's time.
        date: Option<DateTime<Utc>>,
    },
    /// The API, or something in between, refused it.
    #[error("{}", .0.error)]
    Refused(Refusal),
}

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub http: u16,
    /// The API's words, with the HTTP status as their code.
    pub error: ApiError,
    /// It was sent before, on a connection that broke: what it finds there may be its own.
    pub resent: bool,
    /// How long the API asked to wait.
    pub retry_after: Option<Duration>,
    /// The server's time.
    pub date: Option<DateTime<Utc>>,
}

impl CallError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoToken(_) | Self::NoAnswer(_) | Self::Unreadable { .. } => true,
            Self::Refused(refusal) => refusal.is_transient(),
        }
    }

    /// Whether the call may have had its effect nevertheless.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::NoToken(_) | Self::NoAnswer(Failure::NotConnected(_)) => false,
            Self::NoAnswer(Failure::TimedOut(_) | Failure::Broken(_) | Failure::TooLong)
            | Self::Unreadable { .. } => true,
            Self::Refused(refusal) => refusal.is_transient() && refusal.http >= 500,
        }
    }

    /// Whether nothing was heard of what became of the call: it may have had its effect, and no API says otherwise.
    pub fn is_unknown(&self) -> bool {
        self.is_ambiguous() && self.refusal().is_none()
    }

    /// Whether the answer was too long to be read.
    pub fn is_too_long(&self) -> bool {
        matches!(self, Self::NoAnswer(Failure::TooLong))
    }

    /// The refusal, if it was refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::NoToken(_) | Self::NoAnswer(_) | Self::Unreadable { .. } => None,
        }
    }

    /// The HTTP status that it was refused with.
    pub fn http(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.http)
    }

    /// The status that it was refused with; missing when it was not refused in an API's words.
    pub fn status(&self) -> &Status {
        self.refusal().map_or(&Status::Missing, |refusal| &refusal.error.status)
    }

    /// How long the API asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// The server's time.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::NoToken(_) | Self::NoAnswer(_) => None,
            Self::Unreadable { date, .. } => *date,
            Self::Refused(refusal) => refusal.date,
        }
    }

    /// As it rides in a message, and as people read it.
    pub fn into_api_error(self) -> ApiError {
        match self {
            Self::NoToken(error) => ApiError::of_text(&error.to_string()),
            Self::NoAnswer(failure) => ApiError::of_text(&failure.to_string()),
            Self::Unreadable { error, .. } => error,
            Self::Refused(refusal) => refusal.error,
        }
    }
}

impl Refusal {
    /// Google's error body (<https://google.aip.dev/193>), or none when something else answered.
    pub(crate) fn of(answer: &Answer, resent: bool) -> Self {
        let ErrorAnswer { error } = serde_json::from_slice(&answer.body).unwrap_or_default();
        Self {
            http: answer.status,
            resent,
            retry_after: answer.retry_after.or_else(|| retry_delay(&error.details)),
            date: answer.date,
            error: ApiError::new(i64::from(answer.status), error.status.as_str(), &error.message)
                .with_details(&error.details),
        }
    }

    /// Whether the same call may succeed later. A 409 is ABORTED or final; a redirect comes from something in between.
    fn is_transient(&self) -> bool {
        match self.http {
            401 | 408 | 429 => true,
            409 => self.error.status == Status::Aborted,
            400..500 => false,
            _ => true,
        }
    }
}

#[derive(Default, Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    error: ErrorBody,
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default, deserialize_with = "text::list")]
    details: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> CallError {
        let body = body.to_owned().into();
        CallError::Refused(Refusal::of(
            &Answer { status, retry_after: None, date: None, max_age: None, body },
            false,
        ))
    }

    #[test]
    fn every_status_is_passing_or_final() {
        for status in 100..600 {
            let expected = match status {
                401 | 408 | 429 => true,
                status => !(400..500).contains(&status),
            };
            let error = refused(status, "");
            assert_eq!(error.is_transient(), expected, "{status}");
            assert_eq!((error.is_ambiguous(), error.is_unknown()), (status >= 500, false), "{status}");
        }
        let date = DateTime::from_timestamp(1_800_000_000, 0);
        let answer = Answer { date, ..crate::testing::answer(503, "") };
        assert_eq!(CallError::Refused(Refusal::of(&answer, false)).date(), date);
        assert!(refused(409, r#"{"error":{"status":"ABORTED"}}"#).is_transient());
        assert!(!refused(409, r#"{"error":{"status":"ALREADY_EXISTS"}}"#).is_transient());
        // The word counts, not what the text says.
        assert!(!refused(409, r#"{"error":{"status":"FAILED","message":"ABORTED"}}"#).is_transient());
    }

    #[test]
    fn only_what_may_have_been_sent_is_ambiguous() {
        let second = Duration::from_secs(1);
        for (error, ambiguous) in [
            (CallError::NoToken(NoToken::new("x")), false),
            (CallError::NoAnswer(Failure::NotConnected(String::new())), false),
            (CallError::NoAnswer(Failure::Broken(String::new())), true),
            (CallError::NoAnswer(Failure::TimedOut(second)), true),
            (CallError::NoAnswer(Failure::TooLong), true),
            (CallError::Unreadable { error: ApiError::of_text("x"), date: None }, true),
        ] {
            let of = (error.is_transient(), error.is_ambiguous(), error.is_unknown());
            assert_eq!(of, (true, ambiguous, ambiguous), "{error:?}");
            let text = error.to_string();
            assert_eq!(error.into_api_error(), ApiError::of_text(&text), "people read the same");
        }
    }

    #[test]
    fn a_refusal_says_so_in_the_apis_words() {
        let body = r#"{"error":{"message":"no","status":"UNAVAILABLE","details":[
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"12s"}]}}"#;
        let error = refused(503, body);
        assert_eq!((error.http(), error.status()), (Some(503), &Status::Unavailable));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(12)));
        assert_eq!(error.to_string(), "503 UNAVAILABLE: no");
        assert_eq!(refused(404, "<html>").status(), &Status::Missing);
    }
}
