//! opwatch as it is deployed: the real binary, to which Google's Pub/Sub emulator pushes. Cloud Tasks, Slack and, where
//! the test says so, the operations API are the stand-ins, in real time; Cloud Tasks publishes to the emulator.

use std::collections::BTreeSet;
use std::time::Duration;

use opwatch::fakes::{Options, World};
use serde_json::Value;

use super::emulators::{DeadLetter, Emulators, Message, PROJECT, PushSubscription, REDELIVERY_LIMIT};
use super::opwatch::{CHECK_QUEUE, REPORT_QUEUE, TOKEN};
use super::process::Process;

/// How long all steps of a watch may take.
const WATCH_LIMIT: Duration = Duration::from_secs(60);

/// The deliveries that a message gets before it becomes a dead letter: the fewest that Pub/Sub allows.
pub(crate) const ATTEMPTS: u32 = 5;

/// Whose operations opwatch starts and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datastore {
    /// The ones of Google's Datastore emulator, which has no operations to watch.
    Emulator,
    /// The stand-in's.
    FakeService,
}

/// opwatch, its world, and its topic in the emulator.
pub(crate) struct Deployment {
    pub(crate) google: &'static Emulators,
    pub(crate) world: World,
    process: Process,
    /// The topic's name, from which all others are made.
    name: &'static str,
    /// How many messages the test published.
    published: usize,
    /// The ids of all messages that are known, of the public topic and of the internal one.
    ids: [BTreeSet<String>; 2],
}

impl Deployment {
    /// Starts everything, with the back-off of a real deployment. `name` becomes the topic's.
    pub(crate) async fn start(
        google: &'static Emulators,
        name: &'static str,
        datastore: Datastore,
        settings: &[(&str, &str)],
    ) -> Self {
        Self::start_with_backoff(google, name, datastore, settings, Duration::from_secs(10)).await
    }

    /// Starts everything, with redeliveries after `backoff`.
    pub(crate) async fn start_with_backoff(
        google: &'static Emulators,
        name: &'static str,
        datastore: Datastore,
        settings: &[(&str, &str)],
        backoff: Duration,
    ) -> Self {
        let options = Options {
            pubsub: Some(google.pubsub.url()),
            require_token: Some(TOKEN.to_owned()),
            ..Options::default()
        };
        let world = World::start(options).await.unwrap();
        let mut variables = vec![
            ("TOPIC", format!("projects/{PROJECT}/topics/{name}")),
            ("INTERNAL_TOPIC", format!("projects/{PROJECT}/topics/{name}-internal")),
            ("CHECK_QUEUE", CHECK_QUEUE.to_owned()),
            ("REPORT_QUEUE", REPORT_QUEUE.to_owned()),
            ("TASKS_SERVICE_ACCOUNT", "tasks@demo.iam.gserviceaccount.com".to_owned()),
            ("SLACK_WEBHOOK_URL", world.slack.webhook()),
            ("ACCESS_TOKEN", TOKEN.to_owned()),
            ("EXPORT_PREFIXES", "any".to_owned()),
            ("MAX_STARTS_PER_HOUR", "0".to_owned()),
            ("MAX_NOTICES_PER_HOUR", "0".to_owned()),
            ("PUBSUB_EMULATOR_HOST", google.pubsub.host()),
        ];
        let mut endpoints =
            vec![format!("cloudtasks={}", world.tasks.url()), format!("slack={}", world.slack.url())];
        match datastore {
            Datastore::Emulator => variables.push(("DATASTORE_EMULATOR_HOST", google.datastore.host())),
            Datastore::FakeService => endpoints.push(format!("datastore={}", world.operations.url())),
        }
        variables.push(("ENDPOINTS", endpoints.join(",")));
        variables.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let process = Process::start(&variables).await;

        let deployment = Self { google, world, process, name, published: 0, ids: Default::default() };
        let (push, dead, url) = (deployment.push(), deployment.dead(), deployment.url());
        google.pubsub.create_topic(PROJECT, name).await;
        google.pubsub.create_topic(PROJECT, &dead).await;
        google.pubsub.create_pull_subscription(PROJECT, &dead, &dead).await;
        let internal = deployment.internal();
        google.pubsub.create_topic(PROJECT, &internal).await;
        let to_internal = format!("{url}internal");
        for (push, topic, url) in [(&push, name, &url), (&internal, &internal, &to_internal)] {
            google.pubsub.create_pull_subscription(PROJECT, &tap(topic), topic).await;
            let subscription = PushSubscription {
                backoff: Some((backoff, Duration::from_secs(600))),
                dead_letter: Some(DeadLetter { topic: &dead, attempts: ATTEMPTS }),
                ..PushSubscription::new(PROJECT, push, topic, url)
            };
            google.pubsub.create_push_subscription(subscription).await;
        }
        deployment
    }

    /// The push subscription's name.
    pub(crate) fn push(&self) -> String {
        format!("{}-push", self.name)
    }

    /// The name of the internal topic, and of its push subscription.
    pub(crate) fn internal(&self) -> String {
        format!("{}-internal", self.name)
    }

    /// The name of the dead-letter topic, and of a pull subscription to it.
    pub(crate) fn dead(&self) -> String {
        format!("{}-dead", self.name)
    }

    /// Where pushes go.
    pub(crate) fn url(&self) -> String {
        self.process.url()
    }

    /// Publishes with gcloud, as a person would, and returns the message's id.
    pub(crate) async fn publish(&mut self, message: &Value) -> String {
        self.published += 1;
        self.google.pubsub.publish_with_gcloud(PROJECT, self.name, &message.to_string()).await
    }

    /// Waits until every message is acknowledged and no task waits: nothing can follow any more but a
    /// redelivery, and [`Self::stop`] looks for those. Returns the ids of all messages.
    pub(crate) async fn quiet(&mut self) -> BTreeSet<String> {
        loop {
            let settled = tokio::time::timeout(WATCH_LIMIT, self.world.settled()).await;
            assert!(settled.is_ok(), "tasks still wait: {:#?}", self.world.tasks.created());
            let tasks = self.world.tasks.created().len();
            for (place, (topic, published)) in
                [(self.name.to_owned(), self.published), (self.internal(), tasks)].into_iter().enumerate()
            {
                let known = &mut self.ids[place];
                let missing = published.checked_sub(known.len()).expect("only these publish");
                let new = self.google.pubsub.pull(PROJECT, &tap(&topic), missing).await;
                known.extend(new.into_iter().map(|message| message.id));
            }
            let ids: BTreeSet<String> = self.ids.iter().flatten().cloned().collect();
            let acknowledged = |log: &[Value]| {
                let is_acknowledged = |id: &String| {
                    log.iter().any(|line| line["message_id"] == **id && line["acknowledged"] == true)
                };
                ids.iter().all(is_acknowledged)
            };
            self.process.wait_for("all messages are acknowledged", WATCH_LIMIT, acknowledged).await;
            if self.world.tasks.created().len() == tasks {
                return ids;
            }
        }
    }

    /// Waits until the message was delivered `count` times, and returns what was logged of these deliveries.
    pub(crate) async fn deliveries(&mut self, id: &str, count: usize) -> Vec<Value> {
        let of_message = |log: &[Value]| -> Vec<Value> {
            let of_message = pushes(log).filter(|line| line["message_id"] == id);
            of_message.cloned().collect()
        };
        let delivered = |log: &[Value]| of_message(log).len() >= count;
        let what = format!("message {id} is delivered {count} times");
        of_message(&self.process.wait_for(&what, WATCH_LIMIT, delivered).await)
    }

    /// The line of each push so far, in order.
    pub(crate) fn pushes(&self) -> Vec<Value> {
        pushes(&self.process.log()).cloned().collect()
    }

    /// What became of each push so far, in order.
    pub(crate) fn decisions(&self) -> Vec<String> {
        self.pushes().iter().map(|line| line["decision"].as_str().unwrap().to_owned()).collect()
    }

    /// The messages of the log's warnings and errors.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.process.log();
        let complaints = log.iter().filter(|line| line["severity"] != "INFO");
        complaints.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The payloads that Slack took.
    pub(crate) fn slack(&self) -> Vec<Value> {
        self.world.slack.messages()
    }

    /// The one payload that Slack took.
    pub(crate) fn only_message(&self) -> Value {
        let mut messages = self.slack();
        assert_eq!(messages.len(), 1, "{messages:#?}");
        messages.remove(0)
    }

    /// The dead letters, of which `count` are to come.
    pub(crate) async fn dead_letters(&self, count: usize) -> Vec<Message> {
        self.google.pubsub.pull(PROJECT, &self.dead(), count).await
    }

    /// Ends the test: nothing waits for delivery, no API's contract was broken, no secret was logged.
    pub(crate) async fn stop(self) {
        let (pubsub, push, dead) = (&self.google.pubsub, self.push(), self.dead());
        let internal = self.internal();
        let (undelivered, passed_on, dead_letters) = tokio::join!(
            pubsub.take_undelivered(PROJECT, &push),
            pubsub.take_undelivered(PROJECT, &internal),
            pubsub.pull_within(PROJECT, &dead, REDELIVERY_LIMIT)
        );
        assert_eq!([undelivered, passed_on], [[], []]);
        assert_eq!(dead_letters, []);
        assert_eq!(self.world.violations(), Vec::<String>::new());
        let webhook = self.world.slack.webhook();
        let log = self.process.stop().await;
        self.world.stop().await;
        let leaks: Vec<_> =
            log.iter().filter(|line| line.contains(TOKEN) || line.contains(&webhook)).collect();
        assert_eq!(leaks, Vec::<&String>::new());
        assert!(log.last().unwrap().contains("stopped: no pushes in flight"), "{log:#?}");
    }
}

/// The name of a pull subscription that gets all messages of `topic` too.
fn tap(topic: &str) -> String {
    format!("{topic}-tap")
}

/// The lines that tell what became of a push.
fn pushes(log: &[Value]) -> impl Iterator<Item = &Value> {
    log.iter().filter(|line| line["decision"].is_string())
}
