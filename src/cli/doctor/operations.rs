//! Whether operations can be listed, read and started.

use chrono::{DateTime, Utc};

use super::finding::{Finding, cause, fix};
use crate::clock::CALL_LIMIT;
use crate::google::Google;
use crate::net::endpoints::Api;
use crate::services::{Attempt, Cause, Direction, Method, Service};

/// Whether the operations of a project can be listed or read, and the server's time.
pub(super) async fn list(
    google: &Google,
    service: Service,
    project: &str,
) -> (Finding, Option<DateTime<Utc>>) {
    let Some(path) = service.list_path(project) else {
        return (reading(google, service, project).await, None);
    };
    let what = format!("listing {} operations of {project}", service.title());
    match google.probe_operations(service, &path, CALL_LIMIT).await {
        Ok(date) => (Finding::good(what), date),
        Err(error) if error.http() == Some(404) => {
            let fix = format!(
                "if the project has no such database, remove {service} from SERVICES or {project} from PROJECTS"
            );
            (Finding::bad(what, error.to_string(), fix), error.date())
        }
        Err(error) => {
            let attempt =
                Attempt { service, method: Method::List, ..Attempt::of_api(service.api(), project) };
            let fix = fix(&error, service.title(), &attempt, None);
            let is_disabled = matches!(cause(&error, &attempt), Some(Cause::ApiDisabled { .. }));
            let fix = if is_disabled { format!("{fix}\nor remove {service} from SERVICES") } else { fix };
            (Finding::bad(what, error.to_string(), fix), error.date())
        }
    }
}

/// Whether the operations of a service may be read whose lists need more than a project: by the permission alone.
async fn reading(google: &Google, service: Service, project: &str) -> Finding {
    let what = format!("reading {} operations of {project}", service.title());
    let Some(permissions) = service.permission() else {
        let fix = format!("grant opwatch's account a role that can read {} operations", service.title());
        return Finding::unchecked(what, "not checked, because the required permission is unknown", fix);
    };
    let resource = format!("projects/{project}");
    let attempt =
        Attempt { service, method: Method::Read, ..Attempt::of_api("cloudresourcemanager", project) };
    for permission in permissions.split(',') {
        match google.probe_permission(Api::Projects, &resource, permission, CALL_LIMIT).await {
            Ok(true) => {}
            Ok(false) => {
                let cause = Cause::CallerLacks {
                    permission: Some(permission.to_owned()),
                    project: project.to_owned(),
                    service,
                    imports: false,
                };
                let fix = cause.command(true).unwrap_or_default();
                return Finding::bad(
                    what,
                    format!("the permission {permission} is missing in the project"),
                    fix,
                );
            }
            Err(error) => {
                let fix = fix(&error, "Resource Manager", &attempt, None);
                return Finding::bad(what, error.to_string(), fix);
            }
        }
    }
    Finding::good(what)
}

/// A setting without which no start in that direction is allowed.
pub(super) fn unset(setting: &str, direction: Direction) -> Finding {
    Finding::bad(
        format!("starting an {}", direction.word()),
        format!("{setting} is not set, so every {} is rejected", direction.word()),
        format!(
            "set {setting} to the allowed gs:// prefixes, such as {setting}=gs://my-backups, or set STARTS=none if this opwatch only \
             watches operations"
        ),
    )
}
