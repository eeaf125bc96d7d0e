//! A start: look up first, so that a kickoff which comes twice starts once, then start.

use super::check::decided;
use super::{Decided, Step, Watcher};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{
    Decision, adopt, after_failed_look_up, after_refusal, begin, give_up, labelled_body, may_start, try_again,
};
use crate::google::CallError;
use crate::message::{Reason, Start};
use crate::operation::ApiError;

impl Watcher {
    pub(super) async fn start(&self, start: Start, deadline: Deadline) -> Step {
        let watch = Stopwatch::start();
        let (decision, on, error) = self.look_up_and_start(&start, deadline).await;
        Step {
            decided: decided(&decision, on),
            decision,
            error,
            call_milliseconds: Some(watch.milliseconds()),
        }
    }

    /// The decision, the word for its first check, and the error of the call that failed, if one did.
    async fn look_up_and_start(
        &self,
        start: &Start,
        deadline: Deadline,
    ) -> (Decision, Decided, Option<String>) {
        if let Err(problem) = self.setup.policy.permit_start(&start.request) {
            let setting = problem.setting().to_owned();
            let error = Some(format!("{setting} does not allow it any more"));
            let decision = give_up(start, Reason::NotAllowed { setting }, None, self.clock.now());
            return (decision, Decided::Left, error);
        }
        let Ok(_one_start) = tokio::time::timeout(deadline.for_call(), self.one_start.lock()).await else {
            let error = ApiError::new(0, "", "another start takes its time");
            let text = Some(error.to_string());
            let decision = after_failed_look_up(start, error, None, None, self.clock.now());
            return (decision, Decided::Left, text);
        };
        let now = match self.google.list(&start.request, deadline).await {
            Ok(list) => {
                let now = list.date.unwrap_or_else(|| self.clock.now());
                if let Some((listed, adopted)) = adopt(start, list.listed) {
                    return (begin(start, listed, Some(adopted), now), Decided::Adopted, None);
                }
                now
            }
            Err(error) if has_no_list(&error) && !start.ambiguous => {
                let path = &start.request.path;
                tracing::warn!(
                    path,
                    "{} has no list of operations ({error}): started without a look-up",
                    start.request.service()
                );
                error.date.unwrap_or_else(|| self.clock.now())
            }
            Err(failed) => {
                let now = failed.date.unwrap_or_else(|| self.clock.now());
                let refused = match failed.error.code {
                    403 => Some(Reason::ListDenied),
                    _ => None,
                };
                let text = Some(failed.to_string());
                let wait = failed.retry_after;
                return (after_failed_look_up(start, failed.error, refused, wait, now), Decided::Left, text);
            }
        };
        if !may_start(start, now) {
            let reason = if start.error.is_some() { Reason::Unavailable } else { Reason::Late };
            return (after_refusal(start, reason, start.error.clone(), now), Decided::Left, None);
        }
        match self.google.start(&start.request, labelled_body(start), deadline.for_call()).await {
            Ok(started) => {
                (begin(start, started.listed, None, started.date.unwrap_or(now)), Decided::Started, None)
            }
            Err(failed) => {
                let (text, now) = (Some(failed.to_string()), failed.date.unwrap_or(now));
                let decision = if failed.transient {
                    let ambiguous = start.ambiguous || failed.ambiguous;
                    try_again(start, failed.error, ambiguous, failed.retry_after, now)
                } else {
                    after_refusal(start, Reason::Refused, Some(failed.error), now)
                };
                (decision, Decided::Left, text)
            }
        }
    }
}

/// The Datastore emulator has no list of operations and says 404; an API without one says 501.
fn has_no_list(error: &CallError) -> bool {
    matches!(error.error.code, 404 | 501)
}
