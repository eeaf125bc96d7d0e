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
use engine::plan::{Fault, Plan};
use engine::run::{Summary, on_all_cores, run};
use engine::surroundings::Surroundings;
use opwatch::policy::Limits;

/// Runs opwatch's core through worlds of faults, on all cores, and holds its promises against what comes out.
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
    /// Let services and other publishers send signals in six of ten seeds; worlds of a few watches are enough
    #[arg(long)]
    signals: bool,
    /// Print the trace of each seed, or of what a failing one is shrunk to
    #[arg(long)]
    trace: bool,
    /// Don't look for a smaller plan with which a failing seed still fails
    #[arg(long)]
    whole: bool,
}

/// What all seeds came to.
#[derive(Default)]
struct Total {
    done: u64,
    watches: usize,
    pushes: u64,
    injected: BTreeMap<Fault, u64>,
    figures: BTreeMap<&'static str, u64>,
    failed: Vec<u64>,
}

impl Total {
    fn add(&mut self, summary: &Summary) {
        self.done += 1;
        self.watches += summary.watches;
        self.pushes += summary.pushes;
        summary.injected.iter().for_each(|(fault, count)| *self.injected.entry(*fault).or_default() += count);
        summary.figures.iter().for_each(|(what, count)| *self.figures.entry(what).or_default() += count);
    }

    fn faults(&self) -> u64 {
        self.injected.values().sum()
    }

    fn show(&self, of: u64) {
        let bar = "#".repeat((self.done * 40 / of) as usize);
        let (done, watches, faults, failed) = (self.done, self.watches, self.faults(), self.failed.len());
        eprint!("\r[{bar:<40}] {done}/{of} seeds, {watches} watches, {faults} faults, {failed} failed");
    }
}

fn main() {
    let args = Args::parse();
    let of_seed = |seed| {
        if args.signals {
            Plan::of_seed_with_signals(seed, args.watches)
        } else {
            Plan::of_seed(seed, args.watches, &BTreeSet::new())
        }
    };
    let plan = |seed| Plan { verbose: args.trace, ..of_seed(seed) };
    let mut total = Total::default();
    on_all_cores(
        args.from..args.from + args.seeds,
        |seed| run(plan(seed)),
        |summary| {
            total.add(&summary);
            if args.trace {
                println!("{}", summary.trace.join("\n"));
            }
            if let Some(violation) = &summary.violation {
                total.failed.push(summary.seed);
                eprintln!("\rseed {}: {violation}", summary.seed);
                if !args.whole {
                    explain(plan(summary.seed));
                }
            }
            if total.done.is_multiple_of(10) || total.done == args.seeds {
                total.show(args.seeds);
            }
        },
    );
    eprintln!();
    let (seeds, faults) = (args.seeds, total.faults());
    println!("{seeds} seeds, {} watches, {} pushes", total.watches, total.pushes);
    println!("{faults} faults injected: {:?}", total.injected);
    println!("{:?}", total.figures);
    println!("{} violations; failing seeds: {:?}", total.failed.len(), total.failed);
    if !total.failed.is_empty() {
        std::process::exit(1);
    }
}

/// Shows the smallest plan with which it still fails.
fn explain(plan: Plan) {
    let verbose = plan.verbose;
    let small = shrink(Plan { verbose: false, ..plan });
    let summary = run(Plan { verbose, ..small.clone() });
    eprintln!("  as small as {small:?}\n  it shows: {}", summary.violation.unwrap_or_default());
    summary.trace.iter().for_each(|line| eprintln!("  {line}"));
}

/// The same with fewer watches, faults and instances, as long as it still fails.
fn shrink(mut plan: Plan) -> Plan {
    loop {
        let mut smaller = simpler(&plan).into_iter().filter(|plan| run(plan.clone()).violation.is_some());
        match smaller.next() {
            Some(found) => plan = found,
            None => return plan,
        }
    }
}

/// Plans that are simpler by one thing, or by many watches.
fn simpler(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    let watches = plan.kickoffs.len();
    let mut part = watches.div_ceil(2);
    while part > 0 && watches > 1 {
        for from in (0..watches).step_by(part) {
            let mut fewer = plan.clone();
            fewer.kickoffs.drain(from..(from + part).min(watches));
            plans.push(fewer);
        }
        part /= 2;
    }
    for fault in plan.rates.keys() {
        let mut fewer = plan.clone();
        fewer.rates.remove(fault);
        plans.push(fewer);
    }
    for index in 0..plan.windows.len() {
        let mut fewer = plan.clone();
        fewer.windows.remove(index);
        plans.push(fewer);
    }
    if plan.ledger {
        plans.push(Plan { ledger: false, ..plan.clone() });
    }
    if !plan.stops.is_empty() {
        plans.push(Plan { stops: Vec::new(), ..plan.clone() });
    }
    if plan.around.limits != Limits::NONE {
        let around = Surroundings { limits: Limits::NONE, ..plan.around.clone() };
        plans.push(Plan { around, ..plan.clone() });
    }
    if plan.skews.len() > 1 {
        plans.push(Plan { skews: plan.skews[..1].to_vec(), ..plan.clone() });
    }
    if plan.skews.iter().any(|skew| *skew != 0) {
        plans.push(Plan { skews: vec![0; plan.skews.len()], ..plan.clone() });
    }
    plans
}
