//! What a client may take of the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use opwatch::intake::server::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const SHORT: Duration = Duration::from_millis(100);

struct Started {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<bool>,
    arrivals: watch::Receiver<usize>,
}

/// A server that answers every request, or none.
async fn start(limits: Limits, answers: bool) -> Started {
    let (arrived, arrivals) = watch::channel(0);
    let arrived = Arc::new(arrived);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let server = tokio::spawn(serve(listener, limits, shutdown, move |_, _| {
        arrived.send_modify(|count| *count += 1);
        async move {
            if !answers {
                std::future::pending::<()>().await;
            }
            Response::new(Full::new(Bytes::from_static(b"here")))
        }
    }));
    Started { address, stop, server, arrivals }
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 1_000];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8(answer[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn a_client_that_sends_no_header_or_half_of_one_is_dropped() {
    let Started { address, stop: _stop, .. } =
        start(Limits { header: SHORT, ..Limits::default() }, true).await;
    for beginning in [&b""[..], &REQUEST[..20]] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(beginning).await.unwrap();
        assert!(!answer(&mut client).await.starts_with("HTTP/1.1 200"));
    }
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(REQUEST).await.unwrap();
    assert!(answer(&mut idle).await.ends_with("here"));
    assert_eq!(answer(&mut idle).await, "", "closed when idle");
}

#[tokio::test]
async fn connections_beyond_the_most_wait_for_one_to_end() {
    let Started { address, stop: _stop, .. } =
        start(Limits { connections: 1, ..Limits::default() }, true).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(REQUEST).await.unwrap();
    assert!(answer(&mut first).await.ends_with("here"));
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    // The first is still served while the second waits.
    first.write_all(REQUEST).await.unwrap();
    assert!(answer(&mut first).await.ends_with("here"));
    assert!(second.try_read(&mut [0; 1]).is_err(), "the second waits");
    drop(first);
    assert!(answer(&mut second).await.ends_with("here"));
}

#[tokio::test]
async fn a_drain_ends_whether_or_not_all_is_answered() {
    let Started { address, stop, server, mut arrivals } =
        start(Limits { drain: SHORT, ..Limits::default() }, false).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    arrivals.wait_for(|count| *count == 1).await.unwrap();
    stop.send(()).unwrap();
    assert!(!server.await.unwrap(), "it says that something was cut off");
    assert!(TcpStream::connect(address).await.is_err(), "new connections are refused");
}
