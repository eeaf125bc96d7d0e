//! What a pull subscription holds: messages that are leased, by the virtual clock, until they are acknowledged.
//!
//! <https://cloud.google.com/pubsub/docs/exactly-once-delivery>

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::google::Refusal;
use super::time::later;

/// What one pull returns at most, however many are asked for.
const MOST: usize = 1_000;

/// A pull subscription. Names are full: `projects/P/subscriptions/S`, `projects/P/topics/T`.
#[derive(Clone, Debug)]
pub struct PullSubscription {
    /// Its name.
    pub name: String,
    /// The topic it reads.
    pub topic: String,
    /// How long a lease lasts that nobody modifies.
    pub ack_deadline: Duration,
    /// How long a message is kept.
    pub retention: Duration,
}

/// A subscription with the messages that were not acknowledged.
pub(super) struct Pulls {
    subscription: PullSubscription,
    held: Vec<Held>,
    /// How many leases there were.
    leases: u64,
    most: usize,
}

struct Held {
    id: String,
    published: DateTime<Utc>,
    lease: Option<Lease>,
}

struct Lease {
    ack_id: String,
    until: DateTime<Utc>,
}

impl Pulls {
    pub(super) fn new(subscription: PullSubscription) -> Self {
        Self { subscription, held: Vec::new(), leases: 0, most: MOST }
    }

    /// From now on a pull returns at most so many.
    pub(super) fn limit(&mut self, most: usize) {
        self.most = most;
    }

    /// The ids of what was not acknowledged.
    pub(super) fn ids(&self) -> Vec<String> {
        self.held.iter().map(|held| held.id.clone()).collect()
    }

    /// Keeps a message that was published to `topic`, if that is the subscription's.
    pub(super) fn offer(&mut self, topic: &str, id: &str, published: DateTime<Utc>) {
        if self.subscription.topic == topic {
            self.held.push(Held { id: id.to_owned(), published, lease: None });
        }
    }

    /// Leases what nobody has on lease.
    pub(super) fn lease(&mut self, most: usize, now: DateTime<Utc>) -> Vec<(String, String)> {
        let Self { subscription, held, leases, .. } = self;
        held.retain(|message| now < later(message.published, subscription.retention));
        let is_free = |message: &&mut Held| message.lease.as_ref().is_none_or(|lease| lease.until <= now);
        let free = held.iter_mut().filter(is_free).take(most.min(self.most));
        let lease = |message: &mut Held| {
            *leases += 1;
            let ack_id = format!("{}-{leases}", message.id);
            message.lease =
                Some(Lease { ack_id: ack_id.clone(), until: later(now, subscription.ack_deadline) });
            (message.id.clone(), ack_id)
        };
        free.map(lease).collect()
    }

    /// Lets `change` say what becomes of each of these leases that is still valid: with none the message is acknowledged.
    ///
    /// # Errors
    /// When one is not: what is asked of the others is done nevertheless.
    pub(super) fn change(
        &mut self,
        ack_ids: &[String],
        now: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Value, Refusal> {
        let mut valid = 0;
        self.held.retain_mut(|message| {
            let lease =
                message.lease.as_mut().filter(|lease| now < lease.until && ack_ids.contains(&lease.ack_id));
            let Some(lease) = lease else { return true };
            valid += 1;
            lease.until = until.unwrap_or(now);
            until.is_some()
        });
        if valid == ack_ids.len() {
            return Ok(json!({}));
        }
        let message = "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids \
                       have expired or the acknowledgement ids were malformed.";
        Err(Refusal::expected(400, "INVALID_ARGUMENT", message))
    }
}
