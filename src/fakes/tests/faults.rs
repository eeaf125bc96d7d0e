//! Faults at each stand-in, and the end of a world.

use super::*;

/// The URL and the body of a request with an effect, and how often it took effect, at each stand-in.
type Case<'a> = (&'a str, String, Value, Box<dyn Fn() -> usize + 'a>);

fn cases(world: &World) -> [Case<'_>; 4] {
    let publish = json!({"messages": [{"data": "aGk="}]});
    let export = json!({"outputUrlPrefix": "gs://b"});
    [
        (
            "pubsub",
            format!("{}/v1/{TOPIC}:publish", world.pubsub.url()),
            publish,
            Box::new(|| world.pubsub.messages().len()),
        ),
        (
            "tasks",
            tasks_url(world),
            task(world, "t", 3_600, &json!({})),
            Box::new(|| world.tasks.created().len()),
        ),
        (
            "operations",
            format!("{}/v1/projects/demo:export", world.operations.url()),
            export,
            Box::new(|| world.operations.operations().len()),
        ),
        ("slack", world.slack.webhook(), json!({"text": "t"}), Box::new(|| world.slack.messages().len())),
    ]
}

fn fail_next(world: &World, name: &str, fault: Fault) {
    match name {
        "pubsub" => world.pubsub.fail_next(fault),
        "tasks" => world.tasks.fail_next(fault),
        "operations" => world.operations.fail_next(fault),
        _ => world.slack.fail_next(fault),
    }
}

#[tokio::test]
async fn every_stand_in_fails_in_every_way() {
    for (fault, effects) in [
        (Fault::answer(500, "oh"), 0),
        (Fault::Reset, 0),
        (Fault::DoneButLost, 1),
        (Fault::HalfBody, 1),
        (Fault::Hang, 0),
    ] {
        let world = World::start(Options::default()).await.unwrap();
        world.pubsub.create_topic(TOPIC);
        for (name, url, body, count) in cases(&world) {
            fail_next(&world, name, fault.clone());
            let request = post_request(&world, &url, &body);
            let request =
                if fault == Fault::Hang { request.timeout(Duration::from_millis(100)) } else { request };
            let result = call(request).await;
            match (&fault, result) {
                (Fault::Answer { .. }, Ok(answer)) => assert_eq!(answer, (500, json!("oh")), "{name}"),
                (Fault::Hang, Err(error)) => assert!(error.is_timeout(), "{name} {error:?}"),
                (Fault::HalfBody, Err(error)) => {
                    assert!(error.is_body() || error.is_decode(), "{name} {error:?}");
                }
                (Fault::Reset | Fault::DoneButLost, Err(error)) => {
                    assert!(error.is_request(), "{name} {error:?}");
                }
                (fault, other) => panic!("{name} {fault:?}: {other:?}"),
            }
            assert_eq!(count(), effects, "{name} {fault:?}");
            // The fault was for one request.
            let (status, answer) = post(&world, &url, &body).await;
            let wanted = if name == "tasks" && effects == 1 { 409 } else { 200 };
            assert_eq!(status, wanted, "{name} {fault:?} {answer}");
        }
        assert_eq!(world.violations(), Vec::<String>::new());
        world.stop().await;
    }
}

#[tokio::test]
async fn a_closed_connection_has_sent_nothing() {
    let world = World::start(Options::default()).await.unwrap();
    world.slack.fail_next(Fault::Reset);
    let address = world.slack.url().trim_start_matches("http://").to_owned();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.writable().await.unwrap();
    assert_eq!(stream.try_write(request).unwrap(), request.len());
    let mut answer = [0; 100];
    let read = loop {
        stream.readable().await.unwrap();
        match stream.try_read(&mut answer) {
            Ok(read) => break read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(read, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_fault_can_be_for_some_requests() {
    let world = World::start(Options::default()).await.unwrap();
    let url = world.slack.webhook();
    let headers = vec![("Retry-After".to_owned(), "30".to_owned())];
    let limited = Fault::Answer { status: 429, headers, body: "slow down".to_owned() };
    world.slack.fail_next_on("GET", "/messages", Fault::answer(418, ""));
    world.slack.fail_always_on("POST", "/services/", Some(limited));
    for _ in 0..2 {
        let response = post_request(&world, &url, &json!({"text": "t"})).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(response.headers()["retry-after"], "30");
    }
    assert_eq!(get(&world, &world.slack.url()).await.0, 200);
    assert_eq!(get(&world, &format!("{}/messages.json", world.slack.url())).await.0, 418);
    world.slack.fail_always_on("POST", "/services/", None);
    assert_eq!(post(&world, &url, &json!({"text": "t"})).await.0, 200);
    assert_eq!(world.slack.requests().len(), 3, "the page is not kept");
    assert_eq!(world.slack.requests()[0].json(), json!({"text": "t"}));
    let refused = Event::SlackRefused { status: 429, answer: "slow down".to_owned() };
    assert_eq!(world.events().next().await, refused);
    world.stop().await;
}

#[tokio::test]
async fn a_stopped_world_leaves_nothing_open() {
    let world = instant().await;
    let endpoint = subscribed(&world, &[200]).await;
    let mut events = world.events();
    endpoint.door.fail_always("", "", Some(Fault::Hang));
    world.pubsub.publish(TOPIC, b"{}").await;
    events.wait_for("the publish", |event| matches!(event, Event::Published { .. })).await.unwrap();
    world.slack.fail_always(Some(Fault::Hang));
    let (client, url) = (world.shared.client.clone(), world.slack.url());
    let hanging = call(client.post(&url));
    let stopping = async {
        while world.slack.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        world.clone().stop().await;
    };
    let (hung, ()) = tokio::join!(hanging, stopping);
    assert!(hung.unwrap_err().is_request());
    for url in
        [world.pubsub.url(), world.tasks.url(), world.operations.url(), world.slack.url(), endpoint.url()]
    {
        assert!(call(client.get(&url)).await.unwrap_err().is_connect(), "{url}");
    }
}

#[tokio::test]
async fn the_endpoints_name_every_service() {
    let pubsub = Some("http://127.0.0.1:8085/".to_owned());
    let world = World::start(Options { pubsub, ..Options::default() }).await.unwrap();
    let (operations, tasks, slack) = (world.operations.url(), world.tasks.url(), world.slack.url());
    let chat = world.chat.url();
    assert_eq!(
        world.endpoints(),
        format!(
            "datastore={operations},firestore={operations},cloudtasks={tasks},pubsub=http://127.0.0.1:8085,slack={slack},slackapi={slack},chat={chat}"
        )
    );
    let mut task = task(&world, "t", 3_600, &json!({}));
    assert_eq!(post(&world, &tasks_url(&world), &task).await.0, 400, "not the stand-in");
    task["task"]["httpRequest"]["url"] = json!(format!("http://127.0.0.1:8085/v1/{TOPIC}:publish"));
    assert_eq!(post(&world, &tasks_url(&world), &task).await.0, 200);
    world.stop().await;
}
