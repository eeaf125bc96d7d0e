//! How the work of an operation went on, as a watch remembers it: for its rate, its estimate, and whether it stands still.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::services::{OperationInfo, Progress};

/// Points remembered at most.
const POINTS: usize = 3;
/// No estimate reaches farther: what would take longer hardly moves.
const MAX_AHEAD: TimeDelta = TimeDelta::days(30);

/// How the work went on, over the last looks that showed counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ProgressHistory {
    /// The last looks, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    points: Vec<Point>,
    /// How many looks in a row showed what the one before did.
    #[serde(skip_serializing_if = "is_zero")]
    unchanged: u32,
    /// People were told that it stands still.
    #[serde(skip_serializing_if = "is_false")]
    stalled: bool,
    /// People were told that it waits for one of them. An older version does not write it.
    #[serde(skip_serializing_if = "is_false")]
    waited: bool,
}

/// What one look showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Point {
    at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    entities: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    bytes: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl ProgressHistory {
    /// The track after a look at `at` showed `facts`. A look without counts says nothing of progress.
    #[must_use]
    pub fn after(&self, at: DateTime<Utc>, facts: &OperationInfo) -> Self {
        let done = |progress: Option<Progress>| progress.map(|progress| progress.done);
        let (entities, bytes) = (done(facts.entities), done(facts.bytes));
        if entities.is_none() && bytes.is_none() {
            return self.clone();
        }
        let same = |last: &Point| (last.entities, last.bytes) == (entities, bytes);
        // Finishing takes its time, and has no counts.
        let all_done = facts.entities.or(facts.bytes).and_then(Progress::percent) == Some(100);
        let still = self.points.last().is_some_and(same) && !all_done && !facts.waits;
        let unchanged = if still { self.unchanged.saturating_add(1) } else { 0 };
        let mut points = self.points.clone();
        points.push(Point { at, entities, bytes });
        points.drain(..points.len().saturating_sub(POINTS));
        Self { points, unchanged, stalled: self.stalled, waited: self.waited }
    }

    /// Whether people are now to be told that it stands still: once, after `limit` looks without progress (0: never).
    pub fn stalls(&mut self, limit: u32) -> bool {
        let now = limit > 0 && !self.stalled && self.unchanged >= limit;
        self.stalled |= now;
        now
    }

    /// Whether people are now to be told that it waits for one of them, as `facts` show: once.
    pub fn waits(&mut self, facts: &OperationInfo) -> bool {
        let now = facts.waits && !self.waited;
        self.waited |= now;
        now
    }

    /// Takes back that people were told that it waits for one of them, or that it stands still: they could not be.
    pub fn not_told(&mut self, waits: bool) {
        if waits {
            self.waited = false;
        } else {
            self.stalled = false;
        }
    }

    /// How many looks in a row showed no progress.
    pub fn unchanged(&self) -> u32 {
        self.unchanged
    }

    /// Entities a second.
    pub fn entity_rate(&self) -> Option<f64> {
        self.rate(|point| point.entities)
    }

    /// Bytes a second.
    pub fn byte_rate(&self) -> Option<f64> {
        self.rate(|point| point.bytes)
    }

    /// When the work will be done if it goes on like this: none without an honest estimate or without progress.
    pub fn eta(&self, facts: &OperationInfo) -> Option<DateTime<Utc>> {
        let by = |progress: Option<Progress>, rate: Option<f64>| {
            let (progress, rate) = (progress?, rate?);
            progress.percent()?;
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let seconds = (progress.of? - progress.done) as f64 / rate;
            let left = TimeDelta::from_std(Duration::try_from_secs_f64(seconds).ok()?).ok()?;
            let seen = self.points.last()?.at;
            (left <= MAX_AHEAD).then(|| seen + left)
        };
        by(facts.entities, self.entity_rate()).or_else(|| by(facts.bytes, self.byte_rate()))
    }

    /// Over all points, so that one slow minute does not shake it.
    fn rate(&self, count: impl Fn(&Point) -> Option<u64>) -> Option<f64> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        let seconds = (last.at - first.at).as_seconds_f64();
        let done = count(last)?.checked_sub(count(first)?)?;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        (seconds > 0.0 && done > 0).then(|| done as f64 / seconds)
    }

    /// Without what can't be worked with: for one that comes from a message.
    pub(crate) fn plausible(mut self) -> Self {
        self.points.retain(|point| crate::text::is_plausible(&point.at));
        self.points.drain(..self.points.len().saturating_sub(POINTS));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn counts(done: u64, of: Option<u64>) -> OperationInfo {
        OperationInfo { entities: Some(Progress { done, of }), ..OperationInfo::default() }
    }

    fn track(looks: &[(i64, u64)]) -> ProgressHistory {
        looks.iter().fold(ProgressHistory::default(), |track, (second, done)| {
            track.after(at(*second), &counts(*done, None))
        })
    }

    #[test]
    fn the_end_is_estimated_in_a_line_over_the_last_three_looks() {
        let track = track(&[(0, 0), (60, 100), (120, 400), (180, 700)]);
        assert_eq!(track.entity_rate(), Some(5.0));
        assert_eq!(track.eta(&counts(700, Some(1_000))), Some(at(240)));
    }

    #[test]
    fn people_are_told_once_that_it_waits_and_then_not_that_it_stands_still() {
        let waits = |waits| OperationInfo { waits, ..counts(5, Some(9)) };
        let mut track = ProgressHistory::default().after(at(0), &waits(false));
        assert!(!track.waits(&waits(false)) && track.waits(&waits(true)) && !track.waits(&waits(true)));
        for second in 1..9 {
            track = track.after(at(60 * second), &waits(true));
            assert!(!track.waits(&waits(true)) && !track.stalls(1), "{second}");
        }
        let read: ProgressHistory = serde_json::from_value(serde_json::to_value(&track).unwrap()).unwrap();
        assert_eq!(read, track, "it rides in the message");
        track.not_told(false);
        assert!(!track.waits(&waits(true)));
        track.not_told(true);
        assert!(track.waits(&waits(true)), "it could not be told");
    }

    #[test]
    fn nothing_is_estimated_that_is_not_known() {
        let steady = track(&[(0, 0), (60, 100)]);
        for facts in
            [counts(100, None), counts(100, Some(0)), counts(104, Some(100)), OperationInfo::default()]
        {
            assert_eq!(steady.eta(&facts), None, "{facts:?}");
        }
        let looks: [&[(i64, u64)]; 5] =
            [&[], &[(0, 5)], &[(0, 5), (60, 5)], &[(0, 5), (0, 9)], &[(0, 9), (60, 5)]];
        for looks in looks {
            assert_eq!(track(looks).eta(&counts(9, Some(100))), None, "{looks:?}");
        }
        let hardly = track(&[(0, 0), (60, 1)]);
        assert_eq!(hardly.eta(&counts(1, Some(1_000_000_000))), None);
        let slow = ProgressHistory::default()
            .after(at(0), &counts(0, None))
            .after(at(8_000_000_000), &counts(1, None));
        assert_eq!(slow.eta(&counts(1, Some(5_000))), None, "no sum overflows");
        let huge = OperationInfo {
            bytes: Some(Progress { done: 1, of: Some(u64::MAX) }),
            ..OperationInfo::default()
        };
        assert_eq!(ProgressHistory::default().after(at(0), &huge).eta(&huge), None);
    }

    #[test]
    fn standing_still_is_told_once() {
        let mut still = track(&[(0, 5), (60, 5), (120, 5)]);
        assert_eq!(still.unchanged(), 2);
        assert!(!still.stalls(3) && !still.stalls(0) && still.stalls(2) && !still.stalls(2));
        let mut again = still.after(at(180), &counts(5, None));
        assert!(!again.stalls(2));
        assert_eq!(still.after(at(180), &counts(6, None)).unchanged(), 0);
        assert_eq!(still.after(at(180), &counts(5, Some(5))).unchanged(), 0, "all is done");
        assert_eq!(still.after(at(180), &OperationInfo::default()).unchanged(), 2);
    }
}
