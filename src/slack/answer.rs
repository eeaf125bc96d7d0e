//! What Slack's answers mean: posted, try again, or what somebody must mend.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::text;
use crate::transport::{Answer, Failure};

/// The word of Slack that an error repeats, in characters.
const LONGEST_WORD: usize = 120;

/// Why a message was not posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Slack: {text}")]
pub struct PostError {
    /// What Slack said or what happened.
    pub text: String,
    /// What is the matter.
    pub fault: Fault,
    /// It may have been posted all the same.
    pub ambiguous: bool,
    /// How long Slack asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The time by Slack's clock, from which the next try counts: a container's may be off.
    pub date: Option<DateTime<Utc>>,
}

/// What is the matter with a message that was not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The same call may succeed later.
    Passing,
    /// Slack does not like the blocks: plain text may pass.
    Content,
    /// The channel does not take it: another may.
    Channel,
    /// The message to edit is not there, or can't be edited any more.
    Gone,
    /// Somebody must mend the webhook, the token or the app.
    Access,
}

impl PostError {
    /// No answer came.
    pub(super) fn no_answer(failure: &Failure) -> Self {
        let ambiguous = !matches!(failure, Failure::NotConnected(_));
        Self { text: failure.to_string(), fault: Fault::Passing, ambiguous, retry_after: None, date: None }
    }

    /// Slack was not called, since it asked to be left alone for `wait`, and its clock says `date`.
    pub(super) fn held_back(wait: Duration, date: DateTime<Utc>) -> Self {
        let text = "held back, since Slack asked to wait".to_owned();
        Self { text, fault: Fault::Passing, ambiguous: false, retry_after: Some(wait), date: Some(date) }
    }

    /// Whether trying again as it is will not help.
    pub fn permanent(&self) -> bool {
        self.fault != Fault::Passing
    }

    /// Slack's word for it, such as `channel_not_found`.
    pub fn word(&self) -> &str {
        self.text.rsplit(' ').next().unwrap_or_default()
    }

    /// What somebody must do, for the log.
    pub fn advice(&self) -> &'static str {
        match (self.fault, self.word()) {
            (Fault::Passing, _) => "nothing: it is tried again",
            (Fault::Content, _) => "nothing: the next try is plain text; please report this as a bug",
            (Fault::Gone, _) => "nothing: the end will be a message of its own",
            (_, "channel_is_archived" | "is_archived") => {
                "unarchive the channel, or choose another (SLACK_CHANNEL, or a new webhook in SLACK_WEBHOOK_URL)"
            }
            (_, "channel_not_found" | "not_in_channel") => {
                "invite the app to the channel, or mend the channel's id (SLACK_CHANNEL, or the message's \"channel\"); \
                 a webhook is bound to its channel: make a new one and set SLACK_WEBHOOK_URL"
            }
            (Fault::Channel, _) | (_, "action_prohibited" | "posting_to_general_channel_denied") => {
                "ask a workspace admin to let the app post there"
            }
            (_, "missing_scope") => {
                "give the app the scope chat:write (and chat:write.public for channels that it is no member of) and install it \
                 again"
            }
            (_, "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired") => {
                "install the app again and set SLACK_BOT_TOKEN"
            }
            _ => {
                "make a new incoming webhook in Slack and set SLACK_WEBHOOK_URL, or a new bot token and set SLACK_BOT_TOKEN"
            }
        }
    }
}

/// A webhook says `ok` in plain text; a proxy in between may answer 200 with anything else
/// (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
pub(super) fn of_webhook(answer: &Answer) -> Result<(), PostError> {
    let word = String::from_utf8_lossy(&answer.body);
    let word = word.trim();
    if (200..300).contains(&answer.status) && word == "ok" {
        return Ok(());
    }
    let refused_content = ["invalid_payload", "invalid_blocks", "invalid_attachments"];
    let fault = match answer.status {
        408 | 425 | 429 => Fault::Passing,
        400 if refused_content.contains(&word) => Fault::Content,
        400..500 => Fault::Access,
        _ => Fault::Passing,
    };
    let ambiguous = answer.status >= 500;
    Err(PostError {
        text: said(answer.status, word),
        fault,
        ambiguous,
        retry_after: answer.retry_after,
        date: None,
    })
}

/// What the web API answers, mostly with status 200.
#[derive(Default, Deserialize)]
struct ApiAnswer {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    error: String,
    ts: Option<String>,
}

/// The web API says `ok` in its JSON, whatever the status: <https://docs.slack.dev/apis/web-api>. Of a message that was
/// posted it tells the `ts`.
pub(super) fn of_api(method: &str, answer: &Answer) -> Result<Option<String>, PostError> {
    let parsed: Option<ApiAnswer> = serde_json::from_slice(&answer.body).ok();
    let error = match parsed {
        Some(ApiAnswer { ok: true, ts, .. }) if (200..300).contains(&answer.status) => return Ok(ts),
        Some(ApiAnswer { error, .. }) if !error.is_empty() => error,
        // A proxy, or an outage.
        _ => {
            let text = said(answer.status, String::from_utf8_lossy(&answer.body).trim());
            return Err(PostError {
                text: format!("{method}: {text}"),
                fault: Fault::Passing,
                ambiguous: answer.status != 429,
                retry_after: answer.retry_after,
                date: None,
            });
        }
    };
    Err(PostError {
        fault: fault_of(&error),
        // Of these Slack's documents say that some of it may have been done.
        ambiguous: matches!(error.as_str(), "internal_error" | "fatal_error"),
        text: format!("{method}: {}", text::cut(&error, LONGEST_WORD)),
        retry_after: answer.retry_after,
        date: None,
    })
}

/// Errors of chat.postMessage and chat.update: <https://docs.slack.dev/reference/methods/chat.postMessage>. One that is not
/// known may pass: a report is tried for days.
fn fault_of(error: &str) -> Fault {
    match error {
        "invalid_blocks"
        | "invalid_blocks_format"
        | "msg_blocks_too_long"
        | "msg_too_long"
        | "no_text"
        | "too_many_attachments"
        | "invalid_attachments"
        | "attachment_payload_limit_exceeded"
        | "invalid_arguments" => Fault::Content,
        "channel_not_found"
        | "not_in_channel"
        | "is_archived"
        | "is_inactive"
        | "messages_tab_disabled"
        | "cannot_reply_to_message"
        | "team_access_not_granted" => Fault::Channel,
        error if error.starts_with("restricted_action") => Fault::Channel,
        "message_not_found"
        | "thread_not_found"
        | "cant_update_message"
        | "cant_delete_message"
        | "edit_window_closed" => Fault::Gone,
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "missing_scope"
        | "no_permission"
        | "access_denied"
        | "not_allowed_token_type"
        | "ekm_access_denied"
        | "org_login_required"
        | "two_factor_setup_required"
        | "team_disabled" => Fault::Access,
        _ => Fault::Passing,
    }
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

    #[test]
    fn every_status_of_a_webhook_means_something() {
        assert!(of_webhook(&answer(200, "ok")).is_ok());
        assert!(of_webhook(&answer(200, "ok\n")).is_ok());
        for status in 100..600 {
            let error = of_webhook(&answer(status, "no_service")).unwrap_err();
            let passing = !(400..500).contains(&status) || [408, 425, 429].contains(&status);
            assert_eq!(error.permanent(), !passing, "{status}");
        }
        let html = of_webhook(&answer(200, "<html>log in</html>")).unwrap_err();
        assert!(!html.permanent() && html.text.starts_with("200 <html>"), "{html:?}");
        assert_eq!(of_webhook(&answer(400, "invalid_blocks")).unwrap_err().fault, Fault::Content);
    }

    #[test]
    fn the_web_api_is_judged_by_its_ok() {
        let posted =
            of_api("chat.postMessage", &answer(200, r#"{"ok":true,"channel":"C1","ts":"1.000200"}"#));
        assert_eq!(posted, Ok(Some("1.000200".to_owned())));
        assert_eq!(of_api("chat.update", &answer(200, r#"{"ok":true}"#)), Ok(None));
        let fault = |status, body: &str| of_api("chat.update", &answer(status, body)).unwrap_err().fault;
        for (error, expected) in [
            ("message_not_found", Fault::Gone),
            ("channel_not_found", Fault::Channel),
            ("restricted_action_read_only_channel", Fault::Channel),
            ("invalid_blocks", Fault::Content),
            ("token_revoked", Fault::Access),
            ("internal_error", Fault::Passing),
            ("ratelimited", Fault::Passing),
            ("something_new", Fault::Passing),
        ] {
            assert_eq!(fault(200, &format!(r#"{{"ok":false,"error":"{error}"}}"#)), expected, "{error}");
        }
        for (status, body) in [(200, "<html>"), (503, ""), (503, r#"{"ok":true}"#), (200, "{}"), (200, "[1]")]
        {
            assert_eq!(fault(status, body), Fault::Passing, "{status} {body}");
        }
    }

    #[test]
    fn advice_names_what_to_mend() {
        let advice = |status, word: &str| of_webhook(&answer(status, word)).unwrap_err().advice();
        assert!(advice(410, "channel_is_archived").contains("unarchive"));
        assert!(advice(404, "no_service").contains("new incoming webhook"));
        assert!(advice(503, "").contains("nothing"));
        let advice = |error: &str| {
            let body = format!(r#"{{"ok":false,"error":"{error}"}}"#);
            of_api("chat.postMessage", &answer(200, &body)).unwrap_err().advice()
        };
        assert!(advice("not_in_channel").contains("invite the app"));
        assert!(advice("missing_scope").contains("chat:write"));
        assert!(advice("token_revoked").contains("SLACK_BOT_TOKEN"));
    }
}
