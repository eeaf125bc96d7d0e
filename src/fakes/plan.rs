//! How an operation advances with time, and how the two APIs write it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::time::{later, stamp};

/// An operation shows no progress at first.
const INITIALIZING: Duration = Duration::from_secs(2);

/// How long a cancelled operation takes to end.
const CANCELLING: Duration = Duration::from_secs(2);

/// How an operation goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How long it runs; with `Duration::MAX` it never ends.
    pub duration: Duration,
    /// How it ends.
    pub end: End,
    /// Entities or documents in all.
    pub entities: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Whether it tells these totals while it runs.
    pub estimate: bool,
    /// The percentage at which its counts stay for good.
    pub stuck_at: Option<u8>,
}

impl Default for Plan {
    /// A success after five minutes.
    fn default() -> Self {
        let duration = Duration::from_secs(300);
        Self {
            duration,
            end: End::Succeeded,
            entities: 12_345,
            bytes: 67_890_123,
            estimate: true,
            stuck_at: None,
        }
    }
}

/// How an operation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With a response.
    Succeeded,
    /// With an error.
    Failed {
        /// A `google.rpc.Code`.
        code: i32,
        /// The text.
        message: String,
    },
    /// With error code 1.
    Cancelled,
    /// Done in this state, with neither error nor response.
    State(String),
}

/// Whose words an operation is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Datastore,
    Firestore,
}

/// An operation that was started or added.
#[derive(Clone, Debug)]
pub(super) struct Started {
    pub(super) name: String,
    pub(super) dialect: Dialect,
    pub(super) import: bool,
    pub(super) start_time: DateTime<Utc>,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) plan: Plan,
    pub(super) labels: BTreeMap<String, String>,
    /// What the request said, in the words of `metadata`.
    pub(super) request: Map<String, Value>,
    pub(super) output: String,
    pub(super) reads: usize,
}

/// What an operation is at one time.
struct Stage {
    state: String,
    ended_at: Option<DateTime<Utc>>,
    end: End,
    /// 0 to 1.
    progress: f64,
}

impl Started {
    /// Where it is now. Cancelling wins when it came before the planned end.
    fn stage(&self, now: DateTime<Utc>) -> Stage {
        let planned = later(self.start_time, self.plan.duration);
        let cancelled = self.cancelled_at.map(|at| later(at, CANCELLING)).filter(|at| *at < planned);
        let end = if cancelled.is_some() { End::Cancelled } else { self.plan.end.clone() };
        let ended_at = Some(cancelled.unwrap_or(planned)).filter(|at| *at <= now);
        let run = (ended_at.unwrap_or(now) - self.start_time).to_std().unwrap_or_default();
        let progress = if self.plan.duration.is_zero() {
            1.0
        } else {
            run.div_duration_f64(self.plan.duration).min(1.0)
        };
        let state = match (&end, ended_at) {
            (End::Succeeded, Some(_)) => "SUCCESSFUL",
            (End::Failed { .. }, Some(_)) => "FAILED",
            (End::Cancelled, Some(_)) => "CANCELLED",
            (End::State(state), Some(_)) => state,
            (_, None) if cancelled.is_some() => "CANCELLING",
            (_, None) if run < INITIALIZING => "INITIALIZING",
            (_, None) if progress >= 0.99 => "FINALIZING",
            (_, None) => "PROCESSING",
        };
        Stage { state: state.to_owned(), ended_at, end, progress }
    }

    /// Asks it to end; one that has ended stays as it is.
    pub(super) fn cancel(&mut self, now: DateTime<Utc>) {
        if self.stage(now).ended_at.is_none() {
            self.cancelled_at.get_or_insert(now);
        }
    }

    /// The operation's JSON at this time: what is empty, zero or false is left out, as Google does.
    pub(super) fn body(&self, now: DateTime<Utc>) -> Value {
        let stage = self.stage(now);
        let mut body = json!({"name": self.name, "metadata": self.metadata(&stage)});
        let Some(fields) = body.as_object_mut() else { return body };
        if stage.ended_at.is_some() {
            fields.insert("done".to_owned(), Value::Bool(true));
            match &stage.end {
                End::Succeeded => fields.insert("response".to_owned(), self.response()),
                End::Failed { code, message } => {
                    fields.insert("error".to_owned(), json!({"code": code, "message": message}))
                }
                End::Cancelled => fields.insert(
                    "error".to_owned(),
                    json!({"code": 1, "message": "The operation was cancelled."}),
                ),
                End::State(_) => None,
            };
        }
        body
    }

    fn metadata(&self, stage: &Stage) -> Value {
        let mut fields = self.request.clone();
        let (package, kind, counted, words) = match self.dialect {
            Dialect::Datastore => {
                ("datastore", "Entities", "progressEntities", ["workCompleted", "workEstimated"])
            }
            Dialect::Firestore => {
                ("firestore", "Documents", "progressDocuments", ["completedWork", "estimatedWork"])
            }
        };
        let verb = if self.import { "Import" } else { "Export" };
        let kind = format!("type.googleapis.com/google.{package}.admin.v1.{verb}{kind}Metadata");
        fields.insert("@type".to_owned(), json!(kind));

        let mut common = Map::new();
        common.insert("startTime".to_owned(), json!(stamp(self.start_time)));
        if let Some(at) = stage.ended_at {
            common.insert("endTime".to_owned(), json!(stamp(at)));
        }
        match self.dialect {
            Dialect::Firestore => {
                fields.append(&mut common);
                fields.insert("operationState".to_owned(), json!(stage.state));
            }
            Dialect::Datastore => {
                let operation_type = format!("{}_ENTITIES", verb.to_uppercase());
                common.insert("operationType".to_owned(), json!(operation_type));
                common.insert("state".to_owned(), json!(stage.state));
                if !self.labels.is_empty() {
                    common.insert("labels".to_owned(), json!(self.labels));
                }
                fields.insert("common".to_owned(), Value::Object(common));
            }
        }
        for (name, total) in [(counted, self.plan.entities), ("progressBytes", self.plan.bytes)] {
            let progress = self.progress(stage, total, words);
            if !progress.is_empty() {
                fields.insert(name.to_owned(), Value::Object(progress));
            }
        }
        Value::Object(fields)
    }

    fn progress(&self, stage: &Stage, total: u64, [completed, estimated]: [&str; 2]) -> Map<String, Value> {
        let most = self.plan.stuck_at.map_or(1.0, |percent| f64::from(percent) / 100.0);
        let done = part(total, stage.progress.min(most));
        let estimate = if self.plan.estimate && stage.progress > 0.0 { total } else { 0 };
        [(completed, done), (estimated, estimate)]
            .into_iter()
            .filter(|(_, count)| *count > 0 && stage.state != "INITIALIZING")
            .map(|(name, count)| (name.to_owned(), json!(count.to_string())))
            .collect()
    }

    fn response(&self) -> Value {
        let (kind, field) = match self.dialect {
            _ if self.import => return json!({"@type": "type.googleapis.com/google.protobuf.Empty"}),
            Dialect::Datastore => ("datastore.admin.v1.ExportEntitiesResponse", "outputUrl"),
            Dialect::Firestore => ("firestore.admin.v1.ExportDocumentsResponse", "outputUriPrefix"),
        };
        json!({"@type": format!("type.googleapis.com/google.{kind}"), field: self.output})
    }
}

/// `total` times `progress`, rounded down.
fn part(total: u64, progress: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the progress is 0 to 1, counted here in millionths"
    )]
    let millionths = (progress * 1e6) as u128;
    u64::try_from(u128::from(total) * millionths / 1_000_000).unwrap_or(total)
}
