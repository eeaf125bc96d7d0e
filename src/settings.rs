//! Every setting, once: flags and environment variables, read as text by clap and checked here, all at once, so that
//! a bad one says which, why and an example. The only reader of the environment.

use std::fmt;
use std::time::Duration;

use chrono_tz::Tz;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::endpoints::{Api, Endpoints};
use crate::identity::Identity;
use crate::locale::Locale;
use crate::message::{Defaults, INTERVAL, LIMIT};
use crate::operation::{Service, StartMethod};
use crate::policy::Policy;
use crate::watcher::Setup;

/// The settings as they are written. Each can be a flag or a variable; a blank variable counts as not set.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Port to listen on [default: 8080]
    #[arg(long, env = "PORT", hide_env_values = true)]
    pub port: Option<String>,
    /// Topic that next messages are published to: projects/P/topics/T
    #[arg(long, env = "TOPIC", hide_env_values = true)]
    pub topic: Option<String>,
    /// Cloud Tasks queue of checks: projects/P/locations/L/queues/Q
    #[arg(long, env = "CHECK_QUEUE", hide_env_values = true)]
    pub check_queue: Option<String>,
    /// Cloud Tasks queue of reports [default: the check queue]
    #[arg(long, env = "REPORT_QUEUE", hide_env_values = true)]
    pub report_queue: Option<String>,
    /// Account whose OAuth token Cloud Tasks publishes with
    #[arg(long, env = "TASKS_SERVICE_ACCOUNT", hide_env_values = true)]
    pub tasks_service_account: Option<String>,
    /// Slack's incoming webhook (secret): `https://hooks.slack.com/services/…`
    #[arg(long, env = "SLACK_WEBHOOK_URL", hide_env_values = true)]
    pub slack_webhook_url: Option<SecretString>,
    /// Time between two checks, 1s to 24h [default: 60s]
    #[arg(long, env = "CHECK_INTERVAL", hide_env_values = true)]
    pub check_interval: Option<String>,
    /// Checks of one watch at most, 1 to 10000 [default: 60]
    #[arg(long, env = "CHECK_LIMIT", hide_env_values = true)]
    pub check_limit: Option<String>,
    /// With `PUSH_SERVICE_ACCOUNT`: every push must carry a token of Google's for this audience
    #[arg(long, env = "PUSH_AUDIENCE", hide_env_values = true)]
    pub push_audience: Option<String>,
    /// The push subscription's service account
    #[arg(long, env = "PUSH_SERVICE_ACCOUNT", hide_env_values = true)]
    pub push_service_account: Option<String>,
    /// Settings that other commands have too
    #[command(flatten)]
    pub common: CommonArgs,
    /// Start methods that are allowed [default: datastore:export,firestore:exportDocuments]
    #[arg(long, env = "STARTS", hide_env_values = true)]
    pub starts: Option<String>,
    /// When set, exports may only write below one of these: `gs://bucket/path,…`
    #[arg(long, env = "EXPORT_PREFIXES", hide_env_values = true)]
    pub export_prefixes: Option<String>,
}

/// The settings that a single check needs too.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Services that may be touched [default: datastore,firestore]
    #[arg(long, env = "SERVICES", hide_env_values = true)]
    pub services: Option<String>,
    /// Projects that may be touched [default: the topic's project]
    #[arg(long, env = "PROJECTS", hide_env_values = true)]
    pub projects: Option<String>,
    /// Time zone of the messages: any IANA name [default: UTC]
    #[arg(long, env = "TIME_ZONE", hide_env_values = true)]
    pub time_zone: Option<String>,
    /// Language of the messages: en, ja [default: en]
    #[arg(long, env = "LOCALE", hide_env_values = true)]
    pub locale: Option<String>,
    /// For local work and tests: datastore=http://127.0.0.1:9001,cloudtasks=…,pubsub=…,slack=…
    #[arg(long, env = "ENDPOINTS", hide_env_values = true)]
    pub endpoints: Option<String>,
    /// For local work: the Pub/Sub emulator's host and port
    #[arg(long, env = "PUBSUB_EMULATOR_HOST", hide_env_values = true)]
    pub pubsub_emulator_host: Option<String>,
    /// For local work: the Datastore emulator's host and port
    #[arg(long, env = "DATASTORE_EMULATOR_HOST", hide_env_values = true)]
    pub datastore_emulator_host: Option<String>,
    /// Access token to use instead of the machine's (secret), as `gcloud auth print-access-token` prints it
    #[arg(long, env = "ACCESS_TOKEN", hide_env_values = true)]
    pub access_token: Option<SecretString>,
}

/// What `opwatch serve` runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The port to listen on.
    pub port: u16,
    /// What the watcher is set to.
    pub setup: Setup,
    /// Where the webhook is called.
    pub webhook: SecretString,
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
        crate::operation::project_of(&self.setup.topic)
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

const TOPIC: &str = "projects/my-project/topics/opwatch";
const QUEUE: &str = "projects/my-project/locations/europe-west1/queues/opwatch";
const ACCOUNT: &str = "opwatch-tasks@my-project.iam.gserviceaccount.com";
const WEBHOOK: &str = "https://hooks.slack.com/services/T…/B…/…";
const PREFIX: &str = "gs://my-backups/nightly";
const DEFAULT_STARTS: &str = "datastore:export,firestore:exportDocuments";

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
        let project = topic.split('/').nth(1).unwrap_or_default().to_owned();
        let mut policy = self.common.check_policy(&mut bad);
        policy.projects.get_or_insert_with(|| vec![project]);
        policy.starts = bad.list("STARTS", self.starts.as_ref(), [DEFAULT_STARTS; 2], |text| {
            text.parse().map_err(|()| format!("{text:?} is none of {}", all_starts()))
        });
        policy.export_prefixes =
            bad.list("EXPORT_PREFIXES", self.export_prefixes.as_ref(), ["", PREFIX], prefix);
        let port = bad.optional("PORT", self.port.as_ref(), "8080", |text| {
            text.parse::<u16>().map_err(|_| "it must be a number from 0 to 65535".to_owned())
        });
        let settings = Settings {
            port: port.unwrap_or(8080),
            webhook: self.check_webhook(&endpoints, &mut bad),
            push_identity: self.check_push_identity(&mut bad),
            setup: Setup {
                report_queue: report_queue.unwrap_or_else(|| check_queue.clone()),
                topic,
                check_queue,
                service_account: bad.required(
                    "TASKS_SERVICE_ACCOUNT",
                    self.tasks_service_account.as_ref(),
                    ACCOUNT,
                    account_address,
                ),
                defaults: self.check_defaults(&mut bad),
                policy,
                locale: self.common.check_locale(&mut bad),
                zone: self.common.check_zone(&mut bad),
            },
            endpoints,
            access_token: self.common.check_token(&mut bad),
        };
        bad.or(settings)
    }

    fn check_push_identity(&self, bad: &mut Bad) -> Option<Identity> {
        const AUDIENCE: &str = "https://opwatch-abc123-ew.a.run.app";
        let plain = |text: &str| {
            let fits = text.bytes().all(|byte| byte.is_ascii_graphic());
            fits.then(|| text.to_owned())
                .ok_or_else(|| format!("{text:?} has characters that no audience has"))
        };
        let audience = bad.optional("PUSH_AUDIENCE", self.push_audience.as_ref(), AUDIENCE, plain);
        let account = self.push_service_account.as_ref();
        let service_account = bad.optional("PUSH_SERVICE_ACCOUNT", account, ACCOUNT, account_address);
        match (audience, service_account) {
            (Some(audience), Some(service_account)) => return Some(Identity { audience, service_account }),
            (Some(_), None) if given(account).is_none() => {
                bad.say("PUSH_SERVICE_ACCOUNT", "it must be set together with PUSH_AUDIENCE", ACCOUNT);
            }
            (None, Some(_)) if given(self.push_audience.as_ref()).is_none() => {
                bad.say("PUSH_AUDIENCE", "it must be set together with PUSH_SERVICE_ACCOUNT", AUDIENCE);
            }
            _ => {}
        }
        None
    }

    fn check_defaults(&self, bad: &mut Bad) -> Defaults {
        let interval = bad.optional("CHECK_INTERVAL", self.check_interval.as_ref(), "90s or 5m", |text| {
            let duration: Duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
            let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
            let whole = INTERVAL.contains(&seconds) && duration.subsec_nanos() == 0;
            whole.then_some(seconds).ok_or_else(|| "it must be whole seconds from 1s to 24h".to_owned())
        });
        let limit = bad.optional("CHECK_LIMIT", self.check_limit.as_ref(), "60", |text| {
            let limit = text.parse().ok().filter(|limit| LIMIT.contains(limit));
            limit.ok_or_else(|| "it must be a whole number from 1 to 10000".to_owned())
        });
        let default = Defaults::default();
        Defaults { interval: interval.unwrap_or(default.interval), limit: limit.unwrap_or(default.limit) }
    }

    /// The webhook's path on Slack's host, or on the endpoint that stands in for it.
    fn check_webhook(&self, endpoints: &Endpoints, bad: &mut Bad) -> SecretString {
        let base = endpoints.get(Api::Slack).base;
        let secret = self.slack_webhook_url.as_ref().map(|url| url.expose_secret().trim().to_owned());
        bad.required("SLACK_WEBHOOK_URL", secret.as_ref(), WEBHOOK, |text| {
            // The URL is a secret, so no error repeats it.
            let url = Url::parse(text).map_err(|_| "it is no URL".to_owned())?;
            let origin = url.origin().ascii_serialization();
            if origin != "https://hooks.slack.com" && origin != base {
                return Err(format!("it must begin with https://hooks.slack.com/ (or with what ENDPOINTS has for slack: {base})"));
            }
            if url.path().len() < 2 {
                return Err("it has no path".to_owned());
            }
            Ok(format!("{base}{}", url.path()))
        })
        .into()
    }
}

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
        let all_services = Service::ALL.map(Service::id).join(",");
        let services = bad.list("SERVICES", self.services.as_ref(), [&all_services; 2], |text| {
            text.parse().map_err(|()| format!("{text:?} is none of {all_services}"))
        });
        let projects = bad.list("PROJECTS", self.projects.as_ref(), ["", "my-project"], project);
        Policy {
            services,
            projects: Some(projects).filter(|projects| !projects.is_empty()),
            starts: Vec::new(),
            export_prefixes: Vec::new(),
        }
    }

    fn check_locale(&self, bad: &mut Bad) -> Locale {
        let locale = bad.optional("LOCALE", self.locale.as_ref(), "ja", |text| {
            text.parse().map_err(|()| format!("{text:?} is none of {}", Locale::ALLOWED))
        });
        locale.unwrap_or_default()
    }

    fn check_zone(&self, bad: &mut Bad) -> Tz {
        let zone = bad.optional("TIME_ZONE", self.time_zone.as_ref(), "Asia/Tokyo", |text| {
            text.parse().map_err(|_| format!("{text:?} is no IANA time zone"))
        });
        zone.unwrap_or(Tz::UTC)
    }

    /// The token goes into a header, so it must be able to.
    fn check_token(&self, bad: &mut Bad) -> Option<SecretString> {
        let token = self.access_token.as_ref().map(|token| token.expose_secret().trim().to_owned());
        let token = bad.optional("ACCESS_TOKEN", token.as_ref(), "ya29.…", |text| {
            let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
            plain.then(|| text.to_owned()).ok_or_else(|| "it has characters that no token has".to_owned())
        });
        token.map(SecretString::from)
    }

    fn check_endpoints(&self, bad: &mut Bad) -> Endpoints {
        const EXAMPLE: &str = "datastore=http://127.0.0.1:9001,cloudtasks=http://127.0.0.1:9002";
        let mut endpoints = Endpoints::default();
        let mut set = |bad: &mut Bad, setting: &str, api: Api, url: &str, example: &str| {
            if let Err(error) = endpoints.set(api, url) {
                bad.say(setting, &format!("{url:?}: {error}"), example);
            }
        };
        let emulators = [
            ("PUBSUB_EMULATOR_HOST", Api::PubSub, &self.pubsub_emulator_host),
            ("DATASTORE_EMULATOR_HOST", Api::Operations(Service::Datastore), &self.datastore_emulator_host),
        ];
        for (setting, api, host) in emulators {
            if let Some(host) = given(host.as_ref()) {
                let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
                set(bad, setting, api, &url, "127.0.0.1:8085");
            }
        }
        for item in given(self.endpoints.as_ref()).into_iter().flat_map(|list| list.split(',')) {
            let (name, url) = item.trim().split_once('=').unwrap_or((item, ""));
            if let Some(api) = Api::ALL.into_iter().find(|api| api.id() == name) {
                set(bad, "ENDPOINTS", api, url, EXAMPLE);
            } else {
                let known = Api::ALL.map(Api::id).join(", ");
                bad.say("ENDPOINTS", &format!("{name:?} is none of {known}"), EXAMPLE);
            }
        }
        endpoints
    }
}

/// The lines about settings that can't be used.
#[derive(Default)]
struct Bad(Vec<String>);

impl Bad {
    fn say(&mut self, setting: &str, why: &str, example: &str) {
        self.0.push(format!("{setting}: {why} (example: {setting}={example})"));
    }

    fn optional<T>(
        &mut self,
        setting: &str,
        value: Option<&String>,
        example: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(given(value)?) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                self.say(setting, &why, example);
                None
            }
        }
    }

    fn required(
        &mut self,
        setting: &str,
        value: Option<&String>,
        example: &str,
        parse: impl Fn(&str) -> Result<String, String>,
    ) -> String {
        if given(value).is_none() {
            self.say(setting, "it must be set", example);
        }
        self.optional(setting, value, example, parse).unwrap_or_default()
    }

    fn list<T>(
        &mut self,
        setting: &str,
        value: Option<&String>,
        [default, example]: [&str; 2],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let text = given(value).unwrap_or(default);
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let parsed: Result<Vec<T>, String> = items.map(parse).collect();
        parsed.unwrap_or_else(|why| {
            self.say(setting, &why, example);
            Vec::new()
        })
    }

    fn or<T>(self, settings: T) -> Result<T, BadSettings> {
        if self.0.is_empty() { Ok(settings) } else { Err(BadSettings(self.0)) }
    }
}

/// A value that is there: a blank variable counts as not set.
fn given(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// `projects/P/topics/T` and the like: collections in order, an id after each.
fn resource(text: &str, collections: &[&str]) -> Result<String, String> {
    let form = || collections.iter().map(|name| format!("{name}/…")).collect::<Vec<_>>().join("/");
    let segments: Vec<&str> = text.split('/').collect();
    let fits = segments.len() == 2 * collections.len()
        && segments.chunks(2).zip(collections).all(|(pair, collection)| {
            matches!(pair, [name, id] if name == collection && is_id(id, *collection == "projects"))
        });
    fits.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} must have the form {}", form()))
}

fn is_id(id: &str, is_project: bool) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+".contains(&byte) || (is_project && byte == b':');
    !matches!(id, "" | "." | "..") && id.bytes().all(allowed)
}

fn project(text: &str) -> Result<String, String> {
    is_id(text, true).then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no project id"))
}

fn account_address(text: &str) -> Result<String, String> {
    let plain = |part: &str| !part.is_empty() && is_id(part, false);
    let fits = text.split_once('@').is_some_and(|(name, domain)| plain(name) && plain(domain));
    fits.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no e-mail address"))
}

fn prefix(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let fits = path.strip_prefix("gs://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    fits.then(|| path.to_owned()).ok_or_else(|| format!("{text:?} must begin with gs:// and a bucket"))
}

fn all_starts() -> String {
    StartMethod::all().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
