//! Signals: what begins a watch, what ends one, and what is left to the checks.

use super::apis::{breaks, ended, refuses, says};
use super::world::{NAME, ROBOT, World, adopting, signal};
use super::*;
use crate::policy::{Of, Route, Routes};
use crate::services::{Operation, Service};
use crate::signal::{Phase, Signal};
use crate::testing::at;

const USER: Option<&str> = Some("user@example.com");

fn adopts() -> World {
    World::set(adopting)
}

fn started() -> Signal {
    signal(Phase::Started, USER)
}

/// A result about the operation.
fn of(decision: Action) -> DeliveryResult {
    DeliveryResult { operation: NAME.to_owned(), ..DeliveryResult::new(decision) }
}

fn scheduled(decision: Action) -> DeliveryResult {
    DeliveryResult { call_milliseconds: Some(0), schedule_milliseconds: Some(0), ..of(decision) }
}

/// Its first check is asked for, and nothing is looked at before.
fn adopted() -> DeliveryResult {
    DeliveryResult { schedule_milliseconds: Some(0), ..of(Action::Adopted) }
}

#[test]
fn the_first_signal_begins_a_watch_with_the_schedule_and_the_place_of_the_settings() {
    let world = World::set(|config| {
        adopting(config);
        (config.defaults.interval_s, config.defaults.max_checks) = (30, 9);
        let of = Of::Service(Service::DATASTORE);
        config.policy.routes = Routes(vec![Route { of, target: Target::new("C0ROUTE"), mention: None }]);
    });
    assert_eq!(world.signal(started()), adopted());
    assert_eq!((world.asked("Get v1/").len(), world.outlet().calls().len()), (0, 0));
    let [sentinel, next] = world.messages().try_into().unwrap();
    assert_eq!((&sentinel["state"]["sentinel"], &sentinel["attempt"]), (&json!(true), &json!(8)));
    assert_eq!((&next["attempt"], world.tasks()[1].get("scheduleTime")), (&json!(0), None), "{next}");
    assert_eq!(next["state"]["id"], sentinel["state"]["id"]);
    assert!(next["state"]["id"].as_str().unwrap().len() > 20, "{next}");
    for (field, expected) in
        [("name", json!(NAME)), ("channel", json!("C0ROUTE")), ("interval", json!(30)), ("limit", json!(9))]
    {
        assert_eq!(next[field], expected, "{field}");
    }
    let state = &next["state"];
    assert_eq!(
        (&state["startedBy"], &state["first"], &state["sentinel"]),
        (&json!("user@example.com"), &json!(at(-30)), &Value::Null)
    );
    let other = Operation::new(Service::DATASTORE, "projects/demo/operations/y").unwrap();
    world.signal(Signal { operation: other, ..started() });
    assert_ne!(world.next()["state"]["id"], state["id"], "a watch for each operation");
}

#[test]
fn a_watch_that_is_to_last_so_long_begins_with_a_ladder() {
    let world = World::set(|config| {
        adopting(config);
        config.defaults.until_s = Some(7_200);
    });
    assert_eq!(world.signal(started()).decision, Action::Adopted);
    assert_eq!(
        (&world.next()["state"]["ladder"], &world.next()["state"]["from"]),
        (&json!(7_200), &json!(at(-30)))
    );
}

#[test]
fn an_old_signal_begins_a_watch_now() {
    for (seconds, first) in [(-3_599, -3_599), (-3_600, 0), (-86_400, 0), (1, 0), (3_600, 0)] {
        let world = adopts();
        world.signal(Signal { at: at(seconds), ..started() });
        assert_eq!(world.messages()[0]["state"]["first"], json!(at(first)), "{seconds}");
    }
}

#[test]
fn what_began_and_ended_at_once_or_is_nobodys_wish_begins_no_watch() {
    let world = World::new();
    assert_eq!(world.signal(started()), of(Action::Ignored), "ADOPT is empty");
    assert_eq!(world.asked(""), [""; 0]);
    let world = adopts();
    assert_eq!(world.signal(signal(Phase::AtOnce, USER)), of(Action::Ignored));
    assert_eq!((world.tasks().len(), world.asked("v1/").len()), (0, 0));
    let world = World::set(|config| {
        adopting(config);
        config.policy.services.retain(|service| *service != Service::DATASTORE);
    });
    let error = Some("SERVICES does not allow it".to_owned());
    assert_eq!(world.signal(started()), DeliveryResult { error, ..of(Action::Ignored) });
    assert_eq!(world.asked(""), [""; 0]);
}

#[test]
fn an_end_of_what_nobody_watches_is_reported_where_it_would_have_been_adopted() {
    let world = adopts();
    world.script("Get v1/", [ended()]);
    assert_eq!(world.signal(signal(Phase::Ended, None)), adopted());
    assert_eq!(world.handle(&world.next()).decision, Action::Ended);
    assert_eq!(world.next()["state"]["report"]["outcome"], "succeeded");
    assert_eq!(world.asked("Delete v2/").len(), 1, "its sentinel");
    assert_eq!(World::new().signal(signal(Phase::Ended, None)), of(Action::Ignored));
}

#[test]
fn what_a_robot_starts_is_not_adopted_at_its_end_either() {
    let world = adopts();
    assert_eq!(world.signal(signal(Phase::Started, Some(ROBOT))), of(Action::Ignored));
    assert_eq!(world.signal(signal(Phase::Started, Some(ROBOT))), of(Action::Ignored), "another entry");
    let [kept] = world.messages().try_into().unwrap();
    assert_eq!(kept["state"]["report"]["slot"]["of"], "excepted");
    assert_eq!(world.signal(signal(Phase::Started, None)), of(Action::Ignored));
    assert_eq!(world.asked("Delete v2/").len(), 0);
    assert_eq!(world.signal(signal(Phase::Ended, None)), of(Action::Ignored));
    assert_eq!(world.asked("Delete v2/").len(), 1);
    assert_eq!((world.asked("Get v1/").len(), world.tasks().len()), (0, 1));
    assert_eq!(world.signal(signal(Phase::Ended, None)), of(Action::Ignored), "the name is taken");
    assert_eq!(world.asked("Get v1/").len(), 0);
    // Of a robot's operation, which is not adopted, nothing is kept.
    let world = World::new();
    assert_eq!(world.signal(signal(Phase::Started, Some(ROBOT))), of(Action::Ignored));
    assert_eq!(world.asked(""), [""; 0]);
}

#[test]
fn a_signal_comes_again_while_the_name_of_its_watch_is_not_known_to_be_taken() {
    for (status, attention) in [(503, false), (403, true)] {
        for principal in [USER, Some(ROBOT)] {
            let world = adopts();
            world.script("create", [refuses(status, "X")]);
            let handled = world.signal(signal(Phase::Started, principal));
            let text = format!("its sentinel could not be created: {status} X: no");
            let expected = DeliveryResult {
                acknowledged: false,
                needs_attention: attention,
                error: Some(text),
                ..of(Action::NotScheduled)
            };
            assert_eq!(handled, expected, "{principal:?}");
            assert_eq!(world.asked("Get v1/").len(), 0, "no look");
        }
    }
}

#[test]
fn a_sentinel_that_can_not_be_read_holds_up_only_what_must_follow() {
    let text = |status: u16| Some(format!("the sentinel of its watch could not be read: {status} X: no"));
    let unread = |world: World, phase, status| {
        world.script("Get v2/", [refuses(status, "X")]);
        world.signal(signal(phase, USER))
    };
    let comes_again = DeliveryResult { acknowledged: false, error: text(503), ..of(Action::NotScheduled) };
    assert_eq!(unread(adopts(), Phase::Started, 503), comes_again);
    assert_eq!(unread(adopts(), Phase::Started, 403), adopted(), "its name tells");
    let ignored = DeliveryResult { error: text(503), ..of(Action::Ignored) };
    assert_eq!(unread(World::new(), Phase::Ended, 503), ignored);
    let denied = DeliveryResult { error: text(403), needs_attention: true, ..of(Action::Ignored) };
    assert_eq!(unread(World::new(), Phase::Ended, 403), denied);
}

#[test]
fn what_was_watched_within_a_day_is_not_adopted_again() {
    let world = adopts();
    world.script("\"sentinel\":true", [refuses(409, "ALREADY_EXISTS")]);
    assert_eq!(world.signal(started()), of(Action::Ignored));
    assert_eq!(world.asked("Get v1/").len(), 0);
}

#[test]
fn where_the_connection_broke_the_task_that_has_the_name_tells_whose_it_is() {
    let world = adopts();
    world.script("\"sentinel\":true", [breaks()]);
    assert_eq!(world.signal(started()), adopted());
    // The sentinel of a kickoff's watch.
    let kickoffs = World::new();
    kickoffs.handle(&json!({"name": NAME}));
    let theirs = kickoffs.tasks().pop().unwrap();
    for (found, decision) in
        [(says(200, &theirs), Action::Ignored), (refuses(404, "NOT_FOUND"), Action::Ignored)]
    {
        let world = adopts();
        world.script("\"sentinel\":true", [breaks(), refuses(409, "ALREADY_EXISTS")]);
        // The first is read before.
        world.script("Get v2/", [refuses(404, "NOT_FOUND"), found]);
        assert_eq!(world.signal(started()), of(decision));
        assert_eq!(world.asked("Get v1/").len(), 0);
    }
}

#[test]
fn a_signal_goes_on_where_an_earlier_delivery_stopped() {
    let world = adopts();
    world.signal(started());
    let [_, first] = world.messages().try_into().unwrap();
    // Had the first delivery stopped before that.
    let stopped = adopts();
    stopped.script("\"attempt\":0", [refuses(503, "X")]);
    let expected = DeliveryResult {
        acknowledged: false,
        error: Some("its first check could not be created: 503 X: no".to_owned()),
        ..of(Action::NotScheduled)
    };
    assert_eq!(stopped.signal(started()), expected);
    assert_eq!(stopped.signal(started()), adopted());
    assert_eq!(stopped.next(), first);
    assert_eq!(stopped.asked("\"sentinel\":true").len(), 1);
}

/// Builds, batch jobs and upgrades say more than once that they run. A second chain of checks would post a second message.
#[test]
fn what_a_service_says_again_of_an_operation_that_runs_begins_nothing_twice() {
    let world = adopts();
    world.signal(started());
    world.handle(&world.next());
    let (tasks, posts) = (world.tasks().len(), world.outlet().calls());
    for second in [85, 3_569, 3_570, 86_400] {
        world.clock.set(at(second));
        assert_eq!(world.signal(Signal { at: at(second), ..started() }), of(Action::Ignored), "{second}");
    }
    assert_eq!((world.tasks().len(), world.outlet().calls()), (tasks, posts));
    assert_eq!(world.asked("Get v1/").len(), 1);
    // An hour after its start, even where the name of its first check is free.
    world.free(|message| message["attempt"] == 0);
    assert_eq!(world.signal(started()), of(Action::Ignored));
    world.clock.set(at(3_569));
    assert_eq!(world.signal(started()), adopted());
}

#[test]
fn a_start_that_is_told_of_a_watch_that_a_kickoff_began_is_left_to_it() {
    let world = adopts();
    world.handle(&json!({"name": NAME}));
    world.forget_calls();
    assert_eq!(world.signal(started()), of(Action::Ignored));
    assert_eq!((world.asked("Get v1/").len(), world.asked("create").len()), (0, 0));
}

#[test]
fn more_watches_than_the_limit_of_a_minute_are_not_adopted() {
    let world = World::set(|config| {
        adopting(config);
        config.policy.limits.adoptions_per_minute = 1;
    });
    assert_eq!(world.signal(started()).decision, Action::Adopted);
    let operation = Operation::new(Service::DATASTORE, "projects/demo/operations/y").unwrap();
    let refused = DeliveryResult {
        operation: "projects/demo/operations/y".to_owned(),
        error: Some("the limit MAX_ADOPTIONS_PER_MINUTE=1 is reached".to_owned()),
        schedule_milliseconds: Some(0),
        ..DeliveryResult::new(Action::NotStarted)
    };
    assert_eq!(world.signal(Signal { operation, ..started() }), refused);
    assert_eq!(world.asked("\"sentinel\":true").len(), 1);
    let slot = |message: &Value| message["state"]["report"]["slot"].clone();
    let slots: Vec<_> = world.messages().iter().map(slot).filter(|slot| !slot.is_null()).collect();
    let begin = at(0).timestamp();
    let expected = ["adoption", "limit adoption"].map(|of| json!({"of": of, "at": begin, "number": 0}));
    assert_eq!(slots, expected);
}

#[test]
fn an_end_that_the_look_shows_is_reported_and_nothing_of_the_watch_is_left() {
    let world = World::new();
    world.handle(&json!({"name": NAME}));
    world.forget_calls();
    world.script("Get v1/", [ended()]);
    let handled = world.signal(signal(Phase::Ended, None));
    assert_eq!(handled, scheduled(Action::Ended));
    let report = world.next();
    assert_eq!(
        (&report["state"]["report"]["outcome"], &report["attempt"]),
        (&json!("succeeded"), &Value::Null)
    );
    let names: Vec<_> =
        world.tasks()[..2].iter().map(|task| task["name"].as_str().unwrap().to_owned()).collect();
    let deleted = world.asked("Delete v2/");
    assert_eq!(
        deleted,
        [format!("Delete v2/{}", names[1]), format!("Delete v2/{}", names[0])],
        "the sentinel, then the check"
    );
    // An adopted watch has a task for its first check, too.
    for (second, deleted) in [(29, 2), (30, 3)] {
        let world = adopts();
        world.signal(started());
        world.script("Get v1/", [ended()]);
        world.clock.set(at(second));
        assert_eq!(world.signal(signal(Phase::Ended, None)).decision, Action::Ended);
        assert_eq!(world.asked("Delete v2/").len(), deleted, "{second}");
    }
}

#[test]
fn a_look_that_shows_no_end_is_repeated_and_then_left_to_the_checks() {
    let world = World::set(|config| config.routing.notify = Some(Notify::Live));
    world.handle(&json!({"name": NAME}));
    world.outlet().forget_calls();
    let again = DeliveryResult {
        call_milliseconds: Some(0),
        schedule_milliseconds: Some(0),
        ..of(Action::CheckAgain)
    };
    assert_eq!(world.signal(signal(Phase::Ended, None)), again);
    let look = world.next();
    assert_eq!(look["state"]["signal"]["number"], 1);
    let second = world.handle(&look);
    assert_eq!(second.decision, Action::CheckAgain);
    let last = world.handle(&world.next());
    let number = last.attempt;
    let left = DeliveryResult { attempt: number, call_milliseconds: Some(0), ..of(Action::LeftToPolling) };
    assert_eq!(last, left);
    assert_eq!(world.outlet().calls(), [""; 0], "people hear of the checks alone");
    assert_eq!(world.asked("Delete v2/").len(), 0);
}
