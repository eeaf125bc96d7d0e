//! `opwatch list`, `start` and `watch`: what a person does from a shell, against the stand-ins, in the real binary.

use std::fs;
use std::io::{Write as _, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use opwatch::fakes::{End, Fault, Options, Plan, World};
use opwatch::google::LOGIN;
use serde_json::{Value, json};

use crate::support::opwatch::{TOKEN, TOPIC, create_topics, export, lasting, refusal};
use crate::support::process::outcome;

const RUNNING: Plan = Plan {
    duration: Duration::MAX,
    end: End::Succeeded,
    entities: 100,
    bytes: 0,
    estimate: false,
    stuck_at: None,
};

fn name(id: impl std::fmt::Display) -> String {
    format!("projects/demo/operations/{id}")
}

async fn world() -> World {
    let options = Options { require_token: Some(TOKEN.to_owned()), ..Options::default() };
    let world = World::start(options).await.unwrap();
    create_topics(&world);
    world
}

fn variables(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("ENDPOINTS", world.endpoints()),
        ("ACCESS_TOKEN", TOKEN.to_owned()),
        ("GOOGLE_CLOUD_PROJECT", "demo".to_owned()),
        ("TOPIC", TOPIC.to_owned()),
    ]
}

fn scratch(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("terminal-{}-{name}", std::process::id()));
    fs::write(&file, text).unwrap();
    file
}

#[tokio::test]
async fn operations_are_listed_page_by_page_and_the_newest_first() {
    let world = world().await;
    world.operations.page_size(2);
    for id in 1..=4 {
        world.operations.add(&name(format!("ASA{id}")), lasting(0));
    }
    world.operations.add(&name("ASA5"), RUNNING);
    let variables = variables(&world);
    let list = async |more: &[&str]| {
        outcome(&[&["list", "--service", "datastore"], more].concat(), &variables).await
    };
    let (code, out, error) = list(&[]).await;
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 6, "{out}");
    assert!(lines[0].starts_with("Operation ") && lines[0].contains("Type"), "{out}");
    assert!(out.is_ascii(), "the locale is C: {out}");
    let line = lines.iter().find(|line| line.starts_with(&name("ASA5"))).expect(&out);
    assert!(line.contains("EXPORT_ENTITIES") && line.contains("INITIALIZING"), "{line}");
    assert!(lines.iter().any(|line| line.starts_with(&name("ASA1")) && line.contains("succeeded")), "{out}");
    let pages = world.operations.requests();
    assert_eq!(pages.len(), 3, "{pages:?}");
    assert!(pages[2].path.contains("pageToken="), "{}", pages[2].path);

    let (code, out, _) = list(&["--json"]).await;
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!((code, rows.len()), (Some(0), 5));
    let row = rows.iter().find(|row| row["name"] == name("ASA5")).unwrap();
    assert_eq!(
        (&row["service"], &row["outcome"], &row["end"]),
        (&json!("datastore"), &json!("running"), &Value::Null)
    );
    assert!(rows.iter().all(|row| row["start"].is_string()), "{out}");

    for more in [&["--running"][..], &["--running", "--since", "2h"]] {
        let (_, out, _) = list(more).await;
        assert!(out.lines().count() == 2 && out.contains("ASA5"), "{more:?}: {out}");
    }
    let (code, out, error) = list(&["--project", "other"]).await;
    assert_eq!((code, out.as_str(), error.as_str()), (Some(0), "", "opwatch: no operations\n"));
    world.stop().await;
}

#[tokio::test]
async fn a_list_that_there_is_not_says_what_to_do() {
    let world = world().await;
    let all = variables(&world);
    let nowhere: Vec<_> = all.iter().filter(|(name, _)| *name != "GOOGLE_CLOUD_PROJECT").cloned().collect();
    for (arguments, variables, code, said) in [
        (
            &["--service", "spanner"][..],
            &all,
            64,
            "https://console.cloud.google.com/spanner/instances?project=demo",
        ),
        (
            &["--service", "cloudkms"],
            &all,
            64,
            "https://console.cloud.google.com/apis/api/cloudkms.googleapis.com?project=demo",
        ),
        (&["--service", "aiplatform"], &all, 64, "add --location, such as --location europe-west1"),
        (&["--service", "datastore", "--location", "x"], &all, 64, "leave out --location"),
        (&["--service", "redis", "--location", "a/b"], &all, 64, "characters that an ID can't have"),
        (&["--service", "datastore", "--since", "soon"], &all, 64, "--since"),
        (&["--service", "redys"], &all, 64, "is not a service"),
        (&[], &all, 64, "--service"),
        (&["--service", "datastore"], &nowhere, 64, "add --project, or set GOOGLE_CLOUD_PROJECT"),
    ] {
        let (found, out, error) = outcome(&[&["list"], arguments].concat(), variables).await;
        assert_eq!((found, out.as_str()), (Some(code), ""), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    assert!(world.operations.requests().is_empty());
    let list = ["list", "--service", "datastore"];
    world.operations.fail_next(refusal(403, "PERMISSION_DENIED", "Missing or insufficient permissions."));
    let (code, _, error) = outcome(&list, &all).await;
    assert!(code == Some(1) && error.contains("insufficient permissions"), "{error}");
    world.operations.fail_next(refusal(400, "INVALID_ARGUMENT", "Location - is not valid."));
    let (code, _, error) = outcome(&list, &all).await;
    assert!(code == Some(64) && error.contains("add --location"), "{error}");
    let endpoints = format!("{},{}", world.endpoints(), world.sign_in.endpoints());
    let nobody = [("ENDPOINTS", endpoints), ("GOOGLE_CLOUD_PROJECT", "demo".to_owned())];
    let (code, _, error) = outcome(&list, &nobody).await;
    assert!(code == Some(1) && error.ends_with(&format!("opwatch: {LOGIN}\n")), "{error}");
    world.stop().await;
}

#[tokio::test]
async fn a_kickoff_is_started_once() {
    let world = world().await;
    world.operations.plan(RUNNING);
    let file = scratch("start.json", export().to_string());
    let start = ["start", file.to_str().unwrap()];
    let (code, first, error) = outcome(&start, &variables(&world)).await;
    assert_eq!(code, Some(0), "{error}");
    let name = first.trim();
    assert!(error.contains(&format!("opwatch wait --service datastore '{name}'")), "{error}");
    let started = world.operations.operations();
    assert_eq!((started.len(), started[0].name.as_str()), (1, name));
    assert!(started[0].labels.contains_key("opwatch-request"), "as the service starts it: {started:?}");
    let (code, second, error) = outcome(&start, &variables(&world)).await;
    assert_eq!((code, &second), (Some(0), &first), "{error}");
    assert!(error.contains("nothing was started"), "{error}");
    assert_eq!(world.operations.operations().len(), 1);
    assert!(
        world.tasks.requests().is_empty()
            && world.slack.requests().is_empty()
            && world.pubsub.messages().is_empty()
    );
    world.stop().await;
}

#[tokio::test]
async fn a_start_can_wait_and_ends_as_the_operation_does() {
    let world = world().await;
    for (end, code) in
        [(End::Succeeded, 0), (End::Failed { code: 9, message: "No.".to_owned() }, 1), (End::Cancelled, 2)]
    {
        world.operations.plan(Plan { end, ..lasting(0) });
        let mut kickoff = export();
        kickoff["start"]["body"]["outputUrlPrefix"] = json!(format!("gs://backups/{code}"));
        kickoff["title"] = json!("Nightly");
        let file = scratch("wait.json", kickoff.to_string());
        let (found, out, error) =
            outcome(&["start", file.to_str().unwrap(), "--wait"], &variables(&world)).await;
        assert_eq!(found, Some(code), "{out}{error}");
        assert!(error.starts_with("opwatch: waiting for projects/demo/operations/"), "{error}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_kickoff_that_can_not_be_started_says_why() {
    let world = world().await;
    let mut bounded = variables(&world);
    bounded.push(("EXPORT_PREFIXES", "gs://elsewhere".to_owned()));
    let none = [("ENDPOINTS", world.endpoints()), ("ACCESS_TOKEN", TOKEN.to_owned())];
    let file = scratch("good.json", export().to_string());
    let watch = scratch("watch.json", json!({"name": name("x")}).to_string());
    let bad =
        scratch("bad.json", json!({"start": {"service": "datastore", "path": "x", "body": {}}}).to_string());
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for (arguments, variables, said) in [
        (vec![text(&watch)], &bounded[..], "it names an operation and starts none: use `opwatch wait`"),
        (vec![text(&bad)], &bounded[..], "start.path: "),
        (vec![text(&file)], &bounded[..], "EXPORT_PREFIXES"),
        (vec!["/no/such/file".to_owned()], &bounded[..], "No such file"),
        (vec![text(&file), "--publish".to_owned()], &none[..], "TOPIC: must be set"),
        (vec![text(&file), "--publish".to_owned(), "--wait".to_owned()], &none[..], "cannot be used with"),
    ] {
        let arguments: Vec<&str> =
            ["start"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let (code, out, error) = outcome(&arguments, variables).await;
        assert_eq!((code, out.as_str()), (Some(64), ""), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    assert!(world.operations.requests().is_empty());
    world.operations.fail_next_on("POST", "", refusal(400, "INVALID_ARGUMENT", "No such bucket."));
    let (code, out, error) = outcome(&["start", &text(&file)], &variables(&world)).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
    assert!(error.contains("was not started") && error.contains("No such bucket."), "{error}");
    world.stop().await;
}

#[tokio::test]
async fn kickoffs_are_published_as_they_are() {
    let world = world().await;
    let kickoff = export().to_string();
    let mut start = Command::new(env!("CARGO_BIN_EXE_opwatch"));
    start.env_clear().args(["start", "-", "--publish"]).envs(variables(&world));
    let mut start = start.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    start.stdin.take().unwrap().write_all(kickoff.as_bytes()).unwrap();
    let output = tokio::task::spawn_blocking(move || start.wait_with_output().unwrap()).await.unwrap();
    assert!(output.status.success());
    let published = world.pubsub.messages();
    assert_eq!((published.len(), published[0].data.as_slice()), (1, kickoff.as_bytes()));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, format!("published to {TOPIC}: watch {}\n", published[0].id));

    world.operations.add(&name("ASA1"), lasting(0));
    let url = format!("https://datastore.googleapis.com/v1/{}", name("ASA1"));
    for (arguments, title) in [
        (vec![name("ASA1"), "--title".to_owned(), "Nightly".to_owned()], Some("Nightly")),
        (vec![url, "--wait".to_owned()], None),
    ] {
        let arguments: Vec<&str> =
            ["watch"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let (code, out, error) = outcome(&arguments, &variables(&world)).await;
        assert_eq!(code, Some(0), "{out}{error}");
        let published = world.pubsub.messages().pop().unwrap();
        let mut wanted = json!({"name": name("ASA1"), "service": "datastore"});
        if let Some(title) = title {
            wanted["title"] = json!(title);
        }
        assert_eq!(serde_json::from_slice::<Value>(&published.data).unwrap(), wanted);
    }
    assert_eq!(world.operations.reads(&name("ASA1")), 1, "--wait follows it");
    let count = world.pubsub.messages().len();
    let (code, out, _) = outcome(&["watch", &name("ASA1"), "--dry-run"], &variables(&world)).await;
    assert!(code == Some(0) && out.contains(r#""service":"datastore"#), "{out}");
    for (arguments, variables, code, said) in [
        (vec!["watch", "projects/demo"], variables(&world), 64, "is not an operation name"),
        (vec!["watch", "projects/demo/operations/x"], vec![], 64, "TOPIC: must be set"),
        (vec!["watch", "projects/demo/operations/x", "--title", ""], variables(&world), 64, "title: "),
    ] {
        let (found, _, error) = outcome(&arguments, &variables).await;
        assert_eq!(found, Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    world.pubsub.fail_next(Fault::answer(403, ""));
    let (code, _, error) = outcome(&["watch", &name("ASA1")], &variables(&world)).await;
    assert!(code == Some(1) && error.contains("could not be published"), "{error}");
    assert_eq!(world.pubsub.messages().len(), count);
    world.stop().await;
}

#[tokio::test]
async fn a_closed_pipe_ends_none_of_them_in_a_panic() {
    let world = world().await;
    world.operations.add(&name("ASA1"), lasting(0));
    let variables = variables(&world);
    let file = scratch("piped.json", export().to_string());
    for arguments in [
        vec!["list", "--service", "datastore"],
        vec!["list", "--service", "datastore", "--json"],
        vec!["start", file.to_str().unwrap()],
        vec!["watch", "projects/demo/operations/ASA1"],
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
        command.env_clear().args(&arguments).envs(variables.clone()).stdin(Stdio::null());
        command.stdout(writer).stderr(Stdio::piped());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !errors.contains("panicked"), "{arguments:?}: {errors}");
    }
    world.stop().await;
}

#[tokio::test]
async fn to_pick_needs_a_terminal_and_a_service() {
    let world = world().await;
    for (arguments, said) in [
        (&["wait", "--pick"][..], "--service"),
        (&["wait", "--pick", "--service", "datastore"], "--pick needs a terminal"),
        (&["wait", "--pick", "--service", "datastore", "x"], "cannot be used with"),
    ] {
        let (code, out, error) = outcome(arguments, &variables(&world)).await;
        assert_eq!((code, out.as_str()), (Some(64), ""), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    world.stop().await;
}
