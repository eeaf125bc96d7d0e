//! Operations as lines of a table that fits the terminal. Pure.

use chrono::{DateTime, Utc};
use console::{measure_text_width as width, truncate_str};

use super::rows::Row;
use crate::prose::grouped;
use crate::prose::locale::{Column, Label, Words};
use crate::services::shown_duration;
use crate::text::last_segment;
use crate::watch::Locale;

/// Cells of a row, and the least width to which each is shortened: the name and the target give way first.
const CELLS: usize = 6;
const LEAST: [usize; CELLS] = [16, 8, 8, 9, 8, 6];
const GAP: &str = "  ";

/// The table with a line of headings; on a terminal, in as many columns as it has.
pub(super) fn table(
    rows: &[Row],
    locale: Locale,
    now: DateTime<Utc>,
    unicode: bool,
    columns: Option<usize>,
) -> Vec<String> {
    let words = locale.words();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![[
        words.label(Label::Operation).to_owned(),
        words.column(Column::Work).to_owned(),
        words.label(Label::Target).to_owned(),
        words.label(Label::State).to_owned(),
        words.label(Label::Progress).to_owned(),
        words.column(Column::Age).to_owned(),
    ]];
    cells.extend(rows.iter().map(|row| row_cells(row, words, now, unicode)));
    let widths = fitted(&cells, columns);
    let line = |row: &[String; CELLS]| {
        let cells = row.iter().zip(widths).enumerate().map(|(number, (cell, most))| {
            let cell = shortened(cell, most, number == 0, unicode);
            let gap = " ".repeat(most.saturating_sub(width(&cell)));
            format!("{cell}{gap}")
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

fn row_cells(row: &Row, words: &dyn Words, now: DateTime<Utc>, unicode: bool) -> [String; CELLS] {
    let nothing = || if unicode { "–" } else { "-" }.to_owned();
    let info = &row.info;
    let state = info.state.clone().filter(|state| row.outcome.is_none() && !state.is_empty());
    let counts = info.entities.or(info.items.map(|items| items.count));
    let progress = row.percent().map(|percent| format!("{percent}%"));
    let age = info.start.and_then(|start| shown_duration(start, now));
    let cells = [
        row.operation.name().to_owned(),
        info.work.clone().unwrap_or_else(nothing),
        info.target.as_deref().map_or_else(nothing, |target| last_segment(target).to_owned()),
        state.unwrap_or_else(|| words.outcome(row.outcome).to_owned()),
        progress.or_else(|| counts.map(|count| grouped(count.done))).unwrap_or_else(nothing),
        age.map_or_else(nothing, |age| words.duration(age)),
    ];
    cells.map(|cell| plain(&cell, unicode))
}

/// Without control characters, which a name or a target could bring; in ASCII where the terminal has no more.
fn plain(cell: &str, unicode: bool) -> String {
    let shown = |c: char| if c.is_control() || (!unicode && !c.is_ascii()) { '?' } else { c };
    cell.chars().map(shown).collect()
}

/// The widths of the columns: as wide as their widest cells, and narrower, from the widest, until they fit.
fn fitted(cells: &[[String; CELLS]], columns: Option<usize>) -> [usize; CELLS] {
    let mut widths = [0; CELLS];
    for row in cells {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = width(cell).max(*most);
        }
    }
    let Some(columns) = columns else { return widths };
    let gaps = GAP.len() * (CELLS - 1);
    while widths.iter().sum::<usize>() + gaps > columns {
        let can_shrink = widths.iter_mut().zip(LEAST).filter(|(width, least)| **width > *least);
        match can_shrink.max_by_key(|(width, least)| **width - *least) {
            Some((widest, _)) => *widest -= 1,
            None => break,
        }
    }
    widths
}

/// `cell` in `most` columns. Of a name the end is kept, which is its own.
fn shortened(cell: &str, most: usize, is_name: bool, unicode: bool) -> String {
    let mark = if unicode { "…" } else { "..." };
    if width(cell) <= most {
        return cell.to_owned();
    }
    if !is_name {
        return truncate_str(cell, most, mark).into_owned();
    }
    let mut kept = String::new();
    for c in cell.chars().rev() {
        if width(&kept) + width(mark) >= most {
            break;
        }
        kept.insert(0, c);
    }
    format!("{mark}{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Observation, Operation, OperationInfo, Progress, Service};
    use crate::watch::Outcome;

    fn rows() -> Vec<Row> {
        let at = |text: &str| Some(text.parse().unwrap());
        let running = OperationInfo {
            work: Some("EXPORT_ENTITIES".to_owned()),
            state: Some("PROCESSING".to_owned()),
            start: at("2026-11-28T02:00:00Z"),
            entities: Some(Progress { done: 42, of: Some(100) }),
            target: Some("projects/p/instances/main-database".to_owned()),
            ..OperationInfo::default()
        };
        let name = |id: &str| {
            Operation::new(Service::DATASTORE, &format!("projects/my-project/operations/{id}")).unwrap()
        };
        let ended = OperationInfo { target: Some("évil\u{1b}[2J".to_owned()), ..OperationInfo::default() };
        vec![
            Row::of((name("ASA1MTAwNDQyMjEw"), Observation::Running(running))),
            Row { operation: name("ASA1"), outcome: Some(Outcome::Failed), info: ended },
        ]
    }

    fn shown(unicode: bool, columns: Option<usize>) -> Vec<String> {
        table(&rows(), Locale::En, "2026-11-28T03:30:00Z".parse().unwrap(), unicode, columns)
    }

    #[test]
    fn a_table_shows_names_whole_where_there_is_room() {
        assert_eq!(
            shown(true, None),
            [
                "Operation                                        Type             Target         State       Progress  Age",
                "projects/my-project/operations/ASA1MTAwNDQyMjEw  EXPORT_ENTITIES  main-database  PROCESSING  42%       1 h 30 min",
                "projects/my-project/operations/ASA1              –                évil?[2J       failed      –         –",
            ]
            .map(str::to_owned)
            .to_vec()
        );
    }

    #[test]
    fn a_narrow_terminal_shortens_the_widest_columns() {
        for columns in [80, 72] {
            for line in shown(true, Some(columns)) {
                assert!(width(&line) <= columns, "{line}");
            }
        }
        let narrow = shown(false, Some(72)).join("\n");
        assert!(narrow.contains("...") && narrow.is_ascii(), "{narrow}");
        assert!(narrow.contains("MTAwNDQyMjEw  "), "the end of a name is its own: {narrow}");
    }
}
