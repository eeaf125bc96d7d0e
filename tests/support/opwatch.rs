//! The real service in this process, on the stand-ins: virtual time, real HTTP.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, SecondsFormat, Utc};
use opwatch::app;
use opwatch::fakes::{Event, Fault, Options, Pace, Plan, Subscription, Task, World};
use opwatch::intake::server::Limits;
use opwatch::net::transport::Network;
use opwatch::settings::Variables;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const TOPIC: &str = "projects/demo/topics/opwatch";
/// Only [`TASKS_ACCOUNT`] may publish here; its push subscription has its id.
pub(crate) const INTERNAL_TOPIC: &str = "projects/demo/topics/opwatch-internal";
pub(crate) const INTERNAL_SUBSCRIPTION: &str = "projects/demo/subscriptions/opwatch-internal";
pub(crate) const TASKS_ACCOUNT: &str = "tasks@demo.iam.gserviceaccount.com";
pub(crate) const DEAD_TOPIC: &str = "projects/demo/topics/opwatch-dead";
pub(crate) const CHECK_QUEUE: &str = "projects/demo/locations/europe-west1/queues/checks";
pub(crate) const REPORT_QUEUE: &str = "projects/demo/locations/europe-west1/queues/reports";
pub(crate) const TOKEN: &str = "canary-token-5d41402abc";

/// Operations that someone else started.
pub(crate) const NAME: &str = "projects/demo/operations/ASA1watched";
pub(crate) const FIRESTORE_NAME: &str = "projects/demo/databases/(default)/operations/ASA1watched";

pub(crate) const GREEN: &str = "#2eb67d";
pub(crate) const ORANGE: &str = "#e8912d";
pub(crate) const RED: &str = "#e01e5a";

/// A kickoff that starts a Datastore export.
pub(crate) fn export() -> Value {
    json!({"start": {"service": "datastore", "path": "projects/demo:export",
        "body": {"outputUrlPrefix": "gs://backups", "entityFilter": {"kinds": ["Shop"], "namespaceIds": []}}}})
}

/// A kickoff that starts a Firestore export.
pub(crate) fn firestore_export() -> Value {
    json!({"start": {"service": "firestore", "path": "projects/demo/databases/(default):exportDocuments",
        "body": {"outputUriPrefix": "gs://backups", "collectionIds": ["shops"]}}})
}

/// An operation that ends well after so many seconds.
pub(crate) fn lasting(seconds: u64) -> Plan {
    Plan { duration: Duration::from_secs(seconds), ..Plan::default() }
}

/// opwatch and its world. A test that does not end it with [`Opwatch::stop`], which checks what no test may do, fails.
pub(crate) struct Opwatch {
    pub(crate) world: World,
    url: String,
    /// `None` once it is stopped.
    server: Option<Server>,
}

/// The service, as long as it runs.
struct Server {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<bool>,
}

impl Server {
    /// Whether all pushes ended in time.
    async fn stop(self) -> bool {
        let _ = self.stop.send(());
        self.ended.await.unwrap()
    }
}

impl Drop for Opwatch {
    fn drop(&mut self) {
        let is_stopped = self.server.is_none() || thread::panicking();
        assert!(
            is_stopped,
            "the test did not end with Opwatch::stop, so contracts and secrets were not checked"
        );
    }
}

impl Opwatch {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts it with settings that `change` has changed.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Variables)) -> Self {
        let world = world().await;
        let mut args = settings(&world);
        change(&mut args);
        let (url, server) = serve(&world, &args).await;
        subscribe(&world, &url);
        Self { world, url, server: Some(server) }
    }

    /// Where pushes go.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops the service and starts it again with other settings, in the same world and at the same address.
    pub(crate) async fn restart_with(mut self, change: impl FnOnce(&mut Variables)) -> Self {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        let mut args = settings(&self.world);
        change(&mut args);
        args.set("PORT", self.url.trim_end_matches('/').rsplit(':').next().unwrap());
        let (url, server) = serve(&self.world, &args).await;
        (self.url, self.server) = (url, Some(server));
        self
    }

    /// Publishes to the public topic; what carries a state as opwatch would pass it on, to the internal topic.
    pub(crate) async fn publish(&self, message: &Value) -> String {
        let data = message.to_string().into_bytes();
        if message.get("state").is_some() {
            self.world.pubsub.publish_as(TASKS_ACCOUNT, INTERNAL_TOPIC, &data).await
        } else {
            self.publish_publicly(&data).await
        }
    }

    /// Publishes to the public topic, whatever it is.
    pub(crate) async fn publish_publicly(&self, data: &[u8]) -> String {
        self.world.pubsub.publish(TOPIC, data).await
    }

    /// Publishes and waits until nothing more happens.
    pub(crate) async fn watch(&self, message: &Value) -> String {
        let id = self.publish(message).await;
        self.world.settled().await;
        id
    }

    /// Watches [`NAME`], which goes as `plan` says, to the end.
    pub(crate) async fn watch_named(&self, plan: Plan) -> String {
        self.world.operations.add(NAME, plan);
        self.watch(&json!({"name": NAME})).await
    }

    /// Publishes while dispatches are held back, and waits for the answer to the one push.
    pub(crate) async fn publish_and_pause(&self, message: &Value) -> String {
        self.world.pause();
        let mut events = self.world.events();
        let id = self.publish(message).await;
        let delivered = |event: &Event| matches!(event, Event::Delivered { id: of, .. } if *of == id);
        events.wait_for("the push of a kickoff", delivered).await.unwrap();
        id
    }

    /// Lets dispatches go on and waits until nothing more happens.
    pub(crate) async fn resume(&self) {
        self.world.resume();
        self.world.settled().await;
    }

    /// Pushes `data` as Pub/Sub would, without a topic behind it, and returns the status; what carries a state as from the
    /// internal topic.
    pub(crate) async fn push(&self, id: &str, published: DateTime<Utc>, data: &[u8]) -> u16 {
        let time = published.to_rfc3339_opts(SecondsFormat::Millis, true);
        let message = json!({"data": BASE64.encode(data), "messageId": id, "publishTime": time});
        let is_carried =
            serde_json::from_slice::<Value>(data).is_ok_and(|message| message.get("state").is_some());
        let (path, subscription) = if is_carried {
            ("internal", INTERNAL_SUBSCRIPTION)
        } else {
            ("", "projects/demo/subscriptions/opwatch-push")
        };
        self.post(path, json!({"message": message, "subscription": subscription}).to_string()).await.0
    }

    /// Posts `body` to `path` behind the service's address: the status and the answer.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        send(client().post(format!("{}{path}", self.url)).body(body)).await
    }

    /// Every task that was created for a message of this kind.
    pub(crate) fn tasks(&self, kind: Kind) -> Vec<Task> {
        let mut tasks = self.world.tasks.created();
        tasks.retain(|task| Kind::of(&task.data) == kind);
        tasks
    }

    /// The numbers of the checks that were asked for.
    pub(crate) fn attempts(&self) -> Vec<u64> {
        self.tasks(Kind::Check).iter().map(|task| task.data["attempt"].as_u64().unwrap()).collect()
    }

    /// Holds if the tasks of this kind were scheduled so many seconds ahead and up to a quarter more, the first ones at least.
    /// The time that they count from is an answer's `Date`, which has no fraction and is a little older than the task.
    pub(crate) fn assert_delays(&self, kind: Kind, expected: &[i64]) {
        let tasks = self.tasks(kind);
        let ahead: Vec<_> = tasks.iter().map(|task| task.schedule_time - task.created_at).collect();
        assert!(ahead.len() >= expected.len(), "{ahead:?}");
        for (ahead, expected) in ahead.iter().zip(expected) {
            let longer = ahead.num_milliseconds() - expected * 1_000;
            assert!((-3_000..=1_000 + expected * 250).contains(&longer), "{ahead} is not {expected} s");
        }
    }

    /// How often a start was asked for.
    pub(crate) fn starts(&self) -> usize {
        self.world.operations.requests().iter().filter(|request| request.method == "POST").count()
    }

    /// The methods of the requests to the operations API that did not read one operation, in order. Firestore's finished
    /// operations are a list of their own, after the other one: of both the first counts.
    pub(crate) fn looks_and_starts(&self) -> String {
        let requests = self.world.operations.requests();
        let is_start = |path: &str| path.contains(":export");
        let is_list = |path: &str| {
            path.split('?').next().unwrap().ends_with("/operations") && !path.contains("filter=done")
        };
        let kept = requests.iter().filter(|request| is_start(&request.path) || is_list(&request.path));
        kept.map(|request| request.method.clone()).collect::<Vec<_>>().join(" ")
    }

    /// The payloads that Slack took.
    pub(crate) fn slack(&self) -> Vec<Value> {
        self.world.slack.messages()
    }

    /// The first lines of what Slack took.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.slack().iter().map(|payload| payload["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The one payload that Slack took.
    pub(crate) fn only_message(&self) -> Value {
        let mut messages = self.slack();
        assert_eq!(messages.len(), 1, "{messages:#?}");
        messages.remove(0)
    }

    /// Every text of the one payload that Slack took.
    pub(crate) fn only_text(&self) -> String {
        texts(&self.only_message()).join("\n")
    }

    /// Holds if every push was acknowledged.
    pub(crate) fn assert_all_acknowledged(&self) {
        assert!(self.answers().iter().all(|status| *status == 204), "{:?}", self.answers());
    }

    /// How each push was answered so far, in order.
    pub(crate) fn answers(&self) -> Vec<u16> {
        let mut events = self.world.events();
        let mut answers = Vec::new();
        while let Some(event) = events.ready() {
            if let Event::Delivered { status, .. } = event {
                answers.push(status.unwrap_or(0));
            }
        }
        answers
    }

    /// Ends the test: nothing may have broken an API's contract, and no secret may have got out.
    pub(crate) async fn stop(mut self) {
        assert_eq!(self.world.violations(), Vec::<String>::new());
        let posted = self.slack().into_iter().map(|payload| payload.to_string());
        let messages = self.world.pubsub.messages().into_iter();
        let passed_on = messages.map(|message| String::from_utf8_lossy(&message.data).into_owned());
        for text in posted.chain(passed_on) {
            assert!(!text.contains(TOKEN) && !text.contains("/services/T0LOCAL"), "a secret is in {text}");
        }
        let server = self.server.take().expect("it runs until it is stopped");
        assert!(server.stop().await, "all pushes ended in time");
        self.world.clone().stop().await;
    }
}

/// What a task publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Start,
    Check,
    Report,
    Test,
}

impl Kind {
    fn of(data: &Value) -> Self {
        match data {
            data if data["state"]["report"].is_object() => Self::Report,
            data if data["test"] == true => Self::Test,
            data if data["start"].is_object() => Self::Start,
            _ => Self::Check,
        }
    }
}

/// A client that follows nothing and goes through no proxy.
pub(crate) fn client() -> reqwest::Client {
    // Fails only when a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// The status and the text of the answer.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// An answer of Google's with an error.
pub(crate) fn refusal(code: u16, status: &str, message: &str) -> Fault {
    Fault::answer(code, &json!({"error": {"code": code, "status": status, "message": message}}).to_string())
}

/// The same with a header.
pub(crate) fn with_header(fault: Fault, name: &str, value: &str) -> Fault {
    match fault {
        Fault::Answer { status, body, .. } => {
            Fault::Answer { status, body, headers: vec![(name.to_owned(), value.to_owned())] }
        }
        other => other,
    }
}

/// Stand-ins in virtual time that demand [`TOKEN`].
pub(crate) async fn world() -> World {
    let options =
        Options { pace: Pace::Instant, require_token: Some(TOKEN.to_owned()), ..Options::default() };
    World::start(options).await.unwrap()
}

/// Creates the topics and the push subscriptions to `url`, which ends with a slash, as `deploy/up` makes them.
pub(crate) fn subscribe(world: &World, url: &str) {
    create_topics(world);
    for subscription in subscriptions(url) {
        world.pubsub.subscribe(subscription);
    }
}

pub(crate) fn create_topics(world: &World) {
    world.pubsub.create_topic(TOPIC);
    world.pubsub.create_topic_for(TASKS_ACCOUNT, INTERNAL_TOPIC);
    world.pubsub.create_topic(DEAD_TOPIC);
}

/// The push subscriptions of the public and of the internal topic.
pub(crate) fn subscriptions(url: &str) -> [Subscription; 2] {
    let public = ("projects/demo/subscriptions/opwatch-push", TOPIC, "");
    [public, (INTERNAL_SUBSCRIPTION, INTERNAL_TOPIC, "internal")].map(|(name, topic, path)| Subscription {
        name: name.to_owned(),
        topic: topic.to_owned(),
        push_endpoint: format!("{url}{path}"),
        min_backoff: Duration::from_secs(10),
        max_backoff: Duration::from_secs(600),
        max_delivery_attempts: Some(100),
        dead_letter_topic: Some(DEAD_TOPIC.to_owned()),
        ack_deadline: Duration::from_secs(60),
    })
}

/// Settings that fit `world`.
pub(crate) fn settings(world: &World) -> Variables {
    let (webhook, endpoints) = (world.slack.webhook(), world.endpoints());
    Variables::from([
        ("TOPIC", TOPIC),
        ("INTERNAL_TOPIC", INTERNAL_TOPIC),
        ("CHECK_QUEUE", CHECK_QUEUE),
        ("CHECK_INTERVAL", "60s"),
        ("REPORT_QUEUE", REPORT_QUEUE),
        ("TASKS_SERVICE_ACCOUNT", TASKS_ACCOUNT),
        ("SLACK_WEBHOOK_URL", &webhook),
        // The tests have many buckets.
        ("EXPORT_PREFIXES", "any"),
        // The task of a claim waits until its hour is over, and virtual time would go there.
        ("MAX_STARTS_PER_HOUR", "0"),
        ("MAX_NOTICES_PER_HOUR", "0"),
        ("ENDPOINTS", &endpoints),
        ("ACCESS_TOKEN", TOKEN),
    ])
}

async fn serve(world: &World, args: &Variables) -> (String, Server) {
    let settings = args.check().unwrap();
    let port: u16 = args.get("PORT").map_or(0, |port| port.parse().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = Arc::new(app::build(settings, Arc::new(Network::new().unwrap()), Arc::new(world.time.clone())));
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(app::run(app, listener, Limits::default(), async {
        let _ = stopped.await;
    }));
    (url, Server { stop, ended })
}

#[tokio::test]
#[should_panic(expected = "did not end with Opwatch::stop")]
async fn a_test_that_forgets_to_stop_it_fails() {
    drop(Opwatch::start().await);
}

/// All texts of a payload, in the order of reading.
pub(crate) fn texts(payload: &Value) -> Vec<String> {
    match payload {
        Value::Object(object) => {
            let own = object.get("text").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(object.values().flat_map(texts)).collect()
        }
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The colour bar of a payload.
pub(crate) fn colour(payload: &Value) -> &str {
    payload["attachments"][0]["color"].as_str().unwrap()
}
