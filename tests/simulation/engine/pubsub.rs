//! Pub/Sub: pushes each message until it is acknowledged, at least once and in any order, and gives up to the dead letters.

use opwatch::intake::http::Answered;
use opwatch::runner::Action;
use serde_json::{Value, json};

use super::boundary::{Pushed, Topic};
use super::claims::Claiming;
use super::limits::Counting;
use super::plan::{DAY, Disorder, Down, Ending, Fault, HOUR, MINUTE, Ms, SECOND};
use super::surroundings::Busy;
use super::tasks::{NEW_NOTIFY, NEW_OUTCOME};
use super::ways::Way;
use super::world::{Event, Form, Instance, World, hash_of};

/// The subscriptions' `--ack-deadline` in `deploy/up`.
pub(super) const ACK_DEADLINE: Ms = 60 * SECOND;

/// How long opwatch takes for a push at most.
pub(super) const PUSH_LIMIT: Ms = 20 * SECOND;

/// The same's `messageRetentionDuration`: the default, and that of dead letters.
const RETENTION: Ms = 7 * DAY;
const RETENTION_OF_DEAD: Ms = 31 * DAY;

#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own in the books")]
pub(crate) struct Message {
    pub(crate) watch: usize,
    pub(crate) form: Form,
    pub(crate) data: Vec<u8>,
    pub(crate) published: Ms,
    /// The same but for a dead letter, which is published a second time.
    pub(super) first_published: Ms,
    /// Where it was published; of a dead letter, where it was published first.
    pub(crate) topic: Topic,
    /// By a hostile publisher.
    pub(crate) forged: bool,
    /// The task that published it.
    pub(crate) task: Option<usize>,
    /// The last copy on its way, and the first task of the report that a dead letter is.
    pub(super) way: Way,
    pub(super) root: Option<usize>,
    /// The name that opwatch gave that task.
    pub(crate) name: Option<String>,
    /// Slack, or the API, asked the delivery that led to it to wait until then.
    pub(crate) not_before: Ms,
    /// A newer version added fields to it, and words that this one doesn't know.
    pub(crate) newer: bool,
    pub(crate) new_notify: bool,
    pub(crate) new_outcome: bool,
    pub(crate) deliveries: u32,
    /// Deliveries that no instance had room for.
    untaken: u32,
    nacks: u32,
    /// opwatch refused it, and no fault made it do so.
    refused: bool,
    acknowledged: bool,
    /// On the dead-letter topic.
    pub(crate) dead: bool,
}

/// A message delivered so often is not doubled by Pub/Sub any more, and none comes days late after so long: where crashes and
/// tries of reports are frequent too, copies of copies would have no end.
const MOST_COPIES: u32 = 10;
/// Nor in a world with so many messages for each watch: where names are free early, each copy of a report that Slack does not take
/// has further tries, and copies of these.
const CROWDED: usize = 100;
const COPIES_END: Ms = 14 * DAY;

/// A delivery in flight.
#[derive(Default)]
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
    /// An API asked to wait until then.
    pub(crate) api_not_before: Ms,
    /// Slack did.
    pub(crate) slack_not_before: Ms,
    /// Its instance has an internal topic.
    pub(crate) had_internal: bool,
    /// When the answer comes that it waits for.
    pub(crate) awaits: Ms,
    /// Which life of its instance handles it.
    pub(crate) generation: u64,
    /// Its answer will be lost.
    pub(super) hangs: bool,
    /// Its instance stood still meanwhile.
    pub(super) frozen: bool,
    /// A call of it to a service that hangs is over then.
    pub(super) hangs_until: Ms,
    /// Whether the task that it asked for is its own, not another's.
    pub(crate) created: Option<bool>,
    /// The connection broke while it asked: whose the task is, opwatch can't know.
    pub(crate) unsure: bool,
    /// No answer of use came when it asked for a task.
    pub(crate) create_unclear: bool,
    /// The message in Slack that it posted to follow the watch.
    pub(crate) opened: Option<usize>,
    /// Slack did not say that this was taken back.
    pub(crate) not_taken_back: bool,
    /// The message in Slack whose end nobody else makes.
    pub(crate) closes: Option<usize>,
    /// It tried to make the end of a message.
    pub(crate) ends_edited: bool,
    /// The message whose end it could not make.
    pub(crate) edit_failed: Option<usize>,
    /// The report that is there in place of its own follows another message, or none.
    pub(crate) is_there_without: bool,
    /// The claim on its report.
    pub(crate) claiming: Option<Claiming>,
    /// The last copy on its way.
    pub(super) way: Way,
    /// Slack shows its report, and it knows so or not.
    pub(super) told_ok: bool,
    pub(super) told_unsure: bool,
    /// How it asks for a slot of a limit.
    pub(super) counting: Option<Counting>,
}

impl Push {
    /// Whether it may tell what only the delivery tells whose next step it is.
    pub(crate) fn may_tell(&self) -> bool {
        self.created == Some(true) || self.unsure
    }
}

impl Message {
    /// For the trace.
    fn about(&self) -> String {
        let data: Value = serde_json::from_slice(&self.data).unwrap_or_default();
        let live = super::slack::message_of(&data["state"]["live"]);
        let follows = live.map(|live| format!(" with Slack's message {live}")).unwrap_or_default();
        format!("{:?} of w{}{follows}", self.form, self.watch)
    }

    /// The operation that it is about.
    pub(crate) fn operation(&self) -> Option<String> {
        let value: Value = serde_json::from_slice(&self.data).ok()?;
        let name = if self.form == Form::Signal { &value["signal"] } else { &value["name"] };
        name.as_str().map(str::to_owned)
    }
}

/// A push subscription: all its messages wait together when some are refused.
#[derive(Default)]
pub(crate) struct Subscription {
    back_off: Ms,
    blocked_until: Ms,
}

impl World {
    /// Publishes to the topic of the task; what a person publishes, to the public one.
    pub(crate) fn publish(&mut self, watch: usize, form: Form, data: Vec<u8>, task: Option<usize>) {
        let way = task.and_then(|task| {
            self.tasks[task].runs += 1;
            if self.tasks[task].runs > 1 { Some(self.branch()) } else { self.tasks[task].way }
        });
        let message = Message {
            watch,
            form,
            data,
            published: self.now(),
            first_published: self.now(),
            topic: task.map_or(Topic::Public, |task| self.tasks[task].topic),
            forged: false,
            task,
            way,
            root: None,
            name: task.map(|task| self.tasks[task].asked_name.clone()),
            not_before: task.map_or(0, |task| self.tasks[task].not_before),
            newer: false,
            new_notify: false,
            new_outcome: false,
            deliveries: 0,
            untaken: 0,
            nacks: 0,
            refused: false,
            acknowledged: false,
            dead: false,
        };
        let message = self.age(message);
        let mut delay = self.latency();
        if self.strikes(Fault::Slow) {
            delay += self.rng.below(10 * MINUTE);
        }
        self.messages.push(message);
        self.at(self.now() + delay, Event::Deliver(self.messages.len() - 1));
    }

    /// What a newer version would add.
    fn age(&mut self, message: Message) -> Message {
        if matches!(message.form, Form::Kickoff | Form::Claim) || !self.strikes(Fault::Newer) {
            return message;
        }
        self.ledger.touched(message.watch, self.now());
        let mut value: Value = serde_json::from_slice(&message.data).unwrap_or_default();
        if value.get("state").is_none() {
            return message;
        }
        value["newField"] = json!({"a": [1, null]});
        value["state"]["newState"] = json!("kept");
        let new_notify = self.rng.chance(0.3);
        if new_notify {
            value["notify"] = json!(NEW_NOTIFY);
            self.renew_sentinel(message.watch);
        }
        // A notice has no title.
        let of_watch =
            message.form == Form::Report && value.get("title").is_some() && !super::ledger::is_stall(&value);
        let new_outcome = of_watch && self.rng.chance(0.2);
        if new_outcome {
            value["state"]["report"]["outcome"] = json!(NEW_OUTCOME);
            self.ledger.books[message.watch].rolled_back = true;
        }
        Message { data: value.to_string().into_bytes(), newer: true, new_notify, new_outcome, ..message }
    }

    /// Begins a delivery, if it can be made now: the push's number, its instance, and what is pushed.
    pub(crate) fn begin(&mut self, index: usize) -> Option<(u64, usize, Pushed)> {
        let now = self.now();
        self.address_signal(index);
        let watch = self.messages[index].watch;
        let blocked_until = self.subscriptions[self.subscription_of(index)].blocked_until;
        if now < blocked_until {
            let jitter = self.rng.below(10 * SECOND);
            self.at(blocked_until + jitter, Event::Deliver(index));
            return None;
        }
        if let Some(until) = self.plan.down_until(Down::PubSub, now) {
            let jitter = self.rng.below(2 * MINUTE);
            self.ledger.touched(watch, now);
            self.at(until + jitter, Event::Deliver(index));
            return None;
        }
        if self.is_deleted(index) {
            return None;
        }
        let disorder = self.disorder(index);
        if disorder.is_some() {
            self.ledger.touched(watch, now);
        }
        if let Some(Disorder::Behind(delay)) = disorder {
            self.at(now + delay, Event::Deliver(index));
            return None;
        }
        if let Some(Disorder::Again(delay)) = disorder {
            self.at(now + delay, Event::Deliver(index));
        }
        if self.plan.is_down(Down::Opwatch, now) {
            self.note(&[4, index as u64], || format!("nobody takes message {index}"));
            self.refuse(index);
            return None;
        }
        let hangs = self.strikes(Fault::Hang);
        if hangs {
            self.ledger.touched(watch, now);
            self.at(now + ACK_DEADLINE, Event::Expire(index));
            if self.rng.chance(0.5) {
                self.note(&[5, index as u64], || format!("message {index} is taken and not handled"));
                return None;
            }
        }
        let instance = self.instance_for(index, hangs)?;
        let Some(pushed) = self.pushed(index, instance) else {
            self.note(&[13, index as u64], || format!("instance {instance} has no path for message {index}"));
            if !hangs {
                self.refuse(index);
            }
            return None;
        };
        self.count_signal(index);
        let message = &mut self.messages[index];
        message.deliveries += 1;
        let (copy, way) = (message.deliveries > 1, message.way);
        if copy {
            self.ledger.touched(watch, now);
        }
        let message = &self.messages[index];
        let due = message.task.map_or(message.published, |task| self.tasks[task].at);
        let Instance { internal, generation, .. } = self.instances[instance];
        let push = Push {
            message: index,
            instance,
            began: now,
            copy,
            had_internal: internal,
            generation,
            hangs,
            way: if copy { Some(self.branch()) } else { way },
            ..Push::default()
        };
        self.ledger.delivered(&self.messages[index], copy, now, due);
        let number = self.next_push;
        self.next_push += 1;
        self.pushes.insert(number, push);
        if self.is_old(number) {
            let Message { watch, form, .. } = self.messages[index];
            self.ledger.handled_by_old(watch, form, now);
        }
        let marks = [6, number, index as u64, instance as u64];
        let about = if self.plan.verbose { self.messages[index].about() } else { String::new() };
        self.note(&marks, || format!("push {number}: message {index}, {about}, to instance {instance}"));
        for limit in [8 * SECOND, 15 * SECOND, PUSH_LIMIT, 21 * SECOND] {
            self.at(now + limit + 1, Event::Wake(number));
        }
        Some((number, instance, pushed))
    }

    /// An instance that takes the push of a message. One that `hangs` is not answered in any case.
    fn instance_for(&mut self, index: usize, hangs: bool) -> Option<usize> {
        let (watch, now) = (self.messages[index].watch, self.now());
        self.messages[index].untaken += 1;
        match self.free_instance() {
            Ok(instance) => {
                self.messages[index].untaken -= 1;
                return Some(instance);
            }
            Err(Busy::Full) => {
                self.count_fault(Fault::Overload);
                self.note(&[22, index as u64], || format!("no instance has room for message {index}"));
                if !hangs {
                    self.refuse(index);
                }
            }
            Err(Busy::Frozen) => {
                self.note(&[23, index as u64], || {
                    format!("message {index} waits in an instance that stands still")
                });
                self.ledger.touched(watch, now);
                if !hangs {
                    self.at(now + ACK_DEADLINE, Event::Expire(index));
                }
            }
        }
        None
    }

    /// Whether Pub/Sub deletes a message now, which it keeps for as long as `deploy/up` says. That may happen only where each delivery
    /// met a fault.
    fn is_deleted(&mut self, index: usize) -> bool {
        let message = &self.messages[index];
        let kept = if message.dead { RETENTION_OF_DEAD } else { RETENTION };
        if message.acknowledged || self.now() <= message.published + kept {
            return false;
        }
        let (watch, refused) = (message.watch, message.refused);
        if refused {
            self.ledger.broken(format!("message {index} was never acknowledged, and is deleted"));
        }
        self.ledger.count("messages that were deleted");
        self.ledger.books[watch].deleted = true;
        self.messages[index].acknowledged = true;
        true
    }

    /// Whether copies of copies fill this world.
    fn is_crowded(&self) -> bool {
        self.messages.len() > CROWDED * (5 + self.plan.kickoffs.len())
    }

    /// Whether more messages wait than there are watches: no single one goes round.
    pub(super) fn is_congested(&self) -> bool {
        let waiting = self.messages.iter().filter(|message| !message.acknowledged);
        waiting.count() > self.plan.kickoffs.len()
    }

    fn disorder(&mut self, index: usize) -> Option<Disorder> {
        let now = self.now();
        self.deliveries += 1;
        if let Some(script) = &self.plan.script {
            return script.deliveries.get(&(self.deliveries - 1)).copied();
        }
        if self.is_crowded() || self.messages[index].deliveries + self.messages[index].untaken >= MOST_COPIES
        {
            return None;
        }
        if self.strikes(Fault::Duplicate) {
            return Some(Disorder::Again(self.rng.below(3 * SECOND)));
        }
        if self.strikes(Fault::Late) {
            return Some(Disorder::Again(self.rng.log_uniform(MINUTE as f64, 12.0 * HOUR as f64) as Ms));
        }
        if now < COPIES_END && self.strikes(Fault::Ancient) {
            return Some(Disorder::Again(self.rng.between(DAY, 6 * DAY)));
        }
        None
    }

    /// The handler has answered.
    pub(crate) fn finish(&mut self, number: u64, answered: &Answered) {
        let Some(push) = self.pushes.remove(&number) else { return };
        // A signal that can't be used is acknowledged without being handled.
        let (acknowledged, handled) = (answered.response.status().is_success(), &answered.handled);
        if handled.as_ref().is_some_and(|handled| handled.acknowledged != acknowledged) {
            let violation = format!("push {number} gets {} for {handled:?}", answered.response.status());
            self.ledger.broken(violation);
        }
        let decision = handled.as_ref().map(|handled| handled.decision);
        let error = handled.as_ref().and_then(|handled| handled.error.as_deref()).unwrap_or_default();
        let marks =
            [9, number, decision.map_or(0, |decision| 1 + decision as u64), hash_of(error.as_bytes())];
        self.note(&marks, || format!("push {number}: {decision:?} {error:?}"));
        self.look_for_orphans(&push, acknowledged);
        self.claimer_finished(&push);
        match decision {
            Some(Action::PostedBefore) => self.ledger.count("reports found sent"),
            Some(Action::Waits) => self.ledger.count("reports that waited"),
            _ => {}
        }
        let spent = self.now() - push.began;
        if spent > PUSH_LIMIT && !push.frozen {
            self.ledger.broken(format!("push {number} took {spent} ms"));
        }
        let last_resort = matches!(decision, Some(Action::GaveUp | Action::KeptLost));
        if !acknowledged && !push.excused && !last_resort {
            self.ledger.broken(format!("push {number} was refused without a cause: {handled:?}"));
        }
        if push.hangs {
            return;
        }
        if acknowledged {
            self.signal_is_heard(push.message);
            if decision == Some(Action::NotWanted) && self.messages[push.message].form != Form::Claim {
                self.not_wanted(push.message);
            }
            if push.saw_end {
                self.ledger.books[self.messages[push.message].watch].saw_end = true;
            }
            self.messages[push.message].acknowledged = true;
            let subscription = self.subscription_of(push.message);
            self.subscriptions[subscription].back_off = 0;
        } else {
            self.messages[push.message].refused |= !push.excused;
            self.refuse(push.message);
        }
    }

    /// A watch that asked to hear of failures only does not hear of a success.
    pub(crate) fn not_wanted(&mut self, message: usize) {
        let message = &self.messages[message];
        let watch = message.watch;
        let asked = self.plan.kickoffs[watch].notify.or(self.plan.notify);
        let ending = message.operation().and_then(|name| self.operation(&name).map(|found| found.ending));
        if asked != Some("failure") || ending != Some(Ending::Succeeded) {
            self.ledger.broken(format!("w{watch}: {ending:?} is not told to one that asked for {asked:?}"));
        }
        self.ledger.books[watch].not_wanted = true;
    }

    /// A push was not answered in time.
    pub(crate) fn expire(&mut self, index: usize) {
        self.note(&[10, index as u64], || format!("message {index} was not answered"));
        self.refuse(index);
    }

    /// The instance is gone, and with it what it knew.
    pub(crate) fn died(&mut self, instance: usize, lost: &[u64]) {
        for number in lost {
            let Some(push) = self.pushes.remove(number) else { continue };
            self.note(&[11, *number], || format!("push {number}: killed"));
            self.orphan_of_killed(&push);
            self.claimer_died(&push);
            self.refuse(push.message);
        }
        let Instance { generation, internal, .. } = self.instances[instance];
        self.instances[instance] = Instance { generation: generation + 1, internal, ..Instance::default() };
    }

    /// Refused, or not answered: again later, and all others of the subscription wait a little.
    fn refuse(&mut self, index: usize) {
        let now = self.now();
        let (attempts, subscription) = (self.plan.attempts, self.subscription_of(index));
        self.ledger.touched(self.messages[index].watch, now);
        let subscription = &mut self.subscriptions[subscription];
        subscription.back_off = (subscription.back_off * 2).clamp(100, MINUTE);
        subscription.blocked_until = now + subscription.back_off;
        let message = &mut self.messages[index];
        if message.acknowledged {
            return;
        }
        message.nacks += 1;
        if !message.dead && message.nacks >= attempts {
            message.acknowledged = true;
            let (root, way) = (self.root_of(index), Some(self.branch()));
            let message = &self.messages[index];
            // No signal is needed: its subscription has no dead letters.
            if message.form == Form::Signal {
                return;
            }
            let dead = Message {
                watch: message.watch,
                form: message.form,
                data: message.data.clone(),
                published: now,
                first_published: message.published,
                topic: message.topic,
                forged: message.forged,
                task: None,
                way,
                root,
                name: None,
                not_before: 0,
                newer: false,
                new_notify: false,
                new_outcome: false,
                deliveries: 0,
                untaken: 0,
                nacks: 0,
                refused: false,
                acknowledged: false,
                dead: true,
            };
            self.ledger.lost(&dead);
            self.note(&[12, index as u64], || format!("message {index} goes to the dead letters"));
            self.messages.push(dead);
            self.at(now + 50, Event::Deliver(self.messages.len() - 1));
            return;
        }
        let doubled = 10 * SECOND * (1 << (message.nacks - 1).min(6));
        self.at(now + doubled.min(10 * MINUTE), Event::Deliver(index));
    }
}
