//! Reports to further outlets: each end of a watch is told to every one of them, by a task and with retries of its own, so that
//! none waits for another.

use chrono::{DateTime, Utc};

use super::fallback::NotPosted;
use super::{Decided, Handled, Runner};
use crate::clock::{Deadline, Stopwatch};
use crate::google::{CallError, report_id};
use crate::outlets::{Call, Content, End, Fault, Outlet, Part, To};
use crate::watch::{Message, Report};

impl Runner {
    /// Schedules a report to each further outlet if `message` is the first report of the end of a watch. Their tasks are
    /// named, so that a copy of the delivery asks for the same ones.
    pub(super) async fn schedule_further(
        &self,
        message: &Message,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let Message::Report(report) = message else { return Ok(()) };
        let is_first = report.tries == 0 && report.waits == 0 && report.outlet.is_none();
        if !is_first || !report.outcome.is_end() || report.is_claim() {
            return Ok(());
        }
        for outlet in &self.further {
            let report = Message::Report(Box::new(report.to_outlet(outlet.id())));
            self.schedule(&report, None, deadline).await?;
        }
        Ok(())
    }

    /// Delivers a report to the further outlet `id`.
    pub(super) async fn report_further(
        &self,
        id: &str,
        report: Report,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Handled {
        let Some(outlet) = self.further(id) else { return not_set_up(id) };
        let watch = Stopwatch::start();
        let posted = self.post_further(outlet, &report, deadline).await;
        let call_milliseconds = Some(watch.milliseconds());
        match posted {
            Ok(()) => Handled { call_milliseconds, ..Handled::new(Decided::Posted) },
            Err(refused) if refused.error.fault == Fault::Closed => {
                Handled { call_milliseconds, ..closed(&refused) }
            }
            Err(not_posted) => self.not_posted(report, not_posted, call_milliseconds, now, deadline).await,
        }
    }

    /// Delivers a report that Pub/Sub gave up on, or lets the dead letter be kept.
    pub(super) async fn lost_further(&self, id: &str, report: &Report, deadline: Deadline) -> Handled {
        let Some(outlet) = self.further(id) else { return not_set_up(id) };
        match self.post_further(outlet, report, deadline).await {
            Ok(()) => Handled { needs_attention: true, ..Handled::new(Decided::ToldLost) },
            Err(refused) if refused.error.fault == Fault::Closed => closed(&refused),
            Err(NotPosted { error, .. }) => Handled {
                acknowledged: false,
                error: Some(super::report::said(&error, None)),
                needs_attention: true,
                ..Handled::new(Decided::KeptLost)
            },
        }
    }

    /// Schedules a report of a dead letter's watch to each further outlet. When that fails, as it may when tasks are why the
    /// message was given up on, people are told nevertheless.
    pub(super) async fn tell_further(&self, report: &Report, deadline: Deadline) {
        let of_watch = report.operation.is_some() || report.start.is_some();
        if self.further.is_empty() || !of_watch {
            return;
        }
        let message = Message::Report(Box::new(report.clone()));
        let scheduled =
            tokio::time::timeout(deadline.for_telling(), self.schedule_further(&message, deadline));
        let failed = match scheduled.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no response in time".to_owned(),
        };
        tracing::warn!("further outlets are not told of the end of a watch: {failed}");
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
fn not_set_up(id: &str) -> Handled {
    let error = Some(format!("outlet {id:?} no longer exists: the report to it is dropped"));
    Handled { error, ..Handled::new(Decided::Dropped) }
}

/// The receiver wants no more reports.
fn closed(refused: &NotPosted) -> Handled {
    let error = Some(super::report::said(&refused.error, None));
    Handled { error, needs_attention: true, ..Handled::new(Decided::GaveUp) }
}
