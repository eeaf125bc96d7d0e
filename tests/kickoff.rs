//! From a kickoff to the Slack message: the start, and how it is kept from happening twice.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use opwatch::fakes::{End, Event, Fault, Plan};
use serde_json::{Value, json};

use crate::support::opwatch::{
    CHECK_QUEUE, GREEN, Kind, ORANGE, Opwatch, RED, REPORT_QUEUE, colour, export, firestore_export, lasting,
    refusal, texts, with_header,
};

const BY_KEY: &str = "Already started for this kickoff. Not started again.";
/// How often one push asks for the first check of what it started.
const ASKED: usize = 3;
const BY_REQUEST: &str = "another kickoff started the same operation shortly before. Not started again.";

/// When the only operation began, as it says itself.
fn begun(opwatch: &Opwatch) -> DateTime<Utc> {
    let operations = opwatch.world.operations.operations();
    assert_eq!(operations.len(), 1, "{operations:#?}");
    let metadata = &operations[0].body["metadata"];
    let time = metadata["common"]["startTime"].as_str().or(metadata["startTime"].as_str());
    time.unwrap().parse().unwrap()
}

fn only_operation(opwatch: &Opwatch) -> String {
    begun(opwatch);
    opwatch.world.operations.operations()[0].name.clone()
}

#[tokio::test]
async fn exports_are_started_checked_on_the_grid_and_reported_once() {
    for (kickoff, title) in [(export(), "Datastore"), (firestore_export(), "Firestore")] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(290));
        opwatch.watch(&kickoff).await;

        let message = opwatch.only_message();
        assert_eq!(colour(&message), GREEN);
        let line = message["text"].as_str().unwrap();
        assert!(line.starts_with(&format!("*{title} export succeeded* · ")), "{line}");
        assert!(line.ends_with(" · took 4 min 50 s · 12,345 entities"), "{line}");
        opwatch.assert_all_acknowledged();

        let name = only_operation(&opwatch);
        assert_eq!(opwatch.looks_and_starts(), "GET POST", "one look-up, one start");
        assert_eq!(opwatch.world.operations.reads(&name), 5);
        let checks = opwatch.tasks(Kind::Check);
        let due: Vec<_> = (1..=5).map(|n| begun(&opwatch) + TimeDelta::minutes(n)).collect();
        assert_eq!(checks.iter().map(|task| task.schedule_time).collect::<Vec<_>>(), due);
        assert_eq!(opwatch.attempts(), [0, 1, 2, 3, 4]);
        assert!(checks.iter().all(|task| task.queue == CHECK_QUEUE && task.data["name"] == *name));
        let reports = opwatch.tasks(Kind::Report);
        assert_eq!(reports.iter().map(|task| task.queue.as_str()).collect::<Vec<_>>(), [REPORT_QUEUE]);
        opwatch.stop().await;
    }
}

/// A scheduled kickoff is the same text every night.
#[tokio::test]
async fn every_shipped_kickoff_works_two_nights_in_a_row() {
    for file in ["firestore.json", "nightly-datastore.json", "one-kind.json"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kickoffs").join(file);
        let kickoff: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let opwatch = Opwatch::start_with(|args| args.set("PROJECTS", "demo,my-project")).await;
        opwatch.world.operations.plan(lasting(290));
        for night in 1..=2 {
            let begins = opwatch.world.time.now();
            opwatch.watch(&kickoff).await;
            let messages = opwatch.slack();
            assert_eq!(messages.len(), night, "{file}: {messages:#?}");
            assert_eq!(colour(&messages[night - 1]), GREEN, "{file}, night {night}: {messages:#?}");
            opwatch.world.time.advance_to(begins + TimeDelta::days(1));
        }
        assert_eq!(opwatch.world.operations.operations().len(), 2, "{file}");
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_datastore_start_carries_its_body_and_two_labels() {
    let opwatch = Opwatch::start().await;
    let mut kickoff = export();
    kickoff["start"]["body"]["labels"] = json!({"team": "shop"});
    let id = opwatch.watch(&kickoff).await;
    let requests = opwatch.world.operations.requests();
    let sent = requests.iter().find(|request| request.method == "POST").unwrap().json();
    let labels = sent["labels"].as_object().unwrap();
    assert_eq!((&labels["team"], &labels["opwatch-key"]), (&json!("shop"), &json!(id)));
    let hash = labels["opwatch-request"].as_str().unwrap();
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    assert_eq!(labels.len(), 3);
    assert_eq!(sent["outputUrlPrefix"], "gs://backups");
    assert_eq!(sent["entityFilter"], kickoff["start"]["body"]["entityFilter"]);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_firestore_start_carries_its_body_alone() {
    let opwatch = Opwatch::start().await;
    opwatch.watch(&firestore_export()).await;
    let requests = opwatch.world.operations.requests();
    let sent = requests.iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(sent.json(), firestore_export()["start"]["body"]);
    assert_eq!(sent.path, "/v1/projects/demo/databases/(default):exportDocuments");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_start_that_is_done_at_once_is_reported_without_a_check() {
    let unnamed = json!({"done": true, "metadata": {"common": {"operationType": "EXPORT_ENTITIES"}},
        "response": {"outputUrl": "gs://backups/x.overall_export_metadata"}});
    for answer in [None, Some(unnamed)] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(0));
        if let Some(answer) = &answer {
            let fault = Fault::answer(200, &answer.to_string());
            opwatch.world.operations.fail_next_on("POST", "", fault);
        }
        opwatch.watch(&export()).await;
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        assert!(opwatch.lines()[0].starts_with("*Datastore export succeeded*"), "{:?}", opwatch.lines());
        assert!(opwatch.only_text().contains(".overall_export_metadata"));
        assert_eq!(opwatch.only_text().contains("*Operation*"), answer.is_none());
        assert_eq!(opwatch.attempts(), [0_u64; 0]);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_kickoff_delivered_twice_at_once_starts_once() {
    for kickoff in [export(), firestore_export()] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(100));
        opwatch.world.pubsub.duplicate_next(1);
        opwatch.watch(&kickoff).await;
        only_operation(&opwatch);
        assert_eq!(opwatch.starts(), 1);
        assert_eq!(opwatch.attempts(), [0, 1]);
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_kickoff_delivered_again_joins_the_watch() {
    for kickoff in [export(), firestore_export()] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(100));
        let id = opwatch.publish_and_pause(&kickoff).await;
        opwatch.world.pubsub.redeliver(&id);
        opwatch.resume().await;
        only_operation(&opwatch);
        assert_eq!(opwatch.starts(), 1);
        assert_eq!(opwatch.attempts(), [0, 1]);
        assert_eq!(
            opwatch.world.tasks.duplicates(),
            2,
            "the other delivery asked for the same check and sentinel"
        );
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_kickoff_published_twice_starts_once_and_says_so() {
    for kickoff in [export(), firestore_export()] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(1_000));
        opwatch.publish_and_pause(&kickoff).await;
        opwatch.world.time.advance(Duration::from_secs(500));
        opwatch.publish_and_pause(&kickoff).await;
        opwatch.resume().await;
        only_operation(&opwatch);
        assert_eq!(opwatch.starts(), 1);
        let told: Vec<bool> =
            opwatch.slack().iter().map(|payload| texts(payload).join("\n").contains(BY_REQUEST)).collect();
        assert_eq!(told.len(), 2, "each kickoff is told of");
        assert_eq!(told.iter().filter(|told| **told).count(), 1, "the second says what it found");
        opwatch.stop().await;
    }
}

/// A schedule whose payload has a "key" starts once a day at most, and must not be told that it has a backup.
#[tokio::test]
async fn no_kickoff_is_told_of_a_success_that_ended_before_it_was_published() {
    for (end, word) in [
        (End::Succeeded, "succeeded"),
        (End::Failed { code: 7, message: "no bucket".to_owned() }, "failed"),
        (End::Cancelled, "was cancelled"),
    ] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(Plan { end, ..lasting(100) });
        let mut kickoff = export();
        kickoff["key"] = json!("nightly");
        opwatch.watch(&kickoff).await;
        let first = only_operation(&opwatch);
        opwatch.world.time.advance(Duration::from_secs(23 * 3_600));
        opwatch.watch(&kickoff).await;
        assert_eq!(opwatch.starts(), 1);
        let second = opwatch.slack()[1].clone();
        let text = texts(&second).join("\n");
        assert_eq!(colour(&second), ORANGE, "{text}");
        assert!(text.starts_with("*Datastore export: nothing was started* · "), "{text}");
        assert!(text.contains(&format!("key {word} before the kickoff was published")), "{text}");
        assert!(text.contains(&first) && text.contains("*End*"), "{text}");
        let line = text.split("```").find(|part| part.starts_with("gcloud pubsub")).unwrap();
        assert!(line.contains("\"start\"") && !line.contains("\"key\""), "{line}");
        opwatch.world.time.advance(Duration::from_secs(3_600));
        opwatch.watch(&kickoff).await;
        assert_eq!(opwatch.starts(), 2, "a day later it is not the same any more");
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn that_nothing_was_started_reads_so_in_japanese() {
    for (end, word) in [
        (End::Succeeded, "成功しています"),
        (End::Failed { code: 7, message: "no bucket".to_owned() }, "失敗しています"),
        (End::Cancelled, "キャンセルされています"),
    ] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(Plan { end, ..lasting(100) });
        let mut kickoff = export();
        kickoff["key"] = json!("nightly");
        kickoff["locale"] = json!("ja");
        opwatch.watch(&kickoff).await;
        opwatch.world.time.advance(Duration::from_secs(23 * 3_600));
        opwatch.watch(&kickoff).await;
        let text = texts(&opwatch.slack()[1]).join("\n");
        assert!(text.starts_with("*Datastoreのバックアップは今回開始していない* · "), "{text}");
        let why = format!(
            "同じkeyのオペレーションが、このキックオフのpublishより前に{word}。そのため今回は何も開始していません。\
             表示しているのは以前のオペレーションです。毎回開始するキックオフには\"key\"を付けないで下さい。"
        );
        assert!(text.contains(&why) && text.contains("*終了日時*"), "{text}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn another_request_or_one_much_later_is_another_start() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.plan(lasting(3_000));
    let mut other = export();
    other["start"]["body"]["outputUrlPrefix"] = json!("gs://backups/elsewhere");
    opwatch.publish_and_pause(&export()).await;
    opwatch.publish_and_pause(&other).await;
    assert_eq!(opwatch.starts(), 2, "another request");
    opwatch.world.time.advance(Duration::from_secs(601));
    opwatch.publish_and_pause(&export()).await;
    assert_eq!(opwatch.starts(), 3, "more than 10 minutes later");
    opwatch.resume().await;
    assert_eq!(opwatch.slack().len(), 3);
    opwatch.stop().await;
}

/// A crash between the start and its first task looks like this: the push is refused and comes again.
#[tokio::test]
async fn a_start_whose_task_was_lost_is_adopted_by_its_key() {
    for kickoff in [export(), firestore_export()] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(100));
        for _ in 0..ASKED {
            opwatch.world.tasks.fail_next(refusal(503, "UNAVAILABLE", "try later"));
        }
        opwatch.watch(&kickoff).await;
        assert_eq!(opwatch.answers()[..2], [503, 204]);
        only_operation(&opwatch);
        assert_eq!(opwatch.looks_and_starts(), "GET POST GET");
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        assert!(opwatch.only_text().contains(BY_KEY), "{}", opwatch.only_text());
        let due = begun(&opwatch) + TimeDelta::minutes(1);
        assert_eq!(opwatch.tasks(Kind::Check)[0].schedule_time, due, "the grid counts from the start");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn an_operation_that_ended_meanwhile_is_adopted_and_reported() {
    for kickoff in [export(), firestore_export()] {
        let opwatch = Opwatch::start().await;
        opwatch
            .world
            .operations
            .plan(Plan { end: End::Failed { code: 7, message: "no bucket".to_owned() }, ..lasting(5) });
        for _ in 0..ASKED {
            opwatch.world.tasks.fail_next(refusal(503, "UNAVAILABLE", ""));
        }
        opwatch.watch(&kickoff).await;
        assert_eq!(opwatch.starts(), 1);
        assert_eq!(opwatch.attempts(), [0_u64; 0]);
        assert_eq!(colour(&opwatch.only_message()), RED);
        assert!(opwatch.only_text().contains(BY_KEY) && opwatch.only_text().contains("no bucket"));
        opwatch.stop().await;
    }
}

/// Firestore shows finished operations only to a list that asks for them.
#[tokio::test]
async fn a_late_copy_of_a_kickoff_does_not_start_again_what_has_ended() {
    for kickoff in [export(), firestore_export()] {
        for end in [End::Succeeded, End::Cancelled, End::Failed { code: 7, message: "no bucket".to_owned() }]
        {
            let opwatch = Opwatch::start().await;
            opwatch.world.operations.plan(Plan { end: end.clone(), ..lasting(4) });
            let id = opwatch.watch(&kickoff).await;
            opwatch.world.time.advance(Duration::from_secs(3));
            opwatch.world.pubsub.redeliver(&id);
            opwatch.world.settled().await;
            assert_eq!(opwatch.starts(), 1, "{end:?}");
            only_operation(&opwatch);
            opwatch.only_message();
            opwatch.stop().await;
        }
    }
}

#[tokio::test]
async fn every_page_of_the_list_is_looked_at() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.page_size(1);
    opwatch.world.operations.plan(lasting(100));
    for _ in 0..ASKED {
        opwatch.world.tasks.fail_next(refusal(503, "UNAVAILABLE", ""));
    }
    let mut events = opwatch.world.events();
    opwatch.world.pause();
    opwatch.publish(&firestore_export()).await;
    events.wait_for("a refusal", |event| matches!(event, Event::Delivered { .. })).await.unwrap();
    for n in 0..3 {
        let name = format!("projects/demo/databases/(default)/operations/other{n}");
        opwatch.world.operations.add(&name, lasting(100));
    }
    opwatch.resume().await;
    assert_eq!(opwatch.starts(), 1, "its own stands on the last page");
    assert!(opwatch.only_text().contains(BY_KEY));
    let pages = opwatch.world.operations.requests();
    let pages: Vec<_> = pages.iter().filter(|request| request.path.contains("/operations?")).collect();
    assert_eq!(pages.len(), 2 + 4, "{pages:#?}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_refused_start_is_told_with_its_cause_and_the_line_that_resumes_it() {
    for (code, status, advice) in [
        (400, "INVALID_ARGUMENT", "Fix the kickoff's body"),
        (403, "PERMISSION_DENIED", "refused to start it"),
        (404, "NOT_FOUND", "The bucket backups does not exist."),
        (409, "ALREADY_EXISTS", "refused to start it"),
        (412, "FAILED_PRECONDITION", "refused to start it"),
    ] {
        for kickoff in [export(), firestore_export()] {
            let opwatch = Opwatch::start().await;
            let fault = refusal(code, status, "The <bucket> & its 'owner' say no.");
            opwatch.world.operations.fail_next_on("POST", "", fault);
            let id = opwatch.watch(&kickoff).await;

            let (message, text) = (opwatch.only_message(), opwatch.only_text());
            assert_eq!(colour(&message), RED, "{code}");
            assert!(opwatch.lines()[0].contains("export was not started*"), "{:?}", opwatch.lines());
            assert!(text.contains(&format!("{code} {status}")), "{text}");
            assert!(text.contains("The <bucket> & its 'owner' say no."), "{text}");
            assert!(text.contains(advice), "{text}");
            let line = text.split("```").find(|part| part.starts_with("gcloud pubsub")).unwrap();
            let json = line.split('\'').nth(1).unwrap();
            let again: Value = serde_json::from_str(json).unwrap();
            assert_eq!((&again["key"], &again["start"]), (&json!(id), &kickoff["start"]));
            assert!(again.get("state").is_none());
            assert_eq!((opwatch.starts(), opwatch.attempts()), (1, Vec::new()));
            opwatch.assert_all_acknowledged();
            opwatch.stop().await;
        }
    }
}

#[tokio::test]
async fn the_pasted_line_of_a_start_resumes_it_and_does_not_start_twice() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.plan(lasting(2_000));
    opwatch.world.operations.fail_next_on("POST", "", refusal(403, "PERMISSION_DENIED", ""));
    opwatch.watch(&export()).await;
    let text = opwatch.only_text();
    let line = text.split("```").find(|part| part.starts_with("gcloud pubsub")).unwrap();
    let again: Value = serde_json::from_str(line.split('\'').nth(1).unwrap()).unwrap();
    opwatch.publish_and_pause(&again).await;
    opwatch.world.time.advance(Duration::from_secs(1_800));
    opwatch.publish_and_pause(&again).await;
    opwatch.resume().await;
    only_operation(&opwatch);
    opwatch.stop().await;
}

/// The list may lag behind a start whose answer was lost: what a later refusal means is then not known.
#[tokio::test]
async fn a_refusal_after_a_lost_answer_is_not_called_not_started() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.plan(lasting(2_000));
    opwatch.world.operations.fail_next_on("POST", "", Fault::DoneButLost);
    opwatch.publish_and_pause(&export()).await;
    let lagging = Fault::answer(200, "{}");
    opwatch.world.operations.fail_always_on("GET", "/operations?", Some(lagging));
    opwatch.world.operations.fail_next_on("POST", "", refusal(400, "INVALID_ARGUMENT", "the path exists"));
    opwatch.resume().await;
    let text = opwatch.only_text();
    assert!(text.starts_with("*Datastore export: outcome unknown*"), "{text}");
    assert!(text.contains("The operation may be running.") && text.contains("the path exists"), "{text}");
    assert!(text.contains("gcloud datastore operations list --project=demo"), "{text}");
    opwatch.stop().await;
}

/// An export to a folder, of which each is taken once.
fn to_folder(prefix: &str) -> Value {
    let mut kickoff = export();
    kickoff["start"]["body"]["outputUrlPrefix"] = json!(prefix);
    kickoff
}

/// An instance may be killed after its start, and the list may not show the operation when the next delivery looks.
#[tokio::test]
async fn a_path_that_the_kickoff_itself_has_taken_is_no_failed_start() {
    for (prefix, lost) in [("gs://b/${datetime}", false), ("gs://b/nightly", false), ("gs://b/${id}", true)] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(300));
        if lost {
            opwatch.world.operations.fail_next_on("POST", "", Fault::DoneButLost);
        }
        let id = opwatch.publish_and_pause(&to_folder(prefix)).await;
        opwatch.world.operations.fail_next_on("GET", "/operations?", Fault::answer(200, "{}"));
        if !lost {
            opwatch.world.pubsub.redeliver(&id);
        }
        opwatch.resume().await;
        assert_eq!(opwatch.looks_and_starts(), "GET POST GET POST GET", "{prefix}");
        only_operation(&opwatch);
        assert_eq!(colour(&opwatch.only_message()), GREEN, "{prefix}: {}", opwatch.only_text());
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// Whether an earlier try may have taken the path decides what people are told.
#[tokio::test]
async fn a_path_that_stays_taken_is_looked_up_once_more_and_told() {
    for (lost, outcome) in [(false, "was not started"), (true, "outcome unknown")] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(300));
        if lost {
            opwatch.world.operations.fail_next_on("POST", "", Fault::DoneButLost);
        } else {
            opwatch.watch(&to_folder("gs://b/nightly")).await;
            opwatch.world.time.advance(Duration::from_secs(86_400));
        }
        let (posts, calls) = (opwatch.slack().len(), opwatch.looks_and_starts());
        opwatch.publish_and_pause(&to_folder("gs://b/nightly")).await;
        opwatch.world.operations.fail_always_on("GET", "/operations?", Some(Fault::answer(200, "{}")));
        opwatch.resume().await;
        let text = texts(&opwatch.slack()[posts]).join("\n");
        assert!(text.lines().next().unwrap().contains(outcome), "{text}");
        assert!(text.contains("Path already exists: /b/nightly/nightly"), "{text}");
        let more = if lost { "GET POST GET POST GET POST" } else { "GET POST GET POST" };
        assert_eq!(opwatch.looks_and_starts()[calls.len()..].trim(), more);
        assert_eq!(opwatch.slack().len(), posts + 1);
        opwatch.stop().await;
    }
}

/// A project may be named by its number in an answer; `PROJECTS` lists its id.
#[tokio::test]
async fn an_operation_is_watched_under_the_project_that_its_start_named() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add("projects/demo/operations/numbered", lasting(100));
    let answer = r#"{"name": "projects/123/operations/numbered", "metadata": {}}"#;
    opwatch.world.operations.fail_next_on("POST", "", Fault::answer(200, answer));
    opwatch.watch(&export()).await;
    assert!(opwatch.only_text().starts_with("*Datastore export succeeded*"), "{}", opwatch.only_text());
    opwatch.stop().await;
}

#[tokio::test]
async fn a_passing_error_of_a_start_is_tried_again_after_a_look() {
    let answer = |status: u16, word: &str| refusal(status, word, "try later");
    for (fault, adopted) in [
        (answer(401, "UNAUTHENTICATED"), false),
        (answer(408, ""), false),
        (answer(409, "ABORTED"), false),
        (answer(429, "RESOURCE_EXHAUSTED"), false),
        (answer(500, "INTERNAL"), false),
        (answer(503, "UNAVAILABLE"), false),
        (Fault::answer(302, ""), false),
        (Fault::answer(200, "<html>sign in</html>"), false),
        (Fault::answer(200, r#"{"metadata": {}}"#), false),
        (Fault::Reset, false),
        (Fault::DoneButLost, true),
        (Fault::HalfBody, true),
    ] {
        for kickoff in [export(), firestore_export()] {
            let opwatch = Opwatch::start().await;
            opwatch.world.operations.plan(lasting(100));
            opwatch.world.operations.fail_next_on("POST", "", fault.clone());
            opwatch.watch(&kickoff).await;
            only_operation(&opwatch);
            let expected = if adopted { "GET POST GET" } else { "GET POST GET POST" };
            assert_eq!(opwatch.looks_and_starts(), expected, "{fault:?}");
            opwatch.assert_delays(Kind::Start, &[10]);
            assert_eq!(opwatch.tasks(Kind::Start).len(), 1);
            assert_eq!(opwatch.tasks(Kind::Start)[0].queue, CHECK_QUEUE);
            assert_eq!(colour(&opwatch.only_message()), GREEN, "{fault:?}");
            assert_eq!(opwatch.only_text().contains(BY_KEY), adopted, "{fault:?}");
            opwatch.assert_all_acknowledged();
            opwatch.stop().await;
        }
    }
}

#[tokio::test]
async fn a_start_waits_longer_each_time_and_as_long_as_it_is_asked_to() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.plan(lasting(100));
    let asks = with_header(refusal(429, "RESOURCE_EXHAUSTED", ""), "Retry-After", "300");
    let faults = [
        refusal(503, "UNAVAILABLE", ""),
        refusal(500, "INTERNAL", ""),
        asks,
        refusal(503, "UNAVAILABLE", ""),
    ];
    for fault in faults {
        opwatch.world.operations.fail_next_on("POST", "", fault);
    }
    opwatch.watch(&export()).await;
    opwatch.assert_delays(Kind::Start, &[10, 20, 300, 80]);
    assert_eq!(opwatch.tasks(Kind::Start).len(), 4);
    assert_eq!(opwatch.looks_and_starts(), "GET POST GET POST GET POST GET POST GET POST");
    assert_eq!(colour(&opwatch.only_message()), GREEN);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_look_up_that_fails_in_passing_is_no_blind_start() {
    for fault in [
        refusal(429, "RESOURCE_EXHAUSTED", ""),
        refusal(500, "INTERNAL", ""),
        refusal(403, "PERMISSION_DENIED", ""),
        Fault::answer(200, "<html>"),
        Fault::HalfBody,
    ] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(100));
        // A broken connection is tried again at once, so it must break twice.
        let times = if fault == Fault::HalfBody { 2 } else { 1 };
        (0..times).for_each(|_| opwatch.world.operations.fail_next_on("GET", "", fault.clone()));
        opwatch.watch(&export()).await;
        let looks = if times == 2 { "GET GET GET POST" } else { "GET GET POST" };
        assert_eq!(opwatch.looks_and_starts(), looks, "{fault:?}");
        opwatch.assert_delays(Kind::Start, &[10]);
        assert_eq!(opwatch.tasks(Kind::Start).len(), 1);
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn an_api_that_is_down_for_an_hour_is_told_with_its_last_error() {
    for method in ["GET", "POST"] {
        let opwatch = Opwatch::start().await;
        let down = refusal(503, "UNAVAILABLE", "the backend is down");
        opwatch.world.operations.fail_always_on(method, "", Some(down));
        let before = opwatch.world.time.now();
        opwatch.watch(&export()).await;
        let (message, text) = (opwatch.only_message(), opwatch.only_text());
        assert_eq!(colour(&message), RED);
        assert!(text.contains("The start did not succeed within an hour of the kickoff"), "{text}");
        assert!(text.contains("503 UNAVAILABLE") && text.contains("the backend is down"), "{text}");
        assert!(text.contains("Once the cause is fixed, start it with:"), "{text}");
        let last = opwatch.tasks(Kind::Start).last().unwrap().clone();
        assert!(last.created_at - before <= TimeDelta::minutes(61), "nothing is tried later");
        assert!(last.schedule_time - before > TimeDelta::minutes(60));
        opwatch.assert_delays(Kind::Start, &[10, 20, 40, 80, 160, 320, 600, 600]);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_start_that_may_have_happened_and_cannot_be_looked_up_is_not_called_not_started() {
    for list in
        [refusal(503, "UNAVAILABLE", ""), refusal(403, "PERMISSION_DENIED", ""), Fault::answer(404, "")]
    {
        let opwatch = Opwatch::start().await;
        // The start is sent and lost; from then on there is no looking up.
        opwatch.world.operations.fail_next_on("POST", "", Fault::DoneButLost);
        opwatch.publish_and_pause(&export()).await;
        opwatch.world.operations.fail_always_on("GET", "", Some(list.clone()));
        opwatch.resume().await;
        let text = opwatch.only_text();
        assert_eq!(opwatch.starts(), 1, "{list:?}");
        assert_eq!(colour(&opwatch.only_message()), ORANGE, "{list:?}");
        assert!(opwatch.lines()[0].contains("outcome unknown"), "{:?}", opwatch.lines());
        assert!(text.contains("The operation may be running. Check before you start it again."), "{text}");
        assert!(text.contains("gcloud datastore operations list --project=demo"), "{text}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_kickoff_older_than_an_hour_is_not_started() {
    let opwatch = Opwatch::start().await;
    let published = opwatch.world.time.now() - TimeDelta::seconds(3_605);
    assert_eq!(opwatch.push("1", published, export().to_string().as_bytes()).await, 204);
    opwatch.world.settled().await;
    assert_eq!(opwatch.starts(), 0);
    assert_eq!(colour(&opwatch.only_message()), RED);
    assert!(opwatch.only_text().contains("The kickoff arrived more than an hour after it was published"));
    assert!(opwatch.only_text().contains(r#""key":"1""#));
    opwatch.stop().await;
}

#[tokio::test]
async fn a_kickoff_not_yet_an_hour_old_is_started() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.plan(lasting(10));
    let published = opwatch.world.time.now() - TimeDelta::seconds(3_590);
    assert_eq!(opwatch.push("1", published, export().to_string().as_bytes()).await, 204);
    opwatch.world.settled().await;
    assert_eq!(opwatch.starts(), 1);
    assert_eq!(colour(&opwatch.only_message()), GREEN);
    opwatch.stop().await;
}

#[tokio::test]
async fn without_permission_to_list_nothing_is_started() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.fail_always_on(
        "GET",
        "",
        Some(refusal(403, "PERMISSION_DENIED", "no list for you")),
    );
    opwatch.watch(&firestore_export()).await;
    let text = opwatch.only_text();
    assert_eq!((opwatch.starts(), colour(&opwatch.only_message())), (0, RED));
    assert!(text.contains("to rule out a duplicate"), "{text}");
    assert!(text.contains("lacks a permission in project demo"), "{text}");
    assert!(text.contains("403 PERMISSION_DENIED") && text.contains("no list for you"), "{text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn an_api_without_a_list_is_started_without_a_look() {
    for status in [404, 501] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.plan(lasting(10));
        opwatch.world.operations.fail_always_on(
            "GET",
            "/operations?",
            Some(Fault::answer(status, "Not Found")),
        );
        opwatch.watch(&export()).await;
        assert_eq!((opwatch.starts(), colour(&opwatch.only_message())), (1, GREEN));
        opwatch.stop().await;
    }
}
