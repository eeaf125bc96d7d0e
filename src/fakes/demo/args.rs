//! What `opwatch demo` can be asked for.

use chrono_tz::Tz;
use clap::{Args, ValueEnum};

use crate::watch::{Locale, Outcome};

/// Arguments of `opwatch demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Whose operation it is: only Datastore's export is started by opwatch, the others are watched
    #[arg(long, value_enum, default_value_t = Which::Datastore)]
    pub service: Which,
    /// How the operation ends
    #[arg(long, value_enum, default_value_t = Ending::Succeeded)]
    pub outcome: Ending,
    /// How opwatch posts to Slack
    #[arg(long, value_enum, default_value_t = Way::Bot)]
    pub slack: Way,
    /// Language: en or ja
    #[arg(long, default_value = "en", value_parser = locale)]
    pub locale: Locale,
    /// Time zone of the message: any IANA name
    #[arg(long, default_value = "UTC", value_parser = zone)]
    pub time_zone: Tz,
    /// Keep the page with the message up until Ctrl-C
    #[arg(long)]
    pub stay: bool,
    /// Port of that page [default: any free port]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
}

/// The services whose story can be played, by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// An export, from its kickoff to its end
    Datastore,
    /// Cloud SQL: an export
    Sqladmin,
    /// GKE: a new cluster
    Container,
    /// BigQuery: a load job
    #[value(name = "bigquery.jobs")]
    BigqueryJobs,
    /// Cloud Build: a build of five steps
    #[value(name = "cloudbuild.builds")]
    CloudbuildBuilds,
    /// Spanner: two new indexes
    Spanner,
}

/// The outcomes that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ending {
    /// It succeeds
    Succeeded,
    /// It fails
    Failed,
    /// It is cancelled
    Cancelled,
    /// Datastore refuses to start it
    NotStarted,
    /// It is still running at the limit
    Stopped,
    /// opwatch lacks the permission to read the operation
    CannotTell,
}

impl Ending {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Succeeded => Outcome::Succeeded,
            Self::Failed => Outcome::Failed,
            Self::Cancelled => Outcome::Cancelled,
            Self::NotStarted => Outcome::NotStarted,
            Self::Stopped => Outcome::LimitReached,
            Self::CannotTell => Outcome::CannotTell,
        }
    }

    /// The colour of its message.
    pub(super) fn colour(self) -> &'static str {
        match self {
            Self::Succeeded => "#2eb67d",
            Self::Failed | Self::NotStarted => "#e01e5a",
            Self::Cancelled | Self::Stopped | Self::CannotTell => "#e8912d",
        }
    }
}

/// The ways to tell Slack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// A bot: one message that is edited while the export runs, and a reply in its thread at the end
    Bot,
    /// An incoming webhook: a message at the end
    Webhook,
}

fn locale(text: &str) -> Result<Locale, String> {
    text.parse().map_err(|()| format!("must be one of {}", Locale::ALLOWED))
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "must be an IANA time zone, such as Asia/Tokyo".to_owned())
}
