//! Readers of single values: what a text means, or why it means nothing. A reason never repeats a secret.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use crate::message::INTERVAL;
use crate::text;

/// The word that allows everything.
pub(super) const ANY: &str = "any";
/// What to do about a service that there is not.
pub(super) const LIST_OF_SERVICES: &str = "`opwatch services` lists them";
/// The longest time that makes sense here.
pub(super) const MAX_TIME: Duration = Duration::from_secs(36_500 * 24 * 3_600);

/// The items of a list. Of several that can't be read, the first is reported.
pub(super) fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(read).collect()
}

/// One of the words that `T` knows, which `allowed` lists.
pub(super) fn word<T: FromStr>(text: &str, allowed: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not one of: {allowed}"))
}

/// A number from 0 to `highest`.
pub(super) fn number<T: FromStr + PartialOrd + Copy>(
    text: &str,
    highest: T,
    what: &str,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number <= highest);
    number.ok_or_else(|| format!("must be {what}"))
}

/// A duration such as `90s`. A number alone could be of any unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} has no unit; for seconds, write {text}s"));
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// A duration in `allowed`, which `described` puts into words.
pub(super) fn span(
    text: &str,
    allowed: RangeInclusive<Duration>,
    described: &str,
) -> Result<TimeDelta, String> {
    let known = Some(duration(text)?).filter(|duration| allowed.contains(duration));
    let span = known.and_then(|duration| TimeDelta::from_std(duration).ok());
    span.ok_or_else(|| format!("must be {described}"))
}

/// A time with date and zone.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    text::time(text).ok_or_else(|| format!("{text:?} is not an RFC 3339 time"))
}

/// `projects/P/topics/T`.
pub(super) fn topic(text: &str) -> Result<String, String> {
    resource(text, &["projects", "topics"])
}

/// `projects/P/subscriptions/S`.
pub(super) fn subscription(text: &str) -> Result<String, String> {
    resource(text, &["projects", "subscriptions"])
}

/// `projects/P/locations/L/queues/Q`.
pub(super) fn queue(text: &str) -> Result<String, String> {
    resource(text, &["projects", "locations", "queues"])
}

/// `projects/P/topics/T` and the like: collections in order, an id after each.
fn resource(text: &str, collections: &[&str]) -> Result<String, String> {
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

/// A project's id.
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

/// A service account's address.
pub(super) fn account(text: &str) -> Result<String, String> {
    let plain = |part: &str| !part.is_empty() && is_id(part, false);
    let fits = text.split_once('@').is_some_and(|(name, domain)| plain(name) && plain(domain));
    fits.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is not an email address"))
}

/// A text as it is, of what a token's `aud` can hold.
pub(super) fn audience(text: &str) -> Result<String, String> {
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic());
    let why = || format!("{text:?} contains characters that an audience can't have");
    fits.then(|| text.to_owned()).ok_or_else(why)
}

/// A token, which goes into a header, so it must be able to. It is a secret.
pub(super) fn token(text: &str) -> Result<SecretString, String> {
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.into()).ok_or_else(|| "contains characters that a token can't have".to_owned())
}
