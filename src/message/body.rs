//! What a start's body may not say: what the path says, what opwatch adds, and what the service is certain to refuse.

use serde_json::{Map, Value};

use crate::services::StartMethod;
use crate::watch::{LABEL_KEY, LABEL_REQUEST, Problem, ProblemKind};

/// Fields of the request messages that come from the path. What a service does when the body says something else is
/// "unspecified" (<https://google.aip.dev/127>), so it must not say anything.
const OF_THE_PATH: [&str; 2] = ["name", "projectId"];
/// The form of a location.
const LOCATION: &str = "gs://BUCKET or gs://BUCKET/FOLDER";

/// What a person wrote or opwatch passed on.
pub(super) fn check(body: &Map<String, Value>) -> Result<(), Problem> {
    // Google's parsers take both spellings; what is checked must be what they read.
    if let Some(field) = body.keys().find(|field| field.contains('_')) {
        return Err(problem(field, ProblemKind::UnknownField));
    }
    if let Some(field) = OF_THE_PATH.into_iter().find(|field| body.contains_key(*field)) {
        return Err(problem(field, ProblemKind::RepeatsPath));
    }
    check_labels(body)
}

/// What only a person's own message is refused for: the service would refuse it too, but later.
pub(super) fn check_own(method: StartMethod, body: &Map<String, Value>) -> Result<(), Problem> {
    let other = method.misnomers.iter().find(|(field, _)| body.contains_key(*field));
    if let Some((field, here)) = other {
        return Err(problem(field, ProblemKind::OtherField { field: (*here).to_owned() }));
    }
    match body.get_key_value(method.location_field) {
        Some((field, value)) if !value.as_str().is_some_and(is_location) => {
            Err(problem(field, ProblemKind::Form { form: LOCATION.to_owned() }))
        }
        _ => Ok(()),
    }
}

fn problem(field: &str, why: ProblemKind) -> Problem {
    Problem::new(&format!("start.body.{field}"), why)
}

fn is_location(text: &str) -> bool {
    text.strip_prefix("gs://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// The labels that opwatch adds are its own.
fn check_labels(body: &Map<String, Value>) -> Result<(), Problem> {
    let Some(labels) = body.get("labels") else { return Ok(()) };
    let labels = labels.as_object().ok_or_else(|| problem("labels", ProblemKind::NoObject))?;
    match [LABEL_KEY, LABEL_REQUEST].into_iter().find(|label| labels.contains_key(*label)) {
        Some(label) => Err(problem(&format!("labels.{label}"), ProblemKind::Reserved)),
        None => Ok(()),
    }
}
