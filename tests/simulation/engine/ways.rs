//! On which way a message came. A copy begins another way: a second delivery, a second run of a task, a dead letter, or another try
//! after an answer of Slack's that was lost. Slack shows each report once on each way, so that what is told again is explained by one
//! particular copy, and no copy explains two.

use serde_json::Value;

use super::ledger::{Ledger, is_later_try};
use super::slack::RUNNING;
use super::world::{Form, World};

/// The last copy on a way; none on the first one.
pub(crate) type Way = Option<u64>;

impl World {
    /// A copy begins its way.
    pub(super) fn branch(&mut self) -> u64 {
        self.copies += 1;
        self.copies
    }

    /// The way of a task that the push that is worked on asks for. A report is tried again only when Slack did not take it.
    pub(super) fn way_of_task(&mut self, message: &Value) -> Way {
        let push = &self.pushes[&self.current];
        let (way, ok, unsure) = (push.way, push.told_ok, push.told_unsure);
        let own = &self.messages[push.message];
        let is_report = own.form == Form::Report || own.dead;
        if !is_report || !is_later_try(&message["state"]["report"]) {
            return way;
        }
        if ok {
            let watch = own.watch;
            self.ledger
                .broken(format!("w{watch}: a report is tried again, though Slack took it: not explained"));
        }
        if unsure { Some(self.branch()) } else { way }
    }

    /// The first task of the report that a message is a try of.
    pub(super) fn root_of(&self, message: usize) -> Option<usize> {
        let message = &self.messages[message];
        message.task.map_or(message.root, |task| Some(self.tasks[task].root))
    }

    /// A new message in Slack: no other of the same came on the same way.
    pub(super) fn hold_to_way(&mut self, watch: usize, says: &'static str) {
        let push = &self.pushes[&self.current];
        let (root, way) = (self.root_of(push.message), push.way);
        if says == RUNNING {
            self.ledger.runs_on_way(watch, way);
        } else if !self.ledger.books[watch].told_ways.insert((root, way)) {
            let violation =
                format!("w{watch}: {says:?} is told again: no copy and no lost answer explained it");
            self.ledger.broken(violation);
        }
    }
}

impl Ledger {
    /// What may be told on the same way: of each operation, and of what signals and version 0.1 begin.
    fn told_without_copies(&self, watch: usize) -> u64 {
        let book = &self.books[watch];
        book.second_starts() + book.loose
    }

    fn runs_on_way(&mut self, watch: usize, way: Way) {
        let runs = &mut self.books[watch].runs_by_way;
        *runs.entry(way).or_default() += 1;
        let extra: u64 = runs.values().map(|runs| runs - 1).sum();
        let allowed = self.told_without_copies(watch);
        if extra > allowed {
            let violation =
                format!("w{watch}: that it runs is told again on the same way: {extra}, {allowed} explained");
            self.broken(violation);
        }
    }

    /// The report of an end is asked for: on each way once.
    pub(super) fn ends_on_way(&mut self, watch: usize, way: Way) {
        let ends = &mut self.books[watch].ends_by_way;
        *ends.entry(way).or_default() += 1;
        let extra: u64 = ends.values().map(|ends| ends - 1).sum();
        let others = self.books[watch].ends_without_copies();
        let allowed = self.told_without_copies(watch) + others;
        if extra > allowed {
            self.broken(format!("w{watch}: it ends again on the same way: {extra}, {allowed} explained"));
        }
    }
}
