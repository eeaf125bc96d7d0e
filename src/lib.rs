//! opwatch

#[cfg(feature = "local")]
pub mod local;
pub mod server;
