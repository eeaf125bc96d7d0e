//! Slack: an incoming webhook that keeps what it accepts, and a page that shows it.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::door::{Answer, Door, Recorded, StandIn, has_door};
use super::events::Event;
use super::page::page;
use super::shared::{Shared, lock};
use super::slack_rules;

const TEXT: &str = "text/plain; charset=utf-8";

/// Payloads, and when they came.
type Messages = Vec<(DateTime<Utc>, Value)>;

/// The stand-in for Slack.
#[derive(Clone)]
pub struct Slack {
    shared: Arc<Shared>,
    door: Arc<Door>,
    messages: Arc<Mutex<Messages>>,
}

has_door!(Slack);

impl Slack {
    pub(super) async fn open(shared: &Arc<Shared>, port: u16) -> std::io::Result<Self> {
        let (door, listener) = Door::listen(port).await?;
        let slack = Self { shared: Arc::clone(shared), door, messages: Arc::default() };
        slack.door.open(listener, shared, slack.clone());
        Ok(slack)
    }

    /// A webhook's URL; every path of this shape is one.
    pub fn webhook(&self) -> String {
        format!("{}/services/T0LOCAL/B0LOCAL/stand-in", self.url())
    }

    /// The payloads accepted, in order.
    pub fn messages(&self) -> Vec<Value> {
        lock(&self.messages).iter().map(|(_, payload)| payload.clone()).collect()
    }

    fn post(&self, request: &Recorded) -> Result<(), (u16, String, String)> {
        if !request.says_json() {
            return Err((400, "invalid_payload".to_owned(), "the Content-Type is not JSON".to_owned()));
        }
        let payload: Value = serde_json::from_slice(&request.body)
            .map_err(|error| (400, "invalid_payload".to_owned(), error.to_string()))?;
        slack_rules::check(&payload).map_err(|refused| (400, refused.answer.to_owned(), refused.reason))?;
        lock(&self.messages).push((self.shared.time.now(), payload.clone()));
        self.shared.event(Event::SlackPosted { payload });
        Ok(())
    }

    fn refuse(&self, request: &Recorded, status: u16, answer: &str, reason: &str) -> Answer {
        self.shared.violation(format!("{} {}: {status} {answer}: {reason}", request.method, request.path));
        Answer { status, kind: TEXT, body: answer.to_owned() }
    }
}

impl StandIn for Slack {
    fn answer(&self, request: &Recorded) -> Answer {
        match (request.method.as_str(), request.segments().as_slice()) {
            ("POST", ["services", team, hook, secret])
                if team.starts_with('T') && hook.starts_with('B') && !secret.is_empty() =>
            {
                match self.post(request) {
                    Ok(()) => Answer { status: 200, kind: TEXT, body: "ok".to_owned() },
                    Err((status, answer, reason)) => {
                        self.shared.event(Event::SlackRefused { status, answer: answer.clone() });
                        self.refuse(request, status, &answer, &reason)
                    }
                }
            }
            ("GET", [""]) => {
                let body = page(&lock(&self.messages));
                Answer { status: 200, kind: "text/html; charset=utf-8", body }
            }
            ("GET", ["messages.json"]) => {
                let body = Value::Array(self.messages()).to_string();
                Answer { status: 200, kind: "application/json; charset=utf-8", body }
            }
            // A browser asks for it by itself.
            ("GET", ["favicon.ico"]) => Answer { status: 404, kind: TEXT, body: String::new() },
            _ => self.refuse(request, 404, "no_service", "no such webhook or page"),
        }
    }

    fn faulted(&self, request: &Recorded, status: u16, body: &str) {
        if request.method == "POST" && !(200..300).contains(&status) {
            self.shared.event(Event::SlackRefused { status, answer: body.to_owned() });
        }
    }
}
