//! Google Cloud as the real `gcloud` sees it: a recording stand-in on loopback that keeps what was created.
//!
//! Every API's endpoint is overridden by a host that does not exist, `http://pubsub.invalid/` and so on, and every call
//! goes through one proxy: the stand-in. So it sees which API a call is for, and a call to an API that was not
//! overridden, which is https, arrives as a CONNECT that it refuses and remembers: nothing leaves the machine.
//!
//! It is strict where a mistake would otherwise pass: it knows no call but those below, a subscription's topics must
//! exist, so must the accounts that a policy names (which are seen there only from the second time on, as at Google),
//! a policy is written with the etag it was read with, and a deleted role keeps its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::{env, process, thread};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use opwatch::intake::server::{self, Limits};
use serde_json::{Map, Value, json};

pub(crate) const PROJECT: &str = "demo";
pub(crate) const REGION: &str = "europe-west1";
/// Where the service answers.
pub(crate) const URL: &str = "https://opwatch-abcdefghij-ew.a.run.app";

/// Of the image that is built.
pub(crate) const DIGEST: &str = "sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730";

/// What Logging publishes as.
pub(crate) const WRITER: &str = "serviceAccount:service-123456789@gcp-sa-logging.iam.gserviceaccount.com";

const BUILD: &str = "projects/demo/locations/europe-west1/builds/b";

/// Set to `1`, leaves out every test that needs gcloud alone.
const SKIP: &str = "OPWATCH_SKIP_DEPLOY";

/// The APIs that the scripts use, as gcloud's overrides call them.
const APIS: [&str; 14] = [
    "ARTIFACTREGISTRY",
    "CLOUDBUILD",
    "CLOUDRESOURCEMANAGER",
    "CLOUDSCHEDULER",
    "CLOUDTASKS",
    "FIRESTORE",
    "IAM",
    "LOGGING",
    "MONITORING",
    "PUBSUB",
    "RUN",
    "SECRETMANAGER",
    "SERVICEUSAGE",
    "STORAGE",
];

/// A project of Google Cloud, empty at first, and a folder with what gcloud and the scripts need.
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    folder: PathBuf,
    address: SocketAddr,
}

/// One call that reached the stand-in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// `pubsub:projects/demo/topics/opwatch`.
    pub(crate) resource: String,
    pub(crate) body: Value,
}

#[derive(serde::Deserialize)]
struct Deployment {
    resources: BTreeMap<String, Value>,
    policies: BTreeMap<String, Value>,
}

/// Whether a custom role of a project may have a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    Yes,
    /// Only predefined roles may.
    No,
    /// IAM doesn't know it, or not in projects.
    Unknown,
    /// It is listed as supported, and refused.
    OnlyListed,
}

#[derive(Default)]
struct State {
    created: String,
    resources: BTreeMap<String, Value>,
    policies: BTreeMap<String, Value>,
    /// Accounts that a policy has named; the first time they are not seen yet.
    seen: BTreeSet<String>,
    calls: Vec<Call>,
    refused: Vec<String>,
    published: Vec<String>,
    /// How often the log was read since the last message was published.
    log_reads: u32,
    doctor_is_red: bool,
    /// What IAM knows of permissions.
    permissions: BTreeMap<String, Support>,
    executions: u32,
    executions_are_refused: bool,
    /// The organization's policy on locations allows no global resources.
    restricts_locations: bool,
    /// The messages of subscriptions that are pulled from.
    backlogs: BTreeMap<String, Vec<Waiting>>,
}

/// A message that a subscription keeps.
struct Waiting {
    published: String,
    is_leased: bool,
}

impl Cloud {
    /// None when these tests are to be left out. Fails the test when gcloud or jq is missing.
    pub(crate) fn new(name: &str, created: &str) -> Option<Self> {
        if env::var_os(SKIP).is_some_and(|value| value == "1") {
            // Straight to the stream: libtest hides what a passing test prints.
            let note = format!("the tests of deploy/ are skipped: {SKIP}=1\n");
            std::io::stderr().write_all(note.as_bytes()).unwrap();
            return None;
        }
        for tool in ["gcloud", "jq"] {
            let found =
                Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(
                found.is_ok_and(|status| status.success()),
                "{tool} does not work. The tests of deploy/ need the Google Cloud SDK and jq; {SKIP}=1 leaves them out"
            );
        }
        let folder = env::temp_dir().join(format!("opwatch-deploy-{}-{name}", process::id()));
        fs::create_dir_all(folder.join("bin")).unwrap();
        let state = Arc::new(Mutex::new(State { created: created.to_owned(), ..State::default() }));
        let address = serve(Arc::clone(&state));
        let cloud = Self { state, folder, address };
        cloud.write_wrapper();
        Some(cloud)
    }

    /// A `gcloud` that notes its command line and has the loaded one run it.
    fn write_wrapper(&self) {
        let server = Server::get();
        let lines = self.folder.join("command-lines");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"gcloud $*\" >>'{}'\nexec '{}' -S -I '{SERVER}' call '{}' \"$@\"\n",
            lines.display(),
            server.python.display(),
            server.socket.display()
        );
        let wrapper = self.folder.join("bin/gcloud");
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Every command line of gcloud so far.
    pub(crate) fn command_lines(&self) -> String {
        fs::read_to_string(self.folder.join("command-lines")).unwrap_or_default()
    }

    /// Runs a script of `deploy/` with the settings in the file `settings.env`.
    pub(crate) fn run(&self, script: &str, arguments: &[&str], input: &str) -> Ran {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(script));
        command.args(arguments).envs(self.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A script that does not read hangs up.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        Ran { what: format!("deploy/{script} {}", arguments.join(" ")), code: status.code(), text }
    }

    /// The same on a terminal, where `input` is typed.
    pub(crate) fn run_on_terminal(&self, script: &str, input: &str) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(script);
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--echo", "never", "--command"]).arg(&script).arg("/dev/null");
        command.envs(self.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, .. } = child.wait_with_output().unwrap();
        let text = String::from_utf8(stdout).unwrap().replace('\r', "");
        Ran { what: format!("{} on a terminal", script.display()), code: status.code(), text }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let path = env::join_paths(
            [self.folder.join("bin")].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())),
        );
        let mut variables: Vec<(String, String)> = [
            ("PATH", path.unwrap().into_string().unwrap()),
            ("OPWATCH_SETTINGS", self.folder.join("settings.env").display().to_string()),
            ("OPWATCH_BINARY", env!("CARGO_BIN_EXE_opwatch").to_owned()),
            ("OPWATCH_RETRY_SECONDS", "0".to_owned()),
            ("OPWATCH_POLL_SECONDS", "0".to_owned()),
            ("OPWATCH_TEST_SECONDS", "60".to_owned()),
            ("TMPDIR", self.folder.display().to_string()),
            ("CLOUDSDK_CONFIG", self.folder.join("gcloud").display().to_string()),
            ("CLOUDSDK_AUTH_ACCESS_TOKEN", "no-token".to_owned()),
            ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1".to_owned()),
            ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1".to_owned()),
            ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1".to_owned()),
            ("CLOUDSDK_PROXY_TYPE", "http".to_owned()),
            ("CLOUDSDK_PROXY_ADDRESS", self.address.ip().to_string()),
            ("CLOUDSDK_PROXY_PORT", self.address.port().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        variables.extend(APIS.map(|api| {
            let host = api.to_lowercase();
            (format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}"), format!("http://{host}.invalid/"))
        }));
        variables
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Puts a whole project there: what `tests/data/deployments` has.
    pub(crate) fn load(&self, deployment: &str) {
        let read: Deployment = serde_json::from_str(deployment).unwrap();
        let mut state = self.state();
        state.seen.extend(read.resources.keys().filter_map(|key| Some(key.rsplit_once('/')?.1.to_owned())));
        state.resources = read.resources;
        state.policies = read.policies;
    }

    /// What exists.
    pub(crate) fn resources(&self) -> BTreeSet<String> {
        self.state().resources.keys().cloned().collect()
    }

    pub(crate) fn resource(&self, key: &str) -> Value {
        self.state().resources.get(key).unwrap_or_else(|| panic!("{key} exists")).clone()
    }

    /// Puts something there that no script made.
    pub(crate) fn put(&self, key: &str, value: Value) {
        self.state().resources.insert(key.to_owned(), value);
    }

    pub(crate) fn remove(&self, key: &str) {
        self.state().resources.remove(key).unwrap();
    }

    /// Who may do what where: `resource: role: member if condition`.
    pub(crate) fn grants(&self) -> Vec<String> {
        let state = self.state();
        let bindings = state.policies.iter().flat_map(|(resource, policy)| {
            policy["bindings"].as_array().into_iter().flatten().map(move |binding| (resource, binding))
        });
        bindings
            .flat_map(|(resource, binding)| {
                let role = binding["role"].as_str().unwrap();
                let members = binding["members"].as_array().unwrap().iter();
                let condition = binding["condition"]["expression"].as_str();
                let condition = condition.map_or_else(String::new, |condition| format!(" if {condition}"));
                members
                    .map(move |member| format!("{resource}: {role}: {}{condition}", member.as_str().unwrap()))
            })
            .collect()
    }

    /// Grants a role that no script granted.
    pub(crate) fn grant(&self, resource: &str, role: &str, account: &str) {
        let mut state = self.state();
        let policy = state.policies.entry(resource.to_owned()).or_insert_with(|| json!({"etag": etag(0)}));
        let mut bindings = policy["bindings"].as_array().cloned().unwrap_or_default();
        bindings.push(json!({"role": role, "members": [format!("serviceAccount:{account}")]}));
        policy["bindings"] = json!(bindings);
    }

    /// Takes back all that is granted on a resource.
    pub(crate) fn revoke(&self, resource: &str) {
        let mut state = self.state();
        state.policies.get_mut(resource).unwrap()["bindings"] = json!([]);
    }

    /// The file with the settings.
    pub(crate) fn settings(&self) -> String {
        fs::read_to_string(self.folder.join("settings.env")).unwrap()
    }

    /// The calls since the last time that changed something, reads of policies and logs left out.
    pub(crate) fn take_changes(&self) -> Vec<Call> {
        // A pull changes nothing for good: `leased` says whether what it took was released.
        let reads =
            [":getIamPolicy", "entries:list", ":queryTestablePermissions", ":pull", ":modifyAckDeadline"];
        let calls = std::mem::take(&mut self.state().calls);
        let changes = calls.into_iter().filter(|call| call.method != "GET");
        changes.filter(|call| !reads.iter().any(|read| call.resource.ends_with(read))).collect()
    }

    /// What was published, as text.
    pub(crate) fn take_published(&self) -> Vec<String> {
        std::mem::take(&mut self.state().published)
    }

    /// Calls that the stand-in does not know, or that would have left this machine.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.state().refused.clone()
    }

    /// What IAM knows of permissions.
    pub(crate) fn know_permissions<'a>(&self, permissions: impl IntoIterator<Item = (&'a str, Support)>) {
        let permissions = permissions.into_iter().map(|(name, support)| (name.to_owned(), support));
        self.state().permissions.extend(permissions);
    }

    /// Puts messages into a subscription, published at these times.
    pub(crate) fn keep_messages(&self, subscription: &str, published: &[&str]) {
        let kept = published.iter().map(|at| Waiting { published: (*at).to_owned(), is_leased: false });
        self.state().backlogs.insert(subscription.to_owned(), kept.collect());
    }

    /// How many of its messages nobody else can pull now.
    pub(crate) fn leased(&self, subscription: &str) -> usize {
        let state = self.state();
        state.backlogs.get(subscription).into_iter().flatten().filter(|message| message.is_leased).count()
    }

    /// From now on the organization allows resources in some regions only.
    pub(crate) fn restrict_locations(&self) {
        self.state().restricts_locations = true;
    }

    pub(crate) fn make_doctor_red(&self) {
        self.state().doctor_is_red = true;
    }

    /// From now on no job can be run.
    pub(crate) fn refuse_executions(&self) {
        self.state().executions_are_refused = true;
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("calls that were refused: {:#?}", self.state.lock().map(|state| state.refused.clone()));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The program that loads gcloud.
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gcloud_server.py");

/// What the scripts call, which is loaded once for all tests; what is missing here is loaded by each call of it.
const COMMANDS: [&str; 45] = [
    "alpha monitoring policies create",
    "alpha monitoring policies delete",
    "alpha monitoring policies list",
    "alpha monitoring policies update",
    "artifacts repositories describe",
    "artifacts tags list",
    "builds describe",
    "builds submit",
    "firestore fields ttls list",
    "firestore fields ttls update",
    "iam list-testable-permissions",
    "iam roles create",
    "iam roles describe",
    "iam service-accounts add-iam-policy-binding",
    "iam service-accounts create",
    "iam service-accounts describe",
    "iam service-accounts get-iam-policy",
    "logging read",
    "logging sinks create",
    "logging sinks describe",
    "projects add-iam-policy-binding",
    "projects describe",
    "projects get-iam-policy",
    "pubsub subscriptions add-iam-policy-binding",
    "pubsub subscriptions create",
    "pubsub subscriptions describe",
    "pubsub subscriptions get-iam-policy",
    "pubsub subscriptions list",
    "pubsub subscriptions modify-message-ack-deadline",
    "pubsub subscriptions pull",
    "pubsub subscriptions update",
    "pubsub topics create",
    "pubsub topics describe",
    "pubsub topics get-iam-policy",
    "run deploy",
    "run services describe",
    "run services get-iam-policy",
    "scheduler jobs describe",
    "secrets create",
    "secrets describe",
    "secrets versions list",
    "services list",
    "tasks list",
    "tasks queues describe",
    "tasks queues update",
];

/// The real gcloud, loaded once: see `gcloud_server.py`. It ends with this process, which holds its standard input.
struct Server {
    python: PathBuf,
    socket: PathBuf,
    _process: Child,
}

impl Server {
    fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    fn start() -> Self {
        let paths = env::var_os("PATH").unwrap();
        let gcloud = env::split_paths(&paths).map(|path| path.join("gcloud")).find(|path| path.exists());
        let gcloud = gcloud.unwrap().canonicalize().unwrap();
        let sdk = gcloud.ancestors().nth(2).unwrap();
        let bundled = sdk.join("platform/bundledpythonunix/bin/python3");
        let python = if bundled.exists() { bundled } else { PathBuf::from("python3") };
        let socket = env::temp_dir().join(format!("opwatch-gcloud-{}", process::id()));
        let mut command = Command::new(&python);
        command.args(["-S", SERVER, "serve"]).arg(&socket).arg(sdk.join("lib")).args(COMMANDS);
        command.envs([("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1"), ("PYTHONIOENCODING", "UTF-8")]);
        command.env("CLOUDSDK_CONFIG", socket.with_extension("config"));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "gcloud can't be loaded from {}", sdk.display());
        Self { python, socket, _process: process }
    }
}

/// How a script ended, and all that it wrote.
#[derive(Debug)]
pub(crate) struct Ran {
    what: String,
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

impl Ran {
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}:\n{}", self.what, self.text);
        self.text
    }
}

/// Answers until the process ends.
fn serve(state: Arc<Mutex<State>>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let handler = move |request, _| respond(Arc::clone(&state), request);
            server::serve(listener, Limits::default(), std::future::pending(), handler).await
        })
    });
    address
}

async fn respond(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let host = parts.uri.host().unwrap_or_default().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let asked = Asked::new(&parts.method, &host, parts.uri.path(), &query, &body);
    let answer = match asked {
        Some(asked) => state.lock().unwrap().answer(&asked),
        None => Err(Refusal::unknown()),
    };
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal { code, status, message }) => {
            if status == "UNIMPLEMENTED" {
                let body = String::from_utf8_lossy(&body);
                let line = format!("{} {} {body}", parts.method, parts.uri);
                state.lock().unwrap().refused.push(line);
            }
            let error = json!({"error": {"code": code, "status": status, "message": message}});
            (StatusCode::from_u16(code).unwrap(), error)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}

/// A call, in the stand-in's words.
struct Asked {
    method: Method,
    api: String,
    /// `projects/demo/topics/opwatch`, without version and verb.
    path: String,
    /// What is behind the colon.
    verb: String,
    query: BTreeMap<String, String>,
    body: Value,
    /// The size of an uploaded archive.
    size: String,
}

impl Asked {
    fn new(method: &Method, host: &str, path: &str, query: &str, body: &[u8]) -> Option<Self> {
        let host = host.strip_suffix(".invalid")?;
        // Cloud Run is called in its region, or for all of them.
        let (region, api) = host.rsplit_once('-').unwrap_or((REGION, host));
        let api = api.to_owned();
        let path = decoded(path);
        let path = path.trim_start_matches('/');
        let path =
            path.strip_prefix("apis/").map_or(path, |path| path.split_once('/').map_or("", |(_, rest)| rest));
        let (_, path) = path.split_once('/')?;
        let path = path
            .strip_prefix("namespaces/demo/")
            .map_or_else(|| path.to_owned(), |path| format!("projects/demo/locations/{region}/{path}"));
        let (path, verb) = path.rsplit_once(':').unwrap_or((&path, ""));
        Some(Self {
            method: method.clone(),
            api,
            path: path.replace("projects/-/", "projects/demo/"),
            verb: verb.to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            body: serde_json::from_slice(body).unwrap_or_default(),
            size: declared_size(body).unwrap_or_default(),
        })
    }

    fn key(&self) -> String {
        format!("{}:{}", self.api, self.path)
    }

    /// The last segment.
    fn collection(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    fn query(&self, name: &str) -> String {
        self.query.get(name).cloned().unwrap_or_default()
    }
}

/// The size that the first part of an upload declares: `{"size": "136872"}`.
fn declared_size(body: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(body.get(..body.len().min(1_000))?).into_owned();
    let line = head.lines().find(|line| line.starts_with("{\"size\":"))?.to_owned();
    let metadata: Value = serde_json::from_str(&line).ok()?;
    metadata["size"].as_str().map(str::to_owned)
}

fn decoded(path: &str) -> String {
    let pairs = format!("p={}", path.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes())
        .next()
        .map(|(_, path)| path.into_owned())
        .unwrap_or_default()
}

struct Refusal {
    code: u16,
    status: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: u16, status: &'static str, message: &str) -> Self {
        Self { code, status, message: message.to_owned() }
    }

    fn unknown() -> Self {
        Self::new(501, "UNIMPLEMENTED", "the stand-in does not know this call")
    }

    fn not_found(key: &str) -> Self {
        Self::new(404, "NOT_FOUND", &format!("Resource not found: {key}"))
    }
}

type Answer = Result<Value, Refusal>;

const COLLECTIONS: [&str; 14] = [
    "alertPolicies",
    "sinks",
    "topics",
    "subscriptions",
    "queues",
    "tasks",
    "jobs",
    "secrets",
    "versions",
    "serviceAccounts",
    "roles",
    "repositories",
    "services",
    "tags",
];

impl State {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let verb = if asked.verb.is_empty() { String::new() } else { format!(":{}", asked.verb) };
        self.calls.push(Call {
            method: asked.method.to_string(),
            resource: asked.key() + &verb,
            body: asked.body.clone(),
        });
        if let Some(answer) = self.answer_specially(asked) {
            return answer;
        }
        let is_collection = COLLECTIONS.contains(&asked.collection());
        match (asked.method.as_str(), asked.verb.as_str()) {
            ("GET" | "POST", "getIamPolicy") => self.policy(asked),
            ("POST", "setIamPolicy") => self.set_policy(asked),
            ("GET", "") if is_collection => Ok(self.list(asked)),
            ("GET", "") => self.get(&asked.key()).map(|value| seen(&asked.path, value, asked)),
            ("DELETE", "") => self.delete(&asked.key()),
            ("POST", "") if is_collection => self.create(asked),
            ("PUT", "") if asked.api == "pubsub" => self.create(asked),
            ("PUT" | "PATCH", "") => self.update(asked),
            _ => Err(Refusal::unknown()),
        }
    }

    /// What is no create, read, update or delete of a resource.
    fn answer_specially(&mut self, asked: &Asked) -> Option<Answer> {
        let key = asked.key();
        Some(match (asked.api.as_str(), asked.method.as_str(), asked.path.as_str(), asked.verb.as_str()) {
            ("cloudresourcemanager", "GET", "projects/demo", "") => Ok(json!({
                "projectId": PROJECT, "projectNumber": "123456789", "lifecycleState": "ACTIVE",
                "createTime": self.created,
            })),
            ("serviceusage", "GET", "projects/demo/services", "") => Ok(self.enabled()),
            ("serviceusage", "POST", "projects/demo/services", "batchEnable") => {
                let ids = asked.body["serviceIds"].as_array().cloned().unwrap_or_default();
                Ok(self.enable(ids.iter().filter_map(Value::as_str)))
            }
            ("serviceusage", "POST", path, "enable") => Ok(self.enable(path.rsplit('/').take(1))),
            ("serviceusage", "GET", path, "") if path.starts_with("projects/demo/services/") => {
                Ok(json!({"name": path, "state": "ENABLED"}))
            }
            // Without a location the services of all regions.
            ("run", "GET", _, "") if asked.collection() == "services" => Ok(self.services()),
            ("firestore", "GET", _, "") if asked.collection() == "fields" => Ok(self.list(asked)),
            ("firestore", "PATCH", path, "") if asked.query("updateMask") == "ttlConfig" => {
                let field = json!({"name": path, "ttlConfig": asked.body["ttlConfig"]});
                if field["ttlConfig"].is_null() {
                    self.resources.remove(&key);
                } else {
                    self.resources.insert(key, field);
                }
                Ok(json!({"name": "projects/demo/databases/(default)/operations/ttl", "done": true}))
            }
            ("pubsub", "POST", _, "publish") => self.publish(&key, &asked.body),
            ("pubsub", "POST", _, "pull") => self.pull(&key, &asked.body),
            ("pubsub", "POST", _, "modifyAckDeadline") => self.modify_ack_deadline(&key, &asked.body),
            ("cloudtasks", "POST", _, "pause") => self.set_state(&key, "PAUSED"),
            ("cloudtasks", "POST", _, "resume") => self.set_state(&key, "RUNNING"),
            ("cloudtasks", "POST", _, "purge") => self.purge(&key),
            ("secretmanager", "POST", _, "addVersion") => self.add_version(&key, &asked.body),
            ("iam", "POST", "permissions", "queryTestablePermissions") => Ok(self.testable_permissions()),
            ("iam", "DELETE", path, "") if path.contains("/roles/") => self.mark_deleted(&key, true),
            ("iam", "POST", path, "undelete") if path.contains("/roles/") => self.mark_deleted(&key, false),
            ("logging", "POST", "entries", "list") => Ok(self.log(&asked.body)),
            ("run", "POST", path, "run") if path.contains("/jobs/") => self.execute(&key),
            ("storage", "GET", "v1/b/demo_cloudbuild", "") => {
                Ok(json!({"name": "demo_cloudbuild", "location": "EU", "projectNumber": "123456789"}))
            }
            ("storage", "GET", "v1/b", "") => {
                Ok(json!({"items": [{"id": "demo_cloudbuild", "name": "demo_cloudbuild"}]}))
            }
            ("storage", "POST", "storage/v1/b/demo_cloudbuild/o", "") => Ok(
                json!({"name": asked.query("name"), "bucket": "demo_cloudbuild", "generation": "1", "size": asked.size}),
            ),
            ("cloudbuild", "POST", _, "") if asked.collection() == "builds" => Ok(self.build(&asked.body)),
            ("artifactregistry" | "cloudbuild" | "run", "GET", path, "") if path.contains("/operations/") => {
                Ok(json!({"name": path, "done": true, "response": {}}))
            }
            _ => return None,
        })
    }

    fn get(&self, key: &str) -> Result<&Value, Refusal> {
        self.resources.get(key).ok_or_else(|| Refusal::not_found(key))
    }

    fn get_mut(&mut self, key: &str) -> Result<&mut Value, Refusal> {
        self.resources.get_mut(key).ok_or_else(|| Refusal::not_found(key))
    }

    fn list(&self, asked: &Asked) -> Value {
        let prefix = asked.key() + "/";
        let items: Vec<Value> = self
            .resources
            .iter()
            .filter(|(key, _)| key.strip_prefix(&prefix).is_some_and(|id| !id.contains('/')))
            .map(|(key, value)| seen(key, value, asked))
            .collect();
        json!({ asked.collection(): items })
    }

    fn services(&self) -> Value {
        let services = self.resources.iter().filter(|(key, _)| key.starts_with("run:"));
        let services = services.filter(|(key, _)| key.contains("/services/")).map(|(_, value)| value);
        json!({"apiVersion": "serving.knative.dev/v1", "kind": "ServiceList", "metadata": {},
            "items": services.collect::<Vec<_>>()})
    }

    fn create(&mut self, asked: &Asked) -> Answer {
        let (key, mut value) = created(asked).ok_or_else(Refusal::unknown)?;
        if let Some(found) = self.resources.get(&key) {
            let what = if found["deleted"] == true { "You can't create a deleted role" } else { "It exists" };
            return Err(Refusal::new(409, "ALREADY_EXISTS", &format!("{what}: {key}")));
        }
        for topic in [&value["topic"], &value["deadLetterPolicy"]["deadLetterTopic"]] {
            if let Some(topic) = topic.as_str() {
                self.get(&format!("pubsub:{topic}"))?;
            }
        }
        match asked.api.as_str() {
            "run" => value = ready(value),
            "monitoring" => value = alert_policy(value)?,
            "pubsub" => check_subscription(&value)?,
            "iam" => self.check_permissions(&value)?,
            "secretmanager" if self.restricts_locations => check_locations(&value)?,
            _ => {}
        }
        self.resources.insert(key.clone(), value.clone());
        let path = key.split_once(':').unwrap().1;
        Ok(if asked.api == "artifactregistry" { operation(path, &value) } else { value })
    }

    /// Sets the fields of the mask, or all; a field of a field stands for the whole.
    fn update(&mut self, asked: &Asked) -> Answer {
        let body = match asked.api.as_str() {
            "pubsub" => asked.body["subscription"].clone(),
            _ => asked.body.clone(),
        };
        let mask = asked.body["updateMask"].as_str().map_or_else(|| asked.query("updateMask"), str::to_owned);
        let mask: Vec<String> = mask.split(',').map(camel_case).filter(|field| !field.is_empty()).collect();
        let is_run = asked.api == "run";
        if asked.api == "iam" {
            self.check_permissions(&body)?;
        }
        // <https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks/patch>: the identity can't be set.
        if asked.api == "logging" && !mask.iter().all(|field| SINK_FIELDS.contains(&field.as_str())) {
            return Err(Refusal::unknown());
        }
        let is_fixed = |field: &&String| asked.api == "pubsub" && FIXED_FIELDS.contains(&field.as_str());
        if let Some(field) = mask.iter().find(is_fixed) {
            return Err(Refusal::new(400, "INVALID_ARGUMENT", &format!("{field} can't be updated")));
        }
        let value = self.get_mut(&asked.key())?;
        if asked.api == "monitoring" {
            // The resource keeps its name, whatever the new definition says.
            let name = value["name"].clone();
            *value = alert_policy(body)?;
            value["name"] = name;
            return Ok(value.clone());
        }
        if is_run {
            let latest = value["status"]["latestCreatedExecution"].take();
            *value = ready(body);
            if !latest.is_null() {
                value["status"]["latestCreatedExecution"] = latest;
            }
            return Ok(value.clone());
        }
        let fields: Vec<String> =
            if mask.is_empty() { body.as_object().unwrap().keys().cloned().collect() } else { mask };
        for field in fields {
            let pointer = format!("/{}", field.replace('.', "/"));
            let new = body.pointer(&pointer).cloned().unwrap_or_default();
            set(value, &field, new);
        }
        // Empty fields are not shown: a subscription to pull from has an empty pushConfig.
        if value["pushConfig"]["pushEndpoint"] == "" {
            value["pushConfig"] = json!({});
        }
        if value["labels"] == json!({}) {
            set(value, "labels", Value::Null);
        }
        check_subscription(value)?;
        Ok(value.clone())
    }

    fn delete(&mut self, key: &str) -> Answer {
        let value = self.resources.remove(key).ok_or_else(|| Refusal::not_found(key))?;
        let prefix = format!("{key}/");
        self.resources.retain(|other, _| !other.starts_with(&prefix));
        self.policies.remove(key);
        let path = key.split_once(':').unwrap().1;
        if let Some(topic) = key.strip_prefix("pubsub:").filter(|path| path.contains("/topics/")) {
            for subscription in self.resources.values_mut().filter(|other| other["topic"] == topic) {
                subscription["topic"] = json!("_deleted-topic_");
            }
        }
        Ok(if key.starts_with("artifactregistry:") { operation(path, &value) } else { json!({}) })
    }

    fn set_state(&mut self, key: &str, state: &str) -> Answer {
        let queue = self.get_mut(key)?;
        queue["state"] = json!(state);
        Ok(queue.clone())
    }

    fn purge(&mut self, key: &str) -> Answer {
        let tasks = format!("{key}/tasks/");
        self.resources.retain(|key, _| !key.starts_with(&tasks));
        self.get(key).cloned()
    }

    fn mark_deleted(&mut self, key: &str, deleted: bool) -> Answer {
        let role = self.get_mut(key)?;
        role["deleted"] = json!(deleted);
        Ok(role.clone())
    }

    fn policy(&mut self, asked: &Asked) -> Answer {
        let key = asked.key();
        if key != "cloudresourcemanager:projects/demo" {
            self.get(&key)?;
        }
        Ok(self.policies.get(&key).cloned().unwrap_or_else(|| json!({"etag": etag(0)})))
    }

    fn set_policy(&mut self, asked: &Asked) -> Answer {
        let key = asked.key();
        let before = self.policy(asked)?;
        let mut policy = asked.body["policy"].clone();
        let same = |etag: &Value| etag.as_str().map(|etag| etag.replace('-', "+").replace('_', "/"));
        if same(&policy["etag"]) != same(&before["etag"]) {
            return Err(Refusal::new(409, "ABORTED", "the etag is another"));
        }
        let bindings = policy["bindings"].as_array().cloned().unwrap_or_default();
        // https://cloud.google.com/iam/docs/reference/rest/v1/Policy: a policy with conditions is of version 3.
        if bindings.iter().any(|binding| !binding["condition"].is_null()) && policy["version"] != 3 {
            return Err(Refusal::new(
                400,
                "INVALID_ARGUMENT",
                "a policy with conditions must be of version 3",
            ));
        }
        let members =
            bindings.iter().flat_map(|binding| binding["members"].as_array().cloned().unwrap_or_default());
        for member in members {
            self.check_member(member.as_str().unwrap())?;
        }
        let number = STANDARD.decode(before["etag"].as_str().unwrap()).unwrap()[0];
        policy["etag"] = json!(etag(number.wrapping_add(1)));
        self.policies.insert(key, policy.clone());
        Ok(policy)
    }

    fn check_member(&mut self, member: &str) -> Result<(), Refusal> {
        let account = member.strip_prefix("serviceAccount:").ok_or_else(Refusal::unknown)?;
        // Google's own.
        if account.contains("@gcp-sa-") || account.ends_with("@developer.gserviceaccount.com") {
            return Ok(());
        }
        let exists = self.resources.contains_key(&format!("iam:projects/demo/serviceAccounts/{account}"));
        if exists && !self.seen.insert(account.to_owned()) {
            return Ok(());
        }
        Err(Refusal::new(400, "INVALID_ARGUMENT", &format!("Service account {account} does not exist.")))
    }

    /// A custom role with a permission that it may not have: IAM refuses it as a whole and names one. The texts:
    /// <https://github.com/terraform-google-modules/terraform-google-iam/issues/130>, and for what is unknown or belongs to
    /// an organization <https://github.com/terraform-google-modules/terraform-google-iam/issues/158>.
    fn check_permissions(&self, role: &Value) -> Result<(), Refusal> {
        let wanted = role["includedPermissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for permission in wanted {
            let why = match self.permissions.get(permission) {
                None | Some(Support::Yes) => continue,
                Some(Support::No) => "is not supported in custom roles",
                Some(Support::Unknown | Support::OnlyListed) => "is not valid",
            };
            let message = format!("Permission {permission} {why}.");
            return Err(Refusal::new(400, "INVALID_ARGUMENT", &message));
        }
        Ok(())
    }

    /// <https://cloud.google.com/iam/docs/reference/rest/v1/permissions/queryTestablePermissions>
    fn testable_permissions(&self) -> Value {
        let entry = |(name, support): (&String, &Support)| match support {
            Support::Unknown => None,
            Support::No => {
                Some(json!({"name": name, "stage": "GA", "customRolesSupportLevel": "NOT_SUPPORTED"}))
            }
            Support::Yes | Support::OnlyListed => Some(json!({"name": name, "stage": "GA"})),
        };
        json!({"permissions": self.permissions.iter().filter_map(entry).collect::<Vec<_>>()})
    }

    fn enabled(&self) -> Value {
        let names = self.resources.keys().filter_map(|key| key.strip_prefix("serviceusage:"));
        let services = names.map(|name| json!({"config": {"name": name}, "state": "ENABLED"}));
        json!({"services": services.collect::<Vec<_>>()})
    }

    fn enable<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Value {
        self.resources.extend(ids.map(|id| (format!("serviceusage:{id}"), json!({}))));
        json!({"name": "operations/noop.DONE_OPERATION", "done": true, "response": {}})
    }

    fn publish(&mut self, key: &str, body: &Value) -> Answer {
        self.get(key)?;
        let data = body["messages"][0]["data"].as_str().unwrap();
        let data = STANDARD.decode(data).or_else(|_| URL_SAFE.decode(data)).unwrap();
        self.published.push(String::from_utf8(data).unwrap());
        self.log_reads = 0;
        Ok(json!({"messageIds": ["2070443601311540"]}))
    }

    /// <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions/pull>: only from a subscription that does not
    /// push and has its topic still; what is pulled is leased.
    fn pull(&mut self, key: &str, body: &Value) -> Answer {
        let subscription = self.get(key)?;
        if subscription["pushConfig"]["pushEndpoint"].is_string() || subscription["detached"] == true {
            let message = "This method is not supported for this subscription type.";
            return Err(Refusal::new(400, "FAILED_PRECONDITION", message));
        }
        let most = body["maxMessages"].as_u64().filter(|most| *most > 0);
        let most =
            most.ok_or_else(|| Refusal::new(400, "INVALID_ARGUMENT", "maxMessages must be positive"))?;
        let kept = self.backlogs.entry(key.to_owned()).or_default().iter_mut().enumerate();
        let free = kept.filter(|(_, message)| !message.is_leased).take(usize::try_from(most).unwrap());
        let received = free.map(|(number, message)| {
            message.is_leased = true;
            json!({"ackId": format!("ack{number}"),
                "message": {"data": STANDARD.encode("{}"), "messageId": number.to_string(), "publishTime": message.published}})
        });
        let received: Vec<_> = received.collect();
        Ok(if received.is_empty() { json!({}) } else { json!({"receivedMessages": received}) })
    }

    /// Nothing else releases a message before its time.
    fn modify_ack_deadline(&mut self, key: &str, body: &Value) -> Answer {
        self.get(key)?;
        let kept = self.backlogs.entry(key.to_owned()).or_default();
        for id in body["ackIds"].as_array().unwrap() {
            let number = id.as_str().unwrap().strip_prefix("ack").unwrap().parse::<usize>().unwrap();
            let message = kept.get_mut(number).filter(|message| message.is_leased);
            let message =
                message.ok_or_else(|| Refusal::new(400, "INVALID_ARGUMENT", "the ack ID is invalid"))?;
            message.is_leased = body["ackDeadlineSeconds"] != 0;
        }
        Ok(json!({}))
    }

    fn add_version(&mut self, key: &str, body: &Value) -> Answer {
        self.get(key)?;
        let prefix = format!("{key}/versions/");
        let number = 1 + self.resources.keys().filter(|other| other.starts_with(&prefix)).count();
        let path = key.strip_prefix("secretmanager:").unwrap();
        let version = json!({
            "name": format!("{path}/versions/{number}"), "state": "ENABLED",
            "createTime": format!("2026-11-23T00:00:{number:02}Z"), "payload": body["payload"], "clientSpecifiedPayloadChecksum": true,
        });
        self.resources.insert(format!("{prefix}{number}"), version.clone());
        Ok(version)
    }

    /// The test's way round, which takes until the log is read the second time; and the doctor's lines.
    fn log(&mut self, body: &Value) -> Value {
        self.log_reads += 1;
        let filter = body["filter"].as_str().unwrap();
        if filter.contains("cloud_run_job") {
            let line = if self.doctor_is_red { "red    the token" } else { "green  the token" };
            return json!({"entries": [{"textPayload": line, "timestamp": "2026-11-23T00:00:00Z"}]});
        }
        if filter.contains("jsonPayload.signal") {
            let line = json!({"timestamp": "2026-11-28T23:00:00Z", "jsonPayload": {"signal": "ended"}});
            return json!({"entries": [line]});
        }
        let posted = json!({
            "timestamp": "2026-11-23T00:00:02Z",
            "jsonPayload": {"decision": "posted", "operation": "", "message_id": "3"},
        });
        let tested = json!({
            "timestamp": "2026-11-23T00:00:01Z",
            "jsonPayload": {"decision": "tested", "operation": "", "message_id": "2070443601311540"},
        });
        let entries = [posted, tested].into_iter().skip(usize::from(self.log_reads == 1));
        json!({"entries": entries.collect::<Vec<_>>()})
    }

    fn build(&mut self, body: &Value) -> Value {
        assert_eq!(body["images"], json!(["$_IMAGE"]));
        let image = body["substitutions"]["_IMAGE"].as_str().unwrap();
        let tag = image.rsplit(':').next().unwrap();
        let package = "projects/demo/locations/europe-west1/repositories/opwatch/packages/opwatch";
        let name = format!("{package}/tags/{tag}");
        self.resources.insert(
            format!("artifactregistry:{name}"),
            json!({"name": name, "version": format!("{package}/versions/{DIGEST}")}),
        );
        let build = json!({"name": BUILD, "id": "b", "projectId": PROJECT, "status": "WORKING", "images": [image], "logUrl": "http://build.invalid/b"});
        let results = json!({"images": [{"name": image, "digest": DIGEST}]});
        let ended =
            json!({"name": BUILD, "id": "b", "projectId": PROJECT, "status": "SUCCESS", "results": results});
        self.resources.insert(format!("cloudbuild:{BUILD}"), ended);
        json!({
            "name": "operations/build/demo/b", "done": false,
            "metadata": {"@type": "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata", "build": build},
        })
    }

    fn execute(&mut self, key: &str) -> Answer {
        if self.executions_are_refused {
            return Err(Refusal::new(403, "PERMISSION_DENIED", "you may not run it"));
        }
        self.executions += 1;
        let name = format!("opwatch-doctor-x{}", self.executions);
        let red = self.doctor_is_red;
        self.get_mut(key)?["status"]["latestCreatedExecution"] = json!({"name": name});
        let (status, counted) = if red { ("False", "failedCount") } else { ("True", "succeededCount") };
        let execution = json!({
            "apiVersion": "run.googleapis.com/v1", "kind": "Execution",
            "metadata": {"name": name, "namespace": PROJECT, "generation": 1, "labels": {}, "annotations": {}},
            "spec": {"taskCount": 1, "template": {"spec": {"containers": [{}]}}},
            "status": {
                "observedGeneration": 1, counted: 1, "completionTime": "2026-11-23T00:00:09Z",
                "conditions": [{"type": "Completed", "status": status, "message": "it ended"}],
            },
        });
        let key = format!("run:projects/demo/locations/{REGION}/executions/{name}");
        self.resources.insert(key, execution.clone());
        Ok(execution)
    }
}

/// What a create makes, and where.
fn created(asked: &Asked) -> Option<(String, Value)> {
    let body = asked.body.clone();
    let under = |id: &str| format!("{}/{id}", asked.path);
    let named = |path: String, mut value: Value| {
        value["name"] = json!(path);
        Some((format!("{}:{path}", asked.api), value))
    };
    match (asked.api.as_str(), asked.collection()) {
        ("pubsub", _) => named(asked.path.clone(), body),
        ("cloudtasks" | "cloudscheduler", "queues" | "jobs") => {
            let mut value = body;
            value["state"] = json!(if asked.api == "cloudtasks" { "RUNNING" } else { "ENABLED" });
            named(value["name"].as_str()?.to_owned(), value)
        }
        // Unlike others, a sink's name is its ID alone.
        ("logging", "sinks") => Some((format!("logging:{}", under(body["name"].as_str()?)), sink(asked)?)),
        ("monitoring", "alertPolicies") => {
            let id = asked.body["displayName"].as_str()?.bytes().map(u64::from).sum::<u64>();
            named(under(&id.to_string()), body)
        }
        ("secretmanager", "secrets") => named(under(&asked.query("secretId")), body),
        ("artifactregistry", "repositories") => named(under(&asked.query("repositoryId")), body),
        ("iam", "roles") => named(under(body["roleId"].as_str()?), body["role"].clone()),
        ("iam", "serviceAccounts") => {
            let email = format!("{}@demo.iam.gserviceaccount.com", body["accountId"].as_str()?);
            let mut value = body["serviceAccount"].clone();
            value["email"] = json!(email);
            named(under(&email), value)
        }
        ("run", "services" | "jobs") => {
            Some((format!("{}:{}", asked.api, under(body["metadata"]["name"].as_str()?)), body))
        }
        _ => None,
    }
}

/// A secret of automatic replication is a global one. The answer is a real one: <https://github.com/firebase/firebase-tools/issues/6454>
fn check_locations(secret: &Value) -> Result<(), Refusal> {
    if secret["replication"]["userManaged"].is_object() {
        return Ok(());
    }
    let message = "Constraint constraints/gcp.resourceLocations violated for [orgpolicy:projects/123456789] attempting to create a \
                   secret in [global]. For more information, see \
                   https://cloud.google.com/resource-manager/docs/organization-policy/defining-locations.";
    Err(Refusal::new(400, "FAILED_PRECONDITION", message))
}

/// What a subscription keeps from its creation on: <https://cloud.google.com/pubsub/docs/subscription-properties>
const FIXED_FIELDS: [&str; 3] = ["topic", "filter", "enableMessageOrdering"];

/// What Pub/Sub refuses of a subscription: <https://cloud.google.com/pubsub/docs/subscription-properties>, and for exactly-once
/// delivery <https://cloud.google.com/pubsub/docs/exactly-once-delivery>. Other resources pass.
fn check_subscription(value: &Value) -> Result<(), Refusal> {
    if !value["name"].as_str().unwrap_or_default().contains("/subscriptions/") {
        return Ok(());
    }
    let refused = |what: &str| Err(Refusal::new(400, "INVALID_ARGUMENT", what));
    let seconds = |duration: &Value| duration.as_str()?.strip_suffix('s')?.parse::<u64>().ok();
    let pushes = value["pushConfig"]["pushEndpoint"].is_string();
    let retention = seconds(&value["messageRetentionDuration"]).unwrap_or(604_800);
    if value["enableExactlyOnceDelivery"] == true && pushes {
        return refused("exactly-once delivery is for pull subscriptions only");
    }
    if !(10..=600).contains(&value["ackDeadlineSeconds"].as_u64().unwrap_or(10)) {
        return refused("the ack deadline is between 10 and 600 seconds");
    }
    if !(600..=2_678_400).contains(&retention) {
        return refused("messages are kept between 10 minutes and 31 days");
    }
    // Without a policy the default one has 31 days.
    let expires = match &value["expirationPolicy"] {
        Value::Null => Some(2_678_400),
        policy => seconds(&policy["ttl"]),
    };
    if expires.is_some_and(|ttl| ttl < 86_400 || ttl < retention) {
        return refused("a subscription expires after a day at least, and not before its messages");
    }
    Ok(())
}

/// A Cloud Run resource that is ready.
fn ready(mut value: Value) -> Value {
    let generation = 1 + value["metadata"]["generation"].as_u64().unwrap_or(0);
    value["metadata"]["generation"] = json!(generation);
    value["metadata"]["resourceVersion"] = json!(generation.to_string());
    let name = format!("{}-{generation:05}", value["metadata"]["name"].as_str().unwrap());
    value["metadata"]["labels"]["cloud.googleapis.com/location"] = json!(REGION);
    // What is not assigned to a revision by name follows the latest one:
    // https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration
    if value["spec"]["traffic"].as_array().is_none_or(Vec::is_empty) {
        value["spec"]["traffic"] = json!([{"percent": 100, "latestRevision": true}]);
    }
    let mut traffic = value["spec"]["traffic"].clone();
    for target in traffic.as_array_mut().unwrap().iter_mut().filter(|target| target["latestRevision"] == true)
    {
        target["revisionName"] = json!(name);
    }
    let conditions = ["Ready", "ConfigurationsReady", "RoutesReady"];
    let conditions = conditions.map(|kind| json!({"type": kind, "status": "True"}));
    value["status"] = json!({
        "observedGeneration": generation, "url": URL, "address": {"url": URL},
        "latestCreatedRevisionName": name, "latestReadyRevisionName": name,
        "traffic": traffic,
        "conditions": conditions,
    });
    value
}

/// What a caller may set of a sink of a project.
const SINK_FIELDS: [&str; 6] = ["name", "destination", "filter", "description", "disabled", "exclusions"];

/// A sink as Logging creates it: `LogSink` of the discovery document of logging v2
/// (<https://logging.googleapis.com/$discovery/rest?version=v2>). `writerIdentity` is output only, and one of the sink's own only with
/// `uniqueWriterIdentity`; a field that `LogSink` doesn't have is refused.
fn sink(asked: &Asked) -> Option<Value> {
    let mut sink = asked.body.clone();
    let known = sink.as_object()?.keys().all(|field| SINK_FIELDS.contains(&field.as_str()));
    let is_unique = asked.query("uniqueWriterIdentity") == "True";
    let destination = sink["destination"].as_str()?;
    let to_a_topic =
        destination.strip_prefix("pubsub.googleapis.com/projects/")?.split('/').nth(1) == Some("topics");
    // "The maximum length of the filter is 20000 characters."
    if !known || !is_unique || !to_a_topic || sink["filter"].as_str()?.len() > 20_000 {
        return None;
    }
    sink["writerIdentity"] = json!(WRITER);
    sink["createTime"] = json!("2026-11-23T00:00:00Z");
    Some(sink)
}

/// An alert policy as Monitoring takes it: <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies>.
fn alert_policy(mut value: Value) -> Answer {
    let refused = |what: &str| Err(Refusal::new(400, "INVALID_ARGUMENT", what));
    let conditions = value["conditions"].as_array().cloned().unwrap_or_default();
    if value["displayName"].as_str().is_none_or(str::is_empty)
        || conditions.is_empty()
        || conditions.len() > 6
    {
        return refused("a policy has a name and one to six conditions");
    }
    let limits_notifications = value["alertStrategy"]["notificationRateLimit"]["period"].is_string();
    for condition in &conditions {
        let threshold = &condition["conditionThreshold"];
        let filter = threshold["filter"].as_str().unwrap_or_default();
        let is_threshold = filter.contains("metric.type=") && filter.contains("resource.type=");
        let is_log = condition["conditionMatchedLog"]["filter"].is_string();
        if is_log && !(limits_notifications && conditions.len() == 1) {
            return refused("a log condition is the only one, and its policy has a notificationRateLimit");
        }
        if !is_log && (!is_threshold || limits_notifications || threshold["duration"].as_str().is_none()) {
            return refused(
                "a threshold has a metric, a resource and a duration, and no notificationRateLimit",
            );
        }
    }
    for (number, condition) in value["conditions"].as_array_mut().unwrap().iter_mut().enumerate() {
        condition["name"] = json!(format!("conditions/{number}"));
    }
    value["enabled"] = json!(true);
    Ok(value)
}

fn operation(path: &str, value: &Value) -> Value {
    json!({"name": format!("projects/demo/locations/{REGION}/operations/{}", path.len()), "done": true, "response": value})
}

/// A task shows its body only to those who ask for it.
fn seen(path: &str, value: &Value, asked: &Asked) -> Value {
    let mut value = value.clone();
    if asked.api == "cloudtasks" && path.contains("/tasks/") && asked.query("responseView") != "FULL" {
        value["httpRequest"].as_object_mut().unwrap().remove("body");
    }
    value
}

fn etag(number: u8) -> String {
    STANDARD.encode([number])
}

fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        text + &head.to_uppercase() + tail
    })
}

/// Sets `a.b.c`.
fn set(value: &mut Value, field: &str, new: Value) {
    let (first, rest) = field.split_once('.').map_or((field, None), |(first, rest)| (first, Some(rest)));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match rest {
        Some(rest) => set(&mut value[first], rest, new),
        None if new.is_null() => {
            value.as_object_mut().unwrap().remove(first);
        }
        None => value[first] = new,
    }
}
