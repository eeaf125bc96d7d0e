//! A day of watches as a queue: what Cloud Tasks and Slack let through, and opwatch's own rules for the rest: its schedule of
//! checks and its pauses between tries of a report are called, not copied.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use opwatch::decision::digest::{Drain, FoundInBuffer, drain_of, drains_after, lease_of};
use opwatch::decision::{Grid, Ladder, Pace, Schedule, report_delay};
use opwatch::watch::Slot;

use crate::outcome::{Histogram, Outcome, Posts};
use crate::services::Services;

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

/// A drain is due at least so long after it was asked for: the report is published in between.
const PUBLISHING: Ms = 1_000;
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
    /// Reports to a channel in a minute above which ends go into digests; none without digests.
    pub(crate) digest_above: Option<u32>,
}

/// One instance's view of a channel, and the buffer of its reports.
#[derive(Clone, Default)]
struct Channel {
    recent: VecDeque<Ms>,
    resting: Ms,
    buffer: Vec<u32>,
    /// The drains that were asked for.
    drains: BTreeSet<(i64, u32)>,
    posts: Posts,
}

impl Channel {
    /// Whether more than `above` reports were seen in the last minute, this one included.
    fn is_flood(&mut self, above: u32, now: Ms) -> bool {
        self.recent.push_back(now);
        while self.recent.len() > above as usize + 1 {
            self.recent.pop_front();
        }
        self.recent.len() > above as usize && now - self.recent[0] < 60_000
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
    /// A drain of the channel's buffer is due, and its push: of this window and number.
    DrainDue(i64, u32),
    Drain(i64, u32),
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

/// The model under way.
struct Model<'a> {
    watches: &'a [Watch],
    world: &'a World,
    outcome: Outcome,
    services: Services,
    channels: Vec<Channel>,
    /// When the check was made that saw the end of each watch.
    seen: Vec<Ms>,
    events: BinaryHeap<Reverse<(Ms, u32, Step)>>,
}

/// Runs all watches to their end.
pub(crate) fn run(watches: &[Watch], world: &World) -> Outcome {
    let mut model = Model {
        watches,
        world,
        outcome: Outcome { told_by_hour: vec![Histogram::default(); 24], ..Outcome::default() },
        services: Services::new(world),
        channels: vec![Channel::default(); world.channels],
        seen: vec![0; watches.len()],
        events: BinaryHeap::with_capacity(2 * watches.len()),
    };
    for (index, watch) in watches.iter().enumerate() {
        model.events.push(Reverse((watch.kickoff, index as u32, Step::Check(0, watch.kickoff))));
    }
    while let Some(Reverse((now, index, step))) = model.events.pop() {
        if let Some((at, next)) = model.step(now, index, step) {
            model.events.push(Reverse((at, index, next)));
        }
    }
    model.outcome
}

impl Model<'_> {
    /// What follows from `step` of a watch, or of a channel.
    fn step(&mut self, now: Ms, index: u32, step: Step) -> Option<(Ms, Step)> {
        let which = index as usize;
        match step {
            Step::CheckDue(attempt) => {
                self.outcome.dispatched += 1;
                Some((self.services.dispatch(which, false, now) + HOP, Step::Check(attempt, now)))
            }
            Step::ReportDue(tries) => {
                self.outcome.dispatched += 1;
                Some((self.services.dispatch(which, true, now) + HOP, Step::Report(tries)))
            }
            Step::DrainDue(at, number) => {
                self.outcome.dispatched += 1;
                Some((self.services.dispatch(which, true, now) + HOP, Step::Drain(at, number)))
            }
            Step::Check(attempt, due) => Some(self.check(index, attempt, due, now)),
            Step::Report(tries) => self.report(index, tries, now),
            Step::Drain(at, number) => {
                self.drain(which, at, number, now);
                None
            }
        }
    }

    fn check(&mut self, index: u32, attempt: u32, due: Ms, now: Ms) -> (Ms, Step) {
        self.outcome.checks += 1;
        if attempt > 0 {
            self.outcome.late.add(now - due);
        }
        let watch = self.watches[index as usize];
        let schedule = schedule(watch, self.world);
        if now >= watch.kickoff + watch.lasts || schedule.is_over(attempt, time(now)) {
            self.seen[index as usize] = now;
            return (now, Step::ReportDue(0));
        }
        let pace = Pace { least_s: LEAST_S, ..Pace::default() };
        let next = schedule.next(Some(attempt), time(now), pace);
        (now.max(next.at.timestamp_millis() as Ms), Step::CheckDue(next.attempt))
    }

    fn report(&mut self, index: u32, tries: u32, now: Ms) -> Option<(Ms, Step)> {
        let place = index as usize % self.channels.len();
        let channel = &mut self.channels[place];
        if let Some(above) = self.world.digest_above
            && (channel.is_flood(above, now) || channel.resting > now)
        {
            self.buffer(place, index, now);
            return None;
        }
        let Some(wait) = self.services.post(place, now) else {
            self.outcome.posts += 1;
            self.channels[place].posts.add(false, now, &mut self.outcome.most_in_flood);
            self.tell(index, now);
            return None;
        };
        if self.world.digest_above.is_some() {
            self.channels[place].resting = now + wait.as_millis() as Ms;
            self.buffer(place, index, now);
            return None;
        }
        let Some(delay) = report_delay(tries, Some(wait)) else {
            self.outcome.lost += 1;
            return None;
        };
        Some((now + delay.as_millis() as Ms, Step::ReportDue(tries + 1)))
    }

    fn buffer(&mut self, place: usize, index: u32, now: Ms) {
        self.channels[place].buffer.push(index);
        self.ask(place, drain_of(time(now + PUBLISHING)));
    }

    fn ask(&mut self, place: usize, (slot, due): Drain) {
        if self.channels[place].drains.insert((slot.at, slot.number)) {
            let due = due.timestamp_millis() as Ms;
            self.events.push(Reverse((due, place as u32, Step::DrainDue(slot.at, slot.number))));
        }
    }

    fn drain(&mut self, place: usize, at: i64, number: u32, now: Ms) {
        let slot = Slot { of: Slot::DIGEST.to_owned(), at, number };
        let found = if self.channels[place].buffer.is_empty() {
            FoundInBuffer::Nothing
        } else if let Some(wait) = self.services.post(place, now) {
            FoundInBuffer::Reports(Some(lease_of(Some(wait), true)))
        } else {
            let reports = std::mem::take(&mut self.channels[place].buffer);
            self.outcome.posts += 1;
            self.channels[place].posts.add(reports.len() > 1, now, &mut self.outcome.most_in_flood);
            for index in reports {
                self.tell(index, now);
            }
            FoundInBuffer::Reports(None)
        };
        for drain in drains_after(&slot, found, time(now)) {
            self.ask(place, drain);
        }
    }

    fn tell(&mut self, index: u32, now: Ms) {
        let over = over(self.watches[index as usize], self.world);
        self.outcome.tell(over, self.seen[index as usize], now);
    }
}
