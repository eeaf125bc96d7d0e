//! What doctor found out about one thing, and how to fix it.

use crate::google::CallError;
use crate::net::transport::Failure;
use crate::prose::locale::Scene;
use crate::services::{Attempt, Cause};
use crate::terminal;
use crate::watch::Locale;

/// One thing that was checked.
pub(super) struct Finding {
    what: String,
    verdict: Verdict,
}

enum Verdict {
    Good,
    /// It could not be checked: why, and what to do.
    Unchecked(String, String),
    /// What is wrong, and how to fix it.
    Bad(String, String),
}

impl Finding {
    pub(super) fn good(what: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Good }
    }

    pub(super) fn unchecked(what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Unchecked(why.into(), fix.into()) }
    }

    pub(super) fn bad(what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Bad(why.into(), fix.into()) }
    }

    /// Whether nothing is known to be wrong.
    pub(super) fn is_good(&self) -> bool {
        !matches!(self.verdict, Verdict::Bad(..))
    }

    pub(super) fn print(&self) {
        let (word, why, fix) = match &self.verdict {
            Verdict::Good => return terminal::line(format_args!("ok    {}", self.what)),
            Verdict::Unchecked(why, fix) => ("warn", why, fix),
            Verdict::Bad(why, fix) => ("FAIL", why, fix),
        };
        let fix = fix.replace('\n', "\n           ");
        terminal::line(format_args!("{word}  {}: {why}\n      fix: {fix}", self.what));
    }
}

pub(super) fn permission(
    granted: Result<bool, CallError>,
    (api, attempt): (&str, Attempt<'_>),
    what: String,
    grant: String,
) -> Finding {
    match granted {
        Ok(true) => Finding::good(what),
        Ok(false) => Finding::bad(what, "does not exist, or permission denied", grant),
        Err(error) if error.http() == Some(404) => Finding::bad(what, error.to_string(), grant),
        Err(error) => Finding::bad(what, error.to_string(), fix(&error, api, &attempt, Some(grant))),
    }
}

/// How to fix the cause of an error of the API that people call `api`. `grant` is for what is not permitted; without one
/// the role is granted that opwatch needs for operations.
pub(super) fn fix(error: &CallError, api: &str, attempt: &Attempt<'_>, grant: Option<String>) -> String {
    let again = || match error.retry_after() {
        Some(wait) => format!("run doctor again in {} s", wait.as_secs()),
        None => "run doctor again".to_owned(),
    };
    if let Some(cause) = cause(error, attempt) {
        if let (Cause::CallerLacks { .. }, Some(grant)) = (&cause, grant) {
            return grant;
        }
        let sentence = Locale::En.words().cause(&cause, Scene { service: api, is_service: true });
        let retry = error.is_transient().then(again);
        let lines = [Some(sentence), cause.command(true), retry];
        return lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    }
    match error {
        CallError::NoToken(_) => "get an access token first (see above)".to_owned(),
        CallError::NoAnswer(Failure::NotConnected(_)) => {
            "connect to the network first: this machine can't reach Google".to_owned()
        }
        error if error.http() == Some(401) => {
            "run doctor again; if that fails, the access token is invalid: get a new one".to_owned()
        }
        error if error.is_transient() => again(),
        CallError::NoAnswer(_) | CallError::Unreadable { .. } | CallError::Refused(_) => {
            "check the setting that names it; see the error for details".to_owned()
        }
    }
}

/// The cause of `error`; only a refusal has one.
pub(super) fn cause(error: &CallError, attempt: &Attempt<'_>) -> Option<Cause> {
    Cause::of(attempt, &error.refusal()?.error)
}
