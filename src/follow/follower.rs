//! All operations that are followed: which is looked at next, and how following them ends. Pure.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Until;
use super::clocks::Moment;
use super::exit::Exit;
use super::item::{Due, Event, Item};
use super::schedule::Schedule;
use crate::google::Look;
use crate::services::Operation;
use crate::watch::{Outcome, Watch};

/// What is followed.
pub(super) struct Follower {
    pub(super) items: Vec<Item>,
    schedule: Schedule,
    until: Until,
    /// The first that ended.
    first: Option<usize>,
    /// The time is over: each is looked at once more.
    is_closing: bool,
}

impl Follower {
    /// Follows each of `operations` once.
    pub(super) fn new(
        operations: Vec<Operation>,
        watch: &Watch,
        interval: Option<Duration>,
        until: Until,
        now: DateTime<Utc>,
    ) -> Self {
        let mut known = HashSet::new();
        let once = operations.into_iter().filter(|operation| known.insert(operation.clone()));
        let items: Vec<Item> = once.map(|operation| Item::new(watch.clone(), operation, now)).collect();
        let schedule = Schedule { interval, count: items.len() };
        Self { items, schedule, until, first: None, is_closing: false }
    }

    /// The operations to look at now, at most `room` of them, those that have waited longest first. They are under way then.
    pub(super) fn take_due(&mut self, moment: Moment, room: usize) -> Vec<usize> {
        let due = |item: &Item| match item.due {
            Due::At(at) if at <= moment.awake => Some(at),
            Due::At(_) | Due::UnderWay | Due::Never => None,
        };
        let mut all: Vec<(Duration, usize)> =
            self.items.iter().enumerate().filter_map(|(index, item)| Some((due(item)?, index))).collect();
        all.sort_unstable();
        all.truncate(room);
        for (_, index) in &all {
            if let Some(item) = self.items.get_mut(*index) {
                item.due = Due::UnderWay;
            }
        }
        all.into_iter().map(|(_, index)| index).collect()
    }

    /// When the next look is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let due = |item: &Item| match item.due {
            Due::At(at) => Some(at),
            Due::UnderWay | Due::Never => None,
        };
        self.items.iter().filter_map(due).min()
    }

    /// Takes in what a look at an operation showed.
    pub(super) fn seen(&mut self, index: usize, look: Look, moment: Moment) -> Option<Event> {
        let item = self.items.get_mut(index)?;
        let event = item.seen(look, moment, self.schedule);
        if self.is_closing {
            item.due = Due::Never;
        }
        if event == Event::Ended {
            self.first.get_or_insert(index);
        }
        Some(event)
    }

    /// The machine slept for so long.
    pub(super) fn slept(&mut self, jump: Duration, moment: Moment) {
        self.items.iter_mut().for_each(|item| item.slept(jump, moment));
    }

    /// The time is over: each that runs is looked at once more, now.
    pub(super) fn close(&mut self, moment: Moment) {
        self.is_closing = true;
        for item in &mut self.items {
            if matches!(item.due, Due::At(_)) {
                item.due = Due::At(moment.awake);
            }
        }
    }

    /// How following ended, if it has.
    pub(super) fn exit(&self) -> Option<Exit> {
        let of = |item: &Item| item.end.as_ref().map(|end| end.outcome);
        match self.until {
            Until::Any if self.first.is_some() => {
                let first = self.first.and_then(|index| self.items.get(index));
                Some(Exit::of(first.and_then(of)))
            }
            Until::All if self.items.iter().all(|item| item.end.is_some()) => {
                let outcomes: Vec<Outcome> = self.items.iter().filter_map(of).collect();
                Some(Exit::of(outcomes))
            }
            Until::All | Until::Any => {
                let is_over = self.is_closing && self.items.iter().all(|item| item.due == Due::Never);
                is_over.then_some(Exit::TimedOut)
            }
        }
    }

    /// Those that have not ended.
    pub(super) fn running(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.end.is_none())
    }
}
