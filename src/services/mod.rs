//! What a long-running operation is to opwatch: its name, its service, and what one look at it showed.

mod cause;
mod command;
mod detail;
mod error;
mod extra;
mod fields;
mod jobs;
#[cfg(feature = "terminal")]
mod list;
mod listed;
mod name;
mod place;
mod request;
mod row;
mod service;
mod shape;
mod standard;
mod status;
mod table;
mod url;
#[cfg(test)]
mod tests;

pub use cause::{Attempt, Cause, Method};
pub use detail::{detail_path, with_detail};
pub use error::{ApiError, ERROR_TEXT, ErrorInfo, retry_delay};
pub use extra::ExtraService;
pub(crate) use fields::Fields;
#[cfg(feature = "terminal")]
pub use list::{ListPlace, NoList, OperationList, OperationPage};
pub use listed::{Listed, read_list, read_started};
pub(crate) use name::{
    DEFAULT_DATABASE, MAX_NAME_BYTES, database_of, list_command, parse_start_path, project_of,
};
pub use name::{NameError, Operation};
pub use place::Place;
pub use request::Request;
pub use row::{Direction, LookUpBy, Output, StartMethod};
pub use service::Service;
pub use status::Status;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text;

/// An output URL and a state's word longer than this many characters are cut: they ride in a message.
const OUTPUT_TEXT: usize = 1_024;
const WORD: usize = 64;
/// So many warnings, each of so many characters, ride in a message.
pub(crate) const WARNINGS: usize = 3;
const WARNING: usize = 300;
const STAGE: usize = 128;

/// Reads the answer to a GET of `asked`. An answer about another operation counts as unavailable.
pub fn read_operation(asked: &Operation, body: &[u8]) -> Observation {
    asked.service().row().shape.read(asked.name(), body)
}

/// The path of the POST that cancels `operation`, from the version on; `None` when opwatch knows of none: the service has no
/// `gcloud` command that cancels, or cancels its jobs in a way of its own.
///
/// It is `NAME:cancel` (<https://google.aip.dev/151>), but `NAME/cancel` for Cloud SQL and Cloud Storage.
#[cfg(feature = "terminal")]
pub fn cancel_path(operation: &Operation) -> Option<String> {
    let service = operation.service();
    if service.has_jobs() || !service.row().cancels {
        return None;
    }
    let method = if CANCELS_BELOW.contains(&service.id()) { "/cancel" } else { ":cancel" };
    Some(read_path(operation) + method)
}

/// Services whose method is below the operation.
#[cfg(feature = "terminal")]
const CANCELS_BELOW: [&str; 2] = ["sqladmin", "storage"];

/// The name of the operation that `answer` of `service` is about.
pub fn name_in(service: Service, answer: &Value) -> Option<String> {
    service.row().shape.name_in(answer)
}

/// The path of the GET that reads `operation`, from the version on.
pub fn read_path(operation: &Operation) -> String {
    let row = operation.service().row();
    let own = row.get.iter().find_map(|template| operation.fill_word(template));
    own.unwrap_or_else(|| format!("{}/{}", row.version, operation.name()))
}

/// What one look at an operation showed.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// It runs on.
    Running(OperationInfo),
    /// It is done.
    Ended(Ending, OperationInfo),
    /// It can't be read, and looking again will not help: gone, or not permitted.
    Unreadable(ApiError),
    /// It could not be read this time.
    Unavailable(ApiError),
}

/// How a done operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Done without an error, in a state that means success.
    Succeeded,
    /// Done with an error.
    Failed,
    /// Cancelled: partial files are possible.
    Cancelled,
    /// Done, in a state that opwatch does not know: its word is in [`OperationInfo::state`].
    Unknown,
}

/// What is known of an operation. Rides in messages, so its texts are cut where it is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct OperationInfo {
    /// The service's word for the kind of work, such as `EXPORT_ENTITIES`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    /// The service's word for the state, such as `PROCESSING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<DateTime<Utc>>,
    /// Entities or documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<Progress>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Progress>,
    /// How far it is as a whole, where the service counts nothing: a restore of Firestore's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overall: Option<Progress>,
    /// What it works on, such as `projects/p/instances/i/databases/d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Where the result lies: only a success has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Where it was told to write or read: partial files may lie there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The error it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
    /// Tasks, steps, objects: what else the service counts.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "error::lenient")]
    pub items: Option<Items>,
    /// How many of them failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
    /// The service's word for where it is, such as the name of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What the service warns of. It may be a success with some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether it waits for a person: for an approval, or to be resumed.
    #[serde(skip_serializing_if = "is_false")]
    pub waits: bool,
    /// Whether it runs until somebody stops it, as a streaming job does.
    #[serde(skip_serializing_if = "is_false")]
    pub endless: bool,
    /// What it was told to take. Never rides in a message, since it may be long.
    #[serde(skip)]
    pub filter: Option<Filter>,
}

/// What an export or import takes: nothing named is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds, or collection ids.
    pub kinds: Vec<String>,
    /// Namespaces; an empty text is the default one.
    pub namespaces: Vec<String>,
}

impl OperationInfo {
    /// Cuts every text to its limit and drops times that can't be worked with: for facts that come from a message.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.work = self.work.map(|word| text::cut(&word, WORD));
        self.state = self.state.map(|word| text::cut(&word, WORD));
        self.target = self.target.map(|name| text::cut(&name, OUTPUT_TEXT));
        self.output = self.output.map(|url| text::cut(&url, OUTPUT_TEXT));
        self.prefix = self.prefix.map(|url| text::cut(&url, OUTPUT_TEXT));
        self.error = self.error.map(ApiError::cut);
        self.stage = self.stage.map(|stage| text::line(text::cut(&stage, STAGE)));
        self.warnings.truncate(WARNINGS);
        self.warnings.iter_mut().for_each(|warning| *warning = text::line(text::cut(warning, WARNING)));
        self.start = self.start.filter(text::is_plausible);
        self.end = self.end.filter(text::is_plausible);
        self
    }

    /// Whether it deletes a resource, by the service's words for the work or the state. A bulk delete of data does not count: the
    /// resource stays.
    pub fn is_deletion(&self) -> bool {
        let says = |word: &Option<String>| {
            let word = word.as_deref().unwrap_or_default().to_ascii_uppercase();
            word.contains("DELET") && !word.contains("BULK")
        };
        says(&self.work) || says(&self.state)
    }

    /// How far it is, in percent: by entities, else by bytes, else as the service says.
    pub fn percent(&self) -> Option<u8> {
        let items = self.items.map(|items| items.count);
        [self.entities, self.bytes, self.overall, items].into_iter().flatten().find_map(Progress::percent)
    }

    /// How long it ran, when both ends are known and in order.
    pub fn duration(&self) -> Option<std::time::Duration> {
        shown_duration(self.start?, self.end?)
    }
}

/// A count of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Items {
    /// Of what.
    pub unit: Unit,
    /// How many are done.
    #[serde(flatten)]
    pub count: Progress,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Files in a bucket.
    Objects,
    /// Entries of a data set.
    Records,
    /// Stages of the operation.
    Stages,
    /// Statements of a schema change.
    Statements,
    /// Steps of a build.
    Steps,
    /// Tables that are copied.
    Tables,
    /// Tasks of a job.
    Tasks,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// From `start` to `end` as they are shown, in whole seconds: what people see must add up. None when they are not in order.
pub(crate) fn shown_duration(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<std::time::Duration> {
    u64::try_from(end.timestamp() - start.timestamp()).ok().map(std::time::Duration::from_secs)
}

/// Work done out of work expected. The estimate may be too low, zero or missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units expected, when the service says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<u64>,
}

impl Progress {
    /// Percent done; none without an honest estimate (missing, zero or exceeded).
    pub fn percent(self) -> Option<u8> {
        let of = self.of.filter(|of| *of > 0 && *of >= self.done)?;
        u8::try_from(u128::from(self.done) * 100 / u128::from(of)).ok()
    }
}

#[cfg(test)]
mod facts_tests {
    use super::*;

    #[test]
    fn a_percentage_needs_an_honest_estimate() {
        let percent = |done, of| Progress { done, of }.percent();
        assert_eq!(percent(42, Some(100)), Some(42));
        assert_eq!(percent(100, Some(100)), Some(100));
        assert_eq!(percent(0, Some(100)), Some(0));
        assert_eq!(percent(104, Some(100)), None);
        assert_eq!([percent(4, Some(0)), percent(0, Some(0))], [None, None]);
        assert_eq!(percent(4, None), None);
        assert_eq!(percent(u64::MAX, Some(u64::MAX)), Some(100));
    }

    #[test]
    fn a_duration_needs_both_ends_in_order() {
        let at = |s: &str| Some(s.parse().unwrap());
        let facts = |start, end| OperationInfo { start, end, ..OperationInfo::default() };
        let (early, late) = (at("2026-11-23T00:00:00.9Z"), at("2026-11-23T00:01:30.1Z"));
        assert_eq!(
            facts(early, late).duration(),
            Some(std::time::Duration::from_secs(90)),
            "as the clock times show"
        );
        assert_eq!(facts(late, early).duration(), None);
        assert_eq!(facts(early, None).duration(), None);
    }
}
