//! Placeholders in a start's texts, so that a scheduled kickoff, which is the same text every night, can write to a new
//! folder each time.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::hash::hash;

/// The placeholders, for people.
pub const ALLOWED: &str = "${date}, ${time}, ${datetime}, ${id}";

/// A `${…}` that is no placeholder, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKnown {
    /// Where it is: `.body.labels.a` or `[0]`, and so on; empty for a single text.
    pub at: String,
    /// The text from `${` to `}`.
    pub text: String,
}

/// What the placeholders of one kickoff stand for. It depends on the kickoff alone, so every delivery and every retry
/// expands to the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    date: String,
    time: String,
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Date,
    Time,
    DateTime,
    Id,
}

/// A piece of a text with placeholders.
enum Piece<'a> {
    Literal(&'a str),
    Placeholder(Placeholder),
    NotKnown(&'a str),
}

impl Placeholder {
    fn find(name: &str) -> Option<Self> {
        match name {
            "date" => Some(Self::Date),
            "time" => Some(Self::Time),
            "datetime" => Some(Self::DateTime),
            "id" => Some(Self::Id),
            _ => None,
        }
    }

    /// What its values look like: `d` is a digit, `x` a lower-case hex digit, anything else itself.
    fn form(self) -> &'static str {
        match self {
            Self::Date => "dddd-dd-dd",
            Self::Time => "dddddd",
            Self::DateTime => "dddd-dd-ddTdddddd",
            Self::Id => "xxxxxxxx",
        }
    }

    /// `text` behind a value of this form at its beginning.
    fn strip(self, text: &str) -> Option<&str> {
        let (value, rest) = text.split_at_checked(self.form().len())?;
        let fits = value.bytes().zip(self.form().bytes()).all(|(byte, expected)| match expected {
            b'd' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            other => byte == other,
        });
        fits.then_some(rest)
    }
}

impl Values {
    /// The values for the kickoff with this key that was published at `asked`, in the time zone of its watch.
    pub fn new(asked: DateTime<Utc>, zone: Tz, key: &str) -> Self {
        let asked = asked.with_timezone(&zone);
        Self {
            date: asked.format("%Y-%m-%d").to_string(),
            time: asked.format("%H%M%S").to_string(),
            id: hash(&[key]).chars().take(8).collect(),
        }
    }

    fn write(&self, placeholder: Placeholder, out: &mut String) {
        match placeholder {
            Placeholder::Date => out.push_str(&self.date),
            Placeholder::Time => out.push_str(&self.time),
            Placeholder::DateTime => out.extend([self.date.as_str(), "T", &self.time]),
            Placeholder::Id => out.push_str(&self.id),
        }
    }

    /// `text` with its placeholders replaced, and each `$${` made a `${`.
    ///
    /// # Errors
    /// With the first `${…}` that is no placeholder.
    pub fn expand(&self, text: &str) -> Result<String, NotKnown> {
        let mut expanded = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Literal(text) => expanded.push_str(text),
                Piece::Placeholder(placeholder) => self.write(placeholder, &mut expanded),
                Piece::NotKnown(text) => {
                    return Err(NotKnown { at: String::new(), text: text.to_owned() });
                }
            }
        }
        Ok(expanded)
    }

    /// `object` with the placeholders in its texts replaced, however deep. The names of fields stay as they are.
    ///
    /// # Errors
    /// With the first `${…}` that is no placeholder, and where it is.
    pub fn expand_object(&self, object: &Map<String, Value>) -> Result<Map<String, Value>, NotKnown> {
        let expand = |(name, value): (&String, &Value)| {
            let value = self.expand_value(value).map_err(|found| found.below(&format!(".{name}")))?;
            Ok((name.clone(), value))
        };
        object.iter().map(expand).collect()
    }

    fn expand_value(&self, value: &Value) -> Result<Value, NotKnown> {
        Ok(match value {
            Value::String(text) => Value::String(self.expand(text)?),
            Value::Object(object) => Value::Object(self.expand_object(object)?),
            Value::Array(items) => {
                let expand = |(index, item)| {
                    self.expand_value(item).map_err(|found: NotKnown| found.below(&format!("[{index}]")))
                };
                Value::Array(items.iter().enumerate().map(expand).collect::<Result<_, _>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

impl NotKnown {
    fn below(self, parent: &str) -> Self {
        Self { at: format!("{parent}{}", self.at), ..self }
    }
}

/// Whether a value stands in the place of a placeholder in `text`.
pub fn has_any(text: &str) -> bool {
    pieces(text).any(|piece| matches!(piece, Piece::Placeholder(_)))
}

/// The part of `text` before its first placeholder, expanded.
pub fn before_first(text: &str) -> String {
    let literals = pieces(text).map_while(|piece| match piece {
        Piece::Literal(text) => Some(text),
        Piece::Placeholder(_) | Piece::NotKnown(_) => None,
    });
    literals.collect()
}

/// What `found` has behind an expansion of `text`, whatever values the placeholders have. An expansion for another
/// kickoff of the same text differs from this one's only there.
pub fn strip_expansion<'a>(text: &str, found: &'a str) -> Option<&'a str> {
    pieces(text).try_fold(found, |rest, piece| match piece {
        Piece::Literal(text) | Piece::NotKnown(text) => rest.strip_prefix(text),
        Piece::Placeholder(placeholder) => placeholder.strip(rest),
    })
}

/// Whether `found` is an expansion of `text`, with whatever values.
pub fn is_expansion(text: &str, found: &str) -> bool {
    strip_expansion(text, found) == Some("")
}

/// Whether `text` looks like the value of `${date}` or `${datetime}`.
pub(crate) fn is_date(text: &str) -> bool {
    [Placeholder::Date, Placeholder::DateTime].iter().any(|form| form.strip(text) == Some(""))
}

fn pieces(mut text: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (piece, rest) = first_piece(text);
        text = rest;
        Some(piece)
    })
}

/// The first piece of a text, and what is behind it.
fn first_piece(text: &str) -> (Piece<'_>, &str) {
    if let Some(literal) = text.strip_prefix('$').filter(|literal| literal.starts_with("${")) {
        let (literal, rest) = literal.split_at("${".len());
        return (Piece::Literal(literal), rest);
    }
    let Some(inner) = text.strip_prefix("${") else {
        // Up to the next `$` but this one.
        let end = text.char_indices().skip(1).find(|(_, c)| *c == '$').map_or(text.len(), |(at, _)| at);
        let (literal, rest) = text.split_at(end);
        return (Piece::Literal(literal), rest);
    };
    let Some((name, rest)) = inner.split_once('}') else { return (Piece::NotKnown(text), "") };
    let known = Placeholder::find(name).map(Piece::Placeholder);
    let (whole, rest) = text.split_at(text.len() - rest.len());
    (known.unwrap_or(Piece::NotKnown(whole)), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        Values::new("2026-11-27T18:00:12.9Z".parse().unwrap(), chrono_tz::Asia::Tokyo, "7")
    }

    #[test]
    fn each_placeholder_has_its_value() {
        for (text, expanded) in [
            ("${date}", "2026-11-28"),
            ("${time}", "030012"),
            ("${datetime}", "2026-11-28T030012"),
            // The beginning of `printf 7 | sha256sum`.
            ("${id}", "7902699b"),
            ("gs://b/${date}/${time}-${id}/x", "gs://b/2026-11-28/030012-7902699b/x"),
            ("$${date}", "${date}"),
            ("$$${date}", "$${date}"),
            ("a$b$${x}${time}$", "a$b${x}030012$"),
            ("{date} $date $(date) $", "{date} $date $(date) $"),
            ("日${time}本", "日030012本"),
            ("", ""),
        ] {
            assert_eq!(values().expand(text).as_deref(), Ok(expanded), "{text}");
            assert!(is_expansion(text, expanded), "{text}");
        }
    }

    #[test]
    fn any_other_is_named() {
        for (text, named) in [
            ("gs://b/${day}/${date}", "${day}"),
            ("${}", "${}"),
            ("${Date}", "${Date}"),
            ("${ date }", "${ date }"),
            ("${date", "${date"),
            ("${${date}}", "${${date}"),
            ("$${date}${x}", "${x}"),
        ] {
            let named = NotKnown { at: String::new(), text: named.to_owned() };
            assert_eq!(values().expand(text), Err(named), "{text}");
        }
    }

    #[test]
    fn every_text_of_a_body_is_expanded_and_no_name() {
        let body =
            json!({"a": "${time}", "${date}": 1, "b": {"c": ["x", {"d": "${id}"}, null, true, "$${"]}});
        let expanded = json!({"a": "030012", "${date}": 1,
            "b": {"c": ["x", {"d": "7902699b"}, null, true, "${"]}});
        assert_eq!(
            values().expand_object(body.as_object().unwrap()).as_ref(),
            Ok(expanded.as_object().unwrap())
        );
        let wrong = json!({"b": {"c": ["x", {"d": "${nope}"}]}});
        let found = values().expand_object(wrong.as_object().unwrap()).unwrap_err();
        assert_eq!((found.at.as_str(), found.text.as_str()), (".b.c[1].d", "${nope}"));
    }

    #[test]
    fn a_placeholder_matches_values_of_its_form_alone() {
        let text = "gs://b/${date}/x-${datetime}-${time}-${id}";
        let other = Values::new("1999-01-02T23:59:59Z".parse().unwrap(), Tz::UTC, "another");
        assert!(is_expansion(text, &other.expand(text).unwrap()));
        assert!(!is_expansion(text, text), "its own text is no value");
        for (text, found) in [
            ("gs://b/${date}", "gs://b/2026-11-28/x"),
            ("gs://b/${date}", "gs://b/2026-11-2x"),
            ("gs://b/${date}", "gs://b/archive"),
            ("gs://b/${date}", "gs://b/2026-11"),
            ("gs://b/${date}", "gs://b/日本語日"),
            ("gs://b/${date}", "gs://b2/2026-11-28"),
            ("${datetime}", "2026-11-28 030012"),
            ("${id}", "7902699B"),
            ("${id}", "7902699g"),
            ("${time}", "03:00:12"),
        ] {
            assert!(!is_expansion(text, found), "{text} {found}");
        }
        assert_eq!(strip_expansion("gs://b-${date}", "gs://b-2026-11-28/x"), Some("/x"));
        assert_eq!(before_first("gs://b/$${x}/y${date}/z"), "gs://b/${x}/y");
    }

    /// A text in which placeholders and what looks like them are frequent.
    fn text() -> impl Strategy<Value = String> {
        let known = proptest::sample::select(vec!["${date}", "${time}", "${datetime}", "${id}", "$${"]);
        let piece = prop_oneof![
            known.prop_map(str::to_owned),
            proptest::sample::select(vec!["$", "{", "}", "${", "a", "日", "/"]).prop_map(str::to_owned),
            any::<String>(),
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_every_delivery_expands_alike(
            text in text(), second in 0_i64..250_000_000_000, key in any::<String>(),
        ) {
            let asked = DateTime::from_timestamp(second, 0).unwrap();
            let values = Values::new(asked, chrono_tz::Asia::Tokyo, &key);
            let expanded = values.expand(&text);
            prop_assert_eq!(&Values::new(asked, chrono_tz::Asia::Tokyo, &key).expand(&text), &expanded);
            match expanded {
                Ok(expanded) => {
                    prop_assert!(is_expansion(&text, &expanded));
                    prop_assert!(expanded.starts_with(&before_first(&text)));
                    let unescaped = text.replace("$${", "${");
                    prop_assert!(has_any(&text) || expanded == unescaped);
                }
                Err(NotKnown { text: named, .. }) => {
                    prop_assert_eq!(named.get(..2), Some("${"));
                    prop_assert!(text.contains(&named));
                }
            }
        }

        #[test]
        fn any_text_can_be_written_literally(text in text()) {
            // A `$` before another stays, so only a `${` needs it.
            let written = text.replace("${", "$${");
            prop_assert_eq!(values().expand(&written), Ok(text));
        }
    }
}
