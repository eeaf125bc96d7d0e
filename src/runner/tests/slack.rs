//! What a person reads in the log of a report that Slack does not take, and when.

use super::*;
use crate::telemetry::tests::logged;

fn said(status: u16, body: &str) -> Answer {
    testing::answer(status, body)
}

fn report(more: &Value) -> Vec<u8> {
    let mut message = json!({"name": "projects/demo/operations/x", "mention": "here", "channel": "C0OWN"});
    message["state"] = json!({"id": "7", "report": {"outcome": "failed"}});
    if let (Some(report), Some(more)) = (message["state"]["report"].as_object_mut(), more.as_object()) {
        report.extend(more.clone());
    }
    message.to_string().into_bytes()
}

/// What became of a report that Slack answered like this, and the report that follows.
fn posted(answer: Answer, more: &Value, slack: Access) -> (DeliveryResult, Value) {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let (handled, tasks, _) = deliver_published(report(more), vec![Ok(answer)], None, now, now, slack);
    let next = tasks.first().map_or(Value::Null, |task| published(task)["state"]["report"].clone());
    (handled, next)
}

/// Whatever a person must correct is an error report with the first try; what may pass by itself is not.
#[test]
fn a_first_try_says_what_a_person_must_correct() {
    for (status, body, attention, advice) in [
        (101, "", true, "create a new incoming webhook"),
        (200, "", true, "check that SLACK_WEBHOOK_URL is an incoming webhook, not a workflow"),
        (200, r#"{"ok":true}"#, true, "check that SLACK_WEBHOOK_URL is an incoming webhook, not a workflow"),
        (202, "<html>", true, "no proxy answers in Slack's place"),
        (301, "", true, "create a new incoming webhook"),
        (302, "", true, "create a new incoming webhook"),
        (307, "<html>", true, "create a new incoming webhook"),
        (400, "invalid_token", true, "create a new incoming webhook"),
        (400, "some_new_word", true, "next try without the mention"),
        (401, "", true, "such as a proxy"),
        (403, "action_prohibited", true, "ask a workspace admin"),
        (403, "restricted_action", true, "next try without the mention"),
        (404, "no_service", true, "create a new incoming webhook"),
        (404, "", true, "create a new incoming webhook"),
        (407, "<html>", true, "such as a proxy"),
        (410, "channel_is_archived", true, "unarchive the channel"),
        (413, "<html>", true, "next try as plain text"),
        (408, "", false, "retried automatically"),
        (429, "rate_limited", false, "retried automatically"),
        (500, "rollup_error", false, "retried automatically"),
        (503, "no_service", false, "retried automatically"),
    ] {
        let (handled, _) = posted(said(status, body), &json!({}), Access::Webhook);
        assert_eq!(handled.decision, Action::PostAgain, "{status} {body}");
        assert_eq!(handled.needs_attention, attention, "{status} {body}: {handled:?}");
        let error = handled.error.unwrap_or_default();
        assert!(error.contains(advice), "{status} {body}: {error}");
    }
    for (status, body, attention) in [
        (200, "<html>log in</html>", true),
        (200, "{}", true),
        (302, "", true),
        (404, "<html>", true),
        (200, r#"{"ok":false,"error":"token_revoked"}"#, true),
        (200, r#"{"ok":false,"error":"some_new_word"}"#, true),
        (200, r#"{"ok":false,"error":"internal_error"}"#, false),
        (200, r#"{"ok":false,"error":"ratelimited"}"#, false),
        (429, "", false),
        (502, "<html>", false),
    ] {
        let (handled, _) = posted(said(status, body), &json!({}), Access::Bot);
        assert_eq!(handled.needs_attention, attention, "{status} {body}: {handled:?}");
    }
}

/// What the next try leaves out rides in the message; an older version passes it on.
#[test]
fn what_is_left_out_is_remembered_and_logged() {
    let refused = |word: &str| said(200, &json!({"ok": false, "error": word}).to_string());
    for (word, before, after, words) in [
        ("restricted_action", json!({}), json!({"noMention": true}), "without the mention"),
        (
            "restricted_action",
            json!({"noMention": true}),
            json!({"diverted": "restricted_action"}),
            "in the settings' channel",
        ),
        (
            "restricted_action",
            json!({"mentionOn": "never", "diverted": "is_archived"}),
            json!({"noMention": true}),
            "without the mention",
        ),
        ("not_in_channel", json!({}), json!({"diverted": "not_in_channel"}), "in the settings' channel"),
        ("invalid_blocks", json!({}), json!({"plain": true}), "as plain text"),
        ("invalid_blocks", json!({"plain": true}), json!({"noMention": true}), "without the mention"),
        ("some_new_word", json!({}), json!({"noMention": true}), "without the mention"),
        ("some_new_word", json!({"noMention": true}), json!({"plain": true}), "as plain text"),
        (
            "some_new_word",
            json!({"noMention": true, "plain": true}),
            json!({"diverted": "some_new_word"}),
            "in the settings' channel",
        ),
        ("some_new_word", json!({"noMention": true, "plain": true, "diverted": "x"}), json!({}), ""),
        ("token_revoked", json!({}), json!({}), ""),
    ] {
        let (handled, next) = posted(refused(word), &before, Access::Bot);
        let error = handled.error.unwrap_or_default();
        assert!(error.contains(word) && error.contains(words), "{word} {before}: {error}");
        assert_eq!(words.is_empty(), !error.contains("next try"), "{word} {before}: {error}");
        for field in ["noMention", "plain", "diverted"] {
            let expected = after.get(field).or(before.get(field));
            assert_eq!(next.get(field), expected, "{word} {before}: {next}");
        }
    }
}

#[test]
fn after_ten_retries_an_unclear_answer_counts_as_delivered_with_an_error_report() {
    for (access, body) in [(Access::Webhook, r#"{"ok":true,"id":1}"#), (Access::Bot, "<html>")] {
        let (handled, next) = posted(said(200, body), &json!({"unclear": 9, "tries": 9}), access);
        assert_eq!((handled.decision, next["unclear"].as_u64()), (Action::PostAgain, Some(10)), "{access:?}");
        let (handled, next) = posted(said(200, body), &json!({"unclear": 10, "tries": 10}), access);
        assert_eq!(
            (handled.decision, handled.acknowledged, next),
            (Action::Posted, true, Value::Null),
            "{access:?}"
        );
        assert!(handled.needs_attention, "{access:?}");
        let error = handled.error.unwrap();
        assert!(error.contains("counts as delivered, though Slack never returned ok"), "{error}");
    }
}

/// The first edit that finds the message gone warns; the step after knows.
#[test]
fn a_deleted_message_is_warned_of_once() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let running = json!({"name": "NAME", "metadata": {"common": {"state": "PROCESSING", "startTime": "2027-01-15T08:00:00Z"}}});
    // The look's, and the edit's if there is one.
    let answers = |edits: usize| {
        let gone = || Ok(said(200, r#"{"ok":false,"error":"message_not_found"}"#));
        let look = Ok(said(200, &running.to_string()));
        [look].into_iter().chain((0..edits).map(|_| gone())).collect::<Vec<_>>()
    };
    let scripted = Scripted {
        answers: Arc::default(),
        ledger: Arc::default(),
        tasks: Arc::default(),
        posted: Arc::default(),
    };
    let runner = runner(Arc::new(scripted.clone()), None, now, Access::Bot);
    let check = json!({"name": "projects/demo/operations/x", "notify": "live", "attempt": 1,
        "state": {"id": "7", "first": now.to_rfc3339(), "live": {"channel": "C0OPS", "ts": "1.000001"}}});
    let mut warnings = Vec::new();
    for edits in [1, 0, 0] {
        scripted.answers.set(answers(edits));
        let lines = logged(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let delivery = delivery("99", now, check.to_string().into_bytes());
            let handled = runtime.block_on(runner.handle(delivery, Deadline::start()));
            assert_eq!(handled.decision, Action::CheckAgain);
        });
        warnings.push(lines.iter().filter(|line| line["severity"] == "WARNING").count());
    }
    assert_eq!(warnings, [1, 0, 0]);
}

/// Only an end may be made of the message that follows a watch: a copy of a warning of no progress leaves it alone.
#[test]
fn a_copy_of_a_stall_warning_that_was_sent_edits_nothing() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let sent =
        json!({"found": [{"entity": {"properties": {"state": {"stringValue": "sent"}}}, "version": "7"}]});
    let taken = json!({"error": {"status": "ALREADY_EXISTS"}});
    for (outcome, calls) in [("failed", 1), ("stalled", 0)] {
        let of_ledger = [Ok(said(409, &taken.to_string())), Ok(said(200, &sent.to_string()))];
        let scripted = Scripted {
            answers: Arc::new(Script::new([Ok(said(200, r#"{"ok":true}"#))])),
            ledger: Arc::new(Script::new(of_ledger)),
            tasks: Arc::default(),
            posted: Arc::default(),
        };
        let runner = runner(Arc::new(scripted.clone()), Some(ledger()), now, Access::Bot);
        let message = json!({"name": "projects/demo/operations/x",
            "state": {"id": "7", "live": {"channel": "C0OPS", "ts": "1.000001"}, "report": {"outcome": outcome}}});
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let delivery = delivery("99", now, message.to_string().into_bytes());
        let handled = runtime.block_on(runner.handle(delivery, Deadline::start()));
        assert_eq!(handled.decision, Action::PostedBefore, "{outcome}: {handled:?}");
        assert_eq!(1 - scripted.answers.left(), calls, "{outcome}");
    }
}
