//! Design rule 3 over the real handler: whatever is delivered, and however the APIs answer, no delivery asks for the
//! task name under which it was itself delivered, and one that is acknowledged has a next step or has been posted.

mod slack;
mod slow;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hyper::body::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Action, DeliveryResult, Runner};
use crate::clock::Deadline;
use crate::config::Config;
use crate::decision::{UNCLEAR_RETRIES, WAITS};
use crate::delivery::Delivery;
use crate::google::{Google, Tokens, task_id};
use crate::ledger::Ledger;
use crate::message::arbitrary::{message, time};
use crate::net::endpoints::Endpoints;
use crate::net::transport::{Answer, Failure, Method, Request, Sending, Transport};
use crate::outlets::Outlets;
use crate::outlets::slack::Access as Way;
use crate::testing::{self, Fixed, QUEUE, Script, TOPIC, created, wanted_task};
use crate::trust::Origin;
use crate::watch::{Message, Notify, Outcome, Report, Routing, Target, Watch};
use secrecy::ExposeSecret;

/// What Slack's web API answers to a bot.
const POSTED: &str = r#"{"ok":true,"channel":"C0OPS","ts":"1800000000.000100"}"#;

/// Answers reads, lists, starts and posts as it was told, and takes every task.
#[derive(Clone)]
struct Scripted {
    /// What the ledger answers, in turn.
    ledger: Arc<Script>,
    answers: Arc<Script>,
    tasks: Arc<Mutex<Vec<Value>>>,
    posted: Arc<Mutex<usize>>,
}

impl Transport for Scripted {
    fn send(&self, request: Request, _: Duration) -> Sending<'_> {
        let url = request.url.expose_secret().to_owned();
        let is_ledger = [":commit", ":lookup"].iter().any(|method| url.ends_with(method));
        let script = if is_ledger { &self.ledger } else { &self.answers };
        let answer = if let Some(task) = wanted_task(&request) {
            let created = created(&task);
            self.tasks.lock().unwrap().push(task);
            Ok(created)
        } else {
            // The answer speaks of the operation that was asked for.
            let name = url
                .rsplit_once("/v1/")
                .map_or("", |(_, name)| name)
                .replace(":exportDocuments", "/operations/new")
                .replace(":export", "/operations/new")
                .replace(":import", "/operations/new");
            let fill = |answer: Answer| {
                let body = String::from_utf8_lossy(&answer.body).replace("NAME", &name);
                Answer { body: Bytes::from(body), ..answer }
            };
            script.next().map(fill)
        };
        let says_ok = |answer: &Answer, ok: &str| answer.status == 200 && answer.body == ok;
        let posts = request.method == Method::Post
            && answer.as_ref().is_ok_and(|answer| match url.as_str() {
                url if url.contains("hooks.slack.com") => says_ok(answer, "ok"),
                url if url.ends_with("/api/chat.postMessage") => says_ok(answer, POSTED),
                _ => false,
            });
        if posts {
            *self.posted.lock().unwrap() += 1;
        }
        Box::pin(async move { answer })
    }
}

fn answer() -> BoxedStrategy<Result<Answer, Failure>> {
    let bodies = vec![
        "ok".to_owned(),
        "<html>".to_owned(),
        "{}".to_owned(),
        json!({"name": "NAME", "metadata": {"common": {"state": "PROCESSING", "startTime": "2026-11-23T03:00:00Z"}}}).to_string(),
        json!({"name": "NAME", "done": true, "response": {}}).to_string(),
        json!({"name": "NAME", "done": true, "error": {"code": 1}}).to_string(),
        json!({"done": true, "metadata": {"common": {"state": "PAUSED"}}}).to_string(),
        json!({"error": {"status": "ABORTED"}}).to_string(),
        POSTED.to_owned(),
        json!({"ok": false, "error": "message_not_found"}).to_string(),
        json!({"ok": false, "error": "channel_not_found"}).to_string(),
        json!({"ok": false, "error": "internal_error"}).to_string(),
    ];
    let statuses =
        proptest::sample::select(vec![200_u16, 200, 200, 302, 400, 401, 403, 404, 409, 429, 500, 503]);
    let retry_after = proptest::option::of((0_u64..100_000).prop_map(Duration::from_secs));
    let whole = (statuses, proptest::sample::select(bodies), retry_after, proptest::option::of(time()))
        .prop_map(|(status, body, retry_after, date)| {
            Ok(Answer { retry_after, date, ..testing::answer(status, body) })
        });
    let failed = proptest::sample::select(vec![
        Failure::NotConnected(String::new()),
        Failure::Broken(String::new()),
        Failure::TooLong,
        Failure::TimedOut(Duration::ZERO),
    ]);
    prop_oneof![4 => whole, 1 => failed.prop_map(Err)].boxed()
}

/// What the ledger may answer: a claim that is one's own, somebody else's, sent or gone, a conflict, a refusal, nothing.
fn ledger_answer() -> BoxedStrategy<Result<Answer, Failure>> {
    let claim =
        |properties: Value| json!({"found": [{"entity": {"properties": properties}, "version": "7"}]});
    let until = |year: u32| json!({"state": {"stringValue": "claimed"}, "until": {"timestampValue": format!("{year}-01-01T00:00:00Z")}});
    let bodies = vec![
        (200, json!({"mutationResults": [{"version": "1"}]})),
        (200, json!({"mutationResults": [{"version": "1", "conflictDetected": true}]})),
        (409, json!({"error": {"status": "ALREADY_EXISTS"}})),
        (409, json!({"error": {"status": "ALREADY_EXISTS"}})),
        (409, json!({"error": {"status": "ABORTED"}})),
        (200, claim(json!({"state": {"stringValue": "sent"}}))),
        (200, claim(until(1_971))),
        (200, claim(until(9_999))),
        (200, json!({"missing": [{}]})),
        (200, json!([])),
        (403, json!({})),
        (503, json!({})),
    ];
    let whole = proptest::sample::select(bodies)
        .prop_map(|(status, body)| Ok(testing::answer(status, body.to_string())));
    prop_oneof![9 => whole, 1 => Just(Err(Failure::TimedOut(Duration::ZERO)))].boxed()
}

fn ledger() -> Ledger {
    let [kind, project] = ["Opwatch", "demo"].map(str::to_owned);
    let keep = chrono::TimeDelta::days(400);
    Ledger { kind, project, namespace: String::new(), database: String::new(), keep }
}

/// What became of the delivery, the names of the tasks it asked for, and how often it posted.
fn deliver(
    data: Vec<u8>,
    answers: Vec<Result<Answer, Failure>>,
    ledger: Option<(Ledger, Vec<Result<Answer, Failure>>)>,
    now: DateTime<Utc>,
    slack: Access,
) -> (DeliveryResult, Vec<String>, usize) {
    let (handled, tasks, posted) = deliver_published(data, answers, ledger, now, now, slack);
    let steps = tasks.iter().filter(|task| !is_sentinel(task));
    let names = steps.map(|task| task["name"].as_str().unwrap().to_owned()).collect();
    (handled, names, posted)
}

/// Whether a task is the sentinel of a watch, which comes with the first check after a start.
fn is_sentinel(task: &Value) -> bool {
    published(task)["state"]["sentinel"] == true
}

/// The message that a task publishes.
fn published(task: &Value) -> Value {
    let decoded = |text: &Value| -> Value {
        serde_json::from_slice(&STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap()
    };
    decoded(&decoded(&task["httpRequest"]["body"])["messages"][0]["data"])
}

/// How Slack lets opwatch post.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    Webhook,
    Bot,
}

fn delivery(id: &str, published: DateTime<Utc>, data: Vec<u8>) -> Delivery {
    let attributes = std::collections::BTreeMap::new();
    let (message_id, origin) = (id.to_owned(), Origin::Internal);
    Delivery { message_id, published: Some(published), attributes, data: Ok(data), origin }
}

/// One whose calls go to `transport` and whose clock stands still.
fn runner(
    transport: Arc<dyn Transport>,
    ledger: Option<Ledger>,
    now: DateTime<Utc>,
    slack: Access,
) -> Runner {
    let slack = match slack {
        Access::Webhook => Way::Webhook("https://hooks.slack.com/services/x".into()),
        Access::Bot => Way::Bot { base: "https://slack.com".to_owned(), token: "xoxb-x".into() },
    };
    let routing = Routing { target: Some(Target::new("C0OPS")), ..Routing::default() };
    let config = Config { routing, ledger, ..testing::config(slack.powers()) };
    let google = Google::new(Arc::clone(&transport), Tokens::new(Some("t".into())), Endpoints::default());
    Runner::new(config, google, Outlets::new([slack.open(transport)]), Arc::new(Fixed(now)))
}

/// The same with the tasks themselves, of a message that was published at a time of its own.
fn deliver_published(
    data: Vec<u8>,
    answers: Vec<Result<Answer, Failure>>,
    ledger: Option<(Ledger, Vec<Result<Answer, Failure>>)>,
    published: DateTime<Utc>,
    now: DateTime<Utc>,
    slack: Access,
) -> (DeliveryResult, Vec<Value>, usize) {
    let (ledger, of_ledger) = ledger.unzip();
    let scripted = Scripted {
        answers: Arc::new(Script::new(answers)),
        ledger: Arc::new(Script::new(of_ledger.unwrap_or_default())),
        tasks: Arc::default(),
        posted: Arc::default(),
    };
    let runner = runner(Arc::new(scripted.clone()), ledger, now, slack);
    let delivery = delivery("99", published, data);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let handled = runtime.block_on(runner.handle(delivery, Deadline::start()));
    let tasks = scripted.tasks.lock().unwrap().clone();
    let posted = *scripted.posted.lock().unwrap();
    (handled, tasks, posted)
}

/// A container's clock may be slow; the message was published by Google's.
#[test]
fn the_next_step_of_a_slow_clock_is_not_in_the_past() {
    let at = |minute: i64| DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap();
    let (published, now) = (at(60), at(0));
    let report = br#"{"state":{"id":"7","report":{"outcome":"stopped"}}}"#.to_vec();
    let start =
        br#"{"start":{"service":"datastore","path":"projects/p:export","body":{}},"state":{"id":"7"}}"#;
    for data in [report, start.to_vec()] {
        let (handled, due) = next_step(data, published, now);
        assert!(handled.acknowledged && due >= published + chrono::TimeDelta::seconds(10), "{due}");
    }
}

/// The claim of another delivery has 61 s at most, whatever this container's clock says.
#[test]
fn a_report_that_waits_by_a_slow_clock_comes_no_sooner() {
    let at = |minute: i64| DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap();
    let (published, now) = (at(60), at(0));
    let held = json!({"found": [{"entity": {"properties": {"state": {"stringValue": "claimed"},
        "until": {"timestampValue": "9999-01-01T00:00:00Z"}}}, "version": "7"}]});
    let taken = json!({"error": {"status": "ALREADY_EXISTS"}});
    let answers =
        [(409, taken), (200, held)].map(|(status, body)| Ok(testing::answer(status, body.to_string())));
    let report = br#"{"state":{"id":"7","report":{"outcome":"failed"}}}"#.to_vec();
    let ledger = Some((ledger(), answers.to_vec()));
    let (handled, tasks, posted) =
        deliver_published(report, Vec::new(), ledger, published, now, Access::Webhook);
    assert_eq!((handled.decision, posted), (Action::Waits, 0), "{handled:?}");
    let due: DateTime<Utc> = tasks[0]["scheduleTime"].as_str().unwrap().parse().unwrap();
    assert!(due > published, "{due}");
}

/// What became of a delivery that no API answers, and when its next step is due.
fn next_step(data: Vec<u8>, published: DateTime<Utc>, now: DateTime<Utc>) -> (DeliveryResult, DateTime<Utc>) {
    let (handled, tasks, _) = deliver_published(data, Vec::new(), None, published, now, Access::Webhook);
    (handled, tasks[0]["scheduleTime"].as_str().unwrap().parse().unwrap())
}

/// Whether one of the answers says that the report was sent.
fn is_sent(answers: &[Result<Answer, Failure>]) -> bool {
    answers.iter().flatten().any(|answer| String::from_utf8_lossy(&answer.body).contains("\"sent\""))
}

fn access() -> BoxedStrategy<Access> {
    prop_oneof![Just(Access::Webhook), Just(Access::Bot)].boxed()
}

/// Whether nobody wants to hear of it.
fn asks_for_failures_only(message: &Message) -> bool {
    let Message::Report(report) = message else { return false };
    report.outcome == Outcome::Succeeded && report.watch.routing.notify == Some(Notify::Failure)
}

/// Whether it is made outside the chain of checks, which goes on.
fn is_signals_look(message: &Message) -> bool {
    matches!(message, Message::Check(check) if check.purpose.signal().is_some())
}

/// Whether it only counts, so that nothing follows.
fn is_claim(message: &Message) -> bool {
    matches!(message, Message::Report(report) if report.is_claim())
}

/// Whether it is a report in the buffer of digests, of which only an edit is left.
fn is_digested(message: &Message) -> bool {
    matches!(message, Message::Report(report) if report.digested)
}

/// Whether it is not kept as a dead letter: a warning, which is out of date after an hour, or what a digest tells.
fn is_dropped(message: &Message) -> bool {
    let is_stall = matches!(message, Message::Report(report) if report.outcome == Outcome::Stalled);
    is_stall || is_digested(message)
}

/// Whether it is a report that Slack answered with neither yes nor no for the last time.
fn counts_as_delivered(message: &Message, handled: &DeliveryResult) -> bool {
    matches!(message, Message::Report(report) if report.unclear >= UNCLEAR_RETRIES) && handled.needs_attention
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn no_delivery_asks_for_its_own_name_and_none_ends_in_silence(
        message in message(), answers in proptest::collection::vec(answer(), 0..5), now in time(), slack in access(),
    ) {
        let own = format!("{QUEUE}/tasks/{}", task_id(TOPIC, &message));
        let is_report = matches!(message, Message::Report(_));
        let (handled, names, posted) = deliver(message.to_data(), answers, None, now, slack);
        prop_assert!(!names.contains(&own), "{handled:?}");
        prop_assert!(names.len() <= 1, "one next step: {:?}", names);
        match handled.decision {
            Action::Released => prop_assert!(is_claim(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::NotWanted => prop_assert!(asks_for_failures_only(&message) && names.is_empty(), "{handled:?}"),
            Action::LeftToPolling => prop_assert!(is_signals_look(&message) && names.is_empty(), "{handled:?}"),
            Action::GaveUp => prop_assert!(is_report && handled.acknowledged == is_dropped(&message), "{handled:?}"),
            Action::Edited => prop_assert!(is_digested(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::Posted if counts_as_delivered(&message, &handled) => prop_assert!(posted == 0 && names.is_empty(), "{handled:?}"),
            Action::Posted => prop_assert!(is_report && posted == 1 && names.is_empty(), "{handled:?}"),
            _ => {
                prop_assert_eq!((handled.acknowledged, names.len()), (true, 1), "{:?}", handled);
                prop_assert!(!is_report || posted == 0, "{handled:?}");
            }
        }
    }

    /// The same with the ledger on, whatever it answers: one that is acknowledged without a next step or a post is a copy of
    /// a report that the ledger says was sent.
    #[test]
    fn with_a_ledger_no_delivery_asks_for_its_own_name_and_none_ends_in_silence(
        message in message(), answers in proptest::collection::vec(answer(), 0..4),
        of_ledger in proptest::collection::vec(ledger_answer(), 0..6), now in time(), slack in access(),
    ) {
        let own = format!("{QUEUE}/tasks/{}", task_id(TOPIC, &message));
        let (is_report, sent) = (matches!(message, Message::Report(_)), is_sent(&of_ledger));
        let (handled, names, posted) = deliver(message.to_data(), answers, Some((ledger(), of_ledger)), now, slack);
        prop_assert!(!names.contains(&own), "{handled:?}");
        prop_assert!(names.len() <= 1, "one next step: {:?}", names);
        match handled.decision {
            Action::Released => prop_assert!(is_claim(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::NotWanted => prop_assert!(asks_for_failures_only(&message) && names.is_empty(), "{handled:?}"),
            Action::LeftToPolling => prop_assert!(is_signals_look(&message) && names.is_empty(), "{handled:?}"),
            Action::PostedBefore => prop_assert!(is_report && sent && names.len() + posted == 0, "{handled:?}"),
            Action::GaveUp => prop_assert!(is_report && handled.acknowledged == is_dropped(&message), "{handled:?}"),
            Action::Edited => prop_assert!(is_digested(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::Posted if counts_as_delivered(&message, &handled) => prop_assert!(posted == 0 && names.is_empty(), "{handled:?}"),
            Action::Posted => prop_assert!(is_report && posted == 1 && names.is_empty(), "{handled:?}"),
            _ => prop_assert_eq!((handled.acknowledged, names.len()), (true, 1), "{:?}", handled),
        }
    }
}

/// A held report comes back under new names until its waits are spent; then it is posted all the same.
#[test]
fn a_report_waits_for_another_delivery_so_often_and_no_more() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let watch = Watch { id: "7".to_owned(), ..Watch::default() };
    let held = json!({"state": {"stringValue": "claimed"}, "owner": {"stringValue": "x"},
        "until": {"timestampValue": "2027-01-15T08:00:30Z"}});
    let ok = |status, body: String| Ok(testing::answer(status, body));
    let mut names = std::collections::BTreeSet::new();
    for waits in 0..=WAITS {
        let report = Report { claim_waits: waits, ..Report::of_test(watch.clone(), now) };
        let found = json!({"found": [{"entity": {"properties": held}, "version": "7"}]}).to_string();
        let answers =
            vec![ok(409, json!({"error": {"status": "ALREADY_EXISTS"}}).to_string()), ok(200, found)];
        let data = Message::Report(Box::new(report)).to_data();
        let (handled, asked, posted) =
            deliver(data, vec![ok(200, "ok".to_owned())], Some((ledger(), answers)), now, Access::Webhook);
        let is_last = waits == WAITS;
        let expected = if is_last { Action::Posted } else { Action::Waits };
        assert_eq!((handled.decision, handled.acknowledged), (expected, true), "{waits}");
        assert_eq!((asked.len(), posted), if is_last { (0, 1) } else { (1, 0) }, "{waits}");
        names.extend(asked);
    }
    assert_eq!(names.len(), WAITS as usize);
}

/// The try after one that waited and then failed may wait as often.
#[test]
fn the_next_try_of_a_report_has_waited_for_nobody_yet() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let watch = Watch { id: "7".to_owned(), ..Watch::default() };
    let next = |waits| {
        let report = Report { claim_waits: waits, ..Report::of_test(watch.clone(), now) };
        let data = Message::Report(Box::new(report)).to_data();
        deliver_published(data, Vec::new(), None, now, now, Access::Webhook).1
    };
    assert_eq!(next(WAITS), next(0));
}

/// What becomes of a report, at the try of this number, when Slack answers so.
fn refused(tries: u32, status: u16, body: &str) -> DeliveryResult {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let watch = Watch { id: "7".to_owned(), ..Watch::default() };
    let data = Message::Report(Box::new(Report { tries, ..Report::of_test(watch, now) })).to_data();
    deliver(data, vec![Ok(testing::answer(status, body))], None, now, Access::Webhook).0
}

#[test]
fn somebody_must_act_on_what_will_not_pass_and_on_the_last_try() {
    for (tries, status, body, decision, needs_attention) in [
        (0, 500, "rollup_error", Action::PostAgain, false),
        (0, 403, "action_prohibited", Action::PostAgain, true),
        (u32::MAX, 500, "rollup_error", Action::GaveUp, true),
    ] {
        let handled = refused(tries, status, body);
        let error = handled.error.clone().unwrap_or_default();
        assert!(error.contains(body) && error.contains("; action: "), "{handled:?}");
        assert_eq!((handled.decision, handled.needs_attention), (decision, needs_attention), "{body}");
        assert_eq!(handled.acknowledged, decision == Action::PostAgain, "{body}");
        assert!(handled.call_milliseconds.is_some(), "{body}");
    }
    assert!(refused(0, 200, "ok").call_milliseconds.is_some());
}
