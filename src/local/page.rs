//! Shows messages as Slack would: payloads to one HTML page, without scripts or outside resources.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::slack::ChannelMessage;
use super::slack_rules::is_color;

/// The page with these messages, the oldest on top.
pub(super) fn page(messages: &[ChannelMessage]) -> String {
    let there = messages.iter().filter(|message| !message.deleted);
    let shown: String = there.map(|of| message(of.at, &of.payload)).collect();
    let shown = if messages.is_empty() { element("p", "empty", "No messages yet") } else { shown };
    let style = include_str!("page.css");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>#operations</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
         <header><h1># operations</h1></header>\n<main>\n{shown}</main>\n</body>\n</html>\n"
    )
}

fn message(at: DateTime<Utc>, payload: &Value) -> String {
    let text = match string(payload, "text") {
        "" => String::new(),
        text => element("div", "text", &mrkdwn(text)),
    };
    let attachments: String = list(payload, "attachments").iter().map(attachment).collect();
    format!(
        "<article>\n<div class=\"avatar\" aria-hidden=\"true\">ow</div>\n<div class=\"content\">\n\
         <div class=\"who\"><strong>opwatch</strong> <span class=\"badge\">APP</span> \
         <time datetime=\"{}\">{}</time></div>\n{text}{}{attachments}</div>\n</article>\n",
        at.format("%Y-%m-%dT%H:%M:%SZ"),
        at.format("%H:%M UTC"),
        blocks(payload),
    )
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
    format!("<div class=\"attachment\" style=\"border-color: {color}\">\n{inner}</div>\n")
}

fn blocks(holder: &Value) -> String {
    list(holder, "blocks").iter().map(block).collect()
}

fn block(block: &Value) -> String {
    let own = |value: &Value| value.get("text").map_or_else(String::new, text);
    match string(block, "type") {
        "header" => element("h2", "", &own(block)),
        "section" => {
            let fields: String =
                list(block, "fields").iter().map(|field| element("div", "field", &text(field))).collect();
            let text =
                if block.get("text").is_some() { element("div", "text", &own(block)) } else { String::new() };
            if fields.is_empty() { text } else { text + &element("div", "fields", &fields) }
        }
        "context" => {
            let parts = list(block, "elements").iter().map(|part| element("span", "part", &text(part)));
            element("div", "context", &parts.collect::<String>())
        }
        "actions" => {
            let buttons =
                list(block, "elements").iter().map(|button| element("span", "button", &own(button)));
            element("div", "actions", &buttons.collect::<String>())
        }
        "divider" => "<hr>\n".to_owned(),
        _ => String::new(),
    }
}

/// `inner` is HTML already.
fn element(tag: &str, class: &str, inner: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<{tag}{class}>{inner}</{tag}>\n")
}

/// A text object.
fn text(object: &Value) -> String {
    let text = string(object, "text");
    if string(object, "type") == "mrkdwn" { mrkdwn(text) } else { html(text) }
}

/// Slack's markup as HTML: code, bold, links, mentions.
pub(super) fn mrkdwn(text: &str) -> String {
    code(text, "```", |block| format!("<pre>{}</pre>", html(block.trim_matches('\n'))), inline)
}

fn inline(text: &str) -> String {
    code(text, "`", |code| format!("<code>{}</code>", html(code)), spans)
}

/// Writes what stands between two fences with `inside`, the rest with `outside`. An open fence is just text.
fn code(
    text: &str,
    fence: &str,
    inside: impl Fn(&str) -> String,
    outside: impl Fn(&str) -> String,
) -> String {
    let mut shown = String::new();
    let mut rest = text;
    loop {
        let found = rest.split_once(fence).and_then(|(before, after)| {
            let (code, after) = after.split_once(fence)?;
            (!code.is_empty()).then_some((before, code, after))
        });
        let Some((before, code, after)) = found else { return shown + &outside(rest) };
        shown += &outside(before);
        shown += &inside(code);
        rest = after;
    }
}

/// Text without code.
fn spans(text: &str) -> String {
    let mut shown = String::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '*']) {
        let (before, marked) = rest.split_at(at);
        plain += before;
        let word_before = plain.chars().last().is_some_and(char::is_alphanumeric);
        let found = match marked.strip_prefix('<') {
            Some(inner) => inner.split_once('>').map(|(inner, after)| (token(inner), after)),
            None if word_before => None,
            None => bold(marked),
        };
        if let Some((element, after)) = found {
            shown += &html(&std::mem::take(&mut plain));
            shown += &element;
            rest = after;
        } else {
            let (mark, after) = marked.split_at(1);
            plain += mark;
            rest = after;
        }
    }
    shown + &html(&(plain + rest))
}

/// `*bold*` at the beginning of `text`, on one line, and what follows it.
fn bold(text: &str) -> Option<(String, &str)> {
    let (inner, after) = text.strip_prefix('*')?.split_once('*')?;
    let word_after = after.chars().next().is_some_and(char::is_alphanumeric);
    let tight = !inner.is_empty() && inner.trim() == inner && !inner.contains('\n');
    (tight && !word_after).then(|| (format!("<strong>{}</strong>", spans(inner)), after))
}

/// What stands between `<` and `>`: a mention, a link, or nothing that Slack knows.
fn token(inner: &str) -> String {
    let (target, label) =
        inner.split_once('|').map_or((inner, None), |(target, label)| (target, Some(label)));
    let mention = |name: &str| format!("<span class=\"mention\">{}</span>", html(name));
    match target.chars().next() {
        Some('@' | '#') => mention(&label.map_or_else(|| target.to_owned(), |label| format!("@{label}"))),
        Some('!') => match (label, target.strip_prefix('!').unwrap_or_default()) {
            (Some(label), name) if name.starts_with("date^") => html(label),
            (Some(label), _) => mention(label),
            (None, name) => mention(&format!("@{name}")),
        },
        _ if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) => {
            let label = html(label.unwrap_or(target));
            format!("<a href=\"{}\" rel=\"noreferrer\">{label}</a>", html(target))
        }
        _ => html(&format!("<{inner}>")),
    }
}

/// Text with Slack's three entities, as HTML.
fn html(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mut shown = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '&' => shown += "&amp;",
            '<' => shown += "&lt;",
            '>' => shown += "&gt;",
            '"' => shown += "&quot;",
            '\'' => shown += "&#39;",
            other => shown.push(other),
        }
    }
    shown
}

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
