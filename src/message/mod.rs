//! The message: everything that a watch must remember rides in it.
//!
//! A person writes a kickoff: `{"start": …}`, `{"name": …}` or `{"test": true}`. What opwatch passes on is the same
//! with `attempt` counted up and a `state`.

#[cfg(test)]
pub(crate) mod arbitrary;
mod body;
mod fields;
mod line;
mod operation;
mod read;
mod received;
mod start;
#[cfg(test)]
mod tests;
mod wire;
mod write;

pub(crate) use fields::title_problem;
pub use line::publish_command;
pub use read::read;
pub use received::{Defaults, INTERVAL, LIMIT, Received, is_report};
pub use write::MAX_WRITTEN_BYTES;

/// The longest message that is read, in bytes of `message.data` once decoded.
pub const MAX_READ_BYTES: usize = 32 * 1024;
/// The longest `start.body`, in bytes of JSON, so that what is passed on stays below [`MAX_WRITTEN_BYTES`].
pub const MAX_BODY_BYTES: usize = 12 * 1024;
/// The longest title, in characters: with the outcome behind it it fits a Slack header of 150.
pub const MAX_TITLE_CHARS: usize = 100;
