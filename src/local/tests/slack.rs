//! Slack: what it takes, and how the page shows it.

use super::super::page::{mrkdwn, page};
use super::super::slack::ChannelMessage;
use super::*;

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
            "<strong><a href=\"https://a.b/?c&amp;d\" rel=\"noreferrer\">link</a></strong>",
        ),
        ("`*code* &lt;x&gt;`", "<code>*code* &lt;x&gt;</code>"),
        ("see ```\na `b`\n``` then", "see <pre>a `b`</pre> then"),
        ("open ``` fence", "open ``` fence"),
        (
            "<@U123> <!here> <!subteam^S1|@ops>",
            "<span class=\"mention\">@U123</span> <span class=\"mention\">@here</span> <span class=\"mention\">@ops</span>",
        ),
        ("<!date^1^{time}|12:00>", "12:00"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        (
            "<https://a\" onclick=\"x|y>",
            "<a href=\"https://a&quot; onclick=&quot;x\" rel=\"noreferrer\">y</a>",
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
    let shown = page(&[posted(payload)]);
    for part in [
        "<strong>opwatch</strong> <span class=\"badge\">APP</span>",
        ">00:00 UTC</time>",
        "<span class=\"mention\">@here</span> Backup failed &lt;now&gt;",
        "border-color: #e01e5a",
        "<h2>Failed &amp; &lt;b&gt;</h2>",
        "<div class=\"field\"><strong>Start</strong>\n10:00</div>",
        "<hr>",
        "<pre>gcloud x</pre>",
        "<span class=\"button\">Open</span>",
        "<span class=\"part\"><code>projects/demo</code></span>",
        "&lt;img src=x&gt;",
        "prefers-color-scheme: dark",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    for part in ["<script", "<link", "<img", "src=\"", "@import", "http-equiv", "url("] {
        assert!(!shown.contains(part), "{part}");
    }
}

/// A message in a channel that says `payload`.
fn posted(payload: Value) -> ChannelMessage {
    ChannelMessage {
        channel: "C1".to_owned(),
        ts: "1.000001".to_owned(),
        thread_ts: None,
        broadcast: false,
        at: chrono::DateTime::from_timestamp(0, 0).unwrap(),
        payload,
        edits: 0,
        deleted: false,
    }
}
