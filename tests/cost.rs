//! The table of costs in the documentation comes from its formula.

/// Seconds of a month of 30 days.
const MONTH: f64 = 2_592_000.0;
/// Checks of a watch: half an hour, one a minute.
const CHECKS: f64 = 30.0;

/// What goes beyond a free allowance, at a price for so many.
fn beyond(used: f64, free: f64, price: f64, per: f64) -> f64 {
    (used - free).max(0.0) * price / per
}

/// Dollars a month for `w` watches.
fn opwatch(w: f64) -> f64 {
    let pushes = (CHECKS + 2.0) * w;
    // Pushes that overlap share an instance, up to 80 of them.
    let instances = (0.2 * pushes / MONTH / 80.0).ceil();
    let seconds = (0.2 * pushes).min(MONTH * instances);
    beyond(seconds, 180_000.0, 0.000_024, 1.0)
        + beyond(0.5 * seconds, 360_000.0, 0.000_002_5, 1.0)
        + beyond(pushes, 2e6, 0.40, 1e6)
        + beyond(2.0 * (CHECKS + 1.0) * w, 1e6, 0.40, 1e6)
        + beyond(2.0 * 1_000.0 * pushes, 10.0 * 2_f64.powi(30), 40.0, 2_f64.powi(40))
}

fn workflows(w: f64) -> f64 {
    beyond((4.0 * CHECKS + 3.0) * w, 5_000.0, 0.01, 1e3) + beyond(w, 2_000.0, 0.025, 1e3)
}

fn sleeping(w: f64) -> f64 {
    w * CHECKS / 60.0 * 0.05
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
fn the_page_shows_what_the_formula_gives() {
    let page = include_str!("../docs/cost-and-scaling.md");
    for (name, a_day) in [("1", 1.0), ("100", 100.0), ("100,000", 100_000.0)] {
        let w = 30.0 * a_day;
        let [own, steps, instance] = [opwatch(w), workflows(w), sleeping(w)].map(dollars);
        let row = format!("| {name} | {own} | {steps} | {instance} |");
        assert!(page.contains(&row), "docs/cost-and-scaling.md has another row than {row}");
    }
    assert_eq!([0.0, 99.994, 123.4, 75_000.0].map(dollars), ["$0.00", "$99.99", "$123", "$75,000"]);
}
