//! How a resource is read that is its own operation.

use serde_json::Value;

use super::super::Shape;
use super::super::answer::{CANCELLED, unreadable};
use super::super::count::Count;
use super::super::path::{self, find};
use super::super::template::{every, first};
use super::{Errors, Job};
use crate::services::{ApiError, Ending, Items, Observation, OperationInfo, Status, WARNINGS};
use crate::text::{self, last_segment};

impl Job {
    /// How it ended, if it did.
    fn ending(&self, word: &str, is_done: bool, error: Option<&ApiError>) -> Option<Ending> {
        let words = &self.words;
        let bad = |error: &ApiError| {
            let is_cancelled = error.code == CANCELLED && self.error.status.is_empty()
                || self.error.cancelled.iter().any(|word| error.status.word().contains(word));
            if is_cancelled { Ending::Cancelled } else { Ending::Failed }
        };
        if words.succeeded.contains(&word) || words.partly.contains(&word) {
            let error = error.filter(|_| self.error.decides);
            return Some(error.map_or(Ending::Succeeded, bad));
        }
        if words.failed.contains(&word) || is_done && !words.is_end(word) {
            return Some(error.map_or(Ending::Failed, bad));
        }
        if words.cancelled.contains(&word) {
            return Some(Ending::Cancelled);
        }
        words.over.contains(&word).then_some(Ending::Unknown)
    }

    fn error(&self, answer: &Value) -> Option<ApiError> {
        let Errors { sign, code, status, text, .. } = &self.error;
        let code = number(answer, code).unwrap_or_default();
        let is_there = !sign.is_empty() && !find(answer, sign).is_empty();
        let status =
            status.iter().filter_map(|path| first(answer, &[path])).find(|word| !is_unspecified(word));
        let status = status.filter(|word| !self.error.fine.contains(&word.as_str())).unwrap_or_default();
        let text = text.iter().map(|path| every(answer, path).join("; ")).find(|text| !text.is_empty());
        let text = text.unwrap_or_default();
        if code == 0 && status.is_empty() && text.is_empty() && !is_there {
            return None;
        }
        let status =
            if self.error.status.is_empty() { Status::of_code(code) } else { status.as_str().into() };
        Some(ApiError::new(code, status, &text))
    }

    fn warnings(&self, answer: &Value, word: &str) -> Vec<String> {
        let partly =
            self.words.partly.iter().filter(|partly| **partly == word).map(|word| (*word).to_owned());
        let doubts = said(answer, self.doubts);
        let doubts = doubts.map(|(path, doubt)| format!("{path}: {doubt}"));
        let texts = self.warnings.iter().flat_map(|path| every(answer, path));
        partly.chain(doubts).chain(texts).take(WARNINGS).collect()
    }

    fn observe(&self, answer: &Value) -> Observation {
        let word_there = first(answer, &[self.state]).filter(|word| !is_unspecified(word));
        let word = word_there.as_deref().unwrap_or_default();
        let word = word.strip_prefix(self.words.prefix).unwrap_or(word);
        let error = self.error(answer);
        let is_done = find(answer, self.done).first().is_some_and(|done| done.as_bool() == Some(true));
        let ending = self.ending(word, is_done, error.as_ref());
        let is_bad = matches!(ending, Some(Ending::Failed | Ending::Cancelled));
        let failures = self.failures.iter().find_map(|path| Count::sum(answer, path));
        let stage = first(answer, self.stage);
        let waits = self.words.waits.iter().any(|wait| *wait == word || stage.as_deref() == Some(*wait));
        let facts = OperationInfo {
            work: first(answer, self.work),
            start: time(answer, self.start),
            end: time(answer, self.end).filter(|_| ending.is_some()),
            overall: self.overall.iter().find_map(|count| count.read(answer)),
            items: self
                .items
                .as_ref()
                .and_then(|(unit, count)| Some(Items { unit: *unit, count: count.read(answer)? })),
            bytes: self.bytes.as_ref().and_then(|count| count.read(answer)),
            failures: failures.filter(|count| *count > 0),
            target: first(answer, self.target).map(resource),
            prefix: first(answer, self.prefix),
            output: first(answer, self.output).filter(|_| ending == Some(Ending::Succeeded)),
            error: if is_bad { error.or_else(|| error_of_state(word, ending)) } else { None },
            warnings: if is_bad { Vec::new() } else { self.warnings(answer, word) },
            waits: waits && ending.is_none(),
            endless: ending.is_none() && said(answer, self.endless).next().is_some(),
            stage,
            state: word_there.clone(),
            ..OperationInfo::default()
        }
        .cut();
        match ending {
            None => Observation::Running(facts),
            Some(ending) => Observation::Ended(ending, facts),
        }
    }
}

impl Shape for Job {
    fn read(&self, name: &str, body: &[u8]) -> Observation {
        let answer = match path::read(body, &self.paths()) {
            Ok(answer) => answer,
            Err(error) => return Observation::Unavailable(unreadable(&error)),
        };
        let id = first(&answer, &[self.id]).unwrap_or_default();
        // The id alone: a project may be named by its number and answered by its id.
        if last_segment(&id) != last_segment(name) {
            let id = if id.is_empty() { "no operation" } else { &id };
            let text = format!("asked for {name}, but the response is about {id}");
            return Observation::Unavailable(ApiError::of_text(&text));
        }
        self.observe(&answer)
    }

    fn name_in(&self, answer: &Value) -> Option<String> {
        first(answer, self.name).map(resource)
    }

    fn paths(&self) -> Vec<&'static str> {
        self.paths()
    }

    fn words(&self) -> Vec<String> {
        self.words.all().map(|word| format!("{}{word}", self.words.prefix)).collect()
    }
}

/// Those of `words`, with their paths, that stand in `answer`.
fn said<'a>(
    answer: &'a Value,
    words: &'a [(&'static str, &'static str)],
) -> impl Iterator<Item = &'a (&'static str, &'static str)> {
    words.iter().filter(|(path, word)| every(answer, path).iter().any(|said| said == word))
}

/// A state that says more than that it failed says why.
fn error_of_state(word: &str, ending: Option<Ending>) -> Option<ApiError> {
    let says_why = ending == Some(Ending::Failed) && !matches!(word, "FAILED" | "FAILURE" | "ERROR");
    says_why.then(|| ApiError::new(0, word, ""))
}

/// The word of an enum that says nothing.
fn is_unspecified(word: &str) -> bool {
    word.ends_with("UNSPECIFIED")
}

fn number(answer: &Value, path: &str) -> Option<i64> {
    find(answer, path).first()?.as_i64()
}

/// A time in RFC 3339's form, or in milliseconds since 1970, as BigQuery writes it.
fn time(answer: &Value, paths: &[&str]) -> Option<chrono::DateTime<chrono::Utc>> {
    let read = |text: String| {
        let of_millis = |millis| chrono::DateTime::from_timestamp_millis(millis).filter(text::is_plausible);
        text.parse().ok().map_or_else(|| text::time(&text), of_millis)
    };
    paths.iter().find_map(|path| every(answer, path).into_iter().find_map(read))
}

/// The resource that a link of Compute Engine's or GKE's names.
fn resource(text: String) -> String {
    if !text.starts_with("https://") {
        return text;
    }
    let start = ["/projects/", "/locations/"].iter().filter_map(|part| text.find(part)).min();
    start.map_or(text.clone(), |start| text.split_at(start + 1).1.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Words;
    use super::*;

    static JOB: Job =
        Job { id: "id", words: Words { succeeded: &["DONE"], ..Words::COMMON }, done: "done", ..Job::COMMON };

    fn seen(answer: &Value) -> Observation {
        JOB.read("projects/p/jobs/7", answer.to_string().as_bytes())
    }

    #[test]
    fn a_job_that_is_done_in_no_state_of_an_end_has_failed() {
        let answer = |done: bool| json!({"id": 7, "state": "ATTEMPT_FAILURE", "done": done});
        assert!(matches!(seen(&answer(false)), Observation::Running(_)));
        let Observation::Ended(Ending::Failed, facts) = seen(&answer(true)) else { panic!("it failed") };
        assert_eq!(facts.error, Some(ApiError::new(0, "ATTEMPT_FAILURE", "")));
        assert!(matches!(
            seen(&json!({"id": "7", "state": "DONE", "done": true})),
            Observation::Ended(Ending::Succeeded, _)
        ));
    }

    #[test]
    fn times_are_read_in_both_forms() {
        let start = |time: Value| match seen(&json!({"id": "7", "startTime": time})) {
            Observation::Running(facts) => facts.start,
            other => panic!("{other:?}"),
        };
        let at = Some("2026-11-23T03:00:01Z".parse().unwrap());
        assert_eq!(start(json!("2026-11-22T19:00:01-08:00")), at);
        assert_eq!((start(json!("1795402801000")), start(json!(1_795_402_801_000_i64))), (at, at));
        for none in [json!(""), json!("yesterday"), json!(i64::MAX), json!("9223372036854775807"), json!({})]
        {
            assert_eq!(start(none.clone()), None, "{none}");
        }
    }

    #[test]
    fn a_link_is_cut_to_the_resource() {
        let cut = |text: &str| resource(text.to_owned());
        assert_eq!(
            cut("https://www.googleapis.com/compute/v1/projects/p/global/networks/n"),
            "projects/p/global/networks/n"
        );
        assert_eq!(
            cut("https://compute.googleapis.com/compute/v1/locations/global/operations/o"),
            "locations/global/operations/o"
        );
        assert_eq!(
            (cut("https://example.com/x"), cut("p.d.t")),
            ("https://example.com/x".to_owned(), "p.d.t".to_owned())
        );
    }
}
