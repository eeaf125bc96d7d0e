//! What the ledger adds to a delivery. It never stops one: with the ledger down, all goes on as without.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, Deadline};
use crate::config::Config;
use crate::decision::{Decision, WAITS};
use crate::google::{CallError, Google, report_id};
use crate::hash::random_id;
use crate::ledger::{ClaimOf, Comparison, LeaseState, Ledger, RunBaseline, Snapshot, Success, work, work_of};
use crate::services::OperationInfo;
use crate::watch::{Check, Kind, Reason, Report};

/// How often a failing ledger is warned of at most.
const SILENCE: TimeDelta = TimeDelta::minutes(1);
/// How long a report waits, once, when the ledger gives no answer.
const UNKNOWN: TimeDelta = TimeDelta::seconds(10);
/// How often it is tried to write that a report was sent.
const TRIES: usize = 2;

/// Records what was seen and which reports were sent.
pub(super) struct Recorder {
    config: Arc<Config>,
    google: Arc<Google>,
    clock: Arc<dyn Clock>,
    /// When a failing ledger was last warned of.
    warned: Mutex<Option<DateTime<Utc>>>,
}

/// What to record of a step.
pub(super) enum Record {
    Nothing,
    /// What a look showed.
    Snapshot(Box<Snapshot>),
    /// That a report was not posted, so that its next try need not wait.
    Release(Lease),
}

/// Whether this delivery may post its report, as far as the ledger knows.
pub(super) enum ClaimOutcome {
    /// It may: the ledger is off.
    Free,
    /// It may.
    Granted(Lease),
    /// The report was sent.
    Sent,
    /// Another delivery is posting it, or may be: this one comes back.
    Wait(TimeDelta),
}

/// The lease under which this delivery posts.
pub(super) struct Lease {
    report: String,
    owner: String,
    /// Whether the ledger said so. Without its answer the report is posted nevertheless, and marked as sent if that can be
    /// done by then; but the lease may be another delivery's, so it is not released.
    certain: bool,
}

/// What the ledger says of a report that this delivery may post.
pub(super) struct Claimed {
    /// The lease under which it posts; none without a ledger.
    pub(super) lease: Option<Lease>,
    /// What is known of the run before.
    pub(super) past: PriorRun,
}

/// What the ledger knows of the runs before this one.
#[derive(Default)]
pub(super) struct PriorRun {
    /// The run that is reported, if it can be compared and the ledger answered what it knows.
    run: Option<Success>,
    known: Option<RunBaseline>,
}

/// Why the ledger did not do something.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("no response in time")]
    Late,
}

impl Trouble {
    /// Whether it may have been done nevertheless.
    fn is_unknown(&self) -> bool {
        match self {
            Self::Call(error) => error.is_unknown(),
            Self::Late => true,
        }
    }
}

impl PriorRun {
    /// How the run compares with the one before.
    pub(super) fn comparison(&self) -> Option<Comparison> {
        let run = self.run.as_ref()?;
        Some(Comparison::of(run, self.known.as_ref()?.before(run)?))
    }
}

impl Recorder {
    pub(super) fn new(config: Arc<Config>, google: Arc<Google>, clock: Arc<dyn Clock>) -> Self {
        Self { config, google, clock, warned: Mutex::default() }
    }

    /// What to record of a step with this `next` one, after a look that `failed` or did not.
    pub(super) fn record_of(&self, next: Option<&Decision>, failed: bool, release: Option<Lease>) -> Record {
        if self.config.ledger.is_none() {
            return Record::Nothing;
        }
        let snapshot = next.and_then(|next| snapshot(next, failed));
        snapshot
            .map(Box::new)
            .map(Record::Snapshot)
            .or(release.map(Record::Release))
            .unwrap_or(Record::Nothing)
    }

    /// Records it.
    pub(super) async fn record(&self, record: Record, deadline: Deadline) {
        let Some(ledger) = &self.config.ledger else { return };
        match record {
            Record::Nothing => {}
            Record::Snapshot(snapshot) => {
                let limit = deadline.for_ledger();
                let kept = within(limit, Box::pin(ledger.keep(&self.google, &snapshot, limit))).await;
                self.or_warn("the snapshot is not stored", kept);
            }
            Record::Release(lease) => Box::pin(self.release(ledger, &lease, deadline)).await,
        }
    }

    /// Asks whether `report` may be posted, and what the run before was.
    pub(super) async fn ask(&self, report: &Report, deadline: Deadline) -> (ClaimOutcome, PriorRun) {
        let Some(ledger) = &self.config.ledger else { return (ClaimOutcome::Free, PriorRun::default()) };
        tokio::join!(self.permission(ledger, report, deadline), self.past(ledger, report, deadline))
    }

    async fn permission(&self, ledger: &Ledger, report: &Report, deadline: Deadline) -> ClaimOutcome {
        let owner = match random_id() {
            Ok(owner) => owner,
            Err(error) => {
                self.warn("a report is posted without a lease", &error);
                return ClaimOutcome::Free;
            }
        };
        let lease = Lease { report: report_id(&self.config.topic, report), owner, certain: false };
        let limit = deadline.for_ledger();
        let claim = ledger.claim(&self.google, lease.claim(), self.clock.now(), limit);
        let claim = within(limit, Box::pin(claim)).await;
        let unknown = claim.as_ref().is_err_and(Trouble::is_unknown);
        match self.or_warn("a report is posted without a lease", claim) {
            // It may have been taken. Copies that find this out together come back as one.
            None if unknown && report.claim_waits == 0 => ClaimOutcome::Wait(UNKNOWN),
            Some(LeaseState::Mine) => ClaimOutcome::Granted(Lease { certain: true, ..lease }),
            Some(LeaseState::Sent) => ClaimOutcome::Sent,
            Some(LeaseState::Held(left)) if report.claim_waits < WAITS => {
                ClaimOutcome::Wait(TimeDelta::from_std(left).unwrap_or_default())
            }
            Some(LeaseState::Held(_) | LeaseState::Lapsed) | None => ClaimOutcome::Granted(lease),
        }
    }

    async fn past(&self, ledger: &Ledger, report: &Report, deadline: Deadline) -> PriorRun {
        let run = Success::of(report);
        let (Some(_), Some(work)) = (&run, work_of(report)) else { return PriorRun::default() };
        let key = ledger.success_key(&work.each_ref().map(String::as_str));
        let limit = deadline.for_ledger();
        let known = within(limit, ledger.remembered(&self.google, &key, limit)).await;
        let known = self.or_warn("a run is not compared with the previous one", known);
        known.map(|known| PriorRun { run, known }).unwrap_or_default()
    }

    /// How long the last run of the work took that `check` looks at, in seconds, as `facts` show it running; 0 if that is not
    /// known. None for a watch that makes no use of it.
    pub(super) async fn usual_s(
        &self,
        check: &Check,
        facts: &OperationInfo,
        deadline: Deadline,
    ) -> Option<u32> {
        let ledger = self.config.ledger.as_ref().filter(|_| check.watch.until_s.is_some())?;
        if check.usual_s.is_some() {
            return check.usual_s;
        }
        let Some(work) = work(&check.operation, check.watch.title.as_ref(), facts) else { return Some(0) };
        let (key, limit) = (ledger.success_key(&work.each_ref().map(String::as_str)), deadline.for_ledger());
        let known = within(limit, ledger.remembered(&self.google, &key, limit)).await;
        let last = self.or_warn("the last run is not known", known).flatten().map(|known| known.last);
        Some(last.map_or(0, |last| u32::try_from((last.end - last.start).num_seconds()).unwrap_or(0)))
    }

    /// Records that `report` was sent. Nothing else is left to do, so a ledger that worked is tried twice.
    pub(super) async fn sent(&self, report: &Report, Claimed { lease, past }: &Claimed, deadline: Deadline) {
        let (Some(ledger), Some(lease)) = (&self.config.ledger, lease) else { return };
        let news =
            past.run.as_ref().and_then(|run| RunBaseline::after(past.known.as_ref(), run, ledger.keep));
        let key = work_of(report).map(|work| ledger.success_key(&work.each_ref().map(String::as_str)));
        let news = key.zip(news);
        for _ in 0..if lease.certain { TRIES } else { 1 } {
            let (now, limit) = (self.clock.now(), deadline.for_ledger());
            let marked = ledger.mark_sent(&self.google, lease.claim(), news.clone(), now, limit).await;
            if self.or_warn("a report that was posted is not marked as sent", marked).is_some() {
                return;
            }
        }
    }

    /// Releases a lease: the report was not posted.
    async fn release(&self, ledger: &Ledger, lease: &Lease, deadline: Deadline) {
        if lease.certain {
            let released = ledger.release(&self.google, &lease.report, deadline.for_ledger()).await;
            self.or_warn("the lease on a report is kept until it expires", released);
        }
    }

    /// The result, or a warning.
    fn or_warn<T>(&self, what: &str, result: Result<T, impl Display>) -> Option<T> {
        result.inspect_err(|error| self.warn(what, &error.to_string())).ok()
    }

    /// One warning a minute: a watch has many deliveries, and one ledger.
    fn warn(&self, what: &str, why: &str) {
        let now = self.clock.now();
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|last| (now - last).abs() >= SILENCE) {
            *warned = Some(now);
            tracing::warn!("ledger error: {what}: {why}");
        }
    }
}

impl Lease {
    fn claim(&self) -> ClaimOf<'_> {
        ClaimOf { report: &self.report, owner: &self.owner }
    }
}

/// The result of several calls that may take so long in total.
async fn within<T>(limit: Duration, calls: impl Future<Output = Result<T, CallError>>) -> Result<T, Trouble> {
    tokio::time::timeout(limit, calls).await.map_err(|_| Trouble::Late)?.map_err(Trouble::Call)
}

/// What to keep of the look that led to `next`, if it did not fail and showed something.
fn snapshot(next: &Decision, failed: bool) -> Option<Snapshot> {
    match next {
        Decision::Check(check, _) if !failed => {
            let seen = check.last.as_ref()?;
            Some(Snapshot {
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
        Decision::Report(report) => Some(Snapshot {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Operation, Service};
    use crate::testing::at;
    use crate::watch::{Outcome, Seen, Verdict, Watch};

    fn check() -> Check {
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        let last = Some(Seen { at: at(5), facts: OperationInfo::default() });
        Check { last, attempt: 3, ..Check::new(Watch::default(), operation, at(0)) }
    }

    #[test]
    fn of_a_running_operation_what_the_look_showed_is_kept() {
        let next = |check: Check| Decision::Check(Box::new(check), at(60));
        let kept = snapshot(&next(check()), false).unwrap();
        assert_eq!((kept.at, kept.attempts, kept.outcome, kept.done), (at(5), 3, None, false));
        assert!(snapshot(&next(check()), true).is_none(), "the look failed");
        assert!(snapshot(&next(Check { last: None, ..check() }), false).is_none(), "nothing was seen");
    }

    #[test]
    fn of_a_report_it_is_kept_whether_the_operation_is_done() {
        for (outcome, reason, done) in [
            (Outcome::Succeeded, None, true),
            (Outcome::Failed, None, true),
            (Outcome::LimitReached, None, false),
            (Outcome::CannotTell, Some(Reason::Gone), false),
            (Outcome::CannotTell, Some(Reason::UnknownState), true),
        ] {
            let verdict = Verdict::new(outcome, reason.clone(), OperationInfo::default());
            let report = Report::of_check(&check(), verdict, at(9));
            let kept = snapshot(&Decision::Report(Box::new(report)), false).unwrap();
            assert_eq!(
                (kept.done, kept.attempts, kept.outcome),
                (done, 4, Some(outcome)),
                "{outcome:?} {reason:?}"
            );
        }
        let reason = Some(Reason::EndedBefore { outcome: Outcome::Succeeded });
        let verdict = Verdict::new(Outcome::NotStarted, reason, OperationInfo::default());
        let report = Report::of_check(&check(), verdict, at(9));
        assert!(snapshot(&Decision::Report(Box::new(report)), false).is_none(), "an earlier kickoff's");
    }
}
