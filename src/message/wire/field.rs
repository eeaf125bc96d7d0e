//! A field that people may write, with whatever value it has: the reader says what is wrong with it, by its name.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A text.
pub(in crate::message) type Text<'a> = Cow<'a, str>;
/// A JSON object.
pub(in crate::message) type Object<'a> = Cow<'a, Map<String, Value>>;

/// A field of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::message) enum Field<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It has the type that it should have.
    Is(T),
    /// It has another type; `null` is one.
    Other(Value),
}

/// A type that a field can have.
pub(in crate::message) trait Form: Sized {
    /// `value` as this type.
    ///
    /// # Errors
    /// With the value, when it is of another type.
    fn of(value: Value) -> Result<Self, Value>;
}

impl<T> Field<T> {
    pub(in crate::message) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The field, which is absent from then on.
    pub(in crate::message) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Its value, if it has the type that it should have.
    pub(in crate::message) fn ok(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Other(_) => None,
        }
    }
}

impl<T: Form> Field<T> {
    /// The field with this value, which is moved: to deserialize an object would build it anew.
    pub(super) fn of(value: Option<Value>) -> Self {
        match value.map(T::of) {
            None => Self::Absent,
            Some(Ok(value)) => Self::Is(value),
            Some(Err(value)) => Self::Other(value),
        }
    }
}

impl<T> From<Option<T>> for Field<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Is)
    }
}

impl<'de, T: Form> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(Some(Value::deserialize(deserializer)?)))
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(value) => value.serialize(serializer),
            Self::Other(value) => value.serialize(serializer),
            // No part of a message writes these.
            Self::Absent => serializer.serialize_unit(),
        }
    }
}

impl Form for Text<'_> {
    fn of(value: Value) -> Result<Self, Value> {
        if let Value::String(text) = value { Ok(Cow::Owned(text)) } else { Err(value) }
    }
}

impl Form for Object<'_> {
    fn of(value: Value) -> Result<Self, Value> {
        if let Value::Object(object) = value { Ok(Cow::Owned(object)) } else { Err(value) }
    }
}

/// A list of texts.
impl Form for Vec<Text<'_>> {
    fn of(value: Value) -> Result<Self, Value> {
        let Value::Array(items) = &value else { return Err(value) };
        let texts = items.iter().map(|item| item.as_str().map(|text| Cow::Owned(text.to_owned())));
        texts.collect::<Option<_>>().ok_or(value)
    }
}

impl Form for u64 {
    fn of(value: Value) -> Result<Self, Value> {
        value.as_u64().ok_or(value)
    }
}

impl Form for bool {
    fn of(value: Value) -> Result<Self, Value> {
        value.as_bool().ok_or(value)
    }
}

/// The schema of a field is that of the type that it should have.
#[cfg(test)]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
