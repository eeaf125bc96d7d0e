//! The languages of messages. Their words are in `prose`.

use std::str::FromStr;

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Japanese, in the words of the system that opwatch replaces.
    Ja,
}

impl Locale {
    /// All of them, for error texts.
    pub const ALLOWED: &'static str = "en, ja";

    /// Its name in settings and messages.
    pub fn id(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }
}

impl FromStr for Locale {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::En, Self::Ja].into_iter().find(|locale| locale.id() == text).ok_or(())
    }
}
