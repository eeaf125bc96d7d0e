//! Why a message can't be used. Rides in the notice that tells people, who read it in their language.

use serde::{Deserialize, Serialize};

use crate::json::{NotAnObject, Slip};
use crate::text;

/// The longest field name or value that a problem repeats.
const MAX_QUOTED_CHARS: usize = 120;

/// The field that is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The field's path, such as `start.path`; empty when the whole message is meant.
    #[serde(default)]
    pub field: String,
    /// What is wrong with it.
    #[serde(default)]
    pub why: Why,
}

/// What can be wrong with a message or one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Why {
    /// The push's body or the message's data is over the limit, both in bytes.
    TooLarge {
        /// Its size, or as much of it as came.
        size: usize,
        /// The most that is read.
        most: usize,
    },
    /// The data is no base64.
    NotBase64,
    /// There is no data.
    Empty,
    /// The data is no JSON object.
    NotJson {
        /// What the parser said.
        detail: String,
        /// What the cause is, where it is certain.
        #[serde(default, skip_serializing_if = "Slip::is_unknown")]
        slip: Slip,
    },
    /// The text must be one line of plain characters.
    Character {
        /// The first other one, such as `U+202E`.
        code: String,
    },
    /// The body's field says what the path says.
    RepeatsPath,
    /// The field has the name that another service or method gives it.
    OtherField {
        /// The name that it has here.
        field: String,
    },
    /// The field stands twice in its object, so it is not clear which value is meant.
    Duplicate,
    /// Nobody knows this field.
    UnknownField,
    /// The field is needed.
    Missing,
    /// The field must be a text.
    NoText,
    /// The field must be an object.
    NoObject,
    /// The text must have 1 to `most` characters.
    Length {
        /// The most characters.
        most: usize,
    },
    /// The field must be a whole number in a range.
    Number {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// The field must be one of a few words.
    UnknownWord {
        /// The words.
        allowed: String,
    },
    /// The field must be something that no list of words tells.
    Form {
        /// What it must be.
        form: String,
    },
    /// The name or path doesn't have its service's form.
    BadName {
        /// One that has.
        example: String,
    },
    /// The name or path has the form of another service than it is said to belong to.
    OtherService {
        /// That one.
        service: String,
    },
    /// Several services have names of this form, and the message does not say which is meant.
    Ambiguous {
        /// Those that `SERVICES` allows.
        services: String,
    },
    /// The text holds a `${…}` that is no placeholder.
    NotAPlaceholder {
        /// It.
        found: String,
    },
    /// The field is opwatch's own.
    Reserved,
    /// The field can't stand together with another.
    NotTogether {
        /// The other.
        with: String,
    },
    /// The field has no effect in a message of this kind.
    Misplaced {
        /// That one.
        with: String,
    },
    /// A setting doesn't allow it.
    NotAllowed {
        /// The setting that would.
        setting: String,
        /// What it would have to hold.
        value: String,
    },
    /// The setting that allows such things is not set, and without it none is allowed.
    NotSet {
        /// The setting.
        setting: String,
        /// The line that sets it so that this would be allowed.
        line: String,
    },
    /// `STARTS=none`: this opwatch starts nothing.
    WatchOnly {
        /// What `STARTS` would have to hold.
        method: String,
    },
    /// The number is below the minimum of a setting.
    Below {
        /// The setting.
        setting: String,
        /// The minimum.
        least: u32,
    },
    /// The outlet can't do it, another way to reach it could: in Slack a bot, where opwatch posts through a webhook.
    #[serde(rename = "needsBot")]
    NeedsPower,
    /// A newer version of opwatch knows.
    #[default]
    #[serde(other)]
    Other,
}

impl Problem {
    /// A problem of this field; its texts are cut, since they may come from the message.
    pub fn new(field: &str, why: Why) -> Self {
        let cut = |text: String| text::cut(&text, MAX_QUOTED_CHARS);
        let why = match why {
            Why::NotJson { detail, slip } => Why::NotJson { detail: cut(detail), slip },
            Why::Character { code } => Why::Character { code: cut(code) },
            Why::OtherField { field } => Why::OtherField { field: cut(field) },
            Why::UnknownWord { allowed } => Why::UnknownWord { allowed: cut(allowed) },
            Why::Form { form } => Why::Form { form: cut(form) },
            Why::BadName { example } => Why::BadName { example: cut(example) },
            Why::OtherService { service } => Why::OtherService { service: cut(service) },
            Why::Ambiguous { services } => Why::Ambiguous { services: cut(services) },
            Why::NotAPlaceholder { found } => Why::NotAPlaceholder { found: cut(found) },
            Why::NotTogether { with } => Why::NotTogether { with: cut(with) },
            Why::Misplaced { with } => Why::Misplaced { with: cut(with) },
            Why::NotAllowed { setting, value } => {
                Why::NotAllowed { setting: cut(setting), value: cut(value) }
            }
            Why::Below { setting, least } => Why::Below { setting: cut(setting), least },
            Why::NotSet { setting, line } => Why::NotSet { setting: cut(setting), line: cut(line) },
            Why::WatchOnly { method } => Why::WatchOnly { method: cut(method) },
            plain @ (Why::TooLarge { .. }
            | Why::NotBase64
            | Why::Empty
            | Why::RepeatsPath
            | Why::Duplicate
            | Why::UnknownField
            | Why::Missing
            | Why::NoText
            | Why::NoObject
            | Why::Length { .. }
            | Why::Number { .. }
            | Why::Reserved
            | Why::NeedsPower
            | Why::Other) => plain,
        };
        Self { field: text::cut(field, MAX_QUOTED_CHARS), why }
    }

    /// The problem of a message that is no JSON object.
    pub(crate) fn not_json(NotAnObject { detail, slip }: NotAnObject) -> Self {
        Self::new("", Why::NotJson { detail, slip })
    }

    /// The setting that forbids it; empty when none does.
    pub fn setting(&self) -> &str {
        match &self.why {
            Why::NotAllowed { setting, .. } | Why::NotSet { setting, .. } | Why::Below { setting, .. } => {
                setting
            }
            Why::WatchOnly { .. } => "STARTS",
            Why::TooLarge { .. }
            | Why::NotBase64
            | Why::Empty
            | Why::NotJson { .. }
            | Why::Character { .. }
            | Why::RepeatsPath
            | Why::OtherField { .. }
            | Why::Duplicate
            | Why::UnknownField
            | Why::Missing
            | Why::NoText
            | Why::NoObject
            | Why::Length { .. }
            | Why::Number { .. }
            | Why::UnknownWord { .. }
            | Why::Form { .. }
            | Why::BadName { .. }
            | Why::OtherService { .. }
            | Why::Ambiguous { .. }
            | Why::NotAPlaceholder { .. }
            | Why::Reserved
            | Why::NotTogether { .. }
            | Why::Misplaced { .. }
            | Why::NeedsPower
            | Why::Other => "",
        }
    }
}
