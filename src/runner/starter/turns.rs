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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(4);

    fn known(turns: &Turns) -> Vec<String> {
        turns.0.lock().unwrap().keys().cloned().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_remembered_while_somebody_has_it_or_waits_for_it() {
        let turns = Turns::default();
        let held = turns.take("a".to_owned(), "k", LIMIT).await.ok().unwrap();
        let waited_for = turns.of("b".to_owned());
        drop(turns.take("c".to_owned(), "k", LIMIT).await);
        assert_eq!(known(&turns), ["a", "b", "c"]);
        turns.of("d".to_owned());
        assert_eq!(known(&turns), ["a", "b", "d"]);
        drop((held, waited_for));
        turns.of("e".to_owned());
        assert_eq!(known(&turns), ["e"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_learns_whether_it_is_for_its_own_kickoff() {
        let turns = Turns::default();
        let held = turns.take("a".to_owned(), "k", LIMIT).await;
        for (key, same_kickoff) in [("k", true), ("another", false)] {
            let busy = turns.take("a".to_owned(), key, LIMIT).await.err().unwrap();
            assert_eq!(busy.same_kickoff, same_kickoff);
        }
        drop(held);
        assert!(turns.take("a".to_owned(), "another", LIMIT).await.is_ok());
    }
}
