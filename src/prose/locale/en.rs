//! English.

mod cause;

use std::time::Duration;

use super::slips;
use super::words::{Change, Column, Command, Happened, Label, Note, Scene, Subject, Words};
use crate::placeholder;
use crate::services::Cause;
use crate::watch::{Outcome, Problem, Why};

pub(super) struct English;

impl Words for English {
    fn subject(&self, service: &str, subject: Subject) -> String {
        match subject {
            Subject::Export => format!("{service} export"),
            Subject::Import => format!("{service} import"),
            Subject::Other => format!("{service} operation"),
        }
    }

    fn headline(&self, outcome: Outcome, subject: &str, _has_title: bool) -> String {
        match outcome {
            Outcome::Succeeded => format!("{subject} succeeded"),
            Outcome::Failed => format!("{subject} failed"),
            Outcome::Cancelled => format!("{subject} was cancelled"),
            Outcome::NotStarted => format!("{subject} was not started"),
            Outcome::Stopped => format!("{subject} is still running"),
            Outcome::CannotTell => format!("{subject}: cannot tell how it ended"),
            Outcome::Notice => "opwatch can't use a message".to_owned(),
            Outcome::Test => "opwatch test: all links work".to_owned(),
            Outcome::Doctor => "opwatch doctor: messages arrive here".to_owned(),
            Outcome::Lost => format!("{subject}: the watch was lost"),
            Outcome::Running => format!("{subject} is running"),
            Outcome::Stalled => format!("{subject} makes no progress"),
        }
    }

    fn nothing_started(&self, subject: &str) -> String {
        format!("{subject}: nothing was started now")
    }

    fn label(&self, label: Label) -> &'static str {
        match label {
            Label::Start => "Start",
            Label::End => "End",
            Label::Duration => "Duration",
            Label::Elapsed => "Running for",
            Label::Entities => "Entities",
            Label::Size => "Size",
            Label::Progress => "Progress",
            Label::Rate => "Rate",
            Label::Eta => "Expected end",
            Label::Checks => "Checks",
            Label::State => "State",
            Label::Target => "Target",
            Label::Output => "Output file",
            Label::OutputFolder => "Output folder",
            Label::Prefix => "Location",
            Label::Operation => "Operation",
            Label::Call => "Call",
            Label::Error => "Error",
            Label::Field => "Field",
            Label::MessageId => "Message id",
            Label::Log => "Log",
        }
    }

    fn duration(&self, duration: Duration) -> String {
        super::two_units(duration, [" d", " h", " min", " s"], " ")
    }

    fn took(&self, duration: &str) -> String {
        format!("took {duration}")
    }

    fn entities(&self, count: &str) -> String {
        format!("{count} entities")
    }

    fn since(&self, clock: &str) -> String {
        format!("since {clock}")
    }

    fn eta(&self, clock: &str) -> String {
        format!("expected by {clock}")
    }

    fn in_time(&self, clock: &str, left: &str) -> String {
        format!("{clock} (in {left})")
    }

    fn out_of(&self, done: &str, of: &str) -> String {
        format!("{done} of {of}")
    }

    fn checks(&self, done: &str, of: &str, next: &str) -> String {
        format!("{done} of {of}, the next at {next}")
    }

    fn progress(&self, percent: u8, done: &str, of: &str) -> String {
        format!("{percent} % ({done} of {of})")
    }

    fn happened(&self, happened: Happened<'_>) -> String {
        match happened {
            Happened::Refused { service } => format!("{service} refused to start it."),
            Happened::NotListed { service } => format!(
                "opwatch could not list the {service} operations, so this start could have been a duplicate. It was not sent."
            ),
            Happened::NotReadable => "opwatch could not read the operation.".to_owned(),
            Happened::NotInTime => {
                "The start did not succeed within an hour of the kickoff; opwatch starts nothing later than that."
                    .to_owned()
            }
            Happened::NotRead { service } => {
                format!("{service} could not be read at the last check. The operation may still be running.")
            }
            Happened::UnknownState { state } => {
                format!("It is done, in a state that opwatch does not know: {state}.")
            }
            Happened::NotAllowed { setting } => {
                format!("opwatch's setting {setting} does not allow it any more.")
            }
            Happened::Late => "The kickoff arrived more than an hour after it was published. opwatch starts nothing \
                               that late."
                .to_owned(),
            Happened::GivenUp { deliveries } => {
                let after = match deliveries {
                    0 => String::new(),
                    deliveries => format!(" after about {deliveries} deliveries"),
                };
                format!(
                    "Pub/Sub gave up on its message{after}: opwatch could not be reached, or could not schedule the next \
                     step. Its logs say why."
                )
            }
            Happened::EndedBefore { outcome } => {
                let ended = match outcome {
                    Outcome::Succeeded => "succeeded",
                    Outcome::Failed => "failed",
                    Outcome::Cancelled => "was cancelled",
                    _ => "ended in a state that opwatch does not know",
                };
                format!(
                    "An operation with this kickoff's key {ended} before the kickoff was published, so nothing was started now. \
                     What is shown is that earlier operation. A kickoff that is to start each time must not have a \"key\"."
                )
            }
            Happened::Unclear => "A start was sent, but its answer was lost and can't be looked up: it may run. Look \
                                  before you start it again."
                .to_owned(),
            Happened::TooManyStarts { most, project } => format!(
                "Project {project} has reached its limit of {most} starts per hour. This is the first kickoff refused in \
                 this hour; any others are only in the log. To allow more starts, raise MAX_STARTS_PER_HOUR."
            ),
            Happened::TooManyWatches { most } => format!(
                "The limit of {most} kickoffs per minute is reached. This is the first kickoff refused in this hour; any \
                 others are only in the log. To allow more, raise MAX_WATCHES_PER_MINUTE."
            ),
            Happened::Other => "A newer version of opwatch knows why; this one was rolled back.".to_owned(),
        }
    }

    fn cause(&self, cause: &Cause, scene: Scene<'_>) -> String {
        cause::cause(cause, scene)
    }

    fn problem(&self, problem: &Problem) -> String {
        match &problem.why {
            Why::TooLarge { size, most } => {
                format!("It has {size} bytes; at most {most} are read. Shorten it.")
            }
            Why::NotBase64 => {
                "message.data is not base64. Publish with gcloud or a client library.".to_owned()
            }
            Why::Empty => "It has no data. Publish a JSON object as the message's data.".to_owned(),
            Why::NotJson { detail, slip } => match slips::english(*slip) {
                Some(cause) => format!("It is not a JSON object: {cause}"),
                None => format!("It is not a JSON object: {detail}."),
            },
            Why::Duplicate => {
                "It appears twice in the same object, and only one value can count. Remove one.".to_owned()
            }
            Why::Character { code } => format!(
                "It has the character {code}. It must be one line, without control characters and without \
                 characters that change the direction of text. Remove it."
            ),
            Why::RepeatsPath => {
                "start.path says this already, and the two could differ. Leave it out of the body.".to_owned()
            }
            Why::OtherField { field } => {
                format!("This field belongs to another service or method. Here it is called {field}.")
            }
            Why::UnknownField => "Nobody knows this field. Correct its spelling or leave it out.".to_owned(),
            Why::Missing => {
                "It is missing. A kickoff has \"name\" or \"start\" with service, path and body.".to_owned()
            }
            Why::NoText => "It must be a text in quotes.".to_owned(),
            Why::NoObject => "It must be an object in braces.".to_owned(),
            Why::Length { most } => format!("It must have 1 to {most} characters."),
            Why::Number { least, most } => {
                format!("It must be a whole number from {least} to {most}, without quotes.")
            }
            Why::UnknownWord { allowed } => format!("It must be one of: {allowed}."),
            Why::Form { form } => format!("It must be {form}."),
            Why::BadName { example } => {
                format!("It does not have this service's form. An example: {example}")
            }
            Why::OtherService { service } => {
                format!("This is a name of {service}: it needs \"service\": \"{service}\".")
            }
            Why::Ambiguous { services } => {
                format!(
                    "Several services have names of this form: {services}. Add \"service\" with the one that is meant."
                )
            }
            Why::NotAPlaceholder { found } => format!(
                "{found} is not a placeholder. The placeholders are {}. For a literal ${{ write $${{.",
                placeholder::ALLOWED
            ),
            Why::Reserved => "opwatch sets this label itself. Leave it out or rename it.".to_owned(),
            Why::NotTogether { with } => format!("It can't stand together with \"{with}\". Leave one out."),
            Why::Misplaced { with } => format!("It means nothing beside \"{with}\". Leave it out."),
            Why::NotAllowed { setting, value } => {
                format!("The setting {setting} does not allow it. To allow it, add {value} to {setting}.")
            }
            Why::NotSet { setting, line } => format!(
                "opwatch refuses it because {setting} is not set. To allow it, add this line to the settings: {line}"
            ),
            Why::WatchOnly { method } => format!(
                "This opwatch only watches and starts nothing (STARTS=none). To allow it, set STARTS={method}."
            ),
            Why::Below { setting, least } => {
                format!("It must be at least {least} (the setting {setting}).")
            }
            Why::NeedsPower => {
                "Only a bot can do that, and this opwatch posts through a webhook: remove the field, or set \
                 SLACK_BOT_TOKEN and SLACK_CHANNEL instead of SLACK_WEBHOOK_URL."
                    .to_owned()
            }
            Why::Other => "A newer version of opwatch knows why; this one was rolled back.".to_owned(),
        }
    }

    fn command(&self, command: Command) -> &'static str {
        match command {
            Command::Describe => "Look at its state with this command, and act on it:",
            Command::List => "Look at the operations with this command:",
            Command::Watch => "Go on watching:",
            Command::Cancel => "Cancel it:",
            Command::Fix => "To fix it:",
            Command::Look => "To see what is wrong:",
            Command::Again => "To start it again, once the cause is fixed:",
            Command::StartNew => "Start it anew:",
            Command::Start => "Once the cause is fixed, start it with:",
        }
    }

    fn note(&self, note: Note<'_>) -> String {
        match note {
            Note::Stopped { checks } => format!(
                "opwatch has stopped watching: the limit of {checks} checks is reached. The operation runs on."
            ),
            Note::LastSeen => "What is shown was seen at an earlier check.".to_owned(),
            Note::AdoptedByKey => "It had already been started for this kickoff; it was not started twice.".to_owned(),
            Note::AdoptedByRequest => {
                "It ran already: another kickoff had asked for the same shortly before. It was not started twice.".to_owned()
            }
            Note::AsOf { time } => format!("As of {time}: this message could not be posted at once."),
            Note::TooLongToShow { key: "" } => "The message is too long to be shown here: publish it again yourself.".to_owned(),
            Note::TooLongToShow { key } => {
                format!("The kickoff is too long to be shown here: publish it again yourself, with \"key\": \"{key}\" added.")
            }
            Note::MayRun => "It may have begun all the same: look before you start it again.".to_owned(),
            Note::Excerpt => "The message begins:".to_owned(),
            Note::Partial => "Partial files may be left at its location.".to_owned(),
            Note::RoundTrip => {
                "This message went from the topic through the check queue, the topic, the report queue and the topic to \
                 Slack."
                    .to_owned()
            }
            Note::Empty => "Warning: it succeeded with 0 entities. Is that as it should be?".to_owned(),
            Note::NoOutput => "Warning: it succeeded but names no output.".to_owned(),
            Note::Stalled { checks } => format!("The last {checks} checks saw no progress. opwatch goes on watching."),
            Note::NotRead { time } => format!("As of {time}: the last check could not read it."),
            Note::Diverted { channel, why } => {
                format!("It is told here since channel {channel} did not take it: {why}.")
            }
        }
    }

    fn as_of(&self, time: &str) -> String {
        format!("as of {time}")
    }

    fn change(&self, change: Change<'_>) -> String {
        let day = change.day;
        let longer = change.longer.map(|(longer, by)| {
            format!("{} {}", self.duration(by), if longer { "longer" } else { "shorter" })
        });
        let entities = match change.percent {
            Some(0) => format!("As many entities as the run of {day}"),
            Some(percent) if percent > 0 => format!("{percent} % more entities than the run of {day}"),
            Some(percent) => format!("{} % fewer entities than the run of {day}", percent.unsigned_abs()),
            None => {
                let longer = longer.unwrap_or_else(|| "as long".to_owned());
                return format!("Beside the run of {day}: {longer}.");
            }
        };
        format!("{entities}, {}.", longer.unwrap_or_else(|| "and as long".to_owned()))
    }

    fn halved(&self, now: &str, then: &str) -> String {
        format!("Warning: the entities fell by more than half, from {then} to {now}.")
    }

    fn tripled(&self, now: &str, then: &str) -> String {
        format!("Warning: it took more than three times as long, {now} instead of {then}.")
    }

    fn column(&self, column: Column) -> &'static str {
        match column {
            Column::Title => "Title",
            Column::Outcome => "Outcome",
        }
    }

    fn outcome(&self, outcome: Option<Outcome>) -> &'static str {
        match outcome {
            None | Some(Outcome::Running | Outcome::Stalled) => "running",
            Some(Outcome::Succeeded) => "succeeded",
            Some(Outcome::Failed) => "failed",
            Some(Outcome::Cancelled) => "cancelled",
            Some(Outcome::NotStarted) => "not started",
            Some(Outcome::Stopped) => "not watched to its end",
            Some(Outcome::Lost) => "watch lost",
            Some(Outcome::CannotTell | Outcome::Notice | Outcome::Test | Outcome::Doctor) => "unknown",
        }
    }

    fn no_runs(&self) -> &'static str {
        "No runs."
    }
}
