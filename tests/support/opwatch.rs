//! The real service in this process, on the stand-ins: virtual time, real HTTP.

use std::sync::Arc;
use std::time::Duration;

use opwatch::app;
use opwatch::local::{Event, Options, Pace, Subscription, World};
use opwatch::server::Limits;
use opwatch::settings::ServeArgs;
use opwatch::transport::Network;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const TOPIC: &str = "projects/demo/topics/opwatch";
pub(crate) const DEAD_TOPIC: &str = "projects/demo/topics/opwatch-dead";
pub(crate) const CHECK_QUEUE: &str = "projects/demo/locations/europe-west1/queues/checks";
pub(crate) const REPORT_QUEUE: &str = "projects/demo/locations/europe-west1/queues/reports";
pub(crate) const TOKEN: &str = "canary-token-5d41402abc";

/// opwatch and its world.
pub(crate) struct Opwatch {
    pub(crate) world: World,
    url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<bool>,
}

impl Opwatch {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts it with settings that `change` has changed.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ServeArgs)) -> Self {
        let options =
            Options { pace: Pace::Instant, require_token: Some(TOKEN.to_owned()), ..Options::default() };
        let world = World::start(options).await.unwrap();
        let mut args = settings(&world);
        change(&mut args);
        let (url, stop, server) = serve(&world, &args).await;
        world.pubsub.create_topic(TOPIC);
        world.pubsub.create_topic(DEAD_TOPIC);
        world.pubsub.subscribe(Subscription {
            name: "projects/demo/subscriptions/opwatch-push".to_owned(),
            topic: TOPIC.to_owned(),
            push_endpoint: url.clone(),
            min_backoff: Duration::from_secs(10),
            max_backoff: Duration::from_secs(600),
            max_delivery_attempts: Some(100),
            dead_letter_topic: Some(DEAD_TOPIC.to_owned()),
            ack_deadline: Duration::from_secs(60),
        });
        Self { world, url, stop, server }
    }

    /// Where pushes go.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops the service and starts it again with other settings, in the same world and at the same address.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut ServeArgs)) -> Self {
        let Self { world, url, stop, server } = self;
        let _ = stop.send(());
        server.await.unwrap();
        let mut args = settings(&world);
        change(&mut args);
        args.port = url.trim_end_matches('/').rsplit(':').next().map(str::to_owned);
        let (url, stop, server) = serve(&world, &args).await;
        Self { world, url, stop, server }
    }

    pub(crate) async fn publish(&self, message: &Value) -> String {
        self.world.pubsub.publish(TOPIC, message.to_string().as_bytes()).await
    }

    /// Publishes and waits until nothing more happens.
    pub(crate) async fn watch(&self, message: &Value) -> String {
        let id = self.publish(message).await;
        self.world.settled().await;
        id
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

    /// Ends the test: nothing may have broken an API's contract.
    pub(crate) async fn stop(self) {
        assert_eq!(self.world.violations(), Vec::<String>::new());
        let _ = self.stop.send(());
        assert!(self.server.await.unwrap(), "all pushes ended in time");
        self.world.stop().await;
    }
}

/// Settings that fit `world`.
pub(crate) fn settings(world: &World) -> ServeArgs {
    let mut args = ServeArgs {
        topic: Some(TOPIC.to_owned()),
        check_queue: Some(CHECK_QUEUE.to_owned()),
        report_queue: Some(REPORT_QUEUE.to_owned()),
        tasks_service_account: Some("tasks@demo.iam.gserviceaccount.com".to_owned()),
        slack_webhook_url: Some(world.slack.webhook().into()),
        ..ServeArgs::default()
    };
    args.common.endpoints = Some(world.endpoints());
    args.common.access_token = Some(TOKEN.into());
    args
}

async fn serve(world: &World, args: &ServeArgs) -> (String, oneshot::Sender<()>, JoinHandle<bool>) {
    let settings = args.check().unwrap();
    let port = args.port.as_deref().map_or(0, |port| port.parse().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = Arc::new(app::build(settings, Arc::new(Network::new().unwrap()), Arc::new(world.time.clone())));
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(app::run(app, listener, Limits::default(), async {
        let _ = stopped.await;
    }));
    (url, stop, server)
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
