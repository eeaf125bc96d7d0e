//! `--pick`: a person chooses from a numbered list.

use std::io::{IsTerminal as _, stdin};

use super::{Listing, Wanted, list_of, not_read, read, remark, table};
use crate::cli::refused;
use crate::clock::{Clock, SystemClock};
use crate::google::Google;
use crate::services::{Operation, Service};
use crate::settings::{Place, Surroundings};
use crate::terminal;
use crate::watch::Locale;

/// As many as fit on a screen.
const SHOWN: usize = 20;

/// Lets the person choose among the operations of `service`.
///
/// # Errors
/// With the exit code, after saying why none was chosen.
pub(in crate::cli) async fn pick(
    google: &Google,
    service: Service,
    place: &Place<'_>,
    locale: Locale,
) -> Result<Operation, std::process::ExitCode> {
    if !stdin().is_terminal() {
        return Err(refused(
            "--pick needs a terminal; name the operations instead (`opwatch list` shows them)",
        ));
    }
    let list = list_of(service, place).map_err(refused)?;
    let listing = read(google, &list, Wanted::default()).await;
    let mut listing = listing.map_err(|error| not_read(&list, place.location.is_some(), &error))?;
    listing.rows.truncate(SHOWN);
    if listing.rows.is_empty() {
        return Err(refused(format_args!("{service} has no operations to choose from")));
    }
    show(&listing, locale);
    loop {
        terminal::error_part(format_args!("1-{}, or nothing to leave: ", listing.rows.len()));
        let mut line = String::new();
        let is_over = stdin().read_line(&mut line).map_or(true, |count| count == 0);
        match chosen(&line, listing.rows.len()) {
            Choice::Number(number) if !is_over => {
                if let Some(row) = listing.rows.get(number) {
                    return Ok(row.operation.clone());
                }
            }
            Choice::Unclear if !is_over => {}
            Choice::Number(_) | Choice::Unclear | Choice::None => {
                return Err(refused("no operation was chosen"));
            }
        }
    }
}

fn show(listing: &Listing, locale: Locale) {
    let unicode = Surroundings::read().unicode;
    let columns =
        console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns).saturating_sub(4));
    let lines = table::table(&listing.rows, locale, SystemClock.now(), unicode, columns);
    for (number, line) in lines.iter().enumerate() {
        let number = if number == 0 { String::new() } else { number.to_string() };
        terminal::error(format_args!("{number:>2}  {line}"));
    }
    remark(listing);
}

/// What a line chooses.
#[derive(Debug, PartialEq)]
enum Choice {
    /// The row with this index.
    Number(usize),
    None,
    Unclear,
}

fn chosen(line: &str, count: usize) -> Choice {
    match (line.trim(), line.trim().parse::<usize>()) {
        ("", _) => Choice::None,
        (_, Ok(number)) if (1..=count).contains(&number) => Choice::Number(number - 1),
        _ => Choice::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_list_chooses() {
        for (line, wanted) in [
            ("2\n", Choice::Number(1)),
            (" 1 ", Choice::Number(0)),
            ("\n", Choice::None),
            ("", Choice::None),
            ("0", Choice::Unclear),
            ("4", Choice::Unclear),
            ("-1", Choice::Unclear),
            ("x", Choice::Unclear),
        ] {
            assert_eq!(chosen(line, 3), wanted, "{line:?}");
        }
    }
}
