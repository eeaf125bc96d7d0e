//! A credential file: which login it holds.

use std::path::Path;

use secrecy::SecretString;

use super::external::External;
use super::fields::{Fields, Impersonation, required};
use super::key::Key;

/// A login.
pub(super) enum Login {
    /// A person's: <https://google.aip.dev/auth/4113>.
    User(User),
    /// A service account's key: <https://google.aip.dev/auth/4112>.
    Key(Box<Key>),
    /// The token of another identity provider: <https://google.aip.dev/auth/4117>.
    External(Box<External>),
    /// A service account in whose name another login acts.
    Impersonated(Box<Login>, Impersonation),
    /// The service account of the machine: <https://google.aip.dev/auth/4115>.
    Machine,
}

/// A person's login.
pub(super) struct User {
    pub id: String,
    pub secret: SecretString,
    pub refresh_token: SecretString,
}

impl Login {
    /// Reads a file in `folder`: the login, and the project whose quota counts. Errors never repeat a secret.
    pub(super) fn read(bytes: &[u8], folder: &Path) -> Result<(Self, Option<String>), String> {
        // Its own error may quote what it found.
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| {
            format!(
                "not a credential file: invalid JSON in line {}, or a field of another type",
                error.line()
            )
        })?;
        let quota_project = fields.quota_project_id.clone().filter(|project| !project.is_empty());
        Ok((Self::of(fields, folder)?, quota_project))
    }

    fn of(fields: Fields, folder: &Path) -> Result<Self, String> {
        if let Some(domain) = fields.universe_domain.as_deref().filter(|domain| *domain != "googleapis.com") {
            return Err(format!("the universe {domain:?} is not supported, only googleapis.com"));
        }
        match fields.kind.as_str() {
            "authorized_user" => Ok(Self::User(User {
                id: required(fields.client_id, "client_id")?,
                secret: required(fields.client_secret, "client_secret")?.into(),
                refresh_token: required(fields.refresh_token, "refresh_token")?.into(),
            })),
            "service_account" => Key::of(fields).map(|key| Self::Key(Box::new(key))),
            "external_account" => {
                External::of(fields, folder).map(|external| Self::External(Box::new(external)))
            }
            "impersonated_service_account" => Self::impersonated(fields, folder),
            "" => Err("not a credential file: it has no type".to_owned()),
            other => Err(format!(
                "logins of type {other:?} are not supported. Use `gcloud auth application-default login`, a service account's \
                 key, workload identity, or ACCESS_TOKEN=$(gcloud auth print-access-token)"
            )),
        }
    }

    fn impersonated(fields: Fields, folder: &Path) -> Result<Self, String> {
        let impersonation = fields.impersonation()?;
        let impersonation = required(impersonation, "service_account_impersonation_url")?;
        let source = required(fields.source_credentials, "source_credentials")?;
        match Self::of(*source, folder)? {
            source @ (Self::User(_) | Self::Key(_) | Self::External(_)) => {
                Ok(Self::Impersonated(Box::new(source), impersonation))
            }
            Self::Impersonated(..) | Self::Machine => {
                Err("source_credentials: must not impersonate another account".to_owned())
            }
        }
    }
}
