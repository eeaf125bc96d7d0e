//! A wrapped Pub/Sub push: <https://cloud.google.com/pubsub/docs/push>.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::delivery::{Delivery, NotBase64};
use crate::text;
use crate::trust::{Misdirected, Route, Source, Trust};

/// A wrapped push. Nothing reads its message before it is known who can have written it: see [`Push::deliver`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push<'a> {
    subscription: Cow<'a, str>,
    message_id: String,
    published: Option<DateTime<Utc>>,
    attributes: BTreeMap<String, String>,
    data: Result<Vec<u8>, NotBase64>,
}

/// The body is no wrapped push: what is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPush {
    /// It is no JSON object with a `message`.
    #[error("the body is not a wrapped Pub/Sub push: {0}")]
    NotJson(String),
    /// It is a message of opwatch's without its wrapper.
    #[error(
        "the body is a message without its Pub/Sub wrapper: the push subscription has payload unwrapping (--push-no-wrapper). \
         Turn it off: gcloud pubsub subscriptions update SUBSCRIPTION --clear-push-no-wrapper-config"
    )]
    Unwrapped,
    /// The message has no id.
    #[error("the body is not a wrapped Pub/Sub push: message.messageId is missing")]
    NoId,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    message: PushMessage<'a>,
    #[serde(borrow, default)]
    subscription: Cow<'a, str>,
}

/// Pub/Sub sends both spellings of id and time.
#[derive(Deserialize)]
struct PushMessage<'a> {
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(rename = "messageId")]
    message_id: Option<String>,
    #[serde(rename = "message_id")]
    old_message_id: Option<String>,
    #[serde(rename = "publishTime")]
    publish_time: Option<String>,
    #[serde(rename = "publish_time")]
    old_publish_time: Option<String>,
}

/// One of these stands in every message of opwatch's.
const FIELDS: [&str; 4] = ["name", "start", "test", "state"];

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Opens the envelope.
///
/// # Errors
/// When the body is no wrapped push.
pub fn open(body: &[u8]) -> Result<Push<'_>, NotAPush> {
    let Wrapped { message, subscription } = text::json(body).map_err(|error| {
        if is_unwrapped(body) { NotAPush::Unwrapped } else { NotAPush::NotJson(error.to_string()) }
    })?;
    let id = message.message_id.or(message.old_message_id).filter(|id| !id.is_empty());
    let time = message.publish_time.or(message.old_publish_time);
    Ok(Push {
        subscription,
        message_id: id.ok_or(NotAPush::NoId)?,
        published: time.and_then(|time| text::time(&time)),
        attributes: message.attributes,
        data: ENGINE.decode(&*message.data).map_err(|_| NotBase64(message.data.into_owned())),
    })
}

/// Whether `body` is what should have been in the wrapper (<https://cloud.google.com/pubsub/docs/payload-unwrapping>).
fn is_unwrapped(body: &[u8]) -> bool {
    let Ok(fields) = text::json::<Map<String, Value>>(body) else { return false };
    !fields.contains_key("message") && FIELDS.iter().any(|field| fields.contains_key(*field))
}

impl Push<'_> {
    /// The delivery that it is, when sent to `route`.
    ///
    /// # Errors
    /// When its subscription may not push there.
    pub fn deliver(self, route: Route, trust: &Trust) -> Result<Delivery, Misdirected> {
        let source = Source {
            subscription: &self.subscription,
            attributes: &self.attributes,
            published: self.published,
        };
        let origin = trust.origin(route, &source)?;
        let Self { message_id, published, attributes, data, .. } = self;
        Ok(Delivery { message_id, published, attributes, data, origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Origin;
    use proptest::prelude::*;

    #[test]
    fn both_spellings_and_both_paddings_are_read() {
        let expected = Delivery {
            message_id: "7".to_owned(),
            published: "2021-02-26T19:13:55.749Z".parse().ok(),
            attributes: BTreeMap::new(),
            data: Ok(b"{}x".to_vec()),
            origin: Origin::Accepted,
        };
        let delivered = |body: &str| {
            open(body.as_bytes()).map(|push| push.deliver(Route::Public, &Trust::Everyone).unwrap())
        };
        for body in [
            r#"{"message":{"data":"e314","messageId":"7","publishTime":"2021-02-26T19:13:55.749Z"},"subscription":"s"}"#,
            r#"{"message":{"data":"e314","message_id":"7","publish_time":"2021-02-26T19:13:55.749Z","new":1},"deliveryAttempt":5}"#,
        ] {
            assert_eq!(delivered(body), Ok(expected.clone()));
        }
        let data = |data: &str| {
            open(format!(r#"{{"message":{{"data":"{data}","messageId":"7"}}}}"#).as_bytes()).unwrap().data
        };
        assert_eq!(data("e30="), Ok(b"{}".to_vec()));
        assert_eq!(data("e30"), Ok(b"{}".to_vec()));
        assert_eq!(data(""), Ok(Vec::new()));
        assert_eq!(data("%%"), Err(NotBase64("%%".to_owned())));
        let attributes_only = open(br#"{"message":{"attributes":{"a":"b"},"messageId":"7"}}"#).unwrap();
        assert_eq!(attributes_only.data, Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_push_is_told_apart() {
        for body in
            ["", "[]", "{}", "null", "x", r#"{"message":1}"#, r#"{"message":{"data":7,"messageId":"7"}}"#]
        {
            assert!(matches!(open(body.as_bytes()), Err(NotAPush::NotJson(_))), "{body}");
        }
        for body in [r#"{"message":{}}"#, r#"{"message":{"data":"e30=","messageId":""}}"#] {
            assert_eq!(open(body.as_bytes()), Err(NotAPush::NoId), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = open(&body);
        }
    }
}
