//! From check to check to the end of a watch: every outcome, and what comes in between.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{SubsecRound, TimeDelta};
use opwatch::fakes::{End, Fault, Plan};
use serde_json::{Value, json};

use crate::support::opwatch::{
    FIRESTORE_NAME, GREEN, Kind, NAME, ORANGE, Opwatch, RED, colour, export, lasting, refusal, texts,
    with_header,
};

fn ending(end: End) -> Plan {
    Plan { end, ..lasting(90) }
}

fn forever() -> Plan {
    Plan { duration: Duration::MAX, ..Plan::default() }
}

/// The commands to paste in a payload.
fn commands(payload: &Value) -> Vec<String> {
    let texts = texts(payload);
    texts.iter().filter_map(|text| text.strip_prefix("```")?.strip_suffix("```")).map(str::to_owned).collect()
}

/// When each check was due, in seconds after the kickoff's publish time, which has milliseconds.
fn due(opwatch: &Opwatch) -> Vec<i64> {
    let published = opwatch.world.pubsub.messages()[0].publish_time.trunc_subsecs(3);
    let checks = opwatch.tasks(Kind::Check);
    checks.iter().map(|task| (task.schedule_time - published).num_seconds()).collect()
}

/// An operation's field as Slack gets it.
fn operation(name: &str) -> String {
    let page = "https://console.cloud.google.com/datastore/import-export?project=demo";
    format!("*Operation* · <{page}|Cloud Console>\n`{name}`")
}

#[tokio::test]
async fn a_success_is_green_and_shows_what_the_original_did() {
    let opwatch = Opwatch::start().await;
    opwatch.watch_named(ending(End::Succeeded)).await;
    let (message, text) = (opwatch.only_message(), opwatch.only_text());
    assert_eq!(colour(&message), GREEN);
    assert!(opwatch.lines()[0].starts_with("*Datastore export succeeded* · "), "{:?}", opwatch.lines());
    for shown in ["*Start*\n", "*End*\n", "*Duration*\n1 min 30 s", "*Entities*\n12,345", "*Size*\n67.8 MB"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    assert!(text.contains(&operation(NAME)), "{text}");
    assert!(text.contains("|Cloud Console>\n`gs://backups/"), "{text}");
    assert_eq!(commands(&message), [""; 0]);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_failure_is_red_and_shows_its_error() {
    let opwatch = Opwatch::start().await;
    let message = "Caller <x> can't write & 'read' to bucket".to_owned();
    opwatch.watch_named(ending(End::Failed { code: 7, message })).await;
    let (message, text) = (opwatch.only_message(), opwatch.only_text());
    assert_eq!(colour(&message), RED);
    assert!(opwatch.lines()[0].starts_with("*Datastore export failed* · "), "{:?}", opwatch.lines());
    assert!(text.contains("*Error*\n7 PERMISSION_DENIED"), "{text}");
    assert!(text.contains("Caller <x> can't write & 'read' to bucket"), "{text}");
    assert!(
        text.contains(
            "*Location* · <https://console.cloud.google.com/storage/browser/backups|Cloud Console>\n`gs://backups`"
        ),
        "{text}"
    );
    assert_eq!(commands(&message), [format!("gcloud datastore operations describe {NAME}")]);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_cancelled_operation_is_orange_and_warns_of_partial_files() {
    for end in [End::Cancelled, End::State("CANCELLED".to_owned())] {
        let opwatch = Opwatch::start().await;
        opwatch.watch_named(ending(end)).await;
        let (message, text) = (opwatch.only_message(), opwatch.only_text());
        assert_eq!(colour(&message), ORANGE);
        assert!(
            opwatch.lines()[0].starts_with("*Datastore export was cancelled* · "),
            "{:?}",
            opwatch.lines()
        );
        assert!(text.contains("Partial files may remain at its location."), "{text}");
        assert_eq!(commands(&message), [format!("gcloud datastore operations describe {NAME}")]);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_watch_that_reaches_its_limit_says_how_to_go_on() {
    for (service, name) in [("datastore", NAME), ("firestore", FIRESTORE_NAME)] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.add(name, lasting(390));
        opwatch.watch(&json!({"service": service, "name": name, "limit": 3, "interval": 100})).await;
        let (message, text) = (opwatch.only_message(), opwatch.only_text());
        assert_eq!(opwatch.world.operations.reads(name), 3);
        assert_eq!(opwatch.attempts(), [1, 2]);
        assert_eq!(colour(&message), ORANGE);
        assert!(opwatch.lines()[0].contains("export is still running*"), "{:?}", opwatch.lines());
        assert!(opwatch.lines()[0].ends_with(" · 51%"), "{:?}", opwatch.lines());
        assert!(text.contains("stopped watching after 3 checks (the limit)."), "{text}");
        assert!(text.contains("*Progress*\n51% (6,3") && text.contains("*State*\nPROCESSING"), "{text}");
        assert!(
            text.contains("*Running for*\n3 min 20 s") || text.contains("*Running for*\n3 min 19 s"),
            "{text}"
        );
        let quoted = if name.contains('(') { format!("'{name}'") } else { name.to_owned() };
        let lines = commands(&message);
        assert_eq!(lines[0], format!("gcloud {service} operations describe {quoted}"));
        assert_eq!(
            lines[1],
            format!(
                r#"gcloud pubsub topics publish projects/demo/topics/opwatch --message='{{"interval":100,"limit":3,"name":"{name}","service":"{service}"}}'"#
            )
        );
        assert_eq!(lines[2..], [format!("gcloud {service} operations cancel {quoted}")]);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn the_line_that_goes_on_watching_does() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(330));
    opwatch.watch(&json!({"name": NAME, "limit": 3, "title": "it's <mine> & 日本"})).await;
    let line = commands(&opwatch.only_message())[1].clone();
    let again: Value = serde_json::from_str(line.split('\'').nth(1).unwrap()).unwrap();
    opwatch.watch(&again).await;
    opwatch.watch(&again).await;
    let lines = opwatch.lines();
    assert_eq!(lines.len(), 3, "a new watch each time, told though the old one was too: {lines:?}");
    assert!(lines[1].starts_with("*it's &lt;mine&gt; &amp; 日本 is still running*"), "{lines:?}");
    assert!(lines[2].starts_with("*it's &lt;mine&gt; &amp; 日本 succeeded*"), "{lines:?}");
    opwatch.stop().await;
}

#[tokio::test]
async fn an_operation_that_cannot_be_read_twice_in_a_row_is_given_up() {
    for (code, word, said) in [
        (404, "NOT_FOUND", "Datastore does not know this operation."),
        (403, "PERMISSION_DENIED", "opwatch's service account lacks a permission in project demo."),
        (400, "INVALID_ARGUMENT", "opwatch could not read the operation."),
    ] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.fail_always(Some(refusal(code, word, "no such thing")));
        opwatch.watch_named(forever()).await;
        let (message, text) = (opwatch.only_message(), opwatch.only_text());
        assert_eq!(opwatch.world.operations.requests().len(), 2);
        assert_eq!((opwatch.attempts(), colour(&message)), (vec![1], ORANGE));
        assert!(opwatch.lines()[0].contains(": outcome unknown*"), "{:?}", opwatch.lines());
        assert!(text.contains(said), "{text}");
        assert!(text.contains(&format!("{code} {word}")) && text.contains("no such thing"), "{text}");
        let mut lines = commands(&message);
        if code == 403 {
            assert!(
                lines.remove(0).starts_with("gcloud iam roles create opwatch --project=demo"),
                "{lines:?}"
            );
        }
        assert_eq!(lines[0], format!("gcloud datastore operations describe {NAME}"));
        assert!(lines[1].starts_with("gcloud pubsub topics publish"), "{lines:?}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn an_operation_that_goes_away_is_shown_as_it_was_last_seen() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(1_000));
    opwatch.world.time.advance(Duration::from_secs(100));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.world.operations.remove(NAME);
    opwatch.resume().await;
    let text = opwatch.only_text();
    assert_eq!(opwatch.attempts(), [1, 2]);
    assert!(text.contains("The operation no longer exists."), "{text}");
    assert!(text.contains("The values shown are from an earlier check."), "{text}");
    assert!(text.contains("*Entities*\n1,23") && text.contains("*State*\nPROCESSING"), "{text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn one_bad_look_between_good_ones_goes_on() {
    let gone = || refusal(404, "NOT_FOUND", "");
    let down = || refusal(503, "UNAVAILABLE", "");
    for bad in [vec![gone()], vec![gone(), down(), gone()], vec![refusal(403, "PERMISSION_DENIED", "")]] {
        let opwatch = Opwatch::start().await;
        let number = bad.len() as u64;
        for fault in bad {
            opwatch.world.operations.fail_next(fault);
        }
        opwatch.watch_named(lasting(230)).await;
        assert_eq!(opwatch.attempts(), [1, 2, 3, 4]);
        assert_eq!(opwatch.world.operations.reads(NAME) as u64, 5 - number);
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn an_api_that_is_down_until_the_limit_cannot_tell() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.fail_always(Some(refusal(503, "UNAVAILABLE", "backend error")));
    opwatch.world.operations.add(NAME, forever());
    opwatch.watch(&json!({"name": NAME, "limit": 4})).await;
    let text = opwatch.only_text();
    assert_eq!((opwatch.attempts(), colour(&opwatch.only_message())), (vec![1, 2, 3], ORANGE));
    assert!(
        text.contains("The last check could not read the operation from Datastore. It may still be running."),
        "{text}"
    );
    assert!(text.contains("503 UNAVAILABLE") && text.contains("backend error"), "{text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_named() {
    let opwatch = Opwatch::start().await;
    opwatch.watch_named(ending(End::State("PAUSED_<!here>".to_owned()))).await;
    let (message, text) = (opwatch.only_message(), opwatch.only_text());
    assert_eq!(colour(&message), ORANGE);
    assert!(opwatch.lines()[0].starts_with("*Datastore export: outcome unknown*"));
    assert!(text.contains("its state is unknown to opwatch: PAUSED_<!here>."), "{text}");
    assert!(text.contains("*State*\nPAUSED_&lt;!here&gt;"), "markup is escaped: {text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_watch_that_a_setting_no_longer_allows_ends_without_a_look() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(1_000));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let opwatch = opwatch.restart_with(|args| args.set("PROJECTS", "another")).await;
    opwatch.resume().await;
    let text = opwatch.only_text();
    assert_eq!(opwatch.world.operations.reads(NAME), 1, "not read again");
    assert_eq!(colour(&opwatch.only_message()), ORANGE);
    assert!(text.contains("The setting PROJECTS no longer allows it."), "{text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn done_wins_over_the_limit() {
    for (limit, seconds, reads) in [(1, 0, 1), (3, 110, 3)] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.add(NAME, lasting(seconds));
        opwatch.watch(&json!({"name": NAME, "limit": limit})).await;
        assert_eq!(opwatch.world.operations.reads(NAME), reads);
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_limit_of_one_is_one_check() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, forever());
    opwatch.watch(&json!({"name": NAME, "limit": 1})).await;
    assert_eq!((opwatch.world.operations.reads(NAME), opwatch.attempts()), (1, Vec::new()));
    assert!(
        opwatch.only_text().contains("stopped watching after 1 check (the limit)"),
        "{}",
        opwatch.only_text()
    );
    opwatch.stop().await;
}

#[tokio::test]
async fn a_person_may_begin_at_a_later_number() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, forever());
    opwatch.watch(&json!({"name": NAME, "attempt": 57})).await;
    assert_eq!((opwatch.world.operations.reads(NAME), opwatch.attempts()), (3, vec![58, 59]));
    assert_eq!(due(&opwatch), [60, 120]);
    assert_eq!(colour(&opwatch.only_message()), ORANGE);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_late_delivery_joins_the_grid() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(650));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.world.time.advance(Duration::from_secs(600));
    opwatch.resume().await;
    assert_eq!(opwatch.attempts(), [1, 11]);
    assert_eq!(opwatch.world.operations.reads(NAME), 3);
    let checks = opwatch.tasks(Kind::Check);
    assert_eq!(checks[1].schedule_time - checks[0].schedule_time, TimeDelta::minutes(10));
    assert_eq!(colour(&opwatch.only_message()), GREEN);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_delivery_after_the_last_point_ends_the_watch_after_its_look() {
    for (seconds, expected) in [(u64::MAX, ORANGE), (5_000, GREEN)] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.add(NAME, lasting(seconds));
        opwatch.publish_and_pause(&json!({"name": NAME})).await;
        opwatch.world.time.advance(Duration::from_secs(86_400));
        opwatch.resume().await;
        assert_eq!((opwatch.attempts(), opwatch.world.operations.reads(NAME)), (vec![1], 2));
        assert_eq!(colour(&opwatch.only_message()), expected);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn retry_after_postpones_the_next_check() {
    let opwatch = Opwatch::start().await;
    let asks = with_header(refusal(429, "RESOURCE_EXHAUSTED", ""), "Retry-After", "290");
    opwatch.world.operations.fail_next(asks);
    opwatch.watch_named(lasting(350)).await;
    // On the grid, with up to a quarter more of the pause.
    let attempts = opwatch.attempts();
    assert!([vec![5, 6], vec![6]].contains(&attempts), "{attempts:?}");
    assert_eq!(opwatch.world.operations.requests().len(), attempts.len() + 1);
    assert_eq!(colour(&opwatch.only_message()), GREEN);
    opwatch.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_no_observation_spends_its_check() {
    let other = json!({"name": "projects/demo/operations/other", "done": true, "response": {}});
    let nameless = json!({"done": true, "response": {}});
    let huge = format!(r#"{{"name":"{NAME}","done":true,"x":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    for (bodies, times) in [
        (Fault::answer(200, &other.to_string()), 1),
        (Fault::answer(200, &nameless.to_string()), 1),
        (Fault::answer(200, "<html>sign in</html>"), 1),
        (Fault::answer(200, ""), 1),
        (Fault::answer(200, "[]"), 1),
        (Fault::answer(200, &huge), 1),
        (Fault::answer(204, ""), 1),
        (Fault::answer(500, &huge), 1),
        (Fault::Reset, 2),
        (Fault::HalfBody, 2),
        (Fault::DoneButLost, 2),
    ] {
        let opwatch = Opwatch::start().await;
        (0..times).for_each(|_| opwatch.world.operations.fail_next(bodies.clone()));
        opwatch.watch_named(lasting(50)).await;
        assert_eq!(opwatch.attempts(), [1]);
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_once_costs_no_check() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.fail_next(Fault::Reset);
    opwatch.watch_named(lasting(0)).await;
    assert_eq!(opwatch.attempts(), [0_u64; 0]);
    assert_eq!(colour(&opwatch.only_message()), GREEN);
    opwatch.stop().await;
}

/// Whoever answers with a redirect must not get the token.
#[tokio::test]
async fn no_redirect_is_followed() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/steal", canary.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    std::thread::spawn(move || {
        for _ in canary.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    for status in [301, 302, 303, 307, 308] {
        let redirect = with_header(Fault::answer(status, ""), "Location", &target);
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.fail_next(redirect.clone());
        opwatch.world.operations.fail_next_on("POST", "", redirect.clone());
        opwatch.world.slack.fail_next(redirect.clone());
        opwatch.world.tasks.fail_next(redirect);
        opwatch.watch(&export()).await;
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.stop().await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "the canary was called");
}

/// Every push but the report's own comes twice at the same time.
#[tokio::test]
async fn pushes_delivered_twice_lead_to_one_next_step_each() {
    for kickoff in [json!({"name": NAME}), export()] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.add(NAME, lasting(290));
        opwatch.world.operations.plan(lasting(290));
        opwatch.world.pubsub.duplicate_next(6);
        opwatch.watch(&kickoff).await;
        let first = u64::from(kickoff.get("start").is_none());
        assert_eq!(opwatch.attempts(), (first..first + 5).collect::<Vec<_>>());
        assert_eq!(opwatch.tasks(Kind::Report).len(), 1);
        assert_eq!(
            opwatch.world.tasks.duplicates(),
            6 + 1,
            "each copy asked for the same task, the first for the sentinel too"
        );
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// Nothing is stored, so a report that is itself delivered twice can be read twice; nothing else can.
#[tokio::test]
async fn what_comes_again_after_the_end_repeats_the_report_at_most() {
    for kickoff in [json!({"name": NAME}), export(), json!({"test": true}), json!({"oops": 1})] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.add(NAME, lasting(150));
        opwatch.world.operations.plan(lasting(150));
        opwatch.watch(&kickoff).await;
        let message = opwatch.only_message();
        let created = opwatch.world.tasks.created().len();
        let mut reports = 0;
        for sent in opwatch.world.pubsub.messages() {
            let data: Value = serde_json::from_slice(&sent.data).unwrap();
            reports += usize::from(data["state"]["report"].is_object());
            opwatch.world.pubsub.redeliver(&sent.id);
            opwatch.world.settled().await;
        }
        assert_eq!(opwatch.world.tasks.created().len(), created, "no new task");
        assert_eq!(reports, 1);
        assert_eq!(opwatch.slack().len(), 2, "the first and its repetition");
        assert_eq!(colour(&opwatch.slack()[1]), colour(&message));
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// The true end is told even after a "cannot tell": the two don't take each other's name.
#[tokio::test]
async fn the_true_end_is_told_after_a_cannot_tell() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.fail_always(Some(refusal(404, "NOT_FOUND", "")));
    opwatch.watch_named(lasting(300)).await;
    opwatch.world.operations.fail_always(None);
    opwatch.world.time.advance(Duration::from_secs(600));
    let first = opwatch.world.pubsub.messages()[0].id.clone();
    opwatch.world.pubsub.redeliver(&first);
    opwatch.world.settled().await;
    let colours: Vec<_> = opwatch.slack().iter().map(|payload| colour(payload).to_owned()).collect();
    assert_eq!(colours, [ORANGE, GREEN]);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_watch_goes_on_with_settings_that_changed_meanwhile() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(150));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let opwatch = opwatch.restart_with(|args| args.set("CHECK_INTERVAL", "7s")).await;
    opwatch.resume().await;
    assert_eq!(opwatch.attempts(), [1, 2, 3], "its interval rides in its message");
    opwatch.stop().await;
}

#[tokio::test]
async fn settings_give_interval_and_limit_to_a_message_without() {
    let opwatch = Opwatch::start_with(|args| {
        args.set("CHECK_INTERVAL", "5m");
        args.set("CHECK_LIMIT", "2");
    })
    .await;
    opwatch.watch_named(forever()).await;
    assert_eq!(due(&opwatch), [300]);
    assert!(opwatch.only_text().contains("stopped watching after 2 checks (the limit)."));
    opwatch.stop().await;
}
