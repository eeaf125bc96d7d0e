//! What Google Chat's answers mean: done, to be tried again, or what a person must correct.
//!
//! Sources: <https://developers.google.com/workspace/chat/limits>, <https://google.aip.dev/193>, and errors that people
//! reported: <https://github.com/taylorwilsdon/google_workspace_mcp/issues/493>,
//! <https://github.com/PipedreamHQ/pipedream/issues/20765>.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Map, Value as Json};

use super::TITLE;
use crate::google::{CallError, Refusal};
use crate::outlets::{Fault, PostError};
use crate::text;

/// The words of Chat that an error repeats, in characters.
const MAX_WORDS: usize = 160;
/// How long not to write to a space after a 429 that does not say.
const LIMITED: Duration = Duration::from_secs(2);

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The app's post, or whether it is in the space.
    Post,
    /// The app's edit.
    Edit,
    /// A webhook's post.
    Webhook,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Passing,
    /// A 2xx without Chat's message.
    Unclear,
    /// Something other than Chat answered.
    Foreign,
    /// Chat does not like the contents.
    Content,
    /// The app is not in the space, or there is no such space.
    Space,
    /// There is no such message.
    NoMessage,
    /// There is no token, or Chat does not know it.
    Token,
    /// The token has not the scope.
    Scope,
    /// The project has no Chat app.
    NoApp,
    /// The webhook is not valid any more.
    Webhook,
    Unknown,
}

impl Meaning {
    fn of(refusal: &Refusal, asked: Asked) -> Self {
        let words = &refusal.error.text;
        // Google's errors have words; a proxy's have none that can be read as such.
        let is_googles = !words.is_empty();
        match refusal.http {
            0..200 | 300..400 => Self::Foreign,
            408 | 425 | 429 | 500.. => Self::Passing,
            400..500 if !is_googles && refusal.http != 413 => Self::Foreign,
            400 if asked == Asked::Webhook && words.contains("API key") => Self::Webhook,
            400 | 413 => Self::Content,
            401 | 403 | 404 if asked == Asked::Webhook => Self::Webhook,
            401 => Self::Token,
            403 if words.contains("scope") => Self::Scope,
            403 if words.contains("disabled") => Self::NoApp,
            404 if words.contains("app not found") => Self::NoApp,
            404 if asked == Asked::Edit => Self::NoMessage,
            403 | 404 => Self::Space,
            200..300 | 400..500 => Self::Unknown,
        }
    }

    fn fault(self) -> Fault {
        match self {
            Self::Passing => Fault::Passing,
            Self::Unclear => Fault::Unclear,
            Self::Foreign => Fault::Foreign,
            Self::Content => Fault::Content,
            Self::Space => Fault::Target,
            Self::NoMessage => Fault::Gone,
            Self::Token | Self::Scope | Self::NoApp | Self::Webhook => Fault::Access,
            Self::Unknown => Fault::Unknown,
        }
    }

    /// What a person must do, for the log.
    fn advice(self) -> &'static str {
        match self {
            Self::Passing => "none: retried automatically",
            Self::Unclear | Self::Foreign => {
                "this is not a response of Google Chat: check what answers in its place, such as a proxy or a host in ENDPOINTS"
            }
            Self::Content => "please report this as a bug; the message is retried as plain text",
            Self::Space => {
                "add the Chat app to the space (in the space: Apps & integrations), or correct CHAT_SPACE"
            }
            Self::NoMessage => "none: the result will be a separate message",
            Self::Token => {
                "run opwatch on Cloud Run with a service account; elsewhere set ACCESS_TOKEN=$(gcloud auth print-access-token \
                 --impersonate-service-account=OPWATCH_RUNTIME_ACCOUNT \
                 --scopes=https://www.googleapis.com/auth/cloud-platform,https://www.googleapis.com/auth/chat.bot)"
            }
            Self::Scope => {
                "the token lacks the scope https://www.googleapis.com/auth/chat.bot: unset ACCESS_TOKEN on Cloud Run, or use \
                 CHAT_WEBHOOK_URL instead of CHAT_SPACE"
            }
            Self::NoApp => {
                "in the project of opwatch's service account, enable chat.googleapis.com and configure a Chat app \
                 (console.cloud.google.com/apis/api/chat.googleapis.com/hangouts-chat)"
            }
            Self::Webhook | Self::Unknown => {
                "create a new incoming webhook in the space and set CHAT_WEBHOOK_URL, or check the app of CHAT_SPACE"
            }
        }
    }
}

/// Why what was asked for was not done. A message that is there already was posted by an earlier try.
///
/// # Errors
/// With what Chat said, but for that.
pub(super) fn of_error(error: &CallError, asked: Asked) -> Result<(), PostError> {
    let ambiguous = error.is_ambiguous();
    let (meaning, text) = match error {
        CallError::Refused(refusal) if refusal.http == 409 && asked == Asked::Post => return Ok(()),
        CallError::Refused(refusal) => (Meaning::of(refusal, asked), said(refusal)),
        CallError::NoToken(why) => (Meaning::Token, why.to_string()),
        CallError::NoAnswer(failure) => (Meaning::Passing, failure.to_string()),
        CallError::Unreadable { error, .. } => (Meaning::Unclear, error.to_string()),
    };
    let word = error.refusal().map(|refusal| refusal.error.status.word().to_owned()).unwrap_or_default();
    let limited = (error.http() == Some(429)).then_some(LIMITED);
    let retry_after = error.retry_after().or(limited);
    // A `Date` is cut to whole seconds: a try that counts from it must not come a moment too early.
    let date = error.date().map(|date| date + TimeDelta::seconds(1));
    Err(PostError { word, ambiguous, retry_after, date, ..plain(meaning, text) })
}

fn said(refusal: &Refusal) -> String {
    format!("{} {}", refusal.http, text::line(text::cut(&refusal.error.text, MAX_WORDS)))
        .trim_end()
        .to_owned()
}

/// A message that was taken is named; a proxy names none.
///
/// # Errors
/// When nothing says that it was taken.
pub(super) fn named(body: &[u8]) -> Result<(), PostError> {
    let message: Map<String, Json> = serde_json::from_slice(body).unwrap_or_default();
    let is_named = message.get("name").and_then(Json::as_str).is_some_and(|name| name.starts_with("spaces/"));
    if is_named {
        return Ok(());
    }
    let text = "a success that names no message".to_owned();
    Err(PostError { ambiguous: true, ..plain(Meaning::Unclear, text) })
}

/// What a webhook says to an empty message: a live one that it is empty.
///
/// # Errors
/// When it is not.
pub(super) fn of_empty(posted: Result<(), PostError>) -> Result<(), PostError> {
    match posted {
        Err(error) if error.fault == Fault::Content => Ok(()),
        Ok(()) => {
            let text = "an empty message was accepted: it may have posted something".to_owned();
            Err(PostError { ambiguous: true, ..plain(Meaning::Unclear, text) })
        }
        refused => refused,
    }
}

/// Chat was not called, since the space takes no more messages for so long.
pub(super) fn held_back(wait: Duration) -> PostError {
    let text = "not sent, because the space takes one message a second".to_owned();
    PostError { retry_after: Some(wait), ..plain(Meaning::Passing, text) }
}

fn plain(meaning: Meaning, text: String) -> PostError {
    PostError::new(TITLE, meaning.fault(), text, meaning.advice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::transport::Failure;
    use crate::testing::answer;

    fn refused(http: u16, message: &str, asked: Asked) -> Result<(), PostError> {
        let body =
            serde_json::json!({"error": {"code": http, "message": message, "status": "X"}}).to_string();
        of_error(&CallError::Refused(Refusal::of(&answer(http, body), false)), asked)
    }

    #[test]
    fn each_answer_means_one_thing() {
        let fault = |http, message: &str, asked| refused(http, message, asked).err().map(|error| error.fault);
        for asked in [Asked::Post, Asked::Edit, Asked::Webhook] {
            for http in [408, 429, 500, 503] {
                assert_eq!(fault(http, "later", asked), Some(Fault::Passing));
                assert_eq!(refused(http, "later", asked).unwrap_err().ambiguous, http >= 500);
            }
            assert_eq!(fault(302, "", asked), Some(Fault::Foreign));
            assert_eq!(fault(403, "", asked), Some(Fault::Foreign), "a proxy");
            assert_eq!(fault(400, "Message is longer than 4096 characters", asked), Some(Fault::Content));
            assert_eq!(fault(418, "no", asked), Some(Fault::Unknown));
        }
        for (http, message, post, edit) in [
            (401, "invalid credentials", Fault::Access, Fault::Access),
            (403, "Request had insufficient authentication scopes.", Fault::Access, Fault::Access),
            (403, "Google Chat API has not been used or it is disabled.", Fault::Access, Fault::Access),
            (403, "This Chat app is not a member of this space.", Fault::Target, Fault::Target),
            (404, "Google Chat app not found. To create one, …", Fault::Access, Fault::Access),
            (404, "Not found", Fault::Target, Fault::Gone),
        ] {
            assert_eq!(fault(http, message, Asked::Post), Some(post), "{message}");
            assert_eq!(fault(http, message, Asked::Edit), Some(edit), "{message}");
            assert_eq!(fault(http, message, Asked::Webhook), Some(Fault::Access), "{message}");
        }
        assert_eq!(fault(400, "API key not valid. Please pass one.", Asked::Webhook), Some(Fault::Access));
        assert_eq!(refused(409, "Requested entity already exists", Asked::Post), Ok(()), "posted before");
        let broken = of_error(&CallError::NoAnswer(Failure::Broken(String::new())), Asked::Post).unwrap_err();
        assert_eq!((broken.fault, broken.ambiguous), (Fault::Passing, true));
    }

    #[test]
    fn what_has_other_causes_means_other_things() {
        let fault = |http, message: &str, asked| refused(http, message, asked).err().map(|error| error.fault);
        for asked in [Asked::Post, Asked::Edit] {
            assert_eq!(fault(400, "API key not valid.", asked), Some(Fault::Content), "an app has none");
        }
        for asked in [Asked::Edit, Asked::Webhook] {
            assert_eq!(fault(409, "Requested entity already exists", asked), Some(Fault::Unknown));
        }
        for asked in [Asked::Post, Asked::Edit, Asked::Webhook] {
            assert_eq!(fault(413, "", asked), Some(Fault::Content), "from any sender");
            assert_eq!(fault(413, "Too large", asked), Some(Fault::Content));
            assert_eq!(fault(100, "x", asked), Some(Fault::Foreign));
            assert_eq!(fault(425, "x", asked), Some(Fault::Passing));
        }
        let error = crate::services::ApiError::of_text("what is this?");
        let unreadable = of_error(&CallError::Unreadable { error, date: None }, Asked::Post).unwrap_err();
        assert_eq!((unreadable.fault, unreadable.ambiguous), (Fault::Unclear, true));
        assert_eq!(unreadable.text, "what is this?");
    }

    #[test]
    fn a_refusal_is_told_with_chats_words_and_what_to_do() {
        for (http, message, asked, advice) in [
            (503, "x", Asked::Post, "retried automatically"),
            (302, "x", Asked::Post, "not a response of Google Chat"),
            (400, "x", Asked::Post, "retried as plain text"),
            (403, "not a member", Asked::Post, "add the Chat app to the space"),
            (404, "x", Asked::Edit, "a separate message"),
            (401, "x", Asked::Post, "ACCESS_TOKEN=$(gcloud"),
            (403, "insufficient scopes", Asked::Post, "lacks the scope"),
            (403, "it is disabled", Asked::Post, "configure a Chat app"),
            (404, "x", Asked::Webhook, "create a new incoming webhook"),
        ] {
            let error = refused(http, message, asked).unwrap_err();
            assert!(error.advice.contains(advice), "{http} {message}: {}", error.advice);
            assert_eq!((error.outlet, error.word.as_str()), ("Google Chat", "X"));
            assert_eq!(error.text, format!("{http} {message}"));
        }
    }

    #[test]
    fn the_next_try_waits_as_long_as_chat_asks_and_counts_from_its_clock() {
        let date = chrono::DateTime::from_timestamp(1_800_000_000, 0);
        let of = |http, retry_after| {
            let answer = crate::net::transport::Answer { retry_after, date, ..answer(http, "") };
            let error = of_error(&CallError::Refused(Refusal::of(&answer, false)), Asked::Post).unwrap_err();
            assert_eq!(error.date, date.map(|date| date + TimeDelta::seconds(1)));
            error.retry_after
        };
        let own = Some(Duration::from_secs(7));
        assert_eq!(
            [of(429, own), of(429, None), of(503, own), of(503, None)],
            [own, Some(LIMITED), own, None]
        );
    }

    #[test]
    fn a_success_names_a_message() {
        assert_eq!(named(br#"{"name": "spaces/A/messages/B"}"#), Ok(()));
        for body in ["", "{}", "<html>", r#"{"name": 7}"#, "[]"] {
            let error = named(body.as_bytes()).unwrap_err();
            assert_eq!((error.fault, error.ambiguous), (Fault::Unclear, true), "{body}");
        }
    }

    #[test]
    fn a_live_webhook_finds_an_empty_message_empty() {
        let refusal = |message| refused(400, message, Asked::Webhook);
        assert_eq!(of_empty(refusal("Message cannot be empty.")), Ok(()));
        assert_eq!(of_empty(refusal("API key not valid.")).unwrap_err().fault, Fault::Access);
        assert!(of_empty(Ok(())).unwrap_err().ambiguous);
    }

    #[test]
    fn an_error_is_as_long_as_a_line() {
        let error = refused(400, &"long\n".repeat(1_000), Asked::Post).unwrap_err();
        assert!(error.text.chars().count() < 200 && !error.text.contains('\n'), "{error}");
    }
}
