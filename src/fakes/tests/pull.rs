//! Pull subscriptions: leases, their ends, and what is refused.

use chrono::TimeDelta;

use super::*;
use crate::fakes::PullSubscription;
use crate::google::{Google, Pulled, Tokens};
use crate::net::endpoints::{Api, Endpoints};
use crate::net::transport::Network;

const SUBSCRIPTION: &str = "projects/demo/subscriptions/pull";
const LIMIT: Duration = Duration::from_secs(8);

/// A world with a pull subscription, and opwatch's client of it.
async fn pulled() -> (World, Google) {
    let world = instant().await;
    world.pubsub.create_topic(TOPIC);
    world.pubsub.create_pull_subscription(PullSubscription {
        name: SUBSCRIPTION.to_owned(),
        topic: TOPIC.to_owned(),
        ack_deadline: Duration::from_secs(60),
        retention: Duration::from_secs(31 * 86_400),
    });
    let mut endpoints = Endpoints::default();
    endpoints.set(Api::PubSub, &world.pubsub.url()).unwrap();
    let network = Arc::new(Network::new().unwrap());
    let google = Google::new(network, Tokens::new(Some("t".into())), endpoints);
    (world, google)
}

async fn pull(google: &Google) -> Vec<Pulled> {
    google.pull(SUBSCRIPTION, LIMIT).await.unwrap()
}

/// The data of messages, in order.
fn data(pulled: &[Pulled]) -> Vec<&[u8]> {
    let mut data: Vec<_> = pulled.iter().map(|message| message.data.as_slice()).collect();
    data.sort_unstable();
    data
}

#[tokio::test]
async fn a_message_is_leased_to_one_until_its_lease_ends() {
    let (world, google) = pulled().await;
    assert_eq!(pull(&google).await, []);
    let published = google.publish_repeatable(TOPIC, b"\xffone", LIMIT).await.unwrap().unwrap();
    assert!((world.time.now() - published).abs() < TimeDelta::seconds(2));
    world.pubsub.publish(TOPIC, b"two").await;
    let first = pull(&google).await;
    assert_eq!(data(&first), [b"two".as_slice(), b"\xffone"]);
    assert!(first.iter().all(|message| message.published.is_some() && message.id.len() == 16));
    assert_eq!(pull(&google).await, [], "both are leased");
    world.time.advance(Duration::from_secs(59));
    assert_eq!(pull(&google).await, []);
    world.time.advance(Duration::from_secs(1));
    let again = pull(&google).await;
    assert_eq!(data(&again), data(&first));
    // A lease that has ended acknowledges nothing.
    let late: Vec<_> = first.iter().map(|message| message.ack_id.as_str()).collect();
    let refused = google.acknowledge(SUBSCRIPTION, &late, LIMIT).await.unwrap_err();
    assert_eq!((refused.http(), refused.is_transient()), (Some(400), false));
    assert_eq!(world.pubsub.unacknowledged(SUBSCRIPTION).len(), 2);
    // Those of others in the same request do.
    let mixed = [again[0].ack_id.as_str(), late[1]];
    google.acknowledge(SUBSCRIPTION, &mixed, LIMIT).await.unwrap_err();
    assert_eq!(world.pubsub.unacknowledged(SUBSCRIPTION).len(), 1);
    google.acknowledge(SUBSCRIPTION, &[&again[1].ack_id], LIMIT).await.unwrap();
    world.time.advance(Duration::from_secs(999));
    assert_eq!(pull(&google).await, []);
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_lease_can_be_made_shorter_and_longer() {
    let (world, google) = pulled().await;
    world.pubsub.publish(TOPIC, b"x").await;
    for (seconds, waits) in [(0, 0), (5, 5), (600, 600), (9_999, 600)] {
        let [message] = pull(&google).await.try_into().unwrap();
        let lease = Duration::from_secs(seconds);
        google.modify_leases(SUBSCRIPTION, &[&message.ack_id], lease, LIMIT).await.unwrap();
        if waits > 0 {
            world.time.advance(Duration::from_secs(waits - 1));
            assert_eq!(pull(&google).await, [], "{seconds}");
            world.time.advance(Duration::from_secs(1));
        }
    }
    assert_eq!(pull(&google).await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn what_nobody_pulls_is_forgotten_after_the_retention() {
    let (world, google) = pulled().await;
    world.pubsub.publish(TOPIC, b"x").await;
    world.time.advance(Duration::from_secs(31 * 86_400));
    assert_eq!(pull(&google).await, []);
    assert!(world.pubsub.unacknowledged(SUBSCRIPTION).is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_pull_returns_as_many_as_pubsub_likes_and_no_answer_is_an_empty_one() {
    let (world, google) = pulled().await;
    for number in 0..5_u8 {
        world.pubsub.publish(TOPIC, &[number]).await;
    }
    world.pubsub.pull_at_most(SUBSCRIPTION, 2);
    assert_eq!([pull(&google).await.len(), pull(&google).await.len(), pull(&google).await.len()], [2, 2, 1]);
    world.pubsub.fail_next_on("POST", ":pull", Fault::Hang);
    assert_eq!(google.pull(SUBSCRIPTION, Duration::from_millis(50)).await, Ok(Vec::new()));
    world.pubsub.fail_next_on("POST", ":pull", Fault::answer(200, "<html>"));
    assert!(google.pull(SUBSCRIPTION, LIMIT).await.unwrap_err().is_ambiguous());
    world.stop().await;
}

/// More than one megabyte, which is the limit of other answers.
#[tokio::test]
async fn a_pull_may_bring_much() {
    let (world, google) = pulled().await;
    let long = vec![b'x'; crate::message::MAX_WRITTEN_BYTES];
    for _ in 0..100 {
        world.pubsub.publish(TOPIC, &long).await;
    }
    let all = pull(&google).await;
    assert!(all.len() == 100 && all.iter().all(|message| message.data == long));
    world.stop().await;
}

#[tokio::test]
async fn what_pubsub_refuses_is_refused() {
    let (world, _) = pulled().await;
    let many: Vec<_> = (0..3_000).map(|number| format!("{number:0200}")).collect();
    for (path, body) in [
        ("subscriptions/pull:pull", json!({})),
        ("subscriptions/pull:pull", json!({"maxMessages": 0})),
        ("subscriptions/pull:pull", json!({"maxMessages": 1, "returnImmediately": true})),
        ("subscriptions/pull:acknowledge", json!({"ackIds": []})),
        ("subscriptions/pull:acknowledge", json!({"ackIds": many})),
        ("subscriptions/pull:modifyAckDeadline", json!({"ackIds": ["x"], "ackDeadlineSeconds": 601})),
        ("subscriptions/pull:modifyAckDeadline", json!({"ackIds": ["x"]})),
        ("subscriptions/pull:seek", json!({})),
        ("subscriptions/pull", json!({})),
    ] {
        let url = format!("{}/v1/projects/demo/{path}", world.pubsub.url());
        let status = post(&world, &url, &body).await.0;
        assert!([400, 404].contains(&status), "{path} {body}: {status}");
    }
    assert_eq!(world.violations().len(), 9, "{:#?}", world.violations());
    let url = format!("{}/v1/projects/demo/subscriptions/other:pull", world.pubsub.url());
    assert_eq!(post(&world, &url, &json!({"maxMessages": 1})).await.0, 404);
    let url = format!("{}/v1/{SUBSCRIPTION}:acknowledge", world.pubsub.url());
    assert_eq!(post(&world, &url, &json!({"ackIds": ["unknown"]})).await.0, 400);
    assert_eq!(world.violations().len(), 9, "answers that a caller must live with");
    world.stop().await;
}
