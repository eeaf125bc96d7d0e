//! A message, and the start in it. The texts on the fields are those of the schema, for people who write kickoffs.

use std::borrow::Cow;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Field, Form, Object, State, Text};
use crate::services::Operation;
use crate::watch::{Locale, Mention, MentionOn, Notify, Routing, StartRequest, Target, Watch};

/// A message: the fields that people may write, and the state of one that opwatch passes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub(in crate::message) struct Message<'a> {
    // Fields of a newer version. Fields next to a start that have no effect there are among them, too, and may come once more
    // below: of two fields of one name the later counts.
    #[serde(flatten)]
    pub(in crate::message) unknown: Object<'a>,
    /// The JSON Schema of the message, for editors. opwatch ignores it.
    #[serde(rename = "$schema", skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) schema: Field<Text<'a>>,
    /// The seconds between two checks, which then have a fixed interval. Default: the setting `CHECK_INTERVAL`, if it or
    /// `CHECK_LIMIT` is set, or 60 with `limit`.
    #[cfg_attr(test, schemars(range(min = *crate::message::INTERVAL.start(), max = *crate::message::INTERVAL.end())))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) interval: Field<u64>,
    /// The maximum number of checks, which then have a fixed interval. Default: the setting `CHECK_LIMIT`, or 60.
    #[cfg_attr(test, schemars(range(min = *crate::message::LIMIT.start(), max = *crate::message::LIMIT.end())))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) limit: Field<u64>,
    /// How long to watch at most: minutes, hours or days, such as `6h`, from `1m` to `28d`. Checks are farther apart
    /// the longer it lasts. Not together with `interval` or `limit`. Default: 24 h, if the settings have no fixed interval.
    #[cfg_attr(test, schemars(schema_with = "super::schema::until"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) until: Field<Text<'a>>,
    /// What the messages call the watch: one line without control or bidirectional characters. Default: by the operation.
    #[cfg_attr(test, schemars(schema_with = "super::schema::title"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) title: Field<Text<'a>>,
    /// The language of this watch's messages. Default: the setting `LOCALE`.
    #[cfg_attr(test, schemars(schema_with = "super::schema::locale"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) locale: Field<Text<'a>>,
    /// The IANA time zone of this watch's messages and placeholders. Default: the setting `TIME_ZONE`.
    #[cfg_attr(test, schemars(schema_with = "super::schema::time_zone"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) time_zone: Field<Text<'a>>,
    /// The id of the Slack channel to post to, one of the setting `SLACK_CHANNELS`. Needs a bot. Default: the settings' channel.
    #[cfg_attr(test, schemars(schema_with = "super::schema::channel"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) channel: Field<Text<'a>>,
    /// Who is mentioned, one of the setting `MENTIONS`: `here`, the id of a person or the id of a user group.
    #[cfg_attr(test, schemars(schema_with = "super::schema::mention"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) mention: Field<Text<'a>>,
    /// When to mention someone: when the operation did not succeed, at every end, or never.
    #[cfg_attr(test, schemars(schema_with = "super::schema::mention_on"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) mention_on: Field<Text<'a>>,
    /// What to report: one message that follows the operation (`live`), its end, its start and its end, or only an end that is
    /// not a success (`failure`).
    #[cfg_attr(test, schemars(schema_with = "super::schema::notify"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) notify: Field<Text<'a>>,
    /// The outlets to report to, of those in the setting `OUTLETS`. Default: all of them.
    #[cfg_attr(test, schemars(schema_with = "super::schema::tests::outlets"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) outlets: Field<Vec<Text<'a>>>,
    /// With `name`: the service that the operation belongs to. Default: the one of the setting `SERVICES` that has names of
    /// this form.
    #[cfg_attr(test, schemars(schema_with = "super::schema::service"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) service: Field<Text<'a>>,
    /// Follow this operation, which is already running: its name as the service returned it, or its URL, which needs no
    /// `service`.
    #[cfg_attr(test, schemars(schema_with = "super::schema::name"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) name: Field<Text<'a>>,
    /// With `name`: the number of the first check, below `limit`. Default: 0.
    #[cfg_attr(test, schemars(range(min = 0, max = *crate::message::LIMIT.end())))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) attempt: Field<u64>,
    /// Start this operation and follow it.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) start: Field<Start<'a>>,
    /// With `start`: identifies this start while its operation runs and for 24 hours after it began. Default: the message id.
    /// Do not use it in a schedule, where the second run would start nothing.
    #[cfg_attr(test, schemars(schema_with = "super::schema::key"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) key: Field<Text<'a>>,
    /// Only send a message through all parts of the installation, and say in Slack that it arrived.
    #[cfg_attr(test, schemars(extend("const" = true)))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) test: Field<bool>,
    /// What opwatch remembers of a watch. Only opwatch writes it, on its internal topic.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) state: Field<State<'a>>,
}

/// The call that starts an operation, as the service's REST reference describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("required" = ["service", "path", "body"], "additionalProperties" = false)))]
#[serde(default)]
pub(in crate::message) struct Start<'a> {
    /// The service to call.
    #[cfg_attr(test, schemars(schema_with = "super::schema::startable"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) service: Field<Text<'a>>,
    /// The path behind the version of the API, such as `projects/my-project:export`. Placeholders are replaced.
    #[cfg_attr(test, schemars(schema_with = "super::schema::path"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) path: Field<Text<'a>>,
    /// The body of the request, at most 12 KiB, without what the path says. Placeholders in its strings are replaced.
    #[cfg_attr(test, schemars(schema_with = "super::schema::body"))]
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub(in crate::message) body: Field<Object<'a>>,
    #[serde(flatten)]
    pub(in crate::message) unknown: Object<'a>,
}

impl Message<'_> {
    /// The message that an object is.
    pub(in crate::message) fn of(mut object: Map<String, Value>) -> Self {
        let (start, state) = (object.remove("start"), object.remove("state"));
        // Every field takes any value.
        let rest = Self::deserialize(object).unwrap_or_default();
        Self { start: Field::of(start), state: Field::of(state), ..rest }
    }

    /// The fields that are there, as an object.
    pub(in crate::message) fn into_object(self) -> Map<String, Value> {
        super::into_object(&self)
    }
}

impl Form for Start<'_> {
    fn of(value: Value) -> Result<Self, Value> {
        let Value::Object(mut object) = value else { return Err(value) };
        let body = object.remove("body");
        let rest = Self::deserialize(object).unwrap_or_default();
        Ok(Self { body: Field::of(body), ..rest })
    }
}

impl<'a> From<&'a Watch> for Message<'a> {
    fn from(watch: &'a Watch) -> Self {
        let Routing { target, mention, mention_on, notify, outlets } = &watch.routing;
        let word = |word: Option<&'static str>| Field::from(word.map(Cow::Borrowed));
        let text = |text: Option<&'a str>| Field::from(text.map(Cow::Borrowed));
        Self {
            interval: Field::Is(watch.interval_s.into()),
            limit: Field::Is(watch.max_checks.into()),
            title: text(watch.title.as_deref()),
            locale: word(watch.locale.map(Locale::id)),
            time_zone: word(watch.time_zone.map(Tz::name)),
            channel: text(target.as_ref().map(Target::as_str)),
            mention: text(mention.as_ref().map(Mention::as_str)),
            mention_on: word(mention_on.map(MentionOn::word)),
            notify: word(notify.map(Notify::word)),
            outlets: outlets.as_ref().map(|ids| ids.iter().copied().map(Cow::Borrowed).collect()).into(),
            ..Self::default()
        }
    }
}

impl<'a> Message<'a> {
    /// What a person writes to begin such a watch: with the same schedule.
    pub(in crate::message) fn kickoff(watch: &'a Watch) -> Self {
        let Some(until_s) = watch.until_s else { return Self::from(watch) };
        let (count, unit) = match until_s {
            hours if hours.is_multiple_of(3_600) => (hours / 3_600, 'h'),
            seconds => (seconds.div_ceil(60), 'm'),
        };
        let until = Field::Is(format!("{count}{unit}").into());
        Self { interval: Field::Absent, limit: Field::Absent, until, ..Self::from(watch) }
    }

    /// The message about `operation`, when there is one.
    pub(in crate::message) fn about(self, operation: Option<&'a Operation>) -> Self {
        let text = |text: Option<&'a str>| Field::from(text.map(Cow::Borrowed));
        let service = text(operation.map(|operation| operation.service().id()));
        Self { service, name: text(operation.map(Operation::name)), ..self }
    }

    /// The message with this start and key, when there are such.
    pub(in crate::message) fn starting(self, start: Option<&'a StartRequest>, key: Option<&'a str>) -> Self {
        Self { start: start.map(Start::from).into(), key: key.map(Cow::Borrowed).into(), ..self }
    }
}

impl<'a> From<&'a StartRequest> for Start<'a> {
    fn from(start: &'a StartRequest) -> Self {
        let (path, body) = start.written();
        Self {
            service: Field::Is(Cow::Borrowed(start.service().id())),
            path: Field::Is(Cow::Borrowed(path)),
            body: Field::Is(Cow::Borrowed(body)),
            unknown: Object::default(),
        }
    }
}
