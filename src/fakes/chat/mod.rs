//! Google Chat: an app's API and incoming webhooks, that keep what they accept.

pub(crate) mod page;
mod rules;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use self::rules::string;
use super::door::{Answer, FakeServer, FakeService, has_door};
use super::google::{self, Refusal};
use super::lock::lock;
use super::recorded::RecordedRequest;
use super::shared::Shared;

/// Writes in a space, of all apps together: <https://developers.google.com/workspace/chat/limits>.
const WRITE: TimeDelta = TimeDelta::seconds(1);
/// The key and the token of every webhook.
const KEY: &str = "local-key";
const HOOK_TOKEN: &str = "stand-in-hook";
/// The space of the webhook.
const WEBHOOK_SPACE: &str = "spaces/WEBHOOK";

/// The stand-in for Google Chat.
#[derive(Clone)]
pub struct Chat {
    shared: Arc<Shared>,
    door: Arc<FakeServer>,
    token: Option<String>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    messages: Vec<ChatMessage>,
    /// When a space was last written to.
    written: BTreeMap<String, DateTime<Utc>>,
    /// Spaces that refuse the app: with this status and these words.
    closed: BTreeMap<String, (u16, &'static str, &'static str)>,
}

/// A message in a space.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage {
    /// `spaces/S`.
    pub space: String,
    /// The id that the app chose; empty when it chose none.
    pub id: String,
    /// What makes requests for it one.
    pub request_id: String,
    /// The key of its thread; empty when it began one by itself.
    pub thread: String,
    /// When it was posted.
    pub at: DateTime<Utc>,
    /// What it says now.
    pub payload: Value,
    /// How often it was edited.
    pub edits: usize,
    /// Whether it was deleted.
    pub deleted: bool,
}

has_door!(Chat);

impl Chat {
    pub(super) async fn open(shared: &Arc<Shared>, token: Option<String>) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(0).await?;
        let chat = Self { shared: Arc::clone(shared), door, token, state: Arc::default() };
        chat.door.open(listener, shared, chat.clone());
        Ok(chat)
    }

    /// The URL of an incoming webhook.
    pub fn webhook(&self) -> String {
        format!("{}/v1/{WEBHOOK_SPACE}/messages?key={KEY}&token={HOOK_TOKEN}", self.url())
    }

    /// Whether Chat takes this message.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn takes(message: &Value) -> Result<(), String> {
        rules::check(message)
    }

    /// Every message ever posted, in order.
    pub fn messages(&self) -> Vec<ChatMessage> {
        lock(&self.state).messages.clone()
    }

    /// Deletes every message, as a person may.
    pub fn delete_all(&self) {
        lock(&self.state).messages.iter_mut().for_each(|message| message.deleted = true);
    }

    /// From now on the app is not in this space.
    pub fn remove_app(&self, space: &str) {
        let refusal = (403, "PERMISSION_DENIED", "This Chat app is not a member of this space.");
        lock(&self.state).closed.insert(space.to_owned(), refusal);
    }

    /// A post: by the app, or by a webhook.
    fn post(&self, space: &str, request: &RecordedRequest) -> Result<Value, Refusal> {
        let query: BTreeMap<String, String> = request.query().into_iter().collect();
        let of = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let is_webhook = query.contains_key("key");
        self.may_post(is_webhook, request, &of)?;
        known(&query, &["messageId", "requestId", "messageReplyOption", "key", "token"])?;
        let message: Value = google::body(request)?;
        self.is_open(space)?;
        let id = of("messageId");
        if query.contains_key("messageId") && !is_client_id(id) {
            return Err(Refusal::invalid(format!("Invalid message ID {id}.")));
        }
        let thread = message.get("thread").map_or("", |thread| string(thread, "threadKey")).to_owned();
        match of("messageReplyOption") {
            "" => {}
            "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD" if !thread.is_empty() => {}
            other => return Err(Refusal::invalid(format!("Invalid messageReplyOption {other}."))),
        }
        if let Err(why) = rules::check(&message) {
            // What `opwatch doctor` asks a webhook with.
            let is_probe = is_webhook && message == json!({});
            return Err(if is_probe { empty() } else { Refusal::invalid(why) });
        }
        self.keep(space, id, of("requestId"), &thread, message)
    }

    fn may_post<'a>(
        &self,
        is_webhook: bool,
        request: &RecordedRequest,
        of: &impl Fn(&str) -> &'a str,
    ) -> Result<(), Refusal> {
        if !is_webhook {
            return google::authorized(request, self.token.as_deref());
        }
        if (of("key"), of("token")) == (KEY, HOOK_TOKEN) && request.header("authorization").is_none() {
            return Ok(());
        }
        Err(Refusal::expected(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."))
    }

    /// A request that was made before is answered with the message that it made:
    /// <https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create>.
    fn keep(
        &self,
        space: &str,
        id: &str,
        request_id: &str,
        thread: &str,
        payload: Value,
    ) -> Result<Value, Refusal> {
        let mut state = lock(&self.state);
        let made = state.messages.iter().find(|message| {
            message.space == space && !request_id.is_empty() && message.request_id == request_id
        });
        if let Some(made) = made {
            return Ok(answer(made));
        }
        if !id.is_empty() && state.messages.iter().any(|message| message.space == space && message.id == id) {
            return Err(Refusal::expected(409, "ALREADY_EXISTS", "Requested entity already exists"));
        }
        self.count(&mut state, space)?;
        let message = ChatMessage {
            space: space.to_owned(),
            id: id.to_owned(),
            request_id: request_id.to_owned(),
            thread: thread.to_owned(),
            at: self.shared.time.now(),
            payload,
            edits: 0,
            deleted: false,
        };
        let answered = answer(&message);
        state.messages.push(message);
        Ok(answered)
    }

    fn patch(&self, space: &str, id: &str, request: &RecordedRequest) -> Result<Value, Refusal> {
        google::authorized(request, self.token.as_deref())?;
        let query: BTreeMap<String, String> = request.query().into_iter().collect();
        known(&query, &["updateMask", "allowMissing"])?;
        let message: Value = google::body(request)?;
        self.is_open(space)?;
        let mask: Vec<&str> = query.get("updateMask").map_or("", String::as_str).split(',').collect();
        if mask.iter().any(|field| !["text", "cardsV2", "cards_v2"].contains(field)) {
            return Err(Refusal::invalid(format!("Invalid update mask {mask:?}.")));
        }
        rules::check(&message).map_err(Refusal::invalid)?;
        let mut state = lock(&self.state);
        let is_it = |message: &ChatMessage| message.space == space && message.id == id && !message.deleted;
        match (state.messages.iter().position(is_it), query.get("allowMissing").map(String::as_str)) {
            (Some(at), _) => {
                self.count(&mut state, space)?;
                let Some(found) = state.messages.get_mut(at) else { return Err(no_message()) };
                edit(found, &message, &mask);
                Ok(answer(found))
            }
            (None, Some("true")) if is_client_id(id) => {
                let thread =
                    message.get("thread").map_or("", |thread| string(thread, "threadKey")).to_owned();
                drop(state);
                self.keep(space, id, "", &thread, message)
            }
            (None, Some("true")) => Err(Refusal::invalid("allowMissing needs a client-assigned ID.")),
            (None, _) => Err(no_message()),
        }
    }

    fn is_open(&self, space: &str) -> Result<(), Refusal> {
        match lock(&self.state).closed.get(space) {
            Some((code, status, message)) => Err(Refusal::expected(*code, status, *message)),
            None => Ok(()),
        }
    }

    /// Counts a write.
    fn count(&self, state: &mut State, space: &str) -> Result<(), Refusal> {
        let now = self.shared.time.now();
        if state.written.get(space).is_some_and(|last| now - *last < WRITE) {
            let message = "Resource has been exhausted (e.g. check quota).";
            return Err(Refusal::expected(429, "RESOURCE_EXHAUSTED", message));
        }
        state.written.insert(space.to_owned(), now);
        Ok(())
    }
}

/// Makes of a message what the mask names; the rest stays, and so does what is shown where the card can't be.
fn edit(message: &mut ChatMessage, wanted: &Value, mask: &[&str]) {
    for field in ["text", "cardsV2"] {
        let is_named = mask.contains(&field) || field == "cardsV2" && mask.contains(&"cards_v2");
        if let (Some(payload), true) = (message.payload.as_object_mut(), is_named) {
            match wanted.get(field) {
                Some(value) => payload.insert(field.to_owned(), value.clone()),
                None => payload.remove(field),
            };
        }
    }
    message.edits += 1;
}

/// What is said of a message: its names, and what was in the request.
fn answer(message: &ChatMessage) -> Value {
    let id = if message.id.is_empty() { "assigned.assigned" } else { &message.id };
    let mut said = message.payload.as_object().cloned().unwrap_or_default();
    said.insert("name".to_owned(), format!("{}/messages/{id}", message.space).into());
    said.insert("thread".to_owned(), json!({"name": format!("{}/threads/t", message.space)}));
    Value::Object(said)
}

fn no_message() -> Refusal {
    Refusal::expected(404, "NOT_FOUND", "Message not found")
}

fn empty() -> Refusal {
    let message = "Message cannot be empty. Discarding empty create message request in spaces/WEBHOOK.";
    Refusal::expected(400, "INVALID_ARGUMENT", message)
}

fn known(query: &BTreeMap<String, String>, names: &[&str]) -> Result<(), Refusal> {
    match query.keys().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => {
            Err(Refusal::invalid(format!("Unknown name {unknown:?}: Cannot bind query parameter.")))
        }
        None => Ok(()),
    }
}

/// <https://developers.google.com/workspace/chat/create-messages#name_a_created_message>
fn is_client_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    id.starts_with("client-") && id.len() <= 63 && id.bytes().all(is_plain)
}

impl FakeService for Chat {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        let result = match (request.method.as_str(), request.segments().as_slice()) {
            ("POST", ["v1", "spaces", space, "messages"]) => self.post(&format!("spaces/{space}"), request),
            ("PATCH", ["v1", "spaces", space, "messages", id]) => {
                self.patch(&format!("spaces/{space}"), id, request)
            }
            ("GET", ["v1", "spaces", space]) => {
                let space = format!("spaces/{space}");
                let may = google::authorized(request, self.token.as_deref());
                may.and_then(|()| self.is_open(&space)).map(|()| json!({"name": space, "spaceType": "SPACE"}))
            }
            _ => Err(Refusal::no_method()),
        };
        google::answer(&self.shared, request, result)
    }
}
