//! `opwatch doctor` and `opwatch validate`: the real binary against Google's answers.

use std::fs::File;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use opwatch::intake::server::{self, Limits};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const TOPIC: &str = "projects/demo/topics/opwatch";
const INTERNAL_TOPIC: &str = "projects/demo/topics/opwatch-internal";
const QUEUE: &str = "projects/demo/locations/europe-west1/queues/checks";
const ACCOUNT: &str = "tasks@demo.iam.gserviceaccount.com";

/// All of Google and Slack: grants everything but what is named by a part of the path.
struct Google {
    url: String,
    calls: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<bool>,
}

impl Google {
    async fn open(refuse: &'static str) -> Self {
        Self::answering(refuse, 0).await
    }

    /// Refuses with `status`; 0 is what each API says of what is not granted.
    async fn answering(refuse: &'static str, status: u16) -> Self {
        // Slack's refusals are not Google's.
        let is_slack = refuse == "/services/";
        let said = if is_slack { "{}".to_owned() } else { error(status, word(status)) };
        Self::saying(refuse, status, said).await
    }

    /// Grants everything but these permissions.
    async fn without(permissions: &'static [&'static str]) -> Self {
        Self::with_iam("", 0, String::new(), Iam { denied: permissions, unknown: &[] }).await
    }

    /// Knows no such permissions.
    async fn not_knowing(permissions: &'static [&'static str]) -> Self {
        Self::with_iam("", 0, String::new(), Iam { denied: &[], unknown: permissions }).await
    }

    /// Refuses with `status` and `said`.
    async fn saying(refuse: &'static str, status: u16, said: String) -> Self {
        Self::with_iam(refuse, status, said, Iam { denied: &[], unknown: &[] }).await
    }

    async fn with_iam(refuse: &'static str, status: u16, said: String, iam: Iam) -> Self {
        let said = Arc::new(said);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&calls);
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                let (method, path) = (request.method().clone(), request.uri().to_string());
                log.lock().unwrap().push(format!("{method} {path}"));
                let refused = !refuse.is_empty() && path.contains(refuse);
                let said = Arc::clone(&said);
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let (status, answer) = match status {
                        1.. if refused => (status, said.as_ref().clone()),
                        _ => answer(&path, &body, refused, iam),
                    };
                    let mut response = Response::new(Full::new(Bytes::from(answer)));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    response
                }
            });
        Self { url, calls, server: tokio::spawn(serving) }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// How often Resource Manager was asked for permissions.
    fn permission_calls(&self) -> usize {
        let path = "POST /v1/projects/demo:testIamPermissions";
        self.calls().iter().filter(|call| *call == path).count()
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Permissions that are not granted, and such as no project can have.
#[derive(Clone, Copy)]
struct Iam {
    denied: &'static [&'static str],
    unknown: &'static [&'static str],
}

impl Iam {
    /// The texts: <https://github.com/carlospolop/Bruteforce-GCP-Permissions/blob/main/bf_my_gcp_perms.py>; that there may be 100
    /// permissions: <https://github.com/NicholasSpringer/thunder-ctf/blob/master/scripts/test-permissions.py>.
    fn test(self, asked: &Value) -> (u16, String) {
        let invalid = |message: String| {
            let error = json!({"code": 400, "message": message, "status": "INVALID_ARGUMENT"});
            (400, json!({"error": error}).to_string())
        };
        let asked = asked["permissions"].as_array().unwrap();
        if asked.len() > 100 {
            return invalid("Request contains an invalid argument.".to_owned());
        }
        let is_in = |permission: &Value, list: &[&str]| list.iter().any(|name| permission == name);
        if let Some(unknown) = asked.iter().find(|permission| is_in(permission, self.unknown)) {
            let name = unknown.as_str().unwrap();
            return invalid(format!("Permission {name} is not valid for this resource."));
        }
        let granted: Vec<_> = asked.iter().filter(|permission| !is_in(permission, self.denied)).collect();
        (200, json!({"permissions": granted}).to_string())
    }
}

fn answer(path: &str, body: &[u8], refused: bool, iam: Iam) -> (u16, String) {
    let denied = error(403, "PERMISSION_DENIED");
    if path.starts_with("/services/") {
        let asked: Value = serde_json::from_slice(body).unwrap();
        return match (refused, asked.get("text")) {
            (true, _) => (404, "no_service".to_owned()),
            (false, None) => (400, "no_text".to_owned()),
            (false, Some(_)) => (200, "ok".to_owned()),
        };
    }
    if path.starts_with("/api/") {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let channel = asked["channel"].as_str().unwrap_or_default();
        return if channel.contains("CLOSED") {
            (200, json!({"ok": false, "error": "not_in_channel"}).to_string())
        } else {
            (200, json!({"ok": true, "channel": channel, "ts": "1.000001"}).to_string())
        };
    }
    if path.starts_with("/v1/spaces/") {
        let is_empty = path.contains("key=") && body == b"{}";
        return match (refused, is_empty) {
            (true, _) => (403, denied),
            (false, true) => (400, error(400, "INVALID_ARGUMENT")),
            (false, false) => (200, json!({"name": "spaces/A/messages/B"}).to_string()),
        };
    }
    if path.ends_with(":testIamPermissions") {
        let asked: Value = serde_json::from_slice(body).unwrap();
        return if refused { (200, "{}".to_owned()) } else { iam.test(&asked) };
    }
    if refused { (403, denied) } else { (200, "{}".to_owned()) }
}

/// An error as every API of Google's has it: <https://google.aip.dev/193>.
fn error(code: u16, status: &str) -> String {
    json!({"error": {"code": code, "message": "not yours", "status": status}}).to_string()
}

/// The code's name, which no answer of Google's leaves out.
fn word(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}

async fn doctor(google: &Google, arguments: &[&str]) -> (i32, String) {
    doctor_with(google, arguments, &[]).await
}

/// The same with more variables.
async fn doctor_with(google: &Google, arguments: &[&str], more: &[(&str, &str)]) -> (i32, String) {
    let google_apis =
        ["datastore", "firestore", "cloudtasks", "pubsub", "chat", "iam", "cloudresourcemanager"];
    let endpoints = [&google_apis[..], &["slack", "slackapi"]].concat().into_iter();
    let endpoints = endpoints.map(|api| format!("{api}={}", google.url)).collect::<Vec<_>>().join(",");
    let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
    command.env_clear().arg("doctor").args(arguments).envs([
        ("TOPIC", TOPIC),
        ("CHECK_QUEUE", QUEUE),
        ("TASKS_SERVICE_ACCOUNT", ACCOUNT),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/canary"),
        ("EXPORT_PREFIXES", "gs://backups"),
        ("ENDPOINTS", &endpoints),
        ("ACCESS_TOKEN", "canary-token"),
        // Without that token there is none, whatever this machine has.
        ("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file"),
    ]);
    command.envs(more.iter().copied());
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let output = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(!output.contains("canary"), "{output}");
    (status.code().unwrap(), output)
}

/// A warning is no failure: the service runs.
#[tokio::test]
async fn an_open_trust_boundary_is_warned_of() {
    let google = Google::open("").await;
    let (code, output) = doctor(&google, &[]).await;
    assert!(
        code == 0 && output.contains("\nwarn  INTERNAL_TOPIC is not set: anyone who may publish"),
        "{output}"
    );

    let internal = ("INTERNAL_TOPIC", INTERNAL_TOPIC);
    let (code, output) = doctor_with(&google, &[], &[internal]).await;
    assert!(code == 0 && !output.contains("warn "), "{output}");
    assert!(output.contains("\nok    topic projects/demo/topics/opwatch-internal"), "{output}");
    let until = ("ACCEPT_PUBLIC_STATE_UNTIL", "9999-12-07T00:00:00Z");
    let (code, output) = doctor_with(&google, &[], &[internal, until]).await;
    assert!(code == 0 && output.contains("is also accepted until 9999-12-07T00:00:00Z"), "{output}");

    let refusing = Google::open("opwatch-internal").await;
    let (code, output) = doctor_with(&refusing, &[], &[internal]).await;
    assert!(code == 1 && output.contains("FAIL  topic projects/demo/topics/opwatch-internal"), "{output}");
}

#[tokio::test]
async fn all_is_well() {
    let google = Google::open("").await;
    let (code, output) = doctor_with(&google, &[], &[("INTERNAL_TOPIC", INTERNAL_TOPIC)]).await;
    assert_eq!(code, 0, "{output}");
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines.len() == 10 && lines.iter().all(|line| line.starts_with("ok    ")), "{output}");
    let expected = [
        "GET /v1/projects/demo/operations?pageSize=1".to_owned(),
        "GET /v1/projects/demo/databases/(default)/operations?pageSize=1".to_owned(),
        format!("GET /v1/{TOPIC}"),
        format!("GET /v1/{INTERNAL_TOPIC}"),
        format!("POST /v2/{QUEUE}:testIamPermissions"),
        format!("POST /v1/projects/-/serviceAccounts/{ACCOUNT}:testIamPermissions"),
        "POST /services/T0/B0/canary".to_owned(),
    ];
    assert_eq!(google.calls(), expected);
    let (code, output) = doctor(&google, &["--post"]).await;
    assert!(code == 0 && output.contains("ok    posting to Slack"), "{output}");
}

#[tokio::test]
async fn a_receiver_of_events_is_called_on_demand_only() {
    let google = Google::answering("/opwatch-events", 410).await;
    let url = format!("{}/opwatch-events", google.url);
    let settings =
        [("EVENTS_URL", url.as_str()), ("EVENTS_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
    let (code, output) = doctor_with(&google, &[], &settings).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("ok    EVENTS_URL and EVENTS_SECRET are well-formed"), "{output}");
    let is_event = |call: &String| call.contains("opwatch-events");
    assert!(!google.calls().iter().any(is_event), "{:?}", google.calls());
    let (code, output) = doctor_with(&google, &["--post"], &settings).await;
    assert_eq!(code, 1, "{output}");
    assert!(
        output.contains("FAIL  posting to EVENTS_URL: EVENTS_URL: the receiver answered 410"),
        "{output}"
    );
    assert_eq!(google.calls().iter().filter(|call| is_event(call)).count(), 1);
    let (code, output) = doctor_with(&google, &[], &settings[..1]).await;
    assert!(code == 1 && output.contains("EVENTS_SECRET: must be set together with EVENTS_URL"), "{output}");
}

#[tokio::test]
async fn google_chat_is_asked_without_a_post() {
    let app = [("CHAT_SPACE", "spaces/A")];
    let secret = "https://chat.googleapis.com/v1/spaces/A/messages?key=canary&token=canary";
    let webhook = [("CHAT_WEBHOOK_URL", secret)];
    for (settings, what, call) in [
        (app, "Google Chat: the app is in CHAT_SPACE", "GET /v1/spaces/A"),
        (webhook, "Google Chat's webhook", "POST /v1/spaces/A/messages?key=canary&token=canary"),
    ] {
        let google = Google::open("").await;
        let (code, output) = doctor_with(&google, &[], &settings).await;
        assert!(code == 0 && output.contains(&format!("ok    {what} (nothing posted)")), "{output}");
        let calls: Vec<_> = google.calls().into_iter().filter(|call| call.contains("/spaces/")).collect();
        assert_eq!(calls, [call]);
        let (code, output) = doctor_with(&google, &["--post"], &settings).await;
        assert!(code == 0 && output.contains("ok    posting to Google Chat"), "{output}");
    }
    let google = Google::open("/v1/spaces/").await;
    let (code, output) = doctor_with(&google, &[], &app).await;
    assert!(code == 1 && output.contains("Google Chat: 403 not yours"), "{output}");
    assert!(output.contains("add the Chat app to the space"), "{output}");
    let (code, output) = doctor_with(&google, &[], &webhook).await;
    assert!(code == 1 && output.contains("create a new incoming webhook in the space"), "{output}");
}

#[tokio::test]
async fn the_buffer_of_digests_is_checked_by_its_permissions() {
    let (topic, subscription) =
        ("projects/demo/topics/opwatch-digest", "projects/demo/subscriptions/opwatch-digest");
    let settings = [("DIGEST_TOPIC", topic), ("DIGEST_SUBSCRIPTION", subscription)];
    let google = Google::open("").await;
    let (code, output) = doctor_with(&google, &[], &settings).await;
    assert_eq!(code, 0, "{output}");
    for what in ["publishing to DIGEST_TOPIC", "pulling from DIGEST_SUBSCRIPTION"] {
        assert!(output.contains(&format!("\nok    {what} projects/demo/")), "{output}");
    }
    let calls = google.calls();
    let of_buffer: Vec<_> = calls.iter().filter(|call| call.contains("-digest")).collect();
    let expected = [topic, subscription].map(|of| format!("POST /v1/{of}:testIamPermissions"));
    assert_eq!(of_buffer, expected.iter().collect::<Vec<_>>());

    for (denied, line, fix) in [
        (
            &["pubsub.topics.publish"] as &[_],
            "FAIL  publishing to DIGEST_TOPIC projects/demo/topics/opwatch-digest: does not exist, or permission denied",
            "--role=roles/pubsub.publisher",
        ),
        (
            &["pubsub.subscriptions.consume"],
            "FAIL  pulling from DIGEST_SUBSCRIPTION projects/demo/subscriptions/opwatch-digest: does not exist, or permission denied",
            "--enable-exactly-once-delivery --ack-deadline=60 --message-retention-duration=31d --expiration-period=never",
        ),
    ] {
        let google = Google::without(denied).await;
        let (code, output) = doctor_with(&google, &[], &settings).await;
        assert!(code == 1 && output.contains(line) && output.contains(fix), "{output}");
        assert_eq!(output.matches("FAIL").count(), 1, "{output}");
    }
}

/// Each once, no matter how many routes lead to it; without `--post` there is nothing that asks for a channel.
#[tokio::test]
async fn the_channels_of_routes_are_posted_to_as_well() {
    let google = Google::open("").await;
    let routes = "demo:C0CLOSED,shop:C0OWN,firestore:C0OTHER:S0614TZR7,datastore:C0OTHER";
    let bot = [
        ("SLACK_WEBHOOK_URL", ""),
        ("SLACK_BOT_TOKEN", "xoxb-canary"),
        ("SLACK_CHANNEL", "C0OWN"),
        ("PROJECTS", "demo,shop"),
        ("ROUTES", routes),
    ];
    let (code, output) = doctor_with(&google, &[], &bot).await;
    assert!(code == 0 && !output.contains("ROUTES"), "{output}");
    let posts = |google: &Google| {
        google.calls().into_iter().filter(|call| call.ends_with("/api/chat.postMessage")).count()
    };
    assert_eq!(posts(&google), 0);

    let (code, output) = doctor_with(&google, &["--post"], &bot).await;

    assert_eq!((code, posts(&google)), (1, 3), "{output}");
    let lines: Vec<_> = output.lines().filter(|line| line.contains("posting to Slack")).collect();
    assert_eq!(lines.len(), 3, "{output}");
    assert_eq!(lines[0], "ok    posting to Slack");
    assert!(lines[1].starts_with("FAIL  posting to Slack (ROUTES: C0CLOSED): Slack: "), "{output}");
    assert!(lines[1].contains("not_in_channel"), "{output}");
    assert_eq!(lines[2], "ok    posting to Slack (ROUTES: C0OTHER)");
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_named_with_its_fix() {
    for (refuse, line, fix) in [
        (
            "/demo/operations",
            "FAIL  listing Datastore operations of demo: 403 PERMISSION_DENIED: not yours",
            "gcloud iam roles create opwatch --project=demo --stage=GA --permissions=datastore.databases.export,",
        ),
        ("(default)", "FAIL  listing Firestore operations of demo", "--role=projects/demo/roles/opwatch"),
        ("/topics/", "FAIL  topic projects/demo/topics/opwatch", "--role=roles/pubsub.viewer"),
        (
            "/queues/",
            "FAIL  creating tasks in projects/demo/locations/europe-west1/queues/checks: does not exist, or permission denied",
            "gcloud tasks queues create checks --location=europe-west1 --project=demo",
        ),
        ("/serviceAccounts/", "FAIL  acting as tasks@demo", "--role=roles/iam.serviceAccountUser"),
        (
            "/services/",
            "FAIL  Slack's webhook (nothing posted): Slack: 404 no_service",
            "create a new incoming webhook",
        ),
    ] {
        let google = Google::open(refuse).await;
        let (code, output) = doctor(&google, &[]).await;
        assert_eq!(code, 1, "{output}");
        assert!(output.contains(line) && output.contains(fix), "{refuse}: {output}");
        assert_eq!(output.matches("FAIL").count(), 1, "{output}");
    }
}

/// It would run it.
#[tokio::test]
async fn a_workflow_is_refused_and_not_called() {
    for path in ["triggers/T0/1/canary", "workflows/T0/A1/2/canary", "commands/T0/1/canary", "services/T0/B0"]
    {
        let google = Google::open("").await;
        let url = format!("https://hooks.slack.com/{path}");
        let (code, output) = doctor(&google, &["--slack-webhook-url", &url]).await;
        assert_eq!((code, google.calls()), (1, Vec::new()), "{output}");
        assert!(
            output.contains("FAIL  settings") && output.contains("create an incoming webhook"),
            "{output}"
        );
    }
}

/// No webhook of Slack's takes an empty message: whatever does may have done anything.
#[tokio::test]
async fn what_takes_an_empty_message_is_no_webhook_and_may_have_posted() {
    for status in [200, 202] {
        let google = Google::answering("/services/", status).await;
        let (code, output) = doctor(&google, &[]).await;
        assert_eq!((code, output.matches("FAIL").count()), (1, 1), "{output}");
        assert!(output.contains("FAIL  Slack's webhook: "), "{output}");
        assert!(output.contains("may have posted") && !output.contains("nothing posted"), "{output}");
    }
}

/// The service runs, but what it was deployed for would be refused.
#[tokio::test]
async fn a_setting_without_which_starts_are_refused_is_a_finding() {
    let google = Google::open("").await;
    let (code, output) = doctor(&google, &["--export-prefixes", " "]).await;
    assert_eq!((code, output.matches("FAIL").count()), (1, 1), "{output}");
    assert!(output.contains("FAIL  starting an export: EXPORT_PREFIXES is not set"), "{output}");
    assert!(output.contains("such as EXPORT_PREFIXES=gs://my-backups"), "{output}");
    let (code, _) = doctor(&google, &["--export-prefixes", " ", "--starts", "none"]).await;
    assert_eq!(code, 0, "one that only watches needs none");
}

/// A grant fixes nothing but what is not permitted.
#[tokio::test]
async fn what_passes_is_only_run_again() {
    for path in ["/demo/operations", "(default)", "/topics/", "/queues/", "/serviceAccounts/", "/services/"] {
        for status in [429, 503] {
            let google = Google::answering(path, status).await;
            let (code, output) = doctor(&google, &[]).await;
            assert_eq!((code, output.matches("FAIL").count()), (1, 1), "{output}");
            assert!(
                output.contains(": run doctor again\n") || output.contains("  run doctor again\n"),
                "{path} {status}: {output}"
            );
            assert!(!output.contains("add-iam-policy-binding"), "{output}");
        }
    }
    let google = Google::answering("/topics/", 401).await;
    let (_, output) = doctor(&google, &[]).await;
    assert!(output.contains("fix: run doctor again; if that fails, the access token"), "{output}");
    for status in [400, 404] {
        let google = Google::answering("/serviceAccounts/", status).await;
        let (_, output) = doctor(&google, &[]).await;
        assert!(!output.contains("fix: gcloud"), "{output}");
    }
}

/// A refusal of an API that is off in its project: <https://github.com/firebase/extensions/issues/3119>.
fn disabled(api: &str) -> String {
    let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": format!("{api}.googleapis.com"), "consumer": "projects/269812"}});
    let message = "The API has not been used in project 269812 before or it is disabled.";
    let error = json!({"code": 403, "message": message, "status": "PERMISSION_DENIED", "details": [info]});
    json!({"error": error}).to_string()
}

#[tokio::test]
async fn a_403_that_no_grant_fixes_is_named_as_what_it_is() {
    for (path, api) in [
        ("/demo/operations", "datastore"),
        ("(default)", "firestore"),
        ("/topics/", "pubsub"),
        ("/queues/", "cloudtasks"),
        ("/serviceAccounts/", "iam"),
    ] {
        let google = Google::saying(path, 403, disabled(api)).await;
        let (code, output) = doctor(&google, &[]).await;
        assert_eq!((code, output.matches("FAIL").count()), (1, 1), "{output}");
        let fix = format!("gcloud services enable {api}.googleapis.com --project=demo");
        assert!(output.contains(&fix) && !output.contains("roles/"), "{path}: {output}");
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_comes_with_the_time_to_wait() {
    let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "29.5s"});
    let error = json!({"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED", "details": [retry]});
    let google = Google::saying("/topics/", 429, json!({"error": error}).to_string()).await;
    let (_, output) = doctor(&google, &[]).await;
    assert!(output.contains("fix: A quota or limit of Pub/Sub is exhausted."), "{output}");
    assert!(output.contains("  run doctor again in 30 s\n"), "{output}");
}

/// `opwatch check` has the same table; the login is a person's.
#[tokio::test]
async fn check_names_the_cause_too() {
    let denied = json!({"error": {"code": 403, "message": "Missing or insufficient permissions.", "status": "PERMISSION_DENIED"}});
    for (said, fix) in [
        (disabled("datastore"), "gcloud services enable datastore.googleapis.com --project=demo"),
        (denied.to_string(), "--member=user:YOUR_ACCOUNT --role=projects/demo/roles/opwatch"),
    ] {
        let google = Google::saying("/operations/", 403, said).await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
        command.env_clear().args(["check", "projects/demo/operations/x"]).envs([
            ("ENDPOINTS", format!("datastore={}", google.url).as_str()),
            ("ACCESS_TOKEN", "canary-token"),
        ]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(fix) && !text.contains("roles/datastore"), "{text}");
    }
}

#[tokio::test]
async fn without_a_token_or_a_network_that_comes_first() {
    let google = Google::open("").await;
    let endpoints = |pubsub: &str, cloudtasks: &str| {
        let here = ["datastore", "firestore", "slack", "iam"].map(|api| format!("{api}={}", google.url));
        format!("{},pubsub={pubsub},cloudtasks={cloudtasks}", here.join(","))
    };
    let of_google = endpoints("https://pubsub.googleapis.com", "https://cloudtasks.googleapis.com");
    let (code, output) = doctor(&google, &["--access-token", " ", "--endpoints", &of_google]).await;
    assert_eq!((code, output.matches("FAIL").count()), (1, 3), "{output}");
    assert!(output.contains("FAIL  access token: "), "{output}");
    assert_eq!(output.matches(": no token: ").count(), 2, "{output}");
    assert_eq!(output.matches("fix: get an access token first").count(), 2, "{output}");
    let nobody = endpoints("http://127.0.0.1:1", &google.url);
    let (_, output) = doctor(&google, &["--endpoints", &nobody]).await;
    assert_eq!(output.matches("FAIL").count(), 1, "{output}");
    assert!(
        output.contains(": connection failed") && output.contains("connect to the network first"),
        "{output}"
    );
}

#[tokio::test]
async fn bad_settings_are_the_first_finding() {
    let google = Google::open("").await;
    let (code, output) = doctor(&google, &["--topic", "opwatch"]).await;
    assert_eq!(code, 1);
    assert!(output.contains("FAIL  settings") && output.contains("TOPIC: \"opwatch\""), "{output}");
    assert_eq!(google.calls(), Vec::<String>::new());
}

#[test]
fn a_kickoff_in_a_file_or_from_a_pipe_is_validated() {
    let directory = std::env::temp_dir().join(format!("opwatch-validate-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let opwatch = || Command::new(env!("CARGO_BIN_EXE_opwatch"));
    let told = |output: Output| {
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    };
    let validate_bytes = |name: &str, message: &[u8]| {
        let file = directory.join(name);
        std::fs::write(&file, message).unwrap();
        told(opwatch().arg("validate").arg(&file).output().unwrap())
    };
    let validate = |name: &str, message: &str| validate_bytes(name, message.as_bytes());
    let good = r#"{"start": {"service": "datastore", "path": "projects/p:export", "body": {"outputUrlPrefix": "gs://b"}}}"#;
    let (code, text) = validate("good.json", good);
    assert!(code == 0 && text.contains("starts datastore:export on projects/p"), "{text}");
    let keyed = format!(r#"{{"key": "nightly", {}"#, good.strip_prefix('{').unwrap());
    let (code, text) = validate("keyed.json", &keyed);
    assert!(
        code == 0 && text.contains("starts datastore:export") && text.contains("warning: key: "),
        "{text}"
    );
    let for_schedule = |name: &str| {
        told(opwatch().arg("validate").arg("--schedule").arg(directory.join(name)).output().unwrap())
    };
    let (code, text) = for_schedule("keyed.json");
    assert!(code == 64 && text.contains("key: ") && text.contains("Remove it"), "{text}");
    assert!(!text.contains("starts datastore"), "{text}");
    assert_eq!(for_schedule("good.json").0, 0);
    let (code, text) = validate("typo.json", &good.replace("body", "boddy"));
    assert!(code == 64 && text.contains("start.body: Missing"), "{text}");
    let utf16 = |mark: &str| -> Vec<u8> {
        format!("{mark}{good}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let (code, text) = validate("marked.json", &format!("\u{feff}{good}"));
    assert!(code == 0 && text.contains("starts datastore:export"), "{text}");
    for wrong in [utf16("\u{feff}"), utf16("")] {
        let (code, text) = validate_bytes("marked.json", &wrong);
        assert!(code == 64 && text.contains("the text is UTF-16LE, not UTF-8. Save it as UTF-8"), "{text}");
    }
    let piped =
        opwatch().args(["validate", "-"]).stdin(File::open(directory.join("good.json")).unwrap()).output();
    assert_eq!(
        told(piped.unwrap()),
        (0, "standard input: starts datastore:export on projects/p\n".to_owned())
    );
    let start = r#"{"start": {"service": "datastore", "path": "projects/p:export", "body":
        {"outputUrlPrefix": "gs://b/${datetime}", "entityFilter": {"kinds": ["A", "B${id}"]}}}, "timeZone": "Asia/Tokyo"}"#;
    let (code, text) = validate("placeholders.json", start);
    let lines: Vec<_> = text.lines().collect();
    assert!(code == 0 && lines.len() == 4, "{text}");
    assert!(lines[1].starts_with("  placeholders, if it were published now (2"), "{text}");
    assert!(
        lines[1].ends_with(" Asia/Tokyo; the message's timeZone; ${id} differs for each kickoff):"),
        "{text}"
    );
    let kind = lines[2].strip_prefix("    start.body.entityFilter.kinds[1] = B").unwrap();
    assert!(kind.len() == 8 && kind.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    let prefix = lines[3].strip_prefix("    start.body.outputUrlPrefix = gs://b/").unwrap();
    assert!(chrono::NaiveDateTime::parse_from_str(prefix, "%Y-%m-%dT%H%M%S").is_ok(), "{text}");
    let (code, text) = validate("unknown.json", &start.replace("${id}", "${kind}"));
    assert!(
        code == 64 && text.contains("start.body.entityFilter.kinds[1]: ${kind} is not a placeholder."),
        "{text}"
    );
    assert_eq!(told(opwatch().args(["validate", "/no/such/file"]).output().unwrap()).0, 1);
    std::fs::remove_dir_all(&directory).unwrap();
}

/// Only with a ledger is there a line about it.
#[tokio::test]
async fn a_ledger_that_cant_be_read_is_named() {
    for (status, fix) in [
        (403, "--role=roles/datastore.user"),
        (404, "correct LEDGER_PROJECT or LEDGER_DATABASE"),
        (500, "run doctor again"),
    ] {
        let google = Google::answering(":lookup", status).await;
        let emulator = google.url.strip_prefix("http://").unwrap();
        let (code, output) =
            doctor(&google, &["--ledger-kind", "Run", "--datastore-emulator-host", emulator]).await;
        assert_eq!(code, 1, "{output}");
        let project = TOPIC.split('/').nth(1).unwrap();
        assert!(output.contains(&format!("FAIL  reading the ledger in {project}: {status}")), "{output}");
        assert!(output.contains(fix), "{output}");
        assert_eq!(output.lines().filter(|line| line.starts_with("ok    ")).count(), 9, "{output}");
    }
}

/// A list of Spanner's operations needs an instance, so that the permissions are asked for.
#[tokio::test]
async fn a_service_whose_list_needs_more_than_a_project_is_checked_by_its_permission() {
    let services = [("SERVICES", "spanner")];
    let google = Google::open("").await;
    let (status, said) = doctor_with(&google, &["--starts", "none"], &services).await;
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("ok    reading operations of Spanner in demo\n") && said.contains("ok    clock"),
        "{said}"
    );
    assert_eq!(google.permission_calls(), 1);

    let google = Google::open("/v1/projects/demo:testIamPermissions").await;
    let (status, said) = doctor_with(&google, &["--starts", "none"], &services).await;
    assert_eq!(status, 1, "{said}");
    for part in [
        "FAIL  reading operations of spanner in demo: these permissions are missing in the project: spanner.backup",
        "gcloud iam roles update opwatch --project=demo --add-permissions=spanner.backupOperations.get,",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// IAM is asked for at most 100 permissions at once.
#[tokio::test]
async fn all_services_are_checked_in_a_few_calls_and_lines() {
    let services = [("SERVICES", "all")];
    let google = Google::open("").await;
    let (status, said) = doctor_with(&google, &[], &services).await;
    assert_eq!(status, 0, "{said}");
    assert_eq!(google.permission_calls(), 2);
    assert_eq!(said.lines().filter(|line| line.contains("reading operations of ")).count(), 3, "{said}");
    for part in [
        "ok    reading operations of 1",
        "warn  reading operations of accesscontextmanager, aiplatform, ",
        "warn  reading operations of assuredworkloads, securityposture: not checked, because their operations belong to",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let google = Google::without(&["alloydb.operations.get", "tpu.operations.get"]).await;
    let (status, said) = doctor_with(&google, &[], &services).await;
    assert_eq!((status, said.matches("FAIL").count()), (1, 1), "{said}");
    let line = "FAIL  reading operations of alloydb, tpu, tpu.v1 in demo: these permissions are missing in the project: \
        alloydb.operations.get, tpu.operations.get\n";
    assert!(said.contains(line), "{said}");

    // A permission that a project can't have is not asked for again.
    let google = Google::not_knowing(&["krmapihosting.operations.get"]).await;
    let (status, said) = doctor_with(&google, &[], &services).await;
    assert_eq!((status, google.permission_calls()), (0, 3), "{said}");
    let line = "warn  reading operations of krmapihosting in demo: not checked, because IAM does not know \
        krmapihosting.operations.get in a project\n";
    assert!(said.contains(line), "{said}");
}
