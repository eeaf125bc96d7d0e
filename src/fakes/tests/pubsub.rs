//! Pub/Sub: form, acknowledgement, retry, dead letter.

use super::*;

#[tokio::test]
async fn a_push_has_pubsubs_form() {
    let world = instant().await;
    let endpoint = subscribed(&world, &[204]).await;
    world.pubsub.push_with(vec![("Authorization".to_owned(), "Bearer x".to_owned())]);
    let body = json!({"messages": [{"data": "aGk=", "attributes": {"k": "v"}, "orderingKey": "o"}, {"data": "aG8="}]});
    let (status, answer) = post(&world, &format!("{}/v1/{TOPIC}:publish", world.pubsub.url()), &body).await;
    world.settled().await;

    assert_eq!(status, 200);
    let ids: Vec<&str> = answer["messageIds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1] && ids[0].len() == 16, "{ids:?}");
    let push =
        endpoint.pushes().into_iter().find(|push| push.json()["message"]["messageId"] == ids[0]).unwrap();
    assert_eq!((push.method.as_str(), push.header("authorization")), ("POST", Some("Bearer x")));
    let time = stamp_of(&world, ids[0]);
    assert_eq!(
        push.json(),
        json!({
            "message": {
                "data": "aGk=", "attributes": {"k": "v"}, "orderingKey": "o",
                "messageId": ids[0], "message_id": ids[0], "publishTime": time, "publish_time": time,
            },
            "subscription": "projects/demo/subscriptions/push",
        })
    );
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

fn stamp_of(world: &World, id: &str) -> String {
    let messages = world.pubsub.messages();
    time::stamp(messages.iter().find(|message| message.id == id).unwrap().publish_time)
}

#[tokio::test]
async fn only_five_statuses_acknowledge() {
    for (status, deliveries) in
        [(200, 1), (201, 1), (202, 1), (204, 1), (206, 2), (302, 2), (400, 2), (503, 2)]
    {
        let world = instant().await;
        subscribed(&world, &[status, 200]).await;
        world.pubsub.publish(TOPIC, b"{}").await;
        world.settled().await;
        assert_eq!(world.pubsub.messages()[0].deliveries.len(), deliveries, "{status}");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_refused_message_backs_off_and_ends_as_a_dead_letter() {
    let world = instant().await;
    let endpoint = Endpoint::open(&world, &[500]).await;
    let grave = Endpoint::open(&world, &[200]).await;
    let dead = "projects/demo/topics/dead";
    world.pubsub.create_topic(TOPIC);
    world.pubsub.create_topic(dead);
    world.pubsub.subscribe(Subscription {
        max_delivery_attempts: Some(5),
        dead_letter_topic: Some(dead.to_owned()),
        ..subscription(TOPIC, &endpoint)
    });
    world.pubsub.subscribe(subscription(dead, &grave));

    let before = world.time.now();
    let id = world.pubsub.publish(TOPIC, b"poison").await;
    world.settled().await;

    let took = world.time.now() - before;
    let backoff = 10 + 20 + 40 + 60;
    assert!((backoff..backoff + 10).contains(&took.num_seconds()), "{took}");
    let attempts: Vec<_> =
        endpoint.pushes().iter().map(|push| push.json()["deliveryAttempt"].clone()).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    let letters = world.pubsub.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].topic.as_str(), letters[0].data.as_slice()), (dead, b"poison".as_slice()));
    let attributes = &grave.pushes()[0].json()["message"]["attributes"];
    assert_eq!(attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "5");
    assert_eq!(attributes["CloudPubSubDeadLetterSourceSubscription"], "push");
    assert_eq!(attributes["CloudPubSubDeadLetterSourceSubscriptionProject"], "demo");
    assert_eq!(attributes["CloudPubSubDeadLetterSourceTopicPublishTime"], stamp_of(&world, &id));
    world
        .events()
        .wait_for("the dead letter", |event| *event == Event::DeadLettered { id: id.clone() })
        .await
        .unwrap();
    world.stop().await;
}

#[tokio::test]
async fn a_message_that_nobody_takes_is_forgotten_after_a_week() {
    let world = instant().await;
    let endpoint = Endpoint::open(&world, &[500]).await;
    world.pubsub.create_topic(TOPIC);
    let hour = Duration::from_secs(3_600);
    world.pubsub.subscribe(Subscription {
        min_backoff: hour,
        max_backoff: hour,
        ..subscription(TOPIC, &endpoint)
    });
    world.pubsub.publish(TOPIC, b"{}").await;
    world.settled().await;
    let week = 7 * 24;
    let deliveries = i64::try_from(world.pubsub.messages()[0].deliveries.len()).unwrap();
    assert!((week..week + 2).contains(&deliveries), "{deliveries}");
    world.stop().await;
}

#[tokio::test]
async fn a_message_can_come_twice() {
    let world = instant().await;
    let endpoint = subscribed(&world, &[200]).await;
    world.pubsub.duplicate_next(1);
    let id = world.pubsub.publish(TOPIC, b"{}").await;
    world.settled().await;
    assert_eq!(endpoint.pushes().len(), 2);
    assert!(world.pubsub.redeliver(&id));
    assert!(!world.pubsub.redeliver("1"));
    world.settled().await;
    assert_eq!(endpoint.pushes().len(), 3);
    assert_eq!(endpoint.pushes()[0].body, endpoint.pushes()[2].body);
    world.stop().await;
}

#[tokio::test]
async fn a_push_beyond_the_ack_deadline_comes_again() {
    let world = instant().await;
    let endpoint = Endpoint::open(&world, &[200]).await;
    endpoint.door.fail_next("", "", Fault::Hang);
    world.pubsub.create_topic(TOPIC);
    let ack_deadline = Duration::from_millis(300);
    world.pubsub.subscribe(Subscription { ack_deadline, ..subscription(TOPIC, &endpoint) });
    world.pubsub.publish(TOPIC, b"{}").await;
    world.settled().await;
    let statuses: Vec<_> =
        world.pubsub.messages()[0].deliveries.iter().map(|delivery| delivery.status).collect();
    assert_eq!((statuses.first(), statuses.last()), (Some(&None), Some(&Some(200))));
    world.stop().await;
}

#[tokio::test]
async fn publishing_is_strict() {
    let world = World::start(Options { publish_needs_token: true, ..Options::default() }).await.unwrap();
    world.pubsub.create_topic(TOPIC);
    let good = json!({"messages": [{"data": "aGk="}]});
    let cases = [
        ("v1/projects/demo/topics/other:publish", good.clone(), 404),
        ("v1/projects/demo/topics/watch", good.clone(), 404),
        ("v1/projects/demo/topics/:publish", good.clone(), 400),
        ("v1/projects/demo/topics/watch:publish", json!({"messages": [{"data": "aGk"}]}), 400),
        ("v1/projects/demo/topics/watch:publish", json!({"messages": [{"data": ""}]}), 400),
        ("v1/projects/demo/topics/watch:publish", json!({"messages": []}), 400),
        ("v1/projects/demo/topics/watch:publish", json!({"messages": [{"data": "aGk=", "id": "1"}]}), 400),
    ];
    for (path, body, wanted) in &cases {
        let request = post_request(&world, &format!("{}/{path}", world.pubsub.url()), body).bearer_auth("t");
        let (status, answer) = call(request).await.unwrap();
        assert_eq!((status, &answer["error"]["code"]), (*wanted, &json!(wanted)), "{path} {body}");
    }
    // An unknown topic is an answer that a caller must live with; the rest are its own mistakes.
    assert_eq!(world.violations().len(), cases.len() - 1, "{:#?}", world.violations());

    let url = format!("{}/v1/{TOPIC}:publish", world.pubsub.url());
    let untyped = world.shared.client.post(&url).bearer_auth("t").body(good.to_string());
    assert_eq!(call(untyped).await.unwrap().0, 400);
    assert_eq!(post(&world, &url, &good).await.0, 401);
    assert_eq!(call(post_request(&world, &url, &good).bearer_auth("t")).await.unwrap().0, 200);
    assert_eq!(world.pubsub.messages().len(), 1);
    world.stop().await;
}
