//! Google Chat: what is posted there is as Google describes it, and arrives whatever happens on the way.

use std::fs;
use std::path::Path;

use opwatch::fakes::{Chat, ChatMessage, End, Fault, Plan};
use opwatch::settings::Variables;
use serde_json::{Value, json};

use crate::render::nightly as rendered;
use crate::support::opwatch::{Kind, NAME, Opwatch, lasting, refusal, with_header};
use crate::support::python;

/// Every outcome, and what is rendered of it.
const OUTCOMES: [&str; 12] = [
    "--operation successful",
    "--operation failed",
    "--operation cancelled",
    "--operation processing-16 --previous processing-15 --attempt 16",
    "--operation processing-16 --outcome not-started",
    "--operation processing-16 --outcome stopped",
    "--operation processing-16 --outcome cannot-tell",
    "--operation processing-16 --outcome stalled",
    "--operation processing-16 --outcome lost",
    "--operation processing-16 --outcome notice",
    "--operation processing-16 --outcome test",
    "--operation processing-16 --outcome doctor",
];

fn chat(words: &str, more: &[&str]) -> Value {
    let all = [&["--outlet", "chat"], more].concat();
    serde_json::from_str(&rendered(words, &all)).unwrap()
}

/// Every message of every outcome in every language.
fn messages() -> Vec<Value> {
    let mut messages = Vec::new();
    for words in OUTCOMES {
        for locale in ["en", "ja"] {
            for part in ["whole", "edit", "reply"] {
                let mention = ["--mention", "users/all", "--mention-on", "always"];
                messages.push(chat(words, &[&["--locale", locale, "--part", part], &mention[..]].concat()));
            }
        }
    }
    messages
}

/// What the stand-in, which the property tests and all others use, takes a message to be.
#[test]
fn the_stand_in_has_googles_schemas() {
    let Some(googles) = python::output("chat", &[], &[]) else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fakes/chat/schema.json");
    let ours = fs::read_to_string(&file).unwrap();
    assert_eq!(ours, googles, "to correct it: python3 tests/support/chat.py > src/fakes/chat/schema.json");
}

#[test]
fn every_message_is_as_googles_discovery_document_has_it() {
    let messages = messages();
    for message in &messages {
        assert_eq!(Chat::takes(message), Ok(()), "{message:#}");
    }
    let request = |method: &str, path: &str, body: &Value| json!({"document": "chat.v1", "method": method, "path": path, "body": body});
    let mut requests = vec![request("GET", "/v1/spaces/AAAA", &Value::Null)];
    for message in &messages {
        let post = "/v1/spaces/AAAA/messages?messageId=client-a&requestId=b&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";
        requests.push(request("POST", post, message));
        let edit = "/v1/spaces/AAAA/messages/client-a?updateMask=text,cardsV2&allowMissing=true";
        requests.push(request("PATCH", edit, message));
    }
    let check = |requests: &Value| python::output("asked", &[], &serde_json::to_vec(requests).unwrap());
    let Some(said) = check(&Value::from(requests.clone())) else { return };
    let wrong: Vec<&str> = said.lines().filter(|line| !line.starts_with("checked chat.spaces.")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for method in ["chat.spaces.get", "chat.spaces.messages.create", "chat.spaces.messages.patch"] {
        assert!(said.contains(&format!("checked {method}\n")), "{method}");
    }
    // A letter makes a difference.
    let text = Value::from(requests).to_string().replace("\"topLabel\"", "\"toplabel\"");
    let said = check(&serde_json::from_str(&text).unwrap()).unwrap();
    assert!(said.contains("decoratedText.toplabel does not exist"), "{said}");
}

/// The same content as Slack's message.
#[test]
fn a_card_says_what_slacks_message_says() {
    let card = chat(OUTCOMES[3], &["--title", "Nightly <b>"]);
    let text = card.to_string();
    for part in
        ["🔵 Nightly ‹b› is running", "61%", "█", "7,503/s", "(in 10 min)", "17 of 60", "Cloud Console"]
    {
        assert!(text.contains(part), "{part}: {card:#}");
    }
    assert!(card.get("text").is_none(), "no one is mentioned: {card:#}");
    let failed = chat(OUTCOMES[1], &["--mention", "users/all", "--part", "reply"]);
    assert!(
        failed["text"].as_str().unwrap().starts_with("<users/all> Datastore export failed · "),
        "{failed:#}"
    );
    assert!(failed.to_string().contains("```\\ngcloud datastore operations describe "), "{failed:#}");
    let succeeded = chat(OUTCOMES[0], &["--part", "reply"]);
    assert_eq!(
        succeeded.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["text"],
        "there is no more to say"
    );
}

#[test]
fn a_page_shows_it_as_chat_does() {
    let words = "--operation failed --part thread --html --mention users/all";
    let page = rendered(words, &["--outlet", "chat", "--locale", "ja"]);
    for part in ["<!doctype html>", "lang=\"ja\"", "@all</span>", "background: #d93025", "<pre>gcloud "] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("返信 1 件"), "{page}");
    let page =
        rendered("--operation successful --part thread --html", &["--outlet", "chat", "--locale", "ja"]);
    assert!(page.contains("返信 1 件") && page.contains("background: #188038"), "{page}");
}

// ---- the running service ----

const SPACE: &str = "spaces/AAAABBBBCCC";

fn app(args: &mut Variables) {
    args.unset("SLACK_WEBHOOK_URL");
    args.set("CHAT_SPACE", SPACE);
}

/// What is in the space.
fn there(opwatch: &Opwatch) -> Vec<ChatMessage> {
    opwatch.world.chat.messages().into_iter().filter(|message| !message.deleted).collect()
}

fn title(message: &ChatMessage) -> &str {
    message.payload["cardsV2"][0]["card"]["header"]["title"].as_str().unwrap_or_default()
}

fn failing(seconds: u64) -> Plan {
    Plan { end: End::Failed { code: 7, message: "no".to_owned() }, ..lasting(seconds) }
}

/// The methods and paths of the requests, the paths without what they begin with.
fn edits(opwatch: &Opwatch) -> Vec<String> {
    let requests = opwatch.world.chat.requests().into_iter();
    requests.filter(|request| request.method == "PATCH").map(|request| request.path).collect()
}

#[tokio::test]
async fn one_card_follows_the_operation_and_is_replied_to_at_the_end() {
    let opwatch = Opwatch::start_with(app).await;
    opwatch.watch_named(lasting(60 * 3 - 30)).await;
    assert_eq!(opwatch.attempts().len(), 3);
    let messages = there(&opwatch);
    let [card, reply] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((card.space.as_str(), card.edits, title(card)), (SPACE, 3, "🟢 Datastore export succeeded"));
    assert!(card.id.len() == 63 && card.id != reply.id && !card.thread.is_empty(), "{card:#?}");
    assert_eq!((reply.thread.as_str(), reply.edits), (card.thread.as_str(), 0));
    assert!(
        reply.payload["text"].as_str().unwrap().starts_with("Datastore export succeeded · "),
        "{reply:#?}"
    );
    assert!(edits(&opwatch).iter().all(|path| path.ends_with("?updateMask=text,cardsV2")));
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// Members are not notified of replies in a thread.
#[tokio::test]
async fn a_failure_is_a_message_of_its_own_and_mentions() {
    let opwatch = Opwatch::start_with(|args| {
        app(args);
        args.set("CHAT_MENTION", "users/123456789012345678901");
    })
    .await;
    opwatch.watch_named(failing(90)).await;
    let messages = there(&opwatch);
    let [card, end] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((title(card), title(end)), ("🔴 Datastore export failed", "🔴 Datastore export failed"));
    assert!(card.payload.get("text").is_none(), "an edit mentions no one: {card:#?}");
    let text = end.payload["text"].as_str().unwrap();
    assert!(text.starts_with("<users/123456789012345678901> Datastore export failed · "), "{text}");
    assert_eq!(end.thread, "");
    opwatch.stop().await;
}

/// The ids are the app's, so a post whose answer was lost is the same message when it is repeated.
#[tokio::test]
async fn lost_answers_make_no_duplicates() {
    for (fault, there_before) in [(Fault::DoneButLost, true), (Fault::Reset, false)] {
        let opwatch = Opwatch::start_with(app).await;
        // Each call is sent twice when the connection breaks.
        for _ in 0..2 {
            opwatch.world.chat.fail_next_on("POST", "/messages", fault.clone());
        }
        opwatch.watch_named(lasting(60 * 2 - 30)).await;
        let messages = there(&opwatch);
        let [card, reply] = messages.as_slice() else { panic!("{messages:#?}") };
        assert_eq!(title(card), "🟢 Datastore export succeeded");
        assert_eq!((card.edits, reply.thread == card.thread), (if there_before { 2 } else { 1 }, true));
        assert!(
            edits(&opwatch).iter().all(|path| path.ends_with("&allowMissing=true")),
            "{:?}",
            edits(&opwatch)
        );
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_report_that_is_refused_is_tried_again_with_less_or_later() {
    let denied = || refusal(403, "PERMISSION_DENIED", "This Chat app is not a member of this space.");
    let limited = || with_header(refusal(429, "RESOURCE_EXHAUSTED", "quota"), "retry-after", "30");
    let invalid = || refusal(400, "INVALID_ARGUMENT", "Invalid value at card");
    let down = || Fault::answer(503, "");
    for (faults, is_card) in [
        (vec![denied(), denied()], true),
        (vec![limited()], true),
        (vec![invalid()], false),
        (vec![down(), down(), down()], true),
    ] {
        let opwatch = Opwatch::start_with(|args| {
            app(args);
            args.set("NOTIFY", "end");
        })
        .await;
        let tries = faults.len() + 1;
        for fault in faults {
            opwatch.world.chat.fail_next_on("POST", "/messages", fault);
        }
        opwatch.watch_named(failing(30)).await;
        let messages = there(&opwatch);
        let [end] = messages.as_slice() else { panic!("{messages:#?}") };
        assert_eq!(end.payload.get("cardsV2").is_some(), is_card, "{end:#?}");
        assert!(end.payload.to_string().contains("Datastore export failed"), "{end:#?}");
        assert_eq!(opwatch.tasks(Kind::Report).len(), tries);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_card_that_was_deleted_stays_deleted() {
    let opwatch = Opwatch::start_with(app).await;
    opwatch.world.operations.add(NAME, lasting(60 * 2 - 30));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    assert_eq!(there(&opwatch).len(), 1);
    opwatch.world.chat.delete_all();
    opwatch.resume().await;
    let messages = there(&opwatch);
    let [end] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((title(end), end.edits), ("🟢 Datastore export succeeded", 0));
    opwatch.stop().await;
}

/// After a 429 of an edit, no edit is made until Chat takes one; then they go on.
#[tokio::test]
async fn a_limit_of_the_space_leaves_out_one_edit() {
    let opwatch = Opwatch::start_with(app).await;
    let limited = with_header(refusal(429, "RESOURCE_EXHAUSTED", "quota"), "retry-after", "30");
    opwatch.world.chat.fail_next_on("PATCH", "", limited);
    opwatch.watch_named(lasting(60 * 4 - 30)).await;
    let messages = there(&opwatch);
    let [card, _] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((title(card), card.edits), ("🟢 Datastore export succeeded", 3), "{:?}", edits(&opwatch));
    opwatch.stop().await;
}

#[tokio::test]
async fn a_webhook_posts_start_and_end_in_one_thread() {
    let opwatch = Opwatch::start().await;
    let url = opwatch.world.chat.webhook();
    let opwatch = opwatch
        .restart_with(|args| {
            args.unset("SLACK_WEBHOOK_URL");
            args.set("CHAT_WEBHOOK_URL", &url);
            args.set("NOTIFY", "start,end");
        })
        .await;
    opwatch.watch_named(failing(90)).await;
    let messages = there(&opwatch);
    let [start, end] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((title(start), title(end)), ("🔵 Datastore export is running", "🔴 Datastore export failed"));
    assert!(!start.thread.is_empty() && start.thread == end.thread);
    assert!(opwatch.world.chat.requests().iter().all(|request| request.header("authorization").is_none()));
    opwatch.stop().await;
}

/// Slack's webhook can't edit, so Chat follows the operation; both hear of its end.
#[tokio::test]
async fn slack_and_chat_hear_of_the_same_end() {
    let opwatch = Opwatch::start_with(|args| args.set("CHAT_SPACE", SPACE)).await;
    opwatch.watch_named(lasting(90)).await;
    assert!(opwatch.lines()[0].starts_with("*Datastore export succeeded* · "), "{:?}", opwatch.lines());
    let messages = there(&opwatch);
    let [card, reply] = messages.as_slice() else { panic!("{messages:#?}") };
    assert_eq!((title(card), reply.thread == card.thread), ("🟢 Datastore export succeeded", true));
    opwatch.stop().await;
}
