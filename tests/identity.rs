//! Who may push.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::opwatch::Opwatch;
use crate::support::tokens::{
    AUDIENCE, Jwks, KEY_ID, PUSH_ACCOUNT, claims, forged, header, signed, signed_384,
};

async fn guarded(jwks: &Jwks) -> Opwatch {
    let opwatch = Opwatch::start_with(|args| {
        args.set("PUSH_AUDIENCE", AUDIENCE);
        args.set("PUSH_SERVICE_ACCOUNT", PUSH_ACCOUNT);
        args.append("ENDPOINTS", &format!("jwks={}", jwks.url));
    })
    .await;
    // Each test begins where the key set, once fetched, is fresh for an hour.
    assert_eq!(jwks.fetches(), 0, "nothing is fetched before the first push");
    opwatch
}

fn body() -> String {
    json!({"message": {"data": "eyJ0ZXN0Ijp0cnVlfQ==", "messageId": "1", "publishTime": "2026-11-23T03:00:00Z"},
        "subscription": "projects/demo/subscriptions/opwatch-push"})
    .to_string()
}

async fn push(opwatch: &Opwatch, authorization: Option<&str>) -> (u16, String) {
    let client = reqwest::Client::new();
    let request = client.post(opwatch.url()).header("content-type", "application/json").body(body());
    let request = match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn now(opwatch: &Opwatch) -> i64 {
    opwatch.world.time.now().timestamp()
}

/// `claims` with one changed, or taken away by null.
fn but(now: i64, name: &str, value: Value) -> Value {
    let mut changed = claims(now);
    changed[name] = value;
    if changed[name].is_null() {
        changed.as_object_mut().unwrap().remove(name);
    }
    changed
}

fn calls(opwatch: &Opwatch) -> usize {
    let world = &opwatch.world;
    world.operations.requests().len() + world.tasks.requests().len() + world.slack.requests().len()
}

#[tokio::test]
async fn pushes_with_googles_token_are_let_in_and_verified_once() {
    let jwks = Jwks::open().await;
    let opwatch = guarded(&jwks).await;
    let token = signed(&header(), &claims(now(&opwatch)));
    opwatch.world.pubsub.push_with(vec![("authorization".to_owned(), format!("Bearer {token}"))]);
    opwatch.watch(&json!({"test": true})).await;
    assert_eq!(opwatch.lines().len(), 1, "the whole round went through");
    let other_spelling = signed(&header(), &but(now(&opwatch), "iss", json!("accounts.google.com")));
    assert_eq!(push(&opwatch, Some(&format!("bearer {other_spelling}"))).await.0, 204);
    assert_eq!(jwks.fetches(), 1, "the keys are kept");
    opwatch.world.settled().await;
    opwatch.stop().await;
}

#[tokio::test]
async fn every_kind_of_bad_token_is_refused_and_nothing_is_called() {
    let jwks = Jwks::open().await;
    let opwatch = guarded(&jwks).await;
    let now = now(&opwatch);
    let good = signed(&header(), &claims(now));
    let parts: Vec<&str> = good.split('.').collect();
    let with = |claims: &Value| format!("Bearer {}", signed(&header(), claims));
    let headed = |header: Value| format!("Bearer {}", signed(&header, &claims(now)));
    let flipped = |token: &str, at: usize| {
        let mut bytes = token.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        format!("Bearer {}", String::from_utf8(bytes).unwrap())
    };
    let signature_at = parts[0].len() + parts[1].len() + 2;
    let bad = [
        ("empty", String::new()),
        ("no scheme", good.clone()),
        ("basic", format!("Basic {good}")),
        ("no token", "Bearer ".to_owned()),
        ("one part", format!("Bearer {}", parts[0])),
        ("two parts", format!("Bearer {}.{}", parts[0], parts[1])),
        ("four parts", format!("Bearer {good}.x")),
        ("not base64", "Bearer a!b.c!d.e!f".to_owned()),
        ("too long", format!("Bearer {}", "a".repeat(9_000))),
        ("no signature", format!("Bearer {}.{}.", parts[0], parts[1])),
        ("signature removed", format!("Bearer {}.{}.SIGNATURE_REMOVED_BY_GOOGLE", parts[0], parts[1])),
        ("first byte of the signature", flipped(&good, signature_at)),
        ("a byte in the middle of the signature", flipped(&good, signature_at + 100)),
        ("a byte of the claims", flipped(&good, parts[0].len() + 40)),
        ("another key under Google's id", format!("Bearer {}", forged(&header(), &claims(now)))),
        ("alg none", headed(json!({"alg": "none", "kid": KEY_ID}))),
        ("alg HS256", headed(json!({"alg": "HS256", "kid": KEY_ID}))),
        (
            "alg RS384",
            format!("Bearer {}", signed_384(&json!({"alg": "RS384", "kid": KEY_ID}), &claims(now))),
        ),
        ("RS384 said to be RS256", format!("Bearer {}", signed_384(&header(), &claims(now)))),
        ("alg PS256", headed(json!({"alg": "PS256", "kid": KEY_ID}))),
        ("no key id", headed(json!({"alg": "RS256"}))),
        ("unknown key id", headed(json!({"alg": "RS256", "kid": "key-2"}))),
        ("other issuer", with(&but(now, "iss", json!("https://accounts.example.com")))),
        ("issuer with a slash", with(&but(now, "iss", json!("https://accounts.google.com/")))),
        ("no issuer", with(&but(now, "iss", Value::Null))),
        ("other audience", with(&but(now, "aud", json!("https://other.a.run.app")))),
        ("audience with a path", with(&but(now, "aud", json!(format!("{AUDIENCE}/"))))),
        ("audiences", with(&but(now, "aud", json!([AUDIENCE, "https://other"])))),
        ("no audience", with(&but(now, "aud", Value::Null))),
        ("other account", with(&but(now, "email", json!("me@demo.iam.gserviceaccount.com")))),
        ("account in capitals", with(&but(now, "email", json!(PUSH_ACCOUNT.to_uppercase())))),
        ("no account", with(&but(now, "email", Value::Null))),
        ("not verified", with(&but(now, "email_verified", json!(false)))),
        ("verified as text", with(&but(now, "email_verified", json!("true")))),
        ("expired", with(&but(now, "exp", json!(now - 61)))),
        ("no expiry", with(&but(now, "exp", Value::Null))),
        ("expiry as text", with(&but(now, "exp", json!((now + 3_600).to_string())))),
        ("issued in the future", with(&but(now, "iat", json!(now + 70)))),
        ("no time of issue", with(&but(now, "iat", Value::Null))),
    ];
    assert_eq!(push(&opwatch, None).await.0, 401);
    for (what, authorization) in &bad {
        let (status, answer) = push(&opwatch, Some(authorization)).await;
        assert_eq!(status, 401, "{what}: {answer}");
        assert!(!answer.contains(parts[1]), "{what}: the answer repeats the token");
    }
    let removed = push(&opwatch, Some(&bad[10].1)).await.1;
    assert!(
        removed.contains("Cloud Run removed its token's signature")
            && removed.contains("unset PUSH_AUDIENCE"),
        "{removed}"
    );
    assert_eq!(calls(&opwatch), 0);
    assert_eq!(jwks.fetches(), 1);
    assert_eq!(push(&opwatch, Some(&format!("Bearer {good}"))).await.0, 204, "the good one still passes");
    opwatch.world.settled().await;
    opwatch.stop().await;
}

#[tokio::test]
async fn the_answer_says_why_a_push_is_not_let_in() {
    let jwks = Jwks::open().await;
    let opwatch = guarded(&jwks).await;
    let now = now(&opwatch);
    let with = |claims: &Value| signed(&header(), claims);
    for (token, reason) in [
        (forged(&header(), &claims(now)), "signature is wrong"),
        (signed(&json!({"alg": "PS256", "kid": KEY_ID}), &claims(now)), "not signed with RS256"),
        (signed(&json!({"alg": "RS256", "kid": "key-2"}), &claims(now)), "a key that is not Google's"),
        ("a.b".to_owned(), "not a JSON Web Token"),
        (with(&but(now, "email", Value::Null)), "lacks a required claim"),
        (with(&but(now, "iss", json!("https://accounts.example.com"))), "not issued by Google"),
        (with(&but(now, "aud", json!("https://other.a.run.app"))), "audience is not PUSH_AUDIENCE"),
        (
            with(&but(now, "email", json!("me@demo.iam.gserviceaccount.com"))),
            "account is not PUSH_SERVICE_ACCOUNT",
        ),
        (with(&but(now, "email_verified", json!(false))), "not verified"),
        (with(&but(now, "exp", json!(now - 61))), "has expired"),
        (with(&but(now, "iat", json!(now + 90))), "in the future"),
    ] {
        let (status, answer) = push(&opwatch, Some(&format!("Bearer {token}"))).await;
        assert!(status == 401 && answer.contains(reason), "{reason}: {status} {answer}");
    }
    opwatch.stop().await;
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart_and_a_token_that_was_good_expires_all_the_same() {
    let jwks = Jwks::open().await;
    let opwatch = guarded(&jwks).await;
    // What the pushes lead to would move the time on.
    opwatch.world.pause();
    let now = now(&opwatch);
    let bearer = |name, second: i64| format!("Bearer {}", signed(&header(), &but(now, name, json!(second))));
    let (ending, early) = (bearer("exp", now - 30), bearer("iat", now + 55));
    for token in [&ending, &early, &ending] {
        let (status, answer) = push(&opwatch, Some(token)).await;
        assert_eq!(status, 204, "{answer}");
    }
    opwatch.world.time.advance(Duration::from_secs(31));
    assert_eq!(push(&opwatch, Some(&ending)).await.0, 401);
    assert_eq!(push(&opwatch, Some(&early)).await.0, 204);
    opwatch.resume().await;
    opwatch.stop().await;
}

#[tokio::test]
async fn ten_thousand_unknown_keys_cause_one_fetch() {
    let jwks = Jwks::open().await;
    let opwatch = guarded(&jwks).await;
    let claims = claims(now(&opwatch));
    let one = forged(&header(), &claims);
    let tail = one.split_once('.').unwrap().1.to_owned();
    let client = reqwest::Client::new();
    for chunk in 0..100 {
        let pushes = (0..100).map(|n| {
            use base64::Engine;
            let header = json!({"alg": "RS256", "kid": format!("{chunk}-{n}")}).to_string();
            let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
            let request = client.post(opwatch.url()).body(body());
            tokio::spawn(request.header("authorization", format!("Bearer {header}.{tail}")).send())
        });
        for push in pushes.collect::<Vec<_>>() {
            assert_eq!(push.await.unwrap().unwrap().status(), 401);
        }
    }
    assert_eq!((jwks.fetches(), calls(&opwatch)), (1, 0));
    opwatch.stop().await;
}

/// Whoever closes the connection ends the fetch that its push began; the next must not begin another.
#[tokio::test]
async fn callers_who_hang_up_cause_no_more_fetches() {
    let jwks = Jwks::open().await;
    let opwatch = guarded(&jwks).await;
    jwks.hold(true);
    let token = forged(&json!({"alg": "RS256", "kid": "mine"}), &claims(now(&opwatch)));
    let address = opwatch.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let head =
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut caller = tokio::net::TcpStream::connect(&address).await.unwrap();
    caller.write_all(head.as_bytes()).await.unwrap();
    jwks.fetched(1).await;
    drop(caller);
    for _ in 0..20 {
        assert_eq!(push(&opwatch, Some(&format!("Bearer {token}"))).await.0, 401);
    }
    assert_eq!((jwks.fetches(), calls(&opwatch)), (1, 0));
    jwks.hold(false);
    opwatch.stop().await;
}

#[tokio::test]
async fn keys_outlive_an_outage_and_a_bad_beginning() {
    let jwks = Jwks::open().await;
    jwks.set_down(true);
    let opwatch = guarded(&jwks).await;
    let token = |opwatch: &Opwatch| format!("Bearer {}", signed(&header(), &claims(now(opwatch))));
    let (status, answer) = push(&opwatch, Some(&token(&opwatch))).await;
    assert_eq!(status, 401);
    assert!(answer.contains("could not be fetched"), "{answer}");
    jwks.set_down(false);
    opwatch.world.time.advance(Duration::from_secs(11));
    assert_eq!(push(&opwatch, Some(&token(&opwatch))).await.0, 204, "tried again after 10 s");
    jwks.set_down(true);
    opwatch.world.time.advance(Duration::from_secs(7_200));
    assert_eq!(push(&opwatch, Some(&token(&opwatch))).await.0, 204, "stale keys serve");
    assert_eq!(jwks.fetches(), 3);
    opwatch.world.settled().await;
    opwatch.stop().await;
}

#[tokio::test]
async fn fifty_first_pushes_fetch_the_keys_once() {
    let jwks = Jwks::open().await;
    let opwatch = guarded(&jwks).await;
    let client = reqwest::Client::new();
    let issued = now(&opwatch);
    let next = format!("Bearer {}", signed(&header(), &claims(issued)));
    opwatch.world.pubsub.push_with(vec![("authorization".to_owned(), next)]);
    let pushes: Vec<_> = (0..50)
        .map(|n| {
            let token = signed(&header(), &but(issued, "sub", json!(n.to_string())));
            let request = client.post(opwatch.url()).body(body());
            tokio::spawn(request.header("authorization", format!("Bearer {token}")).send())
        })
        .collect();
    for push in pushes {
        assert_eq!(push.await.unwrap().unwrap().status(), 204);
    }
    assert_eq!(jwks.fetches(), 1);
    opwatch.world.settled().await;
    assert_eq!(opwatch.lines().len(), 1, "fifty copies of one message");
    opwatch.stop().await;
}
