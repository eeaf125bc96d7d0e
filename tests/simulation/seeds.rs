//! Many seeds, each a world of faults of its own.

use std::collections::BTreeSet;

use super::engine::plan::Plan;
use super::engine::run::run;

/// As many as run in less than a minute in a debug build; `cargo run --release --example simulate` runs more of more.
const SEEDS: u64 = 200;
pub(super) const WATCHES: usize = 12;

#[test]
fn every_promise_holds_in_two_hundred_worlds() {
    let (mut failed, mut checks, mut watches, mut faults) = (Vec::new(), 0, 0, 0);
    for seed in 0..SEEDS {
        let summary = run(Plan::of_seed(seed, WATCHES, &BTreeSet::new()));
        checks += summary.figures.get("checks").copied().unwrap_or(0);
        watches += summary.watches;
        faults += summary.injected.values().sum::<u64>();
        failed.extend(summary.violation.map(|violation| format!("seed {}: {violation}", summary.seed)));
    }
    println!(
        "{SEEDS} seeds, {watches} watches, {checks} checks, {faults} faults injected, {} violations",
        failed.len()
    );
    assert_eq!(failed, Vec::<String>::new());
    assert!(checks > 20_000 && faults > 10_000, "{checks} checks, {faults} faults: too few to show anything");
}

/// Seeds that showed a fault of opwatch's, each mended since.
const REGRESSIONS: &[(u64, &str)] = &[
    (113, "a slow container clock made a report come again at once, inside Slack's Retry-After"),
    (152, "the same"),
    (219, "the same, from an instance that was told to be quiet"),
    (307, "the same"),
    (1_556, "of two answers with Retry-After at once the shorter one held"),
    (423, "a late copy of a kickoff that had adopted another's operation started a second one after its end"),
];

#[test]
fn seeds_that_failed_once_pass() {
    for (seed, fault) in REGRESSIONS {
        let violation = run(Plan::of_seed(*seed, WATCHES, &BTreeSet::new())).violation;
        assert_eq!(violation, None, "seed {seed}: {fault}");
    }
}

#[test]
fn a_seed_is_the_same_twice() {
    for seed in [1, 77, 4_711] {
        let hash = || run(Plan::of_seed(seed, WATCHES, &BTreeSet::new())).hash;
        assert_eq!(hash(), hash(), "seed {seed}");
    }
}
