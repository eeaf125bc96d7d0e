//! What opwatch may touch: services, projects, start methods and export locations that its settings allow.

mod adoption;
mod bounds;
mod limits;
mod routes;

pub use adoption::{Adopted, Adoption, Principal};
pub use bounds::{Database, Locations};
pub use limits::Limits;
pub use routes::{Of, Route, Routes};

use crate::placeholder::{before_first, has_any};
use crate::services::{Direction, Operation, Service, StartMethod};
use crate::watch::{Mention, Notify, Powers, Problem, ProblemKind, Routing, StartRequest, Target};

/// A prefix, for texts.
const EXAMPLE: &str = "gs://my-backups";

/// What the settings allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `SERVICES`.
    pub services: Vec<Service>,
    /// Those that `SERVICES` names by id: only their names may be without a project, which `PROJECTS` would bound.
    pub named: Vec<Service>,
    /// `PROJECTS`; none allows every project, for a person at a terminal.
    pub projects: Option<Vec<String>>,
    /// `DATABASES`; `None` allows every database.
    pub databases: Option<Vec<Database>>,
    /// `STARTS`; empty starts nothing.
    pub starts: Vec<StartMethod>,
    /// `EXPORT_PREFIXES`: where exports may write.
    pub exports: Locations,
    /// `IMPORT_PREFIXES`: what imports may read.
    pub imports: Locations,
    /// `OUTLETS`: the outlets that are set up, by their IDs, and what each can do.
    pub outlets: Vec<(&'static str, Powers)>,
    /// Where a message may send.
    pub targets: Targets,
    /// `MENTIONS`: whom a message may mention; `None` allows everyone.
    pub mentions: Option<Vec<Mention>>,
    /// How much a publisher may request.
    pub limits: Limits,
    /// `ADOPT`: what is watched though no message asks for it.
    pub adoption: Adoption,
    /// `ROUTES`: where watches are reported whose message names no place.
    pub routes: Routes,
}

/// Where a message may send, if the outlet has targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// `any`: to every target that takes opwatch's messages.
    Any,
    /// To these: `SLACK_CHANNELS` and `SLACK_CHANNEL`.
    Only(Vec<Target>),
}

impl Policy {
    /// One that permits reading the operations of these services, in these projects or, without any, in all; and starting nothing.
    pub fn reading(services: Vec<Service>, projects: Option<Vec<String>>) -> Self {
        Self {
            named: services.clone(),
            services,
            projects,
            databases: None,
            starts: Vec::new(),
            exports: Locations::Unset,
            imports: Locations::Unset,
            outlets: Vec::new(),
            targets: Targets::Any,
            mentions: None,
            limits: Limits::NONE,
            adoption: Adoption::default(),
            routes: Routes::default(),
        }
    }

    /// Whether `operation` may be read.
    ///
    /// # Errors
    /// With the field and the setting that forbids it.
    pub fn permit(&self, operation: &Operation) -> Result<(), Problem> {
        self.permit_service(operation.service(), "service")?;
        match operation.part("project") {
            Some(project) => self.permit_project(project, "name")?,
            None if self.projects.is_some() && !self.named.contains(&operation.service()) => {
                return Err(forbidden("service", "SERVICES", operation.service().id()));
            }
            None => {}
        }
        let database = operation.database();
        database.map_or(Ok(()), |database| self.permit_database(operation.project(), database, "name"))
    }

    /// Whether `request` may be started.
    ///
    /// # Errors
    /// With the field and the setting that forbids it.
    pub fn permit_start(&self, request: &StartRequest) -> Result<(), Problem> {
        self.permit_service(request.service(), "start.service")?;
        self.permit_project(request.project(), "start.path")?;
        self.permit_database(request.project(), request.database(), "start.path")?;
        if self.starts.is_empty() {
            return Err(Problem::new("start", ProblemKind::WatchOnly { method: request.method.to_string() }));
        }
        if !self.starts.contains(&request.method) {
            return Err(forbidden("start.path", "STARTS", &request.method.to_string()));
        }
        self.permit_location(request)
    }

    /// The settings that are missing, and what is refused without each: what `STARTS` allows but no location does.
    pub fn unset(&self) -> impl Iterator<Item = (&'static str, Direction)> {
        [Direction::Export, Direction::Import].into_iter().filter_map(|direction| {
            let starts = self.starts.iter().any(|method| method.direction == direction);
            let (setting, locations) = self.locations(direction);
            (starts && *locations == Locations::Unset).then_some((setting, direction))
        })
    }

    /// Whether a message may ask for a check every `interval` seconds.
    ///
    /// # Errors
    /// With the setting that forbids it.
    pub fn permit_interval(&self, interval: u32) -> Result<(), Problem> {
        let least = self.limits.min_interval;
        let why = || ProblemKind::Below { setting: "MIN_INTERVAL".to_owned(), least };
        if interval >= least { Ok(()) } else { Err(Problem::new("interval", why())) }
    }

    /// Whether a message may ask for `routing`.
    ///
    /// # Errors
    /// With the field and the setting that forbids it.
    pub fn permit_routing(&self, routing: &Routing) -> Result<(), Problem> {
        let missing = |id: &&&str| !self.outlets.iter().any(|(outlet, _)| outlet == *id);
        if let Some(id) = routing.outlets.iter().flatten().find(missing) {
            return Err(forbidden("outlets", "OUTLETS", id));
        }
        let powers = self.powers(routing);
        if !powers.edits && routing.notify == Some(Notify::Live) {
            return Err(Problem::new("notify", ProblemKind::NeedsPower));
        }
        if let Some(mention) = routing.mention.as_ref().filter(|mention| !self.permits_mention(mention)) {
            return Err(forbidden("mention", "MENTIONS", mention.as_str()));
        }
        match &routing.target {
            Some(_) if !powers.targets => Err(Problem::new("channel", ProblemKind::NeedsPower)),
            Some(target) if !self.permits_target(target) => {
                Err(forbidden("channel", "SLACK_CHANNELS", target.as_str()))
            }
            _ => Ok(()),
        }
    }

    /// What the outlets can do that a watch with this routing reports to.
    fn powers(&self, routing: &Routing) -> Powers {
        let is_chosen = |id| routing.outlets.as_ref().is_none_or(|ids| ids.contains(id));
        let chosen = self.outlets.iter().filter(|(id, _)| is_chosen(id));
        chosen.fold(Powers::default(), |all, (_, powers)| all.or(*powers))
    }

    /// Whether a message may send to `target`.
    pub fn permits_target(&self, target: &Target) -> bool {
        self.powers(&Routing::default()).targets
            && match &self.targets {
                Targets::Any => true,
                Targets::Only(targets) => targets.contains(target) || self.routes.leads_to(target),
            }
    }

    /// Whether a message may ping `mention`.
    pub fn permits_mention(&self, mention: &Mention) -> bool {
        self.mentions.as_ref().is_none_or(|mentions| mentions.contains(mention))
            || self.routes.mentions(mention)
    }

    fn permit_service(&self, service: Service, field: &str) -> Result<(), Problem> {
        let allowed = self.services.contains(&service);
        if allowed { Ok(()) } else { Err(forbidden(field, "SERVICES", service.id())) }
    }

    /// Whether `PROJECTS` allows `project`.
    pub fn permits_project(&self, project: &str) -> bool {
        self.projects.as_ref().is_none_or(|projects| projects.iter().any(|known| known == project))
    }

    fn permit_project(&self, project: &str, field: &str) -> Result<(), Problem> {
        if self.permits_project(project) { Ok(()) } else { Err(forbidden(field, "PROJECTS", project)) }
    }

    fn permit_database(&self, project: &str, id: &str, field: &str) -> Result<(), Problem> {
        let allowed = self.databases.as_ref().is_none_or(|all| all.iter().any(|one| one.covers(project, id)));
        if allowed { Ok(()) } else { Err(forbidden(field, "DATABASES", id)) }
    }

    /// The setting that bounds this direction, and what it allows.
    fn locations(&self, direction: Direction) -> (&'static str, &Locations) {
        match direction {
            Direction::Export => ("EXPORT_PREFIXES", &self.exports),
            Direction::Import => ("IMPORT_PREFIXES", &self.imports),
        }
    }

    fn permit_location(&self, request: &StartRequest) -> Result<(), Problem> {
        let (setting, locations) = self.locations(request.method.direction);
        let field = format!("start.body.{}", request.method.location_field);
        match locations {
            Locations::Any => Ok(()),
            Locations::Below(prefixes) if bounds::is_below(request.location(), prefixes) => Ok(()),
            Locations::Below(_) => Err(forbidden(&field, setting, &to_allow(request))),
            Locations::Unset => {
                let line = format!("{setting}={}", bounds::bucket_of(request.location()).unwrap_or(EXAMPLE));
                Err(Problem::new(&field, ProblemKind::NotSet { setting: setting.to_owned(), line }))
            }
        }
    }
}

/// What to add to the setting for the location of `request`, which is another one each time when it holds placeholders: the
/// folders before the first one.
fn to_allow(request: &StartRequest) -> String {
    let location = request.location();
    let written = request.written().1.get(request.method.location_field);
    let written = written.and_then(serde_json::Value::as_str).unwrap_or_default();
    let fixed = if has_any(written) { before_first(written) } else { return location.to_owned() };
    let folders = fixed.rsplit_once('/').map(|(folders, _)| folders);
    folders.filter(|folders| folders.len() > "gs://".len()).unwrap_or(location).to_owned()
}

fn forbidden(field: &str, setting: &str, value: &str) -> Problem {
    Problem::new(field, ProblemKind::NotAllowed { setting: setting.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_POWERS: Powers =
        Powers { texts: true, edits: true, threads: true, mentions: true, targets: true };

    fn policy() -> Policy {
        Policy {
            services: Service::all().collect(),
            named: Vec::new(),
            projects: Some(vec!["p".to_owned()]),
            databases: None,
            starts: ["datastore:export", "firestore:importDocuments"]
                .map(|word| word.parse().unwrap())
                .to_vec(),
            exports: Locations::Below(vec!["gs://b/safe".to_owned()]),
            imports: Locations::Below(vec!["gs://b/in".to_owned()]),
            outlets: vec![("slack", ALL_POWERS), ("events", Powers::default())],
            targets: Targets::Only(vec![Target::new("C024BE91L")]),
            mentions: Some(vec![Mention::new("here")]),
            limits: Limits { min_interval: 30, ..Limits::NONE },
            adoption: Adoption::default(),
            routes: Routes::default(),
        }
    }

    /// The field that keeps `policy` from a start of `path` with this location.
    fn start(policy: &Policy, path: &str, location: &str) -> Result<(), String> {
        let request = request(path, location);
        policy.permit_start(&request).map_err(|problem| problem.field)
    }

    fn request(path: &str, location: &str) -> StartRequest {
        let service = if path.contains("/databases/") { Service::FIRESTORE } else { Service::DATASTORE };
        let (method, _) = crate::services::parse_start_path(service, path).unwrap();
        let body = serde_json::json!({method.location_field: location}).as_object().unwrap().clone();
        StartRequest { method, path: path.to_owned(), body, template: None }
    }

    #[test]
    fn only_what_is_allowed_is_touched() {
        let policy = Policy { services: vec![Service::DATASTORE], ..policy() };
        let name =
            |service, name| policy.permit(&Operation::new(service, name).unwrap()).map_err(|p| p.field);
        assert_eq!(name(Service::DATASTORE, "projects/p/operations/x"), Ok(()));
        assert_eq!(name(Service::DATASTORE, "projects/q/operations/x"), Err("name".to_owned()));
        assert_eq!(
            name(Service::FIRESTORE, "projects/p/databases/d/operations/x"),
            Err("service".to_owned())
        );
    }

    #[test]
    fn a_name_without_a_project_is_read_only_for_a_service_that_is_named() {
        let service: Service = "apikeys".parse().unwrap();
        let operation = Operation::new(service, "operations/akmf.p7-1").unwrap();
        let refused = policy().permit(&operation).unwrap_err();
        assert_eq!((refused.field.as_str(), refused.setting()), ("service", "SERVICES"));
        assert_eq!(Policy { named: vec![service], ..policy() }.permit(&operation), Ok(()));
        assert_eq!(Policy { projects: None, ..policy() }.permit(&operation), Ok(()), "at a terminal");
    }

    #[test]
    fn a_channel_is_one_of_those_allowed_and_needs_a_bot() {
        let ask = |powers: Powers, targets: Targets, channel: Option<&str>, notify| {
            let routing = Routing { target: channel.map(Target::new), notify, ..Routing::default() };
            Policy { outlets: vec![("slack", powers)], targets, ..policy() }
                .permit_routing(&routing)
                .map_err(|problem| problem.field)
        };
        let bot = |targets: Targets, channel, notify| ask(ALL_POWERS, targets, channel, notify);
        let webhook = |channel, notify| ask(Powers::default(), Targets::Any, channel, notify);
        let only = || policy().targets;
        assert_eq!(bot(only(), None, None), Ok(()));
        assert_eq!(bot(only(), Some("C024BE91L"), Some(Notify::Live)), Ok(()));
        assert_eq!(bot(only(), Some("C024BE91M"), None), Err("channel".to_owned()));
        assert_eq!(bot(Targets::Any, Some("C024BE91M"), None), Ok(()));
        assert_eq!(webhook(None, Some(Notify::StartAndEnd)), Ok(()));
        assert_eq!(webhook(Some("C024BE91L"), None), Err("channel".to_owned()));
        assert_eq!(webhook(None, Some(Notify::Live)), Err("notify".to_owned()));
    }

    #[test]
    fn a_message_chooses_among_the_outlets_that_are_set_up() {
        let ask = |outlets: &[&'static str], notify, channel: Option<&str>| {
            let target = channel.map(Target::new);
            let routing = Routing { target, notify, outlets: Some(outlets.to_vec()), ..Routing::default() };
            policy()
                .permit_routing(&routing)
                .map_err(|problem| (problem.field.clone(), problem.setting().to_owned()))
        };
        let refused = |field: &str, setting: &str| Err((field.to_owned(), setting.to_owned()));
        assert_eq!(ask(&["events"], None, None), Ok(()));
        assert_eq!(ask(&["slack", "events"], Some(Notify::Live), Some("C024BE91L")), Ok(()));
        assert_eq!(ask(&["slack", "topic"], None, None), refused("outlets", "OUTLETS"));
        assert_eq!(ask(&["events"], Some(Notify::Live), None), refused("notify", ""), "no event is edited");
        assert_eq!(ask(&["events"], None, Some("C024BE91L")), refused("channel", ""), "it is Slack's");
    }

    #[test]
    fn an_interval_is_no_shorter_than_allowed() {
        assert_eq!(policy().permit_interval(30), Ok(()));
        let problem = policy().permit_interval(29).unwrap_err();
        assert_eq!((problem.field.as_str(), problem.setting()), ("interval", "MIN_INTERVAL"));
    }

    #[test]
    fn a_mention_is_one_of_those_allowed() {
        let ask = |mentions: Option<Vec<Mention>>, mention: Option<&str>| {
            let mention = mention.map(Mention::new);
            let routing = Routing { mention, ..Routing::default() };
            let policy = Policy { mentions, ..policy() };
            policy.permit_routing(&routing).map_err(|problem| problem.setting().to_owned())
        };
        let here = || Some(vec![Mention::new("here")]);
        assert_eq!(ask(here(), None), Ok(()));
        assert_eq!(ask(here(), Some("here")), Ok(()));
        assert_eq!(ask(here(), Some("U024BE7LH")), Err("MENTIONS".to_owned()));
        assert_eq!(ask(Some(Vec::new()), Some("here")), Err("MENTIONS".to_owned()));
        assert_eq!(ask(None, Some("S0614TZR7")), Ok(()));
    }

    #[test]
    fn starts_are_bounded_by_project_method_and_location() {
        let policy = policy();
        let export = |output| start(&policy, "projects/p:export", output);
        assert_eq!(export("gs://b/safe"), Ok(()));
        assert_eq!(export("gs://b/safe/nightly"), Ok(()));
        assert_eq!(start(&policy, "projects/q:export", "gs://b/safe"), Err("start.path".to_owned()));
        assert_eq!(start(&policy, "projects/p:import", "gs://b/in"), Err("start.path".to_owned()));
        for output in ["", "gs://b", "gs://b/safer", "gs://b/in", "gs://other/safe", "GS://b/safe"] {
            assert_eq!(export(output), Err("start.body.outputUrlPrefix".to_owned()), "{output}");
        }
        let import = |input| start(&policy, "projects/p/databases/d:importDocuments", input);
        assert_eq!(import("gs://b/in/2026"), Ok(()));
        assert_eq!(import("gs://b/safe"), Err("start.body.inputUriPrefix".to_owned()), "exports write there");
    }

    #[test]
    fn without_a_setting_no_location_is_allowed_and_the_line_to_add_names_the_bucket() {
        let line = |path: &str, location: &str| {
            let policy = Policy { exports: Locations::Unset, imports: Locations::Unset, ..policy() };
            match policy.permit_start(&request(path, location)).unwrap_err().kind {
                ProblemKind::NotSet { line, .. } => line,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(line("projects/p:export", "gs://b/x/2026"), "EXPORT_PREFIXES=gs://b");
        let import = "projects/p/databases/d:importDocuments";
        assert_eq!(line(import, "gs://b-1/x"), "IMPORT_PREFIXES=gs://b-1");
        for odd in ["", "b", "gs://", "gs://b,any/x", "gs://B x"] {
            assert_eq!(line("projects/p:export", odd), "EXPORT_PREFIXES=gs://my-backups", "{odd}");
        }
        let any = Policy { exports: Locations::Any, imports: Locations::Any, ..policy() };
        assert_eq!(start(&any, "projects/p:export", "gs://b/x"), Ok(()));
        assert_eq!(start(&any, import, "gs://b/x"), Ok(()));
    }

    #[test]
    fn databases_bound_checks_and_starts() {
        let database = |project: Option<&str>, id: &str| Database {
            project: project.map(str::to_owned),
            id: id.to_owned(),
        };
        let only = |databases: &[Database]| Policy { databases: Some(databases.to_vec()), ..policy() };
        let import = |policy: &Policy, id: &str| {
            start(policy, &format!("projects/p/databases/{id}:importDocuments"), "gs://b/in")
        };
        let orders = only(&[database(None, "orders")]);
        assert_eq!(import(&orders, "orders"), Ok(()));
        assert_eq!(import(&orders, "orders2"), Err("start.path".to_owned()));
        assert_eq!(start(&orders, "projects/p:export", "gs://b/safe"), Err("start.path".to_owned()));
        let default = only(&[database(None, "(default)")]);
        assert_eq!(
            start(&default, "projects/p:export", "gs://b/safe"),
            Ok(()),
            "Datastore's is the default one"
        );
        assert_eq!(import(&only(&[database(Some("p"), "orders")]), "orders"), Ok(()));
        assert_eq!(import(&only(&[database(Some("q"), "orders")]), "orders"), Err("start.path".to_owned()));
        let look = |policy: &Policy, service, name| {
            policy
                .permit(&Operation::new(service, name).unwrap())
                .map_err(|problem| problem.setting().to_owned())
        };
        let firestore = "projects/p/databases/orders/operations/x";
        assert_eq!(look(&orders, Service::FIRESTORE, firestore), Ok(()));
        assert_eq!(look(&default, Service::FIRESTORE, firestore), Err("DATABASES".to_owned()));
        assert_eq!(look(&default, Service::DATASTORE, "projects/p/operations/x"), Ok(()));
        assert_eq!(look(&orders, Service::DATASTORE, "projects/p/operations/x"), Err("DATABASES".to_owned()));
    }

    #[test]
    fn a_service_that_only_watches_starts_nothing_and_warns_of_nothing() {
        let policy = Policy { starts: Vec::new(), exports: Locations::Unset, ..policy() };
        let problem = policy.permit_start(&request("projects/p:export", "gs://b/safe")).unwrap_err();
        assert_eq!((problem.field.as_str(), problem.setting()), ("start", "STARTS"));
        assert_eq!(policy.unset().next(), None);
    }

    #[test]
    fn settings_without_which_starts_are_refused_are_known() {
        let unset = |exports, imports| {
            Policy { exports, imports, ..policy() }.unset().map(|(setting, _)| setting).collect::<Vec<_>>()
        };
        assert_eq!(unset(Locations::Any, Locations::Any), Vec::<&str>::new());
        assert_eq!(unset(Locations::Unset, Locations::Any), ["EXPORT_PREFIXES"]);
        assert_eq!(unset(Locations::Unset, Locations::Unset), ["EXPORT_PREFIXES", "IMPORT_PREFIXES"]);
    }
}
