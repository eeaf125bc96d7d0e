//! Many seeds, each a world of faults of its own.

use std::collections::BTreeSet;

use super::engine::plan::Plan;
use super::engine::run::run;

/// As many as run in less than a minute in a debug build; `cargo run --release --example simulate` runs more of more.
const SEEDS: u64 = 200;
const WATCHES: usize = 12;

#[test]
fn every_promise_holds_in_two_hundred_worlds() {
    let mut failed = Vec::new();
    let mut checks = 0;
    for seed in 0..SEEDS {
        let summary = run(Plan::of_seed(seed, WATCHES, &BTreeSet::new()));
        checks += summary.figures.get("checks").copied().unwrap_or(0);
        failed.extend(summary.violation.map(|violation| format!("seed {seed}: {violation}")));
    }
    assert_eq!(failed, Vec::<String>::new());
    assert!(checks > 5_000, "{checks}");
}

#[test]
fn a_seed_is_the_same_twice() {
    for seed in [1, 77, 4_711] {
        let hash = || run(Plan::of_seed(seed, WATCHES, &BTreeSet::new())).hash;
        assert_eq!(hash(), hash(), "seed {seed}");
    }
}
