//! What people are told of an error of Google's: its cause, and the command that fixes it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opwatch::fakes::{End, Fault, Plan};
use serde_json::{Value, json};

use crate::support::opwatch::{
    FIRESTORE_NAME, NAME, Opwatch, RED, colour, export, firestore_export, lasting, texts,
};

/// A refusal as Google's APIs answer it, with an `ErrorInfo` among its details.
fn refusal(code: u16, status: &str, message: &str, reason: &str, metadata: &Value) -> Fault {
    let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
        "domain": "googleapis.com", "metadata": metadata});
    let help = json!({"@type": "type.googleapis.com/google.rpc.Help", "links": [
        {"description": "Google developers console", "url": "https://console.developers.google.com"}]});
    let error = json!({"code": code, "message": message, "status": status, "details": [help, info]});
    Fault::answer(code, &json!({"error": error}).to_string())
}

/// Four ways to be refused with 403 that no role fixes: <https://github.com/firebase/extensions/issues/3119>,
/// <https://github.com/cloudquery/cloudquery/issues/1062>, <https://github.com/benyap/firestore-backfire/issues/345> and
/// <https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto>.
fn no_role_fixes(host: &str) -> [(Fault, String); 4] {
    let metadata = json!({"service": host, "consumer": "projects/demo"});
    let denied = |message: &str, reason: &str, metadata: &Value| {
        refusal(403, "PERMISSION_DENIED", message, reason, metadata)
    };
    let uid = "eYhDkfYCu-dOCjuj8X4Am9-spkxs0-kX5YnhAJmc3PZ7pmNNfSsqtQ";
    let mut perimeter = metadata.clone();
    perimeter["uid"] = json!(uid);
    let prohibited =
        format!("Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: {uid}");
    [
        (
            denied("The API has not been used in project 1 before.", "SERVICE_DISABLED", &metadata),
            format!("gcloud services enable {host} --project=demo"),
        ),
        (denied(&prohibited, "SECURITY_POLICY_VIOLATED", &perimeter), format!("unique ID {uid}")),
        (
            denied("Permission denied on resource project demo.", "CONSUMER_INVALID", &metadata),
            "gcloud projects describe demo".to_owned(),
        ),
        (
            denied("This API method requires billing to be enabled.", "BILLING_DISABLED", &metadata),
            "gcloud billing projects describe demo".to_owned(),
        ),
    ]
}

#[tokio::test]
async fn a_403_that_no_role_fixes_is_told_with_its_own_cause() {
    for (kickoff, host) in
        [(export(), "datastore.googleapis.com"), (firestore_export(), "firestore.googleapis.com")]
    {
        for method in ["GET", "POST"] {
            for (fault, fix) in no_role_fixes(host) {
                let opwatch = Opwatch::start().await;
                opwatch.world.operations.fail_always_on(method, "", Some(fault));
                opwatch.watch(&kickoff).await;
                let text = opwatch.only_text();
                assert_eq!(colour(&opwatch.only_message()), RED, "{text}");
                assert!(text.contains(&fix), "{method} {fix}: {text}");
                assert!(!text.contains("roles/") && !text.contains("add-iam-policy-binding"), "{text}");
                opwatch.stop().await;
            }
        }
    }
}

/// Set to `1`, writes the golden texts anew.
const UPDATE: &str = "OPWATCH_UPDATE";

/// Rows of the table: an error as Google words it, what it is about, where it comes from, and who reported it.
fn rows() -> Vec<Value> {
    serde_json::from_str(include_str!("data/causes.json")).unwrap()
}

fn error(code: u16, status: &str, message: &str) -> Value {
    json!({"code": code, "status": status, "message": message})
}

/// What meets the error of `row`: a start, or the watch of an operation.
fn kickoff_of(row: &Value) -> Value {
    let starts = ["list", "start"].contains(&row["from"].as_str().unwrap());
    match (row["of"].as_str().unwrap(), starts) {
        ("datastore", true) => export(),
        ("firestore", true) => firestore_export(),
        ("datastore", false) => json!({"name": NAME}),
        ("firestore", false) => json!({"service": "firestore", "name": FIRESTORE_NAME}),
        ("import", _) => json!({"start": {"service": "datastore", "path": "projects/demo:import",
            "body": {"inputUrl": "gs://backups/x/x.overall_export_metadata"}}}),
        (other, _) => panic!("{other}"),
    }
}

/// The operation that `kickoff` watches, failed with `error`.
fn failed_operation(kickoff: &Value, error: &Value) -> Value {
    let times = json!({"startTime": "2026-11-23T03:00:12Z", "endTime": "2026-11-23T03:01:42Z", "state": "FAILED",
        "operationType": "EXPORT_ENTITIES"});
    let metadata = match kickoff["service"].as_str() {
        Some("firestore") => json!({"startTime": times["startTime"], "endTime": times["endTime"],
            "operationState": "FAILED", "outputUriPrefix": "gs://backups",
            "@type": "type.googleapis.com/google.firestore.admin.v1.ExportDocumentsMetadata"}),
        _ => json!({"common": times, "outputUrlPrefix": "gs://backups",
            "@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesMetadata"}),
    };
    json!({"name": kickoff["name"], "done": true, "error": error, "metadata": metadata})
}

/// What Slack is told when the row's error is met: sentences and commands to paste.
async fn told(row: &Value, locale: &'static str) -> String {
    let opwatch = Opwatch::start_with(|args| {
        args.set("LOCALE", locale);
        args.set("STARTS", "datastore:export,datastore:import,firestore:exportDocuments");
        args.set("IMPORT_PREFIXES", "any");
    })
    .await;
    let mut kickoff = kickoff_of(row);
    let code = row["error"]["code"].as_u64().unwrap() as u16;
    let refusal = || Fault::answer(code, &json!({"error": row["error"]}).to_string());
    let (method, path, fault) = match row["from"].as_str().unwrap() {
        "list" => ("GET", "/operations?", refusal()),
        "start" => ("POST", "", refusal()),
        "read" => ("GET", "", refusal()),
        "operation" => {
            ("GET", "", Fault::answer(200, &failed_operation(&kickoff, &row["error"]).to_string()))
        }
        other => panic!("{other}"),
    };
    opwatch.world.operations.fail_always_on(method, path, Some(fault));
    kickoff["limit"] = json!(2);
    opwatch.watch(&kickoff).await;
    let message = opwatch.only_message();
    opwatch.stop().await;
    let blocks = message["attachments"][0]["blocks"].as_array().unwrap().iter();
    let texts = blocks.map(|block| block["text"].clone());
    let kept = texts.filter_map(|text| {
        let is_code = text["text"].as_str().is_some_and(|text| text.starts_with("```"));
        let text =
            text["text"].as_str().filter(|_| is_code || text["type"] == "plain_text")?.replace("```", "");
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let is_kickoff = text.starts_with("gcloud pubsub");
        let text = if is_kickoff { "gcloud pubsub topics publish …".to_owned() } else { text };
        Some(if is_code { format!("    {}", text.replace('\n', "\n    ")) } else { text })
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn golden(locale: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/causes.{locale}.txt"))
}

/// Each row of the table through the real clients, in both languages.
#[tokio::test]
async fn every_cause_is_told_with_what_fixes_it() {
    for locale in ["en", "ja"] {
        let mut all = String::new();
        for row in rows() {
            let [name, from, source] = ["name", "from", "source"].map(|field| row[field].as_str().unwrap());
            let told = told(&row, locale).await;
            writeln!(all, "== {name} ({from})\n{source}\n{told}\n").unwrap();
        }
        if std::env::var(UPDATE).is_ok_and(|value| value == "1") {
            std::fs::write(golden(locale), &all).unwrap();
        }
        let expected = std::fs::read_to_string(golden(locale)).unwrap_or_default();
        for (told, expected) in all.lines().zip(expected.lines()) {
            assert_eq!(told, expected, "causes.{locale}.txt; {UPDATE}=1 writes it anew");
        }
        assert_eq!(all.len(), expected.len(), "causes.{locale}.txt; {UPDATE}=1 writes it anew");
        assert!(!all.contains("importExportAdmin") && !all.contains("roles/datastore"), "wider than needed");
    }
}

/// The command to paste of a kickoff in what Slack was told last.
fn kickoff_to_paste(opwatch: &Opwatch) -> Option<Value> {
    let text = texts(opwatch.slack().last().unwrap()).join("\n");
    let line = text.split("```").find(|part| part.starts_with("gcloud pubsub topics publish"))?;
    Some(serde_json::from_str(line.split('\'').nth(1).unwrap()).unwrap())
}

fn failing() -> Plan {
    Plan { end: End::Failed { code: 13, message: "Internal error.".to_owned() }, ..lasting(90) }
}

#[tokio::test]
async fn what_failed_comes_with_the_line_that_starts_it_again_once() {
    for kickoff in [export(), firestore_export()] {
        for end in [failing(), Plan { end: End::Cancelled, ..lasting(90) }] {
            let opwatch = Opwatch::start().await;
            opwatch.world.operations.plan(end);
            opwatch.watch(&kickoff).await;
            let again = kickoff_to_paste(&opwatch).unwrap();
            assert_eq!(again["start"], kickoff["start"]);
            assert!(again.get("state").is_none());
            opwatch.world.time.advance(Duration::from_secs(60));
            opwatch.world.operations.plan(lasting(90));
            opwatch.publish_and_pause(&again).await;
            opwatch.publish_and_pause(&again).await;
            opwatch.resume().await;
            assert_eq!(opwatch.starts(), 2, "the first, and once again though the line was pasted twice");
            opwatch.stop().await;
        }
    }
}

#[tokio::test]
async fn what_opwatch_did_not_start_or_could_not_show_whole_has_no_such_line() {
    let opwatch = Opwatch::start().await;
    opwatch.watch_named(failing()).await;
    assert_eq!(kickoff_to_paste(&opwatch), None);
    let mut long = export();
    long["start"]["body"]["entityFilter"]["kinds"] = json!(vec!["Shop"; 400]);
    opwatch.world.operations.plan(failing());
    opwatch.watch(&long).await;
    assert_eq!((opwatch.slack().len(), kickoff_to_paste(&opwatch)), (2, None));
    opwatch.stop().await;
}

/// The same path would be refused again.
#[tokio::test]
async fn a_path_that_exists_is_made_new_in_the_line_to_paste() {
    for (prefix, expected) in [
        ("gs://backups/nightly/", "gs://backups/nightly/${datetime}"),
        ("gs://backups/${date}", "gs://backups/${date}"),
    ] {
        let opwatch = Opwatch::start().await;
        let exists =
            error(400, "INVALID_ARGUMENT", "Path already exists: /backups/x/x.overall_export_metadata");
        let refusal = Fault::answer(400, &json!({"error": exists}).to_string());
        opwatch.world.operations.fail_always_on("POST", "", Some(refusal));
        let mut kickoff = firestore_export();
        kickoff["start"]["body"]["outputUriPrefix"] = json!(prefix);
        opwatch.watch(&kickoff).await;
        let again = kickoff_to_paste(&opwatch).unwrap();
        assert_eq!(again["start"]["body"]["outputUriPrefix"], expected);
        opwatch.stop().await;
    }
}

/// A start that is refused for want of quota is tried for an hour, and then told with that cause.
#[tokio::test]
async fn a_quota_used_up_to_the_end_is_not_called_unreachable() {
    for status in [429, 400] {
        let opwatch = Opwatch::start().await;
        let word = if status == 429 { "RESOURCE_EXHAUSTED" } else { "FAILED_PRECONDITION" };
        let refusal =
            Fault::answer(status, &json!({"error": error(status, word, "As it came.")}).to_string());
        opwatch.world.operations.fail_always_on("POST", "", Some(refusal));
        opwatch.watch(&export()).await;
        let text = opwatch.only_text();
        assert!(text.contains("As it came."), "{text}");
        assert_eq!(text.contains("A quota or limit of Datastore is exhausted."), status == 429, "{text}");
        assert!(!text.contains("reached") && !text.contains("body and"), "{text}");
        opwatch.stop().await;
    }
}
