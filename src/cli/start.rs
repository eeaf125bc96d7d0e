//! `opwatch start`: starts what a kickoff file says, with a person's own login and the service's protection against double starts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{google, input, refused, wait};
use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::follow::Options;
use crate::google::{CallError, Google, LOGIN};
use crate::hash::short_hash;
use crate::message::{Defaults, Received, read};
use crate::outlets;
use crate::policy::Policy;
use crate::prose::{Context, notice};
use crate::runner::{Begun, ByHand};
use crate::services::Operation;
use crate::settings::{CheckSettings, CommonArgs, FollowArgs, StartPolicyArgs, TopicArgs};
use crate::terminal;
use crate::trust::Origin;
use crate::watch::{Adopted, Locale, Message, Outcome, Report, Start};

const STATUS: &str = "\
Exit status:
  0    it was started, or it runs already; with --publish: the kickoff was published
  1    it was not started, or whether it was is unknown
  64   a file, arguments or settings that can't be used
With --wait, once it runs, that of `opwatch wait`.";

/// Arguments of `opwatch start`.
#[derive(Args, Clone, Debug)]
#[command(after_help = STATUS)]
pub struct StartArgs {
    /// Kickoff file, which has a "start"; - reads standard input
    pub file: PathBuf,
    /// Wait for the operation to end, as `opwatch wait` does
    #[arg(long, conflicts_with = "publish")]
    pub wait: bool,
    /// Publish the file to TOPIC instead, so that the deployed service starts it and reports how it ends
    #[arg(long)]
    pub publish: bool,
    /// Where `--publish` publishes
    #[command(flatten)]
    pub topic: TopicArgs,
    /// What may be started
    #[command(flatten)]
    pub policy: StartPolicyArgs,
    /// How to wait
    #[command(flatten)]
    pub follow: FollowArgs,
    /// Settings that `serve` has too
    #[command(flatten)]
    pub common: CommonArgs,
}

/// A start that can be made.
struct Prepared {
    data: Vec<u8>,
    start: Start,
    policy: Policy,
    settings: CheckSettings,
    options: Options,
}

/// Runs `opwatch start`; `STATUS` has the exit statuses.
pub async fn run(args: &StartArgs) -> ExitCode {
    let data = match input::bytes(&args.file) {
        Ok(data) => data,
        Err(error) => return refused(format_args!("{}: {error}", input::name(&args.file))),
    };
    let prepared = match prepare(args, data) {
        Ok(prepared) => prepared,
        Err(text) => return refused(text),
    };
    let topic = args.publish.then(|| args.topic.required().map_err(|bad| bad.to_string())).transpose();
    let topic = match topic {
        Ok(topic) => topic,
        Err(text) => return refused(text),
    };
    let google = match google(prepared.settings.access_token.clone(), prepared.settings.endpoints.clone()) {
        Ok(google) => Arc::new(google),
        Err(code) => return code,
    };
    match topic {
        Some(topic) => publish(&google, &topic, &prepared.data).await,
        None => start(args, prepared, google).await,
    }
}

fn prepare(args: &StartArgs, data: Vec<u8>) -> Result<Prepared, String> {
    let settings = args.common.check().map_err(|bad| bad.to_string())?;
    let policy = args.policy.check(&args.common).map_err(|bad| bad.to_string())?;
    let start = kickoff(&data, &args.file, &settings, &policy)?;
    let options = args.follow.check(&settings, start.watch.title.clone()).map_err(|bad| bad.to_string())?;
    Ok(Prepared { data, start, policy, settings, options })
}

/// Reads the kickoff as the service would, and checks that it may be started.
fn kickoff(data: &[u8], file: &Path, settings: &CheckSettings, policy: &Policy) -> Result<Start, String> {
    let shown = input::name(file);
    let now = SystemClock.now();
    let unique = format!("{} {}", now.timestamp_nanos_opt().unwrap_or_default(), std::process::id());
    let received =
        Received { message_id: short_hash(&["start", &unique]), published: now, origin: Origin::Public };
    let defaults = Defaults {
        services: policy.services.clone(),
        zone: settings.zone,
        ..Defaults::new(outlets::ADDRESSING)
    };
    let problem = |problem| format!("{shown}: {}", Locale::En.words().problem(&problem));
    let message = read(data, &received, &defaults).map_err(|found| {
        let field = if found.field.is_empty() { "the message".to_owned() } else { found.field.clone() };
        format!("{shown}: {field}: {}", Locale::En.words().problem(&found))
    })?;
    match message {
        Message::Start(start) => {
            policy.permit_start(&start.request).map_err(problem)?;
            Ok(*start)
        }
        Message::Check(_) => Err(format!(
            "{shown}: it names an operation and starts none: use `opwatch wait`, or `opwatch watch` for the deployed service"
        )),
        Message::Test(_) | Message::Report(_) => Err(format!("{shown}: it has no \"start\"")),
    }
}

/// Publishes a kickoff, and says under which id.
pub(super) async fn publish(google: &Google, topic: &str, data: &[u8]) -> ExitCode {
    match google.publish(topic, data, CALL_LIMIT).await {
        Ok(id) => {
            terminal::line(format_args!("published to {topic}: watch {id}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            terminal::error(format_args!("opwatch: the kickoff could not be published to {topic}: {error}"));
            if matches!(error, CallError::NoToken(_)) {
                terminal::error(format_args!("opwatch: {LOGIN}"));
            }
            ExitCode::FAILURE
        }
    }
}

async fn start(args: &StartArgs, prepared: Prepared, google: Arc<Google>) -> ExitCode {
    let Prepared { start, policy, settings, options, .. } = prepared;
    let by_hand = ByHand::new(policy, Arc::clone(&google), Arc::new(SystemClock));
    let say = |why: &str, seconds: u64| {
        terminal::error(format_args!("opwatch: {why}: next try in {seconds} s"));
    };
    match by_hand.start(start, say).await {
        Begun::Operation(operation, adopted) => {
            began(&operation, adopted, args.wait);
            if args.wait {
                return wait::follow_all(settings, vec![operation], &args.follow, options).await;
            }
            ExitCode::SUCCESS
        }
        Begun::Not(report) => not_begun(&report, &settings),
    }
}

/// Prints the name, alone on standard output, for the next command; where it is waited for, standard output is the wait's.
fn began(operation: &Operation, adopted: Option<Adopted>, waits: bool) {
    if adopted.is_some() {
        terminal::error(
            "opwatch: the same was started before, so nothing was started: this is that operation",
        );
    }
    if waits {
        terminal::error(format_args!("opwatch: waiting for {operation}"));
    } else {
        let (name, service) = (operation.name(), operation.service());
        terminal::line(name);
        terminal::error(format_args!("opwatch: to wait for it: opwatch wait --service {service} '{name}'"));
    }
}

fn not_begun(report: &Report, settings: &CheckSettings) -> ExitCode {
    let context = Context {
        topic: None,
        locale: settings.locale,
        zone: settings.zone,
        title: None,
        routing: None,
        now: report.at,
    };
    terminal::error(notice(report, &context).to_text());
    // It was over at once, and its answer named no operation.
    if report.outcome == Outcome::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
