//! A push endpoint that hands what it receives to the test.

use std::net::Ipv4Addr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use opwatch::intake::server::{self, Limits};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long a push may take to come.
const PUSH_LIMIT: Duration = Duration::from_secs(60);

/// Listens while it lives, and answers every push in the same way.
#[derive(Debug)]
pub(crate) struct Inbox {
    url: String,
    pushes: mpsc::UnboundedReceiver<Value>,
    server: JoinHandle<bool>,
}

impl Inbox {
    pub(crate) async fn open(answer: StatusCode) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, pushes) = mpsc::unbounded_channel();
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                let sender = sender.clone();
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    // Nobody reads any more when the test is about to end.
                    let _ = sender.send(serde_json::from_slice(&body).unwrap());
                    let mut response = Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = answer;
                    response
                }
            });
        Self { url, pushes, server: tokio::spawn(serving) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next push, whole. Fails the test when none comes.
    pub(crate) async fn next(&mut self) -> Value {
        let push = tokio::time::timeout(PUSH_LIMIT, self.pushes.recv()).await;
        push.expect("a push comes in time").expect("the server runs")
    }

    /// What has been delivered and not been read yet.
    pub(crate) fn waiting(&self) -> usize {
        self.pushes.len()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
