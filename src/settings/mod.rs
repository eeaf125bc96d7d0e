//! Every setting, once: flags and environment variables, read as text by clap and checked here, all at once, so that
//! a bad one says which, why and an example. The only reader of the environment.

mod check;
mod ledger;
mod parse;
mod policy;
mod slack;

use std::fmt;
use std::sync::Arc;

pub use ledger::{HistoryArgs, HistorySettings, LedgerArgs};
pub use policy::PolicyArgs;
pub use slack::SlackArgs;

use chrono_tz::Tz;
use clap::Args;
use secrecy::SecretString;

use crate::config::Config;
use crate::intake::token::Identity;
use crate::net::endpoints::Endpoints;
use crate::outlets::access::Access;
use crate::outlets::{FurtherArgs, slack as slack_outlet};
use crate::policy::Policy;
use crate::watch::Locale;

/// The settings as they are written. Each can be a flag or a variable; a blank variable counts as not set.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Port to listen on [default: 8080]
    #[arg(long, env = "PORT", hide_env_values = true)]
    pub port: Option<String>,
    /// Topic that people and schedules publish to: projects/P/topics/T
    #[arg(long, env = "TOPIC", hide_env_values = true)]
    pub topic: Option<String>,
    /// Topic through which opwatch passes its own messages on; only the tasks account may publish to it. Its
    /// push subscription must have the same id (projects/P/subscriptions/T) and push to /internal. Without
    /// it, anyone who may publish to TOPIC can interfere with any watch
    #[arg(long, env = "INTERNAL_TOPIC", hide_env_values = true)]
    pub internal_topic: Option<String>,
    /// For an upgrade, with `INTERNAL_TOPIC`: messages published to TOPIC until this time (RFC 3339) may
    /// carry the state of a watch
    #[arg(long, env = "ACCEPT_PUBLIC_STATE_UNTIL", hide_env_values = true)]
    pub accept_public_state_until: Option<String>,
    /// Cloud Tasks queue for checks: projects/P/locations/L/queues/Q
    #[arg(long, env = "CHECK_QUEUE", hide_env_values = true)]
    pub check_queue: Option<String>,
    /// Cloud Tasks queue for reports [default: the check queue]
    #[arg(long, env = "REPORT_QUEUE", hide_env_values = true)]
    pub report_queue: Option<String>,
    /// Cloud Tasks queue for notices about unusable messages and limits [default: the report queue]
    #[arg(long, env = "NOTICE_QUEUE", hide_env_values = true)]
    pub notice_queue: Option<String>,
    /// Service account whose OAuth token Cloud Tasks uses to publish
    #[arg(long, env = "TASKS_SERVICE_ACCOUNT", hide_env_values = true)]
    pub tasks_service_account: Option<String>,
    /// Slack incoming webhook (secret): `https://hooks.slack.com/services/T…/B…/…`, not the URL of a workflow
    #[arg(long, env = "SLACK_WEBHOOK_URL", hide_env_values = true)]
    pub slack_webhook_url: Option<SecretString>,
    /// How Slack is told
    #[command(flatten)]
    pub slack: SlackArgs,
    /// Time between two checks, 1s to 24h, such as 90s or 5m [default: 60s]
    #[arg(long, env = "CHECK_INTERVAL", hide_env_values = true)]
    pub check_interval: Option<String>,
    /// Maximum number of checks for one watch, 1 to 10000 [default: 60]
    #[arg(long, env = "CHECK_LIMIT", hide_env_values = true)]
    pub check_limit: Option<String>,
    /// Audience of the push subscriptions' tokens. With `PUSH_SERVICE_ACCOUNT`, every push must carry a token
    /// that Google signed for this audience and account
    #[arg(long, env = "PUSH_AUDIENCE", hide_env_values = true)]
    pub push_audience: Option<String>,
    /// Service account of the push subscriptions; set together with `PUSH_AUDIENCE`
    #[arg(long, env = "PUSH_SERVICE_ACCOUNT", hide_env_values = true)]
    pub push_service_account: Option<String>,
    /// Settings that other commands have too
    #[command(flatten)]
    pub common: CommonArgs,
    /// Who else is told
    #[command(flatten)]
    pub further: FurtherArgs,
    /// What may be started
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Where history is kept
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

/// The settings that a single check needs too.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Services that may be used [default: datastore,firestore]
    #[arg(long, env = "SERVICES", hide_env_values = true)]
    pub services: Option<String>,
    /// Projects that may be used [default: the topic's project; for `check` any]
    #[arg(long, env = "PROJECTS", hide_env_values = true)]
    pub projects: Option<String>,
    /// Databases that may be used: ids or PROJECT/ID, such as `(default),my-project/orders`. The Datastore
    /// service uses `(default)` [default: any]
    #[arg(long, env = "DATABASES", hide_env_values = true)]
    pub databases: Option<String>,
    /// Time zone of the messages: any IANA name [default: UTC]
    #[arg(long, env = "TIME_ZONE", hide_env_values = true)]
    pub time_zone: Option<String>,
    /// Language of the messages: en, ja [default: en]
    #[arg(long, env = "LOCALE", hide_env_values = true)]
    pub locale: Option<String>,
    /// For local work and tests: base URLs of the APIs, such as
    /// datastore=http://127.0.0.1:9001,cloudtasks=…,pubsub=…,slack=…,ledger=…. Plain http is allowed for
    /// loopback only
    #[arg(long, env = "ENDPOINTS", hide_env_values = true)]
    pub endpoints: Option<String>,
    /// For local work: host and port of the Pub/Sub emulator
    #[arg(long, env = "PUBSUB_EMULATOR_HOST", hide_env_values = true)]
    pub pubsub_emulator_host: Option<String>,
    /// For local work: host and port of the Datastore emulator, also for the ledger
    #[arg(long, env = "DATASTORE_EMULATOR_HOST", hide_env_values = true)]
    pub datastore_emulator_host: Option<String>,
    /// For local work: access token (secret) to use instead of the machine's, as `gcloud auth
    /// print-access-token` prints it
    #[arg(long, env = "ACCESS_TOKEN", hide_env_values = true)]
    pub access_token: Option<SecretString>,
}

/// What `opwatch serve` runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The port to listen on.
    pub port: u16,
    /// What the runner is set to.
    pub config: Config,
    /// How Slack lets opwatch post.
    pub slack: slack_outlet::Access,
    /// The outlets that are told of each end too.
    pub further: Vec<Arc<dyn Access>>,
    /// Who pushes; none leaves that to Cloud Run.
    pub push_identity: Option<Identity>,
    /// Where the APIs answer.
    pub endpoints: Endpoints,
    /// The token to use instead of the machine's.
    pub access_token: Option<SecretString>,
}

/// What a single check from a terminal runs with.
#[derive(Clone, Debug)]
pub struct CheckSettings {
    /// What may be touched.
    pub policy: Policy,
    /// The language.
    pub locale: Locale,
    /// The time zone.
    pub zone: Tz,
    /// Where the APIs answer.
    pub endpoints: Endpoints,
    /// The token to use instead of the machine's.
    pub access_token: Option<SecretString>,
}

impl Settings {
    /// The topic's project, to which traces and logs belong.
    pub fn project(&self) -> &str {
        crate::services::project_of(&self.config.topic)
    }
}

/// Settings that can't be used: a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSettings(Vec<String>);

impl fmt::Display for BadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for BadSettings {}
