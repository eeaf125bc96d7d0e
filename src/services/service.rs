//! The service table: which API a name belongs to, where it answers, and what may be started there.

use std::fmt;
use std::str::FromStr;

/// An API whose operations opwatch can follow. Names are unique only within one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Cloud Datastore Admin v1, the default database.
    Datastore,
    /// Cloud Firestore Admin v1, any database in either mode.
    Firestore,
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

/// Fields as in <https://cloud.google.com/datastore/docs/reference/admin/rest/v1/projects/export>, `…/import`, and
/// <https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases/exportDocuments>, `…/importDocuments`.
const START_METHODS: &[StartMethod] = &[
    method(Service::Datastore, "export", Direction::Export, "outputUrlPrefix"),
    method(Service::Datastore, "import", Direction::Import, "inputUrl"),
    method(Service::Firestore, "exportDocuments", Direction::Export, "outputUriPrefix"),
    method(Service::Firestore, "importDocuments", Direction::Import, "inputUriPrefix"),
];

const fn method(
    service: Service,
    method: &'static str,
    direction: Direction,
    location_field: &'static str,
) -> StartMethod {
    StartMethod { service, method, direction, location_field }
}

impl Service {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Datastore, Self::Firestore];

    /// The name in messages, in `SERVICES` and in `ENDPOINTS`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Datastore => "datastore",
            Self::Firestore => "firestore",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Datastore => "Datastore",
            Self::Firestore => "Firestore",
        }
    }

    /// Where the API answers, without a path.
    pub fn base(self) -> &'static str {
        match self {
            Self::Datastore => "https://datastore.googleapis.com",
            Self::Firestore => "https://firestore.googleapis.com",
        }
    }

    /// The version segment of its paths.
    pub fn version(self) -> &'static str {
        match self {
            Self::Datastore | Self::Firestore => "v1",
        }
    }

    /// The segments of an operation's name; `*` stands for one segment.
    pub(super) fn name_pattern(self) -> &'static [&'static str] {
        match self {
            Self::Datastore => &["projects", "*", "operations", "*"],
            Self::Firestore => &["projects", "*", "databases", "*", "operations", "*"],
        }
    }

    /// An example of an operation's name, for error texts.
    pub fn name_example(self) -> &'static str {
        match self {
            Self::Datastore => "projects/my-project/operations/ASA1MTAwNDQxNAgadGx1YWZlZAcSMWxhcnRuZWNzdQ",
            Self::Firestore => {
                "projects/my-project/databases/(default)/operations/ASA1MTAwNDQxNAgadGx1YWZlZAcSMWxhcnRuZWNzdQ"
            }
        }
    }

    /// The segments of the resource that a start method works on, as in [`Self::name_pattern`].
    pub(super) fn start_pattern(self) -> &'static [&'static str] {
        match self {
            Self::Datastore => &["projects", "*"],
            Self::Firestore => &["projects", "*", "databases", "*"],
        }
    }

    /// Whether a start can carry labels that come back in its operation.
    pub fn has_labels(self) -> bool {
        self == Self::Datastore
    }

    /// The command group of gcloud that handles its operations.
    pub fn gcloud_group(self) -> &'static str {
        match self {
            Self::Datastore => "gcloud datastore operations",
            Self::Firestore => "gcloud firestore operations",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Service {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|service| service.id() == text).ok_or(())
    }
}

impl StartMethod {
    /// Every method that can be named in `STARTS`.
    pub fn all() -> &'static [Self] {
        START_METHODS
    }

    /// An example of a start's path, for error texts.
    pub fn example(service: Service) -> &'static str {
        match service {
            Service::Datastore => "projects/my-project:export",
            Service::Firestore => "projects/my-project/databases/(default):exportDocuments",
        }
    }

    /// The method of `service` with this word.
    pub fn find(service: Service, method: &str) -> Option<Self> {
        START_METHODS.iter().find(|known| known.service == service && known.method == method).copied()
    }
}

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.method)
    }
}

impl FromStr for StartMethod {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (service, method) = text.split_once(':').ok_or(())?;
        Self::find(service.parse()?, method).ok_or(())
    }
}
