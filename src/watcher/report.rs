//! A report: put it into words, post it, and if that fails, post it again later.

use chrono::{DateTime, TimeDelta, Utc};

use super::ledger::{Permission, wait};
use super::{Decided, Handled, Step, Watcher};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{Decision, report_delay};
use crate::ledger::Comparison;
use crate::message::{Channel, Mention, Notify, Outcome, Posted, Report};
use crate::notice::compared_notice;
use crate::slack::{Fault, Part, Place, PostError, payload, plain_payload};

/// How often it is tried to edit the message that followed a watch, before its end is a message of its own.
pub(super) const EDITS: u32 = 3;

impl Watcher {
    pub(super) async fn report(&self, report: Report, now: DateTime<Utc>, deadline: Deadline) -> Handled {
        let wanted = self.is_wanted(&report);
        // Without a post nothing needs a claim.
        if let Some(error) = self.slack.quiet(self.clock.now()).filter(|_| wanted) {
            return self.not_posted(report, error, Some(0), now, deadline).await;
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
            Err(error) => {
                // The next try is due in 10 s at the earliest, and waits for neither.
                let again = self.not_posted(report, error, call_milliseconds, now, deadline);
                tokio::join!(again, self.release(held.as_ref(), deadline)).0
            }
        }
    }

    /// Schedules the next try, unless this was the last.
    async fn not_posted(
        &self,
        report: Report,
        error: PostError,
        call_milliseconds: Option<u64>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Handled {
        let text = format!("{error}; to do: {}", error.advice());
        let diverted = self.diverted(&report, &error);
        let handled = match again(Report { diverted, ..report }, &error, now) {
            Some(decision) => {
                let (decided, error) = (Decided::PostAgain, Some(text));
                self.take(Step { decision, decided, error, call_milliseconds, now }, deadline).await
            }
            // The dead letter keeps it.
            None => Handled {
                acknowledged: false,
                error: Some(text),
                call_milliseconds,
                ..Handled::new(Decided::GaveUp)
            },
        };
        let needs_attention =
            handled.needs_attention || error.permanent() || handled.decision == Decided::GaveUp;
        Handled { needs_attention, ..handled }
    }

    /// Tells `report`, beside the run before if there was one: makes the end of the message that follows the watch and
    /// replies to it, since an edit alerts nobody; or posts a message of its own.
    pub(super) async fn post(
        &self,
        report: &Report,
        comparison: Option<&Comparison>,
        deadline: Deadline,
    ) -> Result<(), PostError> {
        let notice = compared_notice(report, comparison, &self.context(self.clock.now()));
        let text = |part| if report.plain { plain_payload(&notice, part) } else { payload(&notice, part) };
        let live = self.editable(report.live.as_ref()).filter(|_| report.diverted.is_none());
        if let Some(live) = live {
            let (limit, now) = (deadline.for_call(), self.clock.now());
            match self.slack.update(live, text(Part::Edit), limit, now).await {
                Ok(()) => {
                    // In a thread "here" pings nobody.
                    let place = match notice.mention {
                        Some(Mention::Here) => Place::Message(live),
                        _ => Place::Thread { of: live, broadcast: report.outcome.is_trouble() },
                    };
                    let (limit, now) = (deadline.for_call(), self.clock.now());
                    match self.slack.post(place, text(Part::Reply), limit, now).await {
                        // A channel may take messages and no replies.
                        Err(error) if matches!(error.fault, Fault::Gone | Fault::Channel) => {}
                        told => return told.map(|_| ()),
                    }
                }
                Err(error) if error.fault == Fault::Gone => self.give_way(live, &error, deadline).await,
                // That something is wrong with the edit alone must not keep the end from people.
                Err(error) if error.fault == Fault::Passing && report.tries >= EDITS => {}
                Err(error) => return Err(error),
            }
        }
        let channel = self.channel(report);
        let (limit, now) = (deadline.for_call(), self.clock.now());
        self.slack.post(Place::Channel(channel.as_ref()), text(Part::Whole), limit, now).await.map(|_| ())
    }

    /// A message that is there and can't be edited would say for ever that it runs.
    async fn give_way(&self, live: &Posted, error: &PostError, deadline: Deadline) {
        if error.word() != "message_not_found" {
            let deleted = self.slack.delete(live, deadline.for_telling(), self.clock.now()).await;
            self.told("the message that followed it stays", deleted);
        }
    }

    /// Whether its watch wants to be told: one that asked to hear of failures only does not hear of a success.
    pub(super) fn is_wanted(&self, report: &Report) -> bool {
        report.outcome != Outcome::Succeeded
            || report.live.is_some()
            || self.routing(&report.watch).notify != Some(Notify::Failure)
    }

    fn channel(&self, report: &Report) -> Option<Channel> {
        let default = || self.setup.routing.channel.clone();
        if report.diverted.is_some() { default() } else { self.routing(&report.watch).channel }
    }

    /// Why the report goes to the settings' channel: its own did not take it, now or before.
    pub(super) fn diverted(&self, report: &Report, error: &PostError) -> Option<String> {
        let default = self.setup.routing.channel.as_ref().map(ToString::to_string);
        let live = self.editable(report.live.as_ref()).map(|live| live.channel.clone());
        let own = live.or_else(|| self.channel(report).map(|channel| channel.to_string()));
        let diverts = error.fault == Fault::Channel && own != default;
        report.diverted.clone().or_else(|| diverts.then(|| error.word().to_owned()))
    }
}

/// The next try, which counts from Slack's time where it answered: by a slow clock of ours all tries of a week would be
/// due at once. None after the last.
fn again(report: Report, error: &PostError, now: DateTime<Utc>) -> Option<Decision> {
    let delay = report_delay(report.tries, error.retry_after)?;
    let next = Report {
        tries: report.tries.saturating_add(1),
        waits: 0,
        plain: report.plain || error.fault == Fault::Content,
        ..report
    };
    let at = error.date.unwrap_or(now) + TimeDelta::from_std(delay).unwrap_or_default();
    Some(Decision::ReportAgain(Box::new(next), at))
}
