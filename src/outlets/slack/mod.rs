//! Slack: what a notice looks like there, and how it gets there.

mod answer;
mod client;
mod fault;
mod payload;
mod words;

pub use answer::PostError;
pub use client::{Place, Slack};
pub use fault::Fault;
pub use payload::{Part, payload, plain_payload, rendered};
