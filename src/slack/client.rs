//! Posts to the incoming webhook. Its URL is a secret and is in no error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::text;
use crate::transport::{Method, Request, Transport};

/// The answer of Slack that an error repeats, in characters.
const LONGEST_WORD: usize = 120;

/// The incoming webhook.
pub struct Slack {
    transport: Arc<dyn Transport>,
    webhook: SecretString,
    /// Until when Slack asked to be left alone: reports are held back without a call.
    quiet: Mutex<Option<Quiet>>,
}

/// A time of which Slack asked to be left alone.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// Its end, by this instance's clock.
    until: DateTime<Utc>,
    /// How far Slack's clock is ahead of this instance's.
    ahead: TimeDelta,
}

/// Why a message was not posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Slack: {text}")]
pub struct PostError {
    /// What Slack said or what happened.
    pub text: String,
    /// Trying again as it is will not help: somebody must mend the webhook or the channel.
    pub permanent: bool,
    /// Slack does not like the blocks: plain text may pass.
    pub blocks_refused: bool,
    /// How long Slack asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The time by Slack's clock, from which the next try counts: a container's may be off.
    pub date: Option<DateTime<Utc>>,
}

impl PostError {
    /// Slack was not called, since it asked to be left alone for `wait`, and its clock says `date`.
    fn held_back(wait: Duration, date: DateTime<Utc>) -> Self {
        Self {
            text: "held back, since Slack asked to wait".to_owned(),
            permanent: false,
            blocks_refused: false,
            retry_after: Some(wait),
            date: Some(date),
        }
    }

    /// What somebody must do, for the log.
    pub fn advice(&self) -> &'static str {
        match self.text.rsplit(' ').next().unwrap_or_default() {
            _ if !self.permanent => "nothing: it is tried again",
            _ if self.blocks_refused => "nothing: the next try is plain text; please report this as a bug",
            "channel_is_archived" | "channel_not_found" => {
                "unarchive the channel or make a webhook for another, and set SLACK_WEBHOOK_URL"
            }
            "action_prohibited" | "posting_to_general_channel_denied" => {
                "ask a workspace admin to let the app post there"
            }
            _ => "make a new incoming webhook in Slack and set SLACK_WEBHOOK_URL",
        }
    }
}

impl Slack {
    /// A client of the webhook with this URL.
    pub fn new(transport: Arc<dyn Transport>, webhook: SecretString) -> Self {
        Self { transport, webhook, quiet: Mutex::new(None) }
    }

    /// Why not to call Slack now: it wants to be left alone, as far as this instance has seen.
    pub fn quiet(&self, now: DateTime<Utc>) -> Option<PostError> {
        let quiet = (*self.quiet.lock().unwrap_or_else(PoisonError::into_inner))?;
        let left = (quiet.until - now).to_std().ok().filter(|left| !left.is_zero())?;
        Some(PostError::held_back(left, now + quiet.ahead))
    }

    /// Posts `payload`.
    ///
    /// # Errors
    /// When Slack did not say `ok`: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.
    pub async fn post(&self, payload: &Json, limit: Duration, now: DateTime<Utc>) -> Result<(), PostError> {
        let request = Request {
            method: Method::Post,
            url: self.webhook.clone(),
            token: None,
            body: payload.to_string().into_bytes(),
        };
        let answer = self.transport.send(request, limit).await.map_err(|failure| PostError {
            text: failure.to_string(),
            permanent: false,
            blocks_refused: false,
            retry_after: None,
            date: None,
        })?;
        // A `Date` is cut to whole seconds: a try that counts from it must not come a moment too early.
        let date = answer.date.map(|date| date + TimeDelta::seconds(1));
        if let Some(wait) = answer.retry_after.filter(|_| answer.status >= 400) {
            let until = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(1)).min(TimeDelta::days(1));
            let ahead = date.map_or(TimeDelta::zero(), |date| date - now);
            let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
            // Of two calls at once each may be told a time of its own: the later one holds.
            if quiet.is_none_or(|quiet| quiet.until < until) {
                *quiet = Some(Quiet { until, ahead });
            }
        }
        judge(answer.status, &answer.body, answer.retry_after).map_err(|error| PostError { date, ..error })
    }
}

impl Slack {
    /// Asks without posting whether the webhook is live: a live one finds an empty payload invalid, a dead one says so.
    ///
    /// # Errors
    /// When it is not, or can't be reached.
    pub async fn probe(&self, limit: Duration) -> Result<(), PostError> {
        let error = match self.post(&serde_json::json!({}), limit, DateTime::<Utc>::MIN_UTC).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let live = ["400 invalid_payload", "400 no_text", "400 missing_text_or_fallback_or_attachments"];
        if live.contains(&error.text.as_str()) { Ok(()) } else { Err(error) }
    }
}

/// A webhook says `ok` in plain text; a proxy in between may answer 200 with anything else.
fn judge(status: u16, body: &[u8], retry_after: Option<Duration>) -> Result<(), PostError> {
    let word = String::from_utf8_lossy(body);
    let word = word.trim();
    if (200..300).contains(&status) && word == "ok" {
        return Ok(());
    }
    let blocks_refused =
        status == 400 && ["invalid_payload", "invalid_blocks", "invalid_attachments"].contains(&word);
    Err(PostError {
        text: format!("{status} {}", text::cut(word, LONGEST_WORD)).trim_end().to_owned(),
        permanent: matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429),
        blocks_refused,
        retry_after,
        date: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_means_something() {
        assert!(judge(200, b"ok", None).is_ok());
        assert!(judge(200, b"ok\n", None).is_ok());
        for status in 100..600 {
            let error = judge(status, b"no_service", None).unwrap_err();
            let passing = !(400..500).contains(&status) || [408, 425, 429].contains(&status);
            assert_eq!(error.permanent, !passing, "{status}");
        }
        let html = judge(200, b"<html>log in</html>", None).unwrap_err();
        assert!(!html.permanent && html.text.starts_with("200 <html>"), "{html:?}");
        assert!(judge(400, b"invalid_blocks", None).unwrap_err().blocks_refused);
    }

    /// Slack asks for a wait in seconds, and its clock is five minutes ahead.
    struct Asks(Mutex<Vec<u64>>);

    impl Transport for Asks {
        fn send(&self, _: Request, _: Duration) -> crate::transport::Sending<'_> {
            let wait = self.0.lock().unwrap().pop().unwrap();
            let date = Some(at(300));
            let retry_after = Some(Duration::from_secs(wait));
            let body = "rate_limited".into();
            Box::pin(async move {
                Ok(crate::transport::Answer { status: 429, retry_after, date, max_age: None, body })
            })
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[tokio::test]
    async fn the_longest_wait_holds_and_the_next_try_counts_from_slacks_clock() {
        let slack = Slack::new(Arc::new(Asks(Mutex::new(vec![5, 60]))), "https://hooks.slack.com/x".into());
        for wait in [60, 5] {
            let error = slack.post(&serde_json::json!({}), Duration::from_secs(8), at(0)).await.unwrap_err();
            assert_eq!((error.retry_after, error.date), (Some(Duration::from_secs(wait)), Some(at(301))));
        }
        let held = slack.quiet(at(20)).unwrap();
        assert_eq!((held.retry_after, held.date), (Some(Duration::from_secs(40)), Some(at(321))));
        assert_eq!(slack.quiet(at(60)), None);
    }

    #[test]
    fn advice_names_what_to_mend() {
        let advice = |status, word: &str| judge(status, word.as_bytes(), None).unwrap_err().advice();
        assert!(advice(410, "channel_is_archived").contains("unarchive"));
        assert!(advice(404, "no_service").contains("new incoming webhook"));
        assert!(advice(503, "").contains("nothing"));
    }
}
