//! Pull subscriptions with exactly-once delivery: <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions/pull>.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::google::{self, Refusal};
use super::leases::{PullSubscription, Pulls};
use super::lock::lock;
use super::pubsub::{Message, PubSub};
use super::recorded::RecordedRequest;
use super::time::{later, stamp};

/// The longest body of a request that acknowledges or modifies (<https://cloud.google.com/pubsub/quotas#resource_limits>).
const MAX_BYTES: usize = 512 * 1024;
/// The longest lease.
const MAX_LEASE: u64 = 600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pull {
    max_messages: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Acknowledge {
    ack_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Modify {
    ack_ids: Vec<String>,
    ack_deadline_seconds: u64,
}

impl PubSub {
    /// Creates a pull subscription: it gets what is published from now on.
    pub fn create_pull_subscription(&self, subscription: PullSubscription) {
        lock(&self.state).pulls.insert(subscription.name.clone(), Pulls::new(subscription));
    }

    /// From now on a pull from this subscription returns at most so many messages, as Pub/Sub may.
    pub fn pull_at_most(&self, subscription: &str, most: usize) {
        if let Some(pulls) = lock(&self.state).pulls.get_mut(subscription) {
            pulls.limit(most);
        }
    }

    /// What a pull subscription has that was not acknowledged.
    pub fn unacknowledged(&self, subscription: &str) -> Vec<Message> {
        let mut state = lock(&self.state);
        let ids = state.pulls.get(subscription).map(Pulls::ids).unwrap_or_default();
        ids.iter().filter_map(|id| state.message(id).cloned()).collect()
    }

    /// Answers a request to `projects/{project}/subscriptions/{last}`.
    pub(super) fn subscriber_request(
        &self,
        request: &RecordedRequest,
        project: &str,
        last: &str,
    ) -> Result<Value, Refusal> {
        let (id, method) = last.split_once(':').ok_or_else(Refusal::no_method)?;
        if !google::is_id(project) || !google::is_id(id) {
            return Err(Refusal::invalid("Invalid subscription name."));
        }
        if request.body.len() > MAX_BYTES {
            return Err(Refusal::invalid("The request is too large."));
        }
        let (name, now) = (format!("projects/{project}/subscriptions/{id}"), self.shared.time.now());
        let mut state = lock(&self.state);
        let missing =
            || Refusal::expected(404, "NOT_FOUND", format!("Resource not found (resource={name})."));
        let pulls = state.pulls.get_mut(&name).ok_or_else(missing)?;
        match method {
            "pull" => {
                let Pull { max_messages } = google::body(request)?;
                let most = usize::try_from(max_messages).ok().filter(|most| *most > 0);
                let most = most.ok_or_else(|| Refusal::invalid("max_messages must be positive."))?;
                let leased = pulls.lease(most, now);
                let received =
                    leased.into_iter().filter_map(|(id, ack_id)| Some(wrapped(state.message(&id)?, &ack_id)));
                let received: Vec<_> = received.collect();
                // None at once: Pub/Sub may wait a while before that.
                Ok(if received.is_empty() { json!({}) } else { json!({"receivedMessages": received}) })
            }
            "acknowledge" => {
                let Acknowledge { ack_ids } = google::body(request)?;
                pulls.change(named(&ack_ids)?, now, None)
            }
            "modifyAckDeadline" => {
                let Modify { ack_ids, ack_deadline_seconds } = google::body(request)?;
                if ack_deadline_seconds > MAX_LEASE {
                    return Err(Refusal::invalid("The ack deadline must be between 0 and 600 seconds."));
                }
                let until = later(now, Duration::from_secs(ack_deadline_seconds));
                pulls.change(named(&ack_ids)?, now, Some(until))
            }
            _ => Err(Refusal::no_method()),
        }
    }
}

fn named(ack_ids: &[String]) -> Result<&[String], Refusal> {
    if ack_ids.is_empty() { Err(Refusal::invalid("No ack ids specified.")) } else { Ok(ack_ids) }
}

/// A message as a pull has it.
fn wrapped(message: &Message, ack_id: &str) -> Value {
    let mut inner = json!({
        "data": STANDARD.encode(&message.data),
        "messageId": message.id,
        "publishTime": stamp(message.publish_time),
    });
    let attributes: &BTreeMap<_, _> = &message.attributes;
    if !attributes.is_empty()
        && let Some(fields) = inner.as_object_mut()
    {
        fields.insert("attributes".to_owned(), json!(attributes));
    }
    json!({"ackId": ack_id, "message": inner})
}
