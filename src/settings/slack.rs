//! The settings of Slack: a webhook or a bot, and what a message that doesn't say gets.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::ServeArgs;
use super::parse::{ANY, Bad, given};
use crate::message::{LONGEST_TITLE, title_problem};
use crate::net::endpoints::{Api, Endpoints};
use crate::outlets::slack::{ADDRESSING, Access};
use crate::policy::Targets;
use crate::watch::{Mention, MentionOn, Notify, Powers, Routing, Target, Why};

/// Slack's host of webhooks.
const SLACK: &str = "https://hooks.slack.com";
const WEBHOOK: &str = "https://hooks.slack.com/services/T…/B…/…";
const BOT_TOKEN: &str = "xoxb-…";
const CHANNEL: &str = "C024BE91L";
/// Checks without progress until people are told.
const STALL_AFTER: u32 = 10;

/// How Slack is told.
#[derive(Args, Clone, Debug, Default)]
pub struct SlackArgs {
    /// Token of a Slack bot (secret), instead of the webhook: `xoxb-…`
    #[arg(long, env = "SLACK_BOT_TOKEN", hide_env_values = true)]
    pub slack_bot_token: Option<SecretString>,
    /// Default channel of the bot, by id: `C…`. Required with `SLACK_BOT_TOKEN`
    #[arg(long, env = "SLACK_CHANNEL", hide_env_values = true)]
    pub slack_channel: Option<String>,
    /// Other channels that messages may choose: `C…,C…`, or `any` [default: `SLACK_CHANNEL` only]
    #[arg(long, env = "SLACK_CHANNELS", hide_env_values = true)]
    pub slack_channels: Option<String>,
    /// Name of a watch whose message has no title [default: by operation]
    #[arg(long, env = "TITLE", hide_env_values = true)]
    pub title: Option<String>,
    /// Whom to mention: here, a person (`U…`) or a user group (`S…`)
    #[arg(long, env = "MENTION", hide_env_values = true)]
    pub mention: Option<String>,
    /// Other mentions that messages may choose: here, `U…`, `S…`, or `any` [default: `MENTION` only]
    #[arg(long, env = "MENTIONS", hide_env_values = true)]
    pub mentions: Option<String>,
    /// When to mention: failure, always, never [default: failure]
    #[arg(long, env = "MENTION_ON", hide_env_values = true)]
    pub mention_on: Option<String>,
    /// What to report: live, end, start,end or failure [default: live with a bot, end with a webhook]
    #[arg(long, env = "NOTIFY", hide_env_values = true)]
    pub notify: Option<String>,
    /// Checks without progress before a warning is posted; 0 turns it off [default: 10]
    #[arg(long, env = "STALL_AFTER", hide_env_values = true)]
    pub stall_after: Option<String>,
}

impl ServeArgs {
    /// The webhook or the bot: exactly one of them; and where messages may send.
    pub(super) fn check_slack(&self, endpoints: &Endpoints, bad: &mut Bad) -> (Access, Targets) {
        let secret = |secret: &Option<SecretString>| {
            let text = secret.as_ref().map(|secret| secret.expose_secret().trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let (webhook, token) = (secret(&self.slack_webhook_url), secret(&self.slack.slack_bot_token));
        let token = match (&webhook, token) {
            (Some(_), Some(_)) => {
                let why = "can't be set together with SLACK_WEBHOOK_URL: unset one of them";
                bad.say("SLACK_BOT_TOKEN", why, BOT_TOKEN);
                let access = Access::Webhook(check_webhook(webhook.as_ref(), endpoints, bad));
                return (access, self.slack.check_channels(bad));
            }
            (None, None) => {
                let why = "must be set, or SLACK_BOT_TOKEN with SLACK_CHANNEL";
                bad.say("SLACK_WEBHOOK_URL", why, WEBHOOK);
                return (Access::Webhook(SecretString::default()), Targets::Any);
            }
            (Some(_), None) => {
                self.slack.only_a_bot_has(bad);
                return (Access::Webhook(check_webhook(webhook.as_ref(), endpoints, bad)), Targets::Any);
            }
            (None, token) => bad.optional("SLACK_BOT_TOKEN", token.as_ref(), BOT_TOKEN, bot_token),
        };
        let access =
            Access::Bot { base: endpoints.get(Api::SlackApi).base, token: token.unwrap_or_default().into() };
        (access, self.slack.check_channels(bad))
    }
}

impl SlackArgs {
    fn only_a_bot_has(&self, bad: &mut Bad) {
        let settings = [("SLACK_CHANNEL", &self.slack_channel), ("SLACK_CHANNELS", &self.slack_channels)];
        for (setting, value) in settings {
            if given(value.as_ref()).is_some() {
                let why = "can't be used with a webhook, which has a fixed channel: unset it, or set SLACK_BOT_TOKEN instead of SLACK_WEBHOOK_URL";
                bad.say(setting, why, CHANNEL);
            }
        }
    }

    fn check_channels(&self, bad: &mut Bad) -> Targets {
        if given(self.slack_channels.as_ref()) == Some(ANY) {
            return Targets::Any;
        }
        let mut channels = bad.list("SLACK_CHANNELS", self.slack_channels.as_ref(), ["", CHANNEL], |text| {
            channel(text).map_err(|why| format!("{why} (or {ANY}, alone)"))
        });
        // A message may name the default too.
        channels.extend(given(self.slack_channel.as_ref()).and_then(|text| channel(text).ok()));
        Targets::Only(channels)
    }

    /// Whom messages may ping; `None` for everyone.
    pub(super) fn check_mentions(&self, bad: &mut Bad) -> Option<Vec<Mention>> {
        if given(self.mentions.as_ref()) == Some(ANY) {
            return None;
        }
        let mut mentions: Vec<Mention> =
            bad.list("MENTIONS", self.mentions.as_ref(), ["", "here,S0614TZR7"], |text| {
                mention(text).map_err(|why| format!("{why} (or {ANY}, alone)"))
            });
        mentions.extend(given(self.mention.as_ref()).and_then(|text| mention(text).ok()));
        Some(mentions)
    }

    pub(super) fn check_title(&self, bad: &mut Bad) -> Option<String> {
        bad.optional("TITLE", self.title.as_ref(), "Nightly backup", |text| {
            match title_problem(text) {
                None => Ok(text.to_owned()),
                Some(Why::Character { code }) => Err(format!(
                    "contains the character {code}; must have at most {LONGEST_TITLE} characters on one line, without \
                     control characters and characters that change the direction of text"
                )),
                Some(_) => Err(format!("must have at most {LONGEST_TITLE} characters on one line")),
            }
        })
    }

    pub(super) fn check_routing(&self, powers: Powers, bad: &mut Bad) -> Routing {
        let none_of = |text: &str, allowed: &str| format!("{text:?} is not one of: {allowed}");
        let target = bad.optional("SLACK_CHANNEL", self.slack_channel.as_ref(), CHANNEL, channel);
        if powers.targets && given(self.slack_channel.as_ref()).is_none() {
            bad.say("SLACK_CHANNEL", "must be set together with SLACK_BOT_TOKEN", CHANNEL);
        }
        let mention = bad.optional("MENTION", self.mention.as_ref(), "here", mention);
        let mention_on = bad.optional("MENTION_ON", self.mention_on.as_ref(), "always", |text| {
            text.parse().map_err(|()| none_of(text, MentionOn::ALLOWED))
        });
        let notify = bad.optional("NOTIFY", self.notify.as_ref(), "failure", |text| match text.parse() {
            Ok(Notify::Live) if !powers.edits => {
                Err("\"live\" needs a bot: set SLACK_BOT_TOKEN instead of SLACK_WEBHOOK_URL".to_owned())
            }
            parsed => parsed.map_err(|()| none_of(text, Notify::ALLOWED)),
        });
        let default = if powers.edits { Notify::Live } else { Notify::End };
        Routing { target, mention, mention_on, notify: Some(notify.unwrap_or(default)) }
    }

    pub(super) fn check_stall_after(&self, bad: &mut Bad) -> u32 {
        let parsed = bad.optional("STALL_AFTER", self.stall_after.as_ref(), "10", |text| {
            text.parse::<u32>().map_err(|_| "must be a whole number of checks".to_owned())
        });
        parsed.unwrap_or(STALL_AFTER)
    }
}

fn channel(text: &str) -> Result<Target, String> {
    let form = ADDRESSING.target;
    form.checked(text).map(Target::new).ok_or_else(|| format!("must be {}, not {text:?}", form.described))
}

fn mention(text: &str) -> Result<Mention, String> {
    let form = ADDRESSING.mention;
    form.checked(text).map(Mention::new).ok_or_else(|| format!("must be {}, not {text:?}", form.described))
}

/// The token goes into a header. It is a secret, so no error repeats it.
fn bot_token(text: &str) -> Result<String, String> {
    if !text.starts_with("xoxb-") {
        return Err("must begin with xoxb-".to_owned());
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| text.to_owned()).ok_or_else(|| "contains characters that a token can't have".to_owned())
}

/// Whether `path` is an incoming webhook's: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.
///
/// # Errors
/// With what it is instead, as far as can be seen, and what to create.
fn is_webhook(path: &str) -> Result<(), String> {
    const CREATE: &str =
        "create an incoming webhook (api.slack.com/apps: your app, Incoming Webhooks) and set its URL";
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let what = match segments.as_slice() {
        ["services", team, hook, secret]
            if team.starts_with('T') && hook.starts_with('B') && !secret.is_empty() =>
        {
            return Ok(());
        }
        ["triggers" | "workflows", ..] => {
            "is a Workflow Builder URL, which runs a workflow and posts no message"
        }
        ["commands", ..] => "is the response URL of a slash command, which lasts 30 minutes",
        _ => "is not a complete webhook URL",
    };
    Err(format!("{what}: {CREATE}"))
}

/// The webhook's path on Slack's host, or on the endpoint that stands in for it.
fn check_webhook(url: Option<&String>, endpoints: &Endpoints, bad: &mut Bad) -> SecretString {
    let base = endpoints.get(Api::Slack).base;
    bad.required("SLACK_WEBHOOK_URL", url, WEBHOOK, |text| {
        // The URL is a secret, so no error repeats it.
        let url = Url::parse(text).map_err(|_| "is not a URL".to_owned())?;
        let origin = url.origin().ascii_serialization();
        if origin != SLACK && origin != base {
            let or = if base == SLACK {
                String::new()
            } else {
                format!(" (or with what ENDPOINTS has for slack: {base})")
            };
            return Err(format!("must begin with {SLACK}/{or}"));
        }
        is_webhook(url.path())?;
        Ok(format!("{base}{}", url.path()))
    })
    .into()
}
