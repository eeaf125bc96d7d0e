//! The settings of Slack: a webhook or a bot, and what a message that doesn't say gets.

use clap::Args;
#[cfg(feature = "terminal")]
use clap::FromArgMatches;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::parse::{ANY, list, number, token, word};
use crate::args::{Problems, Setting, UNSET, reads};
use crate::message::{MAX_TITLE_CHARS, title_problem};
use crate::net::endpoints::{Api, Endpoints};
use crate::outlets::slack::{ADDRESSING, Access};
use crate::policy::Targets;
use crate::watch::{Mention, MentionOn, Notify, Powers, ProblemKind, Routing, Target};

/// Slack's host of webhooks.
const SLACK: &str = "https://hooks.slack.com";
const WEBHOOK: &str = "https://hooks.slack.com/services/T…/B…/…";
/// What to set when no outlet is set up.
pub(super) const IS_MISSING: &str = "must be set, or SLACK_BOT_TOKEN with SLACK_CHANNEL";
const BOT_TOKEN: &str = "xoxb-…";
const CHANNEL: &str = "C024BE91L";

/// How Slack is told.
#[derive(Args, Clone, Debug)]
pub struct SlackArgs {
    /// Slack incoming webhook (secret): `https://hooks.slack.com/services/T…/B…/…`, not the URL of a workflow
    #[arg(long, env = "SLACK_WEBHOOK_URL", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(WEBHOOK, webhook))]
    pub slack_webhook_url: Setting<SecretString>,
    /// Token of a Slack bot (secret), instead of the webhook: `xoxb-…`
    #[arg(long, env = "SLACK_BOT_TOKEN", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(BOT_TOKEN, bot_token))]
    pub slack_bot_token: Setting<SecretString>,
    /// Default channel of the bot, by ID: `C…`. Required with `SLACK_BOT_TOKEN`
    #[arg(long, env = "SLACK_CHANNEL", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(CHANNEL, channel))]
    pub slack_channel: Setting<Target>,
    /// Other channels that messages may choose: `C…,C…`, or `any` [default: `SLACK_CHANNEL` only]
    #[arg(long, env = "SLACK_CHANNELS", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(CHANNEL, channels))]
    pub slack_channels: Setting<Targets>,
    /// Title of a watch whose message has none [default: by operation]
    #[arg(long, env = "TITLE", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("Nightly backup", title))]
    pub title: Setting<String>,
    /// Who is mentioned: here, a person (`U…`) or a user group (`S…`)
    #[arg(long, env = "MENTION", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("here", mention))]
    pub mention: Setting<Mention>,
    /// Other mentions that messages may choose: here, `U…`, `S…`, or `any` [default: `MENTION` only]
    #[arg(long, env = "MENTIONS", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("here,S0614TZR7", mentions))]
    pub mentions: Setting<Option<Vec<Mention>>>,
    /// When to mention: failure, always, never [default: failure]
    #[arg(long, env = "MENTION_ON", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("always", mention_on))]
    pub mention_on: Setting<MentionOn>,
    /// What to report: live, end, start,end or failure [default: live with a bot, end with a webhook]
    #[arg(long, env = "NOTIFY", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads("failure", notify))]
    pub notify: Setting<Notify>,
    /// Checks without progress before a warning is posted; 0 turns it off
    #[arg(long, env = "STALL_AFTER", hide_env_values = true, default_value = "10", value_parser = reads("10", stall_after))]
    pub stall_after: Setting<u32>,
}

#[cfg(feature = "terminal")]
impl SlackArgs {
    /// What the environment has, for a command whose own flags are others.
    ///
    /// # Errors
    /// With a line for each that can't be used, or is missing.
    pub fn of_environment(endpoints: &Endpoints) -> Result<(Access, Routing), super::BadSettings> {
        let command = Self::augment_args(clap::Command::new("slack").no_binary_name(true));
        let matches = command.try_get_matches_from(std::iter::empty::<&str>());
        let args = matches.and_then(|matches| Self::from_arg_matches(&matches));
        let args = args.map_err(|error| Problems::of(error.to_string()))?;
        let mut problems = Problems::default();
        let Some((access, _)) = args.check_access(endpoints, &mut problems) else {
            args.slack_webhook_url.refuse(IS_MISSING, &mut problems);
            return Err(problems);
        };
        let routing = args.check_routing(access.powers(), &mut problems);
        problems.or((access, routing))
    }
}

impl SlackArgs {
    /// The webhook or the bot, if there is one of them; and where messages may send.
    pub(super) fn check_access(
        &self,
        endpoints: &Endpoints,
        bad: &mut Problems,
    ) -> Option<(Access, Targets)> {
        let (webhook, token) = (&self.slack_webhook_url, &self.slack_bot_token);
        Some(match (webhook.is_given(), token.is_given()) {
            (true, true) => {
                token.refuse("can't be set together with SLACK_WEBHOOK_URL: unset one of them", bad);
                (self.check_webhook(endpoints, bad), self.check_channels(bad))
            }
            (false, false) => {
                self.only_a_bot_has("must be set together with SLACK_BOT_TOKEN", bad);
                return None;
            }
            (true, false) => {
                let why = "can't be used with a webhook, which has a fixed channel: unset it, or set SLACK_BOT_TOKEN instead of SLACK_WEBHOOK_URL";
                self.only_a_bot_has(why, bad);
                (self.check_webhook(endpoints, bad), Targets::Any)
            }
            (false, true) => {
                let base = endpoints.get(Api::SlackApi).base;
                let token = token.check(bad).unwrap_or_default();
                (Access::Bot { base, token }, self.check_channels(bad))
            }
        })
    }

    fn only_a_bot_has(&self, why: &str, bad: &mut Problems) {
        if self.slack_channel.is_given() {
            self.slack_channel.refuse(why, bad);
        }
        if self.slack_channels.is_given() {
            self.slack_channels.refuse(why, bad);
        }
    }

    /// The webhook's path on Slack's host, or on the endpoint that stands in for it.
    fn check_webhook(&self, endpoints: &Endpoints, bad: &mut Problems) -> Access {
        let base = endpoints.get(Api::Slack).base;
        let setting = &self.slack_webhook_url;
        let url = setting.check(bad).and_then(|url| Url::parse(url.expose_secret()).ok());
        let hook = match url.map(|url| on_slack(&url, &base)) {
            Some(Ok(hook)) => hook,
            Some(Err(why)) => {
                setting.refuse(&why, bad);
                SecretString::default()
            }
            None => SecretString::default(),
        };
        Access::Webhook(hook)
    }

    fn check_channels(&self, bad: &mut Problems) -> Targets {
        // A message may name the default too.
        let default = self.slack_channel.get();
        match self.slack_channels.check(bad) {
            Some(Targets::Only(mut channels)) => {
                channels.extend(default);
                Targets::Only(channels)
            }
            Some(Targets::Any) => Targets::Any,
            None => Targets::Only(default.into_iter().collect()),
        }
    }

    /// Whom messages may ping; `None` for everyone.
    pub(super) fn check_mentions(&self, bad: &mut Problems) -> Option<Vec<Mention>> {
        let mut mentions = self.mentions.check(bad).unwrap_or_else(|| Some(Vec::new()))?;
        mentions.extend(self.mention.get());
        Some(mentions)
    }

    /// What a message that doesn't say gets; `powers` are those of the outlet that follows watches.
    pub(super) fn check_routing(&self, powers: Powers, bad: &mut Problems) -> Routing {
        let target = self.slack_channel.check(bad);
        if self.slack_bot_token.is_given() && !self.slack_channel.is_given() {
            self.slack_channel.refuse("must be set together with SLACK_BOT_TOKEN", bad);
        }
        let (mention, mention_on) = (self.mention.check(bad), self.mention_on.check(bad));
        let default = match powers {
            Powers { edits: true, .. } => Notify::Live,
            // The start and the end are one thread.
            Powers { threads: true, .. } => Notify::StartAndEnd,
            Powers { .. } => Notify::End,
        };
        let notify = self.notify.check(bad).unwrap_or(default);
        if notify == Notify::Live && !powers.edits {
            let why = "\"live\" needs an outlet that can edit its messages: set SLACK_BOT_TOKEN instead of SLACK_WEBHOOK_URL";
            self.notify.refuse(why, bad);
        }
        Routing { target, mention, mention_on, notify: Some(notify), outlets: None }
    }
}

fn channel(text: &str) -> Result<Target, String> {
    let form = ADDRESSING.target;
    form.checked(text).map(Target::new).ok_or_else(|| format!("must be {}, not {text:?}", form.described))
}

fn channels(text: &str) -> Result<Targets, String> {
    if text == ANY {
        return Ok(Targets::Any);
    }
    list(text, |text| channel(text).map_err(or_any)).map(Targets::Only)
}

fn mention(text: &str) -> Result<Mention, String> {
    let form = ADDRESSING.mention;
    form.checked(text).map(Mention::new).ok_or_else(|| format!("must be {}, not {text:?}", form.described))
}

/// `None` for any.
fn mentions(text: &str) -> Result<Option<Vec<Mention>>, String> {
    if text == ANY {
        return Ok(None);
    }
    list(text, |text| mention(text).map_err(or_any)).map(Some)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn or_any(why: String) -> String {
    format!("{why} (or {ANY}, alone)")
}

fn mention_on(text: &str) -> Result<MentionOn, String> {
    word(text, MentionOn::ALLOWED)
}

fn notify(text: &str) -> Result<Notify, String> {
    word(text, Notify::ALLOWED)
}

fn stall_after(text: &str) -> Result<u32, String> {
    number(text, u32::MAX, "a whole number of checks")
}

fn title(text: &str) -> Result<String, String> {
    match title_problem(text) {
        None => Ok(text.to_owned()),
        Some(ProblemKind::Character { code }) => Err(format!(
            "contains the character {code}; must have at most {MAX_TITLE_CHARS} characters on one line, without \
             control characters and characters that change the direction of text"
        )),
        Some(_) => Err(format!("must have at most {MAX_TITLE_CHARS} characters on one line")),
    }
}

/// The token is a secret, so no error repeats it.
fn bot_token(text: &str) -> Result<SecretString, String> {
    if text.starts_with("xoxb-") { token(text) } else { Err("must begin with xoxb-".to_owned()) }
}

/// The URL is a secret, so no error repeats it. Where it may lead depends on `ENDPOINTS`.
fn webhook(text: &str) -> Result<SecretString, String> {
    Url::parse(text).map(|_| text.into()).map_err(|_| "is not a URL".to_owned())
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

/// The webhook `url` at `base`, which is Slack or stands in for it.
///
/// # Errors
/// When it leads elsewhere, or is something else of Slack's.
fn on_slack(url: &Url, base: &str) -> Result<SecretString, String> {
    let origin = url.origin().ascii_serialization();
    if origin != SLACK && origin != base {
        let or = if base == SLACK {
            String::new()
        } else {
            format!(" (or with the slack URL in ENDPOINTS: {base})")
        };
        return Err(format!("must begin with {SLACK}/{or}"));
    }
    is_webhook(url.path())?;
    Ok(format!("{base}{}", url.path()).into())
}
