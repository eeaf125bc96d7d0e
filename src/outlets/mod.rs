//! Where people are told, a folder for each place. The rest of opwatch knows outlets by the trait [`Outlet`] alone.

pub mod access;
mod error;
pub mod events;
pub mod slack;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;

pub use error::{Fault, PostError};

use self::access::Access;
use crate::args::Problems;
use crate::prose::Notice;
use crate::watch::{Addressing, Powers, Receipt, Report, Target};

/// How the outlet that follows watches writes targets, mentions and receipts.
pub const ADDRESSING: Addressing = slack::ADDRESSING;

/// The list of outlets that are told of each end of a watch, besides the one that follows it: a folder, and its settings.
macro_rules! further {
    ($($folder:ident: $settings:ty),* $(,)?) => {
        /// The settings of further outlets.
        #[derive(Args, Clone, Debug)]
        pub struct FurtherArgs {
            $(
                /// Its settings
                #[command(flatten)]
                pub $folder: $settings,
            )*
        }

        impl FurtherArgs {
            /// Those that are set up.
            pub fn check(&self, problems: &mut Problems) -> Vec<Arc<dyn Access>> {
                let checked = vec![$(self.$folder.check(problems)),*];
                checked.into_iter().flatten().collect()
            }
        }
    };
}

further! {
    events: events::EventsArgs,
}

/// A call to an outlet under way.
pub type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T, PostError>> + Send + 'a>>;

/// A place that people are told in.
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
    /// As [`Outlet::post`].
    fn edit<'a>(&'a self, at: &'a Receipt, content: Content<'a>, call: Call) -> Sending<'a, ()>;

    /// Deletes the message `at`.
    ///
    /// # Errors
    /// As [`Outlet::post`].
    fn retract<'a>(&'a self, at: &'a Receipt, call: Call) -> Sending<'a, ()>;

    /// Asks without posting whether it would take a message.
    ///
    /// # Errors
    /// When it would not, or can't be reached.
    fn probe(&self, limit: Duration) -> Sending<'_, ()>;

    /// What [`Outlet::probe`] checks.
    fn probed(&self) -> &'static str;

    /// Why not to post to `place` now: the outlet asked to wait, as far as this instance has seen. A reply to a message goes
    /// with an edit of it.
    fn resting(&self, place: Place<'_>, now: DateTime<Utc>) -> Option<PostError>;

    /// Whether the outlet asked a short while ago to wait with posts to this target, or with edits of this message: what can be
    /// left out is better left out.
    fn is_busy(&self, place: Place<'_>, now: DateTime<Utc>) -> bool;

    /// The target that a message was posted to.
    fn target_of(&self, receipt: &Receipt) -> Option<Target>;
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
    /// The end as data, for outlets that send no text. `None` when this is neither the end of a watch nor a test.
    pub end: Option<End<'a>>,
}

/// The end of a watch as data.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The report.
    pub report: &'a Report,
    /// `projects/P/topics/T`: whose opwatch it is.
    pub topic: &'a str,
    /// The id of this report to this outlet: the same for all its tries and copies, and for no other.
    pub id: &'a str,
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
