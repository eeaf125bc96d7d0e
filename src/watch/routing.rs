//! Where the messages of a watch go, whom they mention, and which of them are sent.

use std::str::FromStr;

use super::{Mention, Target};

/// What a message says of these; what it leaves open is the settings' to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// Where to post.
    pub target: Option<Target>,
    /// Whom to ping.
    pub mention: Option<Mention>,
    /// When to ping.
    pub mention_on: Option<MentionOn>,
    /// What to tell.
    pub notify: Option<Notify>,
    /// The IDs of the outlets to report to.
    pub outlets: Option<Vec<&'static str>>,
}

impl Routing {
    /// The same with what it leaves open taken from `defaults`.
    #[must_use]
    pub fn or(&self, defaults: &Self) -> Self {
        Self {
            target: self.target.as_ref().or(defaults.target.as_ref()).cloned(),
            mention: self.mention.as_ref().or(defaults.mention.as_ref()).cloned(),
            mention_on: self.mention_on.or(defaults.mention_on),
            notify: self.notify.or(defaults.notify),
            outlets: self.outlets.as_ref().or(defaults.outlets.as_ref()).cloned(),
        }
    }

    /// The same without what only the outlet understands that targets and mentions of messages are written for.
    #[must_use]
    pub fn without_addresses(&self) -> Self {
        Self { target: None, mention: None, ..self.clone() }
    }
}

/// When to mention someone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MentionOn {
    /// When it did not succeed.
    #[default]
    Failure,
    /// At every end.
    Always,
    /// Never.
    Never,
}

/// What a watch tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// One message that follows the operation, and its end.
    Live,
    /// Its end.
    End,
    /// That it runs, and its end.
    StartAndEnd,
    /// Its end when it did not succeed.
    Failure,
}

/// The words of a small closed set.
macro_rules! words {
    ($set:ident: $($word:literal = $value:ident),+) => {
        impl $set {
            /// All of its words.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its word in messages and settings.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word),+
                }
            }
        }

        impl FromStr for $set {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($word => Ok(Self::$value),)+
                    _ => Err(()),
                }
            }
        }
    };
}

impl MentionOn {
    /// Its words, for error texts.
    pub const ALLOWED: &'static str = "failure, always, never";
}

impl Notify {
    /// Its words, for error texts.
    pub const ALLOWED: &'static str = r#""live", "end", "start,end", "failure""#;
}

words!(MentionOn: "failure" = Failure, "always" = Always, "never" = Never);
words!(Notify: "live" = Live, "end" = End, "start,end" = StartAndEnd, "failure" = Failure);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_addresses_nothing_else_is_lost() {
        let routing = Routing {
            target: Some(Target::new("C1")),
            mention: Some(Mention::new("here")),
            notify: Some(Notify::Failure),
            ..Routing::default()
        };
        let rest = Routing { notify: Some(Notify::Failure), ..Routing::default() };
        assert_eq!(routing.without_addresses(), rest);
    }

    #[test]
    fn a_message_says_more_than_the_settings() {
        let defaults =
            Routing { notify: Some(Notify::Live), mention: Some(Mention::new("here")), ..Routing::default() };
        let own = Routing { notify: Some(Notify::End), ..Routing::default() };
        assert_eq!(own.or(&defaults), Routing { notify: Some(Notify::End), ..defaults });
    }
}
