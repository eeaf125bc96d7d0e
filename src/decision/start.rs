//! What follows from an attempt to start an operation. A kickoff must not start twice, and nothing is started late.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::{Decision, Grid, START_WINDOW, Verdict, decide, seconds, start_delay};
use crate::hash::short_hash;
use crate::message::{
    Adopted, Check, LABEL_KEY, LABEL_REQUEST, Outcome, Reason, Report, Seen, Start, StartRequest, Track,
    is_label,
};
use crate::operation::{ApiError, Facts, Listed, Observation, Operation, Request};

/// An operation that was asked for the same is taken for this kickoff's when it began at most this long before it.
const SAME_REQUEST: TimeDelta = TimeDelta::minutes(10);

/// What this start is recognised by.
pub fn key_of(start: &Start) -> String {
    key_or_id(start.key.as_deref(), &start.watch.id)
}

/// What the start of this watch is recognised by: its kickoff's key, or else the watch's id.
pub(crate) fn key_or_id(key: Option<&str>, id: &str) -> String {
    let own = key.unwrap_or(id);
    if is_label(own) { own.to_owned() } else { short_hash(&[own]) }
}

/// The body to send: with the two labels where the service has labels.
pub fn labelled_body(start: &Start) -> Map<String, Value> {
    let mut body = start.request.body.clone();
    if start.request.service().has_labels() {
        let labels = body.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(LABEL_KEY.to_owned(), json!(key_of(start)));
            labels.insert(LABEL_REQUEST.to_owned(), json!(request_hash(&start.request)));
        }
    }
    body
}

/// Of the text before its placeholders are replaced: a second kickoff for the same slot expands to another text.
fn request_hash(request: &StartRequest) -> String {
    let (path, body) = request.written();
    short_hash(&[request.service().id(), path, &Value::Object(body.clone()).to_string()])
}

/// The operation among `listed` that this start would begin a second time: the one with its key in any state, else
/// one that was asked for the same and either still ran at the kickoff, since at most 10 minutes, or, where there are no
/// labels, began after it.
pub fn adopt(start: &Start, listed: Vec<Listed>) -> Option<(Listed, Adopted)> {
    let known = Known::of(start);
    let mut by_request = None;
    for found in listed {
        let same = known.is_same(&found);
        if known.has_key(&found) || (!known.has_labels && same && began_since(&found, start.asked)) {
            return Some((found, Adopted::Key));
        }
        // As of the kickoff, so that a late copy of it decides alike.
        let ran = match &found.observation {
            Observation::Running(_) => true,
            Observation::Ended(_, facts) => facts.end.is_some_and(|end| end >= start.asked),
            Observation::Unreadable(_) | Observation::Unavailable(_) => false,
        };
        if same && ran && began_since(&found, start.asked - SAME_REQUEST) {
            by_request = Some((found, Adopted::Request));
        }
    }
    by_request
}

/// The operation among `listed` that a start which got lost may have begun. The id of a lost kickoff is unknown, and
/// with it its key, so the same request begun since the kickoff counts too.
pub fn begun_by(start: &Start, listed: Vec<Listed>) -> Option<Listed> {
    let known = Known::of(start);
    let mut by_request = None;
    for found in listed {
        if known.has_key(&found) {
            return Some(found);
        }
        if known.is_same(&found) && began_since(&found, start.asked) {
            by_request = Some(found);
        }
    }
    by_request
}

/// What a start is recognised by.
struct Known {
    key: String,
    hash: String,
    request: Request,
    has_labels: bool,
}

impl Known {
    fn of(start: &Start) -> Self {
        Self {
            key: key_of(start),
            hash: request_hash(&start.request),
            request: Request::of(start.request.written().1),
            has_labels: start.request.service().has_labels(),
        }
    }

    fn has_key(&self, found: &Listed) -> bool {
        found.labels.get(LABEL_KEY).is_some_and(|label| *label == self.key)
    }

    fn is_same(&self, found: &Listed) -> bool {
        if self.has_labels {
            return found.labels.get(LABEL_REQUEST).is_some_and(|label| *label == self.hash);
        }
        self.request.is_answered_by(&found.request)
    }
}

fn began_since(found: &Listed, time: DateTime<Utc>) -> bool {
    found.start.is_some_and(|start| start >= time)
}

/// Whether it is not too late to start.
pub fn may_start(start: &Start, now: DateTime<Utc>) -> bool {
    (now - start.asked).to_std().unwrap_or_default() <= START_WINDOW
}

/// What follows once the operation runs, started or adopted: the first check, or the report when it is done already.
pub fn begin(start: &Start, listed: Listed, adopted: Option<Adopted>, now: DateTime<Utc>) -> Decision {
    let interval = seconds(start.watch.interval);
    let Some(operation) = listed.operation else {
        let facts = match listed.observation {
            Observation::Ended(ending, facts) => {
                return done_without_name(start, super::ended(ending, facts), now);
            }
            Observation::Running(facts) => facts,
            Observation::Unreadable(_) | Observation::Unavailable(_) => Facts::default(),
        };
        let verdict = Verdict::new(Outcome::CannotTell, Some(Reason::Unclear), facts);
        return Decision::Report(Box::new(Report::of_start(start, verdict, now)));
    };
    let operation = named_as_asked(start, operation);
    let first = listed.start.unwrap_or(now) + interval;
    let last = match &listed.observation {
        Observation::Running(facts) => Some(Seen { at: now, facts: facts.clone() }),
        Observation::Ended(..) | Observation::Unreadable(_) | Observation::Unavailable(_) => None,
    };
    let track = last.iter().fold(Track::default(), |track, seen: &Seen| track.after(seen.at, &seen.facts));
    let origin = start.request.as_origin();
    let check = Check { last, track, adopted, origin, ..Check::new(start.watch.clone(), operation, first) };
    if matches!(listed.observation, Observation::Ended(..)) {
        return decide(&check, listed.observation, now, Duration::ZERO);
    }
    let grid = Grid { first, interval: start.watch.interval, limit: start.watch.limit };
    let point = grid.next(None, now, Duration::ZERO);
    Decision::Check(Box::new(Check { attempt: point.attempt, ..check }), point.at)
}

/// The operation under the project that the start named: a service may answer with its number, which `PROJECTS` does not
/// list.
fn named_as_asked(start: &Start, operation: Operation) -> Operation {
    let id = operation.name().rsplit('/').next().unwrap_or_default();
    let name = format!("{}/operations/{id}", start.request.resource());
    Operation::new(operation.service(), &name).unwrap_or(operation)
}

fn done_without_name(start: &Start, verdict: Verdict, now: DateTime<Utc>) -> Decision {
    Decision::Report(Box::new(Report::new(start.watch.clone(), verdict, now)))
}

/// What follows when the start was refused for good.
pub fn after_refusal(start: &Start, reason: Reason, error: Option<ApiError>, now: DateTime<Utc>) -> Decision {
    let verdict = Verdict { error, ..Verdict::new(Outcome::NotStarted, Some(reason), Facts::default()) };
    Decision::Report(Box::new(Report::of_start(start, verdict, now)))
}

/// What follows when whether it runs already can't be looked up: never a blind start. While it is early it is tried
/// again; then people are told, and that it may have begun if an earlier try could have begun it.
pub fn after_failed_look_up(
    start: &Start,
    error: ApiError,
    refused: Option<Reason>,
    retry_after: Option<Duration>,
    now: DateTime<Utc>,
) -> Decision {
    if refused.is_none() && may_start(start, now) {
        return try_again(start, error, start.ambiguous, retry_after, now);
    }
    give_up(start, refused.unwrap_or(Reason::Unavailable), Some(error), now)
}

/// What follows when no more is tried: people are told that it was not started, or, if an earlier try could have begun
/// it, that nobody can tell.
pub fn give_up(start: &Start, reason: Reason, error: Option<ApiError>, now: DateTime<Utc>) -> Decision {
    if !start.ambiguous {
        return after_refusal(start, reason, error, now);
    }
    let verdict = Verdict::new(Outcome::CannotTell, Some(Reason::Unclear), Facts::default());
    Decision::Report(Box::new(Report::of_start(start, Verdict { error, ..verdict }, now)))
}

/// What follows when a try failed in passing.
pub fn try_again(
    start: &Start,
    error: ApiError,
    ambiguous: bool,
    retry_after: Option<Duration>,
    now: DateTime<Utc>,
) -> Decision {
    // Only a forged count has no next number; the same would be this delivery's own name.
    let Some(tries) = start.tries.checked_add(1) else {
        return give_up(start, Reason::Unavailable, Some(error), now);
    };
    let delay = start_delay(start.tries, retry_after);
    let next = Start { tries, ambiguous, error: Some(error), ..start.clone() };
    let due = now + TimeDelta::from_std(delay).unwrap_or_default();
    // Nothing starts after the window, so that people are told then, however long the service asked to wait.
    let told = start.asked + TimeDelta::from_std(START_WINDOW).unwrap_or_default() + TimeDelta::seconds(1);
    Decision::Start(Box::new(next), if now < told { due.min(told) } else { due })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Template, Watch};
    use crate::operation::{Ending, Operation, Service, StartMethod};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    /// How a kickoff of minute 0 comes by an operation of another kickoff that ran from one minute to another.
    fn adopted(service: Service, from: i64, to: Option<i64>) -> Option<Adopted> {
        let (method, path) = match service {
            Service::Datastore => ("export", "projects/p:export"),
            Service::Firestore => ("exportDocuments", "projects/p/databases/d:exportDocuments"),
        };
        let request = StartRequest {
            method: StartMethod::find(service, method).unwrap(),
            path: path.to_owned(),
            body: Map::new(),
            template: None,
        };
        let start = Start {
            watch: Watch { id: "7".to_owned(), interval: 60, limit: 10, ..Watch::default() },
            request,
            key: None,
            asked: at(0),
            tries: 0,
            ambiguous: false,
            error: None,
            carried: false,
        };
        let name = path.rsplit_once(':').unwrap().0.to_owned() + "/operations/x";
        let labels = [
            (LABEL_KEY.to_owned(), "6".to_owned()),
            (LABEL_REQUEST.to_owned(), request_hash(&start.request)),
        ];
        let facts = Facts { end: to.map(at), ..Facts::default() };
        let listed = Listed {
            operation: Some(Operation::new(service, &name).unwrap()),
            observation: match to {
                None => Observation::Running(facts),
                Some(_) => Observation::Ended(Ending::Succeeded, facts),
            },
            start: Some(at(from)),
            labels: labels.into(),
            request: Request::default(),
        };
        adopt(&start, vec![listed]).map(|(_, adopted)| adopted)
    }

    /// It is a label of operations that run while the version changes, so it must not change.
    #[test]
    fn the_hash_of_a_request_is_that_of_the_text_before_its_placeholders_are_replaced() {
        let method = StartMethod::find(Service::Datastore, "export").unwrap();
        let body = |prefix: &str| {
            let body = json!({"outputUrlPrefix": prefix, "entityFilter": {"kinds": ["A"]}});
            body.as_object().unwrap().clone()
        };
        let path = "projects/p:export".to_owned();
        let plain = StartRequest { method, path, body: body("gs://b"), template: None };
        assert_eq!(request_hash(&plain), "83a5889a3edbae8d7ed0b1c60eb8a3d2", "as in version 0.1");
        let expanded = |prefix: &str| {
            let template = Template { path: plain.path.clone(), body: body("gs://b/${time}") };
            StartRequest { body: body(prefix), template: Some(Box::new(template)), ..plain.clone() }
        };
        let (one, another) = (expanded("gs://b/030000"), expanded("gs://b/030001"));
        assert_eq!(request_hash(&one), request_hash(&another));
        assert_ne!(request_hash(&one), request_hash(&plain));
    }

    #[test]
    fn an_operation_of_another_kickoff_counts_as_of_this_kickoff() {
        for service in Service::ALL {
            assert_eq!(adopted(service, -1, None), Some(Adopted::Request));
            assert_eq!(adopted(service, -10, None), Some(Adopted::Request));
            assert_eq!(adopted(service, -11, None), None, "begun too long before");
            assert_eq!(
                adopted(service, -1, Some(0)),
                Some(Adopted::Request),
                "over just when it was published"
            );
            assert_eq!(
                adopted(service, -1, Some(30)),
                Some(Adopted::Request),
                "a copy that comes after its end"
            );
            assert_eq!(adopted(service, -9, Some(-1)), None, "over before this kickoff");
        }
        for from in [0, 1] {
            assert_eq!(
                adopted(Service::Firestore, from, Some(2)),
                Some(Adopted::Key),
                "no labels: begun after it is its own"
            );
            assert_eq!(
                adopted(Service::Datastore, from, Some(2)),
                Some(Adopted::Request),
                "its label is another's"
            );
        }
    }
}
