//! How the settings of an outlet become the outlet.

use std::fmt;
use std::sync::Arc;

use super::Outlet;
use crate::net::transport::Transport;

/// What an outlet is opened with: its settings, checked.
pub trait Access: fmt::Debug + Send + Sync {
    /// The outlet. Makes no call.
    fn open(&self, transport: Arc<dyn Transport>) -> Arc<dyn Outlet>;
}
