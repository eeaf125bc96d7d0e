//! The events outlet: each end of a watch is posted once to the receiver, whatever becomes of Slack, and the other way round.

use chrono::{DateTime, Utc};
use opwatch::fakes::{End, Fault, Message, Plan, RecordedRequest, World};
use opwatch::settings::Variables;
use serde_json::{Value, json};

use crate::dead_letter::dead_letter;
use crate::ledger::ledger_at;
use crate::support::deployment::{Datastore, Deployment};
use crate::support::emulators::{PROJECT, emulators};
use crate::support::opwatch::{
    FIRESTORE_NAME, Kind, NAME, Opwatch, export, lasting, refusal, settings, texts, with_header,
};
use crate::support::python;

const TYPE: &str = "dev.opwatch.operation.succeeded.v1";

/// Settings with which `world`'s receiver gets events.
fn with_events(world: &World, args: &mut Variables) {
    args.set("EVENTS_URL", format!("{}/opwatch", world.receiver.url()));
    args.set("EVENTS_SECRET", world.receiver.secret());
}

/// A secret that takes the place of the receiver's.
const NEW_SECRET: &str = "whsec_bmV3LXNlY3JldC1mb3ItdGhlLXRlc3RzLTAwMDAwMDA=";
/// A topic of events.
const EVENTS: &str = "projects/demo/topics/opwatch-events";

/// opwatch with Slack, a receiver and a topic of events.
async fn start_with_topic(change: impl FnOnce(&mut Variables)) -> Opwatch {
    let opwatch = start_with(|args| {
        args.set("EVENTS_TOPIC", EVENTS);
        change(args);
    })
    .await;
    opwatch.world.pubsub.create_topic(EVENTS);
    opwatch
}

/// What was published to the topic of events.
fn published(opwatch: &Opwatch) -> Vec<Message> {
    let mut messages = opwatch.world.pubsub.messages();
    messages.retain(|message| message.topic == EVENTS);
    messages
}

/// How many messages Slack has, events the receiver, and messages the topic.
fn told(opwatch: &Opwatch) -> [usize; 3] {
    [opwatch.slack().len(), opwatch.world.receiver.taken().len(), published(opwatch).len()]
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
        let (headers, body) = webhook(request);
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

#[tokio::test]
async fn an_end_is_published_as_an_event_in_binary_mode() {
    let opwatch = start_with_topic(|_| ()).await;
    opwatch.world.operations.add(NAME, lasting(0));
    opwatch.watch(&json!({"name": NAME, "title": "Nightly backup"})).await;
    assert_eq!(told(&opwatch), [1, 1, 1]);
    let Message { attributes, data, .. } = published(&opwatch).remove(0);
    let posted = only_event(&opwatch);
    for (name, expected) in [
        ("ce-specversion", "1.0"),
        ("ce-type", TYPE),
        ("ce-source", "//pubsub.googleapis.com/projects/demo/topics/opwatch"),
        ("ce-subject", NAME),
        ("ce-time", posted["time"].as_str().unwrap()),
        ("content-type", "application/json"),
        ("contentType", "application/json"),
        ("outcome", "succeeded"),
        ("service", "datastore"),
        ("project", "demo"),
    ] {
        assert_eq!(attributes.get(name).map(String::as_str), Some(expected), "{name}");
    }
    assert_eq!(serde_json::from_slice::<Value>(&data).unwrap(), posted["data"]);
    // The id of the task of this report: that of the report to the receiver is another.
    let tasks = opwatch.tasks(Kind::Report);
    assert!(tasks.iter().any(|task| task.name.ends_with(&attributes["ce-id"])), "{attributes:?}");
    assert_ne!(posted["id"], attributes["ce-id"].as_str());
    let calls = opwatch.world.pubsub.requests();
    let calls = calls.iter().filter(|request| request.path.contains("opwatch-events")).count();
    assert_eq!(calls, 1, "a report is one call");
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// Each outlet has its own tries: the others have the end at once, and once.
#[tokio::test]
async fn a_topic_that_can_not_be_published_to_delays_nothing_and_gets_the_same_event_again() {
    for fault in
        [refusal(503, "UNAVAILABLE", "Later."), refusal(403, "PERMISSION_DENIED", "No."), Fault::Reset]
    {
        let opwatch = start_with_topic(|_| ()).await;
        let unnamed = fault.clone();
        opwatch.world.pubsub.fail_always_on("POST", "opwatch-events:publish", Some(unnamed));
        opwatch.world.operations.add(NAME, lasting(0));
        opwatch.publish_and_pause(&json!({"name": NAME})).await;
        assert_eq!(told(&opwatch)[2], 0, "{fault:?}");
        opwatch.world.pubsub.fail_always_on("POST", "opwatch-events:publish", None);
        opwatch.resume().await;
        assert_eq!(told(&opwatch), [1, 1, 1], "{fault:?}");
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn slack_may_be_absent() {
    let opwatch = start_with_topic(|args| {
        for setting in ["SLACK_WEBHOOK_URL", "EVENTS_URL", "EVENTS_SECRET"] {
            args.unset(setting);
        }
    })
    .await;
    opwatch.watch_named(lasting(130)).await;
    assert_eq!(told(&opwatch), [0, 0, 1]);
    // People hear of these, and none listen.
    opwatch.watch(&json!({"nmae": NAME})).await;
    opwatch.watch(&json!({"test": true})).await;
    assert_eq!((told(&opwatch), report_tasks(&opwatch)), ([0, 0, 1], [0, 1]));
    // A pipeline that waits for a lost watch is told.
    let check = json!({"name": FIRESTORE_NAME, "service": "firestore", "attempt": 7, "state": {"version": 1, "id": "5"}});
    opwatch.world.operations.fail_always(Some(Fault::answer(503, "")));
    assert_eq!(dead_letter(&opwatch, check.to_string().as_bytes()).await, 204);
    opwatch.world.settled().await;
    assert_eq!(published(&opwatch)[1].attributes["outcome"], "lost");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_message_chooses_its_outlets() {
    for (outlets, expected) in [
        (json!(["topic"]), [0, 0, 1]),
        (json!(["slack", "events"]), [1, 1, 0]),
        (json!(["topic", "slack", "events"]), [1, 1, 1]),
    ] {
        let opwatch = start_with_topic(|_| ()).await;
        opwatch.world.operations.add(NAME, lasting(130));
        opwatch.watch(&json!({"name": NAME, "outlets": outlets, "interval": 60})).await;
        assert_eq!(told(&opwatch), expected, "{outlets}");
        opwatch.stop().await;
    }
    // One that is not set up, or not known, is refused: people hear of it.
    for outlets in [json!(["topic"]), json!(["pager"]), json!([]), json!("slack"), json!(["slack", "slack"])]
    {
        let opwatch = start().await;
        opwatch.watch(&json!({"name": NAME, "outlets": outlets})).await;
        let text = opwatch.slack().iter().flat_map(texts).collect::<Vec<_>>().join(" ");
        assert!(text.contains("outlets"), "{outlets}: {text}");
        assert_eq!(opwatch.world.receiver.taken().len(), 0, "{outlets}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn the_setting_says_which_outlets_are_used() {
    let opwatch = start_with_topic(|args| args.set("OUTLETS", "topic,slack")).await;
    opwatch.watch_named(lasting(0)).await;
    assert_eq!(told(&opwatch), [1, 0, 1]);
    opwatch.stop().await;
}

/// Every copy of a report claims its own lease, one for each outlet.
#[tokio::test]
async fn with_a_ledger_each_outlet_is_told_once() {
    let Some(google) = emulators() else { return };
    let opwatch = start_with_topic(ledger_at(&google.datastore.url(), "outlets")).await;
    opwatch.world.pubsub.deliver_each(3);
    opwatch.watch_named(lasting(0)).await;
    assert_eq!(told(&opwatch), [1, 1, 1]);
    opwatch.stop().await;
}

/// While a secret is replaced, a receiver may know either.
#[tokio::test]
async fn a_secret_is_replaced_while_events_are_sent() {
    let opwatch = start_with(|args| {
        let both = format!("{NEW_SECRET}, {}", args.get("EVENTS_SECRET").unwrap());
        args.set("EVENTS_SECRET", both);
    })
    .await;
    opwatch.watch_named(lasting(0)).await;
    let requests = opwatch.world.receiver.requests();
    let signatures = requests[0].header("webhook-signature").unwrap();
    assert_eq!(signatures.split(' ').filter(|signature| signature.starts_with("v1,")).count(), 2);
    only_event(&opwatch);
    let (headers, body) = webhook(&requests[0]);
    let line = json!({"headers": headers, "body": body}).to_string();
    let secrets = [NEW_SECRET, &opwatch.world.receiver.secret()];
    if let Some(verified) = python::output("events", &secrets, line.as_bytes()) {
        assert_eq!(verified.trim(), "1");
    }
    opwatch.stop().await;
}

/// A pipeline that waits: Google's client takes what opwatch published to the emulator, and the `CloudEvents` package reads it.
#[tokio::test]
async fn googles_client_takes_events_that_the_official_package_reads() {
    let Some(google) = emulators() else { return };
    google.pubsub.create_topic(PROJECT, "ends").await;
    google.pubsub.create_pull_subscription(PROJECT, "ends-pull", "ends").await;
    let settings = [("EVENTS_TOPIC", "projects/demo/topics/ends"), ("OUTLETS", "topic,slack")];
    let mut deployment = Deployment::start(google, "ending", Datastore::FakeService, &settings).await;
    deployment.world.operations.add(NAME, lasting(0));
    let id = deployment.publish(&json!({"name": NAME, "title": "夜間バックアップ"})).await;
    let failing = "projects/demo/operations/ASA2";
    let end = End::Failed { code: 9, message: "日本語 & <tags>".to_owned() };
    deployment.world.operations.add(failing, Plan { end, ..lasting(0) });
    deployment.publish(&json!({"name": failing, "outlets": ["topic"]})).await;
    deployment.quiet().await;
    assert_eq!(deployment.world.slack.messages().len(), 1);
    if let Some(mut events) = python::events(google, "ends-pull", 2).await {
        events.sort_by_key(|event| event["attributes"]["subject"] != NAME);
        let [succeeded, failed] = &events[..] else { panic!("{events:#?}") };
        assert_eq!(succeeded["attributes"]["type"], TYPE);
        assert_eq!(succeeded["attributes"]["datacontenttype"], "application/json");
        assert_eq!(
            (&succeeded["data"]["title"], &succeeded["data"]["watch"]),
            (&json!("夜間バックアップ"), &json!(id))
        );
        assert_eq!(failed["attributes"]["type"], "dev.opwatch.operation.failed.v1");
        assert_eq!(failed["attributes"]["subject"], failing);
        assert_eq!(failed["data"]["error"]["message"], "日本語 & <tags>");
        assert_eq!(failed["raw"]["outcome"], "failed");
    }
    deployment.stop().await;
}

/// The headers of a webhook that its receiver needs to verify it, and its body.
fn webhook(request: &RecordedRequest) -> (Value, String) {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers = headers.map(|name| (name.to_owned(), Value::from(request.header(name).unwrap())));
    (Value::Object(headers.into_iter().collect()), String::from_utf8(request.body.to_vec()).unwrap())
}
