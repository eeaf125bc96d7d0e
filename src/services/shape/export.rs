//! Operations of the Datastore and Firestore Admin APIs, whose operations differ only in field names:
//! `metadata.common.state` or `metadata.operationState`, `workCompleted` or `completedWork`.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::Shape;
use super::answer::{Answer, CANCELLED, integer, observation, work_of_type};
use crate::services::{Ending, Filter, Observation, OperationInfo, Progress};
use crate::text;

/// Exports, imports and what else those two services run.
pub(in crate::services) struct Export;

impl Shape for Export {
    fn read(&self, name: &str, body: &[u8]) -> Observation {
        observation(name, body, observe)
    }
}

/// What an answer shows. A state that nobody knows is no success: these two services have states of their own for partial results.
pub(in crate::services) fn observe(answer: &Answer) -> Observation {
    let facts = facts(answer);
    if !answer.done {
        return Observation::Running(facts);
    }
    let ending = match (&facts.error, facts.state.as_deref()) {
        (Some(error), _) if error.code == CANCELLED => Ending::Cancelled,
        (Some(_), _) | (None, Some("FAILED")) => Ending::Failed,
        (None, Some("CANCELLED")) => Ending::Cancelled,
        (None, Some("SUCCESSFUL") | None) => Ending::Succeeded,
        (None, Some(_)) => Ending::Unknown,
    };
    Observation::Ended(ending, facts)
}

/// As many entries of a filter as a request may combine
/// (<https://cloud.google.com/datastore/docs/export-import-entities>), and the characters of each.
const FILTER_LENGTH: usize = 100;
const FILTER_TEXT: usize = 100;

fn facts(answer: &Answer) -> OperationInfo {
    let metadata = &answer.metadata;
    let common = common(metadata);
    let text = |fields: &Map<String, Value>, names: &[&str]| {
        names.iter().find_map(|name| fields.get(*name)?.as_str()).map(str::to_owned)
    };
    let state =
        text(common, &["state", "operationState"]).filter(|word| !word.ends_with("STATE_UNSPECIFIED"));
    OperationInfo {
        work: text(common, &["operationType"]).or_else(|| work_of_type(metadata)),
        state,
        start: time(common, "startTime"),
        end: time(common, "endTime"),
        entities: progress(metadata, &["progressEntities", "progressDocuments"]),
        bytes: progress(metadata, &["progressBytes"]),
        // https://cloud.google.com/firestore/docs/reference/rest/Shared.Types/RestoreDatabaseMetadata
        overall: progress(metadata, &["progressPercentage"]),
        output: answer.response.as_ref().and_then(|fields| text(fields, &["outputUrl", "outputUriPrefix"])),
        prefix: text(metadata, &["outputUrlPrefix", "outputUriPrefix", "inputUrl", "inputUriPrefix"]),
        error: answer.error(),
        filter: filter(metadata),
        ..OperationInfo::default()
    }
    .cut()
}

/// Datastore keeps state, times and labels one level deeper than Firestore.
pub(in crate::services) fn common(metadata: &Map<String, Value>) -> &Map<String, Value> {
    metadata.get("common").and_then(Value::as_object).unwrap_or(metadata)
}

pub(in crate::services) fn time(fields: &Map<String, Value>, name: &str) -> Option<DateTime<Utc>> {
    text::time(fields.get(name)?.as_str()?)
}

fn progress(metadata: &Map<String, Value>, names: &[&str]) -> Option<Progress> {
    let fields = names.iter().find_map(|name| metadata.get(*name)?.as_object())?;
    let count = |names: [&str; 2]| names.iter().find_map(|name| integer(fields.get(*name)?));
    let done = count(["workCompleted", "completedWork"]);
    let of = count(["workEstimated", "estimatedWork"]);
    // A count of zero is left out of the JSON; a progress without any count says nothing.
    (done.is_some() || of.is_some()).then(|| Progress { done: done.unwrap_or(0), of })
}

/// Datastore has an object of its own for it; Firestore's lists stand beside the other fields.
fn filter(metadata: &Map<String, Value>) -> Option<Filter> {
    let fields = metadata.get("entityFilter").and_then(Value::as_object).unwrap_or(metadata);
    let texts = |names: &[&str]| -> Vec<String> {
        let list = names.iter().find_map(|name| fields.get(*name)?.as_array());
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(|text| text::cut(text, FILTER_TEXT)).take(FILTER_LENGTH).collect()
    };
    let filter = Filter { kinds: texts(&["kinds", "collectionIds"]), namespaces: texts(&["namespaceIds"]) };
    (metadata.contains_key("entityFilter") || filter != Filter::default()).then_some(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Operation, Service, read_list, read_operation, read_started};
    use proptest::prelude::*;

    /// The answer in a file, and the operation that it is about.
    fn golden(name: &str) -> (Operation, Vec<u8>) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/operations");
        let body = std::fs::read(format!("{folder}/{name}.json")).unwrap();
        let service: Service = name.split('-').next().unwrap().parse().unwrap();
        let json: Value = serde_json::from_slice(&body).unwrap();
        (Operation::new(service, json["name"].as_str().unwrap()).unwrap(), body)
    }

    /// What an observation of a file comes to, in few words.
    fn seen(name: &str) -> (String, OperationInfo) {
        let (operation, body) = golden(name);
        match read_operation(&operation, &body) {
            Observation::Running(facts) => ("running".to_owned(), facts),
            Observation::Ended(ending, facts) => (format!("{ending:?}").to_lowercase(), facts),
            Observation::Unreadable(error) | Observation::Unavailable(error) => panic!("{name}: {error}"),
        }
    }

    #[test]
    fn both_spellings_of_the_facts_are_read() {
        let at = |text: &str| Some(text.parse().unwrap());
        let progress = |done, of| Some(Progress { done, of });
        let (_, facts) = seen("datastore-successful");
        assert_eq!(
            facts,
            OperationInfo {
                work: Some("EXPORT_ENTITIES".to_owned()),
                state: Some("SUCCESSFUL".to_owned()),
                start: at("2026-11-23T03:00:12.345678Z"),
                end: at("2026-11-23T03:01:42.345678Z"),
                entities: progress(20_000, Some(20_000)),
                bytes: progress(4_000, Some(4_000)),
                overall: None,
                target: None,
                output: Some(
                    "gs://my-backups/2026-11-23T03:00:12_1/2026-11-23T03:00:12_1.overall_export_metadata"
                        .to_owned()
                ),
                prefix: Some("gs://my-backups".to_owned()),
                error: None,
                filter: facts.filter.clone(),
                ..OperationInfo::default()
            }
        );
        assert_eq!(facts.duration(), Some(std::time::Duration::from_secs(90)));
        let (_, facts) = seen("firestore-successful");
        assert_eq!(facts.work.as_deref(), Some("EXPORT_DOCUMENTS"));
        assert_eq!(facts.state.as_deref(), Some("SUCCESSFUL"));
        assert_eq!((facts.start, facts.end), (at("2026-11-23T03:00:12Z"), at("2026-11-23T03:01:42.345678Z")));
        assert_eq!(facts.entities, progress(20_000, Some(20_000)));
        assert_eq!(facts.output.as_deref(), Some("gs://my-backups/2026-11-23T03:00:12_1"));
        let error =
            |name| seen(name).1.error.map(|error| (error.code, error.status.word().to_owned(), error.text));
        let status = |code, word: &str, text: &str| Some((code, word.to_owned(), text.to_owned()));
        assert_eq!(error("datastore-failed"), status(7, "PERMISSION_DENIED", "Caller lacks permission."));
        assert_eq!(error("firestore-failed"), status(5, "NOT_FOUND", "bucket not found"));
        assert_eq!(error("firestore-cancelled"), status(1, "CANCELLED", ""));
        assert_eq!(error("datastore-empty_error"), None);
        assert_eq!(seen("datastore-import").1.work.as_deref(), Some("IMPORT_ENTITIES"));
        assert_eq!(seen("firestore-import").1.work.as_deref(), Some("IMPORT_DOCUMENTS"));
        assert_eq!(seen("firestore-import").1.prefix.as_deref(), Some("gs://my-backups"));
        assert_eq!(seen("datastore-unspecified").1.state, None);
        assert_eq!(seen("firestore-unspecified").1.state, None);
    }

    #[test]
    fn counts_are_read_as_they_come() {
        let counts = |name| (seen(name).1.entities, seen(name).1.bytes);
        let progress = |done, of| Some(Progress { done, of });
        assert_eq!(
            counts("datastore-processing"),
            (progress(5_000, Some(20_000)), progress(1_000, Some(4_000)))
        );
        assert_eq!(
            counts("firestore-processing"),
            (progress(5_000, Some(20_000)), progress(1_000, Some(4_000)))
        );
        assert_eq!(counts("datastore-exceeded"), (progress(20_001, Some(20_000)), progress(7, None)));
        assert_eq!(counts("datastore-counts_as_numbers").0, progress(5_000, Some(20_000)));
        assert_eq!(counts("datastore-counts_of_zero"), (None, progress(0, Some(0))));
        assert_eq!(counts("datastore-initializing"), (None, None));
        let restore = seen("firestore-restore").1;
        assert_eq!((restore.entities, restore.overall), (None, progress(40, Some(100))));
    }

    /// What the answer to a look at an operation of Datastore's with this metadata shows.
    fn read(metadata: &Value, done: bool, error: &Value) -> Observation {
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        let answer = serde_json::json!({"name": operation.name(), "done": done, "metadata": metadata,
            "error": error, "response": {"outputUrl": "gs://b/x"}});
        read_operation(&operation, answer.to_string().as_bytes())
    }

    #[test]
    fn a_state_that_nobody_knows_is_no_success() {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (state, error, ending) in [
            ("SUCCESSFUL", "null", Ending::Succeeded),
            ("STATE_UNSPECIFIED", "null", Ending::Succeeded),
            ("FAILED", "null", Ending::Failed),
            ("CANCELLED", "null", Ending::Cancelled),
            ("NEW", "null", Ending::Unknown),
            ("SUCCESSFUL", r#"{"code": 7}"#, Ending::Failed),
            ("SUCCESSFUL", r#"{"code": 1}"#, Ending::Cancelled),
            ("NEW", r#"{"message": "x"}"#, Ending::Failed),
        ] {
            let metadata = serde_json::json!({"common": {"state": state}});
            match read(&metadata, true, &json(error)) {
                Observation::Ended(is, _) => assert_eq!(is, ending, "{state} {error}"),
                other => panic!("{state} {error}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_an_export_takes_is_read_where_the_service_writes_it() {
        let filter = |metadata: &Value| match read(metadata, false, &Value::Null) {
            Observation::Running(facts) => facts.filter.map(|filter| (filter.kinds, filter.namespaces)),
            other => panic!("{other:?}"),
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (metadata, expected) in [
            (
                r#"{"entityFilter": {"kinds": ["a", 7, "b"], "namespaceIds": [""]}}"#,
                Some((texts(&["a", "b"]), texts(&[""]))),
            ),
            (r#"{"entityFilter": {}}"#, Some((Vec::new(), Vec::new()))),
            (r#"{"collectionIds": ["a"]}"#, Some((texts(&["a"]), Vec::new()))),
            (r#"{"namespaceIds": ["n"]}"#, Some((Vec::new(), texts(&["n"])))),
            (r#"{"collectionIds": []}"#, None),
            ("{}", None),
        ] {
            assert_eq!(filter(&serde_json::from_str(metadata).unwrap()), expected, "{metadata}");
        }
        let many = serde_json::json!({"collectionIds": vec!["é".repeat(200); 200]});
        let (kinds, _) = filter(&many).unwrap();
        assert_eq!((kinds.len(), kinds[0].chars().count()), (100, 100));
    }

    #[test]
    fn a_listed_operation_says_what_its_start_asked_for() {
        let entry = serde_json::json!({"name": "projects/p/databases/d/operations/x",
            "metadata": {"outputUriPrefix": "gs://b/x", "collectionIds": ["a"], "labels": {"a": "b", "c": 7}}});
        let page = serde_json::json!({"operations": [entry]});
        let (listed, _) = read_list(Service::FIRESTORE, page.to_string().as_bytes()).unwrap();
        let asked = serde_json::json!({"outputUriPrefix": "gs://b/x/", "collectionIds": ["a"]});
        let asked = crate::services::Request::of(asked.as_object().unwrap());
        assert_eq!(listed[0].request, asked);
        let labels = listed[0].labels.iter().map(|(name, value)| format!("{name}={value}"));
        assert_eq!(labels.collect::<Vec<_>>(), ["a=b"]);
        let unnamed = br#"{"operations": [{"done": true}]}"#;
        assert_eq!(read_list(Service::FIRESTORE, unnamed).unwrap().0[0].operation, None);
    }

    #[test]
    fn any_number_of_fraction_digits_is_read() {
        let times = |name| (seen(name).1.start, seen(name).1.end);
        let at = |text: &str| Some(text.parse().unwrap());
        assert_eq!(
            times("datastore-whole_seconds"),
            (at("2026-11-23T03:00:12Z"), at("2026-11-23T03:01:42Z"))
        );
        assert_eq!(
            times("datastore-nanoseconds"),
            (at("2026-11-23T03:00:12.123456789Z"), at("2026-11-23T03:01:42.123Z"))
        );
        assert_eq!(times("datastore-broken_time"), (None, None));
        assert_eq!(times("datastore-no_metadata"), (None, None));
    }

    #[test]
    fn a_list_gives_what_an_adoption_needs() {
        let (operation, body) = golden("datastore-processing");
        let entry: Value = serde_json::from_slice(&body).unwrap();
        let page = serde_json::json!({"operations": [entry, {"name": "operations/of another form"}],
            "nextPageToken": "more"});
        let (listed, next) = read_list(Service::DATASTORE, page.to_string().as_bytes()).unwrap();
        assert_eq!((listed.len(), next.as_deref()), (1, Some("more")));
        assert_eq!(listed[0].operation, Some(operation));
        assert_eq!(listed[0].labels["opwatch-key"], "2070443601311540");
        assert_eq!(listed[0].start, seen("datastore-processing").1.start);
        for empty in ["{}", r#"{"operations": [], "nextPageToken": ""}"#] {
            assert_eq!(read_list(Service::DATASTORE, empty.as_bytes()), Ok((Vec::new(), None)));
        }
        assert!(read_list(Service::DATASTORE, b"<html>").is_err());
        // What can't be read may be what was started: no blind start.
        assert!(read_list(Service::DATASTORE, br#"{"operations": [7]}"#).is_err());
    }

    #[test]
    fn a_start_must_name_its_operation_or_be_done() {
        let started = |body: &str| read_started(Service::DATASTORE, body.as_bytes());
        assert!(started(r#"{"done": true, "response": {}}"#).unwrap().operation.is_none());
        assert!(started(r#"{"name": "projects/p/operations/x"}"#).unwrap().operation.is_some());
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"name": ""}"#,
            r#"{"name": "x"}"#,
            r#"{"name": "projects/p/databases/d/operations/x"}"#,
        ] {
            assert!(started(body).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_some_observation(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
            prop_assert!(matches!(read_operation(&operation, &body), Observation::Unavailable(_)));
            let _ = (read_started(Service::FIRESTORE, &body), read_list(Service::FIRESTORE, &body));
        }

        /// Nothing of an answer is so long that it could not ride in a message.
        #[test]
        fn long_texts_are_cut(size in 0_usize..5_000) {
            let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
            let long = "é".repeat(size);
            let body = serde_json::json!({"name": operation.name(), "done": true,
                "metadata": {"common": {"state": long, "operationType": long}, "outputUrlPrefix": long},
                "response": {"outputUrl": long}, "error": {"code": 3, "message": long}});
            let Observation::Ended(_, facts) = read_operation(&operation, body.to_string().as_bytes()) else {
                panic!("it is done")
            };
            prop_assert!(facts.error.unwrap().text.chars().count() <= 2_000);
            prop_assert!(facts.output.unwrap().chars().count() <= 1_024);
            prop_assert!(facts.prefix.unwrap().chars().count() <= 1_024);
            prop_assert!(facts.state.unwrap().chars().count() <= 64 && facts.work.unwrap().chars().count() <= 64);
        }
    }
}
