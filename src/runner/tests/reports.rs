//! A report: where it goes, what becomes of the message that follows its watch, and when it is tried again.

use super::apis::{Reply, ended, running, says};
use super::outlet::{Fake, asks_to_wait, fault};
use super::world::{NAME, World, check, followed, foreign, log_of, passed_on, report};
use super::*;
use crate::outlets::{Fault, PostError};
use crate::policy::Targets;
use crate::testing::at;
use crate::watch::Mention;

const REFUSED: &str = "Fake: refused; action: do something";

fn result(decision: Action) -> DeliveryResult {
    let called = DeliveryResult { call_milliseconds: Some(0), ..DeliveryResult::new(decision) };
    DeliveryResult { operation: NAME.to_owned(), attempt: Some(0), ..called }
}

/// The result of one that is tried again.
fn again() -> DeliveryResult {
    DeliveryResult {
        error: Some(REFUSED.to_owned()),
        schedule_milliseconds: Some(0),
        ..result(Action::PostAgain)
    }
}

fn only_own(config: &mut Config) {
    config.policy.targets = Targets::Only(vec![Target::new("C0OPS")]);
}

/// What an outlet is told of a report about a failure when it answers so, and what becomes of it.
fn told(message: &Value, answers: &[Result<(), Fault>]) -> (DeliveryResult, Vec<String>, Value) {
    let world = World::new();
    world.outlet().script(answers.iter().map(|answer| answer.map_err(fault)));
    let handled = world.handle(message);
    (handled, world.outlet().calls(), world.next()["state"]["report"].clone())
}

fn failed(more: &Value) -> Value {
    report("failed", more)
}

#[test]
fn a_report_that_was_posted_is_the_last_of_its_watch() {
    let world = World::new();
    assert_eq!(world.handle(&failed(&json!({}))), result(Action::Posted));
    let followed = world.handle(&followed(failed(&json!({"tries": 2}))));
    assert_eq!(followed, DeliveryResult { attempt: Some(2), ..result(Action::Posted) });
    assert_eq!(world.outlet().calls(), ["post C0OPS", "edit 1.000001", "reply 1.000001 Everyone"]);
    assert!(world.tasks().is_empty());
}

#[test]
fn an_outlet_that_asked_to_wait_is_told_nothing_before() {
    let world = World::new();
    world.outlet().rest(300);
    assert_eq!(world.handle(&failed(&json!({}))), again());
    let due: DateTime<Utc> = world.tasks()[0]["scheduleTime"].as_str().unwrap().parse().unwrap();
    assert!(due >= at(300) && due < at(400), "{due}");
    let mut unwanted = report("succeeded", &json!({}));
    unwanted["notify"] = json!("failure");
    assert_eq!(world.handle(&unwanted), result(Action::NotWanted), "what is not wanted waits for nothing");
    assert_eq!(world.outlet().calls(), [""; 0]);
}

#[test]
fn who_asked_for_failures_alone_hears_of_no_success() {
    let wanted = |outcome: &str, notify: &str, live: bool| {
        let world = World::new();
        let mut message =
            if live { followed(report(outcome, &json!({}))) } else { report(outcome, &json!({})) };
        message["notify"] = json!(notify);
        world.handle(&message).decision == Action::Posted
    };
    assert!(!wanted("succeeded", "failure", false));
    assert!(wanted("succeeded", "failure", true), "its message would say for ever that it runs");
    assert!(wanted("succeeded", "end", false) && wanted("failed", "failure", false));
    let to_topic = |outcome| {
        let world = World::of([Fake::topic()], |_| ());
        let outlet = json!({"id": "topic", "message": report(outcome, &json!({}))});
        world.handle(&json!({"state": {"id": "7", "report": {"outlet": outlet}}})).decision
    };
    assert_eq!([to_topic("succeeded"), to_topic("stalled")], [Action::Posted, Action::NotWanted]);
}

#[test]
fn a_reply_is_seen_by_those_whom_it_concerns() {
    for (outcome, calls) in [
        ("stalled", vec!["reply 1.000001 Thread"]),
        ("succeeded", vec!["edit 1.000001", "reply 1.000001 Mentioned"]),
        ("failed", vec!["edit 1.000001", "reply 1.000001 Everyone"]),
    ] {
        let (handled, told, _) = told(&followed(report(outcome, &json!({}))), &[]);
        assert_eq!(
            (handled.decision, told),
            (Action::Posted, calls.into_iter().map(str::to_owned).collect()),
            "{outcome}"
        );
    }
}

#[test]
fn the_message_that_follows_a_watch_never_keeps_its_end_from_people() {
    let own = "post C0OPS";
    let edit = "edit 1.000001";
    let tries = |tries: u32| followed(failed(&json!({"tries": tries})));
    for (message, answer, decision, calls) in [
        (tries(0), Fault::Gone, Action::Posted, vec![edit, own]),
        (tries(0), Fault::Uneditable, Action::Posted, vec![edit, "retract 1.000001", own]),
        (tries(2), Fault::Passing, Action::PostAgain, vec![edit]),
        (tries(3), Fault::Passing, Action::Posted, vec![edit, own]),
        (tries(3), Fault::Access, Action::PostAgain, vec![edit]),
    ] {
        let (handled, told, _) = told(&message, &[Err(answer)]);
        assert_eq!(
            (handled.decision, told),
            (decision, calls.into_iter().map(str::to_owned).collect()),
            "{answer:?}"
        );
    }
    let lines = log_of(|| told(&tries(0), &[Err(Fault::Uneditable), Err(Fault::Passing)]));
    assert_eq!(lines, [format!("WARNING the old live message could not be deleted: {REFUSED}")]);
    // The edit is in vain, and the message by itself too: the longer wait counts.
    let world = World::new();
    world.outlet().script([Err(asks_to_wait(3_000)), Err(fault(Fault::Passing))]);
    let handled = world.handle(&tries(3));
    assert_eq!((handled.decision, world.outlet().calls().len()), (Action::PostAgain, 2));
    let due: DateTime<Utc> = world.tasks()[0]["scheduleTime"].as_str().unwrap().parse().unwrap();
    assert!(due >= at(3_000), "{due}");
}

#[test]
fn a_report_is_a_message_by_itself_where_there_can_be_no_reply() {
    let with = |mention: bool, tries: u32| {
        let mut message = followed(failed(&json!({"tries": tries})));
        if mention {
            message["mention"] = json!("here");
        }
        message
    };
    for (answer, mention, tries, by_itself) in [
        (Fault::Gone, false, 0, true),
        (Fault::Uneditable, false, 0, true),
        (Fault::Target, false, 0, true),
        (Fault::Restricted, false, 0, true),
        (Fault::Restricted, true, 0, false),
        (Fault::Unknown, false, 2, false),
        (Fault::Unknown, false, 3, true),
        (Fault::Passing, false, 3, false),
        (Fault::Access, false, 3, false),
    ] {
        let (handled, told, _) = told(&with(mention, tries), &[Ok(()), Err(answer)]);
        let posts = told.iter().filter(|call| call.starts_with("post")).count();
        let expected = if by_itself { (Action::Posted, 1) } else { (Action::PostAgain, 0) };
        assert_eq!((handled.decision, posts), expected, "{answer:?} {mention} {tries}: {told:?}");
    }
    // A channel that the settings don't allow gets the end of its message, and no reply.
    let mut foreign = followed(failed(&json!({})));
    foreign["state"]["live"] = json!({"channel": "C0OTHER", "ts": "2.000001"});
    let world = World::set(only_own);
    assert_eq!(world.handle(&foreign).decision, Action::Posted);
    assert_eq!(world.outlet().calls(), ["edit 2.000001", "post C0OPS"]);
    // What was diverted is told in the settings' channel alone.
    let diverted = followed(failed(&json!({"diverted": "is_archived"})));
    let (_, told, _) = told(&diverted, &[]);
    assert_eq!(told, ["post C0OPS"]);
}

#[test]
fn a_message_that_anybody_may_have_named_is_followed_only_where_the_settings_allow() {
    let live = |channel: &str| json!({"channel": channel, "ts": "2.000001"});
    let handled = |mut message: Value, channel: &str| {
        message["state"]["live"] = live(channel);
        message["notify"] = json!("live");
        let world = World::set(only_own);
        world.deliver(foreign(&message));
        (world.outlet().calls(), world.next()["state"].clone())
    };
    let (calls, state) = handled(check(&json!({})), "C0OTHER");
    assert_eq!((calls.len(), &state["live"], &state["announced"]), (0, &Value::Null, &json!(true)));
    let (calls, state) = handled(check(&json!({})), "C0OPS");
    assert_eq!(
        (calls, &state["live"], &state["announced"]),
        (vec!["edit 2.000001".to_owned()], &live("C0OPS"), &Value::Null)
    );
    assert_eq!(handled(failed(&json!({})), "C0OTHER").0, ["post C0OPS"]);
    assert_eq!(handled(failed(&json!({})), "C0OPS").0, ["edit 2.000001", "reply 2.000001 Everyone"]);
}

#[test]
fn a_place_or_a_mention_that_is_not_allowed_any_more_is_that_of_the_settings() {
    let calls = |message: &Value| {
        let world = World::set(|config| {
            only_own(config);
            config.policy.mentions = Some(vec![Mention::new("S0TEAM"), Mention::new("S0OWN")]);
            config.routing.mention = Some(Mention::new("S0TEAM"));
        });
        world.handle(message);
        world.outlet().calls()
    };
    let mut message = failed(&json!({}));
    assert_eq!(calls(&message), ["post C0OPS @S0TEAM"]);
    (message["channel"], message["mention"]) = (json!("C0OTHER"), json!("here"));
    assert_eq!(calls(&message), ["post C0OPS @S0TEAM"]);
    (message["channel"], message["mention"]) = (json!("C0OPS"), json!("S0OWN"));
    assert_eq!(calls(&message), ["post C0OPS @S0OWN"]);
    message["state"]["report"]["noMention"] = json!(true);
    assert_eq!(calls(&message), ["post C0OPS"]);
}

#[test]
fn an_outlet_that_takes_no_addresses_has_its_own_mention() {
    let mut chat = Fake::chat();
    chat.mention = Some(Mention::new("users/all"));
    let world = World::of([Fake::slack(), chat], |config| {
        config.routing.mention = Some(Mention::new("S0TEAM"));
        config.routing.notify = Some(Notify::Failure);
    });
    let mut message = failed(&json!({}));
    message["mention"] = json!("here");
    let to_chat = |message: &Value| json!({"state": {"id": "7", "report": {"outlet": {"id": "chat", "message": message}}}});
    world.handle(&to_chat(&message));
    world.handle(&message);
    assert_eq!(world.outlets()[1].calls(), ["post - @users/all"]);
    assert_eq!(world.outlet().calls(), ["post C0OPS @here"]);
    assert_eq!(
        world.handle(&to_chat(&report("succeeded", &json!({})))).decision,
        Action::NotWanted,
        "the rest is the settings'"
    );
}

#[test]
fn what_was_refused_is_left_out_only_where_it_was() {
    let mention = |mut message: Value| {
        message["mention"] = json!("here");
        message
    };
    let plain = failed(&json!({"plain": true}));
    for (message, answers, field) in [
        (mention(plain.clone()), vec![Err(Fault::Content)], Some("noMention")),
        (plain.clone(), vec![Err(Fault::Content)], None),
        (followed(mention(plain.clone())), vec![Ok(()), Err(Fault::Content)], Some("noMention")),
        (followed(plain), vec![Ok(()), Err(Fault::Content)], None),
        (followed(mention(failed(&json!({"plain": true})))), vec![Err(Fault::Content)], None),
        (mention(failed(&json!({}))), vec![Err(Fault::Unknown)], Some("noMention")),
        (followed(mention(failed(&json!({})))), vec![Err(Fault::Unknown)], None),
        (failed(&json!({})), vec![Err(Fault::Target)], None),
    ] {
        let (handled, _, next) = told(&message, &answers);
        let had = message["state"]["report"].clone();
        for part in ["noMention", "plain", "diverted"] {
            let expected = if Some(part) == field { json!(true) } else { had[part].clone() };
            assert_eq!(next[part], expected, "{message} {answers:?}");
        }
        assert_eq!(handled.error.unwrap().contains("next try"), field.is_some(), "{message}");
    }
    let mut elsewhere = failed(&json!({}));
    elsewhere["channel"] = json!("C0OWN");
    let (_, _, next) = told(&elsewhere, &[Err(Fault::Target)]);
    assert_eq!(next["diverted"], "its_word");
    let mut live = followed(failed(&json!({})));
    live["state"]["live"]["channel"] = json!("C0OWN");
    let (_, _, next) = told(&live, &[Ok(()), Err(Fault::Target), Err(Fault::Target)]);
    assert_eq!(next["diverted"], "its_word", "it goes where that message is");
}

#[test]
fn a_next_try_is_of_the_same_report_one_later() {
    let (handled, _, next) =
        told(&failed(&json!({"tries": 4, "waits": 3, "unclear": 2})), &[Err(Fault::Passing)]);
    assert_eq!(handled, DeliveryResult { attempt: Some(4), ..again() });
    assert_eq!((&next["tries"], &next["waits"], &next["unclear"]), (&json!(5), &Value::Null, &json!(2)));
    let world = World::new();
    world.outlet().script([Err(PostError { date: Some(at(500)), ..fault(Fault::Unclear) })]);
    world.handle(&failed(&json!({"tries": 4, "unclear": 0})));
    let task = &world.tasks()[0];
    let due: DateTime<Utc> = task["scheduleTime"].as_str().unwrap().parse().unwrap();
    assert!(due >= at(510) && due <= at(513), "ten seconds, by the outlet's clock: {due}");
    assert_eq!(published(task)["state"]["report"]["unclear"], 1);
}

#[test]
fn a_report_that_is_given_up_is_kept_unless_it_is_out_of_date_or_told_elsewhere() {
    for (outcome, more, answer, decision, acknowledged) in [
        ("failed", json!({"tries": u32::MAX}), Fault::Passing, Action::GaveUp, false),
        ("failed", json!({"tries": 11}), Fault::Passing, Action::PostAgain, true),
        ("failed", json!({}), Fault::Closed, Action::GaveUp, true),
        ("stalled", json!({"tries": 10}), Fault::Passing, Action::PostAgain, true),
        ("stalled", json!({"tries": 11}), Fault::Passing, Action::GaveUp, true),
    ] {
        let (handled, _, _) = told(&report(outcome, &more), &[Err(answer)]);
        let attempt = more["tries"].as_u64().unwrap_or(0);
        let expected = DeliveryResult {
            acknowledged,
            attempt: Some(u32::try_from(attempt).unwrap()),
            error: Some(REFUSED.to_owned()),
            needs_attention: decision == Action::GaveUp,
            schedule_milliseconds: (decision == Action::PostAgain).then_some(0),
            ..result(decision)
        };
        assert_eq!(handled, expected, "{outcome} {more} {answer:?}");
    }
    let digested = followed(failed(&json!({"tries": u32::MAX, "digested": true})));
    let (handled, _, _) = told(&digested, &[Err(Fault::Passing)]);
    assert_eq!((handled.decision, handled.acknowledged), (Action::GaveUp, true));
}

#[test]
fn an_answer_that_says_neither_yes_nor_no_often_enough_counts_as_a_yes() {
    let (handled, _, next) = told(&failed(&json!({"unclear": 10, "tries": 10})), &[Err(Fault::Unclear)]);
    let text = "Fake: refused; after 10 retries the report counts as delivered, though Fake never returned ok; action: do something";
    let delivered = DeliveryResult {
        attempt: Some(10),
        error: Some(text.to_owned()),
        needs_attention: true,
        ..result(Action::Posted)
    };
    assert_eq!((handled, next), (delivered, Value::Null));
    let (handled, calls, _) =
        told(&followed(failed(&json!({"unclear": 10, "tries": 2}))), &[Err(Fault::Unclear)]);
    assert_eq!((handled.decision, calls.len()), (Action::PostAgain, 1), "of an edit it says nothing");
}

#[test]
fn the_time_of_a_call_is_in_the_log_even_of_one_that_failed() {
    let world = World::new();
    world.script("create", [says(503, &json!({})).after(20)]);
    world.outlet().script([Err(fault(Fault::Access))]);
    let handled = world.handle(&failed(&json!({})));
    let text = "the next step could not be scheduled: 503";
    assert_eq!(handled.error.as_deref(), Some(text));
    let expected = DeliveryResult {
        acknowledged: false,
        decision: Action::NotScheduled,
        needs_attention: true,
        error: handled.error.clone(),
        schedule_milliseconds: Some(20),
        ..again()
    };
    assert_eq!(handled, expected);
}

#[test]
fn a_test_reaches_each_outlet_that_people_read_and_what_is_no_end_the_one_that_follows() {
    let ids = |message: &Value, replies: Vec<Reply>| {
        let world =
            World::of([Fake::webhook(), Fake::chat(), Fake::topic()], |config| config.stall_after = 1);
        world.script("Get v1/", replies);
        world.handle(message);
        let id = |message: &Value| {
            let report = &message["state"]["report"];
            report["outlet"]["id"].as_str().or(report["outcome"].as_str().map(|_| "slack")).map(str::to_owned)
        };
        let mut ids: Vec<_> = world.messages().iter().filter_map(id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&passed_on(json!({"test": true}), &json!({})), vec![]), ["chat", "slack"]);
    assert_eq!(ids(&check(&json!({})), vec![ended()]), ["chat", "slack", "topic"]);
    let track = json!({"track": {"points": [{"at": at(-60), "entities": 7}], "unchanged": 1}});
    assert_eq!(ids(&check(&track), vec![running(7)]), ["chat"], "chat's messages can be edited");
}
