//! Slack: an incoming webhook and a bot's web API that keep what they accept, and a page that shows it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::channel::ChannelMessage;
use super::door::{Answer, FakeServer, FakeService, has_door};
use super::events::Event;
use super::lock::lock;
use super::page::{Reader, following, main_part};
use super::recorded::RecordedRequest;
use super::shared::Shared;
use super::slack_rules::{self, Refused};
use crate::watch::Locale;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";
/// The token of the one bot.
const BOT_TOKEN: &str = "xoxb-local-stand-in";
/// The channel that the webhook posts to.
const WEBHOOK_CHANNEL: &str = "C0WEBHOOK";

/// The stand-in for Slack.
#[derive(Clone)]
pub struct Slack {
    shared: Arc<Shared>,
    door: Arc<FakeServer>,
    messages: Arc<Mutex<Vec<ChannelMessage>>>,
    /// Channels that take nothing, and the error that says so.
    closed: Arc<Mutex<Vec<(String, String)>>>,
    /// The workspace lets no app mention whole channels.
    refuses_broadcasts: Arc<AtomicBool>,
    /// Whose Slack the page shows.
    reader: Arc<Mutex<Reader>>,
}

has_door!(Slack);

impl Slack {
    pub(super) async fn open(shared: &Arc<Shared>, port: u16) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(port).await?;
        let slack = Self {
            shared: Arc::clone(shared),
            door,
            messages: Arc::default(),
            closed: Arc::default(),
            refuses_broadcasts: Arc::default(),
            reader: Arc::default(),
        };
        slack.door.open(listener, shared, slack.clone());
        Ok(slack)
    }

    /// A webhook's URL; every path of this shape is one.
    pub fn webhook(&self) -> String {
        format!("{}/services/T0LOCAL/B0LOCAL/stand-in", self.url())
    }

    /// The token that the web API demands.
    pub fn bot_token(&self) -> String {
        BOT_TOKEN.to_owned()
    }

    /// Whether Slack takes this payload.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn takes(payload: &Value) -> Result<(), String> {
        slack_rules::check(payload).map_err(|refused| format!("{}: {}", refused.answer, refused.reason))
    }

    /// The page is that of somebody with this language and clock.
    pub(super) fn show_to(&self, locale: Locale, zone: Tz) {
        *lock(&self.reader) = Reader { locale, zone };
    }

    /// What the messages that are there say, in the order in which they were posted.
    pub fn messages(&self) -> Vec<Value> {
        let messages = self.channel_messages().into_iter().filter(|message| !message.deleted);
        messages.map(|message| message.payload).collect()
    }

    /// Every message ever posted, in order.
    pub fn channel_messages(&self) -> Vec<ChannelMessage> {
        lock(&self.messages).clone()
    }

    /// Deletes every message, as a person may.
    pub fn delete_all(&self) {
        lock(&self.messages).iter_mut().for_each(|message| message.deleted = true);
    }

    /// From now on the bot's posts to `channel` fail with `error`.
    pub fn close_channel(&self, channel: &str, error: &str) {
        lock(&self.closed).push((channel.to_owned(), error.to_owned()));
    }

    /// From now on the workspace refuses messages of apps that mention `here`, `channel` or `everyone`.
    pub fn refuse_broadcasts(&self) {
        self.refuses_broadcasts.store(true, Ordering::Relaxed);
    }

    /// What a message says, and whether the workspace lets an app say it.
    fn check(&self, payload: &Value) -> Result<(), Refused> {
        slack_rules::check(payload)?;
        if self.refuses_broadcasts.load(Ordering::Relaxed) {
            slack_rules::check_broadcast(payload)?;
        }
        Ok(())
    }

    fn post_to_webhook(&self, request: &RecordedRequest) -> Result<(), (u16, String, String)> {
        if !request.says_json() {
            return Err((400, "invalid_payload".to_owned(), "the Content-Type is not JSON".to_owned()));
        }
        let payload: Value = serde_json::from_slice(&request.body)
            .map_err(|error| (400, "invalid_payload".to_owned(), error.to_string()))?;
        self.check(&payload).map_err(|refused| {
            // The bot's word is documented, a webhook's is taken to be the same, with the status of `action_prohibited`.
            let status = if refused.reason.is_empty() { 403 } else { 400 };
            (status, refused.answer, refused.reason)
        })?;
        self.keep(WEBHOOK_CHANNEL, None, false, payload);
        Ok(())
    }

    fn keep(&self, channel: &str, thread_ts: Option<String>, broadcast: bool, payload: Value) -> String {
        let mut messages = lock(&self.messages);
        let at = self.shared.time.now();
        let ts = format!("{}.{:06}", at.timestamp(), messages.len());
        messages.push(ChannelMessage {
            channel: channel.to_owned(),
            ts: ts.clone(),
            thread_ts,
            broadcast,
            at,
            payload: payload.clone(),
            edits: 0,
            deleted: false,
        });
        drop(messages);
        self.shared.event(Event::SlackPosted { payload });
        ts
    }

    /// A method of the web API: its answer, or its error and what is wrong.
    fn call(&self, method: &str, request: &RecordedRequest) -> Result<Value, Refused> {
        match request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            None => return Err(Refused::new("not_authed", "no token")),
            Some(BOT_TOKEN) => {}
            Some(_) => return Err(Refused::new("invalid_auth", "another token")),
        }
        if !request.says_json() {
            return Err(Refused::new("invalid_json", "the Content-Type is not JSON"));
        }
        let Value::Object(arguments) = request.json() else {
            return Err(Refused::new("invalid_json", "not an object"));
        };
        match method {
            "auth.test" => Ok(json!({"ok": true, "team": "Local", "user": "opwatch"})),
            "chat.postMessage" => self.post_message(arguments),
            "chat.update" => self.update(arguments),
            "chat.delete" => {
                let (channel, ts) = (argument(&arguments, "channel")?, argument(&arguments, "ts")?);
                self.change(&channel, &ts, |message| message.deleted = true)?;
                self.shared.event(Event::SlackDeleted { ts: ts.clone() });
                Ok(json!({"ok": true, "channel": channel, "ts": ts}))
            }
            _ => Err(Refused::new("unknown_method", "no such method is known here")),
        }
    }

    fn post_message(&self, mut arguments: Map<String, Value>) -> Result<Value, Refused> {
        let channel = argument(&arguments, "channel")?;
        self.is_open(&channel)?;
        let thread = arguments.get("thread_ts").map(|_| argument(&arguments, "thread_ts")).transpose()?;
        let broadcast = arguments.get("reply_broadcast").is_some_and(|is| *is == true);
        if let Some(thread) = &thread {
            self.change(&channel, thread, |_| ())
                .map_err(|_| Refused::new("thread_not_found", "no such thread"))?;
        } else if arguments.contains_key("reply_broadcast") {
            return Err(Refused::new("invalid_arguments", "reply_broadcast without a thread"));
        }
        for taken in ["channel", "thread_ts", "reply_broadcast"] {
            arguments.remove(taken);
        }
        let payload = Value::Object(arguments);
        self.check(&payload)?;
        let ts = self.keep(&channel, thread, broadcast, payload.clone());
        Ok(json!({"ok": true, "channel": channel, "ts": ts, "message": payload}))
    }

    fn update(&self, mut arguments: Map<String, Value>) -> Result<Value, Refused> {
        let (channel, ts) = (argument(&arguments, "channel")?, argument(&arguments, "ts")?);
        self.is_open(&channel)?;
        arguments.remove("channel");
        arguments.remove("ts");
        slack_rules::check_update(&Value::Object(arguments.clone()))?;
        let payload = self.change(&channel, &ts, |message| {
            // Attachments that are not named stay.
            if let (None, Some(old)) = (arguments.get("attachments"), message.payload.get("attachments")) {
                arguments.insert("attachments".to_owned(), old.clone());
            }
            message.payload = Value::Object(arguments.clone());
            message.edits += 1;
            message.payload.clone()
        })?;
        self.shared.event(Event::SlackEdited { ts: ts.clone(), payload });
        Ok(json!({"ok": true, "channel": channel, "ts": ts}))
    }

    fn change<T>(
        &self,
        channel: &str,
        ts: &str,
        change: impl FnOnce(&mut ChannelMessage) -> T,
    ) -> Result<T, Refused> {
        let mut messages = lock(&self.messages);
        let is_it = |message: &&mut ChannelMessage| {
            message.channel == channel && message.ts == ts && !message.deleted
        };
        messages.iter_mut().find(is_it).map(change).ok_or_else(|| Refused::new("message_not_found", ts))
    }

    fn is_open(&self, channel: &str) -> Result<(), Refused> {
        if !channel.starts_with(['C', 'G', 'D']) {
            return Err(Refused::new("channel_not_found", channel));
        }
        match lock(&self.closed).iter().find(|(closed, _)| closed == channel) {
            Some((_, error)) => Err(Refused { answer: error.clone(), reason: String::new() }),
            None => Ok(()),
        }
    }

    fn refuse(&self, request: &RecordedRequest, status: u16, answer: &str, reason: &str) -> Answer {
        self.shared.violation(format!("{} {}: {status} {answer}: {reason}", request.method, request.path));
        Answer { status, kind: TEXT, body: answer.to_owned() }
    }

    fn answer_page(&self, show: fn(&[ChannelMessage], Reader) -> String) -> Answer {
        let body = show(&self.channel_messages(), *lock(&self.reader));
        Answer { status: 200, kind: HTML, body }
    }

    fn answer_call(&self, method: &str, request: &RecordedRequest) -> Answer {
        let body = match self.call(method, request) {
            Ok(answer) => answer,
            Err(Refused { answer, reason }) => {
                self.shared.event(Event::SlackRefused { status: 200, answer: answer.clone() });
                // A message that a person deleted and a channel that is closed break no contract.
                if answer != "message_not_found" && !reason.is_empty() {
                    self.refuse(request, 200, &answer, &reason);
                }
                json!({"ok": false, "error": answer})
            }
        };
        Answer { status: 200, kind: JSON, body: body.to_string() }
    }
}

fn argument(arguments: &Map<String, Value>, name: &'static str) -> Result<String, Refused> {
    let value = arguments.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    value.map(str::to_owned).ok_or_else(|| Refused::new("invalid_arguments", &format!("no {name}")))
}

impl FakeService for Slack {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        match (request.method.as_str(), request.segments().as_slice()) {
            ("POST", ["services", team, hook, secret])
                if team.starts_with('T') && hook.starts_with('B') && !secret.is_empty() =>
            {
                match self.post_to_webhook(request) {
                    Ok(()) => Answer { status: 200, kind: TEXT, body: "ok".to_owned() },
                    Err((status, answer, reason)) => {
                        self.shared.event(Event::SlackRefused { status, answer: answer.clone() });
                        if reason.is_empty() {
                            return Answer { status, kind: TEXT, body: answer };
                        }
                        self.refuse(request, status, &answer, &reason)
                    }
                }
            }
            ("POST", ["api", method]) => self.answer_call(method, request),
            ("GET", [""]) => self.answer_page(following),
            ("GET", ["messages.html"]) => self.answer_page(main_part),
            ("GET", ["messages.json"]) => {
                let body = Value::Array(self.messages()).to_string();
                Answer { status: 200, kind: JSON, body }
            }
            _ => self.refuse(request, 404, "no_service", "no such webhook or page"),
        }
    }

    /// The page asks a few times a second.
    fn records(&self, request: &RecordedRequest) -> bool {
        request.method == "POST"
    }

    fn faulted(&self, request: &RecordedRequest, status: u16, body: &str) {
        let refused = !(200..300).contains(&status) || body.contains("\"ok\":false");
        if request.method == "POST" && refused {
            self.shared.event(Event::SlackRefused { status, answer: body.to_owned() });
        }
    }
}
