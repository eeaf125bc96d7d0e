//! Compute Engine, GKE and Deployment Manager.

use crate::services::row::Row;
use crate::services::shape::{Count, Errors, Job, Words};

/// <https://cloud.google.com/compute/docs/reference/rest/v1/globalOperations>; Deployment Manager answers the same. `DONE` says that
/// it ended, and an error decides how. The progress of a failed one is 100, too.
static OPERATION: Job = Job {
    name: &["selfLink"],
    state: "status",
    words: Words { succeeded: &["DONE"], ..Words::NONE },
    error: Errors {
        decides: true,
        sign: "error",
        code: "httpErrorStatusCode",
        status: &["error.errors.first.code"],
        text: &["error.errors.*.message", "httpErrorMessage"],
        ..Errors::NONE
    },
    overall: &[Count::Percent("progress")],
    work: &["operationType"],
    target: &["targetLink"],
    stage: &["statusMessage"],
    warnings: &["warnings.*.message"],
    ..Job::COMMON
};

/// <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.operations>.
static GKE: Job = Job {
    name: &["selfLink"],
    state: "status",
    words: Words { succeeded: &["DONE"], ..Words::NONE },
    // `statusMessage` is the older form of the error.
    error: Errors { decides: true, text: &["error.message", "statusMessage"], ..Errors::STATUS },
    overall: &[Count::Metrics],
    work: &["operationType"],
    target: &["targetLink"],
    stage: &["detail"],
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        shape: &OPERATION,
        permission: Some(
            "compute.zoneOperations.get,compute.regionOperations.get,compute.globalOperations.get",
        ),
        // With a name instead of a URL, gcloud asks for a global operation of the default project.
        gcloud: Some("gcloud compute operations VERB https://www.googleapis.com/compute/v1/{name}"),
        console: Some("https://console.cloud.google.com/compute/operations?project={project}"),
        ..Row::standard(
            "compute",
            "Compute Engine",
            "compute.googleapis.com",
            "compute/v1",
            &[&[
                "projects/{project}/zones/{zone}/operations/{operation}",
                "projects/{project}/regions/{region}/operations/{operation}",
                "projects/{project}/global/operations/{operation}",
                "locations/global/operations/{operation}",
            ]],
        )
    },
    Row {
        shape: &GKE,
        permission: Some("container.operations.get"),
        gcloud: Some(
            "gcloud container operations VERB {operation} --location={location} --zone={zone} --project={project}",
        ),
        cancels: true,
        console: Some("https://console.cloud.google.com/kubernetes/list/overview?project={project}"),
        ..Row::standard(
            "container",
            "GKE",
            "container.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/operations/{operation}",
                "projects/{project}/zones/{zone}/operations/{operation}",
            ]],
        )
    },
    Row {
        shape: &OPERATION,
        permission: Some("deploymentmanager.operations.get"),
        gcloud: Some("gcloud deployment-manager operations VERB {operation} --project={project}"),
        ..Row::standard(
            "deploymentmanager",
            "Deployment Manager",
            "deploymentmanager.googleapis.com",
            "deploymentmanager/v2",
            &[&["projects/{project}/global/operations/{operation}"]],
        )
    },
];
