//! One message in Slack that follows a watch: posted when it runs, edited at every check, ended, and replied to.

use std::time::Duration;

use chrono::{SubsecRound, TimeDelta};
use opwatch::clock::{Stopwatch, TELLING_LIMIT};
use opwatch::fakes::{ChannelMessage, End, Event, Fault, Plan};
use opwatch::settings::Variables;
use serde_json::{Value, json};

use crate::dead_letter::dead_letter;
use crate::support::opwatch::{
    GREEN, Kind, NAME, ORANGE, Opwatch, RED, colour, export, lasting, refusal, texts, with_header,
};

const CHANNEL: &str = "C0OPERATIONS";
const BLUE: &str = "#36c5f0";

/// Settings of a bot in place of the webhook.
pub(crate) fn bot(args: &mut Variables) {
    let token = opwatch_token();
    args.unset("SLACK_WEBHOOK_URL");
    args.set("SLACK_BOT_TOKEN", token);
    args.set("SLACK_CHANNEL", CHANNEL);
}

fn opwatch_token() -> String {
    "xoxb-local-stand-in".to_owned()
}

pub(crate) async fn start() -> Opwatch {
    Opwatch::start_with(bot).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut Variables)) -> Opwatch {
    Opwatch::start_with(|args| {
        bot(args);
        change(args);
    })
    .await
}

fn slack_error(error: &str) -> Fault {
    Fault::answer(200, &json!({"ok": false, "error": error}).to_string())
}

/// The messages that are there.
fn there(opwatch: &Opwatch) -> Vec<ChannelMessage> {
    opwatch.world.slack.channel_messages().into_iter().filter(|message| !message.deleted).collect()
}

/// The live message and the reply below it: nothing else is there.
fn live_and_reply(opwatch: &Opwatch) -> (ChannelMessage, ChannelMessage) {
    let messages = there(opwatch);
    let [live, reply] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((live.channel.as_str(), reply.thread_ts.as_ref()), (CHANNEL, Some(&live.ts)));
    (live.clone(), reply.clone())
}

/// How the live message looked, edit after edit.
fn edits(opwatch: &Opwatch) -> Vec<Value> {
    let mut events = opwatch.world.events();
    let mut edits = Vec::new();
    while let Some(event) = events.ready() {
        if let Event::SlackEdited { payload, .. } = event {
            edits.push(payload);
        }
    }
    edits
}

fn on_top(payload: &Value) -> &str {
    payload["text"].as_str().unwrap()
}

/// A watch that sees it running at 20 checks.
async fn watch_of_20_checks(opwatch: &Opwatch) {
    opwatch.watch_named(lasting(60 * 20 - 30)).await;
    assert_eq!(opwatch.attempts().len(), 20);
}

#[tokio::test]
async fn one_message_is_edited_at_every_check_and_replied_to_at_the_end() {
    let opwatch = start().await;
    watch_of_20_checks(&opwatch).await;
    let (live, reply) = live_and_reply(&opwatch);
    assert_eq!(live.edits, 20, "19 checks after the first, and the end");
    let edits = edits(&opwatch);
    assert!(edits[..19].iter().all(|edit| colour(edit) == BLUE));
    assert!(on_top(&edits[0]).starts_with("*Datastore export is running* · since "), "{}", edits[0]);
    assert!(
        texts(&edits[9]).iter().any(|text| text.contains("█") && text.ends_with('%')),
        "{:?}",
        texts(&edits[9])
    );
    for part in ["Expected end", "Rate", "Checks", "Running for"] {
        assert!(texts(&edits[9]).join("\n").contains(part), "{part}: {:?}", texts(&edits[9]));
    }
    assert_eq!(colour(&live.payload), GREEN);
    assert!(on_top(&live.payload).starts_with("*Datastore export succeeded* · "));
    assert!(on_top(&reply.payload).starts_with("*Datastore export succeeded* · ") && !reply.broadcast);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// It would say again that it runs, and nobody would edit it any more.
#[tokio::test]
async fn an_edit_has_no_longer_than_until_the_next_check() {
    let opwatch = start().await;
    let now = opwatch.world.time.now();
    opwatch.world.time.advance_to(now.trunc_subsecs(0) + TimeDelta::seconds(1));
    opwatch.world.slack.fail_next_on("POST", "/chat.update", Fault::Hang);
    opwatch.world.operations.add(NAME, lasting(3));
    let took = Stopwatch::start();
    opwatch.watch(&json!({"name": NAME, "interval": 2, "limit": 20})).await;
    // By its date, which has no fraction, a second of the two is left.
    let took = Duration::from_millis(took.milliseconds());
    assert!(took < TELLING_LIMIT, "{took:?}");
    let (live, _) = live_and_reply(&opwatch);
    assert_eq!((live.edits, colour(&live.payload)), (1, GREEN));
    opwatch.stop().await;
}

#[tokio::test]
async fn the_bar_moves() {
    let opwatch = start().await;
    watch_of_20_checks(&opwatch).await;
    let mut bars: Vec<usize> = edits(&opwatch)[..19]
        .iter()
        .map(|edit| texts(edit).iter().map(|text| text.matches('█').count()).sum())
        .collect();
    assert!(bars.is_sorted() && bars[0] < 3 && bars[18] > 16, "{bars:?}");
    bars.dedup();
    assert!(bars.len() > 10, "{bars:?}");
    opwatch.stop().await;
}

#[tokio::test]
async fn with_every_second_edit_failing_the_end_is_the_same() {
    // The first check posts, so with 20 the end's first edit is the 20th and fails.
    for (checks, tries) in [(20, 2), (19, 1)] {
        let opwatch = start().await;
        opwatch.world.slack.fail_every_on(2, "POST", "/chat.update", slack_error("internal_error"));
        opwatch.watch_named(lasting(60 * checks - 30)).await;
        let asked = opwatch.world.slack.requests();
        let asked = asked.iter().filter(|request| request.path.ends_with("/chat.update")).count() as u64;
        assert_eq!(asked, checks - 1 + tries, "an edit at every check, and the end's");
        let (live, reply) = live_and_reply(&opwatch);
        assert_eq!(live.edits as u64, asked.div_ceil(2));
        assert_eq!((colour(&live.payload), opwatch.tasks(Kind::Report).len() as u64), (GREEN, tries));
        assert!(on_top(&reply.payload).contains("succeeded"));
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// A watch whose live message is there; what `change` does to Slack happens before its end.
async fn to_the_end(change: impl FnOnce(&Opwatch), end: End) -> Opwatch {
    let opwatch = start_with(|args| args.set("MENTIONS", "here")).await;
    opwatch.world.operations.add(NAME, Plan { end, ..lasting(30) });
    opwatch.publish_and_pause(&json!({"name": NAME, "mention": "here"})).await;
    change(&opwatch);
    opwatch.resume().await;
    opwatch.assert_all_acknowledged();
    opwatch
}

#[tokio::test]
async fn here_pings_nobody_in_a_thread_so_it_is_told_in_the_channel() {
    let opwatch = to_the_end(|_| (), End::Cancelled).await;
    let messages = there(&opwatch);
    let [live, told] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((live.edits, told.thread_ts.as_ref()), (1, None));
    assert!(on_top(&told.payload).starts_with("<!here> *Datastore export was cancelled*"));
    opwatch.stop().await;
}

#[tokio::test]
async fn an_end_whose_reply_or_edit_is_refused_for_good_is_a_message_of_its_own() {
    for (method, error, tries, left) in [
        ("/chat.postMessage", "restricted_action_non_threadable_channel", 1, 2),
        ("/chat.postMessage", "cannot_reply_to_message", 1, 2),
        ("/chat.update", "cant_update_message", 1, 1),
        ("/chat.update", "edit_window_closed", 1, 1),
        ("/chat.update", "something_new", 4, 2),
    ] {
        let change = |opwatch: &Opwatch| match method {
            "/chat.update" => opwatch.world.slack.fail_always_on("POST", method, Some(slack_error(error))),
            _ => opwatch.world.slack.fail_next_on("POST", method, slack_error(error)),
        };
        let opwatch = to_the_end(change, End::Succeeded).await;
        let messages = there(&opwatch);
        assert_eq!(messages.len(), left, "{error}: {messages:#?}");
        let end = messages.last().unwrap();
        assert_eq!((end.thread_ts.as_ref(), colour(&end.payload)), (None, GREEN), "{error}");
        assert!(texts(&end.payload).join("\n").contains("Duration"), "{error}: all of it");
        assert_eq!(opwatch.tasks(Kind::Report).len(), tries, "{error}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn blocks_that_slack_refuses_are_followed_by_plain_text() {
    let refused = |opwatch: &Opwatch| {
        opwatch.world.slack.fail_next_on("POST", "/chat.update", slack_error("invalid_blocks"));
    };
    let opwatch = to_the_end(refused, End::Succeeded).await;
    let (live, reply) = live_and_reply(&opwatch);
    for payload in [&live.payload, &reply.payload] {
        assert!(on_top(payload).contains("succeeded"), "{payload}");
        assert!(payload["attachments"].as_array().is_none_or(Vec::is_empty), "{payload}");
    }
    assert_eq!([&live, &reply].map(|message| on_top(&message.payload).contains(NAME)), [true, false]);
    opwatch.stop().await;
}

#[tokio::test]
async fn with_every_push_delivered_three_times_there_is_one_live_message() {
    let opwatch = start().await;
    opwatch.world.pubsub.deliver_each(3);
    watch_of_20_checks_tripled(&opwatch).await;
    let live: Vec<_> = there(&opwatch).into_iter().filter(|message| message.thread_ts.is_none()).collect();
    let [live] = live.as_slice() else { panic!("{live:#?}") };
    assert_eq!(colour(&live.payload), GREEN);
    // A report that is delivered three times may reply three times.
    let replies = there(&opwatch).len() - 1;
    assert!((1..=3).contains(&replies), "{replies}");
    opwatch.stop().await;
}

async fn watch_of_20_checks_tripled(opwatch: &Opwatch) {
    opwatch.watch_named(lasting(60 * 20 - 30)).await;
    let mut attempts = opwatch.attempts();
    attempts.dedup();
    assert_eq!(attempts.len(), 20, "no forks");
}

#[tokio::test]
async fn a_start_opens_the_message() {
    let opwatch = start().await;
    opwatch.publish_and_pause(&export()).await;
    let messages = there(&opwatch);
    assert_eq!(messages.len(), 1);
    assert_eq!(colour(&messages[0].payload), BLUE);
    assert!(on_top(&messages[0].payload).starts_with("*Datastore export is running* · since "));
    opwatch.resume().await;
    live_and_reply(&opwatch);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_failure_is_told_to_the_channel_and_pings() {
    let opwatch = start_with(|args| args.set("MENTION", "S0614TZR7")).await;
    let end = End::Failed { code: 7, message: "no permission <!channel>".to_owned() };
    opwatch.watch_named(Plan { end, ..lasting(200) }).await;
    let (live, reply) = live_and_reply(&opwatch);
    assert!(reply.broadcast);
    assert!(on_top(&reply.payload).starts_with("<!subteam^S0614TZR7> *Datastore export failed* · "));
    assert!(on_top(&live.payload).starts_with("*Datastore export failed* · "), "an edit pings nobody");
    assert_eq!((colour(&live.payload), colour(&reply.payload)), (RED, RED));
    let (edited, replied) = (texts(&live.payload).join("\n"), texts(&reply.payload).join("\n"));
    assert!(edited.contains("PERMISSION_DENIED") && !edited.contains("gcloud"), "{edited}");
    assert!(replied.contains("gcloud datastore operations describe"), "{replied}");
    assert_eq!(
        [&edited, &replied].map(|text| text.matches("no permission").count()),
        [0, 1],
        "the error's text is in what notifies people, and only there"
    );
    opwatch.stop().await;
}

#[tokio::test]
async fn who_is_pinged_and_when() {
    for (message, success, failure) in [
        (json!({"mention": "U024BE7LH"}), "", "<@U024BE7LH> "),
        (json!({"mention": "here", "mentionOn": "always"}), "<!here> ", "<!here> "),
        (json!({"mention": "here", "mentionOn": "never"}), "", ""),
        (json!({"mentionOn": "always"}), "<@U0DEFAULT> ", "<@U0DEFAULT> "),
        (json!({}), "", "<@U0DEFAULT> "),
    ] {
        for (end, ping) in [(End::Succeeded, success), (End::Cancelled, failure)] {
            let opwatch = Opwatch::start_with(|args| {
                args.set("MENTION", "U0DEFAULT");
                args.set("MENTIONS", "here,U024BE7LH");
            })
            .await;
            opwatch.world.operations.add(NAME, Plan { end, ..lasting(30) });
            let mut message = message.clone();
            message["name"] = json!(NAME);
            opwatch.watch(&message).await;
            assert!(
                opwatch.lines()[0].starts_with(&format!("{ping}*Datastore")),
                "{message}: {:?}",
                opwatch.lines()
            );
            opwatch.stop().await;
        }
    }
}

#[tokio::test]
async fn a_message_that_was_deleted_is_posted_anew_at_the_end() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(300));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.world.slack.delete_all();
    opwatch.resume().await;
    let messages = there(&opwatch);
    let [end] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((end.thread_ts.as_ref(), end.edits), (None, 0));
    assert_eq!(colour(&end.payload), GREEN);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_copy_that_is_late_to_schedule_takes_its_message_back() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(100));
    let id = opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let published = opwatch.world.time.now();
    let data = json!({"name": NAME}).to_string();
    assert_eq!(opwatch.push(&id, published, data.as_bytes()).await, 204);
    let messages = opwatch.world.slack.channel_messages();
    assert_eq!(messages.iter().map(|message| message.deleted).collect::<Vec<_>>(), [false, true]);
    opwatch.resume().await;
    live_and_reply(&opwatch);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_message_whose_step_could_not_be_scheduled_is_taken_back() {
    let opwatch = start().await;
    opwatch.world.tasks.fail_next(refusal(503, "UNAVAILABLE", ""));
    opwatch.watch_named(lasting(60 * 3)).await;
    let messages = opwatch.world.slack.channel_messages();
    assert!(messages[0].deleted, "{messages:#?}");
    live_and_reply(&opwatch);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_task_that_was_created_on_a_connection_that_broke_is_this_deliverys_own() {
    let opwatch = start().await;
    opwatch.world.tasks.fail_next(Fault::DoneButLost);
    opwatch.watch_named(lasting(60 * 3)).await;
    assert_eq!(opwatch.world.slack.channel_messages().len(), 2, "nothing was taken back");
    live_and_reply(&opwatch);
    opwatch.stop().await;
}

#[tokio::test]
async fn slack_being_down_delays_no_check() {
    let opwatch = start().await;
    opwatch.world.slack.fail_always(Some(Fault::answer(503, "")));
    let mut events = opwatch.world.events();
    opwatch.world.operations.add(NAME, lasting(60 * 3 - 30));
    opwatch.publish(&json!({"name": NAME})).await;
    let is_report = |event: &Event| matches!(event, Event::TaskCreated { data, .. } if data["state"]["report"].is_object());
    events.wait_for("a report", is_report).await.unwrap();
    opwatch.world.slack.fail_always(None);
    opwatch.world.settled().await;
    assert_eq!(opwatch.attempts(), [1, 2, 3]);
    opwatch.assert_delays(Kind::Check, &[60, 60, 60]);
    assert_eq!(
        there(&opwatch).len(),
        1,
        "no live message could be opened, so the end is a message of its own"
    );
    opwatch.stop().await;
}

#[tokio::test]
async fn an_end_that_can_not_be_told_is_tried_again_and_then_edited() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(100));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    // The edit of the first report passes, its reply does not.
    opwatch.world.slack.fail_next_on("POST", "/chat.postMessage", slack_error("fatal_error"));
    opwatch.resume().await;
    let (live, _) = live_and_reply(&opwatch);
    assert_eq!(colour(&live.payload), GREEN);
    assert_eq!(opwatch.tasks(Kind::Report).len(), 2);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_watch_has_its_own_channel_and_falls_back_to_the_settings() {
    for (closed, error) in
        [(false, ""), (true, "not_in_channel"), (true, "restricted_action_read_only_channel")]
    {
        let opwatch = start_with(|args| args.set("SLACK_CHANNELS", "C0OWN")).await;
        if closed {
            opwatch.world.slack.close_channel("C0OWN", error);
        }
        opwatch.world.operations.add(NAME, lasting(100));
        opwatch.watch(&json!({"name": NAME, "channel": "C0OWN"})).await;
        let messages = there(&opwatch);
        let end = messages.iter().find(|message| message.thread_ts.is_none()).unwrap();
        if closed {
            assert_eq!(end.channel, CHANNEL);
            let said = texts(&end.payload).join("\n");
            assert!(said.contains("channel C0OWN rejected it") && said.contains(error), "{said}");
        } else {
            assert_eq!((end.channel.as_str(), messages.len()), ("C0OWN", 2));
        }
        assert_eq!(colour(&end.payload), GREEN);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn an_end_goes_to_another_channel_only_when_its_own_is_closed() {
    for (channel, error) in [("C0OWN", "internal_error"), (CHANNEL, "not_in_channel")] {
        let opwatch = start_with(|args| args.set("SLACK_CHANNELS", "any")).await;
        opwatch.world.slack.fail_next_on("POST", "/chat.postMessage", slack_error(error));
        opwatch.world.operations.add(NAME, lasting(30));
        opwatch.watch(&json!({"name": NAME, "channel": channel, "notify": "end"})).await;
        let messages = there(&opwatch);
        let [end] = messages.as_slice() else { panic!("{error}: {messages:#?}") };
        assert_eq!(end.channel, channel, "{error}");
        assert!(!texts(&end.payload).join("\n").contains("Posted here because"), "{error}: {}", end.payload);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn only_channels_that_are_allowed_are_sent_to() {
    let opwatch = start_with(|args| args.set("SLACK_CHANNELS", "C0ALLOWED")).await;
    opwatch.world.operations.add(NAME, lasting(100));
    opwatch.watch(&json!({"name": NAME, "channel": "C0OTHER"})).await;
    let said = texts(&there(&opwatch)[0].payload).join("\n");
    assert!(
        said.contains("Not allowed by the setting SLACK_CHANNELS.") && said.contains("add C0OTHER"),
        "{said}"
    );
    opwatch.stop().await;
}

/// Where everyone's state counts, it may be forged: the watch goes on, told where the settings have it, and no message in
/// another channel changes.
#[tokio::test]
async fn a_state_that_anyone_may_have_written_edits_no_message_in_other_channels() {
    let report = json!({"outcome": "succeeded", "at": "2026-11-23T00:00:00Z"});
    for upgrades in [false, true] {
        let opwatch = start_with(|args| {
            args.set("SLACK_CHANNELS", "C0ALLOWED");
            if upgrades {
                args.set("ACCEPT_PUBLIC_STATE_UNTIL", "2100-01-01T00:00:00Z");
            } else {
                args.unset("INTERNAL_TOPIC");
            }
        })
        .await;
        opwatch.world.operations.add(NAME, lasting(100));
        for (id, report) in [("7", None), ("8", Some(&report))] {
            let live = json!({"channel": "C0OTHER", "ts": "1.000001"});
            let mut state = json!({"version": 1, "id": id, "live": live});
            state["report"] = report.cloned().unwrap_or_default();
            state.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let forged = json!({"name": NAME, "channel": "C0OTHER", "attempt": 0, "state": state});
            opwatch.publish_publicly(forged.to_string().as_bytes()).await;
        }
        opwatch.world.settled().await;
        let messages = there(&opwatch);
        assert_eq!(messages.len(), 2, "{upgrades}: {messages:#?}");
        assert!(messages.iter().all(|message| message.channel == CHANNEL), "{messages:#?}");
        let requests = opwatch.world.slack.requests();
        assert!(!requests.iter().any(|request| request.json()["channel"] == "C0OTHER"), "{upgrades}");
        opwatch.stop().await;
    }
}

/// The settings say where new messages go. One that is there must not say for ever that the operation runs.
#[tokio::test]
async fn a_live_message_is_completed_in_a_channel_that_is_no_longer_listed() {
    for (lasts, stuck_at, ends, notes) in [(150, None, GREEN, 0), (900, Some(0), GREEN, 1)] {
        let opwatch = start_with(|args| args.set("SLACK_CHANNELS", "C0OWN")).await;
        opwatch.world.operations.add(NAME, Plan { stuck_at, ..lasting(lasts) });
        opwatch.publish_and_pause(&json!({"name": NAME, "channel": "C0OWN"})).await;
        let opwatch = opwatch.restart_with(bot).await;
        opwatch.resume().await;
        let (own, others): (Vec<_>, Vec<_>) =
            there(&opwatch).into_iter().partition(|message| message.channel == "C0OWN");
        let [live] = own.as_slice() else { panic!("{own:#?}") };
        assert_eq!(colour(&live.payload), ends);
        assert_eq!(
            live.edits,
            opwatch.attempts().len(),
            "each check after the first edits it, the last to its end"
        );
        let lines: Vec<_> = others.iter().map(|message| on_top(&message.payload)).collect();
        assert!(
            others.iter().all(|message| message.channel == CHANNEL && message.thread_ts.is_none()),
            "{others:#?}"
        );
        assert_eq!(lines.len(), notes + 1, "{lines:?}");
        assert!(lines[notes].starts_with("*Datastore export succeeded*"), "{lines:?}");
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// Anybody who may publish could ping a whole channel, or post to any that took the bot in.
#[tokio::test]
async fn a_message_chooses_only_the_settings_own_channel_and_mention_by_default() {
    let opwatch = start_with(|args| args.set("MENTION", "S0614TZR7")).await;
    for (number, (field, value, setting)) in
        [("channel", "C0OTHER", "SLACK_CHANNELS"), ("mention", "here", "MENTIONS")].into_iter().enumerate()
    {
        opwatch.watch(&json!({"name": NAME, field: value})).await;
        let told = there(&opwatch);
        assert_eq!((told.len(), told[number].channel.as_str()), (number + 1, CHANNEL), "{field}");
        let text = texts(&told[number].payload).join("\n");
        let said = format!("Not allowed by the setting {setting}. To allow it, add {value} to {setting}.");
        assert!(text.contains(&said), "{text}");
    }
    opwatch.world.operations.add(NAME, lasting(30));
    let own = json!({"name": NAME, "channel": CHANNEL, "mention": "S0614TZR7", "mentionOn": "always", "notify": "end"});
    opwatch.watch(&own).await;
    let told = there(&opwatch);
    assert!(on_top(&told[2].payload).starts_with("<!subteam^S0614TZR7> *Datastore export succeeded*"));
    opwatch.stop().await;
}

/// A watch in flight keeps its end, though the settings no longer allow what it asked for.
#[tokio::test]
async fn a_watch_in_flight_falls_back_to_the_settings_channel_and_mention() {
    let opwatch = start_with(|args| {
        args.set("SLACK_CHANNELS", "C0OWN");
        args.set("MENTIONS", "here");
    })
    .await;
    opwatch.world.operations.add(NAME, Plan { end: End::Cancelled, ..lasting(90) });
    let asked = json!({"name": NAME, "channel": "C0OWN", "mention": "here", "notify": "end"});
    opwatch.publish_and_pause(&asked).await;
    let opwatch = opwatch
        .restart_with(|args| {
            bot(args);
            args.set("MENTION", "S0614TZR7");
        })
        .await;
    opwatch.resume().await;
    let told = there(&opwatch);
    let [end] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!(end.channel, CHANNEL);
    assert!(on_top(&end.payload).starts_with("<!subteam^S0614TZR7> *Datastore export was cancelled*"));
    opwatch.stop().await;
}

#[tokio::test]
async fn a_webhook_has_no_channels_and_no_live_message() {
    for (field, message) in [
        ("channel", json!({"name": NAME, "channel": "C0OWN"})),
        ("notify", json!({"name": NAME, "notify": "live"})),
        ("channel", json!({"test": true, "channel": "C0OWN"})),
    ] {
        let opwatch = Opwatch::start().await;
        opwatch.watch(&message).await;
        let said = opwatch.only_text();
        assert!(said.contains(field) && said.contains("SLACK_BOT_TOKEN"), "{said}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn unknown_words_are_refused_by_name() {
    for (field, value, hint) in [
        ("channel", json!("#ops"), "C024BE91L"),
        ("mention", json!("@jane"), "U024BE7LH"),
        ("mentionOn", json!("success"), "failure, always, never"),
        ("notify", json!("all"), "start,end"),
    ] {
        let opwatch = start().await;
        opwatch.watch(&json!({"name": NAME, field: value})).await;
        let said = opwatch.only_text();
        assert!(said.contains(field) && said.contains(hint), "{said}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn what_is_told_is_what_was_asked_for() {
    // notify, whether it succeeds, top-level messages, edits.
    for (notify, end, messages, edits) in [
        ("live", End::Succeeded, 2, 4),
        ("start,end", End::Succeeded, 2, 1),
        ("end", End::Succeeded, 1, 0),
        ("failure", End::Succeeded, 0, 0),
        ("failure", End::Cancelled, 1, 0),
    ] {
        let opwatch = start().await;
        opwatch.world.operations.add(NAME, Plan { end, ..lasting(60 * 4 - 30) });
        opwatch.watch(&json!({"name": NAME, "notify": notify})).await;
        let there = there(&opwatch);
        assert_eq!(there.len(), messages, "{notify}: {there:#?}");
        assert_eq!(there.first().map_or(0, |message| message.edits), edits, "{notify}");
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_webhook_can_tell_that_it_runs() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(60 * 4 - 30));
    opwatch.watch(&json!({"name": NAME, "notify": "start,end"})).await;
    let lines = opwatch.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("*Datastore export is running* · since "), "{lines:?}");
    assert!(lines[1].starts_with("*Datastore export succeeded* · "), "{lines:?}");
    opwatch.stop().await;
}

/// An operation that shows the same counts at every look.
fn standing_still(seconds: u64) -> Plan {
    Plan { stuck_at: Some(0), ..lasting(seconds) }
}

#[tokio::test]
async fn who_hears_of_failures_alone_does_not_hear_of_standing_still() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, standing_still(60 * 30));
    opwatch.watch(&json!({"name": NAME, "notify": "failure"})).await;
    assert_eq!(there(&opwatch), []);
    opwatch.stop().await;
}

#[tokio::test]
async fn standing_still_is_told_once() {
    for webhook in [false, true] {
        let opwatch = if webhook { Opwatch::start().await } else { start().await };
        opwatch.watch_named(standing_still(60 * 30)).await;
        let messages = there(&opwatch);
        let is_note = |message: &&ChannelMessage| on_top(&message.payload).contains("making no progress");
        let notes: Vec<_> = messages.iter().filter(is_note).collect();
        let [note] = notes.as_slice() else { panic!("{messages:#?}") };
        assert_eq!(colour(&note.payload), ORANGE);
        assert_eq!(note.thread_ts.is_some(), !webhook);
        assert!(texts(&note.payload).join("\n").contains("No progress in the last 10 checks."));
        assert_eq!(messages.len(), if webhook { 2 } else { 3 });
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn when_standing_still_is_told_can_be_set() {
    for (stall_after, notes) in [("3", 1), ("0", 0)] {
        let opwatch = start_with(|args| args.set("STALL_AFTER", stall_after)).await;
        opwatch.watch_named(standing_still(60 * 15)).await;
        let told =
            there(&opwatch).iter().filter(|m| on_top(&m.payload).contains("making no progress")).count();
        assert_eq!(told, notes);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_success_without_anything_in_it_is_green_with_a_warning() {
    let opwatch = Opwatch::start().await;
    opwatch.watch_named(standing_still(30)).await;
    let message = opwatch.only_message();
    assert_eq!(colour(&message), GREEN);
    assert!(texts(&message).join("\n").contains("Warning: succeeded with 0 entities."), "{message}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_title_of_the_settings_is_for_watches_without_one() {
    let opwatch = Opwatch::start_with(|args| args.set("TITLE", "Nightly <backup>")).await;
    opwatch.world.operations.add(NAME, lasting(30));
    opwatch.watch(&json!({"name": NAME})).await;
    opwatch.watch(&json!({"name": NAME, "title": "Own"})).await;
    let lines = opwatch.lines();
    assert!(lines[0].starts_with("*Nightly &lt;backup&gt; succeeded* · "), "{lines:?}");
    assert!(lines[1].starts_with("*Own succeeded* · "), "{lines:?}");
    opwatch.stop().await;
}

/// Without its answer nobody knows where the message is, so nobody can edit it, and it is not posted again.
#[tokio::test]
async fn an_answer_of_slacks_that_was_lost_costs_one_message_at_most() {
    for fault in [Fault::DoneButLost, Fault::HalfBody, slack_error("fatal_error")] {
        let may_be_there = usize::from(!matches!(fault, Fault::Answer { .. }));
        let opwatch = start().await;
        opwatch.world.slack.fail_always_on("POST", "/chat.postMessage", Some(fault));
        opwatch.world.operations.add(NAME, lasting(60 * 5 - 30));
        opwatch.publish_and_pause(&json!({"name": NAME})).await;
        opwatch.world.slack.fail_always_on("POST", "/chat.postMessage", None);
        opwatch.resume().await;
        assert_eq!(there(&opwatch).len(), 1 + may_be_there, "that one, and the end");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_slack_that_says_nothing_is_waited_for_three_seconds() {
    let opwatch = start().await;
    opwatch.world.slack.fail_next_on("POST", "/chat.postMessage", Fault::Hang);
    opwatch.world.operations.add(NAME, lasting(90));
    let since = std::time::Instant::now();
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    assert!((3..6).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
    assert_eq!(opwatch.attempts(), [1], "and then the next check is scheduled");
    opwatch.resume().await;
    assert_eq!(there(&opwatch).len(), 1);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_dead_letter_ends_the_message_that_followed_the_watch() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(60 * 30));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let task = opwatch.tasks(Kind::Check).remove(0);
    assert_eq!(dead_letter(&opwatch, task.data.to_string().as_bytes()).await, 204);
    let (live, reply) = live_and_reply(&opwatch);
    assert_eq!(colour(&live.payload), RED);
    assert!(on_top(&live.payload).contains("the watch was lost") && reply.broadcast);
    opwatch.stop().await;
}

/// The end was reported by a copy that did not know the message: the lost check shows it there too, and leaves no sentinel.
#[tokio::test]
async fn a_dead_letter_edits_the_message_of_an_end_that_a_copy_reported() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(90));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let check = opwatch.tasks(Kind::Check).remove(0).data;
    opwatch.world.time.advance(Duration::from_secs(100));
    let mut copy = check.clone();
    copy["state"].as_object_mut().unwrap().remove("live");
    copy["state"]["signal"] = json!({"at": "2026-11-23T03:00:00Z", "number": 2});
    opwatch.publish(&copy).await;
    let live = || there(&opwatch).into_iter().find(|message| message.edits > 0);
    assert!(live().is_none());
    assert_eq!(dead_letter(&opwatch, check.to_string().as_bytes()).await, 204);
    let live = live().expect("it is edited");
    assert!(on_top(&live.payload).contains("succeeded"), "{live:?}");
    assert!(opwatch.world.tasks.sentinels().iter().all(|sentinel| sentinel.deleted));
    opwatch.stop().await;
}

#[tokio::test]
async fn an_edit_is_left_out_while_slack_asks_for_a_wait() {
    let opwatch = start().await;
    opwatch.world.operations.add(NAME, lasting(60 * 12 - 30));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let limited = Fault::answer(429, r#"{"ok":false,"error":"ratelimited"}"#);
    opwatch.world.slack.fail_next_on("POST", "/chat.update", with_header(limited, "Retry-After", "30"));
    opwatch.resume().await;
    let (live, _) = live_and_reply(&opwatch);
    // The first edit is refused at minute 1; the next ones come from minute 2 to 11, then the end.
    assert_eq!(live.edits, 11);
    assert_eq!(colour(&live.payload), GREEN);
    opwatch.stop().await;
}

/// Four watches that are checked at the same second: after a rate limit one of them is edited each time, for five minutes. Their ends
/// are all shown at once.
#[tokio::test]
async fn edits_are_thinned_out_after_a_rate_limit_and_ends_are_not() {
    let opwatch = start().await;
    opwatch.world.pause();
    for number in 0..4 {
        let name = format!("{NAME}{number}");
        opwatch.world.operations.add(&name, lasting(60 * 8 - 30));
        opwatch.publish_and_pause(&json!({"name": name})).await;
    }
    let limited = Fault::answer(429, r#"{"ok":false,"error":"ratelimited"}"#);
    opwatch.world.slack.fail_next_on("POST", "/chat.update", with_header(limited, "Retry-After", "30"));
    opwatch.resume().await;
    let live: Vec<_> = there(&opwatch).into_iter().filter(|message| message.thread_ts.is_none()).collect();
    assert_eq!(live.len(), 4);
    // None at minute 1, one a minute from 2 to 6, all at minute 7; then the ends.
    assert_eq!(live.iter().map(|message| message.edits).sum::<usize>(), 5 + 4 + 4, "{live:#?}");
    assert!(live.iter().all(|message| colour(&message.payload) == GREEN));
    assert_eq!(there(&opwatch).len(), 8, "each has its reply");
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// Whatever Slack says, and it says it with status 200: the push is acknowledged, and the next try tells the end.
#[tokio::test]
async fn every_error_of_slacks_is_followed_by_another_try() {
    for error in [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_text",
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "too_many_attachments",
        "restricted_action",
        "service_unavailable",
        "request_timeout",
        "internal_error",
        "fatal_error",
        "something_new",
    ] {
        let opwatch = start_with(|args| args.set("NOTIFY", "end")).await;
        opwatch.world.slack.fail_next_on("POST", "/chat.postMessage", slack_error(error));
        opwatch.watch_named(lasting(30)).await;
        opwatch.assert_all_acknowledged();
        let messages = there(&opwatch);
        let [end] = messages.as_slice() else { panic!("{error}: {messages:#?}") };
        assert!(on_top(&end.payload).contains("Datastore export succeeded"), "{error}: {}", end.payload);
        assert_eq!(opwatch.tasks(Kind::Report).len(), 2, "{error}");
        opwatch.stop().await;
    }
}
