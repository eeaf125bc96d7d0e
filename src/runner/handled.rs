//! What became of a delivery, for its answer and its line in the log.

use crate::watch::Start;

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    /// Whether to acknowledge it. Refusing is the last resort: Pub/Sub then slows down the whole subscription.
    pub acknowledged: bool,
    /// What was decided.
    pub decision: Action,
    /// The operation it was about; empty when none.
    pub operation: String,
    /// Its number: the attempt of a check, the try of a start or report.
    pub attempt: Option<u32>,
    /// The start it was about.
    pub start: Option<StartLine>,
    /// What went wrong, if anything.
    pub error: Option<String>,
    /// Somebody must act on the error.
    pub needs_attention: bool,
    /// Time of the call to the operations API or to Slack.
    pub call_milliseconds: Option<u64>,
    /// Time of scheduling the next step.
    pub schedule_milliseconds: Option<u64>,
}

/// What the log says of a start: enough to see afterwards what was started, and where its data went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartLine {
    /// The path of the call, such as `projects/my-project:export`.
    pub path: String,
    /// Where an export writes to, or an import reads from.
    pub location: String,
    /// The title; empty when the kickoff has none.
    pub title: String,
}

/// What a delivery came to: a closed set, for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next check is scheduled.
    CheckAgain,
    /// The operation was started, its first check is scheduled.
    Started,
    /// The operation ran already, its next check is scheduled.
    Adopted,
    /// The start is tried again later.
    StartAgain,
    /// The report of the end is scheduled.
    Ended,
    /// The report that the watch is over is scheduled.
    Abandoned,
    /// The report was posted.
    Posted,
    /// The watch asked to hear of failures only, and it succeeded.
    NotWanted,
    /// Another delivery of the report had posted it.
    PostedBefore,
    /// Another delivery is posting the report: this one comes back later.
    Waits,
    /// The report is posted again later.
    PostAgain,
    /// The report is in the buffer of digests.
    Buffered,
    /// The message that follows the watch of a report in the buffer shows its end, or can't be edited.
    Edited,
    /// The buffer of digests was emptied, as far as the outlets took what was in it.
    Drained,
    /// The report was posted in vain for the last time.
    GaveUp,
    /// The message can't be used, its notice is scheduled.
    Noticed,
    /// The message can't be used, and there were enough notices in this hour.
    NotNoticed,
    /// The kickoff exceeds a limit: it is not started or watched.
    NotStarted,
    /// The period of a claimed slot is over: nothing follows.
    Released,
    /// A notice can't be used: nothing follows.
    Dropped,
    /// A signal about an operation that has no watch with a sentinel, or that the settings do not allow: nothing follows.
    Ignored,
    /// A signal's last look saw no end: the checks of the watch go on.
    LeftToPolling,
    /// A test goes on its way.
    Tested,
    /// The next step could not be scheduled: the push is refused.
    NotScheduled,
    /// People were told of a message that Pub/Sub gave up on.
    ToldLost,
    /// They could not be told: the dead letter is kept.
    KeptLost,
}

impl Action {
    /// Its word in logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::CheckAgain => "check-again",
            Self::Started => "started",
            Self::Adopted => "adopted",
            Self::StartAgain => "start-again",
            Self::Ended => "ended",
            Self::Abandoned => "left",
            Self::Posted => "posted",
            Self::NotWanted => "not-wanted",
            Self::PostedBefore => "posted-before",
            Self::Waits => "waits",
            Self::PostAgain => "post-again",
            Self::Buffered => "buffered",
            Self::Edited => "edited",
            Self::Drained => "drained",
            Self::GaveUp => "gave-up",
            Self::Noticed => "noticed",
            Self::NotNoticed => "not-noticed",
            Self::NotStarted => "not-started",
            Self::Released => "released",
            Self::Dropped => "dropped",
            Self::Ignored => "ignored",
            Self::LeftToPolling => "left-to-polling",
            Self::Tested => "tested",
            Self::NotScheduled => "not-scheduled",
            Self::ToldLost => "told-lost",
            Self::KeptLost => "kept-lost",
        }
    }
}

impl StartLine {
    pub(super) fn of(start: &Start) -> Self {
        Self {
            path: start.request.path.clone(),
            location: start.request.location().to_owned(),
            title: start.watch.title.clone().unwrap_or_default(),
        }
    }
}

impl DeliveryResult {
    pub(super) fn new(decision: Action) -> Self {
        Self {
            acknowledged: true,
            decision,
            operation: String::new(),
            attempt: None,
            start: None,
            error: None,
            needs_attention: false,
            call_milliseconds: None,
            schedule_milliseconds: None,
        }
    }
}
