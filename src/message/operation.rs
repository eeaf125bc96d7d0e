//! From the `name` of a message to the operation that it is.

use crate::services::{Operation, Service};
use crate::watch::{Problem, ProblemKind};

/// The operation `name` of `service`, which may be a URL.
pub(super) fn of_service(service: Service, name: &str) -> Result<Operation, Problem> {
    if let Some(found) = Operation::of_url(name) {
        let other = found.first().map(Operation::service);
        let own = found.into_iter().find(|operation| operation.service() == service);
        return own.ok_or_else(|| misfit("name", other, &service.name_example()));
    }
    Operation::new(service, name).map_err(|_| unfit(name, true, &service.name_example()))
}

/// The operation `name` of the one of `services` that has names of its form. Which of several is never guessed. A URL says by
/// itself which service is meant.
pub(super) fn of_one_service(services: &[Service], name: &str) -> Result<Operation, Problem> {
    let url = Operation::of_url(name);
    let is_url = url.is_some();
    let mut candidates = url.unwrap_or_else(|| Operation::candidates(services, name));
    if candidates.len() > 1 && candidates.iter().any(|operation| services.contains(&operation.service())) {
        candidates.retain(|operation| services.contains(&operation.service()));
    }
    match candidates.len() {
        1 => Ok(candidates.remove(0)),
        0 => {
            let example = services.first().map(|service| service.name_example()).unwrap_or_default();
            if is_url { Err(misfit("name", None, &example)) } else { Err(unfit(name, false, &example)) }
        }
        _ => {
            let services = Service::list(candidates.iter().map(Operation::service));
            Err(Problem::new("name", ProblemKind::Ambiguous { services }))
        }
    }
}

/// What is wrong with a name that doesn't have the form of its service; it may have that of others. Those that are followed by
/// default come first.
fn unfit(name: &str, named: bool, example: &str) -> Problem {
    let fitting = |services: &[Service]| Operation::candidates(services, name);
    let mut others = fitting(&Service::defaults());
    if others.is_empty() {
        // Of a service whose names are single words, any text would be one.
        others =
            fitting(&Service::all().filter(|service| service.names_are_recognisable()).collect::<Vec<_>>());
    }
    match others.as_slice() {
        [_, _, ..] if !named => {
            let services = Service::list(others.iter().map(Operation::service));
            Problem::new("name", ProblemKind::Ambiguous { services })
        }
        [other] => misfit("name", Some(other.service()), example),
        _ => misfit("name", None, example),
    }
}

pub(super) fn misfit(field: &str, other: Option<Service>, example: &str) -> Problem {
    let why = match other {
        Some(other) => ProblemKind::OtherService { service: other.id().to_owned() },
        None => ProblemKind::BadName { example: example.to_owned() },
    };
    Problem::new(field, why)
}
