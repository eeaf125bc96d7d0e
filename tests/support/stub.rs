//! Every upstream of opwatch at one address, which keeps nothing and so stands any load; some of its answers never come.

use std::net::Ipv4Addr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use opwatch::intake::server::{self, Limits};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::opwatch::{CHECK_QUEUE, TOKEN, TOPIC};

/// Reading an operation with this word in its name gets no answer.
pub(crate) const HANGS: &str = "hangs";
/// One with this word has ended.
pub(crate) const DONE: &str = "done";

/// Listens while it lives.
#[derive(Debug)]
pub(crate) struct Stub {
    url: String,
    counts: Arc<Counts>,
    server: JoinHandle<bool>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Requests that hang.
    hanging: watch::Sender<usize>,
    tasks: watch::Sender<usize>,
    posts: watch::Sender<usize>,
}

impl Stub {
    pub(crate) async fn open() -> Self {
        Self::start(false).await
    }

    /// One that takes every request and answers none.
    pub(crate) async fn mute() -> Self {
        Self::start(true).await
    }

    async fn start(mute: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::new(Counts::default());
        let kept = Arc::clone(&counts);
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                let counts = Arc::clone(&counts);
                async move {
                    if mute || request.uri().path().contains(HANGS) {
                        counts.hanging.send_modify(|count| *count += 1);
                        std::future::pending::<()>().await;
                    }
                    Response::new(Full::new(Bytes::from(answer(request, &counts).await)))
                }
            });
        Self { url, counts: kept, server: tokio::spawn(serving) }
    }

    /// The variables that fit it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let services = ["datastore", "firestore", "cloudtasks", "pubsub", "slack"];
        vec![
            ("TOPIC", TOPIC.to_owned()),
            ("CHECK_QUEUE", CHECK_QUEUE.to_owned()),
            ("TASKS_SERVICE_ACCOUNT", "tasks@demo.iam.gserviceaccount.com".to_owned()),
            ("SLACK_WEBHOOK_URL", format!("{}/services/T0LOCAL/B0LOCAL/stub", self.url)),
            ("ENDPOINTS", services.map(|service| format!("{service}={}", self.url)).join(",")),
            ("ACCESS_TOKEN", TOKEN.to_owned()),
            ("EXPORT_PREFIXES", "any".to_owned()),
            ("MAX_STARTS_PER_HOUR", "0".to_owned()),
            ("MAX_NOTICES_PER_HOUR", "0".to_owned()),
        ]
    }

    /// Completes when so many requests hang.
    pub(crate) async fn hanging(&self, count: usize) {
        self.counts.hanging.subscribe().wait_for(|hanging| *hanging >= count).await.unwrap();
    }

    /// Tasks created so far.
    pub(crate) fn tasks(&self) -> usize {
        *self.counts.tasks.borrow()
    }

    /// Messages posted so far.
    pub(crate) fn posts(&self) -> usize {
        *self.counts.posts.borrow()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(request: Request<Incoming>, counts: &Counts) -> String {
    let path = request.uri().path().to_owned();
    let Ok(body) = request.into_body().collect().await else { return String::new() };
    if path.starts_with("/services/") {
        counts.posts.send_modify(|count| *count += 1);
        return "ok".to_owned();
    }
    if path.ends_with("/tasks") {
        counts.tasks.send_modify(|count| *count += 1);
        let created: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        return json!({"name": created["task"]["name"]}).to_string();
    }
    let name = path.trim_start_matches("/v1/");
    let running = json!({"name": name, "metadata": {"common": {"state": "PROCESSING"}}});
    if name.contains(DONE) { json!({"name": name, "done": true, "response": {}}) } else { running }
        .to_string()
}
