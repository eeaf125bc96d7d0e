//! The story of one delivery: read the message, do the one thing it asks for, schedule the one next step.

mod check;
mod dead_letter;
mod fallback;
mod further;
mod handled;
mod ledger;
mod limits;
mod live;
mod look_up;
mod report;
mod slots;
mod start;
#[cfg(test)]
mod tests;
mod turns;

pub use handled::{Decided, Handled, StartLine};

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use crate::clock::{Clock, Deadline, Stopwatch};
use crate::config::Config;
use crate::decision::Decision;
use crate::delivery::{Delivery, NotBase64};
use crate::google::{CallError, Created, Google, Task};
use crate::hash::{hash_bytes, short_hash};
use crate::json;
use crate::message::{LONGEST_READ, Received, is_report, read};
use crate::outlets::Outlet;
use crate::prose::Context;
use crate::text;
use crate::trust::Origin;
use crate::watch::{
    LONGEST_EXCERPT, Locale, Message, Outcome, Problem, Receipt, Report, Test, Unusable, Why,
};

/// How often the first check of a start is asked for again.
const SCHEDULE_TRIES: usize = 2;

/// Handles deliveries.
pub struct Runner {
    config: Config,
    google: Google,
    /// The one that follows watches.
    outlet: Arc<dyn Outlet>,
    /// Those that are told of ends too.
    further: Vec<Arc<dyn Outlet>>,
    clock: Arc<dyn Clock>,
    /// Taken from a start's look-up to its answer.
    turns: turns::Turns,
    /// The slots of limits that are known to be taken.
    slots: slots::Slots,
    /// When a check's next step could last not be scheduled.
    refused: Mutex<Option<DateTime<Utc>>>,
    /// Messages that follow a watch and can't be edited any more, until the next check of that watch says so by itself.
    uneditable: Mutex<VecDeque<Receipt>>,
    /// When a failing ledger was last warned of.
    warned_of_ledger: Mutex<Option<DateTime<Utc>>>,
}

/// A next step, and what the log says of this one.
struct Step {
    decision: Decision,
    decided: Decided,
    error: Option<String>,
    call_milliseconds: Option<u64>,
    /// The time of what it is about: the answer's that led to it, where there is one.
    now: DateTime<Utc>,
}

impl Runner {
    /// A runner that calls Google through this client, and tells people in this outlet.
    pub fn new(config: Config, google: Google, outlet: Arc<dyn Outlet>, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            google,
            outlet,
            further: Vec::new(),
            clock,
            turns: turns::Turns::default(),
            slots: slots::Slots::default(),
            refused: Mutex::default(),
            uneditable: Mutex::default(),
            warned_of_ledger: Mutex::default(),
        }
    }

    /// The same with these outlets, which are told of each end too.
    #[must_use]
    pub fn with_further(self, further: Vec<Arc<dyn Outlet>>) -> Self {
        Self { further, ..self }
    }

    /// Handles one delivery.
    pub async fn handle(&self, delivery: Delivery, deadline: Deadline) -> Handled {
        let published = delivery.published.unwrap_or_else(|| self.clock.now());
        let received =
            Received { message_id: watch_id(&delivery.message_id), published, origin: delivery.origin };
        let data = match delivery.data {
            Ok(data) => data,
            Err(NotBase64(data)) => {
                let problem = Problem::new("message.data", Why::NotBase64);
                return self.notice(&received, problem, data.as_bytes(), deadline).await;
            }
        };
        match read(&data, &received, &self.config.defaults).and_then(|message| self.permit(message)) {
            Ok(message) => self.act(message, self.now(published), deadline).await,
            Err(problem) => self.notice(&received, problem, &data, deadline).await,
        }
    }

    /// Handles a push whose body is too large to be opened. `head` is its beginning.
    pub async fn handle_oversize(
        &self,
        head: &[u8],
        size: usize,
        most: usize,
        deadline: Deadline,
    ) -> Handled {
        let received =
            Received { message_id: String::new(), published: self.clock.now(), origin: Origin::Public };
        let problem = Problem::new("", Why::TooLarge { size, most });
        self.notice(&received, problem, head, deadline).await
    }

    /// A person's message that the settings don't allow is a problem of that message; of what opwatch passed on
    /// the watch itself makes an end.
    fn permit(&self, message: Message) -> Result<Message, Problem> {
        match &message {
            Message::Start(start) if !start.carried => self.config.policy.permit_start(&start.request)?,
            Message::Check(check) if !check.carried => self.config.policy.permit(&check.operation)?,
            Message::Test(test) if !test.carried => {}
            Message::Start(_) | Message::Check(_) | Message::Test(_) | Message::Report(_) => {
                return Ok(message);
            }
        }
        if !matches!(message, Message::Test(_)) {
            self.config.policy.permit_interval(message.watch().interval)?;
        }
        self.config.policy.permit_routing(&message.watch().routing)?;
        Ok(message)
    }

    async fn act(&self, message: Message, now: DateTime<Utc>, deadline: Deadline) -> Handled {
        let (operation, (_, number)) = (message.operation_name().to_owned(), message.kind_and_number());
        let line = match &message {
            Message::Start(start) => Some(StartLine::of(start)),
            Message::Check(_) | Message::Test(_) | Message::Report(_) => None,
        };
        let handled = match message {
            Message::Start(start) => self.take(self.start(*start, now, deadline).await, deadline).await,
            Message::Check(check) => self.take(self.check(*check, now, deadline).await, deadline).await,
            Message::Test(test) => self.take(self.test(test), deadline).await,
            Message::Report(report) => Box::pin(self.report(*report, now, deadline)).await,
        };
        let operation = if handled.operation.is_empty() { operation } else { handled.operation };
        Handled { operation, attempt: Some(number), start: line, ..handled }
    }

    /// The time now as well as it can be told without an answer's `Date`: this instance's clock may be slow, but a
    /// message was published before it came.
    fn now(&self, published: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.now().max(published)
    }

    /// A test first goes through the check queue, then through the report queue.
    fn test(&self, test: Test) -> Step {
        let now = self.clock.now();
        let decision = if test.carried {
            Decision::Report(Box::new(Report::of_test(test.watch, now)))
        } else {
            Decision::Test(Test { carried: true, ..test })
        };
        Step { decision, decided: Decided::Tested, error: None, call_milliseconds: None, now }
    }

    /// Schedules the one next step, and at the same time keeps what was seen: neither waits for the other.
    async fn take(&self, step: Step, deadline: Deadline) -> Handled {
        let sighting = self.sighting(&step);
        let (handled, ()) = tokio::join!(self.next(step, deadline), self.keep(sighting, deadline));
        handled
    }

    /// Schedules the one next step. A push is refused only when that fails.
    async fn next(&self, mut step: Step, deadline: Deadline) -> Handled {
        let telling = self.open(&mut step.decision, step.now, deadline).await;
        let (message, at) = step.decision.into_message();
        let watch = Stopwatch::start();
        let scheduled = self.schedule(&message, at, deadline);
        let further = async {
            if self.further.is_empty() {
                Ok(())
            } else {
                Box::pin(self.schedule_further(&message, deadline)).await
            }
        };
        let (mut created, further) = tokio::join!(scheduled, further);
        if step.decided == Decided::Started {
            created = self.schedule_again(created, (&message, at), deadline).await;
        }
        let error = step.error.map(|error| with_next_try(error, &message, at));
        let handled = Handled {
            operation: message.operation_name().to_owned(),
            error,
            call_milliseconds: step.call_milliseconds,
            schedule_milliseconds: Some(watch.milliseconds()),
            ..Handled::new(step.decided)
        };
        self.follow((&message, at), telling, created.as_ref().ok().copied(), step.now, deadline).await;
        match created.and(further) {
            Ok(()) => handled,
            Err(error) => Handled {
                acknowledged: false,
                decision: Decided::NotScheduled,
                needs_attention: !error.is_transient(),
                error: Some(format!("the next step could not be scheduled: {error}")),
                ..handled
            },
        }
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
                Ok(Created::Already) if unsure => Ok(Created::Maybe),
                created => created,
            };
        }
        created
    }

    /// What is the same for everything that is told now.
    fn context(&self, now: DateTime<Utc>) -> Context<'_> {
        Context {
            topic: Some(&self.config.topic),
            locale: self.config.locale,
            zone: self.config.zone,
            title: self.config.title.as_deref(),
            routing: Some(&self.config.routing),
            now,
        }
    }

    async fn schedule(
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

    /// Tells people of a message that can't be used. The same data is noticed once an hour at most, by the clock; a
    /// notice never begets a notice.
    async fn notice(
        &self,
        received: &Received,
        problem: Problem,
        data: &[u8],
        deadline: Deadline,
    ) -> Handled {
        let text = format!("{}: {}", problem.field, Locale::En.words().problem(&problem));
        let text = text.trim_start_matches(": ").to_owned();
        if data.len() <= LONGEST_READ && is_report(data, received.origin) {
            return Handled { error: Some(text), ..Handled::new(Decided::Dropped) };
        }
        let hour = received.published.timestamp() / 3_600;
        let id = short_hash(&["notice", &hour.to_string(), &hash_bytes(data)]);
        let excerpt = text::cut(&json::shown(data), LONGEST_EXCERPT);
        let unusable = Unusable { problem, excerpt, message_id: received.message_id.clone() };
        let report = Report::of_unusable(id, unusable, received.published);
        let step = Step {
            decision: Decision::Report(Box::new(report)),
            decided: Decided::Noticed,
            error: Some(text),
            call_milliseconds: None,
            now: received.published,
        };
        Handled { needs_attention: true, ..self.take(step, deadline).await }
    }
}

/// The error of a start that is tried again, with the time of the next try.
fn with_next_try(error: String, message: &Message, at: Option<DateTime<Utc>>) -> String {
    match (message, at) {
        (Message::Start(_), Some(at)) => {
            format!("{error}; next try at {}", at.format("%Y-%m-%dT%H:%M:%SZ"))
        }
        _ => error,
    }
}

/// Pub/Sub's ids are digits; whatever else comes is hashed, so that it can stand in a task's recipe.
fn watch_id(message_id: &str) -> String {
    let plain = message_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if plain && message_id.len() <= 128 { message_id.to_owned() } else { short_hash(&[message_id]) }
}
