//! The settings of the ledger, and of the command that shows it.

use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::Args;
use secrecy::SecretString;

use super::parse::{MAX_TIME, database, project, span, topic};
use super::{BadSettings, CommonArgs, TOPIC};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::ledger::Ledger;
use crate::net::endpoints::Endpoints;
use crate::services::{DEFAULT_DATABASE, project_of};
use crate::watch::Locale;

const KIND: &str = "OpwatchOperation";
const DEFAULT_KEEP: TimeDelta = TimeDelta::days(400);
const SHORTEST_KEEP: Duration = Duration::from_secs(24 * 3_600);
/// Google's limit for a namespace. A kind may be longer, which nobody needs.
const MAX_NAME_BYTES: usize = 100;

/// Where history is kept.
#[derive(Args, Clone, Debug)]
pub struct LedgerArgs {
    /// Kind of the Datastore entities that hold the history, such as `OpwatchOperation` [default: no history]
    #[arg(long, env = "LEDGER_KIND", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(KIND, kind))]
    pub ledger_kind: Setting<String>,
    /// Project of the history [default: the topic's project]
    #[arg(long, env = "LEDGER_PROJECT", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("my-project", project))]
    pub ledger_project: Setting<String>,
    /// Namespace of the history [default: the default namespace]
    #[arg(long, env = "LEDGER_NAMESPACE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("opwatch", plain))]
    pub ledger_namespace: Setting<String>,
    /// Database of the history [default: the default database]
    #[arg(long, env = "LEDGER_DATABASE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("opwatch", database_of_ledger))]
    pub ledger_database: Setting<String>,
    /// How long history is kept, if there is a TTL policy on `expires`
    #[arg(long, env = "LEDGER_KEEP", hide_env_values = true, default_value = "400days", value_parser = reads("400days", keep))]
    pub ledger_keep: Setting<TimeDelta>,
}

/// Arguments of `opwatch history`.
#[derive(Args, Clone, Debug)]
pub struct HistoryArgs {
    /// Only runs with this title
    #[arg(long)]
    pub title: Option<String>,
    /// Only runs seen within this time, such as `30days`
    #[arg(long, default_value = UNSET, hide_default_value = true, value_parser = reads("30days", since))]
    pub since: Setting<TimeDelta>,
    /// Maximum number of runs, 1 to 10000
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Topic whose project is used: projects/P/topics/T
    #[arg(long, env = "TOPIC", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(TOPIC, topic))]
    pub topic: Setting<String>,
    /// Where history is kept
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Settings that `serve` has too
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What `opwatch history` runs with.
#[derive(Clone, Debug)]
pub struct HistorySettings {
    /// Where history is kept.
    pub ledger: Ledger,
    /// How far back to look.
    pub since: Option<TimeDelta>,
    /// The language.
    pub locale: Locale,
    /// The time zone.
    pub zone: Tz,
    /// Where the APIs answer.
    pub endpoints: Endpoints,
    /// The token to use instead of the machine's.
    pub access_token: Option<SecretString>,
}

impl HistoryArgs {
    /// Checks all settings.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self) -> Result<HistorySettings, BadSettings> {
        let mut problems = Problems::default();
        let bad = &mut problems;
        let topic = self.topic.check(bad).unwrap_or_default();
        let ledger = self.ledger.check(project_of(&topic), bad);
        if !self.ledger.ledger_kind.is_given() {
            self.ledger.ledger_kind.refuse("must be set", bad);
        }
        if ledger.as_ref().is_some_and(|ledger| ledger.project.is_empty()) {
            self.ledger.ledger_project.refuse("must be set, or TOPIC", bad);
        }
        let since = self.since.check(bad);
        let locale = self.common.locale.check(bad).unwrap_or_default();
        let zone = self.common.time_zone.check(bad).unwrap_or(Tz::UTC);
        self.common.extra.add(bad);
        let endpoints = self.common.check_endpoints(bad);
        let access_token = self.common.access_token.check(bad);
        // Without a kind there is a line about it.
        let ledger = ledger.unwrap_or_else(|| Ledger {
            kind: String::new(),
            project: String::new(),
            namespace: String::new(),
            database: String::new(),
            keep: DEFAULT_KEEP,
        });
        problems.or(HistorySettings { ledger, since, locale, zone, endpoints, access_token })
    }
}

impl LedgerArgs {
    /// Refuses what means nothing without a kind: whoever set it wants history.
    pub(super) fn check_kind(&self, problems: &mut Problems) {
        let texts = [&self.ledger_project, &self.ledger_namespace, &self.ledger_database];
        let texts = texts.map(|setting| (setting.name(), setting.is_given()));
        let keep = (self.ledger_keep.name(), self.ledger_keep.is_given());
        let others = texts.into_iter().chain([keep]).filter(|(_, is_given)| *is_given);
        let others: Vec<&str> = others.map(|(name, _)| name).collect();
        if !self.ledger_kind.is_given() && !others.is_empty() {
            let why = format!("must be set: {} has no effect without it", others.join(", "));
            self.ledger_kind.refuse(&why, problems);
        }
    }

    /// The ledger, when it is on. The other settings are checked even when it is off.
    pub(super) fn check(&self, of_topic: &str, problems: &mut Problems) -> Option<Ledger> {
        let kind = self.ledger_kind.check(problems);
        let project = self.ledger_project.check(problems);
        let namespace = self.ledger_namespace.check(problems);
        let database = self.ledger_database.check(problems);
        let keep = self.ledger_keep.check(problems);
        Some(Ledger {
            kind: kind?,
            project: project.unwrap_or_else(|| of_topic.to_owned()),
            namespace: namespace.unwrap_or_default(),
            database: database.unwrap_or_default(),
            keep: keep.unwrap_or(DEFAULT_KEEP),
        })
    }
}

fn plain(text: &str) -> Result<String, String> {
    let fits = text.len() <= MAX_NAME_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    fits.then(|| text.to_owned()).ok_or_else(|| {
        format!("{text:?} must be at most {MAX_NAME_BYTES} letters, digits, dots, dashes and underscores")
    })
}

fn kind(text: &str) -> Result<String, String> {
    if text.starts_with("__") { Err(format!("{text:?} is reserved by Datastore")) } else { plain(text) }
}

/// The default database has an empty id.
fn database_of_ledger(text: &str) -> Result<String, String> {
    if text == DEFAULT_DATABASE { Ok(String::new()) } else { database(text) }
}

fn keep(text: &str) -> Result<TimeDelta, String> {
    span(text, SHORTEST_KEEP..=MAX_TIME, "from 1 day to 36500 days")
}

fn since(text: &str) -> Result<TimeDelta, String> {
    span(text, Duration::ZERO..=MAX_TIME, "at most 36500 days")
}
