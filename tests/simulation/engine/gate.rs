//! The gate: each push of Pub/Sub's carries a token, whose key the world gives out; what anybody else sends carries none, or one of
//! their own.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use opwatch::intake::token::Identity;
use opwatch::net::transport::Answer;
use opwatch::testing;
use opwatch::trust::Route;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::json;

use super::boundary::Pushed;
use super::plan::{DAY, Ms};
use super::world::{Form, World, time};

const AUDIENCE: &str = "https://opwatch-abc123-ew.a.run.app";
const ACCOUNT: &str = "push@p.iam.gserviceaccount.com";
const KEY_ID: &str = "key-1";
/// Where Google's keys are.
pub(super) const KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// Google's key, and another one. They are those of `tests/support/tokens.rs`.
const GOOGLE: &[u8] = include_bytes!("../../data/identity/google.der");
const OTHER: &[u8] = include_bytes!("../../data/identity/other.der");

/// What a push is, as the server sees it.
pub(super) type PushRequest = Request<Full<Bytes>>;

/// Who pushes.
pub(super) fn identity() -> Identity {
    Identity { audience: AUDIENCE.to_owned(), service_account: ACCOUNT.to_owned() }
}

/// Google's keys as Google gives them out.
pub(super) fn keys() -> Answer {
    static KEYS: LazyLock<String> = LazyLock::new(|| {
        let pair = RsaKeyPair::from_der(GOOGLE).expect("a key");
        let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
        let [n, e] = [key.n, key.e].map(|number| URL_SAFE_NO_PAD.encode(number));
        json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": n, "e": e}]})
            .to_string()
    });
    Answer { max_age: Some(Duration::from_secs(3_600)), ..testing::answer(200, KEYS.as_str()) }
}

/// A token that is good between these times, in days of the run.
fn signed(key: &[u8], audience: &str, account: &str, (from, to): (i64, i64)) -> String {
    let at = |day: i64| time(0).timestamp() + day * (DAY / 1_000) as i64;
    let claims = json!({"aud": audience, "azp": "1136", "email": account, "email_verified": true, "exp": at(to),
        "iat": at(from), "iss": "https://accounts.google.com", "sub": "1136"});
    let header = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let pair = RsaKeyPair::from_der(key).expect("a key");
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Pub/Sub's token of this time. It lasts longer than Google's hour, so that a clock that is hours off refuses none.
fn token(now: Ms) -> String {
    static TOKENS: Mutex<BTreeMap<i64, String>> = Mutex::new(BTreeMap::new());
    let day = (now / DAY) as i64;
    let mut tokens = TOKENS.lock().expect("the tokens");
    tokens.entry(day).or_insert_with(|| signed(GOOGLE, AUDIENCE, ACCOUNT, (day - 1, day + 2))).clone()
}

/// What strangers have in its place: nothing, a token that they signed themselves, and Google's for another account, for another service, and
/// of long ago.
fn tokens_of_strangers() -> &'static [Option<String>; 5] {
    static TOKENS: LazyLock<[Option<String>; 5]> = LazyLock::new(|| {
        let always = (-1, 400);
        [
            None,
            Some(signed(OTHER, AUDIENCE, ACCOUNT, always)),
            Some(signed(GOOGLE, AUDIENCE, "push@q.iam.gserviceaccount.com", always)),
            Some(signed(GOOGLE, "https://other-abc123-ew.a.run.app", ACCOUNT, always)),
            Some(signed(GOOGLE, AUDIENCE, ACCOUNT, (-9, -8))),
        ]
    });
    &TOKENS
}

/// The request of a push.
fn request(pushed: Pushed, token: Option<&str>) -> PushRequest {
    let path = match pushed.route {
        Route::Public => "/",
        Route::Internal => "/internal",
        Route::DeadLetter => "/dead-letter",
        Route::Events => "/events",
    };
    let request = Request::post(path);
    let request = match token {
        Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    };
    request.body(Full::new(Bytes::from(pushed.body))).expect("a request")
}

impl World {
    /// A push, as Pub/Sub sends it.
    pub(super) fn request(&self, pushed: Pushed) -> PushRequest {
        request(pushed, Some(&token(self.now())))
    }

    /// A stranger sends an instance what Pub/Sub pushed last of a watch.
    pub(super) fn intrusion(&mut self, victim: usize) -> Option<(usize, PushRequest)> {
        self.intrusions += 1;
        let strangers = tokens_of_strangers();
        let number = self.intrusions as usize;
        let (instance, token) = (number % self.instances.len(), &strangers[number % strangers.len()]);
        let is_of_victim = |index: &usize| {
            let message = &self.messages[*index];
            message.watch == victim && message.form != Form::Signal
        };
        let last = (0..self.messages.len()).rev().find(is_of_victim)?;
        let pushed = self.pushed(last, instance)?;
        self.ledger.count("pushes of strangers");
        Some((instance, request(pushed, token.as_deref())))
    }
}
