//! The edges of what a message may say and of what is told of a call: the last value that is taken and the first that is
//! not. Found by `tests/mutants`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use opwatch::decision::{
    Claim, Decision, Known, LookUpFailure, Pace, after_failed_look_up, begin, come_back, decide, give_up,
    refused, spread, try_again, within_start_window,
};
use opwatch::message::{
    Defaults, MAX_BODY_BYTES, MAX_READ_BYTES, MAX_WRITTEN_BYTES, Received, is_report, read,
};
use opwatch::services::{
    ApiError, Ending, Filter, Observation, Operation, OperationInfo, Progress, Service, read_list,
    read_operation, read_started,
};
use opwatch::trust::Origin;
use opwatch::watch::{
    Adopted, Check, Message, Outcome, Problem, ProblemKind, ProgressHistory, Reason, Report, Start,
};
use serde_json::{Value, json};

use crate::support::opwatch::{FIRESTORE_NAME, NAME, export, firestore_export};

fn published() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_402_800, 0).unwrap()
}

fn read_data(data: &[u8]) -> Result<Message, Problem> {
    read(
        data,
        &Received { message_id: "7".to_owned(), published: published(), origin: Origin::Internal },
        &Defaults::new(opwatch::outlets::ADDRESSING).fixed(),
    )
}

fn read_json(message: &Value) -> Result<Message, Problem> {
    read_data(message.to_string().as_bytes())
}

fn check(message: &Value) -> Check {
    match read_json(message) {
        Ok(Message::Check(check)) => *check,
        other => panic!("{message}: {other:?}"),
    }
}

/// The field that is the problem, and why.
fn problem(message: &Value) -> (String, ProblemKind) {
    let Problem { field, kind: why } = read_json(message).expect_err("it can't be used");
    (field, why)
}

#[test]
fn the_longest_of_everything_is_taken() {
    let title = "x".repeat(100);
    assert_eq!(check(&json!({"name": NAME, "title": title})).watch.title, Some(title));
    assert_eq!(
        problem(&json!({"name": NAME, "title": "x".repeat(101)})),
        ("title".to_owned(), ProblemKind::Length { most: 100 })
    );
    assert_eq!(
        problem(&json!({"name": NAME, "title": " "})),
        ("title".to_owned(), ProblemKind::Length { most: 100 })
    );

    let padded = |size: usize| {
        let data = json!({"name": NAME}).to_string();
        format!("{data}{}", " ".repeat(size - data.len()))
    };
    assert!(read_data(padded(MAX_READ_BYTES).as_bytes()).is_ok());
    let too_large = ProblemKind::TooLarge { size: MAX_READ_BYTES + 1, most: MAX_READ_BYTES };
    assert_eq!(read_data(padded(MAX_READ_BYTES + 1).as_bytes()).unwrap_err().kind, too_large);
    assert_eq!(read_data(b"").unwrap_err().kind, ProblemKind::Empty);

    let with_body = |size: usize| {
        let mut start = export();
        start["start"]["body"] = json!({"x": ""});
        let empty = start["start"]["body"].to_string().len();
        start["start"]["body"]["x"] = json!("x".repeat(size - empty));
        start
    };
    assert!(read_json(&with_body(MAX_BODY_BYTES)).is_ok());
    let too_large = ProblemKind::TooLarge { size: MAX_BODY_BYTES + 1, most: MAX_BODY_BYTES };
    assert_eq!(problem(&with_body(MAX_BODY_BYTES + 1)), ("start.body".to_owned(), too_large));

    for (key, good) in
        [("k".repeat(63), true), ("k".repeat(64), false), ("a-b_9".to_owned(), true), ("A".to_owned(), false)]
    {
        let mut start = export();
        start["key"] = json!(key);
        assert_eq!(read_json(&start).is_ok(), good, "{key}");
    }
}

/// What opwatch passed on must be read whatever somebody made of it.
#[test]
fn what_was_passed_on_is_clamped_and_never_refused() {
    let carried = |field: &str, value: Value| {
        let mut message = json!({"name": NAME, "state": {"version": 1, "id": "7"}});
        message[field] = value;
        check(&message)
    };
    for (value, interval, limit) in
        [(json!(0), 1, 1), (json!(100_000), 86_400, 10_000), (json!(u64::MAX), 86_400, 10_000)]
    {
        assert_eq!(carried("interval", value.clone()).watch.interval_s, interval);
        assert_eq!(carried("limit", value).watch.max_checks, limit);
    }
    for value in [json!(-1), json!("60"), json!(1.5), json!(null), json!([])] {
        assert_eq!(carried("interval", value.clone()).watch.interval_s, 60, "{value}");
        assert_eq!(carried("limit", value.clone()).watch.max_checks, 60, "{value}");
        assert_eq!(carried("attempt", value.clone()).attempt, 0, "{value}");
    }
    assert_eq!(carried("attempt", json!(60)).attempt, 59);
    for value in [json!(7), json!(""), json!({})] {
        assert_eq!(carried("title", value.clone()).watch.title, None, "{value}");
    }
    assert_eq!(carried("title", json!("x".repeat(101))).watch.title.unwrap().chars().count(), 100);
    assert_eq!(carried("test", json!("x")).operation.name(), NAME);
    let newer = carried("locale", json!("tlh"));
    assert_eq!((newer.watch.locale, &newer.watch.unknown.message["locale"]), (None, &json!("tlh")));
    assert_eq!(carried("notify", json!("bad")).watch.id, "7", "a field of a newer version");

    let mut start = export();
    start["state"] = json!({"version": 1, "id": "7"});
    start["name"] = json!(NAME);
    assert!(matches!(read_json(&start), Ok(Message::Start(_))), "a start that a newer version gave a name");
}

#[test]
fn a_forged_watch_id_is_none() {
    let id = |id: &str| check(&json!({"name": NAME, "state": {"version": 1, "id": id}})).watch.id;
    for good in ["1", "a-B_9", &"x".repeat(128)] {
        assert_eq!(id(good), *good);
    }
    for bad in ["", "a b", "é", "a/b", &"x".repeat(129)] {
        assert_eq!(id(bad), "7", "{bad}: its message's id stands for it");
    }
}

#[test]
fn the_first_check_of_a_kickoff_is_due_at_once_whatever_its_number() {
    for attempt in [0, 3] {
        let check = check(&json!({"name": NAME, "interval": 60, "attempt": attempt}));
        assert_eq!(check.first + TimeDelta::seconds(60) * attempt, published());
    }
    let forged = check(&json!({"name": NAME, "state": {"first": "9999-01-01T00:00:00Z"}}));
    assert_eq!(forged.first, published() + TimeDelta::days(1));
}

#[test]
fn a_report_is_known_though_it_cannot_be_read() {
    // From the public topic only a notice counts: who forges another report is to learn that it was refused.
    for (data, internal, public) in [
        (r#"{"state": {"report": 5}}"#, true, false),
        (r#"{"name": 7, "state": {"report": {}}}"#, true, false),
        (r#"{"name": 7, "state": {"report": {"notice": 7}}}"#, true, true),
        (r#"{"state": {}}"#, false, false),
        (r#"{"report": {}}"#, false, false),
        ("[]", false, false),
    ] {
        assert_eq!(is_report(data.as_bytes(), Origin::Internal), internal, "{data}");
        assert_eq!(is_report(data.as_bytes(), Origin::Public), public, "{data}");
    }
}

/// Together the longest texts are too long to be written, so they are cut, and nothing else is.
#[test]
fn all_long_texts_together_are_cut_to_what_may_be_written() {
    let text = "\u{1F389}".repeat(2_000);
    let facts = json!({"error": {"code": 7, "text": text}, "state": "FAILED"});
    let mut start = export();
    start["start"]["body"]["x"] = json!("x".repeat(11_000));
    let report = json!({"outcome": "failed", "error": {"code": 7, "text": text}, "facts": facts});
    start["state"] = json!({"version": 1, "id": "7", "report": report});
    let message = read_json(&start).unwrap();
    assert!(message.to_json().to_string().len() > MAX_WRITTEN_BYTES);
    let written = message.to_data();
    assert!(written.len() <= MAX_WRITTEN_BYTES, "{}", written.len());
    let Ok(Message::Report(read)) = read_data(&written) else { panic!("it is a report") };
    let (error, start) = (read.error.unwrap(), read.start.unwrap());
    assert!(error.code == 7 && error.text.ends_with('…'), "{error:?}");
    assert_eq!(start.body["x"], "x".repeat(11_000));
    assert_eq!(read.facts.state.as_deref(), Some("FAILED"));
}

#[test]
fn an_error_says_what_is_known_of_it() {
    for (code, status, text, expected) in [
        (0, "", "no answer", "no answer"),
        (502, "", "", "502"),
        (502, "", "<html>", "502: <html>"),
        (0, "UNKNOWN", "x", "UNKNOWN: x"),
        (404, "NOT_FOUND", "gone", "404 NOT_FOUND: gone"),
    ] {
        assert_eq!(ApiError::new(code, status, text).to_string(), expected);
    }
}

#[test]
fn an_operations_error_has_the_name_of_its_code() {
    let operation = Operation::new(Service::DATASTORE, NAME).unwrap();
    for (code, name) in [
        (1, "CANCELLED"),
        (2, "UNKNOWN"),
        (3, "INVALID_ARGUMENT"),
        (4, "DEADLINE_EXCEEDED"),
        (5, "NOT_FOUND"),
        (6, "ALREADY_EXISTS"),
        (7, "PERMISSION_DENIED"),
        (8, "RESOURCE_EXHAUSTED"),
        (9, "FAILED_PRECONDITION"),
        (10, "ABORTED"),
        (11, "OUT_OF_RANGE"),
        (12, "UNIMPLEMENTED"),
        (13, "INTERNAL"),
        (14, "UNAVAILABLE"),
        (15, "DATA_LOSS"),
        (16, "UNAUTHENTICATED"),
        (17, ""),
    ] {
        let body = json!({"name": NAME, "done": true, "error": {"code": code}});
        let Observation::Ended(_, facts) = read_operation(&operation, body.to_string().as_bytes()) else {
            panic!("it is done")
        };
        assert_eq!(facts.error.unwrap(), ApiError::new(code, name, ""));
    }
}

#[test]
fn an_answer_that_is_no_json_says_where_it_is_not() {
    let operation = Operation::new(Service::DATASTORE, NAME).unwrap();
    let Observation::Unavailable(error) = read_operation(&operation, b"<html>") else {
        panic!("it is no JSON")
    };
    assert_eq!(
        (error.code, error.text.as_str()),
        (0, "the response could not be read: expected value at line 1 column 1")
    );
}

/// Datastore tells it in an object of its own, which may be empty, Firestore beside the rest.
#[test]
fn what_an_operation_was_told_to_take_is_read() {
    let filter = |metadata: Value| {
        let operation = Operation::new(Service::DATASTORE, NAME).unwrap();
        match read_operation(&operation, json!({"name": NAME, "metadata": metadata}).to_string().as_bytes()) {
            Observation::Running(facts) => facts.filter,
            other => panic!("{other:?}"),
        }
    };
    let named = |kinds: &[&str], namespaces: &[&str]| {
        let [kinds, namespaces] =
            [kinds, namespaces].map(|names| names.iter().map(ToString::to_string).collect());
        Some(Filter { kinds, namespaces })
    };
    for (metadata, expected) in [
        (json!({}), None),
        (json!({"entityFilter": {}}), named(&[], &[])),
        (json!({"entityFilter": {"kinds": ["Shop"], "namespaceIds": [""]}}), named(&["Shop"], &[""])),
        (json!({"collectionIds": ["shops"]}), named(&["shops"], &[])),
        (json!({"namespaceIds": ["n"]}), named(&[], &["n"])),
    ] {
        assert_eq!(filter(metadata.clone()), expected, "{metadata}");
    }
}

#[test]
fn the_longest_name_is_taken() {
    let name = |size: usize| {
        let head = "projects/demo/operations/";
        Operation::new(Service::DATASTORE, &format!("{head}{}", "x".repeat(size - head.len())))
    };
    assert!(name(1_024).is_ok() && name(1_025).is_err());
}

#[test]
fn nothing_is_started_more_than_an_hour_after_its_kickoff() {
    let may = |second: i64| within_start_window(&start(export()), published() + TimeDelta::seconds(second));
    assert!(may(-9) && may(0) && may(3_600) && !may(3_601));
}

#[test]
fn a_rate_needs_progress() {
    let rates = |looks: &[(i64, u64)]| {
        let track = looks.iter().fold(ProgressHistory::default(), |track, (second, done)| {
            let bytes = Some(Progress { done: *done, of: None });
            let entities = Some(Progress { done: done / 10, of: None });
            track.after(
                published() + TimeDelta::seconds(*second),
                &OperationInfo { entities, bytes, ..OperationInfo::default() },
            )
        });
        (track.entity_rate(), track.byte_rate())
    };
    assert_eq!(rates(&[(0, 100), (60, 700)]), (Some(1.0), Some(10.0)));
    for looks in [&[(0, 100)][..], &[(0, 100), (60, 100)], &[(0, 100), (0, 700)], &[(0, 700), (60, 100)]] {
        assert_eq!(rates(looks), (None, None), "{looks:?}");
    }
}

#[test]
fn percent_needs_an_honest_estimate() {
    let percent = |done, of| Progress { done, of }.percent();
    assert_eq!(
        (percent(0, Some(10)), percent(10, Some(10)), percent(999, Some(1_000))),
        (Some(0), Some(100), Some(99))
    );
    assert_eq!((percent(0, Some(0)), percent(11, Some(10)), percent(5, None)), (None, None, None));
    assert_eq!(percent(u64::MAX, Some(u64::MAX)), Some(100));
}

/// The start of [`export`] or [`firestore_export`], asked for when its message was published.
fn start(mut kickoff: Value) -> Start {
    kickoff["state"] = json!({"version": 1, "id": "7", "asked": published(), "tries": 20});
    match read_json(&kickoff) {
        Ok(Message::Start(start)) => *start,
        other => panic!("{other:?}"),
    }
}

/// When a start is tried again that failed at `now`.
fn again_at(now: DateTime<Utc>, retry_after: Duration) -> DateTime<Utc> {
    match try_again(&start(export()), ApiError::new(503, "", ""), false, Some(retry_after), now) {
        Decision::Start(_, due) => due,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_that_must_wait_too_long_is_told_when_its_hour_is_over() {
    let told = published() + TimeDelta::seconds(3_601);
    let day = Duration::from_secs(86_400);
    let with_jitter = |delay| TimeDelta::from_std(spread(delay, &["start", "7", "21"])).unwrap();
    assert_eq!(again_at(published(), day), told);
    assert_eq!(again_at(told - TimeDelta::seconds(10), day), told);
    let late = told - TimeDelta::seconds(1);
    assert_eq!(
        again_at(late, day),
        late + TimeDelta::seconds(10),
        "its list had no time to show the operation"
    );
    let wait = Duration::from_secs(1_000);
    assert_eq!(again_at(published(), wait), published() + with_jitter(wait));
    for late in [told, told + TimeDelta::seconds(9)] {
        assert_eq!(again_at(late, day), late + with_jitter(day), "never in the past");
    }
}

#[test]
fn what_runs_already_is_looked_up_again_while_it_is_early_and_nothing_forbids_it() {
    let error = ApiError::new(503, "", "down");
    let failed = |failure: LookUpFailure, denied: bool, second: i64| {
        let now = published() + TimeDelta::seconds(second);
        let start = Start { denied, turn_waits: 3, ..start(export()) };
        after_failed_look_up(&start, error.clone(), failure, None, now)
    };
    for (failure, before, second, denied) in [
        (LookUpFailure::Transient, false, 3_600, false),
        (LookUpFailure::Transient, true, 0, false),
        (LookUpFailure::Denied, false, 3_600, true),
    ] {
        let Decision::Start(next, _) = failed(failure, before, second) else { panic!("it is early") };
        assert_eq!(
            (next.tries, next.turn_waits, next.ambiguous, next.denied),
            (21, 0, false, denied),
            "{failure:?}"
        );
        assert_eq!(next.error, Some(error.clone()));
    }
    for (failure, before, second, reason) in [
        (LookUpFailure::Transient, false, 3_601, Reason::Unavailable),
        (LookUpFailure::Denied, false, 3_601, Reason::ListDenied),
        (LookUpFailure::Denied, true, 0, Reason::ListDenied),
        (LookUpFailure::Refused, false, 0, Reason::ListRefused),
    ] {
        let Decision::Report(report) = failed(failure, before, second) else { panic!("{reason:?}") };
        let expected = (Outcome::NotStarted, Some(reason), Some(error.clone()));
        assert_eq!((report.outcome, report.reason, report.error), expected);
    }
}

#[test]
fn nobody_says_that_a_start_was_not_made_which_may_have_been() {
    let error = ApiError::new(0, "", "no answer");
    let Decision::Start(next, _) = try_again(&start(export()), error.clone(), true, None, published()) else {
        panic!("it is early")
    };
    assert!(next.ambiguous);
    let Decision::Report(report) = give_up(&next, Reason::Late, Some(error.clone()), published()) else {
        panic!("it is over")
    };
    let expected = (Outcome::CannotTell, Some(Reason::Unclear), Some(error));
    assert_eq!((report.outcome, report.reason, report.error), expected);
}

/// Reading a long list takes several deliveries, each of which has a passing error of its own.
#[test]
fn a_taken_path_is_looked_up_once_more_however_many_deliveries_the_list_takes() {
    let taken = ApiError::new(400, "INVALID_ARGUMENT", "Path already exists: /b/x/x.overall_export_metadata");
    let Decision::Start(second, due) = refused(&start(export()), taken.clone(), published()) else {
        panic!("it is early")
    };
    assert_eq!((second.tries, second.ambiguous, second.error.as_ref()), (21, false, Some(&taken)));
    assert!(due > published());
    let long = ApiError::new(0, "", "the list of operations is long: reading continues in the next delivery");
    let look_up = second.look_up.clone();
    let Decision::Start(later, _) = come_back(&second, long, false, look_up, published()) else {
        panic!("it is early")
    };
    let Decision::Report(report) = refused(&later, taken.clone(), published()) else {
        panic!("a third look")
    };
    let expected = (Outcome::NotStarted, Some(Reason::Refused), Some(taken.clone()));
    assert_eq!((report.outcome, report.reason, report.error), expected);
    let other = ApiError::new(400, "INVALID_ARGUMENT", "Invalid path");
    for (start, error, second) in [(start(export()), other, 0), (start(export()), taken, 3_601)] {
        let now = published() + TimeDelta::seconds(second);
        let Decision::Report(report) = refused(&start, error.clone(), now) else { panic!("{error:?}") };
        assert_eq!((report.outcome, report.error), (Outcome::NotStarted, Some(error)));
    }
}

#[test]
fn an_adopted_operation_is_checked_at_the_next_point_of_its_own_grid() {
    let began = published() - TimeDelta::seconds(200);
    let body = json!({"name": NAME, "metadata": {"common": {"state": "PROCESSING", "startTime": began}}});
    let listed = read_started(Service::DATASTORE, body.to_string().as_bytes()).unwrap();
    let Decision::Check(check, due) = begin(&start(export()), listed, None, published()) else {
        panic!("it runs")
    };
    assert_eq!((check.attempt, check.first), (3, began + TimeDelta::seconds(60)));
    assert_eq!(due, began + TimeDelta::seconds(240));
}

#[test]
fn what_an_adopted_operation_showed_is_the_first_that_is_known_of_its_progress() {
    let body = json!({"name": NAME, "metadata": {"progressEntities": {"workCompleted": "5"}}});
    let listed = read_started(Service::DATASTORE, body.to_string().as_bytes()).unwrap();
    let Decision::Check(check, _) = begin(&start(export()), listed, Some(Adopted::Request), published())
    else {
        panic!("it runs")
    };
    assert_eq!(check.adopted, Some(Adopted::Request));
    let seen = check.last.unwrap();
    assert_eq!((seen.at, seen.facts.entities), (published(), Some(Progress { done: 5, of: None })));
    assert_eq!(check.track, ProgressHistory::default().after(published(), &seen.facts));
}

/// Firestore has no labels: a lost start is known by its request and its time, both.
#[test]
fn what_a_lost_start_began_has_its_request_and_began_since() {
    let listed = |collection: &str, seconds: i64| {
        let began = published() + TimeDelta::seconds(seconds);
        let metadata = json!({"startTime": began, "operationState": "PROCESSING", "collectionIds": [collection],
            "outputUriPrefix": "gs://backups"});
        let body = json!({"operations": [{"name": FIRESTORE_NAME, "metadata": metadata}]});
        read_list(Service::FIRESTORE, body.to_string().as_bytes()).unwrap().0
    };
    let begun = |collection: &str, seconds: i64| {
        let start = start(firestore_export());
        Known::of(&start).claim_of_lost(&listed(collection, seconds)[0]) != Claim::No
    };
    assert!(begun("shops", 0) && begun("shops", 5));
    assert!(!begun("shops", -1) && !begun("others", 5) && !begun("others", -1));
}

#[test]
fn a_lost_check_says_of_what_and_what_was_seen_but_counts_no_check() {
    let last = json!({"at": published(), "facts": {"state": "PROCESSING"}});
    let message = json!({"name": NAME, "attempt": 5, "state": {"version": 1, "id": "7", "last": last}});
    let message = read_json(&message).unwrap();
    assert_eq!(message.operation_name(), NAME);
    let report = Report::of_lost(Some(&message), 100, published());
    assert_eq!(report.operation.as_ref().map(Operation::name), Some(NAME));
    assert_eq!((report.attempt, report.facts.state.as_deref()), (None, Some("PROCESSING")));
    assert_eq!(report.again().unwrap()["name"], NAME, "the line that goes on");
}

#[test]
fn the_end_of_a_watch_is_told_with_what_its_check_knew() {
    let live = json!({"channel": "C024BE91L", "ts": "1503435956.000247"});
    let state = json!({"version": 1, "id": "7", "adopted": "key", "live": live});
    let check = check(&json!({"name": NAME, "attempt": 3, "state": state}));
    let ended = Observation::Ended(Ending::Succeeded, OperationInfo::default());
    let Decision::Report(report) = decide(&check, ended, published(), Pace::default()) else {
        panic!("it is done")
    };
    assert_eq!((report.attempt, report.adopted), (Some(3), Some(Adopted::Key)));
    assert!(report.live.is_some() && report.live == check.live);
}

#[test]
fn what_was_last_seen_is_cut_when_it_is_read() {
    let facts = json!({"error": {"code": 7, "text": "x".repeat(5_000)}});
    let state = json!({"version": 1, "id": "7", "last": {"at": published(), "facts": facts}});
    let seen = check(&json!({"name": NAME, "state": state})).last.unwrap();
    assert_eq!(seen.facts.error.unwrap().text.chars().count(), 2_000);
}
