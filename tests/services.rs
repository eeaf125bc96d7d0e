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

/// An API with one operation, of which each look shows the next answer, and the last one from then on. A null is an operation that
/// is not there; any other path is not found, as Google's front end answers.
struct Api {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<bool>,
}

impl Api {
    async fn start(path: &'static str, running: Value, done: Value) -> Self {
        Self::playing(path, vec![running, done], Vec::new()).await
    }

    /// The same with `others`, which always answer the same.
    async fn playing(path: &str, answers: Vec<Value>, others: Vec<(String, Value)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::<String>::new()));
        let (seen, path) = (Arc::clone(&requests), path.to_owned());
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                let asked = request.uri().path_and_query().unwrap().to_string();
                let mut seen = seen.lock().unwrap();
                let looks = seen.iter().filter(|asked| **asked == path).count();
                let answer = if asked == path { answers.get(looks).or(answers.last()) } else { None };
                let other = others.iter().find(|(path, _)| *path == asked).map(|(_, answer)| answer);
                let known =
                    answer.or(other).filter(|answer| request.method() == Method::GET && !answer.is_null());
                let not_found = || json!({"error": {"code": 404, "status": "NOT_FOUND"}});
                let (status, body) = known.map_or_else(|| (404, not_found()), |answer| (200, answer.clone()));
                seen.push(asked);
                async move {
                    let response = Response::builder().status(status);
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

/// A service of which opwatch knows no more than its address.
const LIVE_STREAM: &str = "livestream=https://livestream.googleapis.com/v1";

#[tokio::test]
async fn a_service_that_a_setting_adds_is_followed_to_its_end() {
    const NAME: &str = "projects/demo/locations/europe-west1/operations/operation-17-a";
    let metadata = json!({
        "@type": "type.googleapis.com/google.cloud.video.livestream.v1.OperationMetadata",
        "createTime": "2026-11-20T03:00:04Z", "verb": "create",
        "target": "projects/demo/locations/europe-west1/channels/main",
    });
    let running = json!({"name": NAME, "metadata": metadata, "done": false});
    let done = json!({"name": NAME, "metadata": metadata, "done": true, "response": {}});
    let api =
        Api::start("/v1/projects/demo/locations/europe-west1/operations/operation-17-a", running, done).await;
    let own = format!("livestream={}", api.url);
    let opwatch = Opwatch::start_with(move |args| {
        args.set("EXTRA_SERVICES", LIVE_STREAM);
        args.set("SERVICES", "datastore,livestream");
        args.append("ENDPOINTS", &own);
    })
    .await;
    opwatch.watch(&json!({"name": NAME})).await;
    let told = opwatch.slack().pop().expect("a message");
    assert_eq!(colour(&told), GREEN, "{told}");
    for part in ["livestream", "projects/demo/locations/europe-west1/channels/main"] {
        assert!(told.to_string().contains(part), "{part}: {told}");
    }
    opwatch.watch(&json!({"name": NAME, "service": "spanner"})).await;
    let told = opwatch.slack().pop().expect("a message");
    assert_eq!(colour(&told), ORANGE, "{told}");
    opwatch.stop().await;
}

#[test]
fn a_service_that_a_setting_adds_is_in_every_list() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
        command.env_clear().env("EXTRA_SERVICES", LIVE_STREAM).args(arguments);
        let Output { stdout, stderr, .. } = command.output().unwrap();
        String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap()
    };
    let name = "projects/p/locations/europe-west1/operations/7";
    let url = format!("https://livestream.googleapis.com/v1/{name}");
    assert!(run(&["services"]).contains("\nlivestream "));
    assert!(run(&["services", "--find", name]).contains("\nlivestream "));
    assert!(run(&["services", "--find", &url]).starts_with("livestream "));
    let unknown = run(&["services", "--permissions", "all"]);
    assert!(unknown.contains(", livestream: grant a role"), "{unknown}");
    let endpoint = "livestream=http://127.0.0.1:1";
    // The flag of SERVICES comes before EXTRA_SERVICES is read, which is in the environment.
    let check = run(&["check", "--services=livestream", "--endpoints", endpoint, "--access-token=x", &url]);
    assert!(check.contains("livestream") && check.contains(name), "{check}");
    let clash = run(&["services", "--extra-services=spanner=https://spanner.googleapis.com/v1"]);
    assert!(clash.contains("EXTRA_SERVICES: spanner is in the table"), "{clash}");
}

#[tokio::test]
async fn people_are_told_once_that_an_operation_waits_for_them() {
    const NAME: &str = "projects/demo/locations/us-central1/deliveryPipelines/p/releases/r/rollouts/prod-1";
    let rollout = |state: &str| json!({"name": NAME, "state": state, "targetId": "prod"});
    let waits = || rollout("PENDING_APPROVAL");
    let answers =
        vec![rollout("PENDING"), waits(), waits(), waits(), rollout("IN_PROGRESS"), rollout("SUCCEEDED")];
    let api = Api::playing(&format!("/v1/{NAME}"), answers, Vec::new()).await;
    let opwatch = opwatch("clouddeploy.rollouts", "clouddeploy.rollouts", &api.url).await;
    opwatch.watch(&json!({"name": NAME, "service": "clouddeploy.rollouts"})).await;
    let told = opwatch.slack();
    let colours: Vec<_> = told.iter().map(colour).collect();
    assert_eq!(colours, [ORANGE, GREEN], "{told:?}");
    let text = texts(&told[0]).join("\n");
    assert!(text.contains("is waiting for someone") && text.contains("opwatch keeps watching"), "{text}");
    assert_eq!(api.requests.lock().unwrap().len(), 6);
    opwatch.stop().await;
}

#[tokio::test]
async fn a_deletion_that_is_gone_with_its_resource_succeeded() {
    const NAME: &str = "projects/demo/operations/5f-1";
    let running = json!({"kind": "sql#operation", "name": "5f-1", "status": "RUNNING", "operationType": "DELETE",
        "targetProject": "demo", "targetId": "shop", "insertTime": "2026-11-20T03:00:00Z"});
    let api = Api::playing(&format!("/v1/{NAME}"), vec![running, Value::Null], Vec::new()).await;
    let opwatch = opwatch("sqladmin", "sqladmin", &api.url).await;
    opwatch.watch(&json!({"name": NAME})).await;
    let told = opwatch.slack().pop().expect("a message");
    let text = texts(&told).join("\n");
    assert_eq!(colour(&told), GREEN, "{text}");
    assert!(text.contains("most likely because it was deleted together with its resource"), "{text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn an_operation_that_was_never_there_is_not_found() {
    const NAME: &str = "projects/demo/locations/europe-west1/operations/operation-1";
    let api = Api::playing(&format!("/v1/{NAME}"), vec![Value::Null], Vec::new()).await;
    let opwatch = opwatch("alloydb", "alloydb", &api.url).await;
    opwatch.watch(&json!({"name": NAME})).await;
    let told = opwatch.slack().pop().expect("a message");
    let text = texts(&told).join("\n");
    assert_eq!(colour(&told), ORANGE, "{text}");
    assert!(
        text.contains("AlloyDB does not know this operation. Check the service, the project, the location"),
        "{text}"
    );
    assert!(!text.contains("no longer exists"), "{text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_failed_job_of_dataflow_says_why() {
    const ID: &str = "2026-11-20_03_00_00-17";
    let job = |state: &str| {
        json!({"id": ID, "projectId": "demo", "location": "us-central1", "name": "load", "type": "JOB_TYPE_BATCH",
            "currentState": state, "currentStateTime": "2026-11-20T03:10:00Z"})
    };
    let path = format!("/v1b3/projects/demo/locations/us-central1/jobs/{ID}");
    let messages = json!({"jobMessages": [
        {"id": "1", "messageText": "Error message from worker: out of memory", "messageImportance": "JOB_MESSAGE_ERROR"},
        {"id": "2", "messageText": "Workflow failed. Causes: S01 failed.", "messageImportance": "JOB_MESSAGE_ERROR"},
    ]});
    let more = format!("{path}/messages?minimumImportance=JOB_MESSAGE_ERROR");
    let looked = format!("{path}?view=JOB_VIEW_SUMMARY");
    for others in [vec![(more.clone(), messages)], Vec::new()] {
        let is_told = !others.is_empty();
        let answers = vec![job("JOB_STATE_RUNNING"), job("JOB_STATE_FAILED")];
        let api = Api::playing(&looked, answers, others).await;
        let opwatch = opwatch("dataflow.jobs", "dataflow.jobs", &api.url).await;
        // Its page in the Cloud Console, as a person copies it.
        let page = format!(
            "https://console.cloud.google.com/dataflow/jobs/us-central1/{ID};graphView=0?project=demo"
        );
        opwatch.watch(&json!({"name": page})).await;
        let told = opwatch.slack().pop().expect("a message");
        let text = texts(&told).join("\n");
        assert_eq!(colour(&told), RED, "{text}");
        assert_eq!(text.contains("Workflow failed. Causes: S01 failed."), is_told, "{text}");
        assert_eq!(text.contains("out of memory"), is_told, "{text}");
        assert_eq!(
            *api.requests.lock().unwrap(),
            [looked.clone(), looked.clone(), more.clone()],
            "asked once"
        );
        opwatch.stop().await;
    }
}

#[tokio::test]
async fn a_streaming_job_says_that_it_does_not_end() {
    let job = json!({"id": "j-1", "projectId": "demo", "location": "us-central1", "name": "events",
        "type": "JOB_TYPE_STREAMING", "currentState": "JOB_STATE_RUNNING"});
    let name = "projects/demo/locations/us-central1/jobs/j-1";
    let api = Api::playing(&format!("/v1b3/{name}?view=JOB_VIEW_SUMMARY"), vec![job], Vec::new()).await;
    let opwatch = opwatch("dataflow.jobs", "dataflow.jobs", &api.url).await;
    opwatch.watch(&json!({"name": name, "limit": 2})).await;
    let told = opwatch.slack().pop().expect("a message");
    let text = texts(&told).join("\n");
    assert_eq!(colour(&told), ORANGE, "{text}");
    assert!(text.contains("It runs until someone stops it, as streaming jobs do."), "{text}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_url_in_a_message_needs_no_service() {
    const NAME: &str = "projects/demo/zones/us-central1-a/operations/operation-1";
    let answer = |status: &str| {
        json!({"name": "operation-1", "status": status, "operationType": "insert",
            "selfLink": format!("https://www.googleapis.com/compute/v1/{NAME}")})
    };
    for url in [
        format!("https://www.googleapis.com/compute/v1/{NAME}"),
        format!("https://compute.googleapis.com/{NAME}"),
        format!("//compute.googleapis.com/{NAME}"),
    ] {
        let path = format!("/compute/v1/{NAME}");
        let api = Api::playing(&path, vec![answer("RUNNING"), answer("DONE")], Vec::new()).await;
        let opwatch = opwatch("compute,container", "compute", &api.url).await;
        opwatch.watch(&json!({"name": url})).await;
        let told = opwatch.slack().pop().expect("a message");
        assert_eq!(colour(&told), GREEN, "{url}: {told}");
        assert!(told.to_string().contains(NAME) && !told.to_string().contains("Several services"), "{told}");
        // The second look came from a message that opwatch passed on: it carries the plain name.
        assert_eq!(*api.requests.lock().unwrap(), [path.clone(), path.clone()], "{url}");
        opwatch.stop().await;
    }
    let api = Api::playing("/", vec![Value::Null], Vec::new()).await;
    let opwatch = opwatch("compute,container", "compute", &api.url).await;
    for (message, reason) in [
        (
            json!({"name": format!("https://compute.googleapis.com/compute/v1/{NAME}"), "service": "container"}),
            "Belongs to the service compute.",
        ),
        (
            json!({"name": "https://sqladmin.googleapis.com/v1/projects/demo/operations/5f-1"}),
            "add sqladmin to SERVICES",
        ),
        (json!({"name": format!("https://evil.com/compute/v1/{NAME}")}), "Not valid for this service."),
    ] {
        opwatch.watch(&message).await;
        let text = texts(&opwatch.slack().pop().unwrap()).join("\n");
        assert!(text.contains(reason), "{message}: {text}");
    }
    assert!(api.requests.lock().unwrap().is_empty());
    opwatch.stop().await;
}

/// The URLs that gcloud prints (`--format='value(selfLink)'`), and full names of services that print names.
#[tokio::test]
async fn a_check_takes_a_url_of_any_service() {
    for (url, path) in [
        (
            "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/operations/operation-1",
            "/compute/v1/projects/p/zones/us-central1-a/operations/operation-1",
        ),
        (
            "https://www.googleapis.com/compute/v1/projects/p/global/operations/operation-2",
            "/compute/v1/projects/p/global/operations/operation-2",
        ),
        (
            "https://container.googleapis.com/v1/projects/123/zones/us-central1-a/operations/operation-1",
            "/v1/projects/123/zones/us-central1-a/operations/operation-1",
        ),
        (
            "https://container.googleapis.com/v1/projects/123/locations/us-central1/operations/operation-1",
            "/v1/projects/123/locations/us-central1/operations/operation-1",
        ),
        (
            "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/5f-1",
            "/v1/projects/p/operations/5f-1",
        ),
        (
            "https://spanner.googleapis.com/v1/projects/p/instances/i/databases/d/operations/_auto_1",
            "/v1/projects/p/instances/i/databases/d/operations/_auto_1",
        ),
        (
            "//alloydb.googleapis.com/projects/p/locations/europe-west1/operations/operation-1",
            "/v1/projects/p/locations/europe-west1/operations/operation-1",
        ),
        (
            "https://file.googleapis.com/v1/projects/p/locations/europe-west1-b/operations/operation-1",
            "/v1/projects/p/locations/europe-west1-b/operations/operation-1",
        ),
        (
            "https://bigtableadmin.googleapis.com/v2/operations/projects/p/instances/i/locations/l/operations/7",
            "/v2/operations/projects/p/instances/i/locations/l/operations/7",
        ),
        (
            "https://firestore.googleapis.com/v1/projects/p/databases/(default)/operations/AS7",
            "/v1/projects/p/databases/(default)/operations/AS7",
        ),
        ("https://datastore.googleapis.com/v1/projects/p/operations/AS7", "/v1/projects/p/operations/AS7"),
        (
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/operations/7",
            "/v1/projects/p/locations/europe-west4/operations/7",
        ),
        (
            "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/bq-1?location=EU",
            "/bigquery/v2/projects/p/jobs/bq-1?location=EU",
        ),
        (
            "https://run.googleapis.com/v2/projects/p/locations/europe-west1/operations/7",
            "/v2/projects/p/locations/europe-west1/operations/7",
        ),
        (
            "https://redis.googleapis.com/v1/projects/p/locations/europe-west1/operations/operation-1",
            "/v1/projects/p/locations/europe-west1/operations/operation-1",
        ),
    ] {
        let api = Api::playing(path, vec![Value::Null], Vec::new()).await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
        let endpoint = format!("operations={}", api.url);
        command.env_clear().args(["check", "--endpoints", &endpoint, "--access-token=x", url]);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(*api.requests.lock().unwrap(), [path], "{url}: {text}");
        assert!(
            output.status.code() == Some(1) && text.contains("does not know this operation"),
            "{url}: {text}"
        );
    }
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
