//! What Google Chat is sent.

use super::slack_calls::{code, commands, name, plain, short, with_all_parts};
use super::*;
use crate::outlets::chat::{payload, plain_payload};
use crate::prose::{Field, Text};

fn sections(payload: &Json) -> Vec<Vec<Json>> {
    let sections = payload["cardsV2"][0]["card"]["sections"].as_array().cloned().unwrap_or_default();
    sections.iter().map(|section| section["widgets"].as_array().unwrap().clone()).collect()
}

/// The text of a widget that has one.
fn text(widget: &Json) -> &str {
    let text = widget.pointer("/textParagraph/text").or_else(|| widget.pointer("/decoratedText/text"));
    text.and_then(Json::as_str).unwrap_or_default()
}

fn count(payload: &Json, is_it: impl Fn(&str) -> bool) -> usize {
    sections(payload).iter().flatten().filter(|widget| is_it(text(widget))).count()
}

fn size(payload: &Json) -> usize {
    payload.to_string().len()
}

#[test]
fn each_part_has_its_own() {
    let notice = Notice {
        colour: Colour::Orange,
        bar: Some(42),
        values: vec![name("projects/p"), short("a<b"), short(" "), short("c")],
        texts: vec![plain("It\nended."), plain("  ")],
        commands: commands(1, "`x", 2),
        ..mentioning("users/all")
    };
    let whole = payload(&notice, Part::Whole);
    assert_eq!(
        (&whole["text"], &whole["fallbackText"]),
        (&json!("<users/all> Title · 10 s"), &json!("Title · 10 s"))
    );
    let header = &whole["cardsV2"][0]["card"]["header"];
    assert_eq!((header["title"].as_str(), header["subtitle"].as_str()), (Some("🟠 Title"), Some("10 s")));
    let [values, texts] = sections(&whole).try_into().unwrap();
    let bar = format!("{}{} 42%", "█".repeat(8), "░".repeat(12));
    assert_eq!((text(&values[0]), text(&values[2]), values.len()), (bar.as_str(), "projects/p", 3));
    let column = |index: usize| {
        let widgets = values[1]["columns"]["columnItems"][index]["widgets"].as_array().unwrap();
        widgets.iter().map(|widget| text(widget).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!([column(0), column(1)], [vec!["a&lt;b", "c"], vec!["–"]], "by turns");
    let said = texts.iter().map(text).collect::<Vec<_>>();
    assert_eq!(said, ["It<br>ended.", "Run:", "```\n\u{2cb}x\u{2cb}x\n```"]);
    assert_eq!(texts[2]["textParagraph"]["textSyntax"], "MARKDOWN");
    let edit = payload(&notice, Part::Edit);
    assert_eq!((edit.get("text"), sections(&edit)), (None, vec![values]));
    let reply = payload(&notice, Part::Reply);
    assert_eq!((&reply["text"], sections(&reply)), (&whole["text"], vec![texts]));
    for (colour, sign) in [(Colour::Green, "🟢"), (Colour::Red, "🔴"), (Colour::Blue, "🔵")] {
        let payload = payload(&Notice { colour, ..notice.clone() }, Part::Whole);
        let title = payload["cardsV2"][0]["card"]["header"]["title"].as_str().unwrap().to_owned();
        assert_eq!(title, format!("{sign} Title"));
    }
}

#[test]
fn without_anything_to_show_it_is_a_line() {
    assert_eq!(payload(&notice(), Part::Whole), json!({"text": "Title · 10 s"}));
    assert_eq!(payload(&mentioning("users/7"), Part::Whole), json!({"text": "<users/7> Title · 10 s"}));
    assert_eq!(payload(&mentioning("users/7"), Part::Edit), json!({"text": "Title · 10 s"}));
    assert_eq!(payload(&mentioning("here"), Part::Whole), json!({"text": "Title · 10 s"}), "that is Slack's");
    let one = Notice { values: vec![short("v")], ..notice() };
    let columns = sections(&payload(&one, Part::Whole))[0][0]["columns"]["columnItems"].clone();
    assert_eq!(columns.as_array().unwrap().len(), 1);
}

#[test]
fn as_plain_text_it_has_the_same_parts() {
    let notice = with_all_parts("users/7");
    let text = |part| plain_payload(&notice, part)["text"].as_str().unwrap().to_owned();
    assert_eq!(text(Part::Whole), "<users/7> Title · 10 s\nShort: ‹10 s›\nIt ended.\nRun:\n    xxx");
    assert_eq!(text(Part::Edit), "Title · 10 s\nShort: ‹10 s›");
    assert_eq!(text(Part::Reply), "<users/7> Title · 10 s\nIt ended.\nRun:\n    xxx");
}

/// A command to paste is whole or not there: with another character in it, it would be another command.
#[test]
fn of_plain_text_only_whole_commands_are_left_out_and_only_what_must_be() {
    let shown = |texts: Vec<Text>, commands: Vec<Text>| {
        let notice = Notice { texts, commands, ..notice() };
        plain_payload(&notice, Part::Whole)["text"].as_str().unwrap().to_owned()
    };
    let two = || commands(2, "y", 500);
    let rest = shown(vec![plain("")], two()).len();
    let exactly = 4_000 - rest;
    let both = shown(vec![plain("x".repeat(exactly))], two());
    assert_eq!((both.len(), both.matches('y').count()), (4_000, 1_000));
    let one = shown(vec![plain("x".repeat(exactly + 1))], two());
    assert_eq!((one.len() < 4_000, one.matches('y').count(), one.matches("Run:").count()), (true, 500, 1));
    let none = shown(vec![plain("x".repeat(3_900))], two());
    assert_eq!((none.matches('y').count(), none.ends_with('x')), (0, true));
    assert_eq!(shown(vec![plain("x".repeat(5_000))], Vec::new()).len(), 4_000);
    for (command, is_there) in [("a | b", true), ("a < b", false), ("a > b", false)] {
        let text = shown(vec![plain("<It> ended.")], vec![plain("Run:"), code(command)]);
        assert!(text.contains("‹It› ended."));
        assert_eq!((text.contains(command), text.contains("Run:")), (is_there, is_there), "{command}");
    }
    let first = vec![plain("Run:"), code("a < b"), plain("Or:"), code("c")];
    assert_eq!(shown(Vec::new(), first), "Title · 10 s", "those above a command go last");
}

#[test]
fn what_is_too_large_is_shortened_step_by_step() {
    let sentences = |count: usize| {
        let texts = (0..count).map(|_| plain("デ".repeat(4_000))).collect();
        let payload = payload(&Notice { texts, ..notice() }, Part::Whole);
        assert!(size(&payload) <= 31_000);
        let widgets = sections(&payload).remove(0);
        let lengths: Vec<_> = widgets.iter().map(|widget| text(widget).chars().count()).collect();
        (lengths.len(), lengths[0])
    };
    assert_eq!([sentences(3), sentences(6), sentences(15)], [(3, 3_000), (6, 1_500), (15, 500)]);
    assert_eq!(sentences(40), (40, 200));
    let (left, length) = sentences(90);
    assert_eq!(length, 200);
    assert!(left < 90 && left > 45, "no more than must go: {left}");
    let values = |count: usize| {
        let values = (0..count).map(|_| name("デ".repeat(4_000))).collect();
        let payload = payload(&Notice { values, ..notice() }, Part::Whole);
        assert!(size(&payload) <= 31_000);
        let widgets = sections(&payload).remove(0);
        let lengths: Vec<_> = widgets.iter().map(|widget| text(widget).chars().count()).collect();
        (lengths.len(), lengths[0])
    };
    assert_eq!([values(5), values(10), values(20)], [(5, 1_800), (10, 900), (20, 400)]);
    let (left, length) = values(90);
    assert!(length == 150 && left < 90 && left > 45, "{left} {length}");
}

#[test]
fn the_last_commands_go_before_sentences_and_values() {
    let notice = Notice {
        values: vec![name("n")],
        texts: vec![plain("It ended.")],
        commands: commands(5, "デ", 3_000),
        ..notice()
    };
    let shown = payload(&notice, Part::Whole);
    assert_eq!(count(&shown, |text| text.starts_with("```\nデ")), 3);
    assert_eq!(count(&shown, |text| text == "Run:"), 3);
    assert_eq!(count(&shown, |text| text == "It ended." || text == "n"), 2);
    assert!(size(&shown) <= 31_000);
}

/// A section with more widgets than a card may have would be left out by Chat, and all after it.
#[test]
fn there_are_no_more_widgets_than_a_card_may_have() {
    let widgets = |shorts: usize, names: usize, texts: usize| {
        let values = (0..shorts).map(|_| short("s")).chain((0..names).map(|_| name("n"))).collect();
        let texts = (0..texts).map(|_| plain("t")).collect();
        let sections = sections(&payload(&Notice { values, texts, ..notice() }, Part::Whole));
        let in_columns = |widget: &Json| {
            let columns = widget["columns"]["columnItems"].as_array().into_iter().flatten();
            columns.map(|column| column["widgets"].as_array().unwrap().len()).sum::<usize>()
        };
        let inner: usize = sections.iter().flatten().map(in_columns).sum();
        (inner, sections.iter().map(Vec::len).collect::<Vec<_>>())
    };
    assert_eq!(widgets(30, 10, 60), (25, vec![11, 36]));
    assert_eq!(widgets(30, 60, 60), (25, vec![47]));
    assert_eq!(widgets(4, 10, 200), (4, vec![11, 78]));
    assert_eq!(widgets(0, 200, 5), (0, vec![97]));
    assert_eq!(widgets(0, 3, 5), (0, vec![3, 5]));
}

#[test]
fn a_long_link_is_left_out() {
    let linked = |length: usize| {
        let link = Some(format!("https://e.com/{}", "x".repeat(length - 14)));
        let notice = Notice { values: vec![Field { link, ..name("n") }], ..notice() };
        let widget = sections(&payload(&notice, Part::Whole)).remove(0).remove(0);
        widget["decoratedText"]["button"]["onClick"]["openLink"]["url"].is_string()
    };
    assert!(linked(500) && !linked(501));
}

#[test]
fn a_line_that_is_too_long_is_cut() {
    let long = Notice { title: "デ".repeat(3_000), values: vec![short("v")], ..mentioning("users/all") };
    let shown = payload(&long, Part::Whole);
    let bytes = |text: &Json| text.as_str().unwrap().len();
    assert!((1_990..=2_000).contains(&bytes(&shown["fallbackText"])));
    assert_eq!(bytes(&shown["text"]), bytes(&shown["fallbackText"]) + "<users/all> ".len());
    let title = bytes(&shown["cardsV2"][0]["card"]["header"]["title"]);
    assert!((1_190..=1_205).contains(&title), "{title}");
    let long = Notice { texts: vec![plain("x".repeat(5_000))], ..mentioning("users/all") };
    assert_eq!(bytes(&plain_payload(&long, Part::Whole)["text"]), 4_000, "the mention counts");
}
