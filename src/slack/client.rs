//! Calls Slack, through an incoming webhook or as a bot. The webhook's URL and the bot's token are secrets and in no error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::answer::{PostError, of_api, of_webhook};
use crate::message::{Channel, Posted};
use crate::transport::{Answer, Method, Request, Transport};

/// How long after a `Retry-After` nothing is sent that can be left out: many watches under way would use up what Slack takes
/// (some 50 edits a minute), and their ends would wait.
const PAUSE: TimeDelta = TimeDelta::minutes(5);

/// Slack.
pub struct Slack {
    transport: Arc<dyn Transport>,
    access: Access,
    /// Until when Slack asked to be left alone: nothing is sent before.
    quiet: Mutex<Option<Quiet>>,
}

enum Access {
    Webhook(SecretString),
    Bot { base: String, token: SecretString },
}

/// A time of which Slack asked to be left alone.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// Its end, by this instance's clock.
    until: DateTime<Utc>,
    /// How far Slack's clock is ahead of this instance's.
    ahead: TimeDelta,
}

/// Where a bot posts; a webhook has one place.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// To a channel; none is for a webhook.
    Channel(Option<&'a Channel>),
    /// To the channel of a message.
    Message(&'a Posted),
    /// Into the thread of a message, and with `broadcast` to its channel too.
    Thread {
        /// The message.
        of: &'a Posted,
        /// Whether the channel sees it.
        broadcast: bool,
    },
}

impl Slack {
    /// A client of the webhook with this URL.
    pub fn webhook(transport: Arc<dyn Transport>, url: SecretString) -> Self {
        Self { transport, access: Access::Webhook(url), quiet: Mutex::new(None) }
    }

    /// A bot with this token, to which the web API answers at `base`.
    pub fn bot(transport: Arc<dyn Transport>, base: String, token: SecretString) -> Self {
        Self { transport, access: Access::Bot { base, token }, quiet: Mutex::new(None) }
    }

    /// Whether messages can be edited.
    pub fn is_bot(&self) -> bool {
        matches!(self.access, Access::Bot { .. })
    }

    /// Why not to call Slack now: it wants to be left alone, as far as this instance has seen.
    pub fn quiet(&self, now: DateTime<Utc>) -> Option<PostError> {
        let quiet = (*self.quiet.lock().unwrap_or_else(PoisonError::into_inner))?;
        let left = (quiet.until - now).to_std().ok().filter(|left| !left.is_zero())?;
        Some(PostError::held_back(left, now + quiet.ahead))
    }

    /// Whether Slack asked to be left alone a short while ago: what can be left out is better left out.
    pub fn is_busy(&self, now: DateTime<Utc>) -> bool {
        let quiet = *self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        quiet.is_some_and(|quiet| now < quiet.until + PAUSE)
    }

    /// Posts `payload`; a bot's message can be edited later.
    ///
    /// # Errors
    /// When Slack did not say `ok`, or asked to be left alone.
    pub async fn post(
        &self,
        place: Place<'_>,
        payload: Json,
        limit: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<Posted>, PostError> {
        let Access::Bot { .. } = self.access else {
            return self.send("", &payload, limit, now, of_webhook).await.map(|()| None);
        };
        let channel = match place {
            Place::Channel(channel) => channel.map(ToString::to_string),
            Place::Message(of) | Place::Thread { of, .. } => Some(of.channel.clone()),
        };
        let thread = match place {
            Place::Thread { of, broadcast } => json!({"thread_ts": of.ts, "reply_broadcast": broadcast}),
            Place::Channel(_) | Place::Message(_) => json!({}),
        };
        // A link to a bucket has no preview, only an error.
        let payload =
            with(payload, json!({"channel": channel, "unfurl_links": false, "unfurl_media": false}));
        let ts = self.call("chat.postMessage", &with(payload, thread), limit, now).await?;
        // Where it was sent, not where an answer says: only that channel is known to be permitted.
        Ok(channel.zip(ts).map(|(channel, ts)| Posted { channel, ts }))
    }

    /// Makes `payload` of the message `at`.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn update(
        &self,
        at: &Posted,
        payload: Json,
        limit: Duration,
        now: DateTime<Utc>,
    ) -> Result<(), PostError> {
        // Attachments that are not named would stay.
        let payload = with(json!({"attachments": []}), payload);
        // By itself an edit makes mentions of plain text, unlike a post.
        let mut payload = with(payload, json!({"channel": at.channel, "ts": at.ts, "parse": "none"}));
        if let Some(payload) = payload.as_object_mut() {
            payload.remove("mrkdwn");
        }
        self.call("chat.update", &payload, limit, now).await.map(|_| ())
    }

    /// Takes the message `at` back.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn delete(&self, at: &Posted, limit: Duration, now: DateTime<Utc>) -> Result<(), PostError> {
        let body = json!({"channel": at.channel, "ts": at.ts});
        self.call("chat.delete", &body, limit, now).await.map(|_| ())
    }

    /// Asks without posting whether Slack would take a message: a bot's token is tested; a live webhook finds an empty
    /// payload invalid, a dead one says so.
    ///
    /// # Errors
    /// When it would not, or can't be reached.
    pub async fn probe(&self, limit: Duration) -> Result<(), PostError> {
        let now = DateTime::<Utc>::MIN_UTC;
        if self.is_bot() {
            return self.call("auth.test", &json!({}), limit, now).await.map(|_| ());
        }
        let error = match self.send("", &json!({}), limit, now, of_webhook).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let live = ["400 invalid_payload", "400 no_text", "400 missing_text_or_fallback_or_attachments"];
        if live.contains(&error.text.as_str()) { Ok(()) } else { Err(error) }
    }

    /// Calls a method of the web API.
    async fn call(
        &self,
        method: &str,
        body: &Json,
        limit: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, PostError> {
        self.send(method, body, limit, now, |answer| of_api(method, answer)).await
    }

    async fn send<T>(
        &self,
        method: &str,
        body: &Json,
        limit: Duration,
        now: DateTime<Utc>,
        judge: impl Fn(&Answer) -> Result<T, PostError>,
    ) -> Result<T, PostError> {
        if let Some(error) = self.quiet(now) {
            return Err(error);
        }
        let (url, token) = match &self.access {
            Access::Webhook(url) => (url.clone(), None),
            Access::Bot { base, token } => (format!("{base}/api/{method}").into(), Some(token.clone())),
        };
        let request = Request { method: Method::Post, url, token, body: body.to_string().into_bytes() };
        let answer = self.transport.send(request, limit).await;
        let answer = answer.map_err(|failure| PostError::no_answer(&failure))?;
        // A `Date` is cut to whole seconds: a try that counts from it must not come a moment too early.
        let date = answer.date.map(|date| date + TimeDelta::seconds(1));
        if let Some(wait) = answer.retry_after.filter(|_| answer.status >= 400) {
            self.keep_quiet(wait, date, now);
        }
        judge(&answer).map_err(|error| PostError { date, ..error })
    }

    fn keep_quiet(&self, wait: Duration, date: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let until = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(1)).min(TimeDelta::days(1));
        let ahead = date.map_or(TimeDelta::zero(), |date| date - now);
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two calls at once each may be told a time of its own: the later one holds.
        if quiet.is_none_or(|quiet| quiet.until < until) {
            *quiet = Some(Quiet { until, ahead });
        }
    }
}

/// `payload` with the fields of `more`.
fn with(mut payload: Json, more: Json) -> Json {
    if let (Some(payload), Json::Object(more)) = (payload.as_object_mut(), more) {
        payload.extend(more);
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slack asks for a wait in seconds, and its clock is five minutes ahead.
    struct Asks(Mutex<Vec<u64>>);

    impl Transport for Asks {
        fn send(&self, _: Request, _: Duration) -> crate::transport::Sending<'_> {
            let wait = self.0.lock().unwrap().pop().expect("no call inside a Retry-After");
            let date = Some(at(300));
            let retry_after = Some(Duration::from_secs(wait));
            let body = "rate_limited".into();
            Box::pin(async move { Ok(Answer { status: 429, retry_after, date, max_age: None, body }) })
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[tokio::test]
    async fn nothing_is_sent_while_slack_asks_for_quiet() {
        let slack = Slack::webhook(Arc::new(Asks(Mutex::new(vec![60]))), "https://hooks.slack.com/x".into());
        let post = |second| slack.post(Place::Channel(None), json!({}), Duration::from_secs(8), at(second));
        let error = post(0).await.unwrap_err();
        assert_eq!((error.retry_after, error.date), (Some(Duration::from_secs(60)), Some(at(301))));
        let held = post(20).await.unwrap_err();
        assert_eq!((held.retry_after, held.date), (Some(Duration::from_secs(40)), Some(at(321))));
        assert_eq!(slack.quiet(at(60)), None);
        assert!(slack.is_busy(at(60)) && slack.is_busy(at(359)) && !slack.is_busy(at(360)));
    }

    #[tokio::test]
    async fn of_two_waits_the_longer_one_holds() {
        let slack = Slack::webhook(Arc::new(Asks(Mutex::default())), "https://hooks.slack.com/x".into());
        slack.keep_quiet(Duration::from_secs(60), None, at(0));
        slack.keep_quiet(Duration::from_secs(5), None, at(0));
        assert_eq!(slack.quiet(at(20)).unwrap().retry_after, Some(Duration::from_secs(40)));
    }
}
