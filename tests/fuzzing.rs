//! The corpus of the fuzzer, input by input: what was ever found stays mended. `tests/fuzz` finds more.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/mod.rs"]
mod fuzz;

#[test]
fn every_input_of_the_corpus_is_answered_and_calls_what_it_may() {
    type Target = fn(&[u8]);
    let targets: [(&str, Target); 8] = [
        ("answers", fuzz::answers),
        ("envelope", fuzz::envelope),
        ("jwt", fuzz::jwt),
        ("message", fuzz::message),
        ("names", fuzz::names),
        ("push", fuzz::push),
        ("settings", fuzz::settings),
        ("signals", fuzz::signals),
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets {
        let mut inputs: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name}");
        for input in inputs {
            println!("{}", input.display());
            target(&fs::read(&input).unwrap());
        }
    }
}

/// The oracle sees what it looks for.
#[test]
fn a_request_that_nobody_may_make_is_noticed() {
    for name in
        ["projects/demo/operations/..", "projects/demo/operations/a%2e", "projects//operations/x", "x"]
    {
        assert!(std::panic::catch_unwind(|| fuzz::oracle_name(name)).is_err(), "{name}");
    }
}
