//! How operations are followed in a terminal: the options that `wait` and what else waits have in common.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::parse::{MAX_TIME, duration, interval};
use super::surroundings::Surroundings;
use super::{BadSettings, CheckSettings};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::follow::{Options, Output, Until, Wording};

/// How to wait.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Clone, Debug)]
pub struct FollowArgs {
    /// End when all operations have ended (the default)
    #[arg(long, conflicts_with = "any")]
    pub all: bool,
    /// End when the first operation has ended, with its exit status
    #[arg(long)]
    pub any: bool,
    /// How long to wait, such as 2h: after that the exit status is 124, and the operations go on
    #[arg(long, value_name = "TIME", default_value = UNSET, hide_default_value = true, value_parser = reads("2h", timeout))]
    pub timeout: Setting<Duration>,
    /// Time between two checks of an operation, 1s to 24h [default: a twentieth of its age, from 2s to 60s, and less before its
    /// expected end]
    #[arg(long, value_name = "TIME", default_value = UNSET, hide_default_value = true, value_parser = reads("30s", interval))]
    pub interval: Setting<u32>,
    /// Print only how each operation ended
    #[arg(long)]
    pub quiet: bool,
    /// Print an event in JSON on each line, as `opwatch schema event` describes it
    #[arg(long)]
    pub json: bool,
    /// Whether to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Ask to cancel the operations that still run when interrupted
    #[arg(long)]
    pub cancel_on_interrupt: bool,
    /// Post each end to Slack, with the settings of `serve` in the environment: `SLACK_WEBHOOK_URL`, or `SLACK_BOT_TOKEN` and
    /// `SLACK_CHANNEL`
    #[arg(long)]
    pub notify: bool,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl FollowArgs {
    /// How to follow operations with this title.
    ///
    /// # Errors
    /// With a line for each option that can't be used.
    pub fn check(&self, settings: &CheckSettings, title: Option<String>) -> Result<Options, BadSettings> {
        let mut problems = Problems::default();
        let Surroundings { unicode, colours, redraws } = Surroundings::read();
        let is_terminal = stdout().is_terminal();
        let colours = match self.color {
            Color::Auto => is_terminal && colours,
            Color::Always => true,
            Color::Never => false,
        };
        let output = match (self.json, is_terminal && redraws && !self.quiet) {
            (true, _) => Output::Json,
            (false, true) => Output::Screen,
            (false, false) => Output::Log,
        };
        let options = Options {
            until: if self.any { Until::Any } else { Until::All },
            interval: self.interval.check(&mut problems).map(|seconds| Duration::from_secs(seconds.into())),
            timeout: self.timeout.check(&mut problems),
            output,
            quiet: self.quiet,
            cancels: self.cancel_on_interrupt,
            title,
            wording: Wording { locale: settings.locale, zone: settings.zone, unicode, colours },
        };
        problems.or(options)
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = Some(duration(text)?).filter(|timeout| !timeout.is_zero() && *timeout <= MAX_TIME);
    timeout.ok_or_else(|| "must be more than nothing, and less than a hundred years".to_owned())
}
