//! Google Chat's names of spaces, people and messages.

use serde_json::{Map, Value};

use crate::hash::{hash, short_hash};
use crate::watch::{Mention, Receipt};

const SPACE: &str = "space";
const MESSAGE: &str = "message";
/// There only when Chat never said that it has the message.
const UNCONFIRMED: &str = "unconfirmed";
/// What the ids of messages that apps name begin with.
const CLIENT: &str = "client-";
/// The characters of such an id at most, those included:
/// <https://developers.google.com/workspace/chat/create-messages#name_a_created_message>.
const MAX_ID: usize = 63;

/// Who is mentioned: everybody in the space, or a person.
pub(super) struct Who<'a>(&'a str);

impl<'a> Who<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let id = text.strip_prefix("users/")?;
        let is_person = (1..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        (id == "all" || is_person).then_some(Self(text))
    }

    pub(super) fn is_all(&self) -> bool {
        self.0 == "users/all"
    }

    /// As it stands between angle brackets.
    pub(super) fn name(&self) -> &'a str {
        self.0
    }
}

/// The id of a message, from what names it.
pub(super) fn message_id(key: &str) -> String {
    CLIENT.chars().chain(hash(&[key]).chars()).take(MAX_ID).collect()
}

/// What a post and its repetitions have in common.
pub(super) fn request_id(space: &str, message: &str) -> String {
    short_hash(&["request", space, message])
}

/// The receipt of a message; `confirmed` when Chat said that it has it.
pub(super) fn receipt(space: &str, message: &str, confirmed: bool) -> Receipt {
    if confirmed {
        Receipt::new([(SPACE, space), (MESSAGE, message)])
    } else {
        Receipt::new([(SPACE, space), (MESSAGE, message), (UNCONFIRMED, "true")])
    }
}

/// The receipt that such an object is; none when the app can't have written it.
pub fn read_receipt(object: &Map<String, Value>) -> Option<Receipt> {
    let (space, message) = (object.get(SPACE)?.as_str()?, object.get(MESSAGE)?.as_str()?);
    let digits = message.strip_prefix(CLIENT)?;
    let is_message = message.len() == MAX_ID && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_space(space) && is_message).then(|| receipt(space, message, !object.contains_key(UNCONFIRMED)))
}

/// The space of a message; none when another outlet posted it.
pub(super) fn space_of(receipt: &Receipt) -> Option<&str> {
    read_receipt(receipt.fields()).map(|_| receipt.text(SPACE))
}

/// The id of a message in its space.
pub(super) fn message_of(receipt: &Receipt) -> &str {
    receipt.text(MESSAGE)
}

/// Whether Chat said that it has the message.
pub(super) fn is_confirmed(receipt: &Receipt) -> bool {
    receipt.text(UNCONFIRMED).is_empty()
}

/// Whether it is a space's name, which stays when the space is renamed.
pub(super) fn is_space(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.strip_prefix("spaces/").is_some_and(|id| (1..=64).contains(&id.len()) && id.bytes().all(plain))
}

/// Whom `text` names.
///
/// # Errors
/// With what it must be.
pub fn mention(text: &str) -> Result<Mention, String> {
    let why = || {
        format!("must be users/all or the ID of a person such as users/123456789012345678901, not {text:?}")
    };
    Who::of(text).map(|_| Mention::new(text)).ok_or_else(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_chats() {
        for space in ["spaces/AAAABBBBCCC", "spaces/AAQA_kl-yP9Y"] {
            assert!(is_space(space));
        }
        for wrong in
            ["", "spaces/", "AAAABBBBCCC", "spaces/A/messages", "spaces/A?x", "spaces/..", "C024BE91L"]
        {
            assert!(!is_space(wrong), "{wrong}");
        }
        for who in ["users/all", "users/123456789012345678901"] {
            assert_eq!(Who::of(who).map(|who| who.name()), Some(who));
        }
        let is_all = |who| Who::of(who).unwrap().is_all();
        assert!(is_all("users/all") && !is_all("users/123"));
        for wrong in
            ["all", "here", "users/", "users/me@example.com", "users/12>", "<users/all>", "U024BE7LH"]
        {
            assert!(Who::of(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_as_long_as_chat_takes() {
        let id = message_id("x");
        // printf x | sha256sum
        assert_eq!(id, "client-2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717");
        assert_eq!(id.len(), 63);
    }

    #[test]
    fn a_post_and_its_repetitions_have_a_request_id_of_their_own() {
        let own = request_id("spaces/A", "a");
        assert_eq!(own, request_id("spaces/A", "a"));
        for other in [request_id("spaces/B", "a"), request_id("spaces/A", "b")] {
            assert_ne!(own, other);
        }
    }

    #[test]
    fn a_receipt_that_comes_in_a_message_is_one_that_opwatch_wrote() {
        let read = |value: &Value| read_receipt(value.as_object().unwrap());
        let id = message_id("x");
        for confirmed in [true, false] {
            let written = receipt("spaces/A", &id, confirmed);
            assert_eq!(read(&written.fields().clone().into()), Some(written.clone()));
            assert_eq!((is_confirmed(&written), space_of(&written)), (confirmed, Some("spaces/A")));
        }
        for wrong in [
            serde_json::json!({}),
            serde_json::json!({"channel": "C024BE91L", "ts": "1.000200"}),
            serde_json::json!({"space": "spaces/A", "message": "client-x"}),
            serde_json::json!({"space": "spaces/A", "message": "client-0123"}),
            serde_json::json!({"space": "spaces/A", "message": format!("client-{}", "x".repeat(56))}),
            serde_json::json!({"space": "spaces/A/../B", "message": id}),
            serde_json::json!({"space": "spaces/A", "message": id.replace("client-", "clientx")}),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}
