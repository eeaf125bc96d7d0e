//! What a channel of Slack's stand-in holds.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// A message in a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMessage {
    /// Its channel's id.
    pub channel: String,
    /// What names it in its channel.
    pub ts: String,
    /// The `ts` of the message that it replies to.
    pub thread_ts: Option<String>,
    /// Whether a reply is shown in the channel too.
    pub broadcast: bool,
    /// When it was posted.
    pub at: DateTime<Utc>,
    /// What it says now.
    pub payload: Value,
    /// How often it was edited.
    pub edits: usize,
    /// Whether it was deleted.
    pub deleted: bool,
}
