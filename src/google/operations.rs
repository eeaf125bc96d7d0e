//! Reads, lists and starts operations.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Call, CallError, Google};
use crate::clock::Deadline;
use crate::endpoints::Api;
use crate::message::StartRequest;
use crate::operation::{ApiError, Listed, Observation, Operation, read_list, read_operation, read_started};
use crate::transport::Method;

/// Operations on a page: each repeats its start's body, which may be 12 KiB, and an answer may be 1 MiB.
const PAGE: u32 = 50;

/// One look at an operation.
#[derive(Clone, Debug)]
pub struct Look {
    /// What it showed.
    pub observation: Observation,
    /// The server's time.
    pub date: Option<DateTime<Utc>>,
    /// How long the API asked to wait.
    pub wait: Duration,
}

/// All operations of a project or database.
#[derive(Clone, Debug)]
pub struct List {
    /// The operations.
    pub listed: Vec<Listed>,
    /// The server's time.
    pub date: Option<DateTime<Utc>>,
}

/// An operation that was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// The operation.
    pub listed: Listed,
    /// The server's time.
    pub date: Option<DateTime<Utc>>,
}

impl Google {
    /// Looks at `operation` once.
    pub async fn look(&self, operation: &Operation, limit: Duration) -> Look {
        let service = operation.service();
        let path = format!("{}/{}", service.version(), operation.name());
        let call = Call::get(Api::Operations(service), &path);
        match self.call(call, limit).await {
            Ok(success) => Look {
                observation: read_operation(operation, &success.body),
                date: success.date,
                wait: Duration::ZERO,
            },
            Err(error) => {
                let wait = error.retry_after.unwrap_or_default();
                let observation = if error.transient {
                    Observation::Unavailable(error.error)
                } else {
                    Observation::Unreadable(error.error)
                };
                Look { observation, date: error.date, wait }
            }
        }
    }

    /// Lists the operations beside the one that `request` would start: all pages, or it fails.
    ///
    /// # Errors
    /// When a page can't be had in time or can't be read.
    pub async fn list(&self, request: &StartRequest, deadline: Deadline) -> Result<List, CallError> {
        let service = request.service();
        let base = format!("{}/{}/operations?pageSize={PAGE}", service.version(), request.resource());
        let (mut all, mut token): (Vec<Listed>, Option<String>) = (Vec::new(), None);
        loop {
            let encoded =
                |token: &String| url::form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>();
            let page =
                token.as_ref().map(|token| format!("&pageToken={}", encoded(token))).unwrap_or_default();
            let path = format!("{base}{page}");
            let call = Call::get(Api::Operations(service), &path);
            let success = self.call(call, deadline.for_call()).await?;
            let (listed, next) =
                read_list(service, &success.body).map_err(|error| unreadable(error, success.date))?;
            all.extend(listed);
            match next {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                Some(_) => {
                    let error = ApiError::new(0, "", "the list of operations repeats a page");
                    return Err(unreadable(error, success.date));
                }
                None => return Ok(List { listed: all, date: success.date }),
            }
        }
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
        };
        let success = self.call(call, limit).await?;
        let listed = read_started(service, &success.body).map_err(|error| unreadable(error, success.date))?;
        Ok(Started { listed, date: success.date })
    }
}

/// An answer with a good status that can't be read: what was asked for may have happened.
pub(super) fn unreadable(error: ApiError, date: Option<DateTime<Utc>>) -> CallError {
    CallError { error, transient: true, ambiguous: true, resent: false, retry_after: None, date }
}
