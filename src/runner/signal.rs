//! Signals: what the audit log or a service says about an operation. A signal is a hint to look now, and decides nothing. It reads
//! the sentinel of the operation's watch, and makes the check that this describes. The chain of checks goes on.

use super::sentinels::Waiting;
use super::{Action, DeliveryResult, Runner};
use crate::clock::Deadline;
use crate::decision::signalled;
use crate::google::CallError;
use crate::signal::{Phase, Signal};

impl Runner {
    /// Handles one signal. One that leads to nothing is acknowledged: whatever it says, the checks of a watch see it too.
    pub async fn signal(&self, signal: Signal, deadline: Deadline) -> DeliveryResult {
        let handled = match self.config.policy.permit(&signal.operation) {
            Ok(()) => self.follow(&signal, deadline).await,
            Err(problem) => ignored(Some(format!("{} does not allow it", problem.setting()))),
        };
        DeliveryResult { operation: signal.operation.name().to_owned(), ..handled }
    }

    /// Looks at the operation now if it has a watch, and begins one if it is to have one.
    async fn follow(&self, signal: &Signal, deadline: Deadline) -> DeliveryResult {
        if self.excepts(signal) {
            return Box::pin(self.leave_out(signal, deadline)).await;
        }
        let (ends, adopts) = (signal.phase != Phase::Started, self.adopts(signal));
        if !ends && !adopts {
            return ignored(None);
        }
        let now = self.clock.now();
        match self.sentinels.read(&signal.operation, now, deadline).await {
            Ok(Some(Waiting::Excepted)) => {
                if ends {
                    self.sentinels.forget(&signal.operation, deadline).await;
                }
                ignored(None)
            }
            Ok(Some(Waiting::Sentinel(sentinel))) if ends => {
                let step = self.check(signalled(*sentinel, signal.at), now, deadline).await;
                Box::pin(self.take(step, deadline)).await
            }
            Ok(Some(Waiting::Sentinel(sentinel))) => Box::pin(self.go_on_adopting(*sentinel, deadline)).await,
            // It may be the sentinel of a delivery that could not begin the watch.
            Err(error) if adopts && error.is_transient() => unread(&error, Action::NotScheduled),
            // Whether it is watched is then answered by the sentinel's name.
            Ok(None) | Err(_) if adopts => Box::pin(self.adopt(signal, deadline)).await,
            Ok(None) => ignored(None),
            Err(error) => unread(&error, Action::Ignored),
        }
    }
}

/// The sentinel could not be read; where something must follow on the signal, it is to come again.
fn unread(error: &CallError, decision: Action) -> DeliveryResult {
    DeliveryResult {
        acknowledged: decision == Action::Ignored,
        needs_attention: !error.is_transient(),
        error: Some(format!("the sentinel of its watch could not be read: {error}")),
        ..DeliveryResult::new(decision)
    }
}

fn ignored(error: Option<String>) -> DeliveryResult {
    DeliveryResult { error, ..DeliveryResult::new(Action::Ignored) }
}
