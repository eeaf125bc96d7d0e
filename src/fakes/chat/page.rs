//! Shows messages as Google Chat would: one HTML page without outside resources.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::rules::{list, string};
use crate::fakes::page::Reader;
use crate::watch::Locale;

const STYLE: &str = include_str!("page.css");

/// A message to show.
pub(crate) struct Shown {
    /// What it says.
    pub(crate) payload: Value,
    /// When it was posted.
    pub(crate) at: DateTime<Utc>,
    /// Whether it was edited.
    pub(crate) is_edited: bool,
    /// Whether it stands in the thread of the message before it.
    pub(crate) is_reply: bool,
}

/// The page with these messages.
pub(crate) fn page(messages: &[Shown], reader: Reader) -> String {
    let shown: String = messages.iter().map(|message| article(message, reader)).collect();
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>opwatch</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<h1>{}</h1>\n{shown}</body>\n</html>\n",
        reader.locale.id(),
        if reader.locale == Locale::Ja { "運用" } else { "Operations" },
    )
}

fn article(message: &Shown, reader: Reader) -> String {
    let (edited, replies) = match reader.locale {
        Locale::En => ("Edited", "1 reply"),
        Locale::Ja => ("編集済み", "返信 1 件"),
    };
    let edited = if message.is_edited { format!(" · {edited}") } else { String::new() };
    let above = if message.is_reply { element("div", "count", replies) } else { String::new() };
    let text = match string(&message.payload, "text") {
        "" => String::new(),
        text => element("div", "text", &mentions(text)),
    };
    let cards: String = list(&message.payload, "cardsV2").iter().map(card).collect();
    let who = format!(
        "<strong>opwatch</strong> <span class=\"badge\">App</span> <time>{}{edited}</time>",
        message.at.with_timezone(&reader.zone).format("%-H:%M"),
    );
    let content = element("div", "content", &format!("{}{text}{cards}", element("div", "who", &who)));
    let avatar = element("div", "avatar", "ow");
    above + &element("article", if message.is_reply { "reply" } else { "" }, &(avatar + &content))
}

fn card(card: &Value) -> String {
    let card = card.get("card").unwrap_or(&Value::Null);
    let header = card.get("header").unwrap_or(&Value::Null);
    let lines = element("div", "title", &title(string(header, "title")))
        + &element("div", "subtitle", &plain(string(header, "subtitle")));
    let sections = list(card, "sections").iter().map(|section| {
        let widgets: String = list(section, "widgets").iter().map(widget).collect();
        element("div", "section", &widgets)
    });
    let inner = element("div", "header", &lines) + &sections.collect::<String>();
    element("div", "card", &inner)
}

/// The circle that stands for a colour is drawn: not every machine has such characters.
fn title(title: &str) -> String {
    let circles = [("🟢", "#188038"), ("🟠", "#e8710a"), ("🔴", "#d93025"), ("🔵", "#1a73e8")];
    let drawn = circles.into_iter().find_map(|(circle, colour)| {
        let rest = title.strip_prefix(circle)?;
        Some(format!("<span class=\"circle\" style=\"background: {colour}\"></span>{}", plain(rest)))
    });
    drawn.unwrap_or_else(|| plain(title))
}

fn widget(widget: &Value) -> String {
    if let Some(columns) = widget.get("columns") {
        let columns = list(columns, "columnItems").iter().map(|column| {
            let widgets: String = list(column, "widgets").iter().map(self::widget).collect();
            element("div", "", &widgets)
        });
        return element("div", "columns", &columns.collect::<String>());
    }
    if let Some(text) = widget.get("textParagraph") {
        let said = string(text, "text");
        let code = said.strip_prefix("```\n").and_then(|code| code.strip_suffix("\n```"));
        // The stand-in has found HTML to be such as cards have.
        let shown = code.map_or_else(|| said.to_owned(), |code| element("pre", "", &plain(code)));
        return element("div", "widget", &shown);
    }
    let text = widget.get("decoratedText").unwrap_or(&Value::Null);
    let inner = element("div", "label", &plain(string(text, "topLabel"))) + string(text, "text");
    let button = text.get("button").map(|button| element("span", "button", &plain(string(button, "text"))));
    element("div", "widget decorated", &(element("div", "", &inner) + &button.unwrap_or_default()))
}

/// A text with Chat's markup, of which only mentions are known here.
fn mentions(text: &str) -> String {
    let Some((name, rest)) = text.strip_prefix("<users/").and_then(|text| text.split_once('>')) else {
        return plain(text);
    };
    format!("<span class=\"mention\">@{}</span>{}", plain(name), plain(rest))
}

fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `inner` is HTML already.
fn element(tag: &str, class: &str, inner: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<{tag}{class}>{inner}</{tag}>\n")
}
