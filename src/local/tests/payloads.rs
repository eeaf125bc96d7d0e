//! Whatever opwatch says, Slack takes it.

use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::Value;

use crate::local::slack_rules::check;
use crate::locale::Locale;
use crate::message::arbitrary::{report, time};
use crate::notice::{Context, notice};
use crate::slack::{payload, plain_payload};

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

proptest! {
    #[test]
    fn any_report_in_any_language_is_a_message_that_slack_takes(
        report in report(), now in time(), topic in any::<bool>(), japanese in any::<bool>(),
        zone in proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
    ) {
        let locale = if japanese { Locale::Ja } else { Locale::En };
        let zone: Tz = zone;
        let topic = topic.then_some("projects/demo/topics/opwatch");
        let notice = notice(&report, &Context { topic, locale, zone, now });
        for payload in [payload(&notice), plain_payload(&notice)] {
            prop_assert_eq!(check(&payload).map_err(|refused| refused.reason), Ok(()));
            for text in markup(&payload) {
                prop_assert!(!text.contains(['<', '>']), "{}", text);
            }
            prop_assert!(payload["text"].as_str().unwrap().chars().count() <= 4_000);
        }
        prop_assert!(!notice.first_line().trim().is_empty());
    }
}
