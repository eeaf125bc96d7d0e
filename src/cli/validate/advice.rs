//! What looks wrong in a message that can be read, though a push would be tried with it.

use serde_json::{Map, Value};

use crate::watch::{Message, StartRequest};

/// What looks wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    /// The field's path.
    pub(super) field: String,
    /// Why, and the fix.
    pub(super) text: String,
    /// It contradicts the service's reference; else it may be meant.
    pub(super) certain: bool,
}

/// What looks wrong with `message`.
pub(super) fn advice(message: &Message) -> Vec<Advice> {
    match message {
        Message::Start(start) => of_start(&start.request),
        Message::Check(check) => database(check.operation.name(), "name").into_iter().collect(),
        Message::Test(_) | Message::Report(_) => Vec::new(),
    }
}

fn of_start(request: &StartRequest) -> Vec<Advice> {
    let mut all: Vec<Advice> = database(&request.path, "start.path").into_iter().collect();
    let location = request.method.location_field;
    if !request.body.contains_key(location) {
        let text = "Missing. Add a location, such as gs://BUCKET or gs://BUCKET/FOLDER.";
        all.push(Advice { certain: false, ..error(location, text) });
    }
    all.extend(lists(&request.body, ""));
    let filter = request.body.get("entityFilter").and_then(Value::as_object);
    all.extend(filter.into_iter().flat_map(|filter| lists(filter, "entityFilter.")));
    if request.method.service.has_labels() {
        all.extend(labels(&request.body));
    }
    all.extend(unknown(request));
    all
}

fn error(field: &str, text: impl Into<String>) -> Advice {
    Advice { field: format!("start.body.{field}"), text: text.into(), certain: true }
}

/// A database may be called `default`, but hardly one is
/// (<https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases/create>).
fn database(name: &str, field: &str) -> Option<Advice> {
    let mut segments = name.split(['/', ':']).skip_while(|segment| *segment != "databases");
    (segments.nth(1) == Some("default")).then(|| Advice {
        field: field.to_owned(),
        text: "Names a database with the ID \"default\". The default database is called (default): use \
               databases/(default)."
            .to_owned(),
        certain: false,
    })
}

/// Fields that are lists of strings.
fn lists(fields: &Map<String, Value>, prefix: &str) -> Vec<Advice> {
    let is_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    let wrong = ["kinds", "collectionIds", "namespaceIds"].into_iter().filter_map(|field| {
        let value = fields.get(field).filter(|value| !is_list(value))?;
        let example = Value::Array(vec![value.as_str().unwrap_or("Shop").into()]);
        Some(error(&format!("{prefix}{field}"), format!("Must be a list of strings, such as {example}.")))
    });
    wrong.collect()
}

/// Google's rule for labels, as `gcloud datastore export --help` has it.
fn labels(body: &Map<String, Value>) -> Vec<Advice> {
    let Some(labels) = body.get("labels").and_then(Value::as_object) else { return Vec::new() };
    let plain = |text: &str| {
        text.chars().count() <= 63
            && text.chars().all(|c| (c.is_alphanumeric() && !c.is_uppercase()) || c == '-' || c == '_')
    };
    let key = |text: &str| plain(text) && text.starts_with(|c: char| c.is_alphabetic());
    let wrong = labels.iter().filter(|(name, value)| !(key(name) && value.as_str().is_some_and(plain)));
    wrong
        .map(|(name, _)| {
            let text = "Label names and values have at most 63 lowercase letters, digits, - and _; names begin with a letter.";
            error(&format!("labels.{name}"), text)
        })
        .collect()
}

/// Fields that the reference does not have: the service refuses them, unless they are newer than this version.
fn unknown(request: &StartRequest) -> Vec<Advice> {
    let known = request.method.fields;
    let unknown = request.body.keys().filter(|field| !known.contains(&field.as_str()));
    unknown
        .map(|field| Advice {
            field: format!("start.body.{field}"),
            text: format!("{} does not have this field. It has: {}.", request.method, known.join(", ")),
            certain: false,
        })
        .collect()
}
