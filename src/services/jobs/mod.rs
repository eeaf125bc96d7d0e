//! Services with operations of their own form, and resources that are operations themselves: jobs, builds, runs. A row each; the
//! fields and the words of their states are those of Google's discovery documents.

mod bigquery;
mod compute;
mod data;
mod delivery;
mod machines;
mod runs;
mod storage;
mod vertex;

use super::row::{Output, Row};
use super::shape::Shape;

/// The rows, by subject.
pub(super) static JOBS: &[&[Row]] = &[
    compute::ROWS,
    machines::ROWS,
    bigquery::ROWS,
    data::ROWS,
    storage::ROWS,
    delivery::ROWS,
    runs::ROWS,
    vertex::ROWS,
];

/// A row for resources that are operations themselves; `kind` is what one is called.
const fn job(
    id: &'static str,
    title: &'static str,
    kind: &'static str,
    host: &'static str,
    version: &'static str,
    names: &'static [&'static [&'static str]],
    shape: &'static dyn Shape,
) -> Row {
    Row { kind, shape, output: Output::Result, ..Row::standard(id, title, host, version, names) }
}
