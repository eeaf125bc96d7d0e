//! The commands of the documentation, run as they stand: `opwatch` and `cargo run` are the real thing, what needs an account
//! is a stand-in, and a script must exist and know its options.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, process};

use super::page::{Block, Page, root};
use super::pages;

/// Accepts its arguments and does what the block goes on with.
const GCLOUD: &str = r#"#!/bin/sh
case "$*" in
    *" --async "*) echo 1b2c3d4e-0000 ;;
    *" describe "*) cat "$ROOT/tests/data/nightly/failed.json" ;;
esac
"#;

/// `cargo run -- …` is the binary; a test's filter must match a test.
const CARGO: &str = r#"#!/usr/bin/env bash
set -eu
case "$1" in
    run) shift; [[ $1 == -- ]] || exit 0; shift; exec opwatch "$@" ;;
    test) filter=${*: -1}; "$TESTS" --list "$filter" | grep -q ': test$' || { echo "no test is called $filter"; exit 1; } ;;
    *) echo "cargo $*: unknown to the test of the documentation"; exit 1 ;;
esac
"#;

/// 64 is a command that can't be used as it is written; anything else is for want of a cloud.
const OPWATCH: &str = r#"#!/bin/sh
case "$1" in
    wait | start) timeout --signal INT 0.2 "$BINARY" "$@" ;;
    *) "$BINARY" "$@" ;;
esac
status=$?
case "$1" in
    wait | start) [ "$status" != 124 ] || status=0 ;;
    check | doctor | history | list | watch) [ "$status" != 1 ] || status=0 ;;
esac
exit "$status"
"#;

/// A script of the repository: it exists, and its help has the options.
const SCRIPT: &str = r#"#!/usr/bin/env bash
set -eu
script=${0#"$PWD/"}
help=$("$ROOT/$script" --help)
for word; do
    [[ $word != --* || $word == --help || $help == *"$word"* ]] || { echo "$script does not know $word"; exit 1; }
done
if [[ $script == deploy/schedule ]]; then
    opwatch validate --schedule "$3" >/dev/null
fi
"#;

/// An empty folder with the files that the commands read and stand-ins for those that they call.
struct Sandbox(PathBuf);

impl Sandbox {
    fn new(name: &str) -> Self {
        let sandbox = Self(env::temp_dir().join(format!("opwatch-docs-{}-{name}", process::id())));
        fs::create_dir_all(sandbox.0.join("bin")).unwrap();
        for (name, script) in [
            ("bin/gcloud", GCLOUD),
            ("bin/cargo", CARGO),
            ("bin/opwatch", OPWATCH),
            ("bin/edit", "#!/bin/sh\ntest -f \"$1\"\n"),
        ] {
            sandbox.script(name, script);
        }
        for folder in ["deploy", "tests", "benches", ".ci", "docs"] {
            fs::create_dir_all(sandbox.0.join(folder)).unwrap();
            for entry in fs::read_dir(root().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let is_script = fs::read(&path).is_ok_and(|text| text.starts_with(b"#!"));
                if is_script {
                    sandbox.script(path.strip_prefix(root()).unwrap().to_str().unwrap(), SCRIPT);
                }
            }
        }
        sandbox.copy("deploy/settings.env.example");
        fs::create_dir_all(sandbox.0.join("deploy/kickoffs")).unwrap();
        for entry in fs::read_dir(root().join("deploy/kickoffs")).unwrap() {
            sandbox.copy(entry.unwrap().path().strip_prefix(root()).unwrap().to_str().unwrap());
        }
        fs::write(sandbox.0.join("kickoff.json"), r#"{"test": true}"#).unwrap();
        sandbox
    }

    fn copy(&self, file: &str) {
        fs::copy(root().join(file), self.0.join(file)).unwrap();
    }

    /// Written by another process: what this one has open for writing, a child of another test may hold on to, and then it
    /// can't be run.
    fn script(&self, name: &str, text: &str) {
        let file = self.0.join(name);
        let mut made = Command::new("sh");
        made.args(["-ec", r#"printf '%s' "$2" >"$1" && chmod +x "$1""#, "sh"]).arg(&file).arg(text);
        assert!(made.status().unwrap().success(), "{name}");
    }

    /// Runs `code`; nothing when it succeeds.
    fn run(&self, code: &str) -> Option<String> {
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", code]).current_dir(&self.0).env_clear();
        bash.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.0.join("bin").display()));
        bash.env("HOME", &self.0).env("EDITOR", "edit").env("ROOT", root());
        bash.env("BINARY", env!("CARGO_BIN_EXE_opwatch")).env("TESTS", env::current_exe().unwrap());
        // Nothing listens there, and no token is looked for.
        bash.env(
            "ENDPOINTS",
            ["operations", "datastore", "firestore", "cloudtasks", "pubsub", "slack", "ledger"]
                .map(|api| format!("{api}=http://127.0.0.1:9"))
                .join(","),
        );
        bash.env("ACCESS_TOKEN", "x");
        let Output { status, stdout, stderr } = bash.output().unwrap();
        let said = || String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        (!status.success()).then(said)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn blocks(language: &str) -> Vec<(PathBuf, Block)> {
    let blocks = pages().into_iter().flat_map(|page: Page| {
        let blocks = page.blocks();
        blocks.into_iter().map(move |block| (page.path.clone(), block))
    });
    blocks.filter(|(_, block)| block.language == language).collect()
}

#[test]
fn commands_in_blocks_run() {
    let sandbox = Sandbox::new("blocks");
    let blocks = blocks("sh");
    assert!(blocks.len() >= 10, "{}", blocks.len());
    for (page, Block { code, .. }) in blocks {
        if let Some(error) = sandbox.run(&code) {
            panic!("{}: this does not run:\n{code}{error}", page.display());
        }
    }
}

/// As in tables and sentences: `cargo test …`, `deploy/up --dry-run`, `tests/fuzz 60`.
#[test]
fn commands_in_sentences_run() {
    let sandbox = Sandbox::new("sentences");
    let pages = pages();
    let commands = pages.iter().filter(|page| page.path != Path::new("CHANGELOG.md")).flat_map(Page::spans);
    let scripts = ["deploy/", "tests/", "benches/", ".ci/"];
    let is_command = |span: &&str| {
        let (first, rest) = span.split_once(' ').unwrap_or((span, ""));
        let script = scripts.iter().any(|folder| first.starts_with(folder)) && rest.starts_with("--");
        script || span.starts_with("cargo test ")
    };
    let commands: BTreeSet<&str> = commands.filter(is_command).collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands {
        assert_eq!(sandbox.run(command), None, "{command}");
    }
}

#[test]
fn a_command_that_can_not_run_is_noticed() {
    let sandbox = Sandbox::new("bad");
    for bad in [
        "cargo run -- demo --outcome sideways",
        "opwatch check projects/my-project/operations/x --jsn",
        "opwatch check not-a-name",
        "deploy/up --dry-rnu",
        "deploy/upp",
        "cargo test --test opwatch no_test_has_this_name",
        "deploy/schedule nightly '0 3 * * *' missing.json",
        "$EDITOR missing.json",
    ] {
        assert!(sandbox.run(bad).is_some(), "{bad}");
    }
}

#[test]
fn examples_of_messages_are_valid() {
    let sandbox = Sandbox::new("messages");
    let blocks = blocks("json");
    assert!(blocks.len() >= 6, "{}", blocks.len());
    for (page, Block { code, .. }) in blocks {
        fs::write(sandbox.0.join("message.json"), &code).unwrap();
        let error = sandbox.run("opwatch validate message.json");
        assert_eq!(error, None, "{}: {code}", page.display());
    }
}
