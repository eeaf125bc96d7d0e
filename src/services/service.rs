//! What a row of the table of services says.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::shape::{Lro, Shape};

/// An API whose operations opwatch can follow: a row of the table. Names are unique only within one service.
#[derive(Clone, Copy)]
pub struct Service(pub(super) &'static Row);

/// What opwatch knows of a service. Templates have the parts of an operation's name in braces, such as `{project}`.
pub(super) struct Row {
    /// The name in messages, in `SERVICES` and in `ENDPOINTS`. It never changes.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What its operations are called, such as `build`; `operation` for most.
    pub kind: &'static str,
    /// The host of the API, below `googleapis.com`. `{location}-` and `{region}-` before it are left out for the location
    /// `global`, and for names without one; the region of a zone is the zone without its letter.
    pub host: &'static str,
    /// What stands between the host and an operation's name.
    pub version: &'static str,
    /// The path of the GET, where it is not the version and the name: the first of which all parts are in the name counts.
    pub get: &'static [&'static str],
    /// The forms of its operations' names, in groups. A part of which the name ends in `**` stands for the rest of the name.
    pub names: &'static [&'static [&'static str]],
    /// How it writes an operation.
    pub shape: &'static dyn Shape,
    /// What a success names as its output.
    pub output: Output,
    /// The permission that reading an operation needs, or several with commas between them; `None` when it is not known.
    pub permission: Option<&'static str>,
    /// Below the version, a list that `doctor` may ask for; `{project}` is the only part. `None` when lists need more than a
    /// project.
    pub list: Option<&'static str>,
    /// The gcloud command; `VERB` stands for `describe` or `cancel`. A word of which a part is missing in the name is left out.
    pub gcloud: Option<&'static str>,
    /// Whether that command cancels, too.
    pub cancels: bool,
    /// The command that cancels, where it is another one.
    pub cancel: Option<&'static str>,
    /// The page of the Cloud Console that shows the operation, or those around it.
    pub console: Option<&'static str>,
    /// What may be started there.
    pub starts: Option<Starts>,
}

/// What most services call them.
const OPERATION: &str = "operation";

impl Row {
    /// A service that keeps to <https://google.aip.dev/151>: most rows are this and little more.
    pub(super) const fn standard(
        id: &'static str,
        title: &'static str,
        host: &'static str,
        version: &'static str,
        names: &'static [&'static [&'static str]],
    ) -> Self {
        let (permission, list, gcloud, console, starts) = (None, None, None, None, None);
        let (shape, output): (&dyn Shape, _) = (&Lro, Output::File);
        let (cancels, cancel) = (false, None);
        Self {
            id,
            title,
            kind: OPERATION,
            host,
            version,
            get: &[],
            names,
            shape,
            output,
            permission,
            list,
            gcloud,
            cancels,
            cancel,
            console,
            starts,
        }
    }
}

/// The name of a segment of a pattern that stands for any: `project` of `{project}`.
pub(super) fn wildcard(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}').map(|part| part.trim_end_matches('*'))
}

/// Whether `text` can be a location: it becomes a part of a host.
pub(super) fn is_location(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_plain)
}

/// The region of a zone, such as `us-central1` of `us-central1-a`.
fn region_of(zone: &str) -> &str {
    match zone.rsplit_once('-') {
        Some((region, letter)) if letter.len() == 1 => region,
        _ => zone,
    }
}

/// What an output URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// What a job made, of whatever kind.
    Result,
}

/// How operations of a service are started, and recognised afterwards.
pub(super) struct Starts {
    /// The form of the resource that the methods work on.
    pub resource: &'static str,
    /// An example of a start's path, for error texts.
    pub example: &'static str,
    /// The methods.
    pub methods: &'static [StartMethod],
    /// How what runs already is looked up.
    pub look_up: LookUpBy,
    /// The gcloud command that lists the operations of a resource.
    pub list: &'static str,
    /// The permissions that the methods and their look-up need, apart from those of imports.
    pub permissions: &'static str,
    /// The permission that imports need.
    pub import_permission: &'static str,
}

/// How a list shows what a start may begin a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUpBy {
    /// By labels that a start carries and its operation repeats. The list holds all operations.
    Labels,
    /// By what the operation was asked to do. The list holds those that run; finished ones take a filter.
    Request,
}

/// A method that starts an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StartMethod {
    /// The service it belongs to.
    pub service: Service,
    /// The word behind the colon of its path.
    pub method: &'static str,
    /// Whether it writes to a bucket or reads from one.
    pub direction: Direction,
    /// The body's field that says where in the bucket.
    pub location_field: &'static str,
    /// All fields of its body, as its reference has them.
    pub fields: &'static [&'static str],
    /// Fields of other methods, and what they are called in this one. Google refuses a field that its message doesn't have
    /// (400, `Unknown name`).
    pub misnomers: &'static [(&'static str, &'static str)],
}

/// Which way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the database to a bucket.
    Export,
    /// From a bucket to the database.
    Import,
}

impl Direction {
    /// Its word in texts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Import => "import",
        }
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
        let Some((prefix, host)) = self.0.host.split_once("}-") else {
            return format!("https://{}", self.0.host);
        };
        match location {
            None => format!("https://{host}"),
            Some(zone) if prefix == "{region" => format!("https://{}-{host}", region_of(zone)),
            Some(location) => format!("https://{location}-{host}"),
        }
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
        let host = self.0.host.split_once("}-").map_or(self.0.host, |(_, host)| host);
        host.trim_end_matches(".googleapis.com")
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
            None => self.0.permission.unwrap_or_default().to_owned(),
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

impl StartMethod {
    /// The method of `service` with this word.
    pub fn find(service: Service, method: &str) -> Option<Self> {
        let starts = service.0.starts.as_ref()?;
        starts.methods.iter().find(|known| known.method == method).copied()
    }
}

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.method)
    }
}
