//! What a message says, as HTML: its text, blocks and attachments.

use serde_json::Value;

use super::element;
use super::markup::{html, mrkdwn, unmarked};
use crate::fakes::slack_rules::is_color;

/// The text on top, and behind it `edited`, which is HTML already.
pub(super) fn text_on_top(payload: &Value, edited: &str) -> String {
    let text = string(payload, "text");
    let has_marks = payload.get("mrkdwn").is_none_or(|is| *is == true);
    let shown = if has_marks { mrkdwn(text) } else { unmarked(text) };
    if shown.is_empty() && edited.is_empty() {
        return String::new();
    }
    element("div", "text", &(shown + edited))
}

/// The blocks, and below them the attachments.
pub(super) fn details(payload: &Value) -> String {
    let attachments = list(payload, "attachments").iter().map(attachment);
    std::iter::once(blocks(payload)).chain(attachments).collect()
}

fn attachment(attachment: &Value) -> String {
    let color = match string(attachment, "color") {
        "good" => "#2eb67d",
        "warning" => "#ecb22e",
        "danger" => "#e01e5a",
        other if is_color(other) => other,
        _ => "#888888",
    };
    let part = |name: &&str| match string(attachment, name) {
        "" => String::new(),
        text => element("div", &format!("text {name}"), &mrkdwn(text)),
    };
    let parts: String = ["pretext", "title", "text", "footer"].iter().map(part).collect();
    let inner = match parts + &blocks(attachment) {
        inner if inner.is_empty() => part(&"fallback"),
        inner => inner,
    };
    format!("<div class=\"attachment\" style=\"--bar: {color}\">\n{inner}</div>\n")
}

fn blocks(holder: &Value) -> String {
    list(holder, "blocks").iter().map(block).collect()
}

fn block(block: &Value) -> String {
    let own = |value: &Value| value.get("text").map_or_else(String::new, text);
    let elements = |class: &str, show: &dyn Fn(&Value) -> String| {
        let shown = list(block, "elements").iter().map(|part| element("span", class, &show(part)));
        shown.collect::<String>()
    };
    match string(block, "type") {
        "header" => element("h2", "", &own(block)),
        "section" => {
            let fields: String =
                list(block, "fields").iter().map(|field| element("div", "field", &text(field))).collect();
            let text =
                if block.get("text").is_some() { element("div", "text", &own(block)) } else { String::new() };
            if fields.is_empty() { text } else { text + &element("div", "fields", &fields) }
        }
        "context" => element("div", "context", &elements("part", &text)),
        "actions" => element("div", "actions", &elements("button", &own)),
        "divider" => "<hr>\n".to_owned(),
        _ => String::new(),
    }
}

/// A text object.
fn text(object: &Value) -> String {
    let text = string(object, "text");
    if string(object, "type") == "mrkdwn" { mrkdwn(text) } else { html(text) }
}

pub(super) fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
