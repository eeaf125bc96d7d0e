//! What is printed where no one looks on, as in the log of a CI job: a line for each change, but not too many, and not too few.
//! Pure.

use std::time::Duration;

use super::clocks::Moment;
use super::follower::Follower;
use super::item::Event;
use super::say::Wording;

/// At most one line of changes a minute and operation.
const BETWEEN_CHANGES: Duration = Duration::from_secs(60);
/// A line is printed at least this often: CI systems stop a job that is silent for long.
const SILENCE: Duration = Duration::from_secs(600);

/// The log of what is followed.
pub(super) struct Log {
    wording: Wording,
    labels: Vec<String>,
    /// Only the ends.
    is_quiet: bool,
    told: Vec<Told>,
    /// When the last line was printed.
    last: Duration,
}

/// What was told of one operation.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// When it had its last line.
    at: Option<Duration>,
    /// Whether it changed since then.
    is_news: bool,
}

impl Log {
    pub(super) fn new(wording: Wording, labels: Vec<String>, is_quiet: bool) -> Self {
        let told = vec![Told::default(); labels.len()];
        Self { wording, labels, is_quiet, told, last: Duration::ZERO }
    }

    /// The lines for what a look came to.
    pub(super) fn event(
        &mut self,
        follower: &Follower,
        index: usize,
        event: Event,
        moment: Moment,
    ) -> Vec<String> {
        let Some((item, label)) = follower.items.get(index).zip(self.labels.get(index)) else {
            return Vec::new();
        };
        let Some(told) = self.told.get_mut(index) else { return Vec::new() };
        told.is_news |= matches!(event, Event::Changed | Event::Failing);
        let is_time = told.at.is_none_or(|at| moment.since(at) >= BETWEEN_CHANGES);
        let lines = match &item.end {
            Some(end) if event == Event::Ended => self.wording.ended(end, label, moment.wall),
            None if told.is_news && is_time && !self.is_quiet => {
                vec![self.wording.running(item, label, moment.wall)]
            }
            Some(_) | None => return Vec::new(),
        };
        *told = Told { at: Some(moment.awake), is_news: false };
        self.last = moment.awake;
        lines
    }

    /// The line after a long silence.
    pub(super) fn tick(&mut self, follower: &Follower, moment: Moment) -> Vec<String> {
        if self.is_quiet || moment.since(self.last) < SILENCE {
            return Vec::new();
        }
        self.last = moment.awake;
        let mut running = follower.items.iter().zip(&self.labels).filter(|(item, _)| item.end.is_none());
        let first = running.next().map(|(item, label)| self.wording.running(item, label, moment.wall));
        let more = running.count();
        first.map(|line| if more == 0 { line } else { format!("{line} (+{more})") }).into_iter().collect()
    }

    /// When to be asked again at the latest.
    pub(super) fn next_tick(&self) -> Option<Duration> {
        (!self.is_quiet).then_some(self.last + SILENCE)
    }
}
