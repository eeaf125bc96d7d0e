//! A hostile publisher: may publish to the public topic, knows every watch id, and writes what opwatch would pass on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use opwatch::fakes::{End, Event, Fault, Plan, Subscription};
use opwatch::settings::Variables;
use serde_json::{Value, json};

use crate::ledger::kept;
use crate::live;
use crate::simulation::engine::rng::Rng;
use crate::support::emulators::emulators;
use crate::support::opwatch::{
    DEAD_TOPIC, GREEN, INTERNAL_SUBSCRIPTION, INTERNAL_TOPIC, NAME, ORANGE, Opwatch, RED, TOPIC, colour,
    lasting, subscriptions, texts, world,
};
use crate::support::process::{Process, read, variables};
use crate::support::pushes::push_of;

/// Publishes to the public topic, as anyone with `pubsub.topics.publish` on it can.
async fn forge(opwatch: &Opwatch, message: &Value) {
    opwatch.world.pubsub.publish(TOPIC, message.to_string().as_bytes()).await;
}

fn failing(seconds: u64) -> Plan {
    Plan { end: End::Failed { code: 8, message: "out of quota".to_owned() }, ..lasting(seconds) }
}

/// Whether this says that a message can't be used, which is true of a forged one.
fn is_notice(payload: &Value) -> bool {
    payload["text"].as_str().unwrap().starts_with("*opwatch rejected a message* · ")
}

/// What Slack was told of operations.
fn told(opwatch: &Opwatch) -> Vec<Value> {
    opwatch.slack().into_iter().filter(|payload| !is_notice(payload)).collect()
}

/// A living chain's next name, taken by a copy that asked to hear of failures only, would end the watch in silence.
#[tokio::test]
async fn a_watch_is_not_silenced() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(150));
    let id = opwatch.publish_and_pause(&json!({"name": NAME})).await;
    for attempt in [0, 1, 2] {
        let state = json!({"version": 1, "id": id});
        forge(&opwatch, &json!({"name": NAME, "attempt": attempt, "notify": "failure", "state": state}))
            .await;
    }
    opwatch.resume().await;
    let told = told(&opwatch);
    assert_eq!(told.iter().map(colour).collect::<Vec<_>>(), [GREEN]);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_watch_is_not_delayed() {
    let opwatch = Opwatch::start().await;
    let began = opwatch.world.time.now();
    opwatch.world.operations.add(NAME, failing(600));
    let id = opwatch.publish_and_pause(&json!({"name": NAME})).await;
    for attempt in [0, 1, 2] {
        let state = json!({"version": 1, "id": id});
        forge(&opwatch, &json!({"name": NAME, "attempt": attempt, "interval": 86_400, "state": state})).await;
    }
    opwatch.resume().await;
    let took = opwatch.world.time.now() - began;
    assert_eq!(told(&opwatch).iter().map(colour).collect::<Vec<_>>(), [RED]);
    assert!(took < TimeDelta::minutes(12), "the failure at 10 min was told after {took}");
    opwatch.stop().await;
}

/// No watch id is needed for this one, nor a project that `PROJECTS` allows.
#[tokio::test]
async fn a_report_is_not_forged() {
    let opwatch = Opwatch::start().await;
    let now = opwatch.world.time.now();
    for name in [NAME, "projects/forbidden/operations/x"] {
        let facts = json!({"state": "SUCCESSFUL", "entities": {"done": 1_000_000}});
        let report = json!({"outcome": "succeeded", "at": now.to_rfc3339(), "facts": facts});
        let state = json!({"version": 1, "id": "1", "report": report});
        forge(&opwatch, &json!({"name": name, "title": "Nightly backup", "state": state})).await;
    }
    opwatch.world.settled().await;
    assert_eq!(told(&opwatch), Vec::<Value>::new());
    for notice in opwatch.slack() {
        assert!(texts(&notice).join("\n").contains("*Field*\n`state`"), "{notice:#}");
    }
    assert!(!opwatch.slack().is_empty(), "the publisher is told");
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn another_watch_s_message_is_not_rewritten() {
    let opwatch = live::start().await;
    opwatch.world.operations.add(NAME, failing(100));
    let id = opwatch.watch(&json!({"name": NAME})).await;
    let before = opwatch.world.slack.channel_messages();
    assert_eq!(colour(&before[0].payload), RED);
    let live = json!({"channel": before[0].channel, "ts": before[0].ts});
    for id in [id.as_str(), "1"] {
        let report = json!({"outcome": "succeeded", "at": opwatch.world.time.now().to_rfc3339()});
        let state = json!({"version": 1, "id": id, "live": live, "report": report});
        forge(&opwatch, &json!({"name": NAME, "state": state})).await;
        forge(
            &opwatch,
            &json!({"name": NAME, "attempt": 3, "state": {"version": 1, "id": id, "live": live}}),
        )
        .await;
    }
    opwatch.world.settled().await;
    let after: Vec<_> = opwatch.world.slack.channel_messages();
    assert_eq!(after[..before.len()], before[..]);
    assert!(after[before.len()..].iter().all(|message| is_notice(&message.payload)), "{after:#?}");
    opwatch.stop().await;
}

/// With a ledger a report that was sent is not sent again: the claim of a forged one would swallow the true end.
#[tokio::test]
async fn a_claim_is_not_stolen() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "stolen").await;
    opwatch.world.operations.add(NAME, failing(100));
    let id = opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let report = json!({"outcome": "succeeded", "at": opwatch.world.time.now().to_rfc3339()});
    forge(&opwatch, &json!({"name": NAME, "state": {"version": 1, "id": id, "report": report}})).await;
    opwatch.resume().await;
    assert_eq!(told(&opwatch).iter().map(colour).collect::<Vec<_>>(), [RED]);
    opwatch.stop().await;
}

/// The operations of the watches below.
fn plans() -> Vec<(String, Plan)> {
    let name = |number: usize| format!("projects/demo/operations/victim{number}");
    vec![
        (name(0), lasting(150)),
        (name(1), failing(400)),
        (name(2), Plan { end: End::Cancelled, ..lasting(600) }),
        (name(3), lasting(900)),
    ]
}

/// What opwatch might have passed on of the watch `id`, at random.
fn forged(rng: &mut Rng, id: &str, name: &str, live: &[Value], now: DateTime<Utc>) -> Value {
    let mut state = json!({"version": 1, "id": id});
    if rng.chance(0.5) && !live.is_empty() {
        state["live"] = rng.pick(live).clone();
    }
    if rng.chance(0.4) {
        let outcome = *rng.pick(&["succeeded", "failed", "stopped", "cannotTell", "notStarted", "test"]);
        state["report"] = json!({"outcome": outcome, "at": now.to_rfc3339(), "tries": rng.below(4)});
    }
    if rng.chance(0.3) {
        state["first"] = json!((now - TimeDelta::hours(rng.below(48).cast_signed())).to_rfc3339());
        state["unreadable"] = json!(true);
    }
    let mut message = json!({"name": name, "attempt": rng.below(20), "state": state});
    if rng.chance(0.5) {
        message["interval"] = json!(rng.pick(&[1, 60, 86_400]));
        message["limit"] = json!(rng.pick(&[1, 60, 10_000]));
    }
    if rng.chance(0.5) {
        message["notify"] = json!(rng.pick(&["failure", "end", "live", "start,end"]));
    }
    if rng.chance(0.1) {
        message["test"] = json!(true);
    }
    message["title"] = json!("forged");
    message
}

/// What Slack shows of a watch at its end.
#[derive(Debug)]
struct Told {
    colour: Option<String>,
    edits: usize,
    /// The first lines of its message and of the replies to it.
    lines: Vec<String>,
    after: TimeDelta,
}

impl Told {
    /// Whether it is what is shown without an attack. The stand-ins' time goes on while they work, so of the checks a minute apart
    /// one may be left out.
    fn is_like(&self, alone: &Self) -> bool {
        let kinds = |told: &Self| told.lines.iter().map(|line| kind(line)).collect::<Vec<_>>();
        self.colour == alone.colour
            && kinds(self) == kinds(alone)
            && (self.after - alone.after).abs() < TimeDelta::seconds(60)
            && self.edits.abs_diff(alone.edits) <= 2
    }
}

/// A message's first line without its times and numbers.
fn kind(line: &str) -> String {
    line.split(" · ").next().unwrap_or_default().to_owned()
}

/// How the watches of [`plans`] end, with so many forged messages published between their checks, and how many other messages
/// there are.
async fn ends(forgeries: usize, change: impl FnOnce(&mut Variables)) -> (Vec<Told>, usize) {
    let opwatch = live::start_with(change).await;
    let (mut ids, began) = (Vec::new(), opwatch.world.time.now());
    for (name, plan) in plans() {
        opwatch.world.operations.add(&name, plan);
        ids.push(opwatch.publish_and_pause(&json!({"name": name, "title": name})).await);
    }
    let (mut rng, mut events, mut left) = (Rng::new(200), opwatch.world.events(), forgeries);
    let mut forge_some = async |rng: &mut Rng, most: usize| {
        let shown = opwatch.world.slack.channel_messages();
        let live: Vec<_> = shown.iter().map(|one| json!({"channel": one.channel, "ts": one.ts})).collect();
        for _ in 0..most.min(left) {
            left -= 1;
            let victim = rng.below(ids.len() as u64) as usize;
            let now = opwatch.world.time.now();
            forge(&opwatch, &forged(rng, &ids[victim], &plans()[victim].0, &live, now)).await;
        }
    };
    forge_some(&mut rng, forgeries / 4).await;
    opwatch.world.resume();
    // The longest has some fifteen checks; an attack that succeeds may take the others away.
    for _ in 0..10 {
        let read = |event: &Event| matches!(event, Event::OperationRead { .. });
        tokio::select! {
            event = events.wait_for("a check", read) => assert!(event.is_ok()),
            () = opwatch.world.settled() => break,
        }
        forge_some(&mut rng, forgeries / 20).await;
    }
    opwatch.world.settled().await;
    forge_some(&mut rng, forgeries).await;
    opwatch.world.settled().await;
    opwatch.assert_all_acknowledged();
    let shown = opwatch.world.slack.channel_messages();
    let there = shown.iter().filter(|one| !one.deleted && !is_notice(&one.payload));
    let mut others = there.clone().count();
    let mut ends = Vec::new();
    for (name, _) in plans() {
        let mine: Vec<_> = there.clone().filter(|one| one.payload.to_string().contains(&name)).collect();
        others -= mine.len();
        ends.push(Told {
            colour: mine.first().map(|live| colour(&live.payload).to_owned()),
            edits: mine.first().map_or(0, |live| live.edits),
            lines: mine.iter().map(|one| one.payload["text"].as_str().unwrap().to_owned()).collect(),
            after: mine.iter().map(|one| one.at).max().unwrap_or(began) - began,
        });
    }
    opwatch.stop().await;
    (ends, others)
}

#[tokio::test]
async fn two_hundred_forged_messages_change_delay_and_invent_nothing() {
    let (alone, others) = ends(0, |_| ()).await;
    assert_eq!(
        alone.iter().filter_map(|told| told.colour.as_deref()).collect::<Vec<_>>(),
        [GREEN, RED, ORANGE, GREEN]
    );
    assert!(others == 0 && alone.iter().all(|told| told.lines.len() == 2), "{alone:#?}");

    let (attacked, others) = ends(200, |_| ()).await;
    for (alone, attacked) in alone.iter().zip(&attacked) {
        assert!(attacked.is_like(alone), "{attacked:#?} and without the attack {alone:#?}");
    }
    assert_eq!(others, 0, "nothing is said of anything else");

    // The same messages do harm where every publisher is trusted.
    let (open, others) = ends(200, |args| args.unset("INTERNAL_TOPIC")).await;
    let harmed = alone.iter().zip(&open).filter(|(alone, open)| !open.is_like(alone)).count();
    assert!(harmed > 0 && others > 0, "{harmed} watches, {others} other messages: {open:#?}");
}

/// What was in flight when the internal topic was introduced comes from the public topic, and counts until the set time; what is
/// published there later does not.
#[tokio::test]
async fn watches_in_flight_survive_the_upgrade() {
    for (accepted, expected) in [(TimeDelta::days(9), [GREEN].as_slice()), (TimeDelta::minutes(-1), &[])] {
        let opwatch = Opwatch::start_with(|args| args.unset("INTERNAL_TOPIC")).await;
        opwatch.world.operations.add(NAME, lasting(150));
        opwatch.publish_and_pause(&json!({"name": NAME})).await;
        let until = opwatch.world.time.now() + accepted;
        let opwatch =
            opwatch.restart_with(|args| args.set("ACCEPT_PUBLIC_STATE_UNTIL", until.to_rfc3339())).await;
        opwatch.resume().await;
        assert_eq!(told(&opwatch).iter().map(colour).collect::<Vec<_>>(), expected, "{accepted}");
        let topics = topics_of_states(&opwatch);
        assert_eq!(topics[0], TOPIC, "the task that waited");
        // So does the sentinel, which is deleted only if the watch goes on.
        let of_public = topics.iter().filter(|topic| *topic == TOPIC).count();
        assert_eq!(of_public, if expected.is_empty() { 2 } else { 1 }, "{topics:?}");
        assert_eq!(opwatch.world.tasks.duplicates(), 0);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// The topics of what opwatch passed on, in order.
fn topics_of_states(opwatch: &Opwatch) -> Vec<String> {
    let carried = |data: &[u8]| serde_json::from_slice::<Value>(data).unwrap().get("state").is_some();
    let messages = opwatch.world.pubsub.messages().into_iter();
    messages.filter(|message| carried(&message.data)).map(|message| message.topic).collect()
}

/// Two versions at once, a copy on each: both ask for the same names, so the watch does not fork.
#[tokio::test]
async fn a_copy_on_an_instance_without_the_internal_topic_does_not_fork_a_watch() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(400));
    let id = opwatch.publish_and_pause(&json!({"name": NAME})).await;
    let opwatch = opwatch.restart_with(|args| args.unset("INTERNAL_TOPIC")).await;
    opwatch.world.pubsub.redeliver(&id);
    opwatch.resume().await;
    assert_eq!(opwatch.world.tasks.duplicates(), 2, "the copy joined the chain, and found the sentinel");
    assert_eq!(told(&opwatch).iter().map(colour).collect::<Vec<_>>(), [GREEN]);
    opwatch.stop().await;
}

/// Version 0.1 does not know `/internal`: before a roll-back the internal subscription is pointed to `/`. The version with an internal
/// topic takes its messages there too, and one without reads them as it reads its own.
#[tokio::test]
async fn a_roll_back_loses_nothing() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, failing(6_000));
    let [public, internal] = subscriptions(opwatch.url());
    opwatch.publish_and_pause(&json!({"name": NAME, "limit": 200})).await;
    // One check before, one between, and the others after.
    let mut events = opwatch.world.events();
    opwatch.world.pubsub.subscribe_again(Subscription { push_endpoint: public.push_endpoint, ..internal });
    opwatch.world.resume();
    let reads = |event: &Event| matches!(event, Event::OperationRead { .. });
    events.wait_for("the check of the kickoff", reads).await.unwrap();
    events.wait_for("a check between", reads).await.unwrap();
    opwatch.world.pause();
    let opwatch = opwatch.restart_with(|args| args.unset("INTERNAL_TOPIC")).await;
    opwatch.resume().await;
    assert_eq!(told(&opwatch).iter().map(colour).collect::<Vec<_>>(), [RED]);
    assert_eq!(opwatch.slack().len(), 1, "nothing was refused");
    opwatch.assert_all_acknowledged();
    let topics = topics_of_states(&opwatch);
    assert!(topics.iter().any(|topic| topic == TOPIC) && topics[0] == INTERNAL_TOPIC, "{topics:?}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_service_that_trusts_every_publisher_warns_at_its_start() {
    let world = world().await;
    for is_open in [true, false] {
        let mut variables = variables(&world);
        variables.retain(|(name, _)| !is_open || *name != "INTERNAL_TOPIC");
        let lines = read(&Process::start(&variables).await.stop().await);
        let warned = |line: &&Value| {
            line["severity"] == "WARNING"
                && line["message"].as_str().unwrap().starts_with("INTERNAL_TOPIC is not set: anyone")
        };
        assert_eq!(lines.iter().filter(warned).count(), usize::from(is_open), "{lines:#?}");
    }
    world.stop().await;
}

/// Refused, not read without its state: the subscription can be corrected, and nothing is lost.
#[tokio::test]
async fn another_subscription_may_not_push_to_the_internal_path() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(30));
    let body = push_of("7", &json!({"name": NAME, "state": {"version": 1, "id": "7"}}));
    let (status, answer) = opwatch.post("internal", body.clone()).await;
    assert_eq!(status, 403);
    for part in ["projects/demo/subscriptions/opwatch-push", INTERNAL_SUBSCRIPTION, "INTERNAL_TOPIC"] {
        assert!(answer.contains(part), "no {part} in {answer}");
    }
    assert!(opwatch.slack().is_empty() && opwatch.world.tasks.created().is_empty());
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.stop().await;

    // Without an internal topic `/internal` is as good as `/`.
    let open = Opwatch::start_with(|args| args.unset("INTERNAL_TOPIC")).await;
    open.world.operations.add(NAME, lasting(30));
    assert_eq!(open.post("internal", body).await.0, 204);
    open.stop().await;
}

/// A publisher's attributes are the publisher's: on a message from the public topic those of a dead letter mean nothing.
#[tokio::test]
async fn attributes_that_a_publisher_wrote_open_nothing() {
    let opwatch = Opwatch::start().await;
    let attributes = [
        ("CloudPubSubDeadLetterSourceSubscription", "opwatch-internal"),
        ("CloudPubSubDeadLetterSourceSubscriptionProject", "demo"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let report =
        json!({"name": NAME, "state": {"version": 1, "id": "7", "report": {"outcome": "succeeded"}}});
    let data = report.to_string();
    opwatch.world.pubsub.publish_with(TOPIC, data.as_bytes(), attributes.clone().into()).await;
    opwatch.world.settled().await;
    assert_eq!(told(&opwatch), Vec::<Value>::new());

    // Refused to the end: Pub/Sub writes its own over them.
    opwatch.world.tasks.fail_always(Some(Fault::answer(403, "{}")));
    opwatch.world.pubsub.publish_with(TOPIC, data.as_bytes(), attributes.into()).await;
    opwatch.world.settled().await;
    let mut dead = opwatch.world.pubsub.dead_letters();
    dead.retain(|message| message.topic == DEAD_TOPIC);
    let [dead] = dead.as_slice() else { panic!("{dead:#?}") };
    assert_eq!(dead.attributes["CloudPubSubDeadLetterSourceSubscription"], "opwatch-push");
    let push = json!({"message": {"data": STANDARD.encode(&data), "messageId": dead.id, "attributes": dead.attributes},
        "subscription": "projects/demo/subscriptions/opwatch-dead"});
    assert_eq!(opwatch.post("dead-letter", push.to_string()).await.0, 204);
    assert_eq!(told(&opwatch), Vec::<Value>::new());
    opwatch.stop().await;
}
