//! An operation as a person names it on the command line.

use crate::services::{Operation, Service};

/// As many candidates and examples as an error shows.
const SHOWN: usize = 8;

/// The services among which a bare name is looked up when no setting says so: those that are followed by default, if it may be
/// one of theirs, since others share their form of name; else all whose names can be told from other texts.
pub(super) fn likely(name: &str) -> Vec<Service> {
    let defaults = Service::defaults();
    let is_default = !Operation::candidates(&defaults, name).is_empty();
    let recognisable = || Service::all().filter(|service| service.names_are_recognisable());
    if is_default { defaults } else { recognisable().collect() }
}

/// The operation `name` of `service`, or of the one of `services` that has names of this form. `name` may be a URL, which says by
/// itself which service is meant.
///
/// # Errors
/// With what to write instead.
pub(super) fn named(name: &str, service: Option<&str>, services: &[Service]) -> Result<Operation, String> {
    let service = service.map(known_service).transpose()?;
    let services = service.as_ref().map_or(services, std::slice::from_ref);
    let mut candidates = match Operation::of_url(name) {
        Some(found) => of_service(name, found, service)?,
        None => Operation::candidates(services, name),
    };
    match candidates.len() {
        1 => Ok(candidates.remove(0)),
        0 => {
            let examples: Vec<_> =
                services.iter().take(SHOWN).map(|service| service.name_example()).collect();
            Err(format!(
                "{name:?} is not an operation name. Names look like this:\n  {}",
                examples.join("\n  ")
            ))
        }
        count => {
            let some = Service::list(candidates.iter().map(Operation::service).take(SHOWN));
            let more = if count > SHOWN { ", …" } else { "" };
            Err(format!(
                "{name:?} can be an operation of {count} services: {some}{more}. Choose one with --service"
            ))
        }
    }
}

/// Those that a URL leads to, of `service` if there is one.
fn of_service(url: &str, found: Vec<Operation>, service: Option<Service>) -> Result<Vec<Operation>, String> {
    let Some(service) = service else { return Ok(found) };
    let (own, others): (Vec<Operation>, Vec<Operation>) =
        found.into_iter().partition(|operation| operation.service() == service);
    match (own.is_empty(), others.first()) {
        (true, Some(other)) => {
            Err(format!("{url:?} belongs to {}, not to {service}: leave out --service", other.service()))
        }
        _ => Ok(own),
    }
}

/// The service that `--service` names.
///
/// # Errors
/// With the services that there are.
pub(super) fn known_service(word: &str) -> Result<Service, String> {
    word.parse().map_err(|()| format!("--service: {word:?} is not a service (`opwatch services` lists them)"))
}
