//! How many instructions the steps of a push take, by valgrind: a time would depend on the machine and on what else it does.
//! The figures stand in `tests/data/instructions.json`, for a plain test build and for the optimised one of `tests/run`;
//! `OPWATCH_KEEP_INSTRUCTIONS=1 cargo test --test opwatch instructions`, with and without `--profile suite`, writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps;

/// How far a count may be from what is kept.
const BAND: f64 = 0.10;
const BUILD: &str = if cfg!(debug_assertions) { "dev" } else { "suite" };
/// Tells the run under valgrind, and is where the two functions below are counted.
const COUNTED: &str = "OPWATCH_COUNTED";

#[inline(never)]
fn counted_goes_on(push: &[u8]) -> usize {
    steps::whole(push, false)
}

#[inline(never)]
fn counted_ends(push: &[u8]) -> usize {
    steps::whole(push, true)
}

#[test]
fn a_push_takes_no_more_instructions_than_it_did() {
    let push = steps::push();
    if std::env::var_os(COUNTED).is_some() {
        // Whatever is made once is made before.
        assert!(steps::whole(&push, false) > 0 && steps::whole(&push, true) > 0);
        assert!(counted_goes_on(&push) > 0 && counted_ends(&push) > 0);
        return;
    }
    if std::env::var("OPWATCH_SKIP_VALGRIND").is_ok_and(|value| value == "1") {
        return;
    }
    let counts: BTreeMap<String, u64> =
        ["goes_on", "ends"].map(|what| (what.to_owned(), count(what))).into_iter().collect();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/instructions.json");
    let mut builds: BTreeMap<String, BTreeMap<String, u64>> =
        serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    if std::env::var_os("OPWATCH_KEEP_INSTRUCTIONS").is_some() {
        builds.insert(BUILD.to_owned(), counts.clone());
        std::fs::write(&kept, serde_json::to_string_pretty(&builds).unwrap() + "\n").unwrap();
    }
    let kept = &builds[BUILD];
    assert_eq!(kept.keys().collect::<Vec<_>>(), counts.keys().collect::<Vec<_>>());
    for (what, count) in &counts {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let change = *count as f64 / kept[what] as f64 - 1.0;
        assert!(
            change.abs() <= BAND,
            "{what}: {count} instructions, {:+.1} % of the {} kept; if that is meant: \
             OPWATCH_KEEP_INSTRUCTIONS=1 cargo test --test opwatch instructions",
            change * 100.0,
            kept[what]
        );
    }
}

/// Counts the instructions inside one of the functions above.
fn count(what: &str) -> u64 {
    let scratch =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{what}.{}", std::process::id()));
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect=*instructions::counted_{what}*"))
        .arg(format!("--callgrind-out-file={}", scratch.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "instructions::a_push_takes_no_more_instructions_than_it_did", "--test-threads=1"])
        .env(COUNTED, "1")
        .output()
        .expect("valgrind must be installed (tests/run does it), or OPWATCH_SKIP_VALGRIND=1 be set");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{said}");
    let counted = std::fs::read_to_string(&scratch).unwrap();
    std::fs::remove_file(scratch).unwrap();
    let total = counted.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.filter(|count| *count > 0).unwrap_or_else(|| panic!("nothing was counted: {said}"))
}
