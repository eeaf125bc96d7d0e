//! `google.longrunning.Operation`, as almost every service answers it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::services::{ApiError, Observation, Status};
use crate::text::{self, last_segment};

/// `google.rpc.Code` of a cancelled operation.
pub(super) const CANCELLED: i64 = 1;

/// `google.longrunning.Operation`
/// (<https://github.com/googleapis/googleapis/blob/master/google/longrunning/operations.proto>); proto3 JSON
/// leaves out what has its default, so a missing `done` means false.
#[derive(Deserialize)]
pub(in crate::services) struct Answer {
    pub name: Option<String>,
    #[serde(default)]
    pub done: bool,
    error: Option<OperationError>,
    pub response: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "or_empty")]
    pub metadata: Map<String, Value>,
}

/// Metadata that is missing, null or no object says nothing.
fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    Ok(if let Value::Object(metadata) = Value::deserialize(deserializer)? { metadata } else { Map::new() })
}

#[derive(Deserialize)]
struct OperationError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default, deserialize_with = "text::list")]
    details: Vec<Value>,
}

impl Answer {
    /// Reads the answer to a GET of the operation `name`. An answer about another operation counts as unavailable.
    pub(super) fn about(name: &str, body: &[u8]) -> Result<Self, ApiError> {
        let answer: Self = text::json(body).map_err(|error| unreadable(&error))?;
        // The id alone: a project may be named by its number and answered by its id.
        if answer.name.as_deref().map(last_segment) != Some(last_segment(name)) {
            let other = answer.name.as_deref().unwrap_or("no operation");
            let text = format!("asked for {name}, but the response is about {other}");
            return Err(ApiError::of_text(&text));
        }
        Ok(answer)
    }

    /// The error it ended with. An empty Status is proto's way to say OK.
    pub(super) fn error(&self) -> Option<ApiError> {
        let error = self.error.as_ref().filter(|error| error.code != 0 || !error.message.is_empty())?;
        let named = ApiError::new(error.code, Status::of_code(error.code), without_markup(&error.message));
        Some(named.with_details(&error.details))
    }
}

/// What `answer` shows, as `observe` reads it.
pub(super) fn observation(name: &str, body: &[u8], observe: impl Fn(&Answer) -> Observation) -> Observation {
    Answer::about(name, body).map_or_else(Observation::Unavailable, |answer| observe(&answer))
}

pub(in crate::services) fn unreadable(error: &serde_json::Error) -> ApiError {
    ApiError::of_text(&format!("the response could not be read: {error}"))
}

/// `type.googleapis.com/google.firestore.admin.v1.ExportDocumentsMetadata` is `EXPORT_DOCUMENTS`.
pub(super) fn work_of_type(metadata: &Map<String, Value>) -> Option<String> {
    let name = metadata.get("@type")?.as_str()?.rsplit('.').next()?.strip_suffix("Metadata")?;
    let mut word = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(c.to_ascii_uppercase());
    }
    Some(word)
}

/// proto3 JSON writes an int64 as a string; some servers write a number.
pub(super) fn integer(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The text of an error without what some servers write before it: `<eye3 title='NOT_FOUND'/> generic::NOT_FOUND: `.
fn without_markup(text: &str) -> &str {
    let Some((_, said)) = text.strip_prefix("<eye3 ").and_then(|rest| rest.split_once("/>")) else {
        return text;
    };
    let said = said.trim_start();
    match said.strip_prefix("generic::").and_then(|rest| rest.split_once(": ")) {
        Some((_, text)) => text,
        None => said,
    }
}
