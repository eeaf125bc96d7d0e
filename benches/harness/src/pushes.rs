//! Pushes as Pub/Sub sends them: each with a message and a watch of its own.

use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{SecondsFormat, TimeDelta, Utc};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};

/// An operation that goes on, and one that has ended.
pub const RUNNING: &str = "projects/my-project/operations/ASA1MTAwNDQxNAgadGx1YWZlZAcSMWxhcnRuZWNzdQ";
pub const ENDED: &str = "projects/my-project/operations/ASA1MTAwNDQxNAgadGx1YWZlZAcSMWxhcnRuZWNzdR";
pub const AUDIENCE: &str = "https://opwatch-abc123-ew.a.run.app";
pub const PUSH_ACCOUNT: &str = "opwatch-push@my-project.iam.gserviceaccount.com";

const KEY: &[u8] = include_bytes!("../../../tests/data/identity/google.der");
const KEY_ID: &str = "key-1";
/// What stands in a template where each push has its own number.
const NUMBER: &str = "2070440000000000";

/// What a push asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// A check of an operation that goes on: the next check is scheduled.
    GoesOn,
    /// A check of one that has ended: a report is scheduled.
    Ends,
    /// A report: it is posted to Slack's webhook.
    Report,
}

/// Makes the pushes of one case.
pub struct Pushes {
    data: Vec<u8>,
    number_at: Vec<usize>,
    head: String,
    time: String,
    /// How many it has made.
    pub made: u64,
}

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(2_070_440_000_000_000) };
}

impl Pushes {
    pub fn new(case: Case, signed: bool) -> Self {
        let data = data(case).to_string();
        let number_at = data.match_indices(NUMBER).map(|(at, _)| at).collect();
        let authorization =
            if signed { format!("authorization: Bearer {}\r\n", token()) } else { String::new() };
        let head = format!(
            "POST / HTTP/1.1\r\nhost: opwatch-abc123-ew.a.run.app\r\n{authorization}accept: application/json\r\n\
             from: noreply@google.com\r\nuser-agent: CloudPubSub-Google\r\n\
             x-cloud-trace-context: 0af7651916cd43dd8448eb211c80319c/7160462231640213;o=1\r\n\
             traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
             x-forwarded-for: 66.102.6.1\r\nx-forwarded-proto: https\r\naccept-encoding: gzip, deflate, br\r\n\
             content-type: application/json\r\ncontent-length: "
        );
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        Self { data: data.into_bytes(), number_at, head, time, made: 0 }
    }

    /// Writes the next push into `request`.
    pub fn next(&mut self, request: &mut Vec<u8>) {
        let number = NEXT.get();
        NEXT.set(number + 1);
        self.made += 1;
        let id = number.to_string();
        for at in &self.number_at {
            self.data[*at..*at + id.len()].copy_from_slice(id.as_bytes());
        }
        let (data, time) = (STANDARD.encode(&self.data), &self.time);
        let body = format!(
            r#"{{"message":{{"data":"{data}","messageId":"{id}","message_id":"{id}","publishTime":"{time}","publish_time":"{time}"}},"subscription":"projects/my-project/subscriptions/opwatch"}}"#
        );
        request.clear();
        request.extend_from_slice(self.head.as_bytes());
        request.extend_from_slice(format!("{}\r\n\r\n{body}", body.len()).as_bytes());
    }
}

/// What opwatch passes on: a check in the middle of its watch, or a report.
fn data(case: Case) -> Value {
    let now = Utc::now();
    let time = |minutes| (now - TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let progress = |done| {
        json!({"work": "EXPORT_ENTITIES", "start": time(5), "entities": {"done": done, "of": 20_000},
            "bytes": {"done": 1_000, "of": 4_000}, "prefix": "gs://my-backups"})
    };
    let state = match case {
        Case::GoesOn | Case::Ends => {
            json!({"version": 1, "id": NUMBER, "first": time(5), "last": {"at": time(0), "facts": progress(5_000)}})
        }
        Case::Report => {
            let mut facts = progress(20_000);
            facts["end"] = json!(time(0));
            facts["output"] =
                json!("gs://my-backups/2026-11-23T03:00:12_1/2026-11-23T03:00:12_1.overall_export_metadata");
            json!({"version": 1, "id": NUMBER, "report": {"outcome": "succeeded", "at": time(0), "facts": facts}})
        }
    };
    let name = if case == Case::GoesOn { RUNNING } else { ENDED };
    json!({"name": name, "service": "datastore", "attempt": 5, "interval": 60, "limit": 60, "title": "Nightly backup",
        "state": state})
}

/// The key set that [`token`]'s signature is verified with.
pub fn key_set() -> String {
    let pair = RsaKeyPair::from_der(KEY).expect("a key");
    let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    let [n, e] = [key.n, key.e].map(|number| URL_SAFE_NO_PAD.encode(number));
    json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": n, "e": e}]}).to_string()
}

/// A token as Pub/Sub sends it: the same one for up to an hour.
fn token() -> String {
    let now = Utc::now().timestamp();
    let header = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
    let claims = json!({"aud": AUDIENCE, "azp": "1136", "email": PUSH_ACCOUNT, "email_verified": true,
        "exp": now + 3_600, "iat": now, "iss": "https://accounts.google.com", "sub": "1136"});
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let pair = RsaKeyPair::from_der(KEY).expect("a key");
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
