//! English.

mod cause;

use std::time::Duration;

use super::slips;
use super::verb::Verb;
use super::words::{Change, Column, Command, Happened, Label, Note, Per, Scene, Subject, Words};
use crate::placeholder;
use crate::services::{Cause, Ending, Unit};
use crate::watch::{Outcome, Problem, ProblemKind};

pub(super) struct English;

impl Words for English {
    fn subject(&self, service: &str, subject: Subject) -> String {
        match subject {
            Subject::Export => format!("{service} export"),
            Subject::Import => format!("{service} import"),
            Subject::Work(verb) => format!("{service} {}", verb.english()),
            Subject::Other(kind) => format!("{service} {kind}"),
        }
    }

    fn subject_with_target(&self, subject: &str, kind: Subject, target: &str) -> String {
        let relation = match kind {
            Subject::Import | Subject::Work(Verb::Load) => "into",
            Subject::Work(Verb::Extract) => "from",
            Subject::Export | Subject::Work(_) | Subject::Other(_) => "of",
        };
        format!("{subject} {relation} {target}")
    }

    fn headline(&self, outcome: Outcome, subject: &str, _has_title: bool) -> String {
        match outcome {
            Outcome::Succeeded => format!("{subject} succeeded"),
            Outcome::Failed => format!("{subject} failed"),
            Outcome::Cancelled => format!("{subject} was cancelled"),
            Outcome::NotStarted => format!("{subject} was not started"),
            Outcome::LimitReached => format!("{subject} is still running"),
            Outcome::CannotTell => format!("{subject}: outcome unknown"),
            Outcome::Notice => "opwatch rejected a message".to_owned(),
            Outcome::Test => "opwatch test passed".to_owned(),
            Outcome::Doctor => "opwatch doctor: test message received".to_owned(),
            Outcome::Lost => format!("{subject}: the watch was lost"),
            Outcome::Running => format!("{subject} is running"),
            Outcome::Stalled => format!("{subject} is making no progress"),
        }
    }

    fn waiting(&self, subject: &str) -> String {
        format!("{subject} is waiting for someone")
    }

    fn nothing_started(&self, subject: &str) -> String {
        format!("{subject}: nothing was started")
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
            Label::Result => "Output",
            Label::Items(Unit::Objects) => "Objects",
            Label::Items(Unit::Records) => "Records",
            Label::Items(Unit::Stages) => "Stages",
            Label::Items(Unit::Statements) => "Statements",
            Label::Items(Unit::Steps) => "Steps",
            Label::Items(Unit::Tables) => "Tables",
            Label::Items(Unit::Tasks) => "Tasks",
            Label::Failures => "Failed",
            Label::Detail => "Detail",
            Label::Prefix | Label::Source => "Location",
            Label::Operation => "Operation",
            Label::StartedBy => "Started by",
            Label::Call => "Call",
            Label::Error => "Error",
            Label::Field => "Field",
            Label::MessageId => "Message ID",
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
        if count == "1" { "1 entity".to_owned() } else { format!("{count} entities") }
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
        format!("{done} of {of}, next at {next}")
    }

    fn checks_until(&self, next: &str, last: &str) -> String {
        format!("next at {next}, until {last}")
    }

    fn progress(&self, percent: u8, done: &str, of: &str) -> String {
        format!("{percent}% ({done} of {of})")
    }

    fn rate(&self, count: &str, per: Per) -> String {
        match per {
            Per::Second => format!("{count}/s"),
            Per::Minute => format!("{count}/min"),
        }
    }

    fn happened(&self, happened: Happened<'_>) -> String {
        match happened {
            Happened::Refused { service } => format!("{service} refused to start it."),
            Happened::NotListed { service } => format!(
                "opwatch could not list the {service} operations to rule out a duplicate, so it did not send the start."
            ),
            Happened::NotReadable => "opwatch could not read the operation.".to_owned(),
            Happened::NotFound { service } => format!(
                "{service} does not know this operation. Check the service, the project, the location and the name. Finished \
                 operations are kept for a limited time."
            ),
            Happened::Deleted => "The operation no longer exists, most likely because it was deleted together with its \
                                  resource: it was running a deletion when opwatch last saw it."
                .to_owned(),
            Happened::NotInTime => {
                "The start did not succeed within an hour of the kickoff. opwatch starts nothing later than that."
                    .to_owned()
            }
            Happened::NotRead { service } => {
                format!("The last check could not read the operation from {service}. It may still be running.")
            }
            Happened::UnknownState { state } => {
                format!("The operation is done, but its state is unknown to opwatch: {state}.")
            }
            Happened::NotAllowed { setting } => {
                format!("The setting {setting} no longer allows it.")
            }
            Happened::Late => "The kickoff arrived more than an hour after it was published. opwatch starts nothing \
                               that late."
                .to_owned(),
            Happened::GivenUp { deliveries } => {
                let after = match deliveries {
                    0 => String::new(),
                    deliveries => format!(" after about {}", counted(deliveries, "delivery", "deliveries")),
                };
                format!(
                    "Pub/Sub stopped delivering the message{after}: opwatch was unreachable, or could not schedule the \
                     next step. See its logs for the reason."
                )
            }
            Happened::EndedBefore { ending } => {
                let ended = match ending {
                    Ending::Succeeded => "succeeded",
                    Ending::Failed => "failed",
                    Ending::Cancelled => "was cancelled",
                    Ending::Unknown => "ended in an unknown state",
                };
                format!(
                    "An operation with this kickoff's key {ended} before the kickoff was published, so nothing was started. \
                     The values below are those of the earlier operation. To start one on every publish, remove \"key\"."
                )
            }
            Happened::Unclear => "A start was sent, but its response was lost and the result can't be looked up. The \
                                  operation may be running. Check before you start it again."
                .to_owned(),
            Happened::TooManyStarts { most, project } => format!(
                "Project {project} has reached its limit of {most} starts per hour. This is the first kickoff rejected in \
                 this hour; any others are only logged. To allow more starts, raise MAX_STARTS_PER_HOUR."
            ),
            Happened::TooManyWatches { most } => format!(
                "The limit of {most} kickoffs per minute is reached. This is the first kickoff rejected in this hour; any \
                 others are only logged. To allow more, raise MAX_WATCHES_PER_MINUTE."
            ),
            Happened::TooManyAdoptions { most } => format!(
                "More than {most} operations that may be adopted started in one minute. This is the first one in this \
                 hour that is not adopted; any others are only logged. To adopt more, raise MAX_ADOPTIONS_PER_MINUTE."
            ),
            Happened::TooManyNotices { most } => format!(
                "More than {most} messages could not be used in this hour. Further ones are only logged until the hour is \
                 over. To see more here, raise MAX_NOTICES_PER_HOUR."
            ),
            Happened::Other => "The reason comes from a newer version of opwatch, and this version can't show it.".to_owned(),
        }
    }

    fn cause(&self, cause: &Cause, scene: Scene<'_>) -> String {
        cause::cause(cause, scene)
    }

    fn problem(&self, problem: &Problem) -> String {
        match &problem.kind {
            ProblemKind::TooLarge { size, most } => {
                format!("Too large: {size} bytes; the limit is {most}. Shorten it.")
            }
            ProblemKind::NotBase64 => {
                "message.data is not base64. Publish with gcloud or a client library.".to_owned()
            }
            ProblemKind::Empty => "The message has no data. Publish a JSON object as its data.".to_owned(),
            ProblemKind::NotJson { detail, slip } => match slips::english(*slip) {
                Some(cause) => format!("Not a JSON object: {cause}"),
                None => format!("Not a JSON object: {detail}."),
            },
            ProblemKind::Duplicate => "Appears twice in the same object. Remove one of them.".to_owned(),
            ProblemKind::Character { code } => format!(
                "Contains the character {code}. Remove it: the text must be one line, without control characters or \
                 characters that change the text direction."
            ),
            ProblemKind::RepeatsPath => {
                "Already given by start.path, and the two could differ. Remove it from the body.".to_owned()
            }
            ProblemKind::OtherField { field } => {
                format!("Belongs to another service or method. Use {field} instead.")
            }
            ProblemKind::UnknownField => "Unknown field. Check the spelling, or remove it.".to_owned(),
            ProblemKind::Missing => {
                "Missing. A kickoff needs \"name\", or \"start\" with service, path and body.".to_owned()
            }
            ProblemKind::NoText => "Must be a string in quotes.".to_owned(),
            ProblemKind::NoObject => "Must be an object in braces.".to_owned(),
            ProblemKind::Length { most } => format!("Must have 1 to {most} characters."),
            ProblemKind::Number { least, most } => {
                format!("Must be a whole number from {least} to {most}, without quotes.")
            }
            ProblemKind::UnknownWord { allowed } => format!("Must be one of: {allowed}."),
            ProblemKind::Form { form } => format!("Must be {form}."),
            ProblemKind::BadName { example } => {
                format!("Not valid for this service. Example: {example}")
            }
            ProblemKind::OtherService { service } => {
                format!("Belongs to the service {service}. Set \"service\": \"{service}\".")
            }
            ProblemKind::Ambiguous { services } => {
                format!(
                    "Several services use names of this form: {services}. Set \"service\" to the one you mean."
                )
            }
            ProblemKind::NotAPlaceholder { found } => format!(
                "{found} is not a placeholder. The placeholders are {}. For a literal ${{, write $${{.",
                placeholder::ALLOWED
            ),
            ProblemKind::Reserved => "opwatch sets this label itself. Remove or rename it.".to_owned(),
            ProblemKind::NotTogether { with } => {
                format!("Can't be combined with \"{with}\". Remove one of them.")
            }
            ProblemKind::Misplaced { with } => format!("Has no effect together with \"{with}\". Remove it."),
            ProblemKind::NotAllowed { setting, value } => {
                format!("Not allowed by the setting {setting}. To allow it, add {value} to {setting}.")
            }
            ProblemKind::NotSet { setting, line } => format!(
                "Rejected because the setting {setting} is not set. To allow it, add this line to the settings: {line}"
            ),
            ProblemKind::WatchOnly { method } => format!(
                "This opwatch only watches operations and starts none (STARTS=none). To allow it, set STARTS={method}."
            ),
            ProblemKind::Below { setting, least } => {
                format!("Must be at least {least} (setting {setting}).")
            }
            ProblemKind::NeedsPower => {
                "No outlet that this watch reports to can do this. Remove the field, or set up one that can, such as a \
                 Slack bot (SLACK_BOT_TOKEN and SLACK_CHANNEL instead of SLACK_WEBHOOK_URL)."
                    .to_owned()
            }
            ProblemKind::Other => {
                "The reason comes from a newer version of opwatch, and this version can't show it.".to_owned()
            }
        }
    }

    fn command(&self, command: Command) -> &'static str {
        match command {
            Command::Describe => "To check its state:",
            Command::List => "To list the operations:",
            Command::Watch => "To continue watching:",
            Command::Cancel => "To cancel it:",
            Command::Fix => "To fix it:",
            Command::Look => "To see what is wrong:",
            Command::Again => "Once the cause is fixed, start it again with:",
            Command::StartNew => "To start a new one:",
            Command::Start => "Once the cause is fixed, start it with:",
        }
    }

    fn note(&self, note: Note<'_>) -> String {
        match note {
            Note::Stopped { checks } => format!(
                "opwatch stopped watching after {} (the limit). The operation is still running.",
                counted(checks, "check", "checks")
            ),
            Note::TimeIsOver { watched } => format!(
                "opwatch stopped watching after {} (the limit). The operation is still running.",
                self.duration(watched)
            ),
            Note::LastSeen => "The values shown are from an earlier check.".to_owned(),
            Note::AdoptedByKey => "Already started for this kickoff. Not started again.".to_owned(),
            Note::AdoptedByRequest => {
                "Already running: another kickoff started the same operation shortly before. Not started again.".to_owned()
            }
            Note::AsOf { time } => format!("As of {time}. This message was delayed."),
            Note::TooLongToShow { key: "" } => "The message is too long to show here. Publish the original again.".to_owned(),
            Note::TooLongToShow { key } => {
                format!("The kickoff is too long to show here. Publish the original again, with \"key\": \"{key}\" added.")
            }
            Note::MayRun => "The operation may have started anyway. Check before you start it again.".to_owned(),
            Note::Excerpt => "Start of the message:".to_owned(),
            Note::Partial => "Partial files may remain at its location.".to_owned(),
            Note::RoundTrip => {
                "This test message went through the topic, the check queue and the report queue before it reached Slack."
                    .to_owned()
            }
            Note::Empty => "Warning: succeeded with 0 entities. Check that this is intended.".to_owned(),
            Note::NoOutput => "Warning: succeeded, but the result names no output.".to_owned(),
            Note::Warning { text } => format!("Warning: {text}"),
            Note::Waits => "It is waiting for someone to act, for example to approve or resume it.".to_owned(),
            Note::Asks => "It is waiting for someone to act, for example to approve or resume it. opwatch keeps watching, and \
                           does not post this again."
                .to_owned(),
            Note::Endless => "It runs until someone stops it, as streaming jobs do. opwatch reports how it ends only if that \
                              is before the last check."
                .to_owned(),
            Note::Stalled { checks } => {
                format!("No progress in the last {}. opwatch keeps watching.", counted(checks, "check", "checks"))
            }
            Note::NotRead { time } => format!("As of {time}. The last check could not read the operation."),
            Note::Diverted { channel, why } => {
                format!("Posted here because channel {channel} rejected it ({why}).")
            }
        }
    }

    fn as_of(&self, time: &str) -> String {
        format!("as of {time}")
    }

    fn change(&self, change: Change<'_>) -> String {
        let entities = change.percent.map(|percent| match percent {
            0 => "same number of entities, ".to_owned(),
            percent if percent > 0 => format!("{percent}% more entities, "),
            percent => format!("{}% fewer entities, ", percent.unsigned_abs()),
        });
        let took = change.longer.map_or_else(
            || "same duration".to_owned(),
            |(longer, by)| format!("{} {}", self.duration(by), if longer { "longer" } else { "shorter" }),
        );
        format!("Compared with {}: {}{took}.", change.day, entities.unwrap_or_default())
    }

    fn halved(&self, now: &str, then: &str) -> String {
        format!("Warning: the number of entities fell by more than half, from {then} to {now}.")
    }

    fn tripled(&self, now: &str, then: &str) -> String {
        format!("Warning: took more than three times as long, {now} instead of {then}.")
    }

    fn column(&self, column: Column) -> &'static str {
        match column {
            Column::Title => "Title",
            Column::Outcome => "Outcome",
            Column::Work => "Type",
            Column::Age => "Age",
        }
    }

    fn outcome(&self, outcome: Option<Outcome>) -> &'static str {
        match outcome {
            None | Some(Outcome::Running | Outcome::Stalled) => "running",
            Some(Outcome::Succeeded) => "succeeded",
            Some(Outcome::Failed) => "failed",
            Some(Outcome::Cancelled) => "cancelled",
            Some(Outcome::NotStarted) => "not started",
            Some(Outcome::LimitReached) => "watch stopped",
            Some(Outcome::Lost) => "watch lost",
            Some(Outcome::CannotTell | Outcome::Notice | Outcome::Test | Outcome::Doctor) => "unknown",
        }
    }

    fn digest_title(&self, count: &str) -> String {
        format!("{count} watches ended")
    }

    fn digest_count(&self, outcome: Outcome, count: &str) -> String {
        let word = match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::NotStarted => "not started",
            Outcome::LimitReached | Outcome::Running | Outcome::Stalled => "still running",
            Outcome::Lost => "lost",
            Outcome::CannotTell | Outcome::Notice | Outcome::Test | Outcome::Doctor => "unknown",
        };
        format!("{count} {word}")
    }

    fn digest_heading(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Succeeded => "Succeeded",
            Outcome::Failed => "Failed",
            Outcome::Cancelled => "Cancelled",
            Outcome::NotStarted => "Not started",
            Outcome::LimitReached | Outcome::Running | Outcome::Stalled => "Still running",
            Outcome::Lost => "Watch lost",
            Outcome::CannotTell | Outcome::Notice | Outcome::Test | Outcome::Doctor => "Outcome unknown",
        }
    }

    fn and_more(&self, count: &str) -> String {
        format!("and {count} more")
    }

    fn no_runs(&self) -> &'static str {
        "No runs found. Check --title and --since, and that the service writes to this ledger (LEDGER_KIND, LEDGER_PROJECT)."
    }
}

/// A count with its noun, in the singular or plural.
fn counted(count: u32, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
