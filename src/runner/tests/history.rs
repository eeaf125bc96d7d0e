//! What the ledger adds: whose a report is, how a run compares with the one before, and what is kept of each look.

use super::apis::{Reply, breaks, refuses, says};
use super::outlet::fault;
use super::world::{NAME, World, check, claimed, log_of, report, with_ledger};
use super::*;
use crate::outlets::Fault;
use crate::testing::at;

const CLAIM: &str = "\"kind\":\"OpwatchClaim\"";
const LAST: &str = "\"kind\":\"OpwatchLast\"";

fn recording() -> World {
    World::set(with_ledger)
}

fn failed(waits: u32) -> Value {
    report("failed", &json!({"waits": waits}))
}

/// A world whose ledger answers claims so.
fn answering(replies: Vec<Reply>) -> World {
    let world = recording();
    world.script(":commit", replies);
    world
}

/// When the next step is due, in seconds.
fn due(world: &World) -> i64 {
    let task = world.tasks().pop().unwrap();
    (task["scheduleTime"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap() - at(0)).num_seconds()
}

#[test]
fn a_report_is_claimed_posted_and_marked_as_sent() {
    let world = recording();
    let posted = world.handle(&failed(0));
    assert_eq!((posted.decision, posted.error), (Action::Posted, None));
    let [claim, sent] = world.asked(":commit").try_into().unwrap();
    assert!(claim.contains(CLAIM) && claim.contains("\"insert\""), "{claim}");
    assert!(sent.contains("\"upsert\"") && sent.contains("\"stringValue\":\"sent\""), "{sent}");
    let mut unwanted = report("succeeded", &json!({}));
    unwanted["notify"] = json!("failure");
    assert_eq!(world.handle(&unwanted).decision, Action::NotWanted);
    assert!(
        world.asked(":commit").pop().unwrap().contains("\"stringValue\":\"sent\""),
        "it needs no second delivery"
    );
}

#[test]
fn a_claim_of_which_nothing_is_known_is_waited_for_once() {
    let late = says(200, &json!({})).after(2_500);
    for reply in [breaks(), says(200, &json!([])), late] {
        let world = answering(vec![reply.clone(), reply.clone()]);
        let handled = world.handle(&failed(0));
        assert_eq!((handled.decision, due(&world)), (Action::Waits, 10), "{reply:?}");
        assert_eq!(world.next()["state"]["report"]["waits"], 1);
        assert_eq!(answering(vec![reply.clone(), reply]).handle(&failed(1)).decision, Action::Posted);
    }
    for reply in [refuses(403, "X"), refuses(503, "X")] {
        assert_eq!(answering(vec![reply]).handle(&failed(0)).decision, Action::Posted, "it was refused");
    }
    let lines = log_of(|| answering(vec![refuses(403, "X")]).handle(&failed(0)));
    assert_eq!(lines, ["WARNING ledger error: a report is posted without a lease: 403 X: no"]);
}

#[test]
fn a_report_that_was_sent_is_not_posted_again_and_one_that_is_being_posted_waits() {
    let world = |state: &str, second| {
        let world = recording();
        for (of, replies) in claimed(state, at(second)) {
            world.script(of, replies);
        }
        world
    };
    let handled = world("sent", 0).handle(&failed(0));
    let before = DeliveryResult {
        operation: NAME.to_owned(),
        attempt: Some(0),
        ..DeliveryResult::new(Action::PostedBefore)
    };
    assert_eq!(handled, before);
    let held = world("claimed", 20);
    let waits = DeliveryResult { decision: Action::Waits, schedule_milliseconds: Some(0), ..before };
    assert_eq!((held.handle(&failed(3)), due(&held)), (waits, 21));
    assert_eq!(held.next()["state"]["report"]["waits"], 4);
    let lapsed = world("claimed", -1);
    assert_eq!(lapsed.handle(&failed(0)).decision, Action::Posted);
}

#[test]
fn the_lease_on_a_report_that_was_not_posted_is_released_if_it_is_ones_own() {
    let released = |world: &World, waits| {
        world.outlet().script([Err(fault(Fault::Passing))]);
        assert_eq!(world.handle(&failed(waits)).decision, Action::PostAgain);
        world.asked("\"delete\"").len()
    };
    assert_eq!(released(&recording(), 0), 1);
    assert_eq!(released(&answering(vec![refuses(403, "X")]), 0), 0);
    let world = recording();
    for (of, replies) in claimed("claimed", at(20)) {
        world.script(of, replies);
    }
    assert_eq!(released(&world, 20), 0, "another delivery may be posting it");
    let world = recording();
    world.script("\"delete\"", [refuses(403, "X")]);
    world.outlet().script([Err(fault(Fault::Passing))]);
    let lines = log_of(|| world.handle(&failed(0)));
    assert_eq!(lines, ["WARNING ledger error: the lease on a report is kept until it expires: 403 X: no"]);
}

#[test]
fn what_was_posted_is_marked_again_by_a_ledger_that_worked() {
    let text = "WARNING ledger error: a report that was posted is not marked as sent: 403 X: no";
    let world = recording();
    world.script("\"stringValue\":\"sent\"", vec![refuses(403, "X"); 9]);
    let lines = log_of(|| assert_eq!(world.handle(&failed(0)).decision, Action::Posted));
    assert_eq!((lines, world.asked("\"stringValue\":\"sent\"").len()), (vec![text.to_owned()], 2));
    let world = answering(vec![refuses(403, "X"); 9]);
    let lines = log_of(|| assert_eq!(world.handle(&failed(0)).decision, Action::Posted));
    assert_eq!((lines.len(), world.asked("\"stringValue\":\"sent\"").len()), (1, 1), "one line a minute");
    let world = recording();
    world.script("\"stringValue\":\"sent\"", [refuses(503, "X")]);
    log_of(|| world.handle(&failed(0)));
    assert_eq!(world.asked("\"stringValue\":\"sent\"").len(), 2, "the second time it worked");
}

#[test]
fn a_failing_ledger_is_warned_of_once_a_minute() {
    let world = recording();
    world.script(":lookup", vec![refuses(403, "X"); 9]);
    let lines_at = |second: i64| {
        world.clock.set(at(second));
        let lines = log_of(|| assert_eq!(world.handle(&check(&json!({}))).decision, Action::CheckAgain));
        if let [line] = lines.as_slice() {
            assert_eq!(line, "WARNING ledger error: the snapshot is not stored: 403 X: no");
        }
        lines.len()
    };
    assert_eq!([lines_at(0), lines_at(59), lines_at(60), lines_at(119), lines_at(120)], [1, 0, 1, 0, 1]);
}

#[test]
fn what_a_look_showed_is_kept() {
    let world = recording();
    world.handle(&check(&json!({})));
    let kept = world.asked(":commit").pop().unwrap();
    assert!(
        kept.contains("\"kind\":\"Opwatch\"") && kept.contains("\"stringValue\":\"PROCESSING\""),
        "{kept}"
    );
    world.forget_calls();
    world.script("Get v1/", [says(503, &json!({}))]);
    world.handle(&check(&json!({})));
    assert!(world.asked(":commit").is_empty(), "it showed nothing");
    let world = World::new();
    world.handle(&check(&json!({})));
    assert!(world.asked(":commit").is_empty() && world.asked(":lookup").is_empty(), "there is no ledger");
}

/// The ledger's answer that the last run took so long and went through 50 entities.
fn last_run(seconds: i64) -> Reply {
    let time = |second: i64| json!({"timestampValue": at(second)});
    let properties = json!({"operation": {"stringValue": "projects/demo/operations/w"}, "start": time(-9_000),
        "end": time(-9_000 + seconds), "entities": {"integerValue": "50"}});
    says(200, &json!({"found": [{"entity": {"properties": properties}, "version": "7"}]}))
}

fn succeeded() -> Value {
    let entities = json!({"done": 100, "of": 100});
    let facts = json!({"work": "EXPORT_ENTITIES", "prefix": "gs://b/x", "start": at(-60), "end": at(-1), "entities": entities});
    report("succeeded", &json!({"facts": facts}))
}

#[test]
fn a_run_is_compared_with_the_one_before_and_is_what_the_next_is_compared_with() {
    let world = recording();
    world.script(LAST, [last_run(600)]);
    assert_eq!(world.handle(&succeeded()).decision, Action::Posted);
    let text = &world.outlet().told()[0].text;
    assert!(text.contains("100%") || text.contains("+100"), "{text}");
    let sent = world.asked("\"stringValue\":\"sent\"").pop().unwrap();
    assert!(sent.contains(LAST) && sent.contains(&format!("\"stringValue\":\"{NAME}\"")), "{sent}");
    // The first run.
    let world = recording();
    world.handle(&succeeded());
    let sent = world.asked("\"stringValue\":\"sent\"").pop().unwrap();
    assert!(sent.contains(LAST), "{sent}");
    // What is not known is not written over.
    let world = recording();
    world.script(LAST, [refuses(403, "X")]);
    let lines = log_of(|| assert_eq!(world.handle(&succeeded()).decision, Action::Posted));
    assert_eq!(lines, ["WARNING ledger error: a run is not compared with the previous one: 403 X: no"]);
    let sent = world.asked("\"stringValue\":\"sent\"").pop().unwrap();
    assert!(!sent.contains(LAST), "{sent}");
    // A failure is compared with nothing.
    let world = recording();
    world.handle(&failed(0));
    assert!(world.asked(LAST).is_empty());
}

#[test]
fn a_ladder_knows_how_long_the_last_run_took() {
    let ladder = |state: &Value| {
        let mut more = json!({"ladder": 7_200, "from": at(-60)});
        more.as_object_mut().unwrap().extend(state.as_object().unwrap().clone());
        check(&more)
    };
    let usual = |message: &Value, reply: Option<Reply>| {
        let world = recording();
        world.script(LAST, reply);
        assert_eq!(world.handle(message).decision, Action::CheckAgain);
        (world.next()["state"]["usual"].clone(), world.asked(LAST).len())
    };
    assert_eq!(usual(&ladder(&json!({})), Some(last_run(600))), (json!(600), 1));
    assert_eq!(usual(&ladder(&json!({})), None), (json!(0), 1), "there was none");
    assert_eq!(usual(&ladder(&json!({})), Some(refuses(403, "X"))), (json!(0), 1));
    assert_eq!(usual(&ladder(&json!({"usual": 77})), Some(last_run(600))), (json!(77), 0), "asked once");
    assert_eq!(
        usual(&check(&json!({})), Some(last_run(600))),
        (Value::Null, 0),
        "a fixed interval has no use for it"
    );
    let world = World::new();
    world.handle(&ladder(&json!({})));
    assert_eq!(world.next()["state"]["usual"], Value::Null);
    // What nothing names is no work.
    let world = recording();
    let common = json!({"state": "PROCESSING", "startTime": at(-60)});
    world.script("Get v1/", [says(200, &json!({"name": NAME, "metadata": {"common": common}}))]);
    world.handle(&ladder(&json!({})));
    assert_eq!((&world.next()["state"]["usual"], world.asked(LAST).len()), (&json!(0), 0));
    let lines = log_of(|| usual(&ladder(&json!({})), Some(refuses(403, "X"))));
    assert_eq!(lines, ["WARNING ledger error: the last run is not known: 403 X: no"]);
}
