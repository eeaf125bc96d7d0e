//! Calls Slack, through an incoming webhook or as a bot. The webhook's URL and the bot's token are secrets and in no error.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::answer::{PostError, of_api, of_webhook};
use super::fault::Fault;
use crate::clock::Stopwatch;
use crate::net::transport::{Answer, Failure, Method, Request, Transport};
use crate::watch::{Channel, Posted};

/// How long after a `Retry-After` nothing is sent that can be left out: many watches under way would use up what Slack takes
/// (some 50 edits a minute), and their ends would wait.
const PAUSE: TimeDelta = TimeDelta::minutes(5);
/// Methods of the web API.
const POST: &str = "chat.postMessage";
const UPDATE: &str = "chat.update";
const DELETE: &str = "chat.delete";
/// What a live webhook says of an empty message.
const EMPTY: [&str; 3] =
    ["400 invalid_payload", "400 no_text", "400 missing_text_or_fallback_or_attachments"];

/// Slack.
pub struct Slack {
    transport: Arc<dyn Transport>,
    access: Access,
    /// Until when Slack asked to be left alone, by what it limits: a method, and of posts one channel
    /// (<https://docs.slack.dev/apis/web-api/rate-limits>). Nothing of that is sent before.
    quiet: Mutex<BTreeMap<String, Quiet>>,
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
        Self { transport, access: Access::Webhook(url), quiet: Mutex::default() }
    }

    /// A bot with this token, to which the web API answers at `base`.
    pub fn bot(transport: Arc<dyn Transport>, base: String, token: SecretString) -> Self {
        Self { transport, access: Access::Bot { base, token }, quiet: Mutex::default() }
    }

    /// Whether messages can be edited.
    pub fn is_bot(&self) -> bool {
        matches!(self.access, Access::Bot { .. })
    }

    /// Why not to post to `place` now: Slack wants to be left alone, as far as this instance has seen. What goes to the channel
    /// of a message edits that message too.
    pub fn quiet(&self, place: Place<'_>, now: DateTime<Utc>) -> Option<PostError> {
        let quiet = self.limits();
        let of = |limited: &str| quiet.get(limited).filter(|quiet| quiet.until > now);
        let edits = if matches!(place, Place::Channel(_)) { None } else { of(UPDATE) };
        let longest = edits.into_iter().chain(of(&self.limited(place))).max_by_key(|quiet| quiet.until)?;
        let left = (longest.until - now).to_std().ok()?;
        Some(PostError::held_back(left, now + longest.ahead))
    }

    /// Whether Slack asked a short while ago to be left alone with posts to this channel, or with edits of this message: what
    /// can be left out is better left out.
    pub fn is_busy(&self, place: Place<'_>, now: DateTime<Utc>) -> bool {
        let limited =
            if matches!(place, Place::Channel(_)) { self.limited(place) } else { UPDATE.to_owned() };
        self.limits().get(&limited).is_some_and(|quiet| now < quiet.until + PAUSE)
    }

    fn limits(&self) -> MutexGuard<'_, BTreeMap<String, Quiet>> {
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What limits posts to `place`.
    fn limited(&self, place: Place<'_>) -> String {
        if self.is_bot() { limit_of(POST, place.channel().as_deref()) } else { String::new() }
    }

    /// Posts `payload`; a bot's message can be edited later, if Slack says where it is.
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
        let channel = place.channel();
        let thread = match place {
            Place::Thread { of, broadcast } => json!({"thread_ts": of.ts, "reply_broadcast": broadcast}),
            Place::Channel(_) | Place::Message(_) => json!({}),
        };
        // A link to a bucket has no preview, only an error.
        let payload =
            with(payload, json!({"channel": channel, "unfurl_links": false, "unfurl_media": false}));
        let ts = self.call(POST, &with(payload, thread), limit, now).await?;
        // Where it was sent, not where an answer says: only that channel is known to be permitted.
        let posted = channel.zip(ts).map(|(channel, ts)| Posted { channel, ts });
        Ok(posted.filter(Posted::is_plausible))
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
        self.call(UPDATE, &payload, limit, now).await.map(|_| ())
    }

    /// Takes the message `at` back.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn delete(&self, at: &Posted, limit: Duration, now: DateTime<Utc>) -> Result<(), PostError> {
        let body = json!({"channel": at.channel, "ts": at.ts});
        self.call(DELETE, &body, limit, now).await.map(|_| ())
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
        match self.send("", &json!({}), limit, now, of_webhook).await {
            Ok(()) => Err(PostError::took_nothing("200 ok")),
            Err(error) if error.fault == Fault::Unclear => Err(PostError::took_nothing(&error.text)),
            Err(error) if EMPTY.contains(&error.text.as_str()) => Ok(()),
            Err(error) => Err(error),
        }
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
        let limited = limit_of(method, body.get("channel").and_then(Json::as_str));
        if let Some(quiet) = self.limits().get(&limited).filter(|quiet| quiet.until > now) {
            return Err(PostError::held_back(
                (quiet.until - now).to_std().unwrap_or_default(),
                now + quiet.ahead,
            ));
        }
        let (url, token) = match &self.access {
            Access::Webhook(url) => (url.clone(), None),
            Access::Bot { base, token } => (format!("{base}/api/{method}").into(), Some(token.clone())),
        };
        let request = Request { method: Method::Post, url, token, body: body.to_string().into_bytes() };
        // An edit made twice is one edit; of a post nobody can tell whether it arrived.
        let again = matches!(method, UPDATE | DELETE);
        let answer = self.exchange(request, limit, again).await;
        let answer = answer.map_err(|failure| PostError::no_answer(&failure))?;
        // A `Date` is cut to whole seconds: a try that counts from it must not come a moment too early.
        let date = answer.date.map(|date| date + TimeDelta::seconds(1));
        if let Some(wait) = answer.retry_after.filter(|_| answer.status >= 400) {
            self.keep_quiet(limited, wait, date, now);
        }
        judge(&answer).map_err(|error| PostError { date, ..error })
    }

    /// Sends `request`, and once more with `again` if the connection broke: one that was idle may have been closed.
    async fn exchange(&self, request: Request, limit: Duration, again: bool) -> Result<Answer, Failure> {
        let watch = Stopwatch::start();
        let second = again.then(|| request.clone());
        let answer = self.transport.send(request, limit).await;
        match (&answer, second) {
            (Err(Failure::Broken(_)), Some(request)) => {
                let left = limit.saturating_sub(Duration::from_millis(watch.milliseconds()));
                self.transport.send(request, left).await
            }
            _ => answer,
        }
    }

    fn keep_quiet(&self, limited: String, wait: Duration, date: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let until = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(1)).min(TimeDelta::days(1));
        let ahead = date.map_or(TimeDelta::zero(), |date| date - now);
        let mut quiet = self.limits();
        quiet.retain(|_, quiet| now < quiet.until + PAUSE);
        // Two calls at once may each be given a time: the later one holds.
        let kept = quiet.entry(limited).or_insert(Quiet { until, ahead });
        if kept.until < until {
            *kept = Quiet { until, ahead };
        }
    }
}

impl Place<'_> {
    /// The id of its channel; none for a webhook.
    fn channel(self) -> Option<String> {
        match self {
            Self::Channel(channel) => channel.map(ToString::to_string),
            Self::Message(of) | Self::Thread { of, .. } => Some(of.channel.clone()),
        }
    }
}

/// What Slack limits: of posts each channel by itself, of other methods all calls.
fn limit_of(method: &str, channel: Option<&str>) -> String {
    if method == POST { format!("{method} {}", channel.unwrap_or_default()) } else { method.to_owned() }
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
        fn send(&self, _: Request, _: Duration) -> crate::net::transport::Sending<'_> {
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
        let place = Place::Channel(None);
        assert_eq!(slack.quiet(place, at(60)), None);
        let busy = |second| slack.is_busy(place, at(second));
        assert!(busy(60) && busy(359) && !busy(360));
    }

    fn bot(waits: Vec<u64>) -> Slack {
        Slack::bot(Arc::new(Asks(Mutex::new(waits))), "https://slack.com".to_owned(), "xoxb-x".into())
    }

    /// One channel's limit is no other's, and edits have one of their own.
    #[tokio::test]
    async fn only_what_slack_limits_is_held_back() {
        let slack = bot(vec![30, 60]);
        let limit = Duration::from_secs(8);
        let [busy, other]: [Channel; 2] = ["C0BUSY", "C0OTHER"].map(|id| id.parse().unwrap());
        let live = Posted { channel: "C0OTHER".to_owned(), ts: "1.000001".to_owned() };
        slack.post(Place::Channel(Some(&busy)), json!({}), limit, at(0)).await.unwrap_err();
        assert!(slack.quiet(Place::Channel(Some(&busy)), at(1)).is_some());
        for place in [Place::Channel(Some(&other)), Place::Message(&live)] {
            assert!(slack.quiet(place, at(1)).is_none() && !slack.is_busy(place, at(1)), "{place:?}");
        }
        // The last answer that there is.
        slack.update(&live, json!({}), limit, at(1)).await.unwrap_err();
        assert_eq!(slack.quiet(Place::Channel(Some(&other)), at(2)), None);
        let held = slack.quiet(Place::Message(&live), at(2)).unwrap();
        assert_eq!(held.retry_after, Some(Duration::from_secs(29)));
        assert!(
            slack.is_busy(Place::Message(&live), at(330)) && !slack.is_busy(Place::Message(&live), at(331))
        );
    }

    /// What is over takes no room.
    #[test]
    fn a_wait_that_is_long_over_is_forgotten() {
        let slack = bot(Vec::new());
        for channel in 0..100_i64 {
            let limited = limit_of(POST, Some(&format!("C{channel}")));
            slack.keep_quiet(limited, Duration::from_secs(1), None, at(1_000 * channel));
        }
        assert_eq!(slack.limits().len(), 1);
    }

    #[tokio::test]
    async fn of_two_waits_the_longer_one_holds() {
        let slack = Slack::webhook(Arc::new(Asks(Mutex::default())), "https://hooks.slack.com/x".into());
        slack.keep_quiet(String::new(), Duration::from_secs(60), None, at(0));
        slack.keep_quiet(String::new(), Duration::from_secs(5), None, at(0));
        let quiet = slack.quiet(Place::Channel(None), at(20)).unwrap();
        assert_eq!(quiet.retry_after, Some(Duration::from_secs(40)));
    }
}
