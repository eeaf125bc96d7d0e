//! opwatch as its users meet it: one binary of tests, a module for each behaviour.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::struct_field_names,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod architecture;
mod benches;
mod causes;
mod chat;
mod checks;
mod commands;
mod cost;
mod dead_letter;
mod demo;
mod digests;
mod docs;
mod doctor;
mod edges;
mod deploy;
mod deploy_digests;
mod deploy_signals;
mod emulator;
mod events;
mod flood;
mod forgery;
mod fuzzing;
mod identity;
mod input;
mod instructions;
mod kickoff;
mod leaks;
mod ladder;
mod ledger;
mod limits;
mod live;
mod login;
mod memory;
mod page;
mod placeholders;
mod process;
mod refusals;
mod render;
mod reports;
mod requests;
mod row_commands;
mod schema;
mod scripts;
mod security;
mod sentinels;
mod services;
mod settings;
mod signals;
mod simulation;
mod slack;
mod starts;
#[path = "../benches/steps/mod.rs"]
#[expect(dead_code, reason = "the benches use more of it")]
mod steps;
mod support;
mod terminal;
mod urls;
mod wait;
