//! The gcloud commands of the table: each asks for the operation that it is shown with.
//!
//! The real gcloud takes a minute for all of them, so what it asked for is kept in a file, and a change of a command in the table fails
//! until gcloud was asked again: `OPWATCH_UPDATE=1 cargo test --test opwatch row_commands::` does that, and `tests/nightly commands`
//! compares the whole file with the gcloud that is installed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use opwatch::services::{Operation, Service, read_path};

/// What gcloud asked for first, by the command.
type Urls = BTreeMap<String, String>;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gcloud-urls.json");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gcloud_urls.py");

/// Commands of the program bq, which is not gcloud and is not run here.
const BQ: [&str; 2] = ["bigquery.jobs", "bigquerydatatransfer.runs"];

/// A command of the table, and what it must ask for.
struct Row {
    service: Service,
    verb: &'static str,
    command: String,
    /// Without scheme, method and query.
    url: String,
}

/// The commands for a name of each form. Names with a part of any kind before `operations` have the commands of the others.
fn rows() -> Vec<Row> {
    let operations = Service::all().flat_map(|service| {
        let forms = service.forms().filter(|form| !form.contains("{kind}"));
        forms.map(move |form| Operation::new(service, &example(form)).unwrap())
    });
    let rows = operations.flat_map(|operation| {
        ["describe", "cancel"].into_iter().filter_map(move |verb| {
            let url = format!("{}/{}", operation.base(), read_path(&operation));
            let url = url.split('?').next()?.trim_start_matches("https://").to_owned();
            Some(Row { service: operation.service(), verb, command: operation.gcloud(verb)?, url })
        })
    });
    rows.collect()
}

/// A name of this form.
fn example(form: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => segment.to_owned(),
        Some("location" | "region") => "us-central1".to_owned(),
        Some("zone") => "us-central1-a".to_owned(),
        // These two are held against a form by gcloud itself.
        Some("backup") if form.contains("/backupRuns/") => "1700000000001".to_owned(),
        Some("operation") if form == "operations/{operation}" => "acat.p2-1".to_owned(),
        Some(part) => format!("my-{}", part.trim_end_matches('*').replace('_', "-")),
    };
    form.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// The folder of the SDK. None without one.
fn sdk() -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    let gcloud = env::split_paths(&paths).map(|path| path.join("gcloud")).find(|path| path.exists())?;
    Some(gcloud.canonicalize().ok()?.ancestors().nth(2)?.to_owned())
}

/// What the real gcloud asks for.
fn ask(commands: &[String]) -> Urls {
    let sdk = sdk().expect("the Google Cloud SDK");
    let bundled = sdk.join("platform/bundledpythonunix/bin/python3");
    let python = if bundled.exists() { bundled } else { Path::new("python3").to_owned() };
    let mut command = Command::new(python);
    command.args(["-S", SCRIPT]).arg(sdk.join("lib")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let asked: BTreeMap<&String, &String> = commands.iter().map(|command| (command, command)).collect();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&asked).unwrap()).unwrap();
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    assert!(status.success());
    serde_json::from_slice(&stdout).unwrap()
}

/// Without what differs from run to run and says nothing about the operation.
fn bare(url: &str) -> &str {
    let url = url.split_once("://").map_or("", |(_, rest)| rest);
    url.split('?').next().unwrap_or_default()
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| value == "1")
}

#[test]
fn every_command_asks_for_its_operation() {
    let rows: Vec<Row> = rows();
    let of_bq: Vec<&str> =
        rows.iter().filter(|row| row.command.starts_with("bq ")).map(|row| row.service.id()).collect();
    assert!(of_bq.iter().all(|id| BQ.contains(id)), "{of_bq:?}");
    let rows: Vec<Row> = rows.into_iter().filter(|row| row.command.starts_with("gcloud ")).collect();
    let commands: Vec<String> = rows.iter().map(|row| row.command.clone()).collect();
    if is_set("OPWATCH_UPDATE") {
        let urls = ask(&commands);
        fs::write(FILE, serde_json::to_string_pretty(&urls).unwrap() + "\n").unwrap();
    }
    let urls: Urls = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    if is_set("OPWATCH_RUN_COMMANDS") {
        assert_eq!(ask(&commands), urls, "gcloud asks for something else now");
    }
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| !NOT_AT_ONCE.contains(&row.service.id()))
        .filter_map(|row| {
            let asked = urls.get(&row.command).map_or("never asked", String::as_str);
            let url = as_gcloud_asks(row);
            let fits = match row.verb {
                "describe" => bare(asked) == url,
                // A cancel ends in `:cancel` or in a word of the service, or may read the operation or its parent first.
                _ => {
                    bare(asked).starts_with(&url) || (!bare(asked).is_empty() && url.starts_with(bare(asked)))
                }
            };
            (!fits).then(|| format!("{}: {}\n  asks {asked}\n  not {url}", row.service, row.command))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(urls.keys().collect::<Vec<_>>(), commands_once(&commands), "what is no longer in the table");
}

fn commands_once(commands: &[String]) -> Vec<&String> {
    commands.iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The trap: with a name instead of a URL gcloud asks for something else and does not say so.
#[test]
fn a_command_that_asks_for_something_else_would_be_noticed() {
    let row = rows().into_iter().find(|row| row.service.id() == "compute").unwrap();
    let trap = "https://compute.googleapis.com/compute/v1/projects/other/global/operations/projects%2Fmy-project%2F?alt=json";
    assert_ne!(bare(trap), row.url);
    assert_eq!(bare(&format!("GET https://{}?alt=json", row.url)), row.url);
}

/// Commands that ask for something else first, which is not answered here.
const NOT_AT_ONCE: [&str; 1] = [
    // The number of the project.
    "pubsublite",
];

/// The same operation at another address of its API, at which gcloud asks for it: a service, a part of opwatch's URL, and gcloud's.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("aiplatform.notebookExecutionJobs", "/v1/", "/v1beta1/"),
    ("cloudbuild.builds", "/projects/my-project/builds/", "/projects/my-project/locations/global/builds/"),
    ("container", "/zones/", "/locations/"),
    ("gkehub.v2", "/v2/", "/v1/"),
    (
        "run.executions",
        "run.googleapis.com/v2/projects/my-project/locations/us-central1/jobs/my-job/",
        "us-central1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/my-project/",
    ),
    ("sqladmin", ".com/v1/", ".com/sql/v1beta4/"),
    ("sqladmin.backupRuns", ".com/v1/", ".com/sql/v1beta4/"),
];

fn as_gcloud_asks(row: &Row) -> String {
    let own = ELSEWHERE.iter().find(|(id, ..)| *id == row.service.id());
    own.map_or_else(|| row.url.clone(), |(_, ours, gclouds)| row.url.replacen(ours, gclouds, 1))
}
