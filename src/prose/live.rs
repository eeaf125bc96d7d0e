//! What is told while an operation runs: how far it is, how fast, until when, and whether it stands still.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::number::{grouped, size};
use super::{Context, Field, Notice, Text, Writer};
use crate::prose::locale::{Label, Note, Per};
use crate::watch::{Check, Outcome, Report};

/// A look that is this much older than the message says so.
const STALE: Duration = Duration::from_secs(2);

/// Values that are soon out of date.
const PASSING: [Label; 7] = [
    Label::Elapsed,
    Label::Entities,
    Label::Progress,
    Label::Size,
    Label::State,
    Label::Failures,
    Label::Detail,
];

/// The notice that an operation runs, told when `next`, its next check, is due at `due`. One that is followed, edited at
/// every check, has what is soon out of date too. `context.now` is when the last look was made, successful or not.
pub fn running(next: &Check, due: DateTime<Utc>, followed: bool, context: &Context<'_>) -> Notice {
    let (report, seen) = report(next, Outcome::Running, context.now);
    let writer = Writer::new(&report, context);
    let notice = writer.notice();
    let since = report.facts.start.map(|start| writer.words.since(&writer.clock(start)));
    if !followed {
        let lasting = |field: &Field| {
            let items = report.facts.items.map(|items| Label::Items(items.unit));
            let passing = PASSING.into_iter().chain(items);
            !passing.map(|label| writer.words.label(label)).any(|label| label == field.label)
        };
        let values = notice.values.into_iter().filter(lasting).collect();
        return Notice { summary: since.into_iter().collect(), values, texts: Vec::new(), ..notice };
    }
    let percent = writer.percent();
    let eta = next.track.eta(&report.facts).filter(|eta| *eta > context.now);
    let percent_text = percent.map(|percent| format!("{percent}%"));
    let until = eta.map(|eta| writer.words.eta(&writer.clock(eta)));
    let (mut values, names): (Vec<Field>, Vec<Field>) =
        notice.values.into_iter().partition(|field| matches!(field.value, super::Value::Plain(_)));
    values.extend(writer.rate(next));
    values.extend(eta.and_then(|eta| writer.until(eta)));
    values.extend(writer.checks(next, due));
    values.extend(names);
    let stale = (context.now - seen).to_std().is_ok_and(|age| age > STALE);
    let not_read = stale.then(|| writer.words.note(Note::NotRead { time: &writer.time(seen) }));
    let waits = report.facts.waits.then(|| writer.words.note(Note::Waits));
    let endless = report.facts.endless.then(|| writer.words.note(Note::Endless));
    Notice {
        summary: since.into_iter().chain(percent_text).chain(until).collect(),
        bar: percent,
        values,
        texts: waits.into_iter().chain(endless).chain(not_read).map(Text::Plain).collect(),
        ..notice
    }
}

/// The report that the operation that `next` looks at makes no progress or waits for a person, as the look at `now` showed.
pub fn stall_report(next: &Check, now: DateTime<Utc>) -> Report {
    report(next, Outcome::Stalled, now).0
}

/// What was last seen of it, and when.
pub(super) fn report(next: &Check, outcome: Outcome, now: DateTime<Utc>) -> (Report, DateTime<Utc>) {
    let (facts, seen) = next.last.as_ref().map(|seen| (seen.facts.clone(), seen.at)).unwrap_or_default();
    (Report::of_running(next, outcome, facts, now), seen)
}

impl Writer<'_> {
    /// The notice that a running operation makes no progress or waits for a person, which may come late.
    pub(super) fn stalled(&self) -> Notice {
        let notice = self.notice();
        let percent = self.percent().map(|percent| format!("{percent}%"));
        let as_of = self.late().map(|late| self.words.as_of(&late.format("%H:%M").to_string()));
        let stalled = Note::Stalled { checks: self.report.unchanged.unwrap_or(0) };
        let note = self.words.note(if self.report.asks_a_person() { Note::Asks } else { stalled });
        let texts = notice.texts.into_iter().chain([Text::Plain(note)]).collect();
        Notice { summary: percent.into_iter().chain(as_of).collect(), texts, ..notice }
    }

    pub(super) fn percent(&self) -> Option<u8> {
        self.report.facts.percent()
    }

    pub(super) fn rate(&self, next: &Check) -> Option<Field> {
        let entities = next.track.entity_rate().map(|rate| self.entity_rate(rate));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let bytes = next.track.byte_rate().map(|rate| format!("{}/s", size(rate as u64)));
        let parts: Vec<String> = entities.into_iter().chain(bytes).collect();
        self.plain(Label::Rate, (!parts.is_empty()).then(|| parts.join(" · ")))
    }

    /// Entities in whole numbers: per second, or per minute when slow.
    fn entity_rate(&self, rate: f64) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        let whole = |rate: f64| grouped(rate.round() as u64);
        let (count, per) =
            if rate >= 10.0 { (whole(rate), Per::Second) } else { (whole(rate * 60.0), Per::Minute) };
        self.words.rate(&count, per)
    }

    fn until(&self, eta: DateTime<Utc>) -> Option<Field> {
        let left = (eta - self.context.now).to_std().ok()?;
        // An estimate is no better than a minute.
        let left = if left.as_secs() > 120 { Duration::from_secs(left.as_secs() / 60 * 60) } else { left };
        self.plain(Label::Eta, Some(self.words.in_time(&self.clock(eta), &self.words.duration(left))))
    }

    fn checks(&self, next: &Check, due: DateTime<Utc>) -> Option<Field> {
        let due = due.with_timezone(&self.zone).format("%H:%M:%S").to_string();
        if next.watch.until_s.is_some() {
            let last = self.clock(next.schedule().last_due());
            return self.plain(Label::Checks, Some(self.words.checks_until(&due, &last)));
        }
        let (done, of) = (grouped(next.attempt.into()), grouped(next.watch.max_checks.into()));
        self.plain(Label::Checks, Some(self.words.checks(&done, &of, &due)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use chrono_tz::Tz;

    use super::*;
    use crate::services::{Operation, OperationInfo, Progress, Service};
    use crate::testing::at;
    use crate::watch::{Locale, ProgressHistory, Seen, Watch};

    /// A watch whose looks, one a minute, showed these entities out of `of`.
    fn check(done: &[u64], of: Option<u64>) -> Check {
        let watch =
            Watch { title: Some("Nightly".to_owned()), interval_s: 60, max_checks: 60, ..Watch::default() };
        let operation = Operation::new(Service::DATASTORE, "projects/p/operations/x").unwrap();
        let mut check = Check::new(watch, operation, at(60));
        for (minute, done) in (1..).zip(done) {
            let entities = Some(Progress { done: *done, of });
            let facts = OperationInfo { start: Some(at(0)), entities, ..OperationInfo::default() };
            check.track = ProgressHistory::after(&check.track, at(60 * minute), &facts);
            check.last = Some(Seen { at: at(60 * minute), facts });
            check.attempt += 1;
        }
        check
    }

    fn text(check: &Check, now: DateTime<Utc>, locale: Locale) -> String {
        let context = Context { topic: None, locale, zone: Tz::UTC, title: None, routing: None, now };
        running(check, now + TimeDelta::seconds(60), true, &context).to_text()
    }

    #[test]
    fn a_running_operation_in_words() {
        assert_eq!(
            text(&check(&[0, 10_000, 20_000], Some(60_000)), at(180), Locale::En),
            "Nightly is running · since 08:00 UTC · 33% · expected by 08:07 UTC\n\
             Start: 2027/01/15 08:00:00 UTC\nRunning for: 3 min\nProgress: 33% (20,000 of 60,000)\n\
             Rate: 167/s\nExpected end: 08:07 UTC (in 4 min)\nChecks: 3 of 60, next at 08:04:00\n\
             Operation: projects/p/operations/x"
        );
        assert_eq!(
            text(&check(&[0, 60], Some(120)), at(120), Locale::Ja),
            "Nightlyを実行中 · 08:00 UTC開始 · 50% · 終了予定 08:03 UTC\n\
             開始日時: 2027/01/15 08:00:00 UTC\n経過時間: 2分\n進捗: 50% (120件中60件)\n\
             速度: 60件/分\n終了予定: 08:03 UTC (あと1分)\n確認回数: 2 / 60、次回 08:03:00\n\
             JobID: projects/p/operations/x"
        );
    }

    #[test]
    fn nothing_is_said_that_is_not_known() {
        for (done, of) in [(vec![5, 104], Some(100)), (vec![5, 104], None), (vec![5, 104], Some(0))] {
            let said = text(&check(&done, of), at(120), Locale::En);
            assert!(
                !said.contains('%') && !said.contains("xpected") && said.contains("Entities: 104"),
                "{said}"
            );
        }
        let said = text(&check(&[], None), at(120), Locale::En);
        assert!(said.starts_with("Nightly is running\n"), "{said}");
    }

    #[test]
    fn a_restore_has_a_percentage_and_no_counts() {
        let overall = Some(Progress { done: 40, of: Some(100) });
        let mut check = check(&[], None);
        check.last = Some(Seen { at: at(60), facts: OperationInfo { overall, ..OperationInfo::default() } });
        let said = text(&check, at(60), Locale::En);
        assert!(said.starts_with("Nightly is running · 40%\nProgress: 40%\n"), "{said}");
    }

    #[test]
    fn a_look_that_failed_is_told() {
        let said = text(&check(&[0, 60], Some(120)), at(180), Locale::En);
        assert!(
            said.ends_with("As of 2027/01/15 08:02:00 UTC. The last check could not read the operation."),
            "{said}"
        );
    }

    #[test]
    fn standing_still_comes_with_what_to_do() {
        let check = check(&[7, 7, 7], Some(10));
        let context = Context {
            topic: None,
            locale: Locale::En,
            zone: Tz::UTC,
            title: None,
            routing: None,
            now: at(180),
        };
        let said = super::super::notice(&stall_report(&check, at(180)), &context).to_text();
        assert!(said.starts_with("Nightly is making no progress · 70%\n"), "{said}");
        assert!(
            said.contains("No progress in the last 2 checks.") && said.contains("operations cancel"),
            "{said}"
        );
    }
}
