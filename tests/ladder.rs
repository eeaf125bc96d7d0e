//! Watches without a fixed interval: what begins them, what they come to, and what an older version makes of them.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use opwatch::decision::{Decision, Grid, Pace, Schedule, begin};
use opwatch::fakes::Plan;
use opwatch::message::{Defaults, Received, read};
use opwatch::services::{OperationInfo, Service, read_started};
use opwatch::trust::Origin;
use opwatch::watch::{Check, Message, Outcome, Problem, ProblemKind, Report, Verdict};
use serde_json::{Value, json};

use crate::support::opwatch::{Kind, NAME, Opwatch, export};

fn published() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_402_800, 0).unwrap()
}

fn read_with(message: &Value, defaults: &Defaults) -> Result<Message, Problem> {
    let received = Received { message_id: "7".to_owned(), published: published(), origin: Origin::Internal };
    read(message.to_string().as_bytes(), &received, defaults)
}

fn defaults() -> Defaults {
    Defaults::new(opwatch::outlets::ADDRESSING)
}

fn check(message: &Value) -> Check {
    match read_with(message, &defaults()) {
        Ok(Message::Check(check)) => *check,
        other => panic!("{message}: {other:?}"),
    }
}

fn written(check: &Check) -> Value {
    Message::Check(Box::new(check.clone())).to_json()
}

#[test]
fn a_message_has_a_ladder_unless_it_or_the_settings_ask_for_an_interval_or_a_limit() {
    let until = |message: Value, defaults: &Defaults| match read_with(&message, defaults) {
        Ok(Message::Check(check)) => check.watch.until_s,
        other => panic!("{other:?}"),
    };
    let fixed = defaults().fixed();
    assert_eq!(until(json!({"name": NAME}), &defaults()), Some(86_400));
    assert_eq!(until(json!({"name": NAME, "until": "6h"}), &defaults()), Some(21_600));
    assert_eq!(
        until(json!({"name": NAME, "until": "6h"}), &fixed),
        Some(21_600),
        "a message comes before settings"
    );
    for grid in [json!({"name": NAME, "interval": 60}), json!({"name": NAME, "limit": 9})] {
        assert_eq!(until(grid, &defaults()), None);
    }
    assert_eq!(until(json!({"name": NAME}), &fixed), None);
    assert_eq!(
        until(json!({"name": NAME, "interval": 60, "limit": 60, "state": {"id": "1"}}), &defaults()),
        None
    );
}

#[test]
fn until_is_whole_minutes_hours_or_days_and_goes_with_no_interval_or_limit() {
    for good in ["1m", "90m", "40320m", "672h", "28d"] {
        assert!(read_with(&json!({"name": NAME, "until": good}), &defaults()).is_ok(), "{good}");
    }
    for bad in
        ["", "0m", "6", "6 h", "h", "60s", "1.5h", "06h", "+6h", "29d", "673h", "9999999999d", "６h", "6時"]
    {
        let Problem { field, kind } =
            read_with(&json!({"name": NAME, "until": bad}), &defaults()).expect_err(bad);
        assert!(field == "until" && matches!(kind, ProblemKind::Form { .. }), "{bad}: {field} {kind:?}");
    }
    for with in ["interval", "limit"] {
        let both = json!({"name": NAME, "until": "6h", with: 10});
        let problem = Problem::new("until", ProblemKind::NotTogether { with: with.to_owned() });
        assert_eq!(read_with(&both, &defaults()), Err(problem));
    }
}

#[test]
fn what_a_person_pastes_to_go_on_has_the_same_schedule() {
    for (until, shown) in [("1d", "24h"), ("90m", "90m"), ("6h", "6h")] {
        let check = check(&json!({"name": NAME, "until": until}));
        let verdict = Verdict::new(Outcome::LimitReached, None, OperationInfo::default());
        let again = Value::Object(Report::of_check(&check, verdict, published()).again().unwrap());
        assert_eq!(again, json!({"name": NAME, "service": "datastore", "until": shown}));
    }
}

#[test]
fn a_ladder_begins_with_the_operation_that_opwatch_started() {
    let Ok(Message::Start(start)) = read_with(&export(), &defaults()) else { panic!("a start") };
    let began = published() - TimeDelta::seconds(3);
    let body = json!({"name": NAME, "metadata": {"common": {"state": "PROCESSING", "startTime": began}}});
    let listed = read_started(Service::DATASTORE, body.to_string().as_bytes()).unwrap();
    let Decision::Check(check, due) = begin(&start, listed, None, published()) else { panic!("a check") };
    assert_eq!((check.first, check.attempt, due), (began, 0, began + TimeDelta::seconds(20)));
}

/// It passes on what it doesn't know, and goes on by interval and limit. Numbers are in the names of tasks: had one been used
/// already, the watch would end in silence.
#[test]
fn a_rollback_and_a_second_upgrade_use_no_number_twice() {
    let mut now = published();
    let mut next = check(&json!({"name": NAME, "until": "6h"}));
    let mut used = std::collections::BTreeSet::new();
    for step in 0_u32.. {
        let message = written(&next);
        // An hour of each version.
        let is_old = (now - published()).num_hours() % 2 == 1;
        let attempt = u32::try_from(message["attempt"].as_u64().unwrap()).unwrap();
        let number = |field: &str| u32::try_from(message[field].as_u64().unwrap()).unwrap();
        let first = message["state"]["first"].as_str().unwrap().parse().unwrap();
        let grid = Grid { first, interval_s: number("interval"), max_checks: number("limit") };
        let schedule = if is_old { Schedule::Fixed(grid) } else { check(&message).schedule() };
        if schedule.is_over(attempt, now) {
            assert!(
                (now - published() - TimeDelta::hours(6)).num_seconds().abs() <= 60,
                "it lasts {}",
                now - published()
            );
            assert!(step > 300);
            return;
        }
        let after = (step > 0).then_some(attempt);
        let point = schedule.next(after, now, Pace::default());
        assert!(used.insert(point.attempt), "{} is used twice", point.attempt);
        assert!(point.at > now && point.at - now <= TimeDelta::seconds(200), "{now}: {}", point.at);
        let mut message = message;
        message["attempt"] = json!(point.attempt);
        message["state"]["id"] = json!("7");
        (next, now) = (check(&message), point.at);
        assert_eq!(next.watch.until_s, Some(21_600));
    }
}

#[test]
fn a_watch_that_an_older_version_began_keeps_the_grid() {
    let state = json!({"version": 1, "id": "7", "ladder": 86_400, "first": "2026-11-23T00:00:00Z"});
    let older = check(&json!({"name": NAME, "interval": 60, "limit": 60, "attempt": 3, "state": state}));
    assert!(matches!(older.schedule(), Schedule::Fixed(Grid { interval_s: 60, max_checks: 60, .. })));
}

fn due(opwatch: &Opwatch) -> Vec<i64> {
    let published = opwatch.world.pubsub.messages()[0].publish_time.trunc_subsecs(3);
    let checks = opwatch.tasks(Kind::Check);
    checks.iter().map(|task| (task.schedule_time - published).num_seconds()).collect()
}

/// Through the real service: every check on a rung, and the time told at the end.
#[tokio::test]
async fn a_watch_without_settings_of_its_own_climbs_until_its_time_is_over() {
    let opwatch = Opwatch::start_with(|args| {
        args.unset("CHECK_INTERVAL");
        args.set("STALL_AFTER", "0");
    })
    .await;
    opwatch.world.operations.add(NAME, Plan { duration: Duration::MAX, ..Plan::default() });
    opwatch.watch(&json!({"name": NAME, "until": "10m"})).await;
    let due = due(&opwatch);
    assert_eq!(due[..4], [60, 100, 142, 193], "rungs 4, 8, 12 and 16");
    assert_eq!(due.last(), Some(&600));
    assert!(due.windows(2).all(|pair| (20..=100).contains(&(pair[1] - pair[0]))), "{due:?}");
    let said = opwatch.only_text();
    assert!(said.contains("stopped watching after 10 min (the limit)."), "{said}");
    opwatch.stop().await;
}
