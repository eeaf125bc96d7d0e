//! Whatever opwatch says, Slack takes it.

use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::Value;

use crate::fakes::slack_rules::check;
use crate::ledger::Comparison;
use crate::message::arbitrary::{check as any_check, report, routing, text, time};
use crate::outlets::Part;
use crate::outlets::slack::{payload, plain_payload};
use crate::prose::{Context, Digest, Notice, compared_notice, digest, notice, running, stall_report};
use crate::watch::{Locale, Report, Routing, Target};

/// Texts in which Slack reads markup: the top-level one and each of type `mrkdwn`.
fn markup(payload: &Value) -> Vec<String> {
    let mut texts: Vec<String> = payload["text"].as_str().map(str::to_owned).into_iter().collect();
    let mut waiting = vec![&payload["attachments"]];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(object) => {
                if object.get("type").is_some_and(|kind| kind == "mrkdwn") {
                    texts.extend(object["text"].as_str().map(str::to_owned));
                }
                waiting.extend(object.values());
            }
            _ => {}
        }
    }
    texts
}

/// What may stand between `<` and `>`: the mentions that were asked for, and pages of the Cloud Console.
fn without_wanted_markup(text: &str, notice: &Notice) -> String {
    let mentions = notice.mentions.iter().map(|mention| match mention.as_str() {
        "here" => "<!here> ".to_owned(),
        group if group.starts_with('S') => format!("<!subteam^{group}> "),
        person => format!("<@{person}> "),
    });
    let mentions: String = mentions.collect();
    let text = text.strip_prefix(mentions.as_str()).unwrap_or(text).to_owned();
    let links = notice.values.iter().filter_map(|field| field.link.as_ref());
    links.fold(text, |text, link| text.replace(&format!("<{link}|Cloud Console>"), ""))
}

/// Holds if Slack accepts each part of `notice`, and only the intended people are mentioned.
fn assert_fits(notice: &Notice) -> Result<(), TestCaseError> {
    for part in [Part::Whole, Part::Edit, Part::Reply] {
        for payload in [payload(notice, part), plain_payload(notice, part)] {
            prop_assert_eq!(check(&payload).map_err(|refused| refused.reason), Ok(()));
            for text in markup(&payload) {
                let rest = without_wanted_markup(&text, notice);
                prop_assert!(!rest.contains(['<', '>']), "{}", text);
            }
            let on_top = payload["text"].as_str().unwrap();
            prop_assert!(on_top.chars().count() <= 4_000);
            prop_assert!(part != Part::Edit || !on_top.starts_with('<'), "an edit pings nobody: {}", on_top);
            prop_assert!(all_texts(&payload) <= 13_000, "{}", all_texts(&payload));
        }
    }
    prop_assert!(!notice.first_line().trim().is_empty());
    Ok(())
}

/// The characters of all texts of the attachment.
fn all_texts(payload: &Value) -> usize {
    match payload {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(all_texts).sum(),
        Value::Object(object) => object.values().map(all_texts).sum(),
        _ => 0,
    }
}

/// The reports of several ends.
pub(super) fn ends() -> impl Strategy<Value = Vec<Report>> {
    let end = report().prop_filter("an end", |report| report.outcome.is_end());
    let some = proptest::collection::vec(end, 2..8);
    (some, 1_usize..10)
        .prop_map(|(some, times)| some.iter().cycle().take(some.len() * times).cloned().collect())
}

/// Everything a setting may say of how it is told.
pub(super) fn settings() -> impl Strategy<Value = (Option<&'static str>, Locale, Tz, Option<String>, Routing)>
{
    let locale = prop_oneof![Just(Locale::En), Just(Locale::Ja)];
    let topic = prop_oneof![Just(None), Just(Some("projects/demo/topics/opwatch"))];
    let zone = proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]);
    (topic, locale, zone, proptest::option::of(text(100)), routing())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]

    #[test]
    fn any_report_in_any_language_is_a_message_that_slack_takes(
        report in report(), now in time(), settings in settings(), compared in any::<(i64, u64, u64, u64, u64)>(),
    ) {
        let (topic, locale, zone, title, routing) = settings;
        let (title, routing) = (title.as_deref(), Some(&routing));
        let context = Context { topic, locale, zone, title, routing, now };
        let (days, entities, before, took, then) = compared;
        let comparison = Comparison {
            day: now - TimeDelta::days(days % 1_000),
            entities: Some((entities, before)),
            took: (Duration::from_secs(took), Duration::from_secs(then)),
        };
        assert_fits(&notice(&report, &context))?;
        assert_fits(&compared_notice(&report, Some(&comparison), &context))?;
    }

    #[test]
    fn any_watch_under_way_is_a_message_that_slack_takes(
        check in any_check(), now in time(), due in time(), settings in settings(),
    ) {
        let (topic, locale, zone, title, routing) = settings;
        let (title, routing) = (title.as_deref(), Some(&routing));
        let context = Context { topic, locale, zone, title, routing, now };
        assert_fits(&running(&check, due, true, &context))?;
        assert_fits(&running(&check, due, false, &context))?;
        assert_fits(&notice(&stall_report(&check, context.now), &context))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_digest_is_a_message_that_slack_takes(
        reports in ends(), now in time(), settings in settings(), diverted in any::<bool>(),
    ) {
        let (topic, locale, zone, title, routing) = settings;
        let (title, routing) = (title.as_deref(), Some(&routing));
        let context = Context { topic, locale, zone, title, routing, now };
        let reports: Vec<&Report> = reports.iter().collect();
        let target = Target::new("C0123456789");
        let diverted = diverted.then_some((&target, "channel_not_found"));
        assert_fits(&digest(&Digest { reports: &reports, id: "0123456789abcdef", diverted }, &context))?;
    }
}
