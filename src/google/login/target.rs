//! The URLs in a credential file: the author of the file must not choose who gets the token, so each must be Google's.

use url::Url;

use crate::net::endpoints::{Api, Endpoints};

/// A URL of Google's that a token is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    api: Api,
    url: String,
    path: String,
}

impl Target {
    /// The URL `text` in the field `field` of a file, which must be one of `api`, at a path for which `fits` holds.
    ///
    /// # Errors
    /// When a token sent there could reach another party.
    pub(super) fn of(api: Api, field: &str, text: &str, fits: fn(&str) -> bool) -> Result<Self, String> {
        let parsed = Url::parse(text).ok();
        let good = parsed.filter(|url| {
            url.scheme() == "https"
                && url.username().is_empty()
                && url.password().is_none()
                && url.port().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.host_str().is_some_and(|host| is_host(api, host))
                && fits(url.path())
        });
        let url = good.ok_or_else(|| {
            format!(
                "{field} {text:?} is not a URL of {}.googleapis.com: the token is sent nowhere else. Write the file anew with \
                 `gcloud iam workload-identity-pools create-cred-config`",
                api.id()
            )
        })?;
        Ok(Self { api, path: url.path().to_owned(), url: url.into() })
    }

    /// The path of `api`, which is known.
    pub(super) fn known(api: Api, path: &str) -> Self {
        let path = path.to_owned();
        let base = Endpoints::default().get(api).base;
        Self { api, url: format!("{base}{path}"), path }
    }

    /// The URL to call, and whether it is on this machine.
    pub(super) fn url(&self, endpoints: &Endpoints) -> (String, bool) {
        match endpoints.replaced(self.api) {
            Some(endpoint) => (format!("{}{}", endpoint.base, self.path), endpoint.loopback),
            None => (self.url.clone(), false),
        }
    }

    /// As it was written.
    pub(super) fn written(&self) -> &str {
        &self.url
    }
}

/// Whether `host` is one of the API's: the global host, that for mutual TLS, a region's, or that of a private endpoint, as
/// Google's libraries accept them
/// (<https://cloud.google.com/iam/docs/reference/sts/rest>, `endpoints` of the discovery document).
fn is_host(api: Api, host: &str) -> bool {
    let Some(rest) = host.strip_suffix(".googleapis.com") else { return false };
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match (api, rest.split('.').collect::<Vec<_>>().as_slice()) {
        // Keys of earlier years name the others.
        (Api::OAuth, ["oauth2" | "www" | "accounts"]) => true,
        (Api::Sts | Api::IamCredentials, [name] | [name, "mtls"]) => {
            *name == api.id() || name.strip_suffix(api.id()).is_some_and(|region| region.ends_with('-'))
        }
        (Api::Sts | Api::IamCredentials, [name, region, "rep"]) => *name == api.id() && is_word(region),
        (Api::Sts | Api::IamCredentials, [name, "p"]) => {
            name.strip_prefix(api.id()).is_some_and(|rest| rest.starts_with('-') && is_word(rest))
        }
        _ => false,
    }
}
