//! The ways in which services write an operation, one file each.

mod answer;
mod count;
mod export;
mod job;
mod lro;
mod metadata;
pub(super) mod path;
mod steps;
mod template;

pub(super) use answer::{Answer, unreadable};
pub(super) use count::Count;
pub(super) use export::{Export, common, observe, time};
pub(super) use job::{Errors, Job, Words};
pub(super) use lro::Lro;

use serde_json::Value;

use super::Observation;

/// The texts at `path` in the JSON in `body`; none when it is no JSON object.
pub(super) fn texts(body: &[u8], path: &'static str) -> Vec<String> {
    path::read(body, &[path]).map(|answer| template::every(&answer, path)).unwrap_or_default()
}

/// How an API writes its operations.
pub(super) trait Shape: Sync {
    /// What the answer to a GET of the operation `name` shows. An answer about another operation counts as unavailable.
    fn read(&self, name: &str, body: &[u8]) -> Observation;

    /// The name of the operation that `answer` is about.
    fn name_in(&self, answer: &Value) -> Option<String> {
        Some(answer.get("name")?.as_str()?.to_owned())
    }

    /// The paths of the fields that it reads, for a test that holds them against the API's description; none for a shape that
    /// many services share.
    fn paths(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The words of a state that it knows.
    fn words(&self) -> Vec<String> {
        Vec::new()
    }
}
