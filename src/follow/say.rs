//! What is said of an operation in lines of text. Pure.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use console::Style;

use super::item::Item;
use crate::prose::{Context, Field, Notice, Progressing, Text, Value, notice, progressing, running};
use crate::services::Ending;
use crate::watch::{Locale, Outcome, Report};

/// Between two texts.
const DOT: &str = " · ";
const PLAIN_DOT: &str = " - ";

/// In which words.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    /// The language.
    pub locale: Locale,
    /// The zone of times.
    pub zone: Tz,
    /// Whether the terminal shows more than ASCII.
    pub unicode: bool,
    /// Whether it shows colours.
    pub colours: bool,
}

impl Wording {
    /// What texts of prose need to know, at this time.
    pub(super) fn context(self, now: DateTime<Utc>) -> Context<'static> {
        Context { topic: None, locale: self.locale, zone: self.zone, title: None, routing: None, now }
    }

    /// What stands between two texts.
    pub(super) fn dot(self) -> &'static str {
        if self.unicode { DOT } else { PLAIN_DOT }
    }

    /// The mark of an end, coloured where that can be shown.
    fn mark(self, outcome: Outcome) -> String {
        let mark = self.plain_mark(outcome);
        let style = match self.plain_mark(outcome) {
            "✓" | "+" => Style::new().green(),
            "?" => Style::new().yellow(),
            _ => Style::new().red(),
        };
        style.force_styling(self.colours).apply_to(mark).to_string()
    }

    /// The mark of an end.
    pub(super) fn plain_mark(self, outcome: Outcome) -> &'static str {
        let marks = if self.unicode { ["✓", "✗"] } else { ["+", "x"] };
        let [good, bad] = marks;
        match outcome.ending() {
            Ending::Succeeded => good,
            Ending::Failed | Ending::Cancelled => bad,
            Ending::Unknown => "?",
        }
    }

    /// The line of a running operation in a log.
    pub(super) fn running(self, item: &Item, label: &str, now: DateTime<Utc>) -> String {
        let context = self.context(now);
        let headline = running(&item.check, now, true, &context).title;
        let Progressing { percent, counts, rate, elapsed, until, state } =
            progressing(&item.check, item.since, &context);
        let until = until.map(|clock| self.locale.words().eta(&clock));
        let percent = percent.map(|percent| format!("{percent}%"));
        let failure = item.failure.as_ref().map(ToString::to_string);
        let parts = [Some(headline), percent, counts, rate, elapsed, until, state, failure];
        self.written(format!("{label}: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(DOT)))
    }

    /// The lines of an end: a line with its mark, then what a person needs to know of it.
    pub(super) fn ended(self, report: &Report, label: &str, now: DateTime<Utc>) -> Vec<String> {
        let notice = notice(report, &self.context(now));
        let mark = self.mark(report.outcome);
        let first = format!("{mark} {label}: {}", notice.first_line());
        let details = details(&notice, report.outcome == Outcome::Succeeded);
        let lines = std::iter::once(first).chain(details.into_iter().map(|line| format!("    {line}")));
        lines.map(|line| self.written(line)).collect()
    }

    /// `line` as the terminal can show it.
    fn written(self, line: String) -> String {
        if self.unicode { line } else { line.replace(DOT, PLAIN_DOT) }
    }
}

/// Of a success where its result is, of all else what happened and what to do.
fn details(notice: &Notice, is_good: bool) -> Vec<String> {
    if is_good {
        let is_link = |field: &&Field| matches!(&field.value, Value::Code(text) if text.contains("://"));
        return notice.values.iter().filter(is_link).map(line).collect();
    }
    let texts = notice.texts.iter().chain(&notice.commands);
    let indented = |text: &Text| match text {
        Text::Plain(text) => text.lines().map(str::to_owned).collect::<Vec<_>>(),
        Text::Code(text) => text.lines().map(|line| format!("  {line}")).collect(),
    };
    texts.flat_map(indented).collect()
}

fn line(Field { label, value: Value::Plain(value) | Value::Code(value), .. }: &Field) -> String {
    format!("{label}: {value}")
}
