//! What Slack's answers mean: posted, to be tried again, or what a person must correct.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value as Json;

use super::fault::Fault;
use super::words::fault_of;
use crate::net::transport::{Answer, Failure};
use crate::text;

/// The word of Slack that an error repeats, in characters.
const LONGEST_WORD: usize = 120;

/// Why a message was not posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Slack: {text}")]
pub struct PostError {
    /// What Slack said or what happened.
    pub text: String,
    /// Slack's word for it, such as `channel_not_found`; what else it said when that is no word; empty without an answer.
    pub word: String,
    /// What is the matter.
    pub fault: Fault,
    /// The message may have been posted nevertheless.
    pub ambiguous: bool,
    /// How long Slack asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The time by Slack's clock, from which the next try counts: a container's may be off.
    pub date: Option<DateTime<Utc>>,
}

impl PostError {
    /// No answer came.
    pub(super) fn no_answer(failure: &Failure) -> Self {
        let ambiguous = !matches!(failure, Failure::NotConnected(_));
        Self { ambiguous, ..Self::new(Fault::Passing, failure.to_string(), "") }
    }

    /// Slack was not called, since it asked to be left alone for `wait`, and its clock says `date`.
    pub(super) fn held_back(wait: Duration, date: DateTime<Utc>) -> Self {
        let held = Self::new(Fault::Passing, "held back, since Slack asked to wait".to_owned(), "");
        Self { retry_after: Some(wait), date: Some(date), ..held }
    }

    fn new(fault: Fault, text: String, word: &str) -> Self {
        let word = text::cut(word, LONGEST_WORD);
        Self { text, word, fault, ambiguous: false, retry_after: None, date: None }
    }

    /// An answer with `word`, to the call of `method` (empty for a webhook).
    fn of_answer(method: &str, answer: &Answer, fault: Fault, said: String, word: &str) -> Self {
        let text = if method.is_empty() { said } else { format!("{method}: {said}") };
        Self { retry_after: answer.retry_after, ..Self::new(fault, text, word) }
    }

    /// Whether a person must correct something: trying again as it is does not help, or helped nobody yet.
    pub fn permanent(&self) -> bool {
        self.fault != Fault::Passing
    }

    /// A message without any contents was taken.
    pub(super) fn took_nothing(answer: &str) -> Self {
        let text = format!(
            "{answer} to an empty message, as no incoming webhook says: it may have posted something"
        );
        Self { ambiguous: true, ..Self::new(Fault::Unclear, text, "") }
    }

    /// Whether Slack, or what answers in its place, refused the call: nothing was posted.
    pub fn refused(&self) -> bool {
        !self.ambiguous && self.fault != Fault::Passing
    }

    /// Whether the same call may succeed later, as far as can be told.
    pub fn may_pass(&self) -> bool {
        matches!(self.fault, Fault::Passing | Fault::Unclear | Fault::Foreign | Fault::Unknown)
    }

    /// The same when Slack had asked to wait before, as `retry_after` says: the longer wait counts.
    #[must_use]
    pub fn after_wait(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after: self.retry_after.max(retry_after), ..self }
    }

    /// What a person must do, for the log.
    pub fn advice(&self) -> &'static str {
        match (self.fault, self.word.as_str()) {
            (Fault::Passing, _) => "nothing: it is tried again",
            (Fault::Unclear, _) => {
                "an incoming webhook answers \"ok\" and the web API JSON: see whether SLACK_WEBHOOK_URL is an incoming webhook, \
                 not a workflow, and whether a proxy answers in Slack's place"
            }
            (Fault::Foreign, _) => {
                "Slack answers otherwise: if the webhook's URL is dead or wrong, make a new incoming webhook in Slack and set \
                 SLACK_WEBHOOK_URL; else see what answers in Slack's place, such as a proxy or a host in ENDPOINTS"
            }
            (Fault::Content, _) => "nothing: the next try is plain text; please report this as a bug",
            (Fault::Gone, _) => "nothing: the end will be a message of its own",
            (Fault::Restricted, _) => {
                "ask a workspace admin to let apps post in the channel and mention @here or a group there, or change MENTION (the \
                 message's \"mention\")"
            }
            (_, "channel_is_archived" | "is_archived") => {
                "unarchive the channel, or choose another (SLACK_CHANNEL, or a new webhook in SLACK_WEBHOOK_URL)"
            }
            (_, "channel_not_found" | "not_in_channel") => {
                "invite the app to the channel, or correct the channel's id (SLACK_CHANNEL, or the message's \"channel\"); \
                 a webhook is bound to its channel: make a new one and set SLACK_WEBHOOK_URL"
            }
            (Fault::Channel, _) | (_, "action_prohibited") => {
                "ask a workspace admin to let the app post there"
            }
            (_, "missing_scope") => {
                "give the app the scope chat:write (and chat:write.public for channels that it is no member of) and install it \
                 again"
            }
            (_, "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired") => {
                "install the app again and set SLACK_BOT_TOKEN"
            }
            (Fault::Access | Fault::Unknown, _) => {
                "make a new incoming webhook in Slack and set SLACK_WEBHOOK_URL, or a new bot token and set SLACK_BOT_TOKEN"
            }
        }
    }
}

/// What a status says by itself; none where the body's word says it.
fn by_status(status: u16) -> Option<Fault> {
    match status {
        // Nothing of Slack's answers with 1xx or 3xx: a dead webhook redirects to a page for people.
        0..200 | 300..400 => Some(Fault::Foreign),
        200..300 => Some(Fault::Unclear),
        408 | 425 | 429 | 500.. => Some(Fault::Passing),
        413 => Some(Fault::Content),
        400..500 => None,
    }
}

/// What a refusal with `word` means: an empty one, or a page for people, is no word of Slack's.
fn by_word(word: &str) -> Fault {
    let is_text = !word.is_empty() && !word.starts_with(['<', '{', '[']);
    fault_of(word).unwrap_or(if is_text { Fault::Unknown } else { Fault::Foreign })
}

/// A webhook says `ok` in plain text, and else a word with a status; what stands in its place, such as a proxy or a workflow,
/// may answer anything (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
pub(super) fn of_webhook(answer: &Answer) -> Result<(), PostError> {
    let body = String::from_utf8_lossy(&answer.body);
    let body = body.trim();
    if (200..300).contains(&answer.status) && body == "ok" {
        return Ok(());
    }
    let word = match serde_json::from_slice(&answer.body) {
        Ok(ApiAnswer { error, .. }) if !error.is_empty() => error,
        _ => body.to_owned(),
    };
    let fault = by_status(answer.status).unwrap_or_else(|| by_word(&word));
    let error = PostError::of_answer("", answer, fault, said(answer.status, body), &word);
    Err(PostError { ambiguous: fault == Fault::Unclear || answer.status >= 500, ..error })
}

/// What the web API answers, mostly with status 200.
#[derive(Default, Deserialize)]
struct ApiAnswer {
    ok: Option<bool>,
    #[serde(default)]
    error: String,
    #[serde(default)]
    ts: Json,
}

/// The web API says `ok` in its JSON, whatever the status: <https://docs.slack.dev/apis/web-api>. Of a message that was
/// posted it gives the `ts`.
pub(super) fn of_api(method: &str, answer: &Answer) -> Result<Option<String>, PostError> {
    let ApiAnswer { ok, error, ts } = serde_json::from_slice(&answer.body).unwrap_or_default();
    match ok {
        Some(true) if (200..300).contains(&answer.status) => return Ok(ts.as_str().map(str::to_owned)),
        _ if error.is_empty() && ok != Some(false) => {
            // A proxy, or an outage.
            let body = String::from_utf8_lossy(&answer.body);
            let fault = by_status(answer.status).unwrap_or(Fault::Foreign);
            let said = said(answer.status, body.trim());
            let error = PostError::of_answer(method, answer, fault, said, "");
            return Err(PostError { ambiguous: fault == Fault::Unclear || answer.status >= 500, ..error });
        }
        _ => {}
    }
    let passing = by_status(answer.status) == Some(Fault::Passing);
    let unknown = if passing { Fault::Passing } else { Fault::Unknown };
    let fault = fault_of(&error).unwrap_or(unknown);
    let refused = PostError::of_answer(method, answer, fault, text::cut(&error, LONGEST_WORD), &error);
    // Of these Slack's documents say that some of it may have been done.
    Err(PostError { ambiguous: matches!(error.as_str(), "internal_error" | "fatal_error"), ..refused })
}

fn said(status: u16, word: &str) -> String {
    format!("{status} {}", text::cut(word, LONGEST_WORD)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after: None, date: None, max_age: None, body: body.to_owned().into() }
    }

    fn fault_of_webhook(status: u16, body: &str) -> Fault {
        of_webhook(&answer(status, body)).unwrap_err().fault
    }

    fn fault_of_api(status: u16, body: &str) -> Fault {
        of_api("chat.postMessage", &answer(status, body)).unwrap_err().fault
    }

    fn api_error(word: &str) -> String {
        format!(r#"{{"ok":false,"error":"{word}"}}"#)
    }

    #[test]
    fn only_ok_with_a_2xx_is_ok() {
        for status in 100..600 {
            let good = (200..300).contains(&status);
            assert_eq!(of_webhook(&answer(status, "ok\n")).is_ok(), good, "{status}");
            assert_eq!(of_api("x", &answer(status, r#"{"ok":true}"#)).is_ok(), good, "{status}");
        }
    }

    /// Each class of statuses, for a webhook and for the web API, whatever the body.
    #[test]
    fn every_status_means_something() {
        for status in 100..600 {
            for body in ["", "<html>log in</html>", "{}", "[1]"] {
                let expected = match status {
                    200..300 => Fault::Unclear,
                    413 => Fault::Content,
                    408 | 425 | 429 | 500.. => Fault::Passing,
                    _ => Fault::Foreign,
                };
                assert_eq!(fault_of_webhook(status, body), expected, "{status} {body}");
                assert_eq!(fault_of_api(status, body), expected, "{status} {body}");
            }
            let error = of_webhook(&answer(status, "no_service")).unwrap_err();
            let passing = status >= 500 || [408, 425, 429].contains(&status);
            assert_eq!(error.permanent(), !passing, "{status}: whom a person must help is reported at once");
            assert_eq!(error.ambiguous, status >= 500 || (200..300).contains(&status), "{status}");
        }
        assert!(of_webhook(&answer(302, "")).unwrap_err().advice().contains("make a new incoming webhook"));
    }

    #[test]
    fn a_word_means_the_same_for_a_webhook_and_the_web_api() {
        for (word, expected) in [
            ("invalid_payload", Fault::Content),
            ("invalid_blocks", Fault::Content),
            ("invalid_blocks_format", Fault::Content),
            ("too_many_attachments", Fault::Content),
            ("msg_blocks_too_long", Fault::Content),
            ("no_text", Fault::Content),
            ("restricted_action", Fault::Restricted),
            ("restricted_action_read_only_channel", Fault::Channel),
            ("channel_not_found", Fault::Channel),
            ("channel_is_archived", Fault::Channel),
            ("message_not_found", Fault::Gone),
            ("no_service", Fault::Access),
            ("token_revoked", Fault::Access),
            ("ratelimited", Fault::Passing),
            ("some_new_word", Fault::Unknown),
        ] {
            for status in [400, 403, 404, 410] {
                assert_eq!(fault_of_webhook(status, word), expected, "{status} {word}");
                assert_eq!(fault_of_webhook(status, &api_error(word)), expected, "{status} {word}");
                assert_eq!(fault_of_api(status, &api_error(word)), expected, "{status} {word}");
            }
            assert_eq!(fault_of_api(200, &api_error(word)), expected, "{word}");
            assert_eq!(of_webhook(&answer(400, word)).unwrap_err().word, word);
        }
        assert_eq!(fault_of_webhook(400, "Some new sentence."), Fault::Unknown);
        assert_eq!(fault_of_api(503, &api_error("some_new_word")), Fault::Passing);
        assert_eq!(fault_of_api(200, r#"{"ok":false}"#), Fault::Unknown);
        assert_eq!(fault_of_webhook(503, "no_service"), Fault::Passing, "the status counts");
    }

    #[test]
    fn an_ok_of_the_web_api_may_name_no_message() {
        let posted = |body: &str| of_api("chat.postMessage", &answer(200, body));
        assert_eq!(posted(r#"{"ok":true,"channel":"C1","ts":"1.000200"}"#), Ok(Some("1.000200".to_owned())));
        for body in [r#"{"ok":true}"#, r#"{"ok":true,"ts":1.5}"#, r#"{"ok":true,"ts":null}"#] {
            assert_eq!(posted(body), Ok(None), "{body}");
        }
    }

    #[test]
    fn what_may_have_been_done_is_ambiguous() {
        let ambiguous = |status, body: &str| of_api("x", &answer(status, body)).unwrap_err().ambiguous;
        for (status, body) in
            [(200, "<html>".to_owned()), (503, String::new()), (200, api_error("fatal_error"))]
        {
            assert!(ambiguous(status, &body), "{status} {body}");
        }
        for (status, body) in [(429, String::new()), (302, String::new()), (200, api_error("no_text"))] {
            assert!(!ambiguous(status, &body), "{status} {body}");
        }
    }

    #[test]
    fn an_error_is_as_long_as_a_line() {
        let long = "x".repeat(10_000);
        for error in
            [of_webhook(&answer(400, &long)), of_api("x", &answer(200, &api_error(&long))).map(|_| ())]
        {
            let error = error.unwrap_err();
            assert!(
                error.text.chars().count() < 150 && error.word.chars().count() <= LONGEST_WORD,
                "{error:?}"
            );
        }
    }

    #[test]
    fn advice_names_what_to_correct() {
        let advice = |status, word: &str| of_webhook(&answer(status, word)).unwrap_err().advice();
        assert!(advice(410, "channel_is_archived").contains("unarchive"));
        assert!(advice(404, "no_service").contains("new incoming webhook"));
        assert!(advice(503, "").contains("nothing"));
        assert!(advice(200, "{}").contains("not a workflow"));
        assert!(advice(403, "restricted_action").contains("MENTION"));
        let advice =
            |error: &str| of_api("chat.postMessage", &answer(200, &api_error(error))).unwrap_err().advice();
        assert!(advice("not_in_channel").contains("invite the app"));
        assert!(advice("missing_scope").contains("chat:write"));
        assert!(advice("token_revoked").contains("SLACK_BOT_TOKEN"));
        assert!(advice("restricted_action").contains("MENTION"));
    }
}
