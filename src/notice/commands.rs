//! Lines to paste into a shell, each under a heading.

use super::{LONGEST_COMMAND, Text, Writer};
use crate::locale::{Command, Note};
use crate::message::{Outcome, publish_command};

impl Writer<'_> {
    /// The lines to paste: as the original, a success needs none.
    pub(super) fn commands(&self) -> Vec<Text> {
        let report = self.report;
        let command = |command: Command, line: String| {
            [Text::Plain(self.words.command(command).to_owned()), Text::Code(line)]
        };
        let mut commands = Vec::new();
        if matches!(
            report.outcome,
            Outcome::Succeeded | Outcome::Notice | Outcome::Test | Outcome::Doctor | Outcome::Running
        ) {
            return commands;
        }
        let group = self.service().gcloud_group();
        if let Some(operation) = &report.operation {
            commands.extend(command(
                Command::Describe,
                format!("{group} describe {}", shell_word(operation.name())),
            ));
        }
        if let Some(start) = report.start.as_ref().filter(|_| may_run(report.outcome)) {
            commands.extend(command(Command::List, list_command(group, start.resource())));
        }
        let again = match report.outcome {
            Outcome::Stopped | Outcome::CannotTell | Outcome::Lost if report.operation.is_some() => {
                Some(Command::Watch)
            }
            Outcome::NotStarted | Outcome::CannotTell | Outcome::Lost => Some(Command::Start),
            _ => None,
        };
        let line =
            report.again().zip(self.context.topic).map(|(message, topic)| publish_command(topic, &message));
        match (again, line) {
            (Some(again), Some(line)) if line.len() <= LONGEST_COMMAND => {
                commands.extend(command(again, line));
            }
            (Some(_), Some(_)) => {
                let key = report.key.as_deref().unwrap_or_default();
                commands.push(Text::Plain(self.words.note(Note::TooLongToShow { key })));
            }
            _ => {}
        }
        if let (Outcome::Stopped | Outcome::Stalled, Some(operation)) = (report.outcome, &report.operation) {
            commands
                .extend(command(Command::Cancel, format!("{group} cancel {}", shell_word(operation.name()))));
        }
        commands
    }
}

/// Whether a start that ends so may have begun.
fn may_run(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::CannotTell | Outcome::Lost)
}

/// The list command of a start's project (Datastore) or database (Firestore).
fn list_command(group: &str, resource: &str) -> String {
    let mut segments = resource.split('/').skip(1).step_by(2);
    let project = segments.next().unwrap_or_default();
    let database = segments.next().map(|database| format!(" --database={}", shell_word(database)));
    format!("{group} list --project={project}{}", database.unwrap_or_default())
}

/// A name as a shell takes it: a Firestore name has parentheses. No name has a quote.
fn shell_word(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:-".contains(&byte);
    if name.bytes().all(is_plain) { name.to_owned() } else { format!("'{name}'") }
}
