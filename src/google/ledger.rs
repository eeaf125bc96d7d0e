//! The ledger's calls: Datastore over REST (<https://cloud.google.com/datastore/docs/reference/data/rest>).
//!
//! A change names the version that it was made from and is not made to another, so no transaction is left open whose locks
//! would hold up somebody else.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, CallError, Google, Success};
use crate::ledger::{Claim, Found, Ledger, Properties, Run, Sighting, Standing, merged};
use crate::net::endpoints::Api;
use crate::net::transport::Method;
use crate::services::{ApiError, Status};

/// How many entities one call of the history reads: an entity may have 10 kB, an answer a MiB.
const PAGE: u32 = 50;
/// How often a change is tried that another one comes before.
const TRIES: usize = 2;

#[derive(Deserialize)]
struct LookedUp {
    #[serde(default)]
    found: Vec<EntityResult>,
    #[serde(default)]
    missing: Vec<Value>,
}

#[derive(Deserialize)]
struct EntityResult {
    entity: Entity,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Entity {
    #[serde(default)]
    properties: Properties,
}

#[derive(Deserialize)]
struct Committed {
    #[serde(default, rename = "mutationResults")]
    results: Vec<MutationResult>,
}

#[derive(Deserialize)]
struct MutationResult {
    #[serde(default, rename = "conflictDetected")]
    conflict: bool,
}

#[derive(Deserialize)]
struct Queried {
    batch: Batch,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    #[serde(default)]
    entity_results: Vec<EntityResult>,
    #[serde(default)]
    end_cursor: String,
}

impl Google {
    /// Keeps `sighting`: what else its entity holds stays.
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub async fn keep(&self, ledger: &Ledger, sighting: &Sighting, limit: Duration) -> Result<(), CallError> {
        let key = ledger.operation_key(sighting.operation.name());
        for _ in 0..TRIES {
            let found = self.ledger_entity(ledger, &key, limit).await?;
            let known = found.as_ref().map(|found| &found.properties);
            let Some(properties) = merged(known, sighting, ledger.keep) else { return Ok(()) };
            // What is not named here is left alone. All that was found is named and written back, since the emulator
            // removes what is not.
            let mask: Vec<&String> = properties.keys().collect();
            let mask = json!({"paths": mask});
            let entity = json!({"key": key, "properties": properties});
            let mutation = match &found {
                Some(found) => {
                    json!({"update": entity, "baseVersion": found.version, "propertyMask": mask})
                }
                None => json!({"insert": entity}),
            };
            match self.commit(ledger, &[mutation], limit).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(error),
            }
        }
        // Other looks were written meanwhile, which showed no less.
        Ok(())
    }

    /// Takes the claim on the report with this name for `owner`, unless somebody else has it. It is its owner's for
    /// [`crate::ledger::LEASE`].
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub async fn claim(
        &self,
        ledger: &Ledger,
        report: &str,
        owner: &str,
        now: DateTime<Utc>,
        limit: Duration,
    ) -> Result<Standing, CallError> {
        let key = ledger.claim_key(report);
        let entity = json!({"key": key, "properties": Claim::new(owner, now).properties(now)});
        for _ in 0..TRIES {
            match self.commit(ledger, &[json!({"insert": entity})], limit).await {
                Ok(_) => return Ok(Standing::Mine),
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(error),
            }
            // Gone again: whoever had it let it go.
            let Some(found) = self.ledger_entity(ledger, &key, limit).await? else { continue };
            let standing = Claim::read(&found.properties).standing(owner, now);
            if standing != Standing::Lapsed {
                return Ok(standing);
            }
            let update = json!({"update": entity, "baseVersion": found.version});
            match self.commit(ledger, &[update], limit).await {
                Ok(true) => return Ok(Standing::Mine),
                Ok(false) => {}
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let left = crate::ledger::LEASE.to_std().unwrap_or_default();
        Ok(Standing::Held(left))
    }

    /// Writes that Slack has the report and, in the same commit, what the next run is compared with.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub async fn mark_sent(
        &self,
        ledger: &Ledger,
        (report, owner): (&str, &str),
        success: Option<(Value, Properties)>,
        now: DateTime<Utc>,
        limit: Duration,
    ) -> Result<(), CallError> {
        let sent = Claim::sent(owner).properties(now);
        let entities = std::iter::once((ledger.claim_key(report), sent)).chain(success);
        let mutations: Vec<Value> = entities
            .map(|(key, properties)| json!({"upsert": {"key": key, "properties": properties}}))
            .collect();
        self.commit(ledger, &mutations, limit).await.map(|_| ())
    }

    /// Lets a claim go, so that the next try need not wait for the end of its lease.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub async fn release(&self, ledger: &Ledger, report: &str, limit: Duration) -> Result<(), CallError> {
        let mutation = json!({"delete": ledger.claim_key(report)});
        self.commit(ledger, &[mutation], limit).await.map(|_| ())
    }

    /// The entity with this key, if there is one.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn ledger_entity(
        &self,
        ledger: &Ledger,
        key: &Value,
        limit: Duration,
    ) -> Result<Option<Found>, CallError> {
        let answer = self.ledger_call(ledger, "lookup", json!({"keys": [key]}), limit).await?;
        let LookedUp { mut found, missing } = read(&answer)?;
        match found.pop() {
            Some(EntityResult { entity, version }) => {
                Ok(Some(Found { properties: entity.properties, version }))
            }
            None if missing.is_empty() => {
                Err(unreadable("the ledger response has neither found nor missing entities", &answer))
            }
            None => Ok(None),
        }
    }

    /// The runs that were last seen at `since` or later, the newest first, as long as `wanted` wants more. The index of
    /// a single property serves it.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn runs(
        &self,
        ledger: &Ledger,
        since: Option<DateTime<Utc>>,
        mut wanted: impl FnMut(Run) -> bool,
        limit: Duration,
    ) -> Result<(), CallError> {
        let mut cursor = String::new();
        loop {
            let body = json!({"partitionId": ledger.partition(), "query": query(ledger, since, &cursor)});
            let answer = self.ledger_call(ledger, "runQuery", body, limit).await?;
            let Batch { entity_results, end_cursor } = read::<Queried>(&answer)?.batch;
            let is_last = entity_results.len() < PAGE as usize || end_cursor.is_empty();
            let mut runs = entity_results.iter().filter_map(|result| Run::read(&result.entity.properties));
            if !runs.all(&mut wanted) || is_last {
                return Ok(());
            }
            cursor = end_cursor;
        }
    }

    /// Whether the change was made: not when the entity has another version by now.
    async fn commit(&self, ledger: &Ledger, mutations: &[Value], limit: Duration) -> Result<bool, CallError> {
        let body = json!({"mode": "NON_TRANSACTIONAL", "mutations": mutations});
        let answer = self.ledger_call(ledger, "commit", body, limit).await?;
        let results = read::<Committed>(&answer)?.results;
        if results.len() == mutations.len() {
            return Ok(!results.iter().any(|result| result.conflict));
        }
        Err(unreadable("the ledger response is not a commit", &answer))
    }

    async fn ledger_call(
        &self,
        ledger: &Ledger,
        method: &str,
        mut body: Value,
        limit: Duration,
    ) -> Result<Success, CallError> {
        if !ledger.database.is_empty() {
            let database = json!(ledger.database);
            body.as_object_mut().map(|body: &mut Map<_, _>| body.insert("databaseId".to_owned(), database));
        }
        let path = format!("v1/projects/{}:{method}", ledger.project);
        let body = body.to_string().into_bytes();
        let call = Call { api: Api::Ledger, method: Method::Post, path: &path, body, repeatable: true };
        self.call(call, limit).await
    }
}

/// The newest entities first, from `cursor` on unless that is empty.
fn query(ledger: &Ledger, since: Option<DateTime<Utc>>, cursor: &str) -> Value {
    let property = json!({"name": "lastSeen"});
    let mut query = json!({
        "kind": [{"name": ledger.kind}],
        "order": [{"property": property, "direction": "DESCENDING"}],
        "limit": PAGE,
    });
    let filter = since.map(|since| {
        let value = json!({"timestampValue": since.to_rfc3339()});
        json!({"propertyFilter": {"property": property, "op": "GREATER_THAN_OR_EQUAL", "value": value}})
    });
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty()).map(|cursor| json!(cursor));
    if let Some(query) = query.as_object_mut() {
        query.extend(filter.map(|filter| ("filter".to_owned(), filter)));
        query.extend(cursor.map(|cursor| ("startCursor".to_owned(), cursor)));
    }
    query
}

/// Somebody else was first.
fn is_taken(error: &CallError) -> bool {
    matches!(error.status(), Status::AlreadyExists | Status::Aborted | Status::NotFound)
}

fn read<T: for<'de> Deserialize<'de>>(answer: &Success) -> Result<T, CallError> {
    let read = serde_json::from_slice(&answer.body);
    read.map_err(|error| unreadable(&format!("the ledger response could not be read: {error}"), answer))
}

fn unreadable(text: &str, answer: &Success) -> CallError {
    CallError::Unreadable { error: ApiError::of_text(text), date: answer.date }
}
