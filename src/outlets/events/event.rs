//! The end of a watch, and in a terminal its progress, as a `CloudEvent` 1.0 in JSON: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>.
//!
//! Fields of `data` are only ever added; another meaning gets another `type`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::services::{ApiError, Operation, Progress, Service};
use crate::watch::{Outcome, Report, StartRequest};

const TEST: &str = "dev.opwatch.test.v1";
const SPECIFICATION: &str = "1.0";
const JSON: &str = "application/json";

/// An event. The texts on the fields are those of its schema.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::outlets) struct Event<'a> {
    /// The version of the `CloudEvents` specification.
    #[cfg_attr(test, schemars(extend("const" = SPECIFICATION)))]
    specversion: &'static str,
    /// The same for all deliveries of one end to this receiver; also in the header `webhook-id`.
    id: &'a str,
    /// The topic of opwatch. Of `opwatch wait`: the API of the operation.
    source: String,
    /// `dev.opwatch.operation.OUTCOME.v1` for the end of a watch, or the test event of `opwatch doctor --post`. Of `opwatch wait
    /// --json` also a change of an operation that runs.
    #[serde(rename = "type")]
    #[cfg_attr(test, schemars(extend("enum" = tests::kinds())))]
    kind: String,
    /// The operation, or the path of a start that was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// The operation's end, or when opwatch noticed it or the change.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    time: String,
    /// The form of `data`.
    #[cfg_attr(test, schemars(extend("const" = JSON)))]
    datacontenttype: &'static str,
    /// What ended, and how, or how far it is. New fields may appear.
    data: Data<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    /// How it ended, or `running`. `stopped`: still running at the limit of checks. `doctor`: a test event.
    #[cfg_attr(test, schemars(extend("enum" = tests::outcomes())))]
    outcome: &'static str,
    /// The title of the watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    /// The id of the watch: the `messageId` of its kickoff. Of `opwatch wait`: the same for all lines of one command.
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
    /// Of one that runs: where it is, in the service's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a str>,
    /// Of one that runs: how far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    /// Of one that runs: when it will have ended if it goes on like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    expected_end: Option<String>,
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
    /// The event with this id of the end `report`, of the opwatch with this topic.
    pub(in crate::outlets) fn of(report: &'a Report, id: &'a str, topic: &str) -> Self {
        Self::new(report, id, format!("//pubsub.googleapis.com/{topic}"))
    }

    /// What `opwatch wait` saw of an operation, which is expected to end then.
    #[cfg(feature = "terminal")]
    pub(super) fn seen(report: &'a Report, id: &'a str, source: String, eta: Option<DateTime<Utc>>) -> Self {
        let mut event = Self::new(report, id, source);
        event.data.expected_end = eta.map(time);
        event
    }

    /// The attributes of a message in binary mode: those of the event, and what filters of subscriptions ask for. Each is shorter
    /// than the 1,024 bytes that Pub/Sub allows (<https://cloud.google.com/pubsub/quotas#resource_limits>).
    pub(in crate::outlets) fn attributes(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("ce-specversion", Some(self.specversion)),
            ("ce-id", Some(self.id)),
            ("ce-source", Some(self.source.as_str())),
            ("ce-type", Some(self.kind.as_str())),
            ("ce-subject", self.subject),
            ("ce-time", Some(self.time.as_str())),
            // By Google's binding, and as a header of a push without a wrapper.
            ("contentType", Some(self.datacontenttype)),
            ("content-type", Some(self.datacontenttype)),
            ("outcome", Some(self.data.outcome)),
            ("service", self.data.service),
            ("project", self.data.project),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?)))
            .collect()
    }

    /// The data of a message in binary mode.
    pub(in crate::outlets) fn data(&self) -> Vec<u8> {
        serde_json::to_vec(&self.data).unwrap_or_default()
    }

    fn new(report: &'a Report, id: &'a str, source: String) -> Self {
        let data = Data::of(report);
        Self {
            specversion: SPECIFICATION,
            id,
            source,
            kind: kind(report.outcome),
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
        let runs = report.outcome == Outcome::Running;
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
            stage: facts.stage.as_deref().filter(|_| runs),
            percent: facts.percent().filter(|_| runs),
            expected_end: None,
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

fn kind(outcome: Outcome) -> String {
    if outcome == Outcome::Doctor {
        return TEST.to_owned();
    }
    format!("dev.opwatch.operation.{}.v1", outcome.word())
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

    /// What ends a watch, what runs, and the test.
    pub(super) fn outcomes() -> Vec<&'static str> {
        use Outcome::{
            Cancelled, CannotTell, Doctor, Failed, LimitReached, Lost, NotStarted, Running, Succeeded,
        };
        [Succeeded, Failed, Cancelled, NotStarted, LimitReached, CannotTell, Lost, Running, Doctor]
            .map(Outcome::word)
            .into()
    }

    /// The types of these.
    pub(super) fn kinds() -> Vec<String> {
        use Outcome::{
            Cancelled, CannotTell, Doctor, Failed, LimitReached, Lost, NotStarted, Running, Succeeded,
        };
        [Succeeded, Failed, Cancelled, NotStarted, LimitReached, CannotTell, Lost, Running, Doctor]
            .map(kind)
            .into()
    }

    fn schema() -> Value {
        let mut schema = schema_of::<Event<'_>>(Contract::Serialize);
        schema["title"] = json!("opwatch event");
        schema["description"] = json!(
            "A CloudEvent 1.0 in JSON that opwatch posts to EVENTS_URL when a watch ends, and `opwatch wait --json` prints. EVENTS_TOPIC gets it in binary mode: `data` is the message's data."
        );
        schema
    }

    #[test]
    fn the_schema_of_events_is_that_of_the_code() {
        keep("schema/event.v1.json", &schema());
    }

    /// <https://cloud.google.com/pubsub/quotas#resource_limits>
    fn fits_pubsub(event: &Event<'_>) -> bool {
        let fits = |(name, value): &(&str, &str)| name.len() <= 256 && (1..=1_024).contains(&value.len());
        event.attributes().iter().all(fits)
    }

    /// A report of everything that an event tells.
    fn failed() -> Report {
        let name = "projects/p/databases/d/operations/o";
        let facts = serde_json::from_value(json!({"start": "2026-11-23T03:00:00Z",
            "end": "2026-11-23T03:01:00.5Z", "state": "FAILED", "stage": "copying",
            "entities": {"done": 5, "of": 10}, "bytes": {"done": 7}, "output": "gs://b/x"}));
        let watch = crate::watch::Watch {
            id: "w".to_owned(),
            title: Some("Nightly".to_owned()),
            ..crate::watch::Watch::default()
        };
        let verdict = crate::watch::Verdict::new(Outcome::Failed, None, facts.unwrap());
        let mut report = Report::new(watch, verdict, "2026-11-23T03:02:00Z".parse().unwrap());
        report.operation = Operation::new(Service::FIRESTORE, name).ok();
        report.error = Some(ApiError::new(7, "PERMISSION_DENIED", "no"));
        report.attempt = Some(3);
        report
    }

    #[test]
    fn an_event_tells_what_is_known() {
        let report = failed();
        let told = json!(Event::of(&report, "x", "projects/p/topics/t"));
        let data = json!({"outcome": "failed", "title": "Nightly", "watch": "w", "service": "firestore",
            "project": "p", "operation": "projects/p/databases/d/operations/o",
            "startTime": "2026-11-23T03:00:00Z", "endTime": "2026-11-23T03:01:00.500Z", "state": "FAILED",
            "entities": {"done": 5, "of": 10}, "bytes": {"done": 7}, "output": "gs://b/x",
            "error": {"code": 7, "status": "PERMISSION_DENIED", "message": "no"}, "attempt": 3});
        let expected = json!({"specversion": "1.0", "id": "x",
            "source": "//pubsub.googleapis.com/projects/p/topics/t",
            "type": "dev.opwatch.operation.failed.v1", "subject": "projects/p/databases/d/operations/o",
            "time": "2026-11-23T03:01:00.500Z", "datacontenttype": "application/json", "data": data});
        assert_eq!(told, expected);
        let running = Report { outcome: Outcome::Running, ..failed() };
        let told = json!(Event::of(&running, "x", "t"));
        assert_eq!((&told["data"]["stage"], &told["data"]["percent"]), (&json!("copying"), &json!(50)));
        let mut unknown = failed();
        unknown.facts.end = None;
        unknown.error = Some(ApiError::of_text("no response"));
        let told = json!(Event::of(&unknown, "x", "t"));
        assert_eq!(told["time"], "2026-11-23T03:02:00Z", "when it was noticed");
        assert_eq!(told["data"]["error"], json!({"message": "no response"}));
        unknown.facts.error = Some(ApiError::new(0, "ABORTED", "own"));
        let told = json!(Event::of(&unknown, "x", "t"));
        assert_eq!(told["data"]["error"], json!({"status": "ABORTED", "message": "own"}), "its own first");
        let test = Report { outcome: Outcome::Doctor, ..failed() };
        assert_eq!(json!(Event::of(&test, "x", "t"))["type"], "dev.opwatch.test.v1");
    }

    #[test]
    fn the_attributes_are_those_that_filters_ask_for() {
        let report = failed();
        let event = Event::of(&report, "x", "projects/p/topics/t");
        let expected = [
            ("ce-specversion", "1.0"),
            ("ce-id", "x"),
            ("ce-source", "//pubsub.googleapis.com/projects/p/topics/t"),
            ("ce-type", "dev.opwatch.operation.failed.v1"),
            ("ce-subject", "projects/p/databases/d/operations/o"),
            ("ce-time", "2026-11-23T03:01:00.500Z"),
            ("contentType", "application/json"),
            ("content-type", "application/json"),
            ("outcome", "failed"),
            ("service", "firestore"),
            ("project", "p"),
        ];
        assert_eq!(event.attributes(), expected);
        let data: Value = serde_json::from_slice(&event.data()).unwrap();
        assert_eq!(data, json!(event)["data"]);
        let nothing = Report { operation: None, ..failed() };
        let event = Event::of(&nothing, "x", "projects/p/topics/t");
        let names: Vec<_> = event.attributes().into_iter().map(|(name, _)| name).collect();
        assert!(!names.contains(&"ce-subject") && !names.contains(&"service") && names.len() == 8);
    }

    proptest! {
        #[test]
        fn every_event_is_valid(report in report()) {
            let event = Event::of(&report, "x", "projects/p/topics/t");
            prop_assert!(fits_pubsub(&event), "{:?}", event.attributes());
            let event = json!(event);
            let is_event = report.outcome.is_end() || report.outcome == Outcome::Running;
            prop_assert_eq!(SCHEMA.problem(&event).is_none(), is_event, "{:?}: {}", SCHEMA.problem(&event), event);
        }
    }
}
