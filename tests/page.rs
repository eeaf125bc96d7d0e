//! The demo's page in a real browser, while the demo runs: what somebody sees who tries opwatch.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::opwatch::{GREEN, RED};

/// Ends with its test, whatever becomes of it.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a demo whose page stays: it, and where the page is.
fn demo(outcome: &str, locale: &str) -> (Demo, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_opwatch"))
        .args(["demo", "--stay", "--outcome", outcome, "--locale", locale])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let story = BufReader::new(child.stdout.take().unwrap());
    let mut lines = story.lines().map(Result::unwrap);
    let url = lines.find_map(|line| Some(format!("http://127{}", line.split_once("http://127")?.1))).unwrap();
    // The story goes on, and must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (Demo(child), url.split_whitespace().next().unwrap().to_owned())
}

/// Looks at the page at each of its changes until the thread has a reply: the bars that it showed, the colour of the first
/// message's bar at the end, and what went beyond the window.
const WATCH: &str = r"new Promise((resolve) => {
  const bars = new Set(), beyond = new Set();
  const look = () => {
    for (const text of document.body.innerText.match(/[█░]+ +\d+%/g) ?? []) bars.add(text);
    const wide = document.documentElement;
    if (wide.scrollWidth > wide.clientWidth) beyond.add('the page');
    for (const element of document.body.querySelectorAll('*')) {
      const { left, right, width } = element.getBoundingClientRect();
      if (width > 0 && (left < 0 || right > window.innerWidth + 0.5)) beyond.add(element.outerHTML.slice(0, 200));
    }
    if (!document.querySelector('.thread')) return;
    const bar = document.querySelector('.attachment');
    resolve({ bars: [...bars], beyond: [...beyond], colour: getComputedStyle(bar).getPropertyValue('--bar').trim(),
      text: document.body.innerText, page: getComputedStyle(document.body).backgroundColor });
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  look();
})";

#[test]
fn the_page_follows_the_demo_and_fits_every_window() {
    if std::env::var("OPWATCH_SKIP_BROWSER").is_ok_and(|value| value == "1") {
        return;
    }
    for (width, scheme, locale, outcome, colour, words) in [
        (1_280, "light", "en", "succeeded", GREEN, ["Datastore export succeeded", "1 reply"]),
        (360, "dark", "ja", "failed", RED, ["Datastoreのバックアップに失敗", "1件の返信"]),
    ] {
        let mut browser = Browser::open(width, scheme);
        let (demo, url) = demo(outcome, locale);
        let seen = browser.run(&url, WATCH);
        let list = |name: &str| seen[name].as_array().unwrap().clone();
        assert!(list("bars").len() >= 3, "the bar moves: {seen}");
        assert_eq!(list("beyond"), Vec::<Value>::new(), "{width} px");
        assert_eq!(seen["colour"], colour, "{seen}");
        let text = seen["text"].as_str().unwrap();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert_eq!(seen["page"] == "rgb(255, 255, 255)", scheme == "light", "{seen}");
        assert!(browser.errors().is_empty(), "{:?}", browser.errors());
        let elsewhere: Vec<_> =
            browser.requests().into_iter().filter(|asked| !asked.starts_with(&url)).collect();
        assert_eq!(elsewhere, Vec::<&str>::new());
        browser.close();
        drop(demo);
    }
}
