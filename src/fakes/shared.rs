//! What the stand-ins of one world share: time, events, violations, the HTTP client and the running tasks.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Pace;
use super::events::{Event, Log};
use super::lock::lock;
use super::time::Time;
use super::timeline::{Job, Timeline};

/// Shared by the stand-ins of one world.
pub(super) struct Shared {
    pub(super) time: Time,
    pub(super) log: Log,
    pub(super) timeline: Timeline,
    pub(super) client: reqwest::Client,
    violations: Mutex<Vec<String>>,
    stopped: watch::Sender<bool>,
    work: Mutex<JoinSet<()>>,
    servers: Mutex<JoinSet<()>>,
}

impl Shared {
    pub(super) fn new(pace: Pace) -> std::io::Result<Arc<Self>> {
        let time = Time::new();
        let shared = Arc::new(Self {
            timeline: Timeline::new(pace, time.clone()),
            time,
            log: Log::default(),
            client: client()?,
            violations: Mutex::default(),
            stopped: watch::Sender::new(false),
            work: Mutex::default(),
            servers: Mutex::default(),
        });
        let spawner = Arc::clone(&shared);
        shared.spawn(shared.timeline.clone().run(move |job| spawner.spawn(job)));
        Ok(shared)
    }

    /// Runs `work` in the background until it ends or the world is stopped.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if *self.stopped.borrow() {
            return;
        }
        let mut running = lock(&self.work);
        while running.try_join_next().is_some() {}
        running.spawn(work);
    }

    /// Runs `job` at once, counted as in flight from now on.
    pub(super) fn begin(&self, job: Job) {
        let busy = self.timeline.busy();
        self.spawn(async move {
            job.await;
            drop(busy);
        });
    }

    /// Runs a server, which must end when [`Self::stopped`] completes.
    pub(super) fn serve(&self, server: impl Future<Output = ()> + Send + 'static) {
        lock(&self.servers).spawn(server);
    }

    /// Completes when the world is stopped.
    pub(super) async fn stopped(&self) {
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Ends all work, lets the servers close, and waits for both.
    pub(super) async fn stop(&self) {
        self.stopped.send_replace(true);
        let mut work = std::mem::take(&mut *lock(&self.work));
        work.shutdown().await;
        let mut servers = std::mem::take(&mut *lock(&self.servers));
        while servers.join_next().await.is_some() {}
    }

    pub(super) fn event(&self, event: Event) {
        self.log.push(event);
    }

    pub(super) fn violation(&self, violation: String) {
        lock(&self.violations).push(violation);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }
}

/// A client that follows nothing, goes through no proxy and keeps no connection open.
fn client() -> std::io::Result<reqwest::Client> {
    // Someone may have installed it before: either way there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .map_err(std::io::Error::other)
}
