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
        "progress": progress(facts),
        "stage": facts.stage,
        "warnings": facts.warnings,
        "waits": facts.waits,
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
    let files = fs::read_dir(format!("{DATA}/operations")).unwrap();
    let files = files.filter(|file| file.as_ref().unwrap().path().is_file());
    assert_eq!(files.count(), expected.len(), "every file has its expectation");
    for (name, expected) in expected {
        let body = fs::read(format!("{DATA}/operations/{name}.json")).unwrap();
        let id = name.split('-').next().unwrap();
        let service: Service = id.parse().expect(id);
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

/// What is expected of the answers of real APIs in `tests/data/operations/examples`.
#[derive(serde::Deserialize)]
struct Example {
    name: String,
    service: String,
    get: String,
    state: String,
    end: Option<String>,
    start: Option<DateTime<Utc>>,
    #[serde(rename = "endTime")]
    end_time: Option<DateTime<Utc>>,
    progress: String,
    error: String,
}

impl Example {
    /// The operation that its URL names. Where the location is in the query, a name has it where most names do.
    fn operation(&self) -> Operation {
        let service: Service = self.service.parse().expect(&self.service);
        let path = self.get.split_once(".googleapis.com/").unwrap().1;
        let (path, location) = path.split_once("?location=").map_or((path, None), |(p, l)| (p, Some(l)));
        let start = ["projects/", "operations/", "transferOperations/", "organizations/", "apps/"];
        let start = start.iter().filter_map(|start| path.find(start)).min().unwrap();
        let name = match location {
            Some(location) => path[start..].replace("/jobs/", &format!("/locations/{location}/jobs/")),
            None => path[start..].to_owned(),
        };
        let operation = Operation::new(service, &name).unwrap_or_else(|_| panic!("{}: {name}", self.name));
        let asked = format!("GET {}/{}", operation.base(), read_path(&operation));
        assert_eq!(asked.split("&view=").next(), Some(self.get.as_str()), "{}", self.name);
        operation
    }
}

/// The same progress in words: those of the expectations.
fn progress(facts: &Facts) -> String {
    let count = |count: Progress| match count.of {
        Some(of) => format!("{} of {of}", count.done),
        None => count.done.to_string(),
    };
    let items = facts.items.map(|items| format!("{:?} {}", items.unit, count(items.count)));
    let overall = facts.overall.map(count);
    let bytes = facts.bytes.map(|bytes| format!("Bytes {}", count(bytes)));
    let failures = facts.failures.map(|failures| format!("Failed {failures}"));
    let stage = facts.stage.as_ref().map(|stage| format!("at {stage}"));
    [overall, items, bytes, failures, stage].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[test]
fn every_example_of_a_real_answer_is_read_as_expected() {
    let expected = fs::read(format!("{DATA}/operations/examples/expect.json")).unwrap();
    let expected: Vec<Example> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.len(), 38);
    for example in expected.iter().filter(|example| example.name != "sqladmin-gone") {
        let name = &example.name;
        let body = fs::read(format!("{DATA}/operations/examples/{name}.json")).unwrap();
        let (is, facts) = match read_operation(&example.operation(), &body) {
            Observation::Running(facts) => (None, facts),
            Observation::Ended(ending, facts) => (Some(format!("{ending:?}").to_lowercase()), facts),
            Observation::Unreadable(error) | Observation::Unavailable(error) => panic!("{name}: {error}"),
        };
        assert_eq!((is.is_some(), &is), (example.state == "done", &example.end), "{name}");
        assert_eq!((facts.start, facts.end), (example.start, example.end_time), "{name}");
        let shown = progress(&facts);
        assert_eq!(shown, expected_progress(&example.progress, name), "{name}: {}", example.progress);
        let error = facts.error.as_ref().map(ToString::to_string).unwrap_or_default();
        let (kind, code, text) = expected_error(&example.error);
        assert!(error.starts_with(kind) && error.contains(code) && error.contains(text), "{name}: {error}");
        assert!(error.is_empty() == example.error.is_empty() && !error.contains('<'), "{name}: {error}");
    }
}

fn expected_progress(words: &str, name: &str) -> &'static str {
    match words {
        "stages 1 of 2 SUCCESS" => "Stages 1 of 2, at PG_UPGRADE_CHECK",
        "65 % (mean of the array), statement 2 of 2" => "65 of 100, Statements 1 of 2",
        "1000000 of 10000000 bytes copied, table 0 of 2 done" => "Tables 0 of 2, Bytes 1000000 of 10000000",
        "0 %" => "0 of 100",
        "35 %" => "35 of 100, at Creating the instance",
        "13 of 20 (sum of X over X_TOTAL)" => "13 of 20",
        "8 of 10 tasks, 2 failed" => "Tasks 8 of 10, Failed 2",
        "100 %" | "yarn 1.0" => "100 of 100",
        "3 of 4 tasks succeeded, 1 failed" => "Tasks 3 of 4, Failed 1",
        "1 of 1 objects, 30 of 30 bytes" => "Objects 1 of 1, Bytes 30 of 30",
        "40 of 100 objects" => "Objects 40 of 100",
        "1 of 2 tasks" => "Tasks 1 of 2",
        "at main.call" => "at main.call",
        "980 ok, 20 failed" => "Records 980, Failed 20",
        "stage 1 of 4 (BUILD)" => "Stages 1 of 4, at BUILD",
        "" => match name {
            // What else these say.
            "container-upgrade-failed" => "at Upgrade of pool-1 stopped.",
            "bigquery-load-bad-records" => "Failed 2",
            "cloudbuild-build-failed" => "Steps 1 of 2",
            "clouddeploy-rollout-waits" => "Stages 0 of 1",
            _ => "",
        },
        other => panic!("{other}"),
    }
}

/// What an error starts with, and two texts in it.
fn expected_error(words: &str) -> (&str, &str, &'static str) {
    match words {
        "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE (HTTP 400)" => {
            ("400 RESOURCE_IN_USE_BY_ANOTHER_RESOURCE: ", "", "is already being used by")
        }
        "Job failed due to task failure. (last event)" => {
            ("Job state is set", "", "Job failed due to task failure.")
        }
        "HTTP server responded with error code 503 (payload is a JSON string)" => {
            ("HTTP server responded with error code 503", "", "")
        }
        "4 DEADLINE_EXCEEDED drain timed out" => ("4 DEADLINE_EXCEEDED: drain timed out", "", ""),
        "6 ALREADY_EXISTS, text starts with <eye3 …/>" => ("6 ALREADY_EXISTS: A TagKey with", "", ""),
        "9 FAILED_PRECONDITION The DAG failed…" => ("9 FAILED_PRECONDITION: The DAG failed", "", ""),
        words => (words.trim_end_matches('…'), "", ""),
    }
}

/// The 38th is an HTTP error: an operation that is gone with what it deleted.
#[test]
fn the_error_of_an_operation_that_is_gone_is_read() {
    let body: Value =
        serde_json::from_slice(&fs::read(format!("{DATA}/operations/examples/sqladmin-gone.json")).unwrap())
            .unwrap();
    assert_eq!(body["error"]["code"], 404);
    let error = ApiError::new(404, "", body["error"]["message"].as_str().unwrap());
    let attempt = Attempt {
        service: "sqladmin".parse().unwrap(),
        method: Method::Read,
        ..Attempt::of_api("sqladmin", "p")
    };
    assert_eq!(Cause::of(&attempt, &error), Some(Cause::Gone));
}
