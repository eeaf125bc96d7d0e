//! Cloud Tasks: waiting tasks that are read and deleted.
//! <https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks>

use serde_json::{Value, json};

use super::google::Refusal;
use super::lock::lock;
use super::recorded::RecordedRequest;
use super::tasks::{Tasks, basic_view};

impl Tasks {
    /// `tasks.get`: without `responseView=FULL` a task has no body. A task that was dispatched with success or deleted is not
    /// there.
    pub(super) fn read(&self, request: &RecordedRequest) -> Result<Value, Refusal> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let name = name_in(path)?;
        self.authorized(request)?;
        let is_full = match query {
            "" | "responseView=BASIC" => false,
            "responseView=FULL" => true,
            _ => return Err(Refusal::invalid("Unknown query parameter.")),
        };
        self.permitted("cloudtasks.tasks.get")?;
        if is_full {
            self.permitted("cloudtasks.tasks.fullView")?;
        }
        let state = lock(&self.state);
        let (asked, task) = state.waiting(name).ok_or_else(not_there)?;
        let http = is_full.then(|| {
            json!({
                "url": asked.http_request.url,
                "httpMethod": "POST",
                "headers": asked.http_request.headers,
                "body": asked.http_request.body,
                "oauthToken": {
                    "serviceAccountEmail": asked.http_request.oauth_token.service_account_email,
                    "scope": asked.http_request.oauth_token.scope,
                },
            })
        });
        let mut view = basic_view(asked, task.schedule_time, task.created_at);
        if let (Some(http), Some(fields)) = (http, view.as_object_mut()) {
            fields.insert("view".to_owned(), json!("FULL"));
            fields.insert("httpRequest".to_owned(), http);
        }
        drop(state);
        Ok(view)
    }

    /// `tasks.delete`: one that waits or is being dispatched is not dispatched again, and its name stays taken.
    pub(super) fn delete(&self, request: &RecordedRequest) -> Result<Value, Refusal> {
        let name = name_in(&request.path)?;
        self.authorized(request)?;
        if !request.body.is_empty() {
            return Err(Refusal::invalid("A DELETE has no body."));
        }
        self.permitted("cloudtasks.tasks.delete")?;
        let deleted = lock(&self.state).delete(name, &self.shared.timeline);
        if deleted { Ok(json!({})) } else { Err(not_there()) }
    }

    fn permitted(&self, permission: &'static str) -> Result<(), Refusal> {
        if lock(&self.lacks).contains(permission) {
            let message = format!("The principal lacks IAM permission \"{permission}\" for the resource.");
            return Err(Refusal::expected(403, "PERMISSION_DENIED", message));
        }
        Ok(())
    }
}

/// The name of a task, in the path of a call about it.
fn name_in(path: &str) -> Result<&str, Refusal> {
    let name = path.strip_prefix("/v2/").ok_or_else(Refusal::no_method)?;
    let parts: Vec<_> = name.split('/').collect();
    match parts.as_slice() {
        ["projects", _, "locations", _, "queues", _, "tasks", id] if !id.is_empty() => Ok(name),
        _ => Err(Refusal::no_method()),
    }
}

fn not_there() -> Refusal {
    Refusal::expected(404, "NOT_FOUND", "Requested entity was not found.")
}
