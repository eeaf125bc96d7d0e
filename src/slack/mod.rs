//! Slack: what a notice looks like there, and how it gets there.

mod client;
mod payload;

pub use client::{PostError, Slack};
pub use payload::{payload, plain_payload};
