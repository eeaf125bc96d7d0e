//! The access token: the service's own, or one that was set on purpose.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use gcp_auth::TokenProvider;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::clock::{Clock, SystemClock};
use crate::net::endpoints::Endpoint;
use crate::net::transport::Headers;
use crate::services::ERROR_TEXT;
use crate::text;

/// The scope of every call. Cloud Tasks accepts no narrower one.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const SCOPES: &[&str] = &[SCOPE];

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

/// What to do without a token: on a workstation, and in CI.
pub const LOGIN: &str = "on a workstation, run `gcloud auth application-default login`; in CI, set \
    GOOGLE_APPLICATION_CREDENTIALS to the file that `gcloud iam workload-identity-pools create-cred-config` writes, or set \
    ACCESS_TOKEN=$(gcloud auth print-access-token)";

/// A token, and how it is used.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub token: SecretString,
    /// The project whose quota counts: `x-goog-user-project`.
    pub quota_project: Option<String>,
}

impl Credential {
    /// The token, and the headers that go with it.
    pub(super) fn into_parts(self) -> (Option<SecretString>, Headers) {
        let project = self.quota_project.map(|project| ("x-goog-user-project".into(), project));
        (Some(self.token), project.into_iter().collect())
    }
}

/// A token of a login, until it expires.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub credential: Credential,
    pub expires: DateTime<Utc>,
    /// A stand-in on this machine issued it, so it may go to loopback.
    pub is_local: bool,
}

/// A token that ends so soon is not sent any more: it could expire on its way.
const MARGIN: TimeDelta = TimeDelta::seconds(20);

impl Issued {
    fn has_expired(&self) -> bool {
        self.expires - MARGIN <= SystemClock.now()
    }
}

/// Where tokens come from.
pub enum Tokens {
    /// One that was set on purpose; goes to loopback endpoints too.
    Fixed(SecretString),
    /// The machine's. Never goes to loopback, unless a stand-in there issued it.
    Machine(Machine),
}

/// A token on its way.
pub(super) type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Issued, NoToken>> + Send + 'a>>;

/// A login that gives tokens.
pub(super) trait Source: Send + Sync {
    /// Gets a new token.
    fn token(&self) -> Fetching<'_>;
}

/// A login that is being looked for.
pub(super) type Finding = Pin<Box<dyn Future<Output = Result<Arc<dyn Source>, NoToken>> + Send>>;

/// The machine's tokens.
pub struct Machine {
    find: Box<dyn Fn() -> Finding + Send + Sync>,
    /// Whether a stand-in on this machine may issue them.
    is_local: bool,
    kept: RwLock<Option<Arc<Issued>>>,
    /// Looked for when first needed, so that listening never waits for it. Held by the one who fetches; the others wait
    /// and find what was kept: `gcp_auth` would fetch once for each.
    source: Mutex<Option<Arc<dyn Source>>>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new(|| Box::pin(library()), false)
    }
}

impl Tokens {
    /// The token that was set, or else the machine's.
    pub fn new(fixed: Option<SecretString>) -> Self {
        fixed.map_or_else(|| Self::Machine(Machine::default()), Self::Fixed)
    }

    /// The token to send to `endpoint`, if any. One fetch serves all who wait for it.
    pub(super) async fn for_endpoint(&self, endpoint: &Endpoint) -> Result<Option<Credential>, NoToken> {
        match self {
            Self::Fixed(token) => Ok(Some(Credential { token: token.clone(), quota_project: None })),
            Self::Machine(machine) if endpoint.loopback && !machine.is_local => Ok(None),
            Self::Machine(machine) => {
                let issued = match machine.kept() {
                    Some(issued) => issued,
                    // Boxed: the rare path's future is larger than the rest of the push.
                    None => Box::pin(machine.fetch()).await?,
                };
                Ok(Some(issued.credential.clone()).filter(|_| issued.is_local || !endpoint.loopback))
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
    ) -> Result<Option<Credential>, NoToken> {
        let Self::Machine(machine) = self else { return Ok(None) };
        machine.forget(refused).await;
        let credential = self.for_endpoint(endpoint).await?;
        Ok(credential.filter(|other| other.token.expose_secret() != refused.expose_secret()))
    }
}

impl Machine {
    /// Tokens of the login that `find` finds; `is_local` when a stand-in on this machine may issue them.
    pub(super) fn new(find: impl Fn() -> Finding + Send + Sync + 'static, is_local: bool) -> Self {
        Self { find: Box::new(find), is_local, kept: RwLock::default(), source: Mutex::default() }
    }

    /// Forgets `refused` if it is the one that is kept. `gcp_auth` keeps tokens too, so its provider goes with it.
    async fn forget(&self, refused: &SecretString) {
        let mut source = self.source.lock().await;
        let is_kept = |kept: Arc<Issued>| kept.credential.token.expose_secret() == refused.expose_secret();
        if self.kept().is_some_and(is_kept) {
            *self.kept.write().unwrap_or_else(PoisonError::into_inner) = None;
            *source = None;
        }
    }

    /// A token that is good for 20 s at least.
    fn kept(&self) -> Option<Arc<Issued>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.clone().filter(|issued| !issued.has_expired())
    }

    async fn fetch(&self) -> Result<Arc<Issued>, NoToken> {
        let mut source = self.source.lock().await;
        if let Some(issued) = self.kept() {
            return Ok(issued);
        }
        let found = match source.clone() {
            Some(found) => found,
            None => (self.find)().await?,
        };
        let issued = Arc::new(found.token().await?);
        *source = Some(found);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&issued));
        Ok(issued)
    }
}

/// A login that `gcp_auth` found.
struct Library(Arc<dyn TokenProvider>);

impl Source for Library {
    fn token(&self) -> Fetching<'_> {
        Box::pin(async {
            let token = self.0.token(SCOPES).await.map_err(|error| no_token(&error))?;
            let credential = Credential { token: token.as_str().into(), quota_project: None };
            Ok(Issued { credential, expires: token.expires_at(), is_local: false })
        })
    }
}

/// The machine's login, as `gcp_auth` finds it.
async fn library() -> Result<Arc<dyn Source>, NoToken> {
    let provider = gcp_auth::provider().await.map_err(|error| no_token(&error))?;
    Ok(Arc::new(Library(provider)))
}

/// The account of the gcloud command.
#[cfg(feature = "terminal")]
pub(super) async fn of_gcloud() -> Option<Arc<dyn Source>> {
    let provider = gcp_auth::GCloudAuthorizedUser::new().await.ok()?;
    Some(Arc::new(Library(Arc::new(provider))))
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

    /// Gives tokens that last for so many seconds: `token-1`, `token-2` and so on.
    /// As `gcp_auth` does, each goes on giving the one that it has.
    pub(in crate::google) struct Counting {
        lasting: i64,
        fetches: Arc<AtomicUsize>,
        kept: Mutex<Option<Issued>>,
    }

    impl Source for Counting {
        fn token(&self) -> Fetching<'_> {
            Box::pin(async {
                let mut kept = self.kept.lock().await;
                if let Some(issued) = kept.clone().filter(|issued| !issued.has_expired()) {
                    return Ok(issued);
                }
                let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::task::yield_now().await;
                let credential = Credential { token: format!("token-{number}").into(), quota_project: None };
                let expires = SystemClock.now() + TimeDelta::seconds(self.lasting);
                Ok(kept.insert(Issued { credential, expires, is_local: false }).clone())
            })
        }
    }

    /// Tokens that last for so many seconds, and how many were fetched.
    pub(in crate::google) fn lasting(lasting: i64) -> (Tokens, Arc<AtomicUsize>) {
        let fetches = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&fetches);
        let find = move || -> Finding {
            let counting = Counting { lasting, fetches: Arc::clone(&counted), kept: Mutex::default() };
            Box::pin(async { Ok(Arc::new(counting) as Arc<dyn Source>) })
        };
        (Tokens::Machine(Machine::new(find, false)), fetches)
    }

    async fn fetches_of_fifty_at_once(seconds: i64, times: usize) -> usize {
        let (tokens, fetches) = lasting(seconds);
        let tokens = Arc::new(tokens);
        let endpoint = Endpoint { base: "https://x.googleapis.com".to_owned(), loopback: false };
        for _ in 0..times {
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..50 {
                let (tokens, endpoint) = (Arc::clone(&tokens), endpoint.clone());
                all.spawn(async move { tokens.for_endpoint(&endpoint).await.unwrap().is_some() });
            }
            assert!(all.join_all().await.into_iter().all(|some| some));
        }
        fetches.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn one_fetch_serves_all_who_wait() {
        assert_eq!(fetches_of_fifty_at_once(3_600, 3).await, 1);
        // One that is about to expire is of no use: each fetches for itself, one after the other.
        assert_eq!(fetches_of_fifty_at_once(19, 1).await, 50);
    }

    #[tokio::test]
    async fn a_token_of_the_machine_never_goes_to_loopback() {
        let (tokens, fetches) = lasting(3_600);
        let here = Endpoint { base: "http://127.0.0.1:1".to_owned(), loopback: true };
        assert!(tokens.for_endpoint(&here).await.unwrap().is_none());
        assert_eq!(fetches.load(Ordering::SeqCst), 0);
    }
}
