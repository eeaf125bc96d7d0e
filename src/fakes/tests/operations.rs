//! The admin APIs: an export that advances, ends, lists, strictness.

use super::*;

fn plan(end: End) -> Plan {
    Plan {
        duration: Duration::from_secs(1_000),
        end,
        entities: 200,
        bytes: 4_000,
        estimate: true,
        stuck_at: None,
    }
}

async fn export(world: &World, prefix: &str, label: &str) -> Value {
    let body = json!({
        "outputUrlPrefix": prefix,
        "entityFilter": {"kinds": ["Task"]},
        "labels": {"key": label},
    });
    let url = format!("{}/v1/projects/demo:export", world.operations.url());
    let (status, answer) = post(world, &url, &body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn read(world: &World, name: &str) -> Value {
    get(world, &format!("{}/v1/{name}", world.operations.url())).await.1
}

#[tokio::test]
async fn an_export_advances_with_time() {
    let world = World::start(Options::default()).await.unwrap();
    world.operations.plan(plan(End::Succeeded));
    let started = export(&world, "gs://backups/nightly", "k").await;
    let name = started["name"].as_str().unwrap();
    let metadata = &started["metadata"];
    assert_eq!(metadata["@type"], "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesMetadata");
    assert_eq!(metadata["common"]["state"], "INITIALIZING");
    assert_eq!(metadata["common"]["operationType"], "EXPORT_ENTITIES");
    assert_eq!(metadata["common"]["labels"], json!({"key": "k"}));
    assert_eq!(metadata["entityFilter"], json!({"kinds": ["Task"]}));
    assert_eq!((started.get("done"), metadata.get("progressEntities")), (None, None));

    world.time.advance(Duration::from_secs(500));
    let halfway = read(&world, name).await;
    assert_eq!(halfway["metadata"]["common"]["state"], "PROCESSING");
    assert_eq!(
        halfway["metadata"]["progressEntities"],
        json!({"workCompleted": "100", "workEstimated": "200"})
    );
    assert_eq!(halfway["metadata"]["progressBytes"]["workEstimated"], "4000");
    assert_eq!(halfway.get("done"), None);

    world.time.advance(Duration::from_secs(500));
    let ended = read(&world, name).await;
    assert_eq!((&ended["done"], &ended["metadata"]["common"]["state"]), (&json!(true), &json!("SUCCESSFUL")));
    assert!(ended["metadata"]["common"]["endTime"].is_string());
    let output = ended["response"]["outputUrl"].as_str().unwrap();
    assert_eq!(output, "gs://backups/nightly/nightly.overall_export_metadata");
    assert_eq!(world.operations.reads(name), 2);
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn the_date_header_is_virtual() {
    let world = World::start(Options::default()).await.unwrap();
    world.operations.add("projects/demo/operations/x", plan(End::Succeeded));
    world.time.advance(Duration::from_secs(86_400 * 365));
    let url = format!("{}/v1/projects/demo/operations/x", world.operations.url());
    let response = world.shared.client.get(url).send().await.unwrap();
    let dates: Vec<_> = response.headers().get_all("date").iter().collect();
    assert_eq!(dates.len(), 1);
    let date = chrono::DateTime::parse_from_rfc2822(dates[0].to_str().unwrap()).unwrap();
    assert!((world.time.now() - date.to_utc()).num_seconds() < 60, "{date}");
    world.stop().await;
}

#[tokio::test]
async fn an_operation_ends_as_planned() {
    let world = World::start(Options::default()).await.unwrap();
    let add = |id: &str, plan| {
        let name = format!("projects/demo/operations/{id}");
        world.operations.add(&name, plan);
        name
    };
    let failed = add("failed", plan(End::Failed { code: 7, message: "No access".to_owned() }));
    let cancelled = add("cancelled", plan(End::Cancelled));
    let odd = add("odd", plan(End::State("PAUSED".to_owned())));
    let stuck = add("stuck", Plan { duration: Duration::MAX, ..plan(End::Succeeded) });
    let blind =
        add("blind", Plan { estimate: false, duration: Duration::from_secs(4_000), ..plan(End::Succeeded) });
    world.time.advance(Duration::from_secs(1_000));

    let body = read(&world, &failed).await;
    assert_eq!(body["error"], json!({"code": 7, "message": "No access"}));
    assert_eq!(body["metadata"]["common"]["state"], "FAILED");
    assert_eq!(read(&world, &cancelled).await["error"]["code"], 1);
    let body = read(&world, &odd).await;
    assert_eq!((&body["done"], &body["metadata"]["common"]["state"]), (&json!(true), &json!("PAUSED")));
    assert_eq!((body.get("error"), body.get("response")), (None, None));
    assert_eq!(read(&world, &blind).await["metadata"]["progressEntities"], json!({"workCompleted": "50"}));

    let body = read(&world, &stuck).await;
    assert_eq!((body.get("done"), &body["metadata"]["common"]["state"]), (None, &json!("PROCESSING")));
    let url = format!("{}/v1/{stuck}:cancel", world.operations.url());
    assert_eq!(post(&world, &url, &json!({})).await, (200, json!({})));
    assert_eq!(read(&world, &stuck).await["metadata"]["common"]["state"], "CANCELLING");
    world.time.advance(Duration::from_secs(5));
    assert_eq!(read(&world, &stuck).await["error"]["code"], 1);

    world.operations.remove(&stuck);
    assert_eq!(read(&world, &stuck).await["error"]["status"], "NOT_FOUND");
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let world = World::start(Options::default()).await.unwrap();
    let url = format!("{}/v1/projects/demo/operations", world.operations.url());
    assert_eq!(get(&world, &url).await, (200, json!({})), "an empty list has no fields");
    for label in ["one", "two", "three", "two", "five"] {
        export(&world, "gs://backups", label).await;
    }
    world.operations.add("projects/other/operations/x", Plan::default());
    world.operations.page_size(2);

    let (mut token, mut labels) = (String::new(), Vec::new());
    loop {
        let (_, page) = get(&world, &format!("{url}?pageSize=100&pageToken={token}")).await;
        let found = page["operations"].as_array().unwrap().clone();
        assert!(found.len() <= 2);
        labels.extend(found.iter().map(|it| it["metadata"]["common"]["labels"]["key"].clone()));
        let Some(next) = page["nextPageToken"].as_str() else { break };
        next.clone_into(&mut token);
    }
    assert_eq!(labels, ["five", "two", "three", "two", "one"]);

    let count = async |filter: &str| {
        let (_, page) = get(&world, &format!("{url}?filter={filter}")).await;
        page["operations"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("metadata.common.labels.key=two").await, 2);
    assert_eq!(count("metadata.common.labels.key=six").await, 0);
    assert_eq!(
        count("metadata.common.operation_type=EXPORT_ENTITIES+AND+metadata.common.labels.key%3D%22one%22")
            .await,
        1
    );
    assert_eq!(count("metadata.common.operation_type=import_entities").await, 0);
    assert_eq!(world.violations(), Vec::<String>::new());
    let wrong = [
        "filter=name",
        "filter=done=true",
        "filter=metadata.common.labels.key:two",
        "pageToken=x",
        "pageToken=page-2~done:true",
        "page=2",
    ];
    for query in wrong {
        assert_eq!(get(&world, &format!("{url}?{query}")).await.0, 400, "{query}");
    }
    assert_eq!(world.violations().len(), wrong.len());
    world.stop().await;
}

#[tokio::test]
async fn firestore_has_its_own_words() {
    let world = World::start(Options::default()).await.unwrap();
    world.operations.plan(plan(End::Succeeded));
    let database = format!("{}/v1/projects/demo/databases/(default)", world.operations.url());
    let body = json!({"outputUriPrefix": "gs://backups", "collectionIds": ["users"], "snapshotTime": "2026-11-01T00:00:00Z"});
    let (status, started) = post(&world, &format!("{database}:exportDocuments"), &body).await;
    assert_eq!(status, 200, "{started}");
    let name = started["name"].as_str().unwrap();
    assert!(name.starts_with("projects/demo/databases/(default)/operations/"), "{name}");

    world.time.advance(Duration::from_secs(250));
    let metadata = read(&world, name).await["metadata"].clone();
    assert_eq!(metadata["@type"], "type.googleapis.com/google.firestore.admin.v1.ExportDocumentsMetadata");
    assert_eq!(
        (&metadata["operationState"], &metadata["collectionIds"]),
        (&json!("PROCESSING"), &json!(["users"]))
    );
    assert_eq!(metadata["progressDocuments"], json!({"completedWork": "50", "estimatedWork": "200"}));
    assert!(metadata["startTime"].is_string());
    world.time.advance(Duration::from_secs(750));
    let response = read(&world, name).await["response"].clone();
    assert!(response["outputUriPrefix"].as_str().unwrap().starts_with("gs://backups/"));
    assert_eq!(metadata["outputUriPrefix"], response["outputUriPrefix"], "where the documents go");
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

/// As the reference of `FirestoreAdmin` says: a finished operation shows with the filter alone, unless it failed.
#[tokio::test]
async fn firestore_lists_running_and_failed_operations_unless_asked_for_finished_ones() {
    let world = World::start(Options::default()).await.unwrap();
    let database = "projects/demo/databases/(default)";
    let failed = End::Failed { code: 7, message: String::new() };
    let ends = [("succeeded", End::Succeeded), ("failed", failed), ("cancelled", End::Cancelled)];
    for (name, end) in ends.clone() {
        world.operations.add(&format!("{database}/operations/{name}"), plan(end));
    }
    world.time.advance(Duration::from_secs(2_000));
    world.operations.add(&format!("{database}/operations/running"), plan(End::Succeeded));
    let listed = async |query: &str| {
        let url = format!("{}/v1/{database}/operations{query}", world.operations.url());
        let (_, page) = get(&world, &url).await;
        let names = page["operations"].as_array().into_iter().flatten();
        names
            .map(|it| it["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ["running", "failed"]);
    for filter in ["done:true", "done%3A%20true", "done=true"] {
        assert_eq!(listed(&format!("?filter={filter}")).await, ["cancelled", "failed", "succeeded"]);
    }
    assert_eq!(listed("?filter=done:false").await, ["running"]);
    assert_eq!(world.violations(), Vec::<String>::new());
    listed("?filter=metadata.operationState=SUCCESSFUL").await;
    assert_eq!(world.violations().len(), 1, "a filter that no reference has");
    world.stop().await;
}

#[tokio::test]
async fn each_export_needs_a_folder_of_its_own() {
    let world = World::start(Options::default()).await.unwrap();
    world.operations.plan(plan(End::Failed { code: 7, message: String::new() }));
    let base = format!("{}/v1/projects/demo", world.operations.url());
    let start = async |service: &str, prefix: &str| {
        let (method, field) = match service {
            "datastore" => (":export", "outputUrlPrefix"),
            _ => ("/databases/(default):exportDocuments", "outputUriPrefix"),
        };
        post(&world, &format!("{base}{method}"), &json!({field: prefix})).await
    };
    for service in ["datastore", "firestore"] {
        let prefix = format!("gs://backups/of/{service}");
        assert_eq!(start(service, &prefix).await.0, 200);
        world.time.advance(Duration::from_secs(86_400));
        for again in [prefix.clone(), format!("{prefix}/")] {
            let (status, answer) = start(service, &again).await;
            let error = &answer["error"];
            assert_eq!((status, &error["status"]), (400, &json!("INVALID_ARGUMENT")), "{answer}");
            let path = format!("/backups/of/{service}/{service}.overall_export_metadata");
            assert_eq!(error["message"], format!("Path already exists: {path}"));
        }
        assert_eq!(start(service, &format!("{prefix}/below")).await.0, 200);
        assert_eq!(
            (start(service, "gs://backups").await.0, start(service, "gs://backups").await.0),
            (200, 200)
        );
    }
    assert_eq!(
        start("firestore", "gs://backups/of/datastore").await.0,
        400,
        "a bucket is one place for both"
    );
    world.time.advance(Duration::from_secs(1_000));
    assert_eq!(start("firestore", "gs://backups/of/firestore").await.0, 400, "after a failure too");
    assert_eq!(world.violations(), Vec::<String>::new(), "what a person wrote is no fault of the caller");
    world.stop().await;
}

#[tokio::test]
async fn starting_is_strict() {
    let world = World::start(Options::default()).await.unwrap();
    let wrong = [
        ("projects/demo:export", json!({"outputUrlPrefix": "gs://b", "labels": {"Key": "x"}})),
        ("projects/demo:export", json!({"outputUrlPrefix": "gs://b", "labels": {"1k": "x"}})),
        ("projects/demo:export", json!({"outputUrlPrefix": "gs://b", "labels": {"key": "a".repeat(64)}})),
        ("projects/demo:export", json!({"outputUrlPrefix": "gs://b", "entityfilter": {}})),
        ("projects/demo:export", json!({"outputUrlPrefix": "gs://b", "collectionIds": []})),
        ("projects/demo:delete", json!({})),
        ("projects/demo:exportDocuments", json!({"outputUriPrefix": "gs://b"})),
        (
            "projects/demo/databases/(default):exportDocuments",
            json!({"outputUriPrefix": "gs://b", "labels": {}}),
        ),
        ("projects/d?mo:export", json!({"outputUrlPrefix": "gs://b"})),
    ];
    for (path, body) in &wrong {
        let (status, answer) = post(&world, &format!("{}/v1/{path}", world.operations.url()), body).await;
        assert!(status == 400 || status == 404, "{path} {body} {answer}");
    }
    assert_eq!(world.violations().len(), wrong.len(), "{:#?}", world.violations());
    let url = format!("{}/v1/projects/demo:export", world.operations.url());
    for body in [json!({}), json!({"outputUrlPrefix": "my-bucket"})] {
        assert_eq!(post(&world, &url, &body).await.1["error"]["status"], "INVALID_ARGUMENT");
    }
    assert_eq!(world.violations().len(), wrong.len(), "a bad bucket is the person's mistake");
    assert!(world.operations.operations().is_empty());

    let import = format!("{}/v1/projects/demo:import", world.operations.url());
    let (_, started) = post(&world, &import, &json!({"inputUrl": "gs://b/x.overall_export_metadata"})).await;
    assert_eq!(started["metadata"]["common"]["operationType"], "IMPORT_ENTITIES");
    world.stop().await;
}
