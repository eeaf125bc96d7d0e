//! Liveness: what a watch is owed while no fault touches it (checks, its end, edits and the stall warning, all in time), and
//! the cause that each message of trouble needs.

use serde_json::{Map, Value};

use super::ledger::Ledger;
use super::operations::{Operation, PAGE};
use super::plan::{Access, Ending, Fault, Kind, MINUTE, Ms, SECOND};
use super::world::World;

/// Calls, queues and Pub/Sub together take at most this long where no fault strikes: each some 2 s.
const HOPS: Ms = 20 * SECOND;
/// From the look that sees the end to Slack, with the report's task and push between them.
const TO_SLACK: Ms = 45 * SECOND;
/// Looks without progress until a stall warning, as the instances are set.
pub(crate) const STALL_AFTER: u32 = 10;
/// Nothing is started later than an hour after the kickoff, by a clock that may be wrong.
const START_WINDOW: Ms = 59 * MINUTE;
/// What a start may take that no fault touches: its turn after another of the same request, and a short list.
const START_TIME: Ms = 2 * MINUTE;
/// A page of a long list, and its part of the deliveries that it is read in.
const PAGE_TIME: Ms = 4 * SECOND;

/// What the books know of a watch for this.
#[derive(Default)]
pub(crate) struct Owed {
    /// Until when a fault touches it: what it delays comes then.
    touched_until: Option<Ms>,
    last_look: Option<Ms>,
    /// Looks that were refused for good.
    refused_looks: u64,
    /// A look at the end of its grid found no answer of use.
    trouble_at_limit: bool,
    /// A look saw it done in a state that nobody knows.
    unknown_state: bool,
    /// A fault struck a look-up or a start.
    pub(super) start_trouble: bool,
    /// Looks that saw it running.
    running_looks: u64,
    /// Those of them after the message that follows it was posted, where the next is not too near for an edit.
    followed_looks: u64,
    /// How often the message that follows it was edited while it ran.
    pub(crate) edits: u64,
}

/// What a look at an operation came to, as it reached opwatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Running,
    Done,
    /// Done, in a state that nobody knows.
    Unknown,
    /// Refused for good.
    Refused,
    /// No answer of use.
    Nothing,
}

impl Ledger {
    /// A fault touches a watch, until then.
    pub(crate) fn touched(&mut self, watch: usize, until: Ms) {
        let touched = &mut self.books[watch].owed.touched_until;
        *touched = (*touched).max(Some(until));
    }

    /// Whether no fault ever touched a watch.
    pub(crate) fn is_untouched(&self, watch: usize) -> bool {
        self.books[watch].owed.touched_until.is_none()
    }

    /// A fault strikes its look-up or its start.
    pub(crate) fn start_disturbed(&mut self, watch: usize) {
        self.books[watch].owed.start_trouble = true;
    }

    /// A check of the chain is made: one within one and a half intervals of the last, while no fault has touched the watch since.
    /// What signals look at does not count: the chain is as dense with them.
    pub(crate) fn in_time(&mut self, watch: usize, now: Ms) {
        let book = &mut self.books[watch];
        let Some(last) = book.owed.last_look.replace(now) else { return };
        // A clock that is ahead makes a watch older.
        let most = book.steps.longest(book.age(last) + self.most_skew) * 3 / 2 + HOPS;
        // After its report only what is left of a copy's chain comes.
        let undisturbed = book.owed.touched_until.is_none_or(|at| at < last) && book.first_reports.is_empty();
        if undisturbed && now - last > most {
            self.broken(format!("w{watch}: no check for {} ms, {most} are allowed", now - last));
        }
    }

    /// What a check saw. `last`: it is the last of its grid.
    pub(crate) fn saw(&mut self, watch: usize, seen: Seen, last: bool, skew: Ms, now: Ms) {
        let book = &mut self.books[watch];
        let lasts = book.steps.lasts();
        let end = book.since.unwrap_or(book.at) + lasts.saturating_sub(2 * book.steps.longest(lasts));
        let leaves_time = book.shortest(now) >= 30 * SECOND;
        match seen {
            Seen::Running => {
                book.owed.running_looks += 1;
                book.owed.followed_looks += u64::from(book.runs_told > 0 && leaves_time);
            }
            Seen::Done | Seen::Nothing => {}
            Seen::Unknown => book.owed.unknown_state = true,
            Seen::Refused => book.owed.refused_looks += 1,
        }
        let trouble = matches!(seen, Seen::Refused | Seen::Nothing);
        book.owed.trouble_at_limit |= trouble && (last || now + skew >= end);
    }

    /// Why a message of trouble may be true; none when the books know no cause.
    pub(crate) fn has_cause(&self, watch: usize, outcome: &str, ending: Option<Ending>, now: Ms) -> bool {
        let book = &self.books[watch];
        let owed = &book.owed;
        match outcome {
            "outcome unknown" | "was not started" if book.limited => true,
            "outcome unknown" => {
                ending == Some(Ending::Unknown)
                    || owed.unknown_state
                    || owed.refused_looks > 1
                    || owed.trouble_at_limit
                    || owed.start_trouble
                    || book.rolled_back
            }
            "was not started" => {
                owed.start_trouble
                    || book.copies > 0
                    || self.path_was_used(watch)
                    || now + if book.undated { self.most_skew } else { 0 } > book.at + START_WINDOW
            }
            "the watch was lost" => book.lost > 0,
            _ => true,
        }
    }

    /// A report is tried again, for the `tries`th time, at `at`: not before its pause is over, give or take the jitter.
    pub(crate) fn retried(&mut self, watch: usize, tries: u64, began: Ms, at: Ms) {
        let pause =
            if tries > 149 { 60 * MINUTE } else { ((10 * SECOND) << (tries - 1).min(6)).min(10 * MINUTE) };
        if at + HOPS < began + pause / 2 {
            self.broken(format!(
                "w{watch}: try {tries} of its report comes after {} ms",
                at.saturating_sub(began)
            ));
        }
    }
}

impl World {
    /// A fault touches the watch of a push.
    pub(crate) fn touch(&mut self, push: u64) {
        let (watch, now) = (self.messages[self.pushes[&push].message].watch, self.now());
        self.ledger.touched(watch, now);
    }

    /// What watches that no fault ever touched were owed, once all is over.
    pub(crate) fn close_owed(&mut self) {
        for watch in 0..self.ledger.books.len() {
            let book = &self.ledger.books[watch];
            if book.owed.touched_until.is_some() || matches!(self.ledger.kind(watch), Kind::Test | Kind::Bad)
            {
                continue;
            }
            self.ledger.count("watches that no fault touched");
            if self.ledger.books[watch].limited {
                continue;
            }
            // Another watch's rate limit holds back this one's reports and edits.
            if !self.plan.rates.contains_key(&Fault::SlackLimit) && !self.plan.around.slack_pace {
                self.end_was_told_in_time(watch);
                self.edits_were_made(watch);
            }
            self.stall_was_told(watch);
            self.start_was_made_in_time(watch);
            self.night_was_kept(watch);
        }
    }

    /// The operation that it watches or started; none when it took another's for its own.
    fn own_operation(&self, watch: usize) -> Option<&Operation> {
        let own = format!("projects/p/operations/N{watch}");
        match self.ledger.books[watch].operations.as_slice() {
            [] => self.by_name.get(&own).map(|index| &self.operations[*index]),
            [one] => Some(&self.operations[*one]),
            _ => None,
        }
    }

    /// Within an interval and a half of the operation's end, or of the end of the grid.
    fn end_was_told_in_time(&mut self, watch: usize) {
        let book = &self.ledger.books[watch];
        let Some(operation) = self.own_operation(watch).filter(|_| !book.not_wanted) else { return };
        // What nobody asked to watch is watched from the first signal on.
        let is_adopted = self.ledger.kind(watch) == Kind::Adopted;
        let Some(from) = (if is_adopted { book.heard } else { Some(operation.from.max(book.at)) }) else {
            return;
        };
        let seen_from = operation.until.max(from);
        let by_end = seen_from + book.steps.longest(book.age(seen_from)) * 3 / 2;
        // A signal that found the sentinel is followed at once.
        let signalled = book.first_signal.filter(|at| *at >= operation.until);
        let by_end = signalled.map_or(by_end, |at| by_end.min(at));
        let lasts = book.steps.lasts();
        let by_limit = from + lasts + book.steps.longest(lasts);
        let due = by_end.min(by_limit) + HOPS + TO_SLACK;
        if book.posts.first().is_none_or(|(at, _)| *at > due) {
            let (posts, until) = (&book.posts, operation.until);
            let violation = format!("w{watch}: its end at {until} was due in Slack by {due}: {posts:?}");
            self.ledger.broken(violation);
        }
    }

    /// Each look but the first edits the message that follows the watch, where there is time before the next one; one in two where
    /// it is short.
    fn edits_were_made(&mut self, watch: usize) {
        let (kickoff, book) = (&self.plan.kickoffs[watch], &self.ledger.books[watch]);
        let default = if self.plan.around.mixed { Some("of each instance") } else { self.plan.notify };
        let live = matches!(kickoff.notify.or(default), None | Some("live"));
        let owed = book.owed.followed_looks.saturating_sub(1) / 2;
        if self.plan.access == Access::Bot && live && book.owed.edits < owed {
            let violation = format!("w{watch}: {} edits, {owed} are due", book.owed.edits);
            self.ledger.broken(violation);
        }
    }

    /// A start that no fault touches is made soon, whatever befalls others at the same time, unless it found another that does the
    /// same, or its path was used before.
    fn start_was_made_in_time(&mut self, watch: usize) {
        let book = &self.ledger.books[watch];
        let pages = 2 * self.plan.around.listed / PAGE as Ms;
        let due = book.at + START_TIME + pages * PAGE_TIME;
        let refused = book.posts.iter().any(|(_, outcome)| *outcome == "was not started");
        let late = match book.operations.first() {
            Some(first) => self.operations[*first].from > due,
            None => refused && !self.ledger.path_was_used(watch),
        };
        let (started, violation) =
            (!book.operations.is_empty(), format!("w{watch}: its start was due by {due}: {:?}", book.posts));
        if late {
            self.ledger.broken(violation);
        }
        if started {
            self.ledger.count("starts that no fault touched");
        }
    }

    fn stall_was_told(&mut self, watch: usize) {
        let (kickoff, book) = (&self.plan.kickoffs[watch], &self.ledger.books[watch]);
        let wanted = kickoff.notify.or(self.plan.notify) != Some("failure");
        let looks = u64::from(STALL_AFTER) + 2;
        let stuck = self.own_operation(watch).is_some_and(|operation| operation.stuck);
        if stuck && wanted && book.owed.running_looks > looks && book.stalls_told == 0 {
            let violation = format!("w{watch}: nobody hears that it stands still");
            self.ledger.broken(violation);
        }
    }

    /// What another kickoff began with the same request, and which still ran when this one was published, is not started
    /// again.
    pub(crate) fn look_for_the_same(
        &mut self,
        watch: usize,
        resource: &str,
        request: &Map<String, Value>,
        listed: Ms,
    ) {
        let asked = self.ledger.books[watch].at;
        let same = self.operations.iter().find(|other| {
            other.asks_for(resource, request)
                && other.from < listed
                && other.visible_at <= listed
                && other.from + 10 * MINUTE >= asked + SECOND
                && other.until > asked + SECOND
        });
        if let Some(same) = same {
            let violation = format!("w{watch} starts what {} does already", same.name);
            self.ledger.broken(violation);
        }
    }
}
