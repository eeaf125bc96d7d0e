//! Slack: what it takes, and how the page shows it.

use super::super::channel::ChannelMessage;
use super::super::page::{Reader, following, main_part, mrkdwn, page};
use super::*;
use crate::watch::Locale;

fn markdown(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": markdown(text)})
}

fn full() -> Value {
    json!({
        "text": "<!here> Backup failed &lt;now&gt;",
        "attachments": [{"color": "danger", "fallback": "f", "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Failed & <b>", "emoji": true}},
            {"type": "section", "fields": [markdown("*Start*\n10:00"), markdown("*End*\n11:00")]},
            {"type": "divider"},
            section("```gcloud x```"),
            {"type": "actions", "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://a.b"}]},
            {"type": "context", "elements": [markdown("`projects/demo`")]},
        ]}],
    })
}

#[tokio::test]
async fn a_good_message_is_kept() {
    let world = World::start(Options::default()).await.unwrap();
    let (status, answer) = post(&world, &world.slack.webhook(), &full()).await;
    assert_eq!((status, answer), (200, json!("ok")));
    assert_eq!(world.slack.messages(), [full()]);
    assert_eq!(get(&world, &format!("{}/messages.json", world.slack.url())).await, (200, json!([full()])));
    let (_, shown) = get(&world, &format!("{}/", world.slack.url())).await;
    assert!(shown.as_str().unwrap().contains("Failed &amp; &lt;b&gt;"));
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_bad_message_is_refused_as_slack_does() {
    let world = World::start(Options::default()).await.unwrap();
    let blocks = |blocks: Value| json!({"text": "t", "blocks": blocks});
    let header =
        |text: String| blocks(json!([{"type": "header", "text": {"type": "plain_text", "text": text}}]));
    let fields = |count: usize, text: &str| {
        blocks(json!([{"type": "section", "fields": vec![markdown(text); count]}]))
    };
    let cases = [
        (json!({}), "no_text"),
        (json!({"text": ""}), "no_text"),
        (json!([]), "invalid_payload"),
        (json!({"text": 1}), "invalid_payload"),
        (json!({"text": "t", "chanel": "x"}), "invalid_payload"),
        (json!({"text": "t", "attachments": vec![json!({}); 101]}), "too_many_attachments"),
        (json!({"text": "t", "attachments": [{"color": "red"}]}), "invalid_payload"),
        (json!({"text": "t", "attachments": [{"colour": "good"}]}), "invalid_payload"),
        (blocks(json!([{"type": "fancy"}])), "invalid_blocks"),
        (blocks(json!([{"type": "divider", "text": "x"}])), "invalid_blocks"),
        (blocks(json!([{"type": "section"}])), "invalid_blocks"),
        (blocks(json!([{"type": "header", "text": markdown("x")}])), "invalid_blocks"),
        (blocks(json!([section("")])), "invalid_blocks"),
        (blocks(json!([section(&"x".repeat(3_001))])), "invalid_blocks"),
        (blocks(json!(vec![section("x"); 51])), "invalid_blocks"),
        (blocks(json!([{"type": "context", "elements": vec![markdown("x"); 11]}])), "invalid_blocks"),
        (header("x".repeat(151)), "invalid_blocks"),
        (fields(11, "x"), "invalid_blocks"),
        (fields(1, &"x".repeat(2_001)), "invalid_blocks"),
        (fields(0, "x"), "invalid_blocks"),
        (blocks(json!(vec![section(&"x".repeat(3_000)); 5])), "msg_blocks_too_long"),
    ];
    for (payload, wanted) in &cases {
        assert_eq!(post(&world, &world.slack.webhook(), payload).await, (400, json!(wanted)), "{payload}");
    }
    assert_eq!(world.violations().len(), cases.len());
    for good in [
        header("あ".repeat(150)),
        fields(10, "x"),
        blocks(json!(vec![section(&"x".repeat(3_000)); 4])),
        blocks(json!(vec![section("x"); 50])),
    ] {
        assert_eq!(post(&world, &world.slack.webhook(), &good).await.1, "ok");
    }
    let text = world.shared.client.post(world.slack.webhook()).header("Content-Type", "application/json");
    assert_eq!(call(text.body("not json")).await.unwrap(), (400, json!("invalid_payload")));
    let untyped = world.shared.client.post(world.slack.webhook()).body(full().to_string());
    assert_eq!(call(untyped).await.unwrap().1, "invalid_payload");
    assert_eq!(post(&world, &format!("{}/services/x", world.slack.url()), &full()).await.0, 404);
    let refused = Event::SlackRefused { status: 400, answer: "no_text".to_owned() };
    world.events().wait_for("the refusal", |event| *event == refused).await.unwrap();
    world.stop().await;
}

#[test]
fn markup_becomes_html() {
    for (slack, html) in [
        ("a &amp;lt; &lt;b&gt; & \"", "a &amp;lt; &lt;b&gt; &amp; &quot;"),
        ("*bold* not*bold*x, 2 * 3 * 4", "<strong>bold</strong> not*bold*x, 2 * 3 * 4"),
        (
            "*<https://a.b/?c&amp;d|link>*",
            "<strong><a href=\"https://a.b/?c&amp;d\" target=\"_blank\" rel=\"noreferrer\">link</a></strong>",
        ),
        ("_a b_ ~c~ `_d_` my_own_name", "<em>a b</em> <s>c</s> <code>_d_</code> my_own_name"),
        ("`*code* &lt;x&gt;`", "<code>*code* &lt;x&gt;</code>"),
        ("see ```\na `b`\n``` then", "see <pre>a `b`</pre> then"),
        ("open ``` fence", "open ``` fence"),
        (
            "<@U123> <!here> <!subteam^S1|@ops> <!subteam^S2>",
            "<span class=\"mention\">@U123</span> <span class=\"mention everybody\">@here</span> \
             <span class=\"mention\">@ops</span> <span class=\"mention\">@S2</span>",
        ),
        ("<!date^1^{time}|12:00>", "12:00"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        (
            "<https://a\" onclick=\"x|y>",
            "<a href=\"https://a&quot; onclick=&quot;x\" target=\"_blank\" rel=\"noreferrer\">y</a>",
        ),
        ("a < b * c", "a &lt; b * c"),
    ] {
        assert_eq!(mrkdwn(slack), html, "{slack}");
    }
}

#[test]
fn a_page_shows_every_part_and_loads_nothing() {
    let mut payload = full();
    payload["attachments"][0]["title"] = json!("<img src=x>");
    let shown = page(&[posted("1.0", None, payload)], Reader::default());
    for part in [
        "<h1># operations</h1>",
        "<strong>opwatch</strong> <span class=\"badge\">APP</span>",
        ">0:00</time>",
        "<span class=\"mention everybody\">@here</span> Backup failed &lt;now&gt;",
        "--bar: #e01e5a",
        "<h2>Failed &amp; &lt;b&gt;</h2>",
        "<div class=\"field\"><strong>Start</strong>\n10:00</div>",
        "<hr>",
        "<pre>gcloud x</pre>",
        "<span class=\"button\">Open</span>",
        "<span class=\"part\"><code>projects/demo</code></span>",
        "&lt;img src=x&gt;",
        "prefers-color-scheme: dark",
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:;",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    for part in ["<script", "<img", "src=\"", "@import", "url(", "(edited)", "thread"] {
        assert!(!shown.replace(include_str!("../page/page.css"), "").contains(part), "{part}");
    }
}

#[test]
fn a_page_that_follows_may_run_its_own_script_alone() {
    let shown = following(&[], Reader::default());
    let script = include_str!("../page/page.js");
    let hash = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(script));
    let hash = base64::Engine::encode(&STANDARD, hash);
    assert!(shown.contains(&format!("script-src 'sha256-{hash}'; connect-src 'self';")), "{shown}");
    assert!(shown.contains(&format!("<script>{script}</script>")) && shown.matches("<script").count() == 1);
    assert!(shown.contains("No messages yet"));
}

#[test]
fn a_thread_is_shown_below_its_message() {
    let say = |text: &str| json!({"text": text});
    let live = ChannelMessage { edits: 3, ..posted("1.0", None, say("*Export failed* · 10:00")) };
    let quiet = posted("2.0", Some("1.0"), say("no progress"));
    let loud = ChannelMessage { broadcast: true, ..posted("3.0", Some("1.0"), say("the end")) };
    let shown = |messages: &[ChannelMessage], locale| {
        main_part(messages, Reader { locale, zone: chrono_tz::Asia::Tokyo })
    };
    let all = shown(&[live.clone(), quiet.clone(), loud.clone()], Locale::En);
    assert_eq!(all.matches("<article").count(), 4, "{all}");
    assert_eq!(all.matches("<article class=\"reply\">").count(), 2, "{all}");
    for (part, times) in [
        ("· 10:00 <span class=\"edited\">(edited)</span>", 1),
        ("2 replies", 1),
        ("no progress", 1),
        ("the end", 2),
        ("Also sent to the channel", 1),
        ("replied to a thread: <span class=\"quote\"><strong>Export failed</strong> · 10:00</span>", 1),
        (">9:00</time>", 4),
    ] {
        assert_eq!(all.matches(part).count(), times, "{part}: {all}");
    }
    let japanese = shown(&[live.clone(), quiet.clone()], Locale::Ja);
    assert!(japanese.contains("1件の返信") && japanese.contains("（編集済み）"), "{japanese}");

    let gone = ChannelMessage { deleted: true, ..live };
    let orphan = shown(&[gone.clone(), quiet.clone()], Locale::En);
    assert!(orphan.contains("This message was deleted.") && !orphan.contains("Export failed"), "{orphan}");
    let silent = shown(&[gone, ChannelMessage { deleted: true, ..quiet }], Locale::En);
    assert!(!silent.contains("<article"), "{silent}");
}

#[test]
fn each_channel_has_its_own_part_of_the_page() {
    let elsewhere = ChannelMessage { channel: "C0<b>".to_owned(), ..posted("1.0", None, full()) };
    let shown = main_part(&[posted("1.0", None, full()), elsewhere], Reader::default());
    assert_eq!(shown.matches("<section>").count(), 2, "{shown}");
    assert!(shown.contains("<h1># C0&lt;b&gt;</h1>"), "{shown}");
}

#[test]
fn a_text_without_marks_has_its_mentions_alone() {
    let plain = json!({"text": "<!here> *2* `x`", "mrkdwn": false});
    let shown = main_part(&[posted("1.0", None, plain)], Reader::default());
    assert!(shown.contains("@here</span> *2* `x`"), "{shown}");
}

/// A message in a channel that says `payload`.
fn posted(ts: &str, thread_ts: Option<&str>, payload: Value) -> ChannelMessage {
    ChannelMessage {
        channel: "C0OPERATIONS".to_owned(),
        ts: ts.to_owned(),
        thread_ts: thread_ts.map(str::to_owned),
        broadcast: false,
        at: chrono::DateTime::from_timestamp(0, 0).unwrap(),
        payload,
        edits: 0,
        deleted: false,
    }
}
