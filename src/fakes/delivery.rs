//! A message's way through a push subscription: push, retry with back-off, dead letter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::events::Event;
use super::lock::lock;
use super::pubsub::{Delivery, Message, NewMessage, PubSub, Subscription};
use super::time::{later, stamp};
use super::timeline::Job;

/// Pub/Sub forgets what was not acknowledged by then.
const RETENTION: TimeDelta = TimeDelta::days(7);

/// The statuses that acknowledge a push.
const ACKS: [u16; 5] = [102, 200, 201, 202, 204];

impl PubSub {
    /// Pushes a message and sees to what must follow.
    pub(super) fn delivery(self, subscription: Arc<Subscription>, id: String, attempt: u32) -> Job {
        Box::pin(async move {
            let (message, headers, copies) = {
                let mut state = lock(&self.state);
                let copies = if state.to_duplicate > 0 { 2 } else { state.copies };
                state.to_duplicate = state.to_duplicate.saturating_sub(1);
                let headers = state.push_headers.clone();
                let Some(message) = state.message(&id).map(|message| message.clone()) else { return };
                (message, headers, copies)
            };
            let body = wrapped(&message, &subscription, attempt).to_string();
            let push = || async {
                let status = self.push(&subscription, &headers, &body).await;
                self.delivered(&subscription, &id, attempt, status);
                status.is_some_and(|status| ACKS.contains(&status))
            };
            let acknowledged = match copies {
                0 | 1 => push().await,
                2 => {
                    let (one, other) = tokio::join!(push(), push());
                    one || other
                }
                _ => {
                    let (one, other, third) = tokio::join!(push(), push(), push());
                    one || other || third
                }
            };
            if !acknowledged {
                self.refused(subscription, &message, attempt);
            }
        })
    }

    async fn push(
        &self,
        subscription: &Subscription,
        headers: &[(String, String)],
        body: &str,
    ) -> Option<u16> {
        let mut request = self
            .shared
            .client
            .post(&subscription.push_endpoint)
            .timeout(subscription.ack_deadline)
            .header("Content-Type", "application/json")
            .header("User-Agent", "CloudPubSub-Google")
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.ok().map(|response| response.status().as_u16())
    }

    fn delivered(&self, subscription: &Subscription, id: &str, attempt: u32, status: Option<u16>) {
        if let Some(message) = lock(&self.state).message(id) {
            message.deliveries.push(Delivery { subscription: subscription.name.clone(), attempt, status });
        }
        self.shared.event(Event::Delivered { id: id.to_owned(), attempt, status });
    }

    /// Plans the next delivery, or gives the message up.
    fn refused(self, subscription: Arc<Subscription>, message: &Message, attempt: u32) {
        let now = self.shared.time.now();
        if let (Some(most), Some(topic)) =
            (subscription.max_delivery_attempts, subscription.dead_letter_topic.as_deref())
            && attempt >= most
        {
            return self.dead_letter(&subscription, topic, message, attempt);
        }
        if now - message.publish_time < RETENTION {
            let due = later(now, backoff(&subscription, attempt));
            let shared = Arc::clone(&self.shared);
            shared.timeline.at(due, self.delivery(subscription, message.id.clone(), attempt + 1));
        }
    }

    fn dead_letter(&self, subscription: &Subscription, topic: &str, message: &Message, attempt: u32) {
        let mut parts = subscription.name.split('/').skip(1).step_by(2).map(str::to_owned);
        let mut attributes = message.attributes.clone();
        attributes.extend([
            ("CloudPubSubDeadLetterSourceDeliveryCount".to_owned(), attempt.to_string()),
            ("CloudPubSubDeadLetterSourceSubscriptionProject".to_owned(), parts.next().unwrap_or_default()),
            ("CloudPubSubDeadLetterSourceSubscription".to_owned(), parts.next().unwrap_or_default()),
            ("CloudPubSubDeadLetterSourceTopicPublishTime".to_owned(), stamp(message.publish_time)),
        ]);
        self.shared.event(Event::DeadLettered { id: message.id.clone() });
        if self.accept(topic, NewMessage::new(&message.data, attributes)).is_none() {
            self.shared.violation(format!("{} has the unknown dead-letter topic {topic}", subscription.name));
        }
    }
}

/// The time before the next delivery, after `attempt` deliveries.
fn backoff(subscription: &Subscription, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    subscription.min_backoff.saturating_mul(1 << doublings).min(subscription.max_backoff)
}

/// The body of a push, with both spellings of id and time, as Pub/Sub writes it.
fn wrapped(message: &Message, subscription: &Subscription, attempt: u32) -> Value {
    let time = stamp(message.publish_time);
    let mut inner = json!({
        "data": STANDARD.encode(&message.data),
        "messageId": message.id,
        "message_id": message.id,
        "publishTime": time,
        "publish_time": time,
    });
    if let Some(fields) = inner.as_object_mut() {
        let attributes: &BTreeMap<_, _> = &message.attributes;
        if !attributes.is_empty() {
            fields.insert("attributes".to_owned(), json!(attributes));
        }
        if let Some(key) = &message.ordering_key {
            fields.insert("orderingKey".to_owned(), json!(key));
        }
    }
    let mut body = json!({"message": inner, "subscription": subscription.name});
    if subscription.dead_letter_topic.is_some()
        && let Some(fields) = body.as_object_mut()
    {
        fields.insert("deliveryAttempt".to_owned(), json!(attempt));
    }
    body
}
