//! Signals: what the audit log or a service says about an operation. A signal is a hint to look now, and decides nothing. It reads
//! the sentinel of the operation's watch, and makes the check that this describes. The chain of checks goes on beside it.

use super::{Action, DeliveryResult, Runner};
use crate::clock::Deadline;
use crate::decision::signalled;
use crate::signal::{Phase, Signal};

impl Runner {
    /// Handles one signal. A signal that leads to nothing is acknowledged: whatever it says, the checks of its watch see it too.
    pub async fn signal(&self, signal: Signal, deadline: Deadline) -> DeliveryResult {
        let handled = match signal.phase {
            Phase::Started => DeliveryResult::new(Action::Ignored),
            Phase::Ended | Phase::AtOnce => self.look_for(&signal, deadline).await,
        };
        DeliveryResult { operation: signal.operation.name().to_owned(), ..handled }
    }

    /// Looks now at the operation of a signal, if it has a watch with a sentinel.
    async fn look_for(&self, signal: &Signal, deadline: Deadline) -> DeliveryResult {
        let ignored = || DeliveryResult::new(Action::Ignored);
        if let Err(problem) = self.config.policy.permit(&signal.operation) {
            let error = Some(format!("{} does not allow it", problem.setting()));
            return DeliveryResult { error, ..ignored() };
        }
        let now = self.clock.now();
        match self.sentinels.read(&signal.operation, now, deadline).await {
            Ok(Some(sentinel)) => {
                let step = self.check(signalled(sentinel, signal.at), now, deadline).await;
                Box::pin(self.take(step, deadline)).await
            }
            Ok(None) => ignored(),
            Err(error) => {
                let needs_attention = !error.is_transient();
                let error = Some(format!("the sentinel of its watch could not be read: {error}"));
                DeliveryResult { error, needs_attention, ..ignored() }
            }
        }
    }
}
