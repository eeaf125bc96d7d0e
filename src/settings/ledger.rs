//! The settings of the ledger, and of the command that shows it.

use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::Args;
use secrecy::SecretString;

use super::parse::{Bad, database, duration, given, project, resource};
use super::{BadSettings, CommonArgs};
use crate::ledger::Ledger;
use crate::net::endpoints::Endpoints;
use crate::services::DEFAULT_DATABASE;
use crate::watch::Locale;

const KIND: &str = "OpwatchOperation";
const TOPIC: &str = "projects/my-project/topics/opwatch";
const DEFAULT_KEEP: TimeDelta = TimeDelta::days(400);
const SHORTEST_KEEP: Duration = Duration::from_secs(24 * 3_600);
const LONGEST_KEEP: Duration = Duration::from_secs(36_500 * 24 * 3_600);
/// Google's limit for a namespace. A kind may be longer, which nobody needs.
const LONGEST: usize = 100;

/// Where history is kept.
#[derive(Args, Clone, Debug, Default)]
pub struct LedgerArgs {
    /// Keeps history in Datastore entities of this kind, such as `OpwatchOperation` [default: no history]
    #[arg(long, env = "LEDGER_KIND", hide_env_values = true)]
    pub ledger_kind: Option<String>,
    /// Project of the history [default: the topic's project]
    #[arg(long, env = "LEDGER_PROJECT", hide_env_values = true)]
    pub ledger_project: Option<String>,
    /// Namespace of the history [default: the default namespace]
    #[arg(long, env = "LEDGER_NAMESPACE", hide_env_values = true)]
    pub ledger_namespace: Option<String>,
    /// Database of the history [default: the default database]
    #[arg(long, env = "LEDGER_DATABASE", hide_env_values = true)]
    pub ledger_database: Option<String>,
    /// How long history is kept, if there is a TTL policy on `expires` [default: 400days]
    #[arg(long, env = "LEDGER_KEEP", hide_env_values = true)]
    pub ledger_keep: Option<String>,
}

/// Arguments of `opwatch history`.
#[derive(Args, Clone, Debug, Default)]
pub struct HistoryArgs {
    /// Only runs with this title
    #[arg(long)]
    pub title: Option<String>,
    /// Only runs seen in this time before now, such as `30days`
    #[arg(long)]
    pub since: Option<String>,
    /// Maximum number of runs, 1 to 10000
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Topic whose project is used: projects/P/topics/T
    #[arg(long, env = "TOPIC", hide_env_values = true)]
    pub topic: Option<String>,
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
        let mut bad = Bad::default();
        let topic =
            bad.optional("TOPIC", self.topic.as_ref(), TOPIC, |text| resource(text, &["projects", "topics"]));
        let of_topic = topic.as_deref().map(crate::services::project_of).unwrap_or_default();
        let ledger = self.ledger.check(of_topic, &mut bad);
        if ledger.is_none() && given(self.ledger.ledger_kind.as_ref()).is_none() {
            bad.say("LEDGER_KIND", "must be set", KIND);
        }
        if ledger.as_ref().is_some_and(|ledger| ledger.project.is_empty()) {
            bad.say("LEDGER_PROJECT", "must be set, or TOPIC", "my-project");
        }
        let since = bad.optional("--since", self.since.as_ref(), "30days", |text| {
            let duration = duration(text)?;
            let known = Some(duration).filter(|duration| *duration <= LONGEST_KEEP);
            let since = known.and_then(|duration| TimeDelta::from_std(duration).ok());
            since.ok_or_else(|| "must be at most 36500 days".to_owned())
        });
        let (locale, zone) = (self.common.check_locale(&mut bad), self.common.check_zone(&mut bad));
        let endpoints = self.common.check_endpoints(&mut bad);
        let access_token = self.common.check_token(&mut bad);
        // Without a kind there is a line about it.
        let ledger = ledger.unwrap_or_else(|| Ledger {
            kind: String::new(),
            project: String::new(),
            namespace: String::new(),
            database: String::new(),
            keep: DEFAULT_KEEP,
        });
        bad.or(HistorySettings { ledger, since, locale, zone, endpoints, access_token })
    }
}

impl LedgerArgs {
    /// Refuses what means nothing without a kind: whoever set it wants history.
    pub(super) fn check_kind(&self, bad: &mut Bad) {
        let others = [
            ("LEDGER_PROJECT", &self.ledger_project),
            ("LEDGER_NAMESPACE", &self.ledger_namespace),
            ("LEDGER_DATABASE", &self.ledger_database),
            ("LEDGER_KEEP", &self.ledger_keep),
        ];
        let others = others.into_iter().filter(|(_, value)| given(value.as_ref()).is_some());
        let others: Vec<&str> = others.map(|(setting, _)| setting).collect();
        if given(self.ledger_kind.as_ref()).is_none() && !others.is_empty() {
            let why = format!("must be set: {} has no effect without it", others.join(", "));
            bad.say("LEDGER_KIND", &why, KIND);
        }
    }

    /// The ledger, when it is on. The other settings are checked even when it is off.
    pub(super) fn check(&self, of_topic: &str, bad: &mut Bad) -> Option<Ledger> {
        let plain = |text: &str| {
            let fits = text.len() <= LONGEST
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            fits.then(|| text.to_owned()).ok_or_else(|| {
                format!("{text:?} must be at most {LONGEST} letters, digits, dots, dashes and underscores")
            })
        };
        let kind = bad.optional("LEDGER_KIND", self.ledger_kind.as_ref(), KIND, |text| {
            if text.starts_with("__") {
                Err(format!("{text:?} is reserved by Datastore"))
            } else {
                plain(text)
            }
        });
        let set = bad.optional("LEDGER_PROJECT", self.ledger_project.as_ref(), "my-project", project);
        let namespace = bad.optional("LEDGER_NAMESPACE", self.ledger_namespace.as_ref(), "opwatch", plain);
        let database =
            bad.optional("LEDGER_DATABASE", self.ledger_database.as_ref(), "opwatch", |text| match text {
                DEFAULT_DATABASE => Ok(String::new()),
                id => database(id),
            });
        let keep = bad.optional("LEDGER_KEEP", self.ledger_keep.as_ref(), "400days", |text| {
            let duration = duration(text)?;
            let known = Some(duration).filter(|duration| (SHORTEST_KEEP..=LONGEST_KEEP).contains(duration));
            let keep = known.and_then(|duration| TimeDelta::from_std(duration).ok());
            keep.ok_or_else(|| "must be from 1 day to 36500 days".to_owned())
        });
        Some(Ledger {
            kind: kind?,
            project: set.unwrap_or_else(|| of_topic.to_owned()),
            namespace: namespace.unwrap_or_default(),
            database: database.unwrap_or_default(),
            keep: keep.unwrap_or(DEFAULT_KEEP),
        })
    }
}
