//! The settings of what comes without a kickoff: which operations are adopted, and where they are reported.

use clap::Args;

use super::parse::{account, list, number, project};
use super::services::Selection;
use crate::args::{Problems, Setting, UNSET, reads};
use crate::outlets::slack::ADDRESSING;
use crate::policy::{Adopted, Adoption, Of, Policy, Principal, Route, Routes};
use crate::services::Service;
use crate::watch::{Mention, Target};

const ADOPT: &str = "firestore,datastore:ExportEntities";
const EXCEPT: &str = "opwatch-run@my-project.iam.gserviceaccount.com,*.gserviceaccount.com";
const ROUTES: &str = "my-project:C024BE91L:S0614TZR7,firestore:C0G9QF9GW";
/// The most adoptions per minute that a deployment may allow: each instance keeps the slots of the minute in memory.
const HIGHEST: u32 = 10_000;

/// What comes without a kickoff.
#[derive(Args, Clone, Debug)]
pub struct SignalArgs {
    /// Operations that are watched when a signal says that they were started, though no message asks for it: services, or
    /// SERVICE:METHOD with the method as the audit log calls it or its last words [default: none]
    #[arg(long, env = "ADOPT", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(ADOPT, adopt))]
    pub adopt: Setting<Vec<(String, Option<String>)>>,
    /// Accounts whose operations are not adopted: addresses, or `*` and the end of an address. opwatch's own account belongs
    /// here; deploy/up adds it
    #[arg(long, env = "ADOPT_EXCEPT", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(EXCEPT, except))]
    pub adopt_except: Setting<Vec<Principal>>,
    /// Maximum number of adoptions per minute, up to 10000; 0 is no limit
    #[arg(long, env = "MAX_ADOPTIONS_PER_MINUTE", hide_env_values = true, default_value = "10", value_parser = reads("10", limit))]
    pub max_adoptions_per_minute: Setting<u32>,
    /// Where watches are reported whose message names no channel: PROJECT:CHANNEL or SERVICE:CHANNEL, each with
    /// :MENTION if one is wanted; the first that fits counts. Messages may choose these channels too
    /// [default: `SLACK_CHANNEL`]
    #[arg(long, env = "ROUTES", hide_env_values = true, default_value = UNSET, hide_default_value = true, value_parser = reads(ROUTES, routes))]
    pub routes: Setting<Vec<(String, Target, Option<Mention>)>>,
}

impl SignalArgs {
    /// Checks these settings and puts them into `policy`. `own` is opwatch's own account, which is never adopted.
    pub(super) fn check(&self, policy: &mut Policy, own: String, signals: bool, bad: &mut Problems) {
        policy.limits.adoptions_per_minute = self.max_adoptions_per_minute.check(bad).unwrap_or_default();
        let of = self.adopt.read(|items| adopted(items, &policy.services), bad).unwrap_or_default();
        if !of.is_empty() && !signals {
            self.adopt.refuse("has no effect without signals: set SIGNALS=yes, or unset it", bad);
        }
        let mut except = self.adopt_except.check(bad).unwrap_or_default();
        except.push(Principal::Account(own));
        policy.adoption = Adoption { of, except };
        let routes = self.routes.check(bad).unwrap_or_default();
        if !routes.is_empty() && !policy.outlets.iter().any(|(_, powers)| powers.targets) {
            let why = "needs a bot, since a webhook has a fixed channel: unset it, or set SLACK_BOT_TOKEN instead of \
                       SLACK_WEBHOOK_URL";
            self.routes.refuse(why, bad);
        }
        policy.routes = Routes(routes.into_iter().map(route).collect());
    }
}

/// `service` or `service:method`.
fn adopt(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
    list(text, |item| {
        let (service, method) = item.split_once(':').map_or((item, None), |(of, name)| (of, Some(name)));
        let is_method = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
        };
        match method {
            Some(name) if !is_method(name) => {
                Err(format!("{name:?} is not the name of a method, such as ExportEntities"))
            }
            _ => Ok((service.to_owned(), method.map(str::to_owned))),
        }
    })
}

/// The services by their ids, which `SERVICES` must allow.
fn adopted(items: &[(String, Option<String>)], allowed: &[Service]) -> Result<Vec<Adopted>, String> {
    let mut adopted = Vec::new();
    for (id, method) in items {
        if id.starts_with('-') {
            return Err(format!(
                "{id:?} leaves a service out, which works in SERVICES only: list those to adopt"
            ));
        }
        for service in Selection::parse(id)?.services {
            let is_one = service.id() == id;
            if is_one && !allowed.contains(&service) {
                return Err(format!("{id} can't be watched, since SERVICES doesn't list it: add it there"));
            }
            if allowed.contains(&service) {
                adopted.push(Adopted { service, method: method.clone() });
            }
        }
    }
    Ok(adopted)
}

fn except(text: &str) -> Result<Vec<Principal>, String> {
    list(text, |item| match item.strip_prefix('*') {
        Some(end) if end.len() > 1 && !end.contains('*') => Ok(Principal::EndsWith(end.to_owned())),
        Some(_) => {
            Err(format!("{item:?} must be * and the end of an address, such as *.gserviceaccount.com"))
        }
        None => account(item).map(Principal::Account),
    })
}

fn limit(text: &str) -> Result<u32, String> {
    number(text, HIGHEST, &format!("a whole number from 0 (no limit) to {HIGHEST}"))
}

/// `project-or-service:channel[:mention]`. A project of a domain has a colon itself: `example.com:shop`.
fn routes(text: &str) -> Result<Vec<(String, Target, Option<Mention>)>, String> {
    list(text, |item| {
        let form = || {
            format!(
                "{item:?} must have the form PROJECT:CHANNEL or SERVICE:CHANNEL, with :MENTION or without"
            )
        };
        let parts: Vec<&str> = item.split(':').collect();
        let (of, rest) = match *parts.as_slice() {
            [domain, name, ref rest @ ..]
                if ADDRESSING.target.checked(name).is_none() && !rest.is_empty() =>
            {
                (format!("{domain}:{name}"), rest.to_vec())
            }
            [of, ref rest @ ..] => (of.to_owned(), rest.to_vec()),
            [] => return Err(form()),
        };
        let (channel, mention) = match *rest.as_slice() {
            [channel] => (channel, None),
            [channel, mention] => (channel, Some(mention)),
            _ => return Err(form()),
        };
        let of = project(&of)?;
        let target = ADDRESSING.target.checked(channel).map(Target::new);
        let target =
            target.ok_or_else(|| format!("{item:?}: {channel:?} must be {}", ADDRESSING.target.described))?;
        let mention = mention.map(|text| {
            let known = ADDRESSING.mention.checked(text).map(Mention::new);
            known.ok_or_else(|| format!("{item:?}: {text:?} must be {}", ADDRESSING.mention.described))
        });
        Ok((of, target, mention.transpose()?))
    })
}

/// What has the name of a service is that service.
fn route((of, target, mention): (String, Target, Option<Mention>)) -> Route {
    let of = of.parse().map_or(Of::Project(of), Of::Service);
    Route { of, target, mention }
}
