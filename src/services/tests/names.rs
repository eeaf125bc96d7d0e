//! Names of operations, and what follows from them: hosts, paths, commands, pages.

use std::hash::BuildHasher;

use super::*;

fn service(id: &str) -> Service {
    id.parse().unwrap()
}

fn operation(id: &str, name: &str) -> Operation {
    Operation::new(service(id), name).unwrap()
}

const IN_EUROPE: &str = "projects/p/locations/europe-west1/operations/o";

#[test]
fn a_service_answers_where_the_location_of_the_name_says() {
    for (id, location, host) in [
        ("datastore", None, "datastore"),
        ("datastore", Some("europe-west1"), "datastore"),
        ("aiplatform", None, "aiplatform"),
        ("aiplatform", Some("global"), "aiplatform"),
        ("aiplatform", Some("europe-west1"), "europe-west1-aiplatform"),
        ("aiplatform", Some("evil.com/"), "aiplatform"),
        ("aiplatform", Some("-x"), "aiplatform"),
        ("aiplatform", Some("Europe"), "aiplatform"),
        ("pubsublite", None, "pubsublite"),
        ("pubsublite", Some("us-central1"), "us-central1-pubsublite"),
        ("pubsublite", Some("us-central1-a"), "us-central1-pubsublite"),
    ] {
        assert_eq!(service(id).base(location), format!("https://{host}.googleapis.com"), "{id} {location:?}");
    }
    assert_eq!(service("aiplatform").base_form(), "https://{location}-aiplatform.googleapis.com");
    assert_eq!([service("aiplatform").api(), service("bigquery.jobs").api()], ["aiplatform", "bigquery"]);
}

#[test]
fn one_location_alone_has_a_host_of_its_own() {
    let base = |id: &str, name: &str| operation(id, name).regional_base();
    let expected = |host: &str| Some(format!("https://{host}.rep.googleapis.com"));
    assert_eq!(base("redis", IN_EUROPE), expected("redis.europe-west1"));
    let zone = "projects/p/zones/us-central1-a/operations/o";
    assert_eq!(base("compute", zone), expected("compute.us-central1"), "the region of a zone");
    let region = "projects/p/regions/us-central1/operations/o";
    assert_eq!(base("compute", region), expected("compute.us-central1"));
    let odd = "projects/p/zones/us-central1/operations/o";
    assert_eq!(base("compute", odd), expected("compute.us-central1"), "a zone without a letter");
    assert_eq!(base("compute", "projects/p/global/operations/o"), None);
    assert_eq!(base("datastore", "projects/p/operations/o"), None);
    for location in ["global", "-x", "", "a.b", "Europe"] {
        assert_eq!(service("redis").regional_base(location), None, "{location}");
    }
}

#[test]
fn a_location_that_becomes_a_part_of_a_host_is_one() {
    let is_name = |id: &str, location: &str| {
        Operation::new(service(id), &format!("projects/p/locations/{location}/operations/o")).is_ok()
    };
    for (location, in_a_host) in
        [("europe-west1", true), ("evil.com", false), ("Europe", false), ("-x", false)]
    {
        assert_eq!(is_name("aiplatform", location), in_a_host, "{location}");
        assert!(is_name("redis", location), "{location}: its host is always the same");
    }
}

#[test]
fn an_operation_is_read_where_its_row_says() {
    for (id, name, path) in [
        ("datastore", "projects/p/operations/o", "v1/projects/p/operations/o"),
        ("bigquery.jobs", "projects/p/jobs/j", "bigquery/v2/projects/p/jobs/j"),
        ("bigquery.jobs", "projects/p/locations/EU/jobs/j", "bigquery/v2/projects/p/jobs/j?location=EU"),
        (
            "dataflow.jobs",
            "projects/p/locations/l/jobs/j",
            "v1b3/projects/p/locations/l/jobs/j?view=JOB_VIEW_SUMMARY",
        ),
        ("speech", IN_EUROPE, "v2/projects/p/locations/europe-west1/operations/o"),
        ("speech", "7", "v1/operations/7"),
    ] {
        assert_eq!(read_path(&operation(id, name)), path);
    }
    let form = |id: &str, index: usize| {
        let service = service(id);
        service.get_form(service.forms().nth(index).unwrap())
    };
    assert_eq!(form("redis", 0), "v1/projects/{project}/locations/{location}/operations/{operation}");
    assert_eq!(form("bigquery.jobs", 0), "bigquery/v2/projects/{project}/jobs/{job}?location={location}");
    assert_eq!(form("bigquery.jobs", 1), "bigquery/v2/projects/{project}/jobs/{job}");
    let dataflow = "v1b3/projects/{project}/locations/{location}/jobs/{job}?view=JOB_VIEW_SUMMARY";
    assert_eq!(form("dataflow.jobs", 0), dataflow);
    assert_eq!(form("speech", 1), "v1/operations/{operation}");
}

#[test]
fn an_example_of_a_name_is_one_that_people_recognise() {
    for (id, example) in [
        ("datastore", "projects/my-project/operations/OPERATION"),
        ("firestore", "projects/my-project/databases/(default)/operations/OPERATION"),
        ("redis", "projects/my-project/locations/europe-west1/operations/OPERATION"),
        ("compute", "projects/my-project/zones/europe-west1-b/operations/OPERATION"),
        ("dataproc.jobs", "projects/my-project/regions/europe-west1/jobs/JOB"),
        ("storage", "b/my-bucket/operations/OPERATION"),
    ] {
        assert_eq!(service(id).name_example(), example);
    }
    for (id, is_recognisable) in [("datastore", true), ("speech", false), ("storagetransfer", true)] {
        assert_eq!(service(id).names_are_recognisable(), is_recognisable, "{id}");
    }
}

#[test]
fn a_service_is_known_by_its_id() {
    let (datastore, firestore) = (Service::DATASTORE, Service::FIRESTORE);
    assert!(datastore == service("datastore") && datastore != firestore && datastore < firestore);
    assert_eq!([datastore.to_string(), format!("{datastore:?}")], ["datastore", "Service(datastore)"]);
    let set: std::collections::HashSet<_> = [datastore, firestore, service("datastore")].into();
    assert_eq!(set.len(), 2);
    let hasher = std::hash::RandomState::default();
    let [one, same, other] =
        [datastore, service("datastore"), firestore].map(|service| hasher.hash_one(service));
    assert!(one == same && one != other);
    assert_eq!(Service::list([datastore, firestore]), "datastore, firestore");
    assert_eq!(
        [service("redis").permission(), service("webrisk").permission()],
        [Some("redis.operations.get"), None]
    );
    assert_eq!(Service::defaults(), [datastore, firestore]);
    assert_eq!(["", "Datastore", "data"].map(str::parse::<Service>), [Err(()), Err(()), Err(())]);
    assert_eq!((datastore.title(), datastore.version(), datastore.kind()), ("Datastore", "v1", "operation"));
    assert_eq!([datastore.output(), firestore.output()], [Output::File, Output::Folder]);
    assert_eq!((datastore.has_jobs(), service("batch.jobs").has_jobs()), (false, true));
    assert_eq!(
        [datastore.has_labels(), firestore.has_labels(), service("redis").has_labels()],
        [true, false, false]
    );
    assert_eq!(service("redis").look_up(), None);
    assert_eq!((service("redis").start_example(), service("redis").start_method()), (None, None));
    assert_eq!(firestore.start_example(), Some("projects/my-project/databases/(default):exportDocuments"));
    assert_eq!(
        firestore.start_method().map(|method| method.to_string()).as_deref(),
        Some("firestore:exportDocuments")
    );
    assert_eq!(datastore.gcloud().as_deref(), Some("gcloud datastore operations describe {name}"));
    assert_eq!(service("tpu").gcloud(), None);
    assert_eq!(service("datastore").list_path("p").as_deref(), Some("v1/projects/p/operations?pageSize=1"));
    assert_eq!(service("redis").list_path("p"), None);
}

#[test]
fn a_role_has_the_permissions_of_what_is_called() {
    let role = |id: &str, imports| service(id).role_permissions(imports);
    let (export, others) =
        ("datastore.databases.export", "datastore.operations.get,datastore.operations.list");
    assert_eq!(role("datastore", false), format!("{export},{others}"));
    assert_eq!(role("datastore", true), format!("{export},datastore.databases.import,{others}"));
    assert_eq!(role("dataflow.jobs", false), "dataflow.jobs.get,dataflow.messages.list");
    assert_eq!(role("apihub", true), "apihub.operations.get");
    assert_eq!(role("webrisk", false), "");
}

#[test]
fn a_start_method_is_known_by_its_service_and_word() {
    let parsed = |text: &str| text.parse::<StartMethod>().map(|method| method.to_string());
    assert_eq!(parsed("datastore:import"), Ok("datastore:import".to_owned()));
    for wrong in ["datastore", "datastore:", "firestore:export", "redis:export", ":export", "export"] {
        assert_eq!(parsed(wrong), Err(()), "{wrong}");
    }
    let all: Vec<_> = StartMethod::all().map(|method| method.to_string()).collect();
    let expected =
        ["datastore:export", "datastore:import", "firestore:exportDocuments", "firestore:importDocuments"];
    assert_eq!(all, expected);
    assert_eq!([Direction::Export.word(), Direction::Import.word()], ["export", "import"]);
}

#[test]
fn the_parts_of_a_name_are_what_its_form_calls_them() {
    let job = operation("dataproc.jobs", "projects/example.com:p/regions/r/jobs/j");
    let parts = ["project", "region", "job", "location", "jobs", ""].map(|part| job.part(part));
    assert_eq!(parts, [Some("example.com:p"), Some("r"), Some("j"), None, None, None]);
    assert_eq!(job.project(), "example.com:p");
    let rest = operation("servicemanagement", "operations/a/b/c=");
    assert_eq!((rest.part("operation"), rest.project()), (Some("a/b/c="), ""), "the rest of a name");
    let firestore = operation("firestore", "projects/p/databases/orders/operations/o");
    assert_eq!((firestore.database(), job.database()), (Some("orders"), None));
    for (name, project, database) in [
        ("projects/p/databases/orders", "p", "orders"),
        ("projects/p", "p", "(default)"),
        ("projects/p/topics/t", "p", "(default)"),
        ("projects", "", "(default)"),
    ] {
        assert_eq!((project_of(name), database_of(name)), (project, database), "{name}");
    }
    let candidates = |name: &str| {
        let services = [service("redis"), service("datastore"), service("apihub")];
        Operation::candidates(&services, name).iter().map(|one| one.service().id()).collect::<Vec<_>>()
    };
    assert_eq!(candidates(IN_EUROPE), ["redis", "apihub"]);
    assert_eq!([candidates("projects/p/operations/o"), candidates("x")], [vec!["datastore"], vec![]]);
}

#[test]
fn only_the_last_part_may_have_more_segments() {
    let is_name = |id: &str, name: &str| Operation::new(service(id), name).is_ok();
    for (name, is_one) in [
        ("operations/a/b/c=", true),
        ("operations/c==", true),
        ("operations/a/../b", false),
        ("operations/", false),
        ("operations/a//b", false),
        ("operations/=", false),
        ("operations/a=b", false),
        ("operations", false),
    ] {
        assert_eq!(is_name("servicemanagement", name), is_one, "{name}");
    }
    let longest = "x".repeat(1_024 - "projects/p/operations/".len());
    assert!(is_name("datastore", &format!("projects/p/operations/{longest}")));
    assert!(!is_name("datastore", &format!("projects/p/operations/{longest}x")));
    assert!(
        is_name("datastore", "projects/p/operations/a-b._~()")
            && is_name("datastore", "projects/a:b/operations/o")
    );
}

#[test]
fn a_command_of_gcloud_has_the_parts_of_the_name() {
    let gcloud = |id: &str, name: &str, verb: &str| operation(id, name).gcloud(verb);
    let alloydb = |verb: &str| gcloud("alloydb", IN_EUROPE, verb);
    let words = |verb: &str| format!("gcloud alloydb operations {verb} o --region=europe-west1 --project=p");
    assert_eq!([alloydb("describe"), alloydb("cancel")], [Some(words("describe")), Some(words("cancel"))]);
    let default = gcloud("firestore", "projects/p/databases/(default)/operations/o", "describe");
    let quoted = "gcloud firestore operations describe 'projects/p/databases/(default)/operations/o'";
    assert_eq!(default.as_deref(), Some(quoted));
    let spanner = gcloud("spanner", "projects/p/instances/i/backups/b/operations/o", "describe");
    let parts = "gcloud spanner operations describe o --instance=i --backup=b --project=p";
    assert_eq!(spanner.as_deref(), Some(parts), "without the words that it has no part for");
    let job = |verb: &str| gcloud("dataproc.jobs", "projects/p/regions/r/jobs/j", verb);
    let name = "projects/p/regions/r/jobs/j";
    assert_eq!(job("describe"), Some(format!("gcloud dataproc jobs describe {name}")));
    assert_eq!(job("cancel"), Some(format!("gcloud dataproc jobs kill {name}")));
    let appengine = |verb: &str| gcloud("appengine", "apps/p/operations/o", verb);
    assert!(appengine("describe").is_some() && appengine("cancel").is_none());
    assert_eq!(gcloud("apihub", IN_EUROPE, "describe"), None);
    // Names that gcloud has no command for.
    assert_eq!(gcloud("compute", "locations/global/operations/o", "describe"), None);
    assert!(gcloud("compute", "projects/p/global/operations/o", "describe").is_some());
    assert!(gcloud("apphub", IN_EUROPE, "describe").is_some());
    assert_eq!(gcloud("apphub", "projects/p/locations/l/things/t/operations/o", "describe"), None);
    assert!(gcloud("redis", "projects/p/locations/l/operations/o", "describe").is_some());
    let list = list_command;
    assert_eq!(
        list(Service::FIRESTORE, "projects/p/databases/(default)").as_deref(),
        Some("gcloud firestore operations list --project=p --database='(default)'")
    );
    assert_eq!(list(service("redis"), "projects/p"), None);
}

#[cfg(feature = "terminal")]
#[test]
fn an_operation_is_cancelled_below_its_name_or_behind_a_colon() {
    let path = |id: &str, name: &str| cancel_path(&operation(id, name));
    for (id, name, expected) in [
        ("datastore", "projects/p/operations/o", Some("v1/projects/p/operations/o:cancel")),
        ("storage", "b/x/operations/o", Some("storage/v1/b/x/operations/o/cancel")),
        ("sqladmin", "projects/p/operations/o", Some("v1/projects/p/operations/o/cancel")),
        ("appengine", "apps/p/operations/o", None),
        ("dataproc.batches", "projects/p/locations/l/batches/b", None),
    ] {
        assert_eq!(path(id, name).as_deref(), expected, "{id}");
    }
}

#[test]
fn the_page_of_the_console_is_that_of_the_operation() {
    let page = |id: &str, name: &str| operation(id, name).console(|part| format!("<{part}>"));
    assert_eq!(
        page("firestore", "projects/p/databases/d/operations/o").as_deref(),
        Some("https://console.cloud.google.com/firestore/databases/<d>/import-export?project=<p>")
    );
    assert_eq!(page("cloudbuild.builds", "projects/p/builds/b"), None, "without a location there is none");
    assert_eq!(page("tpu", IN_EUROPE), None);
}
