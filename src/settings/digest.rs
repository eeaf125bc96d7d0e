//! The settings of digests: where reports wait when there are too many of them for a channel.

use clap::Args;

use super::parse::{number, subscription, topic};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::config::Digests;

const TOPIC: &str = "projects/my-project/topics/opwatch-digest";
const SUBSCRIPTION: &str = "projects/my-project/subscriptions/opwatch-digest";
/// The highest limit: each instance keeps the times of so many reports for each channel in memory.
const HIGHEST: u32 = 1_000;

/// Where reports wait for a digest.
#[derive(Args, Clone, Debug)]
pub struct DigestArgs {
    /// Topic that buffers reports for digests; only the service's own account may publish to it: projects/P/topics/T. Set
    /// together with `DIGEST_SUBSCRIPTION`
    #[arg(long, env = "DIGEST_TOPIC", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(TOPIC, topic))]
    pub digest_topic: Setting<String>,
    /// Pull subscription of `DIGEST_TOPIC` with exactly-once delivery: projects/P/subscriptions/S
    #[arg(long, env = "DIGEST_SUBSCRIPTION", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(SUBSCRIPTION, subscription))]
    pub digest_subscription: Setting<String>,
    /// Number of reports per minute to one channel, up to 1000, above which ends are put into one digest every 10 seconds; each
    /// instance counts for itself. 0 turns digests off. Needs `DIGEST_TOPIC`
    #[arg(long, env = "DIGEST_ABOVE", hide_env_values = true, default_value = "10", value_parser = reads("10", above))]
    pub digest_above: Setting<u32>,
}

impl DigestArgs {
    /// Checks these settings; none without a topic and a subscription.
    pub(super) fn check(&self, problems: &mut Problems) -> Option<Digests> {
        let (topic, subscription) = (&self.digest_topic, &self.digest_subscription);
        let above = self.digest_above.check(problems).unwrap_or_default();
        match (topic.check(problems), subscription.check(problems)) {
            (Some(topic), Some(subscription)) => return Some(Digests { topic, subscription, above }),
            (Some(_), None) if !subscription.is_given() => {
                subscription.refuse("must be set together with DIGEST_TOPIC", problems);
            }
            (None, Some(_)) if !topic.is_given() => {
                topic.refuse("must be set together with DIGEST_SUBSCRIPTION", problems);
            }
            _ => {}
        }
        None
    }
}

fn above(text: &str) -> Result<u32, String> {
    number(text, HIGHEST, &format!("a whole number from 0 (no digests) to {HIGHEST}"))
}
