//! What Slack refuses, and what is sent instead: with less, step by step, until the end arrives.

use chrono::TimeDelta;
use opwatch::fakes::{End, Fault, Plan};
use opwatch::settings::Variables;
use serde_json::{Value, json};

use crate::support::opwatch::{Kind, NAME, Opwatch, RED, colour, lasting, with_header};

const CHANNEL: &str = "C0OPERATIONS";

fn bot(args: &mut Variables) {
    args.unset("SLACK_WEBHOOK_URL");
    args.set("SLACK_BOT_TOKEN", "xoxb-local-stand-in");
    args.set("SLACK_CHANNEL", CHANNEL);
    args.set("SLACK_CHANNELS", "any");
}

async fn start(is_bot: bool, change: impl FnOnce(&mut Variables)) -> Opwatch {
    Opwatch::start_with(|args| {
        if is_bot {
            bot(args);
        }
        change(args);
    })
    .await
}

fn here(args: &mut Variables) {
    args.set("MENTION", "here");
}

fn failing(seconds: u64) -> Plan {
    Plan { end: End::Failed { code: 7, message: "no".to_owned() }, ..lasting(seconds) }
}

fn slack_error(error: &str) -> Fault {
    Fault::answer(200, &json!({"ok": false, "error": error}).to_string())
}

/// Channel, text and whether it has blocks, of each message that was asked for, not counting edits.
fn asked(opwatch: &Opwatch) -> Vec<(String, String, bool)> {
    let requests = opwatch.world.slack.requests().into_iter();
    let posts = requests.filter(|request| !request.path.ends_with("/chat.update"));
    posts
        .map(|request| {
            let body = request.json();
            let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
            (text("channel"), text("text"), body["attachments"].is_array())
        })
        .collect()
}

#[tokio::test]
async fn where_apps_may_not_mention_here_the_end_arrives_without_it() {
    for (is_bot, own) in [(false, None), (true, None), (true, Some("C0OWN"))] {
        for notify in ["end", "live"] {
            if notify == "live" && !is_bot {
                continue;
            }
            let opwatch = start(is_bot, here).await;
            opwatch.world.slack.refuse_broadcasts();
            opwatch.world.operations.add(NAME, failing(90));
            let mut message = json!({"name": NAME, "notify": notify});
            if let Some(own) = own {
                message["channel"] = json!(own);
            }
            opwatch.watch(&message).await;
            let about = format!("bot {is_bot}, {own:?}, {notify}");
            let messages = opwatch.world.slack.channel_messages();
            let last = messages.last().unwrap_or_else(|| panic!("{about}: nothing arrived"));
            assert_eq!(messages.len(), if notify == "live" { 2 } else { 1 }, "{about}: {messages:#?}");
            let text = last.payload["text"].as_str().unwrap();
            assert!(text.starts_with("*Datastore export failed* · "), "{about}: {text}");
            assert_eq!(colour(&last.payload), RED, "{about}: its blocks stay");
            if is_bot {
                assert_eq!(last.channel, own.unwrap_or(CHANNEL), "{about}: so does its channel");
            }
            assert_eq!(opwatch.tasks(Kind::Report).len(), 2, "{about}: the first try, and one with less");
            opwatch.assert_all_acknowledged();
            opwatch.stop().await;
        }
    }
}

#[tokio::test]
async fn what_slack_refuses_for_an_unknown_reason_is_sent_with_less_step_by_step() {
    for (is_bot, refusal) in [
        (false, Fault::answer(403, "some_new_word")),
        (false, Fault::answer(400, "Some new sentence")),
        (false, Fault::answer(422, r#"{"ok":false,"error":"some_new_word"}"#)),
        (true, slack_error("some_new_word")),
        (true, Fault::answer(400, r#"{"ok":false,"error":"some_new_word"}"#)),
    ] {
        let opwatch = start(is_bot, here).await;
        opwatch.world.slack.fail_always(Some(refusal.clone()));
        opwatch.world.operations.add(NAME, failing(0));
        let mut message = json!({"name": NAME, "notify": "end"});
        if is_bot {
            message["channel"] = json!("C0OWN");
        }
        opwatch.publish(&message).await;
        let mut events = opwatch.world.events();
        for _ in 0..4 {
            let created =
                |event: &opwatch::fakes::Event| matches!(event, opwatch::fakes::Event::SlackRefused { .. });
            events.wait_for("a refusal", created).await.unwrap();
        }
        opwatch.world.slack.fail_always(None);
        opwatch.world.settled().await;
        let asked = asked(&opwatch);
        let seen: Vec<_> = asked
            .iter()
            .take(5)
            .map(|(channel, text, blocks)| (channel.as_str(), text.starts_with("<!here> "), *blocks))
            .collect();
        let own = if is_bot { "C0OWN" } else { "" };
        let default = if is_bot { CHANNEL } else { "" };
        let expected = [
            (own, true, true),
            (own, false, true),
            (own, false, false),
            (default, false, false),
            (default, false, false),
        ];
        assert_eq!(seen, expected, "{refusal:?}");
        assert_eq!(opwatch.slack().len(), 1, "{refusal:?}");
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// Slack's words for a payload that it does not like, whichever way it came.
#[tokio::test]
async fn every_refusal_of_the_contents_is_followed_by_plain_text() {
    for word in [
        "invalid_payload",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "too_many_attachments",
        "attachment_payload_limit_exceeded",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "missing_text_or_fallback_or_attachments",
        "some_new_word",
    ] {
        for is_bot in [false, true] {
            let opwatch = start(is_bot, |_| ()).await;
            let refusal = if is_bot { slack_error(word) } else { Fault::answer(400, word) };
            opwatch.world.slack.fail_always_with("\"attachments\"", Some(refusal));
            opwatch.world.operations.add(NAME, lasting(0));
            opwatch.watch(&json!({"name": NAME, "notify": "end"})).await;
            let about = format!("{word}, bot {is_bot}");
            let messages = opwatch.slack();
            let [message] = messages.as_slice() else { panic!("{about}: {messages:?}") };
            let text = message["text"].as_str().unwrap();
            assert!(text.starts_with("Datastore export succeeded · "), "{about}: {text}");
            assert_eq!(opwatch.tasks(Kind::Report).len(), 2, "{about}");
            opwatch.stop().await;
        }
    }
}

/// A payload that is too large for what stands in between.
#[tokio::test]
async fn a_payload_that_is_too_large_becomes_plain_text() {
    let opwatch = start(false, |_| ()).await;
    opwatch.world.slack.fail_always_with("\"attachments\"", Some(Fault::answer(413, "<html>")));
    opwatch.watch_named(lasting(0)).await;
    assert_eq!((opwatch.slack().len(), opwatch.tasks(Kind::Report).len()), (1, 2));
    opwatch.stop().await;
}

/// A workflow, or a proxy, says neither that it took the message nor that it did not.
#[tokio::test]
async fn a_2xx_that_slack_never_says_is_retried_ten_times_over_hours_and_then_counts_as_delivered() {
    for body in [r#"{"ok":true}"#, "", "accepted"] {
        let opwatch = Opwatch::start().await;
        opwatch.world.slack.fail_always(Some(Fault::answer(200, body)));
        let begun = opwatch.world.time.now();
        opwatch.watch_named(lasting(0)).await;
        assert_eq!(opwatch.world.slack.requests().len(), 11, "{body:?}: the message and ten retries");
        let last = opwatch.tasks(Kind::Report).last().unwrap().schedule_time;
        assert!(last - begun >= TimeDelta::hours(3), "{body:?}: {}", last - begun);
        assert!(last - begun <= TimeDelta::hours(6), "{body:?}: {}", last - begun);
        assert!(opwatch.world.pubsub.dead_letters().is_empty(), "{body:?}");
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn an_hour_of_such_answers_loses_no_end() {
    let opwatch = Opwatch::start().await;
    opwatch.world.slack.fail_always(Some(Fault::answer(200, r#"{"ok":true}"#)));
    opwatch.world.operations.add(NAME, lasting(0));
    let begun = opwatch.world.time.now();
    opwatch.publish(&json!({"name": NAME})).await;
    let mut events = opwatch.world.events();
    let late = |event: &opwatch::fakes::Event| {
        matches!(event, opwatch::fakes::Event::TaskCreated { schedule_time, .. }
        if *schedule_time - begun > TimeDelta::hours(1))
    };
    events.wait_for("a try after an hour", late).await.unwrap();
    opwatch.world.slack.fail_always(None);
    opwatch.world.settled().await;
    assert_eq!(opwatch.slack().len(), 1);
    opwatch.stop().await;
}

/// What Pub/Sub gave up on has no state that could count such answers: a report goes on with it.
#[tokio::test]
async fn a_dead_letter_that_is_told_to_a_workflow_does_not_go_round_for_a_month() {
    let opwatch = Opwatch::start().await;
    opwatch.world.slack.fail_always(Some(Fault::answer(200, r#"{"ok":true}"#)));
    let data =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, json!({"name": NAME}).to_string());
    let message = json!({"message": {"data": data, "messageId": "dead", "publishTime": "2026-11-23T03:00:00Z"}, "subscription": "s"});
    let (status, _) = opwatch.post("dead-letter", message.to_string()).await;
    assert_eq!(status, 204);
    opwatch.world.settled().await;
    assert_eq!(opwatch.world.slack.requests().len(), 11);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// Slack's limits are those of a method and, for messages, of a channel.
#[tokio::test]
async fn a_wait_that_one_channel_asks_for_holds_back_no_other_channel() {
    let opwatch = start(true, |args| args.set("NOTIFY", "end")).await;
    let limited =
        with_header(Fault::answer(429, r#"{"ok":false,"error":"ratelimited"}"#), "Retry-After", "600");
    opwatch.world.slack.fail_next_with("C0BUSY", limited);
    opwatch.world.operations.add(NAME, lasting(0));
    let begun = opwatch.world.time.now();
    opwatch.publish_and_pause(&json!({"name": NAME, "channel": "C0BUSY"})).await;
    opwatch.publish_and_pause(&json!({"name": NAME, "channel": "C0OTHER"})).await;
    opwatch.publish_and_pause(&json!({"name": NAME, "channel": "C0BUSY"})).await;
    opwatch.resume().await;
    let after = |channel: &str| -> Vec<TimeDelta> {
        let messages = opwatch.world.slack.channel_messages().into_iter();
        messages.filter(|message| message.channel == channel).map(|message| message.at - begun).collect()
    };
    assert!(
        matches!(after("C0OTHER").as_slice(), [at] if *at < TimeDelta::seconds(60)),
        "{:?}",
        after("C0OTHER")
    );
    let busy = after("C0BUSY");
    assert!(busy.len() == 2 && busy.iter().all(|at| *at >= TimeDelta::seconds(600)), "{busy:?}");
    assert_eq!(
        asked(&opwatch).iter().filter(|(channel, ..)| channel == "C0BUSY").count(),
        3,
        "one was refused"
    );
    opwatch.stop().await;
}

#[tokio::test]
async fn a_channel_that_hangs_delays_its_own_reports_alone() {
    let opwatch = start(true, |args| args.set("NOTIFY", "end")).await;
    opwatch.world.slack.fail_always_with("C0HANGS", Some(Fault::Hang));
    opwatch.world.operations.add(NAME, lasting(0));
    let begun = opwatch.world.time.now();
    for channel in ["C0HANGS", "C0HANGS", "C0HANGS", "C0OTHER"] {
        opwatch.publish_and_pause(&json!({"name": NAME, "channel": channel})).await;
    }
    opwatch.world.resume();
    let mut events = opwatch.world.events();
    events
        .wait_for("the other's report", |event| matches!(event, opwatch::fakes::Event::SlackPosted { .. }))
        .await
        .unwrap();
    let messages = opwatch.world.slack.channel_messages();
    assert!(
        messages
            .iter()
            .all(|message| message.channel == "C0OTHER" && message.at - begun < TimeDelta::seconds(60))
    );
    opwatch.world.slack.fail_always_with("C0HANGS", None);
    opwatch.world.settled().await;
    assert_eq!(opwatch.world.slack.channel_messages().len(), 4);
    opwatch.stop().await;
}

/// An operation that shows the same counts at every look.
fn standing_still(seconds: u64) -> Plan {
    Plan { stuck_at: Some(0), ..lasting(seconds) }
}

/// The messages that say that it makes no progress.
fn stall_notes(opwatch: &Opwatch) -> Vec<Value> {
    let mut notes = opwatch.slack();
    notes.retain(|note| note["text"].as_str().is_some_and(|text| text.contains("making no progress")));
    notes
}

#[tokio::test]
async fn a_stall_warning_that_slack_does_not_take_is_posted_later_and_once() {
    for is_bot in [false, true] {
        for fault in [Fault::answer(503, ""), Fault::Reset, slack_error("internal_error")] {
            let opwatch = start(is_bot, |_| ()).await;
            opwatch.world.slack.fail_next_with("making no progress", fault.clone());
            opwatch.watch_named(standing_still(60 * 30)).await;
            let notes = stall_notes(&opwatch);
            let about = format!("{fault:?}, bot {is_bot}");
            assert_eq!(notes.len(), 1, "{about}: {notes:#?}");
            let text = notes[0].to_string();
            assert!(text.contains("No progress in the last 10 checks."), "{about}: {text}");
            opwatch.assert_all_acknowledged();
            opwatch.stop().await;
        }
    }
}

/// Its task is named: two copies of the check that sees the stall ask for the same.
#[tokio::test]
async fn with_every_push_delivered_three_times_a_stall_is_told_by_one_task() {
    let opwatch = start(true, |_| ()).await;
    opwatch.world.pubsub.deliver_each(3);
    opwatch.watch_named(standing_still(60 * 15)).await;
    let stalls = opwatch.tasks(Kind::Report);
    let stalls = stalls.iter().filter(|task| task.data["state"]["report"]["outcome"] == "stalled");
    assert_eq!(stalls.count(), 1);
    opwatch.stop().await;
}

/// A warning that comes an hour late warns of nothing.
#[tokio::test]
async fn a_stall_warning_is_given_up_after_an_hour() {
    let opwatch = Opwatch::start().await;
    opwatch.world.slack.fail_always_with("making no progress", Some(Fault::answer(503, "")));
    opwatch.watch_named(standing_still(60 * 30)).await;
    let asked = asked(&opwatch);
    let tries = asked.iter().filter(|(_, text, _)| text.contains("making no progress")).count();
    assert!((8..=14).contains(&tries), "{tries}");
    assert!(opwatch.world.pubsub.dead_letters().is_empty());
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// Slack always sends one; without it nobody can edit the message, and a second one would say the same.
#[tokio::test]
async fn an_ok_without_a_usable_ts_is_not_posted_again() {
    for body in [
        json!({"ok": true, "channel": CHANNEL}),
        json!({"ok": true, "channel": CHANNEL, "ts": 1_503_435_956.000_247}),
        json!({"ok": true, "channel": CHANNEL, "ts": "soon"}),
    ] {
        let opwatch = start(true, |_| ()).await;
        opwatch.world.slack.fail_always_with("is running", Some(Fault::answer(200, &body.to_string())));
        opwatch.watch_named(lasting(60 * 10 - 30)).await;
        let asked = asked(&opwatch);
        let running = asked.iter().filter(|(_, text, _)| text.contains("is running")).count();
        assert_eq!(running, 1, "{body}: {asked:?}");
        assert_eq!(opwatch.slack().len(), 1, "{body}: the end");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_live_message_that_was_deleted_is_edited_in_vain_once() {
    for (word, deletes) in
        [("message_not_found", true), ("cant_update_message", false), ("edit_window_closed", false)]
    {
        let opwatch = start(true, |_| ()).await;
        opwatch.world.operations.add(NAME, lasting(60 * 12));
        opwatch.publish_and_pause(&json!({"name": NAME})).await;
        if deletes {
            opwatch.world.slack.delete_all();
        } else {
            opwatch.world.slack.fail_always_on("POST", "/chat.update", Some(slack_error(word)));
        }
        opwatch.resume().await;
        let requests = opwatch.world.slack.requests();
        let edits = requests.iter().filter(|request| request.path.ends_with("/chat.update")).count();
        assert_eq!(edits, 2, "{word}: one while it runs, and the end's");
        let there = opwatch.world.slack.messages();
        assert_eq!(there.len(), 1, "{word}: the end is a message of its own");
        opwatch.stop().await;
    }
}

/// Slack closes a connection that was idle: what is lost is a request, not the message.
#[tokio::test]
async fn an_edit_on_a_connection_that_broke_is_made_again_at_once() {
    let opwatch = start(true, |_| ()).await;
    opwatch.world.slack.fail_every_on(2, "POST", "/chat.update", Fault::Reset);
    opwatch.watch_named(lasting(60 * 20 - 30)).await;
    let messages = opwatch.world.slack.channel_messages();
    assert_eq!(messages[0].edits, 20, "19 checks after the first, and the end");
    assert_eq!((messages.len(), opwatch.tasks(Kind::Report).len()), (2, 1));
    opwatch.stop().await;
}

/// A post may have arrived: it comes again later, and is not repeated blindly.
#[tokio::test]
async fn a_post_on_a_connection_that_broke_is_not_repeated_at_once() {
    let opwatch = Opwatch::start().await;
    opwatch.world.slack.fail_next(Fault::Reset);
    opwatch.watch_named(lasting(0)).await;
    assert_eq!(opwatch.world.slack.requests().len(), 2);
    opwatch.assert_delays(Kind::Report, &[0, 10]);
    opwatch.stop().await;
}
