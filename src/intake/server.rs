//! Serves HTTP/1.1 on a listener until told to stop, then lets what is in flight finish.
//!
//! Knows nothing of opwatch: the handler is a function from request to response.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

/// What a response body may fail with.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// As much as is read ahead of a connection, and so the longest header: Cloud Run allows 32 KiB of it. hyper would take
/// up to 400 KiB a connection.
const READ_AHEAD: usize = 64 * 1024;

/// How much a client may take before it is cut off.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at a time; more wait in the listener's backlog.
    pub connections: usize,
    /// Time for a request's header to arrive, and for an idle connection to send the next one.
    pub header: Duration,
    /// Time for requests in flight to finish once the server was told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    /// Cloud Run sends SIGKILL 10 s after SIGTERM (container contract), so the drain ends just before.
    fn default() -> Self {
        Self { connections: 1_000, header: Duration::from_secs(10), drain: Duration::from_millis(9_500) }
    }
}

/// Counts what is in flight: the drain waits until each clone is dropped.
#[derive(Clone, Debug)]
pub struct InFlight {
    _alive: mpsc::Sender<()>,
}

/// Serves `handler` on `listener` until `shutdown` completes, then refuses new connections at once, lets the
/// requests in flight finish (and whatever else holds an [`InFlight`]) and returns whether all did in time.
/// A response body that fails closes its connection, with nothing sent if it fails at once.
pub async fn serve<H, F, B>(
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
    handler: H,
) -> bool
where
    H: Fn(Request<Incoming>, InFlight) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let in_flight = InFlight { _alive: alive };
    let (stop, stopping) = watch::channel(false);
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut shutdown = pin!(shutdown);

    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let Some((stream, permit)) = accepted else { continue };
        let connection =
            serve_connection(stream, limits, stopping.clone(), handler.clone(), in_flight.clone());
        #[expect(clippy::disallowed_methods, reason = "the server is where connections become tasks")]
        tokio::spawn(async move {
            connection.await;
            drop(permit);
        });
    }

    drop(listener);
    drop(in_flight);
    let _ = stop.send(true);
    tokio::time::timeout(limits.drain, all_gone.recv()).await.is_ok()
}

/// The next connection, or none when accepting failed: a lack of descriptors passes, so the loop goes on.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn serve_connection<H, F, B>(
    stream: TcpStream,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
    handler: H,
    in_flight: InFlight,
) where
    H: Fn(Request<Incoming>, InFlight) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let alive = in_flight.clone();
    let service = service_fn(move |request| {
        let response = handler(request, in_flight.clone());
        async move { Ok::<_, Infallible>(response.await) }
    });
    // Not hyper-util's `auto` builder: it waits without limit for a silent client's first bytes (hyper #3756).
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header)
            .max_buf_size(READ_AHEAD)
            .serve_connection(TokioIo::new(stream), service)
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = told(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(alive);
}

/// Completes when the server was told to stop.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}
