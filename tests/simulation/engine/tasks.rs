//! Cloud Tasks: a task publishes a message when it is due; its name blocks another of the same name until hours after.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use opwatch::message::{Defaults, Received, read};
use opwatch::trust::Origin;
use opwatch::watch::Message as Opwatch;
use serde::Deserialize;
use serde_json::{Value, json};

use super::boundary::{INTERNAL_TOPIC, TOPIC, Topic, as_old};
use super::ledger::{is_aside, is_later_try, is_stall};
use super::limits::{is_claim, is_of_limit};
use super::plan::{Access, DAY, Down, Fault, HOUR, MINUTE, Ms, Planted, SECOND};
use super::pubsub::Message;
use super::slack::message_of;
use super::ways::Way;
use super::world::{Event, Form, World, form, moment, time};

#[derive(Clone)]
pub(crate) struct Task {
    /// As opwatch asked for it.
    pub(crate) asked_name: String,
    pub(crate) watch: usize,
    pub(crate) form: Form,
    pub(crate) operation: String,
    /// The topic that it publishes to.
    pub(crate) topic: Topic,
    data: Vec<u8>,
    pub(crate) at: Ms,
    pub(crate) dispatched: bool,
    deleted: bool,
    /// Its queue has given it its turn.
    has_turn: bool,
    /// The last copy on the way to it, and the first task of the report that it tries again: itself, if it is none.
    pub(super) way: Way,
    pub(super) root: usize,
    /// How often it was published, and how often it could not be.
    pub(super) runs: u32,
    refusals: u32,
    /// The name is free again from then on.
    free_at: Ms,
    pub(crate) not_before: Ms,
}

/// What `tasks.create` was sent.
struct ParsedRequest {
    name: String,
    topic: Topic,
    data: Vec<u8>,
    message: Value,
    at: Ms,
}

/// The body of `tasks.create`, as far as it is looked at.
#[derive(Deserialize)]
struct Create<'a> {
    #[serde(borrow)]
    task: Created<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    name: &'a str,
    schedule_time: Option<&'a str>,
    #[serde(borrow)]
    http_request: HttpRequest<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpRequest<'a> {
    url: &'a str,
    http_method: &'a str,
    body: &'a str,
    #[serde(borrow)]
    oauth_token: Account<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account<'a> {
    service_account_email: &'a str,
}

/// The body of `topics.publish`.
#[derive(Deserialize)]
struct Publish<'a> {
    #[serde(borrow)]
    messages: [Data<'a>; 1],
}

#[derive(Deserialize)]
struct Data<'a> {
    data: &'a str,
}

/// What the body of a task's request publishes: the data, and the message in it.
fn published(body: &str) -> Result<(Vec<u8>, Value), String> {
    let decode = |text: &str| STANDARD.decode(text).map_err(|error| error.to_string());
    let publish = decode(body)?;
    let Publish { messages: [publish] } =
        serde_json::from_slice(&publish).map_err(|error| error.to_string())?;
    let data = decode(publish.data)?;
    let message = serde_json::from_slice(&data).map_err(|error| error.to_string())?;
    Ok((data, message))
}

/// The message of the task that a call asks for.
pub(super) fn asked_message(body: &[u8]) -> Option<Value> {
    let Create { task } = serde_json::from_slice(body).ok()?;
    Some(published(task.http_request.body).ok()?.1)
}

impl World {
    /// Creates a task: status and body.
    #[allow(clippy::too_many_lines, reason = "one call, in the order of its effects")]
    pub(crate) fn create_task(&mut self, body: &[u8]) -> (u16, Value) {
        let is_old = self.is_old(self.current);
        let asked = match self.read_task(body) {
            // Version 0.1 has no sentinels.
            Ok(asked) if is_old && asked.message["state"]["sentinel"] == true => {
                return (200, json!({"name": asked.name}));
            }
            Ok(asked) if is_old => self.passed_on_by_old(asked),
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
        let claims = is_claim(&asked.message);
        if !claims && !keeps(own, &asked.message) {
            self.ledger.broken("what a newer version added was not passed on".to_owned());
        }
        let (watch, own_form, dated) = (own.watch, own.form, push.dated);
        let (slack_not_before, api_not_before) = (push.slack_not_before, push.api_not_before);
        let planted = self.plan.planted;
        let told = asked.name.clone();
        let asked = match planted {
            Some(Planted::Grid) => self.off_grid(asked),
            Some(Planted::FreeRungs) => self.free_rung(asked),
            Some(planted) => self.spoilt(asked, planted),
            None => asked,
        };
        let form = match form(&asked.message) {
            Form::Sentinel | Form::Look if is_old => Form::Check,
            form => form,
        };
        // Slack is not the API that asked to wait.
        let not_before = match form {
            Form::Report if own_form == Form::Report => slack_not_before,
            Form::Report | Form::Sentinel | Form::Claim => 0,
            _ => api_not_before,
        };
        if planted == Some(Planted::Retry) && asked.message["state"]["report"]["tries"].as_u64() > Some(0) {
            return (200, json!({"name": asked.name}));
        }
        let mut asked = asked;
        if planted == Some(Planted::SignalForks) && form == Form::Look {
            asked.message["state"].as_object_mut().expect("a state").remove("signal");
            asked.data = asked.message.to_string().into_bytes();
            asked.name = format!("{}-{}", asked.name, self.rng.next());
        }
        let mut watch = watch;
        if form == Form::Sentinel && own_form == Form::Signal {
            let there = self.names.get(&asked.name).copied();
            let is_free = there
                .is_none_or(|there| self.tasks[there].dispatched && self.now() >= self.tasks[there].free_at);
            if is_free || planted == Some(Planted::AdoptsWatched) {
                let message = self.pushes[&self.current].message;
                let operation = asked.message["name"].as_str().unwrap_or_default().to_owned();
                watch = self.adopt(message, &operation, is_free && there.is_some());
            }
        }
        if form == Form::Sentinel {
            self.ledger.guarded(watch);
            if planted == Some(Planted::SentinelLost) && !self.names.contains_key(&asked.name) {
                return (200, json!({"name": asked.name}));
            }
        }
        let form = match self::form(&asked.message) {
            // A field that version 0.1 passed on.
            Form::Sentinel | Form::Look if is_old => Form::Check,
            form => form,
        };
        let mut name = asked.name.clone();
        let of_limit = is_of_limit(&asked.message);
        if planted == Some(Planted::NextName) && !matches!(form, Form::Report | Form::Sentinel | Form::Claim)
            || planted == Some(Planted::ReportName) && form == Form::Report && !of_limit
            || planted == Some(Planted::LimitTwice) && of_limit
            || planted == Some(Planted::SentinelTwice) && form == Form::Report && own_form == Form::Sentinel
        {
            name = format!("{name}-{}", self.rng.next());
        }
        let now = self.now();
        if claims && self.is_slot_spoilt(&asked.message) {
            return (409, error(409, "ALREADY_EXISTS"));
        }
        let anew = self.names.get(&name).copied();
        let exists = anew.filter(|index| !self.tasks[*index].dispatched || now < self.tasks[*index].free_at);
        if of_limit && self.refuses(&asked.message, exists.is_some(), anew.is_some()) {
            return (200, json!({"name": told}));
        }
        if let Some(index) = exists {
            let adopts = planted == Some(Planted::AdoptsWatched) && own_form == Form::Signal;
            if adopts && form == Form::Sentinel {
                return (200, json!({"name": told}));
            }
            return self.exists(index, &asked);
        }
        // A stall's warning is asked for before the next step, a sentinel after it, and neither is a step by itself.
        if claims {
            self.has_slot(&asked.message, anew.is_some());
        } else if !is_aside(&asked.message) || own_form == Form::Report {
            self.pushes.get_mut(&self.current).expect("in flight").created = Some(true);
        }
        let way = self.way_of_task(&asked.message);
        let root = Some(self.pushes[&self.current].message)
            .filter(|_| is_later_try(&asked.message["state"]["report"]))
            .and_then(|message| self.root_of(message));
        let task = Task {
            way,
            root: root.unwrap_or(self.tasks.len()),
            runs: 0,
            asked_name: asked.name,
            watch,
            form,
            operation: asked.message["name"].as_str().unwrap_or_default().to_owned(),
            topic: asked.topic,
            data: asked.data,
            at: asked.at,
            dispatched: false,
            deleted: false,
            has_turn: false,
            refusals: 0,
            free_at: 0,
            not_before,
        };
        let begun = self.operation(&task.operation).map(|operation| operation.from);
        let (report, push_began) = (&asked.message["state"]["report"], self.pushes[&self.current].began);
        let tries = report["tries"].as_u64().unwrap_or(0);
        // An answer that says neither yes nor no has pauses of another kind.
        let plain = ["waits", "unclear"].into_iter().all(|count| report[count].as_u64().unwrap_or(0) == 0);
        if tries > 0 && plain && !self.has_wrong_clocks() {
            self.ledger.retried(watch, tries, push_began, task.at);
        }
        self.ledger.scheduled(&task, &asked.message, own_form, anew.is_some(), dated, begun, is_old, now);
        self.tasks.push(task);
        let index = self.tasks.len() - 1;
        self.names.insert(name, index);
        if form == Form::Sentinel {
            self.sentinels.push(index);
        }
        if form == Form::Check {
            self.look_for_forks(index);
        }
        let mut at = asked.at.max(now) + self.latency();
        if self.strikes(Fault::TaskStall) {
            at += self.rng.between(MINUTE, 15 * MINUTE);
            self.ledger.touched(watch, at);
        }
        let marks = [2, index as u64, watch as u64, asked.at, at];
        self.note(&marks, || format!("task {index} of w{watch} {form:?} due {} runs {at}", asked.at));
        self.at(at, Event::Dispatch(index));
        if planted == Some(Planted::Repeats) && self.may_repeat(index, &asked.message) {
            let again = Task { root: self.tasks.len(), ..self.tasks[index].clone() };
            self.ledger.scheduled(&again, &asked.message, own_form, false, dated, begun, is_old, now);
            self.tasks.push(again);
            self.at(at, Event::Dispatch(self.tasks.len() - 1));
        }
        (200, json!({"name": told}))
    }

    /// Whether the planted fault repeats a report: nothing on its way is a copy, but something of its watch is.
    fn may_repeat(&self, index: usize, message: &Value) -> bool {
        let task = &self.tasks[index];
        let is_end = task.form == Form::Report
            && !is_stall(message)
            && !is_of_limit(message)
            && !is_later_try(&message["state"]["report"]);
        is_end && task.way.is_none() && self.ledger.books[task.watch].copies > 0
    }

    /// The name is taken.
    fn exists(&mut self, there: usize, asked: &ParsedRequest) -> (u16, Value) {
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        if is_claim(&asked.message) {
            let is_error = self.plan.planted == Some(Planted::LimitNever);
            let (status, word) = if is_error { (503, "UNAVAILABLE") } else { (409, "ALREADY_EXISTS") };
            return (status, error(status, word));
        }
        let is_step = !is_aside(&asked.message) || self.messages[push.message].form == Form::Report;
        if is_step {
            // The first try may have created it.
            push.unsure |= push.create_unclear;
            push.created = push.created.or(Some(false));
        }
        if self.plan.access == Access::Bot && !is_aside(&asked.message) {
            let there = serde_json::from_slice(&self.tasks[there].data).unwrap_or_default();
            self.superseded(&asked.message, &there);
        }
        match self.plan.planted {
            Some(Planted::Exists) => (500, error(500, "INTERNAL")),
            Some(Planted::Creator) => (200, json!({"name": asked.name})),
            _ => (409, error(409, "ALREADY_EXISTS")),
        }
    }

    fn read_task(&self, body: &[u8]) -> Result<ParsedRequest, String> {
        let Create { task } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let request = task.http_request;
        // Names are the same with any topic: the public one's.
        let has_internal = self.pushes[&self.current].had_internal;
        let (topic, name) =
            if has_internal { (Topic::Internal, INTERNAL_TOPIC) } else { (Topic::Public, TOPIC) };
        let url = format!("https://pubsub.googleapis.com/v1/{name}:publish");
        if request.url != url || request.http_method != "POST" {
            return Err(format!("it calls {}", request.url));
        }
        if request.oauth_token.service_account_email != "tasks@p.iam.gserviceaccount.com" {
            return Err("it has no token".to_owned());
        }
        let (data, message) = published(request.body)?;
        let at = match task.schedule_time {
            Some(text) => moment(text).ok_or("a bad scheduleTime")?,
            None => self.now(),
        };
        if at > self.now() + 30 * 24 * HOUR {
            return Err("it is due in more than 30 days".to_owned());
        }
        Ok(ParsedRequest { name: task.name.to_owned(), topic, data, message, at })
    }

    /// What version 0.1 asks for: no fields but its own, and those that it does not know and passes on.
    fn passed_on_by_old(&self, mut asked: ParsedRequest) -> ParsedRequest {
        let unknown = self.unknown_to_old(self.current);
        let (own, newer) = as_old(&asked.data);
        if newer.is_empty() && unknown.is_empty() {
            return asked;
        }
        asked.message = serde_json::from_slice(&own).unwrap_or_default();
        if let Some(state) = asked.message.get_mut("state").and_then(Value::as_object_mut) {
            state.extend(unknown);
        }
        asked.data = asked.message.to_string().into_bytes();
        asked
    }

    /// The planted fault: no grid, but the next number an interval from now.
    fn off_grid(&self, asked: ParsedRequest) -> ParsedRequest {
        if form(&asked.message) != Form::Check {
            return asked;
        }
        let push = &self.pushes[&self.current];
        let own = &self.messages[push.message].data;
        let own: Value = serde_json::from_slice(own).unwrap_or_default();
        let received =
            Received { message_id: "0".to_owned(), published: time(self.now()), origin: Origin::Internal };
        let Ok(Opwatch::Check(mut check)) =
            read(&asked.data, &received, &Defaults::new(opwatch::outlets::ADDRESSING))
        else {
            return asked;
        };
        check.attempt =
            own["attempt"].as_u64().map_or(0, |attempt| attempt as u32 + 1).min(check.watch.max_checks - 1);
        if own["attempt"].is_null() && own.get("start").is_none() {
            check.attempt = 1.min(check.watch.max_checks - 1);
        }
        let at = (self.now() + Ms::from(check.watch.interval_s) * SECOND).max(push.api_not_before);
        // No end by the clock either: only the count ends it.
        check.first =
            time(at) - TimeDelta::seconds(i64::from(check.attempt) * i64::from(check.watch.interval_s));
        let message = Opwatch::Check(check);
        let queue = asked.name.rsplit_once('/').map_or("", |(queue, _)| queue);
        ParsedRequest {
            name: format!("{queue}/{}", opwatch::google::task_id(TOPIC, &message)),
            topic: asked.topic,
            data: message.to_data(),
            message: message.to_json(),
            at,
        }
    }

    /// The planted fault: a rung that no copy would choose.
    fn free_rung(&mut self, asked: ParsedRequest) -> ParsedRequest {
        let received =
            Received { message_id: "0".to_owned(), published: time(self.now()), origin: Origin::Internal };
        let Ok(Opwatch::Check(mut check)) =
            read(&asked.data, &received, &Defaults::new(opwatch::outlets::ADDRESSING))
        else {
            return asked;
        };
        if check.watch.until_s.is_none() || form(&asked.message) != Form::Check {
            return asked;
        }
        check.attempt += self.rng.below(4) as u32;
        let due = check.schedule().due(check.attempt);
        let at = Ms::try_from((due - time(0)).num_milliseconds()).unwrap_or(0).max(asked.at);
        let message = Opwatch::Check(check);
        let queue = asked.name.rsplit_once('/').map_or("", |(queue, _)| queue);
        let name = format!("{queue}/{}", opwatch::google::task_id(TOPIC, &message));
        ParsedRequest { name, data: message.to_data(), message: message.to_json(), at, ..asked }
    }

    /// What a planted fault makes of the next step.
    fn spoilt(&self, asked: ParsedRequest, planted: Planted) -> ParsedRequest {
        let (form, mut message, mut at) = (form(&asked.message), asked.message.clone(), asked.at);
        match (planted, form) {
            (Planted::FirstRefusal | Planted::FirstTrouble, Form::Check) => {
                message["state"]["unreadable"] = json!(true);
            }
            (Planted::NeverStalls, Form::Check) => message["state"]["track"]["unchanged"] = json!(0),
            (Planted::LastCheck, Form::Check) => {
                let (limit, interval) = (message["limit"].as_u64(), message["interval"].as_u64());
                let first = message["state"]["first"].as_str().and_then(moment);
                if let (Some(limit), Some(interval), Some(first)) = (limit, interval, first) {
                    message["attempt"] = json!(limit - 1);
                    at = first + (limit - 1) * interval * SECOND;
                }
            }
            (Planted::RetriesSoon, Form::Report) if is_later_try(&message["state"]["report"]) => {
                at = self.now() + SECOND;
            }
            _ => return ParsedRequest { message, ..asked },
        }
        ParsedRequest { data: message.to_string().into_bytes(), message, at, ..asked }
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

    /// Reads a waiting task in its full view.
    pub(crate) fn read_waiting(&mut self, path: &str) -> (u16, Value) {
        let Some(name) = path.strip_suffix("?responseView=FULL") else {
            self.ledger.broken(format!("a task is read without its body: {path}"));
            return (400, error(400, "INVALID_ARGUMENT"));
        };
        let waits = self.waiting_task(name).filter(|_| !self.is_old(self.current));
        let Some(index) = waits else { return (404, error(404, "NOT_FOUND")) };
        let publish = json!({"messages": [{"data": STANDARD.encode(&self.tasks[index].data)}]});
        let body = STANDARD.encode(publish.to_string());
        (200, json!({"name": name, "view": "FULL", "httpRequest": {"httpMethod": "POST", "body": body}}))
    }

    /// Deletes a waiting task. Its name stays taken for hours.
    pub(crate) fn delete_task(&mut self, name: &str) -> (u16, Value) {
        let waits = self.waiting_task(name).filter(|_| !self.is_old(self.current));
        let Some(index) = waits else { return (404, error(404, "NOT_FOUND")) };
        if self.plan.planted == Some(Planted::SentinelTwice) && self.tasks[index].form == Form::Sentinel {
            return (200, json!({}));
        }
        let (now, hours) = (self.now(), self.rng.between(self.plan.around.names.0, self.plan.around.names.1));
        let data: Value = serde_json::from_slice(&self.tasks[index].data).unwrap_or_default();
        if self.tasks[index].form == Form::Sentinel
            && let Some(message) = message_of(&data["state"]["live"])
            && self.shown[message].has_sentinel_alone
        {
            // A copy began another chain, with a message of its own, and that one's end needs no sentinel.
            self.shown[message].orphaned.get_or_insert("its chain was lost, and another one ended the watch");
        }
        // An instance that does not follow the watch deletes the check with the message of one that does.
        let is_unaware = self.plan.around.mixed || data["notify"] == NEW_NOTIFY;
        if self.tasks[index].form == Form::Check
            && is_unaware
            && let Some(message) = message_of(&data["state"]["live"])
        {
            self.shown[message].orphaned.get_or_insert("who deleted its check does not follow the watch");
        }
        let task = &mut self.tasks[index];
        (task.deleted, task.dispatched, task.free_at) = (true, true, now + hours);
        let (watch, form) = (task.watch, task.form);
        self.ledger.dispatched(watch, index, now);
        self.note(&[16, index as u64], || format!("task {index} of w{watch} {form:?} is deleted"));
        (200, json!({}))
    }

    /// A newer version put its word for `notify` in the sentinel too, as it wrote both.
    pub(super) fn renew_sentinel(&mut self, watch: usize) {
        for index in &self.sentinels {
            let task = &mut self.tasks[*index];
            if task.watch != watch || task.dispatched {
                continue;
            }
            let mut message: Value = serde_json::from_slice(&task.data).unwrap_or_default();
            message["notify"] = json!(NEW_NOTIFY);
            task.data = message.to_string().into_bytes();
        }
    }

    /// The watch whose sentinel waits for an operation.
    pub(super) fn waiting_sentinel(&self, operation: &str) -> Option<usize> {
        let waits = |task: &&Task| !task.dispatched && task.operation == operation;
        self.sentinels.iter().map(|index| &self.tasks[*index]).find(waits).map(|task| task.watch)
    }

    /// Whether a waiting check is lost. Only one whose watch should have a sentinel, which no other watch's end deletes.
    fn loses_check(&mut self, index: usize) -> bool {
        if self.tasks[index].form != Form::Check || !self.plan.rates.contains_key(&Fault::CheckLost) {
            return false;
        }
        let (watch, now) = (self.tasks[index].watch, self.now());
        let operation = &self.tasks[index].operation;
        let is_shared = self.tasks.iter().any(|task| task.watch != watch && task.operation == *operation);
        let guarded = self.ledger.is_guarded(watch) && !is_shared;
        let waits = self.plan.planted == Some(Planted::SentinelLost)
            || self.waiting_sentinel(operation) == Some(watch);
        if !guarded || !waits || !self.strikes(Fault::CheckLost) {
            return false;
        }
        self.leave_message_of(index);
        self.tasks[index].dispatched = true;
        self.ledger.dispatched(watch, index, now);
        self.ledger.touched(watch, now);
        self.ledger.count("checks lost");
        self.note(&[18, index as u64], || format!("task {index} of w{watch} is lost"));
        true
    }

    /// The message that follows the watch of a lost check, unless its sentinel carries the receipt too: nothing else does.
    fn leave_message_of(&mut self, index: usize) {
        let live = |task: &Task| {
            let message: Value = serde_json::from_slice(&task.data).unwrap_or_default();
            message_of(&message["state"]["live"])
        };
        let lost = &self.tasks[index];
        let Some(message) = live(lost) else { return };
        let waits = |task: &&Task| !task.dispatched && task.watch == lost.watch;
        let sentinel = self.sentinels.iter().map(|index| &self.tasks[*index]).find(waits);
        if sentinel.and_then(live) == Some(message) {
            self.shown[message].has_sentinel_alone = true;
        } else {
            self.shown[message]
                .orphaned
                .get_or_insert("its chain was lost, and its sentinel does not know it");
        }
    }

    /// The task of this name, if it waits.
    fn waiting_task(&self, name: &str) -> Option<usize> {
        let (queue, id) = name.split_once("/tasks/")?;
        let name = format!("{queue}/tasks/{id}");
        self.names.get(&name).copied().filter(|index| !self.tasks[*index].dispatched)
    }

    /// A task is due: publishes. Its queue tries for as long as it takes (`--max-attempts=-1` in `deploy/up`), and keeps it
    /// for 31 days.
    pub(crate) fn dispatch(&mut self, index: usize) {
        let now = self.now();
        if self.tasks[index].deleted {
            return;
        }
        if let Some(until) = self.plan.down_until(Down::Queues, now) {
            let jitter = self.rng.below(2 * MINUTE);
            self.ledger.touched(self.tasks[index].watch, until + jitter);
            self.at(until + jitter, Event::Dispatch(index));
            return;
        }
        if self.tasks[index].form == Form::Report
            && self.plan.around.report_gap > 0
            && !self.tasks[index].has_turn
        {
            let turn = self.turn_of_report();
            self.tasks[index].has_turn = true;
            if turn > now {
                self.count_fault(Fault::QueuePace);
                self.ledger.touched(self.tasks[index].watch, turn);
                self.at(turn, Event::Dispatch(index));
                return;
            }
        }
        let refused = self.plan.is_down(Down::Publish, now) || self.strikes(Fault::PublishRefused);
        let task = &mut self.tasks[index];
        if refused {
            task.refusals += 1;
            let pause = (100 << task.refusals.min(16)).min(5 * MINUTE);
            self.ledger.touched(task.watch, now + pause);
            if now > task.at + 31 * DAY {
                self.ledger.broken(format!("task {index} was never published, and is deleted"));
            }
            self.at(now + pause, Event::Dispatch(index));
            return;
        }
        let (watch, data, form) = (task.watch, task.data.clone(), task.form);
        if self.loses_check(index) {
            return;
        }
        let is_lost = self.strikes(Fault::PublishLost);
        if is_lost {
            self.ledger.ran_twice(watch, form, now);
        }
        if form == Form::Sentinel && self.tasks[index].runs == 0 {
            self.ledger.sentinel_ran(watch);
        }
        if is_lost {
            self.publish(watch, form, data, Some(index));
            self.at(now + 100, Event::Dispatch(index));
            return;
        }
        let hours = self.rng.between(self.plan.around.names.0, self.plan.around.names.1);
        let task = &mut self.tasks[index];
        task.dispatched = true;
        task.free_at = now + hours;
        self.ledger.dispatched(watch, index, now);
        if self.strikes(Fault::TaskTwice) {
            self.ledger.ran_twice(watch, form, now);
            self.publish(watch, form, data.clone(), Some(index));
        }
        self.publish(watch, form, data, Some(index));
    }
}

/// Whether `next` has what a newer version added to `own`.
fn keeps(own: &Message, next: &Value) -> bool {
    let fields = || next.get("newField").is_some() && next["state"].get("newState").is_some();
    let is_retry = is_later_try(&next["state"]["report"]);
    let outcome = || !is_retry || next["state"]["report"]["outcome"] == NEW_OUTCOME;
    (!own.newer || fields())
        && (!own.new_notify || next["notify"] == NEW_NOTIFY)
        && (!own.new_outcome || outcome())
}

/// Words of a newer version.
pub(crate) const NEW_NOTIFY: &str = "digest";
pub(crate) const NEW_OUTCOME: &str = "superseded";

/// Google's error body.
pub(crate) fn error(code: u16, status: &str) -> Value {
    json!({"error": {"code": code, "status": status, "message": "planted"}})
}

pub(crate) fn seconds(wait: Option<u64>) -> Option<Duration> {
    wait.map(Duration::from_secs)
}
