//! The settings that bound what messages may start.

use clap::Args;

use super::parse::{ANY, Bad, database, given, interval, project};
use crate::policy::{Database, Limits, Locations, Policy};
use crate::services::{DEFAULT_DATABASE, StartMethod};

const PREFIX: &str = "gs://my-backups/nightly";
const DEFAULT_STARTS: &str = "datastore:export,firestore:exportDocuments";
/// `MAX_STARTS_PER_HOUR` by default.
const STARTS_PER_HOUR: u32 = 100;
/// The highest limit: each instance keeps the slots of the current period in memory.
const HIGHEST_LIMIT: u32 = 10_000;
/// The word that allows nothing.
const NONE: &str = "none";

/// What may be started.
#[derive(Args, Clone, Debug, Default)]
pub struct PolicyArgs {
    /// Methods that may be started: datastore:export, datastore:import, firestore:exportDocuments,
    /// firestore:importDocuments, or `none` to only watch [default:
    /// datastore:export,firestore:exportDocuments]
    #[arg(long, env = "STARTS", hide_env_values = true)]
    pub starts: Option<String>,
    /// Locations below which exports may write: `gs://bucket/path,…`, or `any`. Without it every export is
    /// refused [default: nowhere]
    #[arg(long, env = "EXPORT_PREFIXES", hide_env_values = true)]
    pub export_prefixes: Option<String>,
    /// Locations below which imports may read: `gs://bucket/path,…`, or `any`. Without it every import is
    /// refused [default: nothing]
    #[arg(long, env = "IMPORT_PREFIXES", hide_env_values = true)]
    pub import_prefixes: Option<String>,
    /// Maximum number of starts per project and hour, up to 10000; 0 is no limit [default: 100]
    #[arg(long, env = "MAX_STARTS_PER_HOUR", hide_env_values = true)]
    pub max_starts_per_hour: Option<String>,
    /// Maximum number of kickoffs per minute, up to 10000; 0 is no limit [default: 0]
    #[arg(long, env = "MAX_WATCHES_PER_MINUTE", hide_env_values = true)]
    pub max_watches_per_minute: Option<String>,
    /// Shortest `interval` that a message may ask for, 1s to 24h [default: 1s]
    #[arg(long, env = "MIN_INTERVAL", hide_env_values = true)]
    pub min_interval: Option<String>,
}

impl PolicyArgs {
    /// Checks these settings and puts them into `policy`.
    pub(super) fn check(&self, policy: &mut Policy, bad: &mut Bad) {
        policy.starts = self.check_starts(bad);
        policy.exports = locations("EXPORT_PREFIXES", self.export_prefixes.as_ref(), bad);
        policy.imports = locations("IMPORT_PREFIXES", self.import_prefixes.as_ref(), bad);
        policy.limits = Limits {
            starts_per_hour: limit("MAX_STARTS_PER_HOUR", self.max_starts_per_hour.as_ref(), bad)
                .unwrap_or(STARTS_PER_HOUR),
            watches_per_minute: limit("MAX_WATCHES_PER_MINUTE", self.max_watches_per_minute.as_ref(), bad)
                .unwrap_or(0),
            min_interval: bad
                .optional("MIN_INTERVAL", self.min_interval.as_ref(), "30s", interval)
                .unwrap_or(1),
        };
    }

    fn check_starts(&self, bad: &mut Bad) -> Vec<StartMethod> {
        if given(self.starts.as_ref()) == Some(NONE) {
            return Vec::new();
        }
        bad.list("STARTS", self.starts.as_ref(), [DEFAULT_STARTS; 2], |text| {
            let all = || StartMethod::all().map(|method| method.to_string()).collect::<Vec<_>>().join(", ");
            text.parse().map_err(|()| format!("{text:?} is not one of {} (or {NONE}, alone)", all()))
        })
    }
}

fn limit(setting: &str, value: Option<&String>, bad: &mut Bad) -> Option<u32> {
    bad.optional(setting, value, "100", |text| {
        let limit = text.parse().ok().filter(|limit| *limit <= HIGHEST_LIMIT);
        limit.ok_or_else(|| format!("must be a whole number from 0 (no limit) to {HIGHEST_LIMIT}"))
    })
}

fn locations(setting: &str, value: Option<&String>, bad: &mut Bad) -> Locations {
    if given(value) == Some(ANY) {
        return Locations::Any;
    }
    match bad.list(setting, value, ["", PREFIX], prefix) {
        prefixes if prefixes.is_empty() => Locations::Unset,
        prefixes => Locations::Below(prefixes),
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let fits = path.strip_prefix("gs://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let why = || format!("{text:?} must begin with gs:// and a bucket (or be {ANY}, alone)");
    fits.then(|| path.to_owned()).ok_or_else(why)
}

/// `DATABASES`: ids, or a project and an id; `None` for any.
pub(super) fn databases(value: Option<&String>, bad: &mut Bad) -> Option<Vec<Database>> {
    if given(value) == Some(ANY) {
        return None;
    }
    let databases = bad.list("DATABASES", value, ["", "(default),my-project/orders"], |text| {
        let (of, id) = text.rsplit_once('/').map_or((None, text), |(of, id)| (Some(of), id));
        let id = if id == DEFAULT_DATABASE { Ok(id.to_owned()) } else { database(id) };
        Ok(Database { project: of.map(project).transpose()?, id: id? })
    });
    Some(databases).filter(|databases| !databases.is_empty())
}
