//! The settings of the topic of events.

use std::sync::Arc;

use clap::Args;

use super::Topic;
use crate::args::{Problems, Setting, UNSET, reads};
use crate::net::endpoints::Endpoints;
use crate::outlets::access::Access;

const TOPIC: &str = "projects/my-project/topics/opwatch-events";

/// Where each end of a watch is published as an event.
#[derive(Args, Clone, Debug)]
pub struct TopicArgs {
    /// Pub/Sub topic that receives an event when a watch ends: projects/P/topics/T, not `TOPIC` or `INTERNAL_TOPIC`
    #[arg(long, env = "EVENTS_TOPIC", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(TOPIC, topic))]
    pub events_topic: Setting<String>,
}

impl TopicArgs {
    /// The topic, if there is one.
    pub fn check(&self, _: &Endpoints, problems: &mut Problems) -> Option<Arc<dyn Access>> {
        Some(Arc::new(Topic(self.events_topic.check(problems)?)))
    }
}

/// `projects/P/topics/T`.
fn topic(text: &str) -> Result<String, String> {
    let is_id = |id: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+:".contains(&byte);
        !matches!(id, "" | "." | "..") && id.bytes().all(allowed)
    };
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["projects", project, "topics", topic] if is_id(project) && is_id(topic) => Ok(text.to_owned()),
        _ => Err(format!("{text:?} must have the form projects/…/topics/…")),
    }
}
