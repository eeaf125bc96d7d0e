//! The promises, each with its exact bound, held against what happens.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::limits::is_of_limit;
use super::owed::Owed;
use super::plan::{Access, Ending, Kickoff, Kind, MINUTE, Ms, Plan, SECOND};
use super::pubsub::Message;
use super::services::is_report;
use super::slack::{RUNNING, STALLED};
use super::steps::Steps;
use super::tasks::Task;
use super::ways::Way;
use super::world::Form;

/// What is known of one watch.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own in the books")]
pub(crate) struct Book {
    /// When its kickoff was published.
    pub(crate) at: Ms,
    /// The earliest time from which the checks of a watch that a signal began may count.
    oldest: Option<Ms>,
    /// When its checks begin to count: at its kickoff, or when its operation began.
    began: Ms,
    pub(crate) steps: Steps,
    /// What Slack showed.
    pub(crate) posts: Vec<(Ms, &'static str)>,
    /// Deliveries beyond the first of a message, and second runs of a task.
    pub(crate) copies: u64,
    report_copies: u64,
    check_copies: u64,
    /// Posted, but opwatch can't know.
    pub(crate) lost_answers: u64,
    pub(crate) lost_stalls: u64,
    /// When Slack first said neither yes nor no to its report, and whether opwatch has taken that for an answer.
    pub(crate) first_unclear: Option<Ms>,
    pub(crate) counts_as_delivered: bool,
    /// How often Slack showed that it runs, by a new message, and that it stands still.
    pub(crate) runs_told: u64,
    pub(crate) stalls_told: u64,
    /// A channel did not take its messages.
    pub(crate) channel_refused: bool,
    /// A report had a word that only a newer version knows.
    pub(crate) rolled_back: bool,
    /// It succeeded, and asked to hear of failures only.
    pub(crate) not_wanted: bool,
    /// Messages but reports that Pub/Sub gave up on.
    pub(crate) lost: u64,
    /// A look for what such a start began found no answer, or took too long. It is not looked for again.
    pub(crate) blind_look_up: bool,
    /// Pub/Sub deleted a message of it, as each of its deliveries had met a fault for as long as it is kept.
    pub(crate) deleted: bool,
    /// First reports in the order in which they were asked for: of a true end or not.
    pub(crate) first_reports: Vec<bool>,
    /// First reports whose name was free again.
    freed_reports: u64,
    freed_checks: u64,
    /// A signal's look that a copy of the one before asked for, when its name was free again.
    freed_looks: u64,
    /// Sentinels that ran.
    sentinels: u64,
    /// Deliveries of signals about its operation, and when one first found its sentinel.
    signals: u64,
    /// How often its operation was adopted again, and when it was first.
    rounds: u64,
    pub(crate) since: Option<Ms>,
    /// Version 0.1 went on with its ladder, or began its watch, by a grid of its own.
    by_old: bool,
    /// When opwatch first acknowledged one that makes its operation a watch.
    pub(crate) heard: Option<Ms>,
    /// It has acknowledged that an account started its operation whose operations are not adopted.
    pub(super) excepted: bool,
    pub(crate) first_signal: Option<Ms>,
    found_sentinel: bool,
    /// A signal's look asked for the report of its end, and then a check of the chain's for one that knows no end: it saw only
    /// trouble, and no check knows what a signal's look saw.
    ended_by_signal: bool,
    unknown_after_signal: bool,
    /// It asked for a sentinel.
    guarded: bool,
    checks: u64,
    pub(crate) looks: Vec<Ms>,
    /// Operations that it started.
    pub(crate) operations: Vec<usize>,
    /// What others began with the same request, which this one may take for its own.
    pub(crate) operations_alike: u64,
    /// The path that its first start asked for.
    pub(crate) path: Option<String>,
    /// A start of it was refused since its path was used before.
    pub(crate) path_used: bool,
    /// What is a copy to it without being on the way of a message: signals, and what version 0.1 takes for a copy.
    pub(super) loose: u64,
    /// The ways on which a report was told, with its first task; those on which its end was asked for, and on which it was told that it
    /// runs.
    pub(super) told_ways: BTreeSet<(Option<usize>, Way)>,
    pub(super) ends_by_way: BTreeMap<Way, u64>,
    pub(super) runs_by_way: BTreeMap<Way, u64>,
    /// A limit refused it.
    pub(super) limited: bool,
    /// Its next check was scheduled.
    has_chain: bool,
    /// When the last try of its start is due.
    starts_until: Ms,
    /// An acknowledged delivery saw the end.
    pub(crate) saw_end: bool,
    /// An answer came without a `Date`, to an instance whose clock may be wrong.
    pub(crate) undated: bool,
    /// The API asked to wait until then.
    pub(crate) asked_until: Ms,
    /// The watch whose line a person pasted.
    pub(crate) goes_on_with: Option<usize>,
    /// That line does not know the key of what its origin began.
    pub(crate) blind: bool,
    /// A line of its own was pasted.
    pub(crate) pasted: bool,
    /// When a copy, or a late message, was delivered.
    copy_times: Vec<Ms>,
    /// What it is owed.
    pub(crate) owed: Owed,
    /// Tasks of checks that are still to run, and since when there is more than one.
    waiting: Vec<usize>,
    forked_since: Option<Ms>,
}

pub(crate) struct Ledger {
    pub(crate) books: Vec<Book>,
    kinds: Vec<Kind>,
    /// The first promise that was broken.
    pub(crate) violation: Option<String>,
    pub(crate) figures: BTreeMap<&'static str, u64>,
    /// The longest time that a watch had two checks waiting, in thousandths of its interval.
    pub(crate) longest_fork: u64,
    /// How far a clock may be wrong.
    pub(super) most_skew: Ms,
    /// The chain's check waits on after a signal's end, for the message that follows the watch; by then the report's name may be free.
    leaves_checks: bool,
}

impl Book {
    fn of(kickoff: &Kickoff) -> Self {
        Self { steps: kickoff.steps(), ..Self::default() }
    }

    /// How old it is at most.
    pub(crate) fn age(&self, now: Ms) -> Ms {
        now.saturating_sub(self.oldest.unwrap_or(self.at))
    }

    /// Operations that it may report in addition to the first.
    pub(super) fn second_starts(&self) -> u64 {
        (self.operations.len() as u64 + self.operations_alike).saturating_sub(1)
    }

    /// Whether its end was not known first, and then was.
    pub(super) fn left_first(&self) -> bool {
        let first = |is_end: bool| self.first_reports.iter().position(|end| *end == is_end);
        first(false).is_some_and(|left| Some(left) < first(true))
    }

    /// Ends that may be reported in addition to the first without a copy: a true one after another, the sentinel's, and that of a chain which can't
    /// read what a signal's look saw.
    pub(super) fn ends_without_copies(&self) -> u64 {
        u64::from(self.left_first()) + self.sentinels + u64::from(self.unknown_after_signal)
    }

    /// The time from a check that is due then to the next, at least.
    pub(crate) fn shortest(&self, due: Ms) -> Ms {
        self.steps.shortest(due.saturating_sub(self.began))
    }
}

impl Ledger {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            books: plan.kickoffs.iter().map(Book::of).collect(),
            kinds: plan.kickoffs.iter().map(|kickoff| kickoff.kind).collect(),
            violation: None,
            figures: BTreeMap::new(),
            longest_fork: 0,
            leaves_checks: plan.access == Access::Bot,
            most_skew: if plan.has_wrong_clocks() { plan.most_skew() } else { 0 },
        }
    }

    pub(crate) fn broken(&mut self, violation: String) {
        self.violation.get_or_insert(violation);
    }

    pub(crate) fn kind(&self, watch: usize) -> Kind {
        self.kinds[watch]
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.figures.entry(what).or_default() += 1;
    }

    pub(crate) fn kicked_off(&mut self, watch: usize, now: Ms) {
        (self.books[watch].at, self.books[watch].began) = (now, now);
    }

    /// A signal begins its watch: it counts from the signal's own time, which is not before its operation, or from now.
    pub(crate) fn begins_with_signal(&mut self, watch: usize, now: Ms) {
        let book = &mut self.books[watch];
        book.oldest.get_or_insert(book.at);
        (book.at, book.began) = (now, now);
    }

    /// A person goes on with `origin`, in a watch of its own.
    pub(crate) fn goes_on(&mut self, kickoff: &Kickoff, origin: usize, blind: bool, now: Ms) {
        self.count("pasted lines");
        self.books.push(Book { at: now, began: now, goes_on_with: Some(origin), blind, ..Book::of(kickoff) });
        self.kinds.push(kickoff.kind);
    }

    /// A signal begins a watch of an operation that another watch looked at.
    pub(crate) fn adopts(&mut self, kickoff: &Kickoff, now: Ms) {
        let book = Book { at: now, began: now, heard: Some(now), guarded: true, ..Book::of(kickoff) };
        self.books.push(book);
        self.kinds.push(kickoff.kind);
    }

    /// A signal adopts its operation a second time: the names that the first time took are free again, or not.
    pub(crate) fn adopts_again(&mut self, watch: usize, now: Ms) {
        self.count("adopted again");
        self.touched(watch, now);
        let book = &mut self.books[watch];
        book.since.get_or_insert(book.at);
        (book.at, book.began) = (now, now);
        book.rounds += 1;
        book.copies += 1;
        book.loose += 1;
        book.copy_times.push(now);
    }

    /// A publisher forges a message.
    pub(crate) fn forged(&mut self, kickoff: &Kickoff, now: Ms) {
        self.count("forged messages");
        self.books.push(Book { at: now, began: now, ..Book::of(kickoff) });
        self.kinds.push(kickoff.kind);
    }

    /// A delivery begins; its message was due at `due`.
    pub(crate) fn delivered(&mut self, message: &Message, copy: bool, now: Ms, due: Ms) {
        self.count("deliveries");
        if message.form == Form::Claim {
            return;
        }
        if message.form == Form::Signal {
            let book = &mut self.books[message.watch];
            if book.found_sentinel {
                book.first_signal.get_or_insert(now);
            }
            return;
        }
        let book = &mut self.books[message.watch];
        if copy {
            book.copies += 1;
            if is_report(message.form) || message.dead {
                book.report_copies += 1;
            } else {
                book.check_copies += 1;
            }
        }
        if copy || now > due + book.shortest(due) / 2 {
            book.copy_times.push(now);
        }
    }

    /// A signal about its operation is delivered, and `finds` its sentinel or not. One of its start that begins a watch again is a
    /// copy of it.
    pub(crate) fn signalled(&mut self, watch: usize, finds: bool, starts: bool, now: Ms) {
        self.count("signals");
        let book = &mut self.books[watch];
        book.signals += 1;
        book.found_sentinel = finds && !starts;
        if starts && book.signals > 1 {
            book.copies += 1;
            book.loose += 1;
            book.copy_times.push(now);
        }
    }

    /// Cloud Tasks ran a task a second time.
    pub(crate) fn ran_twice(&mut self, watch: usize, form: Form, now: Ms) {
        if form == Form::Claim {
            return;
        }
        self.touched(watch, now);
        let book = &mut self.books[watch];
        book.copies += 1;
        book.copy_times.push(now);
        if is_report(form) {
            book.report_copies += 1;
        } else {
            book.check_copies += 1;
        }
    }

    /// Pub/Sub gave up on a message.
    pub(crate) fn lost(&mut self, message: &Message) {
        self.count("dead letters");
        if message.form == Form::Claim {
            return;
        }
        let book = &mut self.books[message.watch];
        if is_report(message.form) {
            book.report_copies += 1;
        } else {
            book.lost += 1;
        }
    }

    pub(crate) fn checked(&mut self, watch: usize, form: Form, now: Ms) {
        self.count("checks");
        self.books[watch].checks += 1;
        self.books[watch].looks.push(now);
        if !matches!(form, Form::Signal | Form::Look) {
            self.in_time(watch, now);
        }
        self.within_bounds(watch);
    }

    pub(crate) fn is_last(&self, message: &Message) -> bool {
        #[derive(Default, Deserialize)]
        struct Numbered {
            #[serde(default)]
            attempt: Option<u64>,
        }
        let Numbered { attempt } = serde_json::from_slice(&message.data).unwrap_or_default();
        attempt.is_some_and(|number| number >= self.books[message.watch].steps.last())
    }

    /// A task was created. `anew`: its name was in use before.
    #[allow(clippy::too_many_arguments, reason = "each is known where the task is created")]
    pub(crate) fn scheduled(
        &mut self,
        task: &Task,
        message: &Value,
        asker: Form,
        anew: bool,
        dated: Option<Ms>,
        begun: Option<Ms>,
        is_old: bool,
        now: Ms,
    ) {
        if task.form == Form::Claim {
            return;
        }
        let watch = task.watch;
        // Version 0.1 goes on by a grid of its own where the watch has a ladder.
        let by_old = is_old || self.books[watch].by_old;
        let dated = dated.filter(|_| !by_old || matches!(self.books[watch].steps, Steps::Fixed { .. }));
        let disturbed = !self.is_untouched(watch);
        let book = &mut self.books[watch];
        match task.form {
            Form::Report => {
                let report = &message["state"]["report"];
                let is_end = matches!(report["outcome"].as_str(), Some("succeeded" | "failed" | "cancelled"));
                if is_later_try(report) || is_stall(message) {
                    return;
                }
                // A notice that is not posted becomes the message of its limit.
                if is_of_limit(message) && asker == Form::Report {
                    return;
                }
                // The name of a limit's message is the hour's, not the watch's.
                // The first check of an adopted watch may be on its way.
                let may_wait = disturbed || self.leaves_checks || self.kinds[watch] == Kind::Adopted;
                let by_signal = book.signals > 0 && may_wait;
                if !anew || is_of_limit(message) {
                    book.first_reports.push(is_end);
                    let cannot_tell = report["outcome"] == "cannotTell";
                    // The same where a signal finds a sentinel that could not be deleted.
                    let left = match asker {
                        Form::Check => book.ended_by_signal,
                        Form::Signal | Form::Look => book.first_reports.contains(&true),
                        Form::Kickoff
                        | Form::Start
                        | Form::Sentinel
                        | Form::Report
                        | Form::Test
                        | Form::Claim => false,
                    };
                    book.unknown_after_signal |= left && cannot_tell;
                    book.ended_by_signal |= is_end && matches!(asker, Form::Signal | Form::Look);
                } else if book.copies + book.lost + book.sentinels > 0 || by_signal {
                    book.freed_reports += 1;
                } else {
                    self.broken(format!("w{watch}: a second report without a copy"));
                }
                if !anew || !by_signal {
                    self.ends_on_way(watch, task.way);
                }
            }
            Form::Check => {
                book.has_chain = true;
                let attempt = message["attempt"].as_u64().unwrap_or(0);
                let last = attempt >= book.steps.last();
                book.began = book.began.max(begun.unwrap_or(0));
                let half = dated.map_or(0, |looked| book.shortest(looked) / 2);
                if let Some(begun) = begun {
                    let end = begun.max(book.at) + book.steps.lasts() + 2 * SECOND;
                    if task.at > end && dated.is_some() {
                        self.broken(format!(
                            "w{watch}: check {attempt} is due at {}, behind the end of the grid at {end}",
                            task.at
                        ));
                        return;
                    }
                }
                if anew {
                    book.freed_checks += 1;
                }
                if anew && dated.is_some() && !last && book.rounds == 0 {
                    self.broken(format!("w{watch}: check {attempt} is asked for again"));
                }
                // Dates are whole seconds.
                if let Some(looked) = dated
                    && !last
                    && task.at + SECOND < looked + half
                {
                    self.broken(format!(
                        "w{watch}: check {attempt} is due at {}, after one at {looked}",
                        task.at
                    ));
                }
            }
            Form::Start => book.starts_until = book.starts_until.max(task.at),
            // A signal that comes again counts by itself.
            Form::Look if anew && asker == Form::Look && book.check_copies == 0 => {
                self.broken(format!("w{watch}: a signal's look asks for another again without a copy"));
            }
            Form::Look => book.freed_looks += u64::from(anew && asker == Form::Look),
            Form::Sentinel => {
                let Some(begun) = begun.filter(|_| dated.is_some()) else { return };
                let end = (begun.max(book.at) + book.steps.lasts()).max(now) + 2 * SECOND;
                if task.at > end + 2 * MINUTE {
                    self.broken(format!("w{watch}: its sentinel is due at {}, behind {end}", task.at));
                }
            }
            Form::Kickoff | Form::Test | Form::Signal | Form::Claim => {}
        }
    }

    /// A delivery is handled by the rules of version 0.1: it knows no ladder, whose watch it goes on with by other numbers, and
    /// takes a look or a sentinel for a copy of the chain's check.
    pub(crate) fn handled_by_old(&mut self, watch: usize, form: Form, now: Ms) {
        self.count("handled by version 0.1");
        self.touched(watch, now);
        let book = &mut self.books[watch];
        let climbs = matches!(book.steps, Steps::Ladder { .. }) && !is_report(form);
        book.by_old |= climbs;
        if climbs || matches!(form, Form::Look | Form::Sentinel) {
            self.count("continued by version 0.1");
            let book = &mut self.books[watch];
            book.copies += 1;
            book.loose += 1;
            book.check_copies += 1;
            book.copy_times.push(now);
        }
    }

    /// A watch asks for its sentinel.
    pub(crate) fn guarded(&mut self, watch: usize) {
        self.books[watch].guarded = true;
    }

    pub(crate) fn is_guarded(&self, watch: usize) -> bool {
        self.books[watch].guarded
    }

    /// The sentinel of a watch ran, since it was not deleted.
    pub(crate) fn sentinel_ran(&mut self, watch: usize) {
        self.count("sentinels that ran");
        self.books[watch].sentinels += 1;
        if self.is_untouched(watch) {
            self.broken(format!("w{watch}: its sentinel runs, though no fault touched the watch"));
        }
    }

    /// A limit refuses a watch, or the notice of a message that can't be used.
    pub(super) fn refused_by_limit(&mut self, watch: usize) {
        self.books[watch].limited = true;
    }

    pub(crate) fn waiting(&self, watch: usize) -> &[usize] {
        &self.books[watch].waiting
    }

    /// A check of `watch` now waits, `waiting` in all.
    pub(crate) fn forked(&mut self, watch: usize, task: usize, waiting: usize, now: Ms) {
        let book = &mut self.books[watch];
        book.waiting.push(task);
        if waiting > 1 {
            book.forked_since.get_or_insert(now);
        }
        let longest = book.steps.longest(book.age(now));
        let memory = longest * 5 / 2 + 60 * SECOND;
        // A copy's own next step may also be a start, tried again and again.
        let busy_until = book.asked_until.max(book.starts_until);
        book.copy_times.retain(|time| time + memory >= now || busy_until + memory >= now);
        let copies = book.copy_times.len();
        if waiting > 1 + copies {
            self.broken(format!("w{watch}: {waiting} checks wait after {copies} copies: a fork"));
        }
    }

    pub(crate) fn dispatched(&mut self, watch: usize, task: usize, now: Ms) {
        let book = &mut self.books[watch];
        book.waiting.retain(|other| *other != task);
        if book.waiting.len() < 2
            && let Some(since) = book.forked_since.take()
        {
            let longest = book.steps.longest(book.age(now));
            self.longest_fork = self.longest_fork.max((now - since) * 1_000 / longest);
        }
    }

    /// Slack shows how a watch ended, or a notice, in a new message.
    pub(crate) fn posted(&mut self, watch: usize, outcome: &'static str, now: Ms) {
        self.count("messages");
        if self.kinds[watch] == Kind::Bad && outcome != "rejected a message" {
            self.broken(format!("w{watch}: Slack shows {outcome:?} of a message that can't be used"));
        }
        self.books[watch].posts.push((now, outcome));
        self.within_bounds(watch);
    }

    /// Slack shows in a new message that it runs, or that it stands still.
    pub(crate) fn told_progress(&mut self, watch: usize, says: &'static str) {
        self.count("messages of progress");
        if self.kinds[watch] == Kind::Bad {
            self.broken(format!("w{watch}: Slack shows {says:?} of a message that can't be used"));
        }
        let book = &mut self.books[watch];
        *(if says == RUNNING { &mut book.runs_told } else { &mut book.stalls_told }) += 1;
        self.within_bounds(watch);
    }

    /// Slack shows `outcome`. `end` is when the operation that it is about began, and how it has ended if it has.
    pub(crate) fn hold_to_truth(
        &mut self,
        watch: usize,
        outcome: &'static str,
        end: Option<(Ms, Option<Ending>)>,
        now: Ms,
    ) {
        let book = &self.books[watch];
        let ending = end.and_then(|(_, ending)| ending);
        let wrong = match outcome {
            "succeeded" => ending != Some(Ending::Succeeded),
            "failed" => ending != Some(Ending::Failed),
            "was cancelled" => ending != Some(Ending::Cancelled),
            "nothing was started" => end.is_none_or(|(from, ending)| from >= book.at || ending.is_none()),
            "was not started" => !book.operations.is_empty() && book.copies == 0,
            "is still running" => {
                let begun = end.map_or(book.at, |(from, _)| from.min(book.at));
                let least = book.steps.lasts_at_least() * 9 / 10;
                let error = if book.undated { self.most_skew } else { 0 };
                now + error < begun + least
            }
            _ => false,
        };
        let at = book.at;
        if !self.has_cause(watch, outcome, ending, now) {
            self.broken(format!("w{watch}: Slack shows {outcome:?}, and the books know no cause"));
        }
        if wrong {
            self.broken(format!("w{watch}: Slack shows {outcome:?}, but: kickoff {at}, operation {end:?}"));
        }
    }

    /// Promises 2 and 4: messages and checks, each beyond the first with its cause.
    fn within_bounds(&mut self, watch: usize) {
        let book = &self.books[watch];
        let posts = book.posts.len() as u64;
        let left_first = book.left_first();
        let firsts = book.first_reports.len() as u64;
        let second_starts = book.second_starts();
        let firsts_allowed =
            1 + u64::from(left_first) + book.copies + book.lost + second_starts + book.sentinels;
        let firsts_allowed = firsts_allowed + u64::from(book.unknown_after_signal);
        let allowed =
            (firsts + book.lost).max(1) + book.report_copies + book.lost_answers + book.freed_reports;
        let made = book.checks;
        let checks = if book.by_old { book.steps.checks_by_old() } else { book.steps.checks() };
        let checks = checks * (1 + second_starts + book.rounds) + book.check_copies + book.freed_checks;
        let checks = checks + book.sentinels + 3 * book.signals + book.freed_looks;
        let progress = 1 + second_starts + book.copies;
        let (runs, stalls) = (book.runs_told, book.stalls_told);
        let stalls_explained = progress + book.lost_stalls;
        if runs > progress {
            self.broken(format!("w{watch}: it was told {runs} times that it runs, {progress} explained"));
        } else if stalls > stalls_explained {
            self.broken(format!(
                "w{watch}: it was told {stalls} times that it stands still, {stalls_explained} explained"
            ));
        } else if firsts > firsts_allowed {
            self.broken(format!("w{watch}: {firsts} ends told, {firsts_allowed} explained"));
        } else if posts > allowed {
            self.broken(format!("w{watch}: {posts} messages, {allowed} explained"));
        } else if made > checks {
            self.broken(format!("w{watch}: {made} checks, {checks} explained"));
        }
    }

    /// What must hold when nothing is left to happen.
    pub(crate) fn close(&mut self) {
        for watch in 0..self.books.len() {
            let book = &self.books[watch];
            let posts = book.posts.len() as u64;
            let unheard = self.kinds[watch] == Kind::Adopted && book.heard.is_none();
            // What a limit refuses may be in the log alone, unless its checks had begun. A copy may be refused, too.
            let started = !book.operations.is_empty() && book.copies == 0;
            let refused = book.limited && !book.has_chain && !started;
            let undelivered = book.counts_as_delivered || book.deleted;
            if posts == 0 && !book.not_wanted && !undelivered && !unheard && !refused {
                self.broken(format!("w{watch}: ended in silence"));
                return;
            }
            self.within_bounds(watch);
            let book = &self.books[watch];
            let second_starts = (book.operations.len() as u64).saturating_sub(1);
            let told = book
                .posts
                .iter()
                .any(|(_, outcome)| matches!(*outcome, "succeeded" | "failed" | "was cancelled"));
            let known = !matches!(self.kinds[watch], Kind::Test | Kind::Bad);
            let excused = book.not_wanted || book.rolled_back || book.counts_as_delivered || book.deleted;
            if book.saw_end && known && !told && !excused {
                self.broken(format!("w{watch}: its end was seen and not told: {:?}", book.posts));
                return;
            }
            let extra = posts.saturating_sub(1);
            *self.figures.entry("extra messages").or_default() += extra;
            *self.figures.entry("second operations").or_default() += second_starts;
        }
    }
}

/// Whether a message is the warning that an operation makes no progress, which ends nothing.
pub(crate) fn is_stall(message: &Value) -> bool {
    message["state"]["report"]["outcome"] == "stalled"
}

/// Whether a task is no next step of a watch: a warning, or the watch's sentinel.
pub(crate) fn is_aside(message: &Value) -> bool {
    is_stall(message) || message["state"]["sentinel"] == true
}

/// Whether a report was tried before, or has waited.
pub(crate) fn is_later_try(report: &Value) -> bool {
    ["tries", "waits"].into_iter().any(|count| report[count].as_u64() > Some(0))
}

/// What a message says, in English.
pub(crate) fn outcome(text: &str) -> Option<&'static str> {
    [
        RUNNING,
        STALLED,
        // It also says how the earlier operation ended.
        "nothing was started",
        "succeeded",
        "was not started",
        "was cancelled",
        "is still running",
        "outcome unknown",
        "rejected a message",
        "opwatch test passed",
        "the watch was lost",
        "failed",
    ]
    .into_iter()
    .find(|words| text.contains(words))
}
