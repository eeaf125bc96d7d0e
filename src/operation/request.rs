//! What a start asked for, so that an operation can be recognised by it where starts carry no labels.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// What an export or import was asked to do, from its start's body or from its operation's metadata: both use
/// the same field names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    output: Option<String>,
    input: Option<String>,
    collections: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    snapshot: Option<DateTime<Utc>>,
}

impl Request {
    /// Reads the fields from a start's body or an operation's metadata.
    pub fn of(fields: &Map<String, Value>) -> Self {
        let text = |name: &str| Some(fields.get(name)?.as_str()?.trim_end_matches('/').to_owned());
        let set = |name: &str| {
            let list = fields.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            output: text("outputUriPrefix"),
            input: text("inputUriPrefix"),
            collections: set("collectionIds"),
            namespaces: set("namespaceIds"),
            snapshot: text("snapshotTime").and_then(|time| time.parse().ok()),
        }
    }

    /// Whether `found`, read from an operation, is what this start asked for. An output prefix that names only
    /// a bucket is given a folder by the service.
    pub fn is_answered_by(&self, found: &Self) -> bool {
        let in_bucket = |asked: &str, found: &str| {
            let is_bucket = asked.strip_prefix("gs://").is_some_and(|rest| !rest.contains('/'));
            let folder = found.strip_prefix(asked).and_then(|rest| rest.strip_prefix('/'));
            is_bucket && folder.is_some_and(|folder| !folder.contains('/'))
        };
        let same_output = match (&self.output, &found.output) {
            (Some(asked), Some(found)) => asked == found || in_bucket(asked, found),
            (asked, found) => asked == found,
        };
        same_output
            && self.input == found.input
            && self.collections == found.collections
            && self.namespaces == found.namespaces
            && (self.snapshot.is_none() || self.snapshot == found.snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Request {
        Request::of(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_start_is_recognised_by_what_it_asked() {
        let asked = request(r#"{"outputUriPrefix":"gs://b/nightly/","collectionIds":["a","b"]}"#);
        let found = |prefix: &str, ids: &str| {
            request(&format!(
                r#"{{"outputUriPrefix":"{prefix}","collectionIds":{ids},"snapshotTime":"2026-11-23T00:00:00Z"}}"#
            ))
        };
        assert!(asked.is_answered_by(&found("gs://b/nightly", r#"["b","a"]"#)));
        assert!(!asked.is_answered_by(&found("gs://b/nightly/archive", r#"["a","b"]"#)), "another backup");
        let bucket = request(r#"{"outputUriPrefix":"gs://b","collectionIds":["a","b"]}"#);
        assert!(bucket.is_answered_by(&found("gs://b/2026-11-23T03:00:00_1", r#"["a","b"]"#)));
        assert!(!bucket.is_answered_by(&found("gs://b/nightly/archive", r#"["a","b"]"#)));
        assert!(!bucket.is_answered_by(&found("gs://b2/2026", r#"["a","b"]"#)));
        assert!(!asked.is_answered_by(&found("gs://b/nightly2", r#"["a","b"]"#)));
        assert!(!asked.is_answered_by(&found("gs://b/nightly", r#"["a"]"#)));
        assert!(!asked.is_answered_by(&request(r#"{"inputUriPrefix":"gs://b/nightly"}"#)));
    }

    #[test]
    fn a_start_that_asked_for_anything_else_is_another_one() {
        let all = serde_json::json!({"outputUriPrefix": "gs://b/x", "inputUriPrefix": "gs://b/y", "collectionIds": ["a"],
            "namespaceIds": ["n"], "snapshotTime": "2026-11-23T00:00:00Z"});
        let asked = request(&all.to_string());
        assert!(asked.is_answered_by(&asked));
        for (field, other) in [
            ("outputUriPrefix", serde_json::json!("gs://b/z")),
            ("inputUriPrefix", serde_json::json!("gs://b/z")),
            ("collectionIds", serde_json::json!(["b"])),
            ("namespaceIds", serde_json::json!([])),
            ("snapshotTime", serde_json::json!("2026-11-23T00:01:00Z")),
        ] {
            let mut changed = all.clone();
            changed[field] = other;
            assert!(!asked.is_answered_by(&request(&changed.to_string())), "{field}");
        }
    }
}
