//! Digests: when more ends come for a channel than people can read, they wait in a buffer and are told together, each once.

mod emulator;

use std::fs;
use std::path::Path;
use std::time::Duration;

use opwatch::fakes::{ChannelMessage, End, Fault, Message, Plan, PullSubscription, Reader, Task, page};
use opwatch::message::{Defaults, Received, read};
use opwatch::outlets::{ADDRESSING, Part, chat, slack};
use opwatch::prose::{Context, Digest, digest};
use opwatch::settings::Variables;
use opwatch::trust::Origin;
use opwatch::watch::{self, Locale, Mention, Report, Routing};
use serde_json::{Value, json};

use crate::dead_letter::dead_letter;
use crate::ledger::ledger_at;
use crate::live::bot;
use crate::support::emulators::emulators;
use crate::support::opwatch::{Kind, Opwatch, REPORT_QUEUE, lasting, refusal, texts, with_header};

pub(crate) const DIGESTS: &str = "projects/demo/topics/opwatch-digest";
pub(crate) const SUBSCRIPTION: &str = "projects/demo/subscriptions/opwatch-digest";
/// Set to `1`, writes the golden messages anew.
const UPDATE: &str = "OPWATCH_UPDATE";
const POST: &str = "chat.postMessage";

pub(crate) fn with_digests(args: &mut Variables) {
    args.set("DIGEST_TOPIC", DIGESTS);
    args.set("DIGEST_SUBSCRIPTION", SUBSCRIPTION);
}

/// The pull subscription as `deploy/up` makes it.
pub(crate) fn subscription() -> PullSubscription {
    PullSubscription {
        name: SUBSCRIPTION.to_owned(),
        topic: DIGESTS.to_owned(),
        ack_deadline: Duration::from_secs(60),
        retention: Duration::from_secs(31 * 86_400),
    }
}

async fn start_with(change: impl FnOnce(&mut Variables)) -> Opwatch {
    let opwatch = Opwatch::start_with(|args| {
        with_digests(args);
        change(args);
    })
    .await;
    opwatch.world.pubsub.create_topic(DIGESTS);
    opwatch.world.pubsub.create_pull_subscription(subscription());
    opwatch
}

fn above(most: u32) -> impl FnOnce(&mut Variables) {
    move |args| args.set("DIGEST_ABOVE", most.to_string())
}

fn name(number: usize) -> String {
    format!("projects/demo/operations/flood{number:04}")
}

fn failing() -> Plan {
    Plan { end: End::Failed { code: 9, message: "No space <left>.".to_owned() }, ..lasting(0) }
}

/// Kickoffs of operations that have all ended, while dispatches are held back.
async fn begin(
    opwatch: &Opwatch,
    numbers: std::ops::Range<usize>,
    plan: impl Fn(usize) -> Plan,
    more: Value,
) {
    for number in numbers {
        opwatch.world.operations.add(&name(number), plan(number));
        let mut message = json!({"name": name(number), "title": format!("Backup {number}")});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        opwatch.publish_and_pause(&message).await;
    }
}

/// So many of them end at the same time.
async fn flood(opwatch: &Opwatch, count: usize, plan: impl Fn(usize) -> Plan, more: Value) {
    begin(opwatch, 0..count, plan, more).await;
    opwatch.resume().await;
}

/// How many ends a line of Slack's tells.
fn ends_in(line: &str) -> usize {
    let words: Vec<_> = line.split(' ').collect();
    let index = words.windows(2).position(|pair| pair == ["watches", "ended*"]);
    index.map_or(1, |index| {
        let count = words[index - 1].trim_start_matches(|c: char| !c.is_ascii_digit());
        count.replace(',', "").parse().unwrap()
    })
}

/// How many ends each message in Slack tells.
fn told(opwatch: &Opwatch) -> Vec<usize> {
    opwatch.lines().iter().map(|line| ends_in(line)).collect()
}

/// The messages in the buffer, acknowledged or not.
fn buffered(opwatch: &Opwatch) -> Vec<Message> {
    let mut messages = opwatch.world.pubsub.messages();
    messages.retain(|message| message.topic == DIGESTS);
    messages
}

fn drains(opwatch: &Opwatch) -> Vec<Task> {
    let mut tasks = opwatch.world.tasks.created();
    tasks.retain(|task| task.data["state"]["report"]["slot"]["of"] == "digest");
    tasks
}

fn assert_empty(opwatch: &Opwatch) {
    let left = opwatch.world.pubsub.unacknowledged(SUBSCRIPTION);
    assert!(left.is_empty(), "{} are left in the buffer", left.len());
}

fn requests(opwatch: &Opwatch, path_part: &str) -> usize {
    opwatch.world.pubsub.requests().iter().filter(|request| request.path.contains(path_part)).count()
}

#[tokio::test]
async fn a_flood_becomes_few_messages_and_each_end_is_in_one() {
    let opwatch = start_with(|_| ()).await;
    let fails = |number| if (5..25).contains(&number) { failing() } else { lasting(0) };
    flood(&opwatch, 60, fails, json!({})).await;
    assert_eq!(told(&opwatch), [[1; 10].as_slice(), &[50]].concat());
    let payloads = opwatch.slack();
    let text = texts(&payloads[10]);
    assert!(text[0].starts_with("*50 watches ended* · 15 failed · 35 succeeded · "), "{}", text[0]);
    let shown = text.iter().filter(|text| text.starts_with("*Failed* · <https://console.cloud.google.com/"));
    assert_eq!(shown.count(), 10, "{text:#?}");
    let first = "Backup 10 (flood0010): 9 FAILED_PRECONDITION No space &lt;left&gt;.";
    assert!(text.iter().any(|text| text.ends_with(first)), "{text:#?}");
    // The names of the others.
    let named = |heading: &str| {
        text.iter().find(|text| text.starts_with(heading)).unwrap().matches("Backup ").count()
    };
    assert_eq!((named("Failed: "), named("Succeeded: ")), (5, 35), "{text:#?}");
    assert!(!text.iter().any(|text| text.contains("more")));
    assert_empty(&opwatch);
    assert_eq!(
        (requests(&opwatch, "opwatch-digest:publish"), buffered(&opwatch).len()),
        (50, 50),
        "a call for each"
    );
    // One for the window, one for the next, and a tail of five.
    let drains = drains(&opwatch);
    assert_eq!(drains.len(), 7, "{drains:#?}");
    assert!(drains.iter().all(|task| task.queue == REPORT_QUEUE));
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_digest_of_very_many_shows_some_and_links_to_the_log() {
    let opwatch = start_with(above(1)).await;
    opwatch.world.pubsub.pull_at_most(SUBSCRIPTION, 30);
    flood(&opwatch, 131, |_| lasting(0), json!({})).await;
    assert_eq!(told(&opwatch), [1, 130], "{:?}", opwatch.lines());
    let text = texts(&opwatch.slack()[1]);
    assert!(text.iter().any(|text| text == "and 90 more"), "{text:#?}");
    assert!(text.iter().any(|text| text.contains("jsonPayload.decision%3D%22digested%22")), "{text:#?}");
    assert!(requests(&opwatch, ":pull") >= 5, "a pull brings 30");
    assert_empty(&opwatch);
    opwatch.stop().await;
}

/// What comes in a minute counts, whenever it ended.
#[tokio::test]
async fn ends_that_come_one_by_one_are_told_one_by_one() {
    let opwatch = start_with(|_| ()).await;
    for number in 0..14 {
        flood(&opwatch, 1, |_| lasting(0), json!({})).await;
        opwatch.world.time.advance(Duration::from_secs(6));
        assert_eq!(opwatch.slack().len(), number + 1);
    }
    assert!(buffered(&opwatch).is_empty() && drains(&opwatch).is_empty());
    opwatch.stop().await;
}

#[tokio::test]
async fn nothing_but_ends_waits_for_a_digest() {
    let opwatch = start_with(above(1)).await;
    for _ in 0..3 {
        opwatch.publish_and_pause(&json!({"test": true})).await;
        opwatch.publish_and_pause(&json!({"nmae": "x"})).await;
    }
    opwatch.resume().await;
    assert_eq!(opwatch.slack().len(), 4, "three tests, and one notice: {:?}", opwatch.lines());
    assert!(buffered(&opwatch).is_empty());
    opwatch.stop().await;
}

#[tokio::test]
async fn without_digests_and_with_digest_above_0_each_end_is_a_message() {
    for change in
        [(|args| args.unset("DIGEST_TOPIC")) as fn(&mut Variables), |args| args.set("DIGEST_ABOVE", "0")]
    {
        let opwatch = start_with(|args| {
            change(args);
            if args.get("DIGEST_TOPIC").is_none() {
                args.unset("DIGEST_SUBSCRIPTION");
            }
        })
        .await;
        flood(&opwatch, 15, |_| lasting(0), json!({})).await;
        assert_eq!(told(&opwatch), [1; 15]);
        assert!(buffered(&opwatch).is_empty() && drains(&opwatch).is_empty());
        opwatch.stop().await;
    }
}

/// What is in the buffer when digests are turned off is still told.
#[tokio::test]
async fn turning_digests_off_leaves_nothing_in_the_buffer() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..5, |_| lasting(0), json!({})).await;
    deliver_reports(&opwatch).await;
    assert_eq!((told(&opwatch), buffered(&opwatch).len()), (vec![1], 4));
    let opwatch = opwatch
        .restart_with(|args| {
            with_digests(args);
            args.set("DIGEST_ABOVE", "0");
        })
        .await;
    // The tasks of the reports, which are delivered once more, and then the drain.
    opwatch.resume().await;
    assert_eq!(told(&opwatch), [1, 1, 1, 1, 1, 1, 4]);
    assert_empty(&opwatch);
    opwatch.stop().await;
}

/// Pushes what the waiting tasks of reports publish, while time stands still.
async fn deliver_reports(opwatch: &Opwatch) {
    let mut tasks = opwatch.tasks(Kind::Report);
    tasks.retain(|task| task.data["state"]["report"]["slot"].is_null());
    for (number, task) in tasks.iter().enumerate() {
        let now = opwatch.world.time.now();
        let status = opwatch.push(&format!("report{number}"), now, task.data.to_string().as_bytes()).await;
        assert_eq!(status, 204);
    }
}

#[tokio::test]
async fn when_slack_asks_to_wait_the_ends_are_told_together_afterwards() {
    let opwatch = start_with(bot).await;
    let asks = with_header(Fault::answer(429, r#"{"ok":false,"error":"ratelimited"}"#), "Retry-After", "25");
    opwatch.world.slack.fail_next_on("POST", POST, asks);
    let before = opwatch.world.time.now();
    flood(&opwatch, 8, |_| lasting(0), json!({"notify": "end"})).await;
    assert_eq!(told(&opwatch), [8]);
    let posted = opwatch.world.slack.channel_messages()[0].at;
    assert!((25..45).contains(&(posted - before).num_seconds()), "{}", posted - before);
    let calls = opwatch.world.slack.requests().iter().filter(|request| request.path.contains(POST)).count();
    assert_eq!(calls, 2, "one that was refused, and the digest");
    assert_empty(&opwatch);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_digest_that_is_not_taken_comes_again_when_the_outlet_allows_it() {
    for (fault, seconds) in [
        (with_header(Fault::answer(429, "rate_limited"), "Retry-After", "40"), 40..70),
        (Fault::answer(503, "down"), 10..60),
        (with_header(Fault::answer(429, "rate_limited"), "Retry-After", "3600"), 3_600..4_100),
    ] {
        let opwatch = start_with(above(1)).await;
        begin(&opwatch, 0..4, |_| lasting(0), json!({})).await;
        let before = opwatch.world.time.now();
        opwatch.world.slack.fail_next_with("watches ended", fault);
        opwatch.resume().await;
        assert_eq!(told(&opwatch)[..2], [1, 3], "{:?}", opwatch.lines());
        let posts: Vec<_> = opwatch.world.slack.requests();
        assert!(posts.len() >= 3, "{posts:#?}");
        let took = drained_at(&opwatch) - before;
        assert!(seconds.contains(&took.num_seconds()), "{took}: not in {seconds:?}");
        assert_empty(&opwatch);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// When the last drain ran that posted something: the one before the tail.
fn drained_at(opwatch: &Opwatch) -> chrono::DateTime<chrono::Utc> {
    let tail = drains(opwatch).into_iter().filter(|task| task.data["state"]["report"]["slot"]["number"] == 0);
    // The last of them found nothing.
    let mut windows: Vec<_> = tail.map(|task| task.schedule_time).collect();
    windows.sort();
    windows.pop();
    windows.pop().unwrap()
}

#[tokio::test]
async fn a_channel_that_takes_nothing_is_told_of_in_the_default_one() {
    let opwatch = start_with(|args| {
        bot(args);
        args.set("SLACK_CHANNELS", "any");
        args.set("DIGEST_ABOVE", "1");
    })
    .await;
    let closed = json!({"channel": "C0CLOSED", "notify": "end"});
    begin(&opwatch, 0..4, |_| lasting(0), closed).await;
    begin(&opwatch, 4..7, |_| lasting(0), json!({"notify": "end"})).await;
    opwatch.world.slack.close_channel("C0CLOSED", "is_archived");
    opwatch.resume().await;
    let messages = opwatch.world.slack.channel_messages();
    assert!(messages.iter().all(|message| message.channel == "C0OPERATIONS"), "{messages:#?}");
    let mut counts = told(&opwatch);
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2, 3], "{:?}", opwatch.lines());
    let is_of_three = |payload: &&Value| ends_in(payload["text"].as_str().unwrap()) == 3;
    let payloads = opwatch.slack();
    let diverted = texts(payloads.iter().find(is_of_three).unwrap()).join("\n");
    assert!(diverted.contains("C0CLOSED") && diverted.contains("is_archived"), "{diverted}");
    assert_empty(&opwatch);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_digest_mentions_whoever_one_of_its_failures_mentions_once_each() {
    let opwatch = start_with(|args| {
        bot(args);
        args.set("MENTIONS", "any");
        args.set("MENTION", "S0TEAM");
        args.set("DIGEST_ABOVE", "1");
    })
    .await;
    begin(&opwatch, 0..1, |_| lasting(0), json!({"notify": "end"})).await;
    begin(&opwatch, 1..4, |_| failing(), json!({"notify": "end"})).await;
    begin(&opwatch, 4..6, |_| failing(), json!({"notify": "end", "mention": "U0PERSON"})).await;
    begin(&opwatch, 6..8, |_| lasting(0), json!({"notify": "end", "mention": "U0OTHER"})).await;
    opwatch.resume().await;
    let lines = opwatch.lines();
    assert_eq!(told(&opwatch), [1, 7], "{lines:?}");
    assert!(
        lines[1].starts_with("<!subteam^S0TEAM> <@U0PERSON> *7 watches ended* · 5 failed · 2 succeeded"),
        "{lines:?}"
    );
    opwatch.stop().await;
}

#[tokio::test]
async fn a_digest_has_less_where_slack_refuses_a_part() {
    let opwatch = start_with(|args| {
        bot(args);
        args.set("MENTION", "here");
        args.set("DIGEST_ABOVE", "1");
    })
    .await;
    begin(&opwatch, 0..4, |_| failing(), json!({"notify": "end"})).await;
    opwatch.world.slack.refuse_broadcasts();
    let blocks = Fault::answer(200, r#"{"ok":false,"error":"invalid_blocks"}"#);
    opwatch.world.slack.fail_next_with("watches ended", blocks);
    opwatch.resume().await;
    let payloads = opwatch.slack();
    let plain = payloads.iter().find(|payload| payload["attachments"].is_null()).unwrap();
    let text = plain["text"].as_str().unwrap();
    assert!(text.starts_with("3 watches ended · 3 failed"), "{text}");
    assert_empty(&opwatch);
    opwatch.stop().await;
}

/// The pull, the post or the acknowledgement was made, and its answer is lost.
#[tokio::test]
async fn no_end_is_lost_with_an_answer() {
    for (path, both) in [(":pull", true), (POST, false), (":acknowledge", true)] {
        let opwatch = start_with(|args| {
            bot(args);
            args.set("DIGEST_ABOVE", "1");
        })
        .await;
        begin(&opwatch, 0..6, |_| lasting(0), json!({"notify": "end"})).await;
        for _ in 0..if both { 2 } else { 1 } {
            if path == POST {
                opwatch.world.slack.fail_next_with("watches ended", Fault::DoneButLost);
            } else {
                opwatch.world.pubsub.fail_next_on("POST", path, Fault::DoneButLost);
            }
        }
        opwatch.resume().await;
        let expected: &[usize] = if path == POST { &[1, 5, 5] } else { &[1, 5] };
        assert_eq!(told(&opwatch), expected, "{path}");
        assert_empty(&opwatch);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// An instance knows what it told. Another one can't.
#[tokio::test]
async fn what_could_not_be_acknowledged_comes_again_and_is_told_again_only_by_another_instance() {
    for restarts in [false, true] {
        let opwatch = start_with(above(1)).await;
        begin(&opwatch, 0..6, |_| lasting(0), json!({})).await;
        opwatch.world.pubsub.fail_next_on("POST", ":acknowledge", refusal(503, "UNAVAILABLE", "later"));
        let opwatch = if restarts {
            deliver_reports(&opwatch).await;
            let drain = drains(&opwatch).pop().unwrap();
            opwatch.world.time.advance(Duration::from_secs(10));
            let now = opwatch.world.time.now();
            assert_eq!(opwatch.push("drain", now, drain.data.to_string().as_bytes()).await, 204);
            opwatch.restart_with(with_digests).await
        } else {
            opwatch
        };
        opwatch.resume().await;
        let mut digests = told(&opwatch);
        digests.retain(|ends| *ends > 1);
        let expected: &[usize] = if restarts { &[5, 5] } else { &[5] };
        assert_eq!(digests, expected, "{restarts}");
        assert_empty(&opwatch);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn copies_of_a_push_are_one_end_in_a_digest() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..5, |_| lasting(0), json!({})).await;
    deliver_reports(&opwatch).await;
    let tasks: Vec<_> = opwatch.tasks(Kind::Report);
    for (number, task) in
        tasks.iter().filter(|task| task.data["state"]["report"]["slot"].is_null()).enumerate().skip(1)
    {
        let now = opwatch.world.time.now();
        opwatch.push(&format!("copy{number}"), now, task.data.to_string().as_bytes()).await;
    }
    assert_eq!(buffered(&opwatch).len(), 8);
    // Those who wait would be delivered a third time.
    opwatch.world.time.advance(Duration::from_secs(10));
    let (drain, now) = (drains(&opwatch).remove(0), opwatch.world.time.now());
    assert_eq!(opwatch.push("drain", now, drain.data.to_string().as_bytes()).await, 204);
    assert_eq!(told(&opwatch), [1, 4]);
    assert_empty(&opwatch);
    opwatch.resume().await;
    opwatch.stop().await;
}

/// Without the buffer all goes on as without digests.
#[tokio::test]
async fn a_buffer_that_takes_nothing_stops_nothing() {
    for fault in [refusal(503, "UNAVAILABLE", "later"), refusal(403, "PERMISSION_DENIED", "no")] {
        let opwatch = start_with(above(1)).await;
        opwatch.world.pubsub.fail_always_on("POST", "opwatch-digest:publish", Some(fault));
        flood(&opwatch, 5, |_| lasting(0), json!({})).await;
        assert_eq!(told(&opwatch), [1; 5]);
        assert!(buffered(&opwatch).is_empty());
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_buffer_that_can_not_be_read_is_read_later() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..4, |_| lasting(0), json!({})).await;
    for _ in 0..3 {
        opwatch.world.pubsub.fail_next_on("POST", ":pull", refusal(403, "PERMISSION_DENIED", "no"));
    }
    opwatch.resume().await;
    assert_eq!(told(&opwatch)[..2], [1, 3]);
    assert_empty(&opwatch);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// A report in the buffer must have a drain.
#[tokio::test]
async fn without_a_drain_nothing_enters_the_buffer() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..4, |_| lasting(0), json!({})).await;
    // The tasks of the reports are there: what is refused now is a drain.
    opwatch.world.tasks.fail_next_on("POST", REPORT_QUEUE, refusal(503, "UNAVAILABLE", "later"));
    opwatch.resume().await;
    assert_eq!(told(&opwatch), [1, 1, 2]);
    assert_eq!(buffered(&opwatch).len(), 2);
    assert_empty(&opwatch);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_report_is_told_however_long_it_had_to_wait() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..3, |_| lasting(0), json!({})).await;
    deliver_reports(&opwatch).await;
    opwatch.world.time.advance(Duration::from_secs(30 * 86_400 + 1));
    let drain = drains(&opwatch).remove(0);
    assert_eq!(opwatch.push("drain", opwatch.world.time.now(), drain.data.to_string().as_bytes()).await, 204);
    assert_eq!(told(&opwatch), [1, 2]);
    assert_empty(&opwatch);
    opwatch.stop().await;
}

#[tokio::test]
async fn what_is_no_report_is_dropped_from_the_buffer() {
    let opwatch = start_with(above(1)).await;
    for data in [b"{".as_slice(), b"{\"test\":true}", b"{\"name\":\"projects/demo/operations/x\"}"] {
        opwatch.world.pubsub.publish(DIGESTS, data).await;
    }
    flood(&opwatch, 3, |_| lasting(0), json!({})).await;
    assert_eq!(told(&opwatch), [1, 2]);
    assert_empty(&opwatch);
    opwatch.stop().await;
}

/// An earlier version, or one without the settings, takes a drain for a slot whose period is over.
#[tokio::test]
async fn a_roll_back_leaves_the_reports_in_the_buffer() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..4, |_| lasting(0), json!({})).await;
    deliver_reports(&opwatch).await;
    let opwatch = opwatch.restart_with(|_| ()).await;
    opwatch.resume().await;
    assert_eq!(opwatch.world.pubsub.unacknowledged(SUBSCRIPTION).len(), 3);
    let opwatch = opwatch
        .restart_with(|args| {
            with_digests(args);
            args.set("DIGEST_ABOVE", "1");
        })
        .await;
    let before = told(&opwatch).len();
    begin(&opwatch, 10..12, |_| lasting(0), json!({})).await;
    opwatch.resume().await;
    assert_eq!(told(&opwatch)[before..], [1, 4], "with what had waited: {:?}", opwatch.lines());
    assert_empty(&opwatch);
    opwatch.stop().await;
}

/// `deploy/up` sends a test, so an upgrade after a roll-back needs no flood until what had waited is told.
#[tokio::test]
async fn a_test_empties_the_buffer() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..4, |_| lasting(0), json!({})).await;
    deliver_reports(&opwatch).await;
    let opwatch = opwatch.restart_with(|_| ()).await;
    opwatch.resume().await;
    let opwatch = opwatch.restart_with(with_digests).await;
    let before = told(&opwatch).len();
    opwatch.watch(&json!({"test": true})).await;
    assert_eq!(told(&opwatch)[before..], [1, 3], "the test, and what had waited: {:?}", opwatch.lines());
    assert_empty(&opwatch);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn the_message_that_follows_a_watch_shows_its_end_though_a_digest_tells_it() {
    let opwatch = start_with(|args| {
        bot(args);
        args.set("DIGEST_ABOVE", "1");
    })
    .await;
    begin(&opwatch, 0..4, |_| lasting(90), json!({})).await;
    let asks = with_header(Fault::answer(429, r#"{"ok":false,"error":"ratelimited"}"#), "Retry-After", "30");
    // The first end's edit is made; then edits have to wait.
    opwatch.world.slack.fail_every_on(4, "POST", "chat.update", asks);
    opwatch.resume().await;
    let messages = opwatch.world.slack.channel_messages();
    let (digests, others): (Vec<_>, Vec<_>) = messages
        .iter()
        .filter(|message| !message.deleted)
        .partition(|message| ends_in(message.payload["text"].as_str().unwrap()) > 1);
    let replies: Vec<_> = others.iter().filter(|message| message.thread_ts.is_some()).collect();
    let live: Vec<_> = others.iter().filter(|message| message.thread_ts.is_none()).collect();
    assert_eq!(live.len(), 4, "{messages:#?}");
    for message in live {
        let text = message.payload["text"].as_str().unwrap();
        assert!(text.contains("succeeded"), "{text}");
    }
    let in_digests: usize =
        digests.iter().map(|message| ends_in(message.payload["text"].as_str().unwrap())).sum();
    assert_eq!(replies.len() + in_digests, 4, "{messages:#?}");
    assert!(in_digests >= 2);
    assert_empty(&opwatch);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// One that comes alone in its window is told as always, with a reply.
#[tokio::test]
async fn a_digest_of_one_is_its_report() {
    let opwatch = start_with(|args| {
        bot(args);
        args.set("DIGEST_ABOVE", "1");
    })
    .await;
    begin(&opwatch, 0..2, |_| lasting(90), json!({})).await;
    opwatch.resume().await;
    assert_eq!(buffered(&opwatch).len(), 1);
    let messages = opwatch.world.slack.channel_messages();
    assert_eq!(messages.iter().filter(|message| message.thread_ts.is_some()).count(), 2, "{messages:#?}");
    assert_eq!(messages.len(), 4);
    opwatch.stop().await;
}

#[tokio::test]
async fn google_chat_has_digests_too() {
    let opwatch = start_with(|args| {
        args.unset("SLACK_WEBHOOK_URL");
        args.set("CHAT_SPACE", "spaces/A");
        args.set("DIGEST_ABOVE", "1");
    })
    .await;
    flood(&opwatch, 7, failing_if_odd, json!({"notify": "end"})).await;
    let messages = opwatch.world.chat.messages();
    let titles: Vec<_> = messages
        .iter()
        .map(|message| message.payload["cardsV2"][0]["card"]["header"]["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert_eq!(titles[1], "🔴 6 watches ended");
    let summary = messages[1].payload["cardsV2"][0]["card"]["header"]["subtitle"].as_str().unwrap();
    assert!(summary.starts_with("3 failed · 3 succeeded · "), "{summary}");
    assert_empty(&opwatch);
    opwatch.stop().await;
}

fn failing_if_odd(number: usize) -> Plan {
    if number % 2 == 1 { failing() } else { lasting(0) }
}

/// A report as a message carries it.
fn report(outcome: &str, number: usize, title: &str, more: &Value) -> Report {
    let mut told = json!({"outcome": outcome, "at": format!("2026-11-23T03:{:02}:00Z", number % 60)});
    told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let message = json!({"name": name(number), "service": "datastore", "title": title,
        "state": {"version": 1, "id": number.to_string(), "report": told}});
    let received = Received {
        message_id: number.to_string(),
        published: "2026-11-23T03:00:00Z".parse().unwrap(),
        origin: Origin::Internal,
    };
    match read(message.to_string().as_bytes(), &received, &Defaults::new(ADDRESSING)).unwrap() {
        watch::Message::Report(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// Reports as messages carry them: failures of several kinds, and successes with many names.
fn reports() -> Vec<Report> {
    let error = json!({"facts": {"error": {"code": 7, "status": "PERMISSION_DENIED", "text": "The caller does not have permission"}}});
    let mut reports: Vec<_> =
        (0..3).map(|number| report("failed", number, "Nightly <backup>", &error)).collect();
    reports.push(report("cannotTell", 3, "Monthly backup", &json!({"reason": {"kind": "gone"}})));
    reports.push(report("stopped", 4, "Import of orders", &json!({})));
    reports.push(report("cancelled", 5, "Export of orders", &json!({})));
    reports.extend((6..30).map(|number| report("succeeded", number, "Nightly backup", &json!({}))));
    reports
        .extend((30..500).map(|number| report("succeeded", number, &format!("Backup {number}"), &json!({}))));
    reports
}

#[test]
fn golden_digests() {
    let reports = reports();
    let reports: Vec<&Report> = reports.iter().collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digests");
    for (outlet, mention) in [("slack", "S0614TZR7"), ("chat", "users/all")] {
        for locale in [Locale::En, Locale::Ja] {
            let routing = Routing { mention: Some(Mention::new(mention)), ..Routing::default() };
            let context = Context {
                topic: Some("projects/demo/topics/opwatch"),
                locale,
                zone: chrono_tz::Tz::UTC,
                title: None,
                routing: Some(&routing),
                now: "2026-11-23T04:00:10Z".parse().unwrap(),
            };
            let notice = digest(&Digest { reports: &reports, id: "4f2a9c", diverted: None }, &context);
            let payload = match outlet {
                "slack" => slack::payload(&notice, Part::Whole),
                _ => chat::payload(&notice, Part::Whole),
            };
            let (file, now) =
                (folder.join(format!("{outlet}.{}.json", locale.id())), format!("{payload:#}\n"));
            if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&file, &now).unwrap();
            }
            let golden = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(golden, now, "{}: {UPDATE}=1 writes it anew", file.display());
        }
    }
}

/// The ends of a night, as the picture in `docs/outlets/digests.md` shows them.
fn night(locale: Locale) -> Vec<Report> {
    let (backup, orders, users) = match locale {
        Locale::En => ("Nightly backup", "Export of orders", "Export of users"),
        Locale::Ja => ("夜間バックアップ", "注文のエクスポート", "ユーザーのエクスポート"),
    };
    let error = |code: u32, status: &str, text: &str| json!({"facts": {"error": {"code": code, "status": status, "text": text}}});
    let denied = error(7, "PERMISSION_DENIED", "The caller does not have permission");
    let mut reports = vec![
        report("failed", 7, backup, &denied),
        report("failed", 12, backup, &denied),
        report("failed", 31, orders, &error(8, "RESOURCE_EXHAUSTED", "Quota exceeded")),
        report("stopped", 40, users, &json!({})),
    ];
    for (title, numbers) in [(backup, 41..65), (orders, 65..73), (users, 73..82)] {
        reports.extend(numbers.map(|number| report("succeeded", number, title, &json!({}))));
    }
    reports
}

/// As Slack shows it. With `OPWATCH_PICTURES`, a folder, it writes the pages that `docs/pictures` takes pictures of.
#[test]
fn a_page_shows_a_digest_as_slack_does() {
    for (locale, zone, titled) in [
        (Locale::En, chrono_tz::Tz::Europe__Madrid, "45 watches ended"),
        (Locale::Ja, chrono_tz::Tz::Asia__Tokyo, "45件"),
    ] {
        let reports = night(locale);
        let reports: Vec<&Report> = reports.iter().collect();
        let now = "2026-11-23T04:00:10Z".parse().unwrap();
        let context = Context {
            topic: Some("projects/demo/topics/opwatch"),
            locale,
            zone,
            title: None,
            routing: Some(&Routing { mention: Some(Mention::new("S0614TZR7")), ..Routing::default() }),
            now,
        };
        let notice = digest(&Digest { reports: &reports, id: "4f2a9c", diverted: None }, &context);
        let message = ChannelMessage {
            channel: "C0OPERATIONS".to_owned(),
            ts: "0.0".to_owned(),
            thread_ts: None,
            broadcast: false,
            at: now,
            payload: slack::payload(&notice, Part::Whole),
            edits: 0,
            deleted: false,
        };
        let page = page(&[message], Reader { locale, zone });
        for part in [titled, "PERMISSION_DENIED", "×24", "@S0614TZR7</span>"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        if let Some(folder) = std::env::var_os("OPWATCH_PICTURES") {
            fs::write(Path::new(&folder).join(format!("digest.{}.html", locale.id())), page).unwrap();
        }
    }
}

/// With a ledger a report enters the buffer once, however often its push comes.
#[tokio::test]
async fn with_a_ledger_a_report_enters_the_buffer_once() {
    let Some(google) = emulators() else { return };
    let url = google.datastore.url();
    let ledger = ledger_at(&url, "digests");
    let opwatch = start_with(|args| {
        ledger(args);
        args.set("DIGEST_ABOVE", "1");
    })
    .await;
    begin(&opwatch, 0..5, |_| lasting(0), json!({})).await;
    deliver_reports(&opwatch).await;
    assert_eq!((told(&opwatch), buffered(&opwatch).len()), (vec![1], 4));
    // The tasks of the reports, which were delivered before, and the drain.
    opwatch.resume().await;
    assert_eq!((told(&opwatch), buffered(&opwatch).len()), (vec![1, 4], 4));
    assert_empty(&opwatch);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_drain_that_pubsub_gave_up_on_empties_the_buffer() {
    let opwatch = start_with(above(1)).await;
    begin(&opwatch, 0..4, |_| lasting(0), json!({})).await;
    deliver_reports(&opwatch).await;
    let drain = drains(&opwatch).remove(0);
    assert_eq!(dead_letter(&opwatch, drain.data.to_string().as_bytes()).await, 204);
    assert_eq!(told(&opwatch), [1, 3]);
    assert_empty(&opwatch);
    opwatch.stop().await;
}

/// A report in the buffer of which Pub/Sub gave up on the edit is not posted: a digest tells it.
#[tokio::test]
async fn a_dead_letter_of_a_report_in_the_buffer_is_not_posted() {
    let opwatch = start_with(bot).await;
    let report = json!({"name": name(0), "state": {"version": 1, "id": "5",
        "report": {"outcome": "succeeded", "at": "2026-11-23T03:00:00Z", "digested": true}}});
    assert_eq!(dead_letter(&opwatch, report.to_string().as_bytes()).await, 204);
    assert!(opwatch.slack().is_empty());
    opwatch.stop().await;
}

/// What there are no digests for is refused with the setting that is missing.
#[test]
fn a_topic_without_its_subscription_is_refused() {
    let common = [
        ("TOPIC", "projects/demo/topics/opwatch"),
        ("CHECK_QUEUE", "projects/demo/locations/l/queues/q"),
        ("TASKS_SERVICE_ACCOUNT", "tasks@demo.iam.gserviceaccount.com"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x"),
    ];
    let refused = |more: &[(&str, &str)]| {
        let mut args = Variables::from(common);
        for (name, value) in more {
            args.set(name, *value);
        }
        args.check().map(|_| ()).unwrap_err().to_string()
    };
    for (settings, said) in [
        (&[("DIGEST_TOPIC", DIGESTS)][..], "DIGEST_SUBSCRIPTION: must be set together with DIGEST_TOPIC"),
        (
            &[("DIGEST_SUBSCRIPTION", SUBSCRIPTION)],
            "DIGEST_TOPIC: must be set together with DIGEST_SUBSCRIPTION",
        ),
        (
            &[("DIGEST_TOPIC", "projects/demo/topics/opwatch"), ("DIGEST_SUBSCRIPTION", SUBSCRIPTION)],
            "DIGEST_TOPIC: must differ from TOPIC",
        ),
        (
            &[("DIGEST_TOPIC", DIGESTS), ("DIGEST_SUBSCRIPTION", DIGESTS)],
            "must have the form projects/…/subscriptions/…",
        ),
        (&[("DIGEST_ABOVE", "1001")], "DIGEST_ABOVE: must be a whole number from 0 (no digests) to 1000"),
    ] {
        let problems = refused(settings);
        assert!(problems.contains(said) && problems.lines().count() == 1, "{problems}");
    }
}
