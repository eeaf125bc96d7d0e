//! The steps of `deploy/` for signals, with the real gcloud on the stand-in.

use serde_json::{Value, json};

use crate::deploy::{GRANTS, environment, sorted};
use crate::support::gcloud::{Cloud, URL, WRITER};

const SETTINGS: &str = "PROJECT=demo\nREGION=europe-west1\nEXPORT_PREFIXES=gs://backups/\nSLACK=webhook\n\
    IMAGE=europe-west1-docker.pkg.dev/demo/images/opwatch:1\nSERVICES=datastore,firestore,sqladmin\nSIGNALS=yes\n\
    ADOPT=firestore,datastore:ExportEntities\nADOPT_EXCEPT='*@cloudservices.gserviceaccount.com'\n\
    SIGNAL_TOPICS=cloud-builds,not-there\n";
const WEBHOOK: &str = "https://hooks.slack.com/services/T0/B0/canary-secret-8f1b";
const SERVICE: &str = "run:projects/demo/locations/europe-west1/services/opwatch";
const SINK: &str = "logging:projects/demo/sinks/opwatch";
const TOPIC: &str = "pubsub:projects/demo/topics/opwatch-signals";
const PUSH: &str = "pubsub:projects/demo/subscriptions/opwatch-push";
const SIGNALS_PUSH: &str = "pubsub:projects/demo/subscriptions/opwatch-signals";
const NATIVE_PUSH: &str = "pubsub:projects/demo/subscriptions/opwatch-signals-cloud-builds";
const FOREIGN_PUSH: &str = "pubsub:projects/demo/subscriptions/opwatch-signals-push";

/// The ends of what may be watched, and the starts of what is adopted, apart from opwatch's own.
const FILTER: &str = concat!(
    "((((logName=\"projects/demo/logs/cloudaudit.googleapis.com%2Factivity\" AND protoPayload.serviceName=",
    "(\"cloudsql.googleapis.com\" OR \"datastore.googleapis.com\" OR \"firestore.googleapis.com\")) OR ",
    "(logName=\"projects/demo/logs/cloudaudit.googleapis.com%2Fdata_access\" AND protoPayload.serviceName=\"cloudsql.googleapis.com\")) ",
    "AND ((operation.last=true AND NOT operation.first=true) OR ((operation.first=true AND NOT operation.last=true) AND ",
    "(protoPayload.serviceName=\"firestore.googleapis.com\" OR (protoPayload.serviceName=\"datastore.googleapis.com\" AND ",
    "protoPayload.methodName=~\"(^|\\\\.)ExportEntities$\")) AND ",
    "NOT protoPayload.authenticationInfo.principalEmail=\"opwatch-run@demo.iam.gserviceaccount.com\"))))",
);

#[test]
fn a_sink_is_made_once_compared_paused_and_removed() {
    let Some(cloud) = Cloud::new("signals", "2026-01-01T00:00:00Z") else { return };
    cloud.file("settings.env", SETTINGS);
    cloud.put(
        "pubsub:projects/demo/topics/cloud-builds",
        json!({"name": "projects/demo/topics/cloud-builds"}),
    );
    // Another person's, with a similar name.
    let foreign = json!({"name": "projects/demo/subscriptions/opwatch-signals-push", "topic": "projects/demo/topics/cloud-builds"});
    cloud.put(FOREIGN_PUSH, foreign);

    up_makes_the_sink(&cloud);
    let text = cloud.run("up", &["--no-test"], "").ok();
    assert!(cloud.take_changes().is_empty(), "{text}");
    assert!(text.contains("unchanged: sink opwatch\n"), "{text}");
    doctor_compares(&cloud);
    a_pause_stops_signals_too(&cloud);
    everything_is_removed(&cloud);
    assert_eq!(cloud.refused(), Vec::<String>::new());
}

fn up_makes_the_sink(cloud: &Cloud) {
    let text = cloud.run("up", &["--no-test"], WEBHOOK).ok();

    let sink = cloud.resource(SINK);
    assert_eq!(sink["name"], "opwatch");
    assert_eq!(sink["destination"], "pubsub.googleapis.com/projects/demo/topics/opwatch-signals");
    assert_eq!(sink["filter"], FILTER);
    let mut grants = cloud.grants();
    grants.sort();
    let mut expected = sorted(&GRANTS);
    expected.push(format!("{TOPIC}: roles/pubsub.publisher: {WRITER}"));
    expected.sort();
    assert_eq!(grants, expected);
    for (key, topic) in [(SIGNALS_PUSH, "opwatch-signals"), (NATIVE_PUSH, "cloud-builds")] {
        let push = cloud.resource(key);
        assert_eq!(push["topic"], format!("projects/demo/topics/{topic}"));
        assert_eq!(push["pushConfig"]["pushEndpoint"], format!("{URL}/events"));
        assert_eq!(push["messageRetentionDuration"], "3600s", "a late signal is worth nothing");
        assert!(push["deadLetterPolicy"].is_null(), "and is not kept");
    }
    for said in [
        "topic not-there of SIGNAL_TOPICS does not exist: create it with gcloud pubsub topics create not-there",
        "note: exports and imports of Cloud SQL are only in the Data Access logs",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let service = cloud.resource(SERVICE);
    let environment = environment(&service["spec"]["template"]["spec"]["containers"][0]);
    for setting in [
        "SIGNALS=yes",
        "ADOPT=firestore,datastore:ExportEntities",
        "ADOPT_EXCEPT=opwatch-run@demo.iam.gserviceaccount.com,*@cloudservices.gserviceaccount.com",
    ] {
        assert!(environment.iter().any(|found| found == setting), "{environment:?}");
    }
    // What the sink publishes must have where to go, and /events must be there before the first push.
    let changed: Vec<_> = cloud.take_changes().into_iter().map(|call| call.resource).collect();
    let at = |what: &str| changed.iter().position(|changed| changed.contains(what)).expect(what);
    assert!(
        at("topics/opwatch-signals") < at("/sinks") && at("services") < at("subscriptions/opwatch-signals")
    );
}

/// What a person may do to it in the console.
fn doctor_compares(cloud: &Cloud) {
    let whole = cloud.resource(SINK);
    let mut sink = whole.clone();
    sink["filter"] = json!("severity>=ERROR");
    sink["disabled"] = json!(true);
    cloud.put(SINK, sink);
    cloud.revoke(TOPIC);

    let ran = cloud.run("doctor", &[], "");

    let found: Vec<_> = ran.text.lines().filter(|line| line.starts_with("FAIL")).collect();
    let expected = [
        "FAIL  deploy/up would update sink opwatch (filter: severity>=ERROR -> ",
        "FAIL  deploy/up would grant roles/pubsub.publisher on topic opwatch-signals to service-123456789@gcp-sa-logging.",
        "FAIL  topic not-there of SIGNAL_TOPICS does not exist",
    ];
    assert_eq!(found.len(), expected.len(), "{}", ran.text);
    for (line, expected) in found.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
    assert!(found[0].ends_with(", disabled: true -> false)"), "{}", found[0]);
    assert!(
        ran.text.contains("ok    the last signal came at 2026-11-28T23:00:00Z (ended)\n"),
        "{}",
        ran.text
    );
    cloud.take_changes();

    // A topic that SIGNAL_TOPICS no longer lists is unsubscribed.
    let native = cloud.resource(NATIVE_PUSH);
    cloud.file("settings.env", &SETTINGS.replace("SIGNAL_TOPICS=cloud-builds,not-there\n", ""));
    let text = cloud.run("up", &["--no-test"], "").ok();
    assert!(text.contains("delete subscription opwatch-signals-cloud-builds, since SIGNAL_TOPICS"), "{text}");
    let strip = |mut sink: Value| {
        sink.as_object_mut().unwrap().retain(|field, value| field != "disabled" || *value == true);
        sink
    };
    assert_eq!(strip(cloud.resource(SINK)), strip(whole));
    let changed: Vec<_> = cloud.take_changes().into_iter().map(|call| call.resource).collect();
    assert_eq!(changed, [SINK, &format!("{TOPIC}:setIamPolicy"), NATIVE_PUSH]);
    assert!(!cloud.resources().contains(NATIVE_PUSH) && cloud.resources().contains(FOREIGN_PUSH));
    cloud.file("settings.env", SETTINGS);
    cloud.put(NATIVE_PUSH, native);
}

fn a_pause_stops_signals_too(cloud: &Cloud) {
    let text = cloud.run("pause", &["--dry-run"], "").ok();
    for id in ["opwatch-signals", "opwatch-signals-cloud-builds"] {
        assert!(text.contains(&format!("would stop pushes from subscription {id}:")), "{text}");
    }
    let before = [PUSH, SIGNALS_PUSH].map(|key| cloud.resource(key));
    let mut push = before[0].clone();
    push["labels"] = json!({"opwatch-paused": "1795402800"});
    cloud.put(PUSH, push);
    let mut signals = before[1].clone();
    signals["pushConfig"] = json!({});
    cloud.put(SIGNALS_PUSH, signals);
    let text = cloud.run("resume", &["--dry-run"], "").ok();
    assert!(
        text.contains(&format!("would let subscription opwatch-signals push to {URL}/events:")),
        "{text}"
    );
    assert!(text.contains("unchanged: subscription opwatch-signals-cloud-builds pushes\n"), "{text}");
    for (key, resource) in [PUSH, SIGNALS_PUSH].into_iter().zip(before) {
        cloud.put(key, resource);
    }
}

fn everything_is_removed(cloud: &Cloud) {
    let text = cloud.run("down", &["--dry-run"], "").ok();
    for what in [
        "sink opwatch",
        "subscription opwatch-signals",
        "subscription opwatch-signals-cloud-builds",
        "topic opwatch-signals",
    ] {
        assert!(text.contains(&format!("would delete {what}:")), "{what}: {text}");
    }
    cloud.take_changes();
    // Version 0.1 knows no /events.
    cloud.run("rollback", &[], "").ok();
    let there = cloud.resources();
    for key in [SINK, TOPIC, SIGNALS_PUSH, NATIVE_PUSH] {
        assert!(!there.contains(key), "{key}");
    }
    for key in ["pubsub:projects/demo/topics/cloud-builds", FOREIGN_PUSH] {
        assert!(there.contains(key), "{key} belongs to something else");
    }
}
