//! Following in virtual time: hours pass in milliseconds, and the answers are those of a script.
#![expect(clippy::disallowed_methods, reason = "tests read tokio's clock, which stands still")]
#![expect(clippy::unnecessary_wraps, reason = "each is an answer of a scene")]

mod scene;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::time::Instant;

use super::signals::Waiting;
use super::*;
use crate::clock::Clock;
use crate::google::{Google, Tokens};
use crate::net::endpoints::Endpoints;
use crate::net::transport::{Answer, Failure, Request, Sending, Transport};
use crate::outlets::{Outlet, slack};
use crate::services::{Operation, Service};
use crate::testing::{answer, at};
use crate::watch::{Locale, Routing};
use secrecy::ExposeSecret;

use self::scene::*;

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_done_needs_one_look() {
    for (how, exit, mark) in
        [("SUCCESSFUL", 0, "✓"), ("FAILED", 1, "✗"), ("CANCELLED", 2, "✗"), ("ODD", 3, "?")]
    {
        let played = play(&["a"]).against(move |name, _| ended(name, how)).await;
        assert_eq!((played.exit.code(), played.asked.len(), played.second), (exit, 1, 0), "{how}");
        assert!(played.first_lines()[0].starts_with(&format!("{mark} a: ")), "{:?}", played.lines);
    }
}

#[tokio::test(start_paused = true)]
async fn the_worst_end_is_the_exit_status_and_the_first_end_with_any() {
    let scene = |name: &str, second| match name {
        "quick" if second >= 10 => ended(name, "SUCCESSFUL"),
        "slow" if second >= 100 => ended(name, "FAILED"),
        name => running(name, 0),
    };
    let all = play(&["quick", "slow"]).against(scene).await;
    assert_eq!((all.exit, all.second), (Exit::Failed, 101));
    let mut any = play(&["quick", "slow"]);
    any.options.until = Until::Any;
    let any = any.against(scene).await;
    assert_eq!((any.exit, any.second), (Exit::Succeeded, 10));
}

#[tokio::test(start_paused = true)]
async fn looks_grow_apart_and_come_closer_before_the_expected_end() {
    let played = play(&["a"])
        .against(
            |name, second| if second < 3_600 { running(name, second / 4) } else { ended(name, "SUCCESSFUL") },
        )
        .await;
    let times = played.times_of("a");
    assert_eq!(times[..5], [0, 2, 4, 6, 8]);
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (2..=60).contains(gap)), "{gaps:?}");
    assert_eq!(gaps.iter().filter(|gap| **gap == 60).count(), 40, "the second third: {gaps:?}");
    assert_eq!(played.exit, Exit::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_lost_network_is_waited_for() {
    let played = play(&["a"])
        .against(|name, second| match second {
            0..300 => running(name, 100),
            300..900 => lost(),
            _ => ended(name, "SUCCESSFUL"),
        })
        .await;
    assert_eq!(played.exit, Exit::Succeeded);
    assert!((900..=962).contains(&played.second), "{}", played.second);
    let failing = played
        .first_lines()
        .iter()
        .filter(|line| line.ends_with("connection failed: no route to host"))
        .count();
    assert!((1..=11).contains(&failing), "{:?}", played.lines);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_for_an_hour_is_given_up() {
    let played = play(&["a"]).against(|_, _| lost()).await;
    assert_eq!(played.exit, Exit::CannotTell);
    assert!((3_600..3_700).contains(&played.second), "{}", played.second);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_three_times_is_the_end() {
    let passing = play(&["a"]).against(|name, second| match second {
        0..10 => running(name, 1),
        10..13 => refused(401, None),
        _ => ended(name, "SUCCESSFUL"),
    });
    assert_eq!(passing.await.exit, Exit::Succeeded);
    let expired = play(&["a"])
        .against(|name, second| if second < 100 { running(name, 1) } else { refused(401, None) })
        .await;
    assert_eq!(expired.exit, Exit::CannotTell);
    assert!((100..125).contains(&expired.second), "{}", expired.second);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_asks_to_wait_is_left_alone() {
    let played = play(&["a"])
        .against(|name, second| match second {
            0 => refused(429, Some(300)),
            1..300 => panic!("asked at {second}"),
            _ => ended(name, "SUCCESSFUL"),
        })
        .await;
    assert_eq!((played.exit, played.asked.len()), (Exit::Succeeded, 2));
    assert!((300..=375).contains(&played.second), "{}", played.second);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_looked_for_once_more() {
    let late = play(&["a"])
        .against(|name, second| if second < 5 { refused(404, None) } else { ended(name, "SUCCESSFUL") })
        .await;
    assert_eq!((late.exit, late.times_of("a")), (Exit::Succeeded, vec![0, 5]), "a new operation can be late");
    let never = play(&["a"]).against(|_, _| refused(404, None)).await;
    assert_eq!((never.exit, never.times_of("a")), (Exit::CannotTell, vec![0, 5]));
    let gone = play(&["a"])
        .against(|name, second| if second < 60 { running(name, 1) } else { refused(404, None) })
        .await;
    assert_eq!(gone.exit, Exit::CannotTell);
    assert!(gone.second < 75, "{}", gone.second);
}

#[tokio::test(start_paused = true)]
async fn after_a_sleep_of_the_machine_it_looks_at_once() {
    let mut asleep = play(&["a"]);
    asleep.options.interval = Some(Duration::from_secs(600));
    asleep.options.timeout = Some(Duration::from_secs(1_800));
    asleep.sleep = Some((60, 3_600));
    let played = asleep
        .against(|name, second| if second < 60 { running(name, 1) } else { ended(name, "SUCCESSFUL") })
        .await;
    assert_eq!(played.exit, Exit::Succeeded, "the time asleep does not count as waited");
    assert!((60..=75).contains(&played.second), "{}", played.second);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_changes_nothing() {
    let mut put_back = play(&["a"]);
    put_back.sleep = Some((60, -3_600));
    let played = put_back
        .against(|name, second| if second < 300 { running(name, 1) } else { ended(name, "SUCCESSFUL") })
        .await;
    assert_eq!(played.exit, Exit::Succeeded);
    assert!((300..=360).contains(&played.second), "{}", played.second);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_comes_after_one_last_look() {
    let timed = |scene: fn(&str, u64) -> Result<Answer, Failure>| {
        let mut timed = play(&["a"]);
        timed.options.timeout = Some(Duration::from_secs(100));
        timed.options.interval = Some(Duration::from_secs(60));
        timed.against(scene)
    };
    let over = timed(|name, _| running(name, 1)).await;
    assert_eq!((over.exit.code(), over.times_of("a")), (124, vec![0, 60, 100]));
    let ended =
        timed(|name, second| if second < 70 { running(name, 1) } else { ended(name, "FAILED") }).await;
    assert_eq!((ended.exit.code(), ended.second), (1, 100));
}

#[tokio::test(start_paused = true)]
async fn an_interruption_leaves_the_operations_alone_and_tells_how_to_go_on() {
    let mut interrupted = play(&["a", "b", "c"]);
    interrupted.interrupts = vec![30];
    let played = interrupted
        .against(|name, _| if name == "b" { ended(name, "SUCCESSFUL") } else { running(name, 1) })
        .await;
    assert_eq!((played.exit.code(), played.second), (130, 30));
    let command = "opwatch wait --service datastore projects/p/operations/a projects/p/operations/c";
    let [expiry, note] = played.notes.as_slice() else { panic!("{:?}", played.notes) };
    assert!(expiry.starts_with("opwatch: ACCESS_TOKEN can't be renewed and expires at about "), "{expiry}");
    assert!(note.ends_with(command), "{note}");
}

#[tokio::test(start_paused = true)]
async fn a_log_has_a_line_a_minute_and_one_in_ten_without_a_change() {
    let played = play(&["a"])
        .against(|name, second| match second {
            0..300 => running(name, second),
            300..3_600 => running(name, 300),
            _ => ended(name, "SUCCESSFUL"),
        })
        .await;
    let times: Vec<u64> = played.lines.iter().map(|(second, _)| *second).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().rev().skip(1).all(|gap| *gap >= 60), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= 600), "{gaps:?}");
    assert!((10..=14).contains(&times.len()), "{times:?}");
    assert_eq!(
        played.first_lines()[0],
        "a: Datastore export is running · 0% · 0 of 1,000 · 0 s · PROCESSING"
    );
}

#[tokio::test(start_paused = true)]
async fn a_quiet_log_has_the_ends_only() {
    let mut quiet = play(&["a", "b"]);
    quiet.options.quiet = true;
    let played = quiet
        .against(
            |name, second| if second < 3_600 { running(name, second) } else { ended(name, "SUCCESSFUL") },
        )
        .await;
    let lines = played.first_lines();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with('✓')), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_operations_are_followed_at_ten_looks_a_second() {
    let names: Vec<&'static str> = (0..1_000).map(|number| &*format!("op-{number}").leak()).collect();
    let played = play(&names)
        .against(|name, second| if second < 300 { running(name, 1) } else { ended(name, "SUCCESSFUL") })
        .await;
    assert_eq!(played.exit, Exit::Succeeded);
    let mut by_second: BTreeMap<u64, usize> = BTreeMap::new();
    for (_, second) in played.asked.iter().filter(|(_, second)| *second > 0) {
        *by_second.entry(second / 100).or_default() += 1;
    }
    assert!(by_second.values().all(|looks| *looks <= 1_000), "{by_second:?}");
}

#[tokio::test(start_paused = true)]
async fn each_line_of_json_is_an_event_of_the_schema() {
    let mut events = play(&["a", "b"]);
    events.options.output = Output::Json;
    let played = events
        .against(|name, second| match name {
            "a" if second < 600 => running(name, second),
            "b" if second < 1_500 => running(name, 7),
            "a" => ended(name, "FAILED"),
            name => ended(name, "SUCCESSFUL"),
        })
        .await;
    let schema = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/event.v1.json")).unwrap();
    let schema = crate::schema_tests::Compiled::new(&serde_json::from_slice(&schema).unwrap());
    let lines: Vec<serde_json::Value> =
        played.lines.iter().map(|(_, line)| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert!(schema.problem(line).is_none(), "{:?}: {line}", schema.problem(line));
    }
    let of = |name: &str| {
        lines.iter().filter(|line| line["subject"].as_str().unwrap().ends_with(name)).collect::<Vec<_>>()
    };
    let (a, b) = (of("/a"), of("/b"));
    let middle = &a[20]["data"];
    assert_eq!(
        (&a[20]["type"], &middle["outcome"]),
        (&json!("dev.opwatch.operation.running.v1"), &json!("running"))
    );
    assert!(middle["percent"].as_u64() > Some(0) && middle["expectedEnd"].is_string(), "{middle}");
    let end = a.last().unwrap();
    assert_eq!(
        (&end["type"], &end["data"]["outcome"]),
        (&json!("dev.opwatch.operation.failed.v1"), &json!("failed"))
    );
    assert_eq!(end["source"], "//datastore.googleapis.com");
    // One line at first, one ten minutes after the last line of all, and the end.
    assert_eq!(b.len(), 3, "{b:?}");
    let ids: std::collections::HashSet<_> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), lines.len(), "each has an id of its own");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_cancels_where_that_is_asked_for() {
    let mut cancels = play(&["a", "b", "c"]);
    cancels.options.cancels = true;
    cancels.interrupts = vec![30];
    let played = cancels
        .against(|name, _| match name {
            "b:cancel" => refused(400, None),
            name if name.ends_with(":cancel") => Ok(answer(200, "{}")),
            "c" => ended("c", "SUCCESSFUL"),
            name => running(name, 1),
        })
        .await;
    assert_eq!(played.exit, Exit::Interrupted);
    let cancelled = played.asked.iter().filter(|(name, _)| name.ends_with(":cancel")).count();
    assert_eq!(cancelled, 2, "{:?}", played.asked);
    let notes = played.notes.join("\n");
    assert!(notes.contains("asked to cancel projects/p/operations/a"), "{notes}");
    assert!(notes.contains("projects/p/operations/b could not be cancelled: 400"), "{notes}");
}

/// Slack, which takes what it gets, or never answers.
struct Hook {
    is_silent: bool,
    posts: Mutex<Vec<String>>,
}

impl Transport for Hook {
    fn send(&self, request: Request, _: Duration) -> Sending<'_> {
        self.posts.lock().unwrap().push(String::from_utf8(request.body).unwrap());
        let is_silent = self.is_silent;
        Box::pin(async move {
            if is_silent {
                std::future::pending::<()>().await;
            }
            Ok(answer(200, "ok"))
        })
    }
}

fn hook(is_silent: bool) -> (Arc<Hook>, Option<Arc<dyn Outlet>>) {
    let hook = Arc::new(Hook { is_silent, posts: Mutex::default() });
    let access = slack::Access::Webhook("https://hooks.slack.com/services/T/B/x".into());
    (Arc::clone(&hook), Some(access.open(hook)))
}

#[tokio::test(start_paused = true)]
async fn each_end_is_posted_where_that_is_asked_for() {
    let (slack, outlet) = hook(false);
    let notified = Play { outlet, ..play(&["a", "b"]) };
    let played = notified
        .against(|name, second| if second < 10 { running(name, 1) } else { ended(name, "FAILED") })
        .await;
    assert_eq!(played.exit, Exit::Failed);
    let posts = slack.posts.lock().unwrap();
    assert!(posts.len() == 2 && posts.iter().all(|post| post.contains("it broke")), "{posts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_interruption_ends_at_once() {
    let (_, outlet) = hook(true);
    let mut twice = Play { outlet, ..play(&["a", "b"]) };
    twice.interrupts = vec![20, 25];
    let played =
        twice.against(|name, _| if name == "a" { ended(name, "FAILED") } else { running(name, 1) }).await;
    assert_eq!((played.exit, played.second), (Exit::Interrupted, 25));
}
