//! Signs a message as Standard Webhooks 1.0 says:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

const PREFIX: &str = "whsec_";
/// The length of a secret, in bytes once decoded.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// The most secrets that messages are signed with: the one that is replaced, and its successor.
const SECRETS: usize = 2;

/// One or two secrets to sign with. While one is replaced by another, receivers may know either.
#[derive(Clone)]
pub struct Key(Vec<hmac::Key>);

impl Key {
    /// The secrets that `text` lists, if it lists one or two.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let keys: Vec<_> = text.split(',').map(str::trim).map(secret).collect::<Option<_>>()?;
        (keys.len() <= SECRETS).then_some(Self(keys))
    }

    /// The value of `webhook-signature`: a signature for each secret. `id` and `timestamp` must have no dot.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signature = |key| {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{id}.{timestamp}.").as_bytes());
            context.update(body);
            format!("v1,{}", STANDARD.encode(context.sign()))
        };
        self.0.iter().map(signature).collect::<Vec<_>>().join(" ")
    }
}

fn secret(text: &str) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
    LENGTH.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// What a secret must be, for an error that doesn't repeat it.
pub(super) fn is_secret() -> &'static str {
    "must be whsec_ followed by the base64 of 24 to 64 random bytes, or two of these separated by a comma"
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

    #[test]
    fn while_a_secret_is_replaced_there_is_a_signature_of_each() {
        let [old, new] =
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_bG9jYWwtc3RhbmQtaW4tc2VjcmV0LTAwMDA="];
        let sign = |text: &str| Key::parse(text).map(|key| key.sign("id", 7, b"{}"));
        let both = format!("{} {}", sign(new).unwrap(), sign(old).unwrap());
        assert_eq!(sign(&format!("{new}, {old}")), Some(both));
        for wrong in [format!("{new},"), format!("{old},x"), format!("{new},{old},{new}")] {
            assert_eq!(sign(&wrong), None, "{wrong}");
        }
    }
}
