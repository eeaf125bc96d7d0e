//! Upstreams that accept and never answer.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::MEMORY;
use crate::support::opwatch::{NAME, client, export, send};
use crate::support::process::Process;
use crate::support::pushes::push_of;
use crate::support::stub::{HANGS, Stub};

/// What Cloud Run hands to one instance at a time.
const PUSHES: usize = 80;
/// All the time that a push has, and a little for its way to the test.
const LIMIT: Duration = Duration::from_millis(20_500);

type Answered = (u16, Duration);

fn push(
    client: &reqwest::Client,
    process: &Process,
    path: &str,
    number: usize,
    message: &Value,
) -> JoinHandle<Answered> {
    let request = client.post(format!("{}{path}", process.url())).body(push_of(&number.to_string(), message));
    tokio::spawn(async move {
        let begun = Instant::now();
        let (status, _) = send(request).await;
        (status, begun.elapsed())
    })
}

#[tokio::test]
async fn eighty_pushes_on_an_api_that_never_answers_do_not_hold_up_the_next() {
    let stub = Stub::open().await;
    let process = Process::start(&stub.variables()).await;
    let client = client();
    let pushes: Vec<_> = (0..PUSHES)
        .map(|number| push(&client, &process, "", number, &json!({"name": format!("{NAME}{HANGS}{number}")})))
        .collect();
    stub.hanging(PUSHES).await;

    let next = push(&client, &process, "", PUSHES, &json!({"name": NAME}));
    assert_eq!(next.await.unwrap().0, 204);
    assert!(!pushes.iter().any(JoinHandle::is_finished), "the next overtakes all of them");
    assert_eq!(stub.tasks(), 2, "its check and its sentinel");

    for push in pushes {
        let (status, took) = push.await.unwrap();
        assert!(status == 204 && took < LIMIT, "{status} after {took:?}");
    }
    assert_eq!(stub.tasks(), 2 * (PUSHES + 1), "each will look again");
    assert!(process.taken().peak < MEMORY, "{:?}", process.taken());
    process.stop().await;
}

#[tokio::test]
async fn with_every_upstream_mute_each_push_is_refused_in_time() {
    let stub = Stub::mute().await;
    let process = Process::start(&stub.variables()).await;
    let client = client();
    let report =
        json!({"name": NAME, "state": {"version": 1, "id": "7", "report": {"outcome": "succeeded"}}});
    let kinds = [
        ("", json!({"name": NAME})),
        ("", export()),
        ("", report),
        ("", json!({"oops": 1})),
        ("dead-letter", json!({"name": NAME})),
    ];
    let pushes: Vec<_> = kinds
        .iter()
        .cycle()
        .take(PUSHES)
        .enumerate()
        .map(|(number, (path, message))| push(&client, &process, path, number, message))
        .collect();
    stub.hanging(PUSHES).await;
    let (status, _) = send(client.get(format!("{}ready", process.url()))).await;
    assert_eq!(status, 200);
    for push in pushes {
        let (status, took) = push.await.unwrap();
        assert!(status == 503 && took < LIMIT, "{status} after {took:?}");
    }
    assert!(process.taken().peak < MEMORY, "{:?}", process.taken());
    process.stop().await;
}
