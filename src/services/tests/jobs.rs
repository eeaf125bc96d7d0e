//! Resources that are operations themselves.

use super::*;

/// What an answer of `service` shows about the operation `name`.
fn read(service: &str, name: &str, answer: &Value) -> Observation {
    let operation = Operation::new(service.parse().unwrap(), name).unwrap();
    read_operation(&operation, answer.to_string().as_bytes())
}

fn running(observation: Observation) -> OperationInfo {
    match observation {
        Observation::Running(facts) => facts,
        other => panic!("{other:?}"),
    }
}

fn ended(observation: Observation) -> (Ending, OperationInfo) {
    match observation {
        Observation::Ended(ending, facts) => (ending, facts),
        other => panic!("{other:?}"),
    }
}

fn with(mut answer: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object") };
    answer.as_object_mut().unwrap().extend(more);
    answer
}

fn compute(more: Value) -> Observation {
    let name = "projects/p/zones/us-central1-a/operations/o";
    read("compute", name, &with(json!({"name": "o"}), more))
}

#[test]
fn an_error_decides_how_an_operation_of_compute_engine_ended() {
    let errors =
        json!({"errors": [{"code": "QUOTA_EXCEEDED", "message": "a"}, {"code": "X", "message": "b"}]});
    let (ending, facts) =
        ended(compute(json!({"status": "DONE", "error": errors, "httpErrorStatusCode": 403,
            "httpErrorMessage": "FORBIDDEN", "progress": 100, "endTime": "2026-11-20T03:10:00Z"})));
    assert_eq!(ending, Ending::Failed);
    let error = facts.error.unwrap();
    assert_eq!(error.to_string(), "403 QUOTA_EXCEEDED: a; b");
    assert_eq!(facts.end, Some("2026-11-20T03:10:00Z".parse().unwrap()));
    let (ending, facts) = ended(compute(json!({"status": "DONE", "error": {}})));
    assert_eq!((ending, facts.error), (Ending::Failed, Some(ApiError::default())), "an error without words");
    let (ending, facts) = ended(compute(json!({"status": "DONE", "httpErrorMessage": "NOT FOUND"})));
    assert_eq!((ending, facts.error.unwrap().text.as_str()), (Ending::Failed, "NOT FOUND"));
    let warned = json!({"status": "DONE", "warnings": [{"message": "a"}, {"message": "b"}, {}]});
    let (ending, facts) = ended(compute(warned.clone()));
    assert_eq!((ending, facts.error), (Ending::Succeeded, None));
    assert_eq!(facts.warnings, ["a", "b"]);
    let (_, facts) = ended(compute(with(warned, json!({"error": errors}))));
    assert_eq!(facts.warnings, Vec::<String>::new(), "of a failure there is an error");
    let facts =
        running(compute(json!({"status": "RUNNING", "progress": 40, "endTime": "2026-11-20T03:10:00Z",
        "targetLink": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i"})));
    assert_eq!((facts.end, facts.percent()), (None, Some(40)), "no end before it is done");
    assert_eq!(facts.target.as_deref(), Some("projects/p/zones/z/instances/i"));
}

#[test]
fn a_job_of_bigquery_that_was_stopped_was_cancelled() {
    let job = |more: Value| {
        let id = json!({"jobReference": {"jobId": "j"}, "statistics": {"completionRatio": 0.5}});
        read("bigquery.jobs", "projects/p/jobs/j", &with(id, more))
    };
    let result = |reason: &str| json!({"state": "DONE", "errorResult": {"reason": reason, "message": "m"}});
    let (ending, facts) = ended(job(json!({"status": result("stopped")})));
    assert_eq!((ending, facts.error.unwrap().to_string().as_str()), (Ending::Cancelled, "stopped: m"));
    let (ending, _) = ended(job(json!({"status": result("invalidQuery")})));
    assert_eq!(ending, Ending::Failed);
    let table = |name: &str| json!({"projectId": "p", "datasetId": "d", "tableId": name});
    let copy = json!({"status": {"state": "RUNNING"}, "configuration": {"jobType": "COPY",
        "copy": {"destinationTable": table("t")}, "load": {"destinationTable": {"projectId": "p"}}}});
    let facts = running(job(copy));
    assert_eq!(facts.target.as_deref(), Some("p.d.t"), "the first of which everything is there");
    assert_eq!((facts.work.as_deref(), facts.percent()), (Some("COPY"), Some(50)));
    let uris = json!({"jobType": "EXTRACT", "extract": {"destinationUris": ["gs://b/a", "gs://b/b"]}});
    let extract = |state: &str| json!({"status": {"state": state}, "configuration": uris});
    assert_eq!(ended(job(extract("DONE"))).1.output.as_deref(), Some("gs://b/a"));
    assert_eq!(running(job(extract("RUNNING"))).output, None, "only a success has a result");
}

#[test]
fn a_success_may_be_doubtful() {
    let name = "projects/p/locations/l/dataScans/s/jobs/j";
    let scan = |more: Value| read("dataplex.dataScanJobs", name, &with(json!({"name": name}), more));
    let doubt = json!({"state": "SUCCEEDED_WITH_ERRORS", "dataQualityResult": {"passed": false},
        "partialFailureMessage": "some"});
    let (ending, facts) = ended(scan(doubt));
    assert_eq!((ending, facts.error), (Ending::Succeeded, None));
    assert_eq!(facts.warnings, ["SUCCEEDED_WITH_ERRORS", "dataQualityResult.passed: false", "some"]);
    let (_, facts) = ended(scan(json!({"state": "SUCCEEDED", "dataQualityResult": {"passed": true}})));
    assert_eq!(facts.warnings, Vec::<String>::new());
    let (ending, facts) =
        ended(scan(json!({"state": "FAILED", "message": "no", "partialFailureMessage": "x"})));
    assert_eq!((ending, facts.error.unwrap().text.as_str()), (Ending::Failed, "no"));
    assert_eq!(facts.warnings, Vec::<String>::new());
}

#[test]
fn a_state_that_says_more_than_failed_is_the_error() {
    let build = |more: Value| {
        let name = "projects/p/builds/b";
        read("cloudbuild.builds", name, &with(json!({"id": "b"}), more))
    };
    let error = |answer: Value| ended(build(answer)).1.error.map(|error| error.to_string());
    for state in ["TIMEOUT", "EXPIRED", "INTERNAL_ERROR"] {
        assert_eq!(error(json!({"status": state})), Some(format!("{state}: ")));
    }
    assert_eq!(error(json!({"status": "FAILURE"})), None);
    assert_eq!(error(json!({"status": "CANCELLED"})), None, "that says enough");
    let info = json!({"type": "USER_BUILD_STEP", "detail": "step 1"});
    let told = error(json!({"status": "TIMEOUT", "failureInfo": info, "statusDetail": "x"}));
    assert_eq!(told.as_deref(), Some("USER_BUILD_STEP: step 1"));
    let unspecified = json!({"type": "FAILURE_TYPE_UNSPECIFIED"});
    let told = error(json!({"status": "FAILURE", "failureInfo": unspecified, "statusDetail": "x"}));
    assert_eq!(told.as_deref(), Some("x"), "a word that says nothing");
    let (ending, facts) = ended(build(json!({"status": "SUCCESS", "statusDetail": "x"})));
    assert_eq!((ending, facts.error), (Ending::Succeeded, None), "here the state decides");
    let facts = running(build(json!({"status": "STATUS_UNSPECIFIED"})));
    assert_eq!((facts.state, facts.stage), (None, None));
}

#[test]
fn a_rollout_waits_while_it_runs() {
    let name = "projects/p/locations/l/deliveryPipelines/d/releases/r/rollouts/o";
    let rollout = |state: &str| read("clouddeploy.rollouts", name, &json!({"name": name, "state": state}));
    for (state, waits) in [("PENDING_APPROVAL", true), ("HALTED", true), ("IN_PROGRESS", false)] {
        assert_eq!(running(rollout(state)).waits, waits, "{state}");
    }
    for state in ["SUCCEEDED", "APPROVAL_REJECTED", "CANCELLED"] {
        assert!(!ended(rollout(state)).1.waits, "{state}");
    }
}

#[test]
fn a_streaming_job_is_endless_while_it_runs() {
    let name = "projects/p/locations/us-central1/jobs/j";
    let job = |state: &str, kind: &str| {
        read(
            "dataflow.jobs",
            name,
            &json!({"id": "j", "currentState": state, "type": kind, "name": "n",
            "currentStateTime": "2026-11-20T03:10:00Z"}),
        )
    };
    let facts = running(job("JOB_STATE_RUNNING", "JOB_TYPE_STREAMING"));
    assert_eq!((facts.endless, facts.waits, facts.end), (true, false, None));
    assert!(!running(job("JOB_STATE_RUNNING", "JOB_TYPE_BATCH")).endless);
    assert!(running(job("JOB_STATE_PAUSED", "JOB_TYPE_BATCH")).waits);
    let (ending, facts) = ended(job("JOB_STATE_DRAINED", "JOB_TYPE_STREAMING"));
    assert_eq!((ending, facts.endless), (Ending::Succeeded, false));
    assert_eq!(facts.end, Some("2026-11-20T03:10:00Z".parse().unwrap()));
}

#[test]
fn a_job_that_is_done_without_an_end_word_failed_or_was_cancelled() {
    let name = "projects/p/regions/r/jobs/j";
    let job = |state: &str, done: &Value| {
        let status = json!({"state": state, "details": "why"});
        read("dataproc.jobs", name, &json!({"reference": {"jobId": "j"}, "status": status, "done": done}))
    };
    let facts = running(job("ATTEMPT_FAILURE", &json!(false)));
    assert_eq!(facts.error, None, "it is tried again");
    running(job("ATTEMPT_FAILURE", &json!("true")));
    let (ending, facts) = ended(job("ATTEMPT_FAILURE", &json!(true)));
    assert_eq!((ending, facts.error.unwrap().text.as_str()), (Ending::Failed, "why"));
    for (state, expected) in
        [("DONE", Ending::Succeeded), ("CANCELLED", Ending::Cancelled), ("ERROR", Ending::Failed)]
    {
        assert_eq!(ended(job(state, &json!(true))).0, expected, "{state}");
    }
}

#[test]
fn failed_parts_are_counted_if_there_are_some() {
    let name = "projects/p/patchJobs/j";
    let job = |count: &Value| {
        let summary = json!({"failedInstanceCount": count});
        read(
            "osconfig.patchJobs",
            name,
            &json!({"name": name, "state": "PATCHING", "percentComplete": 12.7,
            "instanceDetailsSummary": summary, "displayName": "n"}),
        )
    };
    for (count, failures) in
        [(json!("0"), None), (json!("3"), Some(3)), (json!(3), Some(3)), (json!("x"), None)]
    {
        assert_eq!(running(job(&count)).failures, failures, "{count}");
    }
    assert_eq!(running(job(&json!(0))).percent(), Some(12));
}

#[test]
fn the_metrics_of_gke_are_summed() {
    let percent = |metrics: &Value| {
        let name = "projects/p/locations/l/operations/o";
        let answer = json!({"name": "o", "status": "RUNNING", "progress": {"metrics": metrics}});
        running(read("container", name, &answer)).overall.map(|overall| (overall.done, overall.of))
    };
    let metric = |name: &str, value: i64| json!({"name": name, "intValue": value.to_string()});
    let both = json!([
        metric("NODES_TOTAL", 10),
        metric("NODES", 3),
        metric("PODS_TOTAL", 5),
        metric("PODS_DONE", 4)
    ]);
    assert_eq!(percent(&both), Some((7, Some(15))));
    assert_eq!(percent(&json!([metric("NODES_TOTAL", 10), metric("OTHER", 3)])), Some((0, Some(10))));
    assert_eq!([percent(&json!([metric("NODES", 3)])), percent(&json!([])), percent(&json!(7))], [None; 3]);
}

#[test]
fn a_code_of_cancellation_is_no_failure() {
    let name = "projects/p/locations/l/operations/o";
    let ending = |error: Value| {
        ended(read("container", name, &json!({"name": "o", "status": "DONE", "error": error})))
    };
    let (is, facts) = ending(json!({"code": 1, "message": "x"}));
    assert_eq!((is, facts.error.unwrap().to_string().as_str()), (Ending::Cancelled, "1 CANCELLED: x"));
    let (is, facts) = ending(json!({"code": 9}));
    assert_eq!((is, facts.error.unwrap().to_string().as_str()), (Ending::Failed, "9 FAILED_PRECONDITION: "));
    assert_eq!(ending(json!({})).0, Ending::Succeeded);
    // An HTTP status is no such code.
    assert_eq!(ended(compute(json!({"status": "DONE", "httpErrorStatusCode": 1}))).0, Ending::Failed);
}

#[test]
fn a_migration_waits_by_its_phase() {
    let name = "projects/p/locations/l/migrationJobs/m";
    let job = |phase: &str| {
        let answer = json!({"name": name, "state": "RUNNING", "phase": phase});
        let facts = running(read("datamigration.migrationJobs", name, &answer));
        (facts.waits, facts.stage)
    };
    assert_eq!(job("CDC"), (true, Some("CDC".to_owned())));
    assert_eq!(job("FULL_DUMP"), (false, Some("FULL_DUMP".to_owned())));
}

#[test]
fn what_was_told_to_be_written_or_read_is_known_before_the_end() {
    let sql = |context: &str, status: &str| {
        let answer = json!({"name": "o", "targetProject": "p", "status": status, context: {"uri": "gs://b/x"},
            "operationType": "EXPORT", "targetId": "i", "insertTime": "2026-11-20T03:00:00Z"});
        read("sqladmin", "projects/p/operations/o", &answer)
    };
    for context in ["exportContext", "importContext"] {
        let facts = running(sql(context, "RUNNING"));
        assert_eq!((facts.prefix.as_deref(), facts.output), (Some("gs://b/x"), None), "{context}");
        assert_eq!(
            (facts.work.as_deref(), facts.target.as_deref()),
            (Some("EXPORT"), Some("projects/p/instances/i"))
        );
        assert_eq!(facts.start, Some("2026-11-20T03:00:00Z".parse().unwrap()), "it waits for its turn");
    }
    assert_eq!(ended(sql("exportContext", "DONE")).1.output.as_deref(), Some("gs://b/x"));
    let name = "projects/p/locations/l/dlpJobs/j";
    let result = json!({"processedBytes": "5", "totalEstimatedBytes": "10"});
    let job = json!({"name": name, "state": "RUNNING", "inspectDetails": {"result": result}});
    let facts = running(read("dlp.dlpJobs", name, &job));
    assert_eq!(facts.bytes, Some(Progress { done: 5, of: Some(10) }));
}

#[test]
fn a_share_is_one() {
    let share = |ratios: &[f64]| {
        let name = "projects/p/regions/r/jobs/j";
        let applications: Vec<_> = ratios.iter().map(|ratio| json!({"progress": ratio})).collect();
        let answer = json!({"reference": {"jobId": "j"}, "status": {"state": "RUNNING"},
            "yarnApplications": applications});
        running(read("dataproc.jobs", name, &answer)).percent()
    };
    assert_eq!([share(&[0.5]), share(&[1.0, 0.5]), share(&[0.0])], [Some(50), Some(75), Some(0)]);
    assert_eq!([share(&[]), share(&[1.5, 0.1]), share(&[-0.1])], [None; 3]);
}

/// What is read is what the row says: else its check against Google's discovery documents would be of something else.
#[test]
fn a_kind_of_job_names_what_it_reads_and_the_words_it_knows() {
    let service = |id: &str| -> Service { id.parse().unwrap() };
    let build = service("cloudbuild.builds");
    let mut reads = build.reads();
    reads.sort_unstable();
    let expected = [
        "failureInfo.detail",
        "failureInfo.type",
        "finishTime",
        "id",
        "id",
        "name",
        "projectId",
        "results.images.first.name",
        "startTime",
        "status",
        "statusDetail",
        "steps.*.status",
        "warnings.*.text",
    ];
    assert_eq!(reads, expected);
    let words = ["SUCCESS", "FAILURE", "INTERNAL_ERROR", "TIMEOUT", "EXPIRED", "CANCELLED"];
    assert_eq!(build.words(), words);
    let dataflow = service("dataflow.jobs");
    assert_eq!(
        dataflow.words(),
        ["DONE", "DRAINED", "UPDATED", "FAILED", "CANCELLED", "PAUSED"]
            .map(|word| format!("JOB_STATE_{word}"))
    );
    assert!(dataflow.reads().contains(&"type") && dataflow.reads().contains(&"currentStateTime"));
    let storage = service("container").reads();
    assert!(storage.contains(&"progress.metrics.*.name") && storage.contains(&"progress.metrics.*.intValue"));
    let bigquery = service("bigquery.jobs").reads();
    for path in
        ["statistics.completionRatio", "statistics.query.queryPlan.*.parallelInputs", "status.errorResult"]
    {
        assert!(bigquery.contains(&path), "{path}");
    }
    assert!(service("dataproc.jobs").reads().contains(&"done"));
    for shared in ["redis", "datastore"] {
        assert_eq!((service(shared).reads(), service(shared).words()), (Vec::new(), Vec::new()));
    }
}

#[test]
fn the_text_of_a_failure_is_asked_for_where_there_is_none() {
    let service = |id: &str| -> Service { id.parse().unwrap() };
    let form = service("dataform.workflowInvocations").detail_form();
    let name =
        "projects/{project}/locations/{location}/repositories/{repository}/workflowInvocations/{invocation}";
    assert_eq!(form, Some((format!("v1/{name}:query"), "workflowInvocationActions.*.failureReason")));
    let permissions =
        ["dataflow.jobs", "dataform.workflowInvocations", "redis"].map(|id| service(id).detail_permission());
    assert_eq!(
        permissions,
        [Some("dataflow.messages.list"), Some("dataform.workflowInvocations.query"), None]
    );
    assert_eq!(service("redis").detail_form(), None);

    let dataflow =
        Operation::new(service("dataflow.jobs"), "projects/p/locations/us-central1/jobs/j").unwrap();
    let failed = |error: Option<ApiError>| {
        Observation::Ended(Ending::Failed, OperationInfo { error, ..OperationInfo::default() })
    };
    let silent = ApiError::new(13, "INTERNAL", "");
    assert!(detail_path(&dataflow, &failed(None)).is_some());
    assert!(detail_path(&dataflow, &failed(Some(silent.clone()))).is_some());
    assert_eq!(detail_path(&dataflow, &failed(Some(ApiError::of_text("why")))), None);

    let body = br#"{"jobMessages": [{"messageText": "why"}]}"#;
    let told = |observation: Observation, body: &[u8]| with_detail(dataflow.service(), observation, body);
    let expected = failed(Some(ApiError::new(13, "INTERNAL", "why")));
    assert_eq!(told(failed(Some(silent.clone())), body), expected, "its code stays");
    assert_eq!(told(failed(Some(silent.clone())), b"{}"), failed(Some(silent)));
    let running = || Observation::Running(OperationInfo::default());
    assert_eq!(told(running(), body), running());
    let redis = service("redis");
    assert_eq!(with_detail(redis, failed(None), body), failed(None), "its operations carry it");
}
