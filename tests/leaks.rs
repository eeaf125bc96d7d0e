//! What the real binary writes: one JSON object a line in Cloud Logging's form, and never a secret.

use opwatch::fakes::{Event, Fault};
use serde_json::{Value, json};

use crate::support::opwatch::{
    NAME, TOKEN, TOPIC, client, export, lasting, refusal, send, subscribe, with_header, world,
};
use crate::support::process::{Process, SECRET, variables};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn has_secret(text: &str) -> bool {
    [TOKEN, SECRET, "B0LOCAL", "canary-path", "whsec_", "stand-in-hook"]
        .iter()
        .any(|secret| text.contains(secret))
}

fn lines_of<'a>(lines: &'a [Value], message_id: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message_id"] == message_id).collect()
}

#[tokio::test]
async fn each_push_is_one_line_in_cloud_loggings_form_and_no_secret_gets_out() {
    let world = world().await;
    let mut variables = variables(&world);
    variables.extend([
        ("EVENTS_URL", format!("{}/canary-path", world.receiver.url())),
        ("EVENTS_SECRET", world.receiver.secret()),
        ("CHAT_WEBHOOK_URL", world.chat.webhook()),
    ]);
    let process = Process::start(&variables).await;
    subscribe(&world, &process.url());
    world.pubsub.push_with(vec![("traceparent".to_owned(), format!("00-{TRACE}-b7ad6b7169203331-01"))]);
    let publish = async |message: &Value| {
        let id = world.pubsub.publish(TOPIC, message.to_string().as_bytes()).await;
        world.settled().await;
        id
    };

    // All goes well.
    world.operations.add(NAME, lasting(50));
    let watched = publish(&json!({"name": NAME})).await;
    // Everything goes wrong, and everybody repeats the secrets that they were sent.
    let echo = format!("bad token {TOKEN}?");
    let to_self = format!("{}/services/T0LOCAL/B0LOCAL/{SECRET}", world.slack.url());
    for fault in [
        Fault::Reset,
        Fault::HalfBody,
        Fault::answer(500, ""),
        with_header(Fault::answer(302, ""), "Location", &to_self),
        Fault::answer(200, "<html>"),
    ] {
        for _ in 0..2 {
            world.operations.fail_next(fault.clone());
            world.tasks.fail_next(fault.clone());
            world.slack.fail_next(fault.clone());
            world.receiver.fail_next(fault.clone());
            world.chat.fail_next(fault.clone());
        }
    }
    for word in ["invalid_token", "no_service", "channel_is_archived", "invalid_blocks"] {
        world.slack.fail_next(Fault::answer(if word == "no_service" { 404 } else { 400 }, word));
    }
    publish(&export()).await;
    world.operations.fail_next_on("POST", "", refusal(403, "PERMISSION_DENIED", "no"));
    publish(&export()).await;
    let bad = publish(&json!({"name": NAME, "oops": "line\nbreak \"quote\" \u{1b}[31m"})).await;
    let (_, answer) = send(client().post(process.url()).body(format!("{{\"{echo}\": 1}}"))).await;
    assert!(!has_secret(&answer), "{answer}");

    let log = process.stop().await;
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    for (line, text) in lines.iter().zip(&log) {
        assert!(!has_secret(text), "{text}");
        assert!(line["message"].is_string(), "{text}");
        let severities = ["INFO", "WARNING", "ERROR"];
        assert!(severities.contains(&line["severity"].as_str().unwrap()), "{text}");
    }
    for payload in world.slack.messages() {
        assert!(!has_secret(&payload.to_string()), "{payload}");
    }
    for message in world.pubsub.messages() {
        assert!(!has_secret(&String::from_utf8_lossy(&message.data)));
    }

    let of_watch = lines_of(&lines, &watched);
    let [line] = of_watch.as_slice() else { panic!("one line a push: {of_watch:?}") };
    assert_eq!(line["logging.googleapis.com/trace"], format!("projects/demo/traces/{TRACE}"));
    assert_eq!((&line["operation"], &line["attempt"]), (&json!(NAME), &json!(0)));
    assert_eq!((&line["decision"], &line["severity"]), (&json!("check-again"), &json!("INFO")));
    assert!(line["call_milliseconds"].is_u64() && line["schedule_milliseconds"].is_u64(), "{line}");
    assert_eq!(line["acknowledged"], json!(true));

    let of_bad = lines_of(&lines, &bad);
    assert_eq!((&of_bad[0]["decision"], &of_bad[0]["severity"]), (&json!("noticed"), &json!("ERROR")));
    assert!(of_bad[0]["message"].as_str().unwrap().contains("oops: Unknown field"), "{}", of_bad[0]);

    let mut events = world.events();
    let mut pushes = 0;
    while let Some(event) = events.ready() {
        pushes += usize::from(matches!(event, Event::Delivered { .. }));
    }
    let told = lines.iter().filter(|line| line["message_id"].is_string()).count();
    assert_eq!(told, pushes, "one line a push");
    world.stop().await;
}

/// What somebody must mend is an entry of Error Reporting and says how.
#[tokio::test]
async fn a_revoked_webhook_is_logged_with_what_to_do() {
    let world = world().await;
    let process = Process::start(&variables(&world)).await;
    subscribe(&world, &process.url());
    for (status, word) in
        [(404, "no_service"), (410, "channel_is_archived"), (403, "action_prohibited"), (503, "")]
    {
        world.slack.fail_next(Fault::answer(status, word));
    }
    world.pubsub.publish(TOPIC, br#"{"test": true}"#).await;
    world.settled().await;
    let log = process.stop().await;
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = lines.iter().filter(|line| line["decision"] == "post-again").collect();
    let said = |index: usize| failed[index]["message"].as_str().unwrap();
    assert!(said(0).contains("404 no_service") && said(0).contains("set SLACK_WEBHOOK_URL"), "{}", said(0));
    assert!(said(1).contains("unarchive the channel"), "{}", said(1));
    assert!(said(2).contains("ask a workspace admin"), "{}", said(2));
    assert!(said(3).contains("none: retried automatically"), "{}", said(3));
    for (line, permanent) in failed.iter().zip([true, true, true, false]) {
        assert_eq!(line["severity"], if permanent { "ERROR" } else { "WARNING" });
        let reported = line["@type"].as_str().unwrap_or_default().ends_with("ReportedErrorEvent");
        assert_eq!(reported, permanent);
        assert_eq!(line["context"]["reportLocation"]["filePath"].is_string(), permanent);
    }
    world.stop().await;
}
