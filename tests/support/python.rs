//! Google's Python client, for a second opinion on what is in Datastore.

use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::emulators::{Emulators, PROJECT};

/// Set to `1`, leaves out what needs the Python client.
const SKIP: &str = "OPWATCH_SKIP_PYTHON";

/// The entity `kind`/`name` as that client sees it; `add` sets a property first, `NAME=TEXT`. None when it is to be left out.
pub(crate) async fn entity(
    google: &Emulators,
    namespace: &str,
    kind: &str,
    name: &str,
    add: Option<&str>,
) -> Option<Value> {
    static SKIPPED: OnceLock<()> = OnceLock::new();
    if std::env::var_os(SKIP).is_some_and(|value| value == "1") {
        // Straight to the stream: libtest hides what a passing test prints.
        SKIPPED.get_or_init(|| {
            let note = format!("what needs Google's Python client is skipped: {SKIP}=1\n");
            std::io::stderr().write_all(note.as_bytes()).unwrap();
        });
        return None;
    }
    let mut command = Command::new("python3");
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/ledger.py"))
        .args([PROJECT, namespace, kind, name])
        .args(add)
        .env("DATASTORE_EMULATOR_HOST", google.datastore.host())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("python3: {error}. {SKIP}=1 leaves this out"));
    assert!(
        output.status.success(),
        "Google's Python client failed. It comes with tests/run, which installs tests/requirements.txt; {SKIP}=1 \
         leaves this out.\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
