//! The key of a service account, and what it signs: <https://developers.google.com/identity/protocols/oauth2/service-account>.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

use super::fields::{Fields, HOUR, required};
use super::target::Target;
use crate::google::token::SCOPE;
use crate::net::endpoints::Api;

/// A service account with its key.
pub(super) struct Key {
    email: String,
    id: Option<String>,
    pair: RsaKeyPair,
    pub target: Target,
}

impl Key {
    /// The login in a file.
    pub(super) fn of(fields: Fields) -> Result<Self, String> {
        let url = required(fields.token_uri, "token_uri")?;
        let is_path = |path: &str| ["/token", "/o/oauth2/token", "/oauth2/v4/token"].contains(&path);
        Ok(Self {
            email: required(fields.client_email, "client_email")?,
            id: fields.private_key_id,
            pair: pair(&required(fields.private_key, "private_key")?)
                .ok_or("private_key: is not an RSA key in PKCS#8; download the key again")?,
            target: Target::of(Api::OAuth, "token_uri", &url, is_path)?,
        })
    }

    /// The signed request for a token; none when the key can't sign.
    pub(super) fn assertion(&self, now: DateTime<Utc>) -> Option<String> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.id});
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.target.written(),
            "iat": now.timestamp(),
            "exp": now.timestamp() + i64::from(HOUR),
        });
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The key in a PEM text.
fn pair(pem: &str) -> Option<RsaKeyPair> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (base64, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let base64: String = base64.split_whitespace().collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).ok()?).ok()
}
