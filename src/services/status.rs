//! The words of `google.rpc.Code` (<https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::WORD;
use crate::text;

/// Every known status with its code and its word.
static CODES: [(i64, Status, &str); 17] = [
    (0, Status::Ok, "OK"),
    (1, Status::Cancelled, "CANCELLED"),
    (2, Status::Unknown, "UNKNOWN"),
    (3, Status::InvalidArgument, "INVALID_ARGUMENT"),
    (4, Status::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (5, Status::NotFound, "NOT_FOUND"),
    (6, Status::AlreadyExists, "ALREADY_EXISTS"),
    (7, Status::PermissionDenied, "PERMISSION_DENIED"),
    (8, Status::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (9, Status::FailedPrecondition, "FAILED_PRECONDITION"),
    (10, Status::Aborted, "ABORTED"),
    (11, Status::OutOfRange, "OUT_OF_RANGE"),
    (12, Status::Unimplemented, "UNIMPLEMENTED"),
    (13, Status::Internal, "INTERNAL"),
    (14, Status::Unavailable, "UNAVAILABLE"),
    (15, Status::DataLoss, "DATA_LOSS"),
    (16, Status::Unauthenticated, "UNAUTHENTICATED"),
];

/// The status of an error: what decisions are made by. Written as its word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// The error has no status.
    #[default]
    Missing,
    /// No error.
    Ok,
    /// The caller cancelled it.
    Cancelled,
    /// An error of another address space.
    Unknown,
    /// The request is invalid whatever the state of the system.
    InvalidArgument,
    /// It took too long.
    DeadlineExceeded,
    /// What is named does not exist.
    NotFound,
    /// What is to be created exists already.
    AlreadyExists,
    /// The caller lacks a permission.
    PermissionDenied,
    /// A quota is used up.
    ResourceExhausted,
    /// The system is not in the state that it needs.
    FailedPrecondition,
    /// A conflict with something concurrent.
    Aborted,
    /// Past the valid range.
    OutOfRange,
    /// The API does not have it.
    Unimplemented,
    /// Something is broken in the system.
    Internal,
    /// The service is unavailable for now.
    Unavailable,
    /// Data is lost or corrupt.
    DataLoss,
    /// The credentials are invalid.
    Unauthenticated,
    /// Another word, cut to what a message may carry.
    Other(String),
}

impl Status {
    /// The status of an error with this code. No error has the code 0, so it has none.
    pub fn of_code(code: i64) -> Self {
        let known = CODES.iter().find(|(of, ..)| *of == code && code != 0);
        known.map_or(Self::Missing, |(_, status, _)| status.clone())
    }

    /// Its word; empty without one.
    pub fn word(&self) -> &str {
        if let Self::Other(word) = self {
            return word;
        }
        CODES.iter().find(|(_, status, _)| status == self).map_or("", |(.., word)| word)
    }

    /// Whether there is none.
    pub fn is_missing(&self) -> bool {
        *self == Self::Missing
    }
}

impl From<&str> for Status {
    fn from(word: &str) -> Self {
        match CODES.iter().find(|(.., known)| *known == word) {
            Some((_, status, _)) => status.clone(),
            None if word.is_empty() => Self::Missing,
            None => Self::Other(text::cut(word, WORD)),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer).map(|word| Self::from(&*word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_an_unknown_one_is_kept() {
        for (code, status, word) in &CODES {
            assert_eq!((&Status::from(*word), status.word()), (status, *word));
            assert_eq!(status.to_string(), *word);
            assert_eq!(Status::of_code(*code), if *code == 0 { Status::Missing } else { status.clone() });
        }
        assert_eq!(
            [-1, 17, i64::MAX].map(Status::of_code),
            [Status::Missing, Status::Missing, Status::Missing]
        );
        let long = "X".repeat(100);
        for word in ["", "ABORTED", "EXPORT_FAILED", "aborted", &long] {
            let status: Status = serde_json::from_value(word.into()).unwrap();
            let kept = text::cut(word, WORD);
            assert_eq!((status.word(), status.is_missing()), (kept.as_str(), word.is_empty()));
            assert_eq!(serde_json::to_value(&status).unwrap(), kept);
            assert_eq!(Status::from(kept.as_str()), status, "cut once more it is the same");
        }
        assert!(serde_json::from_str::<Status>("7").is_err());
    }
}
