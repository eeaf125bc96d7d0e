//! How the settings of an outlet become the outlet.

use std::fmt;
use std::sync::Arc;

use super::Outlet;
use crate::google::Google;
use crate::net::transport::Transport;
use crate::watch::Powers;

/// What outlets make their calls with.
#[derive(Clone)]
pub struct Tools {
    /// For outlets with a secret.
    pub transport: Arc<dyn Transport>,
    /// For outlets that Google runs.
    pub google: Arc<Google>,
}

/// What an outlet is opened with: its settings, checked.
pub trait Access: fmt::Debug + Send + Sync {
    /// Its id, as [`Outlet::id`].
    fn id(&self) -> &'static str;

    /// What can be done with it, as [`Outlet::powers`].
    fn powers(&self) -> Powers;

    /// The outlet. Makes no call.
    fn open(&self, tools: &Tools) -> Arc<dyn Outlet>;
}
