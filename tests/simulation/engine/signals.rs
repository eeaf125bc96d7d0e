//! Signals: the audit log's entries of the ends of operations, as they come: once or more, late, early, or never, and what
//! a stranger forges.

use chrono::{DateTime, Utc};
use opwatch::services::{Operation, Service};
use opwatch::signal::{Phase, Signal};
use serde_json::{Value, json};

use super::boundary::Topic;
use super::plan::{Fault, HOUR, MINUTE, Ms, SECOND};
use super::world::{Event, Form, World, time};

impl World {
    /// Plans the signals of an operation.
    pub(super) fn plan_signals(&mut self, index: usize) {
        if !self.plan.signals {
            return;
        }
        let (from, until) = (self.operations[index].from, self.operations[index].until);
        let quick =
            if self.plan.script.is_some() { 2 * SECOND } else { self.rng.between(SECOND, 10 * SECOND) };
        let mut due = until + quick;
        if self.strikes(Fault::SignalEarly) {
            due = until.saturating_sub(self.rng.below(30 * SECOND));
        } else if self.strikes(Fault::SignalLate) {
            due = until + self.rng.log_uniform(MINUTE as f64, 12.0 * HOUR as f64) as Ms;
        }
        if !self.strikes(Fault::SignalLost) {
            self.at(due, Event::Signal(index, false));
        }
        if self.strikes(Fault::SignalTwice) {
            let again = due + self.rng.log_uniform(SECOND as f64, 12.0 * HOUR as f64) as Ms;
            self.at(again, Event::Signal(index, false));
        }
        if self.strikes(Fault::SignalForged) {
            let forged = from + self.rng.below(until.saturating_sub(from));
            let foreign = self.rng.chance(0.3);
            self.at(forged, Event::Signal(index, foreign));
        }
    }

    /// An entry about an operation is published; `foreign`: about one of another project.
    pub(crate) fn signal(&mut self, index: usize, foreign: bool) {
        let (name, now) = (self.operations[index].name.clone(), self.now());
        let Some(watch) = self.watch_of(&name) else { return };
        let name = if foreign { name.replacen("projects/p/", "projects/q/", 1) } else { name };
        self.note(&[17, index as u64, u64::from(foreign)], || format!("a signal about {name}"));
        self.publish(watch, Form::Signal, json!({"signal": name, "at": now}).to_string().into_bytes(), None);
        self.messages.last_mut().expect("just published").topic = Topic::Events;
    }

    /// The signal that a message is.
    pub(crate) fn read_signal(&self, message: usize) -> Signal {
        let data: Value = serde_json::from_slice(&self.messages[message].data).expect("a signal");
        let name = data["signal"].as_str().expect("a name");
        let service = if name.contains("/databases/") { Service::FIRESTORE } else { Service::DATASTORE };
        let operation = Operation::new(service, name).expect("a name");
        let at: DateTime<Utc> = time(data["at"].as_u64().expect("a time"));
        Signal { operation, phase: Phase::Ended, method: None, principal: None, at }
    }

    /// A signal is delivered: it is about the watch whose sentinel waits.
    pub(super) fn address_signal(&mut self, message: usize) {
        let data: Value = serde_json::from_slice(&self.messages[message].data).expect("a signal");
        let name = data["signal"].as_str().expect("a name");
        let sentinel = self.waiting_sentinel(name);
        let watch = sentinel.or_else(|| self.watch_of(name)).unwrap_or(self.messages[message].watch);
        self.messages[message].watch = watch;
        self.ledger.signalled(watch, sentinel.is_some());
    }

    /// The watch that has looked at an operation, or is to look at it: the first one.
    fn watch_of(&self, name: &str) -> Option<usize> {
        let of_task = self.tasks.iter().find(|task| task.operation == name).map(|task| task.watch);
        of_task.or_else(|| {
            let asks = |message: &&super::pubsub::Message| message.operation().as_deref() == Some(name);
            self.messages.iter().find(asks).map(|message| message.watch)
        })
    }
}
