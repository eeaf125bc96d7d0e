//! The simulator at the nightly size: `cargo run --release --example simulate -- --seeds 10000`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    dead_code,
    unreachable_pub,
    reason = "a tool for maintainers that shares the tests' simulator"
)]

#[path = "../tests/simulation/engine/mod.rs"]
mod engine;

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser;
use engine::plan::{FAULTS, Plan};
use engine::run::{Summary, run};

/// Runs opwatch's core through worlds of faults and holds its promises against what comes out.
#[derive(Parser)]
struct Args {
    /// How many seeds to run
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Watches in each
    #[arg(long, default_value_t = 200)]
    watches: usize,
    /// Print the trace of each seed
    #[arg(long)]
    trace: bool,
}

fn main() {
    let args = Args::parse();
    let (mut failed, mut watches, mut faults) = (Vec::new(), 0, 0);
    let mut figures: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in args.from..args.from + args.seeds {
        let plan = Plan { verbose: args.trace, ..Plan::of_seed(seed, args.watches, &BTreeSet::new()) };
        let summary = run(plan);
        watches += summary.watches;
        faults += summary.injected.values().sum::<u64>();
        for (what, count) in &summary.figures {
            *figures.entry(what).or_default() += count;
        }
        if args.trace {
            println!("{}", summary.trace.join("\n"));
        }
        if let Some(violation) = &summary.violation {
            eprintln!("\rseed {seed}: {violation}");
            let (small, left_out) = shrink(summary, args.watches);
            let left: Vec<_> = FAULTS.iter().filter(|fault| !left_out.contains(fault)).collect();
            eprintln!(
                "  as small as {} watches with {left:?}: {}",
                small.watches,
                small.violation.unwrap_or_default()
            );
            failed.push(seed);
        }
        let done = seed - args.from + 1;
        if done % 10 == 0 || done == args.seeds {
            let bar = "#".repeat((done * 40 / args.seeds) as usize);
            eprint!(
                "\r[{bar:<40}] {done}/{} seeds, {watches} watches, {faults} faults, {} failed",
                args.seeds,
                failed.len()
            );
        }
    }
    eprintln!();
    println!(
        "{} seeds, {watches} watches, {faults} faults injected, {figures:?}; failed: {failed:?}",
        args.seeds
    );
    if !failed.is_empty() {
        std::process::exit(1);
    }
}

/// The same seed with half the watches, and with faults left out, as long as it still fails.
fn shrink(mut failing: Summary, watches: usize) -> (Summary, BTreeSet<engine::plan::Fault>) {
    let (seed, mut watches, mut left_out) = (failing.seed, watches, BTreeSet::new());
    while watches > 1 {
        let half = run(Plan::of_seed(seed, watches / 2, &left_out));
        if half.violation.is_none() {
            break;
        }
        (failing, watches) = (half, watches / 2);
    }
    for fault in FAULTS {
        let mut fewer = left_out.clone();
        fewer.insert(*fault);
        let run = run(Plan::of_seed(seed, watches, &fewer));
        if run.violation.is_some() {
            (failing, left_out) = (run, fewer);
        }
    }
    (failing, left_out)
}
