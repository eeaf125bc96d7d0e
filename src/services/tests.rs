//! Every golden answer is read as `tests/data/expected_operations.json` says.

mod facts;
mod jobs;
mod names;
mod standard;
mod urls;

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

/// An answer with `value` at the path of a row.
fn put(answer: &mut Value, path: &str, value: &str) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    if let Some((field, wanted)) = step.split_once('=') {
        *answer = json!([{field: wanted}]);
        put(&mut answer[0], rest.unwrap(), value);
    } else if let Some(rest) = rest {
        if answer[step].is_null() {
            answer[step] = json!({});
        }
        put(&mut answer[step], rest, value);
    } else {
        answer[step] = value.into();
    }
}

/// Where an answer of `service` has its id; `name` for those that are no jobs.
fn id_of(service: Service) -> &'static str {
    let known = ["jobReference.jobId", "reference.jobId", "testMatrixId", "rolloutId", "id"];
    known.into_iter().find(|path| service.reads().contains(path)).unwrap_or("name")
}

#[test]
fn an_answer_about_another_operation_is_not_believed() {
    for service in Service::table() {
        let operation = Operation::new(service, &service.name_example()).unwrap();
        let last = operation.name().rsplit('/').next().unwrap();
        for (id, is_it) in [(last, true), ("another", false), ("", false)] {
            let mut body = json!({"done": true});
            put(&mut body, id_of(service), id);
            let observation = read_operation(&operation, body.to_string().as_bytes());
            let is_believed = !matches!(observation, Observation::Unavailable(_));
            assert_eq!(is_believed, is_it, "{service}: {id}: {observation:?}");
        }
    }
}

/// The states of a kind of job, and what each means, from the facts about Google's APIs.
#[derive(serde::Deserialize)]
struct States {
    state: String,
    running: Vec<String>,
    succeeded: Vec<String>,
    failed: Vec<String>,
    cancelled: Vec<String>,
    unknown: Vec<String>,
}

#[test]
fn every_state_of_every_job_means_what_its_api_says() {
    let states = fs::read(format!("{DATA}/job_states.json")).unwrap();
    let states: BTreeMap<String, States> = serde_json::from_slice(&states).unwrap();
    let jobs: Vec<_> = Service::table().filter(|service| service.has_jobs()).map(Service::id).collect();
    assert_eq!(states.len(), jobs.len());
    for id in jobs {
        let service: Service = id.parse().unwrap();
        let States { state, running, succeeded, failed, cancelled, unknown } = &states[id];
        let state = state.replace("conditions[]", "conditions.type=Completed");
        let operation = Operation::new(service, &service.name_example()).unwrap();
        let seen = |word: &str| {
            let mut answer = json!({});
            put(&mut answer, id_of(service), operation.name().rsplit('/').next().unwrap());
            put(&mut answer, &state, word);
            read_operation(&operation, answer.to_string().as_bytes())
        };
        for word in running.iter().map(String::as_str).chain(["", "A_NEW_ONE"]) {
            assert!(matches!(seen(word), Observation::Running(_)), "{id}: {word}");
        }
        for (words, ending) in [
            (succeeded, Ending::Succeeded),
            (failed, Ending::Failed),
            (cancelled, Ending::Cancelled),
            (unknown, Ending::Unknown),
        ] {
            for word in words {
                let observation = seen(word);
                let Observation::Ended(is, facts) = &observation else {
                    panic!("{id}: {word}: {observation:?}")
                };
                assert_eq!(*is, ending, "{id}: {word}");
                assert_eq!(facts.state.as_ref(), Some(word), "{id}: {word}");
            }
        }
        assert!(!succeeded.is_empty(), "{id}");
    }
}

/// Whatever is put into a part of a name of a row, the URL that is made of it stays what its row says.
#[test]
fn hostile_parts_of_a_name_are_refused_in_every_form() {
    let hostile = [
        "",
        ".",
        "..",
        "a b",
        "a?b",
        "a#b",
        "a%2e",
        "a%2Fb",
        "a@evil.com",
        "a\\b",
        "a\tb",
        "a\r\nHost: evil",
        "a\0",
        "a;b",
        "a'b",
        "a\"b",
        "$(a)",
        "`a`",
        "a&b",
        "a|b",
        "<a>",
        "*",
        "é",
        "ａ",
        "a\u{202e}",
        "{a}",
        "[a]",
        "a,b",
        "a+b",
        "a=b",
        "a!b",
    ];
    for service in Service::table() {
        for form in service.forms() {
            let name = |part: usize, value: &str| {
                let segments =
                    form.split('/').enumerate().map(|(index, segment)| match row::wildcard(segment) {
                        Some(_) if index == part => value.to_owned(),
                        Some(_) => "x".to_owned(),
                        None => segment.to_owned(),
                    });
                segments.collect::<Vec<_>>().join("/")
            };
            let parts = form.split('/').enumerate().filter(|(_, segment)| row::wildcard(segment).is_some());
            for (part, segment) in parts {
                assert!(Operation::new(service, &name(part, "x-1")).is_ok(), "{service}: {form}");
                for value in hostile {
                    let is_refused = Operation::new(service, &name(part, value)).is_err();
                    assert!(is_refused, "{service}: {segment}: {value:?}");
                }
            }
        }
    }
}

/// <https://cloud.google.com/build/docs/api/reference/rest/v1/BuildOperationMetadata>.
#[test]
fn the_build_in_an_operation_of_cloud_build_is_read() {
    let name = "operations/build/p/NWY=";
    let operation = Operation::new("cloudbuild".parse().unwrap(), name).unwrap();
    let step = |status: &str| json!({"name": "gcr.io/cloud-builders/docker", "status": status});
    let build = json!({"id": "5f", "status": "WORKING", "createTime": "2026-11-20T03:00:00Z",
        "startTime": "2026-11-20T03:00:04Z", "steps": [step("SUCCESS"), step("WORKING"), step("QUEUED")]});
    let answer = json!({"name": name, "metadata": {
        "@type": "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata", "build": build}});
    let Observation::Running(facts) = read_operation(&operation, answer.to_string().as_bytes()) else {
        panic!("it runs")
    };
    let count = Progress { done: 1, of: Some(3) };
    assert_eq!(facts.items, Some(Items { unit: Unit::Steps, count }));
    assert_eq!(facts.stage.as_deref(), Some("gcr.io/cloud-builders/docker"));
    assert_eq!(facts.start, Some("2026-11-20T03:00:04Z".parse().unwrap()));

    let mut failed = answer;
    failed["metadata"]["build"] =
        json!({"finishTime": "2026-11-20T03:10:00Z", "steps": [step("SUCCESS"), step("FAILURE")]});
    failed["done"] = json!(true);
    failed["error"] = json!({"code": 2, "message": "Build failed; check build logs for details"});
    let Observation::Ended(Ending::Failed, facts) = read_operation(&operation, failed.to_string().as_bytes())
    else {
        panic!("it failed")
    };
    assert_eq!(facts.items.map(|items| items.count), Some(Progress { done: 1, of: Some(2) }));
    assert_eq!(facts.end, Some("2026-11-20T03:10:00Z".parse().unwrap()));
}

#[test]
fn a_job_with_a_long_query_and_plan_is_read() {
    let operation = Operation::new("bigquery.jobs".parse().unwrap(), "projects/p/jobs/j").unwrap();
    let stages: Vec<Value> = (0..4_000)
        .map(|stage| json!({"id": stage, "parallelInputs": "10", "completedParallelInputs": "5", "steps": ["x".repeat(200)]}))
        .collect();
    let body = json!({"jobReference": {"jobId": "j"}, "configuration": {"query": {"query": "x".repeat(500_000)}},
        "status": {"state": "RUNNING"}, "statistics": {"query": {"queryPlan": stages}}});
    let Observation::Running(facts) = read_operation(&operation, body.to_string().as_bytes()) else {
        panic!("it runs")
    };
    assert_eq!(facts.overall, Some(Progress { done: 20_000, of: Some(40_000) }));
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
fn progress(facts: &OperationInfo) -> String {
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
