//! From a [`Message`] to the data that opwatch passes on. It is written from where it stands: what is borrowed here is not
//! copied first.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::state::{OUTLET, OUTLET_ID, OUTLET_MESSAGE, Told};
use crate::hash::short_hash;
use crate::services::{ApiError, Facts, Operation};
use crate::text;
use crate::watch::{
    Adopted, Check, Locale, LookUp, Mention, MentionOn, Message, Notify, Outcome, Receipt, Report, Routing,
    Seen, Start, StartRequest, Target, Track, Unknown, Watch,
};

/// The longest message that opwatch writes, in bytes.
pub const LONGEST_WRITTEN: usize = 24 * 1024;
/// The longest report to another outlet, in bytes before it is wrapped.
const LONGEST_INNER: usize = LONGEST_WRITTEN - 512;
/// A text that must be shorter, in characters.
const SHORT: usize = 200;
/// The version of `state`, for the day when a field must change its meaning.
const VERSION: u32 = 1;

/// A message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    /// Fields of a newer version. What stood beside a start and means nothing there is among them too, and may come once
    /// more below: of two fields of one name the later counts.
    #[serde(flatten)]
    unknown: &'a Map<String, Value>,
    #[serde(flatten)]
    watch: OfWatch<'a>,
    #[serde(flatten)]
    step: OfStep<'a>,
    state: State<'a>,
}

/// The fields of every message that a person may write.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfWatch<'a> {
    interval: u32,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mention: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mention_on: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<&'static str>,
}

/// The fields of some messages that a person may write.
#[derive(Default, Serialize)]
struct OfStep<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<OfStart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
}

#[derive(Serialize)]
struct OfStart<'a> {
    service: &'static str,
    path: &'a str,
    body: &'a Map<String, Value>,
}

/// What [`super::state::State`] reads.
#[derive(Default, Serialize)]
struct State<'a> {
    version: u32,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<&'a Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adopted: Option<Adopted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OfStart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<&'a Track>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Receipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    announced: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<u32>,
    #[serde(rename = "lookUp", skip_serializing_if = "Option::is_none")]
    look_up: Option<&'a LookUp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ambiguous: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ApiError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Map<String, Value>>,
    #[serde(flatten)]
    unknown: Option<&'a Map<String, Value>>,
}

impl Message {
    /// The data to publish: at most [`LONGEST_WRITTEN`] bytes, for which first fields of a newer version, then long
    /// texts may have to go.
    pub fn to_data(&self) -> Vec<u8> {
        if let Some(wrapped) = self.wrapped() {
            return wrapped.to_string().into_bytes();
        }
        self.to_data_within(LONGEST_WRITTEN)
    }

    fn to_data_within(&self, most: usize) -> Vec<u8> {
        let data = self.to_bytes();
        if data.len() <= most {
            return data;
        }
        let mut shorter = self.clone();
        shorter.watch_mut().unknown = Unknown::default();
        let data = shorter.to_bytes();
        if data.len() <= most {
            return data;
        }
        shorter.cut_texts();
        shorter.to_bytes()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(1024);
        // Structs of texts and numbers can always be written.
        let _ = serde_json::to_writer(&mut data, &self.written());
        data
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
        self.wrapped().unwrap_or_else(|| serde_json::to_value(self.written()).unwrap_or_default())
    }

    /// A report to another outlet, wrapped into one that a version without outlets drops: a success of a watch that asked to
    /// hear of failures only. It has no operation, so that it isn't taken for the report of the watch's end.
    fn wrapped(&self) -> Option<Value> {
        let Self::Report(report) = self else { return None };
        let outlet = report.outlet.as_ref()?;
        let inner = Self::Report(Box::new(Report { outlet: None, ..(**report).clone() }));
        let inner: Value = serde_json::from_slice(&inner.to_data_within(LONGEST_INNER)).unwrap_or_default();
        let told = json!({"outcome": Outcome::Succeeded, OUTLET: {OUTLET_ID: outlet, OUTLET_MESSAGE: inner}});
        let state = json!({"version": VERSION, "id": report.watch.id, "report": told});
        Some(json!({"notify": Notify::Failure.word(), "interval": 60, "limit": 1, "state": state}))
    }

    fn written(&self) -> Written<'_> {
        let watch = self.watch();
        let (step, state) = match self {
            Self::Start(start) => of_start(start),
            Self::Check(check) => of_check(check),
            Self::Report(report) => of_report(report),
            Self::Test(_) => (OfStep { test: Some(true), ..OfStep::default() }, State::default()),
        };
        Written {
            unknown: &watch.unknown.message,
            watch: watch.into(),
            step,
            state: State { version: VERSION, id: &watch.id, unknown: Some(&watch.unknown.state), ..state },
        }
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
        let step = match (&self.operation, &self.start) {
            (Some(operation), _) if !self.is_ended_before() => operation.into(),
            (_, Some(start)) => {
                OfStep { start: Some(start.into()), key: self.key.as_deref(), ..OfStep::default() }
            }
            (_, None) => return None,
        };
        self.kickoff(step)
    }

    /// The message that a person publishes to make the start of an ended operation again. Its key is new, so that the start
    /// is not recognised as the one that was made, and always the same, so that pasting it twice starts once.
    pub fn start_again(&self) -> Option<Map<String, Value>> {
        let key = short_hash(&["again", &self.watch.id]);
        let start = Some(self.origin.as_ref()?.into());
        self.kickoff(OfStep { start, key: Some(&key), ..OfStep::default() })
    }

    fn kickoff(&self, step: OfStep<'_>) -> Option<Map<String, Value>> {
        #[derive(Serialize)]
        struct Kickoff<'a> {
            #[serde(flatten)]
            watch: OfWatch<'a>,
            #[serde(flatten)]
            step: OfStep<'a>,
        }
        match serde_json::to_value(Kickoff { watch: (&self.watch).into(), step }) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        }
    }
}

impl<'a> From<&'a Watch> for OfWatch<'a> {
    fn from(watch: &'a Watch) -> Self {
        let Routing { target, mention, mention_on, notify } = &watch.routing;
        Self {
            interval: watch.interval,
            limit: watch.limit,
            title: watch.title.as_deref(),
            locale: watch.locale.map(Locale::id),
            time_zone: watch.time_zone.map(Tz::name),
            channel: target.as_ref().map(Target::as_str),
            mention: mention.as_ref().map(Mention::as_str),
            mention_on: mention_on.map(MentionOn::word),
            notify: notify.map(Notify::word),
        }
    }
}

impl<'a> From<&'a Operation> for OfStep<'a> {
    fn from(operation: &'a Operation) -> Self {
        let (service, name) = (Some(operation.service().id()), Some(operation.name()));
        Self { service, name, ..Self::default() }
    }
}

impl<'a> From<&'a StartRequest> for OfStart<'a> {
    fn from(start: &'a StartRequest) -> Self {
        let (path, body) = start.written();
        Self { service: start.service().id(), path, body }
    }
}

fn of_start(start: &Start) -> (OfStep<'_>, State<'_>) {
    let step =
        OfStep { start: Some((&start.request).into()), key: start.key.as_deref(), ..OfStep::default() };
    let state = State {
        asked: Some(start.asked),
        tries: Some(start.tries),
        waits: Some(start.waits).filter(|waits| *waits > 0),
        unreadable: start.denied.then_some(true),
        look_up: start.look_up.as_ref(),
        ambiguous: start.ambiguous.then_some(true),
        counted: start.counted.then_some(true),
        error: start.error.as_ref(),
        ..State::default()
    };
    (step, state)
}

fn of_check(check: &Check) -> (OfStep<'_>, State<'_>) {
    let state = State {
        first: Some(check.first),
        unreadable: check.unreadable.then_some(true),
        last: check.last.as_ref(),
        adopted: check.adopted,
        origin: check.origin.as_ref().map(Into::into),
        track: Some(&check.track).filter(|track| **track != Track::default()),
        live: check.live.as_ref(),
        announced: check.announced.then_some(true),
        ..State::default()
    };
    (OfStep { attempt: Some(check.attempt), ..(&check.operation).into() }, state)
}

fn of_report(report: &Report) -> (OfStep<'_>, State<'_>) {
    let step = OfStep {
        attempt: report.attempt,
        start: report.start.as_ref().map(Into::into),
        key: report.key.as_deref(),
        ..report.operation.as_ref().map(Into::into).unwrap_or_default()
    };
    let told = Told {
        outcome: Some(report.outcome),
        reason: report.reason.clone(),
        error: report.error.clone(),
        facts: Some(report.facts.clone()).filter(|facts| *facts != Facts::default()),
        at: Some(report.at),
        notice: report.notice.clone(),
        slot: report.slot.clone(),
        tries: Some(report.tries).filter(|tries| *tries > 0),
        waits: Some(report.waits).filter(|waits| *waits > 0),
        plain: report.plain.then_some(true),
        no_mention: report.no_mention.then_some(true),
        unclear: Some(report.unclear).filter(|unclear| *unclear > 0),
        unchanged: report.unchanged,
        diverted: report.diverted.clone(),
    };
    // What a newer version told is passed on as it told it; only the try is ours.
    let mut object = told.into_object();
    for (field, value) in &report.original {
        if !["slot", "tries", "waits", "plain", "noMention", "unclear", "diverted"].contains(&field.as_str())
        {
            object.insert(field.clone(), value.clone());
        }
    }
    let state = State {
        adopted: report.adopted,
        origin: report.origin.as_ref().map(Into::into),
        live: report.live.as_ref(),
        asked: report.asked,
        report: Some(object),
        ..State::default()
    };
    (step, state)
}

fn shorten(text: &mut String) {
    *text = text::cut(text, SHORT);
}
