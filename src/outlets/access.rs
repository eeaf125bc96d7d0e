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

/// An outlet's settings: its access, none when it is not set up.
///
/// # Errors
/// With all that can't be used.
pub type Checked = Result<Option<Arc<dyn Access>>, Vec<BadSetting>>;

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// Its name.
    pub setting: &'static str,
    /// What is wrong with it. Never repeats a secret.
    pub why: String,
    /// A value that would be right.
    pub example: &'static str,
}
