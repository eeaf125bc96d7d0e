//! A notice as Slack's JSON: a summary in the top-level text, which is what a phone shows, and the details in one
//! coloured attachment of blocks, the only place with a colour bar. Within Slack's limits by construction.

use serde_json::{Value as Json, json};

use crate::notice::{Colour, Notice, Text, Value};
use crate::text;

/// Slack's limits (<https://docs.slack.dev/reference/block-kit/blocks>): a text of a section, one of its fields, their
/// number, and the blocks of a message. A summary is best below 4,000 characters; ours is one line.
const SECTION: usize = 3_000;
const FIELD: usize = 2_000;
const FIELDS: usize = 10;
const BLOCKS: usize = 50;
const SUMMARY: usize = 500;
const PLAIN: usize = 4_000;

/// The payload of `notice`.
pub fn payload(notice: &Notice) -> Json {
    let mut blocks: Vec<Json> = notice.values.chunks(FIELDS).map(fields).collect();
    blocks.extend(notice.texts.iter().filter_map(section));
    blocks.truncate(BLOCKS);
    let colour = match notice.colour {
        Colour::Green => "#2eb67d",
        Colour::Orange => "#e8912d",
        Colour::Red => "#e01e5a",
    };
    let mut payload = json!({"text": summary(notice)});
    if let (Some(payload), false) = (payload.as_object_mut(), blocks.is_empty()) {
        payload.insert("attachments".to_owned(), json!([{"color": colour, "blocks": blocks}]));
    }
    payload
}

/// The same as text alone, for when Slack refuses the blocks.
pub fn plain_payload(notice: &Notice) -> Json {
    json!({"text": escaped(&notice.to_text(), PLAIN)})
}

fn summary(notice: &Notice) -> String {
    let title = escaped(&notice.title, SUMMARY);
    let rest = notice.summary.iter().map(|part| format!(" · {}", escaped(part, SUMMARY)));
    std::iter::once(format!("*{title}*")).chain(rest).collect()
}

fn fields(values: &[(&'static str, Value)]) -> Json {
    let fields: Vec<Json> = values
        .iter()
        .map(|(label, value)| {
            let value = match value {
                // Room for the label, and for the characters that escaping adds.
                Value::Plain(value) => escaped(value, FIELD - 200),
                Value::Code(value) => code(value, FIELD - 200),
            };
            json!({"type": "mrkdwn", "text": format!("*{label}*\n{value}"), "verbatim": true})
        })
        .collect();
    json!({"type": "section", "fields": fields})
}

/// Sentences are plain text, in which nothing is markup; lines to paste are code.
fn section(text: &Text) -> Option<Json> {
    let text = match text {
        Text::Plain(text) if text.trim().is_empty() => return None,
        Text::Plain(text) => {
            json!({"type": "plain_text", "text": text::cut(text, SECTION), "emoji": false})
        }
        Text::Code(text) => {
            let code = escaped(&without_backticks(text), SECTION - 8);
            json!({"type": "mrkdwn", "text": format!("```{code}```"), "verbatim": true})
        }
    };
    Some(json!({"type": "section", "text": text}))
}

fn code(value: &str, limit: usize) -> String {
    format!("`{}`", escaped(&without_backticks(value), limit))
}

/// Nothing can escape a backtick inside code, so a look-alike stands for it.
fn without_backticks(text: &str) -> String {
    text.replace('`', "\u{2cb}")
}

/// Escapes what Slack reads as control characters (only these three) and cuts, never inside an escape, so that
/// at most `limit` characters come out.
fn escaped(text: &str, limit: usize) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut most = limit;
    loop {
        let escaped = escape(&text::cut(text, most));
        let over = escaped.chars().count().saturating_sub(limit);
        if over == 0 {
            return escaped;
        }
        most = most.saturating_sub(over.div_ceil(4).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_on_a_character_and_never_inside_an_escape() {
        assert_eq!(escaped("a<b>&c", 100), "a&lt;b&gt;&amp;c");
        assert_eq!(escaped("<<<<", 9), "&lt;&lt;…");
        assert_eq!(escaped("<<<<", 8), "&lt;…");
        assert_eq!(escaped("<", 3), "");
        assert_eq!(escaped("データ", 2), "デ…");
    }

    proptest! {
        #[test]
        fn an_escaped_text_is_within_its_limit_and_pings_nobody(text in any::<String>(), limit in 0usize..50) {
            let escaped = escaped(&text, limit);
            prop_assert!(escaped.chars().count() <= limit);
            prop_assert!(!escaped.contains(['<', '>']));
        }
    }
}
