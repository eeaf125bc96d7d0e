//! How far a running operation is, in short texts for a line of a terminal or of a log.

use chrono::{DateTime, Utc};

use super::live::report;
use super::number::{grouped, size};
use super::{Context, Field, Value, Writer};
use crate::services::{Progress, shown_duration};
use crate::watch::{Check, Outcome};

/// What is known of a running operation, each as a short text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progressing {
    /// How far it is, in percent.
    pub percent: Option<u8>,
    /// What is done of what is expected, such as `20,000 of 60,000`.
    pub counts: Option<String>,
    /// How fast it goes.
    pub rate: Option<String>,
    /// How long it has run.
    pub elapsed: Option<String>,
    /// When it will be done, such as `08:07 UTC`.
    pub until: Option<String>,
    /// The service's words for its state and for where it is.
    pub state: Option<String>,
}

/// How far the operation is that `check` looks at. It is known to run since `since`, where its service does not say.
pub fn progressing(check: &Check, since: DateTime<Utc>, context: &Context<'_>) -> Progressing {
    let (report, _) = report(check, Outcome::Running, context.now);
    let writer = Writer::new(&report, context);
    let facts = &report.facts;
    let started = facts.start.unwrap_or(since);
    let until = check.track.eta(facts).filter(|eta| *eta > context.now);
    let words = [facts.state.clone(), facts.stage.clone()].into_iter().flatten();
    let mut words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    words.dedup();
    Progressing {
        percent: writer.percent(),
        counts: writer.counts(),
        rate: writer.rate(check).map(|Field { value: Value::Plain(text) | Value::Code(text), .. }| text),
        elapsed: shown_duration(started, context.now).map(|elapsed| writer.words.duration(elapsed)),
        until: until.map(|eta| writer.clock(eta)),
        state: (!words.is_empty()).then(|| words.join(" · ")),
    }
}

impl Writer<'_> {
    /// Entities, else what else is counted, else bytes.
    fn counts(&self) -> Option<String> {
        let facts = &self.report.facts;
        let items = || facts.items.map(|items| items.count);
        if let Some(count) = facts.entities.or_else(items) {
            return Some(self.out_of(count, grouped));
        }
        facts.bytes.map(|bytes| self.out_of(bytes, size))
    }

    /// An estimate that is exceeded is none.
    fn out_of(&self, count: Progress, write: fn(u64) -> String) -> String {
        match count.percent().and(count.of) {
            Some(of) => self.words.out_of(&write(count.done), &write(of)),
            None => write(count.done),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::services::{Items, Operation, OperationInfo, Service, Unit};
    use crate::testing::at;
    use crate::watch::{Locale, Seen, Watch};

    fn said(facts: OperationInfo, locale: Locale) -> Progressing {
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        let mut check = Check::new(Watch::default(), operation, at(0));
        let earlier =
            OperationInfo { entities: Some(Progress { done: 0, of: None }), ..OperationInfo::default() };
        check.track = check.track.after(at(0), &earlier).after(at(60), &facts);
        check.last = Some(Seen { at: at(60), facts });
        let context = Context { topic: None, locale, zone: Tz::UTC, title: None, routing: None, now: at(62) };
        progressing(&check, at(-10), &context)
    }

    #[test]
    fn all_that_is_known_is_said_in_short() {
        let entities = Some(Progress { done: 20_000, of: Some(60_000) });
        let facts = OperationInfo {
            start: Some(at(0)),
            entities,
            state: Some("PROCESSING".to_owned()),
            stage: Some("copying".to_owned()),
            ..OperationInfo::default()
        };
        let english = said(facts.clone(), Locale::En);
        assert_eq!((english.percent, english.counts.as_deref()), (Some(33), Some("20,000 of 60,000")));
        assert_eq!((english.rate.as_deref(), english.elapsed.as_deref()), (Some("333/s"), Some("1 min 2 s")));
        assert_eq!(
            (english.until.as_deref(), english.state.as_deref()),
            (Some("08:03 UTC"), Some("PROCESSING · copying"))
        );
        let japanese = said(facts, Locale::Ja);
        assert_eq!(
            (japanese.counts.as_deref(), japanese.elapsed.as_deref()),
            (Some("20,000 / 60,000"), Some("1分2秒"))
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let nothing = said(OperationInfo::default(), Locale::En);
        assert_eq!(nothing, Progressing { elapsed: Some("1 min 12 s".to_owned()), ..Progressing::default() });
        let steps = Items { unit: Unit::Steps, count: Progress { done: 2, of: Some(4) } };
        let counted = said(OperationInfo { items: Some(steps), ..OperationInfo::default() }, Locale::En);
        assert_eq!((counted.percent, counted.counts.as_deref()), (Some(50), Some("2 of 4")));
        let exceeded = Some(Progress { done: 5_000_000, of: Some(4) });
        let bytes = said(OperationInfo { bytes: exceeded, ..OperationInfo::default() }, Locale::En);
        assert_eq!((bytes.percent, bytes.counts.as_deref()), (None, Some("5.0 MB")));
    }
}
