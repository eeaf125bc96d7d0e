//! The settings of the events outlet.

use std::sync::Arc;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Receiver;
use super::signature::{Key, is_secret};
use crate::net::endpoints::is_loopback;
use crate::outlets::access::{Access, BadSetting, Checked};

const URL: &str = "EVENTS_URL";
const SECRET: &str = "EVENTS_SECRET";
const URL_EXAMPLE: &str = "https://example.com/opwatch";
const SECRET_EXAMPLE: &str = "whsec_… (to generate one: printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\")";

/// Where each end of a watch is posted as an event.
#[derive(Args, Clone, Debug, Default)]
pub struct EventsArgs {
    /// https URL that receives an event when a watch ends, in addition to Slack. Set together with `EVENTS_SECRET`
    #[arg(long, env = "EVENTS_URL", hide_env_values = true)]
    pub events_url: Option<String>,
    /// Secret that the events are signed with: `whsec_…`, as Standard Webhooks defines it
    #[arg(long, env = "EVENTS_SECRET", hide_env_values = true)]
    pub events_secret: Option<SecretString>,
}

impl EventsArgs {
    /// Checks them.
    ///
    /// # Errors
    /// With what can't be used.
    pub fn check(&self) -> Checked {
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let url = given(self.events_url.as_deref());
        let secret = given(self.events_secret.as_ref().map(ExposeSecret::expose_secret));
        let mut bad = Vec::new();
        let mut say =
            |setting, why: &str, example| bad.push(BadSetting { setting, why: why.to_owned(), example });
        match (&url, &secret) {
            (None, None) => return Ok(None),
            (Some(_), None) => say(SECRET, "must be set together with EVENTS_URL", SECRET_EXAMPLE),
            (None, Some(_)) => say(URL, "must be set together with EVENTS_SECRET", URL_EXAMPLE),
            (Some(_), Some(_)) => {}
        }
        if let Some(why) = url.as_deref().and_then(url_problem) {
            say(URL, why, URL_EXAMPLE);
        }
        let key = secret.as_deref().and_then(Key::parse);
        if secret.is_some() && key.is_none() {
            say(SECRET, is_secret(), SECRET_EXAMPLE);
        }
        match (bad.is_empty(), url, key) {
            (true, Some(url), Some(key)) => {
                let access: Arc<dyn Access> = Arc::new(Receiver { url: url.into(), key });
                Ok(Some(access))
            }
            _ => Err(bad),
        }
    }
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
    use super::*;

    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn problems(url: &str, secret: &str) -> Vec<&'static str> {
        let args = EventsArgs { events_url: Some(url.to_owned()), events_secret: Some(secret.into()) };
        match args.check() {
            Ok(_) => Vec::new(),
            Err(bad) => {
                let repeats = |text: &str| text.contains("canary");
                assert!(!bad.iter().any(|bad| repeats(&bad.why) || repeats(bad.example)), "{bad:?}");
                bad.into_iter().map(|bad| bad.setting).collect()
            }
        }
    }

    #[test]
    fn a_receiver_has_an_https_url_and_a_secret() {
        for good in ["https://example.com/x?y=z", "http://127.0.0.1:9/x", "http://[::1]/", "http://localhost"]
        {
            assert_eq!(problems(good, GOOD), Vec::<&str>::new(), "{good}");
        }
        for wrong in [
            "http://example.com/canary",
            "http://127.0.0.1.example.com/",
            "https://user:canary@example.com/",
            "https://example.com/#canary",
            "ftp://127.0.0.1/canary",
            "example.com/canary",
        ] {
            assert_eq!(problems(wrong, GOOD), [URL], "{wrong}");
        }
        for wrong in
            ["canary", "whsec_", "whsec_!canary", "whsec_c2hvcnQ=", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert_eq!(problems("https://example.com", wrong), [SECRET], "{wrong}");
        }
        assert_eq!(problems(" ", GOOD), [URL]);
        assert_eq!(problems("https://example.com", ""), [SECRET]);
        assert_eq!(problems("http://example.com", "canary"), [URL, SECRET]);
        assert!(EventsArgs::default().check().unwrap().is_none());
    }
}
