//! Every setting, once: its flag and variable, its help, its default, an example and how its text is read stand at its field.
//! What settings mean together is in `check`. The only reader of the environment.

mod check;
mod common;
mod digest;
mod endpoints;
mod extra;
#[cfg(feature = "terminal")]
mod follow;
#[cfg(feature = "terminal")]
mod kickoff;
mod ledger;
#[cfg(feature = "terminal")]
mod list;
#[cfg(feature = "terminal")]
mod login;
mod parse;
mod policy;
mod services;
mod signals;
mod slack;
#[cfg(feature = "terminal")]
mod surroundings;
mod variables;

use std::sync::Arc;

pub use common::{CheckSettings, CommonArgs};
pub use digest::DigestArgs;
pub use extra::ExtraArgs;
#[cfg(feature = "terminal")]
pub use follow::{Color, FollowArgs};
#[cfg(feature = "terminal")]
pub use kickoff::{StartPolicyArgs, TopicArgs};
pub use ledger::{HistoryArgs, HistorySettings, LedgerArgs};
#[cfg(feature = "terminal")]
pub use list::{ListArgs, Place};
#[cfg(feature = "terminal")]
pub(crate) use login::places;
pub use policy::PolicyArgs;
pub use services::Selection;
pub use signals::SignalArgs;
pub use slack::SlackArgs;
#[cfg(feature = "terminal")]
pub use surroundings::{Surroundings, default_project};
pub use variables::Variables;

use chrono::{DateTime, Utc};
use clap::Args;
use secrecy::SecretString;

use self::parse::{account, audience, interval, list, number, queue, time, topic};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::config::Config;
use crate::intake::token::Identity;
use crate::message::LIMIT;
use crate::net::endpoints::Endpoints;
use crate::outlets::access::Access;
use crate::outlets::{IDS, OtherOutletArgs};

/// Settings that can't be used: a line each.
pub type BadSettings = Problems;

const TOPIC: &str = "projects/my-project/topics/opwatch";
const INTERNAL_TOPIC: &str = "projects/my-project/topics/opwatch-internal";
const UNTIL: &str = "2026-12-07T00:00:00Z";
const QUEUE: &str = "projects/my-project/locations/europe-west1/queues/opwatch";
const TASKS_ACCOUNT: &str = "opwatch-tasks@my-project.iam.gserviceaccount.com";
const PUSH_ACCOUNT: &str = "opwatch-push@my-project.iam.gserviceaccount.com";
const AUDIENCE: &str = "https://opwatch-abc123-ew.a.run.app";

/// The settings of the service. Each can be a flag or a variable; a blank one counts as not set.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Port to listen on
    #[arg(long, env = "PORT", hide_env_values = true, default_value = "8080", value_parser = reads("8080", port))]
    pub port: Setting<u16>,
    /// Topic that people and schedules publish to: projects/P/topics/T
    #[arg(long, env = "TOPIC", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(TOPIC, topic))]
    pub topic: Setting<String>,
    /// Topic through which opwatch sends messages to itself; only the tasks account may publish to it. Its
    /// push subscription must have the same ID (projects/P/subscriptions/T) and push to /internal. Without
    /// it, anyone who may publish to TOPIC can interfere with any watch
    #[arg(long, env = "INTERNAL_TOPIC", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(INTERNAL_TOPIC, topic))]
    pub internal_topic: Setting<String>,
    /// For an upgrade, with `INTERNAL_TOPIC`: messages published to TOPIC until this time (RFC 3339) may
    /// carry the state of a watch
    #[arg(long, env = "ACCEPT_PUBLIC_STATE_UNTIL", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(UNTIL, time))]
    pub accept_public_state_until: Setting<DateTime<Utc>>,
    /// Cloud Tasks queue for checks: projects/P/locations/L/queues/Q
    #[arg(long, env = "CHECK_QUEUE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(QUEUE, queue))]
    pub check_queue: Setting<String>,
    /// Cloud Tasks queue for reports [default: the check queue]
    #[arg(long, env = "REPORT_QUEUE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(QUEUE, queue))]
    pub report_queue: Setting<String>,
    /// Cloud Tasks queue for notices about unusable messages and limits [default: the report queue]
    #[arg(long, env = "NOTICE_QUEUE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(QUEUE, queue))]
    pub notice_queue: Setting<String>,
    /// Service account whose OAuth token Cloud Tasks uses to publish
    #[arg(long, env = "TASKS_SERVICE_ACCOUNT", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(TASKS_ACCOUNT, account))]
    pub tasks_service_account: Setting<String>,
    /// Where watches are reported, in this order: slack, events (`EVENTS_URL`), chat, topic (`EVENTS_TOPIC`). The first that
    /// can edit its messages follows each watch with one. Messages may choose among them (`outlets`) [default: all that are
    /// set up, in the order above]
    #[arg(long, env = "OUTLETS", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("slack,chat,events", outlets))]
    pub outlets: Setting<Vec<&'static str>>,
    /// How Slack is told
    #[command(flatten)]
    pub slack: SlackArgs,
    /// Time between two checks, 1s to 24h, such as 90s or 5m. With it or `CHECK_LIMIT`, checks have a fixed interval; without
    /// both they are farther apart the longer an operation runs, for 24 hours [default: none; 60s with `CHECK_LIMIT`]
    #[arg(long, env = "CHECK_INTERVAL", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("90s or 5m", interval))]
    pub check_interval: Setting<u32>,
    /// Maximum number of checks for one watch, 1 to 10000 [default: none; 60 with `CHECK_INTERVAL`]
    #[arg(long, env = "CHECK_LIMIT", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("60", checks))]
    pub check_limit: Setting<u32>,
    /// Whether signals arrive when operations end: `yes` or `no`. With `yes`, checks are only the safety net, and the default
    /// schedule makes fewer
    #[arg(long, env = "SIGNALS", hide_env_values = true, default_value = "no", value_parser = reads("yes", yes_or_no))]
    pub signals: Setting<bool>,
    /// What comes without a kickoff
    #[command(flatten)]
    pub adoption: SignalArgs,
    /// Audience of the push subscriptions' tokens. With `PUSH_SERVICE_ACCOUNT`, every push must carry a token
    /// that Google signed for this audience and account
    #[arg(long, env = "PUSH_AUDIENCE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(AUDIENCE, audience))]
    pub push_audience: Setting<String>,
    /// Service account of the push subscriptions; set together with `PUSH_AUDIENCE`
    #[arg(long, env = "PUSH_SERVICE_ACCOUNT", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(PUSH_ACCOUNT, account))]
    pub push_service_account: Setting<String>,
    /// Settings that other commands have too
    #[command(flatten)]
    pub common: CommonArgs,
    /// The outlets other than Slack
    #[command(flatten)]
    pub others: OtherOutletArgs,
    /// Where reports wait for a digest
    #[command(flatten)]
    pub digests: DigestArgs,
    /// What may be started
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Where history is kept
    #[command(flatten)]
    pub ledger: LedgerArgs,
}

fn port(text: &str) -> Result<u16, String> {
    number(text, u16::MAX, "a number from 0 to 65535")
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{text:?} is not one of: yes, no")),
    }
}

fn outlets(text: &str) -> Result<Vec<&'static str>, String> {
    let mut seen: Vec<&'static str> = Vec::new();
    for id in list(text, outlet)? {
        if seen.contains(&id) {
            return Err(format!("lists {id} twice: remove one"));
        }
        seen.push(id);
    }
    Ok(seen)
}

fn outlet(text: &str) -> Result<&'static str, String> {
    let known = IDS.iter().copied().find(|id| *id == text);
    known.ok_or_else(|| format!("{text:?} is not one of {}", IDS.join(", ")))
}

fn checks(text: &str) -> Result<u32, String> {
    let limit = text.parse().ok().filter(|limit| LIMIT.contains(limit));
    limit.ok_or_else(|| "must be a whole number from 1 to 10000".to_owned())
}

/// What `opwatch serve` runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The port to listen on.
    pub port: u16,
    /// What the runner is set to.
    pub config: Config,
    /// The outlets, in the order of `OUTLETS`.
    pub outlets: Vec<Arc<dyn Access>>,
    /// Who pushes; none leaves that to Cloud Run.
    pub push_identity: Option<Identity>,
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
