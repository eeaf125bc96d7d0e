//! The settings that bound what messages may start.

use clap::Args;

use super::parse::{ANY, Bad, database, given, project};
use crate::policy::{Database, Locations, Policy};
use crate::services::{DEFAULT_DATABASE, StartMethod};

const PREFIX: &str = "gs://my-backups/nightly";
const DEFAULT_STARTS: &str = "datastore:export,firestore:exportDocuments";
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
}

impl PolicyArgs {
    /// Checks these settings and puts them into `policy`.
    pub(super) fn check(&self, policy: &mut Policy, bad: &mut Bad) {
        policy.starts = self.check_starts(bad);
        policy.exports = locations("EXPORT_PREFIXES", self.export_prefixes.as_ref(), bad);
        policy.imports = locations("IMPORT_PREFIXES", self.import_prefixes.as_ref(), bad);
    }

    fn check_starts(&self, bad: &mut Bad) -> Vec<StartMethod> {
        if given(self.starts.as_ref()) == Some(NONE) {
            return Vec::new();
        }
        bad.list("STARTS", self.starts.as_ref(), [DEFAULT_STARTS; 2], |text| {
            let all = || StartMethod::all().map(|method| method.to_string()).collect::<Vec<_>>().join(", ");
            text.parse().map_err(|()| format!("{text:?} is none of {} (or {NONE}, alone)", all()))
        })
    }
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
