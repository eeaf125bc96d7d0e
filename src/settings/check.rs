//! What the settings of the service mean together.

use std::sync::Arc;

use chrono_tz::Tz;

use super::slack::IS_MISSING;
use super::{BadSettings, ServeArgs, Settings};
use crate::args::Problems;
use crate::config::{Config, Digests};
use crate::intake::token::Identity;
use crate::message::Defaults;
use crate::net::endpoints::Endpoints;
use crate::outlets;
use crate::outlets::access::Access;
use crate::policy::{Policy, Targets};
use crate::services::project_of;
use crate::trust::{Internal, Trust};
use crate::watch::Powers;

impl ServeArgs {
    /// Checks all settings.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self) -> Result<Settings, BadSettings> {
        let mut problems = Problems::default();
        let bad = &mut problems;
        self.common.extra.add(bad);
        let endpoints = self.common.check_endpoints(bad);
        let topic = self.topic.required(bad);
        let check_queue = self.check_queue.required(bad);
        let report_queue = self.report_queue.check(bad).unwrap_or_else(|| check_queue.clone());
        let notice_queue = self.notice_queue.check(bad).unwrap_or_else(|| report_queue.clone());
        let project = project_of(&topic);
        self.ledger.check_kind(bad);
        let ledger = self.ledger.check(project, bad);
        let (outlets, targets) = self.check_outlets(&endpoints, bad);
        let allowed = outlets.iter().map(|outlet| (outlet.id(), outlet.powers())).collect();
        let mut policy = Policy { outlets: allowed, targets, ..self.check_policy(project, bad) };
        let service_account = self.tasks_service_account.required(bad);
        let signals = self.signals.check(bad).unwrap_or_default();
        self.adoption.check(&mut policy, service_account.clone(), signals, bad);
        let zone = self.common.time_zone.check(bad).unwrap_or(Tz::UTC);
        let settings = Settings {
            port: self.port.check(bad).unwrap_or_default(),
            push_identity: self.check_push_identity(bad),
            config: Config {
                trust: self.check_trust(&topic, bad),
                service_account,
                defaults: self.check_defaults(&policy, zone, bad),
                locale: self.common.locale.check(bad).unwrap_or_default(),
                title: self.slack.title.check(bad),
                routing: self.slack.check_routing(home(&outlets), bad),
                stall_after: self.slack.stall_after.check(bad).unwrap_or_default(),
                topic,
                check_queue,
                report_queue,
                notice_queue,
                policy,
                zone,
                ledger,
                digests: self.check_digests(bad),
                signals,
            },
            outlets,
            endpoints,
            access_token: self.common.access_token.check(bad),
        };
        problems.or(settings)
    }

    /// The outlets in the order of `OUTLETS`, and where messages may send in Slack.
    fn check_outlets(
        &self,
        endpoints: &Endpoints,
        problems: &mut Problems,
    ) -> (Vec<Arc<dyn Access>>, Targets) {
        let before = problems.count();
        let (slack, targets) = self.slack.check_access(endpoints, problems).unzip();
        let slack = slack.map(|slack| Arc::new(slack) as Arc<dyn Access>);
        let mut set_up: Vec<_> = slack.into_iter().chain(self.others.check(endpoints, problems)).collect();
        if set_up.is_empty() && problems.count() == before {
            let why = format!(
                "{IS_MISSING}, or CHAT_SPACE, CHAT_WEBHOOK_URL, EVENTS_TOPIC, or EVENTS_URL with EVENTS_SECRET"
            );
            self.slack.slack_webhook_url.refuse(&why, problems);
        }
        if let Some(ids) = self.outlets.check(problems) {
            for id in ids.iter().filter(|id| !set_up.iter().any(|outlet| outlet.id() == **id)) {
                self.outlets
                    .refuse(&format!("lists {id}, which is not set up: remove it, or set it up"), problems);
            }
            set_up.retain(|outlet| ids.contains(&outlet.id()));
            set_up.sort_by_key(|outlet| ids.iter().position(|id| *id == outlet.id()));
        }
        (set_up, targets.unwrap_or(Targets::Any))
    }

    fn check_policy(&self, project: &str, problems: &mut Problems) -> Policy {
        let mut policy = self.common.check_policy(problems);
        policy.projects.get_or_insert_with(|| vec![project.to_owned()]);
        self.policy.check(&mut policy, problems);
        policy.mentions = self.slack.check_mentions(problems);
        policy
    }

    fn check_trust(&self, public: &str, problems: &mut Problems) -> Trust {
        let topic = self.internal_topic.check(problems);
        let events = &self.others.topic.events_topic;
        if events.get().is_some_and(|events| events == public || Some(events) == topic) {
            events.refuse(
                "must differ from TOPIC and INTERNAL_TOPIC: opwatch would receive its own events",
                problems,
            );
        }
        if topic.as_deref() == Some(public) {
            self.internal_topic.refuse("must differ from TOPIC", problems);
        }
        let public_until = self.accept_public_state_until.check(problems);
        if public_until.is_some() && !self.internal_topic.is_given() {
            let why = "has no effect without INTERNAL_TOPIC: state from TOPIC is accepted anyway";
            self.accept_public_state_until.refuse(why, problems);
        }
        topic.map_or(Trust::Everyone, |topic| Trust::Internal(Internal { topic, public_until }))
    }

    fn check_digests(&self, problems: &mut Problems) -> Option<Digests> {
        let digests = self.digests.check(problems)?;
        let others = [self.topic.get(), self.internal_topic.get(), self.others.topic.events_topic.get()];
        if others.iter().flatten().any(|other| *other == digests.topic) {
            let why =
                "must differ from TOPIC, INTERNAL_TOPIC and EVENTS_TOPIC: only opwatch may publish to it";
            self.digests.digest_topic.refuse(why, problems);
        }
        Some(digests)
    }

    fn check_push_identity(&self, problems: &mut Problems) -> Option<Identity> {
        let (audience, account) = (&self.push_audience, &self.push_service_account);
        match (audience.check(problems), account.check(problems)) {
            (Some(audience), Some(service_account)) => return Some(Identity { audience, service_account }),
            (Some(_), None) if !account.is_given() => {
                account.refuse("must be set together with PUSH_AUDIENCE", problems);
            }
            (None, Some(_)) if !audience.is_given() => {
                audience.refuse("must be set together with PUSH_SERVICE_ACCOUNT", problems);
            }
            _ => {}
        }
        None
    }

    fn check_defaults(&self, policy: &Policy, zone: Tz, problems: &mut Problems) -> Defaults {
        let least = policy.limits.min_interval;
        let default = Defaults::new(outlets::ADDRESSING);
        let interval = self.check_interval.check(problems).unwrap_or(default.interval_s);
        if interval < least && self.check_interval.is_given() {
            self.check_interval.refuse(&format!("must be at least MIN_INTERVAL, {least}s"), problems);
        }
        Defaults {
            services: policy.services.clone(),
            until_s: default
                .until_s
                .filter(|_| !self.check_interval.is_given() && !self.check_limit.is_given()),
            // The default gives way.
            interval_s: interval.max(least),
            max_checks: self.check_limit.check(problems).unwrap_or(default.max_checks),
            zone,
            addressing: default.addressing,
        }
    }
}

/// What the outlet can do that follows watches: the first that can edit, or else the first that people read.
fn home(outlets: &[Arc<dyn Access>]) -> Powers {
    let powers = || outlets.iter().map(|outlet| outlet.powers());
    powers().find(|powers| powers.edits).or_else(|| powers().find(|powers| powers.texts)).unwrap_or_default()
}
