//! Google's sign-in: OAuth (<https://developers.google.com/identity/protocols/oauth2>), the Security Token Service
//! (<https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>), the service account credentials API
//! (<https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>), the metadata
//! server (<https://cloud.google.com/compute/docs/metadata/overview>), and a CI system that gives out tokens as GitHub does
//! (<https://docs.github.com/actions/reference/security/oidc>).

mod grants;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::door::{Answer, FakeServer, FakeService, has_door};
use super::google::{self, Refusal};
use super::lock::lock;
use super::recorded::RecordedRequest;
use super::shared::Shared;

/// What a person's file of application-default credentials holds.
pub const CLIENT_ID: &str = "764086051850-local.apps.googleusercontent.com";
/// The secret of that client.
pub const CLIENT_SECRET: &str = "d-LOCAL-client-secret-canary";
/// The refresh token. Real ones have slashes, too.
pub const REFRESH_TOKEN: &str = "1//0refresh-canary";
/// The account that is acted for.
pub const ACCOUNT: &str = "deployer@demo.iam.gserviceaccount.com";
/// The provider that trusts the CI system.
pub const AUDIENCE: &str =
    "//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/ci/providers/github";
/// The token with which a job asks the CI system for its own.
pub const REQUEST_TOKEN: &str = "request-token-canary";

/// Google's sign-in.
#[derive(Clone)]
pub struct SignIn {
    shared: Arc<Shared>,
    door: Arc<FakeServer>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Every access token that was given out.
    issued: Vec<String>,
    /// The tokens of the CI system.
    subjects: BTreeSet<String>,
    lasting: i64,
    /// The public half of the key of [`ACCOUNT`].
    key: Vec<u8>,
    has_machine: bool,
}

has_door!(SignIn);

impl SignIn {
    pub(super) async fn open(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(0).await?;
        let state = State {
            issued: Vec::new(),
            subjects: BTreeSet::new(),
            lasting: 3_599,
            key: Vec::new(),
            has_machine: false,
        };
        let sign_in = Self { shared: Arc::clone(shared), door, state: Arc::new(Mutex::new(state)) };
        sign_in.door.open(listener, shared, sign_in.clone());
        Ok(sign_in)
    }

    /// `API=URL` for each API, separated by commas.
    pub fn endpoints(&self) -> String {
        ["oauth2", "sts", "iamcredentials", "metadata"].map(|api| format!("{api}={}", self.url())).join(",")
    }

    /// Every access token that it gave out, in order.
    pub fn issued(&self) -> Vec<String> {
        lock(&self.state).issued.clone()
    }

    /// From now on tokens last for so many seconds.
    pub fn set_lasting(&self, seconds: i64) {
        lock(&self.state).lasting = seconds;
    }

    /// [`ACCOUNT`] has this public key, in DER.
    pub fn set_key(&self, public: &[u8]) {
        public.clone_into(&mut lock(&self.state).key);
    }

    /// The machine has a service account.
    pub fn set_machine(&self) {
        lock(&self.state).has_machine = true;
    }

    /// Where a job gets its token of the CI system: an answer in JSON, whose field is `value`.
    pub fn subject_url(&self) -> String {
        format!("{}/ci/id-token?audience=google", self.url())
    }

    /// A token of the CI system.
    pub fn subject(&self) -> String {
        let mut state = lock(&self.state);
        let subject = format!("subject-canary-{}", state.subjects.len() + 1);
        state.subjects.insert(subject.clone());
        subject
    }

    fn issue(&self, kind: &str) -> String {
        let mut state = lock(&self.state);
        let token = format!("ya29.{kind}-{}", state.issued.len() + 1);
        state.issued.push(token.clone());
        token
    }

    fn lasting(&self) -> i64 {
        lock(&self.state).lasting
    }

    /// <https://developers.google.com/identity/protocols/oauth2/web-server#offline>
    fn token(&self, request: &RecordedRequest) -> Result<Value, OAuthError> {
        let form = grants::form(request)?;
        let key = lock(&self.state).key.clone();
        let kind = match grants::field(&form, "grant_type")? {
            "refresh_token" => grants::refresh(&form).map(|()| "user"),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                grants::assertion(&form, &key, self.shared.time.now()).map(|()| "key")
            }
            _ => Err(OAuthError::invalid("unsupported_grant_type", "Invalid grant_type")),
        }?;
        Ok(json!({"access_token": self.issue(kind), "expires_in": self.lasting(), "token_type": "Bearer"}))
    }

    fn exchange(&self, request: &RecordedRequest) -> Result<Value, OAuthError> {
        if request.header("authorization").is_some() {
            return Err(OAuthError::invalid("invalid_request", "Do not send the Authorization header."));
        }
        let form = grants::form(request)?;
        let subjects = lock(&self.state).subjects.clone();
        grants::exchange(&form, &subjects)?;
        let token = self.issue("federated");
        Ok(json!({"access_token": token, "expires_in": self.lasting(), "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}))
    }

    fn impersonate(&self, request: &RecordedRequest) -> Result<Value, Refusal> {
        google::bears_token(request)?;
        let bearer = request.header("authorization").unwrap_or_default().trim_start_matches("Bearer ");
        if !lock(&self.state).issued.iter().any(|token| token == bearer) {
            return Err(Refusal::expected(401, "UNAUTHENTICATED", format!("Invalid credential {bearer}.")));
        }
        grants::impersonation(request)?;
        let expires = self.shared.time.now() + TimeDelta::seconds(self.lasting());
        Ok(json!({"accessToken": self.issue("account"), "expireTime": expires}))
    }

    fn machine(&self, request: &RecordedRequest) -> Answer {
        let (status, kind, body) = if !lock(&self.state).has_machine {
            (404, "text/html", "<html>Not Found</html>".to_owned())
        } else if request.header("metadata-flavor") == Some("Google") {
            let token = json!({"access_token": self.issue("machine"), "expires_in": self.lasting(), "token_type": "Bearer"});
            (200, "application/json", token.to_string())
        } else {
            self.shared.violation("the metadata server was asked without Metadata-Flavor".to_owned());
            (403, "text/html", "<html>Missing required header</html>".to_owned())
        };
        Answer { status, kind, body }
    }

    /// <https://cloud.google.com/docs/authentication/token-types#access-tokens>
    fn token_info(&self, request: &RecordedRequest) -> Result<Value, OAuthError> {
        let query = request.query();
        let token = query.iter().find(|(name, _)| name == "access_token").map(|(_, token)| token.as_str());
        if token.is_none_or(|token| !lock(&self.state).issued.iter().any(|issued| issued == token)) {
            return Err(OAuthError::expected("invalid_token", "Invalid Value"));
        }
        let lasting = self.lasting();
        let exp = self.shared.time.now().timestamp() + lasting;
        Ok(
            json!({"azp": CLIENT_ID, "aud": CLIENT_ID, "exp": exp.to_string(), "expires_in": lasting.to_string(),
            "scope": "https://www.googleapis.com/auth/cloud-platform", "access_type": "online"}),
        )
    }

    fn id_token(&self, request: &RecordedRequest) -> Result<Value, OAuthError> {
        if request.header("authorization") != Some(format!("Bearer {REQUEST_TOKEN}").as_str()) {
            return Err(OAuthError::invalid("unauthorized", "the request token is missing"));
        }
        Ok(json!({"count": 1, "value": self.subject()}))
    }

    fn oauth(&self, request: &RecordedRequest, result: Result<Value, OAuthError>) -> Answer {
        let (status, body) = match result {
            Ok(value) => (200, value),
            Err(OAuthError { status, word, text, violation }) => {
                if violation {
                    self.shared.violation(format!("{} {}: {word} {text}", request.method, request.path));
                }
                (status, json!({"error": word, "error_description": text}))
            }
        };
        Answer { status, kind: "application/json; charset=utf-8", body: body.to_string() }
    }
}

/// A refusal of an OAuth server: <https://datatracker.ietf.org/doc/html/rfc6749#section-5.2>.
#[derive(Debug, PartialEq)]
struct OAuthError {
    status: u16,
    word: &'static str,
    text: String,
    violation: bool,
}

impl OAuthError {
    /// The request broke the contract.
    fn invalid(word: &'static str, text: impl Into<String>) -> Self {
        Self { status: 400, word, text: text.into(), violation: true }
    }

    /// A refusal that the caller must expect.
    fn expected(word: &'static str, text: impl Into<String>) -> Self {
        Self { status: 400, word, text: text.into(), violation: false }
    }
}

impl FakeService for SignIn {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("POST", "/token") => self.oauth(request, self.token(request)),
            ("POST", "/v1/token") => self.oauth(request, self.exchange(request)),
            ("GET", "/tokeninfo") => self.oauth(request, self.token_info(request)),
            ("GET", "/ci/id-token") => self.oauth(request, self.id_token(request)),
            ("GET", "/computeMetadata/v1/instance/service-accounts/default/token") => self.machine(request),
            ("POST", path) if path.starts_with("/v1/projects/-/serviceAccounts/") => {
                google::answer(&self.shared, request, self.impersonate(request))
            }
            _ => google::answer(&self.shared, request, Err(Refusal::no_method())),
        }
    }
}
