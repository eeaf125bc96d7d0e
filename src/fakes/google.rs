//! What the Google stand-ins have in common: JSON answers, refusals and strict reading.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::door::Answer;
use super::recorded::RecordedRequest;
use super::shared::Shared;

/// An answer other than 200.
#[derive(Debug)]
pub(super) struct Refusal {
    code: u16,
    status: &'static str,
    message: String,
    violation: bool,
}

impl Refusal {
    /// A refusal that the caller must expect, such as an operation that is gone.
    pub(super) fn expected(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), violation: false }
    }

    /// 400: the caller broke the API's contract.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { code: 400, status: "INVALID_ARGUMENT", message: message.into(), violation: true }
    }

    /// 404: no such method here.
    pub(super) fn no_method() -> Self {
        Self { code: 404, status: "NOT_FOUND", message: "No such method.".to_owned(), violation: true }
    }

    fn no_credentials() -> Self {
        let message = "Request is missing or has the wrong authentication credential.".to_owned();
        Self { code: 401, status: "UNAUTHENTICATED", message, violation: true }
    }
}

/// 200 with JSON, or the refusal; one that breaks the contract is recorded.
pub(super) fn answer(shared: &Shared, request: &RecordedRequest, result: Result<Value, Refusal>) -> Answer {
    let (status, body) = match result {
        Ok(value) => (200, value),
        Err(Refusal { code, status, message, violation }) => {
            if violation {
                shared.violation(format!("{} {}: {code} {message}", request.method, request.path));
            }
            (code, json!({"error": {"code": code, "message": message, "status": status}}))
        }
    };
    Answer { status, kind: "application/json; charset=UTF-8", body: body.to_string() }
}

/// The JSON body, refused when it is not declared as JSON or has an unknown field.
pub(super) fn body<T: DeserializeOwned>(request: &RecordedRequest) -> Result<T, Refusal> {
    if !request.says_json() {
        return Err(Refusal::invalid("The Content-Type must be application/json."));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::invalid(format!("Invalid JSON payload received. {error}")))
}

/// Checks the bearer token when one is wanted.
pub(super) fn authorized(request: &RecordedRequest, wanted: Option<&str>) -> Result<(), Refusal> {
    let Some(wanted) = wanted else { return Ok(()) };
    let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if given == Some(wanted) { Ok(()) } else { Err(Refusal::no_credentials()) }
}

/// Checks that there is a bearer token, whatever it says.
pub(super) fn bears_token(request: &RecordedRequest) -> Result<(), Refusal> {
    let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if given.is_some_and(|token| !token.is_empty()) { Ok(()) } else { Err(Refusal::no_credentials()) }
}

/// Checks that the bearer token is that of this account, which alone was granted what it asks for.
/// <https://cloud.google.com/pubsub/docs/access-control>
pub(super) fn is_granted(request: &RecordedRequest, account: &str) -> Result<(), Refusal> {
    let given = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if given == Some(token_of(account).as_str()) {
        return Ok(());
    }
    let message = "User not authorized to perform this action.";
    Err(Refusal::expected(403, "PERMISSION_DENIED", message))
}

/// The token that Cloud Tasks makes for an account.
pub(super) fn token_of(account: &str) -> String {
    format!("task-token-of-{account}")
}

/// Whether `id` can be a part of a name: not empty, and nothing that would need escaping.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~()%+:".contains(&byte))
}
