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
    ("cannot-tell", "Datastore export: cannot tell how it ended", "Datastoreのバックアップが想定外の状態"),
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
    let start =
        |outcome, locale| demo(&["--outcome", outcome, "--locale", locale, "--time-zone", "Asia/Tokyo"]);
    let running: Vec<_> = OUTCOMES
        .into_iter()
        .flat_map(|(outcome, en, ja)| [(outcome, "en", en), (outcome, "ja", ja)])
        .map(|(outcome, locale, headline)| (outcome, locale, headline, start(outcome, locale)))
        .collect();
    for (outcome, locale, headline, child) in running {
        let output = child.wait_with_output().unwrap();
        let story = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{outcome} {locale}: {story}{errors}");
        assert_eq!(errors, "");
        assert!(story.contains(&format!("┃ {headline}")), "{outcome} {locale}: {story}");
        assert!(story.contains(" JST"), "{outcome} {locale}: {story}");
        assert!(!story.contains('\u{1b}'), "no colours where nobody sees them");
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
fn bad_arguments_are_named() {
    for (arguments, named) in [
        (["--outcome", "lost"], "succeeded, failed, cancelled, not-started, stopped, cannot-tell"),
        (["--locale", "fr"], "en, ja"),
        (["--time-zone", "Mars"], "no IANA time zone"),
    ] {
        let output = demo(&arguments).wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{errors}");
        assert!(errors.contains(named), "{errors}");
    }
}
