//! `opwatch demo`: the main job on a machine with nothing but Rust. The real server on the stand-ins; every request goes
//! over HTTP through the code that runs in production.

mod args;
mod others;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::story::DemoNarrator;
use super::{ChannelMessage, End, Event, Fault, Options, Pace, Plan, Subscription, World};
use crate::app;
use crate::intake::server::Limits;
use crate::net::transport::Network;
use crate::prose::locale::Subject;
use crate::services::Service;
use crate::settings::Variables;
use crate::terminal;

pub use args::{DemoArgs, Ending, Way, Which};
use others::Other;

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

/// Runs the demo: 0 only when the message that should arrive did, and nothing else.
pub async fn run(args: &DemoArgs) -> ExitCode {
    if args.outcome == Ending::NotStarted && args.service != Which::Datastore {
        terminal::error(
            "opwatch: opwatch starts only exports of Datastore and Firestore: --outcome not-started is of --service datastore",
        );
        return ExitCode::from(64);
    }
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
    let other = open_other(&world, args).await?;
    let (stop, server) =
        serve(&world, args, other.as_ref().map(|(other, url)| (other.id, url.as_str()))).await?;
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

/// The API of the operation that someone else has started: what it is, and where it answers.
async fn open_other(world: &World, args: &DemoArgs) -> Result<Option<(Other, String)>, String> {
    let Some(other) = Other::of(args.service) else { return Ok(None) };
    let body = other.body(args.outcome, duration(args.outcome));
    let api = world.open_operation(other.name, other.path, body).await.map_err(|error| error.to_string())?;
    if args.outcome == Ending::CannotTell {
        api.fail_always(denied());
    }
    Ok(Some((other, api.url())))
}

fn duration(outcome: Ending) -> Duration {
    Duration::from_secs(if outcome == Ending::Stopped { 9 } else { 5 })
}

fn denied() -> Fault {
    Fault::answer(
        403,
        r#"{"error":{"code":403,"message":"Missing or insufficient permissions.","status":"PERMISSION_DENIED"}}"#,
    )
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
    let other = Other::of(args.service);
    let service = other.map_or("datastore", |other| other.id).parse().ok();
    let story = DemoNarrator::begin(args.locale, args.time_zone, &world.slack.url(), service);
    world.time.advance_to(next_beat(world.time.now()));
    world.pubsub.publish(TOPIC, message(args.service).to_string().as_bytes()).await;
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
    other: Option<(&str, &str)>,
) -> Result<(oneshot::Sender<()>, tokio::task::JoinHandle<bool>), String> {
    let mut endpoints = world.endpoints();
    if let Some((id, url)) = other {
        endpoints = format!("{endpoints},{id}={url}");
    }
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
    if let Some((id, _)) = other {
        settings.set("SERVICES", id.to_owned());
        settings.set("STARTS", "none".to_owned());
    }
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
    let plan =
        Plan { duration: duration(outcome), entities: 1_234_567, bytes: 2_147_483_648, ..Plan::default() };
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

/// What a person publishes.
fn message(which: Which) -> Value {
    if let Some(other) = Other::of(which) {
        return json!({"service": other.id, "name": other.name});
    }
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

/// Whether opwatch neither starts nor reads the operation.
fn was_never_seen(args: &DemoArgs) -> bool {
    let is_watched = args.service != Which::Datastore;
    args.outcome == Ending::NotStarted || (is_watched && args.outcome == Ending::CannotTell)
}

/// How a message begins: of Datastore's export the whole headline, of another service what people call it.
fn headline(args: &DemoArgs) -> String {
    let service = Other::of(args.service).and_then(|other| other.id.parse::<Service>().ok());
    if let Some(service) = service {
        return service.title().to_owned();
    }
    let subject = args.locale.words().subject("Datastore", Subject::Export);
    format!("*{}*", args.locale.words().headline(args.outcome.outcome(), &subject, false))
}

/// What should be in Slack is there, and nothing else, and nothing broke a contract on its way.
fn expect(world: &World, args: &DemoArgs) -> Result<(), String> {
    let violations = world.violations();
    if !violations.is_empty() {
        return Err(format!("broken contracts: {violations:?}"));
    }
    let outcome = args.outcome.outcome();
    let says_what = headline(args);
    let messages = world.slack.channel_messages();
    let says = |message: &ChannelMessage| {
        let text = message.payload.get("text").and_then(Value::as_str).unwrap_or_default();
        !message.deleted && text.starts_with('*') && text.contains(&says_what)
    };
    let ended = |message: &ChannelMessage| {
        let colour = message.payload.pointer("/attachments/0/color").and_then(Value::as_str);
        says(message) && message.thread_ts.is_none() && colour == Some(args.outcome.colour())
    };
    let as_it_should_be = match messages.as_slice() {
        // Nothing was seen to run that a message could have followed.
        [only] if args.slack == Way::Webhook || was_never_seen(args) => ended(only) && only.edits == 0,
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
        Err(format!("Slack should say {says_what:?}, but has {messages:#?}"))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::watch::Locale;

    /// How often the operation was read, and the message that follows it edited, when the world began so many milliseconds
    /// into a second.
    async fn reads_and_edits(fraction: i64) -> (usize, usize) {
        let world = World::start(Options { pace: Pace::RealTime, ..Options::default() }).await.unwrap();
        let second = world.time.now().duration_trunc(TimeDelta::seconds(1)).unwrap();
        world.time.advance_to(second + TimeDelta::milliseconds(1_000 + fraction));
        let args = DemoArgs {
            service: Which::Datastore,
            outcome: Ending::Succeeded,
            slack: Way::Bot,
            locale: Locale::En,
            time_zone: Tz::UTC,
            stay: false,
            port: 0,
        };
        let (stop, server) = serve(&world, &args, None).await.unwrap();
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
