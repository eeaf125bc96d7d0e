//! The events outlet: each end of a watch is posted once to the receiver, whatever becomes of Slack, and the other way round.

use chrono::{DateTime, Utc};
use opwatch::fakes::{End, Fault, Plan, World};
use opwatch::settings::Variables;
use serde_json::{Value, json};

use crate::dead_letter::dead_letter;
use crate::support::opwatch::{
    FIRESTORE_NAME, Kind, NAME, Opwatch, export, lasting, refusal, settings, with_header,
};
use crate::support::python;

const TYPE: &str = "dev.opwatch.operation.ended.v1";

/// Settings with which `world`'s receiver gets events.
fn with_events(world: &World, args: &mut Variables) {
    args.set("EVENTS_URL", format!("{}/opwatch", world.receiver.url()));
    args.set("EVENTS_SECRET", world.receiver.secret());
}

async fn start() -> Opwatch {
    start_with(|_| ()).await
}

async fn start_with(change: impl FnOnce(&mut Variables)) -> Opwatch {
    let opwatch = Opwatch::start().await;
    let mut args = settings(&opwatch.world);
    with_events(&opwatch.world, &mut args);
    change(&mut args);
    opwatch.restart_with(|other| *other = args).await
}

/// The one event that was taken.
fn only_event(opwatch: &Opwatch) -> Value {
    let mut events = opwatch.world.receiver.taken();
    events.iter().for_each(crate::schema::assert_event);
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

/// The tasks of reports: those to Slack, and those to the receiver.
fn report_tasks(opwatch: &Opwatch) -> [usize; 2] {
    let tasks = opwatch.tasks(Kind::Report);
    let further = tasks.iter().filter(|task| task.data["state"]["report"]["outlet"].is_object()).count();
    [tasks.len() - further, further]
}

#[tokio::test]
async fn an_end_is_posted_as_a_signed_event() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(0));
    let id = opwatch.watch(&json!({"name": NAME, "title": "Nightly backup", "notify": "failure"})).await;
    let event = only_event(&opwatch);
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], TYPE);
    assert_eq!(event["source"], "//pubsub.googleapis.com/projects/demo/topics/opwatch");
    assert_eq!(event["subject"], NAME);
    assert_eq!(event["datacontenttype"], "application/json");
    let data = &event["data"];
    for (field, expected) in [
        ("outcome", json!("succeeded")),
        ("title", json!("Nightly backup")),
        ("watch", json!(id)),
        ("service", json!("datastore")),
        ("project", json!("demo")),
        ("operation", json!(NAME)),
        ("attempt", json!(0)),
    ] {
        assert_eq!(data[field], expected, "{field}: {data}");
    }
    assert_eq!(event["time"], data["endTime"]);
    let [start, end] =
        ["startTime", "endTime"].map(|time| data[time].as_str().unwrap().parse::<DateTime<Utc>>());
    assert!(start.unwrap() <= end.unwrap(), "{data}");
    assert!(data["entities"]["done"].is_u64() && data["bytes"]["done"].is_u64(), "{data}");
    assert!(data.get("error").is_none() && data["output"].is_string(), "{data}");
    // A watch that tells people of failures only.
    assert_eq!((opwatch.slack().len(), report_tasks(&opwatch)), (0, [1, 1]));
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn the_documents_have_every_field() {
    let page = include_str!("../docs/outlets/events.md");
    let opwatch = start().await;
    opwatch.watch_named(lasting(0)).await;
    opwatch.watch(&json!({"name": FIRESTORE_NAME, "service": "firestore", "title": "gone"})).await;
    for event in opwatch.world.receiver.taken() {
        let fields = event.as_object().unwrap().keys().chain(event["data"].as_object().unwrap().keys());
        for field in fields {
            let is_told = page.contains(&format!("`{field}`")) || page.contains(&format!("\"{field}\": "));
            assert!(is_told, "docs/outlets/events.md has no {field}");
        }
    }
    opwatch.stop().await;
}

/// The official package, which checks timestamps by the real time.
#[tokio::test]
async fn the_official_library_verifies_it() {
    let opwatch = start().await;
    opwatch
        .watch_named(Plan {
            end: End::Failed { code: 9, message: "日本語 & <tags>".to_owned() },
            ..lasting(0)
        })
        .await;
    let requests = opwatch.world.receiver.requests();
    assert_eq!(requests.len(), 1);
    let lines = requests.iter().map(|request| {
        let header = |name: &str| request.header(name).unwrap().to_owned();
        let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: Value =
            headers.into_iter().map(|name| (name.to_owned(), Value::from(header(name)))).collect();
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        format!("{}\n", json!({"headers": headers, "body": body}))
    });
    let lines: String = lines.collect();
    if let Some(verified) = python::output("events", &[&opwatch.world.receiver.secret()], lines.as_bytes()) {
        assert_eq!(verified.trim(), "1");
    }
    opwatch.stop().await;
}

#[tokio::test]
async fn every_end_has_an_event_and_nothing_else_has() {
    let fails = || Plan { end: End::Failed { code: 9, message: "No space left.".to_owned() }, ..lasting(0) };
    for (outcome, plan, message) in [
        ("succeeded", lasting(130), json!({"name": NAME})),
        ("failed", fails(), json!({"name": NAME})),
        ("cancelled", Plan { end: End::Cancelled, ..lasting(0) }, json!({"name": NAME})),
        ("stopped", lasting(10_000), json!({"name": NAME, "limit": 3})),
    ] {
        let opwatch = start().await;
        opwatch.world.operations.add(NAME, plan);
        opwatch.watch(&message).await;
        let event = only_event(&opwatch);
        assert_eq!(event["data"]["outcome"], outcome);
        let has_error = ["failed", "cancelled"].contains(&outcome);
        assert_eq!(event["data"]["error"]["message"].is_string(), has_error, "{event}");
        assert_eq!(opwatch.slack().len(), 1, "{outcome}");
        opwatch.stop().await;
    }
    let opwatch = start().await;
    opwatch.watch(&json!({"name": NAME})).await;
    assert_eq!(only_event(&opwatch)["data"]["outcome"], "cannotTell", "there is no such operation");
    opwatch.stop().await;

    let opwatch = start().await;
    opwatch.world.operations.fail_always_on(
        "POST",
        ":export",
        Some(refusal(403, "PERMISSION_DENIED", "No.")),
    );
    opwatch.watch(&export()).await;
    let event = only_event(&opwatch);
    assert_eq!(
        (&event["data"]["outcome"], &event["subject"]),
        (&json!("notStarted"), &json!("projects/demo:export"))
    );
    assert_eq!(
        (&event["data"]["startPath"], &event["data"]["error"]["code"]),
        (&event["subject"], &json!(403))
    );
    opwatch.stop().await;

    let opwatch = start().await;
    opwatch.watch(&json!({"test": true})).await;
    opwatch.watch(&json!({"nmae": NAME})).await;
    assert_eq!((opwatch.slack().len(), opwatch.world.receiver.requests().len()), (2, 0));
    opwatch.stop().await;
}

/// A receiver that answers with errors gets the event later, always the same one; Slack has its message at once, and once.
#[tokio::test]
async fn a_receiver_that_fails_delays_no_message_and_gets_the_same_event_again() {
    for fault in [
        Fault::answer(500, ""),
        Fault::answer(429, ""),
        Fault::answer(404, ""),
        Fault::answer(401, ""),
        with_header(Fault::answer(302, ""), "Location", "https://example.com/elsewhere"),
        Fault::Reset,
        Fault::DoneButLost,
    ] {
        let opwatch = start().await;
        (0..3).for_each(|_| opwatch.world.receiver.fail_next(fault.clone()));
        opwatch.watch_named(lasting(0)).await;
        assert_eq!(opwatch.slack().len(), 1, "{fault:?}");
        assert_eq!(report_tasks(&opwatch), [1, 4], "{fault:?}");
        let ids: Vec<_> = opwatch
            .world
            .receiver
            .requests()
            .iter()
            .map(|request| request.header("webhook-id").map(str::to_owned))
            .collect();
        assert!(ids.len() == 4 && ids[0].is_some() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let events = opwatch.world.receiver.taken();
        assert_eq!(events.len(), if fault == Fault::DoneButLost { 4 } else { 1 }, "{fault:?}");
        assert!(events.iter().all(|event| *event == events[0]), "{events:#?}");
        let tasks = opwatch.tasks(Kind::Report);
        let again: Vec<_> =
            tasks.iter().filter(|task| task.data["state"]["report"]["outlet"].is_object()).collect();
        for (task, seconds) in again.iter().zip([0, 10, 20, 40]) {
            let ahead = (task.schedule_time - task.created_at).num_seconds();
            assert!(
                (seconds - 3..=seconds * 5 / 4 + 1).contains(&ahead),
                "{fault:?}: {ahead} is not {seconds} s"
            );
        }
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_slack_that_fails_delays_no_event_and_doubles_none() {
    let opwatch = start().await;
    (0..4).for_each(|_| opwatch.world.slack.fail_next(Fault::answer(500, "")));
    opwatch.watch_named(lasting(0)).await;
    assert_eq!((opwatch.slack().len(), opwatch.world.receiver.taken().len()), (1, 1));
    assert_eq!(report_tasks(&opwatch), [5, 1]);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_no_event_again() {
    let opwatch = start().await;
    opwatch.world.receiver.fail_always(Some(Fault::answer(410, "")));
    opwatch.watch_named(lasting(0)).await;
    assert_eq!((opwatch.world.receiver.requests().len(), report_tasks(&opwatch)), (1, [1, 1]));
    assert_eq!(opwatch.slack().len(), 1);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// The delivery comes again, and asks for tasks of the same names.
#[tokio::test]
async fn a_task_that_is_not_created_is_created_by_the_next_delivery() {
    for failing in [1, 2, 3, 4] {
        let opwatch = start().await;
        (0..failing).for_each(|_| opwatch.world.tasks.fail_next(refusal(500, "INTERNAL", "Later.")));
        opwatch.watch_named(lasting(0)).await;
        assert!(opwatch.answers().contains(&503), "{failing}: {:?}", opwatch.answers());
        assert_eq!((opwatch.slack().len(), opwatch.world.receiver.taken().len()), (1, 1), "{failing}");
        opwatch.stop().await;
    }
}

/// A watch ended while `EVENTS_URL` was set, and the receiver was not reached before it was unset.
#[tokio::test]
async fn an_event_is_dropped_when_there_is_no_receiver_any_more() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(0));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let opwatch = opwatch.restart_with(|_| ()).await;
    opwatch.resume().await;
    assert_eq!(report_tasks(&opwatch), [1, 1]);
    assert_eq!((opwatch.slack().len(), opwatch.world.receiver.requests().len()), (1, 0));
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_lost_watch_has_an_event_too() {
    let opwatch = start().await;
    let check = json!({"name": NAME, "attempt": 7, "state": {"version": 1, "id": "5"}});
    opwatch.world.operations.fail_always(Some(Fault::answer(503, "")));
    assert_eq!(dead_letter(&opwatch, check.to_string().as_bytes()).await, 204);
    opwatch.world.settled().await;
    assert_eq!(only_event(&opwatch)["data"]["outcome"], "lost");
    assert_eq!(opwatch.slack().len(), 1);
    opwatch.stop().await;

    // Without tasks people are told nevertheless.
    let opwatch = start().await;
    opwatch.world.operations.fail_always(Some(Fault::answer(503, "")));
    opwatch.world.tasks.fail_always(Some(Fault::answer(403, "{}")));
    assert_eq!(dead_letter(&opwatch, check.to_string().as_bytes()).await, 204);
    assert_eq!((opwatch.slack().len(), opwatch.world.receiver.requests().len()), (1, 0));
    opwatch.world.tasks.fail_always(None);
    opwatch.stop().await;
}

/// Pub/Sub gave up on an event: it is posted once more, and kept if that fails. It is no message for Slack.
#[tokio::test]
async fn an_event_that_pubsub_gave_up_on_is_posted_or_kept() {
    let opwatch = start().await;
    opwatch.world.receiver.fail_next(Fault::answer(500, ""));
    opwatch.watch_named(lasting(0)).await;
    let tasks = opwatch.tasks(Kind::Report);
    let event = tasks
        .iter()
        .find(|task| task.data["state"]["report"]["outlet"].is_object())
        .unwrap()
        .data
        .to_string();
    for (fault, status, taken) in
        [(None, 204, 2), (Some(Fault::answer(500, "")), 503, 2), (Some(Fault::answer(410, "")), 204, 2)]
    {
        opwatch.world.receiver.fail_always(fault.clone());
        assert_eq!(dead_letter(&opwatch, event.as_bytes()).await, status, "{fault:?}");
        assert_eq!((opwatch.slack().len(), opwatch.world.receiver.taken().len()), (1, taken), "{fault:?}");
    }
    opwatch.stop().await;
}
