//! `ENDPOINTS` and the emulators' hosts: where other APIs than the real ones answer.

use super::parse::LIST_OF_SERVICES;
use crate::net::endpoints::{Api, Endpoint};
use crate::services::Service;

/// APIs that answer elsewhere; of two of one API the later counts. `None` is for the operations of all services.
pub(super) type Overrides = Vec<(Option<Api>, Endpoint)>;

/// The operations of all services.
pub(super) const OPERATIONS: &str = "operations";

/// `API=URL,…`. Each item that can't be read is a line of the error.
pub(super) fn overrides(text: &str) -> Result<Overrides, String> {
    let (mut overrides, mut wrong) = (Vec::new(), Vec::new());
    for item in text.split(',') {
        match parse(item.trim()) {
            Ok(item) => overrides.extend(item),
            Err(why) => wrong.push(why),
        }
    }
    if wrong.is_empty() { Ok(overrides) } else { Err(wrong.join("\n")) }
}

/// `API=URL`. Two APIs can have one id: Cloud Tasks has operations, too.
fn parse(item: &str) -> Result<Overrides, String> {
    let (name, url) = item.split_once('=').unwrap_or((item, ""));
    if name == OPERATIONS {
        return Ok(vec![(None, endpoint(Api::Operations(Service::DATASTORE), url)?)]);
    }
    let apis: Vec<Api> = Api::all().filter(|api| api.id() == name).collect();
    if apis.is_empty() {
        let others = Api::others().map(Api::id).join(", ");
        return Err(format!(
            "{name:?} is neither one of {others}, {OPERATIONS} nor a service ({LIST_OF_SERVICES})"
        ));
    }
    apis.into_iter().map(|api| Ok((Some(api), endpoint(api, url)?))).collect()
}

/// A host and a port, or a URL.
pub(super) fn emulator(host: &str) -> Result<Endpoint, String> {
    let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
    endpoint(Api::PubSub, &url)
}

fn endpoint(api: Api, url: &str) -> Result<Endpoint, String> {
    Endpoint::of(api, url).map_err(|error| format!("{url:?}: {error}"))
}
