//! From a [`Message`] to the data that opwatch passes on. It is written from where it stands: what is borrowed here is not
//! copied first.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::wire;
use crate::hash::short_hash;
use crate::text;
use crate::watch::{Message, Notify, Outcome, Report, Unknown, Watch};

/// The longest message that opwatch writes, in bytes.
pub const MAX_WRITTEN_BYTES: usize = 24 * 1024;
/// The longest report to another outlet, in bytes before it is wrapped.
const MAX_INNER_BYTES: usize = MAX_WRITTEN_BYTES - 512;
/// A text that must be shorter, in characters.
const SHORT: usize = 200;
/// The version of `state`, for the day when a field must change its meaning.
const VERSION: u32 = 1;

impl Message {
    /// The data to publish: at most [`MAX_WRITTEN_BYTES`] bytes, for which first fields of a newer version, then long
    /// texts may have to go.
    pub fn to_data(&self) -> Vec<u8> {
        if let Some(wrapped) = self.wrapped() {
            return wrapped.to_string().into_bytes();
        }
        self.to_data_within(MAX_WRITTEN_BYTES)
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
                report.unknown_fields = Map::new();
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
        let inner: Value = serde_json::from_slice(&inner.to_data_within(MAX_INNER_BYTES)).unwrap_or_default();
        let id = Cow::Borrowed(report.watch.id.as_str());
        let told = wire::Report {
            outcome: Some(Outcome::Succeeded),
            outlet: Some(wire::Outlet { id: outlet.into(), message: inner }),
            ..wire::Report::default()
        };
        let state = wire::State { report: Some(Cow::Owned(told.into_object())), ..wire::State::default() };
        let message = wire::Message {
            notify: wire::Field::Is(Notify::Failure.word().into()),
            interval: wire::Field::Is(60),
            limit: wire::Field::Is(1),
            state: wire::Field::Is(wire::State { version: Some(VERSION), id: Some(id), ..state }),
            ..wire::Message::default()
        };
        Some(Value::Object(message.into_object()))
    }

    fn written(&self) -> wire::Message<'_> {
        let watch = self.watch();
        let message = wire::Message::from(watch);
        let (message, state) = match self {
            Self::Start(start) => {
                (message.starting(Some(&start.request), start.key.as_deref()), (&**start).into())
            }
            Self::Check(check) => {
                let attempt = wire::Field::Is(check.attempt.into());
                (wire::Message { attempt, ..message.about(Some(&check.operation)) }, (&**check).into())
            }
            Self::Report(report) => {
                let message = message.about(report.operation.as_ref());
                let message = message.starting(report.start.as_ref(), report.key.as_deref());
                let attempt = report.attempt.map(u64::from).into();
                (wire::Message { attempt, ..message }, (&**report).into())
            }
            Self::Test(_) => {
                (wire::Message { test: wire::Field::Is(true), ..message }, wire::State::default())
            }
        };
        let state = wire::State {
            version: Some(VERSION),
            id: Some(Cow::Borrowed(&watch.id)),
            ladder: watch.until_s,
            unknown: Cow::Borrowed(&watch.unknown.state),
            ..state
        };
        let unknown = Cow::Borrowed(&watch.unknown.message);
        wire::Message { unknown, state: wire::Field::Is(state), ..message }
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
        let kickoff = wire::Message::kickoff(&self.watch);
        let kickoff = match (&self.operation, &self.start) {
            (Some(operation), _) if !self.is_ended_before() => kickoff.about(Some(operation)),
            (_, Some(start)) => kickoff.starting(Some(start), self.key.as_deref()),
            (_, None) => return None,
        };
        Some(kickoff.into_object())
    }

    /// The message that a person publishes to make the start of an ended operation again. Its key is new, so that the start
    /// is not recognised as the one that was made, and always the same, so that pasting it twice starts once.
    pub fn start_again(&self) -> Option<Map<String, Value>> {
        let key = short_hash(&["again", &self.watch.id]);
        let start = self.origin.as_ref()?;
        Some(wire::Message::kickoff(&self.watch).starting(Some(start), Some(&key)).into_object())
    }
}

fn shorten(text: &mut String) {
    *text = text::cut(text, SHORT);
}
