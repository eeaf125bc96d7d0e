//! A report: post it, once, and if that fails, post it again later. Where there are too many it waits for a digest instead.

use chrono::{DateTime, TimeDelta, Utc};

use super::notifier::{NotPosted, counts_as_delivered, unclear};
use super::recorder::{ClaimOutcome, Claimed};
use super::{Action, DeliveryResult, Runner, Step};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::Decision;
use crate::outlets::{Outlet, PostError, UNNAMED};
use crate::watch::Report;

impl Runner {
    pub(super) async fn report(&self, report: Report, now: DateTime<Utc>, deadline: Deadline) -> Step {
        if let Some(slot) = report.drain() {
            return Box::pin(self.drain(slot, now, deadline)).await;
        }
        if report.is_claim() {
            return Step::last(DeliveryResult::new(Action::Released), now);
        }
        let Some(outlet) = self.notifier.outlet_of(&report) else {
            return Step::last(not_set_up(&report), now);
        };
        if let Err(limit) = self.scheduler.count_notice(&report, now, deadline).await {
            return limit.refuse_notice(report, now);
        }
        if report.digested {
            return Box::pin(self.edit(outlet, report, now, deadline)).await;
        }
        let wanted = self.notifier.is_wanted(outlet, &report);
        let resting = self.notifier.resting(outlet, &report).filter(|_| wanted);
        // Without a post nothing needs a lease, but in the buffer a report is as good as posted.
        if let Some(error) = resting.as_ref().filter(|_| !self.digests.takes(outlet, &report)) {
            return self.held_back(outlet, report, error.clone(), now);
        }
        let (permission, past) = self.recorder.ask(&report, deadline).await;
        let lease = match permission {
            ClaimOutcome::Free => None,
            ClaimOutcome::Granted(lease) => Some(lease),
            ClaimOutcome::Sent => {
                // The delivery that told it may have known another message.
                self.notifier.close(&report, now, deadline).await;
                return Step::last(DeliveryResult::new(Action::PostedBefore), now);
            }
            ClaimOutcome::Wait(left) => return Step::to(wait(report, left, now), Action::Waits, now),
        };
        let claimed = Claimed { lease, past };
        if !wanted {
            self.recorder.sent(&report, &claimed, deadline).await;
            return Step::last(DeliveryResult::new(Action::NotWanted), now).after_call(0);
        }
        self.tell(outlet, report, resting, claimed, now, deadline).await
    }

    /// Posts `report`, or puts it into the buffer of digests: when there are too many, and when the outlet asks to wait.
    async fn tell(
        &self,
        outlet: &dyn Outlet,
        report: Report,
        resting: Option<PostError>,
        claimed: Claimed,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Step {
        let takes = self.digests.takes(outlet, &report);
        let place = self.notifier.place_of(outlet, &report);
        let is_flood = self.digests.is_flood(outlet, place.as_ref(), self.clock.now());
        if takes
            && (is_flood || resting.is_some())
            && let Some(step) = Box::pin(self.buffer(outlet, &report, &claimed, false, now, deadline)).await
        {
            return step;
        }
        if let Some(error) = resting {
            return Step { release: claimed.lease, ..self.held_back(outlet, report, error, now) };
        }
        let watch = Stopwatch::start();
        let posted = self.notifier.post(outlet, &report, claimed.past.comparison().as_ref(), deadline).await;
        let call_milliseconds = watch.milliseconds();
        let handled = match posted {
            Ok(()) => DeliveryResult::new(Action::Posted),
            Err(not_posted) if counts_as_delivered(&report, &not_posted) => unclear(&not_posted.error),
            Err(not_posted) => {
                if takes
                    && not_posted.is_rate_limit()
                    && let Some(step) =
                        Box::pin(self.buffer(outlet, &report, &claimed, !not_posted.is_edit, now, deadline))
                            .await
                {
                    return step;
                }
                // The next try is due in 10 s at the earliest, and waits for the release in no case.
                let step = self.notifier.not_posted(outlet, report, &not_posted, call_milliseconds, now);
                return Step { release: claimed.lease, ..step };
            }
        };
        self.recorder.sent(&report, &claimed, deadline).await;
        Step::last(handled, now).after_call(call_milliseconds)
    }

    /// The step of a report that is not posted since the outlet asked to wait.
    fn held_back(&self, outlet: &dyn Outlet, report: Report, error: PostError, now: DateTime<Utc>) -> Step {
        let held_back = NotPosted { error, is_edit: false, mentions: false };
        self.notifier.not_posted(outlet, report, &held_back, 0, now)
    }
}

/// Its outlet was set up when the report was created, and is no more.
pub(super) fn not_set_up(report: &Report) -> DeliveryResult {
    let id = report.outlet.as_deref().unwrap_or(UNNAMED);
    let error = Some(format!("outlet {id:?} is no longer set up: the report to it is dropped"));
    DeliveryResult { error, ..DeliveryResult::new(Action::Dropped) }
}

/// The same report after a wait: `left` is what the lease of the other delivery has at most.
fn wait(report: Report, left: TimeDelta, now: DateTime<Utc>) -> Decision {
    let waits = report.claim_waits.saturating_add(1);
    Decision::ReportAgain(Box::new(Report { claim_waits: waits, ..report }), now + left)
}
