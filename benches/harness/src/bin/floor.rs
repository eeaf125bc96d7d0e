//! The floor: the least that a service could do with a push. Bare hyper, with the pooled client that comes with it: parse
//! the push, look at the operation, create the task (or post the report), 204. It checks nothing, names nothing, logs
//! nothing and speaks plain http alone.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    data: &'a str,
}

#[derive(Deserialize)]
struct Watch<'a> {
    name: &'a str,
    state: State,
}

#[derive(Deserialize)]
struct State {
    report: Option<IgnoredAny>,
}

struct Floor {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: String,
}

impl Floor {
    async fn push(&self, request: Request<Incoming>) -> Option<()> {
        let body = request.into_body().collect().await.ok()?.to_bytes();
        let push: Push = serde_json::from_slice(&body).ok()?;
        let data = STANDARD.decode(push.message.data).ok()?;
        let watch: Watch = serde_json::from_slice(&data).ok()?;
        if watch.state.report.is_some() {
            return self.call(Method::POST, "services/T/B/x", r#"{"text":"it ended"}"#.to_owned()).await;
        }
        self.call(Method::GET, &format!("v1/{}", watch.name), String::new()).await?;
        let queue = "projects/my-project/locations/europe-west1/queues/checks";
        let task = format!(
            r#"{{"task":{{"name":"{queue}/tasks/1","httpRequest":{{"body":"{}"}}}}}}"#,
            STANDARD.encode(&data)
        );
        self.call(Method::POST, &format!("v2/{queue}/tasks"), task).await
    }

    async fn call(&self, method: Method, path: &str, body: String) -> Option<()> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.upstream))
            .header("authorization", "Bearer token")
            .header("content-type", "application/json")
            .body(Full::from(body))
            .ok()?;
        let response = self.client.request(request).await.ok()?;
        let ok = response.status().is_success();
        response.into_body().collect().await.ok()?;
        ok.then_some(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let setting = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set"));
    let port = setting("PORT").parse().expect("PORT must be a number");
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a free port");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let floor = Arc::new(Floor { client, upstream: setting("UPSTREAM") });
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let floor = Arc::clone(&floor);
        let service = service_fn(move |request| {
            let floor = Arc::clone(&floor);
            async move {
                let mut response = Response::new(Full::<Bytes>::default());
                *response.status_mut() = match floor.push(request).await {
                    Some(()) => StatusCode::NO_CONTENT,
                    None => StatusCode::INTERNAL_SERVER_ERROR,
                };
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
