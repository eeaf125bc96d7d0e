//! Reads single settings, and keeps a line about each that can't be used.

use std::time::Duration;

use super::BadSettings;
use crate::message::INTERVAL;
/// The word that allows everything.
pub(super) const ANY: &str = "any";

/// The lines about settings that can't be used.
#[derive(Default)]
pub(super) struct Bad(Vec<String>);

impl Bad {
    pub(super) fn say(&mut self, setting: &str, why: &str, example: &str) {
        self.0.push(format!("{setting}: {why} (example: {setting}={example})"));
    }

    pub(super) fn optional<T>(
        &mut self,
        setting: &str,
        value: Option<&String>,
        example: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(given(value)?) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                self.say(setting, &why, example);
                None
            }
        }
    }

    pub(super) fn required(
        &mut self,
        setting: &str,
        value: Option<&String>,
        example: &str,
        parse: impl Fn(&str) -> Result<String, String>,
    ) -> String {
        if given(value).is_none() {
            self.say(setting, "must be set", example);
        }
        self.optional(setting, value, example, parse).unwrap_or_default()
    }

    pub(super) fn list<T>(
        &mut self,
        setting: &str,
        value: Option<&String>,
        [default, example]: [&str; 2],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let text = given(value).unwrap_or(default);
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let parsed: Result<Vec<T>, String> = items.map(parse).collect();
        parsed.unwrap_or_else(|why| {
            self.say(setting, &why, example);
            Vec::new()
        })
    }

    pub(super) fn or<T>(self, settings: T) -> Result<T, BadSettings> {
        if self.0.is_empty() { Ok(settings) } else { Err(BadSettings(self.0)) }
    }
}

/// A duration such as `90s`. A number alone could be of any unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} has no unit; for seconds, write {text}s"));
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// A value that is there: a blank variable counts as not set.
pub(super) fn given(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// `projects/P/topics/T` and the like: collections in order, an id after each.
pub(super) fn resource(text: &str, collections: &[&str]) -> Result<String, String> {
    let form = || collections.iter().map(|name| format!("{name}/…")).collect::<Vec<_>>().join("/");
    let segments: Vec<&str> = text.split('/').collect();
    let fits = segments.len() == 2 * collections.len()
        && segments.chunks(2).zip(collections).all(|(pair, collection)| {
            matches!(pair, [name, id] if name == collection && is_id(id, *collection == "projects"))
        });
    fits.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} must have the form {}", form()))
}

fn is_id(id: &str, is_project: bool) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+".contains(&byte) || (is_project && byte == b':');
    !matches!(id, "" | "." | "..") && id.bytes().all(allowed)
}

pub(super) fn project(text: &str) -> Result<String, String> {
    is_id(text, true).then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is not a project ID"))
}

/// The id of a database other than the default one.
pub(super) fn database(text: &str) -> Result<String, String> {
    is_id(text, false).then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is not a database ID"))
}

/// Whole seconds between two checks.
pub(super) fn interval(text: &str) -> Result<u32, String> {
    let duration = duration(text)?;
    let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let whole = INTERVAL.contains(&seconds) && duration.subsec_nanos() == 0;
    whole.then_some(seconds).ok_or_else(|| "must be whole seconds from 1s to 24h".to_owned())
}

pub(super) fn account_address(text: &str) -> Result<String, String> {
    let plain = |part: &str| !part.is_empty() && is_id(part, false);
    let fits = text.split_once('@').is_some_and(|(name, domain)| plain(name) && plain(domain));
    fits.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is not an email address"))
}
