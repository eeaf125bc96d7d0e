//! `opwatch demo`: the main job on a machine with nothing but Rust. The real server on the stand-ins; every request goes
//! over HTTP through the code that runs in production.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::story::Story;
use super::{End, Event, Fault, Options, Pace, Plan, Subscription, World};
use crate::app;
use crate::clock::SystemClock;
use crate::locale::{Locale, Subject};
use crate::message::Outcome;
use crate::server::Limits;
use crate::settings::ServeArgs;
use crate::transport::Network;

const TOPIC: &str = "projects/demo/topics/opwatch";
const DEAD_TOPIC: &str = "projects/demo/topics/opwatch-dead";
const QUEUE: &str = "projects/demo/locations/europe-west1/queues/opwatch";
/// How long the message may take: the watches below last some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `opwatch demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// How the export ends
    #[arg(long, value_enum, default_value_t = Ending::Succeeded)]
    pub outcome: Ending,
    /// Language: en or ja
    #[arg(long, default_value = "en", value_parser = locale)]
    pub locale: Locale,
    /// Time zone of the message: any IANA name
    #[arg(long, default_value = "UTC", value_parser = zone)]
    pub time_zone: Tz,
    /// Keep the page with the message up until Ctrl-C
    #[arg(long)]
    pub stay: bool,
    /// Port of that page [default: any free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
}

/// The outcomes that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ending {
    /// The export succeeds
    Succeeded,
    /// The export fails
    Failed,
    /// Somebody cancels the export
    Cancelled,
    /// Datastore refuses to start it
    NotStarted,
    /// It takes longer than opwatch watches
    Stopped,
    /// opwatch is not allowed to look
    CannotTell,
}

fn locale(text: &str) -> Result<Locale, String> {
    text.parse().map_err(|()| format!("the languages are {}", Locale::ALLOWED))
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "that is no IANA time zone, such as Asia/Tokyo".to_owned())
}

/// Runs the demo: 0 only when the message that should arrive did, and nothing else.
pub async fn run(args: &DemoArgs) -> ExitCode {
    match play(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("opwatch: the demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(args: &DemoArgs) -> Result<(), String> {
    let options = Options { pace: Pace::RealTime, slack_port: args.port, ..Options::default() };
    let world = World::start(options).await.map_err(|error| format!("no loopback port: {error}"))?;
    let (stop, server) = serve(&world, args).await?;
    prepare(&world.operations, args.outcome);

    let story = Story::begin(args.locale, args.time_zone, &world.slack.url());
    world.pubsub.publish(TOPIC, kickoff().to_string().as_bytes()).await;
    let told = tokio::time::timeout(PATIENCE, tell(&world, story)).await;
    let result = match told {
        Ok(payload) => payload.and_then(|payload| expect(&world, &payload, args)),
        Err(_) => Err(format!("no message within {} s", PATIENCE.as_secs())),
    };
    if args.stay && result.is_ok() {
        Story::stay(args.locale, &world.slack.url());
        let _ = tokio::signal::ctrl_c().await;
    }
    let _ = stop.send(());
    let _ = server.await;
    world.stop().await;
    result
}

/// The real server, pushed to by the stand-in of Pub/Sub.
async fn serve(
    world: &World,
    args: &DemoArgs,
) -> Result<(oneshot::Sender<()>, tokio::task::JoinHandle<bool>), String> {
    let mut settings = ServeArgs {
        topic: Some(TOPIC.to_owned()),
        check_queue: Some(QUEUE.to_owned()),
        tasks_service_account: Some("opwatch-tasks@demo.iam.gserviceaccount.com".to_owned()),
        slack_webhook_url: Some(world.slack.webhook().into()),
        check_interval: Some("1s".to_owned()),
        check_limit: Some(if args.outcome == Ending::Stopped { "4" } else { "60" }.to_owned()),
        ..ServeArgs::default()
    };
    settings.common.endpoints = Some(world.endpoints());
    settings.common.locale = Some(args.locale.id().to_owned());
    settings.common.time_zone = Some(args.time_zone.name().to_owned());
    let settings = settings.check().map_err(|bad| bad.to_string())?;
    let network = Network::new().map_err(|error| error.to_string())?;
    let app = Arc::new(app::build(settings, Arc::new(network), Arc::new(SystemClock)));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    world.pubsub.create_topic(TOPIC);
    world.pubsub.create_topic(DEAD_TOPIC);
    world.pubsub.subscribe(Subscription {
        name: "projects/demo/subscriptions/opwatch-push".to_owned(),
        topic: TOPIC.to_owned(),
        push_endpoint: format!("http://{address}/"),
        min_backoff: Duration::from_secs(10),
        max_backoff: Duration::from_secs(600),
        max_delivery_attempts: Some(100),
        dead_letter_topic: Some(DEAD_TOPIC.to_owned()),
        ack_deadline: Duration::from_secs(60),
    });
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the server runs beside the story, which waits for its end"
    )]
    let server = tokio::spawn(app::run(app, listener, Limits::default(), shutdown));
    Ok((stop, server))
}

/// Makes the operations API behave so that the export ends as wanted.
fn prepare(operations: &super::Operations, outcome: Ending) {
    let denied = || {
        Fault::answer(
            403,
            r#"{"error":{"code":403,"message":"Missing or insufficient permissions.","status":"PERMISSION_DENIED"}}"#,
        )
    };
    let plan = Plan {
        duration: Duration::from_secs(if outcome == Ending::Stopped { 9 } else { 5 }),
        entities: 1_234_567,
        bytes: 2_147_483_648,
        ..Plan::default()
    };
    let end = match outcome {
        Ending::Failed => End::Failed {
            code: 7,
            message: "The service account has no permission to write to gs://my-backups.".to_owned(),
        },
        Ending::Cancelled => End::Cancelled,
        Ending::Succeeded | Ending::NotStarted | Ending::Stopped | Ending::CannotTell => End::Succeeded,
    };
    operations.plan(Plan { end, ..plan });
    match outcome {
        Ending::NotStarted => operations.fail_always_on("POST", ":export", Some(denied())),
        Ending::CannotTell => operations.fail_always_on("GET", "/operations/", Some(denied())),
        Ending::Succeeded | Ending::Failed | Ending::Cancelled | Ending::Stopped => {}
    }
}

fn kickoff() -> Value {
    json!({"start": {
        "service": "datastore",
        "path": "projects/demo:export",
        "body": {"outputUrlPrefix": "gs://my-backups", "entityFilter": {"kinds": [], "namespaceIds": []}},
    }})
}

/// Tells each event as it comes, until Slack has the message and nothing more is due.
async fn tell(world: &World, mut story: Story) -> Result<Value, String> {
    let mut events = world.events();
    let payload = loop {
        let event = events.next().await;
        story.tell(&event);
        if let Event::SlackPosted { payload } = event {
            break payload;
        }
    };
    world.settled().await;
    Ok(payload)
}

/// The message that should arrive did, once, and nothing broke a contract on its way.
fn expect(world: &World, payload: &Value, args: &DemoArgs) -> Result<(), String> {
    let (violations, messages) = (world.violations(), world.slack.messages().len());
    let words = args.locale.words();
    let outcome = match args.outcome {
        Ending::Succeeded => Outcome::Succeeded,
        Ending::Failed => Outcome::Failed,
        Ending::Cancelled => Outcome::Cancelled,
        Ending::NotStarted => Outcome::NotStarted,
        Ending::Stopped => Outcome::Stopped,
        Ending::CannotTell => Outcome::CannotTell,
    };
    let headline = words.headline(outcome, &words.subject("Datastore", Subject::Export), false);
    let text = payload.get("text").and_then(Value::as_str).unwrap_or_default();
    if !text.starts_with(&format!("*{headline}*")) {
        return Err(format!("the message should say {headline:?}, but says {text:?}"));
    }
    if messages != 1 || !violations.is_empty() {
        return Err(format!("{messages} messages; broken contracts: {violations:?}"));
    }
    Ok(())
}
