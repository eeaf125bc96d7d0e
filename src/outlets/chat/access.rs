//! The settings of Google Chat, checked, and how they become the outlet.

use std::sync::Arc;

use secrecy::SecretString;

use super::ID;
use super::app::{self, App};
use super::pace::Pace;
use super::webhook::{self, Webhook};
use crate::outlets::Outlet;
use crate::outlets::access::{Access, Tools};
use crate::watch::{Mention, Powers};

/// An app in a space.
#[derive(Clone, Debug)]
pub(super) struct AppAccess {
    pub(super) space: String,
    pub(super) mention: Option<Mention>,
}

/// An incoming webhook.
#[derive(Clone, Debug)]
pub(super) struct WebhookAccess {
    pub(super) url: SecretString,
    pub(super) mention: Option<Mention>,
}

impl Access for AppAccess {
    fn id(&self) -> &'static str {
        ID
    }

    fn powers(&self) -> Powers {
        app::POWERS
    }

    fn open(&self, tools: &Tools) -> Arc<dyn Outlet> {
        Arc::new(App {
            google: Arc::clone(&tools.google),
            space: self.space.clone(),
            mention: self.mention.clone(),
            pace: Pace::default(),
        })
    }
}

impl Access for WebhookAccess {
    fn id(&self) -> &'static str {
        ID
    }

    fn powers(&self) -> Powers {
        webhook::POWERS
    }

    fn open(&self, tools: &Tools) -> Arc<dyn Outlet> {
        Arc::new(Webhook {
            transport: Arc::clone(&tools.transport),
            url: self.url.clone(),
            mention: self.mention.clone(),
            pace: Pace::default(),
        })
    }
}
