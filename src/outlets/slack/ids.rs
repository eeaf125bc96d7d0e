//! Slack's ids of channels, people and messages.

use serde_json::{Map, Value};

use crate::watch::{Addressing, Form, Receipt, Target};

/// Slack's targets are channels; a receipt is a channel and a `ts`.
pub const ADDRESSING: Addressing = Addressing {
    target: Form {
        described: "a channel ID such as C024BE91L (in Slack: the channel's details)",
        fits: is_channel,
    },
    mention: Form {
        described: "here, or the ID of a person (U024BE7LH) or a user group (S0614TZR7)",
        fits: |text| Who::of(text).is_some(),
    },
    outlets: super::super::IDS,
    receipt: read_receipt,
};

const CHANNEL: &str = "channel";
const TS: &str = "ts";

/// Who is pinged.
pub(super) enum Who<'a> {
    /// A person, by id: `U…` or `W…`.
    User(&'a str),
    /// A user group, by id: `S…`.
    Group(&'a str),
    /// Everybody who is in the channel and active.
    Here,
}

impl<'a> Who<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        match text {
            "here" => Some(Self::Here),
            user if is_id(user, b"UW") => Some(Self::User(user)),
            group if is_id(group, b"S") => Some(Self::Group(group)),
            _ => None,
        }
    }
}

/// The receipt of the message `ts` in `channel`; none when there can be no such message.
pub(super) fn receipt(channel: &str, ts: &str) -> Option<Receipt> {
    let digits =
        |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_ts = ts.split_once('.').is_some_and(|(seconds, rest)| digits(seconds) && digits(rest));
    (is_channel(channel) && is_ts).then(|| Receipt::new([(CHANNEL, channel), (TS, ts)]))
}

fn read_receipt(object: &Map<String, Value>) -> Option<Receipt> {
    receipt(object.get(CHANNEL)?.as_str()?, object.get(TS)?.as_str()?)
}

/// Whether it can be the receipt of one of Slack's messages.
pub(super) fn is_receipt(receipt: &Receipt) -> bool {
    read_receipt(receipt.fields()).is_some()
}

/// The channel of a message.
pub(super) fn channel_of(receipt: &Receipt) -> Target {
    Target::new(receipt.text(CHANNEL))
}

/// The `ts` of a message, which names it in its channel. A text: as a number it would lose digits.
pub(super) fn ts_of(receipt: &Receipt) -> &str {
    receipt.text(TS)
}

/// A channel's id, which stays when the channel is renamed: `C…`, `G…` or `D…`.
fn is_channel(text: &str) -> bool {
    is_id(text, b"CGD")
}

/// Slack's ids: a letter for the kind, then letters and digits.
fn is_id(text: &str, kinds: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    matches!(text.as_bytes(), [kind, rest @ ..]
        if kinds.contains(kind) && (2..=30).contains(&rest.len()) && rest.iter().all(|byte| plain(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_slacks() {
        for id in ["C024BE91L", "G012AC86C", "D024BE91L"] {
            assert_eq!(ADDRESSING.target.checked(id), Some(id));
        }
        for wrong in ["", "C", "#ops", "ops", "c024be91l", "U024BE7LH", "C024BE91L>", "C 24BE91L"] {
            assert_eq!(ADDRESSING.target.checked(wrong), None, "{wrong}");
        }
        assert!(matches!(Who::of("W012A3CDE"), Some(Who::User("W012A3CDE"))));
        assert!(matches!(Who::of("S0614TZR7"), Some(Who::Group("S0614TZR7"))));
        for wrong in ["@jane", "channel", "everyone", "HERE", "<!here>", "C024BE91L"] {
            assert_eq!(ADDRESSING.mention.checked(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_message_is_named_by_channel_and_ts() {
        let named = receipt("C024BE91L", "1503435956.000247").unwrap();
        assert_eq!((channel_of(&named).as_str(), ts_of(&named)), ("C024BE91L", "1503435956.000247"));
        for (channel, ts) in [("ops", "1.2"), ("C024BE91L", "1"), ("C024BE91L", "1.x"), ("C024BE91L", "")] {
            assert_eq!(receipt(channel, ts), None, "{channel} {ts}");
        }
    }

    #[test]
    fn a_receipt_that_comes_in_a_message_has_both_texts_and_no_more() {
        let read = |value: Value| read_receipt(value.as_object().unwrap());
        let named = receipt("C024BE91L", "1.000200");
        assert_eq!(read(serde_json::json!({"channel": "C024BE91L", "ts": "1.000200", "new": 1})), named);
        for wrong in [
            serde_json::json!({}),
            serde_json::json!({"channel": "C024BE91L"}),
            serde_json::json!({"channel": "C024BE91L", "ts": 1.5}),
            serde_json::json!({"channel": "../x", "ts": "1.000200"}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
