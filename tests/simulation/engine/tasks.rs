//! Cloud Tasks: a task publishes a message when it is due; its name blocks another of the same name until hours after.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use opwatch::message::{Defaults, Message as Opwatch, Received, read};
use serde_json::{Value, json};

use super::plan::{Fault, HOUR, MINUTE, Ms, Planted, SECOND};
use super::world::{Event, Form, World, form, moment, time};

pub(crate) struct Task {
    /// As opwatch asked for it.
    pub(crate) asked_name: String,
    pub(crate) watch: usize,
    pub(crate) form: Form,
    pub(crate) operation: String,
    data: Vec<u8>,
    pub(crate) at: Ms,
    pub(crate) dispatched: bool,
    /// The name is free again from then on.
    free_at: Ms,
    pub(crate) not_before: Ms,
}

/// What `tasks.create` was sent.
struct Asked {
    name: String,
    data: Vec<u8>,
    message: Value,
    at: Ms,
}

const TOPIC_URL: &str = "https://pubsub.googleapis.com/v1/projects/p/topics/t:publish";

impl World {
    /// Creates a task: status and body.
    pub(crate) fn create_task(&mut self, body: &[u8]) -> (u16, Value) {
        let asked = match self.read_task(body) {
            Ok(asked) => asked,
            Err(wrong) => {
                self.ledger.broken(format!("a task that Cloud Tasks would refuse: {wrong}"));
                return (400, json!({}));
            }
        };
        let push = &self.pushes[&self.current];
        let own = &self.messages[push.message];
        if own.name.as_ref() == Some(&asked.name) {
            let violation = format!("push {} asks for its own name {}", self.current, asked.name);
            self.ledger.broken(violation);
        }
        let kept =
            |message: &Value| message.get("newField").is_some() && message["state"].get("newState").is_some();
        if own.newer && !kept(&asked.message) {
            self.ledger.broken("the fields of a newer version were not passed on".to_owned());
        }
        let (watch, own_form, not_before, dated) = (own.watch, own.form, push.not_before, push.dated);
        let planted = self.plan.planted;
        let asked = if planted == Some(Planted::Grid) { self.off_grid(asked) } else { asked };
        let form = form(&asked.message);
        // Slack is not the API that asked to wait.
        let not_before = if form == Form::Report && own_form != Form::Report { 0 } else { not_before };
        let mut name = asked.name.clone();
        if planted == Some(Planted::NextName) && form != Form::Report
            || planted == Some(Planted::ReportName) && form == Form::Report
        {
            name = format!("{name}-{}", self.rng.next());
        }
        let now = self.now();
        let anew = self.names.get(&name).copied();
        if let Some(task) = anew.map(|task| &self.tasks[task])
            && (!task.dispatched || now < task.free_at)
        {
            if planted == Some(Planted::Exists) {
                return (500, error(500, "INTERNAL"));
            }
            return (409, error(409, "ALREADY_EXISTS"));
        }
        let task = Task {
            asked_name: asked.name,
            watch,
            form,
            operation: asked.message["name"].as_str().unwrap_or_default().to_owned(),
            data: asked.data,
            at: asked.at,
            dispatched: false,
            free_at: 0,
            not_before,
        };
        let begun = self.operation(&task.operation).map(|operation| operation.from);
        self.ledger.scheduled(&task, &asked.message, anew.is_some(), dated, begun);
        self.tasks.push(task);
        let index = self.tasks.len() - 1;
        self.names.insert(name.clone(), index);
        if form == Form::Check {
            self.look_for_forks(index);
        }
        let mut at = asked.at.max(now) + self.latency();
        if self.strikes(Fault::TaskStall) {
            at += self.rng.between(MINUTE, 15 * MINUTE);
        }
        self.note(|| format!("task {index} of w{watch} {form:?} due {} runs {at}", asked.at));
        self.at(at, Event::Dispatch(index));
        (
            200,
            json!({"name": name.split('-').next().map_or(name.clone(), |_| self.tasks[index].asked_name.clone())}),
        )
    }

    fn read_task(&self, body: &[u8]) -> Result<Asked, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let task = &body["task"];
        let request = &task["httpRequest"];
        if request["url"] != TOPIC_URL || request["httpMethod"] != "POST" {
            return Err(format!("it calls {}", request["url"]));
        }
        if request["oauthToken"]["serviceAccountEmail"] != "tasks@p.iam.gserviceaccount.com" {
            return Err("it has no token".to_owned());
        }
        let name = task["name"].as_str().ok_or("no name")?.to_owned();
        let decode =
            |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).map_err(|e| e.to_string());
        let publish: Value = serde_json::from_slice(&decode(&request["body"])?).map_err(|e| e.to_string())?;
        let data = decode(&publish["messages"][0]["data"])?;
        let message = serde_json::from_slice(&data).map_err(|error| error.to_string())?;
        let at = match task["scheduleTime"].as_str() {
            Some(text) => moment(text).ok_or("a bad scheduleTime")?,
            None => self.now(),
        };
        if at > self.now() + 30 * 24 * HOUR {
            return Err("it is due in more than 30 days".to_owned());
        }
        Ok(Asked { name, data, message, at })
    }

    /// The planted fault: no grid, but the next number an interval from now.
    fn off_grid(&self, asked: Asked) -> Asked {
        if form(&asked.message) != Form::Check {
            return asked;
        }
        let own = &self.messages[self.pushes[&self.current].message].data;
        let own: Value = serde_json::from_slice(own).unwrap_or_default();
        let received = Received { message_id: "0".to_owned(), published: time(self.now()) };
        let Ok(Opwatch::Check(mut check)) = read(&asked.data, &received, Defaults::default()) else {
            return asked;
        };
        check.attempt =
            own["attempt"].as_u64().map_or(0, |attempt| attempt as u32 + 1).min(check.watch.limit - 1);
        if own["attempt"].is_null() && own.get("start").is_none() {
            check.attempt = 1.min(check.watch.limit - 1);
        }
        let at = self.now() + Ms::from(check.watch.interval) * SECOND;
        // No end by the clock either: only the count ends it.
        check.first =
            time(at) - TimeDelta::seconds(i64::from(check.attempt) * i64::from(check.watch.interval));
        let message = Opwatch::Check(check);
        let queue = asked.name.rsplit_once('/').map_or("", |(queue, _)| queue);
        Asked {
            name: format!("{queue}/{}", opwatch::google::task_id("projects/p/topics/t", &message)),
            data: message.to_data(),
            message: message.to_json(),
            at,
        }
    }

    /// Promise 3: duplicates never multiply. A copy may have a check of its own waiting for about an interval.
    fn look_for_forks(&mut self, index: usize) {
        let (now, task) = (self.now(), &self.tasks[index]);
        let (watch, operation) = (task.watch, task.operation.clone());
        let waiting = self
            .ledger
            .waiting(watch)
            .iter()
            .filter(|index| {
                let task = &self.tasks[**index];
                !task.dispatched && task.at >= now && task.operation == operation
            })
            .count()
            + 1;
        self.ledger.forked(watch, index, waiting, now);
    }

    /// A task is due: publishes.
    pub(crate) fn dispatch(&mut self, index: usize) {
        let now = self.now();
        let hours = self.rng.between(HOUR, 24 * HOUR);
        let task = &mut self.tasks[index];
        task.dispatched = true;
        task.free_at = now + hours;
        let (watch, data, form) = (task.watch, task.data.clone(), task.form);
        self.ledger.dispatched(watch, index);
        let twice = self.strikes(Fault::TaskTwice);
        if twice {
            self.ledger.ran_twice(watch, form, now);
            self.publish(watch, data.clone(), Some(index));
        }
        self.publish(watch, data, Some(index));
    }
}

/// Google's error body.
pub(crate) fn error(code: u16, status: &str) -> Value {
    json!({"error": {"code": code, "status": status, "message": "planted"}})
}

pub(crate) fn seconds(wait: Option<u64>) -> Option<Duration> {
    wait.map(Duration::from_secs)
}
