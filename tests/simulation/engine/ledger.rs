//! The promises, each with its exact bound, held against what happens.

use std::collections::BTreeMap;

use serde_json::Value;

use super::owed::Owed;
use super::plan::{Ending, Kickoff, Kind, MINUTE, Ms, Plan, SECOND};
use super::pubsub::Message;
use super::services::is_report;
use super::slack::{RUNNING, STALLED};
use super::tasks::Task;
use super::world::Form;

/// What is known of one watch.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own in the books")]
pub(crate) struct Book {
    /// When its kickoff was published.
    pub(crate) at: Ms,
    pub(crate) interval: Ms,
    pub(crate) limit: u32,
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
    /// First reports in the order in which they were asked for: of a true end or not.
    pub(crate) first_reports: Vec<bool>,
    /// First reports whose name was free again.
    freed_reports: u64,
    freed_checks: u64,
    /// Sentinels that ran.
    sentinels: u64,
    /// Deliveries of signals about its operation, and when one first found its sentinel.
    signals: u64,
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
    /// When the last try of its start is due.
    starts_until: Ms,
    /// An acknowledged delivery saw the end.
    pub(crate) saw_end: bool,
    /// An answer came without a `Date`, to an instance whose clock may be wrong by ten minutes.
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
}

impl Book {
    fn of(kickoff: &Kickoff) -> Self {
        Self { interval: Ms::from(kickoff.interval) * SECOND, limit: kickoff.limit, ..Self::default() }
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
        self.books[watch].at = now;
    }

    /// A person goes on with `origin`, in a watch of its own.
    pub(crate) fn goes_on(&mut self, kickoff: &Kickoff, origin: usize, blind: bool, now: Ms) {
        self.count("pasted lines");
        self.books.push(Book { at: now, goes_on_with: Some(origin), blind, ..Book::of(kickoff) });
        self.kinds.push(kickoff.kind);
    }

    /// A publisher forges a message.
    pub(crate) fn forged(&mut self, kickoff: &Kickoff, now: Ms) {
        self.count("forged messages");
        self.books.push(Book { at: now, ..Book::of(kickoff) });
        self.kinds.push(kickoff.kind);
    }

    /// A delivery begins; its message was due at `due`.
    pub(crate) fn delivered(&mut self, message: &Message, copy: bool, now: Ms, due: Ms) {
        self.count("deliveries");
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
        if copy || now > due + book.interval / 2 {
            book.copy_times.push(now);
        }
    }

    /// A signal about its operation is delivered, and `finds` its sentinel or not.
    pub(crate) fn signalled(&mut self, watch: usize, finds: bool) {
        self.count("signals");
        let book = &mut self.books[watch];
        book.signals += 1;
        book.found_sentinel = finds;
    }

    /// Cloud Tasks ran a task a second time.
    pub(crate) fn ran_twice(&mut self, watch: usize, form: Form, now: Ms) {
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
        let book = &mut self.books[message.watch];
        if is_report(message.form) {
            book.report_copies += 1;
        } else {
            book.lost += 1;
        }
    }

    pub(crate) fn checked(&mut self, watch: usize, now: Ms) {
        self.count("checks");
        self.books[watch].checks += 1;
        self.books[watch].looks.push(now);
        self.in_time(watch, now);
        self.within_bounds(watch);
    }

    pub(crate) fn is_last(&self, message: &Message) -> bool {
        let value: Value = serde_json::from_slice(&message.data).unwrap_or_default();
        value["attempt"].as_u64().is_some_and(|n| n + 1 >= u64::from(self.books[message.watch].limit))
    }

    /// A task was created. `anew`: its name was in use before.
    pub(crate) fn scheduled(
        &mut self,
        task: &Task,
        message: &Value,
        asker: Form,
        anew: bool,
        dated: Option<Ms>,
        begun: Option<Ms>,
    ) {
        let watch = task.watch;
        let disturbed = !self.is_untouched(watch);
        let book = &mut self.books[watch];
        match task.form {
            Form::Report => {
                let report = &message["state"]["report"];
                let is_end = matches!(report["outcome"].as_str(), Some("succeeded" | "failed" | "cancelled"));
                if is_later_try(report) || is_stall(message) {
                    return;
                }
                if !anew {
                    book.first_reports.push(is_end);
                    let cannot_tell = report["outcome"] == "cannotTell";
                    book.unknown_after_signal |= book.ended_by_signal && cannot_tell && asker == Form::Check;
                    book.ended_by_signal |= is_end && matches!(asker, Form::Signal | Form::Look);
                } else if book.copies + book.sentinels > 0 || book.signals > 0 && disturbed {
                    book.freed_reports += 1;
                } else {
                    self.broken(format!("w{watch}: a second report without a copy"));
                }
            }
            Form::Check => {
                let attempt = message["attempt"].as_u64().unwrap_or(0);
                let last = attempt + 1 >= u64::from(book.limit);
                let half = book.interval / 2;
                if let Some(begun) = begun {
                    let end = begun.max(book.at) + book.interval * u64::from(book.limit) + 2 * SECOND;
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
                if anew && dated.is_some() && !last {
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
            Form::Kickoff | Form::Test | Form::Sentinel | Form::Look | Form::Signal => {}
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
        let memory = book.interval * 5 / 2 + 60 * SECOND;
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
            self.longest_fork = self.longest_fork.max((now - since) * 1_000 / book.interval);
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
                let least = (book.interval * u64::from(book.limit - 1)) * 9 / 10;
                let error = if book.undated { 10 * MINUTE } else { 0 };
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
        let left_first =
            book.first_reports.iter().position(|end| !end) < book.first_reports.iter().position(|end| *end);
        let firsts = book.first_reports.len() as u64;
        let second_starts = (book.operations.len() as u64 + book.operations_alike).saturating_sub(1);
        let firsts_allowed =
            1 + u64::from(left_first) + book.copies + book.lost + second_starts + book.sentinels;
        let firsts_allowed = firsts_allowed + u64::from(book.unknown_after_signal);
        let allowed =
            (firsts + book.lost).max(1) + book.report_copies + book.lost_answers + book.freed_reports;
        let made = book.checks;
        let checks = u64::from(book.limit) * (1 + second_starts) + book.check_copies + book.freed_checks;
        let checks = checks + book.sentinels + 3 * book.signals;
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
            if posts == 0 && !book.not_wanted && !book.counts_as_delivered {
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
            let excused = book.not_wanted || book.rolled_back || book.counts_as_delivered;
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
