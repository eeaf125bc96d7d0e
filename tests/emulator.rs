//! Against Google's own emulators: first what they do, then opwatch as it is deployed, from
//! `gcloud pubsub topics publish` to Slack.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{NaiveDateTime, TimeDelta};
use hyper::StatusCode;
use opwatch::fakes::{End, Event, Fault, Plan, Task};
use serde_json::{Value, json};

use crate::support::deployment::{ATTEMPTS, Datastore, Deployment};
use crate::support::emulators::{DeadLetter, PROJECT, PushSubscription, emulators};
use crate::support::inbox::Inbox;
use crate::support::opwatch::{CHECK_QUEUE, REPORT_QUEUE, colour, texts};

const OPERATION: &str = "projects/demo/operations/ASA1MTAwNDQyOTk5";

const GREEN: &str = "#2eb67d";
const ORANGE: &str = "#e8912d";
const RED: &str = "#e01e5a";

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

#[tokio::test]
async fn what_a_push_refused_waits_for_delivery() {
    let Some(google) = emulators() else { return };
    let mut inbox = Inbox::open(StatusCode::SERVICE_UNAVAILABLE).await;
    google.pubsub.create_topic(PROJECT, "undelivered").await;
    let subscription = PushSubscription::new(PROJECT, "undelivered-push", "undelivered", inbox.url());
    google.pubsub.create_push_subscription(subscription).await;
    let id = google.pubsub.publish(PROJECT, "undelivered", b"x").await;
    inbox.next().await;

    let left = google.pubsub.take_undelivered(PROJECT, "undelivered-push").await;

    assert_eq!(left.into_iter().map(|message| message.id).collect::<Vec<_>>(), [id]);
    assert_eq!(google.pubsub.take_undelivered(PROJECT, "undelivered-push").await, []);
}

/// A kickoff that starts an export of the project to `prefix`.
fn export_to(prefix: &str) -> Value {
    json!({ "start": { "service": "datastore", "path": "projects/demo:export", "body": {
        "outputUrlPrefix": prefix, "entityFilter": { "kinds": [], "namespaceIds": [] },
    } } })
}

#[tokio::test]
async fn a_kickoff_exports_real_entities_and_posts_once() {
    let Some(google) = emulators() else { return };
    google.datastore.put(PROJECT, "Song", 20).await;
    let mut opwatch = Deployment::start(google, "exported", Datastore::Emulator, &[]).await;

    let id = opwatch.publish(&export_to("gs://exported")).await;

    let messages = opwatch.quiet().await;
    let message = opwatch.only_message();
    let texts = texts(&message);
    assert_eq!(colour(&message), GREEN);
    assert!(texts[0].starts_with("*Datastore export succeeded* · "), "{texts:#?}");
    assert!(texts[0].contains(" UTC · took "), "{texts:#?}");
    for label in ["*Start*\n20", "*End*\n20", "*Output file*\n`"] {
        assert!(texts.iter().any(|text| text.starts_with(label)), "no {label}: {texts:#?}");
    }
    assert!(texts.iter().any(|text| text.ends_with("/gs:/exported`")), "{texts:#?}");
    // The kickoff and the report.
    assert_eq!(messages.len(), 2);
    assert_eq!(opwatch.decisions(), ["ended", "posted"]);
    assert_eq!(opwatch.deliveries(&id, 1).await.len(), 1);
    let complaints = ["datastore has no list of operations (404): started without a lookup"];
    assert_eq!(opwatch.complaints(), complaints);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_japanese_team_reads_the_words_it_knows() {
    let Some(google) = emulators() else { return };
    google.datastore.put(PROJECT, "Song", 20).await;
    let settings = [("LOCALE", "ja"), ("TIME_ZONE", "Asia/Tokyo")];
    let mut opwatch = Deployment::start(google, "japanese", Datastore::Emulator, &settings).await;

    opwatch.publish(&export_to("gs://japanese")).await;

    opwatch.quiet().await;
    let message = opwatch.only_message();
    let texts = texts(&message);
    assert_eq!(colour(&message), GREEN);
    assert!(texts[0].starts_with("*Datastoreのバックアップに成功* · "), "{texts:#?}");
    for label in ["開始日時", "終了日時", "所要時間", "バックアップファイル"] {
        // Where there is a page of the Cloud Console, its link stands between the heading and the value.
        let heading = format!("*{label}*");
        assert!(texts.iter().any(|text| text.starts_with(&heading)), "no {label}: {texts:#?}");
    }
    let times = texts.iter().filter_map(|text| text.strip_prefix("*開始日時*\n"));
    let times: Vec<_> =
        times.map(|time| NaiveDateTime::parse_from_str(time, "%Y/%m/%d %H:%M:%S JST")).collect();
    assert!(matches!(times[..], [Ok(_)]), "{texts:#?}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_japanese_team_is_told_what_to_do_about_a_failure() {
    let Some(google) = emulators() else { return };
    let settings = [("LOCALE", "ja"), ("TIME_ZONE", "Asia/Tokyo")];
    let mut opwatch = Deployment::start(google, "japanese-failed", Datastore::FakeService, &settings).await;
    let end = End::Failed { code: 7, message: "The caller does not have permission".to_owned() };
    opwatch.world.operations.add(OPERATION, Plan { duration: Duration::ZERO, end, ..Plan::default() });

    opwatch.publish(&json!({ "name": OPERATION })).await;

    opwatch.quiet().await;
    let message = opwatch.only_message();
    let texts = texts(&message);
    assert_eq!(colour(&message), RED);
    assert!(texts[0].starts_with("*Datastoreのバックアップに失敗* · "), "{texts:#?}");
    for text in [
        "*Entity数*\n12,345",
        "The caller does not have permission",
        "下記コマンドで状態を確認して対処して下さい",
        &format!("```gcloud datastore operations describe {OPERATION}```"),
    ] {
        assert!(texts.iter().any(|found| found == text), "no {text}: {texts:#?}");
    }
    let job = format!("\n`{OPERATION}`");
    assert!(
        texts.iter().any(|text| text.starts_with("*JobID* · <https://") && text.ends_with(&job)),
        "{texts:#?}"
    );
    opwatch.stop().await;
}

#[tokio::test]
async fn the_same_operation_watched_twice_is_two_watches() {
    let Some(google) = emulators() else { return };
    let mut opwatch = Deployment::start(google, "watched-twice", Datastore::FakeService, &[]).await;
    opwatch.world.operations.add(OPERATION, Plan { duration: Duration::ZERO, ..Plan::default() });

    let kickoff = json!({ "name": OPERATION });
    let first = opwatch.publish(&kickoff).await;
    let second = opwatch.publish(&kickoff).await;

    assert_eq!(opwatch.quiet().await.len(), 4);
    assert_ne!(first, second);
    assert_eq!(opwatch.slack().len(), 2);
    for payload in opwatch.slack() {
        assert!(texts(&payload)[0].starts_with("*Datastore export succeeded* · "), "{payload:#}");
    }
    assert_eq!(opwatch.world.operations.reads(OPERATION), 2);
    assert_eq!(opwatch.world.tasks.duplicates(), 0);
    opwatch.stop().await;
}

/// Cloud Scheduler may publish twice for one slot.
#[tokio::test]
async fn the_same_export_asked_for_twice_is_started_once() {
    let Some(google) = emulators() else { return };
    let mut opwatch = Deployment::start(google, "asked-twice", Datastore::FakeService, &[]).await;

    opwatch.publish(&export_to("gs://backups")).await;
    let second = opwatch.publish(&export_to("gs://backups")).await;

    let pushes = opwatch.deliveries(&second, 1).await;
    assert_eq!(pushes[0]["decision"], "adopted");
    opwatch.world.time.advance(Duration::from_secs(301));
    assert_eq!(opwatch.quiet().await.len(), 6);
    assert_eq!(opwatch.world.operations.operations().len(), 1);
    assert_eq!(opwatch.slack().len(), 2);
    let adopted = |payload: &&Value| texts(payload).iter().any(|text| text.starts_with("Already running: "));
    assert_eq!(opwatch.slack().iter().filter(adopted).count(), 1);
    opwatch.stop().await;
}

/// The tasks API takes the task, but its answers are lost: those to each try for the first check of a start and to the one for
/// a report, and to what is sent again of each. The push is refused, and the emulator delivers it again.
#[tokio::test]
async fn a_push_refused_after_its_effect_leads_to_one_next_step() {
    let Some(google) = emulators() else { return };
    let mut opwatch = Deployment::start(google, "redelivered", Datastore::FakeService, &[]).await;
    for (queue, answers) in [(CHECK_QUEUE, 6), (REPORT_QUEUE, 2)] {
        for _ in 0..answers {
            opwatch.world.tasks.fail_next_on("POST", queue, Fault::DoneButLost);
        }
    }

    let kickoff = opwatch.publish(&export_to("gs://backups")).await;

    // The start: the second delivery finds the export that the first began, and the task that waits for its check.
    let starts = opwatch.deliveries(&kickoff, 2).await;
    let acknowledged: Vec<_> = starts.iter().map(|push| push["acknowledged"].as_bool().unwrap()).collect();
    assert_eq!(acknowledged, [false, true]);
    assert_eq!([&starts[0]["decision"], &starts[1]["decision"]], ["not-scheduled", "adopted"]);
    assert_eq!(opwatch.world.operations.operations().len(), 1);
    assert_eq!(opwatch.world.tasks.created().len(), 1);
    assert_eq!(opwatch.world.tasks.duplicates(), 6);

    // The check: both deliveries see the end and ask for the same report.
    opwatch.world.time.advance(Duration::from_secs(301));
    assert_eq!(opwatch.quiet().await.len(), 3);
    let ends = opwatch.pushes().into_iter().filter(|push| push["attempt"] == 0 && push["operation"] != "");
    let ends: Vec<_> = ends.map(|push| push["decision"].clone()).collect();
    assert!(ends.contains(&json!("not-scheduled")) && ends.contains(&json!("ended")), "{ends:?}");
    assert_eq!(opwatch.world.tasks.created().len(), 2);
    assert_eq!(opwatch.world.tasks.duplicates(), 8);
    assert!(texts(&opwatch.only_message())[0].starts_with("*Datastore export succeeded* · "));
    opwatch.stop().await;
}

#[tokio::test]
async fn a_malformed_message_is_noticed_once_and_not_delivered_again() {
    let Some(google) = emulators() else { return };
    let mut opwatch = Deployment::start(google, "malformed", Datastore::FakeService, &[]).await;

    let id = opwatch.publish(&json!({ "name": OPERATION, "intervall": 5 })).await;

    // It and its notice, each delivered once.
    assert_eq!(opwatch.quiet().await.len(), 2);
    assert_eq!(opwatch.decisions(), ["noticed", "posted"]);
    let push = &opwatch.pushes()[0];
    assert_eq!([&push["message_id"], &push["severity"]], [id.as_str(), "ERROR"]);
    let message = opwatch.only_message();
    let texts = texts(&message);
    assert_eq!(colour(&message), ORANGE);
    assert!(texts[0].starts_with("*opwatch rejected a message* · "), "{texts:#?}");
    for text in [
        "*Field*\n`intervall`",
        &format!("*Message ID*\n`{id}`"),
        "Unknown field. Check the spelling, or remove it.",
    ] {
        assert!(texts.iter().any(|found| found == text), "no {text}: {texts:#?}");
    }
    assert!(texts.iter().any(|text| text.contains(r#""intervall":5"#)), "{texts:#?}");
    assert_eq!(opwatch.world.operations.requests().len(), 0);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_message_refused_to_the_end_becomes_a_dead_letter() {
    let Some(google) = emulators() else { return };
    let backoff = Duration::from_millis(100);
    let mut opwatch =
        Deployment::start_with_backoff(google, "tasks-down", Datastore::FakeService, &[], backoff).await;
    opwatch.world.operations.add(OPERATION, Plan::default());
    opwatch.world.tasks.fail_always(Some(Fault::answer(503, "down")));
    let kickoff = json!({ "name": OPERATION });

    let id = opwatch.publish(&kickoff).await;

    let dead = opwatch.dead_letters(1).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(serde_json::from_slice::<Value>(&dead[0].data).unwrap(), kickoff);
    let attribute = |name: &str| dead[0].attributes[&format!("CloudPubSubDeadLetterSource{name}")].as_str();
    assert_eq!(attribute("Subscription"), opwatch.push());
    assert_eq!(attribute("SubscriptionProject"), PROJECT);
    assert_eq!(attribute("DeliveryCount"), ATTEMPTS.to_string());
    let pushes = opwatch.deliveries(&id, ATTEMPTS as usize).await;
    assert_eq!(pushes.len(), ATTEMPTS as usize);
    for push in opwatch.pushes() {
        assert_eq!([&push["acknowledged"], &push["severity"]], [&json!(false), &json!("WARNING")]);
    }
    assert_eq!(opwatch.slack(), Vec::<Value>::new());
    assert_eq!(opwatch.world.tasks.created().len(), 0);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_dead_letter_comes_back_and_slack_hears_of_the_lost_watch() {
    let Some(google) = emulators() else { return };
    let backoff = Duration::from_millis(100);
    let mut opwatch =
        Deployment::start_with_backoff(google, "lost-watch", Datastore::FakeService, &[], backoff).await;
    let (dead, endpoint) = (opwatch.dead(), format!("{}dead-letter", opwatch.url()));
    let subscription = PushSubscription::new(PROJECT, "lost-watch-dead-push", &dead, &endpoint);
    google.pubsub.create_push_subscription(subscription).await;
    opwatch.world.operations.add(OPERATION, Plan::default());
    opwatch.world.tasks.fail_always(Some(Fault::answer(503, "down")));

    opwatch.publish(&json!({ "name": OPERATION, "title": "Nightly backup" })).await;

    let posted = |event: &Event| matches!(event, Event::SlackPosted { .. });
    opwatch.world.events().wait_for("the lost watch is told", posted).await.unwrap();
    assert_eq!(opwatch.dead_letters(1).await.len(), 1);
    let message = opwatch.only_message();
    let texts = texts(&message).join("\n");
    for said in [
        "*Nightly backup: the watch was lost*",
        "after about 5 deliveries",
        "gcloud pubsub topics publish projects/demo/topics/lost-watch --message='{",
        OPERATION,
    ] {
        assert!(texts.contains(said), "no {said:?} in {texts}");
    }
    opwatch.stop().await;
}

#[tokio::test]
async fn a_watch_checks_every_interval_until_the_end() {
    let Some(google) = emulators() else { return };
    let settings = [("CHECK_INTERVAL", "1s")];
    let mut opwatch = Deployment::start(google, "watched", Datastore::FakeService, &settings).await;
    opwatch.world.operations.plan(Plan { duration: Duration::from_secs(3), ..Plan::default() });

    opwatch.publish(&export_to("gs://backups")).await;

    let messages = opwatch.quiet().await;
    let operation = &opwatch.world.operations.operations()[0];
    let message = opwatch.only_message();
    let texts = texts(&message);
    assert_eq!(colour(&message), GREEN);
    assert!(texts[0].starts_with("*Datastore export succeeded* · "), "{texts:#?}");
    assert!(texts[0].ends_with(" · took 3 s · 12,345 entities"), "{texts:#?}");

    // One task for each check, and one for the report.
    let mut checks = opwatch.world.tasks.created();
    checks.pop();
    let attempts: Vec<_> = checks.iter().map(|task| task.data["attempt"].as_i64().unwrap()).collect();
    assert_on_grid(&checks, &attempts);
    assert_eq!(operation.reads, attempts.len());

    // One line for each message, of one delivery.
    let pushes = opwatch.pushes();
    let logged: BTreeSet<_> =
        pushes.iter().map(|push| push["message_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((&logged, pushes.len()), (&messages, messages.len()));
    let mut decisions = vec!["started"];
    decisions.resize(attempts.len(), "check-again");
    decisions.extend(["ended", "posted"]);
    assert_eq!(opwatch.decisions(), decisions);
    let numbers: Vec<_> = pushes.iter().map(|push| push["attempt"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [&[0], &attempts[..], &[0]].concat());
    for push in &pushes {
        assert_eq!(push["operation"], operation.name);
        assert_eq!([&push["severity"], &push["acknowledged"]], [&json!("INFO"), &json!(true)]);
    }
    opwatch.stop().await;
}

/// Checks stand at every second from 0 on, each once. On a slow machine one may be left out: only when it was less than
/// half a second away when the one before it asked for the next.
fn assert_on_grid(checks: &[Task], attempts: &[i64]) {
    assert!(attempts.len() >= 2 && attempts[0] == 0, "{attempts:?}");
    for (check, pair) in checks[1..].iter().zip(attempts.windows(2)) {
        let due = |attempt: i64| checks[0].schedule_time + TimeDelta::seconds(attempt);
        assert_eq!(check.schedule_time, due(pair[1]));
        assert!(pair[0] < pair[1], "{attempts:?}");
        let left_out = due(pair[1] - 1);
        let too_near = left_out - check.created_at < TimeDelta::milliseconds(500);
        assert!(pair[1] == pair[0] + 1 || too_near, "{attempts:?}");
    }
}

#[tokio::test]
async fn a_test_message_makes_the_whole_round() {
    let Some(google) = emulators() else { return };
    let mut opwatch = Deployment::start(google, "tested", Datastore::Emulator, &[]).await;

    opwatch.publish(&json!({ "test": true })).await;

    assert_eq!(opwatch.quiet().await.len(), 3);
    assert_eq!(opwatch.decisions(), ["tested", "tested", "posted"]);
    let queues: Vec<_> = opwatch.world.tasks.created().into_iter().map(|task| task.queue).collect();
    assert_eq!(queues, [CHECK_QUEUE, REPORT_QUEUE]);
    let message = opwatch.only_message();
    assert_eq!(colour(&message), GREEN);
    assert!(texts(&message)[0].starts_with("*opwatch test passed* · "), "{message:#}");
    opwatch.stop().await;
}
