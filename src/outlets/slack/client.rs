//! One call to Slack, the same for a webhook and for a bot: not before the end of a wait that Slack asked for.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::Value as Json;

use super::answer;
use super::limits::RateLimits;
use crate::clock::Stopwatch;
use crate::net::transport::{Answer, Failure, Method, Request, Transport};
use crate::outlets::{Call, PostError};

/// What calls Slack.
pub(super) struct Client {
    transport: Arc<dyn Transport>,
    pub(super) limits: RateLimits,
}

/// A request to Slack.
pub(super) struct Post<'a> {
    pub(super) url: SecretString,
    pub(super) token: Option<&'a SecretString>,
    pub(super) body: &'a Json,
    /// What limits it.
    pub(super) limited: String,
    /// Whether it may be sent twice: repeating an edit changes nothing, but a post may already have arrived.
    pub(super) repeatable: bool,
}

impl Client {
    pub(super) fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, limits: RateLimits::default() }
    }

    /// Sends it, once more if it is repeatable and the connection broke, and lets `judge` say what the answer means.
    pub(super) async fn send<T>(
        &self,
        post: Post<'_>,
        call: Call,
        judge: impl Fn(&Answer) -> Result<T, PostError>,
    ) -> Result<T, PostError> {
        if let Some(held_back) = self.limits.held_back(&[&post.limited], call.now) {
            return Err(held_back);
        }
        let request = Request {
            method: Method::Post,
            url: post.url,
            token: post.token.cloned(),
            headers: Vec::new(),
            body: post.body.to_string().into_bytes(),
            longest: None,
        };
        let watch = Stopwatch::start();
        let took = || Duration::from_millis(watch.milliseconds());
        let by_now = || call.now + TimeDelta::from_std(took()).unwrap_or_default();
        let second = post.repeatable.then(|| request.clone());
        let mut answer = self.transport.send(request, call.limit).await;
        // An idle connection may have been closed.
        if let (Err(Failure::Broken(_)), Some(request)) = (&answer, second) {
            // Meanwhile Slack may have asked another call to wait.
            if let Some(held_back) = self.limits.held_back(&[&post.limited], by_now()) {
                return Err(held_back);
            }
            answer = self.transport.send(request, call.limit.saturating_sub(took())).await;
        }
        let answer = answer.map_err(|failure| answer::no_answer(&failure))?;
        // A `Date` is cut to whole seconds: a try that counts from it must not come a moment too early.
        let date = answer.date.map(|date| date + TimeDelta::seconds(1));
        if let Some(wait) = answer.retry_after.filter(|_| answer.status >= 400) {
            // Slack counts from its answer.
            self.limits.keep(post.limited, wait, date, by_now());
        }
        judge(&answer).map_err(|error| PostError { date, ..error })
    }
}

/// A Slack that answers each call with 429.
#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::net::transport::Sending;
    use crate::testing::{answer, at};

    /// Slack asks for a wait in seconds, and its clock is five minutes ahead.
    pub(in crate::outlets::slack) struct Asks(pub(in crate::outlets::slack) Mutex<Vec<u64>>);

    impl Transport for Asks {
        fn send(&self, _: Request, _: Duration) -> Sending<'_> {
            let wait = self.0.lock().unwrap().pop().expect("no call inside a Retry-After");
            let date = Some(at(300));
            let retry_after = Some(Duration::from_secs(wait));
            Box::pin(async move { Ok(Answer { retry_after, date, ..answer(429, "rate_limited") }) })
        }
    }

    pub(in crate::outlets::slack) fn call(second: i64) -> Call {
        Call { limit: Duration::from_secs(8), now: at(second) }
    }

    /// A Slack that answers with 429 after a while.
    struct Slow(Duration);

    impl Transport for Slow {
        fn send(&self, _: Request, _: Duration) -> Sending<'_> {
            Box::pin(async move {
                tokio::time::sleep(self.0).await;
                Ok(Answer { retry_after: Some(Duration::from_secs(1)), ..answer(429, "rate_limited") })
            })
        }
    }

    /// A `Retry-After` counts from the answer, however long that took.
    #[tokio::test(start_paused = true)]
    async fn a_wait_begins_with_the_answer() {
        let client = Client::new(Arc::new(Slow(Duration::from_secs(3))));
        let sent =
            client.send(post(false), call(0), |_| Err::<(), _>(answer::held_back(Duration::ZERO, at(0))));
        sent.await.unwrap_err();
        let is_held_back = |second| client.limits.held_back(&["x"], at(second)).is_some();
        assert!(is_held_back(3) && !is_held_back(4));
    }

    fn post(repeatable: bool) -> Post<'static> {
        let limited = "x".to_owned();
        Post { url: "https://slack.com".into(), token: None, body: &Json::Null, limited, repeatable }
    }

    /// A Slack to which the first connection breaks after a second.
    struct Breaks(Mutex<u32>);

    impl Transport for Breaks {
        fn send(&self, _: Request, _: Duration) -> Sending<'_> {
            Box::pin(async move {
                let first = {
                    let mut calls = self.0.lock().unwrap();
                    *calls += 1;
                    *calls == 1
                };
                if !first {
                    return Ok(answer(200, "ok"));
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(Failure::Broken("closed".to_owned()))
            })
        }
    }

    /// The wait that another call was asked for meanwhile is kept.
    #[tokio::test(start_paused = true)]
    async fn a_broken_call_is_repeated_unless_slack_asks_for_a_wait_meanwhile() {
        for (repeatable, until, calls, sent) in
            [(true, 0, 2, true), (true, 1, 2, true), (true, 2, 1, false), (false, 0, 1, false)]
        {
            let transport = Arc::new(Breaks(Mutex::new(0)));
            let client = Client::new(Arc::<Breaks>::clone(&transport));
            let answered = client.send(post(repeatable), call(0), |answer| Ok(answer.status));
            let asked = async { client.limits.keep("x".to_owned(), Duration::from_secs(until), None, at(0)) };
            let (answered, ()) = tokio::join!(answered, asked);
            assert_eq!(
                (*transport.0.lock().unwrap(), answered.is_ok()),
                (calls, sent),
                "{repeatable} {until}"
            );
            let waits = answered.err().and_then(|error| error.retry_after);
            assert_eq!(waits, (until == 2).then_some(Duration::from_secs(1)), "{repeatable} {until}");
        }
    }
}
