//! Puts the parts together.

use std::future::Future;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::endpoint::answer;
use crate::google::{Google, Tokens};
use crate::server::{InFlight, Limits, serve};
use crate::settings::Settings;
use crate::slack::Slack;
use crate::transport::Transport;
use crate::watcher::Watcher;

/// Builds the watcher. Makes no call: tokens are fetched when the first push needs one.
pub fn watcher(settings: Settings, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Watcher {
    let tokens = Tokens::new(settings.access_token);
    let google = Google::new(Arc::clone(&transport), tokens, settings.endpoints);
    let slack = Slack::new(transport, settings.webhook);
    Watcher::new(settings.setup, google, slack, clock)
}

/// Serves pushes on `listener` until `shutdown`, then drains; returns whether all that was in flight ended in time.
pub async fn run(
    watcher: Arc<Watcher>,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let handler = move |request: Request<Incoming>, in_flight: InFlight| {
        let watcher = Arc::clone(&watcher);
        async move { answer(watcher, request, in_flight).await as Response<_> }
    };
    serve(listener, limits, shutdown, handler).await
}
