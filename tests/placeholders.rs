//! Placeholders in a start: what is sent, what is recognised, and what people see.

use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use opwatch::fakes::{Fault, RecordedRequest};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::opwatch::{GREEN, Kind, Opwatch, RED, TOPIC, colour, lasting, refusal, texts};

fn datastore(prefix: &str) -> Value {
    json!({"start": {"service": "datastore", "path": "projects/demo:export", "body": {"outputUrlPrefix": prefix}}})
}

fn firestore(prefix: &str) -> Value {
    json!({"start": {"service": "firestore", "path": "projects/demo/databases/(default):exportDocuments",
        "body": {"outputUriPrefix": prefix, "collectionIds": ["shops"]}}})
}

/// The prefixes that were asked for, in order.
fn prefixes(opwatch: &Opwatch) -> Vec<String> {
    let requests = opwatch.world.operations.requests();
    let starts = requests.iter().filter(|request| request.method == "POST").map(RecordedRequest::json);
    let prefix = |body: Value| {
        body["outputUrlPrefix"].as_str().or(body["outputUriPrefix"].as_str()).map(str::to_owned)
    };
    starts.filter_map(prefix).collect()
}

/// When the message with this id was published, by Pub/Sub's clock.
fn published(opwatch: &Opwatch, id: &str) -> DateTime<Utc> {
    let messages = opwatch.world.pubsub.messages();
    messages.iter().find(|message| message.id == id).unwrap().publish_time
}

fn datetime(at: DateTime<Utc>, zone: &str) -> String {
    at.with_timezone(&zone.parse::<Tz>().unwrap()).format("%Y-%m-%dT%H%M%S").to_string()
}

#[tokio::test]
async fn the_publish_time_and_the_key_are_what_placeholders_stand_for() {
    for (of_settings, of_message, key, zone) in [
        (None, None, None, "UTC"),
        (Some("Asia/Tokyo"), None, None, "Asia/Tokyo"),
        (Some("Asia/Tokyo"), Some("America/New_York"), Some("nightly"), "America/New_York"),
    ] {
        let opwatch =
            Opwatch::start_with(|args| args.set("TIME_ZONE", of_settings.unwrap_or_default())).await;
        opwatch.world.operations.plan(lasting(100));
        let mut kickoff = datastore("gs://b/${date}/${time}/${datetime}-${id}/$${id}");
        if let Some(zone) = of_message {
            kickoff["timeZone"] = json!(zone);
        }
        if let Some(key) = key {
            kickoff["key"] = json!(key);
        }
        let id = opwatch.watch(&kickoff).await;
        let both = datetime(published(&opwatch, &id), zone);
        let (date, time) = both.split_once('T').unwrap();
        let hash = Sha256::digest(key.unwrap_or(&id).as_bytes());
        let hash = format!("{:08x}", u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]));
        assert_eq!(prefixes(&opwatch), [format!("gs://b/{date}/{time}/{both}-{hash}/${{id}}")]);
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn retries_and_redeliveries_ask_for_the_same() {
    for kickoff in [datastore("gs://b/${datetime}-${id}"), firestore("gs://b/${datetime}-${id}")] {
        let opwatch = Opwatch::start_with(|args| args.set("TIME_ZONE", "Asia/Tokyo")).await;
        opwatch.world.operations.plan(lasting(100));
        for _ in 0..3 {
            opwatch.world.operations.fail_next_on("POST", "", refusal(503, "UNAVAILABLE", "try later"));
        }
        let id = opwatch.publish_and_pause(&kickoff).await;
        opwatch.world.pubsub.redeliver(&id);
        opwatch.resume().await;
        let asked = prefixes(&opwatch);
        assert!(asked.len() >= 3 && asked.iter().all(|prefix| *prefix == asked[0]), "{asked:?}");
        assert!(
            asked[0].starts_with(&format!("gs://b/{}-", datetime(published(&opwatch, &id), "Asia/Tokyo"))),
            "{asked:?}"
        );
        let passed_on = opwatch.tasks(Kind::Start);
        assert!(
            passed_on.iter().all(|task| task.data["start"] == kickoff["start"]),
            "the text before it is expanded"
        );
        assert_eq!((opwatch.world.operations.operations().len(), opwatch.slack().len()), (1, 1));
        opwatch.stop().await;
    }
}

/// Cloud Scheduler now and then publishes twice for one slot; the copies differ in id and second.
#[tokio::test]
async fn a_second_kickoff_for_the_same_slot_is_recognised() {
    for kickoff in [datastore("gs://b/${datetime}-${id}"), firestore("gs://b/${datetime}-${id}")] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(1_000));
        opwatch.publish_and_pause(&kickoff).await;
        opwatch.world.time.advance(Duration::from_secs(2));
        opwatch.publish_and_pause(&kickoff).await;
        opwatch.resume().await;
        assert_eq!(opwatch.starts(), 1, "{kickoff}");
        let told = opwatch
            .slack()
            .iter()
            .filter(|payload| texts(payload).join("\n").contains("Not started again."))
            .count();
        assert_eq!((opwatch.slack().len(), told), (2, 1));
        opwatch.stop().await;
    }
}

/// A start whose answer is lost is found by what it asked for, though the next try is a minute later.
#[tokio::test]
async fn a_lost_start_is_found_again() {
    for kickoff in [datastore("gs://b/${datetime}"), firestore("gs://b/${datetime}")] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(300));
        opwatch.world.operations.fail_next_on("POST", "", Fault::DoneButLost);
        opwatch.watch(&kickoff).await;
        assert_eq!((opwatch.looks_and_starts().as_str(), opwatch.starts()), ("GET POST GET", 1), "{kickoff}");
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
}

/// Another prefix, of the same form but for a letter, is another export.
#[tokio::test]
async fn what_only_looks_alike_is_started() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.plan(lasting(1_000));
    opwatch.publish_and_pause(&firestore("gs://b/of-${datetime}")).await;
    opwatch.publish_and_pause(&firestore("gs://b/${datetime}")).await;
    opwatch.publish_and_pause(&firestore("gs://b/of-${date}")).await;
    assert_eq!(opwatch.starts(), 3);
    opwatch.resume().await;
    opwatch.stop().await;
}

#[tokio::test]
async fn what_is_no_placeholder_is_told_with_those_that_are() {
    for (kickoff, field, found) in [
        (datastore("gs://b/${day}"), "start.body.outputUrlPrefix", "${day}"),
        (datastore("gs://b/${date"), "start.body.outputUrlPrefix", "${date"),
        (
            json!({"start": {"service": "datastore", "path": "projects/${project}:export", "body": {}}}),
            "start.path",
            "${project}",
        ),
        (
            json!({"start": {"service": "datastore", "path": "projects/demo:export",
                "body": {"entityFilter": {"kinds": ["A", "B${n}"]}}}}),
            "start.body.entityFilter.kinds[1]",
            "${n}",
        ),
    ] {
        let opwatch = Opwatch::start().await;
        opwatch.watch(&kickoff).await;
        let text = opwatch.only_text();
        assert!(text.contains(field), "{text}");
        let said = format!(
            "{found} is not a placeholder. The placeholders are ${{date}}, ${{time}}, ${{datetime}}, ${{id}}."
        );
        assert!(text.contains(&said) && text.contains("For a literal ${, write $${."), "{text}");
        assert!(opwatch.world.operations.requests().is_empty());
        opwatch.stop().await;
    }
}

/// What the settings check is what is sent. Of what they refuse in `EXPORT_PREFIXES` see the refusals' tests.
#[tokio::test]
async fn a_placeholder_reaches_no_other_project() {
    let date = |days| (Utc::now() + TimeDelta::days(days)).format("%Y-%m-%d");
    let both = format!("demo,demo-{},demo-{}", date(0), date(1));
    for (projects, starts) in [("demo", 0), (both.as_str(), 1)] {
        let opwatch = Opwatch::start_with(|args| args.set("PROJECTS", projects)).await;
        let mut kickoff = datastore("gs://b");
        kickoff["start"]["path"] = json!("projects/demo-${date}:export");
        let id = opwatch.watch(&kickoff).await;
        let text = opwatch.only_text();
        assert_eq!(opwatch.starts(), starts, "{projects}: {text}");
        let project = published(&opwatch, &id).format("demo-%Y-%m-%d");
        let refused = format!("Not allowed by the setting PROJECTS. To allow it, add {project} to PROJECTS.");
        assert_eq!(text.contains(&refused), starts == 0, "{projects}: {text}");
        opwatch.stop().await;
    }
}

/// 12 KiB are read; `${date}` becomes longer.
#[tokio::test]
async fn the_limits_hold_for_what_is_sent() {
    let opwatch = Opwatch::start().await;
    let body = |placeholders: usize| {
        json!({"start": {"service": "datastore", "path": "projects/demo:export",
        "body": {"outputUrlPrefix": "gs://b", "entityFilter": {"kinds": [], "namespaceIds": ["${id}".repeat(placeholders)]}}}})
    };
    opwatch.watch(&body(1_500)).await;
    assert_eq!(opwatch.starts(), 1, "7,500 bytes are 12,000");
    opwatch.watch(&body(1_600)).await;
    assert_eq!(opwatch.starts(), 1);
    let text = texts(opwatch.slack().last().unwrap()).join("\n");
    assert!(text.contains("start.body") && text.contains("the limit is 12288"), "{text}");
    opwatch.stop().await;
}

/// The message that bash hands to gcloud for this line.
fn pasted(line: &str) -> Value {
    let script = format!("gcloud() {{ printf '%s' \"${{@: -1}}\"; }}\n{line}\n");
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(said.strip_prefix("--message=").unwrap()).unwrap()
}

#[tokio::test]
async fn the_line_to_paste_carries_the_text_before_it_is_expanded() {
    for kickoff in [datastore("gs://b/${datetime}/$${x}"), firestore("gs://b/${datetime}/$${x}")] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.fail_next_on("POST", "", refusal(403, "PERMISSION_DENIED", "no"));
        opwatch.watch(&kickoff).await;
        let (message, text) = (opwatch.only_message(), opwatch.only_text());
        assert_eq!(colour(&message), RED);
        let line = text.split("```").find(|part| part.starts_with("gcloud pubsub")).unwrap();
        assert!(line.starts_with(&format!("gcloud pubsub topics publish {TOPIC} --message=")), "{line}");
        let again = pasted(line);
        assert_eq!(again["start"], kickoff["start"]);
        // A day later it goes to that day's folder.
        opwatch.world.time.advance(Duration::from_secs(86_400));
        let id = opwatch.watch(&again).await;
        let today = datetime(published(&opwatch, &id), "UTC");
        assert_eq!(prefixes(&opwatch).last(), Some(&format!("gs://b/{today}/${{x}}")));
        opwatch.stop().await;
    }
}

/// The other commands name what was called: they are no kickoffs.
#[tokio::test]
async fn a_start_that_may_run_is_looked_for_where_it_was_sent() {
    let opwatch = Opwatch::start_with(|args| args.set("TIME_ZONE", "Asia/Tokyo")).await;
    let mut kickoff = firestore("gs://b/${datetime}");
    kickoff["start"]["path"] = json!("projects/demo/databases/copy-${date}:exportDocuments");
    opwatch.world.operations.fail_next_on("POST", "", Fault::DoneButLost);
    let id = opwatch.publish_and_pause(&kickoff).await;
    opwatch.world.operations.fail_always_on("GET", "", Some(refusal(403, "PERMISSION_DENIED", "")));
    opwatch.resume().await;
    let date = datetime(published(&opwatch, &id) + TimeDelta::zero(), "Asia/Tokyo");
    let date = date.split_once('T').unwrap().0;
    let text = opwatch.only_text();
    assert!(
        text.contains(&format!("gcloud firestore operations list --project=demo --database=copy-{date}")),
        "{text}"
    );
    opwatch.stop().await;
}
