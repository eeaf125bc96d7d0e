//! A report: put it into words, post it, and if that fails, post it again later.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::fallback::{Dropped, NotPosted};
use super::ledger::{Permission, wait};
use super::{Decided, Handled, Runner, Step};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{Decision, STALL_TRIES, UNCLEAR_RETRIES, report_delay, spread, unclear_delay};
use crate::ledger::Comparison;
use crate::outlets::{Call, Content, Fault, Part, Place, PostError, Reach, To};
use crate::prose::{Notice, compared_notice};
use crate::watch::{Notify, Outcome, Receipt, Report, Target};

/// How often it is tried to edit the message that followed a watch, before its end is a message by itself.
pub(super) const EDITS: u32 = 3;

/// What became of the message that follows a watch and of the reply below it.
enum InThread {
    Told,
    NotTold(NotPosted),
    /// The report is to be a message by itself; Slack may have asked the edit to wait.
    OwnMessage(Option<Duration>),
}

impl Runner {
    pub(super) async fn report(&self, report: Report, now: DateTime<Utc>, deadline: Deadline) -> Handled {
        if report.is_claim() {
            return Handled::new(Decided::Released);
        }
        if let Some(id) = report.outlet.clone() {
            return self.report_further(&id, report, now, deadline).await;
        }
        let wanted = self.is_wanted(&report);
        // Without a post nothing needs a claim.
        if let Some(error) = self.resting(&report).filter(|_| wanted) {
            let held_back = NotPosted { error, is_edit: false, mentions: false };
            return self.not_posted(report, held_back, Some(0), now, deadline).await;
        }
        let (permission, past) = self.ask(&report, deadline).await;
        let held = match permission {
            Permission::Free => None,
            Permission::Granted(held) => Some(held),
            Permission::Sent => {
                // The delivery that posted it may have known another message.
                self.close(&report, now, deadline).await;
                return Handled::new(Decided::PostedBefore);
            }
            Permission::Wait(left) => {
                let decision = wait(report, left, now);
                let (decided, error) = (Decided::Waits, None);
                let step = Step { decision, decided, error, call_milliseconds: None, now };
                return self.take(step, deadline).await;
            }
        };
        let watch = Stopwatch::start();
        let posted =
            if wanted { self.post(&report, past.comparison().as_ref(), deadline).await } else { Ok(()) };
        let call_milliseconds = Some(watch.milliseconds());
        match posted {
            Ok(()) => {
                self.sent(&report, held.as_ref(), &past, deadline).await;
                let decided = if wanted { Decided::Posted } else { Decided::NotWanted };
                Handled { call_milliseconds, ..Handled::new(decided) }
            }
            Err(not_posted) if counts_as_delivered(&report, &not_posted) => {
                self.sent(&report, held.as_ref(), &past, deadline).await;
                Handled { call_milliseconds, ..unclear(&not_posted.error) }
            }
            Err(not_posted) => {
                // The next try is due in 10 s at the earliest, and waits for neither.
                let again = self.not_posted(report, not_posted, call_milliseconds, now, deadline);
                tokio::join!(again, self.release(held.as_ref(), deadline)).0
            }
        }
    }

    /// Schedules the next try, unless this was the last.
    pub(super) async fn not_posted(
        &self,
        report: Report,
        not_posted: NotPosted,
        call_milliseconds: Option<u64>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Handled {
        let is_stall = report.outcome == Outcome::Stalled;
        let (report, dropped) = self.reduced(report, &not_posted);
        let text = said(&not_posted.error, dropped);
        let handled = match again(report, &not_posted, now) {
            Some(decision) => {
                let (decided, error) = (Decided::PostAgain, Some(text));
                self.take(Step { decision, decided, error, call_milliseconds, now }, deadline).await
            }
            // The dead letter keeps it, but for a warning, which is out of date.
            None => Handled {
                acknowledged: is_stall,
                error: Some(text),
                call_milliseconds,
                ..Handled::new(Decided::GaveUp)
            },
        };
        let needs_attention =
            handled.needs_attention || not_posted.error.permanent() || handled.decision == Decided::GaveUp;
        Handled { needs_attention, ..handled }
    }

    /// Tells `report`, with how it compares with the run before if there was one: makes the end of the message that follows the
    /// watch and replies to it, since an edit alerts nobody; or posts a message by itself.
    pub(super) async fn post(
        &self,
        report: &Report,
        comparison: Option<&Comparison>,
        deadline: Deadline,
    ) -> Result<(), NotPosted> {
        let notice = self.words_of(report, comparison);
        let asked_to_wait = match self.followed_by(report) {
            Some(live) => match self.post_in_thread(report, live, &notice, deadline).await {
                InThread::Told => return Ok(()),
                InThread::NotTold(not_posted) => return Err(not_posted),
                InThread::OwnMessage(asked_to_wait) => asked_to_wait,
            },
            None => None,
        };
        let target = self.target(report);
        let content = Content { notice: &notice, part: Part::Whole, plain: report.plain, end: None };
        let call = Call { limit: deadline.for_call(), now: self.clock.now() };
        let posted = self.outlet.post(To::Target(target.as_ref()), content, call).await;
        let mentions = notice.mention.is_some();
        let not_posted =
            |error: PostError| NotPosted { error: error.after_wait(asked_to_wait), is_edit: false, mentions };
        posted.map(|_| ()).map_err(not_posted)
    }

    async fn post_in_thread(
        &self,
        report: &Report,
        live: &Receipt,
        notice: &Notice,
        deadline: Deadline,
    ) -> InThread {
        let is_end = report.outcome != Outcome::Stalled;
        if is_end {
            let content = Content { notice, part: Part::Edit, plain: report.plain, end: None };
            let call = Call { limit: deadline.for_call(), now: self.clock.now() };
            match self.outlet.edit(live, content, call).await {
                Ok(()) => {}
                Err(error) if error.fault.ends_edits() => {
                    self.give_way(live, &error, deadline).await;
                    return InThread::OwnMessage(None);
                }
                // That something is wrong with the edit alone must not keep the end from people.
                Err(error) if error.may_pass() && report.tries >= EDITS => {
                    return InThread::OwnMessage(error.retry_after);
                }
                Err(error) => return InThread::NotTold(NotPosted { error, is_edit: true, mentions: false }),
            }
        }
        let reach = match (is_end, report.outcome.is_trouble()) {
            (false, _) => Reach::Thread,
            (true, false) => Reach::Mentioned,
            (true, true) => Reach::Everyone,
        };
        let mentions = notice.mention.is_some();
        let content = Content { notice, part: Part::Reply, plain: report.plain, end: None };
        let call = Call { limit: deadline.for_call(), now: self.clock.now() };
        match self.outlet.post(To::Reply { of: live, reach }, content, call).await {
            Ok(_) => InThread::Told,
            // A channel may take messages and no replies.
            Err(error) if takes_no_replies(&error, mentions, report.tries) => InThread::OwnMessage(None),
            Err(error) => InThread::NotTold(NotPosted { error, is_edit: false, mentions }),
        }
    }

    /// A message that is there and can't be edited would say for ever that it runs.
    async fn give_way(&self, live: &Receipt, error: &PostError, deadline: Deadline) {
        if error.fault != Fault::Gone {
            let call = Call { limit: deadline.for_telling(), now: self.clock.now() };
            let retracted = self.outlet.retract(live, call).await;
            self.told("the old live message could not be deleted", retracted);
        }
    }

    pub(super) fn words_of(&self, report: &Report, comparison: Option<&Comparison>) -> Notice {
        let notice = self.permitted(compared_notice(report, comparison, &self.context(self.clock.now())));
        let mention = notice.mention.clone().filter(|_| !report.no_mention);
        Notice { mention, ..notice }
    }

    /// Whether its watch asked for it: one that asked to hear of failures only does not hear of a success.
    pub(super) fn is_wanted(&self, report: &Report) -> bool {
        report.outcome != Outcome::Succeeded
            || report.live.is_some()
            || self.routing(&report.watch).notify != Some(Notify::Failure)
    }

    /// Why not to post `report` now: the outlet asked to wait with what it takes.
    fn resting(&self, report: &Report) -> Option<PostError> {
        let target = self.target(report);
        let place = self.followed_by(report).map_or(Place::Target(target.as_ref()), Place::Message);
        self.outlet.resting(place, self.clock.now())
    }

    /// The message that follows its watch, unless the report goes to another target.
    fn followed_by<'a>(&self, report: &'a Report) -> Option<&'a Receipt> {
        self.editable(report.live.as_ref()).filter(|_| report.diverted.is_none())
    }

    pub(super) fn target(&self, report: &Report) -> Option<Target> {
        let default = || self.config.routing.target.clone();
        if report.diverted.is_some() { default() } else { self.routing(&report.watch).target }
    }
}

/// Whether a message by itself may pass where a reply did not.
fn takes_no_replies(error: &PostError, mentions: bool, tries: u32) -> bool {
    match error.fault {
        Fault::Gone | Fault::Uneditable | Fault::Target => true,
        Fault::Restricted => !mentions,
        Fault::Unknown => tries >= EDITS,
        Fault::Passing | Fault::Unclear | Fault::Foreign | Fault::Content | Fault::Closed | Fault::Access => {
            false
        }
    }
}

/// Whether Slack has said neither yes nor no so often that one more copy would do more harm than good.
pub(super) fn counts_as_delivered(report: &Report, not_posted: &NotPosted) -> bool {
    is_unclear(not_posted) && report.unclear >= UNCLEAR_RETRIES
}

fn is_unclear(not_posted: &NotPosted) -> bool {
    not_posted.error.fault == Fault::Unclear && !not_posted.is_edit
}

fn unclear(error: &PostError) -> Handled {
    let text = format!(
        "{error}; after {UNCLEAR_RETRIES} retries the report counts as delivered, though Slack never returned ok; action: {}",
        error.advice
    );
    Handled { error: Some(text), needs_attention: true, ..Handled::new(Decided::Posted) }
}

/// The error for the log, with what the next try leaves out and what a person must do.
pub(super) fn said(error: &PostError, dropped: Option<Dropped>) -> String {
    let next = dropped.map(|dropped| format!("; next try {dropped}")).unwrap_or_default();
    format!("{error}{next}; action: {}", error.advice)
}

/// The next try, which counts from Slack's time where it answered: by a slow clock of ours all tries of a week would be
/// due at once. None after the last.
pub(super) fn again(report: Report, not_posted: &NotPosted, now: DateTime<Utc>) -> Option<Decision> {
    let error = &not_posted.error;
    if report.outcome == Outcome::Stalled && report.tries >= STALL_TRIES {
        return None;
    }
    let delay = report_delay(report.tries, error.retry_after)?;
    let unclear = is_unclear(not_posted);
    let delay = if unclear { unclear_delay(report.unclear, error.retry_after) } else { delay };
    let delay = spread(delay, &["report", &report.watch.id, &report.tries.to_string()]);
    let next = Report {
        tries: report.tries.saturating_add(1),
        unclear: report.unclear.saturating_add(u32::from(unclear)),
        waits: 0,
        ..report
    };
    let at = error.date.unwrap_or(now) + TimeDelta::from_std(delay).unwrap_or_default();
    Some(Decision::ReportAgain(Box::new(next), at))
}
