//! Signals: what Google Cloud says about an operation without being asked, in an entry of the audit log or in a service's own
//! notification. A signal is only a hint that it is worth looking now. It never says how an operation ended.

mod entry;
mod log;
mod named;
mod native;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::policy::Policy;
use crate::services::Operation;

/// A hint about one operation. Anybody who may publish to the topic of signals can have written it, so nothing in it is
/// trusted: the operation's name has its service's form, and the rest is text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The operation that it is about, which the settings allow to be read.
    pub operation: Operation,
    /// What happened to the operation.
    pub phase: Phase,
    /// The method that started it, such as `google.datastore.admin.v1.DatastoreAdmin.ExportEntities`. Native messages name none.
    pub method: Option<String>,
    /// The account that started it. Ends often name none.
    pub principal: Option<String>,
    /// When it happened, by the clock of the signal's writer.
    pub at: DateTime<Utc>,
}

/// What a signal says has happened to its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It was started, or is said to be running. There may be any number of these for one operation, in any order.
    Started,
    /// It is over, however it ended. The service's API may show it as running for some seconds more.
    Ended,
    /// It was started and over in one call: never worth a watch, but an end for one that exists.
    AtOnce,
}

/// A message about an operation as Pub/Sub brought it.
#[derive(Clone, Copy, Debug)]
pub struct Notification<'a> {
    /// The message's attributes, by which native messages are recognised.
    pub attributes: &'a BTreeMap<String, String>,
    /// The message's data: the log entry, or what the service wrote.
    pub data: &'a [u8],
    /// When Pub/Sub took it, for signals that don't say when they happened.
    pub published: DateTime<Utc>,
}

/// Why a message about an operation can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unusable {
    /// The push is too large to be opened.
    TooLarge,
    /// The data is not a JSON object, or not Base64.
    NotJson,
    /// It is neither a log entry nor a notification of a form that opwatch knows.
    Unknown,
    /// It is an entry of a log that tells nothing of operations: of data access, or not of the audit logs.
    OtherLog,
    /// It is about a service that `SERVICES` doesn't list.
    OtherService,
    /// The call that it is about was refused, so nothing was started.
    Refused,
    /// It names no operation that could be read.
    NoOperation,
    /// It is about a project or a database that the settings don't allow.
    NotAllowed,
}

impl Unusable {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::TooLarge,
        Self::NotJson,
        Self::Unknown,
        Self::OtherLog,
        Self::OtherService,
        Self::Refused,
        Self::NoOperation,
        Self::NotAllowed,
    ];
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "it is larger than any log entry",
            Self::NotJson => "its data is not a JSON object",
            Self::Unknown => "it is neither a log entry nor a notification that opwatch knows",
            Self::OtherLog => "it is an entry of a log that doesn't record operations",
            Self::OtherService => "it is about a service that SERVICES doesn't list",
            Self::Refused => "it is about a call that was refused",
            Self::NoOperation => "it names no operation that can be read",
            Self::NotAllowed => "PROJECTS, DATABASES or SERVICES doesn't allow its operation",
        })
    }
}

/// Reads a message about an operation, of which only what matters is kept. The operation is one that `policy` allows to be read.
///
/// # Errors
/// Why it can't be used.
pub fn read(notification: &Notification<'_>, policy: &Policy) -> Result<Signal, Unusable> {
    let signal = match native::read(notification, policy) {
        Some(signal) => signal?,
        None => log::read(notification, policy)?,
    };
    policy.permit(&signal.operation).map_err(|_| Unusable::NotAllowed)?;
    Ok(signal)
}
