//! Cutting, cleaning and reading texts that come from outside.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `text` with hidden characters but line feeds made spaces (they could break a log line or a terminal), cut to at most
/// `limit` characters, the last of which is then an ellipsis.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let clean = |c: char| if is_hidden(c) && c != '\n' { ' ' } else { c };
    if text.chars().nth(limit).is_none() {
        return text.chars().map(clean).collect();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).map(clean).collect();
    if limit > 0 {
        short.push('…');
    }
    short
}

/// A text that was [`cut`], on one line.
pub(crate) fn line(cut: String) -> String {
    if cut.contains('\n') { cut.replace('\n', " ") } else { cut }
}

/// The first character of `text` that can't stand in one line.
pub(crate) fn hidden(text: &str) -> Option<char> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        None
    } else {
        text.chars().find(|c| is_hidden(*c))
    }
}

/// Whether a character breaks a line, is a control character, or changes the direction of the text around it, so that a
/// reader sees something else than what is there (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// The value of the JSON in `bytes`. That they are UTF-8 is found out once, and not for each text in them.
///
/// # Errors
/// As [`serde_json::from_slice`], which tells where they are not.
pub(crate) fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(bytes),
    }
}

/// The items of a list; anything else counts as empty, for a field whose loss costs less than the whole answer.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    Ok(if let Value::Array(items) = Value::deserialize(deserializer)? { items } else { Vec::new() })
}

/// A name as a shell takes it: a Firestore name has parentheses. No name has a quote.
pub(crate) fn shell_word(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:-".contains(&byte);
    if name.bytes().all(is_plain) { name.to_owned() } else { format!("'{name}'") }
}

/// The time that `text` tells in RFC 3339's form. One outside the years 1 to 9999 is none: no API writes it, and sums
/// with it would overflow.
pub(crate) fn time(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok().filter(is_plausible)
}

/// Whether a time that came from outside can be worked with.
pub(crate) fn is_plausible(time: &DateTime<Utc>) -> bool {
    (1..=9_999).contains(&time.year())
}

/// What stands behind the last slash.
pub(crate) fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{cut, hidden, line, time};

    #[test]
    fn times_are_within_four_digits_of_a_year() {
        assert!(time("2026-11-23T03:00:00.123456789Z").is_some() && time("9999-12-31T23:59:59Z").is_some());
        for text in ["", "x", "2026-11-23", "0000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn plain_text_and_any_other_are_cut_alike() {
        for (text, limit) in [("~ abc", 5), ("~\u{7f}a", 3), ("a\u{1f}b\nc", 9), ("a\u{85}b", 4)] {
            let cleaned = text.replace(['\u{7f}', '\u{1f}', '\u{85}'], " ");
            assert_eq!(cut(text, limit), cleaned);
            assert_eq!(cut(&format!("é{text}"), limit + 1), format!("é{cleaned}"));
        }
    }

    #[test]
    fn a_line_has_no_hidden_characters() {
        for hidden_one in [
            '\n', '\r', '\t', '\u{85}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}',
            '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
        ] {
            let text = format!("é{hidden_one}b");
            assert_eq!((hidden(&text), line(cut(&text, 9))), (Some(hidden_one), "é b".to_owned()));
        }
        for plain in ["Nightly backup", "日本語 é 🎉", "👩\u{200d}💻", ""] {
            assert_eq!((hidden(plain), line(cut(plain, 99))), (None, plain.to_owned()));
        }
    }

    #[test]
    fn cuts_on_characters_and_cleans_controls() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("データ保存", 3), "デー…");
        assert_eq!(cut("a\u{1b}[31m\r\nb", 10), "a [31m \nb");
        assert_eq!(cut("abc", 0), "");
    }
}
