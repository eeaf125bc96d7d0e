//! A runner in surroundings that a test writes: what the APIs answer, what the outlets do, and a clock that is set by hand. Time
//! stands still but for what a reply takes, so that even the milliseconds of a result are known.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::apis::{Apis, Reply, refuses, says};
use super::outlet::Fake;
use super::published;
use crate::clock::{Clock, Deadline};
use crate::config::{Config, Digests};
use crate::delivery::{Delivery, NotBase64};
use crate::google::{Google, Tokens};
use crate::ledger::Ledger;
use crate::net::endpoints::{Api, Endpoints};
use crate::net::transport::Transport;
use crate::outlets::{Outlet, Outlets};
use crate::policy::{Adopted, Adoption, Principal};
use crate::runner::{DeliveryResult, Runner};
use crate::services::{Operation, Service};
use crate::signal::{Phase, Signal};
use crate::telemetry::tests::logged;
use crate::testing::{self, at};
use crate::trust::Origin;
use crate::watch::{Routing, Target};

/// The operation that most tests are about.
pub(super) const NAME: &str = "projects/demo/operations/x";
/// The call that makes the start of [`start`].
pub(super) const EXPORT: &str = "Post v1/projects/demo:export";
/// The queues of a world, each another.
pub(super) const CHECKS: &str = "projects/demo/locations/l/queues/checks";
pub(super) const REPORTS: &str = "projects/demo/locations/l/queues/reports";
pub(super) const NOTICES: &str = "projects/demo/locations/l/queues/notices";
/// The buffer of digests of a world that has one.
const BUFFER: &str = "projects/demo/topics/buffer";
const SUBSCRIPTION: &str = "projects/demo/subscriptions/buffer";
/// Whose operations are not adopted.
pub(super) const ROBOT: &str = "robot@demo.iam.gserviceaccount.com";

/// A clock that a test sets.
pub(super) struct Hand(Mutex<DateTime<Utc>>);

impl Hand {
    pub(super) fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap() = now;
    }
}

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A runner and what surrounds it.
pub(super) struct World {
    pub(super) runner: Runner,
    pub(super) clock: Arc<Hand>,
    /// How much of each push's time has passed before it is handled.
    pub(super) late: Duration,
    apis: Arc<Apis>,
    outlets: Vec<Arc<Fake>>,
}

impl World {
    /// One whose messages go to a channel in Slack. Everything is allowed, and nothing is limited.
    pub(super) fn new() -> Self {
        Self::set(|_| ())
    }

    /// The same with other settings.
    pub(super) fn set(change: impl FnOnce(&mut Config)) -> Self {
        Self::of([Fake::slack()], change)
    }

    /// The same with other outlets.
    pub(super) fn of(outlets: impl IntoIterator<Item = Fake>, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(outlets, Endpoints::default(), change)
    }

    /// One whose Datastore is an emulator's, without limits.
    pub(super) fn emulated() -> Self {
        let mut endpoints = Endpoints::default();
        endpoints.set(Api::Operations(Service::DATASTORE), "http://127.0.0.1:1").unwrap();
        Self::at([Fake::slack()], endpoints, |_| ())
    }

    fn at(
        outlets: impl IntoIterator<Item = Fake>,
        endpoints: Endpoints,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let outlets: Vec<_> = outlets.into_iter().map(Arc::new).collect();
        let clock = Arc::new(Hand(Mutex::new(at(0))));
        let apis = Arc::new(Apis::default());
        let mut config = testing::config(outlets[0].powers());
        [config.check_queue, config.report_queue, config.notice_queue] =
            [CHECKS, REPORTS, NOTICES].map(str::to_owned);
        config.routing = Routing { target: Some(Target::new("C0OPS")), ..Routing::default() };
        config.policy.outlets = outlets.iter().map(|outlet| (outlet.id(), outlet.powers())).collect();
        change(&mut config);
        let transport: Arc<dyn Transport> = Arc::clone(&apis) as _;
        let google = Google::new(transport, Tokens::new(Some("t".into())), endpoints);
        let all = Outlets::new(outlets.iter().map(|outlet| Arc::clone(outlet) as Arc<dyn Outlet>));
        let runner = Runner::new(config, google, all, Arc::clone(&clock) as _);
        Self { runner, clock, late: Duration::ZERO, apis, outlets }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The calls whose line has this text are answered so, in turn; and then as usual.
    pub(super) fn script(&self, of: &str, replies: impl IntoIterator<Item = Reply>) {
        self.apis.scripts.lock().unwrap().push((of.to_owned(), replies.into_iter().collect()));
    }

    /// The first outlet.
    pub(super) fn outlet(&self) -> &Fake {
        &self.outlets[0]
    }

    pub(super) fn outlets(&self) -> &[Arc<Fake>] {
        &self.outlets
    }

    /// The calls whose line has this text.
    pub(super) fn asked(&self, of: &str) -> Vec<String> {
        self.apis.asked.lock().unwrap().iter().filter(|line| line.contains(of)).cloned().collect()
    }

    /// Forgets which calls were made.
    pub(super) fn forget_calls(&self) {
        self.apis.asked.lock().unwrap().clear();
    }

    /// The tasks that were created, in this order.
    pub(super) fn tasks(&self) -> Vec<Value> {
        self.apis.tasks.lock().unwrap().clone()
    }

    /// Forgets the tasks that publish such a message: their names are free again.
    pub(super) fn free(&self, is: impl Fn(&Value) -> bool) {
        self.apis.tasks.lock().unwrap().retain(|task| !is(&published(task)));
    }

    /// What they publish.
    pub(super) fn messages(&self) -> Vec<Value> {
        self.tasks().iter().map(published).collect()
    }

    /// What the last one publishes.
    pub(super) fn next(&self) -> Value {
        self.messages().pop().unwrap_or_default()
    }

    fn in_time<T>(&self, handling: impl AsyncFnOnce(Deadline) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let deadline = Deadline::start();
            tokio::time::advance(self.late).await;
            handling(deadline).await
        })
    }

    /// A delivery of `message`, which was published just now.
    pub(super) fn handle(&self, message: &Value) -> DeliveryResult {
        self.deliver(carrying(message, self.now()))
    }

    pub(super) fn deliver(&self, delivery: Delivery) -> DeliveryResult {
        self.in_time(async |deadline| self.runner.handle(delivery, deadline).await)
    }

    /// The dead letter of `message`.
    pub(super) fn dead_letter(&self, message: &Value) -> DeliveryResult {
        self.bury(carrying(message, self.clock.now()))
    }

    pub(super) fn bury(&self, delivery: Delivery) -> DeliveryResult {
        self.in_time(async |deadline| self.runner.handle_dead_letter(delivery, deadline).await)
    }

    pub(super) fn oversize(&self, head: &[u8], size: usize, most: usize) -> DeliveryResult {
        self.in_time(async |deadline| self.runner.handle_oversize(head, size, most, deadline).await)
    }

    pub(super) fn signal(&self, signal: Signal) -> DeliveryResult {
        self.in_time(async |deadline| self.runner.signal(signal, deadline).await)
    }
}

/// What `handling` comes to, and the lines that it logs.
pub(super) fn with_log<T>(handling: impl FnOnce() -> T) -> (T, Vec<Value>) {
    let mut result = None;
    let lines = logged(|| result = Some(handling()));
    (result.unwrap(), lines)
}

/// The lines that `handling` logs, each with its severity, in few words.
pub(super) fn log_of<T>(handling: impl FnOnce() -> T) -> Vec<String> {
    let (_, lines) = with_log(handling);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lines.iter().map(|line| format!("{} {}", text(&line["severity"]), text(&line["message"]))).collect()
}

pub(super) fn carrying(message: &Value, published: DateTime<Utc>) -> Delivery {
    super::delivery("99", published, message.to_string().into_bytes())
}

/// A delivery whose data is no base64.
pub(super) fn garbled(text: &str, published: DateTime<Utc>) -> Delivery {
    Delivery { data: Err(NotBase64(text.to_owned())), ..carrying(&json!({}), published) }
}

/// One that anybody may have published.
pub(super) fn foreign(message: &Value) -> Delivery {
    Delivery { origin: Origin::Accepted, ..carrying(message, at(0)) }
}

/// `message` as opwatch passes it on, with `more` in its state.
pub(super) fn passed_on(message: Value, more: &Value) -> Value {
    let mut message = message;
    message["state"] = json!({"id": "7", "first": at(0)});
    message["state"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

/// Check 1 of a watch, with `more` in its state.
pub(super) fn check(more: &Value) -> Value {
    passed_on(json!({"name": NAME, "attempt": 1}), more)
}

/// A report about the operation, with `more` in it.
pub(super) fn report(outcome: &str, more: &Value) -> Value {
    let mut message = check(&json!({"report": {"outcome": outcome, "at": at(0)}}));
    message["state"]["report"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

/// The same of a watch that is followed by the message [`live`].
pub(super) fn followed(mut message: Value) -> Value {
    message["notify"] = json!("live");
    message["state"]["live"] = live();
    message
}

/// The receipt of a message in `C0OPS`.
pub(super) fn live() -> Value {
    json!({"channel": "C0OPS", "ts": "1.000001"})
}

/// A kickoff that starts an export.
pub(super) fn start() -> Value {
    let body = json!({"outputUrlPrefix": "gs://b"});
    json!({"start": {"service": "datastore", "path": "projects/demo:export", "body": body}})
}

/// The label by which the request of [`start`] is recognised, for any kickoff.
pub(super) fn request_label() -> Value {
    let world = World::new();
    world.handle(&start());
    let call = world.asked(EXPORT).pop().unwrap();
    let body: Value = serde_json::from_str(call.splitn(3, ' ').nth(2).unwrap()).unwrap();
    body["labels"]["opwatch-request"].clone()
}

pub(super) fn with_ledger(config: &mut Config) {
    let [kind, project] = ["Opwatch", "demo"].map(str::to_owned);
    let keep = chrono::TimeDelta::days(400);
    let [namespace, database] = [String::new(), String::new()];
    config.ledger = Some(Ledger { kind, project, namespace, database, keep });
}

/// The ledger's answers when another push has the report, or had: what is claimed is found.
pub(super) fn claimed(state: &str, until: DateTime<Utc>) -> [(&'static str, Vec<Reply>); 2] {
    let properties = json!({"state": {"stringValue": state}, "owner": {"stringValue": "another"},
        "until": {"timestampValue": until}});
    let found = json!({"found": [{"entity": {"properties": properties}, "version": "7"}]});
    [(":commit", vec![refuses(409, "ALREADY_EXISTS")]), (":lookup", vec![says(200, &found)])]
}

/// With digests of more than `above` reports a minute.
pub(super) fn digests(above: u32) -> impl Fn(&mut Config) {
    move |config| {
        let [topic, subscription] = [BUFFER, SUBSCRIPTION].map(str::to_owned);
        config.digests = Some(Digests { topic, subscription, above });
    }
}

/// What a pull from the buffer answers: these messages, with the leases `a0`, `a1`….
pub(super) fn pulled<'a>(messages: impl IntoIterator<Item = &'a Value>, since: DateTime<Utc>) -> Reply {
    let received = messages.into_iter().enumerate().map(|(number, message)| {
        let data = STANDARD.encode(message.to_string());
        let message = json!({"data": data, "messageId": number.to_string(), "publishTime": since});
        json!({"ackId": format!("a{number}"), "message": message})
    });
    says(200, &json!({"receivedMessages": received.collect::<Vec<_>>()}))
}

/// The task of the window of the buffer that began at that second.
pub(super) fn drain(second: i64) -> Value {
    let slot = json!({"of": "digest", "at": at(second).timestamp(), "number": 0});
    json!({"notify": "failure", "state": {"id": "s", "report": {"outcome": "succeeded", "slot": slot}}})
}

/// Adopts Datastore's operations, but for those of [`ROBOT`].
pub(super) fn adopting(config: &mut Config) {
    let of = vec![Adopted { service: Service::DATASTORE, method: None }];
    config.policy.adoption = Adoption { of, except: vec![Principal::Account(ROBOT.to_owned())] };
}

pub(super) fn signal(phase: Phase, principal: Option<&str>) -> Signal {
    let operation = Operation::new(Service::DATASTORE, NAME).unwrap();
    Signal { operation, phase, method: None, principal: principal.map(str::to_owned), at: at(-30) }
}
