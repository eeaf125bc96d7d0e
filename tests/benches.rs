//! The floor that `benches/run` measures against is built of the same versions as the service.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// `name version` of every package in a lock file.
fn locked(path: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(path).unwrap();
    let value = |line: &str, key: &str| line.strip_prefix(key)?.trim_matches('"').to_owned().into();
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let (name, version): (Option<String>, Option<String>) =
            (value(pair[0], "name = "), value(pair[1], "version = "));
        Some(format!("{} {}", name?, version?))
    });
    pairs.collect()
}

#[test]
fn the_floor_has_the_services_versions() {
    let (service, harness) = (locked("Cargo.lock"), locked("benches/harness/Cargo.lock"));
    for package in ["hyper", "hyper-util", "http-body-util", "tokio", "serde_json", "base64"] {
        let is_it = |entry: &&String| entry.starts_with(&format!("{package} "));
        let of_harness: Vec<_> = harness.iter().filter(is_it).collect();
        assert!(!of_harness.is_empty(), "{package} is not in the harness");
        for entry in of_harness {
            assert!(
                service.contains(entry),
                "the service has no {entry}: copy Cargo.lock to benches/harness"
            );
        }
    }
}
