//! `opwatch validate FILE`: reads a message as `serve` would, without sending anything.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::input;
use crate::locale::Locale;
use crate::message::{Defaults, Message, Received, Start, read};

/// Arguments of `opwatch validate`.
#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    /// The file with the message's JSON, or - for standard input
    pub file: PathBuf,
}

/// Runs `opwatch validate`: 0 for a good message, 64 for another, 1 when the file can't be read.
pub fn run(args: &ValidateArgs) -> ExitCode {
    let shown = input::name(&args.file);
    let data = match input::bytes(&args.file) {
        Ok(data) => data,
        Err(error) => {
            eprintln!("opwatch: {shown}: {error}");
            return ExitCode::FAILURE;
        }
    };
    if is_marked(&data) {
        eprintln!("opwatch: {shown}: it is not plain UTF-8. Save it as UTF-8 without a byte-order mark.");
        return ExitCode::from(64);
    }
    let received = Received { message_id: "validate".to_owned(), published: SystemClock.now() };
    match read(&data, &received, Defaults::default()) {
        Ok(message) => {
            println!("{shown}: {}", summary(&message));
            if let Message::Start(start) = &message {
                print!("{}", expansions(start, received.published));
            }
            ExitCode::SUCCESS
        }
        Err(problem) => {
            let field = if problem.field.is_empty() { "the message" } else { &problem.field };
            let why = Locale::En.words().problem(&problem);
            eprintln!("opwatch: {shown}: {field}: {why}");
            ExitCode::from(64)
        }
    }
}

/// Whether an editor wrote a byte-order mark, or UTF-16 without one: what a parser says of that helps nobody.
fn is_marked(data: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    marks.iter().any(|mark| data.starts_with(mark)) || data.iter().take(2).any(|byte| *byte == 0)
}

/// What the placeholders of a start expand to: for a look only, since each kickoff has other values.
fn expansions(start: &Start, now: DateTime<Utc>) -> String {
    let found = start.request.expansions();
    if found.is_empty() {
        return String::new();
    }
    let (zone, whose) = match start.watch.time_zone {
        Some(zone) => (zone, "the message's timeZone"),
        None => (Defaults::default().zone, "serve uses its TIME_ZONE"),
    };
    let now = now.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S");
    let mut text = format!(
        "  placeholders, if it were published now ({now} {zone}; {whose}; each kickoff has its own ${{id}}):\n"
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
        Message::Test(_) => "tests all links".to_owned(),
        Message::Report(_) => "a report that opwatch passed on".to_owned(),
    }
}
