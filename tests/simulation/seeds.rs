//! Many seeds, each a world of faults of its own.

use std::collections::{BTreeMap, BTreeSet};

use opwatch::policy::Limits;

use super::engine::boundary::Boundary;
use super::engine::plan::{
    Access, FAULTS, Fault, HOUR, LEDGER_FAULTS, Plan, SIGNAL_FAULTS, SURROUNDING_FAULTS,
};
use super::engine::run::{on_all_cores, run};

/// `cargo run --release --example simulate -- --seeds 10000` runs more.
const SEEDS: u64 = 200;
/// As many as run in about a minute; `tests/nightly simulator` has 200.
const WATCHES: usize = if cfg!(debug_assertions) { 4 } else { 20 };
/// Of a seed that is kept, or run twice.
const FEW: usize = 12;

#[test]
fn every_promise_holds_in_two_hundred_worlds() {
    let (mut failed, mut pushes, mut watches) = (Vec::new(), 0, 0);
    let (mut faults, mut figures) = (BTreeMap::new(), BTreeMap::new());
    on_all_cores(
        0..SEEDS,
        |seed| run(Plan::of_seed(seed, WATCHES, &BTreeSet::new())),
        |summary| {
            pushes += summary.pushes;
            watches += summary.watches;
            summary.injected.iter().for_each(|(fault, count)| *faults.entry(*fault).or_insert(0) += count);
            summary.figures.iter().for_each(|(what, count)| *figures.entry(*what).or_insert(0) += count);
            failed.extend(summary.violation.map(|violation| format!("seed {}: {violation}", summary.seed)));
        },
    );
    println!("{SEEDS} seeds, {watches} watches, {pushes} pushes, {} violations", failed.len());
    println!("faults injected: {faults:?}");
    println!("counted: {figures:?}");
    assert_eq!(failed, Vec::<String>::new());
    let unseen = [
        "starts refused for their path",
        "nights refused for their path",
        "nights that started",
        "starts that no fault touched",
        "watches that no fault touched",
        "handled by version 0.1",
        "refused by a limit",
        "limits that were reached",
        "pushes of strangers",
    ]
    .into_iter()
    .filter(|what| figures.get(what).is_none_or(|count| *count < WATCHES as u64));
    assert_eq!(unseen.collect::<Vec<_>>(), Vec::<&str>::new(), "{figures:?}: too few to show anything");
    let enough = (WATCHES as u64 / 10).max(1);
    let kinds = FAULTS.iter().chain(LEDGER_FAULTS).chain(SURROUNDING_FAULTS);
    let rare = kinds.filter(|fault| faults.get(*fault).is_none_or(|count| *count < enough));
    assert_eq!(rare.collect::<Vec<_>>(), Vec::<&Fault>::new(), "{faults:?}: too few to show anything");
    assert!(pushes > 2_000 * WATCHES as u64, "{pushes} pushes: too few to show anything");
}

/// Of a world with signals.
const SIGNALLED: usize = 4;

#[test]
fn every_promise_holds_with_signals() {
    let (mut failed, mut faults, mut signals) = (Vec::new(), BTreeMap::new(), 0);
    on_all_cores(
        0..SEEDS,
        |seed| run(Plan::of_seed_with_signals(seed, SIGNALLED)),
        |summary| {
            summary.injected.iter().for_each(|(fault, count)| *faults.entry(*fault).or_insert(0) += count);
            signals += summary.figures.get("signals").unwrap_or(&0);
            failed.extend(summary.violation.map(|violation| format!("seed {}: {violation}", summary.seed)));
        },
    );
    println!("{SEEDS} seeds, {signals} signals, {} violations; faults injected: {faults:?}", failed.len());
    assert_eq!(failed, Vec::<String>::new());
    assert!(SIGNAL_FAULTS.iter().all(|fault| faults.contains_key(fault)), "{faults:?}");
    assert!(signals > 300, "{signals} signals: too few to show anything");
}

/// Seeds, each with its watches, that showed a fault of opwatch's, mended since. The worlds of the first six have grown more
/// faults since then. They are run without a ledger, an internal topic and
/// placeholders, as they were.
const REGRESSIONS: &[(u64, usize, &str)] = &[
    (113, FEW, "a slow container clock made a report come again at once, inside Slack's Retry-After"),
    (152, FEW, "the same"),
    (219, FEW, "the same, from an instance that was told to be quiet"),
    (307, FEW, "the same"),
    (1_556, FEW, "of two answers with Retry-After at once the shorter one held"),
    (
        423,
        FEW,
        "a late copy of a kickoff that had adopted another's operation started a second one after its end",
    ),
    (142, FEW, "a task that was asked for again without having been sent before counted as its own"),
    (151, FEW, "the same"),
    (225, 200, "a report that was asked for twice, on a broken connection, left its message at running"),
];

/// The same of worlds with a ledger.
const REGRESSIONS_WITH_LEDGER: &[(u64, usize, &str)] =
    &[(916, 200, "of two copies of a report that wait the second left its message at running")];

#[test]
fn seeds_that_failed_once_pass() {
    for (ledger, seeds) in [(false, REGRESSIONS), (true, REGRESSIONS_WITH_LEDGER)] {
        for (seed, watches, fault) in seeds.iter().filter(|(_, watches, _)| *watches <= FEW.max(WATCHES)) {
            let (boundary, forgeries) = (Boundary::Open, 0);
            let of_seed = Plan::of_fixed_prefixes(*seed, *watches, &BTreeSet::new());
            let plan = Plan { ledger, boundary, forgeries, ..of_seed };
            assert_eq!(run(plan).violation, None, "seed {seed}: {fault}");
        }
    }
}

#[test]
fn a_seed_is_the_same_twice() {
    for seed in 4_700..4_720 {
        let twice = [(); 2].map(|()| run(Plan::of_seed(seed, FEW, &BTreeSet::new())).hash);
        assert_eq!(twice[0], twice[1], "seed {seed}");
    }
}

#[test]
fn half_of_the_seeds_are_of_a_bot_and_half_have_a_ledger() {
    let plans: Vec<_> = (0..SEEDS).map(|seed| Plan::of_seed(seed, 1, &BTreeSet::new())).collect();
    let count = |wanted: fn(&Plan) -> bool| plans.iter().filter(|plan| wanted(plan)).count();
    for (what, count) in [
        ("bots", count(|plan| plan.access == Access::Bot)),
        ("ledgers", count(|plan| plan.ledger)),
        ("bots with a ledger, twice", 2 * count(|plan| plan.access == Access::Bot && plan.ledger)),
    ] {
        assert!((75..=125).contains(&count), "{what}: {count}");
    }
    for (what, least, count) in [
        ("worlds with a hostile publisher", 60, count(|plan| plan.forgeries > 0)),
        ("worlds without an internal topic", 30, count(|plan| plan.boundary == Boundary::Open)),
        ("upgrades", 15, count(|plan| matches!(plan.boundary, Boundary::Introduced { .. }))),
        ("clocks that are hours off", 10, count(|plan| plan.has_wrong_clocks() && plan.most_skew() > HOUR)),
        ("instances with different settings", 20, count(|plan| plan.around.mixed && plan.skews.len() > 1)),
        ("names that are free early", 60, count(|plan| plan.around.names.0 == 0)),
        ("limits", 30, count(|plan| plan.around.limits != Limits::NONE)),
        ("long lists", 20, count(|plan| plan.around.listed > 0)),
        ("instances that take few pushes", 30, count(|plan| plan.around.concurrency < 80)),
        ("roll-backs", 8, count(|plan| matches!(plan.boundary, Boundary::Introduced { back: Some(_), .. }))),
    ] {
        assert!(count >= least, "{what}: {count}");
    }
}
