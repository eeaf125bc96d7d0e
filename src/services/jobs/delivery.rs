//! Builds and rollouts.

use super::job;
use crate::services::Unit;
use crate::services::row::Row;
use crate::services::shape::{Count, Errors, Job, Words};

/// <https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds>.
static BUILD: Job = Job {
    id: "id",
    name: &["name", "projects/{projectId}/builds/{id}"],
    state: "status",
    words: Words {
        succeeded: &["SUCCESS"],
        failed: &["FAILURE", "INTERNAL_ERROR", "TIMEOUT", "EXPIRED"],
        cancelled: &["CANCELLED"],
        ..Words::NONE
    },
    end: &["finishTime"],
    error: Errors {
        status: &["failureInfo.type"],
        text: &["failureInfo.detail", "statusDetail"],
        ..Errors::NONE
    },
    items: Some((Unit::Steps, Count::Items { state: "steps.*.status", done: "SUCCESS", of: "" })),
    output: &["results.images.first.name"],
    warnings: &["warnings.*.text"],
    ..Job::COMMON
};

/// <https://cloud.google.com/deploy/docs/api/reference/rest/v1/projects.locations.deliveryPipelines.releases.rollouts>. One that waits
/// for an approval waits for ever; a halted one continues when a person retries or ignores the job that failed.
static ROLLOUT: Job = Job {
    words: Words {
        failed: &["FAILED", "APPROVAL_REJECTED"],
        waits: &["PENDING_APPROVAL", "HALTED"],
        ..Words::COMMON
    },
    start: &["deployStartTime"],
    end: &["deployEndTime"],
    error: Errors { status: &["deployFailureCause"], text: &["failureReason"], ..Errors::NONE },
    items: Some((Unit::Stages, Count::Items { state: "phases.*.state", done: "SUCCEEDED", of: "" })),
    target: &["targetId"],
    ..Job::COMMON
};

/// A release is ready when its manifests are rendered.
static RELEASE: Job = Job {
    state: "renderState",
    words: Words { cancelled: &[], ..Words::COMMON },
    start: &["renderStartTime"],
    end: &["renderEndTime"],
    error: Errors {
        status: &["targetRenders.*.failureCause"],
        text: &["targetRenders.*.failureMessage"],
        ..Errors::NONE
    },
    ..Job::COMMON
};

/// <https://cloud.google.com/infrastructure-manager/docs/reference/rest/v1/projects.locations.deployments.revisions>.
static REVISION: Job = Job {
    words: Words { succeeded: &["APPLIED"], cancelled: &[], ..Words::COMMON },
    start: &["createTime"],
    end: &["updateTime"],
    error: Errors {
        status: &["errorCode"],
        text: &["stateDetail", "tfErrors.*.errorDescription"],
        ..Errors::NONE
    },
    work: &["action"],
    ..Job::COMMON
};

static PREVIEW: Job = Job {
    words: Words { cancelled: &[], over: &["STALE", "DELETED"], ..Words::COMMON },
    start: &["createTime"],
    end: &[],
    error: Errors {
        status: &["errorCode"],
        text: &["errorStatus.message", "tfErrors.*.errorDescription"],
        ..Errors::NONE
    },
    target: &["deployment"],
    ..Job::COMMON
};

/// <https://firebase.google.com/docs/reference/apphosting/rest/v1/projects.locations.backends.rollouts>.
static APP_HOSTING: Job = Job {
    words: Words { over: &["SKIPPED"], waits: &["PAUSED"], ..Words::COMMON },
    start: &["createTime"],
    end: &["updateTime"],
    target: &["build"],
    ..Job::COMMON
};

/// <https://cloud.google.com/service-infrastructure/docs/service-management/reference/rest/v1/services.rollouts>.
static SERVICE_ROLLOUT: Job = Job {
    id: "rolloutId",
    name: &["services/{serviceName}/rollouts/{rolloutId}"],
    state: "status",
    words: Words {
        succeeded: &["SUCCESS"],
        failed: &["FAILED", "FAILED_ROLLED_BACK"],
        cancelled: &["CANCELLED"],
        ..Words::NONE
    },
    start: &["createTime"],
    end: &[],
    error: Errors::NONE,
    target: &["serviceName"],
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        gcloud: Some("gcloud builds VERB {build} --region={location} --project={project}"),
        cancels: true,
        console: Some(
            "https://console.cloud.google.com/cloud-build/builds;region={location}/{build}?project={project}",
        ),
        permission: Some("cloudbuild.builds.get"),
        ..job(
            "cloudbuild.builds",
            "Cloud Build",
            "build",
            "cloudbuild.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/builds/{build}",
                "projects/{project}/builds/{build}",
            ]],
            &BUILD,
        )
    },
    Row {
        gcloud: Some("gcloud deploy rollouts VERB {name}"),
        cancels: true,
        console: Some(
            "https://console.cloud.google.com/deploy/delivery-pipelines/{location}/{pipeline}/releases/{release}/rollouts/{rollout}?project={project}",
        ),
        permission: Some("clouddeploy.rollouts.get"),
        ..job(
            "clouddeploy.rollouts",
            "Cloud Deploy",
            "rollout",
            "clouddeploy.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/deliveryPipelines/{pipeline}/releases/{release}/rollouts/{rollout}",
            ]],
            &ROLLOUT,
        )
    },
    Row {
        gcloud: Some("gcloud deploy releases VERB {name}"),
        console: Some(
            "https://console.cloud.google.com/deploy/delivery-pipelines/{location}/{pipeline}/releases/{release}?project={project}",
        ),
        permission: Some("clouddeploy.releases.get"),
        ..job(
            "clouddeploy.releases",
            "Cloud Deploy",
            "release",
            "clouddeploy.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/deliveryPipelines/{pipeline}/releases/{release}"]],
            &RELEASE,
        )
    },
    Row {
        gcloud: Some("gcloud infra-manager revisions VERB {name}"),
        permission: Some("config.revisions.get"),
        ..job(
            "config.revisions",
            "Infrastructure Manager",
            "revision",
            "config.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/deployments/{deployment}/revisions/{revision}"]],
            &REVISION,
        )
    },
    Row {
        gcloud: Some("gcloud infra-manager previews VERB {name}"),
        permission: Some("config.previews.get"),
        ..job(
            "config.previews",
            "Infrastructure Manager",
            "preview",
            "config.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/previews/{preview}"]],
            &PREVIEW,
        )
    },
    Row {
        permission: Some("firebaseapphosting.rollouts.get"),
        ..job(
            "firebaseapphosting.rollouts",
            "Firebase App Hosting",
            "rollout",
            "firebaseapphosting.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/backends/{backend}/rollouts/{rollout}"]],
            &APP_HOSTING,
        )
    },
    Row {
        permission: Some("servicemanagement.services.get"),
        ..job(
            "servicemanagement.rollouts",
            "Service Management",
            "rollout",
            "servicemanagement.googleapis.com",
            "v1",
            &[&["services/{service}/rollouts/{rollout}"]],
            &SERVICE_ROLLOUT,
        )
    },
];
