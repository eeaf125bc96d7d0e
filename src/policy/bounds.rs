//! What a setting allows of databases and of places in Cloud Storage.

/// Places in Cloud Storage that starts may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locations {
    /// The setting is not set: none.
    Unset,
    /// `any`: every place.
    Any,
    /// These, and what lies below them. Without slashes at the end.
    Below(Vec<String>),
}

/// A database that may be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its project; `None` for this id in every project.
    pub project: Option<String>,
    /// Its id, `(default)` for the default database.
    pub id: String,
}

impl Database {
    /// Whether it is database `id` of `project`.
    pub(super) fn covers(&self, project: &str, id: &str) -> bool {
        self.id == id && self.project.as_ref().is_none_or(|own| own == project)
    }
}

/// Whether `location` is one of `prefixes` or lies below one: `gs://b2` does not lie below `gs://b`.
pub(super) fn is_below(location: &str, prefixes: &[String]) -> bool {
    let below = |prefix: &String| {
        location.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    prefixes.iter().any(below)
}

/// The bucket of a location, with its `gs://`.
pub(super) fn bucket_of(location: &str) -> Option<&str> {
    const SCHEME: &str = "gs://";
    let name = location.strip_prefix(SCHEME)?.split('/').next()?;
    // https://cloud.google.com/storage/docs/buckets#naming
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let plain = !name.is_empty() && name.bytes().all(allowed);
    location.get(..SCHEME.len() + name.len()).filter(|_| plain)
}
