//! One API that keeps what it was asked and answers the same to all.

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::Bytes;
use opwatch::intake::server::{self, Limits};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Listens while it lives.
pub(crate) struct Recorder {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: JoinHandle<bool>,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Null without a body.
    pub(crate) body: Value,
}

impl Recorder {
    /// One whose every answer is `answer`.
    pub(crate) async fn open(answer: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                let (log, answer) = (Arc::clone(&log), answer.to_string());
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    log.lock().unwrap().push(Asked {
                        method: parts.method.to_string(),
                        path: parts.uri.path_and_query().unwrap().to_string(),
                        body: if body.is_empty() {
                            Value::Null
                        } else {
                            serde_json::from_slice(&body).unwrap()
                        },
                    });
                    Response::new(Full::new(Bytes::from(answer)))
                }
            });
        Self { url, asked, server: tokio::spawn(serving) }
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}
