//! `opwatch demo`, as somebody who tries opwatch runs it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::opwatch::client;

const OUTCOMES: [(&str, &str, &str); 6] = [
    ("succeeded", "Datastore export succeeded", "Datastoreのバックアップに成功"),
    ("failed", "Datastore export failed", "Datastoreのバックアップに失敗"),
    ("cancelled", "Datastore export was cancelled", "Datastoreのバックアップが想定外の状態"),
    ("not-started", "Datastore export was not started", "Datastoreのバックアップを開始できない"),
    ("stopped", "Datastore export is still running", "バックアップが終わっていない"),
    ("cannot-tell", "Datastore export: outcome unknown", "Datastoreのバックアップが想定外の状態"),
];

fn demo(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_opwatch"))
        .arg("demo")
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn every_outcome_is_shown_in_both_languages() {
    let start = |outcome, locale, slack| {
        demo(&["--outcome", outcome, "--locale", locale, "--slack", slack, "--time-zone", "Asia/Tokyo"])
    };
    let running: Vec<_> = OUTCOMES
        .into_iter()
        .flat_map(|(outcome, en, ja)| [(outcome, "en", en), (outcome, "ja", ja)])
        .flat_map(|(outcome, locale, headline)| {
            ["bot", "webhook"].map(|slack| (outcome, locale, headline, slack))
        })
        .map(|(outcome, locale, headline, slack)| {
            (outcome, locale, headline, slack, start(outcome, locale, slack))
        })
        .collect();
    for (outcome, locale, headline, slack, child) in running {
        let (status, story, errors) = ended(child);
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{outcome} {locale} {slack}: {story}");
        // The end, and its reply.
        let times = if slack == "bot" && outcome != "not-started" { 2 } else { 1 };
        let shown = story.matches(&format!("┃ {headline}")).count();
        assert_eq!(shown, times, "{outcome} {locale} {slack}: {story}");
        assert!(story.contains(" JST"), "{outcome} {locale} {slack}: {story}");
        assert!(!story.contains('\u{1b}'), "no colours where nobody sees them");
    }
}

/// Each story at one end, so that every service, every end and both languages are among them.
#[test]
fn the_stories_of_other_services_are_played() {
    let stories = [
        ("sqladmin", "succeeded", "en", "Cloud SQL", "gs://my-backups/shop.sql.gz"),
        ("container", "failed", "ja", "GKE", "only 2 nodes out of 3 have registered"),
        ("bigquery.jobs", "cancelled", "en", "BigQuery", "demo.sales.orders"),
        ("cloudbuild.builds", "failed", "en", "Cloud Build", "step exited with non-zero status: 1"),
        ("spanner", "stopped", "ja", "Spanner", "projects/demo/instances/prod/databases/orders"),
        ("spanner", "cannot-tell", "en", "Spanner", "Missing or insufficient permissions."),
    ];
    let running = stories.map(|story| {
        let (service, outcome, locale, ..) = story;
        (story, demo(&["--service", service, "--outcome", outcome, "--locale", locale]))
    });
    for ((service, outcome, _, title, part), child) in running {
        let (status, story, errors) = ended(child);
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{service} {outcome}: {story}");
        assert!(story.contains(r#"{"name":"projects/demo/"#), "{service}: {story}");
        assert!(story.contains(&format!("┃ {title}")) && story.contains(part), "{service}: {story}");
    }
    let (status, _, errors) = ended(demo(&["--service", "spanner", "--outcome", "not-started"]));
    assert_eq!(status, Some(64), "{errors}");
    assert!(errors.contains("--outcome not-started is of --service datastore"), "{errors}");
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn without_arguments_one_message_is_seen_to_move() {
    let (status, story, errors) = ended(demo(&[]));
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{story}");
    assert!(story.contains("until the demo ends (--stay keeps it up): http://"), "{story}");
    let edited = story.lines().filter(|line| line.ends_with(" · Slack: edited"));
    let bars: Vec<usize> = edited.map(|line| line.matches('█').count()).collect();
    assert!(bars.len() >= 3 && bars.is_sorted() && bars[0] < *bars.last().unwrap(), "{story}");
    for part in ["this message will follow the operation:", "Slack edited to:", "replied in the Slack thread"]
    {
        assert_eq!(story.matches(part).count(), 1, "{part}: {story}");
    }
}

/// Ends with the test, however that ends.
struct Staying(Child);

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_page_stays_until_ctrl_c() {
    let mut staying = Staying(demo(&["--stay", "--outcome", "not-started"]));
    let child = &mut staying.0;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let stays = lines.find(|line| line.as_ref().unwrap().starts_with("The page stays at ")).unwrap().unwrap();
    let address = stays.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let page = client().get(address).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Datastore export was not started") && page.contains("#e01e5a"), "{page}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success() && child.wait().unwrap().success());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, _, errors) = ended(demo(&["--port", &port]));
    assert_eq!(status, Some(1), "{errors}");
    assert!(
        errors.contains(&format!("can't listen on port {port}: ")) && errors.contains("another --port"),
        "{errors}"
    );
}

#[test]
fn bad_arguments_are_named() {
    for (arguments, named) in [
        (["--outcome", "lost"], "succeeded, failed, cancelled, not-started, stopped, cannot-tell"),
        (["--locale", "fr"], "en, ja"),
        (["--service", "compute"], "sqladmin, container, bigquery.jobs, cloudbuild.builds, spanner"),
        (["--time-zone", "Mars"], "must be an IANA time zone"),
    ] {
        let output = demo(&arguments).wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{errors}");
        assert!(errors.contains(named), "{errors}");
    }
}
