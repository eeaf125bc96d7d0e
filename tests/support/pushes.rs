//! Pushes as Pub/Sub makes them, for tests that have no subscription behind them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The body of a push of `message` with this id.
pub(crate) fn push_of(id: &str, message: &Value) -> String {
    push_of_data(id, message.to_string().as_bytes())
}

/// The body of a push of any bytes.
pub(crate) fn push_of_data(id: &str, data: &[u8]) -> String {
    let message = json!({"data": STANDARD.encode(data), "messageId": id, "message_id": id});
    json!({"message": message, "subscription": "projects/demo/subscriptions/opwatch-push"}).to_string()
}

/// The variables with another address of one service.
pub(crate) fn with_endpoint(
    mut variables: Vec<(&'static str, String)>,
    service: &str,
    url: &str,
) -> Vec<(&'static str, String)> {
    let (_, endpoints) = variables.iter_mut().find(|(name, _)| *name == "ENDPOINTS").unwrap();
    let own = format!("{service}=");
    let others = endpoints.split(',').filter(|endpoint| !endpoint.starts_with(&own)).map(str::to_owned);
    *endpoints = others.chain([format!("{own}{url}")]).collect::<Vec<_>>().join(",");
    variables
}
