//! What is due later: task dispatches and redeliveries, run in the order of their time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::Pace;
use super::lock::lock;
use super::time::Time;

/// Work that was put off.
pub(super) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct State {
    /// By due time, then in the order asked for.
    queue: BTreeMap<(DateTime<Utc>, u64), Job>,
    asked: u64,
    busy: usize,
    paused: bool,
}

/// The queue of one world.
#[derive(Clone)]
pub(super) struct Timeline {
    state: Arc<Mutex<State>>,
    changes: Arc<watch::Sender<()>>,
    pace: Pace,
    time: Time,
}

/// A job that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned((DateTime<Utc>, u64));

/// Held while a push or a dispatch is in flight.
pub(super) struct Busy(Timeline);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(|state| state.busy -= 1);
    }
}

/// What the runner does next.
enum Next {
    Run(Job, Busy),
    Sleep(Duration),
    Wait,
}

impl Timeline {
    pub(super) fn new(pace: Pace, time: Time) -> Self {
        Self { state: Arc::default(), changes: Arc::new(watch::Sender::new(())), pace, time }
    }

    /// Runs `job` when `due` has come, unless it is cancelled by then.
    pub(super) fn at(&self, due: DateTime<Utc>, job: Job) -> Planned {
        let mut key = (due, 0);
        self.change(|state| {
            state.asked += 1;
            key = (due, state.asked);
            state.queue.insert(key, job);
        });
        Planned(key)
    }

    /// Forgets a job that was not begun.
    pub(super) fn cancel(&self, planned: Planned) {
        self.change(|state| {
            state.queue.remove(&planned.0);
        });
    }

    /// Counts something as in flight until the guard is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.change(|state| state.busy += 1);
        Busy(self.clone())
    }

    pub(super) fn pause(&self, paused: bool) {
        self.change(|state| state.paused = paused);
    }

    /// Completes when nothing is in flight and nothing is due later.
    pub(super) async fn settled(&self) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.borrow_and_update();
            {
                let state = lock(&self.state);
                if state.busy == 0 && state.queue.is_empty() {
                    return;
                }
            }
            let _ = changes.changed().await;
        }
    }

    /// Hands each job to `spawn` when its time has come, for ever.
    pub(super) async fn run(self, spawn: impl Fn(Job)) {
        let mut changes = self.changes.subscribe();
        let mut moves = self.time.moves();
        loop {
            changes.borrow_and_update();
            moves.borrow_and_update();
            match self.next() {
                Next::Run(job, busy) => spawn(Box::pin(async move {
                    job.await;
                    drop(busy);
                })),
                Next::Sleep(delay) => tokio::select! {
                    _ = changes.changed() => {}
                    _ = moves.changed() => {}
                    () = tokio::time::sleep(delay) => {}
                },
                Next::Wait => {
                    let _ = changes.changed().await;
                }
            }
        }
    }

    fn next(&self) -> Next {
        let mut state = lock(&self.state);
        let Some(entry) = state.queue.first_entry() else { return Next::Wait };
        let (due, _) = *entry.key();
        let ahead = (due - self.time.now()).to_std().unwrap_or_default();
        // At an instant pace one job runs at a time: whatever it causes must happen before time moves on.
        let ready = match self.pace {
            Pace::RealTime => ahead.is_zero(),
            Pace::Instant => true,
        };
        if state.paused || (self.pace == Pace::Instant && state.busy > 0) {
            return Next::Wait;
        }
        if !ready {
            return Next::Sleep(ahead);
        }
        let Some((_, job)) = state.queue.pop_first() else { return Next::Wait };
        state.busy += 1;
        drop(state);
        self.time.advance_to(due);
        Next::Run(job, Busy(self.clone()))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changes.send_modify(|()| {});
    }
}
