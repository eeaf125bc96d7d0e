//! Limits: a publisher that sends too many kickoffs, what still runs, and what is reported.

use chrono::{DurationRound, TimeDelta};
use opwatch::fakes::{Fault, Task};
use serde_json::{Value, json};

use crate::support::opwatch::{
    CHECK_QUEUE, GREEN, NAME, ORANGE, Opwatch, RED, TOPIC, colour, export, lasting, refusal, subscribe,
    texts, world,
};
use crate::support::process::{Process, read, variables};

const NOTICE_QUEUE: &str = "projects/demo/locations/europe-west1/queues/notices";

/// Moves the time to the beginning of an hour, so that a test doesn't run into the next one.
fn begin_an_hour(opwatch: &Opwatch) {
    let now = opwatch.world.time.now();
    opwatch.world.time.advance_to(now.duration_trunc(TimeDelta::hours(1)).unwrap() + TimeDelta::hours(1));
}

/// A kickoff of an export that differs from all others.
fn kickoff(number: u32) -> Value {
    let mut kickoff = export();
    kickoff["start"]["body"]["outputUrlPrefix"] = json!(format!("gs://backups/{number}"));
    kickoff["title"] = json!(format!("Backup {number}"));
    kickoff
}

async fn limited(starts: &str) -> Opwatch {
    Opwatch::start_with(|args| {
        args.set("MAX_STARTS_PER_HOUR", starts);
        args.set("NOTICE_QUEUE", NOTICE_QUEUE);
    })
    .await
}

fn claims(opwatch: &Opwatch) -> Vec<Task> {
    let mut tasks = opwatch.world.tasks.created();
    tasks.retain(|task| task.data["state"]["report"]["slot"]["of"] == "start demo");
    tasks
}

#[tokio::test]
async fn starts_above_the_limit_of_the_hour_are_refused_and_reported_once() {
    let opwatch = limited("3").await;
    begin_an_hour(&opwatch);
    for number in 0..6 {
        opwatch.publish_and_pause(&kickoff(number)).await;
    }
    assert_eq!(opwatch.starts(), 3);
    let claims = claims(&opwatch);
    assert_eq!(claims.len(), 3);
    for claim in &claims {
        assert_eq!(claim.queue, CHECK_QUEUE);
        // Its name is certain to be taken only until it has run.
        assert_eq!(claim.schedule_time.timestamp() % 3_600, 0, "the end of the hour: {claim:?}");
        assert!((claim.schedule_time - claim.created_at).num_seconds() <= 3_600);
    }
    opwatch.resume().await;
    let told = opwatch.slack();
    let red: Vec<_> = told.iter().filter(|payload| colour(payload) == RED).collect();
    let [refused] = red.as_slice() else { panic!("{:?}", opwatch.lines()) };
    let text = texts(refused).join("\n");
    assert!(refused["text"].as_str().unwrap().starts_with("*Backup 3 was not started*"), "{refused}");
    assert!(text.contains("Project demo has reached its limit of 3 starts per hour."), "{text}");
    assert!(text.contains("raise MAX_STARTS_PER_HOUR"), "{text}");
    assert!(text.contains("jsonPayload.decision%3D%22not-started%22"), "{text}");
    assert!(text.contains("gcloud pubsub topics publish"), "the line that starts it: {text}");
    assert_eq!(told.iter().filter(|payload| colour(payload) == GREEN).count(), 3);
    opwatch.publish_and_pause(&kickoff(7)).await;
    assert_eq!(opwatch.starts(), 4, "another hour");
    opwatch.resume().await;
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// A service that is down for a while must not use up the limit.
#[tokio::test]
async fn a_retried_start_counts_once() {
    let opwatch = limited("1").await;
    for _ in 0..3 {
        opwatch.world.operations.fail_next_on("POST", ":export", refusal(503, "UNAVAILABLE", ""));
    }
    opwatch.publish(&kickoff(0)).await;
    opwatch.world.settled().await;
    assert_eq!(claims(&opwatch).len(), 1);
    let [end] = opwatch.slack().try_into().unwrap_or_else(|told: Vec<Value>| panic!("{told:#?}"));
    assert_eq!(colour(&end), GREEN);
    opwatch.stop().await;
}

/// The limit protects a budget. It must not prevent a backup.
#[tokio::test]
async fn a_start_goes_on_when_cloud_tasks_does_not_count_it() {
    for fault in [refusal(503, "UNAVAILABLE", ""), refusal(403, "PERMISSION_DENIED", ""), Fault::Hang] {
        let opwatch = limited("1").await;
        opwatch.world.tasks.fail_next(fault.clone());
        opwatch.publish_and_pause(&kickoff(0)).await;
        assert_eq!((opwatch.starts(), claims(&opwatch).len()), (1, 0), "{fault:?}");
        opwatch.resume().await;
        let [end] = opwatch.slack().try_into().unwrap_or_else(|told: Vec<Value>| panic!("{told:#?}"));
        assert_eq!(colour(&end), GREEN, "{fault:?}");
        opwatch.stop().await;
    }
}

/// The names of the tasks are the count, not what an instance has in memory.
#[tokio::test]
async fn an_instance_that_joins_late_finds_the_slots_taken() {
    let opwatch = limited("3").await;
    begin_an_hour(&opwatch);
    for number in 0..2 {
        opwatch.publish_and_pause(&kickoff(number)).await;
    }
    let opwatch = opwatch.restart_with(|args| args.set("MAX_STARTS_PER_HOUR", "3")).await;
    for number in 2..6 {
        opwatch.publish_and_pause(&kickoff(number)).await;
    }
    assert_eq!((opwatch.starts(), claims(&opwatch).len()), (3, 3));
    opwatch.resume().await;
    opwatch.stop().await;
}

#[tokio::test]
async fn watches_above_the_limit_of_the_minute_are_refused_and_reported_once() {
    let opwatch = Opwatch::start_with(|args| args.set("MAX_WATCHES_PER_MINUTE", "2")).await;
    begin_an_hour(&opwatch);
    for number in 0..5 {
        let name = format!("{NAME}{number}");
        opwatch.world.operations.add(&name, lasting(0));
        opwatch.publish_and_pause(&json!({"name": name})).await;
    }
    opwatch.resume().await;
    let told = opwatch.slack();
    assert_eq!(told.len(), 3, "{:?}", opwatch.lines());
    let text = texts(told.iter().find(|payload| colour(payload) == ORANGE).unwrap()).join("\n");
    assert!(
        text.contains("The limit of 2 kickoffs per minute is reached.")
            && text.contains("raise MAX_WATCHES_PER_MINUTE"),
        "{text}"
    );
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn an_interval_below_the_shortest_is_refused_and_one_in_flight_is_kept() {
    let short = |args: &mut opwatch::settings::Variables| args.set("MIN_INTERVAL", "30s");
    let opwatch = Opwatch::start_with(short).await;
    opwatch.world.operations.add(NAME, lasting(20));
    opwatch.watch(&json!({"name": NAME, "interval": 29})).await;
    let text = opwatch.only_text();
    assert!(text.contains("Must be at least 30 (setting MIN_INTERVAL)."), "{text}");
    assert!(opwatch.world.operations.requests().is_empty());
    let first = opwatch.world.time.now();
    let state = json!({"version": 1, "id": "7", "first": first});
    opwatch.watch(&json!({"name": NAME, "interval": 5, "attempt": 0, "state": state})).await;
    assert_eq!(colour(&opwatch.slack()[1]), GREEN);
    opwatch.stop().await;
}

/// Each line about a start says what is started, where its data goes, and its title.
#[tokio::test]
async fn the_log_names_every_start_and_every_kickoff_that_a_limit_refuses() {
    let world = world().await;
    let mut variables = variables(&world);
    variables.retain(|(name, _)| *name != "MAX_STARTS_PER_HOUR");
    variables.push(("MAX_STARTS_PER_HOUR", "1".to_owned()));
    let process = Process::start(&variables).await;
    subscribe(&world, &process.url());
    world.pause();
    for number in 0..3 {
        world.pubsub.publish(TOPIC, kickoff(number).to_string().as_bytes()).await;
    }
    world.resume();
    world.settled().await;
    let lines = read(&process.stop().await);
    let refused: Vec<_> = lines.iter().filter(|line| line["decision"] == "not-started").collect();
    assert_eq!(refused.len(), 2, "{lines:#?}");
    for line in &refused {
        assert_eq!((&line["severity"], &line["path"]), (&json!("WARNING"), &json!("projects/demo:export")));
        let message = line["message"].as_str().unwrap();
        assert!(message.contains("MAX_STARTS_PER_HOUR=1 is reached"), "{message}");
    }
    let started: Vec<_> = lines.iter().filter(|line| line["decision"] == "started").collect();
    assert_eq!(started.len(), 1, "{lines:#?}");
    // The three are delivered at the same time: which of them is first is not fixed.
    let named = |line: &&Value| (line["location"].clone(), line["title"].clone());
    let mut seen: Vec<_> = started.iter().chain(&refused).map(named).collect();
    seen.sort_by_key(|(location, _)| location.to_string());
    let all =
        (0..3).map(|number| (json!(format!("gs://backups/{number}")), json!(format!("Backup {number}"))));
    assert_eq!(seen, all.collect::<Vec<_>>());
    world.stop().await;
}

/// Publishes a message that can't be used and delivers what opwatch schedules for notices, while time stands still: in the queues
/// the hour would pass.
async fn publish_unusable(opwatch: &Opwatch, text: &str) {
    let notices = || {
        let mut tasks = opwatch.world.tasks.created();
        tasks.retain(|task| task.queue == NOTICE_QUEUE);
        tasks
    };
    let mut delivered = notices().len();
    opwatch.publish_and_pause(&json!({"nmae": text})).await;
    while let Some(task) = notices().get(delivered) {
        delivered += 1;
        let now = opwatch.world.time.now();
        let status =
            opwatch.push(&format!("{text}-{delivered}"), now, task.data.to_string().as_bytes()).await;
        assert_eq!(status, 204);
    }
}

/// A publisher whose messages can't be used must not fill a channel: so many are shown in an hour, then one says that there are
/// more, whichever instance they come to. The same data is one notice.
#[tokio::test]
async fn so_many_unusable_messages_are_shown_in_an_hour_and_one_says_that_there_are_more() {
    // An instance that joins late lets one of ten pass before it knows that the slots are taken. Of three it finds that out with
    // the calls for one notice, whose task was made. After that no task is made for a notice.
    for (most, joins_at, shown, tasks) in [(10, 8, 11, 12), (3, 3, 3, 5)] {
        let limited = |args: &mut opwatch::settings::Variables| {
            args.set("MAX_NOTICES_PER_HOUR", most.to_string());
            args.set("NOTICE_QUEUE", NOTICE_QUEUE);
        };
        let mut opwatch = Opwatch::start_with(limited).await;
        begin_an_hour(&opwatch);
        for number in 0..16 {
            if number == joins_at {
                opwatch = opwatch.restart_with(limited).await;
            }
            publish_unusable(&opwatch, &number.to_string()).await;
            publish_unusable(&opwatch, "0").await;
        }
        let told = opwatch.slack();
        assert_eq!(told.len(), shown + 1, "{:?}", opwatch.lines());
        let said = texts(&told[shown]).join("\n");
        let more = format!("More than {most} messages could not be used in this hour.");
        assert!(said.contains(&more) && said.contains("nmae"), "{said}");
        assert!(said.contains("jsonPayload.decision%3D%22not-noticed%22"), "{said}");
        assert!(!told[..shown].iter().any(|payload| texts(payload).join("").contains("More than")));
        let created = opwatch.world.tasks.created();
        assert_eq!(created.iter().filter(|task| task.queue == NOTICE_QUEUE).count(), tasks, "of {most}");

        begin_an_hour(&opwatch);
        publish_unusable(&opwatch, "next hour").await;
        assert_eq!(opwatch.slack().len(), told.len() + 1);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// Without a response of Cloud Tasks a notice is posted: nothing is silent because it could not be counted.
#[tokio::test]
async fn a_notice_that_can_not_be_counted_is_posted() {
    let opwatch = Opwatch::start_with(|args| {
        args.set("MAX_NOTICES_PER_HOUR", "1");
        args.set("NOTICE_QUEUE", NOTICE_QUEUE);
    })
    .await;
    begin_an_hour(&opwatch);
    let (id, now) = (opwatch.publish_and_pause(&json!({"nmae": "0"})).await, opwatch.world.time.now());
    let notice = opwatch.world.tasks.created().pop().unwrap();
    for number in 0..3 {
        opwatch.world.tasks.fail_next(refusal(503, "UNAVAILABLE", ""));
        opwatch.push(&format!("{id}{number}"), now, notice.data.to_string().as_bytes()).await;
    }
    let told = opwatch.slack();
    assert_eq!(told.len(), 3, "{:?}", opwatch.lines());
    assert!(!told.iter().any(|payload| texts(payload).join("").contains("More than")));
    opwatch.stop().await;
}
