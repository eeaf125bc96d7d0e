//! When a step is due by a slow clock, how often a report waits for another delivery, and what a person must act on.

use super::*;
use crate::decision::WAITS;
use crate::watch::{Report, Watch};

/// A container's clock may be slow; the message was published by Google's.
#[test]
fn the_next_step_of_a_slow_clock_is_not_in_the_past() {
    let at = |minute: i64| DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap();
    let (published, now) = (at(60), at(0));
    let report = br#"{"state":{"id":"7","report":{"outcome":"stopped"}}}"#.to_vec();
    let start =
        br#"{"start":{"service":"datastore","path":"projects/p:export","body":{}},"state":{"id":"7"}}"#;
    for data in [report, start.to_vec()] {
        let (handled, due) = next_step(data, published, now);
        assert!(handled.acknowledged && due >= published + chrono::TimeDelta::seconds(10), "{due}");
    }
}

/// The claim of another delivery has 61 s at most, whatever this container's clock says.
#[test]
fn a_report_that_waits_by_a_slow_clock_comes_no_sooner() {
    let at = |minute: i64| DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap();
    let (published, now) = (at(60), at(0));
    let held = json!({"found": [{"entity": {"properties": {"state": {"stringValue": "claimed"},
        "until": {"timestampValue": "9999-01-01T00:00:00Z"}}}, "version": "7"}]});
    let taken = json!({"error": {"status": "ALREADY_EXISTS"}});
    let answers =
        [(409, taken), (200, held)].map(|(status, body)| Ok(testing::answer(status, body.to_string())));
    let report = br#"{"state":{"id":"7","report":{"outcome":"failed"}}}"#.to_vec();
    let ledger = Some((ledger(), answers.to_vec()));
    let (handled, tasks, posted) =
        deliver_published(report, Vec::new(), ledger, published, now, Access::Webhook);
    assert_eq!((handled.decision, posted), (Action::Waits, 0), "{handled:?}");
    let due: DateTime<Utc> = tasks[0]["scheduleTime"].as_str().unwrap().parse().unwrap();
    assert!(due > published, "{due}");
}

/// What became of a delivery that no API answers, and when its next step is due.
fn next_step(data: Vec<u8>, published: DateTime<Utc>, now: DateTime<Utc>) -> (DeliveryResult, DateTime<Utc>) {
    let (handled, tasks, _) = deliver_published(data, Vec::new(), None, published, now, Access::Webhook);
    (handled, tasks[0]["scheduleTime"].as_str().unwrap().parse().unwrap())
}

/// A held report comes back under new names until its waits are spent; then it is posted all the same.
#[test]
fn a_report_waits_for_another_delivery_so_often_and_no_more() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let watch = Watch { id: "7".to_owned(), ..Watch::default() };
    let held = json!({"state": {"stringValue": "claimed"}, "owner": {"stringValue": "x"},
        "until": {"timestampValue": "2027-01-15T08:00:30Z"}});
    let ok = |status, body: String| Ok(testing::answer(status, body));
    let mut names = std::collections::BTreeSet::new();
    for waits in 0..=WAITS {
        let report = Report { claim_waits: waits, ..Report::of_test(watch.clone(), now) };
        let found = json!({"found": [{"entity": {"properties": held}, "version": "7"}]}).to_string();
        let answers =
            vec![ok(409, json!({"error": {"status": "ALREADY_EXISTS"}}).to_string()), ok(200, found)];
        let data = Message::Report(Box::new(report)).to_data();
        let (handled, asked, posted) =
            deliver(data, vec![ok(200, "ok".to_owned())], Some((ledger(), answers)), now, Access::Webhook);
        let is_last = waits == WAITS;
        let expected = if is_last { Action::Posted } else { Action::Waits };
        assert_eq!((handled.decision, handled.acknowledged), (expected, true), "{waits}");
        assert_eq!((asked.len(), posted), if is_last { (0, 1) } else { (1, 0) }, "{waits}");
        names.extend(asked);
    }
    assert_eq!(names.len(), WAITS as usize);
}

/// The try after one that waited and then failed may wait as often.
#[test]
fn the_next_try_of_a_report_has_waited_for_nobody_yet() {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let watch = Watch { id: "7".to_owned(), ..Watch::default() };
    let next = |waits| {
        let report = Report { claim_waits: waits, ..Report::of_test(watch.clone(), now) };
        let data = Message::Report(Box::new(report)).to_data();
        deliver_published(data, Vec::new(), None, now, now, Access::Webhook).1
    };
    assert_eq!(next(WAITS), next(0));
}

/// What becomes of a report, at the try of this number, when Slack answers so.
fn refused(tries: u32, status: u16, body: &str) -> DeliveryResult {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let watch = Watch { id: "7".to_owned(), ..Watch::default() };
    let data = Message::Report(Box::new(Report { tries, ..Report::of_test(watch, now) })).to_data();
    deliver(data, vec![Ok(testing::answer(status, body))], None, now, Access::Webhook).0
}

#[test]
fn somebody_must_act_on_what_will_not_pass_and_on_the_last_try() {
    for (tries, status, body, decision, needs_attention) in [
        (0, 500, "rollup_error", Action::PostAgain, false),
        (0, 403, "action_prohibited", Action::PostAgain, true),
        (u32::MAX, 500, "rollup_error", Action::GaveUp, true),
    ] {
        let handled = refused(tries, status, body);
        let error = handled.error.clone().unwrap_or_default();
        assert!(error.contains(body) && error.contains("; action: "), "{handled:?}");
        assert_eq!((handled.decision, handled.needs_attention), (decision, needs_attention), "{body}");
        assert_eq!(handled.acknowledged, decision == Action::PostAgain, "{body}");
        assert!(handled.call_milliseconds.is_some(), "{body}");
    }
    assert!(refused(0, 200, "ok").call_milliseconds.is_some());
}
