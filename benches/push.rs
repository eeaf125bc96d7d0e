//! What each step of a push takes: `cargo bench`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a bench fails by panicking"
)]

mod steps;

use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

#[divan::bench]
fn decode(bencher: Bencher) {
    let push = steps::push();
    bencher.bench(|| steps::decode(black_box(&push)));
}

#[divan::bench]
fn read(bencher: Bencher) {
    let delivery = steps::decode(&steps::push());
    bencher.bench(|| steps::read(black_box(&delivery)));
}

#[divan::bench]
fn observe() {
    black_box(steps::observe(black_box(true)));
}

#[divan::bench(args = [false, true])]
fn decide(bencher: Bencher, ended: bool) {
    let check = steps::check(steps::read(&steps::decode(&steps::push())));
    let observation = steps::observe(ended);
    bencher.with_inputs(|| observation.clone()).bench_values(|seen| steps::decide(black_box(&check), seen));
}

#[divan::bench]
fn write(bencher: Bencher) {
    let check = steps::check(steps::read(&steps::decode(&steps::push())));
    let decision = steps::decide(&check, steps::observe(false));
    bencher.with_inputs(|| decision.clone()).bench_values(steps::write);
}

#[divan::bench]
fn render(bencher: Bencher) {
    let report = steps::report();
    bencher.bench(|| steps::render(black_box(&report)));
}

#[divan::bench(args = [false, true])]
fn whole(bencher: Bencher, ended: bool) {
    let push = steps::push();
    bencher.bench(|| steps::whole(black_box(&push), ended));
}
