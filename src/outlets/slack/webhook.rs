//! An incoming webhook: it posts to the one channel that it is bound to. Its URL is a secret and in no error.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::answer::{of_empty, of_webhook};
use super::client::{Client, Post};
use super::payload::rendered;
use super::{ID, TITLE, ids};
use crate::net::transport::{Answer, Transport};
use crate::outlets::{Call, Content, Outlet, Place, PostError, Sending, To};
use crate::watch::{Powers, Receipt, Target};

pub(super) const POWERS: Powers =
    Powers { texts: true, edits: false, threads: false, mentions: true, targets: false };
/// What limits its posts.
const POSTS: &str = "";

/// An incoming webhook.
pub struct Webhook {
    client: Client,
    url: SecretString,
}

impl Webhook {
    /// The webhook with this URL.
    pub fn new(transport: Arc<dyn Transport>, url: SecretString) -> Self {
        Self { client: Client::new(transport), url }
    }

    async fn send(
        &self,
        body: &Json,
        call: Call,
        judge: impl Fn(&Answer) -> Result<(), PostError>,
    ) -> Result<(), PostError> {
        let url = self.url.clone();
        let post = Post { url, token: None, body, limited: POSTS.to_owned(), repeatable: false };
        self.client.send(post, call, judge).await
    }
}

impl Outlet for Webhook {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        TITLE
    }

    fn powers(&self) -> Powers {
        POWERS
    }

    fn post<'a>(&'a self, _: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>> {
        Box::pin(async move {
            self.send(&rendered(content), call, of_webhook).await?;
            Ok(None)
        })
    }

    /// A live webhook finds an empty payload invalid, a dead one says so.
    fn probe(&self, limit: Duration) -> Sending<'_, ()> {
        let call = Call { limit, now: DateTime::<Utc>::MIN_UTC };
        Box::pin(async move { self.send(&json!({}), call, of_empty).await })
    }

    fn probed(&self) -> &'static str {
        "Slack's webhook"
    }

    fn resting(&self, _: Place<'_>, now: DateTime<Utc>) -> Option<PostError> {
        self.client.limits.held_back(&[POSTS], now)
    }

    fn wrote(&self, receipt: &Receipt) -> bool {
        ids::is_receipt(receipt)
    }

    fn target_of(&self, receipt: &Receipt) -> Option<Target> {
        Some(ids::channel_of(receipt))
    }

    fn takes_addresses(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::client::tests::{Asks, call};
    use super::*;
    use crate::testing::at;

    #[tokio::test]
    async fn nothing_is_sent_while_slack_asks_for_quiet() {
        let slack = Webhook::new(Arc::new(Asks(Mutex::new(vec![60]))), "https://hooks.slack.com/x".into());
        let post = |second| slack.send(&Json::Null, call(second), of_webhook);
        let error = post(0).await.unwrap_err();
        assert_eq!((error.retry_after, error.date), (Some(Duration::from_secs(60)), Some(at(301))));
        let held = post(20).await.unwrap_err();
        assert_eq!((held.retry_after, held.date), (Some(Duration::from_secs(40)), Some(at(321))));
        let place = Place::Target(None);
        assert_eq!(slack.resting(place, at(60)), None);
    }
}
