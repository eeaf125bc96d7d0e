//! Signals at the running service: pushes to `/events`, from the log entry to the message in Slack.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use opwatch::settings::Variables;
use serde_json::{Value, json};

use crate::live;
use crate::support::opwatch::{FIRESTORE_NAME, Kind, NAME, Opwatch, client, lasting, send};

const END: &str = include_str!("data/signals/entries/derived-datastore-export-end.json");
/// The attribute of each message of a log sink.
const TIMESTAMP: &str = "logging.googleapis.com/timestamp";

/// An entry about [`NAME`].
fn entry(text: &str) -> Value {
    let mut entry: Value = serde_json::from_str(text).unwrap();
    entry["operation"]["id"] = json!(NAME);
    entry["logName"] = json!("projects/demo/logs/cloudaudit.googleapis.com%2Factivity");
    entry["resource"]["labels"]["project_id"] = json!("demo");
    entry
}

/// The body of a push of the sink's subscription.
fn push(data: &str) -> String {
    let message = json!({"data": STANDARD.encode(data), "messageId": "9001", "publishTime": "2026-11-23T03:12:41Z",
        "attributes": {TIMESTAMP: "2026-11-23T03:12:40Z"}});
    json!({"message": message, "subscription": "projects/demo/subscriptions/opwatch-signals"}).to_string()
}

fn with_signals(args: &mut Variables) {
    args.set("SIGNALS", "yes");
    args.set("CHECK_INTERVAL", "600s");
}

/// The first check finds it running, and the next one is due in ten minutes. It ends after half a minute.
async fn watch_that_waits(opwatch: &Opwatch) {
    opwatch.world.operations.add(NAME, lasting(30));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.world.time.advance(Duration::from_secs(31));
    assert!(opwatch.slack().is_empty());
}

#[tokio::test]
async fn the_entry_of_an_end_brings_the_check_at_once() {
    let opwatch = Opwatch::start_with(with_signals).await;
    watch_that_waits(&opwatch).await;

    let (status, text) = opwatch.post("events", push(&entry(END).to_string())).await;

    assert_eq!(status, 204, "{text}");
    assert_prompt(&opwatch);
    opwatch.resume().await;
    let lines = opwatch.lines();
    assert!(lines.len() == 1 && lines[0].contains("succeeded"), "{lines:?}");
    opwatch.stop().await;
}

/// The report was scheduled by the push, long before the next check is due.
fn assert_prompt(opwatch: &Opwatch) {
    let reports = opwatch.tasks(Kind::Report);
    assert_eq!(reports.len(), 1, "{reports:#?}");
    let after = reports[0].schedule_time - opwatch.world.time.now();
    assert!(after < TimeDelta::seconds(10), "{after}");
}

/// Whatever comes, it is acknowledged, people hear nothing of it, and the watch goes on.
#[tokio::test]
async fn what_can_not_be_used_is_acknowledged_in_silence() {
    let opwatch = Opwatch::start_with(with_signals).await;
    watch_that_waits(&opwatch).await;
    let looks = opwatch.world.operations.requests().len();
    let mut foreign = entry(END);
    foreign["operation"]["id"] = json!("projects/other/operations/ASA1watched");
    let mut stream = entry(END);
    stream["operation"]["id"] = json!("00000000-0000-4000-8000-000000000041");
    let forged =
        json!({"name": NAME, "attempt": 3, "state": {"watch": "1", "firstTime": "2026-11-23T00:00:00Z"}});
    for data in ["", "x", "{}", &foreign.to_string(), &stream.to_string(), &forged.to_string()] {
        assert_eq!(opwatch.post("events", push(data)).await.0, 204, "{data}");
    }
    let large = format!("{{\"data\": \"{}\"}}", "x".repeat(400 * 1024));
    assert_eq!(opwatch.post("events", large).await.0, 204, "larger than any entry");
    assert_eq!(opwatch.post("events", "no push").await.0, 400);
    let (status, text) = send(client().get(format!("{}events", opwatch.url()))).await;
    assert_eq!((status, text.as_str()), (405, "this path only allows POST\n"));
    assert_eq!(opwatch.world.operations.requests().len(), looks, "nothing was read");
    assert!(opwatch.slack().is_empty() && opwatch.tasks(Kind::Report).is_empty());

    opwatch.resume().await;
    assert_eq!(opwatch.lines().len(), 1);
    opwatch.stop().await;
}

/// An entry of 256 KiB is a push of 350 KiB, more than any other path takes.
#[tokio::test]
async fn the_longest_entry_is_read() {
    let opwatch = Opwatch::start_with(with_signals).await;
    watch_that_waits(&opwatch).await;
    let mut long = entry(END);
    long["protoPayload"]["request"] = json!({"kinds": vec!["a kind with a long name"; 9_700]});
    let body = push(&long.to_string());
    assert!(body.len() > 320 * 1024, "{}", body.len());

    assert_eq!(opwatch.post("events", body).await.0, 204);

    assert_prompt(&opwatch);
    opwatch.resume().await;
    opwatch.stop().await;
}

/// `ROUTES` holds for all watches whose message names no channel.
#[tokio::test]
async fn a_watch_without_a_channel_is_reported_where_its_route_leads() {
    let routes = "firestore:C0FIRESTORE,other:C0OTHER,demo:C0DEMO:here";
    let opwatch = live::start_with(|args| args.set("ROUTES", routes)).await;
    for (name, own, channel) in [
        (FIRESTORE_NAME, None, "C0FIRESTORE"),
        (NAME, None, "C0DEMO"),
        ("projects/demo/operations/ASA2", Some("C0FIRESTORE"), "C0FIRESTORE"),
        ("projects/demo/operations/ASA3", Some("C0OPERATIONS"), "C0OPERATIONS"),
    ] {
        opwatch.world.operations.add(name, lasting(30));
        let mut message = json!({"name": name});
        if let Some(own) = own {
            message["channel"] = json!(own);
        }
        opwatch.watch(&message).await;
        let messages = opwatch.world.slack.channel_messages();
        assert_eq!(messages.last().unwrap().channel, channel, "{name}");
    }
    opwatch.stop().await;
}
