//! Every golden answer is read as `tests/data/expected_operations.json` says.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value, json};

use super::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

/// What an observation shows, by the names of the file of expectations.
fn shown(observation: &Observation) -> Map<String, Value> {
    let (is, facts) = match observation {
        Observation::Running(facts) => ("running".to_owned(), facts),
        Observation::Ended(ending, facts) => (format!("{ending:?}").to_lowercase(), facts),
        Observation::Unreadable(error) | Observation::Unavailable(error) => panic!("{error}"),
    };
    let Value::Object(shown) = json!({
        "is": is,
        "work": facts.work,
        "state": facts.state,
        "start": facts.start,
        "end": facts.end,
        "percent": facts.overall.and_then(Progress::percent),
        "target": facts.target,
        "output": facts.output,
        "prefix": facts.prefix,
        "error": facts.error.as_ref().map(ToString::to_string),
    }) else {
        unreachable!("an object")
    };
    shown
}

#[test]
fn every_golden_answer_is_read_as_expected() {
    let expected = fs::read(format!("{DATA}/expected_operations.json")).unwrap();
    let expected: BTreeMap<String, Map<String, Value>> = serde_json::from_slice(&expected).unwrap();
    let folder = fs::read_dir(format!("{DATA}/operations")).unwrap();
    assert_eq!(folder.count(), expected.len(), "every file has its expectation");
    for (name, expected) in expected {
        let body = fs::read(format!("{DATA}/operations/{name}.json")).unwrap();
        let service: Service = name.split('-').next().unwrap().parse().unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let operation = Operation::new(service, &name_in(service, &answer).unwrap()).expect(&name);
        let shown = shown(&read_operation(&operation, &body));
        for (field, value) in expected {
            assert_eq!(shown.get(&field), Some(&value), "{name}: {field}");
        }
    }
}

#[test]
fn an_answer_about_another_operation_is_not_believed() {
    for service in Service::all() {
        let operation = Operation::new(service, &service.name_example()).unwrap();
        let body = json!({"name": "projects/p/operations/another", "done": true}).to_string();
        let observation = read_operation(&operation, body.as_bytes());
        assert!(matches!(observation, Observation::Unavailable(_)), "{service}: {observation:?}");
    }
}
