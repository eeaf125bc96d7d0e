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

    /// Sends it, and lets `judge` say what the answer means.
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
        let answer = self.exchange(request, call.limit, post.repeatable).await;
        let answer = answer.map_err(|failure| answer::no_answer(&failure))?;
        // A `Date` is cut to whole seconds: a try that counts from it must not come a moment too early.
        let date = answer.date.map(|date| date + TimeDelta::seconds(1));
        if let Some(wait) = answer.retry_after.filter(|_| answer.status >= 400) {
            // Slack counts from its answer.
            let took = TimeDelta::from_std(Duration::from_millis(watch.milliseconds()));
            self.limits.keep(post.limited, wait, date, call.now + took.unwrap_or_default());
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
        let post = Post {
            url: "https://slack.com".into(),
            token: None,
            body: &Json::Null,
            limited: "x".to_owned(),
            repeatable: false,
        };
        let sent = client.send(post, call(0), |_| Err::<(), _>(answer::held_back(Duration::ZERO, at(0))));
        sent.await.unwrap_err();
        let is_held_back = |second| client.limits.held_back(&["x"], at(second)).is_some();
        assert!(is_held_back(3) && !is_held_back(4));
    }
}
