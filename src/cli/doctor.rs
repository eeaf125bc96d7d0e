//! `opwatch doctor`: checks one by one that everything is there and granted, and says how to fix what is not.

mod access;
mod finding;
mod operations;
mod outlet;
mod transport;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;

use self::finding::{Finding, fix};
use super::tokens;
use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::google::{Google, LOGIN};
use crate::ledger::Ledger;
use crate::net::transport::{Network, Transport};
use crate::outlets::Outlets;
use crate::outlets::access::Tools;
use crate::policy::Policy;
use crate::services::{Attempt, Service};
use crate::settings::{ServeArgs, Settings};
use crate::terminal;
use crate::trust::Trust;

/// A clock that is off by more than this delays checks and refuses push tokens.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

/// Arguments of `opwatch doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Also post a test message to each outlet, and to each channel of ROUTES
    #[arg(long)]
    pub post: bool,
    /// The settings to check
    #[command(flatten)]
    pub serve: ServeArgs,
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
async fn examine(settings: Settings, network: Arc<dyn Transport>, post: bool) -> bool {
    let tokens = tokens(settings.access_token.clone(), &network, &settings.endpoints);
    let google = Arc::new(Google::new(Arc::clone(&network), tokens, settings.endpoints.clone()));
    let mut all_good = true;
    let mut say = |finding: Finding| {
        finding.print();
        all_good &= finding.is_good();
    };
    say(token(&google).await);
    let (findings, date) = reading(&google, &settings.config.policy).await;
    findings.into_iter().for_each(&mut say);
    for (setting, direction) in settings.config.policy.unset() {
        say(operations::unset(setting, direction));
    }
    say(transport::topic(&google, &settings.config.topic).await);
    if let Trust::Internal(internal) = &settings.config.trust {
        say(transport::topic(&google, &internal.topic).await);
    }
    if let Some(warning) = settings.config.trust.warning(SystemClock.now()) {
        terminal::line(format_args!("warn  {warning}"));
    }
    let config = &settings.config;
    let mut queues = vec![&config.check_queue, &config.report_queue, &config.notice_queue];
    queues.dedup();
    for name in queues {
        say(transport::queue(&google, name).await);
    }
    say(transport::acting_as(&google, &settings.config.service_account).await);
    if let Some(digests) = &settings.config.digests {
        transport::buffer(&google, digests).await.into_iter().for_each(&mut say);
    }
    if let Some(ledger) = &settings.config.ledger {
        say(self::ledger(&google, ledger).await);
    }
    let tools = Tools { transport: network, google: Arc::clone(&google) };
    for outlet in Outlets::open(&settings.outlets, &tools).all() {
        outlet::check(outlet, &settings, post).await.into_iter().for_each(&mut say);
    }
    say(clock(date));
    all_good
}

/// Whether the operations can be read that the policy allows to be read, and the server's time.
async fn reading(google: &Google, policy: &Policy) -> (Vec<Finding>, Option<DateTime<Utc>>) {
    let (mut findings, mut date) = (Vec::new(), None);
    let others: Vec<Service> =
        policy.services.iter().copied().filter(|service| service.list_path("").is_none()).collect();
    for project in policy.projects.iter().flatten() {
        for service in &policy.services {
            if let Some(path) = service.list_path(project) {
                let (finding, seen) = operations::list(google, *service, (project, &path)).await;
                date = date.or(seen);
                findings.push(finding);
            }
        }
        let (found, seen) = access::check(google, &others, project).await;
        date = date.or(seen);
        findings.extend(found);
    }
    findings.extend(access::unchecked(&others));
    (findings, date)
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
