//! `opwatch check NAME`: one look from a terminal. Sends nothing.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;

use super::named::{likely, named};
use super::{google, refused};
use crate::clock::{Clock, Deadline, SystemClock};
use crate::decision::{Decision, Pace, decide};
use crate::google::LOGIN;
use crate::message::title_problem;
use crate::outlets::Part;
use crate::outlets::slack::payload;
use crate::prose::{Context, notice};
use crate::services::{Operation, Service};
use crate::settings::{CheckSettings, CommonArgs};
use crate::terminal;
use crate::watch::{Check, Locale, Outcome, Problem, Report, Watch};

/// Arguments of `opwatch check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Name of the operation, as the service returned it, or its URL
    pub name: String,
    /// Service that the name belongs to, such as datastore [default: the one in SERVICES, if that is set, whose names have
    /// this form]
    #[arg(long)]
    pub service: Option<String>,
    /// Title of the report
    #[arg(long)]
    pub title: Option<String>,
    /// Print the Slack message as JSON
    #[arg(long)]
    pub json: bool,
    /// Settings that `serve` has too
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Runs `opwatch check`: 0 when the operation could be read, 1 when not, 64 for bad arguments.
pub async fn run(args: &CheckArgs) -> ExitCode {
    let prepared = args.common.check().map_err(|bad| bad.to_string());
    let prepared = prepared.map(|settings| of_any_service(args, settings));
    let prepared = prepared.and_then(|settings| Ok((operation(args, &settings)?, title(args)?, settings)));
    let (operation, title, settings) = match prepared {
        Ok(prepared) => prepared,
        Err(text) => return refused(text),
    };
    let google = match google(settings.access_token, settings.endpoints) {
        Ok(google) => google,
        Err(code) => return code,
    };
    let look = google.look(&operation, Deadline::start().for_call()).await;
    let now = look.date.unwrap_or_else(|| SystemClock.now());
    let lacks_token = look.lacks_token;
    let report = last_report(operation, title, look.observation, now);
    let context = Context {
        topic: None,
        locale: settings.locale,
        zone: settings.zone,
        title: None,
        routing: None,
        now,
    };
    let notice = notice(&report, &context);
    if args.json {
        terminal::line(format_args!("{:#}", payload(&notice, Part::Whole)));
    } else {
        terminal::line(notice.to_text());
    }
    if lacks_token {
        terminal::error(format_args!("opwatch: {LOGIN}"));
    }
    if report.outcome == Outcome::CannotTell && report.error.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Without `SERVICES` every service may be read: the person named the operation.
fn of_any_service(args: &CheckArgs, mut settings: CheckSettings) -> CheckSettings {
    if !args.common.services.is_given() {
        settings.policy.services = Service::all().collect();
    }
    settings
}

fn operation(args: &CheckArgs, settings: &CheckSettings) -> Result<Operation, String> {
    let services =
        if args.common.services.is_given() { settings.policy.services.clone() } else { likely(&args.name) };
    let operation = named(&args.name, args.service.as_deref(), &services)?;
    match settings.policy.permit(&operation) {
        Ok(()) => Ok(operation),
        Err(problem) => Err(format!("{operation}: {}", Locale::En.words().problem(&problem))),
    }
}

/// The title, if it is one that a message can have.
fn title(args: &CheckArgs) -> Result<Option<String>, String> {
    match args.title.as_deref().and_then(title_problem) {
        None => Ok(args.title.clone()),
        Some(why) => Err(format!("--title: {}", Locale::En.words().problem(&Problem::new("title", why)))),
    }
}

/// The report of a watch whose one check this is.
fn last_report(
    operation: Operation,
    title: Option<String>,
    observation: crate::services::Observation,
    now: DateTime<Utc>,
) -> Report {
    let watch = Watch { title, interval_s: 60, max_checks: 1, ..Watch::default() };
    let check = Check::new(watch, operation, now);
    match decide(&check, observation, now, Pace::default()) {
        // No watch ends here, so nothing is said of its limit.
        Decision::Report(report) => Report { attempt: None, ..*report },
        Decision::Check(..) | Decision::Start(..) | Decision::ReportAgain(..) | Decision::Test(_) => {
            Report::of_test(check.watch, now)
        }
    }
}
