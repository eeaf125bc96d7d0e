//! The access token: the service's own, or one that was set on purpose.

use std::sync::Arc;

use gcp_auth::TokenProvider;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::endpoints::Endpoint;

/// The scope of every call. Cloud Tasks accepts no narrower one.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

/// Where tokens come from.
pub enum Tokens {
    /// One that was set on purpose; goes to loopback endpoints too.
    Fixed(SecretString),
    /// The machine's: looked for when first needed, so that listening never waits for it. Never goes to loopback.
    Machine(OnceCell<Arc<dyn TokenProvider>>),
}

impl Tokens {
    /// The token that was set, or else the machine's.
    pub fn new(fixed: Option<SecretString>) -> Self {
        fixed.map_or_else(|| Self::Machine(OnceCell::new()), Self::Fixed)
    }

    /// The token to send to `endpoint`, if any. One fetch serves all who wait for it.
    pub(super) async fn for_endpoint(&self, endpoint: &Endpoint) -> Result<Option<SecretString>, String> {
        match self {
            Self::Fixed(token) => Ok(Some(token.clone())),
            Self::Machine(_) if endpoint.loopback => Ok(None),
            Self::Machine(provider) => {
                let provider = provider.get_or_try_init(gcp_auth::provider).await.map_err(|e| chain(&e))?;
                let token = provider.token(SCOPES).await.map_err(|error| chain(&error))?;
                Ok(Some(token.as_str().into()))
            }
        }
    }
}

/// `gcp_auth` keeps the useful part of an error in its sources.
fn chain(error: &gcp_auth::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
