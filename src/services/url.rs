//! An operation by its URL, which says which service it belongs to.

use super::name::{matches, part_of};
use super::row::wildcard;
use super::{Operation, Service};

/// Where APIs answer too that have their own name in their paths, such as `compute/v1`: `selfLink` of Compute Engine has it.
const SHARED: &str = "https://www.googleapis.com";

impl Operation {
    /// What the URL `text` may be: `https://HOST/VERSION/NAME`, or `//HOST/NAME` as audit logs and Asset Inventory write it
    /// (<https://google.aip.dev/122#full-resource-names>). `None` when it is not a URL.
    pub fn of_url(text: &str) -> Option<Vec<Self>> {
        let (rest, has_version) = match text.strip_prefix("https://") {
            Some(rest) => (rest, true),
            None => (text.strip_prefix("//")?, false),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let base = format!("https://{host}");
        if !has_version {
            return Some(Service::all().filter_map(|service| of_path(service, &base, path, None)).collect());
        }
        let exact = |service: Service| of_path(service, &base, path, Some(0));
        let found: Vec<Self> = Service::all().filter_map(exact).collect();
        if !found.is_empty() {
            return Some(found);
        }
        // Another version of the same API, such as sql/v1beta4.
        let other = |service| (1..=2).find_map(|skip| of_path(service, &base, path, Some(skip)));
        Some(Service::all().filter_map(other).collect())
    }
}

/// The operation of `service` at `path`, which is a name without its version (`None`), or the path of a GET (0) or a name
/// behind so many segments.
fn of_path(service: Service, base: &str, path: &str, skip: Option<usize>) -> Option<Operation> {
    let path = path.splitn(skip.unwrap_or(0) + 1, '/').last()?;
    let operation = service.forms().find_map(|form| {
        let written = if skip == Some(0) { service.get_form(form) } else { form.to_owned() };
        let fill = |segment: &str| match wildcard(segment) {
            Some(part) => part_of(path, &written, part).map(str::to_owned),
            None => Some(segment.to_owned()),
        };
        let name: Option<Vec<String>> =
            matches(path, &written).then(|| form.split('/').map(fill).collect()).flatten();
        Operation::new(service, &name?.join("/")).ok()
    })?;
    let is_shared = base == SHARED && service.version().contains('/');
    let is_there = is_shared || [operation.base(), service.base(None)].iter().any(|own| own == base);
    is_there.then_some(operation)
}
