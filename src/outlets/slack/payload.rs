//! A notice as Slack's JSON: a summary in the top-level text, which is what a phone shows, and the details in one
//! coloured attachment of blocks, the only place with a colour bar. Within Slack's limits by construction.

use serde_json::{Value as Json, json};

use super::ids::Who;
use crate::message::MAX_TITLE_CHARS;
use crate::outlets::layout::{MAX_ESCAPE, bar, drop_last, escaped, part_of, without_backticks};
use crate::outlets::{Content, Part};
use crate::prose::{Colour, Field, Notice, Text, Value};
use crate::text;

/// Slack's limits (<https://docs.slack.dev/reference/block-kit/blocks>): a text of a section, one of its fields, their
/// number, and the blocks of a message. A summary is best below 4,000 characters; ours is one line.
const SECTION: usize = 3_000;
const FIELD: usize = 2_000;
const FIELDS: usize = 10;
const BLOCKS: usize = 50;
const SUMMARY: usize = 500;
/// The headline: the longest title there is, each of its characters escaped, and the outcome behind it, which must never be
/// cut off.
const HEADLINE: usize = MAX_TITLE_CHARS * MAX_ESCAPE + 200;
const PLAIN: usize = 4_000;
/// Room for mentions in it, at least.
const PING: usize = 100;
/// All texts together: Slack refuses somewhere above 13,000 characters, without saying where
/// (<https://github.com/slackapi/bolt-js/issues/2509>).
const TOTAL: usize = 12_000;
/// A longer link is left out.
const LINK: usize = 500;

/// The payload of `part` of `notice`.
pub fn payload(notice: &Notice, part: Part) -> Json {
    let colour = match notice.colour {
        Colour::Green => "#2eb67d",
        Colour::Orange => "#e8912d",
        Colour::Red => "#e01e5a",
        Colour::Blue => "#36c5f0",
    };
    let blocks = fitting_blocks(notice, part);
    let mut payload = json!({"text": summary(notice, part)});
    if let (Some(payload), false) = (payload.as_object_mut(), blocks.is_empty()) {
        payload.insert("attachments".to_owned(), json!([{"color": colour, "blocks": blocks}]));
    }
    payload
}

/// The payload of `content`: with blocks, or plain.
pub(super) fn rendered(content: Content<'_>) -> Json {
    let Content { notice, part, plain, .. } = content;
    if plain { plain_payload(notice, part) } else { payload(notice, part) }
}

/// The same as text alone, for when Slack refuses the blocks.
pub fn plain_payload(notice: &Notice, part: Part) -> Json {
    let mut notice = part_of(notice, part);
    let ping = ping(&notice, part);
    let most = PLAIN.saturating_sub(ping.len().max(PING));
    // A command to paste is whole or not there, with what stands above it.
    while escaped(&notice.to_text(), usize::MAX).chars().count() > most && drop_last(&mut notice.commands) {}
    json!({"text": ping + &escaped(&notice.to_text(), most), "mrkdwn": false})
}

/// The blocks, with sentences as long as they may be together.
fn fitting_blocks(notice: &Notice, part: Part) -> Vec<Json> {
    let mut notice = notice.clone();
    for sentence in [SECTION, SECTION / 2] {
        let blocks = blocks(&notice, part, sentence);
        if length(&blocks) <= TOTAL {
            return blocks;
        }
    }
    loop {
        let blocks = blocks(&notice, part, SECTION / 6);
        if length(&blocks) <= TOTAL || !(drop_last(&mut notice.commands) || notice.values.pop().is_some()) {
            return blocks;
        }
    }
}

fn blocks(notice: &Notice, part: Part, sentence: usize) -> Vec<Json> {
    let mut blocks = Vec::new();
    if part != Part::Reply {
        blocks.extend(notice.bar.map(|percent| mrkdwn_section(&bar(percent))));
        // Short values stand in two columns; names that people copy need the whole width.
        let (names, short): (Vec<_>, Vec<_>) =
            notice.values.iter().partition(|field| matches!(field.value, Value::Code(_)));
        blocks.extend(short.chunks(FIELDS).map(fields));
        blocks.extend(names.into_iter().map(|field| mrkdwn_section(&labelled(field))));
    }
    // Slack sends no notification for an edit, so sentences and commands to paste are only in the reply.
    if part != Part::Edit {
        let texts = notice.texts.iter().chain(&notice.commands);
        blocks.extend(texts.filter_map(|text| section(text, sentence)));
    }
    blocks.truncate(BLOCKS);
    blocks
}

/// The characters of all texts.
fn length(json: &[Json]) -> usize {
    fn of(json: &Json) -> usize {
        match json {
            Json::String(text) => text.chars().count(),
            Json::Array(items) => items.iter().map(of).sum(),
            Json::Object(object) => object.values().map(of).sum(),
            Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        }
    }
    json.iter().map(of).sum()
}

fn summary(notice: &Notice, part: Part) -> String {
    let title = escaped(&notice.title, HEADLINE);
    let rest = notice.summary.iter().map(|part| format!(" · {}", escaped(part, SUMMARY)));
    std::iter::once(format!("{}*{title}*", ping(notice, part))).chain(rest).collect()
}

/// A mention pings only in the text on top, and only in a message that is new.
fn ping(notice: &Notice, part: Part) -> String {
    let mentions = notice.mentions.iter().filter(|_| part != Part::Edit);
    let who = mentions.filter_map(|mention| Who::of(mention.as_str()));
    let written = who.map(|who| match who {
        Who::User(id) => format!("<@{id}> "),
        Who::Group(id) => format!("<!subteam^{id}> "),
        Who::Here => "<!here> ".to_owned(),
    });
    written.collect()
}

fn fields(values: &[&Field]) -> Json {
    let fields: Vec<Json> = values.iter().map(|field| mrkdwn(&labelled(field))).collect();
    json!({"type": "section", "fields": fields})
}

fn labelled(field: &Field) -> String {
    // Room for the label.
    let value = match &field.value {
        Value::Plain(value) => escaped(value, FIELD - 200),
        Value::Code(value) => format!("`{}`", escaped(&without_backticks(value), FIELD - 200)),
    };
    let link = field.link.as_ref().filter(|link| link.len() <= LINK);
    let link = link.map(|link| format!(" · <{}|Cloud Console>", escaped(link, usize::MAX)));
    format!("*{}*{}\n{value}", field.label, link.unwrap_or_default())
}

fn mrkdwn(text: &str) -> Json {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn mrkdwn_section(text: &str) -> Json {
    json!({"type": "section", "text": mrkdwn(text)})
}

/// Sentences are plain text, in which nothing is markup; commands to paste are code.
fn section(text: &Text, longest: usize) -> Option<Json> {
    match text {
        Text::Plain(text) if text.trim().is_empty() => None,
        Text::Plain(text) => {
            let text = json!({"type": "plain_text", "text": text::cut(text, longest), "emoji": false});
            Some(json!({"type": "section", "text": text}))
        }
        Text::Code(text) => {
            let code = escaped(&without_backticks(text), SECTION - 8);
            Some(mrkdwn_section(&format!("```{code}```")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::arbitrary::{outcome, text as any_text, time};
    use crate::prose::{Context, notice};
    use crate::watch::{Locale, Report};
    use proptest::prelude::*;

    /// A report with this title, told in this language.
    fn told(
        title: &str,
        outcome: crate::watch::Outcome,
        locale: Locale,
        at: chrono::DateTime<chrono::Utc>,
    ) -> Notice {
        let watch = crate::watch::Watch { title: Some(title.to_owned()), ..crate::watch::Watch::default() };
        let verdict = crate::watch::Verdict::new(outcome, None, crate::services::OperationInfo::default());
        let context =
            Context { topic: None, locale, zone: chrono_tz::Tz::UTC, title: None, routing: None, now: at };
        notice(&Report::new(watch, verdict, at), &context)
    }

    #[test]
    fn a_title_of_escapes_does_not_push_the_outcome_out() {
        let at = chrono::DateTime::UNIX_EPOCH;
        for (locale, outcome) in [(Locale::En, "failed"), (Locale::Ja, "に失敗")] {
            let told = told(&"&".repeat(100), crate::watch::Outcome::Failed, locale, at);
            let text = payload(&told, Part::Whole)["text"].as_str().unwrap().to_owned();
            assert!(text.starts_with("*&amp;&amp;") && text.contains(outcome), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_headline_is_whole_whatever_the_title(
            title in any_text(MAX_TITLE_CHARS), outcome in outcome(), ja in any::<bool>(), at in time(),
        ) {
            let told = told(&title, outcome, if ja { Locale::Ja } else { Locale::En }, at);
            let text = payload(&told, Part::Whole)["text"].as_str().unwrap().to_owned();
            let whole = format!("*{}* · ", escaped(&told.title, usize::MAX));
            prop_assert!(text.starts_with(&whole) || told.summary.is_empty() && whole.starts_with(&text), "{text}");
        }
    }
}
