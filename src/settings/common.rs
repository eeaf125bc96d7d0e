//! The settings that a single check from a terminal needs too.

use chrono_tz::Tz;
use clap::Args;
use secrecy::SecretString;

use super::endpoints::{emulator, overrides};
use super::parse::{ANY, database, list, project, token};
use super::{BadSettings, ExtraArgs, Selection};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::net::endpoints::{Api, Endpoint, Endpoints};
use crate::policy::{Database, Policy};
use crate::services::{DEFAULT_DATABASE, Service};
use crate::watch::Locale;

const DEFAULT_SERVICES: &str = "datastore,firestore";
const DATABASES: &str = "(default),my-project/orders";
const ENDPOINTS: &str = "datastore=http://127.0.0.1:9001,cloudtasks=http://127.0.0.1:9002";
const EMULATOR: &str = "127.0.0.1:8085";

/// The settings that a single check needs too.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// Services that may be used: IDs, `all`, or `all` without some, such as `all,-compute`. It never widens what may be
    /// started
    #[arg(long, env = "SERVICES", hide_env_values = true, default_value = DEFAULT_SERVICES, value_parser = reads(DEFAULT_SERVICES, text))]
    pub services: Setting<String>,
    /// What services there are
    #[command(flatten)]
    pub extra: ExtraArgs,
    /// Services whose operations are read at the host of the location in their name, HOST.LOCATION.rep.googleapis.com, so
    /// that nothing leaves it: IDs, `all`, or `all` without some
    #[arg(long, env = "REGIONAL_SERVICES", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("alloydb,dataproc", text))]
    pub regional_services: Setting<String>,
    /// Projects that may be used [default: the topic's project; for `check` any]
    #[arg(long, env = "PROJECTS", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("my-project", projects))]
    pub projects: Setting<Vec<String>>,
    /// Databases that may be used: IDs or PROJECT/ID, such as `(default),my-project/orders`. The Datastore
    /// service uses `(default)`
    #[arg(long, env = "DATABASES", hide_env_values = true, default_value = ANY, value_parser = reads(DATABASES, databases))]
    pub databases: Setting<Option<Vec<Database>>>,
    /// Time zone of the messages: any IANA name
    #[arg(long, env = "TIME_ZONE", hide_env_values = true, default_value = "UTC", value_parser = reads("Asia/Tokyo", zone))]
    pub time_zone: Setting<Tz>,
    /// Language of the messages: en, ja
    #[arg(long, env = "LOCALE", hide_env_values = true, default_value = "en", value_parser = reads("ja", locale))]
    pub locale: Setting<Locale>,
    /// For local work and tests: base URLs of the APIs, such as
    /// datastore=http://127.0.0.1:9001,cloudtasks=…,pubsub=…,slack=…,chat=…,events=…,ledger=…; `operations` is that of every service
    /// which is not listed by its ID. Plain http is allowed for loopback only
    #[arg(long, env = "ENDPOINTS", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(ENDPOINTS, text))]
    pub endpoints: Setting<String>,
    /// For local work: host and port of the Pub/Sub emulator
    #[arg(long, env = "PUBSUB_EMULATOR_HOST", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(EMULATOR, emulator))]
    pub pubsub_emulator_host: Setting<Endpoint>,
    /// For local work: host and port of the Datastore emulator, also for the ledger
    #[arg(long, env = "DATASTORE_EMULATOR_HOST", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(EMULATOR, emulator))]
    pub datastore_emulator_host: Setting<Endpoint>,
    /// For local work: access token (secret) to use instead of the machine's, as `gcloud auth
    /// print-access-token` prints it
    #[arg(long, env = "ACCESS_TOKEN", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("ya29.…", token))]
    pub access_token: Setting<SecretString>,
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

impl CommonArgs {
    /// Checks what a single check from a terminal needs. Without `PROJECTS` every project is allowed: the person
    /// named the operation.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self) -> Result<CheckSettings, BadSettings> {
        let mut problems = Problems::default();
        self.extra.add(&mut problems);
        let settings = CheckSettings {
            policy: self.check_policy(&mut problems),
            locale: self.locale.check(&mut problems).unwrap_or_default(),
            zone: self.time_zone.check(&mut problems).unwrap_or(Tz::UTC),
            endpoints: self.check_endpoints(&mut problems),
            access_token: self.access_token.check(&mut problems),
        };
        problems.or(settings)
    }

    /// What may be read; nothing may be started.
    pub(super) fn check_policy(&self, problems: &mut Problems) -> Policy {
        let Selection { services, named } =
            self.services.read(|text| Selection::parse(text), problems).unwrap_or_default();
        let projects = self.projects.check(problems).filter(|projects| !projects.is_empty());
        let databases = self.databases.check(problems).flatten();
        Policy { named, databases, ..Policy::reading(services, projects) }
    }

    /// Where the APIs answer: `ENDPOINTS` over the emulators.
    pub(super) fn check_endpoints(&self, problems: &mut Problems) -> Endpoints {
        let mut endpoints = Endpoints::default();
        if let Some(emulator) = self.pubsub_emulator_host.check(problems) {
            endpoints.replace(Api::PubSub, emulator);
        }
        // The emulator's operations and its entities are one and the same; ENDPOINTS can tell them apart.
        if let Some(emulator) = self.datastore_emulator_host.check(problems) {
            endpoints.replace(Api::Operations(Service::DATASTORE), emulator.clone());
            endpoints.replace(Api::Ledger, emulator);
        }
        for (api, endpoint) in self.endpoints.read(|text| overrides(text), problems).into_iter().flatten() {
            match api {
                Some(api) => endpoints.replace(api, endpoint),
                None => endpoints.replace_operations(endpoint),
            }
        }
        let regional = self.regional_services.read(|text| Selection::parse(text), problems);
        endpoints.set_regional(regional.unwrap_or_default().services);
        endpoints
    }
}

/// A text that is read once it is known which services there are.
#[expect(clippy::unnecessary_wraps, reason = "readers of settings may refuse a text")]
fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn projects(text: &str) -> Result<Vec<String>, String> {
    list(text, project)
}

/// Ids, or a project and an id; `None` for any.
fn databases(text: &str) -> Result<Option<Vec<Database>>, String> {
    if text == ANY {
        return Ok(None);
    }
    let databases = list(text, |text| {
        let (of, id) = text.rsplit_once('/').map_or((None, text), |(of, id)| (Some(of), id));
        let id = if id == DEFAULT_DATABASE { Ok(id.to_owned()) } else { database(id) };
        Ok(Database { project: of.map(project).transpose()?, id: id? })
    })?;
    Ok(Some(databases).filter(|databases| !databases.is_empty()))
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| format!("{text:?} is not an IANA time zone"))
}

fn locale(text: &str) -> Result<Locale, String> {
    text.parse().map_err(|()| format!("{text:?} is not one of {}", Locale::ALLOWED))
}
