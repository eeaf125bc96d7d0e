//! What people are told while an operation runs: by which delivery, and when not.

use super::apis::{Reply, breaks, ended, refuses, says};
use super::outlet::{Fake, fault};
use super::world::{NAME, World, check, followed, live, log_of, passed_on, report, signal};
use super::*;
use crate::outlets::Fault;
use crate::services::Service;
use crate::signal::Phase;
use crate::testing::at;

const REFUSED: &str = "Fake: refused; action: do something";

fn notify(word: &str) -> Value {
    json!({"name": NAME, "notify": word})
}

/// Check 1 of a watch with this word, not followed yet.
fn second(word: &str) -> Value {
    passed_on(json!({"name": NAME, "notify": word, "attempt": 1}), &json!({}))
}

/// What is told by a kickoff and the two checks after it.
fn of_three_checks(world: &World, kickoff: &Value) -> Vec<Vec<String>> {
    let mut message = kickoff.clone();
    let mut told = Vec::new();
    for minute in 0..3 {
        world.clock.set(at(60 * minute));
        world.outlet().forget_calls();
        assert_eq!(world.handle(&message).decision, Action::CheckAgain);
        told.push(world.outlet().calls());
        let is_check = |message: &&Value| message["state"]["sentinel"] != true;
        message = world.messages().iter().rev().find(is_check).unwrap().clone();
    }
    told
}

#[test]
fn a_message_that_follows_a_watch_is_posted_first_and_edited_after_each_further_step() {
    let (post, edit) = ("post C0OPS".to_owned(), "edit 1.000001".to_owned());
    for (word, told) in [
        ("live", [vec![post.clone()], vec![edit.clone()], vec![edit]]),
        ("start,end", [vec![post], vec![], vec![]]),
        ("end", [vec![], vec![], vec![]]),
        ("failure", [vec![], vec![], vec![]]),
    ] {
        assert_eq!(of_three_checks(&World::new(), &notify(word)), told, "{word}");
    }
    let world = World::of([Fake::webhook()], |_| ());
    assert_eq!(of_three_checks(&world, &notify("start,end")), [vec!["post -".to_owned()], vec![], vec![]]);
    let world = World::of([Fake::topic()], |_| ());
    assert_eq!(of_three_checks(&world, &notify("start,end")), [[""; 0]; 3]);
}

#[test]
fn only_a_message_that_is_edited_says_how_far_the_operation_is() {
    for (word, says_so) in [("live", true), ("start,end", false)] {
        let world = World::new();
        world.handle(&second(word));
        let text = &world.outlet().told()[0].text;
        assert_eq!(text.contains("7%"), says_so, "{text}");
    }
}

#[test]
fn what_can_be_edited_is_told_before_the_next_step_and_the_rest_by_whoever_scheduled() {
    let handled = |fake: Fake, word: &str, reply: Option<Reply>| {
        let world = World::of([fake], |_| ());
        world.script("\"attempt\":2", reply);
        world.handle(&second(word));
        (world.outlet().calls(), world.next()["state"].clone())
    };
    let exists = || Some(refuses(409, "ALREADY_EXISTS"));
    let (calls, state) = handled(Fake::slack(), "live", None);
    assert_eq!(
        (calls, &state["live"], &state["announced"]),
        (vec!["post C0OPS".to_owned()], &live(), &Value::Null)
    );
    let (calls, _) = handled(Fake::slack(), "live", exists());
    assert_eq!(calls, ["post C0OPS", "retract 1.000001"], "another copy has posted its own");
    let (calls, _) = handled(Fake::slack(), "live", Some(says(503, &json!({}))));
    assert_eq!(calls, ["post C0OPS", "retract 1.000001"]);
    for word in ["live", "start,end"] {
        let (calls, state) = handled(Fake::webhook(), word, None);
        assert_eq!(
            (calls, &state["announced"], &state["live"]),
            (vec!["post -".to_owned()], &json!(true), &Value::Null),
            "{word}"
        );
        assert_eq!(handled(Fake::webhook(), word, exists()).0, [""; 0], "{word}");
    }
    let world = World::new();
    world.script("\"attempt\":2", exists());
    assert_eq!(world.handle(&followed(check(&json!({})))).decision, Action::CheckAgain);
    assert_eq!(world.outlet().calls(), [""; 0], "a copy edits nothing");
    let world = World::new();
    world.script("\"attempt\":2", [breaks()]);
    world.handle(&followed(check(&json!({}))));
    assert_eq!(world.outlet().calls(), ["edit 1.000001"], "it may be its own");
}

#[test]
fn the_sentinel_of_a_copy_names_no_message() {
    let live_of = |reply: Option<Reply>, word: &str| {
        let world = World::new();
        world.script("\"attempt\":1,", reply);
        world.handle(&notify(word));
        let sentinel = world.messages().into_iter().find(|message| message["state"]["sentinel"] == true);
        sentinel.unwrap()["state"]["live"].clone()
    };
    assert_eq!(live_of(None, "live"), live());
    assert_eq!(live_of(Some(refuses(409, "ALREADY_EXISTS")), "live"), Value::Null);
    assert_eq!(live_of(None, "end"), Value::Null);
}

#[test]
fn nothing_is_posted_for_a_minute_after_a_step_could_not_be_scheduled() {
    let world = World::new();
    world.script("\"attempt\":2", [says(503, &json!({}))]);
    let calls_at = |second_of_clock| {
        world.clock.set(at(second_of_clock));
        world.outlet().forget_calls();
        world.handle(&second("live"));
        world.outlet().calls().len()
    };
    // The message, which is deleted again.
    assert_eq!([calls_at(10), calls_at(11), calls_at(69), calls_at(-49)], [2, 0, 0, 0]);
    // A copy, whose message is deleted again.
    assert_eq!(calls_at(70), 2);
    // What is no check says nothing of the queue of checks.
    let world = World::new();
    world.script("\"outcome\":\"failed\"", [says(503, &json!({}))]);
    world.outlet().script([Err(fault(Fault::Passing))]);
    world.handle(&report("failed", &json!({})));
    world.handle(&second("live"));
    assert_eq!(world.outlet().calls(), ["post C0OPS", "post C0OPS"]);
}

#[test]
fn what_can_be_left_out_is_left_out_while_the_outlet_is_to_be_spared() {
    let world = World::new();
    world.outlet().spare();
    assert_eq!(world.handle(&second("live")).decision, Action::CheckAgain);
    world.handle(&followed(check(&json!({}))));
    assert_eq!(world.outlet().calls(), [""; 0]);
}

#[test]
fn a_first_message_that_may_be_there_is_not_posted_again() {
    for (answer, announced) in [(Fault::Passing, Value::Null), (Fault::Unclear, json!(true))] {
        let world = World::new();
        world.outlet().script([Err(fault(answer))]);
        let lines = log_of(|| world.handle(&second("live")));
        assert_eq!(lines, [format!("WARNING the live message could not be posted: {REFUSED}")]);
        let state = world.next()["state"].clone();
        assert_eq!((&state["live"], &state["announced"]), (&Value::Null, &announced), "{answer:?}");
    }
}

#[test]
fn each_call_about_progress_that_fails_is_one_warning() {
    let log = |fake: Fake, message: &Value, answers: Vec<Result<(), Fault>>, reply: Option<Reply>| {
        let world = World::of([fake], |_| ());
        world.outlet().script(answers.into_iter().map(|answer| answer.map_err(fault)));
        world.script("create", reply);
        log_of(|| world.handle(message))
    };
    let exists = Some(refuses(409, "ALREADY_EXISTS"));
    let refused = |what: &str| vec![format!("WARNING {what}: {REFUSED}")];
    let lines = log(Fake::slack(), &followed(check(&json!({}))), vec![Err(Fault::Passing)], None);
    assert_eq!(lines, refused("the live message could not be edited"));
    let lines = log(Fake::slack(), &second("live"), vec![Ok(()), Err(Fault::Passing)], exists.clone());
    assert_eq!(lines, refused("a duplicate live message could not be deleted"));
    let lines = log(Fake::webhook(), &second("live"), vec![Err(Fault::Passing)], None);
    assert_eq!(lines, refused("the message about the start could not be posted"));
    let world = World::new();
    world.script("Get v1/", [ended()]);
    world.script("create", exists);
    world.outlet().script([Err(fault(Fault::Passing))]);
    let lines = log_of(|| world.handle(&followed(check(&json!({})))));
    assert_eq!(lines, refused("the live message could not be edited to show the end"));
}

#[test]
fn an_edit_ends_before_that_of_the_next_check_begins() {
    let limit = |late: u64, interval: u32| {
        let mut world = World::new();
        world.late = Duration::from_secs(late);
        world.clock.set(at(i64::from(interval)));
        let mut message = followed(check(&json!({})));
        message["interval"] = json!(interval);
        world.handle(&message);
        world.outlet().told().first().map(|told| told.limit.as_secs())
    };
    assert_eq!([limit(0, 60), limit(0, 4), limit(2, 4), limit(3, 4)], [Some(3), Some(3), Some(1), None]);
}

#[test]
fn messages_that_can_not_be_edited_any_more_are_remembered() {
    let world = World::new();
    let message = |number: u32, attempt: u32| {
        let mut message = followed(check(&json!({})));
        message["attempt"] = json!(attempt);
        message["state"]["id"] = json!(number.to_string());
        message["state"]["live"]["ts"] = json!(format!("{number}.000001"));
        message
    };
    world.outlet().script([
        Err(fault(Fault::Gone)),
        Err(fault(Fault::Uneditable)),
        Err(fault(Fault::Passing)),
    ]);
    for number in [1, 2, 3] {
        world.handle(&message(number, 1));
    }
    let calls = ["edit 1.000001", "edit 2.000001", "edit 3.000001"];
    assert_eq!(world.outlet().calls(), calls);
    world.clock.set(at(60));
    for number in [1, 2, 3] {
        world.handle(&message(number, 2));
    }
    assert_eq!(world.outlet().calls()[3..], ["edit 3.000001"], "only that may still be edited");
}

#[test]
fn of_two_copies_of_an_end_the_second_edits_the_message_that_it_knows() {
    let calls = |reply: Option<Reply>| {
        let world = World::new();
        world.script("Get v1/", [ended()]);
        world.script("create", reply);
        world.handle(&followed(check(&json!({}))));
        world.outlet().calls()
    };
    assert_eq!(calls(None), [""; 0]);
    assert_eq!(calls(Some(refuses(409, "ALREADY_EXISTS"))), ["edit 1.000001"]);
    assert_eq!(calls(Some(breaks())), ["edit 1.000001"]);
    assert_eq!(calls(Some(says(503, &json!({})))), [""; 0], "the push comes again");
    // That of an outlet that is the only one to edit, whatever the first one is.
    let world = World::of([Fake::topic(), Fake::slack()], |_| ());
    world.script("Get v1/", [ended()]);
    world.script("\"outcome\"", [says(200, &json!({"name": "x"})), refuses(409, "ALREADY_EXISTS")]);
    world.handle(&followed(check(&json!({}))));
    assert_eq!(world.outlets()[1].calls(), [""; 0], "one of the tasks is not there");
}

#[test]
fn the_copy_with_the_message_says_whether_the_end_is_told() {
    let calls = |of: &str| {
        let world = World::of([Fake::topic(), Fake::slack()], |_| ());
        world.script("Get v1/", [ended()]);
        world.script(of, [refuses(409, "ALREADY_EXISTS")]);
        assert_eq!(world.handle(&followed(check(&json!({})))).decision, Action::Ended);
        world.outlets()[1].calls()
    };
    assert_eq!(calls("\"id\":\"topic\""), [""; 0]);
    assert_eq!(calls("\"live\":{"), ["edit 1.000001"]);
}

/// A look that shows as many entities as the ones before.
fn standing() -> Value {
    check(&json!({"track": {"points": [{"at": at(-60), "entities": 7}], "unchanged": 1}}))
}

#[test]
fn an_operation_that_stands_still_is_told_once() {
    let world = World::set(|config| config.stall_after = 2);
    assert_eq!(world.handle(&standing()).decision, Action::CheckAgain);
    let [warning, next] = world.messages().try_into().unwrap();
    assert_eq!(warning["state"]["report"]["outcome"], "stalled");
    assert_eq!(next["state"]["track"]["stalled"], true);
    world.clock.set(at(60));
    world.handle(&next);
    assert_eq!(world.messages().len(), 3, "the next check alone");
    for (limit, notify) in [(3, "end"), (0, "end"), (2, "failure")] {
        let world = World::set(|config| config.stall_after = limit);
        let mut message = standing();
        message["notify"] = json!(notify);
        world.handle(&message);
        assert_eq!(world.messages().len(), 1, "{limit} {notify}");
    }
    let world = World::of([Fake::topic()], |config| config.stall_after = 2);
    world.handle(&standing());
    assert_eq!(world.messages().len(), 1, "nothing to programs");
}

#[test]
fn a_warning_that_could_not_be_scheduled_is_tried_again_by_the_next_check() {
    for (reply, why) in
        [(says(503, &json!({})), "503"), (says(200, &json!({})).after(9_000), "no response in time")]
    {
        let mut world = World::set(|config| config.stall_after = 2);
        // The next step has more time than this.
        world.late = Duration::from_secs(10);
        world.script("\"outcome\":\"stalled\"", [reply]);
        let lines = log_of(|| world.handle(&standing()));
        let text = format!(
            "WARNING the no-progress warning could not be scheduled, and the next check retries it: {why}"
        );
        assert!(lines[0].starts_with(&text), "{lines:?}");
        assert_eq!(world.next()["state"]["track"]["stalled"], Value::Null);
    }
}

#[test]
fn an_operation_that_waits_for_somebody_is_told_at_once() {
    let rollout = "projects/p/locations/l/deliveryPipelines/d/releases/r/rollouts/o";
    let waiting = || says(200, &json!({"name": rollout, "state": "PENDING_APPROVAL", "createTime": at(-60)}));
    let message =
        || passed_on(json!({"service": "clouddeploy.rollouts", "name": rollout, "attempt": 1}), &json!({}));
    let world = || {
        let world = World::set(|config| config.policy.services = Service::all().collect());
        world.script("Get v1/", [waiting(), waiting()]);
        world
    };
    let told = world();
    assert_eq!(told.handle(&message()).decision, Action::CheckAgain);
    let [note, next] = told.messages().try_into().unwrap();
    assert_eq!(
        (&note["state"]["report"]["outcome"], &next["state"]["track"]["waited"]),
        (&json!("stalled"), &json!(true))
    );
    told.clock.set(at(60));
    told.handle(&next);
    assert_eq!(told.messages().len(), 3);
    let failing = world();
    failing.script("\"outcome\":\"stalled\"", [refuses(503, "X")]);
    let lines = log_of(|| failing.handle(&message()));
    let text = "WARNING the note that it waits for someone could not be scheduled, and the next check retries it: 503 X: no";
    assert_eq!(lines, [text]);
    assert_eq!(failing.next()["state"]["track"]["waited"], Value::Null);
}

#[test]
fn what_a_look_did_not_show_is_not_told() {
    let world = World::set(|config| config.stall_after = 2);
    world.script("Get v1/", [says(503, &json!({}))]);
    assert_eq!(world.handle(&second("live")).decision, Action::CheckAgain);
    assert_eq!(world.outlet().calls(), [""; 0], "nothing was seen of it yet");
}

#[test]
fn the_check_that_ends_a_message_stays_when_a_signal_ended_its_watch() {
    let deleted = |fake: Fake, notify: &str| {
        let world = World::of([fake], |_| ());
        world.handle(&json!({"name": NAME}));
        let sentinel = world.tasks().pop().unwrap();
        let message = published(&sentinel);
        let mut message = message.clone();
        message["notify"] = json!(notify);
        // The sentinel as it would be, had the kickoff said so.
        let data = STANDARD.encode(message.to_string());
        let body = STANDARD.encode(json!({"messages": [{"data": data}]}).to_string());
        world.script(
            "Get v2/",
            [says(200, &json!({"name": sentinel["name"], "httpRequest": {"body": body}}))],
        );
        world.script("Get v1/", [ended()]);
        assert_eq!(world.signal(signal(Phase::Ended, None)).decision, Action::Ended);
        world.asked("Delete v2/").len()
    };
    assert_eq!(deleted(Fake::slack(), "end"), 2, "the sentinel and the next check");
    for followed in ["live", "start,end"] {
        assert_eq!(deleted(Fake::slack(), followed), 1, "{followed}");
        assert_eq!(deleted(Fake::webhook(), followed), 2, "{followed}: nothing can be edited");
    }
    assert_eq!(deleted(Fake::slack(), "as a newer version has it"), 1);
}
