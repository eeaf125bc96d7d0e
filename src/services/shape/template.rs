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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_needs_all_of_its_paths() {
        let answer = json!({"a": {"b": "x", "n": 7}, "list": ["", "y", "z"], "object": {}, "no": null});
        for (templates, expected) in [
            (&["a.b"][..], Some("x")),
            (&["a.n"], Some("7")),
            (&["list.*"], Some("y")),
            (&["none", "a.b"], Some("x")),
            (&["object", "no"], None),
            (&["p/{a.b}/q/{a.n}/r"], Some("p/x/q/7/r")),
            (&["{a.b}.{none}", "{a.n}"], Some("7")),
            (&["{a.b}{list.*}"], Some("xy")),
            (&["{a.b"], None),
            (&[], None),
        ] {
            assert_eq!(first(&answer, templates).as_deref(), expected, "{templates:?}");
        }
        assert_eq!(every(&answer, "list.*"), ["y", "z"]);
        assert_eq!(every(&json!({"a": [true, 1.5, {}, []]}), "a.*"), ["true", "1.5"]);
    }

    #[test]
    fn the_paths_of_a_template_are_those_in_braces_or_itself() {
        let of = |template| paths(template).collect::<Vec<_>>();
        assert_eq!(of("a.b"), ["a.b"]);
        assert_eq!(of("p/{a.b}/q/{c}/r"), ["a.b", "c"]);
    }
}
