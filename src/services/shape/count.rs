//! How far a job is, in the ways in which services count.

use serde_json::Value;

use super::answer::integer;
use super::path::find;
use crate::services::Progress;

/// Where a count is, and what it means.
pub(in crate::services) enum Count {
    /// A number of percent.
    Percent(&'static str),
    /// A share, from 0 to 1; of several the mean.
    Share(&'static str),
    /// A sum of what is done, and one of what there is; without that only the former.
    Sum {
        /// Units done.
        done: &'static [&'static str],
        /// Units expected.
        of: &'static [&'static str],
    },
    /// How many items have this word.
    Items {
        /// The word of each item.
        state: &'static str,
        /// The word of one that is done.
        done: &'static str,
        /// How many there will be; empty is as many as there are.
        of: &'static str,
    },
    /// GKE's metrics: a name with `_TOTAL`, and the same name without it or with `_DONE`.
    Metrics,
}

const METRIC_NAMES: &str = "progress.metrics.*.name";
const METRIC_VALUES: &str = "progress.metrics.*.intValue";

impl Count {
    pub(super) fn paths(&self) -> Vec<&'static str> {
        match self {
            Self::Percent(path) | Self::Share(path) => vec![path],
            Self::Items { state, of, .. } => vec![state, of],
            Self::Sum { done, of } => [*done, *of].concat(),
            Self::Metrics => vec![METRIC_NAMES, METRIC_VALUES],
        }
    }

    pub(super) fn read(&self, answer: &Value) -> Option<Progress> {
        match self {
            Self::Percent(path) => {
                let done = find(answer, path).into_iter().find_map(number).filter(|done| *done <= 100)?;
                Some(Progress { done, of: Some(100) })
            }
            Self::Share(path) => share(&find(answer, path)),
            Self::Sum { done, of } => sum(answer, done, of),
            Self::Items { state, done, of } => {
                let states = find(answer, state);
                let count = states.iter().filter(|state| state.as_str() == Some(done)).count();
                let of = if of.is_empty() { u64::try_from(states.len()).ok() } else { Self::sum(answer, of) };
                let of = of.filter(|of| *of > 0)?;
                Some(Progress { done: u64::try_from(count).ok()?, of: Some(of) })
            }
            Self::Metrics => metrics(answer),
        }
    }

    /// The sum of the numbers at `path`; `None` without any.
    pub(super) fn sum(answer: &Value, path: &str) -> Option<u64> {
        find(answer, path).into_iter().filter_map(number).reduce(u64::saturating_add)
    }
}

/// Some percentages have a fraction.
fn number(value: &Value) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    integer(value).or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

fn share(shares: &[&Value]) -> Option<Progress> {
    let shares: Vec<f64> = shares.iter().filter_map(|share| share.as_f64()).collect();
    if shares.is_empty() || shares.iter().any(|share| !(0.0..=1.0).contains(share)) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "no list is that long")]
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
    Some(Progress { done: (mean * 100.0) as u64, of: Some(100) })
}

/// A count of zero is left out of the JSON; a progress without any count says nothing.
fn sum(answer: &Value, done: &[&str], of: &[&str]) -> Option<Progress> {
    let total =
        |paths: &[&str]| paths.iter().filter_map(|path| Count::sum(answer, path)).reduce(u64::saturating_add);
    let (done, of) = (total(done), total(of));
    (done.is_some() || of.is_some()).then(|| Progress { done: done.unwrap_or(0), of })
}

fn metrics(answer: &Value) -> Option<Progress> {
    let metrics = answer.pointer("/progress/metrics")?.as_array()?;
    let value = |name: &str| {
        let metric = metrics.iter().find(|metric| metric.get("name").and_then(Value::as_str) == Some(name));
        integer(metric?.get("intValue")?)
    };
    let names = metrics.iter().filter_map(|metric| metric.get("name")?.as_str()?.strip_suffix("_TOTAL"));
    let counts = names.map(|name| {
        let done = value(name).or_else(|| value(&format!("{name}_DONE")));
        (done.unwrap_or(0), value(&format!("{name}_TOTAL")).unwrap_or(0))
    });
    let (done, of) = counts.reduce(|sum, one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)))?;
    Some(Progress { done, of: Some(of) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(count: &Count, answer: &Value) -> Option<(u64, Option<u64>)> {
        count.read(answer).map(|progress| (progress.done, progress.of))
    }

    #[test]
    fn a_percentage_is_at_most_a_hundred() {
        let percent = |value: Value| read(&Count::Percent("a.*"), &json!({"a": [value]}));
        for (value, done) in [
            (json!(0), Some(0)),
            (json!("42"), Some(42)),
            (json!(42.9), Some(42)),
            (json!(100), Some(100)),
            (json!(101), None),
            (json!(-1), None),
            (json!(-0.5), None),
            (json!("x"), None),
        ] {
            assert_eq!(percent(value.clone()), done.map(|done| (done, Some(100))), "{value}");
        }
        assert_eq!(read(&Count::Percent("a.*"), &json!({"a": ["x", 7]})), Some((7, Some(100))));
    }

    #[test]
    fn sums_are_of_all_that_paths_lead_to() {
        let sum = Count::Sum { done: &["a.*.done", "b"], of: &["a.*.of"] };
        let answer = json!({"a": [{"done": 1, "of": "10"}, {"done": "2", "of": 5}, {}], "b": 4});
        assert_eq!(read(&sum, &answer), Some((7, Some(15))));
        assert_eq!(read(&sum, &json!({"b": 4})), Some((4, None)));
        assert_eq!(read(&sum, &json!({"a": [{"of": 4}]})), Some((0, Some(4))), "a zero is left out");
        assert_eq!(read(&sum, &json!({})), None);
        assert_eq!(read(&sum, &json!({"b": u64::MAX, "a": [{"done": 9}]})), Some((u64::MAX, None)));
    }

    #[test]
    fn items_are_counted_by_their_words() {
        let (state, done) = ("a.*.state", "DONE");
        let counted = Count::Items { state, done, of: "" };
        let of_some = Count::Items { state, done, of: "of" };
        let state = |state: &str| json!({"state": state});
        let answer = json!({"a": [state("DONE"), state("RUNNING"), state("DONE")], "of": 9});
        assert_eq!(
            [read(&counted, &answer), read(&of_some, &answer)],
            [Some((2, Some(3))), Some((2, Some(9)))]
        );
        for nothing in [json!({}), json!({"a": [], "of": 0})] {
            assert_eq!([read(&counted, &nothing), read(&of_some, &nothing)], [None, None]);
        }
    }

    #[test]
    fn what_is_read_is_named() {
        let of = |count: Count| count.paths();
        assert_eq!([of(Count::Percent("a")), of(Count::Share("b"))], [["a"], ["b"]]);
        assert_eq!(of(Count::Sum { done: &["a", "b"], of: &["c"] }), ["a", "b", "c"]);
        assert_eq!(of(Count::Items { state: "a", done: "X", of: "b" }), ["a", "b"]);
        assert_eq!(of(Count::Metrics), ["progress.metrics.*.name", "progress.metrics.*.intValue"]);
    }
}
