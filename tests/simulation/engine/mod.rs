//! The simulator: a world of Google's services and Slack's, in memory and in virtual time, under the real core of opwatch,
//! which knows no difference. It has no copy of any of opwatch's rules: it implements what the services promise,
//! plans faults, and holds what comes out against the promises.
#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "milliseconds of a few weeks fit every number"
)]

pub(crate) mod boundary;
pub(crate) mod claims;
pub(crate) mod datastore;
pub(crate) mod entity;
pub(crate) mod gate;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod operations;
pub(crate) mod outputs;
pub(crate) mod owed;
pub(crate) mod plan;
pub(crate) mod pubsub;
pub(crate) mod rng;
pub(crate) mod run;
pub(crate) mod services;
pub(crate) mod signals;
pub(crate) mod slack;
pub(crate) mod steps;
pub(crate) mod surroundings;
pub(crate) mod tasks;
pub(crate) mod ways;
pub(crate) mod world;
