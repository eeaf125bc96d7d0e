//! SIGKILL at any moment loses nothing: what was in flight comes again, and joins what was done before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use opwatch::fakes::{End, Event, Events, Message, Options, Plan, Subscription, World};
use serde_json::{Value, json};

use crate::simulation::engine::rng::Rng;
use crate::support::opwatch::{
    GREEN, ORANGE, RED, TOKEN, TOPIC, colour, create_topics, lasting, subscriptions,
};
use crate::support::process::{Process, variables};
use crate::support::proxy::Proxy;

const SEED: u64 = 5;
const KILLS: usize = 100;
const IN_FLIGHT: usize = 20;
/// A kill comes after so many events, counted from the process's first, at most.
const MOST_EVENTS: u64 = 150;
/// And so many milliseconds after the event at most, to hit what lies between two events too.
const MOST_MILLISECONDS: u64 = 4;
/// How long a process may take to its next event, and what is left at the end to its own.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How a watch must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Succeeded,
    Failed,
    Cancelled,
    Noticed,
}

impl Ending {
    fn colour(self) -> &'static str {
        match self {
            Self::Succeeded => GREEN,
            Self::Failed => RED,
            Self::Cancelled | Self::Noticed => ORANGE,
        }
    }
}

/// Keeps pushes in flight, and the books of what was begun.
struct Feeder {
    world: World,
    events: Events,
    rng: Rng,
    /// Ids of messages that are not acknowledged.
    open: BTreeSet<String>,
    watches: Vec<(String, Ending)>,
    starts: usize,
}

impl Feeder {
    /// Publishes until so many messages are in flight.
    async fn fill(&mut self) {
        while self.open.len() < IN_FLIGHT {
            let mark = format!("w{:05}", self.watches.len());
            let (kickoff, ending) = self.kickoff(&mark);
            self.watches.push((mark, ending));
            let id = self.world.pubsub.publish(TOPIC, kickoff.to_string().as_bytes()).await;
            self.open.insert(id);
        }
    }

    fn kickoff(&mut self, mark: &str) -> (Value, Ending) {
        let plan = lasting(self.rng.below(4));
        let name = format!("projects/demo/operations/{mark}");
        let (plan, ending) = match self.rng.below(10) {
            0 => {
                self.starts += 1;
                let body = json!({"outputUrlPrefix": format!("gs://backups/{mark}")});
                let start = json!({"service": "datastore", "path": "projects/demo:export", "body": body});
                return (json!({"start": start, "title": mark}), Ending::Succeeded);
            }
            1 => return (json!({"oops": mark}), Ending::Noticed),
            2 => (Plan { end: End::Cancelled, ..plan }, Ending::Cancelled),
            3 | 4 => {
                let end = End::Failed { code: 7, message: "no".to_owned() };
                (Plan { end, ..plan }, Ending::Failed)
            }
            _ => (plan, Ending::Succeeded),
        };
        self.world.operations.add(&name, plan);
        (json!({"name": name, "title": mark}), ending)
    }

    /// Takes the next event into the books; whether a process had its hand in it.
    async fn step(&mut self) -> bool {
        match self.events.next().await {
            Event::Published { id, .. } => {
                self.open.insert(id);
                false
            }
            Event::Delivered { id, status: Some(204), .. } => {
                self.open.remove(&id);
                true
            }
            Event::Delivered { status, .. } => status.is_some(),
            _ => true,
        }
    }

    /// Goes on until `count` events of a process have happened.
    async fn steps(&mut self, mut count: u64) {
        let all = async {
            while count > 0 {
                self.fill().await;
                count -= u64::from(self.step().await);
            }
        };
        tokio::time::timeout(TIMEOUT, all).await.expect("the process works");
    }
}

#[tokio::test]
async fn a_hundred_kills_under_twenty_pushes_lose_and_double_nothing_beyond_the_promises() {
    let world =
        World::start(Options { require_token: Some(TOKEN.to_owned()), ..Options::default() }).await.unwrap();
    world.operations.plan(lasting(1));
    let mut variables = variables(&world);
    variables.push(("CHECK_INTERVAL", "1s".to_owned()));
    let mut process = Process::start(&variables).await;
    let front = Proxy::to(&process.address()).await;
    subscribe(&world, &front.url());

    let (events, rng) = (world.events(), Rng::new(SEED));
    let mut feeder =
        Feeder { world: world.clone(), events, rng, open: BTreeSet::new(), watches: Vec::new(), starts: 0 };
    for _ in 0..KILLS {
        let count = feeder.rng.between(1, MOST_EVENTS);
        feeder.steps(count).await;
        let moment = Duration::from_millis(feeder.rng.below(MOST_MILLISECONDS + 1));
        tokio::time::sleep(moment).await;
        process.signal("KILL").await;
        assert_eq!(process.ended().await.0, Some(137));
        process = Process::start(&variables).await;
        front.lead_to(&process.address());
    }
    tokio::time::timeout(TIMEOUT, world.settled()).await.expect("all ends");
    process.stop().await;

    balance(&feeder);
    world.stop().await;
}

fn subscribe(world: &World, url: &str) {
    create_topics(world);
    // Soon again, so that what a kill cut off is in flight under the next.
    let backoff = Duration::from_millis(20);
    for subscription in subscriptions(&format!("{url}/")) {
        world.pubsub.subscribe(Subscription {
            min_backoff: backoff,
            max_backoff: backoff,
            max_delivery_attempts: None,
            dead_letter_topic: None,
            ..subscription
        });
    }
}

/// Holds the stand-ins' books against the promises.
fn balance(feeder: &Feeder) {
    let world = &feeder.world;
    let messages = world.pubsub.messages();
    let (posts, started) = posts(world);
    let mut extra = 0;
    for (mark, ending) in &feeder.watches {
        let told = &posts[mark.as_str()];
        assert!(!told.is_empty(), "{mark} ended in silence");
        extra += told.len() - 1;
        assert!(
            told.iter().all(|payload| colour(payload) == ending.colour()),
            "{mark} {ending:?}: {told:#?}"
        );
        let reports = of_watch(&messages, mark).filter(|data| data["state"]["report"].is_object()).count();
        // A notice is named after the hour.
        let most = if *ending == Ending::Noticed { 2 } else { 1 };
        assert!((1..=most).contains(&reports), "{mark}: {reports} reports");
        let checks: Vec<_> = of_watch(&messages, mark)
            .filter(|data| data["name"].is_string() && !data["state"]["report"].is_object())
            .map(|data| data["attempt"].as_u64().unwrap_or(0))
            .collect();
        assert_eq!(BTreeSet::from_iter(&checks).len(), checks.len(), "{mark} forked: {checks:?}");
    }
    assert_eq!(started, feeder.starts, "each start began one operation");
    assert_eq!(posts.values().map(Vec::len).sum::<usize>(), feeder.watches.len() + extra, "nothing else");
    assert_eq!(world.violations(), Vec::<String>::new());
    let refused =
        messages.iter().flat_map(|message| &message.deliveries).filter(|one| one.status != Some(204));
    println!(
        "seed {SEED}: {KILLS} kills, {} watches, {} messages, {} pushes cut off or in vain, {extra} told twice",
        feeder.watches.len(),
        messages.len(),
        refused.count()
    );
}

/// What was published of a watch.
fn of_watch<'a>(messages: &'a [Message], mark: &'a str) -> impl Iterator<Item = Value> + 'a {
    let texts = messages.iter().map(|message| String::from_utf8_lossy(&message.data));
    texts.filter(move |text| text.contains(mark)).map(|text| serde_json::from_str(&text).unwrap())
}

/// What Slack was told of each watch, and how many operations were started. A second message must have a reason: a
/// delivery of its report that was cut off after the first.
fn posts(world: &World) -> (BTreeMap<String, Vec<Value>>, usize) {
    let mut posts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let (mut reports, mut explained) = (BTreeMap::new(), BTreeSet::new());
    let (mut events, mut started) = (world.events(), 0);
    while let Some(event) = events.ready() {
        match event {
            Event::Published { id, data } => {
                let text = String::from_utf8_lossy(&data);
                if text.contains("\"report\"") {
                    reports.insert(id, mark_in(&text));
                }
            }
            Event::Delivered { id, status: None, .. } => {
                if let Some(mark) = reports.get(&id) {
                    explained.insert(mark.clone());
                }
            }
            Event::SlackPosted { payload } => {
                let mark = mark_in(&payload.to_string());
                let told = posts.entry(mark.clone()).or_default();
                assert!(told.is_empty() || explained.remove(&mark), "{mark} was told again for no reason");
                explained.remove(&mark);
                told.push(payload);
            }
            Event::OperationStarted { .. } => started += 1,
            _ => (),
        }
    }
    (posts, started)
}

/// The mark of the watch that a text is about.
fn mark_in(text: &str) -> String {
    let is_mark = |at: &usize| text[at + 1..].bytes().take_while(u8::is_ascii_digit).count() == 5;
    let at = text.match_indices('w').map(|(at, _)| at).find(is_mark).expect(text);
    text[at..at + 6].to_owned()
}
