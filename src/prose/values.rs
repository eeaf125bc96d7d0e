//! The values of a notice, each with its heading.

use chrono::{DurationRound, SecondsFormat, TimeDelta};

use super::console::{bucket_page, log_page, operation_page};
use super::number::{grouped, size};
use super::{Field, Value, Writer};
use crate::prose::locale::Label;
use crate::services::{Output, Progress, project_of, shown_duration};
use crate::watch::{InvalidMessage, Outcome, Reason};

impl Writer<'_> {
    pub(super) fn values(&self) -> Vec<Field> {
        let facts = &self.report.facts;
        let (_, error) = self.failure();
        let mut values = self.plain_values();
        let has_output = facts.output.is_some();
        let is_import = facts.work.as_deref().is_some_and(|work| work.starts_with("IMPORT"));
        // Datastore names a metadata file, Firestore the folder of the export.
        let output = match self.service().output() {
            Output::File => Label::Output,
            Output::Folder => Label::OutputFolder,
            Output::Result => Label::Result,
        };
        let code = [
            (Label::Target, facts.target.as_deref(), None),
            (output, facts.output.as_deref(), facts.output.as_deref().and_then(bucket_page)),
            (
                if is_import { Label::Source } else { Label::Prefix },
                facts.prefix.as_deref().filter(|_| !has_output),
                facts.prefix.as_deref().and_then(bucket_page),
            ),
            (
                Label::Operation,
                self.report.operation.as_ref().map(crate::services::Operation::name),
                self.report.operation.as_ref().and_then(operation_page),
            ),
            (Label::StartedBy, self.report.started_by.as_deref(), None),
            (Label::Call, self.report.start.as_ref().map(|start| start.path.as_str()), None),
        ];
        values.extend(code.into_iter().filter_map(|(label, text, link)| {
            let value = Value::Code(text?.to_owned());
            Some(Field { label: self.words.label(label), value, link })
        }));
        if matches!(self.report.reason, Some(Reason::Limit { .. })) {
            values.extend(self.log("not-started"));
        }
        values.extend(
            self.plain(Label::Error, error.and_then(|error| error_code(error.code, error.status.word()))),
        );
        values
    }

    /// Times, counts and words.
    fn plain_values(&self) -> Vec<Field> {
        let facts = &self.report.facts;
        let elapsed = facts.start.filter(|_| facts.end.is_none() && runs(self.report.outcome));
        let elapsed = elapsed.and_then(|start| shown_duration(start, self.report.at));
        let plain = [
            (Label::Start, facts.start.map(|time| self.time(time))),
            (Label::End, facts.end.map(|time| self.time(time))),
            (Label::Duration, facts.duration().map(|duration| self.words.duration(duration))),
            (Label::Elapsed, elapsed.map(|duration| self.words.duration(duration))),
            (Label::Entities, self.entities()),
            (Label::Progress, self.progress()),
            (Label::Size, self.size()),
        ];
        let counted = facts.items.map(|items| (Label::Items(items.unit), Some(self.count(items.count))));
        let failed = facts.failures.map(|failures| (Label::Failures, Some(grouped(failures))));
        let words = [
            (Label::Detail, facts.stage.clone()),
            (Label::State, facts.state.clone().filter(|_| !is_end(self.report.outcome))),
        ];
        let values = plain.into_iter().chain(counted).chain(failed).chain(words);
        values.filter_map(|(label, text)| self.plain(label, text)).collect()
    }

    /// A plain value, if there is one.
    pub(super) fn plain(&self, label: Label, text: Option<String>) -> Option<Field> {
        Some(Field { label: self.words.label(label), value: Value::Plain(text?), link: None })
    }

    fn entities(&self) -> Option<String> {
        let entities = self.report.facts.entities.filter(|_| self.progress().is_none())?;
        Some(grouped(entities.done))
    }

    /// How far a running operation is; without an honest estimate there is only a count.
    fn progress(&self) -> Option<String> {
        let facts = Some(&self.report.facts).filter(|_| runs(self.report.outcome))?;
        let Some(entities) = facts.entities else {
            return Some(format!("{}%", facts.overall?.percent()?));
        };
        Some(self.words.progress(entities.percent()?, &grouped(entities.done), &grouped(entities.of?)))
    }

    fn count(&self, count: Progress) -> String {
        let done = grouped(count.done);
        count.of.map_or_else(|| done.clone(), |of| self.words.out_of(&done, &grouped(of)))
    }

    fn size(&self) -> Option<String> {
        let bytes = self.report.facts.bytes?;
        let of = bytes.percent().and(bytes.of).filter(|_| runs(self.report.outcome));
        Some(of.map_or_else(|| size(bytes.done), |of| self.words.out_of(&size(bytes.done), &size(of))))
    }

    pub(super) fn unusable_values(&self, unusable: &InvalidMessage) -> Vec<Field> {
        let values = [(Label::Field, &unusable.problem.field), (Label::MessageId, &unusable.message_id)];
        let shown = values.into_iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| Field {
            label: self.words.label(label),
            value: Value::Code(value.clone()),
            link: None,
        });
        let is_limit = matches!(self.report.reason, Some(Reason::Limit { .. }));
        shown.chain(self.log("not-noticed").filter(|_| is_limit)).collect()
    }

    /// A link to the log lines with this decision, from the hour of the report on.
    fn log(&self, decision: &str) -> Option<Field> {
        let project = project_of(self.context.topic?);
        let hour = self.report.at.duration_trunc(TimeDelta::hours(1)).unwrap_or(self.report.at);
        let filter = format!(
            "jsonPayload.decision=\"{decision}\"\ntimestamp>=\"{}\"",
            hour.to_rfc3339_opts(SecondsFormat::Secs, true)
        );
        let link = Some(log_page(project, &filter));
        Some(Field {
            label: self.words.label(Label::Log),
            value: Value::Code(format!("decision={decision}")),
            link,
        })
    }
}

/// Whether the operation was seen running.
fn runs(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::LimitReached | Outcome::Running | Outcome::Stalled)
}

fn is_end(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled)
}

/// None without an answer: its text says what happened.
pub(super) fn error_code(code: i64, status: &str) -> Option<String> {
    match (code, status) {
        (0, "") => None,
        (code, "") => Some(code.to_string()),
        // A word of the service's own, without a number.
        (0, status) => Some(status.to_owned()),
        (code, status) => Some(format!("{code} {status}")),
    }
}
