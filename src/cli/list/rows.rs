//! Operations as they are listed. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::services::{Ending, Observation, Operation, OperationInfo, Progress};
use crate::watch::Outcome;

/// An operation in a list.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its name and service.
    pub operation: Operation,
    /// How it ended; none while it runs.
    pub outcome: Option<Outcome>,
    /// What is known of it.
    pub info: OperationInfo,
}

/// Which operations are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// Only those that run.
    pub running: bool,
    /// Only those that began later, or that run.
    pub since: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn of((operation, observation): (Operation, Observation)) -> Self {
        let (outcome, info) = match observation {
            Observation::Running(info) => (None, info),
            Observation::Ended(ending, info) => (Some(outcome(ending)), info),
            Observation::Unreadable(_) | Observation::Unavailable(_) => {
                (Some(Outcome::CannotTell), OperationInfo::default())
            }
        };
        Self { operation, outcome, info }
    }

    /// How far it is, in percent.
    pub(super) fn percent(&self) -> Option<u8> {
        let info = &self.info;
        let items = info.items.map(|items| items.count);
        [info.overall, info.entities, items, info.bytes].into_iter().flatten().find_map(Progress::percent)
    }
}

fn outcome(ending: Ending) -> Outcome {
    match ending {
        Ending::Succeeded => Outcome::Succeeded,
        Ending::Failed => Outcome::Failed,
        Ending::Cancelled => Outcome::Cancelled,
        Ending::Unknown => Outcome::CannotTell,
    }
}

impl Wanted {
    pub(super) fn has(&self, row: &Row) -> bool {
        let runs = row.outcome.is_none();
        let is_recent =
            self.since.is_none_or(|since| runs || row.info.start.is_some_and(|start| start >= since));
        is_recent && (runs || !self.running)
    }
}

/// The rows for a program: the names are English in every language, and never change.
pub(super) fn json(rows: &[Row]) -> Value {
    let time =
        |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let all = rows.iter().map(|row| {
        let info = &row.info;
        json!({
            "name": row.operation.name(),
            "service": row.operation.service().id(),
            "type": info.work,
            "target": info.target,
            "outcome": row.outcome.map_or(json!("running"), |outcome| json!(outcome)),
            "state": info.state,
            "percent": row.percent(),
            "start": time(info.start),
            "end": time(info.end),
            "error": info.error,
        })
    });
    Value::Array(all.collect())
}
