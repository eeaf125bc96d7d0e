//! Jobs on data: Dataflow, Dataproc, Dataform, Dataplex, Sensitive Data Protection.

use super::job;
use crate::services::row::{Detail, Row};
use crate::services::shape::{Count, Errors, Job, Words};

/// <https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs>. The job has no error, and no end but the time of its
/// last state. `JOB_STATE_STOPPED` is a job that has not begun.
static DATAFLOW: Job = Job {
    id: "id",
    name: &["projects/{projectId}/locations/{location}/jobs/{id}"],
    state: "currentState",
    words: Words {
        prefix: "JOB_STATE_",
        succeeded: &["DONE", "DRAINED", "UPDATED"],
        waits: &["PAUSED"],
        ..Words::COMMON
    },
    end: &["currentStateTime"],
    error: Errors::NONE,
    work: &["type"],
    target: &["name"],
    endless: &[("type", "JOB_TYPE_STREAMING")],
    ..Job::COMMON
};

/// <https://cloud.google.com/dataproc/docs/reference/rest/v1/projects.regions.jobs>. Each state stands with the time at which it began.
static DATAPROC_JOB: Job = Job {
    id: "reference.jobId",
    name: &[],
    state: "status.state",
    words: Words { succeeded: &["DONE"], failed: &["ERROR"], ..Words::COMMON },
    done: "done",
    start: &["statusHistory.first.stateStartTime", "status.stateStartTime"],
    end: &["status.stateStartTime"],
    error: Errors { text: &["status.details"], ..Errors::NONE },
    overall: &[Count::Share("yarnApplications.*.progress")],
    target: &["placement.clusterName"],
    output: &["driverOutputResourceUri"],
    ..Job::COMMON
};

/// <https://cloud.google.com/dataproc-serverless/docs/reference/rest/v1/projects.locations.batches>.
static DATAPROC_BATCH: Job = Job {
    start: &["createTime"],
    end: &["stateTime"],
    error: Errors { text: &["stateMessage"], ..Errors::NONE },
    output: &["runtimeInfo.outputUri"],
    ..Job::COMMON
};

/// <https://cloud.google.com/dataform/reference/rest/v1/projects.locations.repositories.workflowInvocations>.
static DATAFORM: Job = Job {
    start: &["invocationTiming.startTime"],
    end: &["invocationTiming.endTime"],
    error: Errors::NONE,
    target: &["workflowConfig", "compilationResult"],
    ..Job::COMMON
};

/// <https://cloud.google.com/sensitive-data-protection/docs/reference/rest/v2/projects.locations.dlpJobs>. A hybrid job is `ACTIVE`
/// until a person finishes it.
static DLP: Job = Job {
    words: Words { succeeded: &["DONE"], cancelled: &["CANCELED"], ..Words::COMMON },
    error: Errors { text: &["errors.*.details.message"], ..Errors::NONE },
    bytes: Some(Count::Sum {
        done: &["inspectDetails.result.processedBytes"],
        of: &["inspectDetails.result.totalEstimatedBytes"],
    }),
    work: &["type"],
    target: &["jobTriggerName"],
    endless: &[("state", "ACTIVE")],
    ..Job::COMMON
};

/// <https://cloud.google.com/dataplex/docs/reference/rest/v1/projects.locations.dataScans.jobs>. A scan of data quality succeeds though
/// the data may not be as its rules want it.
static DATA_SCAN: Job = Job {
    words: Words { partly: &["SUCCEEDED_WITH_ERRORS"], ..Words::COMMON },
    error: Errors { text: &["message"], ..Errors::NONE },
    work: &["type"],
    warnings: &["partialFailureMessage"],
    doubts: &[("dataQualityResult.passed", "false")],
    ..Job::COMMON
};

static TASK: Job = Job {
    words: Words { failed: &["FAILED", "ABORTED"], ..Words::COMMON },
    error: Errors { text: &["message"], ..Errors::NONE },
    target: &["serviceJob"],
    ..Job::COMMON
};

static METADATA_JOB: Job = Job {
    state: "status.state",
    words: Words { partly: &["SUCCEEDED_WITH_ERRORS"], cancelled: &["CANCELED"], ..Words::COMMON },
    start: &["createTime"],
    end: &["updateTime"],
    error: Errors { text: &["status.message"], ..Errors::NONE },
    overall: &[Count::Percent("status.completionPercent")],
    work: &["type"],
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        get: &["v1b3/{name}?view=JOB_VIEW_SUMMARY"],
        gcloud: Some("gcloud dataflow jobs VERB {job} --region={location} --project={project}"),
        cancels: true,
        console: Some("https://console.cloud.google.com/dataflow/jobs/{location}/{job}?project={project}"),
        permission: Some("dataflow.jobs.get"),
        // https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.messages/list
        detail: Some(Detail {
            get: "v1b3/{name}/messages?minimumImportance=JOB_MESSAGE_ERROR",
            texts: "jobMessages.*.messageText",
            permission: "dataflow.messages.list",
        }),
        ..job(
            "dataflow.jobs",
            "Dataflow",
            "job",
            "dataflow.googleapis.com",
            "v1b3",
            &[&["projects/{project}/locations/{location}/jobs/{job}"]],
            &DATAFLOW,
        )
    },
    Row {
        gcloud: Some("gcloud dataproc jobs describe {name}"),
        cancel: Some("gcloud dataproc jobs kill {name}"),
        console: Some(
            "https://console.cloud.google.com/dataproc/jobs/{job}?region={region}&project={project}",
        ),
        permission: Some("dataproc.jobs.get"),
        ..job(
            "dataproc.jobs",
            "Dataproc",
            "job",
            "dataproc.googleapis.com",
            "v1",
            &[&["projects/{project}/regions/{region}/jobs/{job}"]],
            &DATAPROC_JOB,
        )
    },
    Row {
        gcloud: Some("gcloud dataproc batches VERB {name}"),
        cancels: true,
        console: Some(
            "https://console.cloud.google.com/dataproc/batches/{location}/{batch}?project={project}",
        ),
        permission: Some("dataproc.batches.get"),
        ..job(
            "dataproc.batches",
            "Dataproc",
            "batch",
            "dataproc.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/batches/{batch}"]],
            &DATAPROC_BATCH,
        )
    },
    Row {
        console: Some(
            "https://console.cloud.google.com/bigquery/dataform/locations/{location}/repositories/{repository}/workflows/{invocation}?project={project}",
        ),
        permission: Some("dataform.workflowInvocations.get"),
        // https://cloud.google.com/dataform/reference/rest/v1/projects.locations.repositories.workflowInvocations/query
        detail: Some(Detail {
            get: "v1/{name}:query",
            texts: "workflowInvocationActions.*.failureReason",
            permission: "dataform.workflowInvocations.query",
        }),
        ..job(
            "dataform.workflowInvocations",
            "Dataform",
            "workflow",
            "dataform.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/repositories/{repository}/workflowInvocations/{invocation}",
            ]],
            &DATAFORM,
        )
    },
    Row {
        gcloud: Some("gcloud alpha dlp jobs VERB {name}"),
        permission: Some("dlp.jobs.get"),
        ..job(
            "dlp.dlpJobs",
            "Sensitive Data Protection",
            "job",
            "dlp.googleapis.com",
            "v2",
            &[&["projects/{project}/locations/{location}/dlpJobs/{job}", "projects/{project}/dlpJobs/{job}"]],
            &DLP,
        )
    },
    Row {
        get: &["v1/{name}?view=FULL"],
        gcloud: Some("gcloud dataplex datascans jobs VERB {name}"),
        permission: Some("dataplex.datascans.get"),
        ..job(
            "dataplex.dataScanJobs",
            "Dataplex",
            "data scan",
            "dataplex.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/dataScans/{scan}/jobs/{job}"]],
            &DATA_SCAN,
        )
    },
    Row {
        gcloud: Some("gcloud dataplex tasks jobs VERB {name}"),
        permission: Some("dataplex.tasks.get"),
        ..job(
            "dataplex.taskJobs",
            "Dataplex",
            "task",
            "dataplex.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/lakes/{lake}/tasks/{task}/jobs/{job}"]],
            &TASK,
        )
    },
    Row {
        gcloud: Some("gcloud dataplex metadata-jobs VERB {name}"),
        cancels: true,
        permission: Some("dataplex.metadataJobs.get"),
        ..job(
            "dataplex.metadataJobs",
            "Dataplex",
            "metadata job",
            "dataplex.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/metadataJobs/{job}"]],
            &METADATA_JOB,
        )
    },
];
