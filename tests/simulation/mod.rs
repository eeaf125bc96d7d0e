//! Nothing lost, nothing twice: the core under every fault that Google's services and Slack may have.

mod digests;
pub(crate) mod engine;
mod exhaustive;
mod isolation;
mod names;
mod planted;
mod seeds;
