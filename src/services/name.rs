//! Operation names and start paths: both go into a URL together with a token, so both are held to a pattern.

use std::borrow::Cow;
use std::fmt;

use super::row::wildcard;
use super::service::{is_location, region_of};
use super::{Service, StartMethod};
use crate::text::shell_word;

/// The longest name or path, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 1_024;

/// The part of a form that some names lack.
const LOCATION: &str = "locations/{location}/";

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
        let operation = Self { service, name: name.to_owned() };
        // It becomes a part of the host.
        let has_host =
            !service.row().host.contains('{') || operation.part("location").is_none_or(is_location);
        let fits = service.forms().any(|pattern| matches(name, pattern)) && has_host;
        if fits { Ok(operation) } else { Err(NameError) }
    }

    /// What `name` may be among `services`: names are unique only within one service, and many services share one form.
    pub fn candidates(services: &[Service], name: &str) -> Vec<Self> {
        services.iter().filter_map(|service| Self::new(*service, name).ok()).collect()
    }

    /// Its service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Its name, as the service returned it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What all names of the operation have in common: the one without a location, where its service takes names with and without.
    pub fn common_name(&self) -> Cow<'_, str> {
        let forms = || self.service.forms();
        let form = forms().find(|form| matches(&self.name, form)).unwrap_or_default();
        let shorter = form.replacen(LOCATION, "", 1);
        match self.part("location") {
            Some(location) if form != shorter && forms().any(|form| form == shorter) => {
                self.name.replacen(&LOCATION.replace("{location}", location), "", 1).into()
            }
            _ => (&self.name).into(),
        }
    }

    /// The project in its name; empty for a name without one.
    pub fn project(&self) -> &str {
        self.part("project").unwrap_or_default()
    }

    /// Where its API answers, without a path.
    pub fn base(&self) -> String {
        self.service.base(self.part("location"))
    }

    /// Where its API answers in the location of its name alone; `None` for a name without one.
    pub fn regional_base(&self) -> Option<String> {
        let region = self.part("zone").map(region_of);
        let location = self.part("location").or_else(|| self.part("region")).or(region)?;
        self.service.regional_base(location)
    }

    /// The database in its name, for a service whose starts work on one. The Datastore Admin API names none: it works on the
    /// default database alone (<https://cloud.google.com/datastore/docs/reference/admin/rest>).
    pub fn database(&self) -> Option<&str> {
        self.service.row().starts.as_ref()?;
        Some(self.part("database").unwrap_or(DEFAULT_DATABASE))
    }

    /// The part of its name that its service's form calls `part`.
    pub fn part(&self, part: &str) -> Option<&str> {
        let pattern = self.service.forms().find(|pattern| matches(&self.name, pattern))?;
        part_of(&self.name, pattern, part)
    }

    /// `template` with the parts of the name that stand in braces, each as `write` has it. A word of which a part is missing is
    /// left out.
    pub(super) fn fill(&self, template: &str, write: impl Fn(&str) -> String) -> String {
        let part = |part: &str| self.name_or_part(part).map(&write);
        let filled = template.split(' ').filter_map(|word| fill_word(word, part));
        filled.collect::<Vec<_>>().join(" ")
    }

    /// `template` with the parts of the name; `None` when one is missing.
    pub(super) fn fill_word(&self, template: &str) -> Option<String> {
        fill_word(template, |part| self.name_or_part(part).map(str::to_owned))
    }

    fn name_or_part(&self, part: &str) -> Option<&str> {
        if part == "name" { Some(&self.name) } else { self.part(part) }
    }

    /// Its page in the Cloud Console, or that of what is around it; `write` encodes a part of its name.
    pub fn console(&self, write: impl Fn(&str) -> String) -> Option<String> {
        Some(self.fill(self.service.row().console?, write)).filter(|page| !page.is_empty())
    }
}

/// `word` with the parts in braces; `None` when one is missing.
fn fill_word(word: &str, part: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&part(name)?);
        rest = behind;
    }
    filled.push_str(rest);
    Some(filled)
}

/// The gcloud command that lists the operations of the resource of a start.
pub(crate) fn list_command(service: Service, resource: &str) -> Option<String> {
    let starts = service.row().starts.as_ref()?;
    let part = |name: &str| part_of(resource, starts.resource, name).map(shell_word);
    let words: Vec<_> = starts.list.split(' ').filter_map(|word| fill_word(word, part)).collect();
    Some(words.join(" "))
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
    let starts = service.row().starts.as_ref().ok_or(NameError)?;
    let (resource, method) = path.rsplit_once(':').ok_or(NameError)?;
    let method = StartMethod::find(service, method).filter(|_| matches(resource, starts.resource));
    Ok((method.ok_or(NameError)?, resource))
}

/// The project of a start's resource or of a topic that passed its pattern.
pub(crate) fn project_of(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

/// The id of the default database.
pub(crate) const DEFAULT_DATABASE: &str = "(default)";

/// The database of a start's resource that passed its pattern.
pub(crate) fn database_of(name: &str) -> &str {
    match *name.split('/').collect::<Vec<_>>() {
        [_, _, "databases", database, ..] => database,
        _ => DEFAULT_DATABASE,
    }
}

/// The segment of `name` where `pattern` has `{part}`, or the rest of it where that is `{part**}`.
pub(super) fn part_of<'a>(name: &'a str, pattern: &str, part: &str) -> Option<&'a str> {
    let mut rest = name;
    for expected in pattern.split('/') {
        let (segment, behind) = rest.split_once('/').unwrap_or((rest, ""));
        if wildcard(expected) == Some(part) {
            return Some(if expected.ends_with(REST) { rest } else { segment });
        }
        rest = behind;
    }
    None
}

/// How a part ends that stands for the rest of a name.
const REST: &str = "**}";

pub(super) fn matches(name: &str, pattern: &str) -> bool {
    if name.len() > MAX_NAME_BYTES {
        return false;
    }
    let mut segments = name.split('/');
    for expected in pattern.split('/') {
        let Some(segment) = segments.next() else { return false };
        let fits = match wildcard(expected) {
            Some(_) if expected.ends_with(REST) => {
                return std::iter::once(segment).chain(segments).all(is_segment_of_rest);
            }
            Some(part) => is_segment(segment, part == "project"),
            None => segment == expected,
        };
        if !fits {
            return false;
        }
    }
    segments.next().is_none()
}

/// `=` fills up the Base64 in names of Cloud Build's.
fn is_segment_of_rest(segment: &str) -> bool {
    is_segment(segment.trim_end_matches('='), false)
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
    fn names_with_and_without_a_location_have_one_in_common() {
        let common = |service: &str, name: &str| {
            Operation::new(service.parse().unwrap(), name).unwrap().common_name().into_owned()
        };
        for (service, with, without) in [
            ("bigquery.jobs", "projects/p/locations/EU/jobs/j", "projects/p/jobs/j"),
            (
                "cloudbuild.builds",
                "projects/locations/locations/global/builds/b",
                "projects/locations/builds/b",
            ),
        ] {
            assert_eq!([common(service, with), common(service, without)], [without, without]);
        }
        let batch = "projects/p/locations/us-central1/jobs/j";
        assert_eq!(common("batch.jobs", batch), batch, "it has no other name");
    }

    #[test]
    fn names_of_their_service_pass() {
        for (service, name, project_and_database) in [
            (Service::DATASTORE, "projects/my-project/operations/ASA1-_x", ["my-project", "(default)"]),
            (Service::DATASTORE, "projects/example.com:shop/operations/1", ["example.com:shop", "(default)"]),
            (Service::FIRESTORE, "projects/p/databases/(default)/operations/ASA1", ["p", "(default)"]),
            (Service::FIRESTORE, "projects/p/databases/orders/operations/ASA1", ["p", "orders"]),
        ] {
            let operation = Operation::new(service, name).unwrap();
            assert_eq!(
                (operation.name(), [operation.project(), operation.database().unwrap()]),
                (name, project_and_database)
            );
            assert_eq!(operation.to_string(), name);
        }
        for service in Service::all() {
            assert!(Operation::new(service, &service.name_example()).is_ok());
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = format!("projects/p/operations/{}", "x".repeat(MAX_NAME_BYTES));
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
            assert_eq!(Operation::new(Service::DATASTORE, name), Err(NameError), "{name:?}");
        }
        assert!(Operation::new(Service::FIRESTORE, "projects/p/databases/d:e/operations/x").is_err());
    }

    #[test]
    fn start_paths_name_a_known_method_on_a_resource() {
        let (method, resource) =
            parse_start_path(Service::DATASTORE, "projects/example.com:p:export").unwrap();
        assert_eq!((method.to_string().as_str(), resource), ("datastore:export", "projects/example.com:p"));
        let (method, _) =
            parse_start_path(Service::FIRESTORE, "projects/p/databases/(default):exportDocuments").unwrap();
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
            assert_eq!(parse_start_path(Service::DATASTORE, path), Err(NameError), "{path:?}");
        }
    }
}
