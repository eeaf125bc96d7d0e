//! Slack: what a notice looks like there, and how it gets there.

mod answer;
mod client;
mod payload;
mod words;

pub use answer::{Fault, PostError};
pub use client::{Place, Slack};
pub use payload::{Part, payload, plain_payload, rendered};
