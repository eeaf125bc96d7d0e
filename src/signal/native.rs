//! Notifications that services publish themselves, which are recognised by their attributes. Each is about one operation or job.

use super::named::of_service;
use super::{Notification, Phase, Signal, Unusable};
use crate::policy::Policy;
use crate::services::Fields;

/// What a notification says.
struct Said {
    /// The service's ID, as in `SERVICES`.
    service: &'static str,
    name: String,
    /// The ID of the project that it belongs to; empty when it doesn't say.
    project: String,
    phase: Option<Phase>,
}

/// Reads a notification; `None` when it is none that opwatch knows.
pub(super) fn read(notification: &Notification<'_>, policy: &Policy) -> Option<Result<Signal, Unusable>> {
    let attribute = |name: &str| notification.attributes.get(name).map(String::as_str);
    let said = if attribute("transferOperationName").is_some() {
        Ok(of_storage_transfer(notification))
    } else if attribute("eventType").is_some_and(|event| event.starts_with("TRANSFER_RUN_")) {
        of_bigquery_transfer(notification)
    } else if attribute("buildId").is_some() && attribute("status").is_some() {
        of_cloud_build(notification)
    } else if attribute("ResourceType").is_some() && attribute("Action").is_some() {
        of_cloud_deploy(notification)
    } else if attribute("JobName").is_some() && attribute("JobUID").is_some() {
        Ok(of_batch(notification))
    } else if attribute("type_url").is_some_and(|url| url.contains("google.container.")) {
        of_gke(notification)
    } else {
        return None;
    };
    Some(said.and_then(|said| signal(&said, notification, policy)))
}

fn signal(said: &Said, notification: &Notification<'_>, policy: &Policy) -> Result<Signal, Unusable> {
    let phase = said.phase.ok_or(Unusable::NoOperation)?;
    if !policy.services.iter().any(|service| service.id() == said.service) {
        return Err(Unusable::OtherService);
    }
    let operation = of_service(said.service, &said.name, &said.project, policy);
    let operation = operation.ok_or(Unusable::NoOperation)?;
    if operation.part("project").is_none()
        && !said.project.is_empty()
        && !policy.permits_project(&said.project)
    {
        return Err(Unusable::NotAllowed);
    }
    Ok(Signal { operation, phase, method: None, principal: None, at: notification.published })
}

fn attribute(notification: &Notification<'_>, name: &str) -> String {
    notification.attributes.get(name).cloned().unwrap_or_default()
}

/// Whether a state is one of those in which nothing more happens.
fn phase(state: &str, over: &[&str]) -> Option<Phase> {
    match state {
        "" => None,
        state if over.contains(&state) => Some(Phase::Ended),
        _ => Some(Phase::Started),
    }
}

/// <https://cloud.google.com/storage-transfer/docs/reference/rest/v1/NotificationConfig>
fn of_storage_transfer(notification: &Notification<'_>) -> Said {
    const OVER: [&str; 3] =
        ["TRANSFER_OPERATION_SUCCESS", "TRANSFER_OPERATION_FAILED", "TRANSFER_OPERATION_ABORTED"];
    Said {
        service: "storagetransfer",
        name: attribute(notification, "transferOperationName"),
        project: attribute(notification, "projectId"),
        phase: phase(&attribute(notification, "eventType"), &OVER),
    }
}

/// <https://cloud.google.com/bigquery/docs/transfer-run-notifications>: a run is notified of when it is over.
fn of_bigquery_transfer(notification: &Notification<'_>) -> Result<Said, Unusable> {
    let run = Fields::read(notification.data, &["name"]).ok_or(Unusable::NotJson)?;
    Ok(Said {
        service: "bigquerydatatransfer.runs",
        name: run.text("name"),
        project: String::new(),
        phase: phase(&attribute(notification, "eventType"), &["TRANSFER_RUN_FINISHED"]),
    })
}

/// <https://cloud.google.com/build/docs/subscribe-build-notifications>: one at each change of the status.
fn of_cloud_build(notification: &Notification<'_>) -> Result<Said, Unusable> {
    const OVER: [&str; 6] = ["SUCCESS", "FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"];
    let build = Fields::read(notification.data, &["name", "projectId"]).ok_or(Unusable::NotJson)?;
    let (name, project) = (build.text("name"), build.text("projectId"));
    let id = attribute(notification, "buildId");
    let short = || format!("projects/{project}/builds/{id}");
    let name = if name.is_empty() { short() } else { name };
    let phase = phase(&attribute(notification, "status"), &OVER);
    Ok(Said { service: "cloudbuild.builds", name, project, phase })
}

/// <https://cloud.google.com/deploy/docs/subscribe-deploy-notifications>: everything is in the attributes.
fn of_cloud_deploy(notification: &Notification<'_>) -> Result<Said, Unusable> {
    let part = |name: &str| attribute(notification, name);
    let phase = match part("Action").as_str() {
        "Start" => Some(Phase::Started),
        "Succeed" | "Failure" | "Terminated" | "Cancelled" => Some(Phase::Ended),
        _ => None,
    };
    let (project, location) = (part("ProjectNumber"), part("Location"));
    let (pipeline, release) = (part("DeliveryPipelineId"), part("ReleaseId"));
    let release =
        format!("projects/{project}/locations/{location}/deliveryPipelines/{pipeline}/releases/{release}");
    let (service, name) = match part("ResourceType").as_str() {
        "Release" => ("clouddeploy.releases", release),
        "Rollout" => ("clouddeploy.rollouts", format!("{release}/rollouts/{}", part("RolloutId"))),
        _ => return Err(Unusable::NoOperation),
    };
    Ok(Said { service, name, project: String::new(), phase })
}

/// <https://cloud.google.com/batch/docs/enable-notifications>: of a job's states; those of tasks say nothing of the job.
fn of_batch(notification: &Notification<'_>) -> Said {
    const OVER: [&str; 3] = ["SUCCEEDED", "FAILED", "CANCELLED"];
    Said {
        service: "batch.jobs",
        name: attribute(notification, "JobName"),
        project: String::new(),
        phase: phase(&attribute(notification, "NewJobState"), &OVER),
    }
}

/// <https://cloud.google.com/kubernetes-engine/docs/concepts/cluster-notifications>: `UpgradeEvent` says that an upgrade began, and
/// `UpgradeInfoEvent` has its later states. The attribute `payload` is JSON.
fn of_gke(notification: &Notification<'_>) -> Result<Said, Unusable> {
    const OVER: [&str; 3] = ["SUCCEEDED", "FAILED", "CANCELED"];
    let payload = attribute(notification, "payload");
    let payload = Fields::read(payload.as_bytes(), &["operation", "state"]).ok_or(Unusable::NotJson)?;
    let kind = attribute(notification, "type_url");
    let phase = match kind.rsplit('.').next() {
        Some("UpgradeEvent") => Some(Phase::Started),
        Some("UpgradeInfoEvent") => phase(&payload.text("state"), &OVER),
        _ => None,
    };
    let (project, location) =
        (attribute(notification, "project_id"), attribute(notification, "cluster_location"));
    let name = format!("projects/{project}/locations/{location}/operations/{}", payload.text("operation"));
    Ok(Said { service: "container", name, project, phase })
}
