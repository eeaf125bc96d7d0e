//! The ways in which services write an operation, one file each.

mod export;
mod lro;

pub(super) use export::{Export, common, observe, time};
pub(super) use lro::{Answer, unreadable};

use super::Observation;

/// How an API writes its operations.
pub(super) trait Shape: Sync {
    /// What the answer to a GET of the operation `name` shows. An answer about another operation counts as unavailable.
    fn read(&self, name: &str, body: &[u8]) -> Observation;

    /// The path of that GET, from the version on.
    fn path(&self, version: &str, name: &str) -> String {
        format!("{version}/{name}")
    }
}
