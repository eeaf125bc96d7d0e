//! Standard operations: where their facts may be, and what they count.

use super::*;

const NAME: &str = "projects/p/locations/l/operations/o";

fn read(answer: &Value) -> Observation {
    let operation = Operation::new("redis".parse().unwrap(), NAME).unwrap();
    read_operation(&operation, answer.to_string().as_bytes())
}

/// What is known of one that runs, with this metadata.
fn running(metadata: &Value) -> OperationInfo {
    match read(&json!({"name": NAME, "metadata": metadata})) {
        Observation::Running(facts) => facts,
        other => panic!("{other:?}"),
    }
}

/// How one ended that is done, with this metadata and error, and what is known of it.
fn done(metadata: &Value, error: &Value) -> (Ending, OperationInfo) {
    match read(&json!({"name": NAME, "done": true, "metadata": metadata, "error": error})) {
        Observation::Ended(ending, facts) => (ending, facts),
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a fact may be missing")]
fn at(text: &str) -> Option<DateTime<Utc>> {
    Some(text.parse().unwrap())
}

const ONE: &str = "2026-11-20T03:00:00Z";
const TWO: &str = "2026-11-20T03:10:00Z";

/// The progress that this metadata shows, in words.
fn shows(metadata: &Value) -> String {
    progress(&running(metadata))
}

#[test]
fn facts_are_read_by_any_of_their_names_and_in_any_group() {
    let ended = |metadata: &Value| done(metadata, &Value::Null).1;
    for group in
        ["", "common", "commonMetadata", "genericMetadata", "operationMetadata", "progress", "status"]
    {
        let put = |name: &str, value: &str| {
            let field = json!({name: value});
            if group.is_empty() { field } else { json!({group: field}) }
        };
        for name in ["createTime", "startTime", "insertTime", "requestTime", "submitTime", "creationTime"] {
            assert_eq!(running(&put(name, ONE)).start, at(ONE), "{group} {name}");
        }
        for name in ["endTime", "finishTime", "completeTime", "doneTime", "updateTime", "lastUpdateTime"] {
            assert_eq!(ended(&put(name, TWO)).end, at(TWO), "{group} {name}");
            assert_eq!(running(&put(name, TWO)).end, None, "before it is done it is not its end");
        }
        for name in ["state", "operationState"] {
            assert_eq!(running(&put(name, "X")).state.as_deref(), Some("X"), "{group} {name}");
            assert_eq!(running(&put(name, "STATE_UNSPECIFIED")).state, None);
        }
        for name in ["verb", "operationType", "method", "apiMethodName", "apiMethod", "action"] {
            assert_eq!(running(&put(name, "x")).work.as_deref(), Some("x"), "{group} {name}");
            assert_eq!(running(&put(name, "")).work, None, "{group} {name}");
        }
        for name in
            ["target", "targetResourceName", "resource", "database", "instance", "clusterName", "index"]
        {
            assert_eq!(running(&put(name, "x")).target.as_deref(), Some("x"), "{group} {name}");
        }
        for name in ["statusMessage", "statusDetail", "stateMessage", "step", "description"] {
            assert_eq!(running(&put(name, "x")).stage.as_deref(), Some("x"), "{group} {name}");
            assert_eq!(ended(&put(name, "x")).stage, None, "one that is done is nowhere");
        }
    }
    let first = ended(&json!({"updateTime": ONE, "endTime": TWO, "stateStartTime": ONE}));
    assert_eq!(first.end, at(TWO), "an end rather than a change");
    assert_eq!(ended(&json!({"stateStartTime": TWO})).end, at(TWO));
    let history = json!({"statusHistory": [{"stateStartTime": ONE}, {"stateStartTime": TWO}]});
    assert_eq!(running(&history).start, at(ONE));
    let copied = json!({"target": {"name": "projects/p/x"}});
    assert_eq!(running(&copied).target.as_deref(), Some("projects/p/x"));
    assert_eq!(running(&json!({"target": {"name": ""}, "resource": 7})).target, None);
}

/// The metadata of some operations is the resource or the request: what it tells is not of the operation.
#[test]
fn only_metadata_tells_about_the_operation() {
    let of = |kind: &str| {
        running(&json!({"@type": format!("type.googleapis.com/x.v1.{kind}"), "name": "r", "createTime": ONE,
            "state": "READY", "successCount": 3}))
    };
    for kind in [
        "OperationMetadata",
        "OperationMetadataV1",
        "OperationMetadataV1Beta",
        "OperationMetadataV2Alpha",
        "DeployMetatdata",
        "ImportProgress",
        "TransferStatus",
        "TransferOperation",
        "OperationMetadataV12",
    ] {
        let facts = of(kind);
        assert_eq!((facts.start, facts.state.as_deref()), (at(ONE), Some("READY")), "{kind}");
        assert_eq!(facts.items.map(|items| items.count.done), Some(3), "{kind}");
    }
    for kind in ["Service", "Feed", "MetadataOfX", "VBeta"] {
        let facts = of(kind);
        assert_eq!((facts.start, facts.state, facts.items), (None, None, None), "{kind}");
        assert_eq!(facts.target.as_deref(), Some("r"), "{kind}");
    }
    let work = |kind: &str| running(&json!({"@type": kind})).work;
    assert_eq!(work("type.googleapis.com/x.ExportDocumentsMetadata").as_deref(), Some("EXPORT_DOCUMENTS"));
    assert_eq!(work("type.googleapis.com/x.OperationMetadata").as_deref(), Some("OPERATION"));
    assert_eq!(work("type.googleapis.com/x.Feed"), None);
    let own = json!({"@type": "type.googleapis.com/x.OperationMetadata", "verb": "update"});
    assert_eq!(running(&own).work.as_deref(), Some("update"));
}

#[test]
fn a_percentage_is_one() {
    let overall = |metadata: &Value| running(metadata).overall.map(|overall| (overall.done, overall.of));
    for name in ["progressPercent", "progressPercentage", "percentComplete", "percentDone", "progress"] {
        for (value, done) in [
            (json!(0), Some(0)),
            (json!(42), Some(42)),
            (json!("42"), Some(42)),
            (json!(42.9), Some(42)),
            (json!(100), Some(100)),
            (json!(100.0), Some(100)),
            (json!(101), None),
            (json!(100.5), None),
            (json!(-0.5), None),
            (json!("x"), None),
            (json!(true), None),
        ] {
            let expected = done.map(|done| (done, Some(100)));
            assert_eq!(overall(&json!({name: value})), expected, "{name}: {value}");
        }
    }
}

#[test]
fn one_that_waits_for_a_person_says_so_until_it_is_done() {
    for (state, waits) in [
        ("PAUSED", true),
        ("STATE_PAUSED", true),
        ("OPERATION_STATE_PAUSED", true),
        ("WAITING_FOR_PERMISSIONS", true),
        ("RUNNING", false),
        ("UNPAUSED", false),
        ("", false),
    ] {
        let metadata = json!({"state": state});
        assert_eq!(running(&metadata).waits, waits, "{state}");
        assert!(!done(&metadata, &Value::Null).1.waits, "{state}");
    }
    assert!(!running(&json!({})).waits);
}

#[test]
fn a_state_can_say_that_it_ended_badly() {
    let ending = |state: &str, error: &Value| done(&json!({"state": state}), error).0;
    for state in ["FAILED", "FAILURE", "ERROR", "PREVIEW_FAILED", "STATE_FAILED", "STATUS_ERROR"] {
        assert_eq!(ending(state, &Value::Null), Ending::Failed, "{state}");
    }
    for state in ["CANCELLED", "CANCELED", "ABORTED", "STATE_CANCELLED"] {
        assert_eq!(ending(state, &Value::Null), Ending::Cancelled, "{state}");
    }
    for state in ["DONE", "SUCCEEDED", "NOT_FAILED", ""] {
        assert_eq!(ending(state, &Value::Null), Ending::Succeeded, "{state}");
        assert_eq!(ending(state, &json!({"code": 1})), Ending::Cancelled, "{state}");
        assert_eq!(ending(state, &json!({"code": 9, "message": "x"})), Ending::Failed, "{state}");
        assert_eq!(ending(state, &json!({"message": "x"})), Ending::Failed, "{state}");
        assert_eq!(ending(state, &json!({})), Ending::Succeeded, "an empty status is proto's OK");
    }
}

#[test]
fn warnings_are_of_a_success() {
    let warnings = |metadata: &Value| done(metadata, &Value::Null).1.warnings;
    for name in ["partialFailures", "partialErrors", "warnings", "warning"] {
        let said = json!({name: ["a", {"message": "b"}, "", {"code": 3}, 7, "c", "d"]});
        assert_eq!(warnings(&said), ["a", "b", "c"], "{name}");
        assert_eq!(warnings(&json!({name: "a"})), ["a"], "{name}");
        assert_eq!(warnings(&json!({"common": {name: {"message": "a"}}})), ["a"], "{name}");
        let failed = done(&said, &json!({"code": 9, "message": "x"}));
        assert_eq!((failed.0, failed.1.warnings.len()), (Ending::Failed, 0), "{name}");
    }
}

#[test]
fn an_error_is_told_without_the_markup_of_some_servers() {
    let told = |message: &str| {
        let (_, facts) = done(&json!({}), &json!({"code": 5, "message": message}));
        facts.error.map(|error| error.to_string()).unwrap_or_default()
    };
    for message in [
        "no",
        "<eye3 title='NOT_FOUND'/> generic::NOT_FOUND: no",
        "<eye3 title='NOT_FOUND'/> no",
        "<eye3/>no",
    ] {
        let expected = if message == "<eye3/>no" { message } else { "no" };
        assert_eq!(told(message), format!("5 NOT_FOUND: {expected}"));
    }
    assert_eq!(told("<eye3 unfinished"), "5 NOT_FOUND: <eye3 unfinished");
    assert_eq!(told("<eye3 x/> generic::X"), "5 NOT_FOUND: generic::X");
    let reason = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "X"});
    let (_, facts) = done(&json!({}), &json!({"code": 7, "details": [reason]}));
    assert_eq!(facts.error.unwrap().info.unwrap().reason, "X");
}

#[test]
fn stages_and_steps_are_counted_by_their_states() {
    let stage = |state: &str| json!({"name": "n", "state": state});
    for list in ["stages", "steps"] {
        for done in ["COMPLETE", "COMPLETED", "DONE", "SUCCESS", "SUCCEEDED"] {
            let all = json!({list: [stage(done), stage("IN_PROGRESS"), stage("NOT_STARTED")]});
            assert_eq!(shows(&all), "Stages 1 of 3, at n", "{list} {done}");
            assert_eq!(shows(&json!({"upgradeClusterStatus": all})), "Stages 1 of 3, at n");
            assert_eq!(shows(&json!({"progress": all})), "Stages 1 of 3, at n");
        }
    }
    for (runs, word) in [("RUNNING", "stage"), ("WORKING", "description"), ("IN_PROGRESS", "name")] {
        assert_eq!(shows(&json!({"steps": [{"status": runs, word: "w"}]})), "Stages 0 of 1, at w");
    }
    assert_eq!(shows(&json!({"stages": [{"state": "QUEUED"}, {}]})), "Stages 0 of 2");
    assert_eq!([shows(&json!({"stages": []})), shows(&json!({"stages": 7}))], ["", ""]);
    // What the stages say comes before what is said of all.
    let both = json!({"stages": [stage("RUNNING")], "statusMessage": "m"});
    assert_eq!(running(&both).stage.as_deref(), Some("n"));
}

#[test]
fn statements_are_counted_by_their_percentages() {
    let percent = |percent: u64| json!({"progressPercent": percent, "startTime": ONE, "endTime": TWO});
    let two = json!({"statements": ["a", "b"], "progress": [percent(100), percent(50)]});
    assert_eq!(shows(&two), "75 of 100, Statements 1 of 2");
    let later = json!({"statements": ["a", "b", "c", "d"], "progress": [percent(100)]});
    assert_eq!(shows(&later), "25 of 100, Statements 1 of 4", "of those that have not begun, too");
    assert_eq!(shows(&json!({"progress": [percent(40), {}]})), "20 of 100", "without statements, inputs");
    assert_eq!(shows(&json!({"annotationProgress": [percent(40)]})), "40 of 100");
    assert_eq!(shows(&json!({"annotationProgress": [percent(200), percent(0)]})), "50 of 100");
    assert_eq!(shows(&json!({"statements": ["a"], "progress": []})), "0 of 100, Statements 0 of 1");
    assert_eq!(shows(&json!({"statements": [], "progress": []})), "");
    let facts = done(&two, &Value::Null).1;
    assert_eq!((facts.start, facts.end), (at(ONE), at(TWO)));
    let first = json!({"progress": [{"startTime": ONE, "endTime": ONE}, {"startTime": TWO, "endTime": TWO}]});
    let facts = done(&first, &Value::Null).1;
    assert_eq!((facts.start, facts.end), (at(ONE), at(TWO)), "from the first to the last");
}

#[test]
fn tables_are_counted_with_their_bytes() {
    let tables = json!({"tables": {
        "a": {"state": "COMPLETED", "estimatedSizeBytes": "100", "estimatedCopiedBytes": "100"},
        "b": {"state": "COPYING", "estimatedSizeBytes": "50", "estimatedCopiedBytes": "20"},
        "c": {"state": "PENDING", "estimatedSizeBytes": "10"}}});
    assert_eq!(shows(&tables), "Tables 1 of 3, Bytes 120 of 160");
    assert_eq!(shows(&json!({"tables": {"a": {"estimatedSizeBytes": "7"}}})), "Tables 0 of 1, Bytes 0 of 7");
    assert_eq!(shows(&json!({"tables": {"a": {"estimatedCopiedBytes": "7"}}})), "Tables 0 of 1");
    assert_eq!(shows(&json!({"tables": {}})), "");
}

#[test]
fn transfers_and_imports_are_counted() {
    for (metadata, expected) in [
        (
            json!({"counters": {"objectsCopiedToSink": "3", "objectsFoundFromSource": "9",
                "bytesCopiedToSink": "30", "bytesFoundFromSource": "90", "objectsFromSourceFailed": "2"}}),
            "Objects 3 of 9, Bytes 30 of 90, Failed 2",
        ),
        (
            json!({"job": {"counters": {"succeededObjectCount": "3", "totalObjectCount": "9",
                "failedObjectCount": "0"}}}),
            "Objects 3 of 9",
        ),
        (json!({"counters": {"objectsFoundFromSource": "9"}}), "Objects 0 of 9"),
        (json!({"counters": {"objectsCopiedToSink": "9"}}), "Objects 9"),
        (json!({"counters": {"bytesCopiedToSink": "9"}}), "Bytes 9"),
        (json!({"counters": {"bytesFoundFromSource": "9"}}), "Bytes 0 of 9"),
        (json!({"counters": {}}), ""),
        (json!({"counter": {"success": "5", "pending": "3", "failure": "2"}}), "Records 5 of 10, Failed 2"),
        (json!({"counter": {"pending": "3"}}), "Records 0 of 3"),
        (json!({"counter": {"success": "5", "failure": "0"}}), "Records 5"),
        (json!({"counter": {"failure": "2"}}), "Failed 2"),
        (json!({"successCount": "5", "failureCount": 1, "totalCount": "8"}), "Records 5 of 8, Failed 1"),
        (json!({"successCount": 5, "failureCount": "0"}), "Records 5"),
        (json!({"totalCount": "8"}), "Records 0 of 8"),
        (json!({"totalCount": "-8", "successCount": "x"}), ""),
    ] {
        assert_eq!(shows(&metadata), expected, "{metadata}");
    }
}

#[test]
fn an_answer_of_another_form_says_as_much_as_can_be_read() {
    for metadata in [json!(null), json!(7), json!([]), json!("x"), json!({})] {
        let facts = running(&metadata);
        assert_eq!(facts, OperationInfo::default(), "{metadata}");
    }
    let unavailable = |answer: &Value| match read(answer) {
        Observation::Unavailable(error) => error.text,
        other => panic!("{other:?}"),
    };
    let about = |other: &str| format!("asked for {NAME}, but the response is about {other}");
    assert_eq!(unavailable(&json!({"name": "operations/x"})), about("operations/x"));
    assert_eq!(unavailable(&json!({"done": true})), about("no operation"));
    assert!(unavailable(&json!([])).starts_with("the response could not be read: "));
    let by_number = json!({"name": "projects/123/locations/l/operations/o"});
    assert!(matches!(read(&by_number), Observation::Running(_)), "a project has a number, too");
}
