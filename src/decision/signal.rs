//! What follows from a look that a signal asked for. It is made outside the chain of checks: it reports an end, and never asks for
//! a check of the chain's.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Decision, ended, sentinel};
use crate::services::Observation;
use crate::watch::{Check, Purpose, Report, Seen, SignalLook};

/// When a signal's second and third look are made, after its first: the entry of an end may come before the API shows the end.
const AGAIN: [TimeDelta; 2] = [TimeDelta::seconds(5), TimeDelta::seconds(20)];

/// The first look for a signal of the time `at`, at the operation of the watch that `sentinel` describes.
pub fn signalled(sentinel: Check, at: DateTime<Utc>) -> Check {
    Check { purpose: Purpose::Signal(SignalLook { at, number: 0 }), ..sentinel }
}

/// Decides what follows from `observation`, made for a signal's look at `now`: the report of the end, another look, or nothing,
/// since the chain goes on whatever the signal said. Nor is there another look before `wait` is over.
pub fn decide_signal(
    check: &Check,
    look: SignalLook,
    observation: Observation,
    now: DateTime<Utc>,
    wait: Duration,
) -> Option<Decision> {
    let last = match observation {
        Observation::Ended(ending, facts) => {
            let report = Report::of_check(check, ended(ending, facts), now);
            return Some(Decision::Report(Box::new(Report { attempt: None, ..report })));
        }
        Observation::Running(facts) => Some(Seen { at: now, facts }),
        Observation::Unreadable(_) | Observation::Unavailable(_) => check.last.clone(),
    };
    let after = |number: u32| AGAIN.get(usize::try_from(number).ok()?).copied();
    let before = look.number.checked_sub(1).and_then(after).unwrap_or_default();
    let due = now + (after(look.number)? - before);
    if (due - now).to_std().unwrap_or_default() < wait {
        return None;
    }
    let purpose = Purpose::Signal(SignalLook { number: look.number + 1, ..look });
    // To a version without signals it is a copy of the chain's.
    let attempt = sentinel::number_at(check, now);
    Some(Decision::Check(Box::new(Check { attempt, purpose, last, ..check.clone() }), due))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{ApiError, Ending, Operation, OperationInfo, Service};
    use crate::testing::at;
    use crate::watch::{Outcome, Watch};

    fn check() -> Check {
        let watch = Watch { id: "7".to_owned(), interval_s: 60, max_checks: 10, ..Watch::default() };
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        Check { attempt: 9, ..Check::new(watch, operation, at(0)) }
    }

    #[test]
    fn an_end_is_reported_and_anything_else_is_looked_at_twice_more() {
        let facts = OperationInfo::default;
        for observation in [
            Observation::Running(facts()),
            Observation::Unreadable(ApiError::new(404, "", "")),
            Observation::Unavailable(ApiError::new(503, "", "")),
        ] {
            let (mut look, mut now, mut dues) = (signalled(check(), at(90)), at(100), Vec::new());
            // Long after the end of its grid too: that is for the chain to say.
            while let Some(Decision::Check(next, due)) =
                decide_signal(&look, look.purpose.signal().unwrap(), observation.clone(), now, Duration::ZERO)
            {
                assert_eq!(next.attempt, 2, "of a copy");
                dues.push((due - at(100)).num_seconds());
                (look, now) = (*next, due);
            }
            assert_eq!(dues, [5, 20], "{observation:?}");
        }
        let look = SignalLook { at: at(90), number: 2 };
        let ended = decide_signal(
            &check(),
            look,
            Observation::Ended(Ending::Failed, facts()),
            at(100),
            Duration::MAX,
        );
        let Some(Decision::Report(report)) = ended else { panic!("{ended:?}") };
        assert_eq!((report.outcome, report.attempt), (Outcome::Failed, None));
        let first = SignalLook { number: 0, ..look };
        let asked_to_wait = |seconds| {
            let wait = Duration::from_secs(seconds);
            decide_signal(&check(), first, Observation::Running(facts()), at(100), wait).is_none()
        };
        assert!(asked_to_wait(6) && !asked_to_wait(5));
    }
}
