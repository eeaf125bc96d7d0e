//! What each module must not know of, so that data goes on flowing one way.

use std::fs;
use std::path::{Path, PathBuf};

/// A place in `src`, and what its production part never names. Paths are as they stand in `use` and in calls.
const NEVER: &[(&str, &[&str])] = &[
    (
        "message/",
        &["tokio", "hyper", "reqwest", "tracing", "crate::google", "crate::slack", "crate::watcher"],
    ),
    (
        "decision/",
        &[
            "tokio",
            "hyper",
            "reqwest",
            "tracing",
            "crate::google",
            "crate::slack",
            "crate::clock",
            "crate::watcher",
        ],
    ),
    (
        "operation/",
        &["tokio", "hyper", "reqwest", "tracing", "crate::google", "crate::slack", "crate::message"],
    ),
    (
        "ledger/",
        &[
            "tokio",
            "hyper",
            "reqwest",
            "tracing",
            "crate::google",
            "crate::slack",
            "crate::clock",
            "crate::decision",
            "crate::notice",
            "crate::watcher",
        ],
    ),
    (
        "render",
        &["tokio", "hyper", "reqwest", "tracing", "crate::google", "crate::settings", "crate::watcher"],
    ),
    ("history/", &["tokio", "hyper", "reqwest", "tracing", "crate::google", "crate::settings"]),
    (
        "notice/",
        &["tokio", "hyper", "reqwest", "tracing", "crate::slack", "crate::google", "crate::decision"],
    ),
    (
        "locale/",
        &["tokio", "hyper", "reqwest", "tracing", "crate::slack", "crate::google", "crate::decision"],
    ),
    (
        "policy/",
        &["tokio", "hyper", "reqwest", "tracing", "crate::slack", "crate::google", "crate::decision"],
    ),
    ("envelope.rs", &["tokio", "hyper", "reqwest", "crate::message", "crate::watcher"]),
    ("text.rs", &["tokio", "hyper", "reqwest", "crate::"]),
    ("placeholder.rs", &["tokio", "hyper", "reqwest", "tracing", "crate::message", "crate::operation"]),
    ("hash.rs", &["tokio", "hyper", "reqwest", "crate::"]),
    ("slack/", &["crate::google", "crate::decision", "crate::watcher", "crate::settings"]),
    ("slack/payload.rs", &["tokio", "hyper", "reqwest", "crate::transport"]),
    ("google/", &["crate::slack", "crate::decision", "crate::notice", "crate::watcher", "crate::settings"]),
    ("watcher/", &["hyper", "serde_json", "reqwest", "crate::settings", "crate::endpoint::"]),
    ("settings/", &["hyper", "reqwest", "tokio", "crate::google", "crate::slack"]),
    ("endpoints.rs", &["hyper", "reqwest", "tokio", "crate::google", "crate::slack", "crate::settings"]),
    ("endpoint.rs", &["reqwest", "chrono", "serde_json", "crate::google", "crate::slack", "crate::message"]),
    ("identity.rs", &["tokio", "hyper", "reqwest", "crate::"]),
    ("keys.rs", &["hyper", "reqwest", "crate::google", "crate::message"]),
    ("server.rs", &["crate::", "serde_json", "reqwest"]),
    ("telemetry.rs", &["crate::", "hyper", "reqwest", "tokio"]),
    ("transport.rs", &["crate::google", "crate::slack", "crate::message", "crate::operation", "serde_json"]),
    ("clock.rs", &["crate::", "hyper", "reqwest"]),
    ("main.rs", &["reqwest", "serde_json", "hyper"]),
    ("", &["unsafe "]),
];

/// Only these name the thing that stands first.
const ALONE: &[(&str, &[&str])] = &[
    ("reqwest", &["transport.rs", "local/"]),
    ("gcp_auth", &["google/token.rs"]),
    ("tokio::spawn(", &["server.rs", "endpoint.rs", "local/"]),
    ("Utc::now()", &["clock.rs", "local/time.rs"]),
    ("Instant::now()", &["clock.rs"]),
    ("env = \"", &["settings/"]),
    ("env::var", &["settings/"]),
    ("env::var_os", &["settings/"]),
    // A reader that has closed its end makes these panic.
    ("println!(", &[]),
    ("eprintln!(", &[]),
    ("print!(", &[]),
    ("eprint!(", &[]),
    ("crate::local", &["local/", "render/html.rs"]),
];

/// The most lines of code that a file may have, without its tests, its blank lines and its comments.
const LONGEST: usize = 350;

/// Every file below `src` that is no test, by its path there.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let is_test =
            name.contains("tests/") || ["tests.rs", "arbitrary.rs"].iter().any(|test| name.ends_with(test));
        if !is_test {
            sources.push((name, production(&fs::read_to_string(&path).unwrap())));
        }
    }
    sources.sort();
    sources
}

/// A file's code, without its tests, its comments and its blank lines.
fn production(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Whether `code` names `what`, not merely a longer word that ends with it.
fn names(code: &str, what: &str) -> bool {
    let is_crate = what.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    code.match_indices(what).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        let behind = &code[at + what.len()..];
        let longer = |c: char| c.is_alphanumeric() || c == '_';
        let goes_on = what.ends_with(longer) && behind.starts_with(longer);
        !longer(before) && !goes_on && (!is_crate || behind.starts_with("::") || behind.starts_with(';'))
    })
}

#[test]
fn no_module_names_what_it_must_not_know() {
    let sources = sources();
    let mut wrong = Vec::new();
    for (place, never) in NEVER {
        let here: Vec<_> = sources.iter().filter(|(name, _)| name.starts_with(place)).collect();
        assert!(!here.is_empty(), "{place} is gone: correct this table");
        for (name, code) in here {
            wrong.extend(
                never.iter().filter(|what| names(code, what)).map(|what| format!("{name} names {what}")),
            );
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn each_power_has_one_home() {
    let mut wrong = Vec::new();
    for (what, homes) in ALONE {
        for (name, code) in sources() {
            if !homes.iter().any(|home| name.starts_with(home)) && names(&code, what) {
                wrong.push(format!("{name} names {what}, which belongs to {homes:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(name, code)| (name, code.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .collect();
    assert_eq!(long, [], "more than {LONGEST} lines of code");
}

#[test]
fn the_table_sees_what_it_looks_for() {
    assert!(names("use tokio::net;", "tokio") && names("let x = crate::google::Google;", "crate::google"));
    assert!(names("reqwest::Client", "reqwest") && names("  tokio::spawn(x)", "tokio::spawn("));
    assert!(!names("use crate::locale::Locale;", "crate::local"));
    assert!(!names("hyper_util::rt", "hyper") && !names("// nothing\nlet http = 1;", "http"));
    let file = "//! tokio::x\nuse a::b;\n\n#[cfg(test)]\nmod tests {\n    use tokio::x;\n}\n";
    assert_eq!(production(file), "use a::b;\n");
}
