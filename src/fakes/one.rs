//! One operation of any service, as its API answers a GET of it: for services that have no stand-in of their own.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::door::{Answer, FakeServer, FakeService};
use super::events::Event;
use super::fault::Fault;
use super::google::{self, Refusal};
use super::lock::lock;
use super::recorded::RecordedRequest;
use super::shared::Shared;

/// What the operation is, from the time at which it was first read and the time now.
pub(super) type Body = Arc<dyn Fn(DateTime<Utc>, DateTime<Utc>) -> Value + Send + Sync>;

/// The stand-in.
#[derive(Clone)]
pub(super) struct OneOperation {
    shared: Arc<Shared>,
    door: Arc<FakeServer>,
    name: Arc<str>,
    /// With the query, as it must be asked for.
    path: Arc<str>,
    body: Body,
    first_read: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl OneOperation {
    pub(super) async fn open(
        shared: &Arc<Shared>,
        name: &str,
        path: &str,
        body: Body,
    ) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(0).await?;
        let (name, path) = (name.into(), path.into());
        let operation =
            Self { shared: Arc::clone(shared), door, name, path, body, first_read: Arc::default() };
        operation.door.open(listener, shared, operation.clone());
        Ok(operation)
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        self.door.url()
    }

    /// Every request meets `fault`.
    pub(super) fn fail_always(&self, fault: Fault) {
        self.door.fail_always("", "", Some(fault));
    }

    fn read(&self, request: &RecordedRequest) -> Result<Value, Refusal> {
        if request.method != "GET" || *request.path != *self.path {
            return Err(Refusal::no_method());
        }
        let now = self.shared.time.now();
        let first = *lock(&self.first_read).get_or_insert(now);
        let body = (self.body)(first, now);
        self.shared.event(Event::OperationRead { name: self.name.to_string(), body: body.clone() });
        Ok(body)
    }
}

impl FakeService for OneOperation {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        google::answer(&self.shared, request, self.read(request))
    }
}
