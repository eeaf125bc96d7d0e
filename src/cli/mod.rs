//! The commands, apart from `serve`.

pub mod check;
pub mod doctor;
#[cfg(feature = "local")]
pub mod generate;
pub mod history;
mod input;
mod named;
#[cfg(feature = "local")]
pub mod render;
pub mod services;
pub mod validate;
