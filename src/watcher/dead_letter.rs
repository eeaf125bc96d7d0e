//! What Pub/Sub gave up on: people are told, with the line that goes on. Nothing is scheduled; when Slack fails the push is
//! refused, and the dead-letter subscription keeps it.

use super::fallback::NotPosted;
use super::report::{EDITS, again, counts_as_delivered, said};
use super::{Decided, Handled, Watcher, watch_id};
use crate::clock::{Deadline, Stopwatch};
use crate::decision::begun_by;
use crate::envelope::{Delivery, NotBase64};
use crate::message::{LONGEST_EXCERPT, Message, Problem, Received, Report, Start, Unusable, Why, read};
use crate::operation::Operation;
use crate::slack::Fault;
use crate::text;
use crate::trust::SOURCE_TIME;

/// The attribute that Pub/Sub adds with the number of deliveries:
/// <https://cloud.google.com/pubsub/docs/dead-letter-topics>.
const DELIVERIES: &str = "CloudPubSubDeadLetterSourceDeliveryCount";

impl Watcher {
    /// Handles one delivery from the dead-letter topic.
    pub async fn handle_dead_letter(&self, delivery: Delivery, deadline: Deadline) -> Handled {
        let watch = Stopwatch::start();
        let report = self.lost(delivery, deadline).await;
        // Nothing counts its tries.
        let report = Report { tries: report.tries.max(EDITS), ..report };
        if !self.is_wanted(&report) {
            return Handled::new(Decided::NotWanted);
        }
        let (report, posted) = self.post_with_less(report, deadline).await;
        let told = match &posted {
            Ok(()) => true,
            Err(not_posted) => self.goes_on(&report, not_posted, deadline).await,
        };
        let decision = if told { Decided::ToldLost } else { Decided::KeptLost };
        let error = posted.err().map(|not_posted| said(&not_posted.error, None));
        Handled {
            acknowledged: told,
            operation: report
                .operation
                .as_ref()
                .map(|operation| operation.name().to_owned())
                .unwrap_or_default(),
            error,
            needs_attention: true,
            call_milliseconds: Some(watch.milliseconds()),
            ..Handled::new(decision)
        }
    }

    /// Posts `report`, and at once with less where Slack refuses a part: nothing can carry that to a next try.
    async fn post_with_less(
        &self,
        mut report: Report,
        deadline: Deadline,
    ) -> (Report, Result<(), NotPosted>) {
        loop {
            let posted = self.post(&report, None, deadline).await;
            let Err(not_posted) = &posted else { return (report, posted) };
            let (less, dropped) = self.reduced(report, not_posted);
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
        self.schedule(&message, at, deadline).await.is_ok()
    }

    /// What to tell of a lost message: a report itself, of a check the operation, of a start the operation if it can be
    /// found, of anything else its beginning.
    async fn lost(&self, delivery: Delivery, deadline: Deadline) -> Report {
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
                let message = read(&data, &received, self.setup.defaults);
                (data, message.and_then(|message| self.permit(message)))
            }
            Err(NotBase64(data)) => (data.into_bytes(), Err(Problem::new("message.data", Why::NotBase64))),
        };
        match message {
            Ok(Message::Report(report)) => *report,
            Ok(Message::Start(start)) => {
                let found = self.find(&start, deadline).await;
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
                let excerpt = text::cut(&String::from_utf8_lossy(&data), LONGEST_EXCERPT);
                let unusable = Unusable { problem, excerpt, message_id: received.message_id.clone() };
                Report::of_unusable(received.message_id, unusable, now)
            }
        }
    }

    /// The operation that a lost start began all the same, if it can be found.
    async fn find(&self, start: &Start, deadline: Deadline) -> Option<Operation> {
        self.setup.policy.permit_start(&start.request).ok()?;
        // However long the list, Slack has its time.
        let list = self.google.list(&start.request, deadline);
        let list = tokio::time::timeout(deadline.for_call(), list).await.ok()?.ok()?;
        begun_by(start, list.listed)?.operation
    }
}
