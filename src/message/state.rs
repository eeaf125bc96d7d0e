//! What rides in a message beside the fields that a person may write.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::services::{ApiError, Facts};
use crate::watch::{Adopted, LookUp, Outcome, Reason, Seen, Slot, Track, Unusable};

/// In a report to another outlet than the one that follows watches: its id, and the report as a message.
pub(super) const OUTLET: &str = "outlet";
pub(super) const OUTLET_ID: &str = "id";
pub(super) const OUTLET_MESSAGE: &str = "message";

/// The state as it was read. Each field is read for itself: one that can't be read counts as missing, and unknown ones are
/// passed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) id: Option<String>,
    pub(super) first: Option<DateTime<Utc>>,
    pub(super) unreadable: Option<bool>,
    pub(super) last: Option<Seen>,
    pub(super) adopted: Option<Adopted>,
    pub(super) origin: Option<Map<String, Value>>,
    pub(super) track: Option<Track>,
    pub(super) live: Option<Map<String, Value>>,
    pub(super) announced: Option<bool>,
    pub(super) asked: Option<DateTime<Utc>>,
    pub(super) tries: Option<u32>,
    pub(super) waits: Option<u32>,
    pub(super) look_up: Option<LookUp>,
    pub(super) ambiguous: Option<bool>,
    pub(super) counted: Option<bool>,
    pub(super) error: Option<ApiError>,
    pub(super) report: Option<Map<String, Value>>,
    pub(super) unknown: Map<String, Value>,
}

impl State {
    pub(super) fn from_object(mut object: Map<String, Value>) -> Self {
        let fields = &mut object;
        // Ours is written in its place.
        fields.remove("version");
        Self {
            id: take(fields, "id"),
            first: take(fields, "first"),
            unreadable: take(fields, "unreadable"),
            last: take(fields, "last"),
            adopted: take(fields, "adopted"),
            origin: take(fields, "origin"),
            track: take(fields, "track"),
            live: take(fields, "live"),
            announced: take(fields, "announced"),
            asked: take(fields, "asked"),
            tries: take(fields, "tries"),
            waits: take(fields, "waits"),
            look_up: take(fields, "lookUp"),
            ambiguous: take(fields, "ambiguous"),
            counted: take(fields, "counted"),
            error: take(fields, "error"),
            report: take(fields, "report"),
            unknown: object,
        }
    }
}

fn take<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(fields.remove(name)?).ok()
}

/// What a report tells, each field read for itself too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Told {
    #[serde(deserialize_with = "lenient")]
    pub(super) outcome: Option<Outcome>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Reason>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ApiError>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) facts: Option<Facts>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) notice: Option<Unusable>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) slot: Option<Slot>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) tries: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) waits: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) plain: Option<bool>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) no_mention: Option<bool>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) unclear: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) unchanged: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) diverted: Option<String>,
}

impl Told {
    /// What `object` tells, and the object itself when it tells more than this version knows.
    pub(super) fn read(object: Map<String, Value>) -> (Self, Map<String, Value>) {
        let told: Self = serde_json::from_value(Value::Object(object.clone())).unwrap_or_default();
        let known = told.clone().into_object() == object;
        (told, if known { Map::new() } else { object })
    }

    pub(super) fn into_object(self) -> Map<String, Value> {
        if let Value::Object(object) = json!(self) { object } else { Map::new() }
    }
}

fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}
