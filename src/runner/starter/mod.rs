//! A start: look up first, so that a kickoff which comes twice starts once, then start.

mod look_up;
mod turns;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use self::look_up::{Found, START_TIME};
use super::check::decided;
use super::scheduler::Scheduler;
use super::{Action, Step};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{
    Decision, LookUpFailure, after_failed_look_up, after_refusal, begin, come_back, give_up, labelled_body,
    refused, try_again, within_start_window,
};
use crate::google::{CallError, Google};
use crate::policy::Policy;
use crate::services::{ApiError, Operation};
use crate::watch::{Adopted, LookUp, Problem, Reason, Start, idempotency_key, request_hash};

/// How long a start waits for another one of the same request, so that a look-up and a start still fit into the push.
const TURN_TIME: Duration = Duration::from_secs(4);

/// The least backoff of the push subscription (`deploy/lib/transport.sh`): what comes sooner is no redelivery, and is not looked up
/// above a limit.
const REDELIVERY: TimeDelta = TimeDelta::seconds(10);

/// What a step of a start came to: the decision, the word for its first check, and the error of a call that failed.
pub(super) struct Turn {
    pub(super) decision: Decision,
    on: Action,
    pub(super) error: Option<String>,
}

/// Starts operations.
pub(super) struct Starter {
    policy: Policy,
    google: Arc<Google>,
    /// Taken from a start's look-up to its response.
    turns: turns::Turns,
}

impl Starter {
    pub(super) fn new(policy: Policy, google: Arc<Google>) -> Self {
        Self { policy, google, turns: turns::Turns::default() }
    }

    /// Starts what `start` asks for, unless it runs already or a limit that `scheduler` counts is reached.
    pub(super) async fn start(
        &self,
        start: Start,
        scheduler: &Scheduler,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Step {
        let watch = Stopwatch::start();
        let turn = if !start.is_continuation
            && let Err(limit) = scheduler.count_watch(&start.watch.id, now, deadline).await
        {
            match self.begun_before(&start, now, deadline).await {
                Some(turn) => turn,
                None => return limit.refuse_start(&start, now),
            }
        } else {
            self.look_up_and_start(&start, Some(scheduler), now, deadline).await
        };
        let Turn { decision, on, error } = turn;
        let seen = match &decision {
            Decision::Check(check, _) => check.last.as_ref().map(|seen| seen.at),
            Decision::Report(report) => Some(report.at),
            Decision::Start(..) | Decision::ReportAgain(..) | Decision::Test(_) => None,
        };
        let decided = if on == Action::NotStarted { on } else { decided(&decision, on) };
        let step = Step::to(decision, decided, seen.unwrap_or(now));
        step.with_error(error).after_call(watch.milliseconds())
    }

    /// What an earlier delivery of this kickoff started, if it ended before it scheduled a check: that is watched above the limit, too.
    /// Only a label with the message's own ID shows it. A `key` is the publisher's, and without labels any kickoff of the same request
    /// would count.
    async fn begun_before(&self, start: &Start, now: DateTime<Utc>, deadline: Deadline) -> Option<Turn> {
        let is_shown = start.key.is_none() && start.request.service().has_labels();
        if now - start.published_at < REDELIVERY || !is_shown {
            return None;
        }
        self.policy.permit_start(&start.request).ok()?;
        let Found::Operation(listed, Adopted::Key, date) = self.search(start, false, deadline).await else {
            return None;
        };
        let decision = begin(start, *listed, Some(Adopted::Key), date.unwrap_or(now));
        Some(Turn { decision, on: Action::Adopted, error: None })
    }

    /// The operation that a lost start began nevertheless, if it can be found.
    pub(super) async fn find_lost(&self, start: &Start, deadline: Deadline) -> Option<Operation> {
        self.policy.permit_start(&start.request).ok()?;
        // However long the list, Slack has its time.
        let search = self.search(start, true, deadline);
        match tokio::time::timeout(deadline.for_call(), search).await.ok()? {
            Found::Operation(listed, ..) => listed.operation,
            Found::Nothing(..) | Found::Later(..) | Found::Failed(..) => None,
        }
    }

    /// One try: looks whether it runs already, and starts it if not. Without a scheduler starts are not counted.
    pub(super) async fn look_up_and_start(
        &self,
        start: &Start,
        scheduler: Option<&Scheduler>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Turn {
        if let Err(problem) = self.policy.permit_start(&start.request) {
            return not_allowed(start, &problem, now);
        }
        let (request, key) = (request_hash(&start.request), idempotency_key(start));
        let limit = deadline.for_call().min(TURN_TIME);
        let _turn = match self.turns.take(request, &key, limit).await {
            Ok(turn) => turn,
            Err(busy) => {
                let error = ApiError::of_text("another start of the same request is still in progress");
                let ambiguous = start.ambiguous || busy.same_kickoff;
                return came_back(start, error, ambiguous, start.look_up.clone(), now);
            }
        };
        let (place, now) = match self.look_up(start, now, deadline).await {
            ControlFlow::Continue(looked) => looked,
            ControlFlow::Break(turn) => return turn,
        };
        if !within_start_window(start, now) {
            let reason = if start.error.is_some() { Reason::Unavailable } else { Reason::Late };
            let decision = after_refusal(start, reason, start.error.clone(), now);
            return Turn { decision, on: Action::Abandoned, error: None };
        }
        if let Some(scheduler) = scheduler
            && let Err(limit) = scheduler.count_start(start, now, deadline).await
        {
            let (report, error) = limit.refused_start(start, now);
            return Turn { decision: report, on: Action::NotStarted, error: Some(error) };
        }
        let start = &Start { counted: true, ..start.clone() };
        if deadline.for_call() < START_TIME {
            let error = ApiError::of_text("the lookup left no time for the start");
            return came_back(start, error, start.ambiguous, Some(place), now);
        }
        match self.google.start(&start.request, labelled_body(start), deadline.for_call()).await {
            Ok(started) => {
                let decision = begin(start, started.listed, None, started.date.unwrap_or(now));
                Turn { decision, on: Action::Started, error: None }
            }
            Err(failed) => not_started(start, failed, now),
        }
    }

    /// Looks whether it runs already; goes on with the server's time when it does not.
    async fn look_up(
        &self,
        start: &Start,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> ControlFlow<Turn, (LookUp, DateTime<Utc>)> {
        let failed = match self.search(start, false, deadline).await {
            Found::Nothing(place, date) => return ControlFlow::Continue((place, date.unwrap_or(now))),
            Found::Operation(listed, adopted, date) => {
                let decision = begin(start, *listed, Some(adopted), date.unwrap_or(now));
                return ControlFlow::Break(Turn { decision, on: Action::Adopted, error: None });
            }
            Found::Later(place, date) => {
                let error = ApiError::of_text(
                    "the list of operations is long: reading continues in the next delivery",
                );
                let turn = came_back(start, error, start.ambiguous, Some(place), date.unwrap_or(now));
                return ControlFlow::Break(turn);
            }
            Found::Failed(error, place) => {
                if self.has_no_list(start, &error) {
                    return ControlFlow::Continue((place, error.date().unwrap_or(now)));
                }
                let start = Start { look_up: Some(place).filter(LookUp::has_begun), ..start.clone() };
                not_looked_up(&start, *error, now)
            }
        };
        ControlFlow::Break(failed)
    }

    /// The Datastore emulator has no list of operations and says 404; a stand-in without one says 501. Google's APIs have one:
    /// there such an answer comes from something in between, and nothing is started without a look.
    fn has_no_list(&self, start: &Start, error: &CallError) -> bool {
        let service = start.request.service();
        let none =
            matches!(error.http(), Some(404 | 501)) && self.google.is_emulated(service) && !start.ambiguous;
        if none {
            let path = &start.request.path;
            tracing::warn!(path, "{service} has no list of operations ({error}): started without a lookup");
        }
        none
    }
}

fn not_allowed(start: &Start, problem: &Problem, now: DateTime<Utc>) -> Turn {
    let setting = problem.setting().to_owned();
    let error = Some(format!("{setting} no longer allows it"));
    let decision = give_up(start, Reason::NotAllowed { setting }, None, now);
    Turn { decision, on: Action::Abandoned, error }
}

/// The start comes back, without a try less.
fn came_back(
    start: &Start,
    error: ApiError,
    ambiguous: bool,
    look_up: Option<LookUp>,
    now: DateTime<Utc>,
) -> Turn {
    let text = Some(error.to_string());
    Turn { decision: come_back(start, error, ambiguous, look_up, now), on: Action::Abandoned, error: text }
}

fn not_looked_up(start: &Start, failed: CallError, now: DateTime<Utc>) -> Turn {
    let (text, now) = (Some(failed.to_string()), failed.date().unwrap_or(now));
    let failure = match failed.http() {
        _ if failed.is_transient() => LookUpFailure::Transient,
        // Not in the API's words: it comes from something in between.
        Some(404) if failed.status().is_missing() => LookUpFailure::Transient,
        Some(403) => LookUpFailure::Denied,
        _ => LookUpFailure::Refused,
    };
    let retry_after = failed.retry_after();
    let decision = after_failed_look_up(start, failed.into_api_error(), failure, retry_after, now);
    Turn { decision, on: Action::Abandoned, error: text }
}

fn not_started(start: &Start, failed: CallError, now: DateTime<Utc>) -> Turn {
    // Now that a start was sent, all is looked up anew.
    let start = &Start { look_up: None, ..start.clone() };
    let (error, now) = (Some(failed.to_string()), failed.date().unwrap_or(now));
    let decision = if failed.is_transient() {
        let (ambiguous, retry_after) = (start.ambiguous || failed.is_ambiguous(), failed.retry_after());
        try_again(start, failed.into_api_error(), ambiguous, retry_after, now)
    } else {
        refused(start, failed.into_api_error(), now)
    };
    Turn { decision, on: Action::Abandoned, error }
}
