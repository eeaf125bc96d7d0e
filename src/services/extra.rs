//! Services that a setting adds to the table: what Google adds after this version, or has in preview.

use std::sync::OnceLock;

use super::Service;
use super::row::Row;
use super::standard::{BARE, IN_A_FOLDER, IN_A_PROJECT, IN_AN_ORGANIZATION, LOCATED, NESTED};

/// So many can be added.
const MOST: usize = 64;

/// A row once added stays, as those of the table do: services are told apart by a reference to their row.
static ADDED: [OnceLock<Row>; MOST] = [const { OnceLock::new() }; MOST];

/// A service that is not in the table. Its operations keep to <https://google.aip.dev/151>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraService {
    id: String,
    host: String,
    version: String,
}

impl ExtraService {
    /// Reads `ID=https://HOST/VERSION`, such as `livestream=https://livestream.googleapis.com/v1`.
    ///
    /// # Errors
    /// With what is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (id, url) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} has no URL: write ID=https://HOST/VERSION for each service"))?;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
        let is_id = (2..=40).contains(&id.len())
            && id.starts_with(|first: char| first.is_ascii_lowercase())
            && id.bytes().all(is_plain);
        if !is_id {
            return Err(format!(
                "{id:?} can't be the id of a service: it must be 2 to 40 characters from a-z, 0-9 and ., a letter first"
            ));
        }
        if Service::table().any(|known| known.id() == id) {
            return Err(format!("{id} is in the table of services already: remove it, or use another id"));
        }
        let address = url.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
        let address = address.filter(|(host, version)| is_host(host) && is_version(version));
        let (host, version) = address.ok_or_else(|| {
            format!(
                "{url:?} is not the address of a Google API: it must be https://HOST/VERSION, where the host ends in \
                 .googleapis.com (access tokens go nowhere else) and the version is such as v1"
            )
        })?;
        Ok(Self { id: id.to_owned(), host: host.to_owned(), version: version.to_owned() })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Adds it to the services of this process. One that is there already is left as it is.
    ///
    /// # Errors
    /// When another address was added under its id, or when there are too many.
    pub fn add(self) -> Result<Service, String> {
        for slot in &ADDED {
            let row = slot.get_or_init(|| self.row());
            if row.id == self.id {
                let is_same = row.host == self.host && row.version == self.version;
                return if is_same { Ok(Service(row)) } else { Err(format!("{} is there twice", self.id)) };
            }
        }
        Err(format!("there are more than {MOST} services: remove some"))
    }

    fn row(&self) -> Row {
        let kept = |text: &str| -> &'static str { text.to_owned().leak() };
        let id = kept(&self.id);
        let names = &[LOCATED, NESTED, IN_A_FOLDER, IN_AN_ORGANIZATION, IN_A_PROJECT, BARE];
        Row::standard(id, id, kept(&self.host), kept(&self.version), names)
    }
}

/// The rows that were added.
pub(super) fn added() -> impl Iterator<Item = &'static Row> + Clone {
    ADDED.iter().map_while(OnceLock::get)
}

/// Labels of lower-case letters, digits and hyphens, below `googleapis.com`.
fn is_host(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && text.strip_suffix(".googleapis.com").is_some_and(|below| below.split('.').all(is_label))
}

/// One to three segments of lower-case letters and digits, such as `v1` or `compute/v1`.
fn is_version(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_segment = |segment: &str| (1..=40).contains(&segment.len()) && segment.bytes().all(is_plain);
    text.split('/').count() <= 3 && text.split('/').all(is_segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Operation;

    /// Of a process with tests of everything, so the id is one that no other test uses.
    const LINE: &str = "extratest=https://extratest.googleapis.com/v1";

    #[test]
    fn an_added_service_is_one_like_those_of_the_table() {
        let service = ExtraService::parse(LINE).unwrap().add().unwrap();
        assert_eq!(ExtraService::parse(LINE).unwrap().id(), "extratest");
        assert_eq!(ExtraService::parse(LINE).unwrap().add(), Ok(service), "once more");
        assert_eq!("extratest".parse(), Ok(service));
        assert!(
            Service::all().any(|known| known == service) && Service::table().all(|known| known != service)
        );
        let operation = Operation::new(service, "projects/p/locations/europe-west1/operations/7").unwrap();
        assert_eq!(operation.base(), "https://extratest.googleapis.com");
        assert_eq!(crate::services::read_path(&operation), format!("v1/{}", operation.name()));
        let url = format!("https://extratest.googleapis.com/v1/{}", operation.name());
        assert_eq!(Operation::of_url(&url), Some(vec![operation]));
        let other = ExtraService::parse("extratest=https://other.googleapis.com/v1").unwrap().add();
        assert_eq!(other, Err("extratest is there twice".to_owned()));
    }

    #[test]
    fn hosts_and_versions_are_as_long_as_they_may_be() {
        let is_taken = |host: &str, version: &str| {
            ExtraService::parse(&format!("livestream=https://{host}.googleapis.com/{version}")).is_ok()
        };
        let label = |length| "a".repeat(length);
        assert!(is_taken(&label(63), "v1") && !is_taken(&label(64), "v1"));
        assert!(is_taken("a", &label(40)) && !is_taken("a", &label(41)));
        // 253 characters with the domain.
        let longest = [label(59), label(59), label(59), label(59)].join(".");
        assert_eq!(longest.len() + ".googleapis.com".len(), 254);
        assert!(!is_taken(&longest, "v1") && is_taken(&longest[1..], "v1"));
        assert!(is_taken("a", "a/b/c") && !is_taken("a", "a/b/c/d") && !is_taken("a", "a//c"));
    }

    #[test]
    fn only_an_address_of_googles_is_taken() {
        for good in [
            LINE,
            "x1=https://a-b.googleapis.com/v1beta1",
            "x.v2=https://x.europe-west1.rep.googleapis.com/compute/v2",
        ] {
            assert!(ExtraService::parse(good).is_ok(), "{good}");
        }
        for (item, reason) in [
            ("livestream", "has no URL"),
            ("=https://x.googleapis.com/v1", "can't be the id"),
            ("x=https://x.googleapis.com/v1", "can't be the id"),
            ("1x=https://x.googleapis.com/v1", "can't be the id"),
            ("live-stream=https://x.googleapis.com/v1", "can't be the id"),
            ("Live=https://x.googleapis.com/v1", "can't be the id"),
            ("spanner=https://spanner.googleapis.com/v1", "is in the table of services already"),
            ("datastore=https://evil.googleapis.com/v1", "is in the table of services already"),
        ] {
            assert!(ExtraService::parse(item).unwrap_err().contains(reason), "{item}");
        }
        for url in [
            "",
            "livestream.googleapis.com/v1",
            "http://livestream.googleapis.com/v1",
            "HTTPS://livestream.googleapis.com/v1",
            "https://livestream.googleapis.com",
            "https://livestream.googleapis.com/",
            "https://livestream.googleapis.com/v1/",
            "https://livestream.googleapis.com//v1",
            "https://livestream.googleapis.com/../v1",
            "https://livestream.googleapis.com/v1?x",
            "https://livestream.googleapis.com/v1#x",
            "https://livestream.googleapis.com/v1/a/b/c",
            "https://livestream.googleapis.com/{location}",
            "https://livestream.googleapis.com:443/v1",
            "https://user@livestream.googleapis.com/v1",
            "https://evil.com/livestream.googleapis.com/v1",
            "https://evil.com#.googleapis.com/v1",
            "https://evil.com\\.googleapis.com/v1",
            "https://livestream.googleapis.com.evil.com/v1",
            "https://livestream.googleapis.com./v1",
            "https://evilgoogleapis.com/v1",
            "https://googleapis.com/v1",
            "https://.googleapis.com/v1",
            "https://-.googleapis.com/v1",
            "https://-a.googleapis.com/v1",
            "https://a-.googleapis.com/v1",
            "https://a.googleapis.com/V1",
            "https://a.googleapis.com/v1-x",
            "https://a..googleapis.com/v1",
            "https://{location}-live.googleapis.com/v1",
            "https://LIVE.googleapis.com/v1",
            "https://live%2e.googleapis.com/v1",
            "https://live stream.googleapis.com/v1",
            "https://ｌive.googleapis.com/v1",
        ] {
            let why = ExtraService::parse(&format!("livestream={url}")).unwrap_err();
            assert!(why.contains("is not the address of a Google API"), "{url}: {why}");
        }
    }
}
