//! The real binary, as a child process.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

/// Starting takes milliseconds; a busy machine may need more.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The binary gives itself 10 s for what is in flight.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// How often an ending process is asked whether it has ended: std has no wait with a limit.
const STOP_POLL: Duration = Duration::from_millis(10);

/// Sends the command SIGTERM when standard input ends, which the kernel sees to however the test process ends, and
/// ends with the command's status. Of the two only the command holds the log, so the log ends with it.
const SUPERVISOR: &str = r#"
"$@" </dev/null &
exec >&-
read -r _
kill -TERM "$!" 2>/dev/null
wait "$!"
"#;

/// `opwatch serve`, listening. Dropping it stops it and waits for that.
#[derive(Debug)]
pub(crate) struct Process {
    supervisor: Child,
    log: watch::Receiver<Vec<String>>,
    url: String,
}

impl Process {
    /// Starts it on a free port, with these variables and nothing else in its environment, and waits until it listens.
    pub(crate) async fn start(variables: &[(&str, String)]) -> Self {
        let mut supervisor = Command::new("/bin/sh")
            .args(["-c", SUPERVISOR, "supervisor", env!("CARGO_BIN_EXE_opwatch"), "serve"])
            .env_clear()
            .env("PORT", "0")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C reaches it through its standard input, and a last resort both processes.
            .process_group(0)
            .spawn()
            .unwrap();
        let (sender, log) = watch::channel(Vec::new());
        let stdout = BufReader::new(supervisor.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines() {
                sender.send_modify(|lines: &mut Vec<String>| lines.push(line.unwrap()));
            }
        });
        let mut process = Self { supervisor, log, url: String::new() };
        let listens = process.wait_for("it listens", START_LIMIT, |lines| !lines.is_empty()).await;
        let message = listens[0]["message"].as_str().unwrap();
        assert!(
            message.starts_with(concat!("opwatch ", env!("CARGO_PKG_VERSION"), " listens on ")),
            "{message}"
        );
        let (_, port) = message.rsplit_once(':').unwrap();
        process.url = format!("http://127.0.0.1:{port}/");
        process
    }

    /// Where pushes go.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All that it has logged. Each line must be a JSON object.
    pub(crate) fn log(&self) -> Vec<Value> {
        read(&self.log.borrow())
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

    /// Stops it as Cloud Run does, and returns the lines of its log. Fails the test unless it ends well.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        drop(self.supervisor.stdin.take());
        let ended = async { while self.log.changed().await.is_ok() {} };
        let in_time = tokio::time::timeout(STOP_LIMIT, ended).await.is_ok();
        let log = self.log.borrow().clone();
        assert!(in_time, "opwatch did not end on SIGTERM; the log: {log:#?}");
        let status = self.end();
        assert!(status.is_some_and(|status| status.success()), "{status:?}; the log: {log:#?}");
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

fn read(lines: &[String]) -> Vec<Value> {
    let read = |line: &String| match serde_json::from_str(line) {
        Ok(Value::Object(entry)) => Value::Object(entry),
        _ => panic!("this line of the log is no JSON object: {line}"),
    };
    lines.iter().map(read).collect()
}
