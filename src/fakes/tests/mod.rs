//! Drives each stand-in over real HTTP.

mod chat;
mod faults;
mod operations;
mod payloads;
mod pubsub;
mod pull;
mod slack;
mod tasks;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::door::{Answer, FakeServer, FakeService};
use super::lock::lock;
use super::*;

const TOPIC: &str = "projects/demo/topics/watch";
const QUEUE: &str = "projects/demo/locations/us/queues/later";

/// A world whose time jumps.
async fn instant() -> World {
    World::start(Options { pace: Pace::Instant, ..Options::default() }).await.unwrap()
}

/// A push endpoint: answers these statuses in turn, then the last one for ever.
#[derive(Clone)]
struct Endpoint {
    door: Arc<FakeServer>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
}

impl Endpoint {
    async fn open(world: &World, statuses: &[u16]) -> Self {
        let (door, listener) = FakeServer::listen(0).await.unwrap();
        let statuses = Arc::new(Mutex::new(statuses.iter().copied().collect()));
        let endpoint = Self { door, statuses };
        endpoint.door.open(listener, &world.shared, endpoint.clone());
        endpoint
    }

    fn url(&self) -> String {
        self.door.url()
    }

    fn pushes(&self) -> Vec<RecordedRequest> {
        self.door.requests()
    }
}

impl FakeService for Endpoint {
    fn answer(&self, _request: &RecordedRequest) -> Answer {
        let mut statuses = lock(&self.statuses);
        let status = if statuses.len() > 1 { statuses.pop_front() } else { statuses.front().copied() };
        Answer { status: status.unwrap(), kind: "text/plain", body: String::new() }
    }
}

/// A topic with a subscription that pushes to an endpoint that answers these.
async fn subscribed(world: &World, statuses: &[u16]) -> Endpoint {
    let endpoint = Endpoint::open(world, statuses).await;
    world.pubsub.create_topic(TOPIC);
    world.pubsub.subscribe(subscription(TOPIC, &endpoint));
    endpoint
}

fn subscription(topic: &str, endpoint: &Endpoint) -> Subscription {
    Subscription {
        name: "projects/demo/subscriptions/push".to_owned(),
        topic: topic.to_owned(),
        push_endpoint: endpoint.url(),
        min_backoff: Duration::from_secs(10),
        max_backoff: Duration::from_secs(60),
        max_delivery_attempts: None,
        dead_letter_topic: None,
        ack_deadline: Duration::from_secs(10),
    }
}

/// The status and the JSON (or text) of an answer; an error when there was none.
async fn call(request: reqwest::RequestBuilder) -> Result<(u16, Value), reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

async fn post(world: &World, url: &str, body: &Value) -> (u16, Value) {
    call(post_request(world, url, body)).await.unwrap()
}

fn post_request(world: &World, url: &str, body: &Value) -> reqwest::RequestBuilder {
    let request = world.shared.client.post(url).header("Content-Type", "application/json");
    request.body(body.to_string())
}

async fn get(world: &World, url: &str) -> (u16, Value) {
    call(world.shared.client.get(url)).await.unwrap()
}

/// A tasks.create body that publishes this at `ahead` seconds from now.
fn task(world: &World, id: &str, ahead: i64, data: &Value) -> Value {
    let publish = json!({"messages": [{"data": STANDARD.encode(data.to_string())}]});
    let at = world.time.now() + chrono::TimeDelta::seconds(ahead);
    json!({"task": {
        "name": format!("{QUEUE}/tasks/{id}"),
        "scheduleTime": at.to_rfc3339(),
        "httpRequest": {
            "httpMethod": "POST",
            "url": format!("{}/v1/{TOPIC}:publish", world.pubsub.url()),
            "headers": {"Content-Type": "application/json"},
            "body": STANDARD.encode(publish.to_string()),
            "oauthToken": {"serviceAccountEmail": "tasks@demo.iam.gserviceaccount.com"},
        },
    }})
}

fn tasks_url(world: &World) -> String {
    format!("{}/v2/{QUEUE}/tasks", world.tasks.url())
}
