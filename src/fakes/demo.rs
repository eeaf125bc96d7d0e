//! `opwatch demo`: the main job on a machine with nothing but Rust. The real server on the stand-ins; every request goes
//! over HTTP through the code that runs in production.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::story::DemoNarrator;
use super::{ChannelMessage, End, Event, Fault, Options, Pace, Plan, Subscription, World};
use crate::app;
use crate::intake::server::Limits;
use crate::net::transport::Network;
use crate::prose::locale::Subject;
use crate::settings::Variables;
use crate::terminal;
use crate::watch::{Locale, Outcome};

/// Where the demo's export writes.
const BUCKET: &str = "gs://my-backups";
const TOPIC: &str = "projects/demo/topics/opwatch";
const INTERNAL_TOPIC: &str = "projects/demo/topics/opwatch-internal";
const TASKS_ACCOUNT: &str = "opwatch-tasks@demo.iam.gserviceaccount.com";
const DEAD_TOPIC: &str = "projects/demo/topics/opwatch-dead";
const QUEUE: &str = "projects/demo/locations/europe-west1/queues/opwatch";
const CHANNEL: &str = "C0OPERATIONS";
/// Where in a second the kickoff is published. A check reads the time from a `Date`, which is cut to whole seconds, and an
/// edit has until the next check but for that second: with the checks near a full second it would have no time at all.
const BEAT: TimeDelta = TimeDelta::milliseconds(400);
/// How long the message may take: the watches below last some seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Arguments of `opwatch demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// How the export ends
    #[arg(long, value_enum, default_value_t = Ending::Succeeded)]
    pub outcome: Ending,
    /// How opwatch posts to Slack
    #[arg(long, value_enum, default_value_t = Way::Bot)]
    pub slack: Way,
    /// Language: en or ja
    #[arg(long, default_value = "en", value_parser = locale)]
    pub locale: Locale,
    /// Time zone of the message: any IANA name
    #[arg(long, default_value = "UTC", value_parser = zone)]
    pub time_zone: Tz,
    /// Keep the page with the message up until Ctrl-C
    #[arg(long)]
    pub stay: bool,
    /// Port of that page [default: any free port]
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
    /// The export is cancelled
    Cancelled,
    /// Datastore refuses to start it
    NotStarted,
    /// The export is still running at the limit
    Stopped,
    /// opwatch lacks the permission to read the operation
    CannotTell,
}

impl Ending {
    fn outcome(self) -> Outcome {
        match self {
            Self::Succeeded => Outcome::Succeeded,
            Self::Failed => Outcome::Failed,
            Self::Cancelled => Outcome::Cancelled,
            Self::NotStarted => Outcome::NotStarted,
            Self::Stopped => Outcome::LimitReached,
            Self::CannotTell => Outcome::CannotTell,
        }
    }

    /// The colour of its message.
    fn colour(self) -> &'static str {
        match self {
            Self::Succeeded => "#2eb67d",
            Self::Failed | Self::NotStarted => "#e01e5a",
            Self::Cancelled | Self::Stopped | Self::CannotTell => "#e8912d",
        }
    }
}

/// The ways to tell Slack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// A bot: one message that is edited while the export runs, and a reply in its thread at the end
    Bot,
    /// An incoming webhook: a message at the end
    Webhook,
}

fn locale(text: &str) -> Result<Locale, String> {
    text.parse().map_err(|()| format!("must be one of {}", Locale::ALLOWED))
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "must be an IANA time zone, such as Asia/Tokyo".to_owned())
}

/// Runs the demo: 0 only when the message that should arrive did, and nothing else.
pub async fn run(args: &DemoArgs) -> ExitCode {
    match play(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::error(format_args!("opwatch: the demo failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn play(args: &DemoArgs) -> Result<(), String> {
    let options = Options { pace: Pace::RealTime, slack_port: args.port, ..Options::default() };
    let world = World::start(options).await.map_err(|error| no_port(args.port, &error))?;
    world.slack.show_to(args.locale, args.time_zone);
    let (stop, server) = serve(&world, args).await?;
    let result = show(&world, args).await;
    if args.stay && result.is_ok() {
        DemoNarrator::stay(args.locale, &world.slack.url());
        let _ = tokio::signal::ctrl_c().await;
    }
    let _ = stop.send(());
    let _ = server.await;
    world.stop().await;
    result
}

/// Only the page's port can be asked for, so that one is to blame.
fn no_port(port: u16, error: &std::io::Error) -> String {
    match port {
        0 => format!("no loopback port: {error}"),
        _ => format!(
            "can't listen on port {port}: {error}; use another --port, or omit it to use any free port"
        ),
    }
}

/// Runs the story, from the kickoff to what should be in Slack at its end.
async fn show(world: &World, args: &DemoArgs) -> Result<(), String> {
    prepare(&world.operations, args.outcome);
    let story = DemoNarrator::begin(args.locale, args.time_zone, &world.slack.url());
    world.time.advance_to(next_beat(world.time.now()));
    world.pubsub.publish(TOPIC, kickoff().to_string().as_bytes()).await;
    let told = tokio::time::timeout(TIMEOUT, tell(world, story)).await;
    told.map_err(|_| format!("no message within {} s", TIMEOUT.as_secs()))?;
    expect(world, args)
}

fn next_beat(now: DateTime<Utc>) -> DateTime<Utc> {
    let second = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
    let beats = [second + BEAT, second + BEAT + TimeDelta::seconds(1)];
    beats.into_iter().find(|beat| *beat >= now).unwrap_or(now)
}

/// The real server, pushed to by the stand-in of Pub/Sub.
async fn serve(
    world: &World,
    args: &DemoArgs,
) -> Result<(oneshot::Sender<()>, tokio::task::JoinHandle<bool>), String> {
    let endpoints = world.endpoints();
    let mut settings = Variables::from([
        ("TOPIC", TOPIC),
        ("INTERNAL_TOPIC", INTERNAL_TOPIC),
        ("CHECK_QUEUE", QUEUE),
        ("TASKS_SERVICE_ACCOUNT", TASKS_ACCOUNT),
        ("CHECK_INTERVAL", "1s"),
        ("CHECK_LIMIT", if args.outcome == Ending::Stopped { "4" } else { "60" }),
        ("EXPORT_PREFIXES", BUCKET),
        // The one export needs no claim, whose task would wait for an hour.
        ("MAX_STARTS_PER_HOUR", "0"),
        ("ENDPOINTS", &endpoints),
        ("LOCALE", args.locale.id()),
        ("TIME_ZONE", args.time_zone.name()),
    ]);
    match args.slack {
        Way::Webhook => settings.set("SLACK_WEBHOOK_URL", world.slack.webhook()),
        Way::Bot => {
            settings.set("SLACK_BOT_TOKEN", world.slack.bot_token());
            settings.set("SLACK_CHANNEL", CHANNEL);
        }
    }
    let settings = settings.check().map_err(|bad| bad.to_string())?;
    let network = Network::new().map_err(|error| error.to_string())?;
    let app = Arc::new(app::build(settings, Arc::new(network), Arc::new(world.time.clone())));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    subscribe(world, &format!("http://{address}"));
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the server runs concurrently with the story, which waits for its end"
    )]
    let server = tokio::spawn(app::run(app, listener, Limits::default(), shutdown));
    Ok((stop, server))
}

/// The topics and push subscriptions as `deploy/up` makes them.
fn subscribe(world: &World, url: &str) {
    world.pubsub.create_topic(TOPIC);
    world.pubsub.create_topic_for(TASKS_ACCOUNT, INTERNAL_TOPIC);
    world.pubsub.create_topic(DEAD_TOPIC);
    for (id, topic, path) in [("opwatch-push", TOPIC, ""), ("opwatch-internal", INTERNAL_TOPIC, "internal")] {
        world.pubsub.subscribe(Subscription {
            name: format!("projects/demo/subscriptions/{id}"),
            topic: topic.to_owned(),
            push_endpoint: format!("{url}/{path}"),
            min_backoff: Duration::from_secs(10),
            max_backoff: Duration::from_secs(600),
            max_delivery_attempts: Some(100),
            dead_letter_topic: Some(DEAD_TOPIC.to_owned()),
            ack_deadline: Duration::from_secs(60),
        });
    }
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
            message: format!("The service account has no permission to write to {BUCKET}."),
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
        "body": {"outputUrlPrefix": BUCKET, "entityFilter": {"kinds": [], "namespaceIds": []}},
    }})
}

/// Tells each event as it comes, until Slack has the end and nothing more is due.
async fn tell(world: &World, mut story: DemoNarrator) {
    let mut events = world.events();
    loop {
        let event = events.next().await;
        story.tell(&event);
        // With a bot the reply to the message that followed the export comes last.
        if story.has_report() && matches!(event, Event::SlackPosted { .. }) {
            break;
        }
    }
    world.settled().await;
}

/// What should be in Slack is there, and nothing else, and nothing broke a contract on its way.
fn expect(world: &World, args: &DemoArgs) -> Result<(), String> {
    let violations = world.violations();
    if !violations.is_empty() {
        return Err(format!("broken contracts: {violations:?}"));
    }
    let outcome = args.outcome.outcome();
    let subject = args.locale.words().subject("Datastore", Subject::Export);
    let headline = format!("*{}*", args.locale.words().headline(outcome, &subject, false));
    let messages = world.slack.channel_messages();
    let says = |message: &ChannelMessage| {
        let at = |place| message.payload.pointer(place).and_then(Value::as_str).unwrap_or_default();
        !message.deleted && at("/text").starts_with(&headline)
    };
    let ended = |message: &ChannelMessage| {
        let colour = message.payload.pointer("/attachments/0/color").and_then(Value::as_str);
        says(message) && message.thread_ts.is_none() && colour == Some(args.outcome.colour())
    };
    let as_it_should_be = match messages.as_slice() {
        // Nothing ran that a message could have followed.
        [only] if args.slack == Way::Webhook || args.outcome == Ending::NotStarted => {
            ended(only) && only.edits == 0
        }
        [live, reply] if args.slack == Way::Bot => {
            let replies = reply.thread_ts.as_ref() == Some(&live.ts) && reply.edits == 0;
            let broadcasts = reply.broadcast == outcome.is_trouble();
            ended(live) && live.edits > 0 && says(reply) && replies && broadcasts
        }
        _ => false,
    };
    if as_it_should_be {
        Ok(())
    } else {
        Err(format!("Slack should say {headline:?}, but has {messages:#?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often the operation was read, and the message that follows it edited, when the world began so many milliseconds
    /// into a second.
    async fn reads_and_edits(fraction: i64) -> (usize, usize) {
        let world = World::start(Options { pace: Pace::RealTime, ..Options::default() }).await.unwrap();
        let second = world.time.now().duration_trunc(TimeDelta::seconds(1)).unwrap();
        world.time.advance_to(second + TimeDelta::milliseconds(1_000 + fraction));
        let args = DemoArgs {
            outcome: Ending::Succeeded,
            slack: Way::Bot,
            locale: Locale::En,
            time_zone: Tz::UTC,
            stay: false,
            port: 0,
        };
        let (stop, server) = serve(&world, &args).await.unwrap();
        show(&world, &args).await.unwrap();
        let mut events = world.events();
        let (mut reads, mut edits) = (0, 0);
        while let Some(event) = events.ready() {
            reads += usize::from(matches!(event, Event::OperationRead { .. }));
            edits += usize::from(matches!(event, Event::SlackEdited { .. }));
        }
        let _ = stop.send(());
        assert!(server.await.unwrap());
        world.stop().await;
        (reads, edits)
    }

    #[tokio::test]
    async fn every_check_is_an_edit_whenever_the_demo_starts() {
        let mut demos: tokio::task::JoinSet<_> =
            [0, 1, 200, 399, 600, 985].map(reads_and_edits).into_iter().collect();
        while let Some(demo) = demos.join_next().await {
            let (reads, edits) = demo.unwrap();
            assert!(reads >= 4 && edits == reads, "{reads} reads, {edits} edits");
        }
    }
}
