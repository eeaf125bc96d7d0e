//! What a language must be able to say. Numbers, times and lay-out are `notice`'s.

use std::time::Duration;

use super::verb::Verb;
use crate::services::{Cause, Ending, Unit};
use crate::watch::{Outcome, Problem};

/// What the message is about, when it has no title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An export: a backup.
    Export,
    /// An import: a restore.
    Import,
    /// Other work of a kind that many services have.
    Work(Verb),
    /// An operation of another kind, or a job: what one is called in English.
    Other(&'static str),
}

/// The heading of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// When the operation began.
    Start,
    /// When it ended.
    End,
    /// How long it took.
    Duration,
    /// How long it has run so far.
    Elapsed,
    /// Entities or documents.
    Entities,
    /// Bytes.
    Size,
    /// How far it is.
    Progress,
    /// How fast it goes.
    Rate,
    /// When it will be done.
    Eta,
    /// Checks made, and the next.
    Checks,
    /// The service's word for its state.
    State,
    /// What the operation works on.
    Target,
    /// Where the result lies.
    Output,
    /// The folder in which the result lies.
    OutputFolder,
    /// What a job made, or where it is.
    Result,
    /// Tasks, steps, objects that are done.
    Items(Unit),
    /// How many of them failed.
    Failures,
    /// What it is doing, in the service's words.
    Detail,
    /// Where partial files may lie.
    Prefix,
    /// Where an import reads from.
    Source,
    /// The operation's name.
    Operation,
    /// Who started the operation.
    StartedBy,
    /// The path that was to be called.
    Call,
    /// An error's code.
    Error,
    /// The wrong field of a message.
    Field,
    /// The id of a message.
    MessageId,
    /// Lines in Cloud Logging.
    Log,
}

/// What stands above a command to paste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Fixes the cause of an error.
    Fix,
    /// Shows more of the cause of an error.
    Look,
    /// Shows the operation.
    Describe,
    /// Shows all operations.
    List,
    /// Goes on watching.
    Watch,
    /// Cancels the operation.
    Cancel,
    /// Makes a start again whose operation has ended.
    Again,
    /// Starts it once the cause is fixed.
    Start,
    /// Starts it again.
    StartNew,
}

/// A sentence that stands by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note<'a> {
    /// The limit is reached.
    Stopped {
        /// The limit.
        checks: u32,
    },
    /// The time to watch is over.
    TimeIsOver {
        /// That time.
        watched: Duration,
    },
    /// What was last seen, when the end could not be.
    LastSeen,
    /// An earlier delivery of the same kickoff had started it.
    AdoptedByKey,
    /// Another kickoff had started it.
    AdoptedByRequest,
    /// The report comes late.
    AsOf {
        /// The time that it speaks of.
        time: &'a str,
    },
    /// A pasted line would be too long for Slack.
    TooLongToShow {
        /// What the kickoff must carry so that it does not start twice; empty when it starts nothing.
        key: &'a str,
    },
    /// A lost start may have begun.
    MayRun,
    /// The message that a notice is about.
    Excerpt,
    /// Partial files are possible.
    Partial,
    /// What the round of a test proves.
    RoundTrip,
    /// It succeeded and has nothing.
    Empty,
    /// It succeeded and names no output.
    NoOutput,
    /// The service warns of something.
    Warning {
        /// Its text.
        text: &'a str,
    },
    /// It waits for a person.
    Waits,
    /// The same in a message that tells nothing else.
    Asks,
    /// It runs until somebody stops it.
    Endless,
    /// It makes no progress.
    Stalled {
        /// How many checks in a row saw none.
        checks: u32,
    },
    /// The last check could not read it.
    NotRead {
        /// When it could be.
        time: &'a str,
    },
    /// Its own channel did not take it.
    Diverted {
        /// The channel.
        channel: &'a str,
        /// Slack's word for why.
        why: &'a str,
    },
}

/// What came of a start or a watch, in a sentence before the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened<'a> {
    /// The start was refused.
    Refused {
        /// The service's name for people.
        service: &'a str,
    },
    /// The operations could not be listed, so the start could have been a duplicate.
    NotListed {
        /// The service's name for people.
        service: &'a str,
    },
    /// The operation can't be read, and looking again does not help.
    NotReadable,
    /// The service did not know the operation at the first look.
    NotFound {
        /// The service's name for people.
        service: &'a str,
    },
    /// The operation is gone after it was seen deleting something.
    Deleted,
    /// The start did not succeed within the window after the kickoff.
    NotInTime,
    /// The last check could not read the operation.
    NotRead {
        /// The service's name for people.
        service: &'a str,
    },
    /// The operation is done in a state that is unknown.
    UnknownState {
        /// The service's word for it.
        state: &'a str,
    },
    /// A setting does not allow it any more.
    NotAllowed {
        /// The setting.
        setting: &'a str,
    },
    /// The kickoff came too late.
    Late,
    /// Pub/Sub gave up on the message.
    GivenUp {
        /// After about so many deliveries; 0 when that is not known.
        deliveries: u32,
    },
    /// An operation with the kickoff's key ended before the kickoff was published.
    EndedBefore {
        /// How it ended.
        ending: Ending,
    },
    /// A start was sent, and whether it began is not known.
    Unclear,
    /// `MAX_STARTS_PER_HOUR` is reached.
    TooManyStarts {
        /// The limit.
        most: u32,
        /// The project.
        project: &'a str,
    },
    /// `MAX_WATCHES_PER_MINUTE` is reached.
    TooManyWatches {
        /// The limit.
        most: u32,
    },
    /// `MAX_ADOPTIONS_PER_MINUTE` is reached.
    TooManyAdoptions {
        /// The limit.
        most: u32,
    },
    /// `MAX_NOTICES_PER_HOUR` is reached.
    TooManyNotices {
        /// The limit.
        most: u32,
    },
    /// Only a newer version knows.
    Other,
}

/// Who met the cause of an error.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The service's name for people.
    pub service: &'a str,
    /// Whether opwatch's service account made the call, and not a person's own login.
    pub is_service: bool,
}

/// A run compared with the previous one.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The day of the run before.
    pub day: &'a str,
    /// By how many percent its entities are more, or fewer when below zero.
    pub percent: Option<i64>,
    /// By how much it took longer (true) or shorter.
    pub longer: Option<(bool, Duration)>,
}

/// The unit of time of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Per second.
    Second,
    /// Per minute.
    Minute,
}

/// A column of the history that no message has a heading for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// What the run is called.
    Title,
    /// How it ended.
    Outcome,
    /// What kind of work it is.
    Work,
    /// How long ago it began.
    Age,
}

/// The words of one language.
pub trait Words: Sync {
    /// The name of the work, when a message has no title.
    fn subject(&self, service: &str, subject: Subject) -> String;
    /// The same with what the operation works on. `kind` is the subject's.
    fn subject_with_target(&self, subject: &str, kind: Subject, target: &str) -> String;
    /// What happened to `subject`, in a few words; `title` tells whether a person gave it that name.
    fn headline(&self, outcome: Outcome, subject: &str, has_title: bool) -> String;
    /// That `subject` waits for a person.
    fn waiting(&self, subject: &str) -> String;
    /// That nothing was started now, since what the kickoff asks for had ended before.
    fn nothing_started(&self, subject: &str) -> String;
    /// The heading of a value.
    fn label(&self, label: Label) -> &'static str;
    /// A duration's two largest units.
    fn duration(&self, duration: Duration) -> String;
    /// How long it took, in a summary.
    fn took(&self, duration: &str) -> String;
    /// How many entities, in a summary.
    fn entities(&self, count: &str) -> String;
    /// Since when it runs, in a summary.
    fn since(&self, clock: &str) -> String;
    /// When it will be done, in a summary.
    fn eta(&self, clock: &str) -> String;
    /// That a clock time comes in `left`.
    fn in_time(&self, clock: &str, left: &str) -> String;
    /// A count out of a count.
    fn out_of(&self, done: &str, of: &str) -> String;
    /// The number of a check out of the limit, and when the next is due.
    fn checks(&self, done: &str, of: &str, next: &str) -> String;
    /// When the next check is, and until when there will be any.
    fn checks_until(&self, next: &str, last: &str) -> String;
    /// Progress with an estimate.
    fn progress(&self, percent: u8, done: &str, of: &str) -> String;
    /// A number of entities per unit of time.
    fn rate(&self, count: &str, per: Per) -> String;
    /// What happened, in a sentence.
    fn happened(&self, happened: Happened<'_>) -> String;
    /// The cause of an error, and what to do about it.
    fn cause(&self, cause: &Cause, scene: Scene<'_>) -> String;
    /// What is wrong with a message, and how to fix it.
    fn problem(&self, problem: &Problem) -> String;
    /// What stands above a command to paste.
    fn command(&self, command: Command) -> &'static str;
    /// A sentence.
    fn note(&self, note: Note<'_>) -> String;
    /// The time that a late summary speaks of.
    fn as_of(&self, time: &str) -> String;
    /// How a run compares with the one before.
    fn change(&self, change: Change<'_>) -> String;
    /// The warning that entities fell by more than half.
    fn halved(&self, now: &str, then: &str) -> String;
    /// The warning that it took more than three times as long.
    fn tripled(&self, now: &str, then: &str) -> String;
    /// A heading of the history.
    fn column(&self, column: Column) -> &'static str;
    /// An outcome in a column of the history; none is that it runs.
    fn outcome(&self, outcome: Option<Outcome>) -> &'static str;
    /// That so many watches ended, as the title of one message about all of them.
    fn digest_title(&self, count: &str) -> String;
    /// How many of them have this outcome.
    fn digest_count(&self, outcome: Outcome, count: &str) -> String;
    /// The heading of those with this outcome.
    fn digest_heading(&self, outcome: Outcome) -> &'static str;
    /// That there are so many more.
    fn and_more(&self, count: &str) -> String;
    /// What the history says when it has no run.
    fn no_runs(&self) -> &'static str;
}
