//! The same with the real core: its runner handles each push, over a transport that answers as the services do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use opwatch::app::build;
use opwatch::clock::{Clock, Deadline};
use opwatch::delivery::Delivery;
use opwatch::intake::http::App;
use opwatch::net::transport::{Answer, Method, Request, Sending, Transport};
use opwatch::settings::Variables;
use opwatch::trust::Origin;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::model::{HOP, Ms, Watch, World, over, time};
use crate::outcome::{Histogram, Outcome, Posts};
use crate::services::Services;

/// What happens next: a push, or a task that is due.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    due: Ms,
    /// The task's; empty for what a person publishes.
    name: String,
    data: Vec<u8>,
    is_push: bool,
    is_report: bool,
}

struct Stage {
    now: Ms,
    watches: Vec<Watch>,
    world: World,
    services: Services,
    events: BinaryHeap<Reverse<(Ms, usize, Event)>>,
    outcome: Outcome,
    /// When the check was made that saw the end of each watch.
    seen: Vec<Ms>,
    /// The reports in the buffer of each channel: when they can be pulled, and their data.
    buffers: Vec<BTreeMap<usize, (Ms, String)>>,
    published: usize,
    posts: Vec<Posts>,
    /// Whether the push under way is a drain, and how many reports it has leased.
    drains: Option<usize>,
    /// The tasks that were created, by name, until they are dispatched or deleted.
    tasks: BTreeMap<String, Option<Value>>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Stage>>);

impl Clock for Shared {
    fn now(&self) -> DateTime<Utc> {
        time(self.0.lock().expect("the stage").now)
    }
}

impl Transport for Shared {
    fn send(&self, request: Request, _: Duration) -> Sending<'_> {
        let answer = self.0.lock().expect("the stage").answer(&request);
        Box::pin(async move { Ok(answer) })
    }
}

impl Stage {
    fn answer(&mut self, request: &Request) -> Answer {
        let url = request.url.expose_secret();
        if let Some(name) = task_name(url).filter(|_| request.method != Method::Post) {
            return self.waiting(&name, request.method == Method::Delete);
        }
        if request.method == Method::Get {
            let name = url.split("/v1/").nth(1).expect("a name");
            let watch = self.watches[number(name)];
            let done = self.now >= watch.kickoff + watch.lasts;
            self.seen[number(name)] = self.now;
            return ok(&json!({"name": name, "done": done, "metadata": {"common": {"state":
                if done { "SUCCESSFUL" } else { "PROCESSING" }}}})
            .to_string());
        }
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        if url.contains("/tasks") {
            return self.create(&body["task"]);
        }
        let channel = channel(url);
        match url.rsplit(':').next() {
            Some("publish") => self.publish(channel, &body),
            Some("pull") => self.pull(channel, &body),
            Some("acknowledge") => self.acknowledge(channel, &body),
            Some("modifyAckDeadline") => self.lease(channel, &body),
            _ => self.post(channel, &body),
        }
    }

    fn post(&mut self, channel: usize, body: &Value) -> Answer {
        if let Some(wait) = self.services.post(channel, self.now) {
            return Answer { status: 429, retry_after: Some(wait), ..ok("ok") };
        }
        self.outcome.posts += 1;
        let in_flood = self.drains.is_some_and(|leased| leased > 1);
        self.posts[channel].add(in_flood, self.now, &mut self.outcome.most_in_flood);
        // What a drain posts is counted when it is acknowledged.
        if self.drains.is_none() {
            self.tell(number(&body.to_string()));
        }
        ok("ok")
    }

    fn tell(&mut self, index: usize) {
        let over = over(self.watches[index], &self.world);
        self.outcome.tell(over, self.seen[index], self.now);
    }

    fn publish(&mut self, channel: usize, body: &Value) -> Answer {
        let data = body["messages"][0]["data"].as_str().expect("data").to_owned();
        self.published += 1;
        self.buffers[channel].insert(self.published, (self.now, data));
        ok(&json!({"messageIds": [self.published.to_string()]}).to_string())
    }

    fn pull(&mut self, channel: usize, body: &Value) -> Answer {
        let most = body["maxMessages"].as_u64().expect("a number") as usize;
        let now = self.now;
        let free = self.buffers[channel].iter_mut().filter(|(_, (from, _))| *from <= now).take(most);
        let received: Vec<Value> = free
            .map(|(id, (from, data))| {
                *from = now + 60_000;
                json!({"ackId": id.to_string(), "message": {"data": data, "messageId": id.to_string(),
                    "publishTime": time(now)}})
            })
            .collect();
        if let Some(leased) = &mut self.drains {
            *leased += received.len();
        }
        ok(&json!({"receivedMessages": received}).to_string())
    }

    fn acknowledge(&mut self, channel: usize, body: &Value) -> Answer {
        for id in leases(body) {
            let (_, data) = self.buffers[channel].remove(&id).expect("a lease");
            let data = STANDARD.decode(data).expect("base64");
            self.tell(number(&String::from_utf8_lossy(&data)));
        }
        ok("{}")
    }

    fn lease(&mut self, channel: usize, body: &Value) -> Answer {
        let until = self.now + body["ackDeadlineSeconds"].as_u64().expect("a number") * 1_000;
        for id in leases(body) {
            self.buffers[channel].get_mut(&id).expect("a lease").0 = until;
        }
        ok("{}")
    }

    fn create(&mut self, task: &Value) -> Answer {
        let decode = |text: &Value| STANDARD.decode(text.as_str().expect("text")).expect("base64");
        let publish: Value = serde_json::from_slice(&decode(&task["httpRequest"]["body"])).expect("JSON");
        let data = decode(&publish["messages"][0]["data"]);
        let at = task["scheduleTime"]
            .as_str()
            .map_or(self.now, |at| at.parse::<DateTime<Utc>>().expect("a time").timestamp_millis() as Ms);
        let text = String::from_utf8_lossy(&data);
        let name = task["name"].as_str().expect("a name").to_owned();
        if self.tasks.contains_key(&name) {
            return error(409, "ALREADY_EXISTS");
        }
        // A drain is of its channel, not of a watch.
        let is_drain = text.contains(DRAIN);
        let url = task["httpRequest"]["url"].as_str().expect("a URL");
        let index = if is_drain { channel(url) } else { number(&text) };
        let is_report = text.contains("\"report\"");
        let at = at.max(self.now);
        self.tasks.insert(name.clone(), Some(task.clone()));
        self.events.push(Reverse((at, index, Event { due: at, name, data, is_push: false, is_report })));
        ok(&task.to_string())
    }

    /// A task that may wait: its text, after which it is gone if it `is_deleted`.
    fn waiting(&mut self, name: &str, is_deleted: bool) -> Answer {
        match self.tasks.get_mut(name) {
            Some(task @ Some(_)) if is_deleted => {
                *task = None;
                ok("{}")
            }
            Some(Some(task)) => ok(&task.to_string()),
            Some(None) | None => error(404, "NOT_FOUND"),
        }
    }
}

/// The name of the task that is asked for at `url`.
fn task_name(url: &str) -> Option<String> {
    let path = url.split("/v2/").nth(1)?.split('?').next()?;
    path.contains("/tasks/").then(|| path.to_owned())
}

/// What the message of a drain has.
const DRAIN: &str = "\"of\":\"digest\"";

/// The channel whose hook, topic or subscription this is: they are numbered.
fn channel(url: &str) -> usize {
    let name = url.rsplit('/').next().unwrap_or_default();
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn leases(body: &Value) -> Vec<usize> {
    let ids = body["ackIds"].as_array().expect("a list");
    ids.iter().map(|id| id.as_str().and_then(|id| id.parse().ok()).expect("a lease")).collect()
}

/// The watch that a text speaks of: its operation is named after it.
fn number(text: &str) -> usize {
    let digits =
        text.split("operations/w").nth(1).expect("an operation").split(|c: char| !c.is_ascii_digit());
    digits.into_iter().next().and_then(|digits| digits.parse().ok()).expect("a number")
}

fn ok(body: &str) -> Answer {
    opwatch::testing::answer(200, body)
}

fn error(code: u16, status: &str) -> Answer {
    let error = json!({"error": {"code": code, "status": status, "message": status}});
    opwatch::testing::answer(code, error.to_string())
}

fn app(stage: &Shared, world: &World, channel: usize) -> App {
    let mut args = Variables::from([
        ("TOPIC", format!("projects/p/topics/t{channel}")),
        ("CHECK_QUEUE", "projects/p/locations/l/queues/checks".to_owned()),
        ("REPORT_QUEUE", "projects/p/locations/l/queues/reports".to_owned()),
        ("TASKS_SERVICE_ACCOUNT", "tasks@p.iam.gserviceaccount.com".to_owned()),
        ("SLACK_WEBHOOK_URL", format!("https://hooks.slack.com/services/T/B/x{channel}")),
        ("EXPORT_PREFIXES", "any".to_owned()),
        ("MAX_STARTS_PER_HOUR", "0".to_owned()),
        ("ACCESS_TOKEN", "token".to_owned()),
    ]);
    if let Some(above) = world.digest_above {
        args.set("DIGEST_TOPIC", format!("projects/p/topics/d{channel}"));
        args.set("DIGEST_SUBSCRIPTION", format!("projects/p/subscriptions/d{channel}"));
        args.set("DIGEST_ABOVE", above.to_string());
    }
    if let Some((interval, limit)) = world.fixed {
        args.set("CHECK_INTERVAL", format!("{interval}s"));
        args.set("CHECK_LIMIT", limit.to_string());
    }
    build(args.check().expect("settings"), Arc::new(stage.clone()), Arc::new(stage.clone()))
}

/// Runs all watches to their end. A service of its own for each channel: what it hears of Slack holds for its channel.
pub(crate) fn run(watches: &[Watch], world: &World) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _inside = runtime.enter();
    let stage = Stage {
        now: 0,
        watches: watches.to_vec(),
        world: *world,
        services: Services::new(world),
        events: BinaryHeap::new(),
        outcome: Outcome { told_by_hour: vec![Histogram::default(); 24], ..Outcome::default() },
        seen: vec![0; watches.len()],
        buffers: vec![BTreeMap::new(); world.channels],
        published: 0,
        posts: vec![Posts::default(); world.channels],
        drains: None,
        tasks: BTreeMap::new(),
    };
    let shared = Shared(Arc::new(Mutex::new(stage)));
    let apps: Vec<App> = (0..world.channels).map(|channel| app(&shared, world, channel)).collect();
    for (index, watch) in watches.iter().enumerate() {
        let data = json!({"name": format!("projects/p/operations/w{index}")}).to_string().into_bytes();
        let event = Event { due: watch.kickoff, name: String::new(), data, is_push: true, is_report: false };
        shared.0.lock().expect("the stage").events.push(Reverse((watch.kickoff, index, event)));
    }
    let mut pushed = 0_u64;
    while let Some((index, event)) = next(&shared) {
        pushed += 1;
        let published = {
            let mut stage = shared.0.lock().expect("the stage");
            stage.drains = String::from_utf8_lossy(&event.data).contains(DRAIN).then_some(0);
            Some(time(stage.now))
        };
        let delivery = Delivery {
            message_id: pushed.to_string(),
            published,
            attributes: BTreeMap::new(),
            data: Ok(event.data),
            origin: Origin::Internal,
        };
        let mut work = pin!(apps[index % apps.len()].runner.handle(delivery, Deadline::start()));
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(handled) = polled else { panic!("nothing here waits") };
        if !handled.acknowledged {
            shared.0.lock().expect("the stage").outcome.lost += 1;
        }
    }
    std::mem::take(&mut shared.0.lock().expect("the stage").outcome)
}

/// The next push; tasks that are due before it are dispatched on the way.
fn next(shared: &Shared) -> Option<(usize, Event)> {
    let mut guard = shared.0.lock().expect("the stage");
    let stage = &mut *guard;
    loop {
        let Reverse((at, index, event)) = stage.events.pop()?;
        if event.is_push {
            stage.now = at;
            if !event.is_report {
                stage.outcome.checks += 1;
                if at != stage.watches[index].kickoff {
                    stage.outcome.late.add(at - event.due);
                }
            }
            return Some((index, event));
        }
        // One that was deleted is not dispatched.
        if stage.tasks.get_mut(&event.name).and_then(Option::take).is_none() {
            continue;
        }
        stage.outcome.dispatched += 1;
        let push = stage.services.dispatch(index, event.is_report, at) + HOP;
        stage.events.push(Reverse((push, index, Event { is_push: true, ..event })));
    }
}
