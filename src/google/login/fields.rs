//! The fields of a credential file.

use serde::Deserialize;
use serde_json::Value;

use super::target::Target;
use crate::net::endpoints::Api;

/// How long the token of a service account lasts, unless the file asks for another time.
pub(super) const HOUR: u32 = 3_600;

/// How a service account is acted for.
pub(super) struct Impersonation {
    pub target: Target,
    pub delegates: Vec<String>,
    /// Seconds.
    pub lifetime: u32,
}

/// All fields of all kinds of files.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    #[serde(rename = "type")]
    pub kind: String,
    pub universe_domain: Option<String>,
    pub quota_project_id: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub refresh_token: Option<String>,
    pub client_email: Option<String>,
    pub private_key: Option<String>,
    pub private_key_id: Option<String>,
    pub token_uri: Option<String>,
    pub audience: Option<String>,
    pub subject_token_type: Option<String>,
    pub token_url: Option<String>,
    pub service_account_impersonation_url: Option<String>,
    pub service_account_impersonation: Lifetime,
    pub workforce_pool_user_project: Option<String>,
    pub credential_source: Value,
    pub delegates: Vec<String>,
    pub source_credentials: Option<Box<Fields>>,
}

/// `service_account_impersonation`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Lifetime {
    token_lifetime_seconds: Option<u32>,
}

impl Fields {
    /// The service account that `service_account_impersonation_url` names, if it does.
    pub(super) fn impersonation(&self) -> Result<Option<Impersonation>, String> {
        let field = "service_account_impersonation_url";
        let Some(url) = &self.service_account_impersonation_url else { return Ok(None) };
        let target = Target::of(Api::IamCredentials, field, url, is_impersonation)?;
        let lifetime = self.service_account_impersonation.token_lifetime_seconds.unwrap_or(HOUR);
        Ok(Some(Impersonation { target, delegates: self.delegates.clone(), lifetime }))
    }
}

fn is_impersonation(path: &str) -> bool {
    path.starts_with("/v1/projects/-/serviceAccounts/") && path.ends_with(":generateAccessToken")
}

/// A field that a login can't do without.
pub(super) fn required<T>(field: Option<T>, name: &str) -> Result<T, String> {
    field.ok_or_else(|| format!("{name} is missing"))
}
