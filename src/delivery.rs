//! One delivery of a message, as `intake` hands it to `runner`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::trust::Origin;

/// One delivery of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id, unique within its topic and the same at each delivery.
    pub message_id: String,
    /// When it was published, by Google's clock.
    pub published: Option<DateTime<Utc>>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its data, or why there is none.
    pub data: Result<Vec<u8>, NotBase64>,
    /// Who can have written it.
    pub origin: Origin,
}

/// The data is not base64: as much of it as is worth showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotBase64(pub String);
