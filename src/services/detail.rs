//! The text of a failure that an operation does not carry itself: it is asked for once, at the end.

use super::row::Row;
use super::shape::texts;
use super::{ApiError, Ending, Observation, Operation, Service};

/// So many texts are shown, each of so many characters: they may be whole stack traces.
const SHOWN: usize = 3;
const TEXT: usize = 600;

impl Service {
    /// Where the text of a failure is read, with the parts of an operation's name in braces, and where it is in the answer;
    /// `None` for a service whose operations carry it.
    pub fn detail_form(self) -> Option<(String, &'static str)> {
        let (detail, form) = (self.row().detail.as_ref()?, self.forms().next()?);
        Some((detail.get.replace("{name}", form), detail.texts))
    }

    /// The permission that reading the text of a failure needs, beside that of the operation.
    pub fn detail_permission(self) -> Option<&'static str> {
        self.row().detail.as_ref().map(|detail| detail.permission)
    }
}

/// The path of the GET that has the text of the failure which `observation` shows; `None` when it has one, or is no failure.
pub fn detail_path(operation: &Operation, observation: &Observation) -> Option<String> {
    let Row { detail, .. } = operation.service().row();
    let detail = detail.as_ref()?;
    let Observation::Ended(Ending::Failed, facts) = observation else { return None };
    let has_text = facts.error.as_ref().is_some_and(|error| !error.text.is_empty());
    if has_text { None } else { operation.fill_word(detail.get) }
}

/// `observation` with the texts in `body`, the answer to a GET of [`detail_path`]. The last says most.
#[must_use]
pub fn with_detail(service: Service, observation: Observation, body: &[u8]) -> Observation {
    let (Some(detail), Observation::Ended(ending, mut facts)) = (&service.row().detail, observation.clone())
    else {
        return observation;
    };
    let mut shown: Vec<String> = Vec::new();
    for text in texts(body, detail.texts).iter().rev().map(|text| crate::text::cut(text, TEXT)) {
        if shown.len() < SHOWN && !shown.contains(&text) {
            shown.push(text);
        }
    }
    if !shown.is_empty() {
        let error = facts.error.unwrap_or_default();
        facts.error = Some(ApiError::new(error.code, error.status, &shown.join("\n")));
    }
    Observation::Ended(ending, facts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::services::{OperationInfo, read_operation};

    fn of(id: &str, name: &str, answer: &serde_json::Value) -> (Operation, Observation) {
        let operation = Operation::new(id.parse().unwrap(), name).unwrap();
        let seen = read_operation(&operation, answer.to_string().as_bytes());
        (operation, seen)
    }

    #[test]
    fn a_failure_without_a_text_says_where_it_is() {
        let dataflow = |state: &str| {
            let name = "projects/p/locations/us-central1/jobs/2026-11-20_03_00_00-17";
            let (operation, seen) =
                of("dataflow.jobs", name, &json!({"id": "2026-11-20_03_00_00-17", "currentState": state}));
            detail_path(&operation, &seen)
        };
        let messages = "v1b3/projects/p/locations/us-central1/jobs/2026-11-20_03_00_00-17/messages?minimumImportance=JOB_MESSAGE_ERROR";
        assert_eq!(dataflow("JOB_STATE_FAILED").as_deref(), Some(messages));
        for other in ["JOB_STATE_DONE", "JOB_STATE_CANCELLED", "JOB_STATE_RUNNING"] {
            assert_eq!(dataflow(other), None, "{other}");
        }
        let name = "projects/p/locations/l/repositories/r/workflowInvocations/7";
        let (operation, seen) =
            of("dataform.workflowInvocations", name, &json!({"name": name, "state": "FAILED"}));
        assert_eq!(detail_path(&operation, &seen), Some(format!("v1/{name}:query")));
        let batch = "projects/p/locations/l/batches/b";
        let (operation, seen) = of("dataproc.batches", batch, &json!({"name": batch, "state": "FAILED"}));
        assert_eq!(detail_path(&operation, &seen), None);
    }

    #[test]
    fn the_last_texts_become_the_error() {
        let service: Service = "dataflow.jobs".parse().unwrap();
        let failed = || Observation::Ended(Ending::Failed, OperationInfo::default());
        let told = |body: &str| match with_detail(service, failed(), body.as_bytes()) {
            Observation::Ended(Ending::Failed, facts) => facts.error.map(|error| error.text),
            other => panic!("{other:?}"),
        };
        let message = |text: &str| json!({"messageText": text, "messageImportance": "JOB_MESSAGE_ERROR"});
        let body = json!({"jobMessages": [message("a"), message("b"), message("b"), message("c"), message("Workflow failed.")]});
        assert_eq!(told(&body.to_string()).as_deref(), Some("Workflow failed.\nc\nb"));
        let long = json!({"jobMessages": [message(&"x".repeat(5_000))]}).to_string();
        assert!(told(&long).unwrap().chars().count() <= TEXT);
        for none in
            ["", "{}", "[]", "null", r#"{"jobMessages": 7}"#, r#"{"jobMessages": [{"messageText": ""}, 7]}"#]
        {
            assert_eq!(told(none), None, "{none}");
        }
    }
}
