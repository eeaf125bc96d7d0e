mod traps;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::Policy;
use crate::services::Service;

const PROJECT: &str = "my-project";
const NUMBER: &str = "123456789012";

fn policy(services: Vec<Service>, projects: &[&str]) -> Policy {
    Policy::reading(services, Some(projects.iter().map(|project| (*project).to_owned()).collect()))
}

fn all() -> Policy {
    policy(Service::table().collect(), &[PROJECT])
}

fn published() -> DateTime<Utc> {
    "2026-11-29T00:00:00Z".parse().unwrap()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/signals").join(name)
}

fn files(name: &str) -> Vec<String> {
    let names = fs::read_dir(folder(name)).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort_by_key(|name| name.trim_end_matches(".json").to_owned());
    names
}

fn entry(file: &str) -> Value {
    let place = ["entries", "made-up"].map(|name| folder(name).join(format!("{file}.json")));
    let text = place.iter().find_map(|path| fs::read(path).ok()).unwrap_or_else(|| panic!("{file}"));
    serde_json::from_slice(&text).unwrap()
}

fn read_entry(entry: &Value, policy: &Policy) -> Result<Signal, Unusable> {
    let attributes = BTreeMap::new();
    let data = entry.to_string();
    read(&Notification { attributes: &attributes, data: data.as_bytes(), published: published() }, policy)
}

/// A push in the form in which Pub/Sub wraps it.
fn read_push(push: &Value, policy: &Policy) -> Result<Signal, Unusable> {
    let attributes = serde_json::from_value(push["message"]["attributes"].clone()).unwrap();
    let data = STANDARD.decode(push["message"]["data"].as_str().unwrap_or_default()).unwrap();
    read(&Notification { attributes: &attributes, data: &data, published: published() }, policy)
}

/// Service, name and phase, as the tables below write them.
fn line(signal: Result<Signal, Unusable>) -> String {
    signal.map_or_else(
        |unusable| format!("{unusable:?}"),
        |signal| format!("{:?} {} {}", signal.phase, signal.operation.service(), signal.operation),
    )
}

#[test]
fn every_entry_is_read_as_its_description_says() {
    let expected = [
        (
            "bigquery-jobcompleted-old-format",
            "Ended bigquery.jobs projects/my-project/locations/US/jobs/bqjob_r1234567890abcdef_00000001_1",
        ),
        (
            "cloudbuild-createbuild-start",
            "Started cloudbuild operations/build/my-project/MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDUx",
        ),
        ("cloudsql-automatedbackup-system-event", "OtherLog"),
        (
            "cloudsql-backup-start-no-operation",
            "Started sqladmin projects/my-project/operations/00000000-0000-4000-8000-000000000031",
        ),
        (
            "cloudsql-create-start",
            "Started sqladmin projects/my-project/operations/00000000-0000-4000-8000-000000000011",
        ),
        ("cloudsql-create-start-internal", "NoOperation"),
        (
            "compute-image-insert-start",
            "Started compute projects/my-project/global/operations/operation-1596664766354-5ac287c395484-00000000-00000081",
        ),
        (
            "compute-instance-delete-start",
            "Started compute projects/my-project/zones/us-central1-f/operations/operation-1511384259910-55e9891ee5970-00000000-00000091",
        ),
        (
            "compute-subnetwork-patch-immediate",
            "AtOnce compute projects/my-project/regions/us-east1/operations/operation-1577934245000-59b2b0f0a0a0a-00000000-00000025",
        ),
        (
            "dataflow-create-no-operation",
            "Started dataflow.jobs projects/my-project/locations/us-central1/jobs/2019-05-16_04_24_18-1234567890123456789",
        ),
        (
            "dataproc-createcluster-start",
            "Started dataproc projects/my-project/regions/global/operations/00000000-0000-4000-8000-000000000021",
        ),
        (
            "derived-datastore-export-end",
            "Ended datastore projects/my-project/operations/ASAwMDAwMDAwMDAwMDAwMDAwMDAwMA",
        ),
        (
            "derived-datastore-export-start",
            "Started datastore projects/my-project/operations/ASAwMDAwMDAwMDAwMDAwMDAwMDAwMA",
        ),
        (
            "firestore-createindex-start",
            "Started firestore projects/my-project/databases/(default)/operations/AyAwMDAwMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAkGnNlbmlsZXBpcAkKMxI",
        ),
        ("firestore-listen-stream-end-trap", "OtherLog"),
        (
            "functions1-update-end-failed",
            "Ended cloudfunctions.v1 operations/bXktcHJvamVjdC91cy1jZW50cmFsMS9mbi8wMDAwMDAwMDAwMA",
        ),
        (
            "functions2-update-start",
            "Started cloudfunctions projects/my-project/locations/us-central1/operations/operation-1760494835169-6412925477000-00000000-00000061",
        ),
        (
            "gke-createcluster-end",
            "Ended container projects/my-project/locations/us-central1-a/operations/operation-1726191072114-00000000-0000-4000-8000-000000000001",
        ),
        (
            "gke-createcluster-start",
            "Started container projects/my-project/locations/us-central1-a/operations/operation-1726191072114-00000000-0000-4000-8000-000000000001",
        ),
        (
            "gke-deletecluster-end",
            "Ended container projects/my-project/locations/europe-central2-a/operations/operation-1655309832996-00000003",
        ),
        (
            "pubsub-envelope",
            "Started compute projects/my-project/zones/us-central1-f/operations/operation-1511384259910-55e9891ee5970-00000000-00000091",
        ),
        ("serviceusage-enable-end", "Ended serviceusage operations/acf.00000000-0000-4000-8000-000000000024"),
        (
            "spanner-createinstance-start",
            "Started spanner projects/my-project/instances/test-spanner/operations/5e6f000000000001",
        ),
    ];
    let found: Vec<_> = files("entries")
        .into_iter()
        .map(|file| {
            let name = file.trim_end_matches(".json").to_owned();
            let entry = entry(&name);
            let read = if name == "pubsub-envelope" {
                read_push(&entry, &all())
            } else {
                read_entry(&entry, &all())
            };
            (name, line(read))
        })
        .collect();
    let expected: Vec<_> = expected.map(|(file, line)| (file.to_owned(), line.to_owned())).into();
    assert_eq!(found, expected);
}

/// These entries are made up, in forms that are described but of which no file was at hand.
#[test]
fn entries_of_which_only_the_form_is_known_are_read() {
    let expected = [
        ("bigquery-insertjob-end", "Ended bigquery.jobs projects/my-project/locations/EU/jobs/bquxjob_1"),
        (
            "cloudsql-end-odd-id",
            "Ended sqladmin projects/my-project/operations/00000000-0000-4000-8000-000000000011",
        ),
        (
            "compute-instance-stop-end",
            "Ended compute projects/my-project/zones/us-central1-a/operations/operation-1596664766354-5ac287c395484-00000000-00000082",
        ),
        (
            "datafusion-createinstance-start",
            "Started datafusion projects/my-project/locations/us-central1/operations/operation-1-00000000-00000023",
        ),
        (
            "functions2-update-end",
            "Ended cloudfunctions projects/my-project/locations/us-central1/operations/operation-1760494835169-6412925477000-00000000-00000061",
        ),
        ("gke-createcluster-refused", "Refused"),
        (
            "gke-createnodepool-end",
            "Ended container projects/my-project/locations/us-central1-a/operations/operation-1726191072114-00000000-0000-4000-8000-000000000002",
        ),
        (
            "redis-createinstance-start",
            "Started redis projects/my-project/locations/us-central1/operations/operation-1-00000000-00000022",
        ),
        (
            "run-job-execution-end",
            "Ended run.executions projects/my-project/locations/europe-west1/jobs/nightly/executions/nightly-x7x2b",
        ),
        (
            "vertex-createreasoningengine-partial",
            "Started aiplatform projects/my-project/locations/us-central1/reasoningEngines/1/operations/2",
        ),
    ];
    let read = |file: String| {
        let name = file.trim_end_matches(".json").to_owned();
        (name.clone(), line(read_entry(&entry(&name), &all())))
    };
    let found: Vec<_> = files("made-up").into_iter().map(read).collect();
    let expected: Vec<_> = expected.map(|(file, line)| (file.to_owned(), line.to_owned())).into();
    assert_eq!(found, expected);
}

#[test]
fn every_notification_is_read_as_its_description_says() {
    let expected = [
        ("batch-job-state", "Ended batch.jobs projects/my-project/locations/us-central1/jobs/j"),
        (
            "bigquery-transfer-run",
            "Ended bigquerydatatransfer.runs projects/my-project/locations/us/transferConfigs/c/runs/r",
        ),
        (
            "cloud-build",
            "Ended cloudbuild.builds projects/my-project/locations/global/builds/00000000-0000-4000-8000-000000000051",
        ),
        (
            "gke-upgrade",
            "Started container projects/my-project/locations/us-east1/operations/operation-1662536672793-9f8f675f",
        ),
        ("storage-transfer", "Ended storagetransfer transferOperations/transferJobs-1-2"),
    ];
    let read = |file: String| {
        let push = serde_json::from_slice(&fs::read(folder("native").join(&file)).unwrap()).unwrap();
        let signal = read_push(&push, &all());
        assert_eq!(signal.as_ref().map(|signal| signal.at), Ok(published()), "{file}");
        (file.trim_end_matches(".json").to_owned(), line(signal))
    };
    let found: Vec<_> = files("native").into_iter().map(read).collect();
    let expected: Vec<_> = expected.map(|(file, line)| (file.to_owned(), line.to_owned())).into();
    assert_eq!(found, expected);
}

#[test]
fn a_signal_says_who_started_what_and_when() {
    let signal = read_entry(&entry("derived-datastore-export-start"), &all()).unwrap();
    assert_eq!(signal.method.as_deref(), Some("google.datastore.admin.v1.DatastoreAdmin.ExportEntities"));
    assert_eq!(signal.principal.as_deref(), Some("user@example.com"));
    assert_eq!(signal.at, "2026-11-23T03:00:01Z".parse::<DateTime<Utc>>().unwrap());
    let end = read_entry(&entry("gke-deletecluster-end"), &all()).unwrap();
    assert_eq!(end.principal, None, "GKE's ends name no account");
    let mut odd = entry("derived-datastore-export-start");
    odd["protoPayload"]["authenticationInfo"]["principalEmail"] =
        json!(format!("a\nb\u{202e}{}", "x".repeat(999)));
    let principal = read_entry(&odd, &all()).unwrap().principal.unwrap();
    assert!(principal.starts_with("a b x") && principal.chars().count() == 320, "{principal}");
}
