//! When a token ends that was set on purpose: nothing can renew it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use url::form_urlencoded;

use super::exchange::Exchange;
use super::fields::HOUR;
use crate::clock::{Clock, SystemClock};
use crate::google::{Google, Tokens};
use crate::net::endpoints::Api;
use crate::net::transport::{Method, Request};

/// When `ACCESS_TOKEN` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The time, by this machine's clock.
    pub at: DateTime<Utc>,
    /// Whether Google said so; otherwise it is an hour from now, as long as most tokens last.
    pub is_known: bool,
}

impl Google {
    /// When the token ends that every call sends; none when tokens are renewed. Asks Google
    /// (<https://cloud.google.com/docs/authentication/token-types#access-tokens>), so ask once.
    pub async fn token_expiry(&self, limit: Duration) -> Option<Expiry> {
        let Tokens::Fixed(token) = &self.tokens else { return None };
        let endpoint = self.endpoints.get(Api::OAuth);
        let token = token.expose_secret();
        let query =
            form_urlencoded::Serializer::new(String::new()).append_pair("access_token", token).finish();
        let request = Request {
            method: Method::Get,
            url: format!("{}/tokeninfo?{query}", endpoint.base).into(),
            token: None,
            headers: Vec::new(),
            body: Vec::new(),
            longest: None,
        };
        let exchange = Exchange { transport: self.transport.clone(), endpoints: self.endpoints.clone() };
        let left = match exchange.answer(request, &[token], limit).await {
            Ok(answer) => super::exchange::seconds_left(&answer.body),
            Err(_) => None,
        };
        let left_or_hour = left.unwrap_or(TimeDelta::seconds(HOUR.into()));
        Some(Expiry { at: SystemClock.now() + left_or_hour, is_known: left.is_some() })
    }
}
