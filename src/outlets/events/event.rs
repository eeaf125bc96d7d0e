//! The end of a watch as a `CloudEvent` 1.0 in JSON: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>.
//!
//! Fields of `data` are only ever added; another meaning gets another `type`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::outlets::End;
use crate::services::{ApiError, Operation, Progress, Service};
use crate::watch::{Outcome, Report, StartRequest};

const ENDED: &str = "dev.opwatch.operation.ended.v1";
const TEST: &str = "dev.opwatch.test.v1";
const SPECIFICATION: &str = "1.0";
const JSON: &str = "application/json";

/// An event. The texts on the fields are those of its schema.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Event<'a> {
    /// The version of the `CloudEvents` specification.
    #[cfg_attr(test, schemars(extend("const" = SPECIFICATION)))]
    specversion: &'static str,
    /// The same for all deliveries of one end; also in the header `webhook-id`.
    id: &'a str,
    /// The topic of opwatch.
    source: String,
    /// The end of a watch, or the test event of `opwatch doctor --post`.
    #[serde(rename = "type")]
    #[cfg_attr(test, schemars(extend("enum" = [ENDED, TEST])))]
    kind: &'static str,
    /// The operation, or the path of a start that was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// The operation's end, or when opwatch noticed it.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    time: String,
    /// The form of `data`.
    #[cfg_attr(test, schemars(extend("const" = JSON)))]
    datacontenttype: &'static str,
    /// What ended, and how. New fields may appear.
    data: Data<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    /// How it ended. `stopped`: still running at the limit of checks. `doctor`: a test event.
    #[cfg_attr(test, schemars(extend("enum" = tests::outcomes())))]
    outcome: &'static str,
    /// The title of the watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    /// The id of the watch: the `messageId` of its kickoff.
    watch: &'a str,
    /// The service of the operation, as in messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'static str>,
    /// The project of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    /// The name of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a str>,
    /// The path of the start that was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_path: Option<&'a str>,
    /// When the operation began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    start_time: Option<String>,
    /// When the operation ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    end_time: Option<String>,
    /// The service's own word for the state of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    /// Entities or documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    entities: Option<Count>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Count>,
    /// Where the result of a success is.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    /// The error of the operation or of the call, as the API wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    /// The number of the check that saw it, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Count {
    /// Units done.
    done: u64,
    /// The service's estimate, which may be too low.
    #[serde(rename = "of", skip_serializing_if = "Option::is_none")]
    estimate: Option<u64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Error<'a> {
    /// As the API gave it: a google.rpc code of an operation, the HTTP status of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    /// The name of the code, such as `PERMISSION_DENIED`.
    #[serde(skip_serializing_if = "str::is_empty")]
    status: &'a str,
    /// What the API wrote.
    message: &'a str,
}

impl<'a> Event<'a> {
    /// The event of `end`.
    pub(super) fn of(end: End<'a>) -> Self {
        let End { report, id, topic } = end;
        let data = Data::of(report);
        Self {
            specversion: SPECIFICATION,
            id,
            source: format!("//pubsub.googleapis.com/{topic}"),
            kind: if report.outcome == Outcome::Doctor { TEST } else { ENDED },
            subject: data.operation.or(data.start_path),
            time: time(report.facts.end.unwrap_or(report.at)),
            datacontenttype: JSON,
            data,
        }
    }
}

impl<'a> Data<'a> {
    fn of(report: &'a Report) -> Self {
        let (operation, start, facts) = (report.operation.as_ref(), report.start.as_ref(), &report.facts);
        let service = operation.map(Operation::service).or(start.map(StartRequest::service));
        Self {
            outcome: report.outcome.word(),
            title: report.watch.title.as_deref(),
            watch: &report.watch.id,
            service: service.map(Service::id),
            project: operation.map(Operation::project).or(start.map(StartRequest::project)),
            operation: operation.map(Operation::name),
            start_path: start.map(|start| start.path.as_str()),
            start_time: facts.start.map(time),
            end_time: facts.end.map(time),
            state: facts.state.as_deref(),
            entities: facts.entities.map(Count::of),
            bytes: facts.bytes.map(Count::of),
            output: facts.output.as_deref(),
            error: facts.error.as_ref().or(report.error.as_ref()).map(Error::of),
            attempt: report.attempt,
        }
    }
}

impl Count {
    fn of(progress: Progress) -> Self {
        Self { done: progress.done, estimate: progress.of }
    }
}

impl<'a> Error<'a> {
    fn of(error: &'a ApiError) -> Self {
        Self {
            code: Some(error.code).filter(|code| *code != 0),
            status: error.status.word(),
            message: &error.text,
        }
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use schemars::generate::Contract;
    use serde_json::{Value, json};

    use super::*;
    use crate::message::arbitrary::report;
    use crate::schema_tests::{Compiled, keep, schema_of};

    static SCHEMA: LazyLock<Compiled> = LazyLock::new(|| Compiled::new(&schema()));

    /// What ends a watch, and the test.
    pub(super) fn outcomes() -> Vec<&'static str> {
        use Outcome::{Cancelled, CannotTell, Doctor, Failed, LimitReached, Lost, NotStarted, Succeeded};
        [Succeeded, Failed, Cancelled, NotStarted, LimitReached, CannotTell, Lost, Doctor]
            .map(Outcome::word)
            .into()
    }

    fn schema() -> Value {
        let mut schema = schema_of::<Event<'_>>(Contract::Serialize);
        schema["title"] = json!("opwatch event");
        schema["description"] =
            json!("A CloudEvent 1.0 in JSON that opwatch posts to EVENTS_URL when a watch ends.");
        schema
    }

    #[test]
    fn the_schema_of_events_is_that_of_the_code() {
        keep("schema/event.v1.json", &schema());
    }

    proptest! {
        #[test]
        fn every_event_is_valid(report in report()) {
            let event = json!(Event::of(End { report: &report, id: "x", topic: "projects/p/topics/t" }));
            let is_end = report.outcome.is_end();
            prop_assert_eq!(SCHEMA.problem(&event).is_none(), is_end, "{:?}: {}", SCHEMA.problem(&event), event);
        }
    }
}
