//! Whom opwatch tells, one folder each.

pub mod slack;
