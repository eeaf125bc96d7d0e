//! What Slack is sent: the payloads, and which call a message becomes.

use super::*;
use crate::outlets::slack::{Bot, payload, plain_payload};
use crate::prose::{Field, Text, Value};

pub(super) fn plain(text: impl Into<String>) -> Text {
    Text::Plain(text.into())
}

pub(super) fn code(text: impl Into<String>) -> Text {
    Text::Code(text.into())
}

pub(super) fn short(value: impl Into<String>) -> Field {
    Field { label: "Short", value: Value::Plain(value.into()), link: None }
}

pub(super) fn name(value: impl Into<String>) -> Field {
    Field { label: "Name", value: Value::Code(value.into()), link: None }
}

/// So many commands of so many characters, each below a sentence.
pub(super) fn commands(count: usize, character: &str, length: usize) -> Vec<Text> {
    (0..count).flat_map(|_| [plain("Run:"), code(character.repeat(length))]).collect()
}

/// A notice with a part of each kind that mentions someone.
pub(super) fn with_all_parts(who: &str) -> Notice {
    Notice {
        bar: Some(42),
        values: vec![short("<10 s>")],
        texts: vec![plain("It ended.")],
        commands: commands(1, "x", 3),
        ..mentioning(who)
    }
}

fn blocks(payload: &Json) -> Vec<Json> {
    payload["attachments"][0]["blocks"].as_array().cloned().unwrap_or_default()
}

/// The text of a block that has one.
fn text(block: &Json) -> &str {
    block["text"]["text"].as_str().unwrap_or_default()
}

fn count(payload: &Json, is_it: impl Fn(&str) -> bool) -> usize {
    blocks(payload).iter().filter(|block| is_it(text(block))).count()
}

#[test]
fn each_part_has_its_own() {
    let notice = Notice {
        colour: Colour::Orange,
        bar: Some(42),
        values: vec![name("projects/p"), short("10 s")],
        texts: vec![plain("It ended."), plain("  "), code("as it `said` <so>")],
        commands: commands(1, "x", 3),
        ..mentioning("here")
    };
    let whole = payload(&notice, Part::Whole);
    assert_eq!(whole["text"], "<!here> *Title* · 10 s");
    assert_eq!(whole["attachments"][0]["color"], "#e8912d");
    let texts: Vec<_> = blocks(&whole).iter().map(|block| text(block).to_owned()).collect();
    let bar = format!("{}{} 42%", "█".repeat(8), "░".repeat(12));
    let said = "```as it \u{2cb}said\u{2cb} &lt;so&gt;```";
    assert_eq!(texts, [&bar, "", "*Name*\n`projects/p`", "It ended.", said, "Run:", "```xxx```"]);
    assert_eq!(blocks(&whole)[1]["fields"][0]["text"], "*Short*\n10 s");
    let edit = payload(&notice, Part::Edit);
    assert_eq!((edit["text"].as_str(), blocks(&edit).len()), (Some("*Title* · 10 s"), 3));
    let reply = payload(&notice, Part::Reply);
    assert_eq!((reply["text"].clone(), blocks(&reply).len()), (whole["text"].clone(), 4));
    assert!(payload(&super::notice(), Part::Whole).get("attachments").is_none());
    for (colour, hex) in [(Colour::Green, "#2eb67d"), (Colour::Red, "#e01e5a"), (Colour::Blue, "#36c5f0")] {
        let notice = Notice { colour, ..notice.clone() };
        assert_eq!(payload(&notice, Part::Whole)["attachments"][0]["color"], hex);
    }
}

#[test]
fn as_plain_text_it_has_the_same_parts() {
    let notice = with_all_parts("U024BE7LH");
    let text = |part| {
        let payload = plain_payload(&notice, part);
        assert_eq!(payload["mrkdwn"], false);
        payload["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(text(Part::Whole), "<@U024BE7LH> Title · 10 s\nShort: &lt;10 s&gt;\nIt ended.\nRun:\n    xxx");
    assert_eq!(text(Part::Edit), "Title · 10 s\nShort: &lt;10 s&gt;");
    assert_eq!(text(Part::Reply), "<@U024BE7LH> Title · 10 s\nIt ended.\nRun:\n    xxx");
}

#[test]
fn people_and_groups_are_mentioned_as_slack_writes_them() {
    for (who, written) in [
        ("U024BE7LH", "<@U024BE7LH> "),
        ("S0614TZR7", "<!subteam^S0614TZR7> "),
        ("here", "<!here> "),
        ("x", ""),
    ] {
        let payload = payload(&mentioning(who), Part::Whole);
        assert_eq!(payload["text"].as_str(), Some(format!("{written}*Title* · 10 s").as_str()));
    }
}

#[test]
fn of_plain_text_only_whole_commands_are_left_out_and_only_what_must_be() {
    // Everything but the last of two commands.
    let with = |length: usize, commands: usize| {
        let notice = Notice {
            texts: vec![plain("x".repeat(length))],
            commands: (0..commands).flat_map(|_| [plain("Run:"), code("y".repeat(500))]).collect(),
            ..notice()
        };
        let text = plain_payload(&notice, Part::Whole)["text"].as_str().unwrap().to_owned();
        (text.matches('y').count(), text.chars().count())
    };
    let (_, rest) = with(0, 2);
    // There is room for mentions, whether there are some or not.
    let exactly = 3_900 - rest;
    assert_eq!(with(exactly, 2), (1_000, 3_900), "both fit");
    let (left, length) = with(exactly + 1, 2);
    assert_eq!((left, length < 3_900), (500, true), "the last is left out, with the sentence above it");
    assert_eq!(with(3_000, 2).0, 500);
    assert_eq!(with(3_500, 2).0, 0);
    assert_eq!(with(5_000, 0).1, 3_900, "cut");
    let many = Notice {
        mentions: (0..20).map(|_| Mention::new(format!("U{}", "A".repeat(20)))).collect(),
        texts: vec![plain("x".repeat(5_000))],
        ..notice()
    };
    let text = plain_payload(&many, Part::Whole)["text"].as_str().unwrap().to_owned();
    assert_eq!((text.chars().count(), text.matches("<@").count()), (4_000, 20));
}

#[test]
fn what_is_too_long_together_is_shortened_step_by_step() {
    let sentences = |count: usize| {
        let texts = (0..count).map(|_| plain("x".repeat(4_000))).collect();
        let payload = payload(&Notice { texts, ..notice() }, Part::Whole);
        blocks(&payload).iter().map(|block| text(block).chars().count()).collect::<Vec<_>>()
    };
    assert_eq!(sentences(3), [3_000; 3]);
    assert_eq!(sentences(5), [1_500; 5]);
    assert_eq!(sentences(10), [500; 10]);
    // Then the last commands go, and no more of them than must; last the values.
    let is_command = |text: &str| text.starts_with("```y");
    let notice = Notice {
        values: vec![name("n")],
        texts: vec![plain("It ended.")],
        commands: commands(6, "y", 2_800),
        ..notice()
    };
    let shown = payload(&notice, Part::Whole);
    assert_eq!(count(&shown, is_command), 4);
    assert_eq!(count(&shown, |text| text == "Run:"), 4);
    assert_eq!(count(&shown, |text| text.contains("`n`") || text == "It ended."), 2);
    let values = (0..10).map(|_| name("v".repeat(1_800))).collect();
    let notice = Notice { values, texts: vec![plain("It ended.")], ..notice };
    let shown = payload(&notice, Part::Whole);
    assert_eq!((count(&shown, is_command), count(&shown, |text| text == "It ended.")), (0, 1));
    assert_eq!(count(&shown, |text| text.contains("vvv")), 6);
}

#[test]
fn a_text_is_as_long_as_slack_takes_it() {
    let notice = Notice {
        values: vec![name("n".repeat(5_000)), short("s".repeat(5_000))],
        texts: vec![code("c".repeat(5_000))],
        ..notice()
    };
    let blocks = blocks(&payload(&notice, Part::Whole));
    let lengths = blocks.iter().map(|block| text(block).chars().count()).collect::<Vec<_>>();
    let field = blocks[0]["fields"][0]["text"].as_str().unwrap().chars().count();
    assert_eq!((field, lengths[1], lengths[2]), (1_808, 1_809, 2_998));
}

#[test]
fn there_are_no_more_fields_and_blocks_than_slack_takes() {
    let many = Notice { values: (0..23).map(|_| short("v")).collect(), ..notice() };
    let fields = |block: &Json| block["fields"].as_array().unwrap().len();
    assert_eq!(blocks(&payload(&many, Part::Whole)).iter().map(fields).collect::<Vec<_>>(), [10, 10, 3]);
    let many = Notice { texts: (0..60).map(|_| plain("x")).collect(), ..notice() };
    assert_eq!(blocks(&payload(&many, Part::Whole)).len(), 50);
}

#[test]
fn a_long_link_is_left_out() {
    let linked = |length: usize| {
        let link = Some(format!("https://e.com/{}", "x".repeat(length - 14)));
        let notice = Notice { values: vec![Field { link, ..name("n") }], ..notice() };
        text(&blocks(&payload(&notice, Part::Whole))[0]).contains("|Cloud Console>")
    };
    assert!(linked(500) && !linked(501));
}

fn bot(answer: &Json) -> (Arc<Played>, Bot) {
    let transport = Played::new([Ok(crate::testing::answer(200, answer.to_string()))]);
    let bot = Bot::new(Arc::<Played>::clone(&transport), "https://slack.com".to_owned(), "xoxb-x".into());
    (transport, bot)
}

#[tokio::test]
async fn a_bot_posts_to_a_channel_and_knows_the_message_by_what_slack_says() {
    let (notice, end) = (notice(), report(Outcome::Succeeded));
    let channel = Target::new("C024BE91L");
    for (ts, receipt) in [(json!("1.000200"), Some(of_slack())), (json!(1.5), None), (json!("../x"), None)] {
        let (transport, bot) = bot(&json!({"ok": true, "channel": "C0OTHER99", "ts": ts}));
        let posted = bot.post(To::Target(Some(&channel)), content(&notice, about(&end)), call(0)).await;
        assert_eq!(posted, Ok(receipt));
        let expected = json!({"channel": "C024BE91L", "text": "*Title* · 10 s", "unfurl_links": false,
            "unfurl_media": false});
        assert_eq!(transport.asked(), [("https://slack.com/api/chat.postMessage".to_owned(), expected)]);
    }
}

#[tokio::test]
async fn a_reply_goes_to_the_thread_unless_it_would_reach_nobody_there() {
    let end = report(Outcome::Failed);
    let of = of_slack();
    for (reach, who, broadcast) in [
        (Reach::Thread, "here", Some(false)),
        (Reach::Mentioned, "here", None),
        (Reach::Mentioned, "U024BE7LH", Some(false)),
        (Reach::Everyone, "here", None),
        (Reach::Everyone, "U024BE7LH", Some(true)),
        (Reach::Everyone, "x", Some(true)),
    ] {
        let (transport, bot) = bot(&json!({"ok": true, "ts": "2.000300"}));
        let notice = mentioning(who);
        let to = To::Reply { of: &of, reach };
        let posted = bot.post(to, content(&notice, about(&end)), call(0)).await.unwrap().unwrap();
        assert_eq!((posted.text("channel"), posted.text("ts")), ("C024BE91L", "2.000300"));
        let (_, body) = &transport.asked()[0];
        assert_eq!(body["channel"], "C024BE91L");
        assert_eq!(body["thread_ts"].as_str(), broadcast.map(|_| "1.000200"), "{reach:?} {who}");
        assert_eq!(body["reply_broadcast"].as_bool(), broadcast, "{reach:?} {who}");
    }
}

#[tokio::test]
async fn an_edit_replaces_all_of_the_message() {
    let (notice, end, at) = (notice(), report(Outcome::Succeeded), of_slack());
    for plain in [true, false] {
        let (transport, bot) = bot(&json!({"ok": true}));
        let content = Content { plain, ..content(&notice, about(&end)) };
        assert_eq!(bot.edit(&at, content, call(0)).await, Ok(()));
        let text = if plain { "Title · 10 s" } else { "*Title* · 10 s" };
        let body = json!({"channel": "C024BE91L", "ts": "1.000200", "text": text, "attachments": [],
            "parse": "none"});
        assert_eq!(transport.asked(), [("https://slack.com/api/chat.update".to_owned(), body)]);
    }
    let (transport, bot) = bot(&json!({"ok": true}));
    assert_eq!(bot.retract(&at, call(0)).await, Ok(()));
    let body = json!({"channel": "C024BE91L", "ts": "1.000200"});
    assert_eq!(transport.asked(), [("https://slack.com/api/chat.delete".to_owned(), body)]);
    let (transport, bot) = self::bot(&json!({"ok": false, "error": "invalid_auth"}));
    assert_eq!(bot.probe(Duration::from_secs(8)).await.unwrap_err().fault, Fault::Access);
    assert_eq!(transport.asked(), [("https://slack.com/api/auth.test".to_owned(), json!({}))]);
}

/// What is repeated changes nothing: an edit or a deletion, but not a post.
#[tokio::test]
async fn what_was_lost_with_its_connection_is_sent_again_if_that_does_no_harm() {
    let (notice, end, at) = (notice(), report(Outcome::Succeeded), of_slack());
    let lost = || Err(Failure::Broken(String::new()));
    let ok = || Ok(answer(200, json!({"ok": true, "ts": "1.000200"}).to_string()));
    for (first, calls) in [(lost(), [2, 2, 1]), (Err(Failure::NotConnected(String::new())), [1, 1, 1])] {
        let mut made = Vec::new();
        for call_of in 0..3 {
            let transport = Played::new([first.clone(), ok()]);
            let bot = Bot::new(Arc::<Played>::clone(&transport), String::new(), "xoxb-x".into());
            let content = content(&notice, about(&end));
            let result = match call_of {
                0 => bot.edit(&at, content, call(0)).await,
                1 => bot.retract(&at, call(0)).await,
                _ => bot.post(To::Target(None), content, call(0)).await.map(|_| ()),
            };
            made.push(transport.asked().len());
            assert_eq!(result.is_ok(), made.last() == Some(&2), "{result:?}");
        }
        assert_eq!(made, calls);
    }
}

#[tokio::test]
async fn a_webhook_posts_once_and_has_no_receipt() {
    let (notice, end) = (notice(), report(Outcome::Succeeded));
    for (answer, is_ok) in [(answer(200, "ok"), true), (answer(404, "no_service"), false)] {
        let transport = Played::new([Ok(answer)]);
        let webhook = slack(false).open(&tools(&transport));
        let posted = webhook.post(To::Target(None), content(&notice, about(&end)), call(0)).await;
        assert_eq!(posted.map_err(|error| error.fault), if is_ok { Ok(None) } else { Err(Fault::Access) });
        let body = json!({"text": "*Title* · 10 s"});
        assert_eq!(transport.asked(), [("https://hooks.slack.com/x".to_owned(), body)]);
    }
    let limit = Duration::from_secs(8);
    for (answer, fault) in [
        (answer(400, "invalid_payload"), None),
        (answer(400, "no_text\n"), None),
        (answer(403, "invalid_payload"), Some((Fault::Content, false))),
        (answer(404, "no_service"), Some((Fault::Access, false))),
        (answer(200, "ok"), Some((Fault::Unclear, true))),
        (answer(200, "{}"), Some((Fault::Unclear, true))),
        (answer(503, ""), Some((Fault::Passing, true))),
    ] {
        let transport = Played::new([Ok(answer.clone())]);
        let probed = slack(false).open(&tools(&transport)).probe(limit).await;
        let fault_of = probed.clone().err().map(|error| (error.fault, error.ambiguous));
        assert_eq!(fault_of, fault, "{answer:?}");
        let took = probed.is_err_and(|error| error.text.contains("for an empty message"));
        assert_eq!(took, fault.is_some_and(|(fault, _)| fault == Fault::Unclear), "{answer:?}");
        assert_eq!(transport.asked()[0].1, json!({}));
    }
}

/// Slack's `Retry-After` counts only with a refusal.
#[tokio::test]
async fn only_a_refusal_asks_to_wait() {
    let (notice, end) = (notice(), report(Outcome::Succeeded));
    for (status, body, is_held) in
        [(200, "ok", false), (399, "", false), (400, "invalid_payload", true), (429, "", true)]
    {
        let first = Answer { retry_after: Some(Duration::from_secs(30)), ..answer(status, body) };
        let transport = Played::new([Ok(first), Ok(answer(200, "ok"))]);
        let webhook = slack(false).open(&tools(&transport));
        let post =
            async |second| webhook.post(To::Target(None), content(&notice, about(&end)), call(second)).await;
        let _ = post(0).await;
        assert_eq!(webhook.resting(Place::Target(None), at(1)).is_some(), is_held, "{status}");
        assert_eq!(post(1).await.is_err(), is_held, "{status}");
        assert_eq!(transport.asked().len(), if is_held { 1 } else { 2 });
    }
}
