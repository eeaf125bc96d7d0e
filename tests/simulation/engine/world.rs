//! Pub/Sub, its dead letters, and the books of what is in flight. Time is a number that the run counts up; what happens
//! next is the first of a queue, so a run depends on its plan alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use opwatch::envelope::Delivery;
use opwatch::watcher::{Decided, Handled};
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::operations::Operation;
use super::plan::{DAY, Disorder, Down, Fault, HOUR, Kind, MINUTE, Ms, Plan, SECOND};
use super::rng::Rng;
use super::tasks::Task;

/// A run with more events a watch than this never ends: a message goes round in it.
const MOST_EVENTS: u64 = 20_000;

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
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Kickoff,
    Start,
    Check,
    Report,
    Test,
}

pub(crate) struct Message {
    pub(crate) watch: usize,
    pub(crate) form: Form,
    pub(crate) data: Vec<u8>,
    pub(crate) published: Ms,
    /// The same but for a dead letter, which is published a second time.
    first_published: Ms,
    /// The task that published it.
    pub(crate) task: Option<usize>,
    /// The name that opwatch gave that task.
    pub(crate) name: Option<String>,
    /// Slack, or the API, asked the delivery that led to it to wait until then.
    pub(crate) not_before: Ms,
    /// A newer version added fields to it.
    pub(crate) newer: bool,
    pub(crate) deliveries: u32,
    nacks: u32,
    acknowledged: bool,
    /// On the dead-letter topic.
    pub(crate) dead: bool,
}

/// A delivery in flight.
#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own in the books")]
pub(crate) struct Push {
    pub(crate) message: usize,
    pub(crate) instance: usize,
    pub(crate) began: Ms,
    /// Not the message's first delivery.
    pub(crate) copy: bool,
    /// A fault that lets opwatch refuse it.
    pub(crate) excused: bool,
    /// A fault struck one of its calls to an operations API.
    pub(crate) api_failed: bool,
    pub(crate) looked: bool,
    pub(crate) listed: Option<Ms>,
    /// When the last answer was made, if it came with a `Date`.
    pub(crate) dated: Option<Ms>,
    pub(crate) saw_end: bool,
    pub(crate) not_before: Ms,
}

/// A push subscription: all its messages wait together when some are refused.
#[derive(Default)]
struct Subscription {
    back_off: Ms,
    blocked_until: Ms,
}

/// One instance of opwatch, as the world sees it.
#[derive(Default)]
pub(crate) struct Instance {
    /// Slack asked it for quiet, and it has seen that.
    pub(crate) quiet_until: Ms,
    pub(crate) stepped: bool,
}

pub(crate) struct World {
    pub(crate) clock: Arc<AtomicU64>,
    queue: BinaryHeap<Reverse<(Ms, u64, Event)>>,
    sequence: u64,
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) messages: Vec<Message>,
    pub(crate) tasks: Vec<Task>,
    /// Each name with its last task.
    pub(crate) names: BTreeMap<String, usize>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) pushes: BTreeMap<u64, Push>,
    next_push: u64,
    pub(crate) instances: Vec<Instance>,
    subscriptions: [Subscription; 2],
    /// The push that is being worked on.
    pub(crate) current: u64,
    /// That push's instance is to be killed.
    pub(crate) killed: bool,
    pub(crate) ledger: Ledger,
    /// Messages that people are about to publish, each with the watch that it goes on with.
    pastes: Vec<(usize, Value)>,
    pub(crate) effects: u64,
    pub(crate) deliveries: u64,
    pub(crate) injected: BTreeMap<Fault, u64>,
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
            names: BTreeMap::new(),
            operations: Vec::new(),
            pushes: BTreeMap::new(),
            next_push: 1,
            instances: plan.skews.iter().map(|_| Instance::default()).collect(),
            subscriptions: Default::default(),
            current: 0,
            killed: false,
            ledger: Ledger::new(&plan),
            pastes: Vec::new(),
            effects: 0,
            deliveries: 0,
            injected: BTreeMap::new(),
            events: 0,
            hash: 0xcbf2_9ce4_8422_2325,
            trace: Vec::new(),
            plan,
        };
        for index in 0..world.plan.kickoffs.len() {
            let at = world.kickoff_time(index);
            world.at(at, Event::Kickoff(index));
        }
        world
    }

    pub(crate) fn now(&self) -> Ms {
        self.clock.load(Ordering::Relaxed)
    }

    pub(crate) fn at(&mut self, at: Ms, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((at.max(self.now()), self.sequence, event)));
    }

    /// The next event and how far it is away; none when all is done, or when an invariant is broken.
    pub(crate) fn next(&mut self) -> Option<(Ms, Event)> {
        self.events += 1;
        if self.events > MOST_EVENTS * (5 + self.plan.kickoffs.len() as u64) {
            self.ledger.broken("the run never ends: a message goes round".to_owned());
        }
        if self.ledger.violation.is_some() {
            return None;
        }
        let Reverse((at, _, event)) = self.queue.pop()?;
        let ahead = at - self.now();
        self.clock.store(at, Ordering::Relaxed);
        Some((ahead, event))
    }

    /// A line of the trace.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        let line = format!("{} {}", self.now(), line());
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.plan.verbose {
            self.trace.push(line);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether `fault` strikes now.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let Some(rate) = self.plan.rates.get(&fault).copied() else { return false };
        let strikes = self.rng.chance(rate);
        if strikes {
            *self.injected.entry(fault).or_default() += 1;
        }
        strikes
    }

    pub(crate) fn latency(&mut self) -> Ms {
        if self.plan.script.is_some() { 10 } else { self.rng.log_uniform(5.0, 2_000.0) as Ms }
    }

    /// The kickoff whose start this one makes: a twin's is the one before.
    fn origin(&self, index: usize) -> usize {
        let kickoffs = &self.plan.kickoffs;
        let starts = |index: &usize| matches!(kickoffs[*index].kind, Kind::Datastore | Kind::Firestore);
        match kickoffs[index].kind {
            Kind::Twin => (0..index).rev().find(starts).unwrap_or(index),
            _ => index,
        }
    }

    fn kickoff_time(&self, index: usize) -> Ms {
        let kickoff = &self.plan.kickoffs[index];
        match self.origin(index) {
            origin if origin == index => kickoff.at,
            origin => self.plan.kickoffs[origin].at + kickoff.at % (2 * MINUTE),
        }
    }

    pub(crate) fn kick_off(&mut self, index: usize) {
        let kickoff = self.plan.kickoffs[index].clone();
        let origin = self.origin(index);
        let kind = self.plan.kickoffs[origin].kind;
        let mut message =
            json!({"title": format!("w{index}x"), "interval": kickoff.interval, "limit": kickoff.limit});
        match kind {
            // A twin without a start before it watches.
            Kind::Name | Kind::Twin => {
                let operation = Operation::of_kickoff(index, &kickoff, self.now(), &mut self.rng);
                message["name"] = json!(operation.name);
                self.operations.push(operation);
            }
            Kind::Datastore => {
                message["start"] = json!({"service": "datastore", "path": "projects/p:export",
                    "body": {"outputUrlPrefix": format!("gs://b/r{origin}")}});
            }
            Kind::Firestore => {
                message["start"] = json!({"service": "firestore", "path": "projects/p/databases/(default):exportDocuments",
                    "body": {"outputUriPrefix": format!("gs://b/r{origin}")}});
            }
            Kind::Test => message["test"] = json!(true),
            Kind::Bad => message["tpyo"] = json!(1),
        }
        let now = self.now();
        self.ledger.kicked_off(index, now);
        self.publish(index, message.to_string().into_bytes(), None);
    }

    /// A person may paste the line that goes on, out of what Slack shows, some minutes later: once for a watch.
    pub(crate) fn may_be_pasted(&mut self, watch: usize, payload: &str) {
        if self.plan.script.is_some()
            || self.ledger.books[watch].goes_on_with.is_some()
            || !self.rng.chance(0.3)
        {
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
                self.pastes.push((watch, message));
                let at = self.now() + self.rng.below(30 * MINUTE);
                self.at(at, Event::Paste(self.pastes.len() - 1));
            }
            Err(error) => {
                self.ledger.broken(format!("w{watch}: a line that can't be pasted: {error}: {json}"));
            }
        }
    }

    pub(crate) fn paste(&mut self, index: usize) {
        let (origin, mut message) = self.pastes[index].clone();
        if message.get("state").is_some() {
            self.ledger.broken(format!("w{origin}: a line to paste carries a state"));
        }
        let (watch, now) = (self.plan.kickoffs.len(), self.now());
        let kickoff = self.plan.kickoffs[origin].clone();
        self.ledger.goes_on(&kickoff, origin, now);
        self.plan.kickoffs.push(kickoff);
        message["title"] = json!(format!("w{watch}x"));
        self.note(|| format!("w{watch} goes on with w{origin}: {message}"));
        self.publish(watch, message.to_string().into_bytes(), None);
    }

    /// Publishes to the topic.
    pub(crate) fn publish(&mut self, watch: usize, data: Vec<u8>, task: Option<usize>) {
        let value: Value = serde_json::from_slice(&data).unwrap_or_default();
        let message = Message {
            watch,
            form: form(&value),
            data,
            published: self.now(),
            first_published: self.now(),
            task,
            name: task.map(|task| self.tasks[task].asked_name.clone()),
            not_before: task.map_or(0, |task| self.tasks[task].not_before),
            newer: false,
            deliveries: 0,
            nacks: 0,
            acknowledged: false,
            dead: false,
        };
        let message = self.age(message, value);
        let mut delay = self.latency();
        if self.strikes(Fault::Slow) {
            delay += self.rng.below(10 * MINUTE);
        }
        self.messages.push(message);
        self.at(self.now() + delay, Event::Deliver(self.messages.len() - 1));
    }

    /// What a newer version would add.
    fn age(&mut self, message: Message, mut value: Value) -> Message {
        if message.form == Form::Kickoff || value.get("state").is_none() || !self.strikes(Fault::Newer) {
            return message;
        }
        value["newField"] = json!({"a": [1, null]});
        value["state"]["newState"] = json!("kept");
        Message { data: value.to_string().into_bytes(), newer: true, ..message }
    }

    /// Begins a delivery, if it can be made now: the push's number, its instance, and what is pushed.
    pub(crate) fn begin(&mut self, index: usize) -> Option<(u64, usize, Delivery)> {
        let now = self.now();
        let dead = self.messages[index].dead;
        let blocked_until = self.subscriptions[usize::from(dead)].blocked_until;
        if now < blocked_until {
            let jitter = self.rng.below(100);
            self.at(blocked_until + jitter, Event::Deliver(index));
            return None;
        }
        let disorder = self.disorder();
        if let Some(Disorder::Behind(delay)) = disorder {
            self.at(now + delay, Event::Deliver(index));
            return None;
        }
        if let Some(Disorder::Again(delay)) = disorder {
            self.at(now + delay, Event::Deliver(index));
        }
        if self.plan.is_down(Down::Opwatch, now) {
            self.note(|| format!("nobody takes message {index}"));
            self.refuse(index);
            return None;
        }
        let instance = self.rng.below(self.instances.len() as u64) as usize;
        let message = &mut self.messages[index];
        message.deliveries += 1;
        let copy = message.deliveries > 1;
        let mut attributes = BTreeMap::new();
        if dead {
            attributes.insert(
                "CloudPubSubDeadLetterSourceDeliveryCount".to_owned(),
                self.plan.attempts.to_string(),
            );
            attributes.insert(
                "CloudPubSubDeadLetterSourceTopicPublishTime".to_owned(),
                time(message.first_published).to_rfc3339(),
            );
        }
        let delivery = Delivery {
            message_id: (1_000_000 + index).to_string(),
            published: Some(time(message.published)),
            attributes,
            data: Ok(message.data.clone()),
        };
        let due = message.task.map_or(message.published, |task| self.tasks[task].at);
        let push = Push {
            message: index,
            instance,
            began: now,
            copy,
            excused: false,
            api_failed: false,
            looked: false,
            listed: None,
            dated: None,
            saw_end: false,
            not_before: 0,
        };
        self.ledger.delivered(message, copy, now, due);
        let number = self.next_push;
        self.next_push += 1;
        self.pushes.insert(number, push);
        self.note(|| format!("push {number}: message {index} to instance {instance}"));
        for limit in [8 * SECOND, 15 * SECOND, 20 * SECOND, 21 * SECOND] {
            self.at(now + limit + 1, Event::Wake(number));
        }
        Some((number, instance, delivery))
    }

    fn disorder(&mut self) -> Option<Disorder> {
        self.deliveries += 1;
        if let Some(script) = &self.plan.script {
            return script.deliveries.get(&(self.deliveries - 1)).copied();
        }
        if self.strikes(Fault::Duplicate) {
            return Some(Disorder::Again(self.rng.below(3 * SECOND)));
        }
        if self.strikes(Fault::Late) {
            return Some(Disorder::Again(self.rng.log_uniform(MINUTE as f64, 12.0 * HOUR as f64) as Ms));
        }
        if self.strikes(Fault::Ancient) {
            return Some(Disorder::Again(self.rng.between(DAY, 6 * DAY)));
        }
        None
    }

    /// The handler has answered.
    pub(crate) fn finish(&mut self, number: u64, handled: &Handled) {
        let Some(push) = self.pushes.remove(&number) else { return };
        self.note(|| format!("push {number}: {:?} {:?}", handled.decision, handled.error));
        let spent = self.now() - push.began;
        if spent > 20 * SECOND {
            self.ledger.broken(format!("push {number} took {spent} ms"));
        }
        let last_resort = matches!(handled.decision, Decided::GaveUp | Decided::KeptLost);
        if !handled.acknowledged && !push.excused && !last_resort {
            self.ledger.broken(format!("push {number} was refused without a cause: {handled:?}"));
        }
        if handled.acknowledged {
            if push.saw_end {
                self.ledger.books[self.messages[push.message].watch].saw_end = true;
            }
            self.messages[push.message].acknowledged = true;
            self.subscriptions[usize::from(self.messages[push.message].dead)].back_off = 0;
        } else {
            self.refuse(push.message);
        }
    }

    /// The instance is gone, and with it what it knew.
    pub(crate) fn died(&mut self, instance: usize, lost: &[u64]) {
        for number in lost {
            let Some(push) = self.pushes.remove(number) else { continue };
            self.note(|| format!("push {number}: killed"));
            self.refuse(push.message);
        }
        self.instances[instance] = Instance::default();
    }

    /// Refused, or not answered: again later, and all others of the subscription wait a little.
    fn refuse(&mut self, index: usize) {
        let now = self.now();
        let (attempts, message) = (self.plan.attempts, &mut self.messages[index]);
        let subscription = &mut self.subscriptions[usize::from(message.dead)];
        subscription.back_off = (subscription.back_off * 2).clamp(100, MINUTE);
        subscription.blocked_until = now + subscription.back_off;
        if message.acknowledged {
            return;
        }
        message.nacks += 1;
        if !message.dead && message.nacks >= attempts {
            message.acknowledged = true;
            let dead = Message {
                watch: message.watch,
                form: message.form,
                data: message.data.clone(),
                published: now,
                first_published: message.published,
                task: None,
                name: None,
                not_before: 0,
                newer: false,
                deliveries: 0,
                nacks: 0,
                acknowledged: false,
                dead: true,
            };
            self.ledger.lost(&dead);
            self.note(|| format!("message {index} goes to the dead letters"));
            self.messages.push(dead);
            self.at(now + 50, Event::Deliver(self.messages.len() - 1));
            return;
        }
        let doubled = 10 * SECOND * (1 << (message.nacks - 1).min(6));
        self.at(now + doubled.min(10 * MINUTE), Event::Deliver(index));
    }
}

/// What the data is, as opwatch's message format has it.
pub(crate) fn form(value: &Value) -> Form {
    let Some(state) = value.get("state") else { return Form::Kickoff };
    if state.get("report").is_some() {
        Form::Report
    } else if value.get("start").is_some() {
        Form::Start
    } else if value.get("test").is_some() {
        Form::Test
    } else {
        Form::Check
    }
}
