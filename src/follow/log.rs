//! What is printed for good: a line for each change, but not too many, and not too few. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::clocks::Moment;
use super::follower::Follower;
use super::item::{Event, Item};
use super::say::Wording;
use crate::hash::short_hash;
use crate::outlets::events;
use crate::services::Operation;
use crate::watch::{Outcome, Report};

/// At most one line of changes a minute and operation, for people.
const BETWEEN_CHANGES: Duration = Duration::from_secs(60);
/// A line is printed at least this often: CI systems stop a job that is silent for long.
const SILENCE: Duration = Duration::from_secs(600);

/// How lines are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// For people.
    Words(Wording),
    /// For programs: events in JSON.
    Json,
}

/// The log of what is followed.
pub(super) struct Log {
    form: Form,
    /// The id of this log, in its events.
    id: String,
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
    pub(super) fn new(form: Form, id: String, labels: Vec<String>, is_quiet: bool) -> Self {
        let told = vec![Told::default(); labels.len()];
        Self { form, id, labels, is_quiet, told, last: Duration::ZERO }
    }

    /// What operations are called.
    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The lines for what a look came to.
    pub(super) fn event(
        &mut self,
        follower: &Follower,
        index: usize,
        event: Event,
        moment: Moment,
    ) -> Vec<String> {
        let Some((item, told)) = follower.items.get(index).zip(self.told.get_mut(index)) else {
            return Vec::new();
        };
        told.is_news |= match (event, self.form) {
            (Event::Changed, _) | (Event::Failing, Form::Words(_)) => true,
            (Event::Failing, Form::Json) | (Event::Unchanged | Event::Ended, _) => false,
        };
        let between = match self.form {
            Form::Words(_) => BETWEEN_CHANGES,
            Form::Json => Duration::ZERO,
        };
        let is_time = told.at.is_none_or(|at| moment.since(at) >= between);
        let is_told = match &item.end {
            Some(_) => event == Event::Ended,
            None => told.is_news && is_time && !self.is_quiet,
        };
        if !is_told {
            return Vec::new();
        }
        *told = Told { at: Some(moment.awake), is_news: false };
        self.last = moment.awake;
        match &item.end {
            Some(end) => self.ended(end, index, moment),
            None => vec![self.running(item, index, moment)],
        }
    }

    /// The line after a long silence.
    pub(super) fn tick(&mut self, follower: &Follower, moment: Moment) -> Vec<String> {
        if self.is_quiet || moment.since(self.last) < SILENCE {
            return Vec::new();
        }
        self.last = moment.awake;
        let mut running = follower.items.iter().enumerate().filter(|(_, item)| item.end.is_none());
        let first = running.next().map(|(index, item)| self.running(item, index, moment));
        let more = running.count();
        let with_rest = |line| match self.form {
            Form::Words(_) if more > 0 => format!("{line} (+{more})"),
            Form::Words(_) | Form::Json => line,
        };
        first.map(with_rest).into_iter().collect()
    }

    /// When to be asked again at the latest.
    pub(super) fn next_tick(&self) -> Option<Duration> {
        (!self.is_quiet).then_some(self.last + SILENCE)
    }

    fn running(&self, item: &Item, index: usize, moment: Moment) -> String {
        let label = self.labels.get(index).map_or("", String::as_str);
        match self.form {
            Form::Words(wording) => wording.running(item, label, moment.wall),
            Form::Json => {
                let seen = item.check.last.as_ref();
                let facts = seen.map(|seen| seen.facts.clone()).unwrap_or_default();
                let at = seen.map_or(moment.wall, |seen| seen.at);
                let eta = item.check.track.eta(&facts);
                self.line(&Report::of_running(&item.check, Outcome::Running, facts, at), eta)
            }
        }
    }

    fn ended(&self, end: &Report, index: usize, moment: Moment) -> Vec<String> {
        let label = self.labels.get(index).map_or("", String::as_str);
        match self.form {
            Form::Words(wording) => wording.ended(end, label, moment.wall),
            Form::Json => vec![self.line(end, None)],
        }
    }

    /// An event as a line.
    fn line(&self, report: &Report, eta: Option<DateTime<Utc>>) -> String {
        let name = report.operation.as_ref().map_or("", Operation::name);
        let attempt = report.attempt.unwrap_or_default().to_string();
        let id = short_hash(&[&self.id, name, report.outcome.word(), &attempt, &report.at.to_rfc3339()]);
        // `//HOST`, as full resource names have it: <https://google.aip.dev/122#full-resource-names>
        let base = report.operation.as_ref().map(Operation::base).unwrap_or_default();
        events::line(report, &id, base.trim_start_matches("https:").to_owned(), eta)
    }
}
