//! A notice as a message of Google Chat: one card, and above it a text if it mentions someone. Within Chat's limits by
//! construction.
//!
//! A card has its own rules for each text: the header is plain, values and sentences are HTML, commands to paste are a block
//! of code in Markdown (<https://developers.google.com/workspace/chat/format-messages>). The text above has Chat's markup, for
//! which nothing is escaped: what could begin a mention or a link is replaced.

use serde_json::{Value as Json, json};

use super::ids::Who;
use crate::outlets::layout::{bar, drop_last, escaped, part_of, with, without_backticks};
use crate::outlets::{Content, Part};
use crate::prose::{Colour, Field, Notice, Text, Value};
use crate::text;

/// The bytes of a message (<https://developers.google.com/workspace/chat/create-messages>: 32,000), with some room for its
/// thread.
const MESSAGE: usize = 31_000;
/// The bytes of a text outside of cards: Chat was seen to refuse more than 4,096 characters
/// (<https://github.com/mr-karan/calert/issues/17>).
const TEXT: usize = 4_000;
/// The widgets of a card, those in columns too: a section that would exceed this is left out by Chat, and all after it
/// (<https://developers.google.com/workspace/chat/api/reference/rest/v1/cards>).
const WIDGETS: usize = 100;
/// The characters of the header's two lines.
const HEADER: usize = 300;
/// A longer link is left out.
const LINK: usize = 500;
/// How long a sentence and a value may be: the first pair with which the message fits.
const LENGTHS: [(usize, usize); 4] = [(3_000, 1_800), (1_500, 900), (500, 400), (200, 150)];

/// The message of `part` of `notice`.
pub fn payload(notice: &Notice, part: Part) -> Json {
    let mut own = part_of(notice, part);
    let mut lengths = LENGTHS.into_iter();
    let mut longest = lengths.next().unwrap_or_default();
    loop {
        let message = message(&own, part, longest);
        if size(&message) <= MESSAGE {
            return message;
        }
        match lengths.next() {
            Some(shorter) => longest = shorter,
            None if drop_last(&mut own.commands) => {}
            None if own.texts.pop().is_some() || own.values.pop().is_some() => {}
            None => return message,
        }
    }
}

/// The same as text alone, for when Chat refuses the card.
pub fn plain_payload(notice: &Notice, part: Part) -> Json {
    let mut notice = part_of(notice, part);
    let ping = ping(&notice, part);
    let most = TEXT - ping.len();
    // A command to paste is whole or not there, with what stands above it: a character that is replaced would change it.
    while notice.commands.iter().any(|text| matches!(text, Text::Code(code) if code.contains(['<', '>'])))
        || notice.to_text().len() > most
    {
        if !drop_last(&mut notice.commands) {
            break;
        }
    }
    json!({"text": ping + &inert(&notice.to_text(), most)})
}

/// The message of `content`: a card, or plain.
pub(super) fn rendered(content: Content<'_>) -> Json {
    let Content { notice, part, plain, .. } = content;
    if plain { plain_payload(notice, part) } else { payload(notice, part) }
}

/// The message in the thread of its watch.
pub(super) fn in_thread(message: Json, content: Content<'_>) -> Json {
    with(message, json!({"thread": {"threadKey": content.about.thread()}}))
}

fn size(message: &Json) -> usize {
    serde_json::to_vec(message).map_or(0, |bytes| bytes.len())
}

fn message(notice: &Notice, part: Part, lengths: (usize, usize)) -> Json {
    let first_line = inert(&notice.first_line(), TEXT / 2);
    let ping = ping(notice, part);
    let sections = sections(notice, lengths);
    if sections.is_empty() {
        return json!({"text": ping + &first_line});
    }
    let header = json!({
        "title": format!("{} {}", sign(notice.colour), inert(&notice.title, 4 * HEADER)),
        "subtitle": inert(&notice.summary.join(" · "), 4 * HEADER),
    });
    let card = json!({"cardId": "opwatch", "card": {"header": header, "sections": sections}});
    let message = json!({"cardsV2": [card], "fallbackText": first_line});
    // Mentions in a card notify no one.
    if ping.is_empty() { message } else { with(message, json!({"text": ping + &first_line})) }
}

/// A card has no colour.
fn sign(colour: Colour) -> &'static str {
    match colour {
        Colour::Green => "🟢",
        Colour::Orange => "🟠",
        Colour::Red => "🔴",
        Colour::Blue => "🔵",
    }
}

/// Who is mentioned. Only a message that is new notifies.
fn ping(notice: &Notice, part: Part) -> String {
    let mentions = notice.mentions.iter().filter(|_| part != Part::Edit);
    let who = mentions.filter_map(|mention| Who::of(mention.as_str()));
    who.flat_map(|who| ["<", who.name(), "> "]).collect()
}

fn sections(notice: &Notice, (sentence, value): (usize, usize)) -> Vec<Json> {
    // Short values stand in two columns; names that people copy need the whole width.
    let (names, short): (Vec<_>, Vec<_>) =
        notice.values.iter().partition(|field| matches!(field.value, Value::Code(_)));
    let mut values: Vec<Json> = notice.bar.map(|percent| paragraph(&bar(percent))).into_iter().collect();
    values.extend(columns(&short, value));
    values.extend(names.into_iter().map(|field| labelled(field, value)));
    let texts = notice.texts.iter().chain(&notice.commands);
    let texts: Vec<Json> = texts.filter_map(|text| widget(text, sentence)).collect();
    let mut left = WIDGETS - 2 * short.len().min(WIDGETS / 4) - 3;
    let mut sections = Vec::new();
    for mut widgets in [values, texts] {
        widgets.truncate(left);
        left -= widgets.len();
        if !widgets.is_empty() {
            sections.push(json!({"widgets": widgets}));
        }
    }
    sections
}

/// At most two, with the values by turns.
fn columns(values: &[&Field], longest: usize) -> Option<Json> {
    let column = |first: usize| {
        let own = values.iter().take(WIDGETS / 4).skip(first).step_by(2);
        let widgets: Vec<Json> = own.map(|field| labelled(field, longest)).collect();
        json!({"horizontalSizeStyle": "FILL_AVAILABLE_SPACE", "widgets": widgets})
    };
    let items: Vec<Json> = (0..values.len().min(2)).map(column).collect();
    (!items.is_empty()).then(|| json!({"columns": {"columnItems": items}}))
}

fn labelled(field: &Field, longest: usize) -> Json {
    let (Value::Plain(value) | Value::Code(value)) = &field.value;
    // Chat demands a text.
    let value = if value.trim().is_empty() { "–" } else { value };
    let text = json!({"topLabel": field.label, "text": html(value, longest), "wrapText": true});
    let button =
        |link: &String| json!({"button": {"text": "Cloud Console", "onClick": {"openLink": {"url": link}}}});
    let button = field.link.as_ref().filter(|link| link.len() <= LINK).map(button);
    json!({"decoratedText": with(text, button.unwrap_or_default())})
}

fn paragraph(html: &str) -> Json {
    json!({"textParagraph": {"text": html}})
}

fn widget(text: &Text, longest: usize) -> Option<Json> {
    match text {
        Text::Plain(text) if text.trim().is_empty() => None,
        Text::Plain(text) => Some(paragraph(&html(text, longest))),
        // In a block of code nothing is markup but its end.
        Text::Code(text) => {
            let code = text::cut(&without_backticks(text), 3_000);
            Some(json!({"textParagraph": {"text": format!("```\n{code}\n```"), "textSyntax": "MARKDOWN"}}))
        }
    }
}

/// A text in HTML, with its lines.
fn html(text: &str, longest: usize) -> String {
    escaped(text, longest).replace('\n', "<br>")
}

/// A text in which nothing mentions anyone, of at most so many bytes. Chat's markup has no escapes, so look-alikes stand for
/// angle brackets.
fn inert(text: &str, most: usize) -> String {
    let mut inert = text::cut(text, most).replace('<', "\u{2039}").replace('>', "\u{203a}");
    if inert.len() > most {
        inert.truncate(inert.floor_char_boundary(most.saturating_sub('…'.len_utf8())));
        inert.push('…');
    }
    inert
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_chat_would_read_as_markup_is_replaced() {
        assert_eq!(inert("<users/all> & x", 100), "‹users/all› & x");
        assert_eq!(inert("データ", 7), "デ…");
        assert_eq!(html("a<b>\n&", 100), "a&lt;b&gt;<br>&amp;");
    }

    proptest! {
        #[test]
        fn an_inert_text_is_within_its_limit(text in any::<String>(), most in 3usize..60) {
            let inert = inert(&text, most);
            prop_assert!(inert.len() <= most && !inert.contains(['<', '>']), "{inert}");
        }
    }
}
