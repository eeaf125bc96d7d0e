//! Cloud SQL's own operation (<https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/operations>): `DONE` says that it ended,
//! and an error decides how. Its name in the body is the bare id.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::Shape;
use super::answer::unreadable;
use crate::services::{ApiError, Ending, Facts, Observation};
use crate::text::{self, last_segment};

/// `sql#operation`.
pub(in crate::services) struct CloudSql;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    name: String,
    status: String,
    operation_type: Option<String>,
    insert_time: String,
    start_time: String,
    end_time: String,
    target_id: String,
    target_project: String,
    error: Option<Errors>,
    export_context: Option<Context>,
    import_context: Option<Context>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OneError {
    code: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    uri: String,
}

impl Shape for CloudSql {
    fn read(&self, name: &str, body: &[u8]) -> Observation {
        let answer: Answer = match text::json(body) {
            Ok(answer) => answer,
            Err(error) => return Observation::Unavailable(unreadable(&error)),
        };
        if answer.name != last_segment(name) {
            let text = format!("the response is about {}", answer.name);
            return Observation::Unavailable(ApiError::new(0, "", &text));
        }
        observe(&answer)
    }

    fn name_in(&self, answer: &Value) -> Option<String> {
        let text = |field: &str| answer.get(field)?.as_str();
        Some(format!("projects/{}/operations/{}", text("targetProject")?, text("name")?))
    }
}

fn observe(answer: &Answer) -> Observation {
    let done = answer.status == "DONE";
    let error = done.then(|| error(answer)).flatten();
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let time = |text: &str| text::time(text) as Option<DateTime<Utc>>;
    let exported = answer.export_context.as_ref().and_then(|context| some(&context.uri));
    let imported = answer.import_context.as_ref().and_then(|context| some(&context.uri));
    let has_output = done && error.is_none();
    let facts = Facts {
        work: answer.operation_type.clone(),
        state: some(&answer.status),
        // One that waits for its turn has no start yet.
        start: time(&answer.start_time).or_else(|| time(&answer.insert_time)),
        end: if done { time(&answer.end_time) } else { None },
        target: some(&answer.target_id)
            .map(|instance| format!("projects/{}/instances/{instance}", answer.target_project)),
        output: exported.clone().filter(|_| has_output),
        prefix: exported.or(imported),
        error,
        ..Facts::default()
    }
    .cut();
    match (&facts.error, done) {
        (_, false) => Observation::Running(facts),
        (None, true) => Observation::Ended(Ending::Succeeded, facts),
        // Which of the two spellings it uses is not documented.
        (Some(error), true) if error.status.contains("CANCELED") || error.status.contains("CANCELLED") => {
            Observation::Ended(Ending::Cancelled, facts)
        }
        (Some(_), true) => Observation::Ended(Ending::Failed, facts),
    }
}

/// All errors in one: the first one's code, and every text.
fn error(answer: &Answer) -> Option<ApiError> {
    let errors = &answer.error.as_ref()?.errors;
    let texts: Vec<_> =
        errors.iter().map(|error| error.message.as_str()).filter(|text| !text.is_empty()).collect();
    // An empty list is an error all the same: the object is there only then.
    let code = errors.first().map_or("", |error| error.code.as_str());
    Some(ApiError::new(0, code, &texts.join("; ")))
}
