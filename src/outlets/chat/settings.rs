//! The settings of Google Chat.

use std::sync::Arc;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::access::{AppAccess, WebhookAccess};
use super::ids::{is_space, mention};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::net::endpoints::{Api, Endpoints};
use crate::outlets::access::Access;
use crate::watch::Mention;

/// Chat's host.
const CHAT: &str = "https://chat.googleapis.com";
const SPACE: &str = "spaces/AAAABBBBCCC";
const WEBHOOK: &str = "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…";
const MENTION: &str = "users/all";

/// How Google Chat is told.
#[derive(Args, Clone, Debug)]
pub struct ChatArgs {
    /// Google Chat space that the Chat app of the service account's project posts to: `spaces/…`
    #[arg(long, env = "CHAT_SPACE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(SPACE, space))]
    pub chat_space: Setting<String>,
    /// Incoming webhook of a Google Chat space (secret), instead of the app:
    /// `https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…`
    #[arg(long, env = "CHAT_WEBHOOK_URL", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(WEBHOOK, webhook))]
    pub chat_webhook_url: Setting<SecretString>,
    /// Who is mentioned in Google Chat: users/all, or a person (`users/123456789012345678901`)
    #[arg(long, env = "CHAT_MENTION", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(MENTION, mention))]
    pub chat_mention: Setting<Mention>,
}

impl ChatArgs {
    /// The app or the webhook, if there is one.
    pub fn check(&self, endpoints: &Endpoints, problems: &mut Problems) -> Option<Arc<dyn Access>> {
        let (space, webhook) = (&self.chat_space, &self.chat_webhook_url);
        let mention = self.chat_mention.check(problems);
        match (space.is_given(), webhook.is_given()) {
            (true, true) => {
                webhook.refuse("can't be set together with CHAT_SPACE: unset one of them", problems);
            }
            (false, false) if self.chat_mention.is_given() => {
                self.chat_mention.refuse("has no effect without CHAT_SPACE or CHAT_WEBHOOK_URL", problems);
            }
            (true, false) | (false, true | false) => {}
        }
        if let Some(space) = space.check(problems) {
            return Some(Arc::new(AppAccess { space, mention }));
        }
        let base = endpoints.get(Api::Chat).base;
        let url = webhook.check(problems).and_then(|url| Url::parse(url.expose_secret()).ok())?;
        match on_chat(&url, &base) {
            Ok(url) => return Some(Arc::new(WebhookAccess { url, mention })),
            Err(why) => webhook.refuse(&why, problems),
        }
        None
    }
}

fn space(text: &str) -> Result<String, String> {
    let why = || {
        format!("must be a space such as {SPACE} (in Google Chat: the last part of its URL), not {text:?}")
    };
    is_space(text).then(|| text.to_owned()).ok_or_else(why)
}

/// The URL is a secret, so no error repeats it. Where it may lead depends on `ENDPOINTS`.
fn webhook(text: &str) -> Result<SecretString, String> {
    Url::parse(text).map(|_| text.into()).map_err(|_| "is not a URL".to_owned())
}

/// The webhook `url` at `base`, which is Chat or stands in for it, without what people add to choose a thread.
///
/// # Errors
/// When it leads elsewhere, or is no incoming webhook.
fn on_chat(url: &Url, base: &str) -> Result<SecretString, String> {
    let origin = url.origin().ascii_serialization();
    if origin != CHAT && origin != base {
        let or = if base == CHAT {
            String::new()
        } else {
            format!(" (or with the chat URL in ENDPOINTS: {base})")
        };
        return Err(format!("must begin with {CHAT}/{or}"));
    }
    let space = url.path().strip_prefix("/v1/").and_then(|path| path.strip_suffix("/messages"));
    let has = |wanted: &str| url.query_pairs().any(|(name, value)| name == wanted && !value.is_empty());
    if !space.is_some_and(is_space) || !has("key") || !has("token") {
        return Err(
            "is not a complete webhook URL: in the space, create one under Apps & integrations, Webhooks, and copy its link"
                .to_owned(),
        );
    }
    let secrets = url.query_pairs().filter(|(name, _)| name == "key" || name == "token");
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(secrets).finish();
    Ok(format!("{base}{}?{query}", url.path()).into())
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    const HOOK: &str = "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=canary";

    /// The settings that can't be used.
    fn problems(space: &str, webhook: &str, mention: &str) -> Vec<String> {
        let command = ChatArgs::augment_args(Command::new("chat").no_binary_name(true));
        let flags = [
            format!("--chat-space={space}"),
            format!("--chat-webhook-url={webhook}"),
            format!("--chat-mention={mention}"),
        ];
        let args = ChatArgs::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap();
        let mut problems = Problems::default();
        let access = args.check(&Endpoints::default(), &mut problems);
        assert!(!format!("{access:?}").contains("canary"));
        let text = problems.to_string();
        assert!(!text.contains("canary"), "{text}");
        assert!(access.is_some() || !text.is_empty() || (space.is_empty() && webhook.is_empty()), "{text}");
        text.lines().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn chat_is_told_by_an_app_or_by_a_webhook() {
        assert_eq!(problems("", "", ""), Vec::<String>::new());
        assert_eq!(problems("spaces/A", "", "users/all"), Vec::<String>::new());
        assert_eq!(problems("", HOOK, "users/123"), Vec::<String>::new());
        assert_eq!(problems("spaces/A", HOOK, ""), ["CHAT_WEBHOOK_URL"]);
        assert_eq!(problems("", "", "users/all"), ["CHAT_MENTION"]);
        assert_eq!(problems("A", "", "all"), ["CHAT_MENTION", "CHAT_SPACE"]);
        for wrong in [
            "canary",
            "http://chat.googleapis.com/v1/spaces/A/messages?key=k&token=canary",
            "https://chat.googleapis.com.evil.com/v1/spaces/A/messages?key=k&token=canary",
            "https://chat.googleapis.com/v1/spaces/A/messages?token=canary",
            "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=",
            "https://chat.googleapis.com/v1/spaces/A/messages?token=canary&x=y",
            "https://chat.googleapis.com/v1/spaces/A/messages?key=canary&x=y",
            "https://chat.googleapis.com/v1/rooms/canary/messages?key=k&token=x",
            "https://hooks.slack.com/services/T0/B0/canary",
        ] {
            assert_eq!(problems("", wrong, ""), ["CHAT_WEBHOOK_URL"], "{wrong}");
        }
    }

    #[test]
    fn a_url_of_another_host_is_told_where_it_may_lead() {
        let why = |base| on_chat(&Url::parse("https://hooks.slack.com/x").unwrap(), base).unwrap_err();
        assert_eq!(why(CHAT), "must begin with https://chat.googleapis.com/");
        let local = "must begin with https://chat.googleapis.com/ (or with the chat URL in ENDPOINTS: http://[::1]:9)";
        assert_eq!(why("http://[::1]:9"), local);
        let url = Url::parse("http://127.0.0.1:1/v1/spaces/A/messages?key=k&token=t").unwrap();
        assert!(on_chat(&url, "http://127.0.0.1:1").is_ok() && on_chat(&url, CHAT).is_err());
    }

    #[test]
    fn only_the_secrets_of_a_webhooks_url_are_kept() {
        let url = Url::parse(&format!("{HOOK}&threadKey=x&messageReplyOption=y")).unwrap();
        assert_eq!(on_chat(&url, CHAT).unwrap().expose_secret(), HOOK);
        let local = on_chat(&url, "http://127.0.0.1:1").unwrap();
        assert_eq!(local.expose_secret(), "http://127.0.0.1:1/v1/spaces/A/messages?key=k&token=canary");
    }
}
