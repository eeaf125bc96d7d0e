//! `opwatch render`: recorded operations as Slack would be told of them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use opwatch::cli::render::{RenderArgs, render};
use opwatch::fakes::Slack;
use opwatch::services::Service;
use opwatch::watch::{Locale, Outcome};
use serde_json::Value;

use crate::support::opwatch::{GREEN, ORANGE, RED, colour, texts};
use crate::support::process::outcome;
use crate::support::python;

const BLUE: &str = "#36c5f0";
/// Set to `1`, writes the golden messages anew.
const UPDATE: &str = "OPWATCH_UPDATE";

/// Every outcome, its word and its colour.
const OUTCOMES: [(&str, Outcome, &str); 12] = [
    ("succeeded", Outcome::Succeeded, GREEN),
    ("failed", Outcome::Failed, RED),
    ("cancelled", Outcome::Cancelled, ORANGE),
    ("not-started", Outcome::NotStarted, RED),
    ("stopped", Outcome::LimitReached, ORANGE),
    ("cannot-tell", Outcome::CannotTell, ORANGE),
    ("running", Outcome::Running, BLUE),
    ("stalled", Outcome::Stalled, ORANGE),
    ("lost", Outcome::Lost, RED),
    ("notice", Outcome::Notice, ORANGE),
    ("test", Outcome::Test, GREEN),
    ("doctor", Outcome::Doctor, GREEN),
];

/// Messages that a change of wording is seen in: a name, and what renders it.
const GOLDEN: &[(&str, &str)] = &[
    ("running", "--operation processing-16 --previous processing-15 --attempt 16"),
    ("stalled-reply", "--operation processing-16 --outcome stalled --part reply"),
    ("succeeded", "--operation successful"),
    ("succeeded-thread", "--operation successful --part thread"),
    ("failed", "--operation failed"),
    ("failed-thread", "--operation failed --part thread --mention S0614TZR7"),
    ("cancelled", "--operation cancelled"),
    ("not-started", "--operation processing-16 --outcome not-started"),
    ("stopped", "--operation processing-16 --outcome stopped"),
    ("cannot-tell", "--operation processing-16 --outcome cannot-tell"),
];

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    render: RenderArgs,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub(crate) fn rendered(arguments: &[&str]) -> Result<String, String> {
    let all = std::iter::once("render").chain(arguments.iter().copied());
    render(&Cli::try_parse_from(all).map_err(|error| error.to_string())?.render)
}

/// What these words render, in which the names of recordings of one nightly export stand for their files.
pub(crate) fn nightly(words: &str, more: &[&str]) -> String {
    let recording = |word: &str| folder("nightly").join(format!("{word}.json")).to_str().unwrap().to_owned();
    let mut is_file = false;
    let arguments = words.split(' ').map(|word| {
        let file = std::mem::replace(&mut is_file, ["--operation", "--previous"].contains(&word));
        if file { recording(word) } else { word.to_owned() }
    });
    let arguments: Vec<String> = arguments.collect();
    let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    rendered(&all).unwrap_or_else(|error| panic!("{all:?}: {error}"))
}

/// Every recorded operation.
fn recordings() -> Vec<String> {
    let files = ["operations", "nightly"].map(|name| fs::read_dir(folder(name)).unwrap());
    let files = files.into_iter().flatten().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let files = files.map(|path| path.to_str().unwrap().to_owned());
    let mut files: Vec<String> = files.collect();
    files.sort();
    assert!(files.len() > 30, "{files:?}");
    files
}

/// The service of a recording, by the name of its file; that of the nightly export is Datastore.
fn service_of(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap();
    let id = name.split('-').next().unwrap();
    if id.parse::<Service>().is_ok() { id } else { "datastore" }
}

#[test]
fn every_recording_can_be_told_with_every_outcome_in_every_language() {
    for file in recordings() {
        let service: Service = service_of(&file).parse().unwrap();
        for (word, outcome, expected) in OUTCOMES {
            if outcome == Outcome::NotStarted && service.start_example().is_none() {
                let refused = rendered(&["--operation", &file, "--service", service.id(), "--outcome", word]);
                assert!(refused.unwrap_err().contains("opwatch does not start operations of "), "{file}");
                continue;
            }
            for locale in [Locale::En, Locale::Ja] {
                let arguments = [
                    "--operation",
                    &file,
                    "--service",
                    service_of(&file),
                    "--outcome",
                    word,
                    "--locale",
                    locale.id(),
                    "--title",
                    "A <b> & c",
                    "--mention",
                    "here",
                    "--part",
                    "thread",
                ];
                let thread = rendered(&arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
                let thread: Value = serde_json::from_str(&thread).unwrap();
                let whole = rendered(&arguments[..12]).unwrap();
                let whole: Value = serde_json::from_str(&whole).unwrap();
                for payload in thread.as_array().unwrap().iter().chain([&whole]) {
                    assert_eq!(Slack::takes(payload), Ok(()), "{arguments:?}");
                    let headline = locale.words().headline(outcome, "A &lt;b&gt; &amp; c", true);
                    let headline = if outcome == Outcome::Doctor || outcome == Outcome::Notice {
                        locale.words().headline(outcome, "", false)
                    } else {
                        headline
                    };
                    let text = payload["text"].as_str().unwrap();
                    // One that waits for a person says that, in the colour of what needs one.
                    let waiting = locale.words().waiting("A &lt;b&gt; &amp; c");
                    let waits = matches!(outcome, Outcome::Running | Outcome::Stalled)
                        && text.contains(&format!("*{waiting}*"));
                    let expected = if waits { ORANGE } else { expected };
                    assert!(waits || text.contains(&format!("*{headline}*")), "{arguments:?}: {text}");
                    // The reply of an end about which there is nothing more to say has no attachment.
                    if !payload["attachments"].is_null() {
                        assert_eq!(colour(payload), expected, "{arguments:?}");
                    }
                }
                let pings = whole["text"].as_str().unwrap().starts_with("<!here> ");
                // Anyone who may publish can cause a notice of an unusable message, so it mentions no person.
                let mentions = outcome.is_trouble() && outcome != Outcome::Notice;
                assert_eq!(pings, mentions, "{arguments:?}: {}", whole["text"]);
            }
        }
    }
}

#[test]
fn what_a_recording_shows_is_told() {
    for (words, headline, expected) in [
        ("--operation processing-16", "is running", BLUE),
        ("--operation successful", "succeeded", GREEN),
        ("--operation failed", "failed", RED),
        ("--operation cancelled", "was cancelled", ORANGE),
        ("--operation processing-16 --attempt 4 --limit 5", "is still running", ORANGE),
    ] {
        let payload: Value = serde_json::from_str(&nightly(words, &[])).unwrap();
        let text = payload["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("*Datastore export {headline}*")), "{words}: {text}");
        assert_eq!(colour(&payload), expected, "{words}");
    }
}

#[test]
fn an_earlier_recording_gives_rate_and_estimate() {
    let said = |words| {
        let payload: Value = serde_json::from_str(&nightly(words, &[])).unwrap();
        texts(&payload).join("\n")
    };
    let alone = said("--operation processing-16 --attempt 16");
    assert!(
        !alone.contains("Rate") && !alone.contains("Expected end") && alone.contains("17 of 60"),
        "{alone}"
    );
    let both = said("--operation processing-16 --previous processing-15 --attempt 16");
    assert!(both.contains("*Rate*\n7,503/s · 41.2 MB/s"), "{both}");
    assert!(both.contains("*Expected end*\n03:27 UTC (in 10 min)"), "{both}");
}

#[test]
fn messages_read_as_they_did() {
    let update = std::env::var_os(UPDATE).is_some_and(|value| value == "1");
    let mut differ = Vec::new();
    for (name, words) in GOLDEN {
        for locale in ["en", "ja"] {
            let file = folder("slack").join(format!("{name}.{locale}.json"));
            let zone = if locale == "ja" { "Asia/Tokyo" } else { "UTC" };
            let now = nightly(words, &["--locale", locale, "--time-zone", zone]) + "\n";
            if update {
                fs::write(&file, &now).unwrap();
            }
            if fs::read_to_string(&file).ok().as_deref() != Some(&now) {
                differ.push(format!("{}: it is now {now}", file.display()));
            }
        }
    }
    let files = fs::read_dir(folder("slack")).unwrap().count();
    assert_eq!(files, GOLDEN.len() * 2, "a file of tests/data/slack belongs to no message");
    assert!(
        differ.is_empty(),
        "if these should read so, run `{UPDATE}=1 cargo test --test opwatch render::` and look at the difference:\n{}",
        differ.join("\n")
    );
}

/// The golden messages have every outcome, in every language, and the thread's.
#[test]
fn slacks_own_client_takes_every_message() {
    let mut files: Vec<_> = fs::read_dir(folder("slack")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let names: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let Some(output) = python::output("slack", &names, &[]) else { return };
    let count: usize = output.trim().parse().unwrap();
    assert!(count >= files.len() && count >= 20, "{count}");
}

#[test]
fn a_page_shows_the_same() {
    let page = nightly("--operation failed --part thread --html --mention S0614TZR7", &["--locale", "ja"]);
    for part in
        ["<!doctype html>", "lang=\"ja\"", "1件の返信", "@S0614TZR7</span>", "--bar: #e01e5a", "<pre>gcloud "]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script"), "{page}");
}

/// With status 64, the reason and what to do, and nothing on standard output.
#[tokio::test]
async fn what_can_not_be_rendered_says_why_and_what_to_give() {
    let scratch = |name: &str, text: &str| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("render-{name}.json"));
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let recording = |name: &str| folder("nightly").join(format!("{name}.json")).to_str().unwrap().to_owned();
    let firestore = folder("operations").join("firestore-processing.json").to_str().unwrap().to_owned();
    let (running, done) = (recording("processing-16"), recording("successful"));
    let (text, list) = (scratch("text", "hello"), scratch("list", r#"{"operations": []}"#));
    let yaml = scratch("yaml", "done: true\nname: projects/p/operations/x\n");
    let nameless = scratch("nameless", "{}");
    let two = scratch("two", r#"[{"name": "projects/p/operations/a"}, {"name": "projects/p/operations/b"}]"#);
    let other = scratch("other", r#"{"name": "projects/p/things/1"}"#);
    let odd = scratch("odd", &format!(r#"{{"name": "projects/p/operations/x", "done": "{}"}}"#, "yes"));
    let gone = scratch("gone", "");
    fs::remove_file(&gone).unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["--operation FILE is missing", "not-started"]),
        (&["--outcome", "failed"], &["--operation FILE is missing"]),
        (&["--outcome", "won"], &["must be one of succeeded, failed"]),
        (
            &["--operation", &gone],
            &["render-gone.json: No such file", "gcloud datastore operations describe"],
        ),
        (
            &["--operation", &text],
            &["render-text.json: Not a JSON object: expected value", "use the JSON of a GET"],
        ),
        (&["--operation", &list], &["render-list.json: the list of operations is empty"]),
        (&["--operation", &yaml], &["render-yaml.json: Not a JSON object: it is YAML.", "--format=json"]),
        (&["--operation", &nameless], &["render-nameless.json: it has no name", "use the JSON of a GET"]),
        (
            &["--operation", &two],
            &[
                "it is a list of 2 operations; choose one with --name NAME:",
                "\n  projects/p/operations/a\n  projects/p/operations/b",
            ],
        ),
        (
            &["--operation", &two, "--name", "c"],
            &["--name: no operation named \"c\" in the list, which has:\n  projects/p/operations/a"],
        ),
        (
            &["--operation", &other],
            &["render-other.json: \"projects/p/things/1\" is not an operation name", "projects/my-project/"],
        ),
        (&["--operation", &odd], &["render-odd.json: ", "use the JSON of a GET"]),
        (
            &["--operation", &running, "--service", "spannr"],
            &["--service: \"spannr\" is not a service (`opwatch services` lists them)"],
        ),
        (&["--operation", &running, "--service", "firestore"], &["is not an operation name", "databases"]),
        (
            &["--operation", &running, "--previous", &firestore],
            &["--previous: the file has ", "an earlier recording of the same"],
        ),
        (&["--operation", &running, "--previous", &done], &["--previous: the operation had already ended"]),
        (
            &["--operation", &running, "--attempt", "60"],
            &["--attempt 60: with --limit 60", "between 0 and 59"],
        ),
        (
            &["--operation", &running, "--outcome", "stalled", "--limit", "5"],
            &["--attempt 10: with --limit 5"],
        ),
        (&["--operation", &running, "--limit", "0"], &["--"]),
        (&["--operation", &running, "--interval", "0"], &["--interval: "]),
        (&["--operation", &running, "--locale", "fr"], &["--locale: ", "en, ja"]),
        (&["--operation", &running, "--time-zone", "Mars"], &["--time-zone: "]),
        (&["--operation", &running, "--mention", "@jane"], &["--mention: ", "U024BE7LH"]),
        (
            &["--operation", &running, "--mention-on", "success"],
            &["--mention-on: ", "failure, always, never"],
        ),
    ];
    for (arguments, parts) in cases {
        let (status, output, errors) = outcome(&[&["render"], *arguments].concat(), &[]).await;
        assert_eq!((status, output.as_str()), (Some(64), ""), "{arguments:?}: {errors}");
        for part in *parts {
            assert!(errors.contains(part), "{arguments:?} should say {part:?}: {errors}");
        }
    }
    for file in [text, list, yaml, nameless, two, other, odd] {
        fs::remove_file(file).unwrap();
    }
}

#[tokio::test]
async fn the_command_prints_it() {
    let file = folder("nightly").join("successful.json");
    let arguments = ["render", "--operation", file.to_str().unwrap()];
    let (status, output, errors) = outcome(&arguments, &[]).await;
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    assert_eq!(output, nightly("--operation successful", &[]) + "\n");
}

/// As gcloud and as the API list operations, and as PowerShell's editors save a file.
#[tokio::test]
async fn of_a_list_it_says_which_operation_it_takes() {
    let read = |name: &str| fs::read_to_string(folder("nightly").join(format!("{name}.json"))).unwrap();
    let (running, done) = (read("processing-16"), read("successful"));
    let name = serde_json::from_str::<Value>(&running).unwrap()["name"].as_str().unwrap().to_owned();
    let other = done.replace(&name, "projects/p/operations/other");
    let last = name.rsplit('/').next().unwrap();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("render-lists.json");
    let path = file.to_str().unwrap();
    for (text, arguments) in [
        (format!("[{running}]"), vec![]),
        (format!(r#"{{"operations": [{running}]}}"#), vec![]),
        (format!("\u{feff}[{running}]"), vec![]),
        (format!("[{other},{running}]"), vec!["--name", &name]),
        (format!("[{other},{running}]"), vec!["--name", last]),
    ] {
        fs::write(&file, text).unwrap();
        let (status, output, errors) =
            outcome(&[&["render", "--operation", path], &arguments[..]].concat(), &[]).await;
        assert_eq!(status, Some(0), "{errors}");
        assert_eq!(errors, format!("opwatch: {path} is a list: using {name}\n"));
        assert_eq!(output, nightly("--operation processing-16", &[]) + "\n");
    }
    fs::write(&file, format!("\u{feff}{running}")).unwrap();
    assert_eq!(outcome(&["render", "--operation", path], &[]).await.2, "", "no list");
    let utf16: Vec<u8> = format!("\u{feff}{running}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&file, utf16).unwrap();
    let (status, _, errors) = outcome(&["render", "--operation", path], &[]).await;
    assert!(status == Some(64) && errors.contains("the text is UTF-16LE, not UTF-8."), "{errors}");
    fs::remove_file(file).unwrap();
}

/// What a recorded Firestore operation is said to be, in a language.
async fn firestore(kind: &str, documents: &str, locale: &str) -> String {
    let answer = serde_json::json!({
        "name": "projects/p/databases/(default)/operations/x",
        "done": true,
        "metadata": {
            "@type": format!("type.googleapis.com/google.firestore.admin.v1.{kind}Metadata"),
            "startTime": "2026-11-23T09:00:00.9Z", "endTime": "2026-11-23T09:10:00.1Z", "operationState": "SUCCESSFUL",
            "progressDocuments": {"completedWork": documents, "estimatedWork": documents},
        },
        "response": {"outputUriPrefix": "gs://my-backups/2026-11-23"},
    });
    let file =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("render-{kind}-{documents}-{locale}.json"));
    fs::write(&file, answer.to_string()).unwrap();
    let arguments = ["render", "--operation", file.to_str().unwrap(), "--locale", locale];
    let (status, output, errors) = outcome(&arguments, &[]).await;
    assert_eq!(status, Some(0), "{errors}");
    fs::remove_file(file).unwrap();
    output
}

#[tokio::test]
async fn an_export_of_firestore_is_a_folder_and_its_duration_is_that_of_the_times_shown() {
    let text = firestore("ExportDocuments", "5", "en").await;
    assert!(text.contains("*Output folder*") && !text.contains("Output file"), "{text}");
    assert!(text.contains("*Duration*\\n10 min\""), "{text}");
    assert!(firestore("ExportDocuments", "5", "ja").await.contains("*バックアップフォルダ*"));
}

#[tokio::test]
async fn only_what_copies_entities_is_suspicious_without_any() {
    for (kind, warns) in [
        ("ExportDocuments", true),
        ("ImportDocuments", true),
        ("IndexOperation", false),
        ("FieldOperation", false),
        ("BulkDeleteDocuments", false),
        ("RestoreDatabase", false),
    ] {
        assert_eq!(firestore(kind, "0", "en").await.contains("0 entities. Check that"), warns, "{kind}");
    }
}
