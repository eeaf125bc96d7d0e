//! The real binary: its commands, its life and its exit status; and in the modules below what it stands.

mod clients;
mod kills;
mod log;
mod signals;
mod soak;
mod upstreams;

use opwatch::fakes::{End, Plan};
use serde_json::{Value, json};

use crate::support::opwatch::{GREEN, NAME, TOKEN, colour, lasting, refusal, subscribe, world};
use crate::support::process::{Process, outcome, read, variables};

/// In KiB: the most that the process may take, whatever it is sent. Cloud Run gives it 512 MiB.
const MEMORY: u64 = 64 * 1024;

#[tokio::test]
async fn bad_settings_are_told_all_at_once() {
    let (code, out, error) = outcome(&["serve"], &[("CHECK_INTERVAL", "0s".to_owned())]).await;
    assert_eq!((code, out.as_str()), (Some(64), ""));
    for setting in ["TOPIC", "CHECK_QUEUE", "TASKS_SERVICE_ACCOUNT", "SLACK_WEBHOOK_URL", "CHECK_INTERVAL"] {
        let lines = error.lines().filter(|line| line.starts_with(&format!("{setting}: ")));
        assert_eq!(lines.count(), 1, "{setting}: {error}");
    }
    assert!(!error.contains("REPORT_QUEUE"), "the check queue stands in for it: {error}");
}

#[tokio::test]
async fn arguments_and_help_have_their_exit_status() {
    assert_eq!(outcome(&["serve", "--nonsense"], &[]).await.0, Some(64));
    assert_eq!(outcome(&["nonsense"], &[]).await.0, Some(64));
    assert_eq!(outcome(&["check"], &[]).await.0, Some(64));
    for arguments in [&["--help"][..], &["serve", "--help"], &["check", "--help"], &["--version"]] {
        let (code, out, error) = outcome(arguments, &[]).await;
        assert_eq!((code, error.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(!out.is_empty());
    }
}

#[tokio::test]
async fn help_shows_every_variable_and_no_value() {
    let world = world().await;
    let variables = variables(&world);
    let (_, help, _) = outcome(&["serve", "--help"], &variables).await;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, value) in &variables {
        assert!(help.contains(&format!("[env: {name}]")), "{name}: {help}");
        // A number of one digit is in other texts, too.
        assert!(value.len() < 2 || !help.contains(value), "{name}");
    }
    world.stop().await;
}

/// A deployment of an earlier version that is upgraded has no such setting.
#[tokio::test]
async fn a_service_that_would_refuse_every_export_warns_at_its_start() {
    let world = world().await;
    for (prefixes, starts, warnings) in
        [("", "", 1), ("", "none", 0), ("any", "", 0), ("any", "datastore:import", 1)]
    {
        let mut variables = variables(&world);
        variables.retain(|(name, _)| *name != "EXPORT_PREFIXES");
        variables.push(("EXPORT_PREFIXES", prefixes.to_owned()));
        variables.push(("STARTS", starts.to_owned()));
        let lines = read(&Process::start(&variables).await.stop().await);
        let warned = lines.iter().filter(|line| line["severity"] == "WARNING");
        let warned: Vec<_> = warned.map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(warned.len(), warnings, "{prefixes} {starts}: {warned:?}");
        assert!(warned.iter().all(|text| text.contains("PORT_PREFIXES is not set: every start of an ")));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_failure() {
    let world = world().await;
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, out, _) = outcome(&["serve", "--port", &port], &variables(&world)).await;
    assert_eq!(code, Some(1));
    let line: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(line["severity"], "ERROR");
    assert!(line["message"].as_str().unwrap().contains(&format!("can't listen on port {port}")), "{line}");
    world.stop().await;
}

#[tokio::test]
async fn a_whole_watch_goes_through_the_binary() {
    let world = world().await;
    let process = Process::run(&[], &variables(&world)).await;
    subscribe(&world, &process.url());
    world.operations.add(NAME, lasting(90));
    world.pubsub.publish("projects/demo/topics/opwatch", json!({"name": NAME}).to_string().as_bytes()).await;
    world.settled().await;
    assert_eq!(world.slack.messages().len(), 1);
    assert_eq!(colour(&world.slack.messages()[0]), GREEN);
    assert_eq!(world.violations(), Vec::<String>::new());
    process.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn check_prints_what_a_report_would_say_and_sends_nothing() {
    let world = world().await;
    world.operations.add(NAME, lasting(0));
    let running = "projects/demo/operations/running";
    world.operations.add(running, lasting(1_000));
    let failed = "projects/demo/databases/(default)/operations/failed";
    let end = End::Failed { code: 5, message: "no bucket".to_owned() };
    world.operations.add(failed, Plan { end, ..lasting(0) });
    let mut variables = variables(&world);
    variables.retain(|(name, _)| ["ENDPOINTS", "ACCESS_TOKEN"].contains(name));

    let (code, text, error) = outcome(&["check", NAME], &variables).await;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(text.starts_with("Datastore export succeeded · "), "{text}");
    assert!(text.contains("Entities: 12,345\n") && text.contains(&format!("Operation: {NAME}")), "{text}");

    let (code, text, _) = outcome(&["check", running, "--title", "Nightly"], &variables).await;
    assert_eq!(code, Some(0));
    assert!(text.starts_with("Nightly is still running · "), "{text}");
    assert!(!text.contains("stopped watching"), "nothing was watched: {text}");

    let (code, text, _) = outcome(&["check", failed, "--json"], &variables).await;
    assert_eq!(code, Some(0), "it could be read");
    let payload: Value = serde_json::from_str(&text).unwrap();
    assert!(payload["text"].as_str().unwrap().starts_with("*Firestore export failed*"), "{payload}");
    assert!(text.contains("5 NOT_FOUND") && text.contains("no bucket"), "{text}");

    let (code, text, _) = outcome(&["check", "projects/demo/operations/gone"], &variables).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("outcome unknown") && text.contains("404 NOT_FOUND"), "{text}");

    world.operations.fail_always(Some(refusal(403, "PERMISSION_DENIED", "")));
    let (code, text, _) = outcome(&["check", NAME], &variables).await;
    assert_eq!(code, Some(1));
    assert!(
        text.contains("The account that ran the command lacks a permission")
            && text.contains("--member=user:"),
        "a person asks, not the service: {text}"
    );
    world.operations.fail_always(Some(refusal(503, "UNAVAILABLE", "")));
    assert_eq!(outcome(&["check", NAME], &variables).await.0, Some(1));

    for (arguments, said) in [
        (&["check", "projects/demo/x"][..], "is not an operation name"),
        (&["check", "operations/x"], "Choose one with --service"),
        (&["check", NAME, "--service", "firestore"], "is not an operation name"),
        (&["check", NAME, "--service", "spannr"], "is not a service (`opwatch services` lists them)"),
        (
            &["check", NAME, "--projects", "other"],
            "Not allowed by the setting PROJECTS. To allow it, add demo to PROJECTS.",
        ),
        (&["check", NAME, "--locale", "xx"], "LOCALE"),
        (&["check", NAME, "--title", ""], "--title: Must have 1 to 100 characters."),
    ] {
        let (code, out, error) = outcome(arguments, &variables).await;
        assert_eq!((code, out.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(!error.contains(TOKEN));
    }
    assert!(world.slack.requests().is_empty() && world.tasks.requests().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn who_has_no_login_is_told_how_to_get_one() {
    let nobody = [("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file".to_owned())];
    let fix = format!("opwatch: {}\n", opwatch::google::LOGIN);
    let (code, text, error) = outcome(&["check", NAME], &nobody).await;
    assert_eq!((code, error.as_str()), (Some(1), fix.as_str()), "{text}");
    assert!(text.contains("no token: ") && !text.contains("Error:"), "it has no code: {text}");
    let (code, _, error) =
        outcome(&["history", "--ledger-kind", "Run", "--ledger-project", "demo"], &nobody).await;
    assert_eq!(code, Some(1));
    assert!(error.contains(": no token: ") && error.ends_with(&fix), "{error}");
}

/// A proxy would see the token of a plain call to loopback.
#[tokio::test]
async fn no_proxy_of_the_environment_is_called() {
    let world = world().await;
    world.operations.add(NAME, lasting(0));
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut variables = variables(&world);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        variables.push((name, url.clone()));
    }
    let (code, text, error) = outcome(&["check", NAME], &variables).await;
    assert_eq!(code, Some(0), "{text}{error}");
    assert!(proxy.accept().is_err(), "the proxy was called");
    world.stop().await;
}
