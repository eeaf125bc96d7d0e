//! Plays operations through the real core.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use opwatch::app::build;
use opwatch::clock::Deadline;
use opwatch::delivery::Delivery;
use opwatch::intake::http::App;
use opwatch::services::{Operation, Service};
use opwatch::settings::Variables;
use opwatch::signal::{Phase, Signal};
use opwatch::trust::Origin;
use serde_json::json;

use crate::stage::{Event, Ms, NAME, Shared, Stage, time};
use crate::work::{Scenario, Work, works};

const CHECKS: &str = "projects/p/locations/l/queues/checks";

fn app(stage: &Shared, scenario: &Scenario) -> App {
    let mut args = Variables::from([
        ("TOPIC", "projects/p/topics/t"),
        ("CHECK_QUEUE", CHECKS),
        ("TASKS_SERVICE_ACCOUNT", "tasks@p.iam.gserviceaccount.com"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x"),
        ("EXPORT_PREFIXES", "any"),
        ("MAX_STARTS_PER_HOUR", "0"),
        ("STALL_AFTER", "0"),
        ("ACCESS_TOKEN", "token"),
    ]);
    scenario.settings.iter().for_each(|(name, value)| args.set(name, *value));
    build(args.check().expect("settings"), Arc::new(stage.clone()), Arc::new(stage.clone()))
}

/// Plays one operation to its end: how late people heard of it, and with how many checks.
fn play(work: Work, scenario: &Scenario, app: &App, shared: &Shared) -> (Ms, u32) {
    let stage = Stage::new(work, scenario);
    *shared.0.lock().expect("the stage") = stage;
    let kickoff = json!({"title": "Nightly", "start": {"service": "datastore", "path": "projects/p:export",
        "body": {"outputUrlPrefix": "gs://b"}}});
    shared.0.lock().expect("the stage").queue(0, Event::Push(kickoff.to_string().into_bytes()));
    let mut pushed = 0_u64;
    loop {
        let mut stage = shared.0.lock().expect("the stage");
        let Some(event) = stage.next() else { break };
        let now = time(stage.now);
        drop(stage);
        pushed += 1;
        let work: Pin<Box<dyn Future<Output = bool>>> = match event {
            Event::Push(data) => {
                let delivery = Delivery {
                    message_id: pushed.to_string(),
                    published: Some(now),
                    attributes: BTreeMap::new(),
                    data: Ok(data),
                    origin: Origin::Internal,
                };
                Box::pin(async { app.runner.handle(delivery, Deadline::start()).await.acknowledged })
            }
            Event::Signal | Event::Task(_) => {
                let operation = Operation::new(Service::DATASTORE, NAME).expect("a name");
                let signal =
                    Signal { operation, phase: Phase::Ended, method: None, principal: None, at: now };
                Box::pin(async { app.runner.signal(signal, Deadline::start()).await.acknowledged })
            }
        };
        let polled = pin!(work).as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(true), "nothing here waits or fails");
    }
    let stage = shared.0.lock().expect("the stage");
    let over = stage.began.expect("it was started") + stage.work.lasts;
    assert_eq!(stage.told.len(), 1, "one message about its end, at {:?} of {over}", stage.told);
    (stage.told[0] - over, stage.checks)
}

/// Lateness in seconds and checks of each operation of one scenario.
pub(crate) fn all(scenario: &Scenario, count: usize) -> (Vec<f64>, Vec<f64>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _inside = runtime.enter();
    let shared = Shared(Arc::new(Mutex::new(Stage::default())));
    // One instance handles all: what it remembers is not about single operations.
    let app = app(&shared, scenario);
    let played = works(count, scenario).into_iter().map(|work| play(work, scenario, &app, &shared));
    played.map(|(late, checks)| (late as f64 / 1_000.0, f64::from(checks))).unzip()
}
