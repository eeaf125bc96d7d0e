//! What Pub/Sub gave up on: who is told, of what, and what becomes of the dead letter.

use super::apis::{ended, refuses, running, says};
use super::outlet::{Fake, fault};
use super::world::{
    NAME, World, carrying, check, digests, drain, followed, garbled, log_of, report, request_label, start,
    with_log,
};
use super::*;
use crate::outlets::Fault;
use crate::policy::Targets;
use crate::testing::at;

/// The result of one about the operation that was reported, or was to be.
fn of(decision: Action) -> DeliveryResult {
    DeliveryResult { operation: NAME.to_owned(), needs_attention: true, ..DeliveryResult::new(decision) }
}

fn posted(decision: Action) -> DeliveryResult {
    DeliveryResult { call_milliseconds: Some(0), ..of(decision) }
}

#[test]
fn a_lost_check_is_told_with_the_number_of_its_deliveries() {
    let world = World::new();
    let count = ("CloudPubSubDeadLetterSourceDeliveryCount".to_owned(), "5".to_owned());
    let lost = Delivery { attributes: [count].into(), ..carrying(&check(&json!({})), at(0)) };
    assert_eq!(world.bury(lost), posted(Action::ToldLost));
    let [told] = world.outlet().told().try_into().unwrap();
    assert_eq!((told.call.as_str(), told.about.as_str()), ("post C0OPS", NAME));
    assert!(told.text.contains('5'), "{}", told.text);
    assert!(world.tasks().is_empty());
}

#[test]
fn an_end_that_a_last_look_shows_is_scheduled_as_a_check_does() {
    let lost = || followed(check(&json!({})));
    let world = World::new();
    world.handle(&json!({"name": NAME}));
    let sentinel = world.tasks().pop().unwrap()["name"].as_str().unwrap().to_owned();
    world.forget_calls();
    world.script("Get v1/", [ended()]);
    let mut own = lost();
    own["state"]["id"] = world.next()["state"]["id"].clone();
    assert_eq!(world.dead_letter(&own), of(Action::Ended));
    assert_eq!(world.next()["state"]["report"]["outcome"], "succeeded");
    assert_eq!(world.asked("Delete v2/"), [format!("Delete v2/{sentinel}")]);
    assert_eq!(world.outlet().calls(), [""; 0], "the report does that");
    // Another delivery had asked for the report, and may know another message.
    world.script("Get v1/", [ended()]);
    assert_eq!(world.dead_letter(&own), of(Action::Ended));
    assert_eq!(world.outlet().calls(), ["edit 1.000001"]);
    // It can't be scheduled: it is posted at once.
    let world = World::new();
    world.script("Get v1/", [ended()]);
    world.script("create", [says(503, &json!({}))]);
    assert_eq!(world.dead_letter(&lost()), posted(Action::ToldLost));
    assert_eq!(world.outlet().calls(), ["edit 1.000001", "reply 1.000001 Mentioned"]);
    assert_eq!(world.asked("create").len(), 1);
}

#[test]
fn a_look_that_shows_no_end_says_nothing_of_one() {
    for reply in [running(7), says(503, &json!({})), refuses(404, "NOT_FOUND")] {
        let world = World::new();
        // Its last check, so that what is running would be the end of the watch.
        world.script("Get v1/", [reply.clone()]);
        let mut last = check(&json!({}));
        (last["attempt"], last["limit"]) = (json!(9), json!(10));
        world.clock.set(at(9 * 60));
        assert_eq!(world.dead_letter(&last), posted(Action::ToldLost), "{reply:?}");
        assert!(world.tasks().is_empty());
    }
    let world = World::set(|config| config.policy.projects = Some(vec!["other".to_owned()]));
    assert_eq!(world.dead_letter(&check(&json!({}))), posted(Action::ToldLost));
    assert!(world.asked("Get v1/").is_empty(), "it is not allowed any more");
}

#[test]
fn a_dead_letter_is_kept_while_nobody_takes_it() {
    let error = |text: &str| Some(text.to_owned());
    let refused = "Fake: refused; action: do something";
    for (faults, decision, acknowledged, said, calls) in [
        (vec![Fault::Access], Action::KeptLost, false, error(refused), 1),
        (vec![Fault::Passing], Action::KeptLost, false, error(refused), 1),
        (vec![Fault::Closed], Action::GaveUp, true, error(refused), 1),
        (vec![Fault::Content], Action::ToldLost, true, None, 2),
        (vec![Fault::Content, Fault::Access], Action::KeptLost, false, error(refused), 2),
    ] {
        let world = World::new();
        world.outlet().script(faults.iter().map(|one| Err(fault(*one))));
        let handled = world.dead_letter(&check(&json!({})));
        assert_eq!(handled, DeliveryResult { acknowledged, error: said, ..posted(decision) }, "{faults:?}");
        assert_eq!(world.outlet().calls().len(), calls, "{faults:?}");
        assert!(world.tasks().is_empty(), "{faults:?}");
    }
    let world = World::new();
    world.outlet().script([Err(fault(Fault::Content))]);
    let lines = log_of(|| world.dead_letter(&check(&json!({}))));
    assert_eq!(
        lines,
        ["WARNING Fake: refused; next try as plain text, without blocks; action: do something"]
    );
    assert_eq!(world.outlet().calls(), ["post C0OPS", "post C0OPS plain"]);
}

#[test]
fn where_nobody_says_yes_or_no_the_report_goes_on_by_itself() {
    let error = Some("Fake: refused; action: do something".to_owned());
    let unclear = |world: &World, message: &Value| {
        world.outlet().script([Err(fault(Fault::Unclear))]);
        world.dead_letter(message)
    };
    let world = World::new();
    let told = DeliveryResult { error: error.clone(), ..posted(Action::ToldLost) };
    assert_eq!(unclear(&world, &check(&json!({}))), told);
    assert_eq!(world.next()["state"]["report"]["unclear"], 1);
    assert!(world.tasks()[0]["scheduleTime"].is_string());
    // It can't be scheduled.
    let world = World::new();
    world.script("create", [says(503, &json!({})), says(503, &json!({}))]);
    let kept = DeliveryResult { acknowledged: false, error: error.clone(), ..posted(Action::KeptLost) };
    assert_eq!(unclear(&world, &check(&json!({}))), kept);
    // It was posted often enough.
    let world = World::new();
    let last = report("failed", &json!({"unclear": 10}));
    assert_eq!(unclear(&world, &last), told);
    assert!(world.tasks().is_empty());
    // Said of the edit alone, it counts nothing.
    let world = World::new();
    world.outlet().script([Err(fault(Fault::Unclear)), Err(fault(Fault::Passing))]);
    let handled = world.dead_letter(&followed(report("failed", &json!({}))));
    assert_eq!((handled.decision, handled.acknowledged), (Action::KeptLost, false));
    assert!(world.tasks().is_empty());
    assert_eq!(
        world.outlet().calls(),
        ["edit 1.000001", "post C0OPS"],
        "nothing counts the tries of an edit"
    );
}

#[test]
fn a_lost_report_goes_to_its_outlet_if_it_is_wanted_there() {
    let world = World::new();
    assert_eq!(world.dead_letter(&report("failed", &json!({}))), posted(Action::ToldLost));
    let mut unwanted = report("succeeded", &json!({}));
    unwanted["notify"] = json!("failure");
    assert_eq!(world.dead_letter(&unwanted), DeliveryResult::new(Action::NotWanted));
    assert_eq!(world.outlet().calls().len(), 1);
    let elsewhere = report("failed", &json!({}));
    let gone = json!({"state": {"id": "7", "report": {"outlet": {"id": "chat", "message": elsewhere}}}});
    let error = Some("outlet \"chat\" is no longer set up: the report to it is dropped".to_owned());
    assert_eq!(
        world.dead_letter(&gone),
        DeliveryResult { error: error.clone(), ..DeliveryResult::new(Action::Dropped) }
    );
    let attempt = Some(0);
    let handled =
        DeliveryResult { operation: NAME.to_owned(), attempt, error, ..DeliveryResult::new(Action::Dropped) };
    assert_eq!(world.handle(&gone), handled, "as one that was not lost");
}

#[test]
fn a_lost_start_is_told_with_what_it_began_or_with_how_to_make_it_again() {
    let told = |listed: Value, operation: &str, command: bool| {
        let world = World::new();
        world.script("/operations?", [says(200, &listed)]);
        let handled = world.dead_letter(&start());
        let expected = DeliveryResult { operation: operation.to_owned(), ..posted(Action::ToldLost) };
        assert_eq!(handled, expected);
        let text = &world.outlet().told()[0].text;
        assert_eq!(text.contains("\"start\""), command, "{text}");
    };
    let labels = json!({"opwatch-key": "99"});
    let common = json!({"state": "PROCESSING", "startTime": at(5), "labels": labels});
    let listed = json!({"operations": [{"name": NAME, "metadata": {"common": common}}]});
    told(listed.clone(), NAME, false);
    let world = World::of([Fake::slack(), Fake::topic()], |_| ());
    world.script("/operations?", [says(200, &listed)]);
    world.dead_letter(&start());
    let copy = &world.next()["state"]["report"]["outlet"]["message"];
    let fields = ["name", "start", "key"].map(|field| copy[field].clone());
    assert_eq!(fields, [json!(NAME), Value::Null, Value::Null], "it was made");
    told(json!({}), "", true);
    let world = World::set(|config| config.policy.starts.clear());
    world.dead_letter(&start());
    assert!(world.asked("/operations?").is_empty(), "nothing is started any more");
}

#[test]
fn a_lost_message_of_anybody_is_told_by_its_beginning() {
    for lost in [garbled("{\"name\": 7", at(0)), delivery("99", at(0), b"{\"name\": 7".to_vec())] {
        let world = World::new();
        let handled = world.bury(lost);
        assert_eq!(handled, DeliveryResult { operation: String::new(), ..posted(Action::ToldLost) });
        let text = &world.outlet().told()[0].text;
        assert!(text.contains("{\"name\": 7"), "{text}");
    }
    let world = World::set(|config| config.policy.targets = Targets::Only(Vec::new()));
    world.dead_letter(&json!({"test": true, "channel": "C0OTHER"}));
    assert!(world.outlet().told()[0].text.contains("SLACK_CHANNELS"), "as one that was not lost");
    let world = World::new();
    assert_eq!(world.dead_letter(&json!({"test": true})).decision, Action::ToldLost);
}

#[test]
fn a_lost_message_has_the_time_at_which_it_was_published_first() {
    // Of two hours before the dead letter: an operation counts that began since then.
    let labels = json!({"opwatch-key": "another", "opwatch-request": request_label()});
    let common = json!({"state": "PROCESSING", "startTime": at(-7_100), "labels": labels});
    let listed = json!({"operations": [{"name": NAME, "metadata": {"common": common}}]});
    let time = ("CloudPubSubDeadLetterSourceTopicPublishTime".to_owned(), "2027-01-15T06:00:00Z".to_owned());
    for (attributes, operation) in [([].into(), ""), ([time].into(), NAME)] {
        let world = World::new();
        world.script("/operations?", [says(200, &listed)]);
        let lost = Delivery { attributes, ..carrying(&start(), at(0)) };
        assert_eq!(world.bury(lost).operation, operation);
    }
}

#[test]
fn programs_hear_of_a_lost_watch_by_a_task() {
    let world = World::of([Fake::slack(), Fake::topic()], |_| ());
    assert_eq!(world.dead_letter(&check(&json!({}))), posted(Action::ToldLost));
    let copy = world.next()["state"]["report"]["outlet"].clone();
    assert_eq!(copy["id"], "topic");
    assert_eq!((world.outlet().calls().len(), world.outlets()[1].calls().len()), (1, 0));
    // A message that is no watch's is nothing to programs.
    let world = World::of([Fake::slack(), Fake::topic()], |_| ());
    world.dead_letter(&json!({"test": true}));
    assert!(world.tasks().is_empty());
}

#[test]
fn a_task_for_programs_that_fails_keeps_nothing_from_people() {
    for (reply, why) in
        [(says(503, &json!({})), "503"), (says(200, &json!({})).after(9_000), "no response in time")]
    {
        let world = World::of([Fake::slack(), Fake::topic()], |_| ());
        world.script("create", [reply]);
        let (handled, lines) = with_log(|| world.dead_letter(&check(&json!({}))));
        assert_eq!((handled.decision, handled.acknowledged), (Action::ToldLost, true));
        let text = lines[0]["message"].as_str().unwrap();
        let words = "the end of a watch could not be scheduled for the other outlets: ";
        assert!(text.strip_prefix(words).is_some_and(|error| error.contains(why)), "{text}");
    }
}

#[test]
fn where_only_programs_listen_a_dead_letter_is_kept_until_its_task_is_there() {
    let world = World::of([Fake::topic()], |_| ());
    assert_eq!(world.dead_letter(&check(&json!({}))), of(Action::ToldLost));
    assert_eq!(world.tasks().len(), 1);
    let world = World::of([Fake::topic()], |_| ());
    world.script("create", [says(503, &json!({}))]);
    let kept = DeliveryResult { acknowledged: false, ..of(Action::KeptLost) };
    assert_eq!(world.dead_letter(&check(&json!({}))), kept);
    assert_eq!(world.dead_letter(&json!({"test": true})).decision, Action::ToldLost, "nothing to programs");
}

#[test]
fn what_is_in_the_buffer_of_digests_is_not_posted_when_its_task_is_lost() {
    let world = World::set(digests(10));
    let digested = followed(report("failed", &json!({"digested": true})));
    let edited = DeliveryResult { call_milliseconds: Some(0), ..DeliveryResult::new(Action::Edited) };
    assert_eq!(world.dead_letter(&digested), edited);
    assert_eq!(world.outlet().calls(), ["edit 1.000001"]);
    world.outlet().script([Err(fault(Fault::Passing))]);
    let given_up = followed(report("failed", &json!({"digested": true, "tries": u32::MAX})));
    let handled = world.dead_letter(&given_up);
    assert_eq!((handled.decision, handled.acknowledged), (Action::GaveUp, true));
    let drained = world.dead_letter(&drain(0));
    assert_eq!(drained, DeliveryResult::new(Action::Drained));
    assert_eq!(world.asked(":pull").len(), 1);
}
