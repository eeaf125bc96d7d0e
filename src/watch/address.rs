//! What an outlet says of places, people and messages, as a watch carries it: plain data that only the outlet can read.

use std::fmt;

use serde_json::{Map, Value};

/// Where a message may be posted, as its outlet writes it: in Slack the id of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

/// Who is alerted, as the outlet writes it: in Slack `here`, or the id of a person or of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention(String);

/// Names a posted message that can be edited later, as its outlet wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(Map<String, Value>);

/// What an outlet can do.
#[expect(clippy::struct_excessive_bools, reason = "each is there or not, whatever the others")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// People read its messages. Without this it gets the ends of watches as data, and nothing else.
    pub texts: bool,
    /// A message can be edited and deleted after it was posted.
    pub edits: bool,
    /// A message can have replies.
    pub threads: bool,
    /// A message can alert people.
    pub mentions: bool,
    /// A message can choose where it is posted.
    pub targets: bool,
}

/// How messages write targets, mentions, outlets and receipts.
#[derive(Clone, Copy, Debug)]
pub struct Addressing {
    /// Its targets.
    pub target: Form,
    /// Its mentions.
    pub mention: Form,
    /// The IDs of all outlets, which messages choose among.
    pub outlets: &'static [&'static str],
    /// The receipt that such an object is; none when no outlet can have written it.
    pub receipt: fn(&Map<String, Value>) -> Option<Receipt>,
}

/// What a text must be like.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// For error texts: what it must be.
    pub described: &'static str,
    /// Whether a text is.
    pub fits: fn(&str) -> bool,
}

impl Powers {
    /// What can be done when an outlet with these powers and one with `others` are set up.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            texts: self.texts || others.texts,
            edits: self.edits || others.edits,
            threads: self.threads || others.threads,
            mentions: self.mentions || others.mentions,
            targets: self.targets || others.targets,
        }
    }
}

impl Form {
    /// `text`, if it has this form.
    pub fn checked<'a>(&self, text: &'a str) -> Option<&'a str> {
        Some(text).filter(|text| (self.fits)(text))
    }
}

impl Target {
    /// A target that its outlet knows.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As its outlet writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Mention {
    /// A mention that its outlet knows.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As its outlet writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Receipt {
    /// A receipt of these fields, each a text.
    pub fn new<const N: usize>(fields: [(&str, &str); N]) -> Self {
        Self(fields.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
    }

    /// Its fields, as a message carries them.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The text of a field; empty when there is none.
    pub fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}
