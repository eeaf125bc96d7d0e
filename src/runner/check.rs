//! A check: one look, one decision.

use chrono::{DateTime, Utc};

use super::{Action, DeliveryResult, Runner, Step};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{Decision, decide, decide_signal, no_longer_allowed};
use crate::services::Observation;
use crate::watch::{Check, Kind, Purpose, Report};

impl Runner {
    pub(super) async fn check(&self, check: Check, now: DateTime<Utc>, deadline: Deadline) -> Step {
        if let Err(problem) = self.config.policy.permit(&check.operation) {
            let setting = problem.setting();
            let report = Report::of_check(&check, no_longer_allowed(&check, setting), now);
            let step = Step::to(Decision::Report(Box::new(report)), Action::Abandoned, now);
            return self.leaving(step, &check).with_error(Some(format!("{setting} no longer allows it")));
        }
        let watch = Stopwatch::start();
        if !check.is_continuation
            && let Err(limit) = self.scheduler.count_watch(&check.watch.id, now, deadline).await
        {
            return limit.refuse_watch(&check, now);
        }
        let look = self.google.look(&check.operation, deadline.for_call()).await;
        let now = look.date.unwrap_or(now);
        let error = match &look.observation {
            Observation::Unreadable(error) | Observation::Unavailable(error) => Some(error.to_string()),
            Observation::Running(_) | Observation::Ended(..) => None,
        };
        let mut check = check;
        if let Observation::Running(facts) = &look.observation {
            check.usual_s = self.recorder.usual_s(&check, facts, deadline).await;
        }
        let step = match check.purpose {
            Purpose::Next | Purpose::Sentinel => {
                let decision = decide(&check, look.observation, now, self.config.pace(look.wait));
                let decided = decided(&decision, Action::CheckAgain);
                Step::to(decision, decided, now)
            }
            Purpose::Signal(signal) => {
                match decide_signal(&check, signal, look.observation, now, look.wait) {
                    Some(decision) => {
                        let decided = decided(&decision, Action::CheckAgain);
                        Step::to(decision, decided, now)
                    }
                    None => Step::last(DeliveryResult::new(Action::LeftToPolling), now),
                }
            }
        };
        let step = Step { begins: !check.is_continuation, ..step };
        self.leaving(step, &check).with_error(error).after_call(watch.milliseconds())
    }

    /// The step of `check` with what it leaves behind if it ends the watch.
    fn leaving(&self, step: Step, check: &Check) -> Step {
        if !matches!(step.next, Some(Decision::Report(_))) {
            return step;
        }
        // A check of the chain that is in flight may edit that message after its end: the one after it makes the end again. There may
        // be such a message too where only a newer version knows what was asked for.
        let is_left_open =
            self.notifier.follows(&check.watch) || check.watch.unknown.message.contains_key("notify");
        let obsolete = self.sentinels.obsolete(check, is_left_open, step.now);
        Step { obsolete, ..step }
    }
}

/// The word for `decision`; `on` is the word for a next check.
pub(super) fn decided(decision: &Decision, on: Action) -> Action {
    match decision {
        Decision::Check(..) => on,
        Decision::Start(..) => Action::StartAgain,
        Decision::Test(_) => Action::Tested,
        Decision::ReportAgain(..) => Action::PostAgain,
        Decision::Report(report) => match report.outcome.kind() {
            Kind::Ended => Action::Ended,
            Kind::Abandoned | Kind::Start | Kind::Check | Kind::Notice | Kind::Waits => Action::Abandoned,
        },
    }
}
