//! The real binary as a child process, with nothing in its environment but what the test gives it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use opwatch::local::World;
use serde_json::Value;
use tokio::sync::mpsc;

use super::opwatch::{CHECK_QUEUE, REPORT_QUEUE, TOKEN, TOPIC};

const PATIENCE: Duration = Duration::from_secs(30);

/// What the webhook's URL ends with: a secret.
pub(crate) const SECRET: &str = "canary-hook-9b74c9897bac";

/// `opwatch serve`, until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    lines: mpsc::UnboundedReceiver<String>,
    pub(crate) port: u16,
    /// Every line read so far.
    pub(crate) log: Vec<String>,
}

/// The variables that fit `world`.
pub(crate) fn variables(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("PORT", "0".to_owned()),
        ("TOPIC", TOPIC.to_owned()),
        ("CHECK_QUEUE", CHECK_QUEUE.to_owned()),
        ("REPORT_QUEUE", REPORT_QUEUE.to_owned()),
        ("TASKS_SERVICE_ACCOUNT", "tasks@demo.iam.gserviceaccount.com".to_owned()),
        ("SLACK_WEBHOOK_URL", format!("{}/services/T0LOCAL/B0LOCAL/{SECRET}", world.slack.url())),
        ("ENDPOINTS", world.endpoints()),
        ("ACCESS_TOKEN", TOKEN.to_owned()),
    ]
}

fn command(arguments: &[&str], variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
    command.env_clear().args(arguments).envs(variables.iter().map(|(name, value)| (*name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the binary to its end.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, String)]) -> Output {
    let mut command = command(arguments, variables);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The same as exit status, standard output and standard error.
pub(crate) async fn outcome(
    arguments: &[&str],
    variables: &[(&str, String)],
) -> (Option<i32>, String, String) {
    let output = run(arguments, variables).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

impl Child {
    /// Starts it and waits until it listens.
    pub(crate) async fn serve(arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let mut process = command(arguments, variables).spawn().unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut child = Self { process, lines, port: 0, log: Vec::new() };
        let line = child.wait_for("listens on").await;
        let message: Value = serde_json::from_str(&line).unwrap();
        let port = message["message"].as_str().unwrap().rsplit(':').next();
        child.port = port.unwrap().parse().unwrap();
        child
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The next line with `part` in it.
    pub(crate) async fn wait_for(&mut self, part: &str) -> String {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let line = line.expect("a line comes in time");
            let line = line.unwrap_or_else(|| panic!("it ended without {part:?}: {}", self.standard_error()));
            self.log.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends a signal: `TERM`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end; returns its exit status and keeps the rest of its log.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let rest = async {
            while let Some(line) = self.lines.recv().await {
                self.log.push(line);
            }
        };
        tokio::time::timeout(PATIENCE, rest).await.expect("it ends in time");
        self.process.wait().unwrap().code()
    }

    fn standard_error(&mut self) -> String {
        let mut text = String::new();
        let _ = self.process.stderr.take().map(|mut stderr| stderr.read_to_string(&mut text));
        text
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
