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

/// The event.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    /// The id of the watch: the `messageId` of its kickoff.
    watch: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a str>,
    /// The path of the start that was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities: Option<Count>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Count>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    /// The number of the check that saw it, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
}

#[derive(Serialize)]
struct Count {
    done: u64,
    #[serde(rename = "of", skip_serializing_if = "Option::is_none")]
    estimate: Option<u64>,
}

#[derive(Serialize)]
struct Error<'a> {
    /// As the API gave it: a google.rpc code of an operation, the HTTP status of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    status: &'a str,
    message: &'a str,
}

impl<'a> Event<'a> {
    /// The event of `end`.
    pub(super) fn of(end: End<'a>) -> Self {
        let End { report, id, topic } = end;
        let data = Data::of(report);
        Self {
            specversion: "1.0",
            id,
            source: format!("//pubsub.googleapis.com/{topic}"),
            kind: if report.outcome == Outcome::Doctor { TEST } else { ENDED },
            subject: data.operation.or(data.start_path),
            time: time(report.facts.end.unwrap_or(report.at)),
            datacontenttype: "application/json",
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
