//! Routes, body limits, and the one table from what became of a push to its status.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Bytes, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tracing::Instrument;

use crate::clock::{Deadline, Stopwatch};
use crate::delivery::Delivery;
use crate::intake::auth::Authenticator;
use crate::intake::push::{self, NotAPush};
use crate::intake::server::InFlight;
use crate::intake::signals::Signals;
use crate::runner::{Action, DeliveryResult, Runner};
use crate::signal::{Phase, Unusable};
use crate::telemetry::trace_id;
use crate::trust::{Route, Trust};

/// The longest body that is opened: many times what a message may have that opwatch reads, and little enough for as
/// many pushes as come at a time.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// The same for a signal: a log entry has at most 256 KiB (<https://cloud.google.com/logging/quotas>), which are 350 KiB in a
/// push. Only a few names of it are kept.
pub const MAX_SIGNAL_BYTES: usize = 400 * 1024;
/// The longest body that is drained so that it can be acknowledged: Pub/Sub's largest message is 10 MB, in base64.
const MAX_DRAINED_BYTES: usize = 16 * 1024 * 1024;
/// Time for a body to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Everything that answers a push.
pub struct App {
    /// Handles what a push carries.
    pub runner: Runner,
    /// Lets pushes in; none lets all in, and leaves it to Cloud Run.
    pub authenticator: Option<Authenticator>,
    /// Decides who can have written what a push carries.
    pub trust: Trust,
    /// Reads the pushes of `/events`.
    pub signals: Signals,
}

/// What a request came to.
pub struct Answered {
    /// Its response.
    pub response: Response<Full<Bytes>>,
    /// What became of its push, if it was one that was handled.
    pub handled: Option<DeliveryResult>,
}

impl From<Response<Full<Bytes>>> for Answered {
    fn from(response: Response<Full<Bytes>>) -> Self {
        Self { response, handled: None }
    }
}

/// A push that was let in.
struct Admitted {
    route: Route,
    body: Body,
    deadline: Deadline,
    span: tracing::Span,
}

/// Answers one request. The work of a push goes on when its caller hangs up, since half a step would have to be done
/// again; `in_flight` makes the drain wait for it.
pub async fn answer(app: Arc<App>, request: Request<Incoming>, in_flight: InFlight) -> Response<Full<Bytes>> {
    let Admitted { route, body, deadline, span } = match admit(&app, request).await {
        Ok(admitted) => admitted,
        Err(response) => return response,
    };
    // Boxed here, so that it is not moved piece by piece into the task.
    let work = Box::pin(async move {
        let answered = push(&app, route, body, deadline).await;
        drop(in_flight);
        answered.response
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "detaches the work from the connection; the drain counts it"
    )]
    let work = tokio::spawn(work.instrument(span));
    // A panic costs this push alone; the hook has logged it.
    work.await.unwrap_or_else(|_| text(StatusCode::INTERNAL_SERVER_ERROR, "this push failed\n"))
}

/// The same where it stands, without a task: the work ends when its caller drops it, as when an instance is killed.
pub async fn answer_in_place<B>(app: &App, request: Request<B>) -> Answered
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    match admit(app, request).await {
        Ok(Admitted { route, body, deadline, span }) => {
            push(app, route, body, deadline).instrument(span).await
        }
        Err(response) => response.into(),
    }
}

/// Lets a push in, and reads its body; or the response of what is no push, or is not let in.
async fn admit<B>(app: &App, request: Request<B>) -> Result<Admitted, Response<Full<Bytes>>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let route = match (request.uri().path(), request.method()) {
        ("/", &Method::POST) => Route::Public,
        ("/internal", &Method::POST) => Route::Internal,
        ("/dead-letter", &Method::POST) => Route::DeadLetter,
        ("/events", &Method::POST) => Route::Events,
        ("/" | "/internal" | "/dead-letter" | "/events", _) => return Err(not_allowed("POST")),
        ("/ready", &Method::GET) => {
            return Err(text(StatusCode::OK, concat!("opwatch ", env!("CARGO_PKG_VERSION"), "\n")));
        }
        ("/ready", _) => return Err(not_allowed("GET")),
        _ => return Err(text(StatusCode::NOT_FOUND, "not found: pushes go to /, probes to /ready\n")),
    };
    let (deadline, span) = (Deadline::start(), span(request.headers()));
    if let Some(authenticator) = &app.authenticator {
        let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Err(refusal) = authenticator.authenticate(authorization).instrument(span.clone()).await {
            return Err(text(StatusCode::UNAUTHORIZED, format!("push not authenticated: {refusal}\n")));
        }
    }
    let most = if route == Route::Events { MAX_SIGNAL_BYTES } else { MAX_BODY_BYTES };
    match tokio::time::timeout(BODY_TIME, receive(request.into_body(), most)).await {
        Ok(Ok(body)) => Ok(Admitted { route, body, deadline, span }),
        Ok(Err(reason)) => Err(text(StatusCode::BAD_REQUEST, reason)),
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n")),
    }
}

/// A body as it came.
enum Body {
    Whole(Bytes),
    /// Too long to be opened: its beginning and its size.
    Oversize(Bytes, usize),
}

/// Reads the body; of one with more than `most` bytes only the beginning is kept.
async fn receive<B>(mut body: B, most: usize) -> Result<Body, &'static str>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let declared = body.size_hint().lower().min(most as u64);
    let mut kept = Vec::with_capacity(usize::try_from(declared).unwrap_or(0));
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| "the body ended early\n")?;
        let Some(data) = frame.data_ref() else { continue };
        size += data.len();
        if size > MAX_DRAINED_BYTES {
            return Err("the body is larger than any Pub/Sub push\n");
        }
        let room = most - kept.len();
        kept.extend_from_slice(data.get(..room).unwrap_or(data));
    }
    kept.shrink_to_fit();
    let kept = Bytes::from(kept);
    Ok(if size <= most { Body::Whole(kept) } else { Body::Oversize(kept, size) })
}

async fn push(app: &App, route: Route, body: Body, deadline: Deadline) -> Answered {
    let (watch, runner) = (Stopwatch::start(), &app.runner);
    let handled = match body {
        Body::Oversize(..) if route == Route::Events => {
            app.signals.refuse(Unusable::TooLarge, "");
            return text(StatusCode::NO_CONTENT, "").into();
        }
        Body::Oversize(head, size) => {
            name_span("");
            runner.handle_oversize(&head, size, MAX_BODY_BYTES, deadline).await
        }
        Body::Whole(body) => match opened(body, route, &app.trust) {
            Ok(delivery) => {
                name_span(&delivery.message_id);
                match route {
                    Route::Public | Route::Internal => runner.handle(delivery, deadline).await,
                    Route::DeadLetter => runner.handle_dead_letter(delivery, deadline).await,
                    Route::Events => return signal(app, &delivery, deadline).await,
                }
            }
            Err((status, why)) => return text(status, why).into(),
        },
    };
    log(&handled, watch.milliseconds());
    Answered { response: status(&handled), handled: Some(handled) }
}

/// Follows a signal. A message that is none is acknowledged: it would be none the next time, too.
async fn signal(app: &App, delivery: &Delivery, deadline: Deadline) -> Answered {
    let watch = Stopwatch::start();
    let Some(signal) = app.signals.read(delivery) else { return text(StatusCode::NO_CONTENT, "").into() };
    tracing::Span::current().record(
        "signal",
        match signal.phase {
            Phase::Started => "started",
            Phase::Ended => "ended",
            Phase::AtOnce => "at-once",
        },
    );
    let handled = app.runner.signal(signal, deadline).await;
    log(&handled, watch.milliseconds());
    Answered { response: status(&handled), handled: Some(handled) }
}

/// Opens the envelope, or refuses the push; the body is not kept while its message is handled.
#[expect(clippy::needless_pass_by_value, reason = "it ends here")]
fn opened(body: Bytes, route: Route, trust: &Trust) -> Result<Delivery, (StatusCode, String)> {
    let push = push::open(&body).map_err(|error| {
        if error == NotAPush::Unwrapped {
            // It goes on until a person changes the subscription.
            tracing::error!(decision = "not-a-push", %error, "rejected a message without its Pub/Sub wrapper");
        } else {
            tracing::warn!(decision = "not-a-push", %error, "rejected a request that is not a push");
        }
        (StatusCode::BAD_REQUEST, format!("{error}\n"))
    })?;
    push.deliver(route, trust).map_err(|error| {
        tracing::error!(reported = true, decision = "not-admitted", "rejected a push: {error}");
        (StatusCode::FORBIDDEN, format!("push rejected: {error}\n"))
    })
}

/// The one table. 204 acknowledges; 202 would too, but not to the emulator.
fn status(handled: &DeliveryResult) -> Response<Full<Bytes>> {
    if handled.acknowledged {
        return text(StatusCode::NO_CONTENT, "");
    }
    text(StatusCode::SERVICE_UNAVAILABLE, "not handled: deliver again\n")
}

/// The line of this push.
fn log(handled: &DeliveryResult, milliseconds: u64) {
    let DeliveryResult { operation, attempt, call_milliseconds, schedule_milliseconds, .. } = handled;
    let decision = handled.decision.word();
    let error = handled.error.as_deref().unwrap_or_default();
    let start = handled.start.as_ref();
    macro_rules! line {
        ($level:expr, $($reported:tt)*) => {
            tracing::event!($level, decision, operation, attempt, path = start.map(|start| &*start.path),
                location = start.map(|start| &*start.location), title = start.map(|start| &*start.title), call_milliseconds, schedule_milliseconds,
                milliseconds, acknowledged = handled.acknowledged, $($reported)* "{}", sentence(handled, error))
        };
    }
    if handled.needs_attention || handled.decision == Action::GaveUp {
        line!(tracing::Level::ERROR, reported = true,);
    } else if handled.acknowledged && error.is_empty() {
        line!(tracing::Level::INFO,);
    } else {
        line!(tracing::Level::WARN,);
    }
}

fn sentence(handled: &DeliveryResult, error: &str) -> String {
    let done = if handled.acknowledged { "acknowledged" } else { "refused" };
    let decision = handled.decision.word();
    if error.is_empty() { format!("{done}: {decision}") } else { format!("{done}: {decision}: {error}") }
}

fn span(headers: &HeaderMap) -> tracing::Span {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let trace = trace_id(header("traceparent"), header("x-cloud-trace-context"));
    let empty = tracing::field::Empty;
    tracing::info_span!("push", trace, message_id = empty, signal = empty)
}

/// Gives the push's lines the message that it brought.
fn name_span(message_id: &str) {
    tracing::Span::current().record("message_id", message_id);
}

fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("this path only allows {allowed}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::logged;

    #[test]
    fn the_line_of_a_push_says_what_became_of_it_and_whether_somebody_must_act() {
        let handled = |decision, acknowledged, error: &str, needs_attention| DeliveryResult {
            acknowledged,
            decision,
            operation: "projects/p/operations/o".to_owned(),
            attempt: Some(3),
            start: None,
            error: Some(error.to_owned()).filter(|error| !error.is_empty()),
            needs_attention,
            call_milliseconds: Some(40),
            schedule_milliseconds: Some(20),
        };
        for (handled, severity, message) in [
            (handled(Action::CheckAgain, true, "", false), "INFO", "acknowledged: check-again"),
            (handled(Action::PostAgain, true, "500", false), "WARNING", "acknowledged: post-again: 500"),
            (handled(Action::NotScheduled, false, "", false), "WARNING", "refused: not-scheduled"),
            (handled(Action::PostAgain, true, "403", true), "ERROR", "acknowledged: post-again: 403"),
            (handled(Action::GaveUp, false, "500", false), "ERROR", "refused: gave-up: 500"),
        ] {
            let lines = logged(|| {
                let span = span(&HeaderMap::new());
                let _entered = span.enter();
                name_span("42");
                log(&handled, 70);
            });
            let [line] = lines.as_slice() else { panic!("{lines:?}") };
            assert_eq!(
                (line["severity"].as_str(), line["message"].as_str()),
                (Some(severity), Some(message))
            );
            assert_eq!((line["message_id"].as_str(), line["attempt"].as_u64()), (Some("42"), Some(3)));
            assert_eq!(line["acknowledged"], handled.acknowledged);
            for (field, value) in
                [("call_milliseconds", 40), ("schedule_milliseconds", 20), ("milliseconds", 70)]
            {
                assert_eq!(line[field], value, "{field}");
            }
        }
    }
}
