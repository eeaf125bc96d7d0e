//! From a [`Message`] to the data that opwatch passes on.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Adopted, Check, Message, Outcome, Posted, Reason, Report, Routing, Seen, Start, StartRequest, Track,
    Unknown, Unusable, Watch,
};
use crate::operation::{ApiError, Facts, Operation};
use crate::text;

/// The longest message that opwatch writes, in bytes.
pub const LONGEST_WRITTEN: usize = 24 * 1024;
/// A text that must be shorter, in characters.
const SHORT: usize = 200;
/// The version of `state`, for the day when a field must change its meaning.
const VERSION: u32 = 1;

/// What rides in a message beside the fields that a person may write. Each field is read for itself: one that can't
/// be read counts as missing, and unknown ones are passed on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct State {
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) unreadable: Option<bool>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Seen>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) adopted: Option<Adopted>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) track: Option<Track>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) live: Option<Posted>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) announced: Option<bool>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) tries: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) ambiguous: Option<bool>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ApiError>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<Map<String, Value>>,
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

/// What a report tells.
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
    pub(super) tries: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) waits: Option<u32>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) plain: Option<bool>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) diverted: Option<String>,
}

fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

fn shorten(text: &mut String) {
    *text = text::cut(text, SHORT);
}

impl Told {
    /// What `object` tells, and the object itself when it tells more than this version knows.
    pub(super) fn read(object: Map<String, Value>) -> (Self, Map<String, Value>) {
        let told: Self = serde_json::from_value(Value::Object(object.clone())).unwrap_or_default();
        let known = told.clone().into_object() == object;
        (told, if known { Map::new() } else { object })
    }

    fn into_object(self) -> Map<String, Value> {
        match json!(self) {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }
}

impl State {
    pub(super) fn from_object(object: Map<String, Value>) -> Self {
        serde_json::from_value(Value::Object(object)).unwrap_or_default()
    }
}

impl Message {
    /// The data to publish: at most [`LONGEST_WRITTEN`] bytes, for which first fields of a newer version, then long
    /// texts may have to go.
    pub fn to_data(&self) -> Vec<u8> {
        let data = self.to_bytes();
        if data.len() <= LONGEST_WRITTEN {
            return data;
        }
        let mut shorter = self.clone();
        shorter.watch_mut().unknown = Unknown::default();
        let data = shorter.to_bytes();
        if data.len() <= LONGEST_WRITTEN {
            return data;
        }
        shorter.cut_texts();
        shorter.to_bytes()
    }

    /// Not by way of a text: that goes through a formatter, piece by piece.
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.to_json()).unwrap_or_default()
    }

    /// Cuts the texts that may be long by themselves and are too long together.
    fn cut_texts(&mut self) {
        let facts = match self {
            Self::Start(start) => {
                start.error.iter_mut().for_each(|error| shorten(&mut error.text));
                return;
            }
            Self::Check(check) => check.last.as_mut().map(|seen| &mut seen.facts),
            Self::Report(report) => {
                report.original = Map::new();
                report.error.iter_mut().for_each(|error| shorten(&mut error.text));
                report.notice.iter_mut().for_each(|notice| shorten(&mut notice.excerpt));
                Some(&mut report.facts)
            }
            Self::Test(_) => None,
        };
        if let Some(facts) = facts {
            facts.error.iter_mut().for_each(|error| shorten(&mut error.text));
            facts.output.iter_mut().chain(&mut facts.prefix).for_each(shorten);
        }
    }

    /// The message as JSON.
    pub fn to_json(&self) -> Value {
        let watch = self.watch();
        let mut map = watch.unknown.message.clone();
        let state = match self {
            Self::Start(start) => start_state(start, &mut map),
            Self::Check(check) => check_state(check, &mut map),
            Self::Report(report) => report_state(report, &mut map),
            Self::Test(_) => {
                map.insert("test".to_owned(), Value::Bool(true));
                State::default()
            }
        };
        map.extend(watch_fields(watch));
        let id = Some(watch.id.clone());
        let state = State { version: Some(VERSION), id, unknown: watch.unknown.state.clone(), ..state };
        map.insert("state".to_owned(), json!(state));
        Value::Object(map)
    }

    fn watch_mut(&mut self) -> &mut Watch {
        match self {
            Self::Start(start) => &mut start.watch,
            Self::Check(check) => &mut check.watch,
            Self::Report(report) => &mut report.watch,
            Self::Test(test) => &mut test.watch,
        }
    }
}

impl Report {
    /// The message that a person publishes to go on: watching the operation, or making the start. It carries no
    /// `state`, so it begins a new watch; one that starts carries the key, so that it does not start twice.
    pub fn again(&self) -> Option<Map<String, Value>> {
        let mut map = watch_fields(&self.watch);
        match (&self.operation, &self.start) {
            (Some(operation), _) => map.extend(operation_fields(operation)),
            (None, Some(start)) => {
                map.insert("start".to_owned(), start_object(start));
                let key = self.key.iter().map(|key| ("key".to_owned(), json!(key)));
                map.extend(key);
            }
            (None, None) => return None,
        }
        Some(map)
    }
}

fn watch_fields(watch: &Watch) -> Map<String, Value> {
    let mut map = Map::new();
    let mut set = |name: &str, value: Value| map.insert(name.to_owned(), value);
    set("interval", json!(watch.interval));
    set("limit", json!(watch.limit));
    if let Some(title) = &watch.title {
        set("title", json!(title));
    }
    if let Some(locale) = watch.locale {
        set("locale", json!(locale.id()));
    }
    if let Some(zone) = watch.time_zone {
        set("timeZone", json!(zone.name()));
    }
    let Routing { channel, mention, mention_on, notify } = &watch.routing;
    if let Some(channel) = channel {
        set("channel", json!(channel.to_string()));
    }
    if let Some(mention) = mention {
        set("mention", json!(mention.to_string()));
    }
    if let Some(on) = mention_on {
        set("mentionOn", json!(on.word()));
    }
    if let Some(notify) = notify {
        set("notify", json!(notify.word()));
    }
    map
}

fn operation_fields(operation: &Operation) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("service".to_owned(), json!(operation.service().id()));
    map.insert("name".to_owned(), json!(operation.name()));
    map
}

fn start_object(start: &StartRequest) -> Value {
    json!({"service": start.service().id(), "path": start.path, "body": start.body})
}

fn start_state(start: &Start, map: &mut Map<String, Value>) -> State {
    map.insert("start".to_owned(), start_object(&start.request));
    if let Some(key) = &start.key {
        map.insert("key".to_owned(), json!(key));
    }
    State {
        asked: Some(start.asked),
        tries: Some(start.tries),
        ambiguous: start.ambiguous.then_some(true),
        error: start.error.clone(),
        ..State::default()
    }
}

fn check_state(check: &Check, map: &mut Map<String, Value>) -> State {
    map.extend(operation_fields(&check.operation));
    map.insert("attempt".to_owned(), json!(check.attempt));
    State {
        first: Some(check.first),
        unreadable: check.unreadable.then_some(true),
        last: check.last.clone(),
        adopted: check.adopted,
        track: Some(check.track.clone()).filter(|track| *track != Track::default()),
        live: check.live.clone(),
        announced: check.announced.then_some(true),
        ..State::default()
    }
}

fn report_state(report: &Report, map: &mut Map<String, Value>) -> State {
    if let Some(operation) = &report.operation {
        map.extend(operation_fields(operation));
    }
    if let Some(attempt) = report.attempt {
        map.insert("attempt".to_owned(), json!(attempt));
    }
    if let Some(start) = &report.start {
        map.insert("start".to_owned(), start_object(start));
    }
    if let Some(key) = &report.key {
        map.insert("key".to_owned(), json!(key));
    }
    let told = Told {
        outcome: Some(report.outcome),
        reason: report.reason.clone(),
        error: report.error.clone(),
        facts: Some(report.facts.clone()).filter(|facts| *facts != Facts::default()),
        at: Some(report.at),
        notice: report.notice.clone(),
        tries: Some(report.tries).filter(|tries| *tries > 0),
        waits: Some(report.waits).filter(|waits| *waits > 0),
        plain: report.plain.then_some(true),
        diverted: report.diverted.clone(),
    };
    // What a newer version told is passed on as it told it; only the try is ours.
    let mut object = told.into_object();
    for (field, value) in &report.original {
        if !["tries", "waits", "plain", "diverted"].contains(&field.as_str()) {
            object.insert(field.clone(), value.clone());
        }
    }
    State { adopted: report.adopted, live: report.live.clone(), report: Some(object), ..State::default() }
}
