//! An outlet that does what a test says, and notes what it was told.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::outlets::{Call, Content, Fault, Outlet, Part, Place, PostError, Sending, To};
use crate::watch::{Mention, Powers, Receipt, Target};

/// What an outlet was told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// What was done, and where: `post C0OPS`, `reply 1.000001 Everyone`, `edit 1.000001`, `retract 1.000001`; with `plain` for plain
    /// text, and whom it mentions.
    pub(super) call: String,
    /// The words.
    pub(super) text: String,
    /// What it is about: a report's operation, or a digest.
    pub(super) about: String,
    pub(super) limit: Duration,
}

/// The outlet.
pub(super) struct Fake {
    id: &'static str,
    pub(super) powers: Powers,
    /// Whether it takes targets and mentions of messages.
    addressed: bool,
    pub(super) mention: Option<Mention>,
    answers: Mutex<VecDeque<Result<(), PostError>>>,
    told: Mutex<Vec<Told>>,
    rests: Mutex<Option<PostError>>,
    admits: Mutex<bool>,
}

const POWERS: Powers = Powers { texts: true, edits: true, threads: true, mentions: true, targets: true };

impl Fake {
    fn of(id: &'static str, powers: Powers, addressed: bool) -> Self {
        let (answers, told, rests) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { id, powers, addressed, mention: None, answers, told, rests, admits: Mutex::new(true) }
    }

    /// Where everything is possible.
    pub(super) fn slack() -> Self {
        Self::of("slack", POWERS, true)
    }

    /// Where nothing can be edited, and no place chosen.
    pub(super) fn webhook() -> Self {
        Self::of("slack", Powers { edits: false, threads: false, targets: false, ..POWERS }, true)
    }

    /// One that people read, with neither targets nor mentions of messages.
    pub(super) fn chat() -> Self {
        Self::of("chat", Powers { targets: false, ..POWERS }, false)
    }

    /// One for programs.
    pub(super) fn topic() -> Self {
        Self::of("topic", Powers::default(), false)
    }

    /// Its calls come to this, in turn; and then all is well.
    pub(super) fn script(&self, answers: impl IntoIterator<Item = Result<(), PostError>>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// It takes nothing for so many seconds.
    pub(super) fn rest(&self, seconds: u64) {
        *self.rests.lock().unwrap() = Some(asks_to_wait(seconds));
    }

    /// It is to be spared what can be left out.
    pub(super) fn spare(&self) {
        *self.admits.lock().unwrap() = false;
    }

    pub(super) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// What was done, and where.
    pub(super) fn calls(&self) -> Vec<String> {
        self.told().into_iter().map(|told| told.call).collect()
    }

    pub(super) fn forget_calls(&self) {
        self.told.lock().unwrap().clear();
    }

    fn note(&self, what: &str, content: Option<Content<'_>>, call: Call) -> Result<(), PostError> {
        let mut words = vec![what.to_owned()];
        if let Some(content) = content {
            words.extend(content.plain.then(|| "plain".to_owned()));
            words.extend(content.notice.mentions.iter().map(|mention| format!("@{mention}")));
        }
        let text = content.map(|content| content.notice.to_text()).unwrap_or_default();
        let about = content
            .map_or("", |content| if content.about.digest { "digest" } else { content.about.operation });
        let told = Told { call: words.join(" "), text, about: about.to_owned(), limit: call.limit };
        self.told.lock().unwrap().push(told);
        self.answers.lock().unwrap().pop_front().unwrap_or(Ok(()))
    }
}

impl Outlet for Fake {
    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        "Fake"
    }

    fn powers(&self) -> Powers {
        self.powers
    }

    fn post<'a>(&'a self, to: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>> {
        let channel = match to {
            To::Target(target) => target.map_or("-", Target::as_str),
            To::Reply { of, .. } => of.text("channel"),
        };
        let what = match to {
            To::Target(_) => format!("post {channel}"),
            To::Reply { of, reach } => format!("reply {} {reach:?}", of.text("ts")),
        };
        let is_whole = content.part == if matches!(to, To::Reply { .. }) { Part::Reply } else { Part::Whole };
        assert!(is_whole, "{what}: {:?}", content.part);
        let receipt = Receipt::new([("channel", channel), ("ts", "1.000001")]);
        let posted =
            self.note(&what, Some(content), call).map(|()| Some(receipt).filter(|_| self.powers.edits));
        Box::pin(async move { posted })
    }

    fn edit<'a>(&'a self, at: &'a Receipt, content: Content<'a>, call: Call) -> Sending<'a, ()> {
        let edited = self.note(&format!("edit {}", at.text("ts")), Some(content), call);
        Box::pin(async move { edited })
    }

    fn retract<'a>(&'a self, at: &'a Receipt, call: Call) -> Sending<'a, ()> {
        let retracted = self.note(&format!("retract {}", at.text("ts")), None, call);
        Box::pin(async move { retracted })
    }

    fn probe(&self, _: Duration) -> Sending<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn probed(&self) -> &'static str {
        "nothing"
    }

    fn resting(&self, _: Place<'_>, _: DateTime<Utc>) -> Option<PostError> {
        self.rests.lock().unwrap().clone()
    }

    fn admits(&self, _: Place<'_>, _: DateTime<Utc>) -> bool {
        *self.admits.lock().unwrap()
    }

    fn wrote(&self, receipt: &Receipt) -> bool {
        self.powers.edits && self.addressed && !receipt.text("channel").is_empty()
    }

    fn target_of(&self, receipt: &Receipt) -> Option<Target> {
        Some(Target::new(receipt.text("channel"))).filter(|_| self.powers.targets)
    }

    fn takes_addresses(&self) -> bool {
        self.addressed
    }

    fn mention(&self) -> Option<&Mention> {
        self.mention.as_ref()
    }
}

/// An answer with this fault.
pub(super) fn fault(fault: Fault) -> PostError {
    PostError {
        outlet: "Fake",
        text: "refused".to_owned(),
        word: "its_word".to_owned(),
        fault,
        ambiguous: fault == Fault::Unclear,
        retry_after: None,
        date: None,
        advice: "do something",
    }
}

pub(super) fn asks_to_wait(seconds: u64) -> PostError {
    PostError { retry_after: Some(Duration::from_secs(seconds)), ..fault(Fault::Passing) }
}
