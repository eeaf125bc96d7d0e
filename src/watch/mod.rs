//! A watch: what follows one operation, the messages of which it consists, and what it comes to. Plain data; `message` reads
//! and writes it, `decision` says what follows.

mod address;
mod locale;
mod look_up;
mod outcome;
mod problem;
mod report;
mod purpose;
mod routing;
mod start;
mod track;
mod verdict;

pub use address::{Addressing, Form, Mention, Powers, Receipt, Target};
pub use locale::Locale;
pub use look_up::LookUp;
pub use outcome::{Outcome, Reason};
pub use problem::{Problem, ProblemKind};
pub use purpose::{Purpose, SignalLook};
pub use report::{InvalidMessage, Report, Slot};
pub use routing::{MentionOn, Notify, Routing};
pub(crate) use start::{LABEL_KEY, LABEL_REQUEST, is_label, key_or_id};
pub use start::{Start, StartRequest, Template};
pub use start::{idempotency_key, request_hash};
pub use track::ProgressHistory;
pub use verdict::Verdict;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::services::{Operation, OperationInfo};
use crate::text;

/// The beginning of a message that can't be used, as a notice shows it, in characters.
pub const MAX_EXCERPT_CHARS: usize = 1_000;
/// The longest start that rides in its watch, in bytes of its path and body: of a longer one Slack shows no whole line.
pub const MAX_ORIGIN_BYTES: usize = 2_000;

/// The longest name of an account that a watch carries, in characters.
pub const MAX_ACCOUNT_CHARS: usize = 256;

/// `count` seconds as chrono has them.
pub fn seconds(count: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(count))
}

/// What one delivery asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Start an operation, then watch it.
    Start(Box<Start>),
    /// Look at an operation once.
    Check(Box<Check>),
    /// Tell people.
    Report(Box<Report>),
    /// Go the whole round and say so.
    Test(Test),
}

/// What all messages of one watch carry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    /// The `messageId` of the message that began the watch: it survives redelivery and is new when a person watches
    /// the same operation again.
    pub id: String,
    /// What messages call it.
    pub title: Option<String>,
    /// The language of its messages, when not the settings'.
    pub locale: Option<Locale>,
    /// The zone of its times, when not the settings'.
    pub time_zone: Option<Tz>,
    /// Its channel, mentions and verbosity, where they differ from the settings.
    pub routing: Routing,
    /// How long it lasts at most, in seconds, if its checks are the rungs of a ladder; none for checks on a fixed grid.
    pub until_s: Option<u32>,
    /// Seconds between two checks on a fixed grid. For a ladder, those of the grid by which an older version goes on.
    pub interval_s: u32,
    /// Checks at most on a fixed grid. For a ladder, as above.
    pub max_checks: u32,
    /// Fields of a newer version, passed on as they came.
    pub unknown: Unknown,
}

/// Fields that this version doesn't know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unknown {
    /// Next to `name`.
    pub message: Map<String, Value>,
    /// In `state`.
    pub state: Map<String, Value>,
}

/// One look at an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The watch it belongs to.
    pub watch: Watch,
    /// What to look at.
    pub operation: Operation,
    /// Its number on the grid or ladder.
    pub attempt: u32,
    /// What it is made for.
    pub purpose: Purpose,
    /// When check 0 is due; of a ladder, its beginning.
    pub first: DateTime<Utc>,
    /// How long the last run of the same work took, in seconds, as the ledger had it; 0 if it had none. Only for a ladder.
    pub usual_s: Option<u32>,
    /// Whether the check before found that the operation can't be read.
    pub unreadable: bool,
    /// What was last seen of it running.
    pub last: Option<Seen>,
    /// How the work went on.
    pub track: ProgressHistory,
    /// The message that follows it.
    pub live: Option<Receipt>,
    /// Whether people were told that it runs, by a message that can't be edited.
    pub announced: bool,
    /// How the watch came by an operation that it should have started.
    pub adopted: Option<Adopted>,
    /// The start that the watch began with, so that it can be made again.
    pub origin: Option<StartRequest>,
    /// Who started the operation, as the signal says with which the watch began.
    pub started_by: Option<String>,
    /// Whether opwatch passed it on; otherwise a person wrote it.
    pub is_continuation: bool,
}

impl Check {
    /// The first check of a watch that opwatch passes on, of which nothing is known yet.
    pub fn new(watch: Watch, operation: Operation, first: DateTime<Utc>) -> Self {
        Self {
            watch,
            operation,
            attempt: 0,
            purpose: Purpose::Next,
            first,
            usual_s: None,
            unreadable: false,
            last: None,
            track: ProgressHistory::default(),
            live: None,
            announced: false,
            adopted: None,
            origin: None,
            started_by: None,
            is_continuation: true,
        }
    }
}

/// What a look at a running operation showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Seen {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    #[serde(default)]
    pub facts: OperationInfo,
}

impl Seen {
    /// With its texts cut; none when its time can't be worked with. For one that comes from a message.
    pub(crate) fn plausible(self) -> Option<Self> {
        text::is_plausible(&self.at).then(|| Self { facts: self.facts.cut(), ..self })
    }
}

/// Why an operation that was already there was taken for the one to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Adopted {
    /// It carries the key of this kickoff: an earlier delivery started it.
    Key,
    /// It was asked for the same a short while ago: another kickoff started it.
    Request,
}

/// `{"test": true}` on its way: through the check queue, then through the report queue to the outlet.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Its watch, for the id and the language.
    pub watch: Watch,
    /// Whether it has been through the check queue.
    pub is_continuation: bool,
}

/// What a task's message is, as its name tells it: two reports of kinds `ended` and `left` don't swallow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A retried start.
    Start,
    /// A check.
    Check,
    /// A report of a true end.
    Ended,
    /// A report that the watch is over though the operation may not be.
    Abandoned,
    /// A notice.
    Notice,
    /// A note that the operation waits for a person.
    Waits,
}

impl Kind {
    /// Its word in the hashed text.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Check => "check",
            Self::Ended => "ended",
            Self::Abandoned => "left",
            Self::Notice => "notice",
            Self::Waits => "waits",
        }
    }
}

impl Message {
    /// The watch it belongs to.
    pub fn watch(&self) -> &Watch {
        match self {
            Self::Start(start) => &start.watch,
            Self::Check(check) => &check.watch,
            Self::Report(report) => &report.watch,
            Self::Test(test) => &test.watch,
        }
    }

    /// The operation's name; empty while there is none.
    pub fn operation_name(&self) -> &str {
        match self {
            Self::Start(_) | Self::Test(_) => "",
            Self::Check(check) => check.operation.name(),
            Self::Report(report) => report.operation.as_ref().map_or("", Operation::name),
        }
    }

    /// The slot that its task is named after; `None` for a retry.
    pub fn slot(&self) -> Option<&Slot> {
        match self {
            Self::Report(report) if report.tries == 0 && report.claim_waits == 0 => report.slot.as_ref(),
            Self::Start(_) | Self::Check(_) | Self::Test(_) | Self::Report(_) => None,
        }
    }

    /// What it is, and its number among those of its kind: the attempt of a check, the try of a start or report.
    pub fn kind_and_number(&self) -> (Kind, u32) {
        match self {
            Self::Start(start) => (Kind::Start, start.tries),
            Self::Check(check) => (Kind::Check, check.attempt),
            Self::Report(report) => (report.kind(), report.tries),
            Self::Test(test) => (Kind::Check, u32::from(test.is_continuation)),
        }
    }

    /// How often this try of a start or report has waited. Part of its name too, once it did.
    pub fn waits(&self) -> u32 {
        match self {
            Self::Report(report) => report.claim_waits,
            Self::Start(start) => start.turn_waits,
            Self::Check(_) | Self::Test(_) => 0,
        }
    }
}
