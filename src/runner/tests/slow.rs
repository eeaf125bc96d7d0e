//! Services that take their time, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Access, Action, Runner, delivery, published, runner};
use crate::clock::Deadline;
use crate::net::transport::{Failure, Request, Sending, Transport};
use crate::testing::{answer, at, wanted_task};

/// Each page of a list comes after so long and names one more; a start is never answered.
#[derive(Clone, Default)]
struct Slow {
    page: Option<Duration>,
    pages: Arc<Mutex<u32>>,
    tasks: Arc<Mutex<Vec<Value>>>,
}

impl Slow {
    async fn answer(&self, request: Request) -> Value {
        let url = request.url.expose_secret();
        if let Some(task) = wanted_task(&request) {
            let created = json!({"name": task["name"]});
            self.tasks.lock().unwrap().push(task);
            return created;
        }
        match self.page {
            Some(page) if url.contains("/operations?") => {
                tokio::time::sleep(page).await;
                *self.pages.lock().unwrap() += 1;
                json!({"nextPageToken": self.pages.lock().unwrap().to_string()})
            }
            None if url.contains("/operations?") => json!({}),
            _ => std::future::pending().await,
        }
    }
}

impl Transport for Slow {
    fn send(&self, request: Request, limit: Duration) -> Sending<'_> {
        let answer = |body: String| answer(200, body);
        Box::pin(async move {
            if request.url.expose_secret().contains("hooks.slack.com") && limit >= Duration::from_secs(1) {
                return Ok(answer("ok".to_owned()));
            }
            let answered = tokio::time::timeout(limit, self.answer(request)).await;
            answered.map(|body| answer(body.to_string())).map_err(|_| Failure::TimedOut(limit))
        })
    }
}

fn now() -> DateTime<Utc> {
    at(0)
}

fn kickoff(prefix: &str) -> Vec<u8> {
    let body = json!({"outputUrlPrefix": prefix});
    json!({"start": {"service": "datastore", "path": "projects/p:export", "body": body}}).to_string().into()
}

fn of(slow: &Slow) -> Runner {
    runner(Arc::new(slow.clone()), None, now(), Access::Webhook)
}

#[tokio::test(start_paused = true)]
async fn a_lost_start_is_told_in_time_however_long_the_list_of_operations() {
    let slow = Slow { page: Some(Duration::from_secs(6)), ..Slow::default() };
    let lost = delivery("7", now(), kickoff("gs://backups"));
    let handled = of(&slow).handle_dead_letter(lost, Deadline::start()).await;
    assert_eq!(handled.decision, Action::ToldLost, "{handled:?}");
}

/// What waited for another kickoff's start has sent none: what its next try finds out is no "cannot tell". Waiting costs no try.
#[tokio::test(start_paused = true)]
async fn only_a_start_of_the_same_kickoff_makes_one_that_waited_for_it_unclear() {
    for (id, unclear) in [("1", true), ("2", false)] {
        let slow = Slow::default();
        let runner = of(&slow);
        let first = runner.handle(delivery("1", now(), kickoff("gs://a")), Deadline::start());
        let second = runner.handle(delivery(id, now(), kickoff("gs://a")), Deadline::start());
        let (_, second) = tokio::join!(first, second);
        assert_eq!(second.decision, Action::StartAgain);
        let tasks = slow.tasks.lock().unwrap();
        let states: Vec<_> = tasks.iter().map(|task| published(task)["state"].clone()).collect();
        let is_waiting = |state: &&Value| state["waits"] == 1;
        let waited = states.iter().find(is_waiting).unwrap();
        assert_eq!((waited["ambiguous"] == true, &waited["tries"]), (unclear, &json!(0)), "{states:?}");
    }
}

/// Each request has a turn of its own.
#[tokio::test(start_paused = true)]
async fn a_start_does_not_wait_for_another_request() {
    let slow = Slow::default();
    let runner = of(&slow);
    let first = runner.handle(delivery("1", now(), kickoff("gs://a")), Deadline::start());
    let second = runner.handle(delivery("2", now(), kickoff("gs://b")), Deadline::start());
    tokio::join!(first, second);
    let tasks = slow.tasks.lock().unwrap();
    let tries: Vec<_> = tasks.iter().map(|task| published(task)["state"]["tries"].clone()).collect();
    assert_eq!(tries, [1, 1], "both were sent");
}
