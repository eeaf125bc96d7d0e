//! Hashes that name things: tasks, labels, notices. SHA-256, since they must stay the same across versions.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The SHA-256 of `parts`, each on a line of its own, in hex. No part may hold a line break but the last.
pub(crate) fn hash(parts: &[&str]) -> String {
    hash_bytes(parts.join("\n").as_bytes())
}

/// The SHA-256 of `bytes`, in hex.
pub(crate) fn hash_bytes(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The first 128 bits of [`hash`], for where 64 characters are too long.
pub(crate) fn short_hash(parts: &[&str]) -> String {
    hash(parts).chars().take(32).collect()
}
