//! Why something went wrong: what happened, and the cause of the error that came with it.

use super::Writer;
use crate::prose::locale::{Happened, Scene};
use crate::services::{ApiError, Attempt, Cause, Method, Operation};
use crate::watch::{Outcome, Reason, StartRequest};

impl Writer<'_> {
    /// The sentences that say why, before the API's own words.
    pub(super) fn why(&self) -> Vec<String> {
        let cause = self.cause();
        let happened = self.report.reason.as_ref().and_then(|reason| self.happened(reason, cause.as_ref()));
        let happened = happened.map(|happened| self.words.happened(happened));
        happened.into_iter().chain(cause.map(|cause| self.words.cause(&cause, self.scene()))).collect()
    }

    /// The error's cause, if the table has it.
    pub(super) fn cause(&self) -> Option<Cause> {
        let (method, error) = self.failure();
        match error {
            Some(error) => {
                let cause = Cause::of(&self.attempt(method), error);
                // Of one that was never there it is not said that it is there no longer.
                let is_new = self.report.reason == Some(Reason::NotFound);
                cause.filter(|cause| !is_new || *cause != Cause::Gone)
            }
            None => (self.report.reason == Some(Reason::Gone)).then_some(Cause::Gone),
        }
    }

    /// The operation's own error, or that of the call that failed.
    pub(super) fn failure(&self) -> (Method, Option<&ApiError>) {
        let report = self.report;
        let method = match (&report.facts.error, &report.reason) {
            (Some(error), _) => return (Method::Run, Some(error)),
            (None, Some(Reason::ListDenied | Reason::ListRefused)) => Method::List,
            (None, _) if report.outcome == Outcome::NotStarted || report.operation.is_none() => Method::Start,
            (None, _) => Method::Read,
        };
        (method, report.error.as_ref())
    }

    fn attempt(&self, method: Method) -> Attempt<'_> {
        let start = self.report.start.as_ref();
        Attempt {
            service: self.service(),
            api: self.service().api(),
            method,
            project: self.project(),
            database: self.resource().split('/').skip(1).step_by(2).nth(1),
            location: start.and_then(location).or(self.report.facts.prefix.as_deref()),
            start: start.or(self.report.origin.as_ref()).map(|start| start.method),
        }
    }

    /// Whether opwatch's service account made the calls, and not the login of a person in a terminal.
    pub(super) fn is_service(&self) -> bool {
        self.context.topic.is_some()
    }

    fn scene(&self) -> Scene<'_> {
        Scene { service: self.service().title(), is_service: self.is_service() }
    }

    /// The project and, for Firestore, the database, as in a path.
    fn resource(&self) -> &str {
        let of_operation = self.report.operation.as_ref().map(Operation::name);
        of_operation.or(self.report.start.as_ref().map(StartRequest::resource)).unwrap_or_default()
    }

    fn project(&self) -> &str {
        let of_operation = self.report.operation.as_ref().map(Operation::project);
        of_operation.or(self.report.start.as_ref().map(StartRequest::project)).unwrap_or_default()
    }

    /// What happened; none when the cause says it all.
    fn happened<'a>(&'a self, reason: &'a Reason, cause: Option<&Cause>) -> Option<Happened<'a>> {
        let service = self.service().title();
        let is_start = self.report.outcome == Outcome::NotStarted;
        Some(match reason {
            Reason::Gone if cause == Some(&Cause::Gone) => return None,
            Reason::NotFound if cause.is_none() => Happened::NotFound { service },
            Reason::Deleted => Happened::Deleted,
            Reason::Refused if is_start => Happened::Refused { service },
            Reason::Gone | Reason::NotFound | Reason::Denied | Reason::Refused => Happened::NotReadable,
            Reason::Unavailable if is_start => Happened::NotInTime,
            Reason::Unavailable => Happened::NotRead { service },
            Reason::UnknownState => {
                Happened::UnknownState { state: self.report.facts.state.as_deref().unwrap_or_default() }
            }
            Reason::NotAllowed { setting } => Happened::NotAllowed { setting },
            Reason::Late => Happened::Late,
            Reason::ListDenied | Reason::ListRefused => Happened::NotListed { service },
            Reason::EndedBefore { outcome } => Happened::EndedBefore { ending: outcome.ending() },
            Reason::GivenUp { deliveries } => Happened::GivenUp { deliveries: *deliveries },
            Reason::Unclear => Happened::Unclear,
            Reason::Limit { setting, most } if setting == "MAX_WATCHES_PER_MINUTE" => {
                Happened::TooManyWatches { most: *most }
            }
            Reason::Limit { setting, most } if setting == "MAX_ADOPTIONS_PER_MINUTE" => {
                Happened::TooManyAdoptions { most: *most }
            }
            Reason::Limit { setting, most } if setting == "MAX_NOTICES_PER_HOUR" => {
                Happened::TooManyNotices { most: *most }
            }
            Reason::Limit { most, .. } => Happened::TooManyStarts { most: *most, project: self.project() },
            Reason::Other => Happened::Other,
        })
    }
}

/// Where a start writes or reads.
fn location(start: &StartRequest) -> Option<&str> {
    let fields = ["outputUrlPrefix", "outputUriPrefix", "inputUrl", "inputUriPrefix"];
    fields.iter().find_map(|field| start.body.get(*field)?.as_str())
}
