//! `opwatch validate FILE…`: reads messages as `serve` would, without sending anything, and says what the service that is to be
//! called would refuse or misunderstand.

mod advice;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;

use self::advice::{Advice, advice};
use super::{USAGE, refused};
use crate::cli::input;
use crate::clock::{Clock, SystemClock};
use crate::message::{Defaults, Received, read};
use crate::outlets;
use crate::settings::ExtraArgs;
use crate::terminal;
use crate::trust::Origin;
use crate::watch::{Locale, Message, Start};

/// Arguments of `opwatch validate`.
#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    /// Files with one message (JSON) each, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check messages that a schedule will publish repeatedly: a "key" is refused
    #[arg(long)]
    pub schedule: bool,
    /// What services there are
    #[command(flatten)]
    pub extra: ExtraArgs,
}

/// What a "key" does to a message that is published again.
const KEY: &str = "for 24 hours, an operation with the same key counts as this kickoff's, so publishing it again starts \
                   nothing. The commands that opwatch prints carry a key because they are to be run once. Remove it from \
                   a scheduled message.";

/// Runs `opwatch validate`: 0 when all messages are good, 64 when one is not, 1 when a file can't be read.
pub fn run(args: &ValidateArgs) -> ExitCode {
    if let Err(bad) = args.extra.check() {
        return refused(bad);
    }
    let worst = args.files.iter().map(|file| validate(file, args.schedule)).max_by_key(|found| *found as u8);
    match worst {
        None | Some(Found::Good) => ExitCode::SUCCESS,
        Some(Found::Bad) => ExitCode::from(USAGE),
        Some(Found::Unread) => ExitCode::FAILURE,
    }
}

/// What became of a file, the worst last.
#[derive(Clone, Copy)]
enum Found {
    Good,
    Bad,
    Unread,
}

fn validate(file: &Path, schedule: bool) -> Found {
    let shown = input::name(file);
    let data = match input::bytes(file) {
        Ok(data) => data,
        Err(error) => {
            terminal::error(format_args!("opwatch: {shown}: {error}"));
            return Found::Unread;
        }
    };
    let received =
        Received { message_id: "validate".to_owned(), published: SystemClock.now(), origin: Origin::Public };
    let message = match read(&data, &received, &Defaults::new(outlets::ADDRESSING)) {
        Ok(message) => message,
        Err(problem) => {
            let field = if problem.field.is_empty() { "the message" } else { &problem.field };
            let why = Locale::En.words().problem(&problem);
            terminal::error(format_args!("opwatch: {shown}: {field}: {why}"));
            return Found::Bad;
        }
    };
    let mut advice = advice(&message);
    if matches!(&message, Message::Start(start) if start.key.is_some()) {
        advice.push(Advice { field: "key".to_owned(), text: KEY.to_owned(), certain: schedule });
    }
    for Advice { field, text, certain } in &advice {
        let warning = if *certain { "" } else { "warning: " };
        terminal::error(format_args!("opwatch: {shown}: {warning}{field}: {text}"));
    }
    if advice.iter().any(|advice| advice.certain) {
        return Found::Bad;
    }
    terminal::line(format_args!("{shown}: {}", summary(&message)));
    if let Message::Start(start) = &message {
        terminal::part(expansions(start, received.published));
    }
    Found::Good
}

/// What the placeholders of a start expand to: for a look only, since each kickoff has other values.
fn expansions(start: &Start, now: DateTime<Utc>) -> String {
    let found = start.request.expansions();
    if found.is_empty() {
        return String::new();
    }
    let (zone, whose) = match start.watch.time_zone {
        Some(zone) => (zone, "the message's timeZone"),
        None => (Defaults::new(outlets::ADDRESSING).zone, "serve uses its TIME_ZONE"),
    };
    let now = now.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S");
    let mut text = format!(
        "  placeholders, if it were published now ({now} {zone}; {whose}; ${{id}} differs for each kickoff):\n"
    );
    for (field, value) in found {
        text.extend(["    ", &field, " = ", &value, "\n"]);
    }
    text
}

fn summary(message: &Message) -> String {
    match message {
        Message::Start(start) => format!("starts {} on {}", start.request.method, start.request.resource()),
        Message::Check(check) => format!("watches {}", check.operation),
        Message::Test(_) => "tests the message path".to_owned(),
        Message::Report(_) => "a report that opwatch sent to itself".to_owned(),
    }
}
