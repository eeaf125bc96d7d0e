//! Google's services and Slack in this process, in virtual time, with the times that they take: operations, Cloud Tasks with
//! its names, Pub/Sub's pushes to a few instances, each with as many at once as Cloud Run lets in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use opwatch::app::build;
use opwatch::clock::{Clock, Deadline};
use opwatch::delivery::Delivery;
use opwatch::intake::http::App;
use opwatch::net::transport::{Answer, Failure, Method, Request, Sending, Transport};
use opwatch::settings::Variables;
use opwatch::testing;
use opwatch::trust::Origin;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Pushes at once to one instance: Cloud Run's default (<https://cloud.google.com/run/docs/about-concurrency>).
const CONCURRENCY: usize = 80;
/// Exports a minute and project that Datastore takes (<https://cloud.google.com/datastore/docs/export-import-entities>).
const QUOTA: usize = 20;
/// How long a push that is refused waits, at least.
const BACKOFF: Duration = Duration::from_secs(10);

/// An operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) request: Value,
}

/// What is special about a cloud.
#[derive(Clone)]
pub(crate) struct Ways {
    /// What a call takes.
    pub(crate) call: Duration,
    /// What a page of a list takes, how many operations it has at most, and how many fit into an answer.
    pub(crate) page: Duration,
    pub(crate) page_size: usize,
    pub(crate) fit: usize,
    /// Filters are refused.
    pub(crate) no_filters: bool,
    /// How lists are answered instead, by their number from 0.
    pub(crate) list: fn(usize) -> Option<(u16, &'static str)>,
    /// What Cloud Tasks answers instead, in turn.
    pub(crate) tasks: VecDeque<u16>,
    /// How long an operation runs that is started.
    pub(crate) runs: Duration,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            call: Duration::from_millis(200),
            page: Duration::from_millis(200),
            page_size: 100,
            fit: usize::MAX,
            no_filters: false,
            list: |_| None,
            tasks: VecDeque::new(),
            runs: Duration::from_secs(36_000),
        }
    }
}

#[derive(Default)]
struct State {
    operations: Vec<Operation>,
    names: BTreeSet<String>,
    /// What is to be delivered, and when.
    messages: Vec<(Instant, Message)>,
    lists: Vec<String>,
    starts: Vec<(Duration, String)>,
    told: Vec<(Duration, String)>,
    refused: usize,
}

#[derive(Clone)]
struct Message {
    id: String,
    published: Option<DateTime<Utc>>,
    data: Vec<u8>,
}

/// The services and the instances.
pub(crate) struct Cloud {
    ways: Mutex<Ways>,
    state: Mutex<State>,
    began: Instant,
}

impl Clock for Cloud {
    fn now(&self) -> DateTime<Utc> {
        time(self.began.elapsed())
    }
}

fn time(since: Duration) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::from_std(since).unwrap()
}

/// The services, of one test.
pub(crate) fn cloud(ways: Ways) -> Arc<Cloud> {
    // So that operations can have begun before.
    let began = Instant::now() - Duration::from_secs(100_000);
    Arc::new(Cloud { ways: Mutex::new(ways), state: Mutex::default(), began })
}

impl Cloud {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Since the cloud began.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn add(&self, operation: Operation) {
        self.state().operations.push(operation);
    }

    /// Publishes `message` now.
    pub(crate) fn publish(&self, id: &str, message: &Value) {
        let message = Message {
            id: id.to_owned(),
            published: Some(Clock::now(self)),
            data: message.to_string().into_bytes(),
        };
        self.state().messages.push((Instant::now(), message));
    }

    /// When which paths were started.
    pub(crate) fn starts(&self) -> Vec<(Duration, String)> {
        self.state().starts.clone()
    }

    /// What Slack was told, and when.
    pub(crate) fn told(&self) -> Vec<(Duration, String)> {
        self.state().told.clone()
    }

    /// The lists that were asked for.
    pub(crate) fn lists(&self) -> Vec<String> {
        self.state().lists.clone()
    }

    /// Pushes that were refused.
    pub(crate) fn refused(&self) -> usize {
        self.state().refused
    }

    /// Delivers what is due to so many instances, for so long.
    pub(crate) async fn run(self: &Arc<Self>, instances: usize, time: Duration) {
        let end = Instant::now() + time;
        let instances: Vec<_> =
            (0..instances).map(|_| (self.instance(), Arc::new(Semaphore::new(CONCURRENCY)))).collect();
        let (mut pushes, mut turn) = (JoinSet::new(), 0);
        loop {
            let now = Instant::now();
            let due: Vec<_> = self.state().messages.extract_if(.., |(at, _)| *at <= now).collect();
            for (_, message) in due {
                let (app, limit) = instances[turn % instances.len()].clone();
                let cloud = Arc::clone(self);
                turn += 1;
                pushes.spawn(async move {
                    let _permit = limit.acquire().await.unwrap();
                    cloud.push(&app, message).await;
                });
            }
            if now >= end {
                break;
            }
            let next = self.state().messages.iter().map(|(at, _)| *at).min().unwrap_or(end).min(end);
            tokio::select! {
                () = sleep_until(next) => {}
                Some(ended) = pushes.join_next() => ended.unwrap(),
            }
        }
    }

    fn instance(self: &Arc<Self>) -> Arc<App> {
        let mut args = Variables::from([
            ("TOPIC", "projects/p/topics/t"),
            ("CHECK_QUEUE", "projects/p/locations/l/queues/checks"),
            ("REPORT_QUEUE", "projects/p/locations/l/queues/reports"),
            ("TASKS_SERVICE_ACCOUNT", "tasks@p.iam.gserviceaccount.com"),
            ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x"),
            ("EXPORT_PREFIXES", "gs://backups"),
            ("ACCESS_TOKEN", "token"),
        ]);
        let projects: Vec<_> = (0..40).map(|project| format!("p{project}")).collect();
        args.set("PROJECTS", format!("p,hanging,healthy,{}", projects.join(",")));
        let settings = args.check().unwrap();
        let transport: Arc<dyn Transport> = Arc::new(Line(Arc::clone(self)));
        let clock: Arc<dyn Clock> = Arc::<Self>::clone(self);
        Arc::new(build(settings, transport, clock))
    }

    async fn push(self: Arc<Self>, app: &App, message: Message) {
        let delivery = Delivery {
            message_id: message.id.clone(),
            published: message.published,
            attributes: BTreeMap::new(),
            // Without an internal topic all that is published is trusted.
            origin: Origin::Internal,
            data: Ok(message.data.clone()),
        };
        let handled = app.runner.handle(delivery, Deadline::start()).await;
        if !handled.acknowledged {
            let mut state = self.state();
            state.refused += 1;
            state.messages.push((Instant::now() + BACKOFF, message));
        }
    }

    async fn answer(&self, request: Request) -> (u16, String) {
        let url = request.url.expose_secret().to_owned();
        let ways = self.ways.lock().unwrap().clone();
        if url.contains("/projects/hanging") {
            std::future::pending::<()>().await;
        }
        sleep(if url.contains("/operations?") { ways.page } else { ways.call }).await;
        let path = url.split_once("/v1/").map_or("", |(_, path)| path);
        match request.method {
            _ if url.starts_with("https://hooks.slack.com/") => self.tell(&request.body),
            Method::Delete => self.delete_task(&url),
            _ if url.contains("/queues/") => self.create_task(&request.body),
            Method::Get if url.contains("/operations?") => self.list(&url, path, &ways),
            Method::Get => self.look(path),
            Method::Post | Method::Patch => self.start(path, &request.body, &ways),
        }
    }

    fn tell(&self, body: &[u8]) -> (u16, String) {
        let payload: Value = serde_json::from_slice(body).unwrap();
        let (now, text) = (self.now(), crate::support::opwatch::texts(&payload).join("\n"));
        self.state().told.push((now, text));
        (200, "ok".to_owned())
    }

    fn create_task(&self, body: &[u8]) -> (u16, String) {
        if let Some(status) = self.ways.lock().unwrap().tasks.pop_front() {
            return (status, error(status, "UNAVAILABLE"));
        }
        let task = serde_json::from_slice::<Value>(body).unwrap()["task"].take();
        let name = task["name"].as_str().unwrap().to_owned();
        let decoded = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
        let published: Value = serde_json::from_slice(&decoded(&task["httpRequest"]["body"])).unwrap();
        let data = decoded(&published["messages"][0]["data"]);
        let due = task["scheduleTime"].as_str().map(|time| time.parse::<DateTime<Utc>>().unwrap());
        if decoded_is_sentinel(&data) {
            // Its name is taken; it would come when all else is over.
            self.state().names.insert(name.clone());
            return (200, json!({"name": name}).to_string());
        }
        let wait = due.map(|due| (due - Clock::now(self)).to_std().unwrap_or_default()).unwrap_or_default();
        let mut state = self.state();
        if !state.names.insert(name.clone()) {
            return (409, error(409, "ALREADY_EXISTS"));
        }
        let id = format!("t{}", state.names.len());
        state.messages.push((Instant::now() + wait, Message { id, published: None, data }));
        (200, json!({"name": name}).to_string())
    }

    /// Of its sentinels, which do not run here, and of checks that have run.
    fn delete_task(&self, url: &str) -> (u16, String) {
        let name = url.split_once("/v2/").map_or("", |(_, name)| name);
        let taken = self.state().names.contains(name);
        if taken { (200, "{}".to_owned()) } else { (404, error(404, "NOT_FOUND")) }
    }

    fn list(&self, url: &str, path: &str, ways: &Ways) -> (u16, String) {
        let now = self.now();
        let mut state = self.state();
        state.lists.push(url.to_owned());
        if let Some((status, body)) = (ways.list)(state.lists.len() - 1) {
            return (status, body.to_owned());
        }
        let (collection, query) = path.split_once('?').unwrap();
        let fields: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let (filter, token) = (field("filter"), field("pageToken"));
        if ways.no_filters && !filter.is_empty() {
            return (400, error(400, "INVALID_ARGUMENT"));
        }
        let wanted = |operation: &&Operation| {
            let done = operation.until <= now;
            let here = operation.name.rsplit_once('/').is_some_and(|(parent, _)| parent == collection);
            here && match filter
                .strip_prefix("metadata.common.labels.")
                .and_then(|label| label.split_once('='))
            {
                Some((label, value)) => operation.request["labels"][label] == *value,
                None if collection.contains("/databases/") => done != filter.is_empty(),
                None => true,
            }
        };
        let size = field("pageSize").parse().map_or(ways.page_size, |size: usize| size.min(ways.page_size));
        let skip: usize = if token.is_empty() { 0 } else { token.parse().unwrap() };
        let shown: Vec<_> = state
            .operations
            .iter()
            .rev()
            .filter(wanted)
            .skip(skip)
            .take(size + 1)
            .map(|it| it.show(now))
            .collect();
        if shown.len().min(size) > ways.fit {
            return (0, String::new());
        }
        let mut page = json!({"operations": shown.iter().take(size).collect::<Vec<_>>()});
        if shown.len() > size {
            page["nextPageToken"] = json!((skip + size).to_string());
        }
        (200, page.to_string())
    }

    fn look(&self, name: &str) -> (u16, String) {
        let found = self.state().operations.iter().find(|operation| operation.name == name).cloned();
        found.map_or((404, error(404, "NOT_FOUND")), |found| (200, found.show(self.now()).to_string()))
    }

    fn start(&self, path: &str, body: &[u8], ways: &Ways) -> (u16, String) {
        let now = self.now();
        let mut state = self.state();
        let minute = now.saturating_sub(Duration::from_secs(60));
        if state.starts.iter().filter(|(at, earlier)| *at > minute && earlier == path).count() >= QUOTA {
            return (429, error(429, "RESOURCE_EXHAUSTED"));
        }
        state.starts.push((now, path.to_owned()));
        let name = format!("{}/operations/S{}", path.rsplit_once(':').unwrap().0, state.starts.len());
        let request = serde_json::from_slice(body).unwrap();
        let operation = Operation { name, from: now, until: now + ways.runs, request };
        let shown = operation.show(now).to_string();
        state.operations.push(operation);
        (200, shown)
    }
}

impl Operation {
    fn show(&self, now: Duration) -> Value {
        let done = self.until <= now;
        let state = if done { "SUCCESSFUL" } else { "PROCESSING" };
        let mut common = json!({"startTime": time(self.from)});
        if done {
            common["endTime"] = json!(time(self.until));
        }
        let firestore = self.name.contains("/databases/");
        common[if firestore { "operationState" } else { "state" }] = json!(state);
        let mut metadata = if firestore { common } else { json!({"common": common}) };
        for (field, value) in self.request.as_object().unwrap() {
            let place = if field == "labels" { &mut metadata["common"] } else { &mut metadata };
            place[field] = value.clone();
        }
        let mut shown = json!({"name": self.name, "metadata": metadata});
        if done {
            (shown["done"], shown["response"]) = (json!(true), json!({"outputUrl": "gs://backups/x"}));
        }
        shown
    }
}

fn error(code: u16, status: &str) -> String {
    json!({"error": {"code": code, "status": status, "message": "no"}}).to_string()
}

struct Line(Arc<Cloud>);

impl Transport for Line {
    fn send(&self, request: Request, limit: Duration) -> Sending<'_> {
        let cloud = Arc::clone(&self.0);
        Box::pin(async move {
            match tokio::time::timeout(limit, cloud.answer(request)).await {
                Ok((0, _)) => Err(Failure::TooLong),
                Ok((status, body)) => {
                    let date = Some(Clock::now(&*cloud));
                    Ok(Answer { date, ..testing::answer(status, body) })
                }
                Err(_) => Err(Failure::TimedOut(limit)),
            }
        })
    }
}

fn decoded_is_sentinel(data: &[u8]) -> bool {
    serde_json::from_slice::<Value>(data).unwrap()["state"]["sentinel"] == true
}
