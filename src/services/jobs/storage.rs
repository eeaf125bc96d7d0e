//! Jobs on buckets and databases.

use super::job;
use crate::services::Unit;
use crate::services::row::Row;
use crate::services::shape::{Count, Errors, Job, Words};

/// <https://cloud.google.com/storage/docs/batch-operations/overview>.
static STORAGE_BATCH: Job = Job {
    words: Words { cancelled: &["CANCELED"], ..Words::COMMON },
    start: &["createTime"],
    end: &["completeTime"],
    error: Errors { status: &["errorSummaries.first.errorCode"], ..Errors::NONE },
    items: Some((
        Unit::Objects,
        Count::Sum { done: &["counters.succeededObjectCount"], of: &["counters.totalObjectCount"] },
    )),
    failures: &["counters.failedObjectCount"],
    target: &["description"],
    ..Job::COMMON
};

/// <https://cloud.google.com/transcoder/docs/reference/rest/v1/projects.locations.jobs>. It can't be cancelled, only deleted.
static TRANSCODER: Job =
    Job { words: Words { cancelled: &[], ..Words::COMMON }, output: &["config.output.uri"], ..Job::COMMON };

/// <https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/operations>. `DONE` says that it ended, and an error decides how.
static SQL: Job = Job {
    name: &["projects/{targetProject}/operations/{name}"],
    state: "status",
    words: Words { succeeded: &["DONE"], ..Words::NONE },
    // One that waits for its turn has no start yet.
    start: &["startTime", "insertTime"],
    error: Errors {
        decides: true,
        sign: "error",
        status: &["error.errors.first.code"],
        // Which of the two spellings it uses is not documented.
        cancelled: &["CANCELED", "CANCELLED"],
        text: &["error.errors.*.message"],
        ..Errors::NONE
    },
    work: &["operationType"],
    target: &["projects/{targetProject}/instances/{targetId}"],
    output: &["exportContext.uri"],
    prefix: &["exportContext.uri", "importContext.uri"],
    warnings: &["apiWarning.message"],
    ..Job::COMMON
};

/// <https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/backupRuns>.
static SQL_BACKUP: Job = Job {
    id: "id",
    name: &["selfLink"],
    state: "status",
    words: Words {
        succeeded: &["SUCCESSFUL"],
        partly: &["SKIPPED"],
        failed: &["FAILED"],
        over: &["DELETED", "DELETION_FAILED"],
        ..Words::NONE
    },
    error: Errors { status: &["error.code"], text: &["error.message"], ..Errors::NONE },
    work: &["type"],
    target: &["instance"],
    ..Job::COMMON
};

/// <https://cloud.google.com/database-migration/docs/reference/rest/v1/projects.locations.migrationJobs>. A continuous migration goes on
/// until a person promotes the destination.
static MIGRATION: Job = Job {
    words: Words {
        succeeded: &["COMPLETED"],
        failed: &["FAILED"],
        over: &["STOPPED", "DELETED"],
        waits: &["CDC", "READY_FOR_PROMOTE", "WAITING_FOR_SOURCE_WRITES_TO_STOP"],
        ..Words::NONE
    },
    start: &["createTime"],
    work: &["type"],
    target: &["destination"],
    stage: &["phase"],
    ..Job::COMMON
};

static METASTORE: Job = Job {
    words: Words { over: &["ROLLED_BACK"], waits: &["AWAITING_USER_ACTION"], ..Words::COMMON },
    start: &["createTime"],
    error: Errors { text: &["stateMessage"], ..Errors::NONE },
    stage: &["phase"],
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        shape: &SQL,
        permission: Some("cloudsql.instances.get"),
        gcloud: Some("gcloud sql operations VERB {operation} --project={project}"),
        cancels: true,
        console: Some("https://console.cloud.google.com/sql/instances?project={project}"),
        ..Row::standard(
            "sqladmin",
            "Cloud SQL",
            "sqladmin.googleapis.com",
            "v1",
            &[&["projects/{project}/operations/{operation}"]],
        )
    },
    Row {
        gcloud: Some("gcloud storage batch-operations jobs VERB {name}"),
        cancels: true,
        permission: Some("storagebatchoperations.jobs.get"),
        ..job(
            "storagebatchoperations.jobs",
            "Storage Batch Operations",
            "job",
            "storagebatchoperations.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/jobs/{job}"]],
            &STORAGE_BATCH,
        )
    },
    Row {
        gcloud: Some("gcloud transcoder jobs VERB {name}"),
        permission: Some("transcoder.jobs.get"),
        ..job(
            "transcoder.jobs",
            "Transcoder",
            "job",
            "transcoder.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/jobs/{job}"]],
            &TRANSCODER,
        )
    },
    Row {
        gcloud: Some("gcloud sql backups VERB {backup} --instance={instance} --project={project}"),
        console: Some("https://console.cloud.google.com/sql/instances/{instance}/backups?project={project}"),
        permission: Some("cloudsql.backupRuns.get"),
        ..job(
            "sqladmin.backupRuns",
            "Cloud SQL",
            "backup",
            "sqladmin.googleapis.com",
            "v1",
            &[&["projects/{project}/instances/{instance}/backupRuns/{backup}"]],
            &SQL_BACKUP,
        )
    },
    Row {
        gcloud: Some("gcloud database-migration migration-jobs VERB {name}"),
        console: Some(
            "https://console.cloud.google.com/dbmigration/migrations/locations/{location}/instances/{job}?project={project}",
        ),
        permission: Some("datamigration.migrationjobs.get"),
        ..job(
            "datamigration.migrationJobs",
            "Database Migration",
            "migration",
            "datamigration.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/migrationJobs/{job}"]],
            &MIGRATION,
        )
    },
    Row {
        permission: Some("metastore.migrations.get"),
        ..job(
            "metastore.migrationExecutions",
            "Dataproc Metastore",
            "migration",
            "metastore.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/services/{service}/migrationExecutions/{execution}",
            ]],
            &METASTORE,
        )
    },
];
