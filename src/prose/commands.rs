//! Commands to paste into a shell, each under a heading.

use serde_json::{Map, Value};

use super::{MAX_COMMAND, Text, Writer};
use crate::message::publish_command;
use crate::prose::locale::{Command, Note};
use crate::services::{Cause, list_command};
use crate::watch::Outcome;

impl Writer<'_> {
    /// The commands to paste: as the original, a success needs none.
    pub(super) fn commands(&self) -> Vec<Text> {
        let report = self.report;
        if matches!(
            report.outcome,
            Outcome::Succeeded | Outcome::Notice | Outcome::Test | Outcome::Doctor | Outcome::Running
        ) {
            return Vec::new();
        }
        let of_operation = |verb: &str| report.operation.as_ref()?.gcloud(verb);
        let started = report.start.as_ref().filter(|_| may_run(report.outcome));
        let runs = matches!(report.outcome, Outcome::LimitReached | Outcome::Stalled);
        let mut commands = Vec::new();
        let cause = self.cause();
        let is_fix = cause.as_ref().is_some_and(Cause::is_fixed_by_command);
        let fix = cause.as_ref().and_then(|cause| cause.command(self.is_service()));
        commands.extend(self.line(if is_fix { Command::Fix } else { Command::Look }, fix));
        commands.extend(self.line(Command::Describe, of_operation("describe")));
        commands.extend(
            self.line(
                Command::List,
                started.and_then(|start| list_command(start.service(), start.resource())),
            ),
        );
        commands.extend(self.again(cause.as_ref()));
        commands.extend(self.line(Command::Cancel, of_operation("cancel").filter(|_| runs)));
        commands
    }

    /// A line below its heading.
    fn line(&self, command: Command, line: Option<String>) -> Vec<Text> {
        let heading = || Text::Plain(self.words.command(command).to_owned());
        line.map(|line| vec![heading(), Text::Code(line)]).unwrap_or_default()
    }

    /// The command that goes on watching, starts what was not started, or starts again what has ended.
    fn again(&self, cause: Option<&Cause>) -> Vec<Text> {
        let report = self.report;
        let (command, message) = match report.outcome {
            Outcome::Failed | Outcome::Cancelled => (Command::Again, report.start_again()),
            Outcome::LimitReached | Outcome::CannotTell | Outcome::Lost if report.operation.is_some() => {
                (Command::Watch, report.again())
            }
            Outcome::NotStarted if report.is_ended_before() => (Command::StartNew, report.again()),
            Outcome::NotStarted | Outcome::CannotTell | Outcome::Lost => (Command::Start, report.again()),
            Outcome::Succeeded
            | Outcome::LimitReached
            | Outcome::Notice
            | Outcome::Test
            | Outcome::Doctor
            | Outcome::Running
            | Outcome::Stalled => return Vec::new(),
        };
        let Some((mut message, topic)) = message.zip(self.context.topic) else { return Vec::new() };
        if let Some(Cause::PathExists { field }) = cause {
            make_path_new(&mut message, field);
        }
        let line = publish_command(topic, &message);
        if line.len() <= MAX_COMMAND {
            return self.line(command, Some(line));
        }
        if command == Command::Again {
            return Vec::new();
        }
        let key = report.key.as_deref().unwrap_or_default();
        vec![Text::Plain(self.words.note(Note::TooLongToShow { key }))]
    }
}

/// Puts a placeholder into the path of a kickoff that was used before, or the line would be refused again.
fn make_path_new(kickoff: &mut Map<String, Value>, field: &str) {
    let path = kickoff.get_mut("start").and_then(|start| start.get_mut("body")?.get_mut(field));
    if let Some(Value::String(path)) = path
        && !path.contains("${")
    {
        *path = format!("{}/${{datetime}}", path.trim_end_matches('/'));
    }
}

/// Whether a start that ends so may have begun.
fn may_run(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::CannotTell | Outcome::Lost)
}
