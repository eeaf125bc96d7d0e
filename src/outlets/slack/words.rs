//! Slack's error words and what each means, the same for a webhook and for the web API.
//!
//! Sources: <https://docs.slack.dev/reference/methods/chat.postMessage>, `chat.update` and `chat.delete` there, and
//! <https://docs.slack.dev/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks>.

use crate::outlets::Fault;

/// What an answer of Slack's, or one in its place, means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The same call may succeed later.
    Passing,
    /// The same, and some of it may have been done.
    Interrupted,
    /// A 2xx without Slack's `ok`.
    Unclear,
    /// Something other than Slack answered.
    Foreign,
    /// The message is empty.
    Empty,
    /// Slack does not like the contents.
    Content,
    /// The workspace does not allow this message to apps.
    Restricted,
    /// The channel is archived.
    Archived,
    /// The app sees no such channel.
    NotInChannel,
    /// The channel does not take the message.
    Channel,
    /// There is no such message.
    NoMessage,
    /// The message can't be edited or deleted any more.
    Uneditable,
    /// The app lacks a scope.
    Scope,
    /// The token is not valid any more.
    Token,
    /// An admin forbids it.
    Prohibited,
    /// The webhook or the app is not valid any more.
    Access,
    /// A word that is in none of Slack's references.
    Unknown,
}

impl Meaning {
    /// What `word` means; none when Slack's references did not have it.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "invalid_payload" | "no_text" | "missing_text_or_fallback_or_attachments" => Self::Empty,
            "invalid_blocks"
            | "invalid_blocks_format"
            | "invalid_attachments"
            | "invalid_arguments"
            | "invalid_array_arg"
            | "attachment_payload_limit_exceeded"
            | "block_mismatch"
            | "markdown_text_conflict"
            | "msg_blocks_too_long"
            | "msg_too_long"
            | "too_many_attachments"
            | "too_many_contact_cards" => Self::Content,
            // Also the word for a mention of a whole channel that the workspace does not allow to apps:
            // https://github.com/slackhq/slack-api-docs/issues/85
            "restricted_action" => Self::Restricted,
            "is_archived" | "channel_is_archived" => Self::Archived,
            "channel_not_found" | "not_in_channel" => Self::NotInChannel,
            "is_inactive"
            | "messages_tab_disabled"
            | "cannot_reply_to_message"
            | "team_access_not_granted"
            | "posting_to_general_channel_denied" => Self::Channel,
            // `_read_only_channel`, `_thread_only_channel`, `_non_threadable_channel`, `_thread_locked`
            word if word.starts_with("restricted_action_") => Self::Channel,
            "message_not_found" => Self::NoMessage,
            "thread_not_found"
            | "cant_update_message"
            | "cant_delete_message"
            | "compliance_exports_prevent_deletion"
            | "edit_window_closed" => Self::Uneditable,
            "missing_scope" => Self::Scope,
            "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
                Self::Token
            }
            "action_prohibited" => Self::Prohibited,
            "no_permission"
            | "access_denied"
            | "accesslimited"
            | "not_allowed_token_type"
            | "ekm_access_denied"
            | "enterprise_is_restricted"
            | "org_login_required"
            | "two_factor_setup_required"
            | "team_disabled"
            | "team_not_found"
            | "user_not_found"
            | "invalid_token"
            | "no_active_hooks"
            | "no_service"
            | "no_service_id"
            | "no_team" => Self::Access,
            // Slack's documents say of these that some of it may have been done.
            "internal_error" | "fatal_error" => Self::Interrupted,
            "ratelimited"
            | "rate_limited"
            | "message_limit_exceeded"
            | "request_timeout"
            | "rollup_error"
            | "service_unavailable"
            | "team_added_to_org"
            | "external_channel_migrating"
            | "update_failed" => Self::Passing,
            _ => return None,
        })
    }

    /// What follows from it for the message.
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Passing | Self::Interrupted => Fault::Passing,
            Self::Unclear => Fault::Unclear,
            Self::Foreign => Fault::Foreign,
            Self::Empty | Self::Content => Fault::Content,
            Self::Restricted => Fault::Restricted,
            Self::Archived | Self::NotInChannel | Self::Channel => Fault::Target,
            Self::NoMessage => Fault::Gone,
            Self::Uneditable => Fault::Uneditable,
            Self::Scope | Self::Token | Self::Prohibited | Self::Access => Fault::Access,
            Self::Unknown => Fault::Unknown,
        }
    }

    /// What a person must do, for the log.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Passing | Self::Interrupted => "none: retried automatically",
            Self::Unclear => {
                "this is not Slack's response (\"ok\" from a webhook, JSON from the web API): check that SLACK_WEBHOOK_URL is an \
                 incoming webhook, not a workflow, and that no proxy answers in Slack's place"
            }
            Self::Foreign => {
                "this is not a Slack response: if the webhook's URL is dead or wrong, create a new incoming webhook in Slack and set \
                 SLACK_WEBHOOK_URL; otherwise check what answers in Slack's place, such as a proxy or a host in ENDPOINTS"
            }
            Self::Empty | Self::Content => {
                "please report this as a bug; the message is retried as plain text"
            }
            Self::NoMessage | Self::Uneditable => "none: the result will be a separate message",
            Self::Restricted => {
                "ask a workspace admin to allow apps to post in the channel and to mention @here or a group there, or change MENTION (the \
                 message's \"mention\")"
            }
            Self::Archived => {
                "unarchive the channel, or choose another (SLACK_CHANNEL, or a new webhook in SLACK_WEBHOOK_URL)"
            }
            Self::NotInChannel => {
                "invite the app to the channel, or correct the channel ID (SLACK_CHANNEL, or the message's \"channel\"); \
                 a webhook is bound to its channel: create a new one and set SLACK_WEBHOOK_URL"
            }
            Self::Channel | Self::Prohibited => "ask a workspace admin to allow the app to post there",
            Self::Scope => {
                "give the app the scope chat:write (and chat:write.public for channels that it is not a member of) and reinstall \
                 it"
            }
            Self::Token => "reinstall the app and set SLACK_BOT_TOKEN to its new token",
            Self::Access | Self::Unknown => {
                "create a new incoming webhook in Slack and set SLACK_WEBHOOK_URL, or a new bot token and set SLACK_BOT_TOKEN"
            }
        }
    }
}
