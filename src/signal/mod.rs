//! Signals: what Google Cloud says about an operation of its own accord, in an entry of the audit log or in a service's own
//! notification. A signal is only a hint that it is worth looking now. It never says how an operation ended.

use chrono::{DateTime, Utc};

use crate::services::Operation;

/// A hint about one operation. Anybody who may publish to the topic of signals can have written it, so nothing in it is
/// trusted: the operation's name has its service's form, and the rest is text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The operation that it is about. Whether the settings allow that it is read is not checked yet.
    pub operation: Operation,
    /// What happened to the operation.
    pub phase: Phase,
    /// The method that started it, such as `google.datastore.admin.v1.DatastoreAdmin.ExportEntities`. Native messages name none.
    pub method: Option<String>,
    /// The account that started it. Ends often name none.
    pub principal: Option<String>,
    /// When it happened, by the clock of whoever wrote the signal.
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
