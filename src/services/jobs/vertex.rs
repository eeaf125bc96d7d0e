//! Jobs of Vertex AI and of its notebooks (<https://cloud.google.com/vertex-ai/docs/reference/rest>). A paused one can be resumed.

use super::job;
use crate::services::Unit;
use crate::services::row::Row;
use crate::services::shape::{Count, Errors, Job, Words};

const JOB_WORDS: Words = Words {
    prefix: "JOB_STATE_",
    partly: &["PARTIALLY_SUCCEEDED"],
    failed: &["FAILED", "EXPIRED"],
    waits: &["PAUSED"],
    ..Words::COMMON
};
const PIPELINE_WORDS: Words = Words { prefix: "PIPELINE_STATE_", waits: &["PAUSED"], ..Words::COMMON };

static JOB: Job = Job { words: JOB_WORDS, target: &["displayName"], ..Job::COMMON };

static PIPELINE: Job = Job {
    words: PIPELINE_WORDS,
    items: Some((
        Unit::Tasks,
        Count::Items { state: "jobDetail.taskDetails.*.state", done: "SUCCEEDED", of: "" },
    )),
    target: &["displayName"],
    output: &["runtimeConfig.gcsOutputDirectory"],
    ..Job::COMMON
};

static TRIALS: Job = Job {
    words: JOB_WORDS,
    items: Some((
        Unit::Tasks,
        Count::Items { state: "trials.*.state", done: "SUCCEEDED", of: "maxTrialCount" },
    )),
    target: &["displayName"],
    ..Job::COMMON
};

static PREDICTION: Job = Job {
    words: JOB_WORDS,
    items: Some((
        Unit::Records,
        Count::Sum {
            done: &["completionStats.successfulCount"],
            of: &[
                "completionStats.successfulCount",
                "completionStats.failedCount",
                "completionStats.incompleteCount",
            ],
        },
    )),
    failures: &["completionStats.failedCount"],
    target: &["displayName"],
    output: &["outputInfo.gcsOutputDirectory", "outputInfo.bigqueryOutputTable"],
    warnings: &["partialFailures.*.message"],
    ..Job::COMMON
};

static TRAINING: Job = Job { words: PIPELINE_WORDS, target: &["displayName"], ..Job::COMMON };

static TUNING: Job = Job {
    words: JOB_WORDS,
    target: &["tunedModelDisplayName", "baseModel"],
    output: &["tunedModel.model"],
    ..Job::COMMON
};

static NOTEBOOK_JOB: Job = Job {
    state: "jobState",
    words: JOB_WORDS,
    start: &["createTime"],
    end: &["updateTime"],
    error: Errors { code: "status.code", text: &["status.message"], ..Errors::NONE },
    target: &["displayName"],
    output: &["gcsOutputUri"],
    ..Job::COMMON
};

/// <https://cloud.google.com/vertex-ai/docs/workbench/reference/rest/v1/projects.locations.executions>.
static NOTEBOOK: Job = Job {
    words: Words { failed: &["FAILED", "EXPIRED"], ..Words::COMMON },
    start: &["createTime"],
    end: &["updateTime"],
    error: Errors::NONE,
    target: &["displayName"],
    output: &["outputNotebookFile"],
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        console: Some(
            "https://console.cloud.google.com/vertex-ai/pipelines/locations/{location}/runs/{job}?project={project}",
        ),
        permission: Some("aiplatform.pipelineJobs.get"),
        ..job(
            "aiplatform.pipelineJobs",
            "Vertex AI",
            "pipeline",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/pipelineJobs/{job}"]],
            &PIPELINE,
        )
    },
    Row {
        gcloud: Some("gcloud ai custom-jobs VERB {name}"),
        cancels: true,
        console: Some(
            "https://console.cloud.google.com/vertex-ai/locations/{location}/training/{job}?project={project}",
        ),
        permission: Some("aiplatform.customJobs.get"),
        ..job(
            "aiplatform.customJobs",
            "Vertex AI",
            "custom job",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/customJobs/{job}"]],
            &JOB,
        )
    },
    Row {
        gcloud: Some("gcloud ai hp-tuning-jobs VERB {name}"),
        cancels: true,
        permission: Some("aiplatform.hyperparameterTuningJobs.get"),
        ..job(
            "aiplatform.hyperparameterTuningJobs",
            "Vertex AI",
            "hyperparameter tuning job",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/hyperparameterTuningJobs/{job}"]],
            &TRIALS,
        )
    },
    Row {
        console: Some(
            "https://console.cloud.google.com/vertex-ai/locations/{location}/batch-predictions/{job}?project={project}",
        ),
        permission: Some("aiplatform.batchPredictionJobs.get"),
        ..job(
            "aiplatform.batchPredictionJobs",
            "Vertex AI",
            "batch prediction job",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/batchPredictionJobs/{job}"]],
            &PREDICTION,
        )
    },
    Row {
        console: Some(
            "https://console.cloud.google.com/vertex-ai/training/training-pipelines?project={project}",
        ),
        permission: Some("aiplatform.trainingPipelines.get"),
        ..job(
            "aiplatform.trainingPipelines",
            "Vertex AI",
            "training pipeline",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/trainingPipelines/{pipeline}"]],
            &TRAINING,
        )
    },
    Row {
        permission: Some("aiplatform.tuningJobs.get"),
        ..job(
            "aiplatform.tuningJobs",
            "Vertex AI",
            "tuning job",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/tuningJobs/{job}"]],
            &TUNING,
        )
    },
    Row {
        permission: Some("aiplatform.nasJobs.get"),
        ..job(
            "aiplatform.nasJobs",
            "Vertex AI",
            "architecture search",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/nasJobs/{job}"]],
            &JOB,
        )
    },
    Row {
        gcloud: Some("gcloud colab executions VERB {name}"),
        permission: Some("aiplatform.notebookExecutionJobs.get"),
        ..job(
            "aiplatform.notebookExecutionJobs",
            "Vertex AI",
            "notebook execution",
            "{location}-aiplatform.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/notebookExecutionJobs/{job}"]],
            &NOTEBOOK_JOB,
        )
    },
    Row {
        permission: Some("notebooks.executions.get"),
        ..job(
            "notebooks.executions",
            "Notebooks",
            "execution",
            "notebooks.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/executions/{execution}"]],
            &NOTEBOOK,
        )
    },
];
