//! The access token: the service's own, or one that was set on purpose.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use gcp_auth::{Token, TokenProvider};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::net::endpoints::Endpoint;
use crate::services::ERROR_TEXT;
use crate::text;

/// The scope of every call. Cloud Tasks accepts no narrower one.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no token: {0}")]
pub struct NoToken(String);

impl NoToken {
    pub(super) fn new(why: &str) -> Self {
        Self(text::cut(why, ERROR_TEXT))
    }

    /// The reason by itself.
    pub fn why(&self) -> &str {
        &self.0
    }
}

/// What a person does who has no token.
pub const LOGIN: &str =
    "run `gcloud auth application-default login`, or set ACCESS_TOKEN=$(gcloud auth print-access-token)";

/// Where tokens come from.
pub enum Tokens {
    /// One that was set on purpose; goes to loopback endpoints too.
    Fixed(SecretString),
    /// The machine's. Never goes to loopback.
    Machine(Machine),
}

type Found = Pin<Box<dyn Future<Output = Result<Arc<dyn TokenProvider>, gcp_auth::Error>> + Send>>;

/// The machine's tokens.
pub struct Machine {
    find: fn() -> Found,
    kept: RwLock<Option<Arc<Token>>>,
    /// Looked for when first needed, so that listening never waits for it. Held by the one who fetches; the others wait
    /// and find what was kept: `gcp_auth` would fetch once for each.
    provider: Mutex<Option<Arc<dyn TokenProvider>>>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { find: || Box::pin(gcp_auth::provider()), kept: RwLock::default(), provider: Mutex::default() }
    }
}

impl Tokens {
    /// The token that was set, or else the machine's.
    pub fn new(fixed: Option<SecretString>) -> Self {
        fixed.map_or_else(|| Self::Machine(Machine::default()), Self::Fixed)
    }

    /// The token to send to `endpoint`, if any. One fetch serves all who wait for it.
    pub(super) async fn for_endpoint(&self, endpoint: &Endpoint) -> Result<Option<SecretString>, NoToken> {
        match self {
            Self::Fixed(token) => Ok(Some(token.clone())),
            Self::Machine(_) if endpoint.loopback => Ok(None),
            Self::Machine(machine) => {
                let token = match machine.kept() {
                    Some(token) => token,
                    // Boxed: the rare path's future is larger than the rest of the push.
                    None => Box::pin(machine.fetch()).await?,
                };
                Ok(Some(token.as_str().into()))
            }
        }
    }
}

impl Tokens {
    /// Another token than `refused`, which an API answered with 401: the kept one is forgotten, so that no later call sends it
    /// either. None when there can be no other.
    pub(super) async fn another(
        &self,
        refused: &SecretString,
        endpoint: &Endpoint,
    ) -> Result<Option<SecretString>, NoToken> {
        let Self::Machine(machine) = self else { return Ok(None) };
        machine.forget(refused).await;
        let token = self.for_endpoint(endpoint).await?;
        Ok(token.filter(|token| token.expose_secret() != refused.expose_secret()))
    }
}

impl Machine {
    /// Forgets `refused` if it is the one that is kept. `gcp_auth` keeps tokens too, so its provider goes with it.
    async fn forget(&self, refused: &SecretString) {
        let mut provider = self.provider.lock().await;
        if self.kept().is_some_and(|kept| kept.as_str() == refused.expose_secret()) {
            *self.kept.write().unwrap_or_else(PoisonError::into_inner) = None;
            *provider = None;
        }
    }

    /// A token that is good for 20 s at least.
    fn kept(&self) -> Option<Arc<Token>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.clone().filter(|token| !token.has_expired())
    }

    async fn fetch(&self) -> Result<Arc<Token>, NoToken> {
        let mut provider = self.provider.lock().await;
        if let Some(token) = self.kept() {
            return Ok(token);
        }
        let found = match provider.clone() {
            Some(found) => found,
            None => (self.find)().await.map_err(|error| no_token(&error))?,
        };
        let token = found.token(SCOPES).await.map_err(|error| no_token(&error))?;
        *provider = Some(found);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
        Ok(token)
    }
}

/// `gcp_auth` keeps the useful part of an error in its sources.
fn no_token(error: &gcp_auth::Error) -> NoToken {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    NoToken::new(&text)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Gives tokens that last for so many seconds, one at a time.
    struct Metadata {
        lasting: u64,
        fetches: AtomicUsize,
    }

    type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<Arc<T>, gcp_auth::Error>> + Send + 'a>>;

    impl TokenProvider for Metadata {
        fn token<'a: 'c, 'b: 'c, 'd: 'c, 'c>(&'a self, _: &'b [&'d str]) -> Answer<'c, Token>
        where
            Self: 'c,
        {
            Box::pin(async {
                let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::task::yield_now().await;
                let token = serde_json::json!({"access_token": format!("token-{number}"), "expires_in": self.lasting});
                Ok(Arc::new(serde_json::from_value(token).unwrap()))
            })
        }

        fn project_id<'a: 'c, 'c>(&'a self) -> Answer<'c, str>
        where
            Self: 'c,
        {
            Box::pin(async { Ok(Arc::from("p")) })
        }
    }

    static FOUND: AtomicUsize = AtomicUsize::new(0);

    /// A provider as `gcp_auth` has it: it goes on giving the token that it has.
    struct Keeping(Arc<Token>);

    impl TokenProvider for Keeping {
        fn token<'a: 'c, 'b: 'c, 'd: 'c, 'c>(&'a self, _: &'b [&'d str]) -> Answer<'c, Token>
        where
            Self: 'c,
        {
            Box::pin(async { Ok(Arc::clone(&self.0)) })
        }

        fn project_id<'a: 'c, 'c>(&'a self) -> Answer<'c, str>
        where
            Self: 'c,
        {
            Box::pin(async { Ok(Arc::from("p")) })
        }
    }

    /// Tokens of a machine whose providers are found anew: `token-1`, `token-2` and so on.
    pub(in crate::google) fn of_keeping_providers() -> Tokens {
        let find = || -> Found {
            let number = FOUND.fetch_add(1, Ordering::SeqCst) + 1;
            let token = serde_json::json!({"access_token": format!("token-{number}"), "expires_in": 3_600});
            let provider: Arc<dyn TokenProvider> =
                Arc::new(Keeping(Arc::new(serde_json::from_value(token).unwrap())));
            Box::pin(async { Ok(provider) })
        };
        Tokens::Machine(Machine { find, ..Machine::default() })
    }

    async fn fetches_of_fifty_at_once(lasting: u64, times: usize) -> usize {
        let metadata = Arc::new(Metadata { lasting, fetches: AtomicUsize::new(0) });
        let provider: Arc<dyn TokenProvider> = Arc::<Metadata>::clone(&metadata);
        let machine = Machine { provider: Mutex::new(Some(provider)), ..Machine::default() };
        let tokens = Arc::new(Tokens::Machine(machine));
        let endpoint = Endpoint { base: "https://x.googleapis.com".to_owned(), loopback: false };
        for _ in 0..times {
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..50 {
                let (tokens, endpoint) = (Arc::clone(&tokens), endpoint.clone());
                all.spawn(async move { tokens.for_endpoint(&endpoint).await.unwrap().is_some() });
            }
            assert!(all.join_all().await.into_iter().all(|some| some));
        }
        metadata.fetches.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn one_fetch_serves_all_who_wait() {
        assert_eq!(fetches_of_fifty_at_once(3_600, 3).await, 1);
        // One that is about to expire serves nobody: each fetches for itself, one after the other.
        assert_eq!(fetches_of_fifty_at_once(19, 1).await, 50);
    }
}
