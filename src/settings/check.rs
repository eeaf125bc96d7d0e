//! From settings as they are written to settings that can be used.

use std::sync::Arc;

use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};

use super::parse::{Bad, account_address, given, interval, project, resource};
use super::{BadSettings, CheckSettings, CommonArgs, ServeArgs, Settings, policy};
use crate::config::Config;
use crate::intake::token::Identity;
use crate::message::{Defaults, LIMIT};
use crate::net::endpoints::{Api, Endpoints};
use crate::outlets;
use crate::outlets::access::Access;
use crate::policy::{Limits, Locations, Policy, Targets};
use crate::services::Service;
use crate::text;
use crate::trust::{Internal, Trust};
use crate::watch::{Locale, Powers};

const TOPIC: &str = "projects/my-project/topics/opwatch";
const INTERNAL_TOPIC: &str = "projects/my-project/topics/opwatch-internal";
const UNTIL: &str = "2026-12-07T00:00:00Z";
const QUEUE: &str = "projects/my-project/locations/europe-west1/queues/opwatch";
const ACCOUNT: &str = "opwatch-tasks@my-project.iam.gserviceaccount.com";

impl ServeArgs {
    /// Checks all settings.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self) -> Result<Settings, BadSettings> {
        let mut bad = Bad::default();
        let endpoints = self.common.check_endpoints(&mut bad);
        let topic =
            bad.required("TOPIC", self.topic.as_ref(), TOPIC, |text| resource(text, &["projects", "topics"]));
        let queue = |text: &str| resource(text, &["projects", "locations", "queues"]);
        let check_queue = bad.required("CHECK_QUEUE", self.check_queue.as_ref(), QUEUE, queue);
        let report_queue = bad.optional("REPORT_QUEUE", self.report_queue.as_ref(), QUEUE, queue);
        let report_queue = report_queue.unwrap_or_else(|| check_queue.clone());
        let notice_queue = bad.optional("NOTICE_QUEUE", self.notice_queue.as_ref(), QUEUE, queue);
        let project = topic.split('/').nth(1).unwrap_or_default().to_owned();
        self.ledger.check_kind(&mut bad);
        let ledger = self.ledger.check(&project, &mut bad);
        let (slack, targets) = self.check_slack(&endpoints, &mut bad);
        let powers = slack.powers();
        let mut policy = self.check_policy(project, &mut bad);
        (policy.powers, policy.targets) = (powers, targets);
        let zone = self.common.check_zone(&mut bad);
        let settings = Settings {
            port: self.check_port(&mut bad),
            slack,
            further: self.check_further(&mut bad),
            push_identity: self.check_push_identity(&mut bad),
            config: Config {
                trust: self.check_trust(&topic, &mut bad),
                notice_queue: notice_queue.unwrap_or_else(|| report_queue.clone()),
                report_queue,
                topic,
                check_queue,
                service_account: bad.required(
                    "TASKS_SERVICE_ACCOUNT",
                    self.tasks_service_account.as_ref(),
                    ACCOUNT,
                    account_address,
                ),
                defaults: self.check_defaults(&policy, zone, &mut bad),
                policy,
                locale: self.common.check_locale(&mut bad),
                zone,
                title: self.slack.check_title(&mut bad),
                routing: self.slack.check_routing(powers, &mut bad),
                stall_after: self.slack.check_stall_after(&mut bad),
                ledger,
            },
            endpoints,
            access_token: self.common.check_token(&mut bad),
        };
        bad.or(settings)
    }

    fn check_port(&self, bad: &mut Bad) -> u16 {
        let port = bad.optional("PORT", self.port.as_ref(), "8080", |text| {
            text.parse().map_err(|_| "must be a number from 0 to 65535".to_owned())
        });
        port.unwrap_or(8080)
    }

    fn check_policy(&self, project: String, bad: &mut Bad) -> Policy {
        let mut policy = self.common.check_policy(bad);
        policy.projects.get_or_insert_with(|| vec![project]);
        self.policy.check(&mut policy, bad);
        policy.mentions = self.slack.check_mentions(bad);
        policy
    }

    fn check_further(&self, bad: &mut Bad) -> Vec<Arc<dyn Access>> {
        self.further.check().unwrap_or_else(|problems| {
            for problem in problems {
                bad.say(problem.setting, &problem.why, problem.example);
            }
            Vec::new()
        })
    }

    fn check_trust(&self, public: &str, bad: &mut Bad) -> Trust {
        let topic = bad.optional("INTERNAL_TOPIC", self.internal_topic.as_ref(), INTERNAL_TOPIC, |text| {
            let topic = resource(text, &["projects", "topics"])?;
            let other = topic != public;
            other.then_some(topic).ok_or_else(|| "must differ from TOPIC".to_owned())
        });
        let until = self.accept_public_state_until.as_ref();
        let public_until = bad.optional("ACCEPT_PUBLIC_STATE_UNTIL", until, UNTIL, |text| {
            text::time(text).ok_or_else(|| format!("{text:?} is not an RFC 3339 time"))
        });
        if public_until.is_some() && given(self.internal_topic.as_ref()).is_none() {
            let why = "has no effect without INTERNAL_TOPIC: state from TOPIC is accepted anyway";
            bad.say("ACCEPT_PUBLIC_STATE_UNTIL", why, UNTIL);
        }
        topic.map_or(Trust::Everyone, |topic| Trust::Internal(Internal { topic, public_until }))
    }

    fn check_push_identity(&self, bad: &mut Bad) -> Option<Identity> {
        const AUDIENCE: &str = "https://opwatch-abc123-ew.a.run.app";
        const PUSHES: &str = "opwatch-push@my-project.iam.gserviceaccount.com";
        let plain = |text: &str| {
            let fits = text.bytes().all(|byte| byte.is_ascii_graphic());
            fits.then(|| text.to_owned())
                .ok_or_else(|| format!("{text:?} contains characters that an audience can't have"))
        };
        let audience = bad.optional("PUSH_AUDIENCE", self.push_audience.as_ref(), AUDIENCE, plain);
        let account = self.push_service_account.as_ref();
        let service_account = bad.optional("PUSH_SERVICE_ACCOUNT", account, PUSHES, account_address);
        match (audience, service_account) {
            (Some(audience), Some(service_account)) => return Some(Identity { audience, service_account }),
            (Some(_), None) if given(account).is_none() => {
                bad.say("PUSH_SERVICE_ACCOUNT", "must be set together with PUSH_AUDIENCE", PUSHES);
            }
            (None, Some(_)) if given(self.push_audience.as_ref()).is_none() => {
                bad.say("PUSH_AUDIENCE", "must be set together with PUSH_SERVICE_ACCOUNT", AUDIENCE);
            }
            _ => {}
        }
        None
    }

    fn check_defaults(&self, policy: &Policy, zone: Tz, bad: &mut Bad) -> Defaults {
        let least = policy.limits.min_interval;
        let interval = bad.optional("CHECK_INTERVAL", self.check_interval.as_ref(), "90s or 5m", |text| {
            let seconds = interval(text)?;
            let why = || format!("must be at least MIN_INTERVAL, {least}s");
            if seconds >= least { Ok(seconds) } else { Err(why()) }
        });
        let limit = bad.optional("CHECK_LIMIT", self.check_limit.as_ref(), "60", |text| {
            let limit = text.parse().ok().filter(|limit| LIMIT.contains(limit));
            limit.ok_or_else(|| "must be a whole number from 1 to 10000".to_owned())
        });
        let default = Defaults::new(outlets::ADDRESSING);
        Defaults {
            services: policy.services.clone(),
            interval: interval.unwrap_or(default.interval.max(least)),
            limit: limit.unwrap_or(default.limit),
            zone,
            addressing: default.addressing,
        }
    }
}

const LIST_OF_SERVICES: &str = "`opwatch services` lists them";

impl CommonArgs {
    /// Checks what a single check from a terminal needs. Without `PROJECTS` every project is allowed: the person
    /// named the operation.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self) -> Result<CheckSettings, BadSettings> {
        let mut bad = Bad::default();
        let settings = CheckSettings {
            policy: self.check_policy(&mut bad),
            locale: self.check_locale(&mut bad),
            zone: self.check_zone(&mut bad),
            endpoints: self.check_endpoints(&mut bad),
            access_token: self.check_token(&mut bad),
        };
        bad.or(settings)
    }

    fn check_policy(&self, bad: &mut Bad) -> Policy {
        let default = Service::defaults().into_iter().map(Service::id).collect::<Vec<_>>().join(",");
        let services = bad.list("SERVICES", self.services.as_ref(), [&default; 2], |text| {
            text.parse().map_err(|()| format!("{text:?} is not a service ({LIST_OF_SERVICES})"))
        });
        let projects = bad.list("PROJECTS", self.projects.as_ref(), ["", "my-project"], project);
        Policy {
            services,
            projects: Some(projects).filter(|projects| !projects.is_empty()),
            databases: policy::databases(self.databases.as_ref(), bad),
            starts: Vec::new(),
            exports: Locations::Unset,
            imports: Locations::Unset,
            powers: Powers::default(),
            targets: Targets::Any,
            mentions: None,
            limits: Limits::NONE,
        }
    }

    pub(super) fn check_locale(&self, bad: &mut Bad) -> Locale {
        let locale = bad.optional("LOCALE", self.locale.as_ref(), "ja", |text| {
            text.parse().map_err(|()| format!("{text:?} is not one of {}", Locale::ALLOWED))
        });
        locale.unwrap_or_default()
    }

    pub(super) fn check_zone(&self, bad: &mut Bad) -> Tz {
        let zone = bad.optional("TIME_ZONE", self.time_zone.as_ref(), "Asia/Tokyo", |text| {
            text.parse().map_err(|_| format!("{text:?} is not an IANA time zone"))
        });
        zone.unwrap_or(Tz::UTC)
    }

    /// The token goes into a header, so it must be able to.
    pub(super) fn check_token(&self, bad: &mut Bad) -> Option<SecretString> {
        let token = self.access_token.as_ref().map(|token| token.expose_secret().trim().to_owned());
        let token = bad.optional("ACCESS_TOKEN", token.as_ref(), "ya29.…", |text| {
            let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
            plain
                .then(|| text.to_owned())
                .ok_or_else(|| "contains characters that a token can't have".to_owned())
        });
        token.map(SecretString::from)
    }

    pub(super) fn check_endpoints(&self, bad: &mut Bad) -> Endpoints {
        const EXAMPLE: &str = "datastore=http://127.0.0.1:9001,cloudtasks=http://127.0.0.1:9002";
        let mut endpoints = Endpoints::default();
        let set =
            |endpoints: &mut Endpoints, bad: &mut Bad, setting: &str, [url, example]: [&str; 2], api: Api| {
                if let Err(error) = endpoints.set(api, url) {
                    bad.say(setting, &format!("{url:?}: {error}"), example);
                }
            };
        let emulators = [
            ("PUBSUB_EMULATOR_HOST", Api::PubSub, &self.pubsub_emulator_host),
            ("DATASTORE_EMULATOR_HOST", Api::Operations(Service::DATASTORE), &self.datastore_emulator_host),
        ];
        for (setting, api, host) in emulators {
            if let Some(host) = given(host.as_ref()) {
                let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
                set(&mut endpoints, bad, setting, [&url, "127.0.0.1:8085"], api);
            }
        }
        // The emulator's operations and its entities are one and the same; ENDPOINTS below can tell them apart.
        if given(self.datastore_emulator_host.as_ref()).is_some() {
            let emulator = endpoints.get(Api::Operations(Service::DATASTORE)).base;
            // One that can't be used was told of above.
            let _ = endpoints.set(Api::Ledger, &emulator);
        }
        for item in given(self.endpoints.as_ref()).into_iter().flat_map(|list| list.split(',')) {
            let (name, url) = item.trim().split_once('=').unwrap_or((item, ""));
            // Cloud Tasks has operations, too: two can have one id.
            let apis: Vec<_> = Api::all().filter(|api| api.id() == name).collect();
            if let Some(api) = apis.first() {
                set(&mut endpoints, bad, "ENDPOINTS", [url, EXAMPLE], *api);
            }
            for api in apis.iter().skip(1) {
                // One that can't be used was reported above.
                let _ = endpoints.set(*api, url);
            }
            if apis.is_empty() {
                let others = Api::others().map(Api::id).join(", ");
                let why = format!("{name:?} is neither one of {others} nor a service ({LIST_OF_SERVICES})");
                bad.say("ENDPOINTS", &why, EXAMPLE);
            }
        }
        endpoints
    }
}
