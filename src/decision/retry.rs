//! When a start or a report that failed is tried again.

use std::time::Duration;

const FIRST: u64 = 10;
const LONGEST: u64 = 600;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Tries of a report from 10 s doubling to 10 min, which fill the first day.
const TRIES_OF_FIRST_DAY: u32 = 149;
/// Hourly tries after that: a week, long enough to replace a revoked webhook.
const HOURLY_TRIES: u32 = 7 * 24;

/// How often one try of a report waits for another delivery of it: then it is posted, twice perhaps.
pub const WAITS: u32 = 20;

/// How long nothing may be started after its kickoff was published.
pub const START_WINDOW: Duration = Duration::from_secs(HOUR);

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

fn doubling(tries: u32) -> u64 {
    FIRST.saturating_mul(1_u64.checked_shl(tries).unwrap_or(u64::MAX)).min(LONGEST)
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
        assert!(day.abs_diff(DAY) < LONGEST, "{day}");
        assert_eq!(delays.iter().filter(|delay| **delay == HOUR).count(), 7 * 24);
        assert_eq!(report_delay(u32::MAX, None), None);
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_day() {
        assert_eq!(report_delay(0, Some(Duration::from_secs(77))), Some(Duration::from_secs(77)));
        assert_eq!(report_delay(5, Some(Duration::from_secs(1))), Some(Duration::from_secs(320)));
        assert_eq!(start_delay(0, Some(Duration::from_secs(u64::MAX))), Duration::from_secs(DAY));
        assert_eq!(start_delay(200, None), Duration::from_secs(600));
    }
}
