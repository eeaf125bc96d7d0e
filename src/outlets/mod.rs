//! Where people and programs are told, a folder for each place. The rest of opwatch knows outlets by the trait [`Outlet`] alone.

pub mod access;
pub mod chat;
mod error;
pub mod events;
mod layout;
mod set;
pub mod slack;
#[cfg(test)]
mod tests;
mod thinning;
pub mod topic;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Map, Value};

pub use error::{Fault, PostError};
pub use set::{Outlets, addressed};

use self::access::Access;
use crate::args::Problems;
use crate::google::report_id;
use crate::hash::hash;
use crate::net::endpoints::Endpoints;
use crate::prose::Notice;
use crate::services::Operation;
use crate::watch::{Addressing, Check, Mention, Outcome, Powers, Receipt, Report, Target};

/// How messages write targets and mentions, which are Slack's, the IDs of outlets, and the receipts of all of them.
pub const ADDRESSING: Addressing = Addressing { receipt: read_receipt, ..slack::ADDRESSING };

/// The receipt that such an object is; none when no outlet can have written it.
fn read_receipt(object: &Map<String, Value>) -> Option<Receipt> {
    (slack::ADDRESSING.receipt)(object).or_else(|| chat::read_receipt(object))
}

/// The outlet whose reports do not name it: it was the only one, and task names never change.
pub const UNNAMED: &str = slack::ID;

/// The list of outlets other than Slack: a folder, and its settings. Slack and then these, in this order, is the default of
/// `OUTLETS`.
macro_rules! outlets {
    ($($folder:ident: $settings:ty),* $(,)?) => {
        /// The IDs of all outlets.
        pub const IDS: &[&str] = &[slack::ID, $($folder::ID),*];

        /// The settings of the outlets other than Slack.
        #[derive(Args, Clone, Debug)]
        pub struct OtherOutletArgs {
            $(
                /// Its settings
                #[command(flatten)]
                pub $folder: $settings,
            )*
        }

        impl OtherOutletArgs {
            /// Those that are set up. The APIs answer at `endpoints`.
            pub fn check(&self, endpoints: &Endpoints, problems: &mut Problems) -> Vec<Arc<dyn Access>> {
                let checked = vec![$(self.$folder.check(endpoints, problems)),*];
                checked.into_iter().flatten().collect()
            }
        }
    };
}

outlets! {
    events: events::EventsArgs,
    chat: chat::ChatArgs,
    topic: topic::TopicArgs,
}

/// A call to an outlet under way.
pub type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T, PostError>> + Send + 'a>>;

/// A place that people are told in. What a method does by default suits an outlet whose messages can't be edited.
pub trait Outlet: Send + Sync {
    /// Its id, in task names and messages: it never changes.
    fn id(&self) -> &'static str;

    /// What people call it.
    fn title(&self) -> &'static str;

    /// What it can do.
    fn powers(&self) -> Powers;

    /// Posts a message. One that can be edited later has a receipt, if the outlet said where it is.
    ///
    /// # Errors
    /// When the outlet did not say that it took the message.
    fn post<'a>(&'a self, to: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>>;

    /// Makes `content` of the message `at`.
    ///
    /// # Errors
    /// As [`Outlet::post`], and by default that its messages can't be edited.
    fn edit<'a>(&'a self, _at: &'a Receipt, _content: Content<'a>, _call: Call) -> Sending<'a, ()> {
        let error = PostError::uneditable(self.title());
        Box::pin(async { Err(error) })
    }

    /// Deletes the message `at`.
    ///
    /// # Errors
    /// As [`Outlet::edit`].
    fn retract<'a>(&'a self, _at: &'a Receipt, _call: Call) -> Sending<'a, ()> {
        let error = PostError::uneditable(self.title());
        Box::pin(async { Err(error) })
    }

    /// Asks without posting whether it would take a message.
    ///
    /// # Errors
    /// When it would not, or can't be reached.
    fn probe(&self, limit: Duration) -> Sending<'_, ()>;

    /// What [`Outlet::probe`] checks.
    fn probed(&self) -> &'static str;

    /// Why not to post to `place` now: the outlet asked to wait, as far as this instance has seen. A reply to a message goes
    /// with an edit of it.
    fn resting(&self, _place: Place<'_>, _now: DateTime<Utc>) -> Option<PostError> {
        None
    }

    /// Whether to make a call now that can be left out: a post to this target, or an edit of this message. After the outlet asked
    /// to wait only some are made. If so, the call counts as made.
    fn admits(&self, _place: Place<'_>, _now: DateTime<Utc>) -> bool {
        true
    }

    /// Whether it can have posted the message of this receipt.
    fn wrote(&self, _receipt: &Receipt) -> bool {
        false
    }

    /// The target that a message was posted to, for an outlet with targets.
    fn target_of(&self, _receipt: &Receipt) -> Option<Target> {
        None
    }

    /// Whether the targets and mentions of messages and of the settings are written for it. They are applied to no other outlet.
    fn takes_addresses(&self) -> bool {
        false
    }

    /// Whom an outlet mentions that takes no mentions of messages.
    fn mention(&self) -> Option<&Mention> {
        None
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// To a target; `None` for an outlet without targets.
    Target(Option<&'a Target>),
    /// Below a message.
    Reply {
        /// The message.
        of: &'a Receipt,
        /// Who is to see it.
        reach: Reach,
    },
}

/// Who is to see a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those who follow the message.
    Thread,
    /// Whoever it mentions too, even if it can't be a reply then.
    Mentioned,
    /// Everyone who sees the message.
    Everyone,
}

/// What an outlet may limit: posts to a target, or edits of a message and replies to it.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// A target; `None` for an outlet without targets.
    Target(Option<&'a Target>),
    /// A message.
    Message(&'a Receipt),
}

/// What a message says.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The words.
    pub notice: &'a Notice,
    /// Which part of them.
    pub part: Part,
    /// As plain text: the outlet refused its own form.
    pub plain: bool,
    /// What it is about.
    pub about: About<'a>,
}

/// What a message is about: for outlets that send data, or that name messages themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// `projects/P/topics/T`: whose opwatch it is. Empty in a terminal.
    pub topic: &'a str,
    /// The id of the watch.
    pub watch: &'a str,
    /// The name of the operation; empty when there is none.
    pub operation: &'a str,
    /// The report. None of a message that only tells of progress, or of many reports.
    pub report: Option<&'a Report>,
    /// Whether it is about the ends of several watches; `watch` is then the id of the digest.
    pub digest: bool,
}

impl<'a> About<'a> {
    /// What the message of `report` is about.
    pub fn report(topic: &'a str, report: &'a Report) -> Self {
        let operation = report.operation.as_ref().map_or("", Operation::name);
        Self { topic, watch: &report.watch.id, operation, report: Some(report), digest: false }
    }

    /// What a message that tells of the progress of `check` is about.
    pub fn progress(topic: &'a str, check: &'a Check) -> Self {
        Self { topic, watch: &check.watch.id, operation: check.operation.name(), report: None, digest: false }
    }

    /// What the digest with this id is about.
    pub fn digest(topic: &'a str, id: &'a str) -> Self {
        Self { topic, watch: id, operation: "", report: None, digest: true }
    }

    /// The end of a watch, or the test of `opwatch doctor`: what outlets that send data send.
    pub fn end(&self) -> Option<&'a Report> {
        self.report.filter(|report| report.outcome.is_end() || report.outcome == Outcome::Doctor)
    }

    /// What all messages about the operation of this watch have in common, and no others: 64 hexadecimal digits.
    pub fn thread(&self) -> String {
        hash(&[self.topic, self.watch, self.operation, "thread"])
    }

    /// What all tries and copies of this message have in common, and no other message of the outlet: of a report the id of its
    /// task. 64 hexadecimal digits.
    pub fn id(&self) -> String {
        match self.report {
            Some(report) => report_id(self.topic, report),
            None if self.digest => hash(&[self.topic, self.watch, "digest"]),
            None => hash(&[self.topic, self.watch, self.operation, "progress"]),
        }
    }
}

/// Which part of a notice a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The final state of the live message: the values. Slack sends no notification for an edit, so sentences and commands to
    /// paste are only in the reply.
    Edit,
    /// The reply to that message: it causes a notification, and says what happened and what to do.
    Reply,
}

/// When a call is made, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// How long it may take.
    pub limit: Duration,
    /// Now, by this instance's clock.
    pub now: DateTime<Utc>,
}
