//! The parts of a message as they are written, each by one definition that reads it, writes it, and makes its JSON Schema
//! (`schema/message.v1.json`).
//!
//! What is borrowed is not copied before it is written.

mod field;
mod kickoff;
mod report;
#[cfg(test)]
pub(crate) mod schema;
mod state;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub(super) use field::{Field, Form, Object, Text};
pub(super) use kickoff::{Message, Start};
pub(super) use report::{Outlet, Report};
pub(super) use state::State;

/// Reads a field for itself: one that can't be read counts as missing. Only for values that are in memory already; a parser of
/// text would stop in the middle of a bad one.
#[expect(clippy::unnecessary_wraps, reason = "serde asks for a result")]
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(deserializer).ok())
}

fn into_object(part: &impl Serialize) -> Map<String, Value> {
    // Structs of texts and numbers can always be written.
    let Ok(Value::Object(object)) = serde_json::to_value(part) else { return Map::new() };
    object
}
