//! Runs of code: Cloud Run's jobs, Workflows, tests.

use super::job;
use crate::services::Unit;
use crate::services::row::Row;
use crate::services::shape::{Count, Errors, Job, Words};

/// <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs.executions>. Of its conditions `Completed` decides.
static EXECUTION: Job = Job {
    state: "conditions.type=Completed.state",
    words: Words { prefix: "CONDITION_", succeeded: &["SUCCEEDED"], failed: &["FAILED"], ..Words::NONE },
    end: &["completionTime"],
    error: Errors {
        status: &["conditions.type=Completed.executionReason", "conditions.type=Completed.reason"],
        cancelled: &["CANCELLED"],
        text: &["conditions.type=Completed.message"],
        ..Errors::NONE
    },
    items: Some((Unit::Tasks, Count::Sum { done: &["succeededCount"], of: &["taskCount"] })),
    failures: &["failedCount"],
    ..Job::COMMON
};

/// <https://cloud.google.com/workflows/docs/reference/executions/rest/v1/projects.locations.workflows.executions>. What it returned may
/// be secret: it is not read.
static WORKFLOW: Job = Job {
    words: Words { over: &["UNAVAILABLE"], ..Words::COMMON },
    error: Errors { text: &["error.context", "error.payload"], ..Errors::NONE },
    stage: &["{status.currentSteps.last.routine}.{status.currentSteps.last.step}"],
    ..Job::COMMON
};

/// <https://firebase.google.com/docs/test-lab/reference/testing/rest/v1/projects.testMatrices>. `FINISHED` says that the tests ran; the
/// outcome says how.
static TEST_MATRIX: Job = Job {
    id: "testMatrixId",
    name: &["projects/{projectId}/testMatrices/{testMatrixId}"],
    words: Words {
        succeeded: &["FINISHED"],
        failed: &[
            "ERROR",
            "INVALID",
            "UNSUPPORTED_ENVIRONMENT",
            "INCOMPATIBLE_ENVIRONMENT",
            "INCOMPATIBLE_ARCHITECTURE",
        ],
        cancelled: &["CANCELLED"],
        ..Words::NONE
    },
    start: &["timestamp"],
    end: &[],
    error: Errors {
        decides: true,
        status: &["outcomeSummary", "invalidMatrixDetails"],
        fine: &["SUCCESS", "SKIPPED"],
        text: &["extendedInvalidMatrixDetails.*.message"],
        ..Errors::NONE
    },
    items: Some((Unit::Tasks, Count::Items { state: "testExecutions.*.state", done: "FINISHED", of: "" })),
    output: &["resultStorage.googleCloudStorage.gcsPath"],
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        gcloud: Some("gcloud run jobs executions VERB {execution} --region={location} --project={project}"),
        cancels: true,
        console: Some(
            "https://console.cloud.google.com/run/jobs/executions/details/{location}/{execution}?project={project}",
        ),
        permission: Some("run.executions.get"),
        ..job(
            "run.executions",
            "Cloud Run",
            "job",
            "run.googleapis.com",
            "v2",
            &[&["projects/{project}/locations/{location}/jobs/{job}/executions/{execution}"]],
            &EXECUTION,
        )
    },
    Row {
        gcloud: Some("gcloud workflows executions VERB {name}"),
        cancels: true,
        console: Some(
            "https://console.cloud.google.com/workflows/workflow/{location}/{workflow}/execution/{execution}/summary?project={project}",
        ),
        permission: Some("workflows.executions.get"),
        ..job(
            "workflowexecutions.executions",
            "Workflows",
            "execution",
            "workflowexecutions.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/workflows/{workflow}/executions/{execution}"]],
            &WORKFLOW,
        )
    },
    Row {
        permission: Some("cloudtestservice.matrices.get"),
        ..job(
            "testing.testMatrices",
            "Firebase Test Lab",
            "test matrix",
            "testing.googleapis.com",
            "v1",
            &[&["projects/{project}/testMatrices/{matrix}"]],
            &TEST_MATRIX,
        )
    },
];
