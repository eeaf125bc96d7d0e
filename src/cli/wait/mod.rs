//! `opwatch wait`: follows operations to their end in a terminal, with a person's own login.

mod names;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use self::names::{Place, operations};
use super::{google, refused};
use crate::cli::named::known_service;
use crate::clock::SystemClock;
use crate::follow::{Means, Options, Printed, Signals, follow};
use crate::google::Google;
use crate::services::{Operation, Service};
use crate::settings::{CheckSettings, CommonArgs, FollowArgs, default_project};
use crate::terminal;
use crate::watch::Locale;

const STATUS: &str = "\
Exit status:
  0    all operations succeeded
  1    at least one failed
  3    else, how at least one ended can't be determined
  2    else, at least one was cancelled
  124  the time of --timeout was over before that; the operations go on
  130  interrupted; the operations go on
  64   arguments or settings that can't be used
With --any it is that of the first operation to end.";

/// Arguments of `opwatch wait`.
#[derive(Args, Clone, Debug)]
#[command(after_help = STATUS)]
pub struct WaitArgs {
    /// Operations: names as their service returned them, or URLs. `-` reads standard input: a name a line, or the JSON of an
    /// operation or of a list of them, as gcloud prints it
    #[arg(required = true, value_name = "NAME|URL|-")]
    pub names: Vec<String>,
    /// Service that the names belong to, such as datastore [default: what a URL or an operation's JSON says, else the one in
    /// SERVICES whose names have this form, else the only one]
    #[arg(long)]
    pub service: Option<String>,
    /// Project of names that are only an id [default: the one that gcloud works in]
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Location of names that are only an id
    #[arg(long, value_name = "LOCATION")]
    pub location: Option<String>,
    /// How to wait
    #[command(flatten)]
    pub follow: FollowArgs,
    /// Settings that `serve` has too
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Runs `opwatch wait`; `STATUS` has the exit statuses.
pub async fn run(args: &WaitArgs) -> ExitCode {
    match prepare(args) {
        Ok((settings, operations, options)) => follow_all(settings, operations, options).await,
        Err(text) => refused(text),
    }
}

/// Follows `operations` to their end, with what `settings` say of login and endpoints.
pub(in crate::cli) async fn follow_all(
    settings: CheckSettings,
    operations: Vec<Operation>,
    options: Options,
) -> ExitCode {
    match google(settings.access_token, settings.endpoints) {
        Ok(google) => follow_with(Arc::new(google), operations, options).await,
        Err(code) => code,
    }
}

/// Follows `operations` to their end through `google`.
pub(in crate::cli) async fn follow_with(
    google: Arc<Google>,
    operations: Vec<Operation>,
    options: Options,
) -> ExitCode {
    let mut signals = match Signals::take() {
        Ok(signals) => signals,
        Err(error) => {
            terminal::error(format_args!("opwatch: can't handle signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let (clock, mut stage) = (SystemClock, Printed);
    let means = Means { google, clock: &clock, interruptions: &mut signals, stage: &mut stage };
    follow(means, operations, options).await.into()
}

fn prepare(args: &WaitArgs) -> Result<(CheckSettings, Vec<Operation>, Options), String> {
    let mut settings = args.common.check().map_err(|bad| bad.to_string())?;
    let options = args.follow.check(&settings, None).map_err(|bad| bad.to_string())?;
    let preferred = settings.policy.services.clone();
    if !args.common.services.is_given() {
        // The person names the operations: no setting narrows what that may be.
        settings.policy.services = Service::all().collect();
    }
    let place = Place {
        service: args.service.as_deref().map(known_service).transpose()?,
        preferred,
        services: settings.policy.services.clone(),
        project: args.project.clone().or_else(default_project),
        location: args.location.clone(),
    };
    let operations = operations(&args.names, &place, standard_input)?;
    let words = Locale::En.words();
    for operation in &operations {
        let permit = settings.policy.permit(operation);
        permit.map_err(|problem| format!("{operation}: {}", words.problem(&problem)))?;
    }
    Ok((settings, operations, options))
}

fn standard_input() -> Result<String, String> {
    std::io::read_to_string(std::io::stdin()).map_err(|error| format!("standard input: {error}"))
}
