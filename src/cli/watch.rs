//! `opwatch watch`: hands an operation to the deployed service.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, json};

use super::named::named;
use super::{google, refused, start, wait};
use crate::clock::{Clock, SystemClock};
use crate::follow::Options;
use crate::message::{Defaults, Received, read};
use crate::outlets;
use crate::services::{Operation, Service};
use crate::settings::{CheckSettings, CommonArgs, FollowArgs, TopicArgs};
use crate::terminal;
use crate::trust::Origin;
use crate::watch::Locale;

const STATUS: &str = "\
Exit status:
  0    the kickoff was published
  1    it could not be published
  64   arguments or settings that can't be used
With --wait, once it is published, that of `opwatch wait`.";

/// Arguments of `opwatch watch`.
#[derive(Args, Clone, Debug)]
#[command(after_help = STATUS)]
pub struct WatchArgs {
    /// Operation: its name as the service returned it, or its URL
    #[arg(value_name = "NAME|URL")]
    pub name: String,
    /// Service that the name belongs to, such as datastore [default: the one whose names have this form]
    #[arg(long)]
    pub service: Option<String>,
    /// Title of the watch in Slack
    #[arg(long)]
    pub title: Option<String>,
    /// Print the message instead of publishing it
    #[arg(long)]
    pub dry_run: bool,
    /// Wait for the operation here, too
    #[arg(long, conflicts_with = "dry_run")]
    pub wait: bool,
    /// Where to publish
    #[command(flatten)]
    pub topic: TopicArgs,
    /// How to wait
    #[command(flatten)]
    pub follow: FollowArgs,
    /// Settings that `serve` has too
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What is published, and what is waited for.
struct Prepared {
    message: String,
    topic: String,
    operation: Operation,
    settings: CheckSettings,
    options: Options,
}

/// Runs `opwatch watch`; `STATUS` has the exit statuses.
pub async fn run(args: &WatchArgs) -> ExitCode {
    let Prepared { message, topic, operation, settings, options } = match prepare(args) {
        Ok(prepared) => prepared,
        Err(text) => return refused(text),
    };
    if args.dry_run {
        terminal::line(format_args!("would publish to {topic}: {message}"));
        return ExitCode::SUCCESS;
    }
    let google = match google(settings.access_token.clone(), settings.endpoints.clone()) {
        Ok(google) => google,
        Err(code) => return code,
    };
    let published = start::publish(&google, &topic, message.as_bytes()).await;
    if !args.wait || published != ExitCode::SUCCESS {
        return published;
    }
    wait::follow_all(settings, vec![operation], &args.follow, options).await
}

fn prepare(args: &WatchArgs) -> Result<Prepared, String> {
    let settings = args.common.check().map_err(|bad| bad.to_string())?;
    let options = args.follow.check(&settings, args.title.clone()).map_err(|bad| bad.to_string())?;
    let services = &settings.policy.services;
    let all: Vec<Service> = Service::all().filter(|service| service.names_are_recognisable()).collect();
    // The services of the settings come first: they are those that are watched.
    let operation = named(&args.name, args.service.as_deref(), services)
        .or_else(|_| named(&args.name, args.service.as_deref(), &all))?;
    let mut message = Map::new();
    message.insert("name".to_owned(), json!(operation.name()));
    message.insert("service".to_owned(), json!(operation.service().id()));
    message.extend(args.title.as_ref().map(|title| ("title".to_owned(), json!(title))));
    let message = serde_json::Value::Object(message).to_string();
    let received =
        Received { message_id: "watch".to_owned(), published: SystemClock.now(), origin: Origin::Public };
    read(message.as_bytes(), &received, &Defaults::new(outlets::ADDRESSING))
        .map_err(|found| format!("{}: {}", found.field, Locale::En.words().problem(&found)))?;
    let topic = args.topic.required().map_err(|bad| bad.to_string())?;
    Ok(Prepared { message, topic, operation, settings, options })
}
