//! A receiver of events, as strict as the standards that it keeps to: `CloudEvents` 1.0 in structured mode
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>) and Standard Webhooks 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::hmac;
use serde_json::Value;

use super::door::{Answer, FakeServer, FakeService, has_door};
use super::lock::lock;
use super::recorded::RecordedRequest;
use super::shared::Shared;

/// The secret that it shares with opwatch: `whsec_` and base64.
const SECRET: &str = "bG9jYWwtc3RhbmQtaW4tc2VjcmV0LTAwMDAwMDAwMDE=";
/// How far a timestamp may be off, as the official libraries have it.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The stand-in for a receiver of events.
#[derive(Clone)]
pub struct Receiver {
    shared: Arc<Shared>,
    door: Arc<FakeServer>,
    taken: Arc<Mutex<Vec<Value>>>,
}

has_door!(Receiver);

impl Receiver {
    pub(super) async fn open(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let (door, listener) = FakeServer::listen(0).await?;
        let receiver = Self { shared: Arc::clone(shared), door, taken: Arc::default() };
        receiver.door.open(listener, shared, receiver.clone());
        Ok(receiver)
    }

    /// The secret that its requests must be signed with.
    pub fn secret(&self) -> String {
        format!("whsec_{SECRET}")
    }

    /// Every event that it took, duplicates too, in order.
    pub fn taken(&self) -> Vec<Value> {
        lock(&self.taken).clone()
    }
}

impl FakeService for Receiver {
    fn answer(&self, request: &RecordedRequest) -> Answer {
        let (status, body) = match check(request, self.shared.time.now()) {
            Ok(event) => {
                lock(&self.taken).push(event);
                (204, String::new())
            }
            Err(why) => {
                self.shared.violation(format!("an event: {why}"));
                (400, why)
            }
        };
        Answer { status, kind: "text/plain", body }
    }
}

/// The event, if the request is one.
fn check(request: &RecordedRequest, now: DateTime<Utc>) -> Result<Value, String> {
    if request.method != "POST" {
        return Err(format!("{} instead of POST", request.method));
    }
    let kind = request.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    if kind != "application/cloudevents+json" {
        return Err(format!("the Content-Type {kind:?} is not that of structured mode"));
    }
    let id = check_signature(request, now)?;
    let event = request.json();
    check_event(&event)?;
    let is_same = event.get("id").and_then(Value::as_str) == Some(id.as_str());
    is_same.then_some(event).ok_or_else(|| "webhook-id is not the id of the event".to_owned())
}

/// The `webhook-id`, if the request is signed.
fn check_signature(request: &RecordedRequest, now: DateTime<Utc>) -> Result<String, String> {
    let header = |name: &str| {
        request.header(name).filter(|text| !text.is_empty()).ok_or_else(|| format!("no header {name}"))
    };
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    if id.contains('.') {
        return Err("webhook-id has a dot".to_owned());
    }
    let sent = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let sent = sent.ok_or_else(|| format!("webhook-timestamp {timestamp:?} is not Unix time in seconds"))?;
    if (now - sent).abs() > TOLERANCE {
        return Err(format!("webhook-timestamp {sent} is too far from {now}"));
    }
    let key = STANDARD.decode(SECRET).map_err(|error| error.to_string())?;
    let signed = [format!("{id}.{timestamp}.").as_bytes(), &request.body].concat();
    let fits = |signature: &str| {
        let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed, &tag).is_ok())
    };
    let signatures = header("webhook-signature")?;
    signatures.split(' ').any(fits).then(|| id.to_owned()).ok_or_else(|| "no signature fits".to_owned())
}

/// The attributes: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#context-attributes>.
fn check_event(event: &Value) -> Result<(), String> {
    let attributes = event.as_object().ok_or("the body is not a JSON object")?;
    let text = |name: &str| attributes.get(name).and_then(Value::as_str);
    if text("specversion") != Some("1.0") {
        return Err("specversion is not 1.0".to_owned());
    }
    for required in ["id", "source", "type"] {
        if text(required).is_none_or(str::is_empty) {
            return Err(format!("{required} is not a text"));
        }
    }
    for (name, value) in attributes {
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return Err(format!("the attribute name {name:?} has other characters than a-z and 0-9"));
        }
        let is_plain =
            value.as_str().is_some_and(|text| !text.is_empty() && !text.contains(char::is_control));
        if name != "data" && !is_plain {
            return Err(format!("{name} is not a text without control characters"));
        }
    }
    let time = text("time").is_none_or(|time| DateTime::parse_from_rfc3339(time).is_ok());
    time.then_some(()).ok_or_else(|| "time is not in the form of RFC 3339".to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    const BODY: &str = r#"{"specversion":"1.0","id":"a","source":"//x/y","type":"t","data":{"n":null}}"#;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn signature(id: &str, timestamp: &str, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(SECRET).unwrap());
        let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }

    /// What is said of a request with these headers in place of good ones.
    fn said(changed: &[(&'static str, &str)], body: &str) -> Result<Value, String> {
        let find = |name: &str, good: &str| {
            let changed = changed.iter().find(|(other, _)| *other == name);
            changed.map_or(good, |(_, value)| *value).to_owned()
        };
        let (id, timestamp) = (find("webhook-id", "a"), find("webhook-timestamp", "1800000000"));
        let signature = find("webhook-signature", &signature(&id, &timestamp, body));
        let kind = find("content-type", "application/cloudevents+json; charset=utf-8");
        let headers: HeaderMap = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature),
            ("content-type", kind),
        ]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap()))
        .into_iter()
        .collect();
        let (method, path) = ("POST".to_owned(), "/".to_owned());
        check(&RecordedRequest { method, path, headers, body: body.to_owned().into() }, now())
    }

    #[test]
    fn only_a_signed_event_is_taken() {
        assert_eq!(said(&[], BODY), Ok(serde_json::from_str(BODY).unwrap()));
        let two = format!("v1,x {}", signature("a", "1800000000", BODY));
        assert!(said(&[("webhook-signature", &two)], BODY).is_ok(), "one of several is enough");
        let other = signature("a", "1800000000", "{}");
        for (header, value) in [
            ("content-type", "application/json"),
            ("webhook-id", ""),
            ("webhook-id", "b"),
            ("webhook-id", "a.b"),
            ("webhook-timestamp", "1800000301"),
            ("webhook-timestamp", "2027-01-15T08:00:00Z"),
            ("webhook-signature", ""),
            ("webhook-signature", "v1a,AAAA"),
            ("webhook-signature", &other),
        ] {
            assert!(said(&[(header, value)], BODY).is_err(), "{header}: {value}");
        }
        for (good, wrong) in [
            ("\"1.0\"", "\"0.3\""),
            ("\"source\"", "\"sourceUrl\""),
            ("//x/y", ""),
            ("\"t\"", "7"),
            ("\"data\"", "\"time\":\"yesterday\",\"data\""),
            ("\"data\"", "\"new_one\":\"x\",\"data\""),
            ("\"data\"", "\"subject\":\"\",\"data\""),
            ("//x/y", "//x\\n"),
        ] {
            assert!(said(&[], &BODY.replace(good, wrong)).is_err(), "{wrong}");
        }
    }
}
