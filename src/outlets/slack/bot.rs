//! A bot: it posts to channels, edits and deletes its messages, and replies in threads. Its token is a secret and in no error.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::answer::of_api;
use super::client::{Client, Post};
use super::ids::{self, Who, channel_of, ts_of};
use super::payload::rendered;
use super::{ID, TITLE};
use crate::net::transport::Transport;
use crate::outlets::layout::with;
use crate::outlets::{Call, Content, Outlet, Place, PostError, Reach, Sending, To};
use crate::watch::{Powers, Receipt, Target};

pub(super) const POWERS: Powers =
    Powers { texts: true, edits: true, threads: true, mentions: true, targets: true };
/// Methods of the web API.
const POST: &str = "chat.postMessage";
const UPDATE: &str = "chat.update";
const DELETE: &str = "chat.delete";
const TEST: &str = "auth.test";

/// A bot.
pub struct Bot {
    client: Client,
    /// Where the web API answers.
    base: String,
    token: SecretString,
}

impl Bot {
    /// A bot with this token, to which the web API answers at `base`.
    pub fn new(transport: Arc<dyn Transport>, base: String, token: SecretString) -> Self {
        Self { client: Client::new(transport), base, token }
    }

    async fn call(&self, method: &str, body: &Json, call: Call) -> Result<Option<String>, PostError> {
        let post = Post {
            url: format!("{}/api/{method}", self.base).into(),
            token: Some(&self.token),
            body,
            limited: limit_of(method, body.get("channel").and_then(Json::as_str)),
            repeatable: matches!(method, UPDATE | DELETE),
        };
        self.client.send(post, call, |answer| of_api(method, answer)).await
    }
}

impl Outlet for Bot {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        TITLE
    }

    fn powers(&self) -> Powers {
        POWERS
    }

    fn post<'a>(&'a self, to: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>> {
        Box::pin(async move {
            let channel = match to {
                To::Target(target) => target.cloned(),
                To::Reply { of, .. } => Some(channel_of(of)),
            };
            let channel = channel.as_ref().map(Target::as_str);
            // A link to a bucket has no preview, only an error.
            let more = json!({"channel": channel, "unfurl_links": false, "unfurl_media": false});
            let body = with(with(rendered(content), more), thread(to, content));
            let ts = self.call(POST, &body, call).await?;
            // Where it was sent, not where an answer says: only that channel is known to be permitted.
            Ok(channel.zip(ts).and_then(|(channel, ts)| ids::receipt(channel, &ts)))
        })
    }

    fn edit<'a>(&'a self, at: &'a Receipt, content: Content<'a>, call: Call) -> Sending<'a, ()> {
        Box::pin(async move {
            // Attachments that are not named would stay.
            let body = with(json!({"attachments": []}), rendered(content));
            // By itself an edit makes mentions of plain text, unlike a post.
            let more = json!({"channel": channel_of(at).as_str(), "ts": ts_of(at), "parse": "none"});
            let mut body = with(body, more);
            if let Some(body) = body.as_object_mut() {
                body.remove("mrkdwn");
            }
            self.call(UPDATE, &body, call).await?;
            Ok(())
        })
    }

    fn retract<'a>(&'a self, at: &'a Receipt, call: Call) -> Sending<'a, ()> {
        Box::pin(async move {
            let body = json!({"channel": channel_of(at).as_str(), "ts": ts_of(at)});
            self.call(DELETE, &body, call).await?;
            Ok(())
        })
    }

    fn probe(&self, limit: Duration) -> Sending<'_, ()> {
        let call = Call { limit, now: DateTime::<Utc>::MIN_UTC };
        Box::pin(async move {
            self.call(TEST, &json!({}), call).await?;
            Ok(())
        })
    }

    fn probed(&self) -> &'static str {
        "Slack bot token (permission to post not checked)"
    }

    fn resting(&self, place: Place<'_>, now: DateTime<Utc>) -> Option<PostError> {
        let limits = &self.client.limits;
        match place {
            Place::Target(target) => limits.held_back(&[&posts_to(target)], now),
            // What goes to the channel of a message edits that message too.
            Place::Message(at) => limits.held_back(&[UPDATE, &posts_to(Some(&channel_of(at)))], now),
        }
    }

    fn admits(&self, place: Place<'_>, now: DateTime<Utc>) -> bool {
        match place {
            Place::Target(target) => self.client.limits.admits(&posts_to(target), now),
            Place::Message(_) => self.client.limits.admits(UPDATE, now),
        }
    }

    fn wrote(&self, receipt: &Receipt) -> bool {
        ids::is_receipt(receipt)
    }

    fn target_of(&self, receipt: &Receipt) -> Option<Target> {
        Some(channel_of(receipt))
    }

    fn takes_addresses(&self) -> bool {
        true
    }
}

/// Which thread a message goes to.
fn thread(to: To<'_>, content: Content<'_>) -> Json {
    let To::Reply { of, reach } = to else { return json!({}) };
    let mut who = content.notice.mentions.iter().filter_map(|mention| Who::of(mention.as_str()));
    // In a thread, "here" notifies no one.
    if reach != Reach::Thread && who.any(|who| matches!(who, Who::Here)) {
        return json!({});
    }
    json!({"thread_ts": ts_of(of), "reply_broadcast": reach == Reach::Everyone})
}

fn posts_to(target: Option<&Target>) -> String {
    limit_of(POST, target.map(Target::as_str))
}

/// What Slack limits: of posts each channel by itself, of other methods all calls.
fn limit_of(method: &str, channel: Option<&str>) -> String {
    if method == POST { format!("{method} {}", channel.unwrap_or_default()) } else { method.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::client::tests::{Asks, call};
    use super::*;
    use crate::testing::at;

    /// One channel's limit is no other's, and edits have one of their own.
    #[tokio::test]
    async fn only_what_slack_limits_is_held_back() {
        let transport = Arc::new(Asks(Mutex::new(vec![30, 60])));
        let slack = Bot::new(transport, "https://slack.com".to_owned(), "xoxb-x".into());
        let [busy, other] = ["C0BUSY", "C0OTHER"].map(Target::new);
        let live = ids::receipt("C0OTHER", "1.000001").unwrap();
        slack.call(POST, &json!({"channel": "C0BUSY"}), call(0)).await.unwrap_err();
        assert!(slack.resting(Place::Target(Some(&busy)), at(1)).is_some());
        for place in [Place::Target(Some(&other)), Place::Message(&live)] {
            let is_free = slack.resting(place, at(1)).is_none();
            assert!(is_free && slack.admits(place, at(1)) && slack.admits(place, at(1)), "{place:?}");
        }
        // The last answer that there is.
        slack.call(UPDATE, &json!({"channel": "C0OTHER"}), call(1)).await.unwrap_err();
        assert_eq!(slack.resting(Place::Target(Some(&other)), at(2)), None);
        let held = slack.resting(Place::Message(&live), at(2)).unwrap();
        assert_eq!(held.retry_after, Some(Duration::from_secs(29)));
        let edits = |second| slack.admits(Place::Message(&live), at(second));
        // The wait ends at second 31; then edits are 2.4 seconds apart for five minutes.
        assert!(!edits(30) && edits(31) && !edits(33) && edits(34) && edits(330) && edits(331) && edits(331));
    }
}
