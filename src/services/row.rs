//! What a row of the table of services says.

use std::fmt;

use super::Service;
use super::shape::{Lro, Shape};

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
    /// Where the text of a failure is, when the operation does not carry it.
    pub detail: Option<Detail>,
}

/// What most services call them.
pub(super) const OPERATION: &str = "operation";

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
            detail: None,
        }
    }
}

/// The name of a segment of a pattern that stands for any: `project` of `{project}`.
pub(super) fn wildcard(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}').map(|part| part.trim_end_matches('*'))
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

/// Where the text of a failure is.
pub(super) struct Detail {
    /// The path of its GET, from the version on.
    pub get: &'static str,
    /// Where the texts are in the answer, the oldest first.
    pub texts: &'static str,
    /// The permission that the GET needs, beside that of the operation.
    pub permission: &'static str,
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
