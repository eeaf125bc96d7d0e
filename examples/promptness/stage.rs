//! Google and Slack as one operation sees them, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use opwatch::clock::Clock;
use opwatch::net::transport::{Answer, Method, Request, Sending, Transport};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::work::{Scenario, Work};

/// Milliseconds of virtual time.
pub(crate) type Ms = u64;

const HOP: Ms = 100;
pub(crate) const NAME: &str = "projects/p/operations/w";

pub(crate) enum Event {
    Push(Vec<u8>),
    Task(String),
    Signal,
}

/// The world of one operation.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) now: Ms,
    pub(crate) work: Work,
    pub(crate) shows_progress: bool,
    pub(crate) has_history: bool,
    pub(crate) began: Option<Ms>,
    pub(crate) checks: u32,
    pub(crate) told: Vec<Ms>,
    /// Tasks by name: none that ran or was deleted.
    tasks: BTreeMap<String, Option<Value>>,
    events: BinaryHeap<Reverse<(Ms, usize)>>,
    queued: Vec<Option<Event>>,
}

#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<Stage>>);

impl Clock for Shared {
    fn now(&self) -> DateTime<Utc> {
        time(self.0.lock().expect("the stage").now)
    }
}

impl Transport for Shared {
    fn send(&self, request: Request, _: Duration) -> Sending<'_> {
        let answer = self.0.lock().expect("the stage").answer(&request);
        Box::pin(async move { Ok(answer) })
    }
}

pub(crate) fn time(at: Ms) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::milliseconds(at as i64)
}

fn ok(body: &Value) -> Answer {
    opwatch::testing::answer(200, body.to_string())
}

fn error(code: u16, status: &str) -> Answer {
    opwatch::testing::answer(
        code,
        json!({"error": {"code": code, "status": status, "message": status}}).to_string(),
    )
}

fn decoded(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("text")).expect("base64")
}

impl Stage {
    pub(crate) fn new(work: Work, scenario: &Scenario) -> Self {
        let (shows_progress, has_history) = (scenario.progress, scenario.history.is_some());
        Self { work, shows_progress, has_history, ..Self::default() }
    }

    pub(crate) fn queue(&mut self, at: Ms, event: Event) {
        self.events.push(Reverse((at, self.queued.len())));
        self.queued.push(Some(event));
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let url = request.url.expose_secret().to_owned();
        if url.contains("/tasks") {
            return self.task(request, &url);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if url.ends_with(":lookup") {
            return self.look_up(&body);
        }
        if url.ends_with(":commit") {
            let results = body["mutations"].as_array().map_or(1, Vec::len);
            return ok(&json!({"mutationResults": vec![json!({"version": "2"}); results]}));
        }
        if url.ends_with(":export") {
            self.began = Some(self.now);
            let signal = self.work.signal.map(|late| self.now + self.work.lasts + late);
            if let Some(at) = signal {
                self.queue(at, Event::Signal);
            }
            return ok(&self.operation());
        }
        if url.contains("/operations?") {
            return ok(&json!({}));
        }
        if request.method == Method::Get {
            self.checks += 1;
            return ok(&self.operation());
        }
        self.told.push(self.now);
        opwatch::testing::answer(200, "ok")
    }

    fn operation(&self) -> Value {
        let age = self.now - self.began.expect("it was started");
        let done = age >= self.work.lasts;
        let common = json!({"state": if done { "SUCCESSFUL" } else { "PROCESSING" }, "startTime": time(self.now - age)});
        let mut metadata = json!({"common": common});
        if self.shows_progress {
            let percent = self.work.percent(age).to_string();
            metadata["progressEntities"] = json!({"workCompleted": percent, "workEstimated": "100"});
        }
        let mut operation = json!({"name": NAME, "done": done, "metadata": metadata});
        if done {
            operation["metadata"]["common"]["endTime"] = json!(time(self.now - age + self.work.lasts));
            operation["response"] = json!({});
        }
        operation
    }

    /// The ledger has the run before, and nothing else.
    fn look_up(&self, body: &Value) -> Answer {
        let key = &body["keys"][0];
        if !self.has_history || key["path"][0]["kind"] != "RunLast" {
            return ok(&json!({"missing": [{"entity": {"key": key}, "version": "1"}]}));
        }
        let stamp = |at| json!({"timestampValue": time(at)});
        let properties = json!({"operation": {"stringValue": "projects/p/operations/before"}, "start": stamp(0),
            "end": stamp((self.work.before * 1_000.0) as Ms)});
        ok(&json!({"found": [{"entity": {"key": key, "properties": properties}, "version": "1"}]}))
    }

    fn task(&mut self, request: &Request, url: &str) -> Answer {
        let named = url.split("/v2/").nth(1).and_then(|path| path.split('?').next()).unwrap_or_default();
        match request.method {
            Method::Get => match self.tasks.get(named) {
                Some(Some(task)) => ok(task),
                Some(None) | None => error(404, "NOT_FOUND"),
            },
            Method::Delete => match self.tasks.get_mut(named).and_then(Option::take) {
                Some(_) => ok(&json!({})),
                None => error(404, "NOT_FOUND"),
            },
            _ => {
                let body: Value = serde_json::from_slice(&request.body).expect("JSON");
                let task = body["task"].clone();
                let name = task["name"].as_str().expect("a name").to_owned();
                if self.tasks.contains_key(&name) {
                    return error(409, "ALREADY_EXISTS");
                }
                let at = task["scheduleTime"].as_str().map_or(self.now, |at| {
                    let at = at.parse::<DateTime<Utc>>().expect("a time");
                    (at - time(0)).num_milliseconds() as Ms
                });
                self.tasks.insert(name.clone(), Some(task.clone()));
                self.queue(at.max(self.now), Event::Task(name));
                ok(&task)
            }
        }
    }

    /// What comes next to opwatch; tasks that are due before it are dispatched on the way.
    pub(crate) fn next(&mut self) -> Option<Event> {
        loop {
            let Reverse((at, index)) = self.events.pop()?;
            self.now = at;
            match self.queued[index].take()? {
                Event::Task(name) => {
                    let Some(task) = self.tasks.get_mut(&name).and_then(Option::take) else { continue };
                    let publish: Value =
                        serde_json::from_slice(&decoded(&task["httpRequest"]["body"])).expect("JSON");
                    self.queue(at + HOP, Event::Push(decoded(&publish["messages"][0]["data"])));
                }
                event @ (Event::Push(_) | Event::Signal) => return Some(event),
            }
        }
    }
}
