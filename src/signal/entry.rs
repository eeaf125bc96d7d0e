//! Entries of the audit log, as a log sink publishes them: a `LogEntry` with an `AuditLog` in it
//! (<https://cloud.google.com/logging/docs/audit/understanding-audit-logs>).
//!
//! A long-running call writes one entry when it is made (`operation.first`) and one when it is over (`operation.last`), in any
//! order and possibly several times; one that is over at once writes a single entry with both. Some services leave `operation` out.
//! Streams, which also carry `operation`, are in the logs of data access.

use super::{Notification, Phase, Unusable};
use crate::policy::Policy;
use crate::services::Fields;

/// What is read of an entry.
const PATHS: &[&str] = &[
    "logName",
    "timestamp",
    "operation.id",
    "operation.first",
    "operation.last",
    "resource.type",
    "resource.labels.project_id",
    "resource.labels.location",
    "resource.labels.region",
    "resource.labels.zone",
    "resource.labels.job_name",
    "resource.labels.build_id",
    "protoPayload.serviceName",
    "protoPayload.methodName",
    "protoPayload.resourceName",
    "protoPayload.status.code",
    "protoPayload.authenticationInfo.principalEmail",
    "protoPayload.resourceLocation.currentLocations.first",
    "protoPayload.request.job_id",
    "protoPayload.response.name",
    "protoPayload.response.selfLink",
    "protoPayload.response.targetProject",
    "protoPayload.response.operation.operationName.operationId",
    "protoPayload.metadata.jobChange.after",
    "protoPayload.metadata.jobChange.job.jobName",
    "protoPayload.metadata.jobInsertion.job.jobName",
    "protoPayload.serviceData.jobCompletedEvent.job.jobName.projectId",
    "protoPayload.serviceData.jobCompletedEvent.job.jobName.location",
    "protoPayload.serviceData.jobCompletedEvent.job.jobName.jobId",
];
/// What stands before the kind of an audit log. Logs have the ID of their project in their name, never its number.
const AUDIT: &str = "/logs/cloudaudit.googleapis.com%2F";
/// The name of an API in the audit log, where it is not that of its host.
const LOGGED_AS: [(&str, &str); 1] = [("cloudsql", "sqladmin")];
/// The APIs whose operations are in the log of data access
/// (<https://cloud.google.com/bigquery/docs/reference/auditlogs>, <https://cloud.google.com/sql/docs/mysql/audit-logging>).
const IN_DATA_ACCESS: [&str; 2] = ["bigquery", "sqladmin"];
/// The API whose ends are in the log of system events.
const IN_SYSTEM_EVENTS: &str = "run";

/// An entry of the audit log.
pub(super) struct Entry<'a> {
    fields: Fields,
    /// Its API, as hosts call it.
    pub(super) api: String,
    pub(super) method: String,
    /// The ID of the project whose log it is in; empty for the log of a folder or an organization.
    pub(super) project: String,
    pub(super) policy: &'a Policy,
}

impl Entry<'_> {
    /// A text of the entry; empty when it has none.
    pub(super) fn text(&self, path: &str) -> String {
        self.fields.text(path)
    }

    /// A text of what the entry is about; empty when it has none.
    pub(super) fn payload(&self, path: &str) -> String {
        self.text(&format!("protoPayload.{path}"))
    }

    /// A label of the resource; empty when it has none.
    pub(super) fn label(&self, name: &str) -> String {
        self.text(&format!("resource.labels.{name}"))
    }

    /// Whether it was written when a call was made that goes on.
    pub(super) fn is_start(&self) -> bool {
        self.phase() == Some(Phase::Started)
    }

    /// What happened, by the flags or, without `operation`, by the kind of entry.
    pub(super) fn phase(&self) -> Option<Phase> {
        let flag = |path| self.fields.has(path);
        match (flag("operation.first"), flag("operation.last")) {
            (true, true) => Some(Phase::AtOnce),
            (true, false) => Some(Phase::Started),
            (false, true) => Some(Phase::Ended),
            // An entry in the middle of a stream.
            (false, false) if flag("operation.id") => None,
            (false, false) => self.phase_of_kind(),
        }
    }

    fn phase_of_kind(&self) -> Option<Phase> {
        let starts = match self.api.as_str() {
            "bigquery" => !self.payload("metadata.jobInsertion.job.jobName").is_empty(),
            "dataflow" => self.method == "dataflow.jobs.create",
            "sqladmin" => !self.payload("response.name").is_empty(),
            _ => false,
        };
        let ends = match self.api.as_str() {
            "bigquery" => {
                self.method == "jobservice.jobcompleted" || self.payload("metadata.jobChange.after") == "DONE"
            }
            IN_SYSTEM_EVENTS => self.text("resource.type") == "cloud_run_job",
            _ => false,
        };
        match (starts, ends) {
            (true, _) => Some(Phase::Started),
            (false, true) => Some(Phase::Ended),
            (false, false) => None,
        }
    }
}

/// Takes an entry apart: one of a log that records operations, about a service that may be watched.
pub(super) fn open<'a>(notification: &Notification<'_>, policy: &'a Policy) -> Result<Entry<'a>, Unusable> {
    let fields = Fields::read(notification.data, PATHS).ok_or(Unusable::NotJson)?;
    let (log, service) = (fields.text("logName"), fields.text("protoPayload.serviceName"));
    if log.is_empty() {
        return Err(Unusable::Unknown);
    }
    let (parent, kind) = log.split_once(AUDIT).ok_or(Unusable::OtherLog)?;
    let api = service.strip_suffix(".googleapis.com").unwrap_or_default();
    let api = LOGGED_AS.iter().find(|(logged, _)| *logged == api).map_or(api, |(_, api)| api);
    let has_operations = match kind {
        "activity" => true,
        "data_access" => IN_DATA_ACCESS.contains(&api),
        "system_event" => api == IN_SYSTEM_EVENTS,
        _ => false,
    };
    if !has_operations {
        return Err(Unusable::OtherLog);
    }
    if !policy.services.iter().any(|service| service.api() == api) {
        return Err(Unusable::OtherService);
    }
    let project = parent.strip_prefix("projects/").unwrap_or_default().to_owned();
    let (api, method) = (api.to_owned(), fields.text("protoPayload.methodName"));
    Ok(Entry { fields, api, method, project, policy })
}
