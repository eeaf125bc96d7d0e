//! Operations as a start or a list answers them, for services whose operations opwatch starts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::shape::{Answer, common, observe, time, unreadable};
use super::{ApiError, Observation, Operation, Request, Service};

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

#[derive(Deserialize)]
struct ListAnswer {
    #[serde(default)]
    operations: Vec<Value>,
    #[serde(default, rename = "nextPageToken")]
    next_page_token: String,
}

/// Reads the answer to a start.
///
/// # Errors
/// When it is no operation: whether one was started is then unknown.
pub fn read_started(service: Service, body: &[u8]) -> Result<Listed, ApiError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let listed = listed(service, &answer)?;
    if listed.operation.is_none() && matches!(listed.observation, Observation::Running(_)) {
        return Err(ApiError::of_text("the response to the start names no operation"));
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
    let entries: Result<Vec<Answer>, _> = page.operations.into_iter().map(serde_json::from_value).collect();
    let entries = entries.map_err(|error| unreadable(&error))?;
    let listed = entries.iter().filter_map(|answer| listed(service, answer).ok()).collect();
    Ok((listed, Some(page.next_page_token).filter(|token| !token.is_empty())))
}

fn listed(service: Service, answer: &Answer) -> Result<Listed, ApiError> {
    let operation = match answer.name.as_deref() {
        None | Some("") => None,
        Some(name) => Some(Operation::new(service, name).map_err(|_| {
            ApiError::of_text(&format!("the response names an operation of an unknown form: {name}"))
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
