//! What Pub/Sub gave up on: it is reported, with the command that resumes it. Nothing is scheduled but the report of an end that a
//! last look showed; when Slack fails the push is refused, and the dead-letter subscription keeps it.

use super::notifier::{EDITS, NotPosted, again, counts_as_delivered, said};
use super::report::not_set_up;
use super::{Action, DeliveryResult, Runner, watch_id};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::{Decision, decide};
use crate::delivery::{Delivery, NotBase64};
use crate::google::Created;
use crate::message::{Received, read};
use crate::outlets::{Fault, Outlet};
use crate::text;
use crate::trust::SOURCE_TIME;
use crate::watch::{Check, InvalidMessage, Kind, MAX_EXCERPT_CHARS, Message, Problem, ProblemKind, Report};

/// The attribute that Pub/Sub adds with the number of deliveries:
/// <https://cloud.google.com/pubsub/docs/dead-letter-topics>.
const DELIVERIES: &str = "CloudPubSubDeadLetterSourceDeliveryCount";

/// Where that is found which a dead letter's report tells.
enum Found {
    /// The dead letter was a report, which has its outlet.
    Report,
    /// A last look, for this check, showed how the operation ended.
    Ended(Box<Check>),
    /// It is only known that the message was given up on.
    Lost,
}

impl Runner {
    /// Handles one delivery from the dead-letter topic.
    pub async fn handle_dead_letter(&self, delivery: Delivery, deadline: Deadline) -> DeliveryResult {
        let watch = Stopwatch::start();
        let (report, found) = self.lost(delivery, deadline).await;
        if let Some(handled) = Box::pin(self.for_digests(&report, deadline)).await {
            return handled;
        }
        let report = if matches!(found, Found::Report) {
            report
        } else {
            let home = self.notifier.for_home(&report);
            let told = home.as_ref().and_then(|home| self.notifier.outlet_of(home)).map(Outlet::id);
            let others = self.scheduler.tell_others(&report, told, deadline).await;
            match home {
                Some(report) => report,
                None => return for_programs(&report, others),
            }
        };
        if let Found::Ended(check) = found
            && let Some(handled) = self.report_end(&report, &check, deadline).await
        {
            return handled;
        }
        let Some(outlet) = self.notifier.outlet_of(&report) else { return not_set_up(&report) };
        // Nothing counts its tries.
        let report = Report { tries: report.tries.max(EDITS), ..report };
        if !self.notifier.is_wanted(outlet, &report) {
            return DeliveryResult::new(Action::NotWanted);
        }
        let (report, posted) = self.post_with_less(outlet, report, deadline).await;
        let (told, decision) = match &posted {
            Ok(()) => (true, Action::ToldLost),
            Err(not_posted) if not_posted.error.fault == Fault::Closed => (true, Action::GaveUp),
            Err(not_posted) if self.goes_on(&report, not_posted, deadline).await => (true, Action::ToldLost),
            Err(_) => (false, Action::KeptLost),
        };
        let error = posted.err().map(|not_posted| said(&not_posted.error, None));
        DeliveryResult {
            acknowledged: told,
            operation: report
                .operation
                .as_ref()
                .map(|operation| operation.name().to_owned())
                .unwrap_or_default(),
            error,
            needs_attention: true,
            call_milliseconds: Some(watch.milliseconds()),
            ..DeliveryResult::new(decision)
        }
    }

    /// What becomes of a drain of the buffer of digests, and of a report in it, which is not to be posted.
    async fn for_digests(&self, report: &Report, deadline: Deadline) -> Option<DeliveryResult> {
        let now = self.clock.now();
        if let Some(slot) = report.drain() {
            return Some(self.drain(slot, now, deadline).await.handled);
        }
        let outlet = self.notifier.outlet_of(report).filter(|_| report.digested)?;
        // It is acknowledged in any case: a digest tells it.
        Some(self.edit(outlet, report.clone(), now, deadline).await.handled)
    }

    /// Posts `report`, and at once with less where Slack refuses a part: nothing can carry that to a next try.
    pub(super) async fn post_with_less(
        &self,
        outlet: &dyn Outlet,
        mut report: Report,
        deadline: Deadline,
    ) -> (Report, Result<(), NotPosted>) {
        loop {
            let posted = self.notifier.post(outlet, &report, None, deadline).await;
            let Err(not_posted) = &posted else { return (report, posted) };
            let (less, dropped) = self.notifier.reduced(outlet, report, not_posted);
            report = less;
            if dropped.is_none() {
                return (report, posted);
            }
            tracing::warn!("{}", said(&not_posted.error, dropped));
        }
    }

    /// Whether the report goes on by itself: where Slack says neither yes nor no, a dead letter would be told again and
    /// again for as long as it is kept, since nothing in it could count. A report counts.
    async fn goes_on(&self, report: &Report, not_posted: &NotPosted, deadline: Deadline) -> bool {
        if not_posted.error.fault != Fault::Unclear || not_posted.is_edit {
            return false;
        }
        if counts_as_delivered(report, not_posted) {
            return true;
        }
        let Some(decision) = again(report.clone(), not_posted, self.clock.now()) else { return false };
        let (message, at) = decision.into_message();
        self.scheduler.schedule(&message, at, deadline).await.is_ok()
    }

    /// Reports the end that a look for the lost `check` showed, as a check does: by a task whose name another delivery may have
    /// asked for, which may know another message that follows the watch. None when that fails; then it is posted at once.
    async fn report_end(&self, report: &Report, check: &Check, deadline: Deadline) -> Option<DeliveryResult> {
        let message = Message::Report(Box::new(report.clone()));
        let created =
            self.scheduler.schedule_within(deadline.for_telling(), &message, deadline).await.ok()?;
        match created {
            Created::New => {}
            Created::AlreadyExists | Created::MaybeNew => {
                self.notifier.close(report, self.clock.now(), deadline).await;
            }
        }
        let is_left_open = self.notifier.follows(&check.watch);
        if let Some(obsolete) = self.sentinels.obsolete(check, is_left_open, self.clock.now()) {
            Box::pin(self.sentinels.delete(obsolete, deadline)).await;
        }
        let operation = message.operation_name().to_owned();
        Some(DeliveryResult { operation, needs_attention: true, ..DeliveryResult::new(Action::Ended) })
    }

    /// How a lost check's operation ended, if one look shows that: Pub/Sub gave up on the message, and the work went on.
    async fn ended(&self, check: &Check, deadline: Deadline) -> Option<Report> {
        self.config.policy.permit(&check.operation).ok()?;
        let look = self.google.look(&check.operation, deadline.for_call()).await;
        let now = look.date.unwrap_or_else(|| self.clock.now());
        match decide(check, look.observation, now, self.config.pace(look.wait)) {
            Decision::Report(report) if report.outcome.kind() == Kind::Ended => Some(*report),
            Decision::Start(..)
            | Decision::Check(..)
            | Decision::Report(_)
            | Decision::ReportAgain(..)
            | Decision::Test(_) => None,
        }
    }

    /// What to tell of a lost message, and where that was found: a report itself, of a check how its
    /// operation ended or else that it was lost, of a start the operation if it can be found, of anything else its beginning.
    async fn lost(&self, delivery: Delivery, deadline: Deadline) -> (Report, Found) {
        let now = self.clock.now();
        let deliveries =
            delivery.attributes.get(DELIVERIES).and_then(|count| count.parse().ok()).unwrap_or(0);
        // The dead letter is a message of its own, with an id and a time of its own.
        let source_time = delivery.attributes.get(SOURCE_TIME).and_then(|time| text::time(time));
        let published = source_time.or(delivery.published).unwrap_or(now);
        let received =
            Received { message_id: watch_id(&delivery.message_id), published, origin: delivery.origin };
        let (data, message) = match delivery.data {
            Ok(data) => {
                let message = read(&data, &received, &self.config.defaults);
                (data, message.and_then(|message| self.permit(message, received.origin)))
            }
            Err(NotBase64(data)) => {
                (data.into_bytes(), Err(Problem::new("message.data", ProblemKind::NotBase64)))
            }
        };
        let report = match message {
            Ok(Message::Report(report)) => return (*report, Found::Report),
            Ok(Message::Check(check)) => match self.ended(&check, deadline).await {
                Some(report) => return (report, Found::Ended(check)),
                None => Report::of_lost(Some(&Message::Check(check)), deliveries, now),
            },
            Ok(Message::Start(start)) => {
                let found = self.starter.find_lost(&start, deadline).await;
                let report = Report::of_lost(Some(&Message::Start(start)), deliveries, now);
                match found {
                    Some(operation) => {
                        Report { operation: Some(operation), start: None, key: None, ..report }
                    }
                    None => report,
                }
            }
            Ok(message) => Report::of_lost(Some(&message), deliveries, now),
            Err(problem) => {
                let excerpt = text::cut(&String::from_utf8_lossy(&data), MAX_EXCERPT_CHARS);
                let unusable = InvalidMessage { problem, excerpt, message_id: received.message_id.clone() };
                Report::of_unusable(received.message_id, unusable, now)
            }
        };
        (report, Found::Lost)
    }
}

/// What became of a dead letter of which only programs hear, when its report was `scheduled` for them.
fn for_programs(report: &Report, scheduled: bool) -> DeliveryResult {
    let operation = report.operation.as_ref().map(|operation| operation.name().to_owned());
    DeliveryResult {
        acknowledged: scheduled,
        operation: operation.unwrap_or_default(),
        needs_attention: true,
        ..DeliveryResult::new(if scheduled { Action::ToldLost } else { Action::KeptLost })
    }
}
