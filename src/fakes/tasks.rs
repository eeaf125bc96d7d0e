//! Cloud Tasks: named tasks that publish to a topic at a set time.
//!
//! What happens to a task once it is created is in `dispatch`, and how a waiting one is read and deleted in `waiting`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::{Answer, FakeServer, FakeService, has_door};
use super::events::Event;
use super::google::{self, Refusal};
use super::lock::lock;
use super::pubsub::{self, Publish};
use super::recorded::RecordedRequest;
use super::shared::Shared;
use super::time::stamp;
use super::timeline::{Planned, Timeline};

/// The farthest a task may be put off.
const MAX_AHEAD: TimeDelta = TimeDelta::days(30);

/// The smaller of the two limits that Google's pages name.
const MAX_TASK_BYTES: usize = 100_000;

/// The scopes that allow a task to publish.
const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/pubsub"];

/// A task that was created.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its full name.
    pub name: String,
    /// Its queue's full name.
    pub queue: String,
    /// When it is dispatched first.
    pub schedule_time: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// The decoded data of the message it publishes; a string when that is no JSON.
    pub data: Value,
    /// The status of each dispatch, none where there was no answer.
    pub dispatches: Vec<Option<u16>>,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl Task {
    /// Whether it publishes the sentinel of a watch.
    pub fn is_sentinel(&self) -> bool {
        is_sentinel(&self.data)
    }
}

/// Whether a message is the sentinel of a watch.
pub(super) fn is_sentinel(data: &Value) -> bool {
    data.pointer("/state/sentinel").and_then(Value::as_bool) == Some(true)
}

/// The stand-in for Cloud Tasks.
#[derive(Clone)]
pub struct Tasks {
    pub(super) shared: Arc<Shared>,
    door: Arc<FakeServer>,
    pub(super) state: Arc<Mutex<State>>,
    pubsub: Arc<str>,
    token: Option<Arc<str>>,
    /// The permissions that the caller does not have.
    pub(super) lacks: Arc<Mutex<BTreeSet<&'static str>>>,
}

has_door!(Tasks);

/// A task that waits.
pub(super) struct Waiting {
    /// Its number among all tasks.
    pub(super) number: usize,
    /// What was asked for.
    pub(super) task: NewTask,
    planned: Option<Planned>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) tasks: Vec<Task>,
    /// The names of tasks that wait, and of those executed: both can't be used again.
    waiting: BTreeMap<String, Waiting>,
    executed: BTreeSet<String>,
    duplicates: usize,
}

impl State {
    /// Keeps the name of a task that is over.
    pub(super) fn executed(&mut self, name: &str) {
        self.waiting.remove(name);
        self.executed.insert(name.to_owned());
    }

    /// Notes when a waiting task is dispatched.
    pub(super) fn planned(&mut self, name: &str, planned: Planned) {
        if let Some(waiting) = self.waiting.get_mut(name) {
            waiting.planned = Some(planned);
        }
    }

    pub(super) fn is_waiting(&self, name: &str) -> bool {
        self.waiting.contains_key(name)
    }

    /// The task of this name that waits, and when it was created and is due.
    pub(super) fn waiting(&self, name: &str) -> Option<(&NewTask, &Task)> {
        let waiting = self.waiting.get(name)?;
        Some((&waiting.task, self.tasks.get(waiting.number)?))
    }

    /// Deletes a waiting task, and cancels its next dispatch on `timeline`; its name stays taken. Whether there was one.
    pub(super) fn delete(&mut self, name: &str, timeline: &Timeline) -> bool {
        let Some(waiting) = self.waiting.remove(name) else { return false };
        self.executed.insert(name.to_owned());
        if let Some(task) = self.tasks.get_mut(waiting.number) {
            task.deleted = true;
        }
        if let Some(planned) = waiting.planned {
            timeline.cancel(planned);
        }
        true
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Create {
    task: NewTask,
    response_view: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewTask {
    pub(super) name: String,
    schedule_time: Option<DateTime<Utc>>,
    pub(super) http_request: HttpRequest,
    dispatch_deadline: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct HttpRequest {
    http_method: String,
    pub(super) url: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
    pub(super) oauth_token: OauthToken,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct OauthToken {
    pub(super) service_account_email: String,
    pub(super) scope: Option<String>,
}

impl Tasks {
    pub(super) async fn open(
        shared: &Arc<Shared>,
        pubsub: String,
        token: Option<String>,
    ) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(0).await?;
        let tasks = Self {
            shared: Arc::clone(shared),
            door,
            state: Arc::default(),
            pubsub: pubsub.into(),
            token: token.map(Into::into),
            lacks: Arc::default(),
        };
        tasks.door.open(listener, shared, tasks.clone());
        Ok(tasks)
    }

    /// Every task created but the sentinels, in order, also those that were executed.
    pub fn created(&self) -> Vec<Task> {
        let mut tasks = lock(&self.state).tasks.clone();
        tasks.retain(|task| !task.is_sentinel());
        tasks
    }

    /// The sentinels of watches, in order, also those that were executed or deleted.
    pub fn sentinels(&self) -> Vec<Task> {
        let mut tasks = lock(&self.state).tasks.clone();
        tasks.retain(Task::is_sentinel);
        tasks
    }

    /// Takes a permission from the caller, such as `cloudtasks.tasks.fullView`.
    pub fn revoke(&self, permission: &'static str) {
        lock(&self.lacks).insert(permission);
    }

    /// How many were refused because their name was taken.
    pub fn duplicates(&self) -> usize {
        lock(&self.state).duplicates
    }

    /// Forgets the names of executed tasks, as Google does some time; those of waiting ones stay taken.
    pub fn free_names(&self) {
        lock(&self.state).executed.clear();
    }

    fn create(&self, request: &RecordedRequest) -> Result<Value, Refusal> {
        let segments = request.segments();
        let queue = match segments.as_slice() {
            ["v2", names @ .., "tasks"] if request.method == "POST" => names,
            _ => return Err(Refusal::no_method()),
        };
        let ["projects", project, "locations", location, "queues", queue_id] = queue else {
            return Err(Refusal::no_method());
        };
        if ![project, location, queue_id].iter().all(|id| google::is_id(id)) {
            return Err(Refusal::invalid("Invalid queue name."));
        }
        self.authorized(request)?;
        let Create { task, response_view } = google::body(request)?;
        if response_view.is_some_and(|view| !["BASIC", "FULL"].contains(&view.as_str())) {
            return Err(Refusal::invalid("Invalid value at 'response_view'."));
        }
        let queue = queue.join("/");
        let (body, data) = self.check(&task, &queue, request.body.len())?;
        self.keep(queue, task, body, data)
    }

    /// Checks the caller's token.
    pub(super) fn authorized(&self, request: &RecordedRequest) -> Result<(), Refusal> {
        google::authorized(request, self.token.as_deref())
    }

    /// What the task publishes: the request's body, and the message's data in it.
    fn check(&self, task: &NewTask, queue: &str, size: usize) -> Result<(Vec<u8>, Value), Refusal> {
        let http = &task.http_request;
        let id = task.name.strip_prefix(queue).and_then(|rest| rest.strip_prefix("/tasks/"));
        let id = id.ok_or_else(|| Refusal::invalid("Task name must be under its queue."))?;
        let known = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let ahead = task.schedule_time.map(|at| at - self.shared.time.now());
        let scope = http.oauth_token.scope.as_deref();
        let rules = [
            (known && (1..=500).contains(&id.len()), "TASK_ID must be 1 to 500 of [A-Za-z0-9_-]."),
            (size <= MAX_TASK_BYTES, "Task size too large."),
            (
                ahead.is_none_or(|ahead| ahead <= MAX_AHEAD),
                "The schedule time must be at most 30 days ahead.",
            ),
            (http.http_method == "POST", "A publish must be a POST."),
            (self.may_call(&http.url), "HttpRequest.url must be a topic's :publish."),
            (
                http.headers.get("Content-Type").is_some_and(|kind| kind == "application/json"),
                "No JSON type.",
            ),
            (http.oauth_token.service_account_email.contains('@'), "Invalid service account email."),
            (scope.is_none_or(|scope| SCOPES.contains(&scope)), "The scope does not allow to publish."),
            (task.dispatch_deadline.as_deref().is_none_or(is_deadline), "Deadline not in 15s to 1800s."),
        ];
        if let Some((_, broken)) = rules.iter().find(|(kept, _)| !kept) {
            return Err(Refusal::invalid(*broken));
        }
        published(&http.body)
    }

    fn may_call(&self, url: &str) -> bool {
        let topic = url.strip_prefix(&*self.pubsub).and_then(|path| path.strip_suffix(":publish"));
        let parts: Vec<_> = topic.unwrap_or_default().split('/').collect();
        matches!(parts.as_slice(), ["", "v1", "projects", project, "topics", topic]
            if google::is_id(project) && google::is_id(topic))
    }

    fn keep(&self, queue: String, task: NewTask, body: Vec<u8>, data: Value) -> Result<Value, Refusal> {
        let created_at = self.shared.time.now();
        let schedule_time = task.schedule_time.unwrap_or(created_at);
        let name = task.name.clone();
        let answer = basic_view(&task, schedule_time, created_at);
        let number = {
            let mut state = lock(&self.state);
            if state.executed.contains(&name) || state.waiting.contains_key(&name) {
                state.duplicates += 1;
                drop(state);
                self.shared.event(Event::TaskRefusedAsDuplicate { name });
                let message = "Requested entity already exists";
                return Err(Refusal::expected(409, "ALREADY_EXISTS", message));
            }
            state.tasks.push(Task {
                name: name.clone(),
                queue,
                schedule_time,
                created_at,
                data: data.clone(),
                dispatches: Vec::new(),
                deleted: false,
            });
            let number = state.tasks.len() - 1;
            state.waiting.insert(name.clone(), Waiting { number, task: task.clone(), planned: None });
            number
        };
        self.shared.event(Event::TaskCreated { name, schedule_time, data });
        self.dispatch_at(schedule_time, number, task, body);
        Ok(answer)
    }
}

/// A task as tasks.create answers it, without its body.
pub(super) fn basic_view(task: &NewTask, schedule_time: DateTime<Utc>, created_at: DateTime<Utc>) -> Value {
    json!({
        "name": task.name,
        "httpRequest": {
            "url": task.http_request.url,
            "httpMethod": task.http_request.http_method,
            "headers": task.http_request.headers,
        },
        "scheduleTime": stamp(schedule_time),
        "createTime": stamp(created_at),
        "dispatchDeadline": task.dispatch_deadline.as_deref().unwrap_or("600s"),
        "view": "BASIC",
    })
}

/// Reads a publish request of one message out of a task's body.
fn published(body: &str) -> Result<(Vec<u8>, Value), Refusal> {
    let body = STANDARD
        .decode(body)
        .map_err(|error| Refusal::invalid(format!("Base64 decoding failed for body: {error}")))?;
    let Publish { messages } = serde_json::from_slice(&body)
        .map_err(|error| Refusal::invalid(format!("The body is no publish request: {error}")))?;
    pubsub::check(&messages)?;
    let [message] = messages.as_slice() else {
        return Err(Refusal::invalid("A task must publish one message."));
    };
    let data = message.decoded()?;
    let data = serde_json::from_slice(&data)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&data).into_owned()));
    Ok((body, data))
}

fn is_deadline(deadline: &str) -> bool {
    let seconds = deadline.strip_suffix('s').and_then(|seconds| seconds.parse::<f64>().ok());
    seconds.is_some_and(|seconds| (15.0..=1800.0).contains(&seconds))
}

impl FakeService for Tasks {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        let answer = match request.method.as_str() {
            "GET" => self.read(request),
            "DELETE" => self.delete(request),
            _ => self.create(request),
        };
        google::answer(&self.shared, request, answer)
    }
}
