//! The commands, apart from `serve`.

pub mod check;
pub mod doctor;
#[cfg(feature = "local")]
pub mod generate;
pub mod history;
mod input;
#[cfg(feature = "terminal")]
pub mod list;
mod named;
#[cfg(feature = "local")]
pub mod render;
pub mod schema;
pub mod services;
#[cfg(feature = "terminal")]
pub mod start;
pub mod validate;
#[cfg(feature = "terminal")]
pub mod wait;
#[cfg(feature = "terminal")]
pub mod watch;

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::SecretString;

use crate::google::{Google, Tokens};
use crate::net::endpoints::Endpoints;
use crate::net::transport::{Network, Transport};
use crate::terminal;

/// The exit code for settings or arguments that can't be used: `EX_USAGE` of sysexits.
pub const USAGE: u8 = 64;

/// Says what is wrong with settings or arguments.
fn refused(text: impl std::fmt::Display) -> ExitCode {
    terminal::error(format_args!("opwatch: {text}"));
    ExitCode::from(USAGE)
}

/// The tokens of the person who runs a command: of the login that the environment names, or that gcloud keeps.
#[cfg(feature = "terminal")]
fn tokens(access_token: Option<SecretString>, network: &Arc<dyn Transport>, endpoints: &Endpoints) -> Tokens {
    Tokens::of_login(access_token, crate::settings::places(), Arc::clone(network), endpoints)
}

/// The tokens of the person who runs a command.
#[cfg(not(feature = "terminal"))]
fn tokens(access_token: Option<SecretString>, _: &Arc<dyn Transport>, _: &Endpoints) -> Tokens {
    Tokens::new(access_token)
}

/// Google over the real network.
///
/// # Errors
/// With the exit code, after saying why there is no network.
fn google(access_token: Option<SecretString>, endpoints: Endpoints) -> Result<Google, ExitCode> {
    network().map(|network| google_over(&network, access_token, endpoints))
}

/// Google over this network.
fn google_over(
    network: &Arc<dyn Transport>,
    access_token: Option<SecretString>,
    endpoints: Endpoints,
) -> Google {
    let tokens = tokens(access_token, network, &endpoints);
    Google::new(Arc::clone(network), tokens, endpoints)
}

/// The real network.
///
/// # Errors
/// With the exit code, after saying why there is none.
fn network() -> Result<Arc<dyn Transport>, ExitCode> {
    match Network::new() {
        Ok(network) => Ok(Arc::new(network)),
        Err(error) => {
            terminal::error(format_args!("opwatch: the HTTP client could not be built: {error}"));
            Err(ExitCode::FAILURE)
        }
    }
}
