//! The structure of `src`: no module cycles, external crates only where they belong, and no file or function too long to read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A place in `src`, and the crates that its production part never names: pure code stays apart from I/O.
const NEVER: &[(&str, &[&str])] = &[
    ("cli/history/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("cli/render", &["tokio", "hyper", "reqwest", "tracing"]),
    ("decision/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("hash.rs", &["tokio", "hyper", "reqwest"]),
    ("intake/http.rs", &["reqwest", "chrono", "serde_json"]),
    ("intake/keys.rs", &["hyper", "reqwest"]),
    ("intake/push.rs", &["tokio", "hyper", "reqwest"]),
    ("intake/server.rs", &["serde_json", "reqwest"]),
    ("intake/token.rs", &["tokio", "hyper", "reqwest"]),
    ("ledger/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("main.rs", &["reqwest", "serde_json", "hyper"]),
    ("message/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("net/endpoints.rs", &["hyper", "reqwest", "tokio"]),
    ("outlets/chat/card.rs", &["tokio", "hyper", "reqwest"]),
    ("outlets/slack/payload.rs", &["tokio", "hyper", "reqwest"]),
    ("placeholder.rs", &["tokio", "hyper", "reqwest", "tracing"]),
    ("policy/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("prose/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("runner/", &["hyper", "serde_json", "reqwest"]),
    ("services/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("settings/", &["hyper", "reqwest", "tokio"]),
    ("signal/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("telemetry", &["hyper", "reqwest", "tokio"]),
    ("text.rs", &["tokio", "hyper", "reqwest"]),
    ("watch/", &["tokio", "hyper", "reqwest", "tracing"]),
    ("", &["unsafe "]),
];

/// Only these files name the thing that stands first.
const ALONE: &[(&str, &[&str])] = &[
    ("reqwest", &["net/transport.rs", "fakes/"]),
    ("gcp_auth", &["google/token.rs"]),
    ("tokio::spawn(", &["intake/server.rs", "intake/http.rs", "fakes/"]),
    ("Utc::now()", &["clock.rs", "fakes/time.rs"]),
    ("Instant::now()", &["clock.rs"]),
    ("env = \"", &["settings/", "outlets/"]),
    ("env::var", &["settings/"]),
    ("env::var_os", &["settings/"]),
    // The rest knows outlets by their trait.
    ("outlets::slack", &["cli/", "fakes/", "outlets/", "settings/"]),
    ("outlets::chat", &["cli/", "fakes/", "outlets/", "settings/"]),
    // These panic when the reader has closed its end of the pipe.
    ("println!(", &[]),
    ("eprintln!(", &[]),
    ("print!(", &[]),
    ("eprint!(", &[]),
];

/// The core, from the ground up: each module may use those before it in this list and the helpers, and no other.
const CORE: &[&str] = &["services", "watch", "decision"];
/// Helpers that know nothing of the rest.
const HELPERS: &[&str] = &["hash", "json", "placeholder", "text"];

/// The most lines of code that a file may have, without its tests, its blank lines and its comments.
const MAX_FILE_LINES: usize = 300;
/// Files that are one list, which is easier to read in one place.
const LONG_LISTS: &[&str] = &[
    // A row for each service.
    "services/standard.rs",
    // All texts of a language.
    "prose/locale/en.rs",
    "prose/locale/ja.rs",
];
/// The most lines of a function, without blank lines and comments.
const MAX_FUNCTION_LINES: usize = 50;

/// Functions that are one `match` with an arm for each case: in parts they would be harder to compare with each other.
const LONG_MATCHES: &[&str] = &[
    "outlets/slack/words.rs: of",
    "prose/locale/en.rs: happened",
    "prose/locale/en.rs: problem",
    "prose/locale/en/cause.rs: cause",
    "prose/locale/ja.rs: happened",
    "prose/locale/ja.rs: problem",
    "prose/locale/ja.rs: note",
    "prose/locale/ja/cause.rs: cause",
];

/// Every file below `src` that is not a test, by its path there.
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
        let is_test = name.contains("tests/")
            || name.contains("arbitrary/")
            || ["tests.rs", "testing.rs", "arbitrary.rs"].iter().any(|test| name.ends_with(test));
        if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
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

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The first part of every path in `code` that begins with `root`, such as `watch` of `crate::watch::Report`.
fn targets<'a>(code: &'a str, root: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(root).filter_map(move |(at, _)| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let path = &code[at + root.len()..];
        let name = &path[..path.find(|c| !is_word(c)).unwrap_or(path.len())];
        (!code[..at].ends_with(is_word) && !name.is_empty()).then_some(name)
    })
}

/// Which of the top-level modules use which.
fn top_level(sources: &[(String, String)]) -> Graph {
    let mut graph = Graph::new();
    for (file, code) in sources.iter().filter(|(file, _)| !["main.rs", "lib.rs"].contains(&file.as_str())) {
        let module = file.split('/').next().unwrap().trim_end_matches(".rs");
        let used = targets(code, "crate::").filter(|target| *target != module).map(str::to_owned);
        graph.entry(module.to_owned()).or_default().extend(used);
    }
    graph
}

/// Which modules of one folder use which of their siblings.
fn siblings(sources: &[(String, String)], folder: &str) -> Graph {
    let mut graph = Graph::new();
    for (file, code) in sources {
        let Some(module) = file.strip_prefix(folder).and_then(|rest| rest.strip_suffix(".rs")) else {
            continue;
        };
        if module != "mod" && !module.contains('/') {
            let used = targets(code, "super::").filter(|target| *target != module).map(str::to_owned);
            graph.entry(module.to_owned()).or_default().extend(used);
        }
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for used in graph.values_mut() {
        used.retain(|target| modules.contains(target));
    }
    graph
}

/// A cycle of `graph`, if there is one: the modules that are left when those without an arrow are taken away again and again.
fn cycle(mut graph: Graph) -> Vec<String> {
    loop {
        let modules: BTreeSet<String> = graph.keys().cloned().collect();
        for used in graph.values_mut() {
            used.retain(|target| modules.contains(target));
        }
        let leaves: Vec<String> =
            graph.iter().filter(|(_, used)| used.is_empty()).map(|(module, _)| module.clone()).collect();
        if leaves.is_empty() {
            return graph.into_keys().collect();
        }
        for leaf in leaves {
            graph.remove(&leaf);
        }
    }
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let sources = sources();
    assert_eq!(cycle(top_level(&sources)), Vec::<String>::new(), "these are in a cycle, or use one");
    let folders: BTreeSet<&str> =
        sources.iter().filter_map(|(file, _)| Some(&file[..=file.rfind('/')?])).collect();
    for folder in folders {
        assert_eq!(cycle(siblings(&sources, folder)), Vec::<String>::new(), "cycle in {folder}");
    }
}

#[test]
fn the_core_knows_only_the_core() {
    let graph = top_level(&sources());
    for (index, module) in CORE.iter().enumerate() {
        let used = &graph[*module];
        let strange: Vec<_> = used
            .iter()
            .filter(|target| !CORE[..index].contains(&target.as_str()) && !HELPERS.contains(&target.as_str()))
            .collect();
        assert!(strange.is_empty(), "{module} uses {strange:?}");
    }
    for module in HELPERS {
        let used: Vec<_> =
            graph[*module].iter().filter(|target| !HELPERS.contains(&target.as_str())).collect();
        assert!(used.is_empty(), "{module} uses {used:?}");
    }
}

#[test]
fn no_module_names_a_crate_that_it_must_not_know() {
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
        .filter(|(name, lines)| *lines > MAX_FILE_LINES && !LONG_LISTS.contains(&name.as_str()))
        .collect();
    assert_eq!(long, [], "more than {MAX_FILE_LINES} lines of code");
}

/// The functions of `code` by name, with their number of lines. rustfmt puts a function's last brace below its first word.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = targets(line, "fn ").next() else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        if line.ends_with('}') || line.ends_with(';') {
            continue;
        }
        if let Some(length) = lines[start..].iter().position(|line| *line == end) {
            found.push((name.to_owned(), length + 1));
        }
    }
    found
}

#[test]
fn no_function_is_too_long_to_be_read() {
    let mut long = Vec::new();
    for (file, code) in sources() {
        let here = functions(&code).into_iter().filter(|(_, lines)| *lines > MAX_FUNCTION_LINES);
        long.extend(here.map(|(name, _)| format!("{file}: {name}")));
    }
    assert_eq!(long, LONG_MATCHES, "more than {MAX_FUNCTION_LINES} lines");
}

#[test]
fn the_checks_see_what_they_look_for() {
    assert!(names("use tokio::net;", "tokio") && names("let x = crate::google::Google;", "crate::google"));
    assert!(names("reqwest::Client", "reqwest") && names("  tokio::spawn(x)", "tokio::spawn("));
    assert!(!names("use crate::locale::Locale;", "crate::local"));
    assert!(!names("hyper_util::rt", "hyper") && !names("// nothing\nlet http = 1;", "http"));
    let file = "//! tokio::x\nuse a::b;\n\n#[cfg(test)]\nmod tests {\n    use tokio::x;\n}\n";
    assert_eq!(production(file), "use a::b;\n");

    let file = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    let circle = [
        file("a/mod.rs", "use crate::b::X;\n"),
        file("b.rs", "fn f() { crate::c::g() }\n"),
        file("c.rs", "use crate::a::Y;\n"),
        file("d.rs", "use crate::a::Y;\n"),
    ];
    assert_eq!(cycle(top_level(&circle)), ["a", "b", "c", "d"]);
    assert_eq!(cycle(top_level(&circle[1..])), Vec::<String>::new());
    let inside = [file("a/b.rs", "use super::c::X;\n"), file("a/c.rs", "use super::b::Y;\nuse super::Z;\n")];
    assert_eq!(cycle(siblings(&inside, "a/")), ["b", "c"]);
    assert_eq!(functions("fn f(\n    a: u8,\n) -> u8 {\n    a\n}\nfn g() {}\n"), [("f".to_owned(), 5)]);
}

/// The folders outside `src` from which production code includes files.
fn included_folders() -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for (file, code) in sources() {
        for (at, _) in code.match_indices("include_") {
            let Some(path) = code[at..].split('"').nth(1) else { continue };
            let ups = path.matches("../").count();
            if ups > file.matches('/').count() {
                let rest = path.trim_start_matches("../");
                folders.insert(rest.split('/').next().unwrap().to_owned());
            }
        }
    }
    folders
}

#[test]
fn the_image_is_built_from_all_that_the_code_includes() {
    let folders = included_folders();
    assert!(folders.contains("schema"), "{folders:?}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, line) in
        [("Dockerfile", "COPY {0} {0}"), (".dockerignore", "!{0}"), (".gcloudignore", "!{0}/**")]
    {
        let text = fs::read_to_string(root.join(file)).unwrap();
        for folder in &folders {
            let line = line.replace("{0}", folder);
            assert!(text.lines().any(|other| other == line), "{file} lacks {line:?}");
        }
    }
}
