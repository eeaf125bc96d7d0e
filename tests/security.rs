//! The security checklist. What is not below is shown elsewhere:
//!
//! | line | where |
//! | --- | --- |
//! | redirects are never followed | here |
//! | https alone; a token for Google's hosts alone, or for loopback on purpose | here; `settings` (each bad value), `endpoints` in `src/` |
//! | hostile names and start paths: no call | `refusals::hostile_names_and_paths_are_never_called`: 44, each in four messages |
//! | a publisher who knows every watch id changes, delays, silences and invents nothing: `state` counts on the internal topic alone | `forgery`; the simulator's hostile publisher (`simulation`), planted as `PublicState`; `fuzzing`, inputs `hostile-*` |
//! | other projects, services, starts, prefixes: no call, also for what opwatch passed on | `refusals::what_no_setting_allows…`, `refusals::a_forged_state…` |
//! | pasted lines give back the exact message | here |
//! | secrets in no log, answer, error, message | `leaks`; and `Opwatch::stop` and `Process::ended` look in every test |
//! | one valid JSON line a record for any input | here |
//! | limits are clamped, counting never overflows | here; the tests run with overflow checks |
//! | answers are cut at 1 MiB | here; `checks::an_answer_that_is_no_observation…` (what becomes of the check) |
//! | no unsafe code | here; the compiler holds it |
//! | who pushes | `identity` |
//! | licences, sources, versions of the dependencies | here: cargo-deny, with `deny.toml` |

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use opwatch::fakes::Fault;
use opwatch::intake::server::{self, Limits};
use opwatch::net::transport::{Failure, Method, Network, Request, Transport};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::opwatch::{
    FIRESTORE_NAME, NAME, Opwatch, TOPIC, client, export, firestore_export, lasting, refusal, send,
    subscribe, texts, world,
};
use crate::support::process::{Process, outcome, variables};
use crate::support::pushes::{push_of, push_of_data};
use crate::support::stub::Stub;
use crate::support::tokens::{AUDIENCE, PUSH_ACCOUNT, claims, header, signed};

/// Answers every request but a list of operations with a redirect, and keeps which there were.
struct Redirector {
    url: String,
    asked: Arc<Mutex<BTreeSet<String>>>,
    server: JoinHandle<bool>,
}

impl Redirector {
    async fn open(status: StatusCode, to: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let kept = Arc::clone(&asked);
        let serving =
            server::serve(listener, Limits::default(), std::future::pending(), move |request, _| {
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                kept.lock().unwrap().insert(format!("{method} {path}"));
                let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
                if !path.ends_with("/operations") {
                    *response.status_mut() = status;
                    response.headers_mut().insert("location", format!("{to}{path}").parse().unwrap());
                }
                async move { response }
            });
        Self { url, asked, server: tokio::spawn(serving) }
    }

    /// The variables of an opwatch that calls it for everything.
    fn variables(&self, stub: &Stub) -> Vec<(&'static str, String)> {
        let services = ["datastore", "firestore", "cloudtasks", "pubsub", "slack", "jwks", "iam", "ledger"];
        let mut variables = stub.variables();
        for (name, value) in &mut variables {
            match *name {
                "ENDPOINTS" => *value = services.map(|service| format!("{service}={}", self.url)).join(","),
                "SLACK_WEBHOOK_URL" => *value = format!("{}/services/T0LOCAL/B0LOCAL/x", self.url),
                _ => (),
            }
        }
        variables.push(("LEDGER_KIND", "Opwatch".to_owned()));
        variables
    }
}

impl Drop for Redirector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let canary = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    canary.set_nonblocking(true).unwrap();
    let to = format!("http://{}", canary.local_addr().unwrap());
    let stub = Stub::open().await;
    for status in [301, 302, 303, 307, 308] {
        let redirector = Redirector::open(StatusCode::from_u16(status).unwrap(), to.clone()).await;
        let mut variables = redirector.variables(&stub);
        let process = Process::start(&variables).await;
        let report =
            json!({"name": NAME, "state": {"version": 1, "id": "7", "report": {"outcome": "succeeded"}}});
        for message in [json!({"name": NAME}), export(), firestore_export(), report] {
            let (status, _) = send(client().post(process.url()).body(push_of("7", &message))).await;
            assert_eq!(status, 503, "a redirect is no answer: {message}");
        }
        process.stop().await;

        variables.push(("PUSH_AUDIENCE", AUDIENCE.to_owned()));
        variables.push(("PUSH_SERVICE_ACCOUNT", PUSH_ACCOUNT.to_owned()));
        let guarded = Process::start(&variables).await;
        let token = signed(&header(), &claims(jsonwebtoken::get_current_timestamp().cast_signed()));
        let push = client().post(guarded.url()).bearer_auth(token).body(push_of("7", &json!({"name": NAME})));
        assert_eq!(send(push).await.0, 401, "no key, no entry");
        guarded.stop().await;

        assert_eq!(outcome(&["check", NAME], &variables).await.0, Some(1));
        outcome(&["doctor"], &variables).await;

        let asked = redirector.asked.lock().unwrap().clone();
        for part in [
            "GET /v1/projects/demo/operations/ASA1watched",
            "GET /v1/projects/demo/operations",
            "POST /v1/projects/demo:export",
            "POST /v1/projects/demo/databases/(default):exportDocuments",
            "/queues/checks/tasks",
            "POST /services/",
            "GET /oauth2/v3/certs",
            ":commit",
        ] {
            assert!(asked.iter().any(|request| request.contains(part)), "{part} is not in {asked:#?}");
        }
    }
    let error = canary.accept().expect_err("the canary was called");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn an_answer_is_cut_at_one_mebibyte() {
    const ENOUGH: usize = 64 * 1024 * 1024;
    let network = Network::new().unwrap();
    for head in ["Content-Length: 67108864\r\n\r\n", "Connection: close\r\n\r\n"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let flood = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).await.unwrap();
            let (chunk, mut taken) = (vec![b'x'; 64 * 1024], 0);
            while taken < ENOUGH && stream.write_all(&chunk).await.is_ok() {
                taken += chunk.len();
            }
            taken
        });
        let request = Request {
            method: Method::Get,
            url: url.into(),
            token: None,
            headers: Vec::new(),
            body: Vec::new(),
            longest: None,
        };
        let answer = network.send(request, Duration::from_secs(30)).await;
        assert!(matches!(answer, Err(Failure::TooLong)), "{answer:?}");
        // What the sockets' buffers hold is written, but not read.
        assert!(flood.await.unwrap() < ENOUGH / 2, "it hangs up");
    }
}

/// Characters that mean something to a shell, to JSON, to Slack or to a terminal, and any others.
fn hostile_text(most: usize) -> impl Strategy<Value = String> + Clone {
    let special = proptest::sample::select(
        "'\"`$(){}[]<>&|;\\!*?#~%^=@\n\r\t\u{0}\u{7f}\u{1b}\u{85}\u{2028}\u{202e}é日🎉 "
            .chars()
            .collect::<Vec<_>>(),
    );
    let character = prop_oneof![3 => special, 1 => any::<char>(), 1 => proptest::char::range('a', 'z')];
    proptest::collection::vec(character, 1..most).prop_map(|characters| characters.into_iter().collect())
}

/// As many values as asked for, the same at each run.
fn samples<T>(strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

#[tokio::test]
async fn pasted_lines_give_bash_the_exact_message() {
    const CASES: usize = 300;
    let opwatch = Opwatch::start().await;
    let (mut expected, mut names) = (BTreeMap::new(), BTreeSet::new());
    for (number, (text, error)) in
        samples(&(hostile_text(90), hostile_text(600)), CASES).into_iter().enumerate()
    {
        // A title with others is refused.
        let title = format!("{number} {}", text.chars().filter(|c| !is_hidden(*c)).collect::<String>());
        let message = match number % 3 {
            0 => {
                let name = format!("projects/demo/operations/{number}");
                opwatch.world.operations.add(&name, lasting(100_000));
                names.insert(name.clone());
                json!({"name": name, "title": title, "limit": 1})
            }
            1 => {
                let name = format!("projects/demo/databases/(default)/operations/{number}");
                opwatch.world.operations.add(&name, lasting(100_000));
                names.insert(name.clone());
                json!({"service": "firestore", "name": name, "title": title, "limit": 1})
            }
            _ => {
                let mut start = export();
                start["title"] = json!(title);
                start["start"]["body"]["outputUrlPrefix"] =
                    json!(format!("gs://b/{}", text.replace("${", "$${")));
                opwatch.world.operations.fail_next_on("POST", "", refusal(403, "PERMISSION_DENIED", &error));
                start
            }
        };
        opwatch.publish(&message).await;
        expected.insert(title, message);
        if number % 20 == 0 {
            opwatch.world.settled().await;
        }
    }
    opwatch.world.settled().await;

    let payloads = opwatch.slack();
    assert_eq!(payloads.len(), CASES);
    let lines: Vec<String> = payloads.iter().flat_map(texts).filter_map(|text| pasted(&text)).collect();
    let arguments = bash(&lines);
    let mut given_back = 0;
    for (line, arguments) in lines.iter().zip(arguments) {
        let last = arguments.last().unwrap();
        let Some(json) = last.strip_prefix("--message=") else {
            assert!(names.contains(last), "{line}: {arguments:?}");
            continue;
        };
        assert_eq!(arguments[..4], ["pubsub", "topics", "publish", TOPIC], "{line}");
        let message: Value = serde_json::from_str(json).unwrap();
        let title = message["title"].as_str().unwrap();
        let kickoff = expected.get(title).unwrap_or_else(|| panic!("{title:?} is no title: {line}"));
        assert_eq!((&message["name"], &message["start"]), (&kickoff["name"], &kickoff["start"]), "{line}");
        given_back += 1;
    }
    assert_eq!(given_back, CASES, "each has the line that goes on");
    opwatch.stop().await;
}

/// Control, line and bidirectional characters.
fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    let bidirectional = [0x61c..=0x61c, 0x200e..=0x200f, 0x2028..=0x202e, 0x2066..=0x206f];
    c.is_control() || bidirectional.iter().any(|range| range.contains(&code))
}

/// The command to paste that a text of Slack's is, as a person copies it.
fn pasted(text: &str) -> Option<String> {
    let line = text.strip_prefix("```gcloud ")?.strip_suffix("```")?;
    Some(format!("gcloud {}", line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
}

/// What one bash hands to gcloud for each line.
fn bash(lines: &[String]) -> Vec<Vec<String>> {
    let script = format!("set -u\ngcloud() {{ printf '%s\\0' \"$#\" \"$@\"; }}\n{}\n", lines.join("\n"));
    let mut bash = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = bash.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(script.as_bytes()).unwrap());
    let output = bash.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let mut words = said.split_terminator('\0').map(str::to_owned);
    std::iter::from_fn(|| {
        let count = words.next()?.parse().unwrap();
        Some(words.by_ref().take(count).collect())
    })
    .collect()
}

#[tokio::test]
async fn whatever_comes_in_one_valid_line_a_record_comes_out() {
    let world = world().await;
    let process = Process::start(&variables(&world)).await;
    subscribe(&world, &process.url());
    world.pause();
    let text = hostile_text(60);
    let mut pushes = 0;
    let mut push = async |body: Vec<u8>, trace: &str| {
        pushes += 1;
        // A header holds no line break: nobody can send one.
        let trace: String = trace.chars().filter(|c| !c.is_control()).collect();
        let request = client().post(process.url()).header("traceparent", format!("00-{trace}-1"));
        send(request.header("x-cloud-trace-context", trace).body(body)).await
    };
    for [one, two, three] in samples(&[text.clone(), text.clone(), text], 60) {
        let answer = json!({"error": {"code": 500, "status": two, "message": one}}).to_string();
        world.operations.fail_next(Fault::answer(500, &answer));
        push(push_of(&one, &json!({"name": NAME, "title": two})).into(), &three).await;
        world.slack.fail_next(Fault::answer(400, &two));
        let state = json!({"version": 1, "id": one, "report": {"outcome": "failed"}});
        push(push_of(&two, &json!({"name": NAME, "title": three, "state": state})).into(), &one).await;
        world.tasks.fail_next(Fault::answer(403, &answer));
        push(push_of(&three, &json!({"name": one, &two: three})).into(), &two).await;
        push(push_of_data(&one, &[one.as_bytes(), b"\xff\n{\"severity\":"].concat()).into(), &two).await;
        push([one.as_bytes(), b"\n\xff"].concat(), &three).await;
    }
    let log: Vec<Value> =
        process.stop().await.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    let told = log.iter().filter(|line| line["decision"].is_string()).count();
    assert_eq!(told, pushes, "one line a push");
    assert_eq!(log.len(), pushes + 3, "and three of the process: it listens, it is told to stop, it stops");
    world.stop().await;
}

/// Every number and time in what opwatch passes on can be forged; it was written by a check, a start and a report that
/// wait to be tried again.
#[tokio::test]
async fn forged_numbers_and_times_are_clamped() {
    let opwatch = Opwatch::start().await;
    opwatch.world.pause();
    for name in [NAME, FIRESTORE_NAME] {
        opwatch.world.operations.add(name, lasting(1_000_000));
    }
    opwatch.world.operations.fail_always_on("GET", "/operations?", Some(refusal(503, "UNAVAILABLE", "")));
    let now = opwatch.world.time.now();
    opwatch.push("1", now, json!({"name": NAME}).to_string().as_bytes()).await;
    opwatch.push("2", now, export().to_string().as_bytes()).await;
    opwatch.push("3", now, br#"{"oops": 1}"#).await;
    opwatch.world.slack.fail_always(Some(Fault::answer(503, "")));
    let notice = opwatch.world.tasks.created().last().unwrap().data.clone();
    opwatch.push("4", now, notice.to_string().as_bytes()).await;
    let written: Vec<Value> = opwatch.world.tasks.created().into_iter().map(|task| task.data).collect();
    assert_eq!(written.len(), 4);

    let mut forged = Vec::new();
    for message in &written {
        for place in places(message, String::new()) {
            for value in extremes() {
                let mut copy = message.clone();
                *copy.pointer_mut(&place).unwrap() = value;
                forged.push(copy);
            }
        }
    }
    println!("{} forged messages", forged.len());
    for (number, message) in forged.iter().enumerate() {
        let created = opwatch.world.tasks.created().len();
        let status = opwatch.push(&format!("f{number}"), now, message.to_string().as_bytes()).await;
        // A report that has been tried for long enough is given up.
        let last = message["state"]["report"].is_object();
        assert!(status == 204 || status == 503 && last, "{status}: {message}");
        for task in opwatch.world.tasks.created().drain(created..) {
            let ahead = task.schedule_time - task.created_at;
            assert!(ahead <= chrono::TimeDelta::days(30), "{message}: {ahead}");
            let number = |name: &str, most: u64| {
                let number = &task.data[name];
                assert!(
                    number.is_null() || number.as_u64().is_some_and(|number| number <= most),
                    "{message}: {task:?}"
                );
            };
            number("attempt", 10_000);
            number("limit", 10_000);
            number("interval", 86_400);
        }
    }
    opwatch.stop().await;
}

/// Where a value has its numbers and times.
fn places(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(object) => {
            object.iter().flat_map(|(name, value)| places(value, format!("{at}/{name}"))).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| places(value, format!("{at}/{index}")))
            .collect(),
        Value::Number(_) => vec![at],
        Value::String(text) if text.parse::<chrono::DateTime<chrono::Utc>>().is_ok() => vec![at],
        _ => Vec::new(),
    }
}

fn extremes() -> Vec<Value> {
    let times = [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
        "-262143-01-01T00:00:00Z",
        "+262142-12-31T23:59:59Z",
        "",
    ];
    let numbers = [
        json!(-1),
        json!(0),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(-0.5),
    ];
    let others = [json!(null), json!([]), json!({}), json!(true)];
    times.iter().map(|time| json!(time)).chain(numbers).chain(others).collect()
}

#[test]
fn no_code_is_unsafe() {
    let manifest = include_str!("../Cargo.toml");
    assert!(manifest.contains("\n[lints.rust]\nunsafe_code = \"forbid\"\n"), "no attribute can undo it");
}

/// Set to `1`, leaves out what `tests/run` gets with pip.
const SKIP: &str = "OPWATCH_SKIP_PYTHON";

#[test]
fn the_dependencies_are_as_agreed() {
    let skip = std::env::var_os(SKIP).is_some_and(|value| value == "1");
    let deny = Command::new("cargo-deny")
        .args(["--offline", "check", "bans", "licenses", "sources"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match deny {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        // Straight to the stream: libtest hides what a passing test prints.
        Err(_) if skip => std::io::stderr().write_all(b"cargo-deny is not here and skipped\n").unwrap(),
        Err(error) => panic!("cargo-deny: {error}. tests/run installs it; {SKIP}=1 leaves it out"),
    }
}
