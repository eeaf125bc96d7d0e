//! Exchanges a login for an access token.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::external::External;
use super::fields::{HOUR, Impersonation};
use super::file::{Login, User};
use super::key::Key;
use super::subject::{Place, read};
use super::target::Target;
use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::google::token::{Credential, Issued, SCOPE};
use crate::net::endpoints::{Api, Endpoints};
use crate::net::transport::{Answer, Failure, Headers, Method, Request, Transport};
use crate::text;

/// An error's text is shown up to so many characters.
const SHOWN: usize = 500;
const FORM: &str = "application/x-www-form-urlencoded";

/// Calls Google's sign-in.
#[derive(Clone)]
pub(super) struct Exchange {
    pub transport: Arc<dyn Transport>,
    pub endpoints: Endpoints,
}

/// A token as it was answered.
pub(super) struct Answered {
    token: SecretString,
    expires: DateTime<Utc>,
    is_local: bool,
}

/// The answer of an OAuth server (RFC 6749, 5.1), of the metadata server, or of the service account credentials API.
#[derive(Deserialize)]
struct Body {
    #[serde(alias = "accessToken")]
    access_token: String,
    /// Seconds; some servers write a text.
    #[serde(default)]
    expires_in: Value,
    #[serde(default, rename = "expireTime")]
    expire_time: Option<DateTime<Utc>>,
}

/// An OAuth server's error (RFC 6749, 5.2), or one of Google's other APIs.
#[derive(Deserialize)]
struct Failed {
    error: Value,
    #[serde(default)]
    error_description: String,
}

impl Exchange {
    /// A new token of `login`.
    ///
    /// # Errors
    /// With what is wrong, which never repeats a secret.
    pub(super) async fn token(&self, login: &Login) -> Result<Issued, String> {
        let Answered { token, expires, is_local } = self.of_login(login).await?;
        Ok(Issued { credential: Credential { token, quota_project: None }, expires, is_local })
    }

    async fn of_login(&self, login: &Login) -> Result<Answered, String> {
        match login {
            Login::User(user) => self.of_user(user).await,
            Login::Key(key) => self.of_key(key).await,
            Login::External(external) => {
                let token = self.of_external(external).await?;
                match &external.impersonation {
                    Some(impersonation) => self.impersonate(token, impersonation).await,
                    None => Ok(token),
                }
            }
            Login::Impersonated(source, impersonation) => {
                let token = Box::pin(self.of_login(source)).await?;
                self.impersonate(token, impersonation).await
            }
            Login::Machine => self.of_machine().await,
        }
    }

    /// <https://developers.google.com/identity/protocols/oauth2/web-server#offline>
    async fn of_user(&self, user: &User) -> Result<Answered, String> {
        let (secret, refresh) = (user.secret.expose_secret(), user.refresh_token.expose_secret());
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &user.id),
            ("client_secret", secret),
            ("refresh_token", refresh),
        ];
        let answered = self.form(&Target::known(Api::OAuth, "/token"), &form, None, &[secret, refresh]).await;
        answered.map_err(|why| {
            format!("{}. Log in again: `gcloud auth application-default login`", why.trim_end_matches('.'))
        })
    }

    async fn of_key(&self, key: &Key) -> Result<Answered, String> {
        let assertion = key.assertion(SystemClock.now()).ok_or("private_key: can't sign")?;
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)];
        self.form(&key.target, &form, None, &[&assertion]).await
    }

    /// <https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>: without an Authorization header, unless there
    /// is an OAuth client.
    async fn of_external(&self, external: &External) -> Result<Answered, String> {
        let subject = self.subject(external).await?;
        let subject = subject.expose_secret();
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", &external.audience),
            ("scope", SCOPE),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", &external.subject_token_type),
            ("subject_token", subject),
        ];
        let options = external.user_project.as_ref().filter(|_| external.client.is_none());
        let options = options.map(|project| json!({"userProject": project}).to_string());
        form.extend(options.as_deref().map(|options| ("options", options)));
        let basic = external.client.as_ref().map(|(id, secret)| {
            format!("Basic {}", STANDARD.encode(format!("{id}:{}", secret.expose_secret())))
        });
        let secret = external.client.as_ref().map_or("", |(_, secret)| secret.expose_secret());
        self.form(&external.target, &form, basic, &[subject, secret]).await
    }

    /// The token of the other identity provider, anew each time: CI systems give out short-lived ones.
    async fn subject(&self, external: &External) -> Result<SecretString, String> {
        match &external.subject.place {
            Place::File(file) => {
                let shown = file.display();
                let bytes = read(file).map_err(|error| format!("credential_source.file {shown}: {error}"))?;
                external.subject.token(&bytes)
            }
            Place::Url(url, headers) => {
                let secrets: Vec<&str> = headers.iter().map(|(_, value)| value.as_str()).collect();
                let request = Request {
                    method: Method::Get,
                    url: url.clone(),
                    token: None,
                    headers: headers.clone(),
                    body: Vec::new(),
                    longest: None,
                };
                let answer = self.answer(request, &secrets, CALL_LIMIT).await;
                let answer = answer.map_err(|why| format!("credential_source.url: {why}"))?;
                external.subject.token(&answer.body)
            }
        }
    }

    /// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
    async fn impersonate(&self, source: Answered, to: &Impersonation) -> Result<Answered, String> {
        let (url, is_local) = to.target.url(&self.endpoints);
        let mut body = json!({"scope": [SCOPE], "lifetime": format!("{}s", to.lifetime)});
        if let (Some(body), false) = (body.as_object_mut(), to.delegates.is_empty()) {
            body.insert("delegates".to_owned(), json!(to.delegates));
        }
        let secret = source.token.expose_secret();
        let request = Request {
            method: Method::Post,
            url: url.into(),
            token: Some(source.token.clone()).filter(|_| source.is_local || !is_local),
            headers: Headers::new(),
            body: body.to_string().into_bytes(),
            longest: None,
        };
        let answered = self.send(request, is_local, &[secret], CALL_LIMIT).await;
        answered.map_err(|why| format!("{} gives no token: {why}", to.target.written()))
    }

    async fn form(
        &self,
        target: &Target,
        form: &[(&str, &str)],
        authorization: Option<String>,
        secrets: &[&str],
    ) -> Result<Answered, String> {
        let (url, is_local) = target.url(&self.endpoints);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into_bytes();
        let mut headers = vec![("content-type".into(), FORM.to_owned())];
        headers.extend(authorization.map(|value| ("authorization".into(), value)));
        let request =
            Request { method: Method::Post, url: url.into(), token: None, headers, body, longest: None };
        self.send(request, is_local, secrets, CALL_LIMIT).await
    }

    /// Sends `request` and reads the token in the answer.
    pub(super) async fn send(
        &self,
        request: Request,
        is_local: bool,
        secrets: &[&str],
        limit: Duration,
    ) -> Result<Answered, String> {
        let answer = self.answer(request, secrets, limit).await?;
        let body: Body = serde_json::from_slice(&answer.body)
            .map_err(|_| "the response of Google's sign-in has no access token".to_owned())?;
        let left = match (seconds(&body.expires_in), body.expire_time, answer.date) {
            (Some(left), ..) => left,
            // By Google's clock, since this one may be off.
            (None, Some(at), date) => at - date.unwrap_or_else(|| SystemClock.now()),
            (None, None, _) => TimeDelta::seconds(HOUR.into()),
        };
        let expires = SystemClock.now() + left.min(TimeDelta::days(1));
        Ok(Answered { token: body.access_token.into(), expires, is_local })
    }

    /// The answer, if it is a success. What can pass is tried once more: no request here changes anything.
    pub(super) async fn answer(
        &self,
        request: Request,
        secrets: &[&str],
        limit: Duration,
    ) -> Result<Answer, String> {
        let mut answer = self.transport.send(request.clone(), limit).await;
        let can_pass = match &answer {
            Ok(answer) => answer.status >= 500,
            Err(Failure::Broken(_) | Failure::NotConnected(_)) => true,
            Err(Failure::TimedOut(_) | Failure::TooLong) => false,
        };
        if can_pass {
            answer = self.transport.send(request, limit).await;
        }
        match answer {
            Ok(answer) if answer.status == 200 => Ok(answer),
            Ok(answer) => Err(scrubbed(&refusal(&answer), secrets)),
            Err(failure) => Err(failure.to_string()),
        }
    }
}

/// How long a token lasts by the answer of the tokeninfo endpoint.
pub(super) fn seconds_left(body: &[u8]) -> Option<TimeDelta> {
    serde_json::from_slice::<Value>(body).ok().and_then(|body| seconds(body.get("expires_in")?))
}

fn seconds(value: &Value) -> Option<TimeDelta> {
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    seconds.and_then(TimeDelta::try_seconds)
}

/// What an answer says that is no success.
fn refusal(answer: &Answer) -> String {
    let said = serde_json::from_slice::<Failed>(&answer.body).ok().map(|failed| {
        let own = failed.error.get("message").and_then(Value::as_str);
        let words = [failed.error.as_str().or(own).unwrap_or_default(), &failed.error_description];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": ")
    });
    match said.filter(|said| !said.is_empty()) {
        Some(said) => format!("HTTP {} {}", answer.status, text::line(text::cut(&said, SHOWN))),
        None => format!("HTTP {}", answer.status),
    }
}

/// `said` without the secrets that were sent, which an error may repeat.
fn scrubbed(said: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    secrets.fold(said.to_owned(), |said, secret| {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        said.replace(secret, "***").replace(&encoded, "***")
    })
}
