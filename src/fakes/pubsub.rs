//! Pub/Sub: topics, publishing, and push subscriptions with a retry policy and a dead-letter topic.
//!
//! What happens to a message once it is published is in `delivery`; pull subscriptions are in `pull`.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::{Answer, FakeServer, FakeService, has_door};
use super::events::Event;
use super::google::{self, Refusal};
use super::leases::Pulls;
use super::lock::lock;
use super::recorded::RecordedRequest;
use super::shared::Shared;

/// Message ids have 16 digits at Google.
const FIRST_ID: u64 = 2_070_443_601_311_540;

/// A push subscription. Names are full: `projects/P/subscriptions/S`, `projects/P/topics/T`.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its name.
    pub name: String,
    /// The topic it reads.
    pub topic: String,
    /// Where messages are posted.
    pub push_endpoint: String,
    /// The first redelivery comes after this; each further one after twice the time.
    pub min_backoff: Duration,
    /// The longest time between two deliveries.
    pub max_backoff: Duration,
    /// Deliveries before a message is forwarded to the dead-letter topic.
    pub max_delivery_attempts: Option<u32>,
    /// Where messages go that were refused too often.
    pub dead_letter_topic: Option<String>,
    /// How long a push may take, in real time.
    pub ack_deadline: Duration,
}

/// A published message and what became of it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// When it was published.
    pub publish_time: DateTime<Utc>,
    /// The decoded data.
    pub data: Vec<u8>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its ordering key.
    pub ordering_key: Option<String>,
    /// The topic it was published to.
    pub topic: String,
    /// Its pushes, in the order in which they ended.
    pub deliveries: Vec<Delivery>,
}

/// One push of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The subscription's name.
    pub subscription: String,
    /// 1 for the first.
    pub attempt: u32,
    /// The HTTP status, none when there was no answer in time.
    pub status: Option<u16>,
}

/// The stand-in for Pub/Sub.
#[derive(Clone)]
pub struct PubSub {
    pub(super) shared: Arc<Shared>,
    door: Arc<FakeServer>,
    pub(super) state: Arc<Mutex<State>>,
    needs_token: bool,
}

has_door!(PubSub);

#[derive(Default)]
pub(super) struct State {
    /// Each topic with the account that alone may publish to it; without one anyone may.
    topics: BTreeMap<String, Option<String>>,
    pub(super) subscriptions: Vec<Arc<Subscription>>,
    pub(super) pulls: BTreeMap<String, Pulls>,
    messages: Vec<Message>,
    pub(super) push_headers: Vec<(String, String)>,
    pub(super) to_duplicate: usize,
    /// How often every other delivery is made at once.
    pub(super) copies: usize,
}

impl State {
    pub(super) fn message(&mut self, id: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.id == id)
    }
}

/// The body of a publish request; Cloud Tasks reads it too, inside a task.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publish {
    pub(super) messages: Vec<NewMessage>,
}

/// A message to publish.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewMessage {
    #[serde(default)]
    data: String,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    ordering_key: Option<String>,
}

impl NewMessage {
    pub(super) fn new(data: &[u8], attributes: BTreeMap<String, String>) -> Self {
        Self { data: STANDARD.encode(data), attributes, ordering_key: None }
    }

    pub(super) fn decoded(&self) -> Result<Vec<u8>, Refusal> {
        STANDARD
            .decode(&self.data)
            .map_err(|error| Refusal::invalid(format!("Base64 decoding failed for data: {error}")))
    }
}

impl PubSub {
    pub(super) async fn open(shared: &Arc<Shared>, needs_token: bool) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(0).await?;
        let pubsub = Self { shared: Arc::clone(shared), door, state: Arc::default(), needs_token };
        pubsub.door.open(listener, shared, pubsub.clone());
        Ok(pubsub)
    }

    /// Creates a topic: `projects/P/topics/T`.
    pub fn create_topic(&self, name: &str) {
        lock(&self.state).topics.insert(name.to_owned(), None);
    }

    /// Creates a topic that only `account` may publish to.
    pub fn create_topic_for(&self, account: &str, name: &str) {
        lock(&self.state).topics.insert(name.to_owned(), Some(account.to_owned()));
    }

    /// Creates a push subscription: it gets what is published from now on.
    pub fn subscribe(&self, subscription: Subscription) {
        lock(&self.state).subscriptions.push(Arc::new(subscription));
    }

    /// Changes a push subscription: what is delivered from now on goes where the new one says.
    pub fn subscribe_again(&self, subscription: Subscription) {
        let mut state = lock(&self.state);
        state.subscriptions.retain(|known| known.name != subscription.name);
        state.subscriptions.push(Arc::new(subscription));
    }

    /// Publishes to a topic and returns the message's id; the push is on its way then. An unknown topic is a
    /// violation, and so is one that not everyone may publish to; the id is empty then.
    pub fn publish(&self, topic: &str, data: &[u8]) -> Ready<String> {
        self.publish_with(topic, data, BTreeMap::new())
    }

    /// The same with attributes.
    pub fn publish_with(
        &self,
        topic: &str,
        data: &[u8],
        attributes: BTreeMap<String, String>,
    ) -> Ready<String> {
        let only_for = lock(&self.state).topics.get(topic).cloned().flatten();
        let id = match only_for {
            None => self.accept(topic, NewMessage::new(data, attributes)),
            Some(_) => None,
        };
        ready(self.known(topic, id))
    }

    /// The same as the account that alone may publish to the topic.
    pub fn publish_as(&self, account: &str, topic: &str, data: &[u8]) -> Ready<String> {
        let only_for = lock(&self.state).topics.get(topic).cloned().flatten();
        let id = match only_for {
            Some(only) if only == account => self.accept(topic, NewMessage::new(data, BTreeMap::new())),
            _ => None,
        };
        ready(self.known(topic, id))
    }

    fn known(&self, topic: &str, id: Option<String>) -> String {
        id.unwrap_or_else(|| {
            self.shared
                .violation(format!("published to {topic}, which is unknown or not for this publisher"));
            String::new()
        })
    }

    /// Delivers a message once more, even though it was acknowledged; false when there is none with this id.
    pub fn redeliver(&self, id: &str) -> bool {
        let (topic, attempt) = {
            let mut state = lock(&self.state);
            let Some(message) = state.message(id) else { return false };
            (message.topic.clone(), message.deliveries.last().map_or(1, |last| last.attempt))
        };
        self.deliver_to_all(&topic, id, attempt);
        true
    }

    /// Each of the next `n` deliveries is made twice at once.
    pub fn duplicate_next(&self, n: usize) {
        lock(&self.state).to_duplicate += n;
    }

    /// Every delivery from now on is made so often at once: up to three times.
    pub fn deliver_each(&self, times: usize) {
        lock(&self.state).copies = times;
    }

    /// Puts these headers on every push from now on, such as `Authorization`.
    pub fn push_with(&self, headers: Vec<(String, String)>) {
        lock(&self.state).push_headers = headers;
    }

    /// Every message, in the order published.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.state).messages.clone()
    }

    /// The messages that were forwarded to a dead-letter topic.
    pub fn dead_letters(&self) -> Vec<Message> {
        let mut messages = self.messages();
        messages.retain(|message| message.attributes.contains_key("CloudPubSubDeadLetterSourceSubscription"));
        messages
    }

    /// Takes a message and begins its deliveries; none when there is no such topic, or its data is not base64.
    pub(super) fn accept(&self, topic: &str, new: NewMessage) -> Option<String> {
        let data = new.decoded().ok()?;
        let id = {
            let mut state = lock(&self.state);
            if !state.topics.contains_key(topic) {
                return None;
            }
            let id = (FIRST_ID + state.messages.len() as u64).to_string();
            let now = self.shared.time.now();
            state.pulls.values_mut().for_each(|pulls| pulls.offer(topic, &id, now));
            state.messages.push(Message {
                id: id.clone(),
                publish_time: now,
                data: data.clone(),
                attributes: new.attributes,
                ordering_key: new.ordering_key,
                topic: topic.to_owned(),
                deliveries: Vec::new(),
            });
            id
        };
        self.shared.event(Event::Published { id: id.clone(), data });
        self.deliver_to_all(topic, &id, 1);
        Some(id)
    }

    fn deliver_to_all(&self, topic: &str, id: &str, attempt: u32) {
        let mut subscriptions = lock(&self.state).subscriptions.clone();
        subscriptions.retain(|subscription| subscription.topic == topic);
        for subscription in subscriptions {
            self.shared.begin(self.clone().delivery(subscription, id.to_owned(), attempt));
        }
    }

    fn answered(&self, request: &RecordedRequest) -> Result<Value, Refusal> {
        let segments = request.segments();
        let (project, topic) = match segments.as_slice() {
            ["v1", "projects", project, "subscriptions", last] if request.method == "POST" => {
                if self.needs_token {
                    google::bears_token(request)?;
                }
                return self.subscriber_request(request, project, last);
            }
            ["v1", "projects", project, "topics", last] if request.method == "POST" => {
                (project, last.strip_suffix(":publish").ok_or_else(Refusal::no_method)?)
            }
            _ => return Err(Refusal::no_method()),
        };
        if !google::is_id(project) || !google::is_id(topic) {
            return Err(Refusal::invalid("Invalid topic name."));
        }
        if self.needs_token {
            google::bears_token(request)?;
        }
        let Publish { messages } = google::body(request)?;
        check(&messages)?;
        let topic = format!("projects/{project}/topics/{topic}");
        let Some(publisher) = lock(&self.state).topics.get(&topic).cloned() else {
            let message = format!("Resource not found (resource={topic}).");
            return Err(Refusal::expected(404, "NOT_FOUND", message));
        };
        if let Some(account) = publisher {
            google::is_granted(request, &account)?;
        }
        let ids: Vec<_> = messages.into_iter().filter_map(|message| self.accept(&topic, message)).collect();
        Ok(json!({"messageIds": ids}))
    }
}

/// What Pub/Sub demands of the messages of one request.
pub(super) fn check(messages: &[NewMessage]) -> Result<(), Refusal> {
    if messages.is_empty() || messages.len() > 1_000 {
        return Err(Refusal::invalid("A request must have 1 to 1000 messages."));
    }
    for message in messages {
        if message.decoded()?.is_empty() && message.attributes.is_empty() {
            return Err(Refusal::invalid("Some messages are empty."));
        }
        // <https://cloud.google.com/pubsub/quotas#resource_limits>,
        // <https://cloud.google.com/pubsub/docs/publisher#using-attributes>
        let fits = |(key, value): (&String, &String)| {
            (1..=256).contains(&key.len()) && !key.starts_with("goog") && value.len() <= 1_024
        };
        if message.attributes.len() > 100 || !message.attributes.iter().all(fits) {
            return Err(Refusal::invalid("The attributes of a message exceed a limit."));
        }
    }
    Ok(())
}

impl FakeService for PubSub {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        google::answer(&self.shared, request, self.answered(request))
    }
}
