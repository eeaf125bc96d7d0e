//! The commands of a person's terminal: several files at once, and readers that have seen enough.

use std::fs;
use std::io::pipe;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn opwatch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
    command.env_clear();
    command
}

fn scratch(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("commands-{}-{name}", std::process::id()));
    fs::write(&file, text).unwrap();
    file
}

fn validate(files: &[&Path]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = opwatch().arg("validate").args(files).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn start(service: &str, path: &str, body: &Value) -> String {
    json!({"start": {"service": service, "path": path, "body": body}}).to_string()
}

#[test]
fn several_files_are_validated_and_the_status_is_that_of_the_worst() {
    let good =
        scratch("good.json", start("datastore", "projects/p:export", &json!({"outputUrlPrefix": "gs://b"})));
    let bad = scratch("bad.json", r#"{"nmae": "x"}"#);
    let missing = Path::new("/no/such/file");
    let name = |file: &Path| file.to_str().unwrap().to_owned();
    let (code, out, err) = validate(&[&good, &good]);
    let line = format!("{}: starts datastore:export on projects/p\n", name(&good));
    assert_eq!((code, out, err.as_str()), (Some(0), line.repeat(2), ""));
    let (code, out, err) = validate(&[&bad, &good]);
    assert_eq!((code, out), (Some(64), line.clone()));
    assert!(
        err.starts_with(&format!("opwatch: {}: nmae: ", name(&bad))) && err.lines().count() == 1,
        "{err}"
    );
    let (code, out, err) = validate(&[missing, &bad, &good]);
    assert_eq!((code, out, err.lines().count()), (Some(1), line, 2));
    assert!(err.contains("opwatch: /no/such/file: No such file"), "{err}");
    assert_eq!(validate(&[]).0, Some(64), "a file must be named");
    for file in [good, bad] {
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn frequent_slips_are_found_before_the_first_run() {
    let (export, database) = ("projects/p:export", "projects/p/databases/(default):exportDocuments");
    let datastore = |mut more: Value| {
        more.as_object_mut().unwrap().entry("outputUrlPrefix").or_insert(json!("gs://b"));
        start("datastore", export, &more)
    };
    let firestore = |more: Value| {
        let mut body = json!({"outputUriPrefix": "gs://b"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        start("firestore", database, &body)
    };
    let default = start(
        "firestore",
        "projects/p/databases/default:exportDocuments",
        &json!({"outputUriPrefix": "gs://b"}),
    );
    let watched =
        json!({"service": "firestore", "name": "projects/p/databases/default/operations/x"}).to_string();
    let list = "Must be a list of strings, such as [\"Shop\"].";
    let label = "have at most 63 lowercase letters, digits, - and _";
    for (message, code, said) in [
        (default, 0, "warning: start.path: Names a database with the ID \"default\"."),
        (watched, 0, "warning: name: Names a database with the ID \"default\"."),
        (datastore(json!({"outputUrlPrefix": "b"})), 64, "start.body.outputUrlPrefix: Must be gs://BUCKET"),
        (firestore(json!({"outputUrlPrefix": "gs://b"})), 64, "Use outputUriPrefix instead."),
        (start("datastore", export, &json!({})), 0, "warning: start.body.outputUrlPrefix: Missing."),
        (firestore(json!({"collectionIds": "Shop"})), 64, list),
        (
            firestore(json!({"namespaceIds": ["a", 7]})),
            64,
            "start.body.namespaceIds: Must be a list of strings",
        ),
        (datastore(json!({"entityFilter": {"kinds": "Shop"}})), 64, list),
        (datastore(json!({"labels": {"Team": "a"}})), 64, label),
        (datastore(json!({"labels": {"team": "A b"}})), 64, label),
        (datastore(json!({"labels": {"team": 7}})), 64, label),
        (
            datastore(json!({"newer": 1})),
            0,
            "warning: start.body.newer: datastore:export does not have this field.",
        ),
        (firestore(json!({"labels": {"a": "b"}})), 0, "firestore:exportDocuments does not have this field."),
        (r#"{"name": "a", "name": "b"}"#.to_owned(), 64, "name: Appears twice"),
        ("{'test': True}".to_owned(), 64, "it is a Python dict"),
        ("start:\n  service: x\n".to_owned(), 64, "it is YAML."),
    ] {
        let file = scratch("slip.json", &message);
        let (found, out, err) = validate(&[&file]);
        assert_eq!(found, Some(code), "{message}: {err}");
        assert!(err.contains(said), "{message} should say {said:?}: {err}");
        assert_eq!(out.is_empty(), code != 0, "{message}: {out}");
        fs::remove_file(file).unwrap();
    }
    let accepted = datastore(
        json!({"entityFilter": {"kinds": ["Shop"], "namespaceIds": [""]}, "labels": {"team-a": "x_1"}}),
    );
    let file = scratch("fine.json", accepted);
    assert_eq!(validate(&[&file]).2, "");
    fs::remove_file(file).unwrap();
}

const COMMANDS: [&str; 15] = [
    "serve",
    "wait",
    "list",
    "start",
    "watch",
    "check",
    "doctor",
    "history",
    "services",
    "schema",
    "validate",
    "render",
    "demo",
    "completions",
    "man",
];

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let Output { status, stdout, stderr } = opwatch().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(stdout).unwrap();
        assert!(status.success() && stderr.is_empty(), "{shell}");
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("check-interval"), "{shell}");
    }
    let unknown = opwatch().args(["completions", "tcsh"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(64));
}

#[test]
fn bash_completes_commands_and_options() {
    let script = scratch("bash", opwatch().args(["completions", "bash"]).output().unwrap().stdout);
    for (words, completed) in [("opwatch val", "validate"), ("opwatch serve --check-l", "--check-limit")] {
        let complete = r#"source "$1"; COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _opwatch opwatch "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"; echo "${COMPREPLY[*]}""#;
        let mut bash = Command::new("bash");
        let output = bash.args(["-ec", complete, "bash"]).arg(&script).arg(words).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), completed, "{output:?}");
    }
    fs::remove_file(script).unwrap();
}

#[test]
fn man_pages_have_every_command_and_setting_and_no_values() {
    let page = |arguments: &[&str]| {
        let mut command = opwatch();
        command.arg("man").args(arguments).env("SLACK_BOT_TOKEN", "xoxb-canary").env("TITLE", "canary");
        let Output { status, stdout, stderr } = command.output().unwrap();
        assert!(stderr.is_empty() == status.success(), "{arguments:?}");
        // A dash is \\- in roff.
        let text = String::from_utf8(stdout).unwrap().replace('\\', "");
        assert!(!text.contains("canary"), "{text}");
        (status.code(), text)
    };
    let (code, whole) = page(&[]);
    assert_eq!(code, Some(0));
    assert!(whole.contains(".TH opwatch 1"), "{whole}");
    for command in COMMANDS {
        assert!(whole.contains(&format!("opwatch-{command}(1)")), "{command}: {whole}");
        assert!(page(&[command]).1.contains(&format!(".TH opwatch-{command} 1")), "{command}");
    }
    let (_, serve) = page(&["serve"]);
    for setting in ["--check-limit", "CHECK_LIMIT", "--slack-bot-token", "SLACK_BOT_TOKEN"] {
        assert!(serve.contains(setting), "{setting}: {serve}");
    }
    assert_eq!(page(&["sing"]).0, Some(64));
}

/// As `opwatch … | head` does, which closes its end before all is written.
#[test]
fn a_reader_that_has_seen_enough_is_no_reason_to_panic() {
    let good = scratch("piped.json", r#"{"test": true}"#);
    let name = "projects/p/operations/x";
    let nowhere = ["--endpoints", "datastore=http://127.0.0.1:9", "--access-token", "x"];
    let good = good.to_str().unwrap();
    for arguments in [
        vec!["validate", good],
        vec!["render", "--outcome", "test"],
        [&["check", name], &nowhere[..]].concat(),
        vec!["doctor"],
        vec!["history", "--ledger-kind", "Run"],
        vec!["demo", "--outcome", "not-started"],
        vec![
            "wait",
            name,
            "--endpoints",
            "operations=http://127.0.0.1:9",
            "--access-token",
            "x",
            "--timeout",
            "1s",
        ],
        vec!["completions", "bash"],
        vec!["man", "serve"],
        vec!["--help"],
        vec!["serve"],
    ] {
        for closes_errors in [false, true] {
            let (reader, writer) = pipe().unwrap();
            drop(reader);
            let errors = if closes_errors { writer.try_clone().unwrap().into() } else { Stdio::piped() };
            let output = opwatch().args(&arguments).stdout(writer).stderr(errors).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
            let code = output.status.code().unwrap();
            assert!([0, 1, 64, 124].contains(&code), "{arguments:?}: {code}");
        }
    }
    fs::remove_file(good).unwrap();
}
