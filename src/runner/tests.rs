//! The real handler between scripted APIs. `world` has the surroundings of most tests: outlets that a test scripts, too, and time
//! that stands still. Others look at Slack's own outlet, over HTTP.

mod adoption;
mod apis;
mod dead_letters;
mod digests;
mod history;
mod kickoffs;
mod limits;
mod live;
mod outlet;
mod properties;
mod reports;
mod sentinels;
mod slack;
mod slow;
mod starts;
mod waits;
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{Action, DeliveryResult, Runner};
use crate::clock::Deadline;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::google::{Google, Tokens};
use crate::ledger::Ledger;
use crate::net::endpoints::Endpoints;
use crate::net::transport::{Answer, Failure, Method, Request, Sending, Transport};
use crate::outlets::Outlets;
use crate::outlets::slack::Access as Way;
use crate::testing::{self, Fixed, Script, created, wanted_task};
use crate::trust::Origin;
use crate::watch::{Message, Notify, Routing, Target};
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
