//! The Chat API, which a Chat app calls with the service account that it runs as.

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::Value as Json;

use super::{Call, CallError, Google};
use crate::net::endpoints::Api;
use crate::net::transport::Method;

/// The scope of a Chat app: <https://developers.google.com/workspace/chat/authenticate-authorize-chat-app>.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/chat.bot";

impl Google {
    /// Calls a method of the Chat API at `path`, from the version on and with its query, and gives the answer. The call may be
    /// sent twice: a post must have a request id.
    ///
    /// # Errors
    /// When Chat did not say that it did what it was asked for.
    pub async fn chat(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
        limit: Duration,
    ) -> Result<Bytes, CallError> {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let call = Call { api: Api::Chat, method, path, body, repeatable: true, longest: None };
        self.call(call, limit).await.map(|success| success.body)
    }
}
