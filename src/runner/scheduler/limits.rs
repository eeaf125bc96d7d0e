//! Limits: starts per project and hour, watches per minute, and notices of messages that can't be used per hour.
//!
//! There is no store, so the names of tasks are the count: each kickoff or notice claims one of the limit's numbered slots by creating
//! that slot's task. Below the limit nothing is refused. Above it more may pass: an instance that doesn't know yet which slots
//! are taken lets a kickoff pass after [`MAX_CLAIMS`] calls, so each instance can add a fifth of the limit at most. Whenever
//! Cloud Tasks gives no answer the kickoff passes too.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Scheduler;
use super::slots::Next;
use crate::clock::Deadline;
use crate::decision::Decision;
use crate::google::{CallError, Created};
use crate::hash::short_hash;
use crate::runner::{Action, Step, described};
use crate::services::OperationInfo;
use crate::watch::{Check, Message, Outcome, Reason, Report, Slot, Start, Test, Verdict, Watch};

/// Calls per kickoff to find a free slot.
const MAX_CLAIMS: u32 = 5;
/// The time for these calls in total.
const CLAIM_TIME: Duration = Duration::from_secs(2);
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// What the limit on notices counts.
const NOTICES: &str = "notice";

/// A limit on kickoffs or notices.
pub(in crate::runner) struct Limit {
    setting: &'static str,
    /// What is counted.
    of: String,
    /// Seconds.
    period: i64,
    most: u32,
}

impl Scheduler {
    /// Counts a person's kickoff among those of its minute.
    ///
    /// # Errors
    /// The limit, when it is reached.
    pub(in crate::runner) async fn count_watch(
        &self,
        id: &str,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<(), Limit> {
        let most = self.config.policy.limits.watches_per_minute;
        let limit = Limit { setting: "MAX_WATCHES_PER_MINUTE", of: "watch".to_owned(), period: MINUTE, most };
        if self.has_room(&limit, id, now, deadline).await { Ok(()) } else { Err(limit) }
    }

    /// Counts a watch that begins with a signal among those of its minute.
    ///
    /// # Errors
    /// The limit, when it is reached.
    pub(in crate::runner) async fn count_adoption(
        &self,
        id: &str,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<(), Limit> {
        let most = self.config.policy.limits.adoptions_per_minute;
        let of = "adoption".to_owned();
        let limit = Limit { setting: "MAX_ADOPTIONS_PER_MINUTE", of, period: MINUTE, most };
        if self.has_room(&limit, id, now, deadline).await { Ok(()) } else { Err(limit) }
    }

    /// Counts a start among those of its project and hour, unless an earlier try was counted.
    ///
    /// # Errors
    /// The limit, when it is reached.
    pub(in crate::runner) async fn count_start(
        &self,
        start: &Start,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<(), Limit> {
        if start.counted {
            return Ok(());
        }
        let most = self.config.policy.limits.starts_per_hour;
        let of = format!("start {}", start.request.project());
        let limit = Limit { setting: "MAX_STARTS_PER_HOUR", of, period: HOUR, most };
        // Not by its key, which a publisher chooses, and may give to many.
        if self.has_room(&limit, &start.watch.id, now, deadline).await { Ok(()) } else { Err(limit) }
    }

    /// Counts a notice among those of its hour, once: when it is posted, since its task has one name however often the same data
    /// comes.
    ///
    /// # Errors
    /// The limit, when it is reached.
    pub(in crate::runner) async fn count_notice(
        &self,
        report: &Report,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<(), Limit> {
        let is_first = report.tries == 0 && report.claim_waits == 0 && report.slot.is_none();
        if report.outcome != Outcome::Notice || !is_first {
            return Ok(());
        }
        let limit = self.notice_limit();
        if self.has_room(&limit, &report.watch.id, now, deadline).await { Ok(()) } else { Err(limit) }
    }

    /// The limit on notices, if this instance knows that it is reached: then no task is made for another.
    pub(in crate::runner) fn reached_notice_limit(&self, now: DateTime<Utc>) -> Option<Limit> {
        let limit = self.notice_limit();
        let is_full = limit.most > 0 && self.slots.is_full(&limit.of, beginning(now, HOUR), limit.most);
        is_full.then_some(limit)
    }

    fn notice_limit(&self) -> Limit {
        let most = self.config.policy.limits.notices_per_hour;
        Limit { setting: "MAX_NOTICES_PER_HOUR", of: NOTICES.to_owned(), period: HOUR, most }
    }

    /// Whether `limit` has room for `holder`. Without an answer it has.
    async fn has_room(&self, limit: &Limit, holder: &str, now: DateTime<Utc>, deadline: Deadline) -> bool {
        if limit.most == 0 {
            return true;
        }
        let claiming = self.claim(limit, holder, now, deadline);
        let has_room = match tokio::time::timeout(deadline.for_call().min(CLAIM_TIME), claiming).await {
            Ok(Ok(has_room)) => has_room,
            Ok(Err(error)) => {
                tracing::warn!(setting = limit.setting, "not counted, so not limited: {error}");
                true
            }
            Err(_) => {
                tracing::warn!(
                    setting = limit.setting,
                    "not counted, so not limited: Cloud Tasks did not respond in time"
                );
                true
            }
        };
        if has_room {
            self.slots.hold(&limit.of, beginning(now, limit.period), holder);
        }
        has_room
    }

    /// Claims a slot. The task waits until the period is over, since its name is certain to be taken only until it has run
    /// (<https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create>).
    async fn claim(
        &self,
        limit: &Limit,
        holder: &str,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<bool, CallError> {
        let at = beginning(now, limit.period);
        let end = DateTime::from_timestamp(at + limit.period, 0);
        for _ in 0..MAX_CLAIMS {
            let number = match self.slots.next(&limit.of, at, limit.most, holder) {
                Next::Held => return Ok(true),
                Next::Full => return Ok(false),
                Next::Try(number) => number,
            };
            let claim = Report::of_claim(Slot { of: limit.of.clone(), at, number }, now);
            match self.schedule(&Message::Report(Box::new(claim)), end, deadline).await? {
                Created::New | Created::MaybeNew => return Ok(true),
                Created::AlreadyExists => {}
            }
        }
        Ok(true)
    }
}

impl Limit {
    /// The step of a start that this limit refuses.
    pub(in crate::runner) fn refuse_start(&self, start: &Start, now: DateTime<Utc>) -> Step {
        let (next, error) = self.refused_start(start, now);
        Step::to(next, Action::NotStarted, now).with_error(Some(error))
    }

    /// The step of a kickoff that names an operation and that this limit refuses.
    pub(in crate::runner) fn refuse_watch(&self, check: &Check, now: DateTime<Utc>) -> Step {
        let (next, error) =
            self.refused(Report::of_check(check, self.verdict(Outcome::CannotTell), now), now);
        Step::to(next, Action::NotStarted, now).with_error(Some(error))
    }

    /// The step of a test that this limit refuses.
    pub(in crate::runner) fn refuse_test(&self, test: Test, now: DateTime<Utc>) -> Step {
        let report = Report::new(test.watch, self.verdict(Outcome::NotStarted), now);
        let (next, error) = self.refused(report, now);
        Step::to(next, Action::NotStarted, now).with_error(Some(error))
    }

    /// The step of a notice that this limit refuses.
    pub(in crate::runner) fn refuse_notice(&self, report: Report, now: DateTime<Utc>) -> Step {
        let reason = Reason::Limit { setting: self.setting.to_owned(), most: self.most };
        let problem = report.notice.as_ref().map(|unusable| described(&unusable.problem)).unwrap_or_default();
        let (next, limit) = self.refused(Report { reason: Some(reason), ..report }, now);
        Step::to(next, Action::NotNoticed, now).with_error(Some(format!("{problem} ({limit})")))
    }

    /// What follows a start that this limit refuses, and the error for the log.
    pub(in crate::runner) fn refused_start(&self, start: &Start, now: DateTime<Utc>) -> (Decision, String) {
        let outcome = if start.ambiguous { Outcome::CannotTell } else { Outcome::NotStarted };
        self.refused(Report::of_start(start, self.verdict(outcome), now), now)
    }

    fn verdict(&self, outcome: Outcome) -> Verdict {
        let reason = Reason::Limit { setting: self.setting.to_owned(), most: self.most };
        Verdict::new(outcome, Some(reason), OperationInfo::default())
    }

    /// All reports of one hour and limit have the same task, so only the first is posted. The log has a line for each. It has an ID of
    /// its own: the same watch may have been reported before, or refused in another hour, and then neither the ledger nor the name
    /// of another try may take it for that report.
    fn refused(&self, report: Report, now: DateTime<Utc>) -> (Decision, String) {
        let slot = Slot { of: format!("limit {}", self.of), at: beginning(now, HOUR), number: 0 };
        let id = short_hash(&["limit", &self.of, &slot.at.to_string(), &report.watch.id]);
        let watch = Watch { id, ..report.watch };
        let report = Report { watch, slot: Some(slot), ..report };
        (Decision::Report(Box::new(report)), format!("the limit {}={} is reached", self.setting, self.most))
    }
}

/// The beginning of the period that `now` is in, in seconds since 1970.
pub(in crate::runner) fn beginning(now: DateTime<Utc>, period: i64) -> i64 {
    now.timestamp().div_euclid(period) * period
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::google::{report_id, task_id};
    use crate::testing::at;
    use crate::watch::{InvalidMessage, Problem, ProblemKind};

    /// A notice may have been told, or refused in an earlier hour, when a copy of it is the first one that the limit refuses.
    #[test]
    fn the_message_of_a_limit_is_another_report_than_that_of_what_it_refuses_and_of_another_hour() {
        let problem = Problem::new("nmae", ProblemKind::Other);
        let unusable = InvalidMessage { problem, excerpt: String::new(), message_id: "7".to_owned() };
        let notice = Report::of_unusable("id".to_owned(), unusable, at(0));
        let limit = Limit { setting: "MAX_NOTICES_PER_HOUR", of: NOTICES.to_owned(), period: HOUR, most: 1 };
        let refused = |seconds| match limit.refuse_notice(notice.clone(), at(seconds)).next {
            Some(Decision::Report(report)) => *report,
            _ => panic!("it is reported"),
        };
        assert_eq!(refused(0), refused(HOUR - 1));
        let reports = [notice.clone(), refused(0), refused(HOUR)];
        let ids: BTreeSet<_> = reports.iter().map(|report| report_id("t", report)).collect();
        assert_eq!(ids.len(), 3);
        let retries = reports.map(|report| Message::Report(Box::new(Report { tries: 1, ..report })));
        let names: BTreeSet<_> = retries.iter().map(|retry| task_id("t", retry)).collect();
        assert_eq!(names.len(), 3, "the name of another try");
    }
}
