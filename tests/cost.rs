//! The table of costs in the documentation comes from its formula.

use chrono::{DateTime, TimeDelta};
use opwatch::decision::{Ladder, Pace};

/// Seconds of a month of 30 days.
const MONTH: f64 = 2_592_000.0;

/// Checks of a watch of half an hour by the default schedule, when nothing is known of the end, or by this pace.
fn checks(pace: Pace) -> f64 {
    let ladder = Ladder { from: DateTime::UNIX_EPOCH, until_s: Ladder::DEFAULT_S };
    let next = |due: &u32| Some(ladder.next(Some(*due), ladder.due(*due), pace).attempt);
    let end = ladder.from + TimeDelta::minutes(30);
    std::iter::successors(Some(0), next).take_while(|due| ladder.due(*due) < end).map(|_| 1.0).sum::<f64>()
        + 1.0
}

/// What one watch makes.
struct PerWatch {
    pushes: f64,
    /// Cloud Tasks operations.
    tasks: f64,
}

/// Without signals: each check and the report is a task that is created and dispatched, and the sentinel one that is created, read
/// and deleted.
fn blind() -> PerWatch {
    let checks = checks(Pace::default());
    PerWatch { pushes: checks + 2.0, tasks: 2.0 * (checks + 1.0) + 3.0 }
}

/// The end's signal is one push more, which reads the sentinel and looks; what waited of the chain looks once more.
fn signalled() -> PerWatch {
    let checks = checks(Pace { signals: true, ..Pace::default() });
    PerWatch { pushes: checks + 3.0, tasks: 2.0 * (checks + 1.0) + 3.0 }
}

/// What goes beyond a free allowance, at a price for so many.
fn beyond(used: f64, free: f64, price: f64, per: f64) -> f64 {
    (used - free).max(0.0) * price / per
}

/// Dollars a month for `w` watches.
fn opwatch(w: f64, watch: &PerWatch) -> f64 {
    let pushes = watch.pushes * w;
    // Pushes that overlap share an instance, up to 80 of them.
    let instances = (0.2 * pushes / MONTH / 80.0).ceil();
    let seconds = (0.2 * pushes).min(MONTH * instances);
    beyond(seconds, 180_000.0, 0.000_024, 1.0)
        + beyond(0.5 * seconds, 360_000.0, 0.000_002_5, 1.0)
        + beyond(pushes, 2e6, 0.40, 1e6)
        + beyond(watch.tasks * w, 1e6, 0.40, 1e6)
        + beyond(2.0 * 1_000.0 * pushes, 10.0 * 2_f64.powi(30), 40.0, 2_f64.powi(40))
}

/// Half an hour with a check a minute.
fn workflows(w: f64) -> f64 {
    beyond((4.0 * 30.0 + 3.0) * w, 5_000.0, 0.01, 1e3) + beyond(w, 2_000.0, 0.025, 1e3)
}

fn sleeping(w: f64) -> f64 {
    w * 0.5 * 0.05
}

/// Dollars with two places, or without from a hundred on.
fn dollars(value: f64) -> String {
    if value < 100.0 {
        return format!("${value:.2}");
    }
    let whole = format!("{value:.0}");
    let split = whole.len().saturating_sub(3);
    if split == 0 { format!("${whole}") } else { format!("${},{}", &whole[..split], &whole[split..]) }
}

#[test]
fn the_page_says_how_many_checks_a_watch_of_half_an_hour_has() {
    let page = include_str!("../docs/cost-and-scaling.md");
    let [blind, signals] = [false, true].map(|signals| checks(Pace { signals, ..Pace::default() }));
    let text = format!("*c* is {blind} for half an hour, and {signals} with signals");
    assert!(page.contains(&text), "docs/cost-and-scaling.md does not say: {text}");
    // The README gives the last row of the table.
    let readme = include_str!("../README.md");
    let own = dollars(opwatch(3e6, &self::blind()));
    assert!(readme.contains(&format!("about {own} a month")), "README.md has another cost than {own}");
}

#[test]
fn the_page_shows_what_the_formula_gives() {
    let page = include_str!("../docs/cost-and-scaling.md");
    for (name, a_day) in [("1", 1.0), ("100", 100.0), ("100,000", 100_000.0)] {
        let w = 30.0 * a_day;
        let [own, signals, steps, instance] =
            [opwatch(w, &blind()), opwatch(w, &signalled()), workflows(w), sleeping(w)].map(dollars);
        let row = format!("| {name} | {own} | {signals} | {steps} | {instance} |");
        assert!(page.contains(&row), "docs/cost-and-scaling.md has another row than {row}");
    }
    assert_eq!([0.0, 99.994, 123.4, 75_000.0].map(dollars), ["$0.00", "$99.99", "$123", "$75,000"]);
}
