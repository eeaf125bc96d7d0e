//! Who may publish what: an internal topic or none, one that is introduced while watches are in flight, and a publisher who
//! knows every watch and writes what opwatch would pass on.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opwatch::trust::{Internal, Route, Trust};
use serde_json::{Map, Value, json};

use super::plan::{DAY, HOUR, Kickoff, Kind, MINUTE, Ms, Plan, Planted, SECOND};
use super::pubsub::Message;
use super::rng::Rng;
use super::slack::ts_of;
use super::world::{Event, Form, World, time};

pub(crate) const TOPIC: &str = "projects/p/topics/t";
pub(crate) const INTERNAL_TOPIC: &str = "projects/p/topics/t-internal";
/// Of the public topic, of the dead letters, of the internal topic, and of signals.
const SUBSCRIPTIONS: [&str; 4] = ["t-push", "t-dead", "t-internal", "t-events"];
/// `deploy/up` accepts public state for so long.
const ACCEPTED: Ms = 9 * DAY;
/// How long it takes until every instance has new settings, and how long before a roll-back the internal subscription is
/// pointed to `/`.
const ROLL_OUT: Ms = 5 * MINUTE;

/// Whose state is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// Everyone's: there is no internal topic, as in version 0.1.
    Open,
    /// The internal topic's, from the beginning.
    Internal,
    /// The internal topic's from then on, by and by on each instance; all of version 0.1 before, which knows no `/internal`, and
    /// again after a roll-back.
    Introduced { at: Ms, back: Option<Ms> },
}

/// A topic, as a message or a task has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Public,
    Internal,
    /// What signals are published to.
    Events,
}

impl Boundary {
    /// The boundary of a world at random, and how many messages are forged in it. Only a world where a message has many
    /// attempts sees an upgrade: the attempts that 0.1 refuses are none of theirs.
    pub(crate) fn any(rng: &mut Rng, attempts: u32, watches: usize) -> (Self, u64) {
        let forgeries = rng.between(1, 2 * watches as u64);
        let at = rng.log_uniform(MINUTE as f64, 12.0 * HOUR as f64) as Ms;
        let back = at + 2 * ROLL_OUT + rng.log_uniform(MINUTE as f64, 12.0 * HOUR as f64) as Ms;
        let back = rng.chance(0.5).then_some(back);
        match rng.below(100) {
            0..40 => (Self::Internal, forgeries),
            40..75 if attempts == 100 => (Self::Introduced { at, back }, 0),
            40..75 => (Self::Internal, 0),
            _ => (Self::Open, 0),
        }
    }

    /// Whether an instance has an internal topic at the beginning.
    pub(crate) fn is_internal(self) -> bool {
        self == Self::Internal
    }

    /// What an instance trusts, with and without an internal topic.
    pub(crate) fn trust(self, internal: bool) -> Trust {
        let public_until = match self {
            Self::Introduced { at, .. } => Some(time(at + ACCEPTED)),
            Self::Open | Self::Internal => None,
        };
        let topic = INTERNAL_TOPIC.to_owned();
        if internal { Trust::Internal(Internal { topic, public_until }) } else { Trust::Everyone }
    }

    /// Whether the internal subscription was pointed to `/`.
    fn is_repointed(self, now: Ms) -> bool {
        matches!(self, Self::Introduced { back: Some(back), .. } if now + ROLL_OUT >= back)
    }
}

/// Fields of `state` that version 0.1 does not know.
const NEW_STATE: [&str; 9] =
    ["ladder", "from", "sentinel", "signal", "usual", "origin", "startedBy", "lookUp", "counted"];

/// A message without what version 0.1 does not know, and that.
pub(super) fn as_old(data: &[u8]) -> (Vec<u8>, Map<String, Value>) {
    let mut message: Value = serde_json::from_slice(data).unwrap_or_default();
    let mut unknown = Map::new();
    if let Some(state) = message.get_mut("state").and_then(Value::as_object_mut) {
        let known = NEW_STATE.iter().filter_map(|field| state.remove_entry(*field));
        unknown = known.collect();
    }
    if unknown.is_empty() { (data.to_vec(), unknown) } else { (message.to_string().into_bytes(), unknown) }
}

/// A push, as Pub/Sub sends it.
pub(crate) struct Pushed {
    pub(crate) route: Route,
    pub(crate) body: Vec<u8>,
}

impl World {
    /// Plans what the boundary brings: new settings for each instance, forged messages.
    pub(super) fn plan_boundary(&mut self) {
        if let Boundary::Introduced { at, back } = self.plan.boundary {
            for instance in 0..self.instances.len() {
                for (from, internal) in [(Some(at), true), (back, false)] {
                    let Some(from) = from else { continue };
                    let at = from + self.rng.below(ROLL_OUT);
                    self.at(at, Event::Deploy(instance, internal));
                }
            }
        }
        let victims = self.plan.kickoffs.len() as u64;
        for _ in 0..self.plan.forgeries {
            let victim = self.rng.below(victims) as usize;
            let after = self.rng.log_uniform(SECOND as f64, 6.0 * HOUR as f64) as Ms;
            self.at(self.kickoff_time(victim) + after, Event::Forge(victim));
        }
    }

    /// The push of a message, or none when its instance has no such path.
    pub(super) fn pushed(&self, index: usize, instance: usize) -> Option<Pushed> {
        let message = &self.messages[index];
        let internal = message.topic == Topic::Internal;
        let route = match (message.dead, internal) {
            (true, _) => Route::DeadLetter,
            _ if message.topic == Topic::Events => Route::Events,
            (_, true) if !self.plan.boundary.is_repointed(self.now()) => Route::Internal,
            _ => Route::Public,
        };
        let is_old = self.reads_as_old(message, self.instances[instance].internal);
        if route == Route::Internal && !self.instances[instance].internal
            || is_old && message.form == Form::Signal
        {
            return None;
        }
        let data = match message.form {
            Form::Signal => self.log_entry(index).to_string().into_bytes(),
            _ if is_old => as_old(&message.data).0,
            _ => message.data.clone(),
        };
        let mut attributes = BTreeMap::new();
        let source = SUBSCRIPTIONS[if internal { 2 } else { 0 }];
        if message.dead {
            let mut attribute = |name: &str, value: String| {
                attributes.insert(format!("CloudPubSubDeadLetterSource{name}"), value);
            };
            attribute("DeliveryCount", self.plan.attempts.to_string());
            attribute("Subscription", source.to_owned());
            attribute("SubscriptionProject", "p".to_owned());
            attribute("TopicPublishTime", time(message.first_published).to_rfc3339());
        }
        // The planted fault: opwatch takes a forged message for its own.
        let taken = self.plan.planted == Some(Planted::PublicState) && message.forged;
        let subscription = SUBSCRIPTIONS[if taken { 2 } else { self.subscription_of(index) }];
        let wrapped = json!({
            "message": {"messageId": (1_000_000 + index).to_string(), "data": STANDARD.encode(&data),
                "publishTime": time(message.published).to_rfc3339(), "attributes": attributes},
            "subscription": format!("projects/p/subscriptions/{subscription}"),
        });
        Some(Pushed { route, body: serde_json::to_vec(&wrapped).expect("JSON") })
    }

    /// Whether an instance without an internal topic handles a message by the rules of version 0.1. A kickoff that this can't read
    /// is for an instance of the new version.
    fn reads_as_old(&self, message: &Message, has_internal: bool) -> bool {
        let is_before = matches!(self.plan.boundary, Boundary::Introduced { .. }) && !has_internal;
        let has_until = || {
            let data: Value = serde_json::from_slice(&message.data).unwrap_or_default();
            data.get("until").is_some()
        };
        is_before && (message.form != Form::Kickoff || !has_until())
    }

    /// Whether a push is handled by the rules of version 0.1.
    pub(super) fn is_old(&self, push: u64) -> bool {
        let push = &self.pushes[&push];
        self.reads_as_old(&self.messages[push.message], push.had_internal)
    }

    /// What version 0.1 does not know of the message that a push is about, and passes on.
    pub(super) fn unknown_to_old(&self, push: u64) -> Map<String, Value> {
        as_old(&self.messages[self.pushes[&push].message].data).1
    }

    /// The subscription that pushes a message.
    pub(super) fn subscription_of(&self, index: usize) -> usize {
        match &self.messages[index] {
            message if message.dead => 1,
            message if message.topic == Topic::Internal => 2,
            message if message.topic == Topic::Events => 3,
            _ => 0,
        }
    }

    /// A publisher forges what opwatch would pass on of the watch `victim`, from its last message. It is a message of its own in
    /// the books: one that can't be used.
    pub(crate) fn forge(&mut self, victim: usize) {
        let last = (0..self.messages.len()).rev().find(|index| {
            let message = &self.messages[*index];
            message.watch == victim && !message.dead && !matches!(message.form, Form::Signal | Form::Claim)
        });
        let Some(last) = last else { return };
        let own = &self.messages[last];
        let mut message: Value = serde_json::from_slice(&own.data).unwrap_or_default();
        let state = message.get("state").cloned().unwrap_or_default();
        let mut state = state.as_object().cloned().unwrap_or_default();
        // A notice that a publisher wrote is dropped: it begets no other.
        if let Some(report) = state.get_mut("report").and_then(Value::as_object_mut) {
            report.remove("notice");
        }
        state.entry("id").or_insert_with(|| json!((1_000_000 + last).to_string()));
        let now = time(self.now()).to_rfc3339();
        match self.rng.below(5) {
            0 => message["notify"] = json!("failure"),
            1 => message["interval"] = json!(86_400),
            2 => {
                let outcome = *self.rng.pick(&["succeeded", "failed", "stopped", "cannotTell"]);
                state.insert("report".to_owned(), json!({"outcome": outcome, "at": now}));
            }
            3 if !self.shown.is_empty() => {
                let shown = self.rng.below(self.shown.len() as u64) as usize;
                let live = json!({"channel": self.shown[shown].channel, "ts": ts_of(shown)});
                state.insert("live".to_owned(), live);
            }
            _ => {
                state.insert("first".to_owned(), json!(now));
                message["attempt"] = json!(self.rng.below(300));
            }
        }
        message["state"] = json!(state);
        let watch = self.plan.kickoffs.len();
        message["title"] = json!(format!("w{watch}x"));
        let now = self.now();
        let kickoff = Kickoff::plain(now, Kind::Bad, 60, 60, 0);
        self.ledger.forged(&kickoff, now);
        self.plan.kickoffs.push(kickoff);
        self.note(&[14, watch as u64, victim as u64], || {
            format!("w{watch} is forged of w{victim}: {message}")
        });
        self.publish(watch, Form::Kickoff, message.to_string().into_bytes(), None);
        self.messages.last_mut().expect("just published").forged = true;
    }
}

impl Plan {
    /// With a hostile publisher who forges so many messages.
    pub(crate) fn with_forgeries(self, forgeries: u64) -> Self {
        Self { boundary: Boundary::Internal, forgeries, ..self }
    }
}
