//! Where people are told, a folder for each place. The rest of opwatch knows outlets by the trait [`Outlet`] alone.

mod error;
pub mod slack;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use error::{Fault, PostError};

use crate::prose::Notice;
use crate::watch::{Addressing, Powers, Receipt, Target};

/// How the outlet that follows watches writes targets, mentions and receipts.
pub const ADDRESSING: Addressing = slack::ADDRESSING;

/// A call to an outlet under way.
pub type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T, PostError>> + Send + 'a>>;

/// A place that people are told in.
pub trait Outlet: Send + Sync {
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
}

/// Which part of a notice a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What the message that followed the operation becomes: the values. An edit notifies nobody, so sentences and lines to
    /// paste are only in the reply.
    Edit,
    /// The reply below that message: it notifies people, and has what is to be read and done.
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
