//! The claim on a report: whoever has it may post, for as long as its lease runs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::entity::{properties, text_of, time, time_of, word};
use crate::google::Properties;

/// How long a claim holds when its holder is not heard of again. A push ends long before that.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long a claim is kept, so that a late copy of the report finds it: longer than Pub/Sub keeps a message.
const KEPT: TimeDelta = TimeDelta::days(35);

const SENT: &str = "sent";
const CLAIMED: &str = "claimed";

/// A claim on a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who has it: the same for no two deliveries.
    pub owner: String,
    /// Until when it holds; none when the report was sent.
    pub until: Option<DateTime<Utc>>,
}

/// What a claim means to somebody who wants to post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// It is his own.
    Mine,
    /// Slack has the report.
    Sent,
    /// Somebody else is at it: look again after this.
    Held(Duration),
    /// Its holder is gone: it can be taken.
    Lapsed,
}

impl Claim {
    /// A new claim.
    pub fn new(owner: &str, now: DateTime<Utc>) -> Self {
        Self { owner: owner.to_owned(), until: Some(now + LEASE) }
    }

    /// What is left of the claim once Slack has the report.
    pub fn sent(owner: &str) -> Self {
        Self { owner: owner.to_owned(), until: None }
    }

    /// What it means to `owner` at `now`. A lease that a clock far ahead wrote is not waited for in full.
    pub fn standing(&self, owner: &str, now: DateTime<Utc>) -> LeaseState {
        let Some(until) = self.until else { return LeaseState::Sent };
        if self.owner == owner {
            return LeaseState::Mine;
        }
        match (until - now).min(LEASE).to_std() {
            Ok(left) if !left.is_zero() => LeaseState::Held(left + Duration::from_secs(1)),
            _ => LeaseState::Lapsed,
        }
    }

    /// Its entity's properties.
    pub fn properties(&self, now: DateTime<Utc>) -> Properties {
        properties([
            ("state", Some(word(if self.until.is_some() { CLAIMED } else { SENT }))),
            ("owner", Some(word(&self.owner))),
            ("until", self.until.map(time)),
            ("at", Some(time(now))),
            ("expires", Some(time(now + KEPT))),
        ])
    }

    /// Reads it back. One that can't be read has lapsed: rather a report twice than none.
    pub fn read(properties: &Properties) -> Self {
        let sent = text_of(properties, "state").as_deref() == Some(SENT);
        let until = time_of(properties, "until").unwrap_or(DateTime::UNIX_EPOCH);
        Self { owner: text_of(properties, "owner").unwrap_or_default(), until: (!sent).then_some(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn one_has_it_until_its_lease_ends() {
        let claim = Claim::new("a", at(0));
        for (owner, second, expected) in [
            ("a", 0, LeaseState::Mine),
            ("a", 99, LeaseState::Mine),
            ("b", 0, LeaseState::Held(Duration::from_secs(61))),
            ("b", 59, LeaseState::Held(Duration::from_secs(2))),
            ("b", 60, LeaseState::Lapsed),
            ("b", 99, LeaseState::Lapsed),
            // The claim comes from a clock that is far ahead.
            ("b", -9_999, LeaseState::Held(Duration::from_secs(61))),
        ] {
            assert_eq!(claim.standing(owner, at(second)), expected, "{owner} {second}");
        }
        for owner in ["a", "b"] {
            assert_eq!(Claim::sent("a").standing(owner, at(9_999)), LeaseState::Sent);
        }
    }

    #[test]
    fn it_reads_back_and_what_cant_be_read_has_lapsed() {
        for claim in [Claim::new("a", at(0)), Claim::sent("a")] {
            assert_eq!(Claim::read(&claim.properties(at(0))), claim);
        }
        let expires = Claim::sent("a").properties(at(0)).remove("expires");
        assert_eq!(expires, Some(time(at(0) + KEPT)));
        assert_eq!(Claim::read(&Properties::new()).standing("a", at(0)), LeaseState::Lapsed);
    }
}
