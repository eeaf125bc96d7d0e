//! How soon people hear of an end: plays operations through the real core in virtual time, 100 ms a hop, once for each schedule.
//! `cargo run --release --example promptness` prints the table of docs/promptness.md; `--plot docs/promptness.svg` draws it too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    dead_code,
    unreachable_pub,
    reason = "a tool for maintainers that shares the tests' random numbers"
)]

mod play;
mod plot;
#[path = "../../tests/simulation/engine/rng.rs"]
mod rng;
mod stage;
mod work;

use std::path::PathBuf;

use clap::Parser;

use work::Scenario;

/// Measures how soon opwatch reports an end, and with how many checks
#[derive(Parser)]
struct Args {
    /// Operations for each schedule
    #[arg(long, default_value_t = 10_000)]
    operations: usize,
    /// Where to draw the picture
    #[arg(long)]
    plot: Option<PathBuf>,
}

const SINK: &[(&str, &str)] = &[("SIGNALS", "yes")];
const LEDGER: &[(&str, &str)] = &[("LEDGER_KIND", "Run")];

const NOTHING: Scenario = Scenario { name: "", settings: &[], progress: false, history: None, signals: None };
const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "fixed interval of 60 s",
        settings: &[("CHECK_INTERVAL", "60s"), ("CHECK_LIMIT", "400")],
        ..NOTHING
    },
    Scenario { name: "default schedule, nothing known", ..NOTHING },
    Scenario { name: "the same, with progress", progress: true, ..NOTHING },
    Scenario {
        name: "the same, with history; runs differ by 10 %",
        settings: LEDGER,
        history: Some(0.1),
        ..NOTHING
    },
    Scenario {
        name: "the same, with history; runs differ by 25 %",
        settings: LEDGER,
        history: Some(0.25),
        ..NOTHING
    },
    Scenario {
        name: "signals 1–10 s late, 1 % lost",
        settings: SINK,
        signals: Some((1.0, 10.0, 0.01)),
        ..NOTHING
    },
    Scenario {
        name: "signals 10–60 s late, 10 % lost",
        settings: SINK,
        signals: Some((10.0, 60.0, 0.1)),
        ..NOTHING
    },
];

/// Sorted values.
struct Sorted(Vec<f64>);

impl Sorted {
    fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which this share of them is.
    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() as f64 * share) as usize).min(self.0.len() - 1)]
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }
}

fn main() {
    let args = Args::parse();
    println!("{} operations for each line\n", args.operations);
    println!("| schedule | late, mean | p50 | p95 | p99 | checks, mean | p95 | most |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut rows = Vec::new();
    for scenario in &SCENARIOS {
        let (late, checks) = play::all(scenario, args.operations);
        let (late, checks) = (Sorted::new(late), Sorted::new(checks));
        println!(
            "| {} | {:.1} s | {:.1} s | {:.1} s | {:.1} s | {:.1} | {} | {} |",
            scenario.name,
            late.mean(),
            late.at(0.5),
            late.at(0.95),
            late.at(0.99),
            checks.mean(),
            checks.at(0.95),
            checks.at(1.0)
        );
        rows.push((scenario.name, late.mean(), late.at(0.95)));
    }
    if let Some(path) = args.plot {
        std::fs::write(path, plot::draw(&rows)).expect("the picture is written");
    }
}
