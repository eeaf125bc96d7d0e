//! A start: looked up first, then made once, and tried again while its outcome is unknown.

use super::apis::{Reply, fails, refuses, running, says};
use super::world::{EXPORT, NAME, World, passed_on, request_label, start, with_log};
use super::*;
use crate::net::transport::Failure;
use crate::runner::StartLine;
use crate::testing::at;

fn result(decision: Action) -> DeliveryResult {
    let [path, location] = ["projects/demo:export", "gs://b"].map(str::to_owned);
    DeliveryResult {
        attempt: Some(0),
        start: Some(StartLine { path, location, title: String::new() }),
        call_milliseconds: Some(0),
        schedule_milliseconds: Some(0),
        ..DeliveryResult::new(decision)
    }
}

/// The operation of this kickoff, as a list has it.
pub(super) fn own(state: &str) -> Value {
    let labels = json!({"opwatch-key": "99"});
    let common =
        json!({"state": state, "startTime": at(1), "operationType": "EXPORT_ENTITIES", "labels": labels});
    json!({"name": NAME, "metadata": {"common": common}})
}

pub(super) fn page(operations: &[Value], next: Option<&str>) -> Reply {
    let mut page = json!({"operations": operations});
    if let Some(next) = next {
        page["nextPageToken"] = json!(next);
    }
    says(200, &page)
}

/// The pages that were asked for: filter, token and size.
fn pages(world: &World) -> Vec<(String, String, String)> {
    let page = |line: &String| {
        let query = line.split_once('?').unwrap().1;
        let value = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.unwrap_or_default().to_owned()
        };
        let filter = value("filter");
        let filter = if filter.contains("opwatch-key") {
            "key"
        } else if filter.contains("opwatch-request") {
            "request"
        } else {
            ""
        };
        (filter.to_owned(), value("pageToken"), value("pageSize"))
    };
    world.asked("/operations?").iter().map(page).collect()
}

fn asked(pages: &[(&str, &str)]) -> Vec<(String, String, String)> {
    pages
        .iter()
        .map(|(filter, token)| ((*filter).to_owned(), (*token).to_owned(), "250".to_owned()))
        .collect()
}

#[test]
fn what_is_started_is_watched_with_a_check_and_a_sentinel() {
    let world = World::new();
    world.script(EXPORT, [running(0).after(700).dated(at(4))]);
    let started = DeliveryResult {
        operation: NAME.to_owned(),
        call_milliseconds: Some(700),
        ..result(Action::Started)
    };
    assert_eq!(world.handle(&start()), started);
    assert_eq!(pages(&world), asked(&[("", "")]), "the first page is the whole list");
    let [next, sentinel] = world.messages().try_into().unwrap();
    assert_eq!((&next["name"], &next["state"]["last"]["at"]), (&json!(NAME), &json!(at(4))));
    assert_eq!(sentinel["state"]["sentinel"], true);
    let handled = world.handle(&next);
    assert_eq!(
        (handled.decision, handled.attempt, handled.start),
        (Action::CheckAgain, next["attempt"].as_u64().map(|number| u32::try_from(number).unwrap()), None)
    );
}

#[test]
fn what_runs_already_is_adopted_and_what_has_ended_is_reported() {
    let world = World::new();
    world.script("/operations?", [page(&[own("PROCESSING")], None).dated(at(5))]);
    let adopted = DeliveryResult { operation: NAME.to_owned(), ..result(Action::Adopted) };
    assert_eq!(world.handle(&start()), adopted);
    assert_eq!((world.asked(EXPORT).len(), &world.messages()[0]["state"]["last"]["at"]), (0, &json!(at(5))));
    let world = World::new();
    let mut over = own("SUCCESSFUL");
    (over["done"], over["response"], over["metadata"]["common"]["endTime"]) =
        (json!(true), json!({}), json!(at(2)));
    world.script("/operations?", [page(&[over], None)]);
    assert_eq!(
        world.handle(&start()),
        DeliveryResult { operation: NAME.to_owned(), ..result(Action::Ended) }
    );
}

#[test]
fn a_long_list_is_read_by_the_labels_of_the_start() {
    let world = World::new();
    world.script(
        "/operations?",
        [page(&[], Some("t1")), page(&[], Some("t2")), page(&[own("PROCESSING")], Some("t3"))],
    );
    assert_eq!(world.handle(&start()).decision, Action::Adopted);
    assert_eq!(pages(&world), asked(&[("", ""), ("key", ""), ("key", "t2")]));
    let world = World::new();
    world.script("/operations?", [page(&[], Some("t1"))]);
    assert_eq!(world.handle(&start()).decision, Action::Started);
    assert_eq!(pages(&world), asked(&[("", ""), ("key", ""), ("request", "")]));
}

#[test]
fn after_an_answer_that_is_too_long_smaller_pages_are_asked_for() {
    let world = World::new();
    world.script("/operations?", vec![fails(Failure::TooLong); 9]);
    let handled = world.handle(&start());
    let text = handled.error.clone().unwrap();
    assert!(text.starts_with("the response is too long; next try at 2027-01-15T08:00:1"), "{text}");
    assert_eq!(handled.decision, Action::StartAgain);
    let sizes: Vec<_> = pages(&world).into_iter().map(|(.., size)| size).collect();
    assert_eq!(sizes, ["250", "50", "10", "2", "1"]);
}

#[test]
fn a_page_token_that_has_expired_leads_back_to_the_first_page() {
    let world = World::new();
    let refused = || refuses(400, "INVALID_ARGUMENT");
    world.script(
        "/operations?",
        [page(&[], Some("t1")), page(&[], Some("t2")), refused(), page(&[own("PROCESSING")], None)],
    );
    assert_eq!(world.handle(&start()).decision, Action::Adopted);
    assert_eq!(pages(&world), asked(&[("", ""), ("key", ""), ("key", "t2"), ("key", "")]));
}

#[test]
fn a_list_that_takes_no_filter_is_read_without_one() {
    let world = World::new();
    let replies = [
        page(&[], Some("t1")),
        refuses(400, "INVALID_ARGUMENT"),
        page(&[], Some("t2")),
        page(&[own("PROCESSING")], None),
    ];
    world.script("/operations?", replies);
    let (handled, lines) = with_log(|| world.handle(&start()));
    assert_eq!(handled.decision, Action::Adopted);
    assert_eq!(pages(&world), asked(&[("", ""), ("key", ""), ("", ""), ("", "t2")]));
    let text = "the filter was rejected: reading the list without it: 400 INVALID_ARGUMENT: no";
    assert_eq!(
        (&lines[0]["message"], &lines[0]["filter"]),
        (&json!(text), &json!("metadata.common.labels.opwatch-key=99"))
    );
    // What was refused without a filter or a token is refused for good.
    let world = World::new();
    world.script("/operations?", [refuses(400, "INVALID_ARGUMENT")]);
    assert_eq!(world.handle(&start()).decision, Action::Abandoned);
    assert_eq!(
        (world.asked("/operations?").len(), &world.next()["state"]["report"]["reason"]["kind"]),
        (1, &json!("listRefused"))
    );
    // Only a 400 speaks of the filter.
    let world = World::new();
    world.script("/operations?", [page(&[], Some("t1")), refuses(404, "NOT_FOUND")]);
    assert_eq!((world.handle(&start()).decision, world.asked("/operations?").len()), (Action::Abandoned, 2));
}

#[test]
fn a_list_that_can_not_be_read_is_no_reason_to_start_a_second_time() {
    for (reply, decision, reason) in [
        (says(503, &json!({})), Action::StartAgain, ""),
        (says(404, &json!({})), Action::StartAgain, ""),
        (refuses(404, "NOT_FOUND"), Action::Abandoned, "listRefused"),
        (refuses(403, "PERMISSION_DENIED"), Action::StartAgain, ""),
        (says(501, &json!({})), Action::StartAgain, ""),
    ] {
        let world = World::new();
        world.script("/operations?", [reply.clone()]);
        let handled = world.handle(&start());
        assert_eq!((handled.decision, world.asked(EXPORT).len()), (decision, 0), "{reply:?}");
        let kind = &world.next()["state"]["report"]["reason"]["kind"];
        assert_eq!(kind.as_str().unwrap_or_default(), reason, "{reply:?}");
    }
    let denied = || vec![refuses(403, "PERMISSION_DENIED").dated(at(100)); 2];
    let world = World::new();
    world.script("/operations?", denied());
    world.handle(&start());
    let again = world.next();
    assert_eq!((&again["state"]["unreadable"], &again["state"]["lookUp"]), (&json!(true), &Value::Null));
    let due: DateTime<Utc> = world.tasks()[0]["scheduleTime"].as_str().unwrap().parse().unwrap();
    assert!(due >= at(110) && due < at(120), "by the server's clock: {due}");
    assert_eq!(world.handle(&again).decision, Action::Abandoned);
    assert_eq!(world.next()["state"]["report"]["reason"]["kind"], "listDenied");
}

#[test]
fn a_stand_in_without_a_list_is_started_without_a_look() {
    for (world, status, state, starts) in [
        (World::emulated(), 404, json!({}), 1),
        (World::emulated(), 501, json!({}), 1),
        (World::emulated(), 500, json!({}), 0),
        (World::emulated(), 404, json!({"ambiguous": true}), 0),
        (World::new(), 501, json!({}), 0),
    ] {
        world.script("/operations?", [says(status, &json!({})).dated(at(3))]);
        let (_, lines) = with_log(|| world.handle(&passed_on(start(), &state)));
        assert_eq!(world.asked(EXPORT).len(), starts, "{status} {state}");
        let warned = lines.iter().filter(|line| line["path"] == "projects/demo:export").count();
        assert_eq!(warned, starts, "{lines:?}");
    }
}

#[test]
fn a_list_that_takes_longer_than_a_push_is_read_on_by_the_next() {
    let mut world = World::new();
    world.script("/operations?", [page(&[], Some("t1")), page(&[], Some("t2")).after(1).dated(at(6))]);
    world.late = Duration::from_secs(10);
    let handled = world.handle(&start());
    let error = handled.error.clone().unwrap();
    let text = "the list of operations is long: reading continues in the next delivery; next try at 2027-01-15T08:00:07Z";
    assert_eq!((handled.decision, error.as_str()), (Action::StartAgain, text));
    let next = world.next();
    let state = &next["state"];
    assert_eq!(
        (&state["lookUp"], &state["waits"], &state["tries"]),
        (&json!({"query": 1, "token": "t2"}), &json!(1), &json!(0))
    );
    assert_eq!(pages(&world), asked(&[("", ""), ("key", "")]));
    // It goes on there, and at last looks for what began meanwhile.
    world.forget_calls();
    world.late = Duration::ZERO;
    assert_eq!(world.handle(&next).decision, Action::Started);
    assert_eq!(
        pages(&world),
        asked(&[("key", "t2"), ("request", ""), ("", ""), ("key", ""), ("request", "")])
    );
}

#[test]
fn what_began_while_a_long_list_was_read_is_found() {
    let world = World::new();
    let resumed = passed_on(start(), &json!({"id": "99", "lookUp": {"query": 2}}));
    world.script("/operations?", [page(&[], None), page(&[own("PROCESSING")], None)]);
    assert_eq!(world.handle(&resumed).decision, Action::Adopted);
    assert_eq!(pages(&world), asked(&[("request", ""), ("", "")]));
    let world = World::new();
    world.script("/operations?", [page(&[], None), says(503, &json!({}))]);
    let handled = world.handle(&resumed);
    assert_eq!((handled.decision, world.asked(EXPORT).len()), (Action::StartAgain, 0));
}

#[test]
fn a_look_that_fails_midway_is_gone_on_with_by_the_next_try() {
    let world = World::new();
    world.script("/operations?", [page(&[], Some("t1")), page(&[], Some("t2")), says(503, &json!({}))]);
    assert_eq!(world.handle(&start()).decision, Action::StartAgain);
    assert_eq!(world.next()["state"]["lookUp"], json!({"query": 1, "token": "t2"}));
    let world = World::new();
    world.script("/operations?", [says(503, &json!({}))]);
    world.handle(&start());
    assert_eq!(world.next()["state"]["lookUp"], Value::Null, "nothing was read");
}

#[test]
fn what_an_earlier_delivery_found_is_looked_at_when_nothing_better_was() {
    let resumed = || passed_on(start(), &json!({"lookUp": {"query": 1, "found": NAME}}));
    let handled = |replies: Vec<Reply>, looks: Vec<Reply>| {
        let world = World::new();
        world.script("/operations?", replies);
        world.script("Get v1/projects/demo/operations/x", looks);
        (world.handle(&resumed()).decision, world)
    };
    let (decision, world) = handled(vec![], vec![running(3).dated(at(8))]);
    assert_eq!((decision, world.asked(EXPORT).len()), (Action::Adopted, 0));
    assert_eq!(world.messages()[0]["state"]["last"]["at"], json!(at(8)));
    let (decision, _) = handled(vec![page(&[], None), refuses(400, "X"), page(&[], None)], vec![running(3)]);
    assert_eq!(decision, Action::Adopted, "though the list took no filter");
    let (decision, _) = handled(vec![], vec![refuses(404, "NOT_FOUND")]);
    assert_eq!(decision, Action::Started, "it is gone");
    let (decision, world) = handled(vec![], vec![says(503, &json!({}))]);
    assert_eq!((decision, world.asked(EXPORT).len()), (Action::StartAgain, 0));
    assert_eq!(world.next()["state"]["lookUp"]["found"], NAME);
}

#[test]
fn a_request_that_another_kickoff_made_is_remembered_until_the_list_is_read() {
    let hash = request_label();
    let labels = json!({"opwatch-key": "another", "opwatch-request": hash});
    let common = json!({"state": "PROCESSING", "startTime": at(-60), "labels": labels});
    let others = json!({"name": NAME, "metadata": {"common": common}});
    let world = World::new();
    world.script("/operations?", [page(std::slice::from_ref(&others), Some("t1")), says(503, &json!({}))]);
    assert_eq!(world.handle(&start()).decision, Action::StartAgain);
    assert_eq!(world.next()["state"]["lookUp"], json!({"query": 1, "found": NAME}));
    let world = World::new();
    world.script("/operations?", [page(&[others], None)]);
    assert_eq!(world.handle(&start()).decision, Action::Adopted);
    assert_eq!(world.messages()[0]["state"]["adopted"], "request");
}

#[test]
fn no_start_is_sent_with_too_little_time_for_its_answer() {
    for (late, starts) in [(10_000, 1), (10_001, 0)] {
        let mut world = World::new();
        world.late = Duration::from_millis(late);
        let handled = world.handle(&start());
        assert_eq!(
            (world.asked("/operations?").len(), world.asked(EXPORT).len()),
            (starts, starts),
            "{late}: {handled:?}"
        );
    }
    for (milliseconds, starts) in [(5_000, 1), (5_001, 0)] {
        let mut world = World::new();
        world.late = Duration::from_secs(5);
        world.script("/operations?", [says(200, &json!({})).after(milliseconds)]);
        let handled = world.handle(&start());
        assert_eq!(world.asked(EXPORT).len(), starts, "{milliseconds}");
        if starts == 0 {
            let error = handled.error.unwrap();
            assert!(error.starts_with("the lookup left no time for the start; next try at "), "{error}");
            let state = &world.next()["state"];
            assert_eq!(
                (&state["lookUp"], &state["counted"], &state["waits"]),
                (&json!({"query": 3}), &json!(true), &json!(1))
            );
        }
    }
}

#[test]
fn nothing_is_started_late() {
    for (state, reason) in [
        (json!({"asked": at(-3_601)}), "late"),
        (json!({"asked": at(-3_601), "error": {"code": 503}}), "unavailable"),
    ] {
        let world = World::new();
        let handled = world.handle(&passed_on(start(), &state));
        assert_eq!(handled, result(Action::Abandoned), "{state}");
        assert_eq!(world.next()["state"]["report"]["reason"]["kind"], reason);
        assert!(world.asked(EXPORT).is_empty());
    }
    let world = World::new();
    assert_eq!(world.handle(&passed_on(start(), &json!({"asked": at(-3_600)}))).decision, Action::Started);
    // By the server's clock it is late.
    let world = World::new();
    world.script("/operations?", [says(200, &json!({})).dated(at(3_601))]);
    assert_eq!(world.handle(&start()).decision, Action::Abandoned);
}

#[test]
fn a_start_that_failed_is_tried_again_unless_it_was_refused() {
    let failed = |reply: Reply, state: &Value| {
        let world = World::new();
        world.script(EXPORT, [reply]);
        let handled = world.handle(&passed_on(start(), state));
        (handled, world)
    };
    let read_on = json!({"lookUp": {"query": 2}});
    for (reply, state, ambiguous) in [
        (says(503, &json!({})).dated(at(100)), json!({}), json!(true)),
        (refuses(429, "RESOURCE_EXHAUSTED").dated(at(100)), json!({}), Value::Null),
        (refuses(429, "RESOURCE_EXHAUSTED").dated(at(100)), json!({"ambiguous": true}), json!(true)),
        (says(503, &json!({})).dated(at(100)), read_on, json!(true)),
    ] {
        let (handled, world) = failed(reply.clone(), &state);
        let error = handled.error.clone();
        assert_eq!(handled, DeliveryResult { error, ..result(Action::StartAgain) }, "{reply:?} {state}");
        let next = world.next()["state"].clone();
        assert_eq!(
            (&next["ambiguous"], &next["tries"], &next["lookUp"]),
            (&ambiguous, &json!(1), &Value::Null),
            "{reply:?}"
        );
        let due = world.tasks()[0]["scheduleTime"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        assert!(due >= at(110) && due < at(120), "by the server's clock: {due}");
        let text = handled.error.unwrap();
        assert!(text.ends_with(&format!("; next try at {}", due.format("%Y-%m-%dT%H:%M:%SZ"))), "{text}");
    }
    let (handled, world) = failed(refuses(403, "PERMISSION_DENIED"), &json!({}));
    let error = Some("403 PERMISSION_DENIED: no".to_owned());
    assert_eq!(handled, DeliveryResult { error, ..result(Action::Abandoned) });
    assert_eq!(world.next()["state"]["report"]["outcome"], "notStarted");
}

#[test]
fn the_first_check_of_what_was_just_started_is_asked_for_three_times() {
    let checks = |message: &Value, replies: Vec<Reply>| {
        let world = World::new();
        world.script("\"name\":\"projects/demo/operations/x\"", replies);
        let handled = world.handle(message);
        (
            handled,
            world.asked("create").iter().filter(|line| !line.contains("\"sentinel\":true")).count(),
            world,
        )
    };
    let down = || says(503, &json!({}));
    let (handled, asked, _) = checks(&start(), vec![down(), down()]);
    assert_eq!((handled.decision, asked), (Action::Started, 3));
    let (handled, asked, _) = checks(&start(), vec![down(), down(), down()]);
    assert_eq!((handled.decision, handled.acknowledged, asked), (Action::NotScheduled, false, 3));
    let (_, asked, _) = checks(&start(), vec![refuses(403, "X")]);
    assert_eq!(asked, 1, "refused for good");
    let (_, asked, _) = checks(&json!({"name": NAME}), vec![down()]);
    assert_eq!(asked, 1, "an operation that runs anyway");
    // Until the push's time is over.
    let (_, asked, _) = checks(&start(), vec![says(200, &json!({})).after(60_000); 9]);
    assert_eq!(asked, 3, "8, 8 and 4 seconds");
    let world = World::new();
    world.script(EXPORT, [running(0).after(7_900)]);
    world.script("\"name\":\"projects/demo/operations/x\"", vec![says(200, &json!({})).after(60_000); 9]);
    world.handle(&start());
    assert_eq!(world.asked("create").len(), 2, "8 and 4 seconds");
}

#[test]
fn a_first_check_that_may_be_ones_own_is_told_of_as_such() {
    let told = |first: Reply| {
        let world = World::new();
        let exists = refuses(409, "ALREADY_EXISTS");
        world.script("\"name\":\"projects/demo/operations/x\"", [first, exists]);
        let mut message = start();
        message["notify"] = json!("live");
        assert_eq!(world.handle(&message).decision, Action::Started);
        world.outlet().calls()
    };
    assert_eq!(told(says(503, &json!({}))), ["post C0OPS"], "it may have been created by the first call");
    assert_eq!(told(refuses(429, "X")), ["post C0OPS", "retract 1.000001"], "another copy's");
}
