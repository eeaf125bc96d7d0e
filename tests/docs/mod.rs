//! The documentation: its links lead somewhere, its commands run, its paths exist, and its tables agree with the code.

mod commands;
mod coverage;
mod page;
mod services;
mod settings;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use self::page::{Page, root};

const MAX_README_LINES: usize = 150;

/// Every page for readers, by its path in the repository.
fn pages() -> Vec<Page> {
    let mut files = files_below("docs");
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    let others = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/mutants.md"];
    files.extend(others.into_iter().chain(["benches/README.md", "benches/RESULTS.md"]).map(PathBuf::from));
    files.sort();
    files.iter().filter(|file| root().join(file).exists()).map(|file| Page::read(file)).collect()
}

fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path.into());
        }
    }
    found
}

/// The examples in JSON, each with the page that has it.
pub(crate) fn json_blocks() -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language.starts_with("json")) {
            let json = serde_json::from_str(&block.code);
            let json =
                json.unwrap_or_else(|error| panic!("{}: {error}: {}", page.path.display(), block.code));
            found.push((page.path.display().to_string(), json));
        }
    }
    found
}

fn is_missing(path: &Path) -> bool {
    !root().join(path).exists()
}

#[test]
fn the_readme_stays_short() {
    let lines = Page::read(Path::new("README.md")).text.lines().count();
    assert!(lines <= MAX_README_LINES, "{lines} lines: move something to docs/");
}

#[test]
fn links_and_anchors_lead_somewhere() {
    let mut broken = Vec::new();
    let pages = pages();
    let links = pages.iter().flat_map(|page| page.links().into_iter().map(move |link| (page, link)));
    for (page, link) in links {
        let target = &link.path;
        let missing = if is_missing(target) {
            Some("no such file")
        } else if link.anchor.is_some_and(|anchor| !Page::read(target).anchors().contains(anchor)) {
            Some("no such heading")
        } else {
            None
        };
        broken.extend(missing.map(|why| format!("{}: {}: {why}", page.path.display(), link.text)));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_and_picture_of_docs_is_reachable_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![PathBuf::from("README.md")];
    while let Some(path) = waiting.pop() {
        if reached.insert(path.clone()) && path.extension().is_some_and(|extension| extension == "md") {
            waiting.extend(Page::read(&path).links().into_iter().map(|link| link.path));
        }
    }
    let mut unreached = files_below("docs");
    // The script that makes the pictures.
    unreached.retain(|file| file != Path::new("docs/pictures") && !reached.contains(file));
    assert!(unreached.is_empty(), "no page links to {unreached:?}");
}

/// A path in code font, such as `src/lib.rs` or `tests/fuzz 60`, exists.
#[test]
fn paths_in_the_text_exist() {
    const FOLDERS: [&str; 9] =
        [".ci/", ".github/", "benches/", "deploy/", "docs/", "examples/", "fuzz/", "src/", "tests/"];
    // Written by the user.
    const MADE: [&str; 1] = ["deploy/settings.env"];
    let mut missing = Vec::new();
    for page in pages() {
        // A changelog tells of what was.
        if page.path == Path::new("CHANGELOG.md") {
            continue;
        }
        for code in page.spans() {
            let path = code.split([' ', ':']).next().unwrap_or_default();
            let path = path.split_once('*').map_or(path, |(folder, _)| folder);
            let is_path = FOLDERS.iter().any(|folder| path.starts_with(folder)) && !MADE.contains(&path);
            if is_path && is_missing(Path::new(path)) {
                missing.push(format!("{}: {path}", page.path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
