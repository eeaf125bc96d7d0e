//! Reads the answers of the Datastore and Firestore Admin APIs, whose operations differ only in field names:
//! `metadata.common.state` or `metadata.operationState`, `workCompleted` or `completedWork`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ApiError, Ending, Facts, Observation, Operation, Progress, Request, Service};
use crate::text;

/// An operation as a start or a list answered it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its name; a start that was done at once may come without.
    pub operation: Option<Operation>,
    /// What it shows.
    pub observation: Observation,
    /// When it began.
    pub start: Option<DateTime<Utc>>,
    /// The labels that its start carried.
    pub labels: BTreeMap<String, String>,
    /// What its start asked for.
    pub request: Request,
}

/// `google.longrunning.Operation`
/// (<https://github.com/googleapis/googleapis/blob/master/google/longrunning/operations.proto>); proto3 JSON
/// leaves out what has its default, so a missing `done` means false.
#[derive(Deserialize)]
struct Answer {
    name: Option<String>,
    #[serde(default)]
    done: bool,
    error: Option<Status>,
    response: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "or_empty")]
    metadata: Map<String, Value>,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct ListAnswer {
    #[serde(default)]
    operations: Vec<Value>,
    #[serde(default, rename = "nextPageToken")]
    next_page_token: String,
}

/// Reads the answer to a GET of `asked`. An answer that is not about that operation is no observation of it.
pub fn read_operation(asked: &Operation, body: &[u8]) -> Observation {
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(error) => return Observation::Unavailable(unreadable(&error)),
    };
    // The id alone: a project may be named by its number and answered by its id.
    let id = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    if answer.name.as_deref().map(id) != Some(id(asked.name())) {
        let text = format!("the answer is about {}", answer.name.as_deref().unwrap_or("no operation"));
        return Observation::Unavailable(ApiError::new(0, "", &text));
    }
    observe(&answer)
}

/// Reads the answer to a start.
///
/// # Errors
/// When it is no operation: whether one was started is then unknown.
pub fn read_started(service: Service, body: &[u8]) -> Result<Listed, ApiError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let listed = listed(service, &answer)?;
    if listed.operation.is_none() && matches!(listed.observation, Observation::Running(_)) {
        return Err(ApiError::new(0, "", "the answer to the start names no operation"));
    }
    Ok(listed)
}

/// Reads one page of a list: its operations and the token of the next page, if there is one. An entry with
/// a name of another form is passed over: it can't be what was started here.
///
/// # Errors
/// When the page is no list of operations.
pub fn read_list(service: Service, body: &[u8]) -> Result<(Vec<Listed>, Option<String>), ApiError> {
    let page: ListAnswer = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let entries = page.operations.into_iter().map(serde_json::from_value::<Answer>);
    let listed = entries.filter_map(|answer| listed(service, &answer.ok()?).ok()).collect();
    Ok((listed, Some(page.next_page_token).filter(|token| !token.is_empty())))
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    ApiError::new(0, "", &format!("the answer could not be read: {error}"))
}

fn listed(service: Service, answer: &Answer) -> Result<Listed, ApiError> {
    let operation = match answer.name.as_deref() {
        None | Some("") => None,
        Some(name) => Some(Operation::new(service, name).map_err(|_| {
            ApiError::new(0, "", &format!("the answer names an operation of an unknown form: {name}"))
        })?),
    };
    let observation = observe(answer);
    let labels = common(&answer.metadata).get("labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())));
    Ok(Listed {
        operation,
        start: time(common(&answer.metadata), "startTime"),
        labels: labels.collect(),
        request: Request::of(&answer.metadata),
        observation,
    })
}

fn observe(answer: &Answer) -> Observation {
    let facts = facts(answer);
    if !answer.done {
        return Observation::Running(facts);
    }
    let ending = match (&facts.error, facts.state.as_deref()) {
        (Some(error), _) if error.code == CANCELLED => Ending::Cancelled,
        (Some(_), _) | (None, Some("FAILED")) => Ending::Failed,
        (None, Some("CANCELLED")) => Ending::Cancelled,
        (None, Some("SUCCESSFUL") | None) => Ending::Succeeded,
        (None, Some(_)) => Ending::Unknown,
    };
    Observation::Ended(ending, facts)
}

/// `google.rpc.Code` of a cancelled operation.
const CANCELLED: i64 = 1;

fn facts(answer: &Answer) -> Facts {
    let metadata = &answer.metadata;
    let common = common(metadata);
    let text = |fields: &Map<String, Value>, names: &[&str]| {
        names.iter().find_map(|name| fields.get(*name)?.as_str()).map(str::to_owned)
    };
    let state =
        text(common, &["state", "operationState"]).filter(|word| !word.ends_with("STATE_UNSPECIFIED"));
    // An empty Status is proto's way to say OK: it is no error.
    let error = answer.error.as_ref().filter(|error| error.code != 0 || !error.message.is_empty());
    Facts {
        work: text(common, &["operationType"]).or_else(|| work_of_type(metadata)),
        state,
        start: time(common, "startTime"),
        end: time(common, "endTime"),
        entities: progress(metadata, &["progressEntities", "progressDocuments"]),
        bytes: progress(metadata, &["progressBytes"]),
        output: answer.response.as_ref().and_then(|fields| text(fields, &["outputUrl", "outputUriPrefix"])),
        prefix: text(metadata, &["outputUrlPrefix", "outputUriPrefix", "inputUrl", "inputUriPrefix"]),
        error: error.map(|error| ApiError::new(error.code, code_name(error.code), &error.message)),
    }
    .cut()
}

/// Datastore keeps state, times and labels one level deeper than Firestore.
fn common(metadata: &Map<String, Value>) -> &Map<String, Value> {
    metadata.get("common").and_then(Value::as_object).unwrap_or(metadata)
}

/// `type.googleapis.com/google.firestore.admin.v1.ExportDocumentsMetadata` is `EXPORT_DOCUMENTS`.
fn work_of_type(metadata: &Map<String, Value>) -> Option<String> {
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

fn time(fields: &Map<String, Value>, name: &str) -> Option<DateTime<Utc>> {
    text::time(fields.get(name)?.as_str()?)
}

fn progress(metadata: &Map<String, Value>, names: &[&str]) -> Option<Progress> {
    let fields = names.iter().find_map(|name| metadata.get(*name)?.as_object())?;
    let count = |names: [&str; 2]| names.iter().find_map(|name| integer(fields.get(*name)?));
    let done = count(["workCompleted", "completedWork"]);
    let of = count(["workEstimated", "estimatedWork"]);
    // A count of zero is left out of the JSON; a progress without any count says nothing.
    (done.is_some() || of.is_some()).then(|| Progress { done: done.unwrap_or(0), of })
}

/// proto3 JSON writes an int64 as a string; some servers write a number.
fn integer(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The name of a `google.rpc.Code`
/// (<https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>).
fn code_name(code: i64) -> &'static str {
    match code {
        1 => "CANCELLED",
        2 => "UNKNOWN",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "",
    }
}
