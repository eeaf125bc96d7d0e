//! What the metadata of standard operations counts: stages, statements, tables, objects, records. Each has its own form.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::answer::integer;
use crate::services::{Items, Progress, Unit};
use crate::text;

/// What a service counts besides the usual facts.
#[derive(Default)]
pub(super) struct Steps {
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
    pub overall: Option<Progress>,
    pub items: Option<Items>,
    pub bytes: Option<Progress>,
    pub failures: Option<u64>,
    /// The one that runs.
    pub stage: Option<String>,
}

/// The words of a stage that is done, and of one that runs.
const DONE: [&str; 5] = ["COMPLETE", "COMPLETED", "DONE", "SUCCESS", "SUCCEEDED"];
const RUNS: [&str; 3] = ["IN_PROGRESS", "RUNNING", "WORKING"];

impl Steps {
    pub(super) fn of(metadata: &Map<String, Value>) -> Self {
        let some = build(metadata)
            .or_else(|| statements(metadata))
            .or_else(|| stages(metadata))
            .or_else(|| tables(metadata));
        let some = some.or_else(|| transfer(metadata)).or_else(|| counter(metadata));
        some.unwrap_or_else(|| counts(metadata))
    }
}

/// A count, if there is one: zero is left out of the JSON, so one number of the two is enough.
fn progress(done: Option<u64>, of: Option<u64>) -> Option<Progress> {
    (done.is_some() || of.is_some()).then(|| Progress { done: done.unwrap_or(0), of })
}

fn items(unit: Unit, done: Option<u64>, of: Option<u64>) -> Option<Items> {
    Some(Items { unit, count: progress(done, of)? })
}

fn count(fields: &Map<String, Value>, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| integer(fields.get(*name)?))
}

/// How many failed, if any did.
fn failures(fields: &Map<String, Value>, names: &[&str]) -> Option<u64> {
    count(fields, names).filter(|count| *count > 0)
}

/// The build that an operation of Cloud Build's carries (<https://cloud.google.com/build/docs/api/reference/rest/v1/BuildOperationMetadata>).
fn build(metadata: &Map<String, Value>) -> Option<Steps> {
    let build = metadata.get("build")?.as_object()?;
    let time = |name: &str| text::time(build.get(name)?.as_str()?);
    let steps = stages(build).unwrap_or_default();
    let items = steps.items.map(|items| Items { unit: Unit::Steps, ..items });
    Some(Steps { start: time("startTime"), end: time("finishTime"), items, ..steps })
}

/// The statements of a schema change of Spanner's, or the inputs of a video's annotation: a list of percentages
/// (<https://cloud.google.com/spanner/docs/reference/rest/v1/UpdateDatabaseDdlMetadata>).
fn statements(metadata: &Map<String, Value>) -> Option<Steps> {
    let list = metadata.get("progress").or_else(|| metadata.get("annotationProgress"))?.as_array()?;
    let steps: Vec<_> = list.iter().filter_map(Value::as_object).collect();
    let time = |step: Option<&&Map<String, Value>>, name: &str| text::time(step?.get(name)?.as_str()?);
    // proto3 leaves out a zero, and a statement that has not begun may have no step yet.
    let percent =
        |step: &&Map<String, Value>| step.get("progressPercent").and_then(integer).unwrap_or(0).min(100);
    let statements = metadata.get("statements").and_then(Value::as_array).map(Vec::len);
    let of = u64::try_from(statements.unwrap_or(0).max(steps.len())).ok().filter(|of| *of > 0)?;
    let done = u64::try_from(steps.iter().filter(|step| percent(step) == 100).count()).ok()?;
    Some(Steps {
        start: time(steps.first(), "startTime"),
        end: time(steps.last(), "endTime"),
        overall: Some(Progress { done: steps.iter().map(percent).sum::<u64>() / of, of: Some(100) }),
        items: statements.and_then(|_| items(Unit::Statements, Some(done), Some(of))),
        ..Steps::default()
    })
}

/// The stages of a deployment of Cloud Functions, of a major upgrade of AlloyDB, of a cluster's creation.
fn stages(metadata: &Map<String, Value>) -> Option<Steps> {
    let inner = metadata.get("upgradeClusterStatus").or_else(|| metadata.get("progress"));
    let inner = inner.and_then(Value::as_object).unwrap_or(metadata);
    let list = ["stages", "steps"].iter().find_map(|name| inner.get(*name)?.as_array())?;
    let word = |stage: &Value, names: &[&str]| {
        names.iter().find_map(|name| stage.get(*name)?.as_str()).map(str::to_owned)
    };
    let state = |stage: &Value| word(stage, &["state", "status"]).unwrap_or_default();
    let done = list.iter().filter(|stage| DONE.contains(&state(stage).as_str())).count();
    let running = list.iter().find(|stage| RUNS.contains(&state(stage).as_str()));
    let of = u64::try_from(list.len()).ok().filter(|of| *of > 0)?;
    Some(Steps {
        items: items(Unit::Stages, u64::try_from(done).ok(), Some(of)),
        stage: running.and_then(|stage| word(stage, &["name", "stage", "description"])),
        ..Steps::default()
    })
}

/// The tables that a new cluster of Bigtable's copies.
fn tables(metadata: &Map<String, Value>) -> Option<Steps> {
    let tables: Vec<_> = metadata.get("tables")?.as_object()?.values().filter_map(Value::as_object).collect();
    let sum =
        |name: &str| tables.iter().filter_map(|table| count(table, &[name])).reduce(u64::saturating_add);
    let is_done =
        |table: &&&Map<String, Value>| table.get("state").and_then(Value::as_str) == Some("COMPLETED");
    let done = u64::try_from(tables.iter().filter(is_done).count()).ok()?;
    let of = u64::try_from(tables.len()).ok().filter(|of| *of > 0)?;
    Some(Steps {
        items: items(Unit::Tables, Some(done), Some(of)),
        bytes: sum("estimatedSizeBytes")
            .map(|of| Progress { done: sum("estimatedCopiedBytes").unwrap_or(0), of: Some(of) }),
        ..Steps::default()
    })
}

/// <https://cloud.google.com/storage-transfer/docs/reference/rest/v1/TransferCounters>; a batch operation of Cloud Storage's has its job's.
fn transfer(metadata: &Map<String, Value>) -> Option<Steps> {
    let of_job = || metadata.get("job")?.get("counters");
    let counters = metadata.get("counters").or_else(of_job)?.as_object()?;
    let done = count(counters, &["objectsCopiedToSink", "succeededObjectCount"]);
    let of = count(counters, &["objectsFoundFromSource", "totalObjectCount"]);
    let bytes = (count(counters, &["bytesCopiedToSink"]), count(counters, &["bytesFoundFromSource"]));
    Some(Steps {
        items: items(Unit::Objects, done, of),
        bytes: progress(bytes.0, bytes.1),
        failures: failures(counters, &["objectsFromSourceFailed", "failedObjectCount"]),
        ..Steps::default()
    })
}

/// <https://cloud.google.com/healthcare-api/docs/reference/rest/v1/ProgressCounter>.
fn counter(metadata: &Map<String, Value>) -> Option<Steps> {
    let counter = metadata.get("counter")?.as_object()?;
    let (done, pending) = (count(counter, &["success"]), count(counter, &["pending"]));
    let failed = failures(counter, &["failure"]);
    let of =
        pending.map(|pending| pending.saturating_add(done.unwrap_or(0)).saturating_add(failed.unwrap_or(0)));
    Some(Steps { items: items(Unit::Records, done, of), failures: failed, ..Steps::default() })
}

/// Imports of Discovery Engine, Retail and Talent Solution.
fn counts(metadata: &Map<String, Value>) -> Steps {
    let done = count(metadata, &["successCount"]);
    let of = count(metadata, &["totalCount"]);
    Steps {
        items: items(Unit::Records, done, of),
        failures: failures(metadata, &["failureCount"]),
        ..Steps::default()
    }
}
