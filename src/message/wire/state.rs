//! What a message carries in addition to the fields that a person may write. Each field is read for itself: one that can't be read
//! counts as missing, and unknown ones are passed on.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Form, Object, Start, Text, lenient};
use crate::decision::Ladder;
use crate::services::ApiError;
use crate::text;
use crate::watch::{
    self, Adopted, Check, LookUp, MAX_ACCOUNT_CHARS, ProgressHistory, Purpose, Receipt, Seen, SignalLook,
};

/// What opwatch remembers of a watch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(in crate::message) struct State<'a> {
    /// The version of the state, for the day when a field must change its meaning.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) version: Option<u32>,
    /// The id of the watch: the message id of its kickoff.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) id: Option<Text<'a>>,
    /// How many seconds the ladder lasts by which checks are made, if they are.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) ladder: Option<u32>,
    /// When the ladder began. Without it the grid counts: a version without ladders began the watch.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) from: Option<DateTime<Utc>>,
    /// How many seconds the last run of the same work took; 0 if there was none.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) usual: Option<u32>,
    /// When check 0 was due. With a ladder, check 0 of the grid by which a version without ladders goes on.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) first: Option<DateTime<Utc>>,
    /// Whether the operation could not be read the last time; of a start, whether operations could not be listed.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) unreadable: Option<bool>,
    /// Whether this is the watch's sentinel: the check that ends it in case all others were lost.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) sentinel: Option<bool>,
    /// Which look of which signal this is.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) signal: Option<SignalLook>,
    /// What the last check saw.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) last: Option<Cow<'a, Seen>>,
    /// By what a running operation was taken for the one to start.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) adopted: Option<Adopted>,
    /// The start that the watch began with.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) origin: Option<Start<'a>>,
    /// Who started the operation, as the signal says with which the watch began.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) started_by: Option<Text<'a>>,
    /// How the work went on.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) track: Option<Cow<'a, ProgressHistory>>,
    /// The message that follows the watch, as its outlet names it: in Slack `channel` and `ts`.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) live: Option<Object<'a>>,
    /// Whether it was reported that the operation runs, in a message that can't be edited.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) announced: Option<bool>,
    /// When the kickoff was published.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) asked: Option<DateTime<Utc>>,
    /// How often the start was tried.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) tries: Option<u32>,
    /// How often this try of the start waited.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) waits: Option<u32>,
    /// Where the look-up of the start continues.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) look_up: Option<Cow<'a, LookUp>>,
    /// Whether an earlier try may have started the operation.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) ambiguous: Option<bool>,
    /// Whether the start was counted for `MAX_STARTS_PER_HOUR`.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) counted: Option<bool>,
    /// Why the last try failed.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) error: Option<Cow<'a, ApiError>>,
    /// What is to be reported: the message is a report.
    #[cfg_attr(test, schemars(with = "super::Report"))]
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) report: Option<Object<'a>>,
    #[serde(flatten)]
    pub(in crate::message) unknown: Object<'a>,
}

impl State<'_> {
    /// Who started the operation, in a line of bounded length.
    pub(in crate::message) fn take_started_by(&mut self) -> Option<String> {
        let account = self.started_by.take()?;
        Some(text::line(text::cut(&account, MAX_ACCOUNT_CHARS))).filter(|account| !account.is_empty())
    }

    /// The id of the watch, if it is one that opwatch could have written.
    pub(in crate::message) fn take_id(&mut self) -> Option<String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let id = self.id.take().filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(is_plain));
        id.map(Cow::into_owned)
    }
}

impl Form for State<'_> {
    fn of(value: Value) -> Result<Self, Value> {
        let Value::Object(object) = value else { return Err(value) };
        Ok(Self::deserialize(object).unwrap_or_default())
    }
}

impl<'a> From<&'a watch::Start> for State<'a> {
    fn from(start: &'a watch::Start) -> Self {
        Self {
            asked: Some(start.published_at),
            tries: Some(start.tries),
            waits: Some(start.turn_waits).filter(|waits| *waits > 0),
            unreadable: start.denied.then_some(true),
            look_up: start.look_up.as_ref().map(Cow::Borrowed),
            ambiguous: start.ambiguous.then_some(true),
            counted: start.counted.then_some(true),
            error: start.error.as_ref().map(Cow::Borrowed),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a Check> for State<'a> {
    fn from(check: &'a Check) -> Self {
        Self {
            first: Some(
                check
                    .watch
                    .until_s
                    .map_or(check.first, |until_s| check.first - Ladder::fallback(until_s).lead),
            ),
            from: check.watch.until_s.map(|_| check.first),
            usual: check.usual_s,
            sentinel: (check.purpose == Purpose::Sentinel).then_some(true),
            signal: check.purpose.signal(),
            unreadable: check.unreadable.then_some(true),
            last: check.last.as_ref().map(Cow::Borrowed),
            adopted: check.adopted,
            origin: check.origin.as_ref().map(Start::from),
            started_by: check.started_by.as_deref().map(Cow::Borrowed),
            track: Some(Cow::Borrowed(&check.track)).filter(|track| **track != ProgressHistory::default()),
            live: live(check.live.as_ref()),
            announced: check.announced.then_some(true),
            ..Self::default()
        }
    }
}

impl<'a> From<&'a watch::Report> for State<'a> {
    fn from(report: &'a watch::Report) -> Self {
        Self {
            adopted: report.adopted,
            origin: report.origin.as_ref().map(Start::from),
            started_by: report.started_by.as_deref().map(Cow::Borrowed),
            live: live(report.live.as_ref()),
            asked: report.published_at,
            report: Some(Cow::Owned(super::Report::from(report).with(&report.unknown_fields))),
            ..Self::default()
        }
    }
}

fn live(receipt: Option<&Receipt>) -> Option<Object<'_>> {
    receipt.map(|receipt| Cow::Borrowed(receipt.fields()))
}
