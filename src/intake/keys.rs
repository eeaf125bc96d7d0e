//! Google's keys for OIDC tokens, kept as long as their answer says.
//! <https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken>

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use tokio::sync::Mutex;

use crate::clock::Span;
use crate::intake::token::AuthError;
use crate::net::endpoints::Endpoint;
use crate::net::transport::{Answer, Method, Request, Transport};

/// The path of the key set, which <https://accounts.google.com/.well-known/openid-configuration> names.
const PATH: &str = "oauth2/v3/certs";
const SHORTEST: TimeDelta = TimeDelta::minutes(5);
const MAX_AGE: TimeDelta = TimeDelta::hours(24);
/// A key id is the caller's to choose, so an unknown one may cause a fetch only this often.
const BETWEEN_FETCHES: TimeDelta = TimeDelta::minutes(5);
/// After a fetch that failed.
const BEFORE_RETRY: TimeDelta = TimeDelta::seconds(10);
const MAX_KEYS: usize = 32;
const FETCH_LIMIT: Duration = Duration::from_secs(5);

/// The key cache.
pub struct Keys {
    transport: Arc<dyn Transport>,
    endpoint: Endpoint,
    kept: RwLock<Arc<Kept>>,
    /// Held while fetching. Other callers wait, then read the cache again.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    keys: HashMap<String, DecodingKey>,
    fresh: Option<Span>,
    /// Meanwhile nothing is fetched.
    rest: Option<Span>,
}

impl Kept {
    /// Whether it is known what to answer when `key_id` is asked for.
    fn has_fresh(&self, key_id: &str, now: DateTime<Utc>) -> bool {
        self.fresh.is_some_and(|fresh| fresh.holds(now)) && self.keys.contains_key(key_id)
    }

    /// Whether the cached key can be used without a fetch.
    fn serves(&self, key_id: &str, now: DateTime<Utc>) -> bool {
        self.has_fresh(key_id, now) || (self.is_resting(now) && self.keys.contains_key(key_id))
    }

    fn is_resting(&self, now: DateTime<Utc>) -> bool {
        self.rest.is_some_and(|rest| rest.holds(now))
    }
}

impl Keys {
    /// An empty cache of the keys at `endpoint`.
    pub fn new(transport: Arc<dyn Transport>, endpoint: Endpoint) -> Self {
        Self { transport, endpoint, kept: RwLock::default(), fetching: Mutex::new(()) }
    }

    /// The key with this id. Stale keys serve while Google can't be reached.
    ///
    /// # Errors
    /// When Google has no such key, or no key could be had yet.
    pub async fn get(&self, key_id: &str, now: DateTime<Utc>) -> Result<DecodingKey, AuthError> {
        if !self.kept().serves(key_id, now) {
            // Whoever comes while a fetch is under way waits for it, unless the key is at hand.
            let _one = self.fetching.lock().await;
            let kept = self.kept();
            if !kept.has_fresh(key_id, now) && !kept.is_resting(now) {
                self.fetch(now).await;
            }
        }
        let kept = self.kept();
        let missing = if kept.keys.is_empty() { AuthError::NoKeys } else { AuthError::UnknownKey };
        kept.keys.get(key_id).cloned().ok_or(missing)
    }

    fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn fetch(&self, now: DateTime<Utc>) {
        let old = self.kept();
        // Before the call: a caller who hangs up drops it, and must not cause the next one.
        let rest = if old.keys.is_empty() { BEFORE_RETRY } else { BETWEEN_FETCHES };
        self.keep(Kept { keys: old.keys.clone(), fresh: old.fresh, rest: Some(Span::new(now, rest)) });
        let request = Request {
            method: Method::Get,
            url: format!("{}/{PATH}", self.endpoint.base).into(),
            token: None,
            headers: Vec::new(),
            body: Vec::new(),
            longest: None,
        };
        let fetched = match self.transport.send(request, FETCH_LIMIT).await {
            Ok(answer) => parse(&answer).map(|keys| (keys, answer.max_age)),
            Err(failure) => Err(failure.to_string()),
        };
        self.keep(match fetched {
            Ok((keys, max_age)) => {
                let age = max_age.and_then(|age| TimeDelta::from_std(age).ok()).unwrap_or(SHORTEST);
                Kept {
                    keys,
                    fresh: Some(Span::new(now, age.clamp(SHORTEST, MAX_AGE))),
                    rest: Some(Span::new(now, BETWEEN_FETCHES)),
                }
            }
            Err(error) => {
                tracing::warn!(error, "could not fetch Google's keys; still using the cached ones");
                let rest = Some(Span::new(now, BEFORE_RETRY));
                Kept { keys: old.keys.clone(), fresh: old.fresh, rest }
            }
        });
    }

    fn keep(&self, kept: Kept) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kept);
    }
}

fn parse(answer: &Answer) -> Result<HashMap<String, DecodingKey>, String> {
    if answer.status != 200 {
        return Err(format!("status {}", answer.status));
    }
    let set: JwkSet = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let keys = set.keys.iter().take(MAX_KEYS);
    let keys: HashMap<_, _> =
        keys.filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?))).collect();
    if keys.is_empty() { Err("no key in the response".to_owned()) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::net::endpoints::{Api, Endpoints};
    use crate::net::transport::Sending;

    /// Gives its answer once and then none.
    struct Once(std::sync::Mutex<Option<Answer>>);

    impl Transport for Once {
        fn send(&self, _: Request, _: Duration) -> Sending<'_> {
            match self.0.lock().unwrap().take() {
                Some(answer) => Box::pin(async { Ok(answer) }),
                None => Box::pin(std::future::pending()),
            }
        }
    }

    fn answer(key_id: &str) -> Answer {
        let set = json!({"keys": [{"kty": "RSA", "kid": key_id, "alg": "RS256", "n": "sXch", "e": "AQAB"}]});
        let max_age = Some(Duration::from_secs(86_400));
        Answer { max_age, ..crate::testing::answer(200, set.to_string()) }
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_keeps_no_rotated_key_unknown() {
        let transport = Arc::new(Once(std::sync::Mutex::new(Some(answer("old")))));
        let keys = Keys::new(Arc::clone(&transport) as _, Endpoints::default().get(Api::Jwks));
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(keys.get("old", now + TimeDelta::days(2)).await.is_ok());
        *transport.0.lock().unwrap() = Some(answer("new"));
        assert!(keys.get("new", now).await.is_ok(), "the clock is right again");
    }

    #[tokio::test]
    async fn a_fresh_key_serves_without_a_fetch() {
        let transport = Arc::new(Once(std::sync::Mutex::new(Some(answer("a")))));
        let keys = Keys::new(transport, Endpoints::default().get(Api::Jwks));
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(keys.get("a", now).await.is_ok());
        tokio::select! {
            biased;
            key = keys.get("a", now + TimeDelta::hours(1)) => assert!(key.is_ok()),
            () = std::future::ready(()) => panic!("it fetches"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_one_who_fetches_waits_while_stale_keys_are_at_hand() {
        let answer = Answer { max_age: None, ..answer("a") };
        let transport = Arc::new(Once(std::sync::Mutex::new(Some(answer))));
        let keys = Keys::new(transport, Endpoints::default().get(Api::Jwks));
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(keys.get("a", now).await.is_ok());
        let later = now + TimeDelta::hours(1);
        tokio::select! {
            biased;
            _ = keys.get("a", later) => panic!("it fetches"),
            got = keys.get("a", later) => assert!(got.is_ok()),
            () = tokio::time::sleep(FETCH_LIMIT) => panic!("the other waits too"),
        }
    }
}
