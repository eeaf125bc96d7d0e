//! The one table from an error of Google's to its cause. Every message, `check` and `doctor` use it. Pure: it knows no
//! language; `locale` has a sentence for each cause, and [`Cause::command`] the command that fixes it.
//!
//! An error is matched by its `ErrorInfo` first, then by its status together with the method that was called, and only last
//! by words. One that no row matches has no cause: it is shown as it came.

mod command;
#[cfg(test)]
mod tests;
mod words;

use super::error::VPC_SERVICE_CONTROLS;
use super::{ApiError, Direction, ErrorInfo, Service, StartMethod, Status};

/// What was called, or ran, when the error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One operation was read.
    Read,
    /// The operations were listed.
    List,
    /// An operation was started.
    Start,
    /// The operation itself: it ended with this error.
    Run,
    /// Something else of another API.
    Other,
}

/// What an error is about, as the request had it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The service whose operations it is about.
    pub service: Service,
    /// The API that was called, such as `datastore`.
    pub api: &'a str,
    /// What was called.
    pub method: Method,
    /// The project's ID.
    pub project: &'a str,
    /// The database, where the path names one.
    pub database: Option<&'a str>,
    /// Where it was to write or read: `gs://BUCKET/…`.
    pub location: Option<&'a str>,
    /// What was to be started, if known.
    pub start: Option<StartMethod>,
}

/// Why a call was refused or an operation failed. Its texts are safe in a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The API is not enabled in the project.
    ApiDisabled {
        /// Such as `datastore.googleapis.com`.
        api: String,
        /// The project's ID.
        project: String,
    },
    /// The project has no billing account, or a closed one.
    NoBilling {
        /// The project's ID.
        project: String,
    },
    /// A VPC Service Controls perimeter is in the way.
    Perimeter {
        /// The project's ID.
        project: String,
        /// The id under which the refusal was logged.
        id: Option<String>,
    },
    /// Google knows no such project.
    WrongProject {
        /// What was taken for its ID.
        project: String,
    },
    /// The account that made the call lacks a permission in the project.
    CallerLacks {
        /// The permission, if it was named.
        permission: Option<String>,
        /// The project's ID.
        project: String,
        /// The service whose operations were to be read or started.
        service: Service,
        /// Whether it is an import that was to be started.
        imports: bool,
    },
    /// The service's agent, as which exports and imports run, lacks access to the bucket.
    AgentLacks {
        /// Its e-mail address, if it was named.
        agent: Option<String>,
        /// The bucket, if known.
        bucket: Option<String>,
        /// The project's ID.
        project: String,
    },
    /// There is no such bucket.
    NoBucket {
        /// The bucket, if known.
        bucket: Option<String>,
        /// The project's ID.
        project: String,
    },
    /// The bucket is in a location that the database can't use.
    BucketElsewhere {
        /// The bucket, if known.
        bucket: Option<String>,
        /// The project's ID.
        project: String,
        /// The database.
        database: String,
    },
    /// There is no such database.
    NoDatabase {
        /// The database.
        database: String,
        /// The project's ID.
        project: String,
    },
    /// Something that the start names does not exist: the project, the database or the bucket.
    NotFound,
    /// The database is of the other mode, which another API serves.
    OtherMode {
        /// The service to use.
        use_service: Service,
    },
    /// An export has been written there before.
    PathExists {
        /// The body's field that names the path.
        field: &'static str,
    },
    /// A quota or a limit of operations at a time is used up.
    Quota {
        /// Its name, if it was given.
        quota: Option<String>,
        /// Whether the limits of exports and imports are meant.
        starts: bool,
    },
    /// The request is invalid in another way.
    Invalid,
    /// The operation does not exist any more.
    Gone,
}

impl<'a> Attempt<'a> {
    /// A call of another API than that of operations.
    pub fn of_api(api: &'a str, project: &'a str) -> Self {
        let (service, method) = (Service::DATASTORE, Method::Other);
        Self { service, api, method, project, database: None, location: None, start: None }
    }
}

impl Cause {
    /// The cause of `error`, which `attempt` came to; `None` when the table has no row for it.
    pub fn of(attempt: &Attempt<'_>, error: &ApiError) -> Option<Self> {
        let row = Row { attempt, error };
        if let Some(info) = &error.info
            && let Some(cause) = row.by_info(info)
        {
            return Some(cause);
        }
        let has_reason = error.info.as_ref().is_some_and(|info| !info.reason.is_empty());
        // A reason that the table does not know means something else than its status does by itself.
        row.by_words().or_else(|| if has_reason { None } else { row.by_status() })
    }
}

/// An error and what it is about, on their way through the table.
struct Row<'a> {
    attempt: &'a Attempt<'a>,
    error: &'a ApiError,
}

impl Row<'_> {
    /// By `ErrorInfo`: the reasons of `googleapis.com` are those of
    /// <https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto>.
    fn by_info(&self, info: &ErrorInfo) -> Option<Cause> {
        let of_google = info.domain.is_empty() || info.domain == "googleapis.com";
        match info.reason.as_str() {
            // https://github.com/firebase/extensions/issues/3119
            "SERVICE_DISABLED" if of_google => Some(self.api_disabled(Some(&info.service))),
            // https://cloud.google.com/datastore/docs/export-import-entities#before_you_begin: exports need billing.
            "BILLING_DISABLED" if of_google => Some(Cause::NoBilling { project: self.consumer() }),
            // https://github.com/benyap/firestore-backfire/issues/345
            "CONSUMER_INVALID" | "RESOURCE_PROJECT_INVALID" if of_google => {
                Some(Cause::WrongProject { project: self.consumer() })
            }
            // https://github.com/cloudquery/cloudquery/issues/1062
            "SECURITY_POLICY_VIOLATED" if of_google => Some(self.perimeter(&info.uid)),
            "RATE_LIMIT_EXCEEDED" | "RESOURCE_QUOTA_EXCEEDED" if of_google => Some(self.quota()),
            // Any API's domain: https://cloud.google.com/iam/docs/permission-error-messages.
            "IAM_PERMISSION_DENIED" if self.is_of_bucket(&info.permission) => Some(self.agent_lacks()),
            "IAM_PERMISSION_DENIED" => Some(self.caller_lacks()),
            "" if info.violation == VPC_SERVICE_CONTROLS => Some(self.perimeter(&info.uid)),
            _ => None,
        }
    }

    /// By status and method, where both together leave one meaning
    /// (<https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>).
    fn by_status(&self) -> Option<Cause> {
        match (&self.error.status, self.attempt.method) {
            (Status::ResourceExhausted, _) => Some(self.quota()),
            // A front end's 429 has no status.
            (Status::Missing, _) if self.error.code == 429 => Some(self.quota()),
            // Of a start it may be the agent's permission; an operation runs as the agent, but not on the bucket alone.
            (Status::PermissionDenied, Method::Read | Method::List | Method::Other) => {
                Some(self.caller_lacks())
            }
            (Status::PermissionDenied, Method::Start) if self.error.text.trim().is_empty() => {
                Some(self.caller_lacks())
            }
            (Status::NotFound | Status::Missing, Method::Read) if self.error.code == 404 => Some(Cause::Gone),
            (Status::NotFound, Method::Start) => Some(Cause::NotFound),
            (Status::InvalidArgument, Method::Start) => Some(Cause::Invalid),
            _ => None,
        }
    }

    fn api_disabled(&self, api: Option<&str>) -> Cause {
        let called = || format!("{}.googleapis.com", self.attempt.api);
        let api = api.filter(|api| !api.is_empty()).map_or_else(called, str::to_owned);
        Cause::ApiDisabled { api, project: self.consumer() }
    }

    fn perimeter(&self, id: &str) -> Cause {
        let id = Some(id.to_owned()).filter(|id| !id.is_empty());
        Cause::Perimeter { project: self.project(), id }
    }

    fn quota(&self) -> Cause {
        let quota = self.error.info.as_ref().map(|info| info.quota.clone());
        let starts = self.attempt.method == Method::Start;
        Cause::Quota { quota: quota.filter(|quota| !quota.is_empty()), starts }
    }

    fn caller_lacks(&self) -> Cause {
        let permission = self.error.info.as_ref().map(|info| info.permission.clone());
        let imports = self.attempt.start.is_some_and(|start| start.direction == Direction::Import);
        let permission = permission.filter(|permission| !permission.is_empty());
        Cause::CallerLacks { permission, project: self.project(), service: self.attempt.service, imports }
    }

    fn agent_lacks(&self) -> Cause {
        let agent = words::service_account(&self.error.text);
        Cause::AgentLacks { agent, bucket: self.bucket(), project: self.project() }
    }

    /// Exports and imports touch the bucket as the service's agent.
    fn is_of_bucket(&self, permission: &str) -> bool {
        permission.starts_with("storage.") && matches!(self.attempt.method, Method::Start | Method::Run)
    }

    fn project(&self) -> String {
        self.attempt.project.to_owned()
    }

    /// The project that the error names, else the request's: gcloud takes no project number.
    fn consumer(&self) -> String {
        let consumer = self.error.info.as_ref().and_then(|info| info.consumer.strip_prefix("projects/"));
        let is_id = |id: &&str| !id.is_empty() && !id.bytes().all(|byte| byte.is_ascii_digit());
        consumer.filter(is_id).map_or_else(|| self.project(), str::to_owned)
    }

    fn database(&self) -> String {
        self.attempt.database.unwrap_or("(default)").to_owned()
    }

    /// The bucket of the request, if it has the form of one
    /// (<https://cloud.google.com/storage/docs/buckets#naming>).
    fn bucket(&self) -> Option<String> {
        let bucket = self.attempt.location?.strip_prefix("gs://")?.split('/').next()?;
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        ((3..=222).contains(&bucket.len()) && bucket.bytes().all(is_plain)).then(|| bucket.to_owned())
    }
}
