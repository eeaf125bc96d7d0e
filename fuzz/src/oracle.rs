//! What may leave opwatch, written down apart from the code that decides it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opwatch::net::transport::{Method, Request};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

pub(super) const TOPIC: &str = "projects/demo/topics/opwatch";
pub(super) const INTERNAL_TOPIC: &str = "projects/demo/topics/opwatch-internal";
pub(super) const CHECK_QUEUE: &str = "projects/demo/locations/l/queues/checks";
pub(super) const REPORT_QUEUE: &str = "projects/demo/locations/l/queues/reports";
pub(super) const WEBHOOK: &str = "https://hooks.slack.com/services/T0/B0/canary-hook";
pub(super) const TOKEN: &str = "canary-token";
pub(super) const BOT_TOKEN: &str = "xoxb-canary-bot";
pub(super) const CHANNEL: &str = "C0DEFAULT";
/// The channel that a message may choose.
pub(super) const OTHER_CHANNEL: &str = "C0OTHER";
/// Where exports may write.
pub(super) const PREFIX: &str = "gs://b/safe";

/// Whose message opwatch handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Its own, from the internal topic.
    Opwatch,
    /// A publisher's, from the public topic.
    Publisher,
    /// A publisher's who knows every watch and writes what opwatch would pass on.
    Forger,
    /// Either: there is no internal topic.
    Anyone,
}

impl Sender {
    /// The id of the subscription that it comes from.
    pub(super) fn subscription(self) -> &'static str {
        match self {
            Self::Opwatch => "opwatch-internal",
            Self::Publisher | Self::Forger | Self::Anyone => "opwatch-push",
        }
    }
}

/// Holds if this request may leave opwatch, whatever caused it. What a forger causes is a notice, and nothing else.
pub(super) fn request(request: &Request, sender: Sender) {
    let raw = request.url.expose_secret();
    let url = Url::parse(raw).unwrap_or_else(|error| panic!("{error}: {raw}"));
    assert_eq!(url.as_str(), raw, "it means what it says");
    assert_eq!((url.scheme(), url.port(), url.fragment()), ("https", None, None), "{raw}");
    assert!(url.username().is_empty() && url.password().is_none(), "{raw}");
    let token = request.token.as_ref().map(ExposeSecret::expose_secret);
    let host = url.host_str().unwrap_or_default();
    let expected = match host {
        "hooks.slack.com" | "www.googleapis.com" => None,
        "slack.com" => Some(BOT_TOKEN),
        _ => Some(TOKEN),
    };
    assert_eq!(token, expected, "{raw}");
    let path = url.path().trim_start_matches('/');
    if sender == Sender::Forger {
        let is_post = ["hooks.slack.com", "cloudtasks.googleapis.com"].contains(&host)
            || path == "api/chat.postMessage";
        assert!(is_post && request.method == Method::Post, "a forged message calls {raw}");
        if host != "cloudtasks.googleapis.com" {
            let text = json(&request.body)["text"].as_str().unwrap_or_default().to_owned();
            assert!(
                text.starts_with("*opwatch rejected a message*"),
                "a forged message makes Slack say {text}"
            );
        }
    }
    match (request.method, host) {
        (Method::Post, "hooks.slack.com") => {
            assert_eq!(raw, WEBHOOK);
            payload(&json(&request.body));
        }
        (Method::Post, "slack.com") => {
            let methods = ["api/chat.postMessage", "api/chat.update", "api/chat.delete"];
            assert!(methods.contains(&path) && url.query().is_none(), "{raw}");
            let body = json(&request.body);
            let channel = body["channel"].as_str().unwrap_or_default();
            // What opwatch passed on itself names a message that it posted.
            let is_own = sender != Sender::Anyone && path != "api/chat.postMessage";
            assert!(is_own || [CHANNEL, OTHER_CHANNEL].contains(&channel), "{body}");
            if path != "api/chat.delete" {
                payload(&body);
            }
        }
        (Method::Get, "www.googleapis.com") => assert_eq!(raw, "https://www.googleapis.com/oauth2/v3/certs"),
        (Method::Post, "cloudtasks.googleapis.com") => {
            let queue = path.strip_prefix("v2/").and_then(|path| path.strip_suffix("/tasks"));
            let queue = queue.unwrap_or_else(|| panic!("{raw}"));
            assert!([CHECK_QUEUE, REPORT_QUEUE].contains(&queue) && url.query().is_none(), "{raw}");
            task(queue, &request.body, sender);
        }
        (Method::Get | Method::Delete, "cloudtasks.googleapis.com") => {
            let task = path.strip_prefix("v2/").and_then(|path| path.split_once("/tasks/"));
            let (queue, id) = task.unwrap_or_else(|| panic!("{raw}"));
            let query = Some("responseView=FULL").filter(|_| request.method == Method::Get);
            assert!(queue == CHECK_QUEUE && url.query() == query && request.body.is_empty(), "{raw}");
            assert!(id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{raw}");
        }
        (Method::Post, "datastore.googleapis.com") if is_ledger(path) => {
            json(&request.body);
        }
        (method, "datastore.googleapis.com" | "firestore.googleapis.com") => {
            let path = path.strip_prefix("v1/").unwrap_or_else(|| panic!("{raw}"));
            operation(method, path, url.query(), &request.body);
        }
        _ => panic!("opwatch never calls {raw}"),
    }
}

fn is_ledger(path: &str) -> bool {
    [":commit", ":lookup", ":runQuery"].iter().any(|method| path == format!("v1/projects/demo{method}"))
}

fn operation(method: Method, path: &str, query: Option<&str>, body: &[u8]) {
    assert_eq!(path.split('/').nth(1).and_then(|part| part.split(':').next()), Some("demo"), "{path}");
    match method {
        Method::Delete => panic!("opwatch deletes no operation: {path}"),
        Method::Patch => panic!("no operation is changed: {path}"),
        Method::Get if path.ends_with("/operations") => name(&format!("{path}/x")),
        Method::Get => {
            name(path);
            assert_eq!(query, None, "{path}");
        }
        Method::Post => {
            start_path(path);
            let body = json(body);
            let fields = [("outputUrlPrefix", ":export"), ("outputUriPrefix", ":exportDocuments")];
            let (field, _) = fields.iter().find(|(_, method)| path.ends_with(method)).expect(path);
            let target = body[*field].as_str().expect(path);
            assert!(target == PREFIX || target.starts_with(&format!("{PREFIX}/")), "{target}");
        }
    }
}

/// A name of Datastore's or Firestore's goes into a URL unchanged.
pub(crate) fn name(name: &str) {
    let segments: Vec<_> = name.split('/').collect();
    let is_name = matches!(
        segments.as_slice(),
        ["projects", _, "operations", _] | ["projects", _, "databases", _, "operations", _]
    );
    assert!(is_name && name.len() <= 1_024, "{name}");
    segments.iter().enumerate().for_each(|(at, one)| segment(one, at == 1));
}

/// So does a name of any service's, below its API.
pub(crate) fn any_name(base: &str, name: &str) {
    let raw = format!("{base}/{name}");
    let url = Url::parse(&raw).unwrap_or_else(|error| panic!("{error}: {raw}"));
    assert_eq!(url.as_str(), raw, "it means what it says");
    let host = url.host_str().unwrap_or_default();
    assert!(url.scheme() == "https" && host.ends_with(".googleapis.com"), "{raw}");
    assert_eq!((url.port(), url.query(), url.fragment()), (None, None, None), "{raw}");
    assert!(url.username().is_empty() && url.password().is_none() && name.len() <= 1_024, "{raw}");
    for (at, one) in name.split('/').enumerate() {
        segment(one.trim_end_matches('='), at == 1);
    }
}

/// So does a start's path.
pub(super) fn start_path(path: &str) {
    let (resource, method) = path.rsplit_once(':').expect(path);
    assert!(["export", "import", "exportDocuments", "importDocuments"].contains(&method), "{path}");
    let segments: Vec<_> = resource.split('/').collect();
    let is_resource = matches!(segments.as_slice(), ["projects", _] | ["projects", _, "databases", _]);
    assert!(is_resource && path.len() <= 1_024, "{path}");
    segments.iter().enumerate().for_each(|(at, one)| segment(one, at == 1));
}

fn segment(segment: &str, is_project: bool) {
    let known =
        |byte: u8| byte.is_ascii_alphanumeric() || b"._~()-".contains(&byte) || is_project && byte == b':';
    assert!(!["", ".", ".."].contains(&segment) && segment.bytes().all(known), "{segment}");
}

fn task(queue: &str, body: &[u8], sender: Sender) {
    assert!(body.len() <= 100_000, "{} bytes are too many for Cloud Tasks", body.len());
    let task = &json(body)["task"];
    let name = task["name"].as_str().expect("a name");
    let id = name.strip_prefix(queue).and_then(|rest| rest.strip_prefix("/tasks/")).expect(name);
    assert!(
        id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) && id.len() <= 500,
        "{name}"
    );
    let http = &task["httpRequest"];
    let topic = if sender == Sender::Anyone { TOPIC } else { INTERNAL_TOPIC };
    assert_eq!(http["url"], format!("https://pubsub.googleapis.com/v1/{topic}:publish"));
    if sender == Sender::Forger {
        let decoded = |text: &Value| STANDARD.decode(text.as_str().expect("a text")).expect("base64");
        let publish = json(&decoded(&http["body"]));
        let message = json(&decoded(&publish["messages"][0]["data"]));
        assert!(queue == REPORT_QUEUE && message["state"]["report"]["notice"].is_object(), "{message}");
        assert!(message.get("name").is_none(), "the notice is about the message alone: {message}");
    }
    let text = String::from_utf8_lossy(body);
    assert!(!text.contains(TOKEN) && !text.contains(BOT_TOKEN) && !text.contains("canary-hook"), "{text}");
}

/// Holds if this is JSON for Slack, without a secret.
pub(super) fn payload(payload: &Value) {
    let text = payload.to_string();
    assert!(payload.is_object() && !text.contains(TOKEN), "{text}");
    assert!(!text.contains(BOT_TOKEN) && !text.contains("canary-hook"), "{text}");
    assert!(payload["text"].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    assert!(text.chars().count() < 100_000, "{text}");
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}
