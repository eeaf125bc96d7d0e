//! The stories of the services whose operations opwatch only watches: what each API answers while the operation runs.
//!
//! The forms of the answers are those of tests/data/operations/examples, which are real ones with other values.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Ending, Which};
use crate::fakes::one::Body;
use crate::fakes::time::{later, stamp};

/// An operation that someone else has started.
#[derive(Clone, Copy)]
pub(super) struct Other {
    /// Its service.
    pub(super) id: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// The path of the GET that reads it.
    pub(super) path: &'static str,
    answer: fn(&Moment) -> Value,
}

/// It had been running for so long when it was first read.
const BEFORE: TimeDelta = TimeDelta::seconds(190);

/// The operation at one time.
struct Moment {
    start: DateTime<Utc>,
    /// 0 to 100.
    percent: i64,
    /// When it ended, and how.
    end: Option<(DateTime<Utc>, Ending)>,
}

impl Moment {
    fn has_ended(&self, how: Ending) -> bool {
        self.end.is_some_and(|(_, ending)| ending == how)
    }

    /// Of `total`, as many as are done.
    fn part(&self, total: i64) -> i64 {
        total * self.percent / 100
    }

    /// The state, as a service writes it that has three of them.
    fn status(&self) -> &'static str {
        if self.end.is_some() { "DONE" } else { "RUNNING" }
    }

    fn end_time(&self) -> Option<String> {
        self.end.map(|(at, _)| stamp(at))
    }
}

/// `value` without the fields that are null: no API writes them.
fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}

impl Other {
    /// That of `which`; `None` for the export, which opwatch starts.
    pub(super) fn of(which: Which) -> Option<Self> {
        Some(match which {
            Which::Datastore => return None,
            Which::Sqladmin => SQL,
            Which::Container => GKE,
            Which::BigqueryJobs => BIGQUERY,
            Which::CloudbuildBuilds => BUILD,
            Which::Spanner => SPANNER,
        })
    }

    /// What its API answers when it ends with `ending`, `duration` after it was first read.
    pub(super) fn body(self, ending: Ending, duration: Duration) -> Body {
        Arc::new(move |first: DateTime<Utc>, now: DateTime<Utc>| {
            let planned = later(first, duration);
            let run = (now - first).num_milliseconds();
            let whole = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).max(1);
            // One that is going to fail or to be cancelled never gets to its end.
            let most = if matches!(ending, Ending::Failed | Ending::Cancelled) { 80 } else { 100 };
            (self.answer)(&Moment {
                start: first - BEFORE,
                percent: (20 + run * 80 / whole).clamp(0, most),
                end: (planned <= now).then_some((planned, ending)),
            })
        })
    }
}

/// <https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/operations>
const SQL: Other = Other {
    id: "sqladmin",
    name: "projects/demo/operations/8fd5a7f4-0c0b-4a8e-9d0e-2b7f00000027",
    path: "/v1/projects/demo/operations/8fd5a7f4-0c0b-4a8e-9d0e-2b7f00000027",
    answer: |moment| {
        let error = |code, message| {
            let error = json!({"kind": "sql#operationError", "code": code, "message": message});
            json!({"kind": "sql#operationErrors", "errors": [error]})
        };
        let error = match moment.end {
            Some((_, Ending::Failed)) => error(
                "ERROR_RDBMS",
                "The service account does not have the required permissions for the bucket.",
            ),
            Some((_, Ending::Cancelled)) => error("CANCELLED", "The operation was cancelled."),
            _ => Value::Null,
        };
        without_nulls(json!({
            "kind": "sql#operation",
            "name": "8fd5a7f4-0c0b-4a8e-9d0e-2b7f00000027",
            "selfLink": "https://sqladmin.googleapis.com/v1/projects/demo/operations/8fd5a7f4-0c0b-4a8e-9d0e-2b7f00000027",
            "targetLink": "https://sqladmin.googleapis.com/v1/projects/demo/instances/main",
            "targetProject": "demo",
            "targetId": "main",
            "user": "backup@demo.iam.gserviceaccount.com",
            "operationType": "EXPORT",
            "status": moment.status(),
            "insertTime": stamp(moment.start - TimeDelta::seconds(1)),
            "startTime": stamp(moment.start),
            "endTime": moment.end_time(),
            "error": error,
            "exportContext": {
                "kind": "sql#exportContext",
                "fileType": "SQL",
                "databases": ["shop"],
                "uri": "gs://my-backups/shop.sql.gz",
            },
        }))
    },
};

/// <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.operations>
const GKE: Other = Other {
    id: "container",
    name: "projects/demo/locations/europe-west1/operations/operation-1795824000000-eb51-a86a",
    path: "/v1/projects/demo/locations/europe-west1/operations/operation-1795824000000-eb51-a86a",
    answer: |moment| {
        let error = match moment.end {
            Some((_, Ending::Failed)) => {
                json!({"code": 13, "message": "All cluster resources were brought up, but: only \
                2 nodes out of 3 have registered; cluster may be unhealthy."})
            }
            Some((_, Ending::Cancelled)) => json!({"code": 1, "message": "The operation was cancelled."}),
            _ => Value::Null,
        };
        let metrics = [("CLUSTER_CONFIGURING", moment.part(8)), ("CLUSTER_CONFIGURING_TOTAL", 8)];
        let more = [("CLUSTER_DEPLOYING", moment.part(12)), ("CLUSTER_DEPLOYING_TOTAL", 12)];
        let metric = |(name, value): (&str, i64)| json!({"name": name, "intValue": value.to_string()});
        let metrics: Vec<_> = metrics.into_iter().chain(more).map(metric).collect();
        without_nulls(json!({
            "name": "operation-1795824000000-eb51-a86a",
            "operationType": "CREATE_CLUSTER",
            "location": "europe-west1",
            "status": moment.status(),
            "startTime": stamp(moment.start),
            "endTime": moment.end_time(),
            "selfLink": "https://container.googleapis.com/v1/projects/123456789012/locations/europe-west1/operations/operation-1795824000000-eb51-a86a",
            "targetLink": "https://container.googleapis.com/v1/projects/123456789012/locations/europe-west1/clusters/prod",
            "progress": {"metrics": metrics},
            "statusMessage": error.get("message"),
            "error": error,
        }))
    },
};

/// <https://cloud.google.com/bigquery/docs/reference/rest/v2/Job>
const BIGQUERY: Other = Other {
    id: "bigquery.jobs",
    name: "projects/demo/locations/EU/jobs/load_orders_27",
    path: "/bigquery/v2/projects/demo/jobs/load_orders_27?location=EU",
    answer: |moment| {
        let milliseconds = |at: DateTime<Utc>| at.timestamp_millis().to_string();
        let error = match moment.end {
            Some((_, Ending::Failed)) => {
                json!({"reason": "invalid", "location": "gs://my-imports/orders.csv",
                "message": "Error while reading data, error message: CSV table encountered too many errors, giving up. \
                Rows: 42; errors: 1. Please look into the errors[] collection for more details."})
            }
            Some((_, Ending::Cancelled)) => {
                json!({"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"})
            }
            _ => Value::Null,
        };
        let errors = if error.is_null() { Value::Null } else { json!([error]) };
        let load = moment.has_ended(Ending::Succeeded);
        let load =
            load.then(|| json!({"inputFiles": "1", "inputFileBytes": "67890123", "outputRows": "1234567"}));
        json!({
            "kind": "bigquery#job",
            "id": "demo:EU.load_orders_27",
            "jobReference": {"projectId": "demo", "jobId": "load_orders_27", "location": "EU"},
            "configuration": {
                "jobType": "LOAD",
                "load": {
                    "sourceUris": ["gs://my-imports/orders.csv"],
                    "destinationTable": {"projectId": "demo", "datasetId": "sales", "tableId": "orders"},
                },
            },
            "statistics": without_nulls(json!({
                "creationTime": milliseconds(moment.start),
                "startTime": milliseconds(moment.start),
                "endTime": moment.end.map(|(at, _)| milliseconds(at)),
                "load": load,
            })),
            "status": without_nulls(json!({"state": moment.status(), "errorResult": error, "errors": errors})),
        })
    },
};

/// <https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds>
const BUILD: Other = Other {
    id: "cloudbuild.builds",
    name: "projects/demo/locations/europe-west1/builds/6f4b1b9e-0000-4c4c-9a9a-000000000027",
    path: "/v1/projects/demo/locations/europe-west1/builds/6f4b1b9e-0000-4c4c-9a9a-000000000027",
    answer: |moment| {
        const STEPS: [&str; 5] = ["restore-cache", "test", "build", "push", "deploy"];
        let (status, step, failure) = match moment.end {
            None => ("WORKING", "WORKING", None),
            Some((_, Ending::Failed)) => (
                "FAILURE",
                "FAILURE",
                Some(json!({"type": "USER_BUILD_STEP", "detail": "Build step failure: build step 4 \
                    \"gcr.io/cloud-builders/gcloud\" failed: step exited with non-zero status: 1"})),
            ),
            Some((_, Ending::Cancelled)) => ("CANCELLED", "CANCELLED", None),
            Some(_) => ("SUCCESS", "SUCCESS", None),
        };
        let done = usize::try_from(moment.part(5)).unwrap_or_default();
        let steps = STEPS.iter().enumerate().map(|(number, id)| {
            let status = match number {
                number if number < done => "SUCCESS",
                number if number == done => step,
                _ => "QUEUED",
            };
            json!({"name": "gcr.io/cloud-builders/gcloud", "id": id, "status": status})
        });
        let image = "europe-west1-docker.pkg.dev/demo/shop/shop:27";
        without_nulls(json!({
            "name": "projects/123456789012/locations/europe-west1/builds/6f4b1b9e-0000-4c4c-9a9a-000000000027",
            "id": "6f4b1b9e-0000-4c4c-9a9a-000000000027",
            "projectId": "demo",
            "status": status,
            "createTime": stamp(moment.start - TimeDelta::seconds(2)),
            "startTime": stamp(moment.start),
            "finishTime": moment.end_time(),
            "steps": steps.collect::<Vec<_>>(),
            "images": [image],
            "results": moment.has_ended(Ending::Succeeded).then(|| json!({"images": [{"name": image}]})),
            "failureInfo": failure,
            "logUrl": "https://console.cloud.google.com/cloud-build/builds;region=europe-west1/6f4b1b9e-0000-4c4c-9a9a-000000000027?project=123456789012",
        }))
    },
};

/// <https://cloud.google.com/spanner/docs/manage-and-observe-long-running-operations>
const SPANNER: Other = Other {
    id: "spanner",
    name: "projects/demo/instances/prod/databases/orders/operations/_auto_op_27",
    path: "/v1/projects/demo/instances/prod/databases/orders/operations/_auto_op_27",
    answer: |moment| {
        let statement = |from: i64| {
            let percent = ((moment.percent - from) * 2).clamp(0, 100);
            let begun = moment.start + TimeDelta::seconds(from);
            let end = (percent == 100).then(|| stamp(begun + TimeDelta::seconds(60)));
            (percent > 0).then(|| {
                without_nulls(json!({"progressPercent": percent, "startTime": stamp(begun), "endTime": end}))
            })
        };
        let progress: Vec<_> = [statement(0), statement(50)].into_iter().flatten().collect();
        let metadata = json!({
            "@type": "type.googleapis.com/google.spanner.admin.database.v1.UpdateDatabaseDdlMetadata",
            "database": "projects/demo/instances/prod/databases/orders",
            "statements": ["CREATE INDEX OrdersByDay ON Orders(Day)", "CREATE UNIQUE INDEX OrdersByNumber ON Orders(Number)"],
            "progress": progress,
        });
        let error = match moment.end {
            Some((_, Ending::Failed)) => {
                json!({"code": 9, "message": "Found uniqueness violation on index OrdersByNumber, with key [42]."})
            }
            Some((_, Ending::Cancelled)) => json!({"code": 1, "message": "The operation was cancelled."}),
            _ => Value::Null,
        };
        let is_success = moment.end.is_some() && error.is_null();
        without_nulls(json!({
            "name": SPANNER.name,
            "metadata": metadata,
            "done": moment.end.map(|_| true),
            "error": error,
            "response": is_success.then(|| json!({"@type": "type.googleapis.com/google.protobuf.Empty"})),
        }))
    },
};
