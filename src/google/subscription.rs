//! A pull subscription: messages are leased, and each stays until it is acknowledged
//! (<https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions>).

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, CallError, Google, Success};
use crate::message::MAX_WRITTEN_BYTES;
use crate::net::endpoints::Api;
use crate::net::transport::{Failure, Method};
use crate::services::ApiError;
use crate::text;

/// The most messages of one pull.
pub const MAX_PULLED: usize = 1_000;
/// The longest answer to a pull: so many of the longest messages that opwatch writes, in base64 and with what Pub/Sub adds.
const LONGEST: usize = MAX_PULLED * (MAX_WRITTEN_BYTES * 4 / 3 + 1_024);
/// The most messages that one call acknowledges: a request may have 512 KiB (<https://cloud.google.com/pubsub/quotas#resource_limits>).
const ACKNOWLEDGED: usize = 1_000;
/// The longest lease that can be asked for.
const LONGEST_LEASE: Duration = Duration::from_secs(600);

/// A message that this instance has on lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// What names the lease.
    pub ack_id: String,
    /// The message's id.
    pub id: String,
    /// Its data; empty when it is not base64.
    pub data: Vec<u8>,
    /// When it was published.
    pub published: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow, default)]
    received_messages: Vec<Received<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received<'a> {
    ack_id: String,
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    #[serde(default, rename = "messageId")]
    id: String,
    #[serde(borrow, default)]
    publish_time: Cow<'a, str>,
}

impl From<Received<'_>> for Pulled {
    fn from(received: Received<'_>) -> Self {
        let Received { ack_id, message } = received;
        let data = STANDARD.decode(message.data.as_bytes()).unwrap_or_default();
        Self { ack_id, id: message.id, data, published: text::time(&message.publish_time) }
    }
}

impl Google {
    /// Leases at most [`MAX_PULLED`] messages. Pub/Sub may wait until there is one: with no answer within `limit` the
    /// subscription counts as empty. What was leased by an answer that was lost comes back when its lease ends.
    ///
    /// # Errors
    /// When Pub/Sub refused it, or can't be reached.
    pub async fn pull(&self, subscription: &str, limit: Duration) -> Result<Vec<Pulled>, CallError> {
        let body = json!({"maxMessages": MAX_PULLED});
        let success = match self.call_subscription(subscription, "pull", &body, limit).await {
            Err(CallError::NoAnswer(Failure::TimedOut(_))) => return Ok(Vec::new()),
            answer => answer?,
        };
        let answer: Result<Answer<'_>, _> = serde_json::from_slice(&success.body);
        match answer {
            Ok(answer) => Ok(answer.received_messages.into_iter().map(Pulled::from).collect()),
            Err(_) => Err(CallError::Unreadable {
                error: ApiError::of_text("the response of Pub/Sub is not that of a pull"),
                date: success.date,
            }),
        }
    }

    /// Acknowledges the messages with these leases, which then don't come again.
    ///
    /// # Errors
    /// When one of the calls fails: some of the messages may come again.
    pub async fn acknowledge(
        &self,
        subscription: &str,
        ack_ids: &[&str],
        limit: Duration,
    ) -> Result<(), CallError> {
        for ack_ids in ack_ids.chunks(ACKNOWLEDGED) {
            self.call_subscription(subscription, "acknowledge", &json!({"ackIds": ack_ids}), limit).await?;
        }
        Ok(())
    }

    /// Lets the leases of these messages end after `lease`, ten minutes at most; then they come again.
    ///
    /// # Errors
    /// When one of the calls fails: some of the messages come again when their lease ends.
    pub async fn modify_leases(
        &self,
        subscription: &str,
        ack_ids: &[&str],
        lease: Duration,
        limit: Duration,
    ) -> Result<(), CallError> {
        let seconds = lease.min(LONGEST_LEASE).as_secs();
        for ack_ids in ack_ids.chunks(ACKNOWLEDGED) {
            let body = json!({"ackIds": ack_ids, "ackDeadlineSeconds": seconds});
            self.call_subscription(subscription, "modifyAckDeadline", &body, limit).await?;
        }
        Ok(())
    }

    async fn call_subscription(
        &self,
        subscription: &str,
        method: &str,
        body: &Value,
        limit: Duration,
    ) -> Result<Success, CallError> {
        let path = format!("v1/{subscription}:{method}");
        let body = body.to_string().into_bytes();
        let call = Call {
            api: Api::PubSub,
            method: Method::Post,
            path: &path,
            body,
            repeatable: true,
            longest: Some(LONGEST),
        };
        self.call(call, limit).await
    }
}
