//! The world as a whole: what is in it, what happens next, what people do. Time is a number that the run counts up; what
//! happens next is the first of a queue, so a run depends on its plan alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::claims::Claims;
use super::datastore::Datastore;
use super::ledger::Ledger;
use super::limits::{Counts, is_claim};
use super::operations::Operation;
use super::outputs::{Outputs, Prefix};
use super::plan::{CHANNELS, DAY, Fault, Kickoff, Kind, MINUTE, Ms, Plan, SECOND};
use super::pubsub::{Message, Push, Subscription};
use super::rng::Rng;
use super::signals::Entry;
use super::slack::Shown;
use super::surroundings::Paces;
use super::tasks::Task;

/// A run with more events a watch than this never ends: a message goes round in it.
/// Where more messages wait than Slack takes in weeks, it is cut off, and what must hold at its end is not asked.
const MOST_EVENTS: u64 = 100_000;
/// Nothing strikes at random after so long: where instances are killed all the time, and lists have many pages, a run would take
/// months.
const FAULTS_END: Ms = 10 * DAY;
/// Nor does one that takes longer: the longest outage is 30 days, and a copy comes 6 days late.
const LONGEST: Ms = 90 * DAY;

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Kickoff(usize),
    Deliver(usize),
    /// An answer is there for a push in flight, or its time is up.
    Wake(u64),
    Dispatch(usize),
    /// A person pastes a line that Slack showed.
    Paste(usize),
    /// A person deletes a message in Slack.
    Remove(usize),
    /// The ack deadline of a push that is never answered.
    Expire(usize),
    /// Every instance is killed.
    Stop,
    /// A commit that nobody waits for any more takes effect.
    Commit(usize),
    /// An instance gets new settings: with an internal topic, or without.
    Deploy(usize, bool),
    /// A publisher forges a message of a watch.
    Forge(usize),
    /// A signal about an operation is published.
    Signal(usize, Entry),
    /// An instance stands still, for so long.
    Freeze(usize, Ms),
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Kickoff,
    Start,
    Check,
    /// The sentinel of a watch.
    Sentinel,
    /// A look that a signal asked for again.
    Look,
    Report,
    Test,
    /// What the audit log says of an operation.
    Signal,
    /// Nothing: its task keeps a name taken.
    Claim,
}

/// One instance of opwatch, as the world sees it.
#[derive(Default)]
pub(crate) struct Instance {
    /// Slack asked it for quiet, and it has seen that: until when, by what Slack limits.
    pub(crate) quiet_until: BTreeMap<String, Ms>,
    pub(crate) stepped: bool,
    /// How often it was started anew.
    pub(crate) generation: u64,
    /// It has an internal topic.
    pub(crate) internal: bool,
    /// It stands still until then.
    pub(crate) frozen_until: Ms,
}

impl Instance {
    fn of(plan: &Plan) -> Self {
        Self { internal: plan.boundary.is_internal(), ..Self::default() }
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<AtomicU64>,
    queue: BinaryHeap<Reverse<(Ms, u64, Event)>>,
    sequence: u64,
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) messages: Vec<Message>,
    pub(crate) tasks: Vec<Task>,
    /// Those of them that are sentinels.
    pub(super) sentinels: Vec<usize>,
    /// Each name with its last task.
    pub(crate) names: HashMap<String, usize>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) by_name: BTreeMap<String, usize>,
    pub(crate) outputs: Outputs,
    /// What a bot posted.
    pub(crate) shown: Vec<Shown>,
    pub(crate) pushes: BTreeMap<u64, Push>,
    pub(super) next_push: u64,
    pub(crate) instances: Vec<Instance>,
    pub(super) subscriptions: [Subscription; 4],
    /// The push that is being worked on.
    pub(crate) current: u64,
    /// That push's instance is to be killed.
    pub(crate) killed: bool,
    pub(crate) ledger: Ledger,
    pub(super) counts: Counts,
    pub(super) paces: Paces,
    pub(crate) claims: Claims,
    pub(crate) datastore: Datastore,
    /// Messages that people are about to publish, each with the watch that it goes on with and its prefix.
    pastes: Vec<(usize, Value, bool, Prefix)>,
    pub(crate) effects: u64,
    pub(crate) deliveries: u64,
    pub(crate) injected: BTreeMap<Fault, u64>,
    /// Copies that began another way.
    pub(super) copies: u64,
    /// Pushes that strangers sent.
    pub(super) intrusions: u64,
    pub(crate) is_cut_off: bool,
    events: u64,
    hash: u64,
    pub(crate) trace: Vec<String>,
}

pub(crate) fn time(now: Ms) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_795_392_000, 0).expect("a time");
    start + TimeDelta::milliseconds(now as i64)
}

/// A time that opwatch wrote, on the run's clock; before the run counts as its beginning.
pub(crate) fn moment(text: &str) -> Option<Ms> {
    let time_told: DateTime<Utc> = text.parse().ok()?;
    Some(u64::try_from((time_told - time(0)).num_milliseconds()).unwrap_or(0))
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut world = Self {
            clock: Arc::default(),
            queue: BinaryHeap::new(),
            sequence: 0,
            rng: Rng::new(plan.seed),
            messages: Vec::new(),
            tasks: Vec::new(),
            sentinels: Vec::new(),
            names: HashMap::new(),
            operations: Vec::new(),
            by_name: BTreeMap::new(),
            outputs: Outputs::default(),
            shown: Vec::new(),
            pushes: BTreeMap::new(),
            next_push: 1,
            instances: plan.skews.iter().map(|_| Instance::of(&plan)).collect(),
            subscriptions: Default::default(),
            current: 0,
            killed: false,
            ledger: Ledger::new(&plan),
            counts: Counts::default(),
            paces: Paces::default(),
            claims: Claims::default(),
            datastore: Datastore::default(),
            pastes: Vec::new(),
            effects: 0,
            deliveries: 0,
            injected: BTreeMap::new(),
            copies: 0,
            intrusions: 0,
            is_cut_off: false,
            events: 0,
            hash: 0xcbf2_9ce4_8422_2325,
            trace: Vec::new(),
            plan,
        };
        for index in 0..world.plan.kickoffs.len() {
            let at = world.kickoff_time(index);
            world.at(at, Event::Kickoff(index));
        }
        for at in world.plan.stops.clone() {
            world.at(at, Event::Stop);
        }
        world.plan_boundary();
        world.add_old_operations();
        world
    }

    pub(crate) fn pushes_made(&self) -> u64 {
        self.next_push - 1
    }

    pub(crate) fn now(&self) -> Ms {
        self.clock.load(Ordering::Relaxed)
    }

    pub(crate) fn at(&mut self, at: Ms, event: Event) {
        // A delivery that is not made soon is delayed by a fault.
        if let Event::Deliver(message) = event
            && at > self.now() + 3 * SECOND
        {
            let watch = self.messages[message].watch;
            self.ledger.touched(watch, at);
        }
        self.sequence += 1;
        self.queue.push(Reverse((at.max(self.now()), self.sequence, event)));
    }

    /// A push that awaits no answer waits for its turn to start: it looks again soon.
    pub(crate) fn waits_for_its_turn(&mut self, number: u64) {
        const SOON: Ms = 250;
        let now = self.now();
        let Some(push) = self.pushes.get_mut(&number).filter(|push| push.awaits <= now) else { return };
        push.awaits = now + SOON;
        self.at(now + SOON, Event::Wake(number));
    }

    /// The next event and how far it is away; none when all is done, or when an invariant is broken.
    pub(crate) fn next(&mut self) -> Option<(Ms, Event)> {
        self.events += 1;
        if self.events > MOST_EVENTS * (5 + self.plan.kickoffs.len() as u64) {
            if self.is_congested() {
                self.is_cut_off = true;
                self.ledger.count("runs that were cut off");
                return None;
            }
            self.ledger.broken("the run never ends: a message goes round".to_owned());
        }
        if self.ledger.violation.is_some() {
            return None;
        }
        let is_over = |Reverse((_, _, event)): &Reverse<(Ms, u64, Event)>| matches!(event, Event::Wake(push) if !self.pushes.contains_key(push));
        // Most time limits are those of pushes that were answered long before.
        while self.queue.peek().is_some_and(is_over) {
            self.queue.pop();
        }
        let Reverse((at, _, event)) = self.queue.pop()?;
        if at > LONGEST {
            self.ledger.broken(format!("the run never ends: {event:?}"));
            return None;
        }
        let ahead = at - self.now();
        self.clock.store(at, Ordering::Relaxed);
        Some((ahead, event))
    }

    /// A line of the trace: `marks` are what its hash is made of.
    pub(crate) fn note(&mut self, marks: &[u64], line: impl FnOnce() -> String) {
        for mark in std::iter::once(&self.now()).chain(marks) {
            self.hash = mixed(self.hash, *mark);
        }
        if self.plan.verbose {
            self.trace.push(format!("{} {}", self.now(), line()));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether `fault` strikes now.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let rate = self.plan.rates.get(&fault).copied().filter(|_| self.now() < FAULTS_END);
        let Some(rate) = rate else { return false };
        let strikes = self.rng.chance(rate);
        if strikes {
            *self.injected.entry(fault).or_default() += 1;
        }
        strikes
    }

    pub(crate) fn has_wrong_clocks(&self) -> bool {
        self.plan.has_wrong_clocks()
    }

    pub(crate) fn latency(&mut self) -> Ms {
        if self.plan.script.is_some() { 10 } else { self.rng.log_uniform(5.0, 2_000.0) as Ms }
    }

    /// The kickoff whose text this one has: a twin and a second night have that of the start before.
    pub(super) fn origin(&self, index: usize) -> usize {
        let kickoffs = &self.plan.kickoffs;
        let starts = |index: &usize| matches!(kickoffs[*index].kind, Kind::Datastore | Kind::Firestore);
        match kickoffs[index].kind {
            Kind::Twin | Kind::Night => (0..index).rev().find(starts).unwrap_or(index),
            _ => index,
        }
    }

    /// The kickoff whose start this one makes, goes on with, or makes again.
    fn root(&self, mut index: usize) -> usize {
        while let Some(origin) = self.ledger.books[index].goes_on_with {
            index = origin;
        }
        // Another night is another start.
        if self.plan.kickoffs[index].kind == Kind::Night { index } else { self.origin(index) }
    }

    /// Kickoffs that ask for the same start as `index`, beside it.
    pub(crate) fn alike(&self, index: usize) -> Vec<usize> {
        let root = self.root(index);
        (0..self.plan.kickoffs.len()).filter(|other| *other != index && self.root(*other) == root).collect()
    }

    pub(super) fn kickoff_time(&self, index: usize) -> Ms {
        let kickoff = &self.plan.kickoffs[index];
        match self.origin(index) {
            origin if origin == index => kickoff.at,
            origin => self.plan.kickoffs[origin].at + self.night(index) * DAY + kickoff.at % (2 * MINUTE),
        }
    }

    pub(crate) fn kick_off(&mut self, index: usize) {
        let kickoff = self.plan.kickoffs[index].clone();
        let origin = self.origin(index);
        let kind = self.plan.kickoffs[origin].kind;
        let prefix = self.plan.kickoffs[origin].prefix.of_text(origin);
        let mut message = json!({"title": format!("w{index}x")});
        if let Some(minutes) = kickoff.until {
            message["until"] = json!(format!("{minutes}m"));
        } else {
            (message["interval"], message["limit"]) = (json!(kickoff.interval), json!(kickoff.limit));
        }
        if let Some(notify) = kickoff.notify {
            message["notify"] = json!(notify);
        }
        if let Some(channel) = kickoff.channel {
            message["channel"] = json!(CHANNELS[channel]);
        }
        match kind {
            // Somebody starts it, and tells nobody.
            Kind::Adopted => {
                let now = self.now();
                let mut operation = Operation::of_kickoff(index, &kickoff, now, &mut self.rng);
                (operation.from, operation.until) = (now, now + kickoff.duration);
                self.add_operation(operation);
            }
            // Without a start before them they watch.
            Kind::Name | Kind::Twin | Kind::Night => {
                let operation = Operation::of_kickoff(index, &kickoff, self.now(), &mut self.rng);
                message["name"] = json!(operation.name);
                self.add_operation(operation);
            }
            Kind::Datastore => {
                message["start"] = json!({"service": "datastore", "path": "projects/p:export",
                    "body": {"outputUrlPrefix": prefix}});
            }
            Kind::Firestore => {
                message["start"] = json!({"service": "firestore", "path": "projects/p/databases/(default):exportDocuments",
                    "body": {"outputUriPrefix": prefix}});
            }
            Kind::Test => message["test"] = json!(true),
            Kind::Bad => message["tpyo"] = json!(1),
        }
        let now = self.now();
        self.ledger.kicked_off(index, now);
        if kind == Kind::Adopted {
            return;
        }
        self.publish(index, Form::Kickoff, message.to_string().into_bytes(), None);
    }

    /// A person may paste the line that goes on, out of what Slack shows, some minutes later: once for a watch.
    pub(crate) fn may_be_pasted(&mut self, watch: usize, payload: &str, blind: bool) {
        let book = &self.ledger.books[watch];
        if self.plan.script.is_some() || book.goes_on_with.is_some() || book.pasted || !self.rng.chance(0.3) {
            return;
        }
        let Some((_, line)) =
            payload.split_once("gcloud pubsub topics publish projects/p/topics/t --message='")
        else {
            return;
        };
        let json = line.split('\'').next().unwrap_or_default();
        let Ok(Value::String(json)) = serde_json::from_str::<Value>(&format!("\"{json}\"")) else { return };
        match serde_json::from_str(&json) {
            Ok(message) => {
                let prefix = self.prefix_of_line(watch, payload, &message);
                self.pastes.push((watch, message, blind, prefix));
                self.ledger.books[watch].pasted = true;
                let at = self.now() + self.rng.below(30 * MINUTE);
                self.at(at, Event::Paste(self.pastes.len() - 1));
            }
            Err(error) => {
                self.ledger.broken(format!("w{watch}: a line that can't be pasted: {error}: {json}"));
            }
        }
    }

    pub(crate) fn paste(&mut self, index: usize) {
        let (origin, mut message, blind, prefix) = self.pastes[index].clone();
        if message.get("state").is_some() {
            self.ledger.broken(format!("w{origin}: a command to paste carries a state"));
        }
        let (watch, now) = (self.plan.kickoffs.len(), self.now());
        let mut kickoff = Kickoff { prefix, ..self.plan.kickoffs[origin].clone() };
        kickoff.follow(&message);
        self.ledger.goes_on(&kickoff, origin, blind, now);
        self.plan.kickoffs.push(kickoff);
        message["title"] = json!(format!("w{watch}x"));
        self.note(&[3, watch as u64], || format!("w{watch} goes on with w{origin}: {message}"));
        self.publish(watch, Form::Kickoff, message.to_string().into_bytes(), None);
    }
}

/// Mixes a number into a hash.
fn mixed(hash: u64, mark: u64) -> u64 {
    (hash.rotate_left(5) ^ mark).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

pub(crate) fn hash_of(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(bytes.len() as u64, mixed)
}

/// What the data is, as opwatch's message format has it.
pub(crate) fn form(value: &Value) -> Form {
    let Some(state) = value.get("state") else { return Form::Kickoff };
    if is_claim(value) {
        Form::Claim
    } else if state.get("report").is_some() {
        Form::Report
    } else if value.get("start").is_some() {
        Form::Start
    } else if value.get("test").is_some() {
        Form::Test
    } else if state["sentinel"] == true {
        Form::Sentinel
    } else if state.get("signal").is_some() {
        Form::Look
    } else {
        Form::Check
    }
}
