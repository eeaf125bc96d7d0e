//! What is drawn of running operations on a terminal: a line for each, cut to the width. Pure.

use console::measure_text_width;

use super::clocks::Moment;
use super::follower::Follower;
use super::item::Item;
use super::say::Wording;
use crate::prose::{Progressing, progressing};
use crate::watch::Outcome;

/// A spinner turns this often in a second.
pub(super) const TURNS_PER_SECOND: u32 = 10;
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const PLAIN_SPINNER: [&str; 4] = ["|", "/", "-", "\\"];
/// The cells of a bar, and the width from which there is room for one.
const BAR: usize = 20;
const ROOM_FOR_BAR: usize = 60;

/// A terminal's size in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Cells in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

/// The lines for those that run, and one with the counts where there are several; none is as wide as the terminal.
pub(super) fn frame(
    follower: &Follower,
    labels: &[String],
    wording: Wording,
    moment: Moment,
    size: Size,
) -> Vec<String> {
    // In the last column some terminals begin a new line.
    let width = size.columns.saturating_sub(1);
    let running: Vec<(&Item, &String)> =
        follower.items.iter().zip(labels).filter(|(item, _)| item.end.is_none()).collect();
    let has_counts = follower.items.len() > 1;
    let room = size.rows.saturating_sub(1 + usize::from(has_counts)).max(1);
    let shown = running.get(..room.min(running.len())).unwrap_or_default();
    let widest =
        shown.iter().map(|(_, label)| measure_text_width(label)).max().unwrap_or_default().min(width / 3);
    let row = |(item, label): &(&Item, &String)| row(item, label, widest, wording, moment, width);
    let counts = has_counts.then(|| counts(follower, running.len() - shown.len(), wording, width));
    shown.iter().map(row).chain(counts).collect()
}

fn row(item: &Item, label: &str, widest: usize, wording: Wording, moment: Moment, width: usize) -> String {
    let known = progressing(&item.check, item.since, &wording.context(moment.wall));
    let label = fit(label, widest);
    let padding = " ".repeat(widest.saturating_sub(measure_text_width(&label)));
    let head = format!("{} {label}{padding}", spinner(wording, moment));
    let bar = known.percent.filter(|_| width + 1 >= ROOM_FOR_BAR).map(|percent| bar(percent, wording));
    let percent = known.percent.map(|percent| format!("{percent:>3}%"));
    let head = [Some(head), bar, percent].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let head = fit(&head, width);
    let left = width.saturating_sub(measure_text_width(&head));
    format!("{head}{}", rest(item, &known, left, wording))
}

/// What there is room for, the most important first; shown in the order of a sentence.
fn rest(item: &Item, known: &Progressing, room: usize, wording: Wording) -> String {
    let until = known.until.as_ref().map(|clock| wording.locale.words().eta(clock));
    let failure = item.failure.as_ref().map(|error| error.to_string().replace(['\n', '\r'], " "));
    let has_failed = failure.is_some();
    let state = failure.or_else(|| known.state.clone());
    // Each with its rank.
    let parts = [
        (3, known.counts.clone()),
        (4, known.rate.clone()),
        (1, known.elapsed.clone()),
        (2, until),
        (if has_failed { 0 } else { 5 }, state),
    ];
    let mut parts: Vec<(usize, u8, String)> = parts
        .into_iter()
        .enumerate()
        .filter_map(|(place, (rank, text))| Some((place, rank, text?)))
        .collect();
    parts.sort_by_key(|(_, rank, _)| *rank);
    let mut left = room;
    let mut shown: Vec<(usize, String)> = Vec::new();
    for (place, rank, text) in parts {
        let gap = if shown.is_empty() { 2 } else { 3 };
        // Only why it can't be read is cut: half a number is none.
        let text = if rank == 0 { fit(&text, left.saturating_sub(gap)) } else { text };
        let width = measure_text_width(&text) + gap;
        if width <= left && !text.is_empty() {
            left -= width;
            shown.push((place, text));
        }
    }
    shown.sort_by_key(|(place, _)| *place);
    let texts: Vec<String> = shown.into_iter().map(|(_, text)| text).collect();
    if texts.is_empty() { String::new() } else { format!("  {}", texts.join(wording.dot())) }
}

/// `12/500  ✓ 11  ✗ 1  … 450`: how many have ended, how, and how many there is no room for.
fn counts(follower: &Follower, hidden: usize, wording: Wording, width: usize) -> String {
    let outcomes: Vec<Outcome> =
        follower.items.iter().filter_map(|item| item.end.as_ref().map(|end| end.outcome)).collect();
    let mut parts = vec![format!("{}/{}", outcomes.len(), follower.items.len())];
    let marks =
        [Outcome::Succeeded, Outcome::Failed, Outcome::CannotTell].map(|outcome| wording.plain_mark(outcome));
    for mark in marks {
        let count = outcomes.iter().filter(|outcome| wording.plain_mark(**outcome) == mark).count();
        parts.extend((count > 0).then(|| format!("{mark} {count}")));
    }
    parts.extend((hidden > 0).then(|| format!("+{hidden}")));
    fit(&parts.join("  "), width)
}

fn spinner(wording: Wording, moment: Moment) -> &'static str {
    let turn =
        usize::try_from(moment.awake.as_millis() * u128::from(TURNS_PER_SECOND) / 1_000).unwrap_or_default();
    let frames: &[&str] = if wording.unicode { &SPINNER } else { &PLAIN_SPINNER };
    frames.get(turn % frames.len()).copied().unwrap_or_default()
}

fn bar(percent: u8, wording: Wording) -> String {
    let full = usize::from(percent) * BAR / 100;
    let (done, open) = if wording.unicode { ("█", "░") } else { ("=", "-") };
    format!("[{}{}]", done.repeat(full), open.repeat(BAR - full))
}

/// As much of `text` as fits, with a sign that there is more.
fn fit(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for character in text.chars() {
        let mut longer = cut.clone();
        longer.push(character);
        if measure_text_width(&longer) + 1 > width {
            break;
        }
        cut = longer;
    }
    if width == 0 { String::new() } else { cut + "~" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono_tz::Tz;

    use super::*;
    use crate::follow::Until;
    use crate::services::{ApiError, Operation, OperationInfo, Progress, Service};
    use crate::testing::at;
    use crate::watch::{Locale, Seen, Watch};

    const WORDS: Wording = Wording { locale: Locale::En, zone: Tz::UTC, unicode: false, colours: false };

    /// The first has counts, the second none, the third can't be read.
    fn follower() -> (Follower, Vec<String>) {
        let names = [
            "projects/p/operations/ASA1MTAwNDQx",
            "projects/p/operations/import",
            "projects/p/operations/lost",
        ];
        let operations = names.map(|name| Operation::new(Service::DATASTORE, name).unwrap()).to_vec();
        let mut follower = Follower::new(operations, &Watch::default(), None, Until::All, at(0));
        for (index, item) in follower.items.iter_mut().enumerate() {
            let of = |done| (index == 0).then_some(Progress { done, of: Some(12_345) });
            let facts = |done| OperationInfo {
                start: Some(at(0)),
                entities: of(done),
                state: Some("PROCESSING".to_owned()),
                ..OperationInfo::default()
            };
            item.check.track = item.check.track.after(at(0), &facts(0)).after(at(60), &facts(5_184));
            item.check.last = Some(Seen { at: at(60), facts: facts(5_184) });
        }
        follower.items[2].failure = Some(ApiError::of_text("connection failed: no route to host"));
        let labels = super::super::label::labels(&follower.items);
        (follower, labels)
    }

    fn drawn(columns: usize, rows: usize, wording: Wording) -> Vec<String> {
        let (follower, labels) = follower();
        let moment = Moment { awake: Duration::from_millis(100), wall: at(62) };
        frame(&follower, &labels, wording, moment, Size { columns, rows })
    }

    #[test]
    fn a_wide_terminal_has_all_and_a_narrow_one_what_matters() {
        assert_eq!(
            drawn(120, 24, WORDS),
            [
                "/ ASA1MTAwNDQx [========------------]  41%  5,184 of 12,345 - 86/s - 1 min 2 s - expected by 08:02 UTC - PROCESSING",
                "/ import        1 min 2 s - PROCESSING",
                "/ lost          1 min 2 s - connection failed: no route to host",
                "0/3",
            ]
        );
        assert_eq!(
            drawn(80, 24, WORDS),
            [
                "/ ASA1MTAwNDQx [========------------]  41%  1 min 2 s - expected by 08:02 UTC",
                "/ import        1 min 2 s - PROCESSING",
                "/ lost          1 min 2 s - connection failed: no route to host",
                "0/3",
            ]
        );
        assert_eq!(
            drawn(40, 24, WORDS),
            [
                "/ ASA1MTAwNDQx  41%  86/s - 1 min 2 s",
                "/ import        1 min 2 s - PROCESSING",
                "/ lost          connection failed: no ~",
                "0/3",
            ]
        );
    }

    #[test]
    fn no_line_is_as_wide_as_the_terminal() {
        for columns in 1..130 {
            for unicode in [false, true] {
                for line in drawn(columns, 24, Wording { unicode, locale: Locale::Ja, ..WORDS }) {
                    assert!(measure_text_width(&line) < columns.max(2), "{columns}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn a_low_terminal_says_how_many_it_does_not_show() {
        assert_eq!(drawn(80, 3, WORDS).len(), 2);
        assert_eq!(drawn(80, 3, WORDS)[1], "0/3  +2");
        assert_eq!(drawn(80, 1, WORDS).len(), 2, "one is always shown");
    }
}
