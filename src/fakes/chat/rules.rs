//! What Google Chat demands of a message: the fields of its discovery document, and how large it may be.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// A part of the Chat API's discovery document, made by `tests/support/chat.py`: fields that only Chat fills in are not there,
/// so they are refused.
static SCHEMAS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("schema.json")).unwrap_or_default());
/// <https://developers.google.com/workspace/chat/create-messages>
const MAX_MESSAGE_BYTES: usize = 32_000;
/// <https://github.com/cloudflare/GHC-Errbot/issues/10>
const MAX_TEXT_CHARS: usize = 4_096;
/// Chat ignores the section that exceeds it and all after that, so that people don't see what they should:
/// <https://developers.google.com/workspace/chat/api/reference/rest/v1/cards>.
const MAX_WIDGETS: usize = 100;
const MAX_THREAD_KEY_CHARS: usize = 4_000;
/// Tags of a card's texts: <https://developers.google.com/workspace/chat/format-messages#card-formatting>.
const TAGS: [&str; 11] = ["b", "i", "u", "strike", "s", "font", "a", "time", "br", "ul", "li"];

/// Checks a message to post, or what one is to become.
///
/// # Errors
/// With what Chat would not take.
pub(super) fn check(message: &Value) -> Result<(), String> {
    let size = serde_json::to_vec(message).map_or(0, |bytes| bytes.len());
    if size > MAX_MESSAGE_BYTES {
        return Err(format!("the message has {size} bytes"));
    }
    fits("Message", message, "message")?;
    let text = string(message, "text");
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err("Message is longer than 4096 characters".to_owned());
    }
    let cards = list(message, "cardsV2");
    if text.trim().is_empty() && cards.is_empty() {
        return Err("Message cannot be empty".to_owned());
    }
    if cards.len() > 1 && cards.iter().any(|card| string(card, "cardId").is_empty()) {
        return Err("one of several cards has no cardId".to_owned());
    }
    let key = message.get("thread").map_or("", |thread| string(thread, "threadKey"));
    if key.chars().count() > MAX_THREAD_KEY_CHARS {
        return Err("the key of the thread is too long".to_owned());
    }
    cards.iter().try_for_each(|card| check_card(card.get("card").unwrap_or(&Value::Null)))
}

fn check_card(card: &Value) -> Result<(), String> {
    if card.get("header").is_some_and(|header| string(header, "title").is_empty()) {
        return Err("a header has no title".to_owned());
    }
    let sections = list(card, "sections");
    if sections.is_empty() {
        return Err("a card has no sections".to_owned());
    }
    let mut count = 0;
    for section in sections {
        let widgets = list(section, "widgets");
        if widgets.is_empty() {
            return Err("a section has no widgets".to_owned());
        }
        for widget in widgets {
            count += check_widget(widget)?;
        }
    }
    if count > MAX_WIDGETS { Err(format!("{count} widgets")) } else { Ok(()) }
}

/// How many widgets it is, with those in it.
fn check_widget(widget: &Value) -> Result<usize, String> {
    let Some((kind, content)) = widget.as_object().filter(|widget| widget.len() == 1).and_then(first) else {
        return Err(format!("{widget} is not one widget"));
    };
    match kind {
        "textParagraph" => check_paragraph(content).map(|()| 1),
        "decoratedText" => {
            check_html(string(content, "text"))?;
            let button = content.get("button");
            button.map_or(Ok(1), |button| check_button(button).map(|()| 1))
        }
        "columns" => {
            let columns = list(content, "columnItems");
            if !(1..=2).contains(&columns.len()) {
                return Err(format!("{} columns", columns.len()));
            }
            let widgets = columns.iter().flat_map(|column| list(column, "widgets"));
            widgets.map(check_widget).sum::<Result<usize, String>>().map(|inner| inner + 1)
        }
        other => Err(format!("{other} is not known here")),
    }
}

fn first(widget: &Map<String, Value>) -> Option<(&str, &Value)> {
    widget.iter().next().map(|(kind, content)| (kind.as_str(), content))
}

fn check_paragraph(paragraph: &Value) -> Result<(), String> {
    let text = string(paragraph, "text");
    if string(paragraph, "textSyntax") != "MARKDOWN" {
        return check_html(text);
    }
    // Of Markdown only a block of code is known here.
    let code = text.strip_prefix("```\n").and_then(|code| code.strip_suffix("\n```"));
    let is_block = code.is_some_and(|code| !code.is_empty() && !code.contains('`'));
    if is_block { Ok(()) } else { Err(format!("{text:?} is not one block of code")) }
}

fn check_button(button: &Value) -> Result<(), String> {
    let url = button.get("onClick").and_then(|click| click.get("openLink")).map(|link| string(link, "url"));
    let is_link = url.is_some_and(|url| url.starts_with("https://"));
    if is_link && !string(button, "text").is_empty() { Ok(()) } else { Err(format!("the button {button}")) }
}

/// Every `<` must begin a tag that cards have, and every `&` an entity: anything else is a text that was not escaped.
fn check_html(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("a text is empty".to_owned());
    }
    for part in text.split('<').skip(1) {
        let name = part.split_once('>').map(|(tag, _)| tag.trim_matches('/').split(' ').next().unwrap_or(""));
        if !name.is_some_and(|name| TAGS.contains(&name)) {
            return Err(format!("<{part} is no tag"));
        }
    }
    for part in text.split('&').skip(1) {
        if !["amp;", "lt;", "gt;", "quot;"].iter().any(|entity| part.starts_with(entity)) {
            return Err(format!("&{part} is no entity"));
        }
    }
    Ok(())
}

/// Whether `value` has the form of a schema: no other fields, and each of its type.
fn fits(schema: &str, value: &Value, place: &str) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Err(format!("{place} is no object")) };
    for (name, value) in object {
        let place = format!("{place}.{name}");
        match SCHEMAS.get(schema).and_then(|schema| schema.get(name)) {
            Some(form) => fits_form(form, value, &place)?,
            None => return Err(format!("Unknown name {place:?}: Cannot find field.")),
        }
    }
    Ok(())
}

fn fits_form(form: &Value, value: &Value, place: &str) -> Result<(), String> {
    if let Some(schema) = form.get("$ref").and_then(Value::as_str) {
        return fits(schema, value, place);
    }
    let is_right = match string(form, "type") {
        "array" => {
            let items = value.as_array().ok_or_else(|| format!("{place} is no list"))?;
            return items
                .iter()
                .try_for_each(|item| fits_form(form.get("items").unwrap_or(&Value::Null), item, place));
        }
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        _ => false,
    };
    let words = list(form, "enum");
    if is_right && (words.is_empty() || words.contains(value)) {
        Ok(())
    } else {
        Err(format!("Invalid value at {place:?}: {value}"))
    }
}

pub(super) fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
