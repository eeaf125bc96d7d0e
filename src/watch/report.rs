//! What a watch comes to, and everything else that people are told.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Adopted, Check, Kind, MAX_EXCERPT_CHARS, Message, Notify, Outcome, Problem, ProblemKind, Reason, Receipt,
    Routing, Start, StartRequest, Watch,
};
use crate::services::{ApiError, Operation, OperationInfo};
use crate::text;
use crate::watch::Verdict;

/// Something to tell people.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The watch it ends.
    pub watch: Watch,
    /// What to tell.
    pub outcome: Outcome,
    /// Why opwatch can't say more.
    pub reason: Option<Reason>,
    /// The error of a call that failed.
    pub error: Option<ApiError>,
    /// What is known of the operation.
    pub facts: OperationInfo,
    /// When that was so.
    pub at: DateTime<Utc>,
    /// The operation, when there is one.
    pub operation: Option<Operation>,
    /// The number of the check that found it; none without a check.
    pub attempt: Option<u32>,
    /// The start that was not made.
    pub start: Option<StartRequest>,
    /// What that start would be recognised by.
    pub key: Option<String>,
    /// When the kickoff of that start was published, which its placeholders need.
    pub published_at: Option<DateTime<Utc>>,
    /// How the watch came by an operation that it should have started.
    pub adopted: Option<Adopted>,
    /// The start that the watch began with, so that it can be made again.
    pub origin: Option<StartRequest>,
    /// Who started the operation, as the signal says with which the watch began.
    pub started_by: Option<String>,
    /// The message that follows the watch.
    pub live: Option<Receipt>,
    /// The id of the outlet that it goes to. None for the outlet that was the first one, and before it is addressed.
    pub outlet: Option<String>,
    /// The outlet's word for why the watch's target did not take it: it goes to the settings' one.
    pub fallback_reason: Option<String>,
    /// What a notice is about.
    pub notice: Option<InvalidMessage>,
    /// The slot whose task first publishes it.
    pub slot: Option<Slot>,
    /// How often it was posted in vain.
    pub tries: u32,
    /// How often it waited since then for another copy that was posting it.
    pub claim_waits: u32,
    /// Post it as plain text: the outlet refused its form.
    pub as_plain_text: bool,
    /// Post it without its mention: the outlet may have refused that.
    pub no_mention: bool,
    /// How often the outlet said neither that it took it nor that it did not.
    pub unclear: u32,
    /// It is in the buffer of digests: only the message that follows the watch is still to be edited.
    pub digested: bool,
    /// Of one that makes no progress: how many looks in a row showed none.
    pub unchanged: Option<u32>,
    /// What it tells as it came, when that is more than this version knows.
    pub unknown_fields: Map<String, Value>,
}

/// A numbered slot of a period, which counts something without a store. Every instance computes the same name for its task,
/// so the one that creates the task has the slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// What is counted, such as `start my-project`.
    pub of: String,
    /// The beginning of the period, in seconds since 1970.
    pub at: i64,
    /// Its number in the period, from 0.
    pub number: u32,
}

/// A message that can't be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvalidMessage {
    /// What is wrong with it.
    #[serde(default = "unknown_problem")]
    pub problem: Problem,
    /// Its beginning.
    #[serde(default)]
    pub excerpt: String,
    /// Its `messageId`; empty when it could not be seen.
    #[serde(default)]
    pub message_id: String,
}

impl Slot {
    /// What the tasks count that empty the buffer of digests.
    pub const DIGEST: &'static str = "digest";
    /// What the task of an operation counts that is not to be adopted.
    pub const EXCEPTED: &'static str = "excepted";

    /// Cuts its text to the maximum length, for one that comes from a message.
    pub(crate) fn cut(self) -> Self {
        Self { of: text::cut(&self.of, 200), ..self }
    }
}

impl InvalidMessage {
    /// Cuts its texts to their limits: for one that comes from a message.
    pub(crate) fn cut(self) -> Self {
        Self {
            problem: Problem::new(&self.problem.field, self.problem.kind),
            excerpt: text::cut(&self.excerpt, MAX_EXCERPT_CHARS),
            message_id: text::cut(&self.message_id, 128),
        }
    }
}

fn unknown_problem() -> Problem {
    Problem::new("", ProblemKind::Other)
}

impl Report {
    /// The same report for the outlet with this id.
    #[must_use]
    pub fn to_outlet(&self, id: &str) -> Self {
        Self { outlet: Some(id.to_owned()), ..self.clone() }
    }

    /// Whether no outlet was chosen for it yet: it is the first copy, and its task is about to be created.
    pub fn is_unaddressed(&self) -> bool {
        self.outlet.is_none() && self.tries == 0 && self.claim_waits == 0 && !self.is_claim()
    }

    /// The report that ends `check`'s watch.
    pub fn of_check(check: &Check, verdict: Verdict, at: DateTime<Utc>) -> Self {
        Self {
            operation: Some(check.operation.clone()),
            attempt: Some(check.attempt),
            adopted: check.adopted,
            origin: check.origin.clone(),
            started_by: check.started_by.clone(),
            live: check.live.clone(),
            ..Self::new(check.watch.clone(), verdict, at)
        }
    }

    /// What a check that sees `facts` of a running operation tells: that it runs, at once, or that it stands still or waits for
    /// a person, by a report.
    pub fn of_running(check: &Check, outcome: Outcome, facts: OperationInfo, at: DateTime<Utc>) -> Self {
        let unchanged = (outcome == Outcome::Stalled && !facts.waits).then(|| check.track.unchanged());
        Self { unchanged, ..Self::of_check(check, Verdict::new(outcome, None, facts), at) }
    }

    /// Whether it tells that the operation waits for a person. To an older version it makes no progress.
    pub fn asks_a_person(&self) -> bool {
        self.outcome == Outcome::Stalled && self.facts.waits
    }

    /// The kind in its task's name. One that asks a person has its own: the operation may have made no progress before.
    pub fn kind(&self) -> Kind {
        if self.asks_a_person() { Kind::Waits } else { self.outcome.kind() }
    }

    /// The report that ends the watch of a start that was not made, or of which that is not known.
    pub fn of_start(start: &Start, verdict: Verdict, at: DateTime<Utc>) -> Self {
        Self {
            start: Some(start.request.clone()),
            key: Some(crate::watch::idempotency_key(start)),
            published_at: Some(start.published_at),
            ..Self::new(start.watch.clone(), verdict, at)
        }
    }

    /// The report that nothing was started, since `operation` had been started for this kickoff and ended before it was
    /// published. The command that starts it has no key: that would find the same operation again.
    pub fn of_ended_before(start: &Start, operation: Operation, verdict: Verdict, at: DateTime<Utc>) -> Self {
        let reason = Some(Reason::EndedBefore { outcome: verdict.outcome });
        let verdict = Verdict { outcome: Outcome::NotStarted, reason, ..verdict };
        Self { operation: Some(operation), key: None, ..Self::of_start(start, verdict, at) }
    }

    /// Whether it says that nothing was started since the kickoff's operation had ended before.
    pub fn is_ended_before(&self) -> bool {
        matches!(self.reason, Some(Reason::EndedBefore { .. }))
    }

    /// A notice of a message that can't be used. `id` is the same for the same data within an hour.
    pub fn of_unusable(id: String, unusable: InvalidMessage, at: DateTime<Utc>) -> Self {
        let watch = Watch { id, interval_s: 60, max_checks: 1, ..Watch::default() };
        let verdict = Verdict::new(Outcome::Notice, None, OperationInfo::default());
        Self { notice: Some(unusable), ..Self::new(watch, verdict, at) }
    }

    /// What the task of a claimed slot publishes when its period is over. It is not posted; to version 0.1, which has no
    /// slots, it is a success that asks to be posted on failure only.
    pub fn of_claim(slot: Slot, at: DateTime<Utc>) -> Self {
        let routing = Routing { notify: Some(Notify::Failure), ..Routing::default() };
        let id = format!("slot-{}-{}", slot.at, slot.number);
        let watch = Watch { id, routing, interval_s: 60, max_checks: 1, ..Watch::default() };
        let verdict = Verdict::new(Outcome::Succeeded, None, OperationInfo::default());
        Self { slot: Some(slot), ..Self::new(watch, verdict, at) }
    }

    /// Whether [`Self::of_claim`] made it.
    pub fn is_claim(&self) -> bool {
        self.slot.is_some() && self.outcome == Outcome::Succeeded && self.operation.is_none()
    }

    /// The slot whose task empties the buffer of digests, if [`Self::of_claim`] made it for one: to an earlier version it is a
    /// slot whose period is over, so that what is in the buffer stays there.
    pub fn drain(&self) -> Option<&Slot> {
        self.slot.as_ref().filter(|slot| self.is_claim() && slot.of == Slot::DIGEST)
    }

    /// Whether [`Self::of_claim`] made it for an operation that is not to be adopted.
    pub fn is_of_excepted(&self) -> bool {
        self.is_claim() && self.slot.as_ref().is_some_and(|slot| slot.of == Slot::EXCEPTED)
    }

    /// The report that Pub/Sub gave up on a message, after about so many deliveries.
    pub fn of_lost(message: Option<&Message>, deliveries: u32, at: DateTime<Utc>) -> Self {
        let facts = match message {
            Some(Message::Check(check)) => check.last.as_ref().map(|seen| seen.facts.clone()),
            _ => None,
        };
        let reason = Some(Reason::GivenUp { deliveries });
        let verdict = Verdict::new(Outcome::Lost, reason, facts.unwrap_or_default());
        match message {
            Some(Message::Check(check)) => Self { attempt: None, ..Self::of_check(check, verdict, at) },
            Some(Message::Start(start)) => Self::of_start(start, verdict, at),
            Some(Message::Test(test)) => Self::new(test.watch.clone(), verdict, at),
            Some(Message::Report(_)) | None => Self::new(Watch::default(), verdict, at),
        }
    }

    /// The report that a test made the whole round.
    pub fn of_test(watch: Watch, at: DateTime<Utc>) -> Self {
        Self::new(watch, Verdict::new(Outcome::Test, None, OperationInfo::default()), at)
    }

    /// The report that `opwatch doctor --post` sends.
    pub fn of_doctor(watch: Watch, at: DateTime<Utc>) -> Self {
        Self::new(watch, Verdict::new(Outcome::Doctor, None, OperationInfo::default()), at)
    }

    /// A report of what `verdict` says, and no more.
    pub fn new(watch: Watch, verdict: Verdict, at: DateTime<Utc>) -> Self {
        let Verdict { outcome, reason, error, facts } = verdict;
        Self {
            watch,
            outcome,
            reason,
            error,
            facts,
            at,
            operation: None,
            attempt: None,
            start: None,
            key: None,
            published_at: None,
            adopted: None,
            origin: None,
            started_by: None,
            live: None,
            outlet: None,
            fallback_reason: None,
            notice: None,
            slot: None,
            tries: 0,
            claim_waits: 0,
            as_plain_text: false,
            no_mention: false,
            unclear: 0,
            digested: false,
            unchanged: None,
            unknown_fields: Map::new(),
        }
    }
}
