//! Who may push: verifies each push's token, remembers the good ones, and warns of the bad ones without flooding the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::hash::hash_bytes;
use crate::identity::{Identity, Refusal, bearer};
use crate::keys::Keys;

/// Verified tokens remembered at most; Pub/Sub uses one for up to an hour.
const MOST_REMEMBERED: usize = 1_000;
const BETWEEN_WARNINGS: TimeDelta = TimeDelta::minutes(1);

/// Lets pushes in.
pub struct Gate {
    identity: Identity,
    keys: Keys,
    clock: Arc<dyn Clock>,
    /// Hash of a verified token → when it expires: a push then costs no RSA check.
    verified: Mutex<HashMap<String, DateTime<Utc>>>,
    warnings: Mutex<Warnings>,
}

#[derive(Default)]
struct Warnings {
    last: Option<DateTime<Utc>>,
    refused_since: u64,
}

impl Gate {
    /// A gate for pushes of `identity`.
    pub fn new(identity: Identity, keys: Keys, clock: Arc<dyn Clock>) -> Self {
        Self { identity, keys, clock, verified: Mutex::default(), warnings: Mutex::default() }
    }

    /// Lets a push with this `Authorization` header in, or refuses it.
    ///
    /// # Errors
    /// With the reason, which has been logged.
    pub async fn admit(&self, authorization: Option<&str>) -> Result<(), Refusal> {
        let now = self.clock.now();
        let admitted = self.verify(authorization, now).await;
        if let Err(refusal) = admitted {
            self.warn(refusal, now);
        }
        admitted
    }

    async fn verify(&self, authorization: Option<&str>, now: DateTime<Utc>) -> Result<(), Refusal> {
        let token = bearer(authorization)?;
        let hash = hash_bytes(token.as_bytes());
        let remembered = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).copied();
        if remembered.is_some_and(|expires| now < expires) {
            return Ok(());
        }
        let key_id = self.identity.precheck(token, now)?;
        let key = self.keys.get(&key_id, now).await?;
        let expires = self.identity.verify(token, &key, now)?;
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= MOST_REMEMBERED {
            verified.retain(|_, expires| now < *expires);
        }
        if verified.len() < MOST_REMEMBERED {
            verified.insert(hash, expires);
        }
        Ok(())
    }

    /// One warning a minute, with the number of pushes refused since the last.
    fn warn(&self, refusal: Refusal, now: DateTime<Utc>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.refused_since += 1;
        if warnings.last.is_none_or(|last| now >= last + BETWEEN_WARNINGS) {
            tracing::warn!(
                decision = "not-admitted",
                refused = warnings.refused_since,
                "refused a push: {refusal}"
            );
            *warnings = Warnings { last: Some(now), refused_since: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::endpoints::{Api, Endpoints};
    use crate::telemetry::tests::logged;
    use crate::transport::{Request, Sending, Transport};

    struct Unused;

    impl Transport for Unused {
        fn send(&self, request: Request, _: Duration) -> Sending<'_> {
            panic!("{request:?}")
        }
    }

    struct Set(Mutex<i64>);

    impl Clock for Set {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(1_800_000_000 + *self.0.lock().unwrap(), 0).unwrap()
        }
    }

    #[test]
    fn refused_pushes_are_warned_of_once_a_minute() {
        let identity = Identity {
            audience: "https://a.run.app".to_owned(),
            service_account: "push@demo.iam".to_owned(),
        };
        let clock = Arc::new(Set(Mutex::new(0)));
        let gate = Gate::new(
            identity,
            Keys::new(Arc::new(Unused), Endpoints::default().get(Api::Jwks)),
            Arc::clone(&clock) as _,
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let lines = logged(|| {
            for second in [0, 1, 59, 60, 61] {
                *clock.0.lock().unwrap() = second;
                assert_eq!(runtime.block_on(gate.admit(None)), Err(Refusal::NoToken));
            }
        });
        let refused: Vec<&Value> = lines.iter().map(|line| &line["refused"]).collect();
        assert_eq!(refused, [1, 3]);
        assert!(lines[0]["message"].as_str().unwrap().contains("carries no bearer token"));
    }
}
