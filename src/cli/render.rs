//! `opwatch render`: what Slack or Google Chat would be told of a recorded operation, by the code that tells it. Sends nothing,
//! needs no settings.

mod html;
mod recording;
mod scene;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use self::scene::{Rendered, tell};
use crate::outlets::{Part, chat, slack};
use crate::prose::Notice;
use crate::settings::ExtraArgs;
use crate::terminal;
use crate::watch::Outcome;

/// Arguments of `opwatch render`.
#[derive(Args, Clone, Debug)]
pub struct RenderArgs {
    /// File with the operation (the JSON of a GET), or - for standard input
    #[arg(long, value_name = "FILE")]
    pub operation: Option<PathBuf>,
    /// File with an earlier recording of it, for rate and expected end
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
    /// If the file is a list: which operation, by its name or the last segment of the name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Service that the name belongs to, such as spanner [default: by the form of the name]
    #[arg(long)]
    pub service: Option<String>,
    /// Ending to show [default: the operation's own]
    #[arg(long, value_parser = outcome, value_name = "OUTCOME", long_help = outcomes_help())]
    pub outcome: Option<Outcome>,
    /// Number of the check [default: 0, or 1 with --previous]
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Maximum number of checks
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub limit: u32,
    /// Seconds between two checks
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub interval: u32,
    /// Language: en or ja [default: en]
    #[arg(long)]
    pub locale: Option<String>,
    /// Time zone: any IANA name [default: UTC]
    #[arg(long)]
    pub time_zone: Option<String>,
    /// Title of the message
    #[arg(long)]
    pub title: Option<String>,
    /// Who is mentioned: here, a person (`U…`) or a user group (`S…`); in Google Chat users/all or a person (`users/…`)
    #[arg(long)]
    pub mention: Option<String>,
    /// When to mention: failure, always, never [default: failure]
    #[arg(long)]
    pub mention_on: Option<String>,
    /// Topic in the commands of the message [default: opwatch in the operation's project]
    #[arg(long)]
    pub topic: Option<String>,
    /// Which message
    #[arg(long, value_enum, default_value_t = Which::Whole)]
    pub part: Which,
    /// Whose message
    #[arg(long, value_enum, default_value_t = Place::Slack)]
    pub outlet: Place,
    /// Print a page (HTML) that shows the message as the outlet does
    #[arg(long)]
    pub html: bool,
    /// What services there are
    #[command(flatten)]
    pub extra: ExtraArgs,
}

/// Which message of those that tell one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// A webhook's message, or a bot's while the operation runs
    Whole,
    /// A bot's message after its last edit
    Edit,
    /// A bot's reply in the thread
    Reply,
    /// A bot's message and reply
    Thread,
}

/// The outlets that people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// Slack
    Slack,
    /// Google Chat
    Chat,
}

impl Place {
    fn payload(self, notice: &Notice, part: Part) -> Value {
        match self {
            Self::Slack => slack::payload(notice, part),
            Self::Chat => chat::payload(notice, part),
        }
    }
}

impl Which {
    fn parts(self) -> &'static [Part] {
        match self {
            Self::Whole => &[Part::Whole],
            Self::Edit => &[Part::Edit],
            Self::Reply => &[Part::Reply],
            Self::Thread => &[Part::Edit, Part::Reply],
        }
    }
}

const OUTCOMES: [(&str, Outcome); 12] = [
    ("succeeded", Outcome::Succeeded),
    ("failed", Outcome::Failed),
    ("cancelled", Outcome::Cancelled),
    ("not-started", Outcome::NotStarted),
    ("stopped", Outcome::LimitReached),
    ("cannot-tell", Outcome::CannotTell),
    ("running", Outcome::Running),
    ("stalled", Outcome::Stalled),
    ("lost", Outcome::Lost),
    ("notice", Outcome::Notice),
    ("test", Outcome::Test),
    ("doctor", Outcome::Doctor),
];

fn outcomes_help() -> String {
    format!("Ending to show [default: the operation's own]: {}", OUTCOMES.map(|(word, _)| word).join(", "))
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let found = OUTCOMES.iter().find(|(word, _)| *word == text).map(|(_, outcome)| *outcome);
    found.ok_or_else(|| format!("must be one of {}", OUTCOMES.map(|(word, _)| word).join(", ")))
}

/// Runs `opwatch render`: 0, or 64 when the arguments or files can't be used.
pub fn run(args: &RenderArgs) -> ExitCode {
    match tell(args) {
        Ok(told) => {
            told.taken.iter().for_each(|taken| terminal::error(format_args!("opwatch: {taken}")));
            terminal::line(shown(args, &told));
            ExitCode::SUCCESS
        }
        Err(why) => super::refused(why),
    }
}

/// What `opwatch render` prints.
///
/// # Errors
/// With the argument or file that can't be used, why, and what to give.
pub fn render(args: &RenderArgs) -> Result<String, String> {
    tell(args).map(|told| shown(args, &told))
}

fn shown(args: &RenderArgs, told: &Rendered) -> String {
    if args.html { html::page_of(args, told) } else { json(args, told) }
}

fn json(args: &RenderArgs, told: &Rendered) -> String {
    let payload = |part: &Part| args.outlet.payload(&told.notice, *part);
    let payloads: Vec<Value> = args.part.parts().iter().map(payload).collect();
    match payloads.as_slice() {
        [only] => format!("{only:#}"),
        all => format!("{:#}", Value::from(all)),
    }
}
