//! The sentinels of watches: created after the first check, deleted with what else is not needed once the end is scheduled. None of
//! it delays or refuses anything: a watch without a sentinel is only polled.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::adopt::first_of_adopted;
use crate::clock::{Clock, Deadline};
use crate::config::Config;
use crate::decision::{chain_checks, sentinel};
use crate::google::{CallError, Created, Deleted, Google, Task, sentinel_id, task_id};
use crate::message::{self, Received};
use crate::services::{ApiError, Operation};
use crate::trust::Origin;
use crate::watch::{Check, Message, Purpose, Report, Slot};

/// How often a sentinel that could not be created or deleted is warned of at most.
const SILENCE: TimeDelta = TimeDelta::minutes(1);

/// Creates and deletes sentinels.
pub(super) struct Sentinels {
    config: Arc<Config>,
    google: Arc<Google>,
    clock: Arc<dyn Clock>,
    /// When a failure was last warned of.
    warned: Mutex<Option<DateTime<Utc>>>,
}

/// What waits under the name of an operation's sentinel.
pub(super) enum Waiting {
    /// The sentinel of a watch.
    Sentinel(Box<Check>),
    /// Only the name is taken: the operation is not to be adopted.
    Excepted,
}

impl Waiting {
    /// Whether it is the sentinel of this watch.
    pub(super) fn is_of(&self, watch: &str) -> bool {
        match self {
            Self::Sentinel(sentinel) => sentinel.watch.id == watch,
            Self::Excepted => false,
        }
    }
}

/// Tasks that are not needed once the end of their watch is scheduled.
pub(super) struct Obsolete {
    /// The sentinel's ID.
    sentinel: String,
    /// The watch and the operation of the sentinel to delete, if the one that waits may be another watch's.
    only_of: Option<(String, Operation)>,
    /// The IDs of the chain's checks, one of which waits at most.
    checks: Vec<String>,
}

impl Sentinels {
    pub(super) fn new(config: Arc<Config>, google: Arc<Google>, clock: Arc<dyn Clock>) -> Self {
        Self { config, google, clock, warned: Mutex::default() }
    }

    /// What `check` leaves behind when it ends its watch at `now`: its sentinel, and the chain's waiting check where a signal ended
    /// it. That check stays where it has something to do: it completes the message that follows the watch, which `is_left_open`.
    pub(super) fn obsolete(&self, check: &Check, is_left_open: bool, now: DateTime<Utc>) -> Option<Obsolete> {
        let topic = &self.config.topic;
        let sentinel = sentinel_id(topic, &check.operation);
        match check.purpose {
            // One that a person wrote is the first: nothing waits yet.
            Purpose::Next if !check.is_continuation => None,
            Purpose::Sentinel => None,
            Purpose::Next => {
                let only_of = Some((check.watch.id.clone(), check.operation.clone()));
                Some(Obsolete { sentinel, only_of, checks: Vec::new() })
            }
            // The sentinel that the signal read is its watch's.
            Purpose::Signal(_) if is_left_open => {
                Some(Obsolete { sentinel, only_of: None, checks: Vec::new() })
            }
            Purpose::Signal(_) => {
                let id = |check| task_id(topic, &Message::Check(Box::new(check)));
                let checks = first_of_adopted(check, now).into_iter().chain(chain_checks(check, now));
                Some(Obsolete { sentinel, only_of: None, checks: checks.map(id).collect() })
            }
        }
    }

    /// Creates the sentinel of the watch whose first check `next` is scheduled for `due`.
    pub(super) async fn create(
        &self,
        next: &Check,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Option<Created> {
        let created = self.create_one(next, due, now, deadline).await;
        self.or_warn("a watch has no sentinel, so signals about it are not used", created)
    }

    /// Creates the sentinel of a watch that is to begin with `first`, unless its operation was watched within a day.
    pub(super) async fn claim(
        &self,
        first: &Check,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<Created, CallError> {
        self.create_one(first, now, now, deadline).await
    }

    async fn create_one(
        &self,
        next: &Check,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<Created, CallError> {
        let (sentinel, at) = sentinel(next, due, now);
        let message = Message::Check(Box::new(sentinel));
        self.google.create_task(&self.task(&message, at), deadline.for_telling()).await
    }

    fn task<'a>(&'a self, message: &'a Message, at: DateTime<Utc>) -> Task<'a> {
        Task {
            queue: &self.config.check_queue,
            topic: &self.config.topic,
            publish_to: self.config.trust.topic(&self.config.topic),
            service_account: &self.config.service_account,
            message,
            at: Some(at),
        }
    }

    /// Takes the name that the sentinel of `first` would have, for as long as the watch would last: an entry of the log about the end
    /// names no account, and would begin a watch. Nothing follows when the task runs.
    pub(super) async fn except(
        &self,
        first: &Check,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<Created, CallError> {
        let (_, at) = sentinel(first, now, now);
        let slot = Slot { of: Slot::EXCEPTED.to_owned(), at: now.timestamp(), number: 0 };
        let message = Message::Report(Box::new(Report::of_claim(slot, now)));
        let id = sentinel_id(&self.config.topic, &first.operation);
        self.google.create_task_with_id(&id, &self.task(&message, at), deadline.for_telling()).await
    }

    /// Deletes what [`Self::except`] created: the operation ended. The name stays taken.
    pub(super) async fn forget(&self, operation: &Operation, deadline: Deadline) {
        let deleted = self.delete_one(&sentinel_id(&self.config.topic, operation), deadline).await;
        self.or_warn("a task that nothing follows could not be deleted", deleted);
    }

    /// What waits under the name of the sentinel of `operation`, if anything does.
    pub(super) async fn read(
        &self,
        operation: &Operation,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<Option<Waiting>, CallError> {
        let id = sentinel_id(&self.config.topic, operation);
        let data = self.google.waiting_message(&self.config.check_queue, &id, deadline.for_call()).await?;
        let Some(data) = data else { return Ok(None) };
        let received = Received { message_id: String::new(), published: now, origin: Origin::Internal };
        match message::read(&data, &received, &self.config.defaults) {
            Ok(Message::Check(check)) if sentinel_id(&self.config.topic, &check.operation) == id => {
                Ok(Some(Waiting::Sentinel(check)))
            }
            Ok(Message::Report(report)) if report.is_of_excepted() => Ok(Some(Waiting::Excepted)),
            Ok(Message::Check(_) | Message::Start(_) | Message::Report(_) | Message::Test(_)) | Err(_) => {
                let error = ApiError::of_text("its task publishes no check of this operation");
                Err(CallError::Unreadable { error, date: None })
            }
        }
    }

    /// Deletes what is not needed any more.
    pub(super) async fn delete(&self, obsolete: Obsolete, deadline: Deadline) {
        let what = "a task of a watch that ended could not be deleted, and looks at its operation once more";
        if self.is_own(obsolete.only_of.as_ref(), deadline).await {
            self.or_warn(what, self.delete_one(&obsolete.sentinel, deadline).await);
        }
        for id in &obsolete.checks {
            match self.or_warn(what, self.delete_one(id, deadline).await) {
                Some(Deleted::NotThere) => {}
                Some(Deleted::Now) | None => return,
            }
        }
    }

    /// Whether the sentinel that waits is the watch's own. Where that can't be read it stays: it may be all that another watch has,
    /// while one that stays reports an end a second time at most.
    async fn is_own(&self, only_of: Option<&(String, Operation)>, deadline: Deadline) -> bool {
        let Some((watch, operation)) = only_of else { return true };
        match self.read(operation, self.clock.now(), deadline).await {
            Ok(waiting) => waiting.is_some_and(|waiting| waiting.is_of(watch)),
            Err(_) => false,
        }
    }

    async fn delete_one(&self, id: &str, deadline: Deadline) -> Result<Deleted, CallError> {
        self.google.delete_task(&self.config.check_queue, id, deadline.for_telling()).await
    }

    /// The result, or a warning, one a minute.
    fn or_warn<T>(&self, what: &str, result: Result<T, impl Display>) -> Option<T> {
        result
            .inspect_err(|error| {
                let now = self.clock.now();
                let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
                if warned.is_none_or(|last| (now - last).abs() >= SILENCE) {
                    *warned = Some(now);
                    tracing::warn!("{what}: {error}");
                }
            })
            .ok()
    }
}
