//! Where the instructions of a push go: each server runs under callgrind twice, once for the start alone and once for a
//! number of pushes; the difference is the pushes'.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use crate::load::{self, Line};
use crate::process::{Kind, Server};
use crate::pushes::{Case, Pushes};
use crate::{Bench, LINES};

/// Instructions by part.
type Parts = BTreeMap<String, f64>;

const KINDS: [(Kind, &str); 3] =
    [(Kind::Floor, "floor"), (Kind::Opwatch, "opwatch"), (Kind::Verifying, "with OIDC")];

impl Bench {
    /// Prints what `count` pushes take, by the crate whose source the instructions are of.
    pub async fn profile(&self, count: u64) {
        let mut columns = Vec::new();
        for (kind, name) in KINDS {
            let parts = self.parts(kind, name, count).await;
            columns.push(parts);
        }
        println!("\n| thousand instructions a push | {} |", KINDS.map(|(_, name)| name).join(" | "));
        println!("| --- |{}", " ---: |".repeat(KINDS.len()));
        let row = |name: &str, of: &dyn Fn(&Parts) -> f64| {
            let cells: Vec<_> = columns.iter().map(|parts| format!("{:.1}", of(parts) / 1e3)).collect();
            println!("| {name} | {} |", cells.join(" | "));
        };
        row("all", &|parts| parts.values().sum());
        let cost = |parts: &Parts, name: &str| parts.get(name).copied().unwrap_or(0.0);
        let mut names: Vec<_> = columns[1].keys().filter(|name| cost(&columns[1], name) >= 500.0).collect();
        names.sort_by(|a, b| columns[1][*b].total_cmp(&columns[1][*a]));
        for name in names {
            row(name, &|parts| cost(parts, name));
        }
    }

    async fn parts(&self, kind: Kind, name: &str, count: u64) -> Parts {
        let start = self.run_under_callgrind(kind, 0).await;
        let mut parts = self.run_under_callgrind(kind, count).await;
        let million = |parts: &Parts| parts.values().sum::<f64>() / 1e6;
        println!("{name}: up to the first 204 and the end {:.2} million instructions", million(&start));
        for (part, instructions) in &mut parts {
            *instructions = (*instructions - start.get(part).unwrap_or(&0.0)) / count as f64;
        }
        parts
    }

    async fn run_under_callgrind(&self, kind: Kind, count: u64) -> Parts {
        let file = self.args.out.join(format!("callgrind.{kind:?}.{count}").to_lowercase());
        let _ = fs::remove_file(&file);
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", file.display()));
        command.arg(self.binary(kind));
        let server = Server::spawn_by(command, kind, self.address, self.cores);
        let pushes = Rc::new(RefCell::new(Pushes::new(Case::GoesOn, kind == Kind::Verifying)));
        drop(load::first_push(server.address, &pushes).await);
        let mut lines = tokio::task::JoinSet::new();
        for _ in 0..LINES.min(count as usize) {
            let (pushes, address) = (Rc::clone(&pushes), server.address);
            lines.spawn_local(async move {
                let mut line = Line::open(address).await.expect("a connection");
                while pushes.borrow().made <= count {
                    line.push(&pushes).await.expect("204");
                }
            });
        }
        lines.join_all().await;
        server.terminate();
        server.ended().await;
        read(&file)
    }
}

/// The cost of each part in callgrind's file
/// (<https://valgrind.org/docs/manual/cl-format.html>).
fn read(file: &Path) -> Parts {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (mut names, mut parts) = (BTreeMap::<(&str, &str), &str>::new(), Parts::new());
    let (mut object, mut source, mut function, mut is_call) = ("", "", "", false);
    for line in text.lines() {
        if let Some((key, value)) = line.split_once('=') {
            // `(12) name` the first time, then `(12)`.
            let (id, name) = value.split_once(' ').unwrap_or((value, ""));
            let mut name_of = |space| *names.entry((space, id)).and_modify(|_| ()).or_insert(name);
            match key {
                "ob" => object = name_of("ob"),
                "fl" | "fi" | "fe" => source = name_of("fl"),
                "fn" => function = name_of("fn"),
                "cob" => drop(name_of("ob")),
                "cfi" | "cfl" => drop(name_of("fl")),
                "cfn" => drop(name_of("fn")),
                "calls" => is_call = true,
                _ => {}
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            // The line behind `calls=` is the cost of what was called, which stands at its own place too.
            if !std::mem::take(&mut is_call) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<f64>().ok()).unwrap_or(0.0);
                *parts.entry(part(object, source, function)).or_default() += cost;
            }
        }
    }
    parts
}

/// The crate that a source file is of, or the module of our own; of the C library, whether it is about memory.
fn part(object: &str, source: &str, function: &str) -> String {
    let inner = |after: &str| source.split_once(after).map(|(_, rest)| rest);
    if let Some(path) = inner("/registry/src/") {
        let name = path.split('/').nth(1).unwrap_or_default();
        return name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned();
    }
    if source.contains("/library/") || source.contains("/rustc/") {
        return "std".to_owned();
    }
    if object.contains("libc.so") || object.contains("ld-linux") || object.contains("vgpreload") {
        let has = |words: &[&str]| words.iter().any(|word| function.contains(word));
        return if has(&["alloc", "free", "_int_", "consolidate", "unlink_chunk"]) {
            "allocator"
        } else if has(&["mem"]) {
            "memcpy, memcmp"
        } else {
            "libc"
        }
        .to_owned();
    }
    match inner("src/") {
        Some(own) => format!("own: {}", own.split(['/', '.']).next().unwrap_or_default()),
        None => "other".to_owned(),
    }
}
