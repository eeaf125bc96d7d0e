//! What the limits count, what they refuse, and what is said of it.

use super::apis::{refuses, says};
use super::starts::{own, page};
use super::world::{EXPORT, NAME, World, check, garbled, passed_on, report, start, with_log};
use super::*;
use crate::policy::Limits;
use crate::testing::at;

fn limited(change: impl FnOnce(&mut Limits)) -> World {
    World::set(|config| change(&mut config.policy.limits))
}

/// What becomes of `message` under this id.
fn handle(world: &World, id: &str, message: &Value) -> DeliveryResult {
    world.deliver(delivery(id, world.now(), message.to_string().into_bytes()))
}

fn decisions(world: &World, deliveries: &[(&str, &Value)]) -> Vec<Action> {
    deliveries.iter().map(|(id, message)| handle(world, id, message).decision).collect()
}

/// The slots of the tasks so far: of what, which second, which number, and the second in which the task is due.
fn slots(world: &World) -> Vec<(String, i64, u64, Option<i64>)> {
    let second = |timestamp: i64| timestamp - at(0).timestamp();
    let slot = |task: &Value| {
        let slot = published(task)["state"]["report"]["slot"].clone();
        let due = task["scheduleTime"]
            .as_str()
            .map(|time| second(time.parse::<DateTime<Utc>>().unwrap().timestamp()));
        Some((slot["of"].as_str()?.to_owned(), second(slot["at"].as_i64()?), slot["number"].as_u64()?, due))
    };
    world.tasks().iter().filter_map(slot).collect()
}

#[test]
fn a_watch_above_the_limit_of_its_minute_is_refused_and_told_once_an_hour() {
    let world = limited(|limits| limits.watches_per_minute = 1);
    let message = json!({"name": NAME});
    world.clock.set(at(61));
    assert_eq!(handle(&world, "1", &message).decision, Action::CheckAgain);
    let refused = DeliveryResult {
        operation: NAME.to_owned(),
        attempt: Some(0),
        error: Some("the limit MAX_WATCHES_PER_MINUTE=1 is reached".to_owned()),
        schedule_milliseconds: Some(0),
        ..DeliveryResult::new(Action::NotStarted)
    };
    world.forget_calls();
    assert_eq!(handle(&world, "2", &message), refused);
    assert!(world.asked("Get v1/").is_empty(), "no look");
    let report = &world.next()["state"]["report"];
    assert_eq!((&report["outcome"], &report["reason"]["kind"]), (&json!("cannotTell"), &json!("limit")));
    assert_eq!(handle(&world, "1", &message).decision, Action::CheckAgain, "a redelivery");
    assert_eq!(handle(&world, "3", &check(&json!({}))).decision, Action::CheckAgain, "counted before");
    world.clock.set(at(120));
    assert_eq!(
        decisions(&world, &[("4", &message), ("5", &message)]),
        [Action::CheckAgain, Action::NotStarted]
    );
    let watch = |minute, due| ("watch".to_owned(), minute, 0, Some(due));
    let limit = ("limit watch".to_owned(), 0, 0, None);
    assert_eq!(slots(&world), [watch(60, 120), limit, watch(120, 180)]);
    world.clock.set(at(3_600));
    assert_eq!(
        decisions(&world, &[("6", &message), ("7", &message)]),
        [Action::CheckAgain, Action::NotStarted]
    );
    assert_eq!(slots(&world).last(), Some(&("limit watch".to_owned(), 3_600, 0, None)));
}

#[test]
fn a_start_counts_as_a_watch_until_it_is_passed_on() {
    let world = limited(|limits| limits.watches_per_minute = 1);
    assert_eq!(handle(&world, "1", &start()).decision, Action::Started);
    let refused = handle(&world, "2", &start());
    assert_eq!((refused.decision, refused.call_milliseconds), (Action::NotStarted, None), "{refused:?}");
    assert_eq!(refused.error.as_deref(), Some("the limit MAX_WATCHES_PER_MINUTE=1 is reached"));
    assert_eq!(world.next()["state"]["report"]["outcome"], "notStarted");
    assert_eq!(handle(&world, "3", &passed_on(start(), &json!({}))).decision, Action::Started);
}

#[test]
fn a_test_counts_as_a_watch_until_it_is_passed_on() {
    let world = limited(|limits| limits.watches_per_minute = 1);
    let test = json!({"test": true});
    assert_eq!(handle(&world, "1", &test).decision, Action::Tested);
    let passed_on = world.next();
    let refused = handle(&world, "2", &test);
    assert_eq!(refused.decision, Action::NotStarted);
    assert_eq!(refused.error.as_deref(), Some("the limit MAX_WATCHES_PER_MINUTE=1 is reached"));
    let report = &world.next()["state"]["report"];
    assert_eq!((&report["outcome"], &report["reason"]["kind"]), (&json!("notStarted"), &json!("limit")));
    assert_eq!(handle(&world, "3", &passed_on).decision, Action::Tested);
}

/// An earlier delivery may have started it, and ended before it scheduled a check.
#[test]
fn what_a_redelivered_kickoff_has_begun_is_watched_above_the_limit() {
    let mut keyed = start();
    keyed["key"] = json!("2");
    for (seconds, label, kickoff, decision, lists) in [
        (9, "2", start(), Action::NotStarted, 0),
        (10, "2", start(), Action::Adopted, 1),
        (10, "3", start(), Action::NotStarted, 1),
        (10, "2", keyed, Action::NotStarted, 0),
    ] {
        let world = limited(|limits| limits.watches_per_minute = 1);
        assert_eq!(handle(&world, "1", &start()).decision, Action::Started);
        let published = world.now();
        world.clock.set(published + chrono::TimeDelta::seconds(seconds));
        let mut begun = own("PROCESSING");
        begun["metadata"]["common"]["labels"]["opwatch-key"] = json!(label);
        world.script("/operations?", [page(&[begun], None)]);
        world.forget_calls();
        let handled = world.deliver(delivery("2", published, kickoff.to_string().into_bytes()));
        assert_eq!(
            (handled.decision, world.asked("/operations?").len()),
            (decision, lists),
            "{seconds} {label} {kickoff}"
        );
        assert!(world.asked(EXPORT).is_empty(), "nothing is started");
        assert_eq!(world.next()["name"] == NAME, decision == Action::Adopted);
    }
}

#[test]
fn a_start_above_the_limit_of_its_hour_is_refused_unless_it_was_counted_before() {
    let world = limited(|limits| limits.starts_per_hour = 1);
    assert_eq!(handle(&world, "1", &start()).decision, Action::Started);
    let refused = handle(&world, "2", &start());
    let line = refused.start.clone();
    assert_eq!(line.as_ref().map(|line| line.location.as_str()), Some("gs://b"));
    let expected = DeliveryResult {
        attempt: Some(0),
        start: line,
        error: Some("the limit MAX_STARTS_PER_HOUR=1 is reached".to_owned()),
        call_milliseconds: Some(0),
        schedule_milliseconds: Some(0),
        ..DeliveryResult::new(Action::NotStarted)
    };
    assert_eq!(refused, expected);
    let report = world.next()["state"]["report"].clone();
    assert_eq!((&report["outcome"], &report["reason"]["kind"]), (&json!("notStarted"), &json!("limit")));
    assert_eq!(world.asked(EXPORT).len(), 1);
    for (state, decision) in [(json!({}), Action::NotStarted), (json!({"counted": true}), Action::Started)] {
        assert_eq!(handle(&world, "3", &passed_on(start(), &state)).decision, decision, "{state}");
    }
    let mut elsewhere = start();
    elsewhere["start"]["path"] = json!("projects/other:export");
    assert_eq!(handle(&world, "4", &elsewhere).decision, Action::Started, "another project");
    let starts: Vec<_> = slots(&world).into_iter().filter(|(of, ..)| of.starts_with("start ")).collect();
    let slot = |project: &str| (format!("start {project}"), 0, 0, Some(3_600));
    assert_eq!(starts, [slot("demo"), slot("other")]);
}

/// A publisher chooses the keys, and a Firestore export has no label that shows it.
#[test]
fn starts_with_one_key_count_each() {
    let world = limited(|limits| limits.starts_per_hour = 2);
    let keyed = |folder: &str| {
        let body = json!({"outputUriPrefix": format!("gs://b/{folder}")});
        let path = "projects/demo/databases/(default):exportDocuments";
        json!({"key": "k", "start": {"service": "firestore", "path": path, "body": body}})
    };
    let begun = says(200, &json!({"name": "projects/demo/databases/(default)/operations/x"}));
    world.script("Post v1/projects/demo/databases/(default):exportDocuments", vec![begun; 3]);
    let kickoffs = ["1", "2", "3"].map(|id| (id, keyed(id)));
    let kickoffs: Vec<_> = kickoffs.iter().map(|(id, kickoff)| (*id, kickoff)).collect();
    assert_eq!(decisions(&world, &kickoffs), [Action::Started, Action::Started, Action::NotStarted]);
}

/// It has waited for another delivery of its kickoff, and nothing says that it was sent.
#[test]
fn an_ambiguous_start_counts_and_above_the_limit_its_outcome_is_not_known() {
    let ambiguous = passed_on(start(), &json!({"ambiguous": true, "waits": 1}));
    let world = limited(|limits| limits.starts_per_hour = 1);
    assert_eq!(
        decisions(&world, &[("1", &ambiguous), ("2", &start())]),
        [Action::Started, Action::NotStarted]
    );
    let world = limited(|limits| limits.starts_per_hour = 1);
    assert_eq!(
        decisions(&world, &[("1", &start()), ("2", &ambiguous)]),
        [Action::Started, Action::NotStarted]
    );
    let report = &world.next()["state"]["report"];
    assert_eq!((&report["outcome"], &report["reason"]["kind"]), (&json!("cannotTell"), &json!("limit")));
}

#[test]
fn a_start_that_is_tried_again_is_not_counted_again() {
    let world = limited(|limits| limits.starts_per_hour = 1);
    world.script(EXPORT, [says(503, &json!({}))]);
    let handled = handle(&world, "1", &start());
    assert_eq!(handled.decision, Action::StartAgain);
    let next = world.next();
    assert_eq!((&next["state"]["counted"], &next["state"]["tries"]), (&json!(true), &json!(1)));
    assert_eq!(world.handle(&next).decision, Action::Started);
}

#[test]
fn only_a_new_notice_is_counted() {
    let world = limited(|limits| limits.notices_per_hour = 1);
    let notice = |id: &str, more: &Value| {
        let problem = json!({"field": "name", "why": {"kind": "missing"}});
        let mut report = report("notice", &json!({"notice": {"problem": problem}}));
        report["state"]["id"] = json!(id);
        report["state"]["report"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        report
    };
    assert_eq!(world.handle(&notice("1", &json!({}))).decision, Action::Posted);
    let refused = world.handle(&notice("2", &json!({})));
    let error = refused.error.clone().unwrap();
    assert!(
        error.starts_with("name: ") && error.ends_with(" (the limit MAX_NOTICES_PER_HOUR=1 is reached)"),
        "{error}"
    );
    let expected = DeliveryResult {
        operation: NAME.to_owned(),
        attempt: Some(0),
        error: Some(error),
        schedule_milliseconds: Some(0),
        ..DeliveryResult::new(Action::NotNoticed)
    };
    assert_eq!(refused, expected);
    let told = world.next()["state"]["report"].clone();
    assert_eq!((&told["outcome"], &told["reason"]["kind"]), (&json!("notice"), &json!("limit")));
    for more in [json!({"tries": 1}), json!({"waits": 1}), told, json!({"outcome": "cannotTell"})] {
        assert_eq!(world.handle(&notice("3", &more)).decision, Action::Posted, "{more}");
    }
    // Now this instance knows, and makes no task for the next.
    let tasks = world.tasks().len();
    let refused = world.deliver(garbled("{", at(0)));
    assert_eq!((refused.decision, refused.needs_attention), (Action::NotNoticed, true));
    assert!(refused.error.unwrap().ends_with(" (the limit MAX_NOTICES_PER_HOUR=1 is reached)"));
    assert_eq!(world.tasks().len(), tasks, "the hour's report of the limit is there");
    world.clock.set(at(3_600));
    assert_eq!(world.handle(&notice("4", &json!({}))).decision, Action::Posted);
}

#[test]
fn what_can_not_be_counted_is_not_limited() {
    let message = json!({"name": NAME});
    for (reply, why) in [
        (says(503, &json!({})), "503"),
        (says(200, &json!({})).after(60_000), "Cloud Tasks did not respond in time"),
    ] {
        let world = limited(|limits| limits.watches_per_minute = 1);
        world.script("\"of\":\"watch\"", [reply]);
        let (handled, lines) = with_log(|| handle(&world, "1", &message));
        assert_eq!((handled.decision, handled.acknowledged), (Action::CheckAgain, true), "{why}");
        let line = &lines[0];
        assert_eq!(
            (&line["severity"], &line["setting"]),
            (&json!("WARNING"), &json!("MAX_WATCHES_PER_MINUTE"))
        );
        let text = line["message"].as_str().unwrap();
        assert!(text.starts_with("not counted, so not limited: ") && text.contains(why), "{text}");
        let waited = if why == "503" { 0 } else { 2_000 };
        assert_eq!(handled.call_milliseconds, Some(waited));
        world.forget_calls();
        handle(&world, "1", &message);
        assert!(world.asked("\"of\":\"watch\"").is_empty(), "it passed: it needs no slot any more");
    }
}

#[test]
fn a_slot_is_looked_for_five_times() {
    let world = limited(|limits| limits.watches_per_minute = 10);
    world.script("\"of\":\"watch\"", vec![refuses(409, "ALREADY_EXISTS"); 9]);
    assert_eq!(handle(&world, "1", &json!({"name": NAME})).decision, Action::CheckAgain);
    assert_eq!(world.asked("\"of\":\"watch\"").len(), 5);
    assert_eq!(handle(&world, "2", &json!({"name": NAME})).decision, Action::CheckAgain);
    assert_eq!(world.asked("\"of\":\"watch\"").len(), 9 + 1, "of ten slots nine are taken");
    assert_eq!(handle(&world, "3", &json!({"name": NAME})).decision, Action::NotStarted);
}
