//! What a kickoff starts.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::hash::short_hash;

use super::{LookUp, MAX_ORIGIN_BYTES, Watch};
use crate::services::{ApiError, Service, StartMethod};

/// Google's rule for the value of a label.
const MAX_KEY_BYTES: usize = 63;
/// Labels that opwatch adds to a start.
pub(crate) const LABEL_KEY: &str = "opwatch-key";
pub(crate) const LABEL_REQUEST: &str = "opwatch-request";

/// A start to make.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself, and a field of the state")]
pub struct Start {
    /// The watch it begins.
    pub watch: Watch,
    /// What to call.
    pub request: StartRequest,
    /// What the start is recognised by, when not by the watch id.
    pub key: Option<String>,
    /// When the kickoff was published.
    pub published_at: DateTime<Utc>,
    /// How often it was tried before.
    pub tries: u32,
    /// How often this try has waited: for another start of the same request, or to read on in a long list.
    pub turn_waits: u32,
    /// Whether an earlier try may have started it.
    pub ambiguous: bool,
    /// Whether the try before was not permitted to list the operations.
    pub denied: bool,
    /// Where its look-up goes on; none begins at the beginning.
    pub look_up: Option<LookUp>,
    /// Whether it was counted among the starts of its project and hour (`MAX_STARTS_PER_HOUR`).
    pub counted: bool,
    /// Why the last try failed.
    pub error: Option<ApiError>,
    /// Whether opwatch passed it on; otherwise a person wrote it.
    pub is_continuation: bool,
}

/// The call that starts an operation, as that API's REST reference has it.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRequest {
    /// The service and its method.
    pub method: StartMethod,
    /// The path behind the version, such as `projects/my-project:export`.
    pub path: String,
    /// The body.
    pub body: Map<String, Value>,
    /// How the kickoff has both, when it has placeholders in them. Messages and commands to paste carry this.
    pub template: Option<Box<Template>>,
}

/// A path and a body before their placeholders are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The path.
    pub path: String,
    /// The body.
    pub body: Map<String, Value>,
}

impl StartRequest {
    /// The database that it works on.
    pub fn database(&self) -> &str {
        crate::services::database_of(self.resource())
    }

    /// Where in a bucket it writes to or reads from; empty when the body doesn't say.
    pub fn location(&self) -> &str {
        let location = self.body.get(self.method.location_field);
        location.and_then(Value::as_str).unwrap_or_default()
    }

    /// The path and the body as the kickoff has them.
    pub fn written(&self) -> (&str, &Map<String, Value>) {
        match &self.template {
            Some(template) => (&template.path, &template.body),
            None => (&self.path, &self.body),
        }
    }

    /// The same as the kickoff has it, when that is short enough to ride in the watch.
    #[must_use]
    pub fn as_origin(&self) -> Option<Self> {
        let (path, body) = self.written();
        let size = serde_json::to_vec(body).map_or(usize::MAX, |json| json.len());
        let fits = path.len().saturating_add(size) <= MAX_ORIGIN_BYTES;
        let origin =
            || Self { method: self.method, path: path.to_owned(), body: body.clone(), template: None };
        fits.then(origin)
    }

    /// The texts that hold placeholders: the field's path, such as `start.body.outputUrlPrefix`, and what it expands to.
    pub fn expansions(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Some(template) = &self.template {
            if template.path != self.path {
                found.push(("start.path".to_owned(), self.path.clone()));
            }
            collect_object("start.body", &template.body, &self.body, &mut found);
        }
        found
    }

    /// The service to call.
    pub fn service(&self) -> Service {
        self.method.service
    }

    /// The resource that the method works on, such as `projects/my-project`.
    pub fn resource(&self) -> &str {
        self.path.rsplit_once(':').map_or(self.path.as_str(), |(resource, _)| resource)
    }

    /// The project in its path.
    pub fn project(&self) -> &str {
        crate::services::project_of(self.resource())
    }
}

/// What this start is recognised by.
pub fn idempotency_key(start: &Start) -> String {
    key_or_id(start.key.as_deref(), &start.watch.id)
}

/// What the start of this watch is recognised by: its kickoff's key, or else the watch's id.
pub(crate) fn key_or_id(key: Option<&str>, id: &str) -> String {
    let own = key.unwrap_or(id);
    if is_label(own) { own.to_owned() } else { short_hash(&[own]) }
}

/// What all starts of the same request have in common: the text before its placeholders are replaced, since a second kickoff
/// for the same slot expands to another text.
pub fn request_hash(request: &StartRequest) -> String {
    let (path, body) = request.written();
    short_hash(&[request.service().id(), path, &Value::Object(body.clone()).to_string()])
}

/// Google's rule for a label's value, but the empty one.
pub(crate) fn is_label(value: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

/// Collects the texts of `expanded` that `written` has otherwise.
fn collect(at: &str, written: &Value, expanded: &Value, found: &mut Vec<(String, String)>) {
    match (written, expanded) {
        (Value::String(written), Value::String(expanded)) if written != expanded => {
            found.push((at.to_owned(), expanded.clone()));
        }
        (Value::Array(written), Value::Array(expanded)) => {
            for (index, (written, expanded)) in written.iter().zip(expanded).enumerate() {
                collect(&format!("{at}[{index}]"), written, expanded, found);
            }
        }
        (Value::Object(written), Value::Object(expanded)) => collect_object(at, written, expanded, found),
        _ => {}
    }
}

fn collect_object(
    at: &str,
    written: &Map<String, Value>,
    expanded: &Map<String, Value>,
    found: &mut Vec<(String, String)>,
) {
    for ((name, written), expanded) in written.iter().zip(expanded.values()) {
        collect(&format!("{at}.{name}"), written, expanded, found);
    }
}
