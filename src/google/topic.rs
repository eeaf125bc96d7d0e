//! Publishes: a kickoff, as a person would with gcloud, and events.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, CallError, Google};
use crate::net::endpoints::Api;
use crate::net::transport::Method;
use crate::services::ApiError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    message_ids: Vec<String>,
}

impl Google {
    /// Publishes `data` to `topic` and returns the message's id
    /// (<https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish>).
    ///
    /// # Errors
    /// When it was refused, or when it is not known whether it was published.
    #[cfg(feature = "terminal")]
    pub async fn publish(&self, topic: &str, data: &[u8], limit: Duration) -> Result<String, CallError> {
        // A kickoff that is published twice starts once, but a watch would be told of twice.
        self.publish_message(topic, &json!({"data": STANDARD.encode(data)}), false, limit)
            .await
            .map(|(id, _)| id)
    }

    /// Publishes `data` to `topic`, again at once if a connection breaks: it says itself which copies are the same. Returns
    /// the time by Google's clock.
    ///
    /// # Errors
    /// As [`Google::publish`].
    pub async fn publish_repeatable(
        &self,
        topic: &str,
        data: &[u8],
        limit: Duration,
    ) -> Result<Option<DateTime<Utc>>, CallError> {
        let message = json!({"data": STANDARD.encode(data)});
        self.publish_message(topic, &message, true, limit).await.map(|(_, date)| date)
    }

    /// Publishes an event with these attributes to `topic`, again at once if a connection breaks: its id tells copies.
    ///
    /// # Errors
    /// As [`Google::publish`].
    pub async fn publish_event(
        &self,
        topic: &str,
        data: &[u8],
        attributes: &[(&str, &str)],
        limit: Duration,
    ) -> Result<String, CallError> {
        let attributes: Map<String, Value> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let message = json!({"data": STANDARD.encode(data), "attributes": attributes});
        self.publish_message(topic, &message, true, limit).await.map(|(id, _)| id)
    }

    async fn publish_message(
        &self,
        topic: &str,
        message: &Value,
        repeatable: bool,
        limit: Duration,
    ) -> Result<(String, Option<DateTime<Utc>>), CallError> {
        let path = format!("v1/{topic}:publish");
        let body = json!({"messages": [message]}).to_string().into_bytes();
        let call =
            Call { api: Api::PubSub, method: Method::Post, path: &path, body, repeatable, longest: None };
        let success = self.call(call, limit).await?;
        let published: Option<Published> = serde_json::from_slice(&success.body).ok();
        let id = published.and_then(|published| published.message_ids.into_iter().next());
        id.map(|id| (id, success.date)).ok_or_else(|| CallError::Unreadable {
            error: ApiError::of_text("the response of Pub/Sub names no message"),
            date: success.date,
        })
    }
}
