//! `opwatch wait` as people and CI jobs run it: the binary, on a terminal and in a pipe. What takes long is in src/follow/tests.rs, in
//! virtual time.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use opwatch::fakes::{End, Fault, Options, Plan, World};
use serde_json::{Value, json};

use crate::support::opwatch::TOKEN;
use crate::support::python;

const EXPORT: &str = "projects/p/operations/export";
const DONE: &str = "projects/p/operations/done";
const FAILED: &str = "projects/p/databases/(default)/operations/failed";

/// An export that stays at 42 % for ever, one that is done, and one that failed.
async fn world() -> World {
    let world = World::start(Options::default()).await.unwrap();
    let stuck = Plan {
        duration: Duration::from_secs(10_000),
        stuck_at: Some(42),
        entities: 10_000,
        ..Plan::default()
    };
    let error = End::Failed { code: 7, message: "no permission".to_owned() };
    world.operations.add(DONE, Plan { duration: Duration::ZERO, ..Plan::default() });
    world.operations.add(FAILED, Plan { duration: Duration::ZERO, end: error, ..Plan::default() });
    world.operations.add(EXPORT, stuck);
    world.time.advance(Duration::from_secs(5_000));
    world
}

fn variables(world: &World) -> Vec<(&'static str, String)> {
    let operations = world.operations.url();
    let endpoints = format!("operations={operations},{},{}", world.endpoints(), "oauth2=http://127.0.0.1:9");
    vec![("ENDPOINTS", endpoints), ("ACCESS_TOKEN", TOKEN.to_owned()), ("HOME", "/nonexistent".to_owned())]
}

/// Runs it to its end with this standard input: exit status, output and errors.
async fn wait(world: &World, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opwatch"));
    command.arg("wait").args(arguments).env_clear().envs(variables(world)).env("LANG", "C.UTF-8");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let run = move || {
        let mut child = command.spawn().unwrap();
        // It may have refused its arguments already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn each_exit_status_is_what_a_shell_sees() {
    let world = world().await;
    let cancelled = "projects/p/operations/cancelled";
    world
        .operations
        .add(cancelled, Plan { duration: Duration::ZERO, end: End::Cancelled, ..Plan::default() });
    let denied = "projects/p/operations/denied";
    let body = r#"{"error": {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}}"#;
    world.operations.fail_always_on("GET", "operations/denied", Some(Fault::answer(403, body)));
    for (arguments, status, said) in [
        (vec![DONE], 0, "✓ done: Datastore export succeeded"),
        (vec![DONE, FAILED], 1, "✗ failed: Firestore export failed"),
        (vec![DONE, cancelled], 2, "✗ cancelled: Datastore export was cancelled"),
        (vec![denied, cancelled], 3, "? denied: "),
        (vec![EXPORT, "--timeout", "1s"], 124, "export: Datastore export is running · 42%"),
        (vec![EXPORT, DONE, "--any"], 0, "✓ done"),
        (vec![EXPORT, "--any", "--all"], 64, ""),
        (vec![EXPORT, "--timeout", "0s"], 64, ""),
        (vec![EXPORT, "--interval", "30"], 64, ""),
        (vec![], 64, ""),
    ] {
        let (code, out, errors) = wait(&world, &arguments, "").await;
        assert_eq!(code, status, "{arguments:?}: {out}{errors}");
        assert!(out.contains(said), "{arguments:?}: {out}");
        let waits = arguments.iter().any(|argument| [EXPORT, denied].contains(argument));
        assert!(waits || errors.is_empty() == (status != 64), "{arguments:?}: {errors}");
    }
    assert_eq!(world.operations.reads(DONE), 4, "one look each");
    world.stop().await;
}

#[tokio::test]
async fn names_come_through_a_pipe_and_events_go_through_one() {
    let world = world().await;
    let list = json!([{"name": DONE, "metadata": {"@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesMetadata"}}]);
    for input in [format!("{DONE}\n{DONE}\n"), list.to_string(), list[0].to_string()] {
        let (code, out, errors) = wait(&world, &["--json", "-"], &input).await;
        assert_eq!((code, errors.as_str(), out.lines().count()), (0, "", 1), "{input}: {out}");
        let event: Value = serde_json::from_str(&out).unwrap();
        crate::schema::assert_event(&event);
        assert_eq!(event["data"]["operation"], DONE);
    }
    let sql = ["--service", "sqladmin", "--project", "p", "--json", "-"];
    world.operations.fail_always(Some(Fault::answer(
        200,
        r#"{"kind": "sql#operation", "name": "1b2c", "status": "DONE"}"#,
    )));
    let (code, out, errors) = wait(&world, &sql, "1b2c\n").await;
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.contains(r#""operation":"projects/p/operations/1b2c""#), "{out}");
    world.stop().await;
}

#[tokio::test]
async fn what_can_not_be_cancelled_is_refused_at_the_start() {
    let world = world().await;
    let job = ["--service", "compute", "projects/p/zones/z/operations/o", "--cancel-on-interrupt"];
    let (code, out, errors) = wait(&world, &job, "").await;
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(errors.starts_with("opwatch: --cancel-on-interrupt: opwatch can't cancel a "), "{errors}");
    let (code, _, errors) = wait(&world, &[DONE, "--notify"], "").await;
    assert_eq!(code, 64);
    assert!(errors.contains("--notify: SLACK_WEBHOOK_URL: must be set"), "{errors}");
    world.stop().await;
}

/// Plays `steps` on a terminal of this size; `None` where Python is left out.
async fn screens(world: &World, size: [u16; 2], locale: &str, steps: Value) -> Option<Value> {
    let mut variables: serde_json::Map<String, Value> =
        variables(world).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    variables.insert("LANG".to_owned(), locale.into());
    variables.insert("TERM".to_owned(), "xterm-256color".into());
    let command = [env!("CARGO_BIN_EXE_opwatch"), "wait", DONE, FAILED, EXPORT];
    let scenario = json!({"command": command, "variables": variables, "columns": size[0], "rows": size[1], "steps": steps});
    let played = move || python::output("terminal", &[], scenario.to_string().as_bytes());
    let output = tokio::task::spawn_blocking(played).await.unwrap()?;
    Some(serde_json::from_str(&output).unwrap())
}

/// The lines of a screen, without what differs from run to run: the turn of the spinner, times.
fn lines(screen: &Value) -> Vec<String> {
    let plain = |line: &str| {
        let line: String = line.chars().map(|c| if "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(c) { '*' } else { c }).collect();
        let is_turn = |line: &String| line.starts_with(['|', '/', '\\']) || line.starts_with("- ");
        let line = if is_turn(&line) { format!("*{}", &line[1..]) } else { line };
        let words: Vec<&str> = line.split(' ').collect();
        let words = words.iter().enumerate().map(|(index, word)| {
            let is_clock = word.len() == 5 && word.as_bytes()[2] == b':';
            let is_seconds = words.get(index + 1) == Some(&"s");
            if is_clock {
                "HH:MM"
            } else if is_seconds {
                "N"
            } else {
                word
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    screen.as_array().unwrap().iter().map(|line| plain(line.as_str().unwrap())).collect()
}

/// The lines that are drawn, which come last.
fn drawn(screen: &Value) -> Vec<String> {
    let lines = lines(screen);
    lines[lines.len() - 2..].to_vec()
}

#[tokio::test]
async fn a_terminal_has_ends_above_and_what_runs_below() {
    let world = world().await;
    let steps = json!([
        {"until": r"42% .* PROCESSING\n2/3 .* 1\Z"},
        {"resize": [45, 24]}, {"until": r"export  42% .* s\n2/3 .* 1\Z"},
        {"resize": [120, 24]}, {"until": r"export \[.* PROCESSING\n2/3 .* 1\Z"},
        {"type": "\u{3}"}, {"exit": true},
    ]);
    let Some(played) = screens(&world, [80, 24], "C.UTF-8", steps).await else { return };
    let first = lines(&played["screens"][0]);
    assert!(
        first.iter().any(|line| line.starts_with("✓ done: Datastore export succeeded · HH:MM UTC")),
        "{first:#?}"
    );
    assert!(
        first.iter().any(|line| line.starts_with("✗ failed: Firestore export failed · HH:MM UTC")),
        "{first:#?}"
    );
    let wide = ["* export [████████░░░░░░░░░░░░]  42%  4,200 of 10,000 · N s · PROCESSING", "2/3  ✓ 1  ✗ 1"];
    assert_eq!(drawn(&played["screens"][0]), wide);
    assert_eq!(drawn(&played["screens"][1]), ["* export  42%  4,200 of 10,000 · N s", "2/3  ✓ 1  ✗ 1"]);
    assert_eq!(drawn(&played["screens"][2]), wide);
    // Neither the frame nor what the terminal echoes is left.
    let last = lines(&played["screens"][3]);
    assert_eq!(
        last[last.len() - 1],
        "  opwatch wait --service datastore projects/p/operations/export",
        "{last:#?}"
    );
    assert!(!last.iter().any(|line| line.contains("42%") || line.contains("^C")), "{last:#?}");
    assert_eq!(played["status"], 130);
    world.stop().await;
}

#[tokio::test]
async fn a_narrow_terminal_without_unicode_has_ascii_only() {
    let world = world().await;
    let steps = json!([{"until": r"42% .* s\n2/3  \+ 1  x 1\Z"}, {"type": "\u{3}"}, {"exit": true}]);
    let Some(played) = screens(&world, [40, 24], "C", steps).await else { return };
    assert_eq!(drawn(&played["screens"][0]), ["* export  42%  4,200 of 10,000 - N s", "2/3  + 1  x 1"]);
    let first = lines(&played["screens"][0]);
    assert!(first.iter().any(|line| line.starts_with("+ done: Datastore export succeeded")), "{first:#?}");
    assert!(first.iter().all(|line| line.is_ascii()), "{first:#?}");
    world.stop().await;
}
