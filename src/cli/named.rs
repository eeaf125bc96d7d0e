//! An operation as a person names it on the command line.

use crate::services::{Operation, Service};

/// As many candidates and examples as an error shows.
const SHOWN: usize = 8;

/// The operation `name` of `service`, or of the one of `services` that has names of this form.
///
/// # Errors
/// With what to write instead.
pub(super) fn named(name: &str, service: Option<&str>, services: &[Service]) -> Result<Operation, String> {
    let service = service.map(known_service).transpose()?;
    let services = service.as_ref().map_or(services, std::slice::from_ref);
    let mut candidates = Operation::of_url(name).unwrap_or_else(|| Operation::candidates(services, name));
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

/// The service that `--service` names.
///
/// # Errors
/// With the services that there are.
pub(super) fn known_service(word: &str) -> Result<Service, String> {
    word.parse().map_err(|()| format!("--service: {word:?} is not a service (`opwatch services` lists them)"))
}
