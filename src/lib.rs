//! opwatch follows a Google Cloud long-running operation to its end and reports how it ended. It never waits:
//! a watch is one small Pub/Sub message that is passed on, and each delivery is one check.
//!
//! The modules are in four groups, in the order in which a delivery goes through them.
//!
//! In: bytes → [`intake`] (server, routes, authentication, the push) → [`message`] (JSON to data and back).
//!
//! Core, pure: [`watch`] (what follows an operation), [`services`] (what can be watched, and how its answers are read),
//! [`decision`] (what follows from one look), [`policy`] and [`trust`] (what is allowed, and whose word counts).
//!
//! Out: [`runner`] takes the one next step, through [`google`] (operations, tasks, datastore) and [`outlets`] (who is told, in
//! the words of [`prose`]); a [`ledger`] keeps what was seen and which reports were sent.
//!
//! In a terminal, [`follow`] takes the place of the runner: the same core, with a sleep where a push has a task.
//!
//! Around it: [`app`] puts the parts together as [`settings`] say, [`cli`] has the commands, [`fakes`] the stand-ins of Google
//! and Slack.

// A new variant must be thought of wherever its enum is matched. A test that expects one variant says so by itself.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

pub mod intake;
pub mod message;

pub mod decision;
pub mod placeholder;
pub mod policy;
pub mod services;
pub mod signal;
pub mod trust;
pub mod watch;

#[cfg(feature = "terminal")]
pub mod follow;
pub mod google;
pub mod ledger;
pub mod outlets;
pub mod prose;
pub mod runner;

pub mod app;
pub mod args;
pub mod cli;
pub mod config;
pub mod delivery;
#[cfg(feature = "local")]
pub mod fakes;
pub mod settings;

pub mod clock;
mod hash;
mod json;
pub mod net;
#[cfg(test)]
mod schema_tests;
pub mod telemetry;
pub mod terminal;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
