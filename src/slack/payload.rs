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
    // Short values stand in two columns; names that people copy need the whole width.
    let (names, short): (Vec<_>, Vec<_>) =
        notice.values.iter().partition(|(_, value)| matches!(value, Value::Code(_)));
    let mut blocks: Vec<Json> = short.chunks(FIELDS).map(fields).collect();
    blocks.extend(names.into_iter().map(|(label, value)| mrkdwn_section(&labelled(label, value))));
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
    let mut notice = notice.clone();
    // A line to paste is whole or not there.
    while escaped(&notice.to_text(), usize::MAX).chars().count() > PLAIN {
        let Some(last) = notice.texts.iter().rposition(|text| matches!(text, Text::Code(_))) else { break };
        notice.texts.remove(last);
    }
    json!({"text": escaped(&notice.to_text(), PLAIN), "mrkdwn": false})
}

fn summary(notice: &Notice) -> String {
    let title = escaped(&notice.title, SUMMARY);
    let rest = notice.summary.iter().map(|part| format!(" · {}", escaped(part, SUMMARY)));
    std::iter::once(format!("*{title}*")).chain(rest).collect()
}

fn fields(values: &[&(&'static str, Value)]) -> Json {
    let fields: Vec<Json> = values.iter().map(|(label, value)| mrkdwn(&labelled(label, value))).collect();
    json!({"type": "section", "fields": fields})
}

fn labelled(label: &str, value: &Value) -> String {
    // Room for the label.
    let value = match value {
        Value::Plain(value) => escaped(value, FIELD - 200),
        Value::Code(value) => format!("`{}`", escaped(&without_backticks(value), FIELD - 200)),
    };
    format!("*{label}*\n{value}")
}

fn mrkdwn(text: &str) -> Json {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn mrkdwn_section(text: &str) -> Json {
    json!({"type": "section", "text": mrkdwn(text)})
}

/// Sentences are plain text, in which nothing is markup; lines to paste are code.
fn section(text: &Text) -> Option<Json> {
    match text {
        Text::Plain(text) if text.trim().is_empty() => None,
        Text::Plain(text) => {
            let text = json!({"type": "plain_text", "text": text::cut(text, SECTION), "emoji": false});
            Some(json!({"type": "section", "text": text}))
        }
        Text::Code(text) => {
            let code = escaped(&without_backticks(text), SECTION - 8);
            Some(mrkdwn_section(&format!("```{code}```")))
        }
    }
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
