//! From a report to what a person reads: title, values, sentences and commands to paste. Pure; knows nothing of Slack.

mod cause;
mod commands;
mod compared;
mod console;
mod digest;
mod live;
pub mod locale;
mod number;
#[cfg(feature = "terminal")]
mod progress;
mod sentences;
mod values;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

pub use self::compared::compared;
pub use self::digest::{Digest, digest};
pub use self::live::{running, stall_report};
pub use self::number::{grouped, size};
#[cfg(feature = "terminal")]
pub use self::progress::{Progressing, progressing};
use crate::ledger::Comparison;
use crate::prose::locale::{Subject, Verb, Words};
use crate::services::{Operation, Progress, Service};
use crate::watch::{Locale, Mention, MentionOn, Outcome, Report, Routing, StartRequest};

/// A report older than this says so.
const LATE: TimeDelta = TimeDelta::minutes(2);
/// The longest name of a target that a title has, in characters.
const MAX_TARGET_CHARS: usize = 40;
/// The longest command to paste that is shown, in characters: Slack's limit for a text is 3,000.
const MAX_COMMAND: usize = 2_900;

/// What is the same for all reports of this opwatch, and when this one is told.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The topic that commands to paste publish to; none in a terminal that has no topic.
    pub topic: Option<&'a str>,
    /// The language of reports that don't say.
    pub locale: Locale,
    /// The zone of reports that don't say.
    pub zone: Tz,
    /// What to call a watch that doesn't say.
    pub title: Option<&'a str>,
    /// Default mention and routing for reports without their own. `None`: no mentions.
    pub routing: Option<&'a Routing>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// How good or bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// As it should be.
    Green,
    /// Look at it.
    Orange,
    /// It failed.
    Red,
    /// It runs.
    Blue,
}

/// What a person reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// How good or bad it is.
    pub colour: Colour,
    /// What ran and how it ended.
    pub title: String,
    /// When, how long, how much: the rest of a phone's first line.
    pub summary: Vec<String>,
    /// How far it is, in percent: shown as a bar.
    pub bar: Option<u8>,
    /// Values with their headings.
    pub values: Vec<Field>,
    /// Sentences, and texts that they speak of.
    pub texts: Vec<Text>,
    /// Commands to paste, each below a sentence.
    pub commands: Vec<Text>,
    /// Whom to ping, each once.
    pub mentions: Vec<Mention>,
}

/// A value with its heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The heading.
    pub label: &'static str,
    /// The value.
    pub value: Value,
    /// Its page in the Cloud Console.
    pub link: Option<String>,
}

/// A value: plain, or a name that people copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Plain text.
    Plain(String),
    /// Text to copy.
    Code(String),
}

/// A sentence, or a line or text to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// A sentence.
    Plain(String),
    /// Text to copy.
    Code(String),
}

/// Puts `report` into words.
pub fn notice(report: &Report, context: &Context<'_>) -> Notice {
    compared_notice(report, None, context)
}

/// The same with how the run compares with the one before.
pub fn compared_notice(report: &Report, comparison: Option<&Comparison>, context: &Context<'_>) -> Notice {
    let writer = Writer::new(report, context);
    if report.outcome == Outcome::Stalled {
        return writer.stalled();
    }
    let mut notice = writer.notice();
    notice.texts.extend(comparison.into_iter().flat_map(|comparison| writer.compared(comparison)));
    notice
}

impl Notice {
    /// The first line: what ran, how it ended, when.
    pub fn first_line(&self) -> String {
        std::iter::once(&self.title).chain(&self.summary).cloned().collect::<Vec<_>>().join(" · ")
    }

    /// The whole as plain text, for a terminal or for where blocks are refused.
    pub fn to_text(&self) -> String {
        let mut lines = vec![self.first_line()];
        for Field { label, value: Value::Plain(value) | Value::Code(value), .. } in &self.values {
            lines.push(format!("{label}: {value}"));
        }
        for text in self.texts.iter().chain(&self.commands) {
            match text {
                Text::Plain(text) => lines.push(text.clone()),
                Text::Code(text) => lines.push(format!("    {text}")),
            }
        }
        lines.join("\n")
    }
}

struct Writer<'a> {
    report: &'a Report,
    context: &'a Context<'a>,
    words: &'static dyn Words,
    zone: Tz,
}

impl<'a> Writer<'a> {
    fn new(report: &'a Report, context: &'a Context<'a>) -> Self {
        let locale = report.watch.locale.unwrap_or(context.locale);
        let zone = report.watch.time_zone.unwrap_or(context.zone);
        Self { report, context, words: locale.words(), zone }
    }
}

impl Writer<'_> {
    fn notice(&self) -> Notice {
        let (values, texts, commands) = match &self.report.notice {
            Some(unusable) => (self.unusable_values(unusable), self.unusable_texts(unusable), Vec::new()),
            None => (self.values(), self.texts(), self.commands()),
        };
        Notice {
            colour: colour(self.report),
            title: self.headline(),
            summary: self.summary(),
            bar: None,
            values,
            texts,
            commands,
            mentions: self.mention().into_iter().collect(),
        }
    }

    fn headline(&self) -> String {
        let title = self.report.watch.title.as_deref().or(self.context.title);
        let subject = title.map_or_else(|| self.subject(), str::to_owned);
        if self.report.is_ended_before() {
            return self.words.nothing_started(&subject);
        }
        if self.waits() {
            return self.words.waiting(&subject);
        }
        self.words.headline(self.report.outcome, &subject, title.is_some())
    }

    /// Whether it tells of an operation that waits for a person.
    fn waits(&self) -> bool {
        self.report.facts.waits && matches!(self.report.outcome, Outcome::Running | Outcome::Stalled)
    }

    /// Whom to ping: who is asked for, when it is time to.
    fn mention(&self) -> Option<Mention> {
        let defaults = self.context.routing?;
        let routing = self.report.watch.routing.or(defaults);
        let is_time = match routing.mention_on.unwrap_or_default() {
            MentionOn::Always => self.report.outcome != Outcome::Running,
            MentionOn::Failure => self.report.outcome.is_trouble(),
            MentionOn::Never => false,
        };
        // Anybody who may publish can cause one, as often as they like.
        let is_time = is_time && self.report.outcome != Outcome::Notice;
        routing.mention.filter(|_| is_time)
    }

    fn service(&self) -> Service {
        let of_operation = self.report.operation.as_ref().map(Operation::service);
        let of_start = self.report.start.as_ref().map(StartRequest::service);
        of_operation.or(of_start).unwrap_or(Service::DATASTORE)
    }

    fn subject(&self) -> String {
        let of_start = self.report.start.as_ref().map(|start| start.method.method.to_ascii_uppercase());
        let work = self.report.facts.work.clone().or(of_start).unwrap_or_default();
        let (service, target) = (self.service(), self.short_target());
        let kind = match work.as_str() {
            work if work.starts_with("EXPORT") => Subject::Export,
            work if work.starts_with("IMPORT") => Subject::Import,
            // Of Datastore and Firestore this is the work on an index or a field.
            work => match Verb::of(work).filter(|_| target.is_some()) {
                Some(verb) => Subject::Work(verb),
                None => Subject::Other(service.kind()),
            },
        };
        let subject = self.words.subject(service.title(), kind);
        match target.filter(|_| !matches!(kind, Subject::Other(_))) {
            Some(target) => self.words.subject_with_target(&subject, kind, target),
            None => subject,
        }
    }

    /// What the operation works on, by the last part of its name. Of Datastore and Firestore it is the database, mostly the
    /// default one.
    fn short_target(&self) -> Option<&str> {
        if [Service::DATASTORE, Service::FIRESTORE].contains(&self.service()) {
            return None;
        }
        let target = self.report.facts.target.as_deref()?.rsplit('/').next()?;
        (!target.is_empty() && target.chars().count() <= MAX_TARGET_CHARS).then_some(target)
    }

    fn summary(&self) -> Vec<String> {
        let facts = &self.report.facts;
        if self.report.is_ended_before() {
            // The facts are those of another run.
            return vec![self.clock(self.report.at)];
        }
        let mut parts = vec![self.clock(facts.end.unwrap_or(self.report.at))];
        if let Some(duration) = facts.duration() {
            parts.push(self.words.took(&self.words.duration(duration)));
        }
        match (self.report.outcome, facts.entities) {
            (Outcome::Succeeded, Some(entities)) => parts.push(self.words.entities(&grouped(entities.done))),
            (Outcome::LimitReached, Some(Progress { .. })) => {
                parts.extend(facts.entities.and_then(Progress::percent).map(|percent| format!("{percent}%")));
            }
            _ => {}
        }
        if let Some(late) = self.late() {
            parts.push(self.words.as_of(&late.format("%H:%M").to_string()));
        }
        parts
    }

    /// The time that the report speaks of, when it is told late.
    fn late(&self) -> Option<DateTime<Tz>> {
        (self.context.now - self.report.at > LATE).then(|| self.report.at.with_timezone(&self.zone))
    }

    /// Hours and minutes with the zone, and the day when it is not today's.
    fn clock(&self, time: DateTime<Utc>) -> String {
        let (time, now) = (time.with_timezone(&self.zone), self.context.now.with_timezone(&self.zone));
        let format = if time.date_naive() == now.date_naive() { "%H:%M %Z" } else { "%Y/%m/%d %H:%M %Z" };
        time.format(format).to_string()
    }

    fn time(&self, time: DateTime<Utc>) -> String {
        time.with_timezone(&self.zone).format("%Y/%m/%d %H:%M:%S %Z").to_string()
    }
}

fn colour(report: &Report) -> Colour {
    match report.outcome {
        Outcome::NotStarted if report.is_ended_before() => Colour::Orange,
        Outcome::Succeeded | Outcome::Test | Outcome::Doctor => Colour::Green,
        Outcome::Failed | Outcome::NotStarted | Outcome::Lost => Colour::Red,
        Outcome::Cancelled
        | Outcome::LimitReached
        | Outcome::CannotTell
        | Outcome::Notice
        | Outcome::Stalled => Colour::Orange,
        Outcome::Running if report.facts.waits => Colour::Orange,
        Outcome::Running => Colour::Blue,
    }
}
