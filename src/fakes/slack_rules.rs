//! What Slack demands of a message: the fields it knows and how long they may be.

use serde_json::{Map, Value};

/// Why Slack refuses a payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// What Slack answers, which says little.
    pub(super) answer: String,
    /// What is wrong, for the violations.
    pub(super) reason: String,
}

impl Refused {
    pub(super) fn new(answer: &str, reason: &str) -> Self {
        Self { answer: answer.to_owned(), reason: reason.to_owned() }
    }
}

type Checked = Result<(), Refused>;

const MAX_BLOCKS: usize = 50;
/// Longer texts of a message that is edited are refused, of a new one cut.
const MAX_TEXT_CHARS: usize = 4_000;
/// The sum of all texts above which Slack was seen to refuse: <https://github.com/slackapi/bolt-js/issues/2509>.
const MAX_TOTAL_CHARS: usize = 13_200;

/// Checks the payload of a message to post.
pub(super) fn check(payload: &Value) -> Checked {
    contents(payload, "text blocks attachments mrkdwn parse link_names unfurl_links unfurl_media thread_ts")
}

/// Checks what a message is to become.
pub(super) fn check_update(payload: &Value) -> Checked {
    contents(payload, "text blocks attachments parse link_names")?;
    let text = payload.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err(Refused::new("msg_too_long", "the text"));
    }
    Ok(())
}

/// Checks that a message mentions no whole channel, as a workspace may demand of apps: the message is refused, not only its
/// mention (<https://github.com/slackhq/slack-api-docs/issues/85>). That breaks no contract, so no reason is given.
pub(super) fn check_broadcast(payload: &Value) -> Checked {
    let text = payload.get("text").and_then(Value::as_str).unwrap_or_default();
    let mentions = ["<!here", "<!channel", "<!everyone"].iter().any(|mention| text.contains(mention));
    if mentions { Err(Refused::new("restricted_action", "")) } else { Ok(()) }
}

fn contents(payload: &Value, known: &str) -> Checked {
    let payload = payload.as_object().ok_or_else(|| payload_error("not an object"))?;
    only(payload, known).map_err(payload_error)?;
    let text = match payload.get("text") {
        None => "",
        Some(text) => text.as_str().ok_or_else(|| payload_error("text is no string"))?,
    };
    let blocks = list(payload, "blocks").map_err(blocks_error)?;
    let attachments = list(payload, "attachments").map_err(payload_error)?;
    if text.is_empty() && blocks.is_empty() && attachments.is_empty() {
        return Err(Refused::new("no_text", "neither text, blocks nor attachments"));
    }
    if attachments.len() > 100 {
        return Err(Refused::new("too_many_attachments", &attachments.len().to_string()));
    }
    let mut count = blocks.len();
    blocks.iter().try_for_each(check_block)?;
    for attachment in attachments {
        count += check_attachment(attachment)?;
    }
    if count > MAX_BLOCKS {
        return Err(blocks_error(format!("{count} blocks")));
    }
    let all: usize = blocks.iter().chain(attachments).map(texts).sum();
    if all > MAX_TOTAL_CHARS {
        return Err(Refused::new("msg_blocks_too_long", &format!("{all} characters")));
    }
    Ok(())
}

/// The characters of all texts in `value`.
fn texts(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(texts).sum(),
        Value::Object(object) => object.values().map(texts).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// How many blocks the attachment has.
fn check_attachment(attachment: &Value) -> Result<usize, Refused> {
    let attachment = attachment.as_object().ok_or_else(|| payload_error("an attachment is no object"))?;
    let known = "color blocks fallback text pretext title title_link fields footer ts mrkdwn_in";
    only(attachment, known).map_err(payload_error)?;
    if let Some(color) = attachment.get("color")
        && !color.as_str().is_some_and(is_color)
    {
        return Err(payload_error(format!("color {color}")));
    }
    let blocks = list(attachment, "blocks").map_err(blocks_error)?;
    blocks.iter().try_for_each(check_block)?;
    Ok(blocks.len())
}

/// Whether Slack draws an attachment's bar in this colour.
pub(super) fn is_color(color: &str) -> bool {
    let hex = |digits: &str| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    ["good", "warning", "danger"].contains(&color) || color.strip_prefix('#').is_some_and(hex)
}

fn check_block(block: &Value) -> Checked {
    let whole = block;
    let rules = || -> Result<(), String> {
        let block = block.as_object().ok_or("a block is no object")?;
        match string(block, "type")? {
            "header" => {
                only(block, "type block_id text")?;
                text(block.get("text"), &["plain_text"], 150)
            }
            "section" => section(block),
            "context" => {
                only(block, "type block_id elements")?;
                let elements = some(block, "elements", 10)?;
                elements.iter().try_for_each(|element| text(Some(element), &["plain_text", "mrkdwn"], 3_000))
            }
            "divider" => only(block, "type block_id"),
            "actions" => {
                only(block, "type block_id elements")?;
                some(block, "elements", 25)?.iter().try_for_each(button)
            }
            other => Err(format!("unknown block type {other}")),
        }
    };
    rules().map_err(|reason| blocks_error(format!("{reason} in {whole}")))
}

fn section(block: &Map<String, Value>) -> Result<(), String> {
    only(block, "type block_id text fields expand")?;
    if block.contains_key("text") {
        text(block.get("text"), &["plain_text", "mrkdwn"], 3_000)?;
    }
    if block.contains_key("fields") {
        let fields = some(block, "fields", 10)?;
        fields.iter().try_for_each(|field| text(Some(field), &["plain_text", "mrkdwn"], 2_000))?;
    }
    if block.contains_key("text") || block.contains_key("fields") {
        Ok(())
    } else {
        Err("a section needs text or fields".to_owned())
    }
}

fn button(element: &Value) -> Result<(), String> {
    let button = element.as_object().ok_or("an element is no object")?;
    only(button, "type text action_id url value style")?;
    if string(button, "type")? != "button" {
        return Err("only buttons are known here".to_owned());
    }
    for (name, most) in [("action_id", 255), ("url", 3_000), ("value", 2_000)] {
        if button
            .get(name)
            .is_some_and(|value| value.as_str().is_none_or(|value| value.chars().count() > most))
        {
            return Err(format!("{name} is no string of at most {most}"));
        }
    }
    text(button.get("text"), &["plain_text"], 75)
}

/// Checks a text object.
fn text(value: Option<&Value>, kinds: &[&str], most: usize) -> Result<(), String> {
    let object = value.and_then(Value::as_object).ok_or("a text is no object")?;
    let kind = string(object, "type")?;
    if !kinds.contains(&kind) {
        return Err(format!("text type {kind}"));
    }
    only(object, if kind == "mrkdwn" { "type text verbatim" } else { "type text emoji" })?;
    let length = string(object, "text")?.chars().count();
    if (1..=most).contains(&length) { Ok(()) } else { Err(format!("a text of {length}, not 1 to {most}")) }
}

fn string<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    object.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is no string"))
}

/// A list that may be missing.
fn list<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], String> {
    let Some(value) = object.get(name) else { return Ok(&[]) };
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{name} is no list"))
}

/// A list of 1 to `most`.
fn some<'a>(object: &'a Map<String, Value>, name: &str, most: usize) -> Result<&'a [Value], String> {
    let list = list(object, name)?;
    if (1..=most).contains(&list.len()) { Ok(list) } else { Err(format!("{} {name}", list.len())) }
}

/// Refuses fields that are not among these words.
fn only(object: &Map<String, Value>, known: &str) -> Result<(), String> {
    match object.keys().find(|key| !known.split(' ').any(|known| known == key.as_str())) {
        Some(unknown) => Err(format!("unknown field {unknown}")),
        None => Ok(()),
    }
}

fn blocks_error(reason: impl Into<String>) -> Refused {
    Refused { answer: "invalid_blocks".to_owned(), reason: reason.into() }
}

fn payload_error(reason: impl Into<String>) -> Refused {
    Refused { answer: "invalid_payload".to_owned(), reason: reason.into() }
}
