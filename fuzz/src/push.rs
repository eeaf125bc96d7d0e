//! A whole push, from its bytes to its answer, with every upstream in the fuzzer's hand.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use opwatch::app;
use opwatch::clock::Deadline;
use opwatch::intake::http::App;
use opwatch::intake::push;
use opwatch::net::transport::{Answer, Failure, Request, Sending, Transport};
use opwatch::settings::{Settings, Variables};
use opwatch::testing::{self, Fixed, Script};
use opwatch::trust::Route;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::SEPARATOR;
use super::oracle::{self, Sender};
use super::pure::now;

/// Google's answer with the keys of `tests/data/identity/google.der`.
const JWKS: &str = include_str!("../jwks.json");
/// A push's header with a token that this key signed, good at the time of the clock below.
const GOOD: &str = include_str!("../corpus/jwt/good");
/// The longest body that `endpoint` opens.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Answers as the input says, and holds each request against the oracle.
struct Scripted {
    answers: Script,
    /// Whose message it is.
    sender: Sender,
    /// Whether Cloud Tasks takes every task, whatever the input says.
    takes_tasks: bool,
    effects: Mutex<usize>,
}

impl Transport for Scripted {
    fn send(&self, request: Request, _: Duration) -> Sending<'_> {
        oracle::request(&request, self.sender);
        let url = request.url.expose_secret();
        let is_task = url.starts_with("https://cloudtasks.");
        let task = testing::wanted_task(&request).filter(|_| is_task && self.takes_tasks);
        let answer = task.map_or_else(|| self.answers.next(), |task| Ok(testing::created(&task)));
        let is_slack = url == oracle::WEBHOOK || url == "https://slack.com/api/chat.postMessage";
        let is_post = is_slack && answer.as_ref().is_ok_and(|answer| (200..300).contains(&answer.status));
        if is_task || is_post {
            *self.effects.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        Box::pin(async move { answer })
    }
}

/// An answer of the input: `STATUS[;RETRY-AFTER[;DATE]] BODY`, or none.
fn scripted(part: &[u8]) -> Result<Answer, Failure> {
    let space = part.iter().position(|byte| *byte == b' ').unwrap_or(part.len());
    let (head, body) = part.split_at(space);
    let mut numbers = std::str::from_utf8(head).unwrap_or_default().split(';').map(str::parse::<u64>);
    let mut number = || numbers.next().and_then(Result::ok);
    let Some(status) = number().and_then(|status| u16::try_from(status).ok()) else {
        return Err(Failure::TimedOut(Duration::from_secs(8)));
    };
    let retry_after = number().map(Duration::from_secs);
    let date = number().and_then(|date| DateTime::from_timestamp(i64::try_from(date).ok()?, 0));
    let body = body.get(1..).unwrap_or_default().to_vec();
    Ok(Answer { retry_after, date, ..testing::answer(status, body) })
}

// Checked once: an input has its share of the fuzzer's time for itself.
static PLAIN: LazyLock<Settings> = LazyLock::new(|| settings(|_| ()));
/// Without an internal topic, as version 0.1 is set.
static OPEN: LazyLock<Settings> = LazyLock::new(|| settings(|args| args.unset("INTERNAL_TOPIC")));
static WITH_LEDGER: LazyLock<Settings> =
    LazyLock::new(|| settings(|args| args.set("LEDGER_KIND", "Opwatch")));
static BOT: LazyLock<Settings> = LazyLock::new(|| settings(of_bot));
static BOT_WITH_LEDGER: LazyLock<Settings> = LazyLock::new(|| {
    settings(|args| {
        of_bot(args);
        args.set("LEDGER_KIND", "Opwatch");
    })
});
static GUARDED: LazyLock<Settings> = LazyLock::new(|| {
    settings(|args| {
        args.set("PUSH_AUDIENCE", "https://opwatch-abc123-ew.a.run.app");
        args.set("PUSH_SERVICE_ACCOUNT", "opwatch-push@demo.iam.gserviceaccount.com");
    })
});

fn of_bot(args: &mut Variables) {
    args.unset("SLACK_WEBHOOK_URL");
    args.set("SLACK_BOT_TOKEN", oracle::BOT_TOKEN);
    args.set("SLACK_CHANNEL", oracle::CHANNEL);
    args.set("SLACK_CHANNELS", oracle::OTHER_CHANNEL);
    args.set("MENTION", "here");
}

fn settings(change: impl FnOnce(&mut Variables)) -> Settings {
    let mut args = Variables::from([
        ("TOPIC", oracle::TOPIC),
        ("INTERNAL_TOPIC", oracle::INTERNAL_TOPIC),
        ("CHECK_QUEUE", oracle::CHECK_QUEUE),
        ("REPORT_QUEUE", oracle::REPORT_QUEUE),
        ("TASKS_SERVICE_ACCOUNT", "tasks@demo.iam.gserviceaccount.com"),
        ("SLACK_WEBHOOK_URL", oracle::WEBHOOK),
        ("EXPORT_PREFIXES", oracle::PREFIX),
        // The task of a claim would count as the effect of a delivery.
        ("MAX_STARTS_PER_HOUR", "0"),
        ("MAX_NOTICES_PER_HOUR", "0"),
        ("ACCESS_TOKEN", oracle::TOKEN),
    ]);
    change(&mut args);
    args.check().unwrap_or_else(|bad| panic!("{bad}"))
}

fn build(
    settings: &Settings,
    answers: impl IntoIterator<Item = Result<Answer, Failure>>,
    takes_tasks: bool,
    sender: Sender,
) -> (App, Arc<Scripted>) {
    let (answers, effects) = (Script::new(answers), Mutex::default());
    let transport = Arc::new(Scripted { answers, sender, takes_tasks, effects });
    (app::build(settings.clone(), Arc::<Scripted>::clone(&transport), Arc::new(Fixed(now()))), transport)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: RefCell<Runtime> = RefCell::new(
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"),
        );
    }
    RUNTIME.with_borrow(|runtime| runtime.block_on(work))
}

/// What the first byte of an input chooses.
struct Choice(u8);

impl Choice {
    fn has(&self, bit: u8) -> bool {
        self.0 & 1 << bit != 0
    }

    /// Whose message it is. A body that the fuzzer made comes from Pub/Sub all the same: who wrote the message in it is not
    /// known here.
    fn sender(&self, message: &[u8]) -> Sender {
        let is_carried = || {
            let message: Option<Value> = serde_json::from_slice(message).ok();
            message.is_some_and(|message| message.get("state").is_some())
        };
        match (self.has(6), self.has(7)) {
            (_, true) => Sender::Anyone,
            (true, false) if !self.has(0) && is_carried() => Sender::Forger,
            (true, false) => Sender::Publisher,
            (false, false) => Sender::Opwatch,
        }
    }
}

/// Any bytes as a push and as the answers of the upstreams that it calls.
pub(crate) fn push(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let choice = Choice(*first);
    let mut parts = rest.split(|byte| *byte == SEPARATOR);
    let message = parts.next().unwrap_or_default();
    let sender = choice.sender(message);
    let body = if choice.has(0) {
        message.to_vec()
    } else {
        let published = if choice.has(4) { "2026-11-23T00:00:00Z" } else { "2026-11-23T03:00:00.5Z" };
        let attributes = json!({"CloudPubSubDeadLetterSourceDeliveryCount": "5",
            "CloudPubSubDeadLetterSourceSubscription": sender.subscription(),
            "CloudPubSubDeadLetterSourceSubscriptionProject": "demo"});
        json!({"message": {"data": STANDARD.encode(message), "messageId": "7", "publishTime": published,
            "attributes": attributes},
            "subscription": format!("projects/demo/subscriptions/{}", sender.subscription())})
        .to_string()
        .into_bytes()
    };
    let settings: &Settings = match (sender, choice.has(2), choice.has(5)) {
        (Sender::Anyone, _, _) => &OPEN,
        (_, false, false) => &PLAIN,
        (_, true, false) => &WITH_LEDGER,
        (_, false, true) => &BOT,
        (_, true, true) => &BOT_WITH_LEDGER,
    };
    let takes_tasks = !choice.has(3);
    let (app, transport) = build(settings, parts.map(scripted), takes_tasks, sender);

    let deadline = Deadline::start();
    let handled = if body.len() > MAX_BODY_BYTES {
        block_on(app.runner.handle_oversize(&body, body.len(), MAX_BODY_BYTES, deadline))
    } else {
        let Ok(push) = push::open(&body) else { return };
        let route = match (choice.has(1), sender) {
            (true, _) => Route::DeadLetter,
            (false, Sender::Opwatch) if !choice.has(0) => Route::Internal,
            (false, _) => Route::Public,
        };
        let delivery = push.deliver(route, &app.trust).expect("it may push there");
        if choice.has(1) {
            block_on(app.runner.handle_dead_letter(delivery, deadline))
        } else {
            block_on(app.runner.handle(delivery, deadline))
        }
    };
    let effects = *transport.effects.lock().unwrap_or_else(PoisonError::into_inner);
    let word = handled.decision.word();
    // A warning of no progress is given up when it is out of date; what Slack answered with neither yes nor no ten times
    // counts as posted, with an error. The task of a claim does nothing when its period is over.
    let is_copy = ["dropped", "released", "not-noticed", "posted-before", "not-wanted", "gave-up"]
        .contains(&word)
        || word == "posted" && handled.needs_attention;
    assert!(!handled.acknowledged || effects > 0 || is_copy, "{word}: it ended in silence");
}

/// Any text as the `Authorization` of a push, and, when there is a second part, as Google's keys.
pub(crate) fn jwt(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == SEPARATOR);
    let Ok(header) = std::str::from_utf8(parts.next().unwrap_or_default()) else { return };
    let keys = parts.next();
    let answer = keys.map_or_else(|| Ok(testing::answer(200, JWKS)), scripted);
    let (app, _) = build(&GUARDED, [answer], true, Sender::Opwatch);
    let gate = app.authenticator.expect("an authenticator");
    let admitted = block_on(gate.authenticate(Some(header)));
    if keys.is_none() {
        let signed = |header: &str| {
            let token = header.split_once(' ').map(|(_, token)| token.trim_end().to_owned());
            token.and_then(|token| token.rsplit_once('.').map(|(signed, _)| signed.to_owned()))
        };
        assert!(admitted.is_err() || signed(header) == signed(GOOD), "{header}");
        assert!(admitted.is_ok() || header != GOOD, "{admitted:?}");
    }
}
