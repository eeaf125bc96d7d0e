//! What gcloud prints of an operation (`--format='value(selfLink)'`, `value(name)`) works in `opwatch check`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::recorder::Recorder;

const SQL: &str = "8fd5a7f4-0c0b-4a8e-9d0e-2b7f00000027";

/// A service, what gcloud prints, whether `check` needs `--service` with it, and the path that is then asked for. A name that many
/// services have says nothing of its service.
const PRINTED: &[(&str, &str, bool, &str)] = &[
    (
        "compute",
        "https://www.googleapis.com/compute/v1/projects/demo/zones/us-central1-a/operations/operation-1",
        false,
        "/compute/v1/projects/demo/zones/us-central1-a/operations/operation-1",
    ),
    (
        "compute",
        "https://www.googleapis.com/compute/v1/projects/demo/regions/us-central1/operations/operation-2",
        false,
        "/compute/v1/projects/demo/regions/us-central1/operations/operation-2",
    ),
    (
        "compute",
        "https://www.googleapis.com/compute/v1/projects/demo/global/operations/operation-3",
        false,
        "/compute/v1/projects/demo/global/operations/operation-3",
    ),
    (
        "container",
        "https://container.googleapis.com/v1/projects/123456789012/zones/us-central1-a/operations/operation-4",
        false,
        "/v1/projects/123456789012/zones/us-central1-a/operations/operation-4",
    ),
    (
        "container",
        "https://container.googleapis.com/v1/projects/123456789012/locations/us-central1/operations/operation-5",
        false,
        "/v1/projects/123456789012/locations/us-central1/operations/operation-5",
    ),
    (
        "sqladmin",
        "https://sqladmin.googleapis.com/sql/v1beta4/projects/demo/operations/8fd5a7f4-0c0b-4a8e-9d0e-2b7f00000027",
        false,
        "/v1/projects/demo/operations/8fd5a7f4-0c0b-4a8e-9d0e-2b7f00000027",
    ),
    (
        "deploymentmanager",
        "https://www.googleapis.com/deploymentmanager/v2/projects/demo/global/operations/operation-6",
        false,
        "/deploymentmanager/v2/projects/demo/global/operations/operation-6",
    ),
    (
        "spanner",
        "projects/demo/instances/prod/databases/orders/operations/_auto_op_27",
        false,
        "/v1/projects/demo/instances/prod/databases/orders/operations/_auto_op_27",
    ),
    (
        "firestore",
        "projects/demo/databases/(default)/operations/ASA1",
        false,
        "/v1/projects/demo/databases/(default)/operations/ASA1",
    ),
    (
        "storagetransfer",
        "transferOperations/transferJobs-1-2",
        false,
        "/v1/transferOperations/transferJobs-1-2",
    ),
    (
        "bigtableadmin",
        "operations/projects/demo/instances/i/clusters/c/locations/us-central1-b/operations/1234",
        true,
        "/v2/operations/projects/demo/instances/i/clusters/c/locations/us-central1-b/operations/1234",
    ),
    (
        "alloydb",
        "projects/demo/locations/us-central1/operations/operation-7",
        true,
        "/v1/projects/demo/locations/us-central1/operations/operation-7",
    ),
    (
        "file",
        "projects/demo/locations/us-central1-c/operations/operation-8",
        true,
        "/v1/projects/demo/locations/us-central1-c/operations/operation-8",
    ),
    (
        "redis",
        "projects/demo/locations/us-central1/operations/operation-9",
        true,
        "/v1/projects/demo/locations/us-central1/operations/operation-9",
    ),
    (
        "datastream",
        "projects/demo/locations/us-central1/operations/operation-10",
        true,
        "/v1/projects/demo/locations/us-central1/operations/operation-10",
    ),
    (
        "composer",
        "projects/demo/locations/us-central1/operations/6f4b1b9e",
        true,
        "/v1/projects/demo/locations/us-central1/operations/6f4b1b9e",
    ),
    ("datastore", "projects/demo/operations/ASA2", true, "/v1/projects/demo/operations/ASA2"),
    (
        "dataproc",
        "projects/demo/regions/us-central1/operations/5f3b0000",
        true,
        "/v1/projects/demo/regions/us-central1/operations/5f3b0000",
    ),
];

/// What the API answers of an operation that has ended well.
fn answer(service: &str, printed: &str) -> Value {
    let id = printed.rsplit('/').next().unwrap();
    match service {
        "compute" | "deploymentmanager" => {
            json!({"kind": format!("{service}#operation"), "name": id, "selfLink": printed,
            "operationType": "insert", "status": "DONE", "progress": 100})
        }
        "container" => {
            json!({"name": id, "selfLink": printed, "operationType": "CREATE_CLUSTER", "status": "DONE"})
        }
        "sqladmin" => {
            json!({"kind": "sql#operation", "name": id, "selfLink": printed, "operationType": "EXPORT",
            "targetProject": "demo", "targetId": "main", "status": "DONE"})
        }
        "datastore" => {
            json!({"name": printed, "done": true, "metadata": {"common": {"state": "SUCCESSFUL"}}, "response": {}})
        }
        "firestore" => {
            json!({"name": printed, "done": true, "metadata": {"operationState": "SUCCESSFUL"}, "response": {}})
        }
        _ => json!({"name": printed, "done": true, "response": {}}),
    }
}

#[tokio::test]
async fn what_gcloud_prints_of_an_operation_can_be_checked() {
    assert!(PRINTED.iter().any(|(_, printed, ..)| printed.ends_with(SQL)));
    for (service, printed, needs_service, path) in PRINTED {
        let api = Recorder::open(answer(service, printed)).await;
        let check = |named: bool| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
            command
                .env_clear()
                .args(["check", printed])
                .envs([("ACCESS_TOKEN", "no-token"), ("SERVICES", "all")]);
            command.env("ENDPOINTS", format!("{service}={}", api.url));
            command.args(named.then(|| format!("--service={service}")));
            async move {
                let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
                let Output { status, stdout, stderr } = output;
                (
                    status.code().unwrap(),
                    String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap(),
                )
            }
        };
        if *needs_service {
            let (code, text) = check(false).await;
            assert!(code == 64 && text.contains("--service"), "{printed}: {code} {text}");
            assert!(api.asked().is_empty(), "{printed}");
        }
        let (code, text) = check(*needs_service).await;
        let asked: Vec<String> =
            api.asked().into_iter().map(|one| format!("{} {}", one.method, one.path)).collect();
        assert_eq!((code, asked), (0, vec![format!("GET {path}")]), "{printed}: {text}");
        assert!(text.contains("succeeded"), "{printed}: {text}");
    }
}
