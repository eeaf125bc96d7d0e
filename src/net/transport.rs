//! One HTTP request out, one answer back: the seam that a simulation takes the place of.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hyper::body::Bytes;
use secrecy::{ExposeSecret, SecretString};

use crate::net::roots::SystemRoots;

/// An answer longer than this is not read, unless the request allows more.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Connections are dropped when idle this long: Cloud Run throttles an idle instance, which then does not see its
/// peer close one.
const IDLE: Duration = Duration::from_secs(15);
const CONTENT_TYPE: &str = "content-type";
const CONNECT: Duration = Duration::from_secs(3);

/// A method that opwatch calls with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST, of JSON as a rule.
    Post,
    /// DELETE.
    Delete,
    /// PATCH.
    Patch,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its URL: secret, since a webhook's is.
    pub url: SecretString,
    /// The bearer token to send.
    pub token: Option<SecretString>,
    /// More headers, by their names in lower case. A `content-type` stands for JSON's.
    pub headers: Headers,
    /// The body of a POST or PATCH.
    pub body: Vec<u8>,
    /// The longest answer that is read, in bytes; none is [`MAX_ANSWER_BYTES`].
    pub longest: Option<usize>,
}

/// Headers, by their names in lower case.
pub type Headers = Vec<(Cow<'static, str>, String)>;

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// The server's time: its `Date`.
    pub date: Option<DateTime<Utc>>,
    /// How long it may be kept: `max-age` of its `Cache-Control`.
    pub max_age: Option<Duration>,
    /// Its body.
    pub body: Bytes,
}

/// Why no answer came. The text never holds the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing was sent.
    #[error("connection failed: {0}")]
    NotConnected(String),
    /// The time limit passed.
    #[error("no response within {0:?}")]
    TimedOut(Duration),
    /// The connection broke before the answer was whole.
    #[error("connection lost: {0}")]
    Broken(String),
    /// The answer is too long.
    #[error("the response is too long")]
    TooLong,
}

/// What sends requests.
pub trait Transport: Send + Sync {
    /// Sends `request` and reads the whole answer within `limit`. Never follows a redirect.
    fn send(&self, request: Request, limit: Duration) -> Sending<'_>;
}

/// A request on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'a>>;

/// The real network: pooled connections, HTTP/2 where the host has it.
#[derive(Clone, Debug)]
pub struct Network {
    client: reqwest::Client,
    roots: Arc<SystemRoots>,
}

/// Why there can be no network.
#[derive(Debug, thiserror::Error)]
pub enum NoNetwork {
    /// The servers could not be verified.
    #[error(transparent)]
    Roots(#[from] rustls::Error),
    /// The client could not be built.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

impl Network {
    /// Builds the client. Opens no connection.
    ///
    /// # Errors
    /// When the machine has no CA certificates.
    pub fn new() -> Result<Self, NoNetwork> {
        let roots = SystemRoots::find()?;
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("opwatch/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            // No proxy from the environment: it would see the token of a call to loopback in clear.
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tls_backend_preconfigured(roots.client()?)
            .build()?;
        Ok(Self { client, roots })
    }

    /// Reads the machine's CA certificates now, and not with the first call.
    ///
    /// # Errors
    /// When there are none.
    pub fn with_roots(self) -> Result<Self, NoNetwork> {
        self.roots.load()?;
        Ok(self)
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Failure> {
        let url = request.url.expose_secret();
        let builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url).body(request.body),
            Method::Delete => self.client.delete(url),
            Method::Patch => self.client.patch(url).body(request.body),
        };
        let is_json = matches!(request.method, Method::Post | Method::Patch)
            && request.headers.iter().all(|(name, _)| name != CONTENT_TYPE);
        let builder = if is_json { builder.header(CONTENT_TYPE, "application/json") } else { builder };
        let builder =
            request.headers.iter().fold(builder, |builder, (name, value)| builder.header(&**name, value));
        let builder = match &request.token {
            Some(token) => builder.bearer_auth(token.expose_secret()),
            None => builder,
        };
        let longest = request.longest.unwrap_or(MAX_ANSWER_BYTES);
        let mut response = builder.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let date = header("date").and_then(http_date);
        let retry_after = header("retry-after").and_then(|value| retry_after(value, date));
        let max_age = header("cache-control").and_then(max_age);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > longest {
                return Err(Failure::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, date, max_age, body: body.into() })
    }
}

impl Transport for Network {
    fn send(&self, request: Request, limit: Duration) -> Sending<'_> {
        Box::pin(async move {
            match tokio::time::timeout(limit, self.exchange(request)).await {
                Ok(result) => result,
                Err(_) => Err(Failure::TimedOut(limit)),
            }
        })
    }
}

/// reqwest prints the URL in its errors, and the useful part in their sources.
fn failure(error: reqwest::Error) -> Failure {
    let not_connected = error.is_connect();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    if not_connected { Failure::NotConnected(text) } else { Failure::Broken(text) }
}

fn http_date(value: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(value).ok().map(Into::into).filter(crate::text::is_plausible)
}

/// Seconds, or a date (RFC 9110, 10.2.3), which counts from the answer's own.
fn retry_after(value: &str, date: Option<DateTime<Utc>>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    (http_date(value)? - date?).to_std().ok()
}

fn max_age(value: &str) -> Option<Duration> {
    let seconds = value.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = http_date("Mon, 23 Nov 2026 03:00:00 GMT");
        assert_eq!(retry_after("30", date), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Mon, 23 Nov 2026 03:01:00 GMT", date), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Mon, 23 Nov 2026 02:01:00 GMT", date), None);
        assert_eq!(retry_after("soon", date), None);
    }

    #[test]
    fn max_age_is_one_directive_of_several() {
        assert_eq!(max_age("public, max-age=21600, must-revalidate"), Some(Duration::from_secs(21_600)));
        assert_eq!(max_age("no-cache"), None);
    }
}
