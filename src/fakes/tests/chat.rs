//! Whatever opwatch says, Google Chat takes it; and the stand-in refuses what Chat refuses.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::payloads::{ends, settings};
use super::{call, instant};
use crate::fakes::{Chat, World};
use crate::message::arbitrary::{check as any_check, report, time};
use crate::outlets::Part;
use crate::outlets::chat::{payload, plain_payload};
use crate::prose::{Context, Digest, Notice, digest, notice, running, stall_report};
use crate::watch::{Mention, Report};

/// The texts in which Chat's own markup is read, and those that are shown as they are.
fn outside_of_html(message: &Value) -> Vec<String> {
    let header = &message["cardsV2"][0]["card"]["header"];
    let texts = [&message["text"], &message["fallbackText"], &header["title"], &header["subtitle"]];
    texts.into_iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// Holds if Chat accepts each part of `notice`, and only the intended people are mentioned.
fn assert_fits(notice: Notice) -> Result<(), TestCaseError> {
    let mentions: Vec<_> = notice.mentions.iter().map(|_| Mention::new("users/all")).collect();
    let ping = "<users/all> ".repeat(mentions.len());
    let notice = Notice { mentions, ..notice };
    for part in [Part::Whole, Part::Edit, Part::Reply] {
        for message in [payload(&notice, part), plain_payload(&notice, part)] {
            prop_assert_eq!(Chat::takes(&message), Ok(()), "{}", message);
            let ping = if part == Part::Edit { "" } else { &ping };
            let on_top = message["text"].as_str().unwrap_or_default();
            prop_assert!(ping.is_empty() || on_top.starts_with(ping), "{}", on_top);
            for text in outside_of_html(&message) {
                let rest = text.strip_prefix(ping).unwrap_or(&text);
                prop_assert!(!rest.contains(['<', '>']), "{}", text);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(500), ..ProptestConfig::default() })]

    #[test]
    fn any_report_in_any_language_is_a_message_that_chat_takes(
        report in report(), now in time(), settings in settings(),
    ) {
        let (topic, locale, zone, title, routing) = settings;
        let (title, routing) = (title.as_deref(), Some(&routing));
        assert_fits(notice(&report, &Context { topic, locale, zone, title, routing, now }))?;
    }

    #[test]
    fn any_watch_under_way_is_a_message_that_chat_takes(
        check in any_check(), now in time(), due in time(), settings in settings(),
    ) {
        let (topic, locale, zone, title, routing) = settings;
        let (title, routing) = (title.as_deref(), Some(&routing));
        let context = Context { topic, locale, zone, title, routing, now };
        assert_fits(running(&check, due, true, &context))?;
        assert_fits(running(&check, due, false, &context))?;
        assert_fits(notice(&stall_report(&check, context.now), &context))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_digest_is_a_message_that_chat_takes(
        reports in ends(), now in time(), settings in settings(),
    ) {
        let (topic, locale, zone, title, routing) = settings;
        let (title, routing) = (title.as_deref(), Some(&routing));
        let context = Context { topic, locale, zone, title, routing, now };
        let reports: Vec<&Report> = reports.iter().collect();
        assert_fits(digest(&Digest { reports: &reports, id: "0123456789abcdef", diverted: None }, &context))?;
    }
}

fn words(text: &str) -> Value {
    json!({"text": text})
}

async fn post(world: &World, query: &str, body: &Value) -> u16 {
    send(world, reqwest::Method::POST, &format!("spaces/A/messages{query}"), body).await
}

async fn patch(world: &World, id: &str, query: &str, body: &Value) -> u16 {
    send(world, reqwest::Method::PATCH, &format!("spaces/A/messages/{id}{query}"), body).await
}

/// The status of the answer; the next write is a second later.
async fn send(world: &World, method: reqwest::Method, path: &str, body: &Value) -> u16 {
    let url = format!("{}/v1/{path}", world.chat.url());
    let request = world.shared.client.request(method, url).header("Content-Type", "application/json");
    let (status, _) = call(request.body(body.to_string())).await.unwrap();
    world.time.advance(Duration::from_secs(1));
    status
}

#[tokio::test]
async fn a_message_is_made_once_and_named_by_the_app() {
    let world = instant().await;
    let (id, other) = ("client-a", "?messageId=client-b&requestId=r1");
    assert_eq!(post(&world, "?messageId=client-a&requestId=r1", &words("1")).await, 200);
    assert_eq!(post(&world, "?messageId=client-a&requestId=r1", &words("2")).await, 200, "the same request");
    assert_eq!(post(&world, other, &words("3")).await, 200, "the request counts, not what it says");
    assert_eq!(post(&world, "?messageId=client-a&requestId=r2", &words("4")).await, 409);
    assert_eq!(patch(&world, id, "?updateMask=text", &words("5")).await, 200);
    assert_eq!(patch(&world, "client-c", "?updateMask=text", &words("6")).await, 404);
    assert_eq!(patch(&world, "client-c", "?updateMask=text&allowMissing=true", &words("7")).await, 200);
    let said: Vec<_> = world.chat.messages().iter().map(|message| message.payload["text"].clone()).collect();
    assert_eq!(said, ["5", "7"]);
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_space_takes_a_write_a_second() {
    let world = instant().await;
    let url = format!("{}/v1/spaces/A/messages", world.chat.url());
    let request = || world.shared.client.post(&url).header("Content-Type", "application/json");
    let post = async || call(request().body(words("x").to_string())).await.unwrap().0;
    assert_eq!((post().await, post().await), (200, 429));
    world.time.advance(Duration::from_secs(1));
    assert_eq!(post().await, 200);
    world.stop().await;
}

#[tokio::test]
async fn what_chat_refuses_is_refused() {
    let world = instant().await;
    let long = format!("?messageId=client-{}", "a".repeat(57));
    for query in [long.as_str(), "?messageId=a", "?messageId=client-A", "?messageId=", "?messageid=client-a"]
    {
        assert_eq!(post(&world, query, &words("x")).await, 400, "{query}");
    }
    let card = |widgets: Value| json!({"cardsV2": [{"card": {"sections": [{"widgets": widgets}]}}]});
    for wrong in [
        json!({}),
        json!({"text": ""}),
        json!({"text": 7}),
        json!({"text": "x".repeat(4_097)}),
        json!({"text": "x", "formattedText": "x"}),
        json!({"text": "x", "cardsv2": []}),
        card(json!([])),
        card(json!([{}])),
        card(json!([{"textParagraph": {"text": "a < b"}}])),
        card(json!([{"textParagraph": {"text": "a & b"}}])),
        card(json!([{"textParagraph": {"text": "`x`", "textSyntax": "MARKDOWN"}}])),
        card(json!([{"textParagraph": {"text": "x", "textSyntax": "markdown"}}])),
        card(json!([{"decoratedText": {"text": "x", "button": {"text": "y"}}}])),
        card(Value::from(vec![json!({"textParagraph": {"text": "x"}}); 101])),
        card(Value::from(vec![json!({"textParagraph": {"text": "x".repeat(4_000)}}); 9])),
    ] {
        assert_eq!(post(&world, "", &wrong).await, 400, "{wrong}");
    }
    assert_eq!(patch(&world, "client-a", "?updateMask=fallbackText", &words("x")).await, 400);
    assert_eq!(patch(&world, "a", "?updateMask=text&allowMissing=true", &words("x")).await, 400);
    let reply = "?messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";
    assert_eq!(post(&world, reply, &words("x")).await, 400, "a reply to nothing");
    assert!(world.chat.messages().is_empty());
    world.chat.remove_app("spaces/A");
    assert_eq!(post(&world, "", &words("x")).await, 403);
    world.stop().await;
}
