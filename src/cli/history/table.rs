//! Runs as lines of a table, each with a bar as long as it took. Pure.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::ledger::{Comparison, Run};
use crate::prose::locale::{Column, Label, Words};
use crate::prose::{compared, grouped, size};
use crate::text;
use crate::watch::{Locale, Outcome};

/// The longest bar, in characters.
const BAR: u128 = 20;
/// The longest title, in characters.
const TITLE: usize = 40;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The table, with a line that compares the last success with the one before.
pub(super) fn table(runs: &[Run], comparison: Option<&Comparison>, locale: Locale, zone: Tz) -> String {
    let words = locale.words();
    if runs.is_empty() {
        return words.no_runs().to_owned();
    }
    let longest = runs.iter().filter_map(Run::duration).max().unwrap_or_default();
    let mut rows = vec![[
        words.label(Label::Start).to_owned(),
        words.column(Column::Title).to_owned(),
        words.column(Column::Outcome).to_owned(),
        words.label(Label::Entities).to_owned(),
        words.label(Label::Size).to_owned(),
        words.label(Label::Duration).to_owned(),
        String::new(),
    ]];
    rows.extend(runs.iter().map(|run| row(run, longest, words, zone)));
    let mut lines = aligned(&rows);
    if let Some(comparison) = comparison {
        let day = comparison.day.with_timezone(&zone).format("%Y/%m/%d").to_string();
        lines.push(String::new());
        lines.extend(compared(words, comparison, &day));
    }
    lines.join("\n")
}

fn row(run: &Run, longest: Duration, words: &dyn Words, zone: Tz) -> [String; 7] {
    let time = |time: DateTime<Utc>| time.with_timezone(&zone).format("%Y/%m/%d %H:%M:%S %Z").to_string();
    let nothing = || "–".to_owned();
    let title = run.title.as_deref().or(run.prefix.as_deref()).unwrap_or(&run.operation).replace('\n', " ");
    let duration = run.duration();
    [
        run.start.or(run.last_seen).map_or_else(nothing, time),
        text::cut(&title, TITLE),
        words.outcome(outcome(run)).to_owned(),
        run.entities.map_or_else(nothing, grouped),
        run.bytes.map_or_else(nothing, size),
        duration.map_or_else(nothing, |duration| words.duration(duration)),
        duration.map(|duration| bar(duration, longest)).unwrap_or_default(),
    ]
}

/// What the run came to; none while it runs. A word that only a newer version knows is no known end.
fn outcome(run: &Run) -> Option<Outcome> {
    match run.outcome.as_deref() {
        Some("running") => None,
        Some(word) => Some(serde_json::from_value(json!(word)).unwrap_or(Outcome::CannotTell)),
        None => Some(Outcome::CannotTell),
    }
}

/// A bar as long as `duration` is of the longest, to an eighth of a character; a hair at least.
fn bar(duration: Duration, longest: Duration) -> String {
    let eighths = (duration.as_millis() * BAR * 8).checked_div(longest.as_millis()).unwrap_or(0).max(1);
    let whole = usize::try_from(eighths / 8).unwrap_or(0);
    let rest = usize::try_from(eighths % 8).ok().and_then(|rest| EIGHTHS.get(rest)).unwrap_or(&"");
    format!("{}{rest}", "█".repeat(whole))
}

/// Rows in columns as wide as their widest cell; counts, sizes and durations to the right.
fn aligned(rows: &[[String; 7]]) -> Vec<String> {
    let mut widths = [0; 7];
    for row in rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = width(cell).max(*most);
        }
    }
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, most))| {
            let gap = " ".repeat(most.saturating_sub(width(cell)));
            if (3..6).contains(&column) { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The columns of a terminal that `text` takes: two for a character of East Asia.
fn width(text: &str) -> usize {
    let is_wide = |c: char| matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// The runs for a program: the names are English in every language, and never change.
pub(super) fn json(runs: &[Run]) -> Value {
    let time =
        |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let all = runs.iter().map(|run| {
        json!({
            "operation": run.operation,
            "service": run.service,
            "title": run.title,
            "type": run.work,
            "outcome": run.outcome,
            "start": time(run.start),
            "end": time(run.end),
            "lastSeen": time(run.last_seen),
            "seconds": run.duration().map(|duration| duration.as_secs()),
            "entities": run.entities,
            "bytes": run.bytes,
            "outputUrlPrefix": run.prefix,
            "outputUrl": run.output,
            "error": run.error,
        })
    });
    Value::Array(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(minute: i64, took: i64, title: &str) -> Run {
        let at = |minute: i64| DateTime::from_timestamp(1_795_402_812 + minute * 60, 0);
        Run {
            operation: "projects/p/operations/x".to_owned(),
            title: Some(title.to_owned()),
            outcome: Some("succeeded".to_owned()),
            start: at(minute),
            end: at(minute + took),
            entities: Some(12_345),
            bytes: Some(2_000_000),
            ..Run::default()
        }
    }

    #[test]
    fn runs_stand_in_columns_with_a_bar_each() {
        let mut running = run(20, 1, "x");
        (running.end, running.outcome, running.entities) = (None, Some("running".to_owned()), None);
        let runs = [run(0, 10, "Nightly"), run(10, 5, "Nightly"), running];
        let table = table(&runs, None, Locale::En, Tz::UTC);
        assert_eq!(
            table.lines().map(str::to_owned).collect::<Vec<_>>(),
            [
                "Start                    Title    Outcome    Entities    Size  Duration",
                "2026/11/23 03:00:12 UTC  Nightly  succeeded    12,345  2.0 MB    10 min  ████████████████████",
                "2026/11/23 03:10:12 UTC  Nightly  succeeded    12,345  2.0 MB     5 min  ██████████",
                "2026/11/23 03:20:12 UTC  x        running           –  2.0 MB         –",
            ]
        );
        assert_eq!(super::table(&[], None, Locale::Ja, Tz::UTC), Locale::Ja.words().no_runs());
    }

    #[test]
    fn japanese_takes_two_columns_a_character() {
        let table = table(
            &[run(0, 10, "夜間バックアップ"), run(0, 1, "x")],
            None,
            Locale::Ja,
            chrono_tz::Asia::Tokyo,
        );
        let lines: Vec<&str> = table.lines().collect();
        let before = |line: &str, part: &str| width(line.split(part).next().unwrap());
        assert_eq!(before(lines[1], "成功"), before(lines[2], "成功"));
        assert_eq!(before(lines[0], "結果"), before(lines[1], "成功"));
        assert!(lines[1].starts_with("2026/11/23 12:00:12 JST"), "{table}");
    }

    #[test]
    fn a_bar_is_a_hair_at_least() {
        let seconds = Duration::from_secs;
        assert_eq!(bar(seconds(0), seconds(100)), "▏");
        assert_eq!(bar(seconds(0), seconds(0)), "▏");
        assert_eq!(bar(seconds(50), seconds(100)), "█".repeat(10));
        assert_eq!(bar(seconds(3), seconds(160)), "▍");
    }

    #[test]
    fn a_program_gets_plain_values() {
        let all = json(&[run(0, 10, "Nightly")]);
        assert_eq!((&all[0]["seconds"], &all[0]["start"]), (&json!(600), &json!("2026-11-23T03:00:12Z")));
    }
}
