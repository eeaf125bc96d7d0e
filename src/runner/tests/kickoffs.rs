//! Messages as they come: what a person may ask for, what a setting changes, what the log says, and what follows.

use super::apis::{ended, running, says};
use super::outlet::Fake;
use super::world::{CHECKS, NAME, NOTICES, REPORTS, World, check, digests, drain, garbled, passed_on, start};
use super::*;
use crate::google::task_id;
use crate::hash::short_hash;
use crate::policy::{Of, Route, Routes, Targets};
use crate::runner::StartLine;
use crate::watch::{Test, Watch};

/// The result for a message whose next step was scheduled at once.
fn scheduled(decision: Action) -> DeliveryResult {
    DeliveryResult { schedule_milliseconds: Some(0), ..DeliveryResult::new(decision) }
}

fn line() -> StartLine {
    let [path, location] = ["projects/demo:export", "gs://b"].map(str::to_owned);
    StartLine { path, location, title: String::new() }
}

#[test]
fn what_the_settings_forbid_is_a_problem_of_a_persons_message_and_the_end_of_a_watch() {
    let elsewhere = || World::set(|config| config.policy.projects = Some(vec!["other".to_owned()]));
    for (message, operation, start) in [(json!({"name": NAME}), NAME, None), (start(), "", Some(line()))] {
        let world = elsewhere();
        let handled = world.handle(&message);
        let text = handled.error.clone().unwrap_or_default();
        assert!(text.contains("PROJECTS"), "{text}");
        let noticed = DeliveryResult {
            error: handled.error.clone(),
            needs_attention: true,
            ..scheduled(Action::Noticed)
        };
        assert_eq!(handled, noticed);
        assert_eq!(world.next()["state"]["report"]["outcome"], "notice");

        let world = elsewhere();
        let handled = world.handle(&passed_on(message, &json!({})));
        let call_milliseconds = start.is_some().then_some(0);
        let ended = DeliveryResult {
            operation: operation.to_owned(),
            attempt: Some(0),
            start,
            error: Some("PROJECTS no longer allows it".to_owned()),
            call_milliseconds,
            ..scheduled(Action::Abandoned)
        };
        assert_eq!(handled, ended);
        assert_eq!(world.next()["state"]["report"]["reason"]["kind"], "notAllowed", "{}", world.next());
    }
}

#[test]
fn a_test_may_go_only_where_the_settings_allow_and_goes_on_in_any_case() {
    let channels = |config: &mut Config| config.policy.targets = Targets::Only(vec![Target::new("C0OPS")]);
    let message = json!({"test": true, "channel": "C0OTHER"});
    let handled = World::set(channels).handle(&message);
    assert_eq!((handled.decision, handled.needs_attention), (Action::Noticed, true));
    assert!(handled.error.unwrap().contains("SLACK_CHANNELS"));
    let world = World::set(channels);
    let tested = DeliveryResult { attempt: Some(1), ..scheduled(Action::Tested) };
    assert_eq!(world.handle(&passed_on(message, &json!({}))), tested);
    assert_eq!(world.next()["state"]["report"]["outcome"], "test");
}

#[test]
fn a_test_goes_through_the_queue_of_checks_and_then_through_that_of_reports() {
    let world = World::new();
    let tested = |attempt| DeliveryResult { attempt: Some(attempt), ..scheduled(Action::Tested) };
    assert_eq!(world.handle(&json!({"test": true})), tested(0));
    assert_eq!(world.handle(&world.next()), tested(1));
    let posted = DeliveryResult {
        attempt: Some(0),
        call_milliseconds: Some(0),
        ..DeliveryResult::new(Action::Posted)
    };
    assert_eq!(world.handle(&world.next()), posted);
    let watch = Watch { id: "99".to_owned(), ..Watch::default() };
    let id = task_id(testing::TOPIC, &Message::Test(Test { watch, is_continuation: true }));
    assert!(world.tasks()[0]["name"].as_str().unwrap().ends_with(&id), "the second of its messages");
    let queues: Vec<_> = world.tasks().iter().map(queue).collect();
    assert_eq!(
        (queues.as_slice(), world.outlet().calls()),
        ([CHECKS, REPORTS].map(str::to_owned).as_slice(), vec!["post C0OPS".to_owned()])
    );
}

fn queue(task: &Value) -> String {
    task["name"].as_str().unwrap().split_once("/tasks/").unwrap().0.to_owned()
}

#[test]
fn the_shortest_interval_is_that_of_a_persons_fixed_interval() {
    let slow = |config: &mut Config| config.policy.limits.min_interval = 7_200;
    for (message, decision) in [
        (json!({"name": NAME, "interval": 7_199}), Action::Noticed),
        (json!({"name": NAME, "interval": 7_200}), Action::CheckAgain),
        (json!({"name": NAME, "until": "6h"}), Action::CheckAgain),
        (json!({"test": true}), Action::Tested),
        (check(&json!({})), Action::CheckAgain),
    ] {
        let handled = World::set(slow).handle(&message);
        assert_eq!(handled.decision, decision, "{message}: {handled:?}");
    }
}

#[test]
fn a_kickoff_that_names_no_place_gets_that_of_its_route() {
    let routed = || {
        World::set(|config| {
            let of = Of::Project("demo".to_owned());
            config.policy.routes = Routes(vec![Route { of, target: Target::new("C0ROUTE"), mention: None }]);
        })
    };
    let channel = |message: &Value| {
        let world = routed();
        world.handle(message);
        world.messages()[0]["channel"].clone()
    };
    for message in [json!({"name": NAME}), start()] {
        assert_eq!(channel(&message), "C0ROUTE", "{message}");
        let mut own = message.clone();
        own["channel"] = json!("C0OWN");
        assert_eq!(channel(&own), "C0OWN", "{message}");
        assert_eq!(
            channel(&passed_on(message, &json!({}))),
            Value::Null,
            "of a watch that began without routes"
        );
    }
    assert_eq!(channel(&json!({"test": true})), Value::Null);
}

#[test]
fn an_id_that_is_none_of_pub_subs_is_hashed() {
    let id_of = |id: &str| {
        let world = World::new();
        world.deliver(delivery(id, testing::at(0), br#"{"test": true}"#.to_vec()));
        world.next()["state"]["id"].as_str().unwrap().to_owned()
    };
    let longest = "7".repeat(128);
    for id in ["20_7-Ab", &longest] {
        assert_eq!(id_of(id), id);
    }
    for id in ["a b", "a/b", &format!("{longest}7")] {
        assert_eq!(id_of(id), short_hash(&[id]));
    }
}

#[test]
fn the_same_unusable_data_is_noticed_once_an_hour() {
    let world = World::new();
    let tasks_at = |second| {
        world.clock.set(testing::at(second));
        let noticed = world.deliver(garbled("{", world.now()));
        assert_eq!(
            noticed,
            DeliveryResult {
                error: noticed.error.clone(),
                needs_attention: true,
                ..scheduled(Action::Noticed)
            }
        );
        let text = noticed.error.unwrap();
        assert!(text.starts_with("message.data: ") && text.len() > 20, "{text}");
        world.tasks().len()
    };
    assert_eq!([tasks_at(0), tasks_at(3_599), tasks_at(3_600)], [1, 1, 2]);
    assert_eq!(queue(&world.tasks()[0]), NOTICES);
    world.deliver(garbled("[", world.now()));
    assert_eq!(world.tasks().len(), 3, "other data");
}

#[test]
fn a_push_that_is_too_large_is_noticed_by_its_beginning() {
    let world = World::new();
    let handled = world.oversize(b"{\"name\": \"proj", 20_000_000, 10_000_000);
    let text = handled.error.clone().unwrap();
    assert!(text.contains("20") && !text.starts_with(':') && !text.starts_with(' '), "{text}");
    let noticed = DeliveryResult { error: Some(text), needs_attention: true, ..scheduled(Action::Noticed) };
    assert_eq!(handled, noticed);
    let notice = world.next()["state"]["report"]["notice"].clone();
    assert_eq!((&notice["excerpt"], &notice["messageId"]), (&json!("{\"name\": \"proj"), &json!("")));
}

#[test]
fn no_notice_is_sent_of_a_report_that_can_not_be_used() {
    let world = World::new();
    let report = json!({"state": {"id": "7", "report": {"outlet": {"id": "!", "message": {}}}}});
    let handled = world.handle(&report);
    assert!(handled.error.as_ref().unwrap().starts_with("state.report.outlet: "), "{handled:?}");
    let error = handled.error.clone();
    assert_eq!(handled, DeliveryResult { error, ..DeliveryResult::new(Action::Dropped) });
    assert!(world.tasks().is_empty());
}

#[test]
fn a_first_check_is_followed_by_the_second_and_then_by_the_sentinel() {
    let world = World::new();
    world.script("Get v1/", [running(7).after(250)]);
    world.script("create", [says(503, &json!({})).after(40)]);
    let refused = world.handle(&json!({"name": NAME}));
    let timed = |decision| DeliveryResult {
        operation: NAME.to_owned(),
        attempt: Some(0),
        call_milliseconds: Some(250),
        schedule_milliseconds: Some(40),
        ..DeliveryResult::new(decision)
    };
    let error = refused.error.clone();
    assert!(error.as_ref().unwrap().starts_with("the next step could not be scheduled: 503"), "{error:?}");
    assert_eq!(refused, DeliveryResult { acknowledged: false, error, ..timed(Action::NotScheduled) });
    assert!(world.tasks().is_empty(), "no sentinel of a watch that has not begun");

    let handled = world.handle(&json!({"name": NAME}));
    let timed = DeliveryResult {
        call_milliseconds: Some(0),
        schedule_milliseconds: Some(0),
        ..timed(Action::CheckAgain)
    };
    assert_eq!(handled, timed);
    let [next, sentinel] = world.messages().try_into().unwrap();
    assert_eq!((&next["attempt"], &next["state"]["sentinel"]), (&json!(1), &Value::Null));
    assert_eq!(sentinel["state"]["sentinel"], true);
    let second = world.handle(&next);
    assert_eq!((second.decision, second.attempt), (Action::CheckAgain, Some(1)));
    assert_eq!(world.tasks().len(), 3, "a watch has one sentinel");
}

#[test]
fn whoever_must_act_is_told_when_no_step_can_be_scheduled() {
    for (status, message, attention) in [
        (503, json!({"name": NAME}), false),
        (403, json!({"name": NAME}), true),
        (503, json!({"nam": NAME}), true),
    ] {
        let world = World::new();
        world.script("create", [says(status, &json!({}))]);
        let handled = world.handle(&message);
        let outcome = (handled.decision, handled.acknowledged, handled.needs_attention);
        assert_eq!(outcome, (Action::NotScheduled, false, attention), "{status} {message}");
    }
}

#[test]
fn a_look_that_shows_nothing_is_an_error_in_the_log_of_a_watch_that_goes_on() {
    for (status, text) in [(503, "503"), (403, "403")] {
        let world = World::new();
        world.script("Get v1/", [says(status, &json!({}))]);
        let handled = world.handle(&check(&json!({})));
        let error = handled.error.clone();
        assert!(error.as_ref().unwrap().contains(text), "{error:?}");
        let going_on = DeliveryResult {
            operation: NAME.to_owned(),
            attempt: Some(1),
            error,
            call_milliseconds: Some(0),
            ..scheduled(Action::CheckAgain)
        };
        assert_eq!(handled, going_on, "nothing but the time of a start is added to an error");
    }
}

#[test]
fn the_end_of_an_operation_is_reported_to_each_outlet() {
    let world = World::of([Fake::slack(), Fake::topic()], |_| ());
    world.script("Get v1/", [ended()]);
    let handled = world.handle(&check(&json!({})));
    let ended = DeliveryResult {
        operation: NAME.to_owned(),
        attempt: Some(1),
        call_milliseconds: Some(0),
        ..scheduled(Action::Ended)
    };
    assert_eq!(handled, ended);
    let outlets: Vec<_> =
        world.messages().iter().map(|message| message["state"]["report"]["outlet"]["id"].clone()).collect();
    assert_eq!(outlets, [Value::Null, json!("topic")]);
}

#[test]
fn the_queue_of_a_task_is_that_of_its_kind() {
    let world = World::set(|config| {
        config.policy.limits.watches_per_minute = 1;
        digests(10)(config);
    });
    world.handle(&json!({"name": NAME}));
    world.deliver(delivery("98", testing::at(0), json!({"name": NAME}).to_string().into_bytes()));
    world.handle(&drain(0));
    let tasks: Vec<_> = world.tasks().iter().map(|task| (kind(&published(task)), queue(task))).collect();
    let kinds = [
        ("claim", CHECKS),
        ("check", CHECKS),
        ("check", CHECKS),
        ("cannotTell", NOTICES),
        ("drain", REPORTS),
    ];
    assert_eq!(tasks, kinds.map(|(kind, queue)| (kind.to_owned(), queue.to_owned())));
}

fn kind(message: &Value) -> String {
    let report = &message["state"]["report"];
    match (report["outcome"].as_str(), report["slot"]["of"].as_str()) {
        (None, _) => "check".to_owned(),
        (Some("succeeded"), Some("digest")) => "drain".to_owned(),
        (Some("succeeded"), Some(_)) => "claim".to_owned(),
        (Some(outcome), _) => outcome.to_owned(),
    }
}
