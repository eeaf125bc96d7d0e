//! A drain: what is in the buffer is leased, told in one message for each target, and acknowledged once that was taken. The rest
//! stays, and another drain is asked for.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::buffered::{Buffered, Place, log};
use crate::clock::Deadline;
use crate::config::Digests;
use crate::decision::digest::{
    FoundInBuffer, Group, counts_as_delivered, drains_after, grouped, is_given_up, lease_of,
};
use crate::hash::short_hash;
use crate::outlets::{Fault, Outlet};
use crate::runner::notifier::{EDITS, NotPosted, said};
use crate::runner::{Action, DeliveryResult, Runner, Step};
use crate::watch::{Report, Slot};

/// A group is not begun with less time left than this: the outlet's answer might be lost.
const LEAST: Duration = Duration::from_secs(2);

/// Why a group stays in the buffer, and for how long.
struct Left {
    wait: Duration,
    error: String,
    needs_attention: bool,
    /// The outlet did not take it, or asked to wait.
    was_tried: bool,
}

/// What a drain comes to.
#[derive(Default)]
struct Drained {
    /// The shortest wait of a group that was left.
    wait: Option<Duration>,
    errors: Vec<String>,
    needs_attention: bool,
}

impl Runner {
    /// Empties the buffer, and asks for the drains that follow.
    pub(in crate::runner) async fn drain(&self, slot: &Slot, now: DateTime<Utc>, deadline: Deadline) -> Step {
        let Some(digests) = &self.config.digests else {
            return Step::last(DeliveryResult::new(Action::Released), now);
        };
        let (pulled, error) = self.pull(digests, deadline).await;
        let found = !pulled.is_empty();
        let mut drained = Drained::default();
        let (buffered, done) = self.sort(pulled, now);
        self.acknowledge(digests, &done, deadline).await;
        for group in grouped(buffered) {
            match self.tell_group(&group, now, deadline).await {
                Ok(()) => self.acknowledge_group(digests, &group, deadline).await,
                Err(left) => {
                    let group = self.give_up(digests, group, &left, now, deadline).await;
                    if !group.items.is_empty() {
                        self.leave(digests, &group, left, &mut drained, deadline).await;
                    }
                }
            }
        }
        let found = match &error {
            _ if found => FoundInBuffer::Reports(drained.wait),
            Some(_) => FoundInBuffer::Unreadable,
            None => FoundInBuffer::Nothing,
        };
        if let Some(error) = error {
            drained.needs_attention |= !error.is_transient();
            drained.errors.push(format!("the buffer of digests could not be read: {error}"));
        }
        let now = now.max(self.clock.now());
        for drain in drains_after(slot, found, now) {
            if let Err(error) = self.schedule_drain(drain, now, deadline).await {
                drained.errors.push(format!("the next drain could not be scheduled: {error}"));
                return Step::last(drained.handled(Action::NotScheduled, false), now);
            }
        }
        Step::last(drained.handled(Action::Drained, true), now)
    }

    /// Tells the reports of a group: one as it is told without digests, several in a digest.
    async fn tell_group(
        &self,
        group: &Group<Place<'_>, Buffered>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Result<(), Left> {
        let (id, target) = (group.key.0, group.key.1.as_ref());
        let Some(outlet) = self.notifier.outlet(id) else { return Ok(()) };
        if deadline.for_call() < LEAST {
            let error = String::new();
            return Err(Left { wait: Duration::ZERO, error, needs_attention: false, was_tried: false });
        }
        let posted = match self.notifier.resting_at(outlet, target) {
            Some(error) => Err(NotPosted { error, is_edit: false, mentions: false }),
            None => self.post_group(outlet, &group.items, deadline).await,
        };
        let is_unclear = posted.as_ref().is_err_and(|not_posted| not_posted.error.fault == Fault::Unclear);
        let since = self.digests.unclear_since(outlet.id(), target, is_unclear, now);
        let Err(not_posted) = posted else { return Ok(()) };
        left(&not_posted, since, now)
    }

    async fn post_group(
        &self,
        outlet: &dyn Outlet,
        items: &[Buffered],
        deadline: Deadline,
    ) -> Result<(), NotPosted> {
        let [one] = items else { return self.post_digest(outlet, items, deadline).await };
        // Nothing counts its tries.
        let report = Report { tries: one.report.tries.max(EDITS), ..one.report.clone() };
        self.post_with_less(outlet, report, deadline).await.1?;
        log(tracing::Level::INFO, Action::Posted.word(), outlet, &one.report, "");
        Ok(())
    }

    /// Posts a digest, and again with less where the outlet refuses a part.
    async fn post_digest(
        &self,
        outlet: &dyn Outlet,
        several: &[Buffered],
        deadline: Deadline,
    ) -> Result<(), NotPosted> {
        let reports: Vec<&Report> = several.iter().map(|item| &item.report).collect();
        let mut ids: Vec<&str> = several.iter().map(|item| item.id.as_str()).collect();
        ids.sort_unstable();
        let id = short_hash(&ids);
        // Of the first report only the form and the place count.
        let Some(first) = reports.first() else { return Ok(()) };
        let mut form = Report { as_plain_text: false, no_mention: false, ..(*first).clone() };
        loop {
            let posted = self.notifier.post_digest(outlet, &reports, &form, &id, deadline).await;
            let Err(not_posted) = posted else { break };
            let (less, dropped) = self.notifier.reduced(outlet, form, &not_posted);
            form = less;
            if dropped.is_none() {
                return Err(not_posted);
            }
            tracing::warn!("{}", said(&not_posted.error, dropped));
        }
        for report in reports {
            log(tracing::Level::INFO, DIGESTED, outlet, report, &id);
        }
        tracing::info!(digest = id, outlet = outlet.id(), reports = several.len(), "posted a digest");
        Ok(())
    }

    async fn acknowledge_group(
        &self,
        digests: &Digests,
        group: &Group<Place<'_>, Buffered>,
        deadline: Deadline,
    ) {
        let leases: Vec<String> = leases(group).map(str::to_owned).collect();
        if !self.acknowledge(digests, &leases, deadline).await {
            self.digests.remember_told(group.items.iter().map(|item| item.id.clone()));
        }
    }

    /// Whether all of these leases were acknowledged. What was not comes again.
    async fn acknowledge(&self, digests: &Digests, leases: &[String], deadline: Deadline) -> bool {
        if leases.is_empty() {
            return true;
        }
        let leases: Vec<&str> = leases.iter().map(String::as_str).collect();
        let acknowledged =
            self.google.acknowledge(&digests.subscription, &leases, deadline.for_telling()).await;
        if let Err(error) = &acknowledged {
            tracing::warn!("reports that were told could not be acknowledged, and may come again: {error}");
        }
        acknowledged.is_ok()
    }

    /// The rest of a group that was not taken, without the reports that the buffer would drop soon.
    async fn give_up<'a>(
        &self,
        digests: &Digests,
        group: Group<Place<'a>, Buffered>,
        left: &Left,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Group<Place<'a>, Buffered> {
        let is_over = |item: &Buffered| left.was_tried && is_given_up(item.since, now);
        let (old, items): (Vec<_>, Vec<_>) = group.items.into_iter().partition(is_over);
        let (copies_of_old, copies): (Vec<_>, Vec<_>) = group.copies.into_iter().partition(is_over);
        if let Some(outlet) = self.notifier.outlet(group.key.0) {
            for item in &old {
                log(tracing::Level::ERROR, Action::GaveUp.word(), outlet, &item.report, "");
            }
        }
        let done: Vec<String> = old.into_iter().chain(copies_of_old).map(|item| item.ack_id).collect();
        self.acknowledge(digests, &done, deadline).await;
        Group { items, copies, ..group }
    }

    /// Lets the reports of a group come again when its wait is over.
    async fn leave(
        &self,
        digests: &Digests,
        group: &Group<Place<'_>, Buffered>,
        left: Left,
        drained: &mut Drained,
        deadline: Deadline,
    ) {
        let leases: Vec<&str> = leases(group).collect();
        let modified = self
            .google
            .modify_leases(&digests.subscription, &leases, left.wait, deadline.for_telling())
            .await;
        if let Err(error) = modified {
            tracing::warn!("reports stay on lease in the buffer of digests until that ends: {error}");
        }
        drained.wait = Some(drained.wait.map_or(left.wait, |wait| wait.min(left.wait)));
        drained.needs_attention |= left.needs_attention;
        drained.errors.extend(Some(left.error).filter(|error| !error.is_empty()));
    }
}

/// The word in the log of a report that was told in a digest.
const DIGESTED: &str = "digested";

impl Drained {
    fn handled(self, decision: Action, acknowledged: bool) -> DeliveryResult {
        let error = (!self.errors.is_empty()).then(|| self.errors.join("; "));
        DeliveryResult {
            acknowledged,
            error,
            needs_attention: self.needs_attention,
            ..DeliveryResult::new(decision)
        }
    }
}

fn leases<'a>(group: &'a Group<Place<'_>, Buffered>) -> impl Iterator<Item = &'a str> {
    group.items.iter().chain(&group.copies).map(|item| item.ack_id.as_str())
}

/// What becomes of a group that was not posted, where the outlet has answered so since then.
fn left(not_posted: &NotPosted, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Left> {
    let error = &not_posted.error;
    match error.fault {
        Fault::Unclear if counts_as_delivered(since, now) => {
            tracing::error!(reported = true, "{error}; it counts as delivered; action: {}", error.advice);
            Ok(())
        }
        Fault::Closed => {
            tracing::error!(reported = true, "{error}; given up; action: {}", error.advice);
            Ok(())
        }
        Fault::Passing
        | Fault::Unclear
        | Fault::Foreign
        | Fault::Content
        | Fault::Restricted
        | Fault::Target
        | Fault::Gone
        | Fault::Uneditable
        | Fault::Access
        | Fault::Unknown => Err(Left {
            wait: lease_of(error.retry_after, !error.permanent()),
            error: said(error, None),
            needs_attention: error.permanent(),
            was_tried: true,
        }),
    }
}
