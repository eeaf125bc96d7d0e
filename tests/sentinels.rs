//! Sentinels and signals: a watch ends once, whichever of its chain, a signal and its sentinel sees the end first.

use std::sync::Arc;

use chrono::TimeDelta;
use opwatch::app;
use opwatch::clock::Deadline;
use opwatch::fakes::{Fault, Plan, Task};
use opwatch::google::sentinel_id;
use opwatch::intake::http::App;
use opwatch::net::transport::Network;
use opwatch::runner::{Action, DeliveryResult};
use opwatch::services::{Operation, Service};
use opwatch::signal::{Phase, Signal};
use serde_json::json;

use crate::support::opwatch::{
    CHECK_QUEUE, Kind, NAME, Opwatch, TOKEN, TOPIC, client, lasting, send, settings,
};

fn operation() -> Operation {
    Operation::new(Service::DATASTORE, NAME).unwrap()
}

/// Its one sentinel.
fn sentinel(opwatch: &Opwatch) -> Task {
    let mut sentinels = opwatch.world.tasks.sentinels();
    assert_eq!(sentinels.len(), 1, "{sentinels:#?}");
    sentinels.remove(0)
}

/// Deletes a waiting task, as a person may.
async fn delete(opwatch: &Opwatch, task: &Task) {
    let url = format!("{}/v2/{}", opwatch.world.tasks.url(), task.name);
    assert_eq!(send(client().delete(url).bearer_auth(TOKEN)).await.0, 200);
}

/// The service that gets signals.
fn app(opwatch: &Opwatch) -> App {
    let settings = settings(&opwatch.world).check().unwrap();
    app::build(settings, Arc::new(Network::new().unwrap()), Arc::new(opwatch.world.time.clone()))
}

/// The same with adoption of what others than a robot start.
fn adopting(opwatch: &Opwatch, most: &str) -> App {
    adopting_with(opwatch, most, "60s")
}

fn adopting_with(opwatch: &Opwatch, most: &str, interval: &str) -> App {
    let mut settings = settings(&opwatch.world);
    settings.set("SIGNALS", "yes");
    settings.set("ADOPT", "datastore");
    settings.set("ADOPT_EXCEPT", "robot@demo.iam.gserviceaccount.com");
    settings.set("MAX_ADOPTIONS_PER_MINUTE", most);
    settings.set("CHECK_INTERVAL", interval);
    let settings = settings.check().unwrap();
    app::build(settings, Arc::new(Network::new().unwrap()), Arc::new(opwatch.world.time.clone()))
}

async fn said(app: &App, opwatch: &Opwatch, phase: Phase, principal: Option<&str>) -> DeliveryResult {
    let (at, principal) = (opwatch.world.time.now(), principal.map(str::to_owned));
    let signal = Signal { operation: operation(), phase, method: None, principal, at };
    app.runner.signal(signal, Deadline::start()).await
}

async fn signal(app: &App, opwatch: &Opwatch, phase: Phase) -> DeliveryResult {
    // Copies of an entry have one time.
    let at = opwatch
        .world
        .pubsub
        .messages()
        .first()
        .map_or_else(|| opwatch.world.time.now(), |kickoff| kickoff.publish_time);
    let signal = Signal { operation: operation(), phase, method: None, principal: None, at };
    app.runner.signal(signal, Deadline::start()).await
}

/// Begins a watch of an operation that lasts so long, and holds back its tasks until so many seconds later.
async fn begun(lasts: u64, later: i64) -> Opwatch {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(lasts));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.world.time.advance_to(opwatch.world.time.now() + TimeDelta::seconds(later));
    opwatch
}

#[tokio::test]
async fn a_watch_has_a_sentinel_until_its_end_is_scheduled() {
    let opwatch = Opwatch::start().await;
    opwatch.watch_named(lasting(90)).await;
    let sentinel = sentinel(&opwatch);
    assert_eq!(sentinel.name, format!("{CHECK_QUEUE}/tasks/{}", sentinel_id(TOPIC, &operation())));
    assert_eq!((sentinel.data["attempt"].as_u64(), sentinel.deleted), (Some(59), true));
    assert_eq!(sentinel.dispatches, []);
    let first = opwatch.tasks(Kind::Check)[0].schedule_time;
    assert_eq!(sentinel.schedule_time - first, TimeDelta::minutes(59), "an interval behind the last");
    assert_eq!(opwatch.world.operations.reads(NAME), 3);
    opwatch.only_message();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_second_watch_of_the_operation_is_only_polled() {
    let opwatch = Opwatch::start().await;
    opwatch.watch_named(lasting(90)).await;
    opwatch.world.operations.add(NAME, lasting(90));
    opwatch.watch(&json!({"name": NAME})).await;
    assert_eq!(opwatch.lines().len(), 2);
    sentinel(&opwatch);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// Two watches of one operation share the sentinel's name: the one that gives up first must not take the other's.
#[tokio::test]
async fn a_watch_that_gives_up_leaves_the_sentinel_of_another() {
    let opwatch = begun(1_800, 10).await;
    opwatch.publish_and_pause(&json!({"name": NAME, "limit": 2})).await;
    delete(&opwatch, &opwatch.tasks(Kind::Check)[0]).await;
    opwatch.resume().await;
    let lines = opwatch.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("is still running*") && lines[1].contains("succeeded*"), "{lines:?}");
    assert_eq!((sentinel(&opwatch).deleted, sentinel(&opwatch).dispatches), (false, vec![Some(200)]));
    opwatch.stop().await;
}

/// The other watch reports the end and the sentinel is all that is left of the first.
#[tokio::test]
async fn the_end_of_another_watch_does_not_silence_one_whose_chain_is_lost() {
    let opwatch = begun(1_800, 40).await;
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    delete(&opwatch, &opwatch.tasks(Kind::Check)[0]).await;
    opwatch.resume().await;
    let lines = opwatch.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("succeeded*")), "{lines:?}");
    assert_eq!((sentinel(&opwatch).deleted, sentinel(&opwatch).dispatches), (false, vec![Some(200)]));
    opwatch.stop().await;
}

#[tokio::test]
async fn a_watch_that_gives_up_deletes_its_own_sentinel() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(1_800));
    opwatch.watch(&json!({"name": NAME, "limit": 2})).await;
    assert!(opwatch.lines()[0].contains("is still running*"), "{:?}", opwatch.lines());
    assert!(sentinel(&opwatch).deleted);
    opwatch.stop().await;
}

/// As after an upgrade without the new permissions.
#[tokio::test]
async fn a_sentinel_that_is_not_deleted_costs_one_check_and_no_message() {
    let opwatch = Opwatch::start().await;
    opwatch.world.tasks.revoke("cloudtasks.tasks.delete");
    opwatch.watch_named(lasting(90)).await;
    assert_eq!(sentinel(&opwatch).dispatches, [Some(200)]);
    assert_eq!(opwatch.world.operations.reads(NAME), 4);
    opwatch.only_message();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_sentinel_ends_a_watch_whose_checks_are_lost() {
    for (plan, line) in [
        (lasting(90), "*Datastore export succeeded*"),
        (Plan { duration: std::time::Duration::MAX, ..Plan::default() }, "export is still running*"),
    ] {
        let opwatch = Opwatch::start().await;
        opwatch.world.operations.add(NAME, plan);
        opwatch.publish_and_pause(&json!({"name": NAME})).await;
        delete(&opwatch, &opwatch.tasks(Kind::Check)[0]).await;
        opwatch.resume().await;
        opwatch.only_message();
        assert!(opwatch.lines()[0].contains(line), "{:?}", opwatch.lines());
        assert_eq!(opwatch.world.operations.reads(NAME), 2);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_signal_reports_the_end_at_once_and_only_once() {
    let opwatch = begun(30, 40).await;
    let app = app(&opwatch);
    assert_eq!(signal(&app, &opwatch, Phase::Ended).await.decision, Action::Ended);
    let again = signal(&app, &opwatch, Phase::Ended).await;
    assert_eq!((again.decision, again.acknowledged), (Action::Ignored, true), "its sentinel is gone");
    opwatch.resume().await;
    opwatch.only_message();
    assert!(opwatch.tasks(Kind::Check)[0].deleted && sentinel(&opwatch).deleted);
    assert_eq!(opwatch.world.operations.reads(NAME), 2);
    opwatch.stop().await;
}

/// A check that is in flight may edit that message after its end, which the chain's next check then makes again.
#[tokio::test]
async fn a_signal_leaves_the_next_check_of_a_watch_that_a_message_follows() {
    let opwatch = crate::live::start().await;
    opwatch.world.operations.add(NAME, lasting(30));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    opwatch.world.time.advance_to(opwatch.world.time.now() + TimeDelta::seconds(40));
    let mut settings = settings(&opwatch.world);
    crate::live::bot(&mut settings);
    let network = Arc::new(Network::new().unwrap());
    let app = app::build(settings.check().unwrap(), network, Arc::new(opwatch.world.time.clone()));
    assert_eq!(signal(&app, &opwatch, Phase::Ended).await.decision, Action::Ended);
    assert!(sentinel(&opwatch).deleted && !opwatch.tasks(Kind::Check)[0].deleted);
    opwatch.resume().await;
    assert_eq!(opwatch.world.operations.reads(NAME), 3, "by the kickoff, the signal and that check");
    assert_eq!(opwatch.tasks(Kind::Report).len(), 1);
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// The entry of an end may come before the API shows the end.
#[tokio::test]
async fn a_signal_that_comes_early_looks_twice_more() {
    for (lasts, looks) in [(14, 1), (25, 2), (45, 2)] {
        let opwatch = begun(lasts, 10).await;
        let app = app(&opwatch);
        for _ in 0..2 {
            assert_eq!(signal(&app, &opwatch, Phase::Ended).await.decision, Action::CheckAgain);
        }
        opwatch.resume().await;
        opwatch.only_message();
        let created = opwatch.tasks(Kind::Check);
        let asked = created.iter().filter(|task| task.data["state"]["signal"].is_object()).count();
        assert_eq!(asked, looks, "{lasts}: of both signals, which have one time");
        assert_eq!(created.len() - asked, 1, "{lasts}: the chain has one check, whatever was signalled");
        assert_eq!(created.iter().find(|task| task.data["attempt"] == 1).unwrap().deleted, lasts < 30);
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_signal_that_can_not_be_followed_changes_nothing() {
    for permission in ["cloudtasks.tasks.get", "cloudtasks.tasks.fullView"] {
        let opwatch = begun(30, 40).await;
        opwatch.world.tasks.revoke(permission);
        let ignored = signal(&app(&opwatch), &opwatch, Phase::Ended).await;
        assert_eq!((ignored.decision, ignored.acknowledged), (Action::Ignored, true));
        assert!(ignored.needs_attention && ignored.error.unwrap().contains(permission));
        opwatch.resume().await;
        opwatch.only_message();
        opwatch.stop().await;
    }
    let opwatch = Opwatch::start().await;
    let app = app(&opwatch);
    for phase in [Phase::Started, Phase::Ended, Phase::AtOnce] {
        let ignored = signal(&app, &opwatch, phase).await;
        assert_eq!((ignored.decision, ignored.error, ignored.acknowledged), (Action::Ignored, None, true));
    }
    assert_eq!(opwatch.slack().len(), 0, "no one watches it");
    opwatch.stop().await;
}

const ANA: Option<&str> = Some("ana@example.com");

#[tokio::test]
async fn a_start_that_nobody_watches_is_adopted_once_and_says_who_made_it() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(90));
    let app = adopting(&opwatch, "0");
    opwatch.world.pause();
    assert_eq!(said(&app, &opwatch, Phase::Started, ANA).await.decision, Action::Adopted);
    for _ in 0..2 {
        // Another entry of the same start would go on where the first one had stopped.
        assert_eq!(said(&app, &opwatch, Phase::Started, ANA).await.decision, Action::Ignored);
    }
    opwatch.resume().await;
    assert!(opwatch.only_text().contains("*Started by*\n`ana@example.com`"), "{}", opwatch.only_text());
    assert_eq!(opwatch.tasks(Kind::Check).len(), 3);
    assert!(sentinel(&opwatch).deleted);
    for phase in [Phase::Started, Phase::Ended] {
        assert_eq!(said(&app, &opwatch, phase, ANA).await.decision, Action::Ignored, "within a day");
    }
    opwatch.only_message();
    opwatch.stop().await;
}

/// Another watch of the operation may have nothing else.
#[tokio::test]
async fn a_sentinel_that_can_not_be_read_stays_and_one_that_may_be_adopted_is_read_again() {
    let opwatch = begun(90, 10).await;
    let unreadable = || opwatch.world.tasks.fail_next_on("GET", "FULL", Fault::answer(503, "{}"));
    let app = adopting(&opwatch, "0");
    unreadable();
    let unread = said(&app, &opwatch, Phase::Started, ANA).await;
    assert_eq!((unread.decision, unread.acknowledged), (Action::NotScheduled, false));
    opwatch.world.tasks.fail_always_on("GET", "FULL", Some(Fault::answer(503, "{}")));
    opwatch.resume().await;
    assert!(!sentinel(&opwatch).deleted);
    opwatch.only_message();
    opwatch.stop().await;
}

#[tokio::test]
async fn an_adopted_watch_climbs_the_ladder_as_one_with_a_kickoff_does() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(90));
    let app = adopting_with(&opwatch, "0", "");
    opwatch.world.pause();
    let begun = opwatch.world.time.now();
    assert_eq!(said(&app, &opwatch, Phase::Started, ANA).await.decision, Action::Adopted);
    let lasts = sentinel(&opwatch).schedule_time - begun;
    assert!(lasts >= TimeDelta::days(1) && lasts < TimeDelta::days(1) + TimeDelta::minutes(6), "{lasts}");
    opwatch.resume().await;
    opwatch.only_message();
    opwatch.stop().await;
}

#[tokio::test]
async fn an_end_that_nobody_watched_is_reported() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(0));
    let app = adopting(&opwatch, "0");
    assert_eq!(said(&app, &opwatch, Phase::AtOnce, ANA).await.decision, Action::Ignored);
    assert_eq!(said(&app, &opwatch, Phase::Ended, None).await.decision, Action::Adopted);
    opwatch.world.settled().await;
    assert_eq!(said(&app, &opwatch, Phase::Ended, None).await.decision, Action::Ignored);
    opwatch.world.settled().await;
    opwatch.only_message();
    assert!(opwatch.lines()[0].contains("*Datastore export succeeded*"), "{:?}", opwatch.lines());
    opwatch.stop().await;
}

const ROBOT: Option<&str> = Some("robot@demo.iam.gserviceaccount.com");

/// An entry about an end names no account. The one about the start takes the name that the sentinel would have.
#[tokio::test]
async fn what_an_excepted_account_started_is_not_reported_at_its_end() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(0));
    let app = adopting(&opwatch, "1");
    opwatch.world.pause();
    opwatch.world.tasks.fail_next(Fault::answer(503, "{}"));
    let unclear = said(&app, &opwatch, Phase::Started, ROBOT).await;
    assert_eq!((unclear.decision, unclear.acknowledged), (Action::NotScheduled, false), "it comes again");
    for phase in [Phase::Started, Phase::Started, Phase::Ended, Phase::Ended, Phase::Started, Phase::Ended] {
        let principal = ROBOT.filter(|_| phase == Phase::Started);
        let ignored = said(&app, &opwatch, phase, principal).await;
        assert_eq!((ignored.decision, ignored.error, ignored.acknowledged), (Action::Ignored, None, true));
    }
    let (id, mut created) = (sentinel_id(TOPIC, &operation()), opwatch.world.tasks.created());
    created.retain(|task| task.data["state"]["report"]["slot"]["of"] == "excepted");
    let [task] = created.as_slice() else { panic!("{created:#?}") };
    assert!(task.name.ends_with(&id) && task.deleted, "{task:?}");
    opwatch.resume().await;
    assert_eq!((opwatch.world.operations.reads(NAME), opwatch.slack().len()), (0, 0));
    opwatch.stop().await;
}

/// Of an operation whose end no entry tells, the task runs when a watch would be over, and nothing follows.
#[tokio::test]
async fn the_task_of_an_excepted_operation_does_nothing_when_it_runs() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(90));
    let app = adopting_with(&opwatch, "0", "");
    opwatch.world.pause();
    let begun = opwatch.world.time.now();
    assert_eq!(said(&app, &opwatch, Phase::Started, ROBOT).await.decision, Action::Ignored);
    let lasts = opwatch.world.tasks.created()[0].schedule_time - begun;
    assert!(lasts >= TimeDelta::days(1) && lasts < TimeDelta::days(1) + TimeDelta::minutes(6), "{lasts}");
    // A person's own watch of it is only polled.
    opwatch.publish(&json!({"name": NAME})).await;
    opwatch.resume().await;
    opwatch.only_message();
    assert!(opwatch.world.tasks.sentinels().is_empty());
    opwatch.assert_all_acknowledged();
    assert_eq!(opwatch.world.tasks.created().iter().filter(|task| task.deleted).count(), 0);
    opwatch.stop().await;
}

#[tokio::test]
async fn what_is_watched_excepted_or_forbidden_is_not_adopted() {
    let opwatch = begun(90, 10).await;
    let app = adopting(&opwatch, "0");
    assert_eq!(said(&app, &opwatch, Phase::Started, ANA).await.decision, Action::Ignored, "it is watched");
    opwatch.resume().await;
    assert_eq!(said(&app, &opwatch, Phase::Ended, ANA).await.decision, Action::Ignored, "it was watched");
    opwatch.world.tasks.fail_next_on("POST", "/tasks", Fault::DoneButLost);
    let unclear = said(&app, &opwatch, Phase::Ended, ANA).await;
    assert_eq!(unclear.decision, Action::Ignored, "whose the name is was not clear at first");
    opwatch.only_message();
    opwatch.stop().await;

    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(90));
    let app = adopting(&opwatch, "0");
    opwatch.world.pause();
    opwatch.world.tasks.fail_next_on("POST", "/tasks", Fault::DoneButLost);
    assert_eq!(said(&app, &opwatch, Phase::Started, ANA).await.decision, Action::Adopted, "it is its own");
    opwatch.resume().await;
    opwatch.only_message();
    opwatch.stop().await;

    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(90));
    let app = adopting(&opwatch, "0");
    assert_eq!(said(&app, &opwatch, Phase::Started, ROBOT).await.decision, Action::Ignored);
    let operation = Operation::new(Service::DATASTORE, "projects/other/operations/x").unwrap();
    let at = opwatch.world.time.now();
    let foreign = Signal { operation, phase: Phase::Started, method: None, principal: None, at };
    let foreign = app.runner.signal(foreign, Deadline::start()).await;
    assert_eq!(foreign.error.as_deref(), Some("PROJECTS does not allow it"));
    assert_eq!((opwatch.world.operations.reads(NAME), opwatch.slack().len()), (0, 0));
    opwatch.stop().await;
}
