//! What is kept of one look at an operation.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::entity::{flag, flag_of, integer, long_text, nested, properties, time, word, words};
use crate::google::Properties;
use crate::services::{ApiError, Filter, Operation, OperationInfo};
use crate::watch::{Outcome, Watch};

/// An operation as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The operation. There is always a name: what has none is not kept.
    pub operation: Operation,
    /// The watch that looked.
    pub watch: Watch,
    /// What was seen.
    pub facts: OperationInfo,
    /// The error of the look, when that ended the watch.
    pub error: Option<ApiError>,
    /// What the watch came to; none while it goes on.
    pub outcome: Option<Outcome>,
    /// Whether the operation is done.
    pub done: bool,
    /// When it was seen.
    pub at: DateTime<Utc>,
    /// How many checks are past.
    pub attempts: u32,
}

impl Snapshot {
    /// The properties that this look sets. What it did not show is left as it was.
    fn properties(&self, keep: TimeDelta) -> Properties {
        let facts = &self.facts;
        let error = facts.error.as_ref().or(self.error.as_ref());
        let service = self.operation.service().id();
        let outcome = self.outcome.unwrap_or(Outcome::Running).word();
        let mut all = properties([
            ("name", Some(word(self.operation.name()))),
            ("service", Some(word(service))),
            ("project", Some(word(self.operation.project()))),
            ("title", self.watch.title.as_deref().map(word)),
            ("watch", Some(word(&self.watch.id))),
            ("type", facts.work.as_deref().map(word)),
            ("done", Some(flag(self.done))),
            ("state", facts.state.as_deref().map(word)),
            ("outcome", Some(word(outcome))),
            ("start", facts.start.map(time)),
            ("end", facts.end.map(time)),
            ("attempts", Some(integer(self.attempts.into()))),
            ("lastSeen", Some(time(self.at))),
            ("expires", Some(time(self.at + keep))),
        ]);
        all.extend(properties([
            ("entitiesCompleted", facts.entities.map(|progress| integer(progress.done))),
            ("entitiesEstimated", facts.entities.and_then(|progress| progress.of).map(integer)),
            ("bytesCompleted", facts.bytes.map(|progress| integer(progress.done))),
            ("bytesEstimated", facts.bytes.and_then(|progress| progress.of).map(integer)),
            ("entityFilter", facts.filter.as_ref().map(filter)),
            ("outputUrlPrefix", facts.prefix.as_deref().map(long_text)),
            ("outputUrl", facts.output.as_deref().map(long_text)),
            ("errorCode", error.map(|error| integer(error.code.unsigned_abs()))),
            ("errorStatus", error.map(|error| word(error.status.word()))),
            ("errorText", error.map(|error| long_text(&error.text))),
        ]));
        all
    }
}

/// Datastore's `EntityFilter` and Firestore's lists of collections alike.
fn filter(filter: &Filter) -> Value {
    nested(&properties([
        ("kinds", Some(words(&filter.kinds))),
        ("namespaceIds", Some(words(&filter.namespaces))),
    ]))
}

/// The properties of the entity after `snapshot`; none when the entity knows better: that the
/// operation is done is never taken back by a look that comes late.
///
/// What else is there, such as properties of a newer version, stays.
pub fn merged(known: Option<&Properties>, snapshot: &Snapshot, keep: TimeDelta) -> Option<Properties> {
    if known.is_some_and(|known| flag_of(known, "done")) && !snapshot.done {
        return None;
    }
    let mut set = snapshot.properties(keep);
    if known.is_none_or(|known| !known.contains_key("firstSeen")) {
        set.insert("firstSeen".to_owned(), time(snapshot.at));
    }
    let mut all = known.cloned().unwrap_or_default();
    all.extend(set);
    Some(all)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::services::{Progress, Service};

    const KEEP: TimeDelta = TimeDelta::days(400);

    pub(crate) fn snapshot(second: i64) -> Snapshot {
        Snapshot {
            operation: Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap(),
            watch: Watch { id: "7".to_owned(), title: Some("Nightly".to_owned()), ..Watch::default() },
            facts: OperationInfo {
                state: Some("PROCESSING".to_owned()),
                entities: Some(Progress { done: 5, of: Some(10) }),
                filter: Some(Filter { kinds: vec!["Shop".to_owned()], namespaces: Vec::new() }),
                prefix: Some("gs://b".to_owned()),
                ..OperationInfo::default()
            },
            error: None,
            outcome: None,
            done: false,
            at: DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap(),
            attempts: 3,
        }
    }

    #[test]
    fn an_entity_has_typed_values_and_long_texts_without_an_index() {
        let all = merged(None, &snapshot(0), KEEP).unwrap();
        assert_eq!(all["done"], json!({"booleanValue": false}));
        assert_eq!(all["outcome"], json!({"stringValue": "running"}));
        assert_eq!(all["entitiesEstimated"], json!({"integerValue": "10"}));
        assert_eq!(all["outputUrlPrefix"], json!({"stringValue": "gs://b", "excludeFromIndexes": true}));
        assert_eq!(all["lastSeen"], json!({"timestampValue": "2027-01-15T08:00:00.000000Z"}));
        assert_eq!(all["expires"], json!({"timestampValue": "2028-02-19T08:00:00.000000Z"}));
        let kinds = &all["entityFilter"]["entityValue"]["properties"]["kinds"]["arrayValue"]["values"];
        assert_eq!(kinds[0]["stringValue"], "Shop");
        assert!(!all.contains_key("end") && !all.contains_key("errorCode"));
    }

    /// The history reads the words back as messages do.
    #[test]
    fn an_outcome_has_the_word_that_messages_have() {
        use Outcome::{
            Cancelled, CannotTell, Doctor, Failed, LimitReached, Lost, NotStarted, Notice, Succeeded, Test,
        };
        for outcome in
            [CannotTell, Cancelled, Doctor, Failed, Lost, NotStarted, Notice, LimitReached, Succeeded, Test]
        {
            assert_eq!(json!(outcome), json!(outcome.word()));
        }
    }

    #[test]
    fn what_is_there_stays_and_the_first_look_is_the_first() {
        let mut known = merged(None, &snapshot(0), KEEP).unwrap();
        known.insert("newer".to_owned(), json!({"booleanValue": true}));
        let mut later = snapshot(60);
        (later.facts.prefix, later.facts.end) = (None, Some(later.at));
        (later.done, later.outcome) = (true, Some(Outcome::Succeeded));
        let all = merged(Some(&known), &later, KEEP).unwrap();
        for kept in ["newer", "firstSeen", "outputUrlPrefix"] {
            assert_eq!(all[kept], known[kept], "{kept}");
        }
        assert_eq!(all["outcome"], json!({"stringValue": "succeeded"}));
        // A look that comes late takes nothing back.
        assert_eq!(merged(Some(&all), &snapshot(61), KEEP), None);
        assert!(merged(Some(&all), &later, KEEP).is_some());
    }
}
