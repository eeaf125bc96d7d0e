//! The ledger on Google's Datastore emulator: what is kept, who may send, and that nothing depends on it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use opwatch::fakes::{Event, Fault, Plan};
use opwatch::google::{Google, Tokens, report_id};
use opwatch::ledger::{ClaimOf, LEASE, LeaseState, Ledger, Run};
use opwatch::message::{Defaults, Received, read};
use opwatch::net::endpoints::{Api, Endpoints};
use opwatch::net::transport::Network;
use opwatch::settings::Variables;
use opwatch::trust::Origin;
use opwatch::watch::Message;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::deployment::{Datastore, Deployment};
use crate::support::emulators::{Emulators, PROJECT, emulators};
use crate::support::gate::Gate;
use crate::support::opwatch::{GREEN, NAME, Opwatch, TOKEN, TOPIC, colour, lasting, texts};
use crate::support::process::{outcome, variables};
use crate::support::proxy::Proxy;
use crate::support::python;

const KIND: &str = "Run";
const LIMIT: Duration = Duration::from_secs(30);

/// Turns the ledger on, at `url`; each test has a namespace of its own.
pub(crate) fn ledger_at(url: &str, namespace: &str) -> impl FnOnce(&mut Variables) {
    let (url, namespace) = (url.to_owned(), namespace.to_owned());
    move |args| {
        args.set("LEDGER_KIND", KIND);
        args.set("LEDGER_NAMESPACE", namespace);
        args.append("ENDPOINTS", &format!("ledger={url}"));
    }
}

/// opwatch with its ledger in the emulator.
pub(crate) async fn kept(google: &Emulators, namespace: &str) -> Opwatch {
    Opwatch::start_with(ledger_at(&google.datastore.url(), namespace)).await
}

/// The ledger's client, as opwatch has it.
fn client(url: &str, namespace: &str) -> (Google, Ledger) {
    let mut endpoints = Endpoints::default();
    endpoints.set(Api::Ledger, url).unwrap();
    let ledger = Ledger {
        kind: KIND.to_owned(),
        project: PROJECT.to_owned(),
        namespace: namespace.to_owned(),
        database: String::new(),
        keep: TimeDelta::days(400),
    };
    let tokens = Tokens::new(Some(TOKEN.into()));
    (Google::new(Arc::new(Network::new().unwrap()), tokens, endpoints), ledger)
}

/// All entities of the kinds that begin with [`KIND`] in a namespace, by kind.
async fn entities(google: &Emulators, namespace: &str, kind: &str) -> Vec<Value> {
    let query = json!({"partitionId": {"namespaceId": namespace}, "query": {"kind": [{"name": kind}]}});
    let mut answer = google.datastore.post(&format!("projects/{PROJECT}:runQuery"), &query).await;
    match answer["batch"]["entityResults"].take() {
        Value::Array(all) => all.into_iter().map(|mut one| one["entity"].take()).collect(),
        _ => Vec::new(),
    }
}

/// printf projects/demo/operations/ASA1watched | sha1sum
const NAME_SHA1: &str = "ca0e83f35a5a7f302165331e478262c89c383692";

#[tokio::test]
async fn what_was_seen_is_kept_for_others_to_read() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "seen").await;
    opwatch.world.operations.add(NAME, lasting(150));
    opwatch.watch(&json!({"name": NAME, "title": "Nightly"})).await;

    let found = entities(google, "seen", KIND).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["key"]["path"], json!([{"kind": KIND, "name": NAME_SHA1}]));
    let of = |name: &str| found[0]["properties"][name].clone();
    assert_eq!(of("outcome"), json!({"stringValue": "succeeded"}));
    // The first check is the kickoff's own delivery.
    let checks = 1 + opwatch.attempts().len();
    assert_eq!(of("attempts"), json!({"integerValue": checks.to_string()}));

    let Some(seen) = python::entity(google, "seen", KIND, NAME_SHA1, Some("note=by hand")).await else {
        return;
    };
    let value = |name: &str| &seen["values"][name];
    assert_eq!(value("name"), &json!({"str": NAME}));
    assert_eq!(value("done"), &json!({"bool": true}));
    assert_eq!(value("state"), &json!({"str": "SUCCESSFUL"}));
    assert_eq!(value("type"), &json!({"str": "EXPORT_ENTITIES"}));
    assert_eq!(value("title"), &json!({"str": "Nightly"}));
    assert_eq!((value("service"), value("project")), (&json!({"str": "datastore"}), &json!({"str": "demo"})));
    assert_eq!(value("entitiesCompleted"), &json!({"int": 12_345}));
    assert_eq!(value("bytesCompleted"), &json!({"int": 67_890_123}));
    assert!(value("outputUrl")["str"].as_str().unwrap().starts_with("gs://"), "{seen:#}");
    let time = |name: &str| -> DateTime<Utc> {
        value(name)["time"].as_str().unwrap_or_else(|| panic!("{name}: {seen:#}")).parse().unwrap()
    };
    assert_eq!(time("end") - time("start"), TimeDelta::seconds(150));
    assert!(time("firstSeen") < time("lastSeen"), "{seen:#}");
    assert_eq!(time("expires") - time("lastSeen"), TimeDelta::days(400));
    let unindexed: BTreeSet<&str> =
        seen["unindexed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(unindexed.contains("outputUrl") && unindexed.contains("outputUrlPrefix"), "{unindexed:?}");
    assert!(!unindexed.contains("lastSeen") && !unindexed.contains("title"), "{unindexed:?}");

    // A second watch of the same operation is told too, and takes nothing away.
    opwatch.watch(&json!({"name": NAME})).await;
    let again = python::entity(google, "seen", KIND, NAME_SHA1, None).await.unwrap();
    assert_eq!(again["values"]["note"], json!({"str": "by hand"}));
    assert_eq!(again["values"]["firstSeen"], seen["values"]["firstSeen"]);
    assert_ne!(again["values"]["watch"], seen["values"]["watch"]);
    assert_eq!(opwatch.slack().len(), 2);
    opwatch.stop().await;
}

#[tokio::test]
async fn what_a_start_was_told_to_take_is_kept() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "filter").await;
    opwatch.world.operations.plan(lasting(90));
    opwatch.watch(&crate::support::opwatch::export()).await;
    let name = opwatch.world.operations.operations()[0].body["name"].as_str().unwrap().to_owned();
    let found = entities(google, "filter", KIND).await;
    assert_eq!(found[0]["properties"]["name"]["stringValue"], name);
    let key = found[0]["key"]["path"][0]["name"].as_str().unwrap();
    let Some(seen) = python::entity(google, "filter", KIND, key, None).await else { return };
    let filter = json!({"kinds": {"list": [{"str": "Shop"}]}, "namespaceIds": {"list": []}});
    assert_eq!(seen["values"]["entityFilter"]["entity"], filter, "{seen:#}");
    opwatch.stop().await;
}

/// The export of the Datastore emulator is such a one.
#[tokio::test]
async fn an_answer_without_a_name_is_not_kept() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "nameless").await;
    let done = json!({"done": true, "metadata": {"common": {"state": "SUCCESSFUL"}}}).to_string();
    opwatch.world.operations.fail_next_on("POST", ":export", Fault::answer(200, &done));
    opwatch.watch(&crate::support::opwatch::export()).await;
    assert_eq!(opwatch.slack().len(), 1);
    assert_eq!(entities(google, "nameless", KIND).await, Vec::<Value>::new());
    opwatch.stop().await;
}

#[tokio::test]
async fn of_twenty_who_want_a_claim_one_gets_it() {
    let Some(google) = emulators() else { return };
    let now = Utc::now();
    for round in 0..5 {
        let mut race = JoinSet::new();
        for racer in 0..20 {
            let (client, ledger) = client(&google.datastore.url(), "race");
            race.spawn(async move {
                let (report, owner) = (format!("report-{round}"), format!("owner-{racer}"));
                ledger.claim(&client, ClaimOf { report: &report, owner: &owner }, now, LIMIT).await.unwrap()
            });
        }
        let standings = race.join_all().await;
        let mine = standings.iter().filter(|standing| **standing == LeaseState::Mine).count();
        let held = standings.iter().filter(|standing| matches!(standing, LeaseState::Held(_))).count();
        assert_eq!((mine, held), (1, 19), "{standings:?}");
    }
}

#[tokio::test]
async fn a_claim_ends_with_its_lease_and_when_it_is_released_and_never_once_sent() {
    let Some(google) = emulators() else { return };
    let (client, ledger) = client(&google.datastore.url(), "lease");
    let claim = async |owner: &str, now| {
        ledger.claim(&client, ClaimOf { report: "report", owner }, now, LIMIT).await.unwrap()
    };
    let now = Utc::now();
    let (second, later) = (TimeDelta::seconds(1), now + LEASE);
    assert_eq!(claim("a", now).await, LeaseState::Mine);
    assert_eq!(claim("a", now).await, LeaseState::Mine, "the first answer may have been lost");
    assert!(matches!(claim("b", later - second).await, LeaseState::Held(_)));
    // Its holder is gone: of those who find it so, one gets it.
    let mut race = JoinSet::new();
    for racer in 0..20 {
        let (client, ledger) = self::client(&google.datastore.url(), "lease");
        race.spawn(async move {
            ledger
                .claim(&client, ClaimOf { report: "report", owner: &format!("c{racer}") }, later, LIMIT)
                .await
                .unwrap()
        });
    }
    let standings = race.join_all().await;
    let mine = standings.iter().filter(|standing| **standing == LeaseState::Mine).count();
    assert_eq!(mine, 1, "{standings:?}");
    ledger.release(&client, "report", LIMIT).await.unwrap();
    assert_eq!(claim("d", later).await, LeaseState::Mine);
    ledger.mark_sent(&client, ClaimOf { report: "report", owner: "d" }, None, later, LIMIT).await.unwrap();
    for owner in ["d", "e"] {
        assert_eq!(claim(owner, later + LEASE + LEASE).await, LeaseState::Sent);
    }
}

/// A report as opwatch passes it on.
fn report(id: &str) -> Vec<u8> {
    let facts =
        json!({"state": "SUCCESSFUL", "start": "2026-11-23T03:00:00Z", "end": "2026-11-23T03:05:00Z"});
    let told = json!({"outcome": "succeeded", "at": "2026-11-23T03:06:00Z", "facts": facts});
    json!({"name": NAME, "attempt": 3, "state": {"version": 1, "id": id, "report": told}})
        .to_string()
        .into_bytes()
}

/// Pushes fifty copies of a report at once; all are acknowledged.
async fn push_fifty(opwatch: &Opwatch) {
    let data = report("2070443601311540");
    let pushes = (0..50).map(|copy| {
        let data = &data;
        async move { opwatch.push(&format!("copy-{copy}"), Utc::now(), data).await }
    });
    let statuses = futures(pushes.collect()).await;
    assert!(statuses.iter().all(|status| *status == 204), "{statuses:?}");
}

/// Drives all to their end at the same time.
async fn futures<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, output) in &mut all {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    all.into_iter().map(|(_, output)| output.unwrap()).collect()
}

#[tokio::test]
async fn fifty_copies_of_a_report_at_once_are_one_message() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "fifty").await;
    let begun = Instant::now();
    push_fifty(&opwatch).await;
    let took = begun.elapsed();
    // None yet, when an emulator that has just started answered nobody in time.
    assert!(opwatch.slack().len() <= 1, "within {took:?}");
    opwatch.world.settled().await;
    // Those who waited came back as one, and found it sent or told it.
    assert_eq!(opwatch.slack().len(), 1, "within {took:?}");
    assert!(opwatch.world.tasks.created().len() <= 3, "{:#?}", opwatch.world.tasks.created());
    push_fifty(&opwatch).await;
    assert_eq!(opwatch.slack().len(), 1);
    // A second watch of the same operation is another report.
    opwatch.push("other", Utc::now(), &report("2070443601311541")).await;
    assert_eq!(opwatch.slack().len(), 2);
    opwatch.stop().await;
}

/// What the ledger is for: without it each copy is told.
#[tokio::test]
async fn without_a_ledger_each_copy_is_a_message() {
    let opwatch = Opwatch::start().await;
    push_fifty(&opwatch).await;
    assert_eq!(opwatch.slack().len(), 50);
    opwatch.stop().await;
}

/// Whoever had the claim is gone without a word: the report comes back when the lease is over, and is told.
#[tokio::test]
async fn a_report_whose_holder_is_gone_is_told_after_the_lease() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "crashed").await;
    let data = report("2070443601311543");
    let received = Received { message_id: "1".to_owned(), published: Utc::now(), origin: Origin::Internal };
    let Ok(Message::Report(read)) = read(&data, &received, &Defaults::new(opwatch::outlets::ADDRESSING))
    else {
        panic!("a report")
    };
    let (client, ledger) = client(&google.datastore.url(), "crashed");
    let id = report_id(TOPIC, &read);
    let claim =
        ledger.claim(&client, ClaimOf { report: &id, owner: "gone" }, opwatch.world.time.now(), LIMIT).await;
    assert_eq!(claim.unwrap(), LeaseState::Mine);

    opwatch.world.pause();
    opwatch.push("1", Utc::now(), &data).await;
    opwatch.push("2", Utc::now(), &data).await;
    assert_eq!(opwatch.slack().len(), 0);
    opwatch.resume().await;

    assert_eq!(opwatch.slack().len(), 1);
    let tasks = opwatch.world.tasks.created();
    assert_eq!((tasks.len(), opwatch.world.tasks.duplicates()), (1, 1), "{tasks:#?}");
    assert_eq!(tasks[0].data["state"]["report"]["waits"], 1);
    let wait = tasks[0].schedule_time - tasks[0].created_at;
    assert!((50..=61).contains(&wait.num_seconds()), "{wait}");
    opwatch.stop().await;
}

/// Slack's failure lets the claim go, and the report is told by the next try, once.
#[tokio::test]
async fn a_report_that_slack_refuses_is_told_once_by_a_later_try() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "refused").await;
    opwatch.world.slack.fail_next(Fault::answer(503, "down"));
    opwatch.world.slack.fail_next(Fault::answer(503, "down"));
    // The next try is due in 10 s, which would else be over at once.
    opwatch.world.pause();
    opwatch.push("1", Utc::now(), &report("2070443601311542")).await;
    assert_eq!(entities(google, "refused", "RunClaim").await, Vec::<Value>::new());
    opwatch.resume().await;
    assert_eq!(opwatch.slack().len(), 1);
    assert_eq!(opwatch.world.tasks.created().len(), 2, "{:#?}", opwatch.world.tasks.created());
    let claims = entities(google, "refused", "RunClaim").await;
    assert_eq!(claims[0]["properties"]["state"]["stringValue"], "sent");
    // A copy of the first try that comes late.
    opwatch.push("1", Utc::now(), &report("2070443601311542")).await;
    assert_eq!(opwatch.slack().len(), 1);
    opwatch.stop().await;
}

#[tokio::test]
async fn losing_the_ledger_in_mid_watch_changes_nothing_in_slack() {
    let Some(google) = emulators() else { return };
    let mut proxy = Proxy::to(&google.datastore.host()).await;
    let opwatch = Opwatch::start_with(ledger_at(&proxy.url(), "lost")).await;
    opwatch.world.operations.add(NAME, lasting(300));
    opwatch.publish_and_pause(&json!({"name": NAME})).await;
    assert_eq!(entities(google, "lost", KIND).await.len(), 1);
    proxy.down().await;
    opwatch.resume().await;

    let plain = Opwatch::start().await;
    plain.watch_named(lasting(300)).await;
    assert_eq!(without_times(&opwatch.only_message()), without_times(&plain.only_message()));
    assert_eq!(opwatch.attempts(), plain.attempts());
    opwatch.assert_all_acknowledged();
    let running = &entities(google, "lost", KIND).await[0]["properties"];
    assert_eq!(running["outcome"]["stringValue"], "running");

    // Once it is back, so is the history.
    proxy.up().await;
    opwatch.watch(&json!({"name": NAME})).await;
    assert_eq!(opwatch.slack().len(), 2);
    let ended = &entities(google, "lost", KIND).await[0]["properties"];
    assert_eq!(ended["outcome"]["stringValue"], "succeeded");
    opwatch.stop().await;
    plain.stop().await;
}

/// The texts of a payload, with a 0 for each digit: worlds begin at different times.
fn without_times(payload: &Value) -> Vec<String> {
    let zero = |text: String| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    texts(payload).into_iter().map(zero).collect()
}

/// It has 2 s for an answer, for which no next step waits. The report comes back once, in case the claim was taken, and is
/// then posted without an answer.
#[tokio::test]
async fn a_ledger_that_never_answers_delays_no_next_step() {
    let gate = Gate::closed("").await;
    let opwatch = Opwatch::start_with(ledger_at(gate.url(), "gate")).await;
    opwatch.world.operations.add(NAME, Plan { duration: Duration::ZERO, ..Plan::default() });
    let mut events = opwatch.world.events();
    let begun = Instant::now();
    opwatch.publish(&json!({"name": NAME})).await;
    events.wait_for("the report's task", |event| matches!(event, Event::TaskCreated { .. })).await.unwrap();
    let scheduled = begun.elapsed();
    assert!(scheduled < Duration::from_millis(1_500), "{scheduled:?}");
    opwatch.world.settled().await;
    let told = begun.elapsed();
    assert_eq!(opwatch.slack().len(), 1);
    let waits: Vec<_> = opwatch
        .world
        .tasks
        .created()
        .iter()
        .map(|task| task.data["state"]["report"]["waits"].clone())
        .collect();
    assert_eq!(waits, [json!(null), json!(1)]);
    assert!((Duration::from_secs(7)..Duration::from_secs(14)).contains(&told), "{told:?}");
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_ledger_that_is_down_is_told_of_once_a_minute() {
    let Some(google) = emulators() else { return };
    let settings =
        [("LEDGER_KIND", KIND), ("DATASTORE_EMULATOR_HOST", "127.0.0.1:1"), ("CHECK_INTERVAL", "1s")];
    let mut deployment = Deployment::start(google, "ledger-down", Datastore::FakeService, &settings).await;
    let name = "projects/demo/operations/ASA1down";
    deployment.world.operations.add(name, lasting(4));
    deployment.publish(&json!({"name": name})).await;
    deployment.quiet().await;
    assert_eq!(colour(&deployment.only_message()), GREEN);
    let complaints = deployment.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(complaints[0].starts_with("ledger error: the snapshot is not stored: "), "{complaints:?}");
    deployment.stop().await;
}

/// More than one call brings, in a database of its own, and those without a name passed over.
#[tokio::test]
async fn the_history_is_read_page_by_page_as_far_as_it_is_wanted() {
    let Some(google) = emulators() else { return };
    let (client, ledger) = client(&google.datastore.url(), "pages");
    let ledger = Ledger { database: "other".to_owned(), ..ledger };
    let first: DateTime<Utc> = "2026-11-23T00:00:00Z".parse().unwrap();
    let mutations: Vec<Value> = (0..120_i64)
        .map(|run| {
            let name = format!("projects/demo/operations/{run}");
            let seen = first + TimeDelta::minutes(run);
            let field = if run == 7 { "other" } else { "name" };
            json!({"upsert": {"key": ledger.operation_key(&name), "properties": {
                "lastSeen": {"timestampValue": seen.to_rfc3339()},
                field: {"stringValue": name},
            }}})
        })
        .collect();
    let body = json!({"databaseId": "other", "mode": "NON_TRANSACTIONAL", "mutations": mutations});
    google.datastore.post(&format!("projects/{PROJECT}:commit"), &body).await;
    let read = async |since, most| {
        let mut names = Vec::new();
        let wanted = |run: Run| {
            names.push(run.operation);
            names.len() < most
        };
        ledger.runs(&client, since, wanted, LIMIT).await.unwrap();
        names
    };
    let all = read(None, 1_000).await;
    assert_eq!(all.len(), 119);
    assert_eq!(
        (all[0].as_str(), all[118].as_str()),
        ("projects/demo/operations/119", "projects/demo/operations/0")
    );
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 119);
    assert_eq!(read(None, 60).await, all[..60]);
    assert_eq!(read(Some(first + TimeDelta::minutes(110)), 1_000).await, all[..10]);
}

#[tokio::test]
async fn the_history_shows_ten_runs_and_how_the_last_compares() {
    let Some(google) = emulators() else { return };
    let opwatch = kept(google, "history").await;
    for run in 1..=10_u64 {
        let name = format!("projects/demo/operations/ASA1run{run}");
        let entities = if run == 10 { 4_000 } else { 10_000 + 100 * run };
        let seconds = if run == 10 { 1_000 } else { 300 };
        opwatch.world.operations.add(&name, Plan { entities, ..lasting(seconds) });
        opwatch.watch(&json!({"name": name, "title": "Nightly"})).await;
    }
    opwatch.world.operations.add(NAME, lasting(10));
    opwatch.watch(&json!({"name": NAME, "title": "Other"})).await;

    let messages = opwatch.slack();
    let compared = |run: usize| {
        let texts = texts(&messages[run - 1]);
        texts
            .into_iter()
            .filter(|text| text.contains("Compared with") || text.contains("Warning"))
            .collect::<Vec<_>>()
    };
    let only = |run: usize| {
        let lines = compared(run);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].clone()
    };
    assert_eq!(compared(1), Vec::<String>::new());
    assert!(
        only(2).starts_with("Compared with 20") && only(2).contains(": 1% more entities, "),
        "{}",
        only(2)
    );
    assert!(only(9).ends_with(", same duration."), "{}", only(9));
    let last = compared(10);
    assert!(
        last[0].starts_with("Compared with 20")
            && last[0].ends_with(": 63% fewer entities, 11 min 40 s longer.")
    );
    assert_eq!(last[1], "Warning: the number of entities fell by more than half, from 10,900 to 4,000.");
    assert_eq!(last[2], "Warning: took more than three times as long, 16 min 40 s instead of 5 min.");
    assert_eq!(compared(11), Vec::<String>::new(), "another title is other work");

    let mut variables = variables(&opwatch.world);
    let endpoints = format!("ledger={}", google.datastore.url());
    variables.retain(|(name, _)| *name != "ENDPOINTS");
    variables.extend([
        ("ENDPOINTS", endpoints),
        ("LEDGER_KIND", KIND.to_owned()),
        ("LEDGER_NAMESPACE", "history".to_owned()),
    ]);
    let history = async |arguments: &[&str]| {
        let arguments = [&["history"], arguments].concat();
        let (status, stdout, stderr) = outcome(&arguments, &variables).await;
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
        stdout
    };
    let table = history(&["--title", "Nightly"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 1 + 10 + 1 + 3, "{table}");
    assert!(
        lines[0].starts_with("Start") && lines[10].contains("4,000") && lines[10].contains("████"),
        "{table}"
    );
    assert_eq!(lines[12..], last, "{table}");
    let all: Vec<Value> = serde_json::from_str(&history(&["--json", "--limit", "100"]).await).unwrap();
    assert_eq!(all.len(), 11);
    assert_eq!((&all[9]["entities"], &all[9]["seconds"]), (&json!(4_000), &json!(1_000)));
    assert!(history(&["--title", "None"]).await.starts_with("No runs found. Check --title"));
    let since = history(&["--json", "--since", "1day"]).await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&since).unwrap().len(), 10, "the last ten by default");
    let japanese = history(&["--locale", "ja", "--title", "Nightly"]).await;
    assert!(japanese.contains("警告: Entity数が半分未満に減りました"), "{japanese}");

    let (status, _, stderr) = outcome(&["history"], &[]).await;
    assert_eq!(status, Some(64));
    assert!(stderr.contains("LEDGER_KIND: must be set (example: LEDGER_KIND=OpwatchOperation)"), "{stderr}");
    opwatch.stop().await;
}
