//! What a start asked for, so that an operation can be recognised by it where starts carry no labels.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::placeholder::{Values, has_any, is_expansion, strip_expansion};

/// A snapshot that the service chose is at most this far from the operation's start.
const AT_START: TimeDelta = TimeDelta::minutes(10);

/// What an export or import was asked to do, from its start's body or from its operation's metadata: both use
/// the same field names. A start's texts are those before its placeholders are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    output: Option<String>,
    input: Option<String>,
    collections: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    snapshot: Option<String>,
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
            snapshot: text("snapshotTime"),
        }
    }

    /// Whether `found`, read from an operation that `began` then, is what this start asked for.
    ///
    /// Where no time was asked for, the service may have chosen one at the operation's start.
    pub fn matches_operation(&self, found: &Self, began: Option<DateTime<Utc>>) -> bool {
        let taken = found.snapshot.as_deref().and_then(|time| time.parse::<DateTime<Utc>>().ok());
        let is_old = taken.zip(began).is_some_and(|(taken, began)| (began - taken).abs() >= AT_START);
        self.matches(found) && (self.snapshot.is_some() || !is_old)
    }

    /// In the place of a placeholder stands any value of its form, since another kickoff for the same slot has others. An
    /// output prefix that names only a bucket is given a folder by the service.
    fn matches(&self, found: &Self) -> bool {
        is_same(self.output.as_deref(), found.output.as_deref(), is_output)
            && is_same(self.input.as_deref(), found.input.as_deref(), is_expansion)
            && are_same(&self.collections, &found.collections)
            && are_same(&self.namespaces, &found.namespaces)
            && self.snapshot.as_deref().is_none_or(|asked| is_snapshot(asked, found.snapshot.as_deref()))
    }
}

fn is_same(asked: Option<&str>, found: Option<&str>, is: impl Fn(&str, &str) -> bool) -> bool {
    match (asked, found) {
        (Some(asked), Some(found)) => is(asked, found),
        (asked, found) => asked == found,
    }
}

fn is_output(asked: &str, found: &str) -> bool {
    let is_bucket = asked.strip_prefix("gs://").is_some_and(|rest| !rest.contains('/'));
    strip_expansion(asked, found).is_some_and(|rest| {
        let is_folder = || rest.strip_prefix('/').is_some_and(|folder| !folder.contains('/'));
        rest.is_empty() || (is_bucket && is_folder())
    })
}

fn are_same(asked: &BTreeSet<String>, found: &BTreeSet<String>) -> bool {
    let is_found = |asked: &String| found.iter().any(|found| is_expansion(asked, found));
    let was_asked = |found: &String| asked.iter().any(|asked| is_expansion(asked, found));
    asked.iter().all(is_found) && found.iter().all(was_asked)
}

/// A time is written in more than one way, so it is compared as a time. `${date}` can be that of any zone.
fn is_snapshot(asked: &str, found: Option<&str>) -> bool {
    let Some(found) = found.and_then(|found| found.parse::<DateTime<Utc>>().ok()) else {
        // No time was asked for, so none was taken.
        return !has_any(asked) && asked.parse::<DateTime<Utc>>().is_err();
    };
    let day = Days::new(1);
    let days = [found.checked_sub_days(day), Some(found), found.checked_add_days(day)];
    let is_on = |day: DateTime<Utc>| {
        Values::new(day, Tz::UTC, "").expand(asked).ok().and_then(|text| text.parse().ok()) == Some(found)
    };
    days.into_iter().flatten().any(is_on)
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
        assert!(asked.matches(&found("gs://b/nightly", r#"["b","a"]"#)));
        assert!(!asked.matches(&found("gs://b/nightly/archive", r#"["a","b"]"#)), "another backup");
        let bucket = request(r#"{"outputUriPrefix":"gs://b","collectionIds":["a","b"]}"#);
        assert!(bucket.matches(&found("gs://b/2026-11-23T03:00:00_1", r#"["a","b"]"#)));
        assert!(!bucket.matches(&found("gs://b/nightly/archive", r#"["a","b"]"#)));
        assert!(!bucket.matches(&found("gs://b2/2026", r#"["a","b"]"#)));
        assert!(!asked.matches(&found("gs://b/nightly2", r#"["a","b"]"#)));
        assert!(!asked.matches(&found("gs://b/nightly", r#"["a"]"#)));
        assert!(!asked.matches(&request(r#"{"inputUriPrefix":"gs://b/nightly"}"#)));
    }

    #[test]
    fn any_value_stands_for_a_placeholder() {
        let asked = request(
            r#"{"outputUriPrefix":"gs://b/${datetime}/","collectionIds":["all","of-${date}"],
                "snapshotTime":"${date}T03:00:00+09:00"}"#,
        );
        let found = |prefix: &str, ids: &str, time: &str| {
            request(&format!(
                r#"{{"outputUriPrefix":"{prefix}","collectionIds":{ids},"snapshotTime":"{time}"}}"#
            ))
        };
        let (prefix, ids) = ("gs://b/2026-11-28T030012", r#"["of-2026-11-28","all"]"#);
        let time = "2026-11-27T18:00:00.000Z";
        assert!(asked.matches(&found(prefix, ids, time)));
        assert!(asked.matches(&found("gs://b/2026-11-28T030013", ids, time)), "a second later");
        assert!(!asked.matches(&found("gs://b/2026-11-28T030012/x", ids, time)));
        assert!(!asked.matches(&found("gs://b/nightly", ids, time)));
        assert!(!asked.matches(&found(prefix, r#"["of-2026-11-28"]"#, time)));
        assert!(!asked.matches(&found(prefix, r#"["of-2026-11-28","all","x"]"#, time)));
        assert!(!asked.matches(&found(prefix, r#"["of-orders","all"]"#, time)));
        assert!(!asked.matches(&found(prefix, ids, "2026-11-27T19:00:00Z")), "another hour");
        assert!(!asked.matches(&found(prefix, ids, "")));
        let bucket = request(r#"{"outputUriPrefix":"gs://b-${date}"}"#);
        assert!(bucket.matches(&request(r#"{"outputUriPrefix":"gs://b-2026-11-28/2026-11-28T03:00:12_1"}"#)));
        assert!(!bucket.matches(&request(r#"{"outputUriPrefix":"gs://b-2026-11-28/nightly/x"}"#)));
        let literal = request(r#"{"outputUriPrefix":"gs://b/$${date}"}"#);
        assert!(literal.matches(&request(r#"{"outputUriPrefix":"gs://b/${date}"}"#)));
        assert!(!literal.matches(&request(r#"{"outputUriPrefix":"gs://b/2026-11-28"}"#)));
    }

    #[test]
    fn a_start_that_asked_for_anything_else_is_another_one() {
        let all = serde_json::json!({"outputUriPrefix": "gs://b/x", "inputUriPrefix": "gs://b/y", "collectionIds": ["a"],
            "namespaceIds": ["n"], "snapshotTime": "2026-11-23T00:00:00Z"});
        let asked = request(&all.to_string());
        assert!(asked.matches(&asked));
        for (field, other) in [
            ("outputUriPrefix", serde_json::json!("gs://b/z")),
            ("inputUriPrefix", serde_json::json!("gs://b/z")),
            ("collectionIds", serde_json::json!(["b"])),
            ("namespaceIds", serde_json::json!([])),
            ("snapshotTime", serde_json::json!("2026-11-23T00:01:00Z")),
        ] {
            let mut changed = all.clone();
            changed[field] = other;
            assert!(!asked.matches(&request(&changed.to_string())), "{field}");
        }
    }

    #[test]
    fn a_time_that_was_asked_for_was_taken() {
        let asked = |snapshot: &str| request(&format!(r#"{{"snapshotTime":"{snapshot}"}}"#));
        let none = request("{}");
        for time in ["2026-11-28T03:00:00Z", "${date}T03:00:00Z"] {
            assert!(!asked(time).matches(&none), "{time}");
        }
        for no_time in ["", "x"] {
            assert!(asked(no_time).matches(&none), "{no_time:?}");
        }
        let found = asked("2026-11-28T03:00:00Z");
        let began = |time: &str| Some(time.parse().unwrap());
        assert!(none.matches_operation(&found, began("2026-11-28T03:09:59Z")), "the service chose one");
        assert!(
            !none.matches_operation(&found, began("2026-11-28T03:10:00Z")),
            "somebody asked for an old one"
        );
        assert!(none.matches_operation(&found, None), "nothing is known");
        let found = asked("2026-11-28T03:00:00Z");
        let west = asked("${date}T22:00:00-05:00");
        assert!(west.matches(&found), "the day before, in that zone");
        assert!(!asked("2026-11-28T03:00:01Z").matches(&found));
    }
}
