//! Google's APIs over REST: a token, a time limit, and one reading of what a status means.

mod chat;
mod datastore;
mod error;
#[cfg(feature = "terminal")]
mod lists;
#[cfg(feature = "terminal")]
mod login;
mod operations;
mod probe;
mod scope;
mod subscription;
mod tasks;
mod token;
mod topic;
mod waiting;

pub use datastore::{Database, Found, Mutation, Properties, Queried, Query};
pub use error::{CallError, Refusal};
#[cfg(feature = "terminal")]
pub use login::{Expiry, Places};
pub use operations::{Look, Page, PageOf, Started};
pub use probe::PERMISSIONS_PER_CALL;
pub use subscription::{MAX_PULLED, Pulled};
pub use tasks::{Created, Task, report_id, sentinel_id, task_id};
use token::Credential;
pub use token::{LOGIN, NoToken, Tokens};
pub use waiting::Deleted;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hyper::body::Bytes;

use crate::clock::Stopwatch;
use crate::net::endpoints::{Api, Endpoint, Endpoints};
use crate::net::transport::{Answer, Failure, Method, Request, Transport};

/// The client of all of Google's APIs.
pub struct Google {
    transport: Arc<dyn Transport>,
    tokens: Tokens,
    /// For the Chat API.
    chat_tokens: Tokens,
    endpoints: Endpoints,
}

/// A successful answer.
struct Success {
    body: Bytes,
    date: Option<DateTime<Utc>>,
}

/// A call to one API.
struct Call<'a> {
    api: Api,
    method: Method,
    /// The path from the version on, with its query.
    path: &'a str,
    body: Vec<u8>,
    /// Twice is as good as once: sent again at once when a connection broke.
    repeatable: bool,
    /// The longest answer that is read, in bytes, where it may be longer than most.
    longest: Option<usize>,
}

impl<'a> Call<'a> {
    fn get(api: Api, path: &'a str) -> Self {
        Self { api, method: Method::Get, path, body: Vec::new(), repeatable: true, longest: None }
    }
}

impl Google {
    /// A client that sends `tokens` to `endpoints` through `transport`.
    pub fn new(transport: Arc<dyn Transport>, tokens: Tokens, endpoints: Endpoints) -> Self {
        let chat_tokens = tokens.with_scope(chat::SCOPE, &transport, &endpoints);
        Self { transport, tokens, chat_tokens, endpoints }
    }

    async fn call(&self, call: Call<'_>, limit: Duration) -> Result<Success, CallError> {
        let endpoint = self.endpoints.get(call.api);
        self.call_at(endpoint, call, limit).await
    }

    async fn call_at(
        &self,
        endpoint: Endpoint,
        call: Call<'_>,
        limit: Duration,
    ) -> Result<Success, CallError> {
        let watch = Stopwatch::start();
        let tokens = if call.api == Api::Chat { &self.chat_tokens } else { &self.tokens };
        let token = match tokio::time::timeout(limit, tokens.for_endpoint(&endpoint)).await {
            Ok(token) => token?,
            Err(_) => return Err(NoToken::new(&format!("no response within {limit:?}")).into()),
        };
        let (token, headers) = token.map_or_else(Default::default, Credential::into_parts);
        let request = Request {
            method: call.method,
            url: format!("{}/{}", endpoint.base, call.path).into(),
            token,
            headers,
            body: call.body,
            longest: call.longest,
        };
        let left = || limit.saturating_sub(Duration::from_millis(watch.milliseconds()));
        let mut result = self.transport.send(request.clone(), left()).await;
        let mut resent = false;
        if let Err(failure @ (Failure::Broken(_) | Failure::NotConnected(_))) = &result
            && call.repeatable
        {
            // Without a connection nothing was sent before.
            resent = matches!(failure, Failure::Broken(_));
            result = self.transport.send(request.clone(), left()).await;
        }
        if matches!(&result, Ok(answer) if answer.status == 401) {
            // In a box: it is rare, and its future is large.
            let again =
                Box::pin(self.with_another_token(tokens, request, &endpoint, call.repeatable, limit, watch))
                    .await;
            result = again.unwrap_or(result);
        }
        match result {
            Ok(answer) if (200..300).contains(&answer.status) => {
                Ok(Success { body: answer.body, date: answer.date })
            }
            Ok(answer) => Err(CallError::Refused(Refusal::of(&answer, resent))),
            Err(failure) => Err(CallError::NoAnswer(failure)),
        }
    }
}

impl Google {
    /// Forgets the token that `request` was refused with, and sends it once more with another one, if there is one and
    /// sending it twice does no harm.
    async fn with_another_token(
        &self,
        tokens: &Tokens,
        request: Request,
        endpoint: &Endpoint,
        repeatable: bool,
        limit: Duration,
        watch: Stopwatch,
    ) -> Option<Result<Answer, Failure>> {
        let left = || limit.saturating_sub(Duration::from_millis(watch.milliseconds()));
        let another = tokens.another(request.token.as_ref()?, endpoint);
        let another = tokio::time::timeout(left(), another).await.ok()?.ok()??;
        if !repeatable || left().is_zero() {
            return None;
        }
        Some(self.transport.send(Request { token: Some(another.token), ..request }, left()).await)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::net::transport::Sending;
    use crate::services::Service;

    /// Refuses the first token that it sees, and notes all.
    #[derive(Default)]
    struct Refusing(Mutex<Vec<String>>);

    impl Transport for Refusing {
        fn send(&self, request: Request, _: Duration) -> Sending<'_> {
            let token = request.token.map(|token| token.expose_secret().to_owned()).unwrap_or_default();
            let mut seen = self.0.lock().unwrap();
            let status = if seen.first().is_none_or(|first| *first == token) { 401 } else { 200 };
            seen.push(token);
            Box::pin(async move { Ok(crate::testing::answer(status, "{}")) })
        }
    }

    #[tokio::test]
    async fn a_refused_token_is_forgotten_and_a_call_repeated_once() {
        let transport = Arc::new(Refusing::default());
        let google =
            Google::new(Arc::clone(&transport) as _, token::tests::lasting(3_600).0, Endpoints::default());
        let call = |repeatable| Call {
            repeatable,
            ..Call::get(Api::Operations(Service::DATASTORE), "v1/projects/p/operations/x")
        };
        let limit = Duration::from_secs(8);
        let refused = google.call(call(false), limit).await.err().unwrap();
        assert_eq!(
            (refused.http(), refused.is_transient()),
            (Some(401), true),
            "a start is tried again later"
        );
        assert!(google.call(call(true), limit).await.is_ok());
        assert_eq!(*transport.0.lock().unwrap(), ["token-1", "token-2"], "with another token");

        transport.0.lock().unwrap().clear();
        assert!(google.call(call(true), limit).await.is_ok());
        assert_eq!(*transport.0.lock().unwrap(), ["token-2", "token-3"], "a look is repeated at once");

        let fixed =
            Google::new(Arc::clone(&transport) as _, Tokens::new(Some("own".into())), Endpoints::default());
        transport.0.lock().unwrap().clear();
        assert!(fixed.call(call(true), limit).await.is_err());
        assert_eq!(*transport.0.lock().unwrap(), ["own"], "there is no other token");
    }
}
