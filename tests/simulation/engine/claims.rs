//! The promise of a ledger: a report is told once, and whatever tells it again has a cause with a name.
//!
//! A post keeps others from telling the same report: by the claim that it is made under, then by the mark that it was sent.
//! What ends that, before the mark or after, is kept as the cause of posts that come later.

use std::collections::BTreeMap;

use opwatch::decision::WAITS;
use opwatch::ledger::LEASE;
use serde_json::Value;

use super::datastore::{By, Claim};
use super::plan::Ms;
use super::pubsub::{Message, Push};
use super::world::World;

/// The books of all reports.
#[derive(Default)]
pub(crate) struct Claims {
    /// What Slack was told of each report.
    told: BTreeMap<String, Vec<Told>>,
    /// Owners whose claim keeps nobody from telling, and why.
    void: BTreeMap<String, &'static str>,
}

/// A report in Slack.
struct Told {
    owner: String,
    marked: bool,
    /// Why others may tell it too.
    open: Option<&'static str>,
}

/// What a push knows of the claim on its report.
pub(crate) struct Claiming {
    report: String,
    owner: String,
    since: Ms,
    /// A call about it failed.
    pub(crate) failed: bool,
    /// Calls about it that nobody has the answer of.
    pub(crate) open: u32,
}

const NO_ANSWER: &str = "told again: the ledger gave no answer";
const CRASHED: &str = "told again: a crash before it was marked as sent";
const LOST: &str = "told again: Slack's answer was lost";
const NOT_MARKED: &str = "told again: it could not be marked as sent";
const LEASE_OVER: &str = "told again: the lease was over";
const WRONG_CLOCK: &str = "told again: the lease was over by a wrong clock";
const RELEASED: &str = "told again: a release came late";
pub(super) const FROZEN: &str = "told again: its instance stood still";
const WAITED: &str = "told again: it had waited long enough";

impl Claiming {
    /// The report and its owner, if the claim is over by then.
    pub(super) fn lapses(&self, by: Ms) -> Option<(String, String)> {
        (by >= self.since + LEASE.num_milliseconds() as Ms).then(|| (self.report.clone(), self.owner.clone()))
    }

    /// Whether the ledger did not work for it.
    fn has_failed(&self) -> bool {
        self.failed || self.open > 0
    }
}

impl Claims {
    /// The claim of `owner` keeps nobody from telling `report` any more.
    pub(super) fn end(&mut self, report: &str, owner: &str, why: &'static str) {
        self.void.entry(owner.to_owned()).or_insert(why);
        for told in self.of(report).filter(|told| told.owner == owner && !told.marked) {
            told.open.get_or_insert(why);
        }
    }

    fn of(&mut self, report: &str) -> impl Iterator<Item = &mut Told> {
        self.told.get_mut(report).into_iter().flatten()
    }
}

impl World {
    pub(crate) fn asks_for_claim(&mut self, report: &str, owner: String) {
        let since = self.now();
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        if push.claiming.is_none() {
            let report = report.to_owned();
            push.claiming = Some(Claiming { report, owner, since, failed: false, open: 0 });
        }
    }

    /// A call about the claim of the push that is worked on is on its way.
    pub(crate) fn calls_about_claim(&mut self, failed: bool) {
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        let Some(claiming) = &mut push.claiming else {
            self.ledger.broken(format!("push {} is about a claim that it never asked for", self.current));
            return;
        };
        claiming.failed |= failed;
        claiming.open += 1;
    }

    /// The answer is there.
    pub(crate) fn hears_of_claim(&mut self) {
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        if let Some(claiming) = &mut push.claiming {
            claiming.open -= 1;
        }
    }

    /// Slack shows a report in a new message.
    pub(crate) fn told_under_claim(&mut self) {
        let push = &self.pushes[&self.current];
        let message = &self.messages[push.message];
        let watch = message.watch;
        let Some(claiming) = &push.claiming else {
            self.ledger.broken(format!("w{watch}: a report is told without a claim"));
            return;
        };
        let (report, owner) = (claiming.report.clone(), claiming.owner.clone());
        let holds = self.stored_claim(&report).is_some_and(|claim| claim.owner == owner && !claim.sent);
        let own = if holds {
            None
        } else if let Some(why) = self.claims.void.get(&owner) {
            Some(*why)
        } else if claiming.has_failed() {
            Some(NO_ANSWER)
        } else {
            waited(message)
        };
        if !holds && own.is_none() {
            self.ledger.broken(format!("w{watch}: a report is told by one who does not hold its claim"));
        }
        let told = self.claims.told.entry(report).or_default();
        let unexplained = told.iter().find(|told| told.open.is_none());
        if let Some(earlier) = unexplained.filter(|_| own.is_none()) {
            let was = if earlier.marked { "told and marked" } else { "being told" };
            let violation = format!("w{watch}: a report that was {was} is told again without a cause");
            self.ledger.broken(violation);
        }
        let cause = own.or(told.last().and_then(|told| told.open));
        if let Some(cause) = cause.filter(|_| !told.is_empty()) {
            self.ledger.count(cause);
        }
        told.push(Told { owner, marked: false, open: own });
    }

    /// Slack shows what the push that is worked on told, and its instance can't know.
    pub(crate) fn told_in_vain(&mut self, killed: bool) {
        let Some(claiming) = &self.pushes[&self.current].claiming else { return };
        let why = if killed { CRASHED } else { LOST };
        self.claims.end(&claiming.report, &claiming.owner, why);
    }

    /// The push's instance was killed.
    pub(crate) fn claimer_died(&mut self, push: &Push) {
        let Some(claiming) = &push.claiming else { return };
        for told in self.claims.of(&claiming.report) {
            if told.owner == claiming.owner && !told.marked {
                told.open.get_or_insert(CRASHED);
            }
        }
    }

    /// A push was handled: what it told is marked as sent, or could not be.
    pub(crate) fn claimer_finished(&mut self, push: &Push) {
        let Some(claiming) = &push.claiming else { return };
        if claiming.has_failed() {
            // The ledger may have been too slow: whether the claim was taken shows when its lease is over.
            let (watch, now) = (self.messages[push.message].watch, self.now());
            self.ledger.touched(watch, now);
        }
        let mut unmarked = false;
        for told in self.claims.of(&claiming.report) {
            if told.owner == claiming.owner && !told.marked && told.open.is_none() {
                // One that stood still may have no time left for the mark.
                unmarked |= !claiming.has_failed() && !push.frozen;
                told.open = Some(if push.frozen { FROZEN } else { NOT_MARKED });
            }
        }
        if unmarked {
            let watch = self.messages[push.message].watch;
            self.ledger.broken(format!("w{watch}: a report was told and is not marked as sent"));
        }
    }

    /// The claim on `report` was taken or marked as sent.
    pub(crate) fn claim_written(&mut self, by: By, report: &str, before: Option<&Claim>, after: &Claim) {
        let By { push, message } = by;
        let other = before.filter(|before| before.owner != after.owner && !before.sent);
        if !after.sent {
            if before.is_some_and(|before| before.sent) {
                self.ledger.broken(format!("push {push} claims a report that was sent"));
            } else if let Some(other) = other {
                self.claim_taken_over(report, other, after);
            }
            return;
        }
        if let Some(other) = other {
            let own =
                self.claims.of(report).find(|told| told.owner == after.owner).and_then(|told| told.open);
            match own
                .or(self.claims.void.get(&after.owner).copied())
                .or(self.failed(push))
                .or(waited(&self.messages[message]))
            {
                Some(why) => self.claims.end(report, &other.owner, why),
                None => self.ledger.broken(format!("push {push} marks as sent what another has claimed")),
            }
        }
        let mut told = self.claims.of(report).filter(|told| told.owner == after.owner).peekable();
        if told.peek().is_some() {
            told.for_each(|told| (told.marked, told.open) = (true, None));
        } else {
            drop(told);
            if !self.ledger.books[self.messages[message].watch].counts_as_delivered {
                self.not_wanted(message);
            }
        }
    }

    fn claim_taken_over(&mut self, report: &str, other: &Claim, after: &Claim) {
        let taken = self.pushes.values().filter_map(|push| push.claiming.as_ref());
        let since = taken.filter(|claiming| claiming.owner == other.owner).map(|claiming| claiming.since);
        let early = since.max().is_some_and(|since| self.now() < since + LEASE.num_milliseconds() as Ms);
        if after.at < other.until || early && !self.has_wrong_clocks() {
            self.ledger.broken(format!("a claim was taken that held until {}", other.until));
        }
        self.claims.end(report, &other.owner, if early { WRONG_CLOCK } else { LEASE_OVER });
    }

    /// The claim on `report` was let go, or what it had become meanwhile.
    pub(crate) fn claim_released(&mut self, push: u64, report: &str, before: Option<&Claim>) {
        let Some(before) = before else { return };
        let claiming = self.pushes.get(&push).and_then(|push| push.claiming.as_ref());
        let owner = claiming.map(|claiming| claiming.owner.clone()).unwrap_or_default();
        if before.owner == owner && !before.sent {
            return;
        }
        let why = self.claims.void.get(&owner).copied().or(self.failed(push).map(|_| RELEASED));
        let Some(why) = why else {
            self.ledger.broken(format!("push {push} lets go a claim that is not its own"));
            return;
        };
        self.claims.end(report, &before.owner, why);
        for told in self.claims.of(report) {
            (told.marked, told.open) = (false, Some(why));
        }
    }

    /// What explains that the claim of this push does not count. One that is gone made a call that took effect late.
    fn failed(&self, push: u64) -> Option<&'static str> {
        let Some(push) = self.pushes.get(&push) else { return Some(NO_ANSWER) };
        push.claiming.as_ref().filter(|claiming| claiming.has_failed()).map(|_| NO_ANSWER)
    }
}

/// It may tell without a claim, since others had it each time.
fn waited(message: &Message) -> Option<&'static str> {
    let message: Value = serde_json::from_slice(&message.data).unwrap_or_default();
    let waits = message["state"]["report"]["waits"].as_u64();
    (waits >= Some(u64::from(WAITS))).then_some(WAITED)
}
