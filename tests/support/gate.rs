//! An API that answers only when the test lets it, so that a push can be held in flight without a sleep.

use std::net::Ipv4Addr;
use std::time::Duration;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use opwatch::intake::server::{self, Limits};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Listens while it lives; answers every request with the same body once it is open.
#[derive(Debug)]
pub(crate) struct Gate {
    url: String,
    arrivals: mpsc::UnboundedReceiver<()>,
    open: watch::Sender<bool>,
    server: JoinHandle<bool>,
}

impl Gate {
    pub(crate) async fn closed(body: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let (open, opened) = watch::channel(false);
        let body = Bytes::from(body.to_owned());
        let serving = server::serve(listener, Limits::default(), std::future::pending(), move |_, _| {
            let (arrived, mut opened, body) = (arrived.clone(), opened.clone(), body.clone());
            async move {
                let _ = arrived.send(());
                let _ = opened.wait_for(|open| *open).await;
                Response::new(Full::new(body))
            }
        });
        Self { url, arrivals, open, server: tokio::spawn(serving) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Completes when the next request has come.
    pub(crate) async fn arrival(&mut self) {
        let arrival = tokio::time::timeout(TIMEOUT, self.arrivals.recv()).await;
        arrival.expect("a request comes in time").expect("the server runs");
    }

    /// Answers what waits and what is still to come.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}
