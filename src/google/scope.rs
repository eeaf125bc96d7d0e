//! Tokens for a scope that the token of every other call does not have.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;

use super::token::{Credential, Fetching, Finding, Issued, Machine, NoToken, Source, Tokens};
use crate::clock::{Clock, SystemClock};
use crate::net::endpoints::{Api, Endpoint, Endpoints};
use crate::net::transport::{Method, Request, Transport};

/// How long the metadata server may take.
const LIMIT: Duration = Duration::from_secs(5);

impl Tokens {
    /// Tokens with `scope` alone: the token that was set, or else one of the machine's own account, which the metadata server
    /// gives for any scope (<https://cloud.google.com/compute/docs/access/authenticate-workloads>). `gcp_auth` can't ask for one.
    pub(super) fn with_scope(
        &self,
        scope: &'static str,
        transport: &Arc<dyn Transport>,
        endpoints: &Endpoints,
    ) -> Self {
        if let Self::Fixed(token) = self {
            return Self::Fixed(token.clone());
        }
        let endpoint = endpoints.get(Api::Metadata);
        let is_local = endpoint.loopback;
        let transport = Arc::clone(transport);
        let find = move || -> Finding {
            let source = Scoped { scope, transport: Arc::clone(&transport), endpoint: endpoint.clone() };
            Box::pin(async { Ok(Arc::new(source) as Arc<dyn Source>) })
        };
        Self::Machine(Machine::new(find, is_local))
    }
}

/// The metadata server, asked for one scope.
struct Scoped {
    scope: &'static str,
    transport: Arc<dyn Transport>,
    endpoint: Endpoint,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: i64,
}

impl Source for Scoped {
    fn token(&self) -> Fetching<'_> {
        Box::pin(async {
            let path = "computeMetadata/v1/instance/service-accounts/default/token";
            let request = Request {
                method: Method::Get,
                url: format!("{}/{path}?scopes={}", self.endpoint.base, self.scope).into(),
                token: None,
                headers: vec![("metadata-flavor".into(), "Google".to_owned())],
                body: Vec::new(),
                longest: None,
            };
            let why = |text: &str| {
                NoToken::new(&format!("the metadata server gave none for {}: {text}", self.scope))
            };
            let answer = self.transport.send(request, LIMIT).await;
            let answer = answer.map_err(|failure| why(&failure.to_string()))?;
            let given: Given = serde_json::from_slice(&answer.body)
                .map_err(|_| why(&format!("it returned {}", answer.status)))?;
            let expires = SystemClock.now() + TimeDelta::seconds(given.expires_in);
            let credential = Credential { token: given.access_token.into(), quota_project: None };
            Ok(Issued { credential, expires, is_local: self.endpoint.loopback })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::google::Google;
    use crate::net::transport::Sending;
    use crate::testing::answer;

    /// The metadata server and Chat. Notes what each was asked, and with which token.
    #[derive(Default)]
    struct Both(Mutex<Vec<(String, Option<String>)>>);

    impl Transport for Both {
        fn send(&self, request: Request, _: Duration) -> Sending<'_> {
            let url = request.url.expose_secret().to_owned();
            let body = if url.contains("computeMetadata") {
                assert_eq!(request.headers, [("metadata-flavor".into(), "Google".to_owned())]);
                r#"{"access_token": "of-the-app", "expires_in": 3599, "token_type": "Bearer"}"#
            } else {
                "{}"
            };
            let token = request.token.map(|token| token.expose_secret().to_owned());
            self.0.lock().unwrap().push((url, token));
            Box::pin(async move { Ok(answer(200, body)) })
        }
    }

    #[tokio::test]
    async fn chat_is_called_with_a_token_of_its_scope_alone() {
        let transport = Arc::new(Both::default());
        let google = Google::new(Arc::clone(&transport) as _, Tokens::new(None), Endpoints::default());
        let limit = Duration::from_secs(8);
        for _ in 0..2 {
            google.chat(Method::Get, "v1/spaces/A", None, limit).await.unwrap();
        }
        let metadata = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token?scopes=https://www.googleapis.com/auth/chat.bot";
        let chat = ("https://chat.googleapis.com/v1/spaces/A".to_owned(), Some("of-the-app".to_owned()));
        let expected = [(metadata.to_owned(), None), chat.clone(), chat];
        assert_eq!(*transport.0.lock().unwrap(), expected, "one token for both");

        let fixed = Tokens::new(Some("own".into()));
        let google = Google::new(Arc::clone(&transport) as _, fixed, Endpoints::default());
        google.chat(Method::Get, "v1/spaces/A", None, limit).await.unwrap();
        assert_eq!(transport.0.lock().unwrap().last().unwrap().1.as_deref(), Some("own"));
    }

    /// It says which scope was asked for.
    #[tokio::test]
    async fn away_from_google_cloud_there_is_none() {
        struct Nothing;
        impl Transport for Nothing {
            fn send(&self, _: Request, _: Duration) -> Sending<'_> {
                Box::pin(async { Ok(answer(404, "not found")) })
            }
        }
        let google = Google::new(Arc::new(Nothing), Tokens::new(None), Endpoints::default());
        let error = google.chat(Method::Get, "v1/spaces/A", None, LIMIT).await.unwrap_err().to_string();
        assert!(error.contains("auth/chat.bot: it returned 404"), "{error}");
    }
}
