//! Operation names and start paths: both go into a URL together with a token, so both are held to a pattern.

use std::fmt;

use super::{Service, StartMethod};

/// The longest name or path, in bytes.
pub(crate) const LONGEST: usize = 1_024;

/// Why a text is no name of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

/// An operation: its service and its name there, known to be safe in a URL and in a shell line's quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    service: Service,
    name: String,
}

impl Operation {
    /// The operation `name` of `service`.
    ///
    /// # Errors
    /// When the name doesn't have its service's form.
    pub fn new(service: Service, name: &str) -> Result<Self, NameError> {
        matches(name, service.name_pattern())?;
        Ok(Self { service, name: name.to_owned() })
    }

    /// Its service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Its name, as the service returned it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The project in its name.
    pub fn project(&self) -> &str {
        project_of(&self.name)
    }

    /// The database in its name.
    pub fn database(&self) -> &str {
        database_of(&self.name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The path of a start, taken apart: `projects/P:export` is the method `export` on `projects/P`.
///
/// # Errors
/// When the path doesn't have its service's form or the method is unknown.
pub(crate) fn parse_start_path(service: Service, path: &str) -> Result<(StartMethod, &str), NameError> {
    let (resource, method) = path.rsplit_once(':').ok_or(NameError)?;
    matches(resource, service.start_pattern())?;
    let method = StartMethod::find(service, method).ok_or(NameError)?;
    Ok((method, resource))
}

/// The project of a name or path that passed its pattern.
pub(crate) fn project_of(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

/// The id of the default database.
pub(crate) const DEFAULT_DATABASE: &str = "(default)";

/// The database of a name or of a start's resource that passed its pattern. The Datastore Admin API names none: it works
/// on the default database alone (<https://cloud.google.com/datastore/docs/reference/admin/rest>).
pub(crate) fn database_of(name: &str) -> &str {
    match *name.split('/').collect::<Vec<_>>() {
        [_, _, "databases", database, ..] => database,
        _ => DEFAULT_DATABASE,
    }
}

fn matches(name: &str, pattern: &[&str]) -> Result<(), NameError> {
    if name.len() > LONGEST {
        return Err(NameError);
    }
    let mut segments = name.split('/');
    for (index, expected) in pattern.iter().enumerate() {
        let segment = segments.next().ok_or(NameError)?;
        let fits = match *expected {
            "*" => is_segment(segment, index == 1),
            word => segment == word,
        };
        if !fits {
            return Err(NameError);
        }
    }
    segments.next().map_or(Ok(()), |_| Err(NameError))
}

/// `:` is for the project segment alone: `example.com:name` is a project of a domain.
fn is_segment(segment: &str, is_project: bool) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || b"._~()-".contains(&byte) || (is_project && byte == b':')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_their_service_pass() {
        for (service, name, project_and_database) in [
            (Service::Datastore, "projects/my-project/operations/ASA1-_x", ["my-project", "(default)"]),
            (Service::Datastore, "projects/example.com:shop/operations/1", ["example.com:shop", "(default)"]),
            (Service::Firestore, "projects/p/databases/(default)/operations/ASA1", ["p", "(default)"]),
            (Service::Firestore, "projects/p/databases/orders/operations/ASA1", ["p", "orders"]),
        ] {
            let operation = Operation::new(service, name).unwrap();
            assert_eq!(
                (operation.name(), [operation.project(), operation.database()]),
                (name, project_and_database)
            );
            assert_eq!(operation.to_string(), name);
        }
        for service in Service::ALL {
            assert!(Operation::new(service, service.name_example()).is_ok());
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = format!("projects/p/operations/{}", "x".repeat(LONGEST));
        for name in [
            "",
            "/",
            "projects",
            "projects/p",
            "projects/p/operations",
            "projects/p/operations/",
            "/projects/p/operations/x",
            "projects//operations/x",
            "projects/p/operations/x/",
            "projects/p/operations/..",
            "projects/../operations/x",
            "projects/./operations/x",
            "projects/p/operations/x/../../y",
            "projects/p/operations/x?alt=media",
            "projects/p/operations/x#y",
            "projects/p/operations/%2e%2e",
            "projects/p/operations/x%00",
            "projects/p/operations/a b",
            "projects/p/operations/a\tb",
            "projects/p/operations/a\r\nHost: evil",
            "projects/p/operations/a\0",
            "projects/p/operations/a\\b",
            "projects/p/operations/a@evil.com",
            "projects/p@evil.com/operations/x",
            "https://evil.com/projects/p/operations/x",
            "//evil.com/projects/p/operations/x",
            "projects/p/operations/x:cancel",
            "projects/p:x/databases/d/operations/x",
            "projects/p/operations/ｘ",
            "projects/p／operations/x",
            "projects/p\u{2215}operations/x",
            "Projects/p/operations/x",
            "projects/p/Operations/x",
            "projects/p/operations/x;y",
            "projects/p/operations/x'y",
            "projects/p/operations/x\"y",
            "projects/p/operations/$(x)",
            "projects/p/operations/`x`",
            "projects/p/operations/x&y",
            "projects/p/operations/x|y",
            "projects/p/operations/x<y>",
            "projects/p/operations/*",
            "operations/x",
            "projects/p/operations/é",
            "projects/p/operations/x\u{7f}",
            "projects/p/operations/x\u{202e}",
            &long,
        ] {
            assert_eq!(Operation::new(Service::Datastore, name), Err(NameError), "{name:?}");
        }
        assert!(Operation::new(Service::Firestore, "projects/p/databases/d:e/operations/x").is_err());
    }

    #[test]
    fn start_paths_name_a_known_method_on_a_resource() {
        let (method, resource) =
            parse_start_path(Service::Datastore, "projects/example.com:p:export").unwrap();
        assert_eq!((method.to_string().as_str(), resource), ("datastore:export", "projects/example.com:p"));
        let (method, _) =
            parse_start_path(Service::Firestore, "projects/p/databases/(default):exportDocuments").unwrap();
        assert_eq!(method.to_string(), "firestore:exportDocuments");
        for path in [
            "",
            "projects/p",
            ":export",
            "projects/p:",
            "projects/p:delete",
            "projects/p:export/",
            "projects/p/:export",
            "projects/../p:export",
            "projects/p/x:export",
            "projects/p?x:export",
            "v1/projects/p:export",
            "projects/p:export?x",
            "projects/p%2f:export",
            "projects/p:EXPORT",
            "projects/p:exportDocuments",
        ] {
            assert_eq!(parse_start_path(Service::Datastore, path), Err(NameError), "{path:?}");
        }
    }
}
