//! Hashes that name things: tasks, labels, notices. SHA-256 (but for an old key), since they must stay the same across versions.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// The SHA-256 of `parts`, joined by line breaks, in hex. Only the last part may contain a line break.
pub(crate) fn hash(parts: &[&str]) -> String {
    hash_bytes(parts.join("\n").as_bytes())
}

/// The SHA-256 of `bytes`, in hex.
pub(crate) fn hash_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first 128 bits of [`hash`], for where 64 characters are too long.
pub(crate) fn short_hash(parts: &[&str]) -> String {
    hash(parts).chars().take(32).collect()
}

/// The SHA-1 of `text`, in hex: for keys that the system before opwatch made so. Nothing relies on its strength.
pub(crate) fn sha1(text: &str) -> String {
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
}

/// A random 128-bit id in hex.
pub(crate) fn random_id() -> Result<String, String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system provides no random numbers".to_owned())?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
