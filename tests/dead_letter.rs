//! What Pub/Sub gave up on, and how people hear of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use opwatch::fakes::Fault;
use serde_json::{Value, json};

use crate::support::opwatch::{
    GREEN, Kind, NAME, ORANGE, Opwatch, RED, colour, export, firestore_export, lasting, texts,
};

/// A delivery from the dead-letter topic, as Pub/Sub makes it.
pub(crate) async fn dead_letter(opwatch: &Opwatch, data: &[u8]) -> u16 {
    let published = opwatch.world.time.now() - TimeDelta::hours(3);
    let is_carried =
        serde_json::from_slice::<Value>(data).is_ok_and(|message| message.get("state").is_some());
    let source = if is_carried { "opwatch-internal" } else { "opwatch-push" };
    let message = json!({"data": STANDARD.encode(data), "messageId": "77", "publishTime": published.to_rfc3339(),
        "attributes": {"CloudPubSubDeadLetterSourceDeliveryCount": "100",
            "CloudPubSubDeadLetterSourceSubscription": source, "CloudPubSubDeadLetterSourceSubscriptionProject": "demo"}});
    opwatch.post("dead-letter", json!({"message": message, "subscription": "dead"}).to_string()).await.0
}

fn state(extra: &Value) -> Value {
    let mut state = json!({"version": 1, "id": "5"});
    state.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    state
}

#[tokio::test]
async fn a_lost_check_is_told_with_the_line_that_watches_again() {
    let opwatch = Opwatch::start().await;
    let seen =
        json!({"at": "2026-11-23T03:00:00Z", "facts": {"work": "EXPORT_ENTITIES", "entities": {"done": 5}}});
    let check = json!({"name": NAME, "attempt": 7, "interval": 90, "limit": 20, "title": "Nightly backup",
        "state": state(&json!({"last": seen}))});
    assert_eq!(dead_letter(&opwatch, check.to_string().as_bytes()).await, 204);
    let message = opwatch.only_message();
    let said = texts(&message).join("\n");
    assert_eq!(colour(&message), RED);
    assert!(said.starts_with("*Nightly backup: the watch was lost*"), "{said}");
    assert!(said.contains("after about 100 deliveries"), "{said}");
    assert!(said.contains(&format!("gcloud datastore operations describe {NAME}")), "{said}");
    let again = format!(
        "```gcloud pubsub topics publish projects/demo/topics/opwatch --message='{{\"interval\":90,\"limit\":20,\
         \"name\":\"{NAME}\",\"service\":\"datastore\",\"title\":\"Nightly backup\"}}'```"
    );
    assert!(said.contains(&again), "{said}");
    assert_eq!(opwatch.world.tasks.requests().len(), 0, "nothing is scheduled");
    opwatch.stop().await;
}

/// Pub/Sub gave up on the message, not on the work: one look says how it ended.
#[tokio::test]
async fn a_lost_check_is_looked_at_once_and_its_end_is_told() {
    for no_tasks in [false, true] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.add(NAME, lasting(60));
        opwatch.world.time.advance(std::time::Duration::from_secs(3_600));
        let check =
            json!({"name": NAME, "attempt": 7, "title": "Nightly backup", "state": state(&json!({}))});
        opwatch.world.tasks.fail_always(no_tasks.then(|| Fault::answer(403, "{}")));
        assert_eq!(dead_letter(&opwatch, check.to_string().as_bytes()).await, 204);
        opwatch.world.settled().await;
        let message = opwatch.only_message();
        let said = texts(&message).join("\n");
        assert_eq!(colour(&message), GREEN, "{said}");
        assert!(said.starts_with("*Nightly backup succeeded*"), "{said}");
        assert_eq!(opwatch.world.operations.reads(NAME), 1);
        opwatch.world.tasks.fail_always(None);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_lost_start_is_told_with_its_operation_or_its_kickoff() {
    let opwatch = Opwatch::start().await;
    let mut start = export();
    start["state"] = state(&json!({"tries": 3, "asked": "2026-11-23T03:00:00Z"}));
    assert_eq!(dead_letter(&opwatch, start.to_string().as_bytes()).await, 204);
    let said = texts(&opwatch.slack()[0]).join("\n");
    assert!(said.contains("Datastore export: the watch was lost"), "{said}");
    assert!(said.contains("\"key\":\"5\"") && said.contains("\"path\":\"projects/demo:export\""), "{said}");

    opwatch.world.operations.add("projects/demo/operations/found", lasting(60));
    opwatch.world.operations.label("projects/demo/operations/found", "opwatch-key", "5");
    assert_eq!(dead_letter(&opwatch, start.to_string().as_bytes()).await, 204);
    let said = texts(&opwatch.slack()[1]).join("\n");
    assert!(said.contains("\"name\":\"projects/demo/operations/found\""), "{said}");
    assert!(!said.contains("\"start\""), "{said}");
    assert_eq!(opwatch.starts(), 0, "a dead letter starts nothing");
    opwatch.stop().await;
}

/// A kickoff is lost when its next step could not be scheduled to the end: what it began must be found, though the
/// dead letter has an id and a time of its own.
#[tokio::test]
async fn a_lost_kickoff_is_told_with_the_operation_that_it_began() {
    for kickoff in [export(), firestore_export()] {
        let opwatch = Opwatch::start().await;
        opwatch.world.tasks.fail_always(Some(Fault::answer(403, "{}")));
        let id = opwatch.publish_and_pause(&kickoff).await;
        let began = opwatch.world.operations.operations();
        assert_eq!(began.len(), 1);
        let published = opwatch.world.pubsub.messages().into_iter().find(|message| message.id == id).unwrap();
        let attributes = json!({"CloudPubSubDeadLetterSourceDeliveryCount": "100",
            "CloudPubSubDeadLetterSourceTopicPublishTime": published.publish_time.to_rfc3339()});
        opwatch.world.time.advance(std::time::Duration::from_secs(7_200));
        let message = json!({"data": STANDARD.encode(kickoff.to_string()), "messageId": "78",
            "publishTime": opwatch.world.time.now().to_rfc3339(), "attributes": attributes});
        let (status, _) = opwatch.post("dead-letter", json!({"message": message}).to_string()).await;
        assert_eq!(status, 204);
        let said = texts(&opwatch.only_message()).join("\n");
        assert!(said.contains(&format!("\"name\":\"{}\"", began[0].name)), "{said}");
        assert!(!said.contains("\"start\""), "{said}");
        opwatch.world.tasks.fail_always(None);
        opwatch.resume().await;
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_lost_start_that_is_not_found_may_run() {
    let opwatch = Opwatch::start().await;
    assert_eq!(dead_letter(&opwatch, export().to_string().as_bytes()).await, 204);
    let said = texts(&opwatch.only_message()).join("\n");
    assert!(
        said.contains("The operation may have started anyway. Check before you start it again."),
        "{said}"
    );
    assert!(said.contains("gcloud datastore operations list --project=demo"), "{said}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_lost_report_is_posted_and_says_how_late_it_is() {
    let opwatch = Opwatch::start().await;
    let at = opwatch.world.time.now() - TimeDelta::days(8);
    let report = json!({"name": NAME, "state": state(&json!({"report": {"outcome": "failed", "at": at.to_rfc3339(),
        "tries": 317, "facts": {"work": "EXPORT_ENTITIES", "error": {"code": 8, "status": "RESOURCE_EXHAUSTED",
        "text": "too much"}}}}))});
    assert_eq!(dead_letter(&opwatch, report.to_string().as_bytes()).await, 204);
    let said = texts(&opwatch.only_message()).join("\n");
    assert!(said.starts_with("*Datastore export failed*") && said.contains("as of "), "{said}");
    assert!(said.contains(&format!("As of {}", at.format("%Y/%m/%d %H:%M:%S UTC"))), "{said}");
    assert!(said.contains("8 RESOURCE_EXHAUSTED") && said.contains("too much"), "{said}");
    opwatch.stop().await;
}

#[tokio::test]
async fn what_was_never_readable_is_shown_escaped_and_cut() {
    let opwatch = Opwatch::start().await;
    let long = format!("<!channel> {}", "x".repeat(5_000));
    assert_eq!(dead_letter(&opwatch, long.as_bytes()).await, 204);
    let message = opwatch.only_message();
    let said = texts(&message).join("\n");
    assert_eq!(colour(&message), ORANGE);
    assert!(said.contains("&lt;!channel&gt; xxx") && !said.contains('<'), "{said}");
    assert!(said.len() < 3_000 && said.contains('…'), "{said}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_dead_letter_stays_while_slack_fails() {
    let opwatch = Opwatch::start().await;
    let check = json!({"name": NAME, "attempt": 7, "state": state(&json!({}))}).to_string();
    opwatch.world.slack.fail_next(Fault::answer(500, "down"));
    assert_eq!(dead_letter(&opwatch, check.as_bytes()).await, 503);
    let headers = vec![("retry-after".to_owned(), "30".to_owned())];
    let busy = Fault::Answer { status: 429, headers, body: "ratelimited".to_owned() };
    opwatch.world.slack.fail_next(busy);
    assert_eq!(dead_letter(&opwatch, check.as_bytes()).await, 503);
    let asked = opwatch.world.slack.requests().len();
    assert_eq!(dead_letter(&opwatch, check.as_bytes()).await, 503, "Slack wants to be left alone");
    assert_eq!(opwatch.world.slack.requests().len(), asked);
    opwatch.world.time.advance(std::time::Duration::from_secs(31));
    assert_eq!(dead_letter(&opwatch, check.as_bytes()).await, 204);
    assert_eq!(opwatch.lines().len(), 1);
    assert_eq!(opwatch.world.tasks.requests().len(), 0);
    opwatch.stop().await;
}

#[tokio::test]
async fn blocks_that_slack_refuses_are_followed_by_plain_text_at_once() {
    let opwatch = Opwatch::start().await;
    opwatch.world.slack.fail_next(Fault::answer(400, "invalid_blocks"));
    let check = json!({"name": NAME, "attempt": 7, "state": state(&json!({}))}).to_string();
    assert_eq!(dead_letter(&opwatch, check.as_bytes()).await, 204);
    let message = opwatch.only_message();
    assert!(message["text"].as_str().unwrap().contains("the watch was lost"), "{message}");
    assert!(message["attachments"].as_array().is_none_or(Vec::is_empty), "{message}");
    opwatch.stop().await;
}

/// A dead letter counts no tries, so an edit that never works would keep it from people for ever.
#[tokio::test]
async fn a_lost_watch_whose_message_takes_no_edit_is_told_in_one_of_its_own() {
    let opwatch = crate::live::start().await;
    opwatch.world.operations.add(NAME, lasting(600));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let check = opwatch.tasks(Kind::Check).remove(0).data;
    assert!(check["state"]["live"].is_object(), "{check}");
    let refused = Fault::answer(200, &json!({"ok": false, "error": "something_new"}).to_string());
    opwatch.world.slack.fail_always_on("POST", "/chat.update", Some(refused));
    assert_eq!(dead_letter(&opwatch, check.to_string().as_bytes()).await, 204);
    let told = opwatch.slack().pop().unwrap();
    assert!(told["text"].as_str().unwrap().contains("the watch was lost"), "{told}");
    opwatch.world.slack.fail_always_on("POST", "/chat.update", None);
    opwatch.resume().await;
    opwatch.stop().await;
}

#[tokio::test]
async fn only_pushes_are_taken() {
    let opwatch = Opwatch::start().await;
    assert_eq!(opwatch.post("dead-letter", "{}").await.0, 400);
    assert_eq!(opwatch.post("dead-letters", "{}").await.0, 404);
    opwatch.stop().await;
}
