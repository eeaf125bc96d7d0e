//! Reads, lists and starts operations.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Call, CallError, Google};
use crate::clock::Stopwatch;
use crate::net::endpoints::Api;
use crate::net::transport::Method;
#[cfg(feature = "terminal")]
use crate::services::cancel_path;
use crate::services::{
    ApiError, Listed, Observation, Operation, Service, detail_path, read_list, read_operation, read_path,
    read_started, with_detail,
};
use crate::watch::StartRequest;

/// One look at an operation.
#[derive(Clone, Debug)]
pub struct Look {
    /// What it showed.
    pub observation: Observation,
    /// The server's time.
    pub date: Option<DateTime<Utc>>,
    /// How long the API asked to wait.
    pub wait: Duration,
    /// There was no token to look with.
    pub lacks_token: bool,
}

/// A page of a list of operations.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its operations.
    pub listed: Vec<Listed>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
    /// The server's time.
    pub date: Option<DateTime<Utc>>,
}

/// Which page of which list.
#[derive(Clone, Copy, Debug)]
pub struct PageOf<'a> {
    /// The list's filter; empty has none.
    pub filter: &'a str,
    /// The page's token; empty is the first page.
    pub token: &'a str,
    /// The most operations on it.
    pub size: u32,
}

/// An operation that was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// The operation.
    pub listed: Listed,
    /// The server's time.
    pub date: Option<DateTime<Utc>>,
}

impl PageOf<'_> {
    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("pageSize", &self.size.to_string());
        for (name, value) in [("filter", self.filter), ("pageToken", self.token)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

impl Google {
    /// Looks at `operation` once.
    pub async fn look(&self, operation: &Operation, limit: Duration) -> Look {
        let service = operation.service();
        let path = read_path(operation);
        let call = Call::get(Api::Operations(service), &path);
        let watch = Stopwatch::start();
        match self.call_at(self.endpoints.of(operation), call, limit).await {
            Ok(success) => {
                let seen = read_operation(operation, &success.body);
                let observation = match detail_path(operation, &seen) {
                    None => seen,
                    Some(path) => {
                        let left = limit.saturating_sub(Duration::from_millis(watch.milliseconds()));
                        Box::pin(self.detailed(operation, seen, &path, left)).await
                    }
                };
                Look { observation, date: success.date, wait: Duration::ZERO, lacks_token: false }
            }
            Err(error) => {
                let (date, wait) = (error.date(), error.retry_after().unwrap_or_default());
                let lacks_token = matches!(error, CallError::NoToken(_));
                let observation = if error.is_transient() {
                    Observation::Unavailable(error.into_api_error())
                } else {
                    Observation::Unreadable(error.into_api_error())
                };
                Look { observation, date, wait, lacks_token }
            }
        }
    }

    /// The failure `seen` with its text, which is at `path`; without it when that can't be had at once.
    async fn detailed(
        &self,
        operation: &Operation,
        seen: Observation,
        path: &str,
        limit: Duration,
    ) -> Observation {
        let call = Call { repeatable: false, ..Call::get(Api::Operations(operation.service()), path) };
        match self.call_at(self.endpoints.of(operation), call, limit).await {
            Ok(success) => with_detail(operation.service(), seen, &success.body),
            Err(error) => {
                tracing::warn!("the reason of the failure of {operation} could not be read: {error}");
                seen
            }
        }
    }

    /// Reads one page of the list that has the operation which `request` would start.
    ///
    /// # Errors
    /// When the page can't be had in time or can't be read.
    pub async fn list(
        &self,
        request: &StartRequest,
        page: PageOf<'_>,
        limit: Duration,
    ) -> Result<Page, CallError> {
        let service = request.service();
        let path = format!("{}/{}/operations?{}", service.version(), request.resource(), page.query());
        let success = self.call(Call::get(Api::Operations(service), &path), limit).await?;
        let (listed, next) = read_list(service, &success.body)
            .map_err(|error| CallError::Unreadable { error, date: success.date })?;
        if next.as_deref() == Some(page.token) {
            let error = ApiError::of_text("the list of operations repeats a page");
            return Err(CallError::Unreadable { error, date: success.date });
        }
        Ok(Page { listed, next, date: success.date })
    }

    /// Asks to cancel `operation`. It goes on for a while, or even to its end.
    ///
    /// # Errors
    /// When it was refused or could not be sent, and when its service can't cancel it.
    #[cfg(feature = "terminal")]
    pub async fn cancel(&self, operation: &Operation, limit: Duration) -> Result<(), CallError> {
        let unknown = || ApiError::of_text("the service has no method that cancels operations");
        let path =
            cancel_path(operation).ok_or_else(|| CallError::Unreadable { error: unknown(), date: None })?;
        let body = b"{}".to_vec();
        let api = Api::Operations(operation.service());
        let call = Call { api, method: Method::Post, path: &path, body, repeatable: true, longest: None };
        self.call_at(self.endpoints.of(operation), call, limit).await.map(|_| ())
    }

    /// Whether the operations of `service` are an emulator's or a stand-in's: no Google API is on this machine.
    pub fn is_emulated(&self, service: Service) -> bool {
        self.endpoints.get(Api::Operations(service)).loopback
    }

    /// Starts what `request` asks for, with `body`.
    ///
    /// # Errors
    /// When it was refused, or when it is not known whether it began.
    pub async fn start(
        &self,
        request: &StartRequest,
        body: Map<String, Value>,
        limit: Duration,
    ) -> Result<Started, CallError> {
        let service = request.service();
        let path = format!("{}/{}", service.version(), request.path);
        let call = Call {
            api: Api::Operations(service),
            method: Method::Post,
            path: &path,
            body: Value::Object(body).to_string().into_bytes(),
            repeatable: false,
            longest: None,
        };
        let success = self.call(call, limit).await?;
        let listed = read_started(service, &success.body)
            .map_err(|error| CallError::Unreadable { error, date: success.date })?;
        Ok(Started { listed, date: success.date })
    }
}
