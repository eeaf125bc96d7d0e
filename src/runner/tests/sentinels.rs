//! What a watch leaves in the queue of checks when it ends, and whose it is.

use super::apis::{ended, refuses, says};
use super::world::{CHECKS, NAME, ROBOT, World, adopting, check, log_of, signal};
use super::*;
use crate::signal::Phase;
use crate::testing::at;

/// A world whose watch has begun, with its first check and its sentinel.
fn begun() -> (World, Value, Value) {
    let world = World::new();
    world.handle(&json!({"name": NAME}));
    let [next, sentinel] = world.messages().try_into().unwrap();
    world.forget_calls();
    (world, next, sentinel)
}

/// The calls about tasks after `message` showed the end of the operation: methods alone.
fn calls_at_end(world: &World, message: &Value) -> Vec<String> {
    world.script("Get v1/", [ended()]);
    let handled = world.handle(message);
    assert_eq!(handled.decision, Action::Ended, "{handled:?}");
    world.asked(" v2/").iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn the_check_that_ends_a_watch_deletes_its_sentinel() {
    let (world, next, _) = begun();
    assert_eq!(calls_at_end(&world, &next), ["Get", "Delete"]);
    let sentinel = world.tasks()[1]["name"].as_str().unwrap().to_owned();
    assert_eq!(world.asked("Delete v2/"), [format!("Delete v2/{sentinel}")]);
}

#[test]
fn nothing_waits_when_a_persons_first_check_or_the_sentinel_ends_a_watch() {
    let world = World::new();
    assert_eq!(calls_at_end(&world, &json!({"name": NAME})), [""; 0]);
    let (world, _, sentinel) = begun();
    assert_eq!(calls_at_end(&world, &sentinel), [""; 0]);
}

#[test]
fn the_sentinel_of_another_watch_stays() {
    let (world, mut other, _) = begun();
    other["state"]["id"] = json!("another");
    assert_eq!(calls_at_end(&world, &other), ["Get"]);
    let (world, next, _) = begun();
    world.script("Get v2/", [refuses(403, "X")]);
    assert_eq!(calls_at_end(&world, &next), ["Get"], "one that can't be read");
    let world = World::set(adopting);
    world.signal(signal(Phase::Started, Some(ROBOT)));
    assert_eq!(calls_at_end(&world, &check(&json!({}))), ["Get"], "one that is none");
}

#[test]
fn a_watch_whose_report_is_not_scheduled_keeps_its_sentinel() {
    let (world, next, _) = begun();
    world.script("Get v1/", [ended()]);
    world.script("create", [says(503, &json!({}))]);
    assert_eq!(world.handle(&next).decision, Action::NotScheduled);
    assert!(world.asked(" v2/").is_empty());
}

#[test]
fn a_watch_that_ends_without_an_end_of_its_operation_leaves_nothing_either() {
    let (world, next, _) = begun();
    world.script("Get v1/", [refuses(404, "NOT_FOUND"), refuses(404, "NOT_FOUND")]);
    world.handle(&next);
    let second = world.next();
    assert!(world.asked(" v2/").is_empty(), "it goes on");
    assert_eq!(world.handle(&second).decision, Action::Abandoned);
    assert_eq!(world.asked("Delete v2/").len(), 1);
}

#[test]
fn what_waits_under_a_sentinels_name_and_is_none_is_an_error() {
    let error = "the sentinel of its watch could not be read: its task publishes no check of this operation";
    let another = World::new();
    another.handle(&json!({"name": "projects/demo/operations/y"}));
    let check_of_another = another.tasks().pop().unwrap();
    let limited = World::set(|config| config.policy.limits.watches_per_minute = 1);
    limited.handle(&json!({"name": NAME}));
    let claim = limited.tasks()[0].clone();
    for task in [check_of_another, claim] {
        let world = World::new();
        world.script("Get v2/", [says(200, &task)]);
        let handled = world.signal(signal(Phase::Ended, None));
        assert_eq!(
            (handled.decision, handled.error.as_deref()),
            (Action::Ignored, Some(error)),
            "{}",
            published(&task)
        );
        assert!(world.asked("Get v1/").is_empty());
    }
}

#[test]
fn a_signal_deletes_the_one_check_that_waits() {
    let names = |world: &World| -> Vec<_> {
        world.tasks().iter().map(|task| task["name"].as_str().unwrap().to_owned()).collect()
    };
    let (world, _, _) = begun();
    world.script("Get v1/", [ended()]);
    // The check that is due first runs already: its task is gone, and the one after it is looked for.
    let names = names(&world);
    world.script(&format!("Delete v2/{}", names[0]), [refuses(404, "NOT_FOUND")]);
    assert_eq!(world.signal(signal(Phase::Ended, None)).decision, Action::Ended);
    let deleted = world.asked("Delete v2/");
    assert_eq!((deleted.len(), deleted[1].ends_with(&names[0])), (3, true), "{deleted:?}");
    // Where that is not known no other is tried.
    let (world, _, _) = begun();
    world.script("Get v1/", [ended()]);
    world.script(&format!("Delete v2/{}", names[0]), [refuses(403, "X")]);
    world.signal(signal(Phase::Ended, None));
    assert_eq!(world.asked("Delete v2/").len(), 2);
}

#[test]
fn a_failure_with_a_sentinel_is_warned_of_once_a_minute() {
    let world = World::new();
    world.script("\"sentinel\":true", vec![refuses(403, "X"); 9]);
    let lines_at = |second: i64| {
        world.clock.set(at(second));
        let lines = log_of(|| {
            let handled = world.handle(&json!({"name": NAME}));
            assert_eq!((handled.decision, handled.error), (Action::CheckAgain, None));
        });
        if let [line] = lines.as_slice() {
            assert_eq!(line, "WARNING a watch has no sentinel, so signals about it are not used: 403 X: no");
        }
        lines.len()
    };
    assert_eq!([lines_at(0), lines_at(59), lines_at(60), lines_at(119), lines_at(120)], [1, 0, 1, 0, 1]);
    assert_eq!(lines_at(60), 1, "a clock may be set back");
}

#[test]
fn what_can_not_be_deleted_is_warned_of() {
    let (world, next, _) = begun();
    world.script("Delete v2/", [refuses(403, "X")]);
    world.script("Get v1/", [ended()]);
    let lines = log_of(|| assert_eq!(world.handle(&next).decision, Action::Ended));
    let text =
        "a task of a watch that ended could not be deleted, and looks at its operation once more: 403 X: no";
    assert_eq!(lines, [format!("WARNING {text}")]);
    let world = World::set(adopting);
    world.signal(signal(Phase::Started, Some(ROBOT)));
    world.script("Delete v2/", [refuses(403, "X")]);
    let lines = log_of(|| assert_eq!(world.signal(signal(Phase::Ended, None)).decision, Action::Ignored));
    assert_eq!(lines, ["WARNING a task that nothing follows could not be deleted: 403 X: no"]);
}

#[test]
fn what_is_excepted_is_kept_as_long_as_a_watch_would_last() {
    let world = World::set(adopting);
    world.signal(signal(Phase::Started, Some(ROBOT)));
    let task = world.tasks().pop().unwrap();
    assert!(task["name"].as_str().unwrap().starts_with(CHECKS));
    let due: DateTime<Utc> = task["scheduleTime"].as_str().unwrap().parse().unwrap();
    assert_eq!(due, at(-30 + 59 * 60 + 60), "when its sentinel would be due");
    let released = world.handle(&published(&task));
    assert_eq!(released, DeliveryResult { attempt: Some(0), ..DeliveryResult::new(Action::Released) });
}
