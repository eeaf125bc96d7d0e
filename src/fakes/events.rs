//! What happened in a world, in order, for tests to wait on and the demo to narrate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::watch;

use super::lock::lock;

/// How long [`Events::wait_for`] waits, in real time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One thing that happened at a stand-in.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message was published to a topic.
    Published {
        /// The message id.
        id: String,
        /// The decoded data.
        data: Vec<u8>,
    },
    /// A push was answered, or failed without an answer.
    Delivered {
        /// The message id.
        id: String,
        /// 1 for the first delivery.
        attempt: u32,
        /// The HTTP status, none when there was no answer in time.
        status: Option<u16>,
    },
    /// A message was given up and forwarded to the dead-letter topic.
    DeadLettered {
        /// The id of the message given up; the forwarded copy has another.
        id: String,
    },
    /// A task was created.
    TaskCreated {
        /// The task's full name.
        name: String,
        /// When it will be dispatched.
        schedule_time: DateTime<Utc>,
        /// What it will publish.
        data: Value,
    },
    /// A task was refused with 409, because its name is taken.
    TaskRefusedAsDuplicate {
        /// The task's full name.
        name: String,
    },
    /// A task's request was sent.
    TaskDispatched {
        /// The task's full name.
        name: String,
        /// The HTTP status, none when there was no answer.
        status: Option<u16>,
    },
    /// An operation was started over HTTP.
    OperationStarted {
        /// The operation's name.
        name: String,
    },
    /// An operation was read.
    OperationRead {
        /// The operation's name.
        name: String,
        /// What was answered.
        body: Value,
    },
    /// Slack accepted a message.
    SlackPosted {
        /// The payload.
        payload: Value,
    },
    /// Slack edited a message.
    SlackEdited {
        /// What names it in its channel.
        ts: String,
        /// What it says now.
        payload: Value,
    },
    /// Slack deleted a message.
    SlackDeleted {
        /// What names it in its channel.
        ts: String,
    },
    /// Slack refused a message.
    SlackRefused {
        /// The HTTP status.
        status: u16,
        /// The answer, such as `invalid_blocks`.
        answer: String,
    },
}

/// Every event so far, and a signal for the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    events: Arc<Mutex<Vec<Event>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Log {
    pub(super) fn push(&self, event: Event) {
        lock(&self.events).push(event);
        self.count.send_modify(|count| *count += 1);
    }

    pub(super) fn read(&self) -> Events {
        Events { log: self.clone(), seen: 0, count: self.count.subscribe() }
    }
}

/// Reads every event of a world from the beginning.
#[derive(Clone, Debug)]
pub struct Events {
    log: Log,
    seen: usize,
    count: watch::Receiver<usize>,
}

impl Events {
    /// The next event; waits for it without limit.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.ready() {
                return event;
            }
            // The log holds the sender and `self` holds the log: this never fails.
            let _ = self.count.changed().await;
        }
    }

    /// The next event if it has happened already.
    pub fn ready(&mut self) -> Option<Event> {
        let event = lock(&self.log.events).get(self.seen).cloned();
        self.seen += usize::from(event.is_some());
        event
    }

    /// The next event that `wanted` accepts, skipping others; after 30 s an error that names `what` and the events
    /// that did happen.
    pub async fn wait_for(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Event, String> {
        let found = async {
            loop {
                let event = self.next().await;
                if wanted(&event) {
                    return event;
                }
            }
        };
        if let Ok(event) = tokio::time::timeout(TIMEOUT, found).await {
            return Ok(event);
        }
        let happened = lock(&self.log.events).clone();
        Err(format!("{what} did not happen within {TIMEOUT:?}; what did: {happened:#?}"))
    }
}
