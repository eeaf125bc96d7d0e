//! `opwatch wait`: follows operations to their end in a terminal, with a person's own login.

#[cfg(feature = "local")]
mod demo;
mod names;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use self::names::{Place, operations};
use super::{google, google_over, list, network, refused};
use crate::cli::named::known_service;
use crate::clock::SystemClock;
use crate::follow::{Drawn, Means, Notifier, Options, Output, Printed, Signals, Stage, follow};
use crate::google::Google;
use crate::net::transport::Transport;
use crate::services::{DEFAULT_DATABASE, Operation, Service, cancel_path};
use crate::settings::{
    BadSettings, CheckSettings, CommonArgs, FollowArgs, Place as ListPlace, SlackArgs, default_project,
};
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
    #[cfg_attr(feature = "local", arg(required_unless_present_any = ["demo", "pick"], value_name = "NAME|URL|-"))]
    #[cfg_attr(not(feature = "local"), arg(required_unless_present = "pick", value_name = "NAME|URL|-"))]
    pub names: Vec<String>,
    /// Choose from a list of the newest operations of --service, on a terminal
    #[arg(long, requires = "service", conflicts_with = "names")]
    pub pick: bool,
    /// Play ten minutes of three operations in ten seconds, without an account
    #[cfg(feature = "local")]
    #[arg(long, conflicts_with_all = ["names", "notify", "pick"])]
    pub demo: bool,
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
    #[cfg(feature = "local")]
    if args.demo {
        return play(args).await;
    }
    if args.pick {
        return Box::pin(pick_and_follow(args)).await;
    }
    match prepare(args) {
        Ok((settings, operations, options)) => follow_all(settings, operations, &args.follow, options).await,
        Err(text) => refused(text),
    }
}

#[cfg(feature = "local")]
async fn play(args: &WaitArgs) -> ExitCode {
    let settings = args.common.check();
    let options = settings.and_then(|settings| args.follow.check(&settings, None));
    match (options, network()) {
        (Ok(options), Ok(network)) => demo::play(&network, options).await,
        (Err(bad), _) => refused(bad),
        (_, Err(code)) => code,
    }
}

/// Lets the person choose an operation, and follows it.
async fn pick_and_follow(args: &WaitArgs) -> ExitCode {
    let prepared = args.common.check().map_err(|bad| bad.to_string()).and_then(|settings| {
        let options = args.follow.check(&settings, None).map_err(|bad| bad.to_string())?;
        let service = args.service.as_deref().map(known_service).transpose()?;
        Ok((service.ok_or("--pick needs --service")?, options, settings))
    });
    let (service, options, settings) = match prepared {
        Ok(prepared) => prepared,
        Err(text) => return refused(text),
    };
    let google = match google(settings.access_token.clone(), settings.endpoints.clone()) {
        Ok(google) => google,
        Err(code) => return code,
    };
    let (project, location) = (args.project.as_deref(), args.location.as_deref());
    let place = ListPlace { project, location, database: DEFAULT_DATABASE };
    match list::pick(&google, service, &place, settings.locale).await {
        Ok(operation) => follow_all(settings, vec![operation], &args.follow, options).await,
        Err(code) => code,
    }
}

/// Follows `operations` to their end, as `args` and `options`, which come from them, say, with the login and the endpoints of
/// `settings`.
pub(in crate::cli) async fn follow_all(
    settings: CheckSettings,
    operations: Vec<Operation>,
    args: &FollowArgs,
    options: Options,
) -> ExitCode {
    let network = match network() {
        Ok(network) => network,
        Err(code) => return code,
    };
    let notifier = match args.notify.then(|| notifier(&settings, &network)).transpose() {
        Ok(notifier) => notifier,
        Err(bad) => return refused(format_args!("--notify: {bad}")),
    };
    let google = google_over(&network, settings.access_token, settings.endpoints);
    follow_with(Arc::new(google), operations, options, notifier).await
}

/// Follows `operations` to their end through `google`.
pub(in crate::cli) async fn follow_with(
    google: Arc<Google>,
    operations: Vec<Operation>,
    options: Options,
    notifier: Option<Notifier>,
) -> ExitCode {
    if let Some(operation) =
        operations.iter().find(|operation| options.cancels && cancel_path(operation).is_none())
    {
        let service = operation.service();
        return refused(format_args!(
            "--cancel-on-interrupt: opwatch can't cancel a {} of {service} ({operation})",
            service.kind()
        ));
    }
    let mut signals = match Signals::take() {
        Ok(signals) => signals,
        Err(error) => {
            terminal::error(format_args!("opwatch: can't handle signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let mut stage: Box<dyn Stage> =
        if options.output == Output::Screen { Box::new(Drawn::default()) } else { Box::new(Printed) };
    let means = Means {
        google,
        clock: &SystemClock,
        speed: 1,
        interruptions: &mut signals,
        stage: &mut *stage,
        notifier,
    };
    follow(means, operations, options).await.into()
}

fn notifier(settings: &CheckSettings, network: &Arc<dyn Transport>) -> Result<Notifier, BadSettings> {
    let (access, routing) = SlackArgs::of_environment(&settings.endpoints)?;
    let outlet = access.open(Arc::clone(network));
    Ok(Notifier { outlet, routing, locale: settings.locale, zone: settings.zone })
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
