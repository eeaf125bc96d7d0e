//! Whose turn it is to start: one delivery of a request at a time, so that two at once don't both find nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

/// The turns of all requests that are being started on this instance.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<String, Arc<Turn>>>);

#[derive(Default)]
struct Turn {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// The key of the kickoff that has it.
    key: Mutex<String>,
}

/// A turn. It ends when this is dropped.
pub(super) struct Held {
    _turn: OwnedMutexGuard<()>,
}

/// Another delivery of the request has the turn.
pub(super) struct Busy {
    /// It is of the same kickoff, so it may begin what this one is to begin.
    pub(super) same_kickoff: bool,
}

impl Turns {
    /// Waits until it is the turn of the kickoff with this key, at most so long.
    pub(super) async fn take(&self, request: String, key: &str, limit: Duration) -> Result<Held, Busy> {
        let turn = self.of(request);
        if let Ok(held) = tokio::time::timeout(limit, Arc::clone(&turn.lock).lock_owned()).await {
            key.clone_into(&mut turn.key.lock().unwrap_or_else(PoisonError::into_inner));
            return Ok(Held { _turn: held });
        }
        let same_kickoff = *turn.key.lock().unwrap_or_else(PoisonError::into_inner) == key;
        Err(Busy { same_kickoff })
    }

    fn of(&self, request: String) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Held or waited for; all others are forgotten.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1 || Arc::strong_count(&turn.lock) > 1);
        Arc::clone(turns.entry(request).or_default())
    }
}
