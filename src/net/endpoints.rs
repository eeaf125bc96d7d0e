//! Where each API answers. The hosts come from here alone, never from a message.

use std::collections::BTreeMap;
use std::net::IpAddr;

use url::{Host, Url};

use crate::services::{Operation, Service};

/// An API that opwatch calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// The operations of a service.
    Operations(Service),
    /// Cloud Tasks.
    CloudTasks,
    /// Pub/Sub, which Cloud Tasks publishes to.
    PubSub,
    /// Slack's webhooks.
    Slack,
    /// Slack's web API, for a bot.
    SlackApi,
    /// The receiver of events, whose host is otherwise that of `EVENTS_URL`.
    Events,
    /// Google's keys for OIDC tokens.
    Jwks,
    /// IAM, which `doctor` asks what is granted.
    Iam,
    /// The Resource Manager, which `doctor` asks what is granted in a project.
    Projects,
    /// Datastore, where the ledger is kept.
    Ledger,
    /// Google's sign-in, which turns a login into an access token.
    OAuth,
    /// The Security Token Service, which takes the tokens of other identity providers.
    Sts,
    /// The service account credentials API, which gives out the token of a service account.
    IamCredentials,
    /// The metadata server of the machine.
    Metadata,
    /// Google Chat.
    Chat,
}

/// Where an API answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and port, without a slash at the end.
    pub base: String,
    /// Whether it is on this machine: then only a token set on purpose is sent.
    pub loopback: bool,
}

/// The endpoints that settings changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    changed: BTreeMap<Api, Endpoint>,
    /// For the operations of services that are not in `changed`.
    operations: Option<Endpoint>,
    /// Services that are asked at the host of an operation's location.
    regional: Vec<Service>,
}

/// Why a text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no URL of scheme, host and port.
    #[error("must be a URL with scheme, host and port only")]
    NoUrl,
    /// Plain http to another machine.
    #[error("plain http is only allowed for loopback (127.0.0.0/8, ::1, localhost)")]
    NotLoopback,
    /// A token would go to somebody else.
    #[error("tokens are only sent to *.googleapis.com")]
    NotGoogle,
    /// A bot's token would go to somebody else.
    #[error("bot tokens are only sent to slack.com or slack-gov.com")]
    NotSlack,
}

impl Api {
    /// All but the services' operations.
    pub fn others() -> [Self; 14] {
        [
            Self::CloudTasks,
            Self::PubSub,
            Self::Slack,
            Self::SlackApi,
            Self::Events,
            Self::Jwks,
            Self::Iam,
            Self::Projects,
            Self::Ledger,
            Self::OAuth,
            Self::Sts,
            Self::IamCredentials,
            Self::Metadata,
            Self::Chat,
        ]
    }

    /// All of them. Two can have the same id.
    pub fn all() -> impl Iterator<Item = Self> {
        Service::all().map(Self::Operations).chain(Self::others())
    }

    /// Its name in `ENDPOINTS`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Operations(service) => service.id(),
            Self::CloudTasks => "cloudtasks",
            Self::PubSub => "pubsub",
            Self::Slack => "slack",
            Self::SlackApi => "slackapi",
            Self::Events => "events",
            Self::Jwks => "jwks",
            Self::Iam => "iam",
            Self::Projects => "cloudresourcemanager",
            Self::Ledger => "ledger",
            Self::OAuth => "oauth2",
            Self::Sts => "sts",
            Self::IamCredentials => "iamcredentials",
            Self::Metadata => "metadata",
            Self::Chat => "chat",
        }
    }

    fn default_base(self) -> String {
        let base = match self {
            Self::Operations(service) => return service.base(None),
            Self::CloudTasks => "https://cloudtasks.googleapis.com",
            Self::PubSub => "https://pubsub.googleapis.com",
            Self::Slack => "https://hooks.slack.com",
            Self::SlackApi => "https://slack.com",
            // Wherever EVENTS_URL says.
            Self::Events => "",
            Self::Jwks => "https://www.googleapis.com",
            Self::Iam => "https://iam.googleapis.com",
            Self::Projects => "https://cloudresourcemanager.googleapis.com",
            Self::Ledger => "https://datastore.googleapis.com",
            Self::OAuth => "https://oauth2.googleapis.com",
            Self::Sts => "https://sts.googleapis.com",
            Self::IamCredentials => "https://iamcredentials.googleapis.com",
            Self::Metadata => "http://metadata.google.internal",
            Self::Chat => "https://chat.googleapis.com",
        };
        base.to_owned()
    }
}

impl Endpoint {
    /// An endpoint of `api`.
    ///
    /// # Errors
    /// When that would be plain http to another machine or send a token to another party.
    pub fn of(api: Api, url: &str) -> Result<Self, EndpointError> {
        endpoint(api, url)
    }
}

impl Endpoints {
    /// Sets where `api` answers.
    ///
    /// # Errors
    /// As [`Endpoint::of`].
    pub fn set(&mut self, api: Api, url: &str) -> Result<(), EndpointError> {
        self.replace(api, Endpoint::of(api, url)?);
        Ok(())
    }

    /// Sets where `api` answers.
    pub fn replace(&mut self, api: Api, endpoint: Endpoint) {
        self.changed.insert(api, endpoint);
    }

    /// Sets where the operations of all services are that are not set by themselves.
    pub fn replace_operations(&mut self, endpoint: Endpoint) {
        self.operations = Some(endpoint);
    }

    /// Sets which services are asked at the host of an operation's location.
    pub fn set_regional(&mut self, services: Vec<Service>) {
        self.regional = services;
    }

    /// Where the API of `operation` answers: for some services that depends on the location in its name.
    pub fn of(&self, operation: &Operation) -> Endpoint {
        let is_regional = self.regional.contains(&operation.service());
        let regional = || operation.regional_base().filter(|_| is_regional);
        let default = || Endpoint { base: regional().unwrap_or_else(|| operation.base()), loopback: false };
        self.replaced(Api::Operations(operation.service())).unwrap_or_else(default)
    }

    /// Where `api` answers.
    pub fn get(&self, api: Api) -> Endpoint {
        let default = || Endpoint { base: api.default_base(), loopback: false };
        self.replaced(api).unwrap_or_else(default)
    }

    /// Where settings let `api` answer instead.
    pub(crate) fn replaced(&self, api: Api) -> Option<Endpoint> {
        let operations = self.operations.as_ref().filter(|_| matches!(api, Api::Operations(_)));
        self.changed.get(&api).or(operations).cloned()
    }
}

fn endpoint(api: Api, text: &str) -> Result<Endpoint, EndpointError> {
    let url = Url::parse(text).map_err(|_| EndpointError::NoUrl)?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.path() == "/";
    let host = url.host().ok_or(EndpointError::NoUrl)?;
    if !bare {
        return Err(EndpointError::NoUrl);
    }
    let loopback = is_loopback(&host);
    match url.scheme() {
        "http" | "https" if loopback => {}
        "http" => return Err(EndpointError::NotLoopback),
        "https" if matches!(api, Api::Slack | Api::Events) => {}
        "https" if api == Api::SlackApi => {
            let slacks = ["slack.com", "slack-gov.com"];
            slacks.contains(&host.to_string().as_str()).then_some(()).ok_or(EndpointError::NotSlack)?;
        }
        "https" if host.to_string().ends_with(".googleapis.com") => {}
        "https" => return Err(EndpointError::NotGoogle),
        _ => return Err(EndpointError::NoUrl),
    }
    Ok(Endpoint { base: url.as_str().trim_end_matches('/').to_owned(), loopback })
}

/// Whether it is this machine.
pub(crate) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regional_service_is_asked_at_the_host_of_its_location() {
        let asked = |id: &str, name: &str, is_regional: bool| {
            let service: Service = id.parse().unwrap();
            let mut endpoints = Endpoints::default();
            endpoints.set_regional(if is_regional { vec![service] } else { Vec::new() });
            Operation::new(service, name).map(|operation| endpoints.of(&operation).base)
        };
        let regional = |id: &str, name: &str| asked(id, name, true).unwrap();
        for (id, name, host) in [
            ("alloydb", "projects/p/locations/europe-west8/operations/7", "alloydb.europe-west8.rep"),
            ("alloydb", "projects/p/locations/us/operations/7", "alloydb.us.rep"),
            ("alloydb", "projects/p/locations/global/operations/7", "alloydb"),
            ("aiplatform", "projects/p/locations/europe-west8/operations/7", "aiplatform.europe-west8.rep"),
            ("dataproc", "projects/p/regions/europe-west8/operations/7", "dataproc.europe-west8.rep"),
            ("compute", "projects/p/zones/europe-west8-a/operations/7", "compute.europe-west8.rep"),
            ("compute", "projects/p/global/operations/7", "compute"),
            ("spanner", "projects/p/instances/i/operations/7", "spanner"),
        ] {
            assert_eq!(regional(id, name), format!("https://{host}.googleapis.com"), "{name}");
        }
        let name = "projects/p/locations/europe-west8/operations/7";
        assert_eq!(asked("alloydb", name, false).unwrap(), "https://alloydb.googleapis.com");
    }

    #[test]
    fn no_location_leads_away_from_google() {
        for location in
            ["evil.com", "x.evil.com", "-x", "x~y", "(default)", "X", "a_b", "..", &"a".repeat(41), "x.", "."]
        {
            let name = format!("projects/p/locations/{location}/operations/7");
            let service: Service = "alloydb".parse().unwrap();
            let mut endpoints = Endpoints::default();
            endpoints.set_regional(vec![service]);
            let base = Operation::new(service, &name).map(|operation| endpoints.of(&operation).base);
            assert!(base.is_err() || base == Ok("https://alloydb.googleapis.com".to_owned()), "{location}");
            assert_eq!(service.regional_base(location), None, "{location}");
        }
    }

    #[test]
    fn a_token_goes_to_google_or_to_this_machine() {
        let tasks =
            |url: &str| endpoint(Api::CloudTasks, url).map(|endpoint| (endpoint.base, endpoint.loopback));
        for local in
            ["http://127.0.0.1:9001", "http://localhost:1", "http://[::1]:8080", "http://127.9.9.9:1"]
        {
            assert_eq!(tasks(local), Ok((local.to_owned(), true)));
            assert_eq!(tasks(&format!("{local}/")), Ok((local.to_owned(), true)));
        }
        let google = "https://pubsub.europe-west1.rep.googleapis.com";
        assert_eq!(tasks(google), Ok((google.to_owned(), false)));
        assert_eq!(tasks("http://pubsub.googleapis.com"), Err(EndpointError::NotLoopback));
        assert_eq!(tasks("http://10.0.0.1:80"), Err(EndpointError::NotLoopback));
        assert_eq!(tasks("http://127.0.0.1.evil.com"), Err(EndpointError::NotLoopback));
        assert_eq!(tasks("http://localhost.evil.com"), Err(EndpointError::NotLoopback));
        assert_eq!(tasks("https://evil.com"), Err(EndpointError::NotGoogle));
        assert_eq!(tasks("https://googleapis.com.evil.com"), Err(EndpointError::NotGoogle));
        assert_eq!(tasks("https://evilgoogleapis.com"), Err(EndpointError::NotGoogle));
        assert_eq!(tasks("https://evil.com#.googleapis.com"), Err(EndpointError::NoUrl));
        assert_eq!(tasks("https://user@tasks.googleapis.com"), Err(EndpointError::NoUrl));
        assert_eq!(tasks("https://tasks.googleapis.com/v9"), Err(EndpointError::NoUrl));
        assert_eq!(tasks("ftp://127.0.0.1"), Err(EndpointError::NoUrl));
        assert_eq!(tasks("127.0.0.1:80"), Err(EndpointError::NoUrl));
        assert!(endpoint(Api::Slack, "https://slack-gov.com").is_ok());
        assert!(endpoint(Api::SlackApi, "https://slack-gov.com").is_ok());
        for wrong in ["https://evil.com", "https://slack.com.evil.com", "https://pubsub.googleapis.com"] {
            assert_eq!(endpoint(Api::SlackApi, wrong), Err(EndpointError::NotSlack), "{wrong}");
        }
    }
}
