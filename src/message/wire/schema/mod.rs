//! The JSON Schema of a message, made from the parts as they are read and written. The binary includes the file, so that it
//! needs none of this.
//!
//! A message without `state` is held to what a person may write; of one with `state` the schema says what this version writes.

pub(crate) mod tests;

use schemars::generate::Contract;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::message::{LIMIT, MAX_TITLE_CHARS};
use crate::schema_tests::schema_of;
use crate::services::{MAX_NAME_BYTES, Service, StartMethod};
use crate::watch::{LABEL_KEY, LABEL_REQUEST, Locale, MentionOn, Notify};

/// What a segment of an operation's name has, besides what is no character of a name ([`NAME`]).
const SEGMENT: &str = "[^/:=]+";
/// The same with the colon of a project of a domain.
const PROJECT: &str = "[^/=]+";
/// What `{operation**}` stands for.
const REST: &str = "[^/:=]+=*(/[^/:=]+=*)*";
/// The characters of a name.
const NAME: &str = "^[A-Za-z0-9._~():=/-]*$";
/// A URL of an operation, for the condition on the service; the field itself has more of its form.
const ANY_URL: &str = "(https:)?//.*";
/// A URL of an operation, or of its page in the Cloud Console.
const URL: &str = r"^(https:)?//[a-z0-9.-]+\.(googleapis|google)\.com/[!-~]+$";
/// The characters of a path, and its placeholders.
const PATH: &str = r"^([A-Za-z0-9._~():/-]|\$\{(date|time|datetime|id)\})*$";
/// A text of which every `${` begins a placeholder, or stands behind another `$`.
const TEMPLATE: &str = r"^([^$]|\$[^${]|\$\$+([^${]|\{)|\$\{(date|time|datetime|id)\})*\$*$";
/// Control characters, and those that change the direction of a text.
const HIDDEN: &str = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f";
/// White space that is not hidden.
const BLANK: &str = r"\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000";

/// The parts whose descriptions are for the users of the schema.
const DESCRIBED: [&str; 5] = ["Start", "State", "Report", "Outlet", "Template"];

/// The schema of a message.
pub(crate) fn message() -> Value {
    let mut schema = schema_of::<super::Message<'_>>(Contract::Deserialize);
    let mut parts = schema["$defs"].take();
    for (name, part) in parts.as_object_mut().into_iter().flatten() {
        if !DESCRIBED.contains(&name.as_str()) {
            bare(part);
        }
    }
    let fields = schema["properties"].as_object().cloned().unwrap_or_default();
    parts["Passed"] = passed(fields.clone());
    parts["Kickoff"] = kickoff(fields);
    json!({
        "$schema": schema["$schema"],
        "title": "opwatch message",
        "description": "A message on opwatch's topic.",
        "type": "object",
        "if": {"required": ["state"]},
        "then": {"$ref": "#/$defs/Passed"},
        "else": {"$ref": "#/$defs/Kickoff"},
        "$defs": parts,
    })
}

/// Takes the descriptions out: those of the core are for readers of its code.
fn bare(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("description");
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(Map::values_mut).for_each(bare);
    let Some(Value::Array(any)) = object.get_mut("oneOf") else { return };
    any.iter_mut().for_each(bare);
    let words: Option<Vec<Value>> = any.iter().map(|word| word.get("const").cloned()).collect();
    if let Some(words) = words {
        object.remove("oneOf");
        object.insert("type".to_owned(), json!("string"));
        object.insert("enum".to_owned(), words.into());
    }
}

/// What opwatch passes on. A newer version may have other words, and other fields.
fn passed(mut fields: Map<String, Value>) -> Value {
    for field in fields.values_mut().filter(|field| field["type"] == "string") {
        *field = json!({"type": "string"});
    }
    fields["outlets"] = json!({"type": "array", "items": {"type": "string"}});
    json!({"description": "What opwatch passes on to itself.", "properties": fields, "required": ["state"]})
}

/// What a person writes.
fn kickoff(mut fields: Map<String, Value>) -> Value {
    fields.remove("state");
    fields["attempt"]["maximum"] = json!(LIMIT.end() - 1);
    fields["start"]["allOf"] = Service::table().flat_map(Service::start_forms).map(own_start).collect();
    let without = |fields: &[&str]| -> Value {
        fields.iter().map(|field| ((*field).to_owned(), json!(false))).collect::<Map<_, _>>().into()
    };
    json!({
        "description": "A kickoff: start an operation and follow it, follow one that is running, or test the installation.",
        "properties": fields,
        "additionalProperties": false,
        "dependentSchemas": {"until": {"properties": without(&["interval", "limit"])}},
        "allOf": names_by_service(),
        "if": {"required": ["test"]},
        "then": {"properties": without(&["start", "name", "service", "attempt", "key"])},
        "else": {
            "if": {"required": ["start"]},
            "then": {"properties": without(&["name", "service", "attempt"])},
            "else": {"required": ["name"], "properties": without(&["key"])},
        },
    })
}

/// The forms of names, for a message that names its service. Services with the same forms stand together.
fn names_by_service() -> Vec<Value> {
    let mut groups = std::collections::BTreeMap::<String, Vec<&str>>::new();
    for service in Service::table() {
        let forms: Vec<String> = service.forms().map(pattern).collect();
        groups.entry(format!("^({}|{ANY_URL})$", forms.join("|"))).or_default().push(service.id());
    }
    let condition = |(pattern, services): (String, Vec<&str>)| {
        json!({
            "if": {"required": ["service"], "properties": {"service": {"enum": services}}},
            "then": {"properties": {"name": {"pattern": pattern}}},
        })
    };
    groups.into_iter().map(condition).collect()
}

/// What a person's start must not say: the service would refuse it, but later.
fn own_start((resource, method): (&str, StartMethod)) -> Value {
    let mut body = Map::new();
    for (field, _) in method.misnomers {
        body.insert((*field).to_owned(), json!(false));
    }
    let location = json!({"description": "A place in a bucket: gs://BUCKET or gs://BUCKET/FOLDER.", "type": "string", "pattern": "^gs://[^/]"});
    body.insert(method.location_field.to_owned(), location);
    let path = format!("^{}$", path_of(resource, method));
    json!({
        "if": {"properties": {"path": {"pattern": path}}},
        "then": {"properties": {"service": {"const": method.service.id()}, "body": {"properties": body}}},
    })
}

pub(super) fn title(_: &mut SchemaGenerator) -> Schema {
    let pattern = format!("^[^{HIDDEN}]*[^{HIDDEN}{BLANK}][^{HIDDEN}]*$");
    json_schema!({"type": "string", "minLength": 1, "maxLength": MAX_TITLE_CHARS, "pattern": pattern})
}

/// Minutes, hours or days: at most 28 days.
pub(super) fn until(_: &mut SchemaGenerator) -> Schema {
    const MINUTES: &str = "[1-9][0-9]{0,3}|[1-3][0-9]{4}|40[0-2][0-9]{2}|403[01][0-9]|40320";
    const HOURS: &str = "[1-9][0-9]?|[1-5][0-9]{2}|6[0-6][0-9]|67[0-2]";
    let pattern = format!("^(({MINUTES})m|({HOURS})h|([1-9]|1[0-9]|2[0-8])d)$");
    json_schema!({"type": "string", "pattern": pattern})
}

pub(super) fn locale(_: &mut SchemaGenerator) -> Schema {
    words(Locale::ALLOWED.split(", "))
}

pub(super) fn time_zone(_: &mut SchemaGenerator) -> Schema {
    words(chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()))
}

pub(super) fn channel(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[CGD][A-Z0-9]{2,30}$"})
}

pub(super) fn mention(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^(here|[UWS][A-Z0-9]{2,30})$"})
}

pub(super) fn mention_on(_: &mut SchemaGenerator) -> Schema {
    words(MentionOn::WORDS.iter().copied())
}

pub(super) fn notify(_: &mut SchemaGenerator) -> Schema {
    words(Notify::WORDS.iter().copied())
}

pub(super) fn service(_: &mut SchemaGenerator) -> Schema {
    words(Service::table().map(Service::id))
}

pub(super) fn startable(_: &mut SchemaGenerator) -> Schema {
    words(Service::table().filter(|service| service.look_up().is_some()).map(Service::id))
}

pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    let mut forms: Vec<&str> = Service::table().flat_map(Service::forms).collect();
    forms.sort_unstable();
    forms.dedup();
    let forms: Vec<String> = forms.into_iter().map(pattern).collect();
    let name = path_like(NAME, &forms, r"/\.\.?(/|$)");
    json_schema!({"anyOf": [name, {"type": "string", "maxLength": MAX_NAME_BYTES, "pattern": URL}]})
}

pub(super) fn path(_: &mut SchemaGenerator) -> Schema {
    let starts = Service::table().flat_map(Service::start_forms);
    let paths: Vec<String> = starts.map(|(resource, method)| path_of(resource, method)).collect();
    path_like(PATH, &paths, r"/\.\.?(/|:[A-Za-z]+$)")
}

fn path_like(characters: &str, forms: &[String], relative: &str) -> Schema {
    let forms = json!({"pattern": format!("^({})$", forms.join("|"))});
    json_schema!({
        "type": "string",
        "maxLength": MAX_NAME_BYTES,
        "pattern": characters,
        "allOf": [forms],
        "not": {"pattern": relative},
    })
}

fn path_of(resource: &str, method: StartMethod) -> String {
    format!("{}:{}", pattern(resource), method.method)
}

/// The names of `form` as a regular expression.
fn pattern(form: &str) -> String {
    let segment = |segment| match segment {
        "{project}" => PROJECT,
        rest if rest.ends_with("**}") => REST,
        any if any.starts_with('{') => SEGMENT,
        word => word,
    };
    form.split('/').map(segment).collect::<Vec<_>>().join("/")
}

pub(super) fn key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[a-z0-9_-]{1,63}$"})
}

pub(super) fn body(generator: &mut SchemaGenerator) -> Schema {
    let templates = generator.subschema_for::<Template>();
    json_schema!({
        "type": "object",
        "allOf": [templates],
        "propertyNames": {"pattern": "^[^_]*$"},
        "properties": {
            "name": false,
            "projectId": false,
            "labels": {"type": "object", "properties": {LABEL_KEY: false, LABEL_REQUEST: false}},
        },
    })
}

/// A report inside another.
pub(super) fn whole(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"$ref": "#"})
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> Schema {
    json_schema!({"type": "string", "enum": words.collect::<Vec<_>>()})
}

/// A value with placeholders in its texts, at any depth.
struct Template;

impl JsonSchema for Template {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<Self>();
        json_schema!({
            "description": "A value in whose strings ${date}, ${time}, ${datetime} and ${id} are replaced, and $${ stands for ${.",
            "pattern": TEMPLATE,
            "items": inner,
            "additionalProperties": inner,
        })
    }
}
