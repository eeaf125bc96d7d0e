//! The ways in which services write an operation, one file each.

mod answer;
mod export;
mod lro;
mod sql;

pub(super) use answer::{Answer, unreadable};
pub(super) use export::{Export, common, observe, time};
pub(super) use lro::Lro;
pub(super) use sql::CloudSql;

use serde_json::Value;

use super::Observation;

/// How an API writes its operations.
pub(super) trait Shape: Sync {
    /// What the answer to a GET of the operation `name` shows. An answer about another operation counts as unavailable.
    fn read(&self, name: &str, body: &[u8]) -> Observation;

    /// The name of the operation that `answer` is about.
    fn name_in(&self, answer: &Value) -> Option<String> {
        Some(answer.get("name")?.as_str()?.to_owned())
    }

    /// The path of that GET, from the version on.
    fn path(&self, version: &str, name: &str) -> String {
        format!("{version}/{name}")
    }
}
