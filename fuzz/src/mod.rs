//! What is fuzzed: a function for each target, which takes any bytes and panics when they break a promise. The fuzzer
//! feeds them (`tests/fuzz`), and `cargo test` what is kept in `fuzz/corpus`.
#![allow(dead_code, unused_imports, reason = "each binary of the fuzzer has one of them")]

mod oracle;
mod pure;
mod push;

pub(crate) use oracle::name as oracle_name;
pub(crate) use pure::{answers, envelope, message, names, settings, signals};
pub(crate) use push::{jwt, push};

/// What stands between two parts of an input: ASCII's record separator.
const SEPARATOR: u8 = 0x1e;
