//! What is in the buffer: leased, read, and sorted into what is to be told and what is not.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Deadline;
use crate::config::Digests;
use crate::google::{CallError, Pulled, report_id};
use crate::message::{Received, read};
use crate::outlets::Outlet;
use crate::runner::Runner;
use crate::trust::Origin;
use crate::watch::{Message, Report, Target};

/// How long one pull may take: with no answer by then the buffer is empty.
const PULL: Duration = Duration::from_secs(3);
/// A pull that brings fewer messages than this has nearly emptied the buffer: the next drain has the rest.
const FEW: usize = 10;
/// How many messages one drain handles at most, and how long it pulls.
const MOST: usize = 10_000;
const PULLING: Duration = Duration::from_secs(6);

/// A report in the buffer.
pub(super) struct Buffered {
    pub(super) report: Report,
    /// What copies of it have in common.
    pub(super) id: String,
    /// Its lease.
    pub(super) ack_id: String,
    /// When it entered the buffer.
    pub(super) since: DateTime<Utc>,
}

/// The outlet and the target of reports.
pub(super) type Place<'a> = (&'a str, Option<Target>);

impl Runner {
    /// Leases what is in the buffer, as far as time and memory allow; and why there may be more.
    pub(super) async fn pull(
        &self,
        digests: &Digests,
        deadline: Deadline,
    ) -> (Vec<Pulled>, Option<CallError>) {
        let mut all = Vec::new();
        loop {
            match self.google.pull(&digests.subscription, PULL.min(deadline.for_call())).await {
                Ok(pulled) => {
                    let few = pulled.len() < FEW;
                    all.extend(pulled);
                    if few || all.len() >= MOST || deadline.spent() >= PULLING {
                        return (all, None);
                    }
                }
                Err(error) => return (all, Some(error)),
            }
        }
    }

    /// The reports to tell, each with its place and id; and the leases of what is not told.
    pub(super) fn sort(
        &self,
        pulled: Vec<Pulled>,
        now: DateTime<Utc>,
    ) -> (Vec<(Place<'_>, String, Buffered)>, Vec<String>) {
        let (mut buffered, mut done) = (Vec::new(), Vec::new());
        for message in pulled {
            let since = message.published.unwrap_or(now);
            let ack_id = message.ack_id.clone();
            match self.read_buffered(message, since) {
                Some((outlet, report)) => {
                    let id = report_id(&self.config.topic, &report);
                    if self.digests.was_told(&id) {
                        done.push(ack_id);
                        continue;
                    }
                    let place = (outlet.id(), self.notifier.place_of(outlet, &report));
                    buffered.push((place, id.clone(), Buffered { report, id, ack_id, since }));
                }
                None => done.push(ack_id),
            }
        }
        (buffered, done)
    }

    /// The report that a message of the buffer is, and its outlet.
    fn read_buffered(&self, message: Pulled, since: DateTime<Utc>) -> Option<(&dyn Outlet, Report)> {
        let received = Received { message_id: message.id, published: since, origin: Origin::Internal };
        let report = match read(&message.data, &received, &self.config.defaults) {
            Ok(Message::Report(report)) if report.outcome.is_end() => *report,
            Ok(Message::Report(_) | Message::Check(_) | Message::Start(_) | Message::Test(_)) | Err(_) => {
                let id = received.message_id;
                tracing::error!(
                    reported = true,
                    id,
                    "a message in the buffer of digests is no report of an end: dropped"
                );
                return None;
            }
        };
        let outlet = self.notifier.outlet_of(&report);
        if outlet.is_none() {
            let outlet = report.outlet.as_deref();
            tracing::warn!(
                decision = "dropped",
                outlet,
                "a report in the buffer of digests is dropped: its outlet is no longer set up"
            );
        }
        Some((outlet?, report))
    }
}

/// The line of a report that was in the buffer.
pub(super) fn log(level: tracing::Level, decision: &str, outlet: &dyn Outlet, report: &Report, digest: &str) {
    let operation = report.operation.as_ref().map(ToString::to_string);
    let (outlet, watch, outcome) = (outlet.id(), report.watch.id.as_str(), report.outcome.word());
    let digest = Some(digest).filter(|id| !id.is_empty());
    if level == tracing::Level::ERROR {
        tracing::error!(
            decision,
            outlet,
            operation,
            watch,
            outcome,
            "given up after 30 days in the buffer of digests"
        );
    } else {
        tracing::info!(
            decision,
            outlet,
            operation,
            watch,
            outcome,
            digest,
            "from the buffer of digests: {decision}"
        );
    }
}
