//! Puts the parts together.

use std::future::Future;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::google::{Google, Tokens};
use crate::intake::auth::Authenticator;
use crate::intake::http::{App, answer};
use crate::intake::keys::Keys;
use crate::intake::server::{InFlight, Limits, serve};
use crate::intake::signals::Signals;
use crate::net::endpoints::Api;
use crate::net::in_time::InTime;
use crate::net::transport::Transport;
use crate::outlets::Outlets;
use crate::outlets::access::Tools;
use crate::runner::Runner;
use crate::settings::Settings;

/// Builds it. Makes no call: tokens and keys are fetched when the first push needs them.
pub fn build(settings: Settings, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> App {
    let transport: Arc<dyn Transport> = Arc::new(InTime::new(transport));
    let authenticator = settings.push_identity.map(|identity| {
        let keys = Keys::new(Arc::clone(&transport), settings.endpoints.get(Api::Jwks));
        Authenticator::new(identity, keys, Arc::clone(&clock))
    });
    let tokens = Tokens::new(settings.access_token);
    let google = Arc::new(Google::new(Arc::clone(&transport), tokens, settings.endpoints));
    let tools = Tools { transport, google: Arc::clone(&google) };
    let outlets = Outlets::open(&settings.outlets, &tools);
    let trust = settings.config.trust.clone();
    let signals = Signals::new(settings.config.policy.clone(), Arc::clone(&clock));
    App { runner: Runner::new(settings.config, google, outlets, clock), authenticator, trust, signals }
}

/// Serves pushes on `listener` until `shutdown`, then drains; returns whether all that was in flight ended in time.
pub async fn run(
    app: Arc<App>,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let handler = move |request: Request<Incoming>, in_flight: InFlight| {
        let app = Arc::clone(&app);
        async move { answer(app, request, in_flight).await as Response<_> }
    };
    serve(listener, limits, shutdown, handler).await
}
