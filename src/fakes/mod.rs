//! Stand-ins for Google and Slack on loopback, for `opwatch demo` and the tests.
//!
//! They are strict: what Google or Slack would refuse is refused alike, and what breaks an API's contract is kept
//! as a violation besides. They share one virtual [`Time`] and one timeline of what is due later, so that at
//! [`Pace::Instant`] a watch of an hour runs in milliseconds, in its true order.

mod channel;
pub(crate) mod chat;
pub mod demo;
mod delivery;
mod dispatch;
mod door;
mod events;
mod fault;
mod filter;
mod google;
mod leases;
mod lock;
mod one;
mod operations;
mod page;
mod plan;
mod pubsub;
mod pull;
mod receiver;
mod recorded;
mod shared;
pub mod sign_in;
mod slack;
mod slack_rules;
mod start;
mod story;
mod tasks;
#[cfg(test)]
mod tests;
mod time;
mod timeline;
mod waiting;

use std::sync::Arc;

pub use channel::ChannelMessage;
pub use chat::{Chat, ChatMessage};
pub use events::{Event, Events};
pub use fault::Fault;
pub use leases::PullSubscription;
pub use operations::{Operation, Operations};
pub use page::{Reader, page};
pub use plan::{End, Plan};
pub use pubsub::{Delivery, Message, PubSub, Subscription};
pub use receiver::Receiver;
pub use recorded::RecordedRequest;
pub use slack::Slack;
pub use tasks::{Task, Tasks};
pub use time::Time;

use shared::Shared;
use sign_in::SignIn;

/// How fast what is due later comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// When its time has come.
    #[default]
    RealTime,
    /// As soon as nothing is in flight: time jumps to it. One thing runs at a time, in the order of the due times.
    Instant,
}

/// How a world is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How fast time passes.
    pub pace: Pace,
    /// The base URL of another Pub/Sub (an emulator) that tasks publish to instead of the stand-in.
    pub pubsub: Option<String>,
    /// The token that Cloud Tasks and the operations API demand; none: they don't look.
    pub require_token: Option<String>,
    /// Whether publishing demands a bearer token, whichever it is.
    pub publish_needs_token: bool,
    /// The port of the Slack stand-in, whose page a person may want to open; 0 for any.
    pub slack_port: u16,
}

/// All stand-ins, their time and their events. A clone is the same world.
#[derive(Clone)]
pub struct World {
    /// The virtual clock.
    pub time: Time,
    /// Pub/Sub.
    pub pubsub: PubSub,
    /// Cloud Tasks.
    pub tasks: Tasks,
    /// The Datastore and Firestore admin APIs.
    pub operations: Operations,
    /// Slack.
    pub slack: Slack,
    /// Google Chat.
    pub chat: Chat,
    /// A receiver of events.
    pub receiver: Receiver,
    /// Google's sign-in.
    pub sign_in: SignIn,
    pubsub_base: String,
    shared: Arc<Shared>,
}

impl World {
    /// Opens every stand-in on a loopback port.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let shared = Shared::new(options.pace)?;
        let opened = Self::open(&shared, options).await;
        if opened.is_err() {
            shared.stop().await;
        }
        opened
    }

    async fn open(shared: &Arc<Shared>, options: Options) -> std::io::Result<Self> {
        let pubsub = PubSub::open(shared, options.publish_needs_token).await?;
        let pubsub_base = options.pubsub.unwrap_or_else(|| pubsub.url());
        let pubsub_base = pubsub_base.trim_end_matches('/').to_owned();
        let tasks = Tasks::open(shared, pubsub_base.clone(), options.require_token.clone()).await?;
        let chat = Chat::open(shared, options.require_token.clone()).await?;
        let operations = Operations::open(shared, options.require_token).await?;
        let slack = Slack::open(shared, options.slack_port).await?;
        let receiver = Receiver::open(shared).await?;
        let sign_in = SignIn::open(shared).await?;
        Ok(Self {
            time: shared.time.clone(),
            pubsub,
            tasks,
            operations,
            slack,
            chat,
            receiver,
            sign_in,
            pubsub_base,
            shared: Arc::clone(shared),
        })
    }

    /// `service=URL` for each service, separated by commas.
    pub fn endpoints(&self) -> String {
        let operations = self.operations.url();
        [
            ("datastore", operations.as_str()),
            ("firestore", operations.as_str()),
            ("cloudtasks", &self.tasks.url()),
            ("pubsub", &self.pubsub_base),
            ("slack", &self.slack.url()),
            ("slackapi", &self.slack.url()),
            ("chat", &self.chat.url()),
        ]
        .map(|(service, url)| format!("{service}={url}"))
        .join(",")
    }

    /// Opens the API of one operation more.
    async fn open_operation(
        &self,
        name: &str,
        path: &str,
        body: one::Body,
    ) -> std::io::Result<one::OneOperation> {
        one::OneOperation::open(&self.shared, name, path, body).await
    }

    /// A reader that sees every event from the beginning.
    pub fn events(&self) -> Events {
        self.shared.log.read()
    }

    /// Holds back dispatches and redeliveries until [`Self::resume`]; a publish is still delivered at once.
    pub fn pause(&self) {
        self.shared.timeline.pause(true);
    }

    /// Lets dispatches and redeliveries go on.
    pub fn resume(&self) {
        self.shared.timeline.pause(false);
    }

    /// Completes when no push and no dispatch is in flight and nothing is due later.
    pub async fn settled(&self) {
        self.shared.timeline.settled().await;
    }

    /// Every request that broke an API's contract.
    pub fn violations(&self) -> Vec<String> {
        self.shared.violations()
    }

    /// Closes every listener and connection and ends every task, in this and all clones. A world that is only
    /// dropped goes on until the runtime ends.
    pub async fn stop(self) {
        self.shared.stop().await;
    }
}
