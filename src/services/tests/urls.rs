//! URLs of operations.

use super::*;

/// What the URL may be, with its service.
fn found(url: &str) -> Vec<String> {
    let of = |operation: Operation| format!("{} {}", operation.service(), operation.name());
    Operation::of_url(url).unwrap().into_iter().map(of).collect()
}

#[test]
fn a_url_is_the_operations_if_every_part_of_it_is() {
    for (url, expected) in [
        (
            "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs/j?location=EU",
            Some("bigquery.jobs projects/p/locations/EU/jobs/j"),
        ),
        (
            "https://dataflow.googleapis.com/v1b3/projects/p/locations/l/jobs/j?view=JOB_VIEW_SUMMARY",
            Some("dataflow.jobs projects/p/locations/l/jobs/j"),
        ),
        (
            "https://dataflow.googleapis.com/v1b3/projects/p/locations/l/jobs/j",
            Some("dataflow.jobs projects/p/locations/l/jobs/j"),
        ),
        ("https://dataflow.googleapis.com/v1b3/projects/p/locations/l/jobs/j?view=OTHER", None),
        (
            "https://www.googleapis.com/compute/v1/projects/p/global/operations/o",
            Some("compute projects/p/global/operations/o"),
        ),
        ("https://www.googleapis.com/v1/projects/p/operations/o", None),
        (
            "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/o",
            Some("sqladmin projects/p/operations/o"),
        ),
        (
            "https://datastore.googleapis.com/projects/p/operations/o",
            Some("datastore projects/p/operations/o"),
        ),
        (
            "https://datastore.googleapis.com/a/b/projects/p/operations/o",
            Some("datastore projects/p/operations/o"),
        ),
        ("https://datastore.googleapis.com/a/b/c/projects/p/operations/o", None),
        ("//datastore.googleapis.com/projects/p/operations/o", Some("datastore projects/p/operations/o")),
        ("//datastore.googleapis.com/v1/projects/p/operations/o", None),
        (
            "https://datastore.googleapis.com/v1/projects/p/operations/o?",
            Some("datastore projects/p/operations/o"),
        ),
        ("https://datastore.googleapis.com/v1/projects/p/operations/o?alt=json", None),
        ("https://firestore.googleapis.com/v1/projects/p/operations/o", None),
        (
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/operations/o",
            Some("aiplatform projects/p/locations/europe-west1/operations/o"),
        ),
        (
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/operations/o",
            None,
        ),
        (
            "https://aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/operations/o",
            Some("aiplatform projects/p/locations/europe-west1/operations/o"),
        ),
        ("https://datastore.googleapis.com", None),
    ] {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(found(url), expected, "{url}");
    }
}

#[test]
fn a_page_of_the_console_is_a_jobs_if_every_part_of_it_is() {
    let start = "https://console.cloud.google.com";
    for (page, expected) in [
        ("dataproc/jobs/j?region=r&project=p", Some("dataproc.jobs projects/p/regions/r/jobs/j")),
        ("dataproc/jobs/j;x=y?project=p&region=r&x=y", Some("dataproc.jobs projects/p/regions/r/jobs/j")),
        ("dataproc/jobs;x=y/j?region=r&project=p", Some("dataproc.jobs projects/p/regions/r/jobs/j")),
        ("dataproc/job/j?region=r&project=p", None),
        ("dataproc/jobs/j?project=p", None),
        ("dataproc/jobs/j", None),
        ("dataproc/batches/l/b?project=p", Some("dataproc.batches projects/p/locations/l/batches/b")),
        (
            "cloud-build/builds;region=l/b?project=p",
            Some("cloudbuild.builds projects/p/locations/l/builds/b"),
        ),
        ("cloud-build/builds;zone=l/b?project=p", None),
    ] {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(found(&format!("{start}/{page}")), expected, "{page}");
    }
}
