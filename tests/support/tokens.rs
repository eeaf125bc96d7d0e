//! Google's side of a push's identity: a key set on loopback, and tokens signed with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use opwatch::intake::server::{self, Limits};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) const AUDIENCE: &str = "https://opwatch-abc123-ew.a.run.app";
pub(crate) const PUSH_ACCOUNT: &str = "opwatch-push@demo.iam.gserviceaccount.com";
pub(crate) const KEY_ID: &str = "key-1";

/// Made for these tests with `openssl genpkey -algorithm RSA -outform DER`.
const GOOGLE: &[u8] = include_bytes!("../data/identity/google.der");
const OTHER: &[u8] = include_bytes!("../data/identity/other.der");

/// Serves the key set while it lives.
pub(crate) struct Jwks {
    pub(crate) url: String,
    fetches: Arc<watch::Sender<usize>>,
    down: Arc<AtomicBool>,
    held: Arc<watch::Sender<bool>>,
    server: JoinHandle<bool>,
}

impl Jwks {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (fetches, held) = (Arc::new(watch::Sender::new(0)), Arc::new(watch::Sender::new(false)));
        let down = Arc::new(AtomicBool::new(false));
        let (count, is_down, keep) = (Arc::clone(&fetches), Arc::clone(&down), Arc::clone(&held));
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                assert_eq!(request.uri().path(), "/oauth2/v3/certs");
                assert!(request.headers().get("authorization").is_none(), "keys are public");
                count.send_modify(|count| *count += 1);
                let down = is_down.load(Ordering::SeqCst);
                let mut go_on = keep.subscribe();
                async move {
                    go_on.wait_for(|held| !held).await.unwrap();
                    let mut response = Response::new(Full::new(Bytes::from(key_set().to_string())));
                    response.headers_mut().insert("cache-control", "public, max-age=3600".parse().unwrap());
                    if down {
                        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    }
                    response
                }
            });
        Self { url, fetches, down, held, server: tokio::spawn(serving) }
    }

    pub(crate) fn fetches(&self) -> usize {
        *self.fetches.borrow()
    }

    /// Waits until the keys were asked for so often.
    pub(crate) async fn fetched(&self, times: usize) {
        self.fetches.subscribe().wait_for(|fetches| *fetches >= times).await.unwrap();
    }

    /// Holds back its answers, or lets them go.
    pub(crate) fn hold(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

impl Drop for Jwks {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The key of a service account as Google gives it out, PKCS#8 in PEM, and its public half.
pub(crate) fn account_key() -> (String, Vec<u8>) {
    // <https://datatracker.ietf.org/doc/html/rfc5208#section-5>: version 0, rsaEncryption, the key.
    let long = |tag: u8, content: &[u8]| {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, high, low], content].concat()
    };
    let algorithm = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let key = long(0x30, &[&b"\x02\x01\x00"[..], algorithm, &long(0x04, GOOGLE)].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(key));
    (pem, RsaKeyPair::from_der(GOOGLE).unwrap().public().as_ref().to_vec())
}

fn key_set() -> Value {
    let pair = RsaKeyPair::from_der(GOOGLE).unwrap();
    let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": URL_SAFE_NO_PAD.encode(key.n), "e": URL_SAFE_NO_PAD.encode(key.e)}]})
}

/// What Pub/Sub's token says, issued at `now`.
pub(crate) fn claims(now: i64) -> Value {
    json!({"aud": AUDIENCE, "azp": "1136", "email": PUSH_ACCOUNT, "email_verified": true, "exp": now + 3_600,
        "iat": now, "iss": "https://accounts.google.com", "sub": "1136"})
}

pub(crate) fn header() -> Value {
    json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"})
}

/// A token signed with Google's key.
pub(crate) fn signed(header: &Value, claims: &Value) -> String {
    sign(header, claims, GOOGLE, &RSA_PKCS1_SHA256)
}

/// A token signed with somebody else's key.
pub(crate) fn forged(header: &Value, claims: &Value) -> String {
    sign(header, claims, OTHER, &RSA_PKCS1_SHA256)
}

/// A token signed with Google's key but another hash.
pub(crate) fn signed_384(header: &Value, claims: &Value) -> String {
    sign(header, claims, GOOGLE, &RSA_PKCS1_SHA384)
}

fn sign(header: &Value, claims: &Value, key: &[u8], encoding: &'static dyn RsaEncoding) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let pair = RsaKeyPair::from_der(key).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
