//! What is read and written, and in which order: a change names the version that it was made from, and one that another change
//! came before is made anew.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Claim, LEASE, LeaseState, Ledger, Run, RunBaseline, Snapshot, merged};
use crate::google::{CallError, Database, Google, Mutation, Properties, Query};
use crate::services::Status;

/// How many entities one call of the history reads: an entity may have 10 kB, a response 1 MiB.
const PAGE: u32 = 50;
/// How often a change is tried that another one comes before.
const TRIES: usize = 2;

/// Which claim: the name of the report, and who claims it.
#[derive(Clone, Copy, Debug)]
pub struct ClaimOf<'a> {
    /// The name of the report's first task.
    pub report: &'a str,
    /// The same for no two deliveries.
    pub owner: &'a str,
}

impl Ledger {
    /// Keeps `snapshot`: what else its entity holds stays.
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub async fn keep(&self, google: &Google, snapshot: &Snapshot, limit: Duration) -> Result<(), CallError> {
        let key = self.operation_key(snapshot.operation.name());
        for _ in 0..TRIES {
            let found = google.lookup(self.database(), &key, limit).await?;
            let known = found.as_ref().map(|found| &found.properties);
            let Some(properties) = merged(known, snapshot, self.keep) else { return Ok(()) };
            let change = match &found {
                Some(found) => Mutation::update(&key, &properties, &found.version),
                None => Mutation::insert(&key, &properties),
            };
            if self.change(google, change, limit).await? {
                return Ok(());
            }
        }
        // Other looks were written meanwhile, which showed no less.
        Ok(())
    }

    /// Takes a claim, unless another delivery has it. It is its owner's for [`LEASE`].
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub async fn claim(
        &self,
        google: &Google,
        claim: ClaimOf<'_>,
        now: DateTime<Utc>,
        limit: Duration,
    ) -> Result<LeaseState, CallError> {
        let key = self.claim_key(claim.report);
        let properties = Claim::new(claim.owner, now).properties(now);
        for _ in 0..TRIES {
            if self.change(google, Mutation::insert(&key, &properties), limit).await? {
                return Ok(LeaseState::Mine);
            }
            // Gone again: its owner released it.
            let Some(found) = google.lookup(self.database(), &key, limit).await? else { continue };
            let standing = Claim::read(&found.properties).standing(claim.owner, now);
            if standing != LeaseState::Lapsed {
                return Ok(standing);
            }
            let change = Mutation::replace(&key, &properties, &found.version);
            if self.change(google, change, limit).await? {
                return Ok(LeaseState::Mine);
            }
        }
        Ok(LeaseState::Held(LEASE.to_std().unwrap_or_default()))
    }

    /// Writes that the report was sent and, in the same commit, what the next run is compared with.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub async fn mark_sent(
        &self,
        google: &Google,
        claim: ClaimOf<'_>,
        success: Option<(Value, Properties)>,
        now: DateTime<Utc>,
        limit: Duration,
    ) -> Result<(), CallError> {
        let sent = Claim::sent(claim.owner).properties(now);
        let entities = std::iter::once((self.claim_key(claim.report), sent)).chain(success);
        let changes: Vec<_> = entities.map(|(key, properties)| Mutation::upsert(&key, &properties)).collect();
        google.commit(self.database(), &changes, limit).await.map(|_| ())
    }

    /// Releases a claim, so that the next try need not wait for the end of its lease.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub async fn release(&self, google: &Google, report: &str, limit: Duration) -> Result<(), CallError> {
        let change = Mutation::delete(&self.claim_key(report));
        google.commit(self.database(), &[change], limit).await.map(|_| ())
    }

    /// The last success under this key, and the one before.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn remembered(
        &self,
        google: &Google,
        key: &Value,
        limit: Duration,
    ) -> Result<Option<RunBaseline>, CallError> {
        let found = google.lookup(self.database(), key, limit).await?;
        Ok(found.and_then(|found| RunBaseline::read(&found.properties)))
    }

    /// Reads an entity that need not be there: whether the ledger can be read.
    ///
    /// # Errors
    /// When it can't.
    pub async fn probe(&self, google: &Google, limit: Duration) -> Result<(), CallError> {
        google.lookup(self.database(), &self.claim_key("doctor"), limit).await.map(|_| ())
    }

    /// Reads the runs that were last seen at `since` or later, the newest first, as long as `wanted` wants more.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn runs(
        &self,
        google: &Google,
        since: Option<DateTime<Utc>>,
        mut wanted: impl FnMut(Run) -> bool,
        limit: Duration,
    ) -> Result<(), CallError> {
        let (partition, mut cursor) = (self.partition(), String::new());
        loop {
            let query = Query {
                partition: &partition,
                kind: &self.kind,
                property: "lastSeen",
                since,
                cursor: &cursor,
                limit: PAGE,
            };
            let page = google.query(self.database(), query, limit).await?;
            let mut runs = page.entities.iter().filter_map(Run::read);
            if !runs.all(&mut wanted) || page.cursor.is_empty() {
                return Ok(());
            }
            cursor = page.cursor;
        }
    }

    fn database(&self) -> Database<'_> {
        Database { project: &self.project, id: &self.database }
    }

    /// Makes a change that expects something of its entity; says whether it was made: not when another one came before.
    async fn change(&self, google: &Google, change: Mutation, limit: Duration) -> Result<bool, CallError> {
        match google.commit(self.database(), &[change], limit).await {
            Err(error)
                if matches!(error.status(), Status::AlreadyExists | Status::Aborted | Status::NotFound) =>
            {
                Ok(false)
            }
            made => made,
        }
    }
}
