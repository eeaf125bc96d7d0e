//! Clients that are slow, silent, or send what no server wants: it stays small and goes on serving.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::MEMORY;
use crate::support::opwatch::{NAME, client, send};
use crate::support::process::Process;
use crate::support::pushes::{push_of, push_of_data};
use crate::support::stub::Stub;

const HALF_OPEN: usize = 2_000;
/// What Cloud Run hands to one instance at a time.
const PIPE_BUF: usize = 80;
/// A connection that waits behind the most that are served is served when these have had their 10 s.
const TIMEOUT: Duration = Duration::from_secs(60);
const DRIP: Duration = Duration::from_millis(200);

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";

#[tokio::test]
async fn two_thousand_half_open_connections_leave_room_for_a_push() {
    let stub = Stub::open().await;
    let process = Process::start(&stub.variables()).await;
    let before = process.taken();

    let mut half_open = JoinSet::new();
    for number in 0..HALF_OPEN {
        let client = TcpStream::connect(process.address()).await;
        let client = client.expect("room for 2,000 connections: ulimit -n 8192");
        half_open.spawn(misbehave(client, number));
    }
    let push = send(client().post(process.url()).body(push_of("7", &json!({"name": NAME}))));
    let (status, _) = tokio::time::timeout(TIMEOUT, push).await.expect("a push is served");
    assert_eq!(status, 204);
    assert_eq!(stub.tasks(), 2, "its check and its sentinel");

    let all_dropped = async { while half_open.join_next().await.transpose().unwrap().is_some() {} };
    tokio::time::timeout(TIMEOUT, all_dropped).await.expect("all are dropped");
    let after = process.taken();
    println!("{before:?} before {HALF_OPEN} half-open connections, {after:?} after");
    assert!(after.peak < MEMORY, "{after:?}");
    process.stop().await;
}

/// Sends no more than this until it is dropped: nothing, half a header or half a body, or either drop by drop.
async fn misbehave(mut client: TcpStream, number: usize) {
    let (sent, drips) = match number % 5 {
        0 => (&b""[..], 0),
        1 => (&HEAD[..30], 0),
        2 => (HEAD, 0),
        3 => (&HEAD[..30], 1_000),
        _ => (HEAD, 1_000),
    };
    let _ = client.write_all(sent).await;
    let (mut incoming, mut outgoing) = client.split();
    let drip = async {
        for _ in 0..drips {
            tokio::time::sleep(DRIP).await;
            let _ = outgoing.write_all(b"x").await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = incoming.read_to_end(&mut answer) => {}
        () = drip => {}
    }
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn bodies_that_nobody_wants_cost_little() {
    let stub = Stub::open().await;
    let process = Process::start(&stub.variables()).await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let large = |size: usize| push_of_data("7", "a".repeat(size).as_bytes());
    let nested = |depth: usize| format!(r#"{{"name":"{NAME}","state":{{"id":"7","x":{}}}}}"#, deep(depth));
    let bodies = [
        ("as large as is opened", 204, large(190 * 1024)),
        ("larger than is opened", 204, large(1024 * 1024)),
        ("no base64", 204, json!({"message": {"data": "%".repeat(100_000), "messageId": "7"}}).to_string()),
        ("deep JSON", 400, deep(100_000)),
        ("a deep push", 400, format!(r#"{{"message":{}}}"#, deep(100_000))),
        ("a deep message", 204, push_of_data("7", deep(16_000).as_bytes())),
        ("a deep state", 204, push_of_data("7", nested(10_000).as_bytes())),
        ("a state less deep", 204, push_of_data("7", nested(100).as_bytes())),
        ("no JSON", 400, "\u{0}".repeat(100_000)),
    ];
    let client = client();
    for (what, expected, body) in bodies {
        let (steps, mut pushes) = (stub.tasks(), JoinSet::new());
        for _ in 0..PIPE_BUF {
            pushes.spawn(send(client.post(process.url()).body(body.clone())));
        }
        for (status, answer) in pushes.join_all().await {
            assert_eq!(status, expected, "{what}: {answer}");
        }
        let taken = process.taken();
        println!("{what}: {taken:?}");
        assert!(taken.peak < MEMORY, "{what}: {taken:?}");
        assert_eq!(stub.tasks() - steps, if expected == 204 { PIPE_BUF } else { 0 }, "{what}");
    }
    // It hangs up on more than any push has.
    let mut pushes = JoinSet::new();
    for _ in 0..PIPE_BUF {
        pushes.spawn(client.post(process.url()).body("x".repeat(17 * 1024 * 1024)).send());
    }
    for answer in pushes.join_all().await {
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 400));
    }
    // A body that never ends, of which much has come.
    let mut halves = Vec::new();
    for _ in 0..PIPE_BUF {
        let mut half = TcpStream::connect(process.address()).await.unwrap();
        half.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n").await.unwrap();
        half.write_all(&vec![b'x'; 5_000_000]).await.unwrap();
        halves.push(half);
    }
    let (status, _) = send(client.get(format!("{}ready", process.url()))).await;
    assert_eq!(status, 200);
    assert!(process.taken().peak < MEMORY, "{:?}", process.taken());
    drop(halves);
    process.stop().await;
}
