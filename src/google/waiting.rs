//! Cloud Tasks: what a waiting task would publish, and tasks that are not needed any more.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Call, CallError, Google, Success};
use crate::net::endpoints::Api;
use crate::net::transport::Method;
use crate::services::{ApiError, Status};

/// Whether a task is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It waited, and was deleted.
    Now,
    /// There is none of this name: it has run, was deleted before, or was never created.
    NotThere,
}

/// A task in its full view, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FullTask<'a> {
    #[serde(borrow)]
    http_request: FullRequest<'a>,
}

#[derive(Deserialize)]
struct FullRequest<'a> {
    body: &'a str,
}

/// The body of `topics.publish`.
#[derive(Deserialize)]
struct Publish<'a> {
    #[serde(borrow)]
    messages: [Published<'a>; 1],
}

#[derive(Deserialize)]
struct Published<'a> {
    data: &'a str,
}

impl Google {
    /// The data of the message that the task `id` of `queue` publishes; none when no such task waits. Reading uses nothing up.
    ///
    /// The full view needs `cloudtasks.tasks.fullView` in addition to `cloudtasks.tasks.get`
    /// (<https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/get>).
    ///
    /// # Errors
    /// When that is not known.
    pub async fn waiting_message(
        &self,
        queue: &str,
        id: &str,
        limit: Duration,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let path = format!("v2/{queue}/tasks/{id}?responseView=FULL");
        match self.call(Call::get(Api::CloudTasks, &path), limit).await {
            Ok(success) => published(&success).map(Some).ok_or_else(|| {
                let error = ApiError::of_text("the response is not a task with its body");
                CallError::Unreadable { error, date: success.date }
            }),
            Err(error) if is_not_there(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the task `id` of `queue`. Its name stays reserved for up to 24 hours.
    /// <https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/delete>
    ///
    /// # Errors
    /// When the task could not be deleted, or that is not known.
    pub async fn delete_task(&self, queue: &str, id: &str, limit: Duration) -> Result<Deleted, CallError> {
        let path = format!("v2/{queue}/tasks/{id}");
        let call = Call { method: Method::Delete, ..Call::get(Api::CloudTasks, &path) };
        match self.call(call, limit).await {
            Ok(_) => Ok(Deleted::Now),
            Err(error) if is_not_there(&error) => Ok(Deleted::NotThere),
            Err(error) => Err(error),
        }
    }
}

/// In the API's words: a 404 from something in between says nothing of the task.
fn is_not_there(error: &CallError) -> bool {
    error.http() == Some(404) && *error.status() == Status::NotFound
}

fn published(success: &Success) -> Option<Vec<u8>> {
    let task: FullTask<'_> = serde_json::from_slice(&success.body).ok()?;
    // The alphabet of URLs is base64 in JSON, too: https://protobuf.dev/programming-guides/json/
    let body = task.http_request.body.replace('-', "+").replace('_', "/");
    let publish = STANDARD.decode(body).ok()?;
    let Publish { messages: [message] } = serde_json::from_slice(&publish).ok()?;
    STANDARD.decode(message.data).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;
    use crate::google::Tokens;
    use crate::net::endpoints::Endpoints;
    use crate::net::transport::{Request, Sending, Transport};
    use crate::testing::answer;

    /// Answers this, and notes what was asked.
    struct One(u16, String, Mutex<Vec<String>>);

    impl Transport for One {
        fn send(&self, request: Request, _: Duration) -> Sending<'_> {
            let asked = format!("{:?} {}", request.method, request.url.expose_secret());
            self.2.lock().unwrap().push(asked);
            let answer = answer(self.0, self.1.clone());
            Box::pin(async move { Ok(answer) })
        }
    }

    fn google(status: u16, body: &serde_json::Value) -> (Google, Arc<One>) {
        let one = Arc::new(One(status, body.to_string(), Mutex::default()));
        let tokens = Tokens::new(Some("t".into()));
        (Google::new(Arc::clone(&one) as _, tokens, Endpoints::default()), one)
    }

    const LIMIT: Duration = Duration::from_secs(8);

    #[tokio::test]
    async fn a_waiting_task_is_read_with_its_body() {
        let publish = json!({"messages": [{"data": STANDARD.encode("{\"a\":1}")}]}).to_string();
        let body = STANDARD.encode(publish);
        let (client, one) =
            google(200, &json!({"name": "q/tasks/x", "view": "FULL", "httpRequest": {"body": body}}));
        let read = client.waiting_message("q", "x", LIMIT).await;
        assert_eq!(read, Ok(Some(b"{\"a\":1}".to_vec())));
        let asked = ["Get https://cloudtasks.googleapis.com/v2/q/tasks/x?responseView=FULL"];
        assert_eq!(*one.2.lock().unwrap(), asked);
    }

    #[tokio::test]
    async fn what_is_not_there_is_no_error_and_what_is_not_known_is_one() {
        let not_found = json!({"error": {"status": "NOT_FOUND"}});
        let denied = json!({"error": {"status": "PERMISSION_DENIED"}});
        let basic = json!({"name": "q/tasks/x", "view": "BASIC", "httpRequest": {"url": "u"}});
        for (status, body, read, deleted) in [
            (404, &not_found, Some(None), Some(Deleted::NotThere)),
            (404, &json!({}), None, None),
            (403, &denied, None, None),
            (200, &basic, None, Some(Deleted::Now)),
            (200, &json!({}), None, Some(Deleted::Now)),
        ] {
            let (client, one) = google(status, body);
            assert_eq!(client.waiting_message("q", "x", LIMIT).await.ok(), read, "{body}");
            assert_eq!(client.delete_task("q", "x", LIMIT).await.ok(), deleted, "{body}");
            let asked = one.2.lock().unwrap().pop();
            assert_eq!(asked.as_deref(), Some("Delete https://cloudtasks.googleapis.com/v2/q/tasks/x"));
        }
    }
}
