//! The admin APIs of Datastore and Firestore on one port: start, read, list and cancel operations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::door::{Answer, FakeServer, FakeService, has_door};
use super::events::Event;
use super::filter::lists;
use super::google::{self, Refusal};
use super::lock::lock;
use super::plan::{Dialect, Plan, Started};
use super::recorded::RecordedRequest;
use super::shared::Shared;
use super::start::{Outputs, Start};

/// An operation as it is now.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// When it began.
    pub start_time: DateTime<Utc>,
    /// Its labels (Datastore only).
    pub labels: BTreeMap<String, String>,
    /// How often it was read over HTTP.
    pub reads: usize,
    /// What a read would answer now.
    pub body: Value,
}

/// The stand-in for `datastore.googleapis.com` and `firestore.googleapis.com`.
#[derive(Clone)]
pub struct Operations {
    shared: Arc<Shared>,
    door: Arc<FakeServer>,
    state: Arc<Mutex<State>>,
    token: Option<Arc<str>>,
}

has_door!(Operations);

struct State {
    plan: Plan,
    page_size: usize,
    started: Vec<Started>,
    outputs: Outputs,
    count: usize,
}

impl State {
    /// Takes the place where an export to `prefix` writes, and shows it: in the answer, and in Firestore's metadata, which
    /// have where the documents go and not what was asked
    /// (<https://cloud.google.com/firestore/docs/reference/rest/Shared.Types/ExportDocumentsMetadata>).
    fn take_output(
        &mut self,
        dialect: Dialect,
        prefix: &str,
        start_time: DateTime<Utc>,
        fields: &mut Map<String, Value>,
    ) -> Result<String, Refusal> {
        let output = self.outputs.take(prefix, start_time)?;
        Ok(match dialect {
            Dialect::Datastore => output.file,
            Dialect::Firestore => {
                fields.insert("outputUriPrefix".to_owned(), json!(output.folder));
                output.folder
            }
        })
    }
}

impl Operations {
    pub(super) async fn open(shared: &Arc<Shared>, token: Option<String>) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(0).await?;
        let state = State {
            plan: Plan::default(),
            page_size: 100,
            started: Vec::new(),
            outputs: Outputs::default(),
            count: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let operations = Self { shared: Arc::clone(shared), door, state, token: token.map(Into::into) };
        operations.door.open(listener, shared, operations.clone());
        Ok(operations)
    }

    /// How operations go that are started from now on.
    pub fn plan(&self, plan: Plan) {
        lock(&self.state).plan = plan;
    }

    /// An export that someone else starts now. Its name says which API it belongs to.
    pub fn add(&self, name: &str, plan: Plan) {
        let dialect = if name.contains("/databases/") { Dialect::Firestore } else { Dialect::Datastore };
        let (field, prefix) = match dialect {
            Dialect::Datastore => ("outputUrlPrefix", "gs://backups"),
            Dialect::Firestore => ("outputUriPrefix", "gs://backups"),
        };
        let mut request = Map::new();
        request.insert(field.to_owned(), json!(prefix));
        let start_time = self.shared.time.now();
        let mut state = lock(&self.state);
        // A bucket alone is never refused.
        let output = state.take_output(dialect, prefix, start_time, &mut request).unwrap_or_default();
        state.started.push(Started {
            name: name.to_owned(),
            dialect,
            import: false,
            start_time,
            cancelled_at: None,
            plan,
            labels: BTreeMap::new(),
            request,
            output,
            reads: 0,
        });
    }

    /// Puts a label on an operation.
    pub fn label(&self, name: &str, key: &str, value: &str) {
        for operation in lock(&self.state).started.iter_mut().filter(|operation| operation.name == name) {
            operation.labels.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Forgets an operation: reading it answers 404 from now on.
    pub fn remove(&self, name: &str) {
        lock(&self.state).started.retain(|operation| operation.name != name);
    }

    /// The most operations that one page of a list has.
    pub fn page_size(&self, most: usize) {
        lock(&self.state).page_size = most.max(1);
    }

    /// Every operation, in the order started.
    pub fn operations(&self) -> Vec<Operation> {
        let now = self.shared.time.now();
        let view = |started: &Started| Operation {
            name: started.name.clone(),
            start_time: started.start_time,
            labels: started.labels.clone(),
            reads: started.reads,
            body: started.body(now),
        };
        lock(&self.state).started.iter().map(view).collect()
    }

    /// How often an operation was read over HTTP.
    pub fn reads(&self, name: &str) -> usize {
        lock(&self.state)
            .started
            .iter()
            .find(|operation| operation.name == name)
            .map_or(0, |found| found.reads)
    }

    fn route(&self, request: &RecordedRequest) -> Result<Value, Refusal> {
        google::authorized(request, self.token.as_deref())?;
        let segments = request.segments();
        let Some((&"v1", path)) = segments.split_first() else { return Err(Refusal::no_method()) };
        if !path.iter().all(|segment| google::is_id(segment)) {
            return Err(Refusal::invalid("Invalid resource name."));
        }
        match (request.method.as_str(), path) {
            ("GET", ["projects", _, "operations"] | ["projects", _, "databases", _, "operations"]) => {
                self.list(&path.join("/"), &request.query())
            }
            ("GET", ["projects", _, "operations", _] | ["projects", _, "databases", _, "operations", _]) => {
                self.read(&path.join("/"))
            }
            ("POST", ["projects", _, "operations", _] | ["projects", _, "databases", _, "operations", _]) => {
                self.cancel(&path.join("/"), request)
            }
            ("POST", ["projects", _] | ["projects", _, "databases", _]) => {
                self.start(&path.join("/"), request)
            }
            _ => Err(Refusal::no_method()),
        }
    }

    fn read(&self, name: &str) -> Result<Value, Refusal> {
        let now = self.shared.time.now();
        let body = {
            let mut state = lock(&self.state);
            let operation = find(&mut state, name)?;
            operation.reads += 1;
            operation.body(now)
        };
        self.shared.event(Event::OperationRead { name: name.to_owned(), body: body.clone() });
        Ok(body)
    }

    fn cancel(&self, path: &str, request: &RecordedRequest) -> Result<Value, Refusal> {
        let name = path.strip_suffix(":cancel").ok_or_else(Refusal::no_method)?;
        if !request.body.is_empty() && google::body::<Map<String, Value>>(request)?.keys().next().is_some() {
            return Err(Refusal::invalid("A cancel has no fields."));
        }
        let now = self.shared.time.now();
        find(&mut lock(&self.state), name)?.cancel(now);
        Ok(json!({}))
    }

    /// A page of the operations of one project or database, newest first. No reference promises that order.
    fn list(&self, collection: &str, query: &[(String, String)]) -> Result<Value, Refusal> {
        let (mut filter, mut token) = (String::new(), "");
        let mut size = lock(&self.state).page_size;
        for (name, value) in query {
            let bad = |_| Refusal::invalid(format!("Invalid value for {name}: {value}"));
            match name.as_str() {
                "filter" => filter.clone_from(value),
                "pageToken" => token = value,
                "pageSize" => match value.parse::<usize>().map_err(bad)? {
                    0 => {}
                    wanted => size = size.min(wanted),
                },
                _ => return Err(Refusal::invalid(format!("Unknown query parameter {name}."))),
            }
        }
        let skip = skipped(token, &filter)?;
        let dialect =
            if collection.contains("/databases/") { Dialect::Firestore } else { Dialect::Datastore };
        let mut page = Vec::new();
        for body in self.bodies(collection) {
            if lists(dialect, &body, &filter)? {
                page.push(body);
            }
        }
        let more = page.len() > skip + size;
        let page: Vec<_> = page.into_iter().skip(skip).take(size).collect();
        let mut answer = Map::new();
        if !page.is_empty() {
            answer.insert("operations".to_owned(), Value::Array(page));
        }
        if more {
            answer.insert("nextPageToken".to_owned(), json!(format!("page-{}~{filter}", skip + size)));
        }
        Ok(Value::Object(answer))
    }

    fn bodies(&self, collection: &str) -> Vec<Value> {
        let now = self.shared.time.now();
        let state = lock(&self.state);
        let here = |name: &str| name.rsplit_once('/').is_some_and(|(parent, _)| parent == collection);
        state.started.iter().rev().filter(|operation| here(&operation.name)).map(|it| it.body(now)).collect()
    }

    fn start(&self, path: &str, request: &RecordedRequest) -> Result<Value, Refusal> {
        let (parent, method) = path.rsplit_once(':').ok_or_else(Refusal::no_method)?;
        let (dialect, import) = match (parent.contains("/databases/"), method) {
            (false, "export") => (Dialect::Datastore, false),
            (false, "import") => (Dialect::Datastore, true),
            (true, "exportDocuments") => (Dialect::Firestore, false),
            (true, "importDocuments") => (Dialect::Firestore, true),
            _ => return Err(Refusal::no_method()),
        };
        let start: Start = google::body(request)?;
        let labels = start.labels()?;
        let (prefix, mut fields) = start.metadata(dialect, import)?;
        let start_time = self.shared.time.now();
        let body = {
            let mut state = lock(&self.state);
            let output =
                if import { prefix } else { state.take_output(dialect, &prefix, start_time, &mut fields)? };
            state.count += 1;
            let started = Started {
                name: format!("{parent}/operations/ASA1MTAwNDQy{:06}", state.count),
                dialect,
                import,
                start_time,
                cancelled_at: None,
                plan: state.plan.clone(),
                labels,
                request: fields,
                output,
                reads: 0,
            };
            let body = started.body(start_time);
            state.started.push(started);
            body
        };
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.shared.event(Event::OperationStarted { name });
        Ok(body)
    }
}

/// How many operations come before the page of `token`, which belongs to one filter: <https://google.aip.dev/158>.
fn skipped(token: &str, filter: &str) -> Result<usize, Refusal> {
    if token.is_empty() {
        return Ok(0);
    }
    let parts = token.strip_prefix("page-").and_then(|rest| rest.split_once('~'));
    parts
        .filter(|(_, of)| *of == filter)
        .and_then(|(skip, _)| skip.parse().ok())
        .ok_or_else(|| Refusal::invalid(format!("Invalid value for pageToken: {token}")))
}

fn find<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Started, Refusal> {
    let found = state.started.iter_mut().find(|operation| operation.name == name);
    found.ok_or_else(|| Refusal::expected(404, "NOT_FOUND", format!("Operation \"{name}\" not found.")))
}

impl FakeService for Operations {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        google::answer(&self.shared, request, self.route(request))
    }
}
