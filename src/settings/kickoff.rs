//! The settings of those who publish kickoffs or start what they say.

use clap::Args;

use super::parse::topic;
use super::policy::{PREFIX, locations, starts};
use super::{BadSettings, CommonArgs, TOPIC};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::policy::{Locations, Policy};
use crate::services::StartMethod;

const ALL_STARTS: &str =
    "datastore:export,datastore:import,firestore:exportDocuments,firestore:importDocuments";

/// Where kickoffs are published.
#[derive(Args, Clone, Debug)]
pub struct TopicArgs {
    /// Topic of the deployed service: projects/P/topics/T
    #[arg(long, env = "TOPIC", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(TOPIC, topic))]
    pub topic: Setting<String>,
}

impl TopicArgs {
    /// The topic, which must be set.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn required(&self) -> Result<String, BadSettings> {
        let mut problems = Problems::default();
        let topic = self.topic.required(&mut problems);
        problems.or(topic)
    }
}

/// What a person may start. Unlike the service, which many may ask, it has no bounds of its own: those of the login count.
#[derive(Args, Clone, Debug)]
pub struct StartPolicyArgs {
    /// Methods that may be started
    #[arg(long, env = "STARTS", hide_env_values = true, default_value = ALL_STARTS, hide_default_value = true, value_parser = reads(ALL_STARTS, starts))]
    pub starts: Setting<Vec<StartMethod>>,
    /// Locations below which exports may write: `gs://bucket/path,…` [default: any]
    #[arg(long, env = "EXPORT_PREFIXES", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(PREFIX, locations))]
    pub export_prefixes: Setting<Locations>,
    /// Locations below which imports may read: `gs://bucket/path,…` [default: any]
    #[arg(long, env = "IMPORT_PREFIXES", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(PREFIX, locations))]
    pub import_prefixes: Setting<Locations>,
}

impl StartPolicyArgs {
    /// What may be started with these settings and those of `common`.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self, common: &CommonArgs) -> Result<Policy, BadSettings> {
        let mut problems = Problems::default();
        let bad = &mut problems;
        let policy = Policy {
            starts: self.starts.check(bad).unwrap_or_default(),
            exports: self.export_prefixes.check(bad).unwrap_or(Locations::Any),
            imports: self.import_prefixes.check(bad).unwrap_or(Locations::Any),
            ..common.check_policy(bad)
        };
        problems.or(policy)
    }
}
