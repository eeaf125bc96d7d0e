//! Cloud Tasks: publishes the next message when it is due, once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Call, CallError, Google};
use crate::hash::hash;
use crate::net::endpoints::Api;
use crate::net::transport::Method;
use crate::services::{ApiError, Operation, Status};
use crate::watch::{Message, Purpose, Report, SignalLook, Slot};

/// The scope of the token that Cloud Tasks publishes with.
const PUBLISH_SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// A message to publish later.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// `projects/P/locations/L/queues/Q`.
    pub queue: &'a str,
    /// `projects/P/topics/T`, the public topic: part of the task's name, whichever topic it publishes to, so that watches in
    /// flight keep their names when an internal topic is introduced.
    pub topic: &'a str,
    /// `projects/P/topics/T`, the topic to publish to.
    pub publish_to: &'a str,
    /// The account that Cloud Tasks publishes as.
    pub service_account: &'a str,
    /// What to publish.
    pub message: &'a Message,
    /// When; none is now.
    pub at: Option<DateTime<Utc>>,
}

/// Whether the task is this delivery's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is.
    New,
    /// It may be: the connection broke, and when it was asked for again, it was there.
    MaybeNew,
    /// Another copy of this delivery had asked for it: as good.
    AlreadyExists,
}

/// What is read of the answer: something else than Cloud Tasks may say 200 too.
#[derive(Deserialize)]
struct CreatedTask {
    name: String,
}

/// The id of the task that publishes `message`, which removes duplicates: SHA-256 in hex of the lines topic, watch id,
/// operation name, kind and number. The number is the attempt of a check, the try of a start or a report. A try of a start
/// or report that waited has two more lines, `wait` and how often. A report to another outlet than the one that follows
/// watches has two more lines at the end, `outlet` and its id.
///
/// The first task of a report with a slot has the lines topic, `slot`, what is counted, the period and the number instead. A
/// look that a signal asks for again has the lines topic, watch id, operation name, `signal`, the time of the signal in
/// milliseconds and the number of the look; a watch's sentinel has the name of [`sentinel_id`].
///
/// The recipe is part of the message format: other versions must come to the same id. Hashed, as names with a common
/// prefix slow Cloud Tasks down
/// (<https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create>).
pub fn task_id(topic: &str, message: &Message) -> String {
    let outlet = if let Message::Report(report) = message { report.outlet.as_deref() } else { None };
    if let Some(Slot { of, at, number }) = message.slot() {
        return name_of(&[topic, "slot", of, &at.to_string(), &number.to_string()], outlet);
    }
    if let Message::Check(check) = message {
        match check.purpose {
            Purpose::Next => {}
            Purpose::Sentinel => return sentinel_id(topic, &check.operation),
            Purpose::Signal(SignalLook { at, number }) => {
                let (at, number) = (at.timestamp_millis().to_string(), number.to_string());
                return name_of(
                    &[topic, &check.watch.id, check.operation.name(), "signal", &at, &number],
                    None,
                );
            }
        }
    }
    let (kind, number) = message.kind_and_number();
    let (watch, operation, number) = (&message.watch().id, message.operation_name(), number.to_string());
    match message.waits() {
        0 => name_of(&[topic, watch, operation, kind.word(), &number], outlet),
        waits => {
            name_of(&[topic, watch, operation, kind.word(), &number, "wait", &waits.to_string()], outlet)
        }
    }
}

/// The id of the task that first publishes `report`: what all its tries and copies have in common, and no other report.
pub fn report_id(topic: &str, report: &Report) -> String {
    let operation = report.operation.as_ref().map_or("", Operation::name);
    let lines = [topic, &report.watch.id, operation, report.kind().word(), "0"];
    name_of(&lines, report.outlet.as_deref())
}

/// The id of the sentinel of the watch of `operation`: SHA-256 in hex of the lines topic, service, operation name and `sentinel`. It
/// needs nothing of the watch, so that a signal, which knows the operation alone, finds it; the name is the one that all forms have in
/// common. No other recipe has four lines.
pub fn sentinel_id(topic: &str, operation: &Operation) -> String {
    name_of(&[topic, operation.service().id(), &operation.common_name(), "sentinel"], None)
}

fn name_of(lines: &[&str], outlet: Option<&str>) -> String {
    match outlet {
        None => hash(lines),
        Some(id) => hash(&[lines, &["outlet", id]].concat()),
    }
}

impl Google {
    /// Creates the task. Only `ALREADY_EXISTS` counts as done: ABORTED is a 409 too.
    ///
    /// # Errors
    /// When the task could not be created, or that is not known.
    pub async fn create_task(&self, task: &Task<'_>, limit: Duration) -> Result<Created, CallError> {
        self.create_task_with_id(&task_id(task.topic, task.message), task, limit).await
    }

    /// As [`Google::create_task`], with an ID of its own.
    ///
    /// # Errors
    /// When the task could not be created, or that is not known.
    pub async fn create_task_with_id(
        &self,
        id: &str,
        task: &Task<'_>,
        limit: Duration,
    ) -> Result<Created, CallError> {
        let path = format!("v2/{}/tasks", task.queue);
        let call = Call {
            api: Api::CloudTasks,
            method: Method::Post,
            path: &path,
            body: self.task_body(task, id),
            repeatable: true,
            longest: None,
        };
        match self.call(call, limit).await {
            Ok(success) => match serde_json::from_slice::<CreatedTask>(&success.body) {
                // The id alone: a project may be named by its number and answered by its id.
                Ok(created) if created.name.ends_with(&format!("/tasks/{id}")) => Ok(Created::New),
                _ => {
                    let error = ApiError::of_text("the response is not a task, so the task may not exist");
                    Err(CallError::Unreadable { error, date: success.date })
                }
            },
            Err(CallError::Refused(refusal)) if refusal.error.status == Status::AlreadyExists => {
                Ok(if refusal.resent { Created::MaybeNew } else { Created::AlreadyExists })
            }
            Err(error) => Err(error),
        }
    }

    fn task_body(&self, task: &Task<'_>, id: &str) -> Vec<u8> {
        let data = base64(&task.message.to_data());
        let room = data.get().len() + 32;
        let publish = base64(&to_json(&Publish { messages: [Published { data }] }, room));
        let room = publish.get().len() + 1024;
        let body = CreateTask {
            task: NewTask {
                name: format!("{}/tasks/{id}", task.queue),
                schedule_time: task.at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                http_request: HttpRequest {
                    http_method: "POST",
                    url: format!("{}/v1/{}:publish", self.endpoints.get(Api::PubSub).base, task.publish_to),
                    headers: Headers { content_type: "application/json" },
                    body: publish,
                    oauth_token: OauthToken {
                        service_account_email: task.service_account,
                        scope: PUBLISH_SCOPE,
                    },
                },
            },
        };
        to_json(&body, room)
    }
}

/// The body of `tasks.create`.
#[derive(Serialize)]
struct CreateTask<'a> {
    task: NewTask<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewTask<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_time: Option<String>,
    http_request: HttpRequest<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpRequest<'a> {
    http_method: &'static str,
    url: String,
    headers: Headers,
    body: Box<RawValue>,
    oauth_token: OauthToken<'a>,
}

#[derive(Serialize)]
struct Headers {
    #[serde(rename = "Content-Type")]
    content_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OauthToken<'a> {
    service_account_email: &'a str,
    scope: &'static str,
}

/// The body of `topics.publish`.
#[derive(Serialize)]
struct Publish {
    messages: [Published; 1],
}

#[derive(Serialize)]
struct Published {
    data: Box<RawValue>,
}

/// `bytes` in base64, as a JSON text. Raw, since most of a task is this and nothing in it needs escaping.
fn base64(bytes: &[u8]) -> Box<RawValue> {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4 + 2);
    text.push('"');
    STANDARD.encode_string(bytes, &mut text);
    text.push('"');
    RawValue::from_string(text).unwrap_or_default()
}

/// Structs of texts can always be written. `room` is what they need at most, as a rule.
fn to_json(body: &impl Serialize, room: usize) -> Vec<u8> {
    let mut json = Vec::with_capacity(room);
    let _ = serde_json::to_writer(&mut json, body);
    json
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::google::Tokens;
    use crate::net::endpoints::Endpoints;
    use crate::net::transport::{Failure, Request, Sending, Transport};
    use crate::testing::answer;
    use crate::watch::{Check, Kind, Watch};

    /// Fails the first call in this way; then the task is there.
    struct There(Mutex<Option<Failure>>);

    impl Transport for There {
        fn send(&self, _: Request, _: Duration) -> Sending<'_> {
            let failed = self.0.lock().unwrap().take();
            let body = r#"{"error":{"status":"ALREADY_EXISTS"}}"#;
            let there = answer(409, body);
            Box::pin(async move { failed.map_or(Ok(there), Err) })
        }
    }

    #[tokio::test]
    async fn a_task_that_is_there_may_be_its_own_only_if_it_was_sent_before() {
        for (failure, created) in [
            (None, Created::AlreadyExists),
            (Some(Failure::NotConnected(String::new())), Created::AlreadyExists),
            (Some(Failure::Broken(String::new())), Created::MaybeNew),
        ] {
            let transport = Arc::new(There(Mutex::new(failure)));
            let google = Google::new(transport, Tokens::new(Some("token".into())), Endpoints::default());
            let message =
                Message::Test(crate::watch::Test { watch: Watch::default(), is_continuation: true });
            let task = Task {
                queue: "q",
                topic: "t",
                publish_to: "i",
                service_account: "a",
                message: &message,
                at: None,
            };
            assert_eq!(google.create_task(&task, Duration::from_secs(8)).await, Ok(created));
        }
    }

    #[test]
    fn the_recipe_of_a_task_id_never_changes() {
        let watch = Watch { id: "2070443601311540".to_owned(), ..Watch::default() };
        let operation =
            Operation::new(crate::services::Service::DATASTORE, "projects/p/operations/x").unwrap();
        let check = Check { attempt: 7, ..Check::new(watch, operation, DateTime::UNIX_EPOCH) };
        let id = task_id("projects/p/topics/t", &Message::Check(Box::new(check)));
        // printf 'projects/p/topics/t\n2070443601311540\nprojects/p/operations/x\ncheck\n7' | sha256sum
        assert_eq!(id, "1c6136b142ea1cba93c53119275ede90b2a4298190b5ca0d66e5f09e93587e7c");
        let words = [Kind::Start, Kind::Check, Kind::Ended, Kind::Abandoned, Kind::Notice, Kind::Waits]
            .map(Kind::word);
        assert_eq!(words, ["start", "check", "ended", "left", "notice", "waits"]);
    }

    #[test]
    fn a_sentinel_is_named_after_its_operation_and_a_signals_look_after_its_signal() {
        let watch = Watch { id: "7".to_owned(), ..Watch::default() };
        let operation =
            Operation::new(crate::services::Service::DATASTORE, "projects/p/operations/x").unwrap();
        let check = Check::new(watch, operation.clone(), DateTime::UNIX_EPOCH);
        let id = |purpose| task_id("t", &Message::Check(Box::new(Check { purpose, ..check.clone() })));
        // printf 't\ndatastore\nprojects/p/operations/x\nsentinel' | sha256sum
        assert_eq!(id(Purpose::Sentinel), "03a56a009981294189df7c3f6f0d906ea9db7c9099e4c0f1b8f10324780e3c07");
        assert_eq!(id(Purpose::Sentinel), sentinel_id("t", &operation));
        let at = DateTime::from_timestamp(1_795_402_800, 0).unwrap();
        // printf 't\n7\nprojects/p/operations/x\nsignal\n1795402800000\n1' | sha256sum
        let look = |number| id(Purpose::Signal(SignalLook { at, number }));
        assert_eq!(look(1), "ba2898ca82196dbc6fcd52912eb7a8aea7e24a723b3faf6344d33c0689b306df");
        assert!(look(2) != look(1) && id(Purpose::Next) != look(1));
    }

    #[test]
    fn the_sentinel_of_a_job_is_found_with_and_without_its_location() {
        let id = |name| sentinel_id("t", &Operation::new("bigquery.jobs".parse().unwrap(), name).unwrap());
        assert_eq!(id("projects/p/locations/EU/jobs/j"), id("projects/p/jobs/j"));
        assert_ne!(id("projects/p/jobs/i"), id("projects/p/jobs/j"));
    }

    #[test]
    fn the_first_task_of_a_report_with_a_slot_is_named_after_the_slot() {
        let slot = Slot { of: "notice".to_owned(), at: 1_795_402_800, number: 3 };
        let report = |tries, waits| {
            let claim = Report::of_claim(slot.clone(), DateTime::UNIX_EPOCH);
            task_id("t", &Message::Report(Box::new(Report { tries, claim_waits: waits, ..claim })))
        };
        // printf 't\nslot\nnotice\n1795402800\n3' | sha256sum
        assert_eq!(report(0, 0), "4a17bfa6e40baaf15323d9e92ac1b6b6b146ea07a3db2d9f02d4d2e2fbfc9615");
        // printf 't\nslot-1795402800-3\n\nended\n1' | sha256sum
        let plain = "a13ac3ad2ca651bad2268f637133b144e231e3f41c3ea1486f9794f696afed8b";
        assert_eq!(report(1, 0), plain, "a retry has the usual name");
        assert_ne!(report(0, 1), report(0, 0));
    }

    #[test]
    fn a_report_that_waits_has_a_name_of_its_own_and_is_the_same_report() {
        let mut report =
            Report::of_test(Watch { id: "7".to_owned(), ..Watch::default() }, DateTime::UNIX_EPOCH);
        let mut ids = std::collections::BTreeSet::new();
        for (tries, waits) in [(0, 0), (0, 1), (1, 0), (1, 1), (0, 11), (11, 0)] {
            (report.tries, report.claim_waits) = (tries, waits);
            // printf 't\n7\n\nnotice\n0' | sha256sum
            let first = "7d7a3eeed92e437d933ee51b211a7cd7c7c33493aed4245e9add2093cdcb4dd2";
            assert_eq!(report_id("t", &report), first);
            assert!(ids.insert(task_id("t", &Message::Report(Box::new(report.clone())))), "{tries} {waits}");
        }
        // printf 't\n7\n\nnotice\n1\nwait\n1' | sha256sum
        assert!(ids.contains("da2e8663e5d88ab911305b9263bc8a2f698a38c4238a61ec558735a4d7967b22"));
    }

    #[test]
    fn a_report_to_another_outlet_has_a_name_of_its_own() {
        let watch = Watch { id: "7".to_owned(), ..Watch::default() };
        let mut report = Report::of_test(watch, DateTime::UNIX_EPOCH).to_outlet("events");
        let name = |report: &Report| task_id("t", &Message::Report(Box::new(report.clone())));
        // printf 't\n7\n\nnotice\n0\noutlet\nevents' | sha256sum
        assert_eq!(
            report_id("t", &report),
            "8c2f47a7f06636fcd78968c7d5cd2eeef09b6b7e09ba83466ae2d9e60f3fe7a2"
        );
        assert_eq!(name(&report), report_id("t", &report));
        (report.tries, report.claim_waits) = (1, 1);
        // printf 't\n7\n\nnotice\n1\nwait\n1\noutlet\nevents' | sha256sum
        assert_eq!(name(&report), "3cfae0c46bebd56d20c4de0445745db8665e5bdbb5b1712210ed050cbbc967e6");
        let slot = Slot { of: "notice".to_owned(), at: 1, number: 3 };
        let claim = Report::of_claim(slot, DateTime::UNIX_EPOCH);
        assert_ne!(name(&claim.to_outlet("events")), name(&claim));
    }
}
