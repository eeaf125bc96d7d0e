//! Whether operations can be listed and started.

use chrono::{DateTime, Utc};

use super::finding::{Finding, cause, fix};
use crate::clock::CALL_LIMIT;
use crate::google::Google;
use crate::services::{Attempt, Cause, Direction, Method, Service};

/// Whether the operations of a project can be listed at `path`, and the server's time.
pub(super) async fn list(
    google: &Google,
    service: Service,
    (project, path): (&str, &str),
) -> (Finding, Option<DateTime<Utc>>) {
    let what = format!("listing {} operations of {project}", service.title());
    match google.probe_operations(service, path, CALL_LIMIT).await {
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
