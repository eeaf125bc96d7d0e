//! `opwatch history`: the last runs that the ledger knows, as a table.

mod table;

use std::process::ExitCode;

use super::{google, refused};
use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::google::{CallError, Google, LOGIN};
use crate::ledger::{Comparison, Run, Success};
use crate::settings::{HistoryArgs, HistorySettings};
use crate::terminal;

/// Runs `opwatch history`: 0 when the ledger could be read, 1 when not, 64 for bad settings.
pub async fn run(args: &HistoryArgs) -> ExitCode {
    let settings = match args.check() {
        Ok(settings) => settings,
        Err(bad) => return refused(format_args!("invalid settings:\n{bad}")),
    };
    let google = match google(settings.access_token.clone(), settings.endpoints.clone()) {
        Ok(google) => google,
        Err(code) => return code,
    };
    let runs = match read(args, &settings, &google).await {
        Ok(runs) => runs,
        Err(error) => {
            terminal::error(format_args!("opwatch: the ledger could not be read: {error}"));
            if matches!(error, CallError::NoToken(_)) {
                terminal::error(format_args!("opwatch: {LOGIN}"));
            }
            return ExitCode::FAILURE;
        }
    };
    if args.json {
        terminal::line(format_args!("{:#}", table::json(&runs)));
    } else {
        terminal::line(format_args!(
            "{}",
            table::table(&runs, comparison(&runs).as_ref(), settings.locale, settings.zone)
        ));
    }
    ExitCode::SUCCESS
}

/// The runs that were asked for, the newest last.
async fn read(
    args: &HistoryArgs,
    settings: &HistorySettings,
    google: &Google,
) -> Result<Vec<Run>, CallError> {
    let mut runs = Vec::new();
    let since = settings.since.map(|since| SystemClock.now() - since);
    // By title here and not in the query, which would need an index of two properties.
    let wanted = |run: Run| {
        if args.title.is_none() || args.title == run.title {
            runs.push(run);
        }
        runs.len() < usize::from(args.limit)
    };
    settings.ledger.runs(google, since, wanted, CALL_LIMIT).await?;
    runs.reverse();
    Ok(runs)
}

/// The last success, compared with the previous one of the same work.
fn comparison(runs: &[Run]) -> Option<Comparison> {
    let successes: Vec<(&Run, Success)> =
        runs.iter().filter_map(|run| Some((run, Success::of_run(run)?))).collect();
    let ((run, success), earlier) = successes.split_last()?;
    let (_, before) = earlier.iter().rev().find(|(other, _)| other.is_like(run))?;
    Some(Comparison::of(success, before))
}
