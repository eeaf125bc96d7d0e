//! From an entry of the audit log to its signal.

use super::entry::{self, Entry};
use super::named::{self, Named};
use super::{Notification, Phase, Signal, Unusable};
use crate::policy::Policy;
use crate::text::{self, cut, line};

/// The attribute that every message of a log sink has.
const TIMESTAMP: &str = "logging.googleapis.com/timestamp";
/// The longest name of a method or an account, in characters.
const MAX_NAME: usize = 320;

/// Reads an entry.
pub(super) fn read(notification: &Notification<'_>, policy: &Policy) -> Result<Signal, Unusable> {
    signal(&entry::open(notification, policy)?, notification)
}

fn signal(entry: &Entry<'_>, notification: &Notification<'_>) -> Result<Signal, Unusable> {
    let phase = entry.phase();
    let is_refused = !matches!(entry.payload("status.code").as_str(), "" | "0");
    let phase = match phase {
        None | Some(Phase::Started) if is_refused => return Err(Unusable::Refused),
        None => return Err(Unusable::NoOperation),
        Some(phase) => phase,
    };
    let Named { operation, project } = named::of_entry(entry).ok_or(Unusable::NoOperation)?;
    // PROJECTS bounds names without a project by the log that the entry is in.
    if operation.part("project").is_none() && !project.is_empty() && !entry.policy.permits_project(&project) {
        return Err(Unusable::NotAllowed);
    }
    let attribute = || notification.attributes.get(TIMESTAMP).and_then(|time| text::time(time));
    let short = |text: String| Some(line(cut(&text, MAX_NAME))).filter(|text| !text.is_empty());
    Ok(Signal {
        operation,
        phase,
        at: text::time(&entry.text("timestamp")).or_else(attribute).unwrap_or(notification.published),
        principal: short(entry.payload("authenticationInfo.principalEmail")),
        method: short(entry.method.clone()),
    })
}
