//! Digests of two outlets under faults: many watches end within minutes, and instances are killed between pulling, posting and
//! acknowledging. Each end is told in each outlet, and a second time only with a cause.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use opwatch::app::build;
use opwatch::clock::Clock;
use opwatch::intake::http::{App, answer_in_place};
use opwatch::net::transport::{self, Answer, Failure, Sending, Transport};
use opwatch::settings::Variables;
use opwatch::testing;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

use super::engine::rng::Rng;
use super::engine::run::on_all_cores;
use super::engine::world::hash_of;

const SEEDS: u64 = 200;
/// No fault strikes later, so that each world ends.
const CALM: Duration = Duration::from_secs(3_600);
/// The ack deadline of the buffer's subscription in `deploy/up`.
const LEASE: Duration = Duration::from_secs(60);
const DIGEST_TOPIC: &str = "projects/p/topics/t-digest";
const DIGEST_SUBSCRIPTION: &str = "projects/p/subscriptions/t-digest";

/// A rule that the world undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// What is pulled is acknowledged before it is posted.
    AcknowledgesFirst,
    /// Nothing is acknowledged.
    NeverAcknowledges,
}

/// The end of a watch in an outlet.
type End = (&'static str, usize);

/// A message of Pub/Sub's, and the end that it reports.
struct Message {
    data: Vec<u8>,
    report: Option<End>,
    deliveries: u64,
}

/// What waits in the buffer.
struct Buffered {
    data: Vec<u8>,
    report: Option<End>,
    published: DateTime<Utc>,
    leased_until: Duration,
    leases: u64,
}

/// A delivery in flight.
struct Push {
    instance: usize,
    told: Vec<End>,
}

/// How often an instance was killed, and who hears of it: in the order in which they began to listen.
#[derive(Default)]
struct Generation {
    number: u64,
    killed: Arc<Notify>,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Fine,
    Refused,
    Limited,
    NotConnected,
    Lost,
    LostLate,
    CrashBefore,
    CrashAfter,
}

struct World {
    rng: Rng,
    rates: Vec<(Fate, f64)>,
    duplicates: f64,
    planted: Option<Planted>,
    start: Instant,
    watches: usize,
    messages: Vec<Message>,
    tasks: BTreeSet<String>,
    buffer: BTreeMap<u64, Buffered>,
    entered: u64,
    pushes: BTreeMap<u64, Push>,
    told: BTreeMap<End, u64>,
    /// Why an end may be told again: one for each time.
    causes: BTreeMap<End, u64>,
    digests: u64,
    kills: u64,
    violation: Option<String>,
    /// Of all calls, with their times and answers.
    hash: u64,
    jobs: mpsc::UnboundedSender<(usize, Duration)>,
    generations: Vec<Generation>,
}

tokio::task_local! {
    /// The delivery that makes a call.
    static PUSH: u64;
}

struct Virtual(Instant);

fn base() -> DateTime<Utc> {
    testing::at(0)
}

impl Clock for Virtual {
    fn now(&self) -> DateTime<Utc> {
        base() + TimeDelta::from_std(self.0.elapsed()).expect("a short time")
    }
}

/// The numbers of the watches that a text names.
fn named(text: &str, watches: usize) -> BTreeSet<usize> {
    let mut numbers = BTreeSet::new();
    for part in text.split('w').skip(1) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if part[digits..].starts_with('x') {
            numbers.extend(part[..digits].parse::<usize>().ok().filter(|number| *number < watches));
        }
    }
    numbers
}

impl World {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The end that a message reports, if it is a report of one.
    fn report_in(&self, data: &[u8]) -> Option<End> {
        let message: Value = serde_json::from_slice(data).ok()?;
        let report = message["state"].get("report")?;
        let outlet = if report["outlet"]["id"] == "chat" { "chat" } else { "slack" };
        let number = named(&String::from_utf8_lossy(data), self.watches).into_iter().next()?;
        Some((outlet, number))
    }

    fn draw(&mut self, to_people: bool) -> Fate {
        if self.elapsed() > CALM {
            return Fate::Fine;
        }
        let rates = self.rates.clone();
        for (fate, rate) in rates {
            if (to_people || fate != Fate::Limited) && self.rng.chance(rate) {
                return fate;
            }
        }
        Fate::Fine
    }

    fn may_come_again(&mut self, ends: impl IntoIterator<Item = End>) {
        for end in ends {
            *self.causes.entry(end).or_default() += 1;
        }
    }

    /// People are told of these ends in one message.
    fn tell(&mut self, push: u64, outlet: &'static str, body: &str) -> Vec<End> {
        let ends: Vec<End> = named(body, self.watches).into_iter().map(|number| (outlet, number)).collect();
        self.digests += u64::from(ends.len() > 1);
        for end in &ends {
            let told = self.told.entry(*end).or_default();
            *told += 1;
            let causes = self.causes.get(end).copied().unwrap_or(0);
            if *told > 1 + causes {
                let violation = format!("{end:?} is told {told} times, {causes} of them with a cause");
                self.violation.get_or_insert(violation);
            }
        }
        match self.pushes.get_mut(&push) {
            Some(push) => push.told.extend(&ends),
            // Its instance was killed at the same moment.
            None => self.may_come_again(ends.clone()),
        }
        ends
    }

    /// An instance is gone: what its deliveries told may be told again.
    fn kill(&mut self, instance: usize) {
        self.kills += 1;
        let lost: Vec<u64> = self
            .pushes
            .iter()
            .filter(|(_, push)| push.instance == instance)
            .map(|(number, _)| *number)
            .collect();
        for number in lost {
            let push = self.pushes.remove(&number).expect("in flight");
            self.may_come_again(push.told);
        }
        self.generations[instance].number += 1;
        self.generations[instance].killed.notify_waiters();
    }

    fn publish(&mut self, data: Vec<u8>, delay: Duration) {
        let report = self.report_in(&data);
        self.messages.push(Message { data, report, deliveries: 0 });
        self.jobs.send((self.messages.len() - 1, delay)).expect("the run listens");
    }

    /// Keeps what happens, for its hash.
    fn note(&mut self, push: u64, url: &str, body: &str) {
        let line = format!("{:x} {} {push} {url} {body}", self.hash, self.elapsed().as_millis());
        self.hash = hash_of(line.as_bytes());
    }

    /// A call takes effect: status, body, and the ends that come again if opwatch does not hear of it.
    fn perform(&mut self, push: u64, url: &str, body: &str) -> (u16, String, Vec<End>) {
        if url.starts_with("https://hooks.slack.com/") {
            return (200, "ok".to_owned(), self.tell(push, "slack", body));
        }
        if url.starts_with("https://chat.googleapis.com/") {
            let answer = json!({"name": "spaces/S/messages/1", "thread": {"name": "spaces/S/threads/1"}});
            return (200, answer.to_string(), self.tell(push, "chat", body));
        }
        let request: Value = serde_json::from_str(body).unwrap_or_default();
        let (status, answer, ends) = if url.ends_with(":publish") {
            self.enter(&request)
        } else if url.ends_with(":pull") {
            (200, self.pull(), Vec::new())
        } else if url.ends_with(":acknowledge") {
            (self.end_leases(&request, None), json!({}), Vec::new())
        } else if url.ends_with(":modifyAckDeadline") {
            let seconds = request["ackDeadlineSeconds"].as_u64().expect("seconds");
            (self.end_leases(&request, Some(Duration::from_secs(seconds))), json!({}), Vec::new())
        } else if url.contains("/operations/") {
            (200, Self::operation(url), Vec::new())
        } else if url.ends_with("/tasks") {
            let (status, answer) = self.create(&request);
            (status, answer, Vec::new())
        } else {
            (404, json!({"error": {"code": 404, "status": "NOT_FOUND"}}), Vec::new())
        };
        (status, answer.to_string(), ends)
    }

    /// A report enters the buffer.
    fn enter(&mut self, request: &Value) -> (u16, Value, Vec<End>) {
        let data = STANDARD.decode(request["messages"][0]["data"].as_str().expect("data")).expect("base64");
        let report = self.report_in(&data);
        self.entered += 1;
        let published = base() + TimeDelta::from_std(self.elapsed()).expect("a short time");
        let entry = Buffered { data, report, published, leased_until: Duration::ZERO, leases: 0 };
        self.buffer.insert(self.entered, entry);
        (200, json!({"messageIds": [self.entered.to_string()]}), report.into_iter().collect())
    }

    /// Leases what nobody has on lease.
    fn pull(&mut self) -> Value {
        let now = self.elapsed();
        let mut received = Vec::new();
        for (id, entry) in self.buffer.iter_mut().filter(|(_, entry)| entry.leased_until <= now) {
            (entry.leased_until, entry.leases) = (now + LEASE, entry.leases + 1);
            received.push(json!({"ackId": format!("{id}-{}", entry.leases), "message": {
                "data": STANDARD.encode(&entry.data), "messageId": id.to_string(),
                "publishTime": entry.published.to_rfc3339()}}));
        }
        if self.planted == Some(Planted::AcknowledgesFirst) {
            self.buffer.retain(|_, entry| entry.leased_until <= now);
        }
        json!({"receivedMessages": received})
    }

    /// The entries that these leases are of. One that is over is of none.
    fn leased(&self, request: &Value) -> Vec<Option<u64>> {
        let now = self.elapsed();
        let leased = |ack_id: &Value| {
            let (id, lease) = ack_id.as_str()?.split_once('-')?;
            let id: u64 = id.parse().ok()?;
            let entry = self.buffer.get(&id)?;
            (entry.leases.to_string() == lease && entry.leased_until > now).then_some(id)
        };
        request["ackIds"].as_array().expect("leases").iter().map(leased).collect()
    }

    /// Acknowledges what these leases are of, or lets them end after a while.
    fn end_leases(&mut self, request: &Value, after: Option<Duration>) -> u16 {
        let (now, leased) = (self.elapsed(), self.leased(request));
        if after.is_none() && self.planted == Some(Planted::NeverAcknowledges) {
            return 200;
        }
        for id in leased.iter().flatten() {
            match after {
                Some(after) => self.buffer.get_mut(id).expect("leased").leased_until = now + after,
                None => drop(self.buffer.remove(id)),
            }
        }
        // With exactly-once delivery a lease that is over can't be acknowledged.
        if leased.iter().all(Option::is_some) { 200 } else { 400 }
    }

    fn operation(url: &str) -> Value {
        let name = url.split_once("/v1/").expect("a path").1;
        let number: usize = name.rsplit_once('N').expect("a number").1.parse().expect("a number");
        let end = (base() + TimeDelta::seconds(1)).to_rfc3339();
        let common = json!({"startTime": base().to_rfc3339(), "endTime": end, "state": "SUCCESSFUL"});
        let mut shown = json!({"name": name, "done": true, "metadata": {"common": common}});
        if number.is_multiple_of(4) {
            shown["metadata"]["common"]["state"] = json!("FAILED");
            shown["error"] = json!({"code": 7, "message": "no"});
        } else {
            shown["response"] = json!({"outputUrl": "gs://b/x"});
        }
        shown
    }

    fn create(&mut self, request: &Value) -> (u16, Value) {
        let task = &request["task"];
        let name = task["name"].as_str().expect("a name").to_owned();
        if !self.tasks.insert(name.clone()) {
            return (409, json!({"error": {"code": 409, "status": "ALREADY_EXISTS"}}));
        }
        let publish = STANDARD.decode(task["httpRequest"]["body"].as_str().expect("a body")).expect("base64");
        let publish: Value = serde_json::from_slice(&publish).expect("JSON");
        let data = STANDARD.decode(publish["messages"][0]["data"].as_str().expect("data")).expect("base64");
        let due = task["scheduleTime"].as_str().map_or(base(), |time| time.parse().expect("a time"));
        let now = base() + TimeDelta::from_std(self.elapsed()).expect("a short time");
        let delay =
            (due - now).to_std().unwrap_or_default() + Duration::from_millis(self.rng.between(5, 500));
        self.publish(data, delay);
        (200, json!({"name": name}))
    }
}

/// The line of one instance to the world.
struct Line {
    world: Arc<Mutex<World>>,
    instance: usize,
}

impl Line {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("the world")
    }

    async fn answer(&self, request: transport::Request, limit: Duration) -> Result<Answer, Failure> {
        let push = PUSH.with(|push| *push);
        let url = request.url.expose_secret().to_owned();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let (fate, latency) = {
            let mut world = self.world();
            let to_people = url.contains("hooks.slack.com") || url.contains("chat.googleapis.com");
            (world.draw(to_people), Duration::from_millis(world.rng.between(5, 800)))
        };
        sleep(latency).await;
        let done = matches!(fate, Fate::Fine | Fate::Lost | Fate::LostLate | Fate::CrashAfter);
        let (status, answer) = {
            let mut world = self.world();
            let acknowledges = url.ends_with(":acknowledge");
            let leased = if acknowledges {
                let request = serde_json::from_str(&body).expect("JSON");
                world.leased(&request)
            } else {
                Vec::new()
            };
            world.note(push, &url, &body);
            if done {
                let (status, answer, ends) = world.perform(push, &url, &body);
                if fate != Fate::Fine {
                    world.may_come_again(ends);
                }
                (status, answer)
            } else {
                // What was told and is not acknowledged comes again.
                let reports: Vec<End> =
                    leased.iter().flatten().filter_map(|id| world.buffer.get(id)?.report).collect();
                world.may_come_again(reports);
                (0, String::new())
            }
        };
        match fate {
            Fate::Fine => Ok(testing::answer(status, answer)),
            Fate::Refused => Ok(testing::answer(503, "{}")),
            Fate::Limited => {
                let seconds = self.world().rng.between(1, 60);
                Ok(Answer { retry_after: Some(Duration::from_secs(seconds)), ..testing::answer(429, "{}") })
            }
            Fate::NotConnected => Err(Failure::NotConnected("planned".to_owned())),
            Fate::Lost => Err(Failure::Broken("planned".to_owned())),
            Fate::LostLate => {
                sleep(limit.saturating_sub(latency)).await;
                Err(Failure::TimedOut(limit))
            }
            Fate::CrashBefore | Fate::CrashAfter => {
                self.world().kill(self.instance);
                pending().await
            }
        }
    }
}

impl Transport for Line {
    fn send(&self, request: transport::Request, limit: Duration) -> Sending<'_> {
        Box::pin(async move {
            let answered = tokio::time::timeout(limit, self.answer(request, limit)).await;
            answered.unwrap_or(Err(Failure::TimedOut(limit)))
        })
    }
}

/// The instances.
struct Service {
    world: Arc<Mutex<World>>,
    apps: RefCell<Vec<(u64, Arc<App>)>>,
}

fn app(world: &Arc<Mutex<World>>, instance: usize, start: Instant) -> Arc<App> {
    let settings = Variables::from([
        ("TOPIC", "projects/p/topics/t"),
        ("CHECK_QUEUE", "projects/p/locations/l/queues/checks"),
        ("REPORT_QUEUE", "projects/p/locations/l/queues/reports"),
        ("TASKS_SERVICE_ACCOUNT", "tasks@p.iam.gserviceaccount.com"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x"),
        ("CHAT_WEBHOOK_URL", "https://chat.googleapis.com/v1/spaces/S/messages?key=k&token=t"),
        ("DIGEST_TOPIC", DIGEST_TOPIC),
        ("DIGEST_SUBSCRIPTION", DIGEST_SUBSCRIPTION),
        ("DIGEST_ABOVE", "2"),
        ("MAX_WATCHES_PER_MINUTE", "0"),
        ("ACCESS_TOKEN", "token"),
    ]);
    let line = Line { world: Arc::clone(world), instance };
    Arc::new(build(settings.check().expect("settings"), Arc::new(line), Arc::new(Virtual(start))))
}

impl Service {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("the world")
    }

    /// Delivers a message until it is acknowledged.
    async fn deliver(self: Rc<Self>, index: usize, delay: Duration) {
        sleep(delay).await;
        let mut pause = Duration::from_secs(10);
        while !self.push(index).await {
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(600));
        }
    }

    /// One delivery: whether it is acknowledged.
    async fn push(&self, index: usize) -> bool {
        let (number, app, body, killed) = self.begin(index);
        let killed = killed.notified();
        let work = async {
            let request = Request::post("/").body(Full::new(Bytes::from(body))).expect("a request");
            answer_in_place(&app, request).await.response.status().is_success()
        };
        let acknowledged = tokio::select! {
            // In a fixed order, so that a seed is the same twice.
            biased;
            acknowledged = PUSH.scope(number, work) => acknowledged,
            () = killed => false,
        };
        let mut world = self.world();
        world.pushes.remove(&number);
        let duplicates = world.duplicates;
        if acknowledged && world.elapsed() < CALM && world.rng.chance(duplicates) {
            let delay = Duration::from_millis(world.rng.between(0, 90_000));
            world.jobs.send((index, delay)).expect("the run listens");
        }
        acknowledged
    }

    fn begin(&self, index: usize) -> (u64, Arc<App>, Vec<u8>, Arc<Notify>) {
        let mut guard = self.world();
        let world = &mut *guard;
        let instance = world.rng.below(world.generations.len() as u64) as usize;
        let Generation { number: generation, killed } = &world.generations[instance];
        let (generation, killed, start) = (*generation, Arc::clone(killed), world.start);
        let message = &mut world.messages[index];
        message.deliveries += 1;
        let (copy, report) = (message.deliveries > 1, message.report);
        let publish_time = base() + TimeDelta::from_std(world.start.elapsed()).expect("a short time");
        let body = json!({"message": {"messageId": (1_000 + index).to_string(), "data": STANDARD.encode(&message.data),
            "publishTime": publish_time.to_rfc3339()}, "subscription": "projects/p/subscriptions/t-push"});
        world.may_come_again(report.filter(|_| copy));
        let number =
            world.pushes.last_key_value().map_or(0, |(number, _)| *number) + 1 + world.kills * 1_000_000;
        world.pushes.insert(number, Push { instance, told: Vec::new() });
        drop(guard);
        let mut apps = self.apps.borrow_mut();
        if apps[instance].0 != generation {
            apps[instance] = (generation, app(&self.world, instance, start));
        }
        (number, Arc::clone(&apps[instance].1), body.to_string().into_bytes(), killed)
    }
}

/// What a world came to.
#[derive(Default)]
struct Outcome {
    seed: u64,
    hash: u64,
    violation: Option<String>,
    digests: u64,
    kills: u64,
    repeated: u64,
}

fn run(seed: u64, planted: Option<Planted>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, world_of(seed, planted))
}

#[allow(clippy::disallowed_methods, reason = "the world's clock is tokio's, which is paused")]
async fn world_of(seed: u64, planted: Option<Planted>) -> Outcome {
    let mut rng = Rng::new(seed ^ 0x6469_6765_7374);
    let density = rng.unit();
    let fates = [
        Fate::Refused,
        Fate::Limited,
        Fate::NotConnected,
        Fate::Lost,
        Fate::LostLate,
        Fate::CrashBefore,
        Fate::CrashAfter,
    ];
    let mut rates = Vec::new();
    for fate in fates {
        if rng.chance(density) {
            rates.push((fate, rng.log_uniform(1e-3, 0.1)));
        }
    }
    let duplicates = if rng.chance(0.5) { rng.log_uniform(1e-3, 0.1) } else { 0.0 };
    let (watches, instances) = (rng.between(5, 30) as usize, rng.between(1, 3) as usize);
    let longest = if rng.chance(0.5) { 30 } else { 300 };
    let spread = rng.between(2, longest) * 1_000;
    let (jobs, mut waiting) = mpsc::unbounded_channel();
    let start = Instant::now();
    let mut world = World {
        rng,
        rates,
        duplicates,
        planted,
        start,
        watches,
        messages: Vec::new(),
        tasks: BTreeSet::new(),
        buffer: BTreeMap::new(),
        entered: 0,
        pushes: BTreeMap::new(),
        told: BTreeMap::new(),
        causes: BTreeMap::new(),
        digests: 0,
        kills: 0,
        violation: None,
        hash: 0,
        jobs,
        generations: (0..instances).map(|_| Generation::default()).collect(),
    };
    for number in 0..watches {
        let kickoff =
            json!({"name": format!("projects/p/operations/N{number}"), "title": format!("w{number}x")});
        let delay = Duration::from_millis(world.rng.below(spread));
        world.publish(kickoff.to_string().into_bytes(), delay);
    }
    let world = Arc::new(Mutex::new(world));
    let apps = (0..instances).map(|instance| (0, app(&world, instance, start))).collect();
    let service = Rc::new(Service { world: Arc::clone(&world), apps: RefCell::new(apps) });
    let mut running = JoinSet::new();
    loop {
        while let Ok((index, delay)) = waiting.try_recv() {
            running.spawn_local(Rc::clone(&service).deliver(index, delay));
        }
        if service.world().violation.is_some() {
            break;
        }
        tokio::select! {
            biased;
            Some((index, delay)) = waiting.recv() => {
                running.spawn_local(Rc::clone(&service).deliver(index, delay));
            }
            ended = running.join_next() => match ended {
                Some(ended) => ended.expect("a delivery"),
                None => break,
            },
        }
    }
    running.abort_all();
    let mut world = world.lock().expect("the world");
    world.close();
    let repeated = world.told.values().map(|told| told - 1).sum();
    let violation = world.violation.take();
    Outcome { seed, hash: world.hash, violation, digests: world.digests, kills: world.kills, repeated }
}

impl World {
    /// What must hold when nothing is left to happen.
    fn close(&mut self) {
        let ends = (0..self.watches).flat_map(|number| [("slack", number), ("chat", number)]);
        if let Some(lost) = ends.into_iter().find(|end| !self.told.contains_key(end)) {
            self.violation.get_or_insert(format!("{lost:?} is never told"));
        }
        if !self.buffer.is_empty() {
            let left = self.buffer.len();
            self.violation.get_or_insert(format!("{left} reports stay in the buffer"));
        }
    }
}

#[test]
fn no_end_is_lost_in_a_digest_or_told_twice_without_a_cause() {
    let (mut failed, mut digests, mut kills, mut repeated) = (Vec::new(), 0, 0, 0);
    on_all_cores(
        0..SEEDS,
        |seed| run(seed, None),
        |outcome| {
            digests += outcome.digests;
            kills += outcome.kills;
            repeated += outcome.repeated;
            failed.extend(outcome.violation.map(|violation| format!("seed {}: {violation}", outcome.seed)));
        },
    );
    println!(
        "{SEEDS} seeds, {digests} digests, {kills} kills, {repeated} ends told again, {} violations",
        failed.len()
    );
    assert_eq!(failed, Vec::<String>::new());
    assert!(digests > SEEDS && kills > SEEDS, "{digests} digests, {kills} kills: too few to show anything");
}

#[test]
fn a_seed_is_the_same_twice() {
    for seed in 0..SEEDS / 4 {
        let twice = [(); 2].map(|()| run(seed, None).hash);
        assert_eq!(twice[0], twice[1], "seed {seed}");
    }
}

#[test]
fn a_digest_that_is_acknowledged_too_early_or_never_is_noticed() {
    for (planted, words) in
        [(Planted::AcknowledgesFirst, "never told"), (Planted::NeverAcknowledges, "of them with a cause")]
    {
        let caught = (0..SEEDS).find_map(|seed| run(seed, Some(planted)).violation);
        println!("{planted:?}: {caught:?}");
        assert!(
            caught.as_ref().is_some_and(|violation| violation.contains(words)),
            "{planted:?}: {caught:?}"
        );
    }
}
