//! From what a signal says to the operation that it is about.

use super::entry::Entry;
use crate::policy::Policy;
use crate::services::{MAX_NAME_BYTES, Operation, Service};

/// An operation, and the project that its signal belongs to.
pub(super) struct Named {
    pub(super) operation: Operation,
    /// The project's ID; empty when the signal has none.
    pub(super) project: String,
}

/// The operation that an entry of the audit log is about. Most services write its full name as `operation.id`; those with
/// operations of another form write only the short ID, and the rest is elsewhere in the entry.
pub(super) fn of_entry(entry: &Entry<'_>) -> Option<Named> {
    let label = entry.label("project_id");
    let project = if entry.project.is_empty() { label } else { entry.project.clone() };
    let id = entry.text("operation.id");
    let own = || {
        let (service, name) = of_own_form(entry, &project, &id)?;
        of_service(service, &name, &project, entry.policy)
    };
    let operation = of_full_name(entry, &project, &id).or_else(own)?;
    Some(Named { operation, project })
}

/// The operation whose full name is `id`. Of several versions of an API, the one that the method belongs to comes first.
fn of_full_name(entry: &Entry<'_>, project: &str, id: &str) -> Option<Operation> {
    let name = with_own_project(id, project, entry.policy)?;
    let is_of_api = |service: &&Service| service.api() == entry.api;
    let services: Vec<_> = entry.policy.services.iter().filter(is_of_api).copied().collect();
    let is_of_version =
        |operation: &Operation| entry.method.split('.').any(|word| word == operation.service().version());
    Operation::candidates(&services, &name).into_iter().min_by_key(|operation| !is_of_version(operation))
}

/// The service and the name of an operation of which `operation.id` says less than its name, or nothing.
fn of_own_form(entry: &Entry<'_>, project: &str, id: &str) -> Option<(&'static str, String)> {
    Some(match entry.api.as_str() {
        "bigquery" => ("bigquery.jobs", job_of_bigquery(entry, project)?),
        "cloudbuild" => ("cloudbuild.builds", build(entry, project)?),
        "compute" => ("compute", of_compute(entry, project, id)?),
        "container" => {
            let location = either(entry.label("location"), entry.label("zone"))?;
            ("container", format!("projects/{project}/locations/{location}/operations/{id}"))
        }
        "dataflow" => {
            let (region, job) = (given(entry.label("region"))?, given(entry.payload("request.job_id"))?);
            ("dataflow.jobs", format!("projects/{project}/locations/{region}/jobs/{job}"))
        }
        "run" => ("run.executions", execution(entry, project)?),
        "sqladmin" => ("sqladmin", of_cloud_sql(entry, project, id)?),
        _ => return None,
    })
}

/// The operation `name` of `service`, whose signal belongs to `project` if that is known.
pub(super) fn of_service(service: &str, name: &str, project: &str, policy: &Policy) -> Option<Operation> {
    let service = policy.services.iter().find(|own| own.id() == service)?;
    Operation::new(*service, &with_own_project(name, project, policy)?).ok()
}

/// `name` with the ID of its project. Services write the number of a project in some names, while `PROJECTS` usually has IDs. A
/// number that is not allowed becomes the ID of the signal's project, or of the only project that is allowed: so a forged number
/// leads to no other project. Google accepts both in a name.
fn with_own_project(name: &str, project: &str, policy: &Policy) -> Option<String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return None;
    }
    let mut segments: Vec<&str> = name.split('/').collect();
    let at = segments.iter().position(|segment| *segment == "projects").map(|at| at + 1);
    if let Some(segment) = at.and_then(|at| segments.get_mut(at))
        && is_number(segment)
        && !policy.permits_project(segment)
    {
        let only = policy.projects.as_deref().and_then(|projects| match projects {
            [only] => Some(only.as_str()),
            _ => None,
        });
        *segment = Some(project).filter(|project| !project.is_empty() && !is_number(project)).or(only)?;
    }
    Some(segments.join("/"))
}

fn is_number(project: &str) -> bool {
    !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit())
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn either(first: String, second: String) -> Option<String> {
    given(first).or_else(|| given(second))
}

/// `jobName` has no location, which the resource has in the new format and the job's name in the old one.
fn job_of_bigquery(entry: &Entry<'_>, project: &str) -> Option<String> {
    const OLD: &str = "serviceData.jobCompletedEvent.job.jobName";
    let old = |part: &str| entry.payload(&format!("{OLD}.{part}"));
    let new = ["metadata.jobChange.job.jobName", "metadata.jobInsertion.job.jobName"];
    let name = new.iter().find_map(|path| given(entry.payload(path)));
    let (of, job) = match &name {
        Some(name) => name.strip_prefix("projects/")?.split_once("/jobs/")?,
        None => (project, &*given(old("jobId"))?),
    };
    let of = if name.is_none() { either(old("projectId"), of.to_owned())? } else { of.to_owned() };
    Some(match either(entry.label("location"), old("location")) {
        Some(location) => format!("projects/{of}/locations/{location}/jobs/{job}"),
        None => format!("projects/{of}/jobs/{job}"),
    })
}

/// A build by its ID, for those who watch builds rather than operations.
fn build(entry: &Entry<'_>, project: &str) -> Option<String> {
    let build = given(entry.label("build_id"))?;
    let location = given(entry.payload("resourceLocation.currentLocations.first"));
    Some(format!("projects/{project}/locations/{}/builds/{build}", location.as_deref().unwrap_or("global")))
}

/// A start carries the operation's URL. An end has only the short ID: where it is, the resource says.
fn of_compute(entry: &Entry<'_>, project: &str, id: &str) -> Option<String> {
    let link = entry.payload("response.selfLink");
    let linked = Operation::of_url(&link).unwrap_or_default();
    let linked = linked.iter().find(|operation| operation.service().id() == "compute");
    if let Some(operation) = linked.filter(|operation| operation.name().rsplit('/').next() == Some(id)) {
        return Some(operation.name().to_owned());
    }
    let (id, resource) = (Some(id).filter(|id| !id.is_empty())?, entry.payload("resourceName"));
    let segments: Vec<&str> = resource.split('/').collect();
    let place = match *segments.as_slice() {
        ["projects", _, scope @ ("zones" | "regions"), place, ..] => format!("{scope}/{place}"),
        ["projects", _, "global", ..] => "global".to_owned(),
        _ => place_of_labels(entry),
    };
    Some(format!("projects/{project}/{place}/operations/{id}"))
}

fn place_of_labels(entry: &Entry<'_>) -> String {
    let (zone, place) = (entry.label("zone"), either(entry.label("location"), entry.label("region")));
    match (zone.as_str(), place.as_deref()) {
        ("", None | Some("global")) => "global".to_owned(),
        // A zone is a region with a letter behind it: us-central1-a.
        ("", Some(place)) if place.rsplit('-').next().is_some_and(|last| last.len() == 1) => {
            format!("zones/{place}")
        }
        ("", Some(region)) => format!("regions/{region}"),
        (zone, _) => format!("zones/{zone}"),
    }
}

/// The API's own start carries the operation as the API shows it, with or without `operation`. A second pair of entries, with
/// another ID and no response, is about an internal operation that the API doesn't know. An end may have a meaningless ID, and the
/// operation's in the response.
fn of_cloud_sql(entry: &Entry<'_>, project: &str, id: &str) -> Option<String> {
    let started = given(entry.payload("response.name"));
    let ended = || given(entry.payload("response.operation.operationName.operationId"));
    let own = || Some(id.to_owned()).filter(|_| !entry.is_start());
    let id = started.or_else(ended).or_else(own).filter(|id| is_uuid(id))?;
    let of = either(entry.payload("response.targetProject"), project.to_owned())?;
    Some(format!("projects/{of}/operations/{id}"))
}

/// What an operation of Cloud SQL is called: five groups of hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The end of a job's execution names it as its resource: `namespaces/PROJECT/executions/EXECUTION`.
fn execution(entry: &Entry<'_>, project: &str) -> Option<String> {
    let resource = entry.payload("resourceName");
    let (_, execution) = resource.rsplit_once("/executions/")?;
    let (location, job) = (given(entry.label("location"))?, given(entry.label("job_name"))?);
    Some(format!("projects/{project}/locations/{location}/jobs/{job}/executions/{execution}"))
}
