//! The sentences of a notice: why, what somebody should know, what looks wrong.

use std::time::Duration;

use super::{Text, Writer};
use crate::prose::locale::Note;
use crate::services::OperationInfo;
use crate::watch::{Adopted, InvalidMessage, Outcome, Reason, Report};

impl Writer<'_> {
    pub(super) fn texts(&self) -> Vec<Text> {
        let mut texts = Vec::new();
        let mut say = |text: String| texts.push(Text::Plain(text));
        if let Some((target, why)) =
            self.report.watch.routing.target.as_ref().zip(self.report.fallback_reason.as_ref())
        {
            say(self.words.note(Note::Diverted { channel: target.as_str(), why }));
        }
        if let Some(late) = self.late() {
            say(self.words.note(Note::AsOf { time: &late.format("%Y/%m/%d %H:%M:%S %Z").to_string() }));
        }
        self.why().into_iter().for_each(&mut say);
        if let (_, Some(error)) = self.failure()
            && !error.text.trim().is_empty()
        {
            say(error.text.clone());
        }
        self.notes().into_iter().for_each(|note| say(self.words.note(note)));
        texts
    }

    fn notes(&self) -> Vec<Note<'_>> {
        let report = self.report;
        let mut notes = Vec::new();
        notes.extend(report.adopted.map(|adopted| match adopted {
            Adopted::Key => Note::AdoptedByKey,
            Adopted::Request => Note::AdoptedByRequest,
        }));
        match report.outcome {
            Outcome::LimitReached if report.attempt.is_some() => {
                notes.push(match report.watch.until_s {
                    Some(until_s) => Note::TimeIsOver { watched: Duration::from_secs(until_s.into()) },
                    None => Note::Stopped { checks: report.watch.max_checks },
                });
            }
            Outcome::CannotTell | Outcome::Lost if seen_earlier(report) => notes.push(Note::LastSeen),
            Outcome::Lost if report.start.is_some() => notes.push(Note::MayRun),
            Outcome::Cancelled => notes.push(Note::Partial),
            Outcome::Test => notes.push(Note::RoundTrip),
            Outcome::Succeeded if self.service().look_up().is_some() => notes.extend(self.suspicions()),
            Outcome::Succeeded
            | Outcome::Failed
            | Outcome::NotStarted
            | Outcome::LimitReached
            | Outcome::Notice
            | Outcome::Lost
            | Outcome::Doctor
            | Outcome::Running
            | Outcome::Stalled
            | Outcome::CannotTell => {}
        }
        if report.outcome == Outcome::LimitReached {
            notes.extend(report.facts.waits.then_some(Note::Waits));
            notes.extend(report.facts.endless.then_some(Note::Endless));
        }
        notes.extend(report.facts.warnings.iter().map(|text| Note::Warning { text }));
        notes
    }

    /// What looks wrong with a success.
    fn suspicions(&self) -> Vec<Note<'static>> {
        let facts = &self.report.facts;
        let works = |words: &[&str]| {
            facts.work.as_deref().is_some_and(|work| words.iter().any(|word| work.starts_with(word)))
        };
        let is_export = works(&["EXPORT"]);
        // An index of an empty collection or a delete of nothing is as it should be.
        let is_empty =
            works(&["EXPORT", "IMPORT"]) && facts.entities.is_some_and(|entities| entities.done == 0);
        let has_no_output = is_export && facts.output.is_none();
        let notes = [(is_empty, Note::Empty), (has_no_output, Note::NoOutput)];
        notes.into_iter().filter(|(is, _)| *is).map(|(_, note)| note).collect()
    }

    pub(super) fn unusable_texts(&self, unusable: &InvalidMessage) -> Vec<Text> {
        let mut texts: Vec<Text> = self.why().into_iter().map(Text::Plain).collect();
        texts.push(Text::Plain(self.words.problem(&unusable.problem)));
        if !unusable.excerpt.is_empty() {
            texts.push(Text::Plain(self.words.note(Note::Excerpt)));
            texts.push(Text::Code(unusable.excerpt.clone()));
        }
        texts
    }
}

/// Whether its facts are those of an earlier look, since the last one showed none.
fn seen_earlier(report: &Report) -> bool {
    let seen_now = matches!(report.reason, Some(Reason::UnknownState | Reason::Unclear));
    report.facts != OperationInfo::default() && !seen_now
}
