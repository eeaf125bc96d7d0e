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
pub mod schema;
pub mod services;
pub mod validate;

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::SecretString;

use crate::google::{Google, Tokens};
use crate::net::endpoints::Endpoints;
use crate::net::transport::Network;
use crate::terminal;

/// The exit code for settings or arguments that can't be used: `EX_USAGE` of sysexits.
pub const USAGE: u8 = 64;

/// Says what is wrong with settings or arguments.
fn refused(text: impl std::fmt::Display) -> ExitCode {
    terminal::error(format_args!("opwatch: {text}"));
    ExitCode::from(USAGE)
}

/// Google over the real network.
///
/// # Errors
/// With the exit code, after saying why there is no network.
fn google(access_token: Option<SecretString>, endpoints: Endpoints) -> Result<Google, ExitCode> {
    match Network::new() {
        Ok(network) => Ok(Google::new(Arc::new(network), Tokens::new(access_token), endpoints)),
        Err(error) => {
            terminal::error(format_args!("opwatch: the HTTP client could not be built: {error}"));
            Err(ExitCode::FAILURE)
        }
    }
}
