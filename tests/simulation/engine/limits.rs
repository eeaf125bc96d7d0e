//! Limits on starts, on watches and on notices, which opwatch counts by the names of tasks: what each may let through, the cause that
//! each refusal needs, and the one message of an hour.
//!
//! The books know who was let in, and why: it has a slot, Cloud Tasks gave no answer in time, or its instance did not know yet which
//! slots are taken.

use std::collections::{BTreeMap, BTreeSet};

use opwatch::net::transport::{Answer, Failure};
use opwatch::policy::Limits;
use serde_json::Value;

use super::ledger::is_later_try;
use super::plan::{Effect, Kind, MINUTE, Ms, Plan, Planted, SECOND};
use super::pubsub::Push;
use super::rng::Rng;
use super::services::Target;
use super::surroundings::Surroundings;
use super::tasks::asked_message;
use super::world::{Event, Form, World, time};

/// Slots that one kickoff asks for, and the time for that.
const TRIES: u32 = 5;
const TRY_TIME: Ms = 2 * SECOND;
/// How long a push takes at most, in seconds.
const LONGEST_PUSH: i64 = 21;
/// A push's time without what is kept for scheduling its next step.
const CALL_TIME: Ms = 15 * SECOND;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counted {
    Starts,
    Watches,
    Notices,
}

impl Counted {
    const ALL: [Self; 3] = [Self::Starts, Self::Watches, Self::Notices];

    /// What a slot is of, as its task says. All worlds have one project.
    fn of(text: &str) -> Option<Self> {
        match text {
            "start p" => Some(Self::Starts),
            "watch" => Some(Self::Watches),
            "notice" => Some(Self::Notices),
            _ => None,
        }
    }

    fn most(self, limits: Limits) -> usize {
        let most = match self {
            Self::Starts => limits.starts_per_hour,
            Self::Watches => limits.watches_per_minute,
            Self::Notices => limits.notices_per_hour,
        };
        most as usize
    }

    /// In seconds.
    fn period(self) -> i64 {
        if self == Self::Watches { 60 } else { 3_600 }
    }
}

/// A slot that a task is named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(super) counted: Counted,
    /// The beginning of its period, in seconds since 1970.
    at: i64,
}

impl Slot {
    /// The slot of a claim, or of a report about a refusal.
    fn of(message: &Value, before: &str) -> Option<Self> {
        let slot = &message["state"]["report"]["slot"];
        let counted = Counted::of(slot["of"].as_str()?.strip_prefix(before)?)?;
        Some(Self { counted, at: slot["at"].as_i64()? })
    }
}

/// Whether a message only keeps a name taken: it is of no watch, and nothing follows when its task runs.
pub(crate) fn is_claim(message: &Value) -> bool {
    let report = &message["state"]["report"];
    report["outcome"] == "succeeded" && report.get("slot").is_some() && message.get("name").is_none()
}

/// How a push asks for a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting {
    slot: Slot,
    since: Ms,
    taken: u32,
    /// It was let in: an answer in the last moment may still lead to another call.
    is_over: bool,
}

/// The books of all limits.
#[derive(Default)]
pub(crate) struct Counts {
    periods: BTreeMap<(Counted, i64), Period>,
    /// Who was let in.
    admitted: BTreeSet<(Counted, usize)>,
    refusals: BTreeMap<(Counted, i64), Refusals>,
}

#[derive(Default)]
struct Period {
    /// Who was let in, once for each slot and each time without one.
    admitted: Vec<usize>,
    /// How often a life of an instance let in what it could not count.
    unaware: BTreeMap<(usize, u64), usize>,
    /// Slots that were claimed, and those of them whose name was free again.
    slots: usize,
    reused: usize,
}

/// What a limit refused in an hour.
#[derive(Default)]
struct Refusals {
    /// The watches that the message of the hour is about: one, unless its name was free again.
    of: Vec<usize>,
    told: bool,
}

impl Surroundings {
    /// Limits that bursts of kickoffs exceed, in some worlds.
    pub(super) fn limits_of(rng: &mut Rng) -> Limits {
        let mut most = |least: f64, odds: f64| {
            let most = rng.log_uniform(least, 13.0) as u32;
            if rng.chance(odds) { most } else { 0 }
        };
        Limits {
            starts_per_hour: most(1.0, 0.7),
            watches_per_minute: most(2.0, 0.4),
            notices_per_hour: most(1.0, 0.6),
            ..Limits::NONE
        }
    }
}

impl Plan {
    /// With low limits, and with a burst of kickoffs that exceeds them: starts, watches, and messages that can't be used.
    pub(crate) fn with_limits(mut self, limits: Limits, rng: &mut Rng) -> Self {
        self.around.limits = limits;
        let from = rng.below(12 * 60 * MINUTE);
        for kickoff in &mut self.kickoffs {
            if kickoff.kind == Kind::Name {
                kickoff.kind = *rng.pick(&[Kind::Name, Kind::Name, Kind::Datastore, Kind::Bad]);
            }
            if rng.chance(0.8) {
                kickoff.at = from + rng.below(3 * MINUTE);
            }
        }
        self
    }
}

impl Push {
    /// What it has for asking for slots, from then on.
    fn time_to_count(&self, since: Ms) -> Ms {
        TRY_TIME.min((self.began + CALL_TIME).saturating_sub(since))
    }
}

impl World {
    pub(super) fn has_limits(&self) -> bool {
        self.plan.around.limits != Limits::NONE
    }

    /// The slot that a call to Cloud Tasks asks for.
    pub(super) fn claimed_slot(&mut self, target: Target, body: &[u8]) -> Option<Slot> {
        if target != Target::Tasks || !self.has_limits() {
            return None;
        }
        let message = asked_message(body)?;
        let slot = Slot::of(&message, "").filter(|_| is_claim(&message))?;
        let now = self.now();
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        if push.counting.is_none_or(|counting| counting.slot.counted != slot.counted) {
            push.counting = Some(Counting { slot, since: now, taken: 0, is_over: false });
            let budget = push.time_to_count(now);
            self.at(now + budget + 1, Event::Wake(self.current));
        }
        Some(slot)
    }

    /// The answer to that, which comes at `due`: a push is let in unless the slot is taken.
    pub(super) fn after_claim(
        &mut self,
        slot: Slot,
        effect: Option<Effect>,
        result: &Result<Answer, Failure>,
        due: Ms,
    ) {
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        let (instance, generation, watch) =
            (push.instance, push.generation, self.messages[push.message].watch);
        let Some(counting) = push.counting.as_mut().filter(|counting| !counting.is_over) else { return };
        let since = counting.since;
        let is_taken = matches!(result, Ok(answer) if answer.status == 409
            && answer.body.windows(14).any(|word| word == b"ALREADY_EXISTS"));
        counting.taken += u32::from(is_taken);
        let taken = counting.taken;
        let is_late = due >= since + push.time_to_count(since);
        let is_created = matches!(result, Ok(answer) if answer.status == 200);
        let most = slot.counted.most(self.plan.around.limits);
        let is_settled = !self.has_wrong_clocks() && time(self.now()).timestamp() > slot.at + LONGEST_PUSH;
        let period = self.counts.periods.entry((slot.counted, slot.at)).or_default();
        // A call that is given up before its answer comes kills nobody.
        let is_killed = effect == Some(Effect::CrashBefore) || effect == Some(Effect::CrashAfter) && is_taken;
        if is_killed && !is_late {
            return;
        }
        if is_taken && !is_late {
            if taken < TRIES {
                return;
            }
            // An instance knows the slots of one period at a time: where clocks are wrong, and while one period follows another, it
            // may forget them.
            let unaware = period.unaware.entry((instance, generation)).or_default();
            *unaware += usize::from(is_settled);
            if *unaware > most / TRIES as usize {
                let violation = format!("w{watch}: an instance lets {unaware} in above the limit of {most}");
                self.ledger.broken(violation);
            }
            self.ledger.count("let in above a limit");
        } else if is_created && effect.is_none() {
            period.slots += 1;
            if period.slots > most + period.reused {
                let (slots, counted) = (period.slots, slot.counted);
                self.ledger.broken(format!("{slots} {counted:?} have a slot of {most}"));
            }
        } else if effect.is_none() && !is_late {
            // No fault explains this answer.
            return;
        }
        if let Some(counting) = &mut self.pushes.get_mut(&self.current).expect("in flight").counting {
            counting.is_over = true;
        }
        let counts_twice = period.admitted.contains(&watch);
        period.admitted.push(watch);
        self.counts.admitted.insert((slot.counted, watch));
        if counts_twice && self.ledger.is_untouched(watch) {
            self.ledger.broken(format!("w{watch} counts twice among {:?}", slot.counted));
        }
    }

    /// Nothing passes a limit uncounted.
    pub(super) fn hold_to_limit(&mut self, counted: Counted) {
        let most = counted.most(self.plan.around.limits);
        if most == 0 {
            return;
        }
        let watch = self.messages[self.pushes[&self.current].message].watch;
        // The line of a refused start has the key of what it goes on with, which counts once.
        let goes_on = |watch: &usize| self.ledger.books[*watch].goes_on_with;
        let mut all = std::iter::successors(Some(watch), goes_on);
        if !all.any(|watch| self.counts.admitted.contains(&(counted, watch))) {
            self.ledger.broken(format!("w{watch} is let in above the limit of {most} {counted:?}"));
        }
    }

    /// The report of a push is posted for the first time: a notice counts.
    pub(super) fn hold_notice_to_limit(&mut self) {
        if self.plan.around.limits.notices_per_hour == 0 {
            return;
        }
        let message = &self.messages[self.pushes[&self.current].message];
        let data: Value = serde_json::from_slice(&message.data).unwrap_or_default();
        let report = &data["state"]["report"];
        let is_first = ["slot", "tries", "waits"].into_iter().all(|field| report.get(field).is_none());
        if message.form == Form::Report && !message.dead && report["outcome"] == "notice" && is_first {
            self.hold_to_limit(Counted::Notices);
        }
    }

    /// A push asks for the message of an hour in which a limit refused its kickoff, or its notice. Such a refusal needs its cause: at
    /// least four fifths of what the limit allows were let in. Returns whether the planted fault keeps the message back.
    pub(super) fn refuses(&mut self, message: &Value, exists: bool, anew: bool) -> bool {
        let Some(slot) = Slot::of(message, "limit ") else { return false };
        let most = slot.counted.most(self.plan.around.limits);
        let push = &self.pushes[&self.current];
        let (watch, began, now) = (self.messages[push.message].watch, push.began, self.now());
        let skew = if self.has_wrong_clocks() { self.plan.most_skew() + MINUTE } else { 0 };
        let period = slot.counted.period();
        let beginning = |at: Ms, skew: Ms| {
            let seconds = (time(at).timestamp_millis() + skew as i64).div_euclid(1_000);
            seconds.div_euclid(period) * period
        };
        let earliest = beginning(began.saturating_sub(skew), 0);
        let periods =
            self.counts.periods.range((slot.counted, earliest)..=(slot.counted, beginning(now, skew)));
        let counted = periods.map(|(_, period)| period.admitted.len()).max().unwrap_or(0);
        if 5 * counted < 4 * most {
            let violation =
                format!("w{watch} is refused by the limit of {most} {:?}: {counted} count", slot.counted);
            self.ledger.broken(violation);
        }
        self.ledger.refused_by_limit(watch);
        self.ledger.count("refused by a limit");
        let refusals = self.counts.refusals.entry((slot.counted, slot.at)).or_default();
        if exists || self.plan.planted == Some(Planted::LimitSilent) {
            return !exists;
        }
        if !refusals.of.is_empty() && !anew {
            let violation =
                format!("w{watch}: a second message of the limit of {:?} in an hour", slot.counted);
            self.ledger.broken(violation);
        }
        refusals.of.push(watch);
        false
    }

    /// Slack shows a report: perhaps the one of a limit.
    pub(super) fn tells_of_limit(&mut self) {
        if !self.has_limits() {
            return;
        }
        let message = &self.messages[self.pushes[&self.current].message];
        let data: Value = serde_json::from_slice(&message.data).unwrap_or_default();
        let Some(slot) = Slot::of(&data, "limit ") else { return };
        self.counts.refusals.entry((slot.counted, slot.at)).or_default().told = true;
    }

    /// What must hold of limits when nothing is left to happen: people hear of each hour in which one refused something.
    pub(super) fn close_limits(&mut self) {
        let excused = |watch: &usize| {
            let book = &self.ledger.books[*watch];
            book.counts_as_delivered || book.rolled_back || book.deleted
        };
        let silent = self.counts.refusals.iter().find(|(_, hour)| !hour.told && !hour.of.iter().any(excused));
        if let Some(((counted, at), _)) = silent {
            self.ledger
                .broken(format!("nobody hears that the limit of {counted:?} is reached in the hour of {at}"));
        }
        for counted in Counted::ALL {
            let most = counted.most(self.plan.around.limits);
            let periods = self.counts.periods.range((counted, i64::MIN)..=(counted, i64::MAX));
            let full = periods.filter(|(_, period)| most > 0 && period.admitted.len() >= most).count();
            (0..full).for_each(|_| self.ledger.count("limits that were reached"));
        }
    }

    /// A claimed slot has a task. `anew`: its name was in use before.
    pub(super) fn has_slot(&mut self, message: &Value, anew: bool) {
        if let Some(slot) = Slot::of(message, "").filter(|_| anew) {
            self.counts.periods.entry((slot.counted, slot.at)).or_default().reused += 1;
        }
    }

    /// Whether a planted fault takes the slot that a claim asks for.
    pub(super) fn is_slot_spoilt(&self, message: &Value) -> bool {
        let Some(slot) = Slot::of(message, "") else { return false };
        let most = slot.counted.most(self.plan.around.limits) as u64;
        let number = message["state"]["report"]["slot"]["number"].as_u64();
        match self.plan.planted {
            Some(Planted::LimitAlways) => true,
            Some(Planted::LimitEarly) => number >= Some(most / 2),
            _ => false,
        }
    }
}

/// Whether a message is the first try of the one that an hour has of a limit.
pub(crate) fn is_of_limit(message: &Value) -> bool {
    Slot::of(message, "limit ").is_some() && !is_later_try(&message["state"]["report"])
}
