//! The commands, apart from `serve`.

pub mod check;
pub mod doctor;
pub mod history;
mod input;
#[cfg(feature = "local")]
pub mod render;
pub mod validate;
