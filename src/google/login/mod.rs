//! The login of a person or of a CI job: where it is found, and how it becomes an access token
//! (<https://cloud.google.com/docs/authentication/application-default-credentials>).
//!
//! `gcp_auth` has neither workload identity nor quota projects, and `accounts.google.com` is all that it says of an error. So
//! the commands of a terminal have this instead; `serve`, which runs on Cloud Run, keeps to the library.

mod exchange;
mod expiry;
mod external;
mod fields;
mod file;
mod key;
mod metadata;
mod places;
mod subject;
mod target;

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use self::exchange::Exchange;
use self::file::Login;
use super::token::{Fetching, Finding, Machine, NoToken, Source, Tokens, of_gcloud};
use crate::net::endpoints::{Api, Endpoints};
use crate::net::transport::Transport;

pub use self::expiry::Expiry;
pub use self::places::Places;

/// A login as it was found.
struct Found {
    login: Login,
    /// Where, for errors.
    from: String,
    quota_project: Option<String>,
    exchange: Exchange,
}

impl Tokens {
    /// The token that was set, or else those of the login that is found in `places`. It is looked for when first needed.
    pub fn of_login(
        fixed: Option<SecretString>,
        places: Places,
        transport: Arc<dyn Transport>,
        endpoints: &Endpoints,
    ) -> Self {
        if let Some(token) = fixed {
            return Self::Fixed(token);
        }
        let exchange = Exchange { transport, endpoints: endpoints.clone() };
        let apis = [Api::OAuth, Api::Sts, Api::IamCredentials, Api::Metadata];
        let is_local = apis.into_iter().any(|api| endpoints.get(api).loopback);
        let find = move || -> Finding { Box::pin(find(places.clone(), exchange.clone())) };
        Self::Machine(Machine::new(find, is_local))
    }
}

/// Looks for a login: the file that is named, gcloud's file, the machine, the account of the gcloud command.
async fn find(places: Places, exchange: Exchange) -> Result<Arc<dyn Source>, NoToken> {
    if let Some(file) = &places.named {
        let from = format!("GOOGLE_APPLICATION_CREDENTIALS={}", file.display());
        let bytes = std::fs::read(file).map_err(|error| NoToken::new(&format!("{from}: {error}")))?;
        return Found::read(&bytes, from, file, &places, exchange);
    }
    if let Some(file) = &places.well_known {
        match std::fs::read(file) {
            Ok(bytes) => return Found::read(&bytes, file.display().to_string(), file, &places, exchange),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(NoToken::new(&format!("{}: {error}", file.display()))),
        }
    }
    if exchange.is_machine_known().await {
        let from = "the metadata server".to_owned();
        return Ok(Arc::new(Found {
            login: Login::Machine,
            from,
            quota_project: places.quota_project,
            exchange,
        }));
    }
    let gcloud = if places.gcloud { of_gcloud().await } else { None };
    gcloud.ok_or_else(|| NoToken::new("no login was found"))
}

impl Found {
    fn read(
        bytes: &[u8],
        from: String,
        file: &Path,
        places: &Places,
        exchange: Exchange,
    ) -> Result<Arc<dyn Source>, NoToken> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let (login, quota_project) =
            Login::read(bytes, folder).map_err(|why| NoToken::new(&format!("{from}: {why}")))?;
        let quota_project = places.quota_project.clone().or(quota_project);
        Ok(Arc::new(Self { login, from, quota_project, exchange }))
    }
}

impl Source for Found {
    fn token(&self) -> Fetching<'_> {
        Box::pin(async {
            let issued = self.exchange.token(&self.login).await;
            let mut issued = issued.map_err(|why| NoToken::new(&format!("{}: {why}", self.from)))?;
            issued.credential.quota_project.clone_from(&self.quota_project);
            Ok(issued)
        })
    }
}
