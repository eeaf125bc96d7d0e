//! A Chat app: it posts to one space, edits its messages, and replies in threads. It chooses the ids of its messages, so that a
//! post that is repeated is the same message, and where it is needs no answer.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::answer::{Asked, named, of_error};
use super::card::{in_thread, rendered};
use super::ids::{self, Who};
use super::pace::Pace;
use super::{ID, TITLE};
use crate::clock::Stopwatch;
use crate::google::Google;
use crate::net::transport::Method;
use crate::outlets::layout::with;
use crate::outlets::{Call, Content, Outlet, Place, PostError, Reach, Sending, To};
use crate::watch::{Mention, Powers, Receipt, Target};

pub(super) const POWERS: Powers =
    Powers { texts: true, edits: true, threads: true, mentions: true, targets: false };

/// A Chat app in a space.
pub(super) struct App {
    pub(super) google: Arc<Google>,
    /// `spaces/S`.
    pub(super) space: String,
    pub(super) mention: Option<Mention>,
    pub(super) pace: Pace,
}

impl App {
    async fn write(
        &self,
        method: Method,
        path: &str,
        body: &Json,
        asked: Asked,
        call: Call,
    ) -> Result<(), PostError> {
        let took = Stopwatch::start();
        let limit = self.pace.turn(&self.space, call).await?.limit;
        let result = match self.google.chat(method, path, Some(body), limit).await {
            Ok(body) => named(&body),
            Err(error) => of_error(&error, asked),
        };
        self.pace.written(&self.space, call, took, &result);
        result
    }

    async fn post_to(
        &self,
        to: To<'_>,
        content: Content<'_>,
        call: Call,
    ) -> Result<Option<Receipt>, PostError> {
        let id = ids::message_id(&content.about.id());
        let request = ids::request_id(&self.space, &id);
        let mut path = format!("v1/{}/messages?messageId={id}&requestId={request}", self.space);
        let mut body = rendered(content);
        if !is_for_everyone(to, content) {
            path.push_str(super::IN_THREAD);
            body = in_thread(body, content);
        }
        let posted = self.write(Method::Post, &path, &body, Asked::Post, call).await;
        let receipt = |confirmed| Some(ids::receipt(&self.space, &id, confirmed));
        let follows = matches!(to, To::Target(_)) && content.about.report.is_none() && !content.about.digest;
        match posted {
            Ok(()) => Ok(receipt(true)),
            // It may be there. If it is not, the next edit makes it.
            Err(error) if error.ambiguous && follows => Ok(receipt(false)),
            Err(error) => Err(error),
        }
    }
}

/// Whether a message must not be a reply: few people are notified of those.
fn is_for_everyone(to: To<'_>, content: Content<'_>) -> bool {
    let mut mentions = content.notice.mentions.iter().filter_map(|mention| Who::of(mention.as_str()));
    let everyone = mentions.any(|who| who.is_all());
    match to {
        To::Reply { reach, .. } => reach == Reach::Everyone || (reach == Reach::Mentioned && everyone),
        To::Target(_) if content.about.digest => true,
        To::Target(_) => everyone || content.about.report.is_some_and(|report| report.outcome.is_trouble()),
    }
}

impl Outlet for App {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        TITLE
    }

    fn powers(&self) -> Powers {
        POWERS
    }

    fn post<'a>(&'a self, to: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>> {
        Box::pin(self.post_to(to, content, call))
    }

    fn edit<'a>(&'a self, at: &'a Receipt, content: Content<'a>, call: Call) -> Sending<'a, ()> {
        Box::pin(async move {
            let mut path =
                format!("v1/{}/messages/{}?updateMask=text,cardsV2", self.space, ids::message_of(at));
            // What is not named stays.
            let mut body = with(json!({"cardsV2": []}), rendered(content));
            if !ids::is_confirmed(at) {
                path.push_str("&allowMissing=true");
                body = in_thread(body, content);
            }
            self.write(Method::Patch, &path, &body, Asked::Edit, call).await
        })
    }

    /// A copy that another delivery posted is the same message, which goes on being edited.
    fn retract<'a>(&'a self, _: &'a Receipt, _: Call) -> Sending<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn probe(&self, limit: Duration) -> Sending<'_, ()> {
        Box::pin(async move {
            let space = self.google.chat(Method::Get, &format!("v1/{}", self.space), None, limit).await;
            space.map_or_else(|error| of_error(&error, Asked::Post), |body| named(&body))
        })
    }

    fn probed(&self) -> &'static str {
        "Google Chat: the app is in CHAT_SPACE"
    }

    fn resting(&self, _: Place<'_>, now: DateTime<Utc>) -> Option<PostError> {
        self.pace.resting(&self.space, now)
    }

    fn admits(&self, _: Place<'_>, now: DateTime<Utc>) -> bool {
        self.pace.admits(&self.space, now)
    }

    fn wrote(&self, receipt: &Receipt) -> bool {
        ids::space_of(receipt) == Some(self.space.as_str())
    }

    fn target_of(&self, _: &Receipt) -> Option<Target> {
        None
    }

    fn mention(&self) -> Option<&Mention> {
        self.mention.as_ref()
    }
}
