//! A standard operation (<https://google.aip.dev/151>): done without an error is a success, whatever its metadata says. What
//! the metadata is called differs from service to service; each name here is used by several.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::Shape;
use super::answer::{Answer, CANCELLED, integer, observation, work_of_type};
use crate::services::{Ending, Facts, Observation, Progress};
use crate::text;

/// `google.longrunning.Operation` with metadata of any form.
pub(in crate::services) struct Lro;

impl Shape for Lro {
    fn read(&self, name: &str, body: &[u8]) -> Observation {
        observation(name, body, observe)
    }
}

/// Types whose last word is one of these tell about the operation. Others are the resource itself or the request (Cloud Run,
/// Cloud Asset): their times are not the operation's.
const ABOUT_THE_OPERATION: [&str; 4] = ["Metadata", "Progress", "Status", "Operation"];
/// Where the facts may be, besides the metadata itself.
const GROUPS: [&str; 6] =
    ["common", "commonMetadata", "genericMetadata", "operationMetadata", "progress", "status"];
const START: [&str; 6] =
    ["createTime", "startTime", "insertTime", "requestTime", "submitTime", "creationTime"];
const END: [&str; 4] = ["endTime", "finishTime", "completeTime", "doneTime"];
/// The time of the last change, which for an operation that is done is its end.
const UPDATE: [&str; 2] = ["updateTime", "lastUpdateTime"];
const PERCENT: [&str; 5] =
    ["progressPercent", "progressPercentage", "percentComplete", "percentDone", "completionPercent"];
const STATE: [&str; 3] = ["state", "operationState", "status"];
const TARGET: [&str; 5] = ["target", "resource", "name", "database", "instance"];
const WORK: [&str; 3] = ["verb", "operationType", "method"];

/// The facts of an operation's metadata: each of the fields is looked for in the metadata itself, then in its groups.
struct Metadata<'a> {
    groups: Vec<&'a Map<String, Value>>,
}

impl<'a> Metadata<'a> {
    fn of(metadata: &'a Map<String, Value>) -> Self {
        if !is_about_the_operation(metadata) {
            return Self { groups: Vec::new() };
        }
        let inner = GROUPS.iter().filter_map(|group| metadata.get(*group)?.as_object());
        Self { groups: std::iter::once(metadata).chain(inner).collect() }
    }

    fn find<T>(&self, names: &[&str], read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.groups.iter().find_map(|group| names.iter().find_map(|name| read(group.get(*name)?)))
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        self.find(names, |value| Some(value.as_str()?.to_owned())).filter(|text| !text.is_empty())
    }

    fn time(&self, names: &[&str]) -> Option<DateTime<Utc>> {
        self.find(names, |value| text::time(value.as_str()?))
    }

    fn percent(&self) -> Option<Progress> {
        let done = self.find(&PERCENT, |value| integer(value).filter(|percent| *percent <= 100))?;
        Some(Progress { done, of: Some(100) })
    }
}

/// A resource by its name, or the name in a copy of the resource.
fn name_of(value: &Value) -> Option<String> {
    let name = value.as_str().or_else(|| value.get("name")?.as_str())?;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn is_about_the_operation(metadata: &Map<String, Value>) -> bool {
    let Some(kind) = metadata.get("@type").and_then(Value::as_str) else { return true };
    // `OperationMetadataV1` is one as well.
    let kind = kind
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == 'V');
    ABOUT_THE_OPERATION.iter().any(|word| kind.ends_with(word))
}

/// What a list of steps says of the whole, such as that of the statements of a schema change of Spanner's.
fn steps(metadata: &Map<String, Value>) -> Option<Facts> {
    let steps: Vec<_> = metadata.get("progress")?.as_array()?.iter().filter_map(Value::as_object).collect();
    let time = |step: Option<&&Map<String, Value>>, name: &str| text::time(step?.get(name)?.as_str()?);
    // proto3 leaves out a zero, and a statement that has not begun may have no step yet.
    let percent =
        |step: &&Map<String, Value>| step.get("progressPercent").and_then(integer).unwrap_or(0).min(100);
    let statements = metadata.get("statements").and_then(Value::as_array).map_or(0, Vec::len);
    let count = u64::try_from(statements.max(steps.len())).ok().filter(|count| *count > 0)?;
    Some(Facts {
        start: time(steps.first(), "startTime"),
        end: time(steps.last(), "endTime"),
        overall: Some(Progress { done: steps.iter().map(percent).sum::<u64>() / count, of: Some(100) }),
        ..Facts::default()
    })
}

fn observe(answer: &Answer) -> Observation {
    let facts = facts(answer);
    if !answer.done {
        return Observation::Running(facts);
    }
    let ending = match &facts.error {
        Some(error) if error.code == CANCELLED => Ending::Cancelled,
        Some(_) => Ending::Failed,
        None => Ending::Succeeded,
    };
    Observation::Ended(ending, facts)
}

fn facts(answer: &Answer) -> Facts {
    let metadata = Metadata::of(&answer.metadata);
    let steps = steps(&answer.metadata).unwrap_or_default();
    // An end before the operation is done is not its end.
    let end = || metadata.time(&END).or(steps.end).or_else(|| metadata.time(&UPDATE));
    Facts {
        work: metadata.text(&WORK).or_else(|| work_of_type(&answer.metadata)),
        state: metadata.text(&STATE).filter(|word| !word.ends_with("UNSPECIFIED")),
        start: metadata.time(&START).or(steps.start),
        end: if answer.done { end() } else { None },
        overall: metadata.percent().or(steps.overall),
        target: metadata.find(&TARGET, name_of),
        error: answer.error(),
        ..Facts::default()
    }
    .cut()
}
