//! The topic of events: each end of a watch is published to it as a `CloudEvent` in binary mode, by one call. The attributes are
//! those of <https://github.com/google/knative-gcp/blob/main/docs/spec/pubsub-protocol-binding.md>, which Google has as a draft.

mod settings;

use std::sync::Arc;
use std::time::Duration;

pub use self::settings::TopicArgs;
use super::access::{Access, Tools};
use super::events::Event;
use super::{About, Call, Content, Fault, Outlet, PostError, Sending, To};
use crate::google::{CallError, Google};
use crate::net::endpoints::Api;
use crate::watch::{Powers, Receipt, Report};

pub(super) const ID: &str = "topic";
const TITLE: &str = "EVENTS_TOPIC";
const PUBLISH: &str = "pubsub.topics.publish";
const GRANT: &str = "create the topic of EVENTS_TOPIC if it does not exist, and grant opwatch's service account roles/pubsub.publisher on it \
                     (gcloud pubsub topics add-iam-policy-binding)";

/// The topic: `projects/P/topics/T`.
#[derive(Clone, Debug)]
struct Topic(String);

impl Access for Topic {
    fn id(&self) -> &'static str {
        ID
    }

    fn powers(&self) -> Powers {
        Powers::default()
    }

    fn open(&self, tools: &Tools) -> Arc<dyn Outlet> {
        Arc::new(Events { google: Arc::clone(&tools.google), topic: self.0.clone() })
    }
}

/// The outlet.
struct Events {
    google: Arc<Google>,
    topic: String,
}

impl Events {
    async fn publish(&self, end: &Report, about: About<'_>, call: Call) -> Result<(), PostError> {
        let id = about.id();
        let event = Event::of(end, &id, about.topic);
        let published =
            self.google.publish_event(&self.topic, &event.data(), &event.attributes(), call.limit).await;
        published.map(|_| ()).map_err(|error| refused(&error))
    }

    async fn may_publish(&self, limit: Duration) -> Result<(), PostError> {
        let granted = self.google.probe_permissions(Api::PubSub, &self.topic, &[PUBLISH], limit).await;
        match granted {
            Ok((granted, _)) if granted.iter().any(|permission| permission == PUBLISH) => Ok(()),
            Ok(_) => Err(error(Fault::Access, format!("{PUBLISH} is not granted on {}", self.topic))),
            Err(error) => Err(refused(&error)),
        }
    }
}

impl Outlet for Events {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        TITLE
    }

    fn powers(&self) -> Powers {
        Powers::default()
    }

    fn post<'a>(&'a self, _: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>> {
        Box::pin(async move {
            let Some(end) = content.about.end() else { return Ok(None) };
            self.publish(end, content.about, call).await?;
            Ok(None)
        })
    }

    fn probe(&self, limit: Duration) -> Sending<'_, ()> {
        Box::pin(self.may_publish(limit))
    }

    fn probed(&self) -> &'static str {
        "publishing to EVENTS_TOPIC"
    }
}

/// What Pub/Sub refused. Without a grant, or without the topic, a person must act; the event is retried meanwhile.
fn refused(refused: &CallError) -> PostError {
    let fault = if refused.is_transient() { Fault::Passing } else { Fault::Access };
    PostError {
        word: refused.status().word().to_owned(),
        ambiguous: refused.is_ambiguous(),
        retry_after: refused.retry_after(),
        date: refused.date(),
        ..error(fault, refused.to_string())
    }
}

fn error(fault: Fault, text: String) -> PostError {
    let advice = if fault == Fault::Passing { "none: retried automatically" } else { GRANT };
    PostError::new(TITLE, fault, text, advice)
}
