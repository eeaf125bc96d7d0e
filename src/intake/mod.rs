//! What comes in: HTTP requests, from bytes to a delivery that was authenticated. Nothing here acts on what a message says.

pub mod auth;
pub mod http;
pub mod keys;
pub mod push;
pub mod server;
pub mod signals;
pub mod token;
