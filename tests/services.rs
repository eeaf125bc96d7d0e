//! Services that opwatch does not start: their operations, followed to their end over real HTTP, and the table of them.

use std::net::Ipv4Addr;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Response};
use opwatch::intake::server::{self, Limits};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::opwatch::{GREEN, ORANGE, Opwatch, RED, colour, texts};
use crate::support::python;

/// An API with one operation. It is running at the first look and done at the next; any other path is not found, as Google's
/// front end answers.
struct Api {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<bool>,
}

impl Api {
    async fn start(path: &'static str, running: Value, done: Value) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                let asked = request.uri().path_and_query().unwrap().to_string();
                let known = request.method() == Method::GET && asked == path;
                let mut seen = seen.lock().unwrap();
                let body = if seen.is_empty() { running.clone() } else { done.clone() };
                seen.push(asked);
                async move {
                    let body =
                        if known { body } else { json!({"error": {"code": 404, "status": "NOT_FOUND"}}) };
                    let response = Response::builder().status(if known { 200 } else { 404 });
                    response.body(Full::new(Bytes::from(body.to_string()))).unwrap()
                }
            });
        Self { url, requests, server: tokio::spawn(serving) }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An opwatch that follows `services`, of which `own` answers at `url`.
async fn opwatch(services: &str, own: &str, url: &str) -> Opwatch {
    let (services, own) = (services.to_owned(), format!("{own}={url}"));
    Opwatch::start_with(move |args| {
        args.append("ENDPOINTS", &own);
        args.set("SERVICES", services);
    })
    .await
}

#[tokio::test]
async fn a_standard_operation_is_followed_to_its_end() {
    const NAME: &str = "projects/demo/instances/prod/databases/orders/operations/_auto_op_03";
    let metadata = |percent: u32| {
        json!({
            "@type": "type.googleapis.com/google.spanner.admin.database.v1.RestoreDatabaseMetadata",
            "name": "projects/demo/instances/prod/databases/orders",
            "progress": {"progressPercent": percent, "startTime": "2026-11-20T03:00:04Z"},
        })
    };
    let running = json!({"name": NAME, "metadata": metadata(61)});
    let done = json!({"name": NAME, "done": true, "metadata": metadata(100),
        "error": {"code": 8, "message": "Not enough nodes."}});
    let api =
        Api::start("/v1/projects/demo/instances/prod/databases/orders/operations/_auto_op_03", running, done)
            .await;
    let opwatch = opwatch("datastore,spanner", "spanner", &api.url).await;
    opwatch.watch(&json!({"name": NAME})).await;
    assert_eq!(*api.requests.lock().unwrap(), [format!("/v1/{NAME}"), format!("/v1/{NAME}")]);
    let told = opwatch.slack().pop().expect("a message");
    let text = texts(&told).join("\n");
    assert_eq!(colour(&told), RED, "{text}");
    for part in [
        "Spanner",
        "8 RESOURCE_EXHAUSTED",
        "Not enough nodes.",
        "projects/demo/instances/prod/databases/orders",
        "gcloud spanner operations describe _auto_op_03 --instance=prod --database=orders --project=demo",
    ] {
        assert!(told.to_string().contains(part), "{part}: {told}");
    }
    opwatch.stop().await;
}

#[tokio::test]
async fn an_operation_of_cloud_sql_is_followed_to_its_end() {
    let answer = |status: &str| {
        json!({
            "kind": "sql#operation", "name": "5f-1", "status": status, "operationType": "EXPORT",
            "targetProject": "demo", "targetId": "shop", "insertTime": "2026-11-20T03:00:00Z",
            "exportContext": {"uri": "gs://my-backups/shop.sql.gz"},
        })
    };
    let api = Api::start("/v1/projects/demo/operations/5f-1", answer("RUNNING"), answer("DONE")).await;
    let opwatch = opwatch("sqladmin", "sqladmin", &api.url).await;
    opwatch.watch(&json!({"name": "projects/demo/operations/5f-1", "service": "sqladmin"})).await;
    let told = opwatch.slack().pop().expect("a message");
    assert_eq!(colour(&told), GREEN, "{told}");
    for part in ["Cloud SQL", "gs://my-backups/shop.sql.gz", "projects/demo/instances/shop"] {
        assert!(told.to_string().contains(part), "{part}: {told}");
    }
    assert!(!told.to_string().contains("names no output"), "{told}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_name_that_fits_several_services_is_never_guessed() {
    let api = Api::start("/", json!({}), json!({})).await;
    let opwatch = opwatch("datastore,sqladmin", "sqladmin", &api.url).await;
    opwatch.watch(&json!({"name": "projects/demo/operations/x"})).await;
    let told = opwatch.slack().pop().expect("a message");
    assert_eq!(colour(&told), ORANGE, "{told}");
    let text = texts(&told).join("\n");
    assert!(text.contains("Several services use names of this form: datastore, sqladmin."), "{text}");
    opwatch.watch(&json!({"name": "projects/demo/instances/i/operations/x"})).await;
    let text = texts(&opwatch.slack().pop().unwrap()).join("\n");
    assert!(text.contains("Belongs to the service spanner. Set \"service\": \"spanner\"."), "{text}");
    // Speech-to-Text's names are single words, which says nothing of this one.
    opwatch.watch(&json!({"name": "nightly"})).await;
    let text = texts(&opwatch.slack().pop().unwrap()).join("\n");
    assert!(text.contains("Not valid for this service. Example: "), "{text}");
    opwatch.watch(&json!({"name": "projects/demo/instances/i/operations/x", "service": "spanner"})).await;
    let text = texts(&opwatch.slack().pop().unwrap()).join("\n");
    assert!(text.contains("SERVICES"), "{text}");
    assert!(api.requests.lock().unwrap().is_empty() && opwatch.world.operations.requests().is_empty());
    opwatch.stop().await;
}

/// Rows of APIs without a public discovery document: their facts come from gcloud's generated clients.
const WITHOUT_A_DOCUMENT: [&str; 17] = [
    "authztoolkit",
    "blockchainvalidatormanager",
    "cloudaicompanion",
    "configdelivery",
    "dataprocgdc",
    "edgecontainer",
    "edgenetwork",
    "gkemulticloud",
    "krmapihosting",
    "lustre",
    "memorystore",
    "orglifecycle",
    "privilegedaccessmanager",
    "seclm",
    "storageinsights",
    "stream",
    "telcoautomation",
];

fn services(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
    command.env_clear().arg("services").args(arguments).output().unwrap()
}

/// What Google's discovery documents contradict in `rows`, a line each. None when Python is to be left out.
fn contradictions(rows: &[u8]) -> Option<Vec<String>> {
    let lines = python::output("conformance", &[], rows)?;
    Some(lines.lines().map(str::to_owned).collect())
}

#[test]
fn every_row_is_as_googles_discovery_documents_have_it() {
    let rows = services(&["--json"]).stdout;
    let Some(found) = contradictions(&rows) else { return };
    let mut missing: Vec<String> = WITHOUT_A_DOCUMENT.iter().map(|id| format!("{id}: no document")).collect();
    // There is a document of v1 only.
    missing.insert(0, "speech: no operation is at v2/projects/x/locations/x/operations/x".to_owned());
    assert_eq!(found, missing);

    // One letter makes a difference: of a host, a version, a name, a field and a state.
    let rows = String::from_utf8(rows).unwrap();
    for (right, wrong, id) in [
        ("https://datastream.googleapis.com", "https://datastreem.googleapis.com", "datastream: the host is"),
        ("\"dns/v1/", "\"dnz/v1/", "dns: no operation is at dnz/v1/"),
        (
            "projects/{project}/regions/",
            "projects/{project}/region/",
            "dataproc: no operation is at v1/projects/x/region/",
        ),
        (
            "deliveryPipelines/{pipeline}",
            "deliveryPipeline/{pipeline}",
            "clouddeploy.rollouts: no operation is at v1/",
        ),
        (
            "\"statistics.endTime\"",
            "\"statistics.endTimes\"",
            "bigquery.jobs: Job has no statistics.endTimes",
        ),
        (
            "\"PIPELINE_STATE_FAILED\"",
            "\"PIPELINE_STATES_FAILED\"",
            "aiplatform.pipelineJobs: GoogleCloudAiplatform",
        ),
    ] {
        assert!(rows.contains(right), "{right}");
        let found = contradictions(rows.replace(right, wrong).as_bytes()).expect("it ran above");
        assert!(found.iter().any(|line| line.starts_with(id)), "{wrong}: {found:?}");
    }
}

#[test]
fn a_name_is_found_in_the_table() {
    let find = |name: &str| {
        let Output { status, stdout, stderr } = services(&["--find", name]);
        let output = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        let ids = output.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
        (status.code().unwrap(), ids)
    };
    let firestore = "projects/p/databases/d/operations/x";
    assert_eq!(find(firestore), (0, vec!["firestore".to_owned()]));
    let (code, ids) = find("projects/p/operations/x");
    assert!(
        code == 0 && ["datastore", "sqladmin", "webrisk"].iter().all(|id| ids.contains(&(*id).to_owned()))
    );
    assert_eq!(find("projects/p/things/x").0, 64);
}

#[test]
fn a_url_names_its_service() {
    let find = |url: &str| {
        let Output { status, stdout, .. } = services(&["--find", url]);
        let output = String::from_utf8(stdout).unwrap();
        let ids: Vec<_> = output.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(status.success(), !ids.is_empty(), "{url}");
        ids.join(" ")
    };
    for (url, id) in [
        ("https://datastore.googleapis.com/v1/projects/p/operations/x", "datastore"),
        ("https://firestore.googleapis.com/v1/projects/p/databases/(default)/operations/x", "firestore"),
        ("//firestore.googleapis.com/projects/p/databases/d/operations/x", "firestore"),
        (
            "https://spanner.googleapis.com/v1/projects/p/instances/i/databases/d/operations/_auto_1",
            "spanner",
        ),
        ("https://alloydb.googleapis.com/v1/projects/p/locations/l/operations/operation-1", "alloydb"),
        ("//alloydb.googleapis.com/projects/p/locations/l/operations/operation-1", "alloydb"),
        (
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/operations/1",
            "aiplatform",
        ),
        ("https://compute.googleapis.com/compute/v1/projects/p/zones/z/operations/operation-1", "compute"),
        ("https://www.googleapis.com/compute/v1/projects/p/zones/z/operations/operation-1", "compute"),
        ("https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/5f-1", "sqladmin"),
        ("https://datastore.googleapis.com/v1/projects/p/databases/d/operations/x", ""),
        ("https://datastore.googleapis.com.evil.com/v1/projects/p/operations/x", ""),
        ("https://evil.com/v1/projects/p/operations/x", ""),
        ("https://www.googleapis.com/v1/projects/p/operations/x", ""),
        ("http://datastore.googleapis.com/v1/projects/p/operations/x", ""),
        ("https://datastore.googleapis.com/v1/projects/p/operations/../x", ""),
        ("https://datastore.googleapis.com/v1/projects/p/operations/x?alt=media", ""),
        ("https://user@datastore.googleapis.com/v1/projects/p/operations/x", ""),
        ("https://", ""),
        ("//", ""),
    ] {
        assert_eq!(find(url), id, "{url}");
    }
}

#[test]
fn the_permissions_of_a_role_are_printed() {
    let print = |list: &str| {
        let Output { status, stdout, stderr } = services(&["--permissions", list]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    };
    let (code, permissions, notes) = print("datastore,alloydb,spanner,alloydb");
    let lines: Vec<&str> = permissions.lines().collect();
    assert!(code == 0 && notes.is_empty() && lines.is_sorted(), "{permissions}{notes}");
    for expected in ["alloydb.operations.get", "datastore.databases.export", "spanner.databaseOperations.get"]
    {
        assert_eq!(lines.iter().filter(|line| **line == expected).count(), 1, "{expected}: {permissions}");
    }
    let (code, all, notes) = print("all,-datastore,-firestore");
    assert!(code == 0 && all.contains("container.operations.get"), "{all}");
    assert!(!all.contains("datastore.databases.export") && notes.contains("apikeys"), "{notes}");
    let (code, _, error) = print("bigtable");
    assert!(code == 64 && error.contains("--permissions: \"bigtable\" is not a service"), "{error}");
}
