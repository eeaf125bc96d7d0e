//! What a report says. Each field is read for itself, as in the state.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Text, into_object, lenient};
use crate::services::{ApiError, OperationInfo};
use crate::watch::{self, InvalidMessage, Outcome, Reason, Slot};

/// What is to be reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(in crate::message) struct Report<'a> {
    /// How the watch ended, or what else is reported.
    #[serde(deserialize_with = "lenient")]
    pub(in crate::message) outcome: Option<Outcome>,
    /// Why opwatch can't say more.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) reason: Option<Cow<'a, Reason>>,
    /// The error of a call that failed.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) error: Option<Cow<'a, ApiError>>,
    /// What is known of the operation.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) facts: Option<Cow<'a, OperationInfo>>,
    /// When that was so.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) at: Option<DateTime<Utc>>,
    /// The message that can't be used, in a notice about it.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) notice: Option<Cow<'a, InvalidMessage>>,
    /// The slot whose task publishes the report.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) slot: Option<Cow<'a, Slot>>,
    /// How often posting it failed.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) tries: Option<u32>,
    /// How often it waited since then for another copy that was posting it.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) waits: Option<u32>,
    /// Whether it is posted as plain text: the outlet refused its form.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) plain: Option<bool>,
    /// Whether it is posted without its mention: the outlet may have refused that.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) no_mention: Option<bool>,
    /// How often the outlet did not say whether it took it.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) unclear: Option<u32>,
    /// Whether it is in the buffer of digests, and only the message that follows the watch is still to be edited.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) digested: Option<bool>,
    /// How many checks in a row saw no progress.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) unchanged: Option<u32>,
    /// The outlet's word for why the watch's own target did not take it.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) diverted: Option<Text<'a>>,
    /// The report inside, which is for another outlet than the one that follows watches.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(in crate::message) outlet: Option<Outlet<'a>>,
}

/// A report to another outlet than the one that follows watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::message) struct Outlet<'a> {
    /// The id of the outlet.
    pub(in crate::message) id: Text<'a>,
    /// The report, as a message.
    #[cfg_attr(test, schemars(schema_with = "super::schema::whole"))]
    pub(in crate::message) message: Value,
}

/// Fields about one try, which are this version's whatever a newer one wrote.
const OF_THE_TRY: [&str; 8] =
    ["slot", "tries", "waits", "plain", "noMention", "unclear", "digested", "diverted"];

impl Report<'static> {
    /// What `object` says, and the object itself when it says more than this version knows.
    pub(in crate::message) fn read(object: Map<String, Value>) -> (Self, Map<String, Value>) {
        let report = Self::deserialize(object.clone()).unwrap_or_default();
        let is_known = into_object(&report) == object;
        (report, if is_known { Map::new() } else { object })
    }
}

impl Report<'_> {
    /// The report as an object. What a newer version said in `original` is passed on as it said it.
    pub(super) fn with(&self, original: &Map<String, Value>) -> Map<String, Value> {
        let mut object = into_object(self);
        for (field, value) in original {
            if !OF_THE_TRY.contains(&field.as_str()) {
                object.insert(field.clone(), value.clone());
            }
        }
        object
    }

    /// The report as an object.
    pub(in crate::message) fn into_object(self) -> Map<String, Value> {
        into_object(&self)
    }
}

impl<'a> From<&'a watch::Report> for Report<'a> {
    fn from(report: &'a watch::Report) -> Self {
        Self {
            outcome: Some(report.outcome),
            reason: report.reason.as_ref().map(Cow::Borrowed),
            error: report.error.as_ref().map(Cow::Borrowed),
            facts: Some(Cow::Borrowed(&report.facts)).filter(|facts| **facts != OperationInfo::default()),
            at: Some(report.at),
            notice: report.notice.as_ref().map(Cow::Borrowed),
            slot: report.slot.as_ref().map(Cow::Borrowed),
            tries: Some(report.tries).filter(|tries| *tries > 0),
            waits: Some(report.claim_waits).filter(|waits| *waits > 0),
            plain: report.as_plain_text.then_some(true),
            no_mention: report.no_mention.then_some(true),
            unclear: Some(report.unclear).filter(|unclear| *unclear > 0),
            digested: report.digested.then_some(true),
            unchanged: report.unchanged,
            diverted: report.fallback_reason.as_deref().map(Cow::Borrowed),
            outlet: None,
        }
    }
}
