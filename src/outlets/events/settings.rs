//! The settings of the events outlet.

use std::sync::Arc;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Receiver;
use super::signature::{Key, is_secret};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::net::endpoints::{Api, Endpoints, is_loopback};
use crate::outlets::access::Access;

const URL: &str = "https://example.com/opwatch";
const SECRET: &str = "whsec_… (to generate one: printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\")";

/// Where each end of a watch is posted as an event.
#[derive(Args, Clone, Debug)]
pub struct EventsArgs {
    /// https URL that receives an event when a watch ends. Set together with `EVENTS_SECRET`
    #[arg(long, env = "EVENTS_URL", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(URL, url))]
    pub events_url: Setting<SecretString>,
    /// Secret that the events are signed with: `whsec_…`, as Standard Webhooks defines it. While it is replaced, the new one and
    /// the old one, separated by a comma: events then have a signature of each
    #[arg(long, env = "EVENTS_SECRET", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(SECRET, key))]
    pub events_secret: Setting<Key>,
}

impl EventsArgs {
    /// The receiver, if there is one.
    pub fn check(&self, endpoints: &Endpoints, problems: &mut Problems) -> Option<Arc<dyn Access>> {
        let (url, secret) = (&self.events_url, &self.events_secret);
        match (url.is_given(), secret.is_given()) {
            (true, false) => secret.refuse("must be set together with EVENTS_URL", problems),
            (false, true) => url.refuse("must be set together with EVENTS_SECRET", problems),
            (true, true) | (false, false) => {}
        }
        let (url, key) = (url.check(problems), secret.check(problems));
        Some(Arc::new(Receiver { url: at(endpoints, url?), key: key? }))
    }
}

/// `url` at the host of the endpoint that `ENDPOINTS` has for events, if it has one.
fn at(endpoints: &Endpoints, url: SecretString) -> SecretString {
    let Some(endpoint) = endpoints.replaced(Api::Events) else { return url };
    let Ok(parsed) = Url::parse(url.expose_secret()) else { return url };
    let query = parsed.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{}{query}", endpoint.base, parsed.path()).into()
}

fn key(text: &str) -> Result<Key, String> {
    Key::parse(text).ok_or_else(|| is_secret().to_owned())
}

fn url(text: &str) -> Result<SecretString, String> {
    url_problem(text).map_or_else(|| Ok(text.into()), |why| Err(why.to_owned()))
}

/// What is wrong with the URL, which may hold a secret and is not repeated.
fn url_problem(text: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else { return Some("is not a URL") };
    match (url.scheme(), url.host()) {
        _ if !url.username().is_empty() || url.password().is_some() => {
            Some("must not contain a user name or password: the receiver checks the signature instead")
        }
        _ if url.fragment().is_some() => Some("must not contain a fragment (#…), which is never sent"),
        ("https", Some(_)) => None,
        ("http", Some(host)) if is_loopback(&host) => None,
        ("http", _) => {
            Some("must be https; plain http is only allowed for loopback (127.0.0.0/8, ::1, localhost)")
        }
        _ => Some("must be an https URL"),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The settings that can't be used.
    fn problems(url: &str, secret: &str) -> Vec<String> {
        let command = EventsArgs::augment_args(Command::new("events").no_binary_name(true));
        let flags = [format!("--events-url={url}"), format!("--events-secret={secret}")];
        let args = EventsArgs::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap();
        let mut problems = Problems::default();
        let access = args.check(&Endpoints::default(), &mut problems);
        let text = problems.to_string();
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(access.is_some(), text.is_empty() && !url.is_empty(), "{text}");
        text.lines().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_endpoint_takes_the_place_of_the_host() {
        let mut endpoints = Endpoints::default();
        let at = |endpoints: &Endpoints| {
            at(endpoints, "https://example.com:8443/a/b?c=d".into()).expose_secret().to_owned()
        };
        assert_eq!(at(&endpoints), "https://example.com:8443/a/b?c=d");
        endpoints.set(Api::Events, "http://127.0.0.1:9007").unwrap();
        assert_eq!(at(&endpoints), "http://127.0.0.1:9007/a/b?c=d");
    }

    #[test]
    fn a_receiver_has_an_https_url_and_a_secret() {
        for good in ["https://example.com/x?y=z", "http://127.0.0.1:9/x", "http://[::1]/", "http://localhost"]
        {
            assert_eq!(problems(good, GOOD), Vec::<String>::new(), "{good}");
        }
        for wrong in [
            "http://example.com/canary",
            "http://127.0.0.1.example.com/",
            "https://user:canary@example.com/",
            "https://canary@example.com/",
            "https://:canary@example.com/",
            "https://example.com/#canary",
            "ftp://127.0.0.1/canary",
            "example.com/canary",
        ] {
            assert_eq!(problems(wrong, GOOD), ["EVENTS_URL"], "{wrong}");
        }
        for wrong in
            ["canary", "whsec_", "whsec_!canary", "whsec_c2hvcnQ=", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert_eq!(problems("https://example.com", wrong), ["EVENTS_SECRET"], "{wrong}");
        }
        let why = |url: &str| url_problem(url).unwrap_or_default();
        assert!(why("http://example.com/").contains("only allowed for loopback"));
        assert!(why("ftp://example.com/").contains("an https URL") && why("x").contains("is not a URL"));
        assert!(key("canary").is_err_and(|why| why.contains("whsec_ followed by")));
        assert_eq!(problems(" ", GOOD), ["EVENTS_URL"]);
        assert_eq!(problems("https://example.com", ""), ["EVENTS_SECRET"]);
        assert_eq!(problems("http://example.com", "canary"), ["EVENTS_URL", "EVENTS_SECRET"]);
        assert_eq!(problems("", ""), Vec::<String>::new());
    }
}
