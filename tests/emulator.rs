//! Against Google's own emulators.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::StatusCode;
use serde_json::json;

use crate::support::emulators::{DeadLetter, PROJECT, PushSubscription, emulators};
use crate::support::inbox::Inbox;

/// A message with everything in it that a shell, gcloud or JSON could break.
const MESSAGE: &str =
    r#"{"name":"projects/demo/operations/1","title":"日本語 'quoted' \"twice\" $HOME `x` \\ &<>"}"#;

#[tokio::test]
async fn a_push_brings_what_gcloud_published() {
    let Some(google) = emulators() else { return };
    let mut inbox = Inbox::open(StatusCode::NO_CONTENT).await;
    google.pubsub.create_topic(PROJECT, "pushed").await;
    let subscription = PushSubscription::new(PROJECT, "pushed-push", "pushed", inbox.url());
    google.pubsub.create_push_subscription(subscription).await;

    let id = google.pubsub.publish_with_gcloud(PROJECT, "pushed", MESSAGE).await;

    let push = inbox.next().await;
    assert_eq!(push["subscription"], "projects/demo/subscriptions/pushed-push");
    assert_eq!(push["message"]["messageId"], id);
    let data = BASE64.decode(push["message"]["data"].as_str().unwrap()).unwrap();
    assert_eq!(str::from_utf8(&data).unwrap(), MESSAGE);
    assert_eq!(inbox.waiting(), 0);
}

#[tokio::test]
async fn a_pull_waits_for_what_is_published() {
    let Some(google) = emulators() else { return };
    google.pubsub.create_topic(PROJECT, "pulled").await;
    google.pubsub.create_pull_subscription(PROJECT, "pulled-pull", "pulled").await;

    let (pulled, ids) = tokio::join!(google.pubsub.pull(PROJECT, "pulled-pull", 2), async {
        let first = google.pubsub.publish(PROJECT, "pulled", b"one").await;
        let second = google.pubsub.publish(PROJECT, "pulled", &[0, 0xff]).await;
        [first, second]
    });

    let pulled: Vec<_> = pulled.into_iter().map(|message| (message.id, message.data)).collect();
    let [first, second] = ids;
    assert_eq!(pulled.len(), 2);
    assert!(pulled.contains(&(first, b"one".to_vec())));
    assert!(pulled.contains(&(second, vec![0, 0xff])));
}

#[tokio::test]
async fn a_message_refused_five_times_becomes_a_dead_letter() {
    let Some(google) = emulators() else { return };
    let mut inbox = Inbox::open(StatusCode::SERVICE_UNAVAILABLE).await;
    google.pubsub.create_topic(PROJECT, "refused").await;
    google.pubsub.create_topic(PROJECT, "refused-dead").await;
    google.pubsub.create_pull_subscription(PROJECT, "refused-dead-pull", "refused-dead").await;
    let subscription = PushSubscription {
        backoff: None,
        dead_letter: Some(DeadLetter { topic: "refused-dead", attempts: 5 }),
        ..PushSubscription::new(PROJECT, "refused-push", "refused", inbox.url())
    };
    google.pubsub.create_push_subscription(subscription).await;

    let id = google.pubsub.publish(PROJECT, "refused", MESSAGE.as_bytes()).await;

    let dead = google.pubsub.pull(PROJECT, "refused-dead-pull", 1).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].data, MESSAGE.as_bytes());
    assert_eq!(dead[0].attributes["CloudPubSubDeadLetterSourceSubscription"], "refused-push");
    assert_eq!(dead[0].attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "5");
    for _ in 0..5 {
        assert_eq!(inbox.next().await["message"]["messageId"], id);
    }
    assert_eq!(inbox.waiting(), 0);
}

/// Pins what the comment on `Datastore` says: an export here is over when it answers, and has no name to watch.
#[tokio::test]
async fn an_export_of_the_datastore_emulator_is_no_operation() {
    let Some(google) = emulators() else { return };
    google.datastore.put(PROJECT, "Book", 501).await;

    let request = json!({ "outputUrlPrefix": "gs://backups", "labels": { "key": "value" } });
    let mut operation = google.datastore.post("projects/demo:export", &request).await;

    let output = operation["response"]["outputUrl"].take();
    assert!(output.as_str().unwrap().ends_with("/gs:/backups"), "{output}");
    for time in ["startTime", "endTime"] {
        assert!(operation["metadata"]["common"][time].take().is_string());
    }
    assert_eq!(
        operation,
        json!({
            "metadata": {
                "@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesMetadata",
                "common": {
                    "startTime": null, "endTime": null,
                    "operationType": "EXPORT_ENTITIES", "state": "SUCCESSFUL",
                },
                "entityFilter": {},
                "outputUrlPrefix": "gs://backups",
            },
            "done": true,
            "response": {
                "@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesResponse",
                "outputUrl": null,
            },
        })
    );
    let not_found = (404, "Not Found\n".to_owned());
    assert_eq!(google.datastore.get("projects/demo/operations").await, not_found);
    assert_eq!(google.datastore.get("projects/demo/operations/any").await, not_found);
}
