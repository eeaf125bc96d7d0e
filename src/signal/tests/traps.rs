//! What looks like a signal and is none, and what no signal may do.

use super::*;
use crate::services::MAX_NAME_BYTES;

/// `entry` with `value` at `path`.
fn with(name: &str, path: &str, value: Value) -> Value {
    let mut entry = entry(name);
    match entry.pointer_mut(path) {
        Some(place) => *place = value,
        None => panic!("{path}"),
    }
    entry
}

#[test]
fn native_messages_of_every_state_are_told_apart() {
    let read = |attributes: Value, data: &str| {
        let attributes = serde_json::from_value(attributes).unwrap();
        line(read(
            &Notification { attributes: &attributes, data: data.as_bytes(), published: published() },
            &all(),
        ))
    };
    let deploy = |kind: &str, action: &str| {
        json!({"ResourceType": kind, "Action": action, "Location": "us-central1", "ProjectNumber": NUMBER,
            "DeliveryPipelineId": "web", "ReleaseId": "r-1", "RolloutId": "r-1-to-prod"})
    };
    let release = "projects/my-project/locations/us-central1/deliveryPipelines/web/releases/r-1";
    let rollout = format!("{release}/rollouts/r-1-to-prod");
    assert_eq!(read(deploy("Rollout", "Start"), ""), format!("Started clouddeploy.rollouts {rollout}"));
    for over in ["Succeed", "Failure", "Terminated", "Cancelled"] {
        assert_eq!(read(deploy("Rollout", over), ""), format!("Ended clouddeploy.rollouts {rollout}"));
    }
    assert_eq!(read(deploy("Release", "Succeed"), ""), format!("Ended clouddeploy.releases {release}"));
    assert_eq!(read(deploy("JobRun", "Succeed"), ""), "NoOperation");
    assert_eq!(read(deploy("Rollout", "Update"), ""), "NoOperation", "a change of the resource");

    let build = |status: &str| json!({"buildId": "b-1", "status": status});
    let short = r#"{"projectId": "my-project"}"#;
    assert_eq!(read(build("WORKING"), short), "Started cloudbuild.builds projects/my-project/builds/b-1");
    assert_eq!(read(build("TIMEOUT"), short), "Ended cloudbuild.builds projects/my-project/builds/b-1");
    assert_eq!(read(build("WORKING"), ""), "NotJson");

    let job = "projects/my-project/locations/us-central1/jobs/j";
    let batch = |state: &str| json!({"Type": "JOB_STATE_CHANGED", "JobName": job, "JobUID": "j-1", "NewJobState": state});
    assert_eq!(read(batch("RUNNING"), ""), format!("Started batch.jobs {job}"));
    let task =
        json!({"Type": "TASK_STATE_CHANGED", "JobName": job, "JobUID": "j-1", "NewTaskState": "FAILED"});
    assert_eq!(read(task, ""), "NoOperation", "a task of the job");

    let gke = |kind: &str, state: &str| {
        json!({"type_url": format!("type.googleapis.com/google.container.v1beta1.{kind}"), "project_id": NUMBER,
            "cluster_location": "us-east1", "payload": json!({"operation": "operation-1", "state": state}).to_string()})
    };
    let operation = "container projects/my-project/locations/us-east1/operations/operation-1";
    assert_eq!(read(gke("UpgradeInfoEvent", "STARTED"), ""), format!("Started {operation}"));
    assert_eq!(read(gke("UpgradeInfoEvent", "FAILED"), ""), format!("Ended {operation}"));
    assert_eq!(read(gke("SecurityBulletinEvent", ""), ""), "NoOperation");

    let transfer = |event: &str| json!({"eventType": event, "projectId": "my-project", "transferOperationName": "transferOperations/x-1"});
    assert_eq!(
        read(transfer("TRANSFER_OPERATION_PAUSED"), ""),
        "Started storagetransfer transferOperations/x-1"
    );
    let foreign = json!({"eventType": "TRANSFER_OPERATION_SUCCESS", "projectId": "other", "transferOperationName": "transferOperations/x-1"});
    assert_eq!(read(foreign, ""), "NotAllowed");
    assert_eq!(read(json!({}), "{}"), "Unknown");
    assert_eq!(read(json!({"a": "b"}), "x"), "NotJson");
}

#[test]
fn what_is_no_start_and_no_end_is_not_taken_for_one() {
    let start = "derived-datastore-export-start";
    for (what, entry, expected) in [
        (
            "a stream goes on",
            with(start, "/operation", json!({"id": "projects/my-project/operations/x"})),
            "NoOperation",
        ),
        (
            "a stream's end",
            with(
                "derived-datastore-export-end",
                "/operation/id",
                json!("00000000-0000-4000-8000-000000000041"),
            ),
            "NoOperation",
        ),
        ("a call without an operation", with(start, "/operation", json!(null)), "NoOperation"),
        (
            "a refused start",
            with("cloudsql-create-start", "/protoPayload/status", json!({"code": 7})),
            "Refused",
        ),
        (
            "data access",
            with(
                start,
                "/logName",
                json!("projects/my-project/logs/cloudaudit.googleapis.com%2Fdata_access"),
            ),
            "OtherLog",
        ),
        ("another log", with(start, "/logName", json!("projects/my-project/logs/syslog")), "OtherLog"),
        ("another service", with(start, "/protoPayload/serviceName", json!("k8s.io")), "OtherService"),
        (
            "another service's name",
            with(start, "/protoPayload/serviceName", json!("firestore.googleapis.com")),
            "NoOperation",
        ),
        ("another project", with(start, "/operation/id", json!("projects/other/operations/x")), "NotAllowed"),
        ("no object", json!([]), "NotJson"),
        ("an empty object", json!({}), "Unknown"),
        (
            "fields of other types",
            json!({"logName": {"a": 1}, "protoPayload": 7, "operation": [true]}),
            "Unknown",
        ),
    ] {
        assert_eq!(line(read_entry(&entry, &all())), expected, "{what}");
    }
    let name = |place: &str| with("compute-instance-stop-end", "/protoPayload/resourceName", json!(place));
    let compute = |entry: Value| line(read_entry(&entry, &all()));
    let id = "operation-1596664766354-5ac287c395484-00000000-00000082";
    assert_eq!(
        compute(name("x")),
        format!("Ended compute projects/my-project/zones/us-central1-a/operations/{id}")
    );
    assert_eq!(
        compute(name("projects/1/regions/us-east1/subnetworks/s")),
        format!("Ended compute projects/my-project/regions/us-east1/operations/{id}")
    );
    assert_eq!(
        compute(name("projects/1/global/networks/n")),
        format!("Ended compute projects/my-project/global/operations/{id}")
    );
}

#[test]
fn the_place_of_an_operation_of_compute_is_in_the_labels_where_the_resource_does_not_say_it() {
    let id = "operation-1596664766354-5ac287c395484-00000000-00000082";
    for (labels, place) in [
        (json!({}), "global"),
        (json!({"location": "global"}), "global"),
        (json!({"location": "us-central1-a"}), "zones/us-central1-a"),
        (json!({"location": "us-central1"}), "regions/us-central1"),
        (json!({"region": "us-east1"}), "regions/us-east1"),
        (json!({"zone": "us-east1-b", "region": "us-east1"}), "zones/us-east1-b"),
    ] {
        let mut end = with("compute-instance-stop-end", "/protoPayload/resourceName", json!("x"));
        end["resource"]["labels"] = labels.clone();
        end["resource"]["labels"]["project_id"] = json!(PROJECT);
        let expected = format!("Ended compute projects/my-project/{place}/operations/{id}");
        assert_eq!(line(read_entry(&end, &all())), expected, "{labels}");
    }
    // The URL of another operation in the response says nothing about this one.
    let mut end = entry("compute-instance-stop-end");
    let other = "https://www.googleapis.com/compute/v1/projects/my-project/global/operations/operation-2";
    end["protoPayload"]["response"] = json!({"selfLink": other});
    let expected = format!("Ended compute projects/my-project/zones/us-central1-a/operations/{id}");
    assert_eq!(line(read_entry(&end, &all())), expected);
    end["protoPayload"]["response"] = json!({"selfLink": other.replace("operation-2", id)});
    let expected = format!("Ended compute projects/my-project/global/operations/{id}");
    assert_eq!(line(read_entry(&end, &all())), expected, "its own URL");
}

#[test]
fn an_operation_of_cloud_sql_has_a_uuid() {
    let of = |id: &str| {
        let mut end = entry("cloudsql-end-odd-id");
        let at = "/protoPayload/response/operation/operationName/operationId";
        *end.pointer_mut(at).unwrap() = json!(id);
        line(read_entry(&end, &all()))
    };
    let good = "0a000000-0000-4000-8000-00000000000f";
    assert_eq!(of(good), format!("Ended sqladmin projects/my-project/operations/{good}"));
    for bad in [
        "0a000000-0000-4000-8000-00000000000g",
        "0a000000-0000-4000-8000-00000000000",
        "0a0000000000-4000-8000-00000000000f",
        "x",
    ] {
        assert_eq!(of(bad), "NoOperation", "{bad}");
    }
}

#[test]
fn a_name_that_is_too_long_is_none() {
    let longest = |bytes: usize| {
        let head = "projects/my-project/operations/";
        let name = format!("{head}{}", "a".repeat(bytes - head.len()));
        read_entry(&with("derived-datastore-export-start", "/operation/id", json!(name)), &all()).is_ok()
    };
    assert!(longest(MAX_NAME_BYTES) && !longest(MAX_NAME_BYTES + 1));
}

#[test]
fn a_notification_has_all_attributes_of_its_kind() {
    let attributes = |value: Value| -> BTreeMap<String, String> { serde_json::from_value(value).unwrap() };
    for half in [
        json!({"buildId": "b-1"}),
        json!({"status": "SUCCESS"}),
        json!({"ResourceType": "Rollout"}),
        json!({"Action": "Succeed"}),
        json!({"JobName": "projects/my-project/locations/us-central1/jobs/j"}),
        json!({"JobUID": "j-1"}),
    ] {
        let attributes = attributes(half.clone());
        let data = br#"{"projectId": "my-project"}"#;
        let read = read(&Notification { attributes: &attributes, data, published: published() }, &all());
        assert_eq!(line(read), "Unknown", "{half}");
    }
}

#[test]
fn a_project_may_be_named_by_its_number() {
    let vertex = entry("vertex-createreasoningengine-partial");
    let name = |policy: &Policy, entry: &Value| line(read_entry(entry, policy));
    let of = |project: &str| {
        format!("Started aiplatform projects/{project}/locations/us-central1/reasoningEngines/1/operations/2")
    };
    let services = || Service::table().collect();
    assert_eq!(name(&policy(services(), &[PROJECT, "other"]), &vertex), of(PROJECT), "by the log");
    assert_eq!(name(&policy(services(), &[NUMBER]), &vertex), of(NUMBER), "as the settings have it");
    assert_eq!(name(&policy(services(), &[PROJECT, NUMBER]), &vertex), of(NUMBER));
    assert_eq!(name(&policy(services(), &["other"]), &vertex), "NotAllowed");
    // The number of another project leads to no other project.
    let forged = with(
        "vertex-createreasoningengine-partial",
        "/operation/id",
        json!("projects/999/locations/us-central1/reasoningEngines/1/operations/2"),
    );
    assert_eq!(name(&all(), &forged), of(PROJECT));
    let native: Value =
        serde_json::from_slice(&fs::read(folder("native/bigquery-transfer-run.json")).unwrap()).unwrap();
    assert_eq!(
        line(read_push(&native, &policy(services(), &[PROJECT, "other"]))),
        "NoOperation",
        "which one?"
    );
}

#[test]
fn only_services_that_may_be_watched_are_read() {
    let of = |ids: &[&str]| policy(ids.iter().map(|id| id.parse().unwrap()).collect(), &[PROJECT]);
    let build = entry("cloudbuild-createbuild-start");
    assert_eq!(line(read_entry(&build, &of(&["datastore"]))), "OtherService");
    assert_eq!(
        line(read_entry(&build, &of(&["cloudbuild.builds"]))),
        "Started cloudbuild.builds projects/my-project/locations/global/builds/00000000-0000-4000-8000-000000000051"
    );
    // A name without a project is only read for a service that SERVICES names, and in a log of an allowed project.
    let unnamed = Policy { named: Vec::new(), ..all() };
    assert_eq!(line(read_entry(&entry("serviceusage-enable-end"), &unnamed)), "NotAllowed");
    let foreign = with(
        "serviceusage-enable-end",
        "/logName",
        json!("projects/other/logs/cloudaudit.googleapis.com%2Factivity"),
    );
    assert_eq!(line(read_entry(&foreign, &all())), "NotAllowed");
}

/// An entry is at most 256 KiB (<https://cloud.google.com/logging/quotas>); what is kept of one is a few names.
#[test]
fn the_longest_entry_is_read() {
    let long = with(
        "derived-datastore-export-start",
        "/protoPayload/request",
        json!({"kinds": vec!["a kind with a long name"; 9_700]}),
    );
    assert!((250_000..262_144).contains(&long.to_string().len()), "{}", long.to_string().len());
    assert!(read_entry(&long, &all()).is_ok());
}

/// Any text where an entry has one.
fn some_text() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[a-z0-9./:%?#@ -]{0,40}".prop_map(Value::from),
        "(projects/(my-project|1|\\.\\.)/)?(locations/[a-z./-]{1,9}/)?operations/[a-zA-Z0-9./%-]{0,20}"
            .prop_map(Value::from),
        Just(Value::Null),
        any::<u32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!({"a": ["b"]})),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_answered(data in proptest::collection::vec(any::<u8>(), 0..300), key in "[a-zA-Z_]{0,12}", value in any::<String>()) {
        let attributes = BTreeMap::from([(key, value)]);
        let _ = read(&Notification { attributes: &attributes, data: &data, published: published() }, &all());
    }

    /// Whatever stands in an entry, the name has the form of its service and belongs to the project that is allowed.
    #[test]
    fn a_forged_entry_leads_to_no_other_name(
        file in proptest::sample::select(files("entries")),
        at in proptest::sample::select(vec![
            "/operation/id", "/operation", "/logName", "/timestamp", "/resource/labels/location", "/resource/labels/zone",
            "/resource/labels/region", "/resource/labels/project_id", "/protoPayload/resourceName",
            "/protoPayload/response/selfLink", "/protoPayload/response/name", "/protoPayload/response/targetProject",
            "/protoPayload/request/job_id", "/protoPayload/methodName", "/protoPayload/authenticationInfo/principalEmail",
        ]),
        text in some_text(),
    ) {
        let mut forged = entry(file.trim_end_matches(".json"));
        if let Some(place) = forged.pointer_mut(at) {
            *place = text;
        }
        if let Ok(signal) = read_entry(&forged, &all()) {
            let (service, name) = (signal.operation.service(), signal.operation.name());
            prop_assert_eq!(Operation::new(service, name), Ok(signal.operation.clone()));
            prop_assert!(signal.operation.part("project").is_none_or(|project| project == PROJECT), "{}", name);
            prop_assert!(!name.contains("..") && !name.contains(['?', '#', '%', '@', ' ', '\n']), "{}", name);
        }
    }
}
