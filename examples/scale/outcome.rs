//! What came of a day of watches, in figures.

use crate::model::Ms;

/// What came of it.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) checks: u64,
    pub(crate) dispatched: u64,
    pub(crate) posts: u64,
    pub(crate) lost: u64,
    /// Milliseconds from when a check is due to its push.
    pub(crate) late: Histogram,
    /// Milliseconds from an operation's end, or from its watch's limit, to Slack's `ok`; all, and by the hour of that end.
    pub(crate) told: Histogram,
    pub(crate) told_by_hour: Vec<Histogram>,
    /// Milliseconds from the check that saw it to Slack's `ok`.
    pub(crate) reported: Histogram,
    /// The most messages in one minute of the clock in one channel, in a flood that had lasted a minute.
    pub(crate) most_in_flood: usize,
}

impl Outcome {
    /// The end of a watch was reported at `now`, which was `over` and then `seen`.
    pub(crate) fn tell(&mut self, over: Ms, seen: Ms, now: Ms) {
        self.told.add(now.saturating_sub(over));
        self.told_by_hour[(over / 3_600_000 % 24) as usize].add(now.saturating_sub(over));
        self.reported.add(now - seen);
    }
}

/// The messages that a channel took, as far as they say whether there is a flood.
#[derive(Clone, Default)]
pub(crate) struct Posts {
    flood: Option<Ms>,
    minute: Ms,
    count: usize,
}

impl Posts {
    /// A message was taken, alone or as one of a flood.
    pub(crate) fn add(&mut self, in_flood: bool, now: Ms, most: &mut usize) {
        self.flood = if in_flood { self.flood.or(Some(now)) } else { None };
        if self.minute != now / 60_000 {
            (self.minute, self.count) = (now / 60_000, 0);
        }
        self.count += 1;
        if self.flood.is_some_and(|since| self.minute > since / 60_000 + 1) {
            *most = (*most).max(self.count);
        }
    }
}

/// Counts by powers of 2 in 64 steps each: exact within 1.1 %.
#[derive(Clone, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    all: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, value: Ms) {
        let place = ((value + 1) as f64).log2() * 64.0;
        let place = place as usize;
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.all += 1;
    }

    /// What `share` of all stay within, in seconds.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let rank = (self.all as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        place.map_or(f64::NAN, |place| (((place as f64 + 0.5) / 64.0).exp2() - 1.0) / 1e3)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all == 0
    }
}
