//! The buffer of digests: what enters it, what a drain tells of it, and what stays.

use super::apis::{refuses, says};
use super::outlet::{Fake, asks_to_wait, fault};
use super::world::{
    NAME, World, check, digests, drain, followed, log_of, pulled, report, start, with_ledger, with_log,
};
use super::*;
use crate::outlets::{Fault, PostError};
use crate::testing::at;

const DRAIN: &str = "\"of\":\"digest\"";

/// The end of the watch with this id.
fn end(id: &str) -> Value {
    let mut report = report("failed", &json!({}));
    report["state"]["id"] = json!(id);
    report["name"] = json!(format!("projects/demo/operations/{id}"));
    report
}

/// One whose outlet limited its rate for so many seconds.
fn limited(change: impl FnOnce(&mut Config)) -> World {
    let world = World::set(|config| {
        digests(10)(config);
        change(config);
    });
    world.outlet().rest(30);
    world
}

fn result(decision: Action) -> DeliveryResult {
    let called = DeliveryResult { call_milliseconds: Some(0), ..DeliveryResult::new(decision) };
    DeliveryResult { operation: NAME.to_owned(), attempt: Some(0), ..called }
}

/// When the drains are due that were asked for, in seconds.
fn drains(world: &World) -> Vec<i64> {
    let due = |task: &Value| {
        let is_drain = published(task)["state"]["report"]["slot"]["of"] == "digest";
        let due = is_drain.then(|| task["scheduleTime"].as_str()?.parse::<DateTime<Utc>>().ok())??;
        Some((due - at(0)).num_seconds())
    };
    world.tasks().iter().filter_map(due).collect()
}

/// What an empty buffer, or one with what a test says, comes to.
fn drained(world: &World) -> (DeliveryResult, Vec<Value>) {
    with_log(|| world.handle(&drain(0)))
}

fn clean() -> DeliveryResult {
    DeliveryResult { attempt: Some(0), ..DeliveryResult::new(Action::Drained) }
}

#[test]
fn a_report_enters_the_buffer_when_its_drain_is_there() {
    let world = limited(|_| ());
    assert_eq!(world.handle(&followed(report("failed", &json!({})))), result(Action::Buffered));
    assert_eq!(world.outlet().calls(), ["edit 1.000001"], "the end of the message that follows it");
    let asked = world.asked("");
    let order: Vec<_> = asked.iter().map(|line| line.split([' ', '{']).next().unwrap()).collect();
    assert_eq!((order, drains(&world)), (vec!["create", "Post"], vec![10]), "{asked:?}");
    world.handle(&followed(report("failed", &json!({}))));
    assert_eq!(world.asked(DRAIN).len(), 1, "one drain for all of a window");
    world.clock.set(at(9));
    world.handle(&followed(report("failed", &json!({}))));
    assert_eq!(drains(&world), [10, 20], "published in the next window");
    world.clock.set(at(3));
    world.handle(&followed(report("failed", &json!({}))));
    assert_eq!(
        (world.asked(DRAIN).len(), drains(&world).len()),
        (3, 2),
        "this instance remembers the last one"
    );
}

#[test]
fn a_report_that_can_not_be_buffered_goes_on_as_without_digests() {
    let prefix = "a report could not be put into the buffer of digests, and is posted by itself: ";
    for of in ["create", ":publish"] {
        for (status, severity, action) in
            [(503, "WARNING", ""), (403, "ERROR", "; action: check DIGEST_TOPIC and its grants")]
        {
            let world = limited(with_ledger);
            world.script(of, [refuses(status, "X")]);
            let (handled, lines) = with_log(|| world.handle(&report("failed", &json!({}))));
            assert_eq!(handled.decision, Action::PostAgain, "{of} {status}");
            assert_eq!(handled.error.as_deref(), Some("Fake: refused; action: do something"));
            let [line] = lines.try_into().unwrap();
            let text = format!("{prefix}{status} X: no{action}");
            assert_eq!((&line["severity"], &line["message"]), (&json!(severity), &json!(text)));
            assert_eq!(line.get("@type").is_some(), status == 403, "an error report");
            assert_eq!(world.asked("\"delete\"").len(), 1, "its lease is released");
            assert!(world.outlet().calls().is_empty());
        }
    }
}

#[test]
fn a_report_that_was_buffered_is_marked_as_sent_and_keeps_its_end_for_a_later_edit() {
    let world = limited(with_ledger);
    world.outlet().script([Err(fault(Fault::Passing))]);
    let handled = world.handle(&followed(report("failed", &json!({}))));
    let error = Some("Fake: refused; action: do something".to_owned());
    let edited_later = DeliveryResult { error, schedule_milliseconds: Some(0), ..result(Action::Buffered) };
    assert_eq!(handled, edited_later);
    assert_eq!(world.asked("\"stringValue\":\"sent\"").len(), 1);
    let next = world.next();
    let state = &next["state"]["report"];
    assert_eq!((&state["digested"], &state["tries"]), (&json!(true), &json!(1)));
    let edited = DeliveryResult { attempt: Some(1), ..result(Action::Edited) };
    assert_eq!(world.handle(&next), edited);
    assert_eq!(world.asked(":publish").len(), 1);
    // The last try of an edit whose watch has ended.
    let world = limited(|_| ());
    world.outlet().script([Err(fault(Fault::Access))]);
    let handled = world.handle(&followed(report("failed", &json!({"tries": u32::MAX}))));
    let outcome = (handled.decision, handled.acknowledged, handled.needs_attention);
    assert_eq!(outcome, (Action::Buffered, true, true), "it will be told");
}

#[test]
fn a_drain_of_a_fast_clock_is_asked_for_again_by_googles() {
    for (date, expected) in
        [(at(0), vec![10]), (at(-10), vec![10]), (at(-11), vec![10, 0]), (at(-3_600), vec![10, -3_590])]
    {
        let world = limited(|_| ());
        world.script(":publish", [says(200, &json!({"messageIds": ["1"]})).dated(date)]);
        assert_eq!(world.handle(&report("failed", &json!({}))).decision, Action::Buffered);
        assert_eq!(drains(&world), expected, "{date}");
    }
}

#[test]
fn reports_are_buffered_in_a_flood_and_posted_below_it() {
    let world = World::set(digests(2));
    let handled: Vec<_> = ["a", "b", "c"].map(|id| world.handle(&end(id)).decision).to_vec();
    assert_eq!(handled, [Action::Posted, Action::Posted, Action::Buffered]);
    let world = World::set(digests(0));
    world.outlet().rest(30);
    assert_eq!(world.handle(&end("a")).decision, Action::PostAgain, "nothing is buffered");
    let world = World::new();
    assert!(["a", "b", "c"].iter().all(|id| world.handle(&end(id)).decision == Action::Posted));
}

#[test]
fn only_the_end_of_a_watch_for_people_waits_for_a_digest() {
    for (message, buffered) in [
        (report("failed", &json!({})), true),
        (report("stalled", &json!({})), false),
        (report("failed", &json!({"diverted": "is_archived"})), false),
        (report("cannotTell", &json!({"slot": {"of": "limit watch", "at": 0, "number": 0}})), false),
    ] {
        let handled = limited(|_| ()).handle(&message);
        let expected = if buffered { Action::Buffered } else { Action::PostAgain };
        assert_eq!(handled.decision, expected, "{message}");
    }
    let world = World::of([Fake::topic()], digests(10));
    world.outlet().rest(30);
    let to_topic = json!({"state": {"id": "7", "report": {"outlet": {"id": "topic", "message": report("failed", &json!({}))}}}});
    assert_eq!(world.handle(&to_topic).decision, Action::PostAgain, "programs read each by itself");
    let world = World::of([Fake::topic()], digests(1));
    let posted = |_| world.handle(&to_topic).decision == Action::Posted;
    assert!((0..4).all(posted));
}

#[test]
fn only_a_rate_limit_leads_into_the_buffer() {
    let wait = Duration::from_secs(30);
    for (error, decision) in [
        (asks_to_wait(30), Action::Buffered),
        (fault(Fault::Passing), Action::PostAgain),
        (PostError { ambiguous: true, ..asks_to_wait(30) }, Action::PostAgain),
        (PostError { retry_after: Some(wait), ..fault(Fault::Access) }, Action::PostAgain),
    ] {
        let world = World::set(digests(10));
        world.outlet().script([Err(error.clone())]);
        assert_eq!(world.handle(&report("failed", &json!({}))).decision, decision, "{error:?}");
    }
}

#[test]
fn the_message_that_follows_a_watch_is_edited_once() {
    // The edit is done, and the reply limited.
    let world = World::set(digests(10));
    world.outlet().script([Ok(()), Err(asks_to_wait(30))]);
    assert_eq!(world.handle(&followed(report("failed", &json!({})))).decision, Action::Buffered);
    assert_eq!(world.outlet().calls(), ["edit 1.000001", "reply 1.000001 Everyone"]);
    // The edit is limited.
    let world = World::set(digests(10));
    world.outlet().script([Err(asks_to_wait(30))]);
    assert_eq!(world.handle(&followed(report("failed", &json!({})))).decision, Action::Buffered);
    assert_eq!(world.outlet().calls(), ["edit 1.000001", "edit 1.000001"]);
}

#[test]
fn a_test_asks_for_a_drain_of_what_a_roll_back_left() {
    let world = World::set(digests(0));
    assert_eq!(world.handle(&json!({"test": true})).decision, Action::Tested);
    assert_eq!(drains(&world), [10]);
    let world = World::new();
    world.handle(&json!({"test": true}));
    assert_eq!(drains(&world), [0; 0]);
    let world = World::set(digests(0));
    world.script(DRAIN, [refuses(503, "X")]);
    let lines = log_of(|| assert_eq!(world.handle(&json!({"test": true})).decision, Action::Tested));
    assert_eq!(
        lines,
        ["WARNING a drain of the buffer of digests could not be scheduled for a test: 503 X: no"]
    );
}

#[test]
fn an_empty_buffer_is_looked_at_again_later_and_later() {
    let world = World::set(digests(10));
    assert_eq!(drained(&world).0, clean());
    assert_eq!(drains(&world), [30]);
    let slot = world.next()["state"]["report"]["slot"].clone();
    assert_eq!(slot, json!({"of": "digest", "at": at(0).timestamp(), "number": 1}));
    // Of the tail none stands for its window.
    world.outlet().rest(30);
    world.handle(&report("failed", &json!({})));
    assert_eq!(drains(&world), [30, 10]);
    let world = World::new();
    let handled = drained(&world).0;
    assert_eq!(
        handled,
        DeliveryResult { attempt: Some(0), ..DeliveryResult::new(Action::Released) },
        "without a buffer"
    );
    assert!(world.asked("").is_empty());
}

#[test]
fn a_buffer_that_can_not_be_read_is_an_error_that_somebody_must_act_on_if_it_does_not_pass() {
    for (status, attention) in [(503, false), (403, true)] {
        let world = World::set(digests(10));
        world.script(":pull", [refuses(status, "X")]);
        let error = Some(format!("the buffer of digests could not be read: {status} X: no"));
        assert_eq!(drained(&world).0, DeliveryResult { error, needs_attention: attention, ..clean() });
        assert_eq!(drains(&world), [70]);
    }
    // What came before is told, and the window after this one has the rest.
    let world = World::set(digests(10));
    let reports: Vec<_> = (0..10).map(|number| end(&number.to_string())).collect();
    world.script(":pull", [pulled(&reports, at(0)), refuses(503, "X")]);
    let handled = drained(&world).0;
    assert!(handled.error.unwrap().starts_with("the buffer of digests could not be read: "));
    assert_eq!((world.outlet().calls(), drains(&world)), (vec!["post C0OPS".to_owned()], vec![20]));
}

#[test]
fn the_task_of_a_drain_that_can_not_be_scheduled_is_delivered_again() {
    let world = World::set(digests(10));
    world.script(DRAIN, [refuses(503, "X")]);
    let error = Some("the next drain could not be scheduled: 503 X: no".to_owned());
    let refused = DeliveryResult { acknowledged: false, decision: Action::NotScheduled, error, ..clean() };
    assert_eq!(drained(&world).0, refused);
}

#[test]
fn several_reports_are_told_in_one_message_and_one_as_it_is() {
    let world = World::set(digests(10));
    world.script(":pull", [pulled(&[end("a"), end("b"), end("a")], at(-5))]);
    let (handled, lines) = drained(&world);
    assert_eq!(handled, clean());
    let [told] = world.outlet().told().try_into().unwrap();
    assert_eq!((told.call.as_str(), told.about.as_str()), ("post C0OPS", "digest"));
    assert_eq!(world.asked(":acknowledge").len(), 1);
    assert!(world.asked(":acknowledge")[0].ends_with(r#"{"ackIds":["a0","a1","a2"]}"#), "copies too");
    let [a, b, digest] = lines.try_into().unwrap();
    let id = digest["digest"].as_str().unwrap();
    for (line, name) in [(a, "a"), (b, "b")] {
        let operation = line["operation"].clone();
        assert_eq!(operation.as_str().unwrap().split('/').next_back(), Some(name));
        let expected = json!({"severity": "INFO", "message": "from the buffer of digests: digested", "decision": "digested",
            "outlet": "slack", "operation": operation, "watch": name, "outcome": "failed", "digest": id});
        assert_eq!(line, expected);
    }
    let expected = json!({"severity": "INFO", "message": "posted a digest", "digest": id, "outlet": "slack", "reports": 2});
    assert_eq!(digest, expected);

    let world = World::set(digests(10));
    world.script(":pull", [pulled(&[end("a")], at(-5))]);
    let (_, lines) = drained(&world);
    assert_eq!(world.outlet().told()[0].about, "projects/demo/operations/a");
    let [line] = lines.try_into().unwrap();
    let operation = line["operation"].clone();
    let expected = json!({"severity": "INFO", "message": "from the buffer of digests: posted", "decision": "posted",
        "outlet": "slack", "operation": operation, "watch": "a", "outcome": "failed"});
    assert_eq!(line, expected);
}

#[test]
fn the_buffer_is_pulled_from_until_little_comes() {
    let pull = |counts: &[usize], milliseconds: u64| {
        let world = World::set(digests(10));
        let mut number = 0;
        let mut some = |count: usize| {
            let ends: Vec<_> = (0..count).map(|one| end(&format!("{number}-{one}"))).collect();
            number += 1;
            pulled(&ends, at(0)).after(milliseconds)
        };
        let replies: Vec<_> = counts.iter().map(|count| some(*count)).collect();
        world.script(":pull", replies);
        assert_eq!(drained(&world).0.decision, Action::Drained);
        (world.asked(":pull").len(), world.outlet().calls().len())
    };
    assert_eq!(pull(&[9, 9], 0), (1, 1));
    assert_eq!(pull(&[10, 12, 0], 0), (3, 1));
    assert_eq!(pull(&[10, 10, 10, 10], 2_999), (3, 1), "for six seconds at most");
    assert_eq!(pull(&[10, 10, 10, 10], 3_000), (2, 1));
}

#[test]
fn what_is_no_report_of_an_end_is_told_nobody_and_does_not_come_again() {
    let told = |message: &Value, since| {
        let world = World::set(digests(10));
        world.script(":pull", [pulled([message], since)]);
        let (handled, lines) = drained(&world);
        assert_eq!(handled, clean());
        assert_eq!(world.outlet().calls().len(), 0, "{message}");
        assert!(world.asked(":acknowledge")[0].ends_with(r#"{"ackIds":["a0"]}"#));
        lines
    };
    for message in
        [check(&json!({})), report("stalled", &json!({})), json!({"test": true}), json!({}), start()]
    {
        let [line] = told(&message, at(0)).try_into().unwrap();
        let text = "a message in the buffer of digests is no report of an end: dropped";
        assert_eq!(
            (&line["severity"], &line["message"], &line["id"]),
            (&json!("ERROR"), &json!(text), &json!("0"))
        );
    }
    let elsewhere = json!({"state": {"id": "7", "report": {"outlet": {"id": "chat", "message": end("a")}}}});
    let [line] = told(&elsewhere, at(0)).try_into().unwrap();
    assert_eq!(
        (&line["severity"], &line["decision"], &line["outlet"]),
        (&json!("WARNING"), &json!("dropped"), &json!("chat"))
    );
}

/// However long the queue of its drain was paused, it is tried.
#[test]
fn a_report_is_given_up_that_is_not_taken_when_the_buffer_would_soon_drop_it() {
    let old = at(-30 * 86_400 - 1);
    let world = World::set(digests(10));
    world.script(":pull", [pulled(&[end("a"), end("b")], old)]);
    assert_eq!(drained(&world).0, clean());
    assert_eq!(world.outlet().calls().len(), 1, "both are told");
    let refused = |reports: &[Value], since| {
        let world = World::set(digests(10));
        world.script(":pull", [pulled(reports, since)]);
        world.outlet().script([Err(fault(Fault::Access))]);
        let (_, lines) = drained(&world);
        (world, lines)
    };
    let (world, lines) = refused(&[end("a"), end("a")], old);
    let [line] = lines.try_into().unwrap();
    let operation = line["operation"].clone();
    assert!(operation.as_str().unwrap().ends_with("/a"));
    let expected = json!({"severity": "ERROR", "message": "given up after 30 days in the buffer of digests",
        "decision": "gave-up", "outlet": "slack", "operation": operation, "watch": "a", "outcome": "failed"});
    assert_eq!(line, expected);
    assert!(world.asked(":acknowledge")[0].ends_with(r#"{"ackIds":["a0","a1"]}"#));
    assert_eq!(world.asked(":modifyAckDeadline").len(), 0);
    let (world, lines) = refused(&[end("a"), end("b")], at(-30 * 86_400));
    assert_eq!((lines.len(), world.asked(":acknowledge").len()), (0, 0), "{lines:?}");
    assert_eq!(world.asked(":modifyAckDeadline").len(), 1);
}

#[test]
fn a_report_that_could_not_be_acknowledged_is_not_told_again() {
    let world = World::set(digests(10));
    let reports = [end("a"), end("b")];
    world.script(":pull", [pulled(&reports, at(0)), pulled(&reports, at(0))]);
    world.script(":acknowledge", [refuses(503, "X")]);
    let (handled, lines) = drained(&world);
    assert_eq!(handled.decision, Action::Drained);
    let text = "reports that were told could not be acknowledged, and may come again: 503 X: no";
    assert!(lines.iter().any(|line| line["severity"] == "WARNING" && line["message"] == text), "{lines:?}");
    world.clock.set(at(20));
    world.handle(&drain(10));
    assert_eq!((world.outlet().calls().len(), world.asked(":acknowledge").len()), (1, 2));
    // What was acknowledged and comes again is a new report, for all that this instance knows.
    world.script(":pull", [pulled(&reports, at(0))]);
    world.handle(&drain(20));
    assert_eq!(world.outlet().calls().len(), 1);
}

#[test]
fn what_the_outlet_does_not_take_comes_again_when_its_wait_is_over() {
    let refused = |text: &str| Some(text.to_owned());
    let waiting = PostError { retry_after: Some(Duration::from_secs(60)), ..fault(Fault::Passing) };
    for (error, lease, due, attention) in [
        (fault(Fault::Passing), 30, vec![20, 40], false),
        (waiting, 61, vec![20, 70], false),
        (fault(Fault::Access), 300, vec![20, 310], true),
        (fault(Fault::Unclear), 300, vec![20, 310], true),
    ] {
        let world = World::set(digests(10));
        world.script(":pull", [pulled(&[end("a"), end("b"), end("b")], at(-3_600))]);
        world.outlet().script([Err(error.clone())]);
        let (handled, _) = drained(&world);
        let text = refused("Fake: refused; action: do something");
        assert_eq!(
            handled,
            DeliveryResult { error: text, needs_attention: attention, ..clean() },
            "{error:?}"
        );
        let modified = world.asked(":modifyAckDeadline");
        let body = json!({"ackIds": ["a0", "a1", "a2"], "ackDeadlineSeconds": lease}).to_string();
        assert!(modified[0].ends_with(&body), "{modified:?}");
        assert_eq!((drains(&world), world.asked(":acknowledge").len()), (due, 0), "{error:?}");
    }
    let world = World::set(digests(10));
    world.script(":pull", [pulled(&[end("a")], at(0))]);
    world.script(":modifyAckDeadline", [refuses(503, "X")]);
    world.outlet().rest(9);
    let (handled, lines) = drained(&world);
    assert_eq!(handled.error, refused("Fake: refused; action: do something"));
    assert_eq!(
        lines[0]["message"],
        "reports stay on lease in the buffer of digests until that ends: 503 X: no"
    );
    assert!(world.outlet().calls().is_empty(), "the outlet had asked to wait");
}

#[test]
fn of_several_groups_that_stay_the_shortest_wait_counts_and_all_errors_are_told() {
    let world = World::set(digests(10));
    let mut other = end("b");
    other["channel"] = json!("C0OTHER");
    world.script(":pull", [pulled(&[end("a"), other.clone()], at(0))]);
    world.outlet().script([Err(fault(Fault::Access)), Err(asks_to_wait(60))]);
    let (handled, _) = drained(&world);
    let error = Some(["Fake: refused; action: do something"; 2].join("; "));
    assert_eq!(handled, DeliveryResult { error, needs_attention: true, ..clean() });
    assert_eq!(drains(&world), [20, 70]);
    let world = World::set(digests(10));
    world.script(":pull", [pulled(&[end("a"), other], at(0))]);
    world.outlet().script([Err(fault(Fault::Access)), Err(fault(Fault::Access))]);
    assert!(drained(&world).0.needs_attention);
}

#[test]
fn a_receiver_that_is_gone_gets_no_more_copies() {
    let world = World::set(digests(10));
    world.script(":pull", [pulled(&[end("a"), end("b")], at(0))]);
    world.outlet().script([Err(fault(Fault::Closed))]);
    let (handled, lines) = drained(&world);
    assert_eq!(handled, clean());
    let [line] = lines.try_into().unwrap();
    let text = json!("Fake: refused; given up; action: do something");
    assert_eq!((&line["severity"], &line["message"]), (&json!("ERROR"), &text));
    assert_eq!((world.asked(":acknowledge").len(), world.asked(":modifyAckDeadline").len()), (1, 0));
}

/// The hour counts from its first such answer, however long the reports have waited for something else.
#[test]
fn a_receiver_that_says_neither_yes_nor_no_for_an_hour_gets_no_more_copies() {
    let world = World::set(digests(10));
    let drains = |replies: &[(i64, Result<(), PostError>)]| -> Vec<(usize, usize)> {
        let drain = |(second, reply): &(i64, Result<(), PostError>)| {
            world.forget_calls();
            world.clock.set(at(*second));
            world.script(":pull", [pulled(&[end("a"), end("b")], at(-86_400))]);
            world.outlet().script([reply.clone()]);
            drained(&world);
            (world.asked(":acknowledge").len(), world.asked(":modifyAckDeadline").len())
        };
        replies.iter().map(drain).collect()
    };
    let unclear = || Err(fault(Fault::Unclear));
    let (left, over) = ((0, 1), (1, 0));
    assert_eq!(drains(&[(0, unclear()), (3_600, unclear()), (3_601, unclear())]), [left, left, over]);
    // Another answer in between begins the hour anew.
    let refused = Err(fault(Fault::Passing));
    assert_eq!(drains(&[(3_700, refused), (3_701, unclear()), (7_302, unclear())]), [left, left, over]);
}

#[test]
fn a_digest_is_posted_at_once_with_less_where_a_part_is_refused() {
    let world = World::set(|config| {
        digests(10)(config);
        config.routing.mention = Some(crate::watch::Mention::new("here"));
    });
    let mut first = report("failed", &json!({"plain": true, "noMention": true}));
    first["state"]["id"] = json!("a");
    world.script(":pull", [pulled(&[first, end("b")], at(0))]);
    world.outlet().script([
        Err(fault(Fault::Content)),
        Err(fault(Fault::Content)),
        Err(fault(Fault::Content)),
    ]);
    let (handled, lines) = drained(&world);
    assert_eq!(world.outlet().calls(), ["post C0OPS @here", "post C0OPS plain @here", "post C0OPS plain"]);
    let texts: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    let tries = ["as plain text, without blocks", "without the mention"];
    assert_eq!(texts, tries.map(|next| format!("Fake: refused; next try {next}; action: do something")));
    assert_eq!(handled.error.as_deref(), Some("Fake: refused; action: do something"));
    // A report by itself keeps what it is without, and its edit is not waited for.
    let world = World::set(digests(10));
    world.script(":pull", [pulled([&followed(end("a"))], at(0))]);
    world.outlet().script([Err(fault(Fault::Passing))]);
    assert_eq!(drained(&world).0, clean());
    assert_eq!(world.outlet().calls(), ["edit 1.000001", "post C0OPS"]);
}

#[test]
fn no_group_is_begun_with_too_little_time_for_its_answer() {
    for (late, calls) in [(13_000, 1), (13_001, 0)] {
        let mut world = World::set(digests(10));
        world.late = Duration::from_millis(late);
        world.script(":pull", [pulled(&[end("a")], at(0))]);
        let (handled, _) = drained(&world);
        assert_eq!((handled, world.outlet().calls().len()), (clean(), calls), "{late}");
        let expected = if calls == 1 { (1, 0) } else { (0, 1) };
        assert_eq!((world.asked(":acknowledge").len(), world.asked(":modifyAckDeadline").len()), expected);
    }
}

#[test]
fn a_digest_that_its_channel_does_not_take_says_in_the_settings_channel_where_it_was_to_go() {
    let world = World::set(digests(10));
    let elsewhere = ["a", "b"].map(|id| {
        let mut report = end(id);
        report["channel"] = json!("C0OTHER");
        report
    });
    world.script(":pull", [pulled(&elsewhere, at(0))]);
    world.outlet().script([Err(fault(Fault::Target))]);
    assert_eq!(drained(&world).0, clean());
    assert_eq!(world.outlet().calls(), ["post C0OTHER", "post C0OPS"]);
    let text = &world.outlet().told()[1].text;
    assert!(text.contains("C0OTHER"), "{text}");
}
