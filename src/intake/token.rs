//! Whether a push comes from the subscription: the OIDC token that Pub/Sub signs as a service account. Pure.
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>

use std::sync::Once;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use signature::Verifier;

/// Google's two spellings of itself.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// How far clocks may differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// A token longer than this is not one of Google's.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// What Cloud Run puts in the place of a signature that it removed.
const REMOVED: &str = "SIGNATURE_REMOVED_BY_GOOGLE";

/// Who pushes: what the subscription's settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The audience of its tokens, exactly.
    pub audience: String,
    /// The e-mail address of its service account, exactly.
    pub service_account: String,
}

/// Why a push is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization: Bearer`.
    #[error(
        "it has no bearer token: set a push service account on the subscription (--push-auth-service-account)"
    )]
    NoToken,
    /// Not three parts of base64 and JSON.
    #[error("its token is not a JSON Web Token")]
    NoJwt,
    /// Cloud Run took the signature away, as it does with `X-Serverless-Authorization`.
    #[error(
        "Cloud Run removed its token's signature, so it can't be verified here: unset PUSH_AUDIENCE and \
         PUSH_SERVICE_ACCOUNT and let Cloud Run alone check the caller (roles/run.invoker)"
    )]
    SignatureRemoved,
    /// Not RS256.
    #[error("its token is not signed with RS256")]
    Algorithm,
    /// Google has no such key.
    #[error("its token is signed with a key that is not Google's")]
    UnknownKey,
    /// Google's keys could not be fetched yet.
    #[error("Google's keys could not be fetched, so its token can't be verified")]
    NoKeys,
    /// The signature is wrong.
    #[error("its token's signature is wrong")]
    Signature,
    /// A claim is missing or has the wrong type.
    #[error("its token lacks a required claim")]
    Claims,
    /// Not Google's.
    #[error("its token was not issued by Google")]
    Issuer,
    /// For somebody else.
    #[error("its token's audience is not PUSH_AUDIENCE")]
    Audience,
    /// From somebody else.
    #[error("its token's account is not PUSH_SERVICE_ACCOUNT")]
    Account,
    /// Nobody verified the address.
    #[error("its token's email address is not verified")]
    NotVerified,
    /// Too old.
    #[error("its token has expired")]
    Expired,
    /// From the future.
    #[error("its token was issued in the future: check the clock")]
    Early,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    email: String,
    email_verified: bool,
    exp: i64,
    iat: i64,
}

/// The token of an `Authorization` header.
///
/// # Errors
/// When it can be no token of Google's.
pub fn bearer(header: Option<&str>) -> Result<&str, AuthError> {
    let (scheme, token) = header.and_then(|header| header.split_once(' ')).ok_or(AuthError::NoToken)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(AuthError::NoToken);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::NoJwt);
    }
    if token.ends_with(&format!(".{REMOVED}")) {
        return Err(AuthError::SignatureRemoved);
    }
    Ok(token)
}

impl Identity {
    /// What can be refused before a key is looked for: the claims, unsigned as yet, are wrong. Gives the key's id.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check_unverified_claims(&self, token: &str, now: DateTime<Utc>) -> Result<String, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(error.kind()))?;
        if header.alg != Algorithm::RS256 {
            return Err(AuthError::Algorithm);
        }
        let claims =
            jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|error| refusal(error.kind()))?;
        self.check(&claims, now)?;
        header.kid.ok_or(AuthError::UnknownKey)
    }

    /// Verifies the signature of `token` with `key` and checks its claims; gives the time at which it expires.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn verify(
        &self,
        token: &str,
        key: &DecodingKey,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, AuthError> {
        use_ring();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&ISSUERS);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The library reads the machine's clock; the times are checked below against `now`.
        validation.validate_exp = false;
        let verified = jsonwebtoken::decode::<Claims>(token, key, &validation);
        let claims = verified.map_err(|error| refusal(error.kind()))?.claims;
        self.check(&claims, now)?;
        DateTime::from_timestamp(claims.exp, 0).ok_or(AuthError::Claims)
    }

    fn check(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), AuthError> {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(AuthError::Claims);
        if !ISSUERS.contains(&claims.iss.as_str()) {
            return Err(AuthError::Issuer);
        }
        if claims.aud != self.audience {
            return Err(AuthError::Audience);
        }
        if claims.email != self.service_account {
            return Err(AuthError::Account);
        }
        if !claims.email_verified {
            return Err(AuthError::NotVerified);
        }
        if now - LEEWAY >= time(claims.exp)? {
            return Err(AuthError::Expired);
        }
        if now + LEEWAY < time(claims.iat)? {
            return Err(AuthError::Early);
        }
        Ok(())
    }
}

/// What the library finds: algorithm, issuer and audience were held against ours before.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library may add kinds")]
fn refusal(kind: &ErrorKind) -> AuthError {
    match kind {
        ErrorKind::InvalidSignature | ErrorKind::InvalidRsaKey(_) | ErrorKind::Provider(_) => {
            AuthError::Signature
        }
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) => {
            AuthError::Claims
        }
        _ => AuthError::NoJwt,
    }
}

/// jsonwebtoken has no ring backend (only aws-lc-rs and `RustCrypto`), so this supplies one.
fn use_ring() {
    static ONCE: Once = Once::new();
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        verifier_factory: |algorithm, key| {
            if *algorithm == Algorithm::RS256 {
                Ok(Box::new(Rs256(key.clone())))
            } else {
                Err(ErrorKind::UnsupportedAlgorithm.into())
            }
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    // Fails only if it is already installed, which is fine.
    ONCE.call_once(|| {
        let _ = RING.install_default();
    });
}

struct Rs256(DecodingKey);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let DecodingKeyKind::RsaModulusExponent { n, e } = self.0.kind() else {
            return Err(signature::Error::new());
        };
        let key = RsaPublicKeyComponents { n, e };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    const NOW: i64 = 1_800_000_000;

    /// What is wrong before its signature is looked at with a token that tells this.
    fn wrong(header: &Value, claims: &Value) -> Option<AuthError> {
        let identity =
            Identity { audience: "https://a.run.app".to_owned(), service_account: "p@x".to_owned() };
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        identity.check_unverified_claims(&format!("{header}.{claims}.AAAA"), now).err()
    }

    #[test]
    fn a_token_is_good_from_a_minute_before_its_issue_until_a_minute_after_its_expiry() {
        let at = |issued: i64, expires: i64| {
            wrong(
                &json!({"alg": "RS256", "kid": "1"}),
                &json!({"iss": ISSUERS[0], "aud": "https://a.run.app", "email": "p@x", "email_verified": true,
                    "iat": NOW + issued, "exp": NOW + expires}),
            )
        };
        assert_eq!(at(60, 3_600), None);
        assert_eq!(at(61, 3_600), Some(AuthError::Early));
        assert_eq!(at(-3_600, -59), None);
        assert_eq!(at(-3_600, -60), Some(AuthError::Expired));
    }

    #[test]
    fn the_longest_token_is_taken() {
        let long = "a".repeat(8_192);
        assert_eq!(bearer(Some(&format!("Bearer {long}"))), Ok(long.as_str()));
        assert_eq!(bearer(Some(&format!("Bearer {long}a"))), Err(AuthError::NoJwt));
    }
}
