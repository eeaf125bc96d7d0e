//! Slack, as two outlets: an incoming webhook and a bot. They share what a notice looks like and what answers mean.

mod answer;
mod bot;
mod client;
mod ids;
mod limits;
mod payload;
mod webhook;
mod words;

use std::sync::Arc;

use secrecy::SecretString;

pub use self::bot::Bot;
pub use self::ids::ADDRESSING;
pub use self::payload::{payload, plain_payload};
pub use self::webhook::Webhook;
use crate::net::transport::Transport;
use crate::outlets::Outlet;
use crate::outlets::access::{self, Tools};
use crate::watch::Powers;

pub(super) const ID: &str = "slack";
/// What people call it.
const TITLE: &str = "Slack";

/// How Slack lets opwatch post.
#[derive(Clone, Debug)]
pub enum Access {
    /// Through an incoming webhook with this URL.
    Webhook(SecretString),
    /// As a bot.
    Bot {
        /// Where Slack's web API answers.
        base: String,
        /// The bot's token.
        token: SecretString,
    },
}

impl Access {
    /// What can be done with it.
    pub fn powers(&self) -> Powers {
        match self {
            Self::Webhook(_) => webhook::POWERS,
            Self::Bot { .. } => bot::POWERS,
        }
    }

    /// The outlet.
    pub fn open(self, transport: Arc<dyn Transport>) -> Arc<dyn Outlet> {
        match self {
            Self::Webhook(url) => Arc::new(Webhook::new(transport, url)),
            Self::Bot { base, token } => Arc::new(Bot::new(transport, base, token)),
        }
    }
}

impl access::Access for Access {
    fn id(&self) -> &'static str {
        ID
    }

    fn powers(&self) -> Powers {
        self.powers()
    }

    fn open(&self, tools: &Tools) -> Arc<dyn Outlet> {
        self.clone().open(Arc::clone(&tools.transport))
    }
}
