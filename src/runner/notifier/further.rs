//! Reports to further outlets, each by its own task with its own retries, so that none waits for another.

use chrono::{DateTime, Utc};

use super::{NotPosted, Notifier, said};
use crate::clock::{Deadline, Stopwatch};
use crate::google::report_id;
use crate::outlets::{Call, Content, End, Fault, Outlet, Part, To};
use crate::runner::{Action, DeliveryResult, Step};
use crate::watch::Report;

impl Notifier {
    /// Delivers a report to the further outlet `id`.
    pub(in crate::runner) async fn report_further(
        &self,
        id: &str,
        report: Report,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Step {
        let Some(outlet) = self.further(id) else { return Step::last(not_set_up(id), now) };
        let watch = Stopwatch::start();
        let posted = self.post_further(outlet, &report, deadline).await;
        let call_milliseconds = watch.milliseconds();
        match posted {
            Ok(()) => Step::last(DeliveryResult::new(Action::Posted), now).after_call(call_milliseconds),
            Err(refused) if refused.error.fault == Fault::Closed => {
                Step::last(closed(&refused), now).after_call(call_milliseconds)
            }
            Err(not_posted) => self.not_posted(report, &not_posted, call_milliseconds, now),
        }
    }

    /// Delivers a report that Pub/Sub gave up on, or lets the dead letter be kept.
    pub(in crate::runner) async fn lost_further(
        &self,
        id: &str,
        report: &Report,
        deadline: Deadline,
    ) -> DeliveryResult {
        let Some(outlet) = self.further(id) else { return not_set_up(id) };
        match self.post_further(outlet, report, deadline).await {
            Ok(()) => DeliveryResult { needs_attention: true, ..DeliveryResult::new(Action::ToldLost) },
            Err(refused) if refused.error.fault == Fault::Closed => closed(&refused),
            Err(NotPosted { error, .. }) => DeliveryResult {
                acknowledged: false,
                error: Some(said(&error, None)),
                needs_attention: true,
                ..DeliveryResult::new(Action::KeptLost)
            },
        }
    }

    fn further(&self, id: &str) -> Option<&dyn Outlet> {
        self.further.iter().map(AsRef::as_ref).find(|outlet| outlet.id() == id)
    }

    async fn post_further(
        &self,
        outlet: &dyn Outlet,
        report: &Report,
        deadline: Deadline,
    ) -> Result<(), NotPosted> {
        let (notice, id) = (self.words_of(report, None), report_id(&self.config.topic, report));
        let end = Some(End { report, topic: &self.config.topic, id: &id });
        let content = Content { notice: &notice, part: Part::Whole, plain: false, end };
        let call = Call { limit: deadline.for_call(), now: self.clock.now() };
        let posted = outlet.post(To::Target(None), content, call).await;
        posted.map(|_| ()).map_err(|error| NotPosted { error, is_edit: false, mentions: false })
    }
}

/// The outlet was set up when the watch ended, and is no more.
fn not_set_up(id: &str) -> DeliveryResult {
    let error = Some(format!("outlet {id:?} no longer exists: the report to it is dropped"));
    DeliveryResult { error, ..DeliveryResult::new(Action::Dropped) }
}

/// The receiver wants no more reports.
fn closed(refused: &NotPosted) -> DeliveryResult {
    let error = Some(said(&refused.error, None));
    DeliveryResult { error, needs_attention: true, ..DeliveryResult::new(Action::GaveUp) }
}
