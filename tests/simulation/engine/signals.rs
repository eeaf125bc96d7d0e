//! Signals: the audit log's entries of operations, as they come: once or more, late, early, or never, and what a stranger
//! forges. With adoption they begin watches of operations that nobody asked to watch.

use opwatch::signal::Phase;
use serde_json::{Value, json};

use super::boundary::Topic;
use super::plan::{Fault, HOUR, Kickoff, Kind, MINUTE, Ms, SECOND};
use super::pubsub::Message;
use super::tasks::Task;
use super::world::{Event, Form, World, time};

/// opwatch's own account, and one that is never adopted from either.
pub(crate) const OWN_ACCOUNT: &str = "opwatch@p.iam.gserviceaccount.com";
pub(crate) const ROBOT: &str = "robot@p.iam.gserviceaccount.com";
const PERSON: &str = "person@example.com";

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry {
    /// A person started it.
    Start,
    /// opwatch did, or the robot.
    OwnStart,
    RobotStart,
    /// It began and ended at once: the start was refused.
    AtOnce,
    /// It ended.
    End,
    /// One of another project did.
    Foreign,
}

impl Entry {
    fn of(word: &Value) -> Option<Self> {
        [Self::Start, Self::OwnStart, Self::RobotStart, Self::AtOnce, Self::End, Self::Foreign]
            .into_iter()
            .find(|entry| format!("{entry:?}") == word.as_str().unwrap_or_default())
    }

    fn phase(self) -> Phase {
        match self {
            Self::Start | Self::OwnStart | Self::RobotStart => Phase::Started,
            Self::AtOnce => Phase::AtOnce,
            Self::End | Self::Foreign => Phase::Ended,
        }
    }

    fn principal(self) -> Option<&'static str> {
        match self {
            Self::Start | Self::AtOnce => Some(PERSON),
            Self::OwnStart => Some(OWN_ACCOUNT),
            Self::RobotStart => Some(ROBOT),
            // Entries of ends have none.
            Self::End | Self::Foreign => None,
        }
    }

    /// Whether an operation that is not watched becomes a watch by it.
    fn adopts(self) -> bool {
        matches!(self, Self::Start | Self::End)
    }
}

impl World {
    /// Plans the signals of an operation.
    pub(super) fn plan_signals(&mut self, index: usize) {
        if !self.plan.signals {
            return;
        }
        let (from, until) = (self.operations[index].from, self.operations[index].until);
        if self.plan.adopts {
            self.plan_start(index, from);
        }
        let quick =
            if self.plan.script.is_some() { 2 * SECOND } else { self.rng.between(SECOND, 10 * SECOND) };
        let mut due = until + quick;
        if self.strikes(Fault::SignalEarly) {
            due = until.saturating_sub(self.rng.below(30 * SECOND));
        } else if self.strikes(Fault::SignalLate) {
            due = until + self.rng.log_uniform(MINUTE as f64, 12.0 * HOUR as f64) as Ms;
        }
        if !self.strikes(Fault::SignalLost) {
            self.at(due, Event::Signal(index, Entry::End));
        }
        if self.strikes(Fault::SignalTwice) {
            let again = due + self.rng.log_uniform(SECOND as f64, 12.0 * HOUR as f64) as Ms;
            self.at(again, Event::Signal(index, Entry::End));
        }
        if self.strikes(Fault::SignalForged) {
            let forged = from + self.rng.below(until.saturating_sub(from));
            let entry = if self.rng.chance(0.3) { Entry::Foreign } else { Entry::End };
            self.at(forged, Event::Signal(index, entry));
        }
    }

    /// The entries of its start: of what a person watches by name it came before.
    fn plan_start(&mut self, index: usize, from: Ms) {
        let adopted = self.of_nobody(&self.operations[index].name);
        let started = self.operations[index].name.contains("/operations/S");
        if adopted.is_none() && !started {
            return;
        }
        let entry = match self.rng.below(10) {
            _ if started => Entry::OwnStart,
            0 => Entry::RobotStart,
            1 => Entry::AtOnce,
            _ => Entry::Start,
        };
        let mut due = from + self.rng.between(SECOND, 10 * SECOND);
        if self.strikes(Fault::SignalLate) {
            due = from + self.rng.log_uniform(MINUTE as f64, 12.0 * HOUR as f64) as Ms;
        }
        if !self.strikes(Fault::SignalLost) {
            self.at(due, Event::Signal(index, entry));
        }
        if self.strikes(Fault::SignalTwice) {
            let again = due + self.rng.log_uniform(SECOND as f64, 12.0 * HOUR as f64) as Ms;
            self.at(again, Event::Signal(index, entry));
        }
    }

    /// The kickoff without a message that an operation belongs to.
    fn of_nobody(&self, name: &str) -> Option<usize> {
        let index: usize = name.strip_prefix("projects/p/operations/N")?.parse().ok()?;
        (self.ledger.kind(index) == Kind::Adopted).then_some(index)
    }

    /// An entry about an operation is published.
    pub(crate) fn signal(&mut self, index: usize, entry: Entry) {
        let operation = &self.operations[index];
        let (name, now) = (operation.name.clone(), self.now());
        // All entries of an end have its time; one that comes before it is of another, as a forged one is.
        let dated = if entry.phase() == Phase::Started { operation.from } else { operation.until };
        let Some(watch) = self.watch_of(&name) else { return };
        let foreign = entry == Entry::Foreign;
        let name = if foreign { name.replacen("projects/p/", "projects/q/", 1) } else { name };
        self.note(&[17, index as u64, entry as u64], || format!("a signal about {name}: {entry:?}"));
        let data = json!({"signal": name, "at": dated.min(now), "entry": format!("{entry:?}")});
        self.publish(watch, Form::Signal, data.to_string().into_bytes(), None);
        self.messages.last_mut().expect("just published").topic = Topic::Events;
    }

    fn entry(&self, message: usize) -> (Value, Entry) {
        let data: Value = serde_json::from_slice(&self.messages[message].data).expect("a signal");
        let entry = Entry::of(&data["entry"]).expect("an entry");
        (data, entry)
    }

    /// The entry of the audit log that a message is, as a log sink publishes it.
    pub(super) fn log_entry(&self, message: usize) -> Value {
        let (data, entry) = self.entry(message);
        let name = data["signal"].as_str().expect("a name");
        let project = name.split('/').nth(1).expect("a project");
        let (service, method) = if name.contains("/databases/") {
            ("firestore.googleapis.com", "google.firestore.admin.v1.FirestoreAdmin.ExportDocuments")
        } else {
            ("datastore.googleapis.com", "google.datastore.admin.v1.DatastoreAdmin.ExportEntities")
        };
        let at = time(data["at"].as_u64().expect("a time")).to_rfc3339();
        let who = entry.principal().map_or_else(|| json!({}), |who| json!({"principalEmail": who}));
        let mut operation = json!({"id": name, "producer": service});
        for (flag, phase) in [("first", Phase::Started), ("last", Phase::Ended)] {
            if [phase, Phase::AtOnce].contains(&entry.phase()) {
                operation[flag] = json!(true);
            }
        }
        json!({
            "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "authenticationInfo": who,
                "serviceName": service, "methodName": method, "resourceName": format!("projects/{project}")},
            "insertId": message.to_string(),
            "resource": {"type": "audited_resource",
                "labels": {"project_id": project, "service": service, "method": method}},
            "timestamp": at,
            "severity": "NOTICE",
            "logName": format!("projects/{project}/logs/cloudaudit.googleapis.com%2Factivity"),
            "operation": operation,
        })
    }

    /// A signal is about the watch whose sentinel waits, as long as one does.
    pub(super) fn address_signal(&mut self, message: usize) {
        let is_in_flight = self.pushes.values().any(|push| push.message == message);
        if self.messages[message].form != Form::Signal || is_in_flight {
            return;
        }
        let name = self.messages[message].operation().expect("a name");
        let watch = self.waiting_sentinel(&name).or_else(|| self.watch_of(&name));
        self.messages[message].watch = watch.unwrap_or(self.messages[message].watch);
    }

    /// A signal is delivered.
    pub(super) fn count_signal(&mut self, message: usize) {
        let Message { form, watch, .. } = self.messages[message];
        if form == Form::Signal {
            let (name, starts) =
                (self.messages[message].operation().expect("a name"), self.entry(message).1 == Entry::Start);
            // Only an end is looked at.
            let ends = self.entry(message).1.phase() != Phase::Started;
            let finds = ends && self.waiting_sentinel(&name).is_some();
            let now = self.now();
            self.ledger.signalled(watch, finds, starts, now);
        }
    }

    /// opwatch has acknowledged a signal: an operation that it says something of is watched.
    pub(super) fn signal_is_heard(&mut self, message: usize) {
        if self.messages[message].form != Form::Signal || !self.plan.adopts {
            return;
        }
        let (_, entry) = self.entry(message);
        let now = self.now();
        let book = &mut self.ledger.books[self.messages[message].watch];
        // Of an operation whose start was left out the end is none of opwatch's.
        book.excepted |= matches!(entry, Entry::OwnStart | Entry::RobotStart);
        if entry.adopts() && !book.excepted {
            book.heard.get_or_insert(now);
        }
    }

    /// A signal claims the sentinel of an operation: it becomes a watch, which must have a cause. Returns the watch.
    pub(super) fn adopt(&mut self, message: usize, operation: &str, anew: bool) -> usize {
        let (watch, now) = (self.messages[message].watch, self.now());
        let (_, entry) = self.entry(message);
        self.ledger.count("adopted operations");
        if !self.plan.adopts || !entry.adopts() || operation.contains("/databases/") {
            self.ledger.broken(format!("w{watch}: {entry:?} adopts {operation}"));
        }
        if self.ledger.kind(watch) == Kind::Adopted && !self.ledger.is_guarded(watch) {
            // It counts from the signal, or from now.
            self.ledger.begins_with_signal(watch, now);
            return watch;
        }
        // What has a chain of its own has a sentinel too, unless a fault struck, or it just begins.
        let begins = |watch: usize| {
            self.pushes
                .values()
                .any(|push| self.messages[push.message].watch == watch && push.message != message)
        };
        let waits = |watch: &usize| {
            !self.ledger.waiting(*watch).is_empty() && self.ledger.is_untouched(*watch) && !begins(*watch)
        };
        let own = (0..self.ledger.books.len()).filter(waits).find(|watch| {
            self.ledger.waiting(*watch).iter().any(|task| self.tasks[*task].operation == operation)
        });
        let shares = self.tasks.iter().any(|task| task.operation == operation && task.watch != watch);
        if let Some(own) = own.filter(|_| !anew && !shares) {
            self.ledger.broken(format!("{operation} is adopted, though w{own} watches it"));
        }
        // Each watch that adopts an operation has the same ID: a later one is a copy.
        let is_adopted =
            |task: &&Task| task.operation == operation && self.ledger.kind(task.watch) == Kind::Adopted;
        if let Some(earlier) = self.tasks.iter().find(is_adopted).map(|task| task.watch) {
            self.ledger.adopts_again(earlier, now);
            self.messages[message].watch = earlier;
            self.note(&[20, earlier as u64], || format!("w{earlier} adopts {operation} again"));
            return earlier;
        }
        let index = self.plan.kickoffs.len();
        let mut kickoff = Kickoff::plain(now, Kind::Adopted, 60, 60, 0);
        kickoff.adopt();
        self.ledger.adopts(&kickoff, now);
        self.plan.kickoffs.push(kickoff);
        self.messages[message].watch = index;
        self.note(&[19, index as u64], || format!("w{index} adopts {operation}"));
        index
    }

    /// The watch that has looked at an operation, or is to look at it: the first one.
    fn watch_of(&self, name: &str) -> Option<usize> {
        let of_task = self.tasks.iter().find(|task| task.operation == name).map(|task| task.watch);
        let of_message = || {
            let asks = |message: &&Message| message.operation().as_deref() == Some(name);
            self.messages.iter().find(asks).map(|message| message.watch)
        };
        of_task.or_else(of_message).or_else(|| self.of_nobody(name))
    }
}
