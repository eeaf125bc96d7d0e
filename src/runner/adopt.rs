//! Adoption: a watch without a kickoff begins with a signal about its operation.
//!
//! Its sentinel is created first. So whichever of several signals comes first begins the watch, and whether the operation was
//! watched within a day is answered by the sentinel's name.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Action, DeliveryResult, Runner};
use crate::clock::{Deadline, Stopwatch};
use crate::google::{CallError, Created};
use crate::hash::short_hash;
use crate::services::Operation;
use crate::signal::{Phase, Signal};
use crate::text;
use crate::watch::{Check, MAX_ACCOUNT_CHARS, Message, Purpose, Routing, Watch};

/// The checks of an adopted watch count from its signal, or from now if that is older.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// How long the task of its first check waits at most, usually.
const FIRST: TimeDelta = TimeDelta::minutes(1);

impl Runner {
    /// Whether the settings allow that the operation of `signal` becomes a watch. What was over at once needs none.
    pub(super) fn adopts(&self, signal: &Signal) -> bool {
        let (method, principal) = (signal.method.as_deref(), signal.principal.as_deref());
        signal.phase != Phase::AtOnce
            && self.config.policy.adoption.permits(&signal.operation, method, principal)
    }

    /// Whether `ADOPT_EXCEPT` is all that keeps the operation of `signal` from becoming a watch.
    pub(super) fn excepts(&self, signal: &Signal) -> bool {
        let (method, principal) = (signal.method.as_deref(), signal.principal.as_deref());
        signal.phase == Phase::Started
            && self.config.policy.adoption.excepts(&signal.operation, method, principal)
    }

    /// Begins the watch of an operation that has none.
    pub(super) async fn adopt(&self, signal: &Signal, deadline: Deadline) -> DeliveryResult {
        let now = self.clock.now();
        let check = self.adopted(signal, now);
        if let Err(limit) = self.scheduler.count_adoption(&check.watch.id, now, deadline).await {
            return Box::pin(self.take(limit.refuse_watch(&check, now), deadline)).await;
        }
        match self.claims(&check, now, deadline).await {
            Ok(true) => self.begin_adopted(check, deadline).await,
            // It was watched within a day.
            Ok(false) => DeliveryResult::new(Action::Ignored),
            Err(error) => not_scheduled(&error, "its sentinel"),
        }
    }

    /// Sees to it that an operation which `ADOPT_EXCEPT` leaves out is not adopted at its end.
    pub(super) async fn leave_out(&self, signal: &Signal, deadline: Deadline) -> DeliveryResult {
        let now = self.clock.now();
        match self.sentinels.except(&self.adopted(signal, now), now, deadline).await {
            // One that exists is that of a watch, or of another entry about the start.
            Ok(Created::New | Created::MaybeNew | Created::AlreadyExists) => {
                DeliveryResult::new(Action::Ignored)
            }
            Err(error) => not_scheduled(&error, "its sentinel"),
        }
    }

    /// Whether the sentinel's name is the watch's of `check`. Where the connection broke, the task that has it tells: it is gone
    /// if the operation was watched before.
    async fn claims(&self, check: &Check, now: DateTime<Utc>, deadline: Deadline) -> Result<bool, CallError> {
        match self.sentinels.claim(check, now, deadline).await? {
            Created::New => Ok(true),
            Created::AlreadyExists => Ok(false),
            Created::MaybeNew => {
                let waiting = self.sentinels.read(&check.operation, now, deadline).await?;
                Ok(waiting.is_some_and(|waiting| waiting.is_of(&check.watch.id)))
            }
        }
    }

    /// Goes on where an earlier delivery of the signal may have stopped: the watch of this sentinel began with a signal, not long
    /// ago. Later the name of its first check may be free, and a service says more than once that an operation runs.
    pub(super) async fn go_on_adopting(&self, sentinel: Check, deadline: Deadline) -> DeliveryResult {
        let is_fresh = (self.clock.now() - sentinel.first).abs() < FRESH;
        if sentinel.watch.id != adopted_id(&sentinel.operation) || !is_fresh {
            return DeliveryResult::new(Action::Ignored);
        }
        self.begin_adopted(Check { attempt: 0, purpose: Purpose::Next, ..sentinel }, deadline).await
    }

    /// Asks for the first check, now. Its task has one name, whichever delivery of which signal asks for it: a second chain of checks
    /// would post a second message about the operation.
    async fn begin_adopted(&self, check: Check, deadline: Deadline) -> DeliveryResult {
        let watch = Stopwatch::start();
        let created = self.scheduler.schedule(&Message::Check(Box::new(check)), None, deadline).await;
        let schedule_milliseconds = Some(watch.milliseconds());
        match created {
            Ok(Created::New | Created::MaybeNew) => {
                DeliveryResult { schedule_milliseconds, ..DeliveryResult::new(Action::Adopted) }
            }
            Ok(Created::AlreadyExists) => DeliveryResult::new(Action::Ignored),
            Err(error) => not_scheduled(&error, "its first check"),
        }
    }

    /// The first check of the watch that begins with `signal`.
    fn adopted(&self, signal: &Signal, now: DateTime<Utc>) -> Check {
        let operation = signal.operation.clone();
        let (service, project) = (operation.service(), operation.project());
        let defaults = &self.config.defaults;
        let (until_s, interval_s, max_checks) = defaults.schedule(defaults.until_s);
        let watch = Watch {
            id: adopted_id(&operation),
            routing: self.config.policy.routes.complete(Routing::default(), service, project),
            until_s,
            interval_s,
            max_checks,
            ..Watch::default()
        };
        // A time that is ahead would put off the first checks.
        let first = if now - signal.at < FRESH { signal.at.min(now) } else { now };
        let account = |account: &String| text::line(text::cut(account, MAX_ACCOUNT_CHARS));
        Check { started_by: signal.principal.as_ref().map(account), ..Check::new(watch, operation, first) }
    }
}

/// Where `what` is not known to be there, the signal is to come again.
fn not_scheduled(error: &CallError, what: &str) -> DeliveryResult {
    DeliveryResult {
        acknowledged: false,
        needs_attention: !error.is_transient(),
        error: Some(format!("{what} could not be created: {error}")),
        ..DeliveryResult::new(Action::NotScheduled)
    }
}

/// The first check of an adopted watch, while it may still wait.
pub(super) fn first_of_adopted(check: &Check, now: DateTime<Utc>) -> Option<Check> {
    let may_wait = check.watch.id == adopted_id(&check.operation) && now - check.first < FIRST;
    may_wait.then(|| Check { attempt: 0, purpose: Purpose::Next, ..check.clone() })
}

/// The id of an adopted watch: the same for all signals about its operation.
fn adopted_id(operation: &Operation) -> String {
    short_hash(&["adopted", operation.service().id(), operation.name()])
}
