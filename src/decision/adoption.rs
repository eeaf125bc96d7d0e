//! Which operation is taken for the one that a kickoff asks for, so that it does not start a second one.

use chrono::{DateTime, TimeDelta, Utc};

use super::start::named_as_asked;
use crate::services::{Listed, Observation, Operation, Request};
use crate::watch::{Adopted, LABEL_KEY, LABEL_REQUEST, Start, idempotency_key, request_hash};

/// An operation that was asked for the same is taken for this kickoff's when it began at most this long before it.
const SAME_REQUEST: TimeDelta = TimeDelta::minutes(10);
/// One with the kickoff's key when it still runs, or began at most this long before it.
const SAME_KEY: TimeDelta = TimeDelta::hours(24);

/// Whether an operation counts as what a start asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It does not.
    No,
    /// It does unless another one has the key.
    Perhaps(Adopted),
    /// It does, whatever else there is.
    Yes(Adopted),
}

/// One list to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The list's filter; empty has none.
    pub filter: String,
    /// Whether all its pages are read; otherwise the first one, and the later queries only where it has more.
    pub whole: bool,
    /// Whether there is another way when the service refuses the filter.
    pub optional: bool,
}

/// What a start is recognised by.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    start: &'a Start,
    key: String,
    hash: String,
    request: Request,
    has_labels: bool,
}

impl<'a> Known<'a> {
    /// What `start` is recognised by.
    pub fn of(start: &'a Start) -> Self {
        Self {
            start,
            key: idempotency_key(start),
            hash: request_hash(&start.request),
            request: Request::of(start.request.written().1),
            has_labels: start.request.service().has_labels(),
        }
    }

    /// The lists that show what this start may begin a second time; other ones once the service `refused` a filter.
    ///
    /// Datastore lists all operations, and filters by label
    /// (<https://cloud.google.com/sdk/gcloud/reference/datastore/operations/list>). The filters are used where the list is
    /// long. Firestore lists running and failed operations; finished ones take a filter
    /// (<https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.admin.v1#firestoreadmin>).
    pub fn queries(&self, refused: bool) -> Vec<Query> {
        let query = |filter: String, whole, optional| Query { filter, whole, optional };
        let label =
            |label: &str, value: &str| query(format!("metadata.common.labels.{label}={value}"), true, true);
        if !self.has_labels {
            // The reference's form of the filter first, then the one that gcloud sends.
            let done = if refused { "done=true" } else { "done:true" };
            return vec![query(String::new(), true, false), query(done.to_owned(), true, !refused)];
        }
        if refused {
            return vec![query(String::new(), true, false)];
        }
        vec![
            query(String::new(), false, false),
            label(LABEL_KEY, &self.key),
            label(LABEL_REQUEST, &self.hash),
        ]
    }

    /// Whether `found` is what this start would begin a second time: it has its key and runs or began within a day, or it was
    /// asked for the same and either still ran at the kickoff, since at most 10 minutes, or, where there are no labels, began
    /// after it.
    pub fn claim(&self, found: &Listed) -> Claim {
        let same = self.is_same(found);
        if self.has_key(found) || (!self.has_labels && same && began_since(found, self.start.published_at)) {
            return Claim::Yes(Adopted::Key);
        }
        // As of the kickoff, so that a late copy of it decides alike.
        let ran = match &found.observation {
            Observation::Running(_) => true,
            Observation::Ended(_, facts) => facts.end.is_some_and(|end| end >= self.start.published_at),
            Observation::Unreadable(_) | Observation::Unavailable(_) => false,
        };
        if same && ran && began_since(found, self.start.published_at - SAME_REQUEST) {
            return Claim::Perhaps(Adopted::Request);
        }
        Claim::No
    }

    /// Whether `found` may be what a start that got lost has begun. The id of a lost kickoff is unknown, and with it its key,
    /// so the same request begun since the kickoff counts too.
    pub fn claim_of_lost(&self, found: &Listed) -> Claim {
        if self.has_key(found) {
            return Claim::Yes(Adopted::Key);
        }
        if self.is_same(found) && began_since(found, self.start.published_at) {
            return Claim::Perhaps(Adopted::Request);
        }
        Claim::No
    }

    /// The name under which `found` is watched.
    pub fn name_of(&self, found: &Listed) -> Option<String> {
        let operation = named_as_asked(self.start, found.operation.clone()?);
        Some(operation.name().to_owned())
    }

    /// An operation that was found before, by its name, as a look at it showed it now.
    pub fn found_before(&self, operation: Operation, observation: Observation) -> Option<Listed> {
        let facts = match &observation {
            Observation::Running(facts) | Observation::Ended(_, facts) => facts,
            Observation::Unreadable(_) | Observation::Unavailable(_) => return None,
        };
        let (start, request) = (facts.start, self.request.clone());
        let labels = std::collections::BTreeMap::new();
        Some(Listed { operation: Some(operation), observation, start, labels, request })
    }

    fn has_key(&self, found: &Listed) -> bool {
        // Whatever else it does: the command that opwatch prints for a path that exists has the key, and another path.
        let labelled = found.labels.get(LABEL_KEY).is_some_and(|label| *label == self.key);
        let runs = matches!(found.observation, Observation::Running(_));
        labelled && (runs || began_since(found, self.start.published_at - SAME_KEY))
    }

    fn is_same(&self, found: &Listed) -> bool {
        if self.has_labels {
            return found.labels.get(LABEL_REQUEST).is_some_and(|label| *label == self.hash);
        }
        self.request.matches_operation(&found.request, found.start)
    }
}

fn began_since(found: &Listed, time: DateTime<Utc>) -> bool {
    found.start.is_some_and(|start| start >= time)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::Map;

    use super::*;
    use crate::services::{Ending, OperationInfo, Service, StartMethod};
    use crate::watch::{StartRequest, Watch};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    fn start(service: Service) -> Start {
        let (method, path) = match service {
            service if service == Service::DATASTORE => ("export", "projects/p:export"),
            _ => ("exportDocuments", "projects/p/databases/d:exportDocuments"),
        };
        let request = StartRequest {
            method: StartMethod::find(service, method).unwrap(),
            path: path.to_owned(),
            body: Map::new(),
            template: None,
        };
        Start {
            watch: Watch { id: "7".to_owned(), interval_s: 60, max_checks: 10, ..Watch::default() },
            request,
            key: None,
            published_at: at(0),
            tries: 0,
            turn_waits: 0,
            ambiguous: false,
            denied: false,
            look_up: None,
            counted: false,
            error: None,
            is_continuation: false,
        }
    }

    /// An operation of the same request that ran from one minute to another, begun by the kickoff with this key.
    fn ran(start: &Start, key: &str, from: i64, to: Option<i64>) -> Listed {
        let labels = [
            (LABEL_KEY.to_owned(), key.to_owned()),
            (LABEL_REQUEST.to_owned(), request_hash(&start.request)),
        ];
        let facts = OperationInfo { end: to.map(at), ..OperationInfo::default() };
        let name = format!("{}/operations/x", start.request.resource());
        Listed {
            operation: Some(Operation::new(start.request.service(), &name).unwrap()),
            observation: match to {
                None => Observation::Running(facts),
                Some(_) => Observation::Ended(Ending::Succeeded, facts),
            },
            start: Some(at(from)),
            labels: labels.into(),
            request: Request::default(),
        }
    }

    /// How a kickoff of minute 0 comes by an operation of another kickoff that ran from one minute to another.
    fn claimed(service: Service, from: i64, to: Option<i64>) -> Claim {
        let start = start(service);
        Known::of(&start).claim(&ran(&start, "6", from, to))
    }

    #[test]
    fn an_operation_of_another_kickoff_counts_as_of_this_kickoff() {
        let by_request = Claim::Perhaps(Adopted::Request);
        for service in Service::defaults() {
            assert_eq!(claimed(service, -1, None), by_request);
            assert_eq!(claimed(service, -10, None), by_request);
            assert_eq!(claimed(service, -11, None), Claim::No, "begun too long before");
            assert_eq!(claimed(service, -1, Some(0)), by_request, "over just when it was published");
            assert_eq!(claimed(service, -1, Some(30)), by_request, "a copy that comes after its end");
            assert_eq!(claimed(service, -9, Some(-1)), Claim::No, "over before this kickoff");
        }
        for from in [0, 1] {
            let own = Claim::Yes(Adopted::Key);
            assert_eq!(
                claimed(Service::FIRESTORE, from, Some(2)),
                own,
                "no labels: begun after it is its own"
            );
            assert_eq!(claimed(Service::DATASTORE, from, Some(2)), by_request, "its label is another's");
        }
    }

    /// The command that is printed for a path that exists has another one.
    #[test]
    fn an_operation_with_the_key_counts_whatever_it_does() {
        let start = start(Service::DATASTORE);
        let mut other = ran(&start, "7", -1, None);
        other.labels.insert(LABEL_REQUEST.to_owned(), "another".to_owned());
        let known = Known::of(&start);
        let own = Claim::Yes(Adopted::Key);
        assert_eq!((known.claim(&other), known.claim_of_lost(&other)), (own, own));
    }

    #[test]
    fn an_operation_with_the_key_counts_while_it_runs_or_for_a_day() {
        let start = start(Service::DATASTORE);
        let known = Known::of(&start);
        let day = 24 * 60;
        for (from, to, expected) in [
            (-day, Some(-day + 5), Claim::Yes(Adopted::Key)),
            (-day - 1, Some(-day + 5), Claim::No),
            (-3 * day, Some(-5), Claim::No),
            (-3 * day, None, Claim::Yes(Adopted::Key)),
            (1, Some(2), Claim::Yes(Adopted::Key)),
        ] {
            let found = ran(&start, "7", from, to);
            assert_eq!(known.claim(&found), expected, "{from} {to:?}");
            assert_eq!(known.claim_of_lost(&found), expected, "{from} {to:?}");
        }
    }

    /// With one call where a list is short, and by documented filters alone where it is not.
    #[test]
    fn each_service_is_asked_what_its_reference_says() {
        let filters = |service, refused| -> Vec<_> {
            let start = start(service);
            Known::of(&start).queries(refused).into_iter().map(|query| query.filter).collect()
        };
        let hash = request_hash(&start(Service::DATASTORE).request);
        let by_label = [
            "metadata.common.labels.opwatch-key=7".to_owned(),
            format!("metadata.common.labels.opwatch-request={hash}"),
        ];
        assert_eq!(filters(Service::DATASTORE, false), [&[String::new()], &by_label[..]].concat());
        assert_eq!(filters(Service::DATASTORE, true), [""]);
        assert_eq!(filters(Service::FIRESTORE, false), ["", "done:true"]);
        assert_eq!(filters(Service::FIRESTORE, true), ["", "done=true"]);
    }
}
