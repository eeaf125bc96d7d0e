//! JSON from people and their tools: with a byte-order mark, in another encoding, with a key that stands twice, or with a
//! slip that a parser's own words don't explain.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::map::Entry;
use serde_json::{Map, Value};

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// What went wrong where somebody wrote JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Slip {
    /// The text is UTF-16, little-endian: what PowerShell's `>` writes.
    Utf16Le,
    /// The text is UTF-16, big-endian.
    Utf16Be,
    /// The object stands inside a JSON string.
    Quoted,
    /// The object is encoded in base64, though Pub/Sub's clients do that themselves.
    Base64,
    /// The whole text is in single quotes, which cmd.exe passes on.
    OuterQuotes,
    /// The quotes around names and texts are missing.
    NoQuotes,
    /// The quotes are escaped with a backslash.
    EscapedQuotes,
    /// The quotes are typographic ones.
    SmartQuotes,
    /// A Python dict: single quotes, or `True`, `False` and `None`.
    Python,
    /// There is a comma before a closing brace or bracket.
    TrailingComma,
    /// There is a comment.
    Comment,
    /// It is YAML.
    Yaml,
    /// It is a list.
    List,
    /// None of these, or one that a newer version knows.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Slip {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// Why bytes are no JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject {
    /// What the parser said.
    pub(crate) detail: String,
    /// What the cause is, where it is certain.
    pub(crate) slip: Slip,
}

/// A JSON object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) map: Map<String, Value>,
    /// The path of the first key that stands twice in one object; the last value is the one in `map`.
    pub(crate) duplicate: Option<String>,
}

/// The JSON object in `bytes`, which may begin with UTF-8's byte-order mark.
///
/// # Errors
/// When there is none: with the parser's words and, where it is certain, the cause.
pub(crate) fn object(bytes: &[u8]) -> Result<Object, NotAnObject> {
    let text = utf8(bytes)?;
    let duplicate = RefCell::new(None);
    let mut parser = serde_json::Deserializer::from_str(text);
    let read = parser.deserialize_map(TopLevel(&duplicate)).and_then(|map| parser.end().map(|()| map));
    match read {
        Ok(map) => Ok(Object { map, duplicate: duplicate.into_inner() }),
        Err(error) => Err(NotAnObject { detail: error.to_string(), slip: slip_in(text) }),
    }
}

/// The text of `bytes` without UTF-8's byte-order mark.
///
/// # Errors
/// When they are in another encoding, which is named where it is certain.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, NotAnObject> {
    let unmarked = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    if let Some((slip, _)) = utf16(bytes) {
        return Err(NotAnObject { detail: "the text is UTF-16, not UTF-8".to_owned(), slip });
    }
    std::str::from_utf8(unmarked)
        .map_err(|error| NotAnObject { detail: error.to_string(), slip: Slip::Unknown })
}

/// `bytes` for people to read, whatever their encoding.
pub(crate) fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match utf16(bytes) {
        Some((_, text)) => Cow::Owned(text),
        None => String::from_utf8_lossy(bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes)),
    }
}

/// The text of UTF-16, where that is certain: JSON in UTF-8 has no zero byte.
fn utf16(bytes: &[u8]) -> Option<(Slip, String)> {
    let (slip, marked) = match bytes {
        [0xff, 0xfe, ..] => (Slip::Utf16Le, true),
        [0xfe, 0xff, ..] => (Slip::Utf16Be, true),
        [first, 0, ..] if *first != 0 => (Slip::Utf16Le, false),
        [0, second, ..] if *second != 0 => (Slip::Utf16Be, false),
        _ => return None,
    };
    let read = if slip == Slip::Utf16Be { u16::from_be_bytes } else { u16::from_le_bytes };
    let (pairs, odd) = bytes.as_chunks::<2>();
    let text = String::from_utf16(&pairs.iter().copied().map(read).collect::<Vec<_>>()).ok()?;
    let text = text.trim_start_matches('\u{feff}').to_owned();
    let is_text = text.starts_with(|c: char| c.is_ascii_graphic() || c.is_ascii_whitespace());
    (odd.is_empty() && (marked || is_text)).then_some((slip, text))
}

type Duplicate<'a> = &'a RefCell<Option<String>>;

/// Reads the outermost object.
struct TopLevel<'a>(Duplicate<'a>);

impl<'de> Visitor<'de> for TopLevel<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        members(access, self.0)
    }
}

/// Reads any value.
#[derive(Clone, Copy)]
struct Any<'a>(Duplicate<'a>);

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        members(access, self.0).map(Value::Object)
    }
}

/// An object's members. The path of a duplicate is put together on the way out, so that others cost next to nothing.
fn members<'de, A: MapAccess<'de>>(
    mut access: A,
    duplicate: Duplicate<'_>,
) -> Result<Map<String, Value>, A::Error> {
    let mut map = Map::new();
    let mut found = duplicate.borrow().is_some();
    while let Some(key) = access.next_key::<String>()? {
        let value = access.next_value_seed(Any(duplicate))?;
        if !found
            && (value.is_object() || value.is_array())
            && let Some(inner) = duplicate.borrow_mut().as_mut()
        {
            *inner = format!("{key}.{inner}");
            found = true;
        }
        match map.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => {
                if !found {
                    *duplicate.borrow_mut() = Some(entry.key().clone());
                    found = true;
                }
                entry.insert(value);
            }
        }
    }
    Ok(map)
}

/// The slip in `text`, which did not parse as an object.
pub(crate) fn slip_in(text: &str) -> Slip {
    let text = text.trim();
    let is_inside = |inner: &str| inner.trim_start().starts_with('{');
    match text.chars().next() {
        Some('"') if serde_json::from_str::<String>(text).is_ok_and(|inner| is_inside(&inner)) => {
            Slip::Quoted
        }
        Some('\'' | '`') => Slip::OuterQuotes,
        Some(c) if is_smart_quote(c) => Slip::SmartQuotes,
        Some('{') => slip_inside(text),
        Some('[') if serde_json::from_str::<Vec<Value>>(text).is_ok() => Slip::List,
        _ if STANDARD.decode(text).is_ok_and(|inner| inner.starts_with(b"{")) => Slip::Base64,
        _ if is_yaml(text) => Slip::Yaml,
        _ => Slip::Unknown,
    }
}

/// The first thing outside of strings that JSON doesn't have.
fn slip_inside(text: &str) -> Slip {
    let mut rest = text;
    let mut before = '{';
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '"' => after_string(tail),
            '\'' => return Slip::Python,
            '\\' if tail.starts_with('"') => return Slip::EscapedQuotes,
            ',' if tail.trim_start().starts_with(['}', ']']) => return Slip::TrailingComma,
            '/' if tail.starts_with(['/', '*']) => return Slip::Comment,
            '#' => return Slip::Comment,
            c if is_smart_quote(c) => return Slip::SmartQuotes,
            c if c.is_alphanumeric() || "_$-+".contains(c) => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || "_$-+.".contains(c)));
                let (word, tail) = rest.split_at(end.unwrap_or(rest.len()));
                match word {
                    "true" | "false" | "null" => tail,
                    "True" | "False" | "None" if before != '{' => return Slip::Python,
                    number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => tail,
                    _ => return Slip::NoQuotes,
                }
            }
            _ => tail,
        };
        before = if c.is_whitespace() { before } else { c };
    }
    Slip::Unknown
}

/// What follows the string whose opening quote was just read.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.and_then(|end| text.get(end + 1..)).unwrap_or_default()
}

fn is_smart_quote(c: char) -> bool {
    matches!(c, '\u{2018}'..='\u{201f}' | '\u{ff02}' | '\u{ff07}' | '\u{300c}'..='\u{300f}')
}

/// Whether the first line that is no comment begins a block of YAML.
fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = lines.next() else { return false };
    let first = first.strip_prefix("- ").unwrap_or(first);
    first == "---"
        || first.split_once(':').is_some_and(|(key, rest)| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-@'".contains(c);
            !key.is_empty() && key.chars().all(plain) && (rest.is_empty() || rest.starts_with(' '))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn duplicate(text: &str) -> Option<String> {
        object(text.as_bytes()).unwrap().duplicate
    }

    #[test]
    fn the_first_key_that_stands_twice_is_named_by_its_path() {
        assert_eq!(duplicate(r#"{"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}, {"x": 1}]}"#), None);
        for (text, path) in [
            (r#"{"name": 1, "title": 2, "name": 3}"#, "name"),
            (r#"{"a": {"b": {"c": 1, "c": 1}}, "a": 1}"#, "a.b.c"),
            (r#"{"a": [{"b": 1, "\u0062": 1}, {"d": 1, "d": 1}], "e": 1, "e": 1}"#, "a.b"),
        ] {
            assert_eq!(duplicate(text).as_deref(), Some(path), "{text}");
        }
        assert_eq!(object(br#"{"a": 1, "a": 2}"#).unwrap().map["a"], 2, "the last value counts");
    }

    #[test]
    fn a_mark_is_read_and_another_encoding_is_named() {
        assert!(object("\u{feff}{}".as_bytes()).is_ok());
        for text in [r#"{"name": "é"}"#, " [1]", "name: x"] {
            let bytes = |mark: &str, to: fn(u16) -> [u8; 2]| -> Vec<u8> {
                format!("{mark}{text}").encode_utf16().flat_map(to).collect()
            };
            for mark in ["", "\u{feff}"] {
                for (bytes, slip) in [
                    (bytes(mark, u16::to_le_bytes), Slip::Utf16Le),
                    (bytes(mark, u16::to_be_bytes), Slip::Utf16Be),
                ] {
                    assert_eq!(object(&bytes).unwrap_err().slip, slip, "{text}");
                    assert_eq!(shown(&bytes), text);
                }
            }
        }
        for bytes in [&b"\0\x01"[..], b"\x01\0", b"x\0y", b"\xff\xfe\x00\xd8", b"\xff", b"", b"{"] {
            assert_eq!(object(bytes).unwrap_err().slip, Slip::Unknown, "{bytes:?}");
        }
    }

    #[test]
    fn a_slip_is_named_as_what_it_is() {
        for (text, slip) in [
            (r#""{\"name\": \"x\"}""#, Slip::Quoted),
            ("eyJuYW1lIjogIngifQ==", Slip::Base64),
            (r#"'{"name": "x"}'"#, Slip::OuterQuotes),
            ("'{name: x}'", Slip::OuterQuotes),
            ("{name: x}", Slip::NoQuotes),
            (r#"{"name": projects/p/operations/x}"#, Slip::NoQuotes),
            (r#"{"limit": 6e1, "test": true, name: 1}"#, Slip::NoQuotes),
            (r#"{\"name\": \"x\"}"#, Slip::EscapedQuotes),
            ("{“name”: “x”}", Slip::SmartQuotes),
            ("“{}”", Slip::SmartQuotes),
            ("{'name': 'x'}", Slip::Python),
            (r#"{"test": True}"#, Slip::Python),
            (r#"{"name": "x",}"#, Slip::TrailingComma),
            ("{\"a\": [1, 2,\n ]}", Slip::TrailingComma),
            ("{\"name\": \"x\" // why\n}", Slip::Comment),
            ("# why\nname: x", Slip::Yaml),
            ("---\nname: x", Slip::Yaml),
            ("start:\n  service: datastore", Slip::Yaml),
            (r#"[{"name": "x"}]"#, Slip::List),
        ] {
            assert_eq!(object(text.as_bytes()).unwrap_err().slip, slip, "{text}");
        }
        // No slip is named that isn't certain.
        for text in ["", "x", "null", "7", "true", "projects/p", "{", r#"{"a"}"#, r#"{"it's, // “so”": }"#]
        {
            assert_eq!(object(text.as_bytes()).unwrap_err().slip, Slip::Unknown, "{text}");
        }
    }

    proptest! {
        /// What is read is what `serde_json` reads.
        #[test]
        fn objects_are_read_as_a_parser_does(text in r#"\{("[a-c]": ?([0-9]{1,3}|-?[0-9]\.[0-9]|"é?x"|null|true|\[1\]|\{"a":1\}),?){0,4}\}"#) {
            let theirs: Option<Map<String, Value>> = serde_json::from_str(&text).ok();
            prop_assert_eq!(object(text.as_bytes()).ok().map(|object| object.map), theirs);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (object(&bytes), shown(&bytes));
        }

        #[test]
        fn any_slip_is_looked_for(text in r#"[\{\}\[\]"'\\,:/#a-zéTrue 0-9“-]{0,40}"#) {
            let _ = slip_in(&text);
        }
    }
}
