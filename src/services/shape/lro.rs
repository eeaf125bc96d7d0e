//! A standard operation (<https://google.aip.dev/151>): done without an error is a success, unless a state says that it is not.

use super::Shape;
use super::answer::{Answer, CANCELLED, observation, work_of_type};
use super::metadata::Metadata;
use super::steps::Steps;
use crate::services::{Ending, Observation, OperationInfo};

/// `google.longrunning.Operation` with metadata of any form.
pub(in crate::services) struct Lro;

impl Shape for Lro {
    fn read(&self, name: &str, body: &[u8]) -> Observation {
        observation(name, body, observe)
    }
}

/// Words of the state of one that ended badly without an error, as Storage Transfer's may.
const FAILED: [&str; 4] = ["FAILED", "FAILURE", "ERROR", "PREVIEW_FAILED"];
const CANCELLED_WORDS: [&str; 3] = ["CANCELLED", "CANCELED", "ABORTED"];
/// Words of the state of one that waits for a person.
const WAITS: [&str; 2] = ["PAUSED", "WAITING_FOR_PERMISSIONS"];

fn observe(answer: &Answer) -> Observation {
    let facts = facts(answer);
    if !answer.done {
        return Observation::Running(facts);
    }
    let word = word_of(facts.state.as_deref().unwrap_or_default());
    let ending = match &facts.error {
        Some(error) if error.code == CANCELLED => Ending::Cancelled,
        Some(_) => Ending::Failed,
        None if FAILED.contains(&word) => Ending::Failed,
        None if CANCELLED_WORDS.contains(&word) => Ending::Cancelled,
        None => Ending::Succeeded,
    };
    Observation::Ended(ending, facts)
}

/// The word of a state without what some enums begin with: `OPERATION_STATE_FAILED` is `FAILED`.
fn word_of(state: &str) -> &str {
    ["STATE_", "STATUS_"].iter().find_map(|part| Some(state.split_once(part)?.1)).unwrap_or(state)
}

fn facts(answer: &Answer) -> OperationInfo {
    let metadata = Metadata::of(&answer.metadata);
    let steps =
        if metadata.is_about_the_operation() { Steps::of(&answer.metadata) } else { Steps::default() };
    // An end before the operation is done is not its end.
    let end = || metadata.end().or(steps.end).or_else(|| metadata.last_change());
    let state = metadata.state();
    let error = answer.error();
    OperationInfo {
        work: metadata.work().or_else(|| work_of_type(&answer.metadata)),
        start: metadata.start().or(steps.start),
        end: if answer.done { end() } else { None },
        overall: metadata.percent().or(steps.overall),
        items: steps.items,
        bytes: steps.bytes,
        failures: steps.failures,
        target: metadata.target(),
        stage: if answer.done { None } else { steps.stage.or_else(|| metadata.message()) },
        warnings: if error.is_some() { Vec::new() } else { metadata.warnings() },
        waits: !answer.done && WAITS.contains(&word_of(state.as_deref().unwrap_or_default())),
        state,
        error,
        ..OperationInfo::default()
    }
    .cut()
}
