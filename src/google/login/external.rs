//! Workload identity: the token of another identity provider, such as a CI system's, in exchange for Google's
//! (<https://google.aip.dev/auth/4117>). Only files and URLs are read: no program is run for a token.

use std::path::Path;

use secrecy::SecretString;
use serde_json::Value;

use super::fields::{Fields, Impersonation, required};
use super::subject::Subject;
use super::target::Target;
use crate::net::endpoints::Api;

/// A login with the token of another identity provider.
pub(super) struct External {
    pub audience: String,
    pub subject_token_type: String,
    pub subject: Subject,
    pub target: Target,
    pub impersonation: Option<Impersonation>,
    /// The project that a workforce pool's calls count for.
    pub user_project: Option<String>,
    /// The OAuth client of a workforce pool.
    pub client: Option<(String, SecretString)>,
}

impl External {
    /// The login in a file in `folder`.
    pub(super) fn of(fields: Fields, folder: &Path) -> Result<Self, String> {
        let impersonation = fields.impersonation()?;
        let url = required(fields.token_url, "token_url")?;
        let client = fields.client_id.zip(fields.client_secret.map(SecretString::from));
        Ok(Self {
            audience: required(fields.audience, "audience")?,
            subject_token_type: required(fields.subject_token_type, "subject_token_type")?,
            subject: subject(&fields.credential_source, folder)?,
            target: Target::of(Api::Sts, "token_url", &url, |path| path == "/v1/token")?,
            impersonation,
            user_project: fields.workforce_pool_user_project,
            client,
        })
    }
}

fn subject(source: &Value, folder: &Path) -> Result<Subject, String> {
    let refused = [
        ("executable", "opwatch runs no program to get a token"),
        ("environment_id", "opwatch can't sign requests to AWS"),
        ("certificate", "opwatch has no login by certificate"),
    ];
    for (field, why) in refused {
        if source.get(field).is_some_and(|value| !value.is_null()) {
            return Err(format!(
                "credential_source.{field}: {why}. Use a source with `file` or `url`, or set \
                 ACCESS_TOKEN=$(gcloud auth print-access-token)"
            ));
        }
    }
    Subject::of(source, folder)
}
