//! opwatch follows a Google Cloud long-running operation to its end and tells Slack how it ended. It never waits:
//! a watch is one small Pub/Sub message that is passed on, and each delivery is one check.
//!
//! The modules stand in the order in which a delivery goes through them:
//! bytes → [`server`] → [`endpoint`] → [`gate`] ([`identity`], [`keys`]) → [`envelope`] ([`trust`]) → [`message`] → [`watcher`], which looks at
//! the operation ([`google`]), decides ([`decision`], pure) and takes one next step: a task ([`google`]) or a post ([`notice`],
//! pure, then [`slack`]). With a [`ledger`] it also keeps what it saw, and which reports were sent.

pub mod app;
pub mod settings;
pub mod server;
pub mod endpoint;
pub mod gate;
pub mod identity;
pub mod keys;
pub mod envelope;
pub mod trust;
pub mod message;
pub mod placeholder;
pub mod policy;
pub mod watcher;
pub mod operation;
pub mod decision;
pub mod google;
pub mod ledger;
pub mod notice;
pub mod locale;
pub mod slack;

pub mod check;
pub mod doctor;
pub mod history;
#[cfg(feature = "local")]
pub mod render;
pub mod validate;
pub mod clock;
pub mod endpoints;
mod hash;
mod input;
mod json;
#[cfg(feature = "local")]
pub mod local;
mod roots;
pub mod telemetry;
pub mod terminal;
mod text;
pub mod transport;
