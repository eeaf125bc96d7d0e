//! Handles deliveries: reads the message, does the one thing that it asks for, takes the one next step. Each part owns its
//! state and returns what it came to; the order of their effects is in `sequence`.

mod adopt;
#[cfg(feature = "terminal")]
mod by_hand;
mod check;
mod dead_letter;
mod digest;
mod handled;
mod notifier;
mod recorder;
mod report;
mod scheduler;
mod sentinels;
mod sequence;
mod signal;
mod starter;
mod step;
#[cfg(test)]
mod tests;

#[cfg(feature = "terminal")]
pub use by_hand::{Begun, ByHand};
pub use handled::{Action, DeliveryResult, StartLine};

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::digest::Digester;
use self::notifier::Notifier;
use self::recorder::Recorder;
use self::scheduler::Scheduler;
use self::sentinels::Sentinels;
use self::starter::Starter;
use self::step::Step;
use crate::clock::{Clock, Deadline};
use crate::config::Config;
use crate::decision::Decision;
use crate::delivery::{Delivery, NotBase64};
use crate::google::Google;
use crate::hash::{hash_bytes, short_hash};
use crate::json;
use crate::message::{MAX_READ_BYTES, Received, is_report, read};
use crate::outlets::Outlets;
use crate::text;
use crate::trust::Origin;
use crate::watch::{
    InvalidMessage, Locale, MAX_EXCERPT_CHARS, Message, Problem, ProblemKind, Report, Test, Watch,
};

/// Handles deliveries.
pub struct Runner {
    config: Arc<Config>,
    google: Arc<Google>,
    clock: Arc<dyn Clock>,
    starter: Starter,
    scheduler: Scheduler,
    notifier: Notifier,
    recorder: Recorder,
    sentinels: Sentinels,
    digests: Digester,
}

impl Runner {
    /// A runner that calls Google through this client, and tells people and programs through these outlets.
    pub fn new(
        config: Config,
        google: impl Into<Arc<Google>>,
        outlets: Outlets,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (config, google) = (Arc::new(config), google.into());
        let scheduler =
            Scheduler::new(Arc::clone(&config), Arc::clone(&google), outlets.clone(), Arc::clone(&clock));
        Self {
            starter: Starter::new(config.policy.clone(), Arc::clone(&google)),
            scheduler,
            notifier: Notifier::new(Arc::clone(&config), outlets, Arc::clone(&clock)),
            recorder: Recorder::new(Arc::clone(&config), Arc::clone(&google), Arc::clone(&clock)),
            sentinels: Sentinels::new(Arc::clone(&config), Arc::clone(&google), Arc::clone(&clock)),
            digests: Digester::new(Arc::clone(&config)),
            config,
            google,
            clock,
        }
    }

    /// Handles one delivery.
    pub async fn handle(&self, delivery: Delivery, deadline: Deadline) -> DeliveryResult {
        let published = delivery.published.unwrap_or_else(|| self.clock.now());
        let received =
            Received { message_id: watch_id(&delivery.message_id), published, origin: delivery.origin };
        let data = match delivery.data {
            Ok(data) => data,
            Err(NotBase64(data)) => {
                let problem = Problem::new("message.data", ProblemKind::NotBase64);
                return self.notice(&received, problem, data.as_bytes(), deadline).await;
            }
        };
        match read(&data, &received, &self.config.defaults)
            .and_then(|message| self.permit(message, received.origin))
        {
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
    ) -> DeliveryResult {
        let received =
            Received { message_id: String::new(), published: self.clock.now(), origin: Origin::Public };
        let problem = Problem::new("", ProblemKind::TooLarge { size, most });
        self.notice(&received, problem, head, deadline).await
    }

    /// A person's message that the settings don't allow is a problem of that message; of what opwatch passed on
    /// the watch itself makes an end.
    fn permit(&self, message: Message, origin: Origin) -> Result<Message, Problem> {
        match &message {
            Message::Start(start) if !start.is_continuation => {
                self.config.policy.permit_start(&start.request)?;
            }
            Message::Check(check) if !check.is_continuation => self.config.policy.permit(&check.operation)?,
            Message::Test(test) if !test.is_continuation => {}
            Message::Start(_) | Message::Check(_) | Message::Test(_) | Message::Report(_) => {
                return Ok(match origin {
                    Origin::Internal => message,
                    Origin::Accepted | Origin::Public => self.notifier.without_foreign_live(message),
                });
            }
        }
        let Watch { until_s, interval_s, .. } = message.watch();
        // The distances of a ladder are never shorter than allowed.
        if !matches!(message, Message::Test(_)) && until_s.is_none() {
            self.config.policy.permit_interval(*interval_s)?;
        }
        self.config.policy.permit_routing(&message.watch().routing)?;
        Ok(self.routed(message))
    }

    /// A person's message with the place of `ROUTES`, if it names none.
    fn routed(&self, mut message: Message) -> Message {
        let (watch, service, project) = match &mut message {
            Message::Start(start) => {
                (&mut start.watch, start.request.service(), start.request.project().to_owned())
            }
            Message::Check(check) => {
                (&mut check.watch, check.operation.service(), check.operation.project().to_owned())
            }
            Message::Test(_) | Message::Report(_) => return message,
        };
        let routing = std::mem::take(&mut watch.routing);
        watch.routing = self.config.policy.routes.complete(routing, service, &project);
        message
    }

    async fn act(&self, message: Message, now: DateTime<Utc>, deadline: Deadline) -> DeliveryResult {
        let (operation, (_, number)) = (message.operation_name().to_owned(), message.kind_and_number());
        let line = match &message {
            Message::Start(start) => Some(StartLine::of(start)),
            Message::Check(_) | Message::Test(_) | Message::Report(_) => None,
        };
        let step = match message {
            Message::Start(start) => {
                let step = self.starter.start(*start, &self.scheduler, now, deadline).await;
                Step { begins: true, ..step }
            }
            Message::Check(check) => self.check(*check, now, deadline).await,
            Message::Test(test) => {
                Box::pin(self.drain_leftovers(deadline)).await;
                self.test(test, now, deadline).await
            }
            Message::Report(report) => Box::pin(self.report(*report, now, deadline)).await,
        };
        let handled = self.take(step, deadline).await;
        let operation = if handled.operation.is_empty() { operation } else { handled.operation };
        DeliveryResult { operation, attempt: Some(number), start: line, ..handled }
    }

    /// The time now as well as it can be told without an answer's `Date`: this instance's clock may be slow, but a
    /// message was published before it came.
    fn now(&self, published: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.now().max(published)
    }

    /// A test first goes through the check queue, then through the report queue.
    async fn test(&self, test: Test, now: DateTime<Utc>, deadline: Deadline) -> Step {
        if !test.is_continuation
            && let Err(limit) = self.scheduler.count_watch(&test.watch.id, now, deadline).await
        {
            return limit.refuse_test(test, now);
        }
        let now = self.clock.now();
        let decision = if test.is_continuation {
            Decision::Report(Box::new(Report::of_test(test.watch, now)))
        } else {
            Decision::Test(Test { is_continuation: true, ..test })
        };
        Step::to(decision, Action::Tested, now)
    }

    /// Tells people of a message that can't be used. The same data is noticed once an hour at most, by the clock; a
    /// notice never begets a notice.
    async fn notice(
        &self,
        received: &Received,
        problem: Problem,
        data: &[u8],
        deadline: Deadline,
    ) -> DeliveryResult {
        let text = described(&problem);
        if data.len() <= MAX_READ_BYTES && is_report(data, received.origin) {
            return DeliveryResult { error: Some(text), ..DeliveryResult::new(Action::Dropped) };
        }
        let hour = received.published.timestamp() / 3_600;
        let id = short_hash(&["notice", &hour.to_string(), &hash_bytes(data)]);
        let excerpt = text::cut(&json::shown(data), MAX_EXCERPT_CHARS);
        let unusable = InvalidMessage { problem, excerpt, message_id: received.message_id.clone() };
        let report = Report::of_unusable(id, unusable, received.published);
        let step = match self.scheduler.reached_notice_limit(self.now(received.published)) {
            Some(limit) => limit.refuse_notice(report, self.now(received.published)),
            None => Step::to(Decision::Report(Box::new(report)), Action::Noticed, received.published)
                .with_error(Some(text)),
        };
        let handled = DeliveryResult { needs_attention: true, ..step.handled };
        self.take(Step { handled, ..step }, deadline).await
    }
}

/// What is wrong with a message, for the log.
fn described(problem: &Problem) -> String {
    let text = format!("{}: {}", problem.field, Locale::En.words().problem(problem));
    text.trim_start_matches(": ").to_owned()
}

/// Pub/Sub's ids are digits; whatever else comes is hashed, so that it can stand in a task's recipe.
fn watch_id(message_id: &str) -> String {
    let plain = message_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if plain && message_id.len() <= 128 { message_id.to_owned() } else { short_hash(&[message_id]) }
}
