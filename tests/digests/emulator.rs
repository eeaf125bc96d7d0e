//! The buffer on Google's Pub/Sub emulator, with the real binary, which is killed on the way. `OPWATCH_DIGEST_ENDS` says how many
//! watches end; one kill for each 25 of them.

use std::collections::BTreeMap;
use std::time::Duration;

use opwatch::fakes::{Events, Options, World};
use serde_json::{Value, json};

use super::ends_in;
use crate::simulation::engine::rng::Rng;
use crate::support::emulators::{Emulators, PROJECT, PushSubscription, emulators};
use crate::support::opwatch::{TOKEN, lasting};
use crate::support::process::{Process, read, variables};
use crate::support::proxy::Proxy;

const ENDS: &str = "OPWATCH_DIGEST_ENDS";
const SEED: u64 = 11;
/// The most messages that a flood may become: ten single ones, then digests.
const MOST_MESSAGES: usize = 20;
/// How long a lease lasts that a kill leaves behind.
const LEASE: Duration = Duration::from_secs(10);
/// How long all ends may take to be told.
const TIMEOUT: Duration = Duration::from_secs(100);
const POLL: Duration = Duration::from_millis(100);

fn size() -> usize {
    std::env::var(ENDS).map_or(100, |size| size.parse().unwrap())
}

/// opwatch behind an address that stays, and what the processes that ended have logged.
struct Deployment {
    google: &'static Emulators,
    world: World,
    variables: Vec<(&'static str, String)>,
    front: Proxy,
    process: Process,
    logged: Vec<Value>,
    topic: String,
}

impl Deployment {
    async fn start(google: &'static Emulators, topic: &str) -> Self {
        let options = Options {
            pubsub: Some(google.pubsub.url()),
            require_token: Some(TOKEN.to_owned()),
            ..Options::default()
        };
        let world = World::start(options).await.unwrap();
        let (internal, digests) = (format!("{topic}-internal"), format!("{topic}-digest"));
        let name = |kind: &str, id: &str| format!("projects/{PROJECT}/{kind}/{id}");
        let mut variables = variables(&world);
        variables.retain(|(variable, _)| !["TOPIC", "INTERNAL_TOPIC"].contains(variable));
        variables.extend([
            ("TOPIC", name("topics", topic)),
            ("INTERNAL_TOPIC", name("topics", &internal)),
            ("DIGEST_TOPIC", name("topics", &digests)),
            ("DIGEST_SUBSCRIPTION", name("subscriptions", &digests)),
        ]);
        let process = Process::start(&variables).await;
        let front = Proxy::to(&process.address()).await;
        for topic in [topic, &internal, &digests] {
            google.pubsub.create_topic(PROJECT, topic).await;
        }
        google.pubsub.create_exactly_once_subscription(PROJECT, &digests, &digests, LEASE).await;
        let url = front.url();
        for (id, topic, endpoint) in [
            (format!("{topic}-push"), topic, format!("{url}/")),
            (internal.clone(), &internal, format!("{url}/internal")),
        ] {
            // Soon again, so that what a kill cut off is in flight under the next.
            let backoff = Some((Duration::from_millis(100), Duration::from_millis(500)));
            let subscription =
                PushSubscription { backoff, ..PushSubscription::new(PROJECT, &id, topic, &endpoint) };
            google.pubsub.create_push_subscription(subscription).await;
        }
        let (logged, topic) = (Vec::new(), topic.to_owned());
        Self { google, world, variables, front, process, logged, topic }
    }

    /// Watches so many operations that have ended.
    async fn flood(&self, count: usize) {
        for number in 0..count {
            let name = format!("projects/demo/operations/end{number:04}");
            self.world.operations.add(&name, lasting(0));
            let kickoff = json!({"name": name, "title": format!("end{number:04}")});
            self.google.pubsub.publish(PROJECT, &self.topic, kickoff.to_string().as_bytes()).await;
        }
    }

    async fn kill(&mut self) {
        self.process.signal("KILL").await;
        let process = std::mem::replace(&mut self.process, Process::start(&self.variables).await);
        self.front.lead_to(&self.process.address());
        let (status, lines) = process.ended().await;
        assert_eq!(status, Some(137));
        self.logged.extend(read(&lines));
    }

    /// How often each end was told: by a message of its own, or in a digest, as the log says.
    fn told(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        let alone = self.lines().into_iter().filter(|line| !line.contains(" watches ended*"));
        let log = self.process.log();
        let logged = self.logged.iter().chain(&log).filter(|line| line["decision"] == "digested");
        let digested = logged.map(|line| line["operation"].as_str().unwrap().to_owned());
        for text in alone.chain(digested) {
            let at = text.find("end0").unwrap_or_else(|| panic!("{text}"));
            *told.entry(text[at..at + 7].to_owned()).or_default() += 1;
        }
        told
    }

    fn lines(&self) -> Vec<String> {
        let messages = self.world.slack.messages();
        messages.iter().map(|payload| payload["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until so many ends were told.
    async fn all_told(&self, count: usize) {
        let told = async {
            while self.told().len() < count {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(TIMEOUT, told).await.is_err() {
            let log = self.process.log();
            let last: Vec<_> = log.iter().rev().take(20).collect();
            panic!("{} of {count} ends were told: {:?}\n{last:#?}", self.told().len(), self.lines());
        }
    }

    async fn stop(self) {
        assert_eq!(self.world.violations(), Vec::<String>::new());
        self.process.stop().await;
        self.world.stop().await;
    }
}

#[tokio::test]
async fn each_of_very_many_ends_is_in_one_of_few_messages() {
    let Some(google) = emulators() else { return };
    let (count, opwatch) = (size(), Deployment::start(google, "digests").await);
    opwatch.flood(count).await;
    opwatch.all_told(count).await;
    let (told, lines) = (opwatch.told(), opwatch.lines());
    assert!(told.values().all(|times| *times == 1), "{told:?}");
    assert_eq!(lines.iter().map(|line| ends_in(line)).sum::<usize>(), count, "{lines:?}");
    assert!(lines.len() <= MOST_MESSAGES, "{lines:?}");
    println!("{count} ends: {} messages", lines.len());
    opwatch.stop().await;
}

#[tokio::test]
async fn no_end_is_lost_when_the_service_is_killed() {
    let Some(google) = emulators() else { return };
    let (count, mut opwatch) = (size(), Deployment::start(google, "digests-killed").await);
    let (mut rng, mut events) = (Rng::new(SEED), opwatch.world.events());
    opwatch.flood(count).await;
    let kills = count / 25;
    for _ in 0..kills {
        let most = 4 * u64::try_from(count / kills).unwrap();
        pass(&mut events, rng.between(1, most)).await;
        tokio::time::sleep(Duration::from_millis(rng.below(50))).await;
        opwatch.kill().await;
    }
    opwatch.all_told(count).await;
    let (told, lines) = (opwatch.told(), opwatch.lines());
    let sum: usize = lines.iter().map(|line| ends_in(line)).sum();
    assert!(sum >= count, "{lines:?}");
    let again = told.values().filter(|times| **times > 1).count();
    println!("{count} ends, {kills} kills: {} messages, {again} ends told twice", lines.len());
    opwatch.stop().await;
}

/// Waits for so many events, or until there are none for a while: then only drains are to come.
async fn pass(events: &mut Events, count: u64) {
    for _ in 0..count {
        if tokio::time::timeout(Duration::from_secs(3), events.next()).await.is_err() {
            return;
        }
    }
}
