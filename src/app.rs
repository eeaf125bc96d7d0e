//! Puts the parts together.

use std::future::Future;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::endpoint::answer;
use crate::endpoints::Api;
use crate::gate::Gate;
use crate::google::{Google, Tokens};
use crate::keys::Keys;
use crate::server::{InFlight, Limits, serve};
use crate::settings::{Settings, SlackAccess};
use crate::slack::Slack;
use crate::transport::Transport;
use crate::trust::Trust;
use crate::watcher::Watcher;

/// Everything that answers a push.
pub struct App {
    /// Handles what a push carries.
    pub watcher: Watcher,
    /// Lets pushes in; none lets all in, and leaves it to Cloud Run.
    pub gate: Option<Gate>,
    /// Decides who can have written what a push carries.
    pub trust: Trust,
}

/// Builds it. Makes no call: tokens and keys are fetched when the first push needs them.
pub fn build(settings: Settings, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> App {
    let gate = settings.push_identity.map(|identity| {
        let keys = Keys::new(Arc::clone(&transport), settings.endpoints.get(Api::Jwks));
        Gate::new(identity, keys, Arc::clone(&clock))
    });
    let tokens = Tokens::new(settings.access_token);
    let google = Google::new(Arc::clone(&transport), tokens, settings.endpoints);
    let slack = slack(transport, settings.slack);
    let trust = settings.setup.trust.clone();
    App { watcher: Watcher::new(settings.setup, google, slack, clock), gate, trust }
}

/// The client of Slack that the settings ask for.
pub(crate) fn slack(transport: Arc<dyn Transport>, access: SlackAccess) -> Slack {
    match access {
        SlackAccess::Webhook(url) => Slack::webhook(transport, url),
        SlackAccess::Bot { base, token } => Slack::bot(transport, base, token),
    }
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
