//! Starts beside long lists, hanging services and many other starts, in virtual time.

mod cloud;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use cloud::{Cloud, Operation, Ways, cloud};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn datastore(project: &str, folder: &str) -> Value {
    json!({"start": {"service": "datastore", "path": format!("projects/{project}:export"),
        "body": {"outputUrlPrefix": format!("gs://backups/{folder}")}}, "interval": 3_600, "limit": 100})
}

fn firestore(project: &str, folder: &str) -> Value {
    json!({"start": {"service": "firestore", "path": format!("projects/{project}/databases/(default):exportDocuments"),
        "body": {"outputUriPrefix": format!("gs://backups/{folder}")}}, "interval": 3_600, "limit": 100})
}

/// So many operations of other requests, all over.
fn fill(cloud: &Cloud, parent: &str, count: usize) {
    for index in 0..count {
        let field = if parent.contains("/databases/") { "outputUriPrefix" } else { "outputUrlPrefix" };
        let from = Duration::from_secs(index as u64);
        cloud.add(Operation {
            name: format!("{parent}/operations/O{index}"),
            from,
            until: from + SECOND,
            request: json!({field: format!("gs://backups/old{index}")}),
        });
    }
}

/// How long a kickoff took to start, next to so many operations that take so long a page.
async fn start_beside(kickoff: &Value, count: usize, ways: Ways) -> (Duration, Arc<Cloud>) {
    let cloud = cloud(ways);
    for parent in ["projects/p", "projects/p/databases/(default)"] {
        fill(&cloud, parent, count);
    }
    let published = cloud.now();
    cloud.publish("1", kickoff);
    cloud.run(1, HOUR).await;
    assert_eq!(cloud.starts().len(), 1, "{} lists, told {:?}", cloud.lists().len(), cloud.told());
    (cloud.starts()[0].0.saturating_sub(published), cloud)
}

fn page(milliseconds: u64) -> Ways {
    Ways { page: Duration::from_millis(milliseconds), ..Ways::default() }
}

#[tokio::test(start_paused = true)]
async fn a_long_list_does_not_keep_a_start_from_its_time() {
    for (count, milliseconds) in [(2_000, 500), (3_000, 300), (10_000, 500)] {
        for kickoff in [datastore("p", "new"), firestore("p", "new")] {
            let (took, cloud) = start_beside(&kickoff, count, page(milliseconds)).await;
            let pages = count / 100;
            let least = Duration::from_millis(milliseconds) * u32::try_from(pages).unwrap();
            assert!(took < least * 2 + 10 * SECOND, "{count}: {took:?}");
            assert!(cloud.lists().len() < pages * 3 / 2 + 5, "{count}: {} lists", cloud.lists().len());
        }
    }
}

/// The documented filters make one page of it.
#[tokio::test(start_paused = true)]
async fn a_long_list_of_datastore_is_filtered_by_labels() {
    let (_, cloud) = start_beside(&datastore("p", "new"), 2_000, page(500)).await;
    assert_eq!(cloud.lists().len(), 3, "{:?}", cloud.lists());
    let (_, cloud) = start_beside(&datastore("p", "new"), 90, page(500)).await;
    assert_eq!(cloud.lists().len(), 1, "a short list needs no filter: {:?}", cloud.lists());
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_is_refused_is_left_out() {
    let ways = Ways { no_filters: true, ..page(500) };
    let (took, cloud) = start_beside(&datastore("p", "new"), 2_000, ways).await;
    assert!(took < MINUTE && cloud.told().is_empty(), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn pages_that_are_too_long_are_made_smaller() {
    for fit in [60, 3] {
        let (took, _) = start_beside(&firestore("p", "new"), 300, Ways { fit, ..page(20) }).await;
        assert!(took < MINUTE, "{fit}: {took:?}");
    }
}

/// What was found on the first page counts, however many deliveries the others take.
#[tokio::test(start_paused = true)]
async fn what_runs_already_is_found_next_to_a_long_list() {
    for (kickoff, labels) in [(datastore("p", "new"), true), (firestore("p", "new"), false)] {
        for no_filters in [true, false] {
            let cloud = cloud(Ways { no_filters: no_filters && labels, ..page(500) });
            for parent in ["projects/p", "projects/p/databases/(default)"] {
                fill(&cloud, parent, 4_000);
            }
            cloud.publish("1", &kickoff);
            cloud.run(1, 5 * MINUTE).await;
            assert_eq!(cloud.starts().len(), 1);
            // Another kickoff for the same, a little later.
            cloud.publish("2", &kickoff);
            cloud.run(1, 5 * MINUTE).await;
            assert_eq!(cloud.starts().len(), 1, "{no_filters} {labels}: {:?}", cloud.starts());
            assert_eq!(cloud.told(), []);
        }
    }
}

const REFUSED: &str =
    r#"{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Invalid project ID."}}"#;
const NO_PROJECT: &str =
    r#"{"error": {"code": 404, "status": "NOT_FOUND", "message": "The database does not exist."}}"#;
const DENIED: &str =
    r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "no list for you"}}"#;

/// What Slack is told of a kickoff whose lists are answered so, how soon, and how often it started.
async fn told_after(
    list: fn(usize) -> Option<(u16, &'static str)>,
) -> (Vec<(Duration, String)>, usize, usize) {
    let cloud = cloud(Ways { list, ..Ways::default() });
    let published = cloud.now();
    cloud.publish("1", &datastore("p", "new"));
    cloud.run(1, 2 * HOUR).await;
    let told = cloud.told().into_iter().map(|(at, text)| (at.saturating_sub(published), text)).collect();
    (told, cloud.starts().len(), cloud.lists().len())
}

#[tokio::test(start_paused = true)]
async fn a_permanent_refusal_of_a_list_is_told_at_once_in_the_services_words() {
    for (list, words) in [
        ((|_| Some((400, REFUSED))) as fn(usize) -> _, "Invalid project ID."),
        (|_| Some((404, NO_PROJECT)), "The database does not exist."),
    ] {
        let (told, starts, lists) = told_after(list).await;
        assert_eq!((told.len(), starts, lists), (1, 0, 1), "{told:?}");
        let (at, text) = &told[0];
        assert!(
            *at < 5 * SECOND && text.contains(words) && text.contains("was not started"),
            "{at:?} {text}"
        );
        assert!(!text.contains("for an hour"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_to_list_is_believed_when_two_tries_say_so() {
    let (told, starts, _) = told_after(|number| (number == 0).then_some((403, DENIED))).await;
    assert_eq!((told.len(), starts), (0, 1), "one 403 may pass: {told:?}");
    let (told, starts, lists) = told_after(|_| Some((403, DENIED))).await;
    assert_eq!((told.len(), starts, lists), (1, 0, 2), "{told:?}");
    assert!(told[0].0 < 20 * SECOND && told[0].1.contains("no list for you"), "{told:?}");
}

/// No API of Google's is without a list: such an answer comes from something in between.
#[tokio::test(start_paused = true)]
async fn nothing_is_started_without_a_look() {
    for list in
        [(|number| (number < 3).then_some((404, "<html>Not Found</html>"))) as fn(usize) -> _, |number| {
            (number < 3).then_some((501, "<html>Not Implemented</html>"))
        }]
    {
        let (told, starts, lists) = told_after(list).await;
        assert_eq!((told.len(), starts, lists), (0, 1, 4), "{told:?}");
    }
    let (told, starts, _) = told_after(|_| Some((404, "<html>Not Found</html>"))).await;
    assert_eq!((told.len(), starts), (1, 0), "{told:?}");
    assert!(told[0].0 > HOUR && told[0].1.contains("404"), "{told:?}");
}

/// A start whose next step could not be scheduled is not left to the redelivery of its kickoff.
#[tokio::test(start_paused = true)]
async fn the_first_check_of_a_start_is_asked_for_again_within_the_push() {
    let cloud = cloud(Ways { tasks: VecDeque::from([503, 503]), ..Ways::default() });
    cloud.publish("1", &datastore("p", "new"));
    cloud.run(1, 10 * MINUTE).await;
    assert_eq!((cloud.starts().len(), cloud.refused()), (1, 0));
    assert_eq!(cloud.lists().len(), 1, "it is not looked up again");
}

/// How soon each of the healthy kickoffs was started, next to as many whose services hang.
async fn healthy_next_to(hanging: usize, healthy: usize, instances: usize, same: bool) -> Vec<Duration> {
    let cloud = cloud(Ways { call: SECOND, page: SECOND, ..Ways::default() });
    let published = cloud.now();
    for index in 0..hanging {
        let folder = if same { "all".to_owned() } else { index.to_string() };
        cloud.publish(&format!("1{index}"), &firestore("hanging", &folder));
    }
    for index in 0..healthy {
        cloud.publish(&format!("2{index}"), &datastore("healthy", &index.to_string()));
    }
    cloud.run(instances, 2 * HOUR).await;
    assert!(cloud.told().iter().all(|(_, text)| !text.contains("healthy")), "{:?}", cloud.told());
    assert_eq!(cloud.told().len(), hanging, "each is told of that could not be started");
    cloud.starts().into_iter().map(|(at, _)| at.saturating_sub(published)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hanging_service_delays_no_other_start() {
    for instances in [1, 3] {
        for same in [true, false] {
            let started = healthy_next_to(60, 5, instances, same).await;
            assert_eq!(started.len(), 5, "{instances} {same}");
            assert!(started.iter().all(|took| *took < 5 * SECOND), "{instances} {same}: {started:?}");
        }
    }
}

/// Kickoffs of all projects at once, so many to each: how many were started, how many were told of, and when the last began.
async fn at_once(projects: usize, each: usize, instances: usize) -> (usize, usize, Duration) {
    let cloud = cloud(Ways { call: SECOND, page: SECOND, ..Ways::default() });
    let published = cloud.now();
    for project in 0..projects {
        for index in 0..each {
            let kickoff = datastore(&format!("p{project}"), &index.to_string());
            cloud.publish(&format!("{project}-{index}"), &kickoff);
        }
    }
    cloud.run(instances, HOUR).await;
    let last = cloud.starts().iter().map(|(at, _)| at.saturating_sub(published)).max().unwrap();
    (cloud.starts().len(), cloud.told().len(), last)
}

#[tokio::test(start_paused = true)]
async fn eight_hundred_kickoffs_at_once_are_all_started() {
    let (started, told, last) = at_once(40, 20, 3).await;
    assert_eq!((started, told), (800, 0));
    assert!(last < 5 * MINUTE, "{last:?}");
}

/// More than a service takes in a minute are spread over the minutes after it.
#[tokio::test(start_paused = true)]
async fn what_is_above_a_services_quota_is_started_later() {
    let (started, told, last) = at_once(2, 100, 1).await;
    assert_eq!((started, told), (200, 0));
    assert!(last > 4 * MINUTE && last < HOUR, "{last:?}");
}
