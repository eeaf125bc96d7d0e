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
    #[serde(default, rename = "why")]
    pub kind: ProblemKind,
}

/// What can be wrong with a message or one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum ProblemKind {
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
    pub fn new(field: &str, why: ProblemKind) -> Self {
        let cut = |text: String| text::cut(&text, MAX_QUOTED_CHARS);
        let why = match why {
            ProblemKind::NotJson { detail, slip } => ProblemKind::NotJson { detail: cut(detail), slip },
            ProblemKind::Character { code } => ProblemKind::Character { code: cut(code) },
            ProblemKind::OtherField { field } => ProblemKind::OtherField { field: cut(field) },
            ProblemKind::UnknownWord { allowed } => ProblemKind::UnknownWord { allowed: cut(allowed) },
            ProblemKind::Form { form } => ProblemKind::Form { form: cut(form) },
            ProblemKind::BadName { example } => ProblemKind::BadName { example: cut(example) },
            ProblemKind::OtherService { service } => ProblemKind::OtherService { service: cut(service) },
            ProblemKind::Ambiguous { services } => ProblemKind::Ambiguous { services: cut(services) },
            ProblemKind::NotAPlaceholder { found } => ProblemKind::NotAPlaceholder { found: cut(found) },
            ProblemKind::NotTogether { with } => ProblemKind::NotTogether { with: cut(with) },
            ProblemKind::Misplaced { with } => ProblemKind::Misplaced { with: cut(with) },
            ProblemKind::NotAllowed { setting, value } => {
                ProblemKind::NotAllowed { setting: cut(setting), value: cut(value) }
            }
            ProblemKind::Below { setting, least } => ProblemKind::Below { setting: cut(setting), least },
            ProblemKind::NotSet { setting, line } => {
                ProblemKind::NotSet { setting: cut(setting), line: cut(line) }
            }
            ProblemKind::WatchOnly { method } => ProblemKind::WatchOnly { method: cut(method) },
            plain @ (ProblemKind::TooLarge { .. }
            | ProblemKind::NotBase64
            | ProblemKind::Empty
            | ProblemKind::RepeatsPath
            | ProblemKind::Duplicate
            | ProblemKind::UnknownField
            | ProblemKind::Missing
            | ProblemKind::NoText
            | ProblemKind::NoObject
            | ProblemKind::Length { .. }
            | ProblemKind::Number { .. }
            | ProblemKind::Reserved
            | ProblemKind::NeedsPower
            | ProblemKind::Other) => plain,
        };
        Self { field: text::cut(field, MAX_QUOTED_CHARS), kind: why }
    }

    /// The problem of a message that is no JSON object.
    pub(crate) fn not_json(NotAnObject { detail, slip }: NotAnObject) -> Self {
        Self::new("", ProblemKind::NotJson { detail, slip })
    }

    /// The setting that forbids it; empty when none does.
    pub fn setting(&self) -> &str {
        match &self.kind {
            ProblemKind::NotAllowed { setting, .. }
            | ProblemKind::NotSet { setting, .. }
            | ProblemKind::Below { setting, .. } => setting,
            ProblemKind::WatchOnly { .. } => "STARTS",
            ProblemKind::TooLarge { .. }
            | ProblemKind::NotBase64
            | ProblemKind::Empty
            | ProblemKind::NotJson { .. }
            | ProblemKind::Character { .. }
            | ProblemKind::RepeatsPath
            | ProblemKind::OtherField { .. }
            | ProblemKind::Duplicate
            | ProblemKind::UnknownField
            | ProblemKind::Missing
            | ProblemKind::NoText
            | ProblemKind::NoObject
            | ProblemKind::Length { .. }
            | ProblemKind::Number { .. }
            | ProblemKind::UnknownWord { .. }
            | ProblemKind::Form { .. }
            | ProblemKind::BadName { .. }
            | ProblemKind::OtherService { .. }
            | ProblemKind::Ambiguous { .. }
            | ProblemKind::NotAPlaceholder { .. }
            | ProblemKind::Reserved
            | ProblemKind::NotTogether { .. }
            | ProblemKind::Misplaced { .. }
            | ProblemKind::NeedsPower
            | ProblemKind::Other => "",
        }
    }
}
