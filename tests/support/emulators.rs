//! Google's own Pub/Sub and Datastore emulators, the ones of the Google Cloud SDK, on free loopback ports.
//!
//! All tests share one pair, since starting it takes seconds; each test uses topics of its own. Rust never drops
//! a static, so the pair ends by other means: a watchdog (`watchdog.sh`) holds the reading end of a pipe whose
//! writing end lives in this process alone. When this process ends, be it by SIGKILL, the pipe does, and the watchdog
//! kills the emulator's whole process group (gcloud and the Java program under it) and removes its folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// The project of the emulated world. The emulators take any other as well.
pub(crate) const PROJECT: &str = "demo";

/// Set to `1`, leaves out every test that needs the emulators.
const SKIP: &str = "OPWATCH_SKIP_EMULATORS";

/// Three seconds is usual; a cold and busy machine may need a lot more.
const START_LIMIT: Duration = Duration::from_secs(90);

/// How often a starting emulator is asked whether it is there: nothing else tells.
const START_POLL: Duration = Duration::from_millis(50);

/// How long a message may take to reach a pull. The emulator itself would wait about 90 s for one.
const PULL_LIMIT: Duration = Duration::from_secs(60);

/// How long a redelivery may take to come, twice what it takes.
pub(crate) const REDELIVERY_LIMIT: Duration = Duration::from_secs(2);

/// The most mutations that one commit takes.
const COMMIT_SIZE: usize = 500;

/// Nothing listens here, so whatever gcloud would send to the internet fails at once instead of leaving the machine.
const CLOSED_PROXY: &str = "http://127.0.0.1:1";

/// The emulators, started by the first test that asks; none when they are to be left out.
///
/// Fails the test when they can't be started.
pub(crate) fn emulators() -> Option<&'static Emulators> {
    static SKIPPED: OnceLock<()> = OnceLock::new();
    static STARTED: OnceLock<Result<Emulators, String>> = OnceLock::new();

    if std::env::var_os(SKIP).is_some_and(|value| value == "1") {
        // Straight to the stream: libtest hides what a passing test prints.
        SKIPPED.get_or_init(|| {
            let note = format!("the tests on Google's emulators are skipped: {SKIP}=1\n");
            std::io::stderr().write_all(note.as_bytes()).unwrap();
        });
        return None;
    }
    match STARTED.get_or_init(Emulators::start) {
        Ok(emulators) => Some(emulators),
        Err(why) => panic!(
            "Google's emulators did not start. They need the Google Cloud SDK with its components beta, \
             pubsub-emulator and cloud-datastore-emulator (https://cloud.google.com/sdk/docs/install), and Java. \
             {SKIP}=1 leaves these tests out.\n{why}"
        ),
    }
}

/// Both emulators, ready.
#[derive(Debug)]
pub(crate) struct Emulators {
    pub(crate) pubsub: PubSub,
    pub(crate) datastore: Datastore,
}

impl Emulators {
    /// Starts both at the same time and waits until they answer.
    fn start() -> Result<Self, String> {
        let mut pubsub = Emulator::spawn("pubsub", &[])?;
        let mut datastore = Emulator::spawn("datastore", &["--no-store-on-disk", "--consistency=1.0"])?;
        pubsub.wait()?;
        datastore.wait()?;
        let client = client();
        Ok(Self {
            pubsub: PubSub { emulator: pubsub, client: client.clone() },
            datastore: Datastore { emulator: datastore, client },
        })
    }
}

/// A client that keeps no connection: each test has a runtime of its own, and a kept connection dies with its runtime.
fn client() -> reqwest::Client {
    // Fails when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(PULL_LIMIT + Duration::from_secs(60))
        .build()
        .unwrap()
}

// === Pub/Sub ===

/// Google's Pub/Sub emulator.
///
/// Where it differs from the real service: a push carries no `Authorization` and no `deliveryAttempt`; 202 is no
/// acknowledgement; the first redelivery comes after about one second whatever the back-off says; there is no push
/// back-off for a whole subscription. As there, the names of topics and subscriptions have three characters at least.
#[derive(Debug)]
pub(crate) struct PubSub {
    emulator: Emulator,
    client: reqwest::Client,
}

/// A push subscription to create.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PushSubscription<'a> {
    pub(crate) project: &'a str,
    pub(crate) name: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) endpoint: &'a str,
    /// The shortest and the longest. None is at once, which for the emulator is every second; it takes some 3 s between
    /// redeliveries under any policy however short.
    pub(crate) backoff: Option<(Duration, Duration)>,
    pub(crate) dead_letter: Option<DeadLetter<'a>>,
    pub(crate) ack_deadline: Duration,
}

impl<'a> PushSubscription<'a> {
    /// With the back-off and the ack deadline of the deployment, and no dead letters.
    pub(crate) fn new(project: &'a str, name: &'a str, topic: &'a str, endpoint: &'a str) -> Self {
        Self {
            project,
            name,
            topic,
            endpoint,
            backoff: Some((Duration::from_secs(10), Duration::from_secs(600))),
            dead_letter: None,
            ack_deadline: Duration::from_secs(60),
        }
    }
}

/// Where a message goes that was refused too often. The topic must exist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetter<'a> {
    pub(crate) topic: &'a str,
    /// From 5 to 100.
    pub(crate) attempts: u32,
}

/// A message that a pull brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) data: Vec<u8>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) publish_time: String,
}

impl PubSub {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// `127.0.0.1:PORT`, the form of `PUBSUB_EMULATOR_HOST`.
    pub(crate) fn host(&self) -> String {
        self.emulator.address.to_string()
    }

    pub(crate) async fn create_topic(&self, project: &str, topic: &str) {
        self.put(&format!("projects/{project}/topics/{topic}"), &json!({})).await;
    }

    pub(crate) async fn create_push_subscription(&self, subscription: PushSubscription<'_>) {
        let PushSubscription { project, name, topic, endpoint, backoff, dead_letter, ack_deadline } =
            subscription;
        let mut body = json!({
            "topic": format!("projects/{project}/topics/{topic}"),
            "pushConfig": { "pushEndpoint": endpoint },
            "ackDeadlineSeconds": ack_deadline.as_secs(),
        });
        if let Some((shortest, longest)) = backoff {
            body["retryPolicy"] = json!({
                "minimumBackoff": seconds(shortest),
                "maximumBackoff": seconds(longest),
            });
        }
        if let Some(DeadLetter { topic, attempts }) = dead_letter {
            body["deadLetterPolicy"] = json!({
                "deadLetterTopic": format!("projects/{project}/topics/{topic}"),
                "maxDeliveryAttempts": attempts,
            });
        }
        self.put(&format!("projects/{project}/subscriptions/{name}"), &body).await;
    }

    pub(crate) async fn create_pull_subscription(&self, project: &str, name: &str, topic: &str) {
        let topic = format!("projects/{project}/topics/{topic}");
        self.put(&format!("projects/{project}/subscriptions/{name}"), &json!({ "topic": topic })).await;
    }

    /// One with exactly-once delivery, whose leases last so long.
    pub(crate) async fn create_exactly_once_subscription(
        &self,
        project: &str,
        name: &str,
        topic: &str,
        lease: Duration,
    ) {
        let topic = format!("projects/{project}/topics/{topic}");
        let body =
            json!({"topic": topic, "enableExactlyOnceDelivery": true, "ackDeadlineSeconds": lease.as_secs()});
        self.put(&format!("projects/{project}/subscriptions/{name}"), &body).await;
    }

    /// Waits for the next `count` messages of a pull subscription and acknowledges them. Fails the test when they
    /// don't come. What is delivered at the same time as the last of them is returned too.
    pub(crate) async fn pull(&self, project: &str, subscription: &str, count: usize) -> Vec<Message> {
        let path = format!("projects/{project}/subscriptions/{subscription}");
        let mut messages = Vec::new();
        let pulling = async {
            while messages.len() < count {
                messages.extend(self.pull_once(&path).await);
            }
        };
        let in_time = tokio::time::timeout(PULL_LIMIT, pulling).await.is_ok();
        assert!(in_time, "{path}: {} of {count} messages came: {messages:?}", messages.len());
        messages
    }

    /// Ends the pushes of a subscription, and acknowledges and returns what it would still have pushed: what was
    /// refused comes back after a second.
    pub(crate) async fn take_undelivered(&self, project: &str, subscription: &str) -> Vec<Message> {
        let path = format!("projects/{project}/subscriptions/{subscription}");
        self.post(&format!("{path}:modifyPushConfig"), &json!({ "pushConfig": {} })).await;
        self.pull_within(project, subscription, REDELIVERY_LIMIT).await
    }

    /// Acknowledges and returns what a pull subscription gets next, if anything comes in time.
    pub(crate) async fn pull_within(
        &self,
        project: &str,
        subscription: &str,
        limit: Duration,
    ) -> Vec<Message> {
        let path = format!("projects/{project}/subscriptions/{subscription}");
        tokio::time::timeout(limit, self.pull_once(&path)).await.unwrap_or_default()
    }

    /// Answers as soon as there is a message; after about 90 s without any, with none.
    async fn pull_once(&self, path: &str) -> Vec<Message> {
        let answer = self.post(&format!("{path}:pull"), &json!({ "maxMessages": 100 })).await;
        let Some(received) = answer["receivedMessages"].as_array() else { return Vec::new() };
        let ids: Vec<&Value> = received.iter().map(|one| &one["ackId"]).collect();
        self.post(&format!("{path}:acknowledge"), &json!({ "ackIds": ids })).await;
        received.iter().map(|one| Message::read(&one["message"])).collect()
    }

    /// Publishes over REST and returns the message's id.
    pub(crate) async fn publish(&self, project: &str, topic: &str, data: &[u8]) -> String {
        let body = json!({ "messages": [{ "data": BASE64.encode(data) }] });
        let answer = self.post(&format!("projects/{project}/topics/{topic}:publish"), &body).await;
        answer["messageIds"][0].as_str().unwrap().to_owned()
    }

    /// Publishes with the real `gcloud pubsub topics publish`, as a person would, and returns the message's id.
    pub(crate) async fn publish_with_gcloud(&self, project: &str, topic: &str, message: &str) -> String {
        let mut command = gcloud(&self.emulator.folder);
        command
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB", format!("{}/", self.url()))
            .args(["pubsub", "topics", "publish"])
            .arg(format!("projects/{project}/topics/{topic}"))
            .arg(format!("--message={message}"))
            .arg("--format=value(messageIds[0])");
        // Beside the runtime, which may have pushes to answer meanwhile.
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "gcloud pubsub topics publish: {}\n{stderr}", output.status);
        stdout.trim().to_owned()
    }

    async fn put(&self, path: &str, body: &Value) -> Value {
        answer(self.client.put(format!("{}/v1/{path}", self.url())), body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        answer(self.client.post(format!("{}/v1/{path}", self.url())), body).await
    }
}

impl Message {
    fn read(message: &Value) -> Self {
        let attributes = message["attributes"].as_object().into_iter().flatten();
        Self {
            id: message["messageId"].as_str().unwrap().to_owned(),
            data: BASE64.decode(message["data"].as_str().unwrap_or_default()).unwrap(),
            attributes: attributes
                .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            publish_time: message["publishTime"].as_str().unwrap().to_owned(),
        }
    }
}

/// A duration as JSON has it in Google's APIs.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

// === Datastore ===

/// Google's Datastore emulator.
///
/// Its `:export` is no operation to watch. `POST /v1/projects/P:export` takes any `outputUrlPrefix`, a `gs://` too, as
/// **a path on this machine** (a relative one, so `gs://backups` becomes the folder `gs:/backups` below the directory
/// in which the emulator runs, which is its scratch folder here), writes the files and only then answers, with 200:
///
/// ```json
/// {
///   "metadata": {
///     "@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesMetadata",
///     "common": {
///       "startTime": "2026-11-23T20:40:03.328765975Z",
///       "endTime": "2026-11-23T20:40:03.509456676Z",
///       "operationType": "EXPORT_ENTITIES",
///       "state": "SUCCESSFUL"
///     },
///     "entityFilter": {},
///     "outputUrlPrefix": "gs://my-bucket/x"
///   },
///   "done": true,
///   "response": {
///     "@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesResponse",
///     "outputUrl": "/scratch/gs:/my-bucket/x"
///   }
/// }
/// ```
///
/// There is no `name`, no progress, and the `labels` of the request are gone. Where the path is there already and
/// absolute: 400 `INVALID_ARGUMENT`. The collection `/v1/projects/P/operations` and everything below it (list, get,
/// cancel, delete) is 404 with the plain text `Not Found`, no JSON. `--use-firestore-in-datastore-mode` changes none
/// of this.
#[derive(Debug)]
pub(crate) struct Datastore {
    emulator: Emulator,
    client: reqwest::Client,
}

impl Datastore {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// `127.0.0.1:PORT`, the form of `DATASTORE_EMULATOR_HOST`.
    pub(crate) fn host(&self) -> String {
        self.emulator.address.to_string()
    }

    /// Writes `count` entities of a kind, named 1 to `count`.
    pub(crate) async fn put(&self, project: &str, kind: &str, count: usize) {
        let names: Vec<usize> = (1..=count).collect();
        for names in names.chunks(COMMIT_SIZE) {
            let mutations: Vec<Value> = names
                .iter()
                .map(|name| {
                    json!({ "upsert": {
                        "key": {
                            "partitionId": { "projectId": project },
                            "path": [{ "kind": kind, "name": name.to_string() }],
                        },
                        "properties": { "number": { "integerValue": name.to_string() } },
                    } })
                })
                .collect();
            let body = json!({ "mode": "NON_TRANSACTIONAL", "mutations": mutations });
            let committed = self.post(&format!("projects/{project}:commit"), &body).await;
            assert_eq!(committed["mutationResults"].as_array().map(Vec::len), Some(names.len()));
        }
    }

    /// `POST /v1/{path}`; fails the test on anything but a success.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        answer(self.client.post(format!("{}/v1/{path}", self.url())), body).await
    }

    /// `GET /v1/{path}`: the status and the text.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(format!("{}/v1/{path}", self.url())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

/// Sends a JSON body and reads the JSON that comes back; fails the test on anything but a success.
async fn answer(request: reqwest::RequestBuilder, body: &Value) -> Value {
    let request = request.header("Content-Type", "application/json").body(body.to_string());
    let response = request.send().await.unwrap();
    let (url, status) = (response.url().clone(), response.status());
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{url}: {status}: {text}");
    serde_json::from_str(&text).unwrap()
}

// === The processes ===

/// One emulator, below its watchdog. Dropping it ends both and waits for that.
#[derive(Debug)]
struct Emulator {
    name: &'static str,
    address: SocketAddr,
    folder: PathBuf,
    watchdog: Child,
}

impl Emulator {
    fn spawn(name: &'static str, options: &[&str]) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let data = folder.join("data");
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let address = free_address();
        let log = File::create(folder.join(LOG)).map_err(|error| format!("{}: {error}", folder.display()))?;
        let watchdog = Command::new("bash")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/watchdog.sh"))
            .arg(&folder)
            .args(["gcloud", "beta", "emulators", name, "start"])
            .arg(format!("--host-port={address}"))
            .arg(format!("--project={PROJECT}"))
            .arg(format!("--data-dir={}", data.display()))
            .args(options)
            .envs(gcloud_settings(&folder))
            // Exports to gs://… land below the working directory.
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(Stdio::null())
            // A Ctrl-C must not reach it before it has done its work.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("bash: {error}"))?;
        Ok(Self { name, address, folder, watchdog })
    }

    /// Waits until it answers. It tells nobody when it does, so it is asked again and again.
    fn wait(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            if answers(self.address) {
                return Ok(());
            }
            if let Some(status) = self.watchdog.try_wait().map_err(|error| error.to_string())? {
                return Err(self.failure(&format!("ended: {status}")));
            }
            if begun.elapsed() > START_LIMIT {
                return Err(self.failure(&format!("did not answer within {START_LIMIT:?}")));
            }
            thread::sleep(START_POLL);
        }
    }

    fn failure(&self, what: &str) -> String {
        let log = fs::read_to_string(self.folder.join(LOG)).unwrap_or_default();
        format!("The {} emulator on {} {what}. It said:\n{log}", self.name, self.address)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ended: std::io::Result<ExitStatus> = self.watchdog.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where an emulator's output goes, in its folder.
const LOG: &str = "log";

/// Whether an HTTP server answers there with 200.
fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; b"HTTP/1.1 200".len()];
        stream.read_exact(&mut status)?;
        std::io::Result::Ok(status == *b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap()
}

/// gcloud, cut off from the person's own configuration and from the internet.
fn gcloud(folder: &Path) -> Command {
    let mut command = Command::new("gcloud");
    command.envs(gcloud_settings(folder)).stdin(Stdio::null());
    command
}

fn gcloud_settings(folder: &Path) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("CLOUDSDK_CONFIG", folder.join("gcloud").display().to_string()),
        ("CLOUDSDK_AUTH_ACCESS_TOKEN", "no-token".to_owned()),
        ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1".to_owned()),
        ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1".to_owned()),
        ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1".to_owned()),
    ];
    // Google's own hosts are all https; the overridden ones are http and so need no way around the proxy.
    settings.extend(["HTTPS_PROXY", "https_proxy"].map(|name| (name, CLOSED_PROXY.to_owned())));
    settings.extend(["HTTP_PROXY", "http_proxy"].map(|name| (name, String::new())));
    settings
}
