//! The metadata of a standard operation, of whatever form: what the facts are called differs from service to service, and each name
//! here is used by several.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::answer::integer;
use crate::services::{Progress, WARNINGS};
use crate::text;

/// Types whose last word is one of these tell about the operation (one API has misspelt it). Others are the resource itself or the
/// request (Cloud Run, Cloud Asset): their times are not the operation's.
const ABOUT_THE_OPERATION: [&str; 5] = ["Metadata", "Metatdata", "Progress", "Status", "Operation"];
/// Where the facts may be, besides the metadata itself.
const GROUPS: [&str; 6] =
    ["common", "commonMetadata", "genericMetadata", "operationMetadata", "progress", "status"];
const START: [&str; 6] =
    ["createTime", "startTime", "insertTime", "requestTime", "submitTime", "creationTime"];
const END: [&str; 4] = ["endTime", "finishTime", "completeTime", "doneTime"];
/// The time of the last change, which for an operation that is done is its end.
const UPDATE: [&str; 2] = ["updateTime", "lastUpdateTime"];
const PERCENT: [&str; 6] = [
    "progressPercent",
    "progressPercentage",
    "percentComplete",
    "percentDone",
    "completionPercent",
    "progress",
];
const STATE: [&str; 3] = ["state", "operationState", "status"];
const TARGET: [&str; 13] = [
    "target",
    "targetResourceName",
    "resource",
    "name",
    "database",
    "instance",
    "clusterName",
    "workerPool",
    "osPolicyAssignment",
    "transferJobName",
    "field",
    "index",
    "resourceUri",
];
const WORK: [&str; 6] = ["verb", "operationType", "method", "apiMethodName", "apiMethod", "action"];
const MESSAGE: [&str; 9] = [
    "statusMessage",
    "statusDetail",
    "stateMessage",
    "progressMessage",
    "deploymentStage",
    "step",
    "stateDescription",
    "ephemeralMessage",
    "description",
];
const WARNING: [&str; 4] = ["partialFailures", "partialErrors", "warnings", "warning"];

/// The facts of an operation's metadata: each of the fields is looked for in the metadata itself, then in its groups.
pub(super) struct Metadata<'a> {
    groups: Vec<&'a Map<String, Value>>,
    /// The name of the resource that stands in its place.
    resource: Option<String>,
}

impl<'a> Metadata<'a> {
    pub(super) fn of(metadata: &'a Map<String, Value>) -> Self {
        if !is_about_the_operation(metadata) {
            return Self { groups: Vec::new(), resource: metadata.get("name").and_then(name_of) };
        }
        let inner = GROUPS.iter().filter_map(|group| metadata.get(*group)?.as_object());
        Self { groups: std::iter::once(metadata).chain(inner).collect(), resource: None }
    }

    /// Whether it is metadata at all, and not the resource or the request.
    pub(super) fn is_about_the_operation(&self) -> bool {
        !self.groups.is_empty()
    }

    fn find<T>(&self, names: &[&str], read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.groups.iter().find_map(|group| names.iter().find_map(|name| read(group.get(*name)?)))
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        self.find(names, text)
    }

    fn time(&self, names: &[&str]) -> Option<DateTime<Utc>> {
        self.find(names, |value| text::time(value.as_str()?))
    }

    /// Dataproc writes each state with the time at which it began.
    pub(super) fn start(&self) -> Option<DateTime<Utc>> {
        let of_history =
            |value: &Value| text::time(value.as_array()?.first()?.get("stateStartTime")?.as_str()?);
        self.time(&START).or_else(|| self.find(&["statusHistory"], of_history))
    }

    /// The end, which an operation that is not done may seem to have.
    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        self.time(&END)
    }

    /// The last change.
    pub(super) fn last_change(&self) -> Option<DateTime<Utc>> {
        self.time(&UPDATE).or_else(|| self.time(&["stateStartTime"]))
    }

    pub(super) fn percent(&self) -> Option<Progress> {
        let percent = |value: &Value| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
            let whole = |number: f64| (0.0..=100.0).contains(&number).then_some(number as u64);
            integer(value).or_else(|| value.as_f64().and_then(whole)).filter(|percent| *percent <= 100)
        };
        let done = self.find(&PERCENT, percent)?;
        Some(Progress { done, of: Some(100) })
    }

    pub(super) fn state(&self) -> Option<String> {
        self.text(&STATE).filter(|word| !word.ends_with("UNSPECIFIED"))
    }

    pub(super) fn work(&self) -> Option<String> {
        self.text(&WORK)
    }

    pub(super) fn target(&self) -> Option<String> {
        self.find(&TARGET, name_of).or_else(|| self.resource.clone())
    }

    /// What the service says of it in words.
    pub(super) fn message(&self) -> Option<String> {
        self.text(&MESSAGE)
    }

    /// Texts, and the messages of statuses.
    pub(super) fn warnings(&self) -> Vec<String> {
        let fields = self.groups.iter().flat_map(|group| WARNING.iter().filter_map(|name| group.get(*name)));
        let items = fields.flat_map(|field| {
            if let Value::Array(items) = field { items.as_slice() } else { std::slice::from_ref(field) }
        });
        let texts = items.filter_map(|item| item.as_str().or_else(|| item.get("message")?.as_str()));
        texts.filter(|text| !text.is_empty()).map(str::to_owned).take(WARNINGS).collect()
    }
}

/// A resource by its name, or the name in a copy of the resource.
fn name_of(value: &Value) -> Option<String> {
    let name = value.as_str().or_else(|| value.get("name")?.as_str())?;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn is_about_the_operation(metadata: &Map<String, Value>) -> bool {
    let Some(kind) = metadata.get("@type").and_then(Value::as_str) else { return true };
    let kind = kind.rsplit('.').next().unwrap_or_default();
    // `OperationMetadataV1` and `OperationMetadataV1Beta` are such types as well.
    let kind = kind.trim_end_matches("Beta").trim_end_matches("Alpha");
    let kind = kind.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('V');
    ABOUT_THE_OPERATION.iter().any(|word| kind.ends_with(word))
}
