//! Some fields of a JSON object that may be much longer, such as an entry of the audit log.

use serde_json::Value;

use super::shape::path;

/// The fields that were asked for. Nothing else of the object is kept.
pub(crate) struct Fields(Value);

impl Fields {
    /// What `paths` lead to in the JSON object in `body`; a path is the names of fields with dots between them. `None` when it is
    /// not a JSON object.
    pub(crate) fn read(body: &[u8], paths: &[&str]) -> Option<Self> {
        path::read(body, paths).ok().map(Self)
    }

    /// The text at `path`; empty when there is none. A number counts as a text.
    pub(crate) fn text(&self, path: &str) -> String {
        match path::find(&self.0, path).first() {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
        }
    }

    /// Whether there is something at `path`, and it is not empty.
    pub(crate) fn has(&self, path: &str) -> bool {
        path::find(&self.0, path).first().is_some_and(|value| match value {
            Value::Null => false,
            Value::Bool(truth) => *truth,
            Value::Number(_) => true,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_that_were_asked_for_are_there() {
        let body = br#"{"a": {"b": "x", "n": 7, "t": true, "f": false, "o": {}}, "c": "y"}"#;
        let fields = Fields::read(body, &["a.b", "a.n", "a.t", "a.f", "a.o", "none"]).unwrap();
        assert_eq!(["a.b", "a.n", "a.t", "c", "none"].map(|path| fields.text(path)), ["x", "7", "", "", ""]);
        assert_eq!(
            ["a.b", "a.n", "a.t", "a.f", "a.o", "c"].map(|path| fields.has(path)),
            [true, true, true, false, false, false]
        );
        let body =
            br#"{"null": null, "text": "", "none": [], "some": [0], "object": {"x": null}, "zero": 0}"#;
        let paths = ["null", "text", "none", "some", "object", "zero"];
        let fields = Fields::read(body, &paths).unwrap();
        assert_eq!(paths.map(|path| fields.has(path)), [false, false, false, true, true, true]);
        assert_eq!(paths.map(|path| fields.text(path)), ["", "", "", "", "", "0"]);
        assert!(Fields::read(b"[]", &["a"]).is_none() && Fields::read(b"{", &["a"]).is_none());
    }
}
