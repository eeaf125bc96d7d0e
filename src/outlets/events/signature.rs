//! Signs a message as Standard Webhooks 1.0 says:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

const PREFIX: &str = "whsec_";
/// The length of a secret, in bytes once decoded.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret to sign with.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// The secret that `text` writes, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        LENGTH.contains(&bytes.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of `webhook-signature`. `id` and `timestamp` must have no dot.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// What a secret must be, for an error that doesn't repeat it.
pub(super) fn is_secret() -> &'static str {
    "must be whsec_ followed by the base64 of 24 to 64 random bytes"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests of the official libraries.
    #[test]
    fn a_signature_is_the_one_of_the_official_libraries() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{key:?}"), "Key");
    }
}
