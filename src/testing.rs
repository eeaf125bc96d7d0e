//! What tests, fuzzers and benchmarks have in common: a clock and a configuration of one's own, and scripted answers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hyper::body::Bytes;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::config::Config;
use crate::message::Defaults;
use crate::net::transport::{Answer, Failure, Request};
use crate::outlets;
use crate::policy::{Locations, Policy};
use crate::services::{Service, StartMethod};
use crate::trust::Trust;
use crate::watch::{Locale, Powers, Routing};

/// The topic of [`config`].
pub const TOPIC: &str = "projects/demo/topics/opwatch";
/// Its queue, for everything.
pub const QUEUE: &str = "projects/demo/locations/l/queues/q";

/// So many seconds after a fixed time, 2027-01-15T08:00:00Z.
pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_800_000_000 + second)
}

/// A clock that stands still.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(pub DateTime<Utc>);

impl Clock for Fixed {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// Allows everything that an outlet with these powers can do.
pub fn policy(powers: Powers) -> Policy {
    Policy {
        starts: StartMethod::all().collect(),
        exports: Locations::Any,
        imports: Locations::Any,
        outlets: vec![(outlets::UNNAMED, powers)],
        ..Policy::reading(Service::defaults(), None)
    }
}

/// A configuration with [`policy`]: one topic, one queue, the default of everything else.
pub fn config(powers: Powers) -> Config {
    Config {
        topic: TOPIC.to_owned(),
        trust: Trust::Everyone,
        check_queue: QUEUE.to_owned(),
        report_queue: QUEUE.to_owned(),
        notice_queue: QUEUE.to_owned(),
        service_account: "tasks@demo.iam.gserviceaccount.com".to_owned(),
        defaults: Defaults::new(outlets::ADDRESSING).fixed(),
        policy: policy(powers),
        locale: Locale::En,
        zone: chrono_tz::Tz::UTC,
        title: None,
        routing: Routing::default(),
        stall_after: 10,
        ledger: None,
        digests: None,
        signals: false,
    }
}

/// An answer that is nothing but a status and a body.
pub fn answer(status: u16, body: impl AsRef<[u8]>) -> Answer {
    let body = Bytes::copy_from_slice(body.as_ref());
    Answer { status, retry_after: None, date: None, max_age: None, body }
}

/// The task that `request` asks Cloud Tasks for, if it does.
pub fn wanted_task(request: &Request) -> Option<Value> {
    let is_for_tasks = request.url.expose_secret().contains("/queues/");
    let wanted: Value = is_for_tasks.then(|| serde_json::from_slice(&request.body).ok())??;
    wanted.get("task").cloned()
}

/// What Cloud Tasks answers when it has created `task`.
pub fn created(task: &Value) -> Answer {
    answer(200, json!({"name": task["name"]}).to_string())
}

/// Answers in turn; after the last, nothing can be reached.
#[derive(Debug, Default)]
pub struct Script(Mutex<VecDeque<Result<Answer, Failure>>>);

impl Script {
    /// The script of these answers.
    pub fn new(answers: impl IntoIterator<Item = Result<Answer, Failure>>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }

    /// Puts other answers in their place.
    pub fn set(&self, answers: impl IntoIterator<Item = Result<Answer, Failure>>) {
        *self.lock() = answers.into_iter().collect();
    }

    /// How many answers are left.
    pub fn left(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Result<Answer, Failure>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next answer.
    ///
    /// # Errors
    /// As the script has it.
    pub fn next(&self) -> Result<Answer, Failure> {
        let next = self.lock().pop_front();
        next.unwrap_or_else(|| Err(Failure::NotConnected(String::new())))
    }
}
