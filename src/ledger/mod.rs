//! The ledger: what was seen of each operation, kept in Datastore, and which reports were sent. Off by default: no watch
//! needs it, and none waits for it.
//!
//! Entities to and from JSON, who may send a report and the comparison with the run before are pure; `protocol` reads and
//! writes them through [`crate::google`].

mod claim;
mod comparison;
mod entity;
mod protocol;
mod record;
mod run;
mod success;

pub use claim::{Claim, LEASE, LeaseState};
pub use comparison::Comparison;
pub use protocol::ClaimOf;
pub use record::{Snapshot, merged};
pub use run::Run;
pub use success::{RunBaseline, Success, work, work_of};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::hash::{sha1, short_hash};

/// Where the ledger is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The kind of an operation's entity; the other kinds begin with it.
    pub kind: String,
    /// The project.
    pub project: String,
    /// The namespace; empty is the default one.
    pub namespace: String,
    /// The database; empty is the default one.
    pub database: String,
    /// How long an entity is kept, once a TTL policy on `expires` is there.
    pub keep: TimeDelta,
}

impl Ledger {
    /// The key of the entity of the operation with this name: the name's SHA-1 in hex, as in the system that opwatch
    /// replaces.
    pub fn operation_key(&self, name: &str) -> Value {
        self.key("", &sha1(name))
    }

    /// The key of the claim on a report, which has the name of the report's first task.
    pub fn claim_key(&self, report: &str) -> Value {
        self.key("Claim", report)
    }

    /// The key of the last success of this work: `parts` are what makes it the same.
    pub fn success_key(&self, parts: &[&str]) -> Value {
        self.key("Last", &short_hash(parts))
    }

    /// Where keys and queries belong.
    pub fn partition(&self) -> Value {
        let mut partition = json!({"projectId": self.project});
        let named = [("namespaceId", &self.namespace), ("databaseId", &self.database)];
        for (field, id) in named.into_iter().filter(|(_, id)| !id.is_empty()) {
            partition.as_object_mut().map(|partition| partition.insert(field.to_owned(), json!(id)));
        }
        partition
    }

    fn key(&self, suffix: &str, name: &str) -> Value {
        let kind = format!("{}{suffix}", self.kind);
        json!({"partitionId": self.partition(), "path": [{"kind": kind, "name": name}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(namespace: &str, database: &str) -> Ledger {
        Ledger {
            kind: "Opwatch".to_owned(),
            project: "p".to_owned(),
            namespace: namespace.to_owned(),
            database: database.to_owned(),
            keep: TimeDelta::days(400),
        }
    }

    #[test]
    fn an_operation_is_kept_under_its_names_sha1() {
        // printf projects/p/operations/x | sha1sum
        let name = "fc0727e07e71529eff8b2a0e4b266b0ac37030e0";
        let key = ledger("", "").operation_key("projects/p/operations/x");
        assert_eq!(
            key,
            json!({"partitionId": {"projectId": "p"}, "path": [{"kind": "Opwatch", "name": name}]})
        );
    }

    #[test]
    fn each_kind_of_entity_has_its_own_kind_and_the_partition_that_is_set() {
        let ledger = ledger("n", "d");
        let partition = json!({"projectId": "p", "namespaceId": "n", "databaseId": "d"});
        let claim = ledger.claim_key("abc");
        assert_eq!(
            claim,
            json!({"partitionId": partition, "path": [{"kind": "OpwatchClaim", "name": "abc"}]})
        );
        assert_eq!(ledger.success_key(&["a"])["path"][0]["kind"], "OpwatchLast");
        assert_ne!(ledger.success_key(&["a"]), ledger.success_key(&["b"]));
    }
}
