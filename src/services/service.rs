//! What can be asked of a service.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::row::{LookUpBy, OPERATION, Output, Row, StartMethod, wildcard};

/// An API whose operations opwatch can follow: a row of the table. Names are unique only within one service.
#[derive(Clone, Copy)]
pub struct Service(pub(super) &'static Row);
/// Whether `text` can be a location: it becomes a part of a host.
pub(super) fn is_location(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_plain)
}

/// The region of a zone, such as `us-central1` of `us-central1-a`.
pub(super) fn region_of(zone: &str) -> &str {
    match zone.rsplit_once('-') {
        Some((region, letter)) if letter.len() == 1 => region,
        _ => zone,
    }
}
impl Service {
    /// The ids of `services` in a text.
    pub fn list(services: impl IntoIterator<Item = Self>) -> String {
        services.into_iter().map(Self::id).collect::<Vec<_>>().join(", ")
    }

    /// The forms of its operations' names.
    pub fn forms(self) -> impl Iterator<Item = &'static str> {
        self.0.names.iter().copied().flatten().copied()
    }

    /// Whether its names have a fixed part, such as `operations`, by which they can be told from other texts.
    pub fn names_are_recognisable(self) -> bool {
        self.forms().all(|form| form.split('/').any(|segment| wildcard(segment).is_none()))
    }

    pub(super) fn row(self) -> &'static Row {
        self.0
    }

    /// The name in messages, in `SERVICES` and in `ENDPOINTS`.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Where the API answers, without a path. For some services that depends on the location.
    pub fn base(self, location: Option<&str>) -> String {
        let location = location.filter(|location| *location != "global" && is_location(location));
        match (self.host(), location) {
            ((None, host), _) | ((Some(_), host), None) => format!("https://{host}"),
            ((Some("{region"), host), Some(zone)) => format!("https://{}-{host}", region_of(zone)),
            ((Some(_), host), Some(location)) => format!("https://{location}-{host}"),
        }
    }

    /// Where the API answers in one location alone, so that nothing leaves it
    /// (<https://cloud.google.com/vpc/docs/regional-service-endpoints>); `None` for what can't be a location.
    pub fn regional_base(self, location: &str) -> Option<String> {
        let is_one = is_location(location) && location != "global";
        is_one.then(|| format!("https://{}.{location}.rep.googleapis.com", self.api()))
    }

    /// What stands before its host, such as `{location`, and the host without that.
    fn host(self) -> (Option<&'static str>, &'static str) {
        self.0.host.split_once("}-").map_or((None, self.0.host), |(prefix, host)| (Some(prefix), host))
    }

    /// The same with `{location}` where the location of an operation stands.
    pub fn base_form(self) -> String {
        format!("https://{}", self.0.host)
    }

    /// What its operations are called in English, such as `build`.
    pub fn kind(self) -> &'static str {
        self.0.kind
    }

    /// Whether what it has are resources that are operations themselves, such as jobs and builds.
    pub fn has_jobs(self) -> bool {
        self.0.kind != OPERATION
    }

    /// The name of its API: `bigquery` for `bigquery.googleapis.com`.
    pub fn api(self) -> &'static str {
        self.host().1.trim_end_matches(".googleapis.com")
    }

    /// The path of the GET of an operation whose name has this form, with the parts of the name in braces.
    pub fn get_form(self, form: &str) -> String {
        let has =
            |part: &str| part == "name" || form.split('/').any(|segment| wildcard(segment) == Some(part));
        let has_all = |template: &&str| {
            template.split('{').skip(1).all(|part| has(part.split('}').next().unwrap_or_default()))
        };
        let own = self.0.get.iter().copied().find(has_all).map(|template| template.replace("{name}", form));
        own.unwrap_or_else(|| format!("{}/{form}", self.0.version))
    }

    /// The fields that are read from an answer that has its own form, by their paths.
    pub fn reads(self) -> Vec<&'static str> {
        self.0.shape.paths()
    }

    /// The words of a state that it knows.
    pub fn words(self) -> Vec<String> {
        self.0.shape.words()
    }

    /// The command of gcloud that shows an operation, with the parts of its name in braces.
    pub fn gcloud(self) -> Option<String> {
        Some(self.0.gcloud?.replace("VERB", "describe"))
    }

    /// The version segment of its paths.
    pub fn version(self) -> &'static str {
        self.0.version
    }

    /// An example of an operation's name, for error texts.
    pub fn name_example(self) -> String {
        let form = self.forms().next().unwrap_or_default();
        let last = form.rsplit('/').next().and_then(wildcard);
        let example = |part: &str| match part {
            part if last == Some(part) => part.to_uppercase(),
            "project" => "my-project".to_owned(),
            "location" | "region" => "europe-west1".to_owned(),
            "zone" => "europe-west1-b".to_owned(),
            "database" => "(default)".to_owned(),
            part => format!("my-{part}"),
        };
        let segments = form.split('/').map(|segment| wildcard(segment).map_or(segment.to_owned(), example));
        segments.collect::<Vec<_>>().join("/")
    }

    /// What a success names as its output.
    pub fn output(self) -> Output {
        self.0.output
    }

    /// The permissions that reading an operation needs, with commas between them.
    pub fn permission(self) -> Option<&'static str> {
        self.0.permission
    }

    /// The permissions that a role for it needs, separated by commas.
    pub fn role_permissions(self, imports: bool) -> String {
        match &self.0.starts {
            None => {
                self.0.permission.into_iter().chain(self.detail_permission()).collect::<Vec<_>>().join(",")
            }
            Some(starts) if imports => {
                let (export, others) = starts.permissions.split_once(',').unwrap_or((starts.permissions, ""));
                [export, starts.import_permission, others].join(",")
            }
            Some(starts) => starts.permissions.to_owned(),
        }
    }

    /// The path of a list of the operations of `project`, from the version on; `None` when a list needs more than a project.
    pub fn list_path(self, project: &str) -> Option<String> {
        let list = self.0.list?.replace("{project}", project);
        Some(format!("{}/{list}", self.0.version))
    }

    /// What may be started there: the methods, and an example of a path; `None` for a service that is only watched.
    pub fn start_example(self) -> Option<&'static str> {
        self.0.starts.as_ref().map(|starts| starts.example)
    }

    /// The resources and methods of its starts.
    #[cfg(test)]
    pub(crate) fn start_forms(self) -> impl Iterator<Item = (&'static str, StartMethod)> {
        self.0.starts.iter().flat_map(|starts| starts.methods.iter().map(|method| (starts.resource, *method)))
    }

    /// The method that `start_example` names.
    pub fn start_method(self) -> Option<StartMethod> {
        self.0.starts.as_ref()?.methods.first().copied()
    }

    /// How what runs already is looked up before a start; `None` for a service that is only watched.
    pub fn look_up(self) -> Option<LookUpBy> {
        self.0.starts.as_ref().map(|starts| starts.look_up)
    }

    /// Whether a start can carry labels that come back in its operation.
    pub fn has_labels(self) -> bool {
        self.look_up() == Some(LookUpBy::Labels)
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Service {}

impl PartialOrd for Service {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Service {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id().cmp(other.id())
    }
}

impl Hash for Service {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({})", self.id())
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
