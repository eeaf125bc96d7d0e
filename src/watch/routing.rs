//! Where in Slack a watch is told of, whom it pings, and how much it says.

use std::fmt;
use std::str::FromStr;

/// What a message says of these; what it leaves open is the settings' to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// The channel to post to.
    pub channel: Option<Channel>,
    /// Whom to ping.
    pub mention: Option<Mention>,
    /// When to ping.
    pub mention_on: Option<MentionOn>,
    /// What to tell.
    pub notify: Option<Notify>,
}

impl Routing {
    /// The same with what it leaves open taken from `defaults`.
    #[must_use]
    pub fn or(&self, defaults: &Self) -> Self {
        Self {
            channel: self.channel.as_ref().or(defaults.channel.as_ref()).cloned(),
            mention: self.mention.as_ref().or(defaults.mention.as_ref()).cloned(),
            mention_on: self.mention_on.or(defaults.mention_on),
            notify: self.notify.or(defaults.notify),
        }
    }
}

/// A channel's id, which stays when the channel is renamed: `C…`, `G…` or `D…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel(String);

impl Channel {
    /// What is allowed, for error texts.
    pub const ALLOWED: &'static str = "a channel's id such as C024BE91L (in Slack: the channel's details)";
}

impl FromStr for Channel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if is_slack_id(text, b"CGD") { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who is pinged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mention {
    /// A person, by id: `U…` or `W…`.
    User(String),
    /// A user group, by id: `S…`.
    Group(String),
    /// Everybody who is in the channel and active.
    Here,
}

impl Mention {
    /// What is allowed, for error texts.
    pub const ALLOWED: &'static str =
        "here, or the id of a person (U024BE7LH) or of a user group (S0614TZR7)";
}

impl FromStr for Mention {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "here" => Ok(Self::Here),
            user if is_slack_id(user, b"UW") => Ok(Self::User(user.to_owned())),
            group if is_slack_id(group, b"S") => Ok(Self::Group(group.to_owned())),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) | Self::Group(id) => f.write_str(id),
            Self::Here => f.write_str("here"),
        }
    }
}

/// Slack's ids: a letter for the kind, then letters and digits.
fn is_slack_id(text: &str, kinds: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    matches!(text.as_bytes(), [kind, rest @ ..]
        if kinds.contains(kind) && (2..=30).contains(&rest.len()) && rest.iter().all(|byte| plain(*byte)))
}

/// When somebody is pinged.
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
    fn ids_are_slacks() {
        for id in ["C024BE91L", "G012AC86C", "D024BE91L"] {
            assert_eq!(id.parse::<Channel>().unwrap().to_string(), id);
        }
        for wrong in ["", "C", "#ops", "ops", "c024be91l", "U024BE7LH", "C024BE91L>", "C 24BE91L"] {
            assert_eq!(wrong.parse::<Channel>(), Err(()), "{wrong}");
        }
        assert_eq!("W012A3CDE".parse(), Ok(Mention::User("W012A3CDE".to_owned())));
        assert_eq!("S0614TZR7".parse(), Ok(Mention::Group("S0614TZR7".to_owned())));
        for wrong in ["@jane", "channel", "everyone", "HERE", "<!here>", "C024BE91L"] {
            assert_eq!(wrong.parse::<Mention>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_message_says_more_than_the_settings() {
        let defaults =
            Routing { notify: Some(Notify::Live), mention: Some(Mention::Here), ..Routing::default() };
        let own = Routing { notify: Some(Notify::End), ..Routing::default() };
        assert_eq!(own.or(&defaults), Routing { notify: Some(Notify::End), ..defaults });
    }
}
