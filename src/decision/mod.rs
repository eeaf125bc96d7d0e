//! What follows from one look at an operation. Pure: no I/O, no clock, no logging.

mod adoption;
pub mod digest;
mod grid;
mod ladder;
mod pace;
mod retry;
mod schedule;
mod sentinel;
mod signal;
mod start;

pub use adoption::{Claim, Known, Query};
pub use grid::Grid;
pub use ladder::{Fallback, Ladder};
pub use pace::{Pace, Point};
pub use retry::{
    STALL_TRIES, START_WINDOW, UNCLEAR_RETRIES, WAITS, report_delay, spread, start_delay, unclear_delay,
};
pub use schedule::Schedule;
pub use sentinel::{chain_checks, sentinel};
pub use signal::{decide_signal, signalled};
pub use start::{
    LookUpFailure, after_failed_look_up, after_refusal, begin, come_back, give_up, labelled_body, refused,
    try_again, within_start_window,
};

use chrono::{DateTime, Utc};

use crate::services::{ApiError, Ending, Observation, OperationInfo};
use crate::watch::{Check, Message, Outcome, Purpose, Reason, Report, Seen, Start, Test, Verdict};

/// The one next step of a delivery: a message to publish, and when.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Check again.
    Check(Box<Check>, DateTime<Utc>),
    /// Try to start again.
    Start(Box<Start>, DateTime<Utc>),
    /// Tell people, now.
    Report(Box<Report>),
    /// Tell people later, since Slack did not take it.
    ReportAgain(Box<Report>, DateTime<Utc>),
    /// Send a test on its way.
    Test(Test),
}

impl Decision {
    /// The message to publish and when it is due; none is now.
    pub fn into_message(self) -> (Message, Option<DateTime<Utc>>) {
        match self {
            Self::Check(check, at) => (Message::Check(check), Some(at)),
            Self::Start(start, at) => (Message::Start(start), Some(at)),
            Self::Report(report) => (Message::Report(report), None),
            Self::ReportAgain(report, at) => (Message::Report(report), Some(at)),
            Self::Test(test) => (Message::Test(test), None),
        }
    }
}

/// Decides what follows from `observation`, made for `check` at `now`; `pace` says how soon a next check is wanted.
///
/// `done` wins over the limit. An operation that can't be read is given up when two checks in a row say so, or
/// the last one does.
pub fn decide(check: &Check, observation: Observation, now: DateTime<Utc>, pace: Pace) -> Decision {
    let check = &*sentinel::joining(check, now);
    // Many that were asked to wait must not all come back at the same moment.
    let wait = spread(pace.wait, &["check", &check.watch.id, &check.attempt.to_string()]);
    let pace = Pace { wait, ..pace };
    let over = check.schedule().is_over(check.attempt, now);
    let verdict = match observation {
        Observation::Ended(ending, facts) => ended(ending, facts),
        Observation::Running(facts) if over => Verdict::new(Outcome::LimitReached, None, facts),
        Observation::Unreadable(error) if over || check.unreadable => cannot_read(check, error),
        Observation::Unavailable(error) if over => {
            Verdict::new(Outcome::CannotTell, Some(Reason::Unavailable), last_facts(check)).with(error)
        }
        Observation::Running(facts) => {
            let pace = pace.of(check, Some(&facts), now);
            let track = check.track.after(now, &facts);
            let last = Some(Seen { at: now, facts });
            return next(Check { track, last, unreadable: false, ..check.clone() }, now, pace);
        }
        Observation::Unreadable(_) => {
            let pace = pace.of(check, None, now);
            return next(Check { unreadable: true, ..check.clone() }, now, pace);
        }
        Observation::Unavailable(_) => {
            let pace = pace.of(check, None, now);
            return next(Check { unreadable: false, ..check.clone() }, now, pace);
        }
    };
    Decision::Report(Box::new(Report::of_check(check, verdict, now)))
}

fn next(check: Check, now: DateTime<Utc>, pace: Pace) -> Decision {
    let point = check.schedule().next(Some(check.attempt), now, pace);
    let check = Check { attempt: point.attempt, purpose: Purpose::Next, ..check };
    Decision::Check(Box::new(check), point.at)
}

fn ended(ending: Ending, facts: OperationInfo) -> Verdict {
    match ending {
        Ending::Succeeded => Verdict::new(Outcome::Succeeded, None, facts),
        Ending::Failed => Verdict::new(Outcome::Failed, None, facts),
        Ending::Cancelled => Verdict::new(Outcome::Cancelled, None, facts),
        Ending::Unknown => Verdict::new(Outcome::CannotTell, Some(Reason::UnknownState), facts),
    }
}

fn cannot_read(check: &Check, error: ApiError) -> Verdict {
    let facts = last_facts(check);
    // Those of some services go with what they delete: https://github.com/hashicorp/terraform-provider-google/issues/13887
    if error.code == 404 && facts.is_deletion() {
        return Verdict::new(Outcome::Succeeded, Some(Reason::Deleted), facts);
    }
    let is_known = check.last.is_some() || check.origin.is_some() || check.adopted.is_some();
    let reason = match error.code {
        403 => Reason::Denied,
        404 if is_known => Reason::Gone,
        404 => Reason::NotFound,
        _ => Reason::Refused,
    };
    Verdict::new(Outcome::CannotTell, Some(reason), facts).with(error)
}

fn last_facts(check: &Check) -> OperationInfo {
    check.last.as_ref().map(|seen| seen.facts.clone()).unwrap_or_default()
}

/// The verdict on a watch that a setting no longer allows.
pub fn no_longer_allowed(check: &Check, setting: &str) -> Verdict {
    Verdict::new(
        Outcome::CannotTell,
        Some(Reason::NotAllowed { setting: setting.to_owned() }),
        last_facts(check),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::arbitrary::{check, facts, time};
    use crate::services::{Operation, Service};
    use crate::testing::at;
    use crate::watch::{Kind, Watch};
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Check `attempt` of a watch of 10 checks, one a minute from second 0.
    fn at_check(attempt: u32) -> Check {
        let watch = Watch { id: "7".to_owned(), interval_s: 60, max_checks: 10, ..Watch::default() };
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        Check {
            attempt,
            last: Some(Seen { at: at(-1), facts: facts_of("EARLIER") }),
            ..Check::new(watch, operation, at(0))
        }
    }

    fn waiting(wait: u64) -> Pace {
        Pace { wait: Duration::from_secs(wait), ..Pace::default() }
    }

    fn facts_of(state: &str) -> OperationInfo {
        OperationInfo { state: Some(state.to_owned()), ..OperationInfo::default() }
    }

    /// The decision in few words: the next check and when, or the outcome, its reason and what is shown.
    fn decided(check: &Check, observation: Observation, second: i64, wait: u64) -> String {
        match decide(check, observation, at(second), waiting(wait)) {
            Decision::Check(next, due) => {
                let mark = if next.unreadable { ", unreadable" } else { "" };
                format!("check {} at {}{mark}", next.attempt, (due - at(0)).num_seconds())
            }
            Decision::Report(report) => {
                let state = report.facts.state.clone().unwrap_or_default();
                let reason = report.reason.map(|reason| format!(" {reason:?}")).unwrap_or_default();
                format!("{:?}{reason} {state}", report.outcome).trim_end().to_owned()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_look_leads_to_one_next_step() {
        let error = |code| ApiError::new(code, "", "");
        let ended = |ending| Observation::Ended(ending, facts_of("NOW"));
        let running = || Observation::Running(facts_of("NOW"));
        let unreadable = |code| Observation::Unreadable(error(code));
        let down = || Observation::Unavailable(error(503));
        let second_time = |attempt| Check { unreadable: true, ..at_check(attempt) };
        let facts = OperationInfo { work: Some("DELETE_CLUSTER".to_owned()), ..OperationInfo::default() };
        let deleting = |check| Check { last: Some(Seen { at: at(-1), facts: facts.clone() }), ..check };
        let cases = vec![
            (at_check(3), running(), 180, 0, "check 4 at 240"),
            (at_check(3), running(), 200, 0, "check 4 at 240"),
            (at_check(3), running(), 211, 0, "check 5 at 300"),
            (at_check(3), running(), 180, 150, "check 6 at 360"),
            (at_check(3), running(), 180, 9_999, "check 9 at 540"),
            (at_check(3), running(), -9_999, 0, "check 4 at 240"),
            (second_time(3), running(), 180, 0, "check 4 at 240"),
            (at_check(9), running(), 540, 0, "LimitReached NOW"),
            (at_check(9), running(), 0, 0, "LimitReached NOW"),
            (at_check(3), running(), 540, 0, "LimitReached NOW"),
            (at_check(3), running(), 539, 0, "check 9 at 540"),
            (at_check(0), ended(Ending::Succeeded), 0, 0, "Succeeded NOW"),
            (at_check(9), ended(Ending::Succeeded), 9_999, 0, "Succeeded NOW"),
            (second_time(9), ended(Ending::Failed), 9_999, 99, "Failed NOW"),
            (at_check(9), ended(Ending::Cancelled), 540, 0, "Cancelled NOW"),
            (at_check(0), ended(Ending::Unknown), 0, 0, "CannotTell UnknownState NOW"),
            (at_check(3), unreadable(404), 180, 0, "check 4 at 240, unreadable"),
            (second_time(3), unreadable(404), 180, 0, "CannotTell Gone EARLIER"),
            (Check { last: None, ..second_time(3) }, unreadable(404), 180, 0, "CannotTell NotFound"),
            (deleting(at_check(3)), unreadable(404), 180, 0, "check 4 at 240, unreadable"),
            (deleting(second_time(3)), unreadable(404), 180, 0, "Succeeded Deleted"),
            (deleting(second_time(3)), unreadable(403), 180, 0, "CannotTell Denied"),
            (deleting(at_check(9)), unreadable(404), 540, 0, "Succeeded Deleted"),
            (second_time(3), unreadable(403), 180, 0, "CannotTell Denied EARLIER"),
            (second_time(3), unreadable(400), 180, 0, "CannotTell Refused EARLIER"),
            (at_check(9), unreadable(403), 540, 0, "CannotTell Denied EARLIER"),
            (at_check(3), down(), 180, 0, "check 4 at 240"),
            (second_time(3), down(), 180, 0, "check 4 at 240"),
            (at_check(3), down(), 180, 300, "check 9 at 540"),
            (at_check(9), down(), 540, 0, "CannotTell Unavailable EARLIER"),
        ];
        for (check, observation, second, wait, expected) in cases {
            assert_eq!(
                decided(&check, observation.clone(), second, wait),
                expected,
                "{observation:?} {second}"
            );
        }
    }

    #[test]
    fn what_a_look_showed_rides_on() {
        let remembered = |observation| match decide(&at_check(3), observation, at(180), Pace::default()) {
            Decision::Check(next, _) => next.last.unwrap(),
            other => panic!("{other:?}"),
        };
        let now = remembered(Observation::Running(facts_of("NOW")));
        assert_eq!((now.at, now.facts), (at(180), facts_of("NOW")));
        for kept in
            [Observation::Unreadable(ApiError::default()), Observation::Unavailable(ApiError::default())]
        {
            assert_eq!(remembered(kept).facts, facts_of("EARLIER"));
        }
    }

    fn observation() -> BoxedStrategy<Observation> {
        let ending = proptest::sample::select(vec![
            Ending::Succeeded,
            Ending::Failed,
            Ending::Cancelled,
            Ending::Unknown,
        ]);
        prop_oneof![
            facts().prop_map(Observation::Running),
            (ending, facts()).prop_map(|(ending, facts)| Observation::Ended(ending, facts)),
            (300_i64..600).prop_map(|code| Observation::Unreadable(ApiError::new(code, "", ""))),
            (0_i64..600).prop_map(|code| Observation::Unavailable(ApiError::new(code, "", ""))),
        ]
        .boxed()
    }

    proptest! {
        #[test]
        fn done_wins_and_every_other_look_goes_on_or_ends(
            check in check(), observation in observation(), now in time(), wait in 0_u64..200_000,
        ) {
            let done = matches!(observation, Observation::Ended(..));
            let joins = check.purpose == Purpose::Sentinel;
            let known = matches!(observation, Observation::Ended(Ending::Succeeded | Ending::Failed | Ending::Cancelled, _));
            match decide(&check, observation, now, waiting(wait)) {
                Decision::Report(report) => {
                    prop_assert_eq!(report.outcome.kind() == Kind::Ended, known);
                    prop_assert_eq!(report.operation, Some(check.operation));
                    prop_assert_eq!((report.watch, report.at), (check.watch, now));
                }
                Decision::Check(next, due) => {
                    prop_assert!(!done);
                    prop_assert_eq!(next.purpose, Purpose::Next);
                    if let Some(last) = check.watch.until_s.map(Ladder::last_of) {
                        // A version without ladders has other numbers.
                        prop_assert!((next.attempt != check.attempt || joins) && next.attempt <= last);
                    } else {
                        prop_assert!(next.attempt > check.attempt || joins);
                        prop_assert!(next.attempt < check.watch.max_checks);
                    }
                    prop_assert!(due <= now + TimeDelta::days(29));
                    prop_assert_eq!((next.first, next.watch), (check.first, check.watch));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }

        /// Whatever is seen, a watch has an end: at most as many checks as its limit.
        #[test]
        fn a_watch_ends_at_its_limit(limit in 1_u32..40, looks in proptest::collection::vec(observation(), 40)) {
            let mut check = Check { attempt: 0, ..at_check(0) };
            check.watch.max_checks = limit;
            let mut now = check.first;
            for (made, look) in (1..).zip(looks) {
                prop_assert!(made <= limit);
                match decide(&check, look, now, Pace::default()) {
                    Decision::Check(next, due) => (check, now) = (*next, due),
                    _ => break,
                }
            }
        }
    }
}
