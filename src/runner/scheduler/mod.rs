//! Creates tasks: the one next step of a delivery, the copies of a report for each outlet, and the slots of limits.

mod limits;
mod slots;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, Deadline};
use crate::config::Config;
use crate::google::{CallError, Created, Google, Task};
use crate::outlets::{Outlets, addressed};
use crate::watch::{Message, Outcome, Report};

/// How often the first check of a start is asked for again.
const SCHEDULE_TRIES: usize = 2;
/// How long no message is posted after a step could not be scheduled.
const REFUSED: TimeDelta = TimeDelta::minutes(1);

/// A task that is being created.
type Scheduling<'a> = Pin<Box<dyn Future<Output = Result<Created, CallError>> + Send + 'a>>;

/// Creates tasks.
pub(super) struct Scheduler {
    config: Arc<Config>,
    google: Arc<Google>,
    outlets: Outlets,
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
    pub(super) fn new(
        config: Arc<Config>,
        google: Arc<Google>,
        outlets: Outlets,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (slots, refused) = (slots::Slots::default(), Mutex::default());
        Self { config, google, outlets, clock, slots, refused }
    }

    /// Schedules the next step: of a new report its copies for all of its outlets, at the same time. The first check of a start
    /// is asked for again.
    ///
    /// # Errors
    /// When one of them could not be scheduled.
    pub(super) async fn next(
        &self,
        message: &Message,
        at: Option<DateTime<Utc>>,
        is_first_check: bool,
        deadline: Deadline,
    ) -> Result<Created, CallError> {
        if let Message::Report(report) = message
            && report.is_unaddressed()
        {
            return Box::pin(self.schedule_copies(report, None, deadline)).await;
        }
        let mut created = self.schedule(message, at, deadline).await;
        if is_first_check {
            created = self.schedule_again(created, (message, at), deadline).await;
        }
        if created.is_err() && matches!(message, Message::Check(_)) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
        }
        created
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
            Message::Report(report) if report.drain().is_some() => &self.config.report_queue,
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

    /// Schedules `message` now, and gives up after `limit`. A report must be addressed.
    pub(super) async fn schedule_within(
        &self,
        limit: Duration,
        message: &Message,
        deadline: Deadline,
    ) -> Result<Created, NotScheduled> {
        let created = tokio::time::timeout(limit, self.schedule(message, None, deadline)).await;
        created.map_err(|_| NotScheduled::Late)?.map_err(NotScheduled::Refused)
    }

    /// Schedules the report of a dead letter's watch for each of its outlets but `told`. When that fails, as it may when tasks are
    /// why the message was given up on, `told` hears of it nevertheless. Returns whether it was scheduled.
    pub(super) async fn tell_others(&self, report: &Report, told: Option<&str>, deadline: Deadline) -> bool {
        let of_watch = report.operation.is_some() || report.start.is_some();
        if !of_watch {
            return true;
        }
        let copies = Box::pin(self.schedule_copies(report, told, deadline));
        let failed = match tokio::time::timeout(deadline.for_telling(), copies).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => NotScheduled::Late.to_string(),
        };
        tracing::warn!("the end of a watch could not be scheduled for the other outlets: {failed}");
        false
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

    /// Schedules `report` for each of its outlets but `except`, at the same time. Their tasks are named, so that a copy of the
    /// delivery asks for the same ones. Returns what became of the one with the message that follows the watch, or of the first.
    async fn schedule_copies(
        &self,
        report: &Report,
        except: Option<&str>,
        deadline: Deadline,
    ) -> Result<Created, CallError> {
        let recipients = self.outlets.recipients(report).into_iter();
        let others = recipients.filter(|outlet| except != Some(outlet.id()));
        let copies: Vec<_> =
            others.map(|outlet| Message::Report(Box::new(addressed(report, outlet)))).collect();
        let tasks = copies.iter().map(|copy| Box::pin(self.schedule(copy, None, deadline)) as Scheduling<'_>);
        let created: Result<Vec<_>, _> = together(tasks.collect()).await.into_iter().collect();
        let has_live = |copy: &Message| matches!(copy, Message::Report(report) if report.live.is_some());
        let of_live = copies.iter().position(has_live).unwrap_or(0);
        Ok(created?.get(of_live).copied().unwrap_or(Created::New))
    }
}

/// What all of `tasks` come to, which are created at the same time.
async fn together(tasks: Vec<Scheduling<'_>>) -> Vec<Result<Created, CallError>> {
    let mut tasks: Vec<_> = tasks.into_iter().map(|task| (task, None)).collect();
    poll_fn(|context| {
        for (task, created) in tasks.iter_mut().filter(|(_, created)| created.is_none()) {
            if let Poll::Ready(result) = task.as_mut().poll(context) {
                *created = Some(result);
            }
        }
        if tasks.iter().all(|(_, created)| created.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    tasks.into_iter().filter_map(|(_, created)| created).collect()
}
