//! Many ends in one message: how many there are of each kind, first what went wrong, then names.

use chrono::{DateTime, DurationRound as _, SecondsFormat, TimeDelta, Utc};

use super::console::{log_page, operation_page};
use super::values::error_code;
use super::{Colour, Context, Field, Notice, Text, Value, Writer, colour, grouped};
use crate::prose::locale::{Label, Note, Words};
use crate::services::{Operation, project_of};
use crate::text;
use crate::watch::{Locale, Mention, Outcome, Report, Target};

/// The outcomes of ends, the worst first.
const ORDER: [Outcome; 7] = [
    Outcome::Failed,
    Outcome::NotStarted,
    Outcome::Lost,
    Outcome::CannotTell,
    Outcome::LimitReached,
    Outcome::Cancelled,
    Outcome::Succeeded,
];
/// How many ends that need a look are shown with reason and link.
const SHOWN: usize = 10;
/// How many different names are shown besides.
const NAMED: usize = 40;
/// The most people and groups that one message mentions.
const MENTIONED: usize = 50;
/// The longest name and reason, in characters.
const NAME: usize = 60;
const REASON: usize = 140;

/// Several ends that are told together.
#[derive(Clone, Copy, Debug)]
pub struct Digest<'a> {
    /// The reports, each of an end.
    pub reports: &'a [&'a Report],
    /// What their lines in the log have in common.
    pub id: &'a str,
    /// The target that did not take it, and the outlet's word for why.
    pub diverted: Option<(&'a Target, &'a str)>,
}

/// Puts `digest` into words.
pub fn digest(digest: &Digest<'_>, context: &Context<'_>) -> Notice {
    let words = locale(digest.reports).unwrap_or(context.locale).words();
    let mut writers: Vec<Writer<'_>> =
        digest.reports.iter().map(|report| Writer { report, context, words, zone: context.zone }).collect();
    writers.sort_by_key(|writer| ORDER.iter().position(|outcome| *outcome == writer.report.outcome));
    let trouble = writers.iter().take_while(|writer| writer.report.outcome.is_trouble()).count();
    let (shown, rest) = writers.split_at(trouble.min(SHOWN));
    let (names, more) = named(rest, words);
    let mut values: Vec<Field> = shown.iter().map(Writer::in_digest).collect();
    values.extend(context.topic.filter(|_| more > 0).map(|topic| log(topic, digest.id, words, context.now)));
    let diverted = digest.diverted;
    let diverted = diverted.map(|(target, why)| words.note(Note::Diverted { channel: target.as_str(), why }));
    let more = (more > 0).then(|| words.and_more(&grouped(count(more))));
    Notice {
        colour: worst(digest.reports),
        title: words.digest_title(&grouped(count(writers.len()))),
        summary: summary(&writers, words),
        bar: None,
        values,
        texts: diverted.into_iter().chain(names).chain(more).map(Text::Plain).collect(),
        commands: Vec::new(),
        mentions: mentions(&writers),
    }
}

/// The language that all of them ask for.
fn locale(reports: &[&Report]) -> Option<Locale> {
    let own = reports.first()?.watch.locale;
    own.filter(|_| reports.iter().all(|report| report.watch.locale == own))
}

fn worst(reports: &[&Report]) -> Colour {
    let has = |wanted| reports.iter().any(|report| colour(report) == wanted);
    [Colour::Red, Colour::Orange].into_iter().find(|wanted| has(*wanted)).unwrap_or(Colour::Green)
}

/// How many of each outcome there are, and when they ended.
fn summary(writers: &[Writer<'_>], words: &dyn Words) -> Vec<String> {
    let of = |outcome| writers.iter().filter(|writer| writer.report.outcome == outcome).count();
    let counts = ORDER.into_iter().map(|outcome| (outcome, of(outcome))).filter(|(_, of)| *of > 0);
    let counts = counts.map(|(outcome, of)| words.digest_count(outcome, &grouped(count(of))));
    counts.chain(ended(writers)).collect()
}

/// When they ended: a time, or the first and the last.
fn ended(writers: &[Writer<'_>]) -> Option<String> {
    let writer = writers.first()?;
    let times = || writers.iter().map(|writer| writer.report.facts.end.unwrap_or(writer.report.at));
    let (first, last) = (writer.clock(times().min()?), writer.clock(times().max()?));
    Some(if first == last { last } else { format!("{first} – {last}") })
}

/// Whom they mention, each once.
fn mentions(writers: &[Writer<'_>]) -> Vec<Mention> {
    let mut all: Vec<Mention> = Vec::new();
    for writer in writers.iter().filter(|writer| !writer.report.no_mention) {
        all.extend(writer.mention().filter(|mention| !all.contains(mention)));
    }
    all.truncate(MENTIONED);
    all
}

/// The names of the rest by outcome, and how many are not among them.
fn named(rest: &[Writer<'_>], words: &dyn Words) -> (Vec<String>, usize) {
    let mut names: Vec<(Outcome, String, usize)> = Vec::new();
    let mut more = 0;
    for writer in rest {
        let (outcome, name) = (writer.report.outcome, writer.name());
        let is_full = names.len() >= NAMED;
        match names.iter_mut().find(|(of, known, _)| *of == outcome && *known == name) {
            Some((_, _, times)) => *times += 1,
            None if is_full => more += 1,
            None => names.push((outcome, name, 1)),
        }
    }
    let of = |outcome| {
        let own = names.iter().filter(|(of, ..)| *of == outcome);
        let own =
            own.map(|(_, name, times)| if *times > 1 { format!("{name} ×{times}") } else { name.clone() });
        own.collect::<Vec<_>>().join(", ")
    };
    let lines =
        ORDER.into_iter().map(|outcome| (outcome, of(outcome))).filter(|(_, names)| !names.is_empty());
    (lines.map(|(outcome, names)| format!("{}: {names}", words.digest_heading(outcome))).collect(), more)
}

/// The lines of the log about this digest.
fn log(topic: &str, id: &str, words: &dyn Words, now: DateTime<Utc>) -> Field {
    let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
    let filter = format!(
        "jsonPayload.decision=\"digested\"\njsonPayload.digest=\"{id}\"\ntimestamp>=\"{}\"",
        hour.to_rfc3339_opts(SecondsFormat::Secs, true)
    );
    let link = Some(log_page(project_of(topic), &filter));
    Field { label: words.label(Label::Log), value: Value::Code(format!("digest={id}")), link }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl Writer<'_> {
    /// What the report is called among others.
    fn name(&self) -> String {
        let title = self.report.watch.title.as_deref().or(self.context.title);
        let name = title.map_or_else(|| self.subject(), str::to_owned);
        text::line(text::cut(name.trim(), NAME))
    }

    /// An end that needs a look: its name and why, with the page of the operation.
    fn in_digest(&self) -> Field {
        let operation = self.report.operation.as_ref();
        let id = operation.map(Operation::name).map(text::last_segment);
        let id = id.map(|id| format!(" ({})", text::cut(id, NAME))).unwrap_or_default();
        let reason = self.reason().map(|reason| format!(": {}", text::line(text::cut(&reason, REASON))));
        Field {
            label: self.words.digest_heading(self.report.outcome),
            value: Value::Plain(format!("{}{id}{}", self.name(), reason.unwrap_or_default())),
            link: operation.and_then(operation_page),
        }
    }

    /// Why, in a line: the API's words, or else the first sentence of ours.
    fn reason(&self) -> Option<String> {
        let (_, error) = self.failure();
        let said = error.map(|error| {
            let code = error_code(error.code, error.status.word());
            code.into_iter().chain([error.text.trim().to_owned()]).collect::<Vec<_>>().join(" ")
        });
        said.filter(|said| !said.is_empty()).or_else(|| self.why().into_iter().next())
    }
}
