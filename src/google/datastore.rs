//! Datastore over REST (<https://cloud.google.com/datastore/docs/reference/data/rest>): lookup, commit and query of entities, and
//! nothing of what they are for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, CallError, Google, Success};
use crate::net::endpoints::Api;
use crate::net::transport::Method;
use crate::services::ApiError;

/// An entity's properties by name, in Datastore's JSON.
pub type Properties = Map<String, Value>;

/// A database of a project.
#[derive(Clone, Copy, Debug)]
pub struct Database<'a> {
    /// The project.
    pub project: &'a str,
    /// Its ID; empty is the default one.
    pub id: &'a str,
}

/// An entity that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Its properties.
    pub properties: Properties,
    /// Which of its versions this is: a change is made to this one or not at all.
    pub version: String,
}

/// A change of one entity.
#[derive(Clone, Debug)]
pub struct Mutation(Value);

/// Which entities of a kind: those whose time `property` is `since` or later, the latest first. The index of a single property
/// serves it.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Where they belong.
    pub partition: &'a Value,
    /// Their kind.
    pub kind: &'a str,
    /// The property.
    pub property: &'a str,
    /// The earliest time; none has no limit.
    pub since: Option<DateTime<Utc>>,
    /// Where the page before ended; empty is the first page.
    pub cursor: &'a str,
    /// The most entities on a page.
    pub limit: u32,
}

/// A page of entities.
#[derive(Clone, Debug)]
pub struct Queried {
    /// Their properties.
    pub entities: Vec<Properties>,
    /// Where the next page begins; empty when there is none.
    pub cursor: String,
}

impl Mutation {
    /// Makes an entity; refused with `ALREADY_EXISTS` when there is one.
    pub fn insert(key: &Value, properties: &Properties) -> Self {
        Self(json!({"insert": {"key": key, "properties": properties}}))
    }

    /// Sets these properties of the entity's `version` and leaves its others alone. Name all that were found: the emulator
    /// removes the others.
    pub fn update(key: &Value, properties: &Properties, version: &str) -> Self {
        let paths: Vec<&String> = properties.keys().collect();
        Self(json!({
            "update": {"key": key, "properties": properties},
            "baseVersion": version,
            "propertyMask": {"paths": paths},
        }))
    }

    /// Puts these properties in place of all of the entity's `version`.
    pub fn replace(key: &Value, properties: &Properties, version: &str) -> Self {
        Self(json!({"update": {"key": key, "properties": properties}, "baseVersion": version}))
    }

    /// Makes an entity, or puts these properties in place of those it has.
    pub fn upsert(key: &Value, properties: &Properties) -> Self {
        Self(json!({"upsert": {"key": key, "properties": properties}}))
    }

    /// Deletes an entity, if it is there.
    pub fn delete(key: &Value) -> Self {
        Self(json!({"delete": key}))
    }
}

impl Query<'_> {
    fn body(&self) -> Value {
        let property = json!({"name": self.property});
        let mut query = json!({
            "kind": [{"name": self.kind}],
            "order": [{"property": property, "direction": "DESCENDING"}],
            "limit": self.limit,
        });
        let filter = self.since.map(|since| {
            let value = json!({"timestampValue": since.to_rfc3339()});
            json!({"propertyFilter": {"property": property, "op": "GREATER_THAN_OR_EQUAL", "value": value}})
        });
        let cursor = Some(self.cursor).filter(|cursor| !cursor.is_empty()).map(|cursor| json!(cursor));
        if let Some(query) = query.as_object_mut() {
            query.extend(filter.map(|filter| ("filter".to_owned(), filter)));
            query.extend(cursor.map(|cursor| ("startCursor".to_owned(), cursor)));
        }
        json!({"partitionId": self.partition, "query": query})
    }
}

#[derive(Deserialize)]
struct LookupAnswer {
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
struct CommitAnswer {
    #[serde(default, rename = "mutationResults")]
    results: Vec<MutationResult>,
}

#[derive(Deserialize)]
struct MutationResult {
    #[serde(default, rename = "conflictDetected")]
    conflict: bool,
}

#[derive(Deserialize)]
struct QueryAnswer {
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
    /// The entity with this key, if there is one.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn lookup(
        &self,
        database: Database<'_>,
        key: &Value,
        limit: Duration,
    ) -> Result<Option<Found>, CallError> {
        let answer = self.datastore(database, "lookup", json!({"keys": [key]}), limit).await?;
        let LookupAnswer { mut found, missing } = read(&answer)?;
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

    /// Makes these changes, all or none; says whether they were made: not when an entity has another version by now.
    ///
    /// # Errors
    /// When they were refused, or it is not known whether they were made.
    pub async fn commit(
        &self,
        database: Database<'_>,
        mutations: &[Mutation],
        limit: Duration,
    ) -> Result<bool, CallError> {
        let bodies: Vec<&Value> = mutations.iter().map(|Mutation(body)| body).collect();
        // No transaction is left open whose locks would hold up another instance.
        let body = json!({"mode": "NON_TRANSACTIONAL", "mutations": bodies});
        let answer = self.datastore(database, "commit", body, limit).await?;
        let results = read::<CommitAnswer>(&answer)?.results;
        if results.len() == mutations.len() {
            return Ok(!results.iter().any(|result| result.conflict));
        }
        Err(unreadable("the ledger response is not a commit", &answer))
    }

    /// A page of the entities that `query` asks for.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn query(
        &self,
        database: Database<'_>,
        query: Query<'_>,
        limit: Duration,
    ) -> Result<Queried, CallError> {
        let answer = self.datastore(database, "runQuery", query.body(), limit).await?;
        let Batch { entity_results, end_cursor } = read::<QueryAnswer>(&answer)?.batch;
        let is_last = entity_results.len() < query.limit as usize;
        let entities = entity_results.into_iter().map(|result| result.entity.properties).collect();
        Ok(Queried { entities, cursor: if is_last { String::new() } else { end_cursor } })
    }

    async fn datastore(
        &self,
        database: Database<'_>,
        method: &str,
        mut body: Value,
        limit: Duration,
    ) -> Result<Success, CallError> {
        if let Some(body) = body.as_object_mut().filter(|_| !database.id.is_empty()) {
            body.insert("databaseId".to_owned(), json!(database.id));
        }
        let path = format!("v1/projects/{}:{method}", database.project);
        let body = body.to_string().into_bytes();
        let call = Call {
            api: Api::Ledger,
            method: Method::Post,
            path: &path,
            body,
            repeatable: true,
            longest: None,
        };
        self.call(call, limit).await
    }
}

fn read<T: for<'de> Deserialize<'de>>(answer: &Success) -> Result<T, CallError> {
    let read = serde_json::from_slice(&answer.body);
    read.map_err(|error| unreadable(&format!("the ledger response could not be read: {error}"), answer))
}

fn unreadable(text: &str, answer: &Success) -> CallError {
    CallError::Unreadable { error: ApiError::of_text(text), date: answer.date }
}
