//! Shows messages as Slack would: payloads to one HTML page without outside resources, which follows a demo while it runs.

mod contents;
mod markup;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono_tz::Tz;
use sha2::{Digest as _, Sha256};

use self::contents::{details, string, text_on_top};
pub(super) use self::markup::mrkdwn;
use super::channel::ChannelMessage;
use crate::watch::Locale;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Whose Slack it is.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The language of Slack's own words.
    pub locale: Locale,
    /// Where its clock stands.
    pub zone: Tz,
}

impl Default for Reader {
    fn default() -> Self {
        Self { locale: Locale::En, zone: Tz::UTC }
    }
}

/// The page with these messages, the oldest on top; it does not change any more.
pub fn page(messages: &[ChannelMessage], reader: Reader) -> String {
    document(messages, reader, "", "")
}

/// The page that follows the stand-in which serves it.
pub(super) fn following(messages: &[ChannelMessage], reader: Reader) -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    let powers = format!("script-src 'sha256-{hash}'; connect-src 'self'; ");
    document(messages, reader, &powers, &format!("<script>{SCRIPT}</script>\n"))
}

fn document(messages: &[ChannelMessage], reader: Reader, powers: &str, script: &str) -> String {
    let policy = format!(
        "default-src 'none'; {powers}style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    );
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>opwatch</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         {}{script}</body>\n</html>\n",
        reader.locale.id(),
        main_part(messages, reader)
    )
}

/// What changes of the page while messages come and change.
pub(super) fn main_part(messages: &[ChannelMessage], reader: Reader) -> String {
    let mut channels: Vec<&str> = Vec::new();
    for message in messages {
        if !channels.contains(&message.channel.as_str()) {
            channels.push(&message.channel);
        }
    }
    let view = View { messages, words: Words::of(reader.locale), zone: reader.zone };
    let shown: String = channels.iter().map(|channel| view.channel(channel)).collect();
    let shown = if channels.is_empty() { element("p", "empty", view.words.empty) } else { shown };
    element("main", "", &shown)
}

/// `inner` is HTML already.
fn element(tag: &str, class: &str, inner: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<{tag}{class}>{inner}</{tag}>\n")
}

/// A channel's name; ids that are not known are shown as they are.
fn name(channel: &str) -> &str {
    if ["C0OPERATIONS", "C0WEBHOOK"].contains(&channel) { "operations" } else { channel }
}

/// Slack's own words.
struct Words {
    empty: &'static str,
    edited: &'static str,
    deleted: &'static str,
    replied: &'static str,
    also_sent: &'static str,
    replies: fn(usize) -> String,
}

impl Words {
    fn of(locale: Locale) -> Self {
        match locale {
            Locale::En => Self {
                empty: "No messages yet",
                edited: "(edited)",
                deleted: "This message was deleted.",
                replied: "replied to a thread:",
                also_sent: "Also sent to the channel",
                replies: |count| if count == 1 { "1 reply".to_owned() } else { format!("{count} replies") },
            },
            Locale::Ja => Self {
                empty: "メッセージはまだありません",
                edited: "（編集済み）",
                deleted: "このメッセージは削除されました。",
                replied: "スレッドに返信しました:",
                also_sent: "チャンネルにも送信済み",
                replies: |count| format!("{count}件の返信"),
            },
        }
    }
}

struct View<'a> {
    messages: &'a [ChannelMessage],
    words: Words,
    zone: Tz,
}

impl View<'_> {
    fn channel(&self, channel: &str) -> String {
        let here = self.messages.iter().filter(|message| message.channel == channel);
        let shown: String = here.map(|message| self.in_channel(message)).collect();
        let name = markup::html(name(channel));
        format!("<section>\n<header><h1># {name}</h1></header>\n{shown}</section>\n")
    }

    /// A message with its thread; of a reply only what the channel sees too.
    fn in_channel(&self, message: &ChannelMessage) -> String {
        let Some(thread) = &message.thread_ts else {
            let replies = self.replies(message);
            return match message.deleted {
                true if replies.is_empty() => String::new(),
                true => article("", &element("div", "deleted", self.words.deleted), &replies),
                false => article("", &self.said(message, ""), &replies),
            };
        };
        if message.deleted || !message.broadcast {
            return String::new();
        }
        let is_parent = |other: &&ChannelMessage| {
            other.channel == message.channel && other.ts == *thread && !other.deleted
        };
        let parent = self.messages.iter().find(is_parent).map(|parent| string(&parent.payload, "text"));
        let quote = element("span", "quote", &mrkdwn(parent.unwrap_or_default()));
        let above = element("div", "replied", &format!("{} {quote}", self.words.replied));
        article("", &self.said(message, &above), "")
    }

    fn replies(&self, to: &ChannelMessage) -> String {
        let is_reply = |message: &&ChannelMessage| {
            message.channel == to.channel && message.thread_ts.as_ref() == Some(&to.ts) && !message.deleted
        };
        let replies: Vec<&ChannelMessage> = self.messages.iter().filter(is_reply).collect();
        if replies.is_empty() {
            return String::new();
        }
        let shown = replies.iter().map(|reply| {
            let also_sent = element("div", "also", self.words.also_sent);
            article("reply", &self.said(reply, ""), if reply.broadcast { &also_sent } else { "" })
        });
        let count = element("div", "count", &(self.words.replies)(replies.len()));
        element("div", "thread", &(count + &shown.collect::<String>()))
    }

    /// Who said it when, and what; `above` stands between.
    fn said(&self, message: &ChannelMessage, above: &str) -> String {
        let edited = element("span", "edited", self.words.edited);
        let edited = if message.edits > 0 { format!(" {}", edited.trim_end()) } else { String::new() };
        format!(
            "<div class=\"who\"><strong>opwatch</strong> <span class=\"badge\">APP</span> \
             <time datetime=\"{}\">{}</time></div>\n{above}{}{}",
            message.at.format("%Y-%m-%dT%H:%M:%SZ"),
            message.at.with_timezone(&self.zone).format("%-H:%M"),
            text_on_top(&message.payload, &edited),
            details(&message.payload),
        )
    }
}

fn article(class: &str, said: &str, below: &str) -> String {
    let avatar = "<div class=\"avatar\" aria-hidden=\"true\">ow</div>\n";
    element("article", class, &format!("\n{avatar}<div class=\"content\">\n{said}{below}</div>\n"))
}
