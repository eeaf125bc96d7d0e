//! The settings that bound what messages may start.

use clap::Args;

use super::parse::{ANY, interval, list, number};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::policy::{Limits, Locations, Policy};
use crate::services::StartMethod;

pub(super) const PREFIX: &str = "gs://my-backups/nightly";
const DEFAULT_STARTS: &str = "datastore:export,firestore:exportDocuments";
/// The highest limit: each instance keeps the slots of the current period in memory.
const HIGHEST_LIMIT: u32 = 10_000;
/// The word that allows nothing.
const NONE: &str = "none";

/// What may be started.
#[derive(Args, Clone, Debug)]
pub struct PolicyArgs {
    /// Methods that may be started: datastore:export, datastore:import, firestore:exportDocuments,
    /// firestore:importDocuments, or `none` to only watch
    #[arg(long, env = "STARTS", hide_env_values = true, default_value = DEFAULT_STARTS, value_parser = reads(DEFAULT_STARTS, starts))]
    pub starts: Setting<Vec<StartMethod>>,
    /// Locations below which exports may write: `gs://bucket/path,…`, or `any`. Without it every export is
    /// rejected [default: nowhere]
    #[arg(long, env = "EXPORT_PREFIXES", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(PREFIX, locations))]
    pub export_prefixes: Setting<Locations>,
    /// Locations below which imports may read: `gs://bucket/path,…`, or `any`. Without it every import is
    /// rejected [default: nothing]
    #[arg(long, env = "IMPORT_PREFIXES", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(PREFIX, locations))]
    pub import_prefixes: Setting<Locations>,
    /// Maximum number of starts per project and hour, up to 10000; 0 is no limit
    #[arg(long, env = "MAX_STARTS_PER_HOUR", hide_env_values = true, default_value = "100", value_parser = reads("100", limit))]
    pub max_starts_per_hour: Setting<u32>,
    /// Maximum number of kickoffs per minute, up to 10000; 0 is no limit
    #[arg(long, env = "MAX_WATCHES_PER_MINUTE", hide_env_values = true, default_value = "0", value_parser = reads("100", limit))]
    pub max_watches_per_minute: Setting<u32>,
    /// Maximum number of messages about messages that can't be used, per hour, up to 10000; 0 is no limit
    #[arg(long, env = "MAX_NOTICES_PER_HOUR", hide_env_values = true, default_value = "10", value_parser = reads("10", limit))]
    pub max_notices_per_hour: Setting<u32>,
    /// Shortest `interval` that a message may ask for, 1s to 24h
    #[arg(long, env = "MIN_INTERVAL", hide_env_values = true, default_value = "1s", value_parser = reads("30s", interval))]
    pub min_interval: Setting<u32>,
}

impl PolicyArgs {
    /// Checks these settings and puts them into `policy`.
    pub(super) fn check(&self, policy: &mut Policy, problems: &mut Problems) {
        policy.starts = self.starts.check(problems).unwrap_or_default();
        policy.exports = self.export_prefixes.check(problems).unwrap_or(Locations::Unset);
        policy.imports = self.import_prefixes.check(problems).unwrap_or(Locations::Unset);
        policy.limits = Limits {
            // Another setting's: see `signals`.
            adoptions_per_minute: policy.limits.adoptions_per_minute,
            starts_per_hour: self.max_starts_per_hour.check(problems).unwrap_or_default(),
            watches_per_minute: self.max_watches_per_minute.check(problems).unwrap_or_default(),
            notices_per_hour: self.max_notices_per_hour.check(problems).unwrap_or_default(),
            min_interval: self.min_interval.check(problems).unwrap_or(1),
        };
    }
}

pub(super) fn starts(text: &str) -> Result<Vec<StartMethod>, String> {
    if text == NONE {
        return Ok(Vec::new());
    }
    list(text, |text| {
        let all = || StartMethod::all().map(|method| method.to_string()).collect::<Vec<_>>().join(", ");
        text.parse().map_err(|()| format!("{text:?} is not one of {} (or {NONE}, alone)", all()))
    })
}

fn limit(text: &str) -> Result<u32, String> {
    number(text, HIGHEST_LIMIT, &format!("a whole number from 0 (no limit) to {HIGHEST_LIMIT}"))
}

pub(super) fn locations(text: &str) -> Result<Locations, String> {
    if text == ANY {
        return Ok(Locations::Any);
    }
    let prefixes = list(text, prefix)?;
    Ok(if prefixes.is_empty() { Locations::Unset } else { Locations::Below(prefixes) })
}

fn prefix(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let fits = path.strip_prefix("gs://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let why = || format!("{text:?} must begin with gs:// and a bucket (or be {ANY}, alone)");
    fits.then(|| path.to_owned()).ok_or_else(why)
}
