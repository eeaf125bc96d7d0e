//! Design rule 3 over the real handler: whatever is delivered, and however the APIs answer, no delivery asks for the
//! task name under which it was itself delivered, and one that is acknowledged has a next step or has been posted.

use proptest::prelude::*;

use super::*;
use crate::decision::UNCLEAR_RETRIES;
use crate::google::task_id;
use crate::message::arbitrary::{message, time};
use crate::net::transport::Failure;
use crate::testing::{QUEUE, TOPIC};
use crate::watch::Outcome;

fn answer() -> BoxedStrategy<Result<Answer, Failure>> {
    let bodies = vec![
        "ok".to_owned(),
        "<html>".to_owned(),
        "{}".to_owned(),
        json!({"name": "NAME", "metadata": {"common": {"state": "PROCESSING", "startTime": "2026-11-23T03:00:00Z"}}}).to_string(),
        json!({"name": "NAME", "done": true, "response": {}}).to_string(),
        json!({"name": "NAME", "done": true, "error": {"code": 1}}).to_string(),
        json!({"done": true, "metadata": {"common": {"state": "PAUSED"}}}).to_string(),
        json!({"error": {"status": "ABORTED"}}).to_string(),
        POSTED.to_owned(),
        json!({"ok": false, "error": "message_not_found"}).to_string(),
        json!({"ok": false, "error": "channel_not_found"}).to_string(),
        json!({"ok": false, "error": "internal_error"}).to_string(),
    ];
    let statuses =
        proptest::sample::select(vec![200_u16, 200, 200, 302, 400, 401, 403, 404, 409, 429, 500, 503]);
    let retry_after = proptest::option::of((0_u64..100_000).prop_map(Duration::from_secs));
    let whole = (statuses, proptest::sample::select(bodies), retry_after, proptest::option::of(time()))
        .prop_map(|(status, body, retry_after, date)| {
            Ok(Answer { retry_after, date, ..testing::answer(status, body) })
        });
    let failed = proptest::sample::select(vec![
        Failure::NotConnected(String::new()),
        Failure::Broken(String::new()),
        Failure::TooLong,
        Failure::TimedOut(Duration::ZERO),
    ]);
    prop_oneof![4 => whole, 1 => failed.prop_map(Err)].boxed()
}

/// What the ledger may answer: a claim that is one's own, another one's, sent or gone, a conflict, a refusal, nothing.
fn ledger_answer() -> BoxedStrategy<Result<Answer, Failure>> {
    let claim =
        |properties: Value| json!({"found": [{"entity": {"properties": properties}, "version": "7"}]});
    let until = |year: u32| json!({"state": {"stringValue": "claimed"}, "until": {"timestampValue": format!("{year}-01-01T00:00:00Z")}});
    let bodies = vec![
        (200, json!({"mutationResults": [{"version": "1"}]})),
        (200, json!({"mutationResults": [{"version": "1", "conflictDetected": true}]})),
        (409, json!({"error": {"status": "ALREADY_EXISTS"}})),
        (409, json!({"error": {"status": "ALREADY_EXISTS"}})),
        (409, json!({"error": {"status": "ABORTED"}})),
        (200, claim(json!({"state": {"stringValue": "sent"}}))),
        (200, claim(until(1_971))),
        (200, claim(until(9_999))),
        (200, json!({"missing": [{}]})),
        (200, json!([])),
        (403, json!({})),
        (503, json!({})),
    ];
    let whole = proptest::sample::select(bodies)
        .prop_map(|(status, body)| Ok(testing::answer(status, body.to_string())));
    prop_oneof![9 => whole, 1 => Just(Err(Failure::TimedOut(Duration::ZERO)))].boxed()
}

/// Whether one of the answers says that the report was sent.
fn is_sent(answers: &[Result<Answer, Failure>]) -> bool {
    answers.iter().flatten().any(|answer| String::from_utf8_lossy(&answer.body).contains("\"sent\""))
}

fn access() -> BoxedStrategy<Access> {
    prop_oneof![Just(Access::Webhook), Just(Access::Bot)].boxed()
}

/// Whether it is not wanted.
fn asks_for_failures_only(message: &Message) -> bool {
    let Message::Report(report) = message else { return false };
    report.outcome == Outcome::Succeeded && report.watch.routing.notify == Some(Notify::Failure)
}

/// Whether it is made outside the chain of checks, which goes on.
fn is_signals_look(message: &Message) -> bool {
    matches!(message, Message::Check(check) if check.purpose.signal().is_some())
}

/// Whether it only counts, so that nothing follows.
fn is_claim(message: &Message) -> bool {
    matches!(message, Message::Report(report) if report.is_claim())
}

/// Whether it is a report in the buffer of digests, of which only an edit is left.
fn is_digested(message: &Message) -> bool {
    matches!(message, Message::Report(report) if report.digested)
}

/// Whether it is not kept as a dead letter: a warning, which is out of date after an hour, or what a digest tells.
fn is_dropped(message: &Message) -> bool {
    let is_stall = matches!(message, Message::Report(report) if report.outcome == Outcome::Stalled);
    is_stall || is_digested(message)
}

/// Whether it is a report that Slack answered with neither yes nor no for the last time.
fn counts_as_delivered(message: &Message, handled: &DeliveryResult) -> bool {
    matches!(message, Message::Report(report) if report.unclear >= UNCLEAR_RETRIES) && handled.needs_attention
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn no_delivery_asks_for_its_own_name_and_none_ends_in_silence(
        message in message(), answers in proptest::collection::vec(answer(), 0..5), now in time(), slack in access(),
    ) {
        let own = format!("{QUEUE}/tasks/{}", task_id(TOPIC, &message));
        let is_report = matches!(message, Message::Report(_));
        let (handled, names, posted) = deliver(message.to_data(), answers, None, now, slack);
        prop_assert!(!names.contains(&own), "{handled:?}");
        prop_assert!(names.len() <= 1, "one next step: {:?}", names);
        match handled.decision {
            Action::Released => prop_assert!(is_claim(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::NotWanted => prop_assert!(asks_for_failures_only(&message) && names.is_empty(), "{handled:?}"),
            Action::LeftToPolling => prop_assert!(is_signals_look(&message) && names.is_empty(), "{handled:?}"),
            Action::GaveUp => prop_assert!(is_report && handled.acknowledged == is_dropped(&message), "{handled:?}"),
            Action::Edited => prop_assert!(is_digested(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::Posted if counts_as_delivered(&message, &handled) => prop_assert!(posted == 0 && names.is_empty(), "{handled:?}"),
            Action::Posted => prop_assert!(is_report && posted == 1 && names.is_empty(), "{handled:?}"),
            _ => {
                prop_assert_eq!((handled.acknowledged, names.len()), (true, 1), "{:?}", handled);
                prop_assert!(!is_report || posted == 0, "{handled:?}");
            }
        }
    }

    /// The same with the ledger on, whatever it answers: one that is acknowledged without a next step or a post is a copy of
    /// a report that the ledger says was sent.
    #[test]
    fn with_a_ledger_no_delivery_asks_for_its_own_name_and_none_ends_in_silence(
        message in message(), answers in proptest::collection::vec(answer(), 0..4),
        of_ledger in proptest::collection::vec(ledger_answer(), 0..6), now in time(), slack in access(),
    ) {
        let own = format!("{QUEUE}/tasks/{}", task_id(TOPIC, &message));
        let (is_report, sent) = (matches!(message, Message::Report(_)), is_sent(&of_ledger));
        let (handled, names, posted) = deliver(message.to_data(), answers, Some((ledger(), of_ledger)), now, slack);
        prop_assert!(!names.contains(&own), "{handled:?}");
        prop_assert!(names.len() <= 1, "one next step: {:?}", names);
        match handled.decision {
            Action::Released => prop_assert!(is_claim(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::NotWanted => prop_assert!(asks_for_failures_only(&message) && names.is_empty(), "{handled:?}"),
            Action::LeftToPolling => prop_assert!(is_signals_look(&message) && names.is_empty(), "{handled:?}"),
            Action::PostedBefore => prop_assert!(is_report && sent && names.len() + posted == 0, "{handled:?}"),
            Action::GaveUp => prop_assert!(is_report && handled.acknowledged == is_dropped(&message), "{handled:?}"),
            Action::Edited => prop_assert!(is_digested(&message) && names.len() + posted == 0, "{handled:?}"),
            Action::Posted if counts_as_delivered(&message, &handled) => prop_assert!(posted == 0 && names.is_empty(), "{handled:?}"),
            Action::Posted => prop_assert!(is_report && posted == 1 && names.is_empty(), "{handled:?}"),
            _ => prop_assert_eq!((handled.acknowledged, names.len()), (true, 1), "{:?}", handled),
        }
    }
}
