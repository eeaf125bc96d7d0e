//! Which operations of a service to list.

use chrono::TimeDelta;
use clap::Args;

use super::parse::duration;
use crate::args::{Setting, UNSET, reads};
use crate::services::DEFAULT_DATABASE;

/// Which operations of a service to list.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Project of the operations [default: the one that gcloud works in]
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Location of the operations [default: all, where the service lists them at once]
    #[arg(long, value_name = "LOCATION")]
    pub location: Option<String>,
    /// Database of the operations, for Firestore
    #[arg(long, value_name = "DATABASE", default_value = DEFAULT_DATABASE)]
    pub database: String,
    /// Only operations that are running
    #[arg(long)]
    pub running: bool,
    /// Only operations that began within this time, such as 2h, or that are running
    #[arg(long, value_name = "TIME", default_value = UNSET, hide_default_value = true, value_parser = reads("2h", since))]
    pub since: Setting<TimeDelta>,
}

/// Where operations are.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The project; without it the one that gcloud works in.
    pub project: Option<&'a str>,
    /// The location; without it all of them.
    pub location: Option<&'a str>,
    /// The database, where a service has a list for each.
    pub database: &'a str,
}

impl ListArgs {
    /// Where the operations are.
    pub fn place(&self) -> Place<'_> {
        Place {
            project: self.project.as_deref(),
            location: self.location.as_deref(),
            database: &self.database,
        }
    }

    /// How far back to look.
    ///
    /// # Errors
    /// With what is wrong with `--since`.
    pub fn since(&self) -> Result<Option<TimeDelta>, String> {
        let mut problems = crate::args::Problems::default();
        let since = self.since.check(&mut problems);
        problems.or(since).map_err(|bad| bad.to_string())
    }
}

fn since(text: &str) -> Result<TimeDelta, String> {
    TimeDelta::from_std(duration(text)?).map_err(|_| "is too long".to_owned())
}
