//! The request that starts an operation, what Google demands of it, and where it writes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::google::Refusal;
use super::plan::Dialect;
use super::time::stamp;

/// The body of any of the four methods that start an operation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Start {
    output_url_prefix: Option<String>,
    input_url: Option<String>,
    entity_filter: Option<EntityFilter>,
    labels: Option<BTreeMap<String, String>>,
    output_uri_prefix: Option<String>,
    input_uri_prefix: Option<String>,
    collection_ids: Option<Vec<String>>,
    namespace_ids: Option<Vec<String>>,
    snapshot_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EntityFilter {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    namespace_ids: Vec<String>,
}

impl Start {
    /// The labels, refused when they break Google's rules.
    pub(super) fn labels(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let labels = self.labels.clone().unwrap_or_default();
        check_labels(&labels)?;
        Ok(labels)
    }

    /// The bucket and the request in the words of `metadata`. A field that the method does not know is refused.
    pub(super) fn metadata(
        self,
        dialect: Dialect,
        import: bool,
    ) -> Result<(String, Map<String, Value>), Refusal> {
        let (name, prefix) = match (dialect, import) {
            (Dialect::Datastore, false) => ("outputUrlPrefix", &self.output_url_prefix),
            (Dialect::Datastore, true) => ("inputUrl", &self.input_url),
            (Dialect::Firestore, false) => ("outputUriPrefix", &self.output_uri_prefix),
            (Dialect::Firestore, true) => ("inputUriPrefix", &self.input_uri_prefix),
        };
        // What a person wrote in a kickoff: wrong, but no fault of the caller.
        let Some(prefix) = prefix.clone().filter(|prefix| is_bucket(prefix)) else {
            return Err(Refusal::expected(400, "INVALID_ARGUMENT", format!("Invalid {name}.")));
        };
        let firestore = dialect == Dialect::Firestore;
        let given = [
            ("outputUrlPrefix", self.output_url_prefix.map(Value::from), !firestore && !import),
            ("inputUrl", self.input_url.map(Value::from), !firestore && import),
            ("entityFilter", self.entity_filter.map(|filter| json!(filter)), !firestore),
            ("labels", self.labels.map(|labels| json!(labels)), !firestore),
            ("outputUriPrefix", self.output_uri_prefix.map(Value::from), firestore && !import),
            ("inputUriPrefix", self.input_uri_prefix.map(Value::from), firestore && import),
            ("collectionIds", self.collection_ids.map(Value::from), firestore),
            ("namespaceIds", self.namespace_ids.map(Value::from), firestore),
            ("snapshotTime", self.snapshot_time.map(|at| json!(stamp(at))), firestore && !import),
        ];
        let mut fields = Map::new();
        for (name, value, known) in given {
            match value {
                None => {}
                Some(_) if !known => {
                    return Err(Refusal::invalid(format!("Unknown name \"{name}\": Cannot find field.")));
                }
                // Labels are shown in `common`.
                Some(_) if name == "labels" => {}
                Some(value) => {
                    fields.insert(name.to_owned(), value);
                }
            }
        }
        Ok((prefix, fields))
    }
}

fn is_bucket(prefix: &str) -> bool {
    prefix.strip_prefix("gs://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// Google's rules for labels.
fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let fits = |text: &str| {
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        text.len() <= 63 && text.bytes().all(known)
    };
    let begins = |key: &str| key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    match labels.iter().find(|(key, value)| !(begins(key) && fits(key) && fits(value))) {
        Some((key, value)) => Err(Refusal::invalid(format!("Invalid label {key}={value}."))),
        None => Ok(()),
    }
}

/// Where exports write: each to its own folder.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    used: BTreeSet<String>,
    made: usize,
}

/// Where one export writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    /// The folder, `gs://BUCKET/PATH`.
    pub(super) folder: String,
    /// The file that describes the export.
    pub(super) file: String,
}

impl Outputs {
    /// Where an export to `prefix` that begins at `start_time` writes. A bucket alone gets a folder with the time
    /// (<https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases/exportDocuments>). A folder is
    /// taken as it is, once: a second export there is refused in the words that people report
    /// (<https://github.com/htsuruo/firebase-extensions/pull/8>). Whether Datastore does the same its reference leaves
    /// open, so here it does. Neither says that the path of an export that failed can be used again.
    pub(super) fn take(&mut self, prefix: &str, start_time: DateTime<Utc>) -> Result<Output, Refusal> {
        let prefix = prefix.trim_end_matches('/');
        let path = prefix.strip_prefix("gs://").unwrap_or(prefix);
        let folder = if path.contains('/') {
            prefix.to_owned()
        } else {
            self.made += 1;
            format!("{prefix}/{}_{:05}", start_time.format("%Y-%m-%dT%H:%M:%SZ"), self.made % 100_000)
        };
        let name = folder.rsplit('/').next().unwrap_or_default();
        let file = format!("{folder}/{name}.overall_export_metadata");
        if !self.used.insert(folder.clone()) {
            let path = file.strip_prefix("gs:/").unwrap_or(&file);
            let text = format!("Path already exists: {path}");
            return Err(Refusal::expected(400, "INVALID_ARGUMENT", text));
        }
        Ok(Output { folder, file })
    }
}
