//! A start: look up first, so that a kickoff which comes twice starts once, then start.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::check::decided;
use super::{Decided, Step, Watcher};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{
    Decision, adopt, after_failed_look_up, after_refusal, begin, give_up, key_of, labelled_body, may_start,
    try_again,
};
use crate::google::CallError;
use crate::message::{Reason, Start};
use crate::operation::ApiError;

/// A start with less time than this is not sent: cut off, it may have begun all the same.
const START_TIME: Duration = Duration::from_secs(5);

/// What a step of a start came to: the decision, the word for its first check, and the error of a call that failed.
struct Turn {
    decision: Decision,
    on: Decided,
    error: Option<String>,
}

impl Watcher {
    pub(super) async fn start(&self, start: Start, now: DateTime<Utc>, deadline: Deadline) -> Step {
        let watch = Stopwatch::start();
        let Turn { decision, on, error } = self.look_up_and_start(&start, now, deadline).await;
        let seen = match &decision {
            Decision::Check(check, _) => check.last.as_ref().map(|seen| seen.at),
            Decision::Report(report) => Some(report.at),
            _ => None,
        };
        Step {
            decided: decided(&decision, on),
            decision,
            error,
            call_milliseconds: Some(watch.milliseconds()),
            now: seen.unwrap_or(now),
        }
    }

    async fn look_up_and_start(&self, start: &Start, now: DateTime<Utc>, deadline: Deadline) -> Turn {
        if let Err(problem) = self.setup.policy.permit_start(&start.request) {
            let setting = problem.setting().to_owned();
            let error = Some(format!("{setting} does not allow it any more"));
            let decision = give_up(start, Reason::NotAllowed { setting }, None, now);
            return Turn { decision, on: Decided::Left, error };
        }
        let key = key_of(start);
        let Ok(_one_start) = tokio::time::timeout(deadline.for_call(), self.one_start.lock()).await else {
            let error = ApiError::new(0, "", "another start takes its time");
            // One of the same kickoff may begin it.
            let ambiguous = start.ambiguous || self.is_starting(&key);
            let start = Start { ambiguous, ..start.clone() };
            return not_looked_up(&start, error, None, None, now);
        };
        self.now_starts(key);
        let now = match self.look_up(start, now, deadline).await {
            ControlFlow::Continue(now) => now,
            ControlFlow::Break(turn) => return turn,
        };
        if !may_start(start, now) {
            let reason = if start.error.is_some() { Reason::Unavailable } else { Reason::Late };
            let decision = after_refusal(start, reason, start.error.clone(), now);
            return Turn { decision, on: Decided::Left, error: None };
        }
        if deadline.for_call() < START_TIME {
            let error = ApiError::new(0, "", "the look-up left no time for the start");
            let text = Some(error.to_string());
            let decision = try_again(start, error, start.ambiguous, None, now);
            return Turn { decision, on: Decided::Left, error: text };
        }
        match self.google.start(&start.request, labelled_body(start), deadline.for_call()).await {
            Ok(started) => {
                let decision = begin(start, started.listed, None, started.date.unwrap_or(now));
                Turn { decision, on: Decided::Started, error: None }
            }
            Err(failed) => not_started(start, failed, now),
        }
    }

    fn now_starts(&self, key: String) {
        *self.starting.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// Whether the start that is under way is of the kickoff with this key.
    fn is_starting(&self, key: &str) -> bool {
        *self.starting.lock().unwrap_or_else(PoisonError::into_inner) == key
    }

    /// Looks whether it runs already; goes on with the server's time when it does not.
    async fn look_up(
        &self,
        start: &Start,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> ControlFlow<Turn, DateTime<Utc>> {
        match self.google.list(&start.request, deadline).await {
            Ok(list) => {
                let now = list.date.unwrap_or(now);
                let Some((listed, adopted)) = adopt(start, list.listed) else {
                    return ControlFlow::Continue(now);
                };
                let decision = begin(start, listed, Some(adopted), now);
                ControlFlow::Break(Turn { decision, on: Decided::Adopted, error: None })
            }
            Err(error) if has_no_list(&error) && !start.ambiguous => {
                let (path, service) = (&start.request.path, start.request.service());
                tracing::warn!(
                    path,
                    "{service} has no list of operations ({error}): started without a look-up"
                );
                ControlFlow::Continue(error.date.unwrap_or(now))
            }
            Err(failed) => {
                let now = failed.date.unwrap_or(now);
                let refused = (failed.error.code == 403).then_some(Reason::ListDenied);
                ControlFlow::Break(not_looked_up(start, failed.error, refused, failed.retry_after, now))
            }
        }
    }
}

fn not_looked_up(
    start: &Start,
    error: ApiError,
    refused: Option<Reason>,
    retry_after: Option<Duration>,
    now: DateTime<Utc>,
) -> Turn {
    let text = Some(error.to_string());
    let decision = after_failed_look_up(start, error, refused, retry_after, now);
    Turn { decision, on: Decided::Left, error: text }
}

fn not_started(start: &Start, failed: CallError, now: DateTime<Utc>) -> Turn {
    let (error, now) = (Some(failed.to_string()), failed.date.unwrap_or(now));
    let decision = if failed.transient {
        let ambiguous = start.ambiguous || failed.ambiguous;
        try_again(start, failed.error, ambiguous, failed.retry_after, now)
    } else {
        give_up(start, Reason::Refused, Some(failed.error), now)
    };
    Turn { decision, on: Decided::Left, error }
}

/// The Datastore emulator has no list of operations and says 404; an API without one says 501.
fn has_no_list(error: &CallError) -> bool {
    matches!(error.error.code, 404 | 501)
}
