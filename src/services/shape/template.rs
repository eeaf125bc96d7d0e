//! Texts made of values of an answer: a path to one, or several paths in braces with words between them.

use serde_json::Value;

use super::path::find;

/// The paths in a template, which may be one itself.
pub(super) fn paths(template: &'static str) -> impl Iterator<Item = &'static str> {
    let is_path = !template.contains('{');
    let whole = Some(template).filter(|_| is_path);
    whole.into_iter().chain(template.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)))
}

/// What the first of these templates comes to of which every path leads to a text.
pub(super) fn first(answer: &Value, templates: &[&str]) -> Option<String> {
    templates.iter().find_map(|template| {
        if !template.contains('{') {
            return every(answer, template).into_iter().next();
        }
        let mut filled = String::new();
        let mut rest = *template;
        while let Some((before, behind)) = rest.split_once('{') {
            let (path, behind) = behind.split_once('}')?;
            filled.push_str(before);
            filled.push_str(every(answer, path).first()?);
            rest = behind;
        }
        filled.push_str(rest);
        Some(filled)
    })
}

/// The texts, numbers and truths at `path`.
pub(super) fn every(answer: &Value, path: &str) -> Vec<String> {
    let texts = find(answer, path).into_iter().filter_map(|value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    texts.filter(|text| !text.is_empty()).collect()
}
