//! The last success of a work, which the next one is compared with: one entity, read by its key.

use chrono::{DateTime, TimeDelta, Utc};

use super::Run;
use super::entity::{integer, integer_of, long_text, nested, nested_of, properties, text_of, time, time_of};
use crate::google::Properties;
use crate::placeholder;
use crate::services::{Operation, OperationInfo};
use crate::watch::{Outcome, Report};

/// A run that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The operation's name.
    pub operation: String,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it ended.
    pub end: DateTime<Utc>,
    /// How many entities it went through, if it said.
    pub entities: Option<u64>,
}

/// What is kept of a work: its last success, and the one before, for a second report of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunBaseline {
    /// The last.
    pub last: Success,
    /// The one before.
    pub before: Option<Success>,
}

impl Success {
    /// The run that `report` tells of, if it ended well and is known well enough to be compared.
    pub fn of(report: &Report) -> Option<Self> {
        let facts = &report.facts;
        let operation = report.operation.as_ref().filter(|_| report.outcome == Outcome::Succeeded)?;
        let (start, end) = (facts.start?, facts.end.filter(|end| Some(*end) >= facts.start)?);
        let entities = facts.entities.map(|entities| entities.done);
        Some(Self { operation: operation.name().to_owned(), start, end, entities })
    }

    /// The run of an entity in the history, under the same conditions.
    pub fn of_run(run: &Run) -> Option<Self> {
        let (start, end) = (run.start?, run.end.filter(|end| Some(*end) >= run.start)?);
        let succeeded = run.outcome.as_deref() == Some(Outcome::Succeeded.word());
        succeeded.then(|| Self { operation: run.operation.clone(), start, end, entities: run.entities })
    }

    fn properties(&self) -> Properties {
        properties([
            ("operation", Some(long_text(&self.operation))),
            ("start", Some(time(self.start))),
            ("end", Some(time(self.end))),
            ("entities", self.entities.map(integer)),
        ])
    }

    fn read(properties: &Properties) -> Option<Self> {
        Some(Self {
            operation: text_of(properties, "operation")?,
            start: time_of(properties, "start")?,
            end: time_of(properties, "end")?,
            entities: integer_of(properties, "entities"),
        })
    }
}

impl RunBaseline {
    /// Reads its entity.
    pub fn read(properties: &Properties) -> Option<Self> {
        let before = nested_of(properties, "before").and_then(Success::read);
        Success::read(properties).map(|last| Self { last, before })
    }

    /// What `run` is compared with: the success before it. Nothing that came after it.
    pub fn before(&self, run: &Success) -> Option<&Success> {
        let earlier =
            if self.last.operation == run.operation { self.before.as_ref() } else { Some(&self.last) };
        earlier.filter(|earlier| earlier.end <= run.end)
    }

    /// The entity once `run` is told, if it is news.
    pub fn after(known: Option<&Self>, run: &Success, keep: TimeDelta) -> Option<Properties> {
        let news =
            known.is_none_or(|known| known.last.operation != run.operation && known.last.end <= run.end);
        news.then(|| {
            let mut entity = run.properties();
            entity.extend(properties([
                ("before", known.map(|known| nested(&known.last.properties()))),
                ("expires", Some(time(run.end + keep))),
            ]));
            entity
        })
    }
}

/// What makes two runs the same work: service, project, kind of work, and the title or else the place it writes to.
pub fn work_of(report: &Report) -> Option<[String; 4]> {
    work(report.operation.as_ref()?, report.watch.title.as_ref(), &report.facts)
}

/// The same of an operation that runs, as `facts` show.
pub fn work(operation: &Operation, title: Option<&String>, facts: &OperationInfo) -> Option<[String; 4]> {
    let name = title.cloned().or_else(|| facts.prefix.as_deref().map(place))?;
    Some(parts(operation, facts.work.as_deref().unwrap_or_default(), &name))
}

fn parts(operation: &Operation, work: &str, name: &str) -> [String; 4] {
    // A title may hold a line break, which would make two different works one.
    let name = name.replace('\n', " ");
    [operation.service().id().to_owned(), operation.project().to_owned(), work.to_owned(), name]
}

/// A prefix without the folder of a single export: the one that the service makes when it is given a bucket alone, such
/// as `2026-11-23T03:00:12_12345`, or the value of `${date}` or `${datetime}`.
pub(super) fn place(prefix: &str) -> String {
    let prefix = prefix.trim_end_matches('/');
    let is_made = |folder: &str| {
        let pattern = "dddd-dd-ddTdd:dd:dd";
        folder.len() >= pattern.len()
            && folder.bytes().zip(pattern.bytes()).all(|(byte, expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            })
    };
    match prefix.rsplit_once('/') {
        Some((place, folder)) if is_made(folder) || placeholder::is_date(folder) => place.to_owned(),
        _ => prefix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, end: i64) -> Success {
        let at = |second| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        Success { operation: name.to_owned(), start: at(end - 60), end: at(end), entities: Some(7) }
    }

    fn remembered(known: Option<&RunBaseline>, run: &Success) -> Option<RunBaseline> {
        RunBaseline::after(known, run, TimeDelta::days(1)).map(|entity| RunBaseline::read(&entity).unwrap())
    }

    #[test]
    fn a_run_is_compared_with_the_one_before_however_often_it_is_told() {
        let (first, second, third) = (run("a", 0), run("b", 100), run("c", 200));
        let one = remembered(None, &first).unwrap();
        assert_eq!((&one.last, one.before(&first)), (&first, None));
        assert_eq!(one.before(&second), Some(&first));
        let two = remembered(Some(&one), &second).unwrap();
        assert_eq!(
            (&two.last, two.before(&second), two.before(&third)),
            (&second, Some(&first), Some(&second))
        );
        // The same once more is no news, and neither is one that ended earlier.
        assert_eq!(remembered(Some(&two), &second), None);
        assert_eq!(remembered(Some(&two), &run("z", 50)), None);
        assert_eq!(two.before(&run("z", 50)), None);
    }

    #[test]
    fn only_a_success_whose_times_are_known_is_compared() {
        let at = crate::testing::at;
        let report = |outcome, start, end| {
            let facts = OperationInfo { start, end, ..OperationInfo::default() };
            let verdict = crate::watch::Verdict::new(outcome, None, facts);
            let operation =
                Operation::new(crate::services::Service::DATASTORE, "projects/p/operations/o").ok();
            Report { operation, ..Report::new(crate::watch::Watch::default(), verdict, at(0)) }
        };
        let run = |outcome, start, end| Success::of(&report(outcome, start, end));
        let expected = Success {
            operation: "projects/p/operations/o".to_owned(),
            start: at(1),
            end: at(2),
            entities: None,
        };
        assert_eq!(run(Outcome::Succeeded, Some(at(1)), Some(at(2))), Some(expected.clone()));
        assert!(run(Outcome::Succeeded, Some(at(2)), Some(at(2))).is_some());
        for (outcome, start, end) in [
            (Outcome::Failed, Some(at(1)), Some(at(2))),
            (Outcome::Succeeded, Some(at(3)), Some(at(2))),
            (Outcome::Succeeded, None, Some(at(2))),
            (Outcome::Succeeded, Some(at(1)), None),
        ] {
            assert_eq!(run(outcome, start, end), None, "{outcome:?} {start:?} {end:?}");
        }
        let none = report(Outcome::Succeeded, Some(at(1)), Some(at(2)));
        assert_eq!(work_of(&none), None, "neither a title nor a place");
        let mut titled = none;
        titled.watch.title = Some("Nightly".to_owned());
        let work = work_of(&titled).unwrap();
        assert_eq!((work[0].as_str(), work[3].as_str()), ("datastore", "Nightly"));
    }

    #[test]
    fn a_success_is_kept_as_long_as_it_is_set() {
        let run = run("a", 0);
        let entity = RunBaseline::after(None, &run, TimeDelta::days(1)).unwrap();
        assert_eq!(time_of(&entity, "expires"), Some(run.end + TimeDelta::days(1)));
    }

    #[test]
    fn the_folder_that_the_service_makes_is_no_part_of_the_place() {
        assert_eq!(place("gs://b/2026-11-23T03:00:12_12345"), "gs://b");
        assert_eq!(place("gs://b/nightly/2026-11-23T03:00:12Z_1/"), "gs://b/nightly");
        assert_eq!(place("gs://b/nightly"), "gs://b/nightly");
        assert_eq!(place("gs://b/2026-11"), "gs://b/2026-11");
        assert_eq!(place("gs://b/nightly/2026-11-23"), "gs://b/nightly");
        assert_eq!(place("gs://b/nightly/2026-11-23T030012/"), "gs://b/nightly");
    }
}
