//! Runs a plan: the real watchers, instances of them, over the world, in virtual time. A delivery is a future that is
//! polled when its time has come; a crash is that future dropped.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hyper::StatusCode;
use opwatch::app::build;
use opwatch::clock::Clock;
use opwatch::config::Config;
use opwatch::intake::http::{Answered, App, answer_in_place};
use opwatch::ledger::Ledger;
use opwatch::message::Defaults;
use opwatch::net::endpoints::Endpoints;
use opwatch::net::transport::Transport;
use opwatch::outlets::slack;
use opwatch::policy::{Adopted, Adoption, Limits, Locations, Policy, Principal};
use opwatch::services::Service;
use opwatch::settings::Settings;
use opwatch::testing;
use opwatch::trust::Trust;
use opwatch::watch::{Routing, Target};

use super::boundary::TOPIC;
use super::datastore::{KIND, NAMESPACE};
use super::gate;
use super::owed::STALL_AFTER;
use super::plan::{Access, CHANNELS, Fault, Ms, Plan, Planted};
use super::services::SimTransport;
use super::signals::{OWN_ACCOUNT, ROBOT};
use super::world::{Event, World, time};

/// What a run came to.
pub(crate) struct Summary {
    pub(crate) seed: u64,
    pub(crate) watches: usize,
    pub(crate) hash: u64,
    pub(crate) violation: Option<String>,
    pub(crate) injected: BTreeMap<Fault, u64>,
    pub(crate) figures: BTreeMap<&'static str, u64>,
    /// How many calls and deliveries there were, for the exhaustive runs.
    pub(crate) effects: u64,
    pub(crate) deliveries: u64,
    pub(crate) trace: Vec<String>,
    pub(crate) pushes: u64,
    /// When each watch's operation was looked at.
    pub(crate) looks: Vec<Vec<Ms>>,
    /// What Slack showed of each watch's end.
    pub(crate) posts: Vec<Vec<&'static str>>,
    /// The longest time that a watch had two checks waiting, in thousandths of its interval.
    pub(crate) longest_fork: u64,
}

/// An instance's clock.
struct Skewed {
    now: Arc<AtomicU64>,
    skew: AtomicI64,
}

impl Clock for Skewed {
    fn now(&self) -> DateTime<Utc> {
        time(self.now.load(Ordering::Relaxed)) + TimeDelta::milliseconds(self.skew.load(Ordering::Relaxed))
    }
}

/// What the settings of an instance depend on.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a separate setting")]
struct Setup {
    access: Access,
    notify: Option<&'static str>,
    ledger: bool,
    adopts: bool,
    limits: Limits,
    /// It asks for Pub/Sub's token.
    gated: bool,
    /// Every second instance has other settings.
    mixed: bool,
}

fn settings(setup: Setup, trust: Trust, has_sink: bool, has_own: bool) -> Settings {
    let Setup { access, notify, ledger, adopts, limits, gated, .. } = setup;
    let (notify, stall_after) = if has_own { (other_notify(notify), 3) } else { (notify, STALL_AFTER) };
    let bot = access == Access::Bot;
    let target = bot.then(|| Target::new(CHANNELS[0]));
    let slack = if bot {
        slack::Access::Bot { base: "https://slack.com".to_owned(), token: "slack token".into() }
    } else {
        slack::Access::Webhook("https://hooks.slack.com/services/T/B/x".into())
    };
    let notify = notify.map(|word| word.parse().expect("a word"));
    let fixed = testing::config(slack.powers()).defaults;
    Settings {
        port: 0,
        config: Config {
            ledger: ledger.then(self::ledger),
            topic: TOPIC.to_owned(),
            trust,
            check_queue: "projects/p/locations/l/queues/checks".to_owned(),
            report_queue: "projects/p/locations/l/queues/reports".to_owned(),
            notice_queue: "projects/p/locations/l/queues/reports".to_owned(),
            service_account: "tasks@p.iam.gserviceaccount.com".to_owned(),
            policy: Policy {
                projects: Some(vec!["p".to_owned()]),
                exports: Locations::Below(vec!["gs://b".to_owned()]),
                imports: Locations::Unset,
                mentions: Some(Vec::new()),
                limits,
                adoption: if adopts { adoption() } else { Adoption::default() },
                ..testing::policy(slack.powers())
            },
            routing: Routing { target, notify, ..Routing::default() },
            stall_after,
            defaults: if adopts { Defaults::new(opwatch::outlets::ADDRESSING) } else { fixed },
            title: adopts.then(|| "opwatch adopts".to_owned()),
            signals: has_sink,
            ..testing::config(slack.powers())
        },
        outlets: vec![Arc::new(slack)],
        push_identity: gated.then(gate::identity),
        endpoints: Endpoints::default(),
        access_token: Some("token".into()),
    }
}

/// What the settings of every second instance tell people, where they differ: of successes too.
fn other_notify(notify: Option<&str>) -> Option<&'static str> {
    match notify {
        None => Some("start,end"),
        Some("live") => Some("end"),
        Some(_) => None,
    }
}

/// What Datastore's operations become watches, but not what opwatch or a robot started.
fn adoption() -> Adoption {
    let except = [OWN_ACCOUNT, ROBOT].map(|account| Principal::Account(account.to_owned()));
    Adoption { of: vec![Adopted { service: Service::DATASTORE, method: None }], except: except.to_vec() }
}

/// Where history is kept.
fn ledger() -> Ledger {
    Ledger {
        kind: KIND.to_owned(),
        project: "p".to_owned(),
        namespace: NAMESPACE.to_owned(),
        database: String::new(),
        keep: TimeDelta::days(400),
    }
}

type Work = Pin<Box<dyn Future<Output = Answered>>>;

struct Instance {
    app: Arc<App>,
    clock: Arc<Skewed>,
}

struct Run {
    world: Arc<Mutex<World>>,
    instances: Vec<Instance>,
    in_flight: BTreeMap<u64, (usize, Work)>,
    setup: Setup,
}

/// Does `work` for each seed, on all cores; what is `done` is told in any order.
pub(crate) fn on_all_cores<T: Send>(
    seeds: Range<u64>,
    work: impl Fn(u64) -> T + Sync,
    mut done: impl FnMut(T),
) {
    let (next, cores) = (AtomicU64::new(seeds.start), std::thread::available_parallelism());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..cores.map_or(1, usize::from) {
            let (sender, next, work, end) = (sender.clone(), &next, &work, seeds.end);
            scope.spawn(move || {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < end) {
                    // The one who listens goes last.
                    let _ = sender.send(work(seed));
                }
            });
        }
        drop(sender);
        receiver.iter().for_each(&mut done);
    });
}

/// Runs `plan` to its end.
pub(crate) fn run(plan: Plan) -> Summary {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut run = Run::new(plan);
        run.drive().await;
        run.summary()
    })
}

impl Run {
    fn new(plan: Plan) -> Self {
        let Plan { access, notify, ledger, adopts, .. } = plan;
        let (mixed, limits) = (plan.around.mixed, plan.around.limits);
        let gated = plan.planted != Some(Planted::OpenGate);
        let (skews, setup) =
            (plan.skews.clone(), Setup { access, notify, ledger, adopts, limits, gated, mixed });
        let world = Arc::new(Mutex::new(World::new(plan)));
        let mut run = Self { world, instances: Vec::new(), in_flight: BTreeMap::new(), setup };
        for skew in skews {
            let clock = Arc::new(Skewed { now: Arc::clone(&run.world().clock), skew: AtomicI64::new(skew) });
            let app = run.app(run.instances.len(), &clock);
            run.instances.push(Instance { app, clock });
        }
        run
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("the world")
    }

    /// A fresh instance: it knows nothing.
    fn app(&self, instance: usize, clock: &Arc<Skewed>) -> Arc<App> {
        let line: Arc<dyn Transport> = Arc::new(SimTransport(Arc::clone(&self.world)));
        let clock: Arc<dyn Clock> = Arc::<Skewed>::clone(clock);
        let (trust, has_sink) = {
            let world = self.world();
            // Instances with a sink and without one work side by side.
            (
                world.plan.boundary.trust(world.instances[instance].internal),
                world.plan.signals && instance.is_multiple_of(2),
            )
        };
        let has_own = self.setup.mixed && !instance.is_multiple_of(2);
        Arc::new(build(settings(self.setup, trust, has_sink, has_own), line, clock))
    }

    async fn drive(&mut self) {
        loop {
            let next = self.world().next();
            let Some((ahead, event)) = next else { return };
            advance(ahead).await;
            match event {
                Event::Kickoff(index) => self.world().kick_off(index),
                Event::Dispatch(index) => self.world().dispatch(index),
                Event::Paste(index) => self.world().paste(index),
                Event::Deliver(index) => self.deliver(index),
                Event::Wake(number) => self.poll(number),
                Event::Remove(index) => self.world().remove(index),
                Event::Expire(index) => self.world().expire(index),
                Event::Commit(index) => self.world().commit_late(index),
                Event::Deploy(instance, internal) => self.redeploy(instance, internal),
                Event::Forge(victim) => {
                    self.world().forge(victim);
                    self.intrude(victim);
                }
                Event::Signal(operation, entry) => self.world().signal(operation, entry),
                Event::Freeze(instance, lasting) => self.world().freeze(instance, lasting),
                Event::Stop => (0..self.instances.len()).for_each(|instance| self.kill(instance)),
            }
        }
    }

    fn deliver(&mut self, index: usize) {
        let begun = self.world().begin(index);
        let Some((number, instance, pushed)) = begun else { return };
        self.weather(number, instance);
        let app = Arc::clone(&self.instances[instance].app);
        let request = self.world().request(pushed);
        let work: Work =
            Box::pin(tokio::task::unconstrained(async move { answer_in_place(&app, request).await }));
        self.in_flight.insert(number, (instance, work));
        self.poll(number);
    }

    /// A stranger pushes to an instance what Pub/Sub pushed, without its token: it is refused at once, and nothing else happens.
    fn intrude(&mut self, victim: usize) {
        let Some((instance, request)) = self.world().intrusion(victim) else { return };
        let app = Arc::clone(&self.instances[instance].app);
        // No push makes a call now.
        self.world().current = 0;
        let mut work = Box::pin(tokio::task::unconstrained(answer_in_place(&app, request)));
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let refused = matches!(&polled, Poll::Ready(answered)
            if answered.response.status() == StatusCode::UNAUTHORIZED && answered.handled.is_none());
        if !refused {
            self.world().ledger.broken("a push of a stranger is let in".to_owned());
        }
    }

    /// What befalls an instance by itself, before it is given a push.
    fn weather(&mut self, number: u64, instance: usize) {
        let (ends, jump) = {
            let mut world = self.world();
            let ends = world.strikes(Fault::Terminate);
            let most = world.plan.most_skew();
            let jump =
                world.strikes(Fault::Step).then(|| world.rng.between(0, 2 * most) as i64 - most as i64);
            if jump.is_some() {
                world.instances[instance].stepped = true;
            }
            if ends || jump.is_some() {
                world.touch(number);
            }
            world.may_freeze(instance);
            if ends {
                world.instances[instance].quiet_until.clear();
                world.instances[instance].generation += 1;
                let generation = world.instances[instance].generation;
                world.pushes.get_mut(&number).expect("in flight").generation = generation;
            }
            (ends, jump)
        };
        if let Some(skew) = jump {
            self.instances[instance].clock.skew.store(skew, Ordering::Relaxed);
        }
        if ends {
            // What is in flight keeps the old one.
            self.instances[instance].app = self.app(instance, &self.instances[instance].clock);
        }
    }

    /// An instance of other settings takes its place; what is in flight keeps the old one.
    fn redeploy(&mut self, instance: usize, internal: bool) {
        {
            let mut world = self.world();
            let now = &mut world.instances[instance];
            (now.internal, now.generation) = (internal, now.generation + 1);
            now.quiet_until.clear();
            world.note(&[15, instance as u64], || {
                format!("instance {instance}: an internal topic: {internal}")
            });
        }
        self.instances[instance].app = self.app(instance, &self.instances[instance].clock);
    }

    fn poll(&mut self, number: u64) {
        let Some((instance, work)) = self.in_flight.get_mut(&number) else { return };
        let instance = *instance;
        if self.world.lock().expect("the world").is_frozen(instance) {
            return;
        }
        self.world.lock().expect("the world").current = number;
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let killed = std::mem::take(&mut self.world().killed);
        if killed {
            self.kill(instance);
        } else if let Poll::Ready(answered) = polled {
            self.in_flight.remove(&number);
            self.world().finish(number, &answered);
        } else {
            self.world().waits_for_its_turn(number);
        }
    }

    fn kill(&mut self, instance: usize) {
        let lost: Vec<u64> =
            self.in_flight.iter().filter(|(_, work)| work.0 == instance).map(|(number, _)| *number).collect();
        for number in &lost {
            self.in_flight.remove(number);
        }
        self.world().died(instance, &lost);
        self.instances[instance].app = self.app(instance, &self.instances[instance].clock);
    }

    fn summary(self) -> Summary {
        let mut world = self.world();
        if world.ledger.violation.is_none() && !world.is_cut_off {
            world.ledger.close();
            world.close_slack();
            world.close_limits();
            world.close_owed();
        }
        Summary {
            seed: world.plan.seed,
            watches: world.plan.kickoffs.len(),
            hash: world.hash(),
            violation: world.ledger.violation.take(),
            injected: std::mem::take(&mut world.injected),
            figures: std::mem::take(&mut world.ledger.figures),
            effects: world.effects,
            deliveries: world.deliveries,
            trace: std::mem::take(&mut world.trace),
            pushes: world.pushes_made(),
            looks: world.ledger.books.iter_mut().map(|book| std::mem::take(&mut book.looks)).collect(),
            posts: world
                .ledger
                .books
                .iter()
                .map(|book| book.posts.iter().map(|post| post.1).collect())
                .collect(),
            longest_fork: world.ledger.longest_fork,
        }
    }
}

/// tokio's clock follows the world's, for time limits.
async fn advance(ahead: Ms) {
    if ahead > 0 {
        tokio::time::advance(Duration::from_millis(ahead)).await;
    }
}
