//! A report: post it, once, and if that fails, post it again later.

use chrono::{DateTime, TimeDelta, Utc};

use super::notifier::{NotPosted, counts_as_delivered, unclear};
use super::recorder::ClaimOutcome;
use super::{Action, DeliveryResult, Runner, Step};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::Decision;
use crate::outlets::UNNAMED;
use crate::watch::Report;

impl Runner {
    pub(super) async fn report(&self, report: Report, now: DateTime<Utc>, deadline: Deadline) -> Step {
        if report.is_claim() {
            return Step::last(DeliveryResult::new(Action::Released), now);
        }
        let Some(outlet) = self.notifier.outlet_of(&report) else {
            return Step::last(not_set_up(&report), now);
        };
        if let Err(limit) = self.scheduler.count_notice(&report, now, deadline).await {
            return limit.refuse_notice(report, now);
        }
        let wanted = self.notifier.is_wanted(outlet, &report);
        // Without a post nothing needs a lease.
        if let Some(error) = self.notifier.resting(outlet, &report).filter(|_| wanted) {
            let held_back = NotPosted { error, is_edit: false, mentions: false };
            return self.notifier.not_posted(outlet, report, &held_back, 0, now);
        }
        let (permission, past) = self.recorder.ask(&report, deadline).await;
        let lease = match permission {
            ClaimOutcome::Free => None,
            ClaimOutcome::Granted(lease) => Some(lease),
            ClaimOutcome::Sent => {
                // The delivery that posted it may have known another message.
                self.notifier.close(&report, now, deadline).await;
                return Step::last(DeliveryResult::new(Action::PostedBefore), now);
            }
            ClaimOutcome::Wait(left) => return Step::to(wait(report, left, now), Action::Waits, now),
        };
        let watch = Stopwatch::start();
        let posted = if wanted {
            self.notifier.post(outlet, &report, past.comparison().as_ref(), deadline).await
        } else {
            Ok(())
        };
        let call_milliseconds = watch.milliseconds();
        let handled = match posted {
            Ok(()) if wanted => DeliveryResult::new(Action::Posted),
            Ok(()) => DeliveryResult::new(Action::NotWanted),
            Err(not_posted) if counts_as_delivered(&report, &not_posted) => unclear(&not_posted.error),
            Err(not_posted) => {
                // The next try is due in 10 s at the earliest, and waits for the release in no case.
                let step = self.notifier.not_posted(outlet, report, &not_posted, call_milliseconds, now);
                return Step { release: lease, ..step };
            }
        };
        self.recorder.sent(&report, lease.as_ref(), &past, deadline).await;
        Step::last(handled, now).after_call(call_milliseconds)
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
