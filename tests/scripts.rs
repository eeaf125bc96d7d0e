//! The scripts of `tests/`, `benches/` and `.ci/`: what they do not take they say before they install, build or remove
//! anything. They run as copies, on stand-ins for what they call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, process};

const SCRIPTS: [&str; 8] = [
    ".ci/advisories",
    ".ci/run",
    "benches/profile",
    "benches/run",
    "tests/fuzz",
    "tests/mutants",
    "tests/nightly",
    "tests/run",
];

#[test]
fn help_is_the_comment_at_the_top() {
    let copy = Copy::new("help");
    for script in SCRIPTS {
        for word in ["-h", "--help"] {
            let (code, text) = copy.run(script, &[word]);
            assert_eq!(code, Some(0), "{script}: {text}");
            assert!(text.contains(&format!("usage: {script}")) && !text.contains('#'), "{text}");
        }
    }
    let ran = Command::new("./nightly").arg("--help").current_dir(copy.0.join("tests")).output().unwrap();
    assert!(String::from_utf8(ran.stdout).unwrap().contains("usage: tests/nightly"));
    assert_eq!(copy.calls(), "");
}

#[test]
fn a_wrong_argument_is_refused_before_anything_is_done() {
    let copy = Copy::new("wrong");
    for (script, arguments, said) in [
        (".ci/advisories", &["all"] as &[_], "it takes no arguments"),
        (".ci/run", &["all"], "it takes no arguments"),
        ("benches/profile", &["many"], "and not: many"),
        ("benches/profile", &["0"], "and not: 0"),
        ("benches/profile", &[""], "the number of pushes"),
        ("tests/fuzz", &["abc"], "and not: abc"),
        ("tests/fuzz", &["0"], "and not: 0"),
        ("tests/fuzz", &["60", "jwt", "jot"], "no target is called jot; there are answers envelope jwt"),
        ("tests/fuzz", &["--keep", "."], "no target is called ."),
        ("tests/mutants", &["--list"], "does not begin with -: --list"),
        ("tests/nightly", &["fuzz", "soap"], "no part is called soap"),
        ("tests/nightly", &["fuzz", "soak=1h"], "soak=1h: the size must be a number"),
        ("tests/nightly", &["simulator=0"], "simulator=0: the size must be a number"),
        ("tests/nightly", &["fuzz", "mutation=--list"], "mutation=--list: the size must be all, or"),
        ("tests/nightly", &["mutation="], "mutation=: the size must be all, or"),
    ] {
        let (code, text) = copy.run(script, arguments);
        assert_eq!(code, Some(64), "{script} {arguments:?}: {text}");
        assert!(text.contains(said) && text.contains(&format!("usage: {script}")), "{text}");
    }
    assert_eq!(copy.calls(), "");
}

#[test]
fn a_few_seconds_of_fuzzing_end() {
    let copy = Copy::new("fuzz");
    let (code, text) = copy.run("tests/fuzz", &["5"]);
    assert_eq!(code, Some(0), "{text}");
    let calls = copy.calls();
    let times: Vec<_> = calls.split("-max_total_time=").skip(1).map(|rest| &rest[..2]).collect();
    assert_eq!(times, ["1 "; 7], "{calls}");
}

#[test]
fn a_pattern_that_matches_no_code_is_no_success() {
    let copy = Copy::new("mutants");
    fs::create_dir_all(copy.0.join("target/mutants")).unwrap();
    let (code, text) = copy.run("tests/mutants", &["src/nothing/**"]);
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("no code that can be changed is in files like src/nothing/**"), "{text}");
    assert_eq!(copy.calls(), "cargo mutants --list --file src/nothing/**\n");
    assert!(copy.0.join("target/mutants").exists());
}

#[test]
fn shellcheck_finds_nothing() {
    let found = Command::new("shellcheck").arg("--version").output();
    assert!(found.is_ok(), "shellcheck is missing: tests/run installs it");
    let folders = [".ci", "benches", "deploy", "deploy/lib", "docs", "tests"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let mut scripts: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| {
        let text = fs::read(path).unwrap_or_default();
        [b"#!/usr/bin/env bash\n" as &[u8], b"# shellcheck shell=bash"]
            .iter()
            .any(|head| text.starts_with(head))
    });
    assert!(scripts.len() >= 17, "{scripts:?}");
    let checked = Command::new("shellcheck").current_dir(root()).args(scripts).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const STAND_INS: &str = r#"for tool; do
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n' "$tool" "$PWD/calls" >"bin/$tool"
    chmod +x "bin/$tool"
done"#;

/// A folder with the scripts alone, and in `bin` stand-ins that note how they are called.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Self {
        let copy = Self(env::temp_dir().join(format!("opwatch-scripts-{}-{name}", process::id())));
        fs::create_dir_all(copy.0.join("bin")).unwrap();
        // Written by other processes: what this one has open for writing, a child of another test may hold on to, and
        // then it can't be run.
        let mut copied = Command::new("cp");
        copied.current_dir(root()).arg("--parents").args(SCRIPTS).arg("tests/lib.sh").arg(&copy.0);
        let mut made = Command::new("sh");
        made.current_dir(&copy.0).args(["-ec", STAND_INS, "sh"]);
        made.args(["apt-get", "cargo", "cargo-fuzz", "cargo-mutants", "cargo-nextest", "g++", "git"]);
        assert!(copied.status().unwrap().success() && made.status().unwrap().success());
        copy
    }

    /// Its status and all that it wrote.
    fn run(&self, script: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let path = format!("{}:{}", self.0.join("bin").display(), env::var("PATH").unwrap());
        let mut command = Command::new(self.0.join(script));
        let Output { status, stdout, stderr } = command.args(arguments).env("PATH", path).output().unwrap();
        (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.0.join("calls")).unwrap_or_default()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
