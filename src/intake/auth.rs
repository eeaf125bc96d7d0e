//! Who may push: verifies each push's token, remembers the good ones, and warns of the bad ones without flooding the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, Span};
use crate::hash::hash_bytes;
use crate::intake::keys::Keys;
use crate::intake::token::{AuthError, Identity, bearer};

/// Verified tokens remembered at most; Pub/Sub uses one for up to an hour.
const MAX_VERIFIED: usize = 1_000;
/// Meanwhile refused pushes are counted, and told with the next warning.
const BETWEEN_WARNINGS: TimeDelta = TimeDelta::minutes(1);

/// Lets pushes in.
pub struct Authenticator {
    identity: Identity,
    keys: Keys,
    clock: Arc<dyn Clock>,
    verified: Mutex<VerifiedTokens>,
    warnings: Mutex<Warnings>,
}

/// Hash of a verified token → when it expires: a push then costs no RSA check.
#[derive(Default)]
struct VerifiedTokens(HashMap<String, DateTime<Utc>>);

impl VerifiedTokens {
    fn knows(&self, hash: &str, now: DateTime<Utc>) -> bool {
        self.0.get(hash).is_some_and(|expires| now < *expires)
    }

    /// Keeps it unless there are too many that have not expired.
    fn keep(&mut self, hash: String, expires: DateTime<Utc>, now: DateTime<Utc>) {
        if self.0.len() >= MAX_VERIFIED {
            self.0.retain(|_, expires| now < *expires);
        }
        if self.0.len() < MAX_VERIFIED {
            self.0.insert(hash, expires);
        }
    }
}

#[derive(Default)]
struct Warnings {
    rest: Option<Span>,
    refused_since: u64,
}

impl Authenticator {
    /// A authenticator for pushes of `identity`.
    pub fn new(identity: Identity, keys: Keys, clock: Arc<dyn Clock>) -> Self {
        Self { identity, keys, clock, verified: Mutex::default(), warnings: Mutex::default() }
    }

    /// Lets a push with this `Authorization` header in, or refuses it.
    ///
    /// # Errors
    /// With the reason, which has been logged.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<(), AuthError> {
        let now = self.clock.now();
        let admitted = self.verify(authorization, now).await;
        if let Err(refusal) = admitted {
            self.warn(refusal, now);
        }
        admitted
    }

    async fn verify(&self, authorization: Option<&str>, now: DateTime<Utc>) -> Result<(), AuthError> {
        let token = bearer(authorization)?;
        let hash = hash_bytes(token.as_bytes());
        if self.remembered().knows(&hash, now) {
            return Ok(());
        }
        let key_id = self.identity.check_unverified_claims(token, now)?;
        let key = self.keys.get(&key_id, now).await?;
        let expires = self.identity.verify(token, &key, now)?;
        self.remembered().keep(hash, expires, now);
        Ok(())
    }

    fn remembered(&self) -> MutexGuard<'_, VerifiedTokens> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One warning a minute, with the number of pushes refused since the last.
    fn warn(&self, refusal: AuthError, now: DateTime<Utc>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.refused_since += 1;
        if !warnings.rest.is_some_and(|rest| rest.holds(now)) {
            tracing::warn!(
                decision = "not-admitted",
                refused = warnings.refused_since,
                "rejected a push: {refusal}"
            );
            *warnings = Warnings { rest: Some(Span::new(now, BETWEEN_WARNINGS)), refused_since: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::net::endpoints::{Api, Endpoints};
    use crate::net::transport::{Request, Sending, Transport};
    use crate::telemetry::tests::logged;
    use crate::testing::at;

    struct Unused;

    impl Transport for Unused {
        fn send(&self, request: Request, _: Duration) -> Sending<'_> {
            panic!("{request:?}")
        }
    }

    struct Set(Mutex<i64>);

    impl Clock for Set {
        fn now(&self) -> DateTime<Utc> {
            at(*self.0.lock().unwrap())
        }
    }

    #[test]
    fn so_many_tokens_are_remembered_until_they_expire() {
        let mut remembered = VerifiedTokens::default();
        for number in 0..MAX_VERIFIED {
            remembered.keep(number.to_string(), at(if number == 0 { 10 } else { 20 }), at(0));
        }
        assert!(remembered.knows("0", at(9)) && !remembered.knows("0", at(10)));
        assert!(!remembered.knows("0", at(11)) && remembered.knows("1", at(11)));
        remembered.keep("early".to_owned(), at(30), at(9));
        assert!(!remembered.knows("early", at(9)), "there is no room");
        remembered.keep("late".to_owned(), at(30), at(10));
        assert!(remembered.knows("late", at(10)) && remembered.knows("1", at(10)), "there is room again");
        assert_eq!(remembered.0.len(), MAX_VERIFIED);
    }

    #[test]
    fn refused_pushes_are_warned_of_once_a_minute() {
        let identity = Identity {
            audience: "https://a.run.app".to_owned(),
            service_account: "push@demo.iam".to_owned(),
        };
        let clock = Arc::new(Set(Mutex::new(0)));
        let authenticator = Authenticator::new(
            identity,
            Keys::new(Arc::new(Unused), Endpoints::default().get(Api::Jwks)),
            Arc::clone(&clock) as _,
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let lines = logged(|| {
            for second in [0, 1, 59, 60, 61, 62, -200_000] {
                *clock.0.lock().unwrap() = second;
                assert_eq!(runtime.block_on(authenticator.authenticate(None)), Err(AuthError::NoToken));
            }
        });
        let refused: Vec<&Value> = lines.iter().map(|line| &line["refused"]).collect();
        assert_eq!(refused, [1, 3, 3], "the clock was set back before the last one");
        assert!(lines[0]["message"].as_str().unwrap().contains("has no bearer token"));
    }
}
