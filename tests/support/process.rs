//! The real binary as a child process, with nothing in its environment but what the test gives it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use opwatch::fakes::World;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::opwatch::{CHECK_QUEUE, INTERNAL_TOPIC, REPORT_QUEUE, TASKS_ACCOUNT, TOKEN, TOPIC};

/// Starting takes milliseconds; a busy machine may need more.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The binary gives itself 10 s for what is in flight.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// How often an ending process is asked whether it has ended: std has no wait with a limit.
const STOP_POLL: Duration = Duration::from_millis(2);

/// Runs the command, whose first line is its process id, and ends with its status. Sends it SIGTERM when standard input
/// ends, which the kernel sees to however the test process ends. Of the two only the command holds the log, so the log
/// ends with it.
const SUPERVISOR: &str = r#"
sh -c 'echo "$$"; exec "$@"' opwatch "$@" </dev/null &
exec >&- 2>&-
read -r _
kill -TERM "$!" 2>/dev/null
wait "$!"
"#;

/// What the webhook's URL ends with: a secret.
pub(crate) const SECRET: &str = "canary-hook-9b74c9897bac";

/// `opwatch serve`, listening. Dropping it stops it and waits for that.
#[derive(Debug)]
pub(crate) struct Process {
    supervisor: Child,
    log: watch::Receiver<Vec<String>>,
    quiet: Arc<AtomicBool>,
    reading: Arc<Mutex<()>>,
    id: String,
    port: u16,
}

/// What a process takes of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Resident memory in KiB, now and at its peak.
    pub(crate) resident: u64,
    pub(crate) peak: u64,
    pub(crate) descriptors: usize,
}

/// The variables that fit `world`.
pub(crate) fn variables(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("PORT", "0".to_owned()),
        ("TOPIC", TOPIC.to_owned()),
        ("INTERNAL_TOPIC", INTERNAL_TOPIC.to_owned()),
        ("CHECK_QUEUE", CHECK_QUEUE.to_owned()),
        ("CHECK_INTERVAL", "60sec".to_owned()),
        ("REPORT_QUEUE", REPORT_QUEUE.to_owned()),
        ("TASKS_SERVICE_ACCOUNT", TASKS_ACCOUNT.to_owned()),
        ("SLACK_WEBHOOK_URL", format!("{}/services/T0LOCAL/B0LOCAL/{SECRET}", world.slack.url())),
        ("EXPORT_PREFIXES", "gs://backups".to_owned()),
        ("MAX_STARTS_PER_HOUR", "0".to_owned()),
        ("MAX_NOTICES_PER_HOUR", "0".to_owned()),
        ("ENDPOINTS", world.endpoints()),
        ("ACCESS_TOKEN", TOKEN.to_owned()),
    ]
}

/// Runs the binary to its end: exit status, standard output and standard error.
pub(crate) async fn outcome(
    arguments: &[&str],
    variables: &[(&str, String)],
) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
    command.env_clear().args(arguments).envs(variables.iter().map(|(name, value)| (*name, value)));
    command.stdin(Stdio::null());
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

impl Process {
    /// Starts `opwatch serve` on a free port, with these variables, and waits until it listens.
    pub(crate) async fn start(variables: &[(&str, String)]) -> Self {
        Self::run(&["serve"], variables).await
    }

    /// The same with arguments, which must come to `serve`.
    pub(crate) async fn run(arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let mut supervisor = Command::new("/bin/sh")
            .args(["-c", SUPERVISOR, "supervisor", env!("CARGO_BIN_EXE_opwatch")])
            .args(arguments)
            .env_clear()
            .env("PORT", "0")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C reaches it through its standard input, and a last resort both processes.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(supervisor.stdout.take().unwrap());
        let mut id = String::new();
        stdout.read_line(&mut id).unwrap();
        let (sender, log) = watch::channel(Vec::new());
        let quiet = Arc::new(AtomicBool::new(false));
        let forget = Arc::clone(&quiet);
        let reading = Arc::<Mutex<()>>::default();
        let held = Arc::clone(&reading);
        thread::spawn(move || {
            for line in stdout.lines().map(Result::unwrap) {
                let _reading = held.blocking_lock();
                if !forget.load(Ordering::Relaxed) {
                    sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
                }
            }
        });
        let mut process = Self { supervisor, log, quiet, reading, id: id.trim().to_owned(), port: 0 };
        let listens = process.wait_for("it listens", START_LIMIT, |lines| !lines.is_empty()).await;
        let message = listens[0]["message"].as_str().unwrap();
        assert!(
            message.starts_with(concat!("opwatch ", env!("CARGO_PKG_VERSION"), " listening on ")),
            "{message}"
        );
        process.port = message.rsplit_once(':').unwrap().1.parse().unwrap();
        process
    }

    /// Where pushes go.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// All that it has logged. Each line must be a JSON object.
    pub(crate) fn log(&self) -> Vec<Value> {
        read(&self.log.borrow())
    }

    /// The same as it was written.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// Keeps no line from now on: for a process that writes more than a test can hold.
    pub(crate) fn forget_log(&self) {
        self.quiet.store(true, Ordering::Relaxed);
    }

    /// Reads no more of its log until what this gives is dropped.
    pub(crate) async fn leave_log_unread(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.reading).lock_owned().await
    }

    /// Waits until `wanted` accepts the log, and returns it. Fails the test when the binary ends before that.
    pub(crate) async fn wait_for(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let waiting = self.log.wait_for(|lines| wanted(&read(lines)));
        // The log is let go at once, since writing to it must go on.
        let why = match tokio::time::timeout(limit, waiting).await {
            Ok(Ok(lines)) => return read(&lines),
            Ok(Err(_)) => "opwatch ended before",
            Err(_) => "did not happen",
        };
        panic!("{what}: {why}; the log: {:#?}", *self.log.borrow())
    }

    /// Waits until it has said `part`.
    pub(crate) async fn wait_for_words(&mut self, part: &str) {
        let says = |line: &Value| line["message"].as_str().is_some_and(|message| message.contains(part));
        self.wait_for(part, START_LIMIT, |lines| lines.iter().any(says)).await;
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`.
    pub(crate) async fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([&format!("-{name}"), &self.id]);
        // Not here: the stand-ins go on while the signal is on its way.
        let status = tokio::task::spawn_blocking(move || kill.status()).await.unwrap();
        assert!(status.unwrap().success());
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
    }

    /// What it takes now.
    pub(crate) fn taken(&self) -> Taken {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap();
        let kibibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.id)).unwrap().count();
        Taken { resident: kibibytes("VmRSS"), peak: kibibytes("VmHWM"), descriptors }
    }

    /// Waits for its end, and returns its exit status (137 after SIGKILL) and the lines of its log.
    pub(crate) async fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let ended = async { while self.log.changed().await.is_ok() {} };
        let in_time = tokio::time::timeout(STOP_LIMIT, ended).await.is_ok();
        let log = self.lines();
        assert!(in_time, "opwatch did not end; the log: {log:#?}");
        let leak = log.iter().find(|line| [TOKEN, SECRET].iter().any(|secret| line.contains(secret)));
        assert_eq!(leak, None, "a secret is in the log");
        drop(self.supervisor.stdin.take());
        loop {
            if let Some(status) = self.supervisor.try_wait().unwrap() {
                return (status.code(), log);
            }
            tokio::time::sleep(STOP_POLL).await;
        }
    }

    /// Stops it as Cloud Run does, and returns the lines of its log. Fails the test unless it ends well.
    pub(crate) async fn stop(self) -> Vec<String> {
        self.signal("TERM").await;
        let (status, log) = self.ended().await;
        assert_eq!(status, Some(0), "the log: {log:#?}");
        log
    }

    fn end(&mut self) -> Option<ExitStatus> {
        drop(self.supervisor.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < STOP_LIMIT {
            if let Ok(Some(status)) = self.supervisor.try_wait() {
                return Some(status);
            }
            thread::sleep(STOP_POLL);
        }
        let group = format!("-{}", self.supervisor.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.supervisor.wait();
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The lines of a log, each a JSON object.
pub(crate) fn read(lines: &[String]) -> Vec<Value> {
    let read = |line: &String| match serde_json::from_str(line) {
        Ok(Value::Object(entry)) => Value::Object(entry),
        _ => panic!("this line of the log is no JSON object: {line}"),
    };
    lines.iter().map(read).collect()
}
