//! The outlets that are set up, and which of them a report goes to.

use std::sync::Arc;

use super::access::{Access, Tools};
use super::{Outlet, UNNAMED};
use crate::watch::{Outcome, Receipt, Report, Routing};

/// The outlets that are set up, in the order of `OUTLETS`.
#[derive(Clone)]
pub struct Outlets(Arc<[Arc<dyn Outlet>]>);

impl Outlets {
    /// These outlets.
    pub fn new(outlets: impl IntoIterator<Item = Arc<dyn Outlet>>) -> Self {
        Self(outlets.into_iter().collect())
    }

    /// Opens them. Makes no call.
    pub fn open(settings: &[Arc<dyn Access>], tools: &Tools) -> Self {
        Self::new(settings.iter().map(|access| access.open(tools)))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &dyn Outlet> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The one with the id that a report names.
    pub fn find(&self, id: Option<&str>) -> Option<&dyn Outlet> {
        let id = id.unwrap_or(UNNAMED);
        self.all().find(|outlet| outlet.id() == id)
    }

    /// The one that posted the message of `receipt`.
    pub fn writer(&self, receipt: &Receipt) -> Option<&dyn Outlet> {
        self.all().find(|outlet| outlet.wrote(receipt))
    }

    /// The one that follows watches with this routing: the first that can edit. Without such a one, the first that people read.
    pub fn home(&self, routing: &Routing) -> Option<&dyn Outlet> {
        let chosen = || self.chosen(routing).into_iter();
        let editing = chosen().find(|outlet| outlet.powers().edits);
        editing.or_else(|| chosen().find(|outlet| outlet.powers().texts))
    }

    /// Those that hear of `report`: each chosen one of an end, each that people read of a test, and of everything else the one
    /// that follows the watch.
    pub fn recipients(&self, report: &Report) -> Vec<&dyn Outlet> {
        let routing = &report.watch.routing;
        if report.outcome.is_end() {
            self.chosen(routing)
        } else if report.outcome == Outcome::Test {
            self.chosen(routing).into_iter().filter(|outlet| outlet.powers().texts).collect()
        } else {
            self.home(routing).into_iter().collect()
        }
    }

    /// Those that a watch with this routing chose; all when it chose none, or only such as are not set up any more.
    fn chosen(&self, routing: &Routing) -> Vec<&dyn Outlet> {
        let ids = routing.outlets.as_deref().unwrap_or_default();
        let chosen: Vec<_> = self.all().filter(|outlet| ids.contains(&outlet.id())).collect();
        if chosen.is_empty() { self.all().collect() } else { chosen }
    }
}

/// `report` as it goes to `outlet`: with what only that outlet understands. Its task's name has the outlet's id.
pub fn addressed(report: &Report, outlet: &dyn Outlet) -> Report {
    let id = outlet.id();
    let mut report = if id == UNNAMED { report.clone() } else { report.to_outlet(id) };
    report.live = report.live.filter(|live| outlet.wrote(live));
    if !outlet.takes_addresses() {
        report.watch.routing = report.watch.routing.without_addresses();
    }
    report
}
