//! BigQuery's jobs, and runs of its Data Transfer Service.

use super::job;
use crate::services::row::Row;
use crate::services::shape::{Count, Errors, Job, Words};

/// <https://cloud.google.com/bigquery/docs/reference/rest/v2/Job>. `errorResult` decides how a job that is `DONE` ended; `errors` may
/// stand next to a success. `stopped` is the reason of a cancelled one (<https://cloud.google.com/bigquery/docs/error-messages>).
static BIGQUERY: Job = Job {
    id: "jobReference.jobId",
    name: &[
        "projects/{jobReference.projectId}/locations/{jobReference.location}/jobs/{jobReference.jobId}",
        "projects/{jobReference.projectId}/jobs/{jobReference.jobId}",
    ],
    state: "status.state",
    words: Words { succeeded: &["DONE"], ..Words::NONE },
    start: &["statistics.startTime"],
    end: &["statistics.endTime"],
    error: Errors {
        decides: true,
        sign: "status.errorResult",
        status: &["status.errorResult.reason"],
        cancelled: &["stopped"],
        text: &["status.errorResult.message"],
        ..Errors::NONE
    },
    overall: &[
        Count::Share("statistics.completionRatio"),
        Count::Sum {
            done: &["statistics.query.queryPlan.*.completedParallelInputs"],
            of: &["statistics.query.queryPlan.*.parallelInputs"],
        },
    ],
    failures: &["statistics.load.badRecords"],
    work: &["configuration.jobType"],
    target: &[
        "{configuration.load.destinationTable.projectId}.{configuration.load.destinationTable.datasetId}.\
         {configuration.load.destinationTable.tableId}",
        "{configuration.query.destinationTable.projectId}.{configuration.query.destinationTable.datasetId}.\
         {configuration.query.destinationTable.tableId}",
        "{configuration.copy.destinationTable.projectId}.{configuration.copy.destinationTable.datasetId}.\
         {configuration.copy.destinationTable.tableId}",
        "{configuration.extract.sourceTable.projectId}.{configuration.extract.sourceTable.datasetId}.\
         {configuration.extract.sourceTable.tableId}",
    ],
    output: &["configuration.extract.destinationUris.first"],
    warnings: &["status.errors.*.message"],
    ..Job::COMMON
};

/// <https://cloud.google.com/bigquery/docs/reference/datatransfer/rest/v1/projects.locations.transferConfigs.runs>.
static TRANSFER_RUN: Job = Job {
    error: Errors { code: "errorStatus.code", text: &["errorStatus.message"], ..Errors::NONE },
    work: &["dataSourceId"],
    target: &["destinationDatasetId"],
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        get: &[
            "bigquery/v2/projects/{project}/jobs/{job}?location={location}",
            "bigquery/v2/projects/{project}/jobs/{job}",
        ],
        gcloud: Some("bq --project_id={project} --location={location} show --job=true {job}"),
        cancel: Some("bq --project_id={project} --location={location} cancel {job}"),
        console: Some(
            "https://console.cloud.google.com/bigquery?project={project}&j=bq:{location}:{job}&page=queryresults",
        ),
        permission: Some("bigquery.jobs.get"),
        ..job(
            "bigquery.jobs",
            "BigQuery",
            "job",
            "bigquery.googleapis.com",
            "bigquery/v2",
            &[&["projects/{project}/locations/{location}/jobs/{job}", "projects/{project}/jobs/{job}"]],
            &BIGQUERY,
        )
    },
    Row {
        gcloud: Some("bq show --transfer_run {name}"),
        console: Some(
            "https://console.cloud.google.com/bigquery/transfers/locations/{location}/configs/{config}/runs?project={project}",
        ),
        permission: Some("bigquery.transfers.get"),
        ..job(
            "bigquerydatatransfer.runs",
            "BigQuery Data Transfer",
            "run",
            "bigquerydatatransfer.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/transferConfigs/{config}/runs/{run}",
                "projects/{project}/transferConfigs/{config}/runs/{run}",
            ]],
            &TRANSFER_RUN,
        )
    },
];
