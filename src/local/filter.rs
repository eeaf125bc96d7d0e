//! The filter of an operations list.

use serde_json::Value;

use super::google::Refusal;

/// Whether an operation fits a filter: `path=value` conditions joined by AND, each path in snake case.
pub(super) fn matches(body: &Value, filter: &str) -> Result<bool, Refusal> {
    for condition in filter.split(" AND ").map(str::trim).filter(|condition| !condition.is_empty()) {
        let (path, wanted) = condition
            .split_once('=')
            .filter(|(path, _)| path.starts_with("metadata.") || path.trim() == "done")
            .ok_or_else(|| Refusal::invalid(format!("Invalid filter: {condition}")))?;
        let mut found = body;
        let mut parent = "";
        for part in path.trim().split('.') {
            let name = if parent == "labels" { part.to_owned() } else { camel(part) };
            found = found.get(name).unwrap_or(&Value::Null);
            parent = part;
        }
        let found = match found {
            Value::String(text) => text.clone(),
            Value::Null if path.trim() == "done" => "false".to_owned(),
            other => other.to_string(),
        };
        if found != wanted.trim().trim_matches('"') {
            return Ok(false);
        }
    }
    Ok(true)
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at_checked(1).unwrap_or((word, ""));
        name + &head.to_uppercase() + tail
    })
}
