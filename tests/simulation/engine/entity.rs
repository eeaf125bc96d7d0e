//! Datastore's requests as they are on the wire: read strictly, so that what the service would refuse is seen.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::world::moment;

/// A text that is indexed, and a name, have so many bytes at most.
pub(crate) const LONGEST: usize = 1_500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    pub(crate) keys: [Key; 1],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commit<'a> {
    pub(crate) mode: &'a str,
    #[serde(borrow)]
    pub(crate) mutations: Vec<Mutation<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Mutation<'a> {
    #[serde(borrow)]
    pub(crate) insert: Option<Entity<'a>>,
    pub(crate) update: Option<Entity<'a>>,
    pub(crate) upsert: Option<Entity<'a>>,
    pub(crate) delete: Option<Key>,
    pub(crate) base_version: Option<&'a str>,
    pub(crate) property_mask: Option<Mask<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entity<'a> {
    pub(crate) key: Key,
    #[serde(borrow)]
    pub(crate) properties: Option<&'a RawValue>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) partition_id: Partition,
    pub(crate) path: [Element; 1],
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Partition {
    pub(crate) project_id: String,
    pub(crate) namespace_id: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Element {
    pub(crate) kind: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mask<'a> {
    #[serde(borrow)]
    pub(crate) paths: Vec<&'a str>,
}

pub(crate) type Properties<'a> = BTreeMap<&'a str, Typed<'a>>;

/// A value, which has one type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Typed<'a> {
    #[serde(borrow)]
    pub(crate) string_value: Option<Cow<'a, str>>,
    pub(crate) boolean_value: Option<bool>,
    pub(crate) timestamp_value: Option<&'a str>,
    integer_value: Option<&'a str>,
    entity_value: Option<Nested<'a>>,
    array_value: Option<Array<'a>>,
    #[serde(default)]
    exclude_from_indexes: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nested<'a> {
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Array<'a> {
    #[serde(borrow)]
    values: Vec<Typed<'a>>,
}

pub(crate) fn check_properties(properties: &Properties<'_>) -> Result<(), String> {
    for (name, value) in properties {
        if name.is_empty() || name.len() > LONGEST || name.starts_with("__") {
            return Err(format!("the property {name:?}"));
        }
        value.check().map_err(|wrong| format!("{name}: {wrong}"))?;
    }
    Ok(())
}

impl Typed<'_> {
    fn check(&self) -> Result<(), String> {
        let types = [
            self.string_value.is_some(),
            self.boolean_value.is_some(),
            self.timestamp_value.is_some(),
            self.integer_value.is_some(),
            self.entity_value.is_some(),
            self.array_value.is_some(),
        ];
        if types.into_iter().filter(|is| *is).count() != 1 {
            return Err("a value without one type".to_owned());
        }
        let long = self.string_value.as_ref().is_some_and(|text| text.len() > LONGEST);
        let dated = |text: &str| text.ends_with('Z') && moment(text).is_some();
        if long && !self.exclude_from_indexes
            || self.timestamp_value.is_some_and(|text| !dated(text))
            || self.integer_value.is_some_and(|text| text.parse::<i64>().is_err())
        {
            return Err("a text that is too long to be indexed, no time, or no number".to_owned());
        }
        for value in self.array_value.iter().flat_map(|array| &array.values) {
            if value.array_value.is_some() {
                return Err("an array in an array".to_owned());
            }
            value.check()?;
        }
        self.entity_value.as_ref().map_or(Ok(()), |entity| check_properties(&entity.properties))
    }
}
