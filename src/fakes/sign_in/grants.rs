//! What Google's sign-in asks of a request for a token.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::{ACCOUNT, AUDIENCE, CLIENT_ID, CLIENT_SECRET, OAuthError, REFRESH_TOKEN};
use crate::fakes::google::{Refusal, body};
use crate::fakes::recorded::RecordedRequest;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

pub(super) type Form = BTreeMap<String, String>;

/// The fields of a form, each once.
pub(super) fn form(request: &RecordedRequest) -> Result<Form, OAuthError> {
    if request.header("content-type") != Some("application/x-www-form-urlencoded") {
        return Err(OAuthError::invalid("invalid_request", "The Content-Type is not that of a form."));
    }
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let form: Form = pairs.iter().cloned().collect();
    if form.len() < pairs.len() {
        return Err(OAuthError::invalid("invalid_request", "A parameter is repeated."));
    }
    Ok(form)
}

/// A field that must be there.
pub(super) fn field<'a>(form: &'a Form, name: &str) -> Result<&'a str, OAuthError> {
    let value = form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| OAuthError::invalid("invalid_request", format!("Missing required parameter: {name}")))
}

/// The form must have this value in this field.
fn must_be(form: &Form, name: &str, wanted: &str) -> Result<(), OAuthError> {
    let given = field(form, name)?;
    if given == wanted {
        return Ok(());
    }
    Err(OAuthError::invalid("invalid_request", format!("Invalid value for \"{name}\".")))
}

/// <https://datatracker.ietf.org/doc/html/rfc6749#section-6>.
pub(super) fn refresh(form: &Form) -> Result<(), OAuthError> {
    must_be(form, "client_id", CLIENT_ID)?;
    must_be(form, "client_secret", CLIENT_SECRET)?;
    if field(form, "refresh_token")? == REFRESH_TOKEN {
        return Ok(());
    }
    Err(OAuthError::expected("invalid_grant", "Token has been expired or revoked."))
}

/// <https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>
pub(super) fn assertion(form: &Form, key: &[u8], now: DateTime<Utc>) -> Result<(), OAuthError> {
    let invalid = |text: &str| OAuthError::invalid("invalid_grant", text);
    let assertion = field(form, "assertion")?;
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(|| invalid("Bad JWT"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| invalid("Bad JWT"))?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| invalid("Bad JWT"));
    let json = |part: &str| {
        decoded(part).and_then(|json| serde_json::from_slice::<Value>(&json).map_err(|_| invalid("Bad JWT")))
    };
    let (header, claims) = (json(header)?, json(claims)?);
    if !is(&header, "alg", "RS256") || !is(&header, "typ", "JWT") {
        return Err(invalid("Invalid JWT: wrong header"));
    }
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    key.verify(signed.as_bytes(), &decoded(signature)?).map_err(|_| invalid("Invalid JWT Signature."))?;
    if !is(&claims, "iss", ACCOUNT) || !is(&claims, "aud", "https://oauth2.googleapis.com/token") {
        return Err(invalid("Invalid JWT: wrong iss or aud"));
    }
    if !is(&claims, "scope", SCOPE) {
        return Err(OAuthError::invalid(
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ));
    }
    let time = |name: &str| {
        claims.get(name).and_then(Value::as_i64).and_then(|time| DateTime::from_timestamp(time, 0))
    };
    let (Some(iat), Some(exp)) = (time("iat"), time("exp")) else {
        return Err(invalid("Invalid JWT: no times"));
    };
    if iat > now + TimeDelta::minutes(5) || exp < now || exp - iat > TimeDelta::hours(1) {
        return Err(invalid("Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."));
    }
    Ok(())
}

fn is(json: &Value, name: &str, wanted: &str) -> bool {
    json.get(name).and_then(Value::as_str) == Some(wanted)
}

/// <https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token#request-body>. A refusal repeats the token, as something
/// between opwatch and Google may do.
pub(super) fn exchange(form: &Form, subjects: &BTreeSet<String>) -> Result<(), OAuthError> {
    must_be(form, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")?;
    must_be(form, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token")?;
    must_be(form, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt")?;
    must_be(form, "audience", AUDIENCE)?;
    must_be(form, "scope", SCOPE)?;
    if let Some(unknown) = form.keys().find(|name| {
        ![
            "grant_type",
            "requested_token_type",
            "subject_token_type",
            "audience",
            "scope",
            "subject_token",
            "options",
        ]
        .contains(&name.as_str())
    }) {
        return Err(OAuthError::invalid("invalid_request", format!("Unknown parameter: {unknown}")));
    }
    let subject = field(form, "subject_token")?;
    if subjects.contains(subject) {
        return Ok(());
    }
    Err(OAuthError::expected("invalid_grant", format!("The token {subject} is stale to sign-in.")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Impersonation {
    scope: Vec<String>,
    #[serde(default)]
    lifetime: Option<String>,
    #[serde(default)]
    delegates: Vec<String>,
}

/// A token of [`ACCOUNT`].
pub(super) fn impersonation(request: &RecordedRequest) -> Result<(), Refusal> {
    let asked: Impersonation = body(request)?;
    if request.path != format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken") {
        return Err(Refusal::expected(
            403,
            "PERMISSION_DENIED",
            "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
        ));
    }
    if asked.scope != [SCOPE] {
        return Err(Refusal::invalid("Request must specify scopes."));
    }
    let lifetime =
        asked.lifetime.as_deref().unwrap_or("3600s").strip_suffix('s').and_then(|s| s.parse().ok());
    if lifetime.is_none_or(|seconds: u32| seconds == 0 || seconds > 3_600) {
        return Err(Refusal::invalid("The lifetime must be at most 1 hour (3600s)."));
    }
    if asked.delegates.iter().any(|delegate| !delegate.starts_with("projects/-/serviceAccounts/")) {
        return Err(Refusal::invalid("Invalid delegate."));
    }
    Ok(())
}
