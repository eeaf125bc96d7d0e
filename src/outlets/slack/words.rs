//! Slack's error words and what each means, the same for a webhook and for the web API.
//!
//! Sources: <https://docs.slack.dev/reference/methods/chat.postMessage>, `chat.update` and `chat.delete` there, and
//! <https://docs.slack.dev/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks>.

use super::fault::Fault;

/// What `word` means; none when Slack's references did not have it.
pub(super) fn fault_of(word: &str) -> Option<Fault> {
    Some(match word {
        "invalid_payload"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_attachments"
        | "invalid_arguments"
        | "invalid_array_arg"
        | "attachment_payload_limit_exceeded"
        | "block_mismatch"
        | "markdown_text_conflict"
        | "missing_text_or_fallback_or_attachments"
        | "msg_blocks_too_long"
        | "msg_too_long"
        | "no_text"
        | "too_many_attachments"
        | "too_many_contact_cards" => Fault::Content,
        // Also the word for a mention of a whole channel that the workspace does not allow to apps:
        // https://github.com/slackhq/slack-api-docs/issues/85
        "restricted_action" => Fault::Restricted,
        "channel_not_found"
        | "not_in_channel"
        | "is_archived"
        | "channel_is_archived"
        | "is_inactive"
        | "messages_tab_disabled"
        | "cannot_reply_to_message"
        | "team_access_not_granted"
        | "posting_to_general_channel_denied" => Fault::Channel,
        // `_read_only_channel`, `_thread_only_channel`, `_non_threadable_channel`, `_thread_locked`
        word if word.starts_with("restricted_action_") => Fault::Channel,
        "message_not_found"
        | "thread_not_found"
        | "cant_update_message"
        | "cant_delete_message"
        | "compliance_exports_prevent_deletion"
        | "edit_window_closed" => Fault::Gone,
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "missing_scope"
        | "no_permission"
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
        | "action_prohibited"
        | "invalid_token"
        | "no_active_hooks"
        | "no_service"
        | "no_service_id"
        | "no_team" => Fault::Access,
        "ratelimited"
        | "rate_limited"
        | "message_limit_exceeded"
        | "internal_error"
        | "fatal_error"
        | "request_timeout"
        | "rollup_error"
        | "service_unavailable"
        | "team_added_to_org"
        | "external_channel_migrating"
        | "update_failed" => Fault::Passing,
        _ => return None,
    })
}
