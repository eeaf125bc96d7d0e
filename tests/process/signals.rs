//! A signal ends it, but not what is in flight.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::gate::Gate;
use crate::support::opwatch::{NAME, client, lasting, send, world};
use crate::support::process::{Process, variables};
use crate::support::proxy::Proxy;
use crate::support::pushes::{push_of, with_endpoint};

#[tokio::test]
async fn it_serves_with_and_without_its_subcommand_until_it_is_told_to_stop() {
    let world = world().await;
    for (arguments, signal) in
        [(&["serve"][..], "TERM"), (&[], "INT"), (&["--check-interval", "5m", "--port", "0"], "TERM")]
    {
        let process = Process::run(arguments, &variables(&world)).await;
        assert_eq!(process.log().len(), 1, "the first line says where it listens: {:?}", process.lines());
        let (status, answer) = send(client().get(format!("{}ready", process.url()))).await;
        assert_eq!((status, answer), (200, format!("opwatch {}\n", env!("CARGO_PKG_VERSION"))));
        let port = process.port();
        process.signal(signal).await;
        let (status, log) = process.ended().await;
        assert_eq!(status, Some(0));
        assert!(log.iter().any(|line| line.contains(&format!("SIG{signal}"))), "{log:?}");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    assert!(world.tasks.requests().is_empty() && world.operations.requests().is_empty(), "it calls nobody");
    world.stop().await;
}

#[tokio::test]
async fn a_push_in_flight_is_answered_after_the_signal_and_nobody_else_gets_in() {
    let world = world().await;
    for signal in ["TERM", "INT"] {
        let mut gate = Gate::closed(&json!({"name": NAME, "metadata": {}}).to_string()).await;
        let variables = with_endpoint(variables(&world), "datastore", gate.url());
        let mut process = Process::start(&variables).await;
        world.pause();
        let created = world.tasks.created().len();

        let body = push_of(signal, &json!({"name": NAME}));
        let push = tokio::spawn(send(client().post(process.url()).body(body)));
        gate.arrival().await;
        process.signal(signal).await;
        process.wait_for_words("finishing pushes in flight").await;
        // The listener closes right after that line.
        while TcpStream::connect(("127.0.0.1", process.port())).is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!push.is_finished());
        gate.open();

        assert_eq!(push.await.unwrap().0, 204);
        let (status, log) = process.ended().await;
        assert_eq!(status, Some(0));
        assert_eq!(world.tasks.created().len(), created + 1, "its next step is scheduled");
        assert!(log.last().unwrap().contains("no pushes in flight"), "{log:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn twenty_pushes_in_flight_on_slow_upstreams_are_all_answered() {
    const PUSHES: usize = 20;
    let world = world().await;
    world.pause();
    let mut variables = variables(&world);
    let mut slow = Vec::new();
    for (service, url) in [("datastore", world.operations.url()), ("cloudtasks", world.tasks.url())] {
        let proxy = Proxy::slow(url.trim_start_matches("http://"), Duration::from_millis(150)).await;
        variables = with_endpoint(variables, service, &proxy.url());
        slow.push(proxy);
    }
    let process = Process::start(&variables).await;
    let client = client();
    let pushes: Vec<_> = (0..PUSHES)
        .map(|number| {
            let name = format!("{NAME}{number}");
            world.operations.add(&name, lasting(1_000));
            let body = push_of(&number.to_string(), &json!({"name": name}));
            tokio::spawn(send(client.post(process.url()).body(body)))
        })
        .collect();
    slow[0].connected(PUSHES).await;
    process.signal("TERM").await;
    for push in pushes {
        assert_eq!(push.await.unwrap().0, 204);
    }
    let (status, log) = process.ended().await;
    assert_eq!(status, Some(0));
    assert!(log.last().unwrap().contains("no pushes in flight"), "{log:?}");
    assert!(log.iter().any(|line| line.contains("SIGTERM")), "{log:?}");
    assert_eq!(world.tasks.created().len(), PUSHES, "each has its next step");
    world.stop().await;
}
