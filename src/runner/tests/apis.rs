//! Google's APIs in a world of these tests: what they reply as usual, and what a test scripts.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::published;
use super::world::NAME;
use crate::net::transport::{Answer, Failure, Request, Sending, Transport};
use crate::testing::{self, at, wanted_task};

/// What answers a call, and after how long.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    after: Duration,
    answer: Result<Answer, Failure>,
}

pub(super) fn says(status: u16, body: &Value) -> Reply {
    Reply { after: Duration::ZERO, answer: Ok(testing::answer(status, body.to_string())) }
}

/// A refusal in an API's words.
pub(super) fn refuses(status: u16, word: &str) -> Reply {
    says(status, &json!({"error": {"status": word, "message": "no"}}))
}

pub(super) fn fails(failure: Failure) -> Reply {
    Reply { after: Duration::ZERO, answer: Err(failure) }
}

/// The connection breaks after the request was sent.
pub(super) fn breaks() -> Reply {
    fails(Failure::Broken("reset".to_owned()))
}

impl Reply {
    pub(super) fn after(self, milliseconds: u64) -> Self {
        Self { after: Duration::from_millis(milliseconds), ..self }
    }

    /// By the server's clock it is that time.
    pub(super) fn dated(self, date: DateTime<Utc>) -> Self {
        Self { answer: self.answer.map(|answer| Answer { date: Some(date), ..answer }), ..self }
    }
}

/// Datastore's answer about an operation that runs, with how many of a hundred entities it has done.
pub(super) fn running(done: u32) -> Reply {
    operation(&json!({"state": "PROCESSING", "startTime": at(-60)}), done, &json!({}))
}

/// The same of one that has ended well.
pub(super) fn ended() -> Reply {
    let common = json!({"state": "SUCCESSFUL", "startTime": at(-60), "endTime": at(-1)});
    operation(&common, 100, &json!({"done": true, "response": {}}))
}

fn operation(common: &Value, done: u32, more: &Value) -> Reply {
    let mut common = common.clone();
    common["operationType"] = json!("EXPORT_ENTITIES");
    let progress = json!({"workCompleted": done.to_string(), "workEstimated": "100"});
    let metadata = json!({"common": common, "progressEntities": progress, "outputUrlPrefix": "gs://b/x"});
    let mut body = json!({"name": NAME, "metadata": metadata});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    says(200, &body)
}

/// The APIs of Google: each call is one line, and is answered by the first script whose words are in it, or as usual.
#[derive(Default)]
pub(super) struct Apis {
    pub(super) scripts: Mutex<Vec<(String, VecDeque<Reply>)>>,
    pub(super) asked: Mutex<Vec<String>>,
    pub(super) tasks: Mutex<Vec<Value>>,
    deleted: Mutex<BTreeSet<String>>,
}

impl Apis {
    fn reply(&self, request: &Request) -> Reply {
        let url = request.url.expose_secret();
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let task = wanted_task(request);
        let line = match &task {
            Some(task) => format!("create {}", published(task)),
            None => format!("{:?} {path} {}", request.method, String::from_utf8_lossy(&request.body)),
        };
        let line = line.trim_end().to_owned();
        self.asked.lock().unwrap().push(line.clone());
        let mut scripts = self.scripts.lock().unwrap();
        let script =
            scripts.iter_mut().find(|(of, replies)| line.contains(of.as_str()) && !replies.is_empty());
        let scripted = script.and_then(|(_, replies)| replies.pop_front());
        match (task, scripted) {
            (Some(task), Some(reply)) => {
                // When the connection breaks, it is not known that the task was created.
                if matches!(&reply.answer, Err(Failure::Broken(_)) | Ok(Answer { status: 200, .. })) {
                    self.tasks.lock().unwrap().push(task);
                }
                reply
            }
            (Some(task), None) => self.create(task),
            (None, Some(reply)) => reply,
            (None, None) => self.usual(&line),
        }
    }

    fn create(&self, task: Value) -> Reply {
        let mut tasks = self.tasks.lock().unwrap();
        if tasks.iter().any(|other| other["name"] == task["name"]) {
            return refuses(409, "ALREADY_EXISTS");
        }
        let created = says(200, &json!({"name": task["name"]}));
        tasks.push(task);
        created
    }

    fn usual(&self, line: &str) -> Reply {
        let waiting = || {
            let name = line.split([' ', '?']).nth(1)?.strip_prefix("v2/")?.to_owned();
            let task = self.tasks.lock().unwrap().iter().find(|task| task["name"] == *name)?.clone();
            (!self.deleted.lock().unwrap().contains(&name)).then_some((name, task))
        };
        match line.split_once(' ').unwrap() {
            ("Get", path) if path.starts_with("v2/") => {
                waiting().map_or_else(|| refuses(404, "NOT_FOUND"), |(_, task)| says(200, &task))
            }
            ("Delete", _) => match waiting() {
                Some((name, _)) => {
                    self.deleted.lock().unwrap().insert(name);
                    says(200, &json!({}))
                }
                None => refuses(404, "NOT_FOUND"),
            },
            ("Get", path) if path.contains("/operations/") => running(7),
            (_, path) if path.contains(":publish ") => says(200, &json!({"messageIds": ["1"]})),
            (_, path) if path.contains(":commit ") => {
                says(200, &json!({"mutationResults": [{"version": "1"}]}))
            }
            (_, path) if path.contains(":lookup ") => says(200, &json!({"missing": [{}]})),
            (_, path) if path.contains(":export ") => running(0),
            _ => says(200, &json!({})),
        }
    }
}

impl Transport for Apis {
    fn send(&self, request: Request, limit: Duration) -> Sending<'_> {
        let Reply { after, answer } = self.reply(&request);
        Box::pin(async move {
            let answered = tokio::time::timeout(limit, tokio::time::sleep(after)).await;
            answered.map_err(|_| Failure::TimedOut(limit)).and(answer)
        })
    }
}
