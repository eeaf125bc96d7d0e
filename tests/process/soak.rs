//! It takes no more of the machine the longer it runs.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::support::opwatch::{NAME, client, send};
use crate::support::process::{Process, Taken};
use crate::support::pushes::{push_of, push_of_data};
use crate::support::stub::{DONE, Stub};
use crate::support::tokens::{AUDIENCE, Jwks, PUSH_ACCOUNT, claims, header, signed};

/// Seconds of it; the nightly run has an hour.
const SECONDS: &str = "OPWATCH_SOAK_SECONDS";
const COMMIT_SECONDS: u64 = 60;
const PER_SECOND: u64 = 100;
/// In KiB: an allocator's breath.
const MORE: u64 = 2 * 1024;

/// The status of a push's answer, and how many tasks and posts follow from it.
type Effect = (u16, usize, usize);

/// A push of the mix: running, with a sentinel, ended, reported, unusable, none.
fn mixed(number: u64) -> (String, Effect) {
    let id = number.to_string();
    match number % 10 {
        0..=4 => (push_of(&id, &json!({"name": format!("{NAME}{number}"), "title": id})), (204, 2, 0)),
        5 | 6 => (push_of(&id, &json!({"name": format!("{NAME}{DONE}{number}")})), (204, 1, 0)),
        7 => {
            let state = json!({"version": 1, "id": id, "report": {"outcome": "succeeded"}});
            (push_of(&id, &json!({"name": format!("{NAME}{number}"), "state": state})), (204, 0, 1))
        }
        8 => (push_of_data(&id, &vec![b'x'; number as usize % 40_000]), (204, 1, 0)),
        _ => (format!("{{\"{number}\":"), (400, 0, 0)),
    }
}

#[tokio::test]
async fn memory_and_descriptors_stay_flat_at_a_hundred_pushes_a_second() {
    let seconds = std::env::var(SECONDS).map_or(COMMIT_SECONDS, |text| text.parse().expect(SECONDS));
    let (stub, jwks) = (Stub::open().await, Jwks::open().await);
    let mut variables = stub.variables();
    variables.push(("PUSH_AUDIENCE", AUDIENCE.to_owned()));
    variables.push(("PUSH_SERVICE_ACCOUNT", PUSH_ACCOUNT.to_owned()));
    let endpoints = variables.iter_mut().find(|(name, _)| *name == "ENDPOINTS").unwrap();
    endpoints.1 = format!("{},jwks={}", endpoints.1, jwks.url);
    let process = Process::start(&variables).await;
    process.forget_log();

    let client = client();
    let (mut pushes, mut wrong, mut samples) = (JoinSet::new(), Vec::new(), Vec::<Taken>::new());
    let mut expected = (0, 0);
    let mut token = String::new();
    let mut tick = interval(Duration::from_secs(1) / PER_SECOND as u32);
    // Whatever the machine does meanwhile, they come.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    for number in 0..seconds * PER_SECOND {
        tick.tick().await;
        if number % PER_SECOND == 0 {
            samples.push(process.taken());
            let now = jsonwebtoken::get_current_timestamp();
            token = signed(&header(), &claims(i64::try_from(now).unwrap()));
        }
        let (body, (status, tasks, posts)) = mixed(number);
        expected = (expected.0 + tasks, expected.1 + posts);
        let push = client.post(process.url()).bearer_auth(&token).body(body);
        pushes.spawn(async move { (number, send(push).await, status) });
        while let Some(Ok((number, (status, answer), expected))) = pushes.try_join_next() {
            if status != expected {
                wrong.push(format!("{number}: {status} {answer}"));
            }
        }
    }
    for (number, (status, answer), expected) in pushes.join_all().await {
        if status != expected {
            wrong.push(format!("{number}: {status} {answer}"));
        }
    }
    let took = begun.elapsed();
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!((stub.tasks(), stub.posts()), expected);
    process.stop().await;

    // In its first third caches and the allocator's arenas still fill.
    let (warm, middle) = (samples.len() / 3, samples.len() * 2 / 3);
    let most = |samples: &[Taken]| {
        let resident = samples.iter().map(|taken| taken.resident).max().unwrap();
        (resident, samples.iter().map(|taken| taken.descriptors).max().unwrap())
    };
    let (before, after) = (most(&samples[warm..middle]), most(&samples[middle..]));
    println!(
        "{} pushes in {took:.1?}: {} KiB and {} descriptors at most in its second third, {} KiB and {} in its last",
        seconds * PER_SECOND,
        before.0,
        before.1,
        after.0,
        after.1
    );
    assert!(after.0 <= before.0 + MORE, "memory grows: {samples:?}");
    assert!(after.1 <= before.1 + 20, "descriptors grow: {samples:?}");
}
