//! The filters that the lists of operations are documented to take.

use serde_json::Value;

use super::google::Refusal;
use super::plan::Dialect;

/// Whether a list of `dialect` shows the operation `body`: `field=value` conditions joined by AND.
///
/// Firestore lists running and failed operations only, unless a filter asks for finished ones:
/// <https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.admin.v1#firestoreadmin>. Datastore lists all.
/// Other fields than those that gcloud filters by are refused:
/// <https://cloud.google.com/sdk/gcloud/reference/datastore/operations/list>,
/// <https://cloud.google.com/sdk/gcloud/reference/firestore/operations/list>.
pub(super) fn lists(dialect: Dialect, body: &Value, filter: &str) -> Result<bool, Refusal> {
    let mut conditions = filter.split(" AND ").map(str::trim).filter(|condition| !condition.is_empty());
    if dialect == Dialect::Firestore && filter.trim().is_empty() {
        return Ok(!is_done(body) || is_failed(body));
    }
    conditions.try_fold(true, |fits, condition| Ok(matches(dialect, body, condition)? && fits))
}

fn is_done(body: &Value) -> bool {
    body.get("done") == Some(&Value::Bool(true))
}

/// A cancelled operation has error 1 and did not fail.
fn is_failed(body: &Value) -> bool {
    body.pointer("/error/code").is_some_and(|code| *code != 1)
}

fn matches(dialect: Dialect, body: &Value, condition: &str) -> Result<bool, Refusal> {
    let bad = || Refusal::invalid(format!("Invalid filter: {condition}"));
    // Datastore's backend knows "=" alone.
    let operators: &[char] = if dialect == Dialect::Firestore { &['=', ':'] } else { &['='] };
    let (field, wanted) = condition.split_once(operators).ok_or_else(bad)?;
    let (field, wanted) = (field.trim(), wanted.trim().trim_matches('"'));
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let holds = |pointer: &str| {
        let list = body.pointer(pointer).and_then(Value::as_array);
        list.into_iter().flatten().any(|item| item == wanted)
    };
    match (dialect, field) {
        (Dialect::Firestore, "done") => Ok(is_done(body).to_string() == wanted),
        (Dialect::Firestore, "metadata.collectionIds") => Ok(holds("/metadata/collectionIds")),
        (Dialect::Datastore, "metadata.common.operation_type") => {
            Ok(text("/metadata/common/operationType").eq_ignore_ascii_case(wanted))
        }
        (Dialect::Datastore, "metadata.entity_filter.kind") => Ok(holds("/metadata/entityFilter/kinds")),
        (Dialect::Datastore, "metadata.entity_filter.namespace_id") => {
            Ok(holds("/metadata/entityFilter/namespaceIds"))
        }
        (Dialect::Datastore, field) => {
            let label = field.strip_prefix("metadata.common.labels.").ok_or_else(bad)?;
            Ok(!wanted.is_empty() && text(&format!("/metadata/common/labels/{label}")) == wanted)
        }
        (Dialect::Firestore, _) => Err(bad()),
    }
}
