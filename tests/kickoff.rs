//! From a kickoff to the Slack message.

use serde_json::json;

use crate::support::opwatch::{Opwatch, colour, texts};

#[tokio::test]
async fn a_datastore_export_is_started_checked_and_reported_once() {
    let opwatch = Opwatch::start().await;
    opwatch
        .watch(&json!({"start": {"service": "datastore", "path": "projects/demo:export",
            "body": {"outputUrlPrefix": "gs://backups", "entityFilter": {"kinds": [], "namespaceIds": []}}}}))
        .await;
    let message = opwatch.only_message();
    println!("{message:#}");
    assert_eq!(colour(&message), "#2eb67d");
    assert!(texts(&message)[0].starts_with("*Datastore export succeeded* · "), "{:?}", texts(&message));
    assert!(opwatch.answers().iter().all(|status| *status == 204), "{:?}", opwatch.answers());
    opwatch.stop().await;
}
