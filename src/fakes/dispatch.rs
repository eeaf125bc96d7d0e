//! A task's way to its target: one request at its time, repeated with back-off until it succeeds.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::events::Event;
use super::google;
use super::lock::lock;
use super::tasks::{NewTask, Tasks};
use super::time::later;
use super::timeline::Job;

/// The default of `dispatchDeadline`.
const DEADLINE: Duration = Duration::from_secs(600);

/// After this long a task is deleted, executed or not.
const RETENTION: TimeDelta = TimeDelta::days(31);

/// The queue's `minBackoff` and `maxBackoff`.
const BACKOFF: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(300)];

impl Tasks {
    /// Plans the first dispatch of the task with this number.
    pub(super) fn dispatch_at(&self, at: DateTime<Utc>, number: usize, task: NewTask, body: Vec<u8>) {
        let name = task.name.clone();
        let planned = self.shared.timeline.at(at, self.clone().dispatch(number, Arc::new(task), body, 0, at));
        lock(&self.state).planned(&name, planned);
    }

    fn dispatch(
        self,
        number: usize,
        task: Arc<NewTask>,
        body: Vec<u8>,
        retries: u32,
        eta: DateTime<Utc>,
    ) -> Job {
        Box::pin(async move {
            let status = self.send(&task, body.clone(), retries, eta).await;
            let done = status.is_some_and(|status| (200..300).contains(&status));
            let now = self.shared.time.now();
            let given_up = {
                let mut state = lock(&self.state);
                let created_at = state.tasks.get_mut(number).map(|kept| {
                    kept.dispatches.push(status);
                    kept.created_at
                });
                let given_up = created_at.is_none_or(|created_at| now - created_at > RETENTION);
                if done || given_up {
                    state.executed(&task.name);
                }
                given_up
            };
            self.shared.event(Event::TaskDispatched { name: task.name.clone(), status });
            if !done && !given_up {
                let due = later(now, backoff(retries));
                if !lock(&self.state).is_waiting(&task.name) {
                    return;
                }
                let (tasks, name) = (self.clone(), task.name.clone());
                let job = self.dispatch(number, task, body, retries + 1, due);
                let planned = tasks.shared.timeline.at(due, job);
                lock(&tasks.state).planned(&name, planned);
            }
        })
    }

    async fn send(&self, task: &NewTask, body: Vec<u8>, retries: u32, eta: DateTime<Utc>) -> Option<u16> {
        let http = &task.http_request;
        let mut parts = task.name.rsplit('/');
        let id = parts.next().unwrap_or_default();
        let queue = parts.nth(1).unwrap_or_default();
        let mut request = self.shared.client.post(&http.url).timeout(DEADLINE).body(body);
        for (name, value) in &http.headers {
            request = request.header(name, value);
        }
        let request = request
            .bearer_auth(google::token_of(&http.oauth_token.service_account_email))
            .header("User-Agent", "Google-Cloud-Tasks")
            .header("X-CloudTasks-QueueName", queue)
            .header("X-CloudTasks-TaskName", id)
            .header("X-CloudTasks-TaskRetryCount", retries)
            .header("X-CloudTasks-TaskExecutionCount", retries)
            .header("X-CloudTasks-TaskETA", eta.format("%s%.6f").to_string());
        request.send().await.ok().map(|response| response.status().as_u16())
    }
}

fn backoff(retries: u32) -> Duration {
    let [least, most] = BACKOFF;
    least.saturating_mul(1 << retries.min(20)).min(most)
}
