//! A day of watches as a queue: what Cloud Tasks and Slack let through, and opwatch's own rules for the rest: its schedule of
//! checks and its pauses between tries of a report are called, not copied.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use opwatch::decision::{Grid, Ladder, Pace, Schedule, report_delay};

/// Milliseconds since the day began.
pub(crate) type Ms = u64;

/// From a task's dispatch to its push.
pub(crate) const HOP: Ms = 100;

/// A watch: when its kickoff comes, and how long its operation runs from then on.
#[derive(Clone, Copy)]
pub(crate) struct Watch {
    pub(crate) kickoff: Ms,
    pub(crate) lasts: Ms,
}

/// The default of `MIN_INTERVAL`, in seconds.
const LEAST_S: u32 = 1;

/// What is set and what is let through.
#[derive(Clone, Copy)]
pub(crate) struct World {
    /// A check every so many seconds, and how many at most; the default schedule without it.
    pub(crate) fixed: Option<(u32, u32)>,
    /// Queues of checks, over which watches are spread: each of a service of its own.
    pub(crate) queues: usize,
    /// Whether reports have queues of their own.
    pub(crate) report_queue: bool,
    /// Slack channels, over which watches are spread.
    pub(crate) channels: usize,
    /// Dispatches a second of a queue.
    pub(crate) dispatches: f64,
    /// Messages a second that Slack takes in a channel.
    pub(crate) messages: f64,
}

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

/// Lets through so many a second, in order; the rest waits.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    gap: f64,
    free: f64,
}

impl Gate {
    pub(crate) fn new(a_second: f64) -> Self {
        Self { gap: 1e3 / a_second, free: 0.0 }
    }

    /// When what comes at `at` is let through.
    pub(crate) fn pass(&mut self, at: Ms) -> Ms {
        let passes = self.free.max(at as f64);
        self.free = passes + self.gap;
        passes as Ms
    }

    /// How long what comes at `at` would have to wait in whole seconds, as `Retry-After` says it; none: it is taken.
    pub(crate) fn refuse(&mut self, at: Ms) -> Option<Duration> {
        if self.free <= at as f64 {
            self.free = at as f64 + self.gap;
            return None;
        }
        Some(Duration::from_secs(((self.free - at as f64) / 1e3).ceil() as u64))
    }
}

/// The services' side, which is the same for the model and for the real core.
pub(crate) struct Services {
    checks: Vec<Gate>,
    reports: Vec<Gate>,
    channels: Vec<Gate>,
}

impl Services {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            checks: vec![Gate::new(world.dispatches); world.queues],
            reports: if world.report_queue {
                vec![Gate::new(world.dispatches); world.queues]
            } else {
                Vec::new()
            },
            channels: vec![Gate::new(world.messages); world.channels],
        }
    }

    pub(crate) fn dispatch(&mut self, watch: usize, is_report: bool, due: Ms) -> Ms {
        let gates = if is_report && !self.reports.is_empty() { &mut self.reports } else { &mut self.checks };
        let count = gates.len();
        gates[watch % count].pass(due)
    }

    pub(crate) fn post(&mut self, watch: usize, now: Ms) -> Option<Duration> {
        let count = self.channels.len();
        self.channels[watch % count].refuse(now)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The push of a check, with its number and when it was due.
    Check(u32, Ms),
    /// The push of a report, with its tries so far.
    Report(u32),
    /// A task is due.
    CheckDue(u32),
    ReportDue(u32),
}

pub(crate) fn time(at: Ms) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(at as i64)
}

fn schedule(watch: Watch, world: &World) -> Schedule {
    let first = time(watch.kickoff);
    match world.fixed {
        Some((interval_s, max_checks)) => Schedule::Fixed(Grid { first, interval_s, max_checks }),
        None => Schedule::Ladder(Ladder { from: first, until_s: Ladder::DEFAULT_S }),
    }
}

/// When an operation's end, or the end of its watch, is there to be reported.
pub(crate) fn over(watch: Watch, world: &World) -> Ms {
    let limit = schedule(watch, world).last_due().timestamp_millis() as Ms;
    (watch.kickoff + watch.lasts).min(limit)
}

/// Runs all watches to their end.
pub(crate) fn run(watches: &[Watch], world: &World) -> Outcome {
    let mut outcome = Outcome { told_by_hour: vec![Histogram::default(); 24], ..Outcome::default() };
    let mut services = Services::new(world);
    let mut seen = vec![0; watches.len()];
    let mut events: BinaryHeap<Reverse<(Ms, u32, Step)>> = BinaryHeap::with_capacity(2 * watches.len());
    for (index, watch) in watches.iter().enumerate() {
        events.push(Reverse((watch.kickoff, index as u32, Step::Check(0, watch.kickoff))));
    }
    while let Some(Reverse((now, index, step))) = events.pop() {
        let watch = watches[index as usize];
        let (at, next) = match step {
            Step::CheckDue(attempt) => {
                outcome.dispatched += 1;
                (services.dispatch(index as usize, false, now) + HOP, Step::Check(attempt, now))
            }
            Step::ReportDue(tries) => {
                outcome.dispatched += 1;
                (services.dispatch(index as usize, true, now) + HOP, Step::Report(tries))
            }
            Step::Check(attempt, due) => {
                outcome.checks += 1;
                if attempt > 0 {
                    outcome.late.add(now - due);
                }
                let schedule = schedule(watch, world);
                if now >= watch.kickoff + watch.lasts || schedule.is_over(attempt, time(now)) {
                    seen[index as usize] = now;
                    (now, Step::ReportDue(0))
                } else {
                    let pace = Pace { least_s: LEAST_S, ..Pace::default() };
                    let next = schedule.next(Some(attempt), time(now), pace);
                    (now.max(next.at.timestamp_millis() as Ms), Step::CheckDue(next.attempt))
                }
            }
            Step::Report(tries) => {
                let Some(wait) = services.post(index as usize, now) else {
                    outcome.posts += 1;
                    let over = over(watch, world);
                    outcome.told.add(now.saturating_sub(over));
                    outcome.reported.add(now - seen[index as usize]);
                    outcome.told_by_hour[(over / 3_600_000 % 24) as usize].add(now.saturating_sub(over));
                    continue;
                };
                let Some(delay) = report_delay(tries, Some(wait)) else {
                    outcome.lost += 1;
                    continue;
                };
                (now + delay.as_millis() as Ms, Step::ReportDue(tries + 1))
            }
        };
        events.push(Reverse((at, index, next)));
    }
    outcome
}
