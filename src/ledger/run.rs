//! A run as the history shows it: an operation's entity, read back.

use chrono::{DateTime, Utc};

use super::entity::{integer_of, text_of, time_of};
use super::success::place;
use crate::google::Properties;

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The operation's name.
    pub operation: String,
    /// The service it belongs to.
    pub service: String,
    /// What Slack calls it.
    pub title: Option<String>,
    /// The service's word for the kind of work.
    pub work: Option<String>,
    /// What the watch came to, or `running`.
    pub outcome: Option<String>,
    /// When it began.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// When it was last seen.
    pub last_seen: Option<DateTime<Utc>>,
    /// Entities so far.
    pub entities: Option<u64>,
    /// Bytes so far.
    pub bytes: Option<u64>,
    /// Where it writes.
    pub prefix: Option<String>,
    /// Where the result lies.
    pub output: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

impl Run {
    /// Reads an entity; none without a name.
    pub fn read(properties: &Properties) -> Option<Self> {
        let text = |name| text_of(properties, name);
        Some(Self {
            operation: text("name")?,
            service: text("service").unwrap_or_default(),
            title: text("title"),
            work: text("type"),
            outcome: text("outcome"),
            start: time_of(properties, "start"),
            end: time_of(properties, "end"),
            last_seen: time_of(properties, "lastSeen"),
            entities: integer_of(properties, "entitiesCompleted"),
            bytes: integer_of(properties, "bytesCompleted"),
            prefix: text("outputUrlPrefix"),
            output: text("outputUrl"),
            error: text("errorText"),
        })
    }

    /// How long it ran, or has run when it was last seen.
    pub fn duration(&self) -> Option<std::time::Duration> {
        crate::services::shown_duration(self.start?, self.end.or(self.last_seen)?)
    }

    /// Whether two runs are of the same work: the same title, or without one the same place.
    pub fn is_like(&self, other: &Self) -> bool {
        let name = |run: &Self| run.title.clone().or_else(|| run.prefix.as_deref().map(place));
        (&self.service, &self.work, name(self)) == (&other.service, &other.work, name(other))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::record::merged;
    use super::super::record::tests::snapshot;
    use super::*;

    #[test]
    fn what_was_kept_reads_back() {
        let entity = merged(None, &snapshot(0), TimeDelta::days(1)).unwrap();
        let run = Run::read(&entity).unwrap();
        assert_eq!((run.operation.as_str(), run.service.as_str()), ("projects/p/operations/x", "datastore"));
        assert_eq!((run.title.as_deref(), run.outcome.as_deref()), (Some("Nightly"), Some("running")));
        assert_eq!((run.entities, run.duration()), (Some(5), None));
        assert_eq!(Run::read(&Properties::new()), None);
        assert!(run.is_like(&run));
        let other =
            Run { title: None, prefix: Some("gs://b/2026-11-23T03:00:12_1".to_owned()), ..run.clone() };
        assert!(!run.is_like(&other));
        assert!(other.is_like(&Run { prefix: Some("gs://b".to_owned()), ..other.clone() }));
    }
}
