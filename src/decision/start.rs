//! What follows from an attempt to start an operation. A kickoff must not start twice, and nothing is started late.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::{Decision, Pace, START_WINDOW, decide, retry, start_delay};
use crate::services::{ApiError, Listed, Observation, Operation, OperationInfo};
use crate::watch::{
    Adopted, Check, LABEL_KEY, LABEL_REQUEST, LookUp, Outcome, ProgressHistory, Reason, Report, Seen, Start,
    Verdict, idempotency_key, request_hash, seconds,
};

/// The body to send: with the two labels where the service has labels.
pub fn labelled_body(start: &Start) -> Map<String, Value> {
    let mut body = start.request.body.clone();
    if start.request.service().has_labels() {
        let labels = body.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(LABEL_KEY.to_owned(), json!(idempotency_key(start)));
            labels.insert(LABEL_REQUEST.to_owned(), json!(request_hash(&start.request)));
        }
    }
    body
}

/// Whether it is not too late to start.
pub fn within_start_window(start: &Start, now: DateTime<Utc>) -> bool {
    (now - start.published_at).to_std().unwrap_or_default() <= START_WINDOW
}

/// What follows once the operation runs, started or adopted: the first check, or the report when it is done already.
pub fn begin(start: &Start, listed: Listed, adopted: Option<Adopted>, now: DateTime<Utc>) -> Decision {
    // A ladder begins with its operation.
    let interval = if start.watch.until_s.is_some() { 0 } else { start.watch.interval_s };
    let Some(operation) = listed.operation else {
        let facts = match listed.observation {
            Observation::Ended(ending, facts) => {
                return done_without_name(start, super::ended(ending, facts), now);
            }
            Observation::Running(facts) => facts,
            Observation::Unreadable(_) | Observation::Unavailable(_) => OperationInfo::default(),
        };
        let verdict = Verdict::new(Outcome::CannotTell, Some(Reason::Unclear), facts);
        return Decision::Report(Box::new(Report::of_start(start, verdict, now)));
    };
    let operation = named_as_asked(start, operation);
    let first = listed.start.unwrap_or(now) + seconds(interval);
    let last = match &listed.observation {
        Observation::Running(facts) => Some(Seen { at: now, facts: facts.clone() }),
        Observation::Ended(..) | Observation::Unreadable(_) | Observation::Unavailable(_) => None,
    };
    let track =
        last.iter().fold(ProgressHistory::default(), |track, seen: &Seen| track.after(seen.at, &seen.facts));
    let origin = start.request.as_origin();
    let check = Check { last, track, adopted, origin, ..Check::new(start.watch.clone(), operation, first) };
    if let Observation::Ended(ending, facts) = &listed.observation
        && adopted.is_some()
        && ended_before(start, listed.start, facts)
    {
        let verdict = super::ended(*ending, facts.clone());
        return Decision::Report(Box::new(Report::of_ended_before(start, check.operation, verdict, now)));
    }
    if matches!(listed.observation, Observation::Ended(..)) {
        return decide(&check, listed.observation, now, Pace::default());
    }
    let point = check.schedule().next(None, now, Pace::default());
    Decision::Check(Box::new(Check { attempt: point.attempt, ..check }), point.at)
}

/// Whether an operation ended before this kickoff was published. One of which that is not known counts as such when it began
/// before: no kickoff may be told of a success that is not its own.
fn ended_before(start: &Start, began: Option<DateTime<Utc>>, facts: &OperationInfo) -> bool {
    match (facts.end, began) {
        (Some(end), _) => end < start.published_at,
        (None, began) => began.is_none_or(|began| began < start.published_at),
    }
}

/// The operation under the project that the start named: a service may answer with its number, which `PROJECTS` does not
/// list.
pub(super) fn named_as_asked(start: &Start, operation: Operation) -> Operation {
    let id = operation.name().rsplit('/').next().unwrap_or_default();
    let name = format!("{}/operations/{id}", start.request.resource());
    Operation::new(operation.service(), &name).unwrap_or(operation)
}

fn done_without_name(start: &Start, verdict: Verdict, now: DateTime<Utc>) -> Decision {
    Decision::Report(Box::new(Report::new(start.watch.clone(), verdict, now)))
}

/// What follows when the start was refused for good.
pub fn after_refusal(start: &Start, reason: Reason, error: Option<ApiError>, now: DateTime<Utc>) -> Decision {
    let verdict =
        Verdict { error, ..Verdict::new(Outcome::NotStarted, Some(reason), OperationInfo::default()) };
    Decision::Report(Box::new(Report::of_start(start, verdict, now)))
}

/// Why a look-up came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUpFailure {
    /// The same call may succeed later.
    Transient,
    /// The caller may not list operations: believed when two tries in a row say so, as with checks.
    Denied,
    /// Refused for good.
    Refused,
}

/// What follows when whether it runs already can't be looked up: never a blind start. A permanent refusal is reported at
/// once. While it is early anything else is tried again; then people are told, and that it may have begun if an earlier try
/// could have begun it.
pub fn after_failed_look_up(
    start: &Start,
    error: ApiError,
    failure: LookUpFailure,
    retry_after: Option<Duration>,
    now: DateTime<Utc>,
) -> Decision {
    let reason = match failure {
        LookUpFailure::Refused => Reason::ListRefused,
        LookUpFailure::Denied if start.denied || !within_start_window(start, now) => Reason::ListDenied,
        LookUpFailure::Transient if !within_start_window(start, now) => Reason::Unavailable,
        LookUpFailure::Denied | LookUpFailure::Transient => {
            let again = try_again(start, error, start.ambiguous, retry_after, now);
            let denied = failure == LookUpFailure::Denied;
            return match again {
                Decision::Start(next, at) => Decision::Start(Box::new(Start { denied, ..*next }), at),
                told @ (Decision::Check(..)
                | Decision::Report(_)
                | Decision::ReportAgain(..)
                | Decision::Test(_)) => told,
            };
        }
    };
    give_up(start, reason, Some(error), now)
}

/// What follows when the service refused this try for good. A path that already exists may be this kickoff's own: an
/// instance may be killed after its start, and the list may not show the operation yet. So it is looked up once more before
/// the refusal is reported.
pub fn refused(start: &Start, error: ApiError, now: DateTime<Utc>) -> Decision {
    let is_first = !start.error.as_ref().is_some_and(ApiError::is_path_taken);
    if error.is_path_taken() && is_first && within_start_window(start, now) {
        return try_again(start, error, start.ambiguous, None, now);
    }
    give_up(start, Reason::Refused, Some(error), now)
}

/// What follows when no more is tried: people are told that it was not started, or, if an earlier try could have begun
/// it, that nobody can tell.
pub fn give_up(start: &Start, reason: Reason, error: Option<ApiError>, now: DateTime<Utc>) -> Decision {
    if !start.ambiguous {
        return after_refusal(start, reason, error, now);
    }
    let verdict = Verdict::new(Outcome::CannotTell, Some(Reason::Unclear), OperationInfo::default());
    Decision::Report(Box::new(Report::of_start(start, Verdict { error, ..verdict }, now)))
}

/// What follows when a try failed in passing.
pub fn try_again(
    start: &Start,
    error: ApiError,
    ambiguous: bool,
    retry_after: Option<Duration>,
    now: DateTime<Utc>,
) -> Decision {
    // Only a forged count has no next number; the same would be this delivery's own name.
    let Some(tries) = start.tries.checked_add(1) else {
        return give_up(start, Reason::Unavailable, Some(error), now);
    };
    let delay = start_delay(start.tries, retry_after);
    let delay = retry::spread(delay, &["start", &start.watch.id, &tries.to_string()]);
    let next = Start { tries, turn_waits: 0, ambiguous, denied: false, error: Some(error), ..start.clone() };
    Decision::Start(Box::new(next), due(start, delay, now))
}

/// What follows when this try must wait before it has tried anything: for another start of the same request, or to read on
/// in a long list from where `look_up` is. That costs no try, and is counted in its name.
pub fn come_back(
    start: &Start,
    error: ApiError,
    ambiguous: bool,
    look_up: Option<LookUp>,
    now: DateTime<Utc>,
) -> Decision {
    // Only a forged count has no next number.
    let Some(waits) = start.turn_waits.checked_add(1).filter(|_| within_start_window(start, now)) else {
        return give_up(start, Reason::Unavailable, Some(error), now);
    };
    let delay = if look_up.is_some() { retry::READ_ON } else { retry::turn_delay(start.turn_waits) };
    let delay =
        retry::spread(delay, &["wait", &start.watch.id, &start.tries.to_string(), &waits.to_string()]);
    // Kept, so that there is one second look, however many deliveries it takes to read the list.
    let error = start.error.clone().filter(ApiError::is_path_taken).unwrap_or(error);
    let next = Start { turn_waits: waits, ambiguous, look_up, error: Some(error), ..start.clone() };
    Decision::Start(Box::new(next), due(start, delay, now))
}

/// How soon a list is taken to show a new operation, which no reference says.
const LISTED: TimeDelta = TimeDelta::seconds(10);

/// When a start that is to wait `delay` is due. Nothing starts after the window, so people are told then, however long the
/// service asked to wait; but not before the list had time to show what this try may have begun.
fn due(start: &Start, delay: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let due = now + TimeDelta::from_std(delay).unwrap_or_default();
    let told =
        start.published_at + TimeDelta::from_std(START_WINDOW).unwrap_or_default() + TimeDelta::seconds(1);
    if now < told { due.min(told.max(now + LISTED)) } else { due }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Service, StartMethod};
    use crate::watch::{StartRequest, Template};

    /// A start of second 0.
    fn export() -> Start {
        let method = StartMethod::find(Service::DATASTORE, "export").unwrap();
        let (path, body) = ("projects/p:export".to_owned(), Map::new());
        Start {
            watch: crate::watch::Watch::default(),
            request: StartRequest { method, path, body, template: None },
            key: None,
            published_at: crate::testing::at(0),
            tries: 0,
            turn_waits: 0,
            ambiguous: false,
            denied: false,
            look_up: None,
            counted: false,
            error: None,
            is_continuation: false,
        }
    }

    #[test]
    fn the_last_look_is_at_the_end_of_the_window_but_not_at_once() {
        let (at, start) = (crate::testing::at, export());
        let due_after = |second| (due(&start, Duration::from_secs(600), at(second)) - at(0)).num_seconds();
        for (second, expected) in [(0, 600), (3_000, 3_600), (3_100, 3_601), (3_590, 3_601), (3_595, 3_605)] {
            assert_eq!(due_after(second), expected, "{second}");
        }
    }

    #[test]
    fn an_operation_counts_as_earlier_when_it_is_not_known_to_be_of_this_kickoff() {
        let at = crate::testing::at;
        let start = export();
        for (began, end, earlier) in [
            (Some(-9), Some(-1), true),
            (Some(-9), Some(0), false),
            (Some(-9), Some(1), false),
            (None, None, true),
            (Some(-1), None, true),
            (Some(0), None, false),
            (Some(1), None, false),
        ] {
            let facts = OperationInfo { end: end.map(at), ..OperationInfo::default() };
            assert_eq!(ended_before(&start, began.map(at), &facts), earlier, "{began:?} {end:?}");
        }
    }

    /// It is a label of operations that run while the version changes, so it must not change.
    #[test]
    fn the_hash_of_a_request_is_that_of_the_text_before_its_placeholders_are_replaced() {
        let method = StartMethod::find(Service::DATASTORE, "export").unwrap();
        let body = |prefix: &str| {
            let body = json!({"outputUrlPrefix": prefix, "entityFilter": {"kinds": ["A"]}});
            body.as_object().unwrap().clone()
        };
        let path = "projects/p:export".to_owned();
        let plain = StartRequest { method, path, body: body("gs://b"), template: None };
        assert_eq!(request_hash(&plain), "83a5889a3edbae8d7ed0b1c60eb8a3d2", "as in version 0.1");
        let expanded = |prefix: &str| {
            let template = Template { path: plain.path.clone(), body: body("gs://b/${time}") };
            StartRequest { body: body(prefix), template: Some(Box::new(template)), ..plain.clone() }
        };
        let (one, another) = (expanded("gs://b/030000"), expanded("gs://b/030001"));
        assert_eq!(request_hash(&one), request_hash(&another));
        assert_ne!(request_hash(&one), request_hash(&plain));
    }
}
