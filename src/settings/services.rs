//! Which services may be used: ids, or `all` without some.

use super::parse::{LIST_OF_SERVICES, list};
use crate::services::Service;

/// The word for every service.
pub(super) const ALL: &str = "all";

/// Services, as `SERVICES` selects them.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those that may be used.
    pub services: Vec<Service>,
    /// Those of them that are named by their id.
    pub named: Vec<Service>,
}

impl Selection {
    /// Reads `datastore,spanner`, `all`, or `all,-compute`.
    ///
    /// # Errors
    /// With the item that can't be used, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let items = list(text, |item| Ok(item.to_owned()))?;
        let (without, with): (Vec<&str>, Vec<&str>) =
            items.iter().map(String::as_str).partition(|item| item.starts_with('-'));
        let without = ids(&without, |item| item.trim_start_matches('-'))?;
        let named = ids(&with, |item| item)?;
        let services = match (with.contains(&ALL), without.first()) {
            (false, Some(first)) => {
                return Err(format!("\"-{first}\" leaves something out of nothing: write all,-{first}"));
            }
            (false, None) => named.clone(),
            (true, _) => Service::all().filter(|service| !without.contains(service)).collect(),
        };
        match named.iter().find(|service| without.contains(service)) {
            Some(both) => Err(format!("names {both} and leaves it out: write one of {both} and -{both}")),
            None => Ok(Self { services, named }),
        }
    }
}

/// The services of these items; `all` is none of them.
fn ids(items: &[&str], id: impl Fn(&str) -> &str) -> Result<Vec<Service>, String> {
    let unknown = |item: &str| format!("{item:?} is not a service ({LIST_OF_SERVICES})");
    let ids = items.iter().filter(|item| **item != ALL);
    ids.map(|item| id(item).parse().map_err(|()| unknown(item))).collect()
}
