//! Datastore's values as its REST API writes them
//! (<https://cloud.google.com/datastore/docs/reference/data/rest/v1/Value>): integers are texts, a long text is not indexed.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::google::Properties;
use crate::text;

/// A text to look for: at most 1,500 bytes long.
pub(super) fn word(text: &str) -> Value {
    json!({"stringValue": text})
}

/// A text that may be long.
pub(super) fn long_text(text: &str) -> Value {
    json!({"stringValue": text, "excludeFromIndexes": true})
}

/// A count. Datastore's integers end where those of `i64` do.
pub(super) fn integer(count: u64) -> Value {
    json!({"integerValue": i64::try_from(count).unwrap_or(i64::MAX).to_string()})
}

/// A time, to the microsecond, which is as much as Datastore keeps.
pub(super) fn time(time: DateTime<Utc>) -> Value {
    json!({"timestampValue": time.to_rfc3339_opts(SecondsFormat::Micros, true)})
}

/// Yes or no.
pub(super) fn flag(is: bool) -> Value {
    json!({"booleanValue": is})
}

/// Texts in order.
pub(super) fn words(texts: &[String]) -> Value {
    json!({"arrayValue": {"values": texts.iter().map(|text| long_text(text)).collect::<Vec<_>>()}})
}

/// Properties within a property.
pub(super) fn nested(properties: &Properties) -> Value {
    json!({"entityValue": {"properties": properties}, "excludeFromIndexes": true})
}

/// A text, if that is what `name` holds.
pub(super) fn text_of(properties: &Properties, name: &str) -> Option<String> {
    properties.get(name)?.get("stringValue")?.as_str().map(str::to_owned)
}

/// A time, if that is what `name` holds.
pub(super) fn time_of(properties: &Properties, name: &str) -> Option<DateTime<Utc>> {
    text::time(properties.get(name)?.get("timestampValue")?.as_str()?)
}

/// A count, if that is what `name` holds.
pub(super) fn integer_of(properties: &Properties, name: &str) -> Option<u64> {
    let value = properties.get(name)?.get("integerValue")?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Whether `name` holds a yes.
pub(super) fn flag_of(properties: &Properties, name: &str) -> bool {
    let value = properties.get(name).and_then(|value| value.get("booleanValue"));
    value.and_then(Value::as_bool).unwrap_or(false)
}

/// The properties within the property `name`.
pub(super) fn nested_of<'a>(properties: &'a Properties, name: &str) -> Option<&'a Properties> {
    properties.get(name)?.get("entityValue")?.get("properties")?.as_object()
}

/// Properties from pairs, without those that have no value.
pub(super) fn properties<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Properties {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_and_others_are_none() {
        let at = DateTime::from_timestamp(1_800_000_000, 123_456_789).unwrap();
        let all = properties([
            ("text", Some(long_text("x"))),
            ("count", Some(integer(u64::MAX))),
            ("time", Some(time(at))),
            ("yes", Some(flag(true))),
            ("in", Some(nested(&properties([("a", Some(word("b")))])))),
            ("none", None),
        ]);
        assert_eq!(text_of(&all, "text").as_deref(), Some("x"));
        assert_eq!(integer_of(&all, "count"), u64::try_from(i64::MAX).ok());
        assert_eq!(time_of(&all, "time").unwrap().timestamp_micros(), at.timestamp_micros());
        assert!(flag_of(&all, "yes") && !flag_of(&all, "text") && !all.contains_key("none"));
        assert_eq!(text_of(nested_of(&all, "in").unwrap(), "a").as_deref(), Some("b"));
        assert_eq!(
            (text_of(&all, "count"), integer_of(&all, "text"), time_of(&all, "yes")),
            (None, None, None)
        );
    }
}
