//! An incoming webhook: it posts to the one space that it is bound to, all messages of a watch in one thread. Its URL is a secret
//! and in no error.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

use super::answer::{Asked, named, of_empty, of_error};
use super::card::{in_thread, rendered};
use super::pace::Pace;
use super::{ID, TITLE};
use crate::clock::Stopwatch;
use crate::google::{CallError, Refusal};
use crate::net::transport::{Method, Request, Transport};
use crate::outlets::{Call, Content, Outlet, Place, PostError, Sending, To};
use crate::watch::{Mention, Powers, Receipt};

pub(super) const POWERS: Powers =
    Powers { texts: true, edits: false, threads: true, mentions: true, targets: false };
/// The space that the webhook is bound to.
const SPACE: &str = "";

/// An incoming webhook.
pub(super) struct Webhook {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) url: SecretString,
    pub(super) mention: Option<Mention>,
    pub(super) pace: Pace,
}

impl Webhook {
    async fn send(&self, body: &Json, call: Call) -> Result<(), PostError> {
        let url = format!("{}{}", self.url.expose_secret(), super::IN_THREAD);
        // An empty message has no thread.
        let url = if body.get("thread").is_some() { url.into() } else { self.url.clone() };
        let body = body.to_string().into_bytes();
        let request =
            Request { method: Method::Post, url, token: None, headers: Vec::new(), body, longest: None };
        match self.transport.send(request, call.limit).await {
            Ok(answer) if (200..300).contains(&answer.status) => named(&answer.body),
            Ok(answer) => of_error(&CallError::Refused(Refusal::of(&answer, false)), Asked::Webhook),
            Err(failure) => of_error(&CallError::NoAnswer(failure), Asked::Webhook),
        }
    }

    async fn post_notice(&self, content: Content<'_>, call: Call) -> Result<Option<Receipt>, PostError> {
        let body = in_thread(rendered(content), content);
        let took = Stopwatch::start();
        let turn = self.pace.turn(SPACE, call).await?;
        let result = self.send(&body, turn).await;
        self.pace.written(SPACE, call, took, &result);
        result.map(|()| None)
    }
}

impl Outlet for Webhook {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        TITLE
    }

    fn powers(&self) -> Powers {
        POWERS
    }

    fn post<'a>(&'a self, _: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>> {
        Box::pin(self.post_notice(content, call))
    }

    /// A live webhook finds an empty message empty, a dead one says so.
    fn probe(&self, limit: Duration) -> Sending<'_, ()> {
        let call = Call { limit, now: DateTime::<Utc>::MIN_UTC };
        Box::pin(async move { of_empty(self.send(&json!({}), call).await) })
    }

    fn probed(&self) -> &'static str {
        "Google Chat's webhook"
    }

    fn resting(&self, _: Place<'_>, now: DateTime<Utc>) -> Option<PostError> {
        self.pace.resting(SPACE, now)
    }

    fn mention(&self) -> Option<&Mention> {
        self.mention.as_ref()
    }
}
