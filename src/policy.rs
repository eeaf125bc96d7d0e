//! What opwatch may touch: services, projects, start methods and export locations that its settings allow.

use crate::message::{Channel, Notify, Problem, Routing, StartRequest, Why};
use crate::operation::{Operation, Service, StartMethod};
use crate::placeholder::{before_first, has_any};

/// What the settings allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `SERVICES`.
    pub services: Vec<Service>,
    /// `PROJECTS`; none allows every project, for a person at a terminal.
    pub projects: Option<Vec<String>>,
    /// `STARTS`.
    pub starts: Vec<StartMethod>,
    /// `EXPORT_PREFIXES`; empty allows every location. Without slashes at the end.
    pub export_prefixes: Vec<String>,
    /// Where in Slack a message may send.
    pub channels: Channels,
}

/// Where in Slack a message may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Only where the webhook posts.
    Webhook,
    /// To any channel that takes the bot's messages.
    Any,
    /// To these: `SLACK_CHANNELS`.
    Only(Vec<Channel>),
}

impl Policy {
    /// Whether `operation` may be read.
    ///
    /// # Errors
    /// With the field and the setting that forbids it.
    pub fn permit(&self, operation: &Operation) -> Result<(), Problem> {
        self.permit_service(operation.service(), "service")?;
        self.permit_project(operation.project(), "name")
    }

    /// Whether `request` may be started.
    ///
    /// # Errors
    /// With the field and the setting that forbids it.
    pub fn permit_start(&self, request: &StartRequest) -> Result<(), Problem> {
        self.permit_service(request.service(), "start.service")?;
        self.permit_project(request.project(), "start.path")?;
        if !self.starts.contains(&request.method) {
            return Err(forbidden("start.path", "STARTS", &request.method.to_string()));
        }
        self.permit_output(request)
    }

    /// Whether a message may ask for `routing`.
    ///
    /// # Errors
    /// With the field and the setting that forbids it.
    pub fn permit_routing(&self, routing: &Routing) -> Result<(), Problem> {
        let webhook = self.channels == Channels::Webhook;
        if webhook && routing.notify == Some(Notify::Live) {
            return Err(Problem::new("notify", Why::NeedsBot));
        }
        match &routing.channel {
            Some(_) if webhook => Err(Problem::new("channel", Why::NeedsBot)),
            Some(channel) if !self.permits_channel(channel) => {
                Err(forbidden("channel", "SLACK_CHANNELS", &channel.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Whether a message may send to `channel`.
    pub fn permits_channel(&self, channel: &Channel) -> bool {
        match &self.channels {
            Channels::Webhook => false,
            Channels::Any => true,
            Channels::Only(channels) => channels.contains(channel),
        }
    }

    fn permit_service(&self, service: Service, field: &str) -> Result<(), Problem> {
        let allowed = self.services.contains(&service);
        if allowed { Ok(()) } else { Err(forbidden(field, "SERVICES", service.id())) }
    }

    fn permit_project(&self, project: &str, field: &str) -> Result<(), Problem> {
        let allowed =
            self.projects.as_ref().is_none_or(|projects| projects.iter().any(|known| known == project));
        if allowed { Ok(()) } else { Err(forbidden(field, "PROJECTS", project)) }
    }

    fn permit_output(&self, request: &StartRequest) -> Result<(), Problem> {
        let Some(field) = request.method.output_field.filter(|_| !self.export_prefixes.is_empty()) else {
            return Ok(());
        };
        let output = request.body.get(field).and_then(serde_json::Value::as_str).unwrap_or_default();
        let below = |prefix: &String| {
            output.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.export_prefixes.iter().any(below) {
            return Ok(());
        }
        Err(forbidden(&format!("start.body.{field}"), "EXPORT_PREFIXES", &to_allow(request, field, output)))
    }
}

/// What to add to `EXPORT_PREFIXES` for `output`, which is another each time when it holds placeholders: the folders
/// before the first one.
fn to_allow(request: &StartRequest, field: &str, output: &str) -> String {
    let written = request.written().1.get(field).and_then(serde_json::Value::as_str).unwrap_or_default();
    let fixed = if has_any(written) { before_first(written) } else { return output.to_owned() };
    let folders = fixed.rsplit_once('/').map(|(folders, _)| folders);
    folders.filter(|folders| folders.len() > "gs://".len()).unwrap_or(output).to_owned()
}

fn forbidden(field: &str, setting: &str, value: &str) -> Problem {
    Problem::new(field, Why::NotAllowed { setting: setting.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            services: vec![Service::Datastore],
            projects: Some(vec!["p".to_owned()]),
            starts: vec![StartMethod::find(Service::Datastore, "export").unwrap()],
            export_prefixes: vec!["gs://b/safe".to_owned()],
            channels: Channels::Only(vec!["C024BE91L".parse().unwrap()]),
        }
    }

    fn start(path: &str, output: &str) -> Result<(), String> {
        let (method, _) = crate::operation::parse_start_path(Service::Datastore, path).unwrap();
        let body = serde_json::json!({"outputUrlPrefix": output}).as_object().unwrap().clone();
        let request = StartRequest { method, path: path.to_owned(), body, template: None };
        policy().permit_start(&request).map_err(|problem| problem.field)
    }

    #[test]
    fn only_what_is_allowed_is_touched() {
        let name =
            |service, name| policy().permit(&Operation::new(service, name).unwrap()).map_err(|p| p.field);
        assert_eq!(name(Service::Datastore, "projects/p/operations/x"), Ok(()));
        assert_eq!(name(Service::Datastore, "projects/q/operations/x"), Err("name".to_owned()));
        assert_eq!(
            name(Service::Firestore, "projects/p/databases/d/operations/x"),
            Err("service".to_owned())
        );
    }

    #[test]
    fn a_channel_is_one_of_those_allowed_and_needs_a_bot() {
        let ask = |channels: Channels, channel: &str, notify| {
            let routing = Routing { channel: channel.parse().ok(), notify, ..Routing::default() };
            Policy { channels, ..policy() }.permit_routing(&routing).map_err(|problem| problem.field)
        };
        let only = || policy().channels;
        assert_eq!(ask(only(), "", None), Ok(()));
        assert_eq!(ask(only(), "C024BE91L", Some(Notify::Live)), Ok(()));
        assert_eq!(ask(only(), "C024BE91M", None), Err("channel".to_owned()));
        assert_eq!(ask(Channels::Any, "C024BE91M", None), Ok(()));
        assert_eq!(ask(Channels::Webhook, "", Some(Notify::StartAndEnd)), Ok(()));
        assert_eq!(ask(Channels::Webhook, "C024BE91L", None), Err("channel".to_owned()));
        assert_eq!(ask(Channels::Webhook, "", Some(Notify::Live)), Err("notify".to_owned()));
    }

    #[test]
    fn starts_are_bounded_by_project_method_and_location() {
        assert_eq!(start("projects/p:export", "gs://b/safe"), Ok(()));
        assert_eq!(start("projects/p:export", "gs://b/safe/nightly"), Ok(()));
        assert_eq!(start("projects/q:export", "gs://b/safe"), Err("start.path".to_owned()));
        assert_eq!(start("projects/p:import", "gs://b/safe"), Err("start.path".to_owned()));
        for output in ["", "gs://b", "gs://b/safer", "gs://other/safe", "GS://b/safe"] {
            assert_eq!(
                start("projects/p:export", output),
                Err("start.body.outputUrlPrefix".to_owned()),
                "{output}"
            );
        }
    }
}
