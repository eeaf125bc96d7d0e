//! What opwatch asks Google's APIs for, held against Google's own descriptions of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use opwatch::fakes::RecordedRequest;
use opwatch::google::{Database, Google, Mutation, Query, Tokens};
use opwatch::net::endpoints::{Api, Endpoints};
use opwatch::net::transport::Network;
use serde_json::{Value, json};

use crate::support::opwatch::{NAME, Opwatch, TOKEN, TOPIC, export, firestore_export, lasting};
use crate::support::python;
use crate::support::recorder::{Asked, Recorder};

const LIMIT: Duration = Duration::from_secs(10);

/// Every method that opwatch calls, by its id in the discovery documents.
const METHODS: [&str; 21] = [
    "cloudresourcemanager.projects.testIamPermissions",
    "cloudtasks.projects.locations.queues.tasks.create",
    "cloudtasks.projects.locations.queues.tasks.delete",
    "cloudtasks.projects.locations.queues.tasks.get",
    "cloudtasks.projects.locations.queues.testIamPermissions",
    "datastore.projects.commit",
    "datastore.projects.export",
    "datastore.projects.import",
    "datastore.projects.lookup",
    "datastore.projects.operations.get",
    "datastore.projects.operations.list",
    "datastore.projects.runQuery",
    "firestore.projects.databases.exportDocuments",
    "firestore.projects.databases.importDocuments",
    "firestore.projects.databases.operations.get",
    "firestore.projects.databases.operations.list",
    "iam.projects.serviceAccounts.testIamPermissions",
    "pubsub.projects.subscriptions.acknowledge",
    "pubsub.projects.subscriptions.modifyAckDeadline",
    "pubsub.projects.subscriptions.pull",
    "pubsub.projects.topics.publish",
];

/// Not among them: `topics.get` has its own name in the documents.
const TOPIC_GET: &str = "pubsub.projects.topics.get";

fn request(document: &str, method: &str, path: &str, body: &Value) -> Value {
    json!({"document": document, "method": method, "path": path, "body": body})
}

fn recorded(document: &str, requests: &[RecordedRequest]) -> Vec<Value> {
    requests.iter().map(|one| request(document, &one.method, &one.path, &one.json())).collect()
}

fn asked(document: &str, recorder: &Recorder) -> Vec<Value> {
    let all = recorder.asked();
    all.iter().map(|Asked { method, path, body }| request(document, method, path, body)).collect()
}

/// Starts of every kind, what looks them up and reads them, the tasks between, and what these publish.
async fn of_watches() -> Vec<Value> {
    let opwatch = Opwatch::start_with(|args| {
        args.set(
            "STARTS",
            "datastore:export,datastore:import,firestore:exportDocuments,firestore:importDocuments",
        );
        args.set("IMPORT_PREFIXES", "any");
    })
    .await;
    opwatch.world.operations.plan(lasting(100));
    let input = "gs://backups/2026/2026.overall_export_metadata";
    let imports = [
        json!({"start": {"service": "datastore", "path": "projects/demo:import",
            "body": {"inputUrl": input, "entityFilter": {"kinds": ["Shop"], "namespaceIds": [""]}, "labels": {"team": "a"}}}}),
        json!({"start": {"service": "firestore", "path": "projects/demo/databases/(default):importDocuments",
            "body": {"inputUriPrefix": "gs://backups/2026", "collectionIds": ["shops"], "namespaceIds": ["a"]}}}),
    ];
    for message in [export(), firestore_export()].iter().chain(&imports).chain([&json!({"test": true})]) {
        opwatch.watch(message).await;
    }
    let operations = opwatch.world.operations.requests();
    let (firestore, datastore): (Vec<_>, Vec<_>) =
        operations.into_iter().partition(|request| request.path.contains("/databases/"));
    let tasks = opwatch.world.tasks.requests();
    let mut all = recorded("datastore.v1", &datastore);
    all.extend(recorded("firestore.v1", &firestore));
    all.extend(recorded("cloudtasks.v2", &tasks));
    all.extend(tasks.iter().filter(|task| task.method == "POST").map(|task| {
        let http = &task.json()["task"]["httpRequest"];
        let body: Value =
            serde_json::from_slice(&STANDARD.decode(http["body"].as_str().unwrap()).unwrap()).unwrap();
        let url: url::Url = http["url"].as_str().unwrap().parse().unwrap();
        request("pubsub.v1", http["httpMethod"].as_str().unwrap(), url.path(), &body)
    }));
    opwatch.stop().await;
    all
}

/// Every change and question of the ledger, every question of `opwatch doctor`, and what empties the buffer of digests.
async fn of_the_ledger_and_doctor() -> Vec<Value> {
    let key = json!({"partitionId": {"projectId": "demo", "namespaceId": "n"}, "path": [{"kind": "Run", "name": "x"}]});
    let ledger = Recorder::open(
        json!({"missing": [{"entity": {"key": key}}], "mutationResults": [{}, {}, {}, {}, {}], "batch": {}}),
    )
    .await;
    let (pubsub, tasks, iam, projects) = tokio::join!(
        Recorder::open(json!({})),
        Recorder::open(json!({})),
        Recorder::open(json!({})),
        Recorder::open(json!({}))
    );
    let mut endpoints = Endpoints::default();
    for (api, recorder) in [
        (Api::Ledger, &ledger),
        (Api::PubSub, &pubsub),
        (Api::CloudTasks, &tasks),
        (Api::Iam, &iam),
        (Api::Projects, &projects),
    ] {
        endpoints.set(api, &recorder.url).unwrap();
    }
    let google = Google::new(Arc::new(Network::new().unwrap()), Tokens::new(Some(TOKEN.into())), endpoints);

    let properties = json!({"name": {"stringValue": NAME}, "seen": {"timestampValue": "2026-11-23T00:00:00Z"},
        "count": {"integerValue": "7", "excludeFromIndexes": true}});
    let properties = properties.as_object().unwrap();
    let mutations = [
        Mutation::insert(&key, properties),
        Mutation::update(&key, properties, "17"),
        Mutation::replace(&key, properties, "17"),
        Mutation::upsert(&key, properties),
        Mutation::delete(&key),
    ];
    for id in ["", "other"] {
        let database = Database { project: "demo", id };
        assert!(google.lookup(database, &key, LIMIT).await.unwrap().is_none());
        assert!(google.commit(database, &mutations, LIMIT).await.unwrap());
        let partition = json!({"projectId": "demo", "namespaceId": "n"});
        for (since, cursor) in [(None, ""), (Some(Utc::now()), "Cg==")] {
            let query =
                Query { partition: &partition, kind: "Run", property: "seen", since, cursor, limit: 20 };
            google.query(database, query, LIMIT).await.unwrap();
        }
    }
    google.probe_topic(TOPIC, LIMIT).await.unwrap();
    let subscription = "projects/demo/subscriptions/opwatch-digest";
    assert_eq!(google.pull(subscription, LIMIT).await, Ok(Vec::new()));
    google.acknowledge(subscription, &["a", "b"], LIMIT).await.unwrap();
    google.modify_leases(subscription, &["a"], Duration::from_secs(30), LIMIT).await.unwrap();
    for (api, resource) in [
        (Api::CloudTasks, "projects/demo/locations/europe-west1/queues/checks"),
        (Api::Iam, "projects/-/serviceAccounts/tasks@demo.iam.gserviceaccount.com"),
        (Api::Projects, "projects/demo"),
    ] {
        google.probe_permissions(api, resource, &["a.b.get"], LIMIT).await.unwrap();
    }
    [
        asked("datastore.v1", &ledger),
        asked("pubsub.v1", &pubsub),
        asked("cloudtasks.v2", &tasks),
        asked("iam.v1", &iam),
        asked("cloudresourcemanager.v1", &projects),
    ]
    .concat()
}

/// The methods that were checked, and what contradicts their descriptions. None when Python is to be left out.
fn check(requests: &[Value]) -> Option<(BTreeSet<String>, Vec<String>)> {
    let output = python::output("asked", &[], &serde_json::to_vec(requests).unwrap())?;
    let (checked, wrong): (Vec<_>, Vec<_>) = output.lines().partition(|line| line.starts_with("checked "));
    let checked = checked.into_iter().map(|line| line.trim_start_matches("checked ").to_owned());
    Some((checked.collect(), wrong.into_iter().map(str::to_owned).collect()))
}

#[tokio::test]
async fn every_request_is_as_googles_discovery_documents_have_it() {
    let (watches, others) = tokio::join!(of_watches(), of_the_ledger_and_doctor());
    let requests = [watches, others].concat();
    let Some((checked, wrong)) = check(&requests) else { return };
    assert_eq!(wrong, Vec::<String>::new());
    let expected = METHODS.into_iter().chain([TOPIC_GET]).map(str::to_owned);
    assert_eq!(checked, expected.collect());

    // A letter, a type, a word and a part of a path make a difference.
    let text = serde_json::to_string(&requests).unwrap();
    for (right, wrong, said) in [
        ("\"scheduleTime\"", "\"scheduledTime\"", "body.task.scheduledTime does not exist"),
        ("\"oauthToken\"", "\"oathToken\"", "body.task.httpRequest.oathToken does not exist"),
        ("\"limit\":20", "\"limit\":\"20\"", "body.query.limit is no number"),
        ("\"DESCENDING\"", "\"DOWN\"", "is DOWN, which is none of its words"),
        ("\"httpMethod\":\"POST\"", "\"httpMethod\":7", "body.task.httpRequest.httpMethod is no string"),
        ("\"kinds\":[\"Shop\"]", "\"kinds\":\"Shop\"", "body.entityFilter.kinds is no list"),
        ("/queues/checks:test", "/queues:test", "there is no method at POST v2/"),
        ("pageSize=", "pagesize=", "there is no parameter pagesize"),
    ] {
        assert!(text.contains(right), "no request has {right}");
        let changed: Vec<Value> = serde_json::from_str(&text.replace(right, wrong)).unwrap();
        let (_, found) = check(&changed).unwrap();
        assert!(found.iter().any(|line| line.contains(said)), "{wrong}: {found:#?}");
    }
}
