//! From the end of a watch to Slack: what is said, in which words, and what happens when Slack does not take it.

use chrono::{SubsecRound, TimeDelta};
use opwatch::fakes::{End, Fault, Plan};
use serde_json::{Value, json};

use crate::support::opwatch::{
    CHECK_QUEUE, GREEN, Kind, NAME, ORANGE, Opwatch, RED, REPORT_QUEUE, colour, export, lasting, refusal,
    texts, with_header,
};

#[tokio::test]
async fn a_report_that_slack_does_not_take_is_posted_later_and_once() {
    for fault in [
        Fault::answer(500, "internal_error"),
        Fault::answer(503, "<html>"),
        Fault::answer(429, "rate_limited"),
        Fault::answer(200, "<html>sign in</html>"),
        Fault::answer(200, ""),
        Fault::answer(302, ""),
        Fault::answer(400, "invalid_token"),
        Fault::answer(403, "action_prohibited"),
        Fault::answer(404, "no_service"),
        Fault::answer(410, "channel_is_archived"),
        Fault::Reset,
    ] {
        let opwatch = Opwatch::start().await;
        (0..3).for_each(|_| opwatch.world.slack.fail_next(fault.clone()));
        opwatch.watch_named(lasting(0)).await;
        opwatch.assert_delays(Kind::Report, &[0, 10, 20, 40]);
        assert_eq!(opwatch.tasks(Kind::Report).len(), 4, "{fault:?}");
        assert!(opwatch.tasks(Kind::Report).iter().all(|task| task.queue == REPORT_QUEUE));
        let message = opwatch.only_message();
        assert_eq!(colour(&message), GREEN, "{fault:?}");
        assert!(!opwatch.lines()[0].contains("as of"), "70 s are not late: {:?}", opwatch.lines());
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_late_report_says_as_of_when_it_speaks() {
    let opwatch = Opwatch::start_with(|args| args.set("TIME_ZONE", "Asia/Tokyo")).await;
    (0..5).for_each(|_| opwatch.world.slack.fail_next(Fault::answer(500, "")));
    opwatch.watch_named(lasting(0)).await;
    let task = opwatch.tasks(Kind::Report)[0].clone();
    let seen: chrono::DateTime<chrono::Utc> =
        task.data["state"]["report"]["at"].as_str().unwrap().parse().unwrap();
    let seen = seen.with_timezone(&chrono_tz::Asia::Tokyo);
    let line = &opwatch.lines()[0];
    assert!(line.ends_with(&format!(" · as of {}", seen.format("%H:%M"))), "{line}");
    let sentence = format!("As of {}. This message", seen.format("%Y/%m/%d %H:%M:%S JST"));
    assert!(opwatch.only_text().contains(&sentence), "{}", opwatch.only_text());
    opwatch.stop().await;
}

#[tokio::test]
async fn after_a_retry_after_slack_is_left_alone_by_every_watch() {
    let opwatch = Opwatch::start().await;
    let asks = with_header(Fault::answer(429, "rate_limited"), "Retry-After", "600");
    opwatch.world.slack.fail_next(asks);
    opwatch.world.operations.add(NAME, lasting(0));
    let begun = opwatch.world.time.now();
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.resume().await;
    assert_eq!(opwatch.slack().len(), 2);
    assert_eq!(
        opwatch.world.slack.requests().len(),
        3,
        "one refused, none while Slack wants to be left alone"
    );
    let again: Vec<_> = opwatch.tasks(Kind::Report).into_iter().skip(2).collect();
    assert_eq!(again.len(), 2);
    for task in again {
        assert!(task.schedule_time - begun >= TimeDelta::seconds(600), "{task:?}");
        assert!(task.schedule_time - begun <= TimeDelta::seconds(755), "{task:?}");
    }
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn after_refused_blocks_the_next_try_is_plain_text() {
    for word in ["invalid_blocks", "invalid_payload", "invalid_attachments"] {
        let opwatch = Opwatch::start().await;
        opwatch.world.slack.fail_next(Fault::answer(400, word));
        opwatch.world.slack.fail_next(Fault::answer(500, ""));
        let message = "<!channel> & co".to_owned();
        opwatch.watch_named(Plan { end: End::Failed { code: 3, message }, ..lasting(0) }).await;
        let message = opwatch.only_message();
        assert_eq!(message.as_object().unwrap().keys().collect::<Vec<_>>(), ["mrkdwn", "text"]);
        let text = message["text"].as_str().unwrap();
        assert!(text.starts_with("Datastore export failed · "), "{text}");
        assert!(text.contains("Error: 3 INVALID_ARGUMENT\n"), "{text}");
        assert!(text.contains("&lt;!channel&gt; &amp; co"), "{text}");
        assert!(text.contains(&format!("gcloud datastore operations describe {NAME}")), "{text}");
        opwatch.stop().await;
    }
}

/// A report whose tries have filled a day and a week is refused, so that the dead letter keeps it.
#[tokio::test]
async fn after_its_last_try_a_report_becomes_a_dead_letter() {
    let opwatch = Opwatch::start().await;
    opwatch.world.slack.fail_always(Some(Fault::answer(404, "no_service")));
    let last = json!({"name": NAME, "state": {"version": 1, "id": "7", "report": {"outcome": "failed", "tries": 316}}});
    opwatch.watch(&last).await;
    opwatch.assert_delays(Kind::Report, &[3_600]);
    assert_eq!(opwatch.tasks(Kind::Report).len(), 1);
    let dead = opwatch.world.pubsub.dead_letters();
    assert_eq!(dead.len(), 1);
    let data: Value = serde_json::from_slice(&dead[0].data).unwrap();
    assert_eq!(data["state"]["report"]["tries"], 317);
    assert_eq!(data["name"], NAME);
    let answers = opwatch.answers();
    assert_eq!(answers[0], 204);
    assert!(answers[1..].iter().all(|status| *status == 503) && answers.len() == 101, "{answers:?}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_test_goes_through_both_queues_and_says_so() {
    let opwatch = Opwatch::start().await;
    opwatch.watch(&json!({"test": true, "locale": "en"})).await;
    let queues: Vec<_> = opwatch.world.tasks.created().into_iter().map(|task| task.queue).collect();
    assert_eq!(queues, [CHECK_QUEUE, REPORT_QUEUE]);
    assert_eq!(colour(&opwatch.only_message()), GREEN);
    assert!(opwatch.lines()[0].starts_with("*opwatch test passed* · "), "{:?}", opwatch.lines());
    assert!(opwatch.only_text().contains("went through the topic, the check queue"));
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.stop().await;
}

#[tokio::test]
async fn title_language_and_zone_can_be_set_for_one_watch() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(100));
    let own = json!({"name": NAME, "title": "夜間 <backup>", "locale": "ja", "timeZone": "America/New_York"});
    opwatch.watch(&own).await;
    let line = &opwatch.lines()[0];
    assert!(line.starts_with("*夜間 &lt;backup&gt;に成功* · "), "{line}");
    assert!(line.contains(" EST · 所要時間 1分40秒 · Entity数 12,345") || line.contains(" EDT · "), "{line}");
    opwatch.stop().await;
}

/// Daylight saving time is the zone's matter.
#[tokio::test]
async fn times_have_the_abbreviation_of_their_day() {
    for (at, shown) in [
        ("2026-07-01T10:00:00Z", "2026/07/01 12:00:00 CEST"),
        ("2026-12-01T10:00:00Z", "2026/12/01 11:00:00 CET"),
    ] {
        let opwatch = Opwatch::start().await;
        let report = json!({"timeZone": "Europe/Madrid", "state": {"id": "7", "report": {"outcome": "succeeded",
            "facts": {"start": at}}}});
        opwatch.watch(&report).await;
        assert!(opwatch.only_text().contains(shown), "{}", opwatch.only_text());
        opwatch.stop().await;
    }
}

/// What the system that opwatch replaces said.
#[tokio::test]
async fn japanese_has_the_words_of_the_original() {
    let unknown = End::State("PAUSED".to_owned());
    let failed = End::Failed { code: 7, message: "no".to_owned() };
    let cases = [
        (Plan { end: End::Succeeded, ..lasting(90) }, 60, "Datastoreのバックアップに成功", GREEN),
        (Plan { end: failed, ..lasting(90) }, 60, "Datastoreのバックアップに失敗", RED),
        (
            Plan { end: End::Cancelled, ..lasting(90) },
            60,
            "Datastoreのバックアップが想定外の状態 (キャンセル済み)",
            ORANGE,
        ),
        (Plan { end: unknown, ..lasting(90) }, 60, "Datastoreのバックアップが想定外の状態", ORANGE),
        (lasting(10_000), 2, "バックアップが終わっていない", ORANGE),
    ];
    for (plan, limit, title, expected) in cases {
        let opwatch = Opwatch::start_with(|args| {
            args.set("LOCALE", "ja");
            args.set("TIME_ZONE", "Asia/Tokyo");
        })
        .await;
        opwatch.world.operations.add(NAME, plan);
        opwatch.watch(&json!({"name": NAME, "limit": limit})).await;
        let (message, text) = (opwatch.only_message(), opwatch.only_text());
        assert_eq!(colour(&message), expected, "{title}");
        let line = &opwatch.lines()[0];
        assert!(line.starts_with(&format!("*{title}* · ")) && line.contains(" JST"), "{line}");
        let jst = |at: &Value| {
            let at: chrono::DateTime<chrono::Utc> = at.as_str().unwrap().parse().unwrap();
            at.trunc_subsecs(0)
                .with_timezone(&chrono_tz::Asia::Tokyo)
                .format("%Y/%m/%d %H:%M:%S JST")
                .to_string()
        };
        let body = &opwatch.world.operations.operations()[0].body;
        assert!(
            text.contains(&format!("*開始日時*\n{}", jst(&body["metadata"]["common"]["startTime"]))),
            "{text}"
        );
        assert!(text.contains("*JobID* · <") && text.contains(&format!("\n`{NAME}`")), "{text}");
        let ended = limit == 60;
        if ended {
            assert!(
                text.contains(&format!("*終了日時*\n{}", jst(&body["metadata"]["common"]["endTime"]))),
                "{text}"
            );
            assert!(text.contains("*Entity数*\n12,345"), "{text}");
        }
        let good = expected == GREEN;
        assert_eq!(text.contains("*バックアップファイル* · <"), good, "{text}");
        assert_eq!(text.contains("下記コマンドで状態を確認して対処して下さい"), !good, "{text}");
        let line = format!("```gcloud datastore operations describe {NAME}```");
        assert_eq!(texts(&message).contains(&line), !good, "{text}");
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn japanese_tells_what_the_original_did_not() {
    let japanese = || Opwatch::start_with(|args| args.set("LOCALE", "ja"));
    let says = async |opwatch: Opwatch, message: &Value, words: &[&str]| {
        opwatch.watch(message).await;
        let all = format!("{}\n{}", opwatch.lines()[0], opwatch.only_text());
        for word in words {
            assert!(all.contains(word), "{word}: {all}");
        }
        opwatch.stop().await;
    };
    let opwatch = japanese().await;
    opwatch.world.operations.fail_always_on("POST", "", Some(refusal(403, "PERMISSION_DENIED", "")));
    let words = [
        "Datastoreのバックアップを開始できない",
        "gcloud iam roles create opwatch --project=demo",
        "原因を取り除いてから",
    ];
    says(opwatch, &export(), &words).await;
    let words = ["が想定外の状態", "オペレーションが見つかりません", "監視を続ける場合:", "下記コマンドで"];
    says(japanese().await, &json!({"name": NAME}), &words).await;
    says(japanese().await, &json!({"test": true}), &["opwatchのテスト: すべての経路が正常"]).await;
    let words = ["opwatchが処理できないメッセージ", "不明なフィールドです", "`titel`"];
    says(japanese().await, &json!({"name": NAME, "titel": "x"}), &words).await;
}

#[tokio::test]
async fn a_message_in_its_own_language_has_no_word_of_the_other() {
    let opwatch = Opwatch::start_with(|args| args.set("LOCALE", "ja")).await;
    opwatch.world.operations.add(NAME, lasting(1_000));
    opwatch.watch(&json!({"name": NAME, "limit": 2, "locale": "en"})).await;
    let english = texts(&opwatch.only_message()).join("\n");
    assert!(
        english.is_ascii() || !english.chars().any(|c| ('\u{3040}'..='\u{30ff}').contains(&c)),
        "{english}"
    );
    opwatch.stop().await;
}
