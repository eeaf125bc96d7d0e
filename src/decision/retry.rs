//! When a start or a report that failed is tried again.

use std::time::Duration;

use crate::hash::short_hash;

const FIRST: u64 = 10;
const MAX_WAIT_SECONDS: u64 = 600;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Tries of a report from 10 s doubling to 10 min, which fill the first day.
const TRIES_OF_FIRST_DAY: u32 = 149;
/// Hourly tries after that: a week, long enough to replace a revoked webhook.
const HOURLY_TRIES: u32 = 7 * 24;

/// How often a report is posted again that Slack answered with neither yes nor no: then it counts as delivered.
pub const UNCLEAR_RETRIES: u32 = 10;
/// The pauses before these, in seconds: more than three hours together, so that an hour of such answers loses no end.
const UNCLEAR: [u64; UNCLEAR_RETRIES as usize] = [10, 20, 40, 120, 300, 600, 1_200, 2_400, HOUR, HOUR];
/// How often a warning that an operation makes no progress is posted in vain before it is out of date: for about an hour.
pub const STALL_TRIES: u32 = 11;

/// How often one try of a report waits for another delivery of it: then it is posted, twice perhaps.
pub const WAITS: u32 = 20;

/// How long nothing may be started after its kickoff was published.
pub const START_WINDOW: Duration = Duration::from_secs(HOUR);

/// The pause before a start reads on in a long list.
pub(super) const READ_ON: Duration = Duration::from_secs(1);
/// The first and the longest pause of a start that waits for another one of the same request.
const TURN: u64 = 5;
const MAX_TURN_SECONDS: u64 = 40;
/// Jitter is at most this part of a pause, and at most so long.
const JITTER_PART: f64 = 0.25;
const MAX_JITTER: Duration = Duration::from_secs(300);

/// `delay` and its jitter, so that what failed together is not tried again together. It follows from `parts` (such as the
/// watch id and the number of the try) and is the same for all copies of a message.
pub fn spread(delay: Duration, parts: &[&str]) -> Duration {
    // Most checks have nothing to wait for: they need no hash.
    if delay.is_zero() {
        return delay;
    }
    let digits: String = short_hash(parts).chars().take(8).collect();
    let share = f64::from(u32::from_str_radix(&digits, 16).unwrap_or(0)) / f64::from(u32::MAX);
    let jitter = delay.mul_f64(JITTER_PART * share).min(MAX_JITTER.mul_f64(share));
    delay + Duration::from_millis(u64::try_from(jitter.as_millis()).unwrap_or(0))
}

/// The pause of a start that waited `waits` times before for another one of the same request.
pub(super) fn turn_delay(waits: u32) -> Duration {
    Duration::from_secs(
        TURN.saturating_mul(1_u64.checked_shl(waits).unwrap_or(u64::MAX)).min(MAX_TURN_SECONDS),
    )
}

/// The pause before a start is tried again that was tried `tries` times before: 10 s doubling to 10 min.
pub fn start_delay(tries: u32, retry_after: Option<Duration>) -> Duration {
    Duration::from_secs(doubling(tries)).max(bounded(retry_after))
}

/// The pause before a report is tried again that was tried `tries` times before, none after the last: 10 s doubling
/// to 10 min for a day, then hourly for a week.
pub fn report_delay(tries: u32, retry_after: Option<Duration>) -> Option<Duration> {
    let delay = match tries {
        0..TRIES_OF_FIRST_DAY => doubling(tries),
        _ if tries < TRIES_OF_FIRST_DAY + HOURLY_TRIES => HOUR,
        _ => return None,
    };
    Some(Duration::from_secs(delay).max(bounded(retry_after)))
}

/// The pause before a report is posted again of which Slack has said neither yes nor no `unclear` times before.
pub fn unclear_delay(unclear: u32, retry_after: Option<Duration>) -> Duration {
    let index = usize::try_from(unclear).unwrap_or(usize::MAX);
    Duration::from_secs(UNCLEAR.get(index).copied().unwrap_or(HOUR)).max(bounded(retry_after))
}

fn doubling(tries: u32) -> u64 {
    FIRST.saturating_mul(1_u64.checked_shl(tries).unwrap_or(u64::MAX)).min(MAX_WAIT_SECONDS)
}

fn bounded(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(Duration::from_secs(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_tried_for_a_day_and_a_week() {
        let delays: Vec<u64> =
            (0..).map_while(|tries| report_delay(tries, None)).map(|d| d.as_secs()).collect();
        assert_eq!(delays[..8], [10, 20, 40, 80, 160, 320, 600, 600]);
        let day: u64 = delays.iter().take_while(|delay| **delay < HOUR).sum();
        assert!(day.abs_diff(DAY) < MAX_WAIT_SECONDS, "{day}");
        assert_eq!(delays.iter().filter(|delay| **delay == HOUR).count(), 7 * 24);
        assert_eq!(report_delay(u32::MAX, None), None);
    }

    #[test]
    fn unclear_answers_are_followed_by_ten_retries_over_three_hours_and_no_more_than_six() {
        let delays: Vec<u64> =
            (0..UNCLEAR_RETRIES).map(|unclear| unclear_delay(unclear, None).as_secs()).collect();
        assert!(delays.len() == 10 && delays.is_sorted());
        assert!((3 * HOUR..6 * HOUR).contains(&delays.iter().sum()), "{delays:?}");
        assert_eq!(unclear_delay(0, Some(Duration::from_secs(77))), Duration::from_secs(77));
        assert_eq!(unclear_delay(u32::MAX, None), Duration::from_secs(HOUR));
    }

    #[test]
    fn a_stall_warning_is_tried_for_an_hour() {
        let tried: u64 =
            (0..STALL_TRIES).filter_map(|tries| report_delay(tries, None)).map(|d| d.as_secs()).sum();
        assert!(tried.abs_diff(HOUR) < MAX_WAIT_SECONDS, "{tried}");
    }

    #[test]
    fn jitter_spreads_what_failed_together_and_is_the_same_for_copies() {
        let delays = |delay: u64| -> Vec<_> {
            let spread = |id: u32| spread(Duration::from_secs(delay), &["start", &id.to_string(), "1"]);
            assert_eq!(spread(7), spread(7));
            (0..400).map(|id| spread(id).as_millis()).collect()
        };
        for (delay, longest) in [(10, 12_500), (600, 750_000), (3_600, 3_900_000)] {
            let delays = delays(delay);
            assert!(delays.iter().all(|spread| (u128::from(delay) * 1_000..=longest).contains(spread)));
            // Of 400 in 8 parts of the jitter, about 50 are in each.
            let part = |spread: u128| {
                (spread - u128::from(delay) * 1_000) * 8 / (longest + 1 - u128::from(delay) * 1_000)
            };
            for wanted in 0..8 {
                let count = delays.iter().filter(|spread| part(**spread) == wanted).count();
                assert!((25..=80).contains(&count), "{delay}: {count} in part {wanted}");
            }
        }
        assert_eq!(spread(Duration::ZERO, &["check"]), Duration::ZERO);
    }

    #[test]
    fn a_start_waits_for_its_turn_a_little_longer_each_time() {
        let delays: Vec<_> = [0, 1, 2, 3, 4, u32::MAX].map(|waits| turn_delay(waits).as_secs()).into();
        assert_eq!(delays, [5, 10, 20, 40, 40, 40]);
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_day() {
        assert_eq!(report_delay(0, Some(Duration::from_secs(77))), Some(Duration::from_secs(77)));
        assert_eq!(report_delay(5, Some(Duration::from_secs(1))), Some(Duration::from_secs(320)));
        assert_eq!(start_delay(0, Some(Duration::from_secs(u64::MAX))), Duration::from_secs(DAY));
        assert_eq!(start_delay(200, None), Duration::from_secs(600));
    }
}
