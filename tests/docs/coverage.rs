//! How much opwatch reads of the metadata that services write: measured with samples of every kind of metadata in Google's discovery
//! documents, and written into `docs/services.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fs};

use opwatch::services::{Observation, Operation, OperationInfo, Service, read_operation};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::page::root;
use crate::support::python;

const FILE: &str = "docs/services.md";
/// The table is between these lines.
const BEGIN: &str = "<!-- Generated: OPWATCH_UPDATE=1 cargo test --test opwatch docs::coverage:: rewrites this table. -->\n\n";
const END: &str = "\n<!-- The end of that table. -->";

/// Metadata of one kind, in which every field has a value.
#[derive(Deserialize)]
struct Sample {
    service: String,
    #[serde(rename = "type")]
    kind: String,
    fields: usize,
    metadata: Map<String, Value>,
}

/// What is shown of an operation, and whether an answer gave it.
type Fact = (&'static str, fn(&OperationInfo) -> bool);

const FACTS: [Fact; 8] = [
    ("start", |info| info.start.is_some()),
    ("end", |info| info.end.is_some()),
    ("target", |info| info.target.is_some()),
    ("kind of work, from a field or the name of the metadata", |info| info.work.is_some()),
    ("state", |info| info.state.is_some()),
    ("what it is doing", |info| info.stage.is_some()),
    ("warnings", |info| !info.warnings.is_empty()),
    ("progress in percent, or a count", |info| {
        info.overall.is_some() || info.items.is_some() || info.entities.is_some() || info.bytes.is_some()
    }),
];

/// A name of an operation of `service`.
fn operation(service: Service) -> Operation {
    let form = service.forms().find(|form| !form.contains("{kind}")).unwrap();
    let segment = |segment: &str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => segment.to_owned(),
        Some("location" | "region") => "us-central1".to_owned(),
        Some(_) => "x".to_owned(),
    };
    Operation::new(service, &form.split('/').map(segment).collect::<Vec<_>>().join("/")).unwrap()
}

/// The facts that are read of it, while it runs or at its end.
fn read(sample: &Sample) -> BTreeSet<&'static str> {
    let operation = operation(sample.service.parse().unwrap());
    let mut metadata = sample.metadata.clone();
    metadata.insert("@type".to_owned(), json!(format!("type.googleapis.com/google.{}", sample.kind)));
    let infos = [false, true].map(|done| {
        let body = json!({"name": operation.name(), "metadata": metadata, "done": done});
        match read_operation(&operation, body.to_string().as_bytes()) {
            Observation::Running(info) | Observation::Ended(_, info) => info,
            Observation::Unreadable(error) | Observation::Unavailable(error) => {
                panic!("{}: {error:?}", sample.kind)
            }
        }
    });
    let facts = FACTS.iter().filter(|(_, is_read)| infos.iter().any(is_read));
    facts.map(|(name, _)| *name).collect()
}

fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1_000 + whole / 2) / whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[test]
fn the_page_says_how_much_of_the_metadata_is_read() {
    let rows =
        std::process::Command::new(env!("CARGO_BIN_EXE_opwatch")).args(["services", "--json"]).output();
    let Some(samples) = python::output("samples", &[], &rows.unwrap().stdout) else { return };
    let samples: Vec<Sample> = serde_json::from_str(&samples).unwrap();
    let of_services: BTreeSet<&str> = samples.iter().map(|sample| sample.service.as_str()).collect();
    let filled: Vec<(&Sample, BTreeSet<_>)> =
        samples.iter().filter(|sample| sample.fields > 0).map(|sample| (sample, read(sample))).collect();
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (sample, facts) in &filled {
        services.entry(sample.service.as_str()).or_default().extend(facts);
    }
    let mut table = format!(
        "Measured over {} kinds of metadata of {} services in Google's discovery documents. {} of them have no field at all; the others:\n\n\
         | what is read | kinds of metadata | services |\n| --- | --- | --- |\n",
        samples.len(),
        of_services.len(),
        samples.len() - filled.len(),
    );
    for (fact, _) in FACTS {
        let kinds = filled.iter().filter(|(_, facts)| facts.contains(fact)).count();
        let of = services.values().filter(|facts| facts.contains(fact)).count();
        let line =
            format!("| {fact} | {} | {} |\n", percent(kinds, filled.len()), percent(of, of_services.len()));
        table.push_str(&line);
    }
    let any = percent(filled.iter().filter(|(_, facts)| !facts.is_empty()).count(), filled.len());
    let of = services.values().filter(|facts| !facts.is_empty()).count();
    table = format!("{table}| any of these | {any} | {} |\n", percent(of, of_services.len()));

    let path = root().join(FILE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the line before the table");
    let (now, after) = rest.split_once(END).expect("the line behind the table");
    if env::var_os("OPWATCH_UPDATE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        let update = "OPWATCH_UPDATE=1 cargo test --test opwatch docs::coverage::";
        assert!(now == table, "{FILE} is out of date: {update}\n{table}");
    }
}
