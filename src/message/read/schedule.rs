//! When the checks of a watch are made, as its message has it.

use chrono::{DateTime, TimeDelta, Utc};

use super::Reader;
use crate::decision::Ladder;
use crate::message::received::{INTERVAL, LIMIT};
use crate::text;
use crate::watch::{Problem, ProblemKind, Watch, seconds};

impl Reader<'_> {
    /// How long its ladder lasts, if it has one, and the interval and number of checks on a fixed grid.
    pub(super) fn schedule(&mut self) -> Result<(Option<u32>, u32, u32), Problem> {
        let (rules, message) = (self.rules, &mut self.message);
        let interval = rules.number("interval", &mut message.interval, INTERVAL)?;
        let limit = rules.number("limit", &mut message.limit, LIMIT)?;
        let until = rules.formed("until", &mut message.until, SPAN, span)?;
        let fixed = interval.map(|_| "interval").or(limit.map(|_| "limit"));
        let until_s = match fixed {
            _ if self.is_continuation => {
                self.state.ladder.map(|ladder| ladder.clamp(Ladder::MIN_S, Ladder::MAX_S))
            }
            Some(with) if until.is_some() => {
                return Err(Problem::new("until", ProblemKind::NotTogether { with: with.to_owned() }));
            }
            Some(_) => None,
            None => until.or(self.defaults.until_s),
        };
        let (until_s, interval_or, limit_or) = self.defaults.schedule(until_s);
        Ok((until_s, interval.unwrap_or(interval_or), limit.unwrap_or(limit_or)))
    }

    /// When check 0 of a watch is due, or its ladder begins. What a person sends is due when it was published, unless it has the
    /// number of a later check.
    pub(super) fn first(&self, watch: &Watch, from: Option<DateTime<Utc>>, attempt: u32) -> DateTime<Utc> {
        let published = self.received.published;
        let latest = published + TimeDelta::days(1);
        let Some(until_s) = watch.until_s else {
            let due_now = published - seconds(watch.interval_s) * i32::try_from(attempt).unwrap_or(i32::MAX);
            return self.state.first.filter(text::is_plausible).unwrap_or(due_now).min(latest);
        };
        let skipped = if attempt == 0 {
            TimeDelta::zero()
        } else {
            Ladder { from: published, until_s }.due(attempt) - published
        };
        from.unwrap_or(published - skipped).min(latest)
    }
}

/// What `until` must be.
const SPAN: &str = "a whole number with m, h or d, from 1m to 28d, such as 6h";

/// The seconds that a watch may last.
fn span(text: &str) -> Option<u32> {
    let count = text.get(..text.len().checked_sub(1)?)?;
    let unit = match text.as_bytes().last()? {
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        _ => return None,
    };
    let plain = count.bytes().all(|byte| byte.is_ascii_digit()) && !count.starts_with('0');
    let count: u32 = count.parse().ok().filter(|_| plain)?;
    count.checked_mul(unit).filter(|span| (Ladder::MIN_S..=Ladder::MAX_S).contains(span))
}
