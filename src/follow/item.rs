//! One operation that is followed, and what one look at it comes to. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::clocks::Moment;
use super::schedule::{Schedule, TO_MAKE_SURE};
use crate::decision::{Decision, Pace, decide, spread};
use crate::google::Look;
use crate::services::{ApiError, Observation, Operation, OperationInfo};
use crate::watch::{Check, Outcome, Reason, Report, Verdict, Watch};

/// An operation of which nothing could be read for so long is given up.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// So many refusals of the token in a row are the end: each look tries another token, where there can be one.
const REFUSALS: u32 = 3;
/// The HTTP status of a refused token.
const UNAUTHENTICATED: i64 = 401;
/// Points of a rate are at least so far apart: services count in steps.
const POINTS_APART: Duration = Duration::from_secs(10);

/// When the next look is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// When the machine has been awake for so long.
    At(Duration),
    /// It is under way.
    UnderWay,
    /// There is none to come.
    Never,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It runs, and shows something new.
    Changed,
    /// It runs, and shows nothing new.
    Unchanged,
    /// It can't be read at the moment.
    Failing,
    /// It has ended, or is given up.
    Ended,
}

/// An operation that is followed.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// What is known of it.
    pub(super) check: Check,
    /// How it ended.
    pub(super) end: Option<Report>,
    /// Why the last look failed.
    pub(super) failure: Option<ApiError>,
    /// When following it began.
    pub(super) since: DateTime<Utc>,
    pub(super) due: Due,
    /// No look before this, as its API asked.
    asked: Duration,
    looks: u32,
    /// How many looks in a row failed, and how many of them for want of a valid token.
    failures: u32,
    refusals: u32,
    /// The last look that could read it.
    read: Duration,
    /// The last point of its rate.
    point: Option<Duration>,
}

impl Item {
    /// An operation that is looked at at once.
    pub(super) fn new(watch: Watch, operation: Operation, now: DateTime<Utc>) -> Self {
        Self {
            check: Check::new(Watch { interval_s: 1, max_checks: u32::MAX, ..watch }, operation, now),
            end: None,
            failure: None,
            since: now,
            due: Due::At(Duration::ZERO),
            asked: Duration::ZERO,
            looks: 0,
            failures: 0,
            refusals: 0,
            read: Duration::ZERO,
            point: None,
        }
    }

    pub(super) fn operation(&self) -> &Operation {
        &self.check.operation
    }

    /// What was last seen of it.
    pub(super) fn facts(&self) -> Option<&OperationInfo> {
        self.check.last.as_ref().map(|seen| &seen.facts)
    }

    /// Takes in what a look showed.
    pub(super) fn seen(&mut self, look: Look, moment: Moment, schedule: Schedule) -> Event {
        let now = look.date.unwrap_or(moment.wall);
        let attempt = self.looks;
        self.looks = self.looks.saturating_add(1);
        let (error, to_make_sure) = match &look.observation {
            Observation::Running(_) | Observation::Ended(..) => (None, false),
            Observation::Unreadable(error) => (Some(error.clone()), true),
            Observation::Unavailable(error) => (Some(error.clone()), false),
        };
        let was_failing = self.failure.is_some();
        self.count(error.as_ref(), moment);
        if let Some(error) = error.as_ref().filter(|_| self.is_hopeless(look.lacks_token, moment)) {
            let facts = self.facts().cloned().unwrap_or_default();
            let verdict = Verdict::new(Outcome::CannotTell, Some(Reason::Unavailable), facts);
            return self.ends(Report::of_check(&self.check, verdict.with(error.clone()), now), attempt);
        }
        self.failure = error;
        let mut has_changed = was_failing;
        match decide(&self.check, look.observation, now, Pace::default()) {
            Decision::Report(report) => return self.ends(*report, attempt),
            Decision::Check(next, _) => has_changed |= self.goes_on(*next, attempt, moment),
            // No look at an operation comes to these.
            Decision::Start(..) | Decision::ReportAgain(..) | Decision::Test(_) => {}
        }
        let gap = if to_make_sure { TO_MAKE_SURE } else { self.gap(now, schedule) };
        // Many that were asked to wait must not all come back at the same moment.
        let wait = spread(look.wait, &["wait", self.operation().name(), &attempt.to_string()]);
        self.asked = moment.awake + wait;
        self.due = Due::At(moment.awake + gap.max(wait));
        match (&self.failure, has_changed) {
            (Some(_), _) => Event::Failing,
            (None, true) => Event::Changed,
            (None, false) => Event::Unchanged,
        }
    }

    fn ends(&mut self, report: Report, attempt: u32) -> Event {
        self.end = Some(Report { attempt: Some(attempt), ..report });
        self.due = Due::Never;
        Event::Ended
    }

    /// Keeps what `next` knows, and says whether that is news.
    fn goes_on(&mut self, next: Check, attempt: u32, moment: Moment) -> bool {
        let is_news =
            self.check.last.as_ref().map(|seen| &seen.facts) != next.last.as_ref().map(|seen| &seen.facts);
        let is_point = self.point.is_none_or(|point| moment.since(point) >= POINTS_APART);
        let track = if is_point { next.track.clone() } else { self.check.track.clone() };
        if is_point && track != self.check.track {
            self.point = Some(moment.awake);
        }
        self.check = Check { attempt, track, ..next };
        is_news
    }

    fn gap(&self, now: DateTime<Utc>, schedule: Schedule) -> Duration {
        if self.failures > 0 {
            return schedule.after_failures(self.failures);
        }
        let facts = self.facts();
        let age = now - facts.and_then(|facts| facts.start).unwrap_or(self.since);
        let eta = facts.and_then(|facts| self.check.track.eta(facts));
        let left = eta.map(|eta| (eta - now).to_std().unwrap_or_default());
        schedule.gap(age.to_std().unwrap_or_default(), left)
    }

    /// The machine slept: what was due in the meantime is due now, but for what an API asked for.
    pub(super) fn slept(&mut self, jump: Duration, moment: Moment) {
        if let Due::At(at) = self.due {
            self.asked = self.asked.saturating_sub(jump);
            self.due = Due::At(at.min(moment.awake.max(self.asked)));
        }
    }

    fn count(&mut self, error: Option<&ApiError>, moment: Moment) {
        self.failures = if error.is_some() { self.failures.saturating_add(1) } else { 0 };
        let is_refusal = error.is_some_and(|error| error.code == UNAUTHENTICATED);
        self.refusals = if is_refusal { self.refusals.saturating_add(1) } else { 0 };
        if error.is_none() {
            self.read = moment.awake;
            self.failure = None;
        }
    }

    /// Whether no further look will help.
    fn is_hopeless(&self, lacks_token: bool, moment: Moment) -> bool {
        let never_read = self.looks == self.failures;
        (lacks_token && never_read) || self.refusals >= REFUSALS || moment.since(self.read) >= PATIENCE
    }
}
