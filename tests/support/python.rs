//! Python packages for a second opinion: Google's and Slack's clients, Standard Webhooks, `CloudEvents`, Google's discovery documents.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::emulators::{Emulators, PROJECT};

/// Set to `1`, leaves out what needs Python.
const SKIP: &str = "OPWATCH_SKIP_PYTHON";

/// Whether to leave out what needs Python: says so once, since libtest hides what a passing test prints.
fn is_skipped() -> bool {
    static SKIPPED: OnceLock<()> = OnceLock::new();
    let skip = std::env::var_os(SKIP).is_some_and(|value| value == "1");
    if skip {
        SKIPPED.get_or_init(|| {
            let note = format!("what needs Python packages is skipped: {SKIP}=1\n");
            std::io::stderr().write_all(note.as_bytes()).unwrap();
        });
    }
    skip
}

/// The script `tests/support/NAME.py` with these arguments.
fn script(name: &str, arguments: &[&str]) -> Command {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support"));
    let mut command = Command::new("python3");
    command.arg(folder.join(format!("{name}.py"))).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What the script prints about `input`. None when it is to be left out.
pub(crate) fn output(name: &str, arguments: &[&str], input: &[u8]) -> Option<String> {
    (!is_skipped()).then(|| run(script(name, arguments), input))
}

fn run(mut command: Command, input: &[u8]) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("python3: {error}. {SKIP}=1 leaves this out"));
    // One that fails may not read it all; its errors say why.
    let _ = child.stdin.take().unwrap().write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    assert!(
        status.success(),
        "{command:?} failed. Its packages come with tests/setup, which installs tests/requirements.txt; {SKIP}=1 leaves \
         this out.\n{}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

/// The events that Google's client takes from a pull subscription, as the `CloudEvents` package reads them. None when it is to be
/// left out.
pub(crate) async fn events(google: &Emulators, subscription: &str, count: usize) -> Option<Vec<Value>> {
    if is_skipped() {
        return None;
    }
    let mut command = script("subscriber", &[PROJECT, subscription, &count.to_string()]);
    command.env("PUBSUB_EMULATOR_HOST", google.pubsub.host());
    let output = tokio::task::spawn_blocking(move || run(command, &[])).await.unwrap();
    Some(output.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The entity `kind`/`name` as Google's client sees it; `add` sets a property first, `NAME=TEXT`. None when it is to be left out.
pub(crate) async fn entity(
    google: &Emulators,
    namespace: &str,
    kind: &str,
    name: &str,
    add: Option<&str>,
) -> Option<Value> {
    if is_skipped() {
        return None;
    }
    let mut command = script("ledger", &[PROJECT, namespace, kind, name]);
    command.args(add).env("DATASTORE_EMULATOR_HOST", google.datastore.host());
    let output = tokio::task::spawn_blocking(move || run(command, &[])).await.unwrap();
    Some(serde_json::from_str(&output).unwrap())
}
