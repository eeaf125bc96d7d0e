//! The HTTP side that all stand-ins have in common: a listener, a record of requests, and faults.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;

use super::fault::{Fault, Faults, Wire};
use super::lock::lock;
use super::recorded::RecordedRequest;
use super::shared::Shared;
use super::time::http_date;
use crate::intake::server::{Limits, serve};

/// What a stand-in answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// What each stand-in adds to its door.
pub(super) trait FakeService: Clone + Send + Sync + 'static {
    /// Does what is asked and answers.
    fn answer(&self, request: &RecordedRequest) -> Answer;

    /// Whether a request is worth keeping.
    fn records(&self, _request: &RecordedRequest) -> bool {
        true
    }

    /// Is told of an answer that a fault gave instead.
    fn faulted(&self, _request: &RecordedRequest, _status: u16, _body: &str) {}
}

/// One listener on loopback.
#[derive(Debug)]
pub(super) struct FakeServer {
    address: SocketAddr,
    faults: Mutex<Faults>,
    requests: Mutex<Vec<RecordedRequest>>,
}

impl FakeServer {
    /// Listens on `port` of loopback, 0 for any free one.
    pub(super) async fn listen(port: u16) -> std::io::Result<(Arc<Self>, TcpListener)> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        Ok((Arc::new(Self { address, faults: Mutex::default(), requests: Mutex::default() }), listener))
    }

    /// Serves `stand_in` until the world is stopped.
    pub(super) fn open(
        self: &Arc<Self>,
        listener: TcpListener,
        shared: &Arc<Shared>,
        stand_in: impl FakeService,
    ) {
        let limits = Limits { drain: Duration::from_secs(1), ..Limits::default() };
        let (door, handler_shared, stopped) = (Arc::clone(self), Arc::clone(shared), Arc::clone(shared));
        let handler = move |request, in_flight| {
            let (door, shared, stand_in) = (Arc::clone(&door), Arc::clone(&handler_shared), stand_in.clone());
            async move {
                let response = tokio::select! {
                    response = door.handle(request, &shared, &stand_in) => response,
                    () = shared.stopped() => Response::new(Wire::none()),
                };
                drop(in_flight);
                response
            }
        };
        shared.serve(async move {
            serve(listener, limits, stopped.stopped(), handler).await;
        });
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.requests).clone()
    }

    pub(super) fn fail_next(&self, method: &str, path_part: &str, fault: Fault) {
        lock(&self.faults).next(method, path_part, fault);
    }

    pub(super) fn fail_always(&self, method: &str, path_part: &str, fault: Option<Fault>) {
        lock(&self.faults).always(method, path_part, fault);
    }

    pub(super) fn fail_every(&self, every: usize, method: &str, path_part: &str, fault: Fault) {
        lock(&self.faults).every(every, method, path_part, fault);
    }

    pub(super) fn fail_next_with(&self, body_part: &str, fault: Fault) {
        lock(&self.faults).next_with(body_part, fault);
    }

    pub(super) fn fail_always_with(&self, body_part: &str, fault: Option<Fault>) {
        lock(&self.faults).always_with(body_part, fault);
    }

    async fn handle(
        &self,
        request: Request<Incoming>,
        shared: &Shared,
        stand_in: &impl FakeService,
    ) -> Response<Wire> {
        let Some(request) = record(request).await else { return Response::new(Wire::none()) };
        if stand_in.records(&request) {
            lock(&self.requests).push(request.clone());
        }
        let fault = lock(&self.faults).take(&request);
        let date = || http_date(shared.time.now());
        match fault {
            None => respond(stand_in.answer(&request), &date(), Wire::whole),
            Some(Fault::HalfBody) => respond(stand_in.answer(&request), &date(), Wire::half),
            Some(Fault::Answer { status, headers, body }) => {
                stand_in.faulted(&request, status, &body);
                let answer = Answer { status, kind: "text/plain", body };
                with_headers(respond(answer, &date(), Wire::whole), headers)
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Reset) => Response::new(Wire::none()),
            Some(Fault::DoneButLost) => {
                stand_in.answer(&request);
                Response::new(Wire::none())
            }
        }
    }
}

/// Reads the whole request; none when the client went away.
async fn record(request: Request<Incoming>) -> Option<RecordedRequest> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Some(RecordedRequest { method: head.method.to_string(), path, headers: head.headers, body })
}

fn respond(answer: Answer, date: &str, wire: impl FnOnce(String) -> Wire) -> Response<Wire> {
    let mut response = Response::new(wire(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.kind));
    // Else hyper writes the real time.
    with_headers(response, vec![(DATE.to_string(), date.to_owned())])
}

fn with_headers(mut response: Response<Wire>, headers: Vec<(String, String)>) -> Response<Wire> {
    for (name, value) in headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            continue;
        };
        response.headers_mut().insert(name, value);
    }
    response
}

/// The methods that all stand-ins have.
macro_rules! has_door {
    ($stand_in:ty) => {
        impl $stand_in {
            /// Where it listens: `http://127.0.0.1:PORT`.
            pub fn url(&self) -> String {
                self.door.url()
            }

            /// Every request so far, in order.
            pub fn requests(&self) -> Vec<super::RecordedRequest> {
                self.door.requests()
            }

            /// The next request meets `fault`; called again, so does the one after it.
            pub fn fail_next(&self, fault: super::Fault) {
                self.door.fail_next("", "", fault);
            }

            /// The next request with this method (empty: any) and this part in its path and query meets `fault`.
            pub fn fail_next_on(&self, method: &str, path_part: &str, fault: super::Fault) {
                self.door.fail_next(method, path_part, fault);
            }

            /// Every request meets `fault` until this is called with none.
            pub fn fail_always(&self, fault: Option<super::Fault>) {
                self.door.fail_always("", "", fault);
            }

            /// Of each `every` such requests the last one meets `fault`.
            pub fn fail_every_on(&self, every: usize, method: &str, path_part: &str, fault: super::Fault) {
                self.door.fail_every(every, method, path_part, fault);
            }

            /// Every such request meets `fault` until this is called with none for the same method and path part.
            pub fn fail_always_on(&self, method: &str, path_part: &str, fault: Option<super::Fault>) {
                self.door.fail_always(method, path_part, fault);
            }

            /// The next request with this part in its body meets `fault`.
            pub fn fail_next_with(&self, body_part: &str, fault: super::Fault) {
                self.door.fail_next_with(body_part, fault);
            }

            /// Every request with this part in its body meets `fault` until this is called with none for the same part.
            pub fn fail_always_with(&self, body_part: &str, fault: Option<super::Fault>) {
                self.door.fail_always_with(body_part, fault);
            }
        }
    };
}
pub(super) use has_door;
