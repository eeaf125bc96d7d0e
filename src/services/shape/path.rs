//! Values in an answer by their path, such as `status.statusEvents.last.description`, and answers of which only those are kept: a
//! job of BigQuery's may be a megabyte of query and plan, of which a few numbers are needed.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::text;

/// Every item of a list, or every value of an object.
const EVERY: &str = "*";
/// The first item of a list, and the last.
const FIRST: &str = "first";
const LAST: &str = "last";

/// The values in `value` at `path`, without nulls. A step is the name of a field; in a list it is `*`, `first`, `last`, or
/// `field=text` for the items that have this text there. In an object `*` is every value.
pub(in crate::services) fn find<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    collect(value, path, &mut found);
    found
}

fn collect<'a>(value: &'a Value, path: &str, found: &mut Vec<&'a Value>) {
    if path.is_empty() {
        found.extend(Some(value).filter(|value| !value.is_null()));
        return;
    }
    let (step, rest) = first_step(path);
    match (value, step) {
        (Value::Object(fields), EVERY) => fields.values().for_each(|value| collect(value, rest, found)),
        (Value::Object(fields), name) => {
            fields.get(name).into_iter().for_each(|value| collect(value, rest, found));
        }
        (Value::Array(items), EVERY) => items.iter().for_each(|value| collect(value, rest, found)),
        (Value::Array(items), FIRST) => items.first().into_iter().for_each(|item| collect(item, rest, found)),
        (Value::Array(items), LAST) => items.last().into_iter().for_each(|item| collect(item, rest, found)),
        (Value::Array(items), condition) => {
            let Some((field, wanted)) = condition.split_once('=') else { return };
            let is_wanted = |item: &&Value| item.get(field).and_then(Value::as_str) == Some(wanted);
            items.iter().filter(is_wanted).for_each(|item| collect(item, rest, found));
        }
        _ => {}
    }
}

/// `a.b.c` is `a` and `b.c`.
fn first_step(path: &str) -> (&str, &str) {
    path.split_once('.').unwrap_or((path, ""))
}

/// The JSON in `body`, of which only what `paths` lead to is kept.
///
/// # Errors
/// When it is no JSON object.
pub(in crate::services) fn read(body: &[u8], paths: &[&str]) -> serde_json::Result<Value> {
    let kept = match std::str::from_utf8(body) {
        Ok(text) => {
            let mut json = serde_json::Deserializer::from_str(text);
            Keep(paths.to_vec()).deserialize(&mut json).and_then(|value| json.end().map(|()| value))
        }
        Err(_) => text::json(body),
    }?;
    if kept.is_object() { Ok(kept) } else { Err(serde_json::Error::custom("it is not a JSON object")) }
}

/// What is kept of a value: what these paths lead to. An empty path keeps all of it.
struct Keep<'a>(Vec<&'a str>);

impl<'a> Keep<'a> {
    /// What is kept of the field `name`; `None` when that is nothing.
    fn field(&self, name: &str) -> Option<Self> {
        let rest = |path: &&'a str| {
            let (step, rest) = first_step(path);
            (step == name || step == EVERY).then_some(rest)
        };
        let rests: Vec<_> = self.0.iter().filter_map(rest).collect();
        (!rests.is_empty()).then_some(Self(rests))
    }

    /// What is kept of each item of a list: the field of a condition, too.
    fn item(&self) -> Self {
        let steps = self.0.iter().map(|path| first_step(path));
        let conditions = steps.clone().filter_map(|(step, _)| Some(step.split_once('=')?.0));
        Self(steps.clone().map(|(_, rest)| rest).chain(conditions).collect())
    }
}

impl<'de> DeserializeSeed<'de> for Keep<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0.iter().any(|path| path.is_empty()) {
            serde::Deserialize::deserialize(deserializer)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

macro_rules! counts_as_null {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E>(self, _: $type) -> Result<Value, E> {
            Ok(Value::Null)
        }
    )*};
}

/// A path that leads on needs an object or a list: anything else counts as null.
impl<'de> Visitor<'de> for Keep<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if let Some(keep) = self.field(&name) {
                fields.insert(name, map.next_value_seed(keep)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.item())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    counts_as_null!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({
            "name": "x",
            "status": {"state": "FAILED", "events": [{"text": "a", "time": 1}, {"text": null}, {"text": "c"}]},
            "groups": {"one": {"counts": {"DONE": "3"}}, "two": {"counts": {"DONE": 4, "FAILED": "1"}}},
            "conditions": [{"type": "Ready", "state": "UP"}, {"type": "Completed", "state": "DOWN"}],
        })
    }

    #[test]
    fn a_path_leads_to_values() {
        let answer = answer();
        let found = |path| find(&answer, path).into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(found("name"), [json!("x")]);
        assert_eq!(found("status.state"), [json!("FAILED")]);
        assert_eq!(found("status.events.*.text"), [json!("a"), json!("c")]);
        assert_eq!(found("status.events.first.text"), [json!("a")]);
        assert_eq!(found("status.events.last.text"), [json!("c")]);
        assert_eq!(found("groups.*.counts.DONE"), [json!("3"), json!(4)]);
        assert_eq!(found("conditions.type=Completed.state"), [json!("DOWN")]);
        for nothing in ["", "none", "name.x", "status.events.text", "status.first", "conditions.type=X.state"]
        {
            assert!(nothing.is_empty() || found(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn only_what_paths_lead_to_is_kept() {
        let body = answer().to_string();
        let kept = |paths: &[&str]| read(body.as_bytes(), paths).unwrap();
        assert_eq!(
            kept(&["name", "status.events.last.text", "groups.*.counts.DONE", "none.x"]),
            json!({
                "name": "x",
                "status": {"events": [{"text": "a"}, {"text": null}, {"text": "c"}]},
                "groups": {"one": {"counts": {"DONE": "3"}}, "two": {"counts": {"DONE": 4}}},
            })
        );
        assert_eq!(
            kept(&["name.first", "conditions.type=Completed.state"]),
            json!({
                "name": null,
                "conditions": [{"type": "Ready", "state": "UP"}, {"type": "Completed", "state": "DOWN"}],
            })
        );
        for (path, count) in [("status.events.last.text", 1), ("conditions.type=Completed.state", 1)] {
            assert_eq!(find(&kept(&[path]), path).len(), count, "{path}");
        }
    }

    #[test]
    fn what_a_path_does_not_lead_through_counts_as_null() {
        let body = r#"{"text": "x", "int": -1, "count": 1, "share": 0.5, "truth": true, "null": null}"#;
        let names = ["text", "int", "count", "share", "truth", "null"];
        let paths = names.map(|name| format!("{name}.more"));
        let kept = read(body.as_bytes(), &paths.each_ref().map(String::as_str)).unwrap();
        for name in names {
            assert_eq!(kept.get(name), Some(&Value::Null), "{name}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "7", "[]", "\"x\"", "null", "<html>", "{} {}", "{\"a\": 1", "{\"a\": tru}"] {
            assert!(read(body.as_bytes(), &["a.b"]).is_err(), "{body}");
        }
        assert!(read(b"{\"a\": \"\xff\"}", &["b"]).is_err());
        let deep = format!("{{\"a\": {}}}", "[".repeat(100_000));
        assert!(read(deep.as_bytes(), &["a.*"]).is_err() && read(deep.as_bytes(), &["b"]).is_err());
    }
}
