//! What Slack's answers mean: posted, to be tried again, or what a person must correct.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value as Json;

use super::TITLE;
use super::words::Meaning;
use crate::net::transport::{Answer, Failure};
use crate::outlets::{Fault, PostError};
use crate::text;

/// The word of Slack that an error repeats, in characters.
const MAX_WORD: usize = 120;

/// No answer came.
pub(super) fn no_answer(failure: &Failure) -> PostError {
    let ambiguous = !matches!(failure, Failure::NotConnected(_));
    PostError { ambiguous, ..error(Meaning::Passing, failure.to_string(), "") }
}

/// Slack was not called, since it asked to wait so long, and its clock says `date`.
pub(super) fn held_back(wait: Duration, date: DateTime<Utc>) -> PostError {
    let held = error(Meaning::Passing, "not sent, because Slack asked to wait".to_owned(), "");
    PostError { retry_after: Some(wait), date: Some(date), ..held }
}

/// A message without any contents was taken.
fn took_nothing(answer: &str) -> PostError {
    let text = format!(
        "{answer} for an empty message, which no incoming webhook returns: it may have posted something"
    );
    PostError { ambiguous: true, ..error(Meaning::Unclear, text, "") }
}

fn error(meaning: Meaning, text: String, word: &str) -> PostError {
    let word = text::cut(word, MAX_WORD);
    PostError { word, ..PostError::new(TITLE, meaning.fault(), text, meaning.advice()) }
}

/// An answer with `word`, to the call of `method` (empty for a webhook).
fn of_answer(method: &str, answer: &Answer, meaning: Meaning, said: String, word: &str) -> PostError {
    let text = if method.is_empty() { said } else { format!("{method}: {said}") };
    PostError { retry_after: answer.retry_after, ..error(meaning, text, word) }
}

/// What a status says by itself; none where the body's word says it.
fn by_status(status: u16) -> Option<Meaning> {
    match status {
        // Nothing of Slack's answers with 1xx or 3xx: a dead webhook redirects to a page for people.
        0..200 | 300..400 => Some(Meaning::Foreign),
        200..300 => Some(Meaning::Unclear),
        408 | 425 | 429 | 500.. => Some(Meaning::Passing),
        413 => Some(Meaning::Content),
        400..500 => None,
    }
}

/// What a refusal with `word` means: an empty one, or a page for people, is no word of Slack's.
fn by_word(word: &str) -> Meaning {
    let is_text = !word.is_empty() && !word.starts_with(['<', '{', '[']);
    Meaning::of(word).unwrap_or(if is_text { Meaning::Unknown } else { Meaning::Foreign })
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
    let meaning = by_status(answer.status).unwrap_or_else(|| by_word(&word));
    let error = of_answer("", answer, meaning, said(answer.status, body), &word);
    Err(PostError { ambiguous: meaning == Meaning::Unclear || answer.status >= 500, ..error })
}

/// What a webhook says to an empty message: a live one that it is empty.
pub(super) fn of_empty(answer: &Answer) -> Result<(), PostError> {
    let word = String::from_utf8_lossy(&answer.body);
    if answer.status == 400 && Meaning::of(word.trim()) == Some(Meaning::Empty) {
        return Ok(());
    }
    match of_webhook(answer) {
        Ok(()) => Err(took_nothing("200 ok")),
        Err(error) if error.fault == Fault::Unclear => Err(took_nothing(&error.text)),
        refused => refused,
    }
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
            let meaning = by_status(answer.status).unwrap_or(Meaning::Foreign);
            let said = said(answer.status, body.trim());
            let error = of_answer(method, answer, meaning, said, "");
            return Err(PostError {
                ambiguous: meaning == Meaning::Unclear || answer.status >= 500,
                ..error
            });
        }
        _ => {}
    }
    let passing = by_status(answer.status) == Some(Meaning::Passing);
    let unknown = if passing { Meaning::Passing } else { Meaning::Unknown };
    let meaning = Meaning::of(&error).unwrap_or(unknown);
    let refused = of_answer(method, answer, meaning, text::cut(&error, MAX_WORD), &error);
    Err(PostError { ambiguous: meaning == Meaning::Interrupted, ..refused })
}

fn said(status: u16, word: &str) -> String {
    format!("{status} {}", text::cut(word, MAX_WORD)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::answer;

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
        assert!(of_webhook(&answer(302, "")).unwrap_err().advice.contains("create a new incoming webhook"));
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
            ("restricted_action_read_only_channel", Fault::Target),
            ("channel_not_found", Fault::Target),
            ("channel_is_archived", Fault::Target),
            ("is_inactive", Fault::Target),
            ("message_not_found", Fault::Gone),
            ("edit_window_closed", Fault::Uneditable),
            ("missing_scope", Fault::Access),
            ("action_prohibited", Fault::Access),
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
    fn an_error_is_told_as_slack_said_it() {
        let of_webhook = |status, body: &str| of_webhook(&answer(status, body)).unwrap_err();
        let of_api = |status, body: &str| of_api("chat.update", &answer(status, body)).unwrap_err();
        for (error, text, word) in [
            (of_webhook(404, "no_service\n"), "404 no_service", "no_service"),
            (of_webhook(503, ""), "503", ""),
            (of_webhook(400, "{}"), "400 {}", "{}"),
            (of_webhook(400, r#"{"error":"no_text"}"#), r#"400 {"error":"no_text"}"#, "no_text"),
            (of_api(503, ""), "chat.update: 503", ""),
            (of_api(200, "<html>"), "chat.update: 200 <html>", ""),
            (of_api(200, &api_error("no_text")), "chat.update: no_text", "no_text"),
        ] {
            assert_eq!((error.outlet, error.text.as_str(), error.word.as_str()), ("Slack", text, word));
        }
        assert_eq!(fault_of_api(200, r#"{"error":"no_text"}"#), Fault::Content, "an error is one without ok");
        let wait = Some(Duration::from_secs(7));
        let limited = Answer { retry_after: wait, ..answer(429, api_error("ratelimited")) };
        assert_eq!(super::of_api("x", &limited).unwrap_err().retry_after, wait);
        assert_eq!(super::of_webhook(&limited).unwrap_err().retry_after, wait);
    }

    #[test]
    fn what_was_not_sent_is_not_ambiguous() {
        for (failure, ambiguous) in [
            (Failure::NotConnected("x".to_owned()), false),
            (Failure::Broken("x".to_owned()), true),
            (Failure::TimedOut(Duration::from_secs(1)), true),
            (Failure::TooLong, true),
        ] {
            let error = no_answer(&failure);
            assert_eq!((error.fault, error.ambiguous), (Fault::Passing, ambiguous), "{failure}");
            assert_eq!(error.text, failure.to_string());
        }
        let date = crate::testing::at(5);
        let held = held_back(Duration::from_secs(9), date);
        assert_eq!((held.fault, held.ambiguous), (Fault::Passing, false));
        assert_eq!((held.retry_after, held.date), (Some(Duration::from_secs(9)), Some(date)));
    }

    #[test]
    fn an_error_is_as_long_as_a_line() {
        let long = "x".repeat(10_000);
        for error in
            [of_webhook(&answer(400, &long)), of_api("x", &answer(200, api_error(&long))).map(|_| ())]
        {
            let error = error.unwrap_err();
            assert!(error.text.chars().count() < 150 && error.word.chars().count() <= MAX_WORD, "{error:?}");
        }
    }

    #[test]
    fn advice_names_what_to_correct() {
        let advice = |status, word: &str| of_webhook(&answer(status, word)).unwrap_err().advice;
        assert!(advice(410, "channel_is_archived").contains("unarchive"));
        assert!(advice(404, "no_service").contains("new incoming webhook"));
        assert!(advice(503, "").contains("retried automatically"));
        assert!(advice(200, "{}").contains("not a workflow"));
        assert!(advice(403, "restricted_action").contains("MENTION"));
        let advice =
            |error: &str| of_api("chat.postMessage", &answer(200, api_error(error))).unwrap_err().advice;
        assert!(advice("not_in_channel").contains("invite the app"));
        assert!(advice("missing_scope").contains("chat:write"));
        assert!(advice("token_revoked").contains("SLACK_BOT_TOKEN"));
        assert!(advice("restricted_action").contains("MENTION"));
        assert!(advice("action_prohibited").contains("ask a workspace admin"));
        assert!(advice("edit_window_closed").contains("separate message"));
        assert!(advice("invalid_blocks").contains("retried as plain text"));
    }
}
