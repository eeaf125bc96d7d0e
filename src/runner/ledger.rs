//! What the ledger adds to a delivery. It never stops one: with the ledger down, all goes on as without.

use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Runner, Step};
use crate::clock::Deadline;
use crate::decision::{Decision, WAITS};
use crate::google::{CallError, report_id};
use crate::hash::random_id;
use crate::ledger::{ClaimOf, Comparison, Ledger, Remembered, Sighting, Standing, Success, work_of};
use crate::watch::{Kind, Reason, Report};

/// How often a failing ledger is told of at most.
const SILENCE: TimeDelta = TimeDelta::minutes(1);
/// How long a report waits, once, when the ledger gives no answer.
const UNKNOWN: TimeDelta = TimeDelta::seconds(10);
/// How often it is tried to write that Slack has a report.
const TRIES: usize = 2;

/// Whether this delivery may post its report, as far as the ledger knows.
pub(super) enum Permission {
    /// It may: the ledger is off.
    Free,
    /// It may.
    Granted(Held),
    /// Slack has the report.
    Sent,
    /// Another delivery is at it, or may be: this one comes back.
    Wait(TimeDelta),
}

/// The claim that this delivery posts under.
pub(super) struct Held {
    report: String,
    owner: String,
    /// Whether the ledger said so. Without its answer the report is posted all the same, and marked as sent if that can be
    /// done by then; but the claim may be somebody else's, so it is not released.
    certain: bool,
}

impl Held {
    fn claim(&self) -> ClaimOf<'_> {
        ClaimOf { report: &self.report, owner: &self.owner }
    }
}

/// What the ledger knows of the runs before this one.
#[derive(Default)]
pub(super) struct Past {
    /// The run that is reported, if it can be compared.
    run: Option<Success>,
    known: Option<Remembered>,
    /// Whether the ledger was asked and answered.
    asked: bool,
}

impl Past {
    /// How the run compares with the one before.
    pub(super) fn comparison(&self) -> Option<Comparison> {
        let run = self.run.as_ref()?;
        Some(Comparison::of(run, self.known.as_ref()?.before(run)?))
    }
}

impl Runner {
    /// Keeps what the look that led to `sighting` showed.
    pub(super) async fn keep(&self, sighting: Option<Sighting>, deadline: Deadline) {
        let (Some(ledger), Some(sighting)) = (&self.config.ledger, sighting) else { return };
        let limit = deadline.for_ledger();
        let kept = tokio::time::timeout(limit, Box::pin(ledger.keep(&self.google, &sighting, limit))).await;
        self.complain("the snapshot is not stored", kept);
    }

    /// What to keep of a look, if the ledger is on and something was seen.
    pub(super) fn sighting(&self, step: &Step) -> Option<Sighting> {
        self.config.ledger.as_ref()?;
        match &step.decision {
            Decision::Check(check, _) if step.error.is_none() => {
                let seen = check.last.as_ref()?;
                Some(Sighting {
                    operation: check.operation.clone(),
                    watch: check.watch.clone(),
                    facts: seen.facts.clone(),
                    error: None,
                    outcome: None,
                    done: false,
                    at: seen.at,
                    attempts: check.attempt,
                })
            }
            // That an earlier operation is of no use now says nothing of how it ended.
            Decision::Report(report) if report.is_ended_before() => None,
            Decision::Report(report) => Some(Sighting {
                operation: report.operation.clone()?,
                watch: report.watch.clone(),
                facts: report.facts.clone(),
                error: report.error.clone(),
                outcome: Some(report.outcome),
                done: report.outcome.kind() == Kind::Ended || report.reason == Some(Reason::UnknownState),
                at: report.at,
                attempts: report.attempt.map_or(0, |attempt| attempt.saturating_add(1)),
            }),
            Decision::Check(..) | Decision::Start(..) | Decision::ReportAgain(..) | Decision::Test(_) => None,
        }
    }

    /// Asks whether `report` may be posted, and what the run before was.
    pub(super) async fn ask(&self, report: &Report, deadline: Deadline) -> (Permission, Past) {
        let Some(ledger) = &self.config.ledger else { return (Permission::Free, Past::default()) };
        tokio::join!(self.permission(ledger, report, deadline), self.past(ledger, report, deadline))
    }

    async fn permission(&self, ledger: &Ledger, report: &Report, deadline: Deadline) -> Permission {
        let owner = match random_id() {
            Ok(owner) => owner,
            Err(error) => {
                self.warn("a report is posted without a lease", &error);
                return Permission::Free;
            }
        };
        let held = Held { report: report_id(&self.config.topic, report), owner, certain: false };
        let (now, limit) = (self.clock.now(), deadline.for_ledger());
        let claim = ledger.claim(&self.google, held.claim(), now, limit);
        let claim = tokio::time::timeout(limit, Box::pin(claim)).await;
        let unknown = match &claim {
            Ok(Err(error)) => error.is_unknown(),
            Ok(Ok(_)) => false,
            Err(_) => true,
        };
        match self.complain("a report is posted without a lease", claim) {
            // It may have been taken. Copies that find this out together come back as one.
            None if unknown && report.waits == 0 => Permission::Wait(UNKNOWN),
            Some(Standing::Mine) => Permission::Granted(Held { certain: true, ..held }),
            Some(Standing::Sent) => Permission::Sent,
            Some(Standing::Held(left)) if report.waits < WAITS => {
                Permission::Wait(TimeDelta::from_std(left).unwrap_or_default())
            }
            Some(Standing::Held(_) | Standing::Lapsed) | None => Permission::Granted(held),
        }
    }

    async fn past(&self, ledger: &Ledger, report: &Report, deadline: Deadline) -> Past {
        let run = Success::of(report);
        let (Some(_), Some(work)) = (&run, work_of(report)) else { return Past::default() };
        let key = ledger.success_key(&work.each_ref().map(String::as_str));
        let limit = deadline.for_ledger();
        let found = tokio::time::timeout(limit, ledger.remembered(&self.google, &key, limit)).await;
        match self.complain("a run is not compared with the previous one", found) {
            Some(known) => Past { run, known, asked: true },
            None => Past { run, ..Past::default() },
        }
    }

    /// Writes down that Slack has `report`. Nothing else is left to do, so a ledger that worked is tried twice.
    pub(super) async fn sent(&self, report: &Report, held: Option<&Held>, past: &Past, deadline: Deadline) {
        let (Some(ledger), Some(held)) = (&self.config.ledger, held) else { return };
        let run = past.run.as_ref().filter(|_| past.asked);
        let news = run.and_then(|run| Remembered::after(past.known.as_ref(), run, ledger.keep));
        let key = work_of(report).map(|work| ledger.success_key(&work.each_ref().map(String::as_str)));
        let news = key.zip(news);
        for _ in 0..if held.certain { TRIES } else { 1 } {
            let (now, limit) = (self.clock.now(), deadline.for_ledger());
            let marked = ledger.mark_sent(&self.google, held.claim(), news.clone(), now, limit).await;
            if self.complain("a report that was posted is not marked as sent", Ok(marked)).is_some() {
                return;
            }
        }
    }

    /// Lets the claim go: Slack did not take the report.
    pub(super) async fn release(&self, held: Option<&Held>, deadline: Deadline) {
        let held = held.filter(|held| held.certain);
        let (Some(ledger), Some(held)) = (&self.config.ledger, held) else { return };
        let released = ledger.release(&self.google, &held.report, deadline.for_ledger()).await;
        self.complain("the lease on a report is kept until it expires", Ok(released));
    }

    /// The result, or a warning.
    fn complain<T>(
        &self,
        what: &str,
        result: Result<Result<T, CallError>, tokio::time::error::Elapsed>,
    ) -> Option<T> {
        match result {
            Ok(Ok(result)) => return Some(result),
            Ok(Err(error)) => self.warn(what, &error.to_string()),
            Err(_) => self.warn(what, "no response in time"),
        }
        None
    }

    /// One warning a minute: a watch has many deliveries, and one ledger.
    fn warn(&self, what: &str, why: &str) {
        let now = self.clock.now();
        let mut warned = self.warned_of_ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|last| (now - last).abs() >= SILENCE) {
            *warned = Some(now);
            tracing::warn!("ledger error: {what}: {why}");
        }
    }
}

/// The same report after a wait: `left` is what the claim of the other delivery has at most.
pub(super) fn wait(report: Report, left: TimeDelta, now: DateTime<Utc>) -> Decision {
    let waits = report.waits.saturating_add(1);
    Decision::ReportAgain(Box::new(Report { waits, ..report }), now + left)
}
