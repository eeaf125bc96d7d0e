//! A million watches in a day: where the first limit is and what it does to lateness.
//! `cargo run --release --example scale` prints the table; `--plot docs/scale.svg` draws it too.
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

mod model;
mod outcome;
mod plot;
mod real;
#[path = "../../tests/simulation/engine/rng.rs"]
mod rng;
mod services;

use std::path::PathBuf;

use clap::Parser;
use model::{Ms, Watch, World};
use outcome::Outcome;
use rng::Rng;

/// Simulates a day of watches
#[derive(Parser)]
struct Args {
    /// Watches in the day
    #[arg(long, default_value_t = 1_000_000)]
    watches: usize,
    /// How many times smaller the day is that the real core is run through; 0 leaves it out
    #[arg(long, default_value_t = 100)]
    scale: usize,
    /// Only the scenarios whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// Where to draw the picture
    #[arg(long)]
    plot: Option<PathBuf>,
}

const HOUR: Ms = 3_600_000;

/// How kickoffs are spread over the day.
#[derive(Clone, Copy)]
enum Spread {
    Even,
    /// All of an hour at its beginning, as cron jobs are.
    OnTheHour,
}

struct Scenario {
    name: &'static str,
    spread: Spread,
    world: World,
}

fn scenarios(only: &str) -> Vec<Scenario> {
    let world = World {
        fixed: None,
        queues: 1,
        report_queue: true,
        channels: 1,
        dispatches: 500.0,
        messages: 1.0,
        digest_above: None,
    };
    let digests = World { digest_above: Some(10), ..world };
    let of = |name, spread, world| Scenario { name, spread, world };
    let all = [
        of("one channel, one queue for all", Spread::Even, World { report_queue: false, ..world }),
        of("one channel, reports in a queue of their own", Spread::Even, world),
        of("one channel, digests", Spread::Even, digests),
        of("one channel, digests, all on the hour", Spread::OnTheHour, digests),
        of("16 channels", Spread::Even, World { channels: 16, ..world }),
        of("the same, all on the hour", Spread::OnTheHour, World { channels: 16, ..world }),
        of(
            "the same, a check in 5 minutes",
            Spread::OnTheHour,
            World { channels: 16, fixed: Some((300, 24)), ..world },
        ),
        of(
            "the same, 4 queues, the default schedule",
            Spread::OnTheHour,
            World { channels: 16, queues: 4, ..world },
        ),
        of("the same, 4 queues, 64 channels", Spread::OnTheHour, World { channels: 64, queues: 4, ..world }),
    ];
    all.into_iter().filter(|scenario| scenario.name.contains(only)).collect()
}

/// Operations of 2 minutes to 2 hours, short ones as likely as long ones.
fn watches(count: usize, spread: Spread) -> Vec<Watch> {
    let mut rng = Rng::new(6);
    let mut watches: Vec<Watch> = (0..count)
        .map(|_| {
            let at = rng.below(24 * HOUR);
            let kickoff = match spread {
                Spread::Even => at,
                // Within a second: Pub/Sub and the schedules are not exact.
                Spread::OnTheHour => at / HOUR * HOUR + rng.below(1_000),
            };
            Watch { kickoff, lasts: rng.log_uniform(120_000.0, 7_200_000.0) as Ms }
        })
        .collect();
    watches.sort_by_key(|watch| watch.kickoff);
    watches
}

fn main() {
    let args = Args::parse();
    println!(
        "{} watches in a day, 500 dispatches a second a queue, 1 message a second a channel\n",
        args.watches
    );
    println!(
        "| | checks a watch | check late, p50 / p99 | reported after the end, p50 / p99 | after the check that saw it | messages | most a minute in a flood | lost |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut lines = Vec::new();
    for Scenario { name, spread, world } in scenarios(&args.only) {
        let outcome = model::run(&watches(args.watches, spread), &world);
        println!("{}", row(name, &outcome, args.watches));
        lines.push((name, outcome));
    }
    if let Some(path) = args.plot {
        std::fs::write(&path, plot::draw(&lines)).expect("the picture is written");
    }
    if let Some(count) = args.watches.checked_div(args.scale) {
        compare(count, args.scale as f64, &args.only);
    }
}

fn row(name: &str, outcome: &Outcome, watches: usize) -> String {
    format!(
        "| {name} | {:.1} | {} / {} | {} / {} | {} / {} | {} | {} | {} |",
        outcome.checks as f64 / watches as f64,
        span(outcome.late.at(0.5)),
        span(outcome.late.at(0.99)),
        span(outcome.told.at(0.5)),
        span(outcome.told.at(0.99)),
        span(outcome.reported.at(0.5)),
        span(outcome.reported.at(0.99)),
        outcome.posts,
        Some(outcome.most_in_flood)
            .filter(|most| *most > 0)
            .map_or_else(String::new, |most| most.to_string()),
        outcome.lost,
    )
}

/// A time as people say it.
fn span(seconds: f64) -> String {
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.1} s"),
        _ if seconds < 7_200.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}

/// The model next to the real core, in a world so many times smaller.
fn compare(count: usize, smaller: f64, only: &str) {
    println!("\nThe model and the real core, {count} watches and rates {smaller} times smaller:\n");
    println!(
        "| | checks | dispatched | check late, p50 / p99 | reported, p50 / p99 | after its check, p50 / p99 | messages | lost |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    // What a smaller world can't have is many channels: they are what the rates are divided over.
    for Scenario { name, spread, world } in
        scenarios(only).into_iter().filter(|scenario| scenario.world.report_queue)
    {
        let world =
            World { dispatches: world.dispatches / smaller, messages: world.messages / smaller, ..world };
        let watches = watches(count, spread);
        for (which, outcome) in
            [("model", model::run(&watches, &world)), ("core", real::run(&watches, &world))]
        {
            let [late, told, reported] = [&outcome.late, &outcome.told, &outcome.reported]
                .map(|times| format!("{} / {}", span(times.at(0.5)), span(times.at(0.99))));
            let Outcome { checks, dispatched, posts, lost, .. } = outcome;
            println!(
                "| {name}: {which} | {checks} | {dispatched} | {late} | {told} | {reported} | {posts} | {lost} |"
            );
        }
    }
}
