//! `opwatch doctor`: checks one by one that everything is there and granted, and says how to fix what is not.

mod outlet;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;

use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::google::{CallError, Google, LOGIN, Tokens};
use crate::ledger::Ledger;
use crate::net::endpoints::Api;
use crate::net::transport::{Failure, Network, Transport};
use crate::prose::locale::Scene;
use crate::services::{Attempt, Cause, Direction, Method, Service, project_of};
use crate::settings::{ServeArgs, Settings};
use crate::terminal;
use crate::trust::Trust;
use crate::watch::Locale;

/// A clock that is off by more than this delays checks and refuses push tokens.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

/// Arguments of `opwatch doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Also post a test message to Slack
    #[arg(long)]
    pub post: bool,
    /// The settings to check
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// One thing that was checked.
struct Finding {
    what: String,
    /// Nothing, or what is wrong and how to fix it.
    wrong: Option<(String, String)>,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Self { what: what.into(), wrong: None }
    }

    fn bad(what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), wrong: Some((why.into(), fix.into())) }
    }

    fn print(&self) {
        match &self.wrong {
            None => terminal::line(format_args!("ok    {}", self.what)),
            Some((why, fix)) => {
                let fix = fix.replace('\n', "\n           ");
                terminal::line(format_args!("FAIL  {}: {why}\n      fix: {fix}", self.what));
            }
        }
    }
}

/// Runs `opwatch doctor`: 0 when all is well, 1 when something is not.
pub async fn run(args: &DoctorArgs) -> ExitCode {
    let settings = match args.serve.check() {
        Ok(settings) => settings,
        Err(bad) => {
            Finding::bad("settings", format!("\n{bad}"), "see `opwatch serve --help`").print();
            return ExitCode::FAILURE;
        }
    };
    Finding::good("settings").print();
    let network = match Network::new().and_then(Network::with_roots) {
        Ok(network) => Arc::new(network),
        Err(error) => {
            Finding::bad("HTTPS", error.to_string(), "install the system's CA certificates").print();
            return ExitCode::FAILURE;
        }
    };
    let findings = examine(settings, network, args.post).await;
    if findings { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints each finding as it is made. Returns whether all are good.
async fn examine(settings: Settings, transport: Arc<dyn Transport>, post: bool) -> bool {
    let tokens = Tokens::new(settings.access_token.clone());
    let google = Google::new(Arc::clone(&transport), tokens, settings.endpoints.clone());
    let mut all_good = true;
    let mut say = |finding: Finding| {
        finding.print();
        all_good &= finding.wrong.is_none();
    };
    say(token(&google).await);
    let mut date = None;
    for service in &settings.config.policy.services {
        for project in settings.config.policy.projects.iter().flatten() {
            let (finding, seen) = operations(&google, *service, project).await;
            date = date.or(seen);
            say(finding);
        }
    }
    for (setting, direction) in settings.config.policy.unset() {
        say(unset(setting, direction));
    }
    say(topic(&google, &settings.config.topic).await);
    if let Trust::Internal(internal) = &settings.config.trust {
        say(topic(&google, &internal.topic).await);
    }
    if let Some(warning) = settings.config.trust.warning(SystemClock.now()) {
        terminal::line(format_args!("warn  {warning}"));
    }
    let config = &settings.config;
    let mut queues = vec![&config.check_queue, &config.report_queue, &config.notice_queue];
    queues.dedup();
    for name in queues {
        say(queue(&google, name).await);
    }
    say(acting_as(&google, &settings.config.service_account).await);
    if let Some(ledger) = &settings.config.ledger {
        say(self::ledger(&google, ledger).await);
    }
    let slack = settings.slack.clone().open(Arc::clone(&transport));
    let further = settings.further.iter().map(|access| access.open(Arc::clone(&transport)));
    for outlet in [slack].into_iter().chain(further) {
        say(outlet::check(outlet.as_ref(), &settings, post).await);
    }
    say(clock(date));
    all_good
}

async fn token(google: &Google) -> Finding {
    match google.probe_token(CALL_LIMIT).await {
        Ok(()) => Finding::good("access token"),
        Err(error) => Finding::bad(
            "access token",
            error.why(),
            format!("on Cloud Run, attach a service account to the service; elsewhere, {LOGIN}"),
        ),
    }
}

async fn operations(google: &Google, service: Service, project: &str) -> (Finding, Option<DateTime<Utc>>) {
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
        return Finding::good(format!("{what}: not checked, because the required permission is unknown"));
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
fn unset(setting: &str, direction: Direction) -> Finding {
    Finding::bad(
        format!("starting an {}", direction.word()),
        format!("{setting} is not set, so every {} is rejected", direction.word()),
        format!(
            "set {setting} to the allowed gs:// prefixes, such as {setting}=gs://my-backups, or set STARTS=none if this opwatch only \
             watches operations"
        ),
    )
}

async fn topic(google: &Google, topic: &str) -> Finding {
    let what = format!("topic {topic}");
    match google.probe_topic(topic, CALL_LIMIT).await {
        Ok(()) => Finding::good(what),
        Err(error) if error.http() == Some(404) => {
            Finding::bad(what, error.to_string(), format!("gcloud pubsub topics create {topic}"))
        }
        Err(error) => Finding::bad(
            what,
            error.to_string(),
            fix(
                &error,
                "Pub/Sub",
                &Attempt::of_api("pubsub", project_of(topic)),
                Some(format!(
                    "gcloud pubsub topics add-iam-policy-binding {topic} --role=roles/pubsub.viewer \
                     --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
                )),
            ),
        ),
    }
}

async fn queue(google: &Google, queue: &str) -> Finding {
    let granted =
        google.probe_permission(Api::CloudTasks, queue, "cloudtasks.tasks.create", CALL_LIMIT).await;
    let mut segments = queue.split('/').skip(1).step_by(2);
    let (project, location, id) = (segments.next(), segments.next(), segments.next());
    let flags = format!(
        "{} --location={} --project={}",
        id.unwrap_or_default(),
        location.unwrap_or_default(),
        project.unwrap_or_default()
    );
    permission(
        granted,
        ("Cloud Tasks", Attempt::of_api("cloudtasks", project_of(queue))),
        format!("creating tasks in {queue}"),
        format!(
            "if the queue does not exist: gcloud tasks queues create {flags}\notherwise: gcloud tasks queues \
             add-iam-policy-binding {flags} --role=roles/cloudtasks.enqueuer --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
        ),
    )
}

async fn acting_as(google: &Google, account: &str) -> Finding {
    let resource = format!("projects/-/serviceAccounts/{account}");
    let granted = google.probe_permission(Api::Iam, &resource, "iam.serviceAccounts.actAs", CALL_LIMIT).await;
    let project =
        account.split_once('@').and_then(|(_, domain)| domain.split('.').next()).unwrap_or_default();
    permission(
        granted,
        ("IAM", Attempt::of_api("iam", project)),
        format!("acting as {account}"),
        format!(
            "if the account does not exist, create it or correct TASKS_SERVICE_ACCOUNT\notherwise: gcloud iam service-accounts add-iam-policy-binding {account} --role=roles/iam.serviceAccountUser \
             --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
        ),
    )
}

async fn ledger(google: &Google, ledger: &Ledger) -> Finding {
    let what = format!("reading the ledger in {}", ledger.project);
    match ledger.probe(google, CALL_LIMIT).await {
        Ok(()) => Finding::good(what),
        Err(error) if error.http() == Some(404) => Finding::bad(
            what,
            error.to_string(),
            "if the database does not exist, correct LEDGER_PROJECT or LEDGER_DATABASE, or unset LEDGER_KIND",
        ),
        Err(error) => Finding::bad(
            what,
            error.to_string(),
            fix(
                &error,
                "Datastore",
                &Attempt::of_api("datastore", &ledger.project),
                Some(format!(
                    "gcloud projects add-iam-policy-binding {} --condition=None --role=roles/datastore.user \
                     --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT\nor unset LEDGER_KIND",
                    ledger.project
                )),
            ),
        ),
    }
}

fn permission(
    granted: Result<bool, CallError>,
    (api, attempt): (&str, Attempt<'_>),
    what: String,
    grant: String,
) -> Finding {
    match granted {
        Ok(true) => Finding::good(what),
        Ok(false) => Finding::bad(what, "does not exist, or permission denied", grant),
        Err(error) if error.http() == Some(404) => Finding::bad(what, error.to_string(), grant),
        Err(error) => Finding::bad(what, error.to_string(), fix(&error, api, &attempt, Some(grant))),
    }
}

/// How to fix the cause of an error of the API that people call `api`. `grant` is for what is not permitted; without one
/// the role is granted that opwatch needs for operations.
fn fix(error: &CallError, api: &str, attempt: &Attempt<'_>, grant: Option<String>) -> String {
    let again = || match error.retry_after() {
        Some(wait) => format!("run doctor again in {} s", wait.as_secs()),
        None => "run doctor again".to_owned(),
    };
    if let Some(cause) = cause(error, attempt) {
        if let (Cause::CallerLacks { .. }, Some(grant)) = (&cause, grant) {
            return grant;
        }
        let sentence = Locale::En.words().cause(&cause, Scene { service: api, is_service: true });
        let retry = error.is_transient().then(again);
        let lines = [Some(sentence), cause.command(true), retry];
        return lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    }
    match error {
        CallError::NoToken(_) => "get an access token first (see above)".to_owned(),
        CallError::NoAnswer(Failure::NotConnected(_)) => {
            "connect to the network first: this machine can't reach Google".to_owned()
        }
        error if error.http() == Some(401) => {
            "run doctor again; if that fails, the access token is invalid: get a new one".to_owned()
        }
        error if error.is_transient() => again(),
        CallError::NoAnswer(_) | CallError::Unreadable { .. } | CallError::Refused(_) => {
            "check the setting that names it; see the error for details".to_owned()
        }
    }
}

/// The cause of `error`; only a refusal has one.
fn cause(error: &CallError, attempt: &Attempt<'_>) -> Option<Cause> {
    Cause::of(attempt, &error.refusal()?.error)
}

fn clock(date: Option<DateTime<Utc>>) -> Finding {
    let Some(date) = date else {
        return Finding::bad(
            "clock",
            "no response from Google to compare with",
            "fix the errors above first",
        );
    };
    let off = (SystemClock.now() - date).abs().to_std().unwrap_or_default();
    if off <= CLOCK_TOLERANCE {
        return Finding::good(format!("clock (off by at most {} s)", off.as_secs() + 1));
    }
    Finding::bad("clock", format!("off by {} s", off.as_secs()), "synchronize the machine's clock (NTP)")
}
