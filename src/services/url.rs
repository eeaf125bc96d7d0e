//! An operation by its URL, which says which service it belongs to.

use super::name::{matches, part_of};
use super::row::wildcard;
use super::service::is_location;
use super::{Operation, Service};

/// Where APIs answer too that have their own name in their paths, such as `compute/v1`: `selfLink` of Compute Engine has it.
const SHARED: &str = "https://www.googleapis.com";
/// What regional hosts end in (<https://cloud.google.com/vpc/docs/regional-service-endpoints>).
const REGIONAL: &str = ".rep.googleapis.com";
/// Where the Cloud Console is.
const CONSOLE: &str = "https://console.cloud.google.com/";

/// A URL taken apart.
struct Address<'a> {
    /// Scheme and host.
    base: String,
    path: &'a str,
    query: &'a str,
}

/// What the path of a URL is.
#[derive(Clone, Copy)]
enum Way {
    /// That of a GET.
    Get,
    /// A name, behind so many segments.
    Name(usize),
}

impl Operation {
    /// What the URL `text` may be: `https://HOST/VERSION/NAME`, also without the version; `//HOST/NAME` as audit logs and Asset
    /// Inventory write it (<https://google.aip.dev/122#full-resource-names>); or the page of a job in the Cloud Console. `None`
    /// when it is not a URL.
    pub fn of_url(text: &str) -> Option<Vec<Self>> {
        let (rest, has_scheme) = match text.strip_prefix("https://") {
            Some(rest) => (rest, true),
            None => (text.strip_prefix("//")?, false),
        };
        if let Some(page) = text.strip_prefix(CONSOLE) {
            return Some(Service::all().filter_map(|service| of_page(service, page)).collect());
        }
        let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let address = Address { base: format!("https://{host}"), path, query };
        // Another version of the same API, such as sql/v1beta4, or none.
        let ways: &[Way] =
            if has_scheme { &[Way::Get, Way::Name(0), Way::Name(1), Way::Name(2)] } else { &[Way::Name(0)] };
        let found = |way: &Way| -> Vec<Self> {
            Service::all().filter_map(|service| of_path(service, &address, *way)).collect()
        };
        Some(ways.iter().map(found).find(|found| !found.is_empty()).unwrap_or_default())
    }
}

/// The operation of `service` at `address`.
fn of_path(service: Service, address: &Address<'_>, way: Way) -> Option<Operation> {
    let path = match way {
        Way::Get => address.path,
        Way::Name(skip) => address.path.splitn(skip + 1, '/').nth(skip)?,
    };
    let operation = service.forms().find_map(|form| {
        let written = match way {
            Way::Get => service.get_form(form),
            Way::Name(_) => form.to_owned(),
        };
        let (written, parameters) = written.split_once('?').unwrap_or((&written, ""));
        let is_known = |(name, value)| {
            let known = parameter(parameters, name);
            known.is_some_and(|known| known == value || wildcard(known).is_some())
        };
        if !pairs(address.query).all(is_known) || !matches(path, written) {
            return None;
        }
        let of_query = |part: &str| {
            let (name, _) = pairs(parameters).find(|(_, known)| wildcard(known) == Some(part))?;
            parameter(address.query, name)
        };
        named(service, form, |part| part_of(path, written, part).or_else(|| of_query(part)))
    })?;
    is_host_of(&address.base, &operation).then_some(operation)
}

/// The operation of `service` whose page in the Cloud Console is `page`.
fn of_page(service: Service, page: &str) -> Option<Operation> {
    let (known, parameters) = service.row().console?.strip_prefix(CONSOLE)?.split_once('?')?;
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let mut found = Vec::new();
    let mut segments = path.split('/');
    for known in known.split('/') {
        let segment = segments.next()?;
        match known.split_once('{').and_then(|(before, rest)| Some((before, rest.strip_suffix('}')?))) {
            // Behind a semicolon the Console keeps what is shown of a page.
            None if segment.split(';').next() == Some(known) => {}
            None => return None,
            Some((before, part)) => {
                found.push((part, segment.strip_prefix(before)?.split(';').next()?));
            }
        }
    }
    for (name, known) in pairs(parameters) {
        found.extend(wildcard(known).zip(parameter(query, name)));
    }
    let part = |wanted: &str| found.iter().find(|(part, _)| *part == wanted).map(|(_, value)| *value);
    service.forms().find_map(|form| named(service, form, part))
}

/// The operation with the name that `form` becomes with these parts, if it has all of them.
fn named<'a>(service: Service, form: &str, part: impl Fn(&str) -> Option<&'a str>) -> Option<Operation> {
    let fill = |segment| match wildcard(segment) {
        Some(name) => part(name).map(str::to_owned),
        None => Some(str::to_owned(segment)),
    };
    let name: Vec<String> = form.split('/').map(fill).collect::<Option<_>>()?;
    Operation::new(service, &name.join("/")).ok()
}

fn is_host_of(base: &str, operation: &Operation) -> bool {
    let service = operation.service();
    let is_regional = || {
        let host = base.strip_prefix("https://")?.strip_suffix(REGIONAL)?;
        host.strip_prefix(service.api())?.strip_prefix('.').map(is_location)
    };
    (base == SHARED && service.version().contains('/'))
        || [operation.base(), service.base(None)].iter().any(|own| own == base)
        || is_regional() == Some(true)
}

/// The parameters of a query.
fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    pairs(query).find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str) -> Vec<String> {
        let of = |operation: Operation| format!("{} {}", operation.service(), operation.name());
        Operation::of_url(url).unwrap().into_iter().map(of).collect()
    }

    #[test]
    fn urls_in_every_form_lead_to_the_operation() {
        let compute = "compute projects/p/zones/us-central1-a/operations/operation-1";
        let job = "bigquery.jobs projects/p/locations/EU/jobs/bq-1";
        for (url, expected) in [
            ("https://compute.googleapis.com/projects/p/zones/us-central1-a/operations/operation-1", compute),
            (
                "https://compute.googleapis.com/compute/beta/projects/p/zones/us-central1-a/operations/operation-1",
                compute,
            ),
            ("//compute.googleapis.com/projects/p/zones/us-central1-a/operations/operation-1", compute),
            ("https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/bq-1?location=EU", job),
            ("https://www.googleapis.com/bigquery/v2/projects/p/jobs/bq-1?location=EU", job),
            (
                "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/bq-1",
                "bigquery.jobs projects/p/jobs/bq-1",
            ),
            (
                "https://spanner.europe-west8.rep.googleapis.com/v1/projects/p/instances/i/operations/x",
                "spanner projects/p/instances/i/operations/x",
            ),
            (
                "https://console.cloud.google.com/dataflow/jobs/us-central1/2026-11-20_03_00_00-17;graphView=0?project=p&pageState=x",
                "dataflow.jobs projects/p/locations/us-central1/jobs/2026-11-20_03_00_00-17",
            ),
            (
                "https://console.cloud.google.com/dataproc/jobs/j-1/monitoring?region=us-central1&project=p",
                "dataproc.jobs projects/p/regions/us-central1/jobs/j-1",
            ),
            (
                "https://console.cloud.google.com/cloud-build/builds;region=europe-west1/b-1;step=2?project=p",
                "cloudbuild.builds projects/p/locations/europe-west1/builds/b-1",
            ),
        ] {
            assert_eq!(found(url), [expected], "{url}");
        }
        assert_eq!(Operation::of_url("projects/p/operations/x"), None);
        assert_eq!(Operation::of_url("http://datastore.googleapis.com/v1/projects/p/operations/x"), None);
    }

    #[test]
    fn a_url_of_another_host_or_form_leads_nowhere() {
        for url in [
            "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/bq-1?location=EU&alt=media",
            "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/bq-1?location=../x",
            "https://spanner.evil.com.rep.googleapis.com/v1/projects/p/instances/i/operations/x",
            "https://spanner.-x.rep.googleapis.com/v1/projects/p/instances/i/operations/x",
            "https://spannerx.rep.googleapis.com/v1/projects/p/instances/i/operations/x",
            "https://spanner.x.rep.googleapis.com.evil.com/v1/projects/p/instances/i/operations/x",
            "https://console.cloud.google.com.evil.com/dataflow/jobs/us-central1/j-1?project=p",
            "https://console.cloud.google.com/dataflow/jobs/us-central1/j-1",
            "https://console.cloud.google.com/dataflow/jobs/us-central1/..?project=p",
            "https://console.cloud.google.com/dataflow/jobs/us-central1/j%2F1?project=p",
            "https://console.cloud.google.com/dataflow/jobs?project=p",
            "https://console.cloud.google.com/compute/operations?project=p",
            "https://console.cloud.google.com/",
        ] {
            assert_eq!(found(url), Vec::<String>::new(), "{url}");
        }
    }
}
