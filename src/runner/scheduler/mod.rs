//! Creates tasks: the one next step of a delivery, the reports to further outlets, and the slots of limits.

mod limits;
mod slots;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, Deadline};
use crate::config::Config;
use crate::google::{CallError, Created, Google, Task};
use crate::watch::{Message, Outcome, Report};

/// How often the first check of a start is asked for again.
const SCHEDULE_TRIES: usize = 2;
/// How long no message is posted after a step could not be scheduled.
const REFUSED: TimeDelta = TimeDelta::minutes(1);

/// Creates tasks.
pub(super) struct Scheduler {
    config: Arc<Config>,
    google: Arc<Google>,
    /// The IDs of the further outlets.
    further: Vec<&'static str>,
    clock: Arc<dyn Clock>,
    /// The slots of limits that are known to be taken.
    slots: slots::Slots,
    /// When a check's next step could last not be scheduled.
    refused: Mutex<Option<DateTime<Utc>>>,
}

/// Why a task was not created in time.
#[derive(Debug)]
pub(super) enum NotScheduled {
    Refused(CallError),
    Late,
}

impl fmt::Display for NotScheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Late => f.write_str("no response in time"),
        }
    }
}

impl Scheduler {
    pub(super) fn new(config: Arc<Config>, google: Arc<Google>, clock: Arc<dyn Clock>) -> Self {
        let (slots, refused) = (slots::Slots::default(), Mutex::default());
        Self { config, google, further: Vec::new(), clock, slots, refused }
    }

    /// The same with these further outlets, by their IDs.
    pub(super) fn with_further(self, further: Vec<&'static str>) -> Self {
        Self { further, ..self }
    }

    /// Schedules the next step, and the reports to further outlets that go with it: what became of each. The first check of a
    /// start is asked for again.
    pub(super) async fn next(
        &self,
        message: &Message,
        at: Option<DateTime<Utc>>,
        is_first_check: bool,
        deadline: Deadline,
    ) -> (Result<Created, CallError>, Result<(), CallError>) {
        let further = async {
            if self.further.is_empty() {
                Ok(())
            } else {
                Box::pin(self.schedule_further(message, deadline)).await
            }
        };
        let (mut created, further) = tokio::join!(self.schedule(message, at, deadline), further);
        if is_first_check {
            created = self.schedule_again(created, (message, at), deadline).await;
        }
        if created.is_err() && matches!(message, Message::Check(_)) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
        }
        (created, further)
    }

    /// Schedules `message` at `at`.
    pub(super) async fn schedule(
        &self,
        message: &Message,
        at: Option<DateTime<Utc>>,
        deadline: Deadline,
    ) -> Result<Created, CallError> {
        let queue = match message {
            Message::Start(_) | Message::Check(_) | Message::Test(_) => &self.config.check_queue,
            // In the slow queue of notices so many would delay them.
            Message::Report(report) if report.is_claim() => &self.config.check_queue,
            Message::Report(report) if report.outcome == Outcome::Notice || report.slot.is_some() => {
                &self.config.notice_queue
            }
            Message::Report(_) => &self.config.report_queue,
        };
        let task = Task {
            queue,
            topic: &self.config.topic,
            publish_to: self.config.trust.topic(&self.config.topic),
            service_account: &self.config.service_account,
            message,
            at,
        };
        self.google.create_task(&task, deadline.for_schedule()).await
    }

    /// Schedules `message` now, and gives up after `limit`.
    pub(super) async fn schedule_within(
        &self,
        limit: Duration,
        message: &Message,
        deadline: Deadline,
    ) -> Result<Created, NotScheduled> {
        let created = tokio::time::timeout(limit, self.schedule(message, None, deadline)).await;
        created.map_err(|_| NotScheduled::Late)?.map_err(NotScheduled::Refused)
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
            Err(_) => NotScheduled::Late.to_string(),
        };
        tracing::warn!("the end of a watch could not be scheduled for further outlets: {failed}");
    }

    /// Whether a step could not be scheduled a short while ago: while that lasts, each delivery would post a message and take
    /// it back.
    pub(super) fn refused_lately(&self) -> bool {
        let last = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| (self.clock.now() - last).abs() < REFUSED)
    }

    /// Asks again for the first check of what was started just now. To refuse the push would leave it to a look-up whether the
    /// operation is found, or started a second time.
    async fn schedule_again(
        &self,
        mut created: Result<Created, CallError>,
        (message, at): (&Message, Option<DateTime<Utc>>),
        deadline: Deadline,
    ) -> Result<Created, CallError> {
        for _ in 0..SCHEDULE_TRIES {
            let unsure = match &created {
                Err(error) if error.is_transient() && !deadline.for_schedule().is_zero() => {
                    error.is_ambiguous()
                }
                _ => break,
            };
            created = match self.schedule(message, at, deadline).await {
                Ok(Created::AlreadyExists) if unsure => Ok(Created::MaybeNew),
                created => created,
            };
        }
        created
    }

    /// Schedules a report to each further outlet if `message` is the first report of the end of a watch. Their tasks are
    /// named, so that a copy of the delivery asks for the same ones.
    async fn schedule_further(&self, message: &Message, deadline: Deadline) -> Result<(), CallError> {
        let Message::Report(report) = message else { return Ok(()) };
        let is_first = report.tries == 0 && report.claim_waits == 0 && report.outlet.is_none();
        if !is_first || !report.outcome.is_end() || report.is_claim() {
            return Ok(());
        }
        for id in &self.further {
            let report = Message::Report(Box::new(report.to_outlet(id)));
            self.schedule(&report, None, deadline).await?;
        }
        Ok(())
    }
}
