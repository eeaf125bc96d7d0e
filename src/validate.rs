//! `opwatch validate FILE`: reads a message as `serve` would, without sending anything.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::locale::Locale;
use crate::message::{Defaults, Message, Received, read};

/// Arguments of `opwatch validate`.
#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    /// The file with the message's JSON
    pub file: PathBuf,
}

/// Runs `opwatch validate`: 0 for a good message, 64 for another, 1 when the file can't be read.
pub fn run(args: &ValidateArgs) -> ExitCode {
    let data = match std::fs::read(&args.file) {
        Ok(data) => data,
        Err(error) => {
            eprintln!("opwatch: {}: {error}", args.file.display());
            return ExitCode::FAILURE;
        }
    };
    let received = Received { message_id: "validate".to_owned(), published: SystemClock.now() };
    match read(&data, &received, Defaults::default()) {
        Ok(message) => {
            println!("{}: {}", args.file.display(), summary(&message));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            let field = if problem.field.is_empty() { "the message" } else { &problem.field };
            let why = Locale::En.words().problem(&problem);
            eprintln!("opwatch: {}: {field}: {why}", args.file.display());
            ExitCode::from(64)
        }
    }
}

fn summary(message: &Message) -> String {
    match message {
        Message::Start(start) => format!("starts {} on {}", start.request.method, start.request.resource()),
        Message::Check(check) => format!("watches {}", check.operation),
        Message::Test(_) => "tests all links".to_owned(),
        Message::Report(_) => "a report that opwatch passed on".to_owned(),
    }
}
